"""Ways of OpenStreetMap as arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from cpecgeo.errors import DataError

__all__ = ["Elements", "Tags", "from_answers", "pack"]

Tags = Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Elements:
    """Ways with their tags, and the nodes they run through.

    Parameters
    ----------
    way_id : ndarray of int64, shape (ways,)
    tags : tuple of mappings, one per way
        Every tag, as mapped.
    first : ndarray of int64, shape (ways + 1,)
        Way w runs through ``ref[first[w]:first[w + 1]]``.
    ref : ndarray of int64
        Positions in `node_id`.
    node_id : ndarray of int64, shape (nodes,)
    xy : ndarray, shape (nodes, 2)
        lon, lat.
    clipped : tuple of int
        Ids of ways that lack nodes, as they do at the border of an extract. Such a way is broken
        where they are missing: each part with two nodes or more is a row, with the same id.
    """

    way_id: NDArray[np.int64]
    tags: tuple[Tags, ...]
    first: NDArray[np.int64]
    ref: NDArray[np.int64]
    node_id: NDArray[np.int64]
    xy: NDArray[np.float64]
    clipped: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.way_id)

    def within(self, area: Any) -> Elements:
        """Return the whole ways that have a node in an area, or cross it."""
        shapely.prepare(area)
        inside = shapely.contains_xy(area, self.xy[:, 0], self.xy[:, 1])
        keep = np.zeros(len(self), bool)
        if len(self):
            keep = np.logical_or.reduceat(inside[self.ref], self.first[:-1])
        rest = self.select(np.flatnonzero(~keep))
        of = np.repeat(np.arange(len(rest)), np.diff(rest.first))
        if len(rest):
            keep[~keep] = shapely.intersects(
                area, shapely.linestrings(rest.xy[rest.ref], indices=of)
            )
        return self.select(np.flatnonzero(keep))

    def select(self, ways: NDArray[np.int64]) -> Elements:
        """Return some ways, by position, with the nodes they need."""
        parts = [self.ref[self.first[w] : self.first[w + 1]] for w in ways]
        ref = np.concatenate(parts) if parts else np.empty(0, np.int64)
        nodes, position = np.unique(ref, return_inverse=True)
        return Elements(
            self.way_id[ways],
            tuple(self.tags[w] for w in ways),
            np.cumsum([0, *map(len, parts)]),
            position.astype(np.int64),
            self.node_id[nodes],
            self.xy[nodes],
            tuple(sorted(set(self.clipped) & set(self.way_id[ways].tolist()))),
        )


def pack(
    ways: Mapping[int, tuple[Tags, list[int]]],
    node_id: NDArray[np.int64],
    xy: NDArray[np.float64],
) -> Elements:
    """Pack ways by id and nodes in ascending order of id; ways break where nodes are missing."""
    ids, tags, refs, clipped = [], [], [], []
    for way in sorted(ways):
        had, nodes = ways[way]
        ref = np.asarray(nodes, np.int64)
        at = np.minimum(np.searchsorted(node_id, ref), max(len(node_id) - 1, 0))
        known = node_id[at] == ref if len(node_id) else np.zeros(len(ref), bool)
        if not known.all():
            clipped.append(way)
        # A chord across missing nodes would be a road that isn't there, and shorter than the road.
        for run in np.split(np.arange(len(ref)), np.flatnonzero(np.diff(known)) + 1):
            if len(run) > 1 and known[run[0]]:
                ids.append(way)
                tags.append(had)
                refs.append(at[run])
    return Elements(
        np.asarray(ids, np.int64),
        tuple(tags),
        np.cumsum([0, *map(len, refs)]),
        np.concatenate(refs) if refs else np.empty(0, np.int64),
        node_id,
        xy,
        tuple(clipped),
    )


def from_answers(answers: Iterable[Mapping[str, Any]]) -> Elements:
    """Return the ways of Overpass answers, each once.

    Parameters
    ----------
    answers : iterable of dict
        Parsed JSON with `elements`.

    Raises
    ------
    DataError
        An answer lacks what a way or node must have.
    """
    ways: dict[int, tuple[Tags, list[int]]] = {}
    nodes: dict[int, tuple[float, float]] = {}
    try:
        for answer in answers:
            for element in answer["elements"]:
                if element["type"] == "node":
                    nodes[element["id"]] = (element["lon"], element["lat"])
                elif element["type"] == "way":
                    ways[element["id"]] = (element.get("tags", {}), element["nodes"])
    except (KeyError, TypeError) as error:
        raise DataError(f"An Overpass answer lacks {error}; ask again with refresh.") from error
    ids = np.array(sorted(nodes), np.int64)
    return pack(ways, ids, np.array([nodes[i] for i in ids.tolist()], float).reshape(-1, 2))

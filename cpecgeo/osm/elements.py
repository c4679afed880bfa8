"""Ways of OpenStreetMap as arrays, and the edges between the nodes where they meet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, Point

from cpecgeo.errors import DataError
from cpecgeo.geodesy import Chainage, length_km
from cpecgeo.osm.tags import ONEWAY_CLASSES, Tags, countries, kmh

__all__ = [
    "Elements",
    "Foot",
    "Segments",
    "clip",
    "directions",
    "from_answers",
    "pack",
    "point",
    "split",
]


@dataclass(frozen=True, eq=False)
class Elements:
    """Ways with their tags and nodes.

    Parameters
    ----------
    way_id : ndarray of int64, shape (ways,)
    tags : tuple of mappings, one per way
        All tags, as mapped.
    first : ndarray of int64, shape (ways + 1,)
        Way w runs through ``ref[first[w]:first[w + 1]]``.
    ref : ndarray of int64
        Positions in `node_id`.
    node_id : ndarray of int64, shape (nodes,)
    xy : ndarray, shape (nodes, 2)
        lon, lat.
    clipped : tuple of int
        Ids of ways with missing nodes, as at the border of an extract. Such a way is split where
        nodes are missing: each part with two nodes or more is a row, with the same id.
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

    def within(self, area: shapely.Geometry) -> Elements:
        """Return the ways, whole, that have a node in an area or cross it."""
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
        """Return some ways, by position, with their nodes."""
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
    """Pack ways and nodes, both by ascending id; split ways where nodes are missing."""
    ids, tags, refs, clipped = [], [], [], []
    for way in sorted(ways):
        own, nodes = ways[way]
        ref = np.asarray(nodes, np.int64)
        at = np.minimum(np.searchsorted(node_id, ref), max(len(node_id) - 1, 0))
        known = node_id[at] == ref if len(node_id) else np.zeros(len(ref), bool)
        if not known.all():
            clipped.append(way)
        # A chord across missing nodes would be a road that doesn't exist, and shorter than the real
        # one.
        for run in np.split(np.arange(len(ref)), np.flatnonzero(np.diff(known)) + 1):
            if len(run) > 1 and known[run[0]]:
                ids.append(way)
                tags.append(own)
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
    """Return the ways of Overpass answers, parsed JSON with `elements`, each once."""
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


_FORWARD = {"yes", "true", "1"}
_BACKWARD = {"-1", "reverse"}
_NO_LENGTH_KM = 1e-9
_ROUND = {"roundabout", "circular"}


@dataclass(frozen=True, eq=False)
class Segments:
    """Edges between the nodes where ways end or meet, with all vertices between.

    Parameters
    ----------
    node_id : ndarray of int64, shape (nodes,)
    node_xy : ndarray, shape (nodes, 2)
    tail, head : ndarray of int32, shape (edges,)
        Positions of nodes.
    way : ndarray of int64
        Position of the way that the edge is a part of.
    km, hours : ndarray
        Geodesic length, and time at the way's speed.
    forward, backward : ndarray of bool
        Whether the edge may be used from tail to head, and from head to tail.
    first : ndarray of int64, shape (edges + 1,)
        Edge e runs through ``xy[first[e]:first[e + 1]]``.
    xy : ndarray, shape (vertices, 2)
    """

    node_id: NDArray[np.int64]
    node_xy: NDArray[np.float64]
    tail: NDArray[np.int32]
    head: NDArray[np.int32]
    way: NDArray[np.int64]
    km: NDArray[np.float64]
    hours: NDArray[np.float64]
    forward: NDArray[np.bool_]
    backward: NDArray[np.bool_]
    first: NDArray[np.int64]
    xy: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.tail)

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return sum(getattr(self, f.name).nbytes for f in fields(self))

    def coords(self, edge: int) -> NDArray[np.float64]:
        """Return the vertices of an edge, tail first."""
        return self.xy[self.first[edge] : self.first[edge + 1]]

    def lines(self) -> NDArray[Any]:
        """Return all edges as LineStrings."""
        if not len(self):
            return np.empty(0, object)
        of = np.repeat(np.arange(len(self)), np.diff(self.first))
        return np.asarray(shapely.linestrings(self.xy, indices=of))


def directions(tags: Mapping[str, str], *, both: bool) -> tuple[bool, bool]:
    """Return whether a way may be used in the order of its nodes, and against it.

    `oneway` decides; without it roundabouts and motorways are one-way, by OpenStreetMap's
    convention. On foot and on rails (`both`) every way may be used in both directions.

    Examples
    --------
    >>> directions({"highway": "motorway"}, both=False)
    (True, False)
    """
    stated = tags.get("oneway", "")
    if both:
        return True, True
    if stated in _BACKWARD:
        return False, True
    if stated in _FORWARD:
        return True, False
    implied = tags.get("junction") in _ROUND or tags.get("highway") in ONEWAY_CLASSES
    return True, not (implied and stated == "")


def split(ways: Elements, *, both: bool, on_foot: bool = False) -> Segments:
    """Split ways where they end, meet or cross themselves.

    With `both` every way may be used in both directions; `on_foot` hours are at walking speed.
    """
    ref, bounds = ways.ref, ways.first
    # A node repeated in a row would be an edge without length.
    stays = np.ones(len(ref), bool)
    stays[1:] = ref[1:] != ref[:-1]
    stays[bounds[:-1]] = True
    of = np.repeat(np.arange(len(ways)), np.diff(bounds))[stays]
    ref = ref[stays]
    starts = np.flatnonzero(np.append(True, of[1:] != of[:-1])[: len(ref)])
    ends = np.append(starts[1:], len(ref))[: len(starts)] - 1
    cut = np.bincount(ref, minlength=len(ways.node_id))[ref] > 1
    cut[starts] = cut[ends] = True
    at = np.flatnonzero(cut)
    same = of[at[1:]] == of[at[:-1]]
    a, b = at[:-1][same], at[1:][same]
    size = b - a + 1
    first = np.concatenate(([0], np.cumsum(size))).astype(np.int64)
    vertex = np.repeat(a - first[:-1], size) + np.arange(first[-1])
    xy = ways.xy[ref[vertex]]
    used = np.unique(np.concatenate((ref[a], ref[b])))
    number = np.full(len(ways.node_id), -1, np.int32)
    number[used] = np.arange(len(used))
    way = of[a]
    where = countries(ways.xy[ref[starts]])
    speed = np.array(
        [kmh(t, c, on_foot=on_foot)[0] for t, c in zip(ways.tags, where, strict=False)], float
    )
    allowed = np.array([directions(t, both=both) for t in ways.tags], bool).reshape(-1, 2)
    lines = shapely.linestrings(xy, indices=np.repeat(np.arange(len(a)), size))
    km = np.asarray(length_km(list(lines)), float) if len(a) else np.empty(0)
    return Segments(
        node_id=ways.node_id[used],
        node_xy=ways.xy[used],
        tail=number[ref[a]],
        head=number[ref[b]],
        way=way.astype(np.int64),
        km=km,
        hours=km / speed[way],
        forward=allowed[way, 0],
        backward=allowed[way, 1],
        first=first,
        xy=xy,
    )


@dataclass(frozen=True)
class Foot:
    """The closest point of a network to a point: on an edge, or a node.

    Attributes
    ----------
    edge : int
        -1 where the foot is a node.
    share : float
        0 at the edge's tail, 1 at its head.
    node : int
        -1 where the foot is on an edge.
    access_km : float
        Geodesic distance from the point.
    """

    edge: int
    share: float
    node: int
    access_km: float


def clip(coords: NDArray[np.float64], a: float, b: float) -> LineString | None:
    """Return the part of an edge between two shares of its length; None where it has no length."""
    line = LineString(coords)
    if {a, b} == {0.0, 1.0}:
        return line if a < b else line.reverse()
    whole = length_km(line)
    if abs(a - b) * whole < _NO_LENGTH_KM:
        return None
    return Chainage(line).between(a * whole, b * whole)


def point(edges: Segments, foot: Foot) -> Point:
    """Return the point of a foot on an edge."""
    coords = edges.coords(foot.edge)
    if foot.share in {0.0, 1.0}:
        return Point(coords[0 if foot.share == 0 else -1])
    lead = clip(coords, 0.0, foot.share)
    return Point(coords[0] if lead is None else lead.coords[-1])

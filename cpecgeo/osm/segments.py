"""Edges of a network: ways split where they meet, as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from cpecgeo.geodesy import length_km
from cpecgeo.osm.elements import Elements
from cpecgeo.osm.speeds import ONEWAY_CLASSES, countries, kmh

__all__ = ["Segments", "directions", "split"]

_FORWARD = {"yes", "true", "1"}
_BACKWARD = {"-1", "reverse"}
_ROUND = {"roundabout", "circular"}


@dataclass(frozen=True, eq=False)
class Segments:
    """Edges between the nodes where ways end or meet; nothing else is dropped.

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
    """Tell whether a way may be used along its nodes, and against them.

    `oneway` decides; without it roundabouts and motorways are one-way, as OpenStreetMap means
    them to be. On foot and on rails (`both`) every way goes both ways.

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

    Parameters
    ----------
    ways : Elements
    both : bool
        Whether every way may be used in both directions.
    on_foot : bool
        Walking pace for the hours.
    """
    ref, bounds = ways.ref, ways.first
    # A way that names a node twice running has an edge of no length there.
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

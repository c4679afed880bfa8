"""Put the boundary of a buffer at its exact distance, on the ellipsoid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cpecgeo.geodesy._ellipsoid import GEOD, Floats, Ints
from cpecgeo.geodesy.nearest import Index

__all__ = ["Outline", "settle"]

_ROUNDS = 40
_SHARE = 0.8  # of the tolerance, used up here; the rest is for the edges' own curvature


@dataclass(frozen=True)
class Outline:
    """Closed rings one after the other, the last vertex of each not repeated.

    Parameters
    ----------
    xy : ndarray, shape (n, 2)
        lon, lat.
    ring : ndarray of int, shape (n,)
        Which ring each vertex is on; ascending.
    fixed : ndarray of bool, shape (n,)
        Vertices of straight caps and of the line itself, which stay where they are.
    """

    xy: Floats
    ring: Ints
    fixed: NDArray[np.bool_]


def settle(outline: Outline, index: Index, metres: float, rtol: float) -> Outline:
    """Move every vertex to `metres` from what is in `index`, and split edges that stray.

    Parameters
    ----------
    outline : Outline
    index : Index
        The lines, rings and points that the buffer is around.
    metres : float
    rtol : float
        Greatest relative error at vertices and at the middles of edges.

    Returns
    -------
    Outline
    """
    tolerance = _SHARE * rtol * metres
    xy = outline.xy.copy()
    free = ~outline.fixed
    xy[free] = _moved(xy[free], index, metres, tolerance)
    ring, fixed = outline.ring, outline.fixed
    check = np.ones(len(xy), bool)  # edges, by their first vertex, not yet found good
    for _ in range(_ROUNDS):
        after = _next(ring)
        rows = np.flatnonzero(check & ~(fixed & fixed[after]))
        if len(rows) == 0:
            break
        middle = _middles(xy[rows], xy[after[rows]])
        stray = np.abs(index.find(middle).metres[:, 0] - metres) > tolerance
        # An edge with one fixed end is that of a cap, and strays by nature.
        stray &= ~(fixed[rows] | fixed[after[rows]])
        check[:] = False
        split = rows[stray]
        if len(split) == 0:
            break
        new = _moved(middle[stray], index, metres, tolerance)
        check[split] = True
        xy = np.insert(xy, split + 1, new, axis=0)
        ring = np.insert(ring, split + 1, ring[split])
        fixed = np.insert(fixed, split + 1, False)
        check = np.insert(check, split + 1, True)
    return Outline(xy, ring, fixed)


def _next(ring: Ints) -> Ints:
    """The vertex after each, around its ring."""
    after = np.arange(1, len(ring) + 1)
    ends = np.append(ring[1:] != ring[:-1], True)
    starts = np.concatenate(([0], np.flatnonzero(ends)[:-1] + 1))
    after[ends] = starts
    return after


def _middles(a: Floats, b: Floats) -> Floats:
    """Geodesic midpoints."""
    azimuth, _, metres = (np.asarray(v) for v in GEOD.inv(*a.T, *b.T))
    return np.column_stack(GEOD.fwd(*a.T, azimuth, metres / 2)[:2])


def _moved(xy: Floats, index: Index, metres: float, tolerance: float) -> Floats:
    """Places at exactly `metres`, reached along the geodesic from the closest point.

    After a move something else may be closer, where two arcs meet in a corner; moving away
    from each in turn ends in the corner.
    """
    xy = xy.copy()
    rows = np.arange(len(xy))
    for _ in range(_ROUNDS):
        found = index.find(xy[rows])
        off = np.abs(found.metres[:, 0] - metres) > 0.25 * tolerance
        rows = rows[off]
        if len(rows) == 0:
            break
        foot = found.lon[off, 0], found.lat[off, 0]
        azimuth = GEOD.inv(*foot, *xy[rows].T)[0]
        ones = np.full(len(rows), metres)
        xy[rows] = np.column_stack(GEOD.fwd(*foot, azimuth, ones)[:2])
    return xy

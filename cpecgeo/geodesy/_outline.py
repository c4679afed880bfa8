"""Put the boundary of a buffer at its exact distance, on the ellipsoid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cpecgeo.geodesy._compile import spread
from cpecgeo.geodesy._ellipsoid import Floats, Ints, ecef
from cpecgeo.geodesy._found import geodetic
from cpecgeo.geodesy._tree import FAN
from cpecgeo.geodesy.nearest import Index

__all__ = ["Outline", "settle"]

_SHARE = 0.9  # of the tolerance, used up here; the rest is for rounding and other middles
_OUT = 0.5  # of that, by which vertices lie farther out than the radius
_SLACK = 0.05  # of that, by which vertices may miss it
_FALSE = 0.03  # share of the radius that no vertex of the guess is off by
_ROOM = 4  # vertices made room for, per edge, at first


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

    Edges hold as geodesics and as straight lines in lon, lat, as GeoJSON reads them.

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
    within = _SHARE * rtol * metres
    # Edges sag towards what they surround, so their ends lie a little farther out.
    aim, slack = metres + _OUT * within, _SLACK * within
    spots = _moved(outline, index, aim, slack)
    spots = _unfolded(spots, index, aim, slack)
    if len(spots.place) == 0:
        return spots.outline
    return _refined(spots, index, metres, aim, within, slack)


@dataclass(frozen=True)
class _Spots:
    """An outline whose vertices are at their distance, also earth-centred.

    Parameters
    ----------
    outline : Outline
    place, foot : ndarray, shape (n, 3)
        Where each vertex is, and the closest place to it.
    piece : ndarray of int, shape (n,)
        What that is on.
    """

    outline: Outline
    place: Floats
    foot: Floats
    piece: Ints

    def rows(self, keep: NDArray[np.bool_]) -> _Spots:
        """Some of them."""
        o = self.outline
        outline = Outline(o.xy[keep], o.ring[keep], o.fixed[keep])
        return _Spots(outline, self.place[keep], self.foot[keep], self.piece[keep])


def _tree(index: Index) -> tuple[Any, ...]:
    """An index, as kernels take it."""
    tree = index.tree
    p = tree.pieces
    return (
        p.a, p.d, p.n, p.per_d2, p.target, tree.start_m, tree.tubes, tree.child, tree.leaves, FAN,
    )  # fmt: skip


def _moved(outline: Outline, index: Index, aim: float, slack: float) -> _Spots:
    """Every vertex but the fixed ones at `aim`."""
    from cpecgeo.geodesy._edges import move

    place = ecef(*outline.xy.T)
    before = place.copy()
    foot, piece = np.empty_like(place), np.empty(len(place), np.int64)
    fixed, tree = outline.fixed, _tree(index)
    lost = np.empty(len(place), bool)
    spread(lambda i, j: move(place, fixed, i, j, aim, slack, *tree, piece, foot, lost), len(place))
    shift = np.linalg.norm(place - before, axis=1)
    xy = np.where(fixed[:, None], outline.xy, np.column_stack(geodetic(place)))
    spots = _Spots(Outline(xy, outline.ring, fixed), place, foot, piece)
    lost |= _false_rings(outline, shift, index, aim)
    return spots.rows(~lost) if lost.any() else spots


def _false_rings(outline: Outline, shift: Floats, index: Index, aim: float) -> NDArray[np.bool_]:
    """Vertices on rings that are well within the radius everywhere.

    GEOS gives a buffer of a closed line a hole now and then where there is none.
    """
    free = np.flatnonzero(~outline.fixed)
    least = np.full(int(outline.ring[-1]) + 1, np.inf)
    np.minimum.at(least, outline.ring[free], shift[free])
    doubtful = np.flatnonzero(np.isfinite(least) & (least > _FALSE * aim))
    rows = np.flatnonzero(np.isin(outline.ring, doubtful))
    most = np.zeros(len(least))
    np.maximum.at(most, outline.ring[rows], index.find(outline.xy[rows]).metres[:, 0])
    false = doubtful[most[doubtful] < (1.0 - _FALSE) * aim]
    return np.isin(outline.ring, false)


def _unfolded(spots: _Spots, index: Index, aim: float, slack: float) -> _Spots:
    """With one vertex in the corner in place of those at edges that run backwards.

    The way from a boundary to what it surrounds is on one hand all along a ring. Where two
    arcs meet in a corner, vertices of the guess may have been moved past it and each other,
    and the edges between them have it on the other hand.
    """
    from cpecgeo.geodesy._edges import hands, meet

    if len(spots.place) == 0:
        return spots
    o, ring, fixed = spots.outline, spots.outline.ring, spots.outline.fixed
    count, after, tree = len(ring), _next(ring), _tree(index)
    turn = np.empty(count)
    spread(lambda i, j: hands(spots.place, after, spots.foot, i, j, aim, *tree, turn), count)
    hand = np.sign(np.bincount(ring, weights=turn))
    # The edges of caps lead towards what is inside, and have no hand.
    backward = (turn * hand[ring] < 0.0) & ~fixed & ~fixed[after]
    follows = np.zeros(count, bool)
    follows[after[backward]] = True
    one, end = np.flatnonzero(backward & ~follows), np.where(backward, after, np.arange(count))
    while (end[end] != end).any():
        end = end[end]
    two = end[one]
    lost = np.zeros(count, bool)
    meet(
        spots.place, one, two, 0, len(one), aim, slack, *tree, spots.piece, spots.foot, lost
    )  # fmt: skip
    xy = o.xy.copy()
    xy[one] = np.column_stack(geodetic(spots.place[one]))
    keep = ~follows & ~lost
    keep &= np.bincount(ring, keep)[ring] > 2
    return _Spots(Outline(xy, ring, fixed), spots.place, spots.foot, spots.piece).rows(keep)


def _refined(
    spots: _Spots, index: Index, metres: float, aim: float, within: float, slack: float
) -> Outline:
    """With every edge cut until its middle holds."""
    from cpecgeo.geodesy._edges import refine

    xy, ring, fixed = spots.outline.xy, spots.outline.ring, spots.outline.fixed
    after, tree = _next(ring), _tree(index)
    cuts: dict[int, tuple[Floats, Ints]] = {}

    def work(first: int, last: int) -> None:
        room, count = _ROOM * (last - first), -1
        while count < 0:
            new, edge = np.empty((room, 2)), np.empty(room, np.int64)
            count = refine(
                spots.place, xy, spots.piece, after, fixed, first, last,
                metres, aim, within, slack, *tree, new, edge,
            )  # fmt: skip
            room *= 4
        cuts[first] = new[:count], edge[:count]

    spread(work, len(xy))
    new, edge = (np.concatenate([cuts[i][j] for i in sorted(cuts)]) for j in (0, 1))
    at = edge + 1
    return Outline(
        np.insert(xy, at, new, axis=0), np.insert(ring, at, ring[edge]), np.insert(fixed, at, False)
    )


def _next(ring: Ints) -> Ints:
    """The vertex after each, around its ring."""
    after = np.arange(1, len(ring) + 1)
    ends = np.append(ring[1:] != ring[:-1], True)
    starts = np.concatenate(([0], np.flatnonzero(ends)[:-1] + 1))
    after[ends] = starts
    return after

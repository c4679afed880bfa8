"""Put the boundary of a buffer at its exact distance, on the ellipsoid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cpecgeo.geodesy._ellipsoid import GEOD, Floats, Ints, ecef
from cpecgeo.geodesy._found import geodetic
from cpecgeo.geodesy._tree import lift
from cpecgeo.geodesy.nearest import Index

__all__ = ["Outline", "settle"]

_ROUNDS = 40
_LEAST_DEG = 1e-7
_LONG_M = 20_000.0  # longer edges get their midpoint from Karney
_SHARE = 0.8  # of the tolerance, used up here; the rest is for the edges' own curvature
_OUT = 0.4  # of that, by which vertices lie farther out than the radius
_MOST_PARTS = 8  # that an edge is cut into at a time


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
    tolerance = _SHARE * rtol * metres
    # Edges sag towards what they surround, so their ends lie a little farther out.
    aim = metres + _OUT * tolerance
    xy, ring, fixed = outline.xy.copy(), outline.ring, outline.fixed
    xy[~fixed] = _moved(xy[~fixed], index, aim, tolerance)
    xy, ring, fixed = _without(_folded(xy, ring, fixed, index), xy, ring, fixed)
    check = np.ones(len(xy), bool)  # edges, by their first vertex, not yet found good
    for _ in range(_ROUNDS):
        after = _next(ring)
        # An edge with a fixed end is that of a cap or of the line itself.
        rows = np.flatnonzero(check & ~fixed & ~fixed[after])
        middle = _middles(xy[rows], xy[after[rows]])
        found = index.find(middle)
        off = found.metres[:, 0] - metres
        bow = _bow(xy[rows], xy[after[rows]], middle)
        stray = np.abs(off) + bow > tolerance
        split = rows[stray]
        if len(split) == 0:
            break
        sag = np.maximum(aim - found.metres[stray, 0], 0.0)
        room = (1.0 + _OUT) * tolerance
        parts = np.ceil(np.sqrt((sag + bow[stray]) / room)).clip(2, _MOST_PARTS).astype(np.int64)
        foot = ecef(found.lon[stray, 0], found.lat[stray, 0])
        cuts = _between(xy[split], xy[after[split]], middle[stray], foot, sag, parts)
        kink = np.flatnonzero((sag == 0.0) & (parts == 2))
        if len(kink):
            ends = [index.find(xy[v[split[kink]]]) for v in (np.arange(len(xy)), after)]
            here = ecef(*middle[stray][kink].T)
            stretch = found.metres[stray, 0][kink] / np.linalg.norm(here - foot[kink], axis=1)
            one, two = (ecef(end.lon[:, 0], end.lat[:, 0]) for end in ends)
            now = stretch * np.linalg.norm(here - one, axis=1)
            corner = _cornered(here, one, two, now, aim, here)
            cuts[(np.cumsum(parts - 1) - 1)[kink]] = np.column_stack(geodetic(corner))
        new = _moved(cuts, index, aim, tolerance)
        owner = np.repeat(split, parts - 1)
        check[:] = False
        check[split] = True
        xy = np.insert(xy, owner + 1, new, axis=0)
        ring = np.insert(ring, owner + 1, ring[owner])
        fixed = np.insert(fixed, owner + 1, False)
        check = np.insert(check, owner + 1, True)
    return Outline(xy, ring, fixed)


def _between(
    a: Floats, b: Floats, middle: Floats, foot: Floats, sag: Floats, parts: Ints
) -> Floats:
    """Where edges are cut into parts, on the arcs that they are the chords of.

    An edge sags by the square of its length; its cuts are moved outwards by as much, away from
    the closest place to its middle, so that they need no second move.
    """
    edge = np.repeat(np.arange(len(a)), parts - 1)
    number = np.arange(len(edge)) - np.repeat(np.cumsum(parts - 1) - (parts - 1), parts - 1) + 1
    f = (number / parts[edge])[:, None]
    start = ecef(*a.T)
    chord = ecef(*b.T) - start
    out = ecef(*middle.T) - foot
    size = np.maximum(np.linalg.norm(out, axis=1), 1e-3)
    rise = lift(start, chord) + out * (4.0 * sag / size)[:, None]
    place = start[edge] + f * chord[edge] + f * (1.0 - f) * rise[edge]
    cut = np.column_stack(geodetic(place))
    # Halves of long edges are where Karney has them.
    half = (parts[edge] == 2) & (sag[edge] == 0.0)
    cut[half] = middle[edge[half]]
    return cut


def _folded(xy: Floats, ring: Ints, fixed: NDArray[np.bool_], index: Index) -> NDArray[np.bool_]:
    """Vertices at edges that run backwards.

    The way from a boundary to what it surrounds is on one hand all along a ring. Where two
    arcs meet in a corner, vertices of the guess may have been moved past it and each other,
    and the edges between them have it on the other hand.
    """
    after = _next(ring)
    middle = _middles(xy, xy[after])
    found = index.find(middle)
    stretch = np.cos(np.radians(middle[:, 1]))

    def ground(v: Floats) -> Floats:
        lon = (v[:, 0] + 180.0) % 360.0 - 180.0
        return np.column_stack((lon * stretch, v[:, 1]))

    ahead = ground(xy[after] - xy)
    inward = ground(np.column_stack((found.lon[:, 0], found.lat[:, 0])) - middle)
    turn = ahead[:, 0] * inward[:, 1] - ahead[:, 1] * inward[:, 0]
    hand = np.sign(np.bincount(ring, weights=turn))
    # The edges of caps lead towards what is inside, and have no hand.
    backward = (turn * hand[ring] < 0.0) & ~fixed & ~fixed[after]
    folded = backward.copy()
    folded[after[backward]] = True
    return folded


def _without(
    drop: NDArray[np.bool_], xy: Floats, ring: Ints, fixed: NDArray[np.bool_]
) -> tuple[Floats, Ints, NDArray[np.bool_]]:
    keep = ~drop | fixed
    return xy[keep], ring[keep], fixed[keep]


def _next(ring: Ints) -> Ints:
    """The vertex after each, around its ring."""
    after = np.arange(1, len(ring) + 1)
    ends = np.append(ring[1:] != ring[:-1], True)
    starts = np.concatenate(([0], np.flatnonzero(ends)[:-1] + 1))
    after[ends] = starts
    return after


def _middles(a: Floats, b: Floats) -> Floats:
    """Geodesic midpoints."""
    start = ecef(*a.T)
    chord = ecef(*b.T) - start
    middle = np.column_stack(geodetic(start + 0.5 * chord + 0.25 * lift(start, chord)))
    long = np.flatnonzero(np.einsum("ij,ij->i", chord, chord) > _LONG_M**2)
    if len(long):
        azimuth, _, metres = (np.asarray(v) for v in GEOD.inv(*a[long].T, *b[long].T))
        middle[long] = np.column_stack(GEOD.fwd(a[long, 0], a[long, 1], azimuth, metres / 2)[:2])
    return middle


def _bow(a: Floats, b: Floats, middle: Floats) -> Floats:
    """Metres from geodesic midpoints to those of the same edges drawn straight in lon, lat."""
    step = (b[:, 0] - a[:, 0] + 180.0) % 360.0 - 180.0
    straight = ecef(a[:, 0] + 0.5 * step, 0.5 * (a[:, 1] + b[:, 1]))
    bow = np.linalg.norm(straight - ecef(middle[:, 0], middle[:, 1]), axis=1)
    # Through a pole no edge is straight in lon, lat, however short.
    return np.where(np.abs(a[:, 1] - b[:, 1]) + np.abs(step) < _LEAST_DEG, 0.0, bow)


def _moved(xy: Floats, index: Index, metres: float, tolerance: float) -> Floats:
    """Places at `metres`, reached along the way from the closest point.

    The chord from the closest point is stretched in proportion, which is right to the first
    order, and repeated. After a move something else may be closer, where two arcs meet in a
    corner; moving away from each in turn leads to the corner, but slowly where they meet at a
    small angle, so that now and then the corner is aimed at.
    """
    xy = xy.copy()
    rows = np.arange(len(xy))
    before = np.zeros((len(xy), 3))
    for turn in range(_ROUNDS):
        found = index.find(xy[rows])
        now = found.metres[:, 0]
        off = (np.abs(now - metres) > 0.25 * tolerance) & (now > 0.0)
        rows, now = rows[off], now[off]
        if len(rows) == 0:
            break
        foot = ecef(found.lon[off, 0], found.lat[off, 0])
        here = ecef(*xy[rows].T)
        place = foot + (here - foot) * (metres / now)[:, None]
        if turn % 3 == 2:
            place = _cornered(here, foot, before[rows], now, metres, place)
        before[rows] = foot
        xy[rows] = np.column_stack(geodetic(place))
    return xy


def _cornered(
    here: Floats, foot: Floats, other: Floats, now: Floats, metres: float, place: Floats
) -> Floats:
    """Places at `metres` from two feet at once, by one step of Newton's; else `place`."""
    up = here / np.linalg.norm(here, axis=1)[:, None]

    def level(v: Floats) -> tuple[Floats, Floats]:
        size = np.linalg.norm(v, axis=1)
        flat = v - np.einsum("ij,ij->i", v, up)[:, None] * up
        return flat / np.maximum(np.linalg.norm(flat, axis=1), 1e-9)[:, None], size

    (p, near), (q, far) = level(here - foot), level(here - other)
    e, f = metres - now, metres - far * now / np.maximum(near, 1e-9)
    dot = np.einsum("ij,ij->i", p, q)
    det = np.maximum(1.0 - dot * dot, 1e-9)
    step = ((e - dot * f) / det)[:, None] * p + ((f - dot * e) / det)[:, None] * q
    # Feet that are one corner's own, or a step out of all proportion, make no corner.
    sound = (det > 1e-6) & (np.linalg.norm(step, axis=1) < 0.1 * metres)
    return np.where(sound[:, None], here + step, place)

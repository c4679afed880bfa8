"""Nearest targets of points more than a quarter of the earth's circumference away from all.

At such distances chords hardly differ, so they can't decide which target is nearer. Two facts help.
What is far from a point is near its antipode. And the distance to the points of a geodesic is
concave along it, so its nearest point is one of its ends. Only vertices are therefore measured;
near antipodes by Karney's method.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cpecgeo.geodesy._arcs import arcs_m, pairs
from cpecgeo.geodesy._compile import choose, spread
from cpecgeo.geodesy._ellipsoid import DEGREE_M, GEOD, Box, Floats, Ints, ecef, geodetic
from cpecgeo.geodesy._tree import NO_RECORD, PIECE_M, Pieces, Tree

__all__ = ["ANTIPODAL_M", "BEYOND_M", "Ball", "Ends", "pairs_km", "search_beyond"]

# Beyond this the compiled distance may fail, and Karney's method is used.
ANTIPODAL_M = 19_000_000.0
# Somewhat more than a quarter of the circumference. What is nearer to a point's antipode than the
# chord is at least that far from the point.
BEYOND_M, _BEYOND_CHORD_M = 10_100_000.0, 8_900_000.0
# Half a meridian, and the excess of half the equator over it.
_HALF_WAY_M, _WIDER_M = 20_003_931.4, 33_600.0
# No normal curvature of WGS 84 is more than 1 / 6,335.4 km, or less than 1 / 6,399.6 km.
_SHARPEST_M, _GENTLEST_M = 6_335_000.0, 6_400_000.0
_BESIDE = 32  # points measured together
_PAIRS = 200_000  # per thread


@dataclass(frozen=True)
class Ends:
    """Vertices of all targets, sorted by target and in order along each.

    Parameters
    ----------
    piece : ndarray of int
        The piece that the vertex is an end of.
    t : ndarray
        0 where the vertex is the start of the piece, 1 where it is the end.
    target : ndarray of int
        Ascending.
    place : ndarray, shape (ends, 3)
        Earth-centred.
    """

    piece: Ints
    t: Floats
    target: Ints
    place: Floats

    @classmethod
    def of(cls, tree: Tree) -> Ends:
        """Take the start of every piece, and the end of the last piece of each path."""
        p = tree.pieces
        last = np.flatnonzero((p.after < 0) & (p.per_d2 > 0.0))
        piece = np.concatenate((np.arange(len(p.a)), last))
        t = np.repeat((0.0, 1.0), (len(p.a), len(last)))
        order = np.lexsort((t, tree.start_m[piece], p.target[piece]))
        piece, t = piece[order], t[order]
        return cls(piece, t, p.target[piece], p.a[piece] + t[:, None] * p.d[piece])


@dataclass(frozen=True)
class Ball:
    """A ball that contains all targets.

    Parameters
    ----------
    centre : ndarray, shape (3,)
        Earth-centred.
    radius : float
    """

    centre: Floats
    radius: float

    @classmethod
    def of(cls, tree: Tree) -> Ball:
        """Build the ball around the pieces of a tree."""
        a = tree.pieces.a
        centre = a.mean(axis=0) if len(a) else np.zeros(3)
        most = np.linalg.norm(a - centre, axis=1).max(initial=0.0)
        return cls(centre, float(most) + PIECE_M)

    def is_beyond(self, xyz: Floats, box: Box) -> NDArray[np.bool_]:
        """Return which points are `BEYOND_M` or more away from the whole ball.

        `box` contains the points. It usually excludes that any of them is.
        """
        most = _BEYOND_CHORD_M - self.radius
        west, south, east, north = box
        middle = ecef(np.array((west + east) / 2), np.array((south + north) / 2))[0]
        half = 0.5 * DEGREE_M * (east - west + north - south)
        if most <= 0.0 or np.linalg.norm(middle + self.centre) > most + half:
            return np.zeros(len(xyz), bool)
        off = xyz + self.centre  # from their antipodes
        return np.asarray(np.einsum("ij,ij->i", off, off) < most * most)


def search_beyond(
    xy: Floats, xyz: Floats, tree: Tree, ends: Ends, limit: float, records: Floats
) -> Floats:
    """Find the nearest targets of points on the opposite side of the earth.

    The distance from a point to a vertex is half a meridian less the vertex's distance from the
    point's antipode, plus at most `_WIDER_M`. These bounds, taken once for a group of neighbouring
    points, select the vertices that are then measured.

    Parameters
    ----------
    xy, xyz : ndarray, shape (points, 2) and (points, 3)
        lon, lat, and earth-centred; ordered so that neighbours follow one another.
    tree, ends
    limit : float
        Only targets nearer than this many metres are returned.
    records : ndarray, shape (points, k, 8)
        As the kernels write them; targets already found within `ANTIPODAL_M` stay.

    Returns
    -------
    ndarray
        `records`, changed in place.
    """
    k = records.shape[1]
    waiting = [(np.arange(len(xy)), np.arange(len(ends.target)))]
    while waiting:
        rows, among = waiting.pop()
        middle = rows[len(rows) // 2 : len(rows) // 2 + 1]
        differ = 2.0 * _longest_arcs(np.linalg.norm(xyz[rows] - xyz[middle], axis=1)).max()
        off = np.linalg.norm(ends.place[among] + xyz[middle], axis=1)
        least = _HALF_WAY_M - _longest_arcs(off)
        most = _HALF_WAY_M + _WIDER_M - 2.0 * _GENTLEST_M * np.arcsin(off / (2.0 * _GENTLEST_M))
        among = among[_may_be_near(least, most, ends.target[among], k, differ)]
        exact = 1e3 * pairs_km(xyz[middle], ends.place[among])[0]
        among = among[_may_be_near(exact, exact, ends.target[among], k, differ)]
        if len(rows) > _BESIDE:
            waiting += [(part, among) for part in np.array_split(rows, 4)]
        else:
            _enter_ends(xy, xyz, rows, among, tree, ends, limit, records)
    return records


def _longest_arcs(chord: Floats) -> Floats:
    """Return upper bounds of the geodesic lengths of chords."""
    return np.asarray(2.0 * _SHARPEST_M * np.arcsin(np.minimum(chord / (2.0 * _SHARPEST_M), 1.0)))


def _may_be_near(least: Floats, most: Floats, target: Ints, k: int, differ: float) -> Any:
    """Return which vertices may be the nearest vertex of one of the k nearest targets of a group.

    `least` and `most` bound each vertex's distance from one point of the group; distances from the
    others differ by up to half of `differ`. `target` ascends.
    """
    begins = np.diff(target, prepend=-1) != 0
    near = np.minimum.reduceat(most, np.flatnonzero(begins))
    last = min(k, len(near)) - 1
    near = np.minimum(near, np.partition(near, last)[last])
    return least <= near[np.cumsum(begins) - 1] + differ


def _enter_ends(
    xy: Floats, xyz: Floats, rows: Ints, among: Ints, tree: Tree, ends: Ends,
    limit: float, records: Floats,
) -> None:  # fmt: skip
    """Enter the nearest of some vertices into the answers of points."""
    p, k = tree.pieces, records.shape[1]
    piece, t, target = ends.piece[among], ends.t[among], ends.target[among]
    place = ends.place[among]
    lon, lat = geodetic(place)
    ahead = _headings(p, piece, t, lon, lat)
    metres = 1e3 * pairs_km(xyz[rows], place)
    known = records[rows, :, 1] < ANTIPODAL_M
    for j in range(k):
        have = np.where(known[:, j], p.target[records[rows, j, 0].astype(int)], -1)
        metres[target == have[:, None]] = np.inf
    for j in range(k):
        new = np.flatnonzero(~known[:, j])
        at, best = rows[new], metres[new].argmin(axis=1)
        s = metres[new, best]
        along = t[best] * arcs_m(p.a[piece[best]], p.d[piece[best]])
        out = np.asarray(GEOD.inv(lon[best], lat[best], xy[at, 0], xy[at, 1])[0])
        side = np.where((out - ahead[best]) % 360.0 < 180.0, -1.0, 1.0)
        records[at, j, :7] = np.column_stack((piece[best], s, along, side, place[best]))
        records[at[~(s < limit)], j] = NO_RECORD
        metres[new] = np.where(target == target[best][:, None], np.inf, metres[new])


def pairs_km(a: Floats, b: Floats) -> Floats:
    """Return geodesic kilometres from each of some points to each of others.

    Parameters
    ----------
    a, b : ndarray, shape (n, 3) and (m, 3)
        Earth-centred.

    Returns
    -------
    ndarray, shape (n, m)
        Near antipodes by Karney's method.
    """
    km, failed = np.empty((len(a), len(b))), np.zeros(len(a), bool)
    run, others = choose(pairs, km.size), np.ascontiguousarray(b.T)

    def work(first: int, last: int) -> None:
        run(a, others, first, last, km, failed)

    spread(work, len(a), least=max(1, _PAIRS // max(len(b), 1)))
    for row in np.flatnonzero(failed):
        bad = np.flatnonzero(np.isnan(km[row]))
        one, two = geodetic(np.repeat(a[row : row + 1], len(bad), axis=0)), geodetic(b[bad])
        km[row, bad] = np.asarray(GEOD.inv(*one, *two)[2]) * 1e-3
    return km


def _headings(p: Pieces, piece: Ints, t: Floats, lon: Floats, lat: Floats) -> Floats:
    """Return the azimuth of the line at ends of pieces; where two pieces meet, the mean of both."""
    ahead = p.d[piece] * np.sqrt(p.per_d2[piece])[:, None]
    before = np.where(t == 0.0, p.before[piece], -1)
    joint = before >= 0
    ahead[joint] += p.d[before[joint]] * np.sqrt(p.per_d2[before[joint]])[:, None]
    lam, phi = np.radians(lon), np.radians(lat)
    east = ahead[:, 1] * np.cos(lam) - ahead[:, 0] * np.sin(lam)
    outward = ahead[:, 0] * np.cos(lam) + ahead[:, 1] * np.sin(lam)
    north = ahead[:, 2] * np.cos(phi) - outward * np.sin(phi)
    return np.degrees(np.arctan2(east, north))

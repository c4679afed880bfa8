"""Geodesic distance between geometries of any kind, row by row and as a matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from cpecgeo.errors import InputError
from cpecgeo.geodesy._antipodes import ANTIPODAL_M, pairs_km
from cpecgeo.geodesy._compile import choose, spread
from cpecgeo.geodesy._ellipsoid import ATTRS, GEOD, PER_A2, PER_B2, Floats, Ints, ecef, geodetic
from cpecgeo.geodesy._paths import Paths, lone_points
from cpecgeo.geodesy._sweep import order_along_curve
from cpecgeo.geodesy._tree import take_apart
from cpecgeo.geodesy.inputs import PointsLike, check
from cpecgeo.geodesy.nearest import Index

__all__ = ["distance_km", "distance_matrix_km"]

_TOUCH_M = 5e-4  # closer than this counts as meeting
_MANY = 50  # for fewer points a line or polygon isn't indexed
_PAIRS = 2_000_000  # measured at a time
_FAN = 4  # nodes per node, or pieces per leaf
_LEAST, _FEW = 256, 64  # pairs, and geometries, per slice
# Sectors around a geometry, and the pairs per geometry from which it pays off to find facing
# segments. Levels: the least distance of the other geometry, in radii, and the greatest depth of a
# segment.
_SECTORS, _REPAID = 32, 25
_LEVELS = ((1.2, 100.0), (3.0, 300.0), (8.0, 1_500.0))


def distance_km(a: PointsLike, b: PointsLike) -> Any:
    """Return the geodesic distance of pairs of geometries.

    Parameters
    ----------
    a, b : geometry, GeoSeries or GeoDataFrame
        Points, lines and polygons. Two series are paired by position and must have the same length;
        a single geometry is paired with each geometry of the other side.

    Returns
    -------
    float or Series
        Kilometres, on the index of `a` (of `b` where `a` is one geometry). 0 where they
        meet or one holds the other, NaN where either is missing.

    Raises
    ------
    InputError
        Two series of different length.

    Notes
    -----
    Between points by Karney's method. Lines and polygons are exact to 0.1 mm; two that
    come within half a millimetre of each other count as meeting. Two geodesics that don't
    cross come closest at an end of one of them, because the earth curves outwards
    everywhere, so the vertices of each are measured to the other.

    References
    ----------
    C. F. F. Karney, Algorithms for geodesics, J. Geodesy 87, 43–55 (2013).

    Examples
    --------
    >>> from shapely.geometry import LineString, Point
    >>> round(distance_km(Point(67.1, 25.5), LineString([(67, 25), (67, 26)])), 6)
    10.053771
    >>> distance_km(LineString([(67, 25), (68, 26)]), LineString([(67, 26), (68, 25)]))
    0.0
    """
    one, two = (check(v, what=w, missing="keep") for v, w in ((a, "a"), (b, "b")))
    if not one.single and not two.single and len(one) != len(two):
        raise InputError(
            f"a has {len(one)} geometries and b has {len(two)}; they are paired by position "
            "and must be as many. For all against all use distance_matrix_km."
        )
    index = two.index if one.single and not two.single else one.index
    p, q = np.broadcast_arrays(one.geoms, two.geoms)
    km = _rows(p, q) * 1e-3
    if one.single and two.single:
        return float(km[0])
    answer = pd.Series(km, index=index, name="distance_km")
    answer.attrs = {"method": "geodesic distance", **ATTRS}
    return answer


def distance_matrix_km(a: PointsLike, b: PointsLike) -> pd.DataFrame:
    """Return the geodesic distance of each geometry of `a` to each of `b`.

    Parameters
    ----------
    a, b : geometry, GeoSeries or GeoDataFrame

    Returns
    -------
    DataFrame
        Kilometres; rows on the index of `a`, columns on the index of `b`; NaN where either
        is missing.

    Notes
    -----
    Points to points: error ≤ 0.1 µm to 2,500 km and ≤ 2 µm beyond; near antipodes by Karney's
    method. Lines and polygons as in `distance_km`.

    Examples
    --------
    >>> import geopandas as gpd
    >>> p = gpd.GeoSeries.from_xy([67, 68], [25, 25], crs=4326)
    >>> distance_matrix_km(p, p).round(3).to_numpy().tolist()
    [[0.0, 100.95], [100.95, 0.0]]
    """
    one, two = (check(v, what=w, missing="keep") for v, w in ((a, "a"), (b, "b")))
    p, q = one.geoms, two.geoms
    spot_p, spot_q = one.kind == 0, two.kind == 0
    if spot_p.all() and spot_q.all() and len(p) and len(q):
        km = _point_pairs(p, q)
    else:
        km = np.full((len(p), len(q)), np.nan)
        if spot_p.any() and spot_q.any():
            km[np.ix_(spot_p, spot_q)] = _point_pairs(p[spot_p], q[spot_q])
        wide_p, wide_q = (np.flatnonzero(v.kind > 0) for v in (one, two))
        for i in wide_p if spot_q.any() else ():
            km[i, spot_q] = _from_points(q[spot_q], p[i]) * 1e-3
        for j in wide_q if spot_p.any() else ():
            km[spot_p, j] = _from_points(p[spot_p], q[j]) * 1e-3
        km[np.ix_(wide_p, wide_q)] = _all_pairs(p[wide_p], q[wide_q]) * 1e-3
    frame = pd.DataFrame(km, index=one.index, columns=two.index, copy=False)
    frame.attrs = {"method": "geodesic distance", **ATTRS}
    return frame


def _rows(p: NDArray[Any], q: NDArray[Any]) -> Floats:
    """Return metres between geometries in the same rows."""
    metres = np.full(len(p), np.nan)
    there = ~(shapely.is_missing(p) | shapely.is_missing(q))
    spots = there & (shapely.get_type_id(p) == 0) & (shapely.get_type_id(q) == 0)
    if spots.any():
        u, v = shapely.get_coordinates(p[spots]), shapely.get_coordinates(q[spots])
        metres[spots] = GEOD.inv(u[:, 0], u[:, 1], v[:, 0], v[:, 1])[2]
    # Points that share a line or polygon are looked up in its index; all others are taken in pairs.
    rest = there & ~spots
    for points, others in ((p, q), (q, p)):
        single = np.flatnonzero(rest & (shapely.get_type_id(points) == 0))
        keys = np.array([id(g) for g in others[single]], np.int64)
        order = np.argsort(keys, kind="stable")
        for group in np.split(order, np.flatnonzero(np.diff(keys[order])) + 1):
            if len(group) >= _MANY:
                rows = single[group]
                metres[rows] = _from_points(points[rows], others[rows[0]])
                rest[rows] = False
    rows = np.flatnonzero(rest)
    if len(rows):
        forest = _Forest.of(np.concatenate((p[rows], q[rows])), len(rows))
        number = np.arange(len(rows))
        metres[rows] = forest.metres(number, number + len(rows))
    return metres


def _all_pairs(p: NDArray[Any], q: NDArray[Any]) -> Floats:
    """Return metres from each line, polygon or multipoint of `p` to each of `q`, as a matrix."""
    metres = np.empty((len(p), len(q)))
    if metres.size == 0:
        return metres
    forest = _Forest.of(np.concatenate((p, q)), metres.size)
    count = max(1, _PAIRS // len(q))
    for begin in range(0, len(p), count):
        some = metres[begin : begin + count]
        one = np.repeat(np.arange(begin, begin + len(some)), len(q))
        two = np.tile(np.arange(len(p), len(p) + len(q)), len(some))
        some[:] = forest.metres(one, two).reshape(some.shape)
    return metres


def _point_pairs(p: NDArray[Any], q: NDArray[Any]) -> Floats:
    """Return kilometres from points to points."""
    return pairs_km(*(ecef(*shapely.get_coordinates(v).T) for v in (p, q)))


def _from_points(points: NDArray[Any], other: shapely.Geometry) -> Floats:
    """Return metres from points to one line, polygon or multipoint."""
    return _index(other).find(shapely.get_coordinates(points)).metres[:, 0]


def _index(geometry: shapely.Geometry) -> Index:
    return Index.of_checked(np.array([geometry], dtype=object))


@dataclass(frozen=True)
class _Forest:
    """Geometries as trees of balls over their pieces, for distances between them.

    Parameters
    ----------
    geoms : ndarray of geometries
    pieces : tuple of ndarray
        Start, chord, lift and 1 / `|chord|²` of each. An open path ends in a piece without length,
        so that each vertex is the start of a piece.
    around : ndarray, shape (pieces, 5)
        Centre and radius of a ball around each piece, and the height of the arc over its chord.
    ball : ndarray, shape (nodes, 4)
    first, last : ndarray of int, shape (nodes,)
        The children of each node, first to last. Leaves come first and hold pieces.
    leaves : int
    root : ndarray of int, shape (geometries,)
    inside : ndarray of int
        A geometry's number times the count of geometries, plus the number of a polygon that
        contains one of its parts.
    listed : tuple of ndarray
        The segments of each that face distant geometries, see `_find_facing`.
    """

    geoms: NDArray[Any]
    pieces: tuple[Floats, ...]
    around: Floats
    ball: Floats
    first: Ints
    last: Ints
    leaves: int
    root: Ints
    inside: Ints
    listed: tuple[Any, ...]

    @classmethod
    def of(cls, geoms: NDArray[Any], pairs: int) -> _Forest:
        """Prepare geometries, none of them missing, for so many pairs."""
        taken, flat = take_apart(geoms)
        ends = np.flatnonzero((taken.after < 0) & (taken.per_d2 > 0.0))
        a = np.concatenate((taken.a, taken.a[ends] + taken.d[ends]))
        none = np.zeros((len(ends), 3))
        d, n = np.concatenate((taken.d, none)), np.concatenate((taken.n, none))
        per_d2 = np.concatenate((taken.per_d2, none[:, 0]))
        target = np.concatenate((taken.target, taken.target[ends]))
        # Paths stay whole, and near paths of a geometry follow one another.
        begins = taken.before < 0
        begins |= np.diff(taken.target, prepend=-1) != 0
        begins |= np.diff(taken.path, prepend=-1) != 0
        path = np.cumsum(begins) - 1
        path = np.concatenate((path, path[ends]))
        number = np.concatenate((np.arange(len(taken.a)), ends + 0.5))
        lon, lat = geodetic(taken.a[begins])
        box = float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max())
        rank = np.argsort(order_along_curve(lon, lat, box))
        order = np.lexsort((number, path, rank[path], target))
        pieces = tuple(np.ascontiguousarray(v[order]) for v in (a, d, n, per_d2))
        bow = 0.25 * np.linalg.norm(pieces[2], axis=1) + 1e-6
        size = 0.5 * np.linalg.norm(pieces[1], axis=1) + bow
        around = np.column_stack((pieces[0] + 0.5 * pieces[1], size, bow))
        balls = _balls(around, target[order], len(geoms))
        listed = _find_facing(pieces, around, balls[1], balls[-1], pairs)
        return cls(geoms, pieces, around, *balls[:-1], _find_held(geoms, flat), listed)

    def metres(self, one: Ints, two: Ints) -> Floats:
        """Return the metres between geometries, by their numbers; 0 where they meet."""
        from cpecgeo.geodesy._separation import apart

        out = np.full(len(one), np.inf)
        count = len(self.geoms)
        if len(self.inside):
            out[np.isin(one * count + two, self.inside)] = 0.0
            out[np.isin(two * count + one, self.inside)] = 0.0
        run = choose(apart, len(one) * (40 + 2 * int(np.sqrt(len(self.around) / count))))

        def work(start: int, stop: int) -> None:
            run(
                one, two, start, stop, *self.pieces, self.around,
                self.ball, self.first, self.last, self.leaves, self.root,
                *self.listed, _TOUCH_M, out,
            )  # fmt: skip

        spread(work, len(one), least=_LEAST)
        wide = ~np.isin(shapely.get_type_id(self.geoms), (0, 4))
        out[(out <= _TOUCH_M) & wide[one] & wide[two]] = 0.0
        for row in np.flatnonzero(~(out < ANTIPODAL_M)):
            p, q = self.geoms[one[row]], self.geoms[two[row]]
            out[row] = min(
                _index(g).find(shapely.get_coordinates(h)).metres.min() for g, h in ((p, q), (q, p))
            )
        return out


def _find_held(geoms: NDArray[Any], flat: Paths) -> Ints:
    """Find which geometries have a part inside which polygons; see `_Forest`."""
    if not flat.ring.any():
        return np.empty(0, np.int64)
    from cpecgeo.geodesy._areas import Areas

    # A part that meets no boundary is inside or outside as a whole, so one vertex decides.
    firsts = flat.begin[:-1][~flat.hole]
    spots, owner = lone_points(geoms)
    xy = np.concatenate((flat.xy[firsts], spots))
    whose = np.concatenate((flat.owner[~flat.hole], owner))
    rows, polygon = Areas.of(len(geoms), flat).pairs(xy)
    return np.unique(whose[rows] * len(geoms) + polygon)


def _balls(around: Floats, target: Ints, count: int) -> tuple[Floats, Ints, Ints, int, Ints, Ints]:
    """Build trees of balls over pieces that are sorted by geometry; see `_Forest`."""
    ball, first, last, root = [], [], [], np.full(count, -1)
    inner, leaves, base, leaf = around[:, :4], 0, 0, np.zeros(count + 1, np.int64)
    number = np.arange(len(around))
    while len(target):
        begin = np.searchsorted(target, target)
        heads = np.flatnonzero((np.arange(len(target)) - begin) % _FAN == 0)
        ends = np.append(heads[1:], len(target))
        low = np.minimum.reduceat(inner[:, :3] - inner[:, 3:], heads)
        high = np.maximum.reduceat(inner[:, :3] + inner[:, 3:], heads)
        middle = 0.5 * (low + high)
        group = np.repeat(np.arange(len(heads)), ends - heads)
        off = np.linalg.norm(inner[:, :3] - middle[group], axis=1) + inner[:, 3]
        inner = np.column_stack((middle, np.maximum.reduceat(off, heads)))
        ball.append(inner)
        first.append(number[heads])
        last.append(number[ends - 1] + 1)
        target, number = target[heads], base + np.arange(len(heads))
        if not leaves:
            leaves, leaf = len(heads), np.searchsorted(target, np.arange(count + 1))
        base += len(heads)
        alone = np.bincount(target, minlength=count)[target] == 1
        root[target[alone]] = number[alone]
        inner, target, number = inner[~alone], target[~alone], number[~alone]
    return np.concatenate(ball), np.concatenate(first), np.concatenate(last), leaves, root, leaf


def _find_facing(
    pieces: tuple[Floats, ...], around: Floats, first: Ints, leaf: Ints, pairs: int
) -> tuple[Any, ...]:
    """Find the segments of geometries that face each sector, where there are enough pairs.

    Parameters
    ----------
    pieces, around, first, leaf
        Trees of balls, see `_Forest`.
    pairs : int
        How many pairs of geometries will be measured.

    Returns
    -------
    tuple of ndarray
        The first leaf of each geometry; its centre, radius, directions up, east and north, and the
        range and greatest height of its vertices; the levels, none where pairs are too few; the
        sectors from one to another, as bits; the sectors that each segment and each leaf faces,
        by level.
    """
    from cpecgeo.geodesy._separation import stand_out

    count, begin = len(leaf) - 1, np.append(first[leaf[:-1]], len(around))
    worth = pairs >= _REPAID * count
    levels = np.array(_LEVELS if worth else []).reshape(-1, 2)
    bits = np.int64(1) << np.arange(_SECTORS)
    spans = np.zeros((_SECTORS, _SECTORS), np.int64)
    frame, seen = np.zeros((count, 15)), np.zeros((len(levels), len(around)), np.int64)
    if worth:
        place, size = around[:, :3], around[:, 3:4]
        low = np.minimum.reduceat(place - size, begin[:-1])
        middle = 0.5 * (low + np.maximum.reduceat(place + size, begin[:-1]))
        off = np.linalg.norm(place - np.repeat(middle, np.diff(begin), axis=0), axis=1)
        radius = np.maximum.reduceat(off + around[:, 3], begin[:-1])
        up = middle * (PER_A2, PER_A2, PER_B2)
        up /= np.linalg.norm(up, axis=1)[:, None]
        east = np.column_stack((-up[:, 1], up[:, 0], np.zeros(count)))
        east[np.hypot(*up[:, :2].T) < 1e-9] = (0.0, 1.0, 0.0)
        east /= np.linalg.norm(east, axis=1)[:, None]
        frame[:, :13] = np.column_stack((middle, radius, up, east, np.cross(up, east)))
        one, two, k = np.ogrid[:_SECTORS, :_SECTORS, :_SECTORS]
        between = (k - one) % _SECTORS <= (two - one) % _SECTORS
        spans = np.where(between, bits, 0).sum(axis=2)
        corner = np.arange(_SECTORS + 1) * 4.0 / _SECTORS
        north = 1.0 - np.abs(corner - 2.0)
        angle = np.unwrap(np.arctan2(north, (1.0 - np.abs(north)) * np.sign(2.0 - corner)))
        edges = (angle[:-1] - 1e-6, angle[1:] + 1e-6)
        rays = np.column_stack([f(v) for v in edges for f in (np.cos, np.sin)])
        run, most = choose(stand_out, 100 * len(around)), int(np.diff(begin).max())

        def work(start: int, stop: int) -> None:
            run(
                start, stop, most, pieces[0], pieces[1], around, begin, rays, levels, bits,
                frame, seen,
            )  # fmt: skip

        spread(work, count, least=_FEW)
    leaf_seen = np.bitwise_or.reduceat(seen, first[: leaf[-1]], axis=1)
    return leaf, frame, levels, spans, seen, leaf_seen

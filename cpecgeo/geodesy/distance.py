"""Geodesic distance between geometries of any kind, row by row and as a matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from cpecgeo.errors import InputError
from cpecgeo.geodesy._antipodes import ANTIPODAL_M
from cpecgeo.geodesy._arcs import pairs
from cpecgeo.geodesy._compile import choose, spread
from cpecgeo.geodesy._ellipsoid import ATTRS, GEOD, Floats, Ints, ecef
from cpecgeo.geodesy._facing import find_facing
from cpecgeo.geodesy._paths import Paths, lone_points
from cpecgeo.geodesy._tree import take_apart
from cpecgeo.geodesy.inputs import PointsLike, check
from cpecgeo.geodesy.nearest import Index

__all__ = ["distance_km", "distance_matrix_km"]

_TOUCH_M = 5e-4  # closer than this counts as meeting
_MANY = 50  # for fewer points a line or polygon isn't indexed
_PAIRS = 2_000_000  # measured at a time
_FAN = 4  # nodes per node, or pieces per leaf
_LEAST = 256  # pairs per slice


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
    u, v = shapely.get_coordinates(p), shapely.get_coordinates(q)
    a = ecef(u[:, 0], u[:, 1])
    b = np.ascontiguousarray(ecef(v[:, 0], v[:, 1]).T)
    km = np.empty((len(u), len(v)))
    failed = np.zeros(len(u), np.bool_)
    run = choose(pairs, km.size)

    def work(first: int, last: int) -> None:
        run(a, b, first, last, km, failed)

    spread(work, len(u), least=max(1, 200_000 // len(v)))
    for row in np.flatnonzero(failed):
        bad = np.flatnonzero(np.isnan(km[row]))
        lon, lat = (np.full(len(bad), c) for c in u[row])
        km[row, bad] = np.asarray(GEOD.inv(lon, lat, v[bad, 0], v[bad, 1])[2]) * 1e-3
    return km


def _from_points(points: NDArray[Any], other: shapely.Geometry) -> Floats:
    """Return metres from points to one line, polygon or multipoint."""
    return _index(other).find(shapely.get_coordinates(points)).metres[:, 0]


def _index(geometry: shapely.Geometry) -> Index:
    one = np.empty(1, dtype=object)
    one[0] = geometry
    return Index.of_checked(one)


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
        The segments of each that face distant geometries, see `find_facing`.
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
        order = np.lexsort((number, path, _morton(taken.a[begins])[path], target))
        pieces = tuple(np.ascontiguousarray(v[order]) for v in (a, d, n, per_d2))
        bow = 0.25 * np.linalg.norm(pieces[2], axis=1) + 1e-6
        size = 0.5 * np.linalg.norm(pieces[1], axis=1) + bow
        around = np.column_stack((pieces[0] + 0.5 * pieces[1], size, bow))
        balls = _balls(around, target[order], len(geoms))
        listed = find_facing(pieces, around, balls[1], balls[-1], pairs)
        return cls(geoms, pieces, around, *balls[:-1], _find_held(geoms, flat), listed)

    def metres(self, one: Ints, two: Ints) -> Floats:
        """Return the metres between geometries, by their numbers; 0 where they meet."""
        from cpecgeo.geodesy._crossing import apart

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
    firsts = np.flatnonzero(np.diff(flat.path, prepend=-1))[~flat.hole]
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


def _morton(xyz: Floats) -> NDArray[np.uint64]:
    """Return Morton keys, which keep near points together; `xyz` of shape (n, 3)."""
    low, high = xyz.min(axis=0), xyz.max(axis=0)
    scale = (2**20 - 1) / max(float((high - low).max()), 1e-9)
    cell = ((xyz - low) * scale).astype(np.uint64)
    key = np.zeros(len(xyz), np.uint64)
    for axis in range(3):
        v = cell[:, axis]
        for shift, mask in (
            (32, 0x1F00000000FFFF),
            (16, 0x1F0000FF0000FF),
            (8, 0x100F00F00F00F00F),
            (4, 0x10C30C30C30C30C3),
            (2, 0x1249249249249249),
        ):
            v = (v | (v << np.uint64(shift))) & np.uint64(mask)
        key |= v << np.uint64(axis)
    return key

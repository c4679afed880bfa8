"""Geodesic distance between geometries of any kind, row by row and as a matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from cpecgeo.errors import InputError
from cpecgeo.geodesy._arcs import pairs
from cpecgeo.geodesy._compile import choose, spread
from cpecgeo.geodesy._ellipsoid import ATTRS, GEOD, Floats, ecef
from cpecgeo.geodesy._paths import paths
from cpecgeo.geodesy.inputs import PointsLike, check
from cpecgeo.geodesy.nearest import Index

__all__ = ["distance_km", "distance_matrix_km"]

_TOUCH_M = 5e-4  # closer than this is meeting
_KEPT = 10_000


def distance_km(a: PointsLike, b: PointsLike) -> Any:
    """Return the geodesic distance, pair by pair.

    Parameters
    ----------
    a, b : geometry, GeoSeries or GeoDataFrame
        Points, lines and polygons. Two series are paired by position and must be of one
        length; one geometry is paired with each of the other side.

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
        there, seen = np.flatnonzero(~shapely.is_missing(p)), _Indexes()
        for j in np.flatnonzero(~shapely.is_missing(q) & ~spot_q):
            km[there, j] = _to_one(p[there], q[j], seen) * 1e-3
        # Points on the right: all of them at once to what isn't a point on the left.
        if spot_q.any():
            for i in there[~spot_p[there]]:
                km[i, spot_q] = _to_one(q[spot_q], p[i], seen) * 1e-3
    frame = pd.DataFrame(km, index=one.index, columns=two.index, copy=False)
    frame.attrs = {"method": "geodesic distance", **ATTRS}
    return frame


def _rows(p: NDArray[Any], q: NDArray[Any]) -> Floats:
    """Metres between geometries in the same rows."""
    metres = np.full(len(p), np.nan)
    there = ~(shapely.is_missing(p) | shapely.is_missing(q))
    spots = there & (shapely.get_type_id(p) == 0) & (shapely.get_type_id(q) == 0)
    if spots.any():
        u, v = shapely.get_coordinates(p[spots]), shapely.get_coordinates(q[spots])
        metres[spots] = GEOD.inv(u[:, 0], u[:, 1], v[:, 0], v[:, 1])[2]
    rest = np.flatnonzero(there & ~spots)
    if len(rest) == 0:
        return metres
    # Rows that share a geometry share its index; the side with fewer of them leads.
    keys = [np.array([id(g) for g in side[rest]], np.int64) for side in (p, q)]
    if len(np.unique(keys[0])) < len(np.unique(keys[1])):
        p, q, keys = q, p, keys[::-1]
    seen = _Indexes()
    order = np.argsort(keys[1], kind="stable")
    for group in np.split(order, np.flatnonzero(np.diff(keys[1][order])) + 1):
        rows = rest[group]
        metres[rows] = _to_one(p[rows], q[rows[0]], seen)
    return metres


def _point_pairs(p: NDArray[Any], q: NDArray[Any]) -> Floats:
    """Kilometres from points to points."""
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


class _Indexes(dict[int, Index]):
    """The index of each geometry, prepared when first needed and kept for one call."""

    def of(self, geometry: Any) -> Index:
        key = id(geometry)
        if key not in self:
            if len(self) == _KEPT:
                self.clear()
            one = np.empty(1, dtype=object)
            one[0] = geometry
            self[key] = Index.of_checked(one)
        return self[key]


def _to_one(geoms: NDArray[Any], target: Any, seen: _Indexes) -> Floats:
    """Metres from each geometry to one; not from points to a point."""
    if shapely.get_type_id(target) == 0:
        spot = shapely.get_coordinates(target)
        return np.array([seen.of(g).find(spot).metres[0, 0] for g in geoms])
    index = seen.of(target)
    xy, owner = shapely.get_coordinates(geoms, return_index=True)
    metres = np.full(len(geoms), np.inf)
    np.minimum.at(metres, owner, index.find(xy).metres[:, 0])
    corners = shapely.get_coordinates(target)
    extended = np.flatnonzero(~np.isin(shapely.get_type_id(geoms), (0, 4)))
    for row in extended[metres[extended] > _TOUCH_M]:
        metres[row] = min(metres[row], seen.of(geoms[row]).find(corners).metres.min())
    # Where an edge meets the target, one of its ends is within half of its length.
    for row in extended[metres[extended] <= _longest_m(geoms)[extended] / 2]:
        if metres[row] > _TOUCH_M and _meets(seen.of(geoms[row]), index):
            metres[row] = 0.0
    metres[extended[metres[extended] <= _TOUCH_M]] = 0.0
    return metres


def _longest_m(geoms: NDArray[Any]) -> Floats:
    """No less than the longest edge of each line or polygon, in metres."""
    flat = paths(geoms)
    a, b = flat.xy[flat.edges], flat.xy[flat.edges + 1]
    dlon = np.abs(a[:, 0] - b[:, 0])
    bound = 111_700.0 * (np.minimum(dlon, 360.0 - dlon) + np.abs(a[:, 1] - b[:, 1]))
    longest = np.zeros(len(geoms))
    np.maximum.at(longest, flat.edge_owner, bound)
    return longest


def _meets(one: Index, other: Index) -> bool:
    """Whether edges of two indexed geometries cross, away from vertices."""
    from cpecgeo.geodesy._crossing import cross

    tree, p, q = other.tree, one.tree.pieces, other.tree.pieces
    run = choose(cross, len(p.a) * other.tree.steps)
    return bool(
        run(
            p.a, p.d, p.n, p.per_d2, q.a, q.d, q.n, q.per_d2,
            tree.tubes, tree.child, tree.leaves, _TOUCH_M,
        )
    )  # fmt: skip

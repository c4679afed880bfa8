"""Slow, independent references for distances on the ellipsoid, and assertions for tests.

Nothing here shares a formula with the fast code. Every distance is Karney's, through pyproj, and
feet are found by bisection on the angle between the edge and the geodesic to the point.
"""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import Geod

from cpecgeo.errors import InputError

__all__ = [
    "assert_geodesic_equal",
    "reference_distance_km",
    "reference_inside",
    "reference_nearest",
]

_Floats = NDArray[np.float64]
_STEPS = 60  # halvings: from 2,000 km to below a rounding error
_BATCH = 2_000_000  # pairs of points and edges per batch


def assert_geodesic_equal(
    actual: shapely.Geometry | gpd.GeoSeries,
    expected: shapely.Geometry | gpd.GeoSeries,
    *,
    tol_km: float = 1e-6,
) -> None:
    """Assert that two geometries are the same up to `tol_km` at every vertex.

    Parameters
    ----------
    actual, expected : shapely geometry or GeoSeries
        lon, lat on WGS 84. They must agree in type, parts and number of vertices.
    tol_km : float
        Greatest geodesic distance between corresponding vertices; a millimetre by default.

    Raises
    ------
    AssertionError
        They differ; the message says where and by how much.

    Examples
    --------
    >>> from shapely.geometry import Point
    >>> assert_geodesic_equal(Point(67, 25), Point(67, 25.000000001))
    >>> assert_geodesic_equal(Point(67, 25), Point(67, 25.1))
    Traceback (most recent call last):
    AssertionError: vertex 0 is 11.0773... km off (tolerance 1e-06 km): ...
    """
    a, b = (np.atleast_1d(np.asarray(g, dtype=object)) for g in (actual, expected))
    if len(a) != len(b):
        raise AssertionError(f"{len(a)} geometries, {len(b)} expected")
    kinds = [shapely.get_type_id(g).tolist() for g in (a, b)]
    if kinds[0] != kinds[1]:
        raise AssertionError(f"types {kinds[0]}, {kinds[1]} expected")
    counts = [
        np.unique(shapely.get_coordinates(shapely.get_parts(g), return_index=True)[1],
                  return_counts=True)[1].tolist()
        for g in (a, b)
    ]  # fmt: skip
    if counts[0] != counts[1]:
        raise AssertionError(f"vertices {counts[0]} in each part, {counts[1]} expected")
    p, q = shapely.get_coordinates(a), shapely.get_coordinates(b)
    off = _metres(p, q) / 1e3
    if len(off) and not off.max() <= tol_km:
        worst = int(np.argmax(np.where(np.isnan(off), np.inf, off)))
        raise AssertionError(
            f"vertex {worst} is {off[worst]:.9g} km off (tolerance {tol_km} km): "
            f"{p[worst].tolist()}, {q[worst].tolist()} expected"
        )


def reference_nearest(
    points: shapely.Geometry | gpd.GeoSeries, line: shapely.Geometry | gpd.GeoSeries
) -> pd.DataFrame:
    """Return the closest point on a line to each point, slowly.

    Parameters
    ----------
    points : array of float, shape (n, 2)
        lon, lat in degrees.
    line : LineString, MultiLineString, Polygon or MultiPolygon
        Edges are geodesics of at most 5,000 km. Of polygons the boundary is used.

    Returns
    -------
    DataFrame
        `distance_km`, `lon`, `lat`, and `edge`, the number of the nearest edge.

    Raises
    ------
    InputError
        The geometry has no edges.

    Notes
    -----
    An edge is excluded only by the triangle inequality: its midpoint is farther than half of its
    length plus the distance to the nearest vertex. On the others the foot is an end, or the point
    where the angle between the edge and the geodesic to the point is a right angle, found by
    bisection. The error is that of `Geod.inv`, some nanometres, plus the square of a rounding error
    in the foot's position.

    Examples
    --------
    >>> from shapely.geometry import LineString
    >>> row = reference_nearest([[67.1, 25.5]], LineString([(67, 25), (67, 26)])).iloc[0]
    >>> round(float(row["distance_km"]), 6)
    10.053771
    """
    p = np.asarray(points, dtype=float).reshape(-1, 2)
    a, b = _edges(line)
    azimuth, _, length = (np.asarray(v) for v in _GEOD.inv(*a.T, *b.T))
    middle = np.column_stack(_GEOD.fwd(a[:, 0], a[:, 1], azimuth, length / 2)[:2])
    rows = max(1, _BATCH // len(a))
    parts = [
        _nearest_of_all(p[i : i + rows], a, azimuth, length, middle) for i in range(0, len(p), rows)
    ]
    return pd.concat(parts, ignore_index=True)


def reference_distance_km(a: shapely.Geometry, b: shapely.Geometry) -> float:
    """Return the distance between two lines that don't meet, or of a point and a line, slowly.

    Parameters
    ----------
    a, b : Point, MultiPoint, line or polygon
        Of polygons the boundary is used.

    Returns
    -------
    float
        Kilometres. On a surface that curves like the earth, two geodesics that don't cross
        come closest at an end of one of them, so the vertices of each are measured to the
        other.

    Examples
    --------
    >>> from shapely.geometry import LineString, Point
    >>> round(reference_distance_km(Point(67, 27), LineString([(67, 25), (67, 26)])), 6)
    110.795722
    """
    best = np.inf
    for one, other in ((a, b), (b, a)):
        xy = shapely.get_coordinates(one)
        if other.geom_type in ("Point", "MultiPoint"):
            spots = shapely.get_coordinates(other)
            far = [_metres(xy, np.broadcast_to(s, xy.shape)).min() / 1e3 for s in spots]
            best = min(best, *far)
        else:
            best = min(best, reference_nearest(xy, other)["distance_km"].min())
    return float(best)


def reference_inside(
    points: shapely.Geometry | gpd.GeoSeries, area: shapely.Geometry
) -> NDArray[np.bool_]:
    """Return which points are inside an area, slowly.

    Parameters
    ----------
    points : array of float, shape (n, 2)
        lon, lat in degrees.
    area : Polygon or MultiPolygon
        Edges are geodesics. Each ring bounds the smaller of its two regions.

    Returns
    -------
    ndarray of bool, shape (n,)
        Points on the boundary may be on either side.

    Raises
    ------
    InputError
        Not a polygon.

    Notes
    -----
    Seen from the point, the azimuths of a ring's vertices, by Karney's method, turn once around if
    the ring contains the point. They turn once in the opposite direction if it contains the point's
    antipode, and not at all otherwise. The azimuths of the two ends of an edge differ by less than
    180°.

    Examples
    --------
    >>> from shapely.geometry import box
    >>> reference_inside([[67.5, 26.0001], [67.5, 26.1]], box(67, 25, 68, 26)).tolist()
    [True, False]
    """
    p = np.asarray(points, dtype=float).reshape(-1, 2)
    if area.geom_type not in ("Polygon", "MultiPolygon"):
        raise InputError(f"{area.geom_type} has no inside; give a Polygon or MultiPolygon.")
    inside = np.zeros(len(p), dtype=bool)
    for part in shapely.get_parts(area):
        shell, *holes = (_winds_around(p, ring) for ring in shapely.get_rings(part))
        inside |= shell & ~np.any([np.zeros(len(p), dtype=bool), *holes], axis=0)
    return inside


_GEOD = Geod(ellps="WGS84")


def _winds_around(p: _Floats, ring: shapely.Geometry) -> NDArray[np.bool_]:
    """Return which points a ring turns around once, with its smaller region on the left."""
    xy = shapely.get_coordinates(ring)
    counter_clockwise = _GEOD.polygon_area_perimeter(xy[:, 0], xy[:, 1])[0] > 0
    shape = (len(p), len(xy))
    eyes = [np.broadcast_to(p[:, [i]], shape).ravel() for i in (0, 1)]
    spots = [np.broadcast_to(xy[:, i], shape).ravel() for i in (0, 1)]
    azimuth = np.asarray(_GEOD.inv(eyes[0], eyes[1], spots[0], spots[1])[0]).reshape(shape)
    turn = ((np.diff(azimuth, axis=1) + 180.0) % 360.0 - 180.0).sum(axis=1)
    return np.asarray(turn < -180.0 if counter_clockwise else turn > 180.0)


def _metres(a: _Floats, b: _Floats) -> _Floats:
    return np.asarray(_GEOD.inv(a[:, 0], a[:, 1], b[:, 0], b[:, 1])[2])


def _edges(line: shapely.Geometry) -> tuple[_Floats, _Floats]:
    parts = shapely.get_parts(line)
    if len(parts) and parts[0].geom_type == "Polygon":
        parts = shapely.get_rings(parts)
    xy, part = shapely.get_coordinates(parts, return_index=True)
    start = np.flatnonzero(part[1:] == part[:-1])
    if len(start) == 0:
        raise InputError(f"{line.geom_type} has no edges; give a line or a polygon.")
    return xy[start], xy[start + 1]


def _nearest_of_all(
    p: _Floats, a: _Floats, azimuth: _Floats, length: _Floats, middle: _Floats
) -> pd.DataFrame:
    """Return the closest point of every edge for each of a batch of points."""
    shape = (len(p), len(a))
    whole = [np.broadcast_to(p[:, [i]], shape).ravel() for i in (0, 1)]
    spots = [np.broadcast_to(middle[:, i], shape).ravel() for i in (0, 1)]
    far = np.asarray(_GEOD.inv(whole[0], whole[1], spots[0], spots[1])[2]).reshape(shape)
    least = (far + length / 2).min(axis=1)
    point, edge = np.nonzero(far - length / 2 <= least[:, None] + 1e-3)
    x, y = p[point].T
    start, way, size = a[edge], azimuth[edge], length[edge]
    low, high = np.zeros(len(edge)), size.copy()
    for _ in range(_STEPS):
        middle_m = (low + high) / 2
        ahead = _approaches(start, way, middle_m, x, y)
        low, high = np.where(ahead, middle_m, low), np.where(ahead, high, middle_m)
    places = np.stack(
        [
            np.column_stack(_GEOD.fwd(start[:, 0], start[:, 1], way, s)[:2])
            for s in (0 * size, low, size)
        ]
    )
    metres = np.stack([_metres(q, np.column_stack((x, y))) for q in places])
    best = metres.argmin(axis=0)
    at = np.arange(len(edge))
    table = pd.DataFrame(
        {
            "point": point,
            "distance_km": metres[best, at] / 1e3,
            "lon": places[best, at, 0],
            "lat": places[best, at, 1],
            "edge": edge,
        }
    ).sort_values(["point", "distance_km"], kind="stable")
    return table.drop_duplicates("point").drop(columns="point").reset_index(drop=True)


def _approaches(start: _Floats, way: _Floats, s: _Floats, x: _Floats, y: _Floats) -> Any:
    """Return whether moving forward along the edge at s comes closer to the point."""
    lon, lat, back = _GEOD.fwd(start[:, 0], start[:, 1], way, s)
    to_point = np.asarray(_GEOD.inv(lon, lat, x, y)[0])
    return np.cos(np.radians(to_point - (np.asarray(back) + 180.0))) > 0

"""Length, area, perimeter, bearing and shape on the ellipsoid."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cpecgeo.geodesy._arcs import NEAR_M, arcs_m
from cpecgeo.geodesy._ellipsoid import ATTRS, GEOD, Floats, Ints, ecef
from cpecgeo.geodesy._paths import Paths, densify_array, path_lengths_m, ring_areas_m2
from cpecgeo.geodesy.inputs import (
    LINES,
    POINTS,
    POLYGONS,
    Checked,
    GeometryLike,
    check,
    positive_km,
)

__all__ = [
    "area_km2",
    "bearing_deg",
    "densify",
    "length_km",
    "perimeter_km",
    "sinuosity",
    "turning_deg_per_km",
]

_SHORT_TOTAL_M = 100.0
_FEW = 400  # edges that PROJ measures before a compiled kernel is loaded
_MANY = 50_000  # from so many vertices, edges aren't measured one by one


def length_km(x: GeometryLike) -> Any:
    """Return the geodesic length of lines.

    Parameters
    ----------
    x : LineString, MultiLineString, Point, or a GeoSeries / GeoDataFrame of them
        Points have length 0. Polygons have a perimeter, not a length: see `perimeter_km`.

    Returns
    -------
    float or Series
        Kilometres; NaN where the geometry is missing. A Series keeps the index of `x`.

    Raises
    ------
    GeometryError
        A polygon.

    Notes
    -----
    Edges are geodesics; each is measured to better than 1e-9 of its length.

    References
    ----------
    Karney, C. F. F. (2013). Algorithms for geodesics. Journal of Geodesy 87, 43–55.

    Examples
    --------
    >>> from shapely.geometry import LineString
    >>> round(length_km(LineString([(67.0, 24.9), (71.5, 34.0)])), 3)
    1098.737
    """
    given = check(x, kinds=LINES | POINTS | {"MultiPoint"}, missing="keep")
    return _answer(given, _path_sums(given), "length_km", "geodesic length")


def perimeter_km(x: GeometryLike) -> Any:
    """Return the geodesic length of the boundary of polygons, holes included.

    Parameters
    ----------
    x : Polygon, MultiPolygon, or a GeoSeries / GeoDataFrame of them

    Returns
    -------
    float or Series
        Kilometres; NaN where the geometry is missing.

    Raises
    ------
    GeometryError
        Not a polygon.

    Examples
    --------
    >>> from shapely.geometry import box
    >>> round(perimeter_km(box(67, 25, 68, 26)), 3)
    422.628
    """
    given = check(x, kinds=POLYGONS, missing="keep")
    return _answer(given, _path_sums(given), "perimeter_km", "geodesic perimeter")


def area_km2(x: GeometryLike) -> Any:
    """Return the area of polygons whose edges are geodesics.

    Parameters
    ----------
    x : Polygon, MultiPolygon, or a GeoSeries / GeoDataFrame of them
        Rings may wind either way; holes are subtracted. A polygon is taken to be the
        smaller of the two regions that its shell bounds.

    Returns
    -------
    float or Series
        Square kilometres; NaN where the geometry is missing.

    Raises
    ------
    GeometryError
        Not a polygon.

    Examples
    --------
    >>> from shapely.geometry import box
    >>> round(area_km2(box(67, 25, 68, 26)), 2)
    11137.59
    """
    given = check(x, kinds=POLYGONS, missing="keep")
    parts = given.flat
    ring = np.abs(ring_areas_m2(parts.xy, parts.path))
    signed = np.where(parts.hole, -ring, ring) / 1e6
    total = np.asarray(np.bincount(parts.owner, signed, len(given)), float)
    total[given.missing] = np.nan
    return _answer(given, total, "area_km2", "geodesic polygon area")


def sinuosity(x: GeometryLike) -> Any:
    """Return the length of lines divided by the geodesic distance between their ends.

    Parameters
    ----------
    x : LineString, MultiLineString, or a GeoSeries / GeoDataFrame of them

    Returns
    -------
    float or Series
        1 for a straight line, infinite for a closed one, NaN where missing.

    Examples
    --------
    >>> from shapely.geometry import LineString
    >>> round(sinuosity(LineString([(67, 25), (68, 25), (68, 26)])), 3)
    1.415
    """
    given = check(x, kinds=LINES, missing="keep")
    total = _path_sums(given)
    line = given.flat
    has = ~np.isnan(total)
    owner = line.owner[line.path]
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    last = np.flatnonzero(np.diff(owner, append=-1))
    ends = np.full(len(given), np.nan)
    a, b = line.xy[first], line.xy[last]
    ends[has] = GEOD.inv(a[:, 0], a[:, 1], b[:, 0], b[:, 1])[2] / 1e3
    with np.errstate(divide="ignore", invalid="ignore"):
        return _answer(given, total / ends, "sinuosity", "length over distance of ends")


def turning_deg_per_km(x: GeometryLike) -> Any:
    """Return the mean curvature of lines: the sum of turns at vertices over the length.

    Parameters
    ----------
    x : LineString, MultiLineString, or a GeoSeries / GeoDataFrame of them

    Returns
    -------
    float or Series
        Degrees per kilometre, left and right turns both counted as positive; 0 for a
        single geodesic, NaN where the geometry is missing or has no length.

    Examples
    --------
    >>> from shapely.geometry import LineString
    >>> round(turning_deg_per_km(LineString([(67, 25), (68, 25), (68, 26)])), 3)
    0.426
    """
    given = check(x, kinds=LINES, missing="keep")
    line = given.flat
    start = line.edges
    a, b = line.xy[start], line.xy[start + 1]
    out, back, metres = GEOD.inv(a[:, 0], a[:, 1], b[:, 0], b[:, 1])
    keep = metres > 0  # a repeated vertex has no direction
    owner, part = line.edge_owner[keep], line.path[start][keep]
    turn = (out[keep][1:] - back[keep][:-1]) % 360.0 - 180.0
    same = part[1:] == part[:-1]
    turns = np.bincount(owner[1:][same], weights=np.abs(turn[same]), minlength=len(given))
    with np.errstate(invalid="ignore"):
        value = turns / _path_sums(given)
    return _answer(given, value, "turning_deg_per_km", "turns over length")


def bearing_deg(line: GeometryLike, km: ArrayLike) -> Any:
    """Return the direction of travel along a line, at kilometres from its start.

    Parameters
    ----------
    line : LineString or MultiLineString
    km : float or array of float
        Geodesic kilometres from the first vertex.

    Returns
    -------
    float or ndarray
        Degrees clockwise from true north, 0 to 360. At a vertex, that of the edge ahead.

    Raises
    ------
    InputError
        `km` beyond the line.

    Examples
    --------
    >>> from shapely.geometry import LineString
    >>> round(bearing_deg(LineString([(67, 25), (67, 26)]), 10), 6)
    0.0
    """
    from cpecgeo.geodesy.chainage import Chainage

    return Chainage(line).bearing_deg(km)


def densify(x: GeometryLike, max_km: float) -> Any:
    """Add vertices along the geodesic edges until none is longer than `max_km`.

    Parameters
    ----------
    x : line or polygon, or a GeoSeries / GeoDataFrame of them
        Points pass unchanged.
    max_km : float
        Longest edge in kilometres.

    Returns
    -------
    geometry or GeoSeries
        EPSG:4326; the vertices of `x` are kept as they are.

    Raises
    ------
    InputError
        `max_km` isn't positive and finite.

    Examples
    --------
    >>> from shapely.geometry import LineString
    >>> len(densify(LineString([(67, 25), (67, 26)]), 10).coords)
    13
    """
    step = positive_km(max_km, "max_km")
    given = check(x, missing="keep")
    array = densify_array(given.geoms, step)
    if given.single:
        return array[0]
    answer = gpd.GeoSeries(array, index=given.index, crs="EPSG:4326", name=given.name)
    answer.attrs = {"method": f"densified to {step} km", **ATTRS}
    return answer


def _path_sums(given: Checked) -> Floats:
    """Return the total edge length of each geometry in kilometres, NaN where missing."""
    line, count = given.flat, len(given)
    if len(line.xy) > _MANY:
        metres = path_lengths_m(line)
        total = np.asarray(np.bincount(line.owner, metres, count), float)
        # Rounding of earth-centred coordinates would show in short lines.
        again = ~(total >= _SHORT_TOTAL_M)
        some = again[line.owner][line.path]
        if some.any():
            few = replace(line, xy=line.xy[some], path=line.path[some])
            total[again] = _edge_sums(few, count)[again]
    else:
        total = _edge_sums(line, count)
    total *= 1e-3
    total[given.missing] = np.nan
    return total


def _edge_sums(line: Paths, count: int) -> Floats:
    """Return metres of all edges of each geometry, by the quickest method."""
    start, owner = line.edges, line.edge_owner
    metres = _karney(line, start) if len(start) <= _FEW else _series(line, start)
    total = np.asarray(np.bincount(owner, metres, count), float)
    short = (total < _SHORT_TOTAL_M)[owner]
    if len(start) > _FEW and short.any():
        metres[short] = _karney(line, start[short])
        total = np.asarray(np.bincount(owner, metres, count), float)
    return total


def _karney(line: Paths, start: Ints) -> Floats:
    """Return metres of edges by Karney's method, one by one."""
    u, v = line.xy[start], line.xy[start + 1]
    return np.asarray(GEOD.inv(u[:, 0], u[:, 1], v[:, 0], v[:, 1])[2])


def _series(line: Paths, start: Ints) -> Floats:
    """Return metres of edges by the series, which is quicker for many edges."""
    xyz = ecef(*line.xy.T)
    a = xyz[start]
    metres = arcs_m(a, xyz[start + 1] - a)
    long = metres > NEAR_M
    if long.any():
        metres[long] = _karney(line, start[long])
    return metres


def _answer(given: Checked, values: Floats, name: str, method: str) -> float | pd.Series:
    """Return one number for one geometry, a Series on the index for many."""
    if given.single:
        return float(values[0])
    answer = pd.Series(values, index=given.index, name=name)
    answer.attrs = {"method": method, **ATTRS}
    return answer

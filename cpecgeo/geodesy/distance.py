"""Geodesic distance between geometries of any type."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from cpecgeo.errors import InputError
from cpecgeo.geodesy._ellipsoid import ATTRS, GEOD, Floats
from cpecgeo.geodesy.chainage import densify
from cpecgeo.geodesy.inputs import is_single, lonlat
from cpecgeo.geodesy.nearest import Index

__all__ = ["distance_km", "distance_matrix_km"]


def distance_km(a: Any, b: Any) -> Any:
    """Geodesic distance, pair by pair.

    Parameters
    ----------
    a, b : geometry, GeoSeries or GeoDataFrame
        Points, lines and polygons. Two series are paired by position and must be of one
        length; one geometry is paired with each of the other side.

    Returns
    -------
    float or Series
        Kilometres, on the index of `a` (of `b` where `a` is one geometry). 0 where they
        meet. NaN where either is missing.

    Raises
    ------
    InputError
        Two series of different length.

    Notes
    -----
    Between points by Karney's method [1]_. From a point to a line or polygon exact to 1 mm.
    Between lines and polygons that don't meet, the least distance from a vertex of the one to
    the other, vertices at most 1 km apart: never too short, and too long by less than 1 m for
    edges that pass each other more than 1 km away.

    References
    ----------
    .. [1] C. F. F. Karney, Algorithms for geodesics, J. Geodesy 87, 43–55 (2013).

    Examples
    --------
    >>> from shapely.geometry import LineString, Point
    >>> round(distance_km(Point(67, 25), Point(68, 25)), 6)
    100.951154
    >>> round(distance_km(Point(67.1, 25.5), LineString([(67, 25), (67, 26)])), 3)
    10.054
    """
    left, right = lonlat(a, what="a", missing="keep"), lonlat(b, what="b", missing="keep")
    one_a, one_b = is_single(a), is_single(b)
    if not (one_a or one_b) and len(left) != len(right):
        raise InputError(
            f"a has {len(left)} geometries and b has {len(right)}; they are paired by position "
            "and must be as many. For all against all use distance_matrix_km."
        )
    index = right.index if one_a and not one_b else left.index
    first = np.asarray(left.array, dtype=object)
    second = np.asarray(right.array, dtype=object)
    if one_b and not one_a:
        values = _to_one(second[0], first)
    elif one_a and not one_b:
        values = _to_one(first[0], second)
    else:
        values = _pairs(first, second)
    if one_a and one_b:
        return float(values[0])
    answer = pd.Series(values, index=index, name="distance_km")
    answer.attrs = {"method": "geodesic distance", **ATTRS}
    return answer


def distance_matrix_km(a: Any, b: Any) -> pd.DataFrame:
    """Geodesic distance of each geometry of `a` to each of `b`.

    Parameters
    ----------
    a, b : geometry, GeoSeries or GeoDataFrame

    Returns
    -------
    DataFrame
        Kilometres; rows on the index of `a`, columns on the index of `b`.

    Examples
    --------
    >>> import geopandas as gpd
    >>> p = gpd.GeoSeries.from_xy([67, 68], [25, 25], crs=4326)
    >>> distance_matrix_km(p, p).round(3).to_numpy().tolist()
    [[0.0, 100.951], [100.951, 0.0]]
    """
    left, right = lonlat(a, what="a", missing="keep"), lonlat(b, what="b", missing="keep")
    first = np.asarray(left.array, dtype=object)
    columns = [_to_one(g, first) for g in np.asarray(right.array, dtype=object)]
    values = np.column_stack(columns) if columns else np.empty((len(left), 0))
    frame = pd.DataFrame(values, index=left.index, columns=right.index)
    frame.attrs = {"method": "geodesic distance", **ATTRS}
    return frame


def _is_point(geoms: NDArray[Any]) -> NDArray[np.bool_]:
    return np.asarray(shapely.get_type_id(geoms) == 0)


def _between_points(a: NDArray[Any], b: NDArray[Any]) -> Floats:
    metres = GEOD.inv(shapely.get_x(a), shapely.get_y(a), shapely.get_x(b), shapely.get_y(b))[2]
    return np.asarray(metres) / 1e3


def _to_one(target: Any, geoms: NDArray[Any]) -> Floats:
    """Distances of many geometries to one."""
    values = np.full(len(geoms), np.nan)
    if target is None:
        return values
    points = _is_point(geoms)
    if points.any():
        if target.geom_type == "Point":
            values[points] = _between_points(
                geoms[points], np.repeat(np.asarray([target], dtype=object), points.sum())
            )
        else:
            series = gpd.GeoSeries(geoms[points], crs=4326)
            values[points] = Index(target).nearest(series)["distance_km"].to_numpy()
    for i in np.flatnonzero(~points & ~shapely.is_missing(geoms)):
        values[i] = _any(geoms[i], target)
    return values


def _pairs(a: NDArray[Any], b: NDArray[Any]) -> Floats:
    values = np.full(len(a), np.nan)
    points = _is_point(a) & _is_point(b)
    if points.any():
        values[points] = _between_points(a[points], b[points])
    for i in np.flatnonzero(~points & ~shapely.is_missing(a) & ~shapely.is_missing(b)):
        values[i] = _any(a[i], b[i])
    return values


def _any(a: Any, b: Any) -> float:
    """Distance of two geometries, not both points."""
    if a.geom_type == "Point":
        return float(_to_one(b, np.asarray([a], dtype=object))[0])
    if b.geom_type == "Point":
        return float(_to_one(a, np.asarray([b], dtype=object))[0])
    fine_a, fine_b = densify(a, 1.0), densify(b, 1.0)
    if shapely.intersects(fine_a, fine_b):
        return 0.0
    return min(_least(fine_a, b), _least(fine_b, a))


def _least(fine: Any, target: Any) -> float:
    """Least distance from the vertices of one to the other."""
    vertices = gpd.GeoSeries(shapely.points(shapely.get_coordinates(fine)), crs=4326)
    return float(Index(target).nearest(vertices)["distance_km"].min())

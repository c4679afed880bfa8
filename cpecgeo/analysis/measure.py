"""Lengths, distances, nearest and buffers of anything: things, names and geometries."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from cpecgeo import geodesy
from cpecgeo.errors import InputError, UnknownNameError
from cpecgeo.features.corridor import Corridor
from cpecgeo.features.corridors import corridor, corridors
from cpecgeo.features.resolve import geometry, in_region

__all__ = ["buffer", "distance_km", "distance_matrix_km", "length_km", "nearest"]


def length_km(x: Any) -> Any:
    """Geodesic length.

    Parameters
    ----------
    x : Corridor, str, geometry, GeoSeries or GeoDataFrame
        A name is that of a corridor, place or layer.

    Returns
    -------
    float or Series
        Kilometres along the geodesic edges of the drawn line, by Karney's method on WGS 84,
        exact to 1e-9. 0 for points and polygons. Published lengths are
        `Corridor.official_km`.

    Raises
    ------
    UnknownNameError, InputTypeError, CRSError, CoordinateError, GeometryError

    Examples
    --------
    >>> round(length_km("ml1"), 1)
    1689.3
    """
    return geodesy.length_km(geometry(x, "x"))


def distance_km(a: Any, b: Any) -> Any:
    """Geodesic distance, pair by pair.

    Parameters
    ----------
    a, b : Corridor, Place, str, geometry, GeoSeries or GeoDataFrame
        Two series are paired by position.

    Returns
    -------
    float or Series
        Kilometres; 0 where they meet. Tolerances are those of `cpecgeo.geodesy.distance_km`:
        points by Karney's method, a point to a line or area to 1 mm, others to 1 m.

    Raises
    ------
    UnknownNameError, InputError, CRSError, CoordinateError, GeometryError

    Examples
    --------
    >>> round(distance_km("Reko Diq", "Saindak"), 1)
    50.2
    """
    return geodesy.distance_km(geometry(a, "a"), geometry(b, "b"))


def distance_matrix_km(a: Any, b: Any) -> pd.DataFrame:
    """Geodesic distance of each of `a` to each of `b`.

    Parameters
    ----------
    a, b : Corridor, Place, str, geometry, GeoSeries or GeoDataFrame
        A layer's name gives all its features that have a position.

    Returns
    -------
    DataFrame
        Kilometres; rows on the index of `a` (ids for a layer), columns on that of `b`.

    Examples
    --------
    >>> float(distance_matrix_km("mines", "ports").loc["reko-diq", "gwadar-port"].round())
    447.0
    """
    return geodesy.distance_matrix_km(geometry(a, "a"), geometry(b, "b"))


def nearest(points: Any, targets: Any, *, k: int = 1, max_km: float | None = None) -> pd.DataFrame:
    """The nearest target to each point, and the closest place on it.

    Parameters
    ----------
    points : Place, str, list of names, Point, GeoSeries or GeoDataFrame
    targets : Corridor, str, list of names, geometry, GeoSeries or GeoDataFrame
        Names of corridors, sections, places and layers, mixed at will; of a layer among
        others the target is named ``layer:id``, and ``"corridors"`` is each of them.
    k : int
        How many targets per point.
    max_km : float, optional
        Targets further away are left out.

    Returns
    -------
    DataFrame
        On the points' index: `target, distance_km, lon, lat, km, side`. `km` is the chainage
        where the target is a corridor, and the position along the line otherwise; NaN
        where nothing lies within `max_km`. `side` is "left", "right" or "on" of a line, and
        missing where the target is a point or an area, which has none; inside an area
        `distance_km` is 0. With `k` above 1 also `rank`, from 1.

    Raises
    ------
    UnknownNameError, InputError, CRSError, CoordinateError, GeometryError

    Examples
    --------
    >>> near = nearest("Torkham", ["ml1", "kkh"])
    >>> near["target"].tolist()
    ['ml1']
    """
    lines, things = aims(targets)
    frame = geodesy.nearest(spots(points), lines, k=k, max_km=max_km)
    return _calibrated(frame.drop(columns="path"), things)


def spots(points: Any) -> Any:
    """Points that were asked for by name, or are at hand, in the region of CPEC's features."""
    return in_region(geometry(points, "points"), "points")


def aims(targets: Any) -> tuple[Any, list[Corridor]]:
    """Targets as geometries under their names, and which of them are corridors."""
    listed = list(targets) if isinstance(targets, (list, tuple)) else [targets]
    if not listed:
        raise InputError("targets is empty; name one corridor, place or layer at least.")
    if not all(isinstance(t, (str, Corridor)) for t in listed):
        shapes = geometry(targets, "targets")
        if shapes is not targets and isinstance(shapes, shapely.Geometry):
            shapes = gpd.GeoSeries([shapes], index=[targets.name], crs=4326)
        return shapes, []
    things: list[Corridor] = []
    rows: dict[Any, Any] = {}
    for target in _each(listed):
        thing = target if isinstance(target, Corridor) else _corridor(target)
        if thing is not None:
            things.append(thing)
            rows[thing.name] = thing.line
            continue
        shape = geometry(target, "targets")
        if isinstance(shape, gpd.GeoSeries):
            prefix = f"{target}:" if len(listed) > 1 else ""
            rows |= {f"{prefix}{i}": g for i, g in shape.items()}
        else:
            rows[target] = shape
    return gpd.GeoSeries(list(rows.values()), index=list(rows), crs=4326), things


def _each(listed: list[Any]) -> list[Any]:
    """The targets one by one: all corridors are each a corridor, with its chainage."""
    every = [t for t in listed if isinstance(t, str) and t.strip().casefold() == "corridors"]
    if not every:
        return listed
    return [*(t for t in listed if t not in every), *map(str, corridors().index)]


def _corridor(name: str) -> Corridor | None:
    try:
        return corridor(name)
    except UnknownNameError:
        return None


def _calibrated(frame: pd.DataFrame, things: list[Corridor]) -> pd.DataFrame:
    """Chainage of the closest places instead of geodesic km along the drawn line."""
    for thing in things:
        here = (frame["target"] == thing.name).to_numpy()
        if here.any():
            spots = gpd.GeoSeries.from_xy(frame.loc[here, "lon"], frame.loc[here, "lat"], crs=4326)
            frame.loc[here, "km"] = thing.chainage.locate(spots)["km"].to_numpy()
    return frame


def buffer(x: Any, km: float) -> Any:
    """The area within `km` of anything.

    Parameters
    ----------
    x : Corridor, Place, str, geometry, GeoSeries or GeoDataFrame
    km : float
        Geodesic radius in kilometres, 0.001 to 5,000; negative shrinks areas.

    Returns
    -------
    Polygon, MultiPolygon or GeoSeries
        EPSG:4326. Every point of the boundary is at `km` within a share of 1e-4;
        `cpecgeo.geodesy.buffer` has more options.

    Raises
    ------
    UnknownNameError, InputError, CRSError, CoordinateError, GeometryError

    Examples
    --------
    >>> buffer("Gwadar Port", 10).geom_type
    'Polygon'
    """
    return geodesy.buffer(geometry(x, "x"), km)

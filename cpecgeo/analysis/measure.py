"""Lengths, distances, nearest and buffers of anything: things, names and geometries."""

from __future__ import annotations

from typing import Any

import pandas as pd

from cpecgeo import geodesy
from cpecgeo.features.corridor import Corridor
from cpecgeo.features.corridors import corridor
from cpecgeo.features.gate import geometry

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
    points : Place, str, Point, GeoSeries or GeoDataFrame
    targets : Corridor, str, list of names, geometry, GeoSeries or GeoDataFrame
    k : int
        How many targets per point.
    max_km : float, optional
        Targets further away are left out.

    Returns
    -------
    DataFrame
        On the points' index: `target, distance_km, lon, lat, km, side`. `km` is the chainage
        where the target is a corridor, and the position along the line otherwise.

    Examples
    --------
    >>> near = nearest("Torkham", ["ml1", "kkh"])
    >>> near["target"].tolist()
    ['ml1']
    """
    things = _things(targets)
    if things is not None:
        from geopandas import GeoSeries

        lines = GeoSeries([c.line for c in things], index=[c.name for c in things], crs=4326)
        frame = geodesy.nearest(geometry(points, "points"), lines, k=k, max_km=max_km)
        return _calibrated(frame, things)
    return geodesy.nearest(
        geometry(points, "points"), geometry(targets, "targets"), k=k, max_km=max_km
    )


def _things(targets: Any) -> list[Corridor] | None:
    """Corridors, where the targets are that."""
    from cpecgeo.errors import UnknownNameError

    if isinstance(targets, Corridor):
        return [targets]
    if isinstance(targets, str):
        try:
            return [corridor(targets)]
        except UnknownNameError:
            return None
    listed = isinstance(targets, (list, tuple)) and len(targets) > 0
    if listed and all(isinstance(t, (str, Corridor)) for t in targets):
        return [t if isinstance(t, Corridor) else corridor(t) for t in targets]
    return None


def _calibrated(frame: pd.DataFrame, things: list[Corridor]) -> pd.DataFrame:
    """Chainage of the closest places instead of geodesic km along the drawn line."""
    from geopandas import GeoSeries

    for thing in things:
        here = (frame["target"] == thing.name).to_numpy()
        if here.any():
            spots = GeoSeries.from_xy(frame.loc[here, "lon"], frame.loc[here, "lat"], crs=4326)
            frame.loc[here, "km"] = thing.chainage.locate(spots)["km"].to_numpy()
    return frame


def buffer(x: Any, km: float) -> Any:
    """The area within `km` of anything.

    Parameters
    ----------
    x : Corridor, Place, str, geometry, GeoSeries or GeoDataFrame
    km : float
        Geodesic radius in kilometres, at most 500.

    Returns
    -------
    Polygon, MultiPolygon or GeoSeries
        EPSG:4326; see `cpecgeo.geodesy.buffer` for its tolerance.

    Examples
    --------
    >>> buffer("Gwadar Port", 10).geom_type
    'Polygon'
    """
    from cpecgeo.geodesy.buffer import buffer as geodesic_buffer

    return geodesic_buffer(geometry(x, "x"), km)

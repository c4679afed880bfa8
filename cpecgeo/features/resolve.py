"""Names, corridors and places turned into geometry, and the one check of region."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from cpecgeo.errors import CoordinateError
from cpecgeo.geodesy import lonlat

__all__ = ["geometry", "in_region"]

# Where CPEC's own features lie, generously: west, south, east, north.
_REGION = (55.0, 20.0, 90.0, 45.0)


def in_region(points: Any, what: str) -> Any:
    """Points that may be compared with CPEC's own features, as a GeoSeries.

    Raises
    ------
    CoordinateError
        Every point lies outside the region and would lie inside with lon and lat swapped.
    """
    series = lonlat(points, what=what, missing="keep")
    xy = shapely.get_coordinates(series.to_numpy())
    west, south, east, north = _REGION
    if len(xy):
        lon, lat = xy[:, 0], xy[:, 1]
        inside = (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
        turned = (lat >= west) & (lat <= east) & (lon >= south) & (lon <= north)
        if not inside.any() and turned.all():
            raise CoordinateError(
                f"{what} starts at ({lon[0]:.6g}, {lat[0]:.6g}), and all of it would lie in "
                "the region of CPEC with lon and lat swapped. Coordinates go lon, lat: "
                "Point(67.0, 24.9) is Karachi."
            )
    return series


def geometry(x: Any, what: str) -> Any:
    """`x` as something the geodesy room takes.

    A `Corridor` gives its line, a `Place` its point, a name the one or the other (or a
    section's line), a layer's name its geometries; a list of such things a series on their
    names. Anything else is passed on.
    """
    if isinstance(x, str):
        return _named(x, what)
    if isinstance(x, (list, tuple)) and x and all(_thing(v) for v in x):
        return _listed(x, what)
    part = _part(x)
    return x if part is None else part


def _part(x: Any) -> Any:
    """The line or the point of a thing; a table may have a label or column called so."""
    if isinstance(x, (pd.Series, pd.DataFrame)):
        return None
    parts = (getattr(x, attribute, None) for attribute in ("line", "point"))
    return next((p for p in parts if isinstance(p, shapely.Geometry)), None)


def _thing(x: Any) -> bool:
    return isinstance(x, str) or _part(x) is not None


def _listed(things: Any, what: str) -> gpd.GeoSeries:
    """Each thing under its name; a layer's name stands for all its features."""
    labels: list[str] = []
    shapes: list[Any] = []
    for thing in things:
        shape = geometry(thing, what)
        if isinstance(shape, gpd.GeoSeries):
            labels += [f"{thing}:{i}" for i in shape.index]
            shapes += list(shape)
        else:
            labels.append(thing if isinstance(thing, str) else thing.name)
            shapes.append(shape)
    return gpd.GeoSeries(shapes, index=labels, crs=4326)


def _section(name: str) -> Any:
    """The line of a section, by its id or name."""
    from cpecgeo.catalogue import folded
    from cpecgeo.catalogue.layers import shared

    frame, wanted = shared("sections"), folded(name)
    drawn = frame[frame.geometry.notna()]
    for column in ("id", "name"):
        hits = drawn[drawn[column].map(folded) == wanted]
        if len(hits):
            return hits.geometry.iloc[0]
    return None


def _named(name: str, what: str) -> Any:
    from cpecgeo.catalogue import layer
    from cpecgeo.errors import UnknownNameError
    from cpecgeo.features.corridors import corridor
    from cpecgeo.features.places import place

    near: list[str] = []
    for find, part in ((corridor, "line"), (place, "point")):
        try:
            return getattr(find(name), part)
        except UnknownNameError as error:
            near += error.near
    section = _section(name)
    if section is not None:
        return section
    try:
        frame = layer(name).set_index("id")
    except UnknownNameError as error:
        raise UnknownNameError(
            name,
            f"corridor, place or layer (for {what})",
            [*near, *error.near],
            "See cpecgeo.corridors(), cpecgeo.catalog().",
        ) from None
    return frame.geometry[frame.geometry.notna()]

"""Names, corridors and places turned into geometry, and the one check of region."""

from __future__ import annotations

from typing import Any

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

    A `Corridor` gives its line, a `Place` its point, a name the one or the other, a layer's
    name its geometries. Anything else is passed on.
    """
    if isinstance(x, str):
        return _named(x, what)
    for attribute in ("line", "point"):
        part = getattr(x, attribute, None)
        if isinstance(part, shapely.Geometry):
            return part
    return x


def _named(name: str, what: str) -> Any:
    from cpecgeo.catalogue import layer
    from cpecgeo.errors import UnknownNameError
    from cpecgeo.features.corridors import corridor
    from cpecgeo.features.places import place

    for find, part in ((corridor, "line"), (place, "point")):
        try:
            return getattr(find(name), part)
        except UnknownNameError:
            continue
    try:
        frame = layer(name).set_index("id")
    except UnknownNameError:
        known = [*layer("corridors")["id"], *layer("ports")["name"], *layer("crossings")["name"]]
        raise UnknownNameError(
            name,
            f"corridor, place or layer (for {what})",
            known,
            "See cpecgeo.corridors(), cpecgeo.catalog().",
        ) from None
    return frame.geometry[frame.geometry.notna()]

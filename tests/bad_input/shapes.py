"""Geometries that are wrong, or odd, by name."""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry import (
    GeometryCollection,
    LineString,
    MultiPoint,
    Point,
    Polygon,
)

LINE = LineString([(67, 25), (68, 26)])
AREA = Polygon([(67, 25), (68, 25), (68, 26), (67, 26)])
SPOT = Point(67.5, 25.2)
# A line with the height of each vertex; and one with a measure.
HIGH = LineString([(67, 25, 100), (68, 26, 200)])
MEASURED = shapely.from_wkt("LINESTRING M (67 25 1, 68 26 2)")


def series(*geoms, crs=4326, **kwargs):
    return gpd.GeoSeries(list(geoms), crs=crs, **kwargs)


def holed(*xy):
    """Return a line with NaN among its coordinates, which shapely makes only with a warning."""
    with np.errstate(invalid="ignore"):
        return LineString(xy)


def bare_frame():
    """Return a GeoDataFrame without an active geometry column."""
    return gpd.GeoDataFrame({"id": [1]})


LOCAL = (
    'ENGCRS["site",EDATUM["site"],CS[Cartesian,2],AXIS["x",east],AXIS["y",north],UNIT["metre",1]]'
)

# Every verb refuses these: (input, error, part of its message).
HOPELESS = {
    "no CRS": (lambda: series(LINE, crs=None), "CRSError", "has no CRS"),
    "frame without CRS": (
        lambda: gpd.GeoDataFrame({"a": [1]}, geometry=[LINE]), "CRSError", "has no CRS",
    ),
    "a site's own CRS": (lambda: series(LINE, crs=LOCAL), "CRSError", "can't be turned into lon, lat"),
    "degrees said to be metres": (lambda: series(LINE, crs=32642), "CRSError", "look like degrees"),
    "metres said to be degrees": (
        lambda: series(LineString([(5e5, 2.7e6), (5.1e5, 2.8e6)])), "CoordinateError", "latitude 2700000",
    ),
    "beyond the projection": (
        lambda: series(LineString([(1e9, 1e9), (2e9, 1e9)]), crs=32642), "CoordinateError", "NaN or infinite",
    ),
    "lat, lon swapped": (lambda: LineString([(25, 167), (26, 168)]), "CoordinateError", "swapped"),
    "longitude beyond 180": (lambda: LineString([(181, 5), (182, 6)]), "CoordinateError", "longitude 181"),
    "longitude from 0 to 360": (
        lambda: series(LineString([(250, 5), (251, 6)])), "CoordinateError", "longitude 250",
    ),
    "NaN": (lambda: holed((67, np.nan), (68, 26)), "CoordinateError", "NaN or infinite"),
    "infinity": (lambda: LineString([(67, np.inf), (68, 26)]), "CoordinateError", "NaN or infinite"),
    "minus infinity": (lambda: LineString([(-np.inf, 1), (68, 26)]), "CoordinateError", "NaN or infinite"),
    "a collection": (lambda: GeometryCollection([LINE, SPOT]), "GeometryError", "GeometryCollection"),
    "a collection in a series": (
        lambda: series(LINE, GeometryCollection([LINE])), "GeometryError", "explode()",
    ),
    "a number": (lambda: 67.5, "InputTypeError", "is float"),
    "a list of numbers": (lambda: [67.5, 25.0], "InputTypeError", "is list"),
    "a dict": (lambda: {"type": "Point", "coordinates": [67, 25]}, "InputTypeError", "is dict"),
    "nothing at all": (lambda: None, "InputTypeError", "is NoneType"),
    "bytes": (lambda: shapely.to_wkb(LINE), "InputTypeError", "is bytes"),
    "a DataFrame": (lambda: pd.DataFrame({"a": [67.0], "b": [25.0]}), "InputTypeError", "DataFrame"),
    "a Series of numbers": (lambda: pd.Series([1.0, 2.0]), "InputTypeError", "is Series"),
    "an array of numbers": (lambda: np.zeros((3, 2)), "InputTypeError", "is ndarray"),
    "a set": (lambda: {1, 2}, "InputTypeError", "is set"),
    "a class": (lambda: Point, "InputTypeError", "is type"),
    "no active geometry": (bare_frame, "GeometryError", "set_geometry"),
}  # fmt: skip

# Missing and empty ones; some verbs keep them, some refuse them.
MISSING = {
    "None in a series": lambda: series(LINE, None),
    "empty line": LineString,
    "empty in a series": lambda: series(LINE, LineString()),
    "empty point": Point,
    "empty polygon": Polygon,
    "empty collection": GeometryCollection,
}

KINDS = {
    "point": lambda: SPOT,
    "points": lambda: MultiPoint([(67, 25), (68, 26)]),
    "line": lambda: LINE,
    "polygon": lambda: AREA,
    "mixed": lambda: series(LINE, SPOT, AREA),
}

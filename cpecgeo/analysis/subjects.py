"""What is asked about: rows of a frame or layer, radii, things under their names."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from cpecgeo.catalogue import layer
from cpecgeo.errors import InputError, InputTypeError
from cpecgeo.geodesy import lonlat
from cpecgeo.geodesy.inputs import positive_km

__all__ = ["named", "radii", "rows_of"]


def rows_of(x: Any, what: str) -> gpd.GeoDataFrame:
    """Rows with a geometry: a frame as it is, a layer by name, a series or geometry as one."""
    if isinstance(x, gpd.GeoDataFrame):
        return x
    if isinstance(x, str):
        return layer(x)
    if isinstance(x, gpd.GeoSeries):
        return gpd.GeoDataFrame(geometry=x)
    part = getattr(x, "point", getattr(x, "line", x))
    if isinstance(part, shapely.Geometry):
        index = [x.name] if part is not x else [0]
        return gpd.GeoDataFrame(geometry=gpd.GeoSeries([part], index=index, crs=4326))
    if isinstance(x, pd.DataFrame):
        raise InputTypeError(
            f"{what} is a plain DataFrame; make its columns points with "
            "geopandas.GeoDataFrame(df, geometry=geopandas.points_from_xy(df.lon, df.lat), "
            "crs=4326)."
        )
    raise InputTypeError(
        f"{what} is {type(x).__name__}; a GeoDataFrame, a GeoSeries, a geometry or the name "
        "of a layer is needed."
    )


def named(shapes: Any, x: Any) -> gpd.GeoSeries:
    """Checked geometries on their names, where they have some."""
    series = lonlat(shapes, what="x")
    if isinstance(x, str) and isinstance(shapes, shapely.Geometry):
        series.index = pd.Index([x])
    elif isinstance(getattr(x, "name", None), str) and isinstance(shapes, shapely.Geometry):
        series.index = pd.Index([x.name])
    return series


def radii(km: Any) -> tuple[float, ...]:
    """Outer radii of rings, ascending.

    Raises
    ------
    InputError
        None, not positive, or not ascending.

    Examples
    --------
    >>> radii(5), radii([5, 10])
    ((5.0,), (5.0, 10.0))
    """
    listed = list(km) if isinstance(km, (list, tuple, range, np.ndarray, pd.Series)) else [km]
    edges = tuple(positive_km(v, "km") for v in listed)
    if not edges or any(b <= a for a, b in pairwise(edges)):
        raise InputError(f"km is {listed!r}; give ascending radii, such as km=[5, 10, 25].")
    return edges

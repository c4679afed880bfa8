"""Areas within a geodesic distance."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS, Transformer

from cpecgeo.errors import InputError
from cpecgeo.geodesy._ellipsoid import ATTRS, GEOD, Floats
from cpecgeo.geodesy.chainage import densify
from cpecgeo.geodesy.inputs import is_single, lonlat, positive_km
from cpecgeo.geodesy.nearest import Index

__all__ = ["buffer"]

# The projected start is good where the projection is: beyond, its edges would fold.
_MOST_KM = 500.0


def buffer(x: Any, km: float) -> Any:
    """The area within `km` of each geometry.

    Parameters
    ----------
    x : geometry, GeoSeries or GeoDataFrame
        Points, lines or polygons, in one region: up to about 3,000 km across, off the poles
        and the antimeridian.
    km : float
        Geodesic radius, more than 0 and at most 500.

    Returns
    -------
    Polygon, MultiPolygon or GeoSeries
        EPSG:4326, on the index of `x`.

    Raises
    ------
    InputError
        `km` isn't a number in that range.

    Notes
    -----
    A projected buffer of the line densified to 1 km (or a quarter of `km`), every boundary
    vertex then moved to exactly `km` along the geodesic from its closest point. Vertices are
    exact to 1 m; between vertices the boundary is within about 0.2 % of `km`, and up to 1 % at
    concave kinks.

    Examples
    --------
    >>> from shapely.geometry import Point
    >>> from cpecgeo.geodesy import area_km2
    >>> round(area_km2(buffer(Point(67, 25), 10)) / (3.14159265 * 100), 2)
    1.0
    """
    radius = positive_km(km, "km")
    if radius > _MOST_KM:
        raise InputError(f"km is {km!r}; a buffer is made for up to {_MOST_KM:g} km.")
    series = lonlat(x, what="x", missing="keep")
    areas = [None if g is None else _one(g, radius) for g in series]
    if is_single(x):
        return areas[0]
    answer = gpd.GeoSeries(pd.Series(areas, index=series.index, dtype=object), crs=4326)
    answer.attrs = {"method": "geodesic buffer", "km": radius, **ATTRS}
    return answer


def _one(geometry: Any, km: float) -> Any:
    lon, lat = shapely.get_coordinates(geometry.envelope.centroid)[0]
    local = CRS.from_proj4(f"+proj=aeqd +lat_0={lat} +lon_0={lon} +datum=WGS84 +units=m")
    there = Transformer.from_crs(4326, local, always_xy=True)

    fine = geometry if geometry.geom_type.endswith("Point") else densify(geometry, min(1, km / 4))
    flat = shapely.transform(fine, lambda xy: np.column_stack(there.transform(*xy.T)))
    area = shapely.segmentize(shapely.buffer(flat, km * 1e3, quad_segs=32), km * 125)
    index = Index(geometry)

    def exact(xy: Floats) -> Floats:
        at = np.column_stack(there.transform(*xy.T, direction="INVERSE"))
        for _ in range(2):
            near = index.nearest(gpd.GeoSeries(shapely.points(at), crs=4326))
            foot = near[["lon", "lat"]].to_numpy()
            azimuth = GEOD.inv(foot[:, 0], foot[:, 1], at[:, 0], at[:, 1])[0]
            lon2, lat2, _ = GEOD.fwd(
                foot[:, 0], foot[:, 1], azimuth, np.full(len(at), km * 1e3)
            )
            at = np.column_stack((lon2, lat2))
        return at

    moved = shapely.transform(area, exact)
    return moved if moved.is_valid else shapely.make_valid(moved, method="structure")

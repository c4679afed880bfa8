"""Cut geodesic edges into shorter ones that lie on the same geodesic."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from cpecgeo.geodesy._ellipsoid import ATTRS, GEOD, Floats, Ints
from cpecgeo.geodesy.inputs import lonlat, positive_km

__all__ = ["between_vertices", "densified", "densify"]

_POINT_TYPES = (0, 4)


def between_vertices(xy: Floats, starts: Ints, max_m: float) -> tuple[Ints, Floats]:
    """Points that cut edges into equal parts no longer than `max_m` metres.

    Parameters
    ----------
    xy : ndarray, shape (vertices, 2)
        lon, lat.
    starts : ndarray
        Positions of the vertices at which an edge starts.
    max_m : float

    Returns
    -------
    before : ndarray, shape (new,)
        Position of the vertex at which the edge of each new point starts; ascending.
    new : ndarray, shape (new, 2)
        lon, lat, in order along each edge.
    """
    a, b = xy[starts], xy[starts + 1]
    # Degrees bound the length from above well enough to leave short edges alone.
    dlon = np.abs(a[:, 0] - b[:, 0])
    bound = 111_700.0 * (np.minimum(dlon, 360.0 - dlon) + np.abs(a[:, 1] - b[:, 1]))
    long = np.flatnonzero(bound > max_m)
    if len(long) == 0:
        return np.empty(0, np.int64), np.empty((0, 2))
    a, b = a[long], b[long]
    azimuth, _, metres = (np.asarray(v) for v in GEOD.inv(a[:, 0], a[:, 1], b[:, 0], b[:, 1]))
    # A length of exactly n steps must not become n + 1 by rounding.
    cuts = np.maximum(np.ceil(metres / max_m * (1 - 1e-12)).astype(np.int64) - 1, 0)
    edge = np.repeat(np.arange(len(long)), cuts)
    number = np.arange(len(edge)) - np.repeat(np.cumsum(cuts) - cuts, cuts) + 1
    along = metres[edge] * number / (cuts[edge] + 1)
    lon, lat, _ = GEOD.fwd(a[edge, 0], a[edge, 1], azimuth[edge], along)
    return starts[long][edge], np.column_stack((lon, lat))


def densified(geoms: NDArray[Any], max_km: float) -> NDArray[Any]:
    """`geoms` with vertices added until no edge is longer than `max_km`; None stays."""
    result = geoms.copy()
    kind = shapely.get_type_id(geoms)
    for code in np.unique(kind[kind >= 0]):
        if code in _POINT_TYPES:
            continue
        chosen = kind == code
        name, xy, offsets = shapely.to_ragged_array(geoms[chosen], include_z=False)
        runs = offsets[0]  # the vertices of each line or ring, as in all types but points
        is_start = np.ones(len(xy) - 1, bool)
        is_start[runs[1:-1] - 1] = False
        before, new = between_vertices(xy, np.flatnonzero(is_start), max_km * 1e3)
        if len(new) == 0:
            continue
        added = np.searchsorted(before, runs, side="left")
        longer = np.insert(xy, before + 1, new, axis=0)
        result[chosen] = shapely.from_ragged_array(name, longer, (runs + added, *offsets[1:]))
    return result


def densify(x: Any, max_km: float) -> Any:
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
    series = lonlat(x, missing="keep")
    array = densified(np.asarray(series.array, dtype=object), step)
    if isinstance(x, shapely.Geometry):
        return array[0]
    answer = gpd.GeoSeries(array, index=series.index, crs=series.crs, name=series.name)
    answer.attrs = {"method": f"densified to {step} km", **ATTRS}
    return answer

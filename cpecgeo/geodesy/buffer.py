"""Buffers whose boundary is at a geodesic distance, to a stated tolerance."""

from __future__ import annotations

from typing import Any, Literal

import geopandas as gpd
import numpy as np
import shapely

from cpecgeo.errors import GeometryError, InputError, InputTypeError
from cpecgeo.geodesy._ellipsoid import ATTRS
from cpecgeo.geodesy.inputs import GeometryLike, check

__all__ = ["buffer"]

_LEAST_KM, _MOST_KM = 1e-3, 5_000.0
_LEAST_RTOL, _MOST_RTOL = 1e-7, 1e-2


def buffer(
    x: GeometryLike,
    km: float,
    *,
    rtol: float = 1e-4,
    cap: Literal["round", "flat"] = "round",
    side: Literal["left", "right"] | None = None,
) -> Any:
    """Return all that is within `km` of geometries, on the ellipsoid.

    Parameters
    ----------
    x : geometry, GeoSeries or GeoDataFrame
        Points, lines, polygons, multi or not, in any CRS. Edges are geodesics.
    km : float
        Radius, 0.001 to 5,000. Negative shrinks polygons.
    rtol : float
        Every vertex of the boundary and every middle of its edges is within this share of
        `km` from the true distance; 1e-7 to 1e-2.
    cap : {"round", "flat"}
        Ends of lines: half a disc, or cut off at a right angle.
    side : {"left", "right"}, optional
        Only that side of lines, as seen along them; ends are flat then.

    Returns
    -------
    Polygon, MultiPolygon or GeoSeries
        EPSG:4326, valid, cut in two at the antimeridian as GeoJSON asks. A GeoSeries keeps
        the index; None stays. A polygon that shrinks to nothing is an empty one.

    Raises
    ------
    InputError
        `km` or `rtol` out of range, or `side` or flat caps together with other than lines.
    GeometryError
        One geometry reaches more than 110° around the earth, or `km` is negative and it
        isn't a polygon.

    Notes
    -----
    A conformal plane gives the first guess, and so which stretches belong to the boundary;
    then each vertex is moved along the geodesic from its closest point to the exact
    distance, and edges are split until their middles hold too.

    Examples
    --------
    >>> from shapely.geometry import LineString
    >>> from cpecgeo.geodesy import area_km2
    >>> strip = buffer(LineString([(67, 25), (71, 34)]), 10, cap="flat")
    >>> round(area_km2(strip) / 20)
    1070
    """
    # Much of the room, which other calls do without.
    from cpecgeo.geodesy._batches import around_points, around_shapes
    from cpecgeo.geodesy._plane import buffer_one

    _check(km, rtol, cap, side)
    source = check(x, missing="keep")
    array, kind = source.geoms, source.kind
    lines = (kind == 1) | (kind == 2) | (kind == 5)
    areas = (kind == 3) | (kind == 6)
    given = kind >= 0
    if (side is not None or cap == "flat") and (given & ~lines).any():
        raise InputError('flat caps and side="…" are for lines; x has other kinds as well.')
    if km < 0 and (given & ~areas).any():
        raise GeometryError(
            f"km is {km}; only polygons can shrink, and x has points or lines. Give km above 0."
        )
    result = np.full(len(array), None, dtype=object)
    flat = cap == "flat" or side is not None
    if km > 0 and not flat:
        spots = np.flatnonzero(kind == 0)
        result[spots] = around_points(shapely.get_coordinates(array[spots]), 1e3 * km, rtol)
        for alike in (lines, areas):
            rows = np.flatnonzero(alike)
            result[rows] = around_shapes(array[rows], 1e3 * km, rtol)
    for row in np.flatnonzero(given & shapely.is_missing(result)):
        result[row] = buffer_one(array[row], float(km), rtol, flat=flat, side=side)
    if source.single:
        return result[0]
    answer = gpd.GeoSeries(result, index=source.index, crs="EPSG:4326", name=source.name)
    answer.attrs = {"method": f"geodesic buffer, rtol {rtol}", **ATTRS}
    return answer


def _check(km: float, rtol: float, cap: str, side: str | None) -> None:
    if not isinstance(km, (int, float, np.integer, np.floating)):
        raise InputTypeError(f"km is {km!r}; a number of kilometres is needed, such as km=10.")
    if not _LEAST_KM <= abs(km) <= _MOST_KM:
        raise InputError(f"km is {km}; a buffer's radius is {_LEAST_KM} to {_MOST_KM:,} km.")
    if not isinstance(rtol, (int, float, np.integer, np.floating)):
        raise InputTypeError(f"rtol is {rtol!r}; a number is needed, such as rtol=1e-4.")
    if not _LEAST_RTOL <= rtol <= _MOST_RTOL:
        raise InputError(f"rtol is {rtol}; it must be within {_LEAST_RTOL} and {_MOST_RTOL}.")
    if cap not in ("round", "flat"):
        raise InputError(f'cap is {cap!r}; choose "round" or "flat".')
    if side not in (None, "left", "right"):
        raise InputError(f'side is {side!r}; choose "left", "right" or None.')
    if side is not None and km < 0:
        raise InputError(f"km is {km} with side={side!r}; take the other side instead.")

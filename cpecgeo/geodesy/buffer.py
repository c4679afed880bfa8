"""Buffers whose boundary is at a geodesic distance, to a stated tolerance.

A line that keeps clear of itself is buffered straight from its edges (`_offset`). Points become
circles all together, and other geometries are outlined together (`_batch`), each in a plane of its
own. Those near a pole, over the antimeridian or too wide for such a plane, and sides and flat ends,
are made one by one by `_plane` and `_outline`.
"""

from __future__ import annotations

from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from geopandas.array import GeometryArray
from numpy.typing import NDArray

from cpecgeo.errors import GeometryError, InputError, InputTypeError
from cpecgeo.geodesy._batch import outline_all
from cpecgeo.geodesy._boundary import circles
from cpecgeo.geodesy._compile import choose, spread
from cpecgeo.geodesy._ellipsoid import ATTRS, LEAST_DEGREE_M, LEAST_RADIUS_M, WGS84, Floats
from cpecgeo.geodesy._offset import offset
from cpecgeo.geodesy._paths import Paths, path_lengths_m
from cpecgeo.geodesy._plane import buffer_one
from cpecgeo.geodesy._rules import quote
from cpecgeo.geodesy._sweep import order_along_curve
from cpecgeo.geodesy.inputs import GeometryLike, check

__all__ = ["buffer"]

_LEAST_KM, _MOST_KM = 1e-3, 5_000.0
_LEAST_RTOL, _MOST_RTOL = 1e-7, 1e-2
_STILL_M = 1e-6  # a shorter line has only rounding for a direction
_SHARE = 0.9  # of the tolerance; the rest is for rounding
_OUT, _SAG = 0.9, 1.85  # of that: vertices outside the radius; sag of edges
_CIRCLES = 10_000  # points per batch
_POINTS = 4  # shapely's number of a MultiPoint
_SHAPES = 2_000  # lines or polygons per batch
_WIDEST_M = 500_000.0  # greatest radius
_WIDEST_DEG = 40.0  # of longitude: to here a shape has all of its buffer on one side of the earth
_NORTH_DEG = 80.0
_FEW = 30  # of up to so many lines each is tried alone
_LONG = 200  # vertices of a line that is buffered alone where possible, also among many
_CROWD = 3_000  # vertices near another one: beyond, outlining takes longer than a guess in a plane
_CROWD_OF_POINTS = 300  # the same of points, which are rarely spread evenly
_GROUP = 1_000  # points of a crowd that are outlined together


def buffer(
    x: GeometryLike,
    km: float,
    *,
    rtol: float = 1e-4,
    cap: Literal["round", "flat"] = "round",
    side: Literal["left", "right"] | None = None,
) -> Any:
    """Return the area within `km` of geometries, on the ellipsoid.

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
        Buffer only this side of lines, as seen along them; ends are flat then. The left of a ring
        that runs counter-clockwise is its inside, however small it is.

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
        One geometry reaches more than 110° around the earth, `km` is negative and it isn't a
        polygon, or `side` or flat caps are given for a line whose vertices are all at one point.

    Warns
    -----
    GeometryWarning
        With `side` or flat caps a line turns back on itself within `km`, and more than 0.2 % of
        what is beside it may be on the wrong side, or beyond an end.

    Notes
    -----
    Vertices beside a line are placed straight from its edges, and then every edge of the boundary
    is compared with the line. Where the line comes near itself, and for all but lines, each
    geometry has a plane that is true to a tenth of the tolerance, or a third where it is wide; the
    boundary there consists of arcs and tangents, and is exact. What no such plane serves (sides,
    flat ends, shrunk polygons, poles, the antimeridian, wide or crowded shapes) begins with a
    buffer in a conformal plane, which shows what stretches belong to the boundary. Each vertex is
    then moved along the geodesic from its closest point to the exact distance, and edges are split
    until their middles are within the tolerance too.

    Examples
    --------
    >>> from shapely.geometry import LineString
    >>> from cpecgeo.geodesy import area_km2
    >>> strip = buffer(LineString([(67, 25), (71, 34)]), 10, cap="flat")
    >>> round(area_km2(strip) / 20)
    1070
    """
    _check(km, rtol, cap, side)
    source = check(x, missing="keep")
    array, kind = source.geoms, source.kind
    lines = (kind == 1) | (kind == 5)
    areas = (kind == 3) | (kind == 6)
    given = kind >= 0
    if side is not None or cap == "flat":
        if (others := given & ~lines).any():
            _refuse_others(array[others], source.index[others], side, single=source.single)
        _refuse_still(source.flat, source.index, side)
    if km < 0 and (given & ~areas).any():
        raise GeometryError(
            f"km is {km}; only polygons can shrink, and x has points or lines. Give km above 0."
        )
    result = np.full(len(array), None, dtype=object)
    flat = cap == "flat" or side is not None
    if km > 0 and not flat:
        _surround(array, kind, (kind == 4, lines, areas), 1e3 * km, rtol, result)
    for row in np.flatnonzero(given & shapely.is_missing(result)):
        result[row] = buffer_one(array[row], float(km), rtol, flat=flat, side=side)
    if source.single:
        return result[0]
    # Known to be geometries, so the array needn't check each again.
    shapes = GeometryArray(result, crs=WGS84)
    answer = gpd.GeoSeries(shapes, index=source.index, name=source.name, copy=False)
    answer.attrs = {"method": f"geodesic buffer, rtol {rtol}", **ATTRS}
    return answer


def _surround(
    array: NDArray[Any],
    kind: NDArray[np.int32],
    groups: tuple[NDArray[np.bool_], ...],
    metres: float,
    rtol: float,
    result: NDArray[Any],
) -> None:
    """Enter the round buffers that needn't be made one by one from a guess in a plane."""
    spots = np.flatnonzero(kind == 0)
    if len(spots):
        result[spots] = around_points(shapely.get_coordinates(array[spots]), metres, rtol)
    # Of many short lines, trying each would take as long as outlining all.
    single = np.flatnonzero((kind == 1) | ((kind == 5) & (shapely.get_num_geometries(array) == 1)))
    long = shapely.get_num_coordinates(array[single]) >= _LONG
    for row in single[long] if len(single) >= _FEW else single:
        result[row] = offset(shapely.get_geometry(array[row], 0), metres, rtol)
    for alike in groups:
        rows = np.flatnonzero(alike & shapely.is_missing(result))
        if len(rows):
            result[rows] = around_shapes(array[rows], metres, rtol)


def _check(km: float, rtol: float, cap: str, side: str | None) -> None:
    if not isinstance(km, (int, float, np.integer, np.floating)):
        raise InputTypeError(f"km is {quote(km)}; a number of kilometres is needed, such as km=10.")
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


def _refuse_others(
    others: NDArray[Any], index: pd.Index, side: str | None, *, single: bool
) -> None:
    """Refuse other kinds than lines, with sides or flat ends."""
    kinds = ", ".join(sorted({shape.geom_type for shape in others}))
    what = f"is a {kinds}" if single else f"has {kinds} (index {index[:5].tolist()})"
    option = 'cap="flat"' if side is None else f'side="{side}"'
    advice = "leave it out" if single else "leave it out, or buffer these by themselves"
    raise InputError(f"{option} is for lines, and x {what}; {advice}.")


def _refuse_still(lines: Paths, index: pd.Index, side: str | None) -> None:
    """Refuse lines with a part at one place on a side; with flat ends, those wholly at one."""
    is_still = path_lengths_m(lines) < _STILL_M
    still = lines.owner[is_still]
    if side is None:
        still = np.setdiff1d(still, lines.owner[~is_still])
    if len(still):
        lacks, option = ("ends", "cap=") if side is None else ("sides", "side=")
        raise GeometryError(
            f"x has a line whose vertices are all at one place (index {index[still[0]]}), which "
            f"has no {lacks}. Leave {option} out for the disc around it, or take it out of x."
        )


def around_points(xy: Floats, metres: float, rtol: float) -> NDArray[Any]:
    """Return circles around points; None where one is too wide, near a pole or on the antimeridian.

    Parameters
    ----------
    xy : ndarray, shape (n, 2)
        lon, lat.
    metres, rtol : float

    Returns
    -------
    ndarray of Polygon, shape (n,)
    """
    made = np.full(len(xy), None, dtype=object)
    here = np.flatnonzero(_is_plain(np.column_stack((xy, xy)), metres))
    within = _SHARE * rtol
    # The sag of an arc, and the distance of a straight line in lon, lat from a geodesic.
    steepest = np.tan(np.radians(np.abs(xy[here, 1]) + metres / LEAST_DEGREE_M))
    bend = 1.0 / metres + (2.0 * steepest + 0.05) / LEAST_RADIUS_M
    count = np.ceil(np.pi * metres * np.sqrt(bend / (2.0 * _SAG * within * metres)))
    count = count.astype(np.int64)
    for first in range(0, len(here), _CIRCLES):
        rows = here[first : first + _CIRCLES]
        begin = np.concatenate(([0], np.cumsum(count[first : first + _CIRCLES] + 1)))
        spots, out = np.ascontiguousarray(xy[rows]), np.empty((begin[-1], 2))
        run = choose(circles, len(out))
        aim = metres * (1.0 + _OUT * within)
        spread(lambda i, j: run(spots, begin, i, j, aim, out), len(rows), least=500)  # noqa: B023
        parts = (begin, np.arange(len(begin)))
        made[rows] = shapely.from_ragged_array(shapely.GeometryType.POLYGON, out, parts)
    return made


def _is_plain(bounds: Floats, metres: float) -> NDArray[np.bool_]:
    """Return whether buffers are of moderate size, and away from the poles and the antimeridian."""
    north = np.maximum(np.abs(bounds[:, 1]), np.abs(bounds[:, 3])) + metres / LEAST_DEGREE_M
    north += 0.5 * (bounds[:, 2] > bounds[:, 0])  # edges bulge beyond their ends
    plain = (north < _NORTH_DEG) & (metres <= _WIDEST_M)
    east = metres / (LEAST_DEGREE_M * np.cos(np.radians(np.minimum(north, _NORTH_DEG))))
    plain &= (bounds[:, 0] - east > -180.0) & (bounds[:, 2] + east < 180.0)
    return np.asarray(plain)


def around_shapes(geoms: NDArray[Any], metres: float, rtol: float) -> NDArray[Any]:
    """Return the buffers of shapes; None where one must be buffered another way.

    Parameters
    ----------
    geoms : ndarray of geometries
        Checked, all of points, all of lines or all polygons, none missing.
    metres, rtol : float

    Returns
    -------
    ndarray of geometries, shape (n,)
    """
    made = np.full(len(geoms), None, dtype=object)
    bounds = shapely.bounds(geoms)
    plain = _is_plain(bounds, metres)
    plain &= bounds[:, 2] - bounds[:, 0] + 4.0 * metres / LEAST_DEGREE_M < _WIDEST_DEG
    crowded = _is_crowded(geoms, bounds, metres)
    here = np.flatnonzero(plain & ~crowded)
    for first in range(0, len(here), _SHAPES):
        rows = here[first : first + _SHAPES]
        made[rows] = outline_all(geoms[rows], metres, rtol)
    if len(geoms) and shapely.get_type_id(geoms[0]) == _POINTS:
        for row in np.flatnonzero(plain & crowded):
            made[row] = _around_crowd(geoms[row], metres, rtol)
    return made


def _is_crowded(geoms: NDArray[Any], bounds: Floats, metres: float) -> NDArray[np.bool_]:
    """Return whether vertices have so many others near them that outlining isn't quick.

    Each is compared with what is near; were they spread evenly, their number would be this.
    """
    count = shapely.get_num_coordinates(geoms)
    reach = 4.0 * metres / LEAST_DEGREE_M
    size = np.maximum(bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1])
    share = np.minimum(reach / np.maximum(size, 1e-9), 1.0)
    points = shapely.get_type_id(geoms) == _POINTS
    share[points] **= 2.0
    return np.asarray(count * share > np.where(points, _CROWD_OF_POINTS, _CROWD))


def _around_crowd(points: Any, metres: float, rtol: float) -> Any:
    """Return the buffer of many points, outlined in groups of neighbours; None where one fails."""
    spots = np.unique(shapely.get_coordinates(points), axis=0)
    west, south, east, north = map(float, shapely.bounds(points))
    lon, lat = np.ascontiguousarray(spots.T)
    order = order_along_curve(lon, lat, (west, south, east, north))
    groups = np.array_split(spots[order], len(spots) // _GROUP + 1)
    made = outline_all(np.array([shapely.MultiPoint(group) for group in groups]), metres, rtol)
    return None if shapely.is_missing(made).any() else shapely.union_all(made)

"""The gate: whatever a caller brings becomes checked geometries in lon, lat.

Everything behind this module trusts that coordinates are finite, in range and on WGS 84.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from cpecgeo.errors import CoordinateError, CRSError, GeometryError, InputError, InputTypeError
from cpecgeo.geodesy._ellipsoid import Floats, Ints

__all__ = [
    "LINES",
    "POINTS",
    "POLYGONS",
    "is_single",
    "lonlat",
    "lonlat_points",
    "numbers",
    "positive_km",
    "refuse_degrees",
]

POINTS = frozenset({"Point"})
LINES = frozenset({"LineString", "LinearRing", "MultiLineString"})
POLYGONS = frozenset({"Polygon", "MultiPolygon"})

# A projection's inverse may end a rounding error outside the map; degrees.
_ROUNDING = 1e-9


def is_single(x: Any) -> bool:
    """Whether `x` is one geometry, so that the answer is one value, not a Series."""
    return isinstance(x, shapely.Geometry)


def positive_km(value: float, what: str, *, allow_zero: bool = False) -> float:
    """`value` as a float, or an error that names the rule.

    Parameters
    ----------
    value : float
        A length in kilometres.
    what : str
        Its name in the message.
    allow_zero : bool
        Whether 0 is a value.

    Returns
    -------
    float

    Raises
    ------
    InputError
        Not a number, not finite, or not positive.

    Examples
    --------
    >>> positive_km(5, "max_km")
    5.0
    """
    try:
        km = float(value)
    except (TypeError, ValueError):
        raise InputTypeError(
            f"{what} is {value!r}; a number of kilometres is needed, such as {what}=10."
        ) from None
    if not np.isfinite(km) or km < 0 or (km == 0 and not allow_zero):
        rule = "0 or more" if allow_zero else "more than 0"
        raise InputError(f"{what} is {value!r}; kilometres must be finite and {rule}.")
    return km


def numbers(values: Any, what: str) -> Floats:
    """`values` as an array of floats.

    Raises
    ------
    InputTypeError
        Something among them is no number.

    Examples
    --------
    >>> numbers([1, 2], "km")
    array([1., 2.])
    """
    try:
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise InputTypeError(
            f"{what} is {type(values).__name__} {str(values)[:40]!r}; numbers are needed."
        ) from None


def lonlat(
    x: Any,
    *,
    what: str = "x",
    kinds: Collection[str] | None = None,
    missing: Literal["raise", "keep"] = "raise",
) -> gpd.GeoSeries:
    """Geometries of `x` in lon, lat on WGS 84, checked.

    Parameters
    ----------
    x : shapely geometry, sequence of them, GeoSeries or GeoDataFrame
        Bare geometries are taken as lon, lat degrees on WGS 84. A series or frame must
        have a CRS; it is reprojected from any.
    what : str
        The argument's name, for messages.
    kinds : collection of str, optional
        Allowed geometry types, such as ``{"Point"}``; all but collections when omitted.
    missing : {"raise", "keep"}
        Whether None and empty geometries are an error or stay, as None.

    Returns
    -------
    GeoSeries
        EPSG:4326, two-dimensional, on the index of `x` (0, 1, … for bare geometries). `x`
        itself is never changed.

    Raises
    ------
    InputTypeError
        `x` holds no geometries.
    CRSError
        A series or frame without a CRS, with one that can't be turned into lon, lat, or with
        a projected one on coordinates that look like degrees.
    CoordinateError
        NaN, infinity, latitude beyond 90° or longitude beyond 180°.
    GeometryError
        Missing or empty geometry, or one of a kind that isn't allowed.

    Examples
    --------
    >>> from shapely.geometry import Point
    >>> lonlat(Point(67.0, 24.9)).crs.to_epsg()
    4326
    >>> lonlat(Point(24.9, 167.0))
    Traceback (most recent call last):
    cpecgeo.errors.CoordinateError: x has latitude 167.0 at position 0; ...swapped...
    """
    if missing not in ("raise", "keep"):
        raise InputError(f'missing is {missing!r}; it is "raise" or "keep".')
    if kinds is not None and not (
        isinstance(kinds, (set, frozenset, list, tuple)) and all(isinstance(k, str) for k in kinds)
    ):
        raise InputTypeError(f'kinds is {kinds!r}; a set of types is needed, such as {{"Point"}}.')
    series, array, _ = _checked(x, what, kinds, missing)
    return gpd.GeoSeries(array, index=series.index, crs="EPSG:4326", name=series.name)


def lonlat_points(x: Any, *, what: str = "points") -> tuple[Any, Floats, Ints | None]:
    """As `lonlat` for points, to arrays.

    Parameters
    ----------
    x : Point, or a GeoSeries / GeoDataFrame of points
    what : str
        The argument's name, for messages.

    Returns
    -------
    index : Index
        That of `x`.
    xy : ndarray, shape (n, 2)
        lon, lat of the points that aren't missing.
    here : ndarray of int or None
        Their positions; None when no point is missing.

    Raises
    ------
    CpecgeoError
        As `lonlat`.

    Examples
    --------
    >>> from shapely.geometry import Point
    >>> lonlat_points([Point(67, 25), None])[1:]
    (array([[67., 25.]]), array([0]))
    """
    series, array, xy = _checked(x, what, POINTS, "keep")
    here = np.flatnonzero(~shapely.is_missing(array)) if len(xy) < len(array) else None
    return series.index, xy, here


def _checked(
    x: Any, what: str, kinds: Collection[str] | None, missing: str
) -> tuple[gpd.GeoSeries, NDArray[Any], Floats]:
    """The series as it came, its checked geometries, and all their coordinates."""
    series = _series(x, what)
    array = _to_wgs84(series, what)
    if shapely.has_z(array).any():
        array = shapely.force_2d(array)
    array = _without_empty(array, series.index, what, missing)
    _check_kinds(array, series.index, what, kinds)
    xy = shapely.get_coordinates(array)
    _check_range(xy, array, what)
    return series, array, xy


def _series(x: Any, what: str) -> gpd.GeoSeries:
    """The geometries with their index and CRS; bare ones are on WGS 84 by agreement."""
    if isinstance(x, gpd.GeoDataFrame):
        try:
            return x.geometry
        except AttributeError as error:
            raise GeometryError(
                f"{what} is a GeoDataFrame without an active geometry column; "
                "call set_geometry first."
            ) from error
    if isinstance(x, gpd.GeoSeries):
        return x
    if isinstance(x, shapely.Geometry):
        return gpd.GeoSeries([x], crs="EPSG:4326")
    if isinstance(x, Iterable) and not isinstance(x, (str, bytes, dict)):
        items = list(x)
        if all(g is None or isinstance(g, shapely.Geometry) for g in items):
            return gpd.GeoSeries(items, crs="EPSG:4326")
    raise InputTypeError(
        f"{what} is {type(x).__name__}; a shapely geometry, GeoSeries or GeoDataFrame is needed. "
        "Numbers become points with shapely.points(lon, lat)."
    )


def _to_wgs84(series: gpd.GeoSeries, what: str) -> NDArray[Any]:
    if series.crs is None:
        raise CRSError(
            f"{what} has no CRS, so its coordinates mean nothing; say what they are with "
            'set_crs("EPSG:4326") for lon, lat.'
        )
    if series.crs.equals("EPSG:4326", ignore_axis_order=True):
        return np.asarray(series.array, dtype=object)
    refuse_degrees(series.crs, series.total_bounds, what)
    try:
        moved = series.to_crs("EPSG:4326")
    except (pyproj.exceptions.ProjError, RuntimeError, ValueError) as error:
        raise CRSError(
            f"{what} is in {series.crs.name!r}, which can't be turned into lon, lat ({error}); "
            "reproject it to EPSG:4326 yourself."
        ) from error

    def inside(xy: Floats) -> Floats:
        limit = np.array([180.0, 90.0])
        clipped = np.clip(xy, -limit, limit)
        return np.where(np.abs(clipped - xy) <= _ROUNDING, clipped, xy)

    array = shapely.force_2d(np.asarray(moved.array, dtype=object))
    return np.asarray(shapely.transform(array, inside))


def refuse_degrees(crs: pyproj.CRS, bounds: Any, what: str) -> None:
    """An error where lon, lat bear the name of a projection: all would lie at its origin.

    Parameters
    ----------
    crs : pyproj.CRS
    bounds : sequence of float
        Least x and y, greatest x and y; NaN where there are no coordinates.
    what : str
        The argument's name, for messages.

    Raises
    ------
    CRSError
        The CRS is projected, and no coordinate is beyond 180 in x and 90 in y.

    Examples
    --------
    >>> refuse_degrees(pyproj.CRS(32642), (5e5, 2.7e6, 6e5, 2.8e6), "x")
    """
    if not crs.is_projected:
        return
    west, south, east, north = map(float, bounds)
    # In any unit of length, such a box is a speck at the projection's origin.
    if west >= -180 and south >= -90 and east <= 180 and north <= 90:
        raise CRSError(
            f"{what} is in {crs.name!r}, which is projected, but x runs from {west:g} to "
            f"{east:g} and y from {south:g} to {north:g}: these look like degrees. If they are, "
            "say so with set_crs(4326, allow_override=True)."
        )


def _without_empty(array: NDArray[Any], index: Any, what: str, missing: str) -> NDArray[Any]:
    empty = shapely.is_missing(array) | shapely.is_empty(array)
    if not empty.any():
        return array
    if missing == "keep":
        array = array.copy()
        array[empty] = None
        return array
    where = index[empty][:5].tolist()
    raise GeometryError(
        f"{what} has {int(empty.sum())} missing or empty geometries (index {where}); "
        "drop them first, for instance with x[~(x.is_empty | x.isna())]."
    )


def _check_kinds(array: NDArray[Any], index: Any, what: str, kinds: Collection[str] | None) -> None:
    codes = shapely.get_type_id(array)
    names = np.array(
        [
            "Point", "LineString", "LinearRing", "Polygon",
            "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection",
        ]
    )  # fmt: skip
    allowed = set(names[:-1]) if kinds is None else set(kinds)
    good = np.append(np.isin(names, list(allowed)), True)  # -1, missing, is the last
    bad = ~good[codes]
    if bad.any():
        found = sorted(set(names[codes[bad]].tolist()))
        raise GeometryError(
            f"{what} has {', '.join(found)} (index {index[bad][:5].tolist()}); "
            f"{' or '.join(sorted(allowed))} is needed"
            + ("; explode() takes collections apart." if "GeometryCollection" in found else ".")
        )


def _check_range(xy: Floats, array: NDArray[Any], what: str) -> None:
    lon, lat = xy[:, 0], xy[:, 1]
    # No comparison with NaN is true, so one of these fails for it too.
    if len(xy) == 0 or (
        lat.max() <= 90 and lat.min() >= -90 and lon.max() <= 180 and lon.min() >= -180
    ):
        return
    owner = shapely.get_coordinates(array, return_index=True)[1]
    if not np.isfinite(xy).all():
        first = int(owner[~np.isfinite(xy).all(axis=1)][0])
        raise CoordinateError(
            f"{what} has a coordinate that is NaN or infinite at position {first}; "
            "drop it, or check the CRS that it came from."
        )
    off_lat = np.abs(lat) > 90
    off = off_lat if off_lat.any() else np.abs(lon) > 180
    at = int(np.flatnonzero(off)[0])
    name, value, limit = ("latitude", lat[at], 90) if off_lat.any() else ("longitude", lon[at], 180)
    swapped = bool(off_lat.any() and (np.abs(lon) <= 90).all() and (np.abs(lat) <= 180).all())
    hint = (
        "lon and lat seem to be swapped: x is longitude, y is latitude."
        if swapped
        else "give lon, lat degrees on WGS 84, or a GeoSeries with the right CRS."
    )
    raise CoordinateError(
        f"{what} has {name} {value} at position {int(owner[at])}; it must be within "
        f"±{limit}°; {hint}"
    )

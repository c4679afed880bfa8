"""Validation of input: whatever a caller gives becomes checked geometries in lon, lat.

Other modules trust that coordinates are finite, in range and on WGS 84, that no part is empty, and
that polygons are valid. A `Checked` or a `CheckedPoints` has been validated, and isn't validated
again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from geopandas.array import GeometryArray
from numpy.typing import NDArray

from cpecgeo.errors import CRSError, GeometryError, InputTypeError
from cpecgeo.geodesy._ellipsoid import WGS84, Floats, Ints, from_wgs84, to_wgs84
from cpecgeo.geodesy._paths import Paths, any_heights, as_lines, paths, plain_points, without_empty
from cpecgeo.geodesy._rules import (
    LINES,
    POINTS,
    POLYGONS,
    check_kinds,
    check_missing,
    check_options,
    check_range,
    drop_empty_parts,
    find_invalid,
    mend_or_refuse,
    numbers,
    positive_km,
)

__all__ = [
    "LINES",
    "POINTS",
    "POLYGONS",
    "Checked",
    "CheckedPoints",
    "GeometryLike",
    "PointsLike",
    "check",
    "check_points",
    "from_wgs84",
    "is_single",
    "lonlat",
    "numbers",
    "positive_km",
    "to_wgs84",
]


@dataclass(frozen=True, eq=False)
class Checked:
    """Geometries that have been validated; other functions don't check them again.

    Parameters
    ----------
    given : ndarray of geometries, shape (n,)
        In lon, lat on WGS 84, valid; None where missing.
    index : Index
        The caller's.
    kind : ndarray of int, shape (n,)
        Type ids, -1 where missing.
    single : bool
        Whether the caller gave one geometry, so that the answer is one value.
    name : hashable
        That of the caller's series.
    is_flat : bool
        Whether they are known to be two-dimensional.
    """

    given: NDArray[Any]
    index: pd.Index
    kind: NDArray[np.int32]
    single: bool = False
    name: Any = None
    is_flat: bool = True

    def __len__(self) -> int:
        return len(self.given)

    @cached_property
    def geoms(self) -> NDArray[Any]:
        """The geometries, two-dimensional; heights of many points are dropped only when needed."""
        has_heights = not self.is_flat and any_heights(self.given)
        return shapely.force_2d(self.given) if has_heights else self.given

    @cached_property
    def xy(self) -> Floats:
        """All coordinates, shape (vertices, 2); extracted once."""
        return np.asarray(shapely.get_coordinates(self.given))

    @cached_property
    def flat(self) -> Paths:
        """All lines and rings; split once."""
        return paths(self.geoms)

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Which geometries are missing, shape (n,)."""
        return self.kind < 0

    def series(self) -> gpd.GeoSeries:
        """Return them as a GeoSeries, EPSG:4326."""
        # Known to be geometries, so the array needn't check each again.
        array = GeometryArray(self.geoms, crs=WGS84)
        return gpd.GeoSeries(array, index=self.index, name=self.name, copy=False)


@dataclass(frozen=True, eq=False)
class CheckedPoints:
    """Points that have been validated; other functions don't check them again.

    Parameters
    ----------
    xy : ndarray of float, shape (m, 2)
        lon, lat of the points that aren't missing.
    index : Index, length n
        The caller's.
    here : ndarray of int, shape (m,), or None
        Their positions in `index`; None when no point is missing.
    """

    xy: Floats
    index: pd.Index
    here: Ints | None = None

    def __len__(self) -> int:
        return len(self.index)

    def each(self, times: int = 1) -> Floats:
        """Return lon, lat of each row, so many times; NaN where a point is missing."""
        xy = self.xy
        if self.here is not None:
            xy = np.full((len(self), 2), np.nan)
            xy[self.here] = self.xy
        return xy if times == 1 else np.repeat(xy, times, axis=0)


GeometryLike: TypeAlias = (
    shapely.Geometry
    | gpd.GeoSeries
    | gpd.GeoDataFrame
    | Iterable[shapely.Geometry | None]
    | Checked
)
PointsLike: TypeAlias = GeometryLike | CheckedPoints


def is_single(x: object) -> bool:
    """Return whether `x` is one geometry, so that the answer is one value, not a Series."""
    return isinstance(x, shapely.Geometry) or (isinstance(x, Checked) and x.single)


def lonlat(
    x: GeometryLike,
    *,
    what: str = "x",
    kinds: Collection[str] | None = None,
    missing: Literal["raise", "keep"] = "raise",
    invalid: Literal["raise", "mend"] = "mend",
) -> gpd.GeoSeries:
    """Return the geometries of `x` in lon, lat on WGS 84, checked.

    Parameters
    ----------
    x : shapely geometry, sequence of them, GeoSeries or GeoDataFrame
        Bare geometries are taken as lon, lat degrees on WGS 84. A series or frame must
        have a CRS; it is reprojected from any that has an operation of stated accuracy.
    what : str
        The argument's name, for messages.
    kinds : collection of str, optional
        Allowed geometry types, such as ``{"Point"}``; all but collections when omitted.
    missing : {"raise", "keep"}
        Whether None and empty geometries are an error or stay, as None.
    invalid : {"mend", "raise"}
        Whether polygons that cross themselves, or whose parts overlap or share an edge, are
        replaced by what they cover, with a `GeometryWarning` that counts them, or are an
        error. A polygon that covers nothing counts as missing.

    Returns
    -------
    GeoSeries
        EPSG:4326, two-dimensional, without empty parts, linear rings as lines, on the index of `x`
        (0, 1, … for bare geometries). `x` itself is never changed.

    Raises
    ------
    InputTypeError
        `x` holds no geometries.
    CRSError
        A series or frame without a CRS, with one that can't be turned into lon, lat to a
        stated accuracy, or with a projected one on coordinates that look like degrees.
    CoordinateError
        NaN, infinity, latitude beyond 90° or longitude beyond 180°.
    GeometryError
        Missing or empty geometry, one of a kind that isn't allowed, or an invalid one.

    Examples
    --------
    >>> from shapely.geometry import Point
    >>> lonlat(Point(67.0, 24.9)).crs.to_epsg()
    4326
    >>> lonlat(Point(24.9, 167.0))
    Traceback (most recent call last):
    cpecgeo.errors.CoordinateError: x has latitude 167.0 at position 0; ...swapped...
    """
    return check(x, what=what, kinds=kinds, missing=missing, invalid=invalid).series()


def check(
    x: PointsLike,
    *,
    what: str = "x",
    kinds: Collection[str] | None = None,
    missing: Literal["raise", "keep"] = "raise",
    invalid: Literal["raise", "mend"] = "mend",
) -> Checked:
    """Check geometries as `lonlat` does; return a record that isn't checked again.

    Parameters
    ----------
    x, what, kinds, missing, invalid
        As for `lonlat`. Of a `Checked` only kinds and missing geometries are checked.

    Returns
    -------
    Checked

    Raises
    ------
    CpecgeoError
        As `lonlat`.

    Examples
    --------
    >>> from shapely.geometry import Point
    >>> len(check([Point(67, 25), Point(67, 26)]))
    2
    """
    check_options(kinds, missing, invalid)
    if isinstance(x, CheckedPoints):
        x = _as_geometries(x)
    if isinstance(x, Checked):
        check_kinds(x.kind, x.index, what, kinds)
        if missing == "raise":
            check_missing(x.missing, x.index, what)
        return x
    series = _unpack(x, what)
    index, array, crs = series.index, series.array, _crs(series.crs, what)
    if crs == WGS84 and (plain := plain_points(array)) is not None:
        kind = np.zeros(len(array), np.int32)
        check_kinds(kind, index, what, kinds)
        return _with(Checked(array, index, kind, name=series.name, is_flat=False), plain)
    kind = shapely.get_type_id(array)
    if any_heights(array):
        array = shapely.force_2d(array)
    if kind.max(initial=-1) > 2:  # other kinds than points and plain lines
        array = drop_empty_parts(array, kind)
    array, kind, xy, flat = without_empty(array, kind)
    array, xy = _to_lonlat(array, xy, crs, what)
    if missing == "raise":
        check_missing(kind < 0, index, what)
    check_kinds(kind, index, what, kinds)
    array, kind = as_lines(array, kind)
    check_range(xy, array, what)
    flat = flat and replace(flat, xy=xy)
    rows = find_invalid(array, kind, flat)
    if len(rows):
        array, kind = mend_or_refuse(array, kind, index, rows, what, invalid)
        if missing == "raise":
            check_missing(kind < 0, index, what)
        return Checked(array, index, kind, is_single(x), series.name)
    return _with(Checked(array, index, kind, is_single(x), series.name), xy, flat)


def check_points(x: PointsLike, *, what: str = "points") -> CheckedPoints:
    """Check points as `lonlat` does; return arrays that aren't checked again.

    Parameters
    ----------
    x : Point, or a GeoSeries / GeoDataFrame of points
        None and empty points are missing.
    what : str
        The argument's name, for messages.

    Returns
    -------
    CheckedPoints

    Raises
    ------
    CpecgeoError
        As `lonlat`.

    Examples
    --------
    >>> from shapely.geometry import Point
    >>> check_points([Point(67, 25), None]).here
    array([0])
    """
    if isinstance(x, CheckedPoints):
        return x
    if isinstance(x, Checked):
        check_kinds(x.kind, x.index, what, POINTS)
        here = np.flatnonzero(x.kind == 0) if x.missing.any() else None
        return CheckedPoints(x.xy, x.index, here)
    series = _unpack(x, what)
    array, crs = series.array, _crs(series.crs, what)
    if crs == WGS84 and (plain := plain_points(array)) is not None:
        return CheckedPoints(plain, series.index)
    xy = shapely.get_coordinates(array)  # missing and empty points have none
    xy = to_wgs84(xy, crs, what)
    kind = shapely.get_type_id(array)
    here = None
    if len(xy) != len(array) or (kind != 0).any():
        kind = np.where(shapely.is_empty(array), -1, kind)
        check_kinds(kind, series.index, what, POINTS)
        here = np.flatnonzero(kind == 0)
    check_range(xy, array, what)
    return CheckedPoints(xy, series.index, here)


def _with(checked: Checked, xy: Floats, flat: Paths | None = None) -> Checked:
    """Store extracted coordinates and paths with the geometries, to be extracted only once."""
    vars(checked).update({"xy": xy} if flat is None else {"xy": xy, "flat": flat})
    return checked


def _as_geometries(points: CheckedPoints) -> Checked:
    geoms = np.full(len(points), None, dtype=object)
    rows = slice(None) if points.here is None else points.here
    geoms[rows] = shapely.points(points.xy)
    return Checked(geoms, points.index, shapely.get_type_id(geoms))


def _to_lonlat(array: NDArray[Any], xy: Floats, crs: Any, what: str) -> tuple[NDArray[Any], Floats]:
    """Reproject geometries to lon, lat; return them, and all their coordinates."""
    moved = to_wgs84(xy, crs, what)
    if moved is xy:
        return array, xy
    return shapely.set_coordinates(array.copy(), moved), moved


def _crs(crs: Any, what: str) -> Any:
    if crs is None:
        raise CRSError(
            f"{what} has no CRS, so its coordinates mean nothing; say what they are with "
            'set_crs("EPSG:4326") for lon, lat.'
        )
    return crs


@dataclass(frozen=True, eq=False)
class _Raw:
    """A caller's input: geometries, index and CRS."""

    array: NDArray[Any]
    index: pd.Index
    crs: Any
    name: Any = None


def _unpack(x: GeometryLike | CheckedPoints, what: str) -> _Raw:
    """Return the geometries with their index and CRS; bare geometries are taken to be on WGS 84."""
    if isinstance(x, gpd.GeoDataFrame):
        try:
            x = x.geometry
        except AttributeError as error:
            raise GeometryError(
                f"{what} is a GeoDataFrame without an active geometry column; "
                "call set_geometry first."
            ) from error
    if isinstance(x, gpd.GeoSeries):
        return _Raw(np.asarray(x.array, dtype=object), x.index, x.crs, x.name)
    if isinstance(x, shapely.Geometry):
        return _Raw(np.array([x], dtype=object), pd.RangeIndex(1), WGS84)
    if isinstance(x, Iterable) and not isinstance(x, (str, bytes, dict, CheckedPoints)):
        items = list(x)
        array = np.empty(len(items), dtype=object)
        for i, item in enumerate(items):
            array[i] = item
        try:
            shapely.get_type_id(array)
        except TypeError:  # not all are geometries
            pass
        else:
            return _Raw(array, pd.RangeIndex(len(items)), WGS84)
    raise InputTypeError(
        f"{what} is {type(x).__name__}; a shapely geometry, GeoSeries or GeoDataFrame is needed. "
        "Numbers become points with shapely.points(lon, lat)."
    )

"""The rules that input must meet, one function each; what each breaks, and what to do."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import ArrayLike, NDArray

from cpecgeo.errors import (
    CoordinateError,
    GeometryError,
    GeometryWarning,
    InputError,
    InputTypeError,
)
from cpecgeo.geodesy._ellipsoid import Floats, Ints
from cpecgeo.geodesy._validity import mend

__all__ = [
    "LINES",
    "POINTS",
    "POLYGONS",
    "check_kinds",
    "check_missing",
    "check_options",
    "check_range",
    "mend_or_refuse",
    "numbers",
    "positive_km",
]

POINTS = frozenset({"Point"})
LINES = frozenset({"LineString", "LinearRing", "MultiLineString"})
POLYGONS = frozenset({"Polygon", "MultiPolygon"})

_NAMES = np.array(
    [
        "Point", "LineString", "LinearRing", "Polygon",
        "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection",
    ]
)  # fmt: skip
_ANY = frozenset(_NAMES[:-1].tolist())


def positive_km(value: float, what: str, *, allow_zero: bool = False) -> float:
    """Return `value` as a float, or raise an error that names the rule.

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


def numbers(values: ArrayLike, what: str) -> Floats:
    """Return `values` as an array of floats.

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


def check_options(kinds: Collection[str] | None, missing: str, invalid: str) -> None:
    """Refuse options of the door that don't exist."""
    if missing not in ("raise", "keep"):
        raise InputError(f'missing is {missing!r}; it is "raise" or "keep".')
    if invalid not in ("raise", "mend"):
        raise InputError(f'invalid is {invalid!r}; it is "raise" or "mend".')
    if kinds is not None and not (
        isinstance(kinds, (set, frozenset, list, tuple)) and all(isinstance(k, str) for k in kinds)
    ):
        raise InputTypeError(f'kinds is {kinds!r}; a set of types is needed, such as {{"Point"}}.')


def check_missing(missing: NDArray[np.bool_], index: pd.Index, what: str) -> None:
    """Refuse missing geometries."""
    if missing.any():
        raise GeometryError(
            f"{what} has {int(missing.sum())} missing or empty geometries "
            f"(index {index[missing][:5].tolist()}); "
            "drop them first, for instance with x[~(x.is_empty | x.isna())]."
        )


def check_kinds(
    kind: NDArray[Any], index: pd.Index, what: str, kinds: Collection[str] | None
) -> None:
    """Refuse geometries of other kinds than `kinds`; of collections when that is None."""
    allowed = _ANY if kinds is None else frozenset(kinds)
    # -1, missing, is the last.
    good = np.append(np.isin(_NAMES, list(allowed)), True)
    bad = ~good[kind]
    if bad.any():
        found = sorted(set(_NAMES[kind[bad]].tolist()))
        raise GeometryError(
            f"{what} has {', '.join(found)} (index {index[bad][:5].tolist()}); "
            f"{' or '.join(sorted(allowed))} is needed"
            + ("; explode() takes collections apart." if "GeometryCollection" in found else ".")
        )


def mend_or_refuse(
    array: NDArray[Any], kind: NDArray[Any], index: pd.Index, rows: Ints, what: str, invalid: str
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Mend the geometries in `rows` with a warning, or refuse them; return all, and their kinds."""
    where = index[rows][:5].tolist()
    fault = f"{what} has {len(rows)} invalid polygons (index {where})"
    if invalid == "raise":
        reason = shapely.is_valid_reason(array[rows[0]])
        raise GeometryError(
            f"{fault}, the first with {reason!r}; mend them with make_valid(), or leave that to "
            'invalid="mend".'
        )
    array = mend(array, rows)
    kind = shapely.get_type_id(array)
    lost = int((kind[rows] < 0).sum())
    warnings.warn(
        f"{fault}, which cross themselves, or whose parts overlap or share an edge; they were "
        "replaced by what they cover, as make_valid() does"
        + (f", and {lost} that cover nothing are taken as missing. " if lost else ". ")
        + 'To refuse them instead, pass them through lonlat(x, invalid="raise").',
        GeometryWarning,
        stacklevel=_depth(),
    )
    return array, kind


def _depth() -> int:
    """How many calls above the warning the caller's own code is."""
    frame, depth = sys._getframe(1), 0  # noqa: SLF001 - what warnings themselves count
    while frame.f_back is not None and frame.f_globals["__name__"].startswith("cpecgeo."):
        frame, depth = frame.f_back, depth + 1
    return depth + 1


def check_range(xy: Floats, array: NDArray[Any], what: str) -> None:
    """Refuse coordinates that aren't finite or beyond ±180° and ±90°."""
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

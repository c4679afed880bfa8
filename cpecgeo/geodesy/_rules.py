"""Rules that input must meet: what is refused, and what is mended.

Validity is tested in a plane, as in OGC Simple Features. Rings over the antimeridian are unrolled
first, and rings near a pole are projected to a plane around it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
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
    warn,
)
from cpecgeo.geodesy._ellipsoid import Floats, Ints
from cpecgeo.geodesy._paths import Paths, are_stars, densify_array, paths

__all__ = [
    "LINES",
    "POINTS",
    "POLYGONS",
    "check_kinds",
    "check_missing",
    "check_options",
    "check_range",
    "drop_empty_parts",
    "find_invalid",
    "mend_or_refuse",
    "numbers",
    "positive_km",
    "quote",
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

_EDGE_KM = 50.0
_POLAR_DEG = 75.0
_DIGITS = 10  # degrees: hundredths of a millimetre
_MULTI = (4, 5, 6)
_AREAS = (3, 6)
_Chart = Callable[[Floats], Floats]


def positive_km(value: float, what: str, *, allow_zero: bool = False) -> float:
    """Return `value` as a float, or raise an error that names the rule.

    Parameters
    ----------
    value : float
        A length in kilometres.
    what : str
        Its name in the message.
    allow_zero : bool
        Whether 0 is allowed.

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
        # Only the shell takes the text "10" for a number.
        km = float("" if isinstance(value, (str, bytes)) else value)
    except OverflowError:
        km = np.inf
    except (TypeError, ValueError):
        raise InputTypeError(
            f"{what} is {quote(value)}; a number of kilometres is needed, such as {what}=10."
        ) from None
    if not np.isfinite(km) or km < 0 or (km == 0 and not allow_zero):
        rule = "0 or more" if allow_zero else "more than 0"
        raise InputError(f"{what} is {quote(value)}; kilometres must be finite and {rule}.")
    return km


def quote(value: object) -> str:
    """Return a caller's value for a message, cut where it is long.

    Examples
    --------
    >>> quote(5), quote("ten"), len(quote("z" * 300))
    ('5', "'ten'", 42)
    """
    try:
        return repr(value[:40] if isinstance(value, str) else value)[:60]
    except ValueError:  # Python writes no more than some thousand digits
        return f"a {type(value).__name__} that is too long to write"


def numbers(values: ArrayLike, what: str) -> Floats:
    """Return `values` as an array of floats.

    Raises
    ------
    InputTypeError
        Something among them is no number; None, True and False aren't.

    Examples
    --------
    >>> numbers([1, 2], "km")
    array([1., 2.])
    """
    with suppress(TypeError, ValueError):
        if values is not None and np.asarray(values).dtype != bool:
            return np.asarray(values, dtype=float)
    given = f"{type(values).__name__} {str(values)[:40]!r}"
    raise InputTypeError(f"{what} is {given}; numbers are needed.")


def check_options(kinds: Collection[str] | None, missing: str, invalid: str) -> None:
    """Refuse values of the input options that don't exist."""
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
    """Refuse geometries of other kinds than `kinds`; collections when that is None."""
    allowed = _ANY if kinds is None else frozenset(kinds)
    # -1, missing, picks the last.
    good = np.append(np.isin(_NAMES, list(allowed)), True)
    if len(kind) and kind.min() == kind.max() and good[kind[0]]:  # mostly so, and quick
        return
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
    warn(
        f"{fault}, which cross themselves, or whose parts overlap or share an edge; they were "
        "replaced by what they cover, as make_valid() does"
        + (f", and {lost} that cover nothing are taken as missing. " if lost else ". ")
        + 'To refuse them instead, pass them through lonlat(x, invalid="raise").',
        GeometryWarning,
    )
    return array, kind


def check_range(xy: Floats, array: NDArray[Any], what: str) -> None:
    """Refuse coordinates that aren't finite, or are beyond ±180° or ±90°."""
    lon, lat = xy[:, 0], xy[:, 1]
    # Comparisons with NaN are false, so NaN fails here too.
    if len(xy) == 0 or (
        lat.max() <= 90 and lat.min() >= -90 and lon.max() <= 180 and lon.min() >= -180
    ):
        return
    owner = shapely.get_coordinates(array, return_index=True)[1]
    whole = np.isfinite(xy).all(axis=1)
    off = whole & ((np.abs(lat) > 90) | (np.abs(lon) > 180)) if whole.all() else ~whole
    at = int(np.flatnonzero(off)[0])
    row, point = int(owner[at]), (float(lon[at]), float(lat[at]))
    # A single bad row among good ones is a slip, not a swap.
    is_swapped = bool((np.abs(lon) <= 90).all() and 2 * np.count_nonzero(off) >= len(xy))
    raise CoordinateError.out_of_range(
        what, point, row, where=f"at position {row}", is_swapped=is_swapped, repair="correct it"
    )


def drop_empty_parts(array: NDArray[Any], kind: NDArray[Any]) -> NDArray[Any]:
    """Drop parts and inner rings that have no vertices.

    GEOS keeps empty parts, and arrays built from them would assign coordinates to the wrong parts.

    Parameters
    ----------
    array : ndarray of geometries
    kind : ndarray of int
        Their type ids.

    Returns
    -------
    ndarray of geometries
        `array` itself where no part is empty.
    """
    several = np.flatnonzero(np.isin(kind, _MULTI))
    parts, owner = shapely.get_parts(array[several], return_index=True)
    found = set(several[owner[shapely.is_empty(parts)]].tolist())
    areas = np.flatnonzero((kind == 6) | (shapely.get_num_interior_rings(array) > 0))
    parts, owner = shapely.get_parts(array[areas], return_index=True)
    holed = np.flatnonzero(shapely.get_num_interior_rings(parts) > 0)
    rings, part = shapely.get_rings(parts[holed], return_index=True)
    found |= set(areas[owner[holed[part[shapely.is_empty(rings)]]]].tolist())
    if not found:
        return array
    array = array.copy()
    for row in found:
        array[row] = _without_empty_parts(array[row])
    return array


def _without_empty_parts(geometry: shapely.Geometry) -> Any:
    parts = [p for p in shapely.get_parts(geometry) if not p.is_empty]
    if parts and parts[0].geom_type == "Polygon":
        holes = [[r for r in p.interiors if not r.is_empty] for p in parts]
        parts = [shapely.Polygon(p.exterior, h) for p, h in zip(parts, holes, strict=True)]
    return type(geometry)(parts) if hasattr(geometry, "geoms") else parts[0]


def find_invalid(array: NDArray[Any], kind: NDArray[Any], flat: Paths | None) -> Ints:
    """Find the polygons that are not valid; other kinds are always valid.

    Parameters
    ----------
    array : ndarray of geometries
        In lon, lat.
    kind : ndarray of int
        Their type ids.
    flat : Paths, optional
        Their rings, where all are polygons and have been split already.

    Returns
    -------
    ndarray of int
        Their positions, ascending.
    """
    rows = np.flatnonzero(np.isin(kind, _AREAS))
    if len(rows) == 0:
        return rows
    areas = array[rows]
    doubtful = ~are_stars(paths(areas) if flat is None else flat, len(areas))
    rows, areas = rows[doubtful], areas[doubtful]
    drawn, over = areas.copy(), _over_antimeridian(areas)
    drawn[over] = _draw(areas[over])
    doubtful = ~shapely.is_valid(drawn)
    # Long edges may cross as straight lines but not as geodesics; the reverse does no harm.
    dense = densify_array(areas[doubtful], _EDGE_KM)
    # Rounded, so that an edge and its reverse are cut at the same points.
    dense = shapely.transform(dense, lambda xy: np.round(xy, _DIGITS))
    return np.asarray(rows[doubtful][~shapely.is_valid(_draw(dense))])


def mend(array: NDArray[Any], rows: Ints) -> NDArray[Any]:
    """Replace polygons by valid ones that cover the same ground; None for those without area.

    Parameters
    ----------
    array : ndarray of geometries
    rows : ndarray of int
        From `find_invalid`.

    Returns
    -------
    ndarray of geometries
    """
    array = array.copy()
    for row in rows:
        there, back = _chart(array[row])
        mended = shapely.transform(_make_valid(shapely.transform(array[row], there)), back)
        array[row] = None if mended.is_empty else mended
    return array


def _make_valid(geometry: shapely.Geometry) -> Any:
    """Return a valid polygon: overlaps united, parts without area left out."""
    return shapely.make_valid(geometry, method="structure", keep_collapsed=False)


def _over_antimeridian(areas: NDArray[Any]) -> Ints:
    """Return which polygons have an edge over the antimeridian; polygons cut there have none."""
    xy, owner = shapely.get_coordinates(areas, return_index=True)
    there = np.unique(owner[1:][_leaps(xy, owner)])  # also from ring to ring
    parts, part_of = shapely.get_parts(areas[there], return_index=True)
    rings, ring_of = shapely.get_rings(parts, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    return np.asarray(there[np.unique(part_of[ring_of[ring[1:][_leaps(xy, ring)]]])])


def _leaps(xy: Floats, owner: Ints) -> NDArray[np.bool_]:
    """Return which steps cross the antimeridian; one of 360° leads from one side to the other."""
    step = np.abs(np.diff(xy[:, 0]))
    return np.asarray((step > 180.0) & (step < 360.0) & (owner[1:] == owner[:-1]))


def _planes(areas: NDArray[Any]) -> tuple[Floats, NDArray[np.float64]]:
    """Return coordinates in planes in which no polygon is torn.

    These are lon, lat moved by multiples of 360°, or a plane around a pole for polygons near it,
    which the second answer marks.
    """
    parts, owner = shapely.get_parts(areas, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    of = owner[part]  # the polygon of each ring
    first = np.flatnonzero(np.diff(ring, prepend=-1))
    last = np.append(first[1:], len(ring)) - 1
    step = np.diff(xy[:, 0], prepend=0.0)
    turns = np.cumsum(np.where(np.abs(step) > 180.0, -np.round(step / 360.0), 0.0))
    lon = xy[:, 0] + 360.0 * (turns - turns[first][ring])
    lat = np.bincount(of[ring], xy[:, 1], len(areas)) / np.bincount(of[ring], minlength=len(areas))
    # In lon, lat a ring around a pole doesn't close, and edges near a pole are bent.
    polar = np.abs(lat) > _POLAR_DEG
    polar[of[np.abs(lon[last] - lon[first]) > 180.0]] = True
    pole = np.where(polar, np.where(lat >= 0, 1.0, -1.0), 0.0)
    lon[last] = lon[first]  # exactly
    # Shells lie within 180° of the first one, holes within 180° of their shell.
    middle = np.bincount(ring, lon, len(rings)) / np.bincount(ring, minlength=len(rings))
    shell = np.searchsorted(part, part)
    turns = np.round((middle[np.searchsorted(of, of)] - middle) / 360.0)[shell]
    turns += np.round((middle[shell] - middle) / 360.0)
    plane = np.column_stack((lon + 360.0 * turns[ring], xy[:, 1]))
    here = (pole != 0)[of[ring]]
    plane[here] = _polar_chart(pole[of[ring]][here])[0](xy[here])
    return plane, pole


def _draw(areas: NDArray[Any]) -> NDArray[Any]:
    """Return polygons in planes in which none is torn, by the antimeridian or at a pole."""
    return shapely.set_coordinates(areas.copy(), _planes(areas)[0]) if len(areas) else areas


def _chart(area: shapely.Geometry) -> tuple[_Chart, _Chart]:
    """Return functions to a plane in which a polygon isn't torn, and back."""
    plane, (pole,) = _planes(np.array([area], dtype=object))
    if pole:
        return _polar_chart(float(pole))

    def roll(xy: Floats) -> Floats:
        lon = np.where(np.abs(xy[:, 0]) > 180.0, (xy[:, 0] + 180.0) % 360.0 - 180.0, xy[:, 0])
        return np.column_stack((lon, xy[:, 1]))

    return lambda _: plane, roll


def _polar_chart(pole: float | Floats) -> tuple[_Chart, _Chart]:
    """Return functions to the plane around a pole, 1 north and -1 south, and back."""

    def to_plane(xy: Floats) -> Floats:
        away, angle = 90.0 - pole * xy[:, 1], np.radians(xy[:, 0])
        return np.column_stack((away * np.cos(angle), away * np.sin(angle)))

    def from_plane(xy: Floats) -> Floats:
        away, angle = np.hypot(xy[:, 0], xy[:, 1]), np.arctan2(xy[:, 1], xy[:, 0])
        return np.column_stack((np.degrees(angle), pole * (90.0 - away)))

    return to_plane, from_plane

"""Points from columns of WKB, lon and lat, or text, in any CRS; checked by the usual rules."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyproj
import shapely
from numpy.typing import NDArray

from cpecgeo.errors import CoordinateError, CRSError, GeometryError, InputError
from cpecgeo.files import wellknown
from cpecgeo.files.disk import first_line
from cpecgeo.files.displacement import EXPECTED, is_within, undo_shift
from cpecgeo.files.notations import is_shifted, parse_degrees, parse_metres, resolve_crs
from cpecgeo.files.numbers import join_thousands, to_accuracy
from cpecgeo.geodesy._ellipsoid import WGS84, to_wgs84

__all__ = [
    "OWN",
    "check",
    "from_columns",
    "from_shapes",
    "from_wkb",
    "is_text",
    "plain",
    "read_accuracy",
    "to_wkb",
    "turn_of",
]

# Column with the accuracy of each point.
OWN = "accuracy_km"

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Table: TypeAlias = pd.DataFrame | pa.Table

_POINT = 21  # bytes: order, type, x, y
_KINDS = {2: "LineString", 3: "Polygon", 5: "MultiLineString", 6: "MultiPolygon", 7: "collection"}
_HEAD = np.frombuffer(b"\x01\x01\x00\x00\x00", np.uint8)


def turn_of(own: Any, stated: object, what: str) -> Callable[[Floats], Floats] | None:
    """Return a function to lon, lat of WGS 84 from the CRS of a file, or from the stated one.

    For a stated ``"GCJ-02"`` or ``"BD-09"`` the function undoes the shift. It is None where no
    conversion is needed.

    Raises
    ------
    CRSError
        No CRS, an unknown one, one without a stated shift to WGS 84, or a file's own CRS that
        differs from the stated one. The function raises one for coordinates in a projected CRS
        that look like degrees.
    """
    crs = own if stated is None else resolve_crs(stated)
    if (
        stated is not None
        and own is not None
        and not crs.equals(resolve_crs(own), ignore_axis_order=True)
    ):
        raise CRSError(
            f"{what} states its own CRS, and crs={stated!r} is another; leave crs= out, or "
            "reproject it first."
        )
    if crs is None:
        raise CRSError(
            f"{what} has no CRS, so its coordinates mean nothing; state it with crs=, such as "
            "EPSG:4326 for lon, lat."
        )
    try:
        known = pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.ProjError as error:
        raise CRSError(f"{what} has a CRS that can't be used ({first_line(error)}).") from error
    # Called without points, so that a CRS without a stated shift is refused before any reading.
    to_wgs84(np.empty((0, 2)), known, what)
    system, is_lonlat = is_shifted(stated), known.equals(WGS84, ignore_axis_order=True)
    if is_lonlat and system is None:
        return None

    def turn(xy: Floats) -> Floats:
        if not is_lonlat:
            given = ~np.isnan(xy).any(axis=1)
            moved = to_wgs84(xy[given], known, what)
            xy = np.full(xy.shape, np.nan)
            xy[given] = moved
        return xy if system is None else undo_shift(xy, system)

    return turn


def from_wkb(column: pa.Array | pa.ChunkedArray, row: int, what: str) -> Floats:
    """Return x, y of a column of points as well-known binary; NaN where missing or empty.

    Anything but points is a `GeometryError`; `row` is the number of the first row, for messages.
    """
    column = wellknown.binary(column, what)
    fast = _plain_points(column)
    if fast is not None:
        return fast
    # The first bytes show the kind, so that only points are parsed.
    kinds = wellknown.type_codes(column)
    other = np.flatnonzero((kinds > 1) & (kinds != 4))
    if len(other):
        kind = _KINDS.get(int(kinds[other[0]]), "geometry of another kind")
        raise _no_point(kind, row + int(other[0]), what)
    wellknown.refuse_deep(column, what, row=row)
    values = column.to_numpy(zero_copy_only=False)
    shapes = shapely.from_wkb(np.where(kinds > 0, values, None), on_invalid="ignore")
    broken = column.is_valid().to_numpy(zero_copy_only=False) & shapely.is_missing(shapes)
    if broken.any():
        at = row + int(np.flatnonzero(broken)[0]) + 1
        raise GeometryError(f"{what} has a geometry in row {at} that is not well-known binary.")
    return from_shapes(shapes, row, what)


def from_shapes(shapes: NDArray[np.object_], row: int, what: str) -> Floats:
    """Return x, y of points, MultiPoints of one point among them; NaN where missing or empty.

    Other shapes are a `GeometryError`.
    """
    kinds = shapely.get_type_id(shapes)
    one = (kinds == shapely.GeometryType.MULTIPOINT) & (shapely.get_num_geometries(shapes) == 1)
    other = np.flatnonzero((kinds > 0) & ~one)
    if len(other):
        raise _no_point(shapes[other[0]].geom_type, row + int(other[0]), what)
    shapes = shapes.copy()
    shapes[one] = shapely.get_geometry(shapes[one], 0)
    shapes[shapely.is_empty(shapes)] = None
    return np.column_stack((shapely.get_x(shapes), shapely.get_y(shapes)))


def _no_point(kind: str, row: int, what: str) -> GeometryError:
    return GeometryError(
        f"{what} has a {kind} in row {row + 1}; points are needed. Take centroids, or vertices, "
        "first."
    )


def _plain_points(column: pa.Array) -> Floats | None:
    """Return the points of a column of little-endian 2-D points; None if it holds anything else."""
    count = len(column)
    data, starts, sizes = wellknown.buffers(column)
    if count == 0:
        return np.empty((0, 2))
    if (sizes != _POINT).any():
        return None
    raw = data[starts[0] : starts[0] + _POINT * count].reshape(count, _POINT)
    if (raw[:, :5] != _HEAD).any():
        return None
    return np.ascontiguousarray(raw[:, 5:]).view("<f8").astype(np.float64, copy=False)


def to_wkb(xy: Floats, shapes: NDArray[np.object_] | None = None) -> pa.Array:
    """Return points as a column of well-known binary, missing where x or y is NaN.

    `shapes` are the same points in another CRS, whose heights and measures (M) are kept.

    Examples
    --------
    >>> shapely.from_wkb(to_wkb(np.array([[67.0, 25.0]]))[0].as_py()).wkt
    'POINT (67 25)'
    """
    count = len(xy)
    raw = np.empty((count, _POINT), np.uint8)
    raw[:, :5] = _HEAD
    raw[:, 5:] = np.ascontiguousarray(xy, "<f8").view(np.uint8)
    offsets = np.arange(0, (count + 1) * _POINT, _POINT, dtype=np.int32)
    whole = pa.Array.from_buffers(
        pa.binary(), count, [None, pa.py_buffer(offsets), pa.py_buffer(raw)]
    )
    missing = np.isnan(xy).any(axis=1)
    whole = pc.if_else(pa.array(~missing), whole, None) if missing.any() else whole
    if shapes is None:
        return whole
    more = np.asarray(shapely.has_z(shapes) | shapely.has_m(shapes)) & ~missing
    if not more.any():
        return whole
    values = whole.to_numpy(zero_copy_only=False)
    for i in np.flatnonzero(more):
        one = shapes[i] if shapes[i].geom_type == "Point" else shapely.get_geometry(shapes[i], 0)
        kept = shapely.to_wkb(one, byte_order=1, flavor="iso", output_dimension=4)
        values[i] = kept[:5] + values[i][5:] + kept[_POINT:]
    return pa.array(values, pa.binary())


def from_columns(
    lon: Any, lat: Any, row: int, what: str, names: tuple[str, ...], *, in_metres: bool = False
) -> Floats:
    """Return x, y of two columns of numbers, or of text that is degrees; NaN where missing.

    In metres, text is plain numbers. Other text is an `InputError`, which says in which row.
    """
    found = []
    for column, axis, name in zip((lon, lat), ("lon", "lat"), names, strict=True):
        values = _numbers(column, what, name)
        if values is None:
            texts = column.to_pandas()
            if in_metres:
                values = parse_metres(texts, what, before=row)
            else:
                values = parse_degrees(texts, axis, what, before=row)[0]
        found.append(values)
    return np.column_stack(found)


def is_text(kind: pa.DataType) -> bool:
    """Return whether an Arrow type is of text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def plain(column: pa.ChunkedArray, thousands: str | None) -> pa.ChunkedArray:
    """Return a column without separators of thousands in its text, see `join_thousands`."""
    if thousands is None or not is_text(column.type):
        return column
    return pa.array(join_thousands(column.to_pandas(), thousands), column.type, from_pandas=True)


def _numbers(column: pa.Array | pa.ChunkedArray, what: str, name: str) -> Floats | None:
    """Return a column as numbers, NaN where missing; None for text that isn't numbers."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kinds = (pa.types.is_floating, pa.types.is_integer, pa.types.is_decimal, pa.types.is_null)
    if is_text(column.type):
        try:
            column = pc.cast(column, pa.float64())
        except pa.ArrowInvalid:  # e.g. where cells are empty or padded
            text = pc.utf8_trim_whitespace(column)
            text = pc.if_else(pc.equal(text, ""), None, text)
            try:
                column = pc.cast(text, pa.float64())
            except pa.ArrowInvalid:
                return None
    elif not any(is_kind(column.type) for is_kind in kinds):
        raise InputError(
            f"{what} has {column.type} in column {name!r}; degrees as numbers are needed."
        )
    numbers = pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return np.asarray(numbers, np.float64)


def read_accuracy(
    table: Table, thousands: str | None, before: int
) -> tuple[Floats | None, tuple[int, int, str]]:
    """Return the accuracy that rows state, in km, and what is impossible among it.

    The first is None where there is no such column, and NaN where a value is missing or impossible;
    the second is the count of impossible values, and the first one's row and text. `before` counts
    the rows before these.
    """
    held = _own(table)
    if held is None:
        return None, (0, 0, "")
    own, is_odd = to_accuracy(held, thousands)
    odd = np.flatnonzero(is_odd)
    if len(odd) == 0:
        return own, (0, 0, "")
    return own, (len(odd), before + int(odd[0]) + 1, str(held.iloc[odd[0]]))


def _own(table: Table) -> Any:
    if isinstance(table, pd.DataFrame):
        return table[OWN] if OWN in table.columns else None
    if OWN not in table.column_names:
        return None
    held = table[OWN]
    if pa.types.is_string(held.type):
        with contextlib.suppress(pa.ArrowInvalid):  # most columns hold numbers only
            held = pc.cast(held, pa.float64())
    return held.to_pandas()


def check(xy: Floats, row: int, what: str, *, keep: bool) -> tuple[Floats, Bools]:
    """Separate points in lon, lat that can be measured from missing and impossible ones.

    Lon and lat are both NaN where there is no point. Coordinates that are infinite, half missing or
    out of range are a `CoordinateError`, or with `keep` count as missing. Return the points that
    can be measured, and which rows these are. `row` is the number of the first one.
    """
    if len(xy) and all(
        -most <= v.min() and v.max() <= most for v, most in zip(xy.T, (180.0, 90.0), strict=True)
    ):
        return xy, np.ones(len(xy), bool)
    with np.errstate(invalid="ignore"):
        good: Bools = np.all(np.abs(xy) <= (180.0, 90.0), axis=1)
    bad = ~good & ~np.isnan(xy).all(axis=1)
    if bad.any() and not keep:
        first = int(np.flatnonzero(bad)[0])
        lon, lat = map(float, xy[first])
        where, repair = f"in row {row + first + 1}", "repair the row, or count such rows as missing"
        repair += ' with bad="keep"'
        if np.isnan(xy[first]).any():
            raise CoordinateError(
                f"{what} has one of lon and lat alone {where}, ({lon:g}, {lat:g}); {repair}.",
                row=row + first,
                lonlat=(lon, lat),
            )
        swapped = is_within(lat, lon, EXPECTED)
        raise CoordinateError.out_of_range(
            what, (lon, lat), row + first, where=where, is_swapped=swapped, repair=repair
        )
    return xy[good], good

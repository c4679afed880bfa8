"""Well-known text, binary and GeoJSON, parsed after a check of their nesting.

GEOS reads nested collections by recursion, and a geometry nested some 20,000 deep crashes the
process. Types and depth are therefore read from the bytes here, without recursion.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from cpecgeo.errors import CRSError, GeometryError, InputError
from cpecgeo.geodesy._compile import compile_kernel, kernel

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = [
    "MAX_DEPTH",
    "binary",
    "buffers",
    "is_deep",
    "is_wellknown",
    "parse",
    "plain_points",
    "refuse_deep",
    "to_wkb",
    "type_codes",
]

# The same limit as in GDAL; real features nest collections once or twice.
MAX_DEPTH = 32
# Bytes of one level of nesting: byte order, type, count.
_LEVEL_BYTES = 9
_WKT = re.compile(
    r"\s*(SRID=\d+;)?\s*(MULTI)?(POINT|LINESTRING|LINEARRING|POLYGON|GEOMETRYCOLLECTION)(Z|M|ZM)?\b",
    re.IGNORECASE,
)
_SRID = re.compile(r"\s*SRID=(\d+);", re.IGNORECASE)
_HEX = re.compile(r"0[01][0-9A-Fa-f]{8}[0-9A-Fa-f]*")
# Levels of brackets around the coordinates of each kind of GeoJSON.
_JSON = {"Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2,
         "MultiPolygon": 3, "GeometryCollection": 0}  # fmt: skip
_IS_JSON = re.compile(rf'\s*\{{.*"type"\s*:\s*"({"|".join(_JSON)})"', re.DOTALL)
_EPSG = re.compile(r"(?:urn:ogc:def:crs:)?EPSG:+(\d+)", re.IGNORECASE)
_LONLAT = re.compile(r"(?:urn:ogc:def:crs:)?OGC:(?:1\.3:)?CRS84", re.IGNORECASE)
_POINT = 21  # bytes: order, type, x, y
_HEAD = np.frombuffer(b"\x01\x01\x00\x00\x00", np.uint8)


def is_wellknown(values: pd.Series) -> bool:
    """Return whether a column holds well-known text or binary, or GeoJSON, by its first value.

    Examples
    --------
    >>> is_wellknown(pd.Series([None, "SRID=4326;POINT (67 25)"])), is_wellknown(pd.Series(["x"]))
    (True, False)
    """
    first = next((v for v in values if isinstance(v, (str, bytes)) and len(v)), None)
    if isinstance(first, bytes):
        return len(first) >= 5 and first[0] in {0, 1}
    return first is not None and any(
        (_WKT.match(first), _HEX.fullmatch(first), _IS_JSON.match(first))
    )


def parse(values: pd.Series, what: str, *, before: int = 0) -> tuple[Any, int | None]:
    """Parse well-known text or binary, also with an SRID or as hexadecimal text, and GeoJSON.

    Missing and empty values have no geometry. Return the geometries, and the SRID that they state,
    if any; more than one is an `InputError`. Other values are a `GeometryError`, which names the
    row; `before` counts rows of the file before these.

    Examples
    --------
    >>> shapes, srid = parse(pd.Series(["SRID=32642;POINT (300000 2750000)"]), "a.csv")
    >>> shapes[0].wkt, srid
    ('POINT (300000 2750000)', 32642)
    """
    srids: set[int] = set()
    given = [_bare(value, srids, what, before + row) for row, value in enumerate(values)]
    for row, value in enumerate(given):
        if isinstance(value, bytes) and is_deep(value):
            raise _deep(what, before + row)
    shapes = np.full(len(given), None, object)
    loads = {str: shapely.from_wkt, bytes: shapely.from_wkb, _GeoJson: shapely.from_geojson}
    for kind, load in loads.items():
        rows = [row for row, value in enumerate(given) if type(value) is kind]
        if rows:
            with np.errstate(over="ignore"):  # 1e999 isn't a number, and becomes missing
                shapes[rows] = load(np.array([given[r] for r in rows], object), on_invalid="ignore")
    for row, value in enumerate(given):
        if value is not None and shapes[row] is None:
            raise _unreadable(value, what, before + row)
    known = shapes[[s is not None for s in shapes]]
    srids |= {int(s) for s in np.unique(shapely.get_srid(known)) if s > 0} if len(known) else set()
    if len(srids) > 1:
        raise InputError(f"{what} has geometries of several SRIDs, {sorted(srids)}; keep one.")
    return shapes, srids.pop() if srids else None


def _bare(value: object, srids: set[int], what: str, row: int) -> str | bytes | None:
    """Return text without its SRID, which is added to `srids`, and hexadecimal digits as bytes."""
    if not isinstance(value, (str, bytes)) or not len(value):
        return None
    if isinstance(value, bytes):
        return value
    if _HEX.fullmatch(value.strip()):
        return bytes.fromhex(value.strip())
    if value.upper().count("GEOMETRYCOLLECTION") > MAX_DEPTH:
        raise _deep(what, row)
    if value.lstrip()[:1] == "{":
        return _check_geojson(value, srids, what, row)
    stated = _SRID.match(value)
    if stated:
        srids.add(int(stated[1]))
        return value[stated.end() :]
    return value


class _GeoJson(str):
    """A text with one GeoJSON geometry."""

    __slots__ = ()


def _check_geojson(value: str, srids: set[int], what: str, row: int) -> _GeoJson:
    """Check a GeoJSON geometry's kind, nesting and CRS."""
    try:
        held = json.loads(value)
    except RecursionError:
        raise _deep(what, row) from None
    except ValueError:
        raise _unreadable(value, what, row) from None
    if not isinstance(held, dict) or held.get("type") not in _JSON:
        raise _unreadable(value, what, row)
    if "crs" in held:
        stated = _crs_name(held["crs"])
        code = _EPSG.fullmatch(stated)
        if not code and not _LONLAT.fullmatch(stated):
            raise CRSError(
                f"{what} has GeoJSON in row {row + 1} in the CRS {stated[:60]!r}, which isn't "
                'known; take its "crs" out if it is lon, lat.'
            )
        srids.add(int(code[1]) if code else 4326)
    first: Any = held.get("coordinates")
    for _ in range(_JSON[held["type"]]):
        first = first[0] if isinstance(first, list) and first else None
    if isinstance(first, list) and len(first) > 3:
        raise GeometryError(
            f"{what} has coordinates of {len(first)} numbers in row {row + 1}; GeoJSON has lon, "
            "lat and perhaps a height. Leave the others out."
        )
    return _GeoJson(value)


def _crs_name(crs: object) -> str:
    held = crs.get("properties") if isinstance(crs, dict) else None
    return str(held.get("name") if isinstance(held, dict) else crs)


def _unreadable(value: str | bytes, what: str, row: int) -> GeometryError:
    shown = value[:40] if isinstance(value, str) else f"{len(value)} bytes"
    return GeometryError(
        f"{what} has {shown!r} in row {row + 1}, which is no well-known text or binary, and no "
        "geometry of GeoJSON; mend it first."
    )


def _deep(what: str, row: int) -> GeometryError:
    return GeometryError(
        f"{what} has a geometry in row {row + 1} that is nested more than {MAX_DEPTH} deep; take "
        "its parts out of their collections."
    )


def binary(column: pa.Array | pa.ChunkedArray, what: str) -> pa.Array:
    """Return a column of geometry as one array of bytes; other types are a `GeometryError`."""
    import pyarrow as pa

    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    kind = column.type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return column
    if pa.types.is_fixed_size_binary(kind) or pa.types.is_null(kind):
        return column.cast(pa.binary())
    raise GeometryError(f"{what} has {kind} as its geometry; well-known binary is needed.")


def type_codes(column: pa.Array) -> NDArray[np.int64]:
    """Return the type codes of geometries in WKB, without dimensions and flags.

    They go from 1 for points to 7 for collections, others as in ISO 13249-3; 0 for missing values
    and for values too short to have a code.

    Examples
    --------
    >>> import pyarrow as pa, shapely
    >>> type_codes(pa.array([shapely.to_wkb(shapely.Point(67, 25, 3)), None, b""])).tolist()
    [1, 0, 0]
    """
    data, starts, sizes = buffers(column)
    whole = sizes >= 5
    codes = np.zeros(len(sizes), np.int64)
    if whole.any():
        first = starts[whole]
        order = data[first] == 0
        low = np.where(order, data[first + 4], data[first + 1]).astype(np.int64)
        high = np.where(order, data[first + 3], data[first + 2]).astype(np.int64)
        codes[whole] = (low + 256 * high) % 1000
    return codes


def plain_points(column: pa.Array) -> Floats | None:
    """Return the points of a column of little-endian 2-D points; None if it holds anything else."""
    count = len(column)
    data, starts, sizes = buffers(column)
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
    import pyarrow as pa
    import pyarrow.compute as pc

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


def refuse_deep(column: pa.Array | pa.ChunkedArray, what: str, *, row: int = 0) -> None:
    """Refuse geometries in WKB that are nested more than `MAX_DEPTH` deep.

    `row` is the number of the first row, for the message. A column of other types is a
    `GeometryError`.
    """
    column = binary(column, what)
    codes = type_codes(column)
    data, starts, sizes = buffers(column)
    rows = np.flatnonzero((codes > 3) & (sizes > _LEVEL_BYTES * MAX_DEPTH))
    if len(rows) == 0:
        return
    # Compiled code takes time to load, and hardly any file has rows this long.
    first = compile_kernel(first_deep)(data, starts[rows], starts[rows] + sizes[rows], MAX_DEPTH)
    if first >= 0:
        raise _deep(what, row + int(rows[first]))


def is_deep(value: bytes) -> bool:
    """Return whether one geometry is nested more than `MAX_DEPTH` deep.

    Examples
    --------
    >>> import shapely
    >>> is_deep(shapely.to_wkb(shapely.Point(67, 25)))
    False
    """
    if len(value) <= _LEVEL_BYTES * MAX_DEPTH:
        return False
    ends = np.array([0, len(value)], np.int64)
    deep: int = compile_kernel(first_deep)(
        np.frombuffer(value, np.uint8), ends[:1], ends[1:], MAX_DEPTH
    )
    return deep == 0


def buffers(column: pa.Array) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """Return the bytes of all values, their starts, and their lengths, 0 where missing."""
    import pyarrow as pa

    count = len(column)
    _, offsets, data = column.buffers()
    if count == 0 or offsets is None or data is None:
        return np.zeros(1, np.uint8), np.zeros(count, np.int64), np.zeros(count, np.int64)
    kind = np.int64 if pa.types.is_large_binary(column.type) else np.int32
    edges = np.frombuffer(offsets, kind)[column.offset : column.offset + count + 1]
    starts, sizes = edges[:-1].astype(np.int64), np.diff(edges).astype(np.int64)
    if column.null_count:
        sizes[column.is_null().to_numpy(zero_copy_only=False)] = 0
    return np.frombuffer(data, np.uint8), starts, sizes


@kernel(inline=True)
def _count(data: NDArray[np.uint8], at: int, little: bool) -> int:  # noqa: FBT001
    """Return four bytes as a number."""
    total = 0
    for k in range(4):
        total = total * 256 + data[at + (3 - k if little else k)]
    return total


@kernel("bytes, ints, ints, int")
def first_deep(  # noqa: C901, PLR0912
    data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64], limit: int
) -> int:
    """Return the number of the first geometry nested more than `limit` deep; -1 for none.

    It reads in the order of GEOS, and stops where GEOS would stop with an error.
    """
    left = np.zeros(limit + 1, np.int64)
    for k in range(len(starts)):
        at, end = starts[k], ends[k]
        level, little = 0, True
        left[0] = 1
        while level >= 0:
            if left[level] == 0:
                level -= 1
                continue
            left[level] -= 1
            if at + 5 > end:
                break
            # Any other byte keeps the byte order.
            if data[at] == 0:
                little = False
            elif data[at] == 1:
                little = True
            code = _count(data, at + 1, little)
            at += 5
            base, dimensions = (code & 0xFFFF) % 1000, (code & 0xFFFF) // 1000
            width = 16
            if code & 0x80000000 or dimensions in (1, 3):
                width += 8
            if code & 0x40000000 or dimensions in (2, 3):
                width += 8
            if code & 0x20000000:
                at += 4
            if base == 1:
                at += width
                continue
            if at + 4 > end:
                break
            number = _count(data, at, little)
            at += 4
            if base in (2, 8):
                at += number * width
            elif base in (3, 17):
                for _ in range(number):
                    if at + 4 > end:
                        break
                    at += 4 + width * _count(data, at, little)
            elif 4 <= base <= 16:
                level += 1
                if level > limit:
                    return k
                left[level] = number
            else:
                break
    return -1

"""Parquet's internals: joined footers of files in a row, widths of rows, encodings.

A footer is a record in Thrift's compact protocol. It gives the byte offset of each column of each
row group (Apache Parquet, file format; `parquet.thrift`). When a file becomes a stretch of a longer
one, its row groups stay as they are; only the offsets in the footer change.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import shapely

from cpecgeo.errors import GeometryError

__all__ = [
    "NATIVE",
    "from_native",
    "is_bytes",
    "join_footers",
    "open_writer",
    "repeats",
    "row_bytes",
]

# Kinds of geometry that GeoParquet may keep as coordinates, and how many lists those are in.
NATIVE = {
    "point": (shapely.GeometryType.POINT, 0),
    "linestring": (shapely.GeometryType.LINESTRING, 1),
    "polygon": (shapely.GeometryType.POLYGON, 2),
    "multipoint": (shapely.GeometryType.MULTIPOINT, 1),
    "multilinestring": (shapely.GeometryType.MULTILINESTRING, 2),
    "multipolygon": (shapely.GeometryType.MULTIPOLYGON, 3),
}

_SAMPLE = 2_000  # values that decide whether a column repeats itself
_MAGIC = b"PAR1"
_TAIL = 4 + len(_MAGIC)  # a footer is followed by its length
# Numbers of fields that are byte offsets (True), and of structures that contain such fields.
_COLUMN = {9: True, 10: True, 11: True, 14: True}
_CHUNK = {2: True, 3: _COLUMN, 4: True, 6: True}
_FOOTER = {4: {1: _CHUNK, 5: True}}
# Kinds of values, and the bytes of those of fixed size; truth values are in the field's head.
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _MAP, _STRUCT = 1, 2, 3, 7, 8, 11, 12
_SIZES = {_TRUE: 0, _FALSE: 0, _BYTE: 1, _DOUBLE: 8}
_WHOLE_NUMBERS, _LISTS = {4, 5, 6}, {9, 10}
_MANY = 15  # a list of so many items or more has its size after its head


def join_footers(path: Path, stretches: list[tuple[int, int]]) -> None:
    """Append a joint footer to a file that consists of whole Parquet files.

    Each stretch is the first byte of one, and the first byte after it.
    """
    footers = []
    with path.open("rb") as file:
        for first, end in stretches:
            file.seek(end - _TAIL)
            size = int.from_bytes(file.read(4), "little")
            file.seek(end - _TAIL - size)
            moved = _Moved(file.read(size), first).whole()
            tail = len(moved).to_bytes(4, "little") + _MAGIC
            footers.append(pq.read_metadata(pa.BufferReader(moved + tail)))
    whole, *others = footers
    for other in others:
        whole.append_row_groups(other)
    written = pa.BufferOutputStream()
    whole.write_metadata_file(written)
    with path.open("ab") as file:
        file.write(memoryview(written.getvalue())[len(_MAGIC) :])


class _Moved:
    """A footer with larger offsets, for row groups that begin some bytes later in the file."""

    def __init__(self, raw: bytes, by: int) -> None:
        self._raw, self._by = raw, by
        self._at = 0
        self._out = bytearray()

    def whole(self) -> bytes:
        """Return the changed footer."""
        self._struct(_FOOTER)
        return bytes(self._out)

    def _copy(self, size: int) -> bytes:
        some = self._raw[self._at : self._at + size]
        self._at += size
        self._out += some
        return some

    def _number(self, by: int = 0) -> int:
        """Copy a number, seven bits to a byte; `by` is added to a signed one."""
        value = shift = 0
        more = True
        while more:
            byte = self._raw[self._at]
            self._at += 1
            value |= (byte & 127) << shift
            shift, more = shift + 7, byte > 127
        value += 2 * by  # the last bit is the sign
        left = value
        while left > 127:
            self._out.append(left & 127 | 128)
            left >>= 7
        self._out.append(left)
        return value

    def _struct(self, fields: dict[int, Any]) -> None:
        number = 0
        while head := self._copy(1)[0]:
            number = number + (head >> 4) if head >> 4 else self._number() >> 1
            self._value(head & 15, fields.get(number))

    def _value(self, kind: int, inner: Any) -> None:
        """Copy a value; `inner` is True for an offset, a mapping for a structure with offsets."""
        if kind in _SIZES:
            self._copy(_SIZES[kind])
        elif kind in _WHOLE_NUMBERS:
            # An offset of 0 means that there is none.
            self._number(self._by if inner is True and self._raw[self._at] else 0)
        elif kind == _BINARY:
            self._copy(self._number())
        elif kind in _LISTS:
            head = self._copy(1)[0]
            size = head >> 4 if head >> 4 < _MANY else self._number()
            self._items(size, (head & 15,), inner)
        elif kind == _MAP:
            size = self._number()
            kinds = self._copy(1)[0] if size else 0
            self._items(size, (kinds >> 4, kinds & 15), None)
        elif kind == _STRUCT:
            self._struct(inner or {})
        else:
            raise ValueError(f"A footer has a value of kind {kind}.")

    def _items(self, size: int, kinds: tuple[int, ...], inner: object) -> None:
        for _ in range(size):
            for kind in kinds:
                self._value(_BYTE if kind in {_TRUE, _FALSE} else kind, inner)


def row_bytes(path: Path, head: pq.FileMetaData) -> tuple[float, float]:
    """Return how many bytes a row takes in memory, likely and at most, in the widest row group.

    A repeated value is stored once, in the dictionary of its column, so a small file may have very
    wide rows.
    """
    _check_columns(path, head)
    texts = sorted(
        {
            column.path_in_schema
            for number in range(head.num_row_groups)
            for column in _columns(head.row_group(number))
            if column.physical_type == "BYTE_ARRAY"
            and any("DICTIONARY" in encoding for encoding in column.encodings)
        }
    )
    likely = most = 1.0
    with pq.ParquetFile(path, read_dictionary=texts, pre_buffer=False) as file:
        for number in range(head.num_row_groups):
            group = head.row_group(number)
            widths = _dictionary_widths(file, number, texts) if texts else {}
            totals = [0.0, 0.0]
            for place, column in enumerate(_columns(group)):
                name = column.path_in_schema
                while name and name not in widths:  # name of the outermost column
                    name = name.rpartition(".")[0]
                fixed = head.schema.column(place).length or 8  # bytes of decimals and the like
                width = widths.get(name, (fixed, fixed))
                for k in (0, 1):
                    totals[k] += max(column.total_uncompressed_size, column.num_values * width[k])
            likely = max(likely, totals[0] / max(1, group.num_rows))
            most = max(most, totals[1] / max(1, group.num_rows))
    return likely, most


def _check_columns(path: Path, head: pq.FileMetaData) -> None:
    """Read a row of each group, so that pyarrow raises an error where a column's record is damaged.

    Reading the damaged record itself would make pyarrow abort the process.
    """
    with pq.ParquetFile(path, buffer_size=1 << 16, pre_buffer=False) as file:
        for number in range(head.num_row_groups):
            next(file.iter_batches(1, row_groups=[number], use_threads=False), None)


def _columns(group: pq.RowGroupMetaData) -> Iterator[pa.Table]:
    return (group.column(k) for k in range(group.num_columns))


def _dictionary_widths(
    file: pq.ParquetFile, group: int, names: list[str]
) -> dict[str, tuple[float, float]]:
    """Return the mean and the greatest length of the values in each column's dictionary."""
    widths = {}
    # The batch of the first row contains the whole dictionary.
    for batch in file.iter_batches(1, row_groups=[group], columns=names, use_threads=False):
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            sizes = [pc.binary_length(d) for d in _dictionaries(column) if len(d)]
            if sizes:
                mean = max(pc.mean(s).as_py() for s in sizes)
                widths[name] = mean, max(pc.max(s).as_py() for s in sizes)
        break
    return widths


def _dictionaries(column: pa.Array) -> Iterator[pa.Table]:
    """Yield the dictionaries of a column, those inside lists and structures too."""
    if pa.types.is_dictionary(column.type):
        yield column.dictionary
    elif pa.types.is_struct(column.type):
        for inner in column.flatten():
            yield from _dictionaries(inner)
    elif pa.types.is_map(column.type):
        yield from _dictionaries(column.keys)
        yield from _dictionaries(column.items)
    elif pa.types.is_nested(column.type):
        yield from _dictionaries(column.values)


def from_native(column: pa.Array | pa.ChunkedArray, encoding: str, what: str) -> pa.Array:
    """Turn a column of geometries in a native encoding of GeoParquet into well-known binary.

    It has coordinates (structures of x, y and perhaps z, or interleaved), in as many nested lists
    as the kind of geometry has levels. The encoding is one of `NATIVE`.

    Raises
    ------
    GeometryError
        The column doesn't match its encoding.

    Examples
    --------
    >>> points = pa.array([{"x": 67.0, "y": 25.0}, None])
    >>> [shapely.from_wkb(v) for v in from_native(points, "point", "a.parquet").to_pylist()]
    [<POINT (67 25)>, None]
    """
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    kind, levels = NATIVE[encoding]
    inner, offsets = column.drop_null(), []
    try:
        for _ in range(levels):
            edges = inner.offsets.to_numpy()
            offsets.append(edges - edges[:1])
            inner = inner.flatten()
        if pa.types.is_struct(inner.type):
            names = [field.name for field in inner.type]
            parts = dict(zip(names, inner.flatten(), strict=True))
            given = [parts[axis] for axis in ("x", "y", "z") if axis in ("x", "y") or axis in parts]
            xy = np.column_stack([one.to_numpy(zero_copy_only=False) for one in given])
        else:
            flat = inner.flatten().to_numpy(zero_copy_only=False)
            xy = flat.reshape(-1, inner.type.list_size)[:, :3]
        shapes = np.full(len(column), None, object)
        known = column.is_valid().to_numpy(zero_copy_only=False)
        shapes[known] = shapely.from_ragged_array(kind, xy, tuple(reversed(offsets)) or None)
    except (AttributeError, KeyError, ValueError, IndexError, TypeError) as error:
        raise GeometryError(
            f"{what} has {column.type} as its geometry, which isn't {encoding!r} as it says."
        ) from error
    return pa.array(shapely.to_wkb(shapes, flavor="iso"), pa.binary(), from_pandas=True)


def is_bytes(kind: pa.DataType) -> bool:
    """Return whether an Arrow type is of bytes, which CSV can't hold."""
    bytes_of = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
    return any(is_kind(kind) for is_kind in bytes_of)


def repeats(column: pa.ChunkedArray, times: int = 10) -> bool:
    """Return whether the first values of a column occur so many times on average."""
    some = column.slice(0, _SAMPLE)
    return bool(pc.count_distinct(some).as_py() * times <= len(some))


def open_writer(file: IO[bytes], table: pa.Table) -> Any:
    """Open a writer with dictionaries for repeated values, never for numbers and points."""
    rare = (
        pa.types.is_floating, pa.types.is_integer, pa.types.is_binary, pa.types.is_large_binary,
    )  # fmt: skip
    repeated, bounded = [], []
    for field, column in zip(table.schema, table.columns, strict=True):
        is_text = pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
        if is_text and not repeats(column, 2):
            pass
        elif not any(is_rare(field.type) for is_rare in rare):
            repeated.append(field.name)
        if not is_bytes(field.type):
            bounded.append(field.name)
    return pq.ParquetWriter(
        file, table.schema, compression="snappy", use_dictionary=repeated, write_statistics=bounded
    )

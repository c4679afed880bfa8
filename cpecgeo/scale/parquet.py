"""Parquet, GeoParquet and folders of them: read from any row on, and written part by part.

The parts of a result are whole files of Parquet, one after the other, and so each ends with its own
footer, a record in Thrift's compact protocol. It gives the byte offset of each column of each row
group (Apache Parquet, file format; `parquet.thrift`). In the footer for the whole file the row
groups stay as they are; only the offsets change.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import shapely

from cpecgeo.errors import FileError, GeometryError
from cpecgeo.files.disk import first_line, list_files
from cpecgeo.files.formats import Choice
from cpecgeo.files.positions import find_positions
from cpecgeo.scale.sources import BATCH_BYTES, Places, Source

__all__ = ["Parquet", "from_native", "join_footers"]

# Encodings of geometry as coordinates, which GeoParquet takes from GeoArrow.
_NATIVE = {"point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon"}

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


@dataclass(frozen=True, kw_only=True)
class Parquet(Source):
    """A Parquet or GeoParquet file, or a folder of them in the order of their names."""

    files: tuple[Path, ...]
    counts: tuple[int, ...]
    widths: tuple[float, float]
    native: str = ""  # encoding of the geometry, where it isn't well-known binary
    bounds: tuple[str, ...] = ()  # columns with the bounds of each geometry

    @classmethod
    def open(cls, path: Path, choice: Choice) -> Parquet:
        """Read the file's metadata."""
        files = list_files(path)
        if not files:
            raise FileError(f"{path} is a folder without .parquet files; name a file.")
        heads = [_head(f) for f in files]
        schema = heads[0].schema.to_arrow_schema()
        if any(not h.schema.to_arrow_schema().equals(schema) for h in heads[1:]):
            raise FileError(f"The files in {path} don't all have the same columns.")
        geometry, geo, native = _geo(schema, path)
        rows = []
        for file, head in zip(files, heads, strict=True):
            with _translate(file):
                rows.append(_row_bytes(file, head))
        widths = max(likely for likely, _ in rows), max(most for _, most in rows)
        bounds = _bounds(geo, geometry, schema.names)
        schema = pa.schema([field for field in schema if field.name not in bounds])
        if native:
            at = schema.get_field_index(geometry)
            schema = schema.set(at, pa.field(geometry, pa.binary()))
        places = None
        if geometry is None or choice.lon is not None or choice.lat is not None:
            places = Places(
                find_positions(schema.names, choice, path.name, lambda n: _first(files, n)), choice
            )
            schema = places.fit(schema)
            geometry = "geometry" if places.are_shapes else geometry
        counts = tuple(h.num_rows for h in heads)
        groups = (h.row_group(i) for h in heads for i in range(h.num_row_groups))
        return cls(
            path=path, schema=schema, size=sum(group.total_byte_size for group in groups),
            rows=sum(counts), places=places, geometry=geometry, geo=geo, stated=choice.crs,
            files=files, counts=counts, widths=widths, native=native, bounds=bounds,
        )  # fmt: skip

    def batch_of(self, rows: int) -> int:  # noqa: D102
        likely, most = self.widths
        return max(1, int(min(rows, BATCH_BYTES / likely, 4 * BATCH_BYTES / most)))

    def _tables(self, first: int, rows: int) -> Iterator[pa.Table]:
        before = 0
        for path, count in zip(self.files, self.counts, strict=True):
            if before + count > first:
                for table in _from_row(path, max(0, first - before), rows):
                    plain = table.drop_columns([*self.bounds]) if self.bounds else table
                    yield self._with_binary(plain) if self.native else plain
            before += count

    def _with_binary(self, table: pa.Table) -> pa.Table:
        """Return a table with its geometry as well-known binary."""
        at = table.schema.get_field_index(self.geometry)
        shapes = from_native(table.column(at), self.native, self.path.name)
        return table.set_column(at, pa.field(self.geometry, pa.binary()), shapes)


def _first(files: list[Path] | tuple[Path, ...], name: str) -> pd.Series:
    """Return the first values of a column that aren't missing."""
    with _translate(files[0]), pq.ParquetFile(files[0]) as file:
        for batch in file.iter_batches(1_000, columns=[name]):
            return batch.column(0).to_pandas()
    return pd.Series([], dtype=object)


@contextlib.contextmanager
def _translate(path: Path) -> Iterator[None]:
    """Turn pyarrow's errors about damaged files into a `FileError`."""
    try:
        yield
    except FileNotFoundError:
        raise FileError(f"There is no file {path}.") from None
    except pa.ArrowMemoryError:
        raise
    except (OSError, pa.ArrowException, UnicodeDecodeError, KeyError) as error:
        raise FileError(
            f"{path} can't be read as Parquet ({first_line(error)}); it is damaged, of another "
            "format, or not wholly written."
        ) from error


def _head(path: Path) -> Any:
    with _translate(path):
        head = pq.read_metadata(path)
        _ = head.schema.to_arrow_schema().names  # damaged types and names fail here
        return head


def _from_row(path: Path, first: int, rows: int) -> Iterator[pa.Table]:
    # Pages are read when needed, because a row group may be larger than memory.
    with _translate(path), pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as file:
        count = file.metadata.num_row_groups
        starts = np.cumsum([0, *(file.metadata.row_group(k).num_rows for k in range(count))])
        group = int(np.searchsorted(starts[1:], first, side="right"))
        skip, groups = first - int(starts[group]), list(range(group, count))
        for batch in file.iter_batches(rows, row_groups=groups, use_threads=False):
            if skip >= len(batch):
                skip -= len(batch)
                continue
            yield pa.Table.from_batches([batch.slice(skip)]).replace_schema_metadata(None)
            skip = 0


def _geo(schema: pa.Schema, path: Path) -> tuple[str | None, dict[str, Any] | None, str]:
    """Return the geometry column of a GeoParquet file, its record, and a native encoding."""
    raw = (schema.metadata or {}).get(b"geo")
    if raw is None:
        return None, None, ""
    try:
        geo = json.loads(raw)
        name = geo["primary_column"]
        entry = geo["columns"][name]
        encoding = entry["encoding"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise FileError(f"{path} has GeoParquet metadata that can't be read ({error}).") from error
    if encoding not in {"WKB", *_NATIVE} or name not in schema.names:
        raise FileError(
            f"{path} keeps its geometry as {encoding!r} in {name!r}, which isn't known; write it "
            "again as GeoParquet with WKB."
        )
    if encoding == "WKB":
        return str(name), geo, ""
    columns = {**geo["columns"], name: {**entry, "encoding": "WKB"}}
    return str(name), {**geo, "columns": columns}, str(encoding)


def _bounds(geo: dict[str, Any] | None, geometry: str | None, names: list[str]) -> tuple[str, ...]:
    """Return the columns that the record names as bounds; geopandas leaves them out too."""
    covering = (geo or {}).get("columns", {}).get(geometry, {}).get("covering")
    box = covering.get("bbox") if isinstance(covering, dict) else None
    paths = box.values() if isinstance(box, dict) else ()
    held = {str(path[0]) for path in paths if isinstance(path, list) and path}
    return tuple(name for name in names if name in held and name != geometry)


def _row_bytes(path: Path, head: pq.FileMetaData) -> tuple[float, float]:
    """Return how many bytes a row takes in memory, likely and at most, in the widest row group.

    A repeated value is stored once, in the dictionary of its column, so a small file may have very
    wide rows.
    """
    _check_columns(path, head)
    texts = sorted(
        {
            column.path_in_schema
            for number in range(head.num_row_groups)
            for column in map(head.row_group(number).column, range(head.num_columns))
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
            for place in range(group.num_columns):
                column = group.column(place)
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

    The encoding is one of `_NATIVE`; a column that doesn't match it is a `GeometryError`.

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
    shapes = np.full(len(column), None, object)
    known = column.is_valid().to_numpy(zero_copy_only=False)
    field = pa.field("", column.type, metadata={"ARROW:extension:name": f"geoarrow.{encoding}"})
    try:
        if known.any():
            # A copy, because geopandas misreads an array that is a part of another.
            given = pa.table([column.take(pa.array(np.flatnonzero(known)))], pa.schema([field]))
            shapes[known] = gpd.GeoDataFrame.from_arrow(given).geometry.to_numpy()
    except (AttributeError, KeyError, ValueError, IndexError, TypeError) as error:
        raise GeometryError(
            f"{what} has {column.type} as its geometry, which isn't {encoding!r} as it says."
        ) from error
    return pa.array(shapely.to_wkb(shapes, flavor="iso"), pa.binary(), from_pandas=True)


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

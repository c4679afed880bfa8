"""Results as Parquet or CSV: parts are stretches of one file, or files in a folder.

In Parquet each stretch ends with its own footer, a record in Thrift's compact protocol. It gives
the byte offset of each column of each row group (Apache Parquet, file format; `parquet.thrift`). In
the footer for the whole file the row groups stay as they are; only the offsets change.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyproj
import shapely
from numpy.typing import NDArray

from cpecgeo.errors import InputError
from cpecgeo.files.disk import settle
from cpecgeo.files.formats import find_format
from cpecgeo.files.text import usual_separator
from cpecgeo.scale import points
from cpecgeo.scale.parquet import open_writer
from cpecgeo.scale.parts import FOLDER_RECORD, WRITER, DonePart, Parts, write_json
from cpecgeo.scale.sources import Batch, Source
from cpecgeo.scale.text import header, lines

__all__ = ["Sink", "Writing", "read_rings", "say_lost", "sink"]

_FLAT = 21  # bytes of a point without height and measure
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


@dataclass(frozen=True)
class Sink:
    """The format of a result.

    Attributes
    ----------
    kind : {"parquet", "csv", "folder", "rings"}
        A folder holds each part as a Parquet file; rings are parts with sums.
    safe_cells : bool
        Whether text that a spreadsheet would run as a formula gets an apostrophe before it.
    separator : str
        The separator of CSV.
    is_packed : bool
        Whether CSV is compressed: each part is a member of the gzip file.
    """

    kind: str
    safe_cells: bool = False
    separator: str = ","
    is_packed: bool = False

    @property
    def suffix(self) -> str:
        """File name suffix of each part, or of the file of all parts."""
        packed = ".gz" if self.is_packed else ""
        return {"csv": f".csv{packed}", "rings": ".arrow"}.get(self.kind, ".parquet")

    @property
    def is_together(self) -> bool:
        """Whether the parts are stretches of one file, which is the result."""
        return self.kind in {"parquet", "csv"}

    def place(self, batch: Batch, source: Source) -> pa.Table:
        """Return the columns of a batch, with its points in a form that the result can store."""
        table = batch.columns
        names = table.column_names
        if self.kind == "csv" and source.geometry is not None:
            # A column with this name may hold other things; the points are in the geometry.
            suffix = "_of_row" if {"lon", "lat"} & set(names) else ""
            for axis, name in enumerate(("lon", "lat")):
                values = pa.array(batch.xy[:, axis], from_pandas=True)
                table = table.append_column(f"{name}{suffix}", values)
        elif self.kind != "csv" and source.geometry is None:
            if "geometry" in names:
                other = "geometry"
                while other in names:
                    other = f"{other}_2"
                table = table.rename_columns([other if n == "geometry" else n for n in names])
            table = table.append_column("geometry", points.to_wkb(batch.xy))
        return table

    def count_lost(
        self, table: pa.Table, rows: NDArray[np.int64] | None, source: Source
    ) -> tuple[int, int]:
        """Count the points with heights, and with measures (M), which CSV can't store."""
        if self.kind != "csv" or source.geometry is None:
            return 0, 0
        column = table[source.geometry]
        column = column if rows is None else column.take(pa.array(np.unique(rows)))
        longer = column.filter(pc.greater(pc.binary_length(column), _FLAT)).to_numpy()
        shapes = shapely.from_wkb(longer, on_invalid="ignore")
        return int(shapely.has_z(shapes).sum()), int(shapely.has_m(shapes).sum())

    def describe(self, table: pa.Table, source: Source) -> pa.Table:
        """Add GeoParquet's metadata to a table."""
        if self.kind == "csv":
            return table
        geo = source.geo
        if geo is None:
            # Points from well-known text may have heights, so no type is stated.
            kinds = ["Point"] if source.geometry is None else []
            columns: dict[str, Any] = {"geometry": {"encoding": "WKB", "geometry_types": kinds}}
            geo = {"version": "1.1.0", "primary_column": "geometry"}
        else:
            names = set(table.column_names)
            columns = {n: _entry(e) for n, e in geo["columns"].items() if n in names}
        return table.replace_schema_metadata({"geo": json.dumps({**geo, "columns": columns})})

    def join(self, parts: Parts, done: list[DonePart]) -> Path:
        """Assemble the result from finished parts, and return its path."""
        if self.is_together:
            path = parts.path(0)
            if self.kind == "parquet" and len(done) > 1:
                join_footers(path, [part.stretch for part in done])
                settle(path)
            return path
        whole = parts.folder / "whole"
        whole.mkdir()
        names = [parts.path(part.number).name for part in done]
        for name in names:
            try:
                (whole / name).hardlink_to(parts.folder / name)
            except OSError:  # a file system without hard links
                shutil.copyfile(parts.folder / name, whole / name)
                settle(whole / name)
        write_json(whole / FOLDER_RECORD, {"writer": WRITER, "files": names})
        return whole


class _Packed:
    """A member of a gzip file, without a time stamp, so that the same rows give the same bytes."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw, self._packer = raw, zlib.compressobj(6, zlib.DEFLATED, 31)

    def writelines(self, parts: Iterable[bytes | memoryview]) -> None:
        for part in parts:
            self._raw.write(self._packer.compress(part))

    def close(self) -> None:
        self._raw.write(self._packer.flush())
        self._raw.close()


class Writing:
    """A part that is being written: a new file, or a stretch at the end of the file of all parts.

    The file is opened with the first table.
    """

    def __init__(self, sink: Sink, path: Path) -> None:
        self._sink, self._path = sink, path
        self._fresh = path if sink.is_together else path.with_suffix(".new")
        self._first = 0
        self._raw: Any = None
        self._file: Any = None
        self._writer: Any = None

    def append(self, table: pa.Table) -> None:
        """Write some rows."""
        if self._file is None:
            self._open(table)
        if self._writer is None:
            sink = self._sink
            self._file.writelines(lines(table, safe=sink.safe_cells, separator=sink.separator))
        elif len(table):
            self._writer.write_table(table)

    def _open(self, table: pa.Table) -> None:
        kind = self._sink.kind
        if self._sink.is_together and self._fresh.exists():
            self._first = self._fresh.stat().st_size
        self._raw = self._file = self._fresh.open("ab" if self._sink.is_together else "wb")
        if self._sink.is_packed:
            self._file = _Packed(self._raw)
        if kind == "csv":
            if self._first == 0:
                self._file.writelines(header(table, self._sink.separator))
            return
        if kind == "rings":
            self._writer = pa.ipc.new_stream(self._file, table.schema)
        else:
            self._writer = open_writer(self._file, table)

    def finish(self) -> tuple[int, int]:
        """Close the part, flush it to disk, and return its stretch of the file."""
        try:
            if self._writer is not None:
                self._writer.close()
            self._file.close()
            settle(self._fresh)
        except BaseException:
            self.abandon()
            raise
        if self._fresh != self._path:
            self._fresh.replace(self._path)
        return self._first, self._path.stat().st_size

    def abandon(self) -> None:
        """Remove all that was written of the part; buffered rows are dropped."""
        if self._file is None:
            return
        with contextlib.suppress(OSError, ValueError, pa.ArrowException):
            self._raw.raw.close()
        if hasattr(self._writer, "is_open"):  # or deleting it would flush it
            self._writer.is_open = False
        if self._sink.is_together:
            os.truncate(self._fresh, self._first)
        else:
            self._fresh.unlink(missing_ok=True)


def sink(out: Path, *, safe_cells: bool) -> Sink:
    """Choose how to write, by the suffix of the result.

    Raises
    ------
    InputError
        An unknown suffix.

    Examples
    --------
    >>> sink(Path("near.parquet"), safe_cells=False).kind, sink(Path("near"), safe_cells=False).kind
    ('parquet', 'folder')
    """
    if not out.suffix:
        return Sink("folder", safe_cells)
    name = find_format(out, to_write=True).name
    if name == "GeoParquet":
        return Sink("parquet", safe_cells)
    if name == "CSV":
        is_packed = out.suffix.casefold() == ".gz"
        return Sink("csv", safe_cells, usual_separator(out.name), is_packed)
    raise InputError(
        f"{out.name} can't be streamed: write to .parquet, .geoparquet, .csv, .tsv, .txt or "
        ".csv.gz, or name a folder."
    )


def say_lost(what: str, heights: int, measures: int) -> list[str]:
    """Return a sentence on how many heights and measures CSV leaves out.

    Examples
    --------
    >>> say_lost("a.gpkg", 1, 0)
    ['a.gpkg has 1 point with a height, which CSV of lon and lat leaves out; ...']
    """
    held = [
        f"{count:,} {'point' if count == 1 else 'points'} with {one if count == 1 else many}"
        for count, one, many in (
            (heights, "a height", "heights"), (measures, "a measure (M)", "measures (M)")
        )
        if count
    ]  # fmt: skip
    left = f"{what} has {' and '.join(held)}, which CSV of lon and lat leaves out; write Parquet"
    return [f"{left} to keep them."] if held else []


def _entry(entry: dict[str, Any]) -> dict[str, Any]:
    """Return a column's metadata without bounds, which were those of the source."""
    kept = {k: v for k, v in entry.items() if k not in {"bbox", "covering"}}
    if isinstance(kept.get("crs"), str):
        kept["crs"] = pyproj.CRS.from_user_input(kept["crs"]).to_json_dict()
    return kept


def read_rings(path: Path) -> pa.Table:
    """Read a part of sums, in Arrow's format."""
    with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as batches:
        return batches.read_all()


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

"""Results as Parquet or CSV: parts are stretches of one file, or files in a folder."""

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
from cpecgeo.files import wellknown
from cpecgeo.files.disk import settle
from cpecgeo.files.fields import quote_name, to_text
from cpecgeo.files.formats import find_format
from cpecgeo.files.text import usual_separator
from cpecgeo.scale.parquet import join_footers
from cpecgeo.scale.parts import FOLDER_RECORD, WRITER, DonePart, Parts, write_json
from cpecgeo.scale.sources import Batch, Source, is_bytes, is_text

__all__ = ["Sink", "Writing", "read_rings", "sink"]

_FLAT = 21  # bytes of a point without height and measure
_SPECIAL = (b'"', b"\r", b"\n")
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_FORMULA = "^[=+\\-@\t\r]"


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
            table = table.append_column("geometry", wellknown.to_wkb(batch.xy))
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
            self._writer = _open_writer(self._file, table)

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


def _open_writer(file: IO[bytes], table: pa.Table) -> Any:
    """Open a writer with dictionaries for repeated values, never for numbers and points."""

    def is_repeated(kind: pa.DataType, column: pa.ChunkedArray) -> bool:
        if is_text(kind):
            return _repeats(column, 2)
        rare = (pa.types.is_floating, pa.types.is_integer, is_bytes)
        return not any(is_rare(kind) for is_rare in rare)

    pairs = list(zip(table.schema, table.columns, strict=True))
    return pq.ParquetWriter(
        file,
        table.schema,
        compression="snappy",
        use_dictionary=[f.name for f, column in pairs if is_repeated(f.type, column)],
        write_statistics=[f.name for f, _ in pairs if not is_bytes(f.type)],
    )


def _repeats(column: pa.ChunkedArray, times: int = 10) -> bool:
    """Return whether the first values of a column occur so many times on average."""
    some = column.slice(0, 2_000)
    return bool(pc.count_distinct(some).as_py() * times <= len(some))


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


def header(table: pa.Table, separator: str = ",") -> list[bytes]:
    """Return the names of the columns that CSV can store, as a line."""
    names = [
        n for n, c in zip(table.column_names, table.columns, strict=True) if not is_bytes(c.type)
    ]
    if any("\n" in n or "\r" in n for n in names):
        raise InputError("A column's name holds a line end, which CSV can't; rename it.")
    return [(separator.join(map(quote_name, names)) + "\n").encode()]


def lines(table: pa.Table, *, safe: bool, separator: str = ",") -> list[Any]:
    r"""Return rows as CSV, with quotes where needed, and empty cells for missing values.

    They are pieces of bytes in order; long ones aren't copied.

    Examples
    --------
    >>> b"".join(lines(pa.table({"a": [1.5, None], "b": ["x", "y, z"]}), safe=False))
    b'1.5,x\n,"y, z"\n'
    """
    cells = [
        _cells(column, safe=safe, separator=separator)
        for name, column in zip(table.column_names, table.columns, strict=True)
        if not is_bytes(column.type)
    ]
    if len(table) == 0:
        return []
    # Each row begins with a line end, so that long rows are joined only once.
    cells[0] = _join_text("\n", cells[0])
    rows = cells[0] if len(cells) == 1 else _join_text(*cells, between=separator)
    first, *others = map(_bytes, rows.chunks)
    return [first[1:], *others, b"\n"]


def _join_text(*cells: str | pa.Array, between: str = "") -> Any:
    """Join text, row by row."""
    big = pa.large_string()
    texts = [pa.scalar(c, big) if isinstance(c, str) else c for c in cells]
    return pc.binary_join_element_wise(*texts, pa.scalar(between, big))


def _bytes(chunk: pa.Array) -> memoryview:
    """Return the memory of all text values, one after the other."""
    _, offsets, data = chunk.buffers()
    if len(chunk) == 0 or data is None:
        return memoryview(b"")
    kind = np.int64 if pa.types.is_large_string(chunk.type) else np.int32
    edges = np.frombuffer(offsets, kind)[[chunk.offset, chunk.offset + len(chunk)]]
    return memoryview(data)[edges[0] : edges[1]]


def _cells(column: pa.ChunkedArray, *, safe: bool, separator: str) -> Any:
    """Return a column as text, quoted where necessary."""
    if column.type in {pa.float32(), pa.float64()} and _repeats(column):
        column = column.dictionary_encode()
    if pa.types.is_dictionary(column.type):  # each distinct value is converted once
        cells = [
            pc.take(
                _cells(pa.chunked_array([chunk.dictionary]), safe=safe, separator=separator),
                chunk.indices,
            )
            for chunk in column.chunks
        ]
        chunks = [chunk for cell in cells for chunk in cell.chunks]
        return pc.fill_null(pa.chunked_array(chunks, pa.large_string()), "")
    if pa.types.is_nested(column.type):
        held = [None if v is None else to_text(v) for v in column.to_pandas()]
        column = pa.chunked_array([held], pa.large_string())
    text = pc.cast(column, pa.large_string())
    if is_text(column.type):
        text = _disarm(text) if safe else text
        marks = (*_SPECIAL, separator.encode())
        if any(mark in raw for raw in map(bytes, map(_bytes, text.chunks)) for mark in marks):
            special = pc.match_substring_regex(text, f'["{separator}\r\n]')
            doubled = pc.replace_substring(text, '"', '""')
            quoted = _join_text('"', doubled, '"')
            text = pc.if_else(special, quoted, text)
    return pc.fill_null(text, "")


def _disarm(text: pa.Array) -> pa.Array:
    """Put an apostrophe before text that a spreadsheet would run as a formula; numbers stay."""
    armed = pc.and_(
        pc.match_substring_regex(text, _FORMULA),
        pc.invert(pc.match_substring_regex(text, _NUMBER)),
    )
    return pc.if_else(armed, _join_text("'", text), text)

"""Parts written as Parquet or CSV, and joined to one file that is always the same."""

from __future__ import annotations

import contextlib
import json
import shutil
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyproj
import shapely

from cpecgeo.errors import DataWarning, InputError
from cpecgeo.files.disk import settle
from cpecgeo.scale import points
from cpecgeo.scale.parts import FOLDER_RECORD, WRITER, write_json
from cpecgeo.scale.sources import Batch, Source

__all__ = ["Sink", "is_bytes", "read_part", "sink"]

_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_FORMULA = "^[=+\\-@\t\r]"


# Bytes of a point without height.
_FLAT = 21


def _tell_heights(column: pa.ChunkedArray, source: Source) -> None:
    """Remark heights of points, for which CSV of lon and lat has no place; once for all batches."""
    longest = pc.max(pc.binary_length(column)).as_py() or 0
    if longest > _FLAT:
        raw = column.to_numpy()
        if shapely.has_z(shapely.from_wkb(raw, on_invalid="ignore")).any():
            warnings.warn(
                f"{source.path.name} has points with heights, which CSV of lon and lat leaves out; "
                "write Parquet to keep them.",
                DataWarning,
                stacklevel=2,
            )


@dataclass(frozen=True)
class Sink:
    """The way a table becomes a file.

    Attributes
    ----------
    kind : {"parquet", "csv", "folder"}
        A folder holds the parts as they are, one Parquet file each.
    safe_cells : bool
        Whether text that a spreadsheet would run as a formula gets an apostrophe before it.
    """

    kind: str
    safe_cells: bool = False

    @property
    def suffix(self) -> str:
        """Of each part; Arrow's is written and read again in a fraction of Parquet's time."""
        return {"csv": ".csv", "parquet": ".arrow", "folder": ".parquet"}[self.kind]

    def place(self, batch: Batch, source: Source) -> pa.Table:
        """Return the columns of a batch, with its points in a form that the result can hold."""
        table = batch.columns
        names = table.column_names
        if self.kind == "csv" and source.geometry is not None:
            _tell_heights(table[source.geometry], source)
            # A column of such a name may hold anything; the points are in the geometry.
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

    def describe(self, table: pa.Table, source: Source) -> pa.Table:
        """Return a table with the record that makes it GeoParquet."""
        if self.kind == "csv":
            return table
        geo = source.geo
        if geo is None:
            columns: dict[str, Any] = {"geometry": {"encoding": "WKB", "geometry_types": ["Point"]}}
            geo = {"version": "1.1.0", "primary_column": "geometry"}
        else:
            names = set(table.column_names)
            columns = {n: _entry(e) for n, e in geo["columns"].items() if n in names}
        return table.replace_schema_metadata({"geo": json.dumps({**geo, "columns": columns})})

    @contextlib.contextmanager
    def writing(self, path: Path) -> Iterator[Any]:
        """Give a function that appends tables to a new file, which is on disk at the end."""
        fresh = path.with_suffix(".new")
        with contextlib.ExitStack() as stack:
            writer: list[Any] = []

            def append(table: pa.Table) -> None:
                if not writer:
                    opened = self._writer(fresh, path.suffix, table.schema)
                    writer.append(stack.enter_context(opened))
                    if self.kind == "csv":
                        writer[0].write(header(table))
                if self.kind == "csv":
                    writer[0].write(lines(table, safe=self.safe_cells))
                else:
                    writer[0].write_table(table)

            yield append
        settle(fresh)
        fresh.replace(path)

    def _writer(self, path: Path, suffix: str, schema: pa.Schema) -> Any:
        if self.kind == "csv":
            return path.open("wb")
        if suffix == ".arrow":
            return pa.ipc.new_stream(path, schema)
        return _parquet(path, schema)

    def join(self, parts: list[Path], whole: Path) -> None:
        """Join finished parts to the result."""
        if self.kind == "folder":
            whole.mkdir()
            for path in parts:
                try:
                    (whole / path.name).hardlink_to(path)
                except OSError:  # some file systems have no hard links
                    shutil.copyfile(path, whole / path.name)
                    settle(whole / path.name)
            record = {"writer": WRITER, "files": [path.name for path in parts]}
            write_json(whole / FOLDER_RECORD, record)
            return
        if self.kind == "csv":
            _join_csv(parts, whole)
        else:
            _join_parquet(parts, whole)
        settle(whole)


def sink(out: Path, *, safe_cells: bool) -> Sink:
    """Choose how to write, by the suffix of the result.

    Raises
    ------
    InputError
        A suffix that isn't known.

    Examples
    --------
    >>> sink(Path("near.parquet"), safe_cells=False).kind, sink(Path("near"), safe_cells=False).kind
    ('parquet', 'folder')
    """
    suffix = out.suffix.casefold()
    kinds = {".parquet": "parquet", ".geoparquet": "parquet", ".pq": "parquet", ".csv": "csv"}
    if suffix in kinds:
        return Sink(kinds[suffix], safe_cells)
    if not suffix:
        return Sink("folder", safe_cells)
    raise InputError(
        f"{out.name} can't be streamed: write to .parquet, .geoparquet or .csv, or name a folder."
    )


def _entry(entry: dict[str, Any]) -> dict[str, Any]:
    """Return a column's entry of the record without bounds, which were those of the source."""
    kept = {k: v for k, v in entry.items() if k not in {"bbox", "covering"}}
    if isinstance(kept.get("crs"), str):
        kept["crs"] = pyproj.CRS.from_user_input(kept["crs"]).to_json_dict()
    return kept


def header(table: pa.Table) -> bytes:
    """Return the names of the columns that CSV can hold, as a line."""
    names = [n for n, c in zip(table.column_names, table.columns, strict=True) if _plain(n, c.type)]
    if any("\n" in n or "\r" in n for n in names):
        raise InputError("A column's name holds a line end, which CSV can't; rename it.")
    return lines(pa.table({str(i): [n] for i, n in enumerate(names)}), safe=False)


def lines(table: pa.Table, *, safe: bool) -> bytes:
    r"""Return rows as CSV: quotes where they are needed, nothing where a value is missing.

    Examples
    --------
    >>> lines(pa.table({"a": [1.5, None], "b": ["x", "y, z"]}), safe=False)
    b'1.5,x\n,"y, z"\n'
    """
    cells = [
        _cells(column, safe=safe)
        for name, column in zip(table.column_names, table.columns, strict=True)
        if _plain(name, column.type)
    ]
    if len(table) == 0:
        return b""
    rows = cells[0] if len(cells) == 1 else _joined(*cells, between=",")
    ended = _joined(rows, "", between="\n")
    return b"".join(_bytes(chunk) for chunk in ended.chunks)


def _joined(*cells: Any, between: str = "") -> Any:
    """Join text, row by row."""
    big = pa.large_string()
    texts = [pa.scalar(c, big) if isinstance(c, str) else c for c in cells]
    return pc.binary_join_element_wise(*texts, pa.scalar(between, big))


def _bytes(chunk: pa.Array) -> bytes:
    """Return the text of all values, one after the other, as it lies in memory."""
    _, offsets, data = chunk.buffers()
    kind = np.int64 if pa.types.is_large_string(chunk.type) else np.int32
    edges = np.frombuffer(offsets, kind)[[chunk.offset, chunk.offset + len(chunk)]]
    return memoryview(data)[edges[0] : edges[1]].tobytes()


def _plain(name: str, kind: pa.DataType) -> bool:
    """Return whether CSV can hold a column; bytes are left out.

    Raises
    ------
    InputError
        Lists and the like.
    """
    if pa.types.is_nested(kind):
        raise InputError(f"Column {name!r} holds {kind}, which CSV can't; write Parquet.")
    return not is_bytes(kind)


def is_bytes(kind: pa.DataType) -> bool:
    """Return whether an Arrow type is of bytes, which CSV can't hold."""
    bytes_of = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
    return any(is_kind(kind) for is_kind in bytes_of)


def _cells(column: pa.ChunkedArray, *, safe: bool) -> Any:
    """Return a column as text, quoted where it must be."""
    if pa.types.is_dictionary(column.type):
        column = pc.cast(column, column.type.value_type)
    text = pc.cast(column, pa.large_string())
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        text = _disarmed(text) if safe else text
        special = pc.match_substring_regex(text, '[",\r\n]')
        if pc.any(special).as_py():
            doubled = pc.replace_substring(text, '"', '""')
            quoted = _joined('"', doubled, '"')
            text = pc.if_else(special, quoted, text)
    return pc.fill_null(text, "")


def _disarmed(text: pa.Array) -> pa.Array:
    """Return text that a spreadsheet doesn't take for a formula; numbers stay numbers."""
    armed = pc.and_(
        pc.match_substring_regex(text, _FORMULA),
        pc.invert(pc.match_substring_regex(text, _NUMBER)),
    )
    return pc.if_else(armed, _joined("'", text), text)


def _join_csv(parts: list[Path], out: Path) -> None:
    with out.open("wb") as whole:
        for number, path in enumerate(parts):
            with path.open("rb") as part:
                if number:
                    part.readline()  # names of columns hold no line end, see `header`
                shutil.copyfileobj(part, whole, 1 << 22)


def _join_parquet(parts: list[Path], out: Path) -> None:
    """Join batch by batch, each a row group, so that memory stays small."""
    writer = None
    try:
        for path in parts:
            for table in read_part(path):
                if writer is None:
                    writer = _parquet(out, table.schema)
                writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()


def read_part(path: Path) -> Iterator[pa.Table]:
    """Yield the batches of a part in Arrow's format; a part without rows is one without rows."""
    with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as batches:
        read = False
        for batch in batches:
            read = True
            yield pa.Table.from_batches([batch])
        if not read:
            yield batches.schema.empty_table()


def _parquet(path: Path, schema: pa.Schema) -> Any:
    """Open a writer without dictionaries of numbers and points, which hardly ever repeat."""
    rare = (
        pa.types.is_floating, pa.types.is_integer, pa.types.is_binary, pa.types.is_large_binary,
    )  # fmt: skip
    repeated = [f.name for f in schema if not any(is_rare(f.type) for is_rare in rare)]
    return pq.ParquetWriter(path, schema, compression="snappy", use_dictionary=repeated)

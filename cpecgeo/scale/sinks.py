"""Parts written as Parquet or CSV, and joined to one file that is always the same."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cpecgeo.errors import InputError
from cpecgeo.scale.parts import FOLDER_RECORD, WRITER, write_json

__all__ = ["Sink", "is_bytes", "sink"]

_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_FORMULA = "^[=+\\-@\t\r]"


@dataclass(frozen=True)
class Sink:
    """How a table becomes a file.

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
        """Of each part."""
        return ".csv" if self.kind == "csv" else ".parquet"

    @contextlib.contextmanager
    def writing(self, path: Path) -> Iterator[Any]:
        """A function that appends tables to a new file; the file is on disk at the end."""
        fresh = path.with_suffix(".new")
        with contextlib.ExitStack() as stack:
            writer: list[Any] = []

            def append(table: Any) -> None:
                if not writer:
                    writer.append(stack.enter_context(self._writer(fresh, table.schema)))
                    if self.kind == "csv":
                        writer[0].write(header(table))
                if self.kind == "csv":
                    writer[0].write(lines(table, safe=self.safe_cells))
                else:
                    writer[0].write_table(table)

            yield append
        _settle(fresh)
        fresh.replace(path)

    def _writer(self, path: Path, schema: Any) -> Any:
        if self.kind == "csv":
            return path.open("wb")
        return _parquet(path, schema)

    def join(self, parts: list[Path], whole: Path) -> None:
        """Make the result of finished parts."""
        if self.kind == "folder":
            whole.mkdir()
            for path in parts:
                try:
                    (whole / path.name).hardlink_to(path)
                except OSError:  # some file systems have no hard links
                    shutil.copyfile(path, whole / path.name)
                    _settle(whole / path.name)
            record = {"writer": WRITER, "files": [path.name for path in parts]}
            write_json(whole / FOLDER_RECORD, record)
            return
        if self.kind == "csv":
            _join_csv(parts, whole)
        else:
            _join_parquet(parts, whole)
        _settle(whole)


def sink(out: Path, *, safe_cells: bool) -> Sink:
    """How to write what `out` names.

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


def with_geo(table: Any, geo: dict[str, Any] | None) -> Any:
    """The table with the record that makes it GeoParquet."""
    return table if geo is None else table.replace_schema_metadata({"geo": json.dumps(geo)})


def header(table: Any) -> bytes:
    """The names of the columns that CSV can hold, as a line."""
    names = [n for n, c in zip(table.column_names, table.columns, strict=True) if _plain(n, c.type)]
    if any("\n" in n or "\r" in n for n in names):
        raise InputError("A column's name holds a line end, which CSV can't; rename it.")
    return lines(pa.table({str(i): [n] for i, n in enumerate(names)}), safe=False)


def lines(table: Any, *, safe: bool) -> bytes:
    r"""The rows as CSV: quotes where they are needed, nothing where a value is missing.

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
    """Text put together, row by row."""
    big = pa.large_string()
    texts = [pa.scalar(c, big) if isinstance(c, str) else c for c in cells]
    return pc.binary_join_element_wise(*texts, pa.scalar(between, big))


def _bytes(chunk: Any) -> bytes:
    """The text of all values, one after the other, as it lies in memory."""
    _, offsets, data = chunk.buffers()
    kind = np.int64 if pa.types.is_large_string(chunk.type) else np.int32
    edges = np.frombuffer(offsets, kind)[[chunk.offset, chunk.offset + len(chunk)]]
    return memoryview(data)[edges[0] : edges[1]].tobytes()


def _plain(name: str, kind: Any) -> bool:
    """Whether CSV can hold a column; geometry as bytes is left out.

    Raises
    ------
    InputError
        Lists and the like.
    """
    if pa.types.is_nested(kind):
        raise InputError(f"Column {name!r} holds {kind}, which CSV can't; write Parquet.")
    return not is_bytes(kind)


def is_bytes(kind: Any) -> bool:
    """Return whether an Arrow type is of bytes, which CSV can't hold."""
    bytes_of = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
    return any(is_kind(kind) for is_kind in bytes_of)


def _cells(column: Any, *, safe: bool) -> Any:
    """A column as text, quoted where it must be."""
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


def _disarmed(text: Any) -> Any:
    """Text that a spreadsheet doesn't take for a formula; numbers stay numbers."""
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
    """Row group by row group, so that memory stays small."""
    writer = None
    try:
        for path in parts:
            with pq.ParquetFile(path, pre_buffer=False) as file:
                if writer is None:
                    writer = _parquet(out, file.schema_arrow)
                for group in range(file.num_row_groups):
                    writer.write_table(file.read_row_group(group))
    finally:
        if writer is not None:
            writer.close()


def _parquet(path: Path, schema: Any) -> Any:
    """A writer that is quick: coordinates and distances hardly ever repeat."""
    rare = (pa.types.is_floating, pa.types.is_binary, pa.types.is_large_binary)
    repeated = [f.name for f in schema if not any(is_rare(f.type) for is_rare in rare)]
    return pq.ParquetWriter(path, schema, compression="snappy", use_dictionary=repeated)


def _settle(path: Path) -> None:
    """Wait until the file is on disk, with the rights of any new file."""
    with path.open("rb") as file:
        os.fsync(file.fileno())

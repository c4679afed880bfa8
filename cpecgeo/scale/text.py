"""CSV: read in batches, from any row on, each cell with its text; and rows written as CSV."""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from cpecgeo.errors import FileError, InputError, warn
from cpecgeo.files.disk import MAX_BYTES
from cpecgeo.files.fields import quote_name, to_text
from cpecgeo.files.formats import Choice
from cpecgeo.files.numbers import refuse_lengths
from cpecgeo.files.text import (
    HEAD_BYTES,
    encoding_error,
    end_records,
    find_encoding,
    load_header,
    open_bytes,
    refuse_unclosed,
    to_utf8,
    usual_separator,
)
from cpecgeo.scale.points import is_text
from cpecgeo.scale.sources import BATCH_BYTES, Batch, Places, Position, Source

__all__ = ["Csv", "header", "is_bytes", "lines", "repeats"]

# Bytes of text read at once.
_CHUNK = 8_000_000
# CSV rarely packs to less than a thirtieth; a file made to fill a disk packs to a thousandth.
_MOST_PACKED = 100
_SPECIAL = (b'"', b"\r", b"\n")
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_FORMULA = "^[=+\\-@\t\r]"
_SAMPLE = 2_000  # values that decide whether a column repeats itself


@dataclass(frozen=True, kw_only=True)
class Csv(Source):
    """A CSV file with a header, from which the separator is inferred."""

    places: Places
    names: tuple[str, ...]
    separator: str
    first: int  # the byte after the header
    codec: str = "utf-8"

    @classmethod
    def open(cls, path: Path, choice: Choice) -> Csv:
        """Read the header."""
        with _open(path) as file:
            head = file.read(HEAD_BYTES)
        size = _size(path, head)
        codec, mark = find_encoding(head[: 1 << 16], choice.encoding, path)
        header, start = load_header(head, codec, mark, path)
        rows = head[start:]

        def first(name: str) -> pd.Series | None:
            ends = end_records(rows, header.separator, codec)
            text = rows[: ends[-1] if len(ends) else None].decode(codec, "replace")
            try:
                table = pd.read_csv(
                    io.StringIO(text, newline=""), sep=header.separator, header=None,
                    names=[*header.names], index_col=False, dtype=str, na_filter=False, nrows=100,
                    on_bad_lines="skip",
                )  # fmt: skip
            except (pd.errors.ParserError, pd.errors.EmptyDataError):
                return None if text.strip() else pd.Series([], dtype=str)
            return table[name]

        block = io.StringIO(rows[: 1 << 20].decode(codec, "replace"), newline="")
        with contextlib.suppress(csv.Error):  # a cell longer than csv's limit
            read = (row for row in csv.reader(block, delimiter=header.separator) if row)
            refuse_lengths([*itertools.islice(read, 1)], len(header.names), header.separator, path)
        places = Places.find(list(header.names), choice, path.name, first)
        schema = places.fit(pa.schema([(n, pa.string()) for n in header.names]))
        # Well-known text becomes a column of points.
        geometry = "geometry" if places.are_shapes else None
        return cls(
            path=path, schema=schema, size=size, places=places, geometry=geometry,
            names=header.names, separator=header.separator, first=start, codec=codec,
        )  # fmt: skip

    @property
    def read_as(self) -> str:  # noqa: D102
        told = super().read_as
        if self.separator != usual_separator(self.path.name):
            told += f"; separator {self.separator!r}"
        return told if self.codec == "utf-8" else f"{told}; encoding {self.codec}"

    def batches(self, start: Position, rows: int) -> Iterator[Batch]:
        """Yield batches of about `rows` rows: blocks of whole records with about as many bytes."""
        at = Position(start.row, start.byte or self.first)
        with _open(self.path) as file:
            size = want = self._chunk(file, rows)
            while True:
                # Every block begins with a record, so blocks are the same wherever the reading
                # began.
                file.seek(at.byte)
                block = file.read(want)
                cut = len(block)
                if cut == want:
                    ends = end_records(block, self.separator, self.codec)
                    cut = int(ends[-1]) if len(ends) else 0
                if cut == 0 and block:
                    if want > 2 * BATCH_BYTES:
                        raise FileError(
                            f"{self.path} has a record of more than {2 * BATCH_BYTES:,} bytes "
                            f"after row {at.row}; a quote may not be closed."
                        )
                    want *= 2
                    continue
                after = at.byte + cut
                text = to_utf8(block[:cut], self.codec, f"{self.path} after row {at.row}")
                if len(block) < want:
                    refuse_unclosed(text, self.separator, self.path, before=at.row)
                if text.strip():
                    batch = self._batch(text, at, after)
                    yield batch
                    at = batch.end
                else:
                    at = Position(at.row, after)
                if len(block) < want:
                    return
                want = size

    def _chunk(self, file: IO[bytes] | _Onward, rows: int) -> int:
        """Return how many bytes about `rows` rows take, from the length of the first rows."""
        file.seek(self.first)
        head = file.read(1 << 16)
        each = len(head) / max(1, head.count(b"\n"))
        return int(min(max(each * rows, 1), _CHUNK * 4, BATCH_BYTES))

    def _batch(self, block: bytes, at: Position, after: int) -> Batch:
        try:
            table = pa_csv.read_csv(
                pa.BufferReader(block),
                read_options=pa_csv.ReadOptions(
                    column_names=list(self.names), block_size=max(1 << 20, len(block) + 1)
                ),
                parse_options=pa_csv.ParseOptions(
                    delimiter=self.separator, newlines_in_values=True
                ),
                convert_options=pa_csv.ConvertOptions(
                    column_types={n: pa.string() for n in self.names},
                    strings_can_be_null=False,
                ),
            )
        except pa.ArrowInvalid as error:
            text = str(error).splitlines()[0][:200]
            if "UTF8" in text or "utf8" in text.lower():
                raise encoding_error("utf-8", error, f"{self.path} after row {at.row}") from None
            filled = self._fill(block, at)
            if filled is None:
                raise FileError(
                    f"{self.path} has a row after row {at.row} that can't be read as CSV ({text}); "
                    f"the separator taken is {self.separator!r}."
                ) from None
            table = filled
        end = Position(at.row + len(table), after)
        table, xy = self.places.read(table, at.row, self.path.name)
        return Batch(table, xy, at, end)

    def _fill(self, block: bytes, at: Position) -> pa.Table | None:
        """Fill up rows that end early; None where the block isn't CSV."""
        try:
            text = io.StringIO(block.decode(), newline="")
            rows = list(csv.reader(text, delimiter=self.separator, strict=True))
        except (csv.Error, UnicodeDecodeError):
            return None
        rows = [row for row in rows if row]
        count = len(self.names)
        refuse_lengths(rows, count, self.separator, self.path, before=at.row)
        warn(
            f"{self.path.name} has rows with fewer than {count} values; what they lack is read as "
            "missing."
        )
        columns = zip(*([*row, *[""] * (count - len(row))] for row in rows), strict=True)
        return pa.table([pa.array(c, pa.string()) for c in columns], list(self.names))


class _Onward:
    """A packed file of bytes, read from beginning to end; it can go back by one block only."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._end = file, 0
        self._held = b""

    def seek(self, byte: int) -> None:
        """Go to a byte in the last block, or further on."""
        begin = self._end - len(self._held)
        assert byte >= begin  # noqa: S101 - batches follow one another
        while byte > self._end:
            self._held = self._file.read(min(byte - self._end, 1 << 20))
            if not self._held:
                return
            begin, self._end = self._end, self._end + len(self._held)
        self._held = self._held[byte - begin :]

    def read(self, count: int) -> bytes:
        """Return so many bytes, or all that are left."""
        more = self._file.read(max(0, count - len(self._held)))
        self._held, self._end = self._held + more, self._end + len(more)
        return self._held[:count]


@contextlib.contextmanager
def _open(path: Path) -> Iterator[IO[bytes] | _Onward]:
    """Open a file of text, unpacking it where its name ends in ``.gz``.

    A file that unpacks to more than `MAX_BYTES`, and to more than a hundred times its size, is
    refused.
    """
    most = max(MAX_BYTES, _MOST_PACKED * path.stat().st_size)
    with open_bytes(path, str(path), most) as file:
        yield _Onward(file) if path.suffix.casefold() == ".gz" else file


def _size(path: Path, head: bytes) -> int:
    """Return how many bytes of text a file has; for a packed one an estimate from its beginning."""
    size = path.stat().st_size
    if path.suffix.casefold() != ".gz" or not head:
        return size
    part = head[: 1 << 18]
    return size * len(part) // len(zlib.compress(part))


def is_bytes(kind: pa.DataType) -> bool:
    """Return whether an Arrow type is of bytes, which CSV can't hold."""
    bytes_of = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
    return any(is_kind(kind) for is_kind in bytes_of)


def repeats(column: pa.ChunkedArray, times: int = 10) -> bool:
    """Return whether the first values of a column occur so many times on average."""
    some = column.slice(0, _SAMPLE)
    return bool(pc.count_distinct(some).as_py() * times <= len(some))


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
    if column.type in {pa.float32(), pa.float64()} and repeats(column):
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

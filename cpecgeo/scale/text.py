"""CSV files of any size, read from any record on; every cell keeps its text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from cpecgeo.errors import FileError, InputError
from cpecgeo.files.positions import find_lonlat
from cpecgeo.files.sniff import HEAD_BYTES, parse_header
from cpecgeo.scale import points
from cpecgeo.scale.sources import BATCH_BYTES, Batch, Position

__all__ = ["Csv"]

_CHUNK = 8_000_000


@dataclass(frozen=True)
class Csv:
    """A CSV file in UTF-8 with a header; the separator is found in the header."""

    path: Path
    schema: pa.Schema
    columns: tuple[str, str]
    separator: str
    first: int  # the byte after the header
    size: int
    geometry: str | None = None
    geo: dict[str, Any] | None = None

    @classmethod
    def open(cls, path: Path, *, lon: str | None, lat: str | None) -> Csv:
        """Read the header."""
        try:
            with path.open("rb") as file:
                head = file.read(HEAD_BYTES)
            size = path.stat().st_size
        except OSError as error:
            raise FileError(f"{path} can't be read: {error.strerror}.") from error
        header = parse_header(head, path)
        chosen = find_lonlat(header.names, lon, lat, path.name)
        schema = pa.schema([(n, pa.string()) for n in header.names])
        return cls(path, schema, chosen, header.separator, header.end, size)

    @property
    def rows(self) -> None:
        """Not known before the file is read."""

    def batch_of(self, rows: int) -> int:
        """Return about how many rows a batch has."""
        return rows

    def batches(self, start: Position, rows: int) -> Iterator[Batch]:
        """Yield batches of about `rows` rows: whole records of as many bytes as these take."""
        at = Position(start.row, start.byte or self.first)
        with self.path.open("rb") as file:
            size = want = self._chunk(file, rows)
            while True:
                # Every block is read from where a record begins, so that blocks are the same
                # wherever the reading began.
                file.seek(at.byte)
                block = file.read(want)
                cut = len(block) if len(block) < want else _last_record(block)
                if cut == 0 and block:
                    if want > 2 * BATCH_BYTES:
                        raise FileError(
                            f"{self.path} has a record of more than {2 * BATCH_BYTES:,} bytes "
                            f"after row {at.row}; a quote may not be closed."
                        )
                    want *= 2
                    continue
                if block[:cut].strip():
                    batch = self._batch(block[:cut], at)
                    yield batch
                    at = batch.end
                else:
                    at = Position(at.row, at.byte + cut)
                if len(block) < want:
                    return
                want = size

    def _chunk(self, file: BinaryIO, rows: int) -> int:
        """Return how many bytes hold about `rows` rows, by the length of the first ones."""
        file.seek(self.first)
        head = file.read(1 << 16)
        each = len(head) / max(1, head.count(b"\n"))
        return int(min(max(each * rows, 1), _CHUNK * 4, BATCH_BYTES))

    def _batch(self, block: bytes, at: Position) -> Batch:
        try:
            table = pa_csv.read_csv(
                pa.BufferReader(block),
                read_options=pa_csv.ReadOptions(
                    column_names=self.schema.names, block_size=max(1 << 20, len(block) + 1)
                ),
                parse_options=pa_csv.ParseOptions(
                    delimiter=self.separator, newlines_in_values=True
                ),
                convert_options=pa_csv.ConvertOptions(
                    column_types={n: pa.string() for n in self.schema.names},
                    strings_can_be_null=False,
                ),
            )
        except pa.ArrowInvalid as error:
            text = str(error).splitlines()[0][:200]
            if "UTF8" in text or "utf8" in text.lower():
                raise FileError(
                    f"{self.path} is not UTF-8 after row {at.row} ({text}); save it as UTF-8."
                ) from None
            raise InputError(
                f"{self.path.name} has a row after row {at.row} that doesn't fit the header "
                f"({text}); the separator taken is {self.separator!r}."
            ) from None
        lon, lat = self.columns
        xy = points.from_columns(table[lon], table[lat], at.row, self.path.name, self.columns)
        return Batch(table, xy, at, Position(at.row + len(table), at.byte + len(block)))


def _last_record(block: bytes) -> int:
    """Return where the last whole record ends: after a line end that no quote holds."""
    if b'"' not in block:
        return block.rfind(b"\n") + 1
    raw = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(raw == ord("\n"))
    quotes = np.flatnonzero(raw == ord('"'))
    outside = ends[np.searchsorted(quotes, ends) % 2 == 0]
    return int(outside[-1]) + 1 if len(outside) else 0

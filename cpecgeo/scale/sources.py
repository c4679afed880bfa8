"""Sources of points: what a streamed run needs of a file; CSV, where every cell keeps its text."""

from __future__ import annotations

import csv
import io
import itertools
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import shapely
from numpy.typing import NDArray

from cpecgeo.errors import DataWarning, FileError, InputError
from cpecgeo.files import wellknown
from cpecgeo.files.formats import Choice
from cpecgeo.files.tables import find_positions, resolve_crs
from cpecgeo.files.text import HEAD_BYTES, find_encoding, last_record, load_header, not_in, to_utf8
from cpecgeo.scale import points

__all__ = [
    "BATCH_BYTES",
    "Ahead",
    "Batch",
    "Csv",
    "Places",
    "Position",
    "Source",
    "rechunk",
]

# Rows are cut so that a batch of wide ones stays about this size in memory.
BATCH_BYTES = 48_000_000
# Bytes of text read at once.
_CHUNK = 8_000_000


@dataclass(frozen=True)
class Position:
    """A position in a file: rows before it, and bytes where the file is text."""

    row: int = 0
    byte: int = 0


@dataclass(frozen=True)
class Batch:
    """Some rows of a file.

    Attributes
    ----------
    columns : pyarrow.Table
        As in the file.
    xy : ndarray, shape (rows, 2)
        lon, lat on WGS 84; NaN where there is no point.
    start, end : Position
    """

    columns: pa.Table
    xy: NDArray[np.float64]
    start: Position
    end: Position


@dataclass(frozen=True)
class Places:
    """Where the positions of a table stand: two columns, or one of well-known text or binary."""

    columns: tuple[str, str] | None
    text: str | None
    crs: object = None  # as stated
    thousands: str | None = None

    @classmethod
    def find(
        cls, names: list[str], choice: Choice, what: str, first: Callable[[str], pd.Series]
    ) -> Places:
        """Find the columns; `first` gives the first values of one.

        Raises
        ------
        InputError
            There are none.
        """
        found = find_positions(names, choice, what, first)
        if len(found) == 1:
            return cls(None, found[0], choice.crs)
        return cls((found[0], found[1]), None, choice.crs, choice.thousands)

    @property
    def read_as(self) -> str:
        """How positions are understood, for people."""
        if self.columns is None:
            return f"geometry from the column {self.text}"
        return f"lon and lat from the columns {', '.join(self.columns)}"

    def fit(self, schema: pa.Schema) -> pa.Schema:
        """Return the columns of the batches that `read` gives."""
        return self.read(schema.empty_table(), 0, "")[0].schema

    def read(
        self, table: pa.Table, row: int, what: str, *, is_kept: bool = False
    ) -> tuple[pa.Table, NDArray[np.float64]]:
        """Return the columns of a batch, and its points as lon, lat; NaN where there is none.

        Well-known text and binary become a column `geometry` of points in lon, lat; heights in it
        are told to be left out, unless the caller keeps the text (`is_kept`).

        Raises
        ------
        InputError, GeometryError, CRSError
            Values that are no positions; geometries that are no
        """
        if self.columns is not None:
            x, y = self.columns
            in_metres = bool(resolve_crs(self.crs).is_projected)
            lon, lat = (points.plain(table[c], self.thousands) for c in (x, y))
            xy = points.from_columns(lon, lat, row, what, (x, y), in_metres=in_metres)
            turn = points.turn_of(None, 4326 if self.crs is None else self.crs, what)
            return table, xy if turn is None else turn(xy)
        column = table[str(self.text)]
        shapes, srid = wellknown.parse(column.to_pandas(), what, before=row)
        if not is_kept and shapely.has_z(shapes).any():
            warnings.warn(
                f"{what} has points with heights, which are left out.", DataWarning, stacklevel=2
            )
        xy = points.from_shapes(shapes, row, what)
        own = None if srid is None else resolve_crs(srid)
        turn = points.turn_of(4326 if own is self.crs is None else own, self.crs, what)
        xy = xy if turn is None else turn(xy)
        kept = table.drop_columns([str(self.text)])
        names = ["geometry_2" if n == "geometry" else n for n in kept.column_names]
        return kept.rename_columns(names).append_column("geometry", points.to_wkb(xy)), xy


class Source(Protocol):
    """What a run needs of a file."""

    @property
    def path(self) -> Path: ...  # noqa: D102

    @property
    def geometry(self) -> str | None: ...  # noqa: D102

    @property
    def geo(self) -> dict[str, Any] | None: ...  # noqa: D102

    @property
    def schema(self) -> pa.Schema: ...  # noqa: D102

    @property
    def rows(self) -> int | None: ...  # noqa: D102

    @property
    def size(self) -> int: ...  # noqa: D102

    @property
    def read_as(self) -> str: ...  # noqa: D102

    def batch_of(self, rows: int) -> int: ...  # noqa: D102

    def batches(self, start: Position, rows: int) -> Iterator[Batch]: ...  # noqa: D102


class Ahead:
    """Batches of a source, read one ahead; it goes on where the last part ended.

    Parameters
    ----------
    source : Source
    rows : int
        Of a batch.
    """

    def __init__(self, source: Source, rows: int) -> None:
        self._source, self._rows = source, rows
        self._pool = ThreadPoolExecutor(1)
        self._batches: Iterator[Batch] | None = None
        self._next: Future[Batch | None] | None = None
        self._at: Position | None = None

    def begin(self, start: Position) -> None:
        """Go to where a part begins, unless reading has just come there."""
        if self._at != start or self._next is None:
            if self._next is not None:
                self._next.result()
            self._batches = self._source.batches(start, self._rows)
            self._ask()
        self._at = start

    def _ask(self) -> None:
        assert self._batches is not None  # noqa: S101
        self._next = self._pool.submit(next, self._batches, None)

    def __iter__(self) -> Iterator[Batch]:
        while self._next is not None:
            batch = self._next.result()
            if batch is None:
                return
            self._ask()
            self._at = batch.end
            yield batch

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)


def rechunk(tables: Iterator[pa.Table], rows: int) -> Iterator[pa.Table]:
    """Yield the same rows in tables of exactly `rows` rows, the last one shorter."""
    held: list[Any] = []
    count = 0
    for table in tables:
        held.append(table)
        count += len(table)
        while count >= rows:
            whole = pa.concat_tables(held)
            yield whole.slice(0, rows)
            held = [whole.slice(rows)] if count > rows else []
            count -= rows
    if count:
        yield pa.concat_tables(held)


@dataclass(frozen=True)
class Csv:
    """A CSV file with a header, in which the separator is found."""

    path: Path
    names: tuple[str, ...]
    schema: pa.Schema
    places: Places
    separator: str
    first: int  # the byte after the header
    size: int
    codec: str = "utf-8"
    geo: dict[str, Any] | None = None

    @classmethod
    def open(cls, path: Path, choice: Choice) -> Csv:
        """Read the header."""
        try:
            with path.open("rb") as file:
                head = file.read(HEAD_BYTES)
            size = path.stat().st_size
        except OSError as error:
            raise FileError(f"{path} can't be read: {error.strerror}.") from error
        codec, mark = find_encoding(head[: 1 << 16], choice.encoding, path)
        header, start = load_header(head, codec, mark, path)
        rows = head[start:]

        def first(name: str) -> pd.Series:
            block = rows[: last_record(rows, codec) or len(rows)][: 1 << 20]
            text = io.StringIO(block.decode(codec, "replace"), newline="")
            at = header.names.index(name)
            read = csv.reader(text, delimiter=header.separator)
            return pd.Series([row[at] for row in itertools.islice(read, 100) if len(row) > at])

        places = Places.find(list(header.names), choice, path.name, first)
        schema = places.fit(pa.schema([(n, pa.string()) for n in header.names]))
        return cls(path, header.names, schema, places, header.separator, start, size, codec)

    @property
    def geometry(self) -> str | None:
        """The column of points that is made of well-known text."""
        return None if self.places.text is None else "geometry"

    @property
    def read_as(self) -> str:
        """How positions are understood, for people."""
        usual = "\t" if self.path.suffix.casefold() == ".tsv" else ","
        told = "" if self.separator == usual else f"; separator {self.separator!r}"
        told += "" if self.codec == "utf-8" else f"; encoding {self.codec}"
        return self.places.read_as + told

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
                cut = len(block) if len(block) < want else last_record(block, self.codec)
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
                if text.strip():
                    batch = self._batch(text, at, after)
                    yield batch
                    at = batch.end
                else:
                    at = Position(at.row, after)
                if len(block) < want:
                    return
                want = size

    def _chunk(self, file: BinaryIO, rows: int) -> int:
        """Return how many bytes hold about `rows` rows, by the length of the first ones."""
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
                raise not_in("utf-8", error, f"{self.path} after row {at.row}") from None
            filled = self._filled(block, at)
            if filled is None:
                raise InputError(
                    f"{self.path.name} has a row after row {at.row} that doesn't fit the header "
                    f"({text}); the separator taken is {self.separator!r}."
                ) from None
            table = filled
        end = Position(at.row + len(table), after)
        table, xy = self.places.read(table, at.row, self.path.name)
        return Batch(table, xy, at, end)

    def _filled(self, block: bytes, at: Position) -> pa.Table | None:
        """Return rows of which some end early, filled up; None where others are too long."""
        try:
            text = io.StringIO(block.decode(), newline="")
            rows = list(csv.reader(text, delimiter=self.separator, strict=True))
        except (csv.Error, UnicodeDecodeError):
            return None
        rows = [row for row in rows if row]
        count = len(self.names)
        # The first row shows that the separator is the right one.
        if max(map(len, rows)) > count or (at.row == 0 and len(rows[0]) < count):
            return None
        warnings.warn(
            f"{self.path.name} has rows with fewer than {count} values; what they lack is read as "
            "missing.",
            DataWarning,
            stacklevel=2,
        )
        columns = zip(*([*row, *[""] * (count - len(row))] for row in rows), strict=True)
        return pa.table([pa.array(c, pa.string()) for c in columns], list(self.names))

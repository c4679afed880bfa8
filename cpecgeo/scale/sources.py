"""Sources of points: reading a file in batches, and finding its columns of positions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from cpecgeo.files import wellknown
from cpecgeo.files.formats import Choice
from cpecgeo.files.pairs import (
    base_column,
    order_by_name,
    order_by_values,
    order_error,
    say_columns,
    split_pairs,
    take_column,
)
from cpecgeo.files.tables import find_positions, resolve_crs
from cpecgeo.scale import points

__all__ = [
    "BATCH_BYTES",
    "Ahead",
    "Batch",
    "Places",
    "Position",
    "Source",
    "rechunk",
]

# A batch of wide rows has fewer rows, to stay about this size in memory.
BATCH_BYTES = 48_000_000


@dataclass(frozen=True)
class Position:
    """A position in a file: the rows before it and, in text, the bytes before it."""

    row: int = 0
    byte: int = 0


@dataclass(frozen=True)
class Batch:
    """Some rows of a file; `xy` is lon, lat on WGS 84, NaN where there is no point."""

    columns: pa.Table
    xy: NDArray[np.float64]
    start: Position
    end: Position


@dataclass(frozen=True)
class Places:
    """The columns with a table's positions: two, or one of well-known text or binary.

    Attributes
    ----------
    columns : tuple of str or None
        Columns of lon and lat. For one column ``coords`` of both, ``coords:2`` and ``coords:1``, or
        ``coords:`` twice where the values of each batch decide the order.
    text : str or None
    crs : object
        As stated.
    thousands : str or None
    is_stated : bool
        Whether the caller named the columns.
    """

    columns: tuple[str, str] | None
    text: str | None
    crs: object = None
    thousands: str | None = None
    is_stated: bool = False

    @classmethod
    def find(
        cls, names: list[str], choice: Choice, what: str, first: Callable[[str], pd.Series | None]
    ) -> Places:
        """Find the columns; `first` returns the first values of a column, None where unknown.

        Raises
        ------
        InputError
            No such columns.
        """
        found = find_positions(names, choice, what, first)
        if len(found) == 1:
            return cls(None, found[0], choice.crs)
        is_stated = choice.lon is not None or choice.lat is not None
        return cls((found[0], found[1]), None, choice.crs, choice.thousands, is_stated)

    @property
    def read_as(self) -> str:
        """How positions are understood, for people."""
        if self.columns is None:
            return f"geometry from the column {self.text}"
        return say_columns(self.columns)

    def names(self, among: Collection[str]) -> list[str]:
        """Return those columns of a table that hold the positions."""
        used = self.columns or (str(self.text),)
        return list(dict.fromkeys(n if n in among else base_column(n) for n in used))

    def _pair(self, table: pa.Table, what: str) -> tuple[list[Any], tuple[str, str]]:
        """Return the columns of lon and lat, and their names."""
        assert self.columns is not None  # noqa: S101
        used = self.columns
        if used[0] in table.column_names and used[1] in table.column_names:
            return [table[name] for name in used], used
        name = base_column(used[0])
        if self.is_stated or order_by_name(name) is not None or name != base_column(used[1]):
            return [self._part(table, one) for one in used], used
        held = table[name].to_pandas()
        first = order_by_values(held)
        turned = (f"{name}:2", f"{name}:1") if first == "lat" else (f"{name}:1", f"{name}:2")
        if first is None and all(two is None for _, two in split_pairs(held)):
            turned = turned if used[0] == used[1] else used  # no value decides the order
        elif first is None or used not in {turned, (f"{name}:",) * 2}:
            raise order_error(name, held, what)
        return [self._part(table, one) for one in turned], turned

    @staticmethod
    def _part(table: pa.Table, name: str) -> Any:
        if name in table.column_names:
            return table[name]
        held = table.select([base_column(name)]).to_pandas()
        return pa.array(take_column(held, name), pa.string(), from_pandas=True)

    def fit(self, schema: pa.Schema) -> pa.Schema:
        """Return the schema of the batches that `read` returns."""
        return self.read(schema.empty_table(), 0, "")[0].schema

    def read(self, table: pa.Table, row: int, what: str) -> tuple[pa.Table, NDArray[np.float64]]:
        """Return the columns of a batch, and its points as lon, lat; NaN where there is none.

        Well-known text and binary become a column `geometry` of points in lon, lat, with the
        heights and measures (M) that they have.

        Raises
        ------
        InputError, GeometryError, CRSError
            Values that aren't positions; geometries that aren't
        """
        if self.columns is not None:
            in_metres = bool(resolve_crs(self.crs).is_projected)
            pair, used = self._pair(table, what)
            lon, lat = (points.plain(column, self.thousands) for column in pair)
            xy = points.from_columns(lon, lat, row, what, used, in_metres=in_metres)
            turn = points.turn_of(None, 4326 if self.crs is None else self.crs, what)
            return table, xy if turn is None else turn(xy)
        column = table[str(self.text)]
        shapes, srid = wellknown.parse(column.to_pandas(), what, before=row)
        xy = points.from_shapes(shapes, row, what)
        own = None if srid is None else resolve_crs(srid)
        turn = points.turn_of(4326 if own is self.crs is None else own, self.crs, what)
        xy = xy if turn is None else turn(xy)
        kept = table.drop_columns([str(self.text)])
        names = ["geometry_2" if n == "geometry" else n for n in kept.column_names]
        return kept.rename_columns(names).append_column("geometry", points.to_wkb(xy, shapes)), xy


class Source(Protocol):
    """What a run needs from a file."""

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
    """Batches of a source, the next one read ahead; reading continues from part to part."""

    def __init__(self, source: Source, rows: int) -> None:
        self._source, self._rows = source, rows
        self._pool = ThreadPoolExecutor(1)
        self._batches: Iterator[Batch] | None = None
        self._next: Future[Batch | None] | None = None
        self._at: Position | None = None

    def begin(self, start: Position) -> None:
        """Go to the start of a part, unless reading is there already."""
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

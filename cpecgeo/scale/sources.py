"""Sources of points: files in batches, their columns of positions, and GeoPackage by GDAL."""

from __future__ import annotations

import contextlib
import sqlite3
import warnings
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyogrio
from numpy.typing import NDArray

from cpecgeo.errors import FileError, InputError, UnknownNameError
from cpecgeo.files import wellknown
from cpecgeo.files.disk import ask_sqlite, first_line
from cpecgeo.files.fields import fid_name
from cpecgeo.files.formats import Choice, choose_layer, examine
from cpecgeo.files.notations import resolve_crs, split_pairs
from cpecgeo.files.positions import (
    base_column,
    find_positions,
    order_by_name,
    order_by_values,
    order_error,
    say_columns,
    take_column,
)
from cpecgeo.scale import points

__all__ = [
    "BATCH_BYTES",
    "Batch",
    "GeoPackage",
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
    """The columns with a table's positions, as `find_positions` finds them.

    Where a column of both coordinates is there twice without a number, the values of each batch
    decide their order.
    """

    columns: tuple[str, ...]
    choice: Choice

    @classmethod
    def find(
        cls, names: list[str], choice: Choice, what: str, first: Callable[[str], pd.Series | None]
    ) -> Places:
        """Find the columns; `first` returns the first values of a column, None where unknown."""
        return cls(find_positions(names, choice, what, first), choice)

    @property
    def are_shapes(self) -> bool:
        """Whether the positions are well-known text or binary."""
        return len(self.columns) == 1

    def names(self, among: Collection[str]) -> list[str]:
        """Return those columns of a table that hold the positions."""
        return list(dict.fromkeys(n if n in among else base_column(n) for n in self.columns))

    def _pair(self, table: pa.Table, what: str) -> tuple[list[Any], tuple[str, ...]]:
        """Return the columns of lon and lat, and their names."""
        used, is_stated = self.columns, (self.choice.lon, self.choice.lat) != (None, None)
        if used[0] in table.column_names and used[1] in table.column_names:
            return [table[name] for name in used], used
        name = base_column(used[0])
        if is_stated or order_by_name(name) is not None or name != base_column(used[1]):
            return [self._part(table, one) for one in used], used
        held = table[name].to_pandas()
        first = order_by_values(held)
        one, two = f"{name}:1", f"{name}:2"
        turned: tuple[str, ...] = (two, one) if first == "lat" else (one, two)
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
        """
        crs = self.choice.crs
        if not self.are_shapes:
            in_metres = bool(resolve_crs(crs).is_projected)
            pair, used = self._pair(table, what)
            lon, lat = (points.plain(column, self.choice.thousands) for column in pair)
            xy = points.from_columns(lon, lat, row, what, used, in_metres=in_metres)
            turn = points.turn_of(None, 4326 if crs is None else crs, what)
            return table, xy if turn is None else turn(xy)
        shapes, srid = wellknown.parse(table[self.columns[0]].to_pandas(), what, before=row)
        xy = points.from_shapes(shapes, row, what)
        own = None if srid is None else resolve_crs(srid)
        turn = points.turn_of(4326 if own is crs is None else own, crs, what)
        xy = xy if turn is None else turn(xy)
        kept = table.drop_columns([self.columns[0]])
        names = ["geometry_2" if n == "geometry" else n for n in kept.column_names]
        return kept.rename_columns(names).append_column("geometry", points.to_wkb(xy, shapes)), xy


@dataclass(frozen=True, kw_only=True)
class Source:
    """A file of points that is read in batches."""

    path: Path
    schema: pa.Schema  # of the batches
    size: int  # bytes of its content
    rows: int | None = None  # None where not known before the file is read
    places: Places | None = None  # None where the positions are in the column `geometry`
    geometry: str | None = None  # of points, as well-known binary
    geo: dict[str, Any] | None = None  # its record, as in GeoParquet
    stated: object = None  # the CRS that the caller stated

    @property
    def read_as(self) -> str:
        """How positions are understood, for people; nothing where the file says so itself."""
        return "" if self.places is None else say_columns(self.places.columns)

    def batch_of(self, rows: int) -> int:
        """Return how many rows a batch has: fewer where they are wide, or may become so."""
        return rows

    def batches(self, start: Position, rows: int) -> Iterator[Batch]:
        """Yield batches of `rows` rows from `start` on, the last one shorter."""
        what, limit, at = self.path.name, self.batch_of(rows), start.row
        turn = None
        if self.places is None and self.geo is not None:
            # A record without a CRS means lon, lat.
            own = self.geo["columns"][self.geometry].get("crs", "OGC:CRS84")
            turn = points.turn_of(own, self.stated, what)
        for table in rechunk(self._tables(at, limit), limit):
            columns = table
            if self.places is not None:
                columns, xy = self.places.read(table, at, what)
            else:
                xy = points.from_wkb(table[self.geometry], at, what)
                xy = xy if turn is None else turn(xy)
            yield Batch(columns, xy, Position(at), Position(at + len(table)))
            at += len(table)

    def _tables(self, first: int, rows: int) -> Iterator[pa.Table]:
        """Yield tables of about `rows` rows from row `first` on."""
        raise NotImplementedError


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


@dataclass(frozen=True, kw_only=True)
class GeoPackage(Source):
    """A layer of points in a GeoPackage, read by GDAL."""

    layer: str

    @classmethod
    def open(cls, path: Path, choice: Choice) -> GeoPackage:
        """Read the metadata of the layers."""
        there, _ = examine(path, "GPKG", str(path))
        with _translate_gdal(path, "can't be read as GeoPackage", "may be truncated"):
            layers = [str(name) for name, _ in _quietly(pyogrio.list_layers, there)]
        if not layers:
            raise FileError(f"{path} has no layers.")
        if choice.layer is not None and choice.layer not in layers:
            raise UnknownNameError(choice.layer, f"layer in {path.name}", layers)
        layer = choose_layer(layers, choice.layer, path.name)
        with _translate_gdal(path, "can't be read as GeoPackage", "is damaged"):
            info = _quietly(pyogrio.read_info, there, layer=layer)
            rows = _count_rows(path, layer, int(info["features"]))
        if info["geometry_type"] is None:
            raise InputError(f"Layer {layer!r} of {path.name} has no geometry; points are needed.")
        name = info.get("geometry_name") or "geometry"
        damaged = _translate_gdal(path, "can't be read as GeoPackage", "is damaged")
        own = _numbers_own(path, layer, rows)
        with damaged, _open_layer(path, layer, 0, 1) as (meta, reader):
            schema = _rename(reader.schema, meta, name, own=own)
        kinds = ["Point"] if info["geometry_type"] == "Point" else []
        entry = {"encoding": "WKB", "geometry_types": kinds, "crs": info["crs"]}
        geo = {"version": "1.1.0", "primary_column": name, "columns": {name: entry}}
        return cls(
            path=path, schema=schema, size=path.stat().st_size, rows=rows, geometry=name, geo=geo,
            stated=choice.crs, layer=layer,
        )  # fmt: skip

    def batch_of(self, rows: int) -> int:  # noqa: D102
        return max(1, min(rows, BATCH_BYTES // max(1, self.size // max(1, self.rows or 0))))

    def _tables(self, first: int, rows: int) -> Iterator[pa.Table]:
        if first >= (self.rows or 0):
            return
        damaged = _translate_gdal(self.path, "can't be read on", "is damaged")
        with damaged, _open_layer(self.path, self.layer, first, rows) as (_, reader):
            for batch in reader:
                table = pa.Table.from_batches([batch])
                if len(table.column_names) > len(self.schema):
                    table = table.remove_column(0)  # GDAL's feature numbers
                yield table.rename_columns(self.schema.names).cast(self.schema)


@contextlib.contextmanager
def _translate_gdal(path: Path, what: str, why: str) -> Iterator[None]:
    """Turn errors of GDAL and Arrow about damaged files into a `FileError`."""
    try:
        yield
    except (
        pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, pa.ArrowException, OSError,
        UnicodeDecodeError,
    ) as error:  # fmt: skip
        raise FileError(f"{path} {what} ({first_line(error)}); it {why}.") from error


@contextlib.contextmanager
def _open_layer(path: Path, layer: str, skip: int, rows: int) -> Iterator[Any]:
    opened = pyogrio.open_arrow(
        str(path.resolve()),
        layer=layer,
        skip_features=skip,
        batch_size=min(rows, 65_536),
        return_fids=True,
        use_pyarrow=True,
    )
    with contextlib.ExitStack() as stack:
        yield _quietly(stack.enter_context, opened)


def _quietly(work: Callable[..., Any], *given: Any, **how: Any) -> Any:
    """Call GDAL without its warnings about measures, time zones and types of geometry."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return work(*given, **how)


def _count_rows(path: Path, layer: str, stated: int) -> int:
    """Count the rows of a layer; the count stated in the file, which GDAL returns, may be wrong."""
    try:
        return int(_ask(path, "count(*)", layer)[0])
    except sqlite3.Error as error:
        if stated < 0:
            raise FileError(f"{path} can't be read as GeoPackage ({error}).") from error
        return stated


def _numbers_own(path: Path, layer: str, rows: int) -> bool:
    """Return whether the features' numbers differ from 1, 2, 3, …"""
    try:
        return rows > 0 and _ask(path, "min(rowid), max(rowid)", layer) != (1, rows)
    except sqlite3.Error:  # a view has none
        return False


def _ask(path: Path, what: str, layer: str) -> tuple[Any, ...]:
    table = layer.replace('"', '""')
    return ask_sqlite(path, f'SELECT {what} FROM "{table}"')  # noqa: S608


def _rename(schema: pa.Schema, meta: dict[str, Any], name: str, *, own: bool) -> Any:
    """Return the schema with the geometry's own name, without GDAL's metadata."""
    wkb = meta["geometry_name"] or "wkb_geometry"
    fields = [pa.field(name if f.name == wkb else f.name, f.type, nullable=True) for f in schema]
    if own:
        fields[0] = fields[0].with_name(fid_name([f.name for f in fields[1:]]))
    return pa.schema(fields if own else fields[1:])

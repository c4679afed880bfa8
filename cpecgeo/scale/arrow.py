"""Files read as Arrow: Parquet, folders of it, and GeoPackage through GDAL; from any row on."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio

from cpecgeo.errors import FileError, InputError, UnknownNameError
from cpecgeo.files.disk import ask_sqlite, first_line, list_files
from cpecgeo.files.formats import Choice, fid_name
from cpecgeo.files.sniff import examine
from cpecgeo.scale import points
from cpecgeo.scale.parquet import NATIVE, from_native, row_bytes
from cpecgeo.scale.sources import (
    BATCH_BYTES,
    Batch,
    Places,
    Position,
    rechunk,
)

__all__ = ["GeoPackage", "Parquet"]


@dataclass(frozen=True)
class Parquet:
    """A Parquet or GeoParquet file, or a folder of them in the order of their names."""

    path: Path
    files: tuple[Path, ...]
    counts: tuple[int, ...]
    schema: pa.Schema
    geometry: str | None
    geo: dict[str, Any] | None
    places: Places | None
    crs: object
    size: int
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
                rows.append(row_bytes(file, head))
        widths = max(likely for likely, _ in rows), max(most for _, most in rows)
        bounds = _bounds(geo, geometry, schema.names)
        schema = pa.schema([field for field in schema if field.name not in bounds])
        if native:
            at = schema.get_field_index(geometry)
            schema = schema.set(at, pa.field(geometry, pa.binary()))
        places = None
        if geometry is None or choice.lon is not None or choice.lat is not None:
            places = Places.find(schema.names, choice, path.name, lambda n: _first(files, n))
            schema = places.fit(schema)
            geometry = "geometry" if places.text is not None else geometry
        return cls(
            path,
            files,
            tuple(h.num_rows for h in heads),
            schema,
            geometry,
            geo,
            places,
            choice.crs,
            sum(
                sum(h.row_group(i).total_byte_size for i in range(h.num_row_groups)) for h in heads
            ),
            widths,
            native,
            bounds,
        )

    @property
    def read_as(self) -> str:
        """How positions are understood, for people; nothing where the file says so itself."""
        return "" if self.places is None else self.places.read_as

    @property
    def rows(self) -> int:
        """How many rows all files have."""
        return sum(self.counts)

    def batch_of(self, rows: int) -> int:
        """Return how many rows a batch has: fewer where they are wide, or may become so."""
        likely, most = self.widths
        return max(1, int(min(rows, BATCH_BYTES / likely, 4 * BATCH_BYTES / most)))

    def batches(self, start: Position, rows: int) -> Iterator[Batch]:
        """Yield batches of `rows` rows from `start` on, the last one shorter."""
        turn = None
        if self.places is None:
            turn = points.turn_of(_crs_of(self.geo, self.geometry), self.crs, self.path.name)
        limit = self.batch_of(rows)
        at = start.row
        for table in rechunk(self._tables(start.row, limit), limit):
            end = at + len(table)
            if self.places is not None:
                columns, xy = self.places.read(table, at, self.path.name)
            else:
                columns, column = table, table[self.geometry].combine_chunks()
                xy = points.from_wkb(column, at, self.path.name)
                xy = turn(xy) if turn is not None else xy
            yield Batch(columns, xy, Position(at), Position(end))
            at = end

    def _tables(self, first: int, rows: int) -> Iterator[pa.Table]:
        """Yield tables from row `first` on, as the files give them."""
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
        head, group, before = file.metadata, 0, 0
        while group < head.num_row_groups:
            count = head.row_group(group).num_rows
            if before + count > first:
                break
            before += count
            group += 1
        skip = first - before
        groups = list(range(group, head.num_row_groups))
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
    if encoding not in {"WKB", *NATIVE} or name not in schema.names:
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


def _crs_of(geo: dict[str, Any] | None, geometry: str | None) -> Any:
    """Return the CRS in the record; a record without one means lon, lat."""
    entry = geo["columns"][geometry] if geo else {}
    return entry.get("crs", "OGC:CRS84")


@dataclass(frozen=True)
class GeoPackage:
    """A layer of points in a GeoPackage."""

    path: Path
    layer: str
    schema: pa.Schema
    geometry: str
    geo: dict[str, Any]
    crs: Any
    rows: int
    size: int
    stated: object = None
    read_as: str = ""

    @classmethod
    def open(cls, path: Path, choice: Choice) -> GeoPackage:
        """Read the metadata of the layers."""
        there, _ = examine(path, "GPKG")
        with _translate_gdal(path, "can't be read as GeoPackage", "may be truncated"):
            layers = [str(name) for name, _ in _quietly(pyogrio.list_layers, there)]
        if not layers:
            raise FileError(f"{path} has no layers.")
        layer = choice.layer
        if layer is None and len(layers) > 1:
            raise InputError(
                f"{path.name} has {len(layers)} layers ({', '.join(layers[:8])}); choose one "
                "with layer=."
            )
        chosen = layer or layers[0]
        if chosen not in layers:
            raise UnknownNameError(chosen, f"layer in {path.name}", layers)
        with _translate_gdal(path, "can't be read as GeoPackage", "is damaged"):
            info = _quietly(pyogrio.read_info, there, layer=chosen)
            rows = _count_rows(path, chosen, int(info["features"]))
        if info["geometry_type"] is None:
            raise InputError(f"Layer {chosen!r} of {path.name} has no geometry; points are needed.")
        name = info.get("geometry_name") or "geometry"
        damaged = _translate_gdal(path, "can't be read as GeoPackage", "is damaged")
        own = _numbers_own(path, chosen, rows)
        with damaged, _open_layer(path, chosen, 0, 1) as (meta, reader):
            schema = _rename(reader.schema, meta, name, own=own)
        crs = info["crs"]
        kinds = ["Point"] if info["geometry_type"] == "Point" else []
        geo = {
            "version": "1.1.0",
            "primary_column": name,
            "columns": {name: {"encoding": "WKB", "geometry_types": kinds, "crs": crs}},
        }
        size = path.stat().st_size
        return cls(path, chosen, schema, name, geo, crs, rows, size, choice.crs)

    def batch_of(self, rows: int) -> int:
        """Return how many rows a batch has: fewer where they are wide."""
        return max(1, min(rows, BATCH_BYTES // max(1, self.size // max(1, self.rows))))

    def batches(self, start: Position, rows: int) -> Iterator[Batch]:
        """Yield batches of `rows` rows from `start` on, the last one shorter."""
        turn = points.turn_of(self.crs, self.stated, self.path.name)
        limit = self.batch_of(rows)
        at = start.row
        for table in rechunk(self._tables(start.row, limit), limit):
            column = table[self.geometry].combine_chunks()
            xy = points.from_wkb(column, at, self.path.name)
            xy = turn(xy) if turn is not None else xy
            yield Batch(table, xy, Position(at), Position(at + len(table)))
            at += len(table)

    def _tables(self, first: int, rows: int) -> Iterator[pa.Table]:
        if first >= self.rows:
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

"""Parquet, GeoParquet and folders of them: read from any row on, in all encodings; and written."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import shapely

from cpecgeo.errors import FileError, GeometryError
from cpecgeo.files.disk import first_line, list_files
from cpecgeo.files.formats import Choice
from cpecgeo.scale.points import is_text
from cpecgeo.scale.sources import BATCH_BYTES, Places, Source
from cpecgeo.scale.text import is_bytes, repeats

__all__ = ["Parquet", "from_native", "open_writer"]

# Encodings of geometry as coordinates, which GeoParquet takes from GeoArrow.
_NATIVE = {"point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon"}


@dataclass(frozen=True, kw_only=True)
class Parquet(Source):
    """A Parquet or GeoParquet file, or a folder of them in the order of their names."""

    files: tuple[Path, ...]
    counts: tuple[int, ...]
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
                rows.append(_row_bytes(file, head))
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
            geometry = "geometry" if places.are_shapes else geometry
        counts = tuple(h.num_rows for h in heads)
        groups = (h.row_group(i) for h in heads for i in range(h.num_row_groups))
        return cls(
            path=path, schema=schema, size=sum(group.total_byte_size for group in groups),
            rows=sum(counts), places=places, geometry=geometry, geo=geo, stated=choice.crs,
            files=files, counts=counts, widths=widths, native=native, bounds=bounds,
        )  # fmt: skip

    def batch_of(self, rows: int) -> int:  # noqa: D102
        likely, most = self.widths
        return max(1, int(min(rows, BATCH_BYTES / likely, 4 * BATCH_BYTES / most)))

    def _tables(self, first: int, rows: int) -> Iterator[pa.Table]:
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
    if encoding not in {"WKB", *_NATIVE} or name not in schema.names:
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


def _row_bytes(path: Path, head: pq.FileMetaData) -> tuple[float, float]:
    """Return how many bytes a row takes in memory, likely and at most, in the widest row group.

    A repeated value is stored once, in the dictionary of its column, so a small file may have very
    wide rows.
    """
    _check_columns(path, head)
    texts = sorted(
        {
            column.path_in_schema
            for number in range(head.num_row_groups)
            for column in _columns(head.row_group(number))
            if column.physical_type == "BYTE_ARRAY"
            and any("DICTIONARY" in encoding for encoding in column.encodings)
        }
    )
    likely = most = 1.0
    with pq.ParquetFile(path, read_dictionary=texts, pre_buffer=False) as file:
        for number in range(head.num_row_groups):
            group = head.row_group(number)
            widths = _dictionary_widths(file, number, texts) if texts else {}
            totals = [0.0, 0.0]
            for place, column in enumerate(_columns(group)):
                name = column.path_in_schema
                while name and name not in widths:  # name of the outermost column
                    name = name.rpartition(".")[0]
                fixed = head.schema.column(place).length or 8  # bytes of decimals and the like
                width = widths.get(name, (fixed, fixed))
                for k in (0, 1):
                    totals[k] += max(column.total_uncompressed_size, column.num_values * width[k])
            likely = max(likely, totals[0] / max(1, group.num_rows))
            most = max(most, totals[1] / max(1, group.num_rows))
    return likely, most


def _check_columns(path: Path, head: pq.FileMetaData) -> None:
    """Read a row of each group, so that pyarrow raises an error where a column's record is damaged.

    Reading the damaged record itself would make pyarrow abort the process.
    """
    with pq.ParquetFile(path, buffer_size=1 << 16, pre_buffer=False) as file:
        for number in range(head.num_row_groups):
            next(file.iter_batches(1, row_groups=[number], use_threads=False), None)


def _columns(group: pq.RowGroupMetaData) -> Iterator[pa.Table]:
    return (group.column(k) for k in range(group.num_columns))


def _dictionary_widths(
    file: pq.ParquetFile, group: int, names: list[str]
) -> dict[str, tuple[float, float]]:
    """Return the mean and the greatest length of the values in each column's dictionary."""
    widths = {}
    # The batch of the first row contains the whole dictionary.
    for batch in file.iter_batches(1, row_groups=[group], columns=names, use_threads=False):
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            sizes = [pc.binary_length(d) for d in _dictionaries(column) if len(d)]
            if sizes:
                mean = max(pc.mean(s).as_py() for s in sizes)
                widths[name] = mean, max(pc.max(s).as_py() for s in sizes)
        break
    return widths


def _dictionaries(column: pa.Array) -> Iterator[pa.Table]:
    """Yield the dictionaries of a column, those inside lists and structures too."""
    if pa.types.is_dictionary(column.type):
        yield column.dictionary
    elif pa.types.is_struct(column.type):
        for inner in column.flatten():
            yield from _dictionaries(inner)
    elif pa.types.is_map(column.type):
        yield from _dictionaries(column.keys)
        yield from _dictionaries(column.items)
    elif pa.types.is_nested(column.type):
        yield from _dictionaries(column.values)


def from_native(column: pa.Array | pa.ChunkedArray, encoding: str, what: str) -> pa.Array:
    """Turn a column of geometries in a native encoding of GeoParquet into well-known binary.

    It has coordinates (structures of x, y and perhaps z, or interleaved), in as many nested lists
    as the kind of geometry has levels. The encoding is one of `_NATIVE`; a column that doesn't
    match it is a `GeometryError`.

    Examples
    --------
    >>> points = pa.array([{"x": 67.0, "y": 25.0}, None])
    >>> [shapely.from_wkb(v) for v in from_native(points, "point", "a.parquet").to_pylist()]
    [<POINT (67 25)>, None]
    """
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    shapes = np.full(len(column), None, object)
    known = column.is_valid().to_numpy(zero_copy_only=False)
    field = pa.field("", column.type, metadata={"ARROW:extension:name": f"geoarrow.{encoding}"})
    try:
        if known.any():
            # A copy, because geopandas misreads an array that is a part of another.
            given = pa.table([column.take(pa.array(np.flatnonzero(known)))], pa.schema([field]))
            shapes[known] = gpd.GeoDataFrame.from_arrow(given).geometry.to_numpy()
    except (AttributeError, KeyError, ValueError, IndexError, TypeError) as error:
        raise GeometryError(
            f"{what} has {column.type} as its geometry, which isn't {encoding!r} as it says."
        ) from error
    return pa.array(shapely.to_wkb(shapes, flavor="iso"), pa.binary(), from_pandas=True)


def open_writer(file: IO[bytes], table: pa.Table) -> Any:
    """Open a writer with dictionaries for repeated values, never for numbers and points."""

    def is_repeated(kind: pa.DataType, column: pa.ChunkedArray) -> bool:
        if is_text(kind):
            return repeats(column, 2)
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

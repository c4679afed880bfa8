"""Files of points, read in batches from any place: Parquet, GeoParquet, GeoPackage."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyproj
from numpy.typing import NDArray

from cpecgeo.errors import CRSError, FileError, InputError
from cpecgeo.geodesy.inputs import refuse_degrees
from cpecgeo.scale import points

__all__ = [
    "BATCH_BYTES",
    "Batch",
    "Parquet",
    "Position",
    "Source",
    "fingerprint",
    "lonlat_columns",
    "to_lonlat",
]

# Rows are cut so that a batch of wide ones stays about this size in memory.
BATCH_BYTES = 48_000_000
_ENDS = 1 << 16
_NAMES = (("lon", "lng", "long", "longitude", "x"), ("lat", "latitude", "y"))


@dataclass(frozen=True)
class Position:
    """A place in a file: rows before it, and bytes where the file is text."""

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

    columns: Any
    xy: NDArray[np.float64]
    start: Position
    end: Position


class Source(Protocol):
    """What the engine needs of a file."""

    @property
    def path(self) -> Path: ...  # noqa: D102

    @property
    def geometry(self) -> str | None: ...  # noqa: D102

    @property
    def geo(self) -> dict[str, Any] | None: ...  # noqa: D102

    @property
    def schema(self) -> Any: ...  # noqa: D102

    @property
    def rows(self) -> int | None: ...  # noqa: D102

    @property
    def size(self) -> int: ...  # noqa: D102

    def batch_of(self, rows: int) -> int: ...  # noqa: D102

    def batches(self, start: Position, rows: int) -> Iterator[Batch]: ...  # noqa: D102


def fingerprint(path: Path) -> list[list[str | int]]:
    """Return what tells a state of a file, or of the Parquet files of a folder, from another.

    Parameters
    ----------
    path : Path

    Returns
    -------
    list of list
        One per file: name, bytes, time of the last change in ns, and the sha256 of its first
        and last 64 KiB, which notices what a copied time stamp hides.

    Raises
    ------
    FileError
        A file is gone or can't be read.
    """
    found: list[list[str | int]] = []
    try:
        for file in _files(path):
            stat = file.stat()
            with file.open("rb") as opened:
                ends = hashlib.sha256(opened.read(_ENDS))
                opened.seek(max(0, stat.st_size - _ENDS))
                ends.update(opened.read(_ENDS))
            found.append([file.name, stat.st_size, stat.st_mtime_ns, ends.hexdigest()])
    except OSError as error:
        raise FileError(f"{path} can't be read: {error.strerror}.") from error
    return found


def _files(path: Path) -> tuple[Path, ...]:
    """Return the file itself, or the Parquet files of a folder by name."""
    return tuple(sorted(path.glob("*.parquet"))) if path.is_dir() else (path,)


def lonlat_columns(
    names: list[str], lon: str | None, lat: str | None, what: str
) -> tuple[str, str]:
    """The columns that hold longitude and latitude.

    Raises
    ------
    InputError
        No such column, or more than one.

    Examples
    --------
    >>> lonlat_columns(["id", "Longitude", "LAT"], None, None, "f.csv")
    ('Longitude', 'LAT')
    """
    found = []
    for given, known, word in zip((lon, lat), _NAMES, ("lon", "lat"), strict=True):
        if given is not None:
            hits = [n for n in names if n == given]
        else:
            hits = next(
                (h for k in known if (h := [n for n in names if n.strip().casefold() == k])), []
            )
        if len(hits) != 1:
            shown = ", ".join(map(repr, names[:12])) + (" …" if len(names) > 12 else "")
            asked = f"column {given!r}" if given is not None else f"column of {word}"
            many = "more than one" if hits else "no"
            raise InputError(
                f"{what} has {many} {asked}; it has {shown}. Name the columns with lon= and lat=."
            )
        found.append(hits[0])
    return found[0], found[1]


def to_lonlat(crs: Any, what: str) -> Any:
    """A function from x, y in a CRS to lon, lat; None where nothing is to be done.

    Raises
    ------
    CRSError
        No CRS, an unknown one, or one that can't be turned into lon, lat; from the function,
        coordinates in a projected CRS that look like degrees.
    """
    if crs is None:
        raise CRSError(
            f"{what} has no CRS, so its coordinates mean nothing; write it again with one "
            '(set_crs("EPSG:4326") for lon, lat).'
        )
    try:
        known = pyproj.CRS.from_user_input(crs)
        if known.equals("EPSG:4326", ignore_axis_order=True) or known.equals("OGC:CRS84"):
            return None
        moved = pyproj.Transformer.from_crs(known, "EPSG:4326", always_xy=True)
    except pyproj.exceptions.ProjError as error:
        raise CRSError(f"{what} has a CRS that can't be used ({_first_line(error)}).") from error

    def turn(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        lost = np.isnan(xy).any(axis=1)
        seen = xy[~lost]
        if len(seen):
            refuse_degrees(known, (*seen.min(axis=0), *seen.max(axis=0)), what)
        lon, lat = moved.transform(xy[:, 0], xy[:, 1])
        out = np.column_stack((lon, lat))
        out[lost] = np.nan
        return out

    return turn


@dataclass(frozen=True)
class Parquet:
    """A Parquet or GeoParquet file, or a folder of them in the order of their names."""

    path: Path
    files: tuple[Path, ...]
    counts: tuple[int, ...]
    schema: Any
    geometry: str | None
    geo: dict[str, Any] | None
    columns: tuple[str, str] | None
    size: int
    _turn: Any = field(default=None, repr=False, compare=False)

    @classmethod
    def open(cls, path: Path, *, lon: str | None, lat: str | None) -> Parquet:
        """Read what the file says about itself."""
        files = _files(path)
        if not files:
            raise FileError(f"{path} is a folder without .parquet files; name a file.")
        heads = [_head(f) for f in files]
        schema = heads[0].schema.to_arrow_schema()
        if any(not h.schema.to_arrow_schema().equals(schema) for h in heads[1:]):
            raise FileError(f"The files in {path} don't all have the same columns.")
        geometry, geo = _geo(schema, path)
        chosen = None
        if geometry is None or lon is not None or lat is not None:
            chosen = lonlat_columns(schema.names, lon, lat, path.name)
        return cls(
            path,
            files,
            tuple(h.num_rows for h in heads),
            schema.with_metadata(None),
            geometry,
            geo,
            chosen,
            sum(
                sum(h.row_group(i).total_byte_size for i in range(h.num_row_groups)) for h in heads
            ),
        )

    @property
    def rows(self) -> int:
        """Rows in all files."""
        return sum(self.counts)

    def batch_of(self, rows: int) -> int:
        """Rows of a batch: fewer where they are wide."""
        return max(1, min(rows, BATCH_BYTES // max(1, self.size // max(1, self.rows))))

    def batches(self, start: Position, rows: int) -> Iterator[Batch]:
        """Batches of `rows` rows from `start` on, the last one shorter."""
        turn = None
        if self.columns is None:
            turn = to_lonlat(_crs_of(self.geo, self.geometry), self.path.name)
        limit = self.batch_of(rows)
        at = start.row
        for table in rechunked(self._tables(start.row, limit), limit):
            end = at + len(table)
            if self.columns is not None:
                lon, lat = self.columns
                xy = points.from_columns(table[lon], table[lat], at, self.path.name, self.columns)
            else:
                column = table[self.geometry].combine_chunks()
                xy = points.from_wkb(column, at, self.path.name)
                xy = turn(xy) if turn is not None else xy
            yield Batch(table, xy, Position(at), Position(end))
            at = end

    def _tables(self, first: int, rows: int) -> Iterator[Any]:
        """Record batches from row `first` on, as the files give them."""
        before = 0
        for path, count in zip(self.files, self.counts, strict=True):
            if before + count > first:
                yield from _from_row(path, max(0, first - before), rows)
            before += count


def _head(path: Path) -> Any:
    try:
        head = pq.read_metadata(path)
        _ = head.schema.to_arrow_schema().names  # damaged types and names fail here
    except FileNotFoundError:
        raise FileError(f"There is no file {path}.") from None
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise FileError(
            f"{path} can't be read as Parquet ({_first_line(error)}); it may be of another "
            "format, or not wholly written."
        ) from error
    return head


def _from_row(path: Path, first: int, rows: int) -> Iterator[Any]:
    try:
        # Pages are read as they are needed: a row group may be larger than memory.
        with pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as file:
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
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise FileError(
            f"{path} can't be read on ({_first_line(error)}); the file is damaged."
        ) from error


def rechunked(tables: Iterator[Any], rows: int) -> Iterator[Any]:
    """The same rows in tables of exactly `rows` rows, the last one shorter."""
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


def _geo(schema: Any, path: Path) -> tuple[str | None, dict[str, Any] | None]:
    """The geometry column and the record of a GeoParquet file."""
    raw = (schema.metadata or {}).get(b"geo")
    if raw is None:
        return None, None
    try:
        geo = json.loads(raw)
        name = geo["primary_column"]
        encoding = geo["columns"][name]["encoding"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise FileError(f"{path} has GeoParquet metadata that can't be read ({error}).") from error
    if encoding != "WKB" or name not in schema.names:
        raise FileError(
            f"{path} keeps its geometry as {encoding!r} in {name!r}; WKB is needed. Write it "
            'again with to_parquet(geometry_encoding="WKB").'
        )
    return str(name), geo


def _crs_of(geo: dict[str, Any] | None, geometry: str | None) -> Any:
    """The CRS that the record names; a record without one means lon, lat."""
    entry = geo["columns"][geometry] if geo else {}
    return entry.get("crs", "OGC:CRS84")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]

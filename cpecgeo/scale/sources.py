"""Sources of points: what a streamed run needs of a file, whatever its format."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyproj
from numpy.typing import NDArray

from cpecgeo.errors import CRSError, FileError
from cpecgeo.geodesy._datums import WGS84, to_wgs84

__all__ = [
    "BATCH_BYTES",
    "Batch",
    "Position",
    "Source",
    "fingerprint",
    "first_line",
    "list_files",
    "rechunk",
    "to_lonlat",
]

# Rows are cut so that a batch of wide ones stays about this size in memory.
BATCH_BYTES = 48_000_000
_ENDS = 1 << 16


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
        for file in list_files(path):
            stat = file.stat()
            with file.open("rb") as opened:
                ends = hashlib.sha256(opened.read(_ENDS))
                opened.seek(max(0, stat.st_size - _ENDS))
                ends.update(opened.read(_ENDS))
            found.append([file.name, stat.st_size, stat.st_mtime_ns, ends.hexdigest()])
    except OSError as error:
        raise FileError(f"{path} can't be read: {error.strerror}.") from error
    return found


def list_files(path: Path) -> tuple[Path, ...]:
    """Return the file itself, or the Parquet files of a folder by name."""
    return tuple(sorted(path.glob("*.parquet"))) if path.is_dir() else (path,)


def to_lonlat(crs: Any, what: str) -> Callable[[NDArray[np.float64]], NDArray[np.float64]] | None:
    """Return a function from x, y in a CRS to lon, lat; None where nothing is to be done.

    Raises
    ------
    CRSError
        No CRS, an unknown one, or one without a stated shift to WGS 84; from the function,
        coordinates in a projected CRS that look like degrees.
    """
    if crs is None:
        raise CRSError(
            f"{what} has no CRS, so its coordinates mean nothing; write it again with one "
            '(set_crs("EPSG:4326") for lon, lat).'
        )
    try:
        known = pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.ProjError as error:
        raise CRSError(f"{what} has a CRS that can't be used ({first_line(error)}).") from error
    # Of no points, so that a CRS without a stated shift is refused before anything is read.
    to_wgs84(np.empty((0, 2)), known, what)
    if known.equals(WGS84, ignore_axis_order=True):
        return None

    def turn(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        given = ~np.isnan(xy).any(axis=1)
        out = np.full(xy.shape, np.nan)
        out[given] = to_wgs84(xy[given], known, what)
        return out

    return turn


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


def first_line(error: Exception) -> str:
    """Return the first line of what a library says of an error, not longer than a message is."""
    return (str(error).splitlines() or [type(error).__name__])[0][:200]

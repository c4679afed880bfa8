"""Elevation grid: NOAA's GLOBE, 30 arc-seconds, cropped, packed without loss.

Rows run south from 40.5° N and columns east from 60° E; a value is that of the whole cell, at its
centre. The sea, which the package stores as 0, becomes `NODATA`. (In this region all cells of 0 are
the Arabian Sea and the tidal creeks of the Indus delta; no dry land is at or below 0 m.)

Each row is stored as its first value and the differences that follow. These become non-negative by
zigzag coding, and their low and high bytes are two planes, which LZMA compresses to about 40 %.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

NODATA = -500
"""Elevation of the sea: GLOBE's own marker."""
PER_DEGREE = 120
TILE_NORTH, TILE_WEST = 50, 0
WEST, EAST, SOUTH, NORTH = 60.0, 78.5, 23.0, 40.5


def crop(tile: NDArray[np.int16]) -> NDArray[np.int16]:
    """Cut the region out of GLOBE's tile G and mark the sea."""
    top, bottom = (round((TILE_NORTH - lat) * PER_DEGREE) for lat in (NORTH, SOUTH))
    left, right = (round((lon - TILE_WEST) * PER_DEGREE) for lon in (WEST, EAST))
    grid = tile[top:bottom, left:right].astype(np.int16)
    return np.where(grid == 0, np.int16(NODATA), grid)


def encode(grid: NDArray[np.int16]) -> dict[str, NDArray[Any]]:
    """Return the planes and the georeference of the packed file."""
    wide = grid.astype(np.int32)
    steps = np.diff(wide, axis=1, prepend=0)
    zigzag = ((steps << 1) ^ (steps >> 31)).astype(np.uint16)
    return {
        "low": (zigzag & 0xFF).astype(np.uint8),
        "high": (zigzag >> 8).astype(np.uint8),
        "west_north_step": np.array([WEST, NORTH, 1 / PER_DEGREE]),
        "nodata": np.array(NODATA, np.int16),
    }


def load(path: Path) -> tuple[NDArray[np.int16], float, float, float]:
    """Load the grid in metres, its west and north edge, and the size of a cell in degrees."""
    with np.load(path, allow_pickle=False) as packed:
        zigzag = packed["low"].astype(np.int32) | packed["high"].astype(np.int32) << 8
        west, north, step = packed["west_north_step"].tolist()
    steps = (zigzag >> 1) ^ -(zigzag & 1)
    return np.cumsum(steps, axis=1).astype(np.int16), west, north, step


def write(path: Path, tile: NDArray[np.int16]) -> str:
    """Write the packed crop and return the sha256 of the unpacked grid (little-endian)."""
    grid = crop(tile)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        for name, array in encode(grid).items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, array, version=(1, 0), allow_pickle=False)
            # A fixed date and system keep the bytes the same from one build to the next.
            info = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_LZMA
            info.create_system = 3
            info.external_attr = 0o644 << 16
            archive.writestr(info, buffer.getvalue())
    return hashlib.sha256(grid.astype("<i2").tobytes()).hexdigest()

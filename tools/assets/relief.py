"""Draw the map's relief: shadows of the bundled 30 arc-second grid, as one small picture.

    python -m tools.assets.relief            write cpecgeo/maps/assets/relief.webp

Light falls from the north-west at 45°, heights count fourfold, and only what is darker than flat
ground is kept; the grid is smoothed to the size of a pixel first. Rows are those of Web
Mercator, so that the page lays the picture on its map as it is. White is no shadow; towards the
grid's edges the shadows fade. Pillow's version decides the bytes.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter, map_coordinates

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "cpecgeo" / "maps" / "assets" / "relief.webp"
GRID = ROOT / "data" / "derived" / "elevation.npz"
# Degrees: the grid's edges, and how far inside them shadows have faded in.
WEST, SOUTH, EAST, NORTH, FADE = 60.0, 23.0, 78.5, 40.5, 1.3
PER_DEGREE, SEA = 120, -500
WIDTH, EXAGGERATION, DARKEST, QUALITY = 800, 4.0, 0.45, 22


def read_grid() -> NDArray[np.float64]:
    """Read the heights in metres, the sea at 0."""
    with np.load(GRID) as packed:
        zigzag = packed["low"].astype(np.int32) | packed["high"].astype(np.int32) << 8
    grid = np.cumsum((zigzag >> 1) ^ -(zigzag & 1), axis=1).astype(float)
    return np.where(grid == SEA, 0.0, grid)


def light(grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the light on each cell as a share of that on flat ground."""
    latitude = NORTH - (np.arange(len(grid)) + 0.5) / PER_DEGREE
    metres = 111_320 / PER_DEGREE
    smooth = gaussian_filter(grid, 0.55 * grid.shape[1] / WIDTH)
    down, east = np.gradient(smooth)
    east = EXAGGERATION * east / (metres * np.cos(np.radians(latitude)))[:, None]
    north = -EXAGGERATION * down / metres
    # The sun stands at 45° in the north-west: (-1/2, 1/2, 1/√2) in east, north, up.
    bright = (0.5 * east - 0.5 * north + np.sqrt(0.5)) / np.sqrt(east**2 + north**2 + 1)
    return np.asarray(bright / np.sqrt(0.5))


def draw() -> Image.Image:
    """Draw the picture in Web Mercator."""

    def mercator(lat: float) -> float:
        return float(np.log(np.tan(np.pi / 4 + np.radians(lat) / 2)))

    top, bottom = mercator(NORTH), mercator(SOUTH)
    height = round(WIDTH * (top - bottom) / np.radians(EAST - WEST))
    y = top + (np.arange(height) + 0.5) * (bottom - top) / height
    lat = np.degrees(2 * np.arctan(np.exp(y)) - np.pi / 2)
    lon = WEST + (np.arange(WIDTH) + 0.5) * (EAST - WEST) / WIDTH
    rows, columns = (NORTH - lat) * PER_DEGREE - 0.5, (lon - WEST) * PER_DEGREE - 0.5
    at = np.meshgrid(rows, columns, indexing="ij")
    share = map_coordinates(light(read_grid()), at, order=1, mode="nearest")
    inside = np.minimum(
        np.minimum(lon - WEST, EAST - lon)[None], np.minimum(lat - SOUTH, NORTH - lat)[:, None]
    )
    fade = np.clip(inside / FADE, 0, 1)
    shadow = DARKEST * np.clip(1 - share, 0, 1) ** 0.9 * fade**2 * (3 - 2 * fade)
    return Image.fromarray(np.round(255 * (1 - shadow)).astype(np.uint8))


def main() -> None:
    """Draw the relief and write it."""
    packed = io.BytesIO()
    draw().save(packed, "WEBP", quality=QUALITY, method=6)
    TARGET.write_bytes(packed.getvalue())
    print(f"{TARGET.name}: {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()

"""The way of least cost between anchors, along the pixels of a road."""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import map_coordinates
from skimage.graph import MCP_Geometric

from tools.trace.tiles import Floats, Raster

FINE = 3
"""Cells of the search per pixel, each way."""

MARGIN = 25.0
"""Pixels around two anchors that a road between them may use; a quarter of their distance more."""

FULL_ROAD = 26.0
"""Strength from which a cell is as cheap as a cell can be."""

OFF_ROAD = 25.0
"""Cost of a cell without a road, where one on a road costs 1."""

ROAD = 16.0
"""Least strength of a pixel that an anchor is snapped to."""

SNAP = 3.0
"""Pixels that an anchor may be off."""

ADJACENT = 1.5
"""Pixels to the eight neighbours of a pixel."""


def sample(raster: Raster, x: ArrayLike, y: ArrayLike) -> Floats:
    """Strength at pixel coordinates, bilinear."""
    at = [np.asarray(y) - 0.5, np.asarray(x) - 0.5]
    return np.asarray(map_coordinates(raster.grid, at, order=1, mode="nearest"), float)


def snap(raster: Raster, anchor: Floats) -> Floats:
    """Centre of the road at the nearest road pixel within `SNAP`, else the anchor itself."""
    i, j = np.nonzero(raster.grid >= ROAD)
    centres = np.column_stack((j + 0.5, i + 0.5))
    distance = np.hypot(*(centres - anchor).T)
    nearest = int(np.argmin(distance))
    if distance[nearest] > SNAP:
        return anchor
    around = np.hypot(*(centres - centres[nearest]).T) < ADJACENT
    weight = raster.grid[i[around], j[around]]
    return np.asarray(weight @ centres[around] / weight.sum(), float)


def least_cost(raster: Raster, anchors: Floats, straight: Collection[int] = ()) -> Floats:
    """Join anchors by the way of least cost.

    Parameters
    ----------
    raster : Raster
        Strength of roads.
    anchors : ndarray, shape (n, 2)
        Pixel coordinates in order.
    straight : collection of int
        Anchors from which the way goes straight to the next: nothing but other roads is
        visible between them.

    Returns
    -------
    ndarray, shape (m, 2)
        Pixel coordinates of the cells of the way.
    """
    way = [anchors[:1]]
    for i, (a, b) in enumerate(pairwise(anchors)):
        way += [b[None]] if i in straight else [_leg(raster, a, b)[1:-1], b[None]]
    return np.vstack(way)


def _leg(raster: Raster, a: Floats, b: Floats) -> Floats:
    margin = MARGIN + 0.25 * float(np.hypot(*(b - a)))
    height, width = raster.grid.shape
    left, top = np.maximum(np.floor(np.minimum(a, b) - margin), 0).astype(int)
    right, bottom = np.minimum(np.ceil(np.maximum(a, b) + margin), [width, height]).astype(int)
    across = left + (np.arange((right - left) * FINE) + 0.5) / FINE
    down = top + (np.arange((bottom - top) * FINE) + 0.5) / FINE
    y, x = np.meshgrid(down, across, indexing="ij")
    road = np.clip(sample(raster, x, y) / FULL_ROAD, 0, 1)
    search = MCP_Geometric(1 / (1 / OFF_ROAD + road))
    start, end = (_cell(p, left, top) for p in (a, b))
    search.find_costs([start], [end])
    cells: NDArray[np.float64] = np.array(search.traceback(end), float)
    return np.column_stack((across[cells[:, 1].astype(int)], down[cells[:, 0].astype(int)]))


def _cell(point: Floats, left: int, top: int) -> tuple[int, int]:
    return int((point[1] - top) * FINE), int((point[0] - left) * FINE)

"""Terrain: sampling of rasters and of the 30″ grid, and the least climb within a band."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from numpy.typing import NDArray

from cpecgeo.catalogue import data_path
from cpecgeo.errors import CRSError, DataError, FileError, InputError, MissingExtraError
from cpecgeo.files.disk import local
from cpecgeo.geodesy import lonlat
from cpecgeo.geodesy.inputs import GeometryLike, from_wgs84

if TYPE_CHECKING:
    from rasterio import DatasetReader

__all__ = [
    "NOISE_M",
    "bands_of",
    "bilinear",
    "check_band",
    "elevation_m",
    "ground_across",
    "ground_m",
    "open_raster",
    "read_cells",
    "rises_within",
    "sample",
    "to_cells",
]

# The bundled grid: its corner, cells in a degree, and the value of the sea.
_WEST, _NORTH, _PER_DEGREE, _SEA = 60.0, 40.5, 120, -500

# Linear error, at 90 %, of GLOBE's elevations from DTED (GLOBE Task Team, 1999).
NOISE_M = 30.0

# Half of the points of a road are within a third of its 95 % accuracy (normal distribution).
_USUAL = 1 / 3
_DEGREE_KM = 111.2

# Megabytes of GDAL's cache of decoded blocks.
_CACHE_MB = 64


@contextmanager
def open_raster(path: str | Path, what: str) -> Iterator[DatasetReader]:
    """Open a georeferenced GeoTIFF."""
    try:
        import rasterio
    except ImportError as error:
        raise MissingExtraError(
            "A raster of your own is read by rasterio: pip install 'cpecgeo[raster]'."
        ) from error
    file = local(path, what)
    if not file.is_file():
        raise FileError(f"There is no file {file}; name a GeoTIFF.")
    try:
        with rasterio.Env(GDAL_CACHEMAX=_CACHE_MB), warnings.catch_warnings():
            warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
            # One driver and a local path only: other formats can refer to other files.
            with rasterio.open(file.resolve(), driver="GTiff") as raster:
                if raster.crs is None:
                    raise CRSError(
                        f"{file} has no CRS, so nobody knows where its cells lie. Write the right "
                        "one into it: gdal_edit.py -a_srs EPSG:4326 FILE."
                    )
                if raster.transform.is_identity:
                    raise CRSError(
                        f"{file} has a CRS and no position of its cells (or control points "
                        "alone). Warp it first: gdalwarp FILE NEW.tif."
                    )
                yield raster
    except (rasterio.errors.RasterioError, rasterio.errors.RasterioIOError) as error:
        raise FileError(f"{file} can't be read as a raster: {error}.") from error


def check_band(raster: DatasetReader, band: int) -> int:
    """Check the number of a band; the error lists the bands."""
    if isinstance(band, bool) or not isinstance(band, int) or not 1 <= band <= raster.count:
        raise InputError(f"band is {band!r}; the raster has bands 1 to {raster.count}.")
    return band


def to_cells(raster: DatasetReader, xy: NDArray[np.float64], what: str) -> NDArray[np.float64]:
    """Return column and row of lon, lat; the first cell is from 0 to 1 in both directions."""
    placed = from_wgs84(xy, pyproj.CRS.from_wkt(raster.crs.to_wkt()), what)
    a, b, c, d, e, f = (~raster.transform)[:6]
    x, y = placed.T
    return np.column_stack((a * x + b * y + c, d * x + e * y + f))


def read_cells(
    raster: DatasetReader,
    band: int,
    window: tuple[tuple[int, int], tuple[int, int]],
    nodata: Sequence[float],
) -> NDArray[np.float64]:
    """Read a window of a band, scaled; NaN where there is no value."""
    read = raster.read(band, window=window, masked=True)
    grid: NDArray[np.float64] = np.asarray(read.astype(float).filled(np.nan), np.float64)
    for value in nodata:
        grid[grid == value] = np.nan
    grid[~np.isfinite(grid)] = np.nan
    grid *= raster.scales[band - 1]
    grid += raster.offsets[band - 1]
    return grid


def bilinear(
    grid: NDArray[np.float64], column: NDArray[np.float64], row: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Sample a grid bilinearly between the centres of its cells.

    Parameters
    ----------
    grid : ndarray, shape (rows, columns)
    column, row : ndarray
        Positions; the centre of the first cell is 0, 0.

    Returns
    -------
    ndarray
        NaN outside the outermost centres, and beside a cell that is NaN.

    Examples
    --------
    >>> bilinear(np.array([[0.0, 10.0], [20.0, 30.0]]), np.array([0.5, 2.0]), np.array([0.0, 0.0]))
    array([ 5., nan])
    """
    rows, columns = grid.shape
    inside = (column >= 0) & (row >= 0) & (column <= columns - 1) & (row <= rows - 1)
    x, y = np.where(inside, column, 0.0), np.where(inside, row, 0.0)
    i = np.clip(y.astype(int), 0, max(rows - 2, 0))
    j = np.clip(x.astype(int), 0, max(columns - 2, 0))
    below, beside = np.minimum(i + 1, rows - 1), np.minimum(j + 1, columns - 1)
    v, u = y - i, x - j
    upper = grid[i, j] * (1 - u) + grid[i, beside] * u
    lower = grid[below, j] * (1 - u) + grid[below, beside] * u
    return np.where(inside, upper * (1 - v) + lower * v, np.nan)


def sample(path: str | Path, points: gpd.GeoSeries, *, band: int = 1) -> NDArray[np.float64]:
    """Sample a raster at points, bilinearly between the centres of its cells.

    Parameters
    ----------
    path : str or path
        A GeoTIFF, in any CRS, rotated or not.
    points : GeoSeries
        Points in lon, lat.
    band : int
        Which band, from 1.

    Returns
    -------
    ndarray
        The band's values, scale and offset applied; NaN outside the raster and beside a cell
        without a value.

    Raises
    ------
    FileError
        The file doesn't exist, or isn't a GeoTIFF.
    CRSError
        It has no CRS, or one with no known way to WGS 84.
    InputError
        It has no such band.
    MissingExtraError
        rasterio isn't installed.

    Examples
    --------
    >>> sample("nowhere.tif", gpd.GeoSeries.from_xy([67], [25], crs=4326))
    Traceback (most recent call last):
    cpecgeo.errors.FileError: There is no file nowhere.tif; name a GeoTIFF.
    """
    with open_raster(path, "dem") as raster:
        number = check_band(raster, band)
        column, row = (to_cells(raster, shapely.get_coordinates(points.to_numpy()), "dem") - 0.5).T
        inside = (column >= 0) & (row >= 0)
        inside &= (column <= raster.width - 1) & (row <= raster.height - 1)
        if not inside.any():
            return np.full(len(points), np.nan)
        left, top = int(column[inside].min()), int(row[inside].min())
        right = min(int(column[inside].max()) + 2, raster.width)
        bottom = min(int(row[inside].max()) + 2, raster.height)
        grid = read_cells(raster, number, ((top, bottom), (left, right)), ())
    return bilinear(grid, column - left, row - top)


@cache
def _grid() -> NDArray[np.float64]:
    path = data_path("derived/elevation.npz")
    try:
        with np.load(path) as stored:
            zigzag = stored["low"].astype(np.int32) | stored["high"].astype(np.int32) << 8
    except (ValueError, KeyError, OSError) as error:
        raise DataError(f"{path} can't be read: {error}. Install again.") from error
    grid = np.cumsum((zigzag >> 1) ^ -(zigzag & 1), axis=1).astype(np.float64)
    grid[grid == _SEA] = np.nan
    return grid


def elevation_m(points: GeometryLike) -> pd.Series:
    """Return the ground elevation at points, bilinear in the 30″ grid of NOAA GLOBE.

    Parameters
    ----------
    points : Point, GeoSeries or GeoDataFrame

    Returns
    -------
    Series
        Metres above sea level on the points' index; NaN at sea and outside lon 60–78.5, lat
        23–40.5. Accurate to about 30 m on even ground; less on steep ground, because cells are
        about 0.9 km wide, and the grid lies about half a cell too far east and south in the
        mountains of the north.

    References
    ----------
    GLOBE Task Team, Global Land One-kilometer Base Elevation, NOAA, 1999.

    Examples
    --------
    >>> from shapely.geometry import Point
    >>> 1600 < elevation_m(Point(67.0, 30.19)).iloc[0] < 1720
    np.True_
    """
    series = lonlat(points, what="points", kinds={"Point"}, missing="keep")
    value = ground_m(np.column_stack((series.x, series.y)))
    return pd.Series(value, index=series.index, name="elevation_m")


def ground_m(xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the ground elevation at positions, as `elevation_m`.

    Parameters
    ----------
    xy : ndarray, shape (n, 2)
        lon, lat; NaN where there is none.

    Returns
    -------
    ndarray
        Metres above sea level.

    Examples
    --------
    >>> bool(ground_m(np.array([[67.0, 30.19]]))[0] > 1600)
    True
    """
    column, row = (xy[:, 0] - _WEST) * _PER_DEGREE - 0.5, (_NORTH - xy[:, 1]) * _PER_DEGREE - 0.5
    return bilinear(_grid(), column, row)


def rises_within(
    metres: NDArray[np.float64],
    band: NDArray[np.float64] | None,
    stated: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Return the rises of the profile of least climb within a band, for the stated steps.

    Parameters
    ----------
    metres : ndarray, shape (n,)
        Heights. The ends of each stated stretch are fixed.
    band : ndarray, shape (2, n), or None
        Lowest and highest possible height of each; without it the heights are exact.
    stated : ndarray of bool, shape (n - 1,)
        Steps from one height to the next that are on the road's ground.

    Returns
    -------
    ndarray, shape (n - 1,)
        Metres; 0 for other steps, and where a height is missing.

    Examples
    --------
    >>> heights = np.array([0.0, 50, 10, 60])
    >>> rises_within(heights, np.stack((heights - 30, heights + 30)), np.ones(3, bool)).tolist()
    [20.0, 0.0, 40.0]
    """
    rises = np.where(stated, np.nan_to_num(np.diff(metres)), 0.0)
    if band is None:
        return rises
    runs = stated & ~np.isnan(np.diff(metres))
    edges = np.flatnonzero(np.diff(np.concatenate(([False], runs, [False])).astype(int)))
    for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        height = before = float(metres[first])
        low, high = band[0, first + 1 : last].tolist(), band[1, first + 1 : last].tolist()
        for i, (least, most) in enumerate(zip(low, high, strict=True), first):
            height = min(max(before, least), most)
            rises[i], before = height - before, height
        rises[last - 1] = float(metres[last]) - before
    return rises


def bands_of(
    metres: NDArray[np.float64],
    noise_m: float,
    lows: list[NDArray[np.float64]],
    highs: list[NDArray[np.float64]],
) -> list[NDArray[np.float64]]:
    """Return the bands of possible heights of the road: for half of it, and for all of it.

    Parameters
    ----------
    metres : ndarray
        Ground under the line.
    noise_m : float
        Error of the grid in metres.
    lows, highs : list of ndarray
        See `ground_across`.

    Returns
    -------
    list of ndarray, shape (2, n)
        Lowest and highest height.
    """
    return [
        np.stack((np.fmin(metres - noise_m, low), np.fmax(metres + noise_m, high)))
        for low, high in zip(lows, highs, strict=True)
    ]


def ground_across(
    xy: NDArray[np.float64],
    accuracy_km: NDArray[np.float64],
    ground: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]:
    """Return lowest and highest ground across a line, out to a third of its accuracy, and to all.

    Parameters
    ----------
    xy : ndarray, shape (n, 2)
        lon, lat along the line.
    accuracy_km : ndarray
        95 % accuracy at each.
    ground : callable
        Metres at such positions.

    Returns
    -------
    lows, highs : list of ndarray
        Out to a third, and to the whole accuracy, on both sides.
    """
    # A sphere is enough: the grid's cells are nearly a kilometre wide.
    shrink = np.cos(np.radians(xy[:, 1]))
    # Direction from the sample before to the one after, so that the cross line is the same in both
    # directions of travel.
    along = np.vstack((xy[1:], xy[-1:])) - np.vstack((xy[:1], xy[:-1]))
    across = np.column_stack((-along[:, 1], along[:, 0] * shrink))
    across /= np.hypot(*across.T)[:, None] + 1e-12
    degrees = across * (accuracy_km / _DEGREE_KM)[:, None] / np.column_stack((shrink, shrink**0))
    heights = [ground(xy)]
    lows, highs = [], []
    for shares in ((-_USUAL, _USUAL), (-1.0, -0.5, 0.5, 1.0)):
        heights += [ground(xy + share * degrees) for share in shares]
        lows.append(np.min(heights, axis=0))
        highs.append(np.max(heights, axis=0))
    return lows, highs

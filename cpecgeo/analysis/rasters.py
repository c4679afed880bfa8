"""Rasters of the caller's own: opened, read in windows, and sampled at points."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from cpecgeo.errors import CRSError, FileError, InputError, MissingExtraError
from cpecgeo.files.disk import local
from cpecgeo.geodesy.inputs import from_wgs84

if TYPE_CHECKING:
    from rasterio import DatasetReader

__all__ = ["bilinear", "check_band", "open_raster", "read_cells", "sample", "to_cells"]

# Megabytes that GDAL may keep of what it has decoded.
_CACHE_MB = 64


@contextmanager
def open_raster(path: str | Path, what: str) -> Iterator[DatasetReader]:
    """Open a GeoTIFF that says where it lies."""
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
            # One driver, and a path that is no address: other formats can point elsewhere.
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
    """Return the number of a band, or say which there are."""
    if isinstance(band, bool) or not isinstance(band, int) or not 1 <= band <= raster.count:
        raise InputError(f"band is {band!r}; the raster has bands 1 to {raster.count}.")
    return band


def to_cells(raster: DatasetReader, xy: NDArray[np.float64], what: str) -> NDArray[np.float64]:
    """Return column and row of lon, lat; the first cell is from 0 to 1, both ways."""
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
    """Read rows and columns of a band, scaled; NaN where there is no value."""
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
    """Sample a grid between the middles of its cells.

    Parameters
    ----------
    grid : ndarray, shape (rows, columns)
    column, row : ndarray
        Where; the middle of the first cell is 0, 0.

    Returns
    -------
    ndarray
        NaN outside the outermost middles, and beside a cell that is NaN.

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
    """Sample a raster at points, bilinear between the middles of its cells.

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
        The file isn't there, or is no GeoTIFF.
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

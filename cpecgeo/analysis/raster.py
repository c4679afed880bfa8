"""Rasters of the caller's: reading, sampling at points, and sums of cells in areas."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from numpy.typing import NDArray

from cpecgeo import geodesy
from cpecgeo.errors import CRSError, FileError, InputError, MissingExtraError
from cpecgeo.files.disk import local
from cpecgeo.geodesy.inputs import from_wgs84

if TYPE_CHECKING:
    from rasterio import DatasetReader

__all__ = ["STEP_KM", "bilinear", "sample", "solid", "zonal"]

Floats = NDArray[np.float64]

# Megabytes of GDAL's cache of decoded blocks, and cells in memory at once.
_CACHE_MB = 64
_CELLS = 2**20

STEP_KM = 1.0
"""Edges of this length, straight in the raster's plane, are at most 1 cm off the geodesic."""

# Common values for "no data" that files may fail to declare.
_UNDECLARED = (-999.0, -9999.0, -99999.0, -32768.0, -(2.0**31))
_HUGE = 1e30


@contextmanager
def _open_raster(path: str | Path, what: str) -> Iterator[DatasetReader]:
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
        raise FileError(f"{file} can't be read as a raster: {str(error).rstrip('.')}.") from error


def _check_band(raster: DatasetReader, band: int) -> int:
    """Check the number of a band; the error lists the bands."""
    if isinstance(band, bool) or not isinstance(band, int) or not 1 <= band <= raster.count:
        raise InputError(f"band is {band!r}; the raster has bands 1 to {raster.count}.")
    return band


def _to_cells(raster: DatasetReader, xy: Floats, what: str) -> Floats:
    """Return column and row of lon, lat; the first cell is from 0 to 1 in both directions."""
    placed = from_wgs84(xy, pyproj.CRS.from_wkt(raster.crs.to_wkt()), what)
    a, b, c, d, e, f = (~raster.transform)[:6]
    x, y = placed.T
    with np.errstate(invalid="ignore"):  # infinite where the CRS isn't defined
        return np.column_stack((a * x + b * y + c, d * x + e * y + f))


def _read_cells(
    raster: DatasetReader,
    band: int,
    window: tuple[tuple[int, int], tuple[int, int]],
    nodata: Sequence[float],
) -> Floats:
    """Read a window of a band, scaled; NaN where there is no value."""
    read = raster.read(band, window=window, masked=True)
    grid: Floats = np.asarray(read.astype(float).filled(np.nan), np.float64)
    for value in nodata:
        grid[grid == value] = np.nan
    grid[~np.isfinite(grid)] = np.nan
    grid *= raster.scales[band - 1]
    grid += raster.offsets[band - 1]
    return grid


def bilinear(grid: Floats, column: Floats, row: Floats) -> Floats:
    """Sample a grid bilinearly between the centres of its cells, the first of which is at 0, 0.

    It is NaN outside the outermost centres, and beside a cell that is NaN.

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


def sample(path: str | Path, points: gpd.GeoSeries, *, band: int = 1) -> Floats:
    """Sample a band of a GeoTIFF at points, bilinearly between the centres of its cells.

    Scale and offset are applied; outside the raster and beside a cell without a value it is NaN.

    Raises
    ------
    FileError, CRSError, InputError, MissingExtraError
        As `zonal`.

    Examples
    --------
    >>> sample("nowhere.tif", gpd.GeoSeries.from_xy([67], [25], crs=4326))
    Traceback (most recent call last):
    cpecgeo.errors.FileError: There is no file nowhere.tif; name a GeoTIFF.
    """
    with _open_raster(path, "dem") as raster:
        number = _check_band(raster, band)
        column, row = (_to_cells(raster, shapely.get_coordinates(points.to_numpy()), "dem") - 0.5).T
        inside = (column >= 0) & (row >= 0)
        inside &= (column <= raster.width - 1) & (row <= raster.height - 1)
        if not inside.any():
            return np.full(len(points), np.nan)
        left, top = int(column[inside].min()), int(row[inside].min())
        right = min(int(column[inside].max()) + 2, raster.width)
        bottom = min(int(row[inside].max()) + 2, raster.height)
        grid = _read_cells(raster, number, ((top, bottom), (left, right)), ())
    return bilinear(grid, column - left, row - top)


def zonal(
    path: str | Path,
    areas: gpd.GeoSeries,
    *,
    band: int = 1,
    nodata: float | Sequence[float] | None = None,
) -> pd.DataFrame:
    """Sum the cells of a raster in areas, weighted by the share of the cell that is covered.

    The raster is a GeoTIFF in any CRS, rotated or not; it is read in windows, so memory doesn't
    grow with its size. Bands count from 1; `nodata` adds to the values that the file declares.

    Returns
    -------
    DataFrame
        On the areas' index: `sum`, `cells` (with a value; half a cell counts ½), `missing` (cells
        without one), `outside_share` (share of the area off the raster), and the `lowest` and
        `highest` value. `.attrs` describes the raster.

    Raises
    ------
    FileError
        The file doesn't exist, or isn't a GeoTIFF.
    CRSError
        It has no CRS, or one with no known way to WGS 84.
    InputError
        It has no such band, all areas are off the raster, or it has undeclared −9999 and the like.
    MissingExtraError
        rasterio or exactextract isn't installed.

    References
    ----------
    Shares of cells are computed by exactextract (Baston),
    https://isciences.github.io/exactextract/, in the raster's own plane: cells of a raster in
    degrees end at meridians and parallels.

    Examples
    --------
    >>> zonal("nowhere.tif", gpd.GeoSeries([shapely.box(67, 25, 68, 26)], crs=4326))
    Traceback (most recent call last):
    cpecgeo.errors.FileError: There is no file nowhere.tif; name a GeoTIFF.
    """
    own = [nodata] if isinstance(nodata, (int, float)) else list(nodata or ())
    with _open_raster(path, "raster") as raster:
        number = _check_band(raster, band)
        fine = geodesy.densify(areas, STEP_KM).to_numpy()

        def flatten(xy: Floats) -> Floats:
            cells = _to_cells(raster, xy, "raster")
            if not np.isfinite(cells).all():
                raise InputError(
                    f"x reaches to where {raster.crs.to_string()[:60]}, the CRS of "
                    f"{Path(path).name}, isn't defined. Reproject the raster to EPSG:4326, or ask "
                    "about less."
                )
            return cells * (1, -1)  # exactextract's y points up, rows count down

        flat = shapely.transform(fine, flatten)
        sums = np.zeros((len(areas), 3))
        reach = np.tile([np.inf, -np.inf], (len(areas), 1))
        tree = shapely.STRtree(flat)
        for top, bottom, left, right in _windows(raster, number, tree):
            tile = shapely.box(left, -bottom, right, -top)
            hit = np.sort(tree.query(tile, predicate="intersects"))
            if len(hit):
                grid = _read_cells(raster, number, ((top, bottom), (left, right)), own)
                rows = _sum_window(grid, tile, flat[hit])
                sums[hit] += rows[:, :3]
                reach[hit, 0] = np.fmin(reach[hit, 0], rows[:, 3])
                reach[hit, 1] = np.fmax(reach[hit, 1], rows[:, 4])
        found = pd.DataFrame(sums, index=areas.index, columns=["sum", "cells", "missing"])
        found["lowest"], found["highest"] = np.where(np.isfinite(reach), reach, np.nan).T
        if not own:
            _refuse_undeclared(found, raster, number)
        found.attrs = _about(raster, number, own, flat)
    whole = shapely.area(flat)
    on_it = found["cells"] + found["missing"]
    share = np.divide(on_it, whole, out=np.ones(len(areas)), where=whole > 0)
    found["outside_share"] = np.where(share > 1 - 1e-6, 0.0, 1 - share)
    if len(found) and not on_it.any():
        raise InputError(f"{Path(path).name} lies elsewhere: none of its cells is in the area.")
    return found


def solid(shape: shapely.Geometry) -> shapely.Geometry:
    """Return the polygons of a geometry that may also contain lines and points; empty for none.

    Examples
    --------
    >>> solid(shapely.GeometryCollection([shapely.Point(0, 0), shapely.box(0, 0, 1, 1)])).area
    1.0
    """
    if shape.geom_type in {"Polygon", "MultiPolygon"}:
        return shape
    parts = shapely.get_parts(shapely.get_parts(shape))
    return shapely.union_all(parts[shapely.get_dimensions(parts) == 2])


def _windows(
    raster: DatasetReader, band: int, tree: shapely.STRtree
) -> Iterator[tuple[int, int, int, int]]:
    """Yield first and last rows and columns of windows over areas, in whole blocks of the file."""
    x0, y0, x1, y1 = shapely.total_bounds(tree.geometries)
    left, right = max(int(np.floor(x0)), 0), min(int(np.ceil(x1)), raster.width)
    top, bottom = max(int(np.floor(-y1)), 0), min(int(np.ceil(-y0)), raster.height)
    tall, wide = raster.block_shapes[band - 1]
    # A file in strips is decoded by whole rows, so windows are as wide as needed.
    across = max(right - left, 1) if 2 * wide > raster.width else max(1448 // wide, 1) * wide
    down = max(_CELLS // across // tall, 1) * tall
    down = min(down, max(8 * _CELLS // across, 1))
    for row in range(top // down * down, bottom, down):
        first = left if 2 * wide > raster.width else left // across * across
        for column in range(first, right, across):
            yield (
                max(row, top),
                min(row + down, bottom),
                max(column, left),
                min(column + across, right),
            )


def _sum_window(grid: Floats, tile: shapely.Polygon, areas: NDArray[np.object_]) -> Floats:
    """Return sum, cells, missing cells, lowest and highest value of one window in each area."""
    try:
        from exactextract import exact_extract
        from exactextract.raster import NumPyRasterSource
    except ImportError as error:
        raise MissingExtraError(
            "Sums of a raster's cells need exactextract: pip install 'cpecgeo[raster]'."
        ) from error
    gone = np.isnan(grid)
    sources = [NumPyRasterSource(grid, *tile.bounds, name="v")]
    if gone.any():
        sources.append(NumPyRasterSource(gone.astype(np.float64), *tile.bounds, name="g"))
    near = [solid(shape) for shape in shapely.intersection(areas, tile)]
    rows = np.tile([0.0, 0.0, 0.0, np.nan, np.nan], (len(areas), 1))
    here = [i for i, area in enumerate(near) if not area.is_empty]
    if not here:
        return rows
    features = [
        {"type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(near[i])}
        for i in here
    ]
    answer = exact_extract(sources, features, ["sum", "count", "min", "max"], output="pandas")
    names = [f"v_{n}" if len(sources) > 1 else n for n in ("sum", "count", "min", "max")]
    for column, name in zip((0, 1, 3, 4), names, strict=True):
        rows[here, column] = answer[name]
    if len(sources) > 1:
        rows[here, 2] = answer["g_sum"]
    rows[:, :3] = np.nan_to_num(rows[:, :3])
    return rows


def _about(
    raster: DatasetReader, band: int, own: list[float], flat: NDArray[np.object_]
) -> dict[str, object]:
    """Describe a raster: its file, CRS, resolution in its own unit and in km, no-data."""
    x0, y0, x1, y1 = shapely.total_bounds(flat)
    column = float(np.clip((x0 + x1) / 2, 0, raster.width - 1))
    row = float(np.clip(-(y0 + y1) / 2, 0, raster.height - 1))
    a, b, c, d, e, f = raster.transform[:6]
    corners = [
        (a * i + b * j + c, d * i + e * j + f)
        for i, j in ((column, row), (column + 1, row), (column, row + 1))
    ]
    placed = geodesy.lonlat(
        gpd.GeoSeries(shapely.points(corners), crs=raster.crs.to_wkt()), what="raster"
    )
    here, beside, below = (shapely.get_coordinates(p)[0] for p in placed)
    sides = gpd.GeoSeries(
        [shapely.LineString([here, beside]), shapely.LineString([here, below])], crs=4326
    )
    unit = "degree" if raster.crs.is_geographic else raster.crs.linear_units
    return {
        "raster": Path(raster.name).name,
        "band": band,
        "crs": raster.crs.to_string()[:80],
        "resolution": f"{np.hypot(a, d):.10g} × {np.hypot(b, e):.10g} {unit}",
        "cell_km": tuple(round(float(km), 5) for km in geodesy.length_km(sides)),
        "nodata": [v for v in (raster.nodatavals[band - 1], *own) if v is not None],
        "scale": raster.scales[band - 1],
        "offset": raster.offsets[band - 1],
    }


def _refuse_undeclared(found: pd.DataFrame, raster: DatasetReader, band: int) -> None:
    """Refuse undeclared −9999 and the like, which would be summed as values."""
    scale, offset = raster.scales[band - 1], raster.offsets[band - 1]
    for met in (found["lowest"].min(), found["highest"].max()):
        raw = (met - offset) / scale
        if raw in _UNDECLARED or abs(raw) >= _HUGE:
            said = raster.nodatavals[band - 1]
            raise InputError(
                f"{Path(raster.name).name} has cells of {raw:g}, and declares "
                f"{'nothing' if said is None else f'{said:g}'} as no data. If they have no value, "
                f"say nodata={raw:g}; if they have one, nodata=float('nan')."
            )

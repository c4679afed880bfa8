"""Elevation along a line: metres, gradient, climb."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from cpecgeo import geodesy
from cpecgeo.errors import FileError, InputError, MissingExtraError
from cpecgeo.features.corridor import Corridor
from cpecgeo.features.elevation import elevation_m
from cpecgeo.features.resolve import resolve
from cpecgeo.features.subject import SubjectLike, provenance
from cpecgeo.files.sniff import local
from cpecgeo.geodesy import Chainage
from cpecgeo.geodesy.inputs import positive_km

__all__ = ["profile"]

_MOST = 1_000_000


def profile(
    x: SubjectLike, every_km: float = 1.0, *, dem: str | Path | None = None
) -> pd.DataFrame:
    """Return the elevation along a corridor or line.

    Parameters
    ----------
    x : SubjectLike
        One line: a corridor, section, route, LineString …
    every_km : float
        Kilometres between samples; the end is sampled too.
    dem : path, optional
        A GeoTIFF of elevations in metres, in any CRS, instead of the bundled 30″ grid
        (needs rasterio: ``pip install 'cpecgeo[dem]'``).

    Returns
    -------
    DataFrame
        `km` (chainage of a corridor, geodesic km of a line), `elevation_m`,
        `gradient_percent` (from the sample before, by drawn length; NaN at the first),
        `climb_m` and `descent_m` (summed so far), `lon`, `lat`, and `accuracy_km`, the bound on
        how far a corridor's real line can be from the drawn one (missing for other lines).
        Elevation is missing at sea and outside the grid. `.attrs` has the totals, the source,
        and the number of samples without elevation.

    Raises
    ------
    UnknownNameError, InputError, CRSError, CoordinateError, GeometryError
    FileError
        `dem` can't be read.
    MissingExtraError
        `dem` is given and rasterio isn't installed.

    Notes
    -----
    This is the ground under the drawn line, sampled bilinearly. Where the line cuts across
    the bends of a valley it climbs slopes that the road goes round, so climb and gradient
    are upper guesses there, and where `accuracy_km` is large the ground may be a mountain
    that the road goes round; they also grow as `every_km` gets shorter than a grid cell
    (0.9 km in the bundled grid), and bridges and tunnels don't exist in a grid.

    Examples
    --------
    >>> heights = profile("kkh-pakistan", 5)
    >>> bool(4400 < heights["elevation_m"].iloc[-1] < 5000)
    True
    """
    step = positive_km(every_km, "every_km")
    chain, name, thing = _chain(x)
    end = chain.end_km
    if (end - chain.start_km) / step > _MOST:
        raise InputError(f"every_km is {step:g}, which makes more than {_MOST:,} samples.")
    km = np.append(np.arange(chain.start_km, end - 1e-9, step), end)
    points = gpd.GeoSeries(chain.at(km), crs=4326).reset_index(drop=True)
    if dem is None:
        metres = elevation_m(points).to_numpy()
        source = "NOAA GLOBE 30 arc-second grid (public domain), bilinear"
    else:
        metres, source = _sampled(local(dem, "dem"), points), f"{Path(dem).name}, bilinear"
    rise = np.diff(metres)
    drawn = _spacing(points)
    frame = pd.DataFrame(
        {
            "km": km,
            "elevation_m": metres,
            "gradient_percent": np.append(
                np.nan, np.divide(rise, 10 * drawn, out=np.full_like(rise, np.nan), where=drawn > 0)
            ),
            "climb_m": np.append(0.0, np.nancumsum(np.maximum(rise, 0))),
            "descent_m": np.append(0.0, np.nancumsum(np.maximum(-rise, 0))),
            "lon": points.x.to_numpy(),
            "lat": points.y.to_numpy(),
            "accuracy_km": np.nan if thing is None else _accuracy(thing, km),
        }
    )
    frame.attrs = {
        "line": name,
        "method": f"ground under the drawn line every {step:g} km",
        "sources": [source],
        "climb_m": float(frame["climb_m"].iloc[-1]),
        "descent_m": float(frame["descent_m"].iloc[-1]),
        "without_elevation": int(np.isnan(metres).sum()),
        **provenance(*([] if thing is None else [thing.as_subject()])),
    }
    return frame


def _chain(x: SubjectLike) -> tuple[Chainage, str, Corridor | None]:
    subject = resolve(x, "x", kinds={"LineString"})
    if len(subject) != 1:
        raise InputError(f"x has {len(subject)} lines; a profile runs along one.")
    if subject.chainages:
        (thing,) = subject.things
        return thing.chainage, thing.name, thing
    return Chainage(subject.shapes.iloc[0]), subject.title, None


def _accuracy(thing: Corridor, km: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far the real line can be from the drawn one, section by section."""
    starts = thing.sections["km_from"].to_numpy(float)
    section = np.clip(np.searchsorted(starts, km, side="right") - 1, 0, len(starts) - 1)
    return np.asarray(thing.sections["accuracy_km"].to_numpy(float)[section])


def _spacing(points: gpd.GeoSeries) -> NDArray[np.float64]:
    """Return the geodesic km from each sample to the next."""
    xy = shapely.get_coordinates(points.to_numpy())
    legs = shapely.linestrings(np.stack((xy[:-1], xy[1:]), axis=1))
    return np.asarray(geodesy.length_km(gpd.GeoSeries(legs, crs=4326)), float)


def _sampled(path: Path, points: gpd.GeoSeries) -> NDArray[np.float64]:
    """Sample a raster bilinearly; NaN outside it and where it has no value."""
    try:
        import rasterio
        from rasterio.windows import Window
    except ImportError as error:
        raise MissingExtraError(
            "A raster of your own is read by rasterio: pip install 'cpecgeo[dem]'."
        ) from error
    if not path.is_file():
        raise FileError(f"There is no file {path}; name a GeoTIFF.")
    try:
        # One driver, and a path that is no address: other formats can point elsewhere.
        with rasterio.open(path.resolve(), driver="GTiff") as raster:
            if raster.crs is None:
                raise FileError(f"{path} has no CRS; a georeferenced raster is needed.")
            xy = points.to_crs(raster.crs)
            a, b, c, d, e, f = (~raster.transform)[:6]
            x, y = xy.x.to_numpy(), xy.y.to_numpy()
            column, row = a * x + b * y + c - 0.5, d * x + e * y + f - 0.5
            inside = (column >= 0) & (row >= 0)
            inside &= (column <= raster.width - 1) & (row <= raster.height - 1)
            if not inside.any():
                return np.full(len(points), np.nan)
            left, top = int(column[inside].min()), int(row[inside].min())
            wide = int(column[inside].max()) + 2 - left
            high = int(row[inside].max()) + 2 - top
            window = Window(
                left, top, min(wide, raster.width - left), min(high, raster.height - top)
            )
            grid = raster.read(1, window=window, masked=True).astype(float).filled(np.nan)
    except (rasterio.errors.RasterioError, rasterio.errors.RasterioIOError) as error:
        raise FileError(f"{path} can't be read as a raster: {error}.") from error
    u, v = np.where(inside, column - left, 0), np.where(inside, row - top, 0)
    i = np.clip(v.astype(int), 0, max(grid.shape[0] - 2, 0))
    j = np.clip(u.astype(int), 0, max(grid.shape[1] - 2, 0))
    below, beside = np.minimum(i + 1, grid.shape[0] - 1), np.minimum(j + 1, grid.shape[1] - 1)
    v, u = v - i, u - j
    upper = grid[i, j] * (1 - u) + grid[i, beside] * u
    lower = grid[below, j] * (1 - u) + grid[below, beside] * u
    return np.where(inside, upper * (1 - v) + lower * v, np.nan)

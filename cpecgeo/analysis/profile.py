"""Elevation along a line: metres, gradient, climb."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from cpecgeo import geodesy
from cpecgeo.analysis.terrain import (
    NOISE_M,
    bands_of,
    ground_across,
    ground_m,
    rises_within,
    sample,
)
from cpecgeo.errors import InputError
from cpecgeo.features.corridor import Corridor
from cpecgeo.features.resolve import resolve
from cpecgeo.features.subject import SubjectLike, provenance
from cpecgeo.geodesy import Chainage
from cpecgeo.geodesy.inputs import positive_km

__all__ = ["profile"]

_MOST = 1_000_000

# A valley of the Karakoram is two to three kilometres wide: a line further off is on its slopes.
_ROAD_KM = 1.5

# In a plain the ground beside the line is the ground under it, however far off the road is.
_RELIEF_M = 50.0

# Steepest grade in percent. Road: AASHTO, A Policy on Geometric Design of Highways and Streets
# (2018), mountainous terrain at low speed. Rail: 1 in 25, the Bolan Pass, the steepest of
# Pakistan's broad gauge.
_STEEPEST = {"road": 12.0, "rail": 4.0}

# Over some kilometres a road climbs no steeper than 7 % (the same source, mountainous terrain at
# 60 km/h): what stands higher above other ground of it, by more than the grid may be wrong, is a
# hump that the line crosses and the road goes round.
_LASTING = {"road": 7.0, "rail": 4.0}
_GRID_M = 50.0


def profile(
    x: SubjectLike,
    every_km: float = 1.0,
    *,
    between: tuple[float | str, float | str] | None = None,
    dem: str | Path | None = None,
) -> pd.DataFrame:
    """Return the elevation along a corridor or line.

    Parameters
    ----------
    x : SubjectLike
        One line: a corridor, section, route, LineString …
    every_km : float
        Kilometres between samples; the end is sampled too.
    between : (float or str, float or str), optional
        A part of a corridor, from one chainage or stop to another, in that direction. Its rows
        keep the corridor's chainage and accuracy.
    dem : path, optional
        A GeoTIFF of elevations in metres, in any CRS, instead of the bundled 30″ grid
        (extra ``raster``: ``pip install 'cpecgeo[raster]'``).

    Returns
    -------
    DataFrame
        `km` (chainage of a corridor, geodesic km of a line), `elevation_m` (of the ground),
        `gradient_percent` (from the sample before, by drawn length; NaN at the first),
        `climb_m` and `descent_m` (summed so far; see Notes), `lon`, `lat`, `accuracy_km`, the
        95 % value of the corridor's leg (missing for other lines), and `is_ground`: True where
        the ground isn't that of the road or railway. There `gradient_percent` is missing, and
        climb and descent don't grow. Elevation is missing at sea and outside the grid.

        `.attrs` has `climb_m` and `descent_m`, `climb_low_m` and `climb_high_m` (see Notes),
        `highest_m` and `highest_at_km` of what is the
        road's (NaN where nothing is; no highest point where ground left out stands higher),
        `climb_km`, the length that climb and descent are summed over, which isn't the whole
        where `ground_km`, the length of ground left out, isn't 0, the source, and the number
        of samples without elevation.

    Raises
    ------
    UnknownNameError, InputError, CRSError, CoordinateError, GeometryError
    FileError
        `dem` can't be read.
    CRSError
        `dem` has no CRS.
    MissingExtraError
        `dem` is given and rasterio isn't installed.

    Notes
    -----
    This is the ground under the drawn line, sampled bilinearly. It is taken for the ground of
    the road where the leg is good to 1.5 km, or the land is flat (50 m at most between places
    across the line, out to its accuracy), the gradient is one that a road (12 %) or a railway
    (4 %) can have, and it stands no higher than a lasting climb of 7 % (railways: 4 %) and 50 m
    more reach from other ground of it; elsewhere the line crosses what the real one goes round.
    Gradients are upper guesses still, and bridges and tunnels don't exist in a grid.

    A line beside its road runs over spurs and side valleys, and each counts as a climb. So climb
    and descent are summed with a dead band (hysteresis, as for the ascent of a GPS track): the
    height follows the ground only as far as it must to stay as close to it as the ground is
    uncertain, which is the least climb of all profiles within that band. Half of the band is the
    grid's error (30 m; 0 for `dem`), or it is the range of the ground across the line out to a
    third of the leg's accuracy, where half of the real road lies, if that is more.
    `climb_low_m` takes the whole accuracy, and `climb_high_m` sums every rise of the samples.
    On made-up roads of known climb beside a river the sum of all rises is 1.3 to 8 times too
    high, and this one between 0.9 and 1.4 times the truth, twice at worst. Ups and downs of a
    road shorter than `every_km` are in neither, so that climb grows with closer samples: compare
    climbs of one `every_km` only. Half a kilometre is as fine as the bundled grid tells.
    Each stretch of road between two of ground is summed for itself, its ends as they are, so
    that climb less descent is the difference of their heights.

    References
    ----------
    Least variation within a band: P. L. Davies and A. Kovac, Annals of Statistics 29 (2001) 1–65.

    Examples
    --------
    >>> heights = profile("kkh-pakistan", 5)
    >>> bool(4400 < heights["elevation_m"].iloc[-1] < 5000)
    True
    >>> hunza = profile("kkh-pakistan", 5, between=("Sost", "Khunjerab Pass"))
    >>> bool(hunza["km"].iloc[-1] == heights["km"].iloc[-1])
    True
    """
    step = positive_km(every_km, "every_km")
    chain, name, thing = _chain(x)
    start, end = _ends(chain, thing, between)
    if abs(end - start) / step > _MOST:
        raise InputError(f"every_km is {step:g}, which makes more than {_MOST:,} samples.")
    ahead = 1.0 if end >= start else -1.0
    km = np.append(np.arange(start, end - ahead * 1e-9, ahead * step), end)
    points = gpd.GeoSeries(chain.at(km), crs=4326).reset_index(drop=True)
    xy = shapely.get_coordinates(points.to_numpy())
    metres = _ground_m(xy, dem)
    source = "NOAA GLOBE 30 arc-second grid (public domain), bilinear"
    if dem is not None:
        source = f"{Path(dem).name}, bilinear"
    rise, drawn = np.diff(metres), _spacing(points)
    gradient = np.divide(rise, 10 * drawn, out=np.full_like(rise, np.nan), where=drawn > 0)
    accuracy = np.full(len(km), np.nan)
    ground = np.zeros(len(km), bool)
    noise = NOISE_M if dem is None else 0.0
    bands = [np.stack((metres - noise, metres + noise))] * 2
    if thing is not None:
        leg = _leg(thing, km)
        accuracy = thing.legs["accuracy_km"].to_numpy(float)[leg]
        steep = np.abs(gradient) > _grades(thing, _STEEPEST)[leg][1:]
        lows, highs = ground_across(xy, np.nan_to_num(accuracy), partial(_ground_m, dem=dem))
        ground = (accuracy > _ROAD_KM) & ~(highs[1] - lows[1] <= _RELIEF_M)
        bands = bands_of(metres, noise, lows, highs)
        ground |= np.append(False, steep) | np.append(steep, False)
        ground |= _humps(km, metres, ground, _grades(thing, _LASTING)[leg])
    stated = ~(ground[1:] | ground[:-1])
    gradient = np.where(stated, gradient, np.nan)
    most, least = (rises_within(metres, band, stated) for band in (None, bands[1]))
    rise = rises_within(metres, bands[0], stated)
    frame = pd.DataFrame(
        {
            "km": km,
            "elevation_m": metres,
            "gradient_percent": np.append(np.nan, gradient),
            "climb_m": np.append(0.0, np.cumsum(np.maximum(rise, 0))),
            "descent_m": np.append(0.0, np.cumsum(np.maximum(-rise, 0))),
            "lon": points.x.to_numpy(),
            "lat": points.y.to_numpy(),
            "accuracy_km": accuracy,
            "is_ground": ground,
        }
    )
    frame.attrs = {
        "line": name,
        "method": f"ground under the drawn line every {step:g} km",
        "sources": [source],
        **_totals(frame, stated, least, most),
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


def _ends(
    chain: Chainage, thing: Corridor | None, between: tuple[float | str, float | str] | None
) -> tuple[float, float]:
    """Return the first and last chainage of a profile."""
    if between is None:
        return chain.start_km, chain.end_km
    if thing is None:
        raise InputError(
            f"between is {between!r}, and x isn't a corridor: only a corridor has stops and "
            "chainage. Cut the line yourself, or give the corridor."
        )
    start, end = (thing.km_of(at) if isinstance(at, str) else float(at) for at in between)
    for at in (start, end):
        if not chain.start_km <= at <= chain.end_km:
            raise InputError(
                f"between has {at:g}, but {thing.name} runs from km {chain.start_km:g} to "
                f"{chain.end_km:g}."
            )
    if start == end:
        raise InputError(f"between is {between!r}: both are km {start:g}; give two places.")
    return start, end


def _totals(
    frame: pd.DataFrame,
    stated: NDArray[np.bool_],
    least: NDArray[np.float64],
    most: NDArray[np.float64],
) -> dict[str, float]:
    """Return climb, descent and highest point of the road, and the lengths they rest on or not."""
    heights = frame["elevation_m"].where(~frame["is_ground"])
    km = np.abs(np.diff(frame["km"]))
    summed = stated & ~np.isnan(np.diff(frame["elevation_m"]))
    known = bool(stated.any())
    top = heights.idxmax() if heights.notna().any() else None
    # Where ground that isn't the road's stands higher, so may the road there.
    if top is not None and (frame.loc[frame["is_ground"], "elevation_m"] > heights[top]).any():
        top = None
    return {
        "climb_m": float(frame["climb_m"].iloc[-1]) if known else float("nan"),
        "descent_m": float(frame["descent_m"].iloc[-1]) if known else float("nan"),
        "climb_low_m": float(np.maximum(least, 0).sum()) if known else float("nan"),
        "climb_high_m": float(np.maximum(most, 0).sum()) if known else float("nan"),
        "highest_m": float("nan") if top is None else float(heights[top]),
        "highest_at_km": float("nan") if top is None else float(frame["km"][top]),
        "climb_km": float(km[summed].sum()),
        "ground_km": float(km[~stated].sum()),
    }


def _leg(thing: Corridor, km: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the row of `legs` at each chainage."""
    starts = thing.legs["km_from"].to_numpy(float)
    return np.clip(np.searchsorted(starts, km, side="right") - 1, 0, len(starts) - 1)


def _grades(thing: Corridor, limits: dict[str, float]) -> NDArray[np.float64]:
    """Return the gradient that each leg can have, in percent."""
    kinds = thing.legs["section"].map(thing.sections.set_index("id")["kind"])
    return np.asarray(kinds.map(limits).fillna(limits["road"]), float)


def _humps(
    km: NDArray[np.float64],
    metres: NDArray[np.float64],
    ground: NDArray[np.bool_],
    percent: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Return which samples stand higher than a road climbs from any other of its ground."""
    known = np.where(ground, np.nan, metres)
    found = np.zeros(len(km), bool)
    for grade in set(percent.tolist()):
        for way in (1.0, -1.0):
            rise = 10 * grade * np.abs(km - km[0]) * way
            reached = np.fmin.accumulate((known - rise)[:: int(way)])[:: int(way)] + rise
            found |= (percent == grade) & (metres > reached + _GRID_M)
    return found


def _ground_m(xy: NDArray[np.float64], dem: str | Path | None) -> NDArray[np.float64]:
    """Return metres at lon, lat, of the bundled grid or of the caller's."""
    return ground_m(xy) if dem is None else sample(dem, gpd.GeoSeries.from_xy(*xy.T, crs=4326))


def _spacing(points: gpd.GeoSeries) -> NDArray[np.float64]:
    """Return the geodesic km from each sample to the next."""
    xy = shapely.get_coordinates(points.to_numpy())
    legs = shapely.linestrings(np.stack((xy[:-1], xy[1:]), axis=1))
    return np.asarray(geodesy.length_km(gpd.GeoSeries(legs, crs=4326)), float)

"""Elevation of the ground, at points and along a line: metres, gradient, climb."""

from __future__ import annotations

import math
from functools import cache, partial
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from cpecgeo.analysis.climb import Road, gradients, road_of
from cpecgeo.analysis.raster import bilinear, sample
from cpecgeo.catalogue import data_path
from cpecgeo.errors import DataError, InputError
from cpecgeo.features.corridor import Corridor
from cpecgeo.features.resolve import resolve
from cpecgeo.features.subject import SubjectLike, provenance
from cpecgeo.geodesy import Chainage, lonlat
from cpecgeo.geodesy.inputs import GeometryLike, positive_km

Floats = NDArray[np.float64]

__all__ = ["NOISE_M", "elevation_m", "ground_m", "profile", "tell_climb"]

# The bundled grid: its corner, cells in a degree, and the value of the sea.
_WEST, _NORTH, _PER_DEGREE, _SEA = 60.0, 40.5, 120, -500

# Linear error, at 90 %, of GLOBE's elevations from DTED (GLOBE Task Team, 1999).
NOISE_M = 30.0

_MOST = 1_000_000

# Steepest grade in percent. Road: AASHTO, A Policy on Geometric Design of Highways and Streets
# (2018), mountainous terrain at low speed. Rail: 1 in 25, the Bolan Pass, the steepest of
# Pakistan's broad gauge.
_STEEPEST = {"road": 12.0, "rail": 4.0}

# Climb is summed over separate samples, so that it doesn't depend on those of the table. Cells of
# the bundled grid are 0.9 km wide: with four samples per cell or more, their position changes climb
# by less than 5 %; with samples 1 km apart it was up to 30 %.
_CLIMB_STEP_KM = {"grid": 0.2, "dem": 0.1}
_STEEP_KM = 1.0  # length of gradients: between closer samples the grid shows none

# Half of the dead band, in metres, where the line itself is exact.
_BAND_M = {"grid": NOISE_M, "dem": 5.0}

# Over some kilometres a road climbs at most 7 % (the same source, mountainous terrain at 60 km/h).
# Ground higher than that above other ground of the road, by more than the grid's error, is a hump
# that the drawn line crosses and the road avoids.
_LASTING = {"road": 7.0, "rail": 4.0}


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
        `gradient_percent` (from the sample before, by drawn length; NaN at the first), `climb_m`
        and `descent_m` (summed so far; see Notes), `lon`, `lat`, `accuracy_km`, the 95 % value of
        the corridor's leg (missing for other lines), and `is_ground`: True where the ground isn't
        that of the road or railway. There climb and descent don't grow, and `gradient_percent` is
        missing, as it is where a step is too steep for a road or railway. Elevation is missing at
        sea and outside the grid.

        `.attrs` has `climb_m` and `descent_m`, `climb_low_m` and `climb_high_m` (see Notes),
        `highest_m` and `highest_at_km` of the road's own ground (NaN where there is none, where
        ground left out is higher, or where the ground within the line's accuracy leaves more than
        200 m open), `highest_low_m` and `highest_high_m`, the heights between which the road's
        highest point is, with the grid's error, `climb_km`, the length with climb and descent,
        `ground_km`, the length of ground left out, `climb_step_km` and `climb_band_m`, the distance
        of samples and the least half band of climb, `climb_method`, the method in words, the
        source, and the number of rows without elevation. None of these figures depends on
        `every_km`.

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
    This is the ground under the drawn line, sampled bilinearly. It counts as the road's own ground
    under three conditions. The leg is accurate to 1.5 km, or the land is flat: heights across the
    line, out to its accuracy, differ by at most 50 m. The gradient is possible for a road (12 %) or
    a railway (4 %). The ground is no higher than a lasting climb of 7 % (railways: 4 %) can reach
    from other ground of the road, plus 50 m. Elsewhere the line crosses ground that the real road
    avoids. Gradients are upper estimates, and a grid has no bridges and tunnels.

    A line beside its road crosses spurs and side valleys, and each would count as a climb. Climb
    and descent are therefore summed with a dead band (hysteresis, as for the ascent of a GPS
    track). Each height may lie anywhere within a band around the ground, as wide as the ground is
    uncertain. Of all profiles within the band the one with the least climb is taken. Half of the
    band is the grid's error (30 m; 5 m for `dem`, so that rises below 10 m aren't counted). For
    corridors, half of the band is the range of the ground across the line out to a third of the
    leg's accuracy, where this is larger; half of the real road lies there. `climb_low_m` uses the
    whole accuracy, and `climb_high_m` sums every rise of the samples. On synthetic roads of known
    climb beside a river the sum of all rises is 1.3 to 8 times too high; this climb is 0.9 to 1.4
    times the true one, at worst twice.

    Climb and `is_ground` don't depend on `every_km`. They are computed from separate samples,
    evenly spaced and at most 0.2 km apart (0.1 km with `dem`), with gradients over 1 km. Cells of
    the bundled grid are 0.9 km wide. The reverse direction uses the same samples, so that climb and
    descent are exchanged. A row between two samples gets its share. None of the three figures
    contains ups and downs that the grid doesn't show. Each stretch on the road's ground is summed
    separately, with fixed ends, so that climb less descent is the difference of their heights.

    References
    ----------
    Least variation within a band: P. L. Davies and A. Kovac, Annals of Statistics 29 (2001) 1–65.
    A threshold below which no rise counts, over looked-up elevations: Strava, Elevation Gain
    (support pages).

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
    kind = "grid" if dem is None else "dem"
    km = _samples(start, end, step)
    xy = _positions(chain, km)
    metres = _ground_m(xy, dem)
    rows = gradients(xy, metres)
    road = _road(chain, thing, _even_samples(start, end, _CLIMB_STEP_KM[kind]), dem)
    leg = None if thing is None else _leg(thing, km)
    if thing is not None:
        rows[np.abs(rows) > _grades(thing, _STEEPEST)[leg][1:]] = np.nan
    left_out = road.at(km, np.where(road.stated, 0.0, np.abs(np.diff(road.km))))
    frame = pd.DataFrame(
        {
            "km": km,
            "elevation_m": metres,
            "gradient_percent": np.append(np.nan, np.where(np.diff(left_out) > 1e-9, np.nan, rows)),
            "climb_m": road.at(km, np.maximum(road.rises, 0)),
            "descent_m": road.at(km, np.maximum(-road.rises, 0)),
            "lon": xy[:, 0],
            "lat": xy[:, 1],
            "accuracy_km": np.nan if thing is None else _accuracy(thing)[leg],
            "is_ground": road.is_ground(km),
        }
    )
    source = "NOAA GLOBE 30 arc-second grid (public domain)"
    frame.attrs = {
        "line": name,
        "method": f"ground under the drawn line every {step:g} km",
        "sources": [f"{source if dem is None else Path(dem).name}, bilinear"],
        **road.totals(),
        "climb_step_km": _CLIMB_STEP_KM[kind],
        "climb_band_m": _BAND_M[kind],
        "climb_method": tell_climb(kind, is_known=thing is not None),
        "without_elevation": int(np.isnan(metres).sum()),
        **provenance(*([] if thing is None else [thing.as_subject()])),
    }
    return frame


def _road(chain: Chainage, thing: Corridor | None, km: Floats, dem: str | Path | None) -> Road:
    """Return the road's heights at samples along it."""
    known = None
    if thing is not None:
        leg = _leg(thing, km)
        steepest, lasting = (_grades(thing, limits)[leg] for limits in (_STEEPEST, _LASTING))
        known = _accuracy(thing)[leg], steepest, lasting
    kind = "grid" if dem is None else "dem"
    ground, far = partial(_ground_m, dem=dem), round(_STEEP_KM / _CLIMB_STEP_KM[kind])
    return road_of(km, _positions(chain, km), ground, band_m=_BAND_M[kind], far=far, known=known)


def _samples(start: float, end: float, step: float) -> Floats:
    """Return chainages from one end to the other, in that direction, both included."""
    ahead = 1.0 if end >= start else -1.0
    return np.append(np.arange(start, end - ahead * 1e-9, ahead * step), end)


def _even_samples(start: float, end: float, step: float) -> Floats:
    """Return evenly spaced chainages, at most `step` apart, the same in both directions."""
    low, high = min(start, end), max(start, end)
    km = np.linspace(low, high, max(1, math.ceil((high - low) / step - 1e-9)) + 1)
    return km if end >= start else km[::-1]


def _positions(chain: Chainage, km: Floats) -> Floats:
    """Return lon, lat at chainages."""
    return np.asarray(shapely.get_coordinates(np.asarray(chain.at(km), dtype=object)))


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
    if not isinstance(between, (tuple, list)) or len(between) != 2:
        raise InputError(
            f"between is {between!r}; give two stops or chainages, from and to: "
            'between=("Sost", "Khunjerab Pass").'
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


def _accuracy(thing: Corridor) -> Floats:
    """Return the 95 % accuracy of each leg, in km."""
    return np.asarray(thing.legs["accuracy_km"], float)


def _leg(thing: Corridor, km: Floats) -> NDArray[np.int64]:
    """Return the row of `legs` at each chainage; at an end of a leg, that of the leg before."""
    starts = thing.legs["km_from"].to_numpy(float)
    inside: Floats = np.minimum(km, max(float(km[0]), float(km[-1])) - 1e-9)
    return np.clip(np.searchsorted(starts, inside, side="right") - 1, 0, len(starts) - 1)


def _grades(thing: Corridor, limits: dict[str, float]) -> Floats:
    """Return the greatest possible gradient of each leg, in percent."""
    kinds = thing.legs["section"].map(thing.sections.set_index("id")["kind"])
    return np.asarray(kinds.map(limits).fillna(limits["road"]), float)


def _ground_m(xy: Floats, dem: str | Path | None) -> Floats:
    """Return metres at lon, lat, from the bundled grid or the caller's."""
    return ground_m(xy) if dem is None else sample(dem, gpd.GeoSeries.from_xy(*xy.T, crs=4326))


def tell_climb(kind: str = "grid", *, is_known: bool) -> str:
    """Describe the method and data of a climb in words.

    Parameters
    ----------
    kind : {"grid", "dem"}
        The bundled grid, or a raster of the caller's.
    is_known : bool
        Whether the line's accuracy is known.

    Examples
    --------
    >>> tell_climb(is_known=False).partition(": ")[2]
    "30 m to each side alone, whatever the line's accuracy"
    """
    band = f"{_BAND_M[kind]:g} m to each side"
    if is_known:
        band += ", or the ground across the line out to a third of its accuracy if that is more"
    else:
        band += " alone, whatever the line's accuracy"
    return f"least climb in a dead band, a sample each {_CLIMB_STEP_KM[kind]:g} km: {band}"


@cache
def _grid() -> Floats:
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


def ground_m(xy: Floats) -> Floats:
    """Return the ground elevation in metres at lon, lat, as `elevation_m`; NaN at NaN.

    Examples
    --------
    >>> bool(ground_m(np.array([[67.0, 30.19]]))[0] > 1600)
    True
    """
    column, row = (xy[:, 0] - _WEST) * _PER_DEGREE - 0.5, (_NORTH - xy[:, 1]) * _PER_DEGREE - 0.5
    return bilinear(_grid(), column, row)

"""Heights and climb of a road whose drawn line may lie beside it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from cpecgeo import geodesy

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

__all__ = ["Road", "bands_of", "gradients", "ground_across", "humps", "rises_within", "road_of"]

# Ground higher than a lasting climb can reach, by more than this, is a hump.
_GRID_M = 50.0

# Valleys of the Karakoram are two to three kilometres wide: a line farther off is on the slopes.
_ROAD_KM = 1.5

# In a plain the ground beside the line is as high as under it, however far off the road is.
_RELIEF_M = 50.0

# Half of the points of a road are within a third of its 95 % accuracy (normal distribution).
_USUAL = 1 / 3
_DEGREE_KM = 111.2

# Largest range of a stated highest point: half of it to each side of the ground.
_HIGHEST_M = 200.0


def gradients(xy: Floats, metres: Floats, far: int = 1) -> Floats:
    """Return the gradient from each sample to the one `far` after it, in percent of drawn length.

    Examples
    --------
    >>> gradients(np.array([[70.0, 30.0], [70.0, 30.1]]), np.array([0.0, 110.86])).round(2).tolist()
    [1.0]
    """
    lines = shapely.linestrings(np.stack((xy[:-1], xy[1:]), axis=1))
    steps = np.asarray(geodesy.length_km(gpd.GeoSeries(lines, crs=4326)), float)
    drawn = np.append(0.0, steps.cumsum()) if far > 1 else steps
    drawn = drawn[far:] - drawn[:-far] if far > 1 else drawn
    rise = metres[far:] - metres[:-far]
    none = np.full_like(rise, np.nan)
    return np.asarray(np.divide(rise, 10 * drawn, out=none, where=drawn > 0))


def humps(km: Floats, metres: Floats, ground: Bools, percent: Floats) -> Bools:
    """Return which samples are higher than a road can climb from its other ground.

    `ground` are samples already known not to be the road's ground; `percent` is the gradient of a
    lasting climb at each.

    Examples
    --------
    >>> flat = np.zeros(3)
    >>> humps(np.arange(3.0), np.array([0.0, 300, 0]), flat > 0, flat + 7).tolist()
    [False, True, False]
    """
    known = np.where(ground, np.nan, metres)
    found = np.zeros(len(km), bool)
    for grade in set(percent.tolist()):
        for way in (1.0, -1.0):
            rise = 10 * grade * np.abs(km - km[0]) * way
            reached = np.fmin.accumulate((known - rise)[:: int(way)])[:: int(way)] + rise
            found |= (percent == grade) & (metres > reached + _GRID_M)
    return found


@dataclass(frozen=True)
class Road:
    """A road's heights at the samples of climb.

    Parameters
    ----------
    km, metres : ndarray, shape (n,)
    ground : ndarray of bool, shape (n,)
        Samples whose ground isn't the road's.
    stated : ndarray of bool, shape (n - 1,)
        Steps between two samples on the road's ground.
    rises, least, most : ndarray, shape (n - 1,)
        Metres of each step: of the band's profile, of that within the whole accuracy, and of the
        samples.
    reach : ndarray, shape (2, n)
        Lowest and highest height the road can have at each sample, within the whole accuracy.
    error_m : float
        Of the grid's heights.
    """

    km: Floats
    metres: Floats
    ground: Bools
    stated: Bools
    rises: Floats
    least: Floats
    most: Floats
    reach: Floats
    error_m: float

    def at(self, km: Floats, steps: Floats) -> Floats:
        """Return the cumulative sum of steps, at other chainages."""
        return np.asarray(
            np.interp(np.abs(km - km[0]), np.abs(self.km - km[0]), np.append(0.0, steps.cumsum()))
        )

    def is_ground(self, km: Floats) -> Bools:
        """Return where the ground isn't the road's; between samples, if it isn't at a neighbour."""
        along, ours = np.abs(km - km[0]), np.abs(self.km - km[0])
        before = np.clip(np.searchsorted(ours, along + 1e-9) - 1, 0, len(ours) - 1)
        behind = np.clip(np.searchsorted(ours, along - 1e-9), 0, len(ours) - 1)
        return np.asarray(self.ground[before] | self.ground[behind])

    def totals(self) -> dict[str, float]:
        """Return climb, descent and highest point, and the lengths with and without a climb."""
        heights = np.where(self.ground, -np.inf, np.nan_to_num(self.metres, nan=-np.inf))
        rest = np.where(self.ground, np.nan_to_num(self.metres, nan=-np.inf), -np.inf)
        step = np.abs(np.diff(self.km))
        summed = self.stated & ~np.isnan(np.diff(self.metres))
        no_climb = math.nan if not self.stated.any() else 0.0
        # If other ground is higher, the road there may be higher too.
        top = int(np.argmax(heights))
        low, high = np.max(np.nan_to_num(self.reach, nan=-np.inf), axis=1).tolist()
        unknown = bool(np.isneginf(heights[top]) or rest.max() > heights[top])
        # On a pass the ground beside the line is as likely the road's, and far higher or lower.
        unknown = unknown or high - low > _HIGHEST_M
        return {
            "climb_m": float(np.maximum(self.rises, 0).sum()) + no_climb,
            "descent_m": float(np.maximum(-self.rises, 0).sum()) + no_climb,
            "climb_low_m": float(np.maximum(self.least, 0).sum()) + no_climb,
            "climb_high_m": float(np.maximum(self.most, 0).sum()) + no_climb,
            "highest_m": math.nan if unknown else float(heights[top]),
            "highest_at_km": math.nan if unknown else float(self.km[top]),
            "highest_low_m": low - self.error_m if math.isfinite(low) else math.nan,
            "highest_high_m": high + self.error_m if math.isfinite(high) else math.nan,
            "climb_km": float(step[summed].sum()),
            "ground_km": float(step[~self.stated].sum()),
        }


def road_of(
    km: Floats,
    xy: Floats,
    ground_m: Callable[[Floats], Floats],
    *,
    band_m: float,
    far: int,
    known: tuple[Floats, Floats, Floats] | None,
) -> Road:
    """Compute a road's heights at samples along its line, given by chainage and lon, lat.

    `ground_m` returns metres at positions; `band_m` is half of the dead band where the line is
    exact; gradients are computed over `far` steps. `known` has, at each sample, the line's accuracy
    in km (95 %) and the greatest gradient of a step and of a lasting climb in percent. Without it
    all ground under the line counts as the road's own.
    """
    metres = ground_m(xy)
    left_out = np.zeros(len(km), bool)
    bands = [np.stack((metres - band_m, metres + band_m))] * 2
    if known is not None:
        accuracy_km, steepest, lasting = known
        lows, highs = ground_across(xy, np.nan_to_num(accuracy_km), ground_m)
        bands = bands_of(metres, band_m, lows, highs)
        left_out = (accuracy_km > _ROAD_KM) & ~(highs[1] - lows[1] <= _RELIEF_M)
        far = min(far, len(km) - 1)
        limit = np.maximum(steepest[far:], steepest[: len(km) - far])
        steep = np.abs(gradients(xy, metres, far)) > limit
        for i in range(far + 1):
            left_out[i : len(km) - far + i] |= steep
        left_out |= humps(km, metres, left_out, lasting)
    stated = ~(left_out[1:] | left_out[:-1])
    rises, least, most = (rises_within(metres, band, stated) for band in (*bands, None))
    return Road(km, metres, left_out, stated, rises, least, most, bands[1], band_m)


def rises_within(metres: Floats, band: Floats | None, stated: Bools) -> Floats:
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
    metres: Floats, noise_m: float, lows: list[Floats], highs: list[Floats]
) -> list[Floats]:
    """Return the bands of possible heights of the road: for half of it, and for all of it.

    Each has the lowest and highest height. `metres` is the ground under the line, `noise_m` the
    error of the grid, `lows` and `highs` are from `ground_across`.
    """
    return [
        np.stack((np.fmin(metres - noise_m, low), np.fmax(metres + noise_m, high)))
        for low, high in zip(lows, highs, strict=True)
    ]


def ground_across(
    xy: Floats, accuracy_km: Floats, ground: Callable[[Floats], Floats]
) -> tuple[list[Floats], list[Floats]]:
    """Return the lowest and the highest ground across a line at each point of it.

    Both are for two widths to each side: a third of the line's accuracy, and all of it. The line is
    given by lon, lat and its accuracy (95 %) at each point; `ground` returns metres at positions.
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

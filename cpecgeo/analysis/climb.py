"""Climb along a line that lies beside its road: least climb within a band of heights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["NOISE_M", "bands_of", "ground_across", "rises_within"]

# Linear error of 90 % of the elevations that GLOBE took from DTED (GLOBE Task Team, 1999).
NOISE_M = 30.0

# Half of the places on a road are within a third of its 95 % value (normal distribution).
_USUAL = 1 / 3
_DEGREE_KM = 111.2


def rises_within(
    metres: NDArray[np.float64],
    band: NDArray[np.float64] | None,
    stated: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Return the rises that are stated, of the profile of least climb within a band.

    Parameters
    ----------
    metres : ndarray, shape (n,)
        Heights. The ends of each stretch that is stated stay as they are.
    band : ndarray, shape (2, n), or None
        Lowest and highest height that each may have; without it the heights are taken as given.
    stated : ndarray of bool, shape (n - 1,)
        From which height to the next the ground is that of the road.

    Returns
    -------
    ndarray, shape (n - 1,)
        Metres; 0 where nothing is stated or a height is missing.

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
    """Return the bands of heights that the road may have: where half of it lies, and all.

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
    """Return lowest and highest ground across a line, out to a third of its accuracy and all.

    Parameters
    ----------
    xy : ndarray, shape (n, 2)
        lon, lat along the line.
    accuracy_km : ndarray
        95 % value at each.
    ground : callable
        Metres at such positions.

    Returns
    -------
    lows, highs : list of ndarray
        Out to a third, and out to the whole accuracy, on both sides.
    """
    # A sphere does: the grid's cells are nearly a kilometre wide.
    shrink = np.cos(np.radians(xy[:, 1]))
    along = np.diff(xy, axis=0, append=xy[-1:] + (xy[-1:] - xy[-2:-1]))
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

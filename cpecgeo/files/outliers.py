"""Rows whose position looks wrong beside all others: remarked, never changed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["find_outliers"]

# Pakistan and China, with margins, in degrees: where rows are expected that a swap would mend.
_REGION = (60.0, 5.0, 136.0, 55.0)
_FAR_DEG = 20.0
_FAR_TIMES = 20.0
_FEW = 0.2


def find_outliers(lonlat: NDArray[np.float64]) -> list[str]:
    """Say which rows lie at 0, 0, seem to have lon and lat swapped, or lie far from all others.

    Parameters
    ----------
    lonlat : ndarray, shape (n, 2)
        Degrees; NaN where there is no position.

    Returns
    -------
    list of str
        A remark for each kind, with its number of rows and the first of them. Nothing is said
        where most rows are of that kind, nor of a table of one row.

    Examples
    --------
    >>> find_outliers(np.array([[67.0, 24.9], [67.2, 25.0], [24.9, 67.0]]))
    ['1 row seems to have lon and lat swapped (row 3)']
    """
    known = ~np.isnan(lonlat).any(axis=1)
    zero = known & (lonlat == 0).all(axis=1)
    others = known & ~zero
    remarks = []
    if zero.any() and others.any():
        remarks.append(f"{_rows(zero)} at 0, 0 {_shown(zero)}")
    if others.sum() < 2:
        return remarks
    here, there = _in_region(lonlat), _in_region(lonlat[:, ::-1])
    swapped = others & ~here & there
    if swapped.sum() > max(1, _FEW * others.sum()) or not (others & here).any():
        swapped = np.zeros(len(lonlat), bool)
    if swapped.any():
        verb = "seems" if swapped.sum() == 1 else "seem"
        remarks.append(f"{_rows(swapped)} {verb} to have lon and lat swapped {_shown(swapped)}")
    rest = others & ~swapped
    if rest.sum() >= 5:
        centre = np.median(lonlat[rest], axis=0)
        apart = np.abs(lonlat - centre)
        # The shorter way around, and both axes alike.
        apart[:, 0] = np.minimum(apart[:, 0], 360 - apart[:, 0])
        distance = np.where(rest, apart.max(axis=1), 0.0)
        usual = float(np.median(distance[rest]))
        far = rest & (distance > max(_FAR_DEG, _FAR_TIMES * usual))
        if far.any() and far.sum() <= _FEW * rest.sum():
            verb = "lies" if far.sum() == 1 else "lie"
            remarks.append(f"{_rows(far)} {verb} far from all others {_shown(far)}")
    return remarks


def _in_region(lonlat: NDArray[np.float64]) -> NDArray[np.bool_]:
    west, south, east, north = _REGION
    lon, lat = lonlat.T
    inside: NDArray[np.bool_] = (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
    return inside


def _rows(which: NDArray[np.bool_]) -> str:
    count = int(which.sum())
    return f"{count:,} row" if count == 1 else f"{count:,} rows"


def _shown(which: NDArray[np.bool_]) -> str:
    first = [f"{row + 1:,}" for row in np.flatnonzero(which)[:3]]
    more = ", …" if which.sum() > 3 else ""
    return f"({'row' if which.sum() == 1 else 'rows'} {', '.join(first)}{more})"

"""Move a way of pixels onto the centre of the road, to a fraction of a pixel."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import binary_dilation, gaussian_filter1d

from tools.trace.path import sample
from tools.trace.tiles import Floats, Raster

STEP = 1 / 3
"""Pixels from one vertex to the next."""

REACH = 1.5
"""Pixels to each side that the centroid of the road is taken over."""

WINDOW = 0.8
"""Standard deviation of the weight across the road, in pixels: a road beside it counts less."""

ENOUGH = 20.0
"""Least sum of strength across the way from which its centroid is trusted."""

ROUNDS = 4
SMOOTH = 0.35

FAINT = 7.0
"""Strength below which a vertex isn't on a visible road."""

HALO = 3
"""Vertices beside a hidden leg, a pixel of them, that the halo of its label pulls aside."""

SPUR = 30.0
"""Longest way, in pixels, that comes back to where it left and is cut off."""


def centred(raster: Raster, way: Floats) -> Floats:
    """Centre line of the road that a way follows.

    Parameters
    ----------
    raster : Raster
        Strength of the road.
    way : ndarray, shape (n, 2)
        Pixel coordinates. Both ends stay where they are.

    Returns
    -------
    ndarray, shape (m, 2)
        A vertex each third of a pixel. Across the road, each is at the centroid of the
        strength; where too little of the road is visible it stays on the way.
    """
    ends = way[0].copy(), way[-1].copy()
    line = _spaced(_smooth(way, 2.0, ends))
    offsets = np.linspace(-REACH, REACH, 31)
    window = np.exp(-0.5 * (offsets / WINDOW) ** 2)
    for _ in range(ROUNDS):
        along = gaussian_filter1d(np.gradient(line, axis=0), 2.0, axis=0)
        along /= np.hypot(*along.T)[:, None] + 1e-9
        across = np.column_stack((-along[:, 1], along[:, 0]))
        spots = line[:, None, :] + offsets[None, :, None] * across[:, None, :]
        weight = sample(raster, spots[..., 0], spots[..., 1]) * window
        total = weight.sum(axis=1)
        shift = np.where(total > ENOUGH, weight @ offsets / np.maximum(total, 1e-6), 0)
        trust = np.minimum(total, 200) + 1e-3
        shift = gaussian_filter1d(shift * trust, 1.2) / gaussian_filter1d(trust, 1.2)
        line = _spaced(_smooth(line + 0.8 * shift[:, None] * across, SMOOTH, ends))
    return _smooth(_without_spurs(line), SMOOTH, ends)


def visible(raster: Raster, line: Floats) -> np.ndarray:
    """Which vertices lie on a road that can be seen, by most of the seven around each.

    Those within a pixel of a label or a symbol don't: its light edge hides part of the road.
    """
    faint = sample(raster, line[:, 0], line[:, 1]) < FAINT
    share = np.convolve(np.pad(faint.astype(float), 3, mode="edge"), np.ones(7) / 7, "valid")
    return ~np.asarray(binary_dilation(share > 0.7, iterations=HALO))


def _smooth(line: Floats, sigma: float, ends: tuple[Floats, Floats]) -> Floats:
    smooth = np.asarray(gaussian_filter1d(line, sigma, axis=0, mode="nearest"))
    smooth[0], smooth[-1] = ends
    return smooth


def _spaced(line: Floats) -> Floats:
    """The same line with a vertex each `STEP`."""
    steps = np.hypot(*np.diff(line, axis=0).T)
    line = line[np.append(True, steps > 0)]
    at = np.append(0.0, np.cumsum(steps[steps > 0]))
    wanted = np.append(np.arange(0.0, at[-1], STEP), at[-1])
    return np.column_stack([np.interp(wanted, at, c) for c in line.T])


def _without_spurs(line: Floats) -> Floats:
    """Cut what leaves the line and comes back to the same vertex."""
    keep = np.ones(len(line), bool)
    near, far = int(3 / STEP), int(SPUR / STEP)
    i = 0
    while i < len(line):
        back = np.hypot(*(line[i + near : i + far] - line[i]).T) < STEP - 0.03
        if back.any():
            end = i + near + int(np.flatnonzero(back)[-1])
            keep[i + 1 : end + 1] = False
            i = end
        i += 1
    return line[keep]

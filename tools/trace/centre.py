"""Move a way of pixels onto the centre of the road, to a fraction of a pixel."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from scipy.interpolate import CubicHermiteSpline
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

BLANK = 3.0
"""Strength below which nothing of the road shows, not even through the edge of a label."""

HALO = 3
"""Vertices beside a hidden leg, a pixel of them, that the halo of its label pulls aside."""

TANGENT = 6
"""Vertices beside a hidden leg that give its direction there: two pixels."""

PULL = 0.8
"""Length of the tangents at the ends of a hidden leg, as a share of its length."""

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
    return ~np.asarray(binary_dilation(_weaker(raster, line, FAINT), iterations=HALO))


def _weaker(raster: Raster, line: Floats, strength: float) -> np.ndarray:
    """Which vertices lie on less than a strength, as most of the seven around each."""
    faint = sample(raster, line[:, 0], line[:, 1]) < strength
    share = np.convolve(np.pad(faint.astype(float), 3, mode="edge"), np.ones(7) / 7, "valid")
    return np.asarray(share > 0.7)


def bridged(
    raster: Raster, line: Floats, anchors: Floats, exact: Collection[int] = ()
) -> tuple[Floats, np.ndarray]:
    """Join the parts of a line by smooth curves where nothing at all of the road shows.

    What the way of least cost follows under a label is the label's own letters. Where visible
    roads are cut and joined so, 95 of 100 places are within a tenth of the length cut out.

    Parameters
    ----------
    raster : Raster
        Strength of the road.
    line : ndarray, shape (n, 2)
        A vertex each `STEP`.
    anchors : ndarray, shape (m, 2)
        Places that the road is known to pass; those on hidden parts are passed by the curve.
    exact : collection of int
        Anchors that the line goes through as they are, and between which only other roads are
        visible.

    Returns
    -------
    line : ndarray, shape (n, 2)
        Vertices where anything of the road shows stay where they are.
    seen : ndarray of bool, shape (n,)
        Which vertices lie on a road that is well visible.

    References
    ----------
    Cubic Hermite spline: C. de Boor, A Practical Guide to Splines (2001), chapter IV.
    """
    answer, seen, blank = line.copy(), visible(raster, line), _weaker(raster, line, BLANK)
    nearest = [int(np.argmin(np.hypot(*(line - a).T))) for a in anchors]
    known = {*nearest, 0, len(line) - 1}
    for i in exact:
        answer[nearest[i]] = anchors[i]
        if i + 1 in exact:
            between = slice(nearest[i] + 1, nearest[i + 1])
            seen[between], blank[between] = False, True
    edges = np.flatnonzero(np.diff(np.concatenate(([False], blank, [False])).astype(int)))
    for first, stop in zip(edges[::2], edges[1::2], strict=True):
        a, b = max(first - 1, 0), min(stop, len(line) - 1)
        knots = sorted({a, b} | {k for k in known if a < k < b})
        spots = answer[knots]
        at = np.append(0.0, np.cumsum(np.hypot(*np.diff(spots, axis=0).T)))
        if len(knots) < 2 or (np.diff(at) < STEP).any():
            continue
        slopes = _slopes(spots, at)
        if a > 0:
            slopes[0] = _direction(line[max(a - TANGENT, 0) : a + 1])
        if b < len(line) - 1:
            slopes[-1] = _direction(line[b : b + TANGENT + 1])
        where = np.interp(np.arange(a, b + 1), knots, at)
        answer[a : b + 1] = CubicHermiteSpline(at, spots, PULL * slopes)(where)
    return answer, seen


def _slopes(spots: Floats, at: Floats) -> Floats:
    """Directions at the knots of a curve: those of the chords beside them."""
    chords = np.diff(spots, axis=0) / np.diff(at)[:, None]
    return np.vstack((chords[:1], (chords[1:] + chords[:-1]) / 2, chords[-1:]))


def _direction(part: Floats) -> Floats:
    way = part[-1] - part[0]
    return np.asarray(way / max(float(np.hypot(*way)), 1e-9))


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

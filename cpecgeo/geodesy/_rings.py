"""Areas of many rings at once, their edges geodesics.

In longitude and authalic ordinate S, the area between a parallel and the equator per radian, an
area is a plane one. A geodesic is bent there; over a short edge its bow is a parabola's, four
thirds of the triangle of the two ends and the middle.
"""

from __future__ import annotations

import numpy as np

from cpecgeo.geodesy._ellipsoid import GEOD, Floats, Ints, authalic, ecef
from cpecgeo.geodesy._found import geodetic
from cpecgeo.geodesy._paths import between_vertices
from cpecgeo.geodesy._tree import lift

__all__ = ["ring_areas_m2"]

_EDGE_M = 4_000.0  # up to here a parabola's bow leaves less than 1e-10 of an area to say
_CUTS = 2.0  # times as many edges; rings that need more cuts are left to Karney's series
_NEAR_POLE_DEG = 80.0
_DEGREE_M = 111_700.0


def ring_areas_m2(xy: Floats, ring: Ints) -> Floats:
    """Square metres in rings, positive when they wind counter-clockwise.

    Rings of mostly long edges, near a pole or around one are measured by PROJ, one by one: they
    have few vertices. All others are measured at once, and keep more digits when they are small.

    Parameters
    ----------
    xy : ndarray, shape (n, 2)
        lon, lat of closed rings, the last vertex of each repeating the first.
    ring : ndarray of int, shape (n,)
        Which ring each vertex is on; ascending from 0, none left out.

    Returns
    -------
    ndarray, shape (rings,)
    """
    count = int(ring[-1]) + 1 if len(ring) else 0
    start = np.flatnonzero(ring[1:] == ring[:-1])
    step = _step(xy[start, 0], xy[start + 1, 0])
    reach = _DEGREE_M * (np.abs(step) + np.abs(xy[start + 1, 1] - xy[start, 1]))
    edges, pieces = (np.bincount(ring[start], w, count) for w in (None, np.ceil(reach / _EDGE_M)))
    slow = np.abs(np.bincount(ring[start], step, count)) > 180.0  # around a pole
    slow |= pieces > _CUTS * edges
    slow[ring[np.abs(xy[:, 1]) > _NEAR_POLE_DEG]] = True
    areas = np.zeros(count)
    fast = ~slow[ring]
    areas += _short(xy[fast], ring[fast], count)
    begins = np.searchsorted(ring, np.flatnonzero(slow))
    ends = np.searchsorted(ring, np.flatnonzero(slow), side="right")
    for row, a, b in zip(np.flatnonzero(slow), begins, ends, strict=True):
        areas[row] = GEOD.polygon_area_perimeter(xy[a:b, 0], xy[a:b, 1])[0]
    return areas


def _step(a: Floats, b: Floats) -> Floats:
    """Degrees of longitude from a to b by the shorter way; small ones keep all digits."""
    step = b - a
    return np.where(np.abs(step) > 180.0, step - np.copysign(360.0, step), step)


def _short(xy: Floats, ring: Ints, count: int) -> Floats:
    """Areas of rings with short edges, away from the poles."""
    if len(xy) == 0:
        return np.zeros(count)
    start = np.flatnonzero(ring[1:] == ring[:-1])
    before, new = between_vertices(xy, start, _EDGE_M)
    if len(new):
        xy, ring = np.insert(xy, before + 1, new, axis=0), np.insert(ring, before + 1, ring[before])
        start = np.flatnonzero(ring[1:] == ring[:-1])
    stop = start + 1
    place = ecef(xy[:, 0], xy[:, 1])
    chord = place[stop] - place[start]
    middle = geodetic(place[start] + 0.5 * chord + 0.25 * lift(place[start], chord))
    # Everything is told from the first vertex of its ring, so that small rings keep their digits.
    first = np.searchsorted(ring, ring)
    height = authalic(xy[:, 1])
    low = height[first]
    height = height - low
    step = np.radians(_step(xy[start, 0], xy[stop, 0]))
    along = np.zeros(len(xy))
    along[stop] = step
    along = np.cumsum(along)
    along -= along[first]
    half = np.radians(_step(xy[start, 0], middle[0]))
    rise = height[stop] - height[start]
    bow = half * rise - step * (authalic(middle[1]) - low[start] - height[start])
    twice = along[start] * height[stop] - along[stop] * height[start]
    return np.asarray(np.bincount(ring[start], 0.5 * twice + (2.0 / 3.0) * bow, count), float)

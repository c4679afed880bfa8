"""The first guess of a buffer, in a conformal plane around the geometry.

In a conformal map small circles stay circles, and only their scale changes from place to
place. A line is therefore cut into stretches of nearly one scale, and each is widened by
`km` times its own scale. What this misses by is set right afterwards, on the ellipsoid.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from cpecgeo.errors import GeometryError
from cpecgeo.geodesy._compile import threads
from cpecgeo.geodesy._ellipsoid import EQUATOR_M, POLE_M, Floats, Ints, ecef

__all__ = ["Plane", "caps", "guess"]

_SCALE_STEP = 1e-3  # greatest change of scale within a stretch
_SIMPLER = 1e-3  # share of the radius by which a line may be simplified for the guess
_OUTSIDE = 1e-3  # share of the radius that the guess is wider: inwards one move is enough
_BATCH = 64  # stretches that are united at a time
_FARTHEST = np.radians(110.0)
_STRETCH = 16  # most edges of a stretch
_CURVE = 8  # segments of a quarter circle, refined later


@dataclass(frozen=True)
class Plane:
    """An oblique stereographic plane.

    Parameters
    ----------
    lon, lat : float
        Its centre.
    """

    lon: float
    lat: float

    @classmethod
    def around(cls, xy: Floats) -> Plane:
        """Return the plane whose centre is amid lon, lat coordinates.

        Raises
        ------
        GeometryError
            They reach so far around the earth that no plane holds them.
        """
        unit = ecef(*xy.T) / EQUATOR_M
        middle = unit.min(axis=0) + unit.max(axis=0)
        size = np.linalg.norm(middle)
        angle = np.arccos(np.clip(unit @ middle / max(size, 1e-12), -1, 1).min())
        if size < 1e-6 or angle > _FARTHEST:
            raise GeometryError(
                "x reaches farther around the earth than one buffer can; explode() it or "
                "split it, buffer the parts, and unite them with union_all()."
            )
        x, y, z = middle
        lon, lat = np.degrees([np.arctan2(y, x), np.arctan2(z, np.hypot(x, y))])
        return cls(float(lon), float(lat))

    @cached_property
    def _proj(self) -> pyproj.Proj:
        return pyproj.Proj(proj="stere", lat_0=self.lat, lon_0=self.lon, ellps="WGS84")

    def reach(self, xy: Floats) -> float:
        """Return about how far from the centre lon, lat coordinates lie in the plane, in metres."""
        centre = ecef(np.array([self.lon]), np.array([self.lat]))
        chord = np.linalg.norm(ecef(*xy.T) - centre, axis=1).max()
        half = np.arcsin(min(1.0, 0.5 * float(chord) / POLE_M))
        return float(2.0 * EQUATOR_M * np.tan(half))

    def project(self, xy: Floats) -> Floats:
        """Turn lon, lat into metres in the plane."""
        return np.column_stack(self._proj(xy[:, 0], xy[:, 1]))

    def unproject(self, xy: Floats) -> Floats:
        """Turn metres in the plane into lon, lat."""
        return np.column_stack(self._proj(xy[:, 0], xy[:, 1], inverse=True))

    @staticmethod
    def scale(xy: Floats) -> Floats:
        """Return how much longer lengths are in the plane than on the ground."""
        return np.asarray(1.0 + np.einsum("ij,ij->i", xy, xy) / (2.0 * EQUATOR_M) ** 2)


def guess(lines: list[Floats], spots: Floats, metres: float) -> Any:
    """Return the union of what is within `metres` on the ground.

    Parameters
    ----------
    lines : list of ndarray, shape (n, 2)
        In the plane.
    spots : ndarray, shape (n, 2)
        Points, in the plane.
    metres : float

    Returns
    -------
    Polygon or MultiPolygon
        In the plane.
    """
    shapes: list[Any] = [shapely.points(spots)] if len(spots) else []
    scales = [Plane.scale(spots)] if len(spots) else []
    for line in lines:
        parts, scale = _stretches(line, metres)
        shapes.append(parts)
        scales.append(scale)
    drawn, radius = np.concatenate(shapes), np.concatenate(scales) * (metres * (1.0 + _OUTSIDE))

    def united(first: int) -> Any:
        rows = slice(first, first + _BATCH)
        wide = shapely.buffer(drawn[rows], radius[rows], quad_segs=_CURVE)
        return wide[0] if len(wide) == 1 else shapely.union_all(wide)

    if len(drawn) <= _BATCH:
        return united(0)
    # GEOS works without the interpreter's lock.
    with ThreadPoolExecutor(threads()) as pool:
        return shapely.union_all(list(pool.map(united, range(0, len(drawn), _BATCH))))


def _stretches(line: Floats, metres: float) -> tuple[NDArray[Any], Floats]:
    """Cut a line into stretches, and return the scale of each.

    GEOS takes more than proportionally longer for longer lines, so short stretches and
    their union are several times faster than one buffer of the whole.
    """
    simple = shapely.simplify(shapely.linestrings(line), _SIMPLER * metres, preserve_topology=False)
    line = shapely.get_coordinates(simple)
    scale = Plane.scale(line)
    level = np.floor(np.log(scale) / _SCALE_STEP).astype(np.int64)
    cut = np.append(np.diff(level) != 0, False) | (np.arange(len(line)) % _STRETCH == 0)
    cuts: Ints = np.flatnonzero(cut[1:-1]) + 1
    first, last = np.concatenate(([0], cuts)), np.append(cuts, len(line) - 1)
    size = last - first + 1
    which = np.repeat(np.arange(len(size)), size)
    inside = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
    rows = first[which] + inside
    mean = np.bincount(which, weights=scale[rows]) / size
    return shapely.linestrings(line[rows], indices=which), mean


def caps(line: Floats, metres: float) -> tuple[NDArray[Any], Floats]:
    """Return straight cuts across both ends of an open line, and the ends; in the plane."""
    ends, cuts = line[[0, -1]], []
    for end, inner in ((line[0], line[1]), (line[-1], line[-2])):
        ahead = (end - inner) / np.linalg.norm(end - inner)
        across = np.array([-ahead[1], ahead[0]]) * 1.5 * metres * Plane.scale(end[None])
        cuts.append(shapely.linestrings([end - across, end, end + across]))
    return np.array(cuts), ends

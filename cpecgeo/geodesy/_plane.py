"""First guess of a buffer, in a conformal plane around the geometry.

In a conformal map small circles stay circles, and only their scale changes from place to
place. A line is therefore cut into stretches of nearly one scale, and each is widened by
`km` times its own scale. What this misses by is set right afterwards, on the ellipsoid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from cpecgeo.errors import GeometryError
from cpecgeo.geodesy._ellipsoid import EQUATOR_M, Floats, Ints, ecef

__all__ = ["Plane", "guess"]

_SCALE_STEP = 1e-3  # greatest change of scale within a stretch
_SIMPLER = 1e-3  # share of the radius by which a line may be simplified for the guess
_FARTHEST = np.radians(110.0)
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
        """The plane whose centre is amid lon, lat coordinates.

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
        return cls(float(np.degrees(np.arctan2(y, x))), float(np.degrees(np.arctan2(z, np.hypot(x, y)))))

    @property
    def _proj(self) -> pyproj.Proj:
        return pyproj.Proj(proj="stere", lat_0=self.lat, lon_0=self.lon, ellps="WGS84")

    def project(self, xy: Floats) -> Floats:
        """lon, lat to metres."""
        return np.column_stack(self._proj(xy[:, 0], xy[:, 1]))

    def unproject(self, xy: Floats) -> Floats:
        """Metres to lon, lat."""
        return np.column_stack(self._proj(xy[:, 0], xy[:, 1], inverse=True))

    @staticmethod
    def scale(xy: Floats) -> Floats:
        """How much longer than on the ground lengths are at places in the plane."""
        return 1.0 + np.einsum("ij,ij->i", xy, xy) / (2.0 * EQUATOR_M) ** 2


def guess(lines: list[Floats], spots: Floats, metres: float, flat: bool) -> Any:
    """The union of what is within `metres` on the ground.

    Parameters
    ----------
    lines : list of ndarray, shape (n, 2)
        In the plane.
    spots : ndarray, shape (n, 2)
        Points, in the plane.
    metres : float
    flat : bool
        Whether the ends of open lines are cut off straight.

    Returns
    -------
    Polygon or MultiPolygon
        In the plane.
    """
    rounds: list[Any] = [shapely.points(spots)] if len(spots) else []
    scales = [Plane.scale(spots)] if len(spots) else []
    flats: list[Any] = []
    flat_scales: list[float] = []
    for line in lines:
        stretches, scale = _stretches(line, metres)
        closed = bool((line[0] == line[-1]).all())
        if flat and not closed:
            ends = sorted({0, len(stretches) - 1})
            flats += [stretches[i] for i in ends]
            flat_scales += [scale[i] for i in ends]
            inner = np.arange(1, len(stretches) - 1)
            stretches, scale = stretches[inner], scale[inner]
        rounds.append(stretches)
        scales.append(scale)
    shapes = [shapely.buffer(np.concatenate(rounds), np.concatenate(scales) * metres, quad_segs=_CURVE)]
    if flats:
        wide = np.array(flat_scales) * metres
        shapes.append(shapely.buffer(np.array(flats), wide, quad_segs=_CURVE, cap_style="flat"))
    every = np.concatenate(shapes)
    return every[0] if len(every) == 1 else shapely.union_all(every)


def _stretches(line: Floats, metres: float) -> tuple[NDArray[Any], Floats]:
    """A line cut where its scale has changed by a step, and the scale of each part."""
    scale = Plane.scale(line)
    level = np.floor(np.log(scale) / _SCALE_STEP).astype(np.int64)
    cuts: Ints = np.flatnonzero(np.diff(level)) + 1
    cuts = cuts[(cuts > 0) & (cuts < len(line) - 1)]
    first, last = np.concatenate(([0], cuts)), np.append(cuts, len(line) - 1)
    parts = np.array([shapely.linestrings(line[a : b + 1]) for a, b in zip(first, last, strict=True)])
    mean = np.array([scale[a : b + 1].mean() for a, b in zip(first, last, strict=True)])
    return shapely.simplify(parts, _SIMPLER * metres, preserve_topology=False), mean

"""The one ellipsoid: WGS 84, its constants and Karney's geodesics."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pyproj import Geod

__all__ = [
    "ATTRS",
    "E2",
    "EQUATOR_M",
    "FLATTENING",
    "GEOD",
    "PER_A2",
    "PER_B2",
    "POLE_M",
    "Floats",
    "Ints",
    "authalic",
    "ecef",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

GEOD: Final = Geod(ellps="WGS84")
EQUATOR_M: Final = float(GEOD.a)
FLATTENING: Final = float(GEOD.f)
POLE_M: Final = float(GEOD.b)
# Squares of the inverse axes: the ellipsoid is where PER_A2 (x² + y²) + PER_B2 z² = 1.
PER_A2: Final = 1.0 / EQUATOR_M**2
PER_B2: Final = 1.0 / POLE_M**2
E2: Final = FLATTENING * (2.0 - FLATTENING)

_E = np.sqrt(E2)

# Provenance of every answer, in `.attrs`.
ATTRS: Final[dict[str, Any]] = {"ellipsoid": "WGS 84", "edges": "geodesic"}


def ecef(lon: Floats, lat: Floats) -> Floats:
    """Return earth-centred coordinates in metres, shape (n, 3), of points on the ellipsoid."""
    lam, phi = np.radians(lon), np.radians(lat)
    sin, cos = np.sin(phi), np.cos(phi)
    normal = EQUATOR_M / np.sqrt(1.0 - E2 * sin * sin)
    across = normal * cos
    return np.column_stack((across * np.cos(lam), across * np.sin(lam), normal * (1.0 - E2) * sin))


def authalic(lat: Floats) -> Floats:
    """Return the area between parallels and the equator, in m² per radian of longitude."""
    s = np.sin(np.radians(lat))
    flat = s / (1.0 - E2 * s * s)
    return np.asarray(0.5 * EQUATOR_M**2 * (1.0 - E2) * (flat + np.arctanh(_E * s) / _E))


def geodetic(xyz: Floats) -> tuple[Floats, Floats]:
    """Return lon, lat of points on the ellipsoid, from earth-centred coordinates."""
    flat = np.hypot(xyz[..., 0], xyz[..., 1])
    lon = np.degrees(np.arctan2(xyz[..., 1], xyz[..., 0]))
    return lon, np.degrees(np.arctan2(xyz[..., 2], flat * (1.0 - E2)))


def lift(a: Floats, d: Floats) -> Floats:
    """Return four times the height of the arc above the middle of its chord, as a vector.

    `a` is the start of the chord and `d` the chord, both earth-centred, shape (n, 3).
    """
    axes = np.array([EQUATOR_M, EQUATOR_M, POLE_M]) ** -2.0
    up = (a + 0.5 * d) * axes
    size = np.sqrt(np.einsum("ij,ij->i", up, up))
    bent = np.einsum("ij,j->i", d * d, axes)  # d² times the normal curvature, times size
    return np.asarray(up * (0.5 * bent / (size * size))[:, None])

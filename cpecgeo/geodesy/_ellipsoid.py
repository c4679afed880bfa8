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
E2: Final = FLATTENING * (2.0 - FLATTENING)

_E = np.sqrt(E2)

# What every frame made here says about itself.
ATTRS: Final[dict[str, Any]] = {"ellipsoid": "WGS 84", "edges": "geodesic"}


def ecef(lon: Floats, lat: Floats) -> Floats:
    """Earth-centred coordinates in metres, shape (n, 3), of points on the ellipsoid."""
    lam, phi = np.radians(lon), np.radians(lat)
    sin, cos = np.sin(phi), np.cos(phi)
    normal = EQUATOR_M / np.sqrt(1.0 - E2 * sin * sin)
    across = normal * cos
    return np.column_stack((across * np.cos(lam), across * np.sin(lam), normal * (1.0 - E2) * sin))


def authalic(lat: Floats) -> Floats:
    """Square metres between a parallel and the equator, per radian of longitude."""
    s = np.sin(np.radians(lat))
    flat = s / (1.0 - E2 * s * s)
    return np.asarray(0.5 * EQUATOR_M**2 * (1.0 - E2) * (flat + np.arctanh(_E * s) / _E))

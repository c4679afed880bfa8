"""The WGS 84 ellipsoid: constants, geodesics, and conversion of any CRS to lon, lat and back."""

# Kernels have signatures of their own, which say more than annotations would.
# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

import warnings
from functools import lru_cache
from math import sqrt
from typing import Any, Final, TypeAlias

import numpy as np
import pyproj
from numpy.typing import NDArray
from pyproj import Geod
from pyproj.database import query_crs_info
from pyproj.enums import PJType
from pyproj.transformer import TransformerGroup

from cpecgeo.errors import CRSError
from cpecgeo.geodesy._compile import kernel

__all__ = [
    "ATTRS",
    "DEGREE_M",
    "E2",
    "EQUATOR_M",
    "FLATTENING",
    "GEOD",
    "LEAST_DEGREE_M",
    "LEAST_RADIUS_M",
    "PER_A2",
    "PER_B2",
    "POLE_M",
    "WGS84",
    "Box",
    "Floats",
    "Ints",
    "authalic",
    "bulge",
    "ecef",
    "from_wgs84",
    "geodetic",
    "ground",
    "lift",
    "to_wgs84",
    "up",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Box: TypeAlias = tuple[float, float, float, float]  # west, south, east, north

GEOD: Final = Geod(ellps="WGS84")
EQUATOR_M: Final = float(GEOD.a)
FLATTENING: Final = float(GEOD.f)
POLE_M: Final = float(GEOD.b)
# Squares of the inverse axes: the ellipsoid is where PER_A2 (x² + y²) + PER_B2 z² = 1.
PER_A2: Final = 1.0 / EQUATOR_M**2
PER_B2: Final = 1.0 / POLE_M**2
DEGREE_M: Final = 111_700.0  # the longest degree of longitude or latitude
LEAST_DEGREE_M: Final = 110_000.0  # a degree of latitude is longer
LEAST_RADIUS_M: Final = 6.33e6  # any radius of curvature is greater
E2: Final = FLATTENING * (2.0 - FLATTENING)

_E = np.sqrt(E2)
_DEGREE = 180.0 / np.pi
_BLOCK = 4_096  # rows at once, so that intermediate values stay in the processor's cache

# Provenance of every answer, in `.attrs`.
ATTRS: Final[dict[str, Any]] = {"ellipsoid": "WGS 84", "edges": "geodesic"}

# In degrees: the inverse of a projection may end outside the globe by a rounding error.
_ROUNDING = 1e-9
WGS84 = pyproj.CRS("EPSG:4326")
# China's CGCS2000 is ITRF97 at epoch 2000.0 (GB 22021-2008), within a metre of WGS 84, and EPSG
# lists no operation between the two.
_SAME_DATUM = "China 2000"


def ecef(lon: Floats, lat: Floats) -> Floats:
    """Return earth-centred coordinates in metres, shape (n, 3), of points on the ellipsoid."""
    lon, lat = np.atleast_1d(lon), np.atleast_1d(lat)
    out = np.empty((len(lon), 3))
    for first in range(0, len(out), _BLOCK):
        some = slice(first, first + _BLOCK)
        lam, phi = np.radians(lon[some]), np.radians(lat[some])
        sin, cos = np.sin(phi), np.cos(phi)
        normal = EQUATOR_M / np.sqrt(1.0 - E2 * sin * sin)
        across = normal * cos
        out[some, 0], out[some, 1] = across * np.cos(lam), across * np.sin(lam)
        out[some, 2] = normal * (1.0 - E2) * sin
    return out


def authalic(lat: Floats) -> Floats:
    """Return the area between parallels and the equator, in m² per radian of longitude."""
    s = np.sin(np.radians(lat))
    flat = s / (1.0 - E2 * s * s)
    return np.asarray(0.5 * EQUATOR_M**2 * (1.0 - E2) * (flat + np.arctanh(_E * s) / _E))


def geodetic(xyz: Floats) -> tuple[Floats, Floats]:
    """Return lon, lat of points on the ellipsoid, from earth-centred coordinates."""
    rows = xyz.reshape(-1, 3)
    lon, lat = np.empty(len(rows)), np.empty(len(rows))
    for first in range(0, len(rows), _BLOCK):
        some = slice(first, first + _BLOCK)
        x, y, z = np.ascontiguousarray(rows[some].T)
        np.multiply(np.arctan2(y, x), _DEGREE, out=lon[some])
        np.multiply(np.arctan2(z, np.sqrt(x * x + y * y) * (1.0 - E2)), _DEGREE, out=lat[some])
    return lon.reshape(xyz.shape[:-1]), lat.reshape(xyz.shape[:-1])


def lift(a: Floats, d: Floats) -> Floats:
    """Return four times the height of the arc above the middle of its chord, as a vector.

    `a` is the start of the chord and `d` the chord, both earth-centred, shape (n, 3).
    """
    axes = np.array([EQUATOR_M, EQUATOR_M, POLE_M]) ** -2.0
    up = (a + 0.5 * d) * axes
    size = np.sqrt(np.einsum("ij,ij->i", up, up))
    bent = np.einsum("ij,j->i", d * d, axes)  # d² times the normal curvature, times `size`
    return np.asarray(up * (0.5 * bent / (size * size))[:, None])


@kernel(inline=True)
def bulge(ax, ay, az, dx, dy, dz):
    """Return what `lift` does, for one chord."""
    ux, uy, uz = (ax + 0.5 * dx) * PER_A2, (ay + 0.5 * dy) * PER_A2, (az + 0.5 * dz) * PER_B2
    h = 0.5 * (PER_A2 * (dx * dx + dy * dy) + PER_B2 * dz * dz) / (ux * ux + uy * uy + uz * uz)
    return ux * h, uy * h, uz * h


@kernel(inline=True)
def ground(x, y, z):
    """Move a point near the ellipsoid onto it."""
    h = 1.0 / sqrt(PER_A2 * (x * x + y * y) + PER_B2 * z * z)
    return x * h, y * h, z * h


@kernel(inline=True)
def up(x, y, z):
    """Return the direction up at a point of the ellipsoid."""
    ux, uy, uz = x * PER_A2, y * PER_A2, z * PER_B2
    h = 1.0 / sqrt(ux * ux + uy * uy + uz * uz)
    return ux * h, uy * h, uz * h


def to_wgs84(xy: Floats, crs: pyproj.CRS, what: str) -> Floats:
    """Turn coordinates into lon, lat on WGS 84.

    Parameters
    ----------
    xy : ndarray, shape (n, 2)
        x and y; lon and lat where `crs` is geographic, whatever its axis order says.
    crs : pyproj.CRS
    what : str
        The argument's name, for messages.

    Returns
    -------
    ndarray, shape (n, 2)
        `xy` itself where `crs` is WGS 84. Infinite where the operation doesn't reach.

    Raises
    ------
    CRSError
        No operation of a stated accuracy is known or installed, or degrees bear the name of a
        projection.
    """
    if crs == WGS84:
        return xy
    if len(xy):
        _refuse_degrees(crs, (*xy.min(axis=0), *xy.max(axis=0)), what)
    operation = _require_operation(crs, what)
    if operation is None:
        return xy
    moved = np.column_stack(operation.transform(xy[:, 0], xy[:, 1]))
    limit = np.array([180.0, 90.0])
    clipped = np.clip(moved, -limit, limit)
    return np.where(np.abs(clipped - moved) <= _ROUNDING, clipped, moved)


def from_wgs84(xy: Floats, crs: pyproj.CRS, what: str) -> Floats:
    """Turn lon, lat on WGS 84 into coordinates of a CRS.

    Parameters
    ----------
    xy : ndarray, shape (n, 2)
        Degrees.
    crs : pyproj.CRS
    what : str
        The name of the data in that CRS, for messages.

    Returns
    -------
    ndarray
        x and y; lon and lat where `crs` is geographic. Infinite where the operation doesn't reach.

    Raises
    ------
    CRSError
        As `to_wgs84`.
    """
    operation = _require_operation(crs, what)
    if operation is None:
        return xy
    return np.column_stack(operation.transform(xy[:, 0], xy[:, 1], direction="INVERSE"))


def _require_operation(crs: pyproj.CRS, what: str) -> pyproj.Transformer | None:
    """Return the operation to WGS 84, None where none is needed; refuse a CRS without one."""
    try:
        operation = _operation(crs)
        why = _explain(crs) if operation is None and not _is_wgs84(crs) else None
    except pyproj.exceptions.ProjError:  # PROJ can't write every CRS that it can read
        operation, why = None, 'its description is damaged. State it, such as crs="EPSG:32642".'
    if why is not None:
        raise CRSError(f"{what} is in {crs.name!r}, which can't be turned into lon, lat: {why}")
    return operation


@lru_cache(maxsize=64)
def _is_wgs84(crs: pyproj.CRS) -> bool:
    return crs.equals(WGS84, ignore_axis_order=True)


@lru_cache(maxsize=64)
def _operation(crs: pyproj.CRS) -> pyproj.Transformer | None:
    """Return the operation to lon, lat on WGS 84; None where none is needed or known."""
    if crs.is_geocentric or _is_wgs84(crs):
        return None
    try:
        return pyproj.Transformer.from_crs(crs, WGS84, always_xy=True, allow_ballpark=False)
    except pyproj.exceptions.ProjError:
        pass
    if not _has_datum_of_wgs84(crs):
        return None
    # PROJ's ballpark operation between these leaves lon and lat as they are.
    return pyproj.Transformer.from_crs(crs, WGS84, always_xy=True)


def _has_datum_of_wgs84(crs: pyproj.CRS) -> bool:
    """Return whether a CRS is on the datum of WGS 84 under another name and needs no shift."""
    base = crs.geodetic_crs
    if base is None or base.datum is None or crs.is_bound:
        return False
    if base.datum.name == _SAME_DATUM:
        return True
    return base.datum.name.startswith("Unknown") and base.datum.ellipsoid == WGS84.ellipsoid


def _explain(crs: pyproj.CRS) -> str:
    """Return the reason why a CRS is refused, with advice."""
    if crs.is_geocentric:
        return (
            "it has X, Y, Z from the centre of the earth. Reproject all three to EPSG:4979 first."
        )
    if crs.geodetic_crs is None:
        return "it has no known place on the earth. Say where it is with set_crs(…)."
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pyproj's word for the same
        missing = TransformerGroup(crs, WGS84, always_xy=True).unavailable_operations
    if missing:
        grids = [g.short_name for operation in missing for g in operation.grids if not g.available]
        return (
            f"that needs files that aren't installed "
            f"({', '.join(dict.fromkeys(grids)) or missing[0].name}). Get them with `pyproj sync`, "
            "or reproject to EPSG:4326 yourself."
        )
    sisters = _sisters(crs.geodetic_crs)
    hint = f"the sheet may be in {sisters}, which has one; " if sisters else ""
    return (
        "no shift from its datum to WGS 84 is published, and places could be hundreds of metres "
        f"off; {hint}or use a CRS that says the shift with +towgs84=…, or, where that is good "
        "enough, turn it into degrees and call them set_crs(4326, allow_override=True)."
    )


def _sisters(base: pyproj.CRS) -> str:
    """Return other geographic CRSs of the same family for which an operation is known."""
    family = base.name.split()[0]
    names = []
    for info in query_crs_info("EPSG", PJType.GEOGRAPHIC_2D_CRS):
        if info.name.split()[0] != family or info.name == base.name:
            continue
        if _operation(pyproj.CRS.from_epsg(int(info.code))) is not None:
            names.append(f"EPSG:{info.code} ({info.name})")
    return " or ".join(names[:4])


def _refuse_degrees(crs: pyproj.CRS, bounds: Box, what: str) -> None:
    """Refuse degrees under a projected CRS: all would lie at its origin."""
    if not crs.is_projected:
        return
    west, south, east, north = map(float, bounds)
    # In any unit of length such a box is tiny and at the projection's origin.
    if west >= -180 and south >= -90 and east <= 180 and north <= 90:
        raise CRSError(
            f"{what} is in {crs.name!r}, which is projected, but x runs from {west:g} to "
            f"{east:g} and y from {south:g} to {north:g}: these look like degrees. If they are, "
            "say so with set_crs(4326, allow_override=True)."
        )

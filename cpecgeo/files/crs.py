"""The CRS that a caller states, and Chinese maps, which are shifted by some 500 m: GCJ-02, BD-09.

Neither of the two systems is officially published. The formulas were found by reverse engineering
(W. Jiang and others, "eviltransform", 2013), and they match the maps of both providers. The forward
shift is a closed formula. Its inverse is found by iteration, which converges within 1e-9 degrees.
The formulas apply to a box that reaches beyond China's borders. Points in it on Pakistan's side of
the border are left as they are, because maps of Pakistan aren't shifted.
"""

from __future__ import annotations

import re

import geopandas as gpd
import numpy as np
import pyproj
from numpy.typing import NDArray

from cpecgeo.errors import CRSError, InputError
from cpecgeo.files.disk import first_line
from cpecgeo.files.formats import Choice, Format

__all__ = ["is_shifted", "resolve_crs", "set_crs", "undo_shift"]

Floats = NDArray[np.float64]

# Krasovsky's ellipsoid, used to convert the shift from metres to degrees.
_AXIS = 6_378_245.0
_ECCENTRICITY2 = 0.00669342162296594323
_TURN = np.pi * 3000.0 / 180.0
# The box in which the formulas apply.
_BOX = (72.004, 0.8293, 137.8347, 55.8271)
# China's western border, from Tajikistan along Pakistan to Ladakh, within some 10 km (drawn from
# Natural Earth, public domain). South of it isn't China.
_BORDER = np.array([
    (73.6, 39.3), (73.85, 38.6), (74.8, 38.2), (74.89, 37.25), (75.15, 37.0), (75.4, 36.85),
    (75.6, 36.75), (75.95, 36.2), (76.15, 35.85), (76.55, 35.8), (76.8, 35.65), (77.8, 35.5),
    (78.3, 34.65), (79.0, 32.4),
])  # fmt: skip
_ROUNDS = 30
_NAMES = {"gcj02": "GCJ-02", "bd09": "BD-09"}


def is_shifted(crs: object) -> str | None:
    """Return "GCJ-02" or "BD-09" where a CRS names one of them, else None.

    Examples
    --------
    >>> is_shifted("gcj02"), is_shifted("EPSG:4326")
    ('GCJ-02', None)
    """
    if not isinstance(crs, str):
        return None
    return _NAMES.get(re.sub(r"[\s_-]", "", crs).casefold())


def resolve_crs(crs: object) -> pyproj.CRS:
    """Return the CRS of positions in a table: lon, lat on WGS 84 unless a known one is given.

    Examples
    --------
    >>> resolve_crs("GCJ-02").to_epsg(), resolve_crs(32642).is_projected
    (4326, True)
    """
    if crs is None or is_shifted(crs):
        return pyproj.CRS(4326)
    try:
        return pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError as error:
        raise CRSError(
            f"crs is {str(crs)[:60]!r}, which isn't known ({first_line(error)}); write it as "
            '"EPSG:32642", "GCJ-02" or "BD-09".'
        ) from error


def set_crs(frame: gpd.GeoDataFrame, what: str, choice: Choice, form: Format) -> gpd.GeoDataFrame:
    """Set the CRS that the caller gave where the file has none."""
    own = frame.crs
    if form.name in {"CSV", "Excel"}:
        return frame
    if choice.crs is None:
        if own is None and form.is_lonlat:
            return frame.set_crs(4326)
        if own is None:
            raise CRSError(
                f"{what} has no CRS; state it with crs=, such as EPSG:4326 for lon, lat."
            )
        return frame
    stated = resolve_crs(choice.crs)
    if own is None or (form.is_lonlat and own.to_epsg() == 4326):
        return frame.set_crs(stated, allow_override=True)
    if not stated.equals(own, ignore_axis_order=True):
        raise CRSError(
            f"{what} states its own CRS, {own.name}, and crs={choice.crs!r} is another; leave "
            "crs= out, or reproject after reading."
        )
    return frame


def undo_shift(lonlat: Floats, system: str) -> Floats:
    """Undo the shift of Chinese maps.

    `lonlat` has shape (n, 2), in degrees as on the map; NaN stays NaN. The forward formula gives
    the input back within 0.01 m.

    Raises
    ------
    InputError
        Points of BD-09 outside China, where the system isn't defined.

    Examples
    --------
    >>> undo_shift(np.array([[116.404, 39.915]]), "GCJ-02").round(5)
    array([[116.39776,  39.9136 ]])
    """
    target = np.asarray(lonlat, float)
    inside = _inside(target)
    if system == "BD-09" and not (inside | np.isnan(target).any(axis=1)).all():
        raise InputError(
            f"{int((~inside).sum())} points lie outside China, where BD-09 isn't defined; check "
            "that they are BD-09, or leave them out."
        )
    found = target.copy()
    wanted = target[inside]
    guess = wanted.copy()
    for _ in range(_ROUNDS):
        missed = wanted - _shift(guess, system)
        guess += missed
        if not len(missed) or np.abs(missed).max() < 1e-11:
            break
    found[inside] = guess
    return found


def _shift(lonlat: Floats, system: str) -> Floats:
    lon, lat = lonlat.T
    x, y = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    ripple = 20 * np.sin(6 * np.pi * x) + 20 * np.sin(2 * np.pi * x)
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north += (ripple + 20 * np.sin(np.pi * y) + 40 * np.sin(np.pi * y / 3)) * 2 / 3
    north += (160 * np.sin(np.pi * y / 12) + 320 * np.sin(np.pi * y / 30)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    east += (ripple + 20 * np.sin(np.pi * x) + 40 * np.sin(np.pi * x / 3)) * 2 / 3
    east += (150 * np.sin(np.pi * x / 12) + 300 * np.sin(np.pi * x / 30)) * 2 / 3
    phi = np.radians(lat)
    bend = 1 - _ECCENTRICITY2 * np.sin(phi) ** 2
    meridian = _AXIS * (1 - _ECCENTRICITY2) / bend**1.5
    parallel = _AXIS / np.sqrt(bend) * np.cos(phi)
    shifted = np.column_stack(
        (lon + np.degrees(east / parallel), lat + np.degrees(north / meridian))
    )
    return shifted if system == "GCJ-02" else _to_baidu(shifted)


def _to_baidu(gcj: Floats) -> Floats:
    lon, lat = gcj.T
    radius = np.hypot(lon, lat) + 2e-5 * np.sin(lat * _TURN)
    angle = np.arctan2(lat, lon) + 3e-6 * np.cos(lon * _TURN)
    return np.column_stack((radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006))


def _inside(lonlat: Floats) -> NDArray[np.bool_]:
    west, south, east, north = _BOX
    lon, lat = lonlat.T
    border = np.interp(lon, _BORDER[:, 0], _BORDER[:, 1], left=90.0, right=-90.0)
    inside: NDArray[np.bool_] = (
        (lon > west) & (lon < east) & (lat > np.maximum(south, border)) & (lat < north)
    )
    return inside

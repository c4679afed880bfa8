"""Areas that cross themselves, overlap or share edges, and parts without vertices.

Validity is that of a plane, as in OGC Simple Features. Rings over the antimeridian are unrolled
first, and rings around a pole are looked at in a plane around that pole.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from cpecgeo.geodesy._ellipsoid import Floats, Ints
from cpecgeo.geodesy._paths import densified

__all__ = ["drop_empty_parts", "find_invalid", "mend"]

_EDGE_KM = 50.0
_POLAR_DEG = 75.0
_DIGITS = 10  # of degrees: hundredths of a millimetre
_MULTI = (4, 5, 6)
_AREAS = (3, 6)
_Chart = Callable[[Floats], Floats]


def drop_empty_parts(array: NDArray[Any], kind: NDArray[Any]) -> NDArray[Any]:
    """Drop parts and inner rings that have no vertices.

    GEOS keeps them, and arrays made of them lose count of what belongs to what.

    Parameters
    ----------
    array : ndarray of geometries
    kind : ndarray of int
        Their type ids.

    Returns
    -------
    ndarray of geometries
        `array` itself where there is nothing to drop.
    """
    several = np.flatnonzero(np.isin(kind, _MULTI))
    parts, owner = shapely.get_parts(array[several], return_index=True)
    found = set(several[owner[shapely.is_empty(parts)]].tolist())
    areas = np.flatnonzero(np.isin(kind, _AREAS))
    parts, owner = shapely.get_parts(array[areas], return_index=True)
    holed = np.flatnonzero(shapely.get_num_interior_rings(parts) > 0)
    rings, part = shapely.get_rings(parts[holed], return_index=True)
    found |= set(areas[owner[holed[part[shapely.is_empty(rings)]]]].tolist())
    if not found:
        return array
    array = array.copy()
    for row in found:
        array[row] = _without_empty_parts(array[row])
    return array


def _without_empty_parts(geometry: Any) -> Any:
    parts = [p for p in shapely.get_parts(geometry) if not p.is_empty]
    if parts and parts[0].geom_type == "Polygon":
        parts = [shapely.Polygon(p.exterior, _full(p.interiors)) for p in parts]
    return type(geometry)(parts) if hasattr(geometry, "geoms") else parts[0]


def _full(rings: Any) -> list[Any]:
    return [r for r in rings if not r.is_empty]


def find_invalid(array: NDArray[Any], kind: NDArray[Any]) -> Ints:
    """Find the polygons that are not valid; other kinds always are.

    Parameters
    ----------
    array : ndarray of geometries
        In lon, lat.
    kind : ndarray of int
        Their type ids.

    Returns
    -------
    ndarray of int
        Their positions, ascending.
    """
    rows = np.flatnonzero(np.isin(kind, _AREAS))
    if len(rows) == 0:
        return rows
    areas = array[rows]
    doubtful = ~shapely.is_valid(areas)
    doubtful[_over_antimeridian(areas)] = True
    # Long edges may cross as straight lines and not as geodesics; and the other way round, but
    # that harms nothing.
    dense = densified(areas[doubtful], _EDGE_KM)
    # Rounded, so that an edge and its way back have their cuts in the same places.
    dense = shapely.transform(dense, lambda xy: np.round(xy, _DIGITS))
    drawn = np.empty(len(dense), dtype=object)
    for i, area in enumerate(dense):
        drawn[i] = shapely.transform(area, _chart(area)[0])
    return np.asarray(rows[doubtful][~shapely.is_valid(drawn)])


def mend(array: NDArray[Any], rows: Ints) -> NDArray[Any]:
    """Replace polygons by valid ones that cover the same ground; None for those without area.

    Parameters
    ----------
    array : ndarray of geometries
    rows : ndarray of int
        From `find_invalid`.

    Returns
    -------
    ndarray of geometries
    """
    array = array.copy()
    for row in rows:
        there, back = _chart(array[row])
        mended = shapely.transform(_make_valid(shapely.transform(array[row], there)), back)
        array[row] = None if mended.is_empty else mended
    return array


def _make_valid(geometry: Any) -> Any:
    """Unite what overlaps; what has collapsed to lines or points is left out."""
    return shapely.make_valid(geometry, method="structure", keep_collapsed=False)


def _over_antimeridian(areas: NDArray[Any]) -> Ints:
    """Which polygons have an edge over the antimeridian; those cut there don't."""
    parts, owner = shapely.get_parts(areas, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    step = np.abs(np.diff(xy[:, 0]))
    # A step of 360° is from one side of the antimeridian to the other, in the same place.
    over = (step > 180.0) & (step < 360.0) & (ring[1:] == ring[:-1])
    return np.unique(owner[part[ring[1:][over]]])


def _chart(area: Any) -> tuple[_Chart, _Chart]:
    """A plane in which a polygon is in one piece, wherever it is, and the way back."""
    parts, part_of_ring = shapely.get_rings(shapely.get_parts(area), return_index=True)
    rings = [shapely.get_coordinates(ring) for ring in parts]
    unrolled = [np.unwrap(xy[:, 0], period=360.0) for xy in rings]
    lat = np.concatenate(rings)[:, 1]
    # Around a pole a ring doesn't close in lon, lat, and near one edges are bent there.
    if any(abs(v[-1] - v[0]) > 180.0 for v in unrolled) or np.abs(lat.mean()) > _POLAR_DEG:
        return _polar_chart(1.0 if lat.mean() >= 0 else -1.0)
    for v in unrolled:
        v[-1] = v[0]  # to the last digit
    # Shells lie within half a turn of the first one, holes within half a turn of their shell.
    middle = np.array([lon.mean() for lon in unrolled])
    shell = np.searchsorted(part_of_ring, part_of_ring)
    turns = np.round((middle[0] - middle) / 360.0)
    turns = turns[shell] + np.round((middle[shell] - middle) / 360.0)
    lon = np.concatenate([v + 360.0 * n for v, n in zip(unrolled, turns, strict=True)])

    def unroll(xy: Floats) -> Floats:
        return np.column_stack((lon, xy[:, 1]))

    def roll(xy: Floats) -> Floats:
        lon = np.where(np.abs(xy[:, 0]) > 180.0, (xy[:, 0] + 180.0) % 360.0 - 180.0, xy[:, 0])
        return np.column_stack((lon, xy[:, 1]))

    return unroll, roll


def _polar_chart(pole: float) -> tuple[_Chart, _Chart]:
    """The plane around a pole, 1 for the north and -1 for the south, and the way back."""

    def to_plane(xy: Floats) -> Floats:
        away, angle = 90.0 - pole * xy[:, 1], np.radians(xy[:, 0])
        return np.column_stack((away * np.cos(angle), away * np.sin(angle)))

    def from_plane(xy: Floats) -> Floats:
        away, angle = np.hypot(xy[:, 0], xy[:, 1]), np.arctan2(xy[:, 1], xy[:, 0])
        return np.column_stack((np.degrees(angle), pole * (90.0 - away)))

    return to_plane, from_plane

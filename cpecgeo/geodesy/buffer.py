"""Buffers whose boundary is at a geodesic distance, to a stated tolerance."""

from __future__ import annotations

from typing import Any, Literal

import geopandas as gpd
import numpy as np
import shapely

from cpecgeo.errors import GeometryError, InputError, InputTypeError
from cpecgeo.geodesy._ellipsoid import ATTRS, EQUATOR_M, Floats
from cpecgeo.geodesy._outline import Outline, close, settle
from cpecgeo.geodesy._paths import densify_array
from cpecgeo.geodesy._plane import Plane, caps, guess
from cpecgeo.geodesy.inputs import GeometryLike, check
from cpecgeo.geodesy.nearest import Index

__all__ = ["buffer"]

_LEAST_KM, _MOST_KM = 1e-3, 5_000.0
_LEAST_RTOL, _MOST_RTOL = 1e-7, 1e-2
_DEGREE_M = 111_000.0
_REPAIRS = 4  # most times that a boundary which crosses itself is settled anew
_LEAST_DEGREE_M = 110_000.0  # of latitude


def buffer(
    x: GeometryLike,
    km: float,
    *,
    rtol: float = 1e-4,
    cap: Literal["round", "flat"] = "round",
    side: Literal["left", "right"] | None = None,
) -> Any:
    """Return all that is within `km` of geometries, on the ellipsoid.

    Parameters
    ----------
    x : geometry, GeoSeries or GeoDataFrame
        Points, lines, polygons, multi or not, in any CRS. Edges are geodesics.
    km : float
        Radius, 0.001 to 5,000. Negative shrinks polygons.
    rtol : float
        Every vertex of the boundary and every middle of its edges is within this share of
        `km` from the true distance; 1e-7 to 1e-2.
    cap : {"round", "flat"}
        Ends of lines: half a disc, or cut off at a right angle.
    side : {"left", "right"}, optional
        Only that side of lines, as seen along them; ends are flat then.

    Returns
    -------
    Polygon, MultiPolygon or GeoSeries
        EPSG:4326, valid, cut in two at the antimeridian as GeoJSON asks. A GeoSeries keeps
        the index; None stays. A polygon that shrinks to nothing is an empty one.

    Raises
    ------
    InputError
        `km` or `rtol` out of range, or `side` or flat caps together with other than lines.
    GeometryError
        One geometry reaches more than 110° around the earth, or `km` is negative and it
        isn't a polygon.

    Notes
    -----
    A conformal plane gives the first guess, and so which stretches belong to the boundary;
    then each vertex is moved along the geodesic from its closest point to the exact
    distance, and edges are split until their middles hold too.

    Examples
    --------
    >>> from shapely.geometry import LineString
    >>> from cpecgeo.geodesy import area_km2
    >>> strip = buffer(LineString([(67, 25), (71, 34)]), 10, cap="flat")
    >>> round(area_km2(strip) / 20)
    1070
    """
    _check(km, rtol, cap, side)
    source = check(x, missing="keep")
    array, kind = source.geoms, source.kind
    lines = (kind == 1) | (kind == 2) | (kind == 5)
    areas = (kind == 3) | (kind == 6)
    given = kind >= 0
    if (side is not None or cap == "flat") and (given & ~lines).any():
        raise InputError('flat caps and side="…" are for lines; x has other kinds as well.')
    if km < 0 and (given & ~areas).any():
        raise GeometryError(
            f"km is {km}; only polygons can shrink, and x has points or lines. Give km above 0."
        )
    result = array.copy()
    flat = cap == "flat" or side is not None
    for row in np.flatnonzero(given):
        result[row] = _one(array[row], float(km), rtol, flat=flat, side=side)
    if source.single:
        return result[0]
    answer = gpd.GeoSeries(result, index=source.index, crs="EPSG:4326", name=source.name)
    answer.attrs = {"method": f"geodesic buffer, rtol {rtol}", **ATTRS}
    return answer


def _check(km: float, rtol: float, cap: str, side: str | None) -> None:
    if not isinstance(km, (int, float, np.integer, np.floating)):
        raise InputTypeError(f"km is {km!r}; a number of kilometres is needed, such as km=10.")
    if not _LEAST_KM <= abs(km) <= _MOST_KM:
        raise InputError(f"km is {km}; a buffer's radius is {_LEAST_KM} to {_MOST_KM:,} km.")
    if not isinstance(rtol, (int, float, np.integer, np.floating)):
        raise InputTypeError(f"rtol is {rtol!r}; a number is needed, such as rtol=1e-4.")
    if not _LEAST_RTOL <= rtol <= _MOST_RTOL:
        raise InputError(f"rtol is {rtol}; it must be within {_LEAST_RTOL} and {_MOST_RTOL}.")
    if cap not in ("round", "flat"):
        raise InputError(f'cap is {cap!r}; choose "round" or "flat".')
    if side not in (None, "left", "right"):
        raise InputError(f'side is {side!r}; choose "left", "right" or None.')
    if side is not None and km < 0:
        raise InputError(f"km is {km} with side={side!r}; take the other side instead.")


def _one(geometry: Any, km: float, rtol: float, *, flat: bool, side: str | None) -> Any:
    """Return the buffer of one geometry."""
    metres = abs(km) * 1e3
    xy = shapely.get_coordinates(geometry)
    plane = Plane.around(xy)
    dense = densify_array(np.array([geometry], dtype=object), _step_km(xy, plane, metres))[0]
    drawn = shapely.transform(dense, plane.project)
    area = drawn if dense.geom_type.endswith("Polygon") else None
    bound = shapely.boundary(drawn) if area is not None else drawn
    parts = shapely.get_parts(bound)
    is_spot = shapely.get_type_id(parts) == 0
    lines = [shapely.get_coordinates(p) for p in parts[~is_spot]]
    shape = guess(lines, shapely.get_coordinates(parts[is_spot]), metres)
    if area is not None:
        area = area if area.is_valid else shapely.make_valid(area)
        shape = area.union(shape) if km > 0 else area.difference(shape)
    if flat:
        shape = _cut(shape, lines, metres, side, plane, geometry)
    if shape.is_empty:
        return shapely.Polygon()
    edge = geometry.boundary if area is not None else geometry
    index = Index.of_checked(np.array([edge], dtype=object))
    whole = index if area is None else Index.of_checked(np.array([geometry], dtype=object))

    def inside(spots: Floats) -> Any:
        if area is None:
            return index.find(spots).metres[:, 0] <= metres
        within = whole.find(spots).metres[:, 0]
        if km > 0:
            return within <= metres
        return (within == 0) & (index.find(spots).metres[:, 0] >= metres)

    # Edges of `dense` reach less than a degree beyond their ends.
    reach = np.abs(shapely.get_coordinates(dense)[:, 1]).max() + metres / _LEAST_DEGREE_M + 1.0
    poles = np.array([[0.0, 90.0], [0.0, -90.0]])
    near_pole = (area is not None or reach > 90.0) and bool(np.any(inside(poles)))
    thin = 2.0 * rtol * metres / _DEGREE_M
    shape = shapely.transform(shape, plane.unproject)
    for _ in range(_REPAIRS):
        rings = settle(_outline(shape, index, metres, flat=flat), index, metres, rtol)
        shape, crossed = close(_closed(rings), inside, poles=near_pole, thin=thin)
        if not crossed or shape.is_empty:
            break
    return shape


def _step_km(xy: Floats, plane: Plane, metres: float) -> float:
    """Edges this long are straight in the plane to a thousandth of the radius."""
    away = plane.reach(xy) + 1e5
    bend = away / (2.0 * EQUATOR_M**2)
    return min(100.0, max(0.2, float(np.sqrt(8e-3 * metres / bend)) / 1e3))


def _cut(
    shape: Any, lines: list[Floats], metres: float, side: str | None, plane: Plane, geometry: Any
) -> Any:
    """Return what is left of a buffer without round ends, on one side of its lines or both."""
    net, ends = [shape.boundary], [np.empty((0, 2))]
    for line in lines:
        if (line[0] != line[-1]).any():
            across, tips = caps(line, metres)
            net += list(across)
            ends.append(tips)
        if side is not None:
            net.append(shapely.LineString(line))
    faces = shapely.get_parts(shapely.polygonize([shapely.union_all(net)]))
    spots = shapely.get_coordinates(shapely.point_on_surface(faces))
    found = Index(geometry).find(plane.unproject(spots))
    feet = plane.project(np.column_stack((found.lon[:, 0], found.lat[:, 0])))
    away = np.linalg.norm(feet[:, None] - np.concatenate(ends), axis=2)
    keep = shapely.intersects_xy(shape, spots) & ~(away < 1e-3).any(axis=1)
    if side is not None:
        keep &= found.side[:, 0] == (1 if side == "left" else -1)
    return shapely.union_all(faces[keep])


def _outline(shape: Any, index: Index, metres: float, *, flat: bool) -> Outline:
    """Return the rings of a guess, and which of their vertices stay put."""
    rings = shapely.get_rings(shapely.get_parts(shape))
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    keep = np.append(ring[1:] == ring[:-1], False)  # the last vertex repeats the first
    xy, ring = xy[keep], ring[keep]
    fixed = np.zeros(len(xy), bool)
    if flat:
        fixed = index.find(xy).metres[:, 0] < 0.5 * metres
    return Outline(xy, ring, fixed)


def _closed(outline: Outline) -> list[Floats]:
    """Rings with their first vertex repeated; those of fewer than three are nothing."""
    starts = np.flatnonzero(np.diff(outline.ring, prepend=-1))
    runs = np.split(outline.xy, starts[1:])
    return [np.vstack((r, r[:1])) for r in runs if len(r) > 2]

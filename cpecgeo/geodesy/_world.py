"""Rings on the globe as valid polygons in lon, lat, cut at the antimeridian."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import shapely

from cpecgeo.geodesy._ellipsoid import Floats

__all__ = ["polygons"]


def polygons(
    rings: list[Floats], inside: Callable[[Floats], Any], *, poles: bool, thin: float
) -> tuple[Any, bool]:
    """The area that rings bound, and whether it differs from them where they cross.

    Parameters
    ----------
    rings : list of ndarray, shape (n, 2)
        lon, lat, closed.
    inside : callable
        Whether places, shape (n, 2), are in the area.
    poles : bool
        Whether a pole may be in the area, so that lon, lat tell nothing by themselves.
    thin : float
        Degrees; where a ring crosses itself, specks narrower than this are dropped.

    Returns
    -------
    Polygon or MultiPolygon
        Valid, with longitudes within ±180°.
    bool
        Whether a ring crossed itself, so that its crossings became vertices.
    """
    crossing = any((np.abs(np.diff(r[:, 0])) > 180.0).any() for r in rings)
    if not rings and not poles:
        return shapely.Polygon(), False
    if not (crossing or poles):
        return _plain(rings, inside, thin)
    cuts = [part for ring in rings for part in _unrolled(ring)]
    world = shapely.box(-180.0, -90.0, 180.0, 90.0)
    return _faces([*cuts, world.exterior], inside), False


def _plain(rings: list[Floats], inside: Callable[[Floats], Any], thin: float) -> tuple[Any, bool]:
    """Rings into polygons by nesting: what is in an odd number of rings is area."""
    shapes = np.atleast_1d(shapely.polygons([shapely.linearrings(r) for r in rings]))
    if not shapely.is_valid(shapes).all():
        return _untangled(rings, inside, thin), True
    order = np.argsort(-shapely.area(shapes))
    whole = shapes[order[0]]
    if len(order) == 1:
        return whole, False
    tree = shapely.STRtree(shapes)
    firsts = shapely.points(np.array([r[0] for r in rings]))
    inner, outer = tree.query(firsts, predicate="within")
    depth = np.bincount(inner[inner != outer], minlength=len(shapes))
    area = shapely.union_all(shapes[depth % 2 == 0])
    return shapely.difference(area, shapely.union_all(shapes[depth % 2 == 1])), False


def _untangled(rings: list[Floats], inside: Callable[[Floats], Any], thin: float) -> Any:
    """The area that crossing rings bound, without the specks at their crossings.

    Winding tells nothing there: where a boundary meets itself across a narrow strait, the bay
    behind it is outside; where it has folded over, what it went round twice is inside.
    """
    area = _faces([shapely.LineString(r) for r in rings], inside)
    parts = _broad(shapely.get_parts(area), thin)
    holes = np.concatenate([np.empty(0, dtype=object), *(p.interiors for p in parts)])
    lakes = _broad(shapely.polygons(holes), thin) if len(holes) else holes
    land = shapely.union_all([shapely.Polygon(p.exterior) for p in parts])
    return shapely.difference(land, shapely.union_all(lakes))


def _broad(shapes: Any, thin: float) -> Any:
    """Polygons but for the specks among them."""
    width = 2.0 * shapely.area(shapes) / np.maximum(shapely.length(shapes), 1e-300)
    return shapes[width > thin]


def _faces(lines: list[Any], inside: Callable[[Floats], Any]) -> Any:
    """What lines enclose, where that is inside."""
    faces = shapely.get_parts(shapely.polygonize([shapely.union_all(lines)]))
    spots = shapely.get_coordinates(shapely.point_on_surface(faces))
    return shapely.union_all(faces[np.asarray(inside(spots), dtype=bool)])


def _unrolled(ring: Floats) -> list[Any]:
    """A ring as lines within ±180°, cut where it passes the antimeridian."""
    lon, lat = ring.T
    lines = []
    run = [ring[0]]
    for i in range(1, len(ring)):
        step = lon[i] - lon[i - 1]
        if abs(step) > 180.0:
            side = 180.0 if step < 0 else -180.0  # leaves by this side
            full = step + (360.0 if step < 0 else -360.0)
            share = (side - lon[i - 1]) / full if full else 0.5
            at = lat[i - 1] + share * (lat[i] - lat[i - 1])
            run.append(np.array([side, at]))
            lines.append(run)
            run = [np.array([-side, at])]
        run.append(ring[i])
    lines.append(run)
    return [shapely.LineString(r) for r in lines if len(r) > 1]

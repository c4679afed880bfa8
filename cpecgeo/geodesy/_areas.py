"""Which points are inside which polygons, when the edges are geodesics."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from cpecgeo.geodesy._ellipsoid import GEOD, Floats, Ints
from cpecgeo.geodesy._found import Found
from cpecgeo.geodesy._paths import Paths, densified

__all__ = ["Areas"]

# Straight edges in lon, lat leave a geodesic of this length by less than `_DOUBT_M`, up to
# 89.9° of latitude: length² × tan(latitude) / (8 × radius).
_EDGE_KM = 2.0
_DOUBT_M = 50.0
# Unrolled rings begin within ±180° and go on for a turn at most.
# What the entry of a polygon has that a point is in; 0 for the rest.
_TURNS = (-2, -1, 0, 1, 2)
_ENTERED = {"piece": -1, "path": -1, "along": np.nan}


@dataclass(frozen=True)
class Areas:
    """Polygons with short edges, for a planar test that only errs close to the boundary.

    Parameters
    ----------
    polygons : ndarray of geometries
        Not None only where the geometry has an area.
    left_inside : dict
        (target, path) of each ring: whether the polygon is on its left.
    """

    polygons: NDArray[Any]
    left_inside: dict[tuple[int, int], bool]

    @classmethod
    def of(cls, geoms: NDArray[Any], flat: Paths) -> Areas | None:
        """The areas among `geoms`; None if there are none."""
        kind = shapely.get_type_id(geoms)
        is_area = (kind == 3) | (kind == 6)
        if not is_area.any():
            return None
        short = np.full(len(geoms), None, dtype=object)
        short[is_area] = densified(geoms[is_area], _EDGE_KM)
        for at in _passing(short):
            short[at] = _cut(short[at])
        shapely.prepare(short)
        first = np.searchsorted(flat.owner, flat.owner)
        begins = np.flatnonzero(np.diff(flat.path, prepend=-1))
        ends = np.append(begins[1:], len(flat.path))
        left = {}
        for ring in np.flatnonzero(flat.ring):
            xy = flat.xy[begins[ring] : ends[ring]]
            ccw = GEOD.polygon_area_perimeter(xy[:, 0], xy[:, 1])[0] > 0
            left[int(flat.owner[ring]), int(ring - first[ring])] = bool(ccw != flat.hole[ring])
        return cls(short, left)

    @property
    def nbytes(self) -> int:
        """Memory held by the short edges, in bytes."""
        return int(shapely.get_num_coordinates(self.polygons).sum()) * 16

    def include(self, xy: Floats, found: Found, k: int) -> Found:
        """`found` with distance 0 to the polygons that points are in."""
        here = np.flatnonzero(~shapely.is_missing(self.polygons))
        count = len(self.polygons)
        # The tree is of the points: polygons that ask are prepared, polygons in a tree aren't.
        tree = shapely.STRtree(shapely.points(xy))
        area, row = tree.query(self.polygons[here], predicate="intersects")
        pairs = row * count + here[area]
        # Close to a boundary the side of it decides.
        r, j = np.nonzero(found.metres < _DOUBT_M)
        left, known = self._left_inside(found.target[r, j], found.path[r, j])
        r, j, left = r[known], j[known], left[known]
        side = found.side[r, j]
        inside = (side == 0) | ((side > 0) == left)
        close = r * count + found.target[r, j]
        pairs = pairs[~np.isin(pairs, close[~inside], assume_unique=True, kind="sort")]
        pairs = np.sort(np.concatenate((pairs, close[inside])))
        pairs = pairs[np.diff(pairs, prepend=-1) != 0]
        result = replace(found, metres=found.metres.copy())
        if len(pairs):
            _put(result, xy, pairs // count, pairs % count, k)
        return result

    def hold(self, target: Ints) -> NDArray[np.bool_]:
        """Which of these targets are polygons; -1 is none."""
        return np.append(~shapely.is_missing(self.polygons), False)[target]

    def _left_inside(self, target: Ints, path: Ints) -> tuple[NDArray[Any], NDArray[Any]]:
        """For each ring: whether the polygon is on its left, and whether it is one at all."""
        rings = np.array(sorted(self.left_inside), np.int64).reshape(-1, 2)
        step = 1 + max(int(rings[:, 1].max(initial=0)), int(path.max(initial=0)))
        keys = rings[:, 0] * step + rings[:, 1]
        wanted = target * step + path
        at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        values = np.array([self.left_inside[t, p] for t, p in rings.tolist()], bool)
        return values[at], keys[at] == wanted


def _passing(polygons: NDArray[Any]) -> Ints:
    """Which polygons have an edge over the antimeridian; those cut there don't."""
    parts, owner = shapely.get_parts(polygons, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    step = np.abs(np.diff(xy[:, 0]))
    # A step of 360° is from one side of the antimeridian to the other, in the same place.
    over = (step > 180.0) & (step < 360.0) & (ring[1:] == ring[:-1])
    return np.unique(owner[part[ring[1:][over]]])


def _cut(polygon: Any) -> Any:
    """A polygon over the antimeridian or a pole as one that is cut there."""
    world = shapely.box(-180.0, -90.0, 180.0, 90.0)
    parts = []
    for part in shapely.get_parts(polygon):
        shell, *holes = (_unrolled(ring) for ring in shapely.get_rings(part))
        parts.append(shapely.difference(shell, shapely.union_all(holes)))
    return shapely.intersection(shapely.union_all(parts), world)


def _unrolled(ring: Any) -> Any:
    """The smaller region that a ring bounds, once for each turn around the world."""
    xy = shapely.get_coordinates(ring)
    lon = np.unwrap(xy[:, 0], period=360.0)
    xy[:, 0] = lon
    turns = round((lon[-1] - lon[0]) / 360.0)
    if turns:  # around a pole: the northern one if going east has the region on the left
        left = GEOD.polygon_area_perimeter(xy[:, 0], xy[:, 1])[0] > 0
        pole = 90.0 if (turns > 0) == left else -90.0
        xy = np.vstack((xy, [[lon[-1], pole], [lon[0], pole]]))
    whole = shapely.make_valid(shapely.Polygon(xy))
    turn = np.array([360.0, 0.0])
    return shapely.union_all(
        [shapely.transform(whole, lambda v, n=n: v + n * turn) for n in _TURNS]
    )


def _put(found: Found, xy: Floats, rows: Ints, targets: Ints, k: int) -> None:
    """Enter the targets that points are in at distance 0, ahead of all others.

    `rows` ascend, and `targets` within each row.
    """
    first = np.flatnonzero(np.diff(rows, prepend=-1))
    here, count = rows[first], np.diff(first, append=len(rows))
    rank = np.arange(len(rows)) - np.repeat(first, count)
    which = np.repeat(np.arange(len(here)), count)
    # What was found before moves back; a target that is entered leaves its place.
    size = max(int(targets.max()), int(found.target.max())) + 1
    before = found.target[here]
    stays = ~np.isin(np.arange(len(here))[:, None] * size + before, which * size + targets)
    stays |= before < 0
    place = count[:, None] + np.cumsum(stays, axis=1) - 1
    i, j = np.nonzero(stays & (place < k))
    fits = rank < k
    put, spot = which[fits], rank[fits]
    for name in ("piece", "metres", "side", "lon", "lat", "along", "target", "path"):
        values = getattr(found, name)
        old = values[here]
        new = old.copy()
        new[i, place[i, j]] = old[i, j]
        new[put, spot] = _ENTERED.get(name, 0)
        values[here] = new
    found.target[here[put], spot] = targets[fits]
    found.lon[here[put], spot], found.lat[here[put], spot] = xy[here[put]].T

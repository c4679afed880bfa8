"""Which points are inside which polygons, when the edges are geodesics."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from cpecgeo.geodesy._ellipsoid import GEOD, Floats
from cpecgeo.geodesy._found import Found
from cpecgeo.geodesy._paths import Paths
from cpecgeo.geodesy._split import densified

__all__ = ["Areas"]

# Straight edges in lon, lat leave a geodesic of this length by less than `_DOUBT_M`, up to
# 89.9° of latitude: length² × tan(latitude) / (8 × radius).
_EDGE_KM = 2.0
_DOUBT_M = 50.0


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
        points = shapely.points(xy)
        tree = shapely.STRtree(self.polygons)
        row, area = tree.query(points, predicate="intersects")
        doubt = found.metres < _DOUBT_M
        result = replace(found, metres=found.metres.copy())
        # Close to a boundary the side of it decides.
        outside = set()
        extra: list[tuple[int, int]] = []
        for r, j in zip(*np.nonzero(doubt), strict=True):
            key = (int(found.target[r, j]), int(found.path[r, j]))
            if key not in self.left_inside:
                continue
            inside = found.side[r, j] == 0 or (found.side[r, j] > 0) == self.left_inside[key]
            if inside:
                extra.append((int(r), key[0]))
            else:
                outside.add((int(r), key[0]))
        pairs = {(int(r), int(t)) for r, t in zip(row, area, strict=True)} - outside
        pairs |= set(extra)
        _put(result, xy, sorted(pairs), k)
        return result


def _put(found: Found, xy: Floats, pairs: list[tuple[int, int]], k: int) -> None:
    """Enter the targets that points are in at distance 0, ahead of all others."""
    for r, target in reversed(pairs):
        same = np.flatnonzero(found.target[r] == target)
        at = int(same[0]) if len(same) else k - 1
        for name in ("piece", "metres", "side", "lon", "lat", "along", "target", "path"):
            values = getattr(found, name)[r]
            values[1 : at + 1] = values[:at].copy()
        found.target[r, 0], found.metres[r, 0] = target, 0.0
        found.lon[r, 0], found.lat[r, 0] = xy[r]
        found.along[r, 0], found.side[r, 0] = np.nan, 0
        found.piece[r, 0], found.path[r, 0] = -1, -1

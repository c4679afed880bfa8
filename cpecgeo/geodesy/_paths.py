"""Lines and rings of many geometries as flat arrays of vertices, and cuts of long edges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from cpecgeo.geodesy._ellipsoid import GEOD, Floats, Ints

__all__ = ["Paths", "between_vertices", "densified", "paths"]

_POINT_TYPES = (0, 4)


@dataclass(frozen=True)
class Paths:
    """All lines and rings of an array of geometries.

    Parameters
    ----------
    xy : ndarray, shape (vertices, 2)
        lon, lat in degrees.
    path : ndarray, shape (vertices,)
        Which path each vertex is on; ascending.
    owner : ndarray, shape (paths,)
        Which geometry each path belongs to; ascending.
    ring : ndarray of bool, shape (paths,)
        Whether the path is the ring of a polygon.
    hole : ndarray of bool, shape (paths,)
        Whether it is an inner ring.
    """

    xy: Floats
    path: Ints
    owner: Ints
    ring: NDArray[np.bool_]
    hole: NDArray[np.bool_]

    @property
    def edges(self) -> Ints:
        """Positions of the vertices at which an edge starts."""
        return np.flatnonzero(self.path[1:] == self.path[:-1])

    @property
    def edge_owner(self) -> Ints:
        """Which geometry each edge belongs to."""
        return self.owner[self.path[self.edges]]


def paths(geoms: NDArray[Any]) -> Paths:
    """Take lines and polygons apart; points are left out.

    Parameters
    ----------
    geoms : ndarray of geometries
        From the gate; None is skipped.

    Returns
    -------
    Paths
    """
    parts, owner = shapely.get_parts(geoms, return_index=True)
    kind = shapely.get_type_id(parts)
    is_line, is_area = (kind == 1) | (kind == 2), kind == 3
    rings, ring_of = shapely.get_rings(parts[is_area], return_index=True)
    pieces = np.concatenate((parts[is_line], rings))
    whose = np.concatenate((owner[is_line], owner[is_area][ring_of]))
    ring = np.arange(len(pieces)) >= int(is_line.sum())
    # The first ring of each polygon is its shell.
    inner = np.zeros(len(rings), bool)
    inner[1:] = ring_of[1:] == ring_of[:-1]
    hole = np.concatenate((np.zeros(int(is_line.sum()), bool), inner))
    order = np.argsort(whose, kind="stable")
    xy, path = shapely.get_coordinates(pieces[order], return_index=True)
    return Paths(xy, path, whose[order], ring[order], hole[order])


def between_vertices(xy: Floats, starts: Ints, max_m: float) -> tuple[Ints, Floats]:
    """Points that cut edges into equal parts no longer than `max_m` metres.

    Parameters
    ----------
    xy : ndarray, shape (vertices, 2)
        lon, lat.
    starts : ndarray
        Positions of the vertices at which an edge starts.
    max_m : float

    Returns
    -------
    before : ndarray, shape (new,)
        Position of the vertex at which the edge of each new point starts; ascending.
    new : ndarray, shape (new, 2)
        lon, lat, in order along each edge.
    """
    a, b = xy[starts], xy[starts + 1]
    # Degrees bound the length from above well enough to leave short edges alone.
    dlon = np.abs(a[:, 0] - b[:, 0])
    bound = 111_700.0 * (np.minimum(dlon, 360.0 - dlon) + np.abs(a[:, 1] - b[:, 1]))
    long = np.flatnonzero(bound > max_m)
    if len(long) == 0:
        return np.empty(0, np.int64), np.empty((0, 2))
    a, b = a[long], b[long]
    azimuth, _, metres = (np.asarray(v) for v in GEOD.inv(a[:, 0], a[:, 1], b[:, 0], b[:, 1]))
    # A length of exactly n steps must not become n + 1 by rounding.
    cuts = np.maximum(np.ceil(metres / max_m * (1 - 1e-12)).astype(np.int64) - 1, 0)
    edge = np.repeat(np.arange(len(long)), cuts)
    number = np.arange(len(edge)) - np.repeat(np.cumsum(cuts) - cuts, cuts) + 1
    along = metres[edge] * number / (cuts[edge] + 1)
    lon, lat, _ = GEOD.fwd(a[edge, 0], a[edge, 1], azimuth[edge], along)
    return starts[long][edge], np.column_stack((lon, lat))


def densified(geoms: NDArray[Any], max_km: float) -> NDArray[Any]:
    """`geoms` with vertices added until no edge is longer than `max_km`; None stays."""
    result = geoms.copy()
    kind = shapely.get_type_id(geoms)
    for code in np.unique(kind[kind >= 0]):
        if code in _POINT_TYPES:
            continue
        chosen = kind == code
        name, xy, offsets = shapely.to_ragged_array(geoms[chosen], include_z=False)
        runs = offsets[0]  # the vertices of each line or ring, as in all types but points
        is_start = np.ones(len(xy) - 1, bool)
        is_start[runs[1:-1] - 1] = False
        before, new = between_vertices(xy, np.flatnonzero(is_start), max_km * 1e3)
        if len(new) == 0:
            continue
        added = np.searchsorted(before, runs, side="left")
        longer = np.insert(xy, before + 1, new, axis=0)
        result[chosen] = shapely.from_ragged_array(name, longer, (runs + added, *offsets[1:]))
    return result

"""Lines and rings of many geometries as flat arrays of vertices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from cpecgeo.geodesy._ellipsoid import Floats, Ints

__all__ = ["Paths", "paths"]


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

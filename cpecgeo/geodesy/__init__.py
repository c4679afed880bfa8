"""Geodesic measurement on the WGS 84 ellipsoid, for any geometry in the world.

Edges are geodesics and distances are geodesic kilometres. Input is in lon, lat, or in any CRS that
it states. This package knows nothing of corridors, so it can be used alone.
"""

from cpecgeo.geodesy.buffer import buffer
from cpecgeo.geodesy.chainage import Chainage
from cpecgeo.geodesy.distance import distance_km, distance_matrix_km
from cpecgeo.geodesy.inputs import lonlat
from cpecgeo.geodesy.measure import (
    area_km2,
    bearing_deg,
    densify,
    length_km,
    perimeter_km,
    sinuosity,
    turning_deg_per_km,
)
from cpecgeo.geodesy.nearest import Index, nearest

__all__ = [
    "Chainage",
    "Index",
    "area_km2",
    "bearing_deg",
    "buffer",
    "densify",
    "distance_km",
    "distance_matrix_km",
    "length_km",
    "lonlat",
    "nearest",
    "perimeter_km",
    "sinuosity",
    "turning_deg_per_km",
]

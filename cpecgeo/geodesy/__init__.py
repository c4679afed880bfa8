"""Metric truth on the WGS 84 ellipsoid, for any geometry in the world.

Edges are geodesics, distances are geodesic kilometres, input is lon, lat or anything with a
CRS. This package knows nothing of corridors; it can be used alone.
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

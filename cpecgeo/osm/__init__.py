"""OpenStreetMap: better lines for corridors, and whole road networks.

`refresh` replaces a corridor's drawn line by real track or road, ``corridor(name,
geometry="osm")`` uses it, `compare` shows what changed. `graph` makes a network of an area from
Overpass or from a file. Data from OpenStreetMap is © its contributors, under the ODbL 1.0.
"""

from cpecgeo.osm.cache import cache_dir
from cpecgeo.osm.comparing import Comparison, compare
from cpecgeo.osm.getting import graph
from cpecgeo.osm.network import Network, Path
from cpecgeo.osm.overpass import ENDPOINTS, Overpass
from cpecgeo.osm.refreshing import refresh
from cpecgeo.osm.speeds import speeds
from cpecgeo.osm.stored import Refreshed, refreshed

__all__ = [
    "ENDPOINTS",
    "Comparison",
    "Network",
    "Overpass",
    "Path",
    "Refreshed",
    "cache_dir",
    "compare",
    "graph",
    "refresh",
    "refreshed",
    "speeds",
]

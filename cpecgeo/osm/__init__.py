"""OpenStreetMap: better lines and outlines, and whole road networks.

`refresh` replaces a corridor's drawn line by real track or road; inside of
``using(geometry="osm")`` everything uses it. `deviation` shows what changed. `graph` builds a
network of an area from Overpass or from a file. Data from OpenStreetMap is © its contributors,
under the ODbL 1.0.
"""

from cpecgeo.files.disk import cache_dir
from cpecgeo.osm.graph import Graph, graph
from cpecgeo.osm.lines import Deviation, Refreshed, deviation, refreshed
from cpecgeo.osm.overpass import ENDPOINTS, Overpass
from cpecgeo.osm.paths import Path
from cpecgeo.osm.refreshes import Outlines, refresh, refresh_all
from cpecgeo.osm.tags import speeds

__all__ = [
    "ENDPOINTS",
    "Deviation",
    "Graph",
    "Outlines",
    "Overpass",
    "Path",
    "Refreshed",
    "cache_dir",
    "deviation",
    "graph",
    "refresh",
    "refresh_all",
    "refreshed",
    "speeds",
]

"""Maps that open anywhere: rendering only.

`Map` is a folium map that saves to one file without a request to any server; `cpec_map` is
the corridor with all its layers; `explore` shows one thing; `figures` draws with matplotlib.
"""

from cpecgeo.maps.cpec import cpec_map, explore
from cpecgeo.maps.map import Map

__all__ = ["Map", "cpec_map", "explore"]

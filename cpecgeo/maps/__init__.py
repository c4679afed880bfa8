"""Maps that open anywhere: rendering only.

`Map` is a folium map that saves to one file without a request to any server; `cpec_map` is
the corridor with all its layers; `explore` shows one thing; `overview`, `strip` and `profile`
draw figures for paper with matplotlib.
"""

from cpecgeo.maps.cpec import cpec_map, explore
from cpecgeo.maps.figures import overview, profile, save_figure
from cpecgeo.maps.map import Map
from cpecgeo.maps.strips import strip

__all__ = ["Map", "cpec_map", "explore", "overview", "profile", "save_figure", "strip"]

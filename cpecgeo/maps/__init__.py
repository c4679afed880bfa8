"""Rendering of maps that open anywhere, and of figures.

`Map` is a folium map that saves to one file without a request to any server; `cpec_map` is
the corridor with all its layers; `explore` shows one thing; `draw_overview`, `draw_strip` and
`draw_profile` draw figures for paper with matplotlib.
"""

from cpecgeo.maps.cpec import cpec_map, explore
from cpecgeo.maps.figures import draw_profile, draw_strip
from cpecgeo.maps.map import Map
from cpecgeo.maps.overview import draw_overview
from cpecgeo.maps.sheet import save_figure

__all__ = [
    "Map",
    "cpec_map",
    "draw_overview",
    "draw_profile",
    "draw_strip",
    "explore",
    "save_figure",
]

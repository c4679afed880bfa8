"""Geospatial analysis of the China–Pakistan Economic Corridor, exact on WGS 84.

Names load on first use, so importing the package is quick, offline and writes nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cpecgeo import errors as errors
    from cpecgeo import geodesy as geodesy
    from cpecgeo import osm as osm
    from cpecgeo import routing as routing
    from cpecgeo import scale as scale
    from cpecgeo.analysis import rail as rail
    from cpecgeo.analysis.exposure import exposure as exposure
    from cpecgeo.analysis.measure import buffer as buffer
    from cpecgeo.analysis.measure import distance_km as distance_km
    from cpecgeo.analysis.measure import distance_matrix_km as distance_matrix_km
    from cpecgeo.analysis.measure import length_km as length_km
    from cpecgeo.analysis.measure import locate as locate
    from cpecgeo.analysis.measure import nearest as nearest
    from cpecgeo.analysis.overlay import crossed as crossed
    from cpecgeo.analysis.panel import neighbours as neighbours
    from cpecgeo.analysis.panel import treatment as treatment
    from cpecgeo.analysis.profile import profile as profile
    from cpecgeo.analysis.proximity import rings as rings
    from cpecgeo.analysis.proximity import within as within
    from cpecgeo.analysis.tables import density_along as density_along
    from cpecgeo.analysis.tables import distance_table as distance_table
    from cpecgeo.catalogue.files import using as using
    from cpecgeo.catalogue.layers import catalog as catalog
    from cpecgeo.catalogue.layers import cite as cite
    from cpecgeo.catalogue.layers import layer as layer
    from cpecgeo.catalogue.layers import table as table
    from cpecgeo.features.corridor import Corridor as Corridor
    from cpecgeo.features.corridors import corridor as corridor
    from cpecgeo.features.corridors import corridors as corridors
    from cpecgeo.features.places import Place as Place
    from cpecgeo.features.places import place as place
    from cpecgeo.files.reading import read as read
    from cpecgeo.files.writing import write as write
    from cpecgeo.maps import Map as Map
    from cpecgeo.reports import Report as Report
    from cpecgeo.reports import report as report
    from cpecgeo.routing import Reach as Reach
    from cpecgeo.routing import Route as Route
    from cpecgeo.routing import compare as compare
    from cpecgeo.routing import critical_sections as critical_sections
    from cpecgeo.routing import mining as mining
    from cpecgeo.routing import network as network
    from cpecgeo.routing import reach as reach
    from cpecgeo.routing import route as route
    from cpecgeo.routing import route_matrix as route_matrix
    from cpecgeo.routing import routes as routes
    from cpecgeo.routing.border import Market as Market
    from cpecgeo.routing.border import market as market
    from cpecgeo.routing.border import markets as markets

# Each public name and its module; with a colon where it is the module itself.
_HOMES = {
    "Corridor": "features.corridor",
    "Map": "maps",
    "Market": "routing.border",
    "Place": "features.places",
    "Reach": "routing",
    "Report": "reports",
    "Route": "routing",
    "buffer": "analysis.measure",
    "catalog": "catalogue.layers",
    "cite": "catalogue.layers",
    "compare": "routing",
    "corridor": "features.corridors",
    "corridors": "features.corridors",
    "critical_sections": "routing",
    "crossed": "analysis.overlay",
    "density_along": "analysis.tables",
    "distance_km": "analysis.measure",
    "distance_matrix_km": "analysis.measure",
    "distance_table": "analysis.tables",
    "errors": "errors:",
    "exposure": "analysis.exposure",
    "geodesy": "geodesy:",
    "layer": "catalogue.layers",
    "length_km": "analysis.measure",
    "locate": "analysis.measure",
    "market": "routing.border",
    "markets": "routing.border",
    "mining": "routing.mining:",
    "nearest": "analysis.measure",
    "neighbours": "analysis.panel",
    "network": "routing",
    "osm": "osm:",
    "place": "features.places",
    "profile": "analysis.profile",
    "rail": "analysis.rail:",
    "reach": "routing",
    "read": "files.reading",
    "report": "reports",
    "rings": "analysis.proximity",
    "route": "routing",
    "route_matrix": "routing",
    "routes": "routing",
    "routing": "routing:",
    "scale": "scale:",
    "table": "catalogue.layers",
    "treatment": "analysis.panel",
    "using": "catalogue.files",
    "within": "analysis.proximity",
    "write": "files.writing",
}

__all__ = [
    "Corridor",
    "Map",
    "Market",
    "Place",
    "Reach",
    "Report",
    "Route",
    "__version__",
    "buffer",
    "catalog",
    "cite",
    "compare",
    "corridor",
    "corridors",
    "critical_sections",
    "crossed",
    "density_along",
    "distance_km",
    "distance_matrix_km",
    "distance_table",
    "errors",
    "exposure",
    "geodesy",
    "layer",
    "length_km",
    "locate",
    "market",
    "markets",
    "mining",
    "nearest",
    "neighbours",
    "network",
    "osm",
    "place",
    "profile",
    "rail",
    "reach",
    "read",
    "report",
    "rings",
    "route",
    "route_matrix",
    "routes",
    "routing",
    "scale",
    "table",
    "treatment",
    "using",
    "within",
    "write",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("cpecgeo")
    if name not in _HOMES:
        raise AttributeError(f"module 'cpecgeo' has no attribute {name!r}")
    home, itself, _ = _HOMES[name].partition(":")
    module = import_module(f"cpecgeo.{home}")
    return module if itself else getattr(module, name)


def __dir__() -> list[str]:
    return __all__

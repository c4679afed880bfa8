"""Geospatial analysis of the China–Pakistan Economic Corridor, true on WGS 84.

Names load on first use, so importing the package is quick, offline and writes nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cpecgeo import errors as errors
    from cpecgeo import geodesy as geodesy
    from cpecgeo import osm as osm
    from cpecgeo import scale as scale
    from cpecgeo.analysis.exposure import exposure as exposure
    from cpecgeo.analysis.measure import buffer as buffer
    from cpecgeo.analysis.measure import distance_km as distance_km
    from cpecgeo.analysis.measure import distance_matrix_km as distance_matrix_km
    from cpecgeo.analysis.measure import length_km as length_km
    from cpecgeo.analysis.measure import locate as locate
    from cpecgeo.analysis.measure import nearest as nearest
    from cpecgeo.analysis.overlay import crossed as crossed
    from cpecgeo.analysis.profile import profile as profile
    from cpecgeo.analysis.proximity import density_along as density_along
    from cpecgeo.analysis.proximity import rings as rings
    from cpecgeo.analysis.proximity import within as within
    from cpecgeo.catalogue.cite import cite as cite
    from cpecgeo.catalogue.layers import catalog as catalog
    from cpecgeo.catalogue.layers import layer as layer
    from cpecgeo.catalogue.layers import table as table
    from cpecgeo.domains.border import Market as Market
    from cpecgeo.domains.border import market as market
    from cpecgeo.domains.mining import mining_options as mining_options
    from cpecgeo.domains.mining import mining_sections as mining_sections
    from cpecgeo.domains.rail import Strip as Strip
    from cpecgeo.domains.rail import ml1_phases as ml1_phases
    from cpecgeo.domains.rail import running_times as running_times
    from cpecgeo.domains.rail import strip as strip
    from cpecgeo.features.corridor import Corridor as Corridor
    from cpecgeo.features.corridors import corridor as corridor
    from cpecgeo.features.corridors import corridors as corridors
    from cpecgeo.features.markets import markets as markets
    from cpecgeo.features.places import Place as Place
    from cpecgeo.features.places import place as place
    from cpecgeo.maps import Map as Map
    from cpecgeo.reports import Report as Report
    from cpecgeo.reports import report as report
    from cpecgeo.routing import Network as Network
    from cpecgeo.routing import Reach as Reach
    from cpecgeo.routing import Route as Route
    from cpecgeo.routing import alignment_parts as alignment_parts
    from cpecgeo.routing import compare as compare
    from cpecgeo.routing import critical_sections as critical_sections
    from cpecgeo.routing import network as network
    from cpecgeo.routing import reach as reach
    from cpecgeo.routing import route as route
    from cpecgeo.routing import route_checks as route_checks
    from cpecgeo.routing import route_matrix as route_matrix
    from cpecgeo.routing import routes as routes
    from cpecgeo.routing import sea_route as sea_route
    from cpecgeo.routing import stated_leg as stated_leg

# Each public name and the module it lives in; None where it is a module itself.
_HOMES: dict[str, str | None] = {
    "Corridor": "features.corridor",
    "Map": "maps",
    "Market": "domains.border",
    "Network": "routing",
    "Place": "features.places",
    "Reach": "routing",
    "Report": "reports",
    "Route": "routing",
    "Strip": "domains.rail",
    "alignment_parts": "routing",
    "buffer": "analysis.measure",
    "catalog": "catalogue.layers",
    "cite": "catalogue.cite",
    "compare": "routing",
    "corridor": "features.corridors",
    "corridors": "features.corridors",
    "critical_sections": "routing",
    "crossed": "analysis.overlay",
    "density_along": "analysis.proximity",
    "distance_km": "analysis.measure",
    "distance_matrix_km": "analysis.measure",
    "errors": None,
    "exposure": "analysis.exposure",
    "geodesy": None,
    "layer": "catalogue.layers",
    "length_km": "analysis.measure",
    "locate": "analysis.measure",
    "market": "domains.border",
    "markets": "features.markets",
    "mining_options": "domains.mining",
    "mining_sections": "domains.mining",
    "ml1_phases": "domains.rail",
    "nearest": "analysis.measure",
    "network": "routing",
    "osm": None,
    "place": "features.places",
    "profile": "analysis.profile",
    "reach": "routing",
    "report": "reports",
    "rings": "analysis.proximity",
    "route": "routing",
    "route_checks": "routing",
    "route_matrix": "routing",
    "routes": "routing",
    "running_times": "domains.rail",
    "scale": None,
    "sea_route": "routing",
    "stated_leg": "routing",
    "strip": "domains.rail",
    "table": "catalogue.layers",
    "within": "analysis.proximity",
}

__all__ = [
    "Corridor",
    "Map",
    "Market",
    "Network",
    "Place",
    "Reach",
    "Report",
    "Route",
    "Strip",
    "__version__",
    "alignment_parts",
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
    "errors",
    "exposure",
    "geodesy",
    "layer",
    "length_km",
    "locate",
    "market",
    "markets",
    "mining_options",
    "mining_sections",
    "ml1_phases",
    "nearest",
    "network",
    "osm",
    "place",
    "profile",
    "reach",
    "report",
    "rings",
    "route",
    "route_checks",
    "route_matrix",
    "routes",
    "running_times",
    "scale",
    "sea_route",
    "stated_leg",
    "strip",
    "table",
    "within",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("cpecgeo")
    if name not in _HOMES:
        raise AttributeError(f"module 'cpecgeo' has no attribute {name!r}")
    home = _HOMES[name]
    if home is None:
        return import_module(f"cpecgeo.{name}")
    return getattr(import_module(f"cpecgeo.{home}"), name)


def __dir__() -> list[str]:
    return __all__

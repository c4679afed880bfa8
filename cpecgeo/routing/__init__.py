"""The corridor network: which way, how far, how long, and what if it closes."""

from cpecgeo.routing.alternatives import compare, overlap, routes
from cpecgeo.routing.catchment import Reach, reach
from cpecgeo.routing.changes import critical_sections, gain
from cpecgeo.routing.costs import freight
from cpecgeo.routing.graph import Network, network
from cpecgeo.routing.legs import Route
from cpecgeo.routing.paths import route, route_matrix
from cpecgeo.routing.published import alignment_parts, route_checks, sea_route, stated_leg

__all__ = [
    "Network",
    "Reach",
    "Route",
    "alignment_parts",
    "compare",
    "critical_sections",
    "freight",
    "gain",
    "network",
    "overlap",
    "reach",
    "route",
    "route_checks",
    "route_matrix",
    "routes",
    "sea_route",
    "stated_leg",
]

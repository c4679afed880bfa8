"""The corridor network: which way, how far, how long, and what if it closes."""

from cpecgeo.routing.alternatives import overlap, routes
from cpecgeo.routing.catchment import Reach, reach
from cpecgeo.routing.comparing import compare, critical_sections
from cpecgeo.routing.finding import route
from cpecgeo.routing.graph import Network, network
from cpecgeo.routing.matrix import route_matrix
from cpecgeo.routing.published import alignment_parts, route_checks
from cpecgeo.routing.sea import sea_route, stated_leg
from cpecgeo.routing.ways import Route

__all__ = [
    "Network",
    "Reach",
    "Route",
    "alignment_parts",
    "compare",
    "critical_sections",
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

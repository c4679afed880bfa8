"""The corridor network: which way, how far, how long, and what if it closes."""

from cpecgeo.analysis.network.alternatives import overlap, routes
from cpecgeo.analysis.network.catchment import Reach, reach
from cpecgeo.analysis.network.comparing import compare, critical_sections
from cpecgeo.analysis.network.finding import route
from cpecgeo.analysis.network.graph import Network, network
from cpecgeo.analysis.network.matrix import route_matrix
from cpecgeo.analysis.network.published import alignment_parts, route_checks
from cpecgeo.analysis.network.sea import sea_route, stated_leg
from cpecgeo.analysis.network.ways import Route

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

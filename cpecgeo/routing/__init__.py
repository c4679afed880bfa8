"""The corridor network: routes, catchments, costs and closures."""

from cpecgeo.routing.catchment import Reach, reach
from cpecgeo.routing.comparisons import (
    alignment_parts,
    compare,
    critical_sections,
    route_checks,
)
from cpecgeo.routing.costs import freight
from cpecgeo.routing.graph import Network, network
from cpecgeo.routing.legs import Route
from cpecgeo.routing.matrices import gain, route_matrix
from cpecgeo.routing.paths import overlap, route, routes
from cpecgeo.routing.sea import sea_route, stated_leg

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

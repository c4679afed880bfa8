"""`route` and `routes`: least-cost paths between two ends, and alternatives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Unpack

import numpy as np

from cpecgeo.errors import InputError, InputTypeError
from cpecgeo.features.corridor import Corridor
from cpecgeo.features.resolve import check_number
from cpecgeo.features.subject import PointLike, SubjectLike
from cpecgeo.geodesy._rules import quote
from cpecgeo.routing.additions import JOIN_KM
from cpecgeo.routing.costs import Costs, edge_costs
from cpecgeo.routing.filters import (
    FilterOptions,
    Filters,
    RouteOptions,
    Usable,
    filters,
    usable,
)
from cpecgeo.routing.legs import Route
from cpecgeo.routing.search import (
    Ends,
    Snap,
    Step,
    Way,
    cost_of,
    search,
    snap_ends,
    without_stubs,
)

__all__ = ["SAME", "Search", "overlap", "route", "routes"]

# Sums of the same costs in another order differ by less than this, by rounding.
SAME = 1e-9
# The penalty method: factor on the cost of an edge after each path over it, and rounds.
_PENALTY = 1.4
_ROUNDS = 25


@dataclass(frozen=True)
class Search:
    """A search of the network: the part of it that may be used, costs, farthest ends."""

    ground: Usable
    costs: Costs
    weight: str
    far: float

    @classmethod
    def of(
        cls,
        weight: str,
        *,
        vehicle: str | None = None,
        speeds: Mapping[str, float] | None = None,
        rates: Mapping[str, float] | None = None,
        max_access_km: float = 50.0,
        **chosen: Unpack[FilterOptions],
    ) -> Search:
        """Validate the options of `route`."""
        ground = usable(filters(**chosen))
        costs = edge_costs(ground.network, weight, speeds, vehicle=vehicle, rates=rates)
        far = check_number(max_access_km, "max_access_km", infinite=True)
        return cls(ground, costs, weight, far)

    def find(self, a: PointLike, b: PointLike) -> Way:
        """Find the least-cost path; an error names the filter that excludes every path."""
        starts, goals = self.snap(a, b)
        path = self.find_path(starts, goals, self.free)
        if self.ground.chosen.avoid:
            path = self.find_detour(path, starts, goals)
        if path is None:
            raise InputError(self._why(a, b))
        return path

    def snap(self, a: PointLike, b: PointLike) -> list[Ends]:
        """Return where an origin and a destination may join the network."""
        ends = [("the origin", a), ("the destination", b)]
        return snap_ends(ends, self.ground, max_access_km=self.far, weight=self.weight)

    @property
    def free(self) -> Usable:
        """The usable part of the network if nothing is avoided."""
        chosen = self.ground.chosen
        return usable(replace(chosen, avoid=())) if chosen.avoid else self.ground

    def find_path(self, starts: Ends, goals: Ends, ground: Usable | None = None) -> Way | None:
        """Return the least-cost path between two ends, over all their joins; None without one."""
        costs = self.costs
        tree = search(ground or self.ground, starts, costs.cost, access=costs.access)
        return tree.path_to(goals)

    def find_detour(
        self, free: Way | None, starts: Ends, goals: Ends, ground: Usable | None = None
    ) -> Way | None:
        """Return the least-cost path with closures, never shorter than with everything open.

        With closures an end might join the other mode, with a shorter path but longer access. In
        this case the ends keep their joins, unless there is no path from these.
        """
        held = self.find_path(starts, goals, ground)
        if free is None or held is None:
            return held
        if self.cost_of(held) >= self.cost_of(free) - SAME:
            return held
        return self.find_path((free.start,), (free.end,), ground) or held

    def cost_of(self, path: Way) -> float:
        """Return the cost of a path, without access."""
        return cost_of(self.ground.network, path.steps, self.costs.cost)

    def route(self, path: Way) -> Route:
        """Return a path as a route."""
        net, start, costs = self.ground.network, path.start, self.costs
        # Two ends at the same node have no edge between them.
        steps = tuple(path.steps or [Step(start.edge, start.km, start.km)])
        hours = tuple(cost_of(net, [step], costs.hours) for step in steps)
        asked = self.ground.chosen.text or "any mode, any status"
        return Route(
            start, path.end, self.weight, asked, steps, hours, network=net, vehicle=costs.vehicle
        )

    def _why(self, a: PointLike, b: PointLike) -> str:
        """Return the message where there is no route: which filters exclude every one."""

        def has_path(other: Filters) -> bool:
            ground = usable(other)
            costs = edge_costs(ground.network, self.weight)
            loose = replace(self, ground=ground, costs=costs)
            try:
                starts, goals = loose.snap(a, b)
                return loose.find_path(starts, goals) is not None
            except InputError:
                return False

        chosen = self.ground.chosen
        words = chosen.describe()
        cutting = [text for name, text in words.items() if has_path(chosen.without(name))]
        origin, destination = (near[0].name for near in self.snap(a, b))
        head = f"No way from {origin} to {destination}"
        if has_path(replace(chosen, month=chosen.month or 7)):
            head += " all year (with season='summer' there is one)"
        if cutting:
            which = "it" if len(cutting) == 1 else "one of them"
            return f"{head}: cut by {' and by '.join(cutting)}; loosen {which} and there is a way."
        if words:
            return f"{head} with {chosen.text}; loosen them together."
        return f"{head}: the two lie on parts of the network that aren't joined."


def route(
    a: PointLike,
    b: PointLike,
    *,
    mode: str = "any",
    avoid: SubjectLike = (),
    weight: str = "hours",
    status: str | Sequence[str] | None = None,
    year: int | None = None,
    season: str | int | None = None,
    along: str | Corridor | None = None,
    extra: Corridor | Sequence[Corridor] = (),
    join_km: float = JOIN_KM,
    vehicle: str | None = None,
    speeds: Mapping[str, float] | None = None,
    rates: Mapping[str, float] | None = None,
    max_access_km: float = 50.0,
) -> Route:
    """Return the shortest or quickest route through the bundled road and rail network.

    Parameters
    ----------
    a, b : str, Place, Point, (lon, lat) or one-row GeoSeries
        Origin and destination. Each joins the network at the nearest point of an edge that passes
        `mode status year season along`, also if `avoid` closes it. With any mode it joins a road or
        a railway, the farther one at most 15 km farther off, whichever costs least including access
        (by km a town joins its road). With mode rail a name preferably means a station, otherwise a
        town or road; a station joins its railway.
    mode : {"any", "road", "rail"}
    avoid : str, Corridor, Place, Route, Reach, geometry, GeoDataFrame, or a list of them
        Sections, corridors, crossings, districts, provinces, places by name (in this order;
        ``"district:Quetta"`` states the kind), or points, lines and polygons. A route means its
        stretches, a reach its polygon.
    weight : {"hours", "km", "cost", "carbon"}
        The cost to minimize: hours, with handling at each change between road and rail; calibrated
        km only (`Route.notes` names the changes left out); PKR, or kg of CO2, per tonne.
    status : str or list of str, optional
        ``operating under_construction suspended closed planned``, or ``"any"``. Operating
        only when omitted; any along a corridor.
    year : int, optional
        Leave out sections that opened later. A section of unknown year counts as open.
    season : str or int, optional
        ``"winter"`` (January), ``"spring"``, ``"summer"``, ``"autumn"`` or a month. Khunjerab
        was closed from December to March until 2024.
    along : str or Corridor, optional
        Keep to the sections of this corridor.
    extra : Corridor or list of Corridor, optional
        Corridors of your own, with the status, year and speed of their sections (columns
        `speed_class` or `kmh`; a highway or main line when omitted). If `status` is omitted, they
        may be used whatever their status.
    join_km : float
        Greatest distance at which an end or stop of `extra` joins a line of its mode. It is also
        that for a change between a road and a stop of a railway. `Route.notes` lists the joins.
    vehicle : {"car", "truck"}, optional
        ``truck`` means goods: trucks, slower on climbs, and goods trains. When omitted, cars and
        passenger trains, except for money and carbon.
    speeds : mapping of str to float, optional
        km/h by speed class, in place of those in `data/speeds.csv` and `data/freight.csv`.
    rates : mapping of str to float, optional
        Rates by the ids of `data/freight.csv`, in place of the table's.
    max_access_km : float
        Refuse ends farther from the network.

    Returns
    -------
    Route

    Raises
    ------
    UnknownNameError
        An unknown name; the message lists similar ones.
    InputError
        An end too far away, or no route; the message names the filter that excludes it.

    Notes
    -----
    Lengths are calibrated: published kilometres where available. Hours are based on assumed speeds
    and handling times, see `data/speeds.csv` and `data/transfers.csv`. Access from the ends to the
    network is reported but not included.

    Examples
    --------
    >>> r = route("Raikot Bridge", "Thakot", mode="road")
    >>> round(r.chainage_km), round(r.length_km)
    (281, 238)
    """
    query = Search.of(
        weight, vehicle=vehicle, speeds=speeds, rates=rates, max_access_km=max_access_km,
        mode=mode, avoid=avoid, status=status, year=year, season=season, along=along,
        extra=extra, join_km=join_km,
    )  # fmt: skip
    return query.route(query.find(a, b))


def routes(
    a: PointLike,
    b: PointLike,
    *,
    k: int = 3,
    max_overlap: float = 0.6,
    max_stretch: float = 1.5,
    weight: str = "hours",
    **options: Unpack[RouteOptions],
) -> list[Route]:
    """Return the best route, and alternatives that share little with it and each other.

    Parameters
    ----------
    a, b
        As in `route`.
    k : int
        Greatest number of routes; fewer where there are no more.
    max_overlap : float
        Greatest common share of any two routes, in km of the shorter one; 0 to 1.
    max_stretch : float
        Greatest cost of an alternative, as a multiple of the best route's.
    weight
        As in `route`.
    **options
        `mode avoid status year season along extra join_km vehicle speeds rates max_access_km`, as
        in `route`.

    Returns
    -------
    list of Route
        The best first, then by cost.

    Raises
    ------
    InputError
        A limit out of range, or as in `route`.

    Notes
    -----
    Candidates come from two methods. In the penalty method of Bader et al. each round raises the
    costs of the edges used by the last path. Single-via paths of Abraham et al. are the shortest
    paths through a node, without loops. They are taken in order of cost where the limits allow.

    References
    ----------
    Bader, Dees, Geisberger and Sanders (2011), "Alternative Route Graphs in Road Networks",
    TAPAS. Abraham, Delling, Goldberg and Werneck (2013), "Alternative Routes in Road
    Networks", ACM Journal of Experimental Algorithmics 18.

    Examples
    --------
    >>> two = routes("Lahore", "Multan", k=2, mode="road")
    >>> overlap(*two) <= 0.6
    True
    """
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise InputError(f"k is {k!r}; ask for 1 or more routes.")
    if check_number(max_overlap, "max_overlap") > 1:
        raise InputError(f"max_overlap is {max_overlap!r}; it is a share from 0 to 1.")
    check_number(max_stretch, "max_stretch", least=1.0)
    query = Search.of(weight, **options)
    best = query.find(a, b)
    ends, cost, net = (best.start, best.end), query.costs.cost, query.ground.network
    found = _find_penalised(query, ends)
    found += _find_via(query, ends, query.cost_of(best) * max_stretch + 1e-9)
    unique = {tuple(s.edge for s in steps): steps for steps in reversed(found)}
    total = {key: cost_of(net, steps, cost) for key, steps in unique.items()}
    ranked = sorted(unique, key=lambda key: (round(total[key], 9), key))
    kept: list[list[Step]] = []
    for key in ranked:
        if len(kept) == k or total[key] > total[ranked[0]] * max_stretch:
            break
        if all(_overlap(unique[key], other) <= max_overlap for other in kept):
            kept.append(unique[key])
    return [query.route(Way(*ends, steps)) for steps in kept]


def _overlap(one: Sequence[Step], two: Sequence[Step]) -> float:
    """Return the common km of two paths, as a share of the shorter one."""
    spans: dict[int, list[list[float]]] = {}
    for step in two:
        spans.setdefault(step.edge, []).append(sorted((step.a, step.b)))
    shared = 0.0
    for step in one:
        low, high = sorted((step.a, step.b))
        for first, last in spans.get(step.edge, []):
            shared += max(0.0, min(high, last) - max(low, first))
    least = min(sum(s.km for s in steps) for steps in (one, two))
    return shared / least if least else 1.0


def overlap(one: Route, two: Route) -> float:
    """Return the calibrated km that two routes share, as a share of the shorter's.

    Raises
    ------
    InputTypeError
        One of them is no Route.

    Examples
    --------
    >>> r = route("Burhan", "Hakla")
    >>> overlap(r, r)
    1.0
    """
    for name, given in (("one", one), ("two", two)):
        if not isinstance(given, Route):
            raise InputTypeError(
                f"{name} is {quote(given)}; two Routes are needed, from `route` or `routes`."
            )
    return _overlap(one.steps, two.steps)


def _find_penalised(query: Search, ends: tuple[Snap, Snap]) -> list[list[Step]]:
    """Return least-cost paths, with raised costs on the edges of earlier ones."""
    found, dear, ground = [], list(query.costs.cost), query.ground
    for _ in range(_ROUNDS):
        path = search(ground, ends[:1], dear).path_to(ends[1:])
        if path is None:
            break
        found.append(path.steps)
        for edge in {step.edge for step in path.steps}:
            dear[edge] *= _PENALTY
    return found


def _find_via(query: Search, ends: tuple[Snap, Snap], most: float) -> list[list[Step]]:
    """Return the least-cost paths through each node, without loops, costing at most `most`."""
    cost = query.costs.cost
    there, back = (search(query.ground, (end,), cost) for end in ends)
    both = np.array(there.cost) + np.array(back.cost)
    found = []
    for node in np.flatnonzero(both <= most).tolist():
        # Nodes of edges that are in both trees have the same path; the first represents all.
        if there.by[node] >= 0 and back.by[there.came[node]] == there.by[node]:
            continue
        # On a spur a path through a node would return on the same edges.
        first, second = there.nodes_back(node), back.nodes_back(node)
        if len({*first, *second}) < len(first) + len(second) - 1:
            continue
        edges = {tree.by[n] for tree, nodes in ((there, first), (back, second)) for n in nodes}
        if edges.isdisjoint(end.edge for end in ends):
            rest = back.steps_to(node)[::-1]
            steps = [*there.steps_to(node), *(Step(s.edge, s.b, s.a) for s in rest)]
            found.append(without_stubs(steps, *ends))
    return found

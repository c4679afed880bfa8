"""Alternative routes, and comparison of routes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Unpack

import geopandas as gpd
import numpy as np
import pandas as pd

from cpecgeo.errors import InputError, InputTypeError
from cpecgeo.features.subject import PointLike
from cpecgeo.routing.costs import edge_costs, price_route, rates_of
from cpecgeo.routing.filters import FilterOptions, Usable, filters, number, usable
from cpecgeo.routing.legs import Route, route_of
from cpecgeo.routing.paths import route
from cpecgeo.routing.search import (
    LeastCosts,
    Snap,
    Step,
    path_to,
    search,
    whole_step,
    without_stubs,
)

__all__ = ["compare", "overlap", "routes", "share_of"]

# Factor on the cost of an edge after each route over it, and the number of rounds.
_PENALTY = 1.4
_ROUNDS = 25


def routes(
    a: PointLike,
    b: PointLike,
    *,
    k: int = 3,
    max_overlap: float = 0.6,
    max_stretch: float = 1.5,
    weight: str = "hours",
    vehicle: str | None = None,
    speeds: Mapping[str, float] | None = None,
    rates: Mapping[str, float] | None = None,
    max_access_km: float = 50.0,
    **chosen: Unpack[FilterOptions],
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
    weight, vehicle, speeds, rates, max_access_km
        As in `route`.
    **chosen
        `mode avoid status year season along extra join_km`, as in `route`.

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
    if number(max_overlap, "max_overlap") > 1:
        raise InputError(f"max_overlap is {max_overlap!r}; it is a share from 0 to 1.")
    number(max_stretch, "max_stretch", least=1.0)
    # Raises the error where there is no route at all.
    told: dict[str, Any] = {"vehicle": vehicle, "rates": rates}
    best = route(a, b, weight=weight, speeds=speeds, max_access_km=max_access_km, **told, **chosen)
    asked = filters(**chosen)
    ground = usable(asked)
    net = ground.network
    costs = edge_costs(net, weight, speeds, vehicle=vehicle, rates=rates)
    cost, hours = costs.cost, costs.hours
    ends = best.origin, best.destination

    def total(steps: Sequence[Step]) -> float:
        return sum(cost[s.edge] * share_of(s, net.lengths[s.edge]) for s in steps)

    least = total(best.steps)
    found = _find_penalised(ground, ends, cost) + _find_via(
        ground, ends, cost, least * max_stretch + 1e-9
    )
    unique = {tuple(s.edge for s in steps): steps for steps in reversed(found)}
    ranked = sorted(unique.values(), key=lambda s: (round(total(s), 9), [x.edge for x in s]))
    kept: list[list[Step]] = []
    for steps in ranked:
        if len(kept) == k or total(steps) > total(ranked[0]) * max_stretch:
            break
        if all(_overlap(steps, other) <= max_overlap for other in kept):
            kept.append(steps)
    kind: dict[str, Any] = {"weight": weight, "chosen": asked, "vehicle": costs.vehicle}
    return [route_of(net, ends, s, hours, **kind) for s in kept]


def share_of(step: Step, length: float) -> float:
    """Return the share of an edge that a step covers."""
    return step.km / length if length else 1.0


def _overlap(one: Sequence[Step], two: Sequence[Step]) -> float:
    """Return the common km of two paths, as a share of the shorter one."""
    spans: dict[int, list[tuple[float, float]]] = {}
    for step in two:
        spans.setdefault(step.edge, []).append((min(step.a, step.b), max(step.a, step.b)))
    shared = 0.0
    for step in one:
        low, high = min(step.a, step.b), max(step.a, step.b)
        for first, last in spans.get(step.edge, []):
            shared += max(0.0, min(high, last) - max(low, first))
    least = min(sum(s.km for s in steps) for steps in (one, two))
    return shared / least if least else 1.0


def overlap(one: Route, two: Route) -> float:
    """Return the calibrated km that two routes share, as a share of the shorter's.

    Examples
    --------
    >>> r = route("Burhan", "Hakla")
    >>> overlap(r, r)
    1.0
    """
    return _overlap(one.steps, two.steps)


def _find_penalised(
    ground: Usable, ends: tuple[Snap, Snap], cost: Sequence[float]
) -> list[list[Step]]:
    """Return least-cost paths, with raised costs on the edges of earlier ones."""
    found, dear = [], list(cost)
    for _ in range(_ROUNDS):
        steps = _steps_to(ground, search(ground, ends[0], dear), ends[1], dear)
        if steps is None:
            break
        found.append(steps)
        for edge in {s.edge for s in steps}:
            dear[edge] *= _PENALTY
    return found


def _find_via(
    ground: Usable, ends: tuple[Snap, Snap], cost: Sequence[float], most: float
) -> list[list[Step]]:
    """Return the least-cost paths through each node, without loops, costing at most `most`."""
    there, back = (search(ground, end, cost) for end in ends)
    both = np.array(there.cost) + np.array(back.cost)
    found = []
    for node in np.flatnonzero(both <= most).tolist():
        # Nodes of edges that are in both trees have the same path; the first represents all.
        if there.by[node] >= 0 and back.by[there.came[node]] == there.by[node]:
            continue
        first, second = _edges_back(there, node), _edges_back(back, node)
        # A path through a node on a spur would return on the same edges.
        if not set(first).isdisjoint(second):
            continue
        if any(end.edge in first or end.edge in second for end in ends):
            continue
        steps = _walk(ground, there, back, node)
        if steps is not None:
            found.append(steps)
    return found


def _edges_back(tree: LeastCosts, node: int) -> list[int]:
    """Return the edges from a node back to the start of its tree."""
    edges = []
    while tree.by[node] >= 0:
        edges.append(tree.by[node])
        node = tree.came[node]
    return edges


def _nodes_back(tree: LeastCosts, node: int) -> list[int]:
    """Return the nodes from a node back to the start of its tree, the node first."""
    nodes = [node]
    while tree.by[node] >= 0:
        node = tree.came[node]
        nodes.append(node)
    return nodes


def _walk(ground: Usable, there: LeastCosts, back: LeastCosts, node: int) -> list[Step] | None:
    """Return the steps to a node and on from it; None where they cross themselves."""
    first, second = _nodes_back(there, node), _nodes_back(back, node)
    if len({*first, *second}) != len(first) + len(second) - 1:
        return None
    net = ground.network

    def stub(tree: LeastCosts, at: int) -> Step:
        edge, km = tree.start.edge, tree.start.km
        (u, v), whole = net.ends[edge], net.lengths[edge]
        return Step(edge, km, {u: 0.0, v: whole}.get(at, km))

    steps = [stub(there, first[-1])]
    for nodes, edges in (
        (first[::-1], _edges_back(there, node)[::-1]),
        (second, _edges_back(back, node)),
    ):
        steps += [whole_step(net, edge, at) for at, edge in zip(nodes, edges, strict=False)]
    last = stub(back, second[-1])
    steps.append(Step(last.edge, last.b, last.a))
    return without_stubs(steps, there.start, back.start)


def compare(
    them: Sequence[Route] | Mapping[str, Route],
    *,
    tonnes: float | None = None,
    rates: Mapping[str, float] | None = None,
) -> gpd.GeoDataFrame:
    """Compare routes in a table.

    Parameters
    ----------
    them : list of Route, or dict of name to Route
    tonnes : float, optional
        Tonnes carried. Adds `cost` (PKR), `more_cost` and `carbon_kg`, as from
        `cpecgeo.routing.freight`, with access to the network, which km and hours leave out. Routes
        with hours of a car are refused.
    rates : mapping of str to float, optional
        Rates by the ids of `data/freight.csv`, in place of the table's.

    Returns
    -------
    GeoDataFrame
        One row per route: `km` (calibrated), `more_km hours more_hours access_km legs`, money and
        carbon where `tonnes` is given, km by mode and by status, the filters in words, and the
        route as one line, so that a map can draw them together. `more_…` are relative to the first
        route.

    Examples
    --------
    >>> compare([route("Burhan", "Hakla"), route("Hakla", "Burhan")])["more_km"].round(6).tolist()
    [0.0, 0.0]
    """
    listed = them.values() if isinstance(them, Mapping) else them
    if not isinstance(listed, Iterable) or not all(isinstance(one, Route) for one in listed):
        raise InputTypeError("compare takes a list of routes, or a dict of name to route.")
    if not isinstance(them, Mapping):
        named: dict[str, Route] = {}
        for one in them:
            name = f"{one.origin.name} – {one.destination.name}"
            named[name if name not in named else f"{name} ({len(named) + 1})"] = one
        them = named
    if not them:
        raise InputError("Nothing to compare; give one route at least.")
    load = None if tonnes is None else number(tonnes, "tonnes", above=0.0)
    used = rates_of(rates)
    rows = []
    for one in them.values():
        row: dict[str, Any] = {
            "km": one.chainage_km,
            "hours": one.hours,
            "access_km": one.access_km,
            "legs": len(one.legs),
        }
        if load is not None:
            each = price_route(one, used).sum(skipna=False) * load
            row |= {"cost": float(each["cost_per_t"]), "carbon_kg": float(each["carbon_kg_per_t"])}
        row |= {f"{mode}_km": km for mode, km in one.km_by("mode").items() if mode != "border"}
        row |= {f"{status}_km": km for status, km in one.km_by("status").items()}
        rows.append(row | {"asked": one.asked})
    lines = [one.line for one in them.values()]
    frame = gpd.GeoDataFrame(rows, index=pd.Index(them, name="route"), geometry=lines, crs=4326)
    amounts = [c for c in frame.columns if c.endswith("_km") and c != "access_km"]
    frame[amounts] = frame[amounts].fillna(0.0)
    frame.insert(1, "more_km", frame["km"] - frame["km"].iloc[0])
    frame.insert(3, "more_hours", frame["hours"] - frame["hours"].iloc[0])
    if load is not None:
        at = list(frame.columns).index("cost") + 1
        frame.insert(at, "more_cost", frame["cost"] - frame["cost"].iloc[0])
    last = ["asked", "geometry"]
    frame = frame[[*(c for c in frame.columns if c not in last), *last]]
    attrs = next(iter(them.values())).legs.attrs
    kept = {
        key: attrs[key]
        for key in ("data_version", "geometry", "bundled", "credits")
        if key in attrs
    }
    frame.attrs = {"method": "calibrated km, assumed speeds", **kept}
    return frame


def _steps_to(
    ground: Usable, tree: LeastCosts, end: Snap, cost: Sequence[float]
) -> list[Step] | None:
    """Return the steps of a tree's least path to a snapped point; None where there is none."""
    path = path_to(ground, tree, (end,), cost)
    return None if path is None else path.steps

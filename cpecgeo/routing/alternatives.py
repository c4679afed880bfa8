"""Alternative routes that really differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cpecgeo.errors import InputError
from cpecgeo.routing.filters import filters, number, usable
from cpecgeo.routing.finding import route, steps_to, without_stubs
from cpecgeo.routing.search import Snap, Tree, costs, shortest, snap
from cpecgeo.routing.ways import Route, Step, made

__all__ = ["overlap", "routes"]

# How much dearer a stretch gets each time that a way has run over it, and how often.
_PENALTY = 1.4
_ROUNDS = 25


def routes(
    a: Any,
    b: Any,
    k: int = 3,
    max_overlap: float = 0.6,
    *,
    max_stretch: float = 1.5,
    weight: str = "km",
    speeds: Mapping[str, float] | None = None,
    max_access_km: float = 50.0,
    **chosen: Any,
) -> list[Route]:
    """The best route and alternatives that share little with it and with one another.

    Parameters
    ----------
    a, b
        As in `route`.
    k : int
        How many at most; fewer where there are no more.
    max_overlap : float
        Share of the shorter of any two routes, in km, that both may run over; 0 to 1.
    max_stretch : float
        An alternative costs at most so many times what the best one does.
    weight, speeds, max_access_km
        As in `route`.
    **chosen
        `mode avoid status year season along`, as in `route`.

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
    Ways found by the penalty method of Bader et al. (each round makes what the last way used
    dearer) and single-via ways of Abraham et al. (shortest to a node and on from there, no
    loops) are taken in order of cost where limits allow.

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
    asked = filters(**chosen)
    # Says why where there is no way at all.
    route(a, b, weight=weight, speeds=speeds, max_access_km=max_access_km, **chosen)
    ground = usable(asked)
    cost, hours = costs(ground.network, weight, speeds)
    start = snap(a, ground, "the origin", max_access_km)
    end = snap(b, ground, "the destination", max_access_km)
    length = np.array([m[-1] for m in ground.network.measures])

    def total(steps: list[Step]) -> float:
        return float(sum(cost[s.edge] * _share(s, length) for s in steps))

    found = _penalised(ground, start, end, cost) + _via(ground, start, end, cost)
    unique = {tuple(s.edge for s in steps): steps for steps in reversed(found)}
    ranked = sorted(unique.values(), key=lambda s: (round(total(s), 9), [x.edge for x in s]))
    kept: list[list[Step]] = []
    for steps in ranked:
        if len(kept) == k or total(steps) > total(ranked[0]) * max_stretch:
            break
        if all(_shared(steps, other) <= max_overlap for other in kept):
            kept.append(steps)
    return [made(ground, start, end, s, hours, weight=weight, chosen=asked) for s in kept]


def _share(step: Step, length: Any) -> float:
    whole = float(length[step.edge])
    return abs(step.b - step.a) / whole if whole else 1.0


def _shared(one: list[Step], two: list[Step]) -> float:
    """Km that both run over, as a share of the shorter."""
    spans: dict[int, list[tuple[float, float]]] = {}
    for step in two:
        spans.setdefault(step.edge, []).append((min(step.a, step.b), max(step.a, step.b)))
    shared = 0.0
    for step in one:
        low, high = min(step.a, step.b), max(step.a, step.b)
        for first, last in spans.get(step.edge, []):
            shared += max(0.0, min(high, last) - max(low, first))
    least = min(sum(abs(s.b - s.a) for s in steps) for steps in (one, two))
    return shared / least if least else 1.0


def overlap(one: Route, two: Route) -> float:
    """Km that two routes both run over, as a share of the shorter's.

    Examples
    --------
    >>> r = route("Burhan", "Hakla")
    >>> overlap(r, r)
    1.0
    """
    return _shared(list(one.steps), list(two.steps))


def _penalised(ground: Any, start: Snap, end: Snap, cost: Any) -> list[list[Step]]:
    found, dear = [], cost.copy()
    for _ in range(_ROUNDS):
        steps = steps_to(ground, shortest(ground, start, dear), end, dear)
        if steps is None:
            break
        found.append(steps)
        dear[[s.edge for s in steps]] *= _PENALTY
    return found


def _via(ground: Any, start: Snap, end: Snap, cost: Any) -> list[list[Step]]:
    """Shortest to each node and on from it, where that has no loop."""
    there, back = shortest(ground, start, cost), shortest(ground, end, cost)
    found = []
    reached = np.flatnonzero(np.isfinite(there.cost) & np.isfinite(back.cost))
    for node in reached:
        first, second = _edges(there, int(node)), _edges(back, int(node))
        # A node on a spur would be gone to and back from.
        if set(first) & set(second) or {start.edge, end.edge} & {*first, *second}:
            continue
        steps = _walk(ground, there, back, int(node))
        if steps is not None:
            found.append(steps)
    return found


def _edges(tree: Tree, node: int) -> list[int]:
    """The edges from a node back to the start of its tree."""
    edges = []
    while tree.by[node] >= 0:
        edges.append(int(tree.by[node]))
        node = int(tree.came[node])
    return edges


def _nodes(tree: Tree, node: int) -> list[int]:
    nodes = [node]
    while tree.by[node] >= 0:
        node = int(tree.came[node])
        nodes.append(node)
    return nodes


def _walk(ground: Any, there: Tree, back: Tree, node: int) -> list[Step] | None:
    """The way to a node of one tree and on along the other; None where it crosses itself."""
    first, second = _nodes(there, node), _nodes(back, node)
    if len({*first, *second}) != len(first) + len(second) - 1:
        return None
    net = ground.network
    u = net.edges["u"].to_numpy()
    steps: list[Step] = []

    def end_step(tree: Tree, at: int) -> Step:
        edge, km = tree.start.edge, tree.start.km
        whole = float(net.measures[edge][-1])
        ends = {int(u[edge]): 0.0, int(net.edges["v"].iloc[edge]): whole}
        return Step(edge, km, ends.get(at, km))

    steps.append(end_step(there, first[-1]))
    for nodes, edges in (
        (first[::-1], _edges(there, node)[::-1]),
        (second, _edges(back, node)),
    ):
        for at, edge in zip(nodes, edges, strict=False):
            whole = float(net.measures[edge][-1])
            steps.append(Step(edge, *((0.0, whole) if u[edge] == at else (whole, 0.0))))
    last = end_step(back, second[-1])
    steps.append(Step(last.edge, last.b, last.a))
    return without_stubs(steps, there.start, back.start)

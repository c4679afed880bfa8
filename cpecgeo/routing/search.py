"""Search of the network: least paths between ends, each of which may join it in several places."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cpecgeo.routing.ends import Snap
from cpecgeo.routing.filters import Usable
from cpecgeo.routing.graph import Network

__all__ = [
    "Path",
    "Step",
    "Tree",
    "cost_of",
    "ends_of",
    "is_clear",
    "path_to",
    "search",
    "steps_to",
    "whole_step",
    "without_stubs",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Step:
    """A stretch of one edge, from km `a` to km `b`; backwards where `a` is greater."""

    edge: int
    a: float
    b: float

    @property
    def km(self) -> float:
        """Calibrated kilometres."""
        return abs(self.b - self.a)


@dataclass(frozen=True)
class Path:
    """A least path: where it joins and leaves the network, and the steps between."""

    start: Snap
    end: Snap
    steps: list[Step]


@dataclass(frozen=True)
class Tree:
    """Least costs from one end, or from the nearest of several, to every node.

    Attributes
    ----------
    starts : sequence of Snap
    cost : list of float
        Per node, with that of the way to the network; infinite where it can't be reached.
    by, came, root : list of int
        The edge that each node is reached by, -1 where none, the node before it, and which of
        the starts it is reached from.
    access : float
        What a km of the way to the network costs.
    """

    starts: Sequence[Snap]
    cost: list[float]
    by: list[int]
    came: list[int]
    root: list[int]
    access: float = 0.0

    @property
    def start(self) -> Snap:
        """The first of the starts."""
        return self.starts[0]


def is_clear(ground: Usable, edge: int, a: float, b: float) -> bool:
    """Return whether the stretch of an edge from km `a` to km `b` is free of what is avoided.

    An end of the edge alone is: it belongs to the other edges of its node as much.
    """
    spans = ground.blocked.get(edge)
    if spans is None:
        return True
    low, high = min(a, b), max(a, b)
    if low == high and low in (0.0, ground.network.lengths[edge]):
        return True
    return not bool(((spans[:, 0] <= high) & (spans[:, 1] >= low)).any())


def ends_of(ground: Usable, at: Snap, cost: Sequence[float]) -> list[tuple[int, float]]:
    """Return the nodes that a snapped point can reach along its edge, with the cost."""
    net = ground.network
    length = net.lengths[at.edge]
    per = cost[at.edge] / length
    u, v = net.ends[at.edge]
    ends = []
    if is_clear(ground, at.edge, 0.0, at.km):
        ends.append((u, at.km * per))
    if is_clear(ground, at.edge, at.km, length):
        ends.append((v, (length - at.km) * per))
    # At a crossing one stands on both sides of the border, be it open or shut; in a town that
    # has one position for its road and its railway, at both.
    twins = [(other, 0.0) for node, off in ends if off == 0.0 for other in net.beside.get(node, ())]
    return [*ends, *twins]


def search(
    ground: Usable,
    start: Snap,
    cost: Sequence[float],
    *,
    also: Sequence[Snap] = (),
    access: float = 0.0,
) -> Tree:
    """Return least costs from a snapped point by Dijkstra; of two equal ones the first found stays.

    With further points in `also`, from the nearest of all of them; a km to the network counts
    `access`.
    """
    passable, meets = ground.passable, ground.network.meets
    best = [np.inf] * len(meets)
    by, came, root = [-1] * len(meets), [-1] * len(meets), [-1] * len(meets)
    heap: list[tuple[float, int]] = []
    starts = (start, *also)
    for i, at in enumerate(starts):
        for node, off in ends_of(ground, at, cost):
            reach = off + at.access_km * access
            if reach < best[node]:
                best[node], root[node] = reach, i
                heap.append((reach, node))
    heapq.heapify(heap)
    while heap:
        here, node = heapq.heappop(heap)
        if here > best[node]:
            continue
        for edge, other in meets[node]:
            reach = here + cost[edge]
            if reach < best[other] and passable[edge]:
                best[other], by[other], came[other], root[other] = reach, edge, node, root[node]
                heapq.heappush(heap, (reach, other))
    return Tree(starts, best, by, came, root, access)


def path_to(ground: Usable, tree: Tree, ends: Sequence[Snap], cost: Sequence[float]) -> Path | None:
    """Return a tree's least path to one of the places where an end joins; None where none is."""
    length = ground.network.lengths
    best = np.inf
    found: tuple[Snap, Snap, int] | None = None
    for end in ends:
        away = end.access_km * tree.access
        for start in tree.starts:
            if start.edge == end.edge and is_clear(ground, end.edge, start.km, end.km):
                along = abs(start.km - end.km) * cost[end.edge] / length[end.edge]
                total = along + away + start.access_km * tree.access
                if total < best:
                    best, found = total, (start, end, -1)
        for node, off in ends_of(ground, end, cost):
            if tree.cost[node] + off + away < best:
                best = tree.cost[node] + off + away
                found = tree.starts[tree.root[node]], end, node
    if found is None:
        return None
    start, end, last = found
    if last == -1:
        return Path(start, end, [Step(end.edge, start.km, end.km)])
    return Path(start, end, _walk_back(ground.network, tree, start, end, last))


def _walk_back(net: Network, tree: Tree, start: Snap, end: Snap, last: int) -> list[Step]:
    """Return the steps from a start to an end, which is reached by way of a node."""
    # A crossing's other side is no end of the edge, and no step away.
    back: list[Step] = []
    if last in net.ends[end.edge]:
        first = 0.0 if net.ends[end.edge][0] == last else net.lengths[end.edge]
        back.append(Step(end.edge, first, end.km))
    node = last
    while tree.by[node] >= 0:
        edge, before = tree.by[node], tree.came[node]
        back.append(whole_step(net, edge, before))
        node = before
    if node in net.ends[start.edge]:
        there = 0.0 if net.ends[start.edge][0] == node else net.lengths[start.edge]
        back.append(Step(start.edge, start.km, there))
    return without_stubs(back[::-1], start, end)


def cost_of(net: Network, steps: Sequence[Step], cost: Sequence[float]) -> float:
    """Return what steps cost, the ways to the network left out."""
    whole = ((cost[step.edge], step.km, net.lengths[step.edge]) for step in steps)
    return sum(each * (km / length if length else 1.0) for each, km, length in whole)


def steps_to(ground: Usable, tree: Tree, end: Snap, cost: Sequence[float]) -> list[Step] | None:
    """Return the steps of a tree's least path to a snapped point; None where there is none."""
    path = path_to(ground, tree, (end,), cost)
    return None if path is None else path.steps


def whole_step(net: Network, edge: int, node: int) -> Step:
    """Return the step along an edge from one of its nodes to the other."""
    km = net.lengths[edge]
    return Step(edge, 0.0, km) if net.ends[edge][0] == node else Step(edge, km, 0.0)


def without_stubs(steps: list[Step], start: Snap, end: Snap) -> list[Step]:
    """Return steps without a first or last one of no length: that end is a node."""
    if steps and steps[0].edge == start.edge and steps[0].a == steps[0].b:
        steps = steps[1:]
    if steps and steps[-1].edge == end.edge and steps[-1].a == steps[-1].b:
        steps = steps[:-1]
    return steps

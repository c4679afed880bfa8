"""Graphs as compressed rows, searched by compiled code."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cpecgeo.errors import InputError
from cpecgeo.geodesy._compile import spread
from cpecgeo.osm.hierarchy import Hierarchy

__all__ = ["Graph", "Group", "flat"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Group = tuple[Ints, Floats]  # nodes, and what it costs to get to them or away from them


@dataclass(frozen=True, eq=False)
class Graph:
    """Arcs between nodes 0 to n - 1, with costs that aren't negative.

    Made by `Graph.of`.

    Attributes
    ----------
    first, head, cost, arc : ndarray
        Arcs in order of the node they leave; `arc` is each one's number as given.
    back_first, back_head, back_cost, back_arc : ndarray
        The same in order of the node they enter.
    """

    first: Ints
    head: Ints
    cost: Floats
    arc: Ints
    back_first: Ints
    back_head: Ints
    back_cost: Floats
    back_arc: Ints

    @classmethod
    def of(cls, nodes: int, tail: Any, head: Any, cost: Any, number: Any = None) -> Graph:
        """A graph of arcs.

        Parameters
        ----------
        nodes : int
        tail, head : array of int, shape (arcs,)
        cost : array of float, shape (arcs,)
        number : array of int, shape (arcs,)
            What to call the arcs in answers; 0, 1, … when omitted.

        Raises
        ------
        InputError
            A cost is negative, NaN or infinite.

        Examples
        --------
        >>> graph = Graph.of(3, [0, 1, 0], [1, 2, 2], [1.0, 1.0, 5.0])
        >>> graph.path(graph.node(0), graph.node(2))
        (2.0, array([0, 1], dtype=int32))
        """
        tail, head = np.asarray(tail, np.int32), np.asarray(head, np.int32)
        cost = np.asarray(cost, float)
        if not (np.isfinite(cost) & (cost >= 0)).all():
            raise InputError("Costs of arcs must be finite numbers of 0 or more.")
        number = np.asarray(np.arange(len(tail)) if number is None else number, np.int32)
        out = _rows(nodes, tail, head, cost, number)
        into = _rows(nodes, head, tail, cost, number)
        return cls(*out, *into)

    def __len__(self) -> int:
        return len(self.first) - 1

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return sum(getattr(self, f.name).nbytes for f in fields(self))

    @property
    def turned(self) -> Graph:
        """The same graph with every arc the other way round."""
        back = self.back_first, self.back_head, self.back_cost, self.back_arc
        return Graph(*back, self.first, self.head, self.cost, self.arc)

    @staticmethod
    def node(number: int) -> Group:
        """One node as a start or an end."""
        return np.array([number], np.int32), np.zeros(1)

    def path(self, start: Group, end: Group) -> tuple[float, Ints]:
        """The cheapest way from one of some nodes to one of others, searched from both ends.

        Returns
        -------
        cost : float
            Infinite where there is no way.
        arcs : ndarray of int
            Numbers of the arcs in order, as given to `Graph.of`.
        """
        from cpecgeo.osm._kernels import both_ends

        there, here = np.full(len(self), np.inf), np.full(len(self), np.inf)
        via, back_via = np.full(len(self), -1, np.int32), np.full(len(self), -1, np.int32)
        meet = both_ends(
            self.first, self.head, self.cost, self.back_first, self.back_head, self.back_cost,
            *start, *end, there, here, via, back_via,
        )  # fmt: skip
        if meet < 0:
            return np.inf, np.empty(0, np.int32)
        before = self.tail
        arcs: list[int] = []
        node = meet
        while (arc := via[node]) >= 0:
            arcs.append(int(self.arc[arc]))
            node = before[arc]
        arcs.reverse()
        node, entered = meet, self.back_tail
        while (arc := back_via[node]) >= 0:
            arcs.append(int(self.back_arc[arc]))
            node = entered[arc]
        return float(there[meet] + here[meet]), np.array(arcs, np.int32)

    def grown(self, start: Group, *, goals: Any = (), limit: float = np.inf) -> tuple[Floats, Ints]:
        """Costs from some nodes to others, and the arcs that lead there.

        Parameters
        ----------
        start : Group
        goals : array of int
            Stop when all of these are settled; all nodes when empty.
        limit : float
            Go no farther.

        Returns
        -------
        cost : ndarray, shape (nodes,)
            Infinite where not reached; right up to `limit`, and at the goals.
        via : ndarray of int
            Position (in `head`) of the arc into each node, -1 where none.
        """
        from cpecgeo.osm._kernels import grow

        dist, via = np.full(len(self), np.inf), np.full(len(self), -1, np.int32)
        goal, count = self._goals(goals)
        grow(self.first, self.head, self.cost, *start, goal, count, limit, dist, via)
        return dist, via

    def way_to(self, node: int, via: Ints) -> Ints:
        """Numbers of the arcs to a node, from what `grown` gave."""
        before, arcs = self.tail, []
        while (arc := via[node]) >= 0:
            arcs.append(int(self.arc[arc]))
            node = before[arc]
        return np.array(arcs[::-1], np.int32)

    def matrix(self, starts: list[Group], ends: list[Group]) -> Floats:
        """Least cost from each start to each end, one search a start, on all processors.

        Returns
        -------
        ndarray, shape (starts, ends)
            Infinite where there is no way.
        """
        from cpecgeo.osm._kernels import rows

        seed_first, seeds, start = flat(starts)
        end_first, end, finish = flat(ends)
        goal, count = self._goals(end)
        out = np.full((len(starts), len(ends)), np.inf)

        def work(begin: int, stop: int) -> None:
            rows(
                self.first, self.head, self.cost, seed_first, seeds, start, begin, stop,
                end_first, end, finish, goal, max(count, 0), out,
            )  # fmt: skip

        if out.size:
            spread(work, len(starts), least=1)
        return out

    @cached_property
    def hierarchy(self) -> Hierarchy:
        """The graph prepared for very many questions, once.

        Preparing takes longer than a matrix; after it a question takes microseconds.
        """
        return Hierarchy.of(self)

    def _goals(self, goals: Any) -> tuple[NDArray[np.uint8], int]:
        goal = np.zeros(len(self), np.uint8)
        goal[np.asarray(goals, np.int32)] = 1
        # Below zero the count never comes to nought, so everything is settled.
        return goal, int(goal.sum()) if len(goals) else -1

    @property
    def tail(self) -> Ints:
        """The node that each arc leaves."""
        return np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.first))

    @property
    def back_tail(self) -> Ints:
        """The node that each arc enters, in the order of those that enter."""
        return np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.back_first))


def _rows(
    nodes: int, tail: Ints, head: Ints, cost: Floats, number: Ints
) -> tuple[Ints, Ints, Floats, Ints]:
    order = np.argsort(tail, kind="stable")
    first = np.concatenate(([0], np.cumsum(np.bincount(tail, minlength=nodes))))
    return first.astype(np.int32), head[order], cost[order], number[order]


def flat(groups: list[Group]) -> tuple[Ints, Ints, Floats]:
    """Groups end to end: where each begins, nodes and costs."""
    first = np.cumsum([0, *(len(g[0]) for g in groups)]).astype(np.int32)
    if not groups:
        return first, np.empty(0, np.int32), np.empty(0)
    return first, np.concatenate([g[0] for g in groups]), np.concatenate([g[1] for g in groups])

"""Least-cost search over directed arcs, by scipy."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cpecgeo.errors import InputError, MissingExtraError

__all__ = ["Arcs", "Group"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Group = tuple[Ints, Floats]  # nodes, and the cost of each: from an origin, or to a destination

_AT_ONCE = 4_000_000  # costs held while a matrix is computed
_WIDER = 3.0  # a search that met no destination looks so many times as far


@dataclass(frozen=True, eq=False)
class Arcs:
    """Directed arcs between nodes 0 to n - 1, with costs of 0 or more, as compressed rows.

    Built by `Arcs.of`. Of parallel arcs only the cheapest is kept.

    Attributes
    ----------
    first : ndarray of int32, shape (nodes + 1,)
        The arcs that leave node v are ``first[v]`` to ``first[v + 1]``.
    head : ndarray of int32
        The node that each arc leads to, ascending within a row.
    cost : ndarray
    number : ndarray of int32
        What `Arcs.of` was told to call each arc.
    """

    first: Ints
    head: Ints
    cost: Floats
    number: Ints

    @classmethod
    def of(cls, nodes: int, tail: Any, head: Any, cost: Any, number: Any = None) -> Arcs:
        """Build compressed rows from arcs in any order.

        Parameters
        ----------
        nodes : int
        tail, head : array of int, shape (arcs,)
        cost : array of float, shape (arcs,)
        number : array of int, shape (arcs,), optional
            What to call the arcs in answers; 0, 1, … when omitted.

        Raises
        ------
        InputError
            A cost is negative, NaN or infinite.

        Examples
        --------
        >>> arcs = Arcs.of(3, [0, 1, 0], [1, 2, 2], [1.0, 1.0, 5.0])
        >>> arcs.path(arcs.node(0), arcs.node(2))
        (2.0, array([0, 1], dtype=int32))
        """
        tail, head = np.asarray(tail, np.int32), np.asarray(head, np.int32)
        cost = np.asarray(cost, float)
        if not (np.isfinite(cost) & (cost >= 0)).all():
            raise InputError("Costs of arcs must be finite numbers of 0 or more.")
        number = np.asarray(np.arange(len(tail)) if number is None else number, np.int32)
        order = np.lexsort((cost, head, tail))
        order = order[tail[order] != head[order]]
        same = (np.diff(tail[order]) == 0) & (np.diff(head[order]) == 0)
        order = order[~np.append(False, same)[: len(order)]]
        first = np.concatenate(([0], np.cumsum(np.bincount(tail[order], minlength=nodes))))
        return cls(first.astype(np.int32), head[order], cost[order], number[order])

    def __len__(self) -> int:
        return len(self.first) - 1

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return sum(getattr(self, f.name).nbytes for f in fields(self))

    @staticmethod
    def node(number: int) -> Group:
        """Return one node as an origin or a destination."""
        return np.array([number], np.int32), np.zeros(1)

    def costs(self, start: Group, *, limit: float = np.inf) -> Floats:
        """Return the least cost to each node; infinite where it is above `limit`."""
        return np.asarray(self._search([start], limit)[0, : len(self)], float)

    def matrix(self, starts: list[Group], ends: list[Group], *, limit: float = np.inf) -> Floats:
        """Return the least cost from each start to each end, one search a start.

        Parameters
        ----------
        starts, ends : list of Group
        limit : float
            Look no farther from a start; what ends cost besides isn't counted.

        Returns
        -------
        ndarray, shape (starts, ends)
            Infinite where there is no way.
        """
        out = np.full((len(starts), len(ends)), np.inf)
        node = np.concatenate([e[0] for e in ends] or [np.empty(0, np.int32)])
        finish = np.concatenate([e[1] for e in ends] or [np.empty(0)])
        column: Any = np.repeat(np.arange(len(ends)), [len(e[0]) for e in ends])
        step = max(1, _AT_ONCE // max(len(self), 1))
        for row in range(0, len(starts) if len(node) else 0, step):
            total = self._search(starts[row : row + step], limit)[:, node] + finish
            np.minimum.at(out[row : row + step].T, column, total.T)
        return out

    def path(self, start: Group, end: Group, *, guess: float = np.inf) -> tuple[float, Ints]:
        """Return the cheapest way from any node of a start to any node of an end.

        Parameters
        ----------
        start, end : Group
        guess : float
            What the way may cost. The search begins with that for its limit and widens it
            where needed; the answer doesn't depend on it.

        Returns
        -------
        cost : float
            Infinite where there is no way.
        arcs : ndarray of int
            Numbers of the arcs in order, as given to `Arcs.of`.
        """
        if not (len(start[0]) and len(end[0])):
            return np.inf, np.empty(0, np.int32)
        for limit in dict.fromkeys((guess, _WIDER * guess, np.inf)):
            dist, via = self._search([start], limit, predecessors=True)
            total = dist[0, end[0]] + end[1]
            best = int(total.argmin())
            # What costs more than the limit may have been overtaken by what wasn't looked at.
            if total[best] <= limit:
                break
        if not np.isfinite(total[best]):
            return np.inf, np.empty(0, np.int32)
        node, arcs = int(end[0][best]), []
        while (before := int(via[0, node])) < len(self):
            a, b = self.first[before], self.first[before + 1]
            arcs.append(self.number[a + np.searchsorted(self.head[a:b], node)])
            node = before
        return float(total[best]), np.array(arcs[::-1], np.int32)

    def _search(self, starts: list[Group], limit: float, *, predecessors: bool = False) -> Any:
        """Search from each start, which becomes a node of its own after all others."""
        try:
            from scipy.sparse import csr_array
            from scipy.sparse.csgraph import dijkstra
        except ImportError as error:
            raise MissingExtraError(
                "Searching a network needs scipy: pip install 'cpecgeo[osm]'."
            ) from error
        own = self.first[-1] + np.cumsum([len(s[0]) for s in starts], dtype=np.int32)
        count = len(self) + len(starts)
        rows = csr_array(
            (
                np.concatenate((self.cost, *(s[1] for s in starts))),
                np.concatenate((self.head, *(s[0] for s in starts))),
                np.concatenate((self.first, own), dtype=np.int32),
            ),
            shape=(count, count),
        )
        at = np.arange(len(self), count)
        return dijkstra(rows, indices=at, limit=limit, return_predecessors=predecessors)

"""Graphs prepared for very many questions: contraction hierarchies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from cpecgeo.osm.shortest import Graph, Group

__all__ = ["Hierarchy"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Rows = tuple[Ints, Ints, Floats]


@dataclass(frozen=True, eq=False)
class Hierarchy:
    """A graph with shortcuts in it, so that a question visits some hundreds of nodes.

    Made by `Graph.hierarchy`. Costs are those of the graph, summed; nothing is rounded.

    Attributes
    ----------
    up, down : tuple of ndarray
        Arcs to higher nodes, and from them, as compressed rows by the lower node.

    References
    ----------
    Geisberger, Sanders, Schultes and Delling (2008), "Contraction Hierarchies", WEA. Matrices
    by buckets: Knopp, Sanders, Schultes, Schulz and Wagner (2007), "Computing Many-to-Many
    Shortest Paths Using Highway Hierarchies", ALENEX.
    """

    up: Rows
    down: Rows

    @classmethod
    def of(cls, graph: Graph) -> Hierarchy:
        """Prepare a graph; see `Graph.hierarchy`."""
        from cpecgeo.osm._contracting import contract

        up, down = contract(graph.first, graph.head, graph.cost)
        return cls(_sorted(len(graph), *up), _sorted(len(graph), *down))

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return sum(int(x.nbytes) for x in (*self.up, *self.down))

    def matrix(self, starts: list[Group], ends: list[Group]) -> Floats:
        """Least cost from each start to each end, as `Graph.matrix`.

        Returns
        -------
        ndarray, shape (starts, ends)
            Infinite where there is no way.
        """
        from cpecgeo.osm._contracting import meet

        out = np.full((len(starts), len(ends)), np.inf)
        if not out.size:
            return out
        column, node, rest = self._climbed(ends, self.down, self.up)
        bucket, column, rest = _sorted(len(self.up[0]) - 1, node, column, rest)
        meet(*self._climbed(starts, self.up, self.down), bucket, column, rest, out)
        return out

    @staticmethod
    def _climbed(groups: list[Group], way: Rows, back: Rows) -> Rows:
        from cpecgeo.osm._contracting import climb
        from cpecgeo.osm.shortest import flat

        found: Any = climb(*way, *back, len(way[0]) - 1, *flat(groups), 0, len(groups))
        return found  # type: ignore[no-any-return]


def _sorted(nodes: int, low: Ints, high: Ints, cost: Floats) -> Rows:
    """Compressed rows by `low`."""
    order = np.argsort(low, kind="stable")
    first = np.concatenate(([0], np.cumsum(np.bincount(low, minlength=nodes))))
    return first.astype(np.int32), high[order], cost[order]

"""Least-cost search over directed arcs, by scipy, and the paths between points of a network."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely.geometry import LineString

from cpecgeo.errors import InputError, MissingExtraError
from cpecgeo.osm.elements import Elements, Foot, Segments, clip

__all__ = [
    "Arcs",
    "Foot",
    "Group",
    "Path",
    "Span",
    "Weights",
    "clip",
    "draw",
    "spans",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Group = tuple[Ints, Floats]  # nodes, and the cost of each: from an origin, or to a destination

_AT_ONCE = 4_000_000  # costs in memory while a matrix is computed
_WIDER = 3.0  # factor on the limit when a search finds no destination


@dataclass(frozen=True, eq=False)
class Arcs:
    """Directed arcs between nodes 0 to n - 1, with costs of 0 or more, in compressed rows.

    Built by `Arcs.of`. Of parallel arcs only the cheapest is kept.

    Attributes
    ----------
    first : ndarray of int32, shape (nodes + 1,)
        The arcs that leave node v are ``first[v]`` to ``first[v + 1]``.
    head : ndarray of int32
        The node that each arc leads to, ascending within a row.
    cost : ndarray
    number : ndarray of int32
        The caller's number of each arc.
    """

    first: Ints
    head: Ints
    cost: Floats
    number: Ints

    @classmethod
    def of(
        cls, nodes: int, tail: ArrayLike, head: ArrayLike, cost: ArrayLike,
        number: ArrayLike | None = None,
    ) -> Arcs:  # fmt: skip
        """Build compressed rows from arcs in any order; `number` names them in answers.

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
        """Return the least cost to each node; infinite above `limit`."""
        return np.asarray(self._search([start], limit)[0, : len(self)], float)

    def matrix(self, starts: list[Group], ends: list[Group], *, limit: float = np.inf) -> Floats:
        """Return the least cost from each start to each end, by one search per start.

        Infinite where there is no path, or the cost without that of the end is above `limit`.
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
        """Return the cost and the arcs of the cheapest path from a start to an end.

        The cost is infinite where there is no path. The search begins with the guess of the cost as
        its limit and raises the limit where needed; the answer doesn't depend on it.
        """
        if not (len(start[0]) and len(end[0])):
            return np.inf, np.empty(0, np.int32)
        for limit in dict.fromkeys((guess, _WIDER * guess, np.inf)):
            dist, via = self._search([start], limit, predecessors=True)
            total = dist[0, end[0]] + end[1]
            best = int(total.argmin())
            # A path that costs more than the limit may not be the cheapest.
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
        """Search from each start, which becomes an extra node after all others."""
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


Span = tuple[int, float, float]  # an edge, and the shares between which it is used

_NAMED = ("name", "ref", "highway", "railway")


@dataclass(frozen=True, eq=False)
class Path:
    """The shortest or quickest path between two points of a network.

    Attributes
    ----------
    line : LineString or None
        lon, lat; None where both ends are the same point.
    length_km, hours : float
        On the network, from the foot of the origin to the foot of the destination.
    access_km : tuple of float
        Geodesic distance from origin and destination to their feet; not in `length_km`.
    nodes : ndarray of int64
        OpenStreetMap ids of the junctions passed.
    ways : DataFrame
        Ways used, in order: `way`, `name`, `ref`, `highway`, `railway`, `length_km`.
    """

    line: LineString | None
    length_km: float
    hours: float
    access_km: tuple[float, float]
    nodes: NDArray[np.int64]
    ways: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Weights:
    """Edges with the cost of each, and the arcs that have these costs."""

    edges: Segments
    cost: Floats
    arcs: Arcs

    def path(self, start: Foot, end: Foot, *, guess: float = np.inf) -> tuple[float, Ints]:
        """Return the cost and the arcs of the cheapest path between two feet; see `Arcs.path`.

        No arc is used where the feet are on one edge and the path stays on it.
        """
        found = self.arcs.path(
            self._nodes(start, end=False), self._nodes(end, end=True), guess=guess
        )
        direct = self._along(start, end)
        return (direct, np.empty(0, np.int32)) if direct <= found[0] else found

    def matrix(self, starts: list[Foot], ends: list[Foot], *, limit: float = np.inf) -> Floats:
        """Return the least cost from each start to each end; see `Arcs.matrix`."""
        table = self.arcs.matrix(
            [self._nodes(start, end=False) for start in starts],
            [self._nodes(end, end=True) for end in ends],
            limit=limit,
        )
        on: dict[int, list[int]] = {}
        for j, end in enumerate(ends):
            on.setdefault(end.edge, []).append(j)
        for i, start in enumerate(starts):
            for j in on.get(start.edge, ()):
                table[i, j] = min(table[i, j], self._along(start, ends[j]))
        return table

    def _nodes(self, foot: Foot, *, end: bool) -> Group:
        """Return the nodes next to a foot in the direction of travel, with their costs."""
        if foot.node >= 0:
            return Arcs.node(foot.node)
        e, edges = foot.edge, self.edges
        ahead, back = (1 - foot.share) * float(self.cost[e]), foot.share * float(self.cost[e])
        tail, head = edges.tail[e], edges.head[e]
        # Going forward, a destination is reached from the tail, and an origin is left to the head.
        nodes = [(tail, back), (head, ahead)] if end else [(head, ahead), (tail, back)]
        is_open = (bool(edges.forward[e]), bool(edges.backward[e]))
        kept = [n for n, may in zip(nodes, is_open, strict=True) if may]
        return np.array([n for n, _ in kept], np.int32), np.array([c for _, c in kept], float)

    def _along(self, a: Foot, b: Foot) -> float:
        """Return the cost along the edge that both feet are on; infinite where impossible."""
        if a.edge != b.edge or a.edge < 0:
            return np.inf
        free = self.edges.forward[a.edge] if b.share >= a.share else self.edges.backward[a.edge]
        if not free and a.share != b.share:
            return np.inf
        return abs(b.share - a.share) * float(self.cost[a.edge])

    def reach(self, ways: Elements, start: Foot, limit: float) -> gpd.GeoDataFrame:
        """Return the edges within a cost limit of a foot, clipped at the limit."""
        edges, cost = self.edges, self.cost
        dist = self.arcs.costs(self._nodes(start, end=False), limit=limit)
        with np.errstate(divide="ignore", invalid="ignore"):
            forth = np.where(edges.forward, np.clip((limit - dist[edges.tail]) / cost, 0, 1), 0.0)
            back = np.where(edges.backward, np.clip((limit - dist[edges.head]) / cost, 0, 1), 0.0)
        forth, back = np.nan_to_num(forth, nan=0.0), np.nan_to_num(back, nan=0.0)
        used: list[Span] = []
        for e in np.flatnonzero((forth > 0) | (back > 0)).tolist():
            if forth[e] + back[e] >= 1:
                used.append((e, 0.0, 1.0))
                continue
            used += [(e, 0.0, float(forth[e]))] if forth[e] > 0 else []
            used += [(e, 1 - float(back[e]), 1.0)] if back[e] > 0 else []
        if start.edge >= 0 and (start.edge, 0.0, 1.0) not in used:
            e = start.edge
            wide = limit / cost[e] if cost[e] > 0 else 1.0
            low = max(0.0, start.share - wide) if edges.backward[e] else start.share
            high = min(1.0, start.share + wide) if edges.forward[e] else start.share
            used = [(f, a, b) for f, a, b in used if f != e or b <= low or a >= high]
            used.append((e, low, high))
        lines = [clip(edges.coords(e), a, b) for e, a, b in used]
        used = [span for span, line in zip(used, lines, strict=True) if line is not None]
        edge = np.array([e for e, _, _ in used], int)
        nearer = np.minimum(dist[edges.tail[edge]], dist[edges.head[edge]])
        columns = _name(ways, edges.way[edge]) | {
            "cost": np.where(edge == start.edge, 0.0, nearer),
            "whole": [a == 0 and b == 1 for _, a, b in used],
        }
        return gpd.GeoDataFrame(columns, geometry=[g for g in lines if g is not None], crs=4326)


def spans(edges: Segments, start: Foot, end: Foot, arcs: NDArray[np.int32]) -> list[Span]:
    """Return the spans of edges along a path, in order.

    Arc ``2 e`` runs along edge e, ``2 e + 1`` against it.
    """
    along = [(int(a) // 2, 0.0, 1.0) if a % 2 == 0 else (int(a) // 2, 1.0, 0.0) for a in arcs]
    if not along and start.edge >= 0 and start.edge == end.edge:
        return [(start.edge, start.share, end.share)]
    if along:
        first, last = along[0], along[-1]
        leave = (edges.tail if first[1] == 0 else edges.head)[first[0]]
        enter = (edges.head if last[2] == 1 else edges.tail)[last[0]]
    elif start.node >= 0:
        leave = enter = np.int32(start.node)
    elif end.node >= 0:
        leave = enter = np.int32(end.node)
    else:  # directly from one edge to its neighbour
        shared = {int(edges.tail[start.edge]), int(edges.head[start.edge])} & {
            int(edges.tail[end.edge]), int(edges.head[end.edge])}  # fmt: skip
        leave = enter = np.int32(min(shared, key=lambda n: _km_by(edges, start, end, n)))
    if start.edge >= 0:
        along.insert(0, (start.edge, start.share, _share(edges, start, leave, end=False)))
    if end.edge >= 0:
        along.append((end.edge, _share(edges, end, enter, end=True), end.share))
    return along


def _share(edges: Segments, foot: Foot, node: int, *, end: bool) -> float:
    """Return the share of a foot's edge where a node is: 0 or 1; on a ring, the nearer one."""
    e = foot.edge
    if edges.tail[e] != edges.head[e]:
        return 1.0 if edges.head[e] == node else 0.0
    onward = 0.0 if end else 1.0
    if not (edges.forward[e] and edges.backward[e]):
        return onward if edges.forward[e] else 1.0 - onward
    return float(round(foot.share))


def _km_by(edges: Segments, start: Foot, end: Foot, node: int) -> float:
    """Return the kilometres from one foot to another through a node that their edges share."""
    return sum(
        abs(_share(edges, foot, node, end=last) - foot.share) * float(edges.km[foot.edge])
        for foot, last in ((start, False), (end, True))
    )


def draw(ways: Elements, edges: Segments, start: Foot, end: Foot, arcs: NDArray[np.int32]) -> Path:
    """Build a path with its line, lengths and ways."""
    used = spans(edges, start, end, arcs)
    share = np.array([abs(b - a) for _, a, b in used])
    edge = np.array([e for e, _, _ in used], int)
    lines = [line for e, a, b in used if (line := clip(edges.coords(e), a, b)) is not None]
    xy = shapely.get_coordinates(lines)
    xy = xy[np.append(True, (np.diff(xy, axis=0) != 0).any(axis=1))[: len(xy)]]
    table = pd.DataFrame({"way": edges.way[edge], "length_km": share * edges.km[edge]})
    turn = (table["way"] != table["way"].shift()).cumsum()
    table = table.groupby(turn, sort=False).agg({"way": "first", "length_km": "sum"})
    named = _name(ways, table["way"].to_numpy())
    nodes = [edges.tail[a // 2] if a % 2 == 0 else edges.head[a // 2] for a in arcs.tolist()]
    if len(arcs):
        last = int(arcs[-1])
        nodes.append(edges.head[last // 2] if last % 2 == 0 else edges.tail[last // 2])
    return Path(
        line=LineString(xy) if len(xy) > 1 else None,
        length_km=float((share * edges.km[edge]).sum()),
        hours=float((share * edges.hours[edge]).sum()),
        access_km=(start.access_km, end.access_km),
        nodes=edges.node_id[np.array(nodes, int)],
        ways=pd.DataFrame(named | {"length_km": table["length_km"].to_numpy()}),
    )


def _name(ways: Elements, way: NDArray[np.int64]) -> dict[str, Any]:
    """Return id and names of ways by position, as columns."""
    tags = [ways.tags[w] for w in way]
    named = {key: pd.Series([t.get(key) for t in tags], dtype=object) for key in _NAMED}
    return {"way": ways.way_id[way]} | named

"""Networks of ways: shortest paths, matrices and reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from cpecgeo.errors import InputError
from cpecgeo.features.resolve import resolve
from cpecgeo.geodesy import Chainage, Index, length_km
from cpecgeo.geodesy.inputs import positive_km
from cpecgeo.osm.elements import Elements
from cpecgeo.osm.segments import Segments, segments
from cpecgeo.osm.shortest import Graph, Group

__all__ = ["Network", "Path", "Spot"]

Weight = Literal["km", "hours"]


@dataclass(frozen=True)
class Spot:
    """A place on a network: a share of the way along an edge, or a node.

    Attributes
    ----------
    edge : int
        -1 where the spot is a node.
    share : float
        0 at the edge's tail, 1 at its head.
    node : int
        -1 where the spot is on an edge.
    access_km : float
        Geodesic distance from what was asked for.
    """

    edge: int
    share: float
    node: int
    access_km: float


@dataclass(frozen=True, eq=False)
class Path:
    """A way through a network.

    Attributes
    ----------
    line : LineString or None
        None where both ends are the same place.
    length_km, hours : float
        On the network, from the place nearest to the start to that nearest to the end.
    access_km : tuple of float
        Geodesic distance from start and end to the network; not in `length_km`.
    nodes : ndarray of int64
        OpenStreetMap ids of the junctions passed.
    ways : DataFrame
        Ways used, in order: `way`, `name`, `ref`, `highway`, `length_km`.
    """

    line: Any
    length_km: float
    hours: float
    access_km: tuple[float, float]
    nodes: NDArray[np.int64]
    ways: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Network:
    """Roads or tracks of an area as a graph.

    Made by `cpecgeo.osm.graph`.

    Attributes
    ----------
    kind : str
        ``"drive"``, ``"rail"`` ….
    ways : Elements
        The ways with all their tags.
    segments : Segments
        The same, cut where they meet; all components are kept.
    record : mapping
        Source, snapshot date, query, licence.

    Notes
    -----
    Lengths are geodesic. Hours are free-flow: the mapped `maxspeed`, else the implicit limit
    of `cpecgeo.osm.speeds`. Turns, their restrictions, barriers and gradients don't count.
    Edges between the same two nodes are all kept.
    """

    kind: str
    ways: Elements
    segments: Segments
    record: Mapping[str, Any]

    @classmethod
    def of(cls, ways: Elements, kind: str, record: Mapping[str, Any]) -> Network:
        """A network of some ways."""
        both = kind in {"rail", "walk"}
        return cls(kind, ways, segments(ways, both=both, on_foot=kind == "walk"), record)

    @property
    def nbytes(self) -> int:
        """Memory held by edges and graphs made so far, in bytes; tags not counted."""
        graphs = [self.__dict__[k] for k in ("by_km", "by_hours") if k in self.__dict__]
        return self.segments.nbytes + sum(int(g.nbytes) for g in graphs)

    @cached_property
    def by_km(self) -> Graph:
        """The graph whose costs are kilometres."""
        return self.weighted(self.segments.km)

    @cached_property
    def by_hours(self) -> Graph:
        """The graph whose costs are hours."""
        return self.weighted(self.segments.hours)

    @cached_property
    def index(self) -> Index:
        """All edges, prepared for finding the nearest."""
        return Index(list(self.segments.lines()))

    def weighted(self, cost: NDArray[np.float64]) -> Graph:
        """A graph with a cost of one's own for each edge, the same both ways.

        Arc ``2 e`` runs along edge e, ``2 e + 1`` against it.
        """
        s = self.segments
        tail = np.column_stack((s.tail, s.head)).ravel()
        head = np.column_stack((s.head, s.tail)).ravel()
        open_ = np.flatnonzero(np.column_stack((s.forward, s.backward)).ravel())
        return Graph.of(len(s.node_id), tail[open_], head[open_], cost[open_ // 2], open_)

    def spots(self, x: Any, *, what: str = "x") -> list[Spot]:
        """The nearest places on the network's edges.

        Parameters
        ----------
        x : int, Point, Place, str, or a sequence or GeoSeries of these
            An int is the OpenStreetMap id of a junction.
        """
        many = isinstance(x, (list, tuple, np.ndarray))
        if isinstance(x, (int, np.integer)) or (many and all(_is_id(v) for v in x)):
            return [self._junction(int(v)) for v in (x if many else [x])]
        if many:
            x = [resolve(v, what).geometry for v in x]
        points = resolve(x, what, kinds={"Point"}).shapes
        if not len(self.segments):
            raise InputError(f"The network has no {self.kind} ways; ask for a larger area.")
        near = self.index.nearest(points)
        edge = near["target"].to_numpy(int)
        long = self.segments.km[edge]
        share = np.divide(near["km"], long, out=np.zeros(len(long)), where=long > 0)
        return [
            Spot(int(e), float(min(max(s, 0.0), 1.0)), -1, float(d))
            for e, s, d in zip(edge, share, near["distance_km"], strict=True)
        ]

    def _junction(self, node: int) -> Spot:
        at = np.flatnonzero(self.segments.node_id == node)
        if not len(at):
            raise InputError(
                f"OpenStreetMap node {node} is no junction or end of this network's ways; "
                "give a point, and the nearest place is found."
            )
        return Spot(-1, 0.0, int(at[0]), 0.0)

    def seeds(self, spot: Spot, cost: NDArray[np.float64], *, end: bool) -> Group:
        """The nodes that lead away from a spot, or to it, with what that costs."""
        if spot.node >= 0:
            return Graph.node(spot.node)
        s, e = self.segments, spot.edge
        ahead, back = (1 - spot.share) * float(cost[e]), spot.share * float(cost[e])
        # An end is come to from the tail by going forward; a start is left towards the head.
        nodes = [(s.tail[e], back), (s.head[e], ahead)] if end else [
            (s.head[e], ahead), (s.tail[e], back)]  # fmt: skip
        open_ = (bool(s.forward[e]), bool(s.backward[e]))
        kept = [n for n, o in zip(nodes, open_, strict=True) if o]
        return np.array([n for n, _ in kept], np.int32), np.array([c for _, c in kept], float)

    def along(self, a: Spot, b: Spot, cost: NDArray[np.float64]) -> float:
        """The cost from a to b on one edge without leaving it; infinite where that can't be."""
        if a.edge != b.edge or a.edge < 0:
            return np.inf
        s = self.segments
        free = s.forward[a.edge] if b.share >= a.share else s.backward[a.edge]
        return (
            abs(b.share - a.share) * float(cost[a.edge]) if free or a.share == b.share else np.inf
        )

    def costs(self, weight: Weight) -> NDArray[np.float64]:
        """Kilometres or hours of each edge."""
        if weight not in {"km", "hours"}:
            raise InputError(f"weight is {weight!r}; give 'km' or 'hours'.")
        return self.segments.km if weight == "km" else self.segments.hours

    def by(self, weight: Weight) -> Graph:
        """The graph whose costs are kilometres, or hours."""
        self.costs(weight)
        return self.by_km if weight == "km" else self.by_hours

    def path(self, a: Any, b: Any, *, weight: Weight = "km") -> Path | None:
        """The shortest or quickest way from one place to another.

        Parameters
        ----------
        a, b : Point, Place, str or int
            lon, lat; snapped to the nearest place on an edge. An int is the OpenStreetMap id
            of a junction.
        weight : {"km", "hours"}

        Returns
        -------
        Path or None
            None where there is no way.

        Raises
        ------
        InputError
            An unknown weight or node, or an empty network.
        """
        from cpecgeo.osm.paths import drawn

        start, end = self.spots(a, what="a")[0], self.spots(b, what="b")[0]
        each = self.costs(weight)
        cost, arcs = self.by(weight).path(
            self.seeds(start, each, end=False), self.seeds(end, each, end=True)
        )
        if self.along(start, end, each) <= cost:
            cost, arcs = self.along(start, end, each), np.empty(0, np.int32)
        return drawn(self, start, end, arcs) if np.isfinite(cost) else None

    def matrix(
        self,
        a: Any,
        b: Any = None,
        *,
        weight: Weight = "km",
        engine: Literal["dijkstra", "hierarchy"] = "dijkstra",
    ) -> pd.DataFrame:
        """Least km or hours from each place to each other.

        Parameters
        ----------
        a, b : sequence of places
            As in `path`, or a GeoSeries of points; `b` is `a` when omitted.
        weight : {"km", "hours"}
        engine : {"dijkstra", "hierarchy"}
            The same lengths. ``"hierarchy"`` prepares the network when it is first asked for
            (contraction hierarchies), which pays from some hundreds of rows on.

        Returns
        -------
        DataFrame
            A row for each of `a`, a column for each of `b`; infinite where there is no way.
        """
        starts = self.spots(a, what="a")
        ends = starts if b is None else self.spots(b, what="b")
        graph, each = self.by(weight), self.costs(weight)
        seeds = [self.seeds(s, each, end=False) for s in starts]
        goals = [self.seeds(s, each, end=True) for s in ends]
        if engine not in {"dijkstra", "hierarchy"}:
            raise InputError(f"engine is {engine!r}; give 'dijkstra' or 'hierarchy'.")
        cost = (graph if engine == "dijkstra" else graph.hierarchy).matrix(seeds, goals)
        on: dict[int, list[int]] = {}
        for j, end in enumerate(ends):
            on.setdefault(end.edge, []).append(j)
        for i, start in enumerate(starts):
            for j in on.get(start.edge, ()):
                cost[i, j] = min(cost[i, j], self.along(start, ends[j], each))
        rows, columns = (getattr(x, "index", None) for x in (a, a if b is None else b))
        return pd.DataFrame(
            cost,
            index=rows if isinstance(rows, pd.Index) else None,
            columns=columns if isinstance(columns, pd.Index) else None,
        )

    def reach(
        self, a: Any, *, km: float | None = None, hours: float | None = None
    ) -> gpd.GeoDataFrame:
        """Everything within some km or hours of a place.

        Parameters
        ----------
        a : place
            As in `path`.
        km, hours : float
            One of the two.

        Returns
        -------
        GeoDataFrame
            The stretches that can be reached, cut where the limit runs out: `way`, `name`,
            `ref`, `highway`, `cost` (km or hours at the nearer end), `whole`, geometry.
        """
        from cpecgeo.osm.paths import reached

        if (km is None) == (hours is None):
            raise InputError("Give either km= or hours= to reach.")
        weight: Weight = "km" if hours is None else "hours"
        limit = positive_km(km if hours is None else hours, weight)  # type: ignore[arg-type]
        return reached(self, self.spots(a, what="a")[0], weight, limit)

    def edges(self) -> gpd.GeoDataFrame:
        """All edges: `way`, `name`, `ref`, `highway`, `railway`, `km`, `hours`, ends, geometry."""
        s = self.segments
        columns: dict[str, Any] = {"way": self.ways.way_id[s.way]}
        for key in ("name", "ref", "highway", "railway", "maxspeed", "oneway"):
            columns[key] = pd.Series([t.get(key) for t in self.ways.tags], dtype=object)[
                s.way
            ].to_numpy()
        columns |= {"km": s.km, "hours": s.hours, "forward": s.forward, "backward": s.backward}
        columns |= {"from_node": s.node_id[s.tail], "to_node": s.node_id[s.head]}
        frame = gpd.GeoDataFrame(columns, geometry=list(s.lines()), crs=4326)
        frame.attrs = {"licence": "ODbL-1.0", **self.record}
        return frame

    def networkx(self) -> Any:
        """The network as the MultiDiGraph that osmnx works with, lengths geodesic in metres."""
        import networkx as nx

        s, graph = self.segments, nx.MultiDiGraph(crs="epsg:4326")
        for node, (x, y) in zip(s.node_id.tolist(), s.node_xy.tolist(), strict=True):
            graph.add_node(node, x=x, y=y)
        lines = s.lines()
        for e in range(len(s)):
            u, v = int(s.node_id[s.tail[e]]), int(s.node_id[s.head[e]])
            what = {
                **self.ways.tags[s.way[e]],
                "osmid": int(self.ways.way_id[s.way[e]]),
                "length": s.km[e] * 1e3,
                "travel_time": s.hours[e] * 3600,
            }
            one = not (s.forward[e] and s.backward[e])
            if s.forward[e]:
                graph.add_edge(u, v, **what | {"oneway": one, "geometry": lines[e]})
            if s.backward[e]:
                graph.add_edge(v, u, **what | {"oneway": one, "geometry": lines[e].reverse()})
        return graph

    def _repr_html_(self) -> str:
        total = float(np.sum(self.segments.km))
        return (
            f"<div><strong>{self.kind} network</strong>, OpenStreetMap "
            f"{self.record.get('snapshot') or 'of unknown date'}: {len(self.ways):,} ways, "
            f"{len(self.segments):,} edges, {total:,.1f} km</div>"
        )


def _is_id(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def part(coords: NDArray[np.float64], a: float, b: float) -> Any:
    """The stretch of an edge between two shares of its length; None where it has no length."""
    line = shapely.LineString(coords)
    if {a, b} == {0.0, 1.0}:
        return line if a < b else line.reverse()
    whole = length_km(line)
    if abs(a - b) * whole < 1e-9:
        return None
    return Chainage(line).between(a * whole, b * whole)

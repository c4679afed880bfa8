"""Graphs of roads and tracks: shortest paths, matrices and reach."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path as FilePath
from typing import Any, Literal, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from cpecgeo.errors import InputError, NetworkError
from cpecgeo.features.places import Place
from cpecgeo.features.resolve import resolve
from cpecgeo.features.subject import SubjectLike
from cpecgeo.geodesy import Index, buffer, length_km
from cpecgeo.geodesy.inputs import positive_km
from cpecgeo.osm.elements import Elements, Foot, Segments, point, split
from cpecgeo.osm.overpass import Overpass
from cpecgeo.osm.paths import Arcs, Path, Weights, draw
from cpecgeo.osm.sources import acquire
from cpecgeo.osm.tags import network_filters

__all__ = ["Graph", "graph"]

Weight = Literal["km", "hours"]
Kind = Literal["main", "drive", "drive_service", "walk", "rail"]
PointLike: TypeAlias = "int | str | Place | shapely.Point"
PointsLike: TypeAlias = "Sequence[PointLike] | gpd.GeoSeries"

_CELL_DEG = 0.5
# For a first guess of a path's cost: detour factor of bends, and km/h of journeys.
_BENDS, _SPARE_KM, _SLOW_KMH = 1.4, 1.0, 40.0


@dataclass(frozen=True, eq=False)
class Graph:
    """Roads or tracks of an area as a graph.

    Built by `cpecgeo.osm.graph`.

    Attributes
    ----------
    kind : str
        ``"drive"``, ``"rail"`` ….
    ways : Elements
        The ways with all their tags.
    segments : Segments
        The ways split where they meet; all components are kept.
    record : mapping
        Source, snapshot date, query, licence.

    Notes
    -----
    Lengths are geodesic. Hours are free-flow, at the mapped `maxspeed`, else at the implicit limit
    of `cpecgeo.osm.speeds`. Turns, turn restrictions, barriers and gradients aren't considered.
    Paths are found by scipy (Dijkstra's algorithm).
    """

    kind: str
    ways: Elements
    segments: Segments
    record: Mapping[str, Any]

    @classmethod
    def of(cls, ways: Elements, kind: str, record: Mapping[str, Any]) -> Graph:
        """Build a graph from ways."""
        both = kind in {"rail", "walk"}
        return cls(kind, ways, split(ways, both=both, on_foot=kind == "walk"), record)

    @property
    def nbytes(self) -> int:
        """Memory held by edges and arcs built so far, in bytes; tags not counted."""
        arcs = [self.__dict__[k] for k in ("by_km", "by_hours") if k in self.__dict__]
        return self.segments.nbytes + sum(int(a.nbytes) for a in arcs)

    @cached_property
    def by_km(self) -> Arcs:
        """The arcs whose costs are kilometres."""
        return self.weigh(self.segments.km)

    @cached_property
    def by_hours(self) -> Arcs:
        """The arcs whose costs are hours."""
        return self.weigh(self.segments.hours)

    @cached_property
    def index(self) -> Index:
        """All edges, prepared for finding the nearest."""
        return Index(list(self.segments.lines()))

    def weigh(self, cost: NDArray[np.float64]) -> Arcs:
        """Build arcs with a given cost for each edge, the same in both directions.

        Arc ``2 e`` runs along edge e, ``2 e + 1`` against it.
        """
        s = self.segments
        tail = np.column_stack((s.tail, s.head)).ravel()
        head = np.column_stack((s.head, s.tail)).ravel()
        open_ = np.flatnonzero(np.column_stack((s.forward, s.backward)).ravel())
        return Arcs.of(len(s.node_id), tail[open_], head[open_], cost[open_ // 2], open_)

    def snap(self, x: PointLike | PointsLike, what: str = "x") -> list[Foot]:
        """Snap points to the closest point of the network.

        Parameters
        ----------
        x : int, Point, Place, str, or a sequence or GeoSeries of these
            An int is the OpenStreetMap id of a junction.
        what : str
            The argument's name, for messages.
        """
        many = isinstance(x, (list, tuple, np.ndarray))
        each: Any = x if many else [x]
        if all(_is_id(v) for v in each):
            return [self._junction(int(v)) for v in each]
        shapes: Any = [resolve(v, what, anywhere=True).geometry for v in each] if many else x
        points = resolve(shapes, what, kinds={"Point"}, anywhere=True).shapes
        if not len(self.segments):
            raise InputError(f"The network has no {self.kind} ways; ask for a larger area.")
        near = self.index.nearest(points)
        edge = near["target"].to_numpy(int)
        long = self.segments.km[edge]
        share = np.divide(near["km"], long, out=np.zeros(len(long)), where=long > 0)
        return [
            Foot(int(e), float(min(max(s, 0.0), 1.0)), -1, float(d))
            for e, s, d in zip(edge, share, near["distance_km"], strict=True)
        ]

    def _junction(self, node: int) -> Foot:
        at = np.flatnonzero(self.segments.node_id == node)
        if not len(at):
            raise InputError(
                f"OpenStreetMap node {node} is no junction or end of this network's ways; "
                "give a point, and the closest point of the network is found."
            )
        return Foot(-1, 0.0, int(at[0]), 0.0)

    def _weights(self, weight: Weight) -> Weights:
        """Return the edges with their kilometres or hours as costs."""
        if weight not in {"km", "hours"}:
            raise InputError(f"weight is {weight!r}; give 'km' or 'hours'.")
        if weight == "km":
            return Weights(self.segments, self.segments.km, self.by_km)
        return Weights(self.segments, self.segments.hours, self.by_hours)

    def path(self, a: PointLike, b: PointLike, *, weight: Weight = "km") -> Path | None:
        """Return the shortest or quickest path between two points.

        Parameters
        ----------
        a, b : Point, Place, str or int
            lon, lat; snapped to the closest point of an edge. An int is the OpenStreetMap id
            of a junction.
        weight : {"km", "hours"}

        Returns
        -------
        Path or None
            None where there is no path.

        Raises
        ------
        InputError
            An unknown weight or node, or an empty network.
        """
        start, end = self.snap(a, "a")[0], self.snap(b, "b")[0]
        weights = self._weights(weight)
        apart = length_km(shapely.LineString([self._point(f) for f in (start, end)]))
        guess = _BENDS * float(apart) + _SPARE_KM
        guess = guess if weight == "km" else guess / _SLOW_KMH
        least, along = weights.path(start, end, guess=guess)
        return draw(self.ways, self.segments, start, end, along) if np.isfinite(least) else None

    def _point(self, foot: Foot) -> Any:
        return self.segments.node_xy[foot.node] if foot.node >= 0 else point(self.segments, foot)

    def matrix(
        self,
        a: PointsLike,
        b: PointsLike | None = None,
        *,
        weight: Weight = "km",
    ) -> pd.DataFrame:
        """Return the least km or hours from each point of `a` to each of `b`.

        Parameters
        ----------
        a, b : sequence of points
            As in `path`, or a GeoSeries of points; `b` is `a` when omitted.
        weight : {"km", "hours"}

        Returns
        -------
        DataFrame
            A row for each of `a`, a column for each of `b`; infinite where there is no path.
        """
        starts = self.snap(a, "a")
        ends = starts if b is None else self.snap(b, "b")
        table = self._weights(weight).matrix(starts, ends)
        rows, columns = (getattr(x, "index", None) for x in (a, a if b is None else b))
        return pd.DataFrame(
            table,
            index=rows if isinstance(rows, pd.Index) else None,
            columns=columns if isinstance(columns, pd.Index) else None,
        )

    def reach(
        self, a: PointLike, *, km: float | None = None, hours: float | None = None
    ) -> gpd.GeoDataFrame:
        """Return everything within some km or hours of a point.

        Parameters
        ----------
        a : point
            As in `path`.
        km, hours : float
            One of the two.

        Returns
        -------
        GeoDataFrame
            The edges within reach, clipped at the limit: `way`, `name`, `ref`, `highway`,
            `railway`, `cost` (km or hours at the nearer end), `whole`, geometry.
        """
        if (km is None) == (hours is None):
            raise InputError("Give either km= or hours= to reach.")
        weight: Weight = "km" if hours is None else "hours"
        limit = positive_km(km if hours is None else hours, weight)  # type: ignore[arg-type]
        frame = self._weights(weight).reach(self.ways, self.snap(a, "a")[0], limit)
        frame.attrs = {"weight": weight, "limit": limit, "licence": "ODbL-1.0", **self.record}
        return frame

    def edges(self) -> gpd.GeoDataFrame:
        """Return all edges with the names of their ways, km, hours, ends and geometry."""
        s = self.segments
        columns: dict[str, Any] = {"way": self.ways.way_id[s.way]}
        for key in ("name", "ref", "highway", "railway", "maxspeed", "oneway"):
            values = pd.Series([t.get(key) for t in self.ways.tags], dtype=object)
            columns[key] = values[s.way].to_numpy()
        columns |= {"km": s.km, "hours": s.hours, "forward": s.forward, "backward": s.backward}
        columns |= {"from_node": s.node_id[s.tail], "to_node": s.node_id[s.head]}
        frame = gpd.GeoDataFrame(columns, geometry=list(s.lines()), crs=4326)
        frame.attrs = {"licence": "ODbL-1.0", **self.record}
        return frame

    def networkx(self) -> Any:
        """Return a MultiDiGraph as osmnx uses it, with geodesic lengths in metres."""
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


def _is_id(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def graph(
    area: SubjectLike | None = None,
    *,
    network: Kind = "drive",
    file: str | FilePath | None = None,
    buffer_km: float = 5.0,
    overpass: Overpass | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> Graph:
    """Build a network of roads or tracks from OpenStreetMap.

    Parameters
    ----------
    area : Corridor, str, Polygon, GeoSeries, GeoDataFrame or None
        In lon, lat or any CRS. For a corridor, line, point or name, the area within `buffer_km`.
        None stands for all of `file`.
    network : {"main", "drive", "drive_service", "walk", "rail"}
        ``main`` is motorways to secondary roads.
    file : path, optional
        An ``.osm.pbf`` or ``.osm`` file, such as a regional extract; nothing is downloaded.
    buffer_km : float
        Geodesic kilometres around a line or point.
    overpass : Overpass, optional
        Settings of requests; the defaults when omitted.
    progress : callable, optional
        Called with the number of areas done and of all areas.

    Returns
    -------
    Graph
        All components and tags are kept. Ways that cross the border of the area are kept whole. A
        way with missing nodes, as at the border of an extract, ends where they are missing;
        `ways_clipped` in `record` counts such ways.

    Raises
    ------
    InputError
        No area and no file.
    NetworkError
        Overpass gave no answer.
    FileError, UnknownNameError, MissingExtraError

    Warns
    -----
    DataWarning
        Ways have missing nodes.

    Notes
    -----
    A whole country is too much for Overpass. An area is requested in cells of half a degree, one
    after the other, and each answer is cached, so that an interrupted download continues where it
    stopped. Use an extract for large areas.
    """
    filters = network_filters(network)
    if area is None and file is None:
        raise InputError("Give an area, or file='….osm.pbf' to take all of a file.")
    shape = None if area is None else _shape(area, buffer_km)
    areas = [shape] if file is not None else _cells(shape)
    ways, record = acquire(
        [(p, filters) for p in areas], file=file, overpass=overpass, progress=progress
    )
    if not len(ways):
        message = (
            f"OpenStreetMap has no {network} ways there; check the area (lon, lat) or the file."
        )
        raise NetworkError(message) if file is None else InputError(message)
    return Graph.of(ways, network, record | {"network": network})


def _shape(area: SubjectLike, buffer_km: float) -> Any:
    shapes = [
        g if g.geom_type.endswith("Polygon") else buffer(g, buffer_km)
        for g in resolve(area, "area", anywhere=True).shapes
    ]
    return shapely.union_all(shapes)


def _cells(shape: shapely.Polygon) -> list[Any]:
    """Split a polygon into cells small enough for one request each."""
    west, south, east, north = shape.bounds
    xs = np.arange(np.floor(west / _CELL_DEG), np.ceil(east / _CELL_DEG)) * _CELL_DEG
    ys = np.arange(np.floor(south / _CELL_DEG), np.ceil(north / _CELL_DEG)) * _CELL_DEG
    cells = [
        shapely.intersection(shape, shapely.box(x, y, x + _CELL_DEG, y + _CELL_DEG))
        for y in ys
        for x in xs
    ]
    parts = (p for c in cells for p in shapely.get_parts(c))
    return [p for p in parts if p.geom_type == "Polygon" and not p.is_empty]

"""The bundled corridor network: one graph of roads and railways."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from itertools import product
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely.geometry import LineString

from cpecgeo import geodesy
from cpecgeo.catalogue import data_version
from cpecgeo.catalogue.files import data_path, exists, fingerprint
from cpecgeo.catalogue.geometry import MAPPED_KM, OSM_CREDIT, SNAP_KM, Line, redrawn_sections
from cpecgeo.catalogue.lines import drawn_sections
from cpecgeo.errors import DataError
from cpecgeo.features.subject import html_card, html_table
from cpecgeo.geodesy import Chainage, length_km

__all__ = ["FINE_KM", "Network", "calibrate", "frame_edges", "load_shared", "network"]

# A straight edge of this length follows its geodesic to some millimetres.
FINE_KM = 1.0

# Rounding: allowed difference of an edge's length and the distance of its ends on the section.
_SAME_KM = 1e-3

XY = tuple[float, float]
Floats = NDArray[np.float64]
_Drawn = tuple[Floats, Floats]  # vertices and calibrated km from the edge's start


@dataclass(frozen=True, eq=False)
class Network:
    """Roads and railways as nodes and edges.

    Returned by `network`.

    Attributes
    ----------
    nodes : GeoDataFrame
        Junctions, towns and stations: `id name name_ur mode geometry`.
    edges : GeoDataFrame
        `u v` (rows of `nodes`), `mode` (road, rail, transfer), `km` (calibrated), `hours`,
        `section name sections status opened season speed_class kmh country crossing basis
        accuracy_km source licence geometry`.
    measures : tuple of ndarray
        Calibrated km at the vertices of each edge, from 0.
    own : frozenset of int
        Rows of `edges` that belong to a caller's corridors.

    Examples
    --------
    >>> n = network()
    >>> sorted(set(n.edges["mode"]))
    ['rail', 'road', 'transfer']
    """

    nodes: gpd.GeoDataFrame
    edges: gpd.GeoDataFrame
    measures: tuple[Floats, ...] = field(repr=False)
    own: frozenset[int] = field(default=frozenset(), repr=False)

    @cached_property
    def ends(self) -> tuple[tuple[int, int], ...]:
        """The nodes `u` and `v` of each edge."""
        return tuple(map(tuple, self.edges[["u", "v"]].to_numpy().tolist()))

    @cached_property
    def lengths(self) -> tuple[float, ...]:
        """Calibrated km of each edge, the last value of its measures."""
        return tuple(float(km[-1]) for km in self.measures)

    @cached_property
    def meets(self) -> tuple[tuple[tuple[int, int], ...], ...]:
        """The edges at each node, each with the node at its other end."""
        at: list[list[tuple[int, int]]] = [[] for _ in range(len(self.nodes))]
        for i, (u, v) in enumerate(self.ends):
            at[u].append((i, v))
            at[v].append((i, u))
        return tuple(tuple(sorted(x)) for x in at)

    @cached_property
    def beside(self) -> dict[int, tuple[int, ...]]:
        """Nodes at the same position as others, with these others."""
        at: dict[XY, list[int]] = {}
        for i, xy in enumerate(shapely.get_coordinates(self.nodes.geometry.to_numpy()).tolist()):
            at.setdefault((xy[0], xy[1]), []).append(i)
        return {i: tuple(j for j in x if j != i) for x in at.values() if len(x) > 1 for i in x}

    @cached_property
    def lines(self) -> NDArray[np.object_]:
        """The lines of the edges."""
        return np.asarray(self.edges.geometry.array, object)

    @cached_property
    def fine(self) -> NDArray[np.object_]:
        """The lines, densified so that straight edges between vertices are geodesics."""
        return np.asarray(geodesy.densify(self.edges.geometry, FINE_KM).array, object)

    def cut(self, stretches: Sequence[tuple[int, float, float]]) -> list[LineString]:
        """Return the lines of stretches of edges.

        Parameters
        ----------
        stretches : sequence of (int, float, float)
            Edge, km from and km to; reversed where km decreases.

        Returns
        -------
        list of LineString
            Two equal vertices where a stretch has no length.
        """
        return [_cut(self, edge, a, b) for edge, a, b in stretches]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the nodes, empty where they have none."""
        return tuple(self.nodes["name"])

    @cached_property
    def rows(self) -> tuple[dict[str, Any], ...]:
        """The edges as dictionaries, for reading one by one."""
        frame = pd.DataFrame(self.edges).assign(opened=self.edges["opened"].astype(object))
        frame["opened"] = frame["opened"].where(frame["opened"].notna(), None)
        return tuple(frame.to_dict("records"))

    @cached_property
    def columns(self) -> dict[str, NDArray[Any]]:
        """Columns of the edges for filters, as arrays."""
        edges = self.edges
        opened = edges["opened"].str[:4].astype(float)
        return {
            **{c: edges[c].to_numpy(object) for c in ("mode", "status", "season", "crossing")},
            **{c: edges[c].to_numpy(float) for c in ("km", "hours")},
            "speed_class": edges["speed_class"].to_numpy(object),
            "year": opened.to_numpy(float),
        }

    @cached_property
    def of_section(self) -> dict[str, NDArray[np.int64]]:
        """The edges of each section."""
        found: dict[str, list[int]] = {}
        for edge, names in enumerate(self.edges["sections"]):
            for name in names:
                found.setdefault(name, []).append(edge)
        return {name: np.array(edges) for name, edges in found.items()}

    @cached_property
    def _licences(self) -> frozenset[str]:
        return frozenset(self.edges["licence"].dropna())

    def provenance(self, sections: Iterable[str] = ()) -> dict[str, Any]:
        """Return the entries of an answer's `.attrs` about the data and geometry of sections."""
        attrs = self.edges.attrs
        about = {"data_version": attrs["data_version"], "geometry": attrs["geometry"]}
        if "ODbL-1.0" in self._licences:
            about["credits"] = [OSM_CREDIT]
        stay = sorted(set(attrs.get("bundled", ())) & set(sections))
        return about | ({"bundled": stay} if about["geometry"] == "osm" else {})

    def _repr_html_(self) -> str:
        by = self.edges.groupby(["mode", "status"])["km"].agg(["count", "sum"]).round(0)
        rows = [(*key, *row) for key, row in zip(by.index, by.to_numpy().tolist(), strict=True)]
        return html_card("Corridor network", html_table(rows, ("mode", "status", "edges", "km")))


@lru_cache(maxsize=4096)
def _chain(net: Network, edge: int) -> Chainage:
    """Return the line of an edge with its calibrated km."""
    return Chainage(net.lines[edge], net.measures[edge])


def calibrate(net: Network, edge: int, drawn_km: ArrayLike) -> Floats:
    """Return the calibrated km at drawn km of an edge."""
    drawn = np.asarray(drawn_km, float)
    return np.asarray(_chain(net, edge).calibrate(drawn, 0))


def _cut(net: Network, edge: int, a: float, b: float) -> LineString:
    """Return the line of an edge from km `a` to km `b`."""
    line, whole = net.lines[edge], net.lengths[edge]
    low, high = max(min(a, b), 0.0), min(max(a, b), whole)
    if high - low <= SNAP_KM:
        bank: Literal["before", "after"] = "after" if low < whole else "before"
        point = _chain(net, edge).at(low, bank=bank) if whole else shapely.get_point(line, 0)
        return LineString([point, point])
    if (low, high) != (0.0, whole):
        line = _chain(net, edge).between(low, high)
    return line if a <= b else line.reverse()


def network() -> Network:
    """Return the bundled network of every corridor and section, road and rail.

    Returns
    -------
    Network
        A copy.

    Notes
    -----
    Sections are cut at their named points; a stretch of several sections is one edge. Lines are
    joined where they share a point, or have points of the same name at most 2 km apart. Kilometres
    are calibrated: the published length of the shortest base section that has one is distributed
    along the drawn line. Hours follow from `data/speeds.csv`, and road and rail are joined by
    `data/transfers.csv`. These are stated assumptions, except for the main line, with the average
    speed of its timetable, and the border, with measured hours (`border_hours.csv`).

    Examples
    --------
    >>> n = network()
    >>> float(n.edges.loc[n.edges["section"] == "raikot-thakot", "km"].sum().round(6))
    280.0
    """
    own = load_shared()
    return Network(own.nodes.copy(), own.edges.copy(), own.measures)


def load_shared() -> Network:
    """Return the network of the geometry in force, from the shared cache; not to be changed."""
    key = fingerprint()
    return _load_bundled() if key is None else _redrawn(key)


@cache
def _load_bundled() -> Network:
    """Load the network that `make data` built; a smaller one without OpenStreetMap's folder."""
    name = "odbl/network.json" if exists("odbl/network.json") else "network.json"
    path = data_path(name)
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        nodes, edges, vertices = (stored[table] for table in ("nodes", "edges", "vertices"))
        xy = np.column_stack([vertices[axis] for axis in ("lon", "lat")])
        ends = np.cumsum(edges.pop("vertices"))
        lines = shapely.linestrings(
            xy, indices=np.repeat(np.arange(len(ends)), np.diff(ends, prepend=0))
        )
        measures = np.split(np.array(vertices["km"]), ends[:-1])
        edges["sections"] = [tuple(names.split()) for names in edges["sections"]]
        points = shapely.points(nodes.pop("lon"), nodes.pop("lat"))
        frame = gpd.GeoDataFrame(nodes, geometry=points, crs=4326)
        table = frame_edges({**edges, "geometry": lines})
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} can't be read: {error!r}. Install again.") from error
    frame.attrs = _ATTRS | {"data_version": data_version(), "geometry": "bundled"}
    for km in measures:
        km.flags.writeable = False
    return Network(frame, table, tuple(measures))


_ATTRS = {
    "method": "sections cut at named points, calibrated km",
    "ellipsoid": "WGS 84",
    "edges": "geodesic",
}


def frame_edges(rows: list[dict[str, Any]] | dict[str, Any]) -> gpd.GeoDataFrame:
    """Return rows or columns of edges as a table."""
    first = ["u", "v", "mode", "km", "hours", "section", "name", "status", "opened"]
    frame = gpd.GeoDataFrame(rows, geometry="geometry", crs=4326)
    rest = [c for c in frame.columns if c not in {*first, "geometry"}]
    frame = frame[[*first, *rest, "geometry"]]
    frame["accuracy_km"] = frame["accuracy_km"].astype(float)
    frame.attrs = _ATTRS | {
        "sources": sorted(set(frame["source"].dropna())),
        "data_version": data_version(),
        "geometry": "bundled",
    }
    return frame


@lru_cache(maxsize=4)
def _redrawn(key: Hashable) -> Network:
    """Return the network on the refreshed lines of its sections.

    Edges, their lengths and their nodes stay as bundled, because kilometres are calibrated and km
    posts keep their chainage on a refreshed line. A node moves to the end of the first redrawn edge
    there; the other edges are extended to it. `.attrs` of the edges names the sections with edges
    that stay bundled (`bundled`).
    """
    net, lines = _load_bundled(), redrawn_sections(key)
    nodes, edges, ends = net.nodes, net.edges, net.ends
    drawn: dict[int, _Drawn] = {}
    using: dict[int, Line] = {}
    km, shapes = edges["km"].to_numpy(float), net.lines
    # From the section that gives an edge its km, else from another section over it.
    over = [edges["section"].map(lambda s: (s,)), edges["sections"]]
    for names, (section, line) in product(over, lines.items()):
        rows = np.flatnonzero([section in of for of in names] & (km > 0))
        rows = rows[~np.isin(rows, list(drawn))]
        found = _draw(section, rows, shapes[rows], km[rows], line)
        drawn |= found
        using |= dict.fromkeys(found, line)
    new_xy = _move(net, drawn)
    new, kms = list(shapes), list(net.measures)
    for i, (u, v) in enumerate(ends):
        xy, at = drawn.get(i, (shapely.get_coordinates(shapes[i]), kms[i]))
        if i in drawn:
            xy, at = _extend(xy, at, new_xy[u], new_xy[v])
        elif u in new_xy or v in new_xy:
            xy = xy.copy()
            xy[0], xy[-1] = new_xy.get(u, xy[0]), new_xy.get(v, xy[-1])
        at.flags.writeable = False
        new[i], kms[i] = shapely.LineString(xy), at
    where = [new_xy.get(n, p) for n, p in enumerate(shapely.get_coordinates(nodes.geometry))]
    moved = nodes.set_geometry(shapely.points(np.array(where)), crs=4326)
    moved.attrs = nodes.attrs | {"geometry": "osm"}
    return Network(moved, _describe_redrawn(edges.set_geometry(new, crs=4326), using), tuple(kms))


def _describe_redrawn(edges: gpd.GeoDataFrame, using: Mapping[int, Line]) -> gpd.GeoDataFrame:
    """Add source, licence and accuracy of redrawn edges."""
    about = {name: edges.columns.get_loc(name) for name in edges.columns}
    attrs, rows, new = edges.attrs, list(using), list(using.values())
    sources = [
        f"{line.source}; {old}" for line, old in zip(new, edges["source"].iloc[rows], strict=True)
    ]
    edges.iloc[rows, about["source"]] = sources
    edges.iloc[rows, about["licence"]] = "ODbL-1.0"
    whole = [i for i, line in zip(rows, new, strict=True) if line.whole]
    edges.iloc[whole, about["accuracy_km"]] = MAPPED_KM
    edges.iloc[whole, about["basis"]] = "surveyed"
    stays = (edges["mode"] != "transfer").to_numpy() & ~np.isin(np.arange(len(edges)), rows)
    edges.attrs = attrs | {
        "geometry": "osm",
        "bundled": sorted(set(edges["section"][stays])),
        "sources": sorted(set(edges["source"].dropna())),
    }
    return edges


def _draw(
    section: str, rows: NDArray[np.int64], edges: NDArray[np.object_], kms: Floats, line: Line
) -> dict[int, _Drawn]:
    """Return the edges of a section that lie on its refreshed line, by row."""
    old = drawn_sections().get(section)
    if old is None or not len(rows):
        return {}
    bundled, chain = Chainage(old["geometry"]), Chainage(line.line, line.measures_km)
    ends = [bundled.locate(shapely.get_point(edges, i))["km"].to_numpy(float) for i in (0, -1)]
    # A line that runs over a stretch twice has two chainages there, possibly the wrong one.
    same = np.abs(np.abs(ends[1] - ends[0]) - length_km(edges)) < _SAME_KM
    spans = np.interp(ends, bundled.measures_km, np.asarray(old["measures_km"], float)).T
    drawn = {}
    for row, km, (start, stop) in zip(rows[same].tolist(), kms[same], spans[same], strict=True):
        low, high = max(min(start, stop), 0.0), min(max(start, stop), chain.end_km)
        xy = shapely.get_coordinates(chain.between(low, high))
        inside = chain.measures_km
        inside = inside[(inside > low + SNAP_KM) & (inside < high - SNAP_KM)]
        at = np.concatenate(([low], inside, [high])) - low
        at = np.minimum(at * (km / at[-1]), km)  # ends exactly at the edge's km
        at[-1] = km
        drawn[row] = (xy, at) if start <= stop else (xy[::-1], km - at[::-1])
    return drawn


def _move(net: Network, drawn: Mapping[int, _Drawn]) -> dict[int, Floats]:
    """Return the new position of each node at redrawn edges."""
    new_xy: dict[int, Floats] = {}
    for i, (xy, _) in drawn.items():
        for node, at in zip(net.ends[i], (xy[0], xy[-1]), strict=True):
            if node not in new_xy:
                # Nodes at the same position, for instance of road and rail, stay together.
                new_xy |= dict.fromkeys((node, *net.beside.get(node, ())), at)
    return new_xy


def _extend(xy: Floats, km: Floats, start: Floats, end: Floats) -> _Drawn:
    """Extend an edge to its nodes; the added parts have no kilometres."""
    if (xy[0] != start).any():
        xy, km = np.vstack((start, xy)), np.concatenate((km[:1], km))
    if (xy[-1] != end).any():
        xy, km = np.vstack((xy, end)), np.concatenate((km, km[-1:]))
    return xy, km

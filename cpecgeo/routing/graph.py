"""The bundled corridor network: one graph of roads and railways."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, Point

from cpecgeo import geodesy
from cpecgeo.catalogue import data_version
from cpecgeo.catalogue.cite import OSM_CREDIT
from cpecgeo.catalogue.files import read_table
from cpecgeo.catalogue.geometry import fingerprint, redrawn_sections, using
from cpecgeo.features.subject import html_card, html_table
from cpecgeo.routing.redrawn import redraw
from cpecgeo.routing.segments import (
    XY,
    Node,
    Segment,
    Vertex,
    add_transfers,
    find_countries,
    join_junctions,
    read_segments,
    read_vertices,
    section_rows,
    split_borders,
    state_season,
)

__all__ = ["FINE_KM", "Network", "frame_edges", "network", "shared"]

# A straight edge this short is its geodesic to some millimetres.
FINE_KM = 1.0
# How well a town is placed where only the network draws a road through it.
_TOWN_KM = 2.0


@dataclass(frozen=True, eq=False)
class Network:
    """Roads and railways as nodes and edges.

    `network` makes one.

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
        Rows of `edges` that belong to corridors of the caller's.

    Examples
    --------
    >>> n = network()
    >>> sorted(set(n.edges["mode"]))
    ['rail', 'road', 'transfer']
    """

    nodes: gpd.GeoDataFrame
    edges: gpd.GeoDataFrame
    measures: tuple[NDArray[np.float64], ...] = field(repr=False)
    own: frozenset[int] = field(default=frozenset(), repr=False)

    @cached_property
    def ends(self) -> tuple[tuple[int, int], ...]:
        """The nodes `u` and `v` of each edge."""
        return tuple(map(tuple, self.edges[["u", "v"]].to_numpy().tolist()))

    @cached_property
    def lengths(self) -> tuple[float, ...]:
        """Calibrated km of each edge, the last of its measures."""
        return tuple(float(km[-1]) for km in self.measures)

    @cached_property
    def meets(self) -> tuple[tuple[tuple[int, int], ...], ...]:
        """Per node, the edges that meet there with the node at their other end."""
        at: list[list[tuple[int, int]]] = [[] for _ in range(len(self.nodes))]
        for i, (u, v) in enumerate(self.ends):
            at[u].append((i, v))
            at[v].append((i, u))
        return tuple(tuple(sorted(x)) for x in at)

    @cached_property
    def beside(self) -> dict[int, tuple[int, ...]]:
        """Nodes that share their position with others, and which those are."""
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
        """The lines with vertices so close that straight edges between them are geodesics."""
        return np.asarray(geodesy.densify(self.edges.geometry, FINE_KM).array, object)

    @cached_property
    def _chain(self) -> tuple[geodesy.Chainage, NDArray[np.float64]]:
        """All edges that have a length as one line, and the km on it that each starts at."""
        starts = np.concatenate(([0.0], np.cumsum(self.lengths)))[:-1]
        own = [i for i, km in enumerate(self.lengths) if km > 0]
        lines = shapely.MultiLineString([self.lines[i] for i in own])
        measures = np.concatenate([starts[i] + self.measures[i] for i in own])
        return geodesy.Chainage(lines, measures), starts

    def cut(self, stretches: Sequence[tuple[int, float, float]]) -> list[LineString]:
        """Return the lines of stretches of edges.

        Parameters
        ----------
        stretches : sequence of (int, float, float)
            Edge, km from and km to; backwards where km falls.

        Returns
        -------
        list of LineString
            With two equal vertices where a stretch has no length.
        """
        found: list[LineString] = []
        split: list[tuple[int, int, float, float]] = []
        for at, (edge, a, b) in enumerate(stretches):
            line, whole = self.lines[edge], self.lengths[edge]
            if whole == 0:
                found.append(LineString([line.coords[0]] * 2))
            elif {a, b} == {0.0, whole}:
                found.append(line if b > a else line.reverse())
            else:
                found.append(line)
                split.append((at, edge, a, b))
        if split:
            rows, edges, a_km, b_km = (np.array(column) for column in zip(*split, strict=True))
            chain, starts = self._chain
            whole_km = np.array(self.lengths)[edges]
            low = np.maximum(np.minimum(a_km, b_km), 0.0)
            high = np.minimum(np.maximum(a_km, b_km), whole_km)
            first = shapely.get_coordinates(chain.at(starts[edges] + low, bank="after").array)
            last = shapely.get_coordinates(chain.at(starts[edges] + high, bank="before").array)
            # A stretch of no length at an end of its edge isn't to reach into the edge beside it.
            still = low == high
            last[still & (low < whole_km)] = first[still & (low < whole_km)]
            first[still & (low == whole_km)] = last[still & (low == whole_km)]
            for i, (row, edge) in enumerate(zip(rows, edges, strict=True)):
                km = self.measures[edge]
                inner = shapely.get_coordinates(self.lines[edge])[(km > low[i]) & (km < high[i])]
                line = LineString(np.vstack((first[i], inner, last[i])))
                found[row] = line if a_km[i] <= b_km[i] else line.reverse()
        return found

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the nodes, empty where they have none."""
        return tuple(self.nodes["name"])

    @cached_property
    def rows(self) -> tuple[dict[str, Any], ...]:
        """The edges as dictionaries, for reading one at a time."""
        frame = pd.DataFrame(self.edges).assign(opened=self.edges["opened"].astype(object))
        frame["opened"] = frame["opened"].where(frame["opened"].notna(), None)
        return tuple(frame.to_dict("records"))

    @cached_property
    def columns(self) -> dict[str, NDArray[Any]]:
        """Columns of the edges that filters read, as arrays."""
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
        """Return what `.attrs` of an answer over some sections say of data and geometry."""
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


def network() -> Network:
    """Return the bundled network of every corridor and section, road and rail.

    Returns
    -------
    Network
        A copy of your own.

    Notes
    -----
    Sections are cut at their named points; a stretch that several sections run over is one
    edge. Lines are joined where they share a point, or points of one name at most 2 km apart.
    Kilometres are calibrated: the published length of the shortest base section that has one,
    shared out along the drawn line. Hours follow from `data/speeds.csv`, road and rail are
    joined by `data/transfers.csv`: stated assumptions but for the main line, which has the
    average of its timetable, and the border, which has measured hours (`border_hours.csv`).

    Examples
    --------
    >>> n = network()
    >>> float(n.edges.loc[n.edges["section"] == "raikot-thakot", "km"].sum().round(6))
    280.0
    """
    own = shared()
    return Network(own.nodes.copy(), own.edges.copy(), own.measures)


def shared() -> Network:
    """Return the network of the geometry in force, kept in memory: not to be changed."""
    key = fingerprint()
    return _bundled() if key is None else _redrawn(key)


@lru_cache(maxsize=4)
def _redrawn(key: Hashable) -> Network:
    made = _bundled()
    return Network(
        *redraw(made.nodes, made.edges, made.measures, made.beside, redrawn_sections(key))
    )


@cache
def _bundled() -> Network:
    with using(geometry="bundled"):
        return _join()


def _join() -> Network:
    at, where = read_vertices()
    sections = section_rows()
    segments = read_segments(where, sections)
    same = join_junctions({(s.mode, xy) for s in segments for xy in (s.a, s.b)}, at)
    keys: dict[Node, int] = {}
    rows: list[dict[str, Any]] = []
    measures: list[NDArray[np.float64]] = []
    for chain, line in _chains(segments, at, same):
        ends = [same.get((chain[0].mode, xy), xy) for xy in (line[0], line[-1])]
        u, v = (keys.setdefault((chain[0].mode, xy, ""), len(keys)) for xy in ends)
        km = np.concatenate(([0.0], np.cumsum([s.km for s in chain])))
        rows.append(
            {
                "u": u,
                "v": v,
                "mode": chain[0].mode,
                "km": float(km[-1]),
                "section": chain[0].section,
                "sections": tuple(sorted(chain[0].km_of)),
                "status": chain[0].status,
                "opened": chain[0].opened or None,
                "accuracy_km": max(s.accuracy_km for s in chain),
                "geometry": LineString(line),
            }
        )
        measures.append(km)
    _describe(rows, sections)
    split_borders(rows, keys, measures)
    add_transfers(rows, keys, measures, where, same)
    for km in measures:
        km.flags.writeable = False
    return Network(_frame_nodes(keys, at), frame_edges(rows), tuple(measures))


def _chains(
    parts: list[Segment], at: dict[XY, Vertex], same: dict[tuple[str, XY], XY]
) -> list[tuple[list[Segment], list[XY]]]:
    """Return chains of segments from node to node, each with the positions along it."""
    meet: dict[tuple[str, XY], list[int]] = {}
    for i, segment in enumerate(parts):
        for xy in (segment.a, segment.b):
            meet.setdefault((segment.mode, same.get((segment.mode, xy), xy)), []).append(i)

    def ends(mode: str, xy: XY) -> bool:
        here = meet[mode, same.get((mode, xy), xy)]
        return xy in at or len(here) != 2 or parts[here[0]].kind != parts[here[1]].kind

    seen: set[int] = set()
    chains = []
    for i, segment in enumerate(parts):
        for start, ahead in ((segment.a, segment.b), (segment.b, segment.a)):
            if i in seen or not ends(segment.mode, start):
                continue
            chain, line, now = [segment], [start, ahead], i
            seen.add(i)
            while not ends(segment.mode, line[-1]):
                now = next(j for j in meet[segment.mode, line[-1]] if j != now)
                step = parts[now]
                seen.add(now)
                chain.append(step)
                line.append(step.b if step.a == line[-1] else step.a)
            chains.append((chain, line))
    return chains


def _describe(rows: list[dict[str, Any]], sections: dict[str, dict[str, Any]]) -> None:
    """Add what the section says, the speed and the country."""
    speeds = read_table("speeds.csv").set_index("id")["kmh"].astype(float)
    lines = gpd.GeoSeries([row["geometry"] for row in rows], crs=4326)
    drawn = geodesy.length_km(lines)
    for row, country, chord in zip(rows, find_countries(lines), drawn, strict=True):
        about = sections[row["section"]]
        kmh = float(speeds[about["speed_class"]])
        accuracy = row["accuracy_km"]
        if pd.isna(accuracy):
            # How far a road of this length can be from the straight line between its ends.
            accuracy = 0.5 * np.sqrt(max(0.0, row["km"] ** 2 - chord**2)) + _TOWN_KM
        row |= {
            "name": about["name"],
            "speed_class": about["speed_class"],
            "season": state_season(about),
            "kmh": kmh,
            "hours": row["km"] / kmh,
            "country": country,
            "crossing": "",
            "basis": about["basis"],
            "accuracy_km": float(accuracy),
            "source": about["source"],
            "licence": about["licence"],
        }


def _frame_nodes(keys: dict[Node, int], at: dict[XY, Vertex]) -> gpd.GeoDataFrame:
    unnamed = Vertex("", "", "")
    found = [at.get(xy, unnamed) for _, xy, _ in keys]
    frame = gpd.GeoDataFrame(
        {
            "id": [v.id for v in found],
            "name": [v.name for v in found],
            "name_ur": [v.name_ur for v in found],
            "mode": [mode for mode, _, _ in keys],
        },
        geometry=[Point(xy) for _, xy, _ in keys],
        crs=4326,
    )
    frame.attrs = _ATTRS | {"data_version": data_version(), "geometry": "bundled"}
    return frame


_ATTRS = {
    "method": "sections cut at named points, calibrated km",
    "ellipsoid": "WGS 84",
    "edges": "geodesic",
}


def frame_edges(rows: list[dict[str, Any]]) -> gpd.GeoDataFrame:
    """Return rows of edges as a table."""
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

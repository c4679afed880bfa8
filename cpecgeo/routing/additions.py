"""The network extended by a caller's corridors, joined at their ends and stops."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, Point

from cpecgeo.catalogue.files import read_features, read_table
from cpecgeo.errors import InputError
from cpecgeo.features.corridor import Corridor
from cpecgeo.geodesy import Chainage, Index, nearest
from cpecgeo.routing.graph import Network, calibrate, frame_edges

__all__ = ["JOIN_KM", "extend", "find_countries"]

# Default distance from the network within which an end or stop joins it.
JOIN_KM = 2.0
# Smaller distances, of a millimetre, are rounding.
_SAME_KM = 1e-6
_CLASSES = {"road": "highway", "rail": "rail-main"}

Floats = NDArray[np.float64]


@dataclass
class _Draft:
    """A network under construction: rows of edges with their measures, and rows of nodes."""

    rows: list[dict[str, Any]]
    measures: list[Floats]
    nodes: list[dict[str, Any]]
    own: set[int]
    joins: list[dict[str, Any]] = field(default_factory=list)

    def add_node(self, at: Point, mode: str, name: str = "", label: str = "") -> int:
        self.nodes.append({"id": label, "name": name, "name_ur": "", "mode": mode, "geometry": at})
        return len(self.nodes) - 1

    def add_edge(self, row: dict[str, Any], measures: Floats) -> None:
        measures = np.asarray(measures, float)
        measures.flags.writeable = False
        self.own.add(len(self.rows))
        self.rows.append({**row, "km": float(measures[-1])})
        self.measures.append(measures)

    def split(self, edge: int, km: float) -> int:
        """Cut an edge in two at a km; return the node there."""
        row, measures = self.rows[edge], self.measures[edge]
        if km <= _SAME_KM:
            return int(row["u"])
        if km >= measures[-1] - _SAME_KM:
            return int(row["v"])
        xy = shapely.get_coordinates(row["geometry"])
        at = int(np.searchsorted(measures, km, side="right"))
        low, high = measures[at - 1], measures[at]
        chain = Chainage(LineString(xy[at - 1 : at + 1]))
        point = chain.at(chain.end_km * (km - low) / (high - low))
        node = self.add_node(point, row["mode"])
        share = km / measures[-1]
        # At a vertex, that vertex is the end of the first part, so no second one is added.
        before = at - 1 if km - low < _SAME_KM else at
        first = np.append(measures[:before], km)
        rest = np.insert(measures[at:] - km, 0, 0.0)
        hours = row["hours"]
        self.rows.append(
            {
                **row,
                "u": node,
                "km": float(rest[-1]),
                "hours": hours * (1.0 - share),
                "geometry": LineString([(point.x, point.y), *xy[at:]]),
            }
        )
        self.measures.append(_freeze(rest))
        if edge in self.own:
            self.own.add(len(self.rows) - 1)
        self.rows[edge] = {
            **row,
            "v": node,
            "km": float(km),
            "hours": hours * share,
            "geometry": LineString([*xy[:before], (point.x, point.y)]),
        }
        self.measures[edge] = _freeze(first)
        return node

    def network(self, like: Network) -> Network:
        nodes = gpd.GeoDataFrame(self.nodes, geometry="geometry", crs=4326)
        edges = frame_edges(self.rows)[list(like.edges.columns)]
        nodes.attrs, earlier = dict(like.nodes.attrs), like.edges.attrs.get("joins", ())
        edges.attrs = {**like.edges.attrs, "joins": (*earlier, *self.joins)}
        edges.attrs["sources"] = sorted(set(edges["source"].dropna()))
        return Network(nodes, edges, tuple(self.measures), frozenset(self.own))


def _freeze(km: Floats) -> Floats:
    km.flags.writeable = False
    return km


@lru_cache(maxsize=16)
def extend(net: Network, corridors: tuple[Corridor, ...], join_km: float) -> Network:
    """Return the network extended by a caller's corridors.

    Each corridor is cut at its stops. An end or a stop is joined to lines of its mode within
    `join_km`, in the network or in an earlier corridor. The line is cut there, and a stretch of the
    corridor's kind is added. At stops of a railway near a road one can change.
    """
    waiting = list(corridors)
    while waiting:
        for corridor in waiting:
            extended = _add(net, corridor, join_km)
            if extended is not None:
                net = extended
                waiting.remove(corridor)
                break
        else:
            raise InputError(_say_apart(net, waiting[0], join_km))
    return net


def _say_apart(net: Network, corridor: Corridor, join_km: float) -> str:
    """Return the message for a corridor that joins nowhere, with the distances of its ends."""
    ends = [corridor.at(0.0), corridor.at(corridor.end_km)]
    lines = net.edges.geometry[(net.columns["km"] > 0) & (net.columns["mode"] != "transfer")]
    away = Index(lines).nearest(gpd.GeoSeries(ends, crs=4326))["distance_km"]
    return (
        f"extra has {corridor.title!r}, which joins the network nowhere: its ends lie "
        f"{away.iloc[0]:,.1f} and {away.iloc[1]:,.1f} km off, more than join_km={join_km:g}. Give "
        "it a stop where it meets a road or railway, or raise join_km."
    )


def _add(net: Network, corridor: Corridor, join_km: float) -> Network | None:
    """Return the network with one more corridor; None where it joins nowhere."""
    draft = _Draft(list(net.rows), list(net.measures), net.nodes.to_dict("records"), set(net.own))
    places = _draw(draft, net, corridor)
    joined = _join(draft, net, corridor, places, join_km)
    return draft.network(net) if joined else None


_Places = dict[tuple[str, float], tuple[int, str]]


def _draw(draft: _Draft, net: Network, corridor: Corridor) -> _Places:
    """Add a corridor's edges; return its nodes by mode and chainage, with their names."""
    stops = corridor.stops
    inside = stops["km"].between(-_SAME_KM, corridor.end_km + _SAME_KM)
    cuts: dict[float, tuple[str, str]] = {0.0: ("", ""), corridor.end_km: ("", "")}
    for label, name, km in stops.loc[inside, ["id", "name", "km"]].itertuples(index=False):
        near = next((at for at in cuts if abs(at - km) <= _SAME_KM), float(km))
        cuts[near] = (str(name), str(label))
    for km in corridor.sections["km_to"]:
        if all(abs(at - km) > _SAME_KM for at in cuts):
            cuts[float(km)] = ("", "")
    speeds = read_table("speeds.csv").set_index("id")["kmh"].astype(float)
    places: _Places = {}
    xy, measures = shapely.get_coordinates(corridor.line), corridor.chainage.measures_km
    before = len(draft.rows)
    for section in corridor.sections.to_dict("records"):
        low, high, mode = section["km_from"], section["km_to"], section["kind"]
        here = sorted(km for km in cuts if low - _SAME_KM <= km <= high + _SAME_KM)
        for a, b in pairwise(here):
            ends = []
            for km in (a, b):
                if (mode, km) not in places:
                    name, label = cuts[km]
                    node = draft.add_node(corridor.at(km), mode, name, label)
                    places[mode, km] = node, name or f"{corridor.title}, km {km:g}"
                ends.append(places[mode, km][0])
            inside = (measures > a + _SAME_KM) & (measures < b - _SAME_KM)
            first, last = corridor.chainage.at(a, bank="after"), corridor.chainage.at(b)
            line = LineString([first.coords[0], *xy[inside], last.coords[0]])
            km_along = np.concatenate(([0.0], measures[inside] - a, [b - a]))
            row = _describe(section, corridor, mode, b - a, speeds, net)
            draft.add_edge({**row, "u": ends[0], "v": ends[1], "geometry": line}, km_along)
    lines = gpd.GeoSeries([row["geometry"] for row in draft.rows[before:]], crs=4326)
    for row, country in zip(draft.rows[before:], find_countries(lines), strict=True):
        row["country"] = country
    return places


def _describe(
    section: dict[str, Any],
    corridor: Corridor,
    mode: str,
    km: float,
    speeds: pd.Series,
    net: Network,
) -> dict[str, Any]:
    """Return the row of a corridor's edge, without its ends and line."""
    speed_class, kmh = section.get("speed_class"), section.get("kmh")
    if not isinstance(speed_class, str):
        # A bundled section in a joined corridor keeps its speed.
        known = net.of_section.get(section["id"])
        speed_class = _CLASSES[mode] if known is None else net.rows[int(known[0])]["speed_class"]
    if speed_class not in speeds:
        raise InputError(
            f"extra has speed_class {speed_class!r} in {corridor.title!r}; it is one of "
            f"{', '.join(speeds.index)}, or give kmh."
        )
    if kmh is None or pd.isna(kmh):
        kmh = float(speeds[speed_class])
    else:
        speed_class = "own"
    name, opened = section["id"], section["opened"]
    name = f"{corridor.name}:{name}" if name in net.of_section else name
    accuracy = section["accuracy_km"]
    return {
        "mode": mode,
        "hours": km / float(kmh),
        "section": name,
        "sections": (name,),
        "name": section["name"],
        "status": section["status"],
        "opened": None if opened is None or pd.isna(opened) else str(opened),
        "speed_class": speed_class,
        "season": "",
        "kmh": float(kmh),
        "country": "",
        "crossing": "",
        "basis": section["basis"],
        "accuracy_km": np.nan if accuracy is None else float(accuracy),
        "source": section["source"],
        "licence": section["licence"],
    }


def _join(draft: _Draft, net: Network, corridor: Corridor, places: _Places, join_km: float) -> bool:
    """Join a corridor's ends and stops to the network, and its own road to its own railway."""
    stops = corridor.stops.loc[corridor.stops.geometry.notna(), "km"].to_numpy(float)
    at_stop = [*stops, 0.0, corridor.end_km]
    columns = net.columns
    lines: dict[str, list[Index | None]] = {}
    for mode in ("road", "rail"):
        rows = (columns["mode"] == mode) & (columns["km"] > 0)
        # The nearest operating line, and a nearer one that doesn't operate; filters choose later.
        for mask in (rows & (columns["status"] == "operating"), rows):
            lines.setdefault(mode, []).append(
                Index(net.edges.geometry[mask]) if mask.any() else None
            )
    hours = float(read_table("transfers.csv")["hours"].median())
    found: list[tuple[int, float, int, str, str, str, float]] = []
    for (mode, km), (node, name) in places.items():
        if min(abs(km - at) for at in at_stop) > _SAME_KM:
            continue
        # Changing to a railway needs a stop; a road joins roads only.
        for other in ("road", "rail") if mode == "rail" else ("road",):
            point, edges = draft.nodes[node]["geometry"], set()
            for index in filter(None, lines[other]):
                hit = index.nearest(point).iloc[0]
                edge, away = int(hit["target"]), float(hit["distance_km"])
                if away <= join_km and edge not in edges:
                    edges.add(edge)
                    at = float(calibrate(net, edge, hit["km"]))
                    found.append((edge, at, node, mode, other, name, away))
    own = tuple({draft.rows[i]["section"] for i in draft.own - net.own})
    # The farthest cut along an edge comes first, so that the km of the others stay valid.
    for edge, at, node, mode, other, name, away in sorted(found, key=lambda x: (x[0], -x[1])):
        target = draft.split(edge, at)
        is_change = mode != other
        point, foot = draft.nodes[node]["geometry"], draft.nodes[target]["geometry"]
        like = next(row for row in draft.rows if node in (row["u"], row["v"]))
        row = {**like, "u": node, "v": target, "geometry": LineString([point, foot])}
        row |= {"basis": "schematic", "hours": away / like["kmh"]}
        if is_change:
            row |= _change(corridor, node, name, hours)
        draft.add_edge(row, np.array([0.0, away]))
        draft.joins.append(
            {
                "corridor": corridor.title,
                "sections": own,
                "at": name,
                "to": net.rows[edge]["name"],
                "km": away,
                "change": is_change,
            }
        )
    _change_within(draft, places, hours, corridor)
    return bool(found)


def _change_within(draft: _Draft, places: _Places, hours: float, corridor: Corridor) -> None:
    """Add a change where the corridor itself continues in another mode."""
    for (mode, km), (node, name) in places.items():
        other = places.get(("rail", km)) if mode == "road" else None
        if other is None:
            continue
        like = next(row for row in draft.rows if node in (row["u"], row["v"]))
        point = draft.nodes[node]["geometry"]
        row = {**like, "u": node, "v": other[0], "geometry": LineString([point, point])}
        draft.add_edge(row | _change(corridor, node, name, hours), np.zeros(2))


def _change(corridor: Corridor, node: int, name: str, hours: float) -> dict[str, Any]:
    """Return the columns of a change between road and rail."""
    change = f"transfer-{corridor.name}-{node}"
    return {
        "name": f"Change at {name}",
        "mode": "transfer",
        "speed_class": "transfer",
        "kmh": np.nan,
        "hours": hours,
        "section": change,
        "sections": (change,),
        "status": "operating",
    }


def find_countries(lines: gpd.GeoSeries) -> list[str]:
    """Return the country at the middle of each line; the nearest where it is in none."""
    middle = shapely.line_interpolate_point(lines.array, 0.5, normalized=True)
    countries = read_features("derived/countries.geojson")
    names, shapes = (np.array([c[key] for c in countries], object) for key in ("name", "geometry"))
    point, country = shapely.STRtree(middle).query(shapes, "contains")[::-1]
    found = np.full(len(middle), None, object)
    found[point] = names[country]
    for i in np.flatnonzero(found == None):  # noqa: E711 – an array is compared
        # South of 60° a degree of longitude is longer than half a degree of latitude.
        away = shapely.distance(shapes, middle[i])
        close = np.flatnonzero(away <= 2.0 * away.min())
        if len(close) > 1:
            near = nearest(middle[i], gpd.GeoSeries(shapes[close], crs=4326))
            close = close[near["target"].astype(int).to_numpy()]
        found[i] = names[close[0]]
    return [str(name) for name in found]

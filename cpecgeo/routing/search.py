"""Snapping to the nearest point on an edge, and Dijkstra's shortest paths from there."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from cpecgeo.catalogue import table
from cpecgeo.errors import InputError, InputTypeError, UnknownNameError
from cpecgeo.features.places import Place, place
from cpecgeo.features.resolve import resolve_point
from cpecgeo.geodesy import Chainage, Index
from cpecgeo.routing.filters import Usable, number
from cpecgeo.routing.graph import Network

__all__ = ["WEIGHTS", "Snap", "Tree", "costs", "shortest", "snap", "snap_all", "spot"]

WEIGHTS = ("km", "hours")

_END_KM = 1e-6


@dataclass(frozen=True)
class Snap:
    """Where a journey joins the network.

    Attributes
    ----------
    name : str
        As given, or the place's.
    point : Point
        The origin or destination itself, lon, lat.
    edge : int
        Row of the network's edges.
    km : float
        Calibrated km along that edge.
    access_km : float
        Geodesic distance from the point to the network; not counted in a route's length.
    on : Point
        The nearest point on the edge.
    note : str
        What is known to be closed there; for border crossings.
    """

    name: str
    point: Any
    edge: int
    km: float
    access_km: float
    on: Any
    note: str = ""


def _named(name: str, mode: str) -> Place:
    """The place of a name: by rail its station, by road rather a point of a road."""
    if mode == "rail":
        try:
            return place(name, within="stations")
        except (UnknownNameError, InputError):
            return place(name)
    found = place(name)
    if found.layer == "stations":
        try:
            return place(name, within="waypoints")
        except (UnknownNameError, InputError):
            return found
    return found


def _closed(x: Any, year: int | None) -> str:
    """What the table of closures says of a crossing all year."""
    if not isinstance(x, Place) or x.layer != "crossings":
        return ""
    rows = table("closures").query("crossing == @x.id and season_from.isna()")
    told = [
        f"{x.name}: {row['what']}" + (f" (since {row['from']})" if row["from"] else "")
        for row in rows.fillna("").to_dict("records")
        if year is None or str(row["from"])[:4] <= str(year)
    ]
    return "; ".join(told)


def spot(x: Any, what: str) -> tuple[str, Any]:
    """Name and point of an origin or destination."""
    return resolve_point(x, what, among=("place",))


@lru_cache(maxsize=32)
def _index(net: Network, chosen: bytes) -> tuple[Index, Any]:
    rows = np.flatnonzero(np.frombuffer(chosen, bool))
    return Index(net.edges.geometry.iloc[rows].reset_index(drop=True)), rows


@lru_cache(maxsize=4096)
def _drawn_km(net: Network, edge: int) -> Any:
    """Geodesic km at the vertices of an edge."""
    return Chainage(net.edges.geometry.iloc[edge]).measures_km


def _allowed(ground: Usable) -> Any:
    """Return which edges may be snapped to: what is avoided stays one of them."""
    edges = ground.network.edges
    may = ground.there & (edges["mode"] != "transfer").to_numpy() & (edges["km"] > 0).to_numpy()
    if not may.any():
        raise InputError("The filters leave no road and no railway at all; loosen them.")
    return may


def snap_all(points: Any, names: list[str], ground: Usable) -> list[Snap]:
    """Return the nearest point on an edge, for each of many points.

    Edges that are avoided count too, so that a closure never moves an end to another road.
    """
    net = ground.network
    index, rows = _index(net, _allowed(ground).tobytes())
    hits = index.nearest(gpd.GeoSeries(list(points), crs=4326)).to_dict("records")
    found = []
    for name, point, hit in zip(names, points, hits, strict=True):
        edge = int(rows[int(hit["target"])])
        measures = net.measures[edge]
        km = float(np.interp(hit["km"], _drawn_km(net, edge), measures))
        # A millimetre from an end is the end: the rest is rounding.
        km = next((end for end in (0.0, float(measures[-1])) if abs(km - end) < _END_KM), km)
        on = shapely.Point(hit["lon"], hit["lat"])
        found.append(Snap(name, point, edge, km, float(hit["distance_km"]), on))
    return found


def snap(x: Any, ground: Usable, what: str, max_access_km: float) -> Snap:
    """The nearest point on an edge that may be used; see `snap_all`.

    Raises
    ------
    InputError
        Nothing within `max_access_km`.
    """
    far = number(max_access_km, "max_access_km", infinite=True)
    x = _named(x, ground.mode) if isinstance(x, str) else x
    name, point = spot(x, what)
    found = snap_all([point], [name], ground)[0]
    if found.access_km > far:
        raise InputError(
            f"{what} {name} lies {found.access_km:.1f} km from the network"
            f"{f' with {ground.asked}' if ground.asked else ''}, more than "
            f"max_access_km={far:g}. Give a nearer place, raise max_access_km, or loosen a filter."
        )
    return replace(found, note=_closed(x, ground.year))


def costs(net: Network, weight: str, speeds: Mapping[str, float] | None) -> tuple[Any, Any]:
    """Cost of each edge, and its hours under other speeds."""
    if weight not in WEIGHTS:
        raise InputError(f"weight is {weight!r}; give one of {', '.join(WEIGHTS)}.")
    hours = net.edges["hours"].to_numpy(float).copy()
    km = net.edges["km"].to_numpy(float)
    classes = net.edges["speed_class"].to_numpy()
    if not isinstance(speeds, Mapping | None):
        raise InputTypeError(f"speeds is {speeds!r}; give km/h by class: {{'motorway': 80}}.")
    for name, kmh in (speeds or {}).items():
        here = classes == name
        if not here.any():
            known = sorted(set(classes) - {"border", "transfer"})
            raise InputError(f"speeds has {name!r}; the speed classes are {', '.join(known)}.")
        hours[here] = km[here] / number(kmh, f"speeds[{name!r}]", above=0.0)
    return (km if weight == "km" else hours), hours


@dataclass(frozen=True)
class Tree:
    """Shortest costs from one snapped point to every node.

    Attributes
    ----------
    cost : ndarray, shape (nodes,)
        Infinite where a node can't be reached.
    by : ndarray of int, shape (nodes,)
        The edge that each node is reached by; -1 at the start's own ends.
    """

    start: Snap
    cost: Any
    by: Any
    came: Any


def clear(ground: Usable, edge: int, a: float, b: float) -> bool:
    """Return whether the stretch of an edge from km `a` to km `b` is free of what is avoided.

    An end of the edge alone is: it belongs to the other edges of its node as much.
    """
    low, high = min(a, b), max(a, b)
    if low == high and low in (0.0, float(ground.network.measures[edge][-1])):
        return True
    spans = ground.blocked.get(edge)
    return spans is None or not bool(((spans[:, 0] <= high) & (spans[:, 1] >= low)).any())


def legs_off(ground: Usable, at: Snap, cost: Any) -> list[tuple[int, float]]:
    """The ends of a snapped point's edge that it can reach, with the cost."""
    edges = ground.network.edges
    length = float(ground.network.measures[at.edge][-1])
    per = float(cost[at.edge]) / length
    ends = []
    if clear(ground, at.edge, 0.0, at.km):
        ends.append((int(edges["u"].iloc[at.edge]), at.km * per))
    if clear(ground, at.edge, at.km, length):
        ends.append((int(edges["v"].iloc[at.edge]), (length - at.km) * per))
    # At a crossing one stands on both sides of the border, be it open or shut; in a town that
    # has one position for its road and its railway, at both.
    twins = [
        (other, off)
        for node, off in ends
        if off == 0.0
        for other in ground.network.beside.get(node, ())
    ]
    return [*ends, *twins]


def shortest(ground: Usable, start: Snap, cost: Any) -> Tree:
    """Dijkstra's shortest costs from a snapped point; of equal ones the first edge stays."""
    net, passable = ground.network, ground.open
    best = np.full(len(net.nodes), np.inf)
    by = np.full(len(net.nodes), -1)
    came = np.full(len(net.nodes), -1)
    heap: list[tuple[float, int]] = []
    for node, off in legs_off(ground, start, cost):
        if off < best[node]:
            best[node] = off
            heapq.heappush(heap, (off, node))
    done = np.zeros(len(net.nodes), bool)
    while heap:
        here, node = heapq.heappop(heap)
        if done[node]:
            continue
        done[node] = True
        for edge, other in net.meets[node]:
            reach = here + cost[edge]
            if passable[edge] and reach < best[other]:
                best[other], by[other], came[other] = reach, edge, node
                heapq.heappush(heap, (reach, other))
    return Tree(start, best, by, came)

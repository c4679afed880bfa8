"""Search of the network: ends snapped to the nearest edge, and shortest paths between them."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from cpecgeo.catalogue import table
from cpecgeo.errors import InputError, InputTypeError, UnknownNameError
from cpecgeo.features.places import Place, place
from cpecgeo.features.resolve import resolve_point
from cpecgeo.geodesy import Index, distance_km
from cpecgeo.routing.filters import Usable, number
from cpecgeo.routing.graph import Network

__all__ = [
    "WEIGHTS",
    "Snap",
    "Step",
    "Tree",
    "edge_costs",
    "ends_of",
    "is_clear",
    "search",
    "snap",
    "snap_all",
    "steps_to",
    "without_stubs",
]

WEIGHTS = ("km", "hours")

# A millimetre from an end is the end: the rest is rounding.
_END_KM = 1e-6

# How much further than a railway a road may be, for a town to be entered by road: a change costs
# half a day, which nobody takes to a train because its rails pass nearer to the market place.
_ROAD_FIRST_KM = 15.0

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Snap:
    """Where a route joins the network.

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
    point: shapely.Point
    edge: int
    km: float
    access_km: float
    on: shapely.Point
    note: str = ""


@dataclass(frozen=True)
class Step:
    """A stretch of one edge, from km `a` to km `b`; backwards where `a` is greater."""

    edge: int
    a: float
    b: float

    @property
    def km(self) -> float:
        """Calibrated kilometres."""
        return abs(self.b - self.a)


@dataclass(frozen=True)
class Tree:
    """Least costs from one snapped point to every node.

    Attributes
    ----------
    start : Snap
    cost : list of float
        Per node; infinite where it can't be reached.
    by, came : list of int
        The edge that each node is reached by, -1 where none, and the node before it.
    """

    start: Snap
    cost: list[float]
    by: list[int]
    came: list[int]


def _find_place(name: str, mode: str) -> Place:
    """Return the place of a name: by rail its station, by road rather a point of a road."""
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


@cache
def _closed_all_year() -> dict[str, list[tuple[str, str]]]:
    """Return what is closed at each crossing in every season, and since when."""
    found: dict[str, list[tuple[str, str]]] = {}
    for row in table("closures").fillna("").to_dict("records"):
        if not row["season_from"]:
            found.setdefault(row["crossing"], []).append((row["what"], str(row["from"])))
    return found


def _describe_closure(x: Any, year: int | None) -> str:
    """Return what the table of closures says of a crossing, in words."""
    if not isinstance(x, Place) or x.layer != "crossings":
        return ""
    return "; ".join(
        f"{x.name}: {what}" + (f" (since {since})" if since else "")
        for what, since in _closed_all_year().get(x.id, ())
        if year is None or since[:4] <= str(year)
    )


@lru_cache(maxsize=32)
def _index(net: Network, allowed: bytes) -> tuple[Index, list[int]]:
    rows = np.flatnonzero(np.frombuffer(allowed, bool))
    return Index(net.edges.geometry.iloc[rows].reset_index(drop=True)), rows.tolist()


@lru_cache(maxsize=4096)
def _drawn_km(net: Network, edge: int) -> Floats:
    """Return geodesic km at the vertices of an edge."""
    at = gpd.GeoSeries(shapely.points(shapely.get_coordinates(net.lines[edge])), crs=4326)
    steps = distance_km(at[:-1].reset_index(drop=True), at[1:].reset_index(drop=True))
    return np.concatenate(([0.0], np.cumsum(steps)))


def _mask_snappable(ground: Usable) -> NDArray[np.bool_]:
    """Return which edges may be snapped to: what is avoided stays one of them."""
    columns = ground.network.columns
    may = ground.there & (columns["mode"] != "transfer") & (columns["km"] > 0)
    if not may.any():
        raise InputError("The filters leave no road and no railway at all; loosen them.")
    return np.asarray(may, bool)


def snap_all(points: Sequence[Any], names: Sequence[str], ground: Usable) -> list[Snap]:
    """Return the nearest point on an edge, for each of many points.

    Edges that are avoided count too, so that a closure never moves an end to another road.
    """
    net = ground.network
    index, rows = _index(net, _mask_snappable(ground).tobytes())
    hits = index.nearest(gpd.GeoSeries(list(points), crs=4326)).to_dict("list")
    hits = zip(*(hits[c] for c in ("target", "km", "distance_km", "lon", "lat")), strict=True)
    found = []
    for name, point, (target, drawn_km, away, lon, lat) in zip(names, points, hits, strict=True):
        edge = rows[int(target)]
        measures = net.measures[edge]
        km = float(np.interp(drawn_km, _drawn_km(net, edge), measures))
        km = next((end for end in (0.0, net.lengths[edge]) if abs(km - end) < _END_KM), km)
        found.append(Snap(name, point, edge, km, float(away), shapely.Point(lon, lat)))
    return found


def snap(ends: Sequence[tuple[str, Any]], ground: Usable, *, max_access_km: float) -> list[Snap]:
    """Return where each of some ends joins the network; see `snap_all`.

    By any mode, a named place that is no station joins the road beside a nearer railway.

    Parameters
    ----------
    ends : sequence of (str, PointLike)
        What an end is called in messages, and the end.
    ground : Usable
    max_access_km : float

    Raises
    ------
    InputError
        Nothing within `max_access_km`.
    """
    far = number(max_access_km, "max_access_km", infinite=True)
    things = [_find_place(x, ground.mode) if isinstance(x, str) else x for _, x in ends]
    read = [
        resolve_point(x, what, among=("place",)) for (what, _), x in zip(ends, things, strict=True)
    ]
    found = snap_all([point for _, point in read], [name for name, _ in read], ground)
    for (what, _), one in zip(ends, found, strict=True):
        if one.access_km > far:
            filters = f" with {ground.asked}" if ground.asked else ""
            raise InputError(
                f"{what} {one.name} lies {one.access_km:.1f} km from the network{filters}, more "
                f"than max_access_km={far:g}. Give a nearer place, raise max_access_km, or "
                "loosen a filter."
            )
    if ground.mode == "any":
        found = _enter_by_road(found, things, ground, far)
    notes = [_describe_closure(x, ground.year) for x in things]
    return [replace(x, note=note) if note else x for x, note in zip(found, notes, strict=True)]


def _enter_by_road(
    found: list[Snap], things: Sequence[Any], ground: Usable, far: float
) -> list[Snap]:
    """Return ends that aren't stations on the road beside the railway that they were put on."""
    columns = ground.network.columns
    is_road = (columns["mode"] == "road") & (columns["km"] > 0)
    roads = replace(ground, there=ground.there & is_road)
    rails = [
        i
        for i, (at, x) in enumerate(zip(found, things, strict=True))
        if columns["mode"][at.edge] == "rail" and isinstance(x, Place) and x.layer != "stations"
    ]
    if not rails or not roads.there.any():
        return found
    points, names = [found[i].point for i in rails], [found[i].name for i in rails]
    found = found.copy()
    for i, at in zip(rails, snap_all(points, names, roads), strict=True):
        if at.access_km <= min(far, found[i].access_km + _ROAD_FIRST_KM):
            found[i] = at
    return found


def edge_costs(
    net: Network, weight: str, speeds: Mapping[str, float] | None
) -> tuple[list[float], list[float]]:
    """Return the cost of each edge, and its hours under other speeds.

    Raises
    ------
    InputError, InputTypeError
        No such weight or speed class, or a speed that isn't positive.
    """
    if weight not in WEIGHTS:
        raise InputError(f"weight is {weight!r}; give one of {', '.join(WEIGHTS)}.")
    if not isinstance(speeds, Mapping | None):
        raise InputTypeError(f"speeds is {speeds!r}; give km/h by class: {{'motorway': 80}}.")
    km, hours = net.columns["km"], net.columns["hours"].copy()
    classes = net.columns["speed_class"]
    for name, kmh in (speeds or {}).items():
        here = classes == name
        if not here.any():
            known = sorted(set(classes) - {"border", "transfer"})
            raise InputError(f"speeds has {name!r}; the speed classes are {', '.join(known)}.")
        hours[here] = km[here] / number(kmh, f"speeds[{name!r}]", above=0.0)
    return (km if weight == "km" else hours).tolist(), hours.tolist()


def is_clear(ground: Usable, edge: int, a: float, b: float) -> bool:
    """Return whether the stretch of an edge from km `a` to km `b` is free of what is avoided.

    An end of the edge alone is: it belongs to the other edges of its node as much.
    """
    spans = ground.blocked.get(edge)
    if spans is None:
        return True
    low, high = min(a, b), max(a, b)
    if low == high and low in (0.0, ground.network.lengths[edge]):
        return True
    return not bool(((spans[:, 0] <= high) & (spans[:, 1] >= low)).any())


def ends_of(ground: Usable, at: Snap, cost: Sequence[float]) -> list[tuple[int, float]]:
    """Return the nodes that a snapped point can reach along its edge, with the cost."""
    net = ground.network
    length = net.lengths[at.edge]
    per = cost[at.edge] / length
    u, v = net.ends[at.edge]
    ends = []
    if is_clear(ground, at.edge, 0.0, at.km):
        ends.append((u, at.km * per))
    if is_clear(ground, at.edge, at.km, length):
        ends.append((v, (length - at.km) * per))
    # At a crossing one stands on both sides of the border, be it open or shut; in a town that
    # has one position for its road and its railway, at both.
    twins = [(other, 0.0) for node, off in ends if off == 0.0 for other in net.beside.get(node, ())]
    return [*ends, *twins]


def search(
    ground: Usable, start: Snap, cost: Sequence[float], *, also: Sequence[Snap] = ()
) -> Tree:
    """Return Dijkstra's least costs from a snapped point; of equal ones the first edge stays.

    With further points in `also`, from the nearest of all of them.
    """
    passable, meets = ground.passable, ground.network.meets
    best = [np.inf] * len(meets)
    by, came = [-1] * len(meets), [-1] * len(meets)
    heap: list[tuple[float, int]] = []
    for at in (start, *also):
        for node, off in ends_of(ground, at, cost):
            if off < best[node]:
                best[node] = off
                heap.append((off, node))
    heapq.heapify(heap)
    while heap:
        here, node = heapq.heappop(heap)
        if here > best[node]:
            continue
        for edge, other in meets[node]:
            reach = here + cost[edge]
            if reach < best[other] and passable[edge]:
                best[other], by[other], came[other] = reach, edge, node
                heapq.heappush(heap, (reach, other))
    return Tree(start, best, by, came)


def steps_to(ground: Usable, tree: Tree, end: Snap, cost: Sequence[float]) -> list[Step] | None:
    """Return the steps of a tree's least path to a snapped point; None where there is none."""
    start, net = tree.start, ground.network
    length = net.lengths
    best, last = np.inf, -2
    if start.edge == end.edge and is_clear(ground, end.edge, start.km, end.km):
        best, last = abs(start.km - end.km) * cost[end.edge] / length[end.edge], -1
    for node, off in ends_of(ground, end, cost):
        if tree.cost[node] + off < best:
            best, last = tree.cost[node] + off, node
    if last == -2:
        return None
    if last == -1:
        return [Step(end.edge, start.km, end.km)]
    # A crossing's other side is no end of the edge, and no step away.
    back: list[Step] = []
    if last in net.ends[end.edge]:
        first = 0.0 if net.ends[end.edge][0] == last else length[end.edge]
        back.append(Step(end.edge, first, end.km))
    node = last
    while tree.by[node] >= 0:
        edge, before = tree.by[node], tree.came[node]
        back.append(whole_step(net, edge, before))
        node = before
    if node in net.ends[start.edge]:
        there = 0.0 if net.ends[start.edge][0] == node else length[start.edge]
        back.append(Step(start.edge, start.km, there))
    return without_stubs(back[::-1], start, end)


def whole_step(net: Network, edge: int, node: int) -> Step:
    """Return the step along an edge from one of its nodes to the other."""
    km = net.lengths[edge]
    return Step(edge, 0.0, km) if net.ends[edge][0] == node else Step(edge, km, 0.0)


def without_stubs(steps: list[Step], start: Snap, end: Snap) -> list[Step]:
    """Return steps without a first or last one of no length: that end is a node."""
    if steps and steps[0].edge == start.edge and steps[0].a == steps[0].b:
        steps = steps[1:]
    if steps and steps[-1].edge == end.edge and steps[-1].a == steps[-1].b:
        steps = steps[:-1]
    return steps

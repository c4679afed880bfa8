"""Search of the network: where places and points join it, and least-cost paths."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from cpecgeo.errors import InputError, UnknownNameError
from cpecgeo.features.places import Place, place
from cpecgeo.features.resolve import resolve_point
from cpecgeo.geodesy import Index
from cpecgeo.routing.closures import describe_closure
from cpecgeo.routing.filters import Usable
from cpecgeo.routing.graph import Network, calibrate

__all__ = [
    "OTHER_KM",
    "Ends",
    "LeastCosts",
    "Snap",
    "Step",
    "Way",
    "cost_of",
    "ends_of",
    "search",
    "snap_ends",
    "snap_rows",
    "without_stubs",
]

# Within a millimetre of an end a point is the end, because of rounding.
_END_KM = 1e-6
# How much farther off an end may join the other of road and railway.
OTHER_KM = 15.0

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Snap:
    """Where a route joins the network.

    Attributes
    ----------
    name : str
        The caller's name, or the place's.
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
        Known closures, for border crossings.
    """

    name: str
    point: shapely.Point
    edge: int
    km: float
    access_km: float
    on: shapely.Point
    note: str = ""


Ends = tuple[Snap, ...]
"""Where one end may join the network: on a road, a railway or a caller's line, nearest first."""


def _find_place(name: str, mode: str) -> Place:
    """Find the place of a name: with mode rail a station, with road preferably one on a road."""
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


@lru_cache(maxsize=32)
def _index(net: Network, allowed: bytes) -> tuple[Index, list[int]]:
    rows = np.flatnonzero(np.frombuffer(allowed, bool))
    return Index(net.edges.geometry.iloc[rows].reset_index(drop=True)), rows.tolist()


def _mask_snappable(ground: Usable) -> NDArray[np.bool_]:
    """Return which edges may be snapped to; avoided ones are included."""
    columns = ground.network.columns
    may = ground.there & (columns["mode"] != "transfer") & (columns["km"] > 0)
    if not may.any():
        raise InputError("The filters leave no road and no railway at all; loosen them.")
    return np.asarray(may, bool)


def _snap(
    points: Sequence[Any], names: Sequence[str], net: Network, may: NDArray[np.bool_]
) -> list[Snap]:
    """Return the nearest point on the allowed edges, for each of many points.

    Avoided edges are included, so that a closure never moves an end to another road.
    """
    index, rows = _index(net, may.tobytes())
    hits = index.nearest(gpd.GeoSeries(list(points), crs=4326)).to_dict("list")
    hits = zip(*(hits[c] for c in ("target", "km", "distance_km", "lon", "lat")), strict=True)
    found = []
    for name, point, (target, drawn_km, away, lon, lat) in zip(names, points, hits, strict=True):
        edge = rows[int(target)]
        km = float(calibrate(net, edge, drawn_km))
        km = next((end for end in (0.0, net.lengths[edge]) if abs(km - end) < _END_KM), km)
        found.append(Snap(name, point, edge, km, float(away), shapely.Point(lon, lat)))
    return found


def _snap_each_mode(points: Sequence[Any], names: Sequence[str], ground: Usable) -> list[Ends]:
    """Return where each point may join: road, railway, and a nearer line of the caller's.

    Bundled edges are searched separately, so that a caller's line only adds possibilities.
    """
    net, may = ground.network, _mask_snappable(ground)
    own = np.zeros(len(may), bool)
    own[list(net.own)] = True
    modes = net.columns["mode"]
    masks = [may & ~own & (modes == mode) for mode in ("road", "rail")]
    masks += [may & own & (modes == mode) for mode in ("road", "rail")]
    hits = [_snap(points, names, net, mask) if mask.any() else None for mask in masks]
    found: list[Ends] = []
    for i in range(len(points)):
        road, rail, own_road, own_rail = (None if hit is None else hit[i] for hit in hits)
        near = [at for at in (road, rail) if at is not None]
        least = min((at.access_km for at in near), default=np.inf)
        near = [at for at in near if at.access_km <= least + OTHER_KM]
        for at, beside in ((own_road, road), (own_rail, rail)):
            if at is not None and (beside is None or at.access_km < beside.access_km):
                near.append(at)
        found.append(tuple(sorted(near, key=lambda at: at.access_km)))
    return found


def snap_ends(
    ends: Sequence[tuple[str, Any]], ground: Usable, *, max_access_km: float, weight: str = "hours"
) -> list[Ends]:
    """Return where ends may join the network.

    With any mode an end may join a road and a railway, the farther one if it is at most 15 km
    farther off; a route uses the one that costs least including access. A named station joins its
    railway. By km, which leave changes out, another named place joins its road. Each end comes with
    its name for messages.
    """
    chosen = ground.chosen
    things = [_find_place(x, chosen.mode) if isinstance(x, str) else x for _, x in ends]
    read = [
        resolve_point(x, what, among=("place",)) for (what, _), x in zip(ends, things, strict=True)
    ]
    found = _snap_each_mode([point for _, point in read], [name for name, _ in read], ground)
    kept: list[Ends] = []
    for (what, _), thing, near in zip(ends, things, found, strict=True):
        at = near[0]
        if at.access_km > max_access_km:
            filters = f" with {chosen.text}" if chosen.text else ""
            raise InputError(
                f"{what} {at.name} lies {at.access_km:.1f} km from the network{filters}, more "
                f"than max_access_km={max_access_km:g}; nearest is "
                f"{_describe(at, ground.network)}. Give a nearer place, a larger max_access_km=, "
                "or loosen a filter."
            )
        if isinstance(thing, Place) and thing.layer == "stations":
            mode = ground.network.columns["mode"]
            near = tuple(x for x in near if mode[x.edge] == mode[at.edge])  # noqa: PLW2901
        elif isinstance(thing, Place) and weight == "km":
            near = _road_first(near, ground.network)  # noqa: PLW2901
        note = describe_closure(thing, chosen.year)
        kept.append(tuple(replace(x, note=note) for x in near if x.access_km <= max_access_km))
    return kept


def _describe(at: Snap, net: Network) -> str:
    """Name the part of the network where an end would join it."""
    ends = net.ends[at.edge] if at.km < net.lengths[at.edge] / 2 else net.ends[at.edge][::-1]
    near = next((net.names[node] for node in ends if net.names[node]), "")
    return f"{net.rows[at.edge]['name']}" + (f" near {near}" if near else "")


def _road_first(near: Ends, net: Network) -> Ends:
    """Drop the railway where an end also joins a road; the caller's lines stay."""
    base = [at for at in near if at.edge not in net.own]
    roads = [at for at in base if net.columns["mode"][at.edge] == "road"]
    return tuple(at for at in near if at in (roads or base) or at.edge in net.own)


def snap_rows(points: gpd.GeoSeries, ground: Usable, *, max_access_km: float) -> list[Ends]:
    """Return where points may join the network, at most `max_access_km` from it."""
    found = _snap_each_mode(points.tolist(), [str(i) for i in points.index], ground)
    return [tuple(at for at in near if at.access_km <= max_access_km) for near in found]


@dataclass(frozen=True)
class Step:
    """A stretch of one edge, from km `a` to km `b`; reversed where `a` is greater."""

    edge: int
    a: float
    b: float

    @property
    def km(self) -> float:
        """Calibrated kilometres."""
        return abs(self.b - self.a)


@dataclass(frozen=True)
class Way:
    """A least-cost path: where it joins and leaves the network, and the steps between."""

    start: Snap
    end: Snap
    steps: list[Step]


@dataclass(frozen=True, eq=False)
class LeastCosts:
    """Least costs from one end, or from the nearest of several, to every node.

    Attributes
    ----------
    ground : Usable
    edge_cost : sequence of float
        The cost of each edge.
    access : float
        The cost of a km of access.
    starts : sequence of Snap
    cost : list of float
        For each node, including access; infinite where it can't be reached.
    by, came, root : list of int
        The edge by which each node is reached, -1 for none, the node before it, and the start from
        which it is reached.
    """

    ground: Usable
    edge_cost: Sequence[float]
    access: float
    starts: Sequence[Snap]
    cost: list[float]
    by: list[int]
    came: list[int]
    root: list[int]

    def path_to(self, ends: Sequence[Snap]) -> Way | None:
        """Return the least-cost path to one of an end's joins; None where unreachable."""
        net, best = self.ground.network, np.inf
        found: tuple[Snap, Snap, int] | None = None
        for end in ends:
            away = end.access_km * self.access
            for start in self.starts:
                if start.edge == end.edge and self.ground.is_clear(end.edge, start.km, end.km):
                    km, length = abs(start.km - end.km), net.lengths[end.edge]
                    along = km * self.edge_cost[end.edge] / length
                    total = along + away + start.access_km * self.access
                    if total < best:
                        best, found = total, (start, end, -1)
            for node, off in ends_of(self.ground, end, self.edge_cost):
                if self.cost[node] + off + away < best:
                    best = self.cost[node] + off + away
                    found = self.starts[self.root[node]], end, node
        if found is None:
            return None
        start, end, last = found
        if last == -1:
            return Way(start, end, [Step(end.edge, start.km, end.km)])
        u, v = net.ends[end.edge]
        at = {u: 0.0, v: net.lengths[end.edge]}.get(last, end.km)
        steps = [*self.steps_to(last), Step(end.edge, at, end.km)]
        return Way(start, end, without_stubs(steps, start, end))

    def steps_to(self, node: int) -> list[Step]:
        """Return the steps from a start to a node, first the stretch of the start's own edge.

        This stretch has no length where the start is a node, or the other side of a crossing.
        """
        net, nodes = self.ground.network, self.nodes_back(node)
        start = self.starts[self.root[node]]
        u, v = net.ends[start.edge]
        first = {u: 0.0, v: net.lengths[start.edge]}.get(nodes[-1], start.km)
        whole = [_whole_step(net, self.by[after], n) for after, n in pairwise(nodes)]
        return [Step(start.edge, start.km, first), *whole[::-1]]

    def nodes_back(self, node: int) -> list[int]:
        """Return the nodes from a node back to its start, the node first."""
        nodes = [node]
        while self.by[nodes[-1]] >= 0:
            nodes.append(self.came[nodes[-1]])
        return nodes


def ends_of(ground: Usable, at: Snap, cost: Sequence[float]) -> list[tuple[int, float]]:
    """Return the nodes that a snapped point can reach along its edge, with costs."""
    net = ground.network
    length = net.lengths[at.edge]
    per = cost[at.edge] / length
    u, v = net.ends[at.edge]
    ends = []
    if ground.is_clear(at.edge, 0.0, at.km):
        ends.append((u, at.km * per))
    if ground.is_clear(at.edge, at.km, length):
        ends.append((v, (length - at.km) * per))
    # A crossing is on both sides of the border, open or closed; a town with one position for road
    # and railway is at both.
    twins = [(other, 0.0) for node, off in ends if off == 0.0 for other in net.beside.get(node, ())]
    return [*ends, *twins]


def search(
    ground: Usable, starts: Sequence[Snap], cost: Sequence[float], *, access: float = 0.0
) -> LeastCosts:
    """Return least costs from the nearest of some snapped points, by Dijkstra's algorithm.

    A km of access costs `access`. Of equal paths the first found is kept.
    """
    passable, meets = ground.passable, ground.network.meets
    best = [np.inf] * len(meets)
    by, came, root = [-1] * len(meets), [-1] * len(meets), [-1] * len(meets)
    heap: list[tuple[float, int]] = []
    for i, at in enumerate(starts):
        for node, off in ends_of(ground, at, cost):
            reach = off + at.access_km * access
            if reach < best[node]:
                best[node], root[node] = reach, i
                heap.append((reach, node))
    heapq.heapify(heap)
    while heap:
        here, node = heapq.heappop(heap)
        if here > best[node]:
            continue
        for edge, other in meets[node]:
            reach = here + cost[edge]
            if reach < best[other] and passable[edge]:
                best[other], by[other], came[other], root[other] = reach, edge, node, root[node]
                heapq.heappush(heap, (reach, other))
    return LeastCosts(ground, cost, access, starts, best, by, came, root)


def cost_of(net: Network, steps: Sequence[Step], cost: Sequence[float]) -> float:
    """Return the cost of steps, without access."""
    whole = ((cost[step.edge], step.km, net.lengths[step.edge]) for step in steps)
    return sum(each * (km / length if length else 1.0) for each, km, length in whole)


def _whole_step(net: Network, edge: int, node: int) -> Step:
    """Return the step along a whole edge from one of its nodes."""
    km = net.lengths[edge]
    return Step(edge, 0.0, km) if net.ends[edge][0] == node else Step(edge, km, 0.0)


def without_stubs(steps: list[Step], start: Snap, end: Snap) -> list[Step]:
    """Drop a first or last step without length, where an end is a node."""
    if steps and steps[0].edge == start.edge and steps[0].a == steps[0].b:
        steps = steps[1:]
    if steps and steps[-1].edge == end.edge and steps[-1].a == steps[-1].b:
        steps = steps[:-1]
    return steps

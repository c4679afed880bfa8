"""Paths over edges: where they begin and end, what they run along, and their lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, Point

from cpecgeo.geodesy import Chainage, length_km
from cpecgeo.osm.elements import Elements
from cpecgeo.osm.search import Arcs, Group
from cpecgeo.osm.segments import Segments

__all__ = ["Foot", "Path", "Span", "clip", "cost_along", "draw", "point", "reach", "seeds", "spans"]

Floats = NDArray[np.float64]
Span = tuple[int, float, float]  # an edge, and the shares of it between which it is used

_NAMED = ("name", "ref", "highway", "railway")
_NO_LENGTH_KM = 1e-9


@dataclass(frozen=True)
class Foot:
    """The closest point of a network to a point: on an edge, or a node.

    Attributes
    ----------
    edge : int
        -1 where the foot is a node.
    share : float
        0 at the edge's tail, 1 at its head.
    node : int
        -1 where the foot is on an edge.
    access_km : float
        Geodesic distance from the point.
    """

    edge: int
    share: float
    node: int
    access_km: float


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


def clip(coords: Floats, a: float, b: float) -> LineString | None:
    """Return an edge between two shares of its length; None where that has no length."""
    line = LineString(coords)
    if {a, b} == {0.0, 1.0}:
        return line if a < b else line.reverse()
    whole = length_km(line)
    if abs(a - b) * whole < _NO_LENGTH_KM:
        return None
    return Chainage(line).between(a * whole, b * whole)


def point(edges: Segments, foot: Foot) -> Point:
    """Return the point of a foot on an edge."""
    coords = edges.coords(foot.edge)
    if foot.share in {0.0, 1.0}:
        return Point(coords[0 if foot.share == 0 else -1])
    lead = clip(coords, 0.0, foot.share)
    return Point(coords[0] if lead is None else lead.coords[-1])


def seeds(edges: Segments, foot: Foot, cost: Floats, *, end: bool) -> Group:
    """Return the nodes that lead away from a foot, or to it, with what that costs."""
    if foot.node >= 0:
        return Arcs.node(foot.node)
    e = foot.edge
    ahead, back = (1 - foot.share) * float(cost[e]), foot.share * float(cost[e])
    tail, head = edges.tail[e], edges.head[e]
    # A destination is reached from the tail by going forward; an origin is left to the head.
    nodes = [(tail, back), (head, ahead)] if end else [(head, ahead), (tail, back)]
    open_ = (bool(edges.forward[e]), bool(edges.backward[e]))
    kept = [n for n, o in zip(nodes, open_, strict=True) if o]
    return np.array([n for n, _ in kept], np.int32), np.array([c for _, c in kept], float)


def cost_along(edges: Segments, a: Foot, b: Foot, cost: Floats) -> float:
    """Return the cost from a to b on one edge without leaving it; infinite where none is."""
    if a.edge != b.edge or a.edge < 0:
        return np.inf
    free = edges.forward[a.edge] if b.share >= a.share else edges.backward[a.edge]
    if not free and a.share != b.share:
        return np.inf
    return abs(b.share - a.share) * float(cost[a.edge])


def spans(edges: Segments, start: Foot, end: Foot, arcs: NDArray[np.int32]) -> list[Span]:
    """Return the spans of edges that a path runs along, in order.

    Parameters
    ----------
    edges : Segments
    start, end : Foot
    arcs : ndarray of int
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
    else:  # from one edge straight on to its neighbour
        shared = {int(edges.tail[start.edge]), int(edges.head[start.edge])} & {
            int(edges.tail[end.edge]), int(edges.head[end.edge])}  # fmt: skip
        leave = enter = np.int32(min(shared, key=lambda n: _km_by(edges, start, end, n)))
    if start.edge >= 0:
        along.insert(0, (start.edge, start.share, _share(edges, start, leave, end=False)))
    if end.edge >= 0:
        along.append((end.edge, _share(edges, end, enter, end=True), end.share))
    return along


def _share(edges: Segments, foot: Foot, node: Any, *, end: bool) -> float:
    """Return the share of a foot's edge at which a node is: 0 or 1, the nearer on a ring."""
    e = foot.edge
    if edges.tail[e] != edges.head[e]:
        return 1.0 if edges.head[e] == node else 0.0
    onward = 0.0 if end else 1.0
    if not (edges.forward[e] and edges.backward[e]):
        return onward if edges.forward[e] else 1.0 - onward
    return float(round(foot.share))


def _km_by(edges: Segments, start: Foot, end: Foot, node: int) -> float:
    """Return the kilometres from one foot to another by a node that their edges share."""
    return sum(
        abs(_share(edges, foot, node, end=last) - foot.share) * float(edges.km[foot.edge])
        for foot, last in ((start, False), (end, True))
    )


def draw(ways: Elements, edges: Segments, start: Foot, end: Foot, arcs: NDArray[np.int32]) -> Path:
    """Return a path with its line, lengths and ways."""
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


def reach(
    ways: Elements, edges: Segments, start: Foot, cost: Floats, arcs: Arcs, limit: float
) -> gpd.GeoDataFrame:
    """Return the parts of edges within a limit of a foot, clipped where the limit runs out.

    Parameters
    ----------
    ways, edges
        Of the network.
    start : Foot
    cost : ndarray, shape (edges,)
    arcs : Arcs
        Of the same costs.
    limit : float
        In the unit of `cost`.
    """
    dist = arcs.costs(seeds(edges, start, cost, end=False), limit=limit)
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

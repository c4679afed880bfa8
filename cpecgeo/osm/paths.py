"""Answers of a network drawn: paths and reach as lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

if TYPE_CHECKING:
    from cpecgeo.osm.network import Network, Path, Spot

__all__ = ["drawn", "pieces", "reached"]

_NAMED = ("name", "ref", "highway", "railway")


def pieces(
    net: Network, start: Spot, end: Spot, arcs: NDArray[np.int32]
) -> list[tuple[int, float, float]]:
    """The stretches of a path in order: edge, and the shares between which it is used."""
    s = net.segments
    along = [(int(a) // 2, 0.0, 1.0) if a % 2 == 0 else (int(a) // 2, 1.0, 0.0) for a in arcs]
    if not along and start.edge >= 0 and start.edge == end.edge:
        return [(start.edge, start.share, end.share)]
    if along:
        first, last = along[0], along[-1]
        leave = (s.tail if first[1] == 0 else s.head)[first[0]]
        come = (s.head if last[2] == 1 else s.tail)[last[0]]
    elif start.node >= 0:
        leave = come = np.int32(start.node)
    elif end.node >= 0:
        leave = come = np.int32(end.node)
    else:  # from one edge straight on to its neighbour
        shared = {int(s.tail[start.edge]), int(s.head[start.edge])} & {
            int(s.tail[end.edge]), int(s.head[end.edge])}  # fmt: skip
        leave = come = np.int32(min(shared, key=lambda n: _between(net, start, end, n)))
    if start.edge >= 0:
        along.insert(0, (start.edge, start.share, _share(net, start, leave, end=False)))
    if end.edge >= 0:
        along.append((end.edge, _share(net, end, come, end=True), end.share))
    return along


def _share(net: Network, spot: Spot, node: Any, *, end: bool) -> float:
    """The share of a spot's edge at which a node is: 0 or 1, the nearer on a ring."""
    s, e = net.segments, spot.edge
    if s.tail[e] != s.head[e]:
        return 1.0 if s.head[e] == node else 0.0
    onward = 0.0 if end else 1.0
    if not (s.forward[e] and s.backward[e]):
        return onward if s.forward[e] else 1.0 - onward
    return float(round(spot.share))


def _between(net: Network, start: Spot, end: Spot, node: int) -> float:
    s = net.segments
    way = 0.0
    for spot, last in ((start, False), (end, True)):
        way += abs(_share(net, spot, node, end=last) - spot.share) * float(s.km[spot.edge])
    return way


def drawn(net: Network, start: Spot, end: Spot, arcs: NDArray[np.int32]) -> Path:
    """A path with its line, lengths and ways."""
    from cpecgeo.osm.network import Path

    s = net.segments
    used = pieces(net, start, end, arcs)
    share = np.array([abs(b - a) for _, a, b in used])
    edge = np.array([e for e, _, _ in used], int)
    coords = [c for e, a, b in used if (c := _stretch(s.coords(e), a, b)) is not None]
    xy = np.vstack(coords) if coords else np.empty((0, 2))
    xy = xy[np.append(True, (np.diff(xy, axis=0) != 0).any(axis=1))[: len(xy)]]
    table = pd.DataFrame({"way": s.way[edge], "length_km": share * s.km[edge]})
    run = (table["way"] != table["way"].shift()).cumsum()
    table = table.groupby(run, sort=False).agg({"way": "first", "length_km": "sum"})
    tags = [net.ways.tags[w] for w in table["way"]]
    ways = pd.DataFrame({"way": net.ways.way_id[table["way"]]})
    for key in _NAMED:
        ways[key] = pd.Series([t.get(key) for t in tags], dtype=object)
    ways["length_km"] = table["length_km"].to_numpy()
    nodes = [s.tail[a // 2] if a % 2 == 0 else s.head[a // 2] for a in arcs.tolist()]
    if len(arcs):
        last = int(arcs[-1])
        nodes.append(s.head[last // 2] if last % 2 == 0 else s.tail[last // 2])
    return Path(
        line=shapely.LineString(xy) if len(xy) > 1 else None,
        length_km=float((share * s.km[edge]).sum()),
        hours=float((share * s.hours[edge]).sum()),
        access_km=(start.access_km, end.access_km),
        nodes=s.node_id[np.array(nodes, int)],
        ways=ways,
    )


def _stretch(coords: NDArray[np.float64], a: float, b: float) -> NDArray[np.float64] | None:
    """Vertices of an edge between two shares of it; None where there is no length."""
    from cpecgeo.osm.network import part

    if {a, b} == {0.0, 1.0}:
        return coords if a < b else coords[::-1]
    line = part(coords, a, b)
    return None if line is None else np.asarray(line.coords)


def reached(net: Network, start: Spot, weight: Any, limit: float) -> gpd.GeoDataFrame:
    """The stretches within a limit of a spot."""
    from cpecgeo.osm.network import part

    s = net.segments
    cost = net.costs(weight)
    dist, _ = net.by(weight).grown(net.seeds(start, cost, end=False), limit=limit)
    with np.errstate(divide="ignore", invalid="ignore"):
        forth = np.where(s.forward, np.clip((limit - dist[s.tail]) / cost, 0, 1), 0.0)
        back = np.where(s.backward, np.clip((limit - dist[s.head]) / cost, 0, 1), 0.0)
    forth, back = np.nan_to_num(forth, nan=0.0), np.nan_to_num(back, nan=0.0)
    spans: list[tuple[int, float, float]] = []
    for e in np.flatnonzero((forth > 0) | (back > 0)).tolist():
        if forth[e] + back[e] >= 1:
            spans.append((e, 0.0, 1.0))
            continue
        spans += [(e, 0.0, float(forth[e]))] if forth[e] > 0 else []
        spans += [(e, 1 - float(back[e]), 1.0)] if back[e] > 0 else []
    if start.edge >= 0 and (start.edge, 0.0, 1.0) not in spans:
        e = start.edge
        wide = limit / cost[e] if cost[e] > 0 else 1.0
        low = max(0.0, start.share - wide) if s.backward[e] else start.share
        high = min(1.0, start.share + wide) if s.forward[e] else start.share
        spans = [(f, a, b) for f, a, b in spans if f != e or b <= low or a >= high]
        spans.append((e, low, high))
    lines = [part(s.coords(e), a, b) for e, a, b in spans]
    spans = [span for span, line in zip(spans, lines, strict=True) if line is not None]
    edge = np.array([e for e, _, _ in spans], int)
    tags = [net.ways.tags[w] for w in s.way[edge]]
    frame = gpd.GeoDataFrame(
        {"way": net.ways.way_id[s.way[edge]]}
        | {key: pd.Series([t.get(key) for t in tags], dtype=object) for key in _NAMED}
        | {
            "cost": [
                0.0 if e == start.edge else float(min(dist[s.tail[e]], dist[s.head[e]]))
                for e in edge
            ],
            "whole": [a == 0 and b == 1 for _, a, b in spans],
        },
        geometry=[line for line in lines if line is not None],
        crs=4326,
    )
    frame.attrs = {"weight": weight, "limit": limit, "licence": "ODbL-1.0", **net.record}
    return frame

"""Junctions to check the roads against: ``python -m tools.trace.junctions``.

Writes ``tests/data/osm_junctions.csv`` from PyPI scgraph_data: nodes of OpenStreetMap's road
network (ODbL), given to 0.001°. The package is read, not imported. No position of it goes
into a line.

A junction is a node where three ways or more meet, on the shortest way through that network
from where a road passes a named place to where it passes the next. The network is coarse, and
its shortest way often takes another road beside: what is further than 3 km from the traced line
is left out as a junction of that, and so is what lies beyond an end of the road or on a way into
a town and back, or closer by 0.5 km to another road: to a traced one, or to the N-35 through its
villages, which runs beside the M-15. A trace on the wrong road would show by how few are left.
"""

from __future__ import annotations

import argparse
import csv
import heapq
import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry import LineString

from cpecgeo.geodesy import Chainage
from tools.derive import packages
from tools.trace.tiles import Floats

ROOT = Path(__file__).parents[2]
PATH = ROOT / "tests" / "data" / "osm_junctions.csv"
PACKAGE, MODULE = "scgraph_data", "scgraph_data/world_highways.py"
REGION = (60.0, 23.0, 78.0, 40.2)
WAYS = 3
BESIDE_KM = 3.0
CLOSER_KM = 0.5
VILLAGES = "n35"
END_KM = 0.01

Graph = dict[int, dict[int, float]]


def network(wheel: Path) -> tuple[Floats, Graph]:
    """Nodes (lon, lat) and ways (km) of the region's roads."""
    code = packages.member(wheel, MODULE).decode()
    graph_text, nodes_text = re.findall(r"^(?:graph|nodes)=(.*)$", code, re.MULTILINE)
    nodes = np.array(json.loads(nodes_text))[:, ::-1]
    west, south, east, north = REGION
    lon, lat = nodes.T
    inside = (lon > west) & (lon < east) & (lat > south) & (lat < north)
    ways = json.loads(re.sub(r"(\d+):", r'"\1":', graph_text))
    graph: Graph = {
        int(i): {int(j): float(km) for j, km in ways[i].items() if inside[int(j)]}
        for i in np.flatnonzero(inside)
    }
    return nodes, graph


def shortest(graph: Graph, start: int, end: int) -> list[int]:
    """Nodes of the shortest way, or none."""
    best, before = {start: 0.0}, {start: start}
    queue = [(0.0, start)]
    while queue:
        km, node = heapq.heappop(queue)
        if node == end:
            way = [node]
            while way[-1] != start:
                way.append(before[way[-1]])
            return way[::-1]
        for other, step in graph[node].items():
            if km + step < best.get(other, np.inf):
                best[other], before[other] = km + step, node
                heapq.heappush(queue, (km + step, other))
    return []


def through(legs: list[list[int]]) -> list[int]:
    """Nodes along the legs of a way, without going into a town and back the same way.

    Examples
    --------
    >>> through([[1, 2, 3], [3, 2, 4]])
    [1, 2, 4]
    """
    way: list[int] = []
    for leg in legs:
        ahead = list(leg)
        while len(way) > 1 and len(ahead) > 1 and way[-2] == ahead[1]:
            way.pop()
            ahead.pop(0)
        way += ahead[1:] if way and ahead and way[-1] == ahead[0] else ahead
    return list(dict.fromkeys(way))


def junctions(
    road: dict[str, Any], nodes: Floats, graph: Graph, others: list[LineString]
) -> Iterator[tuple[str, float, float]]:
    """The junctions along a road that aren't another's: its id, lon, lat."""
    about, traced = road["properties"], np.array(road["geometry"]["coordinates"])
    known = np.array(sorted(graph))
    named = traced[[about["stops"][name] for name in about["nodes"]]]
    at = [int(known[np.argmin(np.hypot(*(nodes[known] - p).T))]) for p in named]
    way = through([shortest(graph, a, b) for a, b in pairwise(at)])
    crossing = [i for i in way if len(graph[i]) >= WAYS]
    if not crossing:
        return
    xy = nodes[crossing]
    chain = Chainage(LineString(traced))
    spots = gpd.GeoSeries(shapely.points(xy), crs=4326)
    near = chain.locate(spots)
    off = near["offset_km"].to_numpy()
    elsewhere = [Chainage(line).locate(spots)["offset_km"].to_numpy() for line in others]
    beside = (off > BESIDE_KM) | (off > np.min(elsewhere, axis=0) + CLOSER_KM)
    beyond = ~near["km"].between(END_KM, chain.end_km - END_KM).to_numpy()
    for lon, lat in xy[~(beside | beyond)].tolist():
        yield about["id"], lon, lat


def main() -> None:
    """Find and write."""
    parser = argparse.ArgumentParser(prog="python -m tools.trace.junctions", description=__doc__)
    parser.add_argument("--cache", type=Path, default=packages.default_cache())
    options = parser.parse_args()
    nodes, graph = network(packages.fetch(packages.load_pinned()[PACKAGE], options.cache))
    path = ROOT / "data" / "odbl" / "roads.geojson"
    roads = json.loads(path.read_text(encoding="utf-8"))["features"]
    points = pd.read_csv(ROOT / "data" / "waypoints.csv").query("trace == @VILLAGES")
    villages = LineString(points.sort_values("order")[["lon", "lat"]].to_numpy())
    lines = {road["id"]: LineString(road["geometry"]["coordinates"]) for road in roads}
    rows = []
    for road in roads:
        others = [line for name, line in lines.items() if name != road["id"]]
        if road["properties"]["trace"] != VILLAGES or road["properties"]["sections"]:
            others.append(villages)
        rows += junctions(road, nodes, graph, others)
    with PATH.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["road", "lon", "lat"])
        writer.writerows(rows)
    print(f"{PATH.name}: {len(rows)} junctions")


if __name__ == "__main__":
    main()

"""Shortest paths on a large road graph: ``python -m benchmarks.graphs``.

The graph is the ways of Monaco (real OpenStreetMap data, the file of the tests), laid out in
tiles side by side until there are 200,000 junctions, each tile joined to its neighbours by a
few links: real streets, repeated. All engines get the very same graph and are measured in the
same run, on one thread, in processor time, which other work on the machine disturbs least.
Peers: osmnx, and where installed igraph, networkit and rustworkx.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import osmnx

from benchmarks.clock import length, number, table
from cpecgeo.osm.elements import Elements
from cpecgeo.osm.graph import Graph
from cpecgeo.osm.paths import Arcs
from cpecgeo.osm.sources import read_extract

FILE = Path(__file__).parents[1] / "tests" / "osm" / "extracts" / "monaco.osm.pbf"
NODES, PAIRS, SIDE = 200_000, 6, 30
LINKS = 6
FAR = 10**9  # between the ids of one tile and the next


def best(call: Callable[[], Any], repeats: int = 2) -> tuple[float, Any]:
    """Return the processor seconds of the quickest of some runs, and the last result."""
    seconds, result = float("inf"), None
    for _ in range(repeats):
        start = time.process_time()
        result = call()
        seconds = min(seconds, time.process_time() - start)
    return seconds, result


def resident_mb() -> float:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def tiled(nodes: int) -> Graph:
    """Return the graph of many copies of Monaco, side by side and joined."""
    ways = read_extract(FILE, ['["highway"]']).ways
    one = Graph.of(ways, "walk", {})
    # Neighbouring copies are joined at their largest components.
    whole = nx.Graph()
    whole.add_edges_from(zip(one.segments.tail.tolist(), one.segments.head.tolist(), strict=True))
    core = np.array(sorted(max(nx.connected_components(whole), key=len)))
    across = int(np.ceil(np.sqrt(nodes / len(one.segments.node_id))))
    junction = np.searchsorted(ways.node_id, np.sort(one.segments.node_id[core]))
    xy = ways.xy[junction]
    size = np.ptp(xy, axis=0) * 1.02
    edge = {
        "east": junction[np.argsort(-xy[:, 0])[:LINKS]],
        "west": junction[np.argsort(xy[:, 0])[:LINKS]],
        "north": junction[np.argsort(-xy[:, 1])[:LINKS]],
        "south": junction[np.argsort(xy[:, 1])[:LINKS]],
    }
    count, refs, sizes, ids, points = len(ways.node_id), [], [], [], []
    for row in range(across):
        for column in range(across):
            tile = row * across + column
            refs.append(ways.ref + tile * count)
            sizes.append(np.diff(ways.first))
            ids.append(ways.node_id % FAR + tile * FAR)
            points.append(ways.xy + size * (column, row))
            for here, there, step, room in (
                ("east", "west", 1, column < across - 1),
                ("north", "south", across, row < across - 1),
            ):
                if room:
                    pairs = np.column_stack((edge[here], edge[there] + step * count)) + tile * count
                    refs.append(pairs.ravel())
                    sizes.append(np.full(LINKS, 2))
    first = np.concatenate(([0], np.cumsum(np.concatenate(sizes))))
    total = len(first) - 1
    # Ids need only be unique.
    node_id = np.arange(len(np.concatenate(ids)), dtype=np.int64)
    many = Elements(
        np.arange(total), ({"highway": "residential"},) * total, first,
        np.concatenate(refs), node_id, np.vstack(points),
    )  # fmt: skip
    return replace(Graph.of(many, "walk", {}), record={"tiles": across**2})


def peers(arcs: Arcs, pairs: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> list[list[Any]]:
    """Return a row for each engine installed: one path, matrix, build, memory, lengths."""
    rows: list[list[Any]] = []
    tail = np.repeat(np.arange(len(arcs)), np.diff(arcs.first))
    both, cost = np.column_stack((tail, arcs.head)), arcs.cost

    def row(package: str, build: Any, path: Any, matrix: Any) -> None:
        if not importlib.util.find_spec(package):
            return
        before = resident_mb()
        building, made = best(build, 1)
        held = resident_mb() - before
        each = best(lambda: [path(made, a, b) for a, b in pairs.tolist()])[0] / len(pairs)
        whole, found = best(lambda: matrix(made), 2)
        rows.append(
            [f"{package} {version(package)}", number(each * 1e3), number(whole), number(building),
             number(held), np.asarray(found, float)]
        )  # fmt: skip

    def igraph() -> Any:
        import igraph as ig

        return ig.Graph(n=len(arcs), edges=both, directed=True, edge_attrs={"km": cost})

    row("igraph", igraph, lambda g, a, b: g.get_shortest_path(a, b, "km", output="epath"),
        lambda g: g.distances(starts.tolist(), ends.tolist(), "km"))  # fmt: skip

    def networkit() -> Any:
        import networkit as nk

        nk.setNumberOfThreads(1)
        where = (cost, tuple(both.T.astype(np.uint64)))
        return nk.GraphFromCoo(where, n=len(arcs), weigh=True, directed=True)

    def nk_path(g: Any, a: int, b: int) -> Any:
        from networkit.distance import BidirectionalDijkstra

        search = BidirectionalDijkstra(g, a, b)
        search.run()
        return search.getPath()

    def nk_matrix(g: Any) -> Any:
        from networkit.distance import SPSP

        search = SPSP(g, starts.tolist())
        search.setTargets(ends.tolist())
        search.run()
        found = np.array(search.getDistances())
        return np.where(found < 1e300, found, np.inf)  # the largest float stands for no path

    row("networkit", networkit, nk_path, nk_matrix)

    def rustworkx() -> Any:
        import rustworkx as rx

        g = rx.PyDiGraph()
        g.add_nodes_from(range(len(arcs)))
        g.add_edges_from(list(zip(*both.T.tolist(), cost.tolist(), strict=True)))
        return g

    def rx_path(g: Any, a: int, b: int) -> Any:
        import rustworkx as rx

        return rx.dijkstra_shortest_paths(g, a, b, float)

    def rx_matrix(g: Any) -> Any:
        import rustworkx as rx

        reached = [
            {a: 0.0, **rx.dijkstra_shortest_path_lengths(g, a, float)} for a in starts.tolist()
        ]
        return [[at.get(b, np.inf) for b in ends.tolist()] for at in reached]

    row("rustworkx", rustworkx, rx_path, rx_matrix)
    return rows


def off(found: np.ndarray, table: np.ndarray) -> str:
    """Return the largest difference of a matrix from ours, which is compared with networkx."""
    joined = np.isfinite(table)
    if (np.isfinite(found) != joined).any():
        return "other ways"
    return length(float(np.abs(found - table)[joined].max()) * 1e3)


def run() -> str:
    """Return the table, and the sentence above it."""
    rng = np.random.default_rng(5)
    net = tiled(NODES)
    building, arcs = best(lambda: net.weigh(net.segments.km), 1)
    _ = net.by_km, net.index
    pairs = rng.integers(0, len(arcs), (PAIRS, 2))
    ids = net.segments.node_id
    before = resident_mb()
    making, peer = best(net.networkx, 1)
    peer_mb = resident_mb() - before
    few = ids[pairs[:2]].tolist()
    slow = np.mean([best(lambda p=p: osmnx.shortest_path(peer, *p), 1)[0] for p in few])
    quick = [arcs.path(arcs.node(a), arcs.node(b))[0] for a, b in pairs.tolist()]
    true = [_networkx_km(peer, *p) for p in few]
    gap = np.abs(np.array(true) - np.array(quick[: len(few)])).max()
    search = best(lambda: [arcs.path(arcs.node(a), arcs.node(b)) for a, b in pairs.tolist()])[0]
    drawn = best(lambda: [net.path(int(a), int(b)) for a, b in ids[pairs]])[0]
    starts, ends = rng.integers(0, len(arcs), (2, SIDE))
    lengths = nx.single_source_dijkstra_path_length
    one_row = best(lambda: lengths(peer, int(ids[starts[0]]), weight="length"), 1)[0]
    groups = [arcs.node(int(a)) for a in starts], [arcs.node(int(b)) for b in ends]
    matrix, table_km = best(lambda: arcs.matrix(*groups))
    for i, a in enumerate(starts[:1]):
        row = lengths(peer, int(ids[a]), weight="length")
        check = np.array([row.get(int(ids[b]), np.inf) / 1e3 for b in ends])
        some = np.isfinite(check)
        gap = max(gap, np.abs(check[some] - table_km[i][some]).max())
    reach = best(lambda: arcs.costs(arcs.node(int(starts[0]))))[0]
    rows = [
        [
            "osmnx.shortest_path (networkx)", number(slow * 1e3),
            f"{number(one_row * SIDE)} (by row; by pair {number(slow * SIDE**2)})",
            number(making), number(peer_mb), "truth",
        ],
        *([*r[:-1], off(r[-1], table_km)] for r in peers(arcs, pairs, starts, ends)),
        [
            "cpecgeo (scipy)", number(search / PAIRS * 1e3), number(matrix),
            number(building), number(arcs.nbytes / 1e6), length(gap * 1e3),
        ],
        ["cpecgeo, `Graph.path` with line and ways", number(drawn / PAIRS * 1e3), *[""] * 4],
    ]  # fmt: skip
    head = ["engine", "one path, ms", f"{SIDE} × {SIDE}, s", "build, s", "memory, MB"]
    head.append("greatest difference of length")
    return (
        f"{len(arcs):,} junctions, {len(arcs.head):,} arcs, {net.record['tiles']} tiles. "
        f"Greatest difference of lengths between cpecgeo and networkx {gap * 1e6:.1g} mm.\n\n"
        + table(head, rows)
        + f"\nOne path is found {slow / search * PAIRS:.0f}× as fast as by `osmnx.shortest_path`, "
        f"{slow / drawn * PAIRS:.0f}× with its line drawn. The matrix is "
        f"{one_row * SIDE / matrix:.0f}× as fast; for networkx that is the time of one row, times "
        f"the number of rows. Distances from one node to all others take {reach * 1e3:.0f} ms.\n"
    )


def _networkx_km(peer: Any, a: int, b: int) -> float:
    try:
        return float(nx.shortest_path_length(peer, a, b, weight="length")) / 1e3
    except nx.NetworkXNoPath:
        return float("inf")


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    warnings.simplefilter("ignore")
    print(run())


if __name__ == "__main__":
    main()

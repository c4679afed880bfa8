"""Shortest paths on a large road graph: ``python -m benchmarks.graphs``.

The graph is the ways of Monaco (real OpenStreetMap data, the file of the tests), laid out in
tiles side by side until there are 200,000 junctions, each tile joined to its neighbours by a
few links: real streets, repeated. All engines get the very same graph and are measured in the
same run. Peers: osmnx, and where installed scipy, igraph, rustworkx and pandana. Takes some
seven minutes on two quiet processors.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import warnings
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import osmnx

from benchmarks.clock import best, length, number, table
from cpecgeo.osm.elements import Elements, from_file
from cpecgeo.osm.network import Network
from cpecgeo.osm.shortest import Graph

FILE = Path(__file__).parents[1] / "tests" / "osm" / "extracts" / "monaco.osm.pbf"
NODES, PAIRS, SIDE = 200_000, 10, 100
LINKS = 6
FAR = 10**9  # between the ids of one tile and the next


def resident_mb() -> float:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def tiled(nodes: int) -> Network:
    """Monaco over and over."""
    ways, _ = from_file(FILE, ['["highway"]'])
    one = Network.of(ways, "walk", {})
    # The widest component of a tile is what its neighbours are joined to.
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
    # Ids may clash after the remainder; they are made unique, as nothing else is asked of them.
    node_id = np.arange(len(np.concatenate(ids)), dtype=np.int64)
    many = Elements(
        np.arange(total), ({"highway": "residential"},) * total, first,
        np.concatenate(refs), node_id, np.vstack(points),
    )  # fmt: skip
    return replace(Network.of(many, "walk", {}), record={"tiles": across**2})


def peers(graph: Graph, pairs: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> list[list[Any]]:  # noqa: C901 - each engine has its ways
    """Rows of the engines that are installed: one path, matrix, build, memory, lengths."""
    rows = []
    arcs = np.column_stack((graph.tail, graph.head))
    cost = graph.cost.tolist()

    def row(name: str, package: str, make: Any, one: Any, grid: Any) -> None:
        if not importlib.util.find_spec(package):
            return
        before = resident_mb()
        building, made = best(make, 1)
        held = resident_mb() - before
        each = best(lambda: [one(made, a, b) for a, b in pairs.tolist()])[0] / len(pairs)
        whole, found = best(lambda: grid(made), 2)
        rows.append(
            [f"{name} {version(package)}", number(each * 1e3), number(whole), number(building),
             number(held), np.asarray(found, float)]
        )  # fmt: skip

    def sparse() -> Any:
        from scipy.sparse import coo_array

        # Of parallel arcs the cheapest, of arcs for nothing the least that is no empty cell.
        order = np.lexsort((graph.cost, arcs[:, 1], arcs[:, 0]))
        first = np.concatenate(([True], (np.diff(arcs[order], axis=0) != 0).any(axis=1)))
        kept = order[first]
        least = np.maximum(graph.cost[kept], 1e-15)
        return coo_array((least, arcs[kept].T), shape=(len(graph),) * 2).tocsr()

    def csgraph(g: Any, at: Any) -> Any:
        from scipy.sparse.csgraph import dijkstra

        return dijkstra(g, indices=at)

    row("scipy `csgraph`", "scipy", sparse, lambda g, a, b: csgraph(g, a)[b],
        lambda g: csgraph(g, starts)[:, ends])  # fmt: skip

    def igraph() -> Any:
        import igraph as ig

        return ig.Graph(n=len(graph), edges=arcs, directed=True, edge_attrs={"km": cost})

    row("igraph", "igraph", igraph, lambda g, a, b: g.distances(a, b, "km"),
        lambda g: g.distances(starts.tolist(), ends.tolist(), "km"))  # fmt: skip

    def rustworkx() -> Any:
        import rustworkx as rx

        g = rx.PyDiGraph()
        g.add_nodes_from(range(len(graph)))
        g.add_edges_from([(u, v, c) for (u, v), c in zip(arcs.tolist(), cost, strict=True)])
        return g

    def of_rx(g: Any, a: int, b: int | None = None) -> Any:
        import rustworkx as rx

        return rx.dijkstra_shortest_path_lengths(g, a, float, goal=b)

    def grid_rx(g: Any) -> Any:
        found = []
        for a in starts.tolist():
            reached = of_rx(g, a)
            at = {a: 0.0, **dict(reached)}
            found.append([at.get(b, np.inf) for b in ends.tolist()])
        return found

    row("rustworkx", "rustworkx", rustworkx, of_rx, grid_rx)

    def pandana() -> Any:
        from pandana.cyaccess import cyaccess

        # Whole thousandths in 32 bits: micrometres would overflow, so tenths of a millimetre.
        return cyaccess(
            np.arange(len(graph)), np.zeros((len(graph), 2)), arcs.astype(np.int64),
            (graph.cost * 1e4)[None, :], False,
        )  # fmt: skip

    def grid_pandana(g: Any) -> Any:
        asked = np.repeat(starts, SIDE), np.tile(ends, SIDE)
        found = np.array(g.shortest_path_distances(*asked, 0)).reshape(SIDE, SIDE)
        return np.where(found > 4.29e6, np.inf, found / 1e4)

    row("pandana (hierarchies)", "pandana", pandana,
        lambda g, a, b: g.shortest_path_distance(a, b, 0), grid_pandana)  # fmt: skip
    return rows


def off(found: np.ndarray, grid: np.ndarray) -> str:
    """How far a matrix is from ours, which is held against networkx."""
    joined = np.isfinite(grid)
    if (np.isfinite(found) != joined).any():
        return "other ways"
    return length(float(np.abs(found - grid)[joined].max()) * 1e3)


def run() -> str:
    """The table, and the sentence above it."""
    rng = np.random.default_rng(5)
    net = tiled(NODES)
    building, graph = best(lambda: net.weighted(net.segments.km), 1)
    _ = net.by_km
    ours_mb = (net.nbytes) / 1e6
    pairs = rng.integers(0, len(graph), (PAIRS, 2))
    ids = net.segments.node_id
    before = resident_mb()
    making, peer = best(net.networkx, 1)
    peer_mb = resident_mb() - before
    slow = np.array(
        [
            best(lambda a=a, b=b: osmnx.shortest_path(peer, a, b), 1)[0]
            for a, b in ids[pairs].tolist()
        ]
    )
    true, quick = [], []
    for a, b in pairs.tolist():
        quick.append(graph.path(graph.node(a), graph.node(b))[0])
        try:
            metres = nx.shortest_path_length(peer, int(ids[a]), int(ids[b]), weight="length")
        except nx.NetworkXNoPath:
            metres = np.inf
        true.append(metres / 1e3)
    joined = np.isfinite(true)
    gap = np.abs(np.array(true)[joined] - np.array(quick)[joined]).max()
    search = best(lambda: [graph.path(graph.node(a), graph.node(b)) for a, b in pairs.tolist()])[0]
    drawn = best(lambda: [net.path(int(a), int(b)) for a, b in ids[pairs]])[0]
    starts, ends = rng.integers(0, len(graph), (2, SIDE))
    one_row = best(
        lambda: nx.single_source_dijkstra_path_length(peer, int(ids[starts[0]]), weight="length"), 2
    )[0]
    groups = [graph.node(int(a)) for a in starts], [graph.node(int(b)) for b in ends]
    matrix, grid = best(lambda: graph.matrix(*groups))
    row = [
        nx.single_source_dijkstra_path_length(peer, int(ids[a]), weight="length")
        for a in starts[:2]
    ]
    check = np.array([[r.get(int(ids[b]), np.inf) / 1e3 for b in ends] for r in row])
    some = np.isfinite(check)
    gap = max(gap, np.abs(check[some] - grid[:2][some]).max())
    reach = best(lambda: graph.grown(graph.node(int(starts[0]))))[0]
    others = peers(graph, pairs, starts, ends)
    rows = [
        [
            "osmnx.shortest_path (networkx)", number(slow.mean() * 1e3),
            f"{number(one_row * SIDE)} (by row; by pair {number(slow.mean() * SIDE**2)})",
            number(making), number(peer_mb), "truth",
        ],
        *([*r[:-1], off(r[-1], grid)] for r in others),
        [
            "cpecgeo, search from both ends", number(search / PAIRS * 1e3), number(matrix),
            number(building), number(ours_mb), length(gap * 1e3),
        ],
        ["cpecgeo, `Network.path` with line and ways", number(drawn / PAIRS * 1e3), *[""] * 4],
    ]  # fmt: skip
    one = slow.mean()
    ratios = (one / search * PAIRS, one / drawn * PAIRS, one_row * SIDE / matrix)
    text = (
        "One path is {:.0f}× faster than `osmnx.shortest_path`, {:.0f}× with its line drawn; the "
        "matrix {:.0f}× (against a row of networkx times its rows)"
    )
    facts = [text.format(*ratios) + f"; one to all nodes in {reach * 1e3:.0f} ms"]
    _ = Graph.of(2, [0], [1], [1.0]).hierarchy  # compiled before it is timed
    preparing, ready = best(lambda: graph.hierarchy, 1)
    asked, cost = best(lambda: ready.matrix(*groups))
    thousand = [graph.node(int(i)) for i in rng.integers(0, len(graph), 1000)]
    many, _ = best(lambda: ready.matrix(thousand, thousand))
    single = best(lambda: [ready.matrix([a], [b]) for a, b in zip(*groups, strict=True)])[0] / SIDE
    rows.append(
        ["cpecgeo, `engine='hierarchy'`", number(single * 1e3), number(asked), number(preparing),
         number(ready.nbytes / 1e6), off(cost, grid)]
    )  # fmt: skip
    facts.append(
        f"with contraction hierarchies the matrix is {one_row * SIDE / asked:,.0f}× faster than "
        f"by rows of networkx and {slow.mean() * SIDE**2 / asked:,.0f}× than pair by pair; "
        f"1,000 × 1,000 take {number(many)} s"
    )
    head = ["engine", "one path, ms", f"{SIDE} × {SIDE}, s", "build, s", "memory, MB"]
    head.append("greatest difference of length")
    return (
        f"{len(graph):,} junctions, {len(graph.head):,} arcs, {net.record['tiles']} tiles. "
        f"Greatest difference of lengths between cpecgeo and networkx {gap * 1e6:.1g} mm.\n\n"
        + table(head, rows)
        + "\n"
        + "; ".join(facts)
        + ".\n"
    )


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    warnings.simplefilter("ignore")
    print(run())


if __name__ == "__main__":
    main()

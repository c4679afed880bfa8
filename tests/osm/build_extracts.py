"""Make the files in ``extracts/`` from packages; run by hand, never by a test.

``monaco.osm.pbf``: roads and rails of Monaco, real OpenStreetMap data of 2023-12-26, cut from
the file in the source distribution of PyPI's quackosm 0.19.0.

``monaco-wards.osm.pbf``: Monaco's wards (``admin_level=10``) as relations, with their ways, out
of the same file, which holds some of them in part.

``pakistan-rail.osm.pbf``: the railways of Pakistan as PyPI's scgraph_data 2.0.0 has them, which
made them of OpenStreetMap and thinned them to 0.001°; ends closer than 0.35 km are joined. The
ids are our own, not OpenStreetMap's.

All are © OpenStreetMap contributors, under the ODbL 1.0.

    python tests/osm/build_extracts.py MONACO.osm.pbf world_railways.py
"""

import ast
import sys
from pathlib import Path

import numpy as np
import osmium
import shapely

OUT = Path(__file__).parent / "extracts"
BOX = (60.5, 23.5, 77.5, 37.5)
SNAP_DEG = 0.0035


def monaco(source):
    keys = ("highway", "railway")
    ways = [
        way.id
        for way in osmium.FileProcessor(source, osmium.osm.WAY)
        if any(k in way.tags for k in keys)
    ]
    kept, target = set(ways), OUT / "monaco.osm.pbf"
    nodes = {
        n.ref
        for way in osmium.FileProcessor(source, osmium.osm.WAY)
        if way.id in kept
        for n in way.nodes
    }
    header = osmium.io.Header()
    header.set("osmosis_replication_timestamp", "2023-12-26T21:21:22Z")
    target.unlink(missing_ok=True)
    with osmium.SimpleWriter(str(target), header=header) as out:
        for thing in osmium.FileProcessor(source):
            if thing.is_node() and thing.id in nodes:
                out.add_node(osmium.osm.mutable.Node(id=thing.id, location=(thing.lon, thing.lat)))
            elif thing.is_way() and thing.id in kept:
                out.add_way(
                    osmium.osm.mutable.Way(
                        id=thing.id,
                        nodes=[n.ref for n in thing.nodes],
                        tags={t.k: t.v for t in thing.tags},
                    )
                )


def wards(source):
    relations = [
        (thing.id, {t.k: t.v for t in thing.tags}, [(m.type, m.ref, m.role) for m in thing.members])
        for thing in osmium.FileProcessor(source, osmium.osm.RELATION)
        if thing.tags.get("boundary") == "administrative" and thing.tags.get("admin_level") == "10"
    ]
    kept = {ref for _, _, members in relations for kind, ref, _ in members if kind == "w"}
    ways = {
        way.id: ([n.ref for n in way.nodes], {t.k: t.v for t in way.tags})
        for way in osmium.FileProcessor(source, osmium.osm.WAY)
        if way.id in kept
    }
    nodes = {n for refs, _ in ways.values() for n in refs}
    target = OUT / "monaco-wards.osm.pbf"
    target.unlink(missing_ok=True)
    header = osmium.io.Header()
    header.set("osmosis_replication_timestamp", "2023-12-26T21:21:22Z")
    mutable = osmium.osm.mutable
    with osmium.SimpleWriter(str(target), header=header) as out:
        for node in osmium.FileProcessor(source, osmium.osm.NODE):
            if node.id in nodes:
                out.add_node(mutable.Node(id=node.id, location=(node.lon, node.lat)))
        for way, (refs, tags) in sorted(ways.items()):
            out.add_way(mutable.Way(id=way, nodes=refs, tags=tags))
        for number, tags, members in sorted(relations):
            out.add_relation(mutable.Relation(id=number, members=members, tags=tags))


def pakistan(source):
    texts = Path(source).read_text().split("\n")
    graph, nodes = (
        ast.literal_eval(next(t for t in texts if t.startswith(name + "="))[len(name) + 1 :])
        for name in ("graph", "nodes")
    )
    lat, lon = np.array(nodes).T
    west, south, east, north = BOX
    inside = (lon > west) & (lon < east) & (lat > south) & (lat < north)
    xy = np.column_stack((lon, lat))
    # The lowest number within reach stands for all of a cluster.
    here = np.flatnonzero(inside)
    tree = shapely.STRtree(shapely.points(xy[here]))
    a, b = tree.query(shapely.points(xy[here]), predicate="dwithin", distance=SNAP_DEG)
    stands = np.arange(len(nodes))
    for _ in range(20):
        np.minimum.at(stands, here[a], stands[here[b]])
    pairs = {
        tuple(sorted((int(stands[u]), int(stands[v]))))
        for u in here.tolist()
        for v in graph[u]
        if inside[v] and stands[u] != stands[v]
    }
    lines = shapely.line_merge(
        shapely.multilinestrings([shapely.linestrings([xy[u], xy[v]]) for u, v in sorted(pairs)])
    )
    parts = sorted(shapely.get_parts(lines), key=lambda g: g.wkt)
    number = {
        tuple(p): i + 1
        for i, p in enumerate(np.unique(shapely.get_coordinates(lines), axis=0).tolist())
    }
    target = OUT / "pakistan-rail.osm.pbf"
    target.unlink(missing_ok=True)
    header = osmium.io.Header()
    header.set("osmosis_replication_timestamp", "2024-04-19T00:00:00Z")
    with osmium.SimpleWriter(str(target), header=header) as out:
        for p, i in number.items():
            out.add_node(osmium.osm.mutable.Node(id=i, location=p))
        for i, line in enumerate(parts):
            refs = [number[tuple(p)] for p in line.coords]
            tags = {"railway": "rail", "gauge": "1676", "operator": "Pakistan Railways"}
            out.add_way(osmium.osm.mutable.Way(id=i + 1, nodes=refs, tags=tags))


if __name__ == "__main__":
    OUT.mkdir(exist_ok=True)
    monaco(sys.argv[1])
    wards(sys.argv[1])
    pakistan(sys.argv[2])

"""A made-up country as OpenStreetMap would have it: every road and railway of the corridors,
each drawn a known distance aside, in ways of thirty nodes, with routes as relations of relations
and districts of several rings."""

import numpy as np
import osmium
import shapely

import cpecgeo as cg
from cpecgeo.osm.tags import section_ref

MUTABLE = osmium.osm.mutable
ASIDE_DEG = 0.002  # 220 m to the north
NODES = 30


def vertices(shape):
    """Return each line of a section with a vertex at least every 0.01°, as a mapper draws it."""
    for part in shapely.get_parts(shape):
        yield shapely.get_coordinates(shapely.segmentize(part, 0.01))


class Writer:
    """Writes nodes, ways and relations with new ids; nodes at the same coordinates are one."""

    def __init__(self, path):
        header = osmium.io.Header()
        header.set("osmosis_replication_timestamp", "2026-01-02T00:00:00Z")
        self.path, self.header = path, header
        self.nodes, self.ways, self.relations = {}, [], []

    def node(self, lon, lat):
        return self.nodes.setdefault((round(lon, 7), round(lat, 7)), len(self.nodes) + 1)

    def way(self, xy, tags):
        refs = [self.node(*at) for at in xy]
        self.ways.append((len(self.ways) + 1, refs, tags))
        return len(self.ways)

    def relation(self, members, tags):
        self.relations.append((len(self.relations) + 1, members, tags))
        return len(self.relations)

    def close(self, without=()):
        with osmium.SimpleWriter(str(self.path), header=self.header, overwrite=True) as out:
            for at, number in self.nodes.items():
                out.add_node(MUTABLE.Node(id=number, location=at))
            for number, refs, tags in self.ways:
                if number not in without:
                    out.add_way(MUTABLE.Way(id=number, nodes=refs, tags=tags))
            for number, members, tags in self.relations:
                out.add_relation(MUTABLE.Relation(id=number, members=members, tags=tags))
        return self.path


def roads(out):
    """Write every base section that has a line: ways, in a relation each, in one for each mode."""
    sections = cg.layer("sections")
    there = sections[(sections["role"] == "base") & sections.geometry.notna()]
    routes, refs = [], {}
    for section in there.to_dict("records"):
        rail, ref = section["kind"] == "rail", section_ref(section)
        tags = {"railway": "rail"} if rail else {"highway": "trunk"} | ({"ref": ref} if ref else {})
        ways = []
        for xy in vertices(section["geometry"]):
            moved = xy + [0.0, ASIDE_DEG]
            for a in range(0, len(moved) - 1, NODES - 1):
                ways.append(out.way(moved[a : a + NODES], tags))
        members = [("w", number, "") for number in ways]
        kind = {"type": "route", "route": "railway" if rail else "road"}
        routes.append(out.relation(members, kind | ({"ref": ref} if ref else {})))
        refs[section["id"]] = ref
    # A relation of relations, one of which isn't in the file, and that holds itself.
    members = [("r", number, "") for number in (*routes, 999_999, len(out.relations) + 1)]
    out.relation(members, {"type": "superroute", "route": "road", "name": "CPEC"})
    return refs


def districts(out):
    """Write two neighbouring districts with holes, an exclave and a subarea, and a clipped one."""

    def box(west, south, east, north):
        return [(west, south), (east, south), (east, north), (west, north)]

    def side(*corners):
        return out.way(corners, {"boundary": "administrative", "admin_level": "6"})

    left, right = box(66.5, 29.8, 67.2, 30.6), box(67.2, 29.8, 67.9, 30.6)
    shared = side(left[1], left[2])
    west = side(left[2], left[3], left[0], left[1])
    east = side(right[1], right[2], right[3])
    south = side(right[0], right[1])
    holes = [
        side(*box(*b), box(*b)[0]) for b in ((66.7, 30.0, 66.8, 30.1), (67.5, 30.0, 67.6, 30.1))
    ]
    exclaves = [
        side(*box(*b), box(*b)[0]) for b in ((68.0, 30.0, 68.1, 30.1), (68.2, 30.3, 68.3, 30.4))
    ]
    cut = side((70.0, 29.0), (70.5, 29.0), (70.5, 29.5))
    level = {"type": "boundary", "boundary": "administrative", "admin_level": "6"}
    tehsil = out.relation([("w", west, "outer")], level | {"admin_level": "7", "name": "Tehsil"})
    quetta = out.relation(
        [("w", west, "outer"), ("w", shared, "outer"), ("w", holes[0], "inner"),
         ("r", tehsil, "subarea"), ("r", 888_888, "subarea")],
        level | {"name": "Quetta District"},
    )  # fmt: skip
    sibi = out.relation(
        [("w", shared, "outer"), ("w", south, "outer"), ("w", east, "outer"),
         ("w", holes[1], "inner"), *(("w", way, "outer") for way in exclaves)],
        level | {"name": "Sibi District"},
    )  # fmt: skip
    clipped = out.relation(
        [("w", cut, "outer"), ("w", 777_777, "outer")], level | {"name": "Loralai District"}
    )
    areas = {
        quetta: shapely.Polygon(left, [box(66.7, 30.0, 66.8, 30.1)]),
        sibi: shapely.union_all(
            [
                shapely.Polygon(right, [box(67.5, 30.0, 67.6, 30.1)]),
                shapely.box(68.0, 30.0, 68.1, 30.1),
                shapely.box(68.2, 30.3, 68.3, 30.4),
            ]
        ),
    }
    return areas, clipped


def noise(path, ways):
    """Write a number of ways that belong to no corridor: houses of eight nodes."""
    out = Writer(path)
    rng = np.random.default_rng(0)
    for lon, lat in rng.uniform((66.0, 25.0), (74.0, 34.0), (ways, 2)).tolist():
        corners = [(lon + 1e-5 * k, lat + 1e-5 * (k * k % 7)) for k in range(8)]
        out.way([*corners, corners[0]], {"building": "yes", "name": f"House {lon:.3f}"})
    return out.close()

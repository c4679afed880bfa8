"""Networks against networkx and osmnx on the same graph, from real OpenStreetMap data."""

from itertools import pairwise

import networkx as nx
import numpy as np
import osmnx
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

import cpecgeo as cg
from cpecgeo.errors import DataWarning, FileError, InputError, MissingExtraError, UnknownNameError
from cpecgeo.geodesy import length_km
from cpecgeo.osm.elements import Foot, directions, from_answers, point
from cpecgeo.osm.graph import Graph
from cpecgeo.osm.paths import Arcs
from cpecgeo.osm.sources import read_extract
from cpecgeo.osm.tags import countries, kmh, matcher, network_filters, section_filters
from tests.osm.conftest import MONACO


@pytest.fixture(scope="module")
def net():
    return cg.osm.graph(file=MONACO, network="drive_service")


@pytest.fixture(scope="module")
def peer(net):
    return net.networkx()


@pytest.fixture(scope="module")
def spots():
    rng = np.random.default_rng(4)
    return [shapely.Point(p) for p in rng.uniform((7.41, 43.725), (7.43, 43.745), (12, 2))]


def test_every_metre_of_every_way_is_kept(net):
    whole = read_extract(MONACO, network_filters("drive_service"))
    ways, snapshot = whole.ways, whole.snapshot
    lines = [
        shapely.LineString(ways.xy[ways.ref[a:b]])
        for a, b in zip(ways.first[:-1], ways.first[1:], strict=True)
    ]
    assert snapshot == net.record["snapshot"] == "2023-12-26T21:21:22Z"
    assert net.segments.km.sum() == pytest.approx(sum(map(length_km, lines)), rel=1e-12)
    assert net.edges()["way"].nunique() == len(ways)


@pytest.mark.parametrize("weight", ["km", "hours"])
def test_paths_are_as_long_as_networkx_finds(net, peer, weight):
    rng = np.random.default_rng(1)
    name, unit = ("length", 1e3) if weight == "km" else ("travel_time", 3600)
    joined = 0
    for a, b in rng.choice(net.segments.node_id, (60, 2)).tolist():
        found = net.path(a, b, weight=weight)
        if not nx.has_path(peer, a, b):
            assert found is None
            continue
        joined += 1
        true = nx.shortest_path_length(peer, a, b, weight=name) / unit
        got = found.length_km if weight == "km" else found.hours
        assert got == pytest.approx(true, abs=1e-9)
        if found.line is not None:
            assert length_km(found.line) == pytest.approx(found.length_km, abs=1e-6)
            assert found.ways["length_km"].sum() == pytest.approx(found.length_km)
        assert found.nodes[0] == a
        assert found.nodes[-1] == b
    assert joined > 20


def test_osmnx_routes_on_the_same_graph(net, peer):
    a, b = net.segments.node_id[[10, 900]].tolist()
    path = osmnx.shortest_path(peer, a, b)
    length = sum(min(e["length"] for e in peer[u][v].values()) for u, v in pairwise(path))
    assert net.path(a, b).length_km == pytest.approx(length / 1e3, abs=1e-9)


def test_matrix_is_the_paths_of_points_on_edges(net, spots):
    table = net.matrix(spots).to_numpy()
    assert np.diag(table) == pytest.approx(0)
    for i, a in enumerate(spots):
        for j, b in enumerate(spots):
            path = net.path(a, b)
            assert table[i, j] == pytest.approx(np.inf if path is None else path.length_km)
            if path is not None and path.line is not None:
                assert length_km(path.line) == pytest.approx(path.length_km, abs=1e-6)


@pytest.mark.parametrize("seed", range(12))
def test_matrices_of_graphs_made_to_be_awkward(seed):
    """Loops, parallel arcs, arcs without cost, ties, one-way streets and separate components."""
    rng = np.random.default_rng(seed)
    nodes, arcs = 50, int(rng.integers(20, 260))
    tail, head = rng.integers(0, nodes, (2, arcs))
    cost = rng.choice([0.0, 1.0, 2.0, 0.1], arcs) if seed % 2 else rng.random(arcs)
    graph, peer = Arcs.of(nodes, tail, head, cost), nx.MultiDiGraph()
    peer.add_nodes_from(range(nodes))
    peer.add_weighted_edges_from(zip(tail.tolist(), head.tolist(), cost.tolist(), strict=True))
    groups = [
        (np.array([a, b], np.int32), rng.random(2)) for a, b in rng.integers(0, nodes, (9, 2))
    ]
    groups += [
        graph.node(3),
        (np.empty(0, np.int32), np.empty(0)),
        (np.array([4, 4], np.int32), rng.random(2)),
    ]
    table, bound = graph.matrix(groups, groups), 1.5
    near = graph.matrix(groups, groups, limit=bound)
    for i, (starts, first) in enumerate(groups):
        for j, (ends, last) in enumerate(groups):
            ways = [
                f + nx.dijkstra_path_length(peer, int(a), int(b)) + e
                for a, f in zip(starts, first, strict=True)
                for b, e in zip(ends, last, strict=True)
                if nx.has_path(peer, int(a), int(b))
            ]
            true = min(ways, default=np.inf)
            assert table[i, j] == pytest.approx(true, abs=1e-12)
            assert near[i, j] == table[i, j] or table[i, j] > bound
            for guess in (np.inf, 0.3, 1e-6):
                least, used = graph.path(groups[i], groups[j], guess=guess)
                assert least == pytest.approx(true, abs=1e-12)
                assert cost[used].sum() <= least + 1e-12
    assert graph.matrix([], groups).shape == (0, 12)
    assert graph.matrix(groups, []).shape == (12, 0)


def test_an_arc_that_costs_less_than_nothing_is_refused():
    for wrong in (-1.0, np.nan, np.inf):
        with pytest.raises(InputError, match="0 or more"):
            Arcs.of(2, [0], [1], [wrong])


@pytest.mark.parametrize(("km", "hours"), [(0.4, None), (None, 0.02)])
def test_reach_is_what_lies_within(net, spots, km, hours):
    weight, limit = ("km", km) if hours is None else ("hours", hours)
    got = net.reach(spots[0], km=km, hours=hours)
    middle = [g.interpolate(0.5, normalized=True) for g in got.geometry]
    cost = net.matrix([spots[0]], middle[:60], weight=weight).to_numpy().ravel()
    assert (cost <= limit * (1 + 1e-6)).mean() > 0.97  # two edges may cross without meeting
    beyond = net.reach(spots[0], **{weight: 2 * limit})
    assert length_km(beyond).sum() > length_km(got).sum() > 0


@pytest.mark.hypothesis  # the law is inside, to build its graph once
def test_distances_hold_on_random_graphs():
    @given(
        st.integers(2, 9).flatmap(
            lambda n: st.tuples(
                st.just(n),
                st.lists(
                    st.tuples(st.integers(0, n - 1), st.integers(0, n - 1), st.integers(0, 8)),
                    min_size=1,
                    max_size=30,
                ),
            )
        )
    )
    def check(drawn):
        n, arcs = drawn
        tail, head, cost = (np.array(c) for c in zip(*arcs, strict=True))
        graph, peer = Arcs.of(n, tail, head, cost.astype(float)), nx.MultiDiGraph()
        peer.add_nodes_from(range(n))
        peer.add_weighted_edges_from([(int(a), int(b), int(c)) for a, b, c in arcs])
        groups = [graph.node(i) for i in range(n)]
        table = graph.matrix(groups, groups)
        for a in range(n):
            true = nx.single_source_dijkstra_path_length(peer, a)
            assert [true.get(b, np.inf) for b in range(n)] == table[a].tolist()
            assert graph.costs(graph.node(a)).tolist() == table[a].tolist()
            for b in range(n):
                least, used = graph.path(graph.node(a), graph.node(b))
                assert least == table[a, b]
                assert cost[used].sum() == (0 if np.isinf(least) else least)

    check()


def way(number, nodes, **tags):
    return {"type": "way", "id": number, "nodes": nodes, "tags": {"highway": "trunk", **tags}}


def small(*ways, kind="drive"):
    """Nodes 1 to 9 along a parallel of latitude, 0.01° apart."""
    nodes = [{"type": "node", "id": i, "lon": 67 + i / 100, "lat": 25.0} for i in range(1, 10)]
    return Graph.of(from_answers([{"elements": nodes + list(ways)}]), kind, {})


def test_the_point_of_a_foot_is_where_its_share_says():
    """On an edge of five vertices: both ends to the bit, the inside by geodesic length."""
    edges = small(way(1, [1, 2, 3, 4, 5])).segments
    xy = edges.coords(0)
    assert len(xy) == 5
    assert point(edges, Foot(0, 0.0, -1, 0.0)) == shapely.Point(xy[0])
    assert point(edges, Foot(0, 1.0, -1, 0.0)) == shapely.Point(xy[-1])
    inside = point(edges, Foot(0, 0.3, -1, 0.0))
    assert inside.x == pytest.approx(xy[0, 0] + 0.3 * (xy[-1, 0] - xy[0, 0]), abs=1e-7)


def test_one_way_roads():
    net = small(way(1, [1, 2, 3], oneway="yes"), way(2, [3, 4], oneway="-1"))
    assert net.path(1, 3) is not None
    assert net.path(3, 1) is None
    assert net.path(4, 3) is not None
    assert net.path(3, 4) is None
    on_foot = small(way(1, [1, 2, 3], oneway="yes"), kind="walk")
    assert on_foot.path(3, 1) is not None
    assert directions({"junction": "roundabout"}, both=False) == (True, False)
    assert directions({"highway": "motorway", "oneway": "no"}, both=False) == (True, True)
    a, b = shapely.Point(67.012, 25), shapely.Point(67.018, 25)
    assert net.path(a, b).length_km < 1
    assert net.path(b, a) is None


KM = length_km(shapely.LineString([(67.01, 25), (67.02, 25)]))  # between two of their nodes


def reached(net, lon, steps):
    """Return the stretches reached: lon from and to, steps at the nearer end, whether whole."""
    found = net.reach(shapely.Point(lon, 25.0), km=steps * KM)
    bounds = found.geometry.bounds[["minx", "maxx"]].round(5)
    rows = bounds.assign(cost=(found["cost"] / KM).round(3), whole=found["whole"])
    return sorted(map(tuple, rows.to_numpy().tolist()))


@pytest.mark.parametrize(
    ("oneway", "low", "high"), [("no", 67.04, 67.06), ("yes", 67.05, 67.06), ("-1", 67.04, 67.05)]
)
def test_reach_from_inside_an_edge_goes_where_the_road_does(oneway, low, high):
    net = small(way(1, [1, 2, 3, 4, 5, 6, 7, 8, 9], oneway=oneway))
    assert reached(net, 67.05, 1) == [(low, high, 0, False)]
    # A larger limit reaches the ends of the road and no farther.
    west, east = (67.01 if low < 67.05 else 67.05), (67.09 if high > 67.05 else 67.05)
    assert reached(net, 67.05, 20) == [(west, east, 0, (west, east) == (67.01, 67.09))]
    assert reached(net, 67.05, 4)[0][:2] == (west, east)


def test_reach_is_whole_where_both_ends_are_and_clipped_elsewhere():
    net = small(way(1, [1, 2, 3]), way(2, [3, 4, 5, 6]), way(3, [6, 7]))
    # The origin lies a tenth of a step before node 3; the limit is 1.5 steps.
    assert reached(net, 67.029, 1.5) == [
        (67.014, 67.03, 0, False),
        (67.03, 67.044, 0.1, False),
    ]
    assert reached(net, 67.029, 3.1) == [
        (67.01, 67.03, 0, True),
        (67.03, 67.06, 0.1, True),
    ]
    assert reached(net, 67.029, 3.6) == [
        (67.01, 67.03, 0, True),
        (67.03, 67.06, 0.1, True),
        (67.06, 67.065, 3.1, False),
    ]


@pytest.mark.parametrize(
    ("steps", "spans", "whole"), [(6.0, [2.0, 5.0], False), (7.01, [9.0], True)]
)
def test_reach_that_meets_itself_from_both_ends_is_whole(steps, spans, whole):
    """The long way from node 3 by 9 to 6 is entered at 3 after one step and at 6 after four."""
    net = small(way(1, [1, 2, 3]), way(2, [3, 4, 5, 6]), way(3, [6, 9, 3]))
    found = net.reach(shapely.Point(67.02, 25.0), km=steps * KM)
    long = found[found["way"] == 3]
    assert sorted((length_km(long.geometry) / KM).round(3)) == spans
    assert (long["whole"] == whole).all()
    assert (found.loc[found["way"] != 3, "whole"]).all()


def test_a_ring_and_a_repeated_node():
    net = small(way(1, [1, 2, 3, 4, 1]), way(2, [4, 4, 5]))
    assert net.path(1, 5).length_km == pytest.approx(
        length_km(shapely.LineString([(67.01, 25), (67.05, 25)]))
    )


@pytest.mark.parametrize(("oneway", "quarters"), [("yes", (3, 1)), ("-1", (1, 3)), ("no", (1, 1))])
def test_a_ring_of_one_junction_is_left_and_entered_the_way_it_runs(oneway, quarters):
    xy = {1: (67.01, 25.0), 2: (67.02, 25.01), 3: (67.03, 25.0), 4: (67.02, 24.99), 9: (67.0, 25.0)}
    nodes = [{"type": "node", "id": i, "lon": x, "lat": y} for i, (x, y) in xy.items()]
    ways = [way(1, [1, 2, 3, 4, 1], oneway=oneway), way(2, [9, 1])]
    net = Graph.of(from_answers([{"elements": nodes + ways}]), "drive", {})
    edge, ramp = (length_km(shapely.LineString([xy[a], xy[b]])) for a, b in ((1, 2), (9, 1)))
    spot = shapely.Point(xy[2])
    away, back = net.path(spot, 9), net.path(9, spot)
    assert away.length_km == pytest.approx(quarters[0] * edge + ramp, rel=1e-3)
    assert back.length_km == pytest.approx(quarters[1] * edge + ramp, rel=1e-3)
    for path in (away, back):
        assert length_km(path.line) == pytest.approx(path.length_km, rel=1e-6)


def test_all_components_are_kept():
    net = small(way(1, [1, 2]), way(2, [8, 9]))
    assert len(net.segments) == 2
    assert net.path(1, 9) is None
    assert np.isinf(net.matrix([1], [9]).iloc[0, 0])


def test_filters_mean_what_overpass_means():
    motor = matcher(['["highway"~"^(trunk|primary)$"]["ref"!~"N-5"]["toll"!="yes"]'])
    assert motor({"highway": "trunk"})
    assert not motor({"highway": "trunk", "ref": "N-55"})
    assert not motor({"highway": "primary", "toll": "yes"})
    assert not motor({"highway": "primary_link"})
    with pytest.raises(InputError, match="no way filter"):
        matcher(["highway=trunk"])


@pytest.mark.parametrize(
    ("corridor", "ref"), [("m5", "M-5"), ("n10", "N-10"), ("kkh-china", "G-314")]
)
def test_roads_are_asked_for_by_ref(corridor, ref):
    section = cg.corridor(corridor).sections.iloc[0]
    by_ref = matcher(section_filters(section)[:1])
    letter, number = ref.split("-")
    for text in (ref, f"{letter}{number}", f"AH4;{ref}", f"{letter} {number}"):
        assert by_ref({"highway": "trunk", "ref": text}), text
    assert not by_ref({"highway": "trunk", "ref": f"{letter}-{number}5"})


def test_speeds_have_sources():
    table = cg.osm.speeds()
    assert set(table["country"]) == {"PK", "CN"}
    assert (table["source"].str.len() > 10).all()
    assert kmh({"highway": "motorway", "maxspeed": "CN:urban"}, "CN") == (30.0, "maxspeed")
    assert kmh({"highway": "trunk", "maxspeed": "signals"}, "PK") == (100.0, "implicit")
    china = countries(np.array([[75.99, 39.47], [67.0, 24.9]]))
    assert china.tolist() == ["CN", "PK"]


# Limits of law and railway; below these, assumed speeds that fall with the class.
LIMITS = {
    "PK": {
        "motorway": 120, "trunk": 100, "primary": 80, "secondary": 70, "tertiary": 60,
        "unclassified": 50, "residential": 50, "road": 40, "living_street": 20, "service": 20,
        "track": 20, "rail": 105,
    },
    "CN": {
        "motorway": 120, "trunk": 70, "primary": 70, "secondary": 70, "tertiary": 40,
        "unclassified": 40, "road": 40, "residential": 30, "living_street": 20, "service": 20,
        "track": 20, "rail": 100,
    },
}  # fmt: skip


@pytest.mark.parametrize("country", LIMITS)
def test_a_way_without_a_limit_has_the_one_of_its_class(country):
    rows = cg.osm.speeds().set_index("country").loc[country]
    assert dict(zip(rows["highway"], rows["kmh"], strict=True)) == LIMITS[country]
    for name, limit in LIMITS[country].items():
        tags = {"railway": "rail"} if name == "rail" else {"highway": name}
        assert kmh(tags, country) == (float(limit), "implicit")


def test_bad_requests_are_refused(net, tmp_path):
    with pytest.raises(UnknownNameError, match="drive"):
        cg.osm.graph(file=MONACO, network="driv")
    with pytest.raises(InputError, match="Give an area"):
        cg.osm.graph()
    with pytest.raises(FileError, match="no file"):
        cg.osm.graph(file=tmp_path / "none.osm.pbf")
    broken = tmp_path / "broken.osm.pbf"
    broken.write_bytes(MONACO.read_bytes()[:5000])
    with pytest.raises(FileError, match="can't be read"):
        cg.osm.graph(file=broken)
    with pytest.raises(InputError, match="no drive ways"):
        cg.osm.graph(shapely.box(67, 25, 68, 26), file=MONACO)
    with pytest.raises(InputError, match="no junction"):
        net.path(1, 2)
    with pytest.raises(InputError, match="either km= or hours="):
        net.reach(shapely.Point(7.42, 43.73))
    with pytest.raises(InputError, match="'km' or 'hours'"):
        net.path(shapely.Point(7.42, 43.73), shapely.Point(7.43, 43.74), weight="minutes")


def test_without_osmium_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "osmium", None)
    with pytest.raises(MissingExtraError, match=r"cpecgeo\[osm\]"):
        cg.osm.graph(file=MONACO)


def osm_xml(path, nodes, ways):
    """Write nodes {id: (lon, lat)} and ways [(id, refs, tags)] as OSM XML."""
    points = "".join(f"<node id='{i}' lon='{x}' lat='{y}'/>" for i, (x, y) in nodes.items())
    lines = ""
    for number, refs, tags in ways:
        inner = "".join(f"<nd ref='{r}'/>" for r in refs)
        inner += "".join(f"<tag k='{k}' v='{v}'/>" for k, v in tags.items())
        lines += f"<way id='{number}'>{inner}</way>"
    path.write_text(f"<osm version='0.6'>{points}{lines}</osm>")
    return path


def test_osm_xml_is_read_too(tmp_path):
    nodes = {1: (67, 25), 2: (67.01, 25)}
    net = cg.osm.graph(file=osm_xml(tmp_path / "two.osm", nodes, [(5, [1, 2], TRUNK)]))
    assert net.path(1, 2).length_km == pytest.approx(1.0092, abs=1e-3)
    assert net.record["snapshot"] is None
    assert net.record["ways_clipped"] == 0


TRUNK = {"highway": "trunk"}
BEND = {1: (67, 25), 2: (67, 25.3), 3: (67.2, 25.3), 4: (67.2, 25), 5: (67.3, 25), 6: (67.4, 25)}


@pytest.mark.parametrize(
    ("missing", "parts"),
    [
        ((2, 3), [[4, 5, 6]]),  # node 1 alone is no road
        ((1,), [[2, 3, 4, 5, 6]]),
        ((3,), [[1, 2], [4, 5, 6]]),
        ((2, 5), [[3, 4]]),
        ((2, 3, 4, 5), []),
        ((6, 7), [[1, 2, 3, 4, 5]]),
    ],
)
def test_a_clipped_way_ends_where_its_nodes_are_missing(missing, parts):
    """No line is drawn across nodes that an extract left out, whichever they are."""
    refs = [*range(1, 7), 7] if 7 in missing else list(range(1, 7))
    nodes = [
        {"type": "node", "id": i, "lon": x, "lat": y}
        for i, (x, y) in BEND.items()
        if i not in missing
    ]
    ways = [{"type": "way", "id": 10, "nodes": refs, "tags": TRUNK}]
    got = from_answers([{"elements": [*nodes, *ways]}])
    kept = [got.node_id[got.ref[a:b]].tolist() for a, b in pairwise(got.first.tolist())]
    assert kept == parts
    assert got.clipped == (10,)
    assert got.way_id.tolist() == [10] * len(parts)


def test_clipped_extracts_are_counted_and_remarked(tmp_path):
    ways = [(10, [1, 2, 3, 4], TRUNK), (11, [4, 5], TRUNK), (12, [5, 6], TRUNK)]
    whole = cg.osm.graph(file=osm_xml(tmp_path / "full.osm", BEND, ways))
    road = shapely.LineString([BEND[i] for i in (1, 2, 3, 4, 5)])
    assert whole.path(1, 5).length_km == pytest.approx(length_km(road))
    some = {i: xy for i, xy in BEND.items() if i not in {2, 3}}
    file = osm_xml(tmp_path / "clip.osm", some, ways)
    with pytest.warns(DataWarning, match="1 ways lack nodes.*way 10"):
        net = cg.osm.graph(file=file)
    assert net.record["ways_clipped"] == 1
    assert net.path(shapely.Point(67.2, 25), shapely.Point(67.4, 25)).length_km == pytest.approx(
        length_km(shapely.LineString([BEND[4], BEND[6]]))
    )
    away = cg.osm.graph(
        shapely.box(67.31, 24.9, 67.5, 25.1), file=file
    )  # no warning of way 10, which lies elsewhere
    assert away.record["ways_clipped"] == 0


@pytest.mark.parametrize(
    ("maxspeed", "expected"),
    [
        ("9999", (100.0, "implicit")),
        ("160", (160.0, "maxspeed")),
        ("161", (100.0, "implicit")),
        ("3", (3.0, "maxspeed")),
        ("2.9", (100.0, "implicit")),
        ("0", (100.0, "implicit")),
        ("99 mph", (99 * 1.609344, "maxspeed")),
        ("100 mph", (100.0, "implicit")),
        ("9999;50", (50.0, "maxspeed")),
    ],
)
def test_absurd_limits_are_passed_over(maxspeed, expected):
    assert kmh({"highway": "trunk", "maxspeed": maxspeed}, "PK") == expected


def test_trains_may_be_faster_than_cars():
    assert kmh({"railway": "rail", "maxspeed": "350"}, "CN") == (350.0, "maxspeed")
    assert kmh({"railway": "rail", "maxspeed": "351"}, "CN") == (100.0, "implicit")

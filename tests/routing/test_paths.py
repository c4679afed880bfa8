"""Paths compared with networkx on the same graph, and snapping with brute force."""

import networkx as nx
import numpy as np
import pytest
import shapely
from shapely.geometry import Point

import cpecgeo as cg
from cpecgeo.routing.costs import edge_costs
from cpecgeo.routing.filters import filters, usable
from cpecgeo.routing.search import search, snap_ends
from cpecgeo.testing import assert_geodesic_equal, reference_nearest

CASES = [
    {},
    {"mode": "road"},
    {"mode": "rail"},
    {"status": "any"},
    {"status": ["operating", "planned"], "mode": "rail"},
    {"year": 2010},
    {"year": 2020, "season": "winter"},
    {"season": "summer"},
    {"avoid": ["Raikot–Thakot", "n85"]},
    {"avoid": "district:Kalat", "mode": "road"},
]


@pytest.fixture(scope="module")
def net():
    return cg.network()


def snap(ends, ground, **how):
    """The nearest place where each end joins the network."""
    return [places[0] for places in snap_ends(ends, ground, **how)]


def graph(net, weight, chosen):
    """The filtered graph for networkx, from the frames alone."""
    ground = usable(filters(**chosen))
    cost = edge_costs(net, weight).cost
    made = nx.MultiGraph()
    made.add_nodes_from(range(len(net.nodes)))
    for i, (u, v) in enumerate(net.edges[["u", "v"]].to_numpy().tolist()):
        if ground.passable[i]:
            made.add_edge(u, v, weight=float(cost[i]))
    return made, ground, cost


@pytest.mark.parametrize("weight", ["km", "hours"])
@pytest.mark.parametrize("chosen", CASES, ids=str)
def test_trees_are_those_of_networkx(net, weight, chosen):
    """From a point in the middle of an edge to every node there is."""
    made, ground, cost = graph(net, weight, chosen)
    start = snap([("here", Point(69.0, 31.0))], ground, max_access_km=500)[0]
    whole = float(net.measures[start.edge][-1])
    u, v = net.edges[["u", "v"]].to_numpy()[start.edge].tolist()
    share = start.km / whole
    made.add_edge("start", u, weight=share * cost[start.edge])
    made.add_edge("start", v, weight=(1 - share) * cost[start.edge])
    expected = nx.single_source_dijkstra_path_length(made, "start")
    got = np.array(search(ground, [start], cost).cost)
    want = np.array([expected.get(n, np.inf) for n in range(len(net.nodes))])
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-9)


def test_routes_between_points_on_edges_are_those_of_networkx(net):
    """Both ends are put into networkx's graph as nodes of their own."""
    made, ground, _ = graph(net, "km", {"mode": "road"})
    rng = np.random.default_rng(7)
    rows = np.flatnonzero(np.array(ground.passable) & (net.edges["km"] > 1).to_numpy())
    ends = []
    for edge in rng.choice(rows, 16, replace=False).tolist():
        line = net.edges.geometry.iloc[edge]
        ends.append(line.interpolate(float(rng.uniform(0.2, 0.8)), normalized=True))
    for a, b in zip(ends[:8], ends[8:], strict=True):
        graph_ab = made.copy()
        snaps = snap([("end", a), ("end", b)], ground, max_access_km=10)
        for name, at in zip("ab", snaps, strict=True):
            u, v = net.edges[["u", "v"]].to_numpy()[at.edge].tolist()
            whole = float(net.measures[at.edge][-1])
            graph_ab.add_edge(name, u, weight=at.km)
            graph_ab.add_edge(name, v, weight=whole - at.km)
        expected = nx.dijkstra_path_length(graph_ab, "a", "b")
        way = cg.route(a, b, mode="road", weight="km")
        assert way.chainage_km == pytest.approx(expected, abs=1e-9)
        assert sum(abs(s.b - s.a) for s in way.steps) == pytest.approx(expected, abs=1e-9)


def test_two_points_on_one_edge_take_the_edge_itself(net):
    edge = int(np.flatnonzero((net.edges["section"] == "m6").to_numpy())[0])
    line = net.edges.geometry.iloc[edge]
    ends = [line.interpolate(x, normalized=True) for x in (0.25, 0.75)]
    way = cg.route(*ends, status="any", along="m6", weight="km")
    back = cg.route(*ends[::-1], status="any", along="m6", weight="km")
    assert len(way.steps) == 1
    assert way.chainage_km == pytest.approx(net.edges["km"].iloc[edge] / 2, rel=0.01)
    assert back.chainage_km == pytest.approx(way.chainage_km, abs=1e-9)
    assert_geodesic_equal(back.line.reverse(), way.line)


def test_a_point_to_itself_is_no_way_at_all():
    way = cg.route("Quetta", "Quetta", weight="km")
    assert (way.chainage_km, way.hours) == (0.0, 0.0)
    assert len(way.legs) == 1


def test_two_ends_at_one_junction_are_no_way_apart(net):
    """Each end joins another edge of the same node, half a millimetre along it."""
    modes = net.edges["mode"].to_numpy()
    for node, edges in enumerate(net.meets[:200]):
        roads = [e for e, _ in edges if modes[e] == "road" and net.edges["km"].iloc[e] > 1]
        if len(roads) < 3 or net.nodes["mode"].iloc[node] != "road":
            continue
        near = []
        for edge in roads[:2]:
            line = net.edges.geometry.iloc[edge]
            line = line if net.ends[edge][0] == node else line.reverse()
            near.append(cg.geodesy.Chainage(line).at(5e-7))
        way = cg.route(*near, mode="road", status="any", season="summer", weight="km")
        assert way.chainage_km == pytest.approx(0, abs=1e-5)
        assert way.legs["km"].sum() == pytest.approx(0, abs=1e-5)
        assert way.length_km == pytest.approx(0, abs=2)


@pytest.mark.parametrize("mode", ["any", "road", "rail"])
def test_snapping_is_that_of_brute_force(net, mode):
    """The reference is a bisection of every edge within reach, with Karney's distances."""
    ground = usable(filters(mode=mode))
    modes = net.edges["mode"].to_numpy()
    may = ground.there & (modes != "transfer") & (net.edges["km"] > 0).to_numpy()
    lines = net.edges.geometry[may]
    boxes = shapely.bounds(lines.to_numpy())
    rng = np.random.default_rng(11)
    for lon, lat in zip(rng.uniform(62, 75, 6), rng.uniform(25, 36, 6), strict=True):
        at = snap([("here", Point(lon, lat))], ground, max_access_km=np.inf)[0]
        # A degree is 110.5 km at least northward, and 90 km eastward this far south.
        east = np.maximum(np.maximum(boxes[:, 0] - lon, lon - boxes[:, 2]), 0) * 88
        north = np.maximum(np.maximum(boxes[:, 1] - lat, lat - boxes[:, 3]), 0) * 110
        near = lines[np.hypot(east, north) * 0.97 <= at.access_km + 5]
        found = {i: reference_nearest([[lon, lat]], line) for i, line in near.items()}
        best = min(found, key=lambda i: found[i]["distance_km"].iloc[0])
        row = found[best].iloc[0]
        assert at.access_km == pytest.approx(row["distance_km"], abs=1e-6)
        assert found[at.edge]["distance_km"].iloc[0] == pytest.approx(row["distance_km"], abs=1e-6)
        assert (at.on.x, at.on.y) == pytest.approx((row["lon"], row["lat"]), abs=1e-5)


def test_km_along_the_edge_is_calibrated(net):
    """A third of the way along a two-point edge is a third of its published km."""
    edge = int(np.flatnonzero((net.edges["section"] == "mashkhel-panjgur").to_numpy())[0])
    line = net.edges.geometry.iloc[edge]
    chain = cg.geodesy.Chainage(line)
    spot = chain.at(chain.length_km / 3)
    (at,) = snap([("here", spot)], usable(filters(status="any")), max_access_km=1)
    assert at.edge == edge
    assert at.km == pytest.approx(net.edges["km"].iloc[edge] / 3, abs=1e-6)
    assert at.access_km == pytest.approx(0, abs=1e-6)


def test_matrix_holds_the_lengths_of_routes():
    places = ["Gwadar", "Quetta", "Lahore"]
    for weight in ("km", "hours"):
        table = cg.route_matrix(places, weight=weight, mode="road")
        assert list(table.index) == list(table.columns) == places
        for a in places:
            for b in places:
                way = cg.route(a, b, weight=weight, mode="road")
                value = way.chainage_km if weight == "km" else way.hours
                assert table.loc[a, b] == pytest.approx(value, abs=1e-9)


def test_matrix_of_layers_keeps_ids_and_leaves_far_ends_empty():
    table = cg.route_matrix("mines", ["Gwadar Port", "Karachi Port"], max_access_km=30)
    mines = cg.layer("mines")
    assert list(table.index) == mines.loc[mines.geometry.notna(), "id"].tolist()
    assert table.loc["reko-diq"].notna().all()
    assert table.isna().any(axis=None)
    one = cg.route("Reko Diq", "Gwadar Port", weight="km").chainage_km
    assert table.loc["reko-diq", "Gwadar Port"] == pytest.approx(one, abs=1e-9)
    assert table.attrs["access_km"]["reko-diq"] < 30


def test_matrix_is_nan_where_there_is_no_way():
    table = cg.route_matrix(["Kashgar", "Khunjerab Pass", "Gwadar"], avoid="Khunjerab")
    assert np.isnan(table.loc["Kashgar", "Gwadar"])
    # The pass itself lies on both sides of the border.
    assert table.loc["Kashgar", "Khunjerab Pass"] == pytest.approx(413)
    assert table.loc["Khunjerab Pass", "Gwadar"] > 2000


def test_geometry_of_a_route_is_one_line_that_joins_its_legs():
    way = cg.route("Torkham", "Rohri", mode="any", weight="hours")
    xy = np.array(way.line.coords)
    assert (np.diff(xy, axis=0) != 0).any(axis=1).all()
    for before, after in zip(way.legs.geometry[:-1], way.legs.geometry[1:], strict=True):
        gap = cg.geodesy.distance_km(Point(before.coords[-1]), Point(after.coords[0]))
        assert gap < 2.0
    assert way.legs["km_from"].tolist() == pytest.approx(
        [0.0, *way.legs["km_to"].tolist()[:-1]], abs=1e-9
    )


def test_a_change_at_one_and_the_same_point_takes_its_time(net):
    """At Gwadar road and railway share a point: a change is 0 km and still takes 12 h."""
    change = net.edges[net.edges["section"] == "transfer-gwadar"].iloc[0]
    assert (change["km"], change["hours"]) == (0.0, 12.0)
    rail = net.edges[net.edges["section"] == "gwadar-mastung"].geometry.iloc[0]
    way = cg.route("Turbat", rail.interpolate(0.4, normalized=True), status="any", weight="km")
    legs = way.legs.set_index("mode")
    assert list(legs.index.unique()) == ["road", "transfer", "rail"]
    assert legs.loc["transfer", "hours"] == 12.0
    assert way.hours == pytest.approx(legs["hours"].sum())


@pytest.mark.parametrize("weight", ["km", "hours"])
def test_steps_sum_to_the_cost_of_the_tree(net, weight):
    """Changes without length, borders and parts of edges at both ends are counted once."""
    made, ground, cost = graph(net, weight, {"status": "any"})
    rng = np.random.default_rng(5)
    named = net.nodes[net.nodes["name"] != ""]
    for u, v in rng.choice(named.index, (12, 2)).tolist():
        a, b = net.nodes.geometry.iloc[u], net.nodes.geometry.iloc[v]
        way = cg.route(a, b, weight=weight, status="any")
        total = way.chainage_km if weight == "km" else way.hours
        starts = snap([("end", a), ("end", b)], ground, max_access_km=1)
        tree = search(ground, starts[:1], cost)
        ends = net.edges.loc[starts[1].edge, ["u", "v"]].tolist()
        # The minimized cost includes access to the network, by road or by rail.
        way_there = starts[0].access_km + starts[1].access_km
        whole = min(tree.cost[end] for end in ends) + cost[starts[1].edge] + way_there
        assert total <= whole + 1e-9
        assert nx.has_path(made, *ends)
        assert total == pytest.approx(
            cg.route_matrix([a], [b], weight=weight, status="any").iloc[0, 0], abs=1e-9
        )


def test_towns_are_entered_by_road_though_rails_pass_nearer():
    """Once, 63 of 120 pairs of large towns took a change of 12 h, where a road goes all the way."""
    towns = ["Karachi", "Lahore", "Islamabad", "Peshawar", "Quetta", "Mastung", "Faisalabad"]
    either = cg.route_matrix(towns, weight="hours")
    by_road = cg.route_matrix(towns, weight="hours", mode="road")
    assert (either <= by_road + 1e-9).all(axis=None)
    assert cg.route("Lahore", "Islamabad").changes == 0
    # A station joins its railway.
    station = cg.route(cg.place("Sibi", within="stations"), cg.place("Quetta", within="stations"))
    assert station.legs["mode"].unique().tolist() == ["rail"]


def test_a_stretch_of_no_length_stays_on_its_edge():
    """This includes the ends of edges, where the point of another edge may lie far away."""
    net = cg.network()
    for edge, (km, line) in enumerate(zip(net.lengths, net.lines, strict=True)):
        places = net.cut([(edge, 0.0, 0.0), (edge, km, km)])
        for place, end in zip(places, (line.coords[0], line.coords[-1]), strict=True):
            np.testing.assert_allclose(place.coords, [end, end], rtol=0, atol=1e-9)


def test_a_reach_names_three_of_its_origins():
    towns = ["Gwadar", "Turbat", "Panjgur", "Pasni", "Lahore"]
    for count, told in ((1, ""), (3, ", Turbat, Panjgur"), (5, ", Turbat, Panjgur and 2 more")):
        assert cg.reach(towns[:count], km=30).title == f"Within 30 km of Gwadar{told}"

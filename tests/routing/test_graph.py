"""The network: the sections it is built from, where they are joined, and its edges' columns."""

import json

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import shapely
from pyproj import Geod

import cpecgeo as cg
from cpecgeo import geodesy
from cpecgeo.catalogue import corridor_rows, data_path, layer
from tools.network.__main__ import text, text_without_osm
from tools.network.segments import SAME_PLACE_KM

GEOD = Geod(ellps="WGS84")


@pytest.fixture(scope="module")
def net():
    return cg.network()


@pytest.fixture(scope="module")
def graph(net):
    made = nx.MultiGraph()
    made.add_nodes_from(range(len(net.nodes)))
    made.add_edges_from(
        (int(u), int(v), i) for i, (u, v) in enumerate(net.edges[["u", "v"]].to_numpy())
    )
    return made


def meeting(net, name, mode):
    """Sections that meet at a named node."""
    here = np.flatnonzero((net.nodes["name"] == name) & (net.nodes["mode"] == mode))
    return {net.edges["section"].iloc[edge] for edge, _ in net.meets[int(here[0])]}


@pytest.mark.parametrize(
    ("file", "make"), [("odbl/network.json", text), ("network.json", text_without_osm)]
)
def test_the_stored_network_is_what_the_sections_make(file, make):
    """`make data` was run after the last change; last digits may differ between machines."""
    stored, made = (json.loads(t) for t in (data_path(file).read_text("utf-8"), make()))
    assert list(stored) == list(made)
    for table, columns in made.items():
        pd.testing.assert_frame_equal(
            pd.DataFrame(stored[table]), pd.DataFrame(columns), rtol=0, atol=1e-9
        )


def test_every_drawn_base_section_is_in_it(net):
    sections = layer("sections")
    base = sections[(sections["role"] == "base") & sections.geometry.notna()]
    there = {name for names in net.edges["sections"] for name in names}
    assert set(base["id"]) <= there


def test_every_corridor_can_be_travelled_from_end_to_end(net):
    for name, row in corridor_rows().items():
        parts = set(row["sections"])
        parts |= {"khunjerab-pass"} if {"n35", "g314"} <= parts else set()
        here = [i for i, names in enumerate(net.edges["sections"]) if parts & set(names)]
        ways = nx.MultiGraph(net.edges.loc[here, ["u", "v"]].to_numpy().tolist())
        assert nx.is_connected(ways), name


def test_all_ways_hang_together(graph):
    assert nx.is_connected(graph)


def test_operating_roads_hang_together_but_for_the_mines(net):
    edges = net.edges
    here = edges["mode"].isin(["road"]) & (edges["status"] == "operating")
    ways = nx.MultiGraph(edges.loc[here, ["u", "v"]].to_numpy().tolist())
    assert nx.is_connected(ways)


def test_edges_start_and_end_at_their_nodes(net):
    """Within the distance at which two points of one name are one junction."""
    edges = net.edges
    for end, at in (("u", 0), ("v", -1)):
        own = shapely.points([line.coords[at] for line in edges.geometry])
        nodes = net.nodes.geometry.to_numpy()[edges[end]]
        away = [
            0.0 if a.equals(b) else geodesy.length_km(shapely.LineString([a, b]))
            for a, b in zip(own, nodes, strict=True)
        ]
        assert max(away) <= SAME_PLACE_KM


def test_measures_rise_and_sum_to_the_edge(net):
    for km, line, measures in zip(net.edges["km"], net.edges.geometry, net.measures, strict=True):
        assert len(measures) == len(line.coords)
        assert measures[0] == 0.0
        assert measures[-1] == pytest.approx(km, abs=1e-12)
        assert (np.diff(measures) >= 0).all()


@pytest.mark.parametrize(
    ("section", "km"),
    [
        ("khunjerab-raikot", 335),
        ("raikot-thakot", 280),
        ("thakot-havelian", 118.057),
        ("havelian-burhan", 59),
        ("m1", 155),
        ("m2", 355),  # of 367: its line ends 12 km short
        ("m5", 392),
        ("n85", 449),
        ("taxila-havelian", 56),
        ("lodhran-khanewal-chord", 91),
        ("n5", 1764),
        ("n55", 1264),
    ],
)
def test_published_lengths_are_kept(net, section, km):
    over = net.edges[[section in names for names in net.edges["sections"]]]
    assert over["km"].sum() == pytest.approx(km, abs=1e-6)


def test_corridor_by_corridor_the_km_are_those_of_its_chainage(net):
    """ML-1 by posts: the network's km between two stations are the corridor's."""
    ml1 = cg.corridor("ml1-chord")
    way = cg.route(
        "Rohri Junction", "Lodhran Junction", mode="rail", along="ml1-chord", weight="km"
    )
    posts = ml1.km_of("Lodhran Junction") - ml1.km_of("Rohri Junction")
    assert way.chainage_km == pytest.approx(posts, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "mode", "lines"),
    [
        ("Khuzdar", "road", {"n25", "n30", "wangu-khuzdar"}),
        ("Burhan", "road", {"m1", "havelian-burhan", "hasan-abdal-link"}),
        ("Hoshab", "road", {"m8-gwadar-hoshab", "n85", "m8-hoshab-awaran"}),
        ("Rohri Junction", "rail", {"rohri-quetta", "ml1-kiamari-lodhran"}),
        ("Surab", "road", {"n85", "kuchlak-surab", "n25"}),
    ],
)
def test_junction_towns_join_their_lines(net, name, mode, lines):
    assert lines <= meeting(net, name, mode)


def test_a_stretch_that_several_sections_share_is_one_edge(net):
    apart = ["n5", "n55", "havelian-burhan"]  # roads of their own through the same towns
    edges = net.edges[~net.edges["section"].isin(apart) & (net.edges["mode"] != "transfer")]
    shape = [shapely.normalize(line).wkb for line in edges.geometry]
    keys = pd.Series(list(zip(edges["mode"], shape, strict=True)))
    assert not keys.duplicated().any()


def test_no_edge_ends_where_it_starts_but_a_road_of_its_own_joins_two_points(net):
    """The town and the interchange of Pano Aqil have one name, and a link between them."""
    (link,) = net.edges[net.edges["section"] == "pano-aqil-link"].itertuples()
    assert link.u != link.v
    nodes = shapely.get_coordinates(net.nodes.geometry)
    for at, vertex in ((link.u, 0), (link.v, -1)):
        assert GEOD.inv(*link.geometry.coords[vertex], *nodes[at])[2] < 1.0


@pytest.mark.parametrize(
    ("start", "end", "mode"),
    [
        ("Sukkur", "Rahim Yar Khan", "any"),
        ("Quetta", "Kotla Jam (Bhakkar station)", "rail"),
        ("Dadu", "Quetta", "rail"),
        ("Havelian", "Mansehra", "road"),
        ("Reko Diq", "Quetta", "rail"),
    ],
)
def test_a_route_is_as_long_as_its_legs(start, end, mode):
    way = cg.route(start, end, mode=mode, status=None)
    assert way.length_km == pytest.approx(cg.length_km(way.legs.geometry).sum(), abs=1e-3)


def test_the_best_status_of_shared_stretches_counts(net):
    """The N-50 is being widened and is open; the planned Central runs over open M-8."""
    by = net.edges.groupby("section")["status"].agg(set)
    assert by["n50-zhob-kuchlak"] == {"operating"}
    assert by["wangu-khuzdar"] == {"operating"}
    assert by["m8-awaran-nal"] == {"planned"}
    assert by["khyber-railway"] == {"closed"}
    assert set(net.edges["status"]) == {
        "operating", "planned", "under_construction", "suspended", "closed",
    }  # fmt: skip


def test_opening_years_are_those_of_the_oldest_section(net):
    opened = net.edges.groupby("section")["opened"].agg(lambda s: set(s.dropna()))
    assert opened["m5"] == {"2019-11"}
    assert opened["raikot-thakot"] == {"1979"}
    # The motorway to Thakot opened in 2020; the highway beside it in 1979.
    assert opened["thakot-havelian"] == {"2020-07-28"}
    # A section's year is that of its last part: not 1861 (Karachi–Kotri), nor 1865 (to Lahore).
    assert opened["g314"] == {"1979"}
    assert opened["ml1-kiamari-lodhran"] == {"1900"}
    assert opened["ml1-khanewal-peshawar"] == {"1883"}


def test_hours_follow_from_the_stated_speeds(net):
    speeds = pd.read_csv(data_path("speeds.csv")).set_index("id")["kmh"]
    ways = net.edges[net.edges["mode"].isin(["road", "rail"]) & (net.edges["km"] > 0)]
    np.testing.assert_allclose(ways["hours"], ways["km"] / speeds[ways["speed_class"]].to_numpy())


def test_transfers_join_road_and_rail_at_named_places(net):
    changes = net.edges[net.edges["mode"] == "transfer"]
    stated = pd.read_csv(data_path("transfers.csv"))
    assert len(changes) == len(stated)
    assert changes["hours"].tolist() == stated["hours"].astype(float).tolist()
    modes = net.nodes["mode"].to_numpy()
    assert set(modes[changes["u"]]) == {"road"}
    assert set(modes[changes["v"]]) == {"rail"}
    assert changes["km"].median() < 2
    # A road passes a town by: the M-4 is 10.8 km from the station of Faisalabad.
    far = changes.set_index("section")["km"].nlargest(2)
    assert far.index[0] == "transfer-faisalabad"
    assert far.iloc[0] < 11
    assert far.iloc[1] < 6


def test_modes_meet_only_in_transfers(net):
    modes = net.nodes["mode"].to_numpy()
    ways = net.edges[net.edges["mode"] != "transfer"]
    assert (modes[ways["u"]] == ways["mode"]).all()
    assert (modes[ways["v"]] == ways["mode"]).all()


def test_the_border_is_an_edge_of_its_own(net):
    border = net.edges[net.edges["crossing"] != ""]
    assert border["crossing"].tolist() == ["khunjerab-pass"]
    assert border["km"].tolist() == [0.0]
    assert border["hours"].tolist() == [2.3]
    here = set(border[["u", "v"]].to_numpy()[0].tolist())
    sides = []
    for end in here:
        others = [e for e, _ in net.meets[end] if net.edges["crossing"].iloc[e] == ""]
        sides.append({net.edges["country"].iloc[e] for e in others})
    assert sorted(map(sorted, sides)) == [["China"], ["Pakistan"]]


def test_countries(net):
    by = net.edges.groupby("section")["country"].agg(set)
    assert by["g314"] == {"China"}
    rest = by.drop(["g314", "khunjerab-pass"])
    assert {c for found in rest for c in found} == {"Pakistan"}


def test_every_edge_says_how_good_its_line_is(net):
    ways = net.edges[net.edges["mode"].isin(["road", "rail"]) & (net.edges["km"] > 0)]
    assert ways["accuracy_km"].notna().all()
    assert ways["basis"].notna().all()
    # Drawn straight between its ends, 240 km of road can be almost 100 km aside.
    pass_road = ways[ways["section"] == "n15"].iloc[0]
    assert pass_road["accuracy_km"] == pytest.approx(
        0.5 * np.sqrt(240**2 - 145.966**2) + 2, abs=0.1
    )
    assert pass_road["basis"] == "schematic"


def test_frames_are_cited_and_placed(net):
    for frame in (net.nodes, net.edges):
        assert frame.crs.to_epsg() == 4326
        assert {"method", "ellipsoid", "edges", "data_version"} <= set(frame.attrs)
    assert net.edges["source"].notna().all()
    assert net.edges["licence"].notna().all()
    assert "Corridor network" in net._repr_html_()


def test_edges_end_on_their_nodes_but_for_junctions_with_two_points(net):
    """As `howto/routes` says: few edges don't, by less than the distance within one junction."""
    points = shapely.get_coordinates(net.nodes.geometry.to_numpy())
    off = []
    for edge in net.edges.itertuples():
        ends = shapely.get_coordinates(edge.geometry)[[0, -1]]
        nodes = points[[net.nodes.index.get_loc(n) for n in (edge.u, edge.v)]]
        off.append(max(GEOD.inv(*a, *b)[2] / 1e3 for a, b in zip(ends, nodes, strict=True)))
    off = np.array(off)
    assert off.max() < SAME_PLACE_KM
    assert (off > 0.005).sum() <= 15
    line = cg.route("Hasan Abdal", "Abbottabad", mode="road").line
    steps = np.diff(shapely.get_coordinates(line), axis=0)
    assert line.geom_type == "LineString"
    assert np.hypot(*steps.T).max() < 0.5

"""A caller's corridors in the network: joined where they meet it; no route gets worse."""

import pickle

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod
from shapely.geometry import LineString, Point

import cpecgeo as cg
from cpecgeo import errors
from cpecgeo.routing.filters import filters, usable
from tests.effort import tries

GEOD = Geod(ellps="WGS84")
own = cg.Corridor.from_line
NET = cg.network()
ROADS = np.flatnonzero((NET.edges["mode"] == "road") & (NET.edges["status"] == "operating"))
TOWNS = ["Gwadar", "Quetta", "Karachi", "Panjgur", "Khuzdar", "Turbat"]


def road_graph(weight):
    """The open roads for networkx, from the frames alone."""
    graph = nx.MultiGraph()
    for row in NET.edges.iloc[ROADS].itertuples():
        if row.season == "":
            graph.add_edge(row.u, row.v, weight=getattr(row, weight))
    return graph


def spots(count, seed):
    """Points in the middle of edges, each put into a graph of networkx as a node of its own."""
    rng = np.random.default_rng(seed)
    long = [i for i in ROADS if NET.edges["km"].iloc[i] > 20 and not NET.edges["season"].iloc[i]]
    found = []
    for edge in rng.choice(long, count, replace=False).tolist():
        share = float(rng.uniform(0.2, 0.8))
        km = share * NET.measures[edge][-1]
        (part,) = NET.cut([(edge, 0.0, km)])
        found.append((edge, share, Point(part.coords[-1])))
    return found


@pytest.mark.parametrize("weight", ["km", "hours"])
@pytest.mark.parametrize("seed", range(4))
def test_ways_over_a_line_of_ones_own_are_those_of_networkx(weight, seed):
    """It leaves one road in the middle of an edge and meets another in the middle of one."""
    graph, (a, b, c, d) = road_graph(weight), spots(4, seed)
    for name, (edge, share, _) in zip("abcd", (a, b, c, d), strict=True):
        u, v = NET.ends[edge]
        cost = float(NET.edges[weight].iloc[edge])
        graph.add_edge(name, u, weight=share * cost)
        graph.add_edge(name, v, weight=(1 - share) * cost)
    line = own(LineString([a[2], b[2]]), name="own", km=60, status="planned")
    graph.add_edge("a", "b", weight=60 if weight == "km" else 60 / 60)  # a highway
    expected = nx.dijkstra_path_length(graph, "c", "d")
    way = cg.route(c[2], d[2], mode="road", weight=weight, extra=[line])
    got = way.chainage_km if weight == "km" else way.hours
    assert got == pytest.approx(expected, abs=1e-6)
    through = cg.route(a[2], b[2], mode="road", weight=weight, extra=line)
    least = nx.dijkstra_path_length(graph, "a", "b")
    got = through.chainage_km if weight == "km" else through.hours
    assert got == pytest.approx(least, abs=1e-6)
    table = cg.route_matrix([c[2], a[2]], [d[2], b[2]], mode="road", weight=weight, extra=line)
    assert table.iloc[0, 0] == pytest.approx(expected, abs=1e-6)
    assert table.iloc[1, 1] == pytest.approx(least, abs=1e-6)


def test_the_package_own_network_stays_as_it_was():
    before = cg.network().edges
    line = own(LineString([(64.0, 27.0), (64.5, 28.9)]), name="own")
    cg.route("Panjgur", "Dalbandin", extra=line, join_km=20)
    after = cg.network().edges
    assert before.drop(columns="geometry").equals(after.drop(columns="geometry"))
    assert "joins" not in after.attrs


def bridge(km=None, **options):
    """From Panjgur to the N-40 at Dalbandin: no road runs there."""
    ends = [cg.place("Panjgur").point, cg.place("Dalbandin").point]
    return own(LineString(ends), name="bridge", title="Panjgur–Dalbandin", km=km, **options)


def test_the_joins_are_told_with_their_distance():
    way = cg.route("Turbat", "Nok Kundi", mode="road", extra=[bridge()], join_km=5)
    assert "bridge" in way.sections
    told = [note for note in way.notes if "joins" in note]
    net = usable(filters(extra=[bridge()], join_km=5)).network
    assert len(told) == len(net.edges.attrs["joins"]) >= 2
    for join in net.edges.attrs["joins"]:
        assert join["km"] <= 5.0
        assert f"{join['km']:.2f} km off" in " ".join(told)
    assert pickle.loads(pickle.dumps(way)).notes == way.notes  # noqa: S301 – our own bytes
    # The stretches that join it to the network are counted with it.
    own_km = way.legs.loc[way.legs["section"] == "bridge", "km"].sum()
    off = [join["km"] for join in net.edges.attrs["joins"]]
    assert bridge().end_km + min(off) <= own_km <= bridge().end_km + sum(off)
    assert way.legs["km"].sum() == pytest.approx(way.chainage_km)
    assert way.legs.loc[way.legs["section"] == "bridge", "status"].unique().tolist() == ["planned"]


def test_where_it_joins_is_at_most_so_far_as_asked():
    lone = own(LineString([(60.0, 22.0), (60.5, 22.0)]), name="sea", title="At sea")
    with pytest.raises(
        errors.InputError, match=r"'At sea', which joins the network nowhere.*km off"
    ):
        cg.route("Gwadar", "Quetta", extra=[lone])
    # Of two lines that meet, one of them a road too, both join, in whichever order they are given.
    first = bridge()
    spur = own(
        LineString([first.at(first.end_km / 2), Point(64.9, 27.9)]), name="spur", title="Spur"
    )
    mid = first.at(first.end_km / 2)
    with_stop = own(first.line, name="bridge", stops={"Middle": (mid.x, mid.y)})
    far = cg.route("Panjgur", (64.9, 27.9), mode="road", extra=[spur, with_stop])
    assert far.access_km < 3
    assert {"spur", "bridge"} <= set(far.sections)


def test_status_year_and_mode_filter_it_as_any_section():
    line = bridge(status="under_construction", opened="2028", km=200)
    assert "bridge" in cg.route("Panjgur", "Dalbandin", mode="road", extra=line).sections
    for chosen in ({"status": "operating"}, {"year": 2027}, {"mode": "road", "avoid": line}):
        way = cg.route("Panjgur", "Dalbandin", extra=line, **{"mode": "road", **chosen})
        assert "bridge" not in way.sections, chosen
    built = cg.route("Panjgur", "Dalbandin", mode="road", extra=line, year=2028)
    assert "bridge" in built.sections
    only = cg.route("Panjgur", "Dalbandin", mode="road", extra=line, along=line)
    assert set(only.sections) == {"bridge"}


def test_speed_is_that_of_the_class_or_as_given():
    def hours(**columns):
        rows = bridge(km=300).sections.assign(**columns)
        line = own(rows, name="bridge", km=300)
        legs = cg.route("Panjgur", "Dalbandin", mode="road", weight="km", extra=line).legs
        return legs.loc[legs["section"] == "bridge", "hours"].sum() / 300

    assert hours() == pytest.approx(1 / 60, rel=0.02)
    assert hours(speed_class="motorway") == pytest.approx(1 / 90, rel=0.02)
    assert hours(kmh=150.0) == pytest.approx(1 / 150, rel=0.02)
    for none in (np.nan, None):
        assert hours(kmh=none) == pytest.approx(1 / 60, rel=0.02)
        assert hours(kmh=none, speed_class="motorway") == pytest.approx(1 / 90, rel=0.02)
    with pytest.raises(errors.InputError, match="speed_class 'fast'"):
        hours(speed_class="fast")


def test_what_is_joined_of_the_package_sections_changes_nothing():
    """Km and hours are those of the same road in the data, plus the stretches that join it."""
    again = cg.Corridor.join(["khunjerab-raikot", "raikot-thakot"], name="again")
    ends = ["Gulmit", "Thakot"]
    for weight in ("km", "hours"):
        one, two = (cg.route(*ends, mode="road", weight=weight, extra=x) for x in ((), again))
        assert two.chainage_km == pytest.approx(one.chainage_km, abs=0.5)
        assert two.hours == pytest.approx(one.hours, abs=0.05)


def test_a_railway_of_ones_own_is_changed_to_where_it_stops_by_a_road():
    ends = {"Panjgur": cg.place("Panjgur"), "Dalbandin": cg.place("Dalbandin")}
    line = LineString([p.point for p in ends.values()])
    rail = own(line, name="rail", kind="rail", stops=ends)
    way = cg.route("Panjgur", "Dalbandin", weight="carbon", extra=rail)
    assert "rail" in set(way.legs["mode"])
    to = cg.route("Turbat", "Nok Kundi", weight="carbon", extra=rail)
    changes = to.legs[to.legs["mode"] == "transfer"]
    assert (changes["hours"] == 12.0).all()
    assert to.changes >= 1


def test_reach_alternatives_and_closures_take_it():
    line = bridge(km=250)
    there = cg.reach("Panjgur", km=240, mode="road", extra=line)
    assert there.edges.loc[there.edges["section"] == "bridge", "km"].sum() == pytest.approx(
        240, abs=3
    )
    chosen = {"mode": "road", "extra": line, "join_km": 5}
    ways = cg.routes("Turbat", "Nok Kundi", k=2, max_stretch=3, weight="km", **chosen)
    assert len(ways) == 2
    assert "bridge" in ways[0].sections
    assert "bridge" not in ways[1].sections
    worst = cg.critical_sections("Turbat", "Nok Kundi", weight="km", **chosen).set_index("section")
    free = cg.route("Turbat", "Nok Kundi", mode="road", weight="km")
    assert worst.loc["bridge", "closed_km"] == pytest.approx(free.chainage_km, abs=1e-6)
    assert ways[1].chainage_km >= free.chainage_km - 1e-6
    assert cg.compare(ways)["km"].iloc[0] == ways[0].chainage_km


def test_what_is_no_corridor_is_refused():
    for wrong, words in (
        ("kkh", "extra has str"),
        ([LineString([(64, 27), (65, 28)])], "LineString"),
    ):
        with pytest.raises(errors.InputTypeError, match=words):
            cg.route("Gwadar", "Quetta", extra=wrong)
    with pytest.raises(errors.InputError, match="several corridors named 'bridge'"):
        cg.route("Gwadar", "Quetta", extra=[bridge(), bridge()])


lons, lats = st.floats(63.0, 68.0), st.floats(25.5, 30.5)
points = st.builds(Point, lons, lats)


@tries(6)
@given(points, points, st.sampled_from(["any", "road"]), st.floats(1, 40))
def test_a_line_more_never_lengthens(a, b, mode, join_km):
    """In km and in hours, access included, for any line anywhere."""
    if a.distance(b) < 0.01:
        return
    line = own(LineString([a, b]), name="own")
    try:
        pairs = cg.routing.gain(
            [*TOWNS, a], extra=line, mode=mode, join_km=join_km, max_access_km=500
        )
    except errors.InputError as error:
        assert "joins the network nowhere" in str(error)  # noqa: PT017
        return
    for weight in ("km", "hours"):
        assert not pairs[f"gained_{weight}"].isna().any()
        assert (pairs[f"gained_{weight}"] >= -1e-9).all()


def test_gain_is_the_difference_of_two_matrices_for_whom_it_is():
    line = bridge(km=250)
    places = ["Panjgur", "Dalbandin", "Quetta", "Turbat"]
    pairs = cg.routing.gain(places, extra=[line], mode="road")
    assert len(pairs) == 6
    row = pairs.set_index(["from", "to"]).loc[("Panjgur", "Dalbandin")]
    for weight in ("km", "hours"):
        ways = [
            cg.route("Panjgur", "Dalbandin", mode="road", weight=weight, extra=extra)
            for extra in ((), line)
        ]
        whole = [
            way.chainage_km + way.access_km if weight == "km" else way.hours + way.access_km / 25
            for way in ways
        ]
        assert row[f"{weight}_before"] == pytest.approx(whole[0])
        assert row[f"{weight}_after"] == pytest.approx(whole[1])
        assert row[f"gained_{weight}"] == pytest.approx(whole[0] - whole[1])
        assert row[f"gained_{weight}"] > 0
    assert pairs["gained_hours"].is_monotonic_decreasing
    for_whom = cg.routing.gain(places, extra=[line], mode="road", by="place")
    assert for_whom.index[0] in {"Panjgur", "Dalbandin"}
    assert for_whom["gained_hours"].sum() == pytest.approx(2 * pairs["gained_hours"].sum())
    assert for_whom.loc["Quetta", "population"] > 500_000
    assert {join["corridor"] for join in pairs.attrs["joins"]} == {"Panjgur–Dalbandin"}


def test_a_place_that_no_road_reached_is_new():
    mine = Point(61.2, 28.3)
    road = own(LineString([mine, cg.place("Nok Kundi").point]), name="road", km=200)
    pairs = cg.routing.gain([(61.2, 28.3), "Quetta"], extra=road, mode="road", max_access_km=20)
    assert pairs["is_new"].tolist() == [True]
    assert np.isnan(pairs["gained_km"].iloc[0])
    assert pairs["km_after"].iloc[0] > 200
    with pytest.raises(errors.InputError, match="two or more"):
        cg.routing.gain(["Quetta"], extra=road)
    with pytest.raises(errors.InputError, match="pair"):
        cg.routing.gain(["Quetta", "Gwadar"], extra=road, by="town")


def test_taking_over_the_last_kilometre_into_town_is_no_gain():
    """Panjgur lies 2.4 km off its road; a line to the north only saves this access to the south."""
    ends = [cg.place("Panjgur").point, cg.place("Dalbandin").point]
    line = own(LineString(ends), name="link", km=240)
    places = ["Turbat", "Panjgur", "Dalbandin", "Quetta"]
    pairs = cg.routing.gain(places, extra=line, join_km=5, mode="road")
    rows = pairs.set_index(["from", "to"])
    south = rows.loc[("Turbat", "Panjgur")]
    assert south["hours_before"] - south["hours_after"] > 0.05
    assert south["gained_hours"] == 0
    assert rows.loc[("Panjgur", "Dalbandin"), "gained_hours"] > 5
    for column in ("gained_km", "gained_hours"):
        assert not np.signbit(pairs[column]).any()
    # Access longer than join_km is part of the journey, so saving it is a gain.
    strict = cg.routing.gain(places[:2], extra=line, join_km=2, mode="road")
    assert strict["gained_hours"].iloc[0] == pytest.approx(
        strict["hours_before"].iloc[0] - strict["hours_after"].iloc[0]
    )


def test_a_small_gain_counts_where_places_lie_further_off_than_lines_join():
    """Only access up to `join_km` may hide a gain, because only that depends on how lines join.

    The line is a chord of the M-14, half a km shorter than its bend. The places lie 3 km beyond
    each of its ends.
    """
    edges = cg.network().edges
    edges = edges[(edges["section"] == "m14") & (edges["km"] > 5)]
    for km, road in zip(edges["km"], edges.geometry, strict=True):
        chord = LineString([road.coords[0], road.coords[-1]])
        saved = km - cg.length_km(chord)
        azimuth, _, _ = GEOD.inv(*chord.coords[0], *chord.coords[1])
        places = [
            Point(GEOD.fwd(*at, way, 3_000)[:2])
            for at, way in zip(chord.coords, (azimuth + 180, azimuth), strict=True)
        ]
        away = cg.route_matrix(places, mode="road").attrs["access_km"].values()
        if 0.3 < saved < 0.9 and min(away) > 0.6:
            break
    line = cg.Corridor.from_line(chord, name="chord")
    near, far = (
        cg.routing.gain(places, extra=line, mode="road", join_km=km)["gained_km"].iloc[0]
        for km in (max(away) + 0.1, 0.5)
    )
    assert far == pytest.approx(saved, abs=1e-6)
    assert near == 0

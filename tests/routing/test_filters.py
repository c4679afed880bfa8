"""Filters: mode, status, year, season and what is avoided; messages when nothing is left."""

import pickle

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely.geometry import LineString, Point, Polygon, box

import cpecgeo as cg
from cpecgeo.errors import (
    CoordinateError,
    CRSError,
    GeometryError,
    GeometryWarning,
    InputError,
    InputTypeError,
    UnknownNameError,
)
from cpecgeo.routing import overlap
from cpecgeo.routing.filters import filters, usable


def test_modes():
    assert set(cg.route("Karachi", "Lahore", mode="road", weight="km").legs["mode"]) == {"road"}
    assert set(cg.route("Karachi", "Lahore", mode="rail", weight="km").legs["mode"]) == {"rail"}
    # Down the hills by road and on by train is shorter than either alone.
    both = cg.route("Gilgit", "Sibi", weight="km")
    assert {"road", "rail", "transfer"} <= set(both.legs["mode"])
    assert (
        both.legs.loc[both.legs["mode"] == "transfer", "hours"].tolist()
        == [12.0] * (both.legs["mode"] == "transfer").sum()
    )


def test_names_mean_stations_by_rail_and_towns_by_road():
    rail = cg.route("Peshawar", "Karachi", mode="rail", weight="km")
    assert rail.access_km == pytest.approx(0, abs=1e-9)  # at the station, to a micrometre
    assert rail.origin.name == "Peshawar Cantonment"
    assert cg.route("Burhan", "Hakla", weight="km").km_by("speed_class").idxmax() == "motorway"


def test_only_what_operates_unless_asked():
    assert set(cg.route("Khunjerab Pass", "Gwadar", weight="km").legs["status"]) == {"operating"}
    with pytest.raises(InputError, match="max_access_km"):
        cg.route("Gwadar Port", "Quetta", mode="rail", weight="km")
    plan = cg.route(
        "Gwadar Port", "Quetta", mode="rail", status=["operating", "planned"], weight="km"
    )
    assert set(plan.legs["status"]) == {"operating", "planned"}
    assert plan.km_by("status")["planned"] == pytest.approx(969.5, abs=1)
    assert cg.route("Torkham", "Peshawar", mode="rail", status="any", weight="km").sections == (
        "khyber-railway",
    )


def test_year_leaves_out_what_opened_later():
    now = cg.route("Peshawar", "Rohri", mode="road", weight="hours")
    then = cg.route("Peshawar", "Rohri", mode="road", weight="hours", year=1990)
    assert {"m1", "m2", "m4", "m5"} <= set(now.sections)
    assert not {"m1", "m2", "m3", "m4", "m5"} & set(then.sections)
    assert then.hours > now.hours


@pytest.mark.parametrize(
    ("year", "season", "open_"),
    [
        (2020, "winter", False),
        (2020, "January", False),
        (2020, "Mar", False),
        (2020, 12, False),
        (2024, "feb", False),
        (2020, "summer", True),
        (2020, 4, True),
        (2020, "november", True),
        (2024, "december", True),
        (2025, "winter", True),
        (None, "winter", True),
        (2020, None, True),
    ],
)
def test_khunjerab_was_closed_in_winter_until_2024(year, season, open_):
    asked = {"year": year, "season": season}
    if open_:
        assert cg.route("Kashgar", "Gilgit", **asked).chainage_km == pytest.approx(662, abs=30)
        return
    with pytest.raises(InputError, match=rf"cut by year={year} and by season="):
        cg.route("Kashgar", "Gilgit", **asked)
    # One may still go up to the pass from either side.
    assert cg.route("Kashgar", "Khunjerab Pass", **asked).chainage_km == pytest.approx(413)
    assert cg.route("Khunjerab Pass", "Gilgit", **asked).chainage_km == pytest.approx(
        250.7, abs=0.1
    )


def test_the_pass_road_is_open_in_summer_only():
    """Dasu closed: over Babusar in summer, no way in winter, and the message says so."""
    summer = cg.route("Chilas", "Mansehra", mode="road", avoid="Dasu", season="summer", weight="km")
    assert "n15" in summer.sections
    for season in ("winter", "may"):
        with pytest.raises(InputError, match=r"cut by avoid=\['Dasu'\]"):
            cg.route("Chilas", "Mansehra", mode="road", avoid="Dasu", season=season, weight="km")
    with pytest.raises(InputError, match="with season='summer' there is one"):
        cg.route("Chilas", "Mansehra", mode="road", avoid="Dasu", weight="km")


@pytest.mark.parametrize(
    "avoid",
    [
        "n85",
        "N-85",
        "section:n85",
        "corridor:n85",
        "Panjgur",
        "place:Panjgur",
        "district:Panjgur",
        ["n85"],
        cg.place("Panjgur"),
        cg.corridor("n85"),
        cg.reach("Panjgur", km=20, mode="road"),
        cg.route("Panjgur", "Surab", mode="road", weight="km"),
        cg.place("Panjgur").point,
        cg.place("Panjgur").point.buffer(0.2),
        LineString([(63.0, 27.5), (65.0, 26.5)]),
        gpd.GeoSeries([cg.place("Panjgur").point.buffer(0.2)], crs=4326).to_crs(32641),
        gpd.GeoDataFrame({"a": [1]}, geometry=[box(63.5, 26.5, 64.5, 27.3)], crs=4326),
    ],
    ids=lambda a: a if isinstance(a, str) else type(a).__name__,
)
def test_avoid_takes_names_things_and_geometries(avoid):
    free = cg.route("Khunjerab Pass", "Gwadar", mode="road", weight="km")
    held = cg.route("Khunjerab Pass", "Gwadar", mode="road", avoid=avoid, weight="km")
    assert "n85" in free.sections
    assert "n85" not in held.sections
    assert held.chainage_km > free.chainage_km


def test_an_area_that_crosses_itself_is_mended_and_told():
    bow = Polygon([(63, 26), (65, 28), (65, 26), (63, 28)])
    with pytest.warns(GeometryWarning, match="avoid has 1 invalid"):
        held = cg.route("Khunjerab Pass", "Gwadar", mode="road", avoid=bow)
    halves = [Polygon([(63, 26), (64, 27), (63, 28)]), Polygon([(65, 28), (64, 27), (65, 26)])]
    assert held.steps == cg.route("Khunjerab Pass", "Gwadar", mode="road", avoid=halves).steps
    assert all(held.line.disjoint(half.buffer(-0.01)) for half in halves)


def test_a_corridor_is_kept_to_by_name_and_as_a_thing():
    by_name = cg.route("Khunjerab Pass", "Gwadar", along="Western")
    as_thing = cg.route("Khunjerab Pass", "Gwadar", along=cg.corridor("western"))
    assert as_thing.steps == by_name.steps
    with pytest.raises(InputTypeError, match="along is .* a Corridor or the name of one"):
        cg.route("Khunjerab Pass", "Gwadar", along=Point(70, 30))


@pytest.mark.parametrize(("km", "is_near"), [(14.9, True), (15.1, False)])
def test_what_is_avoided_lies_within_fifteen_km(km, is_near):
    """A point due east of a straight road in the desert, no other road about."""
    net = cg.network()
    lines = net.edges.geometry[(net.edges["mode"] == "road") & (net.edges["km"] > 0)]
    base = cg.place("Dalbandin").point
    low, high = 0.0, 3.0
    for _ in range(40):
        middle = (low + high) / 2
        away = cg.nearest(Point(base.x, base.y - middle), lines)["distance_km"].iloc[0]
        low, high = (middle, high) if away < km else (low, middle)
    at = Point(base.x, base.y - low)
    if is_near:
        assert usable(filters(mode="road", avoid=at)).blocked
    else:
        with pytest.raises(InputError, match="15.1 km from the network"):
            cg.route("Quetta", "Taftan", mode="road", avoid=at)


@pytest.mark.parametrize(("km", "joins"), [(24.9, True), (25.1, False)])
def test_routes_are_joined_within_25_km(km, joins):
    one = cg.routing.stated_leg((67.0, 30.0), (67.1, 30.0), km=20, mode="road", source="a sign")
    away = cg.geodesy.Chainage(LineString([(67.1, 30.0), (68.0, 30.0)])).at(km)
    two = cg.routing.stated_leg(away, (69.0, 30.0), km=300, mode="road", source="a sign")
    if joins:
        assert (one + two).chainage_km == 320
    else:
        with pytest.raises(InputError, match="25.1 km apart"):
            one + two


def test_avoiding_a_crossing_closes_the_border_and_not_the_road_to_it():
    with pytest.raises(InputError, match=r"cut by avoid=\['Khunjerab'\]"):
        cg.route("Kashgar", "Gwadar", avoid="Khunjerab", weight="km")
    with pytest.raises(InputError, match="cut by avoid"):
        cg.route("Kashgar", "Gwadar", avoid=cg.place("Khunjerab Pass"), weight="km")
    assert cg.route("Gilgit", "Khunjerab Pass", avoid="Khunjerab", weight="km").chainage_km > 200


def test_a_market_is_avoided_as_its_crossing():
    with pytest.raises(InputError, match=r"cut by avoid=\['Khunjerab Pass'\]"):
        cg.route("Kashgar", "Gwadar", avoid=cg.market("Khunjerab"), weight="km")


@pytest.mark.parametrize(
    ("thing", "kind"),
    [
        (cg.route("Quetta", "Kuchlak", mode="road", weight="km"), "LineString"),
        (cg.reach("Quetta", km=20, mode="road"), "Polygon"),
        (cg.market("Torkham"), "Point"),
    ],
    ids=["route", "reach", "market"],
)
def test_things_are_subjects_of_every_verb(thing, kind):
    subject = thing.as_subject()
    assert subject.is_single
    assert subject.things == (thing,)
    assert subject.shapes.geom_type.tolist() == [kind]
    far = Point(70.0, 32.0)
    near = cg.nearest(far, thing).iloc[0]
    assert near["target"] == subject.shapes.index[0]
    expected = cg.distance_km(far, subject.shapes.iloc[0])
    assert near["distance_km"] == pytest.approx(expected, abs=1e-6)
    assert cg.buffer(thing, 2).contains(subject.shapes.iloc[0])
    assert len(cg.exposure(thing, [5])) == 1


def test_closures_at_the_ends_are_noted():
    way = cg.route("Torkham", "Peshawar", weight="km")
    assert way.notes == ("Torkham: closed to trade (since 2025-10)",)
    assert "closed to trade" in way._repr_html_()
    assert cg.route("Torkham", "Peshawar", year=2020, weight="km").notes == ()
    assert cg.route("Khunjerab Pass", "Gilgit", weight="km").notes == ()
    (note,) = cg.route("Zhob", "Kuchlak").notes
    assert note.startswith("N-50 Zhob–Kuchlak counts as operating, though the section is under")
    assert note.endswith("construction: two lanes are open during the dualisation")


def test_an_origin_on_a_blocked_edge_may_leave_the_other_way():
    """Sixty km of one straight edge: blocked on one side, open on the other."""
    net = cg.network()
    edge = int(np.flatnonzero((net.edges["section"] == "m8-hoshab-awaran").to_numpy())[0])
    chain = cg.geodesy.Chainage(net.edges.geometry.iloc[edge])
    asked = {"status": "any", "mode": "road", "weight": "km"}
    ends = [net.nodes["name"].iloc[net.edges[c].iloc[edge]] for c in ("u", "v")]
    spot = chain.at(chain.length_km / 2)
    wall = chain.at(chain.length_km * 0.75).buffer(0.05)
    ahead = cg.route(spot, "Nal", **asked)
    held = cg.route(spot, "Nal", avoid=wall, **asked)
    assert held.chainage_km > ahead.chainage_km + 100
    assert {ends[0], ends[1]} == {"Hoshab", "Awaran"}
    with pytest.raises(InputError, match="cut by avoid"):
        cg.route(chain.at(chain.length_km * 0.75), "Nal", avoid=wall, **asked)


def test_an_end_stays_on_its_road_when_that_is_closed():
    """Moro lies on the N-5 alone: with that closed there is no way, not one from elsewhere."""
    free = cg.route("Moro", "Quetta", mode="road", weight="km")
    assert free.origin.access_km < 0.5, "the road passes the town by"
    with pytest.raises(InputError, match=r"cut by avoid=\['n5'\]"):
        cg.route("Moro", "Quetta", mode="road", avoid="n5", weight="km")
    # A junction town leaves by its other roads.
    other = cg.route("Rohri", "Quetta", mode="road", avoid="n5", weight="km")
    assert other.origin == cg.route("Rohri", "Quetta", mode="road", weight="km").origin


def test_the_only_road_from_the_border_is_critical():
    worst = cg.critical_sections("Torkham", "Karachi Port", mode="road", weight="km")
    row = worst.set_index("section").loc["n5-peshawar-torkham"]
    assert row["cut"]
    assert np.isinf(row["more_km"])
    assert (worst["more_km"] >= 0).all()


def test_a_route_avoids_another_route():
    first = cg.route("Lahore", "Karachi", mode="road", weight="km")
    second = cg.route("Lahore", "Karachi", mode="road", avoid=first, weight="km")
    assert second.chainage_km > first.chainage_km
    assert overlap(first, second) == 0.0
    area = cg.reach("Sukkur", km=30, mode="road")
    around = cg.route("Lahore", "Karachi", mode="road", avoid=[area], weight="km")
    assert around.line.intersection(area.polygon.buffer(-1e-3)).is_empty
    ship = cg.routing.stated_leg("Gwadar", "Turbat", km=165, mode="road", source="a sign")
    with pytest.raises(InputError, match="none of it runs over the network"):
        cg.route("Lahore", "Karachi", avoid=ship, weight="km")


def test_a_polygon_on_the_geodesic_of_a_long_edge_closes_it():
    """The edge bulges off the straight line in lon, lat by more than the polygon is wide."""
    net = cg.network()
    edges = net.edges[(net.edges["mode"] == "road") & (net.edges["season"] == "")]
    edges = edges[edges["status"] == "operating"]
    bulges = []
    for i, line in edges.geometry.items():
        a, b = shapely.points(line.coords[0]), shapely.points(line.coords[-1])
        if len(line.coords) == 2 and a != b:
            middle = cg.geodesy.Chainage(line).at(cg.length_km(line) / 2)
            bulges.append((line.distance(middle), i, middle))
    size, edge, middle = max(bulges)
    assert size > 1e-4
    spot = middle.buffer(size / 2)
    assert not spot.intersects(edges.geometry[edge])
    spans = usable(filters(mode="road", avoid=spot)).blocked[edge]
    assert spans.mean() == pytest.approx(edges["km"][edge] / 2, rel=1e-3)
    # Half the spot's height above and below the middle of the edge.
    assert 0 < spans[0, 1] - spans[0, 0] < 4 * size * 111


def test_reach_stops_at_what_is_avoided():
    net = cg.network()
    edge = int(np.flatnonzero((net.edges["section"] == "m8-hoshab-awaran").to_numpy())[0])
    chain = cg.geodesy.Chainage(net.edges.geometry.iloc[edge])
    spot, wall = chain.at(chain.length_km / 2), chain.at(chain.length_km * 0.75).buffer(0.05)
    free = cg.reach(spot, km=60, status="any", mode="road")
    held = cg.reach(spot, km=60, status="any", mode="road", avoid=wall)
    assert free.chainage_km == pytest.approx(120, abs=1e-6)
    assert 60 < held.chainage_km < 100
    assert not held.edges.intersects(wall.buffer(-0.01)).any()


@pytest.mark.parametrize(
    ("asked", "error", "says"),
    [
        ({"mode": "boat"}, UnknownNameError, "mode"),
        ({"status": "open"}, UnknownNameError, "status"),
        ({"status": []}, InputError, "empty"),
        ({"year": "2015"}, InputTypeError, "whole number"),
        ({"year": True}, InputTypeError, "whole number"),
        ({"year": 15}, InputError, "1800"),
        ({"season": "monsoon"}, UnknownNameError, "season"),
        ({"season": 13}, InputError, "1 to 12"),
        ({"season": 1.5}, InputTypeError, "month"),
        ({"weight": "money"}, InputError, "km, hours"),
        ({"avoid": "Atlantis"}, UnknownNameError, "avoid"),
        ({"avoid": "Khuzdarr"}, UnknownNameError, "Khuzdar"),
        ({"avoid": 5}, InputTypeError, "int"),
        ({"avoid": Point(25, 67)}, CoordinateError, "swapped"),
        ({"avoid": gpd.GeoSeries([Point(67, 25)])}, CRSError, "CRS"),
        ({"avoid": Point(80, 40)}, InputError, "km from the network"),
        ({"avoid": "raikot-thakot-realignment"}, InputError, "isn't drawn"),
        ({"along": "silk road"}, UnknownNameError, "corridor"),
        ({"speeds": {"motorbike": 60}}, InputError, "speed classes"),
        ({"speeds": {"motorway": 0}}, InputError, "above 0"),
        ({"speeds": {"motorway": float("inf")}}, InputError, "finite"),
        ({"speeds": {"motorway": "fast"}}, InputTypeError, "number"),
        ({"speeds": "fast"}, InputTypeError, "by class"),
        ({"status": 5}, InputTypeError, "status"),
        ({"max_access_km": "far"}, InputTypeError, "number"),
        ({"max_access_km": -1}, InputError, "0 or more"),
        ({"avoid": None}, InputTypeError, "NoneType"),
    ],
    ids=lambda x: str(x)[:40],
)
def test_bad_filters_are_told(asked, error, says):
    with pytest.raises(error, match=says):
        cg.route("Quetta", "Gwadar", **asked)


@pytest.mark.parametrize(
    ("end", "error", "says"),
    [
        ("Gwader", UnknownNameError, "Gwadar"),
        ((25.1, 62.3), CoordinateError, "swapped"),
        ((float("nan"), 25.0), CoordinateError, "NaN"),
        (("62", "25"), UnknownNameError, "No place .*named '62'"),
        ("", UnknownNameError, "No place"),
        (None, InputTypeError, "NoneType"),
        (Point(55.05, 25.0), InputError, "max_access_km=50"),
        (LineString([(67, 25), (68, 26)]), GeometryError, "one point"),
        (gpd.GeoSeries([Point(67, 25), Point(68, 26)], crs=4326), GeometryError, "one point"),
    ],
    ids=lambda x: str(x)[:30],
)
def test_bad_ends_are_told(end, error, says):
    with pytest.raises(error, match=says):
        cg.route("Quetta", end, weight="km")


def test_bad_ends_of_a_matrix_are_told():
    with pytest.raises(InputError, match="ends has Quetta twice"):
        cg.route_matrix(["Quetta", "Lahore", "Quetta"])
    with pytest.raises(CoordinateError, match="swapped"):
        cg.route_matrix(gpd.GeoSeries([Point(25, 67), Point(30, 67)], crs=4326))
    with pytest.raises(InputError, match="duplicates"):
        cg.route_matrix(gpd.GeoSeries([Point(67, 25), Point(67, 30)], index=[1, 1], crs=4326))
    with pytest.raises(CRSError):
        cg.route_matrix(gpd.GeoSeries([Point(67, 25)]))
    with pytest.raises(InputTypeError):
        cg.route_matrix(5)


def test_routes_are_joined_where_they_meet_only():
    one, two = (
        cg.route("Quetta", "Kuchlak", weight="km"),
        cg.route("Kuchlak", "Zhob", mode="road", weight="km"),
    )
    both = one + two
    assert both.chainage_km == pytest.approx(one.chainage_km + two.chainage_km)
    assert len(both.legs) == len(one.legs) + len(two.legs)
    assert (both.origin, both.destination) == (one.origin, two.destination)
    with pytest.raises(InputError, match="km apart"):
        two + one
    with pytest.raises(TypeError):
        one + 5


def test_routes_and_reaches_are_pickled():
    way, area = cg.route("Quetta", "Kuchlak", weight="km"), cg.reach("Quetta", km=30)
    again, there = pickle.loads(pickle.dumps((way, area)))  # noqa: S301 – our own bytes
    assert again.chainage_km == pytest.approx(way.chainage_km, rel=1e-14)
    assert there.edges["km"].sum() == area.edges["km"].sum()


def test_the_polygon_of_a_reach_holds_what_is_reached():
    area = cg.reach("Quetta", km=60, within_km=4, mode="road")
    assert area.edges.within(area.polygon.buffer(1e-6)).all()
    assert area.towns.within(area.polygon.buffer(1e-4)).all()
    wide = cg.reach("Quetta", km=120, within_km=4, mode="road")
    assert area.polygon.difference(wide.polygon).area < 1e-4


def test_limits_of_reach_and_alternatives_are_told():
    for bad in ({}, {"km": 5, "hours": 1}, {"km": 0}, {"km": float("nan")}):
        with pytest.raises(InputError):
            cg.reach("Gwadar", **bad)
    for bad in ({"k": 0}, {"k": "two"}, {"k": 2.5}, {"max_overlap": 1.5}, {"max_stretch": 0.5}):
        with pytest.raises(InputError):
            cg.routes("Gwadar", "Quetta", **bad)
    for bad in ({"km": "far"}, {"km": 5, "within_km": "wide"}):
        with pytest.raises(InputTypeError, match="number"):
            cg.reach("Gwadar", **bad)
    with pytest.raises(InputTypeError, match="number"):
        cg.routes("Gwadar", "Quetta", max_overlap="much", weight="km")
    with pytest.raises(InputError, match="Nothing to compare"):
        cg.compare([])
    for bad in ([1, 2], 5, cg.route("Quetta", "Kuchlak", weight="km")):
        with pytest.raises(InputTypeError, match="list of routes"):
            cg.compare(bad)


def test_speeds_can_be_set_by_class():
    slow = cg.route("Karachi Cantonment", "Lahore Junction", mode="rail", along="ml1", weight="km")
    fast = cg.route(
        "Karachi Cantonment",
        "Lahore Junction",
        mode="rail",
        along="ml1",
        speeds={"rail-main": 102, "rail-branch": 80},
        weight="km",
    )
    assert fast.chainage_km == slow.chainage_km
    assert fast.hours == pytest.approx(slow.hours / 2, rel=1e-9)


def test_input_stays_as_it_is():
    places = gpd.GeoDataFrame(
        {"n": [1, 2]}, geometry=[Point(67.0, 30.2), Point(62.3, 25.1)], index=["a", "b"], crs=4326
    )
    before = places.copy()
    table = cg.route_matrix(places)
    assert places.equals(before)
    assert list(table.index) == ["a", "b"]


def test_too_far_names_the_filters():
    """By rail Gwadar is far from what operates, and near what is planned."""
    with pytest.raises(InputError, match="with mode='rail', status='operating'"):
        cg.route("Gwadar", "Lahore", mode="rail", weight="km")


def test_a_long_way_to_the_network_is_seen():
    assert "access 44.2 km" in repr(cg.route("Lahore", "Duddar", weight="km"))
    assert "access" not in repr(cg.route("Karachi", "Chaman", mode="road", weight="km"))


def test_a_town_is_at_its_road_and_at_its_station():
    """Where both have one position, a journey may start by either without a change."""
    from cpecgeo.routing.graph import load_shared

    net = load_shared()
    here = [i for i, n in enumerate(net.nodes["name"]) if n == "Sukkur" and i in net.beside]
    assert {net.nodes["mode"].iloc[i] for i in here} == {"road", "rail"}
    spot = net.nodes.geometry.iloc[here[0]]
    # A road's point and a station: the way by that mode alone is one of those there are.
    for name, mode in (("Burhan", "road"), ("Lahore Junction", "rail")):
        other = net.nodes.geometry[(net.nodes["name"] == name) & (net.nodes["mode"] == mode)].iloc[
            0
        ]
        alone = cg.route(spot, other, mode=mode, weight="km")
        either = cg.route(spot, other, weight="km")
        assert alone.access_km == pytest.approx(0, abs=1e-9)
        assert either.chainage_km <= alone.chainage_km + 1e-9
        assert cg.route(other, spot, weight="km").chainage_km == pytest.approx(
            either.chainage_km, abs=1e-9
        )


@pytest.mark.parametrize(
    "ask",
    [
        lambda **given: cg.routes("Lahore", "Multan", **given),
        lambda **given: cg.route_matrix(["Lahore", "Multan"], **given),
        lambda **given: cg.reach("Torkham", hours=4, **given),
        lambda **given: cg.critical_sections("Lahore", "Multan", **given),
    ],
)
def test_an_option_that_no_search_has_is_named_with_near_ones(ask):
    with pytest.raises(UnknownNameError, match=r"'vehicel'. Did you mean 'vehicle'\?"):
        ask(vehicel="truck")


@pytest.mark.parametrize(
    ("a", "b", "weight", "avoid", "is_shut"),
    [
        # Without the main road by road to another mode, whose shorter way begins farther off.
        ("Haripur", "Abbottabad", "hours", "havelian-burhan", False),
        # From where the first route begins no way is left.
        ("Haripur", "Abbottabad", "hours", "n35", True),
        ("Khairpur", "Bozdar Wada", "hours", "ml1-kiamari-lodhran", True),
        ("Daulatpur", "Mehrabpur", "cost", "n5", True),
    ],
)
def test_a_closure_makes_a_route_no_shorter_unless_it_must_begin_elsewhere(
    a, b, weight, avoid, is_shut
):
    chosen = {"weight": weight, "vehicle": "truck" if weight == "cost" else None}
    free, held = cg.route(a, b, **chosen), cg.route(a, b, **chosen, avoid=avoid)

    def cost(way):
        if weight == "hours":
            return way.hours
        return cg.routing.freight(way)["cost"].sum()

    # Where the routes join the network; the closed section isn't in the second one.
    same = [(way.origin.edge, way.destination.edge) for way in (free, held)]
    assert (same[0] != same[1]) is is_shut
    assert avoid not in set(held.legs["section"])
    if not is_shut:
        assert cost(held) > cost(free)
    # Among others, and whichever side is searched from, a table has the same.
    others = ["Rohri", "Quetta"]
    for rows, columns in (([a, *others], [b]), ([a], [b, *others])):
        table = cg.route_matrix(rows, columns, **chosen, avoid=avoid)
        assert table.loc[a, b] == pytest.approx(cost(held))
        for one in set(rows + columns) & set(others):
            ends = (one, b) if one in rows else (a, one)
            expected = cost(cg.route(*ends, **chosen, avoid=avoid))
            assert table.loc[ends] == pytest.approx(expected)

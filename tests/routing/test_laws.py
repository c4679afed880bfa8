"""Rules that hold for all places and limits."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Point, box

import cpecgeo as cg
from cpecgeo.errors import InputError
from cpecgeo.geodesy import distance_km
from cpecgeo.routing import overlap
from tests.effort import tries

lons = st.floats(62.0, 75.0)
lats = st.floats(25.2, 36.5)
points = st.builds(Point, lons, lats)
SECTIONS = {name for names in cg.network().edges["sections"] for name in names}
near = {"max_access_km": 2000.0}
modes = st.sampled_from(["any", "road", "rail"])
weights = st.sampled_from(["km", "hours"])


def way_or_none(*ends, **chosen):
    try:
        return cg.route(*ends, **chosen, **near)
    except InputError:
        return None


@tries(15)
@given(st.lists(points, min_size=3, max_size=5), modes, weights)
def test_matrix_is_symmetric_and_keeps_the_triangle_inequality(places, mode, weight):
    # Places are labelled by their coordinates, so each may be given only once.
    places = list({(p.x, p.y): p for p in places}.values())
    table = cg.route_matrix(places, mode=mode, weight=weight, **near).to_numpy()
    assert (np.diag(table) == 0).all()
    np.testing.assert_allclose(table, table.T, rtol=0, atol=1e-9)
    # With any mode a place may be reached by road and left by rail, and the change isn't counted.
    if not np.isnan(table).any() and mode != "any":
        over = (table[:, :, None] + table[None, :, :]).min(axis=1)
        assert (table <= over + 1e-9).all()


@tries(15)
@given(points, points, modes, weights)
def test_a_way_is_no_shorter_than_the_line_drawn_and_that_no_shorter_than_straight(
    a, b, mode, weight
):
    way = way_or_none(a, b, mode=mode, weight=weight)
    if way is None:
        return
    straight = distance_km(way.origin.on, way.destination.on)
    assert cg.length_km(way.line) >= straight - 1e-6
    # Published km may be a little shorter than the drawn line, where points lie beside the road.
    # Those of a part of a leg may be shorter by the errors of its two ends.
    off = 2 * way.legs["accuracy_km"].fillna(0.0).max()
    assert way.chainage_km >= min(0.95 * straight, straight - off) - 1e-6


@tries(15)
@given(points, points, lons, lats, st.floats(0.2, 2.5), weights)
def test_avoiding_never_shortens_and_is_obeyed(a, b, lon, lat, size, weight):
    area = box(lon, lat, lon + size, lat + size)
    free = cg.route(a, b, weight=weight, mode="road", **near)
    held = way_or_none(a, b, weight=weight, mode="road", avoid=area)
    if held is None:
        return
    cost = {"km": "chainage_km", "hours": "hours"}[weight]
    assert (held.origin, held.destination) == (free.origin, free.destination)
    assert getattr(held, cost) >= getattr(free, cost) - 1e-9
    inside = shapely.intersection(held.line, area.buffer(-0.02))
    assert inside.length < 1e-6


@tries(15)
@given(points, points, st.integers(0, 10**6), modes, weights)
def test_a_closed_section_never_shortens(a, b, pick, mode, weight):
    free = way_or_none(a, b, mode=mode, weight=weight)
    if free is None or free.chainage_km == 0:
        return
    roads = [s for s in free.sections if not s.startswith("transfer-") and s in SECTIONS]
    if not roads:
        return
    shut = roads[pick % len(roads)]
    held = way_or_none(a, b, mode=mode, weight=weight, avoid=f"section:{shut}")
    if held is None:
        return
    assert shut not in held.sections
    assert whole_cost(held, weight) >= whole_cost(free, weight) - 1e-9
    same_ends = (held.origin, held.destination) == (free.origin, free.destination)
    # With one mode each end joins at one point, which a closure doesn't move. With any mode an end
    # may join the other mode, if that isn't shorter or if the closure leaves no other path.
    assert same_ends or mode == "any"
    if same_ends:
        assert held_cost(held, weight) >= held_cost(free, weight) - 1e-9
    table = cg.route_matrix([a], [b], mode=mode, weight=weight, avoid=f"section:{shut}", **near)
    assert table.iloc[0, 0] == pytest.approx(held_cost(held, weight), abs=1e-9)


def held_cost(way, weight):
    return way.chainage_km if weight == "km" else way.hours


def whole_cost(way, weight):
    """Return the cost including access to the network: its km, or its hours at 25 km/h."""
    return held_cost(way, weight) + way.access_km * (1 if weight == "km" else 1 / 25)


@tries(15)
@given(st.integers(1950, 2026), weights)
def test_what_opened_later_never_helps_earlier(year, weight):
    """Between towns on the oldest road, where the ends join the same road in every year."""
    held = way_or_none("Peshawar", "Karachi", mode="road", year=year, weight=weight)
    later = cg.route("Peshawar", "Karachi", mode="road", year=2026, weight=weight)
    cost = {"km": "chainage_km", "hours": "hours"}[weight]
    assert held is None or getattr(held, cost) >= getattr(later, cost) - 1e-9
    assert held is None or all(str(o)[:4] <= str(year) for o in held.legs["opened"].dropna())


@tries(9)
@given(points, st.floats(1, 400), st.floats(1, 400), modes)
def test_a_longer_reach_holds_a_shorter_one(a, one, two, mode):
    low, high = sorted((one, two))
    small, large = (cg.reach(a, km=km, mode=mode, **near) for km in (low, high))
    assert small.chainage_km <= large.chainage_km + 1e-9
    assert set(small.towns["id"]) <= set(large.towns["id"])
    assert (large.edges["cost_to"] <= high + 1e-9).all()
    sums = [r.edges.groupby(["section", "mode"])["km"].sum() for r in (small, large)]
    assert set(sums[0].index) <= set(sums[1].index)
    assert (sums[0] <= sums[1].reindex(sums[0].index) + 1e-6).all()


@tries(9)
@given(points, st.floats(5, 300), weights)
def test_every_end_of_a_reach_costs_what_a_route_there_does(a, limit, weight):
    found = cg.reach(a, mode="road", **{weight: limit if weight == "km" else limit / 30}, **near)
    for _, row in found.edges.sample(min(4, len(found.edges)), random_state=1).iterrows():
        end = Point(row.geometry.coords[-1])
        way = cg.route(a, end, mode="road", weight=weight, **near)
        cost = way.chainage_km if weight == "km" else way.hours
        assert cost <= row["cost_to"] + 1e-6


@tries(6)
@given(st.lists(points, min_size=2, max_size=3), st.floats(20, 150), st.floats(160, 400), weights)
def test_a_graded_reach_of_several_is_that_of_the_nearest(places, low, high, weight):
    """One call for all limits and origins gives what a call for each of them gives."""
    places = list({(p.x, p.y): p for p in places}.values())
    per = 1 if weight == "km" else 40
    limits = [high / per, low / per]
    both = cg.reach(places, mode="road", **{weight: limits}, **near)
    assert both.limits == tuple(sorted(limits))
    for limit, km in both.areas["chainage_km"].items():
        whole = cg.reach(places, mode="road", **{weight: limit}, **near)
        assert km == pytest.approx(whole.chainage_km, abs=1e-6)
    small, large = both.areas.geometry
    assert small.difference(large.buffer(1e-3)).area < 1e-6
    for place in places:
        alone = cg.reach(place, mode="road", **{weight: low / per}, **near)
        assert set(alone.towns.index) <= set(both.towns.index[both.towns["limit"] == low / per])
    # The cost at the end of a stretch is that from the nearest origin.
    row = both.edges.iloc[len(both.edges) // 2]
    end = Point(row.geometry.coords[-1])
    away = cg.route_matrix(places, [end], weight=weight, mode="road", **near).to_numpy().min()
    assert away <= row["cost_to"] + 1e-6


def test_a_reach_counts_each_stretch_once():
    """With a limit that reaches everything, the stretches add up to all open roads."""
    edges = cg.network().edges
    roads = edges[(edges["mode"] == "road") & (edges["status"] == "operating")]
    roads = roads[roads["season"] == ""]
    whole = cg.reach("Quetta", km=20_000, mode="road")
    assert whole.chainage_km == pytest.approx(roads["km"].sum(), abs=1e-6)


@tries(8)
@given(points, points, st.integers(2, 4), st.floats(0.2, 1.0), st.floats(1.0, 2.0), modes)
def test_alternatives_keep_their_limits(a, b, k, share, stretch, mode):
    try:
        ways = cg.routes(
            a, b, k=k, max_overlap=share, max_stretch=stretch, mode=mode, weight="km", **near
        )
    except InputError:
        return
    assert 1 <= len(ways) <= k
    best = cg.route(a, b, mode=mode, weight="km", **near)
    assert ways[0].chainage_km == pytest.approx(best.chainage_km, abs=1e-9)
    lengths = [w.chainage_km for w in ways]
    assert lengths == sorted(lengths)
    assert max(lengths) <= stretch * lengths[0] + 1e-9
    for i, one in enumerate(ways):
        assert len({s.edge for s in one.steps}) == len(one.steps)
        for other in ways[:i]:
            assert overlap(one, other) <= share + 1e-9


@tries(15)
@given(st.sampled_from(["Quetta", "Lahore", "Karachi", "Gilgit", "Multan", "Turbat"]), weights)
def test_sums_of_legs(town, weight):
    way = cg.route("Gwadar", town, weight=weight)
    assert way.legs["km"].sum() == pytest.approx(way.chainage_km, abs=1e-9)
    assert way.legs["hours"].sum() == pytest.approx(way.hours, abs=1e-9)
    assert way.length_km == pytest.approx(cg.length_km(way.line), abs=1e-9)
    assert way.legs["km_to"].iloc[-1] == pytest.approx(way.chainage_km, abs=1e-9)
    assert way.km_by("mode").sum() == pytest.approx(way.chainage_km, abs=1e-9)
    assert way.km_by("country").sum() == pytest.approx(way.chainage_km, abs=1e-9)


def test_a_town_is_reached_where_it_joins_best_as_a_route_does():
    """Quetta lies nearer to its railway than to its road, and costs nothing by either."""
    truck = {"vehicle": "truck", "mode": "road"}
    for limit, more in (({"km": 300}, {}), ({"hours": 3}, {"mode": "road"}), ({"hours": 3}, truck)):
        ((weight, most),) = limit.items()
        area = cg.reach("Quetta", **limit, **more, within_km=8)
        towns = area.towns[area.towns["cost_at"] < most * 0.9]
        table = cg.route_matrix(["Quetta"], towns.geometry, weight=weight, **more)
        assert towns["cost_at"]["quetta"] == pytest.approx(0, abs=1e-9)
        np.testing.assert_allclose(towns["cost_at"], table.iloc[0], atol=0.02)

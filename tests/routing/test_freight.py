"""Goods: trucks on climbs, money, carbon and fleets, counted by hand."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st
from shapely.geometry import Point

import cpecgeo as cg
from cpecgeo import errors
from cpecgeo.analysis.profile import elevation_m
from cpecgeo.catalogue.files import data_path
from cpecgeo.routing import costs
from cpecgeo.routing.costs import _goods_hours, _grades, edge_costs, price, rates_of
from tests.effort import tries

RATES = pd.read_csv(data_path("freight.csv")).set_index("id")


@pytest.fixture(scope="module")
def plain():
    return cg.route("Multan", "Sukkur", mode="road", vehicle="truck")


def test_every_rate_has_a_source_or_is_said_to_be_assumed():
    assert RATES["source"].notna().all()
    assert RATES["unit"].notna().all()
    assert (RATES["amount"] > 0).all()
    assert rates_of() == RATES["amount"].to_dict()


def test_on_level_ground_a_truck_drives_the_speed_of_the_class(plain):
    kmh = plain.legs["km"] / plain.legs["hours"]
    stated = plain.legs["speed_class"].map(lambda c: RATES.loc[f"truck-{c}-kmh", "amount"])
    assert kmh.to_numpy() == pytest.approx(stated.to_numpy(), rel=0.01)


def test_a_climb_slows_a_truck_to_what_its_power_lifts():
    """The M-2 through the Salt Range, and no road is quicker than on the level."""
    net = cg.network()
    hours = np.array(edge_costs(net, "hours", vehicle="truck").hours)
    roads = ((net.edges["mode"] == "road") & (net.edges["km"] > 0)).to_numpy()
    kmh = net.edges["km"].to_numpy()[roads] / hours[roads]
    stated = np.array(
        [RATES.loc[f"truck-{c}-kmh", "amount"] for c in net.edges["speed_class"][roads]]
    )
    assert (kmh <= stated + 1e-9).all()
    strong = np.array(
        edge_costs(net, "hours", vehicle="truck", rates={"truck-kg-per-kw": 1.0}).hours
    )
    assert strong[roads] == pytest.approx(net.edges["km"].to_numpy()[roads] / stated)
    weak = np.array(edge_costs(net, "hours", vehicle="truck", rates={"truck-kg-per-kw": 240}).hours)
    assert (weak >= hours - 1e-12).all()
    assert weak.sum() > hours.sum() > strong.sum()
    # By hand: no truck climbs 12 % slower than power over weight allows.
    power = 1000 * RATES.loc["truck-driveline", "amount"] / RATES.loc["truck-kg-per-kw", "amount"]
    crawl = 3.6 * power / (9.81 * (0.12 + RATES.loc["truck-rolling", "amount"]))
    assert kmh.min() >= min(crawl, RATES.loc["truck-pass-kmh", "amount"]) - 1e-9


def test_speeds_of_the_caller_come_before_those_of_the_truck(plain):
    way = cg.route("Multan", "Sukkur", mode="road", vehicle="truck", speeds={"motorway": 35})
    assert way.hours > plain.hours
    part = way.legs[way.legs["speed_class"] == "motorway"]
    assert (part["km"] / part["hours"]).to_numpy() == pytest.approx(35)


def test_money_and_carbon_are_sums_by_hand(plain):
    load = cg.routing.freight(plain, 1000)
    cost = carbon = 0.0
    for leg in plain.legs.itertuples():
        toll = {"motorway": 12.6, "highway": 5.0}.get(leg.speed_class, 0.0)
        cost += leg.km * (6 + toll / 30) + leg.hours * 1500 / 30
        carbon += leg.km * 0.062
    cost += plain.access_km * (6 + 1500 / 30 / 20)
    carbon += plain.access_km * 0.062
    assert load["cost"].sum() == pytest.approx(1000 * cost)
    assert load["carbon_kg"].sum() == pytest.approx(1000 * carbon)
    assert load.attrs["cost_per_t"] == pytest.approx(cost)
    assert any("truck-pkr-per-tkm=6 PKR/tkm: assumption" in text for text in load.attrs["rests_on"])


def test_fleet_and_trips_of_a_tonnage(plain):
    load = cg.routing.freight(plain, 60_000, days=300).iloc[0]
    assert load["loads"] == 2000
    assert load["trips_per_day"] == pytest.approx(2000 / 300)
    trip = 2 * plain.hours + 4
    assert load["vehicles"] == math.ceil(2000 / (300 * 10 / trip))
    assert cg.routing.freight(plain, 31)["loads"].tolist() == [2]
    heavier = cg.routing.freight(plain, 60_000, rates={"truck-payload-t": 60})
    assert heavier["loads"].tolist() == [1000]
    assert "truck-payload-t=60 t: given" in heavier.attrs["rests_on"]


def test_stages_change_vehicle_and_pay_for_handling():
    way = cg.route("Quetta", "Lahore", mode="any", weight="carbon")
    load = cg.routing.freight(way, 10)
    changes = load[load["mode"] == "transfer"]
    assert len(changes) == way.changes
    assert (changes["cost"] == 6000).all()
    assert (changes["carbon_kg"] == 0).all()
    assert load.loc[load["mode"] == "rail", "vehicle"].unique().tolist() == ["train"]
    assert load["km"].sum() == pytest.approx(way.chainage_km)


@pytest.mark.parametrize("weight", ["cost", "carbon"])
def test_a_route_of_least_money_or_carbon_has_least_of_it(weight):
    column = {"cost": "cost", "carbon": "carbon_kg"}[weight]
    ways = {
        kind: cg.route("Karachi", "Rawalpindi", weight=kind, vehicle="truck")
        for kind in ("km", "hours", "cost", "carbon")
    }
    table = cg.compare(ways, tonnes=500)
    # Access to the network counts, as km of a track at a truck's rate.
    track = pd.DataFrame({"mode": ["road"], "km": 1.0, "hours": 1 / 20, "speed_class": "unsealed"})
    per_km = price(track, rates_of())[{"cost": "cost_per_t", "carbon": "carbon_kg_per_t"}[weight]]
    access = table.loc[weight, "access_km"] * per_km.iloc[0] * 500
    assert table.loc[weight, column] == pytest.approx(table[column].min(), rel=1e-12)
    assert table["more_cost"].iloc[0] == 0
    assert (table["more_cost"] == table["cost"] - table["cost"].iloc[0]).all()
    costs = cg.route_matrix(["Karachi"], ["Rawalpindi"], weight=weight)
    assert costs.iloc[0, 0] * 500 == pytest.approx(table.loc[weight, column])
    way = ways[weight]
    legs = price(way.legs[["mode", "km", "hours", "speed_class"]], rates_of())
    of_legs = legs[{"cost": "cost_per_t", "carbon": "carbon_kg_per_t"}[weight]].sum()
    assert costs.iloc[0, 0] * 500 == pytest.approx(of_legs * 500 + access)


towns = st.sampled_from(sorted(set(cg.layer("places").nlargest(80, "population")["name"])))


@pytest.mark.parametrize("avoid", [(), "m5"])
@pytest.mark.parametrize("mode", ["any", "road", "rail"])
@pytest.mark.parametrize("weight", ["km", "hours", "cost", "carbon"])
def test_a_matrix_has_what_route_gives_for_each_pair(weight, mode, avoid):
    """Places on and off the network, points and names, with and without a closure."""
    off = Point(67.2, 27.9)
    places = ["Lahore", "Gwadar Port", "Reko Diq", "Sukkur", off]
    asked = {"mode": mode, "avoid": avoid, "weight": weight, "max_access_km": 150.0}
    table = cg.route_matrix(places, **asked, vehicle="truck")
    assert np.nanmax(np.diag(table)) == 0
    assert table.attrs["access_km"][str((off.x, off.y))] > 5
    for i, j in [(0, 1), (1, 2), (2, 3), (3, 4), (4, 0), (3, 0)]:
        try:
            way = cg.route(places[i], places[j], **asked, vehicle="truck")
        except errors.InputError:
            assert np.isnan(table.iloc[i, j])
            continue
        told = cg.routing.freight(way).attrs
        amounts = {
            "km": way.chainage_km, "hours": way.hours,
            "cost": told["cost_per_t"], "carbon": told["carbon_kg_per_t"],
        }  # fmt: skip
        assert table.iloc[i, j] == pytest.approx(amounts[weight], rel=1e-12)


@tries(8)
@given(towns, towns)
def test_the_route_of_a_weight_has_the_least_of_it(a, b):
    """Between any towns no other route costs less in its own weight, access included."""
    assume(a != b)
    kinds = ("hours", "cost", "carbon")
    try:
        ways = {w: cg.route(a, b, weight=w, vehicle="truck") for w in kinds}
    except errors.InputError as error:
        assert "No way" in str(error) or "from the network" in str(error)  # noqa: PT017
        return
    table = cg.compare(ways, tonnes=1000)
    measures = {
        "hours": table["hours"] + table["access_km"] / RATES.loc["truck-unsealed-kmh", "amount"],
        "cost": table["cost"],
        "carbon": table["carbon_kg"],
    }
    for weight, amounts in measures.items():
        assert amounts[weight] <= amounts.min() * (1 + 1e-12) + 1e-9, weight


def test_the_hours_of_a_car_carry_no_goods():
    car = cg.route("Multan", "Sukkur", mode="road")
    truck = cg.route("Multan", "Sukkur", mode="road", vehicle="truck")
    ship = cg.routing.stated_leg("Sukkur", (55.0, 25.0), km=2000, mode="sea", source="a chart")
    for way in (car, car + ship, cg.routes("Multan", "Sukkur", k=1, mode="road")[0]):
        with pytest.raises(errors.InputError, match='hours of a car.*vehicle="truck"'):
            cg.routing.freight(way, 100)
        with pytest.raises(errors.InputError, match='vehicle="truck"'):
            cg.compare([way], tonnes=100)
    assert cg.compare([car])["hours"].iloc[0] < cg.compare([truck])["hours"].iloc[0]
    assert cg.routing.freight(truck + ship, 100)["mode"].tolist() == ["road", "sea"]


def test_the_way_where_two_routes_meet_is_part_of_them():
    """Two routes joined at a place beside the road cost what both cost alone."""
    beside = Point(67.2, 27.9)
    kind = {"mode": "road", "vehicle": "truck", "max_access_km": 100.0}
    one, two = cg.route("Sukkur", beside, **kind), cg.route(beside, "Quetta", **kind)
    three = cg.route("Quetta", "Chaman", **kind)
    for whole, parts in ((one + two, [one, two]), (one + (two + three), [one, two, three]),
                         ((one + two) + three, [one, two, three])):  # fmt: skip
        assert one.destination.access_km > 5
        assert whole.access_km == pytest.approx(sum(way.access_km for way in parts))
        for column in ("cost", "carbon_kg"):
            alone = sum(cg.routing.freight(way, 30).attrs[column] for way in parts)
            assert cg.routing.freight(whole, 30).attrs[column] == pytest.approx(alone)
            assert cg.compare([whole], tonnes=30)[column].iloc[0] == pytest.approx(alone)
    assert "km between" in (one + two)._repr_html_()
    # A distance of some hundred metres is stated too; none is stated where there is none.
    near = dataclasses.replace(one, ways_between=((0, 0.4),))
    assert "0.4 km between" in near._repr_html_()
    assert "km between" not in one._repr_html_()
    # The distance between two ends that aren't one place counts too.
    port = cg.routing.stated_leg((67.0, 24.8), (60.0, 24.0), km=900, mode="sea", source="a chart")
    town = cg.route("Lahore", "Karachi", **kind)
    gap = float(cg.distance_km(town.destination.point, Point(67.0, 24.8)))
    assert (town + port).access_km == pytest.approx(town.access_km + gap)


def test_money_by_sea_is_not_made_up():
    leg = cg.routing.stated_leg("Gwadar", (55.0, 25.0), km=900, mode="sea", source="a chart")
    assert cg.routing.freight(leg, 5)["cost"].isna().all()
    assert cg.compare([leg], tonnes=5)["cost"].isna().all()


def test_what_is_wrong_is_said(plain):
    with pytest.raises(errors.UnknownNameError, match="truck-payload-t"):
        cg.routing.freight(plain, 5, rates={"truck-payload": 3})
    with pytest.raises(errors.InputError, match="must be above 0"):
        cg.routing.freight(plain, 5, rates={"truck-payload-t": 0})
    with pytest.raises(errors.InputError, match="tonnes"):
        cg.routing.freight(plain, 0)
    with pytest.raises(errors.InputTypeError, match="Route"):
        cg.routing.freight("Lahore", 5)
    with pytest.raises(errors.UnknownNameError, match="car"):
        cg.route("Lahore", "Multan", vehicle="lorry")
    with pytest.raises(errors.InputError, match="weight"):
        cg.route("Lahore", "Multan", weight="money")
    with pytest.raises(errors.InputTypeError, match="rates"):
        cg.route("Lahore", "Multan", weight="cost", rates=[5])


def test_gradients_are_those_of_roads_on_known_ground_km_by_km():
    """A position within 1.5 km; no road climbs more than 12 %."""
    net = cg.network()
    edge, part_km, grade = _grades(net)
    edges = net.edges
    roads = (edges["mode"] == "road") & (edges["km"] > 0)
    known = roads & ~(edges["accuracy_km"] > 1.5)
    used = np.unique(edge)
    assert known.iloc[used].all()
    assert set(used) >= set(np.flatnonzero(known & (edges["accuracy_km"] < 0.2)))
    # Among them are short ones, and roads just rough enough.
    assert (edges["km"].iloc[used] < 0.5).any()
    assert edges["accuracy_km"].iloc[used].max() > 1
    assert (roads & edges["accuracy_km"].between(1.6, 4)).any()
    assert (grade >= 0).all()
    # Each edge is sampled evenly, about once a km.
    whole = edges["km"].to_numpy()[edge]
    count = np.maximum(1, np.round(whole))
    np.testing.assert_allclose(part_km, whole / count)
    # Steeper ground, or unknown ground, isn't the road's. The least climb within the ground's
    # uncertainty is no more than that of all samples, and together at least that between ends.
    least, counted = 0.0, 0.0
    for row in used[:: len(used) // 60]:
        parts = int(max(1, np.round(edges["km"].iloc[row])))
        share = np.linspace(0, 1, parts + 1)
        spots = shapely.line_interpolate_point(net.lines[row], share, normalized=True)
        ground = elevation_m(cg.geodesy.lonlat(list(spots))).to_numpy()
        steep = np.abs(np.diff(ground)) / (1000 * edges["km"].iloc[row] / parts)
        here = edge == row
        assert here.sum() == (steep <= 0.12).sum()
        if here.sum() == parts:
            rise = 1000 * grade[here] @ part_km[here]
            assert rise <= np.abs(np.diff(ground)).sum() + 1e-6
            least, counted = least + abs(ground[-1] - ground[0]), counted + rise
    assert counted > least > 1000


@pytest.mark.parametrize("grade", [0.0, 0.02, 0.06, 0.12])
def test_the_hours_of_a_climb_are_by_hand(monkeypatch, grade):
    """Power is force times speed; where it doesn't limit, the speed is that of the class."""
    net = cg.network()
    row = int(np.flatnonzero((net.edges["mode"] == "road") & (net.edges["km"] > 10))[0])
    stretch = np.array([row]), np.array([2.0]), np.array([grade])
    level = _goods_hours(net, used := rates_of(None))
    monkeypatch.setattr(costs, "_grades", lambda _net: stretch)
    hours = _goods_hours(net, used)
    monkeypatch.setattr(
        costs, "_grades", lambda _net: (stretch[0][:0], *(x[:0] for x in stretch[1:]))
    )
    plain = _goods_hours(net, used)
    kmh = used[f"truck-{net.edges['speed_class'].iloc[row]}-kmh"]
    assert plain[row] == pytest.approx(net.edges["km"].iloc[row] / kmh)
    # W per kg over m/s² is m/s.
    watts = 1000 * used["truck-driveline"] / used["truck-kg-per-kw"]
    most = 3.6 * watts / (9.81 * (grade + used["truck-rolling"]))
    slower = max(2 / most - 2 / kmh, 0)
    assert hours[row] - plain[row] == pytest.approx(slower)
    others = np.arange(len(hours)) != row
    np.testing.assert_array_equal(hours[others], plain[others])
    assert (level >= plain).all()

"""Any number above 0 is a speed, a tonnage or a limit; 0, less, and what is no number, aren't."""

import geopandas as gpd
import numpy as np
import pytest

import cpecgeo as cg
from cpecgeo.errors import InputError, InputTypeError

WAY = cg.route("Multan", "Sukkur", mode="road", vehicle="truck")
GOODS = cg.routing.freight
TIMES = cg.rail.running_times

ABOVE_0 = {
    "tonnes": lambda x: GOODS(WAY, x),
    "days": lambda x: GOODS(WAY, days=x),
    "tonnes compared": lambda x: cg.compare([WAY], tonnes=x),
    "speeds": lambda x: cg.route(
        "Multan", "Sukkur", mode="road", weight="km", speeds={"motorway": x}
    ),
    "within_km": lambda x: cg.reach("Multan", km=5, within_km=x),
    "km": lambda x: cg.reach("Multan", km=x),
    "hours": lambda x: cg.reach("Multan", hours=x),
    "hours of a market": lambda x: cg.market("Torkham", hours=x),
    "slow": lambda x: TIMES("ml1", now_kmh=(x, 110)),
    "fast": lambda x: TIMES("ml1", now_kmh=(0.01, x)),
    "upgraded": lambda x: TIMES("ml1", upgraded_kmh=x),
    "freight": lambda x: TIMES("ml1", freight_kmh=x),
}


A_TONNE_COSTS = GOODS(WAY, 1)["cost"].iloc[0]
ML1_KM = TIMES("ml1")["km"].sum()
DWELL_HOURS = 5 * 5 / 60  # five minutes at each of the five stops between the ends


def motorway_kmh(way):
    on = way.legs[way.legs["speed_class"] == "motorway"]
    return on["km"].sum() / on["hours"].sum()


def half_width_km(reached):
    """Return how far the edge of the area is from the lines at most."""
    edge = gpd.GeoSeries(reached.polygon, crs=4326).get_coordinates()
    spots = gpd.GeoSeries.from_xy(edge["x"], edge["y"], crs=4326)
    return cg.distance_km(spots, reached.edges.union_all()).max()


# The number that was asked for, from what an answer makes of it.
FOUND = {
    "tonnes": lambda told: told["cost"].iloc[0] / A_TONNE_COSTS,
    "days": lambda told: 1 / told["trips_per_day"].iloc[0],
    "tonnes compared": lambda told: told["cost"].iloc[0] / A_TONNE_COSTS,
    "speeds": motorway_kmh,
    "within_km": half_width_km,
    "km": lambda told: told.edges["cost_to"].max(),
    "hours": lambda told: told.edges["cost_to"].max(),
    "hours of a market": lambda told: told.reached.edges["cost_to"].max(),
    "slow": lambda told: ML1_KM / (told.attrs["now_slow_hours"] - DWELL_HOURS),
    "fast": lambda told: ML1_KM / (told.attrs["now_fast_hours"] - DWELL_HOURS),
    "upgraded": lambda told: ML1_KM / (told.attrs["upgraded_hours"] - DWELL_HOURS),
    "freight": lambda told: ML1_KM / told.attrs["freight_hours"],
}


@pytest.mark.parametrize("of", ABOVE_0)
def test_numbers_above_0(of):
    ask = ABOVE_0[of]
    for x in (0.5, 0.02, 3):
        assert FOUND[of](ask(x)) == pytest.approx(x, rel=1e-3)
    for x in (0, 0.0, -0.5, -3, np.nan, np.inf, -np.inf):
        with pytest.raises(InputError):
            ask(x)
    for x in ("5", True, (1, 2, "x")):
        with pytest.raises((InputError, InputTypeError)):
            ask(x)


@pytest.mark.parametrize("stretch", [1, 1.0, 1.01, 7])
def test_alternatives_may_be_as_long_as_the_best_at_least(stretch):
    found = cg.routes("Quetta", "Karachi", mode="road", max_stretch=stretch, weight="km")
    best = found[0].chainage_km
    assert all(way.chainage_km <= stretch * best + 1e-6 for way in found)
    for x in (0.99, 0, -1, np.nan):
        with pytest.raises(InputError, match="max_stretch"):
            cg.routes("Quetta", "Karachi", max_stretch=x)


@pytest.mark.parametrize("share", [0, 0.3, 1])
def test_alternatives_share_no_more_than_they_may(share):
    found = cg.routes("Quetta", "Karachi", k=4, max_overlap=share, max_stretch=3, weight="km")
    for i, one in enumerate(found):
        for other in found[:i]:
            assert cg.routing.overlap(one, other) <= share + 1e-9
    for x in (1.01, -0.1, np.nan):
        with pytest.raises(InputError, match="max_overlap"):
            cg.routes("Quetta", "Karachi", max_overlap=x)


@pytest.mark.parametrize("k", [0, -1, 1.0, True, "2", None])
def test_how_many_is_a_whole_number_from_1_on(k):
    with pytest.raises(InputError, match="k is"):
        cg.routes("Quetta", "Karachi", k=k)
    with pytest.raises(InputError, match="k is"):
        cg.market("Torkham", k=k)


@pytest.mark.parametrize("k", [1, 2])
def test_there_are_no_more_alternatives_than_asked_for(k):
    assert len(cg.routes("Quetta", "Karachi", k=k, weight="km")) == k
    assert len(cg.market("Torkham", k=k).corridors) == k


def test_only_routes_overlap():
    way = cg.route("Burhan", "Hakla")
    with pytest.raises(
        InputTypeError, match="one is 'western'; two Routes are needed, from `route`"
    ):
        cg.routing.overlap("western", "eastern")
    with pytest.raises(InputTypeError, match="two is .*; two Routes are needed"):
        cg.routing.overlap(way, cg.corridor("m4"))

"""Any number above 0 is a speed, a tonnage or a limit; 0, less, and what is no number, aren't."""

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
    "speeds": lambda x: cg.route("Multan", "Sukkur", mode="road", speeds={"motorway": x}),
    "within_km": lambda x: cg.reach("Multan", km=5, within_km=x),
    "km": lambda x: cg.reach("Multan", km=x),
    "hours": lambda x: cg.reach("Multan", hours=x),
    "hours of a market": lambda x: cg.market("Torkham", hours=x),
    "slow": lambda x: TIMES("ml1", now_kmh=(x, 110)),
    "fast": lambda x: TIMES("ml1", now_kmh=(0.01, x)),
    "upgraded": lambda x: TIMES("ml1", upgraded_kmh=x),
    "freight": lambda x: TIMES("ml1", freight_kmh=x),
}


@pytest.mark.parametrize("of", ABOVE_0)
def test_numbers_above_0(of):
    ask = ABOVE_0[of]
    for x in (0.5, 0.02, 3):
        assert ask(x) is not None
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

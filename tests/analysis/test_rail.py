"""Phases, running times and strip data of the main line against sums done by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

import cpecgeo as cg
from cpecgeo.errors import InputError, InputTypeError, UnknownNameError
from tests.effort import tries

GEOD = Geod(ellps="WGS84")


def test_the_phases_of_2026_join_up():
    phases = cg.rail.phases()
    assert phases["official_km"].tolist() == [480, 449, 334, 289, 174]
    assert phases["official_km"].sum() == 1726
    assert phases["km_from"].tolist()[1:] == phases["km_to"].tolist()[:-1]
    # Km posts of the route diagram.
    assert phases["posts_km"].tolist() == [476, 453, 334, 289, 175]
    assert (abs(phases["posts_km"] - phases["official_km"]) <= 4).all()
    ml1 = cg.corridor("ml1")
    for row in phases.itertuples():
        assert GEOD.geometry_length(row.geometry) / 1e3 == pytest.approx(row.drawn_km, abs=1e-6)
        first, last = ml1.at(row.from_stop), ml1.at(row.to_stop)
        assert row.geometry.coords[0] == pytest.approx((first.x, first.y))
        assert row.geometry.coords[-1] == pytest.approx((last.x, last.y))
    assert phases["cost_busd"].sum() == pytest.approx(2 + 1.26 + 0.88 + 1.56)
    assert math.isnan(phases["cost_busd"].iloc[-1])


def test_older_plans_are_kept_and_marked():
    every = cg.rail.phases(None)
    assert set(every["plan"]) == {"2020", "2024", "2026"}
    assert set(every.loc[every["in_force"], "plan"]) == {"2026"}
    contradictory = cg.rail.phases("2020")
    assert contradictory.geometry.isna().all()
    assert contradictory["drawn_km"].isna().all()
    assert contradictory["official_km"].tolist() == [527, 521, 740]
    assert every["source"].notna().all()


def test_no_such_plan():
    with pytest.raises(InputError, match="2026, 2024, 2020"):
        cg.rail.phases(2017)


def test_running_times_by_hand():
    times = cg.rail.running_times(dwell_min=6)
    km = [178, 298, 453, 334, 289, 175]
    assert times["km"].tolist() == km
    waits = [0.1] * 5 + [0]
    for column, speed in (("now_slow", 65), ("now_fast", 110), ("upgraded", 160)):
        expected = [k / speed + w for k, w in zip(km, waits, strict=True)]
        assert times[f"{column}_hours"].tolist() == pytest.approx(expected)
    assert times["freight_hours"].tolist() == pytest.approx([k / 120 for k in km])
    assert times.attrs["saved_hours"] == pytest.approx(1727 / 110 - 1727 / 160)
    assert times.attrs["assumptions"]["dwell_min"] == pytest.approx(6)


def test_published_times_come_with_it():
    times = cg.rail.running_times()
    expresses = [r["hours"] for r in times.attrs["published"] if r["state"] == "now"]
    # What a train needs at line speed is less than what one takes.
    assert expresses
    assert all(hours > times.attrs["now_slow_hours"] for hours in expresses)


@tries(40)
@given(st.floats(20, 200), st.floats(1, 100), st.floats(0, 30))
def test_faster_is_sooner(kmh, more, dwell):
    slow = cg.rail.running_times("ml1", upgraded_kmh=kmh, dwell_min=dwell)["upgraded_hours"]
    fast = cg.rail.running_times("ml1", upgraded_kmh=kmh + more, dwell_min=dwell)["upgraded_hours"]
    assert (fast < slow).all()


def test_stops_of_ones_own():
    whole = cg.rail.running_times(stops=["Karachi City", "Peshawar Cantonment"], dwell_min=30)
    assert whole["km"].tolist() == [1727]
    assert whole["upgraded_hours"].tolist() == pytest.approx([1727 / 160])
    other = cg.rail.running_times(
        "ml3", [0, 384.0], now_kmh=(30, 60), upgraded_kmh=80, freight_kmh=60
    )
    assert other["now_slow_hours"].tolist() == pytest.approx([384 / 30])


@pytest.mark.parametrize(
    ("arguments", "options", "error", "part"),
    [
        (("ml3",), {}, InputError, "now_kmh="),
        (("ml1",), {"upgraded_kmh": "fast"}, InputTypeError, "number"),
        (("ml1", ["Lahore Junction", "Rohri Junction"]), {}, InputError, "order"),
        (("ml1", ["Lahore Junction"]), {}, InputError, "two or more"),
        (("ml1", "Lahore Junction"), {}, InputError, "list"),
        (("ml1", ["Kiamari", "Atlantis"]), {}, UnknownNameError, "Atlantis"),
        (("ml1", [0, 99999]), {}, InputError, "ends at"),
        (("ml1",), {"upgraded_kmh": 0}, InputError, "above 0"),
        (("ml1",), {"now_kmh": (110, 65)}, InputError, "lower speed first"),
        (("ml1",), {"dwell_min": math.inf}, InputError, "finite"),
    ],
)
def test_bad_questions(arguments, options, error, part):
    with pytest.raises(error, match=part):
        cg.rail.running_times(*arguments, **options)


@pytest.mark.parametrize("name", ["ml1", "taxila-havelian", "mining"])
def test_strip_covers_the_corridor_without_gaps(name):
    thing, strip = cg.corridor(name), cg.rail.strip(name, every_km=25)
    for frame in (strip.sections, strip.districts, strip.provinces):
        assert frame["km_from"].iloc[0] == 0
        assert frame["km_to"].iloc[-1] == pytest.approx(thing.end_km)
        assert np.allclose(frame["km_from"].iloc[1:], frame["km_to"].iloc[:-1])
    assert strip.ground["km"].iloc[-1] == pytest.approx(thing.end_km)
    table = strip.to_frame()
    assert set(table["band"]) == {"section", "province", "district", "stop", "elevation"}
    assert (table.loc[table["band"] == "stop", "label"].to_numpy() == thing.stops["name"]).all()
    heights = table.loc[table["band"] == "elevation"]
    # The grid has no ground where the line meets the sea.
    assert np.array_equal(heights["value"], cg.profile(name, 25)["elevation_m"], equal_nan=True)
    assert heights["value"].notna().sum() >= len(heights) - 2
    assert heights["label"].isna().all()


def test_stops_are_quoted_as_they_were_given():
    with pytest.raises(InputError, match=r"stops is \['Rohri'\]; give two or more, in a list"):
        cg.rail.running_times(stops=["Rohri"])

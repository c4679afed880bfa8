"""The mining corridor's options against sums done by hand."""

import itertools
import math

import geopandas as gpd
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

import cpecgeo as cg
from cpecgeo.analysis.profile import elevation_m
from cpecgeo.errors import InputError, InputTypeError
from tests.effort import tries

GEOD = Geod(ellps="WGS84")


def test_the_road_is_the_corridor_with_its_gap():
    ways = cg.mining.options()
    mining = cg.corridor("mining")
    assert ways.loc["road", "km"] == pytest.approx(mining.end_km)
    assert ways.loc["road", "drawn_km"] == pytest.approx(mining.length_km, abs=1e-6)
    # Published: 103 km under construction, 200 km planned.
    assert ways.loc["road", ["under_construction_km", "planned_km", "missing_km"]].tolist() == [
        103,
        200,
        303,
    ]
    assert ways.loc["road-today", "missing_km"] == 0
    assert ways.loc["rail-port-qasim", "missing_km"] == pytest.approx(71.136)
    parts = ways[["operating_km", "under_construction_km", "planned_km"]].sum(axis=1)
    assert np.allclose(parts, ways["km"])


def test_each_section_is_measured_along_its_line():
    sections = cg.mining.sections()
    for row in sections.itertuples():
        assert GEOD.geometry_length(row.geometry) / 1e3 == pytest.approx(row.drawn_km, abs=1e-6)
        assert row.drawn_km <= row.km * 1.03
        assert row.source
    # A section begins where the one before ends, or close by where two modes meet.
    for _, part in sections.groupby("option"):
        ends = list(part.geometry)
        for a, b in itertools.pairwise(ends):
            gap = GEOD.inv(*a.coords[-1], *b.coords[0])[2] / 1e3
            assert gap < 2


def test_hours_and_loads_by_hand():
    ways = cg.mining.options(
        tonnes_per_year=100_001,
        truck_payload_t=25,
        train_payload_t=1000,
        truck_kmh=50,
        unsealed_kmh=20,
        train_kmh=40,
        handling_hours=6,
    )
    # Unsealed or unbuilt: 70 + 103 + 200 km; the rest is sealed.
    sealed = ways.loc["road", "km"] - 373
    assert ways.loc["road", "hours"] == pytest.approx(373 / 20 + sealed / 50)
    assert ways.loc["road", "loads_per_year"] == math.ceil(100_001 / 25) == 4001
    mixed = ways.loc["truck-rail-port-qasim"]
    assert mixed["train_loads_per_year"] == 101
    assert mixed["hours"] == pytest.approx(70 / 20 + (mixed["km"] - 70) / 40 + 6)
    assert ways["train_loads_per_year"].isna().tolist() == [
        vehicle == "truck" for vehicle in ways["vehicle"]
    ]


def test_climb_against_a_loop_over_the_grid():
    row = cg.mining.sections("road").iloc[4]
    lon, lat = np.array(row.geometry.coords).T
    # Equal steps of at most 200 m.
    legs = [GEOD.inv(*a, *b) for a, b in itertools.pairwise(zip(lon, lat, strict=True))]
    whole = sum(metres for _, _, metres in legs)
    step = whole / np.ceil(whole / 200.0)
    spots = [(lon[0], lat[0])]
    left = step
    for i, (azimuth, _, metres) in enumerate(legs):
        while left < metres - 1e-6:
            spots.append(GEOD.fwd(lon[i], lat[i], azimuth, left)[:2])
            left += step
        left -= metres
    spots.append((lon[-1], lat[-1]))
    heights = elevation_m(
        gpd.GeoSeries(gpd.points_from_xy(*np.array(spots).T), crs=4326)
    ).to_numpy()
    # Changes within the grid's error of 30 m are no climb.
    climb = descent = 0.0
    level = heights[0]
    for i, metres in enumerate(heights[1:], 1):
        slack = 30.0 if i < len(heights) - 1 else 0.0
        if metres - slack > level:
            climb, level = climb + metres - slack - level, metres - slack
        elif metres + slack < level:
            descent, level = descent + level - metres - slack, metres + slack
    assert row.climb_m == pytest.approx(climb, abs=0.5)
    assert row.descent_m == pytest.approx(descent, abs=0.5)


def test_a_line_that_is_a_sketch_has_no_climb():
    ways = cg.mining.options()
    sections = cg.mining.sections("rail-gwadar")
    sketch = sections[sections["accuracy_km"] > 50]
    assert sketch["section"].tolist() == ["gwadar-mastung"]
    assert sketch["climb_m"].isna().all()
    assert ways.loc["rail-gwadar", "unclimbed_km"] == pytest.approx(sketch["km"].sum())


def test_assumptions_travel_with_the_table():
    ways = cg.mining.options(truck_kmh=33)
    assert ways.attrs["assumptions"]["truck_kmh"] == 33
    assert ways.attrs["assumptions"]["tonnes_per_year"] == 600_000
    assert "Tethyan" in ways.attrs["rests_on"][0]
    assert ways.crs == 4326


@tries(4)
@given(st.floats(5, 120), st.floats(1, 60))
def test_faster_is_never_later(kmh, more):
    slow = cg.mining.options(train_kmh=kmh)["hours"]
    fast = cg.mining.options(train_kmh=kmh + more)["hours"]
    assert (fast <= slow).all()
    assert fast["rail-port-qasim"] < slow["rail-port-qasim"]


@pytest.mark.parametrize(
    ("options", "error", "part"),
    [
        ({"truck_kmh": 0}, InputError, "above 0"),
        ({"tonnes_per_year": math.nan}, InputError, "finite"),
        ({"train_payload_t": "much"}, InputTypeError, "number"),
        ({"handling_hours": -1}, InputError, "0 or more"),
        ({"rates": [1]}, InputTypeError, "by name"),
    ],
)
def test_bad_options(options, error, part):
    with pytest.raises(error, match=part):
        cg.mining.options(**options)


def test_an_unknown_option_lists_the_known():
    with pytest.raises(InputError, match="rail-gwadar"):
        cg.mining.sections("ferry")


def test_money_carbon_and_fleets_are_those_of_freight():
    from cpecgeo.routing.costs import price, rates_of

    ways, legs = cg.mining.options(), cg.mining.sections()
    used = rates_of()
    for name, row in ways.iterrows():
        part = legs[legs["option"] == name]
        changes = part["mode"].nunique() - 1
        assert row["cost_per_t"] == pytest.approx(
            part["cost_per_t"].sum() + changes * used["handling-pkr-per-t"]
        )
        assert row["carbon_kg_per_t"] == pytest.approx(
            (part["km"] * part["mode"].map({"road": 0.062, "rail": 0.022})).sum()
        )
        assert row["vehicles"] >= 1
    planned = legs[legs["mode"] == "rail"].assign(speed_class="rail-main")
    assert planned["cost_per_t"].to_numpy() == pytest.approx(
        price(planned, used)["cost_per_t"].to_numpy()
    )
    dear = cg.mining.options(rates={"truck-pkr-per-tkm": 12})
    assert dear.loc["road", "cost_per_t"] > ways.loc["road", "cost_per_t"]
    light = cg.mining.options(truck_payload_t=15)
    assert light.loc["road", "cost_per_t"] > ways.loc["road", "cost_per_t"]
    assert light.loc["road", "vehicles"] >= 2 * ways.loc["road", "vehicles"] - 1
    assert any("truck-pkr-per-tkm=6" in text for text in ways.attrs["rests_on"])

"""Stops without a position, and stops that two sections share."""

import pickle
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pytest
from shapely.geometry import Point

import cpecgeo as cg
from cpecgeo.features.places import _on_trace


def trace(posts, positions):
    """Stations of one trace, by post; those at `positions` have a point."""
    rows = [f"s{i}" for i in range(len(posts))]
    points = [Point(67 + i / 10, 25) if i in positions else None for i in range(len(posts))]
    return gpd.GeoDataFrame({"row": rows, "post_km": posts}, geometry=points, crs=4326)


def test_a_stop_without_a_position_lies_between_its_neighbours_posts():
    found = _on_trace(trace([0.0, 4.0, 10.0], {0, 2}), {"s0": 100.0, "s2": 112.0})
    assert found["km"].tolist() == pytest.approx([100.0, 104.8, 112.0])


def test_nothing_is_extrapolated_beyond_the_posts_that_are_known():
    posts = [0.0, 5.0, 10.0, 15.0]
    found = _on_trace(trace(posts, {1, 2}), {"s1": 50.0, "s2": 55.0})
    assert np.isnan(found["km"].to_numpy()[[0, 3]]).all()
    assert found["km"].tolist()[1:3] == [50.0, 55.0]


def test_posts_that_fall_along_the_trace_are_interpolated_too():
    found = _on_trace(trace([30.0, 20.0, 10.0], {0, 2}), {"s0": 0.0, "s2": 20.0})
    assert found["km"].tolist() == pytest.approx([0.0, 10.0, 20.0])


def test_a_stop_that_has_a_position_off_the_corridor_is_not_given_a_km():
    found = _on_trace(trace([0.0, 5.0, 10.0], {0, 1, 2}), {"s0": 0.0, "s2": 10.0})
    assert np.isnan(found["km"].iloc[1])


@pytest.mark.parametrize("name", ["ml1", "ml1-chord", "kkh", "western", "ml3"])
def test_stops_are_once_in_order_and_on_the_corridor(name):
    thing = cg.corridor(name)
    stops = thing.stops
    assert stops["id"].is_unique
    assert not stops.duplicated(["name", "km"]).any()
    assert stops["km"].is_monotonic_increasing
    assert stops["km"].between(0, thing.end_km).all()


def test_stops_are_listed_when_first_needed_and_each_caller_has_its_own():
    one, two = cg.corridor("ml1"), cg.corridor("ml1")
    assert callable(one.own_stops)
    one.stops.loc[0, "name"] = "another"
    assert callable(two.own_stops)
    assert "another" not in set(two.stops["name"])
    assert replace(one, name="copy").stops.loc[0, "name"] == "another"
    # A corridor's bytes hold the stops themselves, whether they were listed before or not.
    fresh = cg.corridor("ml1")
    assert pickle.dumps(fresh) == pickle.dumps(two)
    again = pickle.loads(pickle.dumps(one))  # noqa: S301 - our own bytes
    assert again.own_stops.equals(one.stops)

"""Laws that distance, chainage and buffers obey whatever the input."""

import numpy as np
import pytest
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st
from shapely.geometry import LineString, Point, Polygon

from cpecgeo.geodesy import Chainage, Index, area_km2, buffer, densify, distance_km, length_km
from tests.effort import tries

from .samples import GEOD

lon, lat = st.floats(-170, 170), st.floats(-80, 80)
places = st.tuples(lon, lat)


@st.composite
def lines(draw, most=6):
    """Return a line whose edges are up to some hundred kilometres long."""
    x, y = draw(places)
    steps = draw(st.lists(st.tuples(st.floats(-3, 3), st.floats(-3, 3)), min_size=1, max_size=most))
    assume(any(abs(a) + abs(b) > 0.01 for a, b in steps))
    xy = np.cumsum([(x, y), *steps], axis=0)
    return LineString(np.clip(xy, [-179, -89], [179, 89]))


def metres(a, b):
    return GEOD.inv(a[0], a[1], b[0], b[1])[2]


@given(lines(), places)
def test_not_farther_than_any_vertex_and_reversing_changes_nothing(line, p):
    d = distance_km(Point(p), line)
    assert d <= min(metres(p, c) for c in line.coords) / 1e3 + 1e-6
    assert d == pytest.approx(distance_km(Point(p), line.reverse()), abs=2e-7)


@given(lines(most=1), places, st.floats(0.01, 0.99))
def test_splitting_an_edge_at_a_geodesic_point_changes_nothing(line, p, share):
    a, b = line.coords[0], line.coords[-1]
    out, _, size = GEOD.inv(*a, *b)
    assume(size > 1)
    middle = GEOD.fwd(*a, out, share * size)[:2]
    split = LineString([a, middle, b])
    assert distance_km(Point(p), line) == pytest.approx(distance_km(Point(p), split), abs=2e-7)
    assert length_km(line) == pytest.approx(length_km(split), rel=1e-9, abs=1e-9)


@given(lines(), places, places)
def test_triangle_inequality(line, p, q):
    there = metres(p, q) / 1e3
    assert distance_km(Point(p), line) <= there + distance_km(Point(q), line) + 1e-6


@tries(15)
@given(lines(most=3), lines(most=3))
def test_lines_are_symmetric_and_reached_at_a_vertex(one, two):
    d = distance_km(one, two)
    assert d == pytest.approx(distance_km(two, one), abs=1e-6)
    ends = [Point(c) for c in one.coords]
    assert d <= min(distance_km(p, two) for p in ends) + 1e-6


@tries(25)
@given(lines(most=5), st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_round_trip_along_a_line(line, shares):
    road = Chainage(line)
    km = np.array(shares) * road.end_km
    there = road.at(km)
    back = road.locate(there)
    # A line may cross itself: then the km differs, but the place doesn't.
    again = road.at(np.minimum(back["km"].to_numpy(), road.end_km))
    off = np.asarray(GEOD.inv(there.x, there.y, again.x, again.y)[2])
    assert off.max() < 1e-3
    assert (back["offset_km"] < 1e-6).all()


@tries(12)
@given(lines(most=4), st.floats(0.5, 100), st.floats(1.01, 3))
def test_wider_buffers_hold_narrower_ones(line, km, times):
    narrow, wide = buffer(line, km), buffer(line, km * times)
    assert narrow.is_valid
    assert wide.is_valid
    # The tolerance may make them touch where `times` is nearly 1, but not more.
    assert shapely.difference(narrow, wide).area <= 1e-3 * narrow.area


@tries(12)
@given(st.floats(-60, 60), st.floats(-60, 60), st.floats(0, 360), st.floats(1, 40))
def test_area_of_a_strip(x, y, azimuth, km):
    """A strip around a geodesic of length L holds 2 L R sin(km / R), by Gauss."""
    length = 300.0
    b = GEOD.fwd(x, y, azimuth, length * 1e3)[:2]
    strip = buffer(LineString([(x, y), b]), km, cap="flat", rtol=1e-5)
    radius = 6371.0
    assert area_km2(strip) == pytest.approx(2 * length * radius * np.sin(km / radius), rel=5e-5)


@given(lines(), st.floats(1, 100))
def test_densify_keeps_length_and_vertices(line, step):
    dense = densify(line, step)
    assert length_km(dense) == pytest.approx(length_km(line), rel=1e-9)
    assert set(line.coords) <= set(dense.coords)
    c = np.asarray(dense.coords)
    assert np.max(GEOD.inv(*c[:-1].T, *c[1:].T)[2]) <= step * 1e3 * (1 + 1e-9)


@given(places, st.floats(0.1, 5))
def test_inside_is_zero(p, size):
    x, y = p
    area = Polygon([(x, y), (x + size, y), (x + size, y + size), (x, y + size)])
    middle = Point(x + size / 2, y + size / 2)
    assert Index(area).nearest(middle)["distance_km"].iloc[0] == 0


@pytest.mark.parametrize("degrees", [7.9e-162, 6.2e-165, 2.1e-166, 5e-324])
def test_an_edge_too_short_for_its_square_is_no_edge(degrees):
    """The inverse square of so short a chord overflows."""
    line = LineString([(0, 0), (0, degrees), (0, 1)])
    plain = LineString([(0, 0), (0, 1)])
    p = Point(0.5, 0.5)
    assert distance_km(p, line) == pytest.approx(distance_km(p, plain), abs=1e-12)
    assert distance_km(line, Point(0, 0)) <= 1e-12
    assert area_km2(buffer(line, 1.0)) == pytest.approx(area_km2(buffer(plain, 1.0)), rel=1e-4)

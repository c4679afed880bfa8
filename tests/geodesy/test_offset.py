"""Buffers of lines straight from their edges: where there is one, it is exact."""

import importlib

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import LineString, Point

from cpecgeo.geodesy import Index, _compile, area_km2, buffer
from cpecgeo.geodesy._offset import offset
from cpecgeo.geodesy._plane import buffer_one
from tests.effort import tries

from .samples import GEOD, LINES, wiggle
from .test_buffer import on_boundary, ring_errors, traced

buffers = importlib.import_module("cpecgeo.geodesy.buffer")  # the verb has its name


@pytest.fixture(autouse=True)
def _compiled(monkeypatch):
    """Run kernels compiled; one test compares these with Python."""
    monkeypatch.setattr(_compile._PATIENCE, "left", 0)


def drawn(xy, lat, metres):
    """Return a line whose coordinates are metres from 67° E and a latitude."""
    unit = 111_000.0
    x, y = np.asarray(xy, float).T / unit * metres
    return LineString(np.column_stack((67 + x / np.cos(np.radians(lat)), lat + y)))


def walk(seed, count, step, turn):
    """Return a line that turns a little at each vertex, coarse or smooth; lengths are in radii."""
    rng = np.random.default_rng(seed)
    heading = np.cumsum(rng.normal(0, turn, count)) + rng.uniform(0, 6.3)
    return step * np.column_stack((np.cos(heading), np.sin(heading))).cumsum(axis=0)


def all_errors(shape, line, metres):
    """Return relative errors at vertices and middles of edges, geodesic and straight in lon, lat."""
    xy = np.asarray(shape.exterior.coords)
    places = np.concatenate([*on_boundary(shape), 0.5 * (xy[:-1] + xy[1:])])
    return Index(line).find(places).metres[:, 0] / metres - 1


def compare(line, metres, rtol):
    """Check a buffer against the line, and against the other way; return it if there is one."""
    shape = offset(line, metres, rtol)
    if shape is None:
        return None
    assert shape.is_valid
    assert not shape.exterior.is_ccw  # as by the other way
    # Rounding is a few nanometres, of earth-centred coordinates.
    assert np.abs(all_errors(shape, line, metres)).max() <= rtol + 1e-8 / metres
    other = buffer_one(line, metres / 1e3, rtol, flat=False, side=None)
    assert len(shapely.get_rings(other)) == len(shapely.get_rings(shape)) == 1
    around = area_km2(other) - area_km2(shape)
    width = GEOD.geometry_length(other) * metres / 1e6
    assert abs(around) <= 2.0 * rtol * width + 1e-12
    assert shapely.symmetric_difference(shape, other).area <= 2.2 * rtol * width / 1.1e4
    return shape


@tries(60)
@given(
    st.integers(0, 10**6),
    st.integers(2, 120),
    st.floats(-1.5, 1.5),
    st.floats(-2.0, 0.0),
    st.floats(-1.5, 1.6),
    st.floats(-70, 70),
    st.sampled_from([1e-2, 1e-3, 1e-4, 1e-5]),
)
def test_lines_that_wander(seed, count, step, turn, km, lat, rtol):
    """Edges are much shorter to much longer than the radius, turns are bends or corners."""
    metres = 1e3 * 10**km
    size = min(10**step, 6e5 / (metres * count))
    compare(drawn(walk(seed, count, size, 10**turn), lat, metres), metres, rtol)


@tries(40)
@given(st.integers(0, 10**6), st.integers(3, 60), st.floats(-2.0, 0.3), st.floats(-60, 60))
def test_jagged_lines(seed, count, stray, lat):
    """Vertices stray from a straight line, so that the stretches of many edges vanish."""
    rng = np.random.default_rng(seed)
    along = np.column_stack((np.arange(count) * 0.3, np.zeros(count)))
    line = drawn(along + rng.normal(0, 0.3 * 10**stray, (count, 2)), lat, 2e3)
    compare(line, 2e3, 1e-4)


@tries(40)
@given(st.integers(0, 10**6), st.floats(0.3, 6.0), st.floats(0.5, 3.0), st.integers(3, 80))
def test_bends_wider_and_narrower_than_the_radius(seed, turned, radius, count):
    """Lines are arcs of circles with straight ends."""
    angle = np.linspace(0, turned, count)
    arc = radius * np.column_stack((np.sin(angle), 1 - np.cos(angle)))
    last = arc[-1] + 5 * np.array([np.cos(turned), np.sin(turned)])
    mirror = 1 if seed % 2 else -1
    line = drawn(np.vstack(([[-5, 0]], arc, [last])) * [1, mirror], 30, 3e3)
    compare(line, 3e3, 1e-4)


@pytest.mark.parametrize("km", [1, 5, 10, 25])
@pytest.mark.parametrize("name", ["22 vertices", "wiggling", "traced"])
def test_railways(name, km):
    """All lines of the benchmarks are of these kinds, and go this way."""
    line = {"22 vertices": wiggle(22), "wiggling": wiggle(400), "traced": traced(600)}[name]
    shape = compare(line, 1e3 * km, 1e-4)
    assert ring_errors(shape, line, km, most=100).max() <= 1e-4


def hairpin(apart):
    """Return a line there and back, its legs some radii apart; the turn is wider."""
    half = apart / 2
    angle = np.linspace(-np.pi / 2, np.pi / 2, 40)
    turn = np.column_stack((9 + 3 * np.cos(angle), 3 * np.sin(angle)))
    return np.vstack(([(0, -half), (6, -half)], turn, [(6, half), (0, half)]))


def ring_road(gap):
    """Return most of a circle of three radii, its ends some radii apart."""
    half = np.arcsin(gap / 6)
    angle = np.linspace(half, 2 * np.pi - half, 200)
    return 3 * np.column_stack((np.cos(angle), np.sin(angle)))


@pytest.mark.parametrize(
    ("xy", "direct"),
    [
        ([(0, 0), (1, 0)], True),
        ([(0, 0), (20, 0), (20, 20)], True),
        ([(0, 0), (20, 0), (0, 3)], True),
        ([(0, 0), (20, 0), (0, 0.1)], False),
        ([(0, 0), (0.2, 0), (0.1, 0.2)], True),
        (hairpin(2.02), True),
        (hairpin(1.98), False),
        (ring_road(2.02), True),
        (ring_road(1.98), False),
        ([(0, 0), (20, 20), (20, 0), (0, 20)], False),
        ([(0, 0), (20, 0), (20, 20), (0, 20), (0, 0)], False),
    ],
)
def test_lines_that_come_near_themselves(xy, direct):
    """The other way is used where a boundary has holes, or doesn't follow the line's order."""
    line = drawn(xy, 27, 1e3)
    shape = offset(line, 1e3, 1e-4)
    assert (shape is not None) == direct
    if direct:
        compare(line, 1e3, 1e-4)


@pytest.mark.parametrize("gap", [2.02, 1.98])
def test_a_hole_is_never_lost(gap):
    """By either way, what is enclosed but farther off than the radius is outside."""
    line = drawn(ring_road(gap), 27, 1e3)
    shape = buffer(line, 1)
    assert len(shapely.get_rings(shape)) == (1 if gap > 2 else 2)
    assert not shape.covers(Point(67, 27))


@pytest.mark.parametrize(
    ("line", "km", "rtol", "direct"),
    [
        ([(67, 73.9), (68, 73.9)], 10, 1e-4, True),
        ([(67, 74.6), (68, 74.6)], 10, 1e-4, False),
        ([(67, -73.9), (68, -73.9)], 10, 1e-4, True),
        ([(67, -74.6), (68, -74.6)], 10, 1e-4, False),
        ([(176, 10), (177.7, 10)], 10, 1e-4, True),
        ([(176, 10), (177.8, 10)], 10, 1e-4, False),
        ([(-176, 10), (-177.7, 10)], 10, 1e-4, True),
        ([(-176, 10), (-177.8, 10)], 10, 1e-4, False),
        ([(67, 25), (67.5, 25)], 50, 1e-4, True),
        ([(67, 25), (67.5, 25)], 51, 1e-4, False),
        ([(67, 25), (67.01, 25)], 0.011, 1e-4, True),
        ([(67, 25), (67.01, 25)], 0.01, 1e-4, False),
        ([(67, 25), (69.9, 25)], 10, 1e-4, True),  # 293 km
        ([(67, 25), (70.1, 25)], 10, 1e-4, False),  # 313 km
        ([(67, 25), (69.9, 25)], 1, 1e-4, False),  # a geodesic of 293 km bends by 17 mm
        ([(67, 25), (68.4, 25)], 1, 1e-4, True),
        ([(67, 25), (67.5, 25)], 40, 1e-6, True),
        ([(67, 25), (67.5, 25)], 50, 1e-6, False),  # a vertex is placed to 1 mm
        ([(67, 25), (67, 25)], 1, 1e-4, False),
        ([(67, 25), (67, 25), (67.1, 25), (67.1, 25), (67.2, 25)], 1, 1e-4, True),
    ],
)
def test_where_lines_are_buffered_so(line, km, rtol, direct):
    """Inputs lie on either side of each bound; all have a buffer, by one way or the other."""
    line = LineString(line)
    assert (offset(line, 1e3 * km, rtol) is not None) == direct
    assert ring_errors(buffer(line, km, rtol=rtol), line, km, most=40).max() <= rtol


def test_only_round_buffers_of_single_lines_are_made_so(monkeypatch):
    calls = []
    monkeypatch.setattr(buffers, "offset", lambda *given: calls.append(given))
    line = LINES["22 vertices"]
    for options in ({"cap": "flat"}, {"side": "left"}):
        buffer(line, 5, **options)
    buffer(LINES["two parts"], 5)
    buffer(Point(67, 25).buffer(0.1), 5)
    assert calls == []
    assert buffer(line, 5).geom_type == "Polygon"
    assert [c[1:] for c in calls] == [(5_000.0, 1e-4)]


def test_among_many_only_long_lines_are_made_so(monkeypatch):
    sizes = []
    monkeypatch.setattr(
        buffers, "offset", lambda line, *_: sizes.append(shapely.get_num_coordinates(line))
    )
    short, enough, less = wiggle(10), wiggle(200), wiggle(199)
    buffer([*[short] * 27, enough, less], 5)
    assert len(sizes) == 29
    sizes.clear()
    buffer([*[short] * 28, enough, less], 5)
    assert sizes == [200]


def test_python_and_compiled_agree(monkeypatch):
    line = wiggle(12)
    compiled = offset(line, 5e3, 1e-4)
    monkeypatch.setattr(_compile._PATIENCE, "left", 10**12)
    plain = offset(line, 5e3, 1e-4)
    assert shapely.get_num_coordinates(plain) == shapely.get_num_coordinates(compiled)
    off = shapely.get_coordinates(plain) - shapely.get_coordinates(compiled)
    assert np.abs(off).max() < 1e-11


def test_vertices_that_hardly_count_cost_none():
    """The buffer of a straight line has about as many vertices for 20,000 as for two.

    A short line's boundary may need more room than there is at first.
    """
    ends = LineString([(67, 25), (67, 27)])
    many = LineString(np.column_stack((np.full(20_000, 67.0), np.linspace(25, 27, 20_000))))
    few, all_of_them = offset(ends, 5e3, 1e-4), offset(many, 5e3, 1e-4)
    count = shapely.get_num_coordinates
    assert count(all_of_them) < 1.5 * count(few)
    bent = LineString([(67, 25), (67.3, 25), (67.3, 25.3)])
    fine = offset(bent, 1.2e4, 1e-7)
    assert count(fine) > 4_000
    assert np.abs(all_errors(fine, bent, 1.2e4)).max() <= 1e-7

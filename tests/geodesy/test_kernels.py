"""Kernels run by Python, as small work is, against the same kernels compiled."""

import subprocess
import sys

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from cpecgeo import geodesy
from cpecgeo.geodesy import _arcs, _compile, _paths
from cpecgeo.geodesy._ellipsoid import ecef
from tests.effort import tries

ROUNDING_KM = 2e-11  # a few times that of earth-centred coordinates
FAR_KM, FAR_ROUNDING_KM = 9_000.0, 1e-8  # beyond, Vincenty's iteration stops
FOOT_KM = 5_000.0  # up to here the foot is determined to the millimetre

lon, lat = st.floats(-179.9, 179.9), st.floats(-89.9, 89.9)
near_lon, near_lat = st.floats(66.0, 69.0), st.floats(24.0, 27.0)
spots = st.one_of(st.tuples(lon, lat), st.tuples(near_lon, near_lat))
lines = st.lists(st.tuples(near_lon, near_lat), min_size=2, max_size=6, unique=True)


def both(call):
    """Return what a call gives with kernels run by Python, and with kernels compiled."""
    answers = []
    for steps in (10**15, 0):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_compile._PATIENCE, "left", steps)
            answers.append(call())
    return answers


def same_feet(one, two):
    """Return whether two answers have their feet within a millimetre."""
    metres = geodesy.distance_km(
        list(shapely.points(one.lon, one.lat)), list(shapely.points(two.lon, two.lat))
    )
    return (metres.to_numpy() * 1e3 < 1e-3).all()


@tries(60)
@given(lines, st.lists(spots, min_size=1, max_size=6), st.integers(1, 3))
def test_the_nearest_is_the_same(vertices, points, k):
    """Points lie from beside the targets to the other side of the earth."""
    targets = [
        shapely.LineString(vertices),
        shapely.box(66.5, 24.5, 66.9, 25.2),
        shapely.Point(vertices[0]),
        shapely.LineString([(60, 20), (90, 45)]),
    ]
    index = geodesy.Index(targets)
    one, two = both(lambda: index.nearest(shapely.points(points), k=k))
    size = np.where(one.distance_km > FAR_KM, FAR_ROUNDING_KM, ROUNDING_KM)
    assert (abs(one.distance_km - two.distance_km) <= size).all()
    # Where two targets are equally near, rounding decides which is named.
    same = (one.target == two.target) & (one.distance_km < FOOT_KM) & (one.path >= 0)
    same &= one.distance_km > 1e-6
    assert same_feet(one[same], two[same])
    plain = same & (one.km == two.km)
    assert (one.side.cat.codes[plain] == two.side.cat.codes[plain]).all()


@tries(60)
@given(st.lists(spots, min_size=1, max_size=8))
def test_the_inside_is_the_same(points):
    """A polygon with a hole, one over the antimeridian and one around a pole."""
    areas = [
        shapely.box(66, 24, 69, 27) - shapely.box(67, 25, 68, 26),
        shapely.Polygon([(170, -5), (-170, -5), (-170, 5), (170, 5)]),
        shapely.Polygon([(0, 60), (90, 60), (180, 60), (-90, 60)]),
    ]
    index = geodesy.Index(areas)
    one, two = both(lambda: index.nearest(shapely.points(points)))
    # Within a tenth of a millimetre of a boundary rounding decides.
    clear = np.maximum(one.distance_km, two.distance_km) > 1e-7
    assert ((one.distance_km == 0) == (two.distance_km == 0))[clear].all()


@tries(30)
@given(st.lists(spots, min_size=1, max_size=5), lines, lines)
def test_matrices_and_crossings_are_the_same(points, here, there):
    here, there = shapely.LineString(here), shapely.LineString(there)
    for call in (
        lambda: geodesy.distance_matrix_km(shapely.points(points), shapely.points(points[::-1])),
        lambda: geodesy.distance_matrix_km([here, there], [there, here]),
    ):
        one, two = (answer.to_numpy() for answer in both(call))
        assert (abs(one - two) <= np.where(one > FAR_KM, FAR_ROUNDING_KM, ROUNDING_KM)).all()


@pytest.mark.parametrize("km", [0.01, 5.0, 400.0])
def test_buffers_are_the_same(km):
    line = shapely.LineString([(67, 25), (67.2, 25.1), (67.1, 25.4)])
    one, two = both(lambda: geodesy.buffer(line, km))
    apart = one.symmetric_difference(two)
    assert geodesy.area_km2(one) == pytest.approx(geodesy.area_km2(two), rel=1e-9)
    assert apart.area < 1e-9 * two.area


def test_areas_and_lengths_are_the_same():
    """Edges are a metre to a third of the circumference long, also at poles and over meridians."""
    rng = np.random.default_rng(6)
    size = np.repeat(10.0 ** rng.uniform(-5, 2, 900), 8)[:, None]
    middle = np.repeat(rng.uniform((-180, -90), (180, 90), (900, 2)), 8, axis=0)
    xy = middle + rng.uniform(-1, 1, (7_200, 2)) * size
    xy = np.column_stack(((xy[:, 0] + 180) % 360 - 180, np.clip(xy[:, 1], -90, 90)))
    xy[::97, 1] = 90.0
    ring = np.repeat(np.arange(900), 8)
    xy[7::8] = xy[::8]
    one, two = both(lambda: _paths.ring_areas_m2(xy, ring))
    # Two large numbers nearly cancel.
    assert one == pytest.approx(two, rel=1e-9, abs=1e-2)
    whole = np.ones(900, bool)
    flat = _paths.Paths(xy, ring, np.arange(900), whole, ~whole)
    one, two = both(lambda: _paths.path_lengths_m(flat))
    assert (np.isnan(one) == np.isnan(two)).all()
    assert one == pytest.approx(two, rel=1e-12, abs=1e-8, nan_ok=True)
    one, two = both(lambda: _paths.are_stars(flat, 900))
    assert (one == two).all()


def test_chords_by_numpy_are_those_of_the_kernel():
    """There are more chords than in a block, of a millimetre to 2,400 km."""
    rng = np.random.default_rng(3)
    count = 2 * _arcs._BLOCK + 17
    lon, lat = rng.uniform(-180, 180, count), rng.uniform(-89, 89, count)
    a = ecef(lon, lat)
    step = 10 ** rng.uniform(-8, np.log10(20), count)
    d = ecef(lon + step, np.clip(lat + step * rng.uniform(-1, 1, count), -90, 90)) - a
    there = np.linalg.norm(d, axis=1) < _arcs.NEAR_M
    a, d = np.ascontiguousarray(a[there]), np.ascontiguousarray(d[there])
    out = np.empty(len(a))
    _compile.compile_kernel(_arcs._arcs)(a, d, out)
    assert len(a) > _arcs._BLOCK
    assert abs(_arcs.arcs_m(a, d) - out).max() < 2e-9


def test_patience_ends():
    """Small work is Python's until it adds up; then, and for large work, kernels are compiled."""
    patience = _compile._Patience(100)
    assert [patience.take(n) for n in (60, 40, 1, 1)] == [True, True, False, False]
    assert not _compile._Patience(100).take(101)


def test_small_questions_load_no_compiled_code():
    """A few points, a point's buffer and distances of lines are left to Python."""
    code = (
        "import sys, shapely; from cpecgeo import geodesy as g;"
        "line = shapely.LineString([(67, 25), (67.2, 25.1), (67.1, 25.4)]);"
        "g.nearest(shapely.points([(67, 24)] * 20), line);"
        "g.distance_km(line, shapely.box(60, 20, 61, 21));"
        "g.Chainage(line).locate(shapely.Point(67, 26));"
        "assert 'llvmlite' not in sys.modules and 'scipy' not in sys.modules;"
        "g.nearest(shapely.points([(67, 24)] * 20_000), line);"
        "assert 'llvmlite' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_pole_to_pole():
    """Poles are exactly opposite each other, where a series divides by zero."""
    north, south = shapely.Point(67, 90), shapely.Point(20, -90)
    for frame in both(lambda: geodesy.nearest(north, south)):
        assert frame.distance_km[0] == pytest.approx(20_003.931_459, abs=1e-6)
    for matrix in both(lambda: geodesy.distance_matrix_km([north], [south])):
        assert matrix.to_numpy() == pytest.approx(20_003.931_459, abs=1e-6)
    for shape in both(lambda: geodesy.buffer(south, 900)):
        assert geodesy.length_km(shape.exterior) > 5_000

"""The distance series against Karney's method, everywhere, in all directions."""

import subprocess
import sys

import numpy as np
import pytest
import shapely
from geographiclib.geodesic import Geodesic

from cpecgeo.geodesy import distance_matrix_km, length_km
from cpecgeo.geodesy._arcs import near, wide
from tools.arc_series import E2, NEAR, WIDE, metres

from .samples import GEOD

# Greatest error in metres that is promised up to a distance in metres.
PROMISED = {2_500e3: 1e-7, 11_900e3: 2e-6, 20_004e3: 2e-6}


def errors_m(lon, lat, azimuth, size):
    """Return Karney's distances from a point in directions and at distances, and our errors."""
    start = np.full(len(size), lon), np.full(len(size), lat)
    x, y, _ = GEOD.fwd(*start, azimuth, size)
    karney = np.asarray(GEOD.inv(*start, x, y)[2])
    ours = distance_matrix_km(shapely.Point(lon, lat), shapely.points(x, y)).to_numpy()[0] * 1e3
    return karney, np.abs(ours - karney)


@pytest.mark.parametrize("far", PROMISED)
def test_promised_error(far):
    """Pairs are at all latitudes, in all directions and at all distances, 300,000 for each bound."""
    rng = np.random.default_rng(1)
    for lat in [-90, -89.999, -45, 0, 1e-9, 90, *rng.uniform(-90, 90, 24)]:
        azimuth = rng.uniform(0, 360, 10_000)
        azimuth[::5] = rng.choice([0, 90, 180, 270], 2_000)
        size = np.where(rng.random(10_000) < 0.5, rng.uniform(0, far, 10_000), far)
        size[::4] = 10 ** rng.uniform(-3, np.log10(far), 2_500)
        karney, off = errors_m(rng.uniform(-180, 180), lat, azimuth, size)
        assert off[karney <= far].max() <= PROMISED[far]


def test_geographiclib_agrees():
    rng = np.random.default_rng(2)
    places = np.c_[rng.uniform(-180, 180, 40), np.degrees(np.arcsin(rng.uniform(-1, 1, 40)))]
    ours = distance_matrix_km(shapely.points(places), shapely.points(places)).to_numpy() * 1e3
    for i, (x1, y1) in enumerate(places):
        for j, (x2, y2) in enumerate(places):
            there = Geodesic.WGS84.Inverse(y1, x1, y2, x2)["s12"]
            promised = next(v for far, v in PROMISED.items() if there <= far)
            assert abs(ours[i, j] - there) <= promised


def test_antipodes_are_karneys():
    x, y = np.array([0.0, 30.0, 60.0]), np.array([0.0, 40.0, -89.0])
    a, b = shapely.points(x, y), shapely.points(x - 179.9, -y)
    ours = distance_matrix_km(a, b).to_numpy().diagonal()
    karney = np.asarray(GEOD.inv(x, y, x - 179.9, -y)[2]) / 1e3
    assert ours == pytest.approx(karney, abs=1e-7)


@pytest.mark.parametrize("spread", [5, 40, 170])
def test_one_matrix_of_near_and_far(spread):
    """Rows that need one, two or three of the methods agree with pairs measured one by one."""
    rng = np.random.default_rng(3)
    a = np.c_[rng.uniform(-spread, spread, 60), rng.uniform(-spread / 2, spread / 2, 60)]
    b = np.c_[rng.uniform(-spread, spread, 70), rng.uniform(-spread / 2, spread / 2, 70)]
    ours = distance_matrix_km(shapely.points(a), shapely.points(b)).to_numpy()
    one, two = np.repeat(a, 70, axis=0), np.tile(b, (60, 1))
    karney = np.asarray(GEOD.inv(*one.T, *two.T)[2]).reshape(60, 70) / 1e3
    assert ours == pytest.approx(karney, abs=1e-7)


@pytest.mark.parametrize(("series", "bound"), [(NEAR, 5e-7), (WIDE, 1e-5)])
def test_nothing_hides_between_pairs(series, bound):
    """The error is smooth in z, P and Q: the sizes of its Chebyshev coefficients bound it.

    Those of high degree are rounding (below 1 nm for the near series), so the nodes are
    dense enough; and their sum is an upper bound at every place between the nodes.
    """
    counts = 40, 24, 24
    cosines = [np.cos(np.pi * (np.arange(n) + 0.5) / n) for n in counts]
    v, h, share = (g.ravel() for g in np.meshgrid(*[(1 + x) / 2 for x in cosines], indexing="ij"))
    v, p, q = series.top * v, h * share, h * (1 - share)
    z = series.to_z(v)
    chord = 2 * GEOD.a * np.sqrt(z * (1 - E2 * q))
    if series is WIDE:
        ours = chord * (1 + v) * [wide(*t) for t in zip(v, p, q, strict=True)]
    else:
        ours = chord * (1 + v * [near(*t) for t in zip(v, p * (1 - z), q, strict=True)])
    rest = (ours - metres(z, p, q)).reshape(counts)
    for axis, (n, x) in enumerate(zip(counts, cosines, strict=True)):
        matrix = np.polynomial.chebyshev.chebvander(x, n - 1)
        flat = np.moveaxis(rest, axis, 0)
        solved = np.linalg.solve(matrix, flat.reshape(n, -1)).reshape(flat.shape)
        rest = np.moveaxis(solved, 0, axis)
    sizes = np.abs(rest)
    assert sizes.sum() <= bound
    assert max(sizes[25:].max(), sizes[:, 12:].max(), sizes[:, :, 12:].max()) < bound / 500


@pytest.mark.parametrize("count", [399, 400, 401, 402, 2_000])
def test_lengths_of_few_and_many_edges_agree(count):
    """Up to 400 edges are measured by Karney's method, more by the series."""
    rng = np.random.default_rng(count)
    xy = rng.normal(0, 0.2, (count + 1, 2)).cumsum(axis=0) * [1, 0.5] + [67, 30]
    size = np.asarray(GEOD.inv(*xy[:-1].T, *xy[1:].T)[2])
    assert length_km(shapely.LineString(xy)) * 1e3 == pytest.approx(size.sum(), abs=3e-8 * count)
    tiny = shapely.LineString([(67, 25), (67.0000001, 25.0000001)])
    both = length_km([shapely.LineString(xy), tiny, None])
    assert both[1] == pytest.approx(length_km(tiny), rel=1e-9)
    assert np.isnan(both[2])


def test_lengths_of_many_edges_of_any_length():
    """60,000 edges are compared with PROJ: short, long, nearly antipodal and without length."""
    rng = np.random.default_rng(5)
    size = 10.0 ** rng.uniform(-7, 2, (6_000, 1, 1))
    xy = (
        rng.uniform((-180, -90), (180, 90), (6_000, 1, 2))
        + rng.uniform(-1, 1, (6_000, 10, 2)) * size
    )
    xy = np.stack(((xy[..., 0] + 180) % 360 - 180, np.clip(xy[..., 1], -90, 90)), axis=-1)
    xy[0, 4:6] = [(10, 20), (-170, -20.1)]
    xy[1, 3:] = xy[1, 3]
    lines = shapely.linestrings(xy)
    ours = length_km([*lines, None, shapely.Point(1, 2)]).to_numpy() * 1e3
    karney = np.asarray(GEOD.inv(*xy[:, :-1].reshape(-1, 2).T, *xy[:, 1:].reshape(-1, 2).T)[2])
    karney = karney.reshape(6_000, 9)
    assert ours[:-2] == pytest.approx(karney.sum(axis=1), rel=1e-12, abs=1e-7)
    assert np.isnan(ours[-2])
    assert ours[-1] == 0.0


def test_measuring_a_line_loads_no_compiled_code():
    code = (
        "import sys; from shapely import LineString; from cpecgeo.geodesy import Chainage, length_km;"
        "line = LineString([(67, 25), (68, 26)]); length_km(line); Chainage(line).between(1, 2);"
        "assert 'llvmlite' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

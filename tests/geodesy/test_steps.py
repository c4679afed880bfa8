"""Steps of buffers and distances by themselves, run by Python, against numpy and PROJ."""

from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from shapely.geometry import LineString

from cpecgeo.geodesy import _capsules, _offset, _search, _stretches
from cpecgeo.geodesy._ellipsoid import authalic, ecef, geodetic, lift, up
from cpecgeo.geodesy._offset import offset
from cpecgeo.geodesy._search import point_at
from cpecgeo.geodesy._stretches import PER_M2, away, beside, clockwise, cross, left_of, towards
from cpecgeo.geodesy.buffer import _is_plain, around_points
from cpecgeo.geodesy.distance import _balls
from tests.effort import tries

from .samples import GEOD, wiggle

lons, lats = st.floats(-179, 179), st.floats(-85, 85)
directions = st.floats(0, 360)
seeds = st.integers(0, 2**32 - 1)


def vertical(lon, lat):
    lam, phi = np.radians(lon), np.radians(lat)
    return np.array([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)])


def level(lon, lat, azimuth):
    """Return a horizontal direction at a place, earth-centred."""
    lam, phi, out = np.radians(lon), np.radians(lat), np.radians(azimuth)
    north = np.array([-np.sin(phi) * np.cos(lam), -np.sin(phi) * np.sin(lam), np.cos(phi)])
    east = np.array([-np.sin(lam), np.cos(lam), 0.0])
    return np.cos(out) * north + np.sin(out) * east


@given(lons, lats)
def test_up_is_the_vertical_of_the_ellipsoid(lon, lat):
    place = ecef(np.array([lon]), np.array([lat]))[0]
    np.testing.assert_allclose(up(*place), vertical(lon, lat), atol=1e-15)
    back = geodetic(place[None])
    assert np.column_stack(back)[0] == pytest.approx([lon, lat], abs=1e-11)


@given(st.floats(-90, 90), st.floats(-90, 90))
def test_the_area_between_parallels_is_that_of_karney(one, other):
    """Of a strip of 1° between two parallels, cut finely enough for geodesics to lie on them."""
    south, north = sorted((one, other))
    if north - south < 0.01:
        return
    found = float(authalic(np.array(north)) - authalic(np.array(south))) * np.radians(1.0)
    lon = np.linspace(0, 1, 200)
    lon, lat = np.concatenate((lon, lon[::-1])), np.repeat((south, north), 200)
    assert found == pytest.approx(GEOD.polygon_area_perimeter(lon, lat)[0], rel=1e-5, abs=1e3)


@tries(100)
@given(lons, lats, directions, st.floats(1, 50_000))
def test_a_step_over_the_ground_leads_where_a_geodesic_leads(lon, lat, azimuth, metres):
    place = ecef(np.array([lon]), np.array([lat]))[0]
    found = away(*place, *vertical(lon, lat), *level(lon, lat, azimuth), metres)
    x, y, _ = GEOD.fwd(lon, lat, azimuth, metres)
    want = ecef(np.array([x]), np.array([y]))[0]
    assert np.linalg.norm(found - want) <= PER_M2 * metres**3 + 1e-8


@given(lons, lats, directions, st.floats(10, 50_000))
def test_the_direction_to_a_point_is_that_of_the_geodesic(lon, lat, azimuth, metres):
    place = ecef(np.array([lon]), np.array([lat]))
    x, y, _ = GEOD.fwd(lon, lat, azimuth, metres)
    found = np.array(towards(place, 0, *ecef(np.array([x]), np.array([y]))[0]))
    np.testing.assert_allclose(found[3:], vertical(lon, lat), atol=1e-15)
    np.testing.assert_allclose(found[:3], level(lon, lat, azimuth), atol=1e-4)


vectors = st.lists(st.floats(-9, 9), min_size=3, max_size=3).map(np.array)


@given(vectors, vectors)
def test_a_cross_product_has_a_length_of_one(a, b):
    found, want = np.array(cross(*a, *b)), np.cross(a, b)
    size = np.linalg.norm(want)
    if size > 1e-3:
        np.testing.assert_allclose(found, want / size, atol=1e-12)


@given(lons, lats, directions, st.floats(0, 330))
def test_angles_count_clockwise_from_above(lon, lat, azimuth, turn):
    one, two = level(lon, lat, azimuth), level(lon, lat, azimuth + turn)
    assert clockwise(*one, *two, *vertical(lon, lat)) == pytest.approx(np.radians(turn), abs=1e-9)
    # A little anticlockwise is no angle.
    near = level(lon, lat, azimuth - 0.5 * np.degrees(0.5))
    assert clockwise(*one, *near, *vertical(lon, lat)) == 0.0


@tries(100)
@given(seeds)
def test_the_gap_of_two_segments_is_the_least_of_their_points(seed):
    rng = np.random.default_rng(seed)
    p, d, a, e = rng.uniform(-9, 9, (4, 3)) * rng.choice([0.1, 1.0, 10.0], (4, 1))
    found = _offset._gap2(*p, *d, *a, *e)
    share = np.linspace(0, 1, 401)
    one, two = p + share[:, None] * d, a + share[:, None] * e
    sampled = ((one[:, None] - two[None]) ** 2).sum(axis=2).min()
    step = (np.linalg.norm(d) + np.linalg.norm(e)) / 800
    assert found <= sampled + 1e-9
    assert np.sqrt(found) >= np.sqrt(sampled) - step - 1e-6


@tries(40)
@given(seeds, st.integers(1, 200), st.floats(0, 30))
def test_no_edge_near_a_point_is_left_out(seed, count, reach):
    """The first edges of a line are found as by comparing all, in portions of a few."""
    rng = np.random.default_rng(seed)
    xy = rng.normal(0, 10, (count + 1, 2)).cumsum(axis=0)
    caps = np.column_stack((xy[:-1], xy[1:]))
    tubes, level_ = np.zeros((2 * count + 40, 5)), np.zeros(_capsules.DEEPEST + 1, np.int64)
    levels = _capsules.grow(caps, 0, count, tubes, level_)
    # Each node is as wide as what it holds.
    for at in range(1, levels):
        for node in range(level_[at], level_[at + 1]):
            first = level_[at - 1] + (node - level_[at]) * _capsules.FAN
            for child in range(first, min(first + _capsules.FAN, level_[at])):
                ends = tubes[child, :4].reshape(2, 2)
                off = max(np.sqrt(_capsules._gap2(*end, tubes, node)) for end in ends)
                assert tubes[node, 4] >= off + tubes[child, 4] - 1e-9
    spot = xy[rng.integers(count + 1)] + rng.normal(0, 15, 2)
    stack = np.zeros((_capsules.FAN * _capsules.DEEPEST, 2), np.int64)
    near, top, found = np.zeros(7, np.int64), -1, []
    while True:
        some, top = _capsules.beside((tubes, level_, levels, 0), *spot, reach, top, (stack, near))
        found += near[:some].tolist()
        if top < 0:
            break
    segments = shapely.linestrings(np.stack((xy[:-1], xy[1:]), axis=1))
    true = np.flatnonzero(shapely.distance(segments, shapely.Point(spot)) <= reach - 1e-9)
    assert set(true.tolist()) <= set(found)
    assert len(found) == len(set(found)) <= count


def line_of(seed, count=60):
    xy = shapely.get_coordinates(wiggle(count, seed=seed % 1000))
    return np.ascontiguousarray(ecef(*xy.T)), xy


@tries(30)
@given(seeds, st.sampled_from([1.0, 100.0, 3_000.0]))
def test_what_is_left_out_of_a_line_is_within_the_tolerance(seed, tolerance):
    place, _ = line_of(seed)
    kept = np.zeros(len(place), np.int64)
    used = _offset._thin(place, len(place), tolerance, kept)
    kept = kept[:used]
    assert (kept[0], kept[-1]) == (0, len(place) - 1)
    assert (np.diff(kept) > 0).all()
    for a, b in pairwise(kept):
        edge = place[b] - place[a]
        assert b == a + 1 or np.linalg.norm(edge) <= 20_000 + 1
        for i in range(a + 1, b):
            t = np.clip((place[i] - place[a]) @ edge / (edge @ edge), 0, 1)
            # The ground lies above the chord in its middle.
            sag = edge @ edge / 8 / 6.33e6
            assert np.linalg.norm(place[a] + t * edge - place[i]) <= tolerance + sag + 1e-6
    if tolerance == 1.0:
        assert used > 0.9 * len(place)


@pytest.mark.parametrize("azimuth", [0.0, 77.0, 200.0, 300.0])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_line_that_strays_by_less_than_the_tolerance_becomes_one_edge(azimuth, sign):
    """To either side, in any direction; and where it strays by more, a vertex stays there."""
    along = np.linspace(0, 15_000, 61)
    for off, kept_ in ((40.0, 2), (400.0, 3)):
        out = np.where(np.arange(61) == 30, sign * off, 0.0)
        azimuths = azimuth + np.degrees(np.arctan2(out, np.maximum(along, 1e-9)))
        x, y, _ = GEOD.fwd(np.full(61, 67.0), np.full(61, 25.0), azimuths, np.hypot(along, out))
        place = np.ascontiguousarray(ecef(np.asarray(x), np.asarray(y)))
        kept = np.zeros(61, np.int64)
        used = _offset._thin(place, 61, 100.0, kept)
        assert (used == kept_) if kept_ == 2 else (kept_ <= used <= 6)
        if kept_ > 2:
            assert 30 in kept[:used]


@tries(30)
@given(seeds, st.sampled_from([500.0, 5_000.0, 20_000.0]))
def test_pieces_are_short_and_on_the_geodesic(seed, step):
    place, xy = line_of(seed, 12)
    kept = np.arange(len(place))
    room = np.zeros((20_000, 3))
    count = _offset._split(place, kept, len(place), step, room)
    pieces = room[:count]
    sizes = np.linalg.norm(np.diff(pieces, axis=0), axis=1)
    assert sizes.max() <= step * (1 + 1e-3)
    at = [int(np.argmin(np.linalg.norm(pieces - p, axis=1))) for p in place]
    assert at == sorted(at)
    for (a, b), (one, two) in zip(pairwise(at), pairwise(xy), strict=True):
        assert pieces[a] == pytest.approx(place[at.index(a)])
        azimuth, _, metres = GEOD.inv(*one, *two)
        assert b - a == np.ceil(np.linalg.norm(pieces[b] - pieces[a]) / step)
        for k in range(a + 1, b):
            lon, lat = (v[0] for v in geodetic(pieces[k][None]))
            out, _, far = GEOD.inv(*one, lon, lat)
            across = far * np.sin(np.radians(out - azimuth))
            assert abs(across) <= 6.7e-4 * (metres / 1e5) ** 3 * 2 + 1e-6
            assert far == pytest.approx(metres * (k - a) / (b - a), rel=1e-3)


@tries(30)
@given(seeds)
def test_pieces_have_their_chord_arc_and_left(seed):
    place, _ = line_of(seed, 9)
    count = len(place)
    d, n = np.empty((count - 1, 3)), np.empty((count - 1, 3))
    per_d2, size, gap = (np.empty(count - 1) for _ in range(3))
    left = np.empty((2 * count - 2, 3))
    _stretches.prepare(place, count, 5_000.0, 1.0, d, n, per_d2, size, left, gap)
    np.testing.assert_allclose(d, np.diff(place, axis=0))
    np.testing.assert_allclose(size, np.linalg.norm(d, axis=1))
    np.testing.assert_allclose(per_d2, 1 / size**2)
    lon, lat = geodetic(place)
    for i in range(count - 1):
        # The arc is above the middle of its chord by a quarter of the lift.
        middle = place[i] + 0.5 * d[i]
        assert np.linalg.norm(n[i]) / 4 == pytest.approx(size[i] ** 2 / 8 / 6.371e6, rel=0.01)
        assert n[i] @ vertical(*(v[0] for v in geodetic(middle[None]))) > 0
        start, back, _ = GEOD.inv(lon[i], lat[i], lon[i + 1], lat[i + 1])
        for end, azimuth in ((0, start), (1, back + 180)):
            want = level(lon[i + end], lat[i + end], azimuth - 90)
            np.testing.assert_allclose(left[2 * i + end], want, atol=1e-4)
            there, again = left_of(left, i, end), left_of(left, 2 * (count - 1) - 1 - i, 1 - end)
            np.testing.assert_allclose(there, want, atol=1e-4)
            np.testing.assert_allclose(again, -np.array(there))
        # Beside it, on the way there and on the way back.
        along = 0.3 * GEOD.inv(lon[i], lat[i], lon[i + 1], lat[i + 1])[2]
        x, y, back = GEOD.fwd(lon[i], lat[i], start, along)
        for k, turn, far in (
            (i, -90, 0.3 * size[i]),
            (2 * (count - 1) - 1 - i, 90, 0.7 * size[i]),
        ):
            spot = GEOD.fwd(x, y, back + 180 + turn, 5_000.0)[:2]
            found = beside((place, d, n, per_d2), size, 5_000.0, k, far)
            np.testing.assert_allclose(found, ecef(*np.array([spot]).T)[0], atol=0.5)
            off = _search.foot((place, d, n, per_d2), i, *found, 1e300)[1]
            assert off == pytest.approx(5_000, abs=5e-3)
    assert (gap > 0).all()


# Where which way is taken


ROAD = LineString([(67, 25), (67.3, 25.1), (67.6, 25.05)])


@pytest.mark.parametrize(
    ("line", "metres", "rtol", "is_taken"),
    [
        (ROAD, 50_000.0, 1e-4, True),
        (ROAD, 50_001.0, 1e-4, False),
        (ROAD, 10.0, 1e-3, True),
        (ROAD, 10.0, 1e-4, False),  # the tolerance would be less than a millimetre
        (ROAD, 49_000.0, 1e-6, False),  # and here less than vertices are placed to
        (LineString([(67, 74), (67.3, 74.1)]), 10_000.0, 1e-3, True),
        (LineString([(67, 75), (67.3, 75.1)]), 10_000.0, 1e-3, False),
        (LineString([(67, -74), (67.3, -74.1)]), 10_000.0, 1e-3, True),
        (LineString([(67, -75), (67.3, -75.1)]), 10_000.0, 1e-3, False),
        (LineString([(177.5, 0), (177.6, 0)]), 10_000.0, 1e-3, True),
        (LineString([(179.5, 0), (179.6, 0)]), 10_000.0, 1e-3, False),
        (LineString([(-177.5, 0), (-177.6, 0)]), 10_000.0, 1e-3, True),
        (LineString([(-179.5, 0), (-179.6, 0)]), 10_000.0, 1e-3, False),
        (LineString([(67, 25), (69.9, 25)]), 40_000.0, 1e-3, True),
        (LineString([(67, 25), (70.1, 25)]), 40_000.0, 1e-3, False),  # an edge of 310 km
    ],
)
def test_a_line_is_buffered_from_its_edges_where_that_is_exact(line, metres, rtol, is_taken):
    shape = offset(line, metres, rtol)
    assert (shape is not None) is is_taken
    if is_taken:
        xy = shapely.get_coordinates(shape)
        middle = 0.5 * (xy[1:] + xy[:-1])
        from cpecgeo.geodesy import Index

        off = Index([line]).find(np.concatenate((xy, middle))).metres[:, 0]
        assert np.abs(off / metres - 1).max() <= rtol


@pytest.mark.parametrize("extent", [39.0, 41.0])
def test_a_line_of_up_to_40_degrees_is_buffered_from_its_edges(extent):
    lon = np.linspace(60, 60 + extent, 200)
    line = LineString(np.column_stack((lon, 20 + np.sin(lon))))
    assert (offset(line, 5_000.0, 1e-3) is not None) is (extent < 40)


@pytest.mark.parametrize(
    ("bounds", "metres", "is_plain"),
    [
        ((67, 25, 67, 25), 500_000.0, True),
        ((67, 25, 67, 25), 500_001.0, False),
        ((67, 79.9, 67, 79.9), 1_000.0, True),
        ((67, 80.0, 67, 80.0), 1_000.0, False),
        ((67, -79.9, 67, -79.9), 1_000.0, True),
        ((67, -80.0, 67, -80.0), 1_000.0, False),
        ((67, 79.4, 68, 79.4), 1_000.0, True),
        ((67, 79.6, 68, 79.6), 1_000.0, False),  # edges bulge northwards
        ((179.97, 0, 179.97, 0), 1_000.0, True),
        ((179.995, 0, 179.995, 0), 1_000.0, False),
        ((-179.97, 0, -179.97, 0), 1_000.0, True),
        ((-179.995, 0, -179.995, 0), 1_000.0, False),
    ],
)
def test_plain_buffers_keep_off_the_poles_and_the_antimeridian(bounds, metres, is_plain):
    assert _is_plain(np.array([bounds], float), metres).tolist() == [is_plain]
    if bounds[0] == bounds[2]:
        circle = around_points(np.array([bounds[:2]], float), metres, 1e-4)[0]
        assert (circle is not None) is is_plain
        if is_plain:
            xy = shapely.get_coordinates(circle)
            off = GEOD.inv(*np.broadcast_to(bounds[:2], xy.shape).T, *xy.T)[2]
            assert np.abs(np.array(off) / metres - 1).max() <= 1e-4


@tries(30)
@given(seeds, st.lists(st.integers(1, 30), min_size=1, max_size=9))
def test_every_ball_holds_what_is_in_it(seed, sizes):
    """Each geometry has one root, from which all of its pieces are reached, and no others."""
    rng = np.random.default_rng(seed)
    target = np.repeat(np.arange(len(sizes)), sizes)
    around = np.column_stack(
        (
            rng.uniform(-9, 9, (len(target), 3)),
            rng.uniform(0, 2, len(target)),
            np.zeros(len(target)),
        )
    )
    ball, first, last, leaves, root, leaf = _balls(around, target, len(sizes))
    assert leaf.tolist() == [0, *np.cumsum([-(-n // 4) for n in sizes]).tolist()]
    for geometry, node in enumerate(root):
        held, queue = [], [int(node)]
        while queue:
            at = queue.pop()
            inside = range(first[at], last[at])
            assert 1 <= len(inside) <= 4
            held += inside if at < leaves else []
            queue += [] if at < leaves else inside
            for other in inside:
                centre, radius = (around if at < leaves else ball)[other][[0, 1, 2]], (
                    around if at < leaves else ball)[other][3]  # fmt: skip
                assert np.linalg.norm(centre - ball[at, :3]) + radius <= ball[at, 3] + 1e-9
        assert sorted(held) == np.flatnonzero(target == geometry).tolist()


@tries(60)
@given(seeds, st.sampled_from([1e3, 1e4, 4e4]), st.sampled_from([1e2, 1e4, 3e5]))
def test_the_foot_on_an_edge_is_that_of_a_search_along_the_geodesic(seed, length, far):
    """Its share of the chord too, by which chainage is computed."""
    rng = np.random.default_rng(seed)
    lon, lat, azimuth = rng.uniform(-170, 170), rng.uniform(-80, 80), rng.uniform(0, 360)
    ends = [(lon, lat), GEOD.fwd(lon, lat, azimuth, length)[:2]]
    place = np.ascontiguousarray(ecef(*np.array(ends).T))
    d = place[1:] - place[:1]
    n, per_d2 = lift(place[:1], d), 1 / (d * d).sum(axis=1)
    around = GEOD.fwd(lon, lat, azimuth, rng.uniform(0, length))[:2]
    spot = GEOD.fwd(*around, rng.uniform(0, 360), far * rng.uniform(0.01, 1))[:2]
    x, y, z = ecef(*np.array([spot]).T)[0]
    share, metres = _search.foot((place[:1], d, n, per_d2), 0, x, y, z, 1e300)

    def away_at(s):
        return GEOD.inv(*spot, *GEOD.fwd(lon, lat, azimuth, s)[:2])[2]

    best = minimize_scalar(away_at, bounds=(0, length), method="bounded", options={"xatol": 1e-4})
    least = min(best.fun, away_at(0.0), away_at(length))
    assert metres == pytest.approx(least, abs=1e-4)
    at = point_at((place[:1], d, n, per_d2), 0, share)
    assert away_at(length * share) == pytest.approx(least, abs=2e-3 + 1e-9 * far)
    assert np.linalg.norm(np.array(at) - ecef(*np.array([spot]).T)[0]) <= metres + 1e-6

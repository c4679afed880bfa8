"""Inside and outside of polygons with geodesic edges, against a slow reference.

The reference sums azimuths; the engine counts crossings of meridians.
"""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import MultiPolygon, Point, Polygon, box

from cpecgeo.analysis.proximity import within
from cpecgeo.errors import CoordinateError
from cpecgeo.geodesy import Index, distance_km, lonlat, nearest
from cpecgeo.geodesy.inputs import check
from cpecgeo.testing import reference_inside, reference_nearest
from tests.effort import tries

from .samples import GEOD

# Where areas lie: in plain places, near and at the poles, near and at the antimeridian.
CENTRES = [
    (67, 30), (0, 0), (179.9, 10), (180, -40), (-180, 5), (12, 75), (-90, -60),
    (33, 89), (100, 89.95), (5, 89.9999), (0, 90), (45, -90), (-90, -89.99),
]  # fmt: skip
POINTS = 60  # of each area


def around(centre, azimuth, metres):
    start = np.broadcast_to(centre, (len(azimuth), 2))
    return np.column_stack(GEOD.fwd(start[:, 0], start[:, 1], azimuth, metres)[:2])


def star(rng, centre, size):
    """Return a ring around a point, sometimes with a hole."""
    count = rng.integers(4, 20)
    azimuth = np.linspace(0, 360, count, endpoint=False) + rng.uniform(0, 10)
    shell = around(centre, azimuth, size * rng.uniform(0.3, 1, count))
    hole = around(centre, np.linspace(0, 288, 5), np.full(5, size * 0.1))
    return Polygon(shell, [hole] if rng.random() < 0.5 else [])


def fans(rng, corner, size):
    """Return two parts that touch in a vertex; one of them may be reflex there."""
    cuts = np.sort(rng.uniform(0, 360, 4))
    parts = []
    for begin, end in (cuts[:2], cuts[2:]):
        count = rng.integers(2, 12)
        azimuth = np.sort(rng.uniform(begin, end, count))
        rim = around(corner, azimuth, size * rng.uniform(0.2, 1, count))
        parts.append(Polygon(np.vstack(([corner], rim))))
    return MultiPolygon(parts[:: rng.choice([-1, 1])])


def reflex(rng, corner, size):
    """Return a part with a reflex angle, and one that fills that angle but for gaps."""
    turn = rng.uniform(0, 360)
    wide = around(corner, turn + np.linspace(0, 250, 6), size * rng.uniform(0.5, 1, 6))
    slim = around(corner, turn + np.array([270.0, 340.0]), size * rng.uniform(0.5, 1, 2))
    parts = [Polygon(np.vstack(([corner], wide))), Polygon(np.vstack(([corner], slim)))]
    return MultiPolygon(parts[:: rng.choice([-1, 1])])


def tangled(rng, corner, size):
    """Return a ring that crosses itself."""
    return Polygon(around(corner, rng.uniform(0, 360, 7), size * rng.uniform(0.2, 1, 7)))


SHAPES = {"star": star, "fans": fans, "reflex": reflex, "tangled": tangled}


def spots(rng, area, size, count=POINTS):
    """Return points near vertices and edges, from 0.1 µm to some sizes of the shape away."""
    rings = [shapely.get_coordinates(r) for r in shapely.get_rings(shapely.get_parts(area))]
    edges = np.concatenate([np.stack((c[:-1], c[1:]), axis=1) for c in rings])
    a, b = edges[rng.integers(0, len(edges), count)].transpose(1, 0, 2)
    azimuth, _, length = (np.asarray(v) for v in GEOD.inv(*a.T, *b.T))
    along = np.where(rng.random(count) < 0.5, 0.0, rng.random(count)) * length
    lon, lat, _ = GEOD.fwd(*a.T, azimuth, along)
    away = size * 10 ** rng.uniform(-6.5, 0.5, count)
    points = np.column_stack(GEOD.fwd(lon, lat, rng.uniform(0, 360, count), away)[:2])
    return np.vstack((points, [(0, 90), (55, 90), (0, -90)]))


def check_against_reference(area, points):
    metres = Index(check(area)).find(points).metres[:, 0]
    outline = reference_nearest(points, area)["distance_km"].to_numpy() * 1e3
    expected = np.where(reference_inside(points, area), 0.0, outline)
    clear = outline > 2e-5  # Nearer than that, a segment's parabola may decide.
    assert np.abs(metres - expected)[clear].max(initial=0) < 1e-4
    assert metres[~clear].max(initial=0) < 3e-5
    # `within` keeps the same rows, those inside, and those up to a distance.
    frame = gpd.GeoDataFrame(geometry=gpd.points_from_xy(*points.T), crs=4326)
    for limit in (0.0, float(np.median(expected))):
        try:
            kept = within(frame, area, limit * 1e-3).index
        except CoordinateError:
            # Near the pole, where the area with lon and lat swapped would lie in the region.
            if shapely.get_coordinates(area)[:, 1].min() < 60:
                raise
            return
        sure = clear & ((expected == 0) | (np.abs(expected - limit) > 1e-4))
        want = expected <= limit
        assert (frame.index.isin(kept) == want)[sure].all()


@pytest.mark.parametrize("shape", SHAPES)
# By rounding some cross themselves, even after they were mended.
@pytest.mark.filterwarnings("ignore::cpecgeo.errors.GeometryWarning")
@tries(12)  # by 100 points each
@given(st.sampled_from(CENTRES), st.floats(1, 6.3), st.integers(0, 2**32 - 1))
def test_distance_is_0_inside_and_to_the_outline_outside(shape, centre, digits, seed):
    rng = np.random.default_rng(seed)
    size = 10**digits
    area = lonlat(SHAPES[shape](rng, centre, size))[0]
    check_against_reference(area, spots(rng, area, size))


def test_order_of_parts_changes_nothing_where_they_touch():
    """A point between the arms of a reflex corner that another part meets."""
    corner = (67.0, 30.0)
    wide = Polygon(np.vstack(([corner], around(corner, np.linspace(10, 260, 6), np.full(6, 1e4)))))
    slim = Polygon(np.vstack(([corner], around(corner, np.array([280.0, 340.0]), np.full(2, 1e4)))))
    points = around(corner, np.linspace(0, 350, 36), np.full(36, 15.0))
    one, two = (MultiPolygon(p) for p in ([wide, slim], [slim, wide]))
    assert one.is_valid
    for area in (one, two):
        check_against_reference(area, points)
    series = gpd.GeoSeries(shapely.points(points), crs=4326)
    inside = nearest(series, one)["distance_km"] == 0
    assert inside.tolist() == (nearest(series, two)["distance_km"] == 0).tolist()
    # 10° to 260° and 280° to 340°, in steps of 10°, the edges themselves left out.
    sure = [30, 100, 250, 290, 330]
    assert inside[[a // 10 for a in sure]].all()
    assert not inside[[0, 27, 35]].any()


def test_a_hundredth_of_a_millimetre_outside_is_outside():
    area = box(67, 25, 68, 26)
    edge = GEOD.inv(67, 26, 68, 26)
    lon, lat, back = GEOD.fwd(67, 26, edge[0], edge[2] / 2)
    for metres in (1e-4, 1e-3, 1e-2):
        out = GEOD.fwd(lon, lat, back + 90, metres)[:2]
        into = GEOD.fwd(lon, lat, back - 90, metres)[:2]
        assert distance_km(Point(out), area) * 1e3 == pytest.approx(metres, abs=2e-5)
        assert distance_km(Point(into), area) == 0


def test_corners_and_cuts_of_edges_count_as_met():
    area = Polygon([(67, 25), (68, 25.1), (68.2, 26), (67.4, 26.3)])
    corners = shapely.points(shapely.get_coordinates(area))
    assert (nearest(corners, area)["distance_km"] == 0).all()


def test_a_wedge_from_pole_to_pole():
    """Both of the earth's poles are on the boundary, so that another axis is needed."""
    wedge = Polygon([(0, 90), (0, 0), (0, -90), (90, 0)])
    points = np.array([(45, 0), (45, 89), (1, -80), (-45, 0), (135, 10), (91, 0), (-1, 89.9)])
    metres = Index(check(wedge)).find(points).metres[:, 0]
    assert (metres == 0).tolist() == [True, True, True, False, False, False, False]
    check_against_reference(wedge, points)


def test_many_parts_and_targets_are_told_apart():
    """Each point has the squares that contain it, or the first of them if fewer are asked for."""
    rng = np.random.default_rng(3)
    low = rng.uniform([60, 20], [70, 30], (100, 2))
    squares = [box(x, y, x + 1, y + 1) for x, y in low]
    groups = [MultiPolygon([box(x, 40, x + 0.5, 41) for x in range(60, 70)]), *squares]
    points = rng.uniform([60, 20], [71, 31], (150, 2))
    points = np.vstack((points, [(60.2, 40.5), (60.7, 40.5)]))
    found = Index(groups).find(points, k=4)
    holding = np.column_stack([reference_inside(points, g) for g in groups])
    for row in range(len(points)):
        holds = np.flatnonzero(holding[row]).tolist()
        told = found.target[row][found.metres[row] == 0].tolist()
        assert told == holds[:4]


@pytest.mark.parametrize("count", [1, 40])
def test_large_areas_beside_small_ones(count):
    """A cap over a third of the earth contains the small areas in it."""
    cap = Polygon([(lon, 20) for lon in range(-180, 180, 15)][::-1])
    small = [box(10 + i, 40, 10.5 + i, 40.5) for i in range(count)]
    points = [Point(0, 90), Point(100, 30), Point(10.2, 40.2), Point(0, -20), Point(181 - 360, 21)]
    found = nearest(points, [*small, cap], k=2)
    zero = found[found["distance_km"] == 0].groupby(level=0)["target"].apply(list)
    assert zero.to_dict() == {0: [count], 1: [count], 2: [0, count], 4: [count]}


def test_a_lune_from_pole_to_pole_doesnt_turn_areas_of_the_south():
    """It has a frame of its own; those beside it keep theirs."""
    areas = gpd.GeoSeries([box(0, -90, 20, 90), box(30, -40, 40, -30)], crs=4326)
    points = gpd.GeoSeries.from_xy([10, 35, 60, 10], [-35, -35, -35, 60], crs=4326)
    near = nearest(points, areas)
    assert (near["distance_km"] == 0).tolist() == [True, True, False, True]
    assert near["target"].tolist() == [0, 1, 1, 0]

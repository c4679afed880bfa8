"""The slow references are right: compared with points sampled along edges, and by eye."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import Geod
from shapely.geometry import LineString, MultiLineString, MultiPoint, Point, Polygon, box

from cpecgeo.errors import InputError
from cpecgeo.testing import (
    assert_geodesic_equal,
    reference_distance_km,
    reference_inside,
    reference_nearest,
)

GEOD = Geod(ellps="WGS84")
# Edges of 5 to 150 km in all directions, of several parts, with a corner.
BENT = LineString([(67, 25), (67.5, 25.9), (67.45, 25.95), (66.4, 25.8)])
PARTS = MultiLineString([[(66, 24), (66.2, 24.9)], [(68, 26), (67.2, 26.3), (67.3, 27.1)]])
YARD = Polygon(box(67, 25, 68, 26).exterior, [box(67.3, 25.3, 67.7, 25.7).exterior])
POINTS = np.array(
    [
        (66.9, 24.8), (67.2, 25.6), (67.6, 26.1), (66.2, 25.8), (67.01, 25.7), (67.5, 25.5),
        (67.35, 25.6), (68.4, 25.5), (66.1, 24.5), (67.5, 26.6), (67.1, 25.0005), (70.0, 30.0),
    ]
)  # fmt: skip


def edges_of(geometry):
    parts = shapely.get_parts(geometry)
    if parts[0].geom_type == "Polygon":
        parts = shapely.get_rings(parts)
    return [(a, b) for part in parts for a, b in zip(part.coords, part.coords[1:], strict=False)]


def sampled(point, edge, count=200):
    """Return km and position of the closest of many points along an edge, some 6 m apart."""
    (x, y), (u, v) = edge
    azimuth, _, metres = GEOD.inv(x, y, u, v)
    low, high = 0, metres
    for _ in range(2):
        along = np.linspace(low, high, count + 1)
        lon, lat, _ = GEOD.fwd(*(np.full(count + 1, n) for n in (x, y, azimuth)), along)
        far = GEOD.inv(*(np.full(count + 1, n) for n in point), lon, lat)[2]
        best = int(np.argmin(far))
        low, high = along[max(best - 1, 0)], along[min(best + 1, count)]
    return far[best] / 1e3, (lon[best], lat[best])


@pytest.mark.parametrize("line", [BENT, PARTS, YARD], ids=["bent", "parts", "hole"])
def test_the_nearest_of_points_sampled_along_all_edges(line):
    found = reference_nearest(POINTS, line)
    assert list(found.columns) == ["distance_km", "lon", "lat", "edge"]
    assert list(found.index) == list(range(len(POINTS)))
    for point, row in zip(POINTS, found.itertuples(), strict=True):
        each = [sampled(point, edge) for edge in edges_of(line)]
        km, foot = min(each)
        # Samples lie up to 5 m from the foot.
        assert row.distance_km == pytest.approx(km, abs=2e-5)
        assert GEOD.inv(row.lon, row.lat, *foot)[2] < 8
        assert each[row.edge][0] == pytest.approx(km, abs=1e-9)
        # The foot is on the edge: a right angle, or an end.
        there = GEOD.inv(*point, row.lon, row.lat)[2] / 1e3
        assert there == pytest.approx(row.distance_km, abs=1e-9)
        assert row.distance_km <= km + 1e-9


def test_one_point_and_many_agree_whatever_the_batch(monkeypatch):
    whole = reference_nearest(POINTS, BENT)
    monkeypatch.setattr("cpecgeo.testing._BATCH", 7)
    assert reference_nearest(POINTS, BENT).equals(whole)
    monkeypatch.setattr("cpecgeo.testing._BATCH", 1)
    assert reference_nearest(POINTS, BENT).equals(whole)


def test_what_has_no_edges():
    with pytest.raises(InputError, match="^Point has no edges"):
        reference_nearest(POINTS, Point(67, 25))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (Point(67, 27), BENT),
        (BENT, Point(66.5, 25.2)),
        (MultiPoint([(60, 20), (66.5, 25.2), (70, 30)]), BENT),
        (BENT, MultiPoint([(60, 20), (66.5, 25.2), (70, 30)])),
        # The end of one comes closest to the middle of an edge of the other, and the reverse.
        (LineString([(67.25, 25.2), (67.28, 25.3)]), LineString([(67, 25), (67, 26)])),
        (LineString([(67, 25), (67, 26)]), LineString([(67.28, 25.3), (67.25, 25.2)])),
        (YARD, Point(67.5, 25.5)),
    ],
)
def test_the_distance_is_the_least_from_vertices_to_edges(a, b):
    least = [
        sampled(xy, edge)[0]
        for one, other in ((a, b), (b, a))
        if "Point" not in other.geom_type
        for xy in shapely.get_coordinates(one)
        for edge in edges_of(other)
    ]
    assert reference_distance_km(a, b) == pytest.approx(min(least), abs=2e-5)


def test_the_distance_of_points():
    km = [GEOD.inv(67, 25, *there)[2] / 1e3 for there in ((68, 25), (67, 25.5))]
    assert reference_distance_km(Point(67, 25), Point(68, 25)) == pytest.approx(km[0], abs=1e-9)
    both = MultiPoint([(68, 25), (67, 25.5)])
    assert reference_distance_km(Point(67, 25), both) == pytest.approx(min(km), abs=1e-9)
    assert reference_distance_km(both, Point(67, 25)) == pytest.approx(min(km), abs=1e-9)


@pytest.mark.parametrize("turn", [False, True], ids=["as drawn", "reversed"])
@pytest.mark.parametrize("shift", [0, 112.3], ids=["Pakistan", "across 180°"])
def test_inside_is_what_the_eye_sees(turn, shift):
    """Points lie 10 km and more from all boundaries, so that the bulge of edges doesn't matter."""
    areas = shapely.union_all([YARD, box(69, 25, 70, 26)])
    areas = areas.reverse() if turn else areas
    places = {
        (67.15, 25.5): True, (67.5, 25.5): False, (67.5, 25.85): True, (68.5, 25.5): False,
        (69.5, 25.5): True, (66.8, 25.5): False, (67.5, 26.3): False, (67.5, 24.7): False,
        (70.3, 25.5): False, (67.5, -25.5): False, (-112.5, -25.5): False, (-112.85, -25.85): False,
        (-112.15, -25.5): False,
    }  # fmt: skip
    moved = shapely.transform(areas, lambda xy: xy + (shift, 0))
    points = [((x + shift + 180) % 360 - 180, y) for x, y in places]
    assert reference_inside(points, moved).tolist() == list(places.values())


def test_a_line_has_no_inside():
    with pytest.raises(InputError, match="^LineString has no inside"):
        reference_inside(POINTS, BENT)


SHORT = LineString([(67, 25), (67, 26)])


@pytest.mark.parametrize(
    ("actual", "expected", "told"),
    [
        (gpd.GeoSeries([SHORT, SHORT]), gpd.GeoSeries([SHORT]), "^2 geometries, 1 expected$"),
        (MultiPoint(SHORT.coords), SHORT, r"^types \[4\], \[1\] expected$"),
        (BENT, SHORT, r"^vertices \[4\] in each part, \[2\] expected$"),
        (
            MultiLineString([BENT.coords, SHORT.coords]),
            MultiLineString([SHORT.coords, BENT.coords]),
            r"^vertices \[4, 2\] in each part, \[2, 4\] expected$",
        ),
        # 0.001° of latitude: 110.8 m there, by a degree of 110.77 km at 25°.
        (LineString([(67, 25), (67, 26.001)]), SHORT, r"^vertex 1 is 0\.1107\d* km off"),
        (
            LineString([(67, 25.0001), (67, 26.001)]),
            SHORT,
            r"^vertex 1 is 0\.1107.* \(tolerance 1e-06 km\): \[67\.0, 26\.001\], \[67\.0, 26\.0\]",
        ),
        (Point(67, np.inf), Point(67, 25), "^vertex 0 is nan km off"),
    ],
)
def test_geometries_that_differ(actual, expected, told):
    with pytest.raises(AssertionError, match=told):
        assert_geodesic_equal(actual, expected)


def test_geometries_up_to_a_tolerance():
    moved = LineString([(67, 25), (67, 26.001)])
    assert_geodesic_equal(moved, SHORT, tol_km=0.1109)
    with pytest.raises(AssertionError):
        assert_geodesic_equal(moved, SHORT, tol_km=0.1106)
    # A millimetre, where nothing else is said: 9e-9° are 1.0 mm.
    assert_geodesic_equal(LineString([(67, 25), (67, 26.000000008)]), SHORT)
    with pytest.raises(AssertionError):
        assert_geodesic_equal(LineString([(67, 25), (67, 26.00000001)]), SHORT)
    assert_geodesic_equal(Point(), Point())

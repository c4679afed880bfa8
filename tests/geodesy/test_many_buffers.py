"""Buffers of many geometries at once: each at its distance, and the same as alone."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st
from shapely.geometry import LineString, MultiLineString, MultiPolygon, Point, Polygon, box

from cpecgeo.errors import GeometryError
from cpecgeo.geodesy import area_km2, buffer
from cpecgeo.geodesy._batch import outline_all
from cpecgeo.geodesy._outline import _broad, nest_rings
from cpecgeo.geodesy._plane import buffer_one
from cpecgeo.geodesy.buffer import _is_crowded
from cpecgeo.geodesy.nearest import nearest
from tests.effort import tries

from .samples import GEOD
from .test_buffer import ring_errors
from .test_kernels import both


def settled(geom, km):
    """Return a buffer by the other way: a guess in one plane, then moved on the ellipsoid."""
    return buffer_one(geom, km, 1e-4, flat=False, side=None)


@pytest.mark.parametrize(
    ("km", "rtol"), [(0.001, 1e-4), (5, 1e-4), (5, 1e-7), (200, 1e-3), (450, 1e-6)]
)
def test_circles_hold_at_vertices_and_middles_of_edges(km, rtol):
    """Middles are those of geodesics, and of straight lines in lon, lat, as in GeoJSON."""
    rng = np.random.default_rng(5)
    points = [Point(p) for p in rng.uniform((-170, -74), (170, 74), (12, 2))]
    made = buffer(gpd.GeoSeries(points, crs=4326), km, rtol=rtol)
    for point, circle in zip(points, made, strict=True):
        assert circle.is_valid
        assert circle.exterior.is_ccw
        xy = np.asarray(circle.exterior.coords)
        azimuth, _, size = GEOD.inv(*xy[:-1].T, *xy[1:].T)
        bent = np.column_stack(GEOD.fwd(*xy[:-1].T, azimuth, np.asarray(size) / 2)[:2])
        places = np.concatenate((xy[:-1], bent, 0.5 * (xy[:-1] + xy[1:])))
        start = np.broadcast_to((point.x, point.y), places.shape)
        metres = np.asarray(GEOD.inv(*start.T, *places.T)[2])
        # Degrees as floats are exact to a nanometre.
        assert np.abs(metres / 1e3 / km - 1).max() <= rtol + 1e-11 / km


def test_circles_at_the_antimeridian_and_poles_among_others():
    points = gpd.GeoSeries([Point(179.99, 10), None, Point(67, 25), Point(12, 89.9)], crs=4326)
    made = buffer(points, 30)
    assert made[1] is None
    assert made[0].geom_type == "MultiPolygon"
    for row in (0, 2, 3):
        assert area_km2(made[row]) == pytest.approx(area_km2(made[2]), rel=1e-3)


def lines(count):
    rng = np.random.default_rng(6)
    made = []
    for n in range(count):
        corners = int(rng.integers(2, 60))
        walk = rng.normal(0, 0.3 / np.sqrt(corners), (corners, 2)).cumsum(axis=0)
        made.append(LineString(rng.uniform((61, -40), (77, 60)) + walk))
        if n % 7 == 0:
            coords = np.asarray(made[-1].coords)
            made[-1] = MultiLineString([coords, coords[::-1] + 0.4])
    return [*made, LineString([(179.9, 10), (-179.8, 10.2)]), LineString([(60, 20), (90, 30)])]


def areas(count):
    rng = np.random.default_rng(7)
    made = []
    for n in range(count):
        corners = int(rng.integers(3, 90))
        angle = np.arange(corners) * 2 * np.pi / corners
        away = 0.3 * rng.uniform(0.7, 1, corners) * (1 + 0.3 * np.sin(3 * angle))
        ring = np.column_stack((np.cos(angle), np.sin(angle))) * away[:, None]
        middle = rng.uniform((61, -40), (77, 60))
        hole = [ring * 0.5 + middle] if n % 3 == 0 else []
        made.append(Polygon(ring + middle, hole))
        if n % 5 == 0:
            made[-1] = MultiPolygon([made[-1], box(*(middle + 1), *(middle + 1.2))])
    return [*made, box(10, 70, 40, 89.9), Polygon([(179, 0), (-179, 0), (-179, 1), (179, 1)])]


@pytest.mark.parametrize("km", [0.05, 5, 90])
@pytest.mark.parametrize("kind", [lines, areas])
def test_together_as_alone(kind, km):
    """The other geometries of the series change a buffer only within the tolerance."""
    geoms = kind(40)
    together = buffer(gpd.GeoSeries(geoms, crs=4326), km)
    for row in [*range(0, len(geoms), 6), len(geoms) - 2, len(geoms) - 1]:
        alone, made = settled(geoms[row], km), together[row]
        assert made.geom_type == alone.geom_type
        assert len(shapely.get_rings(made)) == len(shapely.get_rings(alone))
        assert made.symmetric_difference(alone).area <= 2e-4 * max(alone.area, 1e-9)
        if made.bounds[0] > 0 and row % 12 == 0:
            edge = geoms[row] if kind is lines else geoms[row].boundary
            assert ring_errors(made, edge, km, 60).max() <= 1e-4


@pytest.mark.parametrize("shape", [{"cap": "flat"}, {"side": "left"}, {"side": "right"}])
def test_many_flat_or_of_one_side_are_as_alone(shape):
    """Only round buffers are made together; these are made one by one."""
    rng = np.random.default_rng(8)
    starts = rng.uniform((61, -40), (77, 60), (40, 2))
    roads = [LineString([p, p + (0.3, 0.1), p + (0.5, 0.4)]) for p in starts]
    together = buffer(gpd.GeoSeries(roads, crs=4326), 4, **shape)
    for road, made in list(zip(roads, together, strict=True))[::10]:
        assert made.equals(buffer(road, 4, **shape))
    # The caps of round ones add a circle of 4 km, 50 km²; the bends of one side differ by 11 km².
    rounds = area_km2(buffer(gpd.GeoSeries(roads, crs=4326), 4))
    parts = 1 if "cap" in shape else 2
    gone = rounds - parts * area_km2(together)
    assert (gone > 35).all()
    assert (gone < 65).all()


def edgy():
    """Return shapes that are ambiguous for an outline: edges on each other, circles through a point."""
    north, cross = [(70, 30 + 0.1 * n) for n in range(8)], (70.2, 30.2)
    grid = [(70 + 0.1 * x, 30 + 0.1 * y) for x, y in
            ((0, 0), (2, 0), (1, 0), (1, 1), (1, 3), (1, 2), (3, 2), (3, 0), (0, 0), (0, 1), (2, 1))]  # fmt: skip
    star = [[cross, (70.2 + dx, 30.2 + dy)] for dx in (-0.2, 0, 0.2) for dy in (-0.2, 0, 0.2)]
    square = [(70, 30), (70.3, 30), (70.3, 30.3), (70, 30.3)]
    return [
        LineString(north),
        LineString([*north, *north[:3]]),
        LineString([*north, *north[-2::-1]]),
        LineString(grid),
        LineString([*square, square[0]]),
        MultiLineString([v for v in star if v[0] != v[1]]),
        MultiLineString([north, north[::-1], [north[3], (70.5, 30.3)]]),
        MultiLineString([[(70, 30), (70.4, 30)], [(70, 30.02), (70.4, 30.02)]]),
        LineString([(70, 30), (70, 30), (70 + 1e-9, 30), (70.1, 30)]),
    ], [
        Polygon(square),
        Polygon(square[::-1]),
        Polygon(square, [[(70.1, 30.1), (70.2, 30.1), (70.2, 30.2)]]),
        MultiPolygon([box(70, 30, 70.1, 30.1), box(70.1, 30.1, 70.2, 30.2)]),
        MultiPolygon([Polygon(square, [[(70.1, 30.1), (70.2, 30.1), (70.15, 30.2)][::-1]]),
                      box(70.14, 30.12, 70.16, 30.14)]),
        MultiPolygon([box(70 + x, 30 + y, 70.05 + x, 30.05 + y)
                      for x in (0, 0.1, 0.2) for y in (0, 0.1, 0.2)]),
    ]  # fmt: skip


@pytest.mark.parametrize("km", [0.5, 3, 11.1, 60])
@pytest.mark.parametrize("kind", [0, 1], ids=["lines", "areas"])
def test_outlines_of_what_is_ambiguous(kind, km):
    """Each has the area that the other way gives, or is left to that way."""
    geoms = np.array(edgy()[kind], dtype=object)
    made = outline_all(geoms, 1e3 * km, 1e-4)
    assert shapely.is_missing(made).sum() <= 1
    for geom, shape in zip(geoms, made, strict=True):
        if shape is None:
            continue
        assert shape.is_valid
        try:
            alone = settled(geom, km)
        except GeometryError:  # Some are hard for the other way.
            continue
        edge = 1e-4 * km / 90 * shapely.length(alone)
        assert shape.symmetric_difference(alone).area <= 2 * edge


@tries(25)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=2, max_size=14),
    st.sampled_from([0.3, 2.0, 7.0, 30.0]),
    st.floats(-75, 75),
)
def test_each_outline_is_at_the_distance(spots, km, north):
    """Vertices are on a grid, so that many coincide and edges lie on each other."""
    xy = np.array(spots, float) / 80 + (70, north)
    assume((xy != xy[0]).any())
    line = LineString(xy)
    shape = outline_all(np.array([line], dtype=object), 1e3 * km, 1e-4)[0]
    assume(shape is not None)
    assert shape.is_valid
    assert ring_errors(shape, line, km, 60).max() <= 1e-4
    assert shapely.intersects_xy(shape, xy).all()


def test_a_wide_shape_or_a_small_tolerance_is_left_out():
    """The plane's own error is a millionth at 200 km, and thirty at 1,100."""
    ten = LineString([(70, 30), (70.1, 30)])
    small = lambda rtol: outline_all(np.array([ten]), 1e3, rtol)[0]  # noqa: E731
    assert small(1e-7) is not None
    assert small(1e-9) is None
    wide = [LineString([(70 - d, 30), (70, 31), (70 + d, 30)]) for d in (3, 10, 17)]
    made = outline_all(np.array(wide), 1e4, 1e-4)
    assert [g is None for g in made] == [False, False, True]
    for line, shape in zip(wide[:2], made, strict=False):
        assert ring_errors(shape, line, 10, 60).max() <= 1e-4


@pytest.mark.parametrize(("rtol", "long"), [(1e-7, 0.14), (1e-6, 0.38), (1e-5, 0.449)])
def test_long_edges_hold_small_tolerances(rtol, long):
    """Radii in the plane grow with the square of the distance from its centre.

    On a meridian through the centre, edges aren't split because of their bend.
    """
    line = LineString([(67, 50), (67, 50 + long)])
    shape = outline_all(np.array([line], dtype=object), 6_000.0, rtol)[0]
    assert ring_errors(shape, line, 6, 200).max() <= rtol


def test_outlines_by_python_and_compiled():
    """Both agree to the rounding of degrees."""
    geoms = np.array([*lines(4)[:-2], *edgy()[0]], dtype=object)
    plain, compiled = both(lambda: outline_all(geoms, 5e3, 1e-4))
    for one, two in zip(plain, compiled, strict=True):
        assert one.equals_exact(two, 1e-10)


@pytest.mark.parametrize("km", [4, 25])
def test_many_points_or_lines_as_one(km):
    """The buffer of a multi-geometry is the union of the buffers of its parts."""
    rng = np.random.default_rng(8)
    points = shapely.points(rng.uniform((61, 24), (77, 36), (400, 2)))
    # Lines at other latitudes are too far off for one plane.
    near = [v for v in lines(60)[:-2] if v.bounds[1] > 20 and v.bounds[3] < 40]
    pairs = (
        (points, shapely.multipoints(points)),
        (near, MultiLineString([p for v in near for p in shapely.get_parts(v)])),
    )
    for parts, multi in pairs:
        made = outline_all(np.array([multi], dtype=object), 1e3 * km, 1e-4)[0]
        union = shapely.union_all(buffer(gpd.GeoSeries(list(parts), crs=4326), km).array)
        assert made.is_valid
        edge = 1e-4 * km / 90 * shapely.length(union)
        assert made.symmetric_difference(union).area <= 2 * edge


def test_holes_go_to_the_smallest_shell_around_them():
    """An island in a lake has a lake of its own, and another geometry covers all of it."""
    rings = [
        box(0, 0, 9, 9),
        box(1, 1, 8, 8),
        box(2, 2, 7, 7),
        box(3, 3, 6, 6),
        box(-1, -1, 20, 20),
    ]
    xy = np.concatenate([shapely.get_coordinates(r)[:-1] for r in rings])
    area = np.array([1.0, -1, 1, -1, 1])
    made = nest_rings(xy, np.full(5, 4), np.array([0, 0, 0, 0, 1]), area, 3)
    assert made[0].equals(MultiPolygon([rings[0] - rings[1], rings[2] - rings[3]]))
    assert made[1].equals(rings[4])
    assert made[2] is None
    crossed = nest_rings(xy[[0, 2, 1, 3]], np.array([4]), np.array([0]), np.array([1.0]), 1)
    assert crossed[0] is None


def test_of_faces_those_wider_than_a_limit_stay():
    """Twice the area over the length around is the width of a long strip."""
    strips = shapely.box([0, 0, 0], [0, 2, 4], [100, 100, 100], [1.0, 2.5, 6.0])
    width = 2 * 50 / 201
    assert _broad(strips, 0.98).tolist() == [strips[0], strips[2]]
    assert _broad(strips, 1.0).tolist() == [strips[2]]
    assert _broad(strips[1:2], width * (1 + 1e-9)).tolist() == []
    assert _broad(strips[1:2], width * (1 - 1e-9)).tolist() == [strips[1]]
    assert _broad(strips[:0], 1.0).tolist() == []
    assert _broad(np.array([shapely.Polygon()]), 0.0).tolist() == []


def test_a_crowd_of_points_is_outlined_in_groups():
    rng = np.random.default_rng(0)
    spots = np.vstack((rng.normal(0, 0.5, (6_000, 2)) + [70, 30], [[70, 30]] * 3))
    crowd = shapely.MultiPoint(spots)
    few = shapely.MultiPoint(spots[::40])
    assert _is_crowded(np.array([crowd]), shapely.bounds([crowd]), 3e4).all()
    assert not _is_crowded(np.array([few]), shapely.bounds([few]), 3e4).any()
    around = buffer(crowd, 30.0)
    assert around.is_valid
    assert around.covers(crowd)
    # The boundary lies at the radius from the nearest point, on the ellipsoid.
    edge = shapely.get_coordinates(around)[::25]
    pair = nearest(gpd.GeoSeries(shapely.points(edge), crs=4326), gpd.GeoSeries([crowd], crs=4326))
    assert pair["distance_km"].to_numpy() == pytest.approx(30.0, rel=1e-4)


def test_long_lines_and_wide_radii_take_the_way_that_grows_with_the_line():
    t = np.linspace(0, 60, 20_000)
    curl = shapely.LineString(
        np.column_stack((70 + 0.05 * t + 0.1 * np.cos(9 * t), 30 + 0.1 * np.sin(9 * t)))
    )
    bounds = shapely.bounds([curl])
    assert _is_crowded(np.array([curl]), bounds, 2e5).all()
    assert not _is_crowded(np.array([curl]), bounds, 1e3).any()


def test_the_buffer_of_one_line_is_one_area_without_slivers():
    rng = np.random.default_rng(30)
    heading = np.cumsum(rng.normal(0, 0.3, 5_000))
    xy = np.column_stack((np.cumsum(np.cos(heading)), np.cumsum(np.sin(heading)))) * 0.0036
    xy -= xy.mean(axis=0)
    line = shapely.LineString(xy * min(1, 6 / np.abs(xy).max()) + [70, 30])
    around = buffer_one(line, 200.0, 1e-4, flat=False, side=None)
    assert around.geom_type == "Polygon"
    assert around.covers(line)


def test_edges_of_a_nanometre_beside_the_radius_are_left_to_the_other_way():
    """Radii that vary by 2 mm make discs of which one contains the other."""
    rng = np.random.default_rng(0)
    spots = rng.normal(0, 1e-13, (8, 2)) + [70, 30]
    tiny = LineString([*spots, *spots[:3]])
    area = area_km2(buffer(Point(70, 30), 1.0))
    for shape in (
        tiny,
        MultiLineString([tiny, LineString(spots[::2])]),
        Polygon(spots).convex_hull,
    ):
        assert area_km2(buffer(shape, 1.0)) == pytest.approx(area, rel=1e-3)
        made = outline_all(np.array([shape] * 2), 1e3, 1e-4)
        assert all(one is None or one.is_valid for one in made)

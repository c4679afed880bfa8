"""Buffers of many geometries at once: each at its distance, and the same as alone."""

import importlib

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely.geometry import LineString, MultiLineString, MultiPolygon, Point, Polygon, box

from cpecgeo.geodesy import area_km2, buffer
from cpecgeo.geodesy._outline import _broad

from .samples import GEOD
from .test_buffer import ring_errors

buffers = importlib.import_module("cpecgeo.geodesy.buffer")  # the verb has its name


@pytest.mark.parametrize(
    ("km", "rtol"), [(0.001, 1e-4), (5, 1e-4), (5, 1e-7), (200, 1e-3), (450, 1e-6)]
)
def test_circles_hold_at_vertices_and_middles_of_edges(km, rtol):
    """Of geodesics and of straight lines in lon, lat, as GeoJSON reads them."""
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
        # A thousandth of a micrometre is what lon, lat in degrees can say.
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
    """Nothing but what is left to the tolerance depends on the others in the series."""
    geoms = kind(buffers._FEW + 10)
    together = buffer(gpd.GeoSeries(geoms, crs=4326), km)
    for row in [*range(0, len(geoms), 6), len(geoms) - 2, len(geoms) - 1]:
        alone, made = buffer(geoms[row], km), together[row]
        assert made.geom_type == alone.geom_type
        assert len(shapely.get_rings(made)) == len(shapely.get_rings(alone))
        assert made.symmetric_difference(alone).area <= 2e-4 * max(alone.area, 1e-9)
        if made.bounds[0] > 0 and row % 12 == 0:
            edge = geoms[row] if kind is lines else geoms[row].boundary
            assert ring_errors(made, edge, km, 60).max() <= 1e-4


def test_each_node_of_a_forest_has_the_ball_that_holds_it():
    given = np.array(lines(40), dtype=object)
    around = buffers.forest(given, np.arange(len(given)))
    a, d, target, tubes, child, leaves = (around.tree[i] for i in (0, 1, 4, 6, 7, 8))
    assert len(set(around.root)) == len(given)
    for f in range(len(given)):
        held, nodes = [], [around.root[f]]
        while nodes:
            node = nodes.pop()
            below = child[node] + np.flatnonzero(tubes[node, 0] < buffers.NOWHERE)
            if node >= leaves:
                nodes += list(below)
                continue
            ends = np.concatenate((a[below], a[below] + d[below]))
            far = np.linalg.norm(ends - a[below[0]], axis=1).max()
            assert far <= tubes[node, 8, 0] <= 4 * far + 10
            held += list(below)
        assert sorted(held) == list(np.flatnonzero(target == f))
        whole = np.linalg.norm(a[held] - a[min(held)], axis=1).max()
        assert whole <= tubes[around.root[f], 8, 0]


def test_rings_that_vanish_or_cross_leave_their_geometry_to_be_made_alone():
    """A ring of two vertices is none; crossed rings aren't valid."""
    square, bow = [(0, 0), (1, 0), (1, 1), (0, 1)], [(5, 5), (6, 6), (6, 5), (5, 6)]
    gone = [(0.2, 0.2), (0.4, 0.4)]
    xy = np.array([*square, *square, *gone, *bow, *square], float)
    ring = np.repeat([0, 1, 2, 3, 4], [4, 4, 2, 4, 4])
    outline = buffers.Outline(xy, ring, np.zeros(len(xy), bool))
    part, of_part = np.array([0, 1, 1, 2, 3]), np.array([0, 1, 2, 4])
    made = buffers._close_rings(outline, part, of_part, 5)
    assert [g is None for g in made] == [False, True, True, True, False]
    assert made[0].equals(Polygon(square))
    assert made[4].geom_type == "Polygon"


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

"""Areas of rings, compared with PROJ, and with a plane where rings are small."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from geographiclib.geodesic import Geodesic
from shapely.geometry import MultiPolygon, Polygon, box

from cpecgeo.geodesy import _paths, area_km2

from .samples import GEOD


def rings(metres, count, seed=1):
    """Return rings around random points away from the poles; some are clockwise."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        corners = int(rng.integers(3, 40))
        azimuth = np.sort(rng.uniform(0, 360, corners))[:: rng.choice([-1, 1])]
        # Vertices are in order around the middle, so that no ring crosses itself.
        if np.abs(np.diff(azimuth, append=azimuth[0] + 360)).max() > 170:
            azimuth = np.linspace(0, 360, corners + 1)[:-1]
        middle = np.broadcast_to((rng.uniform(-180, 180), rng.uniform(-78, 78)), (corners, 2))
        away = metres * rng.uniform(0.3, 1, corners)
        made.append(np.column_stack(GEOD.fwd(*middle.T, azimuth, away)[:2]))
    return made


def in_plane_m2(ring):
    """Return the area in the tangent plane at the first vertex."""
    spot = np.column_stack(_earth_centred(np.vstack((ring, ring[:1]))))
    lon, lat = np.radians(ring[0])
    east = np.array([-np.sin(lon), np.cos(lon), 0.0])
    north = np.array([-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), np.cos(lat)])
    x, y = (spot - spot[0]) @ east, (spot - spot[0]) @ north
    return abs(0.5 * np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]))


def _earth_centred(xy):
    lon, lat = np.radians(xy.T)
    e2 = 1 - (GEOD.b / GEOD.a) ** 2
    normal = GEOD.a / np.sqrt(1 - e2 * np.sin(lat) ** 2)
    flat = normal * np.cos(lat)
    return flat * np.cos(lon), flat * np.sin(lon), normal * (1 - e2) * np.sin(lat)


@pytest.mark.parametrize("metres", [100, 3e3, 2e4, 2e5, 3e6])
def test_areas_are_those_of_karney(metres):
    made = rings(metres, 60)
    areas = area_km2(gpd.GeoSeries([Polygon(r) for r in made], crs=4326)).to_numpy() * 1e6
    truth = np.array([abs(GEOD.polygon_area_perimeter(*r.T)[0]) for r in made])
    # PROJ adds up areas between edges and the equator, and has an error of some 1e-4 m² itself.
    assert np.abs(areas - truth).max() <= max(3e-4, 1e-10 * truth.max())


@pytest.mark.parametrize(("metres", "share"), [(1, 1e-6), (15, 1e-7), (100, 1e-7)])
def test_small_rings_keep_their_digits(metres, share):
    made = rings(metres, 60, seed=2)
    areas = area_km2(gpd.GeoSeries([Polygon(r) for r in made], crs=4326)).to_numpy() * 1e6
    truth = np.array([in_plane_m2(r) for r in made])
    assert np.abs(areas / truth - 1).max() <= share


@pytest.mark.parametrize(
    "xy",
    [
        [(170, 10), (-170, 10), (-170, 20), (170, 20)],
        [(179.99, -17), (-179.99, -17), (-179.99, -16.98), (179.99, -16.98)],
        [(0, 80), (90, 80), (180, 80), (-90, 80)],
        [(0, -60), (-90, -60), (180, -60), (90, -60)],
        [(lon, 70) for lon in np.linspace(-179.9, 180, 4000)],
        [(0, 0), (90, 0), (0, 90)],
        [(10, 89.99), (12, 89.99), (12, 89.995), (10, 89.995)],
        [(67, 25), (67, 25), (67.01, 25), (67.01, 25.01), (67.01, 25.01)],
    ],
)
def test_antimeridian_poles_and_repeats(xy):
    truth = abs(GEOD.polygon_area_perimeter(*np.array(xy, float).T)[0]) / 1e6
    assert area_km2(Polygon(xy)) == pytest.approx(truth, rel=1e-9)


def wide_rings(kind, count=700):
    """Return rings of long edges, all over the earth; too many vertices to be left to PROJ."""
    rng = np.random.default_rng(8)
    for _ in range(count):
        corners = int(rng.integers(3, 9))
        if kind == "anywhere":
            yield np.column_stack((rng.uniform(-180, 180, corners), rng.uniform(-90, 90, corners)))
        elif kind == "around a pole":
            lon = np.sort(rng.uniform(-180, 180, corners))[:: rng.choice([-1, 1])]
            yield np.column_stack((lon, rng.uniform(50, 90, corners) * rng.choice([-1, 1])))
        elif kind == "a region":
            yield rng.uniform((60, 20), (80, 40), (corners, 2))
        elif kind == "antimeridian":
            lon = rng.uniform(160, 200, corners)
            lat = rng.uniform(-60, 60, corners)
            yield np.column_stack(((lon + 180) % 360 - 180, lat))
        elif kind == "a few metres":
            yield rng.uniform((67, 85), (67.001, 85.0001), (corners, 2))
        else:  # meridians over the poles, the equator, vertices at the poles, antipodes
            lon = rng.choice([0.0, 90.0, 180.0, -90.0, -180.0], corners)
            yield np.column_stack((lon, rng.choice([0.0, 10, 90, -90, 45, -30], corners)))


@pytest.mark.parametrize(
    ("kind", "rel"),
    [
        ("anywhere", 3e-12),
        ("around a pole", 1e-13),
        ("a region", 1e-13),
        ("antimeridian", 1e-13),
        ("a few metres", 0),
        ("special", 1e-12),
    ],
)
def test_signed_areas_of_rings_that_may_cross_themselves(kind, rel):
    """Karney's own library gives the same, modulo the area of the earth."""
    closed = [np.vstack((r, r[:1])) for r in wide_rings(kind)]
    xy, ring = np.concatenate(closed), np.repeat(np.arange(len(closed)), [len(r) for r in closed])
    assert len(xy) > _paths._FEW
    ours = _paths.ring_areas_m2(xy, ring)
    for row in range(0, len(closed), 1 if kind == "special" else 3):
        polygon = Geodesic.WGS84.Polygon()
        for lon, lat in closed[row][:-1]:
            polygon.AddPoint(lat, lon)
        truth = polygon.Compute(False, True)[2]
        off = (ours[row] - truth) / _paths._EARTH_M2
        off = abs(off - round(off)) * _paths._EARTH_M2
        # The area is a sum of areas between long edges and the equator.
        below = np.abs(np.diff(closed[row][:, 0])).sum() / 360 * _paths._EARTH_M2
        assert off <= rel * below + 1e-3


def test_many_polygons_of_long_edges_and_around_poles():
    """`area_km2` agrees with PROJ, with holes and parts too."""
    rng = np.random.default_rng(9)
    areas = []
    for n in range(600):
        angle = (np.arange(9) + rng.uniform(0, 0.8, 9)) * 40.0
        pole = 1 if n % 2 else -1
        far, near = rng.uniform(50, 60, 9), rng.uniform(75, 80, 9)
        shell = np.column_stack((angle - 180, pole * far))
        hole = np.column_stack((angle - 180, pole * near))
        square = box(-10 + n % 7, -20, 10, 20 + n % 11)
        areas.append(MultiPolygon([Polygon(shell, [hole]), square]) if n % 3 else square)
    ours = area_km2(gpd.GeoSeries(areas, crs=4326)).to_numpy()
    truth = []
    for area in areas:
        parts = area.geoms if area.geom_type == "MultiPolygon" else [area]
        truth.append(
            sum(
                abs(GEOD.polygon_area_perimeter(*p.exterior.xy)[0])
                - sum(abs(GEOD.polygon_area_perimeter(*h.xy)[0]) for h in p.interiors)
                for p in parts
            )
        )
    assert ours * 1e6 == pytest.approx(np.array(truth), rel=1e-13)


def test_holes_parts_and_what_is_missing():
    fine = shapely.segmentize(box(67, 25, 67.2, 25.2), 0.005)
    hole = shapely.segmentize(box(67.05, 25.05, 67.1, 25.1), 0.005)
    other = box(70, 30, 72, 32)
    many = MultiPolygon([Polygon(fine.exterior, [hole.exterior]), other])
    areas = area_km2(gpd.GeoSeries([None, many, other], crs=4326))
    parts = [GEOD.geometry_area_perimeter(p)[0] / 1e6 for p in (fine, hole, other)]
    one, two, three = np.abs(parts)
    assert np.isnan(areas[0])
    assert areas[1] == pytest.approx(one - two + three, rel=1e-10)
    assert areas[2] == pytest.approx(three, rel=1e-12)

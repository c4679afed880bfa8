"""Areas against PROJ's ring by ring, and against a plane where rings are small."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely.geometry import MultiPolygon, Polygon, box

from cpecgeo.geodesy import area_km2

from .samples import GEOD


def rings(metres, count, seed=1):
    """Rings around random places, away from the poles, some wound the other way."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        corners = int(rng.integers(3, 40))
        azimuth = np.sort(rng.uniform(0, 360, corners))[:: rng.choice([-1, 1])]
        # All around its middle, so that no ring crosses itself.
        if np.abs(np.diff(azimuth, append=azimuth[0] + 360)).max() > 170:
            azimuth = np.linspace(0, 360, corners + 1)[:-1]
        middle = np.broadcast_to((rng.uniform(-180, 180), rng.uniform(-78, 78)), (corners, 2))
        away = metres * rng.uniform(0.3, 1, corners)
        made.append(np.column_stack(GEOD.fwd(*middle.T, azimuth, away)[:2]))
    return made


def in_plane_m2(ring):
    """The area in the tangent plane at the first vertex."""
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
    # PROJ adds up what lies between each edge and the equator, and is off by some 1e-4 m² itself.
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

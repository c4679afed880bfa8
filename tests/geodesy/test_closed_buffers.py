"""Buffers of closed lines, of lines there and back, and of what is tiny against the radius."""

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, MultiLineString, MultiPolygon, Polygon, box

from cpecgeo import rings
from cpecgeo.errors import GeometryError
from cpecgeo.geodesy import Index, _plane, area_km2, buffer
from cpecgeo.geodesy._outline import Outline, settle

from .samples import GEOD
from .test_buffer import ring_errors

BACK = [(70.08, 30.09), (70.09, 30.05), (70.07, 30.09), (70.0, 30.03)]
BACK += BACK[2::-1]
PLACES = {
    "Punjab": (70.0, 30.0),
    "antimeridian": (180.0, -17.0),
    "near the pole": (20.0, 89.5),
    "pole": (0.0, -90.0),
}
SHAPES = ["there and back", "loop", "eight", "there and nearly back", "back to its middle"]


def draw(shape, place, seed, size):
    """Return a line whose vertices are up to `size` metres from a point."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(3, 7))
    lon, lat = (np.full(count, v) for v in PLACES[place])
    away = size * np.sqrt(rng.uniform(0, 1, count))
    xy = np.column_stack(GEOD.fwd(lon, lat, rng.uniform(0, 360, count), away)[:2])
    back = xy[-2::-1].copy()
    if shape == "loop":
        back = xy[:1]
    elif shape == "eight":
        back = np.concatenate((back, xy[1:2], xy[:1]))
    elif shape == "there and nearly back":
        back[:-1] += 1e-14 * size
    elif shape == "back to its middle":
        back = back[: count // 2]
    return LineString(np.concatenate((xy, back)))


def reference_km2(lines, place, km):
    """Return the area around lines, in a plane with true distances from a point amid them."""
    lon, lat = PLACES[place]
    plane = pyproj.Proj(proj="aeqd", lon_0=lon, lat_0=lat, ellps="WGS84")
    equal = pyproj.Proj(proj="laea", lon_0=lon, lat_0=lat, ellps="WGS84")
    edges = []
    for line in lines:
        xy = np.column_stack(plane(*np.asarray(line.coords).T))
        edges.append(shapely.linestrings(np.stack((xy[:-1], xy[1:]), axis=1)))
    wide = shapely.union_all(shapely.buffer(np.concatenate(edges), km * 1e3, quad_segs=40))
    wide = shapely.segmentize(wide, 20.0 * km)
    ground = shapely.transform(wide, lambda xy: np.column_stack(equal(*plane(*xy.T, inverse=True))))
    return ground.area / 1e6


@pytest.mark.parametrize("place", PLACES)
@given(st.sampled_from(SHAPES), st.integers(0, 10**6), st.floats(-1, 1.7), st.floats(-1.3, 0.5))
@settings(max_examples=25, deadline=None)
def test_closed_lines_lose_nothing(place, shape, seed, km, size):
    """Edges are short, so that they are straight in the plane of the reference."""
    km = 10.0**km
    line = draw(shape, place, seed, min(1e3 * km * 10.0**size, 2e4))
    made = buffer(line, km)
    assert area_km2(made) == pytest.approx(reference_km2([line], place, km), rel=1e-3)
    assert ring_errors(made, line, km, most=30).max() <= 1e-4


@pytest.mark.parametrize("place", PLACES)
@given(st.sampled_from(SHAPES), st.integers(0, 10**6), st.floats(-3, 2.6), st.floats(-9, -1))
@settings(max_examples=25, deadline=None)
def test_what_is_tiny_against_the_radius(place, shape, seed, km, size):
    """Radii are 1 m to 400 km, shapes a tenth of that down to less than a nanometre."""
    km = 10.0**km
    line = draw(shape, place, seed, min(1e3 * km * 10.0**size, 2e4))
    expected = reference_km2([line], place, km)
    rounding = 1e-6 if place == "pole" else 0.0  # areas are sums of sectors down to the equator
    assert area_km2(buffer(line, km)) == pytest.approx(expected, rel=1e-3, abs=rounding)


@given(st.floats(-9, 0), st.floats(-3, np.log10(400)))
@settings(max_examples=60, deadline=None)
def test_small_polygons_at_all_sizes_and_radii(degrees, km):
    """A square of side s grows to s² + 4sr + πr²; with a hole in it as well."""
    side, km = 10.0**degrees, 10.0**km
    side = min(side, km / 120.0)
    square = box(70, 30, 70 + side, 30 + side)
    holed = Polygon(square.exterior.coords, [box(*square.buffer(-side / 4).bounds).exterior.coords])
    disc = area_km2(buffer(square.centroid, km))
    expected = disc + square.length * 1.04e2 * km + area_km2(square)
    for area in (square, holed):
        assert area_km2(buffer(area, km)) == pytest.approx(expected, rel=5e-3)
        assert buffer(area, -km).is_empty


def test_many_are_as_one():
    closed = [draw(shape, "Punjab", seed, 2e4) for seed in range(12) for shape in SHAPES]
    closed += [MultiLineString([closed[0], closed[1]]), LineString(BACK)]
    tiny = [box(70, 30, 70 + d, 30 + d) for d in np.geomspace(1e-9, 1e-3, 40)]
    for shapes in (closed, tiny):
        made = buffer(gpd.GeoSeries(shapes, crs=4326), 10)
        alone = [area_km2(buffer(shape, 10)) for shape in shapes]
        assert area_km2(made).to_numpy() == pytest.approx(alone, rel=2e-4)


def test_there_and_back_is_one_way():
    one_way = area_km2(buffer(LineString(BACK[:4]), 10))
    assert one_way == pytest.approx(573.94, rel=1e-4)
    # The ways of making it differ by less than the tolerance.
    for cap in ("round", "flat"):
        whole = area_km2(buffer(LineString(BACK), 10, cap=cap))
        assert whole == pytest.approx(one_way, rel=1e-4)
    around = [rings(LineString(way), [5, 10, 25])["area_km2"] for way in (BACK, BACK[:4])]
    assert around[0].to_numpy() == pytest.approx(around[1].to_numpy(), rel=1e-4)


def test_a_line_of_one_place_is_a_point():
    still = LineString([(70, 30)] * 3)
    assert area_km2(buffer(still, 50)) == pytest.approx(np.pi * 50**2, rel=1e-4)


def test_a_guess_that_leaves_out_something_is_made_anew(monkeypatch):
    line, whole, tried = LineString(BACK), _plane.guess, []

    def settled():
        return _plane.buffer_one(line, 10.0, 1e-4, flat=False, side=None)

    def half(lines, spots, metres, most):
        tried.append(most)
        made = whole(lines, spots, metres, most)
        middle = made.centroid.x
        return made if most == 1 and fair else made.intersection(box(middle, -1e6, 1e6, 1e6))

    fair = True
    expected = area_km2(settled())
    monkeypatch.setattr(_plane, "guess", half)
    assert area_km2(settled()) == pytest.approx(expected, rel=1e-4)
    assert tried == [16, 1]
    fair = False
    with pytest.raises(GeometryError, match="leave out a part of x"):
        settled()


def test_a_ring_of_two_vertices_is_left_out():
    """It has no area, and no edge that runs backwards."""
    index = Index(shapely.Point(70, 30))
    disc = buffer(shapely.Point(70, 30), 5)
    outline = Outline.of(MultiPolygon([disc, Polygon(disc.exterior.coords[:3])]), index, 0.0)
    keep = np.append(np.ones(len(outline.xy) - 1, bool), False)
    (ring,) = settle(outline.rows(keep), index.tree, 5_000.0, 1e-4)
    assert area_km2(Polygon(ring)) == pytest.approx(area_km2(disc), rel=2e-4)

"""One side of lines that close, of all sizes, against a plane with true distances."""

import re
import warnings
from itertools import pairwise

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, MultiLineString, Point, Polygon

from cpecgeo.errors import GeometryError, GeometryWarning, InputError
from cpecgeo.geodesy import area_km2, buffer

from .samples import GEOD
from .test_closed_buffers import PLACES, draw

TRIANGLE = [(70, 30), (70.001, 30), (70.0003, 30.001), (70, 30)]


def ring(place, seed, degrees, turn):
    """Return a simple ring around a point, counter-clockwise, or clockwise where `turn` is -1."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(3, 8))
    azimuth = -(np.arange(count) + rng.uniform(0, 0.8, count)) * 360.0 / count
    away = 5.5e4 * degrees * rng.uniform(0.3, 1, count)
    lon, lat = (np.full(count, v) for v in PLACES[place])
    xy = np.column_stack(GEOD.fwd(lon, lat, azimuth, away)[:2])
    xy = np.roll(xy, int(rng.integers(count)), axis=0)[::turn]
    return LineString(np.vstack((xy, xy[:1])))


def reference_km2(line, place, km):
    """Return the areas within `km` of a ring, inside and outside of it."""
    lon, lat = PLACES[place]
    plane = pyproj.Proj(proj="aeqd", lon_0=lon, lat_0=lat, ellps="WGS84")
    equal = pyproj.Proj(proj="laea", lon_0=lon, lat_0=lat, ellps="WGS84")
    ends = np.asarray(line.coords)
    runs = []
    for a, b in pairwise(ends):  # straight edges here aren't geodesics
        runs.append([plane(*a), *(plane(*spot) for spot in GEOD.npts(*a, *b, 15))])
    xy = np.vstack((*runs, [plane(*ends[0])]))
    edges = shapely.linestrings(np.stack((xy[:-1], xy[1:]), axis=1))
    wide = shapely.union_all(shapely.buffer(edges, km * 1e3, quad_segs=60))
    inner = shapely.intersection(Polygon(xy), wide)
    ground = shapely.transform(
        shapely.segmentize(np.array([inner, wide.difference(Polygon(xy))]), 5e3),
        lambda xy: np.column_stack(equal(*plane(*xy.T, inverse=True))),
    )
    return shapely.area(ground) / 1e6


def sides(x, km):
    return [buffer(x, km, side=side) for side in ("left", "right")]


@pytest.mark.parametrize("place", ["Punjab", "antimeridian"])
@given(
    st.integers(0, 10**6),
    st.floats(-6, 0),
    st.floats(-1, np.log10(400)),
    st.sampled_from([1, -1]),
)
@settings(max_examples=25, deadline=None)
def test_sides_of_a_ring_are_its_inside_and_its_outside(place, seed, degrees, km, turn):
    km, line = 10.0**km, ring(place, seed, 10.0**degrees, turn)
    both = sides(line, km)
    inner, outer = reference_km2(line, place, km)
    made = [area_km2(shape) for shape in both[::turn]]
    assert made == pytest.approx([inner, outer], rel=1e-3)
    # The whole may be made in another way; either keeps to the tolerance of the radius.
    assert sum(made) == pytest.approx(area_km2(buffer(line, km)), rel=2e-4)
    assert all(shape.is_valid for shape in both)
    assert both[0].intersection(both[1]).area <= 1e-9 * both[0].union(both[1]).area


@pytest.mark.filterwarnings("ignore:x turns back on itself")
@pytest.mark.parametrize("place", ["Punjab", "antimeridian"])
@given(
    st.sampled_from(["there and back", "loop", "eight"]),
    st.integers(0, 10**6),
    st.floats(-1, 2),
    st.floats(-5, 0.5),
)
@settings(max_examples=15, deadline=None)
def test_both_sides_of_any_line_are_the_whole(place, shape, seed, km, size):
    km = 10.0**km
    line = draw(shape, place, seed, min(1e3 * km * 10.0**size, 2e4))
    whole = area_km2(buffer(line, km, cap="flat"))
    assert np.nansum([area_km2(part) for part in sides(line, km)]) == pytest.approx(whole, rel=2e-4)


@pytest.mark.parametrize("place", PLACES)
@given(
    st.sampled_from(["open", "there and nearly back", "loop", "back to its middle"]),
    st.integers(0, 10**6),
    st.floats(-1, 2),
    st.floats(-3, 0.7),
)
@settings(max_examples=15, deadline=None)
def test_what_is_wrong_is_said(place, shape, seed, km, size):
    """Both sides together are the whole, near the poles too, or there is a warning."""
    km = 10.0**km
    line = draw("loop" if shape == "open" else shape, place, seed, min(1e3 * km * 10.0**size, 2e5))
    if shape == "open":
        line = LineString(line.coords[:-1])
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        whole, both = buffer(line, km, cap="flat"), sides(line, km)
    if not said:
        total = np.nansum([area_km2(part) for part in both])
        assert total == pytest.approx(area_km2(whole), rel=6e-4)
    assert all(w.category is GeometryWarning for w in said)


@pytest.mark.parametrize("pole", [90, -90])
def test_sides_of_a_line_of_metres_at_a_pole_are_the_whole(pole):
    """Long edges of flat ends aren't straight in lon, lat there: once a face was lost."""
    line, km = [(0.36, 5.03), (-3.36, -3.85), (4.12, -0.28)], 0.159
    plane = pyproj.Transformer.from_crs(f"+proj=aeqd +lat_0={pole}", 4326, always_xy=True)
    placed = LineString(np.column_stack(plane.transform(*np.array(line).T)))
    whole = area_km2(buffer(placed, km, cap="flat"))
    assert np.nansum([area_km2(part) for part in sides(placed, km)]) == pytest.approx(
        whole, rel=2e-4
    )


def test_a_hook_is_said_with_its_share_and_a_bend_is_not():
    back = draw("there and back", "Punjab", 586_523, 572)  # its left came out empty
    hook = LineString(back.coords[: len(back.coords) // 2 + 1])
    with pytest.warns(GeometryWarning, match=r"the 0.304 km of its buffer: [2-9]\d.\d% of what"):
        buffer(hook, 0.304, side="left")
    bend = LineString([(70, 30), (70.5, 30), (70.9, 30.2)])
    one, two = (area_km2(part) for part in sides(bend, 5))  # warnings are errors
    assert one + two == pytest.approx(area_km2(buffer(bend, 5, cap="flat")), rel=1e-6)


@pytest.mark.filterwarnings("ignore:x turns back on itself")
def test_where_a_ring_starts_has_no_say():
    """The ring crosses itself in a small loop, so that its winding decides nothing."""
    xy = np.array([(0, 0), (10, 0), (10, 1), (9.5, -0.3), (12, 5), (4, 9)], float)
    for size in (1e-6, 1e-4, 1e-2):
        for km in (0.1, 5, 100):
            lines = []
            for start in range(len(xy)):
                turned = np.roll(xy, start, axis=0) * size / 10 + (70, 30)
                lines.append(LineString(np.vstack((turned, turned[:1]))))
            for made in sides(gpd.GeoSeries(lines, crs=4326), km):
                areas = area_km2(made).to_numpy()
                assert areas == pytest.approx(np.full(len(xy), areas[0]), rel=2e-4)


def test_many_rings_are_as_one():
    lines = [ring("Punjab", n, 10.0**-n, turn) for n in range(7) for turn in (1, -1)]
    many = zip(sides(gpd.GeoSeries(lines, crs=4326), 5), ("left", "right"), strict=True)
    for made, side in many:
        alone = [area_km2(buffer(line, 5, side=side)) for line in lines]
        assert area_km2(made).to_numpy() == pytest.approx(alone, rel=1e-9)


def test_the_left_of_a_tiny_triangle():
    inner = area_km2(Polygon(TRIANGLE))
    left, right = (area_km2(shape) for shape in sides(LineString(TRIANGLE), 5))
    assert left == pytest.approx(inner, rel=1e-6)
    whole = area_km2(buffer(Polygon(TRIANGLE), 5))  # made in another way
    assert right == pytest.approx(whole - inner, rel=2e-4)


@pytest.mark.parametrize(
    ("shapes", "options", "says"),
    [
        (Point(67, 25), {"cap": "flat"}, 'cap="flat" is for lines, and x is a Point; leave it out.'),
        (Point(67, 25), {"side": "left", "cap": "flat"}, 'side="left" is for lines, and x is a P'),
        ([LineString(TRIANGLE), Polygon(TRIANGLE), Point(67, 25)], {"side": "right"},
         'side="right" is for lines, and x has Point, Polygon (index [1, 2]); leave it out, or'),
    ],
)  # fmt: skip
def test_what_is_no_line_is_named(shapes, options, says):
    with pytest.raises(InputError, match=re.escape(says)):
        buffer(shapes, 5, **options)


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_line_of_one_place_has_no_sides(side):
    still = LineString([(70, 30)] * 3)
    rule = r"all at one place \(index b\), which has no sides\. Leave side= out"
    lines = gpd.GeoSeries([LineString(TRIANGLE), still, None], index=["a", "b", "c"], crs=4326)
    with pytest.raises(GeometryError, match=rule):
        buffer(lines, 5, side=side)
    for one in (still, MultiLineString([LineString(TRIANGLE), still])):
        with pytest.raises(GeometryError, match="has no sides"):
            buffer(one, 5, side=side)


@pytest.mark.parametrize(
    "still",
    [[(70, 30)] * 3, [(180, 25), (-180, 25)], [(1, 90), (50, 90)], [(70, 30), (70, 30 + 4e-15)]],
)
def test_a_line_of_one_place_has_no_flat_ends(still):
    rule = r"all at one place \(index b\), which has no ends\. Leave cap= out"
    still = LineString(still)
    lines = gpd.GeoSeries([LineString(TRIANGLE), still, None], index=["a", "b", "c"], crs=4326)
    with pytest.raises(GeometryError, match=rule):
        buffer(lines, 5, cap="flat")
    with pytest.raises(GeometryError, match="has no sides"):
        buffer(still, 5, side="left")


def test_a_part_of_one_place_is_a_disc_among_flat_ends():
    line, still = LineString([(70, 30), (70, 30.1)]), LineString([(71, 30)] * 2)
    made = [buffer(g, 1, cap="flat") for g in (MultiLineString([line, still]), line)]
    disc = buffer(still, 1)
    assert area_km2(made[0]) == pytest.approx(area_km2(made[1]) + area_km2(disc), rel=1e-4)

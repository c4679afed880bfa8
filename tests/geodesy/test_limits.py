"""Limits that the documentation states, each on both sides of it."""

import math
import re

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import LineString, MultiLineString, Point, Polygon, box

from cpecgeo.errors import CoordinateError, InputError, InputTypeError
from cpecgeo.geodesy import Chainage, Index, area_km2, buffer, distance_km, lonlat, nearest
from cpecgeo.geodesy._arcs import arctangent, reduce_latitude
from cpecgeo.geodesy._arcs import sine_cosine as sines_of
from cpecgeo.geodesy._ellipsoid import ecef
from cpecgeo.geodesy._rules import check_range, mend
from cpecgeo.geodesy.inputs import check, check_points
from tests.effort import tries

from .samples import GEOD, LINES

HERE = Point(67, 25)
ROAD = LineString([(67, 25), (67.5, 25), (68, 25.5)])


@pytest.mark.parametrize(
    ("km", "is_taken"),
    [(0.001, True), (0.000999, False), (5_000, True), (5_001, False), (0, False)],
)
def test_a_radius_is_a_metre_to_5_000_km(km, is_taken):
    if is_taken:
        disc = buffer(HERE, km)
        lon, lat = shapely.get_coordinates(disc).T
        metres = GEOD.inv(np.full_like(lon, 67), np.full_like(lat, 25), lon, lat)[2]
        assert metres == pytest.approx(np.full_like(lon, 1e3 * km), rel=1e-3)
        cap = 2 * np.pi * 6_371_007.2**2 * (1 - np.cos(1e3 * km / 6_371_007.2))
        assert abs(GEOD.geometry_area_perimeter(disc)[0]) == pytest.approx(cap, rel=1e-3)
        return
    for radius, shape in ((km, HERE), (-km, box(60, 20, 70, 30))):
        with pytest.raises(InputError, match=r"a buffer's radius is 0\.001 to 5,000"):
            buffer(shape, radius)


@pytest.mark.parametrize("km", [-0.001, -1, -50])
def test_an_area_shrinks_by_as_little_as_a_metre(km):
    area = box(66, 24, 68, 26)
    inner = buffer(area, km)
    assert area_km2(inner) < area_km2(area)
    edge = gpd.GeoSeries([LineString(area.exterior.coords)], crs=4326)
    spots = gpd.GeoSeries.from_xy(*inner.exterior.xy, crs=4326)
    off = nearest(spots, edge)["distance_km"]
    assert off.to_numpy() == pytest.approx(np.full(len(off), -km), rel=1e-3)


@pytest.mark.parametrize(
    ("rtol", "is_taken"), [(1e-7, True), (9e-8, False), (1e-2, True), (1.1e-2, False)]
)
def test_a_tolerance_is_a_hundredth_to_a_ten_millionth(rtol, is_taken):
    if not is_taken:
        with pytest.raises(InputError, match="it must be within 1e-07 and 0.01"):
            buffer(ROAD, 1, rtol=rtol)
        return
    shape = buffer(ROAD, 1, rtol=rtol)
    xy = shapely.get_coordinates(shape)
    off = distance_km(gpd.GeoSeries.from_xy(*xy.T, crs=4326), ROAD)
    assert np.abs(off - 1).max() < rtol


OPTIONS = [
    (lambda: buffer(ROAD, 1, rtol="1e-4"), InputTypeError, "rtol is '1e-4'; a number is needed"),
    (lambda: buffer(ROAD, "1"), InputTypeError, "km is '1'; a number of kilometres is needed"),
    (lambda: buffer(ROAD, -1, side="left"), InputError, "take the other side instead"),
    (lambda: lonlat(HERE, missing="drop"), InputError, "missing is 'drop'; it is"),
    (lambda: lonlat(HERE, invalid="drop"), InputError, "invalid is 'drop'; it is"),
    (lambda: lonlat(HERE, kinds="Point"), InputTypeError, "kinds is 'Point'; a set of types"),
    (lambda: lonlat(HERE, kinds={1}), InputTypeError, "kinds is {1}; a set of types"),
    (lambda: nearest(HERE, ROAD, k="2"), InputTypeError, "k is '2'; a whole number of geom"),
    (lambda: nearest(HERE, ROAD, k=0), InputError, "k is 0"),
]


@pytest.mark.parametrize("case", range(len(OPTIONS)))
def test_options_are_checked(case):
    call, error, says = OPTIONS[case]
    with pytest.raises(error, match=re.escape(says)):
        call()


def test_the_last_of_several_targets():
    shapes = [Point(67 + i, 25) for i in range(4)]
    for k in (1, 3, 4, 9):
        found = nearest(HERE, shapes, k=k)
        assert found["target"].tolist() == list(range(min(k, 4)))
        assert found["distance_km"].tolist() == sorted(found["distance_km"])


def test_points_through_any_door_are_the_same():
    series = gpd.GeoSeries([Point(67, 25), Point(68, 26)], index=["a", "b"], crs=4326)
    with_gap = gpd.GeoSeries([Point(67, 25), None, Point(), Point(68, 26, 5)], crs=4326)
    for given_, here, index in ((series, None, ["a", "b"]), (with_gap, [0, 3], [0, 1, 2, 3])):
        for points in (check_points(given_), check_points(check(given_, missing="keep"))):
            assert points.xy.tolist() == [[67, 25], [68, 26]]
            assert (points.here if here is None else points.here.tolist()) == here
            assert points.index.tolist() == index
            assert check_points(points) is points
            back = check(points, missing="keep")
            assert back.missing.tolist() == [g is None or g.is_empty for g in given_]


def test_an_index_says_what_memory_it_holds():
    def road(count):
        return LineString(np.column_stack((np.linspace(60, 70, count), np.full(count, 30.0))))

    small, large = Index([road(100)]), Index([road(10_000)])
    # At least the start, chord and lift of each edge, three numbers of 8 bytes each.
    assert large.nbytes > 10_000 * 9 * 8
    assert 50 < large.nbytes / small.nbytes < 150
    turn = np.linspace(0, 2 * np.pi, 5_000, endpoint=False)
    area = Index([Polygon(np.column_stack((67 + np.cos(turn), 30 + np.sin(turn))))])
    assert area.nbytes > 5_000 * 9 * 8


# Coordinates


@pytest.mark.parametrize(
    ("lonlat_", "is_swapped"),
    [
        ([(25, 91), (24, 95)], True),
        ([(25, 91), (24, 60)], True),  # half of them
        ([(25, 91), (24, 60), (24, 61)], False),
        ([(91, 91), (24, 95)], False),
        ([(90, 91), (24, 95)], True),
    ],
)
def test_half_of_the_rows_out_of_range_are_a_swap(lonlat_, is_swapped):
    xy = np.array(lonlat_, float)
    with pytest.raises(CoordinateError) as caught:
        check_range(xy, shapely.points(xy), "x")
    assert ("swapped" in str(caught.value)) is is_swapped
    assert caught.value.row == 0


@pytest.mark.parametrize("spot", [(180, 0), (-180, 0), (0, 90), (0, -90), (180, 90), (-180, -90)])
def test_the_edges_of_the_map_are_on_it(spot):
    xy = np.array([spot, (1, 1)], float)
    check_range(xy, shapely.points(xy), "x")
    beyond = np.nextafter(xy[0], 999 * np.sign(xy[0]))
    bad = np.array([(1, 1), beyond], float)
    with pytest.raises(CoordinateError) as caught:
        check_range(bad, shapely.points(bad), "x")
    assert caught.value.row == 1
    unknown = np.array([(1, 1), (2, 2), (np.nan, 3)])
    with pytest.raises(CoordinateError) as caught:
        check_range(unknown, shapely.points(unknown), "x")
    assert caught.value.row == 2


@pytest.mark.parametrize("lon", [0.0, 67.0, 179.0, -179.5])
@pytest.mark.parametrize("lat", [-89.0, -76.0, -20.0, 45.0, 74.0, 76.0, 89.5])
def test_a_bow_tie_is_mended_anywhere_on_earth(lon, lat):
    """Its two halves meet in the middle, also over the antimeridian and near a pole."""
    azimuth = np.array([45.0, 225.0, 315.0, 135.0])
    x, y, _ = GEOD.fwd(np.full(4, lon), np.full(4, lat), azimuth, np.full(4, 20e3))
    bow = Polygon(np.column_stack((x, y)))
    mended = mend(np.array([bow], object), np.array([0]))[0]
    parts = shapely.get_parts(mended)
    whole = sum(abs(GEOD.geometry_area_perimeter(p)[0]) for p in parts)
    assert whole == pytest.approx(2 * 20e3**2 / 2, rel=0.02)
    spots = shapely.get_coordinates(mended)
    assert (np.abs(spots) <= (180, 90)).all()
    off = np.asarray(GEOD.inv(*spots.T, np.full(len(spots), lon), np.full(len(spots), lat))[2])
    assert ((off < 500) | (np.abs(off - 20e3) < 500)).all()


# Chainage


@pytest.mark.parametrize("name", ["22 vertices", "two parts", "one edge of 2,000 km"])
def test_a_thousandth_of_a_millimetre_more_is_refused(name):
    chain = Chainage(LINES[name], 100.0 + Chainage(LINES[name]).measures_km)
    for end, sign in ((chain.end_km, 1), (chain.start_km, -1)):
        vertex = chain.at(end)
        assert chain.at(end + sign * 0.9e-6).equals(vertex)
        with pytest.raises(InputError, match="is not on the line, which runs from km 100.000"):
            chain.at(end + sign * 1.1e-6)


@pytest.mark.parametrize("name", LINES)
def test_kilometres_at_a_vertex_are_the_vertex(name):
    chain = Chainage(LINES[name])
    xy = shapely.get_coordinates(LINES[name])
    km = chain.measures_km
    own = np.flatnonzero(np.diff(km, prepend=-1) > 1e-6)
    for shift in (0.0, 0.9e-9, -0.9e-9):
        at = np.clip(km[own] + shift, km[0], km[-1])
        found = shapely.get_coordinates(chain.at(at).to_numpy())
        assert found.tolist() == xy[own].tolist()


def test_cuts_that_are_one_cut_and_stretches_of_no_length():
    chain = Chainage(ROAD)
    assert len(chain.split([10, 10 + 0.5e-9, 20])) == 3
    assert len(chain.split([10, 10 + 5e-9, 20])) == 4
    assert len(chain.split([chain.start_km, chain.end_km])) == 1
    for a, b in ((10, 10), (10, 10 + 0.5e-9), (0, 0), (chain.end_km, chain.end_km)):
        with pytest.raises(InputError, match="has no length"):
            chain.between(a, b)
    assert len(chain.between(10, 10 + 5e-9).coords) == 2


@tries(60)
@given(
    st.lists(st.none() | st.floats(0, 9), min_size=5, max_size=5).filter(
        lambda given_: any(v is not None for v in given_)
    )
)
def test_unknown_measures_follow_the_length_beyond_and_between_known_ones(given_):
    """As a straight line between two known ones, by length; and km for km outside."""
    line = LineString([(67, 0), (67.01, 0), (67.04, 0), (67.05, 0), (67.09, 0)])
    length = Chainage(line).measures_km
    known = [i for i, v in enumerate(given_) if v is not None]
    values = dict(zip(known, sorted(given_[i] for i in known), strict=True))
    measures = np.array([values.get(i, np.nan) for i in range(5)])
    found = Chainage(line, measures).measures_km
    for i in range(5):
        if i in values:
            assert found[i] == values[i]
        elif i < known[0]:
            assert found[i] == pytest.approx(values[known[0]] - (length[known[0]] - length[i]))
        elif i > known[-1]:
            assert found[i] == pytest.approx(values[known[-1]] + length[i] - length[known[-1]])
        else:
            a, b = max(k for k in known if k < i), min(k for k in known if k > i)
            share = (length[i] - length[a]) / (length[b] - length[a])
            assert found[i] == pytest.approx(values[a] + share * (values[b] - values[a]))


@pytest.mark.parametrize("at", [0, 1, 3])
def test_a_measure_that_falls_is_named(at):
    measures = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    measures[at + 1] = measures[at] - 0.25
    line = LineString([(67 + i / 10, 25) for i in range(5)])
    with pytest.raises(
        InputError, match=re.escape(f"falls from {measures[at]} to {measures[at] - 0.25}")
    ):
        Chainage(line, measures)
    flat = Chainage(line, [1, 1, 2, 2, 2])
    assert (flat.start_km, flat.end_km) == (1, 2)
    for wrong in ([1, 2, 3, 4], [1, 2, np.inf, 4, 5], [np.nan] * 5):
        with pytest.raises(InputError, match="measures_km"):
            Chainage(line, wrong)


def test_banks_of_a_gap_and_bearings_at_it():
    line = MultiLineString([[(67, 0), (67.1, 0)], [(67.2, 0), (67.2, 0.1)]])
    chain = Chainage(line)
    gap = chain.measures_km[1]
    assert chain.measures_km[2] == gap
    assert chain.at(gap).coords[0] == (67.1, 0)
    assert chain.at(gap, bank="after").coords[0] == (67.2, 0)
    assert chain.bearing_deg([0, gap - 1, gap, gap + 1]) == pytest.approx([90, 90, 0, 0], abs=1e-6)
    whole = chain.between(gap - 1, gap + 1)
    assert [len(part.coords) for part in whole.geoms] == [2, 2]
    assert chain.between(0, gap).geom_type == "LineString"
    assert chain.between(gap, chain.end_km).coords[0] == (67.2, 0)
    assert [part.geom_type for part in chain.split(gap)] == ["LineString"] * 2


# Series


def sine_cosine(degrees):
    """Return sine and cosine, reduced to 45° in degrees, where that is exact."""
    turns = round(degrees / 90)
    rest = math.radians(degrees - 90 * turns)
    s, c = math.sin(rest), math.cos(rest)
    return [(s, c), (c, -s), (-s, -c), (-c, s)][turns % 4]


@given(st.floats(-1, 1))
def test_the_arctangent_is_that_of_the_library(x):
    assert arctangent(x) == pytest.approx(math.atan(x), rel=1e-15, abs=1e-300)


@given(st.floats(-180, 180) | st.sampled_from([-180.0, -90.0, 0.0, 45.0, 90.0, 135.0, 180.0]))
def test_sine_and_cosine_are_those_of_the_library(degrees):
    """Relative, so that they have all digits near multiples of 90° too."""
    sine, cosine = sines_of(degrees)
    exact = sine_cosine(degrees)
    assert sine == pytest.approx(exact[0], rel=1e-15, abs=1e-300)
    assert cosine == pytest.approx(exact[1], rel=1e-15, abs=1e-300)


@given(st.floats(-90, 90))
def test_a_reduced_latitude_is_that_of_the_sphere(lat):
    sine, cosine = reduce_latitude(lat)
    beta = math.atan2(
        (1 - 1 / 298.257223563) * math.sin(math.radians(lat)), math.cos(math.radians(lat))
    )
    assert sine == pytest.approx(math.sin(beta), abs=3e-16, rel=1e-15)
    assert cosine == pytest.approx(math.cos(beta), abs=3e-16)
    assert sine**2 + cosine**2 == pytest.approx(1, abs=1e-15)


@given(st.floats(-180, 180), st.floats(-90, 90))
def test_earth_centred_coordinates_are_those_of_proj(lon, lat):
    from pyproj import Transformer

    to = Transformer.from_crs(4979, 4978, always_xy=True)
    found = ecef(np.array([lon]), np.array([lat])).ravel()
    assert found == pytest.approx(to.transform(lon, lat, 0.0), abs=2e-9)

"""Positions along lines, with and without known measures."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import LineString, MultiLineString, Point

from cpecgeo import corridor
from cpecgeo.errors import CRSError, GeometryError, InputError, InputTypeError, UnknownNameError
from cpecgeo.geodesy import Chainage, Index, bearing_deg, length_km
from cpecgeo.testing import assert_geodesic_equal

from .samples import GEOD, LINES

L_SHAPE = LineString([(67, 25), (67, 26), (68, 26)])
GAP = MultiLineString([[(67, 25), (67, 26)], [(68, 26), (68, 27)]])


def test_default_measures_are_geodesic():
    road = Chainage(L_SHAPE)
    first = GEOD.inv(67, 25, 67, 26)[2] / 1e3
    assert road.measures_km[:2].tolist() == pytest.approx([0, first], abs=1e-12)
    assert road.end_km == pytest.approx(length_km(L_SHAPE), rel=1e-12)
    assert road.at(first / 2).coords[0] == pytest.approx(
        GEOD.fwd(67, 25, 0, first * 500)[:2], abs=1e-12
    )


def test_vertices_are_returned_as_they_are():
    road = Chainage(L_SHAPE)
    assert [p.coords[0] for p in road.at(road.measures_km)] == list(L_SHAPE.coords)


def test_calibration():
    road = Chainage(L_SHAPE, measures_km=[100, 220, 300])
    assert road.at(220).coords[0] == (67, 26)
    half = GEOD.inv(67, 25, 67, 26)[2] / 2
    assert_geodesic_equal(road.at(160), Point(GEOD.fwd(67, 25, 0, half)[:2]))
    row = road.locate(road.at(160)).iloc[0]
    assert row["km"] == pytest.approx(160, abs=1e-6)
    assert road.length_km == pytest.approx(length_km(L_SHAPE))


def test_unknown_measures_are_filled_in_by_length():
    line = LineString([(67, 25), (67, 25.5), (67, 26), (67, 26.5)])
    size = [GEOD.inv(67, a, 67, a + 0.5)[2] / 1e3 for a in (25, 25.5, 26)]
    road = Chainage(line, measures_km=[np.nan, 10, np.nan, 100])
    assert road.start_km == pytest.approx(10 - size[0])
    assert road.measures_km[2] == pytest.approx(10 + 90 * size[1] / (size[1] + size[2]))


def test_given_measures_are_not_changed():
    given = np.array([0.0, np.nan, 200.0])
    Chainage(L_SHAPE, measures_km=given)
    assert np.isnan(given[1])


@pytest.mark.parametrize("name", LINES)
def test_round_trip(name):
    road = Chainage(LINES[name])
    km = np.linspace(road.start_km, road.end_km, 101)
    there = road.at(km)
    found = road.locate(there)
    again = road.at(np.clip(found["km"], road.start_km, road.end_km))
    apart = np.asarray(GEOD.inv(there.x, there.y, again.x, again.y)[2])
    on_a_gap = np.isin(np.round(km, 9), np.round(road.measures_km, 9))
    assert apart[~on_a_gap].max() < 1e-3
    assert (found["offset_km"] < 1e-6).all()
    assert (found["side"] == "on").all()


@pytest.mark.parametrize("name", LINES)
def test_at_the_located_km_is_the_closest_place(name):
    from .samples import points_around

    points = points_around(LINES[name], 300, 10, 2e5, seed=1)
    series = gpd.GeoSeries.from_xy(points[:, 0], points[:, 1], crs=4326)
    road = Chainage(LINES[name])
    found = road.locate(series)
    before = road.at(found["km"])
    after = road.at(found["km"], bank="after")
    off = [np.asarray(GEOD.inv(p.x, p.y, found["lon"], found["lat"])[2]) for p in (before, after)]
    assert np.minimum(*off).max() < 1e-3


def test_locate_sides_index_and_missing():
    points = gpd.GeoSeries(
        [Point(67.1, 25.5), Point(66.9, 25.5), None, Point(67, 25.5)], index=list("abcd"), crs=4326
    )
    found = Chainage(L_SHAPE).locate(points)
    assert found.index.tolist() == list("abcd")
    assert found["side"].fillna("none").tolist() == ["right", "left", "none", "on"]
    assert found["offset_km"].to_numpy()[:2] == pytest.approx([10.053771, 10.053771], abs=1e-6)
    assert np.isnan(found.loc["c", "km"])
    assert found.attrs["ellipsoid"] == "WGS 84"


def test_gap():
    road = Chainage(GAP)
    km = GEOD.inv(67, 25, 67, 26)[2] / 1e3
    assert road.at(km).coords[0] == (67, 26)
    assert road.at(km, bank="after").coords[0] == (68, 26)
    stretch = road.between(km - 10, km + 10)
    assert [len(g.coords) for g in stretch.geoms] == [2, 2]
    assert road.between(0, km).geom_type == "LineString"
    assert road.between(km, road.end_km).coords[0] == (68, 26)
    assert road.locate(Point(68, 26)).iloc[0]["km"] == pytest.approx(km, abs=1e-9)


def test_measures_across_a_gap():
    road = Chainage(GAP, measures_km=[0, 100, 150, 260])
    assert road.at(120).coords[0] in [(67, 26), (68, 26)]
    assert road.locate(Point(68, 26.0001)).iloc[0]["km"] == pytest.approx(150.011, abs=1e-3)


@pytest.mark.parametrize(
    ("measures", "km"),
    [
        ([0, 100, 150, 250], 125),
        ([0, 100, 150, 250], 149),
        ([0, 100, 100, 200], 100),
        ([100, 100, 150, 250], 125),
    ],
)
def test_banks_of_a_gap_over_which_the_measures_jump_or_not(measures, km):
    road = Chainage(GAP, measures_km=measures)
    assert road.at(km).coords[0] == (67, 26)
    assert road.at([km, km]).iloc[1].coords[0] == (67, 26)
    assert road.at(km, bank="after").coords[0] == (68, 26)
    assert road.bearing_deg(km) == pytest.approx(0, abs=1e-9)


def test_ends_of_a_gap_over_which_the_measures_jump_are_where_they_are_measured():
    road = Chainage(GAP, measures_km=[0, 100, 150, 250])
    for bank in ("before", "after"):
        assert road.at(100, bank=bank).coords[0] == (67, 26)
        assert road.at(150, bank=bank).coords[0] == (68, 26)


def test_measures_that_fall_over_a_gap_are_refused():
    with pytest.raises(InputError, match="falls from 100.0 to 50.0"):
        Chainage(GAP, measures_km=[0, 100, 50, 150])


@pytest.mark.parametrize("ends", [(110, 140), (100, 150), (100, 125), (125, 150), (150, 100)])
def test_no_stretch_within_a_gap(ends):
    road = Chainage(GAP, measures_km=[0, 100, 150, 250])
    with pytest.raises(InputError, match="no length"):
        road.between(*ends)
    first, second = GAP.geoms
    assert [p.coords[:] for p in road.split(ends)] == [first.coords[:], second.coords[:]]
    assert road.between(0, min(ends[0], 149)).coords[:] == first.coords[:]
    assert road.between(250, max(ends[1], 101)).coords[:] == second.coords[::-1]


def test_between_and_split():
    road = Chainage(L_SHAPE)
    a, b = 50.0, 150.0
    stretch = road.between(a, b)
    assert length_km(stretch) == pytest.approx(100, abs=1e-6)
    assert stretch.coords[1] == (67, 26)
    assert_geodesic_equal(road.between(b, a), stretch.reverse())
    parts = road.split([150, 50, 50, 0])
    assert [length_km(p) for p in parts] == pytest.approx([50, 100, road.end_km - 150], abs=1e-6)


def test_cuts_at_a_vertex_but_for_rounding_are_at_the_vertex():
    """Otherwise a part would begin with an edge of a nanometre, in any direction."""
    road = Chainage(LINES["22 vertices"])
    for km in road.measures_km[1:-1]:
        for off in (-5e-10, -1e-12, 1e-12, 5e-10):
            ahead = road.between(km + off, road.end_km)
            behind = road.between(0, km + off)
            assert ahead.coords[:] == road.between(km, road.end_km).coords[:]
            assert behind.coords[:] == road.between(0, km).coords[:]
            assert bearing_deg(ahead, 0) == pytest.approx(road.bearing_deg(km), abs=1e-9)
    parts = road.split([road.measures_km[3] + 4e-10, road.measures_km[3] - 4e-10, 700, 700 + 4e-10])
    assert len(parts) == 3


@pytest.mark.parametrize("km", [5.0, 110.0])
def test_two_equal_kms_have_no_stretch(km):
    road = Chainage(L_SHAPE)
    for other in (km, km + 5e-10, km - 5e-10):
        with pytest.raises(InputError, match="no length"):
            road.between(km, other)


# Lines in metres near the equator, and their cuts, from JTS (LinearReferencingTest).
def test_cuts_of_parts_as_in_jts():
    def in_metres(*parts):
        return [[(x / 111_319.49079327358, 0.0) for x in part] for part in parts]

    road = Chainage(MultiLineString(in_metres([0, 10], [20, 25, 30])))
    assert [len(p.coords) for p in road.between(0.001, 0.019).geoms] == [2, 3]
    assert road.between(0.010, 0.019).geom_type == "LineString"
    assert road.between(0.009, 0.001).coords[0][0] > road.between(0.009, 0.001).coords[-1][0]


def test_many_and_index():
    km = pd.Series([0.0, 10.0], index=["x", "y"])
    assert Chainage(L_SHAPE).at(km).index.tolist() == ["x", "y"]
    assert Chainage(L_SHAPE).bearing_deg([10.0, 150.0])[0] == 0


def test_bearing():
    road = Chainage(L_SHAPE)
    corner = road.measures_km[1]
    assert road.bearing_deg(corner) == pytest.approx(GEOD.inv(67, 26, 68, 26)[0], abs=1e-9)
    _, back, _size = GEOD.inv(67, 26, 68, 26)
    assert road.bearing_deg(road.end_km) == pytest.approx((back + 180) % 360, abs=1e-9)
    assert bearing_deg(L_SHAPE, 10) == 0


def test_projected_input_is_the_same():
    one = Chainage(L_SHAPE)
    other = Chainage(gpd.GeoSeries([L_SHAPE], crs=4326).to_crs(32642))
    assert other.end_km == pytest.approx(one.end_km, abs=1e-6)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: Chainage(Point(67, 25)), GeometryError),
        (lambda: Chainage(gpd.GeoSeries([L_SHAPE])), CRSError),
        (lambda: Chainage(gpd.GeoSeries([L_SHAPE, L_SHAPE], crs=4326)), InputError),
        (lambda: Chainage(L_SHAPE, [0, 1]), InputError),
        (lambda: Chainage(L_SHAPE, [0, 5, 1]), InputError),
        (lambda: Chainage(L_SHAPE, [np.nan] * 3), InputError),
        (lambda: Chainage(L_SHAPE).at(-1), InputError),
        (lambda: Chainage(L_SHAPE).at([1, np.nan]), InputError),
        (lambda: Chainage(L_SHAPE).between(5, 5), InputError),
        (lambda: Chainage(L_SHAPE).split(1e6), InputError),
        (lambda: Chainage(L_SHAPE).bearing_deg(-3), InputError),
    ],
)
def test_bad_input(call, error):
    with pytest.raises(error):
        call()


@pytest.mark.parametrize("km", [True, None, [True, False], np.array(True), "far"])
def test_what_is_no_number_is_no_km(km):
    road = Chainage(L_SHAPE)
    for call in (road.at, road.bearing_deg, road.split):
        with pytest.raises(InputTypeError, match=f"km is {type(km).__name__} .*numbers are needed"):
            call(km)


def test_banks_have_names():
    with pytest.raises(UnknownNameError, match="No bank named 'befor'. Did you mean 'before'"):
        Chainage(L_SHAPE).at(5, bank="befor")
    with pytest.raises(UnknownNameError, match="Known: after, before"):
        Chainage(L_SHAPE).at(5, bank="x")


def test_frozen():
    with pytest.raises(AttributeError):
        Chainage(L_SHAPE).line = None


@pytest.mark.parametrize(("beyond_km", "taken"), [(5e-7, True), (-5e-7, True), (2e-6, False)])
def test_a_millimetre_beyond_the_end_is_the_end(beyond_km, taken):
    road = Chainage(LineString([(67, 25), (67, 26)]))
    if taken:
        assert road.at(road.end_km + beyond_km).distance(Point(67, 26)) < 1e-7
        assert road.at(min(0.0, -abs(beyond_km))).coords[0] == (67.0, 25.0)
    else:
        with pytest.raises(InputError, match="not on the line"):
            road.at(road.end_km + beyond_km)
        with pytest.raises(InputError, match="not on the line"):
            road.at(-beyond_km)


def test_an_index_tells_measures_in_place_of_kilometres():
    """They are those that the chainage gives for geodesic km, also with gaps, jumps and long edges."""
    rng = np.random.default_rng(4)
    parts = [rng.uniform((66, 25), (69, 28), (n, 2)) for n in (4, 2, 7)]
    parts[2][3] = parts[2][2]  # a vertex again, at which the km jump
    gapped = MultiLineString([p.tolist() for p in parts])
    km = np.sort(rng.uniform(0, 2_000, 13))
    jump_km = sum(length_km(LineString(p)) for p in (*parts[:2], parts[2][:3]))
    roads = {1: Chainage(gapped, measures_km=km), 2: Chainage(L_SHAPE, measures_km=[5, 5, 900])}
    targets = [Point(67.5, 26.5), gapped, L_SHAPE, gapped]
    measures = {i: road.calibrate for i, road in roads.items()}
    points = gpd.GeoSeries.from_xy(*rng.uniform((65, 24), (70, 29), (400, 2)).T, crs=4326)
    for k in (1, 3):
        plain = Index(targets).nearest(points, k=k)
        told = Index(targets, measures=measures).nearest(points, k=k)
        assert told.drop(columns="km").equals(plain.drop(columns="km"))
        expected = plain["km"].to_numpy(copy=True)
        for i, road in roads.items():
            on = (plain["target"] == i).to_numpy()
            assert on.any()
            expected[on] = road.calibrate(expected[on], plain["path"].to_numpy()[on])
        off = np.abs(told["km"].to_numpy() - expected)
        # At the vertex at which the km jump, either is right.
        jump = (plain["target"] == 1) & (np.abs(plain["km"] - jump_km) < 1e-6)
        assert (off[~jump.to_numpy()] < 1e-7).all()
    here = roads[1].locate(points)
    assert here["km"].between(km[0] - 1e-9, km[-1] + 1e-9).all()


@pytest.mark.filterwarnings("error")
def test_calibrate_takes_one_number_or_many():
    road = Chainage(GAP, measures_km=[0, 100, 150, 250])
    half = road.length_km / 2
    assert road.calibrate(0, 0) == 0.0
    assert isinstance(road.calibrate(5, 0), float)
    assert road.calibrate(half, 1) == pytest.approx(150, abs=0.01)
    assert np.isnan(road.calibrate(5, -1))
    assert road.calibrate([0, 5], 0).tolist() == [0.0, road.calibrate(5, 0)]
    assert road.calibrate(np.array([0, 0, 5]), np.array([0, -1, 0]))[[0, 2]].tolist() == [
        0.0,
        road.calibrate(5, 0),
    ]
    assert road.calibrate(np.array([]), np.array([], int)).shape == (0,)
    with pytest.raises(InputTypeError, match="length_km is str"):
        road.calibrate("far", 0)


def test_located_km_are_within_those_of_the_part():
    """Also by rounding: tables are cut at the km of the ends."""
    rng = np.random.default_rng(7)
    for _ in range(20):
        parts = rng.uniform((66, 25), (69, 28), (2, 5, 2))
        km = np.sort(rng.uniform(-500, 2_000, 10))
        road = Chainage(MultiLineString(parts.tolist()), measures_km=km)
        ends = gpd.GeoSeries.from_xy(*parts[:, [0, -1]].reshape(-1, 2).T, crs=4326)
        given = Index(ends).nearest(ends)  # no other end is as near
        assert given["target"].tolist() == [0, 1, 2, 3]
        for count in (1, 3_000):  # by Python and compiled
            found = road.locate(pd.concat([ends] * count))["km"].to_numpy().reshape(-1, 4)
            assert (found[:, 0] >= km[0]).all()
            assert (found[:, 1] <= km[4]).all()
            assert (found[:, 2] >= km[5]).all()
            assert (found[:, 3] <= km[9]).all()
            assert found[0] == pytest.approx(km[[0, 4, 5, 9]], abs=1e-9)


def test_the_ends_of_corridors_are_located_at_their_km():
    for name in ("ml1", "kkh-pakistan"):
        chain = corridor(name).chainage
        ends = gpd.GeoSeries([chain.at(chain.start_km), chain.at(chain.end_km)], crs=4326)
        assert chain.locate(ends)["km"].between(chain.start_km, chain.end_km).all()


def test_a_stretch_against_the_line_has_its_parts_in_the_order_of_travel():
    first, second = LineString([(67, 0), (67.1, 0)]), LineString([(67.2, 0), (67.2, 0.1)])
    road = Chainage(MultiLineString([first, second]))
    back = road.between(road.end_km, 0)
    assert [part.coords[:] for part in back.geoms] == [second.coords[::-1], first.coords[::-1]]
    # So its own kilometres are those of the line, counted from its end.
    km = road.end_km / 3
    assert Chainage(back).at(km).distance(road.at(road.end_km - km)) < 1e-9

"""Rules with a limit, each on both sides of it, against the rule written out plainly."""

from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import RegularGridInterpolator
from shapely.geometry import LineString, Point, box

import cpecgeo as cg
from cpecgeo.analysis import accuracy, exposure, raster
from cpecgeo.analysis.accuracy import grade
from cpecgeo.analysis.climb import Road, gradients, ground_across, humps, road_of
from cpecgeo.analysis.measure import interval_text, span_text
from cpecgeo.analysis.panel import zone_at
from cpecgeo.analysis.proximity import best_known, ring_numbers
from cpecgeo.analysis.raster import bilinear, sample, zonal
from cpecgeo.errors import DataError, DataWarning, InputError
from tests.effort import tries

NAN = np.nan


@pytest.mark.parametrize(
    ("low", "high", "code"),
    [
        (0.0, 10.0, 0),  # all of it within 10 km
        (0.0, 10.001, 1),
        (5.0, 15.0, 1),  # just half of it
        (5.001, 15.0, 2),
        (10.0, 15.0, 2),
        (10.001, 15.0, 3),
        (10.0, 10.0, 0),
        (10.001, 10.001, 3),
        (NAN, NAN, -1),
    ],
)
def test_a_grade_is_that_of_the_share_within_the_limit(low, high, code):
    assert grade(np.array([low]), np.array([high]), 10.0).tolist() == [code]


@pytest.mark.parametrize(
    ("given_", "text"),
    [
        ((6.5, 6.46, 6.53), "6.5 km"),
        ((6.5, 6.44, 6.53), "6.4 to 6.6 km"),  # rounded outwards
        ((6.5, 6.5, 6.56), "6.5 to 6.6 km"),
        ((6.5, 5.6, 7.4), "5.6 to 7.4 km"),
        ((6.5, 5.4, 7.4), "5 to 8 km"),
        ((6.5, 5.6, 7.5), "5 to 8 km"),
        ((0.5, 0.02, 0.9), "up to 0.9 km"),
        ((6.5, 0.9, 9.0), "up to 9 km"),
        ((6.5, 1.0, 9.0), "1 to 9 km"),
        ((1234.56, 1234.52, 1234.6), "1,234.6 km"),
        ((2000.0, 1234.5, 3000.5), "1,234 to 3,001 km"),
        ((NAN, 1.0, 2.0), ""),
    ],
)
def test_a_distance_is_written_as_finely_as_it_is_known(given_, text):
    assert span_text(*given_) == text


def test_a_distance_and_two_accuracies_are_an_interval():
    assert interval_text(10.0, 3.0, 4.0) == span_text(10.0, 5.0, 15.0) == "5 to 15 km"
    assert interval_text(10.0, NAN, 4.0) == span_text(10.0, 6.0, 14.0)


@pytest.mark.parametrize(
    ("high", "best"),
    [
        ([20.0, 9.99], 1),  # 10 km less, and less than half
        ([20.0, 10.0], 0),
        ([19.0, 9.01], 0),
        ([30.0, 14.99], 1),
        ([30.0, 15.0], 0),
        ([5.0, 1.0], 0),
        ([100.0, 60.0, 40.0], 2),
        ([100.0, NAN], 0),
        ([NAN, 1.0], 0),
        ([7.0], 0),
    ],
)
def test_what_is_called_the_nearest_is_surely_not_far_behind(high, best):
    assert best_known(high) == best


@given(
    st.lists(st.integers(0, 12), min_size=1, max_size=9),
    st.lists(st.integers(1, 9), min_size=1, max_size=4, unique=True).map(sorted),
)
def test_a_point_on_a_radius_is_in_the_ring_inside_it(drawn, radii):
    distance = np.array(drawn, float)
    gone = np.full(len(distance), NAN)
    found = ring_numbers(radii, distance, gone, distance + 1.0)
    for end, more in ((0, 0), (1, 0), (2, 1)):
        want = [sum(radius < km + more for radius in radii) for km in drawn]
        assert found[end].tolist() == want


def test_zones_are_uncertain_where_another_is_within_reach():
    """As measured to every other outline, in degrees scaled at the point."""
    districts = cg.layer("districts")
    rng = np.random.default_rng(5)
    west, south, east, north = districts.total_bounds
    spots = shapely.points(
        rng.uniform(west - 1, east + 1, 250), rng.uniform(south - 1, north + 1, 250)
    )
    names, is_uncertain = zone_at(gpd.GeoSeries(spots, crs=4326), "district")
    shapes = districts.geometry.to_numpy()
    reach = districts["accuracy_km"].fillna(0).to_numpy()
    seen = set()
    for spot, name, told in zip(spots, names, is_uncertain, strict=True):
        holds = np.flatnonzero(shapely.intersects(shapes, spot))
        mine = holds[0] if len(holds) else -1
        assert name == (districts["name"].iloc[mine] if mine >= 0 else None)
        narrow = np.cos(np.radians(spot.y))
        scaled = shapely.transform(np.append(shapes, spot), lambda xy, n=narrow: xy * [n, 1.0])
        off = shapely.distance(scaled[:-1], scaled[-1]) * 110.9
        off[mine if mine >= 0 else []] = np.inf
        within = np.maximum(reach, reach[mine] if mine >= 0 else 0.0)
        assert told == (off <= within).any()
        seen.add((bool(told), mine >= 0))
    assert len(seen) == 4


def test_no_rows_have_no_targets():
    assert list(accuracy._rows_by(np.empty(0, np.int64))) == []
    table = cg.nearest(gpd.GeoSeries([], crs=4326), ["ml1", "kkh"])
    assert len(table) == 0
    assert "accuracy_km" in table


def test_disputed_zones_are_those_with_true_in_a_column():
    zones = gpd.GeoDataFrame(
        {"name": ["a", "b", "c"], "disputed": [True, False, None]},
        geometry=[box(67, 30, 68, 31), box(68, 30, 69, 31), box(69, 30, 70, 31)],
        crs=4326,
    )
    panel = cg.treatment("ml1", zones, years=[2020], disputed=False)
    assert panel["name"].tolist() == ["b", "c"]
    assert panel.attrs["disputed"] == "out: 1 zones"
    assert len(cg.treatment("ml1", zones, years=[2020])) == 3


def test_groups_that_are_no_mapping_are_quoted_in_part():
    with pytest.raises(InputError) as caught:
        cg.distance_table("places", "z" * 300)
    assert f"groups is {'z' * 60!r};" in str(caught.value)


# Short stretches


def band(south, north, accuracy_km=None):
    shape = box(68, south, 70, north)
    return {"geometry": shape, "accuracy_km": accuracy_km}


widths = st.lists(st.sampled_from([0.05, 0.3, 0.7, 1.1, 8.0, 30.0]), min_size=1, max_size=7)


@tries(25)
@given(widths, st.sampled_from([None, 0.001]))
def test_zones_are_crossed_for_as_long_as_they_are_wide(drawn, known):
    """However narrow, each is a stretch, and what is measured adds up to the line."""
    edges = np.concatenate(([30.0], 30.0 + np.cumsum(drawn) / 110.85))
    rows = [band(a, b, known) for a, b in pairwise(edges)]
    zones = gpd.GeoDataFrame(rows, crs=4326, index=[f"z{i}" for i in range(len(rows))])
    line = LineString([(69, 29.99), (69, edges[-1] + 0.01)])
    found = cg.crossed(line, zones)
    inside = found[found["zone"].notna()]
    assert inside["zone"].tolist() == list(zones.index)
    # The edges of zones along parallels are geodesics, which bulge northwards here.
    assert inside["length_km"].to_numpy() == pytest.approx(np.array(drawn), abs=2e-3, rel=1e-3)
    assert inside["km_in"].to_numpy()[1:] == pytest.approx(
        inside["km_out"].to_numpy()[:-1], abs=1e-6
    )
    assert found["length_km"].sum() == pytest.approx(float(cg.length_km(line)), abs=1e-9)
    assert found["share"].sum() == pytest.approx(1)
    if known:
        # A stretch shorter than the steps of half a km in which this is looked at may be open.
        assert (found.loc[found["length_km"] > 1, "certainty"] == "sure").all()
        assert found[["km_in_off", "km_out_off"]].to_numpy().max() <= 0.51
        low, high = found["length_low_km"], found["length_high_km"]
        assert (low <= found["length_km"] + 1e-9).all()
        assert (high >= found["length_km"] - 1e-9).all()


def test_a_leg_of_a_few_hundred_metres_has_its_accuracy():
    road = cg.geodesy.Chainage(LineString([(67, 0), (67.5, 0)]))
    legs = [
        (0, 10, 1),
        (10, 10.3, 5),
        (10.3, 10.3, 7),
        (10.3, 20, 2),
        (20, 30, 2),
        (30, road.end_km, 1),
    ]
    found = accuracy._bounds(road, np.array(legs, float).tobytes())
    assert found.accuracy_km.tolist() == [1, 5, 2, 1]
    lengths = [float(cg.length_km(shape)) for shape in found.shapes]
    assert lengths == pytest.approx([10, 0.3, 19.7, road.end_km - 30], abs=1e-6)
    # What reaches beyond the line ends with it.
    longer = accuracy._bounds(road, np.array([(-5, 10, 1), (10, 99, 2)], float).tobytes())
    assert [float(cg.length_km(s)) for s in longer.shapes] == pytest.approx([10, road.end_km - 10])


@pytest.mark.parametrize("name", ["ml1", "mining", "kkh", "western"])
def test_stretches_of_equal_accuracy_are_the_whole_line(name):
    from cpecgeo.analysis.accuracy import Bounds
    from cpecgeo.features.resolve import resolve

    found = Bounds.of(resolve(name))
    assert cg.length_km(found.shapes).sum() == pytest.approx(float(cg.length_km(name)), abs=1e-3)
    stated = set(cg.corridor(name).legs["accuracy_km"].dropna())
    assert set(found.accuracy_km[~np.isnan(found.accuracy_km)].tolist()) == stated


def test_a_road_that_cuts_a_corner_of_a_zone_treats_it_by_some_hundred_metres():
    corner = box(68, 30, 69, 31)
    road = LineString([(67.98, 30.975), (68.02, 31.015)])
    inside = float(cg.length_km(road.intersection(corner)))
    assert 0.5 < inside < 0.8
    thing = cg.Corridor.from_line(road, name="r", status="operating", opened="2010")
    zones = gpd.GeoDataFrame({"name": ["corner"]}, geometry=[corner], crs=4326)
    panel = cg.treatment(thing, zones, years=[2009, 2010, 2011])
    assert panel["treated"].tolist() == [False, True, True]
    assert panel["km"].tolist() == pytest.approx([0, inside, inside], abs=0.01)


# Heights


@given(st.integers(2, 9), st.integers(1, 4), st.data())
def test_gradients_are_rise_over_the_length_between(count, far, data):
    far = min(far, count - 1)
    metres = np.array(data.draw(st.lists(st.floats(0, 500), min_size=count, max_size=count)))
    lon = np.cumsum(data.draw(st.lists(st.floats(0.001, 0.1), min_size=count, max_size=count)))
    xy = np.column_stack((lon, np.zeros(count)))  # along the equator, where degrees are even
    km = lon * np.pi / 180 * 6378.137
    want = [(metres[i + far] - metres[i]) / (km[i + far] - km[i]) / 10 for i in range(count - far)]
    np.testing.assert_allclose(gradients(xy, metres, far), want, rtol=1e-6, atol=1e-9)
    twice = np.repeat(xy, 2, axis=0)
    assert np.isnan(gradients(twice, np.repeat(metres, 2))[::2]).all()


@tries(60)
@given(st.integers(2, 12), st.data())
def test_a_hump_is_what_no_climb_reaches_from_other_ground(count, data):
    metres = np.array(data.draw(st.lists(st.floats(0, 400), min_size=count, max_size=count)))
    ground = np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    percent = np.array(
        data.draw(st.lists(st.sampled_from([4.0, 7.0]), min_size=count, max_size=count))
    )
    km = np.cumsum(data.draw(st.lists(st.sampled_from([0.2, 1.0]), min_size=count, max_size=count)))
    km = km if data.draw(st.booleans()) else km[::-1]
    found = humps(km, metres, ground, percent)
    for i in range(count):
        reached = [
            min(
                (metres[j] + 10 * percent[i] * abs(km[i] - km[j]) for j in side if not ground[j]),
                default=np.inf,
            )
            for side in (range(i + 1), range(i, count))
        ]
        if abs(metres[i] - min(reached) - 50) > 1e-6:
            assert found[i] == (metres[i] > min(reached) + 50)


@pytest.mark.parametrize("count", [2, 3, 5, 6, 7, 9])
def test_steep_ground_is_left_out_over_a_kilometre_or_the_whole_of_a_shorter_road(count):
    """One step of 30 m between two samples, 0.2 km apart, on even ground."""
    km = 0.2 * np.arange(count)
    xy = np.column_stack((67 + km / 111.3195, np.zeros(count)))
    far = min(5, count - 1)
    for at in range(count - 1):
        heights = np.where(np.arange(count) > at, 30.0, 0.0)
        ground = lambda spots, h=heights: np.interp(spots[:, 0], xy[:, 0], h)  # noqa: E731
        for steepest in (29.0 / (2 * far), 31.0 / (2 * far)):
            limits = np.full(count, steepest)
            known = np.zeros(count), limits, np.full(count, 1e3)
            road = road_of(km, xy, ground, band_m=30.0, far=5, known=known)
            steep = [
                abs(heights[i + far] - heights[i]) / (2 * far) > steepest
                for i in range(count - far)
            ]
            want = [any(steep[max(0, j - far) : j + 1]) for j in range(count)]
            assert road.ground.tolist() == want
            assert road.stated.tolist() == [not (a or b) for a, b in pairwise(want)]


@pytest.mark.parametrize(
    ("off_km", "slope", "is_ground"),
    [
        (1.5, 100.0, False),  # accurate enough, whatever the relief
        (1.51, 100.0, True),
        (1.51, 50.0 / (2 * 1.51) - 0.01, False),  # 50 m across, as far as the line may be off
        (1.51, 50.0 / (2 * 1.51) + 0.01, True),
    ],
)
def test_ground_is_the_road_s_where_the_line_is_good_or_the_land_is_flat(off_km, slope, is_ground):
    km = 0.2 * np.arange(12)
    xy = np.column_stack((67 + km / 111.2, np.zeros(12)))
    known = np.full(12, off_km), np.full(12, 12.0), np.full(12, 7.0)
    road = road_of(
        km, xy, lambda spots: slope * 111.2 * spots[:, 1], band_m=30.0, far=5, known=known
    )
    assert road.ground.tolist() == [is_ground] * 12


def test_ground_across_a_line_is_looked_at_out_to_its_accuracy():
    """Ground that rises northwards by 1 m a km, or westwards, along a line that bends."""
    shrink = np.cos(np.radians(60.0))
    xy = np.array([(10.0, 60.0), (10.1, 60.0), (10.2, 60.0), (10.2, 60.1), (10.2, 60.2)])
    seen = []

    def ground(spots):
        seen.append(spots)
        return 111.2 * (spots[:, 1] - 60.0)

    lows, highs = ground_across(xy, np.full(5, 9.0), ground)
    middle = 111.2 * (xy[:, 1] - 60.0)
    # The first two samples lead east, so that across is north; the last one leads north.
    for low, high, most in zip(lows, highs, (3.0, 9.0), strict=True):
        np.testing.assert_allclose((middle - low)[:2], most, rtol=1e-6)
        np.testing.assert_allclose((high - middle)[:2], most, rtol=1e-6)
        assert abs(low - middle)[4] < 1e-6
    offs = [np.hypot((s - xy)[:, 0] * shrink, (s - xy)[:, 1]) * 111.2 for s in seen]
    wanted = np.array([0, 3, 4.5, 9])
    for at, rtol in ((0, 1e-6), (4, 8e-3)):
        looked_at = np.array([off[at] for off in offs])  # in any order, on either side
        closest = np.abs(np.subtract.outer(looked_at, wanted)).argmin(axis=1)
        assert sorted(set(closest.tolist())) == [0, 1, 2, 3]
        np.testing.assert_allclose(looked_at, wanted[closest], rtol=rtol, atol=1e-9)


def road(metres, ground, reach=None, error_m=30.0):
    """Return a road of one sample a km, with the heights as its profile."""
    metres, left_out = np.array(metres, float), np.array(ground, bool)
    stated = ~(left_out[1:] | left_out[:-1])
    rises = np.where(stated, np.nan_to_num(np.diff(metres)), 0.0)
    reach = np.stack((metres, metres)) if reach is None else np.array(reach, float)
    km = np.arange(len(metres), dtype=float)
    return Road(km, metres, left_out, stated, rises, rises / 2, rises * 2, reach, error_m)


def test_totals_of_a_road_are_those_of_its_steps():
    found = road([100, 250, 200, 900, 180, 240], [0, 0, 0, 1, 0, 0]).totals()
    assert (found["climb_m"], found["descent_m"]) == (210, 50)
    assert (found["climb_low_m"], found["climb_high_m"]) == (105, 420)
    assert (found["climb_km"], found["ground_km"]) == (3, 2)
    assert np.isnan(found["highest_m"])  # ground left out is higher
    assert np.isnan(found["highest_at_km"])
    low = road([100, 250, 200, 250, 180, 240], [0, 0, 0, 1, 0, 0]).totals()
    assert (low["highest_m"], low["highest_at_km"]) == (250, 1)
    assert (low["highest_low_m"], low["highest_high_m"]) == (220, 280)
    gap = road([100, 250, NAN, 90, 80, 240], [0] * 6).totals()
    assert (gap["climb_m"], gap["descent_m"], gap["climb_km"], gap["ground_km"]) == (310, 10, 3, 0)
    none = road([100, 200, 300], [1, 1, 1]).totals()
    assert np.isnan(
        [none["climb_m"], none["descent_m"], none["climb_low_m"], none["highest_m"]]
    ).all()
    assert (none["climb_km"], none["ground_km"]) == (0, 2)
    sea = road([NAN, NAN], [0, 0]).totals()
    assert np.isnan([sea["highest_m"], sea["highest_low_m"], sea["highest_high_m"]]).all()
    assert (sea["climb_m"], sea["climb_km"]) == (0, 0)


@pytest.mark.parametrize(("most", "is_told"), [(300.0, True), (300.1, False)])
def test_the_highest_point_is_told_where_200_m_are_open_at_most(most, is_told):
    found = road([100, 250, 200], [0, 0, 0], [[50, 100, 60], [120, most, 220]]).totals()
    assert found["highest_m"] == 250 if is_told else np.isnan(found["highest_m"])
    assert (found["highest_low_m"], found["highest_high_m"]) == (70, most + 30)


def test_a_row_between_two_samples_has_its_share():
    found = road([0, 100, 100, 200, 0], [0, 0, 0, 0, 1])
    km = np.array([0.0, 0.5, 1.0, 2.25, 3.0, 4.0])
    climbed = found.at(km, np.maximum(found.rises, 0))
    assert climbed.tolist() == [0, 50, 100, 125, 200, 200]
    assert found.is_ground(km).tolist() == [False] * 5 + [True]
    assert found.is_ground(np.array([0.0, 3.0 + 1e-12, 3.5, 4.0])).tolist() == [
        False,
        False,
        True,
        True,
    ]


def test_a_profile_runs_along_one_line_and_elevations_are_whole(monkeypatch):
    lines = [LineString([(67, 25), (67, 26)]), LineString([(68, 25), (68, 26)])]
    with pytest.raises(InputError, match="x has 2 lines; a profile runs along one"):
        cg.profile(gpd.GeoSeries(lines, crs=4326))
    from cpecgeo.analysis import profile as module

    module._grid.cache_clear()
    monkeypatch.setattr(module, "data_path", lambda _: __file__)
    with pytest.raises(DataError, match=r"can't be read: .* Install again"):
        module.elevation_m(Point(67, 30))
    monkeypatch.undo()
    module._grid.cache_clear()


def test_as_many_samples_as_a_million(monkeypatch):
    from cpecgeo.analysis import profile as module

    monkeypatch.setattr(module, "_MOST", 10)
    line = LineString([(67, 0), (67.1, 0)])
    length = float(cg.length_km(line))
    assert len(cg.profile(line, length / 10)) == 11
    with pytest.raises(InputError, match="which makes more than 10 samples"):
        cg.profile(line, length / 10.01)


# Rasters


@tries(60)
@given(st.integers(2, 5), st.integers(2, 5), st.data())
def test_bilinear_is_that_of_scipy_between_the_outermost_centres(rows, columns, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    grid = rng.uniform(0, 100, (rows, columns))
    at = st.floats(-0.5, 4.5) | st.sampled_from([0.0, 1.0, rows - 1.0, columns - 1.0])
    column, row = (np.array(data.draw(st.lists(at, min_size=9, max_size=9))) for _ in range(2))
    scipy = RegularGridInterpolator((range(rows), range(columns)), grid, bounds_error=False)
    np.testing.assert_allclose(bilinear(grid, column, row), scipy((row, column)), atol=1e-9)
    one = bilinear(grid[:1], column, np.zeros(9))
    want = np.interp(column, range(columns), grid[0], left=NAN, right=NAN)
    np.testing.assert_allclose(one, want, atol=1e-9)


def write_raster(path, values, transform, crs=4326, **more):
    values = np.asarray(values, np.float32)
    values = values if values.ndim == 3 else values[None]
    with rasterio.open(
        path, "w", driver="GTiff", count=len(values), height=values.shape[1], crs=crs,
        width=values.shape[2], dtype="float32", transform=transform, **more,
    ) as file:  # fmt: skip
        file.write(values)
    return path


TEN = Affine(0.1, 0, 67, 0, -0.1, 26)


def test_points_of_a_raster_are_sampled_up_to_its_outermost_centres(tmp_path):
    path = write_raster(tmp_path / "a.tif", np.arange(100).reshape(10, 10), TEN)
    x = np.array([67.05, 67.95, 67.95001, 67.04999, 67.5, 67.5, 67.5])
    y = np.array([25.95, 25.05, 25.5, 25.5, 25.95001, 25.04999, 25.55])
    found = sample(path, gpd.GeoSeries.from_xy(x, y, crs=4326))
    np.testing.assert_allclose(found[[0, 1, 6]], [0, 99, 44.5], atol=1e-3)
    assert np.isnan(found[2:6]).all()
    assert np.isnan(sample(path, gpd.GeoSeries.from_xy([0.0, 70.0], [0.0, 25.5], crs=4326))).all()


@pytest.mark.parametrize("value", [-999, -9999, -99999, -32768, -(2.0**31), 1e30, -1e31])
def test_every_usual_mark_of_no_data_is_refused_unless_declared(value, tmp_path):
    values = np.ones((10, 10))
    values[4, 4] = value
    area = gpd.GeoSeries([box(67, 25, 68, 26)], crs=4326)
    path = write_raster(tmp_path / "a.tif", values, TEN)
    with pytest.raises(InputError, match="declares nothing as no data"):
        zonal(path, area)
    # The geodesics that bound the area are a little within the outermost cells.
    found = zonal(path, area, nodata=float(np.float32(value)))
    assert found["sum"].tolist() == pytest.approx([99], abs=0.1)
    assert found["missing"].tolist() == [1]
    known = write_raster(tmp_path / "b.tif", values, TEN, nodata=float(np.float32(value)))
    pd.testing.assert_frame_equal(zonal(known, area), found)
    values[4, 4] = 0.9e30 if abs(value) > 1e29 else value + (1 if value > -1e5 else 1_000)
    assert zonal(write_raster(path, values, TEN), area)["missing"].tolist() == [0]


def test_a_plane_that_ends_before_the_area_is_one_error(tmp_path):
    """Beyond the horizon of an orthographic plane nothing has a place."""
    plane = "+proj=ortho +lat_0=25 +lon_0=67 +datum=WGS84"
    transform = Affine(1e5, 0, -5e5, 0, -1e5, 5e5)
    path = write_raster(tmp_path / "a.tif", np.ones((10, 10)), transform, crs=plane)
    near = gpd.GeoSeries([box(66, 24, 68, 26)], crs=4326)
    assert zonal(path, near)["cells"].iloc[0] > 1
    far = gpd.GeoSeries([box(-120, -30, -110, -20)], crs=4326)
    with pytest.raises(InputError, match="reaches to where .* isn't defined"):
        zonal(path, far)


@pytest.mark.parametrize(
    ("off", "most", "says"),
    [
        (0.00101, 0.5, "up to 0.101 % of a ring lies off it"),
        (0.001, 0.00101, "up to 0.101 % of that lies off it and isn't counted in the high"),
        (0.5, 0.5, "up to 50 % of a ring"),
        (0.001, 0.001, None),
        (0.0, 0.0, None),
    ],
)
def test_a_thousandth_of_a_ring_off_a_raster_is_told(off, most, says, recwarn):
    exposure._warn_of_edges("a.tif", off, most)
    assert [says in str(w.message) for w in recwarn.list] == ([True] if says else [])
    assert all(issubclass(w.category, DataWarning) for w in recwarn.list)


def test_bands_count_from_one(tmp_path):
    bands = np.stack([np.full((10, 10), k) for k in (1.0, 2.0, 3.0)])
    path = write_raster(tmp_path / "a.tif", bands, TEN)
    area = gpd.GeoSeries([box(67.2, 25.2, 67.4, 25.4)], crs=4326)
    for band in (1, 2, 3):
        assert zonal(path, area, band=band)["highest"].tolist() == [band]
    for band in (0, 4, -1, True, 1.0):
        with pytest.raises(InputError, match="the raster has bands 1 to 3"):
            zonal(path, area, band=band)


@pytest.mark.parametrize("cells", [1, 7, 64])
def test_small_windows_change_no_sum(cells, tmp_path, monkeypatch):
    rng = np.random.default_rng(2)
    values = rng.uniform(0, 9, (40, 40))
    path = write_raster(tmp_path / "a.tif", values, Affine(0.025, 0, 67, 0, -0.025, 26))
    shapes = [
        box(67.01, 25.1, 67.6, 25.7),
        Point(67.5, 25.5).buffer(0.4),
        box(66.9, 24.9, 67.2, 25.2),
    ]
    areas = gpd.GeoSeries(shapes, index=list("abc"), crs=4326)
    want = zonal(path, areas)
    monkeypatch.setattr(raster, "_CELLS", cells)
    pd.testing.assert_frame_equal(zonal(path, areas), want, rtol=1e-9)


@pytest.mark.parametrize(("end", "to"), [(20.0, [10, 20]), (20.5, [10, 20, 20.5]), (9.5, [9.5])])
def test_the_last_stretch_of_a_corridor_may_be_shorter(end, to):
    degree = float(cg.length_km(LineString([(67, 0), (68, 0)])))
    road = cg.Corridor.from_line(LineString([(67, 0), (67 + end / degree, 0)]), name="r")
    found = cg.density_along(road, gpd.GeoSeries([Point(67, 0)], crs=4326))
    assert found["km_to"].tolist()[:-1] == to[:-1]
    assert found["km_to"].iloc[-1] == pytest.approx(road.end_km)


@given(st.floats(0, 50), st.floats(0, 50), st.sampled_from([0.1, 0.2, 1.0, 7.0]))
def test_samples_are_so_far_apart_at_most_and_the_same_in_both_directions(a, b, step):
    from cpecgeo.analysis.profile import _even_samples, _samples

    if abs(a - b) < 1e-3:
        return
    even = _even_samples(a, b, step)
    assert (even[0], even[-1]) == (a, b)
    assert np.ptp(np.diff(even)) < 1e-9
    assert abs(np.diff(even)).max() <= step * (1 + 1e-8)
    # One fewer would be too few.
    assert len(even) == 2 or abs(b - a) / (len(even) - 2) > step * (1 - 1e-8)
    assert _even_samples(b, a, step).tolist() == even[::-1].tolist()
    found = _samples(a, b, step)
    assert (found[0], found[-1]) == (a, b)
    assert np.allclose(np.abs(np.diff(found))[:-1], step)
    assert 0 < abs(found[-1] - found[-2]) <= step * (1 + 1e-8)


def test_a_raster_is_described_shortly(tmp_path):
    plane = (
        "+proj=tmerc +lat_0=1.23456789 +lon_0=67.123456789 +k=0.99987654321 +x_0=123456.789 "
        "+y_0=987654.321 +datum=WGS84 +units=m +no_defs"
    )
    transform = Affine(1234.5678, 0, 7e4, 0, -2345.6789, 3.56e6)
    path = write_raster(tmp_path / "a.tif", np.ones((40, 90)), transform, crs=plane)
    found = zonal(path, gpd.GeoSeries([box(66.8, 24.0, 67.2, 24.2)], crs=4326)).attrs
    assert len(found["crs"]) == 80
    assert found["cell_km"] == tuple(round(v, 5) for v in found["cell_km"])
    assert found["cell_km"] == pytest.approx((1.2347, 2.346), rel=1e-3)
    assert found["resolution"] == "1234.5678 × 2345.6789 metre"


def test_defaults_are_those_of_the_documentation(tmp_path):
    import dask.dataframe as dd

    from cpecgeo import scale

    edges = [(0, 5), (5, 10), (10, 25), (25, 50)]
    sites = pd.DataFrame({"lon": [67.0, 67.1], "lat": [25.0, 25.1]})
    layer = gpd.GeoDataFrame(geometry=gpd.GeoSeries.from_xy(sites["lon"], sites["lat"], crs=4326))
    assert cg.exposure("Gwadar Port", layer=layer, value=None).index.tolist() == edges
    rings = cg.rings("Gwadar Port")
    assert list(zip(rings["km_from"], rings["km_to"], strict=True)) == edges
    sites.to_csv(tmp_path / "s.csv", index=False)
    scale.exposure_file(tmp_path / "s.csv", tmp_path / "o.csv", targets="ml1")
    table = pd.read_csv(tmp_path / "o.csv")
    assert list(zip(table["km_from"], table["km_to"], strict=True)) == edges
    lazy = scale.exposure(dd.from_pandas(sites, npartitions=1), "ml1").compute(scheduler="sync")
    assert lazy.index.tolist() == edges
    assert rings.attrs["rtol"] == 1e-4
    shapes = [cg.buffer(cg.place("Gwadar").point, 10, **more) for more in ({}, {"rtol": 1e-4})]
    assert shapes[0].equals(shapes[1])
    assert cg.density_along("m2", layer)["km_to"].iloc[0] == 10

"""Accuracy in answers: intervals that hold when lines and points are really moved."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import LineString, Point, box

import cpecgeo as cg
from cpecgeo.analysis.accuracy import Bounds, Steps
from cpecgeo.analysis.measure import interval_text
from cpecgeo.features.resolve import resolve
from tools.intervals import move, simulate

# The radius that holds 95 % of a normal scatter on a plane, in its standard deviations.
PER_SIGMA = np.sqrt(-2 * np.log(0.05))
DEGREE_KM = 110.9


def line(accuracy_km, lat=30.0):
    shape = LineString([(66.0, lat), (68.0, lat)])
    return gpd.GeoDataFrame(
        {"name": ["road"], "accuracy_km": accuracy_km}, geometry=[shape], crs=4326
    )


def spots(count, seed=0, accuracy_km=None):
    rng = np.random.default_rng(seed)
    xy = gpd.points_from_xy(rng.uniform(66.3, 67.7, count), rng.uniform(29.6, 30.4, count))
    frame = gpd.GeoDataFrame(geometry=xy, crs=4326)
    return frame if accuracy_km is None else frame.assign(accuracy_km=accuracy_km)


def scattered(shapes, accuracy_km, rng):
    """Each shape moved by a normal scatter that stays within its accuracy 95 times of 100."""
    move = rng.normal(size=(len(shapes), 2)) * (np.asarray(accuracy_km) / PER_SIGMA)[:, None]
    move /= np.array([DEGREE_KM * np.cos(np.radians(30)), DEGREE_KM])
    return [shapely.transform(s, lambda xy, m=m: xy + m) for s, m in zip(shapes, move, strict=True)]


def coverage(lines, points, share=1.0, tries=40):
    """The share of true distances inside the interval, with `share` of the stated accuracy."""
    stated = [frame.assign(accuracy_km=frame["accuracy_km"] * share) for frame in (lines, points)]
    to, around = resolve(stated[0]), Bounds.of(resolve(stated[0]))
    near = cg.nearest(stated[1], to)
    low, high = around.around(
        shapely.get_coordinates(points.geometry.to_numpy()),
        near["distance_km"].to_numpy(),
        near["accuracy_km"].to_numpy(),
        near["point_accuracy_km"].to_numpy(),
    )
    rng, held = np.random.default_rng(1), []
    for _ in range(tries):
        real = gpd.GeoSeries(scattered(lines.geometry, lines["accuracy_km"], rng), crs=4326)
        at = gpd.GeoSeries(scattered(points.geometry, points["accuracy_km"], rng), crs=4326)
        true = cg.nearest(at, real)["distance_km"].to_numpy()
        held.append(np.mean((true >= low) & (true <= high)))
    return float(np.mean(held))


CASES = {
    "a poor line": (line(6.0), spots(200, accuracy_km=0.0)),
    "poor points": (line(0.0), spots(200, accuracy_km=4.0)),
    "both": (line(6.0), spots(200, accuracy_km=4.0)),
    "a good and a poor line": (
        pd.concat([line(0.3, 30.0), line(12.0, 30.1)], ignore_index=True),
        spots(200, accuracy_km=1.0),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_moved_within_its_accuracy_stays_in_the_interval(case):
    lines, points = CASES[case]
    assert coverage(lines, points) >= 0.95


@pytest.mark.parametrize("case", CASES)
def test_the_interval_is_no_wider_than_it_must_be(case):
    lines, points = CASES[case]
    assert coverage(lines, points, share=0.5) < 0.95


@pytest.mark.parametrize("name", ["kkh", "mining", "ml1"])
def test_nearest_and_locate_give_the_accuracy_of_the_leg_at_the_foot(name):
    thing = cg.corridor(name)
    km = np.linspace(0.0, thing.end_km, 501)
    at = cg.locate(thing.at(km), thing)
    near = cg.nearest(thing.at(km), [name, Point(60, 20)])
    legs = thing.legs
    for row, other in zip(at.itertuples(), near.itertuples(), strict=True):
        of = legs[(legs["km_from"] <= row.km + 1e-6) & (legs["km_to"] >= row.km - 1e-6)]
        assert row.accuracy_km in set(of["accuracy_km"])
        assert other.accuracy_km in set(of["accuracy_km"])


@pytest.mark.parametrize("name", ["m2", "mining", "ml4"])
def test_a_distance_is_as_far_off_as_any_leg_can_make_it(name):
    """The accuracy reaches down to the least distance of legs moved, measured one by one.

    Legs that are poorer by less than 4 km may be left out.
    """
    thing, rng = cg.corridor(name), np.random.default_rng(2)
    west, south, east, north = thing.line.bounds
    at = gpd.GeoSeries.from_xy(
        rng.uniform(west - 1, east + 1, 300), rng.uniform(south - 1, north + 1, 300), crs=4326
    )
    near, legs = cg.nearest(at, name), thing.legs
    lines = gpd.GeoSeries([thing.between(*row) for row in legs[["km_from", "km_to"]].to_numpy()])
    away = cg.distance_matrix_km(at, lines.set_crs(4326)).to_numpy()
    accuracy = legs["accuracy_km"].to_numpy(float)
    least = np.maximum(away - accuracy, 0.0)
    distance = near["distance_km"].to_numpy()
    # Where two legs meet, the closest place is on either.
    foot = np.where(away <= distance[:, None] + 1e-6, accuracy, np.nan)
    foot = np.stack((np.nanmin(foot, axis=1), np.nanmax(foot, axis=1)))
    stated = near["accuracy_km"].to_numpy()
    most = np.maximum(distance - least.min(axis=1), foot)
    assert (stated <= most[1] + 1e-5).all()
    assert (stated >= most[0] - 4.0 - 1e-5).all()
    either = np.column_stack((distance[:, None] - least, *foot))
    assert np.abs(stated[:, None] - either).min(axis=1).max() < 1e-5
    differ = accuracy.max() - accuracy.min() > 4.0
    assert (stated > foot[1] + 1).any() == differ
    assert differ == (name != "m2")
    located = cg.locate(at, name)["accuracy_km"]
    np.testing.assert_allclose(located, stated, atol=1e-5)
    inside = cg.within(at, name, 200)
    np.testing.assert_array_equal(inside["accuracy_km"], near.loc[inside.index, "accuracy_km"])
    # With other targets the values are the same as alone; missing points have none.
    with_gap = pd.concat([at, gpd.GeoSeries([None], crs=4326)], ignore_index=True)
    several = cg.nearest(with_gap, [name, Point(60, 20)], k=2)
    mine = several[several["target"] == name]
    np.testing.assert_allclose(mine["accuracy_km"], stated[mine.index], atol=1e-9)
    assert several["accuracy_km"].tail(2).isna().all()


@given(
    st.lists(st.floats(0, 1000), min_size=1, max_size=40, unique=True).map(sorted),
    st.lists(st.floats(0, 1200), min_size=1, max_size=40),
)
def test_stretches_are_found_as_by_bisection(starts, km):
    starts = np.array([0.0, *[s for s in starts if s > 0]])
    km = np.array([*km, *starts])
    km = np.minimum(km, starts[-1] + 5)
    expected = np.searchsorted(starts, km, side="right") - 1
    assert Steps(starts, starts[-1] + 5).rows(km).tolist() == expected.tolist()
    assert Steps(starts, starts[-1] + 5).rows(np.array([np.nan])).tolist() == [-1]


def test_points_that_say_how_good_they_are_say_so_in_the_answer():
    mines = cg.layer("mines")
    for answer in (cg.nearest(mines, "kkh"), cg.locate(mines, "kkh")):
        pd.testing.assert_series_equal(
            answer["point_accuracy_km"], mines["accuracy_km"].astype(float), check_names=False
        )
        assert answer.attrs["accuracy"]
    bare = cg.nearest(mines.geometry, "kkh")
    assert "point_accuracy_km" not in bare
    twice = cg.nearest(mines, ["kkh", "ml1"], k=2)
    assert np.array_equal(
        twice["point_accuracy_km"], np.repeat(mines["accuracy_km"], 2), equal_nan=True
    )
    one = cg.nearest("Gwadar Port", ["kkh", "Saindak"], k=2)
    assert one["accuracy_km"].notna().all()
    assert (one["point_accuracy_km"] == cg.place("Gwadar Port").accuracy_km).all()


def test_what_nobody_states_is_not_known():
    bare = LineString([(66, 30), (68, 30)])
    assert cg.nearest(Point(67, 30.1), bare)["accuracy_km"].isna().all()
    found = cg.within(spots(50), bare, 20)
    assert found["certainty"].isna().all()
    assert len(found) > 5
    with pytest.raises(cg.errors.InputError, match="accuracy_km"):
        cg.within(spots(50), bare, 20, certainty="sure")
    with pytest.raises(cg.errors.InputError, match="likely"):
        cg.within(spots(50), "ml1", 20, certainty="certain")


def test_certainty_compares_all_that_a_distance_can_be_with_the_limit():
    # The geodesic runs 0.4 km north of the parallel here.
    off = np.array([1.0, 5.0, 6.0, 8.0, 12.0, 13.0, 15.0, 16.0])
    at = gpd.GeoDataFrame(
        {"off": off}, geometry=[Point(67, 30.0 + k / DEGREE_KM) for k in off], crs=4326
    )
    # A line with an accuracy of 5 km, a limit of 10 km: the interval is 5 km to both sides.
    every = cg.within(at, line(5.0), 10, certainty=["sure", "likely", "open"])
    words = dict(zip(every["off"], every["certainty"], strict=True))
    assert words == {
        1.0: "sure", 5.0: "sure", 6.0: "likely", 8.0: "likely", 12.0: "open", 13.0: "open",
        15.0: "open",
    }  # fmt: skip
    drawn = cg.within(at, line(5.0), 10)
    assert drawn["off"].tolist() == [1.0, 5.0, 6.0, 8.0]
    assert drawn.attrs["certainty"] == {"sure": 2, "likely": 2, "open": 0}
    assert drawn.attrs["beyond"] == 3
    assert cg.within(at, line(5.0), 10, certainty="sure")["off"].tolist() == [1.0, 5.0]
    # A line with an accuracy of 40 km says little about 10 km.
    assert set(cg.within(at, line(40.0), 10)["certainty"]) == {"open"}
    # The points' own accuracy counts too: √(3² + 4²) is 5.
    own = at.assign(accuracy_km=4.0)
    again = cg.within(own, line(3.0), 10, certainty=["sure", "likely", "open"])
    assert dict(zip(again["off"], again["certainty"], strict=True)) == words


def test_a_poor_leg_further_off_can_be_the_nearest():
    both = pd.concat([line(0.1, 30.0), line(20.0, 30.2)], ignore_index=True)
    spot = gpd.GeoSeries(
        [Point(67, 29.9)], crs=4326
    )  # 11 km from the accurate leg, 33 km from the inaccurate one
    code = cg.within(spot, both, 12)["certainty"]
    assert code.tolist() == ["sure"]
    assert cg.within(spot, both, 10).empty
    assert cg.within(spot, both, 14)["certainty"].tolist() == ["sure"]
    assert len(cg.within(spot, line(20.0, 30.2), 14, certainty="open")) == 1


def test_deep_inside_an_area_the_outline_does_not_matter():
    area = gpd.GeoDataFrame({"accuracy_km": [5.0]}, geometry=[box(66, 29, 68, 31)], crs=4326)
    at = gpd.GeoSeries([Point(67, 30), Point(66.02, 30)], crs=4326)
    assert cg.within(at, area, 0)["certainty"].tolist() == ["sure", "open"]


def test_rows_that_are_lines_and_areas_have_a_certainty_too():
    roads = gpd.GeoSeries(
        [LineString([(67, 30.05), (67, 30.4)]), box(66.5, 30.2, 67, 30.4)], crs=4326
    )
    found = cg.within(roads, line(3.0), 10, certainty=["sure", "likely", "open"])
    assert found["certainty"].tolist() == ["sure"]
    near = cg.within(roads, line(12.0), 10, certainty=["sure", "likely", "open"])
    assert near["certainty"].tolist() == ["likely", "open"]


def test_rings_hold_what_is_sure_and_what_may_be():
    found = cg.rings(line(4.0), [10, 30])
    assert (found["area_low_km2"] < found["area_km2"]).all()
    assert (found["area_km2"] < found["area_high_km2"]).all()
    inner = cg.geodesy.area_km2(cg.buffer(line(4.0).geometry.iloc[0], 6))
    outer = cg.geodesy.area_km2(cg.buffer(line(4.0).geometry.iloc[0], 14))
    assert found["area_low_km2"].iloc[0] == pytest.approx(inner, rel=1e-3)
    assert found["area_high_km2"].iloc[0] == pytest.approx(outer, rel=1e-3)
    poor = cg.rings(line(40.0), [10])
    assert poor["area_low_km2"].tolist() == [0.0]
    assert cg.rings(LineString([(66, 30), (68, 30)]), [5])["area_low_km2"].isna().all()
    each = cg.rings(pd.concat([line(1.0), line(8.0, 35)], ignore_index=True), [10], dissolve=False)
    assert each["area_high_km2"].diff().iloc[1] > 2000


def test_crossed_moves_the_line_as_well_as_the_outlines():
    bands = gpd.GeoDataFrame(
        {"name": ["south", "north"]}, geometry=[box(65, 29, 69, 30), box(65, 30, 69, 31)], crs=4326
    )
    north = gpd.GeoDataFrame(
        {"accuracy_km": [4.0]}, geometry=[LineString([(67, 29.4), (67, 30.6)])], crs=4326
    )
    alone = cg.crossed(north, bands)
    assert alone["km_out_off"].iloc[0] == pytest.approx(4.0, abs=0.6)
    both = cg.crossed(north, bands.assign(accuracy_km=3.0))
    assert both["km_out_off"].iloc[0] == pytest.approx(5.0, abs=0.6)
    wide = both["length_high_km"] - both["length_low_km"]
    np.testing.assert_allclose(wide, 10.0, atol=1.2)
    assert (both["length_low_km"] < both["length_km"]).all()
    assert (both["length_km"] < both["length_high_km"]).all()
    assert both.attrs["line_accuracy"] == "4 to 4 km (95 %)"


def test_crossed_by_section_adds_up_to_the_whole():
    whole = cg.crossed("mining")
    parts = cg.crossed("mining", sections=True)
    assert parts["length_km"].sum() == pytest.approx(whole["length_km"].sum(), abs=1e-6)
    thing = cg.corridor("mining")
    assert list(dict.fromkeys(parts["section"])) == thing.sections["id"].tolist()
    table = thing.sections.set_index("id")
    for row in parts.itertuples():
        of = table.loc[row.section]
        assert row.km_in >= of["km_from"] - 1e-6
        assert row.km_out <= of["km_to"] + 1e-6
        assert row.status == of["status"]
    merged = parts.groupby((parts["zone"] != parts["zone"].shift()).cumsum())["length_km"].sum()
    joined = whole.groupby((whole["zone"] != whole["zone"].shift()).cumsum())["length_km"].sum()
    np.testing.assert_allclose(merged, joined, atol=1e-6)
    assert (
        parts["length_high_km"]
        <= parts["section"].map({r.id: r.drawn_km for r in thing.sections.itertuples()}) + 1e-3
    ).all()
    with pytest.raises(cg.errors.InputError, match="sections"):
        cg.crossed(LineString([(67, 30), (68, 31)]), sections=True)


def test_sections_come_with_nearest_and_locate():
    thing = cg.corridor("mining")
    km = np.linspace(0.5, thing.end_km - 0.5, 97)
    located = cg.locate(thing.at(km), thing, sections=True)
    for row in located.itertuples():
        of = thing.sections.set_index("id").loc[row.section]
        assert of["km_from"] - 1e-6 <= row.km <= of["km_to"] + 1e-6
        assert row.status == of["status"]
    near = cg.nearest(thing.at(km), ["mining", "Torkham"], sections=True)
    assert near["section"].tolist() == located["section"].tolist()
    far = cg.nearest(Point(71.1, 34.1), ["mining", "Torkham"], sections=True)
    assert far["section"].tolist() == [None]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ((6.5, 2.5), "4 to 9 km"),
        ((6.5, 8.0), "up to 15 km"),
        ((6.5, 1.5, 2.0), "4 to 9 km"),
        ((6.5, np.nan), "6.5 km"),
        ((6.5, 0.02), "6.5 km"),
        ((1234.4, 221.0), "1,013 to 1,456 km"),
        ((np.nan, 1.0), ""),
    ],
)
def test_distances_in_words(given, text):
    assert interval_text(*given) == text


@pytest.mark.parametrize("name", ["m2", "mining"])
def test_intervals_of_every_verb_hold_on_real_corridors(name):
    """A small run of `python -m tools.intervals`: corridors moved within their legs' accuracy."""
    rows = pd.DataFrame(simulate(name, 40, areas=1))
    sums = rows.groupby("verb")[["held", "of"]].sum().query("of > 0")
    share = sums["held"] / sums["of"]
    assert (share >= 0.95).all(), share.to_dict()
    assert set(sums.index) >= {
        "nearest", "locate", "distance_table", "within: not listed", "crossed", "rings",
        "exposure: features", "exposure: population",
    }  # fmt: skip


def test_a_simulated_line_is_moved_as_far_as_its_accuracy_says():
    km = np.linspace(0.0, 4000.0, 4001)
    xy = np.column_stack((np.linspace(60.0, 60.001, len(km)), np.full(len(km), 30.0)))
    accuracy = np.where(km < 2000, 2.0, 10.0)
    off = []
    for seed in range(20):
        real = move(xy, accuracy, km, np.random.default_rng(seed))
        off.append(np.hypot(*((real - xy) * [DEGREE_KM * np.cos(np.radians(30)), DEGREE_KM]).T))
    within = np.mean(np.array(off) <= accuracy, axis=0)
    assert within[:2000].mean() == pytest.approx(0.95, abs=0.01)
    assert within[2000:].mean() == pytest.approx(0.95, abs=0.02)
    # Neighbouring vertices move alike, except where the accuracy changes.
    assert np.abs(np.diff(np.array(off)[:, :2000], axis=1)).max() < 0.6


@pytest.mark.parametrize("count", [0, 1, 65_535, 65_536, 65_537, 131_073])
def test_the_name_of_a_single_target_stands_in_each_row(count):
    """Names are put together in blocks of 65,536."""
    points = gpd.GeoSeries(shapely.points(np.linspace(62, 76, count), 30.0), crs=4326)
    found = cg.nearest(points, "ml1", max_km=300)
    assert len(found) == count
    is_hit = found["distance_km"].notna()
    assert found["target"].notna().equals(is_hit)
    assert (found.loc[is_hit, "target"] == "ml1").all()

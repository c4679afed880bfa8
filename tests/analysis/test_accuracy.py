"""The uncertainty of crossings, tested against outlines that are really moved."""

from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.affinity import translate
from shapely.geometry import LineString, box

import cpecgeo as cg
from cpecgeo.analysis import accuracy
from cpecgeo.errors import InputError

KM = 1 / 111.0  # about a km of latitude, in degrees


def zones(edges, accuracy, height=2.0):
    """Bands of latitude side by side, from 30° on."""
    shapes = [box(68, low, 68 + height, high) for low, high in pairwise(edges)]
    names = [f"zone {i}" for i in range(len(shapes))]
    frame = gpd.GeoDataFrame({"name": names}, geometry=shapes, crs=4326)
    return frame if accuracy is None else frame.assign(accuracy_km=accuracy)


NORTH = LineString([(69, 30.1), (69, 31.9)])


def test_a_border_crossed_square_is_off_by_its_accuracy():
    found = cg.crossed(NORTH, zones([30, 31, 32], 5.0))
    assert found["km_out_off"].iloc[0] == pytest.approx(5.0, abs=0.6)
    assert found["km_in_off"].iloc[1] == found["km_out_off"].iloc[0]
    # The ends of the line aren't crossings.
    assert found["km_in_off"].iloc[0] == found["km_out_off"].iloc[1] == 0
    share = 5.0 / found["length_km"]
    np.testing.assert_allclose(found["uncertain_share"], share, atol=0.006)


@pytest.mark.parametrize("accuracy_km", [3.3, 4.2, 5.6, 6.5])
def test_how_far_a_crossing_is_off_is_found_to_a_quarter_of_a_km(accuracy_km):
    found = cg.crossed(NORTH, zones([30, 31, 32], accuracy_km))
    # 2 % more, because of the plane in which it is measured.
    margin = 0.25 + 0.02 * accuracy_km
    assert found["km_out_off"].iloc[0] == pytest.approx(accuracy_km, abs=margin)
    share = found["uncertain_share"] * found["length_km"]
    assert share.tolist() == pytest.approx([accuracy_km] * 2, abs=margin)


def test_a_border_crossed_aslant_is_off_by_more():
    slanting = LineString([(68.2, 30.8), (69.8, 31.2)])
    found = cg.crossed(slanting, zones([30, 31, 32], 5.0))
    sine = np.sin(np.arctan2(0.4, 1.6 * np.cos(np.radians(31))))
    assert found["km_out_off"].iloc[0] == pytest.approx(5.0 / sine, rel=0.05)


def test_the_larger_accuracy_of_two_zones_counts():
    found = cg.crossed(NORTH, zones([30, 31, 32], [2.0, 8.0]))
    assert found["km_out_off"].iloc[0] == pytest.approx(8.0, abs=0.6)


def test_a_line_along_a_border_is_uncertain_all_along():
    along = LineString([(68.1, 31 + 2 * KM), (69.9, 31 + 2 * KM)])
    found = cg.crossed(along, zones([30, 31, 32], 5.0))
    assert found["uncertain_share"].tolist() == [1.0]
    assert found["km_in_off"].tolist() == found["km_out_off"].tolist() == [0.0]
    assert found["length_low_km"].tolist() == [0.0]
    assert found["length_high_km"].tolist() == pytest.approx(found["length_km"].tolist())
    sure = cg.crossed(along, zones([30, 31, 32], 1.0))
    assert sure["length_low_km"].tolist() == pytest.approx(sure["length_km"].tolist())
    assert sure["uncertain_share"].tolist() == [0.0]


@pytest.mark.parametrize(("line", "layer"), [("ml1", "districts"), ("kkh", "provinces")])
def test_the_least_length_is_what_is_sure_and_the_most_all_that_may_be(line, layer):
    found = cg.crossed(line, layer)
    low, km, high = (found[f"length{end}_km"].to_numpy() for end in ("_low", "", "_high"))
    assert (low >= 0).all()
    assert (low <= km * (1 - found["uncertain_share"]) + 0.01).all()
    assert (km <= high + 1e-6).all()
    assert (low < km - 0.01).any()


def test_without_an_accuracy_nothing_is_claimed():
    found = cg.crossed(NORTH, zones([30, 31, 32], None))
    assert found["km_out_off"].isna().tolist() == [True, False]  # the last is the line's end
    assert found["uncertain_share"].isna().all()
    assert found.attrs["accuracy"] == ""


def test_an_outer_outline_counts_where_the_line_leaves_through_it():
    leaving = LineString([(69, 31.0), (69, 33.0)])
    found = cg.crossed(leaving, zones([30, 32], 5.0))
    assert found["km_out_off"].iloc[0] == pytest.approx(5.0, abs=0.6)
    for side in (0, 1):
        share = 5 / found["length_km"].iloc[side]
        assert found["uncertain_share"].iloc[side] == pytest.approx(share, abs=0.01)
    # Where the line stays inside, there is no neighbour beyond the outline beside it.
    along = LineString([(68 + 2 * KM, 30.5), (68 + 2 * KM, 31.5)])
    inside = cg.crossed(along, zones([30, 32], 5.0)).iloc[0]
    assert (inside["uncertain_share"], inside["certainty"]) == (0, "sure")


@pytest.mark.parametrize(("beside", "certainty"), [(2.0, "open"), (8.0, "sure")])
def test_a_zone_that_the_line_may_pass_by_is_open(beside, certainty):
    """The eastern zone reaches `beside` km over the line; then the same zone with no other beyond."""
    line = LineString([(69, 30.2), (69, 31.8)])
    corner = box(69 - beside * KM / np.cos(np.radians(31)), 30.8, 70, 31.2)
    parted = gpd.GeoDataFrame(
        {"name": ["west", "east"]}, geometry=[box(68, 30, 70, 32).difference(corner), corner],
        crs=4326,
    ).assign(accuracy_km=5.0)  # fmt: skip
    found = cg.crossed(line, parted)
    assert found["name"].tolist() == ["west", "east", "west"]
    assert found["certainty"].tolist() == ["sure", certainty, "sure"]
    assert found.attrs["open"] == (["east"] if certainty == "open" else [])
    alone = cg.crossed(line, parted.iloc[[1]])
    assert alone["certainty"].tolist() == ["sure", certainty, "sure"]
    assert cg.crossed(line, parted.drop(columns="accuracy_km"))["certainty"].isna().all()


def test_kashmore_is_open_on_the_motorway_that_passes_it_by():
    found = cg.crossed("m5").set_index("name")
    assert "Kashmore" in found.attrs["open"]
    assert found.loc["Rahim Yar Khan", "certainty"] == "sure"


def test_several_lines_are_crossed_in_one_frame_as_each_alone():
    own = LineString([(67.5, 26.0), (68.5, 27.0)])
    things = ["m5", own, "n25"]
    found = cg.crossed(things, "provinces")
    assert list(dict.fromkeys(found["feature"])) == ["m5", 1, "n25"]
    for label, thing in zip(["m5", 1, "n25"], things, strict=True):
        alone = cg.crossed(thing, "provinces")
        mine = found[found["feature"] == label].drop(columns="feature").reset_index(drop=True)
        pd.testing.assert_frame_equal(pd.DataFrame(mine), pd.DataFrame(alone))
    assert found.attrs["total_km"] == pytest.approx(float(cg.length_km(things).sum()))
    series = gpd.GeoSeries([own], index=["mine"], crs=4326)
    assert cg.crossed(series, "provinces")["feature"].unique().tolist() == ["mine"]
    by_section = cg.crossed(["kkh", "m5"], "provinces", sections=True)
    first = cg.crossed("kkh", "provinces", sections=True)
    assert by_section["section"].tolist()[: len(first)] == first["section"].tolist()
    with pytest.raises(InputError, match="sections are asked for, but x is 1, no corridor"):
        cg.crossed(["m5", own], sections=True)


def test_parts_of_a_line_end_without_a_crossing():
    from shapely.geometry import MultiLineString

    line = MultiLineString([[(69, 30.2), (69, 30.8)], [(69, 31.2), (69, 31.8)]])
    found = cg.crossed(line, zones([30, 31, 32], 5.0))
    assert found[["km_in_off", "km_out_off"]].to_numpy().max() == 0


def test_moved_outlines_stay_within_what_is_stated():
    """Borders moved by up to their accuracy cross the line within `km_out_off`."""
    line = LineString([(68.3, 30.2), (68.9, 30.9), (69.0, 31.3), (69.6, 31.5), (69.7, 32.6)])
    edges, accuracy = [30, 30.7, 31.4, 32, 33], 6.0
    stated = cg.crossed(line, zones(edges, accuracy))
    rng = np.random.default_rng(11)
    for _ in range(60):
        moved = zones(edges, accuracy)
        shift = rng.uniform(-accuracy, accuracy) * KM
        moved["geometry"] = [translate(g, 0, shift) for g in moved.geometry]
        found = cg.crossed(line, moved).dropna(subset="zone").set_index("zone")
        for row in stated.iloc[:-1].itertuples():
            off = abs(found.loc[row.zone, "km_out"] - row.km_out)
            assert off <= row.km_out_off + 1.0, (shift, row)


@pytest.mark.parametrize("name", ["western", "ml1"])
def test_stops_in_another_district_than_drawn_are_where_it_is_uncertain(name):
    """Facts against outlines: a stop drawn in the wrong district mostly lies where the answer is uncertain.

    The accuracy holds for 95 % of an outline, and such stops are where the outline is worst.
    """
    units = pd.read_csv(cg.catalogue.data_path("district_codes.csv")).set_index("name")["unit"]
    thing = cg.corridor(name)
    crossed = thing.crossed("districts").dropna(subset="zone")
    stops = thing.stops.dropna(subset=["district", "geometry"])
    wrong, told = 0, 0
    for stop in stops.itertuples():
        at = crossed[(crossed["km_in"] <= stop.km) & (stop.km <= crossed["km_out"])]
        if at.empty or units[stop.district] in set(at["zone"]):
            continue
        row = at.iloc[0]
        wrong += 1
        near = min(
            stop.km - row["km_in"] - row["km_in_off"], row["km_out"] - row["km_out_off"] - stop.km
        )
        told += near <= 1.0 or row["uncertain_share"] > 0.9
    assert wrong > 0
    assert told / wrong > 0.8


@pytest.mark.parametrize(("km", "certainty"), [(0.5, ["open"]), (5.5, ["sure"])])
def test_a_line_that_accuracy_may_bring_to_touch_is_open(km, certainty):
    """2 km from a line with an accuracy of 3 km: the distance is between 0 and 5 km."""
    road = cg.Corridor.from_line(LineString([(67, 25), (67, 26)]), name="r", accuracy_km=3.0)
    path = gpd.GeoSeries([LineString([(67.0198, 25.4), (67.0198, 25.6)])], crs=4326)
    found = cg.within(gpd.GeoDataFrame({"n": [1]}, geometry=path), road, km, certainty=certainty)
    assert len(found) == 1


@pytest.mark.parametrize("most", [0, 1, 32_765, 32_766, 32_767, 32_768, 32_769, 65_536])
def test_rows_are_sorted_by_target_however_many_there_are(most):
    """Numbers up to 32,767 fit into 16 bits, and numpy sorts those faster."""
    rng = np.random.default_rng(1)
    target = rng.integers(-1, most + 1, 2_000)
    target[rng.integers(0, 2_000, 4)] = [most, most, max(most - 1, 0), -1]
    found = dict(accuracy._rows_by(target))
    assert set(found) == set(target[target >= 0].tolist())
    for position, rows in found.items():
        assert rows.tolist() == np.flatnonzero(target == position).tolist()
    assert list(found) == sorted(found)

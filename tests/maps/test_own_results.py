"""Results of a caller's own on a map: zones crossed, repeated rows, values that all lack."""

import numpy as np
import pandas as pd
import pytest
import shapely

import cpecgeo as cg
from cpecgeo.errors import InputError, InputTypeError
from cpecgeo.maps import Map
from cpecgeo.maps.classes import classify_colors
from cpecgeo.maps.colors import CATEGORIES, MISSING
from cpecgeo.maps.drawings import _match
from cpecgeo.maps.layer import translate_layer
from cpecgeo.maps.style import Style, style_result
from cpecgeo.maps.words import find_words


def zones(count, repeats=1):
    """Stretches of one line in so many zones, each crossed several times."""
    lines = [shapely.LineString([(67 + i, 25), (68 + i, 25)]) for i in range(count * repeats)]
    frame = cg.geodesy.lonlat(lines).to_frame("geometry")
    names = [f"zone {i % count}" for i in range(len(lines))]
    return frame.assign(name=names, km_in=0.0, km_out=1.0, share=0.5)


@pytest.mark.parametrize("repeats", [1, 2])
def test_few_zones_have_a_colour_each_and_many_take_turns_and_bear_their_names(repeats):
    few, look = style_result(zones(len(CATEGORIES), repeats), Style())
    assert (look.color, look.legend, look.weight, look.label) == ("name", "Zone", 6, None)
    assert "cpec:turn" not in few
    many, look = style_result(zones(len(CATEGORIES) + 1, repeats), Style())
    assert (look.color, look.legend, look.weight) == ("cpec:turn", "", 6)
    assert (look.label, look.label_class, look.label_zoom) == ("name", "line", 3)
    assert list(look.popup) == ["name", "km_in", "km_out", "share"]
    # Neighbours differ, and so do those after the next.
    turns = many["cpec:turn"].tolist()
    for step in (1, 2, 3):
        assert all(a != b for a, b in zip(turns, turns[step:], strict=False))
    assert len(set(turns)) == 4


def test_what_a_caller_says_of_zones_stays():
    frame = zones(len(CATEGORIES) + 1)
    given = Style(weight=2.0, popup=["share"], label="km_in")
    _, look = style_result(frame, given)
    assert (look.weight, look.popup, look.label) == (2, ["share"], "km_in")
    assert style_result(frame, Style(color="red")) == (frame, Style(color="red"))
    assert style_result(frame.drop(columns="share"), Style())[1] == Style()


def test_rings_are_told_apart_by_their_distance():
    rings = cg.rings("Gwadar Port", [5, 10])
    _, look = style_result(rings, Style())
    assert (look.color, look.legend) == ("km_to", "Distance")
    assert style_result(rings, Style(legend="Km"))[1].legend == "Km"


@pytest.mark.parametrize(("zoom", "start"), [(0, 0), (7.5, 7.5), (24, 24), (None, 10)])
def test_a_map_begins_at_a_zoom_that_there_is(zoom, start):
    made = Map(location=(30.2, 67.0), zoom_start=zoom, background=False)
    assert made.data()["start"] == ([30.2, 67.0], start)


@pytest.mark.parametrize("zoom", [-0.1, 24.1, np.nan, np.inf, "7"])
def test_a_map_begins_at_no_other_zoom(zoom):
    with pytest.raises(InputError, match=r"zoom_start is .*; zoom levels go from 0 to 24\."):
        Map(location=(30.2, 67.0), zoom_start=zoom)


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ((30.2,), r"location is \(30\.2,\); it is \(lat, lon\)"),
        ((30.2, 67.0, 5.0), r"it is \(lat, lon\), such as \(30\.2, 67\.0\)"),
        ((30.2, np.nan), r"it is \(lat, lon\)"),
        ("Quetta", r"location is 'Quetta'; it is"),
        ((90.1, 0.0), "location"),
        ((0.0, 180.1), "location"),
        ("x" * 99, r"location is 'x{59}; it is"),
    ],
)
def test_a_map_begins_at_no_place_that_there_is_not(place, says):
    with pytest.raises(InputError, match=says):
        Map(location=place)


def test_a_table_takes_the_geometry_of_its_rows():
    points = [shapely.Point(67 + i, 25) for i in range(3)]
    series = cg.geodesy.lonlat(points)
    table = pd.DataFrame({"value": [3, 1]}, index=[2, 0])
    assert _match(table, series).tolist() == [points[2], points[0]]
    # An index that repeats is matched only where both are the same.
    twice = series.set_axis([1, 1, 2])
    own = pd.DataFrame({"value": [1, 2, 3]}, index=[1, 1, 2])
    assert _match(own, twice).tolist() == points
    for other in (own.iloc[:2], own.set_axis([1, 2, 1])):
        with pytest.raises(InputTypeError, match="repeats its index"):
            _match(other, twice)
    with pytest.raises(InputTypeError, match=r"no rows for \[5, 6, 7, 8, 9\]; it must be"):
        _match(pd.DataFrame(index=range(5, 12)), series)


def test_where_no_value_is_known_all_have_one_colour_and_there_is_no_legend():
    frame = pd.DataFrame({"value": [np.nan, np.nan, np.nan], "x": 1})
    made = classify_colors(frame, "value")
    assert made[0] == [MISSING] * 3
    assert made[1] == [("no value (3)", MISSING)]


def test_names_on_lines_are_translated():
    made = Map(background=False).add(cg.route("Lahore", "Multan", mode="road"))
    (payload,) = [
        one for one in made.data()["layers"].values() if "cpec:label" in one.get("columns", {})
    ]
    say = find_words("ur")
    told = translate_layer(payload, say)["columns"]["cpec:label"]
    was = payload["columns"]["cpec:label"]
    assert told != was
    assert translate_layer(payload, find_words("en")) is payload

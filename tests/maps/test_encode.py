import datetime as dt
import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import (
    GeometryCollection,
    LineString,
    MultiPoint,
    MultiPolygon,
    Point,
    Polygon,
    box,
)

from cpecgeo.errors import InputError
from cpecgeo.maps import encode


def integers(text):
    """Google's description of the format, read character by character."""
    out, value, shift = [], 0, 0
    for character in text:
        byte = ord(character) - 63
        value |= (byte & 31) << shift
        shift += 5
        if byte < 32:
            out.append(~(value >> 1) if value & 1 else value >> 1)
            value = shift = 0
    return out


def lonlats(text, unit=1e-5):
    steps = np.array(integers(text)).reshape(-1, 2)
    return np.cumsum(steps, axis=0) * unit


def test_googles_own_example():
    # Encoded Polyline Algorithm Format: (38.5, -120.2), (40.7, -120.95), (43.252, -126.453),
    # given there as "_p~iF~ps|U_ulLnnqC_mqNvxq`@" with latitude first.
    swapped = shapely.points([[38.5, -120.2], [40.7, -120.95], [43.252, -126.453]])
    assert encode.points(swapped) == "_p~iF~ps|U_ulLnnqC_mqNvxq`@"


coordinate = st.tuples(st.floats(-180, 180, allow_nan=False), st.floats(-90, 90, allow_nan=False))


@given(st.lists(coordinate, min_size=1, max_size=60))
def test_points_come_back_within_half_a_unit(xy):
    back = lonlats(encode.points(shapely.points(xy)))
    assert np.abs(back - np.array(xy)).max() <= 0.5e-5 + 1e-9


@given(st.lists(coordinate, min_size=2, max_size=60), st.integers(2, 6))
def test_lines_keep_their_ends_and_shape(xy, decimals):
    line = LineString(xy)
    (kind, (text,)) = encode.geometries([line], decimals)[0]
    back = lonlats(text, 10.0**-decimals)
    assert kind == 2
    assert np.abs(back[0] - xy[0]).max() <= 0.5 * 10.0**-decimals + 1e-9
    assert np.abs(back[-1] - xy[-1]).max() <= 0.5 * 10.0**-decimals + 1e-9
    assert len(back) >= 2
    assert all(character not in text for character in "<>&")


def test_every_type_of_geometry():
    hole = Polygon(box(0, 0, 4, 4).exterior, [box(1, 1, 2, 2).exterior])
    got = encode.geometries(
        [
            Point(1, 2),
            MultiPoint([(1, 2), (3, 4)]),
            hole,
            MultiPolygon([hole, box(9, 9, 10, 10)]),
            None,
        ]
    )
    assert [g[0] if g else 0 for g in got] == [1, 1, 3, 3, 0]
    assert [len(rings) for rings in got[3][1]] == [2, 1]
    assert lonlats(got[2][1][0][1])[0].tolist() in [[1, 1], [1, 2], [2, 1], [2, 2]]


def test_a_line_that_vanishes_by_rounding_keeps_two_points():
    ((_, (text,)),) = encode.geometries([LineString([(1, 1), (1.0000001, 1)])])
    assert len(lonlats(text)) == 2


@pytest.mark.parametrize(
    ("value", "want"),
    [
        (None, None), (np.nan, None), (pd.NA, None), (pd.NaT, None), (float("inf"), None),
        (np.int64(3), 3), (np.float64(0.1), 0.1), (np.True_, True), ("", ""),
        (dt.date(2020, 5, 1), "2020-05-01"), ([1, None, "a"], [1, "a"]), ([], None),
        (pd.Timestamp("2017-02-03"), "2017-02-03"),
        (pd.Timestamp("2017-02-03 14:05"), "2017-02-03 14:05"),
        (pd.Timestamp("2017-02-03 00:00:01"), "2017-02-03 00:00:01"),
        (pd.Timestamp("2017-02-03 06:30", tz="Asia/Karachi"), "2017-02-03 06:30+05:00"),
        (2**53, 2**53), (2**53 + 1, "9007199254740993"), (-(2**60), str(-(2**60))),
        (1234567.890123, 1234567.890123), (0.1 + 0.2, 0.3), (np.float32(0.1), 0.1),
    ],
)  # fmt: skip
def test_plain(value, want):
    assert encode.plain(value) == want


def test_long_text_is_cut_and_says_so():
    text = encode.plain("x" * 1_000_000)
    assert len(text) < 4_100
    assert text.endswith("(cut at 4,000 of 1,000,000 characters)")


def test_columns_that_repeat_are_indexed_and_come_back():
    values = ["rail", None, "rail", "rail", 1, True, "rail", None]
    packed = encode.column(values)
    assert [packed["v"][i] for i in packed["i"]] == values
    assert [type(packed["v"][i]) for i in packed["i"]] == [type(v) for v in values]


# Unpaired surrogates have no place in UTF-8; they are replaced, see below.
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=200))
def test_dumps_is_json_and_holds_nothing_that_ends_a_script(text):
    out = encode.dumps([text])
    assert not set(out) & set("<>&\u2028\u2029")
    assert json.loads(out) == [text]


def test_dumps_survives_unpaired_surrogates():
    assert encode.dumps(["\ud800"]).encode()


def test_collections_are_taken_apart():
    from cpecgeo.maps.layer import encode_layer
    from cpecgeo.maps.style import Style

    mixed = GeometryCollection([Point(67, 25), LineString([(67, 25), (68, 26)])])
    frame = gpd.GeoDataFrame({"name": ["both"]}, geometry=[mixed], crs=4326)
    payload = encode_layer(frame, Style())
    assert sorted(g[0] for g in payload["geometry"]) == [1, 2]
    assert payload["n"] == 2


@pytest.mark.parametrize(
    ("values", "unit", "numbers"),
    [
        ([2001, 2002.0, None], "year", [2001, 2002, None]),
        (["2001", " 2002 ", ""], "year", [2001, 2002, None]),
        (["2015-11", "2015-11-02"], "day", [16740, 16741]),
        (["1969-12-31", "1970-01-02"], "day", [-1, 1]),
        (["1970-01-01T05:00:10+05:00", "1970-01-02"], "second", [10, 86400]),
        (pd.to_datetime(["2015-11-01", None]), "day", [16740, None]),
        (pd.to_datetime(["2015-11-01 06:00"]).tz_localize("Asia/Karachi"), "second", [1446339600]),
    ],
)
def test_times_are_whole_numbers_since_1970(values, unit, numbers):
    got = encode.times(pd.Series(values), "when")
    assert got["unit"] == unit
    column = got["v"]
    if isinstance(column, dict):
        column = [column["v"][i] for i in column["i"]]
    assert column == numbers


@pytest.mark.parametrize(
    ("values", "text"),
    [(["2015-13-01"], "no date"), (["soon", "2015"], "'soon'"), ([3.5], "3.5"), ([None], "no date at all")],
)  # fmt: skip
def test_what_is_no_date_is_named(values, text):
    with pytest.raises(InputError, match=text):
        encode.times(pd.Series(values), "when")


@pytest.mark.parametrize("xy", [(0, 0), (67.123456, 25.5), (-179.99999, -89.99999)])
def test_a_point_is_told_from_several_by_its_text(xy):
    spots = np.array([shapely.Point(xy), shapely.Point(1, 2), shapely.Point(xy)])
    assert encode._is_single(encode.points(spots[:1]))
    assert not encode._is_single(encode.points(spots[:2]))
    assert not encode._is_single(encode.points(spots))
    assert not encode._is_single("")

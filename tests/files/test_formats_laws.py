"""What is written comes back, in every format, whatever the shapes, names and values."""

import datetime as dt
import re
import tempfile
import warnings
from decimal import Decimal
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import LineString, MultiLineString, MultiPoint, MultiPolygon, Point, box

from cpecgeo.errors import DataWarning
from cpecgeo.files.fields import to_text
from cpecgeo.files.formats import FORMATS
from cpecgeo.files.reading import read
from cpecgeo.files.writing import write
from tests.effort import tries

WRITTEN = [s for form in FORMATS if form.can_write for s in form.suffixes]
SHAPEFILES = {".shp", ".zip", ".shp.zip"}
# RFC 7946 rounds to seven decimals of a degree; nothing else rounds.
ROUNDED = {".geojson", ".json", ".geojsonl", ".geojsons", ".ndjson"}

positions = st.tuples(st.floats(-179, 179), st.floats(-85, 85))
# XML has no place for control characters, nor for the two code points that end a plane.
letters = st.characters(exclude_categories=("C",), exclude_characters="\ufffe\uffff")
texts = st.text(letters, max_size=12)
points = positions.map(Point)
lines = st.lists(positions, min_size=2, max_size=6, unique=True).map(LineString)
boxes = st.tuples(positions, st.floats(1e-3, 1), st.floats(1e-3, 1)).map(
    lambda t: box(*t[0], t[0][0] + t[1], t[0][1] + t[2])
)
NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?(e[+-]?\d+)?")
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.text(letters, max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc"), inner, max_size=3),
    max_leaves=5,
)
FIRST, LAST = dt.date(1970, 1, 1), dt.date(2100, 1, 1)
times = st.datetimes(
    dt.datetime.combine(FIRST, dt.time()), dt.datetime.combine(LAST, dt.time())
).map(lambda t: t.replace(microsecond=t.microsecond // 1000 * 1000))
VALUES = {
    "whole": st.integers(-(2**53), 2**53),
    "float": st.floats(-1e12, 1e12).map(lambda f: round(f, 3)),
    "text": texts | st.sampled_from(["007", "NA", "None", "1e5", " x ", 'a "b"', "a;b,c", "=1+1"]),
    "yes": st.booleans(),
    "time": times,
    "day": st.dates(FIRST, LAST),
    "nested": st.dictionaries(st.text("abc", min_size=1), json_values, min_size=1, max_size=3),
    "list": st.lists(st.integers(-9, 9), min_size=1, max_size=3),
    "bytes": st.binary(min_size=1, max_size=5),
    "duration": st.timedeltas(dt.timedelta(0), dt.timedelta(days=999)),
    "decimal": st.decimals(-1000, 1000, places=2),
    "large": st.integers(2**63, 2**64 - 1),
    "id": st.integers(10**17, 10**18 - 1),
}


def written(frame, suffix):
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        return read(write(frame, Path(folder) / f"f{suffix}"))


def same_positions(got, want, degrees):
    assert len(got) == len(want)
    here, there = (shapely.get_coordinates(f.geometry.array) for f in (got, want))
    np.testing.assert_allclose(here, there, rtol=0, atol=degrees)


def canonical(value):
    """Return one form of a value for all formats: a number as it is, others as text."""
    if value is None or (not isinstance(value, (list, dict, np.ndarray)) and pd.isna(value)):
        return None
    if isinstance(value, dt.datetime):
        value = pd.Timestamp(value).isoformat(timespec="milliseconds")
    text = to_text(value)
    text = re.sub(r"(\d\d:\d\d:\d\d\.\d{3})\d*", r"\1", text)
    text = re.sub(r"(\d\d:\d\d:\d\d)\.000", r"\1", text).removesuffix("T00:00:00")
    # Bytes such as 9e 28 53 57 64, as hexadecimal digits, look like a number that has no bounds.
    if NUMBER.fullmatch(text) and not re.search(r"e[0-9]{4}", text):
        return Decimal(text).normalize()
    return text or None


@pytest.mark.parametrize("suffix", WRITTEN)
@tries(3)
@given(drawn=st.lists(st.tuples(points, texts.map("n{}".format)), min_size=1, max_size=5))
def test_points_and_texts_come_back(suffix, drawn):
    frame = gpd.GeoDataFrame(
        {"name": [text for _, text in drawn], "n": range(len(drawn))},
        geometry=[shape for shape, _ in drawn],
        crs=4326,
    )
    back = written(frame, suffix)
    # openpyxl writes sixteen digits.
    same_positions(back, frame, {".xlsx": 1e-12}.get(suffix, 1e-7 if suffix in ROUNDED else 0))
    # DBF takes blanks off the ends of text.
    end = str.strip if suffix in SHAPEFILES else str
    assert back["name"].map(end).tolist() == frame["name"].map(end).tolist()
    assert back["n"].tolist() == frame["n"].tolist()


@pytest.mark.parametrize("suffix", [".gpkg", ".parquet", ".csv", ".kml", ".kmz", ".fgb", ".xlsx"])
@tries(4)
@given(
    shapes=st.lists(
        points | lines | boxes
        | st.lists(boxes, min_size=2, max_size=2).map(MultiPolygon)
        | st.lists(points, min_size=2, max_size=3).map(MultiPoint)
        | st.lists(lines, min_size=2, max_size=3).map(MultiLineString),
        min_size=1, max_size=4,
    )
)  # fmt: skip
def test_shapes_of_any_type_come_back(suffix, shapes):
    frame = gpd.GeoDataFrame({"n": range(len(shapes))}, geometry=shapes, crs=4326)
    back = written(frame, suffix)
    assert back.geometry.geom_equals_exact(frame.geometry, 1e-12 if suffix == ".xlsx" else 0).all()
    assert back["n"].tolist() == frame["n"].tolist()


tables = st.integers(1, 4).flatmap(
    lambda n: st.fixed_dictionaries(
        {k: st.lists(v | st.none(), min_size=n, max_size=n) for k, v in VALUES.items()}
    )
)


@pytest.mark.parametrize("suffix", [s for s in WRITTEN if s.count(".") == 1 and s != ".json"])
@tries(2)
@given(table=tables)
def test_values_of_any_type_come_back(suffix, table):
    """They come back as they are or as their one text, and a second time without a change."""
    columns = {k: pd.Series(v, dtype=object) for k, v in table.items()}
    columns["time"] = pd.to_datetime(columns["time"]).astype("datetime64[ms]")
    columns["float"] = columns["float"].astype(float)
    if columns["large"].notna().all():
        columns["large"] = columns["large"].astype("uint64")
    rows = len(columns["time"])
    points = [Point(67 + i, 25) for i in range(rows)]
    frame = gpd.GeoDataFrame(columns, geometry=points, crs=4326)
    first = written(frame, suffix)
    for kind in VALUES:
        expected = [canonical(v) for v in frame[kind]]
        got = [canonical(v) for v in first[kind]] if kind in first else [None] * rows
        if suffix in SHAPEFILES:
            # DBF takes blanks off the ends of text.
            expected = [(v.strip() or None) if isinstance(v, str) else v for v in expected]
            got = [(v.strip() or None) if isinstance(v, str) else v for v in got]
        assert got == expected, kind
    second = written(first, suffix)
    pd.testing.assert_frame_equal(
        pd.DataFrame(second.drop(columns="geometry")), pd.DataFrame(first.drop(columns="geometry"))
    )


names = st.lists(
    st.text(letters, min_size=1, max_size=14).filter(lambda n: n.strip() and n != "geometry")
    | st.sampled_from(
        ["fid", "FID", "geom", "name", "Name", "NAME", "ele", "time", "lon", "Lat", "x", "wkt",
         "Road & rail", "depth<5m", "name:ur", "2023_pop", "description", "link", "ogc_fid", "id"]
    ),
    min_size=1, max_size=6, unique=True,
)  # fmt: skip


@pytest.mark.parametrize("suffix", [s for s in WRITTEN if s.count(".") == 1 and s != ".json"])
@tries(4)
@given(names=names)
def test_columns_of_any_name_come_back_in_their_order(suffix, names):
    """They keep their names or get others, and a second time nothing changes."""
    frame = gpd.GeoDataFrame(
        {n: [f"v{i}", f"w{i}"] for i, n in enumerate(names)},
        geometry=[Point(67, 25), Point(68, 26)],
        crs=4326,
    )
    first = written(frame, suffix)
    held = first.drop(columns="geometry").to_numpy().ravel().tolist()
    assert {f"v{i}" for i in range(len(names))} <= set(held)
    assert {f"w{i}" for i in range(len(names))} <= set(held)
    second = written(first, suffix)
    assert sorted(second.columns) == sorted(first.columns)


@pytest.mark.parametrize("suffix", [s for s in WRITTEN if s.count(".") == 1])
def test_tables_without_rows_and_rows_without_position(suffix, tmp_path):
    frame = gpd.GeoDataFrame({"n": ["a", "b"]}, geometry=[Point(67, 25), None], crs=4326)
    if suffix != ".gpx":
        back = read(write(frame, tmp_path / f"a{suffix}"))
        assert back["n"].tolist() == ["a", "b"]
        assert back.geometry.isna().tolist() == [False, True]
    none = read(write(frame.head(0), tmp_path / f"b{suffix}"))
    assert len(none) == 0
    assert none.crs.to_epsg() == 4326


@pytest.mark.parametrize("suffix", [".gpkg", ".fgb", ".geojson", ".parquet"])
def test_single_shapes_stay_single_beside_multiple_ones(suffix):
    square, other = box(66, 25, 67, 26), box(68, 25, 69, 26)
    line = LineString([(66, 25), (67, 26)])
    for shapes in (
        [square, MultiPolygon([square, other])],
        [line, MultiLineString([line, [(68, 25), (69, 26)]])],
    ):
        back = written(gpd.GeoDataFrame({"n": [0, 1]}, geometry=shapes, crs=4326), suffix)
        assert back.geom_type.tolist() == [shape.geom_type for shape in shapes]

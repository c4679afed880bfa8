"""Cells that hold more than one value: GeoJSON, lists, and quotes that are never closed."""

import csv
import io
import json

import dask.dataframe as dd
import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

import cpecgeo as cg
from cpecgeo import scale
from cpecgeo.errors import CRSError, FileError, GeometryError, InputError
from cpecgeo.files import wellknown
from tests.effort import tries

POINT = '{"type":"Point","coordinates":[67,25]}'
LON_LAT = (67.0, 25.0)


def table(path, cells, name="geom"):
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows([["n", name], *enumerate(cells)])
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


def each_way(path, folder):
    """Return the points of a table as read into memory, as a stream and on Dask."""
    xy = shapely.get_coordinates(cg.read(path).geometry.to_crs(4326))
    near = [cg.nearest(path, "ml1")["distance_km"].tolist()]
    scale.nearest_file(path, folder / "out.csv", targets="ml1")
    near.append(pd.read_csv(folder / "out.csv")["distance_km"].tolist())
    if path.suffix == ".csv":
        lazy = scale.nearest(dd.read_csv(path, dtype=str, keep_default_na=False), "ml1")
        near.append(lazy.compute()["distance_km"].tolist())
    return xy, near


@pytest.mark.parametrize("name", ["geom", "GeoJSON", "st_asgeojson"])
def test_geojson_in_cells_is_read_as_well_known_text_is(tmp_path, name):
    cells = [POINT, '{"coordinates": [68.5, 26, 9], "type": "Point"}', "", "POINT (70 30)"]
    want = [LON_LAT, (68.5, 26), (70, 30)]
    known = cg.nearest(gpd.GeoSeries.from_xy(*zip(*want, strict=True), crs=4326), "ml1")
    path = table(tmp_path / "in.csv", cells, name)
    with pytest.warns(cg.errors.DataWarning, match="1 point with a height"):
        xy, near = each_way(path, tmp_path)
    assert xy.tolist() == [list(one) for one in want]
    assert cg.read(path).geometry[1].z == 9
    for found in near:
        assert [f for f in found if not np.isnan(f)] == pytest.approx(known["distance_km"].tolist())
        assert np.isnan(found[2])
    pq.write_table(pa.table({"n": range(4), "geom": cells}), tmp_path / "in.parquet")
    assert (
        shapely.get_coordinates(cg.read(tmp_path / "in.parquet").geometry).tolist() == xy.tolist()
    )


@pytest.mark.parametrize("name", ["EPSG:32642", "urn:ogc:def:crs:EPSG::32642"])
def test_the_crs_that_geojson_in_cells_names_counts(tmp_path, name):
    named = {"type": "name", "properties": {"name": name}}
    metres = gpd.GeoSeries.from_xy([67], [25], crs=4326).to_crs(32642)[0]
    cell = json.dumps({"type": "Point", "crs": named, "coordinates": [metres.x, metres.y]})
    xy, near = each_way(table(tmp_path / "in.csv", [cell]), tmp_path)
    assert xy[0] == pytest.approx(LON_LAT, abs=1e-9)
    want = cg.distance_km(shapely.Point(LON_LAT), "ml1")
    assert np.ravel(near) == pytest.approx([want] * 3, abs=1e-6)


@pytest.mark.parametrize(
    ("cell", "error"),
    [
        ('{"type":"Point","coordinates":["67","25"]}', GeometryError),
        ('{"type":"Point","coordinates":[67]}', GeometryError),
        ('{"type":"Point","coordinates":[1e999,25]}', GeometryError),
        ('{"type":"Point","coordinates":[67,25,1,2]}', GeometryError),
        ('{"type":"Point"}', GeometryError),
        (POINT[:-1], GeometryError),
        ('{"type":"Point","coordinates":' + "[" * 100_000, GeometryError),
        ('{"type":"Point","coordinates":' + "[" * 400 + "]" * 400 + "}", GeometryError),
        ('{"type":"GeometryCollection","geometries":[' * 40 + POINT + "]}" * 40, GeometryError),
        ('{"type":"GeometryCollection","geometries":[' * 9_000, GeometryError),
        ('{"type":"Feature","geometry":' + POINT + "}", (InputError, GeometryError)),
        ('{"type":"Point","crs":"somewhere","coordinates":[67,25]}', CRSError),
    ],
)
def test_what_is_no_geometry_of_geojson_is_one_error_everywhere(tmp_path, cell, error):
    path = table(tmp_path / "in.csv", [POINT, cell])
    with pytest.raises(error, match="row 2") as memory:
        cg.read(path)
    with pytest.raises(error, match="row 2") as stream:
        scale.nearest_file(path, tmp_path / "out.csv", targets="ml1")
    assert str(memory.value).replace(str(path), path.name) == str(stream.value)
    assert len(str(memory.value)) < 400 + len(str(path))


parts = st.integers(0, 6)
number = st.floats(-180, 180, allow_subnormal=False).map(lambda x: x + 0.0)
position = st.tuples(number, st.floats(-90, 90, allow_subnormal=False))
shape = st.one_of(
    position.map(shapely.Point),
    st.lists(position, min_size=2, max_size=4).map(shapely.LineString),
    st.lists(position, min_size=3, max_size=5).map(shapely.Polygon),
    st.lists(position, min_size=1, max_size=4).map(shapely.MultiPoint),
    st.lists(position, min_size=2, max_size=2).map(lambda p: shapely.MultiLineString([p, p])),
    position.map(lambda p: shapely.GeometryCollection([shapely.Point(p)])),
)


@tries(100)
@given(st.lists(shape, min_size=1, max_size=4))
def test_geometries_come_back_out_of_geojson(shapes):
    cells = [json.dumps(shapely.geometry.mapping(one)) for one in shapes]
    found, srid = wellknown.parse(pd.Series(cells), "x")
    assert srid is None
    assert list(found) == shapes
    assert wellknown.is_wellknown(pd.Series(cells))


def test_lists_are_json_in_the_csv_of_a_stream_as_in_memory(tmp_path):
    held = {
        "lon": [67.0, 68.0, 69.0],
        "lat": [25.0, 26.0, 27.0],
        "words": pa.array([["é", 'a "b", c'], None, ["z\n"]]),
        "counts": pa.array([[1, 2], [], [None, 2**60]]),
        "facts": pa.array([{"a": "x", "b": 1.5}, {"a": None, "b": float("nan")}, None]),
        "pairs": pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int64())),
        "times": pa.array([[pd.Timestamp("2026-01-02T03:04")], [None], None]),
        "deep": pa.array([[[1], [2, 3]], [[]], None]),
    }
    pq.write_table(pa.table(held), tmp_path / "in.parquet")
    cg.write(cg.read(tmp_path / "in.parquet"), tmp_path / "memory.csv")
    scale.nearest_file(tmp_path / "in.parquet", tmp_path / "stream.csv", targets="ml1", part_rows=2)
    memory, stream = (
        pd.read_csv(tmp_path / name, dtype=str, keep_default_na=False)
        for name in ("memory.csv", "stream.csv")
    )
    nested = [*held][2:]
    pd.testing.assert_frame_equal(memory[nested], stream[nested])
    assert json.loads(stream["words"][0]) == ["é", 'a "b", c']
    assert json.loads(stream["facts"][0]) == {"a": "x", "b": 1.5}
    assert stream["words"][1] == ""
    again = cg.read(tmp_path / "stream.csv")
    assert [json.loads(t)[-1] for t in again["words"][[0, 2]]] == ['a "b", c', "z\n"]


@pytest.mark.parametrize(
    ("rows", "row"),
    [
        ('1,67,25,a\n2,67,25,"b\n3,67,25,c\n', 2),  # the last column would hold the rest
        ('1,67,25,a\n2,"67,25,b\n3,67,25,c\n', 2),
        ('1,67,25,a\n2,67,25,"b', 2),
        ('1,67,25,"a ""b"", c"\n2,67,25,x\n\n3,67,25,"c\n', 3),
        ('1,67,25,5" pipe\n2,67,25,"b\n', 2),  # a quote within a cell is a letter
        ('1,67,25,5" pipe\n2,67,25,a\n3,67,25,"b\n4"\n5,67,25,"c', 4),
    ],
)
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_quote_that_nothing_closes_is_one_error(tmp_path, rows, row, separator):
    path = tmp_path / "in.csv"
    path.write_text(("id,lon,lat,note\n" + rows).replace(",", separator))
    for call in (
        lambda: cg.read(path),
        lambda: scale.nearest_file(path, tmp_path / "out.csv", targets="ml1"),
    ):
        with pytest.raises(FileError, match=f"the quote that opens in row {row} isn't closed"):
            call()


def test_a_quote_within_a_cell_is_a_letter(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text('id,note,lon,lat\n1,5" pipe,67,25\n2,b,68,26\n')
    assert cg.read(path)["note"].tolist() == ['5" pipe', "b"]
    scale.nearest_file(path, tmp_path / "out.csv", targets="ml1")
    assert pd.read_csv(tmp_path / "out.csv")["note"].tolist() == ['5" pipe', "b"]

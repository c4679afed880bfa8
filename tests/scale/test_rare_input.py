"""Files, columns and disks as they seldom are: each has its answer or its one error."""

import csv
import gzip
import io
import json
import re
import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import dask
import dask.dataframe as dd
import dask_geopandas
import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import LineString, Point

import cpecgeo as cg
from cpecgeo import scale
from cpecgeo.errors import (
    CoordinateError,
    CRSError,
    FileError,
    GeometryError,
    InputError,
)
from cpecgeo.files.formats import Choice
from cpecgeo.files.wellknown import to_wkb
from cpecgeo.scale.files import open_source
from cpecgeo.scale.parquet import _Moved, from_native
from cpecgeo.scale.parts import Parts
from cpecgeo.scale.questions import check_points
from cpecgeo.scale.sinks import Sink, Writing, _repeats, header, lines
from cpecgeo.scale.sources import Position, converter, from_wkb, rechunk
from cpecgeo.scale.tables import _Onward
from tests.effort import tries

GOOD = {"lon": [67.0, 68.0], "lat": [25.0, 26.0]}
WKB = shapely.to_wkb(shapely.Point(67, 25))


def parquet(path, table, **metadata):
    table = pa.table(table)
    if metadata:
        table = table.replace_schema_metadata({k: json.dumps(v) for k, v in metadata.items()})
    pq.write_table(table, path)
    return path


def geo(**entry):
    column = {"encoding": "WKB", "geometry_types": [], **entry}
    return {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"bad": "drop"}, "bad is 'drop'; it is"),
        ({"batch_rows": 0}, "batch_rows is 0; a whole number of rows, 1 or more"),
        ({"batch_rows": 2.0}, "batch_rows is 2.0"),
        ({"part_rows": 0}, "part_rows is 0; a whole number of rows, 1 or more"),
        ({"part_rows": "many"}, "part_rows is 'many'"),
    ],
)
def test_options_of_a_run_are_checked(options, says, tmp_path):
    path = parquet(tmp_path / "s.parquet", GOOD)
    with pytest.raises(InputError, match=re.escape(says)):
        scale.nearest_file(path, tmp_path / "o.csv", targets="ml1", **options)
    if "bad" in options:
        frame = dd.from_pandas(pd.DataFrame(GOOD), npartitions=1)
        with pytest.raises(InputError, match=re.escape(says)):
            scale.nearest(frame, "ml1", **options)
    least = {name: 1 for name in options if name != "bad"}
    assert scale.nearest_file(path, tmp_path / "o.csv", targets="ml1", **least).rows_out == 2


# A row of a file that can't be measured, by the column that it stands in, and what is said of it.
BAD_ROWS = {
    "a line": ("wkt", "LINESTRING (67 25, 68 26)", GeometryError, "LineString in row {}"),
    "no text of a geometry": ("wkt", "POINT (67", GeometryError, "in row {}"),
    "several points": ("wkt", "MULTIPOINT (67 25, 68 26)", GeometryError, "MultiPoint in row {}"),
    "one of two": ("lat", "", CoordinateError, "alone in row {}"),
    "out of range": ("lat", "95", CoordinateError, "in row {}"),
    "text": ("lat", "north", InputError, "in row {}"),
    "wkb of a line": (
        "geometry", shapely.LineString([(67, 25), (68, 26)]), GeometryError, "a LineString in row {}",
    ),
    "wkb of an area": ("geometry", shapely.box(67, 25, 68, 26), GeometryError, "Polygon in row {}"),
    "wkb of lines": (
        "geometry", shapely.MultiLineString([[(67, 25), (68, 26)]]), GeometryError,
        "a MultiLineString in row {}",
    ),
    "wkb of areas": (
        "geometry", shapely.MultiPolygon([shapely.box(67, 25, 68, 26)]), GeometryError,
        "a MultiPolygon in row {}",
    ),
    "wkb of a collection": (
        "geometry", shapely.GeometryCollection([shapely.Point(67, 25)]), GeometryError,
        "a collection in row {}",
    ),
    "wkb of points": (
        "geometry", shapely.MultiPoint([(67, 25), (68, 26)]), GeometryError, "MultiPoint in row {}",
    ),
    "no wkb": ("geometry", WKB[:-4], GeometryError, "in row {}"),
    "far off": ("geometry", shapely.Point(67, 95), CoordinateError, "in row {}"),
}  # fmt: skip


@pytest.mark.parametrize("row", [1, 2, 3, 7, 8])
@pytest.mark.parametrize("case", BAD_ROWS)
def test_the_row_of_an_error_is_that_of_the_file_in_every_batch(case, row, tmp_path):
    column, value, error, says = BAD_ROWS[case]
    if column == "geometry":
        values = [WKB] * 8
        values[row - 1] = value if isinstance(value, bytes) else shapely.to_wkb(value)
        path = parquet(tmp_path / "s.parquet", {"geometry": values}, geo=geo())
    else:
        rows = {"wkt": ["POINT (67 25)"] * 8} if column == "wkt" else {
            "lon": ["67"] * 8, "lat": ["25"] * 8,
        }  # fmt: skip
        rows[column][row - 1] = value
        path = tmp_path / "s.csv"
        pd.DataFrame(rows).to_csv(path, index=False)
    with pytest.raises(error, match=rf"{says.format(row)}\b") as caught:
        scale.nearest_file(path, tmp_path / "o.csv", targets="ml1", batch_rows=2, part_rows=4)
    if isinstance(caught.value, CoordinateError):
        assert caught.value.row == row - 1


spots = st.lists(
    st.tuples(st.floats(-180, 180), st.floats(-90, 90)), min_size=1, max_size=9
).map(np.array)  # fmt: skip


@tries(40)
@given(spots, st.data())
def test_points_are_read_from_any_stretch_of_a_column(xy, data):
    """Slices and pieces of columns, as Arrow hands them on, without a copy."""
    first = data.draw(st.integers(0, len(xy)))
    last = data.draw(st.integers(first, len(xy)))
    gone = data.draw(st.sets(st.integers(0, len(xy) - 1)))
    kind = data.draw(st.sampled_from([pa.binary(), pa.large_binary()]))
    values = [None if i in gone else v for i, v in enumerate(shapely.to_wkb(shapely.points(xy)))]
    column = pa.array(values, kind)
    want = np.array([[np.nan] * 2 if i in gone else p for i, p in enumerate(xy.tolist())])
    found = from_wkb(column.slice(first, last - first), 0, "f")
    np.testing.assert_array_equal(found.reshape(-1, 2), want[first:last])
    assert found.shape == (last - first, 2)
    halves = pa.chunked_array([column[:first], column[first:]])
    np.testing.assert_array_equal(from_wkb(halves, 0, "f"), want)
    np.testing.assert_array_equal(from_wkb(to_wkb(want), 0, "f"), want)


@pytest.mark.parametrize("edge", [(180, 90), (-180, -90), (180, -90), (-180, 90), (67, 25)])
def test_the_last_degrees_are_degrees_and_points_are_not_copied(edge):
    xy = np.array([edge, (67.0, 25.0)], float)
    found, good = check_points(xy, 0, "f", keep=False)
    assert found is xy
    assert good.tolist() == [True, True]
    for axis, sign in ((0, 1), (0, -1), (1, 1), (1, -1)):
        beyond = xy.copy()
        beyond[1, axis] = sign * np.nextafter((180.0, 90.0)[axis], 999)
        with pytest.raises(CoordinateError, match="in row 12"):
            check_points(beyond, 10, "f", keep=False)
        kept, good = check_points(beyond, 10, "f", keep=True)
        assert (kept.tolist(), good.tolist()) == ([list(map(float, edge))], [True, False])


def test_columns_of_other_types_are_degrees_or_one_error(tmp_path):
    """Categories, decimals and whole numbers are degrees; truth values aren't."""
    lon = pa.array(["67", "68", None]).dictionary_encode()
    lat = pa.array([25, 26, None], pa.int8())
    path = parquet(tmp_path / "s.parquet", {"lon": lon, "lat": lat})
    run = scale.nearest_file(path, tmp_path / "o.parquet", targets="ml1")
    assert run.rows_skipped == 1
    found = gpd.read_parquet(tmp_path / "o.parquet").geometry
    assert [p and (p.x, p.y) for p in found] == [(67, 25), (68, 26), None]
    parquet(path, {"lon": [True, False], "lat": [25.0, 26.0]})
    with pytest.raises(InputError, match="bool in column 'lon'; degrees as numbers are needed"):
        scale.nearest_file(path, tmp_path / "o.parquet", targets="ml1")


class Owned(pa.ExtensionType):
    """A type of its own, as GeoArrow's packages register them."""

    def __init__(self, storage):
        super().__init__(storage, "cpecgeo.test")

    def __arrow_ext_serialize__(self):
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage, _):
        return cls(storage)


def test_columns_of_an_extension_are_read_as_what_they_store():
    stored = pa.array([{"x": 67.0, "y": 25.0}, None])
    own = pa.ExtensionArray.from_storage(Owned(stored.type), stored)
    assert from_native(own, "point", "f").to_pylist() == [WKB, None]
    binary = pa.array([WKB, None], pa.binary())
    own = pa.ExtensionArray.from_storage(Owned(pa.binary()), binary)
    np.testing.assert_array_equal(from_wkb(own, 0, "f"), [[67, 25], [np.nan] * 2])
    coded = binary.dictionary_encode()
    np.testing.assert_array_equal(from_wkb(coded, 0, "f"), [[67, 25], [np.nan] * 2])


@tries(40)
@given(
    st.lists(st.lists(st.tuples(st.floats(0, 9), st.floats(0, 9)), min_size=2, max_size=4),
             min_size=1, max_size=6),
    st.data(),
)  # fmt: skip
def test_lines_are_read_from_any_stretch_of_a_native_column(drawn, data):
    first = data.draw(st.integers(0, len(drawn)))
    last = data.draw(st.integers(first, len(drawn)))
    column = pa.array([[{"x": x, "y": y} for x, y in line] for line in drawn])
    found = from_native(column.slice(first, last - first), "linestring", "f").to_pylist()
    want = [shapely.LineString(line) for line in drawn[first:last]]
    assert [shapely.from_wkb(v).wkt for v in found] == [line.wkt for line in want]


def test_a_folder_whose_files_differ_is_refused(tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    with pytest.raises(FileError, match="is a folder without .parquet files"):
        open_source(folder)
    parquet(folder / "a.parquet", GOOD)
    parquet(folder / "b.parquet", {**GOOD, "more": [1, 2]})
    with pytest.raises(FileError, match="don't all have the same columns"):
        open_source(folder)
    parquet(folder / "b.parquet", GOOD)
    assert open_source(folder).rows == 4


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_column_of_geometry_without_rows_says_nothing_of_its_values(suffix, tmp_path):
    """As in memory, a column is well-known text by its values, and degrees by its name."""
    path = tmp_path / f"s{suffix}"
    for name, count in (("wkt", None), ("lon", 0)):
        table = pd.DataFrame({name: pd.Series([], dtype=str), "lat": pd.Series([], dtype=str)})
        table.to_csv(path, index=False) if suffix == ".csv" else table.to_parquet(path)
        if count is None:
            for read in (cg.read, lambda p: scale.nearest_file(p, p.with_name("o"), targets="ml1")):
                with pytest.raises(InputError, match="has no column of lon"):
                    read(path)
        else:
            assert len(cg.read(path)) == 0
            run = scale.nearest_file(path, tmp_path / f"o{suffix}", targets="ml1")
            assert (run.rows_in, run.rows_out, run.parts) == (0, 0, 1)


def test_a_folder_of_results_is_a_folder_itself(tmp_path):
    path = parquet(tmp_path / "s.parquet", GOOD)
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real", target_is_directory=True)
    with pytest.raises(FileError, match="is a symbolic link; name the folder itself"):
        scale.nearest_file(path, tmp_path / "link", targets="ml1")
    (tmp_path / "plain").write_text("mine")
    with pytest.raises(FileError, match="is a file; name a new folder"):
        scale.nearest_file(path, tmp_path / "plain", targets="ml1")
    assert (tmp_path / "plain").read_text() == "mine"


def test_without_hard_links_a_folder_has_the_same_bytes(tmp_path, monkeypatch):
    path = parquet(tmp_path / "s.parquet", {"lon": [67.0] * 9, "lat": [25.0] * 9})
    rows = {"batch_rows": 2, "part_rows": 4}
    scale.nearest_file(path, tmp_path / "one", targets="ml1", **rows)

    def refuse(*_):
        raise OSError

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    scale.nearest_file(path, tmp_path / "two", targets="ml1", **rows)
    one, two = (
        {p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in ("one", "two")
    )
    assert len(one) == 4
    assert one == two


@pytest.mark.parametrize("kind", ["csv", "parquet", "folder", "rings"])
def test_a_part_that_cannot_be_flushed_leaves_what_was_before(kind, tmp_path, monkeypatch):
    sink = Sink(kind)
    path = tmp_path / f"rows{sink.suffix}"
    before = b"rows of before\n" if sink.is_together else b""
    if before:
        path.write_bytes(before)
    part = Writing(sink, path)
    part.append(pa.table({"a": [1, 2]}))

    def fail(_):
        raise OSError("can't be flushed")

    monkeypatch.setattr("cpecgeo.scale.sinks.settle", fail)
    with pytest.raises(OSError, match="can't be flushed"):
        part.finish()
    left = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    assert left == ({path.name: before} if before else {})


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def footer(by):
    """Return a footer with fields of every type of Thrift's compact protocol around offsets."""
    offset, other = varint(2 * (300 + by)), varint(2 * 300)
    column = b"\x96" + offset + b"\x16" + offset + b"\x36" + other + b"\x00"  # 9, 10 and 13
    chunk = b"\x16" + other + b"\x16" + offset + b"\x1c" + column + b"\x00"  # 1, 2 and 3
    group = b"\x19\x1c" + chunk + b"\x36" + other + b"\x16" + offset + b"\x16\x00" + b"\x00"
    return b"".join([
        b"\x11\x12",  # fields 1 and 2: true and false, in their heads
        b"\x13\x05",  # field 3: a byte
        b"\x19\x1c" + group,  # field 4: a list of one row group
        b"\x17" + b"12345678",  # field 5: a double
        b"\x1b" + varint(1) + b"\x88" + varint(2) + b"ab" + varint(1) + b"c",  # field 6: a map
        b"\x1b\x00",  # field 7: an empty one
        b"\x19\xf1" + varint(16) + bytes([1, 2] * 8),  # field 8: a list of 16 truth values
        b"\x19\xe3" + bytes(range(14)),  # field 9: a list of 14 bytes
        b"\x08" + varint(2 * 40) + varint(3) + b"xyz",  # field 40, its number in full
        b"\x1c\x15\x07\x00",  # field 41: a structure with a number
        b"\x00",
    ])  # fmt: skip


@pytest.mark.parametrize("by", [0, 1, 1_000, 2**33])
def test_a_footer_with_every_type_of_value_is_copied_and_its_offsets_moved(by):
    assert _Moved(footer(0), by).whole() == footer(by)


def test_a_footer_with_an_unknown_type_of_value_is_an_error():
    with pytest.raises(ValueError, match="of kind 13"):
        _Moved(b"\x1d\x00", 1).whole()


@pytest.mark.parametrize("first", [0, 5, 6, 9])
def test_a_geopackage_is_read_from_any_row(first, tmp_path):
    shapes = gpd.points_from_xy(np.arange(6) + 66.0, np.full(6, 25.0))
    path = tmp_path / "a.gpkg"
    gpd.GeoDataFrame({"n": range(6)}, geometry=shapes, crs=4326).to_file(path, layer="a")
    source = open_source(path)
    start = Position(first)
    found = [n for batch in source.batches(start, 4) for n in batch.columns["n"].to_pylist()]
    assert found == list(range(first, 6))


def layer(path, *, is_bare=False):
    frame = pd.DataFrame({"n": [1, 2]})
    if not is_bare:
        frame = gpd.GeoDataFrame(frame, geometry=gpd.points_from_xy([67, 68], [25, 26]), crs=4326)
    pyogrio.write_dataframe(frame, path, layer="a", driver="GPKG")
    return path


def test_a_layer_without_a_geometry_is_said(tmp_path):
    with pytest.raises(InputError, match="Layer 'a' of a.gpkg has no geometry"):
        open_source(layer(tmp_path / "a.gpkg", is_bare=True))


@pytest.mark.parametrize(
    ("emptied", "says"),
    [
        ([], r"a\.gpkg has no layers\.$"),  # the layer is listed in the file, and its table is gone
        (
            ["DELETE FROM gpkg_contents", "DELETE FROM gpkg_geometry_columns"],
            # GDAL opens no GeoPackage that lists none
            r"a\.gpkg can't be read as GeoPackage \(.* not recognized .*\); it may be truncated\.$",
        ),
    ],
)
def test_files_without_a_layer_are_said(emptied, says, tmp_path):
    path = layer(tmp_path / "a.gpkg")
    with sqlite3.connect(path) as file:
        triggers = file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in triggers:
            file.execute(f'DROP TRIGGER "{name}"')
        for statement in emptied:
            file.execute(statement)
        file.execute("DROP TABLE a")
    file.close()
    with pytest.raises(FileError, match=says):
        open_source(path)


def test_a_view_has_no_numbers_of_its_own(tmp_path):
    path = layer(tmp_path / "a.gpkg")
    with sqlite3.connect(path) as file:
        file.execute("CREATE VIEW v AS SELECT fid AS ogc_fid, geom, n FROM a")
        file.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id)"
            " VALUES ('v', 'features', 'v', 4326)"
        )
        file.execute("INSERT INTO gpkg_geometry_columns VALUES ('v', 'geom', 'POINT', 4326, 0, 0)")
    file.close()
    scale.nearest_file(path, tmp_path / "o.csv", targets="ml1", layer="v")
    found = pd.read_csv(tmp_path / "o.csv")
    assert found["n"].tolist() == [1, 2]
    want = cg.nearest(cg.read(path, layer="v"), "ml1")
    np.testing.assert_allclose(found["distance_km"], want["distance_km"], atol=1e-6)


ARMED = ["=1+1", "+a", "-b", "@c", "\td", "\re", "==", "-", "+1-2"]
HARMLESS = ["a=1", "1", "-1", "+1.5", "-.5", "-2e-7", "", " =1", "'=1", "a\n=1"]


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".csv.gz"])
def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe_where_asked(suffix, tmp_path):
    names = [*ARMED, *HARMLESS]
    table = pd.DataFrame({"n": names, "lon": 67.0, "lat": 25.0})
    table.to_csv(tmp_path / "s.csv", index=False, quoting=csv.QUOTE_ALL)
    found = {}
    for safe in (False, True):
        out = tmp_path / f"o{suffix}"
        scale.nearest_file(tmp_path / "s.csv", out, targets="ml1", safe_cells=safe)
        raw = gzip.decompress(out.read_bytes()) if suffix == ".csv.gz" else out.read_bytes()
        text = io.StringIO(raw.decode(), newline="")
        rows = csv.reader(text, delimiter="\t" if suffix == ".tsv" else ",")
        found[safe] = [row[0] for row in rows][1:]
    assert found[False] == names
    assert found[True] == [f"'{text}" for text in ARMED] + HARMLESS


def test_names_of_columns_of_two_lines_have_no_header_in_csv(tmp_path):
    path = parquet(tmp_path / "s.parquet", {**GOOD, "a\nb": [1, 2]})
    with pytest.raises(InputError, match="name holds a line end"):
        scale.nearest_file(path, tmp_path / "o.csv", targets="ml1")
    with pytest.raises(InputError, match="name holds a line end"):
        header(pa.table({"a\rb": [1]}))
    assert header(pa.table({"a b": [1], "c": [b"x"], "d;e": [2]}), ";") == [b'a b;"d;e"\n']


def test_rows_as_csv_are_those_of_python_s_writer():
    """Slices, several chunks, empty ones and repeated values alike."""
    texts = ["a", 'say "x"', "a,b", "two\nlines", None, "", "ü", "c\rd"] * 30
    numbers = [1.5, None, float("1e300"), -0.25, 3.0, 7.125, 0.1, 1e-7] * 30
    whole = pa.table({"t": texts, "x": numbers, "k": pa.array(texts).dictionary_encode()})
    for table in (
        whole, whole.slice(3, 100), whole.slice(0, 1), pa.concat_tables([whole.slice(7, 9), whole]),
        pa.concat_tables([whole.slice(0, 0), whole.slice(5, 4)]),
    ):  # fmt: skip
        got = b"".join(map(bytes, lines(table, safe=False))).decode()
        rows = list(csv.reader(io.StringIO(got, newline="")))
        want = table.to_pylist()
        assert [row[0] for row in rows] == [row["t"] or "" for row in want]
        assert [row[2] for row in rows] == [row["t"] or "" for row in want]
        read = [float(row[1]) if row[1] else None for row in rows]
        assert read == [row["x"] for row in want]
    assert lines(whole.slice(0, 0), safe=False) == []


@pytest.mark.parametrize(
    ("values", "times", "answer"),
    [
        ([1, 1, 2, 2], 2, True),
        ([1, 1, 2, 3], 2, False),
        ([7] * 10, 10, True),
        ([7] * 9, 10, False),
        ([1, 2, 3], 1, True),
        ([], 10, True),
        ([0] * 2_000 + list(range(5_000)), 10, True),
    ],
)
def test_a_column_repeats_itself_where_its_first_values_do(values, times, answer):
    assert _repeats(pa.chunked_array([pa.array(values, pa.int64())]), times) is answer


def test_partitions_of_mixed_values_are_one_error():
    mixed = pd.DataFrame({"lon": pd.Series([67.0, "68"], dtype=object), "lat": [25.0, 26.0]})
    with dask.config.set({"dataframe.convert-string": False}):
        frame = dd.from_map(lambda _: mixed, [0], meta=mixed.iloc[:0])
    with pytest.raises(InputError, match="values of several types in 'lon', 'lat'"):
        scale.nearest(frame, "ml1").compute(scheduler="sync")


def test_targets_have_the_token_of_their_digest():
    from dask.base import tokenize

    one, same, other = scale.prepare("ml1"), scale.prepare("ml1"), scale.prepare("kkh")
    assert tokenize(one) == tokenize(same) != tokenize(other)


def test_a_result_that_was_removed_is_made_again_on_resuming(tmp_path):
    """The record of a finished run counts only while its result is where it put it."""
    parts = Parts(tmp_path / "o.csv", ".csv", together=True, key={"a": 1})
    parts.folder.mkdir()
    whole = parts.path(0)
    whole.write_text("a\n1\n")
    end = {"parts": [], "seen": [0, 0, 0]}
    (parts.folder / "run.json").write_text(
        json.dumps({"writer": "cpecgeo.scale", "key": parts.key, "end": end})
    )
    assert parts.read_end() is None
    (tmp_path / "o.csv").write_text("a\n1\n")
    assert parts.read_end() is None
    seen = (tmp_path / "o.csv").stat()
    end["seen"] = [seen.st_ino, seen.st_size, seen.st_mtime_ns]
    (parts.folder / "run.json").write_text(
        json.dumps({"writer": "cpecgeo.scale", "key": parts.key, "end": end})
    )
    assert parts.read_end() == []


def test_own_crs_and_stated_crs_must_be_the_same():
    assert converter(4326, 4326, "f") is None
    assert converter(4326, None, "f") is None
    assert converter(None, 4326, "f") is None
    with pytest.raises(CRSError, match="states its own CRS"):
        converter(4326, 32642, "f")
    with pytest.raises(CRSError, match="has no CRS"):
        converter(None, None, "f")


def test_choices_of_a_table_are_kept_for_every_batch(tmp_path):
    path = tmp_path / "s.csv"
    path.write_text("a,b\n67,25\n68,26\n")
    source = open_source(path, Choice(lon="a", lat="b"))
    found = [batch.xy.tolist() for batch in source.batches(Position(), 1)]
    assert found == [[[67, 25]], [[68, 26]]]


@pytest.mark.parametrize("own", [None, "some"])
@pytest.mark.parametrize("certainty", [None, "sure", "likely", "open", ["sure", "open"]])
def test_rows_of_a_certainty_are_those_of_memory(certainty, own, tmp_path):
    """Also those that are drawn beyond the distance, and may be within it."""
    rng = np.random.default_rng(4)
    line = shapely.get_coordinates(cg.corridor("mining").line)
    xy = line[rng.integers(0, len(line), 300)] + rng.normal(0, 0.15, (300, 2))
    table = pd.DataFrame({"n": range(300), "lon": xy[:, 0], "lat": xy[:, 1]})
    if own:
        table["accuracy_km"] = np.where(table["n"] % 3 == 0, 6.0, np.nan)
    path = parquet(tmp_path / "s.parquet", pa.Table.from_pandas(table, preserve_index=False))
    want = cg.within(cg.read(path), "mining", 12, certainty=certainty)
    assert 0 < len(want) < 300
    scale.within_file(
        path, tmp_path / "o.parquet", targets="mining", km=12, certainty=certainty, batch_rows=70
    )
    lazy = scale.within(dd.from_pandas(table, npartitions=3), "mining", 12, certainty=certainty)
    for found in (pd.read_parquet(tmp_path / "o.parquet"), lazy.compute(scheduler="sync")):
        assert found["n"].tolist() == want["n"].tolist()
        words = found["certainty"].astype(object)
        assert words.tolist() == want["certainty"].astype(object).tolist()
        near = "accuracy_km_near" if own else "accuracy_km"
        for name in ("distance_km", near):
            np.testing.assert_allclose(found[name], want[name], atol=1e-9)
    if certainty == "open":
        assert (want["distance_km"] > 12).any()
    with pytest.raises(InputError, match="certainty is 'sur'"):
        scale.within_file(path, tmp_path / "o.parquet", targets="mining", km=12, certainty="sur")


BAD_PARTS = {
    "a line": ({"geometry": [Point(67, 25), LineString([(67, 25), (68, 26)])]}, GeometryError),
    "out of range": ({"lon": [67.0, 68.0], "lat": [25.0, 95.0]}, CoordinateError),
    "one of two": ({"lon": [67.0, 68.0], "lat": [25.0, np.nan]}, CoordinateError),
    "text": ({"lon": ["67", "68"], "lat": ["25", "north"]}, InputError),
    "no text of a geometry": ({"wkt": ["POINT (67 25)", "POINT (67"]}, GeometryError),
}


@pytest.mark.parametrize("case", BAD_PARTS)
def test_rows_of_a_partition_are_counted_from_one(case):
    columns, error = BAD_PARTS[case]
    table = pd.DataFrame(columns)
    if "geometry" in columns:
        made = dask_geopandas.from_geopandas(gpd.GeoDataFrame(table, crs=4326), npartitions=1)
    else:
        made = dd.from_pandas(table, npartitions=1)
    with pytest.raises(error, match=r"a partition.* in row 2\b"):
        scale.nearest(made, "ml1").compute(scheduler="sync")


def test_impossible_accuracies_of_a_partition_are_told_with_their_row():
    table = pd.DataFrame({**GOOD, "accuracy_km": ["1", "good"]}, index=[7, 9])
    lazy = scale.nearest(dd.from_pandas(table, npartitions=1), "ml1")
    with pytest.warns(cg.errors.DataWarning, match="begins at index 7 has 1 value .* in row 2;"):
        lazy.compute(scheduler="sync")


# How much is read at once


@pytest.mark.parametrize(("letters", "is_read"), [(900, True), (3_900, True), (4_100, False)])
def test_a_record_has_up_to_four_blocks(letters, is_read, tmp_path, monkeypatch):
    monkeypatch.setattr("cpecgeo.scale.tables.BATCH_BYTES", 1_000)
    path = tmp_path / "s.csv"
    rows = ["x", "y", "z" * letters, "w"]
    path.write_text("t,lon,lat\n" + "".join(f"{text},67,25\n" for text in rows))
    if is_read:
        scale.nearest_file(path, tmp_path / "o.csv", targets="ml1")
        assert pd.read_csv(tmp_path / "o.csv")["t"].tolist() == rows
    else:
        with pytest.raises(FileError, match="a record of more than 2,000 bytes after row 2;"):
            scale.nearest_file(path, tmp_path / "o.csv", targets="ml1")


@pytest.mark.parametrize(("columns", "width"), [(2, 16.0), (3, 24.0)])
def test_a_number_takes_eight_bytes_in_memory_however_it_is_stored(columns, width, tmp_path):
    table = {name: np.full(10_000, 67.0) for name in ("lon", "lat", "z")[:columns]}
    assert open_source(parquet(tmp_path / "s.parquet", table)).widths == (width, width)
    fixed = {**GOOD, "code": pa.array([b"x" * 100] * 2, pa.binary(100))}
    many = {n: pa.concat_arrays([pa.array(v)] * 5_000) for n, v in fixed.items()}
    assert open_source(parquet(tmp_path / "s.parquet", many)).widths == (116.0, 116.0)


def test_a_batch_has_262_144_rows_unless_asked_otherwise(tmp_path):
    table = {"lon": np.full(600_000, 67.0), "lat": np.full(600_000, 25.0)}
    path, seen = parquet(tmp_path / "s.parquet", table), []
    scale.within_file(
        path, tmp_path / "o.parquet", targets=shapely.Point(0, 0), km=1,
        progress=lambda now: seen.append(now.rows),
    )  # fmt: skip
    assert np.diff([0, *seen])[:3].tolist() == [262_144, 262_144, 600_000 - 2 * 262_144]


@pytest.mark.parametrize(
    ("likely", "most", "rows"),
    [
        (1.0, 1.0, 1_000),
        (48e3, 1.0, 1_000),
        (96e3, 1.0, 500),
        (1.0, 192e3, 1_000),
        (1.0, 384e3, 500),
        (48e6, 48e6, 1),
        (1e9, 1e9, 1),
    ],
)
def test_a_batch_of_parquet_has_48_mb_likely_and_four_times_as_much_at_most(
    likely, most, rows, tmp_path
):
    source = open_source(parquet(tmp_path / "s.parquet", GOOD))
    assert replace(source, widths=(likely, most)).batch_of(1_000) == rows


@pytest.mark.parametrize("rows", [1, 2, 3, 7])
@pytest.mark.parametrize("first", [0, 1, 3])
def test_the_width_of_a_row_is_that_of_the_widest_group(rows, first, tmp_path):
    """Bytes of a value that is stored once count in each row."""
    path = tmp_path / "s.parquet"
    schema = pa.schema([("lon", pa.float64()), ("lat", pa.float64()), ("t", pa.string())])
    with pq.ParquetWriter(path, schema) as writer:
        for count, letters in ((first, 10), (rows, 90_000), (5, 20)):
            if count:
                writer.write_table(pa.table(
                    {"lon": [67.0] * count, "lat": [25.0] * count, "t": ["x" * letters] * count},
                    schema,
                ))  # fmt: skip
    likely, most = open_source(path).widths
    assert 90_000 <= likely < 92_000
    assert 90_000 <= most < 92_000


@pytest.mark.parametrize(
    ("size", "held", "rows"),
    [
        (480_000, 10, 1_000),  # 48 kB a row
        (960_000, 10, 500),
        (96_000_000, 1, 1),
        (48_000_000, None, 1),
        (0, 0, 1_000),
        (10, 1_000, 1_000),
    ],
)
def test_a_batch_of_a_geopackage_has_48_mb(size, held, rows, tmp_path):
    source = open_source(layer(tmp_path / "a.gpkg"))
    assert replace(source, size=size, rows=held).batch_of(1_000) == rows


@pytest.mark.parametrize(("count", "letters"), [(1, 5), (10, 5), (100, 40), (5_000, 3), (90, 900)])
def test_a_block_of_csv_has_about_as_many_bytes_as_its_rows_take(count, letters, tmp_path):
    path = tmp_path / "s.csv"
    path.write_text("t,lon,lat\n" + f"{'x' * letters},67,25\n" * (60 * count + 300))
    source, each = open_source(path), letters + 7
    seen = [b.end.byte - b.start.byte for b in source.batches(Position(), count)]
    # A block ends with a whole record; the sample of its length may end within one.
    assert (
        0.95 * count * each - each
        <= min(seen[1:-1] or seen)
        <= max(seen[1:])
        <= 1.05 * count * each + each
    )


@tries(60)
@given(
    st.binary(max_size=300), st.lists(st.tuples(st.integers(0, 40), st.integers(0, 60)), max_size=9)
)
def test_a_packed_file_is_read_onwards_as_one_that_is_not(content, steps):
    """It goes back by one block at most, as batches do."""
    packed, plain = _Onward(io.BytesIO(content)), io.BytesIO(content)
    at = 0
    for ahead, count in steps:
        packed.seek(at + ahead)
        plain.seek(at + ahead)
        got = packed.read(count)
        assert got == plain.read(count)
        packed.seek(at + ahead)
        plain.seek(at + ahead)
        assert packed.read(2 * count) == plain.read(2 * count)  # from the same record on
        at = (
            min(at + ahead, len(content))
            if at + ahead > len(content)
            else at + ahead + len(got) // 2
        )


@pytest.mark.parametrize("times", [1, 400, 20_000])
def test_the_size_of_a_packed_file_is_estimated_from_its_beginning(times, tmp_path):
    raw = b"lon,lat\n" + b"67.123,25.456\n68.5,26.25\n" * times
    for name, held in (
        ("s.csv", raw),
        ("s.csv.gz", gzip.compress(raw)),
        ("s.csv.GZ", gzip.compress(raw)),
    ):
        path = tmp_path / name
        path.write_bytes(held)
        size = open_source(path).size
        assert size == len(raw) if name == "s.csv" else 0.5 * len(raw) < size < 2.0 * len(raw)


@tries(40)
@given(st.lists(st.integers(0, 7), max_size=9), st.integers(1, 9))
def test_tables_are_cut_anew_into_so_many_rows(sizes, rows):
    whole = list(range(sum(sizes)))
    held = iter(whole)
    tables = [
        pa.table({"n": pa.array([next(held) for _ in range(size)], pa.int64())}) for size in sizes
    ]
    found = [t["n"].to_pylist() for t in rechunk(iter(tables), rows)]
    assert [n for some in found for n in some] == whole
    assert all(len(some) == rows for some in found[:-1])
    assert not found or 0 < len(found[-1]) <= rows


def test_progress_counts_from_what_was_kept(tmp_path):
    """Rows of an earlier run are in the share, and not in the rate."""
    from cpecgeo.scale.stream import _report

    seen, began = [], time.perf_counter()
    with _report(seen.append) as report:
        report(100, 0.25)
        report(100, 0.25)
        report(300, 0.75)
        report(400, 1.0)
    assert [(p.rows, p.share) for p in seen] == [(100, 0.25), (100, 0.25), (300, 0.75), (400, 1.0)]
    assert [p.rows_per_s > 0 for p in seen] == [False, False, True, True]
    assert [np.isnan(p.seconds_left) for p in seen] == [True, True, False, False]
    # From the first report on, however short that was.
    assert seen[3].rows_per_s >= 300 / (time.perf_counter() - began)
    assert seen[3].seconds_left == 0
    # Two thirds of what is new are done, so that half as long is left as it took.
    assert seen[2].seconds_left == pytest.approx(0.5 * 200 / seen[2].rows_per_s)


@pytest.mark.parametrize(
    ("rows", "byte", "share"), [(None, 50, 0.5), (None, 250, 1.0), (10, 250, 0.5), (0, 0, 5.0)]
)
def test_a_share_of_bytes_is_at_most_one_however_wrong_their_estimate(rows, byte, share):
    from types import SimpleNamespace

    from cpecgeo.scale.stream import _share

    job = SimpleNamespace(source=SimpleNamespace(rows=rows, size=100))
    assert _share(job, Position(5, byte)) == share

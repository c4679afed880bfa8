"""What files and tables hold only seldom: read, written or refused as any other."""

import errno
import gc
import io
import json
import os
import re
import struct
import sys
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyogrio
import pytest
import shapely
from shapely.geometry import GeometryCollection, LineString, Point, Polygon

import cpecgeo as cg
from cpecgeo.errors import (
    CoordinateError,
    CRSError,
    DataWarning,
    FileError,
    GeometryError,
    InputError,
)
from cpecgeo.files import (
    disk,
    displacement,
    positions,
    reading,
    tables,
    vectors,
    wellknown,
    writing,
)
from cpecgeo.files.fields import fit_columns, kind_of, refuse_illegal
from cpecgeo.files.formats import find_format, sniff_suffix
from cpecgeo.files.notations import read_degrees
from cpecgeo.files.numbers import infer_types, join_thousands, to_accuracy, to_numbers
from cpecgeo.files.reading import label_rows
from cpecgeo.files.text import encoding_error, parse_header
from cpecgeo.files.writing import _compare_bounds

KML = "<kml><Document>{}</Document></kml>"
GPX = '<gpx xmlns="http://www.topografix.com/GPX/1/1">{}</gpx>'
AT = {"type": "Point", "coordinates": [67, 25]}


def named(values, shapes=None, **columns):
    shapes = [Point(67 + i, 25) for i in range(len(values))] if shapes is None else shapes
    return gpd.GeoDataFrame({"n": values, **columns}, geometry=shapes, crs=4326)


def written(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def mark(inside):
    return KML.format(f"<Placemark><name>a</name>{inside}</Placemark>")


# Name of a file, its text or what writes it, and what the error says.
def encrypted(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.shp", b"x" * 100)
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(raw)


@pytest.mark.parametrize("cut", [40, 300])
def test_a_damaged_sheet_is_one_error(cut, tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["lon", "lat"])
    path = tmp_path / "a.xlsx"
    book.save(path)
    with zipfile.ZipFile(path) as archive:
        whole = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, raw in whole.items():
            archive.writestr(name, raw[:cut] if "worksheets/" in name else raw)
    with pytest.raises(FileError, match="can't be read as Excel"):
        cg.read(path)
    gc.collect()  # a file left open would be told


def test_a_workbook_without_the_sheet_is_left_closed(tmp_path):
    book = openpyxl.Workbook()
    for sheet in (book.active, book.create_sheet("other")):
        sheet.append(["lon", "lat"])
    book.save(tmp_path / "a.xlsx")
    with pytest.raises(InputError, match="has 2 layers"):
        cg.read(tmp_path / "a.xlsx")
    gc.collect()


def bare_layer(path):
    pyogrio.write_dataframe(pd.DataFrame({"n": [1]}), path, layer="a")


REFUSED = {
    "an encrypted archive": ("a.zip", encrypted, "is encrypted; unpack it first"),
    "lines of nothing": ("a.geojsonl", "\n \n", "is empty; a feature on each line"),
    "a layer without shapes": ("a.gpkg", bare_layer, "has no geometry; features with positions"),
    "a point without lon": (
        "a.gpx", GPX.format('<wpt lat="25"/>'), "a point has lon None and lat '25'",
    ),
    "a point of letters": (
        "a.gpx", GPX.format('<wpt lat="25" lon="x"/>'), "has lon 'x' and lat '25', which are no",
    ),
    "a position of lon alone": (
        "a.kml", mark("<Point><coordinates>67</coordinates></Point>"),
        "a Point in placemark 1 that is none: a position without lon or lat",
    ),
    "a book of nothing": (
        "a.xlsx", lambda p: openpyxl.Workbook().save(p), "is empty; a header with column names",
    ),
    "a CRS by its code": (
        "a.geojson",
        json.dumps({"type": "FeatureCollection", "features": [],
                    "crs": {"type": "EPSG", "properties": {"code": 99_999}}}),
        "names the CRS 'EPSG:99999', which isn't known",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_is_said(case, tmp_path):
    name, content, says = REFUSED[case]
    path = tmp_path / name
    if callable(content):
        content(path)
    else:
        written(path, content)
    with pytest.raises((FileError, InputError, CRSError)) as caught:
        cg.read(path)
    assert says in str(caught.value)


LINKED = {
    "by its type": {"crs": {"type": "link", "properties": {}}},
    "by an address": {"crs": {"properties": {"href": "http://a.pk"}}},
    "by an address within": {"crs": {"properties": {"more": {"href": "x"}}}},
    "by a CRS of JSON-FG": {"coordRefSys": "http://a.pk"},
    "by what it conforms to": {"conformsTo": ["http://a.pk"]},
}


@pytest.mark.parametrize("suffix", [".geojson", ".geojsonl"])
@pytest.mark.parametrize("case", LINKED)
def test_geojson_that_links_to_a_crs_is_refused(case, suffix, tmp_path):
    held = {"type": "Feature", "properties": {"href": "mine"}, "geometry": AT}
    path = tmp_path / f"a{suffix}"
    assert cg.read(written(path, json.dumps(held)))["href"].tolist() == ["mine"]
    written(path, json.dumps({**held, **LINKED[case]}))
    with pytest.raises(FileError, match="links to a reference system elsewhere"):
        cg.read(path)


def test_the_code_of_a_crs_in_geojson_counts(tmp_path):
    held = {
        "type": "FeatureCollection", "crs": {"type": "EPSG", "properties": {"code": 4326}},
        "features": [{"type": "Feature", "properties": {}, "geometry": AT}],
    }  # fmt: skip
    found = cg.read(written(tmp_path / "a.geojson", json.dumps(held)))
    assert found.crs.to_epsg() == 4326


def test_a_file_that_may_not_be_read_is_one_error_in_every_format(tmp_path, monkeypatch):
    opened = Path.open

    def refuse(self, *args, **kwargs):
        if self.name.startswith("locked"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))
        return opened(self, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(Path, "read_bytes", lambda self: refuse(self, "rb").read())
    for suffix in (".csv", ".geojson", ".kml", ".gpx", ".gpkg", ".csv.gz"):
        path = tmp_path / f"locked{suffix}"
        path.touch()
        with pytest.raises(FileError, match=r"can't be read: Permission denied\.$"):
            cg.read(path)
    with pytest.raises(FileError, match="can't be read: Permission denied"):
        disk.fingerprint(tmp_path / "locked.csv")


def test_a_missing_file_in_a_folder_that_is_not_listed_gets_no_advice(tmp_path, monkeypatch):
    written(tmp_path / "sites.csv", "lon,lat\n67,25\n")
    with pytest.raises(FileError, match=r"Did you mean 'sites\.csv'\?$"):
        cg.read(tmp_path / "site.csv")

    def refuse(_):
        raise PermissionError

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(FileError, match=r"site\.csv doesn't exist\.$"):
        cg.read(tmp_path / "site.csv")
    with pytest.raises(FileError, match="There is no folder"):
        cg.read(tmp_path / "none" / "site.csv")


# Columns of values that few tables have, the format, and the values as they are read back.
COLUMNS = [
    ("parquet", pd.Series([1, 2], dtype="uint32"), [1, 2]),
    ("gpkg", pd.Series([1, 2**32 - 1], dtype="uint32"), [1, 2**32 - 1]),
    ("gpkg", pd.Series([1, None], dtype="UInt16"), [1, None]),
    ("geojson", pd.Series([7, None], dtype="UInt8"), [7, None]),
    ("gpkg", pd.Series([True, "a"], dtype=object), ["True", "a"]),
    ("csv", pd.Series([True, 2], dtype=object), ["True", "2"]),
    ("gpkg", pd.Series([2**63 - 1, -(2**63) + 1]), [2**63 - 1, -(2**63) + 1]),
]


@pytest.mark.filterwarnings("ignore:.*written as text")
@pytest.mark.parametrize(("suffix", "values", "back"), COLUMNS)
def test_values_of_rare_types_come_back(suffix, values, back, tmp_path):
    cg.write(named(values), tmp_path / f"a.{suffix}")
    found = cg.read(tmp_path / f"a.{suffix}")["n"]
    assert [None if pd.isna(v) else v for v in found.tolist()] == back


@pytest.mark.parametrize("large", [2**63 - 1, 2**63, -(2**63) + 1, -(2**63)])
def test_numbers_of_64_bits_are_the_last_that_fit(large):
    """One less than the least fits in two's complement; formats differ there, so it is text."""
    values = pd.Series([1, large], dtype=object)
    assert kind_of(values) == ("int" if abs(large) < 2**63 else "large int")


def test_excel_holds_fifteen_digits(tmp_path):
    for number, told in ((10**15, False), (10**15 + 1, True), (-(10**15) - 1, True)):
        found, remarks = fit_columns(pd.DataFrame({"n": [number]}), find_format(Path("a.xlsx")))
        assert bool(remarks) is told
        assert found["n"].tolist() == [str(number) if told else number]


# A table, the format, and what the error says.
NOT_WRITTEN = {
    "complex numbers": (named([1j, 2]), "gpkg", "'n' holds complex numbers, which no format"),
    "a zero byte": (named(["a\0"]), "gpkg", "a text with a zero byte, which GeoPackage can't"),
    "no position in GPX": (
        named(["a", "b"], [Point(67, 25), None]), "gpx", "no place for 1 rows without a position",
    ),
    "an empty position in GPX": (
        named(["a", "b"], [Point(), None]), "gpx", "no place for 2 rows without a position",
    ),
    "areas in GPX": (named(["a"], [shapely.box(67, 25, 68, 26)]), "gpx", "no place for Polygon"),
    "a collection in a shapefile": (
        named(["a"], [GeometryCollection([Point(67, 25)])]), "shp", "no place for GeometryColl",
    ),
    "two types in a shapefile": (
        named(["a", "b"], [Point(67, 25), LineString([(67, 25), (68, 26)])]), "shp",
        "has LineString, Point",
    ),
    "255 bytes in a shapefile": (named(["ü" * 127 + "a"]), "shp", "a text of 255 bytes, and a"),
}  # fmt: skip


@pytest.mark.parametrize("case", NOT_WRITTEN)
def test_what_a_format_cannot_hold_is_said(case, tmp_path):
    table, suffix, says = NOT_WRITTEN[case]
    with pytest.raises(InputError) as caught:
        cg.write(table, tmp_path / f"a.{suffix}")
    assert says in str(caught.value)
    assert [*tmp_path.iterdir()] == []


def test_a_shapefile_holds_254_bytes_and_ten_letters_of_a_name(tmp_path):
    text = "ü" * 127
    assert len(text.encode()) == 254
    table = named([text], abcdefghijk="x", abcdefghijl="y", **{"ü" * 6: ["z"], " ": ["blank"]})
    with pytest.warns(DataWarning, match="columns renamed"):
        cg.write(table, tmp_path / "a.shp")
    found = cg.read(tmp_path / "a.shp")
    assert [*found.columns] == ["n", "abcdefghij", "abcdefgh_2", "ü" * 5, "column", "geometry"]
    assert found["n"].tolist() == [text]
    assert found["abcdefgh_2"].tolist() == ["y"]


@pytest.mark.parametrize("suffix", ["gpkg", "kml", "gpx", "fgb", "geojson"])
def test_a_column_without_a_name_gets_one(suffix, tmp_path):
    with pytest.warns(DataWarning, match="columns renamed"):
        cg.write(named(["a"], **{"": ["x"], "  ": ["y"]}), tmp_path / f"a.{suffix}")
    found = cg.read(tmp_path / f"a.{suffix}")
    assert (found["column"].tolist(), found["column_2"].tolist()) == (["x"], ["y"])


def test_sheets_hold_so_many_rows_and_letters(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "_MAX_ROWS", 4)
    monkeypatch.setattr(tables, "_MAX_TEXT", 5)
    path = tmp_path / "a.xlsx"
    cg.write(named(["a"] * 3), path)  # and the header
    assert len(cg.read(path)) == 3
    with pytest.raises(InputError, match="4 rows are more than a sheet holds"):
        cg.write(named(["a"] * 4), path)
    cg.write(named(["abcde"]), path)
    with pytest.raises(InputError, match="'n' has a text of 6 letters, and a cell holds 5"):
        cg.write(named(["a", "abcdef"]), path)
    assert cg.read(path)["n"].tolist() == ["abcde"]


def test_the_name_of_a_sheet_is_cut_and_cleaned(tmp_path):
    path = tmp_path / "a.xlsx"
    for name, there in (("a/b:c?*[]\\", "abc"), ("x" * 40, "x" * 31), ("???", "cpecgeo")):
        cg.write(named([1]), path, layer=name)
        assert openpyxl.load_workbook(path).sheetnames == [there]


def test_titles_are_single_cells_above_names(tmp_path):
    """At most nine of them, and only where names follow."""
    for count, is_title in ((1, True), (9, True), (10, False)):
        book = openpyxl.Workbook()
        for row in [*[["Survey"]] * count, ["n", "lon", "lat"], ["a", 67, 25]]:
            book.active.append(row)
        book.save(tmp_path / "a.xlsx")
        if is_title:
            with pytest.warns(DataWarning, match=f"has {count} rows above the header"):
                assert len(cg.read(tmp_path / "a.xlsx")) == 1
        else:
            with pytest.raises(InputError):
                cg.read(tmp_path / "a.xlsx")


def test_merged_cells_count_below_the_header_alone(tmp_path):
    book = openpyxl.Workbook()
    for row in (["Survey"], [None], ["n", "lon", "lat"], ["a", 67, 25], ["b", 68, 25]):
        book.active.append(row)
    book.active.merge_cells("A1:A2")
    book.save(tmp_path / "a.xlsx")
    with pytest.warns(DataWarning, match="has 2 rows above the header") as told:
        cg.read(tmp_path / "a.xlsx")
    assert len(told) == 1
    book.active.merge_cells("A3:A4")
    book.save(tmp_path / "a.xlsx")
    with pytest.warns(DataWarning) as told:
        cg.read(tmp_path / "a.xlsx")
    assert "1 merged cells among the rows of the sheet" in str(told[-1].message)


def test_data_of_kml_in_elements_of_its_own(tmp_path):
    inside = (
        '<ExtendedData xmlns:x="urn:x"><x:site><x:code>007</x:code><x:kind>mine</x:kind></x:site>'
        "<x:note>far</x:note></ExtendedData>"
    )
    row = cg.read(written(tmp_path / "a.kml", mark(f"{inside}<Point/>"))).iloc[0]
    assert (row["code"], row["kind"], row["note"]) == ("007", "mine", "far")
    assert row.geometry is None


def test_links_and_heights_of_way_points(tmp_path):
    point = (
        '<wpt lat="25" lon="67"><ele>5</ele><link href="http://a.pk"><text>A</text></link></wpt>'
    )
    row = cg.read(written(tmp_path / "a.gpx", GPX.format(point))).iloc[0]
    assert (row["link"], row["link_text"], row["ele"]) == ("http://a.pk", "A", 5)
    cg.write(named(["a", "b"], [Point(67, 25, 12.5), Point(68, 26)]), tmp_path / "b.gpx")
    found = cg.read(tmp_path / "b.gpx")
    assert found["ele"].fillna(-1).tolist() == [12.5, -1]


@pytest.mark.parametrize("separator", [None, ",", "comma"])
def test_separators_are_taken_out_of_text_alone(separator):
    for values in (pd.Series([1234, 5]), pd.Series([1.5]), pd.Series([True])):
        assert join_thousands(values, separator) is values


def test_text_and_numbers_of_an_accuracy():
    for kind in (float, "Int64", object):
        values = pd.Series([0, 3, -1, None], dtype=kind)
        km, is_odd = to_accuracy(values)
        np.testing.assert_array_equal(km, [0, 3, np.nan, np.nan])
        assert is_odd.tolist() == [False, False, True, False]


@pytest.mark.parametrize("wrong", [0, 199, 200, 250, 399])
def test_one_text_anywhere_keeps_a_column_text(wrong):
    texts = [str(i) for i in range(400)]
    assert infer_types(pd.Series(texts)).dtype == "int64"
    texts[wrong] = "007"
    assert infer_types(pd.Series(texts)).tolist() == texts


@pytest.mark.parametrize("at", [99, 100])
def test_a_column_of_both_is_known_by_its_first_hundred_cells(at):
    cells = ["34.1, 71.5"] * 150
    cells[at] = "nowhere"
    assert positions._are_pairs(pd.Series(cells), is_said=False) is (at == 100)


def test_columns_that_hold_positions_already_are_left_as_they_are(tmp_path):
    """A column of another position beside those of the points is renamed, and only then."""
    table = named(["a"], lon=["x"])
    with pytest.warns(DataWarning, match="'lon' to 'lon_of_row'"):
        cg.write(table, tmp_path / "a.csv")
    assert cg.read(tmp_path / "a.csv").geometry.tolist() == [Point(67, 25)]


def test_a_row_by_itself_is_told_to_stay_a_table(tmp_path):
    table = named(["a"])
    with pytest.raises(InputError, match=r"frame is a Series, .* frame\.iloc\[\[0\]\]"):
        cg.write(table.iloc[0], tmp_path / "a.geojson")
    assert len(cg.read(cg.write(table.iloc[[0]], tmp_path / "a.geojson"))) == 1


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("suffix", ["csv", "kml", "parquet", "gpkg"])
def test_a_series_is_a_table_of_one_column(suffix, tmp_path):
    series = pd.Series([1.5, 2.5], index=["a", "b"], name="km")
    if suffix in {"csv", "parquet"}:
        cg.write(series, tmp_path / f"a.{suffix}")
        read = pd.read_csv if suffix == "csv" else pd.read_parquet
        assert read(tmp_path / f"a.{suffix}").to_dict("list") == {
            "name": ["a", "b"],
            "km": [1.5, 2.5],
        }
        cg.write(series.rename(None), tmp_path / f"a.{suffix}")
        assert read(tmp_path / f"a.{suffix}").columns.tolist() == ["name", "value"]
    else:
        with pytest.raises(InputError, match="no geometry; write it as .csv or .parquet"):
            cg.write(series, tmp_path / f"a.{suffix}")


class Closed(io.RawIOBase):
    def __init__(self, error):
        self.error = error

    def writable(self):
        return True

    def write(self, _):
        raise self.error


@pytest.mark.parametrize(
    ("error", "says"),
    [(OSError(28, "No space left on device"), "No space left on device"), (ValueError("x"), "it is closed")],
)  # fmt: skip
def test_a_standard_output_that_takes_nothing_is_one_error(error, says, monkeypatch):
    class Out:
        buffer = Closed(error)

        def flush(self):
            pass

    monkeypatch.setattr(sys, "stdout", Out())
    with pytest.raises(FileError, match=rf"can't write to standard output \({says}\)"):
        cg.write(named(["a"]), "-")
    Out.buffer.error = BrokenPipeError()
    with pytest.raises(BrokenPipeError):  # whoever reads has had enough
        cg.write(named(["a"]), "-")


@pytest.mark.parametrize(("size", "is_read"), [(22, True), (23, False)])
def test_standard_input_holds_so_many_bytes(size, is_read, monkeypatch):
    monkeypatch.setattr(reading, "MAX_BYTES", 22)

    class In:
        buffer = io.BytesIO(b"lon,lat\n67,25\n" + b"\n" * (size - 14))

    monkeypatch.setattr(sys, "stdin", In())
    if is_read:
        assert len(cg.read("-")) == 1
    else:
        with pytest.raises(FileError, match="more than 22 bytes"):
            cg.read("-")


SNIFFED = {
    b'{"type":"Topology","objects":{}}': ".topojson",
    b'{"a":1, "type" : "Topology"}': ".topojson",
    b" " * 20 + b'{"type":"Topology"}': ".topojson",
    b'{"x":"' + b"a" * 4_090 + b'","type":"Topology"}': ".geojson",
    b'{"type":"Feature"}\n{"type":"Feature"}\n': ".geojsonl",
    b'{"type":"Feature"}\n': ".geojson",
    b'\x1e{"type":"Feature"}\n': ".geojsonl",
    b'{\n"type":"Feature"}\n': ".geojson",
    b"<?xml?><gpx>": ".gpx",
    b"<!--" + b"a" * 4_092 + b"--><gpx>": ".kml",
    b"<kml>": ".kml",
    b"PK\x03\x04 xl/": ".xlsx",
    b"PK\x03\x04 doc.kml": ".kmz",
    b"PK\x03\x04": ".zip",
    b"PAR1": ".parquet",
    b"\x1f\x8b": ".csv.gz",
    b"SQLite format 3\0": ".gpkg",
    b"fgb\x03fgb": ".fgb",
    b"": ".csv",
    b"\xef\xbb\xbflon,lat": ".csv",
    '{"type":"Feature"}'.encode("utf-16"): ".geojson",
    '{"type":"Feature"}'.encode("utf-16") + b"x": ".geojson",
}


@pytest.mark.parametrize("head", SNIFFED, ids=repr)
def test_bytes_without_a_name_have_the_suffix_of_their_format(head):
    assert sniff_suffix(head) == SNIFFED[head]


def test_a_map_across_the_antimeridian_is_compared_by_its_latitudes():
    """RFC 7946 cuts a line there, so that its bounds become those of the whole earth."""
    form = find_format(Path("a.geojson"))
    wide = gpd.GeoSeries([LineString([(-170, 10), (170, 20)])], crs=4326)
    cut = gpd.GeoSeries([LineString([(-180, 10), (180, 20)])], crs=4326)
    assert _compare_bounds(wide, cut, form) == []
    other = gpd.GeoSeries([LineString([(-180, 10), (180, 21)])], crs=4326)
    assert _compare_bounds(wide, other, form) != []
    half = gpd.GeoSeries([LineString([(-90, 10), (90, 20)])], crs=4326)
    assert _compare_bounds(half, cut, form) != []


@pytest.mark.parametrize(("off", "same"), [(1.9e-7, True), (2.1e-7, False), (-2.1e-7, False)])
def test_bounds_read_back_are_those_of_seven_decimals(off, same):
    here = gpd.GeoSeries([Point(67, 25)], crs=4326)
    there = gpd.GeoSeries([Point(67, 25 + off)], crs=4326)
    assert (_compare_bounds(here, there, find_format(Path("a.kml"))) == []) is same
    metres = gpd.GeoSeries([Point(3e5, 2e6)], crs=32642)
    moved = gpd.GeoSeries([Point(3e5, 2e6 + 1e4 * off)], crs=32642)
    assert (_compare_bounds(metres, moved, find_format(Path("a.gpkg"))) == []) is same
    assert _compare_bounds(
        metres, metres.set_crs(32643, allow_override=True), find_format(Path("a.gpkg"))
    )


@pytest.mark.parametrize(
    ("ids", "kind", "back"),
    [
        ([1, None, 3], "Int64", [1, None, 3]),
        ([1, 2], "int64", [1, 2]),
        ([1.5, 2.0], "float64", [1.5, 2.0]),
        ([1, "a", 2.5], None, ["1", "a", "2.5"]),
        (["x", None], None, ["x", None]),
        ([2**63 - 1, 1], "int64", [2**63 - 1, 1]),
    ],
)
def test_ids_of_geojson_keep_their_type(ids, kind, back, tmp_path):
    rows = [
        {
            "type": "Feature",
            "properties": {"n": 1},
            "geometry": AT,
            **({} if i is None else {"id": i}),
        }
        for i in ids
    ]
    text = json.dumps({"type": "FeatureCollection", "features": rows})
    found = cg.read(written(tmp_path / "a.geojson", text))["id"]
    assert kind is None or found.dtype == kind
    assert [None if pd.isna(v) else v for v in found.tolist()] == back


@pytest.mark.parametrize("size", [0, 31, 32])
def test_a_table_of_a_shapefile_that_is_cut_off_says_no_encoding(size, tmp_path):
    path = tmp_path / "a.shp"
    path.touch()
    head = bytearray(32)
    head[8:10] = struct.pack("<H", 32)
    raw = bytes(head) + "گوادر".encode()
    path.with_suffix(".dbf").write_bytes(raw[:size] if size < 32 else raw)
    assert vectors._guess_encoding(path, "a") == (None if size < 32 else "UTF-8")
    head[29] = 0x58
    path.with_suffix(".dbf").write_bytes(bytes(head) + "گوادر".encode())
    assert vectors._guess_encoding(path, "a") is None


def test_rows_are_named_by_the_first_column_of_names_that_are_unique():
    frame = named(["x", "y"], id=[1, 2], Name=["A", "B"])
    assert label_rows(frame).index.tolist() == ["A", "B"]
    assert label_rows(frame.assign(Name="A")).index.tolist() == [1, 2]
    assert label_rows(frame.assign(Name=["A", None])).index.tolist() == [1, 2]
    assert label_rows(frame.assign(Name="A", id=1)).index.tolist() == [0, 1]


def test_whole_numbers_in_parquet_stay_whole_where_some_are_missing(tmp_path):
    table = pd.DataFrame({"n": pd.array([2**60 + 1, None], "Int64"), "lon": 67.0, "lat": 25.0})
    table.to_parquet(tmp_path / "a.parquet")
    found = cg.read(tmp_path / "a.parquet")["n"]
    assert found.dtype == "Int64"
    assert found[0] == 2**60 + 1
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(
        pa.table({"n": pa.array([2**60 + 1, None]), "lon": [67.0, 67.0], "lat": [25.0, 25.0]}),
        tmp_path / "a.parquet",
    )
    found = cg.read(tmp_path / "a.parquet")["n"]
    assert found.dtype == "Int64"
    assert found[0] == 2**60 + 1


@pytest.mark.parametrize(
    ("shape", "text"),
    [(Polygon(), "Polygon"), (Point(), "Point"), (LineString(), "LineString")],
)
def test_empty_shapes_are_no_bounds(shape, text):
    empty = gpd.GeoSeries([shape], crs=4326)
    assert _compare_bounds(empty, empty, find_format(Path("a.kml"))) == [], text


@pytest.mark.parametrize("suffix", ["csv", "geojson", "gpkg", "kml", "xlsx", "parquet"])
@pytest.mark.parametrize(
    ("values", "is_missed"),
    [
        (["a", ""], True),
        ([0, 0], True),
        ([False, False], True),
        ([0.0, None], True),
        (["", ""], False),
        ([None, ""], False),
    ],
)
def test_a_column_that_is_lost_is_missed_unless_it_is_blank(
    values, is_missed, suffix, tmp_path, monkeypatch
):
    """Markup and JSON have no place for a column of nothing."""
    table = named(pd.Series(values, dtype=object), kept=["x", "y"])
    plain = writing.read
    monkeypatch.setattr(
        writing, "read", lambda *a, **k: plain(*a, **k).drop(columns="n", errors="ignore")
    )
    path = tmp_path / f"a.{suffix}"
    if is_missed:
        with pytest.raises(FileError, match="the column 'n' is missing"):
            cg.write(table, path)
        assert not path.exists()
    else:
        assert cg.write(table, path).exists()


@pytest.mark.parametrize("lost", [1, 3, 4])
def test_up_to_three_lost_columns_are_named(lost, tmp_path, monkeypatch):
    names = [f"c{i}" for i in range(5)]
    plain = writing.read
    monkeypatch.setattr(writing, "read", lambda *a, **k: plain(*a, **k).drop(columns=names[:lost]))
    with pytest.raises(FileError, match="reads back otherwise") as caught:
        cg.write(named(["a"], **{name: ["x"] for name in names}), tmp_path / "a.csv")
    assert str(caught.value).count("is missing") == min(lost, 3)


@pytest.mark.parametrize(
    ("spot", "is_refused"),
    [
        ((24.9, 67.0), True),
        ((20.0, 55.0), True),  # the corners of the region, exchanged
        ((45.0, 89.99), True),
        ((45.0, 90.0), False),  # the pole
        ((19.99, 67.0), False),
        ((45.01, 67.0), False),
        ((24.9, 54.99), False),
        ((67.0, 24.9), False),
        ((0.0, 0.0), False),
    ],
)
def test_what_would_lie_in_the_region_when_swapped_is_refused(spot, is_refused):
    few, mixed = np.array([spot, (30.0, 70.0)]), np.array([spot, (67.0, 24.9)])
    if is_refused:
        with pytest.raises(
            CoordinateError, match=re.escape(f"starts at ({spot[0]:g}, {spot[1]:g})")
        ):
            displacement.refuse_turned(few, "x")
    else:
        displacement.refuse_turned(few, "x")
    displacement.refuse_turned(mixed, "x")  # one of them lies in the region as it is
    tally = displacement.count(few, np.arange(1, 3))
    assert tally.turned == 1 + (is_refused or spot == (45.0, 90.0))


def test_a_gps_shows_status_and_source_unless_there_is_a_description(tmp_path):
    plain, told = named(["a"], status="open", source="B"), named(["a"], desc="mine", status="open")
    for table, says in ((plain, "status: open; source: B"), (told, "mine"), (named(["a"]), None)):
        cg.write(table, tmp_path / "a.gpx")
        found = cg.read(tmp_path / "a.gpx")
        assert (found["desc"].tolist() if "desc" in found else None) == (says and [says])
        assert found.drop(columns=["desc", "geometry"], errors="ignore").columns.tolist() == [
            name for name in table.columns if name not in {"desc", "geometry"}
        ]


@pytest.mark.parametrize("count", [1, 8, 9])
def test_up_to_eight_columns_of_formulas_are_named(count, tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["lon", "lat", *[f"column{i}" + "z" * 50 for i in range(count)]])
    book.active.append([67, 25, *["=1+1"] * count])
    book.save(tmp_path / "a.xlsx")
    with pytest.warns(DataWarning, match=f"has {count} formulas without") as told:
        cg.read(tmp_path / "a.xlsx")
    text = str(told[0].message)
    assert text.count("'column") == min(count, 8)
    assert "z" * (40 - len("column0")) + "'" in text


# Limits


def nested_kml(depth):
    return mark("<MultiGeometry>" * depth + "<Point><coordinates>67,25</coordinates></Point>"
                + "</MultiGeometry>" * depth)  # fmt: skip


def test_geometries_of_kml_are_fifty_deep_at_most(tmp_path):
    assert cg.read(written(tmp_path / "a.kml", nested_kml(50))).geometry[0] == Point(67, 25)
    with pytest.raises(FileError, match="more than 50 geometries inside one another"):
        cg.read(written(tmp_path / "a.kml", nested_kml(51)))


@pytest.mark.parametrize(("before", "is_refused"), [(65_535, True), (65_536, False)])
def test_a_zero_byte_in_the_first_64_kib_is_no_text(before, is_refused):
    head = b"lon,lat\n".ljust(before, b"x") + b"\0"
    if is_refused:
        with pytest.raises(FileError, match="is not CSV in UTF-8"):
            parse_header(head, "f")
    else:
        assert parse_header(head, "f").names == ("lon", "lat")


@pytest.mark.parametrize(
    ("before", "says"), [(4_095, "is not XML in"), (4_096, "can't be read as")]
)
def test_a_zero_byte_in_the_first_4_kib_is_no_markup(before, says, tmp_path):
    path = tmp_path / "a.kml"
    path.write_bytes(b"<kml>".ljust(before) + b"\0</kml>")
    with pytest.raises(FileError, match=says):
        cg.read(path)


@pytest.mark.parametrize(
    ("at", "is_seen"),
    [(0, True), (65_535, True), (65_536, False), (-65_537, False), (-65_536, True), (-1, True)],
)
def test_a_fingerprint_is_of_64_kib_at_both_ends(at, is_seen, tmp_path):
    path, raw = tmp_path / "a.csv", bytearray(200_000)
    path.write_bytes(raw)
    before, stat = disk.fingerprint(path), path.stat()
    raw[at] = 1
    path.write_bytes(raw)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert (disk.fingerprint(path) != before) is is_seen


def test_packed_files_have_no_time_of_their_own(tmp_path):
    for suffix in ("kmz", "shp.zip"):
        cg.write(named(["a"]), tmp_path / f"a.{suffix}")
        with zipfile.ZipFile(tmp_path / f"a.{suffix}") as archive:
            assert {e.date_time for e in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
            assert {e.compress_type for e in archive.infolist()} == {zipfile.ZIP_DEFLATED}


def test_up_to_three_files_of_such_a_name_are_told(tmp_path):
    for i in range(5):
        written(tmp_path / f"sites{i}.csv", "lon,lat\n")
    with pytest.raises(FileError, match="Did you mean") as caught:
        cg.read(tmp_path / "sites.csv")
    assert str(caught.value).count("'sites") == 3


@pytest.mark.parametrize("value", [-9999.0, -999.0, -99999.0, 9999999.0, -1e30])
def test_every_usual_mark_of_a_missing_value_is_told(value):
    with pytest.warns(DataWarning, match=re.escape(f"1 value of {value:.15g}, which")):
        assert to_numbers(pd.Series([1.0, value]), "p").tolist() == [1, value]
    with pytest.warns(DataWarning, match="1 value of"):  # alone
        to_numbers(pd.Series([value]), "p")
    assert np.isnan(to_numbers(pd.Series([value]), "p", missing=[value])).all()
    assert to_numbers(pd.Series([1.0, value + 1.5e30]), "p")[0] == 1


NO_DEGREES = [
    ([(180.0, 90.0)], None),
    ([(-180.0, -90.0)], None),
    ([(180.5, 20.0), (67.0, 25.0)], None),
    ([(20.0, 90.5)], "seem to be swapped"),
    ([(-90.0, 180.0), (25.0, 95.0)], "seem to be swapped"),
    ([(90.5, 95.0)], "if these are metres"),
    ([(25.0, 181.0)], "if these are metres"),
    ([(3e5, 2.75e6)], "if these are metres"),
    ([], None),
]


@pytest.mark.parametrize("case", range(len(NO_DEGREES)))
def test_columns_of_no_degrees_are_swapped_or_in_metres(case):
    pairs, says = NO_DEGREES[case]
    lon, lat = np.array(pairs, float).reshape(-1, 2).T
    if says is None:
        positions._refuse_no_degrees(lon, lat, ("a", "b"), "f")
        return
    with pytest.raises(CoordinateError) as caught:
        positions._refuse_no_degrees(lon, lat, ("a", "b"), "f")
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "degrees"),
    [
        ("34 59 59.9", 34 + 59 / 60 + 59.9 / 3600), ("34 60 00", None), ("34 00 60", None),
        ("34 59.5", 34 + 59.5 / 60), ("34.5 30", None), ("34 30.5 10", None), ("34 60", None),
    ],
)  # fmt: skip
def test_minutes_and_seconds_are_below_sixty_and_whole_but_the_last(text, degrees):
    found, notation = read_degrees(text, "lat")
    assert (notation is None) is (degrees is None)
    if degrees is not None:
        assert found == pytest.approx(degrees, abs=1e-12)


@pytest.mark.parametrize("raw", [b"\x01\x01\0\0\0", b"\x00\0\0\0\x07"])
def test_five_bytes_may_begin_a_geometry_and_four_dont(raw):
    assert wellknown.is_wellknown(pd.Series([None, raw]))
    assert not wellknown.is_wellknown(pd.Series([raw[:4]]))
    assert not wellknown.is_wellknown(pd.Series([b"\x02" + raw[1:]]))


POINT = shapely.to_wkb(Point(67, 25))
XY = struct.pack("<2d", 67, 25)
# Members with vertices of their own, and collections, by ISO's numbers of types.
LEAVES = {
    "a circular string": struct.pack("<BII", 1, 8, 2) + XY * 2,
    "a triangle": struct.pack("<BIII", 1, 17, 1, 4) + XY * 4,
    "a triangle with heights": struct.pack("<BIII", 1, 1017, 1, 4)
    + struct.pack("<3d", 1, 2, 3) * 4,
    "a line with heights and measures": struct.pack("<BII", 1, 3002, 2) + XY * 4,
    "a line with measures": struct.pack("<BII", 1, 2002, 2) + struct.pack("<3d", 1, 2, 3) * 2,
}


@pytest.mark.parametrize("kind", [4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16])
@pytest.mark.parametrize("leaf", LEAVES)
def test_collections_of_every_type_nest_behind_members_of_every_type(kind, leaf):
    import pyarrow as pa

    def value(depth):
        nest = struct.pack("<BII", 1, kind, 1) * depth + POINT
        return struct.pack("<BII", 1, 7, 2) + LEAVES[leaf] + nest

    wellknown.refuse_deep(pa.array([value(31)]), "f")
    assert not wellknown.is_deep(value(31))
    with pytest.raises(GeometryError, match="more than 32 deep"):
        wellknown.refuse_deep(pa.array([POINT, value(32)]), "f")
    assert wellknown.is_deep(value(32))


def test_days_are_written_as_days():
    day, hour = pd.to_datetime(["2024-01-02"]), pd.to_datetime(["2024-01-02T03:04:05"])
    for name, told in ((".csv", ["2024-01-02"]), (".kml", ["2024-01-02"]), (".gpx", None)):
        form = find_format(Path(f"a{name}"))
        found = fit_columns(pd.DataFrame({"d": day, "h": hour}), form)[0]
        assert found["d"].tolist() == (told or ["2024-01-02T00:00:00"])
        assert found["h"].tolist() == ["2024-01-02T03:04:05"]


def test_long_titles_and_reasons_are_told_in_part(tmp_path):
    book = openpyxl.Workbook()
    for row in (["z" * 300], ["n", "lon", "lat"], ["a", 67, 25]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    with pytest.warns(DataWarning, match="above the header") as told:
        cg.read(tmp_path / "a.xlsx")
    assert max(map(len, re.findall("z+", str(told[0].message)))) == 40
    with pytest.raises(InputError) as caught:
        refuse_illegal(pd.DataFrame({"n": ["z" * 300 + "\0"]}), "KML")
    assert max(map(len, re.findall("z+", str(caught.value)))) == 40
    assert len(disk.first_line(ValueError("z" * 300 + "\nmore"))) == 200
    assert len(str(encoding_error("utf-8", UnicodeError("z" * 300), "f"))) < 350


@pytest.mark.parametrize(
    "name", ["a.csv", "a.b.csv", "v1.2.3.csv", "a.CSV", "x.csv.gz", "a.b.tsv.gz"]
)
def test_a_name_may_have_points_in_it(name):
    assert find_format(Path(name)).name == "CSV"
    assert find_format(Path(name.partition(".")[0] + ".2.shp.zip")).name == "Shapefile"
    with pytest.raises(InputError):
        find_format(Path(f"{name}.bak"))


@pytest.mark.parametrize(
    ("values", "kind"),
    [([True, False], "bool"), ([1, 2.5], "float"), ([True, 2], "mixed"), ([1, "a"], "mixed")],
)
def test_truth_values_are_no_numbers_beside_others(values, kind):
    assert kind_of(pd.Series(values, dtype=object)) == kind


@pytest.mark.parametrize("numbers", [2, 3, 4, 7, 8])
def test_geojson_in_cells_has_up_to_three_coordinates(numbers):
    cell = json.dumps({"type": "Point", "coordinates": [67, 25, 5, 1, 2, 3, 4, 6][:numbers]})
    if numbers <= 3:
        assert wellknown.parse(pd.Series([cell]), "f")[0][0].has_z is (numbers == 3)
    else:
        with pytest.raises(GeometryError, match=f"coordinates of {numbers} numbers in row 1"):
            wellknown.parse(pd.Series([cell]), "f")

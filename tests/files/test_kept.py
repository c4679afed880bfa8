"""What a format can't store is kept under another name, or a warning says so."""

import contextlib
import json
import re
import sqlite3
import struct
import tracemalloc
import warnings
import zipfile

import geopandas as gpd
import openpyxl
import pandas as pd
import pytest
import shapely

import cpecgeo as cg
from cpecgeo.errors import DataWarning, FileError, GeometryError, InputError, InputTypeError
from cpecgeo.features.resolve import resolve
from cpecgeo.files.reading import read
from cpecgeo.files.writing import write
from cpecgeo.scale import nearest_file

PLACE = {"type": "Point", "coordinates": [66.5, 25.5]}


def collection(path, *features):
    made = [{"type": "Feature", "geometry": PLACE, "properties": {}} | one for one in features]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": made}))
    return path


@pytest.mark.parametrize("ids", [[7, 12], [1, 2, 3], ["x", "y"]])
def test_ids_of_features_are_a_column(tmp_path, ids):
    frame = read(collection(tmp_path / "t.geojson", *({"id": one} for one in ids)))
    assert frame["id"].tolist() == ids
    assert frame.index.tolist() == list(range(len(ids)))


def test_features_without_ids_get_none(tmp_path):
    rows = [{"properties": {"a": 1}}, {"properties": {"a": 2}}]
    assert list(read(collection(tmp_path / "t.geojson", *rows)).columns) == ["a", "geometry"]


def test_a_column_of_ids_stays_beside_those_of_features(tmp_path):
    rows = [{"id": 5, "properties": {"id": 50}}, {"id": 6, "properties": {"id": 60}}]
    assert read(collection(tmp_path / "t.geojson", *rows))["id"].tolist() == [50, 60]


def test_a_property_called_geometry_is_kept(tmp_path):
    path = collection(tmp_path / "t.geojson", {"properties": {"geometry": "abc", "a": 2}})
    with pytest.warns(DataWarning, match="'geometry' beside the shapes is called 'geometry_2'"):
        frame = read(path)
    assert frame.loc[0, ["geometry_2", "a"]].tolist() == ["abc", 2]
    assert frame.geometry[0] == shapely.Point(66.5, 25.5)


def test_coordinates_in_quotes_are_an_error_and_no_geometry_is_none(tmp_path):
    quoted = {"geometry": {"type": "Point", "coordinates": ["66", "25"]}}
    with pytest.raises(GeometryError, match="has 1 geometries that can't be read.*quotes"):
        read(collection(tmp_path / "t.geojson", quoted, {}, {"geometry": None}))
    assert (
        read(collection(tmp_path / "t.geojson", {}, {"geometry": None})).geometry.isna().sum() == 1
    )


@pytest.mark.parametrize(
    "suffix", [".csv", ".xlsx", ".kml", ".gpkg", ".fgb", ".geojson", ".shp.zip"]
)
@pytest.mark.parametrize("text", ["POINT M (66 25 4)", "POINT ZM (66 25 3 4)"])
def test_measures_are_told_and_heights_stay(tmp_path, suffix, text):
    frame = gpd.GeoDataFrame({"n": [1]}, geometry=[shapely.from_wkt(text)], crs=4326)
    with pytest.warns(DataWarning, match="measures .M. of 1 geometries are left out"):
        path = write(frame, tmp_path / f"t{suffix}")
    back = read(path)
    assert back.geometry.x[0] == 66
    if "Z" in text and suffix not in {".csv", ".xlsx"}:
        assert back.geometry.z[0] == 3


def test_parquet_keeps_measures(tmp_path):
    frame = gpd.GeoDataFrame({"n": [1]}, geometry=[shapely.from_wkt("POINT M (66 25 4)")], crs=4326)
    write(frame, tmp_path / "t.parquet")
    raw = gpd.read_parquet(tmp_path / "t.parquet")
    assert shapely.get_coordinates(raw.geometry, include_m=True)[0, -1] == 4


def told(path):
    with warnings.catch_warnings(record=True) as remarks:
        warnings.simplefilter("always")
        frame = read(path)
    return frame, " | ".join(str(r.message) for r in remarks)


def test_members_beside_the_properties_are_counted(tmp_path):
    path = tmp_path / "t.geojson"
    feature = {"type": "Feature", "geometry": PLACE, "properties": {"a": 1, "type": "Feature"}}
    made = {
        "type": "FeatureCollection", "name": "n", "bbox": [66, 25, 67, 26], "metadata": {"by": "me"},
        "features": [{**feature, "id": 4, "score": 1}, {**feature, "score": 2, "when": {}}, feature],
    }  # fmt: skip
    path.write_text(json.dumps(made))
    frame, text = told(path)
    assert "'metadata' of the file, 'score' of 2 features, 'when' of 1 feature." in text
    assert "score" not in frame
    lines = tmp_path / "t.geojsonl"
    lines.write_text("\n".join(json.dumps(f) for f in made["features"]))
    assert "'score' of 2 features, 'when' of 1 feature." in told(lines)[1]
    del made["metadata"]
    made["features"] = [feature, feature]
    path.write_text(json.dumps(made))
    assert told(path)[1] == ""


def test_members_of_features_without_properties_are_columns(tmp_path):
    path = tmp_path / "t.geojson"
    path.write_text(json.dumps({"type": "Feature", "geometry": PLACE, "score": 7}))
    frame, text = told(path)
    assert (frame["score"].tolist(), text) == ([7], "")


def book(path, *rows, stored=()):
    """Write a workbook; `stored` gives cells of formulas their values, as Excel does."""
    made = openpyxl.Workbook()
    for row in rows:
        made.active.append(row)
    made.save(path)
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    sheet = files["xl/worksheets/sheet1.xml"].decode()
    for cell, kind, value in stored:
        sheet, count = re.subn(
            rf'<c r="{cell}"[^>]*><f>(.*?)</f><v ?/?>(</v>)?</c>',
            rf'<c r="{cell}" t="{kind}"><f>\1</f><v>{value}</v></c>', sheet,
        )  # fmt: skip
        assert count == 1
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, sheet if name.endswith("sheet1.xml") else data)
    return path


def test_formulas_without_a_value_are_counted(tmp_path):
    rows = (["name", "lon", "lat", "people"], ["a", 67, 25, "=2+3"], ["=A2", 68, 26, "=D2*2"])
    path = book(tmp_path / "t.xlsx", *rows)
    frame, text = told(path)
    assert "3 formulas without a stored value in the columns 'name', 'people' of the sheet" in text
    assert frame["people"].isna().all()
    path = book(path, *rows, stored=[("D2", "n", 5), ("D3", "n", 10), ("A3", "str", "")])
    frame, text = told(path)
    assert (frame["people"].tolist(), text) == ([5, 10], "")
    assert told(book(path, rows[0], ["'=2", 67, 25, 1]))[1] == ""


KML = '<kml xmlns:gx="g"><Document><Placemark>{}</Placemark></Document></kml>'


@pytest.mark.parametrize(
    ("inside", "words"),
    [
        ("<LineString><coordinates>66,25,4 67,26</coordinates></LineString>", "1 lists of heights"),
        ("<LineString><coordinates>66,25,4 67,26,3</coordinates></LineString>", ""),
        (
            "<gx:Track><when>2026</when><when>2027</when><gx:coord>66 25 1</gx:coord>"  # noqa: ISC004
            "<gx:coord>67 25 1</gx:coord></gx:Track>",
            "1 lists of a track's times",
        ),
        (
            "<MultiGeometry><Model/><Point><coordinates>66,25</coordinates></Point></MultiGeometry>",
            "1 3-D models",
        ),
    ],
)
def test_what_kml_has_besides_is_told(tmp_path, inside, words):
    path = tmp_path / "t.kml"
    path.write_text(KML.format(inside))
    text = told(path)[1]
    assert words in text
    assert bool(words) is ("aren't read" in text)


def test_heights_with_gaps_in_gpx_are_told(tmp_path):
    path = tmp_path / "t.gpx"
    point = '<trkpt lat="25" lon="6{}">{}</trkpt>'
    for last, words in (("", "1 lists of heights with gaps"), ("<ele>4</ele>", "")):
        track = point.format(6, "<ele>5</ele>") + point.format(7, last)
        path.write_text(f"<gpx><trk><trkseg>{track}</trkseg></trk></gpx>")
        frame, text = told(path)
        assert words in text
        assert frame.geometry[0].has_z is not bool(words)


def test_cells_beyond_the_header_and_blank_rows_above_it(tmp_path):
    rows = ([], ["name", "lon", "lat"], ["a", 67, 25, "kept"], ["b", 68, 26])
    frame, text = told(book(tmp_path / "t.xlsx", *rows))
    assert (frame["column 4"].fillna("").tolist(), text) == (["kept", ""], "")
    frame, _ = told(book(tmp_path / "t.xlsx", ["name", None, "lon", "lat"], ["a", None, 67, 25]))
    assert list(frame.columns) == ["name", "lon", "lat", "geometry"]


def test_a_date_that_excel_has_not_is_told(tmp_path):
    made = openpyxl.Workbook()
    for row in (["lon", "lat", "day"], [67, 25, 1e9]):
        made.active.append(row)
    made.active["C2"].number_format = "yyyy-mm-dd"
    made.save(tmp_path / "t.xlsx")
    assert "Cell C2 is marked as a date" in told(tmp_path / "t.xlsx")[1]


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_heights_of_points_are_a_column_z(tmp_path, suffix):
    points = [shapely.Point(66, 25, 812.5), shapely.Point(67, 26), None]
    frame = gpd.GeoDataFrame({"n": [1, 2, 3]}, geometry=points, crs=4326)
    back = read(write(frame, tmp_path / f"t{suffix}"))
    assert back["z"].fillna(-1).tolist() == [812.5, -1, -1]
    named = read(write(frame.assign(z="x"), tmp_path / f"t{suffix}"))
    assert named["z"].tolist() == ["x"] * 3
    assert named["z_of_point"][0] == 812.5
    flat = frame.set_geometry([shapely.Point(66, 25, 0)] * 3, crs=4326)
    assert "z" not in read(write(flat, tmp_path / f"t{suffix}"))


def test_a_second_geometry_becomes_text_with_a_remark(tmp_path):
    frame = gpd.GeoDataFrame({"n": [1]}, geometry=[shapely.Point(66, 25)], crs=4326)
    frame["other"] = gpd.GeoSeries([shapely.Point(3e5, 3e6)], crs=32642)
    with pytest.warns(DataWarning, match="'other' holds geometries beside the first"):
        write(frame, tmp_path / "t.gpkg")
    assert read(tmp_path / "t.gpkg")["other"].tolist() == ["POINT (300000 3000000)"]
    kept = read(write(frame, tmp_path / "t.parquet"))["other"]
    assert kept.crs == 32642
    assert kept[0] == shapely.Point(3e5, 3e6)


@pytest.mark.parametrize("suffix", [".csv", ".gpkg", ".parquet"])
def test_streams_keep_heights_or_tell(tmp_path, suffix):
    path = tmp_path / f"t{suffix}"
    frame = gpd.GeoDataFrame({"n": [1]}, geometry=[shapely.Point(66, 25, 5)], crs=4326)
    if suffix == ".csv":
        path.write_text("n,wkt\n1,POINT Z (66 25 5)\n")
    else:
        write(frame, path)
    with pytest.warns(DataWarning, match="1 point with a height, which"):
        nearest_file(path, tmp_path / "o.csv", targets="ml1")
    nearest_file(path, tmp_path / "o.parquet", targets="ml1")
    assert read(tmp_path / "o.parquet").geometry.z[0] == 5


@pytest.mark.parametrize(
    ("ids", "inner", "columns"),
    [
        ([5, None, "q"], None, {"id": ["5", None, "q"]}),
        ([5, None, 7], None, {"id": [5, None, 7]}),
        ([0, 1, 2], None, {"id": [0, 1, 2]}),
        ([7, 7, 7], None, {"id": [7, 7, 7]}),
        ([None, "a", "a"], None, {"id": [None, "a", "a"]}),
        (["x", "y", "z"], [5, 6, None], {"id": [5, 6, None], "feature_id": ["x", "y", "z"]}),
        ([5, 6, 7], ["5", "6", "7"], {"id": ["5", "6", "7"], "feature_id": [5, 6, 7]}),
        ([5, 6, 7], [5, 6, 7], {"id": [5, 6, 7]}),
        ([None] * 3, [5, 6, 7], {"id": [5, 6, 7]}),
        ([1.5, 2, 3], None, {"id": ["1.5", "2", "3"]}),
    ],
)
@pytest.mark.parametrize("suffix", ["geojson", "geojsonl"])
def test_ids_are_those_of_the_file(tmp_path, ids, inner, columns, suffix):
    made = [
        {"type": "Feature", "geometry": PLACE, "properties": {"a": 1} if i is None else {"id": i}}
        | ({} if one is None else {"id": one})
        for one, i in zip(ids, inner or [None] * 3, strict=True)
    ]
    path = tmp_path / f"t.{suffix}"
    whole = json.dumps({"type": "FeatureCollection", "features": made})
    path.write_text(whole if suffix == "geojson" else "\n".join(map(json.dumps, made)))
    frame = read(path)
    held = {c: [None if pd.isna(v) else v for v in frame[c]] for c in columns}
    assert held == columns
    assert not {"id", "feature_id"} & set(frame.columns) - set(columns)


def test_whole_numbers_of_more_than_64_bits_are_told(tmp_path):
    path = collection(
        tmp_path / "t.geojson", {"properties": {"a": 12345678901234567890, "b": 2**63 - 1}}, {}
    )
    assert "has 1 whole numbers of more than 64 bits" in told(path)[1]


def test_merged_cells_among_rows_are_told(tmp_path):
    made = openpyxl.Workbook()
    rows = ([], ["district", "lon", "lat"], ["Thatta", 67, 25], [None, 68, 26], [None, 69, 27, 1])
    for row in rows:
        made.active.append(row)
    made.active.merge_cells("A1:A2")  # of the header
    made.active.merge_cells("D5:E5")
    made.save(tmp_path / "t.xlsx")
    assert told(tmp_path / "t.xlsx")[1] == ""
    made.active.merge_cells("A3:A5")
    made.save(tmp_path / "t.xlsx")
    assert (
        "1 merged cells among the rows of the sheet 'Sheet', such as A3:A5"
        in told(tmp_path / "t.xlsx")[1]
    )


def test_rows_that_end_early_are_told_in_memory_and_streams(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('n,lon,lat,x,y\na,67,25,"1\n2",\nb,68,26\n\nc,69,27,,\n"d,",70,28,\n')
    frame, text = told(path)
    assert "2 rows with fewer than 5 values, such as row 2" in text
    assert frame["n"].tolist() == ["a", "b", "c", "d,"]
    with pytest.warns(DataWarning, match="rows with fewer than 5 values"):
        nearest_file(path, tmp_path / "o.csv", targets="ml1", batch_rows=1)
    back = pd.read_csv(tmp_path / "o.csv")
    assert back["n"].tolist() == ["a", "b", "c", "d,"]
    assert back["x"].tolist()[0] == "1\n2"
    path.write_text("n,lon,lat,x\na,67,25\nb,68,26,\n")
    for door in (read, lambda p: nearest_file(p, tmp_path / "o.csv", targets="ml1")):
        with pytest.raises(InputError, match=r"separator taken is ','"):
            door(path)


def test_several_columns_without_a_name(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("n,lon,lat,,\na,67,25,,x\n")
    assert list(read(path).columns) == ["n", "lon", "lat", "column 4", "column 5", "geometry"]
    nearest_file(path, tmp_path / "o.csv", targets="ml1")
    assert pd.read_csv(tmp_path / "o.csv")["column 5"].tolist() == ["x"]


@pytest.mark.parametrize("numbers", [[1, 2, 3], [7, 12, 3], [0, 1, 2]])
def test_numbers_of_a_geopackage_that_are_its_own_are_a_column(tmp_path, numbers):
    path, out = tmp_path / "t.gpkg", tmp_path / "o.parquet"
    points = gpd.points_from_xy([66, 67, 68], [25] * 3)
    gpd.GeoDataFrame({"fid": numbers, "a": ["x", "y", "z"]}, geometry=points, crs=4326).to_file(
        path
    )
    frame = read(path)
    want = sorted(zip(numbers, ["x", "y", "z"], strict=True))
    is_own = sorted(numbers) != [1, 2, 3]
    assert frame["a"].tolist() == [a for _, a in want]
    assert frame.get("fid", pd.Series()).tolist() == [n for n, _ in want] * is_own
    nearest_file(path, out, targets="ml1", batch_rows=2)
    there = read(out)
    assert there["a"].tolist() == frame["a"].tolist()
    assert there.get("fid", pd.Series()).tolist() == [n for n, _ in want] * is_own
    write(frame, path)
    assert list(read(path).columns) == list(frame.columns)


@pytest.mark.parametrize("stated", [0, 3, 10**8, None])
def test_rows_of_a_geopackage_are_counted_whatever_it_states(stated, tmp_path):
    path = tmp_path / "a.gpkg"
    shapes = gpd.points_from_xy(range(60, 67), range(24, 31))
    gpd.GeoDataFrame({"n": range(7)}, geometry=shapes, crs=4326).to_file(path, driver="GPKG")
    with contextlib.closing(sqlite3.connect(path)) as file:
        if stated is None:
            file.execute("DROP TABLE gpkg_ogr_contents")
        else:
            file.execute("UPDATE gpkg_ogr_contents SET feature_count = ?", (stated,))
        file.commit()
    tracemalloc.start()
    assert list(read(path)["n"]) == list(range(7))
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()
    nearest_file(path, tmp_path / "o.csv", targets="ml1", batch_rows=2, part_rows=2)
    assert list(pd.read_csv(tmp_path / "o.csv")["n"]) == list(range(7))


@pytest.mark.parametrize("index", ["YES", "NO"])
@pytest.mark.parametrize("stated", [8, 10**8, 2**31 - 1, 2**40])
def test_features_that_flatgeobuf_states_and_has_not_are_one_error(stated, index, tmp_path):
    path = tmp_path / "a.fgb"
    shapes = gpd.points_from_xy(range(60, 67), range(24, 31))
    gpd.GeoDataFrame({"n": [9] * 7}, geometry=shapes, crs=4326).to_file(
        path, driver="FlatGeobuf", SPATIAL_INDEX=index
    )
    whole = path.read_bytes()
    # Behind the name of the layer the header counts its features.
    at = next(i for i in range(60, 100) if whole[i : i + 8] == struct.pack("<Q", 7))
    path.write_bytes(whole[:at] + struct.pack("<Q", stated) + whole[at + 8 :])
    tracemalloc.start()
    with pytest.raises(FileError, match=r"a\.fgb"):
        read(path)
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()


THINGS = {
    "corridor": lambda: cg.corridor("ml1-chord"),
    "place": lambda: cg.place("Reko Diq"),
    "market": lambda: cg.market("Torkham"),
    "route": lambda: cg.route("Karachi", "Hyderabad", mode="road"),
    "area": lambda: cg.buffer("Gwadar Port", 5),
    "areas": lambda: cg.buffer(["Gwadar Port", "Karachi"], 5),
    "list": lambda: [cg.place("Reko Diq"), shapely.Point(67, 25)],
}


@pytest.mark.parametrize("kind", THINGS)
@pytest.mark.parametrize("suffix", ["csv", "gpkg", "geojson"])
def test_what_is_no_table_is_written_with_its_name(kind, suffix, tmp_path):
    thing = THINGS[kind]()
    back = read(write(thing, tmp_path / f"a.{suffix}"))
    shapes = resolve(thing).shapes
    assert len(back) == len(shapes)
    for mine, other in zip(back.geometry, shapes, strict=True):
        assert mine.hausdorff_distance(other) < 1e-6
    if kind != "area":
        assert back["name"].iloc[0] == shapes.index[0] or kind == "list"
    if kind == "place":
        assert back["accuracy_km"].tolist() == [thing.accuracy_km]


@pytest.mark.parametrize("given", [None, {}, [], "ml1", cg.Corridor, 7, [None]])
@pytest.mark.parametrize("suffix", ["csv", "gpkg", "geojson"])
def test_what_is_neither_table_nor_shape_is_refused(given, suffix, tmp_path):
    with pytest.raises(InputTypeError, match="give a table"):
        write(given, tmp_path / f"a.{suffix}")
    assert not [*tmp_path.iterdir()]


def test_names_in_an_index_are_kept(tmp_path):
    near = cg.nearest("energy", ["ml1", "kkh"])
    assert near.iloc[-1].isna().any()  # without a position, and so without an answer
    for suffix, load in (("csv", pd.read_csv), ("xlsx", pd.read_excel)):
        back = load(write(near, tmp_path / f"near.{suffix}"))
        assert back.iloc[:, 0].tolist() == near.index.tolist()
    table = pd.DataFrame({"name": ["x", "y"], "v": [1, 2]}, index=["a", "b"])
    assert list(pd.read_csv(write(table, tmp_path / "t.csv"))) == ["id", "name", "v"]
    # An index that is a column already isn't repeated, and one that counts rows is left out.
    for plain in (
        table.set_axis(["x", "y"]),
        table.iloc[[1]].reset_index(),
        table.set_axis([5, 7]),
    ):
        kept = [c for c in plain if c != "index"]
        assert list(pd.read_csv(write(plain[kept], tmp_path / "t.csv"))) == kept

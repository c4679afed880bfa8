"""Every format there and back, and files that aren't what they say."""

import json
import warnings

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from click.testing import CliRunner
from shapely.geometry import LineString, Point, Polygon

import cpecgeo as cg
from cpecgeo import scale
from cpecgeo.cli import app
from cpecgeo.errors import CRSError, DataWarning, FileError, InputError
from cpecgeo.files.formats import FORMATS
from cpecgeo.files.reading import read
from cpecgeo.files.writing import write

WRITTEN = sorted(s for form in FORMATS if form.can_write for s in form.suffixes)
SHAPEFILES = {".shp", ".zip", ".shp.zip"}


@pytest.mark.parametrize("suffix", WRITTEN)
def test_points_there_and_back(suffix, tmp_path):
    frame = cg.layer("crossings")
    if suffix in SHAPEFILES:
        frame = frame[["id", "name", "source", "geometry"]]
    path = write(frame, tmp_path / f"c{suffix}")
    back = read(path)
    assert back.crs.to_epsg() == 4326
    # RFC 7946 writes seven decimals: a centimetre.
    assert np.allclose(back.geometry.x, frame.geometry.x, atol=1e-7)
    assert np.allclose(back.geometry.y, frame.geometry.y, atol=1e-7)
    named = {str(c).casefold(): c for c in back}
    assert back[named["name"]].tolist() == frame["name"].tolist()
    # The attributes are kept.
    texts = [" ".join(map(str, row)) for row in back.to_numpy()]
    assert all(s in t for s, t in zip(frame["source"], texts, strict=True))
    if suffix != ".shp":
        assert sorted(p.name for p in tmp_path.iterdir()) == [path.name]


@pytest.mark.parametrize(
    "suffix", [".geojson", ".gpkg", ".parquet", ".kml", ".gpx", ".csv", ".fgb", ".xlsx"]
)
def test_lines_keep_their_length(suffix, tmp_path):
    frame = cg.corridors()
    back = read(write(frame, tmp_path / f"l{suffix}"))
    assert np.allclose(cg.length_km(back.geometry), cg.length_km(frame.geometry), atol=1e-3)


def test_gdal_reads_what_is_written(tmp_path):
    frame = cg.corridors()
    info = pyogrio.read_info(write(frame, tmp_path / "l.gpkg"))
    assert info["features"] == len(frame)
    assert info["layer_metadata"]["data_version"] == frame.attrs["data_version"]
    text = write(frame, tmp_path / "l.geojson").read_text(encoding="utf-8")
    assert '"crs"' not in text


def test_another_crs_becomes_lon_lat_where_the_format_says_so(tmp_path):
    frame = gpd.GeoDataFrame({"a": [1]}, geometry=[Point(66.9, 24.8)], crs=4326).to_crs(32642)
    for suffix in (".geojson", ".kml", ".csv"):
        back = read(write(frame, tmp_path / f"x{suffix}"))
        assert (back.geometry.x.iloc[0], back.geometry.y.iloc[0]) == pytest.approx((66.9, 24.8))
    assert read(write(frame, tmp_path / "x.gpkg")).crs.to_epsg() == 32642


def test_csv_of_other_hands(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("\ufeffLongitude;Latitude;n\n66,9;24.8;x\n".encode())
    assert read(path).geometry.iloc[0] == Point(66.9, 24.8)
    path.write_text("Longitude\tLatitude\n66.9\t24.8\n")
    assert read(path).geometry.iloc[0] == Point(66.9, 24.8)
    path.write_text("east,north\n66.9,24.8\n")
    with pytest.raises(InputError, match="Name the columns with lon= and lat="):
        read(path)
    assert read(path, lon="east", lat="north").geometry.iloc[0] == Point(66.9, 24.8)
    with pytest.raises(InputError, match="no column 'e'"):
        read(path, lon="e", lat="north")
    path.write_bytes("lon,lat,name\n66.9,24.8,Köln\n".encode("latin-1"))
    with pytest.raises(FileError, match="UTF-8"):
        read(path)
    path.write_text("")
    with pytest.raises(FileError, match="empty"):
        read(path)
    path.write_text("lon,lat,lon\n1,2,3\n")
    with pytest.raises(InputError, match="two columns"):
        read(path)


def test_degrees_in_csv_are_numbers_where_each_is_written_again_as_it_was(tmp_path):
    path = tmp_path / "a.csv"
    for cell, kind in (("68.92", "f"), ("69", "i"), ("68.920", "O"), ("68°55′E", "O")):
        path.write_text(f"lon,lat,n\n{cell},24.5,1\n", encoding="utf-8")
        frame = read(path)
        assert np.dtype(frame["lat"].dtype).kind == "f"
        got = frame["lon"]
        assert (got.iloc[0] == cell) if kind == "O" else (got.dtype.kind == kind)
        assert write(frame, tmp_path / "b.csv").read_text("utf-8") == path.read_text("utf-8")


BOMB = """<?xml version="1.0"?>
<!DOCTYPE kml [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark><name>&b;</name>
<Point><coordinates>70,30</coordinates></Point></Placemark></Document></kml>"""
OUTSIDE = BOMB.replace('"aaaaaaaaaa"', 'SYSTEM "file:///etc/hostname"')


@pytest.mark.parametrize("suffix", [".kml", ".gpx"])
@pytest.mark.parametrize("text", [BOMB, OUTSIDE, BOMB.replace("DOCTYPE", "doctype")])
def test_xml_that_declares_entities_is_refused(text, suffix, tmp_path):
    path = tmp_path / f"bomb{suffix}"
    for encoding in ("utf-8", "utf-16"):  # read only with its byte order mark
        path.write_text(text, encoding=encoding)
        with pytest.raises(FileError, match="declares|syntax error"):
            read(path)


@pytest.mark.parametrize("suffix", sorted(set(WRITTEN) - {".csv", ".tsv", ".txt"}))
def test_broken_files(suffix, tmp_path):
    frame = cg.layer("ports")[["id", "name", "geometry"]]
    whole = write(frame, tmp_path / f"whole{suffix}").read_bytes()
    broken = {"cut": whole[: len(whole) // 3], "noise": b"\x07" * 500, "empty": b""}
    if suffix in {".geojsonl", ".geojsons", ".ndjson"}:
        del broken["empty"]  # a file without features
    for name, data in broken.items():
        path = tmp_path / f"{name}{suffix}"
        path.write_bytes(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)  # without the .dbf
            with pytest.raises(FileError):
                read(path)


def test_refusals(tmp_path):
    with pytest.raises(InputError, match="formats are"):
        read(tmp_path / "a.docx")
    folder = tmp_path / "d.gpkg"
    folder.mkdir()
    with pytest.raises(FileError, match="folder"):
        read(folder)
    bare = gpd.GeoDataFrame({"a": [1]}, geometry=[Point(67, 25)])
    bare.to_parquet(tmp_path / "bare.parquet")
    with pytest.raises(CRSError):
        read(tmp_path / "bare.parquet")
    two = tmp_path / "two.gpkg"
    for name in ("a", "b"):
        bare.set_crs(4326).to_file(two, layer=name)
    with pytest.raises(InputError, match="a, b"):
        read(two)
    assert len(read(two, layer="b")) == 1
    with pytest.raises(InputError, match="no layer 'c'"):
        read(two, layer="c")
    with pytest.raises(InputError, match="no geometry"):
        write(pd.DataFrame({"a": [1]}), tmp_path / "a.kml")
    area = gpd.GeoDataFrame(geometry=[Polygon([(0, 0), (1, 0), (1, 1)])], crs=4326)
    with pytest.raises(InputError, match="Polygon"):
        write(area, tmp_path / "a.gpx")


def test_an_earlier_file_stays_when_the_new_one_fails(tmp_path):
    path = tmp_path / "keep.gpx"
    write(gpd.GeoDataFrame(geometry=[Point(70, 30)], crs=4326), path)
    before = path.read_bytes()
    with pytest.raises(InputError):
        write(gpd.GeoDataFrame(geometry=[Polygon([(0, 0), (1, 0), (1, 1)])], crs=4326), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["keep.gpx"]


def test_formulas_are_disarmed_on_request(tmp_path):
    texts = ["=1+1", "+1", "-1", "@x", "plain"]
    line = gpd.GeoDataFrame({"t": texts}, geometry=[LineString([(70, 30), (71, 30)])] * 5, crs=4326)
    kept = pd.read_csv(write(line, tmp_path / "a.csv"))
    safe = pd.read_csv(write(line, tmp_path / "b.csv", safe_cells=True))
    assert kept["t"].tolist() == texts
    assert safe["t"].tolist() == ["'=1+1", "'+1", "'-1", "'@x", "plain"]
    assert kept["wkt"].str.startswith("LINESTRING").all()


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ([[1, 2], [3]], True),
        ([["a"], []], True),
        ([[1, "a"], [2, "b"]], False),  # of several types
        ([[[1], [2]], [[3]]], False),  # nested deeper
        ([{"a": 1}, {"b": 2}], False),
    ],
)
def test_geoparquet_keeps_lists_of_one_type_and_writes_others_as_json(values, kept, tmp_path):
    frame = gpd.GeoDataFrame({"tags": values}, geometry=[Point(67, 25), Point(68, 26)], crs=4326)
    cg.write(frame, tmp_path / "a.parquet")
    got = cg.read(tmp_path / "a.parquet")["tags"]
    if kept:
        assert [list(v) for v in got] == values
    else:
        assert [json.loads(v) for v in got] == values


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("id,Name,lon,lat\n7,Alpha,67,25\n8,Beta,68,26\n", ["Alpha", "Beta"]),
        ("id,name,lon,lat\n7,Alpha,67,25\n8,Alpha,68,26\n", [7, 8]),
        ("id,name,lon,lat\n007,,67,25\n008,Beta,68,26\n", ["007", "008"]),
        ("code,lon,lat\nx,67,25\ny,68,26\n", [0, 1]),
    ],
)
def test_answers_about_a_file_say_of_which_row(text, labels, tmp_path):
    path = tmp_path / "sites.csv"
    path.write_text(text)
    assert cg.nearest(path, "ml1").index.tolist() == labels
    assert cg.locate(str(path), "ml1").index.tolist() == labels
    rows = cg.within(path, "ml1", 30)
    assert rows.index.tolist() == labels[:1]
    assert [*text.splitlines()[0].split(",")] == [c for c in rows.columns if c in text]
    # As targets too, in memory and in streams.
    spot = cg.place("Rohri")
    near = cg.nearest(spot, path)["target"].iloc[0]
    assert near == labels[1]
    run = scale.nearest_file(path, tmp_path / "o.csv", targets=path)
    assert run.rows_out == 2
    assert pd.read_csv(tmp_path / "o.csv", dtype=str)["target"].tolist() == list(map(str, labels))


WRITABLE = [".csv", ".xlsx", ".gpkg", ".geojson", ".geojsonl", ".parquet", ".kml", ".fgb"]


@pytest.mark.parametrize("suffix", WRITABLE)
def test_values_that_libraries_refuse_are_written(suffix, tmp_path):
    point = shapely.Point(67, 25)
    values = {
        "sparse": pd.arrays.SparseArray([1.5, np.nan]),
        "half": np.array([1.5, np.nan], "float16"),
        "long": np.array([1.5, np.nan], "longdouble"),
    }
    frame = gpd.GeoDataFrame(values, geometry=[point, point], crs=4326)
    back = read(write(frame, tmp_path / f"t{suffix}"))
    for name in values:
        assert pd.to_numeric(back[name]).fillna(-1).tolist() == [1.5, -1]


@pytest.mark.parametrize("suffix", WRITABLE)
def test_an_index_beside_columns_of_its_name(suffix, tmp_path):
    frame = gpd.GeoDataFrame({"n": ["x"], "m": ["y"]}, geometry=[shapely.Point(67, 25)], crs=4326)
    same = write(frame.set_index("n", drop=False), tmp_path / f"a{suffix}")
    assert set(read(same).columns) >= {"n", "m"}
    assert "n_of_index" not in read(same)
    other = write(frame.set_axis(pd.Index(["z"], name="n")), tmp_path / f"b{suffix}")
    assert read(other)[["n_of_index", "n", "m"]].iloc[0].tolist() == ["z", "x", "y"]


@pytest.mark.parametrize("suffix", WRITABLE)
def test_collections_and_empty_shapes_are_kept(suffix, tmp_path):
    line = shapely.LineString([(67, 25), (68, 26)])
    both = shapely.GeometryCollection([shapely.Point(67, 25), line])
    frame = gpd.GeoDataFrame({"n": ["x"]}, geometry=[both], crs=4326)
    back = read(write(frame, tmp_path / f"t{suffix}")).geometry[0]
    assert shapely.equals_exact(back, both, 1e-7)
    hollow = gpd.GeoDataFrame(
        {"n": ["x", "y", "z"]}, geometry=[shapely.Point(), None, line.boundary.geoms[0]], crs=4326
    )
    assert len(read(write(hollow, tmp_path / f"t{suffix}"))) == 3


def test_a_frame_without_an_active_geometry_is_a_table(tmp_path):
    frame = gpd.GeoDataFrame({"a": [1]})
    for suffix in (".csv", ".xlsx", ".parquet"):
        assert write(frame, tmp_path / f"t{suffix}").exists()
    with pytest.raises(InputError, match="has no geometry"):
        write(frame, tmp_path / "t.gpkg")


@pytest.mark.parametrize("door", ["read", "stream", "shell"])
def test_an_address_is_refused_by_its_name(door, tmp_path):
    address, out = "https://a.test/x.csv", tmp_path / "o.csv"
    if door == "shell":
        done = CliRunner().invoke(app, ["near", address, "--to", "ml1", "-o", str(out)])
        assert done.exit_code
        assert "address" in str(done.exception)
    else:
        with pytest.raises(FileError, match="looks like an address; download it first"):
            read(address) if door == "read" else scale.nearest_file(address, out, targets="ml1")
    assert not out.exists()

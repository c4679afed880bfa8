"""CSV, Excel and Parquet as people have them: notations, headers, columns of geometry."""

import gzip
import io
import re
import sys

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from shapely.geometry import LineString, Point

import cpecgeo as cg
from cpecgeo import scale
from cpecgeo.errors import (
    CoordinateError,
    CpecgeoError,
    CRSError,
    DataWarning,
    FileError,
    GeometryError,
    InputError,
)
from cpecgeo.files.notations import find_lonlat, parse_degrees
from cpecgeo.files.numbers import infer_types, to_numbers
from cpecgeo.files.positions import add_positions

NOTATIONS = [
    ("67.05", 67.05), ("67,05", 67.05), ("67.05E", 67.05), ("E 67.05", 67.05), ("67°", 67.0),
    ("67°03′E", 67.05), ("67°03'00\"E", 67.05), ("67 3 0", 67.05), ("67:03:00", 67.05),
    ("67d03m00sE", 67.05), ("-67°30′", -67.5), ("67°30′W", -67.5), ("67° 3.0' E", 67.05),
    ("67º03’00”E", 67.05), ("۶۷٫۰۵", 67.05), ("٦٧°٠٣′E", 67.05), ("−67,5", -67.5), (" 67.05 ", 67.05), ("-67,5", -67.5), ("NA", np.nan), ("-", np.nan),
    ("67-03-00E", 67.05), ("-67-30-00", -67.5), ("67-03-00.0 W", -67.05), ("东经67度03分", 67.05),
    ("东经67°03′00″", 67.05), ("西經67度3分0秒", -67.05), ("67度", 67.0),
]  # fmt: skip


@pytest.mark.parametrize(("text", "degrees"), NOTATIONS)
def test_degrees_as_people_write_them(text, degrees):
    got, _ = parse_degrees(pd.Series([text]), "lon", "a")
    assert got[0] == pytest.approx(degrees, abs=1e-12, nan_ok=True)


# Names of columns of longitude and latitude.
HEADERS = [
    "LONG_DD LAT_DD", "Long. Lat.", "decimalLongitude decimalLatitude", "lon_wgs84 lat_wgs84",
    "GPS_LON GPS_LAT", "Lon[°] Lat[°]", "Longitude-(E) Latitude-(N)", "LON_DMS LAT_DMS",
    "X-Koordinate Y-Koordinate", "x_coord y_coord", "XCoord YCoord", "POINT_X POINT_Y",
    "Länge Breite", "La\u0308nge Breite", "Längengrad Breitengrad", "geogr.-Länge geogr.-Breite",
    "Longitud Latitud", "longitud-(°) latitud-(°)", "Longitude-décimale Latitude-décimale",
    "coordonnée-x coordonnée-y", "longitudine latitudine", "долгота широта",
    "经度 纬度", "GPS经度 GPS纬度", "东经 北纬", "经度(E) 纬度(N)", "X坐标 Y坐标", "經度 緯度",
    "طول-بلد عرض-بلد", "طول-البلد عرض-البلد", "خط-طول خط-عرض", "ｌｏｎ ｌａｔ", "lon\u200e lat\u200f",
]  # fmt: skip


@pytest.mark.parametrize("header", HEADERS)
def test_headers_as_people_write_them(header, tmp_path):
    x, y = header.split(" ")
    path = tmp_path / "a.csv"
    for lon, lat in ((x, y), (x.replace("-", " "), y.replace("-", " ")), (x.upper(), y.upper())):
        path.write_text(f"n,{lat},{lon}\nA,25.5,67.25\n", encoding="utf-8")
        assert cg.read(path).geometry[0] == Point(67.25, 25.5)


@pytest.mark.parametrize(
    "header",
    ["near_lon near_lat", "start_lon start_lat", "flon flat", "lon_1 lat_1", "Longitude-(W) lat",
     "lon Breite", "Länge lat", "Länge-(m) Breite-(m)", "length width", "longitud_km latitud",
     "X-(m) Y-(m)", "ost nord", "طول عرض", "起点经度 起点纬度", "along flatness", "max x"],
)  # fmt: skip
def test_headers_of_something_else(header, tmp_path):
    path = tmp_path / "a.csv"
    x, y = header.split(" ")
    path.write_text(f"n,{y},{x}\nA,25.5,67.25\n".replace("-", " "), encoding="utf-8")
    with pytest.raises(InputError, match="no column of l|state their CRS with crs="):
        cg.read(path)


@pytest.mark.parametrize(
    "names", [["Gate Latitude", "Site Latitude", "lon"], ["Lat N", "lat (wgs84)", "lon"]]
)
def test_two_columns_of_latitude_are_told(names):
    with pytest.raises(
        InputError, match=rf"more than one column of lat: '{re.escape(names[0])}', '"
    ):
        find_lonlat(names, None, None, "a.csv")
    assert find_lonlat(["LAT_DD", "LAT_DMS", "lon"], None, None, "a") == ("lon", "LAT_DD")
    assert find_lonlat(["Lat N", "lat", "lon"], None, None, "a") == ("lon", "lat")


@pytest.mark.parametrize(
    "text",
    ["67°60′", "67°03′60″", "67.5°30′", "67°03′N", "E67°03′E", "-67°W", "67,000.5", "1,234,567",
     "67 03 00 00", "here", "67..5", "1_0", "0x43",
     "67-30", "-67-30", "2026-01-02", "北纬67度", "67-60-00", "东经67°03′E"],
)  # fmt: skip
def test_no_degrees(text):
    with pytest.raises(InputError, match="in row 8"):
        parse_degrees(pd.Series(["1", text]), "lon", "a", before=6)


@pytest.mark.parametrize(
    ("texts", "dtype"),
    [
        (["1", "-20", "0"], "int64"), (["1", "", "3"], "Int64"), (["1.5", "-0.25"], "float64"),
        (["1.5", ""], "float64"), (["007", "1"], None), (["1.50"], None), (["1", "2.5"], None),
        (["+1"], None), (["-0"], None), (["NA", "1"], None), (["1e5"], None), (["1e-07"], "float64"),
        (["9007199254740993"], "int64"), (["1234567890123456789"], None), (["True"], None),
        (["0.1000000000000000055"], None), (["2026-01-02T03:04:05Z"], "datetime64[us, UTC]"),
        (["2026-02-30T03:04:05Z"], None),
    ],
)  # fmt: skip
def test_text_is_a_number_only_where_nothing_is_lost(texts, dtype):
    typed = infer_types(pd.Series(texts))
    if dtype is None:
        assert typed.tolist() == texts
        return
    assert str(typed.dtype) == dtype
    if dtype != "datetime64[us, UTC]":
        again = ["" if pd.isna(v) else repr(v) for v in typed.astype(object)]
        assert [a.removeprefix("np.int64(").rstrip(")") for a in again] == texts


def test_numbers_where_they_are_needed():
    with pytest.warns(DataWarning, match="2 numbers with commas"):
        got = to_numbers(pd.Series(["1,234", "5", "12,345,678.5", None]), "population")
    assert got.tolist()[:3] == [1234, 5, 12_345_678.5]
    assert np.isnan(got[3])
    with pytest.warns(DataWarning, match="1 value of -9999"):
        assert to_numbers(pd.Series([100, -9999]), "p").tolist() == [100, -9999]
    with pytest.warns(DataWarning, match=r"point before three digits.*thousands=\"point\""):
        assert to_numbers(pd.Series(["500.000", "12.000", "0"]), "p").tolist() == [500, 12, 0]
    for plain in (["0.500", "12.000"], ["500.00"], ["500", "12"], ["500.000", "12.5"]):
        to_numbers(pd.Series(plain), "p")
    assert np.isnan(to_numbers(pd.Series([100, -9999]), "p", missing=[-9999])[1])
    for bad in ("1,23", "many", "1.2.3"):
        with pytest.raises(InputError, match="is no number"):
            to_numbers(pd.Series(["1", bad]), "p")
    with pytest.raises(InputError, match="times"):
        to_numbers(pd.Series(pd.to_datetime(["2026-01-01"])), "p")


CELLS = ["NA", "None", "nan", "NULL", "007", "9007199254740993", "1.50", "", " x ", 'a "b", c',
         "=1+1", "1e5", "two\nlines", "-0", "۱۲"]  # fmt: skip


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".csv.gz"])
def test_cells_come_out_as_they_went_in(suffix, tmp_path):
    table = pd.DataFrame(dict.fromkeys(("a", "b"), CELLS) | {"lon": "67.10", "lat": "24.900"})
    table["n"] = [str(i) for i in range(len(CELLS))]
    text = table.to_csv(index=False, sep="\t" if "tsv" in suffix else ",", lineterminator="\n")
    path = tmp_path / f"in{suffix}"
    path.write_bytes(gzip.compress(text.encode()) if suffix.endswith(".gz") else text.encode())
    frame = cg.read(path)
    assert frame["n"].dtype == "int64"
    out = cg.write(frame, tmp_path / f"out{suffix}").read_bytes()
    assert (gzip.decompress(out) if suffix.endswith(".gz") else out).decode() == text


def test_memory_and_stream_read_the_same(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text(
        '\ufeffsep=;\n"Name (English, Urdu)";Latitude (N);Longitude (E)\n'
        "A;24°54′N;67,0\nB;24,95;67°03′E\n",
        encoding="utf-8",
    )
    frame = cg.read(path)
    assert frame.columns[0] == "Name (English, Urdu)"
    assert frame.attrs["position_columns"] == ("Longitude (E)", "Latitude (N)")
    assert "degrees, minutes and seconds" in frame.attrs["read_as"]
    assert "separator ';'" in frame.attrs["read_as"]
    scale.nearest_file(path, tmp_path / "out.csv", targets="ml1")
    streamed = pd.read_csv(tmp_path / "out.csv")
    want = cg.nearest(frame.geometry, "ml1")["distance_km"]
    assert streamed["distance_km"].tolist() == pytest.approx(want.tolist(), abs=1e-9)


@pytest.mark.parametrize(
    "names",
    [("lon", "lat"), ("Longitude", "LAT"), ("x", "y"), ("Longitude (E)", "Latitude (N)"),
     ("GPS Longitude", "gps_latitude"), ("lng", "Lat."), ("经度", "纬度"), ("long [deg]", "lat [deg]")],
)  # fmt: skip
def test_headers_that_are_recognized(names, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(f"near_lon,flat,long_name,{names[0]},{names[1]}\n1,2,z,67,24.9\n", "utf-8")
    assert cg.read(path).geometry[0] == Point(67, 24.9)


def test_headers_that_are_not(tmp_path):
    path = tmp_path / "a.csv"
    for head in ("near_lon,near_lat", "Longitude (W),Latitude (N)", "lon,LON,lat", "a,b"):
        path.write_text(f"{head}\n{','.join('1' * len(head.split(',')))}\n")
        with pytest.raises(InputError, match="column of lon") as caught:
            cg.read(path)
        assert "--" not in str(caught.value)


def test_many_columns_are_read_in_time(tmp_path):
    path = tmp_path / "a.csv"
    count = 5_000
    path.write_text(
        ",".join(["lon,lat", *(f"c{i}" for i in range(count))]) + "\n67,25" + ",1" * count + "\n"
    )
    assert len(cg.read(path, lon="lon", lat="lat").columns) == count + 3


def test_columns_of_well_known_text_and_binary(tmp_path):
    point, line = Point(67, 24.9), LineString([(67, 25), (68, 26)])
    cells = {
        "wkt": [point.wkt, line.wkt], "geom": [f"SRID=4326;{point.wkt}", f"SRID=4326;{line.wkt}"],
        "the_geom": [shapely.to_wkb(g, hex=True, include_srid=True) for g in
                     shapely.set_srid([point, line], 4326)],
    }  # fmt: skip
    for name, values in cells.items():
        for suffix in (".csv", ".xlsx", ".parquet"):
            path = tmp_path / f"{name}{suffix}"
            table = pd.DataFrame({"n": ["a", "b"], name: values})
            writer = {".csv": table.to_csv, ".xlsx": table.to_excel, ".parquet": table.to_parquet}
            writer[suffix](path, index=False)
            back = cg.read(path)
            assert back.geometry.tolist() == [point, line], path.name
            assert back.crs.to_epsg() == 4326
            assert back["n"].tolist() == ["a", "b"]
    path = tmp_path / "wkb.parquet"
    pd.DataFrame({"wkb": [point.wkb, line.wkb]}).to_parquet(path)
    assert cg.read(path).geometry.tolist() == [point, line]
    path = tmp_path / "utm.csv"
    path.write_text('geom\n"SRID=32642;POINT (300000 2750000)"\n')
    assert cg.read(path).crs.to_epsg() == 32642
    path.write_text('geom\n"SRID=32642;POINT (3 2)"\n"SRID=4326;POINT (3 2)"\n')
    with pytest.raises(InputError, match="several SRIDs"):
        cg.read(path)
    path.write_text("wkt,n\nPOINT (1 2),1\nPOINT (1),2\n")
    with pytest.raises(GeometryError, match="row 2"):
        cg.read(path)


def nested(depth):
    return b"\x01\x07\x00\x00\x00\x01\x00\x00\x00" * depth + Point(1, 2).wkb


def test_collections_inside_one_another_without_end(tmp_path):
    """GEOS reads them by recursion and ends the process, so they must never reach it."""
    for name, value in (("wkb", nested(50_000)), ("wkt", "GEOMETRYCOLLECTION (" * 50_000)):
        path = tmp_path / f"{name}.parquet"
        pq.write_table(pa.table({name: [value]}), path)
        with pytest.raises(GeometryError, match="row 1 that is nested more than 32 deep"):
            cg.read(path)
    good = gpd.GeoDataFrame({"n": [1]}, geometry=[Point(67, 25)], crs=4326)
    good.to_parquet(tmp_path / "good.parquet")
    table = pq.read_table(tmp_path / "good.parquet")
    bad = table.set_column(1, "geometry", pa.array([nested(50_000)]))
    pq.write_table(bad.replace_schema_metadata(table.schema.metadata), tmp_path / "deep.parquet")
    with pytest.raises(GeometryError, match="row 1 that is nested more than 32 deep"):
        cg.read(tmp_path / "deep.parquet")


def test_native_encodings_of_geoparquet(tmp_path):
    for number, shape in enumerate([Point(67, 25), LineString([(67, 25), (68, 26)])]):
        frame = gpd.GeoDataFrame({"n": [1]}, geometry=[shape], crs=4326)
        path = tmp_path / f"{number}.parquet"
        frame.to_parquet(path, geometry_encoding="geoarrow", schema_version="1.1.0")
        assert cg.read(path).geometry.tolist() == [shape]


def test_a_geometry_column_of_another_name(tmp_path):
    frame = gpd.GeoDataFrame({"n": [1], "geom": [Point(67, 25)]}, geometry="geom", crs=4326)
    frame.to_parquet(tmp_path / "in.parquet")
    back = cg.read(tmp_path / "in.parquet")
    for suffix in (".gpkg", ".geojson", ".kml", ".gpx", ".csv", ".parquet", ".shp", ".fgb"):
        again = cg.read(cg.write(back, tmp_path / f"out{suffix}"))
        assert again.geometry.tolist() == [Point(67, 25)]


def test_projected_positions(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("name,lon,x,y\nA,5,300000,2750000\n")
    frame = cg.read(path, crs="EPSG:32642")
    assert frame.crs.to_epsg() == 32642
    assert cg.nearest(frame.geometry, "ml1")["distance_km"][0] < 20
    back = cg.read(cg.write(frame.drop(columns="lon"), tmp_path / "b.csv"))
    assert back.geometry[0].distance(frame.to_crs(4326).geometry[0]) < 1e-9
    path.write_text('name,x,y\nA,"300,000","2,750,000"\n')
    with pytest.raises(InputError, match="plain numbers"):
        cg.read(path, crs="EPSG:32642")
    with pytest.raises(CRSError, match="isn't known"):
        cg.read(path, crs="EPSG:99999999")


def test_a_crs_that_is_stated(tmp_path):
    frame = gpd.GeoDataFrame({"n": [1]}, geometry=[Point(3e5, 2.75e6)], crs=32642)
    path = cg.write(frame, tmp_path / "a.shp")
    (tmp_path / "a.prj").unlink()
    with pytest.raises(CRSError, match="no CRS"):
        cg.read(path)
    assert cg.read(path, crs=32642).crs.to_epsg() == 32642
    path = cg.write(frame, tmp_path / "a.gpkg")
    assert cg.read(path, crs=32642).crs.to_epsg() == 32642
    with pytest.raises(CRSError, match="states its own"):
        cg.read(path, crs=32643)


def test_positions_stay_what_they_are_beside_other_columns(tmp_path):
    """Columns that a reader would take for positions get another name, with a remark."""
    frame = gpd.GeoDataFrame(
        {"lon": [1.0], "lat": [2.0], "near_lon": [3.0]}, geometry=[Point(67, 25)], crs=4326
    )
    with pytest.warns(DataWarning, match="'lon' to 'lon_of_row'"):
        path = cg.write(frame, tmp_path / "a.csv")
    back = cg.read(path)
    assert back.geometry[0] == Point(67, 25)
    assert back[["lon_of_row", "near_lon"]].to_numpy().tolist() == [[1.0, 3.0]]
    line = frame.set_geometry([LineString([(67, 25), (68, 26)])], crs=4326)
    with pytest.warns(DataWarning, match="renamed"):
        path = cg.write(line, tmp_path / "b.csv")
    assert cg.read(path).geometry[0] == line.geometry[0]


def test_workbooks(tmp_path):
    path = tmp_path / "a.xlsx"
    with pd.ExcelWriter(path) as book:
        for sheet in ("one", "two"):
            pd.DataFrame({"code": ["007"], "lon": [67.0], "lat": [24.9], "of": [sheet]}).to_excel(
                book, sheet_name=sheet, index=False
            )
    with pytest.raises(InputError, match="one, two"):
        cg.read(path)
    frame = cg.read(path, layer="two")
    assert frame[["code", "of"]].to_numpy().tolist() == [["007", "two"]]
    formula = frame.assign(code="=1+1", long=9007199254740993)
    with pytest.warns(DataWarning, match="'long' holds whole numbers"):
        back = cg.read(cg.write(formula, tmp_path / "b.xlsx"))
    assert back["code"][0] == "=1+1"
    assert back["long"][0] == "9007199254740993"
    with pytest.raises(InputError, match="control character"):
        cg.write(frame.assign(code="\x01"), tmp_path / "c.xlsx")


def test_standard_input_and_output(tmp_path, monkeypatch):
    frame = cg.layer("ports")[["id", "geometry"]]
    for suffix in (".csv", ".geojson", ".geojsonl", ".gpkg", ".kml", ".kmz", ".gpx", ".fgb",
                   ".parquet", ".xlsx", ".csv.gz", ".zip"):  # fmt: skip
        out = io.TextIOWrapper(io.BytesIO())
        monkeypatch.setattr(sys, "stdout", out)
        assert str(cg.write(frame, f"-{suffix}")) == f"-{suffix}"
        monkeypatch.undo()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(out.buffer.getvalue())))
        back = cg.read("-")
        assert back["id"].tolist() == frame["id"].tolist(), suffix
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    with pytest.raises(FileError, match="standard input is empty"):
        cg.read("-")


def test_a_file_larger_than_memory_is_an_error_of_one_line(tmp_path, monkeypatch):
    def too_large(*_, **__):
        raise MemoryError

    path = tmp_path / "a.csv"
    path.write_text("lon,lat\n1,2\n")
    monkeypatch.setattr("pandas.read_csv", too_large)
    with pytest.raises(FileError, match="larger than memory"):
        cg.read(path)


FAR = pytest.mark.filterwarnings("ignore:.*region of CPEC")


@FAR
def test_outlines_in_csv_keep_the_last_digit(tmp_path):
    # By default GEOS writes 16 decimals, one too few below 1.
    shape = shapely.box(0.1 + 0.2, 1e-9 / 3, 1, 0.14188032004324003)
    cg.write(gpd.GeoDataFrame({"n": [0]}, geometry=[shape], crs=4326), tmp_path / "a.csv")
    assert cg.read(tmp_path / "a.csv").geometry.iloc[0].equals_exact(shape, 0)


@pytest.mark.parametrize(
    ("lon", "lat", "kept"),
    [
        (["67", "68.5"], ["25", "26"], True),
        (["67", "68.50000000000001"], ["25", "26"], False),  # one bit
        (["67", "68.5"], ["25", "26.000000000000004"], False),
        (["25", "26"], ["67", "68.5"], False),  # swapped
        (["67", ""], ["25", "26"], False),
        (["67", "here"], ["25", "26"], False),
    ],
)
def test_columns_of_positions_stand_only_while_they_say_where_the_points_are(lon, lat, kept):
    table = pd.DataFrame({"x": lon, "y": lat})
    shapes = gpd.GeoSeries([Point(67, 25), Point(68.5, 26)], crs=4326)
    got, positions, _ = add_positions(table, shapes, ("x", "y"))
    assert positions == (("x", "y") if kept else ("lon", "lat"))
    assert list(got[positions[0]].astype(float)) == [67, 68.5]
    assert list(got[positions[1]].astype(float)) == [25, 26]


def test_a_row_without_a_point_must_have_no_position():
    shapes = gpd.GeoSeries([Point(67, 25), None], crs=4326)
    blank = pd.DataFrame({"x": ["67", ""], "y": ["25", "1"]})
    assert add_positions(blank, shapes, ("x", "y"))[1] == ("x", "y")
    stale = pd.DataFrame({"x": ["67", "1"], "y": ["25", "1"]})
    assert add_positions(stale, shapes, ("x", "y"))[1] == ("lon", "lat")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "x,y\n300000,2750000\n",
            r"\(300000, 2750000\) in the columns 'x', 'y', .*crs=\"EPSG:32642\"",
        ),
        ("lat,lon\n167,25\n168,26\n", "swapped. Exchange the two with lon='lat' and lat='lon'."),
    ],
)
def test_columns_that_hold_no_degrees_are_refused_when_read(text, words, tmp_path):
    text = text.replace("lat,lon\n167,25", "lon,lat\n25,167").replace("168,26", "26,168")
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(CoordinateError, match=words):
        cg.read(tmp_path / "a.csv")
    one_good = text + "67,25\n"
    (tmp_path / "a.csv").write_text(one_good)
    frame = cg.read(tmp_path / "a.csv")
    with pytest.raises(CoordinateError, match=r"a\.csv has latitude .* in row 1; it must"):
        cg.nearest(frame, "ml1")


def test_what_is_summed_follows_one_rule_in_memory_streams_and_dask(tmp_path):
    dd = pytest.importorskip("dask.dataframe")
    cells = ["1,234", "NA", "7", "", "1e3"]
    table = pd.DataFrame({"lon": 67.0, "lat": 24.9, "p": cells})
    table.to_csv(tmp_path / "a.csv", index=False)
    with pytest.warns(DataWarning, match="p has 1 number with commas"):
        memory = cg.exposure("ml1", 50, layer=cg.read(tmp_path / "a.csv"), value="p")
    with pytest.warns(DataWarning, match="p has numbers with commas"):
        scale.exposure_file(tmp_path / "a.csv", tmp_path / "o.csv", targets="ml1", km=50, value="p")
    stream = pd.read_csv(tmp_path / "o.csv")
    frame = dd.from_pandas(table.astype({"p": object}), npartitions=2)
    with pytest.warns(DataWarning, match="p has numbers with commas"):
        lazy = scale.exposure(frame, "ml1", 50, value="p").compute()
    assert [stream["p"][0], lazy["p"].iloc[0], memory["p"].iloc[0]] == [2241] * 3
    assert [stream["missing"][0], lazy["missing"].iloc[0]] == [2, 2]
    with pytest.raises(InputError, match="p has 'x', which is no number"):
        scale.exposure(dd.from_pandas(table.assign(p="x"), 1), "ml1", 50, value="p").compute()


@pytest.mark.parametrize(
    "text",
    [
        "{name}_lat,{name}_lon\n528,67\n528,67\n",
        "{name},{name},lon,lat\n1,2,67,25\n",
        "{name} lon,{name} lat\n-95,170\n",
    ],
)
def test_a_long_name_of_a_column_does_not_fill_a_message(text, tmp_path):
    path = tmp_path / "long.csv"
    path.write_text(text.format(name="x" * 500))
    with pytest.raises(CpecgeoError) as caught:
        cg.nearest(cg.read(path), "ml1")
    assert len(str(caught.value)) < 600


@pytest.mark.filterwarnings("ignore:.*as text")  # larger than Excel's whole numbers
@pytest.mark.parametrize("suffix", [".kml", ".gpx", ".xlsx", ".csv", ".gpkg"])
def test_digits_of_whole_numbers_stay_where_some_are_missing(suffix, tmp_path):
    """pandas 2.2 makes floats of these on the way to text, which have fewer digits."""
    large = 105544273638689791
    values = pd.Series([None, large], dtype="Int64")
    points = gpd.GeoDataFrame({"n": values}, geometry=[Point(67, 25)] * 2, crs=4326)
    cg.write(points, tmp_path / f"a{suffix}")
    found = cg.read(tmp_path / f"a{suffix}")["n"]
    assert [str(v) for v in found.dropna()] == [str(large)]

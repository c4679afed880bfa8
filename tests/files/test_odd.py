"""Files as other programs leave them: read into memory, as a stream and by the shell."""

import datetime as dt
import decimal
import gzip
import json
import sqlite3
import struct
import warnings
import zipfile

import geopandas as gpd
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from click.testing import CliRunner

import cpecgeo as cg
from cpecgeo import scale
from cpecgeo.cli import app
from cpecgeo.errors import CpecgeoWarning, DataWarning, FileError, InputError

XY = [(67.0, 24.9), (71.5, 34.1), (66.9, 30.2)]
POINTS = [shapely.Point(p) for p in XY]
NAMES = ["A", "B", "C"]
ROWS = list(zip(NAMES, XY, strict=True))


def frame(shapes=POINTS):
    return gpd.GeoDataFrame({"name": NAMES}, geometry=shapes, crs=4326)


def lines(head, row, end="\n"):
    return end.join([head, *(row(n, *p) for n, p in ROWS), ""])


def feature(name, xy):
    shape = {"type": "Point", "coordinates": list(xy)}
    return json.dumps({"type": "Feature", "properties": {"name": name}, "geometry": shape})


def in_gpkg(path, blobs):
    """Put geometries into a GeoPackage that GDAL can't write."""
    frame().to_file(path, layer="p")
    with sqlite3.connect(path) as file:
        for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            file.execute(f'DROP TRIGGER "{name}"')
        for row, wkb in enumerate(blobs, 1):
            blob = b"GP\x00\x01" + struct.pack("<I", 4326) + wkb
            file.execute("UPDATE p SET geom = ? WHERE rowid = ?", (blob, row))
    file.close()


def excel_title(path):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["Survey 2024", None, None, None])
    sheet.merge_cells("A1:D1")
    sheet.append(["name", "lon", "lat", "visited"])
    for n, p in ROWS:
        sheet.append([n, *p, dt.date(2024, 1, 2)])
    book.save(path)


def excel_pair(path):
    book = openpyxl.Workbook()
    for row in (["name", "Lat/Lon"], *([n, f"{p[1]}, {p[0]}"] for n, p in ROWS)):
        book.active.append(row)
    book.save(path)


def takeout(path):
    rows = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": list(p)},
            "properties": {"date": "2023-01-01T00:00:00Z", "location": {"name": n}},
        }
        for n, p in ROWS
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": rows}))


def parquet_types(path):
    table = {
        "name": pa.array(NAMES).dictionary_encode(),
        "lon": pa.array([decimal.Decimal(str(p[0])) for p in XY]),
        "lat": pa.array([p[1] for p in XY]),
        "text": pa.array(NAMES, pa.large_string()),
        "view": pa.array(NAMES, pa.string_view()),
        "t": pa.array([10**15] * 3, pa.timestamp("us", "Asia/Karachi")),
    }
    try:
        pq.write_table(pa.table(table), path)
    except pa.ArrowNotImplementedError:  # views are written since pyarrow 19
        del table["view"]
        pq.write_table(pa.table(table), path)


def measured(path):
    in_gpkg(path, [b"\x01" + struct.pack("<I3d", 2001, *p, 7.0) for p in XY])


def two_geometries(path):
    frame().to_file(path, layer="p")
    with sqlite3.connect(path) as file:
        file.execute("ALTER TABLE p ADD COLUMN geom2 BLOB")
    file.close()


def hexadecimal(name, x, y):
    point = shapely.set_srid(shapely.Point(x, y), 4326)
    return f"{name},{shapely.to_wkb(point, hex=True, include_srid=True)}"


def eastern(number):
    return str(number).translate(str.maketrans("0123456789.", "۰۱۲۳۴۵۶۷۸۹٫"))


def text(made, encoding="utf-8"):
    return lambda path: path.write_bytes(made.encode(encoding))


GOOD = {
    "a title over an Excel table.xlsx": excel_title,
    "a pair in Excel.xlsx": excel_pair,
    "Takeout's places.geojson": takeout,
    "DuckDB's WKT.csv": text(lines("name,geom", lambda n, x, y: f"{n},POINT ({x} {y})")),
    "PostGIS's EWKB.csv": text(lines("name,the_geom", hexadecimal)),
    "PostgreSQL's copy.tsv": text(
        lines("name\tlon\tlat\tnote", lambda n, x, y: f"{n}\t{x}\t{y}\t\\N")
    ),
    "QGIS's WKT with a mark.csv": text(
        lines("\ufeffWKT,name", lambda n, x, y: f'"POINT ({x} {y})",{n}')
    ),
    "QGIS's PointZ.csv": text(
        lines("wkt_geom;name", lambda n, x, y: f"PointZ ({x} {y} 12);{n}", "\r\n")
    ),
    "cells with quotes and line ends.csv": text(
        lines(
            "name;lon;lat;note",
            lambda n, x, y: f'"{n} ""x""";"{x}";"{y}";"first\nsecond; third"',
            "\r\n",
        ).replace(".", ",")
    ),
    "a pair under WKT.csv": text(lines("name,WKT", lambda n, x, y: f'{n},"{y}, {x}"')),
    "digits of Urdu.csv": text(
        lines("name,lon,lat", lambda n, x, y: f"{n},{eastern(x)},{eastern(y)}")
    ),
    "blank columns at the end.csv": text(lines("name,lon,lat,,", lambda n, x, y: f"{n},{x},{y},,")),
    "heights.gpkg": lambda path: frame([shapely.Point(*p, 100) for p in XY]).to_file(path),
    "measures.gpkg": measured,
    "metres.gpkg": lambda path: frame().to_crs(32642).to_file(path),
    "two geometries.gpkg": two_geometries,
    "types.parquet": parquet_types,
    "a pair.parquet": lambda path: pq.write_table(
        pa.table({"name": NAMES, "location": [f"{p[1]}, {p[0]}" for p in XY]}), path
    ),
    "bounds beside it.parquet": lambda path: frame().to_parquet(path, write_covering_bbox=True),
    "native.parquet": lambda path: frame().to_parquet(path, geometry_encoding="geoarrow"),
    "empty lines.ndjson": lambda path: path.write_text(
        "\n\n" + "\n  \n".join(feature(n, p) for n, p in ROWS)
    ),
    "two members.csv.gz": lambda path: path.write_bytes(
        gzip.compress(b"name,lon,lat\nA,67.0,24.9\n") + gzip.compress(b"B,71.5,34.1\nC,66.9,30.2\n")
    ),
}
STREAMED = {".csv", ".tsv", ".gz", ".parquet", ".gpkg"}


@pytest.mark.filterwarnings("ignore::cpecgeo.errors.CpecgeoWarning")
@pytest.mark.parametrize("name", GOOD)
def test_odd_files_are_answered_by_every_door(name, tmp_path):
    path = tmp_path / name
    GOOD[name](path)
    want = cg.distance_km(gpd.GeoSeries(POINTS, crs=4326), cg.corridor("ml1").line).tolist()
    assert cg.nearest(cg.read(path), "ml1")["distance_km"].tolist() == pytest.approx(want, abs=1e-6)
    run = CliRunner().invoke(app, ["near", str(path), "--to", "ml1", "--json"])
    assert run.exit_code == 0
    told = [row["distance_km"] for row in json.loads(run.stdout)]
    assert told == pytest.approx(want, abs=1e-6)
    out = tmp_path / "o.csv"
    if path.suffix in STREAMED:
        scale.nearest_file(path, out, targets="ml1")
        assert pd.read_csv(out)["distance_km"].tolist() == pytest.approx(want, abs=1e-6)
    else:
        with pytest.raises(InputError, match="can't be streamed"):
            scale.nearest_file(path, out, targets="ml1")


BAD = {
    "Takeout's records.json": (
        lambda path: path.write_text('{"locations": [{"latitudeE7": 249000000}]}'),
        (FileError, "is JSON, but not GeoJSON"),
    ),
    "rows of JSON.ndjson": (
        lambda path: path.write_text('{"name": "A", "lon": 67, "lat": 25}\n'),
        (FileError, "not GeoJSON lines; a Feature on each line is needed"),
    ),
    "a row of units.csv": (
        text("name,lon,lat\n,degrees,degrees\nA,67,25\n"),
        (InputError, "lon 'degrees' in row 1 is no position"),
    ),
    "a comment.csv": (
        text("# exported\nname,lon,lat\nA,67,25\n"),
        (InputError, "has 1 columns and 3 values in row 1"),
    ),
    "line ends of old.csv": (
        text("name,lon,lat\rA,67,25\r"),
        (FileError, "its header has line ends in it"),
    ),
    "CSV in zip.zip": (
        lambda path: zipfile.ZipFile(path, "w").writestr("a.csv", "lon,lat\n"),
        (FileError, "can't be read as a zip archive|holds no shapefile"),
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_read_is_one_clear_error_at_every_door(name, tmp_path):
    path = tmp_path / name
    make, (kind, told) = BAD[name]
    make(path)
    with pytest.raises(kind, match=told):
        cg.read(path)
    error = CliRunner().invoke(app, ["near", str(path), "--to", "ml1"]).exception
    assert isinstance(error, kind)
    if path.suffix in STREAMED:
        with pytest.raises(kind, match=told):
            scale.nearest_file(path, tmp_path / "o.csv", targets="ml1")


def remarks(work):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        work()
    return found


def test_remarks_are_our_own_and_tell_what_is_left_out(tmp_path):
    """Warnings of libraries aren't passed on: they are written for programmers."""
    measures, title = tmp_path / "m.gpkg", tmp_path / "t.xlsx"
    measured(measures)
    excel_title(title)
    work = lambda: scale.nearest_file(measures, tmp_path / "o.csv", targets="ml1")  # noqa: E731
    assert all(issubclass(r.category, CpecgeoWarning) for r in remarks(work))
    (told,) = remarks(lambda: cg.read(title))
    assert "has 1 rows above the header of the sheet 'Sheet', such as 'Survey 2024'" in str(
        told.message
    )


def test_a_table_of_one_column_of_text_in_excel_has_no_title(tmp_path):
    path = tmp_path / "a.xlsx"
    book = openpyxl.Workbook()
    for row in (["coords"], ["24.9, 67.0"], ["34.1, 71.5"]):
        book.active.append(row)
    book.save(path)
    assert len(cg.read(path)) == 2


def test_the_tracks_of_a_single_point_are_left_out_and_told(tmp_path):
    path = tmp_path / "a.kml"
    head = (
        '<kml xmlns="http://www.opengis.net/kml/2.2" xmlns:gx="http://www.google.com/kml/ext/2.2">'
    )
    track = "<gx:Track><gx:coord>67 24.9 5</gx:coord><gx:coord>67.5 25 6</gx:coord></gx:Track>"
    lone = "<gx:Track><gx:coord>68 25 5</gx:coord></gx:Track>"
    line = "<LineString><coordinates>68,25</coordinates></LineString>"
    path.write_text(
        f"{head}<Document><Placemark><gx:MultiTrack>{track}{lone}</gx:MultiTrack></Placemark>"
        f"<Placemark>{line}</Placemark></Document></kml>"
    )
    with pytest.warns(DataWarning, match="2 lines of a single point, which aren't read"):
        rows = cg.read(path)
    assert rows.geometry.iloc[0].geom_type == "LineString"
    assert rows.geometry.iloc[1] is None


def test_zipped_folders_of_shapefiles_are_layers_and_urdu_is_stated(tmp_path):
    urdu = ["گوادر", "کراچي", "پشاور"]
    rows = gpd.GeoDataFrame({"name": urdu}, geometry=POINTS, crs=4326)
    (tmp_path / "shp").mkdir()
    rows.to_file(tmp_path / "shp" / "a.shp", encoding="UTF-8")
    rows.to_file(tmp_path / "shp" / "b.shp", encoding="cp1256")
    (tmp_path / "shp" / "b.cpg").unlink()
    path = tmp_path / "both.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted((tmp_path / "shp").iterdir()):
            archive.write(file, f"data/{file.stem}/{file.name}")
    with pytest.raises(InputError, match="2 layers, a, b; choose one with layer="):
        cg.read(path)
    assert cg.read(path, layer="a")["name"].tolist() == urdu
    assert cg.read(path, layer="b", encoding="cp1256")["name"].tolist() == urdu
    ask = ["length", str(path), "--layer", "b", "--encoding", "cp1256", "--json"]
    told = json.loads(CliRunner().invoke(app, ask, catch_exceptions=False).stdout)
    assert [row["title"] for row in told] == urdu


def test_rows_without_a_position_are_told_by_every_command_that_leaves_them_out(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("name,lon,lat\nA,67.0,24.9\nB,,\n")
    for command in (
        f"near {path} --to ml1",
        f"within {path} --of ml1 --km 50",
        f"locate ml1 {path}",
        f"density ml1 {path} --bin-km 500",
        f"distance-table {path} --group rail=ml1",
    ):
        run = CliRunner().invoke(app, command.split(), catch_exceptions=False)
        assert "1 of 2 rows have no position, and no answer." in run.stderr, command


def test_standard_input_is_a_file_to_every_command(monkeypatch):
    import io

    line = '{"type":"LineString","coordinates":[[73.0,31.0],[73.2,31.2]]}'
    for command in ("length -", "profile - --every-km 50", "near mines --to -", "at - 5"):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(line.encode())))
        run = CliRunner().invoke(app, command.split(), input=line, catch_exceptions=False)
        assert run.exit_code == 0, command


def test_empty_sheets_are_no_layers(tmp_path):
    """Old versions of Excel make three sheets, of which most people fill one."""
    book = openpyxl.Workbook()
    for row in (["name", "lon", "lat"], ["A", 67, 25]):
        book.active.append(row)
    for _ in range(2):
        book.create_sheet()
    book.save(tmp_path / "a.xlsx")
    assert cg.read(tmp_path / "a.xlsx")["name"].tolist() == ["A"]
    assert len(cg.read(tmp_path / "a.xlsx", layer="Sheet")) == 1
    book.worksheets[2].append([None, 0])  # a cell is a cell
    book.save(tmp_path / "a.xlsx")
    with pytest.raises(cg.errors.InputError, match="2 layers, Sheet, Sheet2"):
        cg.read(tmp_path / "a.xlsx")


def test_a_warning_names_the_line_that_reads(tmp_path):
    """It is the caller's line, from whatever depth of the package the warning comes."""
    at_zero = tmp_path / "zero.csv"
    at_zero.write_text("name,lon,lat\n" + "A,67,24.9\n" * 3 + "B,0,0\nC,67\n")
    frame().to_file(tmp_path / "bare.shp")
    (tmp_path / "bare.dbf").unlink()
    measured = tmp_path / "measured.geojson"
    measured.write_text('{"type": "Feature", "other": 1, "properties": {}, "geometry": null}')
    for path, words in (
        (at_zero, "at 0, 0"),
        (at_zero, "fewer than 3 values"),
        (tmp_path / "bare.shp", "no .dbf"),
        (measured, "stand beside its properties"),
    ):
        with pytest.warns(DataWarning) as told:
            cg.read(path)
        assert {w.filename for w in told if words in str(w.message)} == {__file__}
    with pytest.warns(DataWarning) as told:
        scale.nearest_file(at_zero, tmp_path / "out.csv", targets="ml1", bad="keep")
    assert {w.filename for w in told if "at 0, 0" in str(w.message)} == {__file__}

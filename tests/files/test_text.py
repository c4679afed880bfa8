"""Text in other encodings than UTF-8, in every function that reads tables."""

import gzip
import io
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import cpecgeo as cg
from cpecgeo.cli import app
from cpecgeo.errors import DataWarning, FileError, InputError
from cpecgeo.files.formats import Choice
from cpecgeo.files.text import find_encoding
from cpecgeo.scale import exposure_file, nearest_file, within_file
from cpecgeo.scale.sources import Position
from cpecgeo.scale.tables import Csv

NAMES = {
    "cp1252": ["Köln", "São «Paulo»", "n’est"],
    "cp1256": ["گوادر", "کراچي", "پشاور"],
    "gb18030": ["瓜达尔", "𠀀|,", "喀什"],
    "big5": ["功|許", "蓋", "喀什"],  # with \, | and the like as second bytes
    "shift_jis": ["表ソ", "十", "能"],
    "utf-16": ["گوادر", "𠀀", "ਊ਼ĊȊ"],  # letters that contain the byte of a line end
    "utf-16-le": ["ĊĠ", "∊", "Ģ"],
    "utf-16-be": ["ਊ", "∢", "ĊĢ"],
}


def rows(names):
    lines = [f'"{n}",{67 + i / 8},{25 + i / 8}' for i, n in enumerate(names)]
    return "\r\n".join(["näme,lon,lat".replace("ä", "a"), *lines, ""])


@pytest.mark.parametrize("encoding", NAMES)
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_a_stated_encoding_in_memory(encoding, suffix, tmp_path):
    raw = rows(NAMES[encoding]).encode(encoding)
    path = tmp_path / f"a{suffix}"
    path.write_bytes(gzip.compress(raw) if suffix.endswith("gz") else raw)
    frame = cg.read(path, encoding=encoding)
    assert frame["name"].tolist() == NAMES[encoding]
    assert frame.geometry.x.tolist() == [67, 67.125, 67.25]
    assert "; encoding " in frame.attrs["read_as"]


@pytest.mark.parametrize("encoding", NAMES)
def test_a_stated_encoding_in_a_stream(encoding, tmp_path):
    path, out = tmp_path / "a.csv", tmp_path / "o.csv"
    path.write_bytes(rows(NAMES[encoding]).encode(encoding))
    run = nearest_file(path, out, targets="ml1", encoding=encoding, batch_rows=1, part_rows=2)
    assert "; encoding " in run.read_as
    there = pd.read_csv(out)
    assert there["name"].tolist() == NAMES[encoding]
    near = cg.nearest(cg.read(path, encoding=encoding), "ml1")
    np.testing.assert_allclose(there["distance_km"], near["distance_km"], rtol=0, atol=1e-9)
    within_file(path, out, targets="ml1", km=5_000, encoding=encoding)
    assert pd.read_csv(out)["name"].tolist() == NAMES[encoding]
    exposure_file(path, out, targets="ml1", km=[5_000], encoding=encoding)
    assert pd.read_csv(out)["features"].tolist() == [3]


@pytest.mark.parametrize("order", ["le", "be"])
def test_a_mark_of_utf_16_is_understood_by_itself(order, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(("\ufeff" + rows(NAMES["utf-16"])).encode(f"utf-16-{order}"))
    assert cg.read(path)["name"].tolist() == NAMES["utf-16"]
    assert list(cg.read(path).columns) == ["name", "lon", "lat", "geometry"]
    nearest_file(path, tmp_path / "o.csv", targets="ml1")
    assert pd.read_csv(tmp_path / "o.csv")["name"].tolist() == NAMES["utf-16"]


@given(
    st.lists(
        st.text(st.characters(codec="utf-16", exclude_characters="\0"), max_size=9), max_size=40
    ),
    st.sampled_from(["utf-16-le", "utf-16-be"]),
    st.integers(1, 9),
)
def test_streams_cut_utf_16_where_rows_end(tmp_path_factory, names, codec, batch_rows):
    quoted = ['"' + n.replace('"', '""').replace("\r", " ") + '"' for n in names]
    text = "".join(["name,lon,lat\n", *(f"{n},67,25\n" for n in quoted)])
    path = tmp_path_factory.mktemp("t") / "a.csv"
    path.write_bytes(("\ufeff" + text).encode(codec))
    batches = list(Csv.open(path, Choice()).batches(Position(), batch_rows))
    read = [n for b in batches for n in b.columns["name"].to_pylist()]
    assert read == [n.replace("\r", " ") for n in names]
    for batch in batches:  # a run may resume anywhere
        again = next(iter(Csv.open(path, Choice()).batches(batch.start, batch_rows)))
        assert again.columns.equals(batch.columns)


def test_the_shell_has_the_option_and_refusals_name_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_bytes(rows(NAMES["cp1252"]).encode("cp1252"))
    run = CliRunner()
    for streamed in ([], ["--stream"]):
        asked = ["near", "a.csv", "--to", "ml1", "-o", "o.csv", *streamed]
        bare = run.invoke(app, asked)
        assert isinstance(bare.exception, FileError)
        assert "not UTF-8" in str(bare.exception)
        assert "--encoding cp1252 (Windows), --encoding cp1256" in str(bare.exception)
        assert run.invoke(app, [*asked, "--encoding", "cp1252"]).exit_code == 0
        assert pd.read_csv("o.csv")["name"].tolist() == NAMES["cp1252"]
    mapped = run.invoke(app, ["map", "a.csv", "-o", "o.html"])
    assert "--encoding cp1252 (Windows)" in str(mapped.exception)
    asked = ["map", "a.csv", "-o", "o.html", "--encoding", "cp1252"]
    assert run.invoke(app, asked).exit_code == 0
    lone = run.invoke(app, ["length", "a.csv"])
    assert "--encoding cp1252 (Windows)" in str(lone.exception)


@pytest.mark.parametrize(
    "name", ["utf-7", "hz", "iso2022_jp", "cp037", "rot13", "base64", "none such", "", 5]
)
def test_encodings_that_are_none_for_tables(name, tmp_path):
    (tmp_path / "a.csv").write_text("lon,lat\n67,25\n")
    with pytest.raises(InputError, match="isn't known, or isn't one for tables"):
        cg.read(tmp_path / "a.csv", encoding=name)


def test_an_encoding_that_the_file_contradicts(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(rows(["x"]).encode("utf-16"))
    with pytest.raises(InputError, match="another; leave encoding= out"):
        cg.read(path, encoding="cp1252")
    path.write_text(rows(["Köln"]), encoding="utf-8")
    with pytest.warns(DataWarning, match="its text is UTF-8 too"):
        cg.read(path, encoding="cp1252")
    path.write_bytes(rows(["K"]).encode() + b"\xff,67,25\n")
    with pytest.raises(FileError, match="is not gb18030"):
        cg.read(path, encoding="gb18030")
    assert find_encoding(b"a,b\n", "utf-8-sig", "f") == ("utf-8", 0)


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".parquet", ".xlsx", ".kml", ".fgb"])
def test_formats_that_say_their_encoding_take_none(suffix, tmp_path):
    path = tmp_path / f"a{suffix}"
    cg.write(gpd.GeoDataFrame({"n": [1]}, geometry=[shapely.Point(67, 25)], crs=4326), path)
    with pytest.raises(InputError, match="says its encoding itself"):
        cg.read(path, encoding="cp1252")
    if suffix in {".gpkg", ".parquet"}:
        with pytest.raises(InputError, match="says its encoding itself"):
            nearest_file(path, tmp_path / "o.csv", targets="ml1", encoding="cp1252")


@pytest.mark.parametrize("encoding", ["gb18030", "cp1256"])
def test_shapefiles_without_or_with_a_wrong_cpg(encoding, tmp_path):
    words = [w.replace("𠀀", "") for w in NAMES[encoding]]  # not in GBK
    frame = gpd.GeoDataFrame(
        {"n": words}, geometry=gpd.points_from_xy([67] * 3, [25] * 3), crs=4326
    )
    frame.to_file(tmp_path / "a.shp", encoding={"gb18030": "GBK"}.get(encoding, encoding))
    assert cg.read(tmp_path / "a.shp")["n"].tolist() == words
    (tmp_path / "a.cpg").unlink()
    assert cg.read(tmp_path / "a.shp", encoding=encoding)["n"].tolist() == words


def test_a_shapefile_that_says_no_encoding_is_utf_8_where_its_text_is(tmp_path):
    words = ["گوادر", "瓜达尔", "Gwadar"]
    frame = gpd.GeoDataFrame({"n": words}, geometry=[shapely.Point(62.3, 25.1)] * 3, crs=4326)
    frame.to_file(tmp_path / "a.shp", encoding="utf-8")
    (tmp_path / "a.cpg").unlink()
    head = (tmp_path / "a.dbf").read_bytes()
    for byte in (0, 0x57):  # none stated, and «ANSI»
        (tmp_path / "a.dbf").write_bytes(head[:29] + bytes([byte]) + head[30:])
        assert cg.read(tmp_path / "a.shp")["n"].tolist() == words
    latin = head.replace("گوادر".encode(), "Gwadar-Süd".encode("latin-1"))
    (tmp_path / "a.dbf").write_bytes(latin.replace("瓜达尔".encode(), b"Gwadar  \xe9"))
    with pytest.warns(DataWarning, match=r"no \.cpg"):
        assert cg.read(tmp_path / "a.shp")["n"][0] == "Gwadar-Süd"


FEATURE = (
    '{"type":"Feature","properties":{"name":"گوادر"},'
    '"geometry":{"type":"Point","coordinates":[62.3,25.1]}}'
)
IN_XML = {
    "kml": '<kml xmlns="http://www.opengis.net/kml/2.2"><Placemark><name>گوادر</name><Point>'
    "<coordinates>62.3,25.1</coordinates></Point></Placemark></kml>",
    "gpx": '<gpx xmlns="http://www.topografix.com/GPX/1/1" version="1.1"><wpt lat="25.1" '
    'lon="62.3"><name>گوادر</name></wpt></gpx>',
}
WIDE = {
    "geojson": f'{{"type":"FeatureCollection","features":[{FEATURE}]}}',
    "geojsonl": f"{FEATURE}\n\n",
    **{suffix: f'<?xml version="1.0" encoding="UTF-16"?>{text}' for suffix, text in IN_XML.items()},
}


@pytest.mark.parametrize("mark", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("suffix", WIDE)
def test_utf_16_with_its_mark_is_read_in_every_format_of_text(suffix, mark, tmp_path, monkeypatch):
    path = tmp_path / f"a.{suffix}"
    raw = f"\ufeff{WIDE[suffix]}".encode(mark)
    path.write_bytes(raw)
    rows = cg.read(path)
    assert rows["name"].tolist() == ["گوادر"]
    assert rows.geometry.iloc[0].coords[0] == (62.3, 25.1)
    # The content shows the format of standard input.
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw)))
    assert cg.read("-")["name"].tolist() == ["گوادر"]


def test_utf_16_that_is_cut_or_without_its_mark_is_one_error(tmp_path):
    path = tmp_path / "a.geojson"
    path.write_bytes(f"\ufeff{WIDE['geojson']}".encode("utf-16-le")[:-1])
    with pytest.raises(FileError, match=r"a\.geojson begins as UTF-16 and isn't \(truncated data"):
        cg.read(path)
    path = tmp_path / "a.kml"
    path.write_bytes(WIDE["kml"].encode("utf-16-le"))
    with pytest.raises(FileError, match="not XML in UTF-8"):
        cg.read(path)


LONG = {
    "the first row": ("a,lon,lat\nx,67,25,9\ny,67,25\n", "3 columns and 4 values in row 1"),
    "a later row": ("a,lon,lat\nx,67,25\n\ny,67,25,9\n", "3 columns and 4 values in row 2"),
    "a short first row": ("a,lon,lat\nx,67\ny,67,25\n", "3 columns and 2 values in row 1"),
    "another separator": ("a;lon;lat\nx;67;25\ny;67;25;;\n", "3 columns and 5 values in row 2"),
}


@pytest.mark.parametrize("kind", LONG)
def test_a_row_that_is_too_long_is_one_error_in_memory_and_streams(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text, told = LONG[kind]
    Path("a.csv").write_text(text)
    texts = []
    for work in (lambda: cg.read("a.csv"), lambda: nearest_file("a.csv", "o.csv", targets="ml1")):
        with pytest.raises(InputError) as caught:
            work()
        assert type(caught.value) is InputError
        texts.append(str(caught.value))
    assert told in texts[0]
    assert texts[0] == texts[1]

"""A warning about a file points at the line of the caller, as Python shows it."""

import json
import warnings
import zipfile

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import rasterio
import shapely
from affine import Affine

import cpecgeo as cg
from cpecgeo import scale
from cpecgeo.errors import CpecgeoWarning
from cpecgeo.files.numbers import to_numbers
from cpecgeo.files.writing import write_layers

POINT = shapely.Point(67, 25)
GPX = '<gpx xmlns="http://www.topografix.com/GPX/1/1">{}</gpx>'
LOW, HIGH = (
    '<trkpt lat="25" lon="67"/>',
    '<trkpt lat="25.1" lon="67"><ele>5</ele></trkpt>',
)
MARK = "<Placemark><Point><coordinates>67,25</coordinates></Point></Placemark>"
KML = "<kml><Document>{}</Document></kml>"


def document(properties, shape):
    feature = {"type": "Feature", "properties": properties, "geometry": shape}
    return json.dumps({"type": "FeatureCollection", "features": [feature]})


def book(path, rows, merged=None):
    made = openpyxl.Workbook()
    for row in rows:
        made.active.append(row)
    if merged:
        made.active.merge_cells(merged)
    made.save(path)


def packed(path):
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("doc.kml", "b.kml"):
            archive.writestr(name, KML.format(MARK))


def shapefile(path, without):
    frame = gpd.GeoDataFrame({"a": ["é"]}, geometry=[POINT], crs=4326)
    frame.to_file(path, encoding="cp1252")
    path.with_suffix(without).unlink()


HEAD = ["a", "lon", "lat"]
OPEN = {"type": "Polygon", "coordinates": [[[67, 25], [68, 25], [68, 26]]]}
AT = {"type": "Point", "coordinates": [67, 25]}
# Name of the file, its text or what writes it, options of reading, and words of the warning.
FILES = {
    "half a position": ("a.csv", "a,lon,lat\nx,67,25\ny,67,\n", {}, "lat alone"),
    "at 0, 0": ("a.csv", "a,lon,lat\nx,67,25\ny,0,0\n", {}, "at 0, 0"),
    "measures": ("a.csv", 'wkt\n"POINT M (104 30 5)"\n', {"crs": "GCJ-02"}, "measures"),
    "route of a point": ("a.gpx", GPX.format('<rte><rtept lat="25" lon="67"/></rte>'), {}, "fewer"),
    "heights with gaps": (
        "a.gpx", GPX.format(f"<trk><trkseg>{LOW}{HIGH}</trkseg></trk>"), {}, "with gaps",
    ),
    "segment of a point": (
        "a.gpx",
        GPX.format(f"<trk><trkseg>{LOW}{HIGH}</trkseg><trkseg>{HIGH}</trkseg></trk>"),
        {"layer": "tracks"},
        "of a single point",
    ),
    "link": ("a.kml", KML.format(f"{MARK}<NetworkLink/>"), {}, "links to other"),
    "two documents": ("a.kmz", packed, {}, "holds 2 documents"),
    "column of the shapes' name": ("a.geojson", document({"geometry": 1}, AT), {}, "is called"),
    "open ring": ("a.geojson", document({}, OPEN), {}, "aren't closed"),
    "title": ("a.xlsx", lambda p: book(p, [["Survey"], HEAD, ["x", 67, 25]]), {}, "above"),
    "merged cells": (
        "a.xlsx", lambda p: book(p, [HEAD, ["x", 67, 25], [None, 68, 25]], "A2:A3"), {}, "merged",
    ),
    "formula": ("a.xlsx", lambda p: book(p, [HEAD, ["=1+1", 67, 25]]), {}, "formulas without"),
    "no encoding": ("a.shp", lambda p: shapefile(p, ".cpg"), {}, "has no .cpg"),
    "no table": ("a.shp", lambda p: shapefile(p, ".dbf"), {}, "has no .dbf"),
}  # fmt: skip


def told(work):
    """Return the file that each warning of some work is about, and its words."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        work()
    return [(w.filename, str(w.message)) for w in caught if issubclass(w.category, CpecgeoWarning)]


@pytest.mark.parametrize("case", FILES)
def test_what_is_said_of_a_file_is_said_where_it_is_read(case, tmp_path):
    name, content, options, words = FILES[case]
    path = tmp_path / name
    if callable(content):
        content(path)
    else:
        path.write_text(content, encoding="utf-8")
    said = [at for at, text in told(lambda: cg.read(path, **options)) if words in text]
    assert said == [__file__]


def named(**columns):
    return gpd.GeoDataFrame(pd.DataFrame(columns, [0]), geometry=[POINT], crs=4326)


def test_renamed_columns_are_told_where_a_file_is_written(tmp_path):
    said = told(lambda: cg.write(named(lon="x"), tmp_path / "a.csv"))
    said += told(lambda: write_layers({"a": named(a="x", A="y")}, tmp_path / "a.gpkg"))
    assert [at for at, text in said if "columns renamed" in text] == [__file__] * 2


def test_what_a_stream_leaves_out_is_told_where_it_is_started(tmp_path):
    source = tmp_path / "a.parquet"
    rows = {"lon": [67.0, 0.0], "lat": [25.0, 0.0], "photo": pa.array([b"1", b"2"])}
    pq.write_table(pa.table(rows), source)
    said = told(lambda: scale.nearest_file(source, tmp_path / "o.csv", targets="ml1"))
    assert [at for at, _ in said] == [__file__] * 2
    assert "bytes in 'photo'" in said[0][1]
    assert "at 0, 0" in said[1][1]


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["1,234", "5"], "with commas"),
        (["1.234", "5.678"], "a point before three digits"),
        ([1.0, -9999.0], "use for missing"),
    ],
)
def test_how_numbers_are_read_is_told_where_they_are_asked_for(texts, words):
    ((at, text),) = told(lambda: to_numbers(pd.Series(texts), "p"))
    assert at == __file__
    assert words in text


def test_a_raster_that_ends_too_early_is_told_where_it_is_summed(tmp_path):
    path = tmp_path / "a.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=40, height=40, count=1, dtype="float32", crs=4326,
        transform=Affine(0.01, 0, 67, 0, -0.01, 25.4),
    ) as raster:  # fmt: skip
        raster.write(np.ones((40, 40), np.float32), 1)
    said = told(lambda: cg.exposure(shapely.Point(67, 25.2), 5, raster=path))
    assert [at for at, text in said if "doesn't reach" in text] == [__file__]

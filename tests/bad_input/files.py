"""Wrong files by name: how each is made, and the error that it gives in memory and in a stream."""

import json
import sqlite3
import warnings

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from shapely.geometry import LineString, Point, Polygon

GOOD = gpd.GeoDataFrame({"id": [1, 2]}, geometry=[Point(67, 25), Point(68, 26)], crs=4326)
TABLE = pd.DataFrame({"id": [1, 2], "lon": [67.0, 68.0], "lat": [25.0, 26.0]})


def text(words, encoding="utf-8"):
    return lambda path: path.write_bytes(words.encode(encoding))


def raw(data):
    return lambda path: path.write_bytes(data)


def whole(path):
    """Return the bytes of a good file of that kind."""
    if path.suffix == ".parquet":
        TABLE.to_parquet(path)
    else:
        GOOD.to_file(path, engine="pyogrio", layer="points")
    return path.read_bytes()


def cut(path, share=0.5):
    data = whole(path)
    path.write_bytes(data[: int(len(data) * share)])


def overwritten(path):
    """Return a file of full length whose middle is from another one."""
    data = bytearray(whole(path))
    data[len(data) // 3 : 2 * len(data) // 3] = b"\xa5" * (len(data) // 3)
    path.write_bytes(bytes(data))


def frame(**columns):
    return lambda path: pd.DataFrame(columns).to_parquet(path)


def shaped(geometry, crs=4326):
    def make(path):
        made = gpd.GeoDataFrame({"id": range(len(geometry))}, geometry=geometry, crs=crs)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a missing CRS is intended
            made.to_parquet(path) if path.suffix == ".parquet" else made.to_file(path, layer="p")

    return make


def geo_record(change):
    """Return GeoParquet with a changed record of its geometry."""

    def make(path):
        GOOD.to_parquet(path)
        table = pq.read_table(path)
        geo = json.loads(table.schema.metadata[b"geo"])
        changed = change(geo)
        kept = {**table.schema.metadata, b"geo": json.dumps(changed).encode()}
        pq.write_table(table.replace_schema_metadata(kept), path)

    return make


def no_such_crs(path):
    """Return GeoParquet whose CRS has only its name."""
    shaped([Point(67, 25)])(path)
    table = pq.read_table(path)
    geo = json.loads(table.schema.metadata[b"geo"])
    geo["columns"]["geometry"]["crs"] = {"type": "GeographicCRS", "name": "x" * 2_000}
    pq.write_table(table.replace_schema_metadata({b"geo": json.dumps(geo).encode()}), path)


def no_layers(path):
    GOOD.to_file(path, layer="points")
    with sqlite3.connect(path) as base:
        for table in ("gpkg_contents", "gpkg_geometry_columns", "gpkg_ogr_contents"):
            base.execute(f"DELETE FROM {table}")  # noqa: S608
        base.execute("DROP TABLE points")
    base.close()


def odd_type(path):
    """Return Parquet in whose pandas record a type doesn't exist."""
    GOOD.assign(name="x").to_parquet(path)
    table = pq.read_table(path)
    told = {k: v.replace(b'"object"', b'"objecd"').replace(b'"str"', b'"sdr"')
            for k, v in table.schema.metadata.items()}  # fmt: skip
    pq.write_table(table.replace_schema_metadata(told), path)


def latin_name(path):
    """Return Parquet with a column name that isn't UTF-8."""
    TABLE.rename(columns={"id": "Zuerich"}).to_parquet(path)
    path.write_bytes(path.read_bytes().replace(b"Zuerich", b"Z\xfcrichs"))


def deep(path):
    """Return GeoParquet whose record nests deeper than any reader can follow."""
    table = pa.table({"id": [1]}).replace_schema_metadata({"geo": "[" * 200_000})
    pq.write_table(table, path)


def latin_record(path):
    """Return a file whose metadata isn't UTF-8; its points are whole."""
    GOOD.to_file(path, layer="points", layer_metadata={"made by": "Zuerich"})
    path.write_bytes(path.read_bytes().replace(b"Zuerich", b"Z\xfcrichs"))


def two_layers(path):
    for name in ("a", "b"):
        GOOD.to_file(path, layer=name)


def not_wkb(path):
    geo = {
        "version": "1.0.0", "primary_column": "geometry",
        "columns": {"geometry": {"encoding": "WKB", "geometry_types": []}},
    }  # fmt: skip
    table = pa.table({"geometry": pa.array([b"\x01\x02", b"no"])})
    pq.write_table(table.replace_schema_metadata({"geo": json.dumps(geo)}), path)


def folder(path):
    path.mkdir()


def loop(path):
    path.symlink_to(path)


FILE, INPUT, CRS, COORD, GEOM, DATA = (
    "FileError", "InputError", "CRSError", "CoordinateError", "GeometryError", "DataWarning",
)  # fmt: skip
HEAD = "id,lon,lat\n"

# name: (suffix, how it is made, error in memory, error in a stream); None where there is a defined
# answer, "-" where the format isn't read that way.
FILES = {
    # CSV
    "csv, empty": (".csv", raw(b""), FILE, FILE),
    "csv, blank lines only": (".csv", text("\n\n\n"), FILE, FILE),
    "csv, no header": (".csv", text("1,67,25\n2,68,26\n"), INPUT, INPUT),
    "csv, no position": (".csv", text("id,name\n1,x\n"), INPUT, INPUT),
    "csv, lon only": (".csv", text("id,lon\n1,67\n"), INPUT, INPUT),
    "csv, two columns of one name": (".csv", text("lon,lat,lon\n1,2,3\n"), INPUT, INPUT),
    "csv, two that could be lon": (".csv", text("LON,lon,lat\n1,2,3\n"), INPUT, INPUT),
    "csv, latin-1": (".csv", text(HEAD + "Köln,67,25\n", "latin-1"), FILE, FILE),
    "csv, latin-1 in the header": (".csv", text("Köln,lon,lat\n1,67,25\n", "latin-1"), FILE, FILE),
    "csv, UTF-16": (".csv", text(HEAD + "1,67,25\n", "utf-16"), None, None),
    "csv, UTF-16 that is cut": (".csv", raw((HEAD + "1,67,25").encode("utf-16")[:-1]), FILE, FILE),
    "csv, a row too short, later": (".csv", text(HEAD + "1,67,25\n2,67\n"), DATA, DATA),
    "csv, UTF-32": (".csv", text(HEAD + "1,67,25\n", "utf-32"), FILE, FILE),
    "csv, binary noise": (".csv", raw(bytes(range(256)) * 9), FILE, FILE),
    "csv, a picture": (".csv", raw(b"\x89PNG\r\n\x1a\n" + b"\0" * 99), FILE, FILE),
    "csv, separated by colons": (".csv", text("id:lon:lat\n1:67:25\n"), INPUT, INPUT),
    "csv, separated by blanks": (".csv", text("id lon lat\n1 67 25\n"), INPUT, INPUT),
    "csv, another separator below": (".csv", text(HEAD + "1;67;25\n"), INPUT, INPUT),
    "csv, decimal commas": (".csv", text("id;lon;lat\n1;67,5;25,5\n"), None, None),
    "csv, thousands of degrees": (".csv", text('id,lon,lat\n1,"67,000.5",25\n'), INPUT, INPUT),
    "csv, degrees with a sign": (".csv", text(HEAD + "1,67°,25°\n"), None, None),
    "csv, degrees, minutes": (".csv", text(HEAD + "1,67 30 00E,25 10 00N\n"), None, None),
    "csv, words for positions": (".csv", text(HEAD + "1,here,there\n"), INPUT, INPUT),
    "csv, a row too long": (".csv", text(HEAD + "1,67,25,9\n"), INPUT, INPUT),
    "csv, a row too long, later": (".csv", text(HEAD + "1,67,25\n1,67,25,9\n"), INPUT, INPUT),
    "csv, a row too short": (".csv", text(HEAD + "1,67\n"), INPUT, INPUT),
    "csv, an open quote": (".csv", text(HEAD + '1,67,25\n"2,68,26\n'), FILE, FILE),
    "csv, infinite": (".csv", text(HEAD + "1,inf,25\n"), COORD, COORD),
    "csv, latitude of 95": (".csv", text(HEAD + "1,67,95\n"), COORD, COORD),
    "csv, longitude of 200": (".csv", text(HEAD + "1,200,25\n"), COORD, COORD),
    "csv, metres as degrees": (".csv", text(HEAD + "1,500000,2700000\n"), COORD, COORD),
    "csv, lat and lon swapped": (".csv", text(HEAD + "1,25,167\n"), COORD, COORD),
    "csv, half a position": (".csv", text(HEAD + "1,67,\n"), DATA, COORD),
    "csv, header only": (".csv", text(HEAD), None, None),
    "csv, no position in any row": (".csv", text(HEAD + "1,,\n2,,\n"), None, None),
    "csv, byte order mark": (".csv", text("\ufeff" + HEAD + "1,67,25\n"), None, None),
    "csv, Windows' line ends": (".csv", text("id,lon,lat\r\n1,67,25\r\n"), None, None),
    "csv, no line end at the end": (".csv", text(HEAD + "1,67,25"), None, None),
    "csv, is a folder": (".csv", folder, FILE, FILE),
    "csv, a link to itself": (".csv", loop, FILE, FILE),
    # Parquet
    "parquet, empty": (".parquet", raw(b""), FILE, FILE),
    "parquet, noise": (".parquet", raw(b"PAR1" + b"\xff" * 200 + b"PAR1"), FILE, FILE),
    "parquet, half written": (".parquet", cut, FILE, FILE),
    "parquet, last byte missing": (".parquet", lambda p: cut(p, 0.999), FILE, FILE),
    "parquet, is CSV": (".parquet", text(HEAD + "1,67,25\n"), FILE, FILE),
    "parquet, no position": (".parquet", frame(a=[1]), INPUT, INPUT),
    "parquet, text for lon": (".parquet", frame(lon=["x"], lat=[25.0]), INPUT, INPUT),
    "parquet, times for lon": (
        ".parquet", frame(lon=pd.to_datetime(["2026-01-01"]), lat=[25.0]), INPUT, INPUT,
    ),
    "parquet, yes and no for lon": (".parquet", frame(lon=[True], lat=[False]), INPUT, INPUT),
    "parquet, lists for lon": (".parquet", frame(lon=[[1.0]], lat=[[2.0]]), INPUT, INPUT),
    "parquet, infinite": (".parquet", frame(lon=[np.inf], lat=[25.0]), COORD, COORD),
    "parquet, latitude of 95": (".parquet", frame(lon=[67.0], lat=[95.0]), COORD, COORD),
    "parquet, a name of another encoding": (".parquet", latin_name, FILE, FILE),
    "geoparquet, record is bottomless": (".parquet", deep, FILE, FILE),
    "geoparquet, a type that is none": (".parquet", odd_type, FILE, None),
    "parquet, swapped": (".parquet", frame(lon=[25.0], lat=[167.0]), COORD, COORD),
    "parquet, half a position": (".parquet", frame(lon=[67.0], lat=[np.nan]), DATA, COORD),
    "parquet, categories for lon": (
        ".parquet", frame(lon=pd.Categorical([67.0]), lat=[25.0]), None, None,
    ),
    "parquet, nullable numbers": (
        ".parquet",
        frame(lon=pd.array([67.0, None], "Float64"), lat=pd.array([25.0, None], "Float64")),
        None, None,
    ),
    "parquet, whole numbers": (
        ".parquet", frame(lon=pd.array([67], "Int16"), lat=pd.array([25], "UInt8")), None, None,
    ),
    "parquet, numbers as text": (".parquet", frame(lon=["67"], lat=[" 25 "]), None, None),
    "parquet, no rows": (
        ".parquet", frame(lon=np.array([], float), lat=np.array([], float)), None, None,
    ),
    "parquet, an index of levels": (
        ".parquet",
        lambda p: TABLE.set_index(pd.MultiIndex.from_tuples([("a", 1), ("a", 2)])).to_parquet(p),
        None, None,
    ),
    "parquet, a doubled index": (
        ".parquet", lambda p: TABLE.set_index(pd.Index([5, 5])).to_parquet(p), None, None,
    ),
    "parquet, is a folder": (".parquet", folder, FILE, FILE),
    # GeoParquet
    "geoparquet, no CRS": (".parquet", shaped([Point(1, 2)], None), CRS, CRS),
    "geoparquet, lines": (".parquet", shaped([LineString([(67, 25), (68, 26)])]), GEOM, GEOM),
    "geoparquet, areas": (".parquet", shaped([Polygon([(67, 25), (68, 25), (68, 26)])]), GEOM, GEOM),
    "geoparquet, mixed": (
        ".parquet", shaped([Point(67, 25), LineString([(67, 25), (68, 26)])]), GEOM, GEOM,
    ),
    "geoparquet, collections": (
        ".parquet", shaped([shapely.GeometryCollection([Point(67, 25)])]), GEOM, GEOM,
    ),
    "geoparquet, many points in one": (
        ".parquet", shaped([shapely.MultiPoint([(67, 25), (68, 26)])]), GEOM, GEOM,
    ),
    "geoparquet, metres as degrees": (".parquet", shaped([Point(5e5, 2.7e6)]), COORD, COORD),
    "geoparquet, swapped": (".parquet", shaped([Point(25, 167)]), COORD, COORD),
    "geoparquet, not WKB": (".parquet", not_wkb, FILE, GEOM),
    "geoparquet, record is no record": (".parquet", geo_record(lambda _: []), FILE, FILE),
    "geoparquet, record of another column": (
        ".parquet", geo_record(lambda g: {**g, "primary_column": "other"}), FILE, FILE,
    ),
    "geoparquet, of a site's own CRS": (
        ".parquet",
        shaped([Point(1, 2)], 'ENGCRS["site",EDATUM["site"],CS[Cartesian,2],AXIS["x",east],'
               'AXIS["y",north],UNIT["metre",1]]'), CRS, CRS,
    ),
    "geoparquet, a CRS that is none": (".parquet", no_such_crs, CRS, CRS),
    "geoparquet, missing and empty": (
        ".parquet", shaped([None, Point(), Point(67, 25)]), None, None,
    ),
    "geoparquet, heights": (".parquet", shaped([Point(67, 25, 100)]), None, DATA),
    "geoparquet, feet": (".parquet", shaped([Point(1e6, 2e5)], 2263), DATA, DATA),
    "geoparquet, poles and the antimeridian": (
        ".parquet", shaped([Point(0, 90), Point(0, -90), Point(180, 0), Point(-180, 0)]), DATA, DATA,
    ),
    # GeoPackage
    "gpkg, empty": (".gpkg", raw(b""), FILE, FILE),
    "gpkg, noise": (".gpkg", raw(b"\x07" * 500), FILE, FILE),
    "gpkg, SQLite's first words only": (".gpkg", raw(b"SQLite format 3\0" + b"\0" * 84), FILE, FILE),
    "gpkg, half": (".gpkg", cut, FILE, FILE),
    "gpkg, a tenth": (".gpkg", lambda p: cut(p, 0.1), FILE, FILE),
    "gpkg, overwritten": (".gpkg", overwritten, FILE, FILE),
    "gpkg, a record of another encoding": (".gpkg", latin_record, None, FILE),
    "gpkg, is GeoJSON": (".gpkg", text('{"type":"FeatureCollection","features":[]}'), FILE, FILE),
    "gpkg, no layers": (".gpkg", no_layers, FILE, FILE),
    "gpkg, two layers": (".gpkg", two_layers, INPUT, INPUT),
    "gpkg, lines": (".gpkg", shaped([LineString([(67, 25), (68, 26)])]), GEOM, GEOM),
    "gpkg, no CRS": (".gpkg", shaped([Point(1, 2)], None), CRS, CRS),
    "gpkg, metres as degrees": (".gpkg", shaped([Point(5e5, 2.7e6)]), COORD, COORD),
    "gpkg, feet": (".gpkg", shaped([Point(1e6, 2e5)], 2263), DATA, DATA),
    "gpkg, missing": (".gpkg", shaped([None, Point(67, 25)]), None, None),
    "gpkg, is a folder": (".gpkg", folder, FILE, FILE),
    # GeoJSON, KML, GPX: in memory only
    "geojson, empty": (".geojson", raw(b""), FILE, "-"),
    "geojson, half": (".geojson", cut, FILE, "-"),
    "geojson, another's JSON": (".geojson", text('{"type": "Topology"}'), FILE, "-"),
    "geojson, a list": (".geojson", text("[1, 2]"), FILE, "-"),
    "geojson, a number": (".json", text("3"), FILE, "-"),
    "geojson, latin-1": (
        ".geojson", text('{"type":"FeatureCollection","features":[],"n":"ö"}', "latin-1"), FILE, "-",
    ),
    "geojson, UTF-16": (".geojson", text('{"type":"FeatureCollection"}', "utf-16"), FILE, "-"),
    "geojson, latitude of 95": (
        ".geojson", text('{"type":"Feature","properties":{},"geometry":'
                         '{"type":"Point","coordinates":[67,95]}}'), COORD, "-",
    ),
    "geojson, lines": (
        ".geojson", text('{"type":"Feature","properties":{},"geometry":'
                         '{"type":"LineString","coordinates":[[67,25],[68,26]]}}'), GEOM, "-",
    ),
    "kml, empty": (".kml", raw(b""), FILE, "-"),
    "kml, not closed": (".kml", text("<kml><Document>"), FILE, "-"),
    "kml, is HTML": (".kml", text("<html><body/></html>"), FILE, "-"),
    "kml, is a zip": (".kml", raw(b"PK\x03\x04" + b"\0" * 99), FILE, "-"),
    "kml, UTF-16": (".kml", text("<kml/>", "utf-16"), FILE, "-"),
    "kml, a wrong byte": (".kml", raw(b"<kml><Document>\xff</Document></kml>"), FILE, "-"),
    "gpx, empty": (".gpx", raw(b""), FILE, "-"),
    "gpx, is KML": (".gpx", text("<kml/>"), FILE, "-"),
    "gpx, not closed": (".gpx", text('<gpx><wpt lat="1" lon="2">'), FILE, "-"),
    # Names
    "a suffix that nobody reads": (".docx", raw(b"x"), INPUT, INPUT),
    "no suffix": ("", raw(b"x"), INPUT, INPUT),
    "a shapefile": (".shp", raw(b"x"), FILE, INPUT),
    "an archive": (".zip", raw(b"PK\x03\x04"), FILE, INPUT),
}  # fmt: skip

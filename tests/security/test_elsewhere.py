"""Files that would send a reader to other files or to a server: none of them does."""

import http.server
import json
import sqlite3
import threading

import geopandas as gpd
import pytest
from shapely.geometry import Point

import cpecgeo as cg
from cpecgeo import scale
from cpecgeo.errors import CpecgeoError, DataWarning, FileError
from cpecgeo.files.reading import read


@pytest.fixture(scope="module")
def server():
    """A server on this machine, and the paths that it was asked for."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(404)
            self.end_headers()

        do_HEAD = do_POST = do_GET  # noqa: N815

        def log_message(self, *_):
            pass

    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{made.server_port}", asked
    made.shutdown()
    made.server_close()


def vrt(source):
    return (
        f'<OGRVRTDataSource><OGRVRTLayer name="x"><SrcDataSource>{source}</SrcDataSource>'
        '<SrcLayer>x</SrcLayer></OGRVRTLayer></OGRVRTDataSource>'
    )  # fmt: skip


def geojson(**more):
    point = {"type": "Point", "coordinates": [70, 30]}
    features = [{"type": "Feature", "properties": {"a": 1}, "geometry": point}]
    return json.dumps({"type": "FeatureCollection", "features": features, **more})


def link(url):
    return {"type": "link", "properties": {"href": f"{url}/crs", "type": "proj4"}}


# What GDAL would follow, by content and whatever the suffix. Each was seen to.
POINTERS = {
    "VRT to a server": lambda url: vrt(f"/vsicurl/{url}/a.geojson"),
    "VRT to a file": lambda _: vrt("/etc/hostname"),
    "VRT behind a KML": lambda url: f"<kml></kml>{vrt(f'/vsicurl/{url}/a.geojson')}",
    "VRT inside a GPX": lambda url: f"<gpx>{vrt(f'/vsicurl/{url}/a.geojson')}</gpx>",
    "VRT in a comment's shadow": lambda url: f"<!-- <kml> -->{vrt(f'/vsicurl/{url}/a')}",
    "GDAL's own program": lambda url: json.dumps({
        "type": "gdal_streamed_alg",
        "command_line": f"gdal vector pipeline ! read /vsicurl/{url}/a.geojson ! write --of stream x",
    }),
    "a features service": lambda url: f"<OGRWFSDataSource><URL>{url}/wfs?</URL></OGRWFSDataSource>",
    "a linked reference system": lambda url: geojson(crs=link(url)),
    "a linked one, escaped": lambda url: geojson(crs=link(url)).replace('"link"', '"\\u006cink"'),
    "a linked one, twice": lambda url: geojson(crs=link(url))[:-1] + ', "crs": null}',
    "JSON-FG with a reference system": lambda url: geojson(
        conformsTo=["[ogc-json-fg-1-0.2:core]"], coordRefSys=f"{url}/crs"
    ),
    "GML with a schema": lambda url: (
        '<wfs:FeatureCollection xmlns:wfs="http://www.opengis.net/wfs" '
        'xmlns:gml="http://www.opengis.net/gml" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://a '
        f'{url}/?service=WFS&amp;version=1.1.0&amp;request=DescribeFeatureType&amp;typeName=a"/>'
    ),
    "KML that is GML as well": lambda url: (
        '<kml xmlns:gml="http://www.opengis.net/gml" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://a '
        f'{url}/?service=WFS&amp;version=1.1.0&amp;request=DescribeFeatureType&amp;typeName=a"/>'
    ),
}  # fmt: skip


@pytest.mark.parametrize("suffix", [".geojson", ".json", ".gdalg.json", ".gpkg", ".kml", ".gpx"])
@pytest.mark.parametrize("what", POINTERS)
def test_no_file_leads_elsewhere(what, suffix, server, tmp_path):
    url, asked = server
    asked.clear()
    path = tmp_path / f"a{suffix}"
    path.write_text(POINTERS[what](url), encoding="utf-8")
    with pytest.raises(FileError):
        read(path)
    with pytest.raises(CpecgeoError):
        scale.nearest_file(path, tmp_path / "o.csv", targets="ml1")
    assert asked == []


def test_links_inside_a_good_file_are_not_followed(server, tmp_path):
    url, asked = server
    asked.clear()
    path = tmp_path / "a.kml"
    path.write_text(
        f"""<kml xmlns="http://www.opengis.net/kml/2.2"><Document>
        <NetworkLink><Link><href>{url}/n.kml</href></Link></NetworkLink>
        <Placemark><styleUrl>{url}/s.kml#a</styleUrl><name>q</name>
        <Point><coordinates>70,30</coordinates></Point></Placemark></Document></kml>""",
        encoding="utf-8",
    )
    with pytest.warns(DataWarning, match="1 links to other documents"):
        assert len(read(path)) == 1
    # A property that is called as what is refused elsewhere is a property.
    plain = tmp_path / "a.geojson"
    plain.write_text(geojson(crs={"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC::CRS84"}},
                             note={"href": url, "type": "link"}), encoding="utf-8")  # fmt: skip
    with pytest.warns(DataWarning, match="left out: 'note' of the file"):
        assert read(plain).geometry.iloc[0] == Point(70, 30)
    assert asked == []


@pytest.mark.parametrize(
    "name",
    [
        "{url}/a.geojson", "/vsicurl/{url}/a.geojson", "GeoJSON:{url}/a.geojson", "{url}/a.gpkg",
        "zip+{url}/a.zip!a.kml", "/vsizip//vsicurl/{url}/a.zip/a.gpx", "WFS:{url}/a.json",
        "{url}/a.csv", "{url}/a.parquet", "s3://bucket/a.parquet", "PG:host=127.0.0.1 .json",
    ],
)  # fmt: skip
def test_an_address_is_no_file(name, server, tmp_path, monkeypatch):
    url, asked = server
    asked.clear()
    monkeypatch.chdir(tmp_path)
    path = name.format(url=url)
    with pytest.raises(FileError, match="doesn't exist"):
        read(path)
    for verb in (
        lambda: scale.nearest_file(path, "o.csv", targets="ml1"),
        lambda: cg.profile("taxila-havelian", 20, dem=path),
        lambda: cg.osm.refresh("taxila-havelian", file=path),
    ):
        with pytest.raises(CpecgeoError):
            verb()
    assert asked == []


def test_a_folder_that_is_called_like_an_address(server, tmp_path, monkeypatch):
    """A path is taken as it lies on the disk, never as an address or an archive."""
    url, asked = server
    asked.clear()
    monkeypatch.chdir(tmp_path)
    host = url.removeprefix("http://")
    folder = tmp_path / "http:" / host
    folder.mkdir(parents=True)
    for name in ("a.geojson", "b!c.geojson", "d.zip!e.geojson"):
        (folder / name).write_text(geojson(), encoding="utf-8")
        if "!" in name:
            with pytest.raises(FileError, match="rename"):
                read(f"http:/{host}/{name}")
        else:
            assert len(read(f"http:/{host}/{name}")) == 1
    assert asked == []


def test_a_raster_is_a_geotiff_and_nothing_else(server, tmp_path):
    url, asked = server
    asked.clear()
    path = tmp_path / "a.tif"
    path.write_text(
        '<VRTDataset rasterXSize="9" rasterYSize="9"><SRS>EPSG:4326</SRS><GeoTransform>60,2,0,40,0,-2'
        '</GeoTransform><VRTRasterBand dataType="Float32" band="1"><SimpleSource><SourceFilename>'
        f"/vsicurl/{url}/a.tif</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>",
        encoding="utf-8",
    )
    with pytest.raises(FileError, match="raster"):
        cg.profile("taxila-havelian", 20, dem=path)
    with pytest.raises(FileError, match="raster"):
        cg.exposure("taxila-havelian", 20, raster=path)
    assert asked == []


def test_a_geopackage_that_asks_a_server_when_it_is_read(server, tmp_path):
    """A view can call what GDAL adds to SQL; GDAL must not run that for a file."""
    url, asked = server
    asked.clear()
    path = tmp_path / "a.gpkg"
    gpd.GeoDataFrame({"a": ["Lahore"]}, geometry=[Point(70, 30)], crs=4326).to_file(path, layer="t")
    calls = f"ogr_geocode(a, 'geometry', 'SERVICE=OSM_NOMINATIM', 'QUERY_TEMPLATE={url}/?q=%s')"
    with sqlite3.connect(path) as base:
        base.execute(f"CREATE VIEW v AS SELECT fid, {calls} AS a, geom FROM t")  # noqa: S608
        base.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id) "
            "VALUES ('v', 'features', 'v', 4326)"
        )
        base.execute("INSERT INTO gpkg_geometry_columns VALUES ('v', 'geom', 'POINT', 4326, 0, 0)")
    base.close()
    for verb in (
        lambda: read(path, layer="v"),
        lambda: scale.nearest_file(path, tmp_path / "o.csv", targets="ml1", layer="v"),
    ):
        try:
            verb()
        except CpecgeoError:
            continue
    assert asked == []


def test_names_of_layers_are_names(tmp_path):
    path = tmp_path / "a.gpkg"
    frame = gpd.GeoDataFrame({"a": [1]}, geometry=[Point(70, 30)], crs=4326)
    names = ['x"; DROP TABLE safe; --', "y'; DELETE FROM safe; --", "../../up", "safe"]
    for number, name in enumerate(names):
        frame.to_file(path, layer=f"t{number}", SPATIAL_INDEX="NO")
        with sqlite3.connect(path) as base:
            quoted = name.replace('"', '""')
            base.execute(f'ALTER TABLE t{number} RENAME TO "{quoted}"')
            for table in ("gpkg_contents", "gpkg_geometry_columns", "gpkg_ogr_contents"):
                base.execute(
                    f"UPDATE {table} SET table_name = ? WHERE table_name = 't{number}'",  # noqa: S608
                    (name,),
                )
        base.close()
    for name in names:
        assert len(read(path, layer=name)) == 1
        done = scale.nearest_file(path, tmp_path / "o.csv", targets="ml1", layer=name)
        assert done.rows_out == 1
    for name in ("safe; DROP TABLE safe", "SELECT * FROM safe", 'safe" --'):
        with pytest.raises(CpecgeoError, match="layer"):
            read(path, layer=name)
        with pytest.raises(CpecgeoError, match="layer"):
            scale.nearest_file(path, tmp_path / "o.csv", targets="ml1", layer=name)
    assert len(read(path, layer="safe")) == 1

"""GeoJSON, GeoPackage, shapefile, FlatGeobuf, KML and GPX as people have them."""

import json
import sqlite3
import warnings
import xml.dom.minidom
import zipfile

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
import shapely
from shapely.geometry import (
    LinearRing,
    LineString,
    MultiLineString,
    MultiPoint,
    MultiPolygon,
    Point,
    Polygon,
    box,
)

import cpecgeo as cg
from cpecgeo.errors import (
    CpecgeoWarning,
    CRSError,
    DataWarning,
    FileError,
    GeometryWarning,
    InputError,
)

GPX = """<?xml version="1.0"?>
<gpx version="1.1" creator="t" xmlns="http://www.topografix.com/GPX/1/1" xmlns:s="http://s.test/1">
<metadata><name>trip</name></metadata>
<wpt lat="27.70" lon="68.90"><ele>high</ele><name>Bridge 7</name><link href="http://a.test/"/>
<extensions><s:serial>4230112345671</s:serial><s:code>007</s:code></extensions></wpt>
<rte><name>Plan</name><rtept lat="27.6" lon="68.8"/><rtept lat="27.9" lon="68.9"/></rte>
<trk><name>Walk</name><trkseg><trkpt lat="27.60" lon="68.85"><ele>60</ele>
<time>2026-01-02T03:04:05Z</time></trkpt><trkpt lat="27.75" lon="68.95"><ele>61.5</ele></trkpt>
</trkseg></trk></gpx>"""
KML = """<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2"
xmlns:gx="http://www.google.com/kml/ext/2.2"><Document><name>d</name>{}</Document></kml>"""


@pytest.fixture
def gpx(tmp_path):
    path = tmp_path / "a.gpx"
    path.write_text(GPX, encoding="utf-8")
    return path


@pytest.fixture
def kml(tmp_path):
    def make(inside):
        path = tmp_path / "a.kml"
        path.write_text(KML.format(inside), encoding="utf-8")
        return path

    return make


def test_all_kinds_of_a_mixed_gpx(gpx, tmp_path):
    frame = cg.read(gpx)
    assert frame.geom_type.tolist() == ["Point", "LineString", "MultiLineString"]
    assert frame["name"].tolist() == ["Bridge 7", "Plan", "Walk"]
    assert frame.attrs["read_as"].startswith("1 way point, 1 route and 1 track;")
    assert frame.loc[0, ["ele", "serial", "code", "link"]].tolist() == [
        "high", 4230112345671, "007", "http://a.test/",
    ]  # fmt: skip
    assert frame.geometry[2] == MultiLineString([[(68.85, 27.6, 60), (68.95, 27.75, 61.5)]])
    assert frame.geometry[2].has_z
    # GPX's own field can't hold a height that is no number.
    with pytest.warns(DataWarning, match="'ele' to 'ele_2'"):
        back = cg.read(cg.write(frame, tmp_path / "b.gpx"))
    assert back.geometry.tolist() == frame.geometry.tolist()
    assert back["ele_2"][0] == "high"
    assert back[["serial", "code"]].to_numpy()[0].tolist() == [4230112345671, "007"]


def test_layers_of_gpx(gpx):
    for layer, count in (("waypoints", 1), ("routes", 1), ("tracks", 1), ("track_points", 2)):
        assert len(cg.read(gpx, layer=layer)) == count
    points = cg.read(gpx, layer="track_points")
    assert points["time"][0] == pd.Timestamp("2026-01-02T03:04:05Z")
    assert points.geometry[1] == Point(68.95, 27.75)
    with pytest.raises(InputError, match="no layer 'x'"):
        cg.read(gpx, layer="x")
    gpx.write_text(GPX.replace('<rtept lat="27.9" lon="68.9"/>', ""), encoding="utf-8")
    with pytest.warns(DataWarning, match="1 routes or tracks with fewer than two points"):
        assert cg.read(gpx).geometry.isna().tolist() == [False, True, False]


def test_kml_keeps_data_beside_a_schema(kml):
    frame = cg.read(kml(
        '<Schema name="S" id="S"><SimpleField name="depth" type="float"/></Schema>'
        '<Placemark><name>x</name><TimeStamp><when>2020</when></TimeStamp><ExtendedData>'
        '<Data name="depth_m"><value>12.5</value></Data><Data name="name"><value>B</value></Data>'
        "</ExtendedData><Point><coordinates>67,25</coordinates></Point></Placemark>"
        '<Placemark><name>y</name><ExtendedData><SchemaData schemaUrl="#S"><SimpleData name="depth">'
        "7.25</SimpleData></SchemaData></ExtendedData><Point><coordinates>67.2,25</coordinates>"
        "</Point></Placemark>"
    ))  # fmt: skip
    assert frame["name"].tolist() == ["x", "y"]
    assert frame["name_2"][0] == "B"
    assert frame["depth_m"][0] == 12.5
    assert frame["depth"][1] == 7.25
    assert frame["timestamp"][0] == 2020


def test_kml_that_is_elsewhere(kml):
    link = "<NetworkLink><Link><href>http://127.0.0.1:9/x.kml</href></Link></NetworkLink>"
    with pytest.raises(FileError, match="holds no placemark; it holds 2 links"):
        cg.read(kml(link * 2))
    place = "<Placemark><Point><coordinates>67,25</coordinates></Point></Placemark>"
    with pytest.warns(DataWarning, match="1 links to other documents and 1 pictures"):
        assert len(cg.read(kml(f"{link}<GroundOverlay/>{place}"))) == 1


def test_folders_of_kml(kml):
    place = (
        "<Placemark><name>{0}</name><Point><coordinates>{0},25</coordinates></Point></Placemark>"
    )
    path = kml(
        f"{place.format(66)}<Folder><name>A</name>{place.format(67)}<Folder><name>B</name>"
        f"{place.format(68)}</Folder>{place.format(69)}</Folder>"
    )
    frame = cg.read(path)
    assert frame["folder"].tolist() == ["d", "A", "B", "A"]
    assert cg.read(path, layer="A").geometry.x.tolist() == [67, 69]
    with pytest.raises(InputError, match="d, A, B"):
        cg.read(path, layer="C")


def test_geometries_of_kml(kml):
    ring = "<LinearRing><coordinates>60,20 64,20 64,24 60,20</coordinates></LinearRing>"
    hole = "<LinearRing><coordinates>62,21 63,21 63,22 62,21</coordinates></LinearRing>"
    shapes = {
        "<Point><coordinates> 67 , 25 </coordinates></Point>": Point(67, 25),
        "<LineString><coordinates>\n67,25,1\n68,26,2</coordinates></LineString>": LineString(
            [(67, 25, 1), (68, 26, 2)]
        ),
        f"<Polygon><outerBoundaryIs>{ring}</outerBoundaryIs><innerBoundaryIs>{hole}"
        "</innerBoundaryIs></Polygon>": Polygon(
            [(60, 20), (64, 20), (64, 24)], [[(62, 21), (63, 21), (63, 22)]]
        ),
        "<gx:Track><gx:coord>67 25 1</gx:coord><gx:coord>68 26 1</gx:coord></gx:Track>": LineString(
            [(67, 25, 1), (68, 26, 1)]
        ),
        "<MultiGeometry><Point><coordinates>61,22</coordinates></Point><Point><coordinates>63,24"
        "</coordinates></Point></MultiGeometry>": MultiPoint([(61, 22), (63, 24)]),
    }
    for markup, shape in shapes.items():
        got = cg.read(kml(f"<Placemark>{markup}</Placemark>")).geometry[0]
        assert got.equals_exact(shape, 0), markup
    for bad in (
        "<Point><coordinates>x,y</coordinates></Point>",
        "<MultiGeometry>" * 99 + "</MultiGeometry>" * 99,
    ):
        with pytest.raises(FileError, match="in placemark 1"):
            cg.read(kml(f"<Placemark>{bad}</Placemark>"))


@pytest.mark.parametrize("suffix", [".kml", ".gpx", ".kmz"])
def test_markup_is_well_formed_for_any_name(suffix, tmp_path):
    """Also for parsers that know namespaces, such as those of phones."""
    names = ["Road & rail", "depth<5m", 'a "b"', "name:ur", "2023_pop", "نام", "x y", "-"]
    frame = gpd.GeoDataFrame(
        {n: [f"v{i}<&>"] for i, n in enumerate(names)}, geometry=[Point(67, 25)], crs=4326
    )
    if suffix == ".gpx":
        with pytest.warns(DataWarning, match="'name:ur' to 'name_ur'"):
            path = cg.write(frame, tmp_path / f"a{suffix}")
    else:
        path = cg.write(frame, tmp_path / f"a{suffix}")
        assert list(cg.read(path).columns) == [*names, "geometry"]
    raw = zipfile.ZipFile(path).read("doc.kml") if suffix == ".kmz" else path.read_bytes()
    xml.dom.minidom.parseString(raw)  # noqa: S318
    values = cg.read(path).drop(columns="geometry").iloc[0].tolist()
    assert sorted(values) == sorted(f"v{i}<&>" for i in range(len(names)))
    with pytest.raises(InputError, match="control character"):
        cg.write(frame.assign(c="\x07"), tmp_path / f"b{suffix}")
    assert not (tmp_path / f"b{suffix}").exists()


def test_columns_that_a_geopackage_has_itself(tmp_path):
    frame = gpd.GeoDataFrame(
        {"fid": [7, 7], "geom": ["x", "y"], "Name": ["a", "b"], "name": ["c", "d"]},
        geometry=[Point(67, 25), Point(68, 26)], crs=4326,
    )  # fmt: skip
    with pytest.warns(DataWarning, match="'name' to 'name_2'"):
        back = cg.read(cg.write(frame, tmp_path / "a.gpkg"))
    assert back.drop(columns="geometry").to_numpy().tolist() == [
        [7, "x", "a", "c"], [7, "y", "b", "d"],
    ]  # fmt: skip


def test_single_points_in_multipoints(tmp_path):
    shapes = [MultiPoint([(67, 25)]), MultiPoint([(67, 25), (68, 26)]), None]
    frame = gpd.GeoDataFrame({"n": [1, 2, 3]}, geometry=shapes, crs=4326)
    frame.to_file(tmp_path / "a.gpkg")
    assert cg.read(tmp_path / "a.gpkg").geom_type.tolist()[:2] == ["Point", "MultiPoint"]


def test_whole_numbers_with_missing_ones_keep_their_digits(tmp_path):
    numbers = pd.array([10**17 + 1, None, 3], "Int64")
    points = [Point(67, 25), Point(68, 26), Point(69, 27)]
    frame = gpd.GeoDataFrame({"n": numbers}, geometry=points, crs=4326)
    for suffix in (".gpkg", ".fgb", ".shp", ".geojson", ".parquet", ".csv"):
        back = cg.read(cg.write(frame, tmp_path / f"a{suffix}"))["n"]
        assert back.tolist() == numbers.tolist(), suffix
        assert str(back.dtype) == "Int64"


def geojson(**members):
    feature = {"type": "Feature", "properties": {"a": {"b": [1, None]}, "t": "2026-01-02"},
               "geometry": {"type": "Point", "coordinates": [67, 25]}}  # fmt: skip
    return json.dumps({"type": "FeatureCollection", "features": [feature], **members})


def test_a_crs_that_geojson_names(tmp_path):
    path = tmp_path / "a.geojson"
    named = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32642"}}
    path.write_text(geojson(crs=named))
    assert cg.read(path).crs.to_epsg() == 32642
    for name in ("urn:ogc:def:crs:EPSG::999999", "Kalianpur", "", 7.5):
        path.write_text(geojson(crs={"type": "name", "properties": {"name": name}}))
        with pytest.raises(CRSError, match="isn't known"):
            cg.read(path)


def test_json_stays_json(tmp_path):
    path = tmp_path / "a.geojson"
    path.write_text(geojson())
    frame = cg.read(path)
    for suffix in (".csv", ".gpkg", ".kml", ".xlsx", ".shp", ".fgb", ".gpx", ".parquet"):
        assert cg.read(cg.write(frame, tmp_path / f"b{suffix}"))["a"][0] == '{"b": [1, null]}'
    again = json.loads(cg.write(frame, tmp_path / "b.geojson").read_text())
    assert again["features"][0]["properties"]["a"] == {"b": [1, None]}
    assert (
        cg.write(frame, tmp_path / "b.csv").read_text().splitlines()[1].split(",")[-3]
        == "2026-01-02"
    )


def test_an_unclosed_ring(tmp_path):
    path = tmp_path / "a.geojson"
    ring = [[67, 25], [68, 25], [68, 26], [67, 26]]
    shape = {"type": "Polygon", "coordinates": [ring]}
    path.write_text(json.dumps({"type": "Feature", "properties": {}, "geometry": shape}))
    with pytest.warns(GeometryWarning, match="were closed"):
        assert cg.read(path).geometry[0].equals(Polygon(ring))


def test_topojson(tmp_path):
    path = tmp_path / "a.topojson"
    line = {"type": "LineString", "arcs": [0], "properties": {"name": "x"}}
    topology = {"type": "Topology", "objects": {"o": line}, "arcs": [[[67, 25], [68, 26]]]}
    path.write_text(json.dumps(topology))
    assert cg.read(path).geometry[0] == LineString([(67, 25), (68, 26)])
    with pytest.raises(InputError, match="read and not written"):
        cg.write(cg.read(path), path)


def test_shapefiles(tmp_path):
    frame = gpd.GeoDataFrame(
        {"accuracy_km": [1.5], "accuracy_kmh": ["گوادر"]}, geometry=[Point(3e5, 2.75e6)], crs=32642
    )
    for name in ("a.shp", "a.zip", "b.shp.zip"):
        with pytest.warns(DataWarning, match="'accuracy_kmh' to 'accuracy_2'"):
            back = cg.read(cg.write(frame, tmp_path / name))
        assert back["accuracy_2"][0] == "گوادر"
        assert back.crs.to_epsg() == 32642
    assert {p.suffix for p in tmp_path.glob("a.*")} == {
        ".shp",
        ".shx",
        ".dbf",
        ".prj",
        ".cpg",
        ".zip",
    }
    (tmp_path / "a.dbf").unlink()
    with pytest.warns(DataWarning, match="no .dbf"):
        assert len(cg.read(tmp_path / "a.shp")) == 1
    mixed = gpd.GeoDataFrame(geometry=[Point(1, 2), LineString([(1, 2), (3, 4)])], crs=4326)
    with pytest.raises(InputError, match="one type of geometry"):
        cg.write(mixed, tmp_path / "c.shp")
    with pytest.raises(InputError, match="254"):
        cg.write(frame[["geometry"]].assign(t="x" * 255), tmp_path / "c.shp")
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        for name in ("x", "y"):
            for suffix in (".shp", ".shx", ".prj"):
                archive.write(tmp_path / f"a{suffix}", f"deep/{name}{suffix}")
    with pytest.raises(InputError, match="x, y"):
        cg.read(tmp_path / "two.zip")


def test_what_doesnt_read_back_isnt_kept(tmp_path, monkeypatch):
    path = tmp_path / "a.gpx"
    frame = gpd.GeoDataFrame({"name": ["x"]}, geometry=[Point(67, 25)], crs=4326)
    cg.write(frame, path)
    before = path.read_bytes()
    monkeypatch.setattr("cpecgeo.files.gpx.escape_text", lambda _: "<")
    with pytest.raises(FileError, match="can't be read back"):
        cg.write(frame, path)
    monkeypatch.undo()
    monkeypatch.setattr("cpecgeo.files.gpx._feature", lambda *_: "")
    with pytest.raises(FileError, match="1 rows became 0"):
        cg.write(frame, path)
    monkeypatch.setattr(
        "cpecgeo.files.gpx._feature", lambda *_: '<wpt lat="25" lon="67.001"><name>x</name></wpt>'
    )
    with pytest.raises(FileError, match="bounds"):
        cg.write(frame, path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.gpx"]


def test_read_back_of_a_view_of_sql(tmp_path):
    """A GeoPackage is SQLite, which other programs read."""
    frame = gpd.GeoDataFrame({"n": [1, 2]}, geometry=[Point(67, 25), Point(68, 26)], crs=4326)
    with sqlite3.connect(cg.write(frame, tmp_path / "a.gpkg", layer="sites")) as base:
        assert base.execute("SELECT n FROM sites ORDER BY n").fetchall() == [(1,), (2,)]
    base.close()


@pytest.mark.parametrize("suffix", [".kml", ".csv", ".xlsx", ".geojson", ".gpkg", ".parquet"])
def test_what_is_invalid_is_written_as_it_is(suffix, tmp_path):
    """Writing mends nothing: two boxes that overlap stay two."""
    twice = MultiPolygon([box(67, 25, 68, 26), box(67.5, 25.5, 69, 27)])
    frame = gpd.GeoDataFrame({"n": [1]}, geometry=[twice], crs=4326)
    assert cg.read(cg.write(frame, tmp_path / f"a{suffix}")).geometry[0].equals_exact(twice, 1e-9)


def test_what_is_left_out_of_markup_is_told(kml, tmp_path):
    point = "<Point><coordinates>{},25</coordinates></Point>"
    with pytest.warns(DataWarning, match="1 geometries beside another"):
        cg.read(kml(f"<Placemark>{point.format(67)}{point.format(68)}</Placemark>"))
    with pytest.warns(DataWarning, match="1 3-D models"):
        cg.read(kml("<Placemark><Model/></Placemark>"))
    head = '<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark>'
    with zipfile.ZipFile(tmp_path / "a.kmz", "w") as archive:
        for name in ("doc.kml", "files/more.kml"):
            archive.writestr(name, f"{head}{point.format(67)}</Placemark></Document></kml>")
    with pytest.warns(DataWarning, match=r"2 documents, of which doc\.kml is read"):
        assert len(cg.read(tmp_path / "a.kmz")) == 1
    path = tmp_path / "a.gpx"
    one, two = (f'<trkpt lat="2{i}" lon="67"/>' for i in (5, 6))
    path.write_text(f"<gpx><trk><trkseg>{one}{two}</trkseg><trkseg>{two}</trkseg></trk></gpx>")
    with pytest.warns(DataWarning, match="1 segments of a single point"):
        assert len(cg.read(path)) == 1
    assert len(cg.read(path, layer="track_points")) == 3


def test_a_layer_is_called_as_it_is_told_else_as_the_package(tmp_path):
    frame = gpd.GeoDataFrame({"n": [1]}, geometry=[Point(67, 25)], crs=4326)
    for layer, name in ((None, "cpecgeo"), ("sites", "sites")):
        path = cg.write(frame, tmp_path / f"{name}-file.gpkg", layer=layer)
        assert pyogrio.list_layers(path)[:, 0].tolist() == [name]


@pytest.mark.parametrize(
    "suffix", [".gpkg", ".fgb", ".shp", ".shp.zip", ".geojson", ".geojsonl", ".kml", ".gpx", ".csv",
               ".xlsx", ".parquet"],
)  # fmt: skip
@pytest.mark.parametrize("is_alone", [True, False])
def test_rings_are_written_as_lines(tmp_path, suffix, is_alone):
    ring = LinearRing([(67, 25), (68, 25), (68, 26)])
    given = ring if is_alone else gpd.GeoSeries([ring, ring], crs=4326)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CpecgeoWarning)
        back = cg.read(cg.write(given, tmp_path / f"rings{suffix}"))
    assert set(back.geom_type) <= {"LineString", "MultiLineString"}
    assert shapely.get_coordinates(back.geometry.iloc[0]).tolist() == list(map(list, ring.coords))


def test_rings_among_others_keep_heights_and_gaps(tmp_path):
    ring = LinearRing([(67, 25, 1), (68, 25, 2), (68, 26, 3)])
    given = gpd.GeoSeries([ring, None, Point(67, 25), LinearRing()], crs=4326)
    back = cg.read(cg.write(given, tmp_path / "mixed.gpkg")).geometry
    assert back.iloc[0].wkt == LineString(ring.coords).wkt
    assert back.iloc[1] is None
    assert given.geom_type[0] == "LinearRing"

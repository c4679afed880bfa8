"""Heights and measures (M) of geometries: kept, or counted where a format has no place for them."""

import json
import sqlite3
import struct
import warnings

import geopandas as gpd
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

import cpecgeo as cg
from cpecgeo import scale
from cpecgeo.errors import CpecgeoWarning, DataWarning
from cpecgeo.files import wellknown
from cpecgeo.files.displacement import undo_shift
from cpecgeo.geodesy import area_km2
from tests.effort import tries

POINTS = ["POINT (67 25)", "POINT Z (67 25 5)", "POINT M (67 25 7)", "POINT ZM (67 25 5 7)"]


def texts(shapes):
    return [shapely.to_wkt(one, output_dimension=4) for one in shapes]


def geopackage(path, rows):
    """Write a GeoPackage whose layer may have heights and measures, which geopandas can't write."""
    flat = gpd.GeoDataFrame({"n": range(len(rows))}, geometry=[None] * len(rows), crs=4326)
    flat.to_file(path, layer="points")
    with sqlite3.connect(path) as file:
        file.execute(
            "UPDATE gpkg_geometry_columns SET geometry_type_name = 'GEOMETRY', z = 2, m = 2"
        )
        triggers = file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in triggers:  # they need functions that SQLite alone doesn't have
            file.execute(f'DROP TRIGGER "{name}"')
        for number, row in enumerate(rows, 1):
            if row is not None:
                wkb = shapely.to_wkb(shapely.from_wkt(row), flavor="iso", output_dimension=4)
                head = b"GP\0\1" + struct.pack("<i", 4326)
                file.execute("UPDATE points SET geom = ? WHERE fid = ?", (head + wkb, number))
    return path


def shapefile(path, kind, body):
    """Write a shapefile of one record, by the published layout of the format."""
    box = struct.pack("<8d", 67, 25, 68, 26, 0, 0, 1, 2)
    record = struct.pack("<i", kind) + body
    head = struct.pack(">7i2i", 9994, 0, 0, 0, 0, 0, 0, 0, 0)[:24]
    for suffix, rest in (
        (".shp", struct.pack(">2i", 1, len(record) // 2) + record),
        (".shx", struct.pack(">2i", 50, len(record) // 2)),
    ):
        size = struct.pack(">i", (100 + len(rest)) // 2)
        whole = head + size + struct.pack("<2i", 1000, kind) + box + rest
        path.with_suffix(suffix).write_bytes(whole)
    path.with_suffix(".prj").write_text(gpd.GeoSeries(crs=4326).crs.to_wkt("WKT1_ESRI"))
    rows = struct.pack("<4BIHH20x", 3, 126, 1, 1, 1, 65, 3)
    column = b"n".ljust(11, b"\0") + b"N" + bytes(4) + bytes([1, 0]) + bytes(14)
    path.with_suffix(".dbf").write_bytes(rows + column + b"\r 7\x1a")


@pytest.mark.parametrize(
    ("kind", "body", "text"),
    [
        (21, struct.pack("<3d", 67, 25, 7), "POINT M (67 25 7)"),
        (11, struct.pack("<4d", 67, 25, 5, 7), "POINT ZM (67 25 5 7)"),
        (
            23,
            struct.pack("<4d3i4d2d2d", 67, 25, 68, 26, 1, 2, 0, 67, 25, 68, 26, 1, 2, 1, 2),
            "LINESTRING M (67 25 1, 68 26 2)",
        ),
    ],
)
def test_a_shapefile_keeps_its_measures(tmp_path, kind, body, text):
    shapefile(tmp_path / "a.shp", kind, body)
    found = cg.read(tmp_path / "a.shp")
    assert texts(found.geometry) == [text]
    assert found["n"].tolist() == [7]
    assert cg.distance_km(found, "ml1").notna().all()


@pytest.mark.parametrize(
    "wkt",
    [
        *POINTS[1:],
        "LINESTRING ZM (67 25 5 7, 68 26 1 2)",
        "MULTIPOLYGON M (((67 25 1, 68 25 2, 68 26 3, 67 25 4)))",
    ],
)
def test_a_geopackage_keeps_them(tmp_path, wkt):
    found = cg.read(geopackage(tmp_path / "a.gpkg", [wkt, None, wkt]))
    same = shapely.to_wkt(shapely.from_wkt(wkt), output_dimension=4)
    assert texts(found.geometry) == [same, None, same]
    assert found["n"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("kind", ["Z", "M", "ZM"])
def test_verbs_measure_as_if_they_were_not_there(kind):
    more = {"Z": "5", "M": "7", "ZM": "5 7"}[kind]
    vertices = ["67 25", "68 25", "68 26", "67 25"]
    flat = ["POINT (67 25)", f"LINESTRING ({', '.join(vertices)})", f"POLYGON (({', '.join(vertices)}))",
            f"MULTILINESTRING (({', '.join(vertices)}))"]  # fmt: skip
    high = [
        text.replace(" (", f" {kind} (", 1).replace("25,", f"25 {more},").replace("26,", f"26 {more},")
        .replace("25)", f"25 {more})")
        for text in flat
    ]  # fmt: skip
    one, two = (gpd.GeoSeries(shapely.from_wkt(rows), crs=4326) for rows in (flat, high))
    assert (shapely.has_m(two) if "M" in kind else shapely.has_z(two)).all()
    spot = gpd.GeoSeries([shapely.Point(70, 27)], crs=4326)
    for ask in (
        lambda shapes: cg.distance_km(shapes, "ml1").tolist(),
        lambda shapes: cg.length_km(shapes[[1, 3]]).tolist(),
        lambda shapes: area_km2(shapes[2:3]).tolist(),
        lambda shapes: cg.nearest(spot, shapes).iloc[:, 1:4].to_numpy().tolist(),
        lambda shapes: cg.buffer(shapes, 5).to_wkt().tolist(),
        lambda shapes: (
            cg.locate(spot, cg.Corridor.from_line(shapes[3], name="x"))
            .iloc[:, :5]
            .to_numpy()
            .tolist()
        ),
    ):
        assert ask(two) == ask(one)


@pytest.mark.parametrize("suffix", [".gpkg", ".csv", ".parquet"])
def test_a_stream_keeps_them_in_parquet_and_counts_them_for_csv(tmp_path, suffix):
    path = tmp_path / f"in{suffix}"
    shapes = shapely.from_wkt([*POINTS, None, "MULTIPOINT Z ((68 26 9))"])
    if suffix == ".gpkg":
        geopackage(path, [*POINTS, None, "MULTIPOINT Z ((68 26 9))"])
    elif suffix == ".csv":
        rows = [*POINTS, "", "MULTIPOINT Z ((68 26 9))"]
        path.write_text("n,wkt\n" + "".join(f'{i},"{row}"\n' for i, row in enumerate(rows)))
    else:
        cg.write(gpd.GeoDataFrame({"n": range(6)}, geometry=shapes, crs=4326), path)
    out = tmp_path / "out.parquet"
    with warnings.catch_warnings():
        warnings.simplefilter("error", CpecgeoWarning)
        scale.nearest_file(path, out, targets="ml1", batch_rows=2, part_rows=3)
    table = pq.read_table(out)
    record = json.loads(table.schema.metadata[b"geo"])
    column = table[record["primary_column"]].to_pylist()
    want = [*POINTS, None, "POINT Z (68 26 9)"]
    got = shapely.from_wkb(column)
    singles = [g if g is None or g.geom_type == "Point" else g.geoms[0] for g in got]
    assert texts(singles) == want
    with pytest.warns(DataWarning) as told:
        scale.nearest_file(path, tmp_path / "out.csv", targets="ml1", batch_rows=2, part_rows=3)
    (text,) = (str(one.message) for one in told)
    assert "has 3 points with heights and 2 points with measures (M), which CSV" in text
    with pytest.warns(DataWarning, match="1 point with a height, which"):
        scale.within_file(path, tmp_path / "w.csv", targets=shapely.Point(68, 26), km=1)


def test_only_points_of_the_answer_are_counted(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text('wkt\n"POINT Z (67 25 5)"\n"POINT Z (68 26 9)"\n')
    with pytest.warns(DataWarning, match="1 point with a height, which"):
        scale.within_file(path, tmp_path / "w.csv", targets=shapely.Point(68, 26), km=1)
    with pytest.warns(DataWarning, match="2 points with heights, which"):
        scale.nearest_file(path, tmp_path / "n.csv", targets=["ml1", "kkh"], k=2)


@tries(50)
@given(
    st.lists(
        st.tuples(st.floats(74, 80), st.floats(35, 40), st.floats(-9, 9), st.floats(0, 9)),
        min_size=1, max_size=6,
    ),
    st.sampled_from(["", "Z", "M", "ZM"]),
)  # fmt: skip
def test_points_of_a_chinese_map_keep_what_they_have_beside_lon_and_lat(rows, kind):
    width = 2 + len(kind)
    texts_in = [f"POINT {kind} ({' '.join(map(repr, row[:width]))})" for row in rows]
    shapes = shapely.from_wkt(texts_in)
    moved = undo_shift(shapely.get_coordinates(shapes), "GCJ-02")
    found = shapely.from_wkb(wellknown.to_wkb(moved, shapes).to_pylist())
    assert (shapely.get_coordinates(found) == moved).all()
    assert (shapely.has_z(found) == ("Z" in kind)).all()
    assert (shapely.has_m(found) == ("M" in kind)).all()
    for get, has in ((shapely.get_z, "Z"), (shapely.get_m, "M")):
        if has in kind:
            assert get(found).tolist() == get(shapes).tolist()


def test_the_shift_of_chinese_maps_leaves_heights_and_counts_measures(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("wkt\n" + "".join(f'"{text}"\n' for text in POINTS).replace("67 25", "76 39"))
    with pytest.warns(DataWarning, match=r"the measures \(M\) of 2 geometries are left out"):
        found = cg.read(path, crs="GCJ-02")
    true = undo_shift([[76.0, 39.0]], "GCJ-02")[0]
    assert all((shapely.get_coordinates(one) == true).all() for one in found.geometry)
    assert shapely.get_z(found.geometry.to_numpy())[1::2].tolist() == [5, 5]
    assert shapely.has_z(found.geometry).tolist() == [False, True, False, True]

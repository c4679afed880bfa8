"""Small files that would need much time or memory: nesting, columns, wide rows, endless lines."""

import json
import os
import re
import sqlite3
import struct
import subprocess
import sys
import time
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyproj
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

import cpecgeo as cg
from cpecgeo import scale
from cpecgeo.errors import CpecgeoError, CRSError, FileError, GeometryError, InputError
from cpecgeo.files import wellknown
from cpecgeo.scale.files import open_source
from tests.effort import tries

POINT = shapely.to_wkb(shapely.Point(67, 25))
# Byte order, type and count of what GEOS reads by recursion. GEOS checks the type of a member only
# after it has read the member. An unknown byte order means the one before.
HEADS = {
    "collection": struct.pack("<BII", 1, 7, 1),
    "multipoint": struct.pack("<BII", 1, 4, 1),
    "multiline": struct.pack("<BII", 1, 5, 1),
    "multipolygon": struct.pack("<BII", 1, 6, 1),
    "big-endian": struct.pack(">BII", 0, 7, 1),
    "z of ISO": struct.pack("<BII", 1, 1007, 1),
    "z and m of EWKB": struct.pack("<BII", 1, 0xC0000007, 1),
    "with SRID": struct.pack("<BIII", 1, 0x20000007, 4326, 1),
    "order of before": struct.pack("<BII", 7, 7, 1),
}


def nested(depth, head="collection"):
    return HEADS[head] * depth + POINT


def geoparquet(values, path, kind=None):
    geo = {
        "version": "1.1.0", "primary_column": "geometry",
        "columns": {"geometry": {"encoding": "WKB", "geometry_types": []}},
    }  # fmt: skip
    table = pa.table({"geometry": pa.array(values, kind or pa.binary())})
    pq.write_table(table.replace_schema_metadata({"geo": json.dumps(geo)}), path)
    return path


def geopackage(values, path):
    """Write a GeoPackage with raw geometries, which no writer would write."""
    shapes = gpd.GeoSeries([shapely.Point(67, 25)] * len(values), crs=4326)
    shapes.to_frame("geometry").to_file(path, layer="a", engine="pyogrio")
    with sqlite3.connect(path) as file:
        triggers = file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in triggers:
            file.execute(f'DROP TRIGGER "{name}"')
        for row, value in enumerate(values, 1):
            blob = b"GP\x00\x01" + struct.pack("<i", 4326) + value
            file.execute("UPDATE a SET geom = ? WHERE fid = ?", (blob, row))
    file.close()
    return path


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("write", [geoparquet, geopackage])
def test_nesting_is_told_before_it_is_parsed(write, head, tmp_path):
    path = tmp_path / ("s.gpkg" if write is geopackage else "s.parquet")
    write([POINT, nested(20_000, head)], path)
    with pytest.raises(GeometryError, match="in row 2"):
        scale.nearest_file(path, tmp_path / "o.csv", targets="ml1")
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("head", HEADS)
def test_depth_is_bounded_exactly(head):
    least, most = wellknown.MAX_DEPTH, wellknown.MAX_DEPTH + 1
    # The first level gives the order that an unknown byte keeps.
    wellknown.refuse_deep(pa.array([HEADS["collection"] + nested(least - 1, head)]), "f")
    with pytest.raises(GeometryError, match="in row 8 .* more than 32 deep"):
        wellknown.refuse_deep(
            pa.chunked_array([[POINT, None], [HEADS["collection"] + nested(most - 1, head)]]),
            "f", row=5,
        )  # fmt: skip


def test_nesting_behind_other_members_is_found():
    members = [POINT, shapely.to_wkb(shapely.box(0, 0, 1, 1).buffer(1)), nested(40)]
    value = struct.pack("<BII", 1, 7, 3) + b"".join(members)
    with pytest.raises(GeometryError, match="row 1"):
        wellknown.refuse_deep(pa.array([value], pa.large_binary()), "f")


points = st.builds(shapely.Point, st.floats(-9, 9), st.floats(-9, 9), st.floats(-9, 9))
lines = st.lists(points, min_size=2, max_size=4).map(shapely.LineString)
areas = points.map(lambda p: p.buffer(1).difference(p.buffer(0.5)))
shapes = st.recursive(
    points | lines | areas,
    lambda inner: st.lists(inner, max_size=3).map(shapely.GeometryCollection),
    max_leaves=60,
)


def depth(shape):
    """Return how deep a geometry is nested, from what GEOS read."""
    parts = shapely.get_parts(shape)
    if shape.geom_type.startswith(("Multi", "Geometry")):
        return 1 + max(map(depth, parts), default=0)
    return 0


@tries(60)
@given(st.lists(shapes, min_size=1, max_size=4), st.booleans(), st.booleans(), st.integers(1, 4))
def test_depth_is_that_of_geos(drawn, little, iso, limit):
    """Every byte order and flavour is read to its end, and its depth is exact."""
    from cpecgeo.files.wellknown import first_deep
    from cpecgeo.geodesy._compile import compile_kernel

    column = pa.array(
        shapely.to_wkb(
            np.array(drawn, object), byte_order=int(little), flavor="iso" if iso else "extended"
        )
    )
    data, starts, sizes = wellknown.buffers(column)
    first = next((k for k, shape in enumerate(drawn) if depth(shape) > limit), -1)
    assert compile_kernel(first_deep)(data, starts, starts + sizes, limit) == first
    codes = [1 + ["Point", "LineString", "Polygon"].index(s.geom_type) if depth(s) == 0 else 7
             for s in drawn]  # fmt: skip
    assert wellknown.type_codes(column).tolist() == codes


@tries(200)
@given(st.binary(max_size=60), st.integers(0, 9))
def test_noise_is_never_read_beyond_its_end(noise, copies):
    value = HEADS["collection"] * copies + noise
    wellknown.refuse_deep(pa.array([value * 9, None, b""]), "f") if copies < 3 else None
    assert wellknown.type_codes(pa.array([value, None, b""]))[1:].tolist() == [0, 0]


def test_text_is_not_taken_for_bytes(tmp_path):
    """GEOS would read hexadecimal text, which may be nested as deep as bytes."""
    path = geoparquet([nested(20_000).hex()], tmp_path / "s.parquet", pa.string())
    with pytest.raises(GeometryError, match="string as its geometry"):
        scale.nearest_file(path, tmp_path / "o.csv", targets="ml1")


@pytest.mark.parametrize("kind", [pa.binary(21), pa.large_binary()])
def test_points_of_every_kind_of_bytes(kind, tmp_path):
    path = geoparquet([POINT, None], tmp_path / "s.parquet", kind)
    scale.nearest_file(path, tmp_path / "o.csv", targets="ml1")
    assert pd.read_csv(tmp_path / "o.csv")["lon"].tolist()[0] == 67


def test_a_hundred_thousand_columns(tmp_path):
    """Each name is read once; comparing each with all others took a minute."""
    names = [f"c{i}" for i in range(100_000)]
    path = tmp_path / "s.csv"
    path.write_text(",".join([*names, "c7", "lon", "lat"]) + "\n")
    began = time.perf_counter()
    with pytest.raises(InputError, match="two columns named 'c7'"):
        open_source(path)
    assert time.perf_counter() - began < 10
    path.write_text(",".join([*names, "lon", "lat"]) + "\n")
    assert open_source(path).places.columns == ("lon", "lat")


REPEATED = {
    "text": pa.array(["x" * 5_000]),
    "bytes": pa.array([b"x" * 5_000]),
    "list": pa.array([["x" * 2_500] * 2]),
    "structure": pa.array([[{"note": "x" * 5_000}]]),
    "map": pa.array([[("k", "x" * 5_000)]], pa.map_(pa.string(), pa.string())),
    "fixed": pa.array([b"x" * 5_000], pa.binary(5_000)),
    "category": pa.array(["x" * 5_000]).dictionary_encode(),
}


@pytest.mark.parametrize("name", ["note", "a.note"])
@pytest.mark.parametrize("case", REPEATED)
def test_values_kept_once_are_counted_as_often_as_they_come(case, name, tmp_path):
    rows = 2_000
    table = pa.table({
        "lon": np.full(rows, 67.0), "lat": np.full(rows, 25.0),
        name: REPEATED[case].take(pa.array(np.zeros(rows, int))),
    })  # fmt: skip
    pq.write_table(table, tmp_path / "s.parquet", row_group_size=900)
    assert (tmp_path / "s.parquet").stat().st_size < 100_000
    source = open_source(tmp_path / "s.parquet")
    # Batches of 262,144 rows would be 1.3 GB.
    assert 4_000 < source.batch_of(262_144) < 10_000
    scale.within_file(tmp_path / "s.parquet", tmp_path / "o.parquet", targets="ml1", km=100)
    assert pq.read_table(tmp_path / "o.parquet")[name].equals(table[name])


def test_one_long_value_among_many_bounds_batches_less(tmp_path):
    rows = 20_000
    notes = [f"note {i}" for i in range(99)] + ["x" * 50_000]
    pq.write_table(
        pa.table({"lon": np.full(rows, 67.0), "lat": np.full(rows, 25.0),
                  "note": pa.array(notes).take(pa.array(np.arange(rows) % 99))}),
        tmp_path / "s.parquet",
    )  # fmt: skip
    assert open_source(tmp_path / "s.parquet").batch_of(3_000) == 3_000


@pytest.mark.skipif(os.name == "nt", reason="limits of POSIX")
@pytest.mark.parametrize("head", ["", "lon,lat\n", "lon,lat\n67,25\n", 'lon,lat\n67,"25\n'])
def test_a_sparse_gigabyte_is_one_error(head, tmp_path):
    path = tmp_path / "s.csv"
    path.write_text(head)
    os.truncate(path, 1_000_000_000)
    code = (
        "import resource, sys; from cpecgeo import scale;"
        "resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30));"
        "scale.nearest_file(sys.argv[1], sys.argv[1] + '.out.csv', targets='ml1')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path], check=False, capture_output=True, text=True,
        cwd=Path(__file__).parents[2], timeout=120,
    )  # fmt: skip
    assert done.stderr.splitlines()[-1].startswith("cpecgeo.errors."), done.stderr[-500:]
    assert [p.name for p in tmp_path.iterdir()] == ["s.csv"]


def test_memory_that_runs_out_is_one_error(tmp_path, monkeypatch):
    path = tmp_path / "s.csv"
    path.write_text("lon,lat\n67,25\n")

    def fail(*_):
        raise pa.ArrowMemoryError("malloc of size 5000000000 failed")

    monkeypatch.setattr("cpecgeo.scale.tables.Csv._batch", fail)
    with pytest.raises(FileError, match="more memory than there is"):
        scale.nearest_file(path, tmp_path / "o.csv", targets="ml1")
    assert [p.name for p in tmp_path.iterdir()] == ["s.csv"]


@pytest.mark.parametrize("letter", [b"&", b"\x88", b"\0"])
def test_a_column_that_has_two_names_is_one_error(letter, tmp_path):
    """One byte is changed at each name of a column; the fuzzer found this fault."""
    path = tmp_path / "s.parquet"
    rows = {"name": ["A", "A"], "lon": [67.0, 67.5], "lat": [25.0, 25.5]}
    pq.write_table(pa.table(rows).replace_schema_metadata(), path)
    whole = path.read_bytes()
    places = [m.start() for m in re.finditer(b"name", whole)]
    assert len(places) >= 2
    refused = 0
    for place in places:
        path.write_bytes(whole[: place + 1] + letter + whole[place + 2 :])
        try:
            scale.nearest_file(path, tmp_path / "o.csv", targets="kkh")
        except CpecgeoError:
            refused += 1
    assert refused


# Without the check pyarrow would end the process, so the files are read in another one.
EVERY_BYTE = """
import sys, struct
from pathlib import Path
from cpecgeo.errors import CpecgeoError
from cpecgeo.scale.files import open_source

path = Path(sys.argv[1])
whole = path.read_bytes()
footer = struct.unpack("<I", whole[-8:-4])[0]
refused = 0
for at in range(len(whole) - 8 - footer, len(whole) - 8):
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    try:
        open_source(path)
    except CpecgeoError:
        refused += 1
print(footer, refused)
"""


def test_a_footer_with_one_wrong_byte_is_one_error_or_none(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"lon": [71.5, 72.5], "lat": [34.1, 34.2], "name": ["a", "b"]}), path)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", EVERY_BYTE, path],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-500:]
    footer, refused = map(int, done.stdout.split())
    assert footer / 3 < refused < footer


def test_a_description_of_a_crs_that_proj_reads_and_cant_write_is_one_error(tmp_path):
    path = tmp_path / "a.parquet"
    geoparquet([POINT], path)
    table = pq.read_table(path)
    geo = json.loads(table.schema.metadata[b"geo"])
    crs = pyproj.CRS(4326).to_json_dict()
    crs["datum_ensemble"]["name"] = "Another"
    crs["datum_ensemble"]["id"]["authority"] = "EP[G"
    crs["coordinate_system"]["axis"][1]["jnit"] = crs["coordinate_system"]["axis"][1].pop("unit")
    geo["columns"][geo["primary_column"]]["crs"] = crs
    pq.write_table(table.replace_schema_metadata({"geo": json.dumps(geo)}), path)
    with pytest.raises(CRSError, match="description is damaged"):
        cg.nearest(cg.read(path), "ml1")
    with pytest.raises(CRSError, match="description is damaged"):
        scale.nearest_file(path, tmp_path / "o.csv", targets="ml1")

"""Memory, streams and Dask have the same rules: answers, remarks and errors, file by file."""

import json
import warnings

import dask.dataframe as dd
import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from shapely.geometry import MultiPoint, Point

import cpecgeo as cg
from cpecgeo import scale
from cpecgeo.errors import CoordinateError, CpecgeoError, CRSError, DataWarning, InputError
from cpecgeo.files.tables import load_csv

GOOD = "".join(f"v{i},67.{i},25.{i}\n" for i in range(8))
# Name, text, options, and the error if any.
TABLES = {
    "plain": ("n,lon,lat\n" + GOOD, {}, None),
    "no rows": ("n,lon,lat\n", {}, None),
    "a row swapped": (f"n,lon,lat\nx,24.9,67.0\n{GOOD}", {}, None),
    "a row at 0, 0": (f"n,lon,lat\n{GOOD}x,0,0\n", {}, None),
    "a row far off": (f"n,lon,lat\n{GOOD}x,-70,-30\n", {}, None),
    "missing": (f"n,lon,lat\n{GOOD}x,,\ny,NA,-\n", {}, None),
    "degrees, minutes": ("n,Latitude (N),Longitude (E)\nx,34°07′12″N,72°30′E\ny,34 07,72.5\n", {}, None),
    "decimal commas": ("n;lon;lat\nx;67,5;25,25\n", {}, None),
    "sep=": ("sep=;\nn;lon;lat\nx;67.5;25.25\n", {}, None),
    "tabs": ("n\tlng\tlatitude\nx\t67.5\t25.25\n", {}, None),
    "Breite und Länge": ("n;Breite;Länge\nx;25,5;67,5\n", {}, None),
    "Länge in metres": ("n,Länge (m),Breite (m)\nx,67,25\n", {}, InputError),
    "Länge and wkt": ("n,Länge,Breite,wkt\nx,120,8,POINT (67 25)\n", {}, None),
    "Länge and lon": ("n,Länge,Breite,lon,lat\nx,120,8,67,25\n", {}, None),
    "Koordinaten": ("n,X-Koordinate,Y-Koordinate\nx,300000,2750000\n", {"crs": 32642}, None),
    "X (m)": ("n,X (m),Y (m),lon,lat\nx,300000,2750000,1,1\n", {"crs": 32642}, None),
    "X (m) without CRS": ("n,X (m),Y (m)\nx,300000,2750000\n", {}, InputError),
    "Urdu": ("n,طول بلد,عرض بلد\nx,67.5,25.5\n", {}, None),
    "digits of Urdu": ("n,lon,lat\nx,۶۷٫۵,۲۵٫۵\ny,−67.5,25\n", {}, None),
    "columns without a name": ("n,lon,lat,,\nx,67.5,25.5,,\n", {}, None),
    "metres without CRS": ("n,x,y\nx,300000,2750000\n", {}, CoordinateError),
    "far from the region": ("n,lon,lat\nx,13.4,52.5\n", {}, None),
    "names stated": ("n,a,b\nx,67.5,25.25\n", {"lon": "a", "lat": "b"}, None),
    "wkt": ('n,wkt\nx,POINT (67 25)\ny,\nz,"MULTIPOINT ((68 26))"\n', {}, None),
    "ewkt in metres": ("n,geom\nx,SRID=32642;POINT (300000 2750000)\n", {}, None),
    "wkt and another geometry": ("n,geom,geometry\nx,POINT (67 25),text\n", {}, None),
    "wkb": (f"n,wkb\nx,{shapely.to_wkb(Point(67, 25), hex=True)}\n", {}, None),
    "metres": ("n,x,y\nx,300000,2750000\ny,310000.5,2760000\n", {"crs": 32642}, None),
    "GCJ-02": ("n,lon,lat\nx,104.06,30.67\ny,67,25\n", {"crs": "GCJ-02"}, None),
    "BD-09": ("n,lon,lat\nx,104.06,30.67\n", {"crs": "BD-09"}, None),
    "BD-09 outside China": ("n,lon,lat\nx,67,25\n", {"crs": "BD-09"}, InputError),
    "no positions": ("n,a\nx,1\n", {}, InputError),
    "text": ("n,lon,lat\nx,here,25\n", {}, InputError),
    "thousands": ('n,x,y\nx,"300,000","2,750,000.5"\n', {"crs": 32642, "thousands": ","}, None),
    "thousands of points": ("n;x;y\nx;300.000;2.750.000,5\n", {"crs": 32642, "thousands": "."}, None),
    "thousands unknown": ("n,lon,lat\nx,67,25\n", {"thousands": "_"}, InputError),
    "no number in metres": ('n,x,y\nx,"300,000",2750000\n', {"crs": 32642}, InputError),
    "out of range": ("n,lon,lat\nx,200,25\n", {}, CoordinateError),
    "degrees as metres": ("n,lon,lat\nx,67,25\n", {"crs": 32642}, CRSError),
    "unknown CRS": ("n,lon,lat\nx,67,25\n", {"crs": "nonsense"}, CRSError),
    "SRID and another CRS": ("n,wkt\nx,SRID=4326;POINT (67 25)\n", {"crs": 32642}, CRSError),
    "line": ('n,wkt\nx,"LINESTRING (67 25, 68 26)"\n', {}, InputError),
}  # fmt: skip


def answered(call):
    """Return distances and km, the remarks on rows, or the kind of error."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            table = call()
        except CpecgeoError as error:
            return type(error), ()
    kept = [w.message for w in said if issubclass(w.category, DataWarning)]
    remarks = tuple(sorted(str(m).rstrip(".").rpartition(": ")[2] for m in kept))
    return table[["distance_km", "km"]].astype(float).round(9).fillna(
        -1
    ).to_numpy().tolist(), remarks


@pytest.mark.parametrize("name", TABLES)
def test_a_table_means_the_same_everywhere(name, tmp_path):
    text, stated, error = TABLES[name]
    path = tmp_path / "s.csv"
    path.write_text(text, encoding="utf-8")
    memory = answered(lambda: cg.nearest(cg.read(path, **stated), "ml1"))
    if error is None:
        assert isinstance(memory[0], list), memory
    else:
        assert issubclass(memory[0], error)

    def streamed(out):
        scale.nearest_file(path, tmp_path / out, targets="ml1", batch_rows=3, **stated)
        return (
            pd.read_csv(tmp_path / out) if out.endswith("csv") else pd.read_parquet(tmp_path / out)
        )

    def lazily():
        frame = dd.from_pandas(load_csv(path, "s.csv")[0], npartitions=1)
        return scale.nearest(frame, "ml1", **stated).compute(scheduler="sync")

    for other in (lambda: streamed("o.csv"), lambda: streamed("o.parquet"), lazily):
        got = answered(other)
        if error is None:
            assert got == memory
        else:
            assert issubclass(got[0], error)


@pytest.mark.parametrize("crs", [None, 4326, "GCJ-02", 32642])
@pytest.mark.parametrize("kind", ["gpkg", "parquet", "columns", "wkb"])
def test_files_with_and_without_a_crs_of_their_own(kind, crs, tmp_path):
    points = gpd.GeoDataFrame(
        {"n": ["a", "b"]}, geometry=[Point(104.06, 30.67), MultiPoint([(67, 25)])], crs=4326
    )
    path = tmp_path / f"s.{'gpkg' if kind == 'gpkg' else 'parquet'}"
    if kind == "gpkg":
        points.to_file(path)
    elif kind == "parquet":
        points.to_parquet(path)
    elif kind == "columns":
        pd.DataFrame({"n": ["a", "b"], "lon": [104.06, 67], "lat": [30.67, 25]}).to_parquet(path)
    else:
        pd.DataFrame({"n": ["a", "b"], "wkb": points.geometry.to_wkb()}).to_parquet(path)
    memory = answered(lambda: cg.nearest(cg.read(path, crs=crs), "ml1"))
    assert isinstance(memory[0], list) is (crs != 32642)

    def streamed():
        scale.nearest_file(path, tmp_path / "o.parquet", targets="ml1", crs=crs)
        return pd.read_parquet(tmp_path / "o.parquet")

    assert answered(streamed) == memory
    if crs == "GCJ-02":
        plain = answered(lambda: cg.nearest(cg.read(path), "ml1"))
        shifted = abs(np.array(memory[0]) - np.array(plain[0]))[:, 0]
        assert 0.1 < shifted[0] < 0.9
        assert shifted[1] == 0


def test_text_geometry_becomes_points_of_the_result(tmp_path):
    path = tmp_path / "s.csv"
    path.write_text("n,geometry,geom\n007,kept,SRID=32642;POINT (300000 2750000)\n")
    run = scale.nearest_file(path, tmp_path / "o.parquet", targets="ml1")
    assert run.read_as == "geometry from the column geom"
    found = gpd.read_parquet(tmp_path / "o.parquet")
    assert found.geometry.name == "geometry"
    assert found.crs.to_epsg() in {4326, None}
    want = gpd.GeoSeries([Point(300000, 2750000)], crs=32642).to_crs(4326)
    assert shapely.equals_exact(found.geometry[0], want[0], 1e-9)
    assert found["geometry_2"].tolist() == ["kept"]
    scale.nearest_file(path, tmp_path / "o.csv", targets="ml1")
    row = pd.read_csv(tmp_path / "o.csv", dtype=str).iloc[0]
    assert row["n"] == "007"
    assert float(row["lon"]) == pytest.approx(want[0].x, abs=1e-12)


def test_a_run_with_another_crs_isnt_resumed(tmp_path):
    path = tmp_path / "s.csv"
    path.write_text("n,lon,lat\nx,102.7,25.04\n")
    seen = []
    for crs in (None, "GCJ-02"):
        scale.nearest_file(path, tmp_path / "o.csv", targets="ml1", crs=crs, resume=True)
        seen.append(pd.read_csv(tmp_path / "o.csv")["distance_km"][0])
    assert seen[0] != seen[1]


def test_partitions_of_dask_remark_each_by_itself():
    frame = pd.DataFrame({"lon": [67.0, 67.1, 0.0, 67.2], "lat": [25.0, 25.1, 0.0, 25.2]})
    lazy = scale.within(dd.from_pandas(frame, npartitions=2), "ml1", 50)
    with pytest.warns(DataWarning, match=r"at index 2: 1 row at 0, 0 \(row 1\)"):
        lazy.compute(scheduler="sync")


def test_the_record_of_text_geometry_is_that_of_lonlat(tmp_path):
    path = tmp_path / "s.csv"
    path.write_text("wkt\nPOINT (67 25)\n")
    scale.within_file(path, tmp_path / "o.parquet", targets="ml1", km=100)
    import pyarrow.parquet as pq

    geo = json.loads(pq.read_schema(tmp_path / "o.parquet").metadata[b"geo"])
    assert geo["columns"]["geometry"]["encoding"] == "WKB"


def test_thousands_are_numbers_where_asked(tmp_path):
    path = tmp_path / "s.csv"
    path.write_text("n;people;note;lon;lat\n1;1.234,5;1.000;67;25\n2;70;about;67.1;25\n")
    plain, asked = cg.read(path), cg.read(path, thousands=".")
    assert plain["people"].tolist() == ["1.234,5", "70"]
    assert asked["people"].tolist() == [1234.5, 70.0]
    assert asked["note"].tolist() == ["1.000", "about"]  # a column of text stays
    out = tmp_path / "o.csv"
    scale.exposure_file(path, out, targets="ml1", km=50, value="people", thousands=".")
    assert pd.read_csv(out)["people"].tolist() == [1304.5]
    frame = dd.from_pandas(load_csv(path, "s.csv")[0], npartitions=1)
    rings = scale.exposure(frame, "ml1", 50, value="people", thousands=".").compute()
    assert rings["people"].tolist() == [1304.5]
    # Text that isn't used for computing is unchanged.
    scale.nearest_file(path, out, targets="ml1", thousands=".")
    assert pd.read_csv(out, dtype=str)["people"].tolist() == ["1.234,5", "70"]
    with pytest.raises(InputError, match="thousands='_' isn't known"):
        cg.read(path, thousands="_")

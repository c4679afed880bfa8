"""Values come out as they went in, names don't clash, and wrong positions are remarked."""

import contextlib
import csv
import io
import pickle
import re
import sqlite3
import subprocess
import sys
import warnings

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

import cpecgeo as cg
from cpecgeo import scale
from cpecgeo.errors import CoordinateError, DataWarning, GeometryWarning
from cpecgeo.files import displacement
from cpecgeo.scale import questions
from tests.effort import tries

# Text that readers of tables take for missing values, numbers, dates or booleans.
CELLS = [
    "NA", "None", "nan", "NULL", "null", "N/A", "-", "", "007", "012", "1.50", "1e5", "-0", "+1",
    "9007199254740993", "0.1000000000000000055511151231257827", "TRUE", "true", "2024-01-02",
    "1,234", " padded ", "Ω", "گوادر", "中国", "=1+1", "a\nb", 'say "x"', "\t", "inf", "0x10",
]  # fmt: skip


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


@tries(25)
@given(
    st.lists(
        st.lists(st.sampled_from(CELLS) | st.text(st.characters(exclude_categories=("C",)), max_size=8),
                 min_size=2, max_size=2),
        min_size=1, max_size=12,
    ),
    st.sampled_from([",", ";", "\t", "|"]), st.sampled_from(["\n", "\r\n"]), st.integers(1, 5),
)  # fmt: skip
def test_cells_come_out_as_they_went_in(tmp_path_factory, cells, separator, end, part):
    folder = tmp_path_factory.mktemp("cells")
    written = io.StringIO()
    writer = csv.writer(written, delimiter=separator, lineterminator=end)
    names = ["code", "ref", "lon", "lat"]
    rows = [[*row, f"{67 + i / 7:.9f}0", "24.90"] for i, row in enumerate(cells)]
    writer.writerows([names, *rows])
    (folder / "s.csv").write_bytes(written.getvalue().encode())
    scale.nearest_file(
        folder / "s.csv", folder / "o.csv", targets="ml1", batch_rows=part, part_rows=part
    )
    got = rows_of(folder / "o.csv")
    assert got[0][:4] == names
    # A line end inside a cell is one of its characters.
    assert [row[:4] for row in got[1:]] == rows
    scale.within_file(folder / "s.csv", folder / "o.parquet", targets="ml1", km=20_000)
    kept = pq.read_table(folder / "o.parquet").to_pylist()
    assert [[row[n] for n in names] for row in kept] == rows


CLASHES = ["target", "distance_km", "near_lon", "near_lat", "km", "side", "rank"]


@pytest.mark.parametrize("out", ["o.csv", "o.parquet"])
def test_columns_of_the_answer_in_the_source(out, tmp_path):
    """As with `cpecgeo near` in memory, the file's columns stay and the answer's get a suffix."""
    table = pd.DataFrame({"lon": ["67.0"], "lat": ["24.9"], "km_near": ["x"]})
    table = table.assign(**{name: f"my {name}" for name in CLASHES})
    table.to_csv(tmp_path / "s.csv", index=False)
    scale.nearest_file(tmp_path / "s.csv", tmp_path / out, targets=["ml1", "kkh"], k=2)
    got = pd.read_csv(tmp_path / out) if out == "o.csv" else pd.read_parquet(tmp_path / out)
    assert set(got["side"]) == {"my side"}
    assert set(got["km_near"]) == {"x"}
    want = cg.nearest(shapely.Point(67.0, 24.9), ["ml1", "kkh"], k=2)
    assert got["target_near"].tolist() == want["target"].tolist()
    assert got["rank_near"].tolist() == [1, 2]
    np.testing.assert_allclose(got["km_near_near"], want["km"], atol=1e-6)
    np.testing.assert_allclose(got["distance_km_near"], want["distance_km"], atol=1e-9)
    np.testing.assert_allclose(got["near_lon_near"], want["lon"], atol=1e-9)


def test_an_answer_can_be_asked_again(tmp_path):
    pd.DataFrame({"lon": [67.0], "lat": [24.9]}).to_csv(tmp_path / "s.csv", index=False)
    for source, out, to in (("s", "a", "ml1"), ("a", "b", "kkh"), ("b", "c", "n40")):
        scale.nearest_file(tmp_path / f"{source}.csv", tmp_path / f"{out}.csv", targets=to)
    got = pd.read_csv(tmp_path / "c.csv").iloc[0]
    assert [got[f"target{s}"] for s in ("", "_near", "_near_near")] == ["ml1", "kkh", "n40"]


def test_columns_named_as_the_points_are(tmp_path):
    points = gpd.GeoDataFrame(
        {"lon": ["low"], "x": [1]}, geometry=[shapely.Point(67, 25)], crs=4326
    )
    points.to_parquet(tmp_path / "s.parquet")
    scale.nearest_file(tmp_path / "s.parquet", tmp_path / "o.csv", targets="ml1")
    row = pd.read_csv(tmp_path / "o.csv").iloc[0]
    assert (row["lon"], row["lon_of_row"], row["lat_of_row"]) == ("low", 67, 25)
    plain = pa.table({"lon": [67.0], "lat": [25.0], "geometry": ["a square"], "geometry_2": ["b"]})
    pq.write_table(plain, tmp_path / "p.parquet")
    scale.nearest_file(tmp_path / "p.parquet", tmp_path / "o.parquet", targets="ml1")
    got = gpd.read_parquet(tmp_path / "o.parquet").iloc[0]
    assert got.geometry.equals(shapely.Point(67, 25))
    assert (got["geometry_2"], got["geometry_2_2"]) == ("b", "a square")


def write_points(lonlat, path):
    pd.DataFrame(lonlat, columns=["lon", "lat"]).to_csv(path, index=False)
    return path


GOOD = [(67 + i / 10, 25 + i / 20) for i in range(40)]
FAR = "more than 1,000 km from the region of CPEC,"
ODD = {
    "0, 0": ([*GOOD, (0, 0), (0, 0)], "2 rows at 0, 0 (rows 41, 42)"),
    "one swapped": (
        [*GOOD[:9], (24.9, 67.0), *GOOD[9:]],
        "1 row seems to have lon and lat swapped (row 10)",
    ),
    "four swapped": (
        [*GOOD, *[(25, 67 + i) for i in range(4)]],
        "4 rows seem to have lon and lat swapped (rows 41, 42, 43, …)",
    ),
    "far away": ([*GOOD, (-99.5, 19.5)], "1 row lies far from all others (row 41)"),
    "across the antimeridian": (
        [(179.5, 10), *[(-179.5, 10)] * 9],
        f"all 10 rows lie {FAR} the first at 179.5, 10",
    ),
    "nothing": (GOOD, None),
    "one row": ([(0, 0)], f"the only row lies {FAR} at 0, 0"),
    "all at 0, 0": ([(0, 0)] * 9, f"all 9 rows lie {FAR} the first at 0, 0"),
    "two places": ([*GOOD, *[(-99.5, 19.5)] * 39], None),
    "all over the world": (
        [(lon, lat) for lon in range(-170, 180, 20) for lat in range(-70, 55, 20)],
        None,
    ),
}


@pytest.mark.parametrize("cut", [1, 7, 1_000])
@pytest.mark.parametrize("case", ODD)
def test_odd_rows_are_remarked_and_answered(case, cut, tmp_path):
    lonlat, remark = ODD[case]
    source = write_points(lonlat, tmp_path / "s.csv")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        done = scale.nearest_file(
            source, tmp_path / "o.csv", targets="ml1", batch_rows=cut, part_rows=2 * cut
        )
    said = [str(w.message) for w in caught if w.category is DataWarning]
    assert said == ([f"s.csv: {remark}."] if remark else [])
    assert done.rows_out == len(lonlat)
    assert pd.read_csv(tmp_path / "o.csv")["distance_km"].notna().all()


def test_a_resumed_run_remarks_the_parts_of_before(tmp_path):
    source = write_points([(0, 0), *GOOD], tmp_path / "s.csv")

    def stop(now):
        if now.rows >= 30:
            raise KeyboardInterrupt

    rows = {"batch_rows": 5, "part_rows": 10}
    with pytest.raises(KeyboardInterrupt):
        scale.nearest_file(source, tmp_path / "o.csv", targets="ml1", progress=stop, **rows)
    with pytest.warns(DataWarning, match=re.escape("1 row at 0, 0 (row 1)")):
        done = scale.nearest_file(source, tmp_path / "o.csv", targets="ml1", resume=True, **rows)
    assert done.parts_kept > 0


@pytest.mark.parametrize("part", [1, 1_000])
@pytest.mark.parametrize("verb", ["nearest", "within", "exposure"])
def test_a_file_swapped_as_a_whole_is_refused_as_in_memory(verb, part, tmp_path):
    swapped = [(lat, lon) for lon, lat in GOOD]
    source = write_points(swapped, tmp_path / "s.csv")
    options = {"nearest": {}, "within": {"km": 5}, "exposure": {"km": [5]}}[verb]
    with pytest.raises(CoordinateError, match="lon and lat swapped"):
        getattr(scale, f"{verb}_file")(
            source, tmp_path / "o.csv", targets="ml1", batch_rows=part, part_rows=part, **options
        )
    with pytest.raises(CoordinateError, match="lon and lat swapped"):
        cg.nearest(gpd.GeoSeries.from_xy(*zip(*swapped, strict=True), crs=4326), "ml1")
    assert [p.name for p in tmp_path.iterdir()] == ["s.csv"]


def test_a_long_file_of_swapped_rows_is_not_read_to_its_end():
    many = np.full((1_000_000, 2), (25.0, 67.0))
    rows = np.arange(1, 1_000_001)
    seen = displacement.count(many, rows)
    with pytest.raises(CoordinateError, match=r"starts at \(25, 67\)"):
        displacement.refuse_swapped(seen, "f", is_whole=False)
    displacement.refuse_swapped(displacement.count(many[1:], rows[1:]), "f", is_whole=False)
    one = displacement.count(np.array([[67.0, 25.0]]), np.array([1_000_001]))
    displacement.refuse_swapped(displacement.merge([seen, one]), "f", is_whole=True)


spots = st.tuples(st.floats(-180, 180), st.floats(-90, 90))
near = st.tuples(st.floats(60, 78), st.floats(23, 37))


@tries(100)
@given(st.lists(near | spots | st.just((0.0, 0.0)), min_size=1, max_size=40), st.integers(1, 9))
def test_counts_of_batches_add_up(drawn, size):
    xy, rows = np.array(drawn), np.arange(1, len(drawn) + 1)
    parts = [
        displacement.count(xy[k : k + size], rows[k : k + size]) for k in range(0, len(xy), size)
    ]
    whole = displacement.count(xy, rows)
    assert displacement.merge(parts) == whole
    assert sum(n for n, _ in whole.cells.values()) + whole.zero_count == len(xy)
    for cell, (number, first) in whole.cells.items():
        lon, lat = xy[first - 1]
        west, south = cell % 360 - 180, cell % (360 * 180) // 360 - 90
        assert west - 1e-9 <= lon <= west + 1
        assert south - 1e-9 <= lat <= south + 1
        assert number >= 1


@pytest.mark.parametrize("suffix", [".parquet", ".gpkg"])
@pytest.mark.parametrize("crs", [24378, 32642, 4326])
def test_datums_are_shifted_as_in_memory(crs, suffix, tmp_path):
    """Each point is shifted by itself, also where another is missing."""
    points = gpd.GeoSeries([shapely.Point(67, 25), None, shapely.Point(72, 34)], crs=4326)
    frame = points.to_crs(crs).to_frame("geometry")
    path = tmp_path / f"s{suffix}"
    frame.to_parquet(path) if suffix == ".parquet" else frame.to_file(path)
    scale.nearest_file(path, tmp_path / "o.csv", targets="ml1")
    got = pd.read_csv(tmp_path / "o.csv")["distance_km"]
    np.testing.assert_allclose(got, cg.nearest(frame, "ml1")["distance_km"], atol=1e-9)


@pytest.mark.parametrize("suffix", [".parquet", ".gpkg"])
@pytest.mark.parametrize("crs", [4243, "+proj=longlat +ellps=evrst30"])
def test_datums_without_a_stated_shift_are_refused(crs, suffix, tmp_path):
    frame = gpd.GeoDataFrame(geometry=[shapely.Point(67, 25)], crs=crs)
    path = tmp_path / f"s{suffix}"
    frame.to_parquet(path) if suffix == ".parquet" else frame.to_file(path)
    with pytest.raises(cg.errors.CRSError, match="can't be turned into lon, lat"):
        scale.nearest_file(path, tmp_path / "o.csv", targets="ml1")
    with pytest.raises(cg.errors.CRSError, match="can't be turned into lon, lat"):
        cg.nearest(frame, "ml1")
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_batches_are_measured_by_compiled_code_alone():
    """Otherwise bytes would depend on what a process had measured before, by a nanometre."""
    code = (
        "import pickle, sys; from cpecgeo.geodesy import _compile;"
        "assert _compile._PATIENCE.left > 0;"
        "pickle.loads(sys.stdin.buffer.read());"
        "assert _compile._PATIENCE.left <= 0"
    )
    sent = pickle.dumps(scale.prepare("ml1"))
    done = subprocess.run(
        [sys.executable, "-c", code], input=sent, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


def test_areas_that_cross_themselves_are_mended_and_told_once_as_in_memory(tmp_path):
    """A point beside the knot of a bow-tie is outside of it."""
    bow = shapely.Polygon([(67, 25), (68, 26), (68, 25), (67, 26), (67, 25)])
    targets = gpd.GeoDataFrame({"name": ["bow"]}, geometry=[bow], crs=4326)
    source = tmp_path / "a.csv"
    source.write_text("lon,lat\n67.9,25.5\n67.5,25.9\n67.05,25.5\n66,25\n")
    with pytest.warns(GeometryWarning, match="1 invalid polygon") as said:
        scale.nearest_file(source, tmp_path / "o.csv", targets=targets, batch_rows=1, part_rows=2)
    assert len(said) == 1
    with pytest.warns(GeometryWarning, match="1 invalid polygon"):
        near = cg.nearest(str(source), targets)
    got = pd.read_csv(tmp_path / "o.csv")["distance_km"]
    np.testing.assert_allclose(got, near["distance_km"], atol=1e-9)
    assert (got == 0).tolist() == [True, False, True, False]
    with pytest.warns(GeometryWarning, match="1 invalid polygon"):
        scale.within_file(source, tmp_path / "w.csv", targets=targets, km=0, batch_rows=1)
    assert pd.read_csv(tmp_path / "w.csv")["lon"].tolist() == [67.9, 67.05]


@pytest.mark.parametrize("name", ["|" * 30, ";" * 30, 'say "hi"', "\t" * 30])
def test_separators_in_names_do_not_mislead_who_reads_a_streamed_csv(name, tmp_path):
    source = tmp_path / "a.parquet"
    pq.write_table(pa.table({name: ["1;2"], "lon": [67.0], "lat": [25.0]}), source)
    scale.nearest_file(source, tmp_path / "o.csv", targets="ml1")
    back = cg.read(tmp_path / "o.csv")
    assert list(back[name]) == ["1;2"]


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([1.0, 2.5, None], (0, 0, "")),
        ([1.0, -2.5, None, -3.0], (2, 12, "-2.5")),
        (["1", "2", "good"], (1, 13, "good")),
        (["-1", "2", "x"], (2, 11, "-1")),
    ],
)
@pytest.mark.parametrize("kind", ["frame", "arrow"])
def test_the_first_impossible_accuracy_is_shown_with_its_row(values, found, kind):
    """Rows count from 1; ten came before this batch."""
    table = pd.DataFrame({"accuracy_km": values})
    table = table if kind == "frame" else pa.Table.from_pandas(table)
    assert questions.read_accuracy(table, None, 10)[1] == found
    bare = pd.DataFrame({"n": [1]})
    assert questions.read_accuracy(bare, None, 10) == (None, (0, 0, ""))


@pytest.mark.parametrize(
    ("columns", "name"),
    [(["a"], "fid"), (["fid", "a"], "row_fid"), (["fid", "row_fid"], "gpkg_row_fid")],
)
def test_numbers_of_features_get_a_name_that_no_column_has(tmp_path, columns, name):
    values = {column: [10, 20, 30] for column in columns}
    frame = gpd.GeoDataFrame(values, geometry=gpd.points_from_xy([67, 68, 69], [25] * 3), crs=4326)
    path = tmp_path / "a.gpkg"
    frame.to_file(path, layer="a", engine="pyogrio", FID="number", SPATIAL_INDEX="NO")
    with contextlib.closing(sqlite3.connect(path)) as file:
        for (trigger,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            file.execute(f'DROP TRIGGER "{trigger}"')
        file.execute("DELETE FROM a WHERE number = 1")
        file.commit()
    scale.nearest_file(path, tmp_path / "o.csv", targets="ml1")
    found = pd.read_csv(tmp_path / "o.csv")
    assert found[name].tolist() == [2, 3]
    for column in columns:
        assert found[column].tolist() == [20, 30]
    assert found.columns.is_unique

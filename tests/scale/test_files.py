"""Files streamed in parts give what the verbs in memory give."""

import itertools
import json
import threading
import time

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

import cpecgeo as cg
from cpecgeo import scale
from cpecgeo.errors import FileError, InputError, UnknownNameError

from .samples import PORT_AND_LINE, SUFFIX, frame, table, write

SMALL = {"batch_rows": 300, "part_rows": 1_000}


@pytest.fixture(scope="module")
def points():
    return frame()


@pytest.fixture(scope="module")
def expected(points):
    return cg.nearest(points, ["ml1", "kkh", "n40"])


@pytest.fixture(scope="module")
def files(points, tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    return {
        kind: write(points, folder / f"{kind}{suffix}", kind) for kind, suffix in SUFFIX.items()
    }


def agree(got, want):
    """Compare the rows of a file with a frame from memory, in the same order."""
    assert got["target"].astype(object).where(got["target"].notna(), None).tolist() == [
        t if isinstance(t, str) else None for t in want["target"]
    ]
    for here, there in (
        ("distance_km", "distance_km"),
        ("near_lon", "lon"),
        ("near_lat", "lat"),
        ("km", "km"),
    ):
        np.testing.assert_allclose(
            got[here].to_numpy(float), want[there].to_numpy(float), atol=1e-6, err_msg=here
        )
    assert got["side"].astype(object).fillna("").tolist() == (
        want["side"].astype(object).fillna("").tolist()
    )


@pytest.mark.parametrize("out", ["near.parquet", "near.csv", "near"])
@pytest.mark.parametrize("kind", SUFFIX)
def test_every_format_gives_what_memory_gives(files, expected, points, kind, out, tmp_path):
    done = scale.nearest_file(files[kind], tmp_path / out, targets=["ml1", "kkh", "n40"], **SMALL)
    got = pd.read_csv(tmp_path / out) if out.endswith("csv") else pd.read_parquet(tmp_path / out)
    agree(got, expected)
    assert got["id"].astype(int).tolist() == points["id"].tolist()
    assert got["label"].tolist() == points["label"].tolist()
    assert (done.rows_in, done.rows_out) == (len(points), len(points))
    assert done.rows_skipped == points.geometry.isna().sum()
    assert done.parts > 1
    assert [p.name for p in tmp_path.iterdir()] == [out]


@pytest.mark.parametrize("kind", ["geoparquet", "utm", "parquet", "csv", "gpkg"])
def test_parquet_out_is_geoparquet(files, points, kind, tmp_path):
    scale.nearest_file(files[kind], tmp_path / "o.geoparquet", targets="ml1", **SMALL)
    got = gpd.read_parquet(tmp_path / "o.geoparquet")
    assert got.crs.to_epsg() == (32642 if kind == "utm" else 4326) or got.crs == "OGC:CRS84"
    back = got.geometry.to_crs(4326)
    here, there = (shapely.get_coordinates(g.dropna().array) for g in (back, points.geometry))
    np.testing.assert_allclose(here, there, atol=1e-9)
    assert back.isna().tolist() == points.geometry.isna().tolist()


@pytest.mark.parametrize("kind", SUFFIX)
def test_within_keeps_the_rows_that_are_near(files, points, expected, kind, tmp_path):
    scale.within_file(
        files[kind], tmp_path / "o.parquet", targets=["ml1", "kkh", "n40"], km=40, **SMALL
    )
    got = pd.read_parquet(tmp_path / "o.parquet")
    near = (expected["distance_km"] <= 40).to_numpy()
    assert got["id"].astype(int).tolist() == points["id"][near].tolist()
    np.testing.assert_allclose(got["distance_km"], expected["distance_km"][near], atol=1e-9)


@pytest.mark.parametrize("kind", SUFFIX)
def test_exposure_sums_rings(files, points, expected, kind, tmp_path):
    scale.exposure_file(
        files[kind], tmp_path / "o.csv", targets=["ml1", "kkh", "n40"], km=[10, 40, 90],
        value="people", **SMALL,
    )  # fmt: skip
    got = pd.read_csv(tmp_path / "o.csv")
    ring = pd.cut(expected["distance_km"], [-1, 10, 40, 90]).cat.codes
    for code, row in got.iterrows():
        inside = (ring == code).to_numpy()
        assert row["features"] == inside.sum()
        assert row["people"] == points["people"][inside].sum()
    assert got["km_to"].tolist() == [10, 40, 90]


BARE = gpd.GeoSeries([cg.corridor("ml1").line], index=["line"], crs=4326)
SPANS = ["low", "high"]


def good_to(points, how):
    """Return points of which some have an accuracy of their own, but none in the last batch."""
    known = np.full(len(points), np.nan)
    if how == "some":
        known[::3] = np.linspace(0, 30, len(known[::3]))
    elif how == "last":
        known[-1:] = 12.0
    return points.copy() if how == "none" else points.assign(accuracy_km=known)


def same_rings(got, want):
    """Compare the rings of a file or of Dask with those from memory."""
    assert got["km_to"].tolist() == want["km_to"].tolist()
    for end in ("", "_low", "_high"):
        for name in ("features", "people"):
            np.testing.assert_allclose(
                got[name + end].to_numpy(float, na_value=np.nan),
                want[name + end].to_numpy(float, na_value=np.nan),
                err_msg=name + end,
            )
    assert got["missing"].tolist() == want["missing"].tolist()


@pytest.mark.parametrize("out", ["o.parquet", "o.csv"])
@pytest.mark.parametrize("how", ["none", "some", "last"])
@pytest.mark.parametrize("to", ["corridors", "bare", "places"])
def test_low_and_high_are_those_of_memory(points, tmp_path, to, how, out):
    targets = {"corridors": ["ml1", "kkh", "ml4"], "bare": BARE, "places": "ports"}[to]
    mine = good_to(points, how)
    mine.loc[mine.index[::11], "people"] = np.nan
    path = write(mine, tmp_path / "s.parquet", "parquet")
    km = [10, 40, 90]
    scale.exposure_file(path, tmp_path / out, targets=targets, km=km, value="people", **SMALL)
    got = (pd.read_csv if out.endswith("csv") else pd.read_parquet)(tmp_path / out)
    want = cg.exposure(targets, km, layer=mine[mine.geometry.notna()], value="people")
    same_rings(got, want.reset_index())
    is_told = how != "none" or to != "bare"
    for name in ("features", "people"):
        assert got[[f"{name}_{end}" for end in SPANS]].notna().all(axis=None) == is_told
    if is_told:
        assert (got["features_low"] <= got["features"]).all()
        assert (got["features"] <= got["features_high"]).all()
    if to == "corridors":
        assert (got["features_low"] < got["features_high"]).all()


@pytest.mark.parametrize("out", ["o.parquet", "o.csv"])
def test_side_is_empty_where_the_target_is_a_point(files, tmp_path, out):
    scale.nearest_file(files["csv"], tmp_path / out, targets=PORT_AND_LINE, k=2, **SMALL)
    if out.endswith("csv"):
        text = pd.read_csv(tmp_path / out, dtype=str, keep_default_na=False)
        got = text[text["target"] != ""].assign(side=lambda t: t["side"].replace("", None))
    else:
        got = pd.read_parquet(tmp_path / out).dropna(subset="target")
    none = got["side"].isna()
    assert set(got.loc[none, "target"]) == {"port"}
    assert set(got.loc[~none, "target"]) == {"line"}
    assert set(got.loc[~none, "side"]) <= {"left", "on", "right"}


def test_more_than_one_target_repeats_rows(files, points, tmp_path):
    done = scale.nearest_file(files["csv"], tmp_path / "o.csv", targets=["ml1", "kkh", "ml2"], k=2)
    got = pd.read_csv(tmp_path / "o.csv")
    want = cg.nearest(points, ["ml1", "kkh", "ml2"], k=2)
    agree(got, want)
    assert got["rank"].tolist() == [1, 2] * len(points)
    assert done.rows_out == 2 * done.rows_in


def test_nothing_beyond_max_km(files, points, tmp_path):
    scale.nearest_file(files["parquet"], tmp_path / "o.parquet", targets="ml1", max_km=100, **SMALL)
    agree(pd.read_parquet(tmp_path / "o.parquet"), cg.nearest(points, "ml1", max_km=100))


def test_parts_change_nothing_but_row_groups(files, tmp_path):
    whole = scale.nearest_file(
        files["gpkg"], tmp_path / "a.csv", targets="corridors", batch_rows=300
    )
    parts = scale.nearest_file(files["gpkg"], tmp_path / "b.csv", targets="corridors", **SMALL)
    assert (whole.parts, parts.parts) == (1, 4)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def cut_off(source, out, after, **options):
    """Run until an error after some parts."""

    class Stop(Exception):  # noqa: N818
        pass

    def stop(now):
        if now.rows >= after:
            raise Stop

    with pytest.raises(Stop):
        scale.nearest_file(source, out, targets="ml1", progress=stop, **SMALL, **options)


@pytest.mark.parametrize("out", ["o.parquet", "o.csv"])
@pytest.mark.parametrize("kind", ["geoparquet", "csv", "gpkg", "folder"])
def test_resumed_run_gives_the_same_bytes(files, kind, out, tmp_path):
    scale.nearest_file(files[kind], tmp_path / f"whole-{out}", targets="ml1", **SMALL)
    cut_off(files[kind], tmp_path / out, after=2_500)
    assert not (tmp_path / out).exists()
    done = scale.nearest_file(files[kind], tmp_path / out, targets="ml1", resume=True, **SMALL)
    assert done.parts_kept == 2
    assert (tmp_path / out).read_bytes() == (tmp_path / f"whole-{out}").read_bytes()


@pytest.mark.parametrize("out", ["o.csv", "o.parquet"])
def test_damaged_and_lost_parts_are_made_again(files, out, tmp_path):
    """Parts are stretches of one file, so those after a damaged one are made again too."""
    scale.nearest_file(files["csv"], tmp_path / f"whole-{out}", targets="ml1", **SMALL)
    for kept in (3, 2, 1, 0):
        cut_off(files["csv"], tmp_path / out, after=3_900)
        folder = tmp_path / f".{out}.parts"
        rows = folder / f"rows{out[1:]}"
        records = [json.loads((folder / f"part-00000{i}.json").read_text()) for i in range(3)]
        assert records[0]["stretch"][0] == 0
        assert [r["stretch"][0] for r in records[1:]] == [r["stretch"][1] for r in records[:2]]
        whole = bytearray(rows.read_bytes())
        assert len(whole) == records[2]["stretch"][1]
        if kept == 3:
            whole += b"half a part"
        elif kept == 2:
            (folder / "part-000002.json").unlink()
        elif kept == 1:
            whole[records[1]["stretch"][0] + 100] ^= 1
        else:
            (folder / "part-000000.json").write_text("{")
        rows.write_bytes(whole)
        (folder / "part-000003.new").write_bytes(b"half")
        done = scale.nearest_file(files["csv"], tmp_path / out, targets="ml1", resume=True, **SMALL)
        assert done.parts_kept == kept
        assert (tmp_path / out).read_bytes() == (tmp_path / f"whole-{out}").read_bytes()
        (tmp_path / out).unlink()


def test_damaged_files_of_a_folder_are_made_again(files, tmp_path):
    scale.nearest_file(files["csv"], tmp_path / "whole", targets="ml1", **SMALL)
    cut_off(files["csv"], tmp_path / "o", after=3_900)
    folder = tmp_path / ".o.parts"
    (folder / "part-000001.parquet").write_bytes(b"damaged")
    (folder / "part-000000.json").write_text("{")
    done = scale.nearest_file(files["csv"], tmp_path / "o", targets="ml1", resume=True, **SMALL)
    assert done.parts_kept == 1
    assert [p.read_bytes() for p in sorted((tmp_path / "o").iterdir())] == [
        p.read_bytes() for p in sorted((tmp_path / "whole").iterdir())
    ]


@pytest.mark.parametrize("kind", ["geoparquet", "csv"])
def test_row_groups_of_all_parts_are_where_the_footer_says(files, kind, tmp_path):
    """Bounds, encodings and bytes of each part are the same as where parts are files."""
    scale.nearest_file(files[kind], tmp_path / "o.parquet", targets="kkh", **SMALL)
    scale.nearest_file(files[kind], tmp_path / "o", targets="kkh", **SMALL)
    parts = [pq.ParquetFile(p) for p in sorted((tmp_path / "o").glob("*.parquet"))]
    with pq.ParquetFile(tmp_path / "o.parquet") as whole:
        assert whole.schema_arrow.equals(parts[0].schema_arrow, check_metadata=True)
        assert whole.metadata.num_rows == sum(p.metadata.num_rows for p in parts)
        single = [(p, g) for p in parts for g in range(p.metadata.num_row_groups)]
        assert whole.metadata.num_row_groups == len(single) > len(parts) > 1
        ends = []
        for group, (part, number) in enumerate(single):
            assert whole.read_row_group(group).equals(part.read_row_group(number))
            mine, its = (f.metadata.row_group(g) for f, g in ((whole, group), (part, number)))
            for column in range(mine.num_columns):
                one, two = mine.column(column), its.column(column)
                assert one.encodings == two.encodings
                assert one.statistics == two.statistics
                first = one.dictionary_page_offset or one.data_page_offset
                ends.append((first, first + one.total_compressed_size))
        assert ends == sorted(ends)
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(ends))
    for part in parts:
        part.close()


def test_parts_of_another_run_are_refused(files, tmp_path):
    cut_off(files["csv"], tmp_path / "o.csv", after=2_000)
    with pytest.raises(InputError, match="question differ"):
        scale.nearest_file(
            files["csv"], tmp_path / "o.csv", targets="ml1", k=2, resume=True, **SMALL
        )
    with pytest.raises(InputError, match="targets differ"):
        scale.nearest_file(files["csv"], tmp_path / "o.csv", targets="kkh", resume=True, **SMALL)
    assert (
        scale.nearest_file(files["csv"], tmp_path / "o.csv", targets="kkh", **SMALL).parts_kept == 0
    )


def test_source_that_changed_is_refused(points, tmp_path):
    source = write(points, tmp_path / "s.csv", "csv")
    cut_off(source, tmp_path / "o.csv", after=2_000)
    write(points.iloc[:-1], source, "csv")
    with pytest.raises(InputError, match="source"):
        scale.nearest_file(source, tmp_path / "o.csv", targets="ml1", resume=True, **SMALL)


def test_failed_run_leaves_the_old_result(points, tmp_path):
    source = write(points, tmp_path / "s.parquet", "parquet")
    (tmp_path / "o.csv").write_text("old")
    cut_off(source, tmp_path / "o.csv", after=10)
    assert (tmp_path / "o.csv").read_text() == "old"


def test_first_part_that_fails_leaves_nothing(points, tmp_path):
    source = tmp_path / "s.csv"
    source.write_text("lon,lat\n67,25\n67,95\n")
    with pytest.raises(cg.errors.CoordinateError, match="in row 2"):
        scale.nearest_file(source, tmp_path / "o.csv", targets="ml1")
    assert [p.name for p in tmp_path.iterdir()] == ["s.csv"]


@pytest.mark.parametrize("suffix", [".parquet", ".gpkg"])
def test_degrees_said_to_be_metres(suffix, tmp_path, points):
    there = points[["geometry"]].dropna().set_crs(32642, allow_override=True)
    path = tmp_path / f"in{suffix}"
    there.to_parquet(path) if suffix == ".parquet" else there.to_file(path)
    with pytest.raises(cg.errors.CRSError, match="look like degrees"):
        scale.nearest_file(path, tmp_path / "o.csv", targets="ml1")


def test_one_writer_at_a_time(files, tmp_path):
    seen = []

    def second(now):
        if now.rows and not seen:
            with pytest.raises(FileError, match="Another process") as caught:
                scale.nearest_file(files["csv"], tmp_path / "o.csv", targets="kkh", **SMALL)
            seen.append(caught)

    scale.nearest_file(files["csv"], tmp_path / "o.csv", targets="ml1", progress=second, **SMALL)
    assert seen


def test_progress_tells_rows_rate_and_time_left(files, tmp_path):
    seen = []
    began = time.perf_counter()
    run = scale.nearest_file(
        files["geoparquet"], tmp_path / "o.csv", targets="ml1", progress=seen.append, **SMALL
    )
    assert 0 < run.seconds <= time.perf_counter() - began
    assert run.rows_per_s == pytest.approx(4_000 / run.seconds)
    shares = [s.share for s in seen]
    assert shares == sorted(shares)
    assert (shares[-1], seen[-1].rows, seen[-1].seconds_left) == (1.0, 4_000, 0.0)
    assert all(s.rows_per_s > 0 for s in seen[1:])


def test_bar_is_drawn_on_stderr(files, tmp_path, capsys):
    scale.nearest_file(files["csv"], tmp_path / "o.csv", targets="ml1", progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "4,000 rows" in err
    assert "rows/s" in err


def test_one_row_group_larger_than_a_batch_is_streamed(tmp_path):
    """Arrow never holds more than a few batches of a row group of a million rows."""
    rng = np.random.default_rng(2)
    rows = 1_000_000
    whole = pa.table({
        "lon": rng.uniform(61, 77, rows), "lat": rng.uniform(24, 37, rows),
        "text": pa.array(["x" * 40]).take(pa.array(np.zeros(rows, int))),
    })  # fmt: skip
    pq.write_table(whole, tmp_path / "s.parquet", row_group_size=rows, use_dictionary=False)
    del whole
    peak = []
    scale.within_file(
        tmp_path / "s.parquet", tmp_path / "o.parquet", targets="ml1", km=1, batch_rows=20_000,
        progress=lambda _: peak.append(pa.total_allocated_bytes()),
    )  # fmt: skip
    assert max(peak) < 25_000_000


def test_targets_digest_tells_targets_apart():
    ml1 = scale.prepare("ml1")
    assert ml1.digest == scale.prepare(cg.corridor("ML-1")).digest
    assert ml1.digest != scale.prepare("kkh").digest
    assert len(scale.prepare("corridors")) == len(cg.corridors())
    assert scale.prepare(ml1) is ml1
    mixed = scale.prepare(["ml1", "zones", "Gwadar Port"])
    assert {"ml1", "Gwadar Port", "zones:rashakai"} <= set(mixed.index.ids)
    assert list(mixed.chainages) == ["ml1"]
    assert len(scale.prepare("ports")) == len(cg.layer("ports").geometry.dropna())


def test_runs_in_threads_side_by_side(files, tmp_path):
    """Runs at the same time with different results don't disturb each other."""
    jobs = [
        threading.Thread(
            target=scale.nearest_file, args=(files["csv"], tmp_path / f"{to}.csv"),
            kwargs={"targets": to, **SMALL},
        )
        for to in ("ml1", "kkh")
    ]  # fmt: skip
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    for to in ("ml1", "kkh"):
        assert set(pd.read_csv(tmp_path / f"{to}.csv")["target"].dropna()) == {to}


def test_geo_record_drops_what_no_longer_holds(points, tmp_path):
    points.dropna().to_parquet(tmp_path / "s.parquet", write_covering_bbox=True)
    scale.within_file(tmp_path / "s.parquet", tmp_path / "o.parquet", targets="ml1", km=20)
    geo = json.loads(pq.read_schema(tmp_path / "o.parquet").metadata[b"geo"])
    assert not {"bbox", "covering"} & set(geo["columns"]["geometry"])
    assert len(gpd.read_parquet(tmp_path / "o.parquet"))


def test_plain_table_of_samples_has_lon_and_lat(points):
    assert {"lon", "lat"} <= set(table(points))


def test_bytes_that_csv_cannot_hold_are_told(tmp_path):
    table = pa.table({"lon": [67.0], "lat": [25.0], "photo": pa.array([b"\xff\x00"])})
    pq.write_table(table, tmp_path / "s.parquet")
    with pytest.warns(cg.errors.DataWarning, match="bytes in 'photo'"):
        scale.nearest_file(tmp_path / "s.parquet", tmp_path / "o.csv", targets="ml1")
    assert pd.read_csv(tmp_path / "o.csv").columns[:3].tolist() == ["lon", "lat", "target"]
    scale.nearest_file(tmp_path / "s.parquet", tmp_path / "o.parquet", targets="ml1")
    assert pq.read_table(tmp_path / "o.parquet")["photo"].to_pylist() == [b"\xff\x00"]


def test_a_geopackage_of_two_layers_is_asked_which(tmp_path):
    source = tmp_path / "two.gpkg"
    for layer, lon in (("north", 74.0), ("south", 67.0)):
        shapes = gpd.points_from_xy([lon, lon + 1], [30, 31])
        rows = gpd.GeoDataFrame({"name": ["a", "b"]}, geometry=shapes, crs=4326)
        rows.to_file(source, layer=layer, engine="pyogrio")
    with pytest.raises(InputError, match=r"two\.gpkg has 2 layers, north, south; choose one"):
        scale.nearest_file(source, tmp_path / "near.csv", targets="ml1")
    with pytest.raises(UnknownNameError, match="Did you mean 'south'"):
        scale.nearest_file(source, tmp_path / "near.csv", targets="ml1", layer="soth")
    scale.nearest_file(source, tmp_path / "near.csv", targets="ml1", layer="south")
    got = pd.read_csv(tmp_path / "near.csv")
    want = cg.nearest(cg.read(source, layer="south"), "ml1")
    np.testing.assert_allclose(got["distance_km"], want["distance_km"], atol=1e-6)


@pytest.mark.parametrize(
    ("k", "batch_rows", "rows"), [(1, 10, 10), (2, 10, 5), (5, 10, 5), (2, 1, 1)]
)
def test_a_batch_is_smaller_where_each_row_has_several_answers(
    k, batch_rows, rows, points, tmp_path
):
    """A batch has fewer rows where each row has several answers, but at least one."""
    source = write(points.iloc[:40], tmp_path / "s.parquet", "parquet")
    seen = []
    scale.nearest_file(
        source, tmp_path / "o.parquet", targets=PORT_AND_LINE, k=k,
        batch_rows=batch_rows, part_rows=20, progress=lambda at: seen.append(at.rows),
    )  # fmt: skip
    assert set(np.diff([0, *seen])) == {rows}

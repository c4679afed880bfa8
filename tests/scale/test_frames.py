"""The verbs on Dask: lazy, right in type, and the same as in memory."""

import dask
import dask.dataframe as dd
import dask_geopandas
import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import cpecgeo as cg
from cpecgeo import scale
from cpecgeo.errors import CoordinateError, CRSError, InputError, InputTypeError, UnknownNameError

from .samples import PORT_AND_LINE, frame, table
from .test_files import BARE, good_to, same_rings

TO = ["ml1", "kkh", "n40"]


@pytest.fixture(scope="module")
def points():
    made = frame(1_200)
    made.index = pd.Index(np.arange(1_200) * 2, name="row")
    return made


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    with dask.config.set(scheduler="synchronous"):
        yield


def plain(points):
    return dd.from_pandas(table(points), npartitions=3)


def shaped(points):
    return dask_geopandas.from_geopandas(points, npartitions=3)


@pytest.mark.parametrize("make", [plain, shaped])
@pytest.mark.parametrize("options", [{}, {"k": 2}, {"max_km": 80}, {"k": 3, "max_km": 200}])
def test_nearest_is_that_of_memory_and_its_meta_holds(points, make, options):
    lazy = scale.nearest(make(points), TO, **options)
    got = lazy.compute()
    want = cg.nearest(points, TO, **options)
    assert lazy.dtypes.equals(got.dtypes)
    assert list(got) == list(want)
    assert got.index.equals(want.index)
    assert got["target"].fillna("").tolist() == want["target"].fillna("").tolist()
    assert got["side"].astype(str).tolist() == want["side"].astype(str).tolist()
    for here, there in (("distance_km", "distance_km"), ("lon", "lon"), ("km", "km")):
        np.testing.assert_allclose(got[here], want[there].to_numpy(float), atol=1e-6)


def test_points_have_no_side(points):
    lazy = scale.nearest(plain(points), PORT_AND_LINE, k=2)
    got = lazy.compute()
    assert lazy.dtypes.equals(got.dtypes)
    on_point = got["target"] == "port"
    assert on_point.sum() == points.geometry.notna().sum()
    assert got.loc[on_point, "side"].isna().all()
    assert got.loc[got["target"] == "line", "side"].notna().all()


def test_nothing_is_computed_before_it_is_asked_for(points):
    def never(part):
        raise AssertionError

    ddf = dd.from_map(never, [0, 1], meta=table(points).iloc[:0])
    for lazy in (
        scale.nearest(ddf, "ml1"),
        scale.within(ddf, "ml1", 5),
        scale.exposure(ddf, "ml1"),
    ):
        assert isinstance(lazy, dd.DataFrame)
        with pytest.raises(AssertionError):
            lazy.compute()


@pytest.mark.parametrize("make", [plain, shaped])
def test_within_keeps_rows_whole(points, make):
    lazy = scale.within(make(points), TO, 40)
    got = lazy.compute()
    assert lazy.dtypes.equals(got.dtypes)
    want = cg.nearest(points, TO)["distance_km"]
    assert got.index.equals(points.index[want <= 40])
    np.testing.assert_allclose(got["distance_km"], want[want <= 40], atol=1e-9)
    if make is shaped:
        assert isinstance(lazy, dask_geopandas.GeoDataFrame)
        assert got.crs == points.crs


def test_points_and_areas_have_no_km_along_them_in_partitions_files_and_memory(tmp_path):
    line = shapely.LineString([(67, 30), (67, 31)])
    shapes = [shapely.Point(70, 30), line, shapely.box(74, 30, 75, 31)]
    targets = gpd.GeoDataFrame(geometry=shapes, index=["point", "line", "area"], crs=4326)
    # The third begins beyond the line's start; the last is inside the area.
    xy = [(70.1, 30), (67.2, 30.5), (67.1, 29.9), (73.9, 30.5), (74.5, 30.5)]
    mine = pd.DataFrame(xy, columns=["lon", "lat"])
    made = gpd.GeoSeries(gpd.points_from_xy(mine["lon"], mine["lat"]), crs=4326)
    found = cg.nearest(made, targets)
    assert found["target"].tolist() == ["point", "line", "line", "area", "area"]
    half = float(cg.geodesy.length_km(shapely.LineString([(67, 30), (67, 30.5)])))
    np.testing.assert_allclose(found["km"], [np.nan, half, 0, np.nan, np.nan], atol=0.05)
    assert not np.signbit(found["km"]).iloc[2]
    lazy = scale.nearest(dd.from_pandas(mine, npartitions=2), targets).compute()
    np.testing.assert_allclose(lazy["km"], found["km"], atol=1e-9)
    mine.to_csv(tmp_path / "in.csv", index=False)
    scale.nearest_file(tmp_path / "in.csv", tmp_path / "o.parquet", targets=targets)
    streamed = pd.read_parquet(tmp_path / "o.parquet")["km"]
    np.testing.assert_allclose(streamed, found["km"], atol=1e-9)
    station = cg.nearest("Multan", "stations").iloc[0]
    assert station["target"] == "multan-loop-multan-cantt"
    assert np.isnan(station["km"])
    km = cg.nearest("places", "corridors", k=3)["km"]
    assert not np.signbit(km).any()


def test_exposure_sums_over_partitions(points):
    got = scale.exposure(plain(points), TO, [10, 50], value="people").compute()
    want = cg.nearest(points, TO)["distance_km"]
    rings = [want <= 10, (want > 10) & (want <= 50)]
    assert got["features"].tolist() == [int(r.sum()) for r in rings]
    assert got["people"].tolist() == [points["people"][r].sum() for r in rings]
    assert got.index.tolist() == [(0.0, 10.0), (10.0, 50.0)]


def test_sums_of_missing_values_alone_are_missing_in_partitions_files_and_memory(tmp_path):
    mine = pd.DataFrame(
        {
            "lon": [67 + k / 96 for k in (1.0, 8.5, 15.0, 35.0, 36.0)],
            "lat": 30.5,
            "people": [np.nan, 7.0, np.nan, np.nan, np.nan],
        }
    )
    line = shapely.LineString([(67, 30), (67, 31)])
    road = gpd.GeoDataFrame({"accuracy_km": [3.0]}, geometry=[line], crs=4326)
    radii, columns = [7, 20, 30, 40], ["people", "people_low", "people_high"]
    shapes = gpd.points_from_xy(mine["lon"], mine["lat"])
    layer = gpd.GeoDataFrame(mine, geometry=shapes, crs=4326)
    want = cg.exposure(road, radii, layer=layer, value="people")[columns].to_numpy()
    assert np.isnan(want[0, 0])
    assert np.isnan(want[3, 2])
    lazy = scale.exposure(dd.from_pandas(mine, npartitions=3), road, radii, value="people")
    np.testing.assert_array_equal(lazy.compute()[columns], want)
    mine.to_csv(tmp_path / "in.csv", index=False)
    for name, read in (("o.csv", pd.read_csv), ("o.parquet", pd.read_parquet)):
        scale.exposure_file(
            tmp_path / "in.csv", tmp_path / name, targets=road, km=radii, value="people",
            batch_rows=2,
        )  # fmt: skip
        found = read(tmp_path / name)
        np.testing.assert_array_equal(found[columns].to_numpy(float), want)
        assert list(found) == [
            "km_from", "km_to", "features", "features_low", "features_high", "people",
            "people_low", "people_high", "missing",
        ]  # fmt: skip


@pytest.mark.parametrize("how", ["none", "some", "last"])
@pytest.mark.parametrize("to", ["corridors", "bare"])
def test_low_and_high_are_those_of_memory(points, to, how):
    targets = BARE if to == "bare" else ["ml1", "ml4"]
    mine = good_to(points, how)
    lazy = scale.exposure(plain(mine), targets, [10, 50], value="people")
    got = lazy.compute()
    assert lazy.dtypes.equals(got.dtypes)
    want = cg.exposure(targets, [10, 50], layer=mine[mine.geometry.notna()], value="people")
    same_rings(got.reset_index(), want.reset_index())
    assert got["features_high"].notna().all() == (how != "none" or to != "bare")


def test_numbered_targets_can_be_missing(points):
    series = gpd.GeoSeries([cg.corridor("ml1").line], index=[7], crs=4326)
    lazy = scale.nearest(plain(points), series, max_km=50)
    got = lazy.compute()
    assert lazy.dtypes["target"] == got["target"].dtype == "Int64"
    assert set(got["target"].dropna()) == {7}


def test_targets_are_one_task(points):
    graph = scale.nearest(plain(points), TO).__dask_graph__()
    sent = [key for key in graph if "targets-" in str(key)]
    assert len(sent) == 1


def test_empty_partitions(points):
    ddf = dd.concat([plain(points.iloc[:0]), plain(points)])
    assert len(scale.nearest(ddf, "ml1").compute()) == len(points)


def test_errors_come_at_once_where_they_can(points):
    needed = r"a Dask dataframe is needed, .* cpecgeo\.{} takes frames in memory"
    with pytest.raises(InputTypeError, match=needed.format("nearest")):
        scale.nearest(points, "ml1")
    with pytest.raises(InputTypeError, match=needed.format("within")):
        scale.within(points, "ml1", 5)
    with pytest.raises(InputTypeError, match=needed.format("exposure")):
        scale.exposure(points, "ml1", [5])
    with pytest.raises(InputError, match="no column of lon"):
        scale.nearest(plain(points).rename(columns={"lon": "a"}), "ml1")
    with pytest.raises(CRSError, match="no CRS"):
        scale.nearest(shaped(points.set_crs(None, allow_override=True)), "ml1")
    with pytest.raises(UnknownNameError, match="No column named 'cost'"):
        scale.exposure(plain(points), "ml1", value="cost")


def test_coordinates_are_checked_when_computed(points):
    ddf = plain(points).assign(lat=95.0)
    with pytest.raises(CoordinateError, match=r"a partition has latitude 95"):
        scale.nearest(ddf, "ml1").compute()
    assert scale.nearest(ddf, "ml1", bad="keep")["target"].isna().all().compute()


def test_columns_of_the_rows_stay_beside_the_answer(points):
    got = scale.within(plain(points).assign(target="mine"), TO, 40).compute()
    assert set(got["target"]) == {"mine"}
    assert set(got["target_near"]) <= set(scale.prepare(TO).index.ids)

"""Remarks name the rows whose position looks wrong, and no others."""

import subprocess
import sys

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

import cpecgeo as cg
from cpecgeo import scale
from cpecgeo.errors import CoordinateError, CpecgeoWarning, DataWarning
from cpecgeo.files.displacement import find_outliers

GEOD = pyproj.Geod(ellps="WGS84")
SITES = [[67.0, 24.9], [67.1, 24.8], [66.9, 25.1], [67.3, 25.0], [67.2, 24.7], [67.0, 25.2]]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ([[0, 0]], "1 row at 0, 0 (row 7)"),
        ([[24.9, 67.0]], "1 row seems to have lon and lat swapped (row 7)"),
        ([[-60.0, 20.0]], "1 row lies far from all others (row 7)"),
        ([[0, 0], [0, 0]], "2 rows at 0, 0 (rows 7, 8)"),
    ],
)
def test_a_few_wrong_rows(more, words):
    assert find_outliers(np.array(SITES + more, float)) == [words]


def test_rows_far_from_a_wide_spread_are_all_told():
    spread = [[67 + k / 5, 24.8 + k / 4] for k in range(40)]
    wrong = [[74.34, 3.155], [7.434, 31.55]]
    assert find_outliers(np.array(spread + wrong)) == [
        "2 rows lie far from all others (rows 41, 42)"
    ]
    assert find_outliers(np.array([*spread, [116.4, 39.9], [121.5, 31.2], [55.3, 25.3]])) == []


def test_one_row_out_of_range_is_a_slip_and_no_swap():
    frame = pd.DataFrame({"lon": [74.3, 74.0, 74.4], "lat": [31.5, 95.0, 31.6]})
    with pytest.raises(CoordinateError, match="latitude 95.0 at position 1.*correct it") as error:
        cg.nearest(frame, "ml1")
    assert "swapped" not in str(error.value)


@pytest.mark.parametrize(
    "rows",
    [
        SITES, [[67, 25]], [[67, 25], [np.nan, np.nan]], [],
        [[24.9, 67.0], [24.8, 67.1]],  # all of them are another error
        [[67, 25], [116, 40], [104, 30], [121, 31], [74, 31]],  # all over the corridor
        SITES * 3 + [[10.0, 50.0], [11.0, 50.0], [12.0, 50.0], [11, 51], [12, 52], [13, 50]],
    ],
)  # fmt: skip
def test_nothing_is_said_of(rows):
    assert find_outliers(np.array(rows, float).reshape(-1, 2)) == []


FAR = "more than 1,000 km from the region of CPEC,"


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([[0, 0]], [f"the only row lies {FAR} at 0, 0"]),
        ([[0, 0], [0, 0]], [f"all 2 rows lie {FAR} the first at 0, 0"]),
        ([[13.4, 52.5], [np.nan, np.nan]], [f"the only row lies {FAR} at 13.4, 52.5"]),
        ([[0, 0], [13.4, 52.5]], [f"all 2 rows lie {FAR} the first at 0, 0", "1 row at 0, 0 (row 1)"]),
        ([[200, 25], [np.inf, 52.5]], []),  # every verb refuses them
        # None is far from the others, also not across the antimeridian.
        ([[179.9, 50], [-179.9, 51], [179.5, 50], [-179.0, 50], [178, 51], [179, 50]],
         [f"all 6 rows lie {FAR} the first at 179.9, 50"]),
    ],
)  # fmt: skip
def test_all_rows_far_from_the_region(rows, words):
    assert find_outliers(np.array(rows, float)) == words


@given(st.floats(-180, 180), st.floats(-90, 90))
def test_far_is_a_thousand_kilometres(lon, lat):
    """There is no remark on a point within 1,000 km of the region, and one from 2,000 km on."""
    told = any("from the region" in text for text in find_outliers(np.array([[lon, lat]])))
    edge = shapely.segmentize(shapely.box(55, 20, 90, 45), 0.5)
    away = min(GEOD.inv(lon, lat, x, y)[2] for x, y in edge.exterior.coords) / 1000
    inside = shapely.Point(lon, lat).intersects(edge)
    turned = shapely.Point(lat, lon).intersects(edge)
    if told:
        assert away > 1000
        assert not inside
    elif not turned:
        assert away < 2000 or inside


def test_it_is_told_once_in_memory_streams_and_shell(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "a.csv"
    path.write_text("name,lon,lat\nBerlin,13.4,52.5\nHamburg,10,53.6\n")
    remark = f"all 2 rows lie {FAR} the first at 13.4, 52.5"
    metres = gpd.read_file(path).set_geometry(
        gpd.points_from_xy([13.4, 10], [52.5, 53.6], crs=4326)
    )
    metres.to_crs(25832).to_file(tmp_path / "a.gpkg")
    for work in (
        lambda: cg.read(path),
        lambda: cg.read(tmp_path / "a.gpkg"),
        lambda: cg.nearest(str(path), "ml1"),
        lambda: scale.nearest_file(path, tmp_path / "o.csv", targets="ml1", batch_rows=1),
    ):
        with pytest.warns(DataWarning) as said:
            work()
        # Old versions of pyproj warn about numpy, too.
        ours = [str(w.message) for w in said if issubclass(w.category, CpecgeoWarning)]
        assert [text.partition(": ")[2] for text in ours] == [f"{remark}."]
    for more in ([], ["--stream", "-o", "o.csv"]):
        command = [sys.executable, "-m", "cpecgeo", "near", "a.csv", "--to", "ml1", *more]
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
        assert said.stderr.count("region of CPEC") == 1, said.stderr


@pytest.mark.parametrize(
    ("row", "remark", "lon"),
    [
        ("B,67,", "one of lon and lat alone in 1 row, such as row 2", np.nan),
        ("B,24.9,67", r"a\.csv: 1 row seems to have lon and lat swapped", 24.9),
    ],
)
def test_a_remark_on_one_row(row, remark, lon, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(f"name,lon,lat\nA,67,24.9\n{row}\n")
    with pytest.warns(DataWarning, match=remark):
        frame = cg.read(path)
    assert np.array_equal(frame.geometry.x, [67, lon], equal_nan=True)

"""Rows whose position looks wrong are remarked, and nothing else is."""

import numpy as np
import pytest

import cpecgeo as cg
from cpecgeo.errors import DataWarning
from cpecgeo.files.outliers import find_outliers

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


@pytest.mark.parametrize(
    "rows",
    [
        SITES, [[0, 0]], [[0, 0], [0, 0]], [[67, 25]], [[67, 25], [np.nan, np.nan]], [],
        [[24.9, 67.0], [24.8, 67.1]],  # all of them: that is another error
        [[67, 25], [116, 40], [104, 30], [121, 31], [74, 31]],  # all over the corridor
        [[179.9, 50], [-179.9, 51], [179.5, 50], [-179.0, 50], [178, 51], [179, 50]],
        SITES * 3 + [[10.0, 50.0], [11.0, 50.0], [12.0, 50.0], [11, 51], [12, 52], [13, 50]],
    ],
)  # fmt: skip
def test_nothing_is_said_of(rows):
    assert find_outliers(np.array(rows, float).reshape(-1, 2)) == []


def test_a_file_with_one_row_swapped(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("name,lon,lat\nA,67,24.9\nB,24.9,67\n")
    with pytest.warns(DataWarning, match=r"a\.csv: 1 row seems to have lon and lat swapped"):
        frame = cg.read(path)
    assert frame.geometry.x.tolist() == [67, 24.9]

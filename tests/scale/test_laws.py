"""However a file is cut into batches and parts, it gives what memory gives, row by row."""

import tempfile
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Point

import cpecgeo as cg
from cpecgeo import scale
from tests.effort import tries

from .samples import PORT_AND_LINE, SUFFIX, write
from .test_files import agree

spots = st.builds(Point, st.floats(-180, 180), st.floats(-90, 90))
near = st.builds(Point, st.floats(60, 78), st.floats(23, 37))
texts = st.text(st.characters(exclude_categories=("C",)), max_size=9).map("n{}".format)
others = st.lists(st.tuples(near | spots | st.none(), texts), min_size=1, max_size=23)
# One point is in the region: were all far off where it would lie if lon and lat were swapped,
# frames in memory would be refused, which a stream can't know before its end.
rows = st.builds(lambda few, one: [*few, one], others, st.tuples(near, texts))
kinds = st.sampled_from(sorted(set(SUFFIX) - {"folder", "utm"}))


@pytest.mark.filterwarnings("ignore::cpecgeo.errors.DataWarning")
@tries(15)
@given(rows, kinds, st.sampled_from([".csv", ".parquet"]), st.integers(1, 9), st.integers(1, 20))
def test_batches_and_parts_change_nothing(drawn, kind, suffix, batch, part):
    points = gpd.GeoDataFrame(
        {"id": range(len(drawn)), "label": [text for _, text in drawn]},
        geometry=[point for point, _ in drawn],
        crs=4326,
    )
    with tempfile.TemporaryDirectory() as folder:
        source = write(points, Path(folder) / f"s{SUFFIX[kind]}", kind)
        out = Path(folder) / f"o{suffix}"
        done = scale.nearest_file(
            source, out, targets=PORT_AND_LINE, batch_rows=batch, part_rows=part
        )
        got = pd.read_csv(out) if suffix == ".csv" else pd.read_parquet(out)
    agree(got, cg.nearest(points, PORT_AND_LINE))
    assert got["id"].astype(int).tolist() == points["id"].tolist()
    assert got["label"].tolist() == points["label"].tolist()
    assert done.rows_skipped == points.geometry.isna().sum()

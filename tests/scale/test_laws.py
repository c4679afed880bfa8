"""However a file is cut into batches and parts, it gives what memory gives, row by row."""

import csv
import io
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
from cpecgeo.files.text import end_records
from tests.effort import tries

from .samples import PORT_AND_LINE, SUFFIX, write
from .test_files import agree

spots = st.builds(Point, st.floats(-180, 180), st.floats(-90, 90))
near = st.builds(Point, st.floats(60, 78), st.floats(23, 37))
texts = st.text(st.characters(exclude_categories=("C",)), max_size=9).map("n{}".format)
others = st.lists(st.tuples(near | spots | st.none(), texts), min_size=1, max_size=23)
# One point is in the region. If all would lie in it when swapped, frames in memory would be
# refused at once, and a stream only at its end.
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


def parsed(cell):
    return list(csv.reader(io.StringIO(f"{cell},67,25\n", newline="")))


def is_whole(cell):
    rows = parsed(cell)
    return len(rows) == 1 and rows[0][1:] == ["67", "25"]


# Cells as they stand in files, with quotes that hold and quotes that are letters.
raw = st.text('"a ,\n', max_size=7).map("a{}".format) | st.text('"a ,\n', max_size=7).map(
    '"{}"'.format)  # fmt: skip
cells = st.lists(st.just('5" pipe') | raw.filter(is_whole), min_size=1, max_size=12)


@tries(40)
@given(cells, st.sampled_from(["\n", "\r\n"]), st.integers(1, 4), st.integers(1, 9))
def test_quotes_hold_only_where_a_cell_begins_with_one(cells, end, batch, part):
    """Rows are those of Python's own reader, neither joined nor cut, in streams as in memory."""
    true = [parsed(cell)[0][0] for cell in cells]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s.csv"
        lines = ['what 5",lon,lat', *(f"{cell},67,25" for cell in cells), ""]
        path.write_text(end.join(lines), newline="")
        frame = cg.read(path)
        out = Path(folder) / "o.csv"
        scale.nearest_file(path, out, targets=PORT_AND_LINE, batch_rows=batch, part_rows=part)
        with out.open(newline="") as file:
            header, *got = csv.reader(file)
    assert header[0] == frame.columns[0] == 'what 5"'
    assert [row[0] for row in got] == frame.iloc[:, 0].fillna("").tolist() == true


@tries(300)
@given(st.text('"a;\n', max_size=40))
def test_records_end_where_python_s_reader_ends_them(text):
    lines = text.splitlines(keepends=True)
    reader = csv.reader(lines, delimiter=";")
    ends = [len("".join(lines[: reader.line_num])) for _ in reader]
    if ends and (not text.endswith("\n") or is_open(text)):
        ends.pop()
    for codec in ("utf-8", "utf-16-le"):
        found = end_records(text.encode(codec), ";", codec)
        assert (found // len("a".encode(codec))).tolist() == ends


def is_open(text):
    """Return whether a quote is left open at the end, so that the last record goes on."""
    more = [*csv.reader(f"{text}x\n".splitlines(keepends=True), delimiter=";")]
    return len(more) == len([*csv.reader(text.splitlines(keepends=True), delimiter=";")])

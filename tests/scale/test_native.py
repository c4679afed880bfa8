"""GeoParquet in encodings of its own, and accuracy in text: in memory, as streams, on Dask."""

import warnings

import dask.dataframe as dd
import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import cpecgeo as cg
from cpecgeo import scale
from cpecgeo.cli import app
from cpecgeo.errors import DataWarning, FileError, GeometryError
from cpecgeo.files.numbers import to_accuracy
from cpecgeo.scale import questions
from cpecgeo.scale.parquet import from_native

XY = [(67.0, 24.9), (71.5, 34.1), (66.9, 30.2), (74.3, 31.5), (62.3, 25.1)]
POINTS = {
    "points": [shapely.Point(p) for p in XY],
    "points with gaps": [shapely.Point(XY[0]), None, *(shapely.Point(p) for p in XY[2:])],
    "points with heights": [shapely.Point(*p, 5) for p in XY],
    "lists of one point": [shapely.MultiPoint([p]) for p in XY],
}


def write(shapes, folder, crs=4326):
    frame = gpd.GeoDataFrame({"n": range(len(shapes))}, geometry=shapes, crs=crs)
    frame.to_parquet(folder / "native.parquet", geometry_encoding="geoarrow", row_group_size=3)
    frame.to_parquet(folder / "binary.parquet", row_group_size=3, schema_version="1.1.0")
    return frame


@pytest.mark.filterwarnings("ignore::cpecgeo.errors.DataWarning")
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("kind", POINTS)
def test_native_points_give_the_same_bytes_as_binary_ones(kind, suffix, tmp_path):
    write(POINTS[kind], tmp_path)
    for name in ("native", "binary"):
        source, out = tmp_path / f"{name}.parquet", tmp_path / f"{name}.out.{suffix}"
        scale.nearest_file(source, out, targets="ml1", batch_rows=2, part_rows=2)
    results = [tmp_path / f"{name}.out.{suffix}" for name in ("native", "binary")]
    assert results[0].read_bytes() == results[1].read_bytes()
    memory = cg.nearest(cg.read(tmp_path / "native.parquet"), "ml1")
    streamed = cg.read(results[0])
    assert streamed["distance_km"].tolist() == pytest.approx(
        memory["distance_km"].tolist(), abs=1e-9, nan_ok=True
    )


def test_native_points_in_metres_and_pieces_of_a_run(tmp_path):
    frame = write([shapely.Point(p) for p in XY], tmp_path)
    frame.to_crs(32642).to_parquet(tmp_path / "utm.parquet", geometry_encoding="geoarrow")
    out = tmp_path / "o.parquet"
    scale.within_file(tmp_path / "utm.parquet", out, targets="ml1", km=30, batch_rows=1)
    want = cg.within(frame, "ml1", 30)
    assert cg.read(out)["n"].tolist() == want["n"].tolist()


@pytest.mark.parametrize(
    "shape",
    [
        shapely.LineString(XY),
        shapely.box(67, 25, 68, 26),
        shapely.MultiPoint(XY),
        shapely.MultiLineString([XY[:2], XY[2:]]),
        shapely.MultiPolygon([shapely.box(67, 25, 68, 26), shapely.box(69, 25, 70, 26)]),
    ],
)
def test_other_shapes_are_refused_as_in_well_known_binary(shape, tmp_path):
    write([shape], tmp_path)
    told = []
    for name in ("native", "binary"):
        with pytest.raises(GeometryError, match="points are needed") as caught:
            scale.nearest_file(tmp_path / f"{name}.parquet", tmp_path / "o.csv", targets="ml1")
        told.append(str(caught.value).replace(name, ""))
    assert told[0] == told[1]


@given(st.lists(st.one_of(st.none(), st.integers(1, 4)), min_size=1, max_size=6), st.integers(0, 2))
def test_native_shapes_are_those_of_geopandas(counts, skipped):
    """Shapes are of every kind, with gaps, holes, and sliced out of a longer column."""

    def ring(n, at):
        return [(at, 0), (at + 1, 0), (at + 1, n), (at, n), (at, 0)]

    made = {
        "linestring": lambda n: shapely.LineString([(i, n) for i in range(n + 1)]),
        "polygon": lambda n: shapely.Polygon(ring(n + 2, 0), [[(0.2, 1), (0.4, 1), (0.3, 2)]]),
        "multilinestring": lambda n: shapely.MultiLineString([[(0, i), (1, i)] for i in range(n)]),
        "multipolygon": lambda n: shapely.MultiPolygon(
            [shapely.Polygon(ring(1, 2 * i)) for i in range(n)]
        ),
    }
    for encoding, make in made.items():
        shapes = [None if n is None else make(n) for n in counts]
        if all(s is None for s in shapes):
            continue
        table = gpd.GeoSeries(shapes, crs=4326).to_arrow(geometry_encoding="geoarrow")
        column = pa.array(table).slice(min(skipped, len(shapes) - 1))
        back = shapely.from_wkb(from_native(column, encoding, "x").to_numpy(zero_copy_only=False))
        want = shapes[min(skipped, len(shapes) - 1) :]
        assert [b == w for b, w in zip(back, want, strict=True)] == [True] * len(want)


def test_a_record_that_lies_is_one_error_without_python(tmp_path):
    write([shapely.Point(67, 25)], tmp_path)
    table = pq.read_table(tmp_path / "native.parquet")
    for word, error in (("polygon", GeometryError), ("topology", FileError)):
        geo = table.schema.metadata[b"geo"].replace(
            b'"encoding": "point"', f'"encoding": "{word}"'.encode()
        )
        path = tmp_path / "lies.parquet"
        pq.write_table(table.replace_schema_metadata({b"geo": geo}), path)
        ask = ["near", str(path), "--to", "ml1", "--stream", "-o", str(tmp_path / "o.csv")]
        told = CliRunner().invoke(app, ask).exception
        assert isinstance(told, error)
        assert "to_parquet" not in str(told)
        assert "=" not in str(told)


@pytest.mark.parametrize(
    ("text", "thousands", "km"),
    [
        ("0.5", None, 0.5),
        ("0,5", None, 0.5),
        ("12,75", None, 12.75),
        ("0,500", None, None),  # no thousands, but perhaps no decimals either
        ("1,500", None, None),
        ("1,500", ",", 1500.0),
        ("-1", None, None),
        ("good", None, None),
        ("inf km", None, None),
    ],
)
def test_what_is_an_accuracy(text, thousands, km):
    found, is_odd = to_accuracy(pd.Series([text]), thousands)
    assert is_odd.tolist() == [km is None]
    assert np.isnan(found[0]) if km is None else found[0] == km


def test_accuracy_in_text_is_read_or_remarked_once_with_its_count(tmp_path):
    path, out = tmp_path / "a.csv", tmp_path / "o.csv"
    cells = ['"0,5"', "0.25", "", "rough", "NA", "-3", "2"]
    lines = [f"{i},{67 + i / 10},24.9,{cell}" for i, cell in enumerate(cells)]
    path.write_text("\n".join(["n,lon,lat,accuracy_km", *lines, ""]))
    want = [0.5, 0.25, np.nan, np.nan, np.nan, np.nan, 2.0]
    told = "has 2 values of accuracy_km that are no numbers of km, such as 'rough' in row 4; the "

    def remarks(work):
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            got = work()
        texts = [str(w.message) for w in found if issubclass(w.category, DataWarning)]
        return got, [t for t in texts if "accuracy_km" in t]

    got, texts = remarks(lambda: cg.nearest(str(path), "ml1")["point_accuracy_km"])
    np.testing.assert_array_equal(got, want)
    assert [told in t for t in texts] == [True]

    def stream():
        scale.nearest_file(path, out, targets="ml1", batch_rows=2, part_rows=2)
        return pd.read_csv(out)

    got, texts = remarks(stream)
    np.testing.assert_array_equal(got["point_accuracy_km"], want)
    assert [told in t for t in texts] == [True]
    # Cells stay as they were.
    assert pd.read_csv(out, dtype=str, keep_default_na=False)["accuracy_km"].tolist() == [
        c.strip('"') for c in cells
    ]
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    lazy = scale.nearest(dd.from_pandas(table, npartitions=1), "ml1")
    got, texts = remarks(lambda: lazy.compute()["point_accuracy_km"])
    np.testing.assert_array_equal(got, want)
    assert [told in t for t in texts] == [True]
    parts = dd.from_pandas(table, npartitions=1)
    for lazy in (scale.within(parts, "ml1", 50), scale.exposure(parts, "ml1", [50])):
        _, texts = remarks(lazy.compute)
        assert [told in t for t in texts] == [True]


@pytest.mark.parametrize("verb", [scale.nearest_file, scale.within_file, scale.exposure_file])
def test_the_accuracy_of_a_batch_is_read_once(verb, tmp_path, monkeypatch):
    path, read = tmp_path / "a.csv", []
    path.write_text("lon,lat,accuracy_km\n" + "67,24.9,rough\n" * 6)
    monkeypatch.setattr(
        questions,
        "to_accuracy",
        lambda cells, *how: read.append(len(cells)) or to_accuracy(cells, *how),
    )
    km = {} if verb is scale.nearest_file else {"km": 50}
    with pytest.warns(DataWarning, match="has 6 values of accuracy_km"):
        verb(path, tmp_path / "o.csv", targets="ml1", batch_rows=2, **km)
    assert read == [2, 2, 2]

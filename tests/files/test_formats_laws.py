"""What is written comes back, whatever the shapes and texts."""

import tempfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import LineString, Point, box

from cpecgeo.files.reading import read
from cpecgeo.files.writing import write
from tests.effort import tries

places = st.tuples(st.floats(-179, 179), st.floats(-85, 85))
# XML has no place for control characters, nor for the two code points that end a plane.
texts = st.text(
    st.characters(exclude_categories=("C",), exclude_characters="\ufffe\uffff"), max_size=12
).map("n{}".format)
points = places.map(Point)
lines = st.lists(places, min_size=2, max_size=6, unique=True).map(LineString)
boxes = st.tuples(places, st.floats(1e-3, 1), st.floats(1e-3, 1)).map(
    lambda t: box(*t[0], t[0][0] + t[1], t[0][1] + t[2])
)


def there_and_back(drawn, suffix):
    frame = gpd.GeoDataFrame(
        {"name": [text for _, text in drawn], "n": range(len(drawn))},
        geometry=[shape for shape, _ in drawn],
        crs=4326,
    )
    with tempfile.TemporaryDirectory() as folder:
        return frame, read(write(frame, Path(folder) / f"f{suffix}"))


def same_places(got, want, degrees):
    assert len(got) == len(want)
    here, there = (shapely.get_coordinates(f.geometry.array) for f in (got, want))
    np.testing.assert_allclose(here, there, rtol=0, atol=degrees)


@pytest.mark.parametrize("suffix", [".gpkg", ".parquet", ".csv", ".kml", ".gpx", ".geojson"])
@tries(6)
@given(drawn=st.lists(st.tuples(points, texts), min_size=1, max_size=5))
def test_points_and_texts_come_back(suffix, drawn):
    frame, back = there_and_back(drawn, suffix)
    # RFC 7946, and what GDAL writes as KML and GPX, round to decimals of a degree.
    same_places(back, frame, 1e-15 if suffix in {".gpkg", ".parquet", ".csv"} else 1e-7)
    names = {str(c).casefold(): c for c in back}
    assert back[names["name"]].tolist() == frame["name"].tolist()


@pytest.mark.parametrize("suffix", [".gpkg", ".parquet"])
@tries(6)
@given(drawn=st.lists(st.tuples(points | lines | boxes, texts), min_size=1, max_size=5))
def test_shapes_of_any_type_come_back(suffix, drawn):
    frame, back = there_and_back(drawn, suffix)
    assert back.geometry.geom_equals_exact(frame.geometry, 0).all()
    assert back["n"].tolist() == frame["n"].tolist()
    assert back["name"].tolist() == frame["name"].tolist()

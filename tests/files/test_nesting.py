"""Geometries nested deeper than GEOS can follow, in tables that are read into memory."""

import pytest
import shapely

from cpecgeo.errors import GeometryError
from cpecgeo.files.reading import read
from tests.scale.test_hostile import HEADS, POINT, geopackage, geoparquet, nested


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("write", [geoparquet, geopackage])
def test_nesting_is_refused_before_it_is_parsed(write, head, tmp_path):
    path = tmp_path / ("s.gpkg" if write is geopackage else "s.parquet")
    write([POINT, HEADS["collection"] + nested(20_000, head)], path)
    with pytest.raises(GeometryError, match=r"nested|can't be read"):
        read(path)


@pytest.mark.parametrize("head", HEADS)
def test_nesting_in_a_column_of_text_is_refused(head, tmp_path):
    path = tmp_path / "s.csv"
    path.write_text(f"wkb\n{POINT.hex()}\n{(HEADS['collection'] + nested(20_000, head)).hex()}\n")
    with pytest.raises(GeometryError, match="row 2"):
        read(path)


@pytest.mark.parametrize("write", [geoparquet, geopackage])
def test_missing_and_empty_geometries_are_read(write, tmp_path):
    path = tmp_path / ("s.gpkg" if write is geopackage else "s.parquet")
    write([POINT, shapely.to_wkb(shapely.GeometryCollection()), POINT], path)
    if write is geopackage:
        import sqlite3

        with sqlite3.connect(path) as file:
            file.execute("UPDATE a SET geom = NULL WHERE fid = 1")
        file.close()
    shapes = read(path).geometry
    assert shapes[2].equals(shapely.Point(67, 25))
    assert shapes.isna().tolist() == [write is geopackage, False, False]

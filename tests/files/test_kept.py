"""What formats can't hold, or call otherwise, is kept under another name or told."""

import json

import geopandas as gpd
import pytest
import shapely

from cpecgeo.errors import DataWarning, GeometryError
from cpecgeo.files.reading import read
from cpecgeo.files.writing import write

PLACE = {"type": "Point", "coordinates": [66.5, 25.5]}


def collection(path, *features):
    made = [{"type": "Feature", "geometry": PLACE, "properties": {}} | one for one in features]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": made}))
    return path


@pytest.mark.parametrize("ids", [[7, 12], [1, 2, 3], ["x", "y"]])
def test_ids_of_features_are_a_column(tmp_path, ids):
    frame = read(collection(tmp_path / "t.geojson", *({"id": one} for one in ids)))
    assert frame["id"].tolist() == ids
    assert frame.index.tolist() == list(range(len(ids)))


def test_features_without_ids_get_none(tmp_path):
    rows = [{"properties": {"a": 1}}, {"properties": {"a": 2}}]
    assert list(read(collection(tmp_path / "t.geojson", *rows)).columns) == ["a", "geometry"]


def test_a_column_of_ids_stays_beside_those_of_features(tmp_path):
    rows = [{"id": 5, "properties": {"id": 50}}, {"id": 6, "properties": {"id": 60}}]
    assert read(collection(tmp_path / "t.geojson", *rows))["id"].tolist() == [50, 60]


def test_a_property_called_geometry_is_kept(tmp_path):
    path = collection(tmp_path / "t.geojson", {"properties": {"geometry": "abc", "a": 2}})
    with pytest.warns(DataWarning, match="'geometry' beside the shapes is called 'geometry_2'"):
        frame = read(path)
    assert frame.loc[0, ["geometry_2", "a"]].tolist() == ["abc", 2]
    assert frame.geometry[0] == shapely.Point(66.5, 25.5)


def test_coordinates_in_quotes_are_an_error_and_no_geometry_is_none(tmp_path):
    quoted = {"geometry": {"type": "Point", "coordinates": ["66", "25"]}}
    with pytest.raises(GeometryError, match="has 1 geometries that can't be read.*quotes"):
        read(collection(tmp_path / "t.geojson", quoted, {}, {"geometry": None}))
    assert (
        read(collection(tmp_path / "t.geojson", {}, {"geometry": None})).geometry.isna().sum() == 1
    )


@pytest.mark.parametrize(
    "suffix", [".csv", ".xlsx", ".kml", ".gpkg", ".fgb", ".geojson", ".shp.zip"]
)
@pytest.mark.parametrize("text", ["POINT M (66 25 4)", "POINT ZM (66 25 3 4)"])
def test_measures_are_told_and_heights_stay(tmp_path, suffix, text):
    frame = gpd.GeoDataFrame({"n": [1]}, geometry=[shapely.from_wkt(text)], crs=4326)
    with pytest.warns(DataWarning, match="measures .M. of 1 geometries are left out"):
        path = write(frame, tmp_path / f"t{suffix}")
    back = read(path)
    assert back.geometry.x[0] == 66
    if "Z" in text and suffix not in {".csv", ".xlsx"}:
        assert back.geometry.z[0] == 3


def test_parquet_keeps_measures(tmp_path):
    frame = gpd.GeoDataFrame({"n": [1]}, geometry=[shapely.from_wkt("POINT M (66 25 4)")], crs=4326)
    write(frame, tmp_path / "t.parquet")
    raw = gpd.read_parquet(tmp_path / "t.parquet")
    assert shapely.get_coordinates(raw.geometry, include_m=True)[0, -1] == 4

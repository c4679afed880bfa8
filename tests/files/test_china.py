"""The shift of Chinese maps, against values of another implementation."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import Geod
from shapely.geometry import Point

import cpecgeo as cg
from cpecgeo.errors import InputError
from cpecgeo.files import displacement

# WGS 84, GCJ-02 and BD-09 of the same point, by geocoordinates-rs 0.14.2 (Rust, on PyPI).
POINTS = np.array([
    [116.404, 39.915, 116.41024449916938, 39.91640428150164, 116.41662724378733, 39.922699552216216],
    [104.0665, 30.5723, 104.06900490567072, 30.569845540719605, 104.07548094087613, 30.5758561637081],
    [75.9892, 39.4704, 75.99215301081131, 39.47062522948329, 75.99865796481016, 39.47659523820237],
    [121.4737, 31.2304, 121.47822305927693, 31.22845773757727, 121.484781468503, 31.234310593689997],
    [87.6168, 43.8256, 87.61964994946926, 43.82680539311119, 87.62609977081571, 43.83294979479328],
    [113.2644, 23.1291, 113.26972959210308, 23.126423339922844, 113.27615075157122, 23.13271125723948],
])  # fmt: skip
GEOD = Geod(ellps="WGS84")


def from_wgs84(points, system):
    """Shift points on WGS 84 as Chinese maps do."""
    return np.where(
        displacement._inside(points)[:, None], displacement._shift(points, system), points
    )


def metres(a, b):
    return GEOD.inv(*a.T, *b.T)[2]


@pytest.mark.parametrize(("system", "columns"), [("GCJ-02", [2, 3]), ("BD-09", [4, 5])])
def test_the_shift_is_undone(system, columns):
    wgs84, shifted = POINTS[:, :2], POINTS[:, columns]
    assert metres(from_wgs84(wgs84, system), shifted).max() < 1e-6
    assert metres(displacement.undo_shift(shifted, system), wgs84).max() < 1e-3
    assert metres(shifted, wgs84).min() > 200


def test_china_as_a_whole():
    rng = np.random.default_rng(5)
    points = np.column_stack((rng.uniform(80, 130, 5000), rng.uniform(20, 50, 5000)))
    for system in ("GCJ-02", "BD-09"):
        assert (
            metres(displacement.undo_shift(from_wgs84(points, system), system), points).max() < 0.01
        )


def test_pakistan_is_left_alone():
    """The box of the formulas covers Gilgit and Islamabad; maps of Pakistan aren't shifted."""
    places = cg.layer("places")
    inside = places.sjoin(cg.layer("countries").query("name == 'Pakistan'")[["geometry"]])
    xy = np.column_stack((inside.geometry.x, inside.geometry.y))
    assert len(xy) > 100
    assert (from_wgs84(xy, "GCJ-02") == xy).all()
    for lon, lat in ((75.23, 37.77), (75.99, 39.47), (76.18, 39.72)):  # Tashkurgan, Kashgar, Artux
        assert (from_wgs84(np.array([[lon, lat]]), "GCJ-02") != [lon, lat]).all()


@pytest.mark.parametrize(
    ("west", "east", "degrees"),
    [(75.0, 77.9, 0.17), (73.7, 79.0, 0.4)],
    ids=["along Pakistan", "to Tajikistan and Ladakh"],
)
def test_the_western_border_is_chinas_but_for_some_km(west, east, degrees):
    """Points at least `degrees` from the border lie on the side that Natural Earth's outline gives."""
    china = cg.layer("countries").query("name == 'China'").geometry.union_all()
    lon, lat = np.meshgrid(np.arange(west, east, 0.04), np.arange(32.6, 39.2, 0.04))
    xy = np.column_stack((lon.ravel(), lat.ravel()))
    points = shapely.points(xy)
    shapely.prepare(china)
    clear = ~shapely.dwithin(china.boundary, points, degrees)
    inside = shapely.contains(china, points)
    moved = (from_wgs84(xy, "GCJ-02") != xy).any(axis=1)
    assert (inside & clear).sum() > 1000
    assert (~inside & clear).sum() > 1000
    wrong = clear & (inside != moved)
    assert not wrong.any(), xy[wrong][:5]


def test_files_of_chinese_maps(tmp_path):
    path = tmp_path / "a.csv"
    rows = "\n".join(f"{lon!r},{lat!r}" for lon, lat in POINTS[:, 4:].tolist())
    path.write_text(f"lon,lat\n{rows}\n,\n")
    frame = cg.read(path, crs="BD-09")
    got = np.column_stack((frame.geometry.x, frame.geometry.y))[:-1]
    assert metres(got, POINTS[:, :2]).max() < 1e-3
    assert frame.geometry.isna().tolist() == [False] * 6 + [True]
    assert frame.crs.to_epsg() == 4326
    assert "shift of BD-09 undone" in frame.attrs["read_as"]
    outside = gpd.GeoDataFrame(geometry=[Point(67, 50)], crs=4326)
    with pytest.raises(InputError, match="1 points lie outside China"):
        cg.read(cg.write(outside, tmp_path / "b.geojson"), crs="bd09")
    assert cg.read(tmp_path / "b.geojson", crs="gcj-02").geometry[0] == Point(67, 50)

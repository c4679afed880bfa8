"""Every verb that takes geometry, against every geometry that is wrong or odd."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from shapely.geometry import LineString, MultiLineString, Point

import cpecgeo as cg
from cpecgeo import errors, geodesy, scale
from cpecgeo.testing import assert_geodesic_equal

from .shapes import AREA, HIGH, HOPELESS, KINDS, LINE, MEASURED, MISSING, SPOT, series


@pytest.fixture(scope="module")
def ml1():
    return cg.corridor("ml1")


# name: (verb, kinds of input, what it does with missing ones: "nan", "none", "refuse" or "rows")
LINES = {"line"}
ANY = {"point", "points", "line", "polygon", "mixed"}
VERBS = {
    "length_km": (cg.length_km, {"point", "points", "line"}, "nan"),
    "geodesy.length_km": (geodesy.length_km, {"point", "points", "line"}, "nan"),
    "geodesy.area_km2": (geodesy.area_km2, {"polygon"}, "nan"),
    "geodesy.perimeter_km": (geodesy.perimeter_km, {"polygon"}, "nan"),
    "geodesy.sinuosity": (geodesy.sinuosity, LINES, "nan"),
    "geodesy.turning_deg_per_km": (geodesy.turning_deg_per_km, LINES, "nan"),
    "geodesy.bearing_deg": (lambda x: geodesy.bearing_deg(x, 0), LINES, "refuse"),
    "geodesy.Chainage": (geodesy.Chainage, LINES, "refuse"),
    "geodesy.Index": (geodesy.Index, ANY, "refuse"),
    "geodesy.lonlat": (geodesy.lonlat, ANY, "refuse"),
    "geodesy.densify": (lambda x: geodesy.densify(x, 1), ANY, "none"),
    "buffer": (lambda x: cg.buffer(x, 1), ANY, "none"),
    "distance_km, a": (lambda x: cg.distance_km(x, SPOT), ANY, "nan"),
    "distance_km, b": (lambda x: cg.distance_km(SPOT, x), ANY, "nan"),
    "distance_matrix_km": (lambda x: cg.distance_matrix_km(x, SPOT), ANY, "nan"),
    "nearest, points": (lambda x: cg.nearest(x, "ml1"), {"point"}, "rows"),
    "nearest, targets": (lambda x: cg.nearest(SPOT, x), ANY, "refuse"),
    "Corridor.locate": (lambda x: cg.corridor("ml1").locate(x), {"point"}, "rows"),
    "scale.prepare": (scale.prepare, ANY, "refuse"),
}


def fails(call, name, part):
    """Check that the call raises the expected error, in one line."""
    kind = getattr(errors, name)
    with pytest.raises(kind) as caught:
        call()
    assert type(caught.value) is kind
    text = str(caught.value)
    assert part in text
    assert "\n" not in text
    assert len(text) < 500


@pytest.mark.parametrize("what", HOPELESS)
@pytest.mark.parametrize("verb", VERBS)
def test_hopeless_geometry_gets_one_error(verb, what):
    call, kinds, _ = VERBS[verb]
    make, error, part = HOPELESS[what]
    x = make()
    if error == "CoordinateError" and "line" not in kinds:
        # A line without coordinates may be refused for these or for its kind.
        with pytest.raises(errors.InputError) as caught:
            call(x)
        assert type(caught.value) in {errors.CoordinateError, errors.GeometryError}
        assert part in str(caught.value) or "is needed" in str(caught.value)
        return
    fails(lambda: call(x), error, part)


@pytest.mark.parametrize("what", MISSING)
@pytest.mark.parametrize("verb", VERBS)
def test_missing_geometry_is_kept_or_refused(verb, what):
    call, kinds, rule = VERBS[verb]
    x = MISSING[what]()
    many = isinstance(x, gpd.GeoSeries)
    if many and "line" not in kinds:
        fails(lambda: call(x), "GeometryError", "LineString")
        return
    if rule == "refuse":
        fails(lambda: call(x), "GeometryError", "missing or empty")
        return
    got = call(x)
    if rule == "nan":
        values = np.asarray(got, float).ravel()
        assert np.isnan(values[-1])
        assert len(values) == (2 if many else 1)
    elif rule == "none":
        assert (got.iloc[-1] if many else got) is None
    else:
        assert got.iloc[0, 1:].isna().sum() >= 3


@pytest.mark.parametrize("what", KINDS)
@pytest.mark.parametrize("verb", VERBS)
def test_kinds_are_taken_or_named(verb, what):
    call, kinds, _ = VERBS[verb]
    x = KINDS[what]()
    if what in kinds:
        assert call(x) is not None
    else:
        fails(lambda: call(x), "GeometryError", "is needed")


# Odd, but with a defined answer: (what is done, what comes out).
DEFINED = {
    "heights don't count": (lambda: cg.length_km(HIGH), lambda: cg.length_km(LINE)),
    "measures don't count": (lambda: cg.length_km(MEASURED), lambda: cg.length_km(LINE)),
    "heights are dropped": (lambda: geodesy.lonlat(HIGH)[0].has_z, lambda: False),
    "feet are reprojected": (
        lambda: cg.length_km(series(LineString([(-74, 40.7), (-73.9, 40.8)])).to_crs(2263))[0],
        lambda: cg.length_km(LineString([(-74, 40.7), (-73.9, 40.8)])),
    ),
    "metres near a projection's origin are metres": (
        lambda: round(geodesy.lonlat(series(Point(111_319.4908, 25), crs=3857))[0].x, 6), lambda: 1.0,
    ),
    "an axis order of lat, lon in the CRS changes nothing": (
        lambda: cg.length_km(series(LINE, crs="EPSG:4326"))[0],
        lambda: cg.length_km(series(LINE, crs="OGC:CRS84"))[0],
    ),
    "a line of no length": (lambda: cg.length_km(LineString([(67, 25), (67, 25)])), lambda: 0.0),
    "repeated vertices": (
        lambda: cg.length_km(LineString([(67, 25), (67, 25), (68, 26), (68, 26)])),
        lambda: cg.length_km(LINE),
    ),
    "a line of no length has no sinuosity": (
        lambda: np.isnan(geodesy.sinuosity(LineString([(67, 25), (67, 25)]))), lambda: True,
    ),
    "the antimeridian is crossed the short way": (
        lambda: cg.length_km(LineString([(179.5, 0), (-179.5, 0)])),
        lambda: cg.length_km(LineString([(0, 0), (1, 0)])),
    ),
    "both signs of 180 are one place": (
        lambda: cg.distance_km(Point(180, 10), Point(-180, 10)), lambda: 0.0,
    ),
    "all longitudes of a pole are one place": (
        lambda: round(cg.distance_km(Point(0, 90), Point(120, 90)), 6), lambda: 0.0,
    ),
    "from pole to pole": (
        lambda: round(cg.distance_km(Point(0, 90), Point(0, -90)), 3), lambda: 20003.931,
    ),
    "antipodes": (
        lambda: round(cg.distance_km(Point(0, 0), Point(180, 0)), 3), lambda: 20003.931,
    ),
    "nearly antipodes": (
        lambda: round(cg.distance_km(Point(0, 0), Point(179.5, 0.5)), 3), lambda: 19936.289,
    ),
    "a polygon run through backwards has the same area": (
        lambda: round(geodesy.area_km2(AREA.reverse()), 6),
        lambda: round(geodesy.area_km2(AREA), 6),
    ),
    "parts are added": (
        lambda: round(cg.length_km(MultiLineString([LINE, LINE])), 9),
        lambda: round(2 * cg.length_km(LINE), 9),
    ),
    "a million vertices": (
        lambda: round(
            cg.length_km(LineString(np.column_stack((np.linspace(67, 68, 10**6), np.zeros(10**6))))),
            3,
        ),
        lambda: round(cg.length_km(LineString([(67, 0), (68, 0)])), 3),
    ),
    "nothing in, nothing out": (lambda: len(cg.length_km(series())), lambda: 0),
    "no points, no rows": (lambda: len(cg.nearest(series(), "ml1")), lambda: 0),
    "a doubled index is kept": (
        cg.length_km(series(LINE, LINE, index=[5, 5])).index.tolist, lambda: [5, 5],
    ),
    "an index of levels is kept": (
        cg.nearest(
            series(SPOT, SPOT, index=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])), "ml1"
        ).index.tolist,
        lambda: [("a", 1), ("b", 2)],
    ),
    "a categorical index is kept": (
        cg.length_km(series(LINE, index=pd.CategoricalIndex(["x"]))).index.tolist,
        lambda: ["x"],
    ),
    "an index with missing labels is kept": (
        lambda: cg.length_km(series(LINE, LINE, index=pd.array([1, None], dtype="Int64"))).size,
        lambda: 2,
    ),
    "an index of times is kept": (
        lambda: str(cg.length_km(series(LINE, index=pd.to_datetime(["2026-01-01"]))).index[0]),
        lambda: "2026-01-01 00:00:00",
    ),
    "points are tied by a doubled index": (
        lambda: len(cg.nearest(series(SPOT, SPOT, index=[0, 0]), "ml1", k=1)), lambda: 2,
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", DEFINED)
def test_odd_input_has_a_defined_answer(what):
    got, want = DEFINED[what]
    want = want()
    assert got() == (pytest.approx(want, rel=1e-9) if isinstance(want, float) else want)


def test_input_is_never_changed():
    frame = gpd.GeoDataFrame({"a": [1, 2]}, geometry=[HIGH, LINE], crs=4326, index=[3, 3])
    before = frame.copy(deep=True)
    cg.length_km(frame)
    cg.buffer(frame, 1)
    geodesy.densify(frame, 10)
    pd.testing.assert_frame_equal(pd.DataFrame(frame), pd.DataFrame(before))
    assert shapely.has_z(frame.geometry.to_numpy()).tolist() == [True, False]


def test_swapped_points_of_pakistan_are_noticed(ml1):
    fails(lambda: ml1.locate(Point(24.9, 67.0)), "CoordinateError", "swapped")


def test_reprojected_input_gives_the_same_places():
    there = series(LINE).to_crs(32642)
    assert_geodesic_equal(geodesy.lonlat(there), series(LINE), tol_km=1e-6)


@pytest.mark.parametrize("label", ["line", "point"])
def test_a_label_or_column_called_like_a_part_is_only_a_name(label):
    """Corridors have a `line` and places a `point`; tables give theirs as attributes too."""
    series = gpd.GeoSeries([Point(67, 25), Point(70, 30)], index=[label, "other"], crs=4326)
    frame = gpd.GeoDataFrame({label: series.to_numpy()}, geometry=series.to_numpy(), crs=4326)
    spots = gpd.GeoSeries([Point(67, 25.1), Point(70, 30.1)], crs=4326)
    assert cg.nearest(spots, series)["target"].tolist() == [label, "other"]
    assert cg.nearest(spots, frame)["target"].tolist() == [0, 1]
    assert cg.corridor("ml1").locate(frame).index.tolist() == [0, 1]
    assert cg.corridor("ml1").locate(series).index.tolist() == [label, "other"]

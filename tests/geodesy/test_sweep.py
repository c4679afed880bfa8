"""Many points at once, which share their search of the tree, give what each gives alone."""

import sys

import geopandas as gpd
import numpy as np
import pytest
import shapely

from cpecgeo.errors import CoordinateError, GeometryError
from cpecgeo.geodesy import Index, _compile, _sweep
from cpecgeo.geodesy.inputs import check, check_points
from cpecgeo.testing import reference_nearest

from .samples import LINES, wiggle

COUNT = 10_000


def spots(rng, kind):
    """Return points of a continent, of a region, at one point, and of a few regions far apart."""
    if kind == "continent":
        return rng.uniform((50, 5), (90, 50), (COUNT, 2))
    if kind == "region":
        return rng.uniform((60, 23), (78, 38), (COUNT, 2))
    if kind == "one place":
        return np.tile([67.1, 25.2], (COUNT, 1))
    return rng.choice([(67.1, 25.2), (67.2, 25.2), (80.0, 40.0), (60.0, 10.0)], COUNT)


def many(rng, kind):
    """Return targets: lines and points, a long line, one of equal vertices, many equal points."""
    if kind == "mixed":
        heads = np.c_[rng.uniform(-180, 180, 300), rng.uniform(-80, 80, 300)]
        steps = rng.normal(0, 1, (300, 5, 2)).cumsum(axis=1)
        lines = [
            shapely.LineString(np.clip(h + s, -179, 179))
            for h, s in zip(heads, steps / 4, strict=True)
        ]
        return [*lines, *shapely.points(rng.uniform((60, 20), (80, 40), (700, 2)))]
    if kind == "long":
        return [wiggle(30_000), LINES["zigzag"]]
    if kind == "equal vertices":
        return [shapely.LineString([(67, 25), *[(67.5, 25.5)] * 5_000, (68, 25)])]
    return list(shapely.points(rng.normal((67, 25), 1e-4, (3_000, 2))))


@pytest.mark.parametrize("limit", [np.inf, 200_000.0])
@pytest.mark.parametrize("targets", ["mixed", "long", "equal vertices", "heap"])
@pytest.mark.parametrize("points", ["continent", "region", "one place", "few places"])
def test_each_for_itself_gives_the_same(points, targets, limit, monkeypatch):
    rng = np.random.default_rng(13)
    xy, index = spots(rng, points), Index(many(rng, targets))
    monkeypatch.setattr(_compile._PATIENCE, "left", 0)
    together = index.find(xy, limit_m=limit)
    monkeypatch.setattr(sys.modules["cpecgeo.geodesy.nearest"], "sweep", _sweep.search)
    alone = index.find(xy, limit_m=limit)
    assert np.array_equal(np.isnan(together.metres), np.isnan(alone.metres))
    assert np.nanmax(np.abs(together.metres - alone.metres), initial=0.0) < 1e-7
    assert np.array_equal(together.target, alone.target)
    assert (together.piece == alone.piece).mean() > 0.999


@pytest.mark.parametrize("name", LINES)
def test_many_points_are_within_a_tenth_of_a_millimetre(name):
    xy = spots(np.random.default_rng(14), "region")
    found = Index(LINES[name]).find(xy)
    some = slice(None, None, 97)
    expected = reference_nearest(xy[some], LINES[name])["distance_km"].to_numpy() * 1e3
    assert np.abs(found.metres[some, 0] - expected).max() < 1e-4


@pytest.mark.parametrize(
    ("odd", "error"),
    [
        (shapely.Point(24.9, 167.0), CoordinateError),
        (shapely.Point(190.0, 24.9), CoordinateError),
        (shapely.Point(np.nan, 24.9), CoordinateError),
        (shapely.LineString([(67, 25), (68, 26)]), GeometryError),
    ],
)
def test_one_odd_point_among_many_is_refused(odd, error):
    array = shapely.points(np.tile([67.0, 25.0], (COUNT, 1)))
    array[COUNT - 5] = odd
    for look in (check_points, lambda x: check(x, kinds={"Point"})):
        with pytest.raises(error):
            look(gpd.GeoSeries(array, crs=4326))


def test_missing_empty_and_high_points_among_many():
    array = shapely.points(np.random.default_rng(2).uniform((60, 23), (78, 38), (COUNT, 2)))
    array[[3, 9_000]] = None, shapely.Point()
    given = check_points(gpd.GeoSeries(array, crs=4326))
    assert len(given.xy) == COUNT - 2
    assert sorted(set(range(COUNT)) - set(given.here)) == [3, 9_000]
    high = shapely.force_3d(shapely.points(np.tile([67.0, 25.0], (COUNT, 1))), 12.0)
    flat = check(gpd.GeoSeries(high, crs=4326, name="spots"))
    assert not shapely.has_z(flat.geoms).any()
    assert flat.name == "spots"
    assert (flat.xy == [67.0, 25.0]).all()

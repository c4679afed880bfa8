"""Buffers of thousands of kilometres, up to the greatest radius there is."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import LineString, MultiPoint, Point, box

from cpecgeo.errors import InputError
from cpecgeo.geodesy import Index, area_km2, buffer, length_km
from tests.effort import tries

from .samples import GEOD
from .test_buffer import on_boundary, ring_errors

# Points spread evenly over the earth.
_RNG = np.random.default_rng(8)
SPOTS = np.column_stack(
    (_RNG.uniform(-180, 180, 3000), np.degrees(np.arcsin(_RNG.uniform(-1, 1, 3000))))
)
SHAPES = {
    "short line": LineString([(67, 25), (71, 34)]),
    "meridian": LineString([(67, -70), (67, 70)]),
    "equator": LineString([(-100, 0), (0, 0), (100, 0)]),
    "antimeridian": LineString([(170, -5), (-170, 5)]),
    "around the pole": LineString([(0, 80), (120, 80), (-120, 80)]),
    "box": box(67, 25, 77, 35),
    "continent": box(0, -40, 90, 60),
    "points": MultiPoint([(0, 0), (60, 10), (100, -40)]),
}


@pytest.mark.parametrize("km", [4200, 4900, 5000])
@pytest.mark.parametrize("lat", [-90, -40, 0, 25, 60, 85])
def test_discs(lat, km):
    shape = buffer(Point(67, lat), km)
    for places in on_boundary(shape):
        each = np.ones(len(places))
        metres = np.asarray(GEOD.inv(67 * each, lat * each, *places.T)[2])
        assert np.abs(metres / 1e3 / km - 1).max() <= 1e-4
    # A cap of the sphere of the same area; the ellipsoid's caps differ by its flattening.
    cap = 2 * np.pi * 6371.0072**2 * (1 - np.cos(km / 6371.0072))
    assert area_km2(shape) == pytest.approx(cap, rel=6e-3)


@pytest.mark.parametrize("km", [2000, 4200, 5000])
@pytest.mark.parametrize("name", SHAPES)
def test_what_is_nearer_is_inside_and_nothing_else(name, km):
    geometry = SHAPES[name]
    edge = geometry.boundary if geometry.geom_type == "Polygon" else geometry
    shape = buffer(geometry, km)
    assert ring_errors(shape, edge, km, most=60).max() <= 1e-4
    share = Index(geometry).find(SPOTS).metres[:, 0] / 1e3 / km
    clear = np.abs(share - 1) > 1e-3
    assert shapely.intersects_xy(shape, SPOTS)[clear].tolist() == (share < 1)[clear].tolist()


@tries(40)
@given(st.floats(-180, 180), st.floats(-90, 90), st.floats(-3, np.log10(4999.9)))
def test_a_disc_is_never_empty(lon, lat, log):
    km = 10.0**log
    shape = buffer(Point(lon, lat), km)
    assert shape.is_valid
    # Around a pole an area is what is left of a hemisphere: right to a tenth of a square metre.
    assert area_km2(shape) == pytest.approx(
        2 * np.pi * 6371.0**2 * 2 * np.sin(km / 12742.0) ** 2, rel=1.2e-2, abs=1e-7
    )


@pytest.mark.parametrize("km", [500, 2000, 4500])
def test_flat_ends_are_cut_along_geodesics(km):
    """Points of the buffer are nearest to the line between its ends."""
    line = SHAPES["short line"]
    shape = buffer(line, km, cap="flat")
    assert shape.is_valid
    found = Index(line).nearest(shapely.points(SPOTS))
    size = length_km(line)
    between = ((found.km > 1e-3) & (found.km < size - 1e-3)).to_numpy()
    clear = (np.abs(found.distance_km / km - 1) > 1e-3).to_numpy()
    cuts = []
    for end, inner in (line.coords, line.coords[::-1]):
        across = GEOD.inv(*end, *inner)[0] + 90
        each, away = np.ones(201), np.linspace(-1.1e3 * km, 1.1e3 * km, 201)
        spots = GEOD.fwd(end[0] * each, end[1] * each, across * each, away)[:2]
        cuts.append(LineString(np.column_stack(spots)))
    clear = clear & (Index(cuts).find(SPOTS).metres[:, 0] > 0.1 * km)
    inside = between & (found.distance_km < km).to_numpy()
    assert shapely.intersects_xy(shape, SPOTS)[clear].tolist() == inside[clear].tolist()
    assert inside[clear].any()
    left, right = (area_km2(buffer(line, km, side=s)) for s in ("left", "right"))
    assert left + right == pytest.approx(area_km2(shape), rel=1e-3)


def test_the_limit_is_stated():
    with pytest.raises(InputError, match="0.001 to 5,000"):
        buffer(Point(67, 25), 5001)

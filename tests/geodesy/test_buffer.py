"""Every vertex of a buffer's boundary and the middle of every edge is at its distance."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely.geometry import LineString, MultiPoint, MultiPolygon, Point, Polygon, box

from cpecgeo.errors import GeometryError, InputError
from cpecgeo.geodesy import Index, area_km2, buffer, length_km
from cpecgeo.testing import reference_nearest

from .samples import GEOD, LINES, wiggle

SHELL = [(67, 25), (69, 25), (69, 27), (67, 27)]
HOLE = [(67.9, 25.9), (68.1, 25.9), (68.1, 26.1), (67.9, 26.1)]


def to_metres(line, xy):
    if line.geom_type in ("Point", "MultiPoint"):
        spots = shapely.get_coordinates(line)
        return np.min(
            [np.asarray(GEOD.inv(*np.broadcast_to(s, xy.shape).T, *xy.T)[2]) for s in spots], axis=0
        )
    return reference_nearest(xy, line)["distance_km"].to_numpy() * 1e3


def on_boundary(shape):
    """Return vertices and geodesic middles of edges, by ring, without the cuts at ±180°."""
    places = []
    for ring in shapely.get_rings(shapely.get_parts(shape)):
        xy = np.asarray(ring.coords)
        a, b = xy[:-1], xy[1:]
        own = ~((np.abs(a[:, 0]) == 180) | (np.abs(b[:, 0]) == 180) | (np.abs(a[:, 1]) == 90))
        azimuth, _, size = GEOD.inv(*a[own].T, *b[own].T)
        middle = np.column_stack(GEOD.fwd(*a[own].T, azimuth, np.asarray(size) / 2)[:2])
        places.append(np.concatenate((a[own], middle)))
    return places


def ring_errors(shape, line, km, most=400):
    """Return relative errors at some vertices and middles of each ring."""
    assert shape.is_valid
    some = [places[:: max(1, len(places) // most)] for places in on_boundary(shape)]
    return np.concatenate([np.abs(to_metres(line, p) / 1e3 / km - 1) for p in some])


@pytest.mark.parametrize("km", [0.01, 1, 10, 100, 2000])
@pytest.mark.parametrize(
    "name",
    [
        "two vertices",
        "zigzag",
        "repeated and millimetre edges",
        "two parts",
        "closed",
        "22 vertices",
        "equator",
    ],
)
def test_lines(name, km):
    assert ring_errors(buffer(LINES[name], km), LINES[name], km).max() <= 1e-4


@pytest.mark.parametrize("km", [5, 10, 50, 100])
def test_long_line(km):
    line = wiggle(2_000)
    shape = buffer(line, km)
    assert shape.geom_type == "Polygon"
    assert ring_errors(shape, line, km, most=200).max() <= 1e-4


def traced(vertices):
    """Return a long line whose vertices stray by some 30 m, as those of traced tracks do."""
    stray = np.random.default_rng(5).normal(0, 3e-4, (vertices, 2))
    return LineString(np.asarray(wiggle(vertices).coords) + stray)


CORNERS = {
    "around the pole": LINES["around the pole"],
    "traced": traced(600),
    "wiggling": wiggle(2_000),
    "figure of eight": LineString([(67, 25), (68, 26), (68, 25), (67, 26)]),
    "out and back": LineString([(67, 25), (68, 26), (67, 25)]),
}


@pytest.mark.parametrize("km", [0.01, 1, 10, 100])
@pytest.mark.parametrize("name", CORNERS)
def test_corners(name, km):
    """All vertices and middles are tested, as few arcs meet at a small angle."""
    line = CORNERS[name]
    shape = buffer(line, km)
    assert shape.is_valid
    places = np.concatenate(on_boundary(shape))
    off = np.abs(Index(line).find(places).metres[:, 0] / 1e3 / km - 1)
    # The index finds the worst; the slow reference says how bad it is.
    worst = places[np.argsort(off)[-50:]]
    assert off.max() <= 1e-4
    assert np.abs(to_metres(line, worst) / 1e3 / km - 1).max() <= 1e-4


def knotted(seed):
    """Return a line of random turns that crosses itself, or runs back beside itself."""
    rng = np.random.default_rng(seed)
    size = 10 ** rng.uniform(-2, 0.5)
    xy = rng.normal(0, size, (int(rng.choice([4, 10, 40])), 2))
    if seed % 2:
        xy = np.vstack((xy, xy[::-1] + rng.normal(0, size * 1e-3, xy.shape)))
    lat = rng.uniform(-75, 75)
    xy[:, 0] = (rng.uniform(-180, 180) + xy[:, 0] / np.cos(np.radians(lat)) + 180) % 360 - 180
    xy[:, 1] = np.clip(lat + xy[:, 1], -85, 85)
    return LineString(xy), float(np.clip(size * 111 * 10 ** rng.uniform(-2, 0.5), 0.01, 2000))


@pytest.mark.parametrize("seed", range(40))
def test_knotted_lines(seed):
    """There are holes between arcs at sharp angles, and notches that are nearly closed."""
    line, km = knotted(seed)
    shape = buffer(line, km)
    assert shape.is_valid
    away = Index(line).find(np.concatenate(on_boundary(shape))).metres[:, 0]
    assert np.abs(away / 1e3 / km - 1).max() <= 1e-4


@pytest.mark.parametrize("kind", ["line", "points", "shrunk"])
@pytest.mark.parametrize("seed", range(100, 112))
def test_what_is_nearer_is_inside_and_nothing_else(seed, kind):
    """Points all around, and just beside the boundary, are in the buffer only where they should."""
    line, km = knotted(seed)
    rng = np.random.default_rng(seed)
    spots = np.asarray(line.coords)
    if kind == "shrunk":
        middle = np.broadcast_to(np.clip(spots[0], -170, 170), (60, 2))
        away = km * 1e3 * rng.uniform(1, 3, 60)
        turn = np.linspace(360, 0, 60, endpoint=False)
        around = Polygon(np.column_stack(GEOD.fwd(*middle.T, turn, away)[:2]))
        if not around.is_valid or np.ptp(around.exterior.xy[0]) > 180:
            pytest.skip("over the antimeridian")
        geometry, edge = around, around.boundary
        shape = buffer(geometry, -km)
    else:
        geometry = edge = MultiPoint(spots) if kind == "points" else line
        shape = buffer(geometry, km)
    assert shape.is_valid
    starts = shapely.get_coordinates(edge)[rng.integers(0, shapely.get_num_coordinates(edge), 800)]
    ways, turns = 2.2e3 * km * rng.uniform(0, 1, 800), rng.uniform(0, 360, 800)
    places = [np.column_stack(GEOD.fwd(*starts.T, turns, ways)[:2])]
    if not shape.is_empty:
        rim = shapely.get_coordinates(shape)[
            rng.integers(0, shapely.get_num_coordinates(shape), 800)
        ]
        ways = 1e3 * km * 10 ** rng.uniform(-2.3, -0.5, 800)
        places.append(np.column_stack(GEOD.fwd(*rim.T, turns, ways)[:2]))
    places = np.concatenate(places)
    away = Index(edge).find(places).metres[:, 0] / 1e3
    clear = np.abs(away / km - 1) > 4e-3
    near = away < km
    if kind == "shrunk":
        near = (Index(geometry).find(places).metres[:, 0] == 0) & (away > km)
    held = shapely.intersects_xy(shape, places)
    assert held[clear].tolist() == near[clear].tolist()


@pytest.mark.parametrize("km", [30, 500])
@pytest.mark.parametrize("name", ["antimeridian", "around the pole", "over the pole", "south"])
def test_across_the_antimeridian_and_poles(name, km):
    line = LINES[name]
    shape = buffer(line, km)
    assert ring_errors(shape, line, km).max() <= 1e-4
    x0, y0, x1, y1 = shape.bounds
    assert -180 <= x0 <= x1 <= 180
    assert -90 <= y0 <= y1 <= 90
    rng = np.random.default_rng(2)
    c = shapely.get_coordinates(line)[rng.integers(0, len(line.coords), 300)]
    spots = np.column_stack(
        GEOD.fwd(*c.T, rng.uniform(0, 360, 300), rng.uniform(0, 2.5e3 * km, 300))[:2]
    )
    near = to_metres(line, spots) / 1e3
    clear = np.abs(near / km - 1) > 1e-2
    held = shapely.intersects_xy(shape, spots)
    assert held[clear].tolist() == (near[clear] < km).tolist()


@pytest.mark.parametrize("km", [0.01, 10, 1000])
@pytest.mark.parametrize("place", [(67, 25), (179.99, -17), (10, 89.5), (0, -90)])
def test_points(place, km):
    assert ring_errors(buffer(Point(place), km), Point(place), km).max() <= 1e-4


def test_multipoints_unite():
    spots = MultiPoint([(67, 25), (67.1, 25), (70, 30)])
    shape = buffer(spots, 10)
    assert len(shape.geoms) == 2
    assert ring_errors(shape, spots, 10).max() <= 1e-4


@pytest.mark.parametrize(("km", "rings"), [(5, 2), (15, 1), (-5, 2)])
def test_polygon_with_hole(km, rings):
    area = Polygon(SHELL, [HOLE])
    shape = buffer(area, km)
    assert len(shapely.get_rings(shape)) == rings
    assert ring_errors(shape, area.boundary, abs(km)).max() <= 1e-4
    assert (area_km2(shape) > area_km2(area)) == (km > 0)


def around(corners, metres):
    """Return a closed line around a point, all its vertices at one distance."""
    angle = np.linspace(0, 360, corners + 1)
    there = GEOD.fwd(np.full_like(angle, 67), np.full_like(angle, 25), angle, 0 * angle + metres)
    return LineString(np.column_stack(there[:2]))


@pytest.mark.parametrize(("corners", "share"), [(8, 1.02), (8, 1.005), (40, 1.003)])
def test_no_hole_where_all_is_within_the_radius(corners, share):
    """GEOS 3.14 draws a hole in the middle of these lines' buffers."""
    line = around(corners, 1e4 * share)
    shape = buffer(line, 10)
    assert len(shapely.get_rings(shape)) == 1
    assert ring_errors(shape, line, 10).max() <= 1e-4


@pytest.mark.parametrize(("corners", "share"), [(40, 1.005), (400, 1.003), (400, 1.02)])
def test_small_holes(corners, share):
    """The hole is nearly a disc, whose radius is what the buffer's radius is short of."""
    line = around(corners, 1e4 * share)
    shape = buffer(line, 10)
    assert len(shapely.get_rings(shape)) == 2
    assert ring_errors(shape, line, 10).max() <= 1e-4
    middle = reference_nearest(np.array([[67.0, 25.0]]), line)["distance_km"].iloc[0]
    hole = area_km2(Polygon(shape.interiors[0]))
    assert hole == pytest.approx(np.pi * (middle - 10) ** 2, rel=0.12)


def test_a_bay_behind_a_strait_that_closes_stays_open():
    """Discs around both ends are 4 cm apart, less than a boundary may be off."""
    middle = Point(67, 25)
    angle = np.linspace(0, 360 - 2 * np.degrees(np.arcsin(1.00002 / 3.0)), 200)
    there = GEOD.fwd(np.full(200, 67.0), np.full(200, 25.0), angle, np.full(200, 3e3))
    line = LineString(np.column_stack(there[:2]))
    gap = GEOD.inv(*line.coords[0], *line.coords[-1])[2]
    assert 2000.02 < gap < 2000.1
    shape = buffer(line, 1)
    assert shape.is_valid
    assert not shape.contains(middle)
    assert area_km2(shape) == pytest.approx(area_km2(buffer(line, 0.99)), rel=0.03)


def test_no_hole_between_discs_that_cover_it():
    """Discs drawn with few vertices leave a hole; nothing in it is at the radius."""
    gaps = 0
    for share in np.linspace(0.9955, 1.004, 18):
        spots = np.column_stack(
            GEOD.fwd([67.0] * 3, [25.0] * 3, [0, 120, 240], [1e4 * share] * 3)[:2]
        )
        shape = buffer(MultiPoint(spots), 10)
        assert shape.is_valid
        assert ring_errors(shape, MultiPoint(spots), 10).max() <= 1e-4
        gaps += len(shapely.get_rings(shape)) > 1
        if share <= 1.0:
            assert shape.covers(Point(67, 25))
        if share >= 1.003:
            assert not shape.covers(Point(67, 25))
    assert gaps >= 2


def test_shrunk_to_nothing_and_to_parts():
    assert buffer(box(67, 25, 68, 26), -100).is_empty
    dumbbell = shapely.union_all(
        [box(67, 25, 68, 26), box(68, 25.45, 69, 25.55), box(69, 25, 70, 26)]
    )
    assert len(buffer(dumbbell, -10).geoms) == 2


def test_what_cannot_shrink_is_named():
    with pytest.raises(GeometryError, match=r"x has points or lines\. Give km above 0"):
        buffer(Point(67, 25), -1)


def test_multipolygon():
    areas = MultiPolygon([box(67, 25, 67.5, 25.5), box(67.6, 25, 68, 25.5)])
    shape = buffer(areas, 10)
    assert shape.geom_type == "Polygon"
    assert (
        ring_errors(shape, shapely.union_all([g.boundary for g in areas.geoms]), 10).max() <= 1e-4
    )


def test_sides_and_caps_add_up():
    line = LINES["22 vertices"]
    left, right = (buffer(line, 5, side=s, rtol=1e-6) for s in ("left", "right"))
    flat, whole = buffer(line, 5, cap="flat", rtol=1e-6), buffer(line, 5, rtol=1e-6)
    areas = [area_km2(g) for g in (left, right, flat, whole)]
    assert areas[0] + areas[1] == pytest.approx(areas[2], rel=1e-4)
    # Two half discs are what flat caps leave out; either boundary may use its tolerance.
    assert areas[3] - areas[2] == pytest.approx(np.pi * 25, abs=1e-4 * 5 * 2 * length_km(line))
    out, _, size = GEOD.inv(*line.coords[3], *line.coords[4])
    x, y, back = GEOD.fwd(*line.coords[3], out, size / 2)
    to_left = Point(GEOD.fwd(x, y, back + 90, 2_000)[:2])
    assert left.contains(to_left)
    assert not right.contains(to_left)


def test_index_missing_and_attrs():
    series = gpd.GeoSeries([Point(67, 25), None], index=["a", "b"], crs=4326).to_crs(32642)
    shapes = buffer(series, 10)
    assert shapes.index.tolist() == ["a", "b"]
    assert shapes["b"] is None
    assert shapes.crs.to_epsg() == 4326
    assert shapes.attrs["ellipsoid"] == "WGS 84"
    assert area_km2(shapes)["a"] == pytest.approx(np.pi * 100, rel=2e-4)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: buffer(Point(67, 25), 0), InputError),
        (lambda: buffer(Point(67, 25), 9_000), InputError),
        (lambda: buffer(Point(67, 25), float("nan")), InputError),
        (lambda: buffer(Point(67, 25), -5), GeometryError),
        (lambda: buffer(Point(67, 25), 5, side="left"), InputError),
        (lambda: buffer(LINES["zigzag"], 5, cap="square"), InputError),
        (lambda: buffer(LINES["zigzag"], 5, side="up"), InputError),
        (lambda: buffer(LINES["zigzag"], 5, rtol=0.5), InputError),
        (lambda: buffer(LineString([(-170, 0), (-60, 0), (60, 0), (170, 0)]), 5), GeometryError),
    ],
)
def test_bad_input(call, error):
    with pytest.raises(error):
        call()


@pytest.mark.parametrize("km", [2.0, -2.0])
def test_a_multipolygon_grows_and_shrinks_as_its_parts_do(km):
    parts = [box(67, 25, 67.5, 25.4), box(70, 30, 70.3, 30.5)]
    whole = buffer(MultiPolygon(parts), km)
    assert len(whole.geoms) == 2
    alone = [buffer(part, km) for part in parts]
    assert area_km2(whole) == pytest.approx(sum(map(area_km2, alone)), rel=1e-6)
    for part, own in zip(parts, alone, strict=True):
        assert (area_km2(own) > area_km2(part)) is (km > 0)

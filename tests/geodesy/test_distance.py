"""Distances between geometries of all kinds, row by row and as a matrix."""

import time

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely.geometry import (
    LineString,
    MultiLineString,
    MultiPoint,
    MultiPolygon,
    Point,
    Polygon,
    box,
)

from cpecgeo.geodesy import Index, distance, distance_km, distance_matrix_km
from cpecgeo.testing import reference_distance_km, reference_nearest

from .samples import GEOD, wiggle

KINDS = [
    Point(67, 25),
    MultiPoint([(66, 26), (70, 30)]),
    LineString([(67, 26), (67.4, 26.3), (68, 26.1)]),
    MultiLineString([[(71, 27), (72, 28)], [(60, 30), (61, 30.5)]]),
    box(73, 29, 73.5, 29.4).difference(box(73.1, 29.1, 73.3, 29.3)),
    MultiPolygon([box(62, 24, 62.3, 24.2), box(76, 36, 76.1, 36.2)]),
    LineString([(179.8, 20), (-179.9, 21)]),
]


def expected(a, b):
    """Return the slow reference's distance of geometries that don't meet."""
    if {a.geom_type, b.geom_type} <= {"Point", "MultiPoint"}:
        a = LineString(np.repeat(shapely.get_coordinates(a), 2, axis=0))
    return reference_distance_km(a, b)


def test_matrix_rows_and_single_pairs_agree_with_the_reference():
    series = gpd.GeoSeries(KINDS, index=list("abcdefg"), crs=4326)
    matrix = distance_matrix_km(series, series)
    assert matrix.index.tolist() == matrix.columns.tolist() == list("abcdefg")
    assert (matrix.to_numpy().diagonal() == 0).all()
    assert matrix.to_numpy() == pytest.approx(matrix.to_numpy().T, abs=1e-8)
    for i, a in enumerate(KINDS):
        for j, b in enumerate(KINDS[:i]):
            assert matrix.iloc[i, j] == pytest.approx(expected(a, b), abs=1e-7)
            assert distance_km(a, b) == pytest.approx(matrix.iloc[i, j], abs=1e-8)
        row = distance_km(series, a)
        assert row.to_numpy() == pytest.approx(matrix.iloc[:, i].to_numpy(), abs=1e-8)


def test_lines_of_20_km_edges_against_the_reference():
    rng = np.random.default_rng(4)
    lines = [
        LineString(rng.uniform([60, 23], [77, 37]) + rng.normal(0, 0.1, (8, 2)).cumsum(axis=0))
        for _ in range(40)
    ]
    a, b = lines[:20], lines[20:]
    ours = distance_km(gpd.GeoSeries(a, crs=4326), gpd.GeoSeries(b, crs=4326)).to_numpy()
    slow = np.array([reference_distance_km(x, y) for x, y in zip(a, b, strict=True)])
    apart = ours > 0
    assert apart.sum() > 10
    assert ours[apart] == pytest.approx(slow[apart], abs=1e-7)
    matrix = distance_matrix_km(gpd.GeoSeries(a, crs=4326), gpd.GeoSeries(b, crs=4326))
    assert matrix.to_numpy().diagonal() == pytest.approx(ours, abs=1e-9)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (LineString([(60, 25), (80, 25)]), LineString([(70, 20), (70, 35)])),
        (LineString([(60, 25), (80, 25)]), LineString([(61, 24), (61, 26)])),
        (LineString([(170, 5), (-170, -5)]), LineString([(175, -5), (-175, 5)])),
        (box(67, 25, 69, 27), LineString([(66, 26), (70, 26)])),
        (box(67, 25, 69, 27), LineString([(68, 26), (68.1, 26.1)])),
        (box(67, 25, 69, 27), box(67.5, 25.5, 67.6, 25.6)),
        (box(67, 25, 69, 27), box(68, 24, 68.1, 28)),
        (box(67, 25, 69, 27), MultiPoint([(0, 0), (68, 26)])),
        (LineString([(67, 25), (68, 26)]), LineString([(68, 26), (69, 25)])),
    ],
)
def test_what_meets_is_at_0(a, b):
    assert distance_km(a, b) == distance_km(b, a) == 0
    assert distance_matrix_km([a], [b]).iloc[0, 0] == 0


def test_in_a_hole_it_is_the_way_to_the_edge():
    area = box(67, 25, 69, 27).difference(box(67.5, 25.5, 68.5, 26.5))
    line = LineString([(67.9, 25.9), (68.1, 26.1)])
    boundary = area.interiors[0]
    assert distance_km(area, line) == pytest.approx(reference_distance_km(boundary, line), abs=1e-7)


def test_missing_is_nan_everywhere():
    series = gpd.GeoSeries([Point(67, 25), None, KINDS[2]], crs=4326)
    assert np.isnan(distance_km(series, KINDS[3])).tolist() == [False, True, False]
    matrix = np.isnan(distance_matrix_km(series, series).to_numpy())
    assert matrix.tolist() == [[False, True, False], [True] * 3, [False, True, False]]


def test_points_to_a_line_as_nearest_finds_them():
    points = np.random.default_rng(5).uniform([66, 25], [69, 28], (50, 2))
    got = distance_matrix_km(shapely.points(points), [KINDS[2]]).to_numpy()[:, 0]
    slow = reference_nearest(points, KINDS[2])["distance_km"].to_numpy()
    assert got == pytest.approx(slow, abs=1e-7)


def side_by_side(line, metres):
    """Return the line moved to the left, at each edge's start."""
    c = np.asarray(line.coords)
    azimuth = np.asarray(GEOD.inv(*c[:-1].T, *c[1:].T)[0])
    return LineString(
        np.column_stack(
            GEOD.fwd(*c.T, np.append(azimuth, azimuth[-1]) - 90, np.full(len(c), metres))[:2]
        )
    )


@pytest.mark.parametrize("vertices", [2, 22, 2_000])
def test_lines_a_centimetre_apart_are_quick_and_right(vertices):
    line = wiggle(vertices) if vertices > 2 else LineString([(67, 25), (71, 34)])
    beside = side_by_side(line, 0.01)
    began = time.process_time()
    ours = distance_km(line, beside)
    assert time.process_time() - began < 20  # This once took minutes, and more for longer lines.
    expected = reference_distance_km(line, beside)
    if expected > 5e-7:
        assert ours == pytest.approx(expected, abs=1e-7)
    else:
        assert ours == 0


@pytest.mark.parametrize("seed", range(4))
def test_crossings_against_the_plane(seed):
    """Short lines cross on the ground where they do in a plane."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, 1e-3, (60, 2, 4, 2)).cumsum(axis=2) + [67, 30]
    a, b = (gpd.GeoSeries([LineString(s) for s in steps[:, i]], crs=4326) for i in (0, 1))
    planar = a.intersects(b).to_numpy()
    assert 5 < planar.sum() < 55
    assert (distance_km(a, b).to_numpy() == 0).tolist() == planar.tolist()


def test_a_crossing_far_from_all_vertices():
    """Long edges just cross, or just miss, away from their ends."""
    a, b, azimuth = (60, 25), (80, 33), 40.0
    out, _, size = GEOD.inv(*a, *b)
    for share in (0.1, 0.5, 0.93):
        lon, lat, _ = GEOD.fwd(*a, out, share * size)
        for short, meets in ((-0.01, False), (0.01, True)):
            # From 300 km away to just before the line or just beyond it.
            start = GEOD.fwd(lon, lat, azimuth, 3e5)[:2]
            ahead = GEOD.inv(*start, lon, lat)
            end = GEOD.fwd(*start, ahead[0], ahead[2] + short)[:2]
            got = distance_km(LineString([start, end]), LineString([a, b]))
            assert (got == 0) == meets
            assert got < 1.1e-5


def shapes_everywhere(count, seed):
    """Return lines, polygons and multipoints, also near poles and over the antimeridian."""
    rng = np.random.default_rng(seed)
    made = []
    for n in range(count):
        middle = rng.uniform((-180, -88), (180, 88)) if n % 3 else rng.uniform((60, 24), (78, 38))
        parts = []
        for _ in range(1 + n % 2):
            corners = int(rng.integers(3, 40))
            angle = (np.arange(corners) + rng.uniform(0, 0.8, corners)) * 360 / corners
            away = 10 ** rng.uniform(3, 5.5) * rng.uniform(0.6, 1, corners)
            start = np.broadcast_to(middle + rng.uniform(-1, 1, 2), (corners, 2))
            parts.append(np.column_stack(GEOD.fwd(*start.T, angle, away)[:2]))
        made.append(
            MultiPoint(parts[0])
            if n % 5 == 0
            else MultiLineString(parts)
            if n % 5 < 3
            else Polygon(parts[0])
        )
    return made


def by_indexes(a, b):
    """Return kilometres from all vertices of each to the other, one by one."""
    spots = [shapely.points(shapely.get_coordinates(g)) for g in (a, b)]
    sides = zip(spots, (b, a), strict=True)
    return min(Index([g]).nearest(list(p))["distance_km"].min() for p, g in sides)


@pytest.mark.parametrize("repaid", [0, 10**9])
def test_a_matrix_of_shapes_everywhere_against_indexes_one_by_one(repaid, monkeypatch):
    """The answer is the same by facing segments and by trees alone."""
    monkeypatch.setattr(distance, "_REPAID", repaid)
    a, b = shapes_everywhere(18, 1), shapes_everywhere(15, 2)
    matrix = distance_matrix_km(a, b).to_numpy()
    assert (matrix > 12_000).any()
    for i, j in np.ndindex(matrix.shape):
        one = by_indexes(a[i], b[j])
        if matrix[i, j] > 0:
            assert matrix[i, j] == pytest.approx(one, abs=1e-7, rel=1e-11)
        else:  # They cross; there may be no vertex near.
            assert one < 400
    assert distance_matrix_km(b, a).to_numpy() == pytest.approx(matrix.T, abs=1e-8)
    rows = distance_km(gpd.GeoSeries(a[:15], crs=4326), gpd.GeoSeries(b, crs=4326))
    assert rows.to_numpy() == pytest.approx(matrix.diagonal(), abs=1e-8)


def ragged(rng, middle, count, away):
    """Return a ring of some radius; by chance it is smooth or ragged as a coast."""
    angle = np.arange(count) * 360 / count
    rough = 1 + rng.choice([0, 0.02, 0.3]) * rng.normal(0, 1, count).clip(-2, 2)
    rough = rough + rng.choice([0, 0.3]) * np.sin(np.radians(3 * angle + rng.uniform(0, 360)))
    start = np.broadcast_to(middle, (count, 2))
    return np.column_stack(GEOD.fwd(*start.T, angle, away * rough)[:2])


@pytest.mark.parametrize("seed", range(6))
def test_what_faces_the_other_is_all_that_may_be_nearest(seed, monkeypatch):
    """Shapes in one region have the same distances with and without the list of facing segments."""
    rng = np.random.default_rng(seed)
    place = [(70, 30), (10, -75), (179, 5), (0, 89), (70, 30), (-60, 50)][seed]
    made = []
    for n in range(60):
        middle = GEOD.fwd(*place, rng.uniform(0, 360), 1e5 * rng.uniform(0, 25))[:2]
        away = 10 ** rng.uniform(3, 5.2)
        ring = ragged(rng, middle, int(rng.integers(4, 130)), away)
        if n % 4 == 0:
            hole = ragged(rng, middle, 9, 0.03 * away)
            made.append(Polygon(ring, [hole[::-1]]) if n % 8 else Polygon(ring))
        elif n % 4 == 1:
            made.append(LineString(ring) if n % 8 < 4 else LineString([*ring, ring[0]]))
        elif n % 4 == 2:
            made.append(MultiPoint(ring))
        else:
            parts = [ragged(rng, spot, 12, 0.2 * away) for spot in ring[:3]]
            made.append(MultiLineString(parts))
    found = []
    for repaid in (0, 10**9):
        monkeypatch.setattr(distance, "_REPAID", repaid)
        found.append(distance_matrix_km(made[:30], made[30:]).to_numpy())
    assert (found[0] > 0).sum() > 400
    assert found[0] == pytest.approx(found[1], abs=1e-10)


def test_a_matrix_near_antipodes():
    a = LineString([(10, 20), (10.4, 20.3), (11, 20)])
    b = LineString([(-170, -20), (-169.6, -19.6), (-169, -20)])
    spot = distance_km(Point(10.4, 20.3), b)
    assert distance_matrix_km([a], [b]).iloc[0, 0] <= spot
    assert distance_km(a, b) == pytest.approx(by_indexes(a, b), abs=1e-3)


def test_a_matrix_of_lines_and_districts_in_one_region():
    """Many of these meet; shapely says which, in a plane with short edges."""
    rng = np.random.default_rng(6)
    lines = [
        LineString(rng.uniform((60, 30), (62, 31)) + rng.normal(0, 0.03, (20, 2)).cumsum(axis=0))
        for _ in range(90)
    ]
    cells = [box(x, y, x + 0.1, y + 0.1) for x in np.arange(60, 62, 0.2) for y in (30.1, 30.5)]
    matrix = distance_matrix_km(lines, cells).to_numpy()
    fine = shapely.segmentize(np.array(lines), 1e-3)
    meets = shapely.intersects(fine[:, None], np.array(cells)[None])
    assert 20 < meets.sum() < 500
    off = np.abs((matrix == 0).astype(int) - meets)
    # Where they differ the boundary is touched by less than a geodesic bends.
    assert off.sum() <= 2
    assert matrix[(matrix > 0) & meets].max(initial=0) < 0.01
    for i, j in [(0, 3), (7, 11), (21, 5)]:
        if matrix[i, j] > 0:
            assert matrix[i, j] == pytest.approx(
                reference_distance_km(lines[i], cells[j]), abs=1e-7
            )


def test_a_forest_holds_what_it_is_made_of():
    """Balls hold their segments with their arcs, nodes hold their children, and paths stay whole."""
    hole = box(67.5, 25.5, 68.5, 26.5)
    geoms = [
        LineString([(60, 20), (60.09, 20), (61, 24)]),
        box(67, 25, 69, 27).difference(hole),
        MultiLineString([[(71, 27), (72, 28)], [(60, 30), (61, 30.5), (60, 30)]]),
    ]
    forest = distance._Forest.of(np.array(geoms, dtype=object), 10**6)
    a, d, n, _ = forest.pieces
    middle, size, bow = forest.around[:, :3], forest.around[:, 3], forest.around[:, 4]
    for t in np.linspace(0, 1, 9):
        on_chord = a + t * d
        on_arc = on_chord + t * (1 - t) * n
        assert (np.linalg.norm(on_arc - middle, axis=1) <= size).all()
        assert (np.linalg.norm(on_arc - on_chord, axis=1) <= bow).all()
    assert bow.max() > 1.5
    assert (size < 5_003).all()
    for node, (first, last) in enumerate(zip(forest.first, forest.last, strict=True)):
        held = forest.around[:, :4] if node < forest.leaves else forest.ball
        off = np.linalg.norm(held[first:last, :3] - forest.ball[node, :3], axis=1)
        assert (off + held[first:last, 3] <= forest.ball[node, 3] + 1e-6).all()
    leaps = np.linalg.norm(a[:-1] + d[:-1] - a[1:], axis=1) > 1e-3
    assert leaps.sum() == 4  # between five paths, whose pieces follow one another

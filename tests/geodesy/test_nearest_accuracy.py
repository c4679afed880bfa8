"""The engine against bisection with Karney's geodesics: more than 50,000 hard points."""

import itertools

import geopandas as gpd
import numpy as np
import pytest
import shapely
from geographiclib.geodesic import Geodesic
from shapely.geometry import (
    LineString,
    MultiLineString,
    MultiPoint,
    MultiPolygon,
    Point,
    Polygon,
    box,
)

from cpecgeo.geodesy import Index, densify, distance_km, nearest
from cpecgeo.testing import reference_nearest

from .samples import GEOD, LINES, RANGES, points_around, wiggle

COUNT = 900  # 12 lines × 5 ranges: 54,000 points


def errors_mm(line, points):
    found = Index(line).find(points)
    expected = reference_nearest(points, line)
    metres = found.metres[:, 0]
    to_place = np.asarray(GEOD.inv(found.lon[:, 0], found.lat[:, 0], *points.T)[2])
    return (
        np.abs(metres - expected["distance_km"].to_numpy() * 1e3).max() * 1e3,
        np.abs(metres - to_place).max() * 1e3,
    )


@pytest.mark.parametrize("distance", RANGES)
@pytest.mark.parametrize("name", LINES)
def test_distance_and_place(name, distance):
    points = points_around(LINES[name], COUNT, *RANGES[distance], seed=len(name))
    off, place = errors_mm(LINES[name], points)
    assert off < 0.1
    assert place < 0.1


@pytest.mark.parametrize(("vertices", "count"), [(5_000, 400), (100_000, 20)])
def test_long_lines(vertices, count):
    line = wiggle(vertices)
    points = np.concatenate([points_around(line, count, *r, seed=3) for r in RANGES.values()])
    off, place = errors_mm(line, points)
    assert off < 0.1
    assert place < 0.1


def test_reference_agrees_with_geographiclib():
    """By another library, no point of the edge is nearer than the slow reference says."""
    line = LINES["zigzag"]
    points = points_around(line, 8, 1.0, 5e5, seed=11)
    expected = reference_nearest(points, line)
    coords = np.asarray(line.coords)
    for (lon, lat), row in zip(points, expected.itertuples(), strict=True):
        there = Geodesic.WGS84.Inverse(lat, lon, row.lat, row.lon)["s12"]
        assert there == pytest.approx(row.distance_km * 1e3, abs=1e-6)
        for a, b in itertools.pairwise(coords):
            edge = Geodesic.WGS84.InverseLine(a[1], a[0], b[1], b[0])
            for s in np.linspace(0, edge.s13, 60):
                p = edge.Position(s)
                d = Geodesic.WGS84.Inverse(lat, lon, p["lat2"], p["lon2"])["s12"]
                assert d >= row.distance_km * 1e3 - 1e-6


def test_antipodes():
    line = LINES["22 vertices"]
    c = np.asarray(line.coords)[::3]
    points = np.c_[c[:, 0] - 180, -c[:, 1]] + [[0.01, 0.02]]
    found = Index(line).find(points)
    dense = np.asarray(densify(line, 0.2).coords)
    best = np.array(
        [
            np.asarray(GEOD.inv(*np.broadcast_to(p, dense.shape).T, *dense.T)[2]).min()
            for p in points
        ]
    )
    to_place = np.asarray(GEOD.inv(found.lon[:, 0], found.lat[:, 0], *points.T)[2])
    assert found.metres[:, 0] == pytest.approx(to_place, abs=1e-3)
    # The samples are 200 m apart, and none may be nearer than what was found.
    assert (found.metres[:, 0] <= best + 1e-3).all()
    assert (best - found.metres[:, 0] < 200).all()


@pytest.mark.parametrize("k", [2, 3])
def test_a_long_line_beside_short_ones_is_as_each_alone(k):
    targets = [wiggle(30_000), LineString([(90, 50), (90.1, 50)]), Point(10, -20), wiggle(500)]
    points = np.random.default_rng(3).uniform((60, 20), (80, 40), (300, 2))
    alone = np.column_stack([Index(t).find(points).metres[:, 0] for t in targets])
    found = Index(targets).find(points, k=k)
    assert np.abs(found.metres - np.sort(alone, axis=1)[:, :k]).max() < 1e-6
    assert np.abs(np.take_along_axis(alone, found.target, 1) - found.metres).max() < 1e-6


@pytest.mark.parametrize("k", [1, 2])
def test_max_km_holds_near_antipodes(k):
    """From (0, 0.5) one target is 18,923 km away, and one, near the antipode, 19,948 km."""
    targets = [Point(179.9, 0), Point(170, 0)][: 1 if k == 1 else 2]
    found = Index(targets).nearest(Point(0, 0.5), k=k, max_km=19_500)
    assert found["target"].isna().tolist() == [False, True][2 - k :]
    assert found["path"].tolist() == [0, -1][2 - k :]
    assert (found["distance_km"].dropna() < 19_000).all()
    assert len(Index(targets).nearest(Point(0, 0.5), k=k, max_km=19_950).dropna(subset="lon")) == k


@pytest.mark.parametrize("name", LINES)
@pytest.mark.parametrize(("low", "high"), [(0.0, 2e4), (2e4, 2e5), (2e5, 1e6)])
def test_the_foot_is_within_a_millimetre_up_to_1000_km(name, low, high):
    points = points_around(LINES[name], 400, low, high, seed=21)
    found = Index(LINES[name]).find(points)
    expected = reference_nearest(points, LINES[name])
    off = np.asarray(GEOD.inv(found.lon[:, 0], found.lat[:, 0], expected.lon, expected.lat)[2])
    # Another edge may be as near, to the last digits; then the foot is there.
    other = GEOD.inv(found.lon[:, 0], found.lat[:, 0], *points.T)[2]
    tie = (off > 1.0) & (np.abs(other - expected.distance_km * 1e3) < 1e-5)
    assert tie.mean() < 0.02
    # Where edges are a millimetre long, rounding of coordinates decides between them.
    assert off[~tie].max() < (2e-3 if "millimetre" in name else 1e-3)


# Interceptions of geodesics: point, edge, distance in metres and foot where it isn't an end.
# S. Baselga, J. C. Martinez-Llario, Intersection and point-to-line solutions for geodesics on the
# ellipsoid, Stud. Geophys. Geod. 62, 353-363 (2018), as C. F. F. Karney, Geodesic intersections,
# J. Surv. Eng. 150 (2024) has them too.
INTERCEPTED = [
    ((-22, 64), (29, 42), (-77, 39), 1010585.998836817, (-21.93729106604878, 54.92853149711691)),
    ((-88, 42), (29, 42), (-77, 39), 989277.1859906457, (-77, 39)),
    ((104, 1), (29, 42), (-77, 39), 8699538.22763653, (29, 42)),
]


@pytest.mark.parametrize(("point", "a", "b", "metres", "foot"), INTERCEPTED)
def test_published_interceptions(point, a, b, metres, foot):
    row = nearest(Point(point), LineString([a, b])).iloc[0]
    assert row["distance_km"] * 1e3 == pytest.approx(metres, abs=1e-4)
    assert GEOD.inv(row["lon"], row["lat"], *foot)[2] < 2e-3


def test_km_is_geodesic_length_to_the_place():
    line = LINES["zigzag"]
    points = points_around(line, 200, 0.0, 1e5, seed=4)
    found = Index(line).find(points)
    coords = np.asarray(line.coords)
    sizes = np.asarray(GEOD.inv(*coords[:-1].T, *coords[1:].T)[2])
    starts = np.concatenate(([0], np.cumsum(sizes)))
    edge = reference_nearest(points, line)["edge"].to_numpy()
    rest = np.asarray(GEOD.inv(*coords[edge].T, found.lon[:, 0], found.lat[:, 0])[2])
    # Two edges may be equally near; those found on another edge are left out.
    off = found.along[:, 0] - (starts[edge] + rest)
    assert np.abs(off).max() < 1e-3


def test_side():
    line = LineString([(67, 25), (67, 26), (68, 26)])
    points = [
        Point(66.9, 25.5),
        Point(67.1, 25.5),
        Point(66.9, 26.1),
        Point(67.5, 26.1),
        Point(67, 25.2),
    ]
    assert nearest(points, line)["side"].tolist() == ["left", "right", "left", "left", "on"]


def test_points_and_lines_of_no_length_have_no_side():
    line = LineString([(67, 25), (67, 26)])
    targets = gpd.GeoSeries(
        [
            Point(70, 25),
            LineString([(72, 25), (72, 25)]),
            MultiPoint([(74, 25), (74, 26)]),
            MultiLineString([[(76, 25), (76, 25)], [(77, 25), (77, 26)]]),
            line,
        ],
        crs=4326,
    )
    points = [Point(x, 25.5) for x in (70.1, 72.1, 74.1, 76.1, 77.1, 67.1, 66.9)]
    found = nearest([*points, Point(70, 25)], targets)
    assert found["target"].tolist() == [0, 1, 2, 3, 3, 4, 4, 0]
    assert found["side"].astype(object).fillna("").tolist() == (
        ["", "", "", "", "right", "right", "left", ""]
    )
    assert found["side"].cat.categories.tolist() == ["left", "on", "right"]
    both = nearest(Point(68.6, 25.5), targets, k=2)
    assert both["side"].astype(object).fillna("").tolist() == ["", "right"]
    # Near antipodes there is another search.
    assert nearest(Point(-110.2, -25.1), targets.iloc[[0]])["side"].isna().all()


@pytest.mark.parametrize("k", [1, 2])
def test_a_polygon_has_no_sides(k):
    area = Polygon(
        [(67, 25), (68, 25), (68, 26), (67, 26)], [[(67.4, 25.4), (67.6, 25.4), (67.5, 25.6)]]
    )
    line = LineString([(67, 26.2), (68, 26.2)])
    # Outside, just inside and far inside, in the hole, on the outline; then by the line.
    spots = [(67.5, 24.9), (67.5, 25.001), (67.2, 25.8), (67.5, 25.45), (67, 25.5), (67.5, 26.19)]
    found = nearest([Point(s) for s in spots], MultiPolygon([area]), k=k)
    assert found["side"].isna().all()
    found = nearest([Point(s) for s in spots], [area, line], k=k)
    assert found.loc[found["target"] == 0, "side"].isna().all()
    assert (found.loc[found["target"] == 1, "side"] == "right").all()
    assert (found["distance_km"] == 0).sum() == 3


@pytest.mark.parametrize("k", [1, 2])
def test_a_retraced_stretch_is_answered_with_its_first_passage(k):
    # East to the end, back over the same vertices to the second, then north.
    out = [(67, 25), (67.13, 25.04), (67.31, 25.02), (67.5, 25.11)]
    line = LineString([*out, *out[2:0:-1], (67.1, 25.6)])
    other = LineString([(60, 25), (60, 26)])
    turn = GEOD.line_length(*zip(*out, strict=True)) / 1e3
    rng = np.random.default_rng(11)
    x = rng.uniform(67.2, 67.49, 500)
    on_line = np.interp(x, *zip(*out, strict=True))
    spots = np.c_[x, on_line + rng.choice([-1e-3, 0.0, 0.02], 500)]
    spots = np.vstack((spots, out[1], out[2]))
    series = gpd.GeoSeries(shapely.points(spots), crs=4326)
    got = Index([line, other]).nearest(series, k=k).query("target == 0")
    assert (got["km"] <= turn).all()
    left = spots[:-2, 1] > on_line + 1e-2
    right = spots[:-2, 1] < on_line - 5e-4
    assert set(got["side"].iloc[:-2][left]) == {"left"}
    assert set(got["side"].iloc[:-2][right]) == {"right"}


@pytest.mark.parametrize("k", [1, 2])
def test_of_targets_on_one_track_the_first_is_answered(k):
    track = [(67, 25), (67.13, 25.04), (67.31, 25.02), (67.5, 25.11)]
    lines = [LineString([*track, (67.6, y)]) for y in (25.3, 24.9, 25.2)]
    rng = np.random.default_rng(12)
    x = rng.uniform(67.0, 67.45, 300)
    points = gpd.GeoSeries.from_xy(x, rng.normal(25.04, 0.03, 300), crs=4326)
    got = Index(lines, ids=["a", "b", "c"]).nearest(points, k=k)["target"].to_numpy()
    assert (got.reshape(-1, k) == ["a", "b"][:k]).all()


def test_k_and_max_km_against_all_distances():
    rng = np.random.default_rng(7)
    lines = gpd.GeoSeries(
        [
            LineString(rng.normal(0, 0.5, (6, 2)).cumsum(0) + rng.uniform([60, 23], [75, 37]))
            for _ in range(40)
        ],
        crs=4326,
    )
    points = np.c_[rng.uniform(58, 78, 60), rng.uniform(20, 40, 60)]
    every = np.column_stack([reference_nearest(points, g)["distance_km"] for g in lines])
    series = gpd.GeoSeries(shapely.points(points), crs=4326)
    got = Index(lines).nearest(series, k=5)
    order = np.argsort(every, axis=1)[:, :5]
    assert got["target"].to_numpy().reshape(60, 5).tolist() == order.tolist()
    assert got["distance_km"].to_numpy() == pytest.approx(
        np.sort(every, axis=1)[:, :5].ravel(), abs=1e-7
    )
    assert got["rank"].tolist() == [1, 2, 3, 4, 5] * 60
    limited = Index(lines).nearest(series, k=5, max_km=150)
    near = got["distance_km"].to_numpy() <= 150
    assert limited["target"].notna().to_numpy().tolist() == near.tolist()


def test_points_as_targets_worldwide():
    rng = np.random.default_rng(8)
    targets = np.c_[rng.uniform(-180, 180, 500), np.degrees(np.arcsin(rng.uniform(-1, 1, 500)))]
    points = np.c_[rng.uniform(-180, 180, 500), np.degrees(np.arcsin(rng.uniform(-1, 1, 500)))]
    got = nearest(shapely.points(points), shapely.points(targets))
    every = np.array(
        [np.asarray(GEOD.inv(*np.broadcast_to(p, (500, 2)).T, *targets.T)[2]) for p in points]
    )
    assert got["target"].tolist() == every.argmin(1).tolist()
    assert got["distance_km"].to_numpy() == pytest.approx(every.min(1) / 1e3, abs=1e-7)
    assert (got["km"] == 0).all()


def test_polygons_zero_inside_and_boundary_outside():
    shell, hole = box(67, 25, 69, 27), box(67.8, 25.8, 68.2, 26.2)
    area = shell.difference(hole)
    inside, in_hole, outside = Point(67.5, 25.5), Point(68, 26), Point(66.5, 26)
    got = nearest([inside, in_hole, outside], area)
    assert got["distance_km"].iloc[0] == 0
    assert got.loc[0, ["lon", "lat"]].tolist() == [67.5, 25.5]
    expected = reference_nearest([[68, 26], [66.5, 26]], area)["distance_km"]
    assert got["distance_km"].iloc[1:].to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-7)


def test_polygon_edge_is_the_geodesic_not_the_parallel():
    # The geodesic from (60, 40) to (80, 40) runs north of the parallel, by 30 km at 70° E.
    area = shapely.Polygon([(60, 30), (80, 30), (80, 40), (60, 40)])
    lon, lat, _ = GEOD.fwd(60, 40, GEOD.inv(60, 40, 80, 40)[0], GEOD.inv(60, 40, 80, 40)[2] / 2)
    got = nearest([Point(lon, lat - 1e-5), Point(lon, lat + 1e-5), Point(lon, 40.05)], area)
    assert got["distance_km"].iloc[0] == 0
    assert got["distance_km"].iloc[1] == pytest.approx(1e-5 * 111.04, rel=1e-2)
    assert got["distance_km"].iloc[2] == 0
    clockwise = shapely.Polygon(list(area.exterior.coords)[::-1])
    assert nearest(Point(lon, lat - 1e-5), clockwise)["distance_km"].iloc[0] == 0


def test_nearer_boundary_does_not_hide_the_polygon_around():
    big, small = box(60, 20, 80, 40), box(70.1, 30, 70.2, 30.1)
    got = nearest(
        Point(70, 30.05), gpd.GeoSeries([small, big], index=["small", "big"], crs=4326), k=2
    )
    assert got["target"].tolist() == ["big", "small"]
    assert got["distance_km"].iloc[0] == 0 < got["distance_km"].iloc[1]


def test_mixed_targets():
    got = nearest(
        [Point(10, 10), Point(12, 10), Point(20, 20)],
        [Point(10.1, 10), LineString([(12.1, 9), (12.1, 11)]), box(19, 19, 21, 21)],
    )
    assert got["target"].tolist() == [0, 1, 2]


HOLED = shapely.Polygon(
    [(-20, -10), (15, -12), (22, 14), (0, 6), (-19, 13)],
    [[(-5, -3), (4, -3), (4, 3)], [(9, -5), (12, -5), (12, -2)]],
)


@pytest.mark.parametrize("turn", [170, 179.5, 180, -179.9])
def test_polygons_over_the_antimeridian_are_as_anywhere(turn):
    """A rotation of polygon and points about the axis changes nothing, for two polygons too."""
    rng = np.random.default_rng(9)
    points = np.c_[rng.uniform(-30, 30, 400), rng.uniform(-20, 20, 400)]
    both = shapely.MultiPolygon([HOLED, box(24, -3, 28, 2)])

    def turned(xy):
        return np.c_[(xy[:, 0] + turn + 180) % 360 - 180, xy[:, 1]]

    for area in (HOLED, both):
        here = nearest(shapely.points(points), area)["distance_km"]
        there = nearest(shapely.points(turned(points)), shapely.transform(area, turned))
        assert there["distance_km"].to_numpy() == pytest.approx(here.to_numpy(), abs=1e-7)
        assert (here == 0).any()
        assert (here > 0).any()


@pytest.mark.parametrize("pole", [1, -1])
@pytest.mark.parametrize("way", [1, -1])
def test_polygons_around_a_pole(pole, way):
    xy = np.array([(0, 80), (90, 75), (180, 80), (-90, 80)]) * [1, pole]
    cap = shapely.Polygon(xy[::way], [np.array([(10, 88), (60, 88), (40, 86)]) * [1, pole]])
    inside = shapely.points(np.array([(0, 90), (45, 85), (170, 84), (-179, 85)]) * [1, pole])
    outside = np.array([(45, 60), (37, 87), (180, 79.9)]) * [1, pole]
    assert (nearest(inside, cap)["distance_km"] == 0).all()
    expected = reference_nearest(outside, cap)["distance_km"].to_numpy()
    got = nearest(shapely.points(outside), cap)["distance_km"].to_numpy()
    assert got == pytest.approx(expected, abs=1e-7)
    assert distance_km(Point(0, -80 * pole), cap) > 15_000

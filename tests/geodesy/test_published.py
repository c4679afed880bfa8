"""Distances, lengths and areas that others have published, or use in their tests.

A sample of each table. Metres and square metres, degrees on WGS 84; the tolerance is that of the
digits that were published.
"""

import numpy as np
import pytest
import shapely
from shapely.geometry import LineString, MultiLineString, Point

import cpecgeo as cg
from cpecgeo.geodesy import Chainage

# C. F. F. Karney, "Test data for geodesics", GeodTest.dat, doi:10.5281/zenodo.32156: latitude at
# longitude 0, latitude and longitude, and the distance, given to 0.1 µm. Short ones come first,
# nearly antipodal ones last.
KARNEY = [
    (71.384846874553, 71.381541598685427531, 0.023866936023632974, 927.2280583),
    (81.319189735953, 81.309637320188979731, 0.014761078726099199, 1095.3684487),
    (37.821011512514, 48.532718343977539723, 0.000743231912205629, 1190032.2493103),
    (48.674163646222, 49.441019599971122075, 149.121967064187635263, 8737256.7217229),
    (53.146663872891, 14.447570698856943412, 0.002813697558904485, 4293076.7896063),
    (89.996701128374, -3.736385919316746613, 12.450740971696955213, 10414759.9740747),
    (0.002877245167, -0.001494591262418746, 152.717075326359940384, 17000387.059092),
    (13.736128783341, -13.914180683894530292, 179.207080335214914479, 19943566.3152792),
    (89.995015471711, -89.994719552737498812, 173.676750792252671528, 20003860.1303476),
    (29.933566953186, -29.933566953195706559, 179.476671586985719104, 19978659.680801),
    (76.545770848538, -76.545770848549704687, 179.859247988261384276, 20002102.8385674),
]


def test_karneys_geodesics():
    starts = [Point(0, lat) for lat, *_ in KARNEY]
    ends = [Point(lon, lat) for _, lat, lon, _ in KARNEY]
    wanted = np.array([metres for *_, metres in KARNEY])
    measured = [cg.distance_km(a, b) for a, b in zip(starts, ends, strict=True)]
    lines = [cg.length_km(LineString([a, b])) for a, b in zip(starts, ends, strict=True)]
    for km in (measured, lines):
        np.testing.assert_allclose(np.array(km) * 1000, wanted, rtol=0, atol=1.1e-7)


# RTCA DO-283B, appendix on geodesics: latitude at longitude 0, latitude, longitude, metres, and
# the tolerance that it states; the fifth is given by angles that are rounded to 0.2 µm.
RTCA = [
    (37.331931575, 26.128566516667, 41.476529802778, 4085797.71045745, 1.382e-5),
    (35.269791283333, 67.370771216667, 137.791198430556, 8084459.01281178, 5.624e-5),
    (1.0, -0.998286322222, 179.296674991667, 19959214.6261821, 1.426e-4),
    (1.0, 1.020885977778, 179.7716229, 19779362.8384626, 1.418e-4),
    (41.696077777778, 41.696166666667, 0.000155555556, 16.2833273117916, 2e-7),
    (30.0, 37.892351622222, 116.321302341667, 10002067.683372, 4.848e-5),
    (37.0, 28.260193152778, -2.627646994444, 999975.508415485, 7.198e-6),
]


@pytest.mark.parametrize(("start", "lat", "lon", "metres", "within"), RTCA)
def test_geodesics_of_aviation(start, lat, lon, metres, within):
    got = cg.distance_km(Point(0, start), Point(lon, lat)) * 1000
    assert got == pytest.approx(metres, rel=0, abs=within)


# Boost.Geometry 1.85, test/strategies/distance_cross_track_cases.hpp: points to edges by a slow
# search; poles, meridians, edges over the pole, points on the edge.
EDGES = [
    ((0, 0), (1, 1), (0, 1), 78442.1198737616),
    ((0, 0), (1, 1), (1, 0), 78453.98942845337),
    ((10, 15), (30, 15), (35, 10), 775316.4027583834),
    ((2, 2), (3, 2), (3, 3), 110576.41139532234),
    ((2, -2), (3, -2), (3, -1), 110575.06481432798),
    ((2, 2), (2, 4), (2.5, 3), 55583.97332090884),
    ((0, 0), (0, 90), (0, 80), 0.0),
    ((2, 0), (3, 0), (2, 0), 0.0),
    ((0, 0), (180, 0), (0, 90), 0.0),
    ((10, 15), (30, 15), (15, 80), 7204174.488668924),
    ((-16.42203, -7.52882), (4.89998, -6.1556), (3.32696, -6.28895), 6.000907365913391),
    ((90, 0), (0, 1.000005), (0, 90), 9891389.24480642),
]


@pytest.mark.parametrize(("a", "b", "point", "metres"), EDGES)
def test_points_to_edges(a, b, point, metres):
    edge, near = LineString([a, b]), Point(point)
    assert cg.distance_km(near, edge) * 1000 == pytest.approx(metres, rel=0, abs=1e-5)
    assert cg.distance_km(edge, near) * 1000 == pytest.approx(metres, rel=0, abs=1e-5)


# Regression tests of PostGIS (geography.sql, tickets.sql, cu_tree.c) on the spheroid, by ticket,
# with the digits they have there; those over the pole by brute force on the ellipsoid.
POSTGIS = {
    "#260": ("POINT (-10 40)", "POINT (-10 55)", 1667701, 0.5),
    "#2168": ("POINT (18.5107234 54.7587757)", "POINT (18.58218 54.7344227)", 5340.76237395, 1e-7),
    "#2422": (
        ("POLYGON ((-69.85866759776414 43.44094601158934, -69.85679789322249 43.44217007140651, "
        "-69.84926715689201 43.439778363219496, -69.87354413015977 43.43223058203184, "
        "-69.8743543267435 43.43389798356065, -69.87039772068569 43.43572444051899, "
        "-69.87280377952614 43.438310551359216, -69.86556896540593 43.43920690136487, "
        "-69.86863836841275 43.44104276787959, -69.86263064947644 43.44218430213309, "
        "-69.85866759776414 43.44094601158934))"), "POINT (-69.83262 43.43636)", 1400.23, 6e-4,
    ),
    "#2556": (
        ("POLYGON ((-59.4139571913088 82.9486103943668, -57.3528882462655 83.1123152898828, "
        "-50.2302874208478 81.3740574826097, -51.977353304689 81.2431047148532, "
        "-59.4139571913088 82.9486103943668))"),
        ("POLYGON ((-46.625977 81.634149, -46.625977 81.348076, -48.999023 81.348076, "
        "-48.999023 81.634149, -46.625977 81.634149))"), 20623, 0.5,
    ),
    "#4835 a": ("POINT (45 90)", "LINESTRING (15.55 78.216667, -164.58 68.875)", 1966.48838638, 1e-4),
    "#4835 b": ("POINT (0 90)", "LINESTRING (-166.11 68.875, 15.55 78.216667)", 25109.30960801, 1e-4),
    "#6130": ("LINESTRING (-90 0, 0 0, -90 0)", "LINESTRING (90 0, 0 60)", 6654072.819, 1e-3),
    "they meet on the sphere": (
        "LINESTRING (-122.85726600113713 42.29949543556424, -122.8572716181109 42.29949495169895)",
        "LINESTRING (-122.81943656068032 42.27023012070173, 120.69513615915079 40.69209260495885)",
        10.04664435959636, 1e-3,
    ),
}  # fmt: skip


@pytest.mark.parametrize("ticket", POSTGIS)
def test_distances_of_postgis(ticket):
    a, b, metres, within = POSTGIS[ticket]
    got = cg.distance_km(shapely.from_wkt(a), shapely.from_wkt(b)) * 1000
    assert got == pytest.approx(metres, rel=0, abs=within)


ANTARCTICA = [
    (-58, -63.1), (-74, -72.9), (-102, -71.9), (-102, -74.9), (-131, -74.3), (-163, -77.5),
    (163, -77.4), (172, -71.7), (140, -65.9), (113, -65.7), (88, -66.6), (59, -66.9), (25, -69.8),
    (-4, -70), (-14, -71), (-33, -77.3), (-46, -77.9), (-61, -74.7),
]  # fmt: skip
# Planimeter of GeographicLib (geodtest.c, and its documentation for Antarctica), geodesic_area.rs
# of georust, geography of PostGIS, area_geo.cpp of Boost: outline, holes, m², m around.
AREAS = {
    "cap": ([(0, 89), (90, 89), (-180, 89), (-90, 89)], [], 24952305678.0, 631819.8745),
    "equator": ([(-1, 0), (0, -1), (1, 0), (0, 1)], [], 24619419146.0, 627598.2731),
    "octant": ([(0, 90), (0, 0), (90, 0)], [], 63758202715511.0, 30022685),
    "by the pole": ([(0.1, 89), (90.1, 89), (-179.9, 89)], [], 12476152838.5, 539297),
    "triangle": ([(1, 2), (2, 1), (3, 3)], [], 18454562325.45119, None),
    "around the pole": ([(60, 45), (180, 45), (-60, 45)], [], 39433884866571.43, None),
    "Antarctica": (ANTARCTICA, [], 13662703680020.1, 16831067.893),
    "Australia": (
        [(125, -15), (113, -22), (117, -37), (130, -33), (148, -39), (154, -27), (144, -15)],
        [], 7786102826806.07, None,
    ),
    "a degree": ([(-2, 3), (-2, 4), (-1, 4), (-1, 3)], [], 12286884908.946892, None),
    "antimeridian": (
        [(179.5, 2), (179.5, 1), (-179.5, 1), (-179.5, 2)], [], 12305128751.0429, None,
    ),
    "half an ocean": ([(52, 0), (41, -74), (-23, -43), (-26, 28)], [], 63316536351834.29, None),
    "holes": (
        [(0, 0), (10, 0), (10, 10), (0, 10)],
        [[(1, 1), (1, 2), (2, 2), (2, 1)], [(5, 5), (5, 6), (6, 6), (6, 5)]],
        1203317999173.7063, None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", AREAS)
def test_areas_and_outlines(name):
    shell, holes, area, around = AREAS[name]
    got = cg.geodesy.area_km2(shapely.Polygon(shell, holes)) * 1e6
    assert got == pytest.approx(area, rel=0, abs=1.0)
    if around is not None:
        outline = cg.length_km(LineString([*shell, shell[0]])) * 1000
        assert outline == pytest.approx(around, rel=0, abs=1.0)


# Metres along and across at longitude and latitude 0, where plane and ellipsoid agree.
EAST, NORTH = 111319.49079327357, 110574.27582163


def metres(*parts):
    """Return lines in metres as degrees."""
    return MultiLineString([[(x / EAST, y / NORTH) for x, y in part] for part in parts])


# JTS (LengthIndexedLineTest), GEOS #323, shapely (test_linear_referencing): a line, a point, and
# the metres along the line to its foot.
LOCATED = [
    (metres([(0, 0), (10, 0), (10, 0), (20, 0)]), (10, 1), 10),
    (metres([(0, 2), (0, 0)], [(-1, 1), (1, 1)]), (1, 0), 2),
    (metres([(0, 0), (0, 60), (50, 60), (50, 20), (-20, 20)]), (0, 20), 20),
    (metres([(0, 0), (2, 0)], [(3, 0), (3, 6)]), (1, 1), 1),
]


@pytest.mark.parametrize(("line", "point", "along"), LOCATED)
def test_feet_along_a_line(line, point, along):
    road = Chainage(line)
    found = road.locate(Point(point[0] / EAST, point[1] / NORTH))
    assert found["km"].iloc[0] * 1000 == pytest.approx(along, rel=0, abs=1e-6)

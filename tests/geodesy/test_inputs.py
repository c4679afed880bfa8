"""What the check of input mends, drops and refuses, for all verbs alike."""

import warnings

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from shapely import wkt
from shapely.geometry import LinearRing, LineString, MultiPolygon, Point, Polygon, box

from cpecgeo.errors import CpecgeoError, CRSError, GeometryError, GeometryWarning, InputError
from cpecgeo.geodesy import (
    Chainage,
    Index,
    _paths,
    _rules,
    area_km2,
    buffer,
    densify,
    distance_km,
    distance_matrix_km,
    length_km,
    lonlat,
    nearest,
    perimeter_km,
    turning_deg_per_km,
)
from cpecgeo.geodesy.inputs import check, check_points

from .samples import GEOD

BOW_TIE = Polygon([(67.5, 26.5), (68.5, 27.5), (68.5, 26.5), (67.5, 27.5)])
OVERLAPPING = MultiPolygon([box(67, 26, 68, 27), box(67.5, 26, 68.5, 27)])
SHARING = MultiPolygon([box(67, 26, 68, 27), box(68, 26, 69, 27)])
INVALID = {"crosses itself": BOW_TIE, "parts overlap": OVERLAPPING, "parts share": SHARING}
TAIL = "which cross themselves, or whose parts overlap or share an edge"


def karney_km2(*polygons):
    return sum(abs(GEOD.geometry_area_perimeter(p)[0]) for p in polygons) / 1e6


@pytest.mark.parametrize("name", INVALID)
def test_an_invalid_area_is_what_it_covers(name):
    given = INVALID[name]
    with pytest.warns(GeometryWarning, match="x has 1 invalid polygons") as caught:
        area = area_km2(given)
    # The warning names the caller's own line of code.
    assert caught[0].filename == __file__
    covered = {
        "crosses itself": [
            Polygon([(67.5, 26.5), (68, 27), (67.5, 27.5)]),
            Polygon([(68.5, 26.5), (68, 27), (68.5, 27.5)]),
        ],
        # The edges of both parts along 26° and 27°, cut where the parts begin and end.
        "parts overlap": [
            shapely.segmentize(box(67, 26, 67.5, 27), 0.5),
            box(67.5, 26, 68, 27),
            box(68, 26, 68.5, 27),
        ],
        "parts share": [box(67, 26, 68, 27), box(68, 26, 69, 27)],
    }[name]
    assert area == pytest.approx(karney_km2(*covered), rel=1e-5)
    with pytest.raises(GeometryError, match="invalid polygons"):
        lonlat(given, invalid="raise")


VERBS = {
    "lonlat": lonlat,
    "area_km2": area_km2,
    "perimeter_km": perimeter_km,
    "buffer": lambda x: buffer(x, 5),
    "densify": lambda x: densify(x, 10),
    "distance_km": lambda x: distance_km(x, Point(60, 20)),
    "distance_matrix_km": lambda x: distance_matrix_km([Point(60, 20)], x),
    "nearest": lambda x: nearest(Point(60, 20), x),
    "Index": Index,
}


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_mends(verb):
    three = gpd.GeoSeries([BOW_TIE, box(60, 20, 61, 21), OVERLAPPING], crs=4326)
    with pytest.warns(GeometryWarning, match=f"has 2 invalid polygons.*{TAIL}"):
        VERBS[verb](three)


def test_mended_sides():
    """Inside the second lobe, between the lobes, and where two parts overlap."""
    points = gpd.GeoSeries.from_xy([68.4, 68.0, 67.7], [27.0, 27.3, 26.5], crs=4326)
    with pytest.warns(GeometryWarning):
        found = nearest(points, [BOW_TIE])["distance_km"]
    assert (found == 0).tolist() == [True, False, False]
    with pytest.warns(GeometryWarning):
        assert nearest(points, [OVERLAPPING])["distance_km"].iloc[2] == 0


def test_what_covers_nothing_is_missing():
    flat = Polygon([(67, 25), (68, 26), (67, 25)])
    with pytest.warns(GeometryWarning, match="1 that cover nothing are taken as missing"):
        assert np.isnan(area_km2(flat))
    with pytest.warns(GeometryWarning), pytest.raises(GeometryError, match="missing or empty"):
        lonlat(flat)


@pytest.mark.parametrize(
    "area",
    [
        Polygon([(170, 10), (-170, 10), (-170, 20), (170, 20)]),
        Polygon(
            [(170, -10), (-160, -10), (-160, 10), (170, 10)],
            [[(175, -5), (-178, -5), (-178, 0)], [(-170, 2), (-165, 2), (-165, 5)]],
        ),
        Polygon([(0, 80), (90, 75), (180, 80), (-90, 80)], [[(10, 88), (60, 88), (40, 86)]]),
        Polygon([(0, -80), (-90, -75), (180, -80), (90, -80)]),
        # Antarctica as files draw it: along both sides of the antimeridian to the pole.
        Polygon([(-180, -80), (0, -70), (90, -75), (180, -80), (180, -90), (-180, -90)]),
    ],
)
def test_areas_over_the_antimeridian_and_poles_are_valid(area):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert lonlat(area)[0].equals_exact(area, 0)


@pytest.mark.parametrize("turn", [0, 100, 179.7])
def test_mending_is_as_anywhere_over_the_antimeridian(turn):
    def turned(xy):
        return np.c_[(xy[:, 0] + turn + 180 - 68) % 360 - 180, xy[:, 1]]

    with pytest.warns(GeometryWarning):
        here = area_km2(shapely.transform(BOW_TIE, turned))
    assert here == pytest.approx(5498.944632, rel=1e-8)


@pytest.mark.parametrize("pole", [1, -1])
def test_mending_around_a_pole(pole):
    """Two caps, one in the other, cover the same as the wider one."""
    lon = np.linspace(-180, 180, 73)
    wide = np.c_[lon, np.full(73, 80.0 * pole)]
    both = MultiPolygon([Polygon(wide), Polygon(wide + [0, 5 * pole])])
    with pytest.warns(GeometryWarning):
        assert area_km2(both) == pytest.approx(area_km2(Polygon(wide)), rel=1e-6)


def test_what_is_cut_at_the_antimeridian_is_valid():
    """The parts touch there on the globe; with which vertex they begin doesn't matter."""
    east, west = box(179.5, 1, 180, 2), box(-180, 1, -179.5, 2)
    for turn in range(4):
        ring = np.roll(np.asarray(west.exterior.coords)[:-1], turn, axis=0)
        both = MultiPolygon([east, Polygon(ring)])
        assert lonlat(both, invalid="raise").iloc[0].equals_exact(both, 0)


EMPTY = {
    "polygons": (MultiPolygon([box(67, 26, 68, 27), Polygon()]), box(67, 26, 68, 27)),
    "polygons, first": (MultiPolygon([Polygon(), box(67, 26, 68, 27)]), box(67, 26, 68, 27)),
    "a hole": (wkt.loads("POLYGON ((67 25, 68 26, 68 25, 67 25), EMPTY)"), None),
    "lines": (wkt.loads("MULTILINESTRING (EMPTY, (67 25, 68 26))"), LineString([(67, 25), (68, 26)])),
    "points": (shapely.multipoints([Point(67, 25), Point()]), Point(67, 25)),
}  # fmt: skip


@pytest.mark.parametrize("name", EMPTY)
def test_empty_parts_are_dropped(name):
    given, same = EMPTY[name]
    same = same if same is not None else Polygon(given.exterior)
    spot = Point(67.2, 28)
    away = distance_km(same, spot)
    assert distance_km(given, spot) == pytest.approx(away, abs=1e-9)
    assert nearest(spot, [given])["distance_km"].iloc[0] == pytest.approx(away, abs=1e-9)
    one, two = (shapely.normalize(buffer(x, 5)) for x in (given, same))
    if name == "points":
        # A circle of a point has other vertices than that of a point among several.
        assert one.symmetric_difference(two).area <= 1e-4 * two.area
    else:
        # Kernels may be compiled in between, which changes some nanometres.
        assert one.equals_exact(two, 1e-11)
    assert shapely.get_num_coordinates(densify(given, 5)) == shapely.get_num_coordinates(
        densify(same, 5)
    )
    if "lines" in name:
        assert (
            Chainage(given).locate(spot)["km"].iloc[0] == Chainage(same).locate(spot)["km"].iloc[0]
        )
        assert length_km(given) == length_km(same)


def test_only_empty_parts_is_empty():
    with pytest.raises(GeometryError, match="missing or empty"):
        lonlat(wkt.loads("MULTIPOLYGON (EMPTY, EMPTY)"))


@pytest.mark.parametrize(
    ("crs", "part"),
    [
        (4243, "EPSG:4145"),
        (24370, "no shift from its datum"),
        (24373, "Kalianpur 1962"),
        ("+proj=longlat +ellps=evrst30", "no shift"),
        ("+proj=longlat +ellps=evrst30 +nadgrids=not_here.gsb", "not_here.gsb"),
        (4978, "EPSG:4979"),
    ],
)
def test_datums_without_a_stated_shift_are_refused(crs, part):
    xy = (67.0, 25.0) if pyproj.CRS(crs).is_geographic else (2_743_000.0, 915_000.0)
    for call in (lonlat, check_points):
        with pytest.raises(CRSError, match=part):
            call(gpd.GeoSeries([Point(xy)], crs=crs))


@pytest.mark.parametrize(
    ("crs", "metres"),
    [
        (4145, (20, 140)),
        (4144, (60, 160)),
        # On the same datum but for the name.
        (4490, (0, 0)),
        ("+proj=longlat +ellps=WGS84", (0, 0)),
        ("OGC:CRS84", (0, 0)),
        (4979, (0, 1e-6)),
        (4258, (0, 1e-6)),
    ],
)
def test_datums_with_a_stated_shift_are_used(crs, metres):
    moved = lonlat(gpd.GeoSeries([Point(67, 25)], crs=crs)).iloc[0]
    away = GEOD.inv(67, 25, moved.x, moved.y)[2]
    assert metres[0] <= away <= metres[1]


def test_a_shift_that_the_crs_says():
    """A shift of earth-centred coordinates, by hand."""
    everest = pyproj.Proj("+proj=geocent +ellps=evrst30")
    wgs84 = pyproj.Proj("+proj=geocent +ellps=WGS84")
    xyz = pyproj.Transformer.from_proj("+proj=longlat +ellps=evrst30", everest).transform(67, 25, 0)
    there = pyproj.Transformer.from_proj(wgs84, "+proj=longlat +ellps=WGS84")
    expected = there.transform(*np.add(xyz, (283, 682, 231)))[:2]
    crs = "+proj=longlat +ellps=evrst30 +towgs84=283,682,231"
    moved = lonlat(gpd.GeoSeries([Point(67, 25)], crs=crs)).iloc[0]
    assert (moved.x, moved.y) == pytest.approx(expected, abs=1e-9)


def test_projections_of_china():
    """CGCS2000 / 3-degree Gauss-Kruger 75E is the transverse Mercator of its meridian."""
    x, y = pyproj.Proj("+proj=tmerc +lon_0=75 +x_0=500000 +ellps=GRS80")(76.0, 39.5)
    moved = lonlat(gpd.GeoSeries([Point(x, y)], crs=4534)).iloc[0]
    assert (moved.x, moved.y) == pytest.approx((76.0, 39.5), abs=1e-10)


def test_what_passed_the_door_passes_again_unseen():
    series = gpd.GeoSeries([Point(67.1, 25.5), None, Point(67, 27)], index=list("abc"), crs=4326)
    line = LineString([(67, 25), (67, 26)])
    points, shapes, target = check_points(series), check(series, missing="keep"), check(line)
    assert points.here.tolist() == [0, 2]
    assert points.xy.tolist() == [[67.1, 25.5], [67, 27]]
    assert check_points(points) is points
    assert check(shapes, missing="keep") is shapes
    expected = nearest(series, line)
    for given in (points, shapes):
        assert nearest(given, target).equals(expected)
        assert Chainage(target).locate(given).equals(Chainage(line).locate(series))
        assert distance_km(given, target).equals(distance_km(series, line))
        assert distance_matrix_km(given, target).equals(distance_matrix_km(series, line))
    assert distance_km(check(Point(67.1, 25.5)), target) == distance_km(Point(67.1, 25.5), line)
    with pytest.raises(GeometryError, match="missing"):
        check(shapes)
    with pytest.raises(GeometryError, match="LineString"):
        check_points(target)


ODD = {
    "missing": None,
    "empty": Point(),
    "of one point": shapely.MultiPoint([(67, 25)]),
    "a line without length": LineString([(67, 25), (67, 25)]),
    "a collection": shapely.GeometryCollection([Point(67, 25)]),
    "no number": Point(np.nan, 25),
    "no numbers": Point(np.nan, np.nan),
    "infinite": Point(67, np.inf),
    "beyond 90": Point(67, 90.5),
    "beyond -90": Point(67, -90.5),
    "beyond 180": Point(180.5, 25),
    "beyond -180": Point(-180.5, 25),
    "the last meridian": Point(-180, 25),
    "beyond 90 east": Point(120, 25),
    "a pole": Point(0, -90),
    "minus zero": Point(-0.0, 25),
    "high": Point(67, 25, 100),
    "measured": wkt.loads("POINT M (67 25 3)"),
}
FINE = {
    "missing", "empty", "the last meridian", "beyond 90 east", "a pole", "minus zero", "high",
    "measured",
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_many_points_are_checked_as_few(name, monkeypatch):
    points = shapely.points(np.random.default_rng(5).uniform((61, 24), (77, 37), (20_000, 2)))
    points[12_345] = ODD[name]
    many = gpd.GeoSeries(points, crs=4326)

    def answer(look):
        try:
            found = look(many)
        except CpecgeoError as error:
            return str(error)
        if look is check_points:
            return found.xy.tobytes(), None if found.here is None else found.here.tolist()
        return shapely.to_wkb(found.geoms).tolist(), found.kind.tolist(), found.xy.tobytes()

    def keep(points):
        return check(points, kinds={"Point"}, missing="keep")

    quick = [answer(look) for look in (check_points, check, keep)]
    monkeypatch.setattr(_paths, "_MANY_POINTS", 10**9)
    assert quick == [answer(look) for look in (check_points, check, keep)]
    assert isinstance(quick[0], str) == (name not in FINE)


def test_options_of_the_door():
    with pytest.raises(InputError, match="invalid is"):
        lonlat(Point(67, 25), invalid="repair")


def test_no_polygon_is_drawn_otherwise_for_those_before_it():
    """If rounding moved an edge and its reverse apart, valid polygons would be mended."""
    rng = np.random.default_rng(4)
    rings = rng.uniform((-80, -40), (80, 40), (30, 5, 2))
    areas = np.array([Polygon(ring) for ring in rings])
    planes, pole = _rules._planes(areas)
    assert not pole.any()
    assert np.array_equal(planes, shapely.get_coordinates(areas))


def stars(polygons):
    """Return which polygons are clearly valid; there are enough others for this to be tested."""
    turn = np.linspace(0, 2 * np.pi, 10_000)[:-1]
    disc = shapely.Polygon(np.column_stack((np.cos(turn), np.sin(turn))))
    found = _paths.are_stars(_paths.paths(np.array([*polygons, disc])), len(polygons) + 1)
    assert found[-1]
    return found[:-1]


def test_polygons_that_are_clearly_valid_are_so():
    """Rings that go around once pass, those that go around twice don't, nor what GEOS refuses."""
    turn = np.linspace(0, 2 * np.pi, 8)[:-1]
    ring = np.column_stack((np.cos(turn), np.sin(turn)))
    # Every second corner: it goes around twice, always turning the same way.
    twice = ring[np.arange(7) * 2 % 7]
    made = [
        ring,
        ring[::-1],
        twice,
        ring * 1e-13 + (67, 25),
        ring[[0, 1, 1, 2, 3]],
        ring[[0, 1, 3, 2]],
    ]
    polygons = np.array([shapely.Polygon(r) for r in made], dtype=object)
    assert stars(polygons).tolist() == [True, True, False, False, False, False]
    two = shapely.MultiPolygon([polygons[0], shapely.Polygon(ring + (5, 0))])
    holed = polygons[0] - shapely.box(-0.1, -0.1, 0.1, 0.1)
    assert not stars(np.array([holed, two])).any()
    rng = np.random.default_rng(8)
    for corners in (3, 4, 5, 9, 40):
        spread = rng.uniform(0, 2 * np.pi, (400, corners))
        spread[::2].sort(axis=1)
        away = rng.uniform(0.01, 1, (400, corners))
        rings = np.stack((away * np.cos(spread), away * np.sin(spread)), axis=-1)
        many = shapely.polygons(rings + rng.uniform(-100, 100, (400, 1, 2)) * (1, 0.7))
        found = stars(many)
        assert shapely.is_valid(many[found]).all()
        assert found.any() or corners not in (5, 9)


def test_stars_over_the_antimeridian_and_around_poles():
    """They are clearly valid wherever they lie; bow ties and figures of eight never are."""
    turn = np.radians(np.arange(12) * 30.0)
    ring = np.column_stack((np.cos(turn), np.sin(turn)))
    crossed = ring[[0, 6, 7, 1]]
    plane = {"plain": (67, 25), "antimeridian": (179.9, -17), "other side": (-179.5, 40)}
    made = []
    for middle in plane.values():
        for shape in (ring, crossed):
            lon, lat = (shape + middle).T
            made.append(np.column_stack(((lon + 180) % 360 - 180, lat)))
    lon = np.arange(12) * 30.0 - 180.0
    for pole in (1, -1):
        made.append(np.column_stack((lon, np.full(12, 80.0 * pole))))
        made.append(np.column_stack((lon[[0, 6, 7, 1]], np.full(4, 80.0 * pole))))
    assert stars([shapely.Polygon(r) for r in made]).tolist() == [True, False] * 5


RING = LinearRing([(67, 25), (68, 25), (68, 26)])
ON_RINGS = {
    "left side": lambda x: buffer(x, 3, side="left"),
    "flat caps": lambda x: buffer(x, 3, cap="flat"),
    "densify": lambda x: densify(x, 10),
    "length": length_km,
    "turns": turning_deg_per_km,
}


@pytest.mark.parametrize("name", ON_RINGS)
def test_rings_are_lines(name):
    verb, line = ON_RINGS[name], LineString(RING.coords)
    assert verb(RING) == verb(line)
    rings, lines = (gpd.GeoSeries([g, None, line], crs=4326) for g in (RING, line))
    assert verb(rings).equals(verb(lines))
    assert rings.geom_type[0] == "LinearRing"


def test_rings_with_heights_among_others_are_lines():
    high = LinearRing([(67, 25, 1), (68, 25, 2), (68, 26, 3)])
    checked = check([Point(67, 25), high, box(67, 25, 68, 26), RING])
    assert checked.kind.tolist() == shapely.get_type_id(checked.geoms).tolist() == [0, 1, 3, 1]
    assert checked.geoms[1] == checked.geoms[3] == LineString(RING.coords)
    assert len(checked.xy) == 1 + 4 + 5 + 4


def test_rings_are_refused_as_rings():
    with pytest.raises(GeometryError, match="x has LinearRing .*; Point is needed"):
        lonlat(RING, kinds={"Point"})
    assert lonlat(RING, kinds={"LinearRing"}).geom_type[0] == "LineString"

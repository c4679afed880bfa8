"""The tracer: on drawn lines whose course is known, and on a crop of the real tiles."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod, Transformer
from shapely.geometry import LineString, Point

from tests.effort import tries
from tools.trace.tiles import FULL, Raster, strength, without

ROOT = Path(__file__).parents[2]
GEOD = Geod(ellps="WGS84")
CROP = Path(__file__).with_name("tiles_n30.png")
ROADS = {
    f["id"]: f
    for f in json.loads((ROOT / "data/odbl/roads.geojson").read_text(encoding="utf-8"))["features"]
}
LEFT, TOP = 11177, 6861
LAND, TRUNK, MOTORWAY = (242, 239, 233), (247, 182, 162), (232, 146, 162)


def drawn(course, colour, size=(60, 80), fine=8):
    """A road as tiles show it: two pixels wide, antialiased; `course` gives y at x."""
    rows, columns = size
    y, x = (np.mgrid[: rows * fine, : columns * fine] + 0.5) / fine
    slope = np.gradient(course(x[0]), x[0])
    covered = (np.abs(y - course(x)) / np.hypot(1, slope) < 0.7).astype(float)
    share = covered.reshape(rows, fine, columns, fine).mean(axis=(1, 3))[..., None]
    return np.round((1 - share) * np.array(LAND) + share * np.array(colour)).astype(np.uint8)


def test_pixels_are_web_mercator():
    raster = Raster(np.zeros((1024, 1024)), 42 * 256, 24 * 256)
    lonlat = np.array([[61.0, 25.0], [67.01, 24.86], [75.9, 39.4]])
    xy = raster.pixels(lonlat)
    assert np.allclose(raster.lonlat(xy), lonlat, atol=1e-9)
    east, north = Transformer.from_crs(4326, 3857, always_xy=True).transform(*lonlat.T)
    metres = 2 * np.pi * 6378137 / (256 * 2**6)
    half = np.pi * 6378137
    assert np.allclose(xy[:, 0] + raster.left, (east + half) / metres)
    assert np.allclose(xy[:, 1] + raster.top, (half - north) / metres)


@pytest.mark.parametrize(("road", "colour"), [("trunk", TRUNK), ("motorway", MOTORWAY)])
def test_a_class_is_strong_in_its_own_colour_only(road, colour):
    other = MOTORWAY if colour == TRUNK else TRUNK
    picture = Raster(np.array([[LAND, colour, other, (170, 211, 223)]], np.uint8), 0, 0)
    land, own, beside, water = strength(picture, road).grid[0]
    assert land == water == 0
    assert own > 0.8 * FULL
    assert beside <= 0.15 * FULL
    assert (strength(picture, "any").grid[0, 1:3] > 0.8 * FULL).all()


class TestWithSkimage:
    @pytest.fixture(autouse=True)
    def _needs(self):
        pytest.importorskip("skimage", reason="the tracer's own dependency: group trace")

    @given(
        st.lists(
            st.tuples(st.floats(66, 68), st.floats(27, 29)), min_size=3, max_size=30, unique=True
        ),
        st.floats(0.1, 20),
    )
    @tries(40)
    def test_no_vertex_that_is_left_out_is_further_off_than_told(self, xy, km):
        from tools.trace.roads import thinned

        xy = np.array(xy)
        keep = thinned(xy, km, fixed=[1])
        assert keep[0] == 0
        assert keep[-1] == len(xy) - 1
        assert 1 in keep
        for a, b in pairwise(keep):
            # In a plane around the edge, which is right to a few metres on 200 km.
            scale = np.array([111.32 * np.cos(np.radians(xy[a : b + 1, 1].mean())), 110.8])
            edge = LineString(xy[[a, b]] * scale)
            for i in range(a + 1, b):
                assert edge.distance(Point(xy[i] * scale)) < km * 1.02 + 0.3

    @staticmethod
    def traced(picture, road, anchors):
        from tools.trace.centre import centred
        from tools.trace.path import least_cost, snap

        raster = strength(Raster(picture, 0, 0), road)
        spots = np.array([snap(raster, np.array(a, float)) for a in anchors])
        return raster, centred(raster, least_cost(raster, spots))

    @pytest.mark.parametrize(("road", "colour"), [("trunk", TRUNK), ("motorway", MOTORWAY)])
    def test_the_centre_is_found_to_a_fraction_of_a_pixel(self, road, colour):
        def course(x):
            return 30 + 9 * np.sin(x / 9)

        _, line = self.traced(drawn(course, colour), road, [(5, course(5)), (75, course(75))])
        off = np.abs(line[:, 1] - course(line[:, 0]))[6:-6]
        assert np.quantile(off, 0.95) < 0.35
        assert np.median(off) < 0.15

    def test_of_two_roads_the_right_class_is_followed(self):
        def trunk(x):
            return 0 * x + 20.3

        def motorway(x):
            return 0 * x + 26.4

        both = np.minimum(drawn(trunk, TRUNK), drawn(motorway, MOTORWAY))
        for road, course in (("trunk", trunk), ("motorway", motorway)):
            _, line = self.traced(both, road, [(4, course(4)), (76, course(76))])
            assert np.abs(line[:, 1] - course(line[:, 0])).max() < 0.2

    def test_what_a_label_covers_is_bridged_and_told(self):
        from tools.trace.centre import visible

        def course(x):
            return 30 + x / 8

        picture = drawn(course, TRUNK)
        picture[:, 34:48] = (250, 248, 245)
        raster, line = self.traced(picture, "trunk", [(5, course(5)), (75, course(75))])
        seen = visible(raster, line)
        hidden = line[~seen, 0]
        assert hidden.min() == pytest.approx(34, abs=2.5)
        assert hidden.max() == pytest.approx(48, abs=2.5)
        assert np.abs(line[:, 1] - course(line[:, 0])).max() < 1

    @pytest.mark.parametrize("km", [8, 16, 24])
    def test_visible_roads_cut_and_joined_are_within_a_tenth_of_the_cut(self, km):
        """Real bends: what is hidden here is known, so this is how good a hidden leg is."""
        from tools.trace.centre import STEP, _spaced, bridged

        whole = Raster(np.zeros((1, 1)), 42 * 256, 24 * 256)
        cut, off = round(km / 2.1 / STEP), []
        for road in ("n85", "n40", "n25", "m4", "m5", "central", "n50-zhob-kuchlak"):
            feature = ROADS[road]
            line = _spaced(whole.pixels(feature["geometry"]["coordinates"]))
            for i in range(20, len(line) - cut - 20, cut):
                part = line[i - 20 : i + cut + 20]
                corner = np.floor(part.min(axis=0)) - 4
                local = part - corner
                columns, rows = np.ceil(local.max(axis=0)).astype(int) + 5
                grid = np.zeros((rows, columns))
                for x, y in np.floor(np.vstack((local[:20], local[-20:]))).astype(int):
                    grid[y - 1 : y + 2, x - 1 : x + 2] = FULL
                straight = local.copy()
                straight[20:-20] = np.linspace(local[20], local[-21], len(local) - 40)
                joined, seen = bridged(Raster(grid, 0, 0), straight, local[[0, -1]])
                assert not seen[30:-30].any()
                curve = LineString(joined)
                off += [curve.distance(Point(xy)) * 1.85 for xy in local[20:-20]]
        assert len(off) > 500
        assert np.quantile(off, 0.95) < km / 10

    def test_between_exact_anchors_nothing_is_taken_from_another_road(self):
        from tools.trace.centre import bridged, centred
        from tools.trace.path import least_cost

        picture = drawn(lambda x: 30 + 9 * np.sin(x / 9), TRUNK)
        raster = strength(Raster(picture, 0, 0), "trunk")
        anchors = np.array([(5.0, 45.0), (40.0, 42.0), (75.0, 45.0)])
        line = centred(raster, least_cost(raster, anchors, [0, 1]))
        answer, seen = bridged(raster, line, anchors, [0, 1, 2])
        assert not seen[3:-3].any()
        for anchor in anchors:
            assert np.hypot(*(answer - anchor).T).min() < 1e-9
        assert (answer[:, 1] > 41).all()

    def test_where_a_road_goes_on_it_turns_as_the_road_does(self):
        from tools.trace.roads import Tracer

        def course(x):
            return 20.5 + np.maximum(40 - x, 0)

        # As at Zhob: along the pixels up to the corner, and away from it across them.
        picture = Raster(drawn(course, TRUNK), 0, 0)
        start, corner, on = picture.lonlat([(75.0, 20.5), (40.0, 20.5), (12.0, 48.5)]).tolist()
        tracer = Tracer(picture, pd.DataFrame(), {}, set())
        road = {"class": "trunk", "via": [start, corner]}
        ends = [tracer._course(r)[0][-1] for r in (road, road | {"beyond": on})]
        off = [float(np.hypot(*(end - (40, 20.5)))) for end in ends]
        assert off[1] < off[0]

    def test_a_road_goes_on_as_one_of_another_class(self):
        from tools.trace.roads import _classes, _nodes

        road = {"class": "motorway", "via": ["a", [1, 2], "trunk", [3, 4], "straight", "b"]}
        assert _classes(road) == [
            ("motorway", ["a", [1, 2]]),
            ("trunk", [[1, 2], [3, 4], "straight", "b"]),
        ]
        assert list(_nodes(road)) == ["a", "b"]

    def test_the_real_road_comes_out_again(self):
        from PIL import Image

        from tools.trace.roads import Tracer

        picture = Raster(np.asarray(Image.open(CROP).convert("RGB")), LEFT, TOP)
        points = pd.read_csv(ROOT / "data" / "waypoints.csv").set_index("id")
        plan = json.loads((ROOT / "tools/trace/roads.json").read_text(encoding="utf-8"))
        (road,) = [r for r in plan["roads"] if r["id"] == "n30"]
        committed = json.loads((ROOT / "data/odbl/roads.geojson").read_text(encoding="utf-8"))
        (known,) = [f for f in committed["features"] if f["id"] == "n30"]

        def again():
            tracer = Tracer(picture, points, {}, set(plan["covered"]))
            xy, stops = known["geometry"]["coordinates"], known["properties"]["stops"]
            for name in ("n30-khuzdar", "n30-besima"):  # fixed by the N-25 and the N-85
                given = tuple(points.loc[name, ["lon", "lat"]].astype(float))
                tracer.fixed[given] = tuple(xy[stops[name]])
            return json.dumps(tracer.trace(road))

        text = again()
        assert again() == text, "the same bytes each time"
        feature = json.loads(text)
        assert feature["properties"]["stops"].keys() == known["properties"]["stops"].keys()
        line = LineString(known["geometry"]["coordinates"])
        off = [line.distance(Point(v)) * 105 for v in feature["geometry"]["coordinates"]]
        assert max(off) < 0.05

    def test_stops_with_one_foot_are_moved_apart(self):
        from tools.trace.roads import APART_KM, _apart

        km = _apart(np.array([5.0, 0.0, 5.0, 9.99, 10.0, 10.0]), 10.0)
        assert (np.diff(np.sort(km)) >= APART_KM - 1e-9).all()
        assert km.min() == 0
        assert km.max() == 10
        assert km[1] == 0


def test_every_anchor_of_the_plan_exists():
    plan = json.loads((ROOT / "tools/trace/roads.json").read_text(encoding="utf-8"))
    known = set(pd.read_csv(ROOT / "data" / "waypoints.csv")["id"])
    named = {*plan["placed"], *plan["covered"]}
    for road in plan["roads"]:
        words = {"straight", "trunk", "motorway", "any"}
        named |= {v for v in road["via"] if isinstance(v, str)} - words
        named |= set(road.get("passes", []))
    assert named <= known


def test_pixels_of_another_road_are_left_out():
    raster = Raster(np.full((4, 5), FULL), LEFT, TOP)
    spot = raster.lonlat([[2.9, 1.2]])
    grid = without(raster, spot).grid
    assert grid[1, 2] == 0
    assert (grid == FULL).sum() == 19
    assert (raster.grid == FULL).all(), "what was given stays"

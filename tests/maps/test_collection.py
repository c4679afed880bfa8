"""Several things on one map: told apart by colour, offset and name; the map's title."""

import itertools

import geopandas as gpd
import pytest
from conftest import MAP
from shapely.geometry import LineString, Point

from cpecgeo import corridor
from cpecgeo.features.corridor import Corridor
from cpecgeo.maps import Map, cpec_map
from cpecgeo.maps.colors import CATEGORIES, LOOKS

ALIGNMENTS = ("western", "central", "eastern")


def corridors(page):
    layers = page.data()["layers"]
    return [one for key, one in layers.items() if key.startswith("corridor-")]


def line(name, *points):
    frame = gpd.GeoDataFrame(
        {"name": [name], "kind": ["road"]}, geometry=[LineString(points)], crs=4326
    )
    return Corridor.from_line(frame, name=name, title=name)


@pytest.fixture(scope="module")
def three():
    page = Map()
    for name in ALIGNMENTS:
        page.add(name)
    return page


def test_corridors_of_one_kind_have_colours_of_their_own(three):
    colors = [{look["color"] for look in one["looks"]} for one in corridors(three)]
    assert all(len(some) == 1 for some in colors)
    distinct = set().union(*colors)
    # The set is tested for colour-vision deficiencies as a whole.
    assert len(distinct) == 3
    assert distinct <= set(CATEGORIES)
    assert colors[0] == {LOOKS["road"].color}
    for one, color in zip(corridors(three), colors, strict=True):
        assert [{entry["color"]} for entry in one["legend"]] == [color]
    # The dash still says the status.
    assert {look["dash"] for look in corridors(three)[0]["looks"]} == {"", "3 1.6"}


def test_a_corridor_alone_and_one_of_another_kind_keep_the_colour_of_their_kind():
    page = Map().add("kkh").add("ml2")
    assert [one["looks"][0]["color"] for one in corridors(page)] == [
        LOOKS["road"].color, LOOKS["rail"].color,
    ]  # fmt: skip
    assert [one["legend"][0]["label"] for one in corridors(page)] == ["Road", "Railway"]
    assert not any("aside" in one["style"] for one in corridors(page))


def test_a_colour_that_was_given_stays():
    page = Map().add("western", color="#112233").add("central").add("eastern")
    colors = [one["looks"][0]["color"] for one in corridors(page)]
    assert colors[0] == "#112233"
    assert len(set(colors)) == 3


def test_lines_on_each_other_run_side_by_side_whichever_way_they_run():
    ends = (67.0, 25.0), (67.5, 26.0), (68.0, 27.0)
    page = Map().add(line("up", *ends)).add(line("down", *ends[::-1]))
    up, down = (one["style"]["aside"] for one in corridors(page))
    # The right of a line to the south is the left of one to the north.
    assert up == down == -2.5
    apart = Map().add(line("a", *ends)).add(line("b", (70, 25), (71, 27)))
    assert not any("aside" in one["style"] for one in corridors(apart))


def test_names_stand_where_only_one_line_runs(three):
    styles = [one["style"] for one in corridors(three)]
    assert [style["brief"] for style in styles] == ["Western", "Central", "Eastern"]
    for name, style in zip(ALIGNMENTS, styles, strict=True):
        sections = corridor(name).sections["name"].astype(str).tolist()
        own = [s for k, s in enumerate(sections) if k not in style["labelZooms"]]
        assert own
        assert len(own) < len(sections)
        # All three begin on the highway from Khunjerab.
        assert 0 in style["labelZooms"]


def test_the_title_names_all_of_three_or_says_how_many_more_there_are():
    page = Map()
    for name in ("a", "b", "b", "c"):
        page.add(Point(67, 25), name=name)
    assert page.title == "a; b; c"
    page.add(Point(68, 25), name="d")
    assert page.title == page.data()["title"] == "a and 3 more"
    assert "<h1>a and 3 more</h1>" in page.html()


def test_a_title_of_the_users_own_stays():
    page = Map(title="Mine").add("ml2").add("kkh")
    assert page.title == "Mine"
    later = Map().add("ml2")
    later.title = "Later"
    assert later.add("kkh").title == "Later"


def test_the_things_of_a_list_are_all_in_the_title():
    titles = [str(corridor(name).title) for name in ("western", "central")]
    assert Map().add(["western", "central"]).title == "; ".join(titles)


def test_a_joined_title_is_translated_name_by_name():
    titles = [Map(lang="zh").add(name).data()["title"] for name in ("ml1", "kkh")]
    both = Map(lang="zh").add("ml1").add("kkh")
    assert both.data()["title"] == "；".join(titles)
    for name in ("x", "y"):
        both.add(Point(67, 25), name=name)
    assert both.data()["title"] == f"{titles[0]} 及其他 3 项"


SAMPLES = """() => [...document.querySelectorAll('.leaflet-control-layers label')]
  .filter(one => one.textContent.includes('alignment'))
  .map(one => one.querySelector('svg path')?.getAttribute('stroke'))"""
NAMES = """() => [...document.querySelectorAll('.cpec-label-line')]
  .map(one => [one.textContent, getComputedStyle(one).color])"""
PLACES = f"""() => {{
  const map = {MAP};
  return {[f"corridor-{name}" for name in ALIGNMENTS]}.map((key) => {{
    const line = map.cpec.layers[key].cpecItems[0];
    const far = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);
    const own = line._rings[0][1], at = line.getLatLngs().flat().map((p) => map.latLngToLayerPoint(p));
    return [Math.min(...at.map((p) => far(p, own))), line.options.color];
  }});
}}"""


@pytest.mark.browser
def test_three_alignments_are_told_apart_on_the_screen(three, visit, settled, tmp_path):
    page = visit(three.save(tmp_path / "map.html"))
    settled(page)
    samples = page.evaluate(SAMPLES)
    assert len(samples) == len(set(samples)) == 3
    names = dict(page.evaluate(NAMES))
    assert {"Western", "Central", "Eastern"} <= set(names)
    rgb = {"rgb({}, {}, {})".format(*(int(c[k : k + 2], 16) for k in (1, 3, 5))) for c in samples}
    assert {names[name] for name in ("Western", "Central", "Eastern")} == rgb
    legend = page.locator(".cpec-legend").inner_text()
    assert all(str(corridor(name).title)[:22] in legend for name in ALIGNMENTS)
    offsets, colors = zip(*page.evaluate(PLACES), strict=True)
    assert set(colors) == set(samples)
    # The middle line isn't moved; the others are drawn some pixels beside it.
    assert offsets[1] < 1
    assert all(2 < far < 8 for far in (offsets[0], offsets[2]))
    assert all(a != b for a, b in itertools.pairwise(colors))


@pytest.mark.browser
def test_the_layer_list_shows_the_colours_of_classes(visit, tmp_path):
    frame = gpd.GeoDataFrame(
        {"pupils": [10, 20, 30, 90]}, geometry=[Point(67, 25 + k) for k in range(4)], crs=4326
    )
    made = Map().add(frame, name="schools", color="pupils", k=4)
    page = visit(made.save(tmp_path / "map.html"))
    colors = page.locator(".leaflet-control-layers .cpec-classes i").evaluate_all(
        "all => all.map((e) => [e.style.backgroundColor, e.getBoundingClientRect().width])"
    )
    assert len({color for color, _ in colors}) == 3
    assert all(wide > 3 for _, wide in colors)


def test_only_the_map_of_all_corridors_says_that_it_shows_the_network():
    assert cpec_map().subtitle
    assert not cpec_map(["ml1"]).subtitle

"""What reports say, against the analyses asked directly; pages that ask for nothing."""

import dataclasses
import json
import re
from html.parser import HTMLParser

import pandas as pd
import pytest

import cpecgeo as cg
from cpecgeo.errors import FileError, InputError, InputTypeError, UnknownNameError
from cpecgeo.reports import Part, Report

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "</title></style></iframe><svg onload=alert(3)>",
    "{{ 7*7 }}{% raw %}${7*7}",
    "a|b\n# c\n| d |",
    "[x](javascript:alert(4))",
    "' onmouseover='alert(5)",
]


@pytest.fixture(scope="module")
def ml1():
    return cg.report("ML-1", draw=False)


def test_the_figures_are_those_of_the_analyses(ml1):
    thing, told = cg.corridor("ml1"), ml1.to_dict()
    assert told["glance"]["drawn_km"] == round(thing.length_km, 3)
    assert told["glance"]["published_km"] == 1733
    assert [r["name"] for r in told["sections"]] == thing.sections["name"].tolist()
    crossed = thing.crossed("districts")
    assert [r["length_km"] for r in told["districts"]] == crossed["length_km"].tolist()
    people = cg.exposure(thing, [5, 10, 25, 50])
    assert [r["population"] for r in told["people"]] == people["population"].tolist()
    assert told["climb"][0]["climb_m"] == thing.profile(1.0).attrs["climb_m"]
    assert sum(r["share"] for r in told["by_status"]) == pytest.approx(1)
    near = cg.nearest(cg.layer("zones").dropna(subset="geometry"), thing)["distance_km"]
    assert min(r["distance_km"] for r in told["near"] if r["kind"] == "zone") == near.min()
    assert len(told["figures"]) == len(thing.competing)


def test_km_posts_lie_where_the_corridor_has_them(ml1):
    thing = cg.corridor("ml1")
    for post in ml1.to_dict()["km_posts"][1::5]:
        spot = thing.at(post["post_km"])
        assert (spot.x, spot.y) == pytest.approx((post["lon"], post["lat"]))


def test_json_round_trip(ml1, tmp_path):
    path = ml1.save(tmp_path / "r.json")
    assert json.loads(path.read_text(encoding="utf-8")) == ml1.to_dict()
    assert "NaN" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("asked", "keys"),
    [
        (("Torkham",), {"glance", "corridors", "closures", "reached", "people", "towns"}),
        (("Gwadar Port",), {"glance", "corridors", "people", "crossings", "zones"}),
        (("Reko Diq",), {"glance", "corridors", "figures"}),
        (("western", "central", "eastern"), {"corridors", "by_status", "provinces", "apart"}),
        ((["Khunjerab", "ml1"],), {"corridors", "sites", "people", "apart"}),
        (("ml4",), {"glance", "sections", "climb"}),
    ],
)
def test_every_kind_of_thing(asked, keys):
    made = cg.report(*asked, draw=False)
    told = made.to_dict()
    assert keys <= set(told)
    assert made.caveats
    assert made.sources
    assert told["data_version"] == cg.layer("ports").attrs["data_version"]


def test_whatever_has_a_shape_has_a_report():
    """Sections, districts, routes, catchments, geometries and tables, and all of them mixed."""
    route = cg.route("Lahore", "Karachi")
    section = cg.layer("sections").set_index("id").loc["raikot-thakot"]
    told = cg.report("raikot-thakot", draw=False).to_dict()
    assert told["title"] == section["name"]
    assert told["glance"]["official_km"] == 280
    assert told["glance"]["drawn_km"] == pytest.approx(cg.length_km(section.geometry), abs=1e-3)
    assert told["corridors"][0]["distance_km"] == 0
    legs = cg.report(route, draw=False).to_dict()
    assert legs["title"] == "Lahore \u2013 Karachi"
    assert sum(leg["km"] for leg in legs["legs"]) == pytest.approx(legs["glance"]["chainage_km"])
    quetta = cg.report("district:Quetta", draw=False).to_dict()
    assert "Quetta" in {town["name"] for town in quetta["towns"]}
    assert quetta["glance"]["area_km2"] == pytest.approx(2940, rel=0.01)
    reach = cg.report(cg.reach("Gwadar", km=50, mode="road"), draw=False).to_dict()
    assert reach["glance"]["limit"] == "50 km"
    spot = cg.report(cg.place("Gwadar Port").point, draw=False).to_dict()
    assert spot["people"] == cg.report("Gwadar Port", draw=False).to_dict()["people"]
    mixed = cg.report([route, cg.market("Torkham"), "ml1", "district:Quetta"], draw=False).to_dict()
    assert [row["title"] for row in mixed["shapes"]] == ["Lahore \u2013 Karachi", "Quetta"]
    assert [row["id"] for row in mixed["apart"]][1:3] == ["torkham", "ml1"]


def test_a_report_begins_with_its_three_figures(ml1):
    thing = cg.corridor("ml1")
    (lead,) = ml1.parts[0].text
    assert f"{thing.official_km:,.0f} km long by the published figure" in lead
    assert f"({thing.length_km:,.0f} km as drawn)" in lead
    assert "All of it operates" in lead
    near = cg.exposure(thing, [10])["population"].sum()
    assert f"{near:,.0f} people" in lead
    (mixed,) = cg.report("ml4", draw=False).parts[0].text
    assert "None of it operates" in mixed


def test_a_report_speaks_to_people():
    frame = pd.DataFrame({"status": ["under_construction"], "share": [1.0]})
    text = Report("t", "s", (Part("rows", "Rows", (), frame),), (), (), "0").to_html()
    assert ">under construction<" in text
    assert "100.0\u00a0%<" in text


@pytest.mark.browser
def test_a_map_in_a_notebooks_report_has_room(chromium, tmp_path):
    outer = tmp_path / "notebook.html"
    outer.write_text(
        f"<!DOCTYPE html><meta charset='utf-8'><div style='width:900px'>"
        f"{cg.report('taxila-havelian')._repr_html_()}</div>"
    )
    page = chromium.new_page(viewport={"width": 1000, "height": 800})
    page.goto(outer.as_uri())
    box = page.locator("iframe").bounding_box()
    assert box["width"] > 850
    assert box["height"] > 450
    page.close()


def test_a_market_is_told_as_market_says():
    told = cg.report("Torkham", draw=False).to_dict()
    sheet = cg.market("Torkham")
    assert told["glance"]["published_elevation_m"] == sheet.elevation_m
    assert told["corridors"][0]["target"] == "peshawar-torkham"
    assert told["closures"][0]["from"] == "2025-10"
    assert len(told["reached"]) == min(15, len(sheet.reached.towns))


def test_heights_that_differ_are_explained():
    told = cg.report("Torkham", draw=False).to_dict()
    sheet = told["glance"]
    apart = abs(sheet["published_elevation_m"] - sheet["grid_elevation_m"])
    assert apart > 300
    assert [t for t in told["caveats"] if f"{apart:,.0f} m apart" in t and "0.6 km" in t]
    # 81 m at a pass of 4,700 m is what a cell of 0.9 km can be off by.
    near = cg.report("Khunjerab", draw=False).to_dict()["caveats"]
    assert not [t for t in near if "apart" in t]


def test_several_are_told_apart():
    told = cg.report("western", "central", draw=False).to_dict()
    assert [r["id"] for r in told["corridors"]] == ["western", "central"]
    assert told["corridors"][0]["drawn_km"] == round(cg.corridor("western").length_km, 3)
    assert told["apart"][0] == {"id": "western", "western": 0.0, "central": 0.0}


def test_markdown_tables_are_whole(ml1):
    text = ml1.to_markdown()
    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert len(tables) >= 8
    for table in tables:
        cells = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(cells) == 1


def hostile():
    frame = pd.DataFrame(dict.fromkeys(HOSTILE, HOSTILE))
    parts = (
        Part("glance", HOSTILE[0], (HOSTILE[1],), frame.iloc[:1]),
        Part("rows", HOSTILE[2], tuple(HOSTILE), frame),
    )
    return Report(HOSTILE[0], HOSTILE[1], parts, tuple(HOSTILE), tuple(HOSTILE), "0")


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]


@pytest.mark.parametrize("how", ["to_html", "_repr_html_"])
def test_hostile_text_stays_text(how):
    read = Tags(getattr(hostile(), how)())
    assert not {"script", "img", "svg", "iframe", "a"} & set(read.tags)
    assert not [name for name in read.attributes if name.startswith("on")]
    assert "49" not in getattr(hostile(), how)()


def test_hostile_text_stays_text_in_markdown():
    text = hostile().to_markdown()
    assert "<" not in text
    assert not re.search(r"(?<!\\)\]\(", text)
    assert not re.search(r"^# c", text, re.MULTILINE)


def test_a_hostile_name_of_a_thing():
    named = dataclasses.replace(cg.corridor("taxila-havelian"), title=HOSTILE[1])
    read = Tags(cg.report(named, draw=False).to_html())
    assert "img" not in read.tags


def test_years_are_not_counted_in_thousands_and_shares_have_bars():
    frame = pd.DataFrame({"year": [2022, 2023], "towns": [1234, 5], "share": [0.25, 0.75]})
    made = Report("t", "s", (Part("rows", "Rows", (), frame),), (), (), "0").to_html()
    assert ">2022<" in made
    assert ">1,234<" in made
    lengths = [float(n) for n in re.findall(r'class="bar" style="width:([\d.]+)em"', made)]
    assert lengths[1] == 3 * lengths[0]


def test_the_same_report_gives_the_same_page():
    made = [cg.report("taxila-havelian").to_html() for _ in range(2)]
    assert made[0] == made[1]
    assert len(made[0]) < 2_000_000


@pytest.mark.browser
def test_the_page_works_without_any_request(chromium, tmp_path):
    path = cg.report("mining").save(tmp_path / "mining.html")
    page = chromium.new_page()
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(path.as_uri())
    frame = page.frame_locator("iframe")
    frame.locator("html[data-ready]").wait_for(state="attached")
    assert frame.locator(".leaflet-pane path, .leaflet-pane canvas").count() > 0
    # The whole line is in view, though the frame had no size when its page began.
    scale = frame.locator(".leaflet-control-scale")
    scale.get_by_text(re.compile(r"^[1-9]\d\d km")).wait_for()
    assert page.locator("img").evaluate("image => image.naturalWidth > 100")
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert said == []
    page.close()


def test_a_file_is_written_whole_or_not_at_all(tmp_path, ml1):
    with pytest.raises(InputError, match=r"\.html, \.md or"):
        ml1.save(tmp_path / "r.docx")
    with pytest.raises(FileError):
        ml1.save(tmp_path / "none" / "r.html")
    assert list(tmp_path.iterdir()) == []


def test_bad_questions():
    with pytest.raises(UnknownNameError, match="ml1"):
        cg.report("ml11")
    with pytest.raises(InputTypeError, match="int"):
        cg.report(7)
    with pytest.raises(InputError, match="empty"):
        cg.report([])


def test_a_corridor_reports_on_itself():
    assert cg.corridor("ml2").report(draw=False).title == cg.corridor("ml2").title


def test_an_open_road_that_is_being_widened_is_not_said_to_be_missing():
    from cpecgeo.reports.corridors import list_caveats

    (text,) = (t for t in list_caveats(cg.corridor("western")) if "under construction" in t)
    assert text.startswith("298 km")
    assert "an open one being rebuilt" in text
    # 106 of these km are planned over an existing road.
    (text,) = (t for t in list_caveats(cg.corridor("central")) if "km are planned" in t)
    assert text.startswith("931 km are planned: a new way, not there yet, or one to be built over")

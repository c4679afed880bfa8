"""What reports say, against the analyses asked directly; pages that ask for nothing."""

import dataclasses
import json
import math
import re
from html.parser import HTMLParser

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import cpecgeo as cg
from cpecgeo.errors import (
    FileError,
    InputError,
    InputTypeError,
    MissingExtraError,
    UnknownNameError,
)
from cpecgeo.maps.colors import NAMED
from cpecgeo.maps.words import find_words
from cpecgeo.reports import Part, Report, document, render, sites
from cpecgeo.reports.nearby import (
    RADII_KM,
    People,
    clip_corridors,
    find_towns,
    lead_area,
    measure_people,
    tell_people,
    tell_range,
    tell_reached,
)
from cpecgeo.reports.sites import split_note, tell_away, tell_note
from cpecgeo.routing.border import rank_lengths

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
    assert told["glance"]["official_km"] == 1733
    assert [r["name"] for r in told["sections"]] == thing.sections["name"].tolist()
    crossed = thing.crossed("districts")
    assert [r["length_km"] for r in told["districts"]] == crossed["length_km"].tolist()
    people = cg.exposure(thing, [5, 10, 25, 50])
    assert [r["population"] for r in told["people"]] == people["population"].tolist()
    ground = thing.profile(1.0).attrs
    assert told["climb"][0]["climb_m"] == ground["climb_m"]
    whole = thing.chainage.end_km - thing.chainage.start_km
    part = f"those of {ground['climb_km']:,.0f} of {whole:,.0f} km"
    assert ground["climb_km"] < whole
    assert part in ml1.to_html()
    assert sum(r["share"] for r in told["by_status"]) == pytest.approx(1)
    near = cg.nearest(cg.layer("zones").dropna(subset="geometry"), thing)["distance_km"]
    # Python and compiled code, which may alternate between two calls, differ by 1e-12 km.
    least = min(r["distance_km"] for r in told["near"] if r["kind"] == "zone")
    assert least == pytest.approx(near.min(), abs=1e-9)
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
    lead = ml1.lead
    assert f"{thing.official_km:,.0f} km long by the published figure" in lead
    assert f"({thing.length_km:,.0f} km as drawn)" in lead
    assert "All of it operates" in lead
    near = cg.exposure(thing, [10]).iloc[0]
    low, high = (near[f"population_{end}"] / 1e6 for end in ("low", "high"))
    assert f"Towns of {low:.0f} to {high:.0f} million people" in lead
    assert f"({near['population'] / 1e6:.1f} million as drawn)" in lead
    assert "None of it operates" in cg.report("ml4", draw=False).lead


def test_no_town_is_said_as_no_town():
    for lang, said in (("en", "No town of the gazetteer lies within 10 km"), ("ur", "کوئی شہر"),
                       ("zh", "没有")):  # fmt: skip
        lead = cg.report("Reko Diq", draw=False, lang=lang).lead
        assert said in lead
        assert "Towns of" not in lead


@pytest.mark.parametrize("lang", ["en", "ur", "zh"])
def test_people_that_may_be_ten_times_as_many_are_a_range_with_the_towns_that_decide(lang):
    thing, say = cg.corridor("m2"), find_words(lang)
    made = cg.report(thing, draw=False, lang=lang)
    near = cg.exposure(thing, [10]).iloc[0]
    assert near["population_high"] > 10 * near["population_low"]
    said = tell_range(near["population_low"], near["population_high"], say)
    assert said == {"en": "0.9 to 17 million", "ur": "0.9 تا 17 ملین", "zh": "87 至 1,700万"}[lang]
    for text in (said, say.people(near["population"]), say.name("Lahore"), say.name("Rawalpindi")):
        assert text in made.lead
    (part,) = (p for p in made.parts if p.key == "people")
    rows = part.view.set_index("within_km")
    assert rows.loc[10, "population_range"] == said
    assert say.name("Lahore") in rows.loc[10, "depends_on"]
    assert rows.loc[10, "population_within"] == near["population"]
    for km in rows.index:
        near = cg.exposure(thing, [km]).iloc[0]
        low, high = (near[f"population_{end}"] / near["population"] for end in ("low", "high"))
        assert (rows.loc[km, "population_range"] != "") == (low < 0.8 or high > 1.2)
    assert said in made.to_html()


def test_the_towns_that_decide_are_open_and_at_most_two():
    found = cg.within("places", "m2", 10, certainty=["likely", "open"]).set_index("name")
    near = measure_people(cg.corridor("m2"))[10]
    assert near.names == tuple(found.nlargest(2, "population").index) == ("Lahore", "Rawalpindi")
    # Karachi alone is nearly all of this range.
    assert measure_people(cg.corridor("m9"))[10].names == ("Karachi",)
    side = cg.report("m2", "m5", draw=False)
    assert "towns of 0.9 to 17 million people" in side.lead
    view = next(p for p in side.parts if p.key == "people").view
    assert view["within_10_km_range"].iloc[0] == "0.9 to 17 million"


@pytest.mark.parametrize("name", ["m2", "m9", "western", "Torkham", "Sindh"])
def test_people_of_all_rings_are_those_of_each_radius(name):
    for km, near in measure_people(name).items():
        alone = cg.exposure(name, [km]).iloc[0]
        assert near.towns == alone["features"]
        assert near.people == np.nan_to_num(alone["population"])
        ends = alone[["population_low", "population_high"]].to_numpy(float)
        assert (near.low, near.high) == (*np.nan_to_num(ends),)
        doubtful = cg.within("places", name, km, certainty=["likely", "open"])
        assert set(near.names) <= set(doubtful["name"])
    assert list(measure_people(name)) == list(RADII_KM)


def test_people_known_well_have_one_figure():
    made = cg.report("Gwadar", draw=False)
    assert "Towns of 70,900 people in all lie within 10 km of Gwadar." in made.lead
    (part,) = (p for p in made.parts if p.key == "people")
    assert "population_range" not in part.view
    # A town's accuracy doesn't matter for whether the town itself is within the radius.
    assert "Towns of 13.0 million people in all lie within 10 km of Lahore." in (
        cg.report("Lahore", draw=False).lead
    )


def test_a_range_of_people_is_in_one_unit():
    en, zh = find_words("en"), find_words("zh")
    assert tell_range(0, 3_300_000, en) == "0 to 3.3 million"
    assert tell_range(1_000, 20_896_911, en) == "0.001 to 21 million"
    assert tell_range(1_200, 98_765, en) == "1,200 to 98,800"
    assert tell_range(1_200, 9_000, zh) == "1,200 至 9,000"


def test_a_town_that_only_may_be_near_is_told():
    """East of Lahore by 30 km as drawn: no town within 10 km, but Lahore may be."""
    near = People(0, 0.0, 0.0, 13e6, ("Lahore",))
    said = tell_people({10: near}, "here", find_words("en"))
    assert said == (
        "As drawn, no town with a population figure lies within 10 km of here; towns of up to "
        "13.0 million people may, depending on Lahore."
    )


@pytest.mark.parametrize("lang", ["en", "ur", "zh"])
def test_it_is_said_whose_people_are_counted(lang):
    say = find_words(lang)
    frame = gpd.GeoDataFrame(_schools(), geometry=gpd.points_from_xy(*_schools()[["lon", "lat"]]
                             .to_numpy().T), crs=4326)  # fmt: skip
    assert say("these points") in cg.report(frame, draw=False, lang=lang).lead
    for name in ("Lahore", "Sindh", "m2"):
        made = cg.report(name, draw=False, lang=lang)
        assert made.lead.count(made.title) >= 2
        assert "of it." not in made.lead.partition("Towns of")[2]


@pytest.mark.parametrize("lang", ["en", "ur", "zh"])
def test_no_town_reached_is_said_as_no_town_and_km_0_has_no_sign(lang):
    assert cg.market("Khunjerab").reached.towns.empty
    made, say = cg.report("Khunjerab", draw=False, lang=lang), find_words(lang)
    none = say("No town of the gazetteer is reached within {limit} hours of driving.", limit=3)
    assert made.lead.endswith(none)
    assert not re.search(r"(?<!\d)-0", made.lead)
    away = made.to_dict()["corridors"]
    assert 0 in {row["km"] for row in away}
    assert "-0.0" not in {str(row["km"]) for row in away}


def test_towns_reached_without_a_figure_are_not_nobody():
    found = cg.reach("Torkham", hours=1)
    towns = found.towns.assign(population=float("nan"))
    (said,) = tell_reached(dataclasses.replace(found, towns=towns), find_words("en"))
    assert said.startswith("No town with a population figure is reached within 1 hours")
    assert tell_reached(None, find_words("en")) == []


def test_the_share_that_operates_is_of_the_length_just_told():
    thing = cg.corridor("mining")
    parts = thing.sections
    works = parts.loc[parts["status"] == "operating", "drawn_km"].sum() / parts["drawn_km"].sum()
    lead = cg.report(thing, draw=False).lead
    assert f"{thing.length_km:,.0f} km long as drawn" in lead
    assert f"{works:.0%} of it operates" in lead


def test_every_kind_of_report_begins_with_a_sentence_of_figures():
    sheet = cg.market("Torkham")
    market = cg.report("Torkham", draw=False).lead
    assert "crossing to Afghanistan: closed to trade" in market
    assert f"{sheet.reached.towns['population'].sum() / 1e6:.1f} million people" in market
    near = cg.nearest("Gwadar Port", cg.layer("crossings").dropna(subset="geometry")).iloc[0]
    port = cg.report("Gwadar Port", draw=False).lead
    reach = (near["accuracy_km"] ** 2 + cg.place("Gwadar Port").accuracy_km ** 2) ** 0.5
    low, high = float(near["distance_km"] - reach), float(near["distance_km"] + reach)
    said = re.search(r"([\d.]+) to ([\d.]+) km away\.", port.rpartition("border crossing")[2])
    assert low - 1 < float(said[1]) <= low
    assert high <= float(said[2]) < high + 1
    assert "2,940 km²" in cg.report("district:Quetta", draw=False).lead
    route = cg.route("Lahore", "Karachi")
    assert f"is {route.chainage_km:,.0f} km and {route.hours:.1f} hours" in (
        cg.report(route, draw=False).lead
    )
    two = cg.report("ml1", "kkh", draw=False).lead
    for name in ("ml1", "kkh"):
        thing = cg.corridor(name)
        assert f": {thing.official_km:,.0f} km by the published figure" in two
        assert f"({thing.length_km:,.0f} km as drawn), towns of" in two
    assert "chainage" not in two
    assert "meet" not in two
    unpublished = cg.report("mining", "kkh", draw=False).lead
    drawn = cg.corridor("mining").length_km
    assert f"{drawn:,.0f} km as drawn (no length of the whole is published)" in unpublished
    assert "nan" not in unpublished
    apart = cg.distance_km("Gwadar Port", "Torkham")
    lead = cg.report("Gwadar Port", "Torkham", draw=False).lead
    said = re.search(r"they are ([\d,.]+) to ([\d,.]+) km apart", lead)
    reach = math.hypot(*(cg.place(n).accuracy_km for n in ("Gwadar Port", "Torkham")))
    low, high = (float(text.replace(",", "")) for text in said.groups())
    assert apart - reach - 0.1 < low <= apart - reach
    assert apart + reach <= high < apart + reach + 0.1


def test_a_report_speaks_to_people():
    frame = pd.DataFrame({"status": ["under_construction"], "share": [1.0]})
    text = Report("t", "s", (Part("rows", "Rows", (), frame),), (), (), "0").to_html()
    assert ">under construction<" in text
    assert "100\u00a0%<" in text


@pytest.mark.parametrize("asked", ["ml1", "western", "Torkham", "Gwadar Port", "raikot-thakot"])
def test_people_read_no_names_of_columns_and_no_empty_figures(asked):
    """Titles are words, zeros are one digit, and nothing is more exact than it can be."""
    made = cg.report(asked, draw=False)
    for text in (
        re.sub(r"<style>.*?</style>", "", made.to_html(), flags=re.DOTALL),
        made.to_markdown(),
    ):
        cells = re.findall(r"<t[dh][^>]*>(?:<span[^>]*></span>)?([^<]*)<", text)
        cells += re.findall(r"<d[dt][^>]*>([^<]*)<", text)
        cells += [c.strip() for line in text.splitlines() if line.startswith("|")
                  for c in line.strip("|").split("|")]  # fmt: skip
        assert len(cells) > 40
        assert not [c for c in cells if re.search(r"[a-z]_(?:[a-z]|km)", c)]
        assert not [c for c in cells if re.fullmatch(r"-?0\.0+|-0", c)
                    or re.fullmatch(r"[\d,]{3,}\.\d+", c) or c in {"nan", "None", "proxy"}]  # fmt: skip


def test_programs_still_have_every_digit(ml1):
    told = ml1.to_dict()
    assert told["by_status"][0]["share"] == 1
    assert told["sections"][0]["status"] == "operating"
    assert told["km_posts"][1]["lon"] == cg.corridor("ml1").at(100).x


def test_nothing_is_told_twice_and_zeros_are_folded(ml1):
    """With one status only, the first sentence says it all; a ring without towns has no row."""
    assert "Kilometres by status" not in ml1.to_markdown()
    assert "Kilometres by status" in cg.report("western", draw=False).to_markdown()
    made = cg.report("Torkham", draw=False)
    rings = next(p for p in made.parts if p.key == "people")
    assert rings.table["features"].iloc[0] == 0
    assert rings.view["within_km"].tolist() == [10, 25, 50]
    assert rings.view["towns"].tolist() == rings.table["features"].cumsum().tolist()[1:]
    nowhere = cg.report(shapely.Point(62, 29.5), draw=False).to_markdown()
    assert "No town of the gazetteer lies within 50 km" in nowhere


def test_a_district_that_is_entered_twice_is_one_row(ml1):
    part = next(p for p in ml1.parts if p.key == "districts")
    assert part.table["name"].duplicated().any()
    assert part.view["name"].is_unique
    assert part.view["length_km"].sum() == pytest.approx(part.table["length_km"].sum())
    names = part.table.groupby("name")["length_km"].sum()
    assert part.view.set_index("name")["length_km"].to_dict() == pytest.approx(names.to_dict())


def test_addresses_are_links_and_nothing_else_is(ml1):
    page = ml1.to_html()
    links = re.findall(r'<a href="([^"#]+)"', page)
    assert len(set(links)) > 1
    assert all(re.match(r"https?://[\w.-]+", address) for address in links)
    told = "".join(ml1.sources) + "".join(r["source"] for r in ml1.to_dict()["figures"])
    assert all(address.replace("&amp;", "&") in told for address in links)
    evil = "https://a.example/'\"><script>alert(1)</script> javascript:alert(2)"
    read = Tags(Report("t", "s", (), (evil,), (), "0").to_html())
    assert "script" not in read.tags
    assert not [name for name in read.attributes if name.startswith("on")]


@pytest.mark.browser
@pytest.mark.parametrize("asked", ["ml1", "western", "Torkham", "Gwadar Port", ["ml1", "kkh"]])
def test_no_column_is_cut_on_a_small_laptop(chromium, tmp_path, asked):
    path = cg.report(asked, draw=False).save(tmp_path / "r.html")
    page = chromium.new_page(viewport={"width": 1000, "height": 800})
    page.goto(path.as_uri())
    wide = page.evaluate(
        "[...document.querySelectorAll('details')].forEach(d => d.open = true);"
        "[...document.querySelectorAll('.wide')].filter(b => b.scrollWidth > b.clientWidth)"
        ".map(b => b.textContent.slice(0, 60))"
    )
    assert wide == []
    page.close()


@pytest.mark.browser
def test_the_map_of_a_report_names_towns(chromium, tmp_path):
    path = cg.report("ml1", "kkh").save(tmp_path / "r.html")
    page = chromium.new_page(viewport={"width": 1000, "height": 900})
    page.goto(path.as_uri())
    frame = page.frame_locator("iframe")
    frame.locator("html[data-ready]").wait_for(state="attached")
    for name in ("Karachi", "Lahore", "Gilgit"):
        frame.get_by_text(name, exact=True).first.wait_for()
    page.close()


@pytest.mark.browser
def test_a_pdf_has_the_pages_and_the_map_as_a_picture(tmp_path):
    path = cg.report("taxila-havelian").save(tmp_path / "r.pdf")
    data = path.read_bytes()
    assert data.startswith(b"%PDF")
    assert data.rstrip().endswith(b"%%EOF")
    sizes = [
        tuple(map(float, box.split())) for box in re.findall(rb"/MediaBox \[([\d. ]+)\]", data)
    ]
    assert sizes
    assert all(abs(w - 595) < 2 and abs(h - 842) < 2 for _, _, w, h in sizes), "A4"
    pictures = [tuple(map(int, m)) for m in re.findall(rb"/Width (\d+)\s*/Height (\d+)", data)]
    assert (2000, 1360) in pictures, "the map, at twice the dots of a screen"


def test_a_pdf_without_a_browser_says_what_is_missing(tmp_path, monkeypatch):
    old = tmp_path / "r.pdf"
    old.write_bytes(b"as it was")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingExtraError, match="chromium"):
        cg.report("taxila-havelian", draw=False).save(old)
    assert old.read_bytes() == b"as it was"
    assert list(tmp_path.iterdir()) == [old]


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


def test_what_published_lengths_count_is_told_of_several():
    told = cg.report("eastern", "ml2", draw=False).caveats
    assert [c for c in told if "the parts used here make 2,990" in c]
    assert not [c for c in told if c.endswith(": ")]


def test_notes_of_the_data_are_told_in_the_language_and_the_readers_own_as_they_are():
    say, note = find_words("ur"), cg.layer("sections").set_index("id").loc["ml1-pc1", "note"]
    told = cg.report("section:ml1-pc1", draw=False, lang="ur").caveats
    assert [c for c in told if c.startswith(say("Note")) and note in c]
    own = cg.layer("ports").head(1)[["geometry"]].assign(note="as built", id="mine")
    assert "as built" in cg.report(own, draw=False, lang="ur").caveats


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
        Part("glance", HOSTILE[0], (HOSTILE[1],), frame.iloc[:1], form="facts"),
        Part("rows", HOSTILE[2], tuple(HOSTILE), frame),
    )
    return Report(HOSTILE[0], HOSTILE[1], parts, tuple(HOSTILE), tuple(HOSTILE), "0")


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.addresses = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        self.addresses += [value for name, value in attrs if name == "href"]


@pytest.mark.parametrize("how", ["to_html", "_repr_html_"])
def test_hostile_text_stays_text(how):
    read = Tags(getattr(hostile(), how)())
    assert not {"script", "img", "svg", "iframe"} & set(read.tags)
    assert all(address.startswith("#") for address in read.addresses), "the page's own contents"
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
    # The whole line is in view, although the frame had no size when its page loaded.
    scale = frame.locator(".leaflet-control-scale")
    scale.get_by_text(re.compile(r"^[1-9]\d\d km")).wait_for()
    assert page.locator("img").evaluate("image => image.naturalWidth > 100")
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert said == []
    page.close()


def test_a_file_is_written_whole_or_not_at_all(tmp_path, ml1):
    with pytest.raises(InputError, match=r"\.html, \.pdf, \.md or"):
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

    say = find_words("en")
    (text,) = (t for t in list_caveats(cg.corridor("western"), say) if "under construction" in t)
    assert text.startswith("298 km")
    assert "an open one being rebuilt" in text
    # 106 of these km are planned over an existing road.
    (text,) = (t for t in list_caveats(cg.corridor("central"), say) if "km are planned" in t)
    assert text.startswith("931 km are planned: a new way, not there yet, or one to be built over")


@pytest.mark.parametrize(("lang", "direction"), [("ur", "rtl"), ("zh", "ltr")])
def test_a_report_in_another_language(lang, direction):
    say = find_words(lang)
    made = cg.report("ml1", draw=False, lang=lang)
    page = made.to_html()
    assert f'<html lang="{lang}" dir="{direction}">' in page
    for text in ("Sections", "Districts crossed", "Before you quote a figure", "operating"):
        assert say(text) in page
        assert not re.search(rf">{text}<", page)
    assert "1,733" in made.lead
    assert say.name("Lahore") in page
    english = cg.report("ml1", draw=False).to_dict()
    told = made.to_dict()
    assert told["sections"] == english["sections"], "programs read the same in every language"
    assert told["people"] == english["people"]


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1000])
def test_a_page_from_right_to_left_is_whole(chromium, tmp_path, width):
    path = cg.report("Torkham", draw=False, lang="ur").save(tmp_path / "r.html")
    page = chromium.new_page(viewport={"width": width, "height": 800})
    page.goto(path.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == width
    edges = page.evaluate(
        "[...document.querySelectorAll('h1, h2')].map(h => {const r = document.createRange();"
        "r.selectNodeContents(h); const b = r.getBoundingClientRect(); return [b.left, b.right]})"
    )
    assert all(left > 0 and right > 0.8 * width for left, right in edges), edges
    page.close()


def test_distances_are_said_as_well_as_both_positions_are_known(ml1):
    part = next(p for p in ml1.parts if p.key == "near")
    assert "away" not in part.table
    rows = part.view.set_index("name")
    line = cg.nearest(cg.layer("zones").query("name == 'Rashakai SEZ'"), "ml1").iloc[0]
    reach = (line["accuracy_km"] ** 2 + line["point_accuracy_km"] ** 2) ** 0.5
    low, high = re.fullmatch(r"([\d,]+) to ([\d,]+) km", rows.loc["Rashakai SEZ", "away"]).groups()
    assert int(low) <= line["distance_km"] - reach < int(low) + 1
    assert int(high) - 1 < line["distance_km"] + reach <= int(high)
    assert rows.loc["Dhabeji SEZ", "away"].startswith("up to")
    kinds = cg.layer("ports").set_index("name")["kind"]
    ports = rows[rows.index.isin(kinds.index)]
    assert ports["kind"].to_dict() == kinds[ports.index].to_dict()
    assert {"seaport", "airport", "dry port"} <= set(ports["kind"])


@pytest.mark.parametrize(
    ("lang", "span", "within"),
    [
        ("en", r"([\d,.]+) to ([\d,.]+) km", r"up to ([\d,.]+) km"),
        ("ur", r"([\d,.]+) تا ([\d,.]+) کلومیٹر", r"([\d,.]+) کلومیٹر تک"),
        ("zh", r"([\d,.]+) 至 ([\d,.]+) 公里", r"不超过 ([\d,.]+) 公里"),
    ],
)
@pytest.mark.parametrize("asked", ["Torkham", "Reko Diq", "ml1"])
def test_every_distance_to_a_place_is_said_with_its_accuracy(asked, lang, span, within):
    parts = {p.key: p for p in cg.report(asked, draw=False, lang=lang).parts}
    own = float("nan") if asked == "ml1" else cg.place(asked).accuracy_km
    keys = {"near"} if asked == "ml1" else {"corridors", "towns", "zones", "ports"}
    for key in keys:
        rows, told = parts[key].table.reset_index(drop=True), parts[key].view["away"]
        assert not {"distance_km", "accuracy_km"} & set(parts[key].view)
        for row, text in zip(rows.itertuples(), told, strict=True):
            found, near = re.fullmatch(span, text), re.fullmatch(within, text)
            assert found or near, text
            low, high = found.groups() if found else ("0", near[1])
            low, high = (float(v.replace(",", "")) for v in (low, high))
            if key != "near":
                reach = math.hypot(row.accuracy_km, own)
                assert low <= max(row.distance_km - reach, 0) <= low + 1
                assert high - 1 <= row.distance_km + reach <= high
            assert low <= row.distance_km <= high


def test_an_area_tells_how_near_a_corridor_can_be():
    far = cg.report("district:Barkhan", draw=False)
    (part,) = (p for p in far.parts if p.key == "corridors")
    assert (part.table["low_km"] < part.table["distance_km"]).all()
    assert (part.table["distance_km"] < part.table["high_km"]).all()
    for row, text in zip(part.table.itertuples(), part.view["away"], strict=True):
        assert text == f"{math.floor(row.low_km)} to {math.ceil(row.high_km)} km"
    assert f"nearest corridor, {part.view['away'].iloc[0]} away" in far.lead


def test_an_area_has_the_corridors_that_run_through_it_by_their_km_in_it():
    made = cg.report("Sindh")
    (part,) = (p for p in made.parts if p.key == "corridors")
    km = part.view["length_km"]
    assert km.is_monotonic_decreasing
    for row in part.table.itertuples():
        found = cg.corridor(row.target).crossed("provinces")
        assert row.length_km == pytest.approx(
            found.loc[found["name"] == "Sindh", "length_km"].sum(), abs=0.01
        )
    sindh = cg.layer("provinces").set_index("name").geometry["Sindh"]
    assert len(part.table) == cg.layer("corridors").geometry.intersects(sindh).sum()
    first = part.view.iloc[0]
    assert f"run {len(km)} corridors, with the most km in it {first['title']} (" in made.lead
    assert f"({first['length_km']:,.0f} km)" in made.lead
    assert "touches" not in made.to_markdown()
    (page,) = (p.page for p in made.parts if p.key == "map")
    for title in part.view["title"]:
        assert title in page


def test_an_area_counts_the_towns_in_it():
    towns = cg.layer("places")
    there = towns[
        towns.geometry.intersects(cg.layer("provinces").set_index("name").geometry["Sindh"])
    ]
    made = cg.report("Sindh", draw=False)
    assert (
        f"Towns of {there['population'].sum() / 1e6:.1f} million people in all lie in Sindh."
        in (made.lead)
    )
    say = find_words("en")
    sea = shapely.box(60, 10, 61, 11)
    none = lead_area(clip_corridors(sea), "here", find_towns(sea), say)
    assert none == "No town of the gazetteer lies in here."
    # In a square of 4 km on the M-2, away from towns.
    spot = cg.corridor("m2").at(150).buffer(0.02)
    few = lead_area(clip_corridors(spot), "here", find_towns(spot), say)
    assert few.startswith("Through here run: M-2 Islamabad\u2013Lahore (")


@pytest.mark.parametrize("lang", ["en", "ur", "zh"])
def test_of_lines_on_the_same_rails_the_main_one_is_named_and_the_position_tells_the_rest(lang):
    say, lahore = find_words(lang), cg.place("Lahore")
    near = cg.nearest(lahore, ["ml1", "ml1-chord"], k=2).set_index("target")
    assert near.loc["ml1", "distance_km"] == pytest.approx(near.loc["ml1-chord", "distance_km"])
    assert cg.corridor("ml1-chord").length_km < cg.corridor("ml1").length_km
    made = cg.report("Lahore", draw=False, lang=lang)
    known = say(
        "{title} is the nearest corridor, {away} away at its km {km}; the place's position is good "
        "to {good} km.", title=say.name(cg.corridor("ml1").title), away=say("{km} km", km="0.3"),
        km=f"{near.loc['ml1', 'km']:,.0f}", good=f"{lahore.accuracy_km:g}",
    )  # fmt: skip
    assert known in made.lead
    crossing = say("some {middle} ({span})", middle=say("{km} km", km=22),
                   span=say("{low} to {high} km", low=1, high=43))  # fmt: skip
    assert crossing in made.lead
    # Also in the list, and in an area through which both run for equal lengths.
    order = [row["target"] for row in made.to_dict()["corridors"]]
    assert order.index("ml1") < order.index("ml1-chord")
    # No middle is written where the ends are close together.
    assert "some" not in cg.report("Gwadar", draw=False).lead


def test_an_alternative_is_ranked_after_its_main_line_and_a_part_before():
    rank = dict(zip(names := list(cg.layer("corridors")["id"]), rank_lengths(names), strict=True))
    assert sorted(rank.values()) == list(range(len(names)))
    assert rank["ml1"] + 1 == rank["ml1-chord"]
    assert rank["eastern"] < rank["eastern-2024"]
    assert rank["kkh-china"] < rank["kkh"]
    assert rank["m2"] < rank["western"]


def test_an_outline_has_no_basis_of_a_position():
    page = cg.report("Sindh", draw=False).to_markdown()
    assert "Where the position is from" not in page
    assert "| Province |" not in page
    assert "| Province | Balochistan |" in cg.report("district:Kech", draw=False).to_markdown()


def test_a_corridor_known_to_200_km_is_not_the_nearest_without_a_word():
    lead = cg.report("Gwadar Port", draw=False).lead
    named, rough = re.search(
        r": (.+?) is the nearest corridor.*?\. (.+?) is drawn nearer", lead
    ).groups()
    assert rough.startswith("Main Line 4")
    assert not named.startswith("Main Line 4")
    assert "known only roughly (up to 224 km)" in lead
    # Of equally accurate lines, the one drawn nearest is the nearest.
    assert "drawn nearer" not in cg.report("Multan", draw=False).lead


def test_what_nobody_knows_the_accuracy_of_has_a_plain_distance():
    rows = pd.DataFrame({"distance_km": [6.5, 6.5], "accuracy_km": [float("nan"), 2.5]})
    unknown = tell_away(rows, float("nan"), find_words("ur"))["away"]
    assert unknown.tolist() == ["6.5 کلومیٹر", "4 تا 9 کلومیٹر"]
    assert tell_away(rows, 2.5, find_words("zh"))["away"].tolist() == [
        "4 至 9 公里",
        "2 至 11 公里",
    ]


def test_places_side_by_side_say_how_far_their_corridor_is():
    (part,) = (p for p in cg.report("Torkham", "Chaman", draw=False).parts if p.key == "sites")
    for row, text in zip(part.table.itertuples(), part.view["away"], strict=True):
        reach = math.hypot(row.corridor_accuracy_km, row.accuracy_km)
        high = float(re.search(r"([\d.]+) km$", text)[1])
        assert row.distance_km + reach <= high < row.distance_km + reach + 1


def test_several_are_told_apart_as_well_as_they_are_known():
    made = cg.report("m5", "kkh", "Torkham", draw=False)
    part = next(p for p in made.parts if p.key == "apart")
    assert list(part.view.columns[1:]) == ["M-5 Multan–Sukkur", "Karakoram Highway", "Torkham"]
    for i, one in enumerate(("m5", "kkh", "Torkham")):
        for j, other in enumerate(("m5", "kkh", "Torkham")):
            text, km = part.view.iloc[i, j + 1], part.table.iloc[i][part.table.columns[j + 1]]
            if i == j:
                assert text == ""
                continue
            low, high = re.fullmatch(r"([\d,.]+) to ([\d,.]+) km", text).groups()
            low, high = float(low.replace(",", "")), float(high.replace(",", ""))
            poorest = [
                cg.corridor(n).accuracy_km if n != "Torkham" else cg.place(n).accuracy_km
                for n in (one, other)
            ]
            assert low < km < high
            assert high - low <= 2 * math.hypot(*poorest) + 2
    far = made.lead.rpartition("are ")[2]
    assert far.startswith(part.view.iloc[0, 3])
    assert "from each other" in far


def test_of_those_that_all_meet_no_table_of_zeros_is_shown():
    made = cg.report("western", "central", "eastern", draw=False)
    assert made.title == (
        "CPEC Western alignment · CPEC Central alignment · CPEC Eastern alignment"
    )
    part = next(p for p in made.parts if p.key == "apart")
    assert len(part.table) == 3
    assert part.shown is None
    assert part.text == ("All of them meet.",)
    assert "meet" not in made.lead
    # Two with the same short title have their whole titles.
    both = cg.report("eastern", "eastern-2024", draw=False).title
    assert both.count("via") == 2


def test_a_place_is_not_the_nearest_of_its_own_kind():
    for name, key, count in (("Gwadar Port", "ports", 3), ("Rashakai SEZ", "zones", 5)):
        part = next(p for p in cg.report(name, draw=False).parts if p.key == key)
        assert len(part.table) == count
        assert name not in set(part.table["name"])


def test_ports_near_a_seaport_are_seaports_and_near_others_none_is_closed():
    near = {p.key: p for p in cg.report("Gwadar Port", draw=False).parts}["ports"].table
    assert near["name"].tolist() == ["Chabahar", "Karachi Port", "Port Qasim"]
    near = {p.key: p for p in cg.report("Gwadar", draw=False).parts}["ports"].table
    assert len(near) == 5
    assert "Gwadar Port" in set(near["name"])
    assert "Gwadar airport (old)" not in set(near["name"])


@pytest.mark.parametrize("lang", ["ur", "zh"])
def test_what_a_length_counts_and_why_lengths_differ_are_said_in_the_language(lang):
    page = cg.report("ml1", draw=False, lang=lang).to_markdown()
    for text in (cg.corridor("ml1").official_note, "curves between stations"):
        assert find_words(lang)(text) in page
        assert text not in page


@pytest.mark.parametrize("lang", ["ur", "zh"])
def test_names_and_the_map_are_in_the_readers_language(lang):
    say = find_words(lang)
    made = cg.report("m2", lang=lang)
    assert made.title == say.name(cg.corridor("m2").title) != cg.corridor("m2").title
    assert made.title in made.lead
    (page,) = (p.page for p in made.parts if p.key == "map")
    assert f'<html lang="{lang}"' in page
    for text in ("Legend", "Cities"):
        assert say(text) in page
    (near,) = (p for p in cg.report("Rashakai SEZ", draw=False, lang=lang).parts
               if p.key == "corridors")  # fmt: skip
    assert say.name("M-1 Peshawar–Islamabad") in near.view["title"].map(say.name).tolist()


def test_sums_of_people_have_three_digits():
    (part,) = (p for p in cg.report("ml1", draw=False).parts if p.key == "people")
    exact = part.table["population_within"].iloc[-1]
    page = cg.report("ml1", draw=False).to_html()
    assert f"{float(f'{exact:.3g}'):,.0f}" in page
    assert f">{exact:,.0f}<" not in page


def test_shares_by_status_are_of_the_length_that_is_quoted():
    made = cg.report("mining", draw=False)
    (part,) = (p for p in made.parts if p.key == "by_status")
    works = part.view.set_index("status").loc["operating", "share"]
    assert f"{works:.0%} of it operates" in made.lead


def test_the_lead_names_a_corridor_whose_way_is_known():
    made = cg.report("Gwadar Port", draw=False)
    (part,) = (p for p in made.parts if p.key == "corridors")
    first = part.table.iloc[0]
    assert first["target"] == "ml4", "sketched through the port, its way known to no one"
    assert first["accuracy_km"] > 100
    assert "Main Line 4" not in made.lead.partition(" is the nearest corridor")[0]
    # The range alone wouldn't show that the line is drawn 2 km away.
    assert "some 2.1 km (up to 13 km) away" in made.lead


def test_what_a_note_warns_of_is_a_caveat_and_the_rest_a_fact():
    mine, port, dam = cg.place("Reko Diq"), cg.place("Gwadar Port"), cg.place("Kohala")
    told = cg.report(mine, draw=False)
    assert told.to_dict()["glance"]["note"] == mine.note
    assert "copper" not in "".join(told.caveats)
    told = cg.report(port, draw=False)
    assert told.to_dict()["glance"]["note"].startswith("handed to Pakistan by Oman")
    assert not [c for c in told.caveats if "Oman" in c]
    assert cg.report("Lahore", draw=False).to_dict()["glance"]["note"] is None
    told = cg.report("Port Qasim", draw=False)
    assert "Position of the rail terminal; the berths are 1–3 km away" in told.caveats
    assert told.to_dict()["glance"]["note"] is None
    facts, caveat = split_note(dam.note)
    assert "powerhouse" in caveat
    assert "powerhouse" not in (facts or "")
    for name in ("crossings", "ports", "mines", "zones", "energy"):
        for note in cg.layer(name)["note"].dropna():
            told, caveat = split_note(note)
            kept = [c for text in (told, caveat) if text for c in text.split("; ")]
            assert sorted(kept) == sorted(note.split("; "))
            assert "position" not in (told or "")


@pytest.mark.parametrize("lang", ["ur", "zh"])
def test_what_stays_english_on_another_page_says_so(lang):
    say, own = find_words(lang), "Seen by one reader, on a hill"
    told = Report("t", "s", (), (), (own, say("None is in the data.")), "0", lang=lang).to_html()
    assert f'<span lang="en" dir="ltr">{own}</span>' in told
    assert told.count("<span lang") == 1
    assert "<span lang" not in Report("t", "s", (), (), (own,), "0").to_html()
    assert tell_note(own.lower(), say) == [
        f"{say('Note')}{'：' if lang == 'zh' else ': '}{own.lower()}"
    ]
    assert tell_note("position of the dam", say)[0] == say.tell("position of the dam")
    page = cg.report("Khunjerab Pass", draw=False, lang=lang).to_html()
    assert re.search(r'<span lang="en" dir="ltr">[Bb]y road from the pass: Dih 42 km', page)


def test_the_map_of_a_report_calls_the_large_towns_cities(monkeypatch):
    drawn = {}

    class Recorder(document.Map):
        def add(self, x, **options):
            drawn[options.get("name")] = x
            return super().add(x, **options)

    monkeypatch.setattr(document, "Map", Recorder)
    line = cg.corridor("taxila-havelian")
    (part,) = document.draw_map("m", {"line": line}, find_words("en"))
    assert part.page
    assert (drawn["Cities"]["rank"] <= NAMED).all()
    assert (drawn["Towns"]["rank"] > NAMED).all()
    assert "Abbottabad" in {*drawn["Cities"]["name"], *drawn["Towns"]["name"]}


def test_corridors_side_by_side_have_published_lengths_and_one_basis_beside_them():
    """The published figure of the Central leaves more of it out than that of the Western."""
    made = cg.report("western", "central", draw=False)
    western, central = (cg.corridor(name) for name in ("western", "central"))
    assert western.official_km > central.official_km
    assert western.length_km < central.length_km
    for thing in (western, central):
        said = f"{thing.official_km:,.0f} km by the published figure ({thing.length_km:,.0f} km as"
        assert said in made.lead
        assert any(f"{thing.title}: {thing.official_note}" in text for text in made.caveats)


def test_rebuilt_roads_that_are_open_are_named():
    caveats = cg.report("western", draw=False).caveats
    assert "N-50 Zhob–Kuchlak: two lanes are open during the dualisation" in caveats


def _schools(**more):
    rows = {
        "Name": ["Quetta <b>", "Kalat", "Khuzdar", "Turbat", "Gwadar"],
        "lon": [67.01, 66.59, 66.61, 63.05, 62.33],
        "lat": [30.19, 29.03, 27.80, 26.00, 25.13],
    }
    return pd.DataFrame({**rows, **more})


@pytest.mark.parametrize(
    ("lang", "nearest"),
    [("en", "from the nearest of them"), ("ur", "ان میں سے"), ("zh", "其中最近")],
)
def test_several_points_have_limits_names_and_no_position_of_the_first(tmp_path, lang, nearest):
    path = tmp_path / "schools.csv"
    _schools().to_csv(path, index=False)
    made = cg.report(path, draw=False, lang=lang)
    told = made.to_dict()
    sides = (62.33, 25.13, 67.01, 30.19)
    limits = dict(zip(("west", "south", "east", "north"), sides, strict=True))
    assert told["glance"] == {"kind": "file", "points": 5, **limits}
    assert nearest in made.lead
    assert "Towns | 5" not in made.to_markdown()
    rows = {row["name"]: row for row in told["points"]}
    assert set(rows) == set(_schools()["Name"])
    for name, spot in zip(_schools()["Name"], cg.read(path).geometry, strict=True):
        near = cg.nearest(spot, list(cg.layer("corridors")["id"]), k=5).set_index("target")
        titles = cg.layer("corridors").set_index("id")["name"]
        (known,) = [i for i in near.index if titles[i] == rows[name]["corridor"]]
        assert rows[name]["distance_km"] == pytest.approx(near.loc[known, "distance_km"])
    assert "Quetta &lt;b&gt;" in made.to_html()
    assert "Quetta <b>" not in made.to_html()


def test_corridors_side_by_side_have_a_colour_and_a_place_each_on_the_map():
    """Once they had all one colour, and covered each other."""
    made = cg.report("western", "central", "ml1")
    (page,) = (part.page for part in made.parts if part.key == "map")
    data = json.loads(re.search(r'<script type="application/json"[^>]*>(.*?)</script>', page)[1])
    lines = [v for k, v in data["layers"].items() if k.startswith("corridor-")]
    assert len(lines) == 3
    colors = [{look["color"] for look in line["looks"]} for line in lines]
    assert all(len(one) == 1 for one in colors)
    assert len(set.union(*colors)) == 3
    assert len({line["style"].get("aside", 0) for line in lines}) == 3
    assert {e["color"] for line in lines for e in line["legend"]} == set.union(*colors)
    alone = cg.report("western").parts[0].page
    assert '"aside"' not in alone


def test_of_corridors_equally_near_all_parts_of_a_report_name_the_same():
    spots = gpd.GeoDataFrame(
        {"name": ["a", "b"]}, geometry=[cg.place("Gwadar").point] * 2, crs=4326
    )
    one = cg.report(cg.place("Gwadar"), draw=False).to_dict()["corridors"][0]["title"]
    for asked in (spots, spots.iloc[[0]], spots.geometry.iloc[0]):
        made = cg.report(asked, draw=False)
        told = made.to_dict()
        assert told["corridors"][0]["title"] == one
        assert made.lead.startswith(f"{one} is the nearest corridor")
        assert {row["corridor"] for row in told.get("points", [])} <= {one}


def test_points_without_names_or_far_away_are_still_reported():
    plain = cg.report(_schools().drop(columns="Name"), draw=False).to_dict()
    assert "points" not in plain
    assert plain["glance"]["points"] == 5
    numbers = cg.report(_schools(Name=[1, 2, 3, 4, 5]), draw=False)
    assert len(numbers.to_dict()["points"]) == 5
    assert "| 1 |" in numbers.to_markdown()


def test_of_many_points_the_nearest_fifty_are_listed():
    made = cg.report("places", draw=False)
    (part,) = (p for p in made.parts if p.key == "points")
    km = cg.nearest("places", list(cg.layer("corridors")["id"]))["distance_km"]
    assert len(part.table) == 50
    assert part.table["distance_km"].iloc[-1] <= km.nsmallest(60).iloc[-1] + 1e-9
    assert part.text == (f"Of {len(km)} points the 50 nearest to a corridor.",)


def test_a_point_touches_no_line_that_is_known_less_well_than_it_is_near():
    made = cg.report("energy", draw=False)
    (part,) = (p for p in made.parts if p.key == "corridors")
    first = part.table.iloc[0]
    assert first["distance_km"] < 0.05 < first["high_km"]
    assert part.view["away"].iloc[0] == f"up to {math.ceil(first['high_km'])} km"
    assert "touches" not in made.to_markdown()


@pytest.mark.parametrize("asked", ["places", "district:Gwadar", "district:Kech"])
def test_what_is_drawn_as_near_is_not_called_nearer(asked):
    lead = cg.report(asked, draw=False).lead
    assert "drawn nearer" not in lead
    assert "(0 km)" not in lead


def test_the_first_sentence_says_what_is_open_while_it_is_rebuilt():
    row = cg.corridor("western").sections.set_index("name").loc["N-50 Zhob\u2013Kuchlak"]
    km = row["km_to"] - row["km_from"]
    lead = cg.report("western", draw=False).lead
    assert f"of it operates; {km:,.0f} km more are open while they are rebuilt." in lead
    assert "rebuilt" not in cg.report("m8", draw=False).lead


@pytest.mark.parametrize(("km", "every"), [(20, 1), (25, 1), (26, 5), (250, 10), (1700, 100)])
def test_posts_of_a_report_are_25_at_most_and_as_near_as_that_allows(km, every):
    line = shapely.LineString([(67, 25), (67, 25 + km / 111)])
    own = cg.Corridor.from_line(line, name="own", km=float(km))
    told = json.loads(cg.report(own, draw=False).to_json())
    posts = [row["post_km"] for row in told["km_posts"]]
    assert posts[1] - posts[0] == every
    assert len(posts) <= 27  # both ends


def test_a_bar_is_as_long_as_its_share():
    for share, width in ((0.0, "0.00"), (0.5, "4.00"), (1.0, "8.00"), (1.7, "8.00"), (-1, "0.00")):
        assert f"width:{width}em" in str(render._bar(share))
    assert str(render._bar(math.nan)) == ""


def test_the_district_of_a_place_that_states_none_is_the_one_around_it():
    lahore = dataclasses.replace(cg.place("Lahore"), district=None)
    assert sites._district(lahore) == "Lahore"
    at_sea = dataclasses.replace(lahore, point=shapely.Point(60, 20))
    assert sites._district(at_sea) is None


def test_people_that_nobody_counted_are_not_none():
    """Both towns within 5 km of the M-4 lack a figure: the cell is empty, not 0."""
    near = cg.exposure("m4", [5, 10])
    assert near["features"].iloc[0] == near["missing"].iloc[0] > 0
    part = next(p for p in cg.report("m4").parts if p.key == "people")
    people = part.view.set_index("within_km")["population_within"]
    assert math.isnan(people[5])
    assert people[10] == near["population_within"].iloc[1] > 0
    each = next(p for p in cg.report(["m4", "m5"]).parts if p.key == "people").table
    assert math.isnan(each.set_index("id").loc["m4", "within_5_km"])
    nobody = cg.report(shapely.Point(60.0, 20.0))
    assert "0" not in next(p for p in nobody.parts if p.key == "people").view.to_string()

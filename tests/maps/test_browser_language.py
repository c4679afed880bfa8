"""Maps in Urdu and Chinese, as a browser shows them."""

import json
import os
import re
from pathlib import Path

import matplotlib as mpl
import pytest
from conftest import MAP

import cpecgeo
from cpecgeo.maps import Map, cpec_map
from cpecgeo.maps.libraries import find_browser, list_texts
from cpecgeo.maps.words import FIELDS
from tools.assets.letters import LETTERS, find_chinese

pytestmark = pytest.mark.browser

# Formats, keys and providers, whose names are the same in all languages.
SAME = {"GeoJSON", "CSV", "Enter", "Escape", "Ctrl", "English", "Leaflet", "cpecgeo"}
# Columns whose values are words, not names and notes.
TRANSLATED = {"kind", "basis", "status", "province"}
# All texts of the page, and attributes that are shown or read aloud.
SAID = """() => [...document.querySelectorAll(
  ".cpec-head, .leaflet-control-container, .leaflet-popup-pane, .cpec-table, .cpec-hint")]
  .flatMap((part) => [part, ...part.querySelectorAll("*")])
  .filter((e) => e.tagName !== "BDI" && !e.closest(".leaflet-control-attribution"))
  .flatMap((e) => [...["title", "aria-label", "placeholder", "aria-valuetext"].map((a) => e.getAttribute(a)),
    ...[...e.childNodes].filter((n) => n.nodeType === 3).map((n) => n.textContent)])
  .filter((text) => text && text.trim())"""


@pytest.fixture(scope="module")
def chinese(tmp_path_factory):
    made = cpec_map(["ml1", "n35"], lang="zh")
    return made, made.save(tmp_path_factory.mktemp("zh") / "map.html")


def texts_of(value):
    """Collect every text inside the data of a page."""
    if isinstance(value, dict):
        return {t for v in value.values() for t in texts_of(v)}
    if isinstance(value, (list, tuple)):
        return {t for v in value for t in texts_of(v)}
    return {value} if isinstance(value, str) else set()


def open_everything(page):
    """Open each tool in turn, and collect the texts that are shown."""
    said = set(page.evaluate(SAID))
    for press in (
        f"void cpecgeo.open({MAP}, 'cities', 0)",
        f"void cpecgeo.open({MAP}, 'rail', 0)",
        "for (const d of document.querySelectorAll('details')) d.open = true",
        "document.querySelector('.cpec-print-button a').click()",
        "document.querySelector('.cpec-share a').click()",
        "document.querySelector('.cpec-measure a').click()",
        f"for (const at of [[30, 70], [31, 70], [31, 71]]) {MAP}.fire('click', {{latlng: L.latLng(at)}})",
        "document.querySelector('.cpec-measure a').click()",
        "document.querySelector('.cpec-timeline .prev').click()",
        "document.querySelector('.cpec-timeline .play').click()",
        "document.querySelector('.cpec-timeline .play').click()",
        f"cpecgeo.openTable({MAP}, {MAP}.cpec.layers.stations)",
    ):
        page.evaluate(f"() => {{ {press}; }}")  # playwright would copy an answer, here a whole map
        page.wait_for_timeout(150)
        said |= set(page.evaluate(SAID))
    page.evaluate("document.querySelector('dialog').close()")
    page.fill("input.search-input", "qqxxqqxx")
    page.press("input.search-input", "Enter")
    page.wait_for_timeout(500)
    return said | set(page.evaluate(SAID))


def test_no_english_control_is_left_in_chinese(visit, chinese):
    made, path = chinese
    page = visit(path)
    said = open_everything(page)
    assert len(said) > 150
    # No text of the page's own in English …
    own = {text for text in list_texts() if re.search("[a-z]", text)} | {t for _, t, _ in FIELDS}
    assert said & own == set()
    # … and no English words but those of the data: its names, sources, notes.
    data = made.data()
    names, given = set(SAME), set()
    for layer in data["layers"].values():
        columns = {c: v for c, v in layer["columns"].items() if c not in TRANSLATED}
        names |= texts_of([layer["name"], [columns.get(c) for c in ("name", "title")]])
        given |= texts_of([columns, layer.get("credits")])
    longest = sorted(names, key=len, reverse=True)
    anything = re.compile("|".join(map(re.escape, filter(None, longest))))
    whole = "\n".join(given)
    left = {
        text
        for text in said
        if text not in given
        # Links split the text of a source.
        and not (len(text) > 12 and text.strip() in whole)
        and re.search("[A-Za-z]{3,}", anything.sub("", text))
    }
    assert left == set()
    for text in ("图例", "图层", "没有此名称", "隐藏更早的", "复制此视图的链接"):
        assert any(text in one for one in said), text


def test_known_names_are_chinese_and_others_stay(visit, chinese):
    page = visit(chinese[1])
    page.wait_for_timeout(400)
    labels = page.locator(".cpec-label").all_inner_texts()
    assert "拉合尔" in labels
    assert "Lahore" not in labels
    assert "Chaman" in labels, "nobody says its Chinese name"
    page.evaluate(
        f"""(() => {{ const l = {MAP}.cpec.layers.cities.cpecLayer;
        const i = [...Array(l.n).keys()].find((k) => cpecgeo.cell(l.columns.name, k) === "Lahore");
        cpecgeo.open({MAP}, "cities", i); }})()"""
    )
    popup = page.locator(".cpec-popup")
    assert popup.locator("h2").inner_text() == "拉合尔"
    others = popup.locator(".cpec-name").evaluate_all(
        "all => all.map(e => [e.lang, e.textContent])"
    )
    assert others == [["en", "Lahore"], ["ur", "لاہور"]]
    assert "人口" in popup.inner_text()
    page.fill("input.search-input", "lahore")
    page.wait_for_selector(".search-tip")
    assert (
        "拉合尔" in page.locator(".search-tip").all_inner_texts()[0]
        or page.locator(".search-tip", has_text="拉合尔").count()
    )


def test_urdu_runs_from_the_right_and_the_map_stays(visit, tmp_path):
    page = visit(cpec_map(["ml1"], lang="ur").save(tmp_path / "ur.html"))
    assert page.evaluate("[document.documentElement.lang, document.documentElement.dir]") == [
        "ur",
        "rtl",
    ]
    direction = "e => getComputedStyle(e).direction"
    for part in ("cpec-head", "cpec-legend", "cpec-note", "leaflet-control-layers"):
        assert page.locator(f".{part}").evaluate(direction) == "rtl", part
    for part in ("cpec-map", "leaflet-map-pane", "leaflet-control-zoom"):
        assert page.locator(f".{part}").first.evaluate(direction) == "ltr", part
    box = page.locator(".cpec-map").bounding_box()
    assert (box["x"], box["width"]) == (0, 1200)
    assert page.evaluate("document.scrollingElement.scrollWidth") == 1200
    page.evaluate(f"void cpecgeo.open({MAP}, 'rail', 0)")
    assert page.locator(".leaflet-popup-content").evaluate(direction) == "rtl"
    assert "علامات" in page.locator(".cpec-legend").inner_text()
    page.evaluate(f"cpecgeo.openTable({MAP}, {MAP}.cpec.layers.rail)")
    assert page.locator(".cpec-table").evaluate(direction) == "rtl"
    assert page.locator(".cpec-table caption").inner_text().endswith("قطاریں")


def test_headings_and_the_profile_are_urdu_where_names_are_known(visit, tmp_path):
    made = Map(lang="ur").add(cpecgeo.routes("Gwadar", "Lahore"), profile=True)
    page = visit(made.save(tmp_path / "ways.html"))
    texts = [
        page.locator("h1").inner_text(),
        *page.locator(".cpec-profile option").all_inner_texts(),
        *page.locator(".cpec-label-line").all_inner_texts(),
    ]
    assert len(texts) >= 5
    assert [text for text in texts if re.search("[A-Za-z]", text)] == []
    assert page.title() == texts[0]
    assert "لاہور" in texts[0]


@pytest.mark.parametrize(
    ("lang", "river", "lake", "china", "formal"),
    [
        ("ur", "دریائے سندھ", "بینگونگ کو", "چین", "عوامی"),
        ("zh", "印度河", "班公错", "中国", "共和国"),
    ],
)
def test_rivers_lakes_and_countries_have_their_names(
    visit, tmp_path, lang, river, lake, china, formal
):
    page = visit(cpec_map(["n35"], lang=lang).save(tmp_path / "map.html"))
    said = set()
    for lat, lon, zoom in ((33.7, 78.8, 8), (27.5, 68.5, 7), (38, 77, 6)):
        page.evaluate(f"void {MAP}.setView([{lat}, {lon}], {zoom}, {{animate: false}})")
        page.wait_for_timeout(400)
        said |= set(page.locator(".cpec-label").all_inner_texts())
    assert {river, lake, china} <= said
    assert not [name for name in said if formal in name]


@pytest.fixture(scope="module")
def bare_machine(chromium, tmp_path_factory):
    """A browser on a machine whose only font has Latin letters."""
    folder = tmp_path_factory.mktemp("fonts")
    font = Path(mpl.get_data_path()) / "fonts" / "ttf" / "STIXGeneral.ttf"
    (folder / font.name).write_bytes(font.read_bytes())
    rules = folder / "fonts.conf"
    rules.write_text(
        '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>'
        f"<dir>{folder}</dir><cachedir>{folder}/cache</cachedir></fontconfig>"
    )
    browser = chromium.browser_type.launch(
        executable_path=find_browser(),
        args=["--headless", "--no-sandbox", "--disable-gpu"],
        env=os.environ | {"FONTCONFIG_FILE": str(rules)},
    )
    yield browser
    browser.close()


# Elements with a text in a language's letters, without child elements.
OF = {"ur": r"^[\u0600-\u06ff]+$", "zh": r"^[\u4e00-\u9fff]+$"}
MARKED = """of => { let n = 0; const letters = new RegExp(of);
  for (const e of document.querySelectorAll("body *")) {
    if (["SCRIPT", "NOSCRIPT", "OPTION", "SUMMARY", "LI"].includes(e.tagName) || !e.checkVisibility()) continue;
    if (!letters.test(e.textContent)) continue;
    e.setAttribute("data-said", ""); n += 1; } return n; }"""


def fonts_of(page, of):
    """Return the fonts that draw texts in these letters; "own" is a font that came with the page."""
    assert page.evaluate(MARKED, of) >= 10
    session = page.context.new_cdp_session(page)
    for domain in ("DOM", "CSS"):
        session.send(f"{domain}.enable")
    root = session.send("DOM.getDocument")["root"]["nodeId"]
    asked = {"nodeId": root, "selector": "[data-said]"}
    found = set()
    for node in session.send("DOM.querySelectorAll", asked)["nodeIds"]:
        for font in session.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]:
            found.add("own" if font["isCustomFont"] else font["familyName"])
    return found


@pytest.mark.parametrize("lang", ["ur", "zh"])
def test_a_bare_machine_shows_letters_and_no_boxes(bare_machine, tmp_path, lang):
    made = cpec_map(["ml1"], lang=lang).save(tmp_path / "m.html")
    report = cpecgeo.report("taxila-havelian", lang=lang, draw=False).save(tmp_path / "r.html")
    for path in (made, report):
        page = bare_machine.new_context(offline=True).new_page()
        page.goto(path.as_uri())
        page.evaluate("document.fonts.ready.then(() => null)")
        page.wait_for_timeout(500)
        assert fonts_of(page, OF[lang]) == {"own"}, path.name


def test_every_chinese_letter_that_the_package_says_is_in_its_font():
    record = json.loads((LETTERS / "letters.json").read_text(encoding="utf-8"))
    missing = set(find_chinese()) - set(record["zh"]["letters"])
    assert missing == set(), "run python -m tools.assets.letters"

"""Reports as a browser shows them: by axe's rules, light and dark, narrow and wide."""

import geopandas as gpd
import pytest
from axe_playwright_python.sync_playwright import Axe
from shapely.geometry import LineString, Point

import cpecgeo as cg

pytestmark = pytest.mark.browser

ASKED = {
    "corridor": ("taxila-havelian",),
    "market": ("Torkham",),
    "several": ("western", "central", "Gwadar Port"),
}
# The body's own font stood before the language's once: Firefox drew one letter in another font.
FONTS = """() => [...document.querySelectorAll("h1, p, th, td, dt, li")]
  .map((e) => getComputedStyle(e).fontFamily.replaceAll('"', ""))"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder, made = tmp_path_factory.mktemp("reports"), {}
    for kind, asked in ASKED.items():
        for lang in ("en", "ur", "zh"):
            # One map is enough, because maps have their own tests.
            draw = (kind, lang) == ("corridor", "ur")
            report = cg.report(*asked, draw=draw, lang=lang)
            made[kind, lang] = report.save(folder / f"{kind}-{lang}.html")
    return made


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("lang", ["en", "ur", "zh"])
@pytest.mark.parametrize("kind", sorted(ASKED))
def test_a_report_breaks_no_rule_of_access(chromium, pages, kind, lang, scheme):
    context = chromium.new_context(color_scheme=scheme, offline=True)
    page = context.new_page()
    for width in (390, 1000):
        page.set_viewport_size({"width": width, "height": 800})
        page.goto(pages[kind, lang].as_uri())
        found = Axe().run(page).response["violations"]
        told = [(v["id"], [n["target"] for n in v["nodes"]][:3]) for v in found]
        assert told == []
        assert page.evaluate("document.documentElement.scrollWidth") == width
    light = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert light == (scheme == "light")
    context.close()


def test_every_letter_of_urdu_comes_from_a_font_of_urdu(chromium, pages):
    page = chromium.new_page()
    page.goto(pages["market", "ur"].as_uri())
    for fonts in set(page.evaluate(FONTS)):
        assert "Noto Naskh Arabic" in fonts.partition("system-ui")[0], fonts
    page.close()


def test_what_scrolls_is_reached_by_the_keyboard(chromium, pages):
    page = chromium.new_page(viewport={"width": 390, "height": 800})
    page.goto(pages["several", "en"].as_uri())
    wide = page.evaluate(
        "[...document.querySelectorAll('.wide')].filter((e) => e.scrollWidth > e.clientWidth)"
        ".map((e) => [e.tabIndex, e.getAttribute('aria-label')])"
    )
    assert wide
    assert all(index == 0 and label for index, label in wide)
    page.close()


# A user's names that try to become code, and a long one.
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(2)</script>",
    "\u2028alert(3)\u2029 \u202e\u2066 direction \u2069",
    "__proto__ {name} $x^2$ %n {{ 7 * 7 }}",
    "x" * 10_000 + "<svg onload=alert(4)>",
)


@pytest.fixture(scope="module")
def own():
    made = []
    for turn, text in enumerate(HOSTILE):
        line = LineString([(67.0, 25 + turn), (67.6, 25.3 + turn), (68.0, 25.1 + turn)])
        stops = gpd.GeoDataFrame(
            {"name": [text, "B", f"{text} 2"]}, geometry=[Point(p) for p in line.coords], crs=4326
        )
        made.append(
            cg.Corridor.from_line(
                line, name=f"own{turn}", title=text, stops=stops, accuracy_km=0.5, sources=[text]
            )
        )
    return made


@pytest.mark.parametrize("lang", ["en", "ur", "zh"])
def test_nothing_runs_in_reports_of_ones_own_lines(chromium, tmp_path, own, lang):
    ran, asked = [], []
    page = chromium.new_page()
    page.on("dialog", lambda d: (ran.append(d.message), d.dismiss()))
    page.on("request", lambda r: asked.append(r.url))
    for turn, things in enumerate([(own[0],), (own[3],), tuple(own)]):
        report = cg.report(*things, lang=lang)
        assert things[0].title in report.title
        page.goto(report.save(tmp_path / f"{turn}.html").as_uri())
        for fold in page.locator("summary").all():
            fold.click(force=True)
        page.wait_for_timeout(300)
        told = page.locator("body").inner_text()
        assert things[0].title in told
        assert page.locator("script, object, link, base").count() == 0
        assert page.locator("img:not([src^='data:'])").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert ran == []
    assert [a for a in asked if not a.startswith(("file:", "data:", "about:"))] == []
    page.close()


def test_a_hostile_report_is_printed(own, tmp_path):
    made = cg.report(own[0], own[4], draw=True).save(tmp_path / "r.pdf").read_bytes()
    assert made.startswith(b"%PDF")
    assert b"/JavaScript" not in made

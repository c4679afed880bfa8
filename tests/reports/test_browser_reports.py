"""Reports as a browser shows them: by axe's rules, light and dark, narrow and wide."""

import pytest
from axe_playwright_python.sync_playwright import Axe

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
            # One map is enough: it has tests of its own.
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

"""The built documentation in a browser, by axe's rules; `make docs` builds it before."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe

BUILT = Path(__file__).parents[2] / "docs/_build/html"
# One of each kind of page.
PAGES = (
    "index.html", "tutorial.html", "gallery.html", "api.html", "api/cpecgeo.nearest.html",
    "notebooks/02-ml1.html", "maps-compared.html", "howto/map.html", "search.html",
)  # fmt: skip
LINKS = "[...document.querySelectorAll('a[href], img[src]')].map((e) => e.href || e.src)"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (BUILT / "index.html").exists(), reason="make docs builds them"),
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_breaks_no_rule_of_access_and_fits(chromium, name, scheme):
    context = chromium.new_context(color_scheme=scheme, offline=True)
    page = context.new_page()
    page.set_default_timeout(180_000)  # of several live maps on one page
    for width in (390, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto((BUILT / name).as_uri())
        found = Axe().run(page).response["violations"]
        told = [(v["id"], [n["target"] for n in v["nodes"]][:3]) for v in found]
        assert told == [], width
        assert page.evaluate("document.documentElement.scrollWidth") == width
    context.close()


def test_links_between_pages_lead_somewhere(chromium):
    page, missing = chromium.new_context(offline=True).new_page(), set()
    for path in sorted(BUILT.rglob("*.html")):
        page.goto(path.as_uri(), wait_until="domcontentloaded")
        for address in page.evaluate(LINKS):
            target = urlsplit(address)
            if target.scheme == "file" and not Path(unquote(target.path)).exists():
                missing.add((path.name, address.rpartition("/html/")[2]))
    assert missing == set()

"""Take the pictures of `docs/images` anew: maps by chromium without a network, and figures.

    python -m tools.assets.pictures [FOLDER]

Needs Debian's chromium, playwright and matplotlib. Pictures are kept at no more than 256
colours, which these calm maps don't miss.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import cpecgeo
from cpecgeo import maps

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
DESK, PHONE, PAPER = (
    {"width": 1280, "height": 860}, {"width": 390, "height": 800}, {"width": 1055, "height": 720},
)  # fmt: skip
_STILL = """() => { const m = Object.values(window).find(v => v instanceof L.Map && v.cpec);
    return document.fonts.status === 'loaded' && !m._animatingZoom && !m._flyToFrame; }"""


def opened(browser: Any, path: Path, view: dict[str, int], **context: Any) -> Any:
    """Open a saved map and wait until it is complete and still."""
    page = browser.new_context(viewport=view, offline=True, **context).new_page()
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")
    page.wait_for_selector(".cpec-label")
    page.wait_for_function(_STILL)
    page.wait_for_timeout(300)
    return page


def small(path: Path) -> None:
    """Write a PNG again with 256 colours."""
    from PIL import Image

    with Image.open(path) as picture:
        fewer = picture.convert("RGB").quantize(256, kmeans=1, dither=Image.Dither.NONE)
    fewer.save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size:,} bytes")


def maps_by_browser(folder: Path, work: Path) -> None:
    """Take pictures of the full map, one corridor, a popup, results, a phone and paper."""
    from playwright.sync_api import sync_playwright

    full = maps.cpec_map().save(work / "full.html")
    one = cpecgeo.corridor("ml1").explore().save(work / "one.html")
    sites = cpecgeo.markets()
    sites = sites[sites.geometry.notna()]
    near = maps.Map(title="Border markets and the Main Line 1")
    near.add("ml1").add(cpecgeo.nearest(sites, "ml1"), geometry=sites, name="Border markets")
    results = near.save(work / "results.html")
    towns = cpecgeo.layer("places").nlargest(60, "population")
    own = maps.Map(title="The 60 largest towns").add("ml1").add(
        towns.assign(away=cpecgeo.distance_km(towns, "ml1")), name="Towns", color="away",
        unit="km", radius="population", scheme=[5, 25, 100, 300], legend="From the line",
    ).save(work / "own.html")  # fmt: skip
    ways = maps.Map(title="Three ways from Gwadar to Lahore")
    ways.add(cpecgeo.routes("Gwadar", "Lahore"), profile=True)
    routes = ways.save(work / "routes.html")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = opened(browser, full, DESK)
        page.screenshot(path=folder / "map-full.png")
        page.locator("input.search-input").fill("Rohri")
        page.wait_for_selector(".search-tip")
        page.locator("input.search-input").press("Enter")
        page.wait_for_selector(".leaflet-popup-content h2")
        page.wait_for_timeout(900)
        page.screenshot(path=folder / "map-popup.png")
        opened(browser, one, DESK).screenshot(path=folder / "map-corridor.png")
        opened(browser, results, DESK).screenshot(path=folder / "map-results.png")
        opened(browser, own, DESK).screenshot(path=folder / "map-own.png")
        page = opened(browser, routes, DESK)
        page.locator(".cpec-profile svg").hover(position={"x": 520, "y": 60})
        page.screenshot(path=folder / "map-routes.png")
        page = opened(browser, full, PHONE, has_touch=True, is_mobile=True, device_scale_factor=2)
        page.screenshot(path=folder / "map-phone.png")
        page = opened(browser, full, PAPER)
        page.emulate_media(media="print")
        page.wait_for_selector(".cpec-foot", state="visible")
        page.wait_for_timeout(500)
        page.screenshot(path=folder / "map-print.png")
        browser.close()


def main() -> None:
    """Take all pictures."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        maps_by_browser(folder, Path(work))
    maps.save_figure(maps.draw_overview(), folder / "figure-overview.png", dpi=110)
    maps.save_figure(maps.draw_strip("ml1"), folder / "figure-strip.png", dpi=110)
    maps.save_figure(maps.draw_profile("kkh"), folder / "figure-profile.png", dpi=110)
    for pattern in ("map-*.png", "figure-*.png"):
        for path in sorted(folder.glob(pattern)):
            small(path)


if __name__ == "__main__":
    main()

"""``python -m benchmarks.maps``: one data set as a map of each package, side by side.

Writes docs/maps-compared.md. Each page is opened by a browser that reaches no server, so that
what it asks of servers is counted, and what is left without them is seen.

Peers: ``pip install leafmap lonboard keplergl mapclassify playwright``.
"""

from __future__ import annotations

import base64
import contextlib
import importlib.metadata
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlparse

import geopandas as gpd
import numpy as np
from playwright.sync_api import Browser, sync_playwright

import cpecgeo as cg

PAGE = Path(__file__).parents[1] / "docs" / "maps-compared.md"
RUNS, WAIT_S = 3, 6.0
LIMITS = (
    "With a network the others draw their data too. Their files can be smaller, because they load "
    "the program that draws from servers (leafmap's file contains its legend). How quickly they "
    "draw then depends on the servers and was not measured. Lonboard and kepler.gl use the "
    "graphics card and are made for millions of rows; this map is made for data that people read."
)
# A pixel that is neither white nor the grey of an empty map.
INK = """data => createImageBitmap(new Blob([Uint8Array.from(atob(data), c => c.charCodeAt(0))]))
.then(image => { const c = new OffscreenCanvas(image.width, image.height).getContext('2d');
c.drawImage(image, 0, 0); const p = c.getImageData(0, 0, image.width, image.height).data;
const seen = new Set(); for (let i = 0; i < p.length; i += 16) seen.add((p[i] >> 5) << 10 |
(p[i + 1] >> 5) << 5 | p[i + 2] >> 5); return seen.size; })"""


def sample() -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Districts with a value, sections of corridors, and towns: what all peers can draw."""
    districts = cg.layer("districts")[["name", "geometry"]]
    random = np.random.default_rng(16)
    districts = districts.assign(value=random.lognormal(3, 1, len(districts)).round(1))
    sections = cg.layer("sections")[["name", "kind", "status", "geometry"]]
    towns = cg.layer("places")[["name", "population", "geometry"]]
    return tuple(
        gpd.GeoDataFrame(frame[frame.geometry.notna()].reset_index(drop=True)).set_crs(4326)
        for frame in (districts, sections, towns)
    )  # type: ignore[return-value]


def draw_cpecgeo(layers, path):
    districts, sections, towns = layers
    m = cg.Map(title="Sample").add(districts, name="Districts", color="value")
    m.add(sections, name="Sections").add(towns, name="Towns", label="name").save(path)


def draw_explore(layers, path):
    districts, sections, towns = layers
    m = districts.explore(column="value", scheme="quantiles", name="Districts")
    sections.explore(m=m, name="Sections", color="#0b5c97")
    towns.explore(m=m, name="Towns", color="#4d4a45")
    m.save(path)


def draw_leafmap(layers, path):
    import leafmap.foliumap as leafmap

    districts, sections, towns = layers
    m = leafmap.Map(center=[30, 69], zoom=5)
    m.add_data(districts, column="value", scheme="Quantiles", layer_name="Districts")
    m.add_gdf(sections, layer_name="Sections")
    m.add_gdf(towns, layer_name="Towns")
    m.to_html(str(path))


def draw_lonboard(layers, path):
    from lonboard import Map, PathLayer, PolygonLayer, ScatterplotLayer

    districts, sections, towns = layers
    Map(
        [
            PolygonLayer.from_geopandas(districts, opacity=0.5),
            PathLayer.from_geopandas(sections, width_min_pixels=2),
            ScatterplotLayer.from_geopandas(towns, radius_min_pixels=2),
        ]
    ).to_html(str(path))


def draw_kepler(layers, path):
    from keplergl import KeplerGl

    m = KeplerGl(height=600)
    for name, frame in zip(("Districts", "Sections", "Towns"), layers, strict=True):
        m.add_data(data=frame, name=name)
    m.save_to_html(file_name=str(path))


DRAW: dict[str, tuple[str, Callable[..., None]]] = {
    "cpecgeo": ("cpecgeo", draw_cpecgeo),
    "geopandas `.explore()`": ("geopandas", draw_explore),
    "leafmap (folium)": ("leafmap", draw_leafmap),
    "lonboard": ("lonboard", draw_lonboard),
    "kepler.gl": ("keplergl", draw_kepler),
}


def look(browser: Browser, path: Path) -> tuple[int, int, float | None]:
    """Return requests to servers, how many servers, and seconds until the data is drawn."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    asked: list[str] = []

    def refuse(route, request):
        asked.append(request.url)
        route.abort()

    page.route(lambda url: urlparse(url).scheme in {"http", "https", "ws", "wss"}, refuse)
    began, ready = time.perf_counter(), None
    # A page may wait for its servers for good.
    with contextlib.suppress(Exception):
        page.goto(path.as_uri(), timeout=WAIT_S * 1000, wait_until="commit")
    checker = browser.new_page()
    while time.perf_counter() - began < WAIT_S:
        picture = base64.b64encode(page.screenshot()).decode()
        taken = time.perf_counter() - began
        # Ground, panels and five classes of colour make more than a dozen.
        if checker.evaluate(INK, picture) > 24:
            ready = taken
            break
        time.sleep(0.05)
    checker.close()
    page.close()
    return len(asked), len({urlparse(url).netloc for url in asked}), ready


def main() -> None:
    """Measure and write the page."""
    layers, rows = sample(), []
    program = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for name, (package, draw) in DRAW.items():
            path = Path(folder) / f"{package}.html"
            try:
                draw(layers, path)
            except Exception as error:  # noqa: BLE001 – a peer that fails is a row that says so
                print(f"{name}: {error!r}", file=sys.stderr)
                continue
            looks = [look(browser, path) for _ in range(RUNS)]
            if "--keep" in sys.argv:
                shutil.copy(path, Path("/tmp") / path.name)  # noqa: S108 – asked for by hand
            times = [ready for _, _, ready in looks if ready is not None]
            rows.append(
                (
                    f"{name} {importlib.metadata.version(package)}",
                    f"{path.stat().st_size / 1e3:,.0f}",
                    str(max(n for n, _, _ in looks)),
                    str(max(n for _, n, _ in looks)),
                    f"{min(times):.1f} s" if times else "nothing drawn",
                )
            )
            print(*rows[-1], sep=" | ", flush=True)
        browser.close()
    counts = ", ".join(
        f"{len(frame)} {name}"
        for name, frame in zip(("districts", "sections of corridors", "towns"), layers, strict=True)
    )
    about = (
        "Made by `python -m benchmarks.maps`. The same data as one HTML file of each package: "
        f"{counts}. Each file was opened by chromium on a machine without network, like a file "
        "from an e-mail or a USB stick. Requests are those that it tried within "
        f"{WAIT_S:g} seconds. Time is from opening the file until the data is on the screen, the "
        f"best of {RUNS}, on two cores that other work shared."
    )
    lines = [
        "# Maps compared",
        "",
        about,
        "",
        "| | file, kB | requests | servers | ready, offline |",
        "| --- | --: | --: | --: | --- |",
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
        LIMITS,
        "",
    ]
    PAGE.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()

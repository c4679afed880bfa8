"""A hundred thousand points, and pictures."""

import time

import geopandas as gpd
import numpy as np
import pytest
from conftest import MAP

from cpecgeo.errors import InputError, MissingExtraError
from cpecgeo.maps import Map
from cpecgeo.maps.still import browser

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def many_file(tmp_path_factory):
    rng = np.random.default_rng(7)
    n = 100_000
    frame = gpd.GeoDataFrame(
        {"name": [f"Mill {i}" for i in range(n)], "tonnes": rng.integers(1, 1000, n)},
        geometry=gpd.points_from_xy(rng.uniform(61, 77, n), rng.uniform(24, 36, n)),
        crs=4326,
    )
    made = Map(title="Many").add(frame, name="Mills", color="tonnes", popup=["tonnes"])
    return made.save(tmp_path_factory.mktemp("many") / "many.html")


def test_a_hundred_thousand_points_open_and_pan(visit, many_file):
    start = time.perf_counter()
    page = visit(many_file)
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert time.perf_counter() - start < 5
    # A pan in forty steps, as a hand makes it; the time between painted frames.
    frames = page.evaluate(
        f"""() => new Promise(done => {{
        const m = {MAP}; const gaps = []; let last = performance.now(); let k = 0;
        const step = now => {{ gaps.push(now - last); last = now;
          if (k === 40) {{ m.fire('moveend'); done(gaps.slice(2)); return; }}
          m._rawPanBy(L.point(6, 3)); m.fire('move'); k += 1; requestAnimationFrame(step); }};
        requestAnimationFrame(step); }})"""
    )
    assert np.median(frames) < 60
    redraw = page.evaluate(
        f"""() => {{ const g = Object.values({MAP}.cpec.layers).find(g => g.cpecLayer.name === 'Mills');
        const t = performance.now(); for (let i = 0; i < 5; i += 1) g.draw(); return (performance.now() - t) / 5; }}"""
    )
    assert redraw < 200


def test_one_of_many_is_found_and_clicked(visit, many_file):
    page = visit(many_file)
    page.locator("input.search-input").fill("Mill 4711")
    page.wait_for_selector(".search-tip")
    page.locator("input.search-input").press("Enter")
    page.wait_for_selector(".leaflet-popup-content h2")
    assert page.locator(".leaflet-popup-content h2").inner_text().startswith("Mill 4711")
    page.evaluate(f"void {MAP}.closePopup()")
    page.wait_for_timeout(600)
    at = page.evaluate(
        f"""() => {{ const m = {MAP}; const g = Object.values(m.cpec.layers).find(g => g.cpecLayer.name === 'Mills');
        const p = m.latLngToContainerPoint(g._latlng(4711)); const b = m.getContainer().getBoundingClientRect();
        return [p.x + b.left, p.y + b.top]; }}"""
    )
    page.mouse.click(*at)
    page.wait_for_selector(".leaflet-popup-content h2")
    assert page.locator(".leaflet-popup-content h2").inner_text() == "Mill 4711"


def test_a_picture(chromium, tmp_path):
    made = Map(title="Picture").add("ports")
    path = made.to_png(tmp_path / "map.png", width=640, height=480)
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(data[16:20]), int.from_bytes(data[20:24]) == (640, 480)
    from matplotlib.image import imread

    pixels = imread(path)
    assert len(np.unique(pixels.reshape(-1, pixels.shape[2]), axis=0)) > 200


def test_a_picture_needs_a_sane_size(tmp_path):
    with pytest.raises(InputError, match="pixels"):
        Map(background=False).to_png(tmp_path / "m.png", width=5)


def test_a_picture_needs_a_browser(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingExtraError, match="Install chromium"):
        browser()

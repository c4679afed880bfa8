"""A hundred thousand points, and pictures."""

import geopandas as gpd
import numpy as np
import pytest
from conftest import MAP

from cpecgeo.errors import InputError, MissingExtraError
from cpecgeo.maps import Map
from cpecgeo.maps.libraries import find_browser

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


def test_a_hundred_thousand_points_are_drawn_on_canvas_and_follow_a_pan(visit, many_file):
    page = visit(many_file)
    layer = f"Object.values({MAP}.cpec.layers).find(g => g.cpecLayer.name === 'Mills')"
    # Read through a copy, so that the map's own canvas stays on the GPU.
    painted = """canvas => { const copy = new OffscreenCanvas(canvas.width, canvas.height);
        const pen = copy.getContext('2d', {willReadFrequently: true}); pen.drawImage(canvas, 0, 0);
        const c = pen.getImageData(0, 0, canvas.width, canvas.height).data; let n = 0; let at = 0; for (let i = 3; i < c.length; i += 4) { if (c[i]) { n += 1; at = (at * 31 + i) % 1e9; } }
        return [n, at]; }"""
    canvases = page.locator(".leaflet-overlay-pane canvas, .leaflet-pane canvas")
    page.wait_for_timeout(300)
    before = [canvases.nth(i).evaluate(painted) for i in range(canvases.count())]
    assert max(count for count, _ in before) > 5_000
    # One element per point would freeze the page.
    assert page.evaluate("document.querySelectorAll('*').length") < 5_000
    assert page.evaluate(f"{layer}._latlng(99999) !== undefined")
    page.evaluate(f"void {MAP}.panBy([240, 120], {{animate: false}})")
    page.wait_for_timeout(600)
    after = [canvases.nth(i).evaluate(painted) for i in range(canvases.count())]
    assert after != before


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
    assert (int.from_bytes(data[16:20]), int.from_bytes(data[20:24])) == (640, 480)
    from matplotlib.image import imread

    pixels = imread(path)
    assert len(np.unique(pixels.reshape(-1, pixels.shape[2]), axis=0)) > 200


def test_a_picture_needs_a_sane_size(tmp_path):
    with pytest.raises(InputError, match="pixels"):
        Map(background=False).to_png(tmp_path / "m.png", width=5)


def test_a_picture_needs_a_browser(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingExtraError, match="Install chromium"):
        find_browser()

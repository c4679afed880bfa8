"""One's own data: sizes, clusters, density, as a reader sees them."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from conftest import MAP

from cpecgeo.maps import Map

pytestmark = pytest.mark.browser

LAYER = f"Object.values({MAP}.cpec.layers).find(g => g.cpecLayer.name === 'Schools')"


def schools(n=60):
    rng = np.random.default_rng(1)
    xy = rng.normal([[67, 25.5], [74, 31.5], [71, 34]], 0.3, (n // 3, 3, 2)).reshape(-1, 2)
    return gpd.GeoDataFrame(
        {
            "name": [f"School {i}" for i in range(n)],
            "pupils": np.append(rng.integers(10, 900, n - 1).astype(float), np.nan),
            "change": rng.normal(0, 5, n),
        },
        geometry=gpd.points_from_xy(xy[:, 0], xy[:, 1]),
        crs=4326,
    )


def test_sizes_and_colours_have_their_legends(visit, tmp_path):
    made = Map(background=False).add(
        schools(), name="Schools", color="change", radius="pupils", label="name", unit="%"
    )
    page = visit(made.save(tmp_path / "m.html"))
    rows = page.locator(".cpec-legend-list li").all_inner_texts()
    assert "Change" in rows
    assert "Pupils" in rows
    assert rows[-1] == "no value (1)"
    assert any(r.endswith("%") for r in rows)
    drawn = page.evaluate(f"{LAYER}.cpecItems.map(i => [i.getRadius(), i.options.fillColor])")
    assert max(r for r, _ in drawn) == 16
    assert min(r for r, _ in drawn) == 2
    # Small symbols are drawn over large ones.
    order = page.evaluate(f"{LAYER}.getLayers().map(i => i.getRadius())")
    assert order == sorted(order, reverse=True)
    # A sample in the legend is as large as the symbol on the map.
    sample = page.locator(".cpec-legend-list li:has-text('Pupils') + li svg")
    label = page.locator(".cpec-legend-list li:has-text('Pupils') + li").inner_text()
    value = float(label.replace(",", ""))
    most = float(schools()["pupils"].max())
    assert sample.bounding_box()["width"] * 7 / 20 == pytest.approx(
        16 * np.sqrt(value / most), abs=0.5
    )


def test_groups_say_how_many_and_open(visit, tmp_path):
    made = Map(background=False).add(schools(), name="Schools", cluster=True)
    page = visit(made.save(tmp_path / "m.html"))
    counts = page.evaluate(f"{LAYER}._groups.map(g => g.all.length)")
    assert sum(counts) == 60
    assert max(counts) > 5
    before = page.evaluate(f"{MAP}.getZoom()")
    spot = page.evaluate(
        f"""(() => {{ const m = {MAP}; const g = {LAYER}; const one = g._groups[0];
        const p = L.point(one.x, one.y).add(g._sheet.origin).subtract(m.getPixelOrigin());
        const c = m.layerPointToContainerPoint(p); const b = m.getContainer().getBoundingClientRect();
        return [c.x + b.left, c.y + b.top]; }})()"""
    )
    page.mouse.click(*spot)
    page.wait_for_timeout(900)
    assert page.evaluate(f"{MAP}.getZoom()") > before
    smaller = page.evaluate(f"{LAYER}._groups.map(g => g.all.length)")
    assert max(smaller) < max(counts)
    page.locator("input.search-input").fill("School 7")
    page.wait_for_selector(".search-tip")
    page.locator("input.search-input").press("Enter")
    page.wait_for_selector(".leaflet-popup-content h2")


def test_counts_stay_when_the_map_is_moved(visit, tmp_path):
    made = Map(background=False).add(schools(), name="Schools", cluster=True)
    page = visit(made.save(tmp_path / "m.html"))
    counts = f"{LAYER}._groups.map(g => g.all.length).sort((a, b) => a - b)"
    before = page.evaluate(counts)
    page.evaluate(f"void {MAP}.panBy([37, 23], {{animate: false}})")
    page.wait_for_timeout(200)
    assert page.evaluate(counts) == before


def test_density_is_drawn_with_its_unit(visit, tmp_path):
    frame = schools(3000)
    page = visit(
        Map(background=False)
        .add(frame, name="Schools", cluster="density")
        .save(tmp_path / "m.html")
    )
    page.wait_for_timeout(200)
    rows = page.locator(".cpec-legend-list li").all_inner_texts()
    assert rows[0] == "Schools, per km²"
    assert rows[1].startswith("about ")
    # Per km²: 1,000 points, normal with σ = 0.3° (28 × 33 km): at most 1000 / (2π·28·33) = 0.17.
    most = float(rows[1].removeprefix("about "))
    assert 0.01 < most < 0.25
    painted = page.evaluate(
        """() => { const c = document.querySelector('.cpec-cloud'); const copy = new OffscreenCanvas(c.width, c.height);
        const pen = copy.getContext('2d', {willReadFrequently: true}); pen.drawImage(c, 0, 0);
        const d = pen.getImageData(0, 0, c.width, c.height).data; let n = 0;
        for (let i = 3; i < d.length; i += 4) if (d[i]) n += 1; return n; }"""
    )
    assert painted > 3000


def events():
    days = pd.to_datetime(["2021-01-05", "2021-02-10", "2021-02-20", "2022-06-01", None])
    return gpd.GeoDataFrame(
        {"name": list("abcde"), "date": days},
        geometry=gpd.points_from_xy(np.arange(66.0, 71), np.full(5, 30.0)),
        crs=4326,
    )


NAMES = """() => { const g = Object.values(MAP.cpec.layers).find(g => g.cpecLayer.name === 'Events');
  return g.cpecItems.map((item, i) => g.hasLayer(item) ? g.cpecLayer.columns.name[i] : '').join(''); }"""


def move(page, label, value):
    page.get_by_label(label, exact=True).evaluate(
        "(e, v) => { e.value = v; e.dispatchEvent(new Event('input', {bubbles: true})); }", value
    )


def test_a_slider_goes_by_any_column_of_dates(visit, tmp_path):
    path = Map(background=False).add(events(), name="Events", when="date").save(tmp_path / "m.html")
    page = visit(path)
    names = NAMES.replace("MAP", MAP)
    text = page.locator(".time-text")
    assert text.inner_text() == "All times"
    assert page.evaluate(names) == "abcde"
    assert page.locator(".cpec-timeline select").input_value() == "month"
    move(page, "Until", 1)  # February 2021
    assert text.inner_text() == "Until Feb 2021"
    assert page.evaluate(names) == "abc"
    assert (
        page.get_by_label("Until", exact=True).get_attribute("aria-valuetext") == "Until Feb 2021"
    )
    page.locator(".cpec-timeline button.prev").click()
    assert page.evaluate(names) == "a"
    page.get_by_label("hide what came earlier").check()
    move(page, "Until", 17)  # June 2022
    move(page, "Since", 1)
    assert text.inner_text() == "Feb 2021 \u2013 Jun 2022"
    assert page.evaluate(names) == "bcd"
    page.locator(".cpec-timeline select").select_option("week")
    assert page.evaluate(names) == "abcde"
    move(page, "Until", 6)  # The week of Monday, 15 February 2021.
    assert text.inner_text() == "Until 15 Feb 2021"
    assert page.evaluate(names) == "abc"


def test_playing_ends_with_everything(visit, tmp_path):
    frame = events().assign(year=[2001, 2002, 2002, 2004, np.nan]).drop(columns="date")
    page = visit(
        Map(background=False).add(frame, name="Events", when="year").save(tmp_path / "m.html")
    )
    names = NAMES.replace("MAP", MAP)
    move(page, "Year of the map", 0)
    assert page.evaluate(names) == "a"
    assert page.locator(".time-text").inner_text() == "As in 2001"
    page.get_by_label("Play", exact=True).click()
    assert page.get_by_label("Pause", exact=True).count() == 1
    page.locator(".time-text:text-is('All times')").wait_for()
    assert page.evaluate(names) == "abcde"
    page.get_by_label("Play", exact=True).wait_for()


def test_many_points_follow_the_slider(visit, tmp_path):
    n = 3000
    frame = gpd.GeoDataFrame(
        {"name": [f"p{i}" for i in range(n)], "year": np.arange(n) % 10 + 2000},
        geometry=gpd.points_from_xy(np.linspace(62, 75, n), np.full(n, 30.0)),
        crs=4326,
    )
    page = visit(
        Map(background=False).add(frame, name="Events", when="year").save(tmp_path / "m.html")
    )
    move(page, "Year of the map", 3)
    shown = page.evaluate(f"Object.values({MAP}.cpec.layers)[0]._shown.reduce((a, b) => a + b, 0)")
    assert shown == n * 4 // 10

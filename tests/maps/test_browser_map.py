"""The full map in a real browser, without a network."""

import json
import re

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
from conftest import MAP
from shapely.geometry import Point

import cpecgeo
from cpecgeo.maps import Map

pytestmark = pytest.mark.browser


def legend(page):
    return page.locator(".cpec-legend-list li").all_inner_texts()


def toggle(page, name):
    page.locator(".leaflet-control-layers label", has_text=re.compile(rf"^\s*{name}\s*$")).locator(
        "input"
    ).click()
    page.wait_for_timeout(80)


def search(page, text):
    box = page.locator("input.search-input")
    box.fill(text)
    page.wait_for_selector(".search-tip")
    rows = page.locator(".search-tip").all_inner_texts()
    box.press("Enter")
    page.wait_for_selector(".leaflet-popup-content h2", timeout=5000)
    page.wait_for_timeout(300)
    return rows


def view(page):
    return page.evaluate(
        f"(() => {{ const m = {MAP}; const c = m.getCenter(); return [c.lng, c.lat, m.getZoom()]; }})()"
    )


def test_it_is_small(cpec_file):
    assert cpec_file.stat().st_size <= 3_000_000


def test_pakistan_fills_the_view(visit, cpec_file):
    page = visit(cpec_file)
    share = page.evaluate(
        f"""(() => {{ const m = {MAP};
        const a = m.latLngToContainerPoint([37.1, 60.9]), b = m.latLngToContainerPoint([23.7, 77.8]);
        const s = m.getSize();
        return [a.x, a.y, b.x, b.y, (b.y - a.y) / s.y, s.x, s.y]; }})()"""
    )
    left, top, right, bottom, tall, width, height = share
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert tall > 0.6


def test_layers_toggle_and_the_legend_follows(visit, cpec_file):
    page = visit(cpec_file)
    page.wait_for_timeout(200)
    assert {"Road", "Railway", "Mining corridor", "Port", "Planned"} <= set(legend(page))
    ports = page.locator(".cpec-icon[aria-label*='Ports']").count()
    assert ports > 0
    toggle(page, "Ports")
    assert "Port" not in legend(page)
    assert page.locator(".cpec-icon[aria-label*='Ports']").count() == 0
    toggle(page, "Ports")
    assert "Port" in legend(page)
    for name in ("Roads", "Railways", "Mining corridor"):
        toggle(page, name)
    assert not {"Road", "Railway", "Mining corridor", "Planned"} & set(legend(page))


def test_a_group_toggles_all_its_layers(visit, cpec_file):
    page = visit(cpec_file)
    box = page.locator(".leaflet-control-layers-group[aria-label='Sites']")
    box.locator(".leaflet-control-layers-group-selector").click()
    page.wait_for_timeout(100)
    assert page.locator(".cpec-icon:visible").count() == 0


@pytest.mark.parametrize(
    ("text", "lonlat"),
    [
        ("Rohri", (68.9, 27.69)),
        ("روہڑی", (68.9, 27.69)),
        ("Khunjerab", (75.42, 36.85)),
        ("khunjerab pass", (75.42, 36.85)),
        ("KARACHI", (67.01, 24.86)),
        ("喀什", (75.99, 39.47)),
    ],
)
def test_search_flies_there_and_opens_the_popup(visit, cpec_file, text, lonlat):
    page = visit(cpec_file)
    search(page, text)
    lon, lat, zoom = view(page)
    assert zoom >= 9
    bounds = page.evaluate(
        f"(() => {{ const b = {MAP}.getBounds(); return [b.getWest(), b.getSouth(), b.getEast(), b.getNorth()]; }})()"
    )
    assert bounds[0] < lonlat[0] < bounds[2], (lon, lat)
    assert bounds[1] < lonlat[1] < bounds[3], (lon, lat)


def test_search_finds_corridors_and_draws_them(visit, cpec_file):
    page = visit(cpec_file)
    search(page, "Main Line 1")
    text = page.locator(".leaflet-popup-content").inner_text()
    assert "1,733" in text
    assert "Other figures" not in text, "short at first"
    page.locator(".cpec-popup summary").click()
    text = page.locator(".leaflet-popup-content").inner_text()
    assert "Other figures" in text


def test_search_says_when_there_is_nothing(visit, cpec_file):
    page = visit(cpec_file)
    box = page.locator("input.search-input")
    box.fill("Xyzzyx")
    box.press("End")
    page.wait_for_timeout(300)
    box.press("Enter")
    page.wait_for_selector(".search-alert:visible")


def test_right_to_left_names_are_set_right(visit, cpec_file):
    page = visit(cpec_file)
    search(page, "روہڑی")
    urdu = page.locator(".cpec-name[lang='ur']").first
    assert urdu.evaluate("e => getComputedStyle(e).direction") == "rtl"
    assert urdu.evaluate("e => getComputedStyle(e).textAlign") == "right"
    assert "روہڑی" in urdu.inner_text()


def test_timeline_hides_what_was_not_built(visit, cpec_file, cpec):
    page = visit(cpec_file)
    counts = {}
    for year in (2005, 2013, 2022, 2030):
        page.locator(".cpec-timeline input[aria-label='Year of the map']").evaluate(
            "(e, y) => { e.value = y - 2005; e.dispatchEvent(new Event('input', {bubbles: true})); }",
            year,
        )
        page.wait_for_timeout(120)
        counts[year] = page.evaluate(
            f"""(() => {{ const g = {MAP}.cpec.layers.road;
            return g.cpecItems.map((item, i) => item && g.hasLayer(item) ? i : -1).filter(i => i >= 0); }})()"""
        )
    layer = cpec.data()["layers"]["road"]

    def value(column, i):
        packed = layer["columns"].get(column)
        if packed is None:
            return None
        return packed[i] if isinstance(packed, list) else packed["v"][packed["i"][i]]

    for year in (2005, 2013, 2022):
        for i in range(layer["n"]):
            opened, status = value("opened", i), value("status", i)
            if opened is not None:
                stands = int(str(opened)[:4]) <= year
            else:
                stands = status not in {"planned", "under_construction"}
            assert (i in counts[year]) == stands, (year, value("name", i), opened, status)
    assert len(counts[2005]) < len(counts[2013]) < len(counts[2022]) < len(counts[2030])
    assert len(counts[2030]) == layer["n"]


def test_km_posts_appear_with_zoom(visit, cpec_file, settled):
    page = visit(cpec_file)

    def posts(zoom):
        page.evaluate(f"void {MAP}.setView([27.69, 68.9], {zoom}, {{animate: false}})")
        settled(page)
        return [
            int(v) for v in page.locator(".cpec-post").evaluate_all("e => e.map(n => n.dataset.km)")
        ]

    assert posts(5) == []
    for zoom, step in ((7, 100), (8.5, 50), (10, 10)):
        found = posts(zoom)
        assert found, zoom
        assert all(km % step == 0 for km in found)
        if step < 100:
            assert any(km % (step * 2 if step != 50 else 100) for km in found), zoom


def test_no_post_is_finer_than_its_line_is_known(visit, cpec_file, cpec):
    page = visit(cpec_file)
    known = {p["name"]: p["accuracy_km"] for p in cpec.data()["posts"].values()}
    assert known["ML-1"] > 1
    seen = {}
    for lat, lon in ((27.69, 68.9), (33.6, 72.9), (30.2, 67.0)):
        page.evaluate(f"void {MAP}.setView([{lat}, {lon}], 13, {{animate: false}})")
        page.wait_for_timeout(400)
        for text in page.locator(".cpec-post span").all_inner_texts():
            name, _, km = text.rpartition("\u00a0")
            seen.setdefault(name.removesuffix("\u00a0km"), set()).add(int(km.replace(",", "")))
    assert seen
    for name, posts in seen.items():
        step = next(s for s in (1, 10, 50, 100) if s >= known[name])
        assert all(km % step == 0 for km in posts), (name, known[name], posts)


def test_measure_agrees_with_the_ellipsoid(visit, cpec_file, settled):
    page = visit(cpec_file)
    page.evaluate(f"void {MAP}.setView([30, 70], 6, {{animate: false}})")
    settled(page)
    page.locator(".cpec-measure a").click()
    ends = [(500, 250), (760, 620)]
    box = page.locator(".cpec-map").bounding_box()
    where = []
    for x, y in ends:
        page.mouse.click(x, y)
        page.wait_for_timeout(80)
        where.append(
            page.evaluate(
                f"([x, y]) => {{ const p = {MAP}.containerPointToLatLng([x, y]); return [p.lng, p.lat]; }}",
                [x - box["x"], y - box["y"]],
            )
        )
    said = page.locator(".cpec-measure-text").inner_text()
    km = float(page.locator(".cpec-measure-text").get_attribute("data-km"))
    from shapely.geometry import Point

    true = cpecgeo.distance_km(Point(where[0]), Point(where[1]))
    # A pixel is 2 km here.
    assert km == pytest.approx(true, rel=0.001)
    assert float(re.search(r"([\d,.]+) km", said)[1].replace(",", "")) == pytest.approx(
        km, rel=1e-4
    )
    page.keyboard.press("Escape")
    assert page.locator(".leaflet-popup").count() == 0


def test_distances_of_the_page_are_those_of_the_ellipsoid(visit, cpec_file):
    page = visit(cpec_file)
    rng = np.random.default_rng(4)
    pairs = np.column_stack([rng.uniform(-180, 180, 300), rng.uniform(-85, 85, 300)]).reshape(-1, 4)
    near = pairs.copy()
    near[:, 2:] = near[:, :2] + rng.uniform(-3, 3, (len(near), 2))
    pairs = np.vstack([pairs, near])
    got = page.evaluate(
        "all => all.map(([a, b, c, d]) => cpecgeo.distanceKm(L.latLng(b, a), L.latLng(d, c)))",
        pairs.tolist(),
    )
    *_, want = pyproj.Geod(ellps="WGS84").inv(*pairs.T)
    assert np.allclose(got, want / 1000, rtol=0, atol=1e-6)


def test_measure_by_keyboard(visit, cpec_file, settled):
    page = visit(cpec_file)
    page.locator(".cpec-measure a").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowRight")
    settled(page)
    page.keyboard.press("Enter")
    assert float(page.locator(".cpec-measure-text").get_attribute("data-km")) > 10
    page.keyboard.press("Escape")
    assert page.locator(".cpec-measure a").get_attribute("aria-pressed") == "false"


def test_printing_fits_one_page_with_legend_and_sources(visit, cpec_file, tmp_path):
    page = visit(cpec_file)
    page.emulate_media(media="print")
    foot = page.locator(".cpec-foot")
    foot.wait_for(state="visible")
    assert "Sources" in foot.inner_text()
    assert page.locator(".cpec-legend-list").is_visible()
    assert not page.locator(".cpec-timeline").is_visible()
    assert not page.locator(".leaflet-control-layers").first.is_visible()
    pdf = page.pdf(prefer_css_page_size=True, print_background=True)
    pages = re.findall(rb"/Type\s*/Page\b", pdf)
    assert len(pages) == 1
    width, height = (
        float(v) for v in re.search(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", pdf).groups()
    )
    assert width > height
    page.emulate_media(media="screen")
    foot.wait_for(state="hidden")


def test_every_feature_has_a_name_in_its_popup(visit, cpec_file):
    page = visit(cpec_file)
    empty = page.evaluate(
        f"""(() => {{ const bad = []; const m = {MAP};
        for (const g of Object.values(m.cpec.layers)) {{
          const l = g.cpecLayer;
          if (!l.style.interactive) continue;
          for (let i = 0; i < l.n; i += 1) {{
            const box = cpecgeo.popup(l, i);
            if (!box.querySelector("h2").textContent.trim()) bad.push([l.key, i]);
          }}
        }}
        return bad; }})()"""
    )
    assert empty == []


def test_the_page_unpacks_what_travels_packed(visit, cpec, cpec_file, tmp_path):
    """Indices, single points and repeated parts of lines are shorter in the file."""
    dated = gpd.GeoDataFrame(
        {
            "name": list("abcdef"),
            "day": ["2020-01-01"] * 5 + [None],
            "many": [["x", 1, True], None, ["x"], [], ["y", "x"], [None, 2.5]],
            "deep": [[["x"]], None, [], ["y"], None, None],
            "text": ["", None, "a, b; c", "b; c", " , ", "\n"],
        },
        geometry=[Point(67 + i, -25 * (-1) ** i) for i in range(6)],
        crs=4326,
    )
    dated = gpd.GeoDataFrame(pd.concat([dated] * 3, ignore_index=True), crs=4326)
    own = Map(background=False).add(dated, name="Dated", when="day", color="name")
    for made, path in ((cpec, cpec_file), (own, own.save(tmp_path / "own.html"))):
        page = visit(path)
        data = made.data()["layers"]
        for key, want in data.items():
            got = page.evaluate(f"{MAP}.cpec.data.layers[{json.dumps(key)}]")
            said = json.loads(json.dumps(want))
            for part in ("columns", "look", "geometry", "times"):
                assert got.get(part) == said.get(part), (key, part)
    text = cpec_file.read_text(encoding="utf-8")
    block = json.loads(
        re.search(r'<script type="application/json"[^>]*>(.*?)</script>', text, re.DOTALL)[1]
    )
    packed = block["layers"]
    assert isinstance(packed["towns"]["geometry"], str)
    bands = [v for k, v in packed.items() if k.startswith("corridor-")]
    parts = [part for v in bands for _, all_ in v["geometry"] for part in all_]
    assert sum(isinstance(part, int) for part in parts) > 0.9 * len(parts), "lines are there once"

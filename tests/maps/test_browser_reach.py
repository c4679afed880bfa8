"""Names, order and focus for keys and screen readers; popups for readers; what fits the data."""

import math
from importlib import resources

import geopandas as gpd
import pandas as pd
import pytest
from conftest import MAP
from shapely.geometry import LineString, Point

import cpecgeo
from cpecgeo.analysis.measure import interval_text
from cpecgeo.maps import Map

pytestmark = pytest.mark.browser

AXE = resources.files("axe_playwright_python").joinpath("axe.min.js")


def violations(page):
    """What axe-core finds."""
    found = page.evaluate("() => axe.run(document)")
    assert len(found["passes"]) > 15
    return [(v["id"], [n["html"][:120] for n in v["nodes"]][:3]) for v in found["violations"]]


@pytest.fixture
def audited(chromium):
    """Open pages with axe-core, which the page's own policy would refuse."""
    contexts = []

    def open_page(path, **options):
        made = chromium.new_context(
            viewport={"width": 1200, "height": 800}, offline=True, bypass_csp=True, **options
        )
        contexts.append(made)
        page = made.new_page()
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready]", state="attached", timeout=20_000)
        page.add_script_tag(content=AXE.read_text(encoding="utf-8"))
        page.wait_for_timeout(400)
        return page

    yield open_page
    for made in contexts:
        made.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_the_map(audited, cpec_file, scheme):
    page = audited(cpec_file, color_scheme=scheme)
    assert violations(page) == []
    page.locator("input.search-input").fill("Rohri")
    page.wait_for_selector(".search-tip")
    assert violations(page) == []
    page.locator("input.search-input").press("Enter")
    page.wait_for_selector(".leaflet-popup-content h2")
    page.wait_for_timeout(500)
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.get_by_label("Table of Ports", exact=True).click()
    assert violations(page) == []
    page.evaluate("() => document.querySelector('dialog').append(new Image())")
    assert [name for name, _ in violations(page)] == ["image-alt"], "it does look"


def test_axe_finds_nothing_on_a_map_of_ones_own(audited, tmp_path):
    frame = gpd.GeoDataFrame(
        {"name": ["A", "B"], "v": [-1.0, 2.0], "day": ["2021-01-01", "2021-05-01"]},
        geometry=[Point(67, 25), Point(68, 26)],
        crs=4326,
    )
    made = Map(embed=True).add(frame, name="Own", color="v", radius=6, when="day")
    assert violations(audited(made.save(tmp_path / "m.html"))) == []


def test_every_line_and_point_has_a_name_and_a_turn(visit, cpec_file):
    page = visit(cpec_file)
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('.leaflet-interactive')].filter(e =>
          !e.getAttribute('aria-label') || e.getAttribute('role') !== 'button').length"""
    )
    assert nameless == 0
    stops = page.evaluate(
        """() => [...document.querySelectorAll(".leaflet-interactive[tabindex='0']")]
          .map(e => e.getAttribute('aria-label').split(', ').pop())"""
    )
    assert len(stops) == len(set(stops)), "one stop of the Tab key for each layer"
    assert {"Roads", "Railways", "Ports", "Cities"} <= set(stops)
    first = page.locator("[aria-label$=', Railways'][tabindex='0']")
    first.focus()
    name = first.get_attribute("aria-label")
    page.keyboard.press("ArrowRight")
    after = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert after != name
    assert after.endswith(", Railways")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == name


def test_a_popup_takes_the_focus_and_gives_it_back(visit, cpec_file):
    page = visit(cpec_file)
    line = page.locator("[aria-label$=', Roads'][tabindex='0']")
    line.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".leaflet-popup-content h2")
    inside = "document.querySelector('.leaflet-popup').contains(document.activeElement)"
    assert page.evaluate(inside)
    page.keyboard.press("Escape")
    page.wait_for_selector(".leaflet-popup-content h2", state="detached")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").endswith(", Roads")


def test_the_search_is_a_combobox(visit, cpec_file):
    page = visit(cpec_file)
    box = page.get_by_role("combobox", name="Search places and corridors")
    assert box.get_attribute("aria-expanded") == "false"
    box.fill("Gwadar")
    page.wait_for_selector(".search-tip")
    page.wait_for_timeout(50)
    assert box.get_attribute("aria-expanded") == "true"
    box.press("ArrowDown")
    chosen = box.get_attribute("aria-activedescendant")
    assert page.locator(f"#{chosen}").get_attribute("aria-selected") == "true"
    assert page.locator(f"#{box.get_attribute('aria-controls')}").get_attribute("role") == "listbox"


def test_the_first_tab_skips_to_the_map(visit, cpec_file):
    page = visit(cpec_file)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the map"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.classList.contains('leaflet-interactive')")


def test_without_scripts_the_page_says_why_it_is_empty(chromium, cpec_file):
    context = chromium.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto(cpec_file.as_uri())
    assert "JavaScript" in page.locator("noscript").inner_text()
    context.close()


def test_colours_of_the_map_stay_where_the_readers_own_are_in_force(visit, cpec_file):
    page = visit(cpec_file, forced_colors="active")
    adjust = "e => getComputedStyle(e).forcedColorAdjust"
    assert page.locator(".cpec-legend-list .cpec-symbol").first.evaluate(adjust) == "none"
    assert page.locator(".cpec-legend").evaluate(adjust) == "auto"


def test_popups_are_short_with_more_on_demand(visit, cpec_file):
    page = visit(cpec_file)
    page.evaluate(f"void cpecgeo.goTo({MAP}, 'rail', 0)")
    page.wait_for_selector(".leaflet-popup-content h2")
    text = page.locator(".leaflet-popup-content").inner_text()
    assert "known to about" in text
    assert "Official length" in text
    assert "Note" not in text
    assert len(page.locator(".cpec-popup > dl dt").all()) <= 6
    page.locator(".cpec-popup summary").click()
    assert "Drawn" in page.locator(".leaflet-popup-content").inner_text()


def clear_of_its_line(page, layer, i):
    """Wait until less than a twentieth of a line lies under its popup."""
    page.wait_for_function(
        f"""() => {{ const m = {MAP}; const item = m.cpec.layers.{layer}.cpecItems[{i}];
        const box = document.querySelector('.leaflet-popup-content-wrapper');
        if (!box || !item.isPopupOpen()) return false;
        const r = box.getBoundingClientRect();
        const b = m.getContainer().getBoundingClientRect(); let under = 0; let all = 0;
        for (const part of item._parts) for (let k = 1; k < part.length; k += 1) for (let n = 0; n < 20; n += 1) {{
          const x = part[k-1].x + (part[k].x - part[k-1].x) * n / 20, y = part[k-1].y + (part[k].y - part[k-1].y) * n / 20;
          const p = m.layerPointToContainerPoint([x, y]); all += 1;
          if (p.x + b.left > r.left && p.x + b.left < r.right && p.y + b.top > r.top && p.y + b.top < r.bottom) under += 1; }}
        return under / all < 0.05; }}"""
    )


LINES = (("rail", 0), ("road", 3), ("road", 10), ("mining", 0))


def test_a_popup_never_lies_on_its_line(visit, cpec_file):
    page = visit(cpec_file)
    for layer, i in LINES:
        page.evaluate(f"void cpecgeo.goTo({MAP}, '{layer}', {i})")
        page.wait_for_timeout(1300)  # the map glides there first, longer on a busy machine
        clear_of_its_line(page, layer, i)


def test_a_popup_opened_while_the_map_glides_never_lies_on_its_line(visit, cpec_file):
    page = visit(cpec_file)
    for layer, i in LINES:
        page.evaluate(
            f"""() => {{ const m = {MAP}; cpecgeo.goTo(m, '{layer}', {i});
            m.once("zoom", () => cpecgeo.open(m, '{layer}', {i})); }}"""
        )
        page.wait_for_timeout(1300)
        clear_of_its_line(page, layer, i)


def test_a_popup_opened_by_a_key_while_the_map_glides_stands_on_its_line(visit, cpec_file):
    page = visit(cpec_file)
    for key in ("rail", "road"):
        page.evaluate(f"void {MAP}.setView([27.7, 68.9], 7, {{animate: false}})")
        page.wait_for_timeout(500)
        off = page.evaluate(
            f"""async () => {{ const m = {MAP};
            const node = document.querySelector("[aria-label$=', {key.title()}s'][tabindex='0'], "
              + "[aria-label$=', {key.title()}ways'][tabindex='0']");
            const [group, i] = node.cpecAt;
            const begun = new Promise(done => m.once('zoomanim', () => setTimeout(done, 0)));
            m.setZoom(9);
            await begun;
            const glides = m._animatingZoom;
            node.dispatchEvent(new KeyboardEvent('keydown', {{key: 'Enter', bubbles: true}}));
            const at = m._popup.getLatLng();
            const moves = () => m._animatingZoom || (m._panAnim && m._panAnim._inProgress);
            for (let still = 0, n = 0; still < 4 && n < 60; n += 1) {{
              await new Promise(done => setTimeout(done, 100));
              still = moves() ? 0 : still + 1;
            }}
            const near = group.cpecItems[i].closestLayerPoint(m.latLngToLayerPoint(at));
            return [glides, near ? near.distance : null]; }}"""
        )
        assert off[0], "the map was still gliding"
        assert off[1] is not None
        assert off[1] < 3, key


@pytest.mark.parametrize(
    "source", ["see https://example.org/a?b=1.", "javascript:alert(1)", "data:text/html,x"]
)
def test_addresses_in_sources_are_links_and_nothing_else_is(visit, tmp_path, source):
    frame = gpd.GeoDataFrame(
        {"name": ["A"], "source": [source], "accuracy_km": [0.52]},
        geometry=[Point(67, 25)],
        crs=4326,
    )
    page = visit(Map(background=False).add(frame, name="T").save(tmp_path / "m.html"))
    page.evaluate(f"void cpecgeo.open({MAP}, 'layer0', 0)")
    page.wait_for_selector(".leaflet-popup-content h2")
    links = page.locator(".cpec-popup a").evaluate_all("e => e.map(a => [a.href, a.rel])")
    wanted = [["https://example.org/a?b=1", "noopener noreferrer"]] if "https" in source else []
    assert links == wanted
    assert source in page.locator(".cpec-popup dd").all_inner_texts()[1].replace(
        "example.org", "https://example.org"
    )
    assert page.locator(".cpec-popup dd").first.inner_text() == "known to about 500\u00a0m"


def test_a_distance_is_said_as_well_as_both_positions_are_known(visit, tmp_path):
    known = [(6.5, 2.5, None), (6.5, 8.0, None), (6.5, 1.5, 2.0), (6.5, None, None),
             (6.5, 0.02, None), (1234.4, 221.0, None), (12.34, 0.4, None)]  # fmt: skip
    frame = gpd.GeoDataFrame(
        pd.DataFrame(
            known, columns=["distance_km", "accuracy_km", "point_accuracy_km"], dtype=float
        ),
        geometry=[Point(67 + i, 25) for i in range(len(known))],
        crs=4326,
    )
    made = Map(background=False).add(frame, name="T", popup=["distance_km"])
    page = visit(made.save(tmp_path / "m.html"))
    told = []
    for i in range(len(known)):
        page.evaluate(f"void cpecgeo.open({MAP}, 'layer0', {i})")
        page.wait_for_selector(".leaflet-popup-content h2")
        told.append(page.locator(".cpec-popup").last.locator("dd").all_inner_texts())
    want = [
        interval_text(*(math.nan if v is None else v for v in row)).replace(" km", "\u00a0km")
        for row in known
    ]
    assert told == [[text] for text in want]
    plants = cpecgeo.within("energy", "ml1", 10)
    page = visit(
        Map(background=False).add(plants, name="P", popup=["distance_km"]).save(tmp_path / "p.html")
    )
    page.evaluate(f"void cpecgeo.open({MAP}, 'layer0', 0)")
    text = page.locator(".cpec-popup dd").first.inner_text()
    row = plants.iloc[0]
    want = interval_text(row["distance_km"], row["accuracy_km"], row["accuracy_km_near"])
    assert text == want.replace(" km", "\u00a0km")


def test_a_band_says_within_what_a_line_lies_from_close_by(visit, tmp_path):
    frame = gpd.GeoDataFrame(
        {"name": ["near", "far"], "accuracy_km": [2.0, 200.0]},
        geometry=[LineString([(67, 25), (67.2, 25)]), LineString([(67, 25.05), (67.2, 25.05)])],
        crs=4326,
    )
    made = Map(background=False).add(frame, name="L", extra={"grow": True})
    page = visit(made.save(tmp_path / "m.html"))
    bands = """() => [...document.querySelectorAll('.leaflet-cpec-band-pane path')]
      .map(e => Number(e.getAttribute('stroke-width')))"""
    page.evaluate(f"void {MAP}.setView([25, 67.1], 11, {{animate: false}})")
    page.wait_for_timeout(300)
    got = page.evaluate(bands)
    # 2 km to either side at 25° N, zoom 11: 2 × 2 km / (40,075 km · cos 25° / 2^19 px).
    assert got == [pytest.approx(4 * 2**19 / (40075.017 * 0.9063), rel=2e-3)]
    legend = page.locator(".cpec-legend-list")
    assert "Line lies within (95 %)" in legend.inner_text()
    # A band wider than the view would be paper without an edge: the legend says it instead.
    assert "Line known to 200\u00a0km: more than this view" in legend.inner_text()
    page.evaluate(f"void {MAP}.setView([25, 67.1], 7, {{animate: false}})")
    page.wait_for_timeout(300)
    assert page.evaluate(bands) == []
    assert "known to" not in legend.inner_text()
    page.evaluate(f"void {MAP}.setView([25.05, 67.1], 12, {{animate: false}})")
    page.wait_for_timeout(300)
    assert "Line known to 200\u00a0km" in legend.inner_text()
    far = "cpecgeo.eachItem({0}, (g, item, i) => {{ if (i === 1) g.removeLayer(item); }})"
    page.evaluate(f"void {far.format(MAP)}")
    page.evaluate(f"void {MAP}.setView([25.05, 67.1], 11, {{animate: false}})")
    page.wait_for_timeout(300)
    assert "known to" not in legend.inner_text(), "no line that is so rough is drawn any more"


def test_zoom_keeps_to_what_the_data_shows(visit, cpec_file, tmp_path):
    page = visit(cpec_file)
    page.evaluate(f"void {MAP}.setZoom({MAP}.getMinZoom(), {{animate: false}})")
    page.wait_for_timeout(400)
    west, south, east, north = page.evaluate(
        f"(() => {{ const b = {MAP}.getBounds(); return [b.getWest(), b.getSouth(), b.getEast(), b.getNorth()]; }})()"
    )
    ground = page.evaluate(f"{MAP}.cpec.data.ground")
    assert ground[0] - 0.5 <= west
    assert east <= ground[2] + 0.5
    assert ground[1] - 0.5 <= south
    assert north <= ground[3] + 0.5
    free = Map(background=False, max_zoom=17).add(Point(67, 25))
    assert visit(free.save(tmp_path / "m.html")).evaluate(f"{MAP}.getMaxZoom()") == 17

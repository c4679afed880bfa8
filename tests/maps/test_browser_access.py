"""Keyboard, screen readers, contrast, reduced motion, and narrow screens."""

import geopandas as gpd
import pytest
from conftest import MAP
from shapely.geometry import Point

import cpecgeo
from cpecgeo.maps import Map

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 800}

CONTRAST = """() => {
  const channel = v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
  const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(Number);
    return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b); };
  const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
    const p = c.match(/[\\d.]+/g).map(Number); if (p.length < 4 || p[3] > 0.75) return c; }
    return "rgb(255,255,255)"; };
  const bad = [];
  for (const e of document.querySelectorAll("h1, header p, label span, summary, li span, .time-text, button, a, p, small, dt, dd, .leaflet-control-scale-line, .leaflet-control-attribution, .cpec-label")) {
    if (!e.offsetParent || !e.textContent.trim()) continue;
    const a = light(getComputedStyle(e).color), b = light(ground(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) bad.push([e.className, e.textContent.trim().slice(0, 30), ratio.toFixed(2)]);
  }
  return bad;
}"""


def test_page_has_language_title_heading_and_a_named_map(visit, cpec_file):
    page = visit(cpec_file)
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.title() == "China–Pakistan Economic Corridor"
    assert page.locator("h1").count() == 1
    box = page.locator(".cpec-map")
    assert box.get_attribute("role") == "region"
    assert "Arrow keys" in box.get_attribute("aria-label")


def test_text_has_contrast(visit, cpec_file):
    page = visit(cpec_file)
    page.locator(".cpec-note summary").click()
    page.locator("input.search-input").fill("Rohri")
    page.wait_for_timeout(300)
    assert page.evaluate(CONTRAST) == []
    page.locator("input.search-input").press("Enter")
    page.wait_for_selector(".leaflet-popup-content h2")
    assert page.evaluate(CONTRAST) == []


def test_every_control_is_reached_by_tab_and_shows_its_focus(visit, cpec_file):
    page = visit(cpec_file)
    seen = set()
    hidden = []
    for _ in range(140):
        page.keyboard.press("Tab")
        found = page.evaluate(
            """() => { const e = document.activeElement; if (!e || e === document.body) return null;
            const s = getComputedStyle(e);
            return [e.getAttribute('aria-label') || e.title || e.textContent.trim() || e.type,
                    s.outlineStyle, s.outlineWidth, e.className.toString()]; }"""
        )
        if found is None:
            break
        seen.add(found[0])
        if found[1] == "none" or found[2] == "0px":
            hidden.append(found)
    assert hidden == []
    want = {
        "Search places and corridors", "Zoom in", "Zoom out", "Measure distances and areas", "Print",
        "Play", "Pause", "Year of the map", "Legend", "About this map", "checkbox", f"show {len(cpecgeo.corridors())}",
    }  # fmt: skip
    assert want - {"Pause"} <= seen, want - seen


def test_layers_by_keyboard_keep_the_focus(visit, cpec_file):
    page = visit(cpec_file)
    first = page.locator(
        ".leaflet-control-layers-group[aria-label='Sites'] .leaflet-control-layers-selector"
    ).first
    first.focus()
    page.keyboard.press("Space")
    page.wait_for_timeout(100)
    assert not first.is_checked()
    page.keyboard.press("Space")
    page.wait_for_timeout(100)
    assert first.is_checked()


def test_sites_open_by_keyboard(visit, cpec_file):
    page = visit(cpec_file)
    site = page.locator(".cpec-icon[aria-label*='Ports']").first
    assert site.get_attribute("tabindex") == "0"
    assert site.get_attribute("role") == "button"
    site.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".leaflet-popup-content h2")
    page.keyboard.press("Escape")
    page.wait_for_selector(".leaflet-popup-content h2", state="detached")


def test_buttons_links_and_icons_have_names(visit, cpec_file):
    page = visit(cpec_file)
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('a, button, input, [role=button], img')].filter(e =>
          e.offsetParent && !(e.getAttribute('aria-label') || e.title || e.alt || e.textContent.trim()
          || (e.labels && e.labels.length))).map(e => e.outerHTML.slice(0, 120))"""
    )
    assert nameless == []


def test_reduced_motion_is_heeded(visit, cpec_file):
    page = visit(cpec_file, reduced_motion="reduce")
    options = page.evaluate(
        f"(() => {{ const o = {MAP}.options; return [o.zoomAnimation, o.fadeAnimation, o.inertia]; }})()"
    )
    assert options == [False, False, False]
    assert page.locator(".cpec-timeline button.play").count() == 0
    page.locator("input.search-input").fill("Gwadar Port")
    page.wait_for_selector(".search-tip")
    page.locator("input.search-input").press("Enter")
    page.wait_for_selector(".leaflet-popup-content h2")


def test_a_phone_shows_all_without_scrolling_sideways(visit, cpec_file):
    page = visit(cpec_file, view=PHONE, has_touch=True, is_mobile=True)
    size = page.evaluate(
        "[document.documentElement.scrollWidth, innerWidth, document.documentElement.scrollHeight, innerHeight]"
    )
    assert size[0] <= size[1] == 390
    assert size[2] <= size[3]
    overlaps = page.evaluate(
        """() => { const boxes = [...document.querySelectorAll('.leaflet-control')].filter(e => e.offsetParent)
          .map(e => [e.className, e.getBoundingClientRect()]).filter(([, r]) => r.width && r.height);
          const bad = [];
          for (let i = 0; i < boxes.length; i++) for (let j = i + 1; j < boxes.length; j++) {
            const [a, b] = [boxes[i][1], boxes[j][1]];
            if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1)
              bad.push([boxes[i][0], boxes[j][0]]);
            if (a.left < -1 || a.right > innerWidth + 1) bad.push([boxes[i][0], 'outside']);
          }
          return bad; }"""
    )
    assert overlaps == []
    page.locator(".leaflet-control-layers-toggle").tap()
    page.wait_for_timeout(150)
    assert page.locator(".leaflet-control-layers-list").first.is_visible()
    page.locator(".search-button").tap()
    page.locator("input.search-input").fill("Rohri")
    page.wait_for_selector(".search-tip")
    page.locator(".search-tip").first.tap()
    page.wait_for_selector(".leaflet-popup-content h2")
    box = page.locator(".leaflet-popup-content-wrapper").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390


def test_a_map_in_a_notebooks_frame_works(visit, tmp_path):
    made = Map(title="In a frame").add(
        gpd.GeoDataFrame({"name": ["Rohri"]}, geometry=[Point(68.9, 27.69)], crs=4326), name="Towns"
    )
    outer = tmp_path / "notebook.html"
    outer.write_text(
        f'<!DOCTYPE html><html data-ready="yes"><meta charset="utf-8">{made._repr_html_()}</html>'
    )
    page = visit(outer)
    frame = page.frame_locator("iframe")
    frame.locator("html[data-ready]").wait_for(state="attached")
    assert frame.locator(".leaflet-control-layers-group label").count() > 0
    frame.locator("path.leaflet-interactive").last.wait_for(state="attached")

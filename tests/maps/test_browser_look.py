"""What a map looks like in a browser: names, panels, widths, paper and the line of credits."""

import base64
import re
import zlib
from itertools import pairwise

import geopandas as gpd
import pytest
from conftest import MAP
from pyproj import Geod
from shapely.geometry import LineString, Point

import cpecgeo
from cpecgeo.errors import UnknownNameError
from cpecgeo.maps import Map, cpec_map

pytestmark = pytest.mark.browser

DESK = {"width": 1280, "height": 860}
PHONE = {"width": 390, "height": 800}

LABELS = """() => {
  const box = e => { const r = e.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; };
  const meet = (a, b) => a[0] < b[2] - 1 && b[0] < a[2] - 1 && a[1] < b[3] - 1 && b[1] < a[3] - 1;
  const all = [...document.querySelectorAll('.cpec-label')].map(e => [e.textContent, box(e)]);
  const frame = box(document.querySelector('.cpec-map'));
  const panels = [...document.querySelectorAll('.leaflet-control')].filter(e => e.offsetParent)
    .map(e => [e.className, box(e)]);
  const bad = [];
  const seen = all.filter(([, b]) => meet(b, frame));
  seen.forEach(([name, b], i) => {
    if (b[0] < frame[0] - 1 || b[1] < frame[1] - 1 || b[2] > frame[2] + 1 || b[3] > frame[3] + 1)
      bad.push(['cut off', name]);
    for (const [other, c] of seen.slice(i + 1)) if (meet(b, c)) bad.push([name, other]);
    for (const [other, c] of panels) if (meet(b, c)) bad.push([name, other]);
  });
  return [seen.map(([name]) => name), bad];
}"""


@pytest.mark.parametrize(("view", "least"), [(DESK, 35), (PHONE, 15)])
def test_names_are_whole_and_touch_neither_each_other_nor_the_panels(
    visit, cpec_file, settled, view, least
):
    page = visit(cpec_file, view=view)
    settled(page)
    names, bad = page.evaluate(LABELS)
    assert bad == []
    assert len(names) >= least
    assert {"INDIA", "Karachi"} <= {n if n != "India" else "INDIA" for n in names}


# Names of cities, and the symbols that they overlap, by the boxes of the drawn elements.
TOUCHED = f"""() => {{ const m = {MAP}; const found = []; const symbols = [];
  const box = e => {{ const r = e.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; }};
  const frame = box(m.getContainer());
  cpecgeo.eachItem(m, (group, item, i) => {{
    const e = item.getLatLng && item.getElement();
    if (!e || !e.checkVisibility()) return;
    const b = box(e.querySelector('svg') || e);
    symbols.push([cpecgeo.nameOf(group.cpecLayer, i), b]);
  }});
  for (const e of document.querySelectorAll('.cpec-label-city')) {{
    const [x0, y0, x1, y1] = box(e);
    if (x1 < frame[0] || x0 > frame[2] || y1 < frame[1] || y0 > frame[3]) continue;
    for (const [name, b] of symbols) if (x0 + 2 < b[2] && b[0] < x1 - 2 && y0 + 2 < b[3] && b[1] < y1 - 2)
      found.push([e.textContent, name]);
  }}
  return [document.querySelectorAll('.cpec-label-city').length, symbols.length, found]; }}"""


def test_symbols_stand_where_their_places_are(visit, cpec_file, settled):
    page = visit(cpec_file)
    page.evaluate(f"void {MAP}.setView([25, 67], 8, {{animate: false}})")
    settled(page)
    off = page.evaluate(
        f"""() => {{ const m = {MAP}; const frame = m.getContainer().getBoundingClientRect(); const found = [];
        cpecgeo.eachItem(m, (group, item) => {{
          const svg = item.options.icon && item.getElement() && item.getElement().querySelector('svg');
          if (!svg || !svg.checkVisibility() || !m.getBounds().contains(item.getLatLng())) return;
          const r = svg.getBoundingClientRect();
          const p = m.latLngToContainerPoint(item.getLatLng()).add(item.cpecAside || [0, 0]);
          found.push(Math.hypot(r.x + r.width / 2 - frame.x - p.x, r.y + r.height / 2 - frame.y - p.y));
        }}); return found; }}"""
    )
    assert len(off) > 10
    assert max(off) < 1


@pytest.mark.parametrize("width", [390, 820, 1440])
def test_names_of_cities_lie_on_no_symbol(visit, cpec_file, settled, width):
    page = visit(cpec_file, view={"width": width, "height": 900})
    views = [None, (31.4, 74, 8), (25, 66, 6), (24.9, 67.1, 8), (33.6, 73, 7), (30.2, 67, 9)]
    for at in views:
        if at is not None:
            lat, lon, zoom = at
            page.evaluate(f"void {MAP}.setView([{lat}, {lon}], {zoom}, {{animate: false}})")
        settled(page)
        names, symbols, found = page.evaluate(TOUCHED)
        assert symbols > 50
        assert found == [], at
        if at is None:
            assert names >= 18


def test_the_corridor_is_not_hidden_by_panels(visit, cpec_file, settled):
    page = visit(cpec_file, view=DESK)
    settled(page)
    ends = {"Khunjerab": (75.43, 36.85), "Gwadar": (62.33, 25.1), "Taftan": (61.6, 28.97)}
    for name, (lon, lat) in ends.items():
        over = page.evaluate(
            f"""([lon, lat]) => {{ const p = {MAP}.latLngToContainerPoint([lat, lon]);
            const b = document.querySelector('.cpec-map').getBoundingClientRect();
            return !!document.elementFromPoint(p.x + b.left, p.y + b.top).closest('.leaflet-control'); }}""",
            [lon, lat],
        )
        assert not over, name


def test_pakistan_fills_a_phone(visit, cpec_file):
    page = visit(cpec_file, view=PHONE, has_touch=True, is_mobile=True)
    left, right = page.evaluate(
        f"[60.9, 77.8].map(lon => {MAP}.latLngToContainerPoint([30, lon]).x)"
    )
    assert left >= 0
    assert right <= 390
    assert right - left > 0.7 * 390


def test_lines_grow_and_stops_appear_with_zoom(visit, tmp_path, settled):
    page = visit(cpecgeo.corridor("ml1").explore().save(tmp_path / "one.html"))

    def seen(zoom):
        page.evaluate(f"void {MAP}.setView([27.69, 68.9], {zoom}, {{animate: false}})")
        settled(page)
        return page.evaluate(
            f"""(() => {{ const groups = Object.values({MAP}.cpec.layers);
            const line = groups.find(g => g.cpecLayer.key === 'corridor-ml1').cpecItems[0];
            const stops = groups.find(g => g.cpecLayer.name === 'Stops').cpecItems;
            return [line.options.weight, line.cpecEdge.options.weight,
              stops.filter(s => s.getElement().style.display !== 'none').length, stops.length]; }})()"""
        )

    far, near = seen(5.5), seen(11)
    assert far[0] < near[0]
    assert far[1] > far[0]
    assert 10 < far[2] < far[3] / 2
    assert near[2] == near[3]


def test_the_legend_names_only_what_this_zoom_draws(visit, cpec_file, settled):
    page = visit(cpec_file)
    legend = page.locator(".cpec-legend-list")
    settled(page)
    assert "Station" not in legend.inner_text()
    page.evaluate(f"void {MAP}.setView([27.69, 68.9], 9, {{animate: false}})")
    settled(page)
    assert "Station" in legend.inner_text()


def test_credits_follow_the_layers(visit, cpec_file, settled):
    page = visit(cpec_file)
    line = page.locator(".leaflet-control-attribution")
    assert "© OpenStreetMap contributors" in line.inner_text()
    assert "GeoNames" in line.inner_text()
    page.locator(".cpec-note summary").click()
    assert "Open Database Licence" in page.locator(".cpec-note").inner_text()
    page.evaluate(
        f"""(() => {{ const m = {MAP}; for (const g of Object.values(m.cpec.layers))
        if ((g.cpecLayer.credits || []).some(c => c[0].includes('OpenStreetMap'))) m.removeLayer(g); }})()"""
    )
    assert "OpenStreetMap" not in line.inner_text()
    assert "Natural Earth" in line.inner_text()


def test_the_relief_lies_on_the_land_and_can_be_taken_away(visit, cpec_file, settled):
    page = visit(cpec_file, view=DESK)
    settled(page)
    canvas = page.locator(".leaflet-cpec-relief-pane canvas")
    # Read the shading at a point from the page's own canvas.
    shade = f"""([lon, lat]) => {{ const m = {MAP}; const c = document.querySelector('.leaflet-cpec-relief-pane canvas');
      const box = c.getBoundingClientRect(); const f = m.getContainer().getBoundingClientRect();
      const p = m.latLngToContainerPoint([lat, lon]);
      const x = Math.round((p.x + f.x - box.x) / box.width * c.width), y = Math.round((p.y + f.y - box.y) / box.height * c.height);
      const d = c.getContext('2d').getImageData(x - 12, y - 12, 25, 25).data; let most = 0;
      for (let k = 3; k < d.length; k += 4) most = Math.max(most, d[k]); return most; }}"""
    page.wait_for_function("document.querySelector('.leaflet-cpec-relief-pane canvas').width > 500")
    assert page.evaluate(shade, [74.8, 36.2]) > 60, "Hunza"
    assert page.evaluate(shade, [64.5, 24.3]) < 8, "the Arabian Sea"
    assert page.evaluate(shade, [72.2, 30.6]) < 12, "the plain of Punjab"
    order = page.evaluate(
        """['background', 'relief', 'edge', 'line'].map(n =>
        Number(getComputedStyle(document.querySelector(`.leaflet-cpec-${n}-pane`)).zIndex))"""
    )
    assert order == sorted(order)
    assert "NOAA GLOBE" in page.locator(".leaflet-control-attribution").inner_text()
    assert page.get_by_label("Table of Relief", exact=True).count() == 0
    page.evaluate(f"void {MAP}.setView([36, 75], 12, {{animate: false}})")
    opacity = "getComputedStyle(document.querySelector('.leaflet-cpec-relief-pane')).opacity"
    assert page.evaluate(opacity) == "0"
    page.locator(".leaflet-control-layers label", has_text="Relief").locator("input").uncheck()
    assert canvas.count() == 0
    assert "NOAA GLOBE" not in page.locator(".leaflet-control-attribution").inner_text()


def test_the_relief_waits_over_tiles_and_lakes_are_found(visit, tmp_path):
    made = Map(tiles="OpenTopoMap").data()["layers"]
    assert made["relief"]["show"] is False
    assert Map().data()["layers"]["relief"]["show"] is True
    assert "relief" not in Map(background=["rivers"]).data()["layers"]
    page = visit(Map().add(Point(72.7, 34), name="Here").save(tmp_path / "m.html"))
    page.locator("input.search-input").fill("Tarbela")
    page.wait_for_selector(".search-tip")
    assert "Lake" in page.locator(".search-tip").first.inner_text()


def test_the_overview_never_moves_the_map_back(visit, cpec_file, settled):
    page = visit(cpec_file, view=DESK)
    settled(page)
    assert page.locator(".leaflet-control-minimap").count() == 1
    for lon, zoom in [(66, 6.25), (73, 7), (70, 6.75)]:
        page.evaluate(f"void {MAP}.setView([30, {lon}], {zoom}, {{animate: false}})")
        page.wait_for_timeout(60)
    page.wait_for_timeout(900)
    where = f"(() => {{ const m = {MAP}; return [m.getCenter().lng, m.getCenter().lat, m.getZoom()]; }})()"
    assert page.evaluate(where) == pytest.approx([70, 30, 6.75], abs=1e-9)


def paper(page):
    pdf = page.pdf(prefer_css_page_size=True, print_background=True)
    width, height = (
        float(v) for v in re.search(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", pdf).groups()
    )
    return len(re.findall(rb"/Type\s*/Page\b", pdf)), width > height


@pytest.mark.parametrize("view", [DESK, PHONE])
def test_print_by_the_browsers_own_command(visit, tmp_path, view, settled):
    """Browsers lay out the page right after `beforeprint`, so the sheet must have its size by then."""
    long = "A title of many words that goes on and on " * 12
    made = Map(title=long, subtitle=long * 3).add("ml1")
    sources = gpd.GeoDataFrame(
        {"name": ["a", "b"], "source": [long * 9, "x" * 3000]},
        geometry=[Point(67, 25), Point(68, 26)],
        crs=4326,
    )
    page = visit(made.add(sources, name="Mine").save(tmp_path / "p.html"), view=view)
    settled(page)
    where = f"(() => {{ const m = {MAP}; return [m.getCenter().lng, m.getCenter().lat, m.getZoom()]; }})()"
    before = page.evaluate(where)
    page.evaluate("void window.dispatchEvent(new Event('beforeprint'))")
    box = page.locator(".cpec-map").bounding_box()
    assert box["width"] == pytest.approx(279 / 25.4 * 96, abs=1)
    assert box["height"] == pytest.approx(156 / 25.4 * 96, abs=1)
    held = page.evaluate(
        f"(() => {{ const m = {MAP}; const b = m.getBounds(); const [w, s, e, n] = m.cpec.data.view;"
        " return b.contains([[s, w], [n, e]]); })()"
    )
    assert held, "all that the map is about is on the paper"
    foot = page.locator(".cpec-foot").bounding_box()
    assert foot["y"] + foot["height"] <= (210 - 18) / 25.4 * 96
    page.evaluate("void window.dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(where) == pytest.approx(before, abs=1e-4)
    assert paper(page) == (1, True)


def test_the_sheet_has_scale_north_degrees_date_and_credits(visit, cpec_file):
    page = visit(cpec_file)
    page.evaluate("void window.dispatchEvent(new Event('beforeprint'))")
    page.wait_for_timeout(300)
    corner = page.locator(".cpec-corner")
    assert corner.inner_text().split()[0] == "N"
    ratio = float(corner.get_attribute("data-ratio"))
    # A line of 100 mm on paper, measured on the ellipsoid.
    ends = page.evaluate(
        f"""(() => {{ const m = {MAP}; const s = m.getSize(); const px = 100 / 25.4 * 96;
        return [[s.x / 2 - px / 2, s.y / 2], [s.x / 2 + px / 2, s.y / 2]].map(p => {{
          const l = m.containerPointToLatLng(p); return [l.lng, l.lat]; }}); }})()"""
    )
    (lon1, lat1), (lon2, lat2) = ends
    metres = Geod(ellps="WGS84").inv(lon1, lat1, lon2, lat2)[2]
    assert ratio == pytest.approx(metres / 0.1, rel=0.06)
    degrees = page.locator(".cpec-degree").all_inner_texts()
    assert {"70°E", "30°N"} <= set(degrees)
    at = page.evaluate(
        f"""(() => {{ const m = {MAP}; const b = m.getContainer().getBoundingClientRect();
        return m.latLngToContainerPoint([30, 70]).y + b.top; }})()"""
    )
    box = page.locator(".cpec-degree span:text-is('30°N')").bounding_box()
    assert box["y"] + box["height"] == pytest.approx(at, abs=2)
    foot = page.locator(".cpec-foot").inner_text()
    assert "OpenStreetMap" in foot
    assert re.search(r"Printed \d+ \w+ 20\d\d", foot)
    page.evaluate("void window.dispatchEvent(new Event('afterprint'))")
    assert page.locator(".cpec-corner, .cpec-degree").count() == 0


def test_the_sea_is_blue_on_paper_and_no_degree_is_hidden(visit, cpec_file):
    page = visit(cpec_file)
    # A canvas that was cleared is white in print; of one that is filled no pixel is clear.
    clear = f"""() => {{ const c = {MAP}.cpec.canvas._container;
      const copy = Object.assign(document.createElement('canvas'), {{ width: c.width, height: c.height }});
      const pen = copy.getContext('2d', {{ willReadFrequently: true }});
      pen.drawImage(c, 0, 0);
      const all = pen.getImageData(0, 0, c.width, c.height).data;
      let n = 0; for (let k = 3; k < all.length; k += 4) n += all[k] < 255; return n; }}"""
    assert page.evaluate(clear) > 0
    page.evaluate("void window.dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(clear) == 0
    corner = page.locator(".cpec-corner").bounding_box()
    degrees = page.locator(".cpec-degree span").all()
    assert {"40°N", "35°N"} <= {one.inner_text() for one in degrees}
    for one in degrees:
        at = one.bounding_box()
        beside = at["x"] + at["width"] <= corner["x"]
        assert beside or at["y"] >= corner["y"] + corner["height"], one.inner_text()
    page.evaluate("void window.dispatchEvent(new Event('afterprint'))")
    page.wait_for_timeout(300)
    assert page.evaluate(clear) > 0


def sheet_colour(pdf):
    """The colour that the whole of the first page is filled with, margins too."""
    for found in re.finditer(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL):
        try:
            text = zlib.decompress(found[1])
        except zlib.error:
            continue
        fill = re.search(rb"([\d.]+ [\d.]+ [\d.]+) rg\n(?:/\w+ gs\n)?0 0 [\d.]+ [\d.]+ re\nf", text)
        if fill:
            return fill[1].decode()
    return None


PANELS = """() => { const of = (e, what) => getComputedStyle(document.querySelector(e))[what];
  return [of('html', 'backgroundColor'), of('.cpec-head h1', 'color'), of('.cpec-legend', 'backgroundColor'),
    of('.cpec-legend', 'color'), of('.leaflet-control-scale-line', 'color'), of('.cpec-profile', 'backgroundColor')]; }"""


@pytest.mark.parametrize("forced", ["none", "active"])
def test_paper_is_white_and_ink_dark_whatever_the_screen_is(visit, tmp_path, forced):
    path = Map(title="Sheet").add("kkh", profile=True).save(tmp_path / "m.html")
    shown = {}
    for scheme in ("light", "dark"):
        page = visit(path, color_scheme=scheme, forced_colors=forced)
        pdf = page.pdf(prefer_css_page_size=True, print_background=True)
        assert sheet_colour(pdf) == "1 1 1", scheme
        page.emulate_media(media="print", color_scheme=scheme, forced_colors="none")
        page.wait_for_timeout(300)
        assert page.locator(".cpec-corner").count() == 1
        shown[scheme] = page.evaluate(PANELS)
        page.emulate_media(media="screen")
    assert shown["dark"] == shown["light"]
    assert shown["dark"][0] == "rgb(255, 255, 255)"
    assert shown["dark"][1] == "rgb(35, 33, 30)"


@pytest.mark.parametrize("width", [800, 1400])
def test_a_map_within_a_printed_page_is_whole_with_its_legend(chromium, tmp_path, width):
    """Once it was laid out for a whole sheet, and the report's frame cut it to a quarter."""
    path = cpecgeo.report("taxila-havelian").save(tmp_path / "r.html")
    page = chromium.new_page(viewport={"width": width, "height": 900})
    page.goto(path.as_uri())
    (frame,) = [one for one in page.frames if one.parent_frame]
    frame.wait_for_selector("html[data-ready]", state="attached")
    frame.evaluate("void window.dispatchEvent(new Event('beforeprint'))")
    box = frame.evaluate(
        """() => { const box = e => { const r = document.querySelector(e).getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; };
        return [box('.cpec-map'), box('.cpec-legend'), box('.leaflet-control-attribution')]; }"""
    )
    # The report's style gives the frame 182 mm by 130 mm of an A4 sheet.
    ground, *panels = box
    assert ground[2] <= 182 / 25.4 * 96
    assert ground[3] <= 130 / 25.4 * 96
    assert ground[2] - ground[0] > 0.85 * min(width - 60, 181 / 25.4 * 96)
    for panel in panels:
        assert ground[0] <= panel[0] < panel[2] <= ground[2]
        assert ground[1] <= panel[1] < panel[3] <= ground[3]
    frame.evaluate("void window.dispatchEvent(new Event('afterprint'))")
    assert frame.locator("html.cpec-framed").count() == 0
    page.close()


def test_print_offers_papers(visit, cpec_file):
    page = visit(cpec_file)
    page.evaluate(
        "window.print = () => { window.printed = document.documentElement.dataset.paper; }"
    )
    page.get_by_label("Print", exact=True).click()
    page.get_by_role("button", name="Print on A3", exact=True).click()
    assert page.evaluate("window.printed") == "A3"
    page.evaluate("void window.dispatchEvent(new Event('beforeprint'))")
    box = page.locator(".cpec-map").bounding_box()
    assert box["width"] == pytest.approx(402 / 25.4 * 96, abs=1)
    pdf = page.pdf(prefer_css_page_size=True, print_background=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1


@pytest.mark.parametrize(
    ("paper", "wide"),
    [("A4", 841.9), ("A3", 1190.6), ("A4 portrait", 595.3), ("A3 portrait", 841.9)],
)
def test_a_map_is_printed_to_a_pdf_of_lines(tmp_path, paper, wide):
    made = Map(title="Sheet").add("taxila-havelian")
    pdf = made.to_pdf(tmp_path / "m.pdf", paper=paper).read_bytes()
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1
    box = re.search(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", pdf)
    assert float(box[1]) == pytest.approx(wide, abs=1)
    assert (float(box[1]) > float(box[2])) == ("portrait" not in paper)
    assert b"/FontDescriptor" in pdf, "texts are texts"
    assert b"/Subtype /Image" not in pdf, "nothing is a picture"


def test_other_papers_are_refused(tmp_path):
    with pytest.raises(UnknownNameError, match="A4"):
        Map(background=False).to_pdf(tmp_path / "m.pdf", paper="A5")


def covered(page, lonlat):
    """What panel lies over a position; None where the map is seen."""
    return page.evaluate(
        f"""([lon, lat]) => {{ const p = {MAP}.latLngToContainerPoint([lat, lon]);
        const b = document.querySelector('.cpec-map').getBoundingClientRect();
        const on = document.elementFromPoint(p.x + b.left, p.y + b.top);
        return on ? (on.closest('.leaflet-control, .cpec-corner') || {{}}).className || null : 'outside'; }}""",
        lonlat,
    )


@pytest.mark.parametrize("view", [{"width": 1280, "height": 800}, {"width": 820, "height": 1180}])
def test_ends_of_routes_are_not_under_the_legend(visit, tmp_path, settled, view):
    ways = cpecgeo.routes("Gwadar", "Lahore")
    page = visit(Map().add(ways, profile=True).save(tmp_path / "m.html"), view=view)
    settled(page)
    for way in ways:
        for end in (way.origin.point, way.destination.point):
            assert covered(page, [end.x, end.y]) is None
    # A sheet is wider than a tablet, whose edge hides it from this test.
    if view["width"] < 1100:
        return
    page.emulate_media(media="print")
    page.locator(".cpec-foot").wait_for(state="visible")
    settled(page)
    for end in (ways[0].origin.point, ways[0].destination.point):
        assert covered(page, [end.x, end.y]) is None


def test_a_tablet_shows_gwadar_beside_the_legend(visit, cpec_file, settled):
    page = visit(cpec_file, view={"width": 820, "height": 1180})
    settled(page)
    assert page.locator(".cpec-legend").get_attribute("open") is not None
    for lonlat in ((62.33, 25.12), (61.6, 28.97), (63.1, 27.4), (75.43, 36.85)):
        assert covered(page, lonlat) is None, lonlat


def test_samples_of_areas_stand_in_line_with_the_others(visit, tmp_path):
    reach = cpecgeo.reach(["Gwadar Port", "Karachi Port"], hours=[2, 4], mode="road")
    page = visit(Map().add(reach).save(tmp_path / "m.html"))
    starts = page.locator(".cpec-legend-list .cpec-symbol + span").evaluate_all(
        "all => all.map(e => Math.round(e.getBoundingClientRect().left))"
    )
    assert len(starts) >= 5
    assert len(set(starts)) == 1
    said = "Within 4 hours of Gwadar Port, Karachi Port"
    assert page.title() == said
    assert "From Gwadar Port, Karachi Port" in page.locator(".cpec-legend-list").inner_text()


def test_texts_of_km_posts_are_whole_or_not_there(visit, cpec_file, settled):
    page = visit(cpec_file, view={"width": 1440, "height": 900})
    cut, count = 0, 0
    for step in range(6):
        page.evaluate(f"void {MAP}.setView([{31.3 + step * 0.08}, 73], 8, {{animate: false}})")
        settled(page)
        n, bad = page.evaluate(
            """() => { const f = document.querySelector('.cpec-map').getBoundingClientRect();
            const all = [...document.querySelectorAll('.cpec-post span')].map(e => e.getBoundingClientRect());
            return [all.length, all.filter(r => r.top < f.top - 1 || r.bottom > f.bottom + 1).length]; }"""
        )
        count, cut = count + n, cut + bad
    assert count > 60
    assert cut == 0


EDGES = {"W": (62.0, 29.0), "E": (76.0, 31.0), "N": (70.0, 36.0), "S": (68.0, 24.5)}


def at_the_edges(**columns):
    """Return points, the outermost of which are the bounds of the map."""
    names = [f"{side} of everything" for side in EDGES]
    shapes = [Point(at) for at in EDGES.values()]
    return gpd.GeoDataFrame({"name": names} | columns, geometry=shapes, crs=4326)


@pytest.mark.parametrize("shape", ["circle", "square"])
def test_large_symbols_at_the_edge_are_whole(visit, tmp_path, settled, shape):
    """In windows of many sizes, of which some leave no pixel to spare at the edge."""
    frame = at_the_edges(pupils=[900, 800, 1000, 950])
    made = Map(background=False).add(frame, name="Schools", radius="pupils", shape=shape)
    page = visit(made.save(tmp_path / "m.html"), view=DESK)
    cut = []
    for turn in range(24):
        page.set_viewport_size({"width": 700 + 12 * turn, "height": 480 + 15 * turn})
        page.evaluate(f"void ({MAP}.invalidateSize({{animate: false}}), cpecgeo.fit({MAP}))")
        cut += page.evaluate(
            f"""() => {{ const m = {MAP}; const f = m.getContainer().getBoundingClientRect(); const cut = [];
            cpecgeo.eachItem(m, (group, item, i) => {{
              const e = item.getElement(); const b = (e.querySelector('svg') || e).getBoundingClientRect();
              if (b.left < f.left || b.top < f.top || b.right > f.right || b.bottom > f.bottom)
                cut.push([f.width, f.height, cpecgeo.nameOf(group.cpecLayer, i)]);
            }}); return cut; }}"""
        )
    assert cut == []


def test_names_at_the_edge_of_a_sheet_are_whole_and_not_struck_through(visit, tmp_path, settled):
    """On paper degrees are written along the edges; no name of a place may lie on them."""
    made = Map().add(at_the_edges(), name="Ends", label="name")
    page = visit(made.save(tmp_path / "m.html"))
    settled(page)
    page.evaluate("void window.dispatchEvent(new Event('beforeprint'))")
    settled(page)
    names, bad = page.evaluate(LABELS)
    assert {f"{side} of everything" for side in EDGES} <= set(names)
    assert bad == []
    over = page.evaluate(
        """() => { const box = e => e.getBoundingClientRect(); const bad = [];
        const degrees = [...document.querySelectorAll('.cpec-degree span')];
        for (const e of document.querySelectorAll('.cpec-label, .cpec-path.leaflet-interactive')) for (const d of degrees) {
          const [a, b] = [box(e), box(d)];
          if (a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom) bad.push([e.textContent, d.textContent]);
        } return bad; }"""
    )
    assert over == []


def colours(page, locator):
    """Count the colours of the pixels of a part of the page."""
    data = base64.b64encode(locator.screenshot()).decode()
    return page.evaluate(
        """async data => { const image = await createImageBitmap(new Blob([Uint8Array.from(atob(data), c => c.charCodeAt(0))]));
        const c = new OffscreenCanvas(image.width, image.height).getContext('2d'); c.drawImage(image, 0, 0);
        const p = c.getImageData(0, 0, image.width, image.height).data; const n = {};
        for (let i = 0; i < p.length; i += 4) { const k = [p[i], p[i + 1], p[i + 2]].join(); n[k] = (n[k] || 0) + 1; }
        return n; }""",
        data,
    )


def count_like(counts, color):
    """Count the pixels of a colour, and those blended with it a little at edges."""
    r, g, b = map(int, color.split(","))
    each = ((n, *map(int, key.split(","))) for key, n in counts.items())
    return sum(n for n, x, y, z in each if max(abs(x - r), abs(y - g), abs(z - b)) <= 4)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_with_the_readers_own_colours_the_map_keeps_its_own(visit, tmp_path, settled, scheme):
    """Forced colours change only the panels, not samples, names, symbols and hatches."""
    made = Map().add("kkh", profile=True).add(cpecgeo.buffer("Gilgit", 60), name="Around")
    path = made.save(tmp_path / "m.html")
    parts = {
        "a sample of an area": ".cpec-legend-list .cpec-area >> nth=0",
        "a sample of a line": ".cpec-legend-list .cpec-symbol:not(.cpec-area) >> nth=0",
        "the key of the hatch": ".cpec-profile-key i",
        "the panel's drawing": ".cpec-profile svg[role=slider]",
    }
    shown = {}
    for forced in ("none", "active"):
        page = visit(path, forced_colors=forced, color_scheme=scheme)
        settled(page)
        shown[forced] = {name: colours(page, page.locator(at)) for name, at in parts.items()}
        label = (
            "getComputedStyle(document.querySelector('.cpec-label-city, .cpec-label-stop')).color"
        )
        shown[forced]["a name"] = page.evaluate(label)
        sea = "getComputedStyle(document.querySelector('.cpec-map')).backgroundColor"
        shown[forced]["the sea"] = page.evaluate(sea)
        if forced == "active":
            ground = "e => getComputedStyle(e).backgroundColor"
            canvas = page.evaluate(
                "() => { const e = document.createElement('i'); e.style.color = 'Canvas'; document.body.append(e); return getComputedStyle(e).color; }"
            )
            assert page.locator(".cpec-legend").evaluate(ground) == canvas
            page.evaluate(f"void cpecgeo.open({MAP}, 'corridor-kkh', 0)")
            popup = page.locator(".leaflet-popup-content-wrapper")
            popup.wait_for()
            assert popup.evaluate(ground) == canvas
    plain, forced = shown["none"], shown["active"]
    assert forced["a name"] == plain["a name"]
    assert forced["the sea"] == plain["the sea"]
    # Colours of samples stay; the panel around them follows the reader's scheme.
    grey = {"243,239,230", "141,134,122"}
    assert grey <= set(forced["the key of the hatch"])
    for name in ("a sample of an area", "a sample of a line"):
        most = max(plain[name].items(), key=lambda one: one[1] * (one[0] not in WHITES))[0]
        assert count_like(forced[name], most) >= 0.9 * count_like(plain[name], most), name
    assert "201,189,166" in forced["the panel's drawing"], "the ground's own brown"


# Background colours of panels by colour scheme, and the reader's own.
WHITES = {
    "255,253,249",
    "255,255,255",
    "38,36,31",
    "0,0,0",
    "243,239,230",
    "251,249,244",
    "255,254,252",
}


PANELS_ON = """() => { const box = e => e.getBoundingClientRect();
  const p = box(document.querySelector('.leaflet-popup-content-wrapper'));
  const f = box(document.querySelector('.cpec-map'));
  const over = [...document.querySelectorAll('.leaflet-control')].filter(e => e.offsetParent).filter(e => { const r = box(e);
    return r.left < p.right - 1 && p.left < r.right - 1 && r.top < p.bottom - 1 && p.top < r.bottom - 1; }).map(e => e.className);
  if (p.left < f.left || p.top < f.top || p.right > f.right || p.bottom > f.bottom) over.push('cut off');
  return over; }"""


@pytest.mark.parametrize(
    "view", [{"width": 820, "height": 700}, DESK, {"width": 390, "height": 844}]
)
@pytest.mark.parametrize("lang", ["en", "ur"])
def test_no_panel_lies_on_a_popup(visit, cpec_file, tmp_path, settled, view, lang):
    path = cpec_file if lang == "en" else cpec_map(lang=lang).save(tmp_path / "m.html")
    page = visit(path, view=view)
    for key, i in (("road", 2), ("ports", 0), ("crossings", 3), ("mines", 0), ("cities", 5)):
        page.evaluate(f"void {MAP}.setView([27.5, 66], 6, {{animate: false}})")
        page.evaluate(f"void cpecgeo.open({MAP}, '{key}', {i})")
        page.wait_for_selector(".leaflet-popup-content h2")
        page.wait_for_timeout(700)
        assert page.evaluate(PANELS_ON) == [], (key, i)
        page.evaluate(f"void {MAP}.closePopup()")
        page.wait_for_timeout(300)


def test_a_popup_near_the_end_of_the_ground_is_clear_of_panels(visit, cpec_file):
    page = visit(cpec_file, view={"width": 390, "height": 844})
    page.evaluate(f"void {MAP}.setView([29, 68], 5, {{animate: false}})")
    index = f"""(() => {{ const l = {MAP}.cpec.layers.cities.cpecLayer;
      return [...Array(l.n).keys()].find(i => cpecgeo.nameOf(l, i) === 'Gilgit'); }})()"""
    page.evaluate(f"void cpecgeo.open({MAP}, 'cities', {index})")
    page.wait_for_selector(".leaflet-popup-content h2")
    page.wait_for_timeout(1500)
    assert page.evaluate(PANELS_ON) == []


def test_the_legend_begins_with_what_the_map_is_about(visit, tmp_path, settled):
    towns = cpecgeo.layer("places").dropna(subset="population").nlargest(40, "population")
    made = Map().add(towns, name="Towns", color="population", radius="population", label="name")
    page = visit(made.save(tmp_path / "m.html"), view=DESK)
    settled(page)
    rows = page.locator(".cpec-legend-list li").all_inner_texts()
    assert rows[0] == "Population"
    assert rows[-1] == "Disputed boundary"
    # Where there is no room for all names, those of smaller towns are left out.
    names = set(page.locator(".cpec-label-place").all_text_contents())
    assert set(towns["name"].iloc[:3]) <= names
    # Rows of the legend without a sample are aligned with the others.
    starts = page.locator(
        ".leaflet-control-layers-group label:not(.leaflet-control-layers-group-label) > span > span:last-child"
    )
    left = starts.evaluate_all("all => all.map(e => Math.round(e.getBoundingClientRect().left))")
    assert len(left) >= 3
    assert len(set(left)) == 1


def test_the_legend_names_no_line_whose_box_alone_is_in_view(visit, tmp_path, settled):
    line = LineString([(66, 25), (66, 31), (72, 31)])
    frame = gpd.GeoDataFrame({"name": ["L"], "kind": ["road"]}, geometry=[line], crs=4326)
    page = visit(Map(background=False).add(frame, name="Own").save(tmp_path / "m.html"))
    for at, rows in (((26, 71, 8), []), ((30.9, 71, 8), ["Road"])):
        page.evaluate(f"void {MAP}.setView([{at[0]}, {at[1]}], {at[2]}, {{animate: false}})")
        settled(page)
        assert page.locator(".cpec-legend-list li").all_inner_texts() == rows


def test_many_zones_along_a_line_are_told_apart_and_named(visit, tmp_path, settled):
    zones = cpecgeo.crossed("ml1", "districts")
    assert zones["name"].nunique() > 8
    page = visit(Map().add(zones, name="Crossed").save(tmp_path / "m.html"), view=DESK)
    settled(page)
    colors = page.evaluate(
        f"Object.values({MAP}.cpec.layers).find(g => g.cpecLayer.name === 'Crossed').cpecItems.map(i => i.options.color)"
    )
    assert all(a != b for a, b in pairwise(colors))
    names = set(page.locator(".cpec-label-line").all_text_contents())
    assert len(names & set(zones["name"])) >= 12
    few = Map(background=False).add(zones.head(4), name="Few").data()["layers"]["layer0"]
    assert few["legendTitle"] == "Zone"


def test_a_place_is_named(visit, tmp_path, settled):
    page = visit(Map().add("Gwadar Port").save(tmp_path / "m.html"))
    settled(page)
    assert "Gwadar Port" in page.locator(".cpec-label").all_text_contents()


def test_an_articles_map_keeps_its_ends_clear_of_the_button_of_layers(visit, tmp_path, settled):
    path = cpec_map(embed=True).save(tmp_path / "m.html")
    page = visit(path, view={"width": 390, "height": 500})
    settled(page)
    for name, lonlat in {"Kashgar": (75.99, 39.47), "Khunjerab": (75.43, 36.85)}.items():
        assert covered(page, lonlat) is None, name

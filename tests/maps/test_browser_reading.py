"""What a reader must be able to find, tell apart and read, in a real browser."""

import io

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from conftest import MAP
from PIL import Image
from shapely.geometry import LineString, Point, box

import cpecgeo
from cpecgeo.maps import Map

pytestmark = pytest.mark.browser

DESK, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 800}


def red_tile():
    picture = Image.new("RGB", (256, 256), (255, 0, 0))
    buffer = io.BytesIO()
    picture.save(buffer, "png")
    return buffer.getvalue()


def go(page, lat, lon, zoom):
    page.evaluate(f"void {MAP}.setView([{lat}, {lon}], {zoom}, {{animate: false}})")
    page.wait_for_timeout(400)


def legend(page):
    return [text.strip() for text in page.locator(".cpec-legend-list li").all_inner_texts()]


def colors_at(page, spots):
    """Colours of a screenshot at lon, lat."""
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    places = page.evaluate(
        f"""all => {{ const b = document.querySelector('.cpec-map').getBoundingClientRect();
        return all.map(([lon, lat]) => {{ const p = {MAP}.latLngToContainerPoint([lat, lon]);
        return [p.x + b.left, p.y + b.top]; }}); }}""",
        spots,
    )
    return [picture.getpixel((round(x), round(y))) for x, y in places]


@pytest.fixture
def tiled(chromium, tmp_path):
    """A map with tiles, all of which are one red dot."""
    made = Map(tiles=["Esri.WorldImagery", "OpenTopoMap"]).add(Point(68.9, 27.7), name="Rohri")
    path = made.save(tmp_path / "tiles.html")
    context = chromium.new_context(viewport=DESK)
    hosts = set()

    def answer(route):
        url = route.request.url
        if url.startswith("file:"):
            route.continue_()
            return
        hosts.add(url.split("/")[2])
        route.fulfill(body=red_tile(), content_type="image/png")

    context.route("**/*", answer)
    page = context.new_page()
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")
    go(page, 30, 70, 5)
    page.wait_for_timeout(600)
    yield page, hosts
    context.close()


def test_tiles_are_seen_on_land_and_the_ground_is_a_choice(tiled):
    page, hosts = tiled
    land = [[69.2, 29.3], [72.3, 27.6], [66.0, 33.5]]
    assert all(r > 200 and g < 60 for r, g, _ in colors_at(page, land)), "tiles show on land"
    assert hosts == {"server.arcgisonline.com"}, "only the chosen set is asked for"
    group = page.locator(".leaflet-control-layers-group[aria-label='Background']")
    texts = [text.strip() for text in group.locator("label").all_inner_texts()]
    assert texts[1:] == ["Esri WorldImagery", "OpenTopoMap", "Drawn land"]
    assert group.locator("input[type=radio]").count() == 3
    group.locator("input").nth(2).click()
    page.wait_for_timeout(400)
    assert all(abs(r - g) < 30 for r, g, _ in colors_at(page, land)), "the drawn land is back"
    assert "Esri" not in page.locator(".leaflet-control-attribution").inner_text()


def test_swatches_look_as_the_map_does(visit, tmp_path):
    frame = gpd.GeoDataFrame(
        {"v": [1.0, 2.0, 3.0]},
        geometry=[box(66, 28, 67, 29), box(68, 28, 69, 29), box(70, 28, 71, 29)],
        crs=4326,
    )
    made = Map(background=False).add(frame, name="Areas", color="v", legend="Schools")
    page = visit(made.save(tmp_path / "areas.html"), view=DESK)
    page.wait_for_timeout(300)
    rows = page.locator(".cpec-legend-list li")
    assert legend(page)[0] == "Schools"
    map_colors = colors_at(page, [[66.5, 28.5], [68.5, 28.5], [70.5, 28.5]])
    # The map's background is a little darker here than that of the legend.
    for row, want in ((1, map_colors[0]), (rows.count() - 1, map_colors[-1])):
        shot = rows.nth(row).locator(".cpec-area").screenshot()
        picture = Image.open(io.BytesIO(shot)).convert("RGB")
        got = picture.getpixel((picture.width // 2, picture.height // 2))
        assert all(abs(a - b) <= 20 for a, b in zip(got, want, strict=True)), (got, want)


def test_values_are_read_as_they_came(visit, tmp_path):
    frame = gpd.GeoDataFrame(
        {
            "code": [2**53 + 1, 7],
            "at": [pd.Timestamp("2024-05-01 14:05"), pd.Timestamp("2024-05-02 09:30")],
            "value": [1.0, 2.0],
            "source": ["x", "y"],
        },
        geometry=[Point(67, 27), Point(68, 27)],
        crs=4326,
    )
    made = Map(background=False).add(frame.drop(columns="source"), name="One")
    made.add(frame, name="Two", color="value")
    page = visit(made.save(tmp_path / "values.html"))
    texts = page.evaluate(
        f"Object.values({MAP}.cpec.layers).map(g => cpecgeo.popup(g.cpecLayer, 0).textContent)"
    )
    assert "9007199254740993" in texts[0]
    assert "2024-05-01 14:05" in texts[0]
    assert "Value1" in texts[1], "the value that the colour stands for is told"


def test_the_first_tap_on_the_layers_button_only_opens_it(visit, cpec_file):
    page = visit(cpec_file, view=PHONE, has_touch=True, is_mobile=True)
    shown = (
        f"Object.values({MAP}.cpec.layers).filter(g => {MAP}.hasLayer(g)).map(g => g.cpecLayer.key)"
    )
    before = page.evaluate(shown)
    page.locator(".leaflet-control-layers-toggle").tap()
    page.wait_for_timeout(400)
    assert page.locator(".leaflet-control-layers-list").first.is_visible()
    assert page.evaluate(shown) == before


@pytest.mark.parametrize(
    "view", [DESK, {"width": 1000, "height": 560}, {"width": 760, "height": 620}, PHONE]
)
def test_open_panels_do_not_cover_each_other(visit, cpec_file, view):
    page = visit(cpec_file, view=view)
    if page.locator(".cpec-legend:not([open])").count():
        page.locator(".cpec-legend summary").click()
    page.locator(".cpec-note summary").click()
    page.wait_for_timeout(300)
    bad = page.evaluate(
        """() => { const boxes = [...document.querySelectorAll('.leaflet-control')].filter(e => e.offsetParent)
          .map(e => [e.className, e.getBoundingClientRect()]).filter(([, r]) => r.width && r.height);
          const bad = [];
          for (let i = 0; i < boxes.length; i++) for (let j = i + 1; j < boxes.length; j++) {
            const [a, b] = [boxes[i][1], boxes[j][1]];
            if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1)
              bad.push([boxes[i][0], boxes[j][0]]);
          }
          return bad; }"""
    )
    assert bad == []


@pytest.fixture(scope="module")
def rows_for(chromium, cpec_file):
    page = chromium.new_page()
    page.goto(cpec_file.as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")

    def rows(text):
        box = page.locator("input.search-input")
        box.fill("")
        box.fill(text)
        page.wait_for_timeout(350)
        return [t.split("\n")[0].strip() for t in page.locator(".search-tip").all_inner_texts()]

    yield rows
    page.close()


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("ml1", "Main Line 1, Karachi–Peshawar via Multan"),
        ("ML-1", "Main Line 1, Karachi–Peshawar via Multan"),
        ("rohri", "Rohri Junction"),
        ("Lahore", "Lahore"),
        ("gwadar", "Gwadar"),
        ("Gawadar", "Gwadar"),
        ("khunjrab", "Khunjerab"),
        ("Peshawer", "Peshawar"),
        ("Karakorum", "Karakoram Highway"),
        ("Trans-Balochistan Railway", "Quetta–Taftan railway"),
        ("Balochistan", "Balochistan"),
        ("俾路支省", "Balochistan"),
        ("بلوچستان", "Balochistan"),
        ("Indus", "Indus"),
        ("30.2, 67.0", "30.2°, 67°"),
        ("67.0, 30.2", "30.2°, 67°"),
        ("67 E 30.2 N", "30.2°, 67°"),
        ("ml1 481", "ML-1, km 481"),
        ("N-25 km 300", "N-25, km 300"),
    ],
)
def test_search_ranks_by_what_is_meant_and_forgives(rows_for, text, first):
    found = rows_for(text)
    assert found
    assert found[0].startswith(first), found[:4]


def test_hidden_ids_are_not_found(rows_for):
    assert not {"Nur", "Wah", "Daur"} & {name.split()[0] for name in rows_for("ml1")}


def test_a_kilometre_is_found_where_the_corridor_has_it(visit, cpec_file):
    page = visit(cpec_file)
    page.locator("input.search-input").fill("ml1 481")
    page.wait_for_selector(".search-tip")
    page.locator("input.search-input").press("Enter")
    page.wait_for_selector(".leaflet-popup-content h2")
    page.wait_for_timeout(900)
    lon, lat = page.evaluate(f"(() => {{ const c = {MAP}.getCenter(); return [c.lng, c.lat]; }})()")
    want = cpecgeo.corridor("ml1").at(481)
    assert (lon, lat) == pytest.approx((want.x, want.y), abs=0.02)


NAMES = """() => [...document.querySelectorAll('.cpec-label')].map(e => {
    const r = e.getBoundingClientRect(); return [e.textContent, e.className, r.left, r.top, r.right, r.bottom]; })"""


def test_gwadar_is_named_on_the_opening_view(visit, cpec_file, settled):
    for view in (DESK, PHONE):
        page = visit(cpec_file, view=view)
        settled(page)
        names = {row[0] for row in page.evaluate(NAMES)}
        assert {"Gwadar", "Karachi", "Lahore", "Quetta", "Islamabad"} <= names


LIES_ON = """() => {
  const map = MAP; const frame = map.getContainer().getBoundingClientRect();
  const shift = map.containerPointToLayerPoint([0, 0]);
  const names = [...document.querySelectorAll('.cpec-label')].map(e => [e, e.getBoundingClientRect()])
    .map(([e, r]) => [e.textContent, e.className, r.left - frame.left + shift.x + 3, r.top - frame.top + shift.y + 3,
      r.right - frame.left + shift.x - 3, r.bottom - frame.top + shift.y - 3])
    .filter(([, , l, t, r, b]) => r > shift.x && b > shift.y && l < shift.x + frame.width && t < shift.y + frame.height);
  const on = { line: [], symbol: [] };
  cpecgeo.eachItem(map, (group, item, i) => {
    const layer = group.cpecLayer;
    if (!item._map || layer.style.pane === 'background' || layer.style.solid) return;
    const zoom = map.getZoom();
    if (item.getLatLng) {
      if (zoom < (layer.style.fromZoom || 0) || (layer.style.zooms && zoom < layer.style.zooms[i])) return;
      const p = map.latLngToLayerPoint(item.getLatLng()).add(item.cpecAside || [0, 0]);
      for (const [name, kind, l, t, r, b] of names)
        if (p.x > l && p.x < r && p.y > t && p.y < b) on.symbol.push([name, kind]);
      return;
    }
    if (layer.style.pane !== 'line') return;
    for (const part of item._parts || []) for (let k = 1; k < part.length; k += 1)
      for (let f = 0; f <= 1; f += 0.02) {
        const x = part[k - 1].x + f * (part[k].x - part[k - 1].x), y = part[k - 1].y + f * (part[k].y - part[k - 1].y);
        for (const [name, kind, l, t, r, b] of names)
          if (x > l && x < r && y > t && y < b) on.line.push([name, kind]);
      }
  });
  return on; }""".replace("MAP", MAP, 1)


# Names of cities, each with the city whose symbol is nearest to it.
NEAREST = """() => { const map = MAP; const frame = map.getContainer().getBoundingClientRect();
  const cities = map.cpec.layers.cities; const layer = cities.cpecLayer;
  const dots = cities.cpecItems.map((item, i) => item && [cpecgeo.nameOf(layer, i), map.latLngToContainerPoint(item.getLatLng())]).filter(Boolean);
  const far = (p, r) => Math.hypot(Math.max(r.left - frame.left - p.x, 0, p.x - r.right + frame.left),
    Math.max(r.top - frame.top - p.y, 0, p.y - r.bottom + frame.top));
  return [...document.querySelectorAll('.cpec-label-city')].map(e => [e.textContent, e.getBoundingClientRect()])
    .filter(([, r]) => r.right > frame.left && r.left < frame.right && r.bottom > frame.top && r.top < frame.bottom)
    .map(([name, r]) => { const of = dots.reduce((a, b) => (far(a[1], r) <= far(b[1], r) ? a : b));
      return [name, of[0], far(dots.find(d => d[0] === name)[1], r), far(of[1], r)]; }); }""".replace(
    "MAP", MAP, 1
)


@pytest.mark.parametrize("width", [390, 820, 1400])
def test_each_city_is_named_beside_its_own_symbol(visit, cpec_file, width):
    page = visit(cpec_file, view={"width": width, "height": 860})
    for at in (None, (33, 72, 5), (33.9, 71, 6), (31.5, 73.5, 6), (25.5, 67.5, 6)):
        if at:
            go(page, *at)
        page.wait_for_timeout(400)
        named = page.evaluate(NEAREST)
        assert len(named) > 3
        # A name is beside another place's symbol only if it is beside its own, too.
        wrong = [row for row in named if row[0] != row[1] and row[2] > 14]
        assert [row for row in wrong if row[3] < 16] == [], at


def test_towns_are_named_from_the_zoom_at_which_they_are_drawn(visit, cpec_file):
    page = visit(cpec_file, view={"width": 1280, "height": 860})
    shown = {}
    for zoom in (7.25, 7.5):
        page.evaluate(f"void {MAP}.setView([30.2, 71.5], {zoom}, {{animate: false}})")
        page.wait_for_timeout(400)
        shown[zoom] = page.evaluate(
            f"""() => [{MAP}.cpec.layers.towns.cpecItems.filter((i) => i && i.getElement() && i.getElement().checkVisibility()).length,
            document.querySelectorAll('.cpec-label-place').length]"""
        )
    assert shown[7.25] == [0, 0]
    assert shown[7.5][0] > 100
    assert shown[7.5][1] > 50


def test_remarks_about_a_stop_are_told_and_not_written_on_the_map(visit, tmp_path):
    page = visit(cpecgeo.corridor("kkh").explore().save(tmp_path / "kkh.html"), view=DESK)
    go(page, 37.77, 75.23, 9)
    names = [row[0] for row in page.evaluate(NAMES)]
    assert "Tashkurgan" in names
    assert not [name for name in names if "(" in name]
    page.fill("input.search-input", "Tashkurgan airport")
    page.wait_for_selector(".search-tip")
    page.press("input.search-input", "Enter")
    popup = page.locator(".cpec-popup")
    popup.wait_for()
    assert popup.locator("h2").inner_text() == "Tashkurgan airport"
    popup.locator("summary").click()
    assert "S of town, G314 passes W" in popup.locator("details").inner_text()
    # The search finds a name in brackets, too.
    page.fill("input.search-input", "Toqquzaq")
    page.wait_for_selector(".search-tip")
    assert "Shufu" in page.locator(".search-tip").first.inner_text()


@pytest.mark.parametrize(
    ("name", "at"),
    [("Athmuqam", (34.58, 73.9, 11)), ("Bahawalnagar", (30.27, 73.3, 9)),
     ("Hattian Bala", (34.17, 73.74, 11))],
)  # fmt: skip
def test_what_the_gazetteer_has_twice_is_named_once(visit, cpec_file, name, at):
    page = visit(cpec_file, view=DESK)
    go(page, *at)
    places = [row for row in page.evaluate(NAMES) if "place" in row[1] or "city" in row[1]]
    assert [row[0] for row in places].count(name) == 1


def test_on_a_tall_screen_the_ground_goes_on(visit, cpec_file):
    page = visit(cpec_file, view=PHONE, has_touch=True, is_mobile=True)
    page.evaluate(f"void {MAP}.setZoom({MAP}.getMinZoom(), {{animate: false}})")
    page.wait_for_timeout(400)
    north, west, east = page.evaluate(
        f"(() => {{ const b = {MAP}.getBounds(); return [b.getNorth(), b.getWest(), b.getEast()]; }})()"
    )
    spots = [[west + f * (east - west), north - 0.4] for f in (0.35, 0.5, 0.65)]
    sea = colors_at(page, [[64.5, 20.5]])[0]
    assert all(color != sea for color in colors_at(page, spots)), (north, spots)


@pytest.mark.parametrize("at", [(30, 69.5, 5), (27.7, 68.9, 8.5), (31.55, 74.3, 10), (33.6, 73, 9)])
def test_names_lie_on_no_symbol_and_stops_on_no_line(visit, cpec_file, at):
    page = visit(cpec_file, view=DESK)
    go(page, *at)
    on = page.evaluate(LIES_ON)
    # Where symbols are dense, only the names of main towns may overlap one.
    places = cpecgeo.layer("places")
    assert {name for name, _ in on["symbol"]} <= set(places.loc[places["rank"] <= 4, "name"])
    assert len(on["symbol"]) <= 6
    small = [name for name, kind in on["line"] if "label-stop" in kind or "label-place" in kind]
    assert small == []


def test_stations_of_a_corridor_are_not_struck_through(visit, tmp_path):
    page = visit(cpecgeo.corridor("ml1").explore().save(tmp_path / "one.html"), view=DESK)
    for at in [(30, 70, 6), (27.69, 68.9, 9)]:
        go(page, *at)
        stops = [row for row in page.evaluate(NAMES) if "label-stop" in row[1]]
        assert len(stops) >= 5
        assert [n for n, kind in page.evaluate(LIES_ON)["line"] if "label-stop" in kind] == []


def test_km_posts_say_whose_they_are(visit, cpec_file):
    page = visit(cpec_file, view=DESK)
    go(page, 27.69, 68.9, 9)
    texts = page.locator(".cpec-post span").all_inner_texts()
    assert texts
    assert all(not text[0].isdigit() for text in texts)
    assert any(text.startswith("ML-1\u00a0km\u00a0") for text in texts)


def test_texts_of_km_posts_thin_out_by_a_regular_step(visit, tmp_path):
    page = visit(cpecgeo.corridor("ml1").explore().save(tmp_path / "one.html"), view=DESK)
    go(page, 27.69, 68.9, 9.3)
    posts = page.locator(".cpec-post").evaluate_all(
        "all => all.map(e => [Number(e.dataset.km), e.querySelector('span')?.textContent])"
    )
    named = [km for km, text in posts if text]
    assert len(named) >= 2
    step = np.gcd.reduce(named)
    assert step in {10, 20, 50, 100}
    for km, text in posts:
        assert not text or text in {f"ML-1\u00a0km\u00a0{km:,}", f"ML-1\u00a0{km:,}"}


POSTS_ON = """() => { const map = MAP; const box = e => { const r = e.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; };
  const posts = [...document.querySelectorAll('.cpec-post span')].map(e => [e.textContent, box(e)]);
  const found = [];
  cpecgeo.eachItem(map, (group, item, i) => {
    const e = item.getLatLng && item.getElement();
    if (!e || !e.checkVisibility()) return;
    const [l, t, r, b] = box(e.querySelector('svg') || e);
    for (const [text, p] of posts) if (p[0] + 1 < r && l < p[2] - 1 && p[1] + 1 < b && t < p[3] - 1)
      found.push([text, cpecgeo.nameOf(group.cpecLayer, i)]);
  });
  return [posts.length, found]; }""".replace("MAP", MAP, 1)


@pytest.mark.parametrize(
    "at", [(27.69, 68.9, 9), (31.5, 74.2, 9.5), (33.6, 72.9, 10), (25, 67.2, 10)]
)
def test_km_posts_are_written_over_no_symbol(visit, cpec_file, at):
    page = visit(cpec_file, view=DESK)
    go(page, *at)
    posts, found = page.evaluate(POSTS_ON)
    assert posts
    assert found == []


@pytest.mark.parametrize("at", [(26.3, 67.9, 7), (25.2, 67.3, 7), (33.6, 73, 8), (31.3, 73.5, 8)])
def test_texts_of_km_posts_lie_on_no_other_post(visit, cpec_file, at):
    page = visit(cpec_file, view={"width": 820, "height": 700})
    go(page, *at)
    texts, found = page.evaluate(
        """() => { const box = e => e.getBoundingClientRect();
        const posts = [...document.querySelectorAll('.cpec-post')];
        const dots = posts.filter(e => !e.classList.contains('cpec-post-bare')).map(e => [e, box(e)]);
        const found = []; let n = 0;
        for (const e of posts) { const span = e.querySelector('span'); if (!span) continue; n += 1; const r = box(span);
          for (const [other, d] of dots) if (other !== e && d.x + 2 > r.left && d.x - 2 < r.right && d.y + 2 > r.top && d.y - 2 < r.bottom)
            found.push([span.textContent, other.dataset.km]); }
        return [n, found]; }"""
    )
    assert texts >= 3
    assert found == []


def test_a_town_and_its_stop_are_named_once(visit, tmp_path):
    part = next(p for p in cpecgeo.report("mining").parts if p.page)
    path = tmp_path / "report.html"
    path.write_text(part.page, encoding="utf-8")
    page = visit(path, view={"width": 980, "height": 510})
    page.wait_for_timeout(500)
    names = page.locator(".cpec-label").all_text_contents()
    assert {"Nok Kundi", "Panjgur", "Gwadar"} <= set(names)
    assert len(names) == len(set(names))


def test_stops_of_a_road_are_drawn_by_what_they_are(visit, tmp_path):
    page = visit(cpecgeo.corridor("kkh").explore().save(tmp_path / "kkh.html"), view=DESK)
    go(page, 36, 74, 6)
    count = f"""(() => {{ const g = Object.values({MAP}.cpec.layers).find(g => g.cpecLayer.name === 'Stops');
      return [g.cpecItems.filter(i => i.getElement().style.display !== 'none').length, g.cpecItems.length]; }})()"""
    some, all_ = page.evaluate(count)
    assert 5 <= some < all_ / 3
    names = {row[0] for row in page.evaluate(NAMES)}
    assert {"Khunjerab Pass", "Chilas", "Kashgar", "Hasan Abdal"} <= names
    go(page, 36, 74, 9)
    assert page.evaluate(count)[0] == all_


def test_points_of_one_place_stand_side_by_side(visit, tmp_path):
    frame = gpd.GeoDataFrame(
        {"name": ["A", "B", "C"]}, geometry=[Point(67, 27), Point(67, 27), Point(68, 27)], crs=4326
    )
    made = Map(background=False).add(frame, name="Mine", shape="square").add(frame, name="Yours")
    page = visit(made.save(tmp_path / "same.html"))
    page.wait_for_timeout(300)
    spots = page.evaluate(
        f"""Object.values({MAP}.cpec.layers).flatMap(g => g.cpecItems.map(i => {{
        const r = i.getElement().getBoundingClientRect(); return [(r.left + r.right) / 2, (r.top + r.bottom) / 2]; }}))"""
    )
    for i, (x, y) in enumerate(spots):
        for u, v in spots[i + 1 :]:
            assert max(abs(x - u), abs(y - v)) >= 5


def test_a_railway_beside_a_road_is_set_off_from_afar(visit, cpec_file):
    page = visit(cpec_file, view=DESK)

    def offset():
        return page.evaluate(
            f"{MAP}.getPane('cpec-own-rail').getBoundingClientRect().left - {MAP}.getPane('cpec-line').getBoundingClientRect().left"
        )

    go(page, 29.5, 65, 6)
    assert offset() <= -2
    go(page, 29.5, 65, 10)
    assert offset() == 0
    go(page, 29.5, 65, 6)
    page.evaluate(f"void {MAP}.removeLayer({MAP}.cpec.layers.road)")
    page.wait_for_timeout(300)
    assert offset() == 0, "nothing to be set off from"


def test_railways_have_ties(visit, cpec_file):
    page = visit(cpec_file, view=DESK)
    counts = page.evaluate(
        f"""(() => {{ const all = {MAP}.cpec.layers;
        return ['rail', 'road', 'mining'].map(k => all[k].cpecItems.filter(i => i && i.cpecTies && i.cpecTies._map).length); }})()"""
    )
    assert counts[0] > 10
    assert counts[1:] == [0, 0]


def test_the_legend_follows_the_view_and_the_year(visit, cpec_file):
    page = visit(cpec_file, view=DESK)
    page.wait_for_timeout(200)
    assert {"Port", "Mine", "Planned"} <= set(legend(page))
    go(page, 31.5, 74.3, 9)
    assert not {"Port", "Mining corridor", "Mine"} & set(legend(page))
    assert {"Road", "Railway"} <= set(legend(page))
    go(page, 30, 70, 5)
    in_2010 = "{ from: null, to: Date.UTC(2011, 0, 1), step: Date.UTC(2010, 0, 1) }"
    page.evaluate(f"void cpecgeo.setTime({MAP}, {in_2010})")
    page.wait_for_timeout(200)
    assert not {"Planned", "Under construction"} & set(legend(page))


def test_the_measured_line_is_no_corridor(visit, cpec_file):
    page = visit(cpec_file, view=DESK)
    page.locator(".cpec-measure a").click()
    page.mouse.click(500, 250)
    page.mouse.click(700, 500)
    page.wait_for_timeout(150)
    looks = page.evaluate(
        f"""(() => {{ const m = {MAP}; const own = new Set(Object.values(m.cpec.layers).flatMap(g => (g.cpecLayer.looks || []).map(l => l.color)));
        const drawn = []; m.eachLayer(l => {{ if (l instanceof L.Polyline && l.options.dashArray === '2 5') drawn.push(l.options.color); }});
        return [drawn, [...own]]; }})()"""
    )
    assert len(looks[0]) == 1
    assert looks[0][0] not in looks[1]


def test_a_line_that_is_alone_is_not_moved(visit, tmp_path):
    line = LineString([(67, 25), (69, 27)])
    frame = gpd.GeoDataFrame({"kind": ["rail"], "name": ["x"]}, geometry=[line], crs=4326)
    page = visit(Map(background=False).add(frame, name="Own").save(tmp_path / "own.html"))
    assert page.locator(".cpec-legend-list").inner_text().strip() == "Railway"

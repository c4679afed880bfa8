"""The panel of elevations below the map, routes beside each other, what is reached by stages."""

import re

import geopandas as gpd
import numpy as np
import pytest
from click.testing import CliRunner
from conftest import MAP
from pyproj import Geod
from shapely.geometry import LineString, Point
from test_browser_hostile import HOSTILE
from test_browser_reach import audited, violations  # noqa: F401 – a fixture

import cpecgeo as cg
from cpecgeo.cli import app
from cpecgeo.errors import InputError, InputTypeError
from cpecgeo.maps import Map, draw_profile
from cpecgeo.maps.corridors import encode_profile

browser = pytest.mark.browser
GEOD = Geod(ellps="WGS84")
PLOT = ".cpec-profile svg[role=slider]"


@pytest.fixture(scope="module")
def kkh_file(tmp_path_factory):
    made = cg.corridor("kkh").explore(profile=True)
    return made.save(tmp_path_factory.mktemp("profile") / "kkh.html")


def value(page):
    return int(page.locator(PLOT).get_attribute("aria-valuenow"))


def on_screen(page, at):
    return page.evaluate(
        f"""() => {{ const p = {MAP}.latLngToContainerPoint([{at.y}, {at.x}]);
        const frame = {MAP}.getContainer().getBoundingClientRect();
        return [p.x + frame.x, p.y + frame.y]; }}"""
    )


def marked(page):
    """Return lon, lat of the mark that belongs to the panel; None without a mark."""
    return page.evaluate(
        f"""() => {{ let at = null; {MAP}.eachLayer(l => {{
          if (l.options.pane === 'cpec-posts' && l.getLatLng && l.options.radius === 6) at = l.getLatLng(); }});
          return at && [at.lng, at.lat]; }}"""
    )


def test_the_panel_has_what_profile_says():
    kkh = cg.corridor("kkh")
    made = encode_profile(kkh, "KKH")
    table = cg.profile(kkh)
    assert len(made["km"]) == len(table) > 1000
    assert made["metres"] == table["elevation_m"].round().astype(int).tolist()
    ground = np.zeros(len(table), bool)
    for first, last in made["ground"]:
        ground[first : last + 1] = True
    assert ground.tolist() == table["is_ground"].tolist()
    assert made["highest"] is None, "nobody knows it where higher ground isn't the road's"
    # The figure hatches the same stretches: from the sample before to the one after.
    areas = [c for c in draw_profile(kkh).axes[0].collections if c.get_hatch()]
    spans = [area.get_paths()[0].vertices[:, 0] for area in areas]
    drawn = [(span.min(), span.max()) for span in spans]
    km, last = made["km"], len(table) - 1
    panel = [(km[max(0, a - 1)], km[min(last, b + 1)]) for a, b in made["ground"]]
    np.testing.assert_allclose(drawn, panel, atol=0.06)


def test_a_route_knows_its_ground_leg_by_leg():
    route = cg.route("Islamabad", "Kashgar")
    made = encode_profile(route, "R")
    assert made["km"][-1] == pytest.approx(route.chainage_km, abs=0.06)
    rough = route.legs.loc[route.legs["accuracy_km"] > 3, ["km_from", "km_to"]]
    assert len(made["ground"]) > 5
    hatched = sum(made["km"][b] - made["km"][a] for a, b in made["ground"])
    assert hatched > 0.3 * float((rough["km_to"] - rough["km_from"]).sum())


def test_what_has_no_profile_says_so():
    plain = Map(background=False)
    for thing in (cg.layer("ports"), LineString([(67, 25), (68, 26)]), "Gwadar Port"):
        with pytest.raises(InputTypeError, match="corridor or a route"):
            plain.add(thing, profile=True)
    page = Map(background=False).add("taxila-havelian").html()
    assert "cpecgeo.profile =" not in page
    with pytest.raises(InputError, match="over land"):
        encode_profile(cg.route("Rohri", "Rohri"), "R")


@browser
def test_pointing_at_the_panel_marks_the_place_on_the_map(visit, kkh_file):
    page = visit(kkh_file)
    box = page.locator(PLOT).bounding_box()
    assert marked(page) is None
    for share in (0.2, 0.5, 0.66, 0.9):
        page.mouse.move(box["x"] + share * box["width"], box["y"] + 40)
        text = page.locator(".cpec-profile-text").inner_text()
        km = float(re.search(r"km ([\d,.]+):", text)[1].replace(",", ""))
        lon, lat = marked(page)
        want = cg.corridor("kkh").at(km)
        assert GEOD.inv(lon, lat, want.x, want.y)[2] < 50
        height = float(re.search(r"([\d,]+) m", text)[1].replace(",", ""))
        table = cg.profile("kkh")
        near = table.iloc[(table["km"] - km).abs().argmin()]
        assert abs(height - near["elevation_m"]) <= 0.5
    page.mouse.move(box["x"] + 100, box["y"] - 300)
    assert marked(page) is None


@browser
def test_hatched_ground_is_told_and_drawn(visit, kkh_file):
    page = visit(kkh_file)
    data = page.evaluate(f"{MAP}.cpec.data.profiles[0]")
    assert page.locator(".cpec-profile-key").is_visible()
    assert page.locator(f"{PLOT} path[fill='url(#cpec-hatch)']").count() == len(data["ground"])
    page.locator(PLOT).focus()
    page.keyboard.press("Home")
    for _ in range(data["ground"][0][0]):
        page.keyboard.press("ArrowRight")
    assert value(page) == data["ground"][0][0]
    assert "not the road's" in page.locator(PLOT).get_attribute("aria-valuetext")
    page.keyboard.press("ArrowLeft")
    assert "not the road's" not in page.locator(PLOT).get_attribute("aria-valuetext")


@browser
def test_keys_move_along_the_line_and_keep_it_in_view(visit, kkh_file):
    page = visit(kkh_file, view={"width": 820, "height": 900})
    page.evaluate(f"void {MAP}.setView([34, 72.8], 8, {{animate: false}})")
    page.locator(PLOT).focus()
    page.keyboard.press("End")
    page.wait_for_timeout(500)
    last = page.evaluate(f"{MAP}.cpec.data.profiles[0].km.length") - 1
    assert value(page) == last
    lon, lat = marked(page)
    assert page.evaluate(f"{MAP}.getBounds().contains([{lat}, {lon}])")
    page.keyboard.press("PageDown")
    assert value(page) < last - 20
    page.keyboard.press("Home")
    assert value(page) == 0


@browser
def test_pointing_at_the_line_leads_the_panel(visit, kkh_file):
    page = visit(kkh_file)
    for km in (150, 600, 1000):
        x, y = on_screen(page, cg.corridor("kkh").at(km))
        page.mouse.move(x, y)
        found = page.evaluate(f"{MAP}.cpec.data.profiles[0].km")[value(page)]
        assert abs(found - km) <= 5
        assert marked(page) is not None
        page.mouse.move(x - 150, y + 40)
        assert marked(page) is None


@browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_a_map_with_profile(audited, kkh_file, scheme):  # noqa: F811
    assert violations(audited(kkh_file, color_scheme=scheme)) == []


@browser
def test_alternatives_stand_beside_each_other_with_km_and_hours(visit, tmp_path, settled):
    routes = cg.routes("Gwadar", "Lahore")
    made = Map().add(routes, profile=True)
    page = visit(made.save(tmp_path / "r.html"), view={"width": 1280, "height": 860})
    settled(page)
    figures = [f"{r.chainage_km:,.0f}\u00a0km, {r.hours:,.1f}\u00a0h" for r in routes]
    assert len(figures) == 3
    labels = page.locator(".cpec-label-line").all_text_contents()
    assert set(figures) <= set(labels)
    legend = page.locator(".cpec-legend-list").inner_text()
    assert all(text in legend for text in figures)
    colors = page.evaluate(
        f"{MAP}.cpec.data.profiles.map(p => {MAP}.cpec.layers[p.layer].cpecLayer.looks[0].color)"
    )
    assert len(set(colors)) == 3
    before = page.locator(".cpec-profile-area").get_attribute("d")
    page.get_by_label("Line of the profile").select_option(index=2)
    assert page.locator(".cpec-profile-area").get_attribute("d") != before


@browser
def test_a_map_of_routes_names_towns_and_the_km_of_each(visit, tmp_path, settled):
    routes = cg.routes("Gwadar", "Lahore")
    made = Map(lang="en").add(routes)
    page = visit(made.save(tmp_path / "r.html"), view={"width": 1280, "height": 860})
    settled(page)
    each = " / ".join(f"{r.chainage_km:,.0f}" for r in routes)
    assert page.locator("h1").inner_text() == f"Gwadar – Lahore, {each}\u00a0km"
    names = set(page.locator(".cpec-label").all_text_contents())
    assert {"Gwadar", "Lahore", "Multan", "Khuzdar"} <= names
    assert page.locator(".cpec-timeline").count() == 0, "nothing to choose"
    assert Map().add(routes[0]).data()["title"].endswith("h")
    # Added one by one, each brings the towns that aren't there yet.
    alone = Map(background=False)
    for one in routes:
        alone.add(one)
    towns = [v for v in alone.data()["layers"].values() if v["name"] == "Towns on the way"]
    ids = [i for v in towns for i in v["columns"]["id"]]
    assert len(ids) == len(set(ids)) > 20


@browser
@pytest.mark.parametrize("zoom", [5, 8])
def test_routes_on_one_road_run_side_by_side(visit, tmp_path, settled, zoom):
    routes = cg.routes("Gwadar", "Lahore")
    shared = set.intersection(*(set(r.legs["section"]) for r in routes))
    assert shared, "these ways have sections in common"
    page = visit(Map().add(routes).save(tmp_path / "r.html"))
    leg = routes[0].legs[routes[0].legs["section"].isin(shared)].geometry.iloc[0]
    at = leg.interpolate(0.5, normalized=True)
    page.evaluate(f"void {MAP}.setView([{at.y}, {at.x}], {zoom}, {{animate: false}})")
    settled(page)
    spots = page.evaluate(
        f"""() => {{ const m = {MAP}; const p = m.latLngToLayerPoint([{at.y}, {at.x}]);
        return m.cpec.data.order.map(k => m.cpec.layers[k]).filter(g => g.cpecLayer.style.aside !== undefined)
          .map(g => g.cpecItems.map(i => i && i._map && i.closestLayerPoint(p)).filter(Boolean)
            .reduce((a, b) => (a.distance < b.distance ? a : b))).map(q => [q.x, q.y]); }}"""
    )
    assert len(spots) == len(routes)
    gaps = [np.hypot(*np.subtract(a, b)) for k, a in enumerate(spots) for b in spots[:k]]
    assert min(gaps) > 4, "wider apart than a line is wide"


@browser
def test_a_profile_from_the_shell_leads_from_the_map_of_everything(visit, tmp_path):
    path = tmp_path / "kkh.html"
    done = CliRunner().invoke(app, ["map", "ml1", "--profile", "kkh", "-o", str(path)])
    assert done.exit_code == 0, done.output
    page = visit(path)
    assert page.locator(".cpec-profile-head bdi").inner_text() == str(cg.corridor("kkh").title)
    x, y = on_screen(page, cg.corridor("kkh").at(600))
    page.mouse.move(x, y)
    found = page.evaluate(f"{MAP}.cpec.data.profiles[0].km")[value(page)]
    assert abs(found - 600) <= 8
    assert marked(page) is not None
    assert page.evaluate(f"{MAP}.hasLayer({MAP}.cpec.layers['corridor-kkh'])"), "highlighted"


@browser
def test_paper_has_the_panel_below_the_map(visit, tmp_path):
    routes = cg.routes("Gwadar", "Lahore")
    page = visit(Map().add(routes, profile=True).save(tmp_path / "r.html"))
    page.get_by_label("Line of the profile").select_option(index=1)
    page.emulate_media(media="print")
    page.wait_for_selector(".cpec-foot", state="visible")
    frame, panel, foot = (
        page.locator(part).bounding_box() for part in (".cpec-map", ".cpec-profile", ".cpec-foot")
    )
    assert panel["y"] == pytest.approx(frame["y"] + frame["height"], abs=1)
    assert panel["width"] == pytest.approx(frame["width"], abs=1)
    # A sheet of A4 has 192 mm between its margins.
    assert foot["y"] + foot["height"] < 192 / 25.4 * 96
    assert page.locator(".cpec-profile-name").inner_text().startswith("Gwadar – Lahore")
    assert page.locator(".cpec-profile select").is_hidden()
    wide = page.locator(f"{PLOT} .cpec-profile-area").bounding_box()["width"]
    assert wide > 0.9 * panel["width"] - 64
    page.emulate_media(media="screen")
    page.wait_for_selector(".cpec-foot", state="hidden")
    assert page.locator(".cpec-profile select").is_visible()
    assert page.locator(".cpec-map").bounding_box()["height"] > 400


@browser
def test_on_a_phone_no_slider_hides_the_line_of_a_profile(visit, kkh_file):
    page = visit(kkh_file, view={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    for km in (0, 400, 900, 1210):
        x, y = on_screen(page, cg.corridor("kkh").at(km))
        over = page.evaluate(
            "([x, y]) => !!document.elementFromPoint(x, y).closest('.leaflet-control')", [x, y]
        )
        assert not over, km
    page.locator(".cpec-profile > summary").click()
    assert page.locator(".cpec-timeline").is_visible(), "it is there when the panel is folded"


@browser
def test_what_is_reached_is_graded_and_says_where_from(visit, tmp_path, settled):
    reach = cg.reach("Quetta", hours=8)
    page = visit(Map().add(reach).save(tmp_path / "m.html"))
    settled(page)
    assert page.title() == "Within 8 hours of Quetta"
    legend = page.locator(".cpec-legend-list").inner_text()
    for text in ("From Quetta", "below 2 h", "2 to 4 h", "4 to 6 h", "6 to 8 h", "Origin"):
        assert text in legend
    assert "and more" not in legend
    assert page.locator(".cpec-timeline").count() == 0
    names = page.locator(".cpec-label").all_text_contents()
    assert names.count("Quetta") == 1
    drawn = page.evaluate(
        f"""() => {{ const g = Object.values({MAP}.cpec.layers).find(g => g.cpecLayer.name === 'Within 8 hours of Quetta');
        const {{ columns }} = g.cpecLayer;
        return g.cpecItems.map((item, i) => [item.options.color, cpecgeo.cell(columns.cost_to, i)]); }}"""
    )
    # Stretches are split at the limits, so each lies in one class.
    assert len({(c, np.searchsorted([2, 4, 6], v - 1e-6)) for c, v in drawn}) == 4


@browser
def test_nothing_runs_in_the_panel(visit, tmp_path):
    made = Map(background=False)
    line = LineString([(67, 25), (67.6, 25.3)])
    for turn, text in enumerate(HOSTILE):
        own = cg.Corridor.from_line(line, name=f"own{turn}")
        made.add(own, name=text[:3000] or None, profile=True)
    page = visit(made.save(tmp_path / "h.html"))
    options = page.get_by_label("Line of the profile").locator("option")
    assert options.count() == len(HOSTILE)
    texts = options.all_text_contents()
    assert any("<script>alert(1)" in t for t in texts)
    for turn in range(0, len(HOSTILE), 5):
        page.get_by_label("Line of the profile").select_option(index=turn)
        page.locator(PLOT).focus()
        page.keyboard.press("ArrowRight")
    assert page.locator(".cpec-profile :is(script, img, iframe, style, link, object)").count() == 0
    lone = Map(background=False).add(
        cg.Corridor.from_line(line, name="x"), name=HOSTILE[1], profile=True
    )
    page = visit(lone.save(tmp_path / "l.html"))
    assert page.locator(".cpec-profile-head bdi").inner_text() == HOSTILE[1]
    towns = gpd.GeoDataFrame({"name": ["A"]}, geometry=[Point(67, 25)], crs=4326)
    assert "profiles" not in Map(background=False).add(towns).data()

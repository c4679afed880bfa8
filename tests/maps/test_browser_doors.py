"""What a page may ask for, folium's own children, maps side by side, and further text doors."""

import dataclasses
import shutil
from urllib.parse import urlparse

import folium
import geopandas as gpd
import pytest
from conftest import MAP
from shapely.geometry import LineString, Point
from test_browser_hostile import HOSTILE

import cpecgeo
from cpecgeo.errors import MissingExtraError, UnknownNameError
from cpecgeo.maps import Map

pytestmark = pytest.mark.browser


def test_with_tiles_only_their_servers_are_asked(chromium, tmp_path):
    path = (
        Map(tiles="OpenTopoMap", background=False).add(Point(68.9, 27.7)).save(tmp_path / "t.html")
    )
    context = chromium.new_context()
    asked = []

    def answer(route):
        url = route.request.url
        if url.startswith("file:"):
            route.continue_()
            return
        asked.append(urlparse(url).hostname)
        route.abort()

    context.route("**/*", answer)
    page = context.new_page()
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")
    page.wait_for_timeout(300)
    refused = page.evaluate(
        """async () => { const seen = [];
        document.addEventListener('securitypolicyviolation', e => seen.push(e.effectiveDirective));
        new Image().src = 'https://elsewhere.example/x.png';
        const link = document.createElement('link'); link.rel = 'stylesheet';
        link.href = 'https://elsewhere.example/x.css'; document.head.append(link);
        const script = document.createElement('script'); script.textContent = 'window.ran = 1';
        document.head.append(script);
        await fetch('https://a.tile.opentopomap.org/x').catch(() => 0);
        await new Promise(r => setTimeout(r, 200));
        return [seen.map(d => d.split('-')[0]).sort(), window.ran === undefined]; }"""
    )
    context.close()
    assert asked, "tiles are asked for"
    assert all(host.endswith(".tile.opentopomap.org") for host in asked)
    assert refused == [["connect", "img", "script", "style"], True]


def test_foliums_own_children_work_offline(visit, tmp_path):
    made = Map(background=False, title="Own").add(Point(68, 27), name="P")
    group = folium.FeatureGroup(name="Group of folium").add_to(made)
    folium.Marker((30, 70), tooltip="tip", popup="pop", icon=folium.Icon(color="red")).add_to(group)
    folium.Circle((29, 69), radius=20_000).add_to(group)
    table = gpd.GeoDataFrame(
        {"name": ["${alert(1)} `", "plain"]},
        geometry=[Point(69, 28), LineString([(67, 25), (68, 26)])],
        crs=4326,
    )
    folium.GeoJson(table, name="Json of folium", tooltip=folium.GeoJsonTooltip(["name"])).add_to(
        made
    )
    page = visit(made.save(tmp_path / "f.html"))
    labels = page.locator(".leaflet-control-layers-group label").all_inner_texts()
    assert {"Group of folium", "Json of folium"} <= {text.strip() for text in labels}
    texts = page.evaluate(
        f"""(() => {{ const out = []; {MAP}.eachLayer(l => {{
        if (!l.feature) return;
        const latlng = l.getLatLng ? l.getLatLng() : l.getCenter();
        l.fire('mouseover', {{ latlng: latlng, propagatedFrom: l, layer: l }}, true);
        out.push(...[...document.querySelectorAll('.leaflet-tooltip')].map(e => e.textContent)); }});
        return out; }})()"""
    )
    assert any("${alert(1)} `" in text for text in texts)
    assert page.locator(".awesome-marker-icon-red").count() == 1


def test_two_maps_in_one_notebook_are_apart(visit, tmp_path):
    one = Map(title="First").add(Point(68.9, 27.69), name="A")
    two = Map(title='Second "<b>"').add(Point(67, 25), name="B")
    page_text = "".join(m._repr_html_() for m in (one, two, one))
    outer = tmp_path / "notebook.html"
    outer.write_text(
        f'<!DOCTYPE html><html lang="en" data-ready="yes"><meta charset="utf-8">{page_text}</html>'
    )
    page = visit(outer)
    titles = []
    for i in range(3):
        frame = page.frame_locator("iframe").nth(i)
        page.locator("iframe").nth(i).scroll_into_view_if_needed()
        frame.locator("html[data-ready]").wait_for(state="attached")
        titles.append(frame.locator("h1").inner_text())
    assert titles == ["First", 'Second "<b>"', "First"]


def test_more_doors_for_text(visit, tmp_path):
    """Titles of corridors, names in attrs, names of columns and files, language, legends."""
    evil = [text for text in HOSTILE if 0 < len(text.strip()) < 200]
    thing = dataclasses.replace(cpecgeo.corridor("taxila-havelian"), title=evil[0])
    with pytest.raises(UnknownNameError, match="Known: en, ur, zh"):
        Map(lang='"><script>alert(70)</script>')
    made = Map(title=evil[1], lang="zh", background=False).add(thing)
    columns = {f"{text}": ["x"] for text in evil}
    frame = gpd.GeoDataFrame({"name": ["n"], **columns}, geometry=[Point(73, 34)], crs=4326)
    frame.attrs.update(title=evil[5], source=evil[2], name=evil[3])
    made.add(frame)
    series = gpd.GeoSeries([Point(73.1, 34)], crs=4326, name=evil[7])
    made.add(series)
    classes = gpd.GeoDataFrame(
        {"v": evil, evil[1]: evil},
        geometry=[Point(72 + i / 50, 33) for i in range(len(evil))],
        crs=4326,
    )
    made.add(classes, color="v", label=evil[1], popup=[evil[1]], name=evil[12], group=evil[14])
    folium.TileLayer(
        "https://tiles.example/{z}/{x}/{y}.png", attr="plain", name="Tiles", show=False
    ).add_to(made)
    made.subtitle = evil[6]
    path = made.save(tmp_path / "<img src=x onerror=alert(71)> ${alert(72)} '.html")
    page = visit(path)
    page.evaluate(
        f"""(() => {{ for (const g of Object.values({MAP}.cpec.layers))
        for (const item of g.cpecItems || []) if (item) {{ item.openPopup(); item.openTooltip(); }} }})()"""
    )
    page.evaluate(f"void {MAP}.setView([34, 73], 9, {{animate: false}})")
    page.wait_for_timeout(300)
    assert page.locator(".leaflet-container script, .leaflet-container iframe").count() == 0
    assert page.locator(".leaflet-popup-content dt").count() > 0
    assert evil[0] in page.locator(".leaflet-control-layers").first.inner_text()
    page.evaluate("void window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".cpec-foot").is_visible()


def test_a_still_without_a_browser_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(MissingExtraError, match="Install chromium"):
        Map(background=False).to_png(tmp_path / "m.png")
    assert list(tmp_path.iterdir()) == []

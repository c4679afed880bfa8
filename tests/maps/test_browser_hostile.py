"""Texts that try to become code: in names, columns, titles, legends and folium's own texts."""

from dataclasses import replace
from urllib.parse import quote

import folium
import geopandas as gpd
import pytest
import shapely
from conftest import MAP
from shapely.geometry import LineString, Point, box

import cpecgeo
from cpecgeo.maps import Map

pytestmark = pytest.mark.browser

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "'><img src=x onerror=alert(3)>",
    "${alert(4)}",
    "`${alert(5)}`",
    "`;alert(6);`",
    "</script><script>alert(7)</script>",
    "</SCRIPT ><script>alert(8)</script>",
    "</style><script>alert(9)</script>",
    "<!--<script>alert(10)",
    "--><script>alert(11)</script>",
    "<svg/onload=alert(12)>",
    "<iframe srcdoc='<script>parent.alert(13)</script>'></iframe>",
    "<a href=javascript:alert(14)>x</a>",
    "<body onload=alert(15)>",
    "<details open ontoggle=alert(16)>",
    "<input autofocus onfocus=alert(17)>",
    "<math><mi xlink:href='javascript:alert(18)'>x</mi></math>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>@import '//evil.example/x.css';</style>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<base href=//evil.example/>",
    "<form action=//evil.example><button>x</button></form>",
    "<object data=//evil.example></object>",
    "\u2028alert(24)\u2029",
    "a\x00b<img src=x onerror=alert(25)>",
    "\\",
    "\\'; alert(27); //",
    '\\"; alert(28); //',
    "\\u003cscript\\u003ealert(29)\\u003c/script\\u003e",
    "&lt;script&gt;alert(30)&lt;/script&gt;",
    "&#60;script&#62;alert(31)&#60;/script&#62;",
    "{{ 7 * 7 }}",
    "{{ ''.__class__.__mro__ }}",
    "{% raw %}",
    "{# comment #}",
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "%3Cscript%3Ealert(40)%3C/script%3E",
    "<img/src='x'/onerror=alert(41)>",
    "<ScRiPt>alert(42)</sCrIpT>",
    "]]><script>alert(43)</script>",
    "\r\n<script>alert(44)</script>",
    "\U0001f600 emoji",
    "\ufeff\u202e\u2066 direction",
    "x" * 1_000_000 + "<img src=x onerror=alert(47)>",
    "-alert(48)-",
    "javascript:alert(49)",
    "url(//evil.example/x.png)",
    "expression(alert(51))",
    "روہڑی <b onmouseover=alert(52)>",
    "",
    " ",
]


@pytest.fixture(scope="module")
def hostile_file(tmp_path_factory):
    rows = len(HOSTILE)
    texts = dict.fromkeys(
        ("name", "name_ur", "name_zh", "status", "source", "note", "kind"), HOSTILE
    )
    points = gpd.GeoDataFrame(
        texts | {"__proto__": HOSTILE, "<img src=x onerror=alert(60)>": HOSTILE},
        geometry=[Point(60 + i * 0.3, 25 + (i % 7)) for i in range(rows)],
        crs=4326,
    )
    lines = points.set_geometry(
        gpd.GeoSeries(
            [LineString([(60 + i * 0.3, 32), (60.2 + i * 0.3, 33)]) for i in range(rows)], crs=4326
        )
    )
    areas = points.set_geometry(
        gpd.GeoSeries([box(60 + i * 0.3, 34, 60.2 + i * 0.3, 34.5) for i in range(rows)], crs=4326)
    )
    made = Map(
        title="</title><script>alert(61)</script>{{ 7*7 }}", subtitle=HOSTILE[1], background=False
    )
    made.add(
        points, name=HOSTILE[0], group=HOSTILE[1], label="name", popup=list(texts) + ["__proto__"]
    )
    made.add(lines, name=HOSTILE[6], group="__proto__", label="name")
    made.add(areas, name="__proto__", group="constructor", color="kind", legend=HOSTILE[0])
    many = gpd.GeoDataFrame(
        {"name": (HOSTILE * 60)[:2500]},
        geometry=[Point(60 + (i % 50) * 0.3, 20 + (i // 50) * 0.08) for i in range(2500)],
        crs=4326,
    )
    made.add(many, name=HOSTILE[3])
    for i, text in enumerate(t for t in HOSTILE[3:36] if "<" not in t):
        folium.Marker((36, 60 + i), tooltip=text, popup=text).add_to(made)
    made.notes.append(HOSTILE[0])
    return made.save(tmp_path_factory.mktemp("hostile") / "map.html")


def test_there_are_enough_of_them():
    assert len(set(HOSTILE)) >= 40


def test_nothing_runs_on_opening(visit, hostile_file):
    page = visit(hostile_file)
    page.wait_for_timeout(300)
    assert page.evaluate("Object.keys(Object.prototype).length") == 0
    assert (
        page.evaluate(
            "document.querySelectorAll('img:not(.leaflet-marker-icon):not(.leaflet-marker-shadow), iframe, object, form:not(.leaflet-control-layers-list), base, link').length"
        )
        == 0
    )
    assert "alert(61)" in page.locator("h1").inner_text()
    assert "{{ 7*7 }}" in page.title()
    assert hostile_file.stat().st_size < 3_000_000


def test_nothing_runs_in_popups_and_tooltips(visit, hostile_file):
    page = visit(hostile_file)
    shown = page.evaluate(
        f"""(() => {{ const m = {MAP}; const texts = [];
        for (const g of Object.values(m.cpec.layers)) {{
          const l = g.cpecLayer;
          for (let i = 0; i < Math.min(l.n, {len(HOSTILE)}); i += 1) {{
            if (l.cloud) g.open(i);
            else {{ g.cpecItems[i].openPopup(); g.cpecItems[i].openTooltip(); }}
            texts.push([...document.querySelectorAll('.leaflet-popup-content h2')].pop().textContent);
          }}
        }}
        return texts; }})()"""
    )
    page.wait_for_timeout(300)
    assert HOSTILE[0] in shown
    assert HOSTILE[3] in shown
    assert not page.locator(".leaflet-popup-content script, .leaflet-popup-content img").count()


def test_foliums_own_tooltips_and_popups_keep_their_text(visit, hostile_file):
    page = visit(hostile_file)
    texts = page.evaluate(
        f"""(() => {{ const out = []; {MAP}.eachLayer(l => {{
          if (l instanceof L.Marker && l.getTooltip && l.getTooltip() && !l.cpecLayer && l.options.icon instanceof L.Icon.Default) {{
            l.openTooltip(); l.openPopup();
            out.push(l.getTooltip().getContent());
          }} }}); return out; }})()"""
    )
    page.wait_for_timeout(200)
    joined = "\n".join(texts)
    assert "${alert(4)}" in joined
    assert "`;alert(6);`" in joined
    assert "{{ 7 * 7 }}" in joined


def test_markup_given_to_folium_is_markup_but_never_runs(chromium, tmp_path):
    """folium's texts are markup by its own rule; the page's policy keeps them from running."""
    made = Map(background=False)
    for i, text in enumerate(t for t in HOSTILE if "<" in t and len(t) < 200):
        folium.Marker((36, 60 + i), tooltip=text, popup=text).add_to(made)
    ran, asked = [], []
    page = chromium.new_page(offline=True)
    page.on("dialog", lambda d: (ran.append(d.message), d.dismiss()))
    page.on("request", lambda r: asked.append(r.url))
    page.goto(made.save(tmp_path / "m.html").as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")
    page.evaluate(
        f"{MAP}.eachLayer(l => {{ if (l.getPopup && l.getPopup()) {{ l.openTooltip(); l.openPopup(); }} }})"
    )
    page.wait_for_timeout(400)
    page.close()
    assert ran == []
    assert [u for u in asked if not u.startswith(("file:", "data:"))] == []


def test_nothing_runs_in_search(visit, hostile_file):
    page = visit(hostile_file)
    box_ = page.locator("input.search-input")
    for text in (
        "<script>",
        "${alert",
        "onerror",
        "__proto__",
        "{{",
        "\\",
        "constructor",
        ".*",
        "روہڑی",
    ):
        box_.fill(text)
        page.wait_for_timeout(220)
        assert page.locator(".search-tip").count() > 0 or text == ".*", text
    box_.fill("<img/src")
    page.wait_for_timeout(220)
    box_.press("Enter")
    page.wait_for_timeout(900)
    assert "<img/src" in page.locator(".leaflet-popup-content h2").inner_text()


def test_layer_names_and_legend_are_texts(visit, hostile_file):
    page = visit(hostile_file)
    names = page.locator(".leaflet-control-layers-group label").all_inner_texts()
    assert any("<script>alert(1)</script>" in n for n in names)
    groups = page.locator(".leaflet-control-layers-group-name").all_inner_texts()
    assert {"__proto__", "constructor", HOSTILE[1]} <= set(groups)
    legend = page.locator(".cpec-legend-list li").all_inner_texts()
    assert any("<script>alert(1)</script>" in n for n in legend)


def test_nothing_runs_when_toggled_printed_or_travelled_in_time(visit, hostile_file):
    page = visit(hostile_file)
    for box_ in page.locator(".leaflet-control-layers-selector").all():
        box_.click()
        page.wait_for_timeout(60)
    page.emulate_media(media="print")
    page.wait_for_timeout(200)
    assert "<script>alert(1)</script>" in page.locator(".cpec-foot").inner_text()


# Hostile texts: markup, ends of scripts, line breaks, direction marks, names of JavaScript, length.
NEWEST = [
    "<img src=x onerror=alert(80)>",
    "</script><script>alert(81)</script>",
    "\u2028alert(82)\u2029",
    "\u202e\u2066 direction \u2069",
    "__proto__",
    "constructor",
    "x" * 10_000 + "<img src=x onerror=alert(83)>",
    "{{ 7 * 7 }} ${alert(84)} {name} {figure}",
]
BROUGHT_IN = "img:not(.leaflet-marker-icon):not(.leaflet-marker-shadow), iframe, object, base, link"


def nothing_came_in(page):
    assert page.evaluate("Object.keys(Object.prototype).length") == 0
    assert page.locator(BROUGHT_IN).count() == 0


@pytest.mark.parametrize("lang", ["en", "ur", "zh"])
def test_nothing_runs_in_the_legends_of_ones_own_data(visit, tmp_path, lang):
    made = Map(background=False, lang=lang)
    values = [10.0 * k for k in range(len(NEWEST) * 3)]
    for turn, text in enumerate(NEWEST):
        frame = gpd.GeoDataFrame(
            {"name": NEWEST * 3, text: values, f"{text} ": NEWEST * 3, "since": range(2000, 2024)},
            geometry=[Point(60 + k * 0.3, 25 + turn) for k in range(len(values))],
            crs=4326,
        )
        looks = [
            {"color": text, "unit": text[:300], "legend": text, "label": "name", "radius": text},
            {"color": f"{text} ", "legend": text, "label": f"{text} ", "when": "since"},
        ][turn % 2]
        made.add(frame, name=f"{turn} {text}", group=text, **looks)
    page = visit(made.save(tmp_path / "m.html"))
    rows = " ".join(page.locator(".cpec-legend-list li").all_inner_texts())
    assert NEWEST[0] in rows
    assert page.locator(".cpec-legend-list li").count() > 20
    for box_ in page.locator(".cpec-table-button").all():
        box_.click()
        page.locator("dialog th button").nth(1).click()
        assert page.locator("dialog tbody tr").count() == len(values)
        page.keyboard.press("Escape")
        page.locator("dialog").wait_for(state="detached")
    page.evaluate(f"void cpecgeo.open({MAP}, 'layer0', 3)")
    page.wait_for_selector(".leaflet-popup-content h2")
    nothing_came_in(page)


def test_nothing_runs_on_routes_with_labels(visit, tmp_path):
    line = LineString([(67.0, 25.0), (67.6, 25.3), (68.0, 25.1)])
    made, way = Map(), cpecgeo.route("Hyderabad", "Karachi")
    for turn, text in enumerate(NEWEST):
        moved = shapely.affinity.translate(line, yoff=turn * 0.5)
        ends = [Point(moved.coords[k]) for k in (0, -1)]
        stops = gpd.GeoDataFrame({"name": [text, f"{text} 2"]}, geometry=ends, crs=4326)
        own = cpecgeo.Corridor.from_line(
            moved, name=f"own{turn}", title=text, stops=stops, accuracy_km=0.5, sources=[text]
        )
        named = replace(way, origin=replace(way.origin, name=text))
        made.add(named).add(own, profile=True)
    page = visit(made.save(tmp_path / "m.html"))
    page.wait_for_timeout(300)
    labels = page.locator(".cpec-label").all_text_contents()
    assert any("km" in label for label in labels)
    assert NEWEST[0][:60] in labels
    page.locator("input.search-input").fill("onerror")
    page.wait_for_timeout(300)
    assert page.locator(".search-tip").count() > 0
    nothing_came_in(page)
    page.emulate_media(media="print")
    page.wait_for_timeout(200)
    nothing_came_in(page)


@pytest.mark.parametrize("text", [*NEWEST, "%00%FF%", "a" * 100_000])
def test_nothing_runs_by_the_address(visit, hostile_file, text):
    said = quote(text, safe="{}$ *") if "%" not in text else text
    parts = (f"map=9/{said}/67", f"on=__proto__,constructor,{said}", f"off={said}", f"time={said}~{said}",
             f"at={said}.0", f"{said}={said}")  # fmt: skip
    page = visit(hostile_file, fragment="#" + "&".join(parts))
    nothing_came_in(page)
    assert page.locator(".leaflet-popup").count() == 0
    page.evaluate("said => { location.hash = 'at=__proto__.1&at=layer0.' + said; }", text[:2000])
    page.wait_for_timeout(200)
    page.get_by_label("Copy a link to this view").click()
    page.wait_for_timeout(200)
    nothing_came_in(page)

"""Hostile text in every page and notebook view: it stays text, and nothing of it runs."""

import dataclasses
import html.parser

import geopandas as gpd
import pandas as pd
import pytest
from shapely.geometry import LineString, Point

import cpecgeo as cg
from cpecgeo.errors import UnknownNameError

# The same that the map is tried with in a browser, and more for tables and Markdown.
HOSTILE = [
    "<script>bad()</script>",
    "<img src=x onerror=bad()>",
    '"><svg/onload=bad()>',
    "'-alert(1)-'",
    "</style><script>bad()</script>",
    "</textarea><iframe srcdoc='<script>bad()</script>'>",
    "<a href='javascript:bad()'>x</a>",
    "{{7*7}}{% import os %}",
    "${bad()}`${bad()}`",
    "<!--<script>",
    "]]><script>bad()</script>",
    "&lt;script&gt;bad()&lt;/script&gt;",
    "\u2028</script >\u2029",
]
ALL = " ".join(HOSTILE)
RUNS = {
    "script",
    "img",
    "svg",
    "iframe",
    "object",
    "embed",
    "base",
    "link",
    "meta",
    "form",
    "style",
}


class Reader(html.parser.HTMLParser):
    """What a browser would see: elements with their attributes, and the text."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.elements, self.text = [], []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)


def seen(page):
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader


def harmless(page, *, own=frozenset()):
    """No element or attribute that hostile text brought in."""
    reader = seen(page)
    for tag, attributes in reader.elements:
        assert tag not in RUNS - own, tag
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            if name in {"href", "src", "action", "formaction", "xlink:href"}:
                assert not (value or "").strip().lower().startswith("javascript:"), (tag, name)
    return reader


@pytest.fixture(scope="module")
def corridor():
    real = cg.corridor("taxila-havelian")
    stops, sections = real.stops.copy(), real.sections.copy()
    for frame in (stops, sections):
        for column in frame.columns:
            if column != "geometry" and frame[column].dtype.kind not in "fiub":
                frame[column] = ALL
    return dataclasses.replace(
        real, title=ALL, kind=ALL, status=ALL, official_note=ALL, own_stops=stops,
        sections=sections, sources=tuple(HOSTILE),
    )  # fmt: skip


def test_corridor(corridor):
    assert HOSTILE[0] in "".join(harmless(corridor._repr_html_()).text)


def test_place():
    place = dataclasses.replace(
        cg.place("Gwadar Port"), name=ALL, kind=ALL, status=ALL, basis=ALL, source=ALL, licence=ALL,
        note=ALL,
    )  # fmt: skip
    assert HOSTILE[0] in "".join(harmless(place._repr_html_()).text)


def test_market():
    real = cg.market("Torkham")
    fields = {
        f.name: ALL
        for f in dataclasses.fields(real)
        if isinstance(getattr(real, f.name), str) and f.name != "id"
    }
    reader = harmless(dataclasses.replace(real, **fields)._repr_html_())
    assert HOSTILE[0] in "".join(reader.text)


def test_route_and_reach():
    way = cg.route("Lahore", "Multan")
    legs = way.legs.copy()
    for column in ("name", "from", "to", "section", "source", "status", "country"):
        legs[column] = ALL
    legs.attrs["title"] = ALL
    reader = harmless(dataclasses.replace(way, own_legs=legs, asked=ALL)._repr_html_())
    assert HOSTILE[0] in "".join(reader.text)
    area = cg.reach("Lahore", km=30)
    towns, edges = area.towns.copy(), area.edges.copy()
    towns["name"] = ALL
    origin = dataclasses.replace(area.origin, name=ALL)
    harmless(dataclasses.replace(area, towns=towns, edges=edges, origins=(origin,))._repr_html_())


def test_names_that_a_caller_gives():
    ship = cg.routing.stated_leg(
        "Lahore", "Multan", km=500, mode="road", source=ALL, names=(ALL, ALL)
    )
    assert HOSTILE[0] in "".join(harmless(ship._repr_html_()).text)


def test_network():
    net = cg.network()
    nodes, edges = net.nodes.copy(), net.edges.copy()
    for frame in (nodes, edges):
        for column in frame.columns:
            if column != "geometry" and frame[column].dtype.kind not in "fiub":
                frame[column] = ALL
    harmless(dataclasses.replace(net, nodes=nodes, edges=edges)._repr_html_())


def test_report(corridor):
    report = cg.report(corridor, draw=False)
    report = dataclasses.replace(
        report, title=ALL, subtitle=ALL, sources=tuple(HOSTILE), caveats=tuple(HOSTILE)
    )
    own = frozenset({"style", "meta", "svg", "img", "script"})
    page = seen(report.to_html())
    # Whatever runs was there before: a report of the real thing has as many of each.
    plain = seen(cg.report("taxila-havelian", draw=False).to_html())
    for tag in RUNS - {"svg"}:
        count = [sum(t == tag for t, _ in r.elements) for r in (page, plain)]
        assert count[0] == count[1], tag
    harmless(report._repr_html_(), own=own)
    text = report.to_markdown()
    assert "<script>" not in text.replace("\\<", "").replace("`", "") or "&lt;script" in text


def test_map_in_a_notebook():
    frame = gpd.GeoDataFrame(
        {"name": HOSTILE, ALL: HOSTILE}, geometry=[Point(70, 30)] * len(HOSTILE), crs=4326
    )
    line = gpd.GeoDataFrame({"n": [ALL]}, geometry=[LineString([(70, 30), (71, 31)])], crs=4326)
    with pytest.raises(UnknownNameError, match="No language named"):
        cg.Map(lang=ALL)
    m = cg.Map(title=ALL, subtitle=ALL, background=False)
    m.add(frame, name=ALL, group=ALL).add(line, name=ALL)
    outer = harmless(m._repr_html_(), own=frozenset({"iframe"}))
    assert len(outer.elements) == 1
    inner = seen(outer.elements[0][1]["srcdoc"])
    empty = seen(cg.Map(title="x", background=False).html())
    for tag in ("iframe", "img", "object", "form", "base", "svg"):
        assert sum(t == tag for t, _ in inner.elements) == sum(t == tag for t, _ in empty.elements)
    assert not any(n.startswith("on") for _, a in inner.elements for n in a)
    scripts = [a for t, a in inner.elements if t == "script"]
    assert all("src" not in a for a in scripts)


def test_tables_are_pandas_own():
    frame = cg.catalog()
    frame["title"] = ALL
    harmless(pd.DataFrame(frame)._repr_html_(), own=frozenset({"style"}))

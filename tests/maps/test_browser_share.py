"""Links to a view, layers as tables and files, and maps inside an article."""

import csv
import json

import geopandas as gpd
import pytest
import shapely
from conftest import MAP
from shapely.geometry import LineString, MultiPolygon, Point, Polygon, box
from test_browser_hostile import HOSTILE

import cpecgeo
from cpecgeo.maps import Map

pytestmark = pytest.mark.browser


def wait_at_rest(page) -> None:
    """Wait until neither the view nor the address has changed for half a second."""
    page.wait_for_function(
        f"""() => {{
            const now = JSON.stringify([{MAP}.getZoom(), {MAP}.getCenter(), location.hash]);
            const rests = window.seenAtRest === now;
            window.seenAtRest = now;
            return rests;
        }}""",
        polling=500,
    )


def test_a_link_brings_back_view_layers_time_and_selection(visit, cpec_file):
    page = visit(cpec_file)
    assert "#" not in page.url, "nothing was done yet"
    page.get_by_label("Ports", exact=True).uncheck()
    page.get_by_label("Districts", exact=True).check()
    page.locator("input[aria-label='Year of the map']").evaluate(
        "e => { e.value = 10; e.dispatchEvent(new Event('input', {bubbles: true})); }"
    )
    page.evaluate(f"void {MAP}.setView([30.25, 67.5], 7.5, {{animate: false}})")
    page.evaluate(f"void cpecgeo.open({MAP}, 'crossings', 0)")
    page.locator(".leaflet-popup-content h2").wait_for()
    wait_at_rest(page)
    seen = page.evaluate(f"[{MAP}.getZoom(), {MAP}.getCenter().lat, {MAP}.getCenter().lng]")
    fragment = page.url.partition("#")[2]
    assert fragment
    again = visit(cpec_file, fragment="#" + fragment)
    again.locator(".leaflet-popup-content h2").wait_for()
    wait_at_rest(again)
    assert again.evaluate(
        f"[{MAP}.getZoom(), {MAP}.getCenter().lat, {MAP}.getCenter().lng]"
    ) == pytest.approx(seen, abs=2e-3)
    assert not again.get_by_label("Ports", exact=True).is_checked()
    assert again.get_by_label("Districts", exact=True).is_checked()
    assert again.locator(".time-text").inner_text() == "As in 2015"
    name = cpecgeo.layer("crossings").dropna(subset="geometry")["name"].iloc[0]
    assert again.locator(".leaflet-popup-content h2").inner_text() == name


@pytest.mark.parametrize(
    "fragment",
    [
        "#map=NaN/x/1e999&on=__proto__,constructor&off=,,&time=~&at=__proto__.0",
        "#map=5/91/500&at=crossings.99999&time=x~y&on=%3Cscript%3E",
        "#%E0%A4%A&at=.&map=",
    ],
)
def test_an_address_that_says_nonsense_is_passed_over(visit, cpec_file, fragment):
    page = visit(cpec_file, fragment=fragment)
    zoom = page.evaluate(f"{MAP}.getZoom()")
    assert 3 < zoom < 7
    assert page.locator(".leaflet-popup").count() == 0
    assert page.locator(".time-text").inner_text() == "All, with plans"


def test_the_link_is_copied_or_shown(visit, cpec_file):
    page = visit(cpec_file, permissions=["clipboard-read", "clipboard-write"])
    page.get_by_label("Copy a link to this view").click()
    page.locator(".cpec-share-text:has-text('Link copied')").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.partition("#")[0] == page.url.partition("#")[0]
    assert "map=" in copied
    page.evaluate("void (navigator.clipboard.writeText = () => Promise.reject(new Error('no')))")
    page.get_by_label("Copy a link to this view").click()
    field = page.get_by_label("Link to this view", exact=True)
    assert field.input_value() == copied


def odd():
    """Points, lines and areas of one and several parts, with texts that need quoting."""
    ring = Polygon(box(60, 25, 62, 27).exterior, [box(60.5, 25.5, 61, 26).exterior])
    shapes = {
        "points": [Point(67.12345, 25.5), Point(68, 26)],
        "lines": [LineString([(67, 25), (68, 26), (69, 26)]), LineString([(70, 30), (71, 31)])],
        "areas": [ring, MultiPolygon([box(70, 30, 71, 31), box(72, 30, 73, 31)])],
    }
    for name, pair in shapes.items():
        yield (
            name,
            gpd.GeoDataFrame(
                {
                    "name": ['=HYPERLINK("x")', 'B, "quoted"\nline'],
                    "value": [-2.5, 1200],
                    "list": [["a", "b"], None],
                },
                geometry=pair,
                crs=4326,
            ),
        )


def test_a_layer_is_saved_as_it_was_given(visit, tmp_path):
    made = Map(background=False)
    frames = dict(odd())
    for name, frame in frames.items():
        made.add(frame, name=name)
    page = visit(made.save(tmp_path / "m.html"))
    for name, frame in frames.items():
        page.get_by_label(f"Table of {name}", exact=True).click()
        with page.expect_download() as waiting:
            page.get_by_role("button", name="Save as GeoJSON").click()
        assert waiting.value.suggested_filename == f"{name}.geojson"
        waiting.value.save_as(tmp_path / "x.geojson")
        got = gpd.read_file(tmp_path / "x.geojson")
        assert list(got["name"]) == list(frame["name"])
        assert list(got["value"]) == list(frame["value"])
        for a, b in zip(got.geometry, frame.geometry, strict=True):
            # The file has further vertices, along the geodesic between the same ends.
            assert shapely.hausdorff_distance(a, b) < 0.01
            assert a.geom_type == b.geom_type
        with page.expect_download() as waiting:
            page.get_by_role("button", name="Save as CSV").click()
        waiting.value.save_as(tmp_path / "x.csv")
        with (tmp_path / "x.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert rows[0]["name"] == '\'=HYPERLINK("x")', "no formula reaches a spreadsheet"
        assert rows[1]["name"] == frame["name"][1]
        assert [float(r["value"]) for r in rows] == [-2.5, 1200]
        assert rows[0]["list"] == "a; b"
        if name == "points":
            assert [float(rows[0]["lon"]), float(rows[0]["lat"])] == [67.12345, 25.5]
        else:
            assert shapely.from_wkt(rows[1]["wkt"]).geom_type == frame.geometry[1].geom_type
        page.keyboard.press("Escape")
        page.locator("dialog").wait_for(state="detached")


# A busy browser sometimes doesn't announce one of many downloads in a row, so a test of the content
# of many files reads it in the page.
KEEP_FILES = """() => {
  const make = URL.createObjectURL;
  window.kept = [];
  URL.createObjectURL = (blob) => { window.kept.push(blob.text()); return make.call(URL, blob); };
  HTMLAnchorElement.prototype.click = () => {};
}"""


def test_columns_that_are_for_drawing_alone_are_neither_saved_nor_tabled(visit, tmp_path):
    made = cpecgeo.route("Lahore", "Karachi").explore()
    made.add("taxila-havelian").add(cpecgeo.crossed("ml1", "districts"), name="Crossed")
    drawn = {c for one in made.data()["layers"].values() for c in one["columns"]}
    ours = {c for c in drawn if c.startswith("cpec:")}
    assert ours == {"cpec:first", "cpec:label", "cpec:weight"}
    known = {c for n in ("sections", "stations", "places", "waypoints") for c in cpecgeo.layer(n)}
    known |= set(cpecgeo.route("Lahore", "Karachi").legs) | set(cpecgeo.crossed("ml1", "districts"))
    known |= {"drawn_km", "official_km", "competing", "reason", "ratio", "length_km", "km"}
    page = visit(made.save(tmp_path / "m.html"))
    page.set_default_timeout(30_000)
    page.evaluate(KEEP_FILES)
    tables = page.locator(".cpec-table-button")
    assert tables.count() >= 4
    for k in range(tables.count()):
        tables.nth(k).click()
        heads = page.locator("dialog thead th").all_inner_texts()
        assert not [h for h in heads if h.lower().startswith("cpec")]
        page.get_by_role("button", name="Save as GeoJSON").click()
        page.get_by_role("button", name="Save as CSV").click()
        collection, rows = page.evaluate("() => Promise.all(window.kept.splice(0))")
        columns = set(json.loads(collection)["features"][0]["properties"])
        head = set(next(csv.reader(rows.splitlines())))
        assert head - {"lon", "lat", "wkt"} == columns
        assert columns <= known, columns - known
        page.keyboard.press("Escape")
        page.locator("dialog").wait_for(state="detached")


def test_many_points_are_saved_and_tabled_by_pages(visit, tmp_path):
    frame = gpd.GeoDataFrame(
        {"name": [f"p{i}" for i in range(2500)], "v": range(2500)},
        geometry=[Point(60 + i * 0.005, 30) for i in range(2500)],
        crs=4326,
    )
    page = visit(Map(background=False).add(frame, name="Many").save(tmp_path / "m.html"))
    page.get_by_label("Table of Many", exact=True).click()
    assert page.locator("dialog tbody tr").count() == 200
    page.get_by_role("button", name="Show 200 more of 2,500").click()
    assert page.locator("dialog tbody tr").count() == 400
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save as GeoJSON").click()
    waiting.value.save_as(tmp_path / "x.geojson")
    features = json.loads((tmp_path / "x.geojson").read_text())["features"]
    assert len(features) == 2500
    assert features[77]["geometry"]["coordinates"] == pytest.approx([60.385, 30], abs=1.1e-5)


def test_a_table_sorts_and_leads_to_its_feature(visit, cpec_file):
    page = visit(cpec_file)
    opener = page.get_by_label("Table of Cities", exact=True)
    opener.click()
    page.get_by_role("button", name="Population").click()
    heads = page.locator("dialog thead th").all_inner_texts()
    column = heads.index("Population")
    cells = page.locator(f"dialog tbody tr td:nth-child({column + 1})").all_inner_texts()
    values = [float(c.replace(",", "")) for c in cells if c]
    assert values == sorted(values)
    assert "" not in cells[: len(values)], "what has no value comes last"
    page.get_by_role("button", name="Population").click()
    cells = page.locator(f"dialog tbody tr td:nth-child({column + 1})").all_inner_texts()
    assert [float(c.replace(",", "")) for c in cells if c] == values[::-1]
    page.keyboard.press("Escape")
    page.locator("dialog").wait_for(state="detached")
    assert opener.evaluate("e => e === document.activeElement"), "focus goes back"
    opener.click()
    first = page.locator("dialog tbody button").first
    name = first.inner_text()
    first.click()
    page.wait_for_selector(".leaflet-popup-content h2")
    assert page.locator(".leaflet-popup-content h2").inner_text() == name


def test_hostile_texts_stay_texts_in_tables_and_files(visit, tmp_path):
    rows = [t for t in HOSTILE if len(t) < 500]
    frame = gpd.GeoDataFrame(
        {"name": rows, "__proto__": rows, "<img src=x onerror=alert(70)>": rows},
        geometry=[Point(60 + i * 0.2, 30) for i in range(len(rows))],
        crs=4326,
    )
    made = Map(background=False).add(frame, name=HOSTILE[0], popup=list(frame.columns[:-1]))
    page = visit(made.save(tmp_path / "m.html"))
    page.get_by_label(f"Table of {HOSTILE[0]}", exact=True).click()
    assert page.locator("dialog tbody tr").count() == len(rows)
    assert page.locator("dialog :is(img, script, iframe, svg, form)").count() == 0
    for button in ("Save as GeoJSON", "Save as CSV"):
        with page.expect_download() as waiting:
            page.get_by_role("button", name=button).click()
        assert waiting.value.suggested_filename.startswith("script-alert-1-script")
    waiting.value.save_as(tmp_path / "x.csv")
    with (tmp_path / "x.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.reader(file))) == len(rows) + 1


def test_inside_an_article_the_page_scrolls_past_the_map(visit, tmp_path):
    page = visit(Map(embed=True).add("taxila-havelian").save(tmp_path / "m.html"))
    for gone in (".cpec-timeline", ".cpec-print-button", ".cpec-share", ".cpec-measure"):
        assert page.locator(gone).count() == 0
    zoom = page.evaluate(f"{MAP}.getZoom()")
    page.mouse.move(600, 400)
    page.mouse.wheel(0, -300)
    page.locator(".cpec-hint:has-text('Ctrl')").wait_for()
    assert page.evaluate(f"{MAP}.getZoom()") == zoom
    page.keyboard.down("Control")
    page.mouse.wheel(0, -300)
    page.keyboard.up("Control")
    page.wait_for_timeout(500)
    assert page.evaluate(f"{MAP}.getZoom()") > zoom
    owed = page.locator(".cpec-credits")
    assert owed.evaluate("e => !e.open")
    owed.locator("summary").click()
    assert "Natural Earth" in owed.inner_text()


def test_on_a_phone_one_finger_scrolls_the_article(visit, tmp_path):
    path = Map(embed=True).add("taxila-havelian").save(tmp_path / "m.html")
    page = visit(path, view={"width": 390, "height": 700}, has_touch=True, is_mobile=True)
    assert page.evaluate(f"{MAP}.dragging.enabled()") is False
    touch = page.evaluate("getComputedStyle(document.querySelector('.cpec-map')).touchAction")
    assert touch == "pan-x pan-y"

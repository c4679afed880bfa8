import base64
import hashlib
import io
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import folium
import folium.plugins
import geopandas as gpd
import numpy as np
import pytest
from branca.element import Element
from PIL import Image
from shapely.geometry import Point, box

from cpecgeo.analysis.profile import elevation_m
from cpecgeo.errors import DataError, FileError, InputError, UnknownNameError
from cpecgeo.maps import Map, libraries
from cpecgeo.maps.background import RELIEF
from cpecgeo.maps.libraries import OWN_SCRIPTS
from cpecgeo.maps.page import _literal

ROOT = Path(__file__).resolve().parents[2]


class Parts(HTMLParser):
    """What a browser would fetch or run."""

    def __init__(self, text):
        super().__init__(convert_charrefs=False)
        self.links, self.scripts, self.policy, self.title, self.lang = [], [], "", "", ""
        self.handlers = []
        self._in = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self._in = tag
        self.handlers += [name for name in attrs if name.startswith("on")]
        self.links += [attrs[name] for name in ("src", "href", "srcset") if attrs.get(name)]
        if tag == "html":
            self.lang = attrs.get("lang")
        if tag == "script":
            self.scripts.append([attrs.get("type", "text/javascript"), ""])
        if attrs.get("http-equiv") == "Content-Security-Policy":
            self.policy = attrs["content"]

    def handle_data(self, data):
        if self._in == "script":
            self.scripts[-1][1] += data
        if self._in == "title":
            self.title += data

    def handle_endtag(self, tag):
        self._in = None


@pytest.fixture
def points():
    return gpd.GeoDataFrame(
        {"name": ["a", "b"]}, geometry=[Point(67, 25), Point(68, 26)], crs="EPSG:4326"
    )


def test_nothing_is_linked_and_every_script_is_named_by_its_hash(points):
    parts = Parts(Map(title="T").add(points).html())
    assert parts.links == []
    assert parts.handlers == []
    rules = dict(rule.split(" ", 1) for rule in parts.policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert "unsafe" not in rules["script-src"]
    assert rules["img-src"] == "data: blob:"
    assert "connect-src" not in rules
    code = [text for kind, text in parts.scripts if kind == "text/javascript"]
    want = {
        "'sha256-" + base64.b64encode(hashlib.sha256(t.encode()).digest()).decode() + "'"
        for t in code
    }
    assert want == set(rules["script-src"].split())


def test_styles_link_nothing(points):
    text = Map().add(points).html()
    styles = "".join(re.findall(r"<style>(.*?)</style>", text, re.DOTALL))
    links = re.findall(r"url\(([^)]*)\)", styles)
    assert links
    assert all(link.strip("'\"").startswith(("data:", "#default")) for link in links)
    assert "@import" not in styles


def test_title_and_language():
    made = Map(title="کراچی & <b>", lang="ur", background=False).html()
    parts = Parts(made)
    assert parts.lang == "ur"
    assert '<html lang="ur" dir="rtl">' in made
    assert '<html lang="zh" dir="ltr">' in Map(lang="zh", background=False).html()
    assert "<title>کراچی &amp; &lt;b&gt;</title>" in made


def test_two_saves_and_two_maps_give_the_same_bytes(tmp_path, points):
    def build():
        made = Map(title="Same").add(points).add(box(66, 24, 69, 27), name="box")
        folium.Marker((25, 67), tooltip="t", popup="p").add_to(made)
        return made

    one = build()
    first = one.save(tmp_path / "1.html").read_bytes()
    assert one.save(tmp_path / "2.html").read_bytes() == first
    assert build().save(tmp_path / "3.html").read_bytes() == first


def test_the_same_bytes_in_another_process():
    code = (
        "import hashlib; from cpecgeo.maps import Map; from shapely.geometry import Point;"
        "m = Map(title='x').add(Point(67, 25), name='p');"
        "print(hashlib.sha256(m.html().encode()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PATH": "/usr/bin"},
            cwd=ROOT,
        ).stdout  # fmt: skip
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_rendering_leaves_folium_as_it_was(points):
    made = Map().add(points)
    before = len(made.get_root().script._children), list(made._children)
    made.html()
    assert (len(made.get_root().script._children), list(made._children)) == before


def test_saving_is_whole_or_not_at_all(tmp_path, monkeypatch, points):
    target = tmp_path / "map.html"
    target.write_text("before")
    made = Map().add(points)
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(FileError, match="full"):
        made.save(target)
    assert target.read_text() == "before"
    assert [p.name for p in tmp_path.iterdir()] == ["map.html"]


def test_saving_to_a_missing_folder_says_so(tmp_path, points):
    with pytest.raises(FileError, match="folder that exists"):
        Map().add(points).save(tmp_path / "no" / "map.html")


def test_saving_to_an_open_file(points):
    buffer = io.BytesIO()
    made = Map().add(points)
    made.save(buffer, close_file=False)
    assert buffer.getvalue() == made.html().encode()


@pytest.mark.parametrize("tiles", ["OpenStreetMap", "OpenStreetMap.Mapnik"])
def test_openstreetmaps_own_tiles_are_refused(tiles):
    with pytest.raises(InputError, match="refused to saved files"):
        Map(tiles=tiles)


def test_openstreetmaps_own_tiles_are_refused_when_added_by_folium():
    made = Map(background=False)
    folium.TileLayer("OpenStreetMap").add_to(made)
    with pytest.raises(InputError, match="refused to saved files"):
        made.html()


def test_tiles_open_the_policy_for_their_server_only():
    parts = Parts(Map(tiles="OpenTopoMap", background=False).html())
    assert "img-src data: blob: https://*.tile.opentopomap.org;" in parts.policy


def test_a_plugin_that_does_not_ship_is_refused_by_name():
    made = Map(background=False)
    folium.plugins.Draw().add_to(made)
    with pytest.raises(InputError, match="leaflet.draw"):
        made.html()


def test_folium_plugins_that_ship_work_without_links():
    made = Map(background=False)
    cluster = folium.plugins.MarkerCluster().add_to(made)
    folium.Marker((30, 70), icon=folium.Icon(prefix="fa", icon="train")).add_to(cluster)
    line = folium.PolyLine([(30, 70), (31, 71)]).add_to(made)
    folium.plugins.PolyLineTextPath(line, "x").add_to(made)
    parts = Parts(made.html())
    assert parts.links == []
    text = made.html()
    assert "font/woff2" in text
    assert "jQuery v3.7.1" not in text


def test_libraries_come_only_when_used():
    plain = Map(background=False).html()
    assert "jQuery" not in plain
    assert "Font Awesome" not in plain
    assert "MarkerCluster" not in plain
    assert len(plain.encode()) < 340_000


def test_the_relief_is_that_of_the_grid():
    """Compare its shadows with slopes by the package's own elevations, pixel by pixel."""
    data = libraries.inline_asset("relief.webp").split(",", 1)[1]
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("L"), float)
    high, wide = picture.shape
    west, south, east, north = RELIEF
    y = [np.log(np.tan(np.pi / 4 + np.radians(lat) / 2)) for lat in (north, south)]
    rows, columns = (v.ravel() for v in np.mgrid[60 : high - 40 : 7, 60 : wide - 60 : 7])
    lon = west + (columns + 0.5) * (east - west) / wide
    at = y[0] + (rows + 0.5) * (y[1] - y[0]) / high
    lat = np.degrees(2 * np.arctan(np.exp(at)) - np.pi / 2)

    def metres(dx, dy):
        return elevation_m(gpd.GeoSeries.from_xy(lon + dx, lat + dy, crs=4326)).to_numpy()

    step = 0.02  # degrees, about a pixel to either side
    across = (metres(step, 0) - metres(-step, 0)) / (2 * step * 111_320 * np.cos(np.radians(lat)))
    along = (metres(0, step) - metres(0, -step)) / (2 * step * 111_320)
    # Slopes that fall towards the south-east are in shadow, those that rise in light.
    away = -across + along
    known = np.isfinite(away)
    shadow = 255 - picture[rows, columns]
    steep, lit = known & (away > 0.06), known & (away < -0.06)
    assert min(steep.sum(), lit.sum()) > 150
    assert np.median(shadow[steep]) > 30
    assert np.median(shadow[lit]) < 6
    sea = (lat < 24.9) & (lon < 66)
    assert sea.sum() > 50
    assert shadow[sea].max() < 4
    assert np.corrcoef(away[known], shadow[known])[0, 1] > 0.6


def test_a_picture_is_in_a_page_once_and_remarks_not_at_all():
    page = Map().add(Point(67, 25)).html()
    pictures = re.findall(r"data:image/[^)\"']{100,}", page)
    assert len(pictures) >= 5
    assert len(pictures) == len(set(pictures))
    assert "var(--leaflet-search-0) no-repeat" in page
    own = page[page.index("const cpecgeo=(") :]
    assert [line for line in own.splitlines() if re.match(r"\s*//", line)] == []
    assert "cpecgeo.distanceKm" in page
    assert "cpecgeo.distanceKm" not in Map(controls=["zoom"]).html()


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("${alert(1)}", r"$\x7balert(1)}"),
        ("`+alert(1)+`", r"\`+alert(1)+\`"),
        ("\\", r"\\"),
        ("\\${x}", r"\\$\x7bx}"),
        ("{{ 7 * 7 }}", r"\x7b\x7b 7 * 7 }}"),
        ("{% raw %}", r"\x7b% raw %}"),
    ],
)
def test_template_literals_keep_texts_inside(text, inside):
    assert _literal(text) == inside


def test_template_code_in_texts_is_not_run():
    made = Map(title="{{ 7 * 7 }}", subtitle="{% raw %}", background=False)
    folium.Marker((25, 67), tooltip="{{ 6 * 7 }}{% raw %}", popup="{{ 6 * 7 }}{% raw %}").add_to(
        made
    )
    made.add(Point(67, 25), name="{{ 6 * 7 }}", group="{% raw %}")
    text = made.html()
    heading = re.search(r'<header class="cpec-head">.*?</header>', text).group()
    assert "49" not in heading
    assert "42" not in text.split("var map_0")[-1]


def test_folium_names_stay_texts_whatever_they_contain():
    pages = []
    for name in ("plain", "{% raw %} {{ 7 * 7 }} </script><script>bad()</script> ' \" \u2028"):
        made = Map(background=False)
        folium.FeatureGroup(name=name).add_to(made)
        page = Parts(made.html())
        (said,) = re.findall(r'adopt\(map_0, \w+, ("(?:[^"\\]|\\.)*")\);', page.scripts[-1][1])
        assert json.loads(said) == name
        assert not set(said) & set("<>&\u2028")
        pages.append(page)
    assert len(pages[0].scripts) == len(pages[1].scripts)


def test_folium_texts_with_template_code_are_refused_not_run():
    made = Map(background=False)
    folium.Marker([30, 67], icon=folium.DivIcon(html="{% raw %}")).add_to(made)
    with pytest.raises(InputError, match="template code"):
        made.html()


def test_unknown_controls_and_backgrounds_name_what_there_is():
    with pytest.raises(UnknownNameError, match="legend"):
        Map(controls=["legends"])
    with pytest.raises(UnknownNameError, match="countries"):
        Map(background=["country"])


def test_notebook_shows_a_frame_with_the_whole_page(points):
    made = Map(title='"quoted"').add(points)
    frame = made._repr_html_()
    assert frame.startswith('<iframe title="&quot;quoted&quot;" srcdoc="&lt;!DOCTYPE html&gt;')
    assert "http" not in re.sub(r'srcdoc="[^"]*"', "", frame)


def test_vendored_files_are_those_of_the_record():
    folder = ROOT / "cpecgeo" / "maps" / "assets" / "vendor"
    record = json.loads((folder / "vendor.json").read_text())
    there = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()} - {"vendor.json"}
    named = set()
    for package, entry in record.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", entry["version"]), package
        assert re.fullmatch(r"[0-9a-f]{64}", entry["archive_sha256"])
        assert (folder / entry["folder"] / entry["licence_file"]).stat().st_size > 300
        assert entry["licence"]
        for name, digest in entry["files"].items():
            path = folder / entry["folder"] / name
            named.add(str(path.relative_to(folder)))
            assert hashlib.sha256(path.read_bytes()).hexdigest() == digest, name
    assert there == named


def test_what_is_wanted_is_what_is_recorded():
    wanted = json.loads((ROOT / "tools" / "assets" / "wanted.json").read_text())
    record = {name: one["version"] for name, one in libraries.read_libraries().items()}
    assert {name: entry["version"] for name, entry in wanted.items()} == record


def test_no_vendored_script_compiles_text_to_code():
    for library in libraries.read_libraries().values():
        for name in library["stands_for"]:
            if name.endswith(".js"):
                text = libraries.find_library(f"https://any.example/{name}")
                assert not re.search(r"\bnew Function\(|\beval\(", text), name


def test_a_missing_asset_says_install_again():
    with pytest.raises(DataError, match="install cpecgeo again"):
        libraries.read_asset("nothing.js")


def test_own_scripts_set_no_text_as_markup():
    """Only fixed drawings and markup of escaped texts may be parsed."""
    folder = ROOT / "cpecgeo" / "maps" / "assets"
    found = []
    for path in folder.glob("*.js"):
        for line in path.read_text().splitlines():
            if re.search(r"innerHTML|insertAdjacentHTML|document\.write|outerHTML", line):
                found.append((path.name, line.strip()))
    assert sorted(name for name, _ in found) == ["controls.js", "layers.js", "legend.js"]
    assert all("SHAPES" in line or "<svg" in line or "el(" in line for _, line in found)


def test_the_shell_takes_tiles_and_ground(tmp_path):
    from click.testing import CliRunner

    from cpecgeo.cli import app

    def page(*options):
        path = tmp_path / "map.html"
        run = CliRunner().invoke(app, ["map", "ml2", *options, "-o", str(path)])
        assert run.exit_code == 0, run.output
        return path.read_text()

    tiled = page("--tiles", "Esri.WorldImagery", "--tiles", "OpenTopoMap", "--background", "rivers")
    assert "https://*.tile.opentopomap.org https://server.arcgisonline.com" in tiled
    assert '"Rivers"' in tiled
    assert '"countries":{' not in tiled
    assert '"Rivers"' not in page("--background", "none")
    run = CliRunner().invoke(app, ["map", "ml2", "--background", "countrys", "-o", "x.html"])
    assert run.exit_code != 0


@pytest.mark.parametrize(
    ("script", "want"),
    [
        ("a = b // one, two {\nc()", "a=b\nc()"),
        ("a = \"// no remark\" + '/* none */';", "a=\"// no remark\" + '/* none */';"),
        ("if (x) {\n  y();\n}\nz();", "if(x){y();}\nz();"),
        ("return /[\"' /]  x/g.test( y )", "return /[\"' /]  x/g.test(y)"),
        ("x = a / b / c; y = 'd  /  e'", "x=a / b / c;y='d  /  e'"),
        ("x = a + +b - -c", "x=a + +b - -c"),
        ("a++\n++b", "a++\n++b"),
        ("const f = function () {}\n(1 + 2)", "const f=function(){}\n(1 + 2)"),
        ("f`a  ${ b }  c`", "f`a  ${ b }  c`"),
        ("list\n  .map((x) => x)\n  .join( ', ' )", "list.map((x)=>x).join(', ')"),
    ],
)
def test_scripts_are_tightened_and_say_the_same(script, want):
    # In the last but two, a line that begins with a bracket would continue the one before.
    assert libraries.tighten(script, "js") == want


def test_every_script_of_the_page_is_still_one(chromium):
    """Only comments and spaces are left out, and chromium can read the rest."""
    page = chromium.new_page()
    for name in OWN_SCRIPTS:
        whole, tight = libraries.read_asset(name), libraries.read_code(name)
        assert len(tight) < 0.95 * len(whole), name
        bare = re.sub(r"(^|[;,{(]\s+)//[^\n]*", r"\1", whole, flags=re.MULTILINE)
        bare = re.sub(r"^\s*//[^\n]*|/\* [^*]* \*/", "", bare, flags=re.MULTILINE)
        assert "".join(tight.split()) == "".join(bare.split()), name
        page.evaluate("text => { new Function(text); }", tight)
    page.close()


def test_scripts_that_a_plugin_puts_into_the_head_are_in_the_policy():
    m = Map(background=False)
    text = "window.mine = 1;"
    m.get_root().header.add_child(Element(f"<script>{text}</script>"))
    parts = Parts(m.html())
    assert ["text/javascript", text] in parts.scripts
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in parts.policy


@pytest.mark.parametrize(("asked", "zoom"), [(None, 10), (6, 6), (0, 0)])
def test_a_map_opens_where_and_as_near_as_it_is_told(asked, zoom):
    page = Map(location=[30, 70], zoom_start=asked, background=False).html()
    data = next(t for t in re.findall(r"<script[^>]*json[^>]*>(.*?)</script>", page, re.DOTALL))
    assert json.loads(data)["start"] == [[30, 70], zoom]

"""Figures for paper: what they show, in which format, and the same bytes each time."""

import dataclasses
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import geopandas as gpd
import matplotlib as mpl
import numpy as np
import pytest
import shapely
from matplotlib.colors import to_hex, to_rgb, to_rgba
from matplotlib.font_manager import FontEntry, fontManager
from matplotlib.patheffects import Normal
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from shapely.geometry import LineString, Point

import cpecgeo
from cpecgeo.errors import (
    FileError,
    InputError,
    InputTypeError,
    MissingExtraError,
    UnknownNameError,
)
from cpecgeo.features.places import rank_stops
from cpecgeo.maps import draw_overview, draw_profile, draw_strip, overview, save_figure
from cpecgeo.maps.background import read_ground
from cpecgeo.maps.figures import render_strip
from cpecgeo.maps.sheet import _FONTS, render_figure
from cpecgeo.maps.words import find_words

STYLES = [
    "dark_background", "Solarize_Light2", "grayscale", "fivethirtyeight", {"axes.facecolor": "none"}
]  # fmt: skip
ROOT = Path(__file__).resolve().parents[2]
HOSTILE = r"$\input{/etc/passwd}$ <script>alert(1)</script> $x$ %n \\ & ü"


@pytest.fixture(scope="module")
def one():
    return draw_strip("taxila-havelian")


def words(axes):
    return [text.get_text() for text in axes.texts]


@pytest.mark.parametrize(
    ("suffix", "start"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")]
)
@pytest.mark.parametrize(
    "draw", [lambda: draw_strip("taxila-havelian"), lambda: draw_profile("khyber-railway")]
)
def test_each_format_and_the_same_bytes(tmp_path, suffix, start, draw):
    first = save_figure(draw(), tmp_path / f"a{suffix}", dpi=60).read_bytes()
    again = save_figure(draw(), tmp_path / f"b{suffix}", dpi=60).read_bytes()
    assert first.startswith(start)
    assert first == again
    assert str(tmp_path).encode() not in first


def test_the_same_bytes_in_another_process(tmp_path):
    code = (
        "import hashlib; from cpecgeo.maps import draw_profile;"
        "from cpecgeo.maps.sheet import render_figure;"
        "f = draw_profile('khyber-railway');"
        "print([hashlib.sha256(render_figure(f, k, dpi=50)).hexdigest() for k in ('svg', 'pdf')])"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True, text=True, check=True, cwd=ROOT,
            env={"PYTHONHASHSEED": seed, "PATH": "/usr/bin", "MPLCONFIGDIR": str(tmp_path)},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(digests) == 1


def test_another_suffix_and_a_missing_folder_are_refused(tmp_path, one):
    with pytest.raises(InputError, match=r"\.png, \.svg or \.pdf"):
        save_figure(one, tmp_path / "a.jpg")
    with pytest.raises(FileError, match="folder that exists"):
        save_figure(one, tmp_path / "no" / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib_the_message_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"cpecgeo\[plot\]"):
        draw_profile("khyber-railway")


def test_unknown_corridors_are_refused():
    with pytest.raises(UnknownNameError):
        draw_strip("ml9000")


def test_strip_shows_stops_districts_and_ground_along_the_chainage(one):
    thing = cpecgeo.corridor("taxila-havelian")
    said = " ".join(word for axes in one.axes for word in words(axes))
    for name in (thing.stops["name"].iloc[0], thing.stops["name"].iloc[-1]):
        assert name in said
    crossed = thing.crossed("districts")
    longest = crossed.loc[crossed["length_km"].idxmax(), "name"]
    assert longest in said
    ground = one.axes[-1]
    (line,) = [item for item in ground.lines if len(item.get_xdata()) > 10]
    want = thing.profile(1.0)
    assert np.allclose(line.get_xdata(), want["km"])
    assert np.allclose(line.get_ydata(), want["elevation_m"])
    assert len({axes.get_xlim() for axes in one.axes}) == 1, "all strips have one scale of km"


def test_names_of_districts_stay_in_their_band():
    strip = draw_strip("ml1", every_km=50)
    strip.canvas.draw()
    band = next(axes for axes in strip.axes if axes.get_ylabel() == "Districts")
    box = band.get_window_extent()
    assert "Shaheed\nBenazirabad" in words(band)
    for text in band.texts:
        around = text.get_window_extent()
        assert box.y0 <= around.y0 < around.y1 <= box.y1, text.get_text()


def test_names_of_provinces_are_not_struck_through(whole):
    axes = whole.axes[0]
    whole.draw_without_rendering()
    lines = shapely.union_all([cpecgeo.corridor(n).line for n in cpecgeo.corridors().index])
    turned = axes.transData.inverted()
    provinces = {"Punjab", "Sindh", "Balochistan", "Gilgit-Baltistan"}
    seen = [text for text in axes.texts if text.get_text() in provinces]
    assert len(seen) == 4
    for text in seen:
        box = shapely.box(*turned.transform(text.get_window_extent().get_points()).ravel())
        assert not lines.intersects(box), text.get_text()


def test_stops_told_apart_by_remarks_alone_are_named_once():
    """Two places on the Karakoram Highway are called Jaglot."""
    stops = [name.partition(" (")[0] for name in cpecgeo.corridor("kkh").stops["name"]]
    assert stops.count("Jaglot") == 2
    said = [text.rsplit("  ", 1)[0] for text in words(draw_strip("kkh", every_km=20).axes[0])]
    assert said.count("Jaglot") == 1
    assert len(said) == len(set(said))


def test_a_name_stands_upright_over_the_mark_of_its_stop():
    axes = draw_strip("ml1", every_km=50).axes[0]
    km = cpecgeo.corridor("ml1").stops["km"].to_numpy(float)
    lines = [line.get_xydata() for line in axes.lines]
    leaders = {
        (float(xy[1, 0]), float(xy[0, 0])) for xy in lines if xy[:, 1].tolist() == [0.15, 0.2]
    }
    assert len(leaders) == len(axes.texts)
    for text in axes.texts:
        x, y = text.get_position()
        assert (text.get_rotation(), y, text.get_va()) == (90, 0.21, "bottom")
        (own,) = (stop for end, stop in leaders if end == x)
        assert text.get_text().endswith(f"  {own:,.0f}"), "the leader begins at the stop's own km"
        assert np.isclose(km, own).any()
    # Only names that would cross the sheet's edge are to the left of their leader.
    width = 0.18 * 1732 / 11
    beyond = [
        t.get_ha() for t in axes.texts if t.get_position()[0] + width / 2 > axes.get_xlim()[1]
    ]
    assert beyond == ["right"]
    assert [t.get_ha() for t in axes.texts].count("right") == 1


def test_names_of_stops_are_without_remarks():
    said = words(draw_strip("kkh", every_km=20).axes[0])
    assert any(text.startswith("Oytagh ") for text in said)
    assert [text for text in said if "(" in text or "…" in text] == []


def test_ticks_write_numbers_as_the_names_do():
    axes = draw_strip("kkh", every_km=5).axes[-1]
    for axis in (axes.xaxis, axes.yaxis):
        ticks = [text.get_text() for text in axis.get_ticklabels()]
        assert any("," in text for text in ticks)
        assert all("," in text for text in ticks if len(text) > 3)


def test_profile_is_that_of_the_corridor():
    axes = draw_profile("khyber-railway", every_km=2).axes[0]
    want = cpecgeo.corridor("khyber-railway").profile(2)
    assert np.allclose(axes.lines[0].get_xdata(), want["km"])
    assert np.allclose(axes.lines[0].get_ydata(), want["elevation_m"])
    assert "km" in axes.get_xlabel()
    assert "m above sea" in axes.get_ylabel()


@pytest.fixture(scope="module")
def whole():
    return draw_overview()


def test_overview_draws_all_corridors_names_and_disputed_boundaries(whole, tmp_path):
    axes = whole.axes[0]
    said = words(axes)
    assert {"Karachi", "Lahore", "Quetta", "Gwadar", "Islamabad"} <= set(said)
    key = [text.get_text() for text in axes.get_legend().get_texts()]
    assert {"Road", "Railway", "Mining corridor", "Planned", "Disputed boundary"} <= set(key)
    assert {"AFGHANISTAN", "INDIA", "IRAN", "Arabian Sea"} <= set(said)
    note = whole.get_supxlabel()
    assert "disputed" in note
    west, south, east, north = cpecgeo.corridor("kkh").line.bounds
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    assert left < west < east < right
    assert bottom < south < north < top
    text = save_figure(whole, tmp_path / "o.svg").read_text()
    assert not re.findall(r'(?:href|src)="(?!#)', text)


def test_names_of_the_overview_do_not_touch(whole):
    axes = whole.axes[0]
    whole.draw_without_rendering()
    boxes = [(t.get_text(), t.get_window_extent()) for t in axes.texts if t.get_text()]
    touching = [
        (a, b) for i, (a, x) in enumerate(boxes) for b, y in boxes[i + 1 :] if x.overlaps(y)
    ]
    assert touching == []


def test_names_of_the_overview_are_set_off_from_the_lines(whole):
    axes = whole.axes[0]
    whole.draw_without_rendering()
    frame, legend = axes.get_window_extent(), axes.get_legend().get_window_extent()
    # Drawing again may round by half a pixel.
    boxes = [text.get_window_extent().padded(1.0) for text in axes.texts]
    for text, box in zip(axes.texts, boxes, strict=True):
        halo, letters = text.get_path_effects()
        assert halo._gc == {"linewidth": 2.2, "foreground": "#fffdf9"}
        assert isinstance(letters, Normal)
        assert frame.x0 <= box.x0 < box.x1 <= frame.x1
        assert frame.y0 <= box.y0 < box.y1 <= frame.y1
        assert not box.overlaps(legend)
    assert not [a for i, a in enumerate(boxes) if any(a.overlaps(b) for b in boxes[i + 1 :])]
    assert len(boxes) > 30


def test_corners_in_pixels_are_turned_to_degrees(whole):
    axes = whole.axes[0]
    corners = axes.transData.transform([(62.0, 25.0), (71.5, 34.0)])
    assert overview._to_degrees(axes, Bbox(corners)) == pytest.approx([62.0, 25.0, 71.5, 34.0])


def test_titles_begin_where_their_language_does(tmp_path):
    strip = draw_strip("taxila-havelian", every_km=5, lang="ur")
    assert (strip._suptitle.get_ha(), strip._suptitle.get_position()[0]) == ("right", 0.99)
    profile = draw_profile("taxila-havelian", every_km=5, lang="ur").axes[0]
    assert profile.get_title(loc="right") == find_words("ur").name("Taxila–Havelian branch")
    assert draw_strip("taxila-havelian", every_km=5)._suptitle.get_ha() == "left"
    # A viewer of SVG would set these letters from left to right: they are outlines.
    written = save_figure(strip, tmp_path / "ur.svg").read_text()
    assert "<text" not in written
    assert "<text" in save_figure(draw_profile("khyber-railway"), tmp_path / "en.svg").read_text()


def test_a_strip_that_is_laid_out_once_is_the_same_picture():
    line = cpecgeo.corridor("taxila-havelian")
    zones = line.crossed("districts")
    twice = render_figure(draw_strip(line, every_km=5, districts=zones), "svg")
    once = render_strip(line, 5, zones, "en")
    names = [re.sub(rb"#p[0-9a-f]+|id=\"p[0-9a-f]+\"", b"", made) for made in (twice, once)]
    assert names[0] == names[1]
    assert once == render_strip(line, 5, zones, "en")


@pytest.fixture(autouse=True)
def _letters(request):
    """Skip figures in Chinese on a machine without a Chinese font, which nothing brings along."""
    params = getattr(request.node, "callspec", None)
    if params is None or params.params.get("lang") != "zh":
        return
    if not {face.name for face in fontManager.ttflist} & set(_FONTS["zh"]):
        pytest.skip("no Chinese font; on Debian install the package fonts-wqy-zenhei")


@pytest.mark.parametrize("lang", ["en", "ur", "zh"])
@pytest.mark.parametrize("size", [(5.0, 4.0), (14.0, 8.0), (11.0, 5.2)])
def test_districts_on_a_strip_lie_in_their_bands(lang, size):
    strip = draw_strip("ml1", every_km=50, size=size, lang=lang)
    strip.draw_without_rendering()
    bands = strip.axes[1]
    frame = bands.get_window_extent()
    boxes = [text.get_window_extent() for text in bands.texts]
    assert len(boxes) >= 4
    for box in boxes:
        assert frame.y0 - 1 <= box.y0
        assert box.y1 <= frame.y1 + 1
    for one, other in pairwise(sorted(boxes, key=lambda box: box.x0)):
        assert one.x1 <= other.x0 + 1


@pytest.mark.parametrize("lang", ["en", "ur", "zh"])
@pytest.mark.parametrize("size", [(5.0, 4.0), (14.0, 8.0), (4.0, 4.0), (4.0, 8.0), (6.5, 6.5)])
def test_the_key_of_an_overview_hides_no_line(lang, size):
    made = draw_overview(lang=lang, size=size)
    made.draw_without_rendering()
    axes = made.axes[0]
    key, ground = axes.get_legend().get_window_extent(), axes.get_window_extent()
    if size[0] > 1.15 * size[1]:
        assert key.x0 >= ground.x1
    else:
        under = [t.get_window_extent().y0 for t in axes.get_xticklabels() if t.get_text()]
        assert key.y1 <= min(under)
        assert key.y0 >= made._supxlabel.get_window_extent().y1
    assert made.bbox.x0 <= key.x0 < key.x1 <= made.bbox.x1
    for one in (axes.title, axes._left_title, axes._right_title):
        box = one.get_window_extent()
        assert not one.get_text() or made.bbox.x0 <= box.x0 < box.x1 <= made.bbox.x1
    ticks = [t.get_window_extent() for t in axes.get_xticklabels() if t.get_text()]
    inside = [box for box in ticks if ground.x0 <= box.x0 and box.x1 <= ground.x1]
    assert all(a.x1 < b.x0 for a, b in pairwise(inside))


def test_a_figure_draws_itself_in_a_notebook():
    figure = draw_profile("khyber-railway", every_km=10)
    picture = figure._repr_png_()
    assert picture.startswith(b"\x89PNG")
    assert int.from_bytes(picture[16:20], "big") == round(figure.get_figwidth() * 100)
    assert repr(figure).startswith("<Figure size")


def test_ground_has_all_its_parts():
    assert all(not shape.is_empty for shape in read_ground().values())


def test_titles_are_text_and_not_mathematics(tmp_path):
    thing = dataclasses.replace(cpecgeo.corridor("khyber-railway"), title=HOSTILE)
    text = save_figure(draw_profile(thing), tmp_path / "t.svg").read_text()
    assert "<script>" not in text
    assert "passwd" in text


@pytest.mark.parametrize("lang", ["en", "ur", "zh"])
@pytest.mark.parametrize("name", [HOSTILE, "\u2028\u202e\u2066 _^{ $", "x" * 10_000, "a\x00b"])
def test_names_of_stops_are_text_on_a_strip(tmp_path, name, lang):
    line = LineString([(67.0, 25.0), (67.6, 25.3), (68.0, 25.1)])
    stops = gpd.GeoDataFrame(
        {"name": [name, "B", f"{name} 2"]}, geometry=[Point(p) for p in line.coords], crs=4326
    )
    thing = cpecgeo.Corridor.from_line(line, name="own", title=name, stops=stops)
    strip = draw_strip(thing, lang=lang)
    text = save_figure(strip, tmp_path / "t.svg").read_text()
    assert "<script>" not in text
    for axes in strip.axes:
        for one in [*axes.texts, axes.title]:
            box = one.get_window_extent()
            assert box.x0 >= -1
            assert box.x1 <= strip.bbox.x1 + 1


@pytest.mark.parametrize("size", [(11.0, 5.2), (7.0, 5.0)])
def test_the_strip_of_the_main_line_names_its_cities_and_cuts_nothing(size):
    strip = draw_strip("ml1", every_km=50, size=size)
    strip.draw_without_rendering()
    line = strip.axes[0]
    said = [text.get_text().rsplit("  ", 1) for text in line.texts]
    names = {name for name, _ in said}
    # The main stations of roles.csv, and one for each of the large towns.
    assert {"Karachi City", "Lahore Junction", "Peshawar Cantonment"} <= names
    assert {"Kiamari", "Rawalpindi", "Hyderabad Junction", "Multan Cantt"} <= names
    stops = cpecgeo.corridor("ml1").stops.set_index("name")["km"]
    stops.index = stops.index.str.replace(r" \(.*\)", "", regex=True)
    assert all(f"{stops[name]:,.0f}" == km for name, km in said), "each with its own km"
    sheet = strip.bbox
    for axes in strip.axes:
        for text in [*axes.texts, axes.title, axes.xaxis.label, axes.yaxis.label]:
            box = text.get_window_extent()
            across = sheet.x0 <= box.x0 <= box.x1 <= sheet.x1
            assert not text.get_text() or (across and sheet.y0 <= box.y0 <= box.y1 <= sheet.y1), (
                text
            )
    boxes = sorted((t.get_window_extent() for t in line.texts), key=lambda b: b.x0)
    assert all(a.x1 <= b.x0 + 1 for a, b in pairwise(boxes)), "names stand beside each other"


@pytest.mark.parametrize("lang", ["en", "ur", "zh"])
@pytest.mark.parametrize("size", [(4.0, 4.0), (16.0, 9.0)])
def test_on_small_sheets_no_text_of_a_strip_or_profile_is_cut(lang, size):
    """Chinese isn't folded by matplotlib, and the last two names lay on each other."""
    made = [
        draw_strip("western", every_km=50, size=size, lang=lang),
        draw_profile("western", every_km=50, size=(size[0], size[1] / 2), lang=lang),
    ]
    for figure in made:
        figure.draw_without_rendering()
        sheet = figure.bbox
        # There are labels beyond the ends of an axis, too, which aren't drawn.
        ticks = [
            t for axes in figure.axes for t in [*axes.get_xticklabels(), *axes.get_yticklabels()]
        ]
        for text in set(figure.findobj(Text)) - set(ticks):
            box = text.get_window_extent()
            if text.get_text() and text.get_visible():
                assert sheet.x0 - 1 <= box.x0, text
                assert box.x1 <= sheet.x1 + 1, text
    boxes = sorted((t.get_window_extent() for t in made[0].axes[0].texts), key=lambda b: b.x0)
    assert len(boxes) > 9
    assert all(a.x1 <= b.x0 + 1 for a, b in pairwise(boxes)), "names stand beside each other"


def test_a_town_is_not_taken_for_another_of_its_name():
    """Muzaffarabad on the main line is a village near Multan, not the capital of the AJK."""
    stops = cpecgeo.corridor("ml1").stops
    rank = dict(zip(stops["name"], rank_stops(stops), strict=True))
    assert rank["Muzaffarabad"] >= 20
    assert rank["Lahore Junction"] == 0
    assert rank["Rawalpindi"] < rank["Gujrat"] < 20


@pytest.mark.parametrize("draw", [draw_profile, draw_strip])
def test_figures_speak_urdu_and_take_size_and_style(draw):
    say = find_words("ur")
    figure = draw(
        "taxila-havelian", every_km=5, lang="ur", size=(7, 4), style={"axes.facecolor": "#eeeeff"}
    )
    assert tuple(figure.get_size_inches()) == (7, 4)
    ground = figure.axes[-1]
    assert ground.get_xlabel() == say("Chainage, km") != "Chainage, km"
    assert to_hex(ground.get_facecolor()) == "#eeeeff"
    assert mpl.rcParams["axes.facecolor"] == "white", "put back"


def contrast(color, ground):
    """Contrast as WCAG 2 counts it."""

    def light(value):
        parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(value)]
        return np.array(parts) @ np.array([0.2126, 0.7152, 0.0722])

    bright, dim = sorted((light(color), light(ground)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


@pytest.mark.parametrize("style", STYLES)
def test_in_styles_of_matplotlib_all_texts_can_be_read(style):
    """`dark_background` had dark titles, numbers and names on black."""
    made = [
        draw_strip("khyber-railway", every_km=5, style=style),
        draw_profile("khyber-railway", every_km=5, style=style),
        draw_overview(["khyber-railway"], style=style),
    ]
    for figure in made:
        page = figure.get_facecolor()
        outside = [figure._suptitle, figure._supxlabel]
        for axes in figure.axes:
            outside += [axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label]
            outside += [*axes.get_xticklabels(), *axes.get_yticklabels()]
        for text in outside:
            if text is not None and text.get_text():
                assert contrast(text.get_color(), page) >= 4.5, (text.get_text(), text.get_color())
    line, key = made[0].axes[0], made[2].axes[0].get_legend()
    inside = [
        (text, line.get_facecolor()) for text in [*line.texts, *line.get_legend().get_texts()]
    ]
    inside += [(text, key.get_frame().get_facecolor()) for text in key.get_texts()]
    assert len(inside) > 10
    for text, face in inside:
        ground = face if to_rgba(face)[3] else made[0].get_facecolor()
        assert contrast(text.get_color(), ground) >= 4.5, (text.get_text(), text.get_color())


def test_the_overview_in_urdu_names_what_the_data_names(tmp_path):
    figure = draw_overview(["ml1"], lang="ur", style="grayscale")
    places = cpecgeo.layer("places").set_index("name")["name_ur"]
    assert {places["Karachi"], places["Lahore"]} <= set(words(figure.axes[0]))
    key = {text.get_text() for text in figure.axes[0].get_legend().get_texts()}
    assert find_words("ur")("Railway") in key
    assert save_figure(figure, tmp_path / "o.png", dpi=40).stat().st_size > 10_000


@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize(
    ("name", "weights"),
    [("SimHei", (400,)), ("Microsoft YaHei", (500,)), ("PingFang SC", (400, 700))],
)
def test_a_font_is_asked_only_for_weights_that_it_has(monkeypatch, caplog, tmp_path, name, weights):
    # DejaVu replaces a Chinese font, which this machine may not have.
    known = [f for f in fontManager.ttflist if f.name == "DejaVu Sans" and f.style == "normal"]
    path = next(f.fname for f in known if f.weight == 400)
    other = [FontEntry(fname=path, name=name, weight=w, size="scalable") for w in weights]
    monkeypatch.setattr(fontManager, "ttflist", [*known, *other])
    with caplog.at_level("WARNING", logger="matplotlib.font_manager"):
        for draw in (draw_profile, draw_strip):
            save_figure(
                draw("taxila-havelian", every_km=5, lang="zh"), tmp_path / "one.png", dpi=40
            )
        save_figure(draw_overview(["ml1"], lang="zh"), tmp_path / "all.png", dpi=40)
    assert [r.getMessage() for r in caplog.records if "weight" in r.getMessage()] == []


def test_what_figures_refuse(monkeypatch):
    with pytest.raises(UnknownNameError, match="ggplot"):
        draw_profile("khyber-railway", style="ggplt")
    with pytest.raises(UnknownNameError):
        draw_profile("khyber-railway", style="https://example.org/a.mplstyle")
    with pytest.raises(InputError, match="fnt"):
        draw_profile("khyber-railway", style={"fnt.size": 3})
    with pytest.raises(InputTypeError, match="int"):
        draw_profile("khyber-railway", style=7)
    for draw, size, rule in (
        (draw_strip, (3.9, 5), "4 to 60 inches wide and 4 to 60 high"),
        (draw_overview, (8, 3), "4 to 60 high"),
        (draw_profile, (4, 1.9), "2 to 60 high"),
        (draw_profile, (61, 3), "4 to 60 inches wide"),
    ):
        with pytest.raises(InputError, match=rule):
            draw(*(() if draw is draw_overview else ("khyber-railway",)), size=size)
    with pytest.raises(InputTypeError, match="inches"):
        draw_strip("khyber-railway", size=5)
    monkeypatch.setattr("matplotlib.font_manager.fontManager.ttflist", [])
    with pytest.raises(MissingExtraError, match="Noto Sans CJK"):
        draw_profile("khyber-railway", lang="zh")

"""The commands give the library's answers; files, exit codes and errors for scripts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from click.testing import CliRunner

import cpecgeo as cg
from cpecgeo.cli import app
from cpecgeo.cli.screen import show
from cpecgeo.errors import FileError, GeometryError, InputError, UnknownNameError
from cpecgeo.files.reading import read
from cpecgeo.maps import cpec_map

RUN = CliRunner()


def said(*arguments):
    """What a command prints; its error is raised here."""
    run = RUN.invoke(app, list(arguments), catch_exceptions=False)
    assert run.exit_code == 0, run.output
    return run.stdout


def as_json(*arguments):
    return json.loads(said(*arguments, "--json"))


@pytest.fixture
def sites(tmp_path):
    path = tmp_path / "sites.csv"
    path.write_text(
        "name,lat,lon,note\nLahore,31.55,74.34,=1+1\nQuetta,30.2,67.0,\nNowhere,,,\n",
        encoding="utf-8",
    )
    return path


def test_near_is_nearest(sites, tmp_path):
    out = tmp_path / "near.geojson"
    assert said("near", str(sites), "--to", "ml1,ml3", "-o", str(out)).strip() == str(out)
    found = gpd.read_file(out).set_index("name")
    points = gpd.GeoSeries.from_xy([74.34, 67.0], [31.55, 30.2], crs=4326)
    expected = cg.nearest(points, ["ml1", "ml3"])
    assert found["distance_km"].iloc[:2].tolist() == pytest.approx(expected["distance_km"].tolist())
    assert found["target"].tolist()[:2] == ["ml1", "ml3"]
    # A row without a position is kept, without an answer.
    assert found.loc["Nowhere", "geometry"] is None
    assert pd.isna(found.loc["Nowhere", "distance_km"])


def test_a_file_of_lines_is_one_corridor_with_chainage_and_side(sites, tmp_path):
    """An exported corridor: sections in order, with chainage that continues from one to the next."""
    file = tmp_path / "mine.geojson"
    said("export", "ml1", "-o", str(file))
    rows = as_json("near", str(sites), "--to", str(file))
    line = cg.Corridor.from_line(file, name="mine")
    towns = gpd.GeoSeries.from_xy([74.34, 67.0], [31.55, 30.2], crs=4326)
    along = cg.locate(towns, line)
    # Under the names that the sections have in the file, as `length` lists them.
    named = line.sections.set_index("name")
    at = [named.loc[row["target"]] for row in rows[:2]]
    assert [of["km_from"] <= row["km"] <= of["km_to"] for of, row in zip(at, rows, strict=False)]
    measured = {row["name"] for row in as_json("length", str(file))}
    assert measured == {*named.index}
    assert [row["km"] for row in rows[:2]] == pytest.approx(along["km"].tolist())
    assert [row["side"] for row in rows[:2]] == along["side"].tolist()
    # Lahore is in the third section.
    assert rows[0]["km"] > line.sections["km_from"].iloc[2]
    # The same for commands that take a corridor.
    (lahore, *_) = as_json("locate", str(file), str(sites))
    assert lahore["km"] == rows[0]["km"]
    again = tmp_path / "again.gpkg"
    said("export", f"corridor:{file}", "--part", "all", "-o", str(again))
    assert cg.Corridor.from_line(again, name="x").end_km == pytest.approx(line.end_km)
    said("export", f"corridor:{file}", "--part", "line", "-o", str(tmp_path / "line.csv"))


def test_a_file_without_rows_is_told(tmp_path):
    (tmp_path / "a.csv").write_text("name,lon,lat\n")
    run = process("near", str(tmp_path / "a.csv"), "--to", "ml1")
    assert run.returncode == 0
    assert b"a.csv has no rows." in run.stderr


def test_near_within_leaves_out_what_is_farther(sites, tmp_path):
    out = tmp_path / "near.geojson"
    run = process("near", str(sites), "--to", "ml1,eastern", "--within", "25", "-o", str(out))
    assert run.returncode == 0
    # It says which columns it took.
    assert b"lon, lat" in run.stderr
    found = gpd.read_file(out)
    assert found["name"].tolist() == ["Lahore"]
    assert found["distance_km"].max() <= 25


@pytest.mark.parametrize("suffix", ["geojson", "gpkg", "parquet", "csv", "kml", "gpx"])
def test_every_format_goes_out_and_comes_in_again(suffix, sites, tmp_path):
    out = tmp_path / f"near.{suffix}"
    full = tmp_path / "full.csv"
    full.write_text("".join(sites.read_text().splitlines(keepends=True)[:3]))
    said("near", str(full), "--to", "ml1", "-o", str(out))
    points = gpd.GeoSeries.from_xy([74.34, 67.0], [31.55, 30.2], crs=4326)
    expected = cg.nearest(points, "kkh")
    rows = as_json("near", str(out), "--to", "kkh")
    # The earlier answer keeps its names.
    assert [r["target_near"] for r in rows] == ["kkh", "kkh"]
    assert [r["distance_km_near"] for r in rows] == pytest.approx(
        expected["distance_km"].tolist(), abs=1e-4
    )
    screen = said("near", str(out), "--to", "kkh")
    assert "kkh" in screen
    assert "ml1" not in screen


def test_columns_of_any_name(tmp_path):
    path = tmp_path / "v.csv"
    path.write_text("[bold]x,Village Name,lat,lon\n1,Shahdara,31.62,74.28\n", encoding="utf-8")
    screen = said("near", str(path), "--to", "ml1")
    # The first column of text is shown beside an answer, never a column of numbers.
    assert screen.split()[:2] == ["Village", "Name"]
    assert "Shahdara" in screen
    assert "bold" not in screen
    (row,) = as_json("near", str(path), "--to", "ml1")
    assert (row["Village Name"], row["[bold]x"], row["target"]) == ("Shahdara", 1, "ml1")


@pytest.mark.parametrize("k", ["1", "2"])
@pytest.mark.parametrize("names", ["lat,lon", "Latitude,Longitude"])
def test_streamed_near_gives_the_same(sites, tmp_path, names, k):
    whole = tmp_path / "a.csv"
    parts = tmp_path / "b.csv"
    full = tmp_path / "full.csv"
    full.write_text(sites.read_text().replace("lat,lon", names))
    to = ["--to", "ml1,districts,Gwadar Port", "-k", k]
    said("near", str(full), *to, "-o", str(whole))
    said("near", str(full), *to, "--stream", "-o", str(parts))
    a, b = pd.read_csv(whole), pd.read_csv(parts)
    answer = ["target", "distance_km", "near_lon", "near_lat", "km", "side", "accuracy_km"]
    assert list(a) == ["name", *names.split(","), "note", *answer, *(["rank"] if k == "2" else [])]
    a, b = (t.dropna(subset="target").convert_dtypes() for t in (a, b))
    pd.testing.assert_frame_equal(a, b)
    if k == "2":
        assert whole.read_text().splitlines()[1].endswith(",1")


def test_near_and_locate_name_the_closest_place_alike(tmp_path):
    """Whether or not the file has columns named lon and lat."""
    out = tmp_path / "near.csv"
    mines = cg.layer("mines").dropna(subset="geometry")
    for verb, line in (("near", ["mines", "--to", "n40"]), ("locate", ["n40", "mines"])):
        said(verb, *line, "-o", str(out))
        got = pd.read_csv(out).dropna(subset="near_lon").set_index("id")
        want = cg.nearest(mines.set_index("id"), "n40").loc[got.index]
        assert got["near_lon"].tolist() == pytest.approx(want["lon"].tolist())
        assert got["near_lat"].tolist() == pytest.approx(want["lat"].tolist())
        assert got["lon"].tolist() == pytest.approx(mines.set_index("id").geometry[got.index].x)


def test_within_rings_buffer_crossed_exposure(tmp_path):
    rows = as_json("within", "energy", "--of", "ml1", "--km", "10")
    assert [r["name"] for r in rows] == cg.within("energy", "ml1", 10)["name"].tolist()
    rows = as_json("rings", "Gwadar Port", "--km", "5,10")
    assert [r["area_km2"] for r in rows] == pytest.approx(
        cg.rings("Gwadar Port", [5, 10])["area_km2"].tolist()
    )
    out = tmp_path / "b.gpkg"
    said("buffer", "taxila-havelian", "--km", "5", "-o", str(out))
    assert gpd.read_file(out)["area_km2"].iloc[0] == pytest.approx(
        float(cg.geodesy.area_km2(cg.buffer("taxila-havelian", 5)))
    )
    rows = as_json("crossed", "mining", "--zones", "provinces")
    assert [r["share"] for r in rows] == pytest.approx(
        cg.crossed("mining", "provinces")["share"].tolist()
    )
    rows = as_json("exposure", "mining", "--km", "10,50")
    assert [r["population"] for r in rows] == cg.exposure("mining", [10, 50])["population"].tolist()


def test_along_a_corridor(sites):
    (first, *_) = as_json("locate", "ml1", str(sites))
    assert first["km"] == pytest.approx(
        float(cg.corridor("ml1").locate(gpd.points_from_xy([74.34], [31.55])[0])["km"].iloc[0])
    )
    text = said("at", "ml1-chord", "481", "Rohri Junction").splitlines()
    assert text[0].split("\t")[1:] == text[1].split("\t")[1:]
    rows = as_json("density", "ml1", "energy", "--bin-km", "500", "--max-km", "25")
    assert sum(r["events"] for r in rows) == 8
    rows = as_json("profile", "taxila-havelian", "--every-km", "20")
    assert [r["km"] for r in rows] == [0, 20, 40, 56]


def test_ways():
    rows = as_json("route", "Khunjerab", "Gwadar", "--mode", "road")
    way = cg.route("Khunjerab", "Gwadar", mode="road")
    assert [r["km"] for r in rows] == pytest.approx(way.legs["km"].tolist())
    assert {r["way"] for r in as_json("route", "Lahore", "Multan", "-k", "2")} == {1, 2}
    rows = as_json("route", "Khunjerab", "Gwadar", "--along", "western")
    way = cg.route("Khunjerab", "Gwadar", along="western")
    assert [r["km"] for r in rows] == pytest.approx(way.legs["km"].tolist())
    rows = as_json("route", "Lahore", "Multan", "--mode", "road", "--speeds", "motorway=120")
    way = cg.route("Lahore", "Multan", mode="road", speeds={"motorway": 120})
    assert [r["hours"] for r in rows] == pytest.approx(way.legs["hours"].tolist())
    with pytest.raises(InputError, match="motorway=100"):
        said("route", "Lahore", "Multan", "--speeds", "motorway")
    rows = as_json("reach", "Torkham", "--hours", "2", "--mode", "road")
    assert "Peshawar" in {r["name"] for r in rows}
    rows = as_json("matrix", "Lahore", "Multan", "--mode", "road")
    assert rows[0]["Multan"] == pytest.approx(rows[1]["Lahore"])
    assert "raikot-thakot" in {r["section"] for r in as_json("closures")}
    planned = as_json("route", "Gwadar", "Mastung", "--mode", "rail", "--status", "any")
    assert "planned" in {r["status"] for r in planned}


def test_things(tmp_path):
    assert "Main Line 1" in said("show", "ml1")
    assert "crossing" in said("show", "Torkham")
    assert "Abbottabad" in said("show", "districts")
    assert len(as_json("catalog")) == len(cg.catalog())
    assert as_json("length", "ml1,kkh")[1]["official_km"] == 1300
    [section] = as_json("length", "raikot-thakot")
    assert section["drawn_km"] == pytest.approx(cg.length_km("raikot-thakot"))
    [m8] = as_json("length", "m8")
    parts = cg.corridor("m8").sections
    assert list(m8["drawn_km_by_status"]) == list(dict.fromkeys(parts["status"]))
    operating = parts.loc[parts["status"] == "operating", "drawn_km"].sum()
    assert m8["drawn_km_by_status"]["operating"] == pytest.approx(operating)
    assert sum(m8["drawn_km_by_status"].values()) == pytest.approx(m8["drawn_km"], abs=0.1)
    assert f"operating {operating:.1f} km" in said("show", "m8")
    assert "GeoNames" in said("cite", "Reko Diq")
    for part, rows in (("sections", 3), ("line", 1), ("stops", 185)):
        out = tmp_path / f"{part}.gpkg"
        said("export", "ml1", "--part", part, "-o", str(out))
        assert len(gpd.read_file(out, layer=part)) == rows
    out = tmp_path / "t.csv"
    said("export", "figures", "-o", str(out))
    assert len(pd.read_csv(out)) == len(cg.table("figures"))


def test_all_of_a_corridor_in_one_file(tmp_path):
    out, ml1 = tmp_path / "ml1.gpkg", cg.corridor("ml1")
    for _ in range(2):
        said("export", "ml1", "--part", "all", "-o", str(out))
        assert gpd.list_layers(out)["name"].tolist() == ["sections", "stops", "posts"]
    for part, rows in (("sections", ml1.sections), ("stops", ml1.stops), ("posts", ml1.km_posts())):
        assert len(read(out, layer=part)) == len(rows)
    with pytest.raises(InputError, match=r"Only a \.gpkg file"):
        said("export", "ml1", "--part", "all", "-o", str(tmp_path / "ml1.kml"))
    assert [p.name for p in tmp_path.iterdir()] == ["ml1.gpkg"]
    said("export", "ports", "-o", str(out))
    assert gpd.list_layers(out)["name"].tolist() == ["ports"]


@pytest.mark.parametrize("suffix", ["gpkg", "kml", "gpx", "geojson", "csv"])
def test_km_posts_bear_their_names(suffix, tmp_path):
    out = tmp_path / f"posts.{suffix}"
    said("export", "ml1", "--part", "posts", "-o", str(out))
    posts = read(out).rename(columns={"Name": "name"})
    assert posts["name"].tolist()[:3] == ["km 0", "km 10", "km 20"]
    told = [" ".join(map(str, row)) for row in posts.to_numpy()]
    assert all("ml1" in text for text in told)


def test_sources_as_bibtex():
    assert said("cite", "Reko Diq", "--bibtex").strip() == cg.cite("Reko Diq", style="bibtex")
    assert said("cite", "Reko Diq").strip() == cg.cite("Reko Diq")


def test_map_and_report(sites, tmp_path):
    out = tmp_path / "m.html"
    said("map", "taxila-havelian", str(sites), "-o", str(out))
    assert "Quetta" in out.read_text(encoding="utf-8")
    for what in (["taxila-havelian"], [str(sites)]):
        said("map", *what, "--title", "Two <i>sites</i>", "-o", str(out))
        assert "<title>Two &lt;i&gt;sites&lt;/i&gt;" in out.read_text(encoding="utf-8")
    for what in (["taxila-havelian"], [str(sites)]):
        said("map", *what, "--lang", "ur", "-o", str(out))
        assert '<html lang="ur" dir="rtl">' in out.read_text(encoding="utf-8")
    out = tmp_path / "r.json"
    said("report", "taxila-havelian", "-o", str(out))
    assert json.loads(out.read_text(encoding="utf-8"))["glance"]["drawn_km"] == 53.23
    assert said("report", "taxila-havelian").startswith("# Taxila")


def test_convert_and_safe_cells(sites, tmp_path):
    kml = tmp_path / "s.kml"
    said("convert", str(sites), "-o", str(kml))
    assert read(kml).geometry.iloc[0].x == pytest.approx(74.34)
    out = tmp_path / "safe.csv"
    said("near", str(sites), "--to", "ml1", "--safe-cells", "-o", str(out))
    assert pd.read_csv(out)["note"].iloc[0] == "'=1+1"


def process(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "cpecgeo", *arguments],
        capture_output=True,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (("length", "ml11"), 1, "Did you mean"),
        (("show", "Khunjrab"), 1, "'Khunjerab"),
        (("near", "no.csv", "--to", "ml1"), 1, "doesn't exist"),
        (("near", "mines", "--to", "ml1", "-o", "x.docx"), 1, "formats are"),
        (("near", "mines", "--to", "ml1", "-o", "no/where.csv"), 1, "can't write"),
        (("rings", "ml1", "--km", "ten"), 1, "give numbers"),
        (("buffer", "ml1", "--km", "-3", "-o", "x.csv"), 1, "km"),
        (("route", "Gwadar", "Atlantis"), 1, "Atlantis"),
        (("map", "ml1", "-o", "x.docx"), 1, ".html, .png or .pdf"),
        (("map", "mines", "--color", "x.csv", "-o", "x.docx"), 1, ".html, .png or .pdf"),
        (("map", "ml1", "--lang", "fr", "-o", "x.html"), 2, "'en', 'ur', 'zh'"),
        (("export", "ml1", "--part", "wheels", "-o", "x.csv"), 2, "'sections'"),
        (("--geometry", "own", "length", "ml1"), 2, "'bundled', 'osm'"),
        (("length", "ml1", "--geometry", "osm"), 2, "cpecgeo --geometry osm length ml1"),
        (("show", "--geometry=osm", "ml1"), 2, "cpecgeo --geometry=osm show ml1"),
        (("at", "ml1", "5", "--geometry", "osm"), 2, "cpecgeo --geometry osm at ml1 5"),
        (("show", "Gwadar Port", "--version"), 2, "cpecgeo --version show 'Gwadar Port'"),
        (("route", "Lahore", "Multan", "--mode", "air"), 2, "'any', 'road', 'rail'"),
        (("matrix", "Lahore", "Multan", "--weight", "x"), 2, "'km', 'hours', 'cost', 'carbon'"),
        (("no-such-command",), 2, "No such command"),
        (("buffer", "ml1"), 2, "--km"),
        (("crossed", "ml1", "--zones", "provinces", "--zones", "x"), 2, "is given 2 times"),
        (("osm", "deviation", "ml1", "--every-km", "5", "--every-km", "9"), 2, "given 2 times"),
        (("at", "ml1", "-3"), 1, "ml1: km -3.0 is not on the line"),
        (("at", "ml1", "--jsn"), 2, "No such option"),
        (("convert", "a.kml", "out.xlsx"), 2, "stands after -o"),
        (("near", "31.52,74.36", "--to", "ml1"), 1, "with lon and lat swapped"),
    ],
)
def test_errors_are_one_line_and_a_code(arguments, code, part, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = process(*arguments)
    text = run.stderr.decode()
    assert run.returncode == code
    assert part in text
    assert "Traceback" not in text
    if code == 1:
        assert text.startswith("cpecgeo: ")
        assert len(text.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_debug_shows_the_traceback():
    for typed in (("--debug", "length", "ml11"), ("length", "ml11", "--debug")):
        run = process(*typed)
        assert run.returncode == 1
        assert b"Traceback" in run.stderr


def test_a_plain_locale_and_a_closed_pipe():
    run = process("show", "ml1", LC_ALL="C", PYTHONUTF8="0", PYTHONIOENCODING="")
    assert run.returncode == 0
    assert "Karachi–Peshawar" in run.stdout.decode("utf-8")
    reading, writing = os.pipe()
    os.close(reading)
    for typed in ("show waypoints", "show ml1", "--help", "route --help"):
        command = [sys.executable, "-m", "cpecgeo", *typed.split()]
        run = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
        assert run.returncode == 141
        assert run.stderr == b""
    os.close(writing)


def test_ctrl_c_ends_with_130():
    code = (
        "import cpecgeo.cli.things as t, cpecgeo.cli as s, signal\n"
        # A run in the background ignores Ctrl-C, and so do its children.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "t.cite.callback = lambda **_: signal.raise_signal(signal.SIGINT)\n"
        "s.main()"
    )
    command = [sys.executable, "-c", code, "cite", "ml1"]
    run = subprocess.run(command, capture_output=True, check=False)
    assert run.returncode == 130
    assert run.stdout == b""
    assert run.stderr.split() == [b"cpecgeo:", b"stopped."]


def test_ctrl_c_while_modules_load_ends_with_130(tmp_path):
    """As Ctrl-C does it, when the import of click is reached."""
    (tmp_path / "click.py").write_text("raise KeyboardInterrupt")
    run = process("cite", "ml1", PYTHONPATH=f"{tmp_path}{os.pathsep}{Path(cg.__file__).parents[1]}")
    assert run.returncode == 130
    assert run.stderr.split() == [b"cpecgeo:", b"stopped."]


def test_the_words_of_options_are_those_of_the_library():
    from cpecgeo.cli.ways import _MODES, _WEIGHTS
    from cpecgeo.routing.costs import WEIGHTS
    from cpecgeo.routing.filters import MODES

    assert tuple(_MODES.choices) == MODES
    assert tuple(_WEIGHTS.choices) == WEIGHTS


def test_a_table_of_corridors_has_what_each_of_them_has():
    """Published lengths too, also of the layer of sections."""
    alone, *_ = as_json("length", "ml1")
    (row,) = [row for row in as_json("length", "corridors") if row["name"] == "ml1"]
    assert row == alone
    stated = {row["name"]: row for row in as_json("length", "sections") if row["drawn_km"]}
    known = cg.layer("sections")["official_km"].dropna()
    assert {name: stated[name]["official_km"] for name in known.index if name in stated} == {
        name: pytest.approx(km) for name, km in known.items() if name in stated
    }
    assert as_json("length", "raikot-thakot")[0]["official_km"] == known["raikot-thakot"]


def test_wrong_words_are_answered_with_near_ones():
    run = process("lenght", "ml1")
    assert run.returncode == 2
    assert b"Did you mean 'length'" in run.stderr
    run = process("length", "ml1", "--jsn")
    assert run.returncode == 2
    assert b"'--json'" in run.stderr
    for typed in (("length", "ml11"), ("crossed", "ml1", "--zones", "distrits")):
        told = process(*typed).stderr.decode()
        assert "`cpecgeo catalog` and `cpecgeo show corridors` list" in told
    told = process("show", "karakoram").stderr.decode()
    assert "No corridor, section, place, layer, district or province named 'karakoram'" in told
    assert "Did you mean 'Karakoram Highway'" in told


def test_version_and_completion():
    from importlib.metadata import version

    assert process("--version").stdout.decode().strip() == version("cpecgeo")
    for shell in ("bash", "zsh", "fish"):
        script = process("--show-completion", shell).stdout.decode()
        assert f"_CPECGEO_COMPLETE={shell}_complete" in script
    # What such a script asks.
    asked = {"_CPECGEO_COMPLETE": "bash_complete", "COMP_CWORD": "2"}
    for words, found in {
        "cpecgeo length ml1": ["ml1", "ml1-chord"],
        "cpecgeo osm dev": ["deviation"],
        "cpecgeo near mines --to gwadar-p": ["gwadar-port"],
        "cpecgeo near mines --to ml1,Reko": ["ml1,reko-diq", "ml1,reko-diq-camp"],
        "cpecgeo within energ": ["energy"],
        "cpecgeo within energy --of ml1-c": ["ml1-chord"],
        "cpecgeo route Khunjerab-P": ["khunjerab-pass"],
        "cpecgeo route Lahore Gwadar-p": ["gwadar-port"],
    }.items():
        asked["COMP_CWORD"] = str(len(words.split()) - 1)
        told = process(**asked, COMP_WORDS=words).stdout.decode()
        assert [line.partition(",")[2] for line in told.split()] == found, words


def test_files_and_names_are_mixed_as_targets(tmp_path):
    cg.layer("ports").to_file(tmp_path / "ports.geojson")
    to = f"{tmp_path / 'ports.geojson'},ml1"
    run = RUN.invoke(app, ["near", "mines", "--to", to, "--json"], catch_exceptions=False)
    found = [r for r in json.loads(run.stdout) if r["target"] is not None]
    both = cg.nearest(cg.layer("mines"), [cg.layer("ports"), "ml1"])
    assert [r["distance_km"] for r in found] == pytest.approx(
        both["distance_km"].dropna().tolist(), abs=1e-6
    )
    assert {r["target"] for r in found} > {"ml1"}


def test_a_name_with_dots_or_a_file_with_a_comma_is_what_it_is(tmp_path):
    (tmp_path / "ok,1.csv").write_text("name,lon,lat\nhere,70.9,31.83\n", encoding="utf-8")
    ask = ["near", str(tmp_path / "ok,1.csv"), "--to", "D.I. Khan", "--json"]
    (row,) = json.loads(RUN.invoke(app, ask, catch_exceptions=False).stdout)
    assert row["target"] == cg.place("D.I. Khan").name
    ask = ["near", "Lahore", "--to", str(tmp_path / "ok,1.csv"), "--json"]
    (row,) = json.loads(RUN.invoke(app, ask, catch_exceptions=False).stdout)
    assert row["distance_km"] == pytest.approx(
        cg.distance_km("Lahore", shapely.Point(70.9, 31.83)), abs=1e-6
    )


def test_another_meaning_of_a_name_is_told():
    run = RUN.invoke(app, ["show", "Quetta"], catch_exceptions=False)
    assert "district:quetta" in run.stderr
    assert "66." in run.stdout or "67." in run.stdout
    run = RUN.invoke(app, ["show", "district:quetta"], catch_exceptions=False)
    assert not run.stderr


def helps():
    """Every command, as a shell says it."""
    yield ()
    with click.Context(app) as context:
        for name in app.list_commands(context):
            yield (name,)
            inner = getattr(app.get_command(context, name), "commands", ())
            yield from ((name, each) for each in inner)


@pytest.mark.parametrize("command", list(helps()), ids=" ".join)
def test_help_is_readable_on_a_screen_of_80(command):
    run = RUN.invoke(app, [*command, "--help"], env={"COLUMNS": "80"}, terminal_width=80)
    assert run.exit_code == 0
    lines = run.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    # Nothing is cut off, every argument and option has a help text, and words stay whole.
    assert not [line for line in lines[1:] if line.endswith("...")]
    text = " ".join(run.stdout.split())
    node = app
    for name in command:
        node = node.get_command(click.Context(node), name)
    for parameter in node.params:
        assert parameter.help, parameter.name
        assert " ".join(parameter.help.split()) in text
    # No option is so long that it pushes the texts to the right half of the screen.
    starts = [len(line) - len(line.lstrip()) for line in lines if line.startswith(" " * 8)]
    assert max(starts, default=0) <= 32
    if not hasattr(node, "commands"):
        example = next(line for line in lines if line.startswith("  Example: cpecgeo "))
        assert example.split()[2 : 2 + len(command)] == list(command)


def test_demo_writes_what_it_says_it_wrote(tmp_path):
    text = said("demo", "-o", str(tmp_path / "made" / "out"))
    wrote = [Path(line.removeprefix("wrote ")) for line in text.splitlines() if "wrote " in line]
    assert [path.name for path in wrote] == ["cpec.html", "lengths.csv", "proximity.csv"]
    lengths = pd.read_csv(wrote[1]).set_index("id")
    ml1 = cg.corridor("ml1")
    assert lengths.loc["ml1", "drawn_km"] == pytest.approx(ml1.length_km, abs=0.05)
    assert lengths.loc["ml1", "official_km"] == ml1.official_km
    near = pd.read_csv(wrote[2]).set_index("name")
    there = cg.nearest("Torkham", near.loc["Torkham", "corridor"])
    assert near.loc["Torkham", "distance_km"] == pytest.approx(
        float(there["distance_km"].iloc[0]), abs=0.05
    )
    assert f"{ml1.official_km:,.1f}" in text
    assert wrote[0].read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_map_of_a_file_by_its_values(tmp_path):
    table = tmp_path / "sites.csv"
    table.write_text("name,lon,lat,value\nA,67.5,25.5,10\nB,67.6,25.4,20\nC,67.7,25.3,90\n")
    out = tmp_path / "m.html"
    said(
        "map", "ml2", str(table), "--color", "value", "--scheme", "15,50", "--label", "name",
        "--radius", "value", "--legend", "Tonnes", "-o", str(out),
    )  # fmt: skip
    page = out.read_text(encoding="utf-8")
    for text in ("below 15", "50 and more", '"legendTitle":"Tonnes"', '"label":"name"'):
        assert text in page
    with pytest.raises(UnknownNameError, match="value"):
        said("map", str(table), "--color", "valeu", "-o", str(out))
    with pytest.raises(InputError, match=r"^--cmap is 'YlGnBu' .*by values; name a column with"):
        said("map", str(table), "--cmap", "YlGnBu", "-o", str(out))
    # Where no file is named the options are for a layer; beside a file they aren't.
    said("map", "places", "ml1", "--color", "population", "--legend", "People", "-o", str(out))
    assert '"legendTitle":"People"' in out.read_text(encoding="utf-8")
    said("map", "mines", str(table), "--color", "value", "-o", str(out))


def test_a_map_is_titled_by_what_it_shows_and_fitted_to_it(tmp_path):
    out = tmp_path / "m.html"
    ml1 = cg.corridor("ml1")
    said("map", "ml1", "-o", str(out))
    assert f"<title>{ml1.title}</title>" in out.read_text(encoding="utf-8")
    made = cpec_map(["ml1"]).data()
    assert made["view"] == pytest.approx(shapely.bounds(ml1.line))
    assert made["layers"]["corridor-ml1"]["show"]
    everything = cpec_map().data()
    assert everything["title"] == "China–Pakistan Economic Corridor"
    assert not everything["layers"]["corridor-ml1"]["show"]
    table = tmp_path / "sites.csv"
    table.write_text("name,lon,lat\nA,67.5,25.5\nB,67.6,25.4\n")
    said("map", "ml1", "kkh", str(table), "-o", str(out))
    told = f"{ml1.title}; {cg.corridor('kkh').title}; sites"
    assert f"<title>{told}</title>" in out.read_text(encoding="utf-8")


def test_a_line_of_ones_own_is_a_road_more(tmp_path):
    file = tmp_path / "bridge.geojson"
    ends = [cg.place("Panjgur").point, cg.place("Dalbandin").point]
    cg.write(gpd.GeoSeries([shapely.LineString(ends)], crs=4326).to_frame("geometry"), file)
    words = ["--mode", "road", "--extra", str(file), "--join-km", "5"]
    line = cg.Corridor.from_line(file, name="bridge")
    chosen = {"mode": "road", "extra": line, "join_km": 5}
    way = cg.route("Turbat", "Nok Kundi", **chosen)
    legs = as_json("route", "Turbat", "Nok Kundi", *words)
    assert sum(leg["km"] for leg in legs) == pytest.approx(way.chainage_km)
    assert "bridge joins" in said("route", "Turbat", "Nok Kundi", *words)
    table = as_json("matrix", "Turbat", "Nok Kundi", "--weight", "hours", *words)
    assert table[0]["Nok Kundi"] == pytest.approx(way.hours)
    gained = as_json("gain", "Turbat", "Nok Kundi", *words)
    pairs = cg.routing.gain(["Turbat", "Nok Kundi"], **chosen)
    assert gained[0]["gained_hours"] == pytest.approx(pairs["gained_hours"].iloc[0])
    assert as_json("gain", "Turbat", "Nok Kundi", "--by", "place", *words)[0]["pairs"] == 1
    shut = as_json("closures", "Turbat", "Nok Kundi", *words)
    assert "bridge" in {row["section"] for row in shut}
    assert as_json("reach", "Panjgur", "--hours", "4", *words)


def test_goods_are_counted():
    words = ["route", "Karachi", "Lahore", "--mode", "road", "--vehicle", "truck"]
    (stage,) = as_json(*words, "--tonnes", "1000")
    way = cg.route("Karachi", "Lahore", mode="road", vehicle="truck")
    assert stage["cost"] == pytest.approx(cg.routing.freight(way, 1000)["cost"].iloc[0])
    assert stage["loads"] == 34
    plain = ["route", "Karachi", "Lahore", "--mode", "road", "--tonnes", "1000"]
    assert as_json(*plain) == [stage], "tonnes alone mean a truck"


def test_a_table_lines_up_and_folds_where_it_is_too_wide(capsys):
    table = pd.DataFrame({"name": ["红其拉甫", "گوادَر", "a\x1b[31m"], "km": [1.25, 1234.0, np.nan]})
    show(table, ["name", "km"])
    lines = capsys.readouterr().out.splitlines()
    # Chinese letters are two wide, the vowel mark of Urdu none.
    assert lines == [
        "name" + " " * 12 + "km",
        "红其拉甫" + " " * 7 + "1.2",
        "گوادَر" + " " * 6 + "1,234.0",
        "a\\x1b[31m",
    ]
    show(pd.DataFrame({"name": ["x" * 300, "two\nlines"], "km": [1.0, 2.0]}), ["name", "km"])
    folded = capsys.readouterr().out.splitlines()
    assert max(map(len, folded)) <= 180
    assert sum(line.count("x") for line in folded) == 300
    assert any(line.startswith("lines") for line in folded)
    show(table[:0], ["name", "km"])
    assert capsys.readouterr().out == "name  km\n"


def test_a_distance_is_that_of_the_verb(sites):
    (row,) = as_json("distance", "Gwadar", "Chabahar")
    assert (row["from"], row["to"]) == ("Gwadar", "Chabahar")
    assert row["distance_km"] == pytest.approx(cg.distance_km("Gwadar", "Chabahar"))
    assert row["from_accuracy_km"] == cg.place("Gwadar").accuracy_km
    assert row["to_accuracy_km"] == cg.place("Chabahar").accuracy_km
    assert "170.6" in said("distance", "Gwadar", "Chabahar")
    (row,) = as_json("distance", "66.1,25.2", "ml1")
    assert row["distance_km"] == pytest.approx(cg.distance_km(shapely.Point(66.1, 25.2), "ml1"))
    assert row["from_accuracy_km"] is None
    layer = as_json("distance", "mines", "Quetta")
    want = cg.distance_km("mines", "Quetta")
    assert [r["from"] for r in layer] == cg.layer("mines")["name"].tolist()
    assert [r["distance_km"] or np.nan for r in layer] == pytest.approx(want.tolist(), nan_ok=True)
    # Rows of two layers are paired.
    assert {r["distance_km"] for r in as_json("distance", "ports", "ports")} == {0}
    with pytest.raises(InputError, match="mines has 6 features and zones 11"):
        said("distance", "mines", "zones")


def test_tables_for_a_study(sites, tmp_path):
    wide = tmp_path / "wide.csv"
    groups = ["--group", "rail=ml1,kkh", "--group", "port=ports"]
    said("distance-table", str(sites), *groups, "-o", str(wide))
    got = pd.read_csv(wide)
    want = cg.distance_table(str(sites), {"rail": ["ml1", "kkh"], "port": "ports"})
    assert got["rail_name"].dropna().tolist() == want["rail_name"].dropna().tolist()
    assert got["port_km"].tolist() == pytest.approx(want["port_km"].tolist(), nan_ok=True)
    rows = as_json("treatment", "m5", "--years", "2018-2020", "--zones", "provinces")
    assert {r["year"] for r in rows} == {2018, 2019, 2020}
    assert {r["zone"] for r in rows if r["treated"]} == {"punjab", "sindh"}
    pairs = as_json("neighbours", "provinces")
    assert {"zone": "punjab", "neighbour": "sindh"} in pairs
    for wrong in (
        ["distance-table", "mines", "--group", "rail"],
        ["treatment", "m5", "--years", "x"],
    ):
        found = CliRunner().invoke(app, wrong)
        assert isinstance(found.exception, InputError)
    shown = said("treatment", "m5", "--years", "2018,2020", "--zones", "provinces")
    assert "first_year" in shown


def test_an_option_of_several_may_be_repeated():
    assert as_json("rings", "Gwadar Port", "--km", "5", "--km", "10") == as_json(
        "rings", "Gwadar Port", "--km", "5,10"
    )
    # An option of one value doesn't take several.
    with pytest.raises(InputError, match="give one number"):
        said("buffer", "ml1", "--km", "5", "--km", "10", "-o", "x.csv")


def test_a_pair_of_numbers_is_a_point():
    (row,) = as_json("near", "74.36,31.52", "--to", "ml1")
    expected = cg.nearest(shapely.Point(74.36, 31.52), "ml1")
    assert row["distance_km"] == pytest.approx(expected["distance_km"].iloc[0])


def test_lengths_of_a_few_corridors_say_why_they_differ():
    told = said("length", "kkh", "eastern", "raikot-thakot")
    assert "kkh: 1,300 = 887 in Pakistan + 413 in China; N-35 alone has 806" in told
    assert "eastern: the parts used here make 2,990" in told
    assert "raikot-thakot: " not in told
    rows = {row["name"]: row for row in as_json("length", "kkh", "eastern")}
    clauses = rows["eastern"]["reason"].split("; ")
    assert len(clauses) == len(set(clauses)) > 5
    assert rows["kkh"]["reason"].endswith(cg.corridor("kkh").sections["reason"].iloc[-1])
    assert "kkh: " not in said("length", "corridors")


def test_what_has_no_position_or_no_length_is_remarked(sites):
    for typed in (("near", sites, "--to", "ml1"), ("locate", "ml1", sites)):
        told = process(*map(str, typed)).stderr.decode()
        assert "1 of 3 rows have no position, and no answer." in told
    told = process("length", str(sites)).stderr.decode()
    assert "sites.csv: 2 of 2 features are points, which have no length." in told


def test_reach_says_how_many_towns_it_leaves_out():
    near, far = (cg.reach("Gwadar", hours=8, within_km=km) for km in (5, 20))
    left = near.towns.attrs["left_out"]
    assert left == len(far.towns) - len(near.towns) > 0
    run = RUN.invoke(app, ["reach", "Gwadar", "--hours", "8"], catch_exceptions=False)
    assert f"left out: {left} towns 5 to 20 km off" in run.stderr
    rows = as_json("reach", "Gwadar", "--hours", "8", "--within-km", "20")
    assert {r["name"] for r in rows} == set(far.towns["name"])


def test_what_a_way_keeps_least_and_what_its_cost_is_in():
    words = ["Karachi", "Lahore", "--mode", "road", "--tonnes", "1000"]
    way = cg.route("Karachi", "Lahore", mode="road", vehicle="truck")
    text = said("route", *words)
    assert "least hours" in text
    assert "cost in PKR" in text
    away = way.origin.access_km + way.destination.access_km
    assert (f"access {away:,.1f} km" in text) == (away >= 0.05)
    assert as_json("route", *words)[0]["currency"] == "PKR"
    run = RUN.invoke(app, ["matrix", "Lahore", "Multan"], catch_exceptions=False)
    assert "km of the ways with least km" in run.stderr


def test_profile_is_summed_up_and_zero_has_no_sign(capsys):
    from cpecgeo.analysis.profile import profile

    told = profile("ml1", 200).attrs
    assert told["climb_m"] > 50
    text = said("profile", "ml1", "--every-km", "200")
    assert text.startswith(f"climb {told['climb_m']:,.0f} m, descent {told['descent_m']:,.0f} m")
    assert f"(over {told['climb_km']:,.0f} of 1,732 km)" in text.splitlines()[0]
    show(pd.DataFrame({"km": [-0.04, -0.06]}), ["km"])
    assert capsys.readouterr().out.split() == ["km", "0.0", "-0.1"]


def test_a_place_is_shown_with_its_people_and_a_stretch_outside_by_words():
    spot = cg.place("Pasni")
    people = cg.layer(spot.layer)["population"][spot.id]
    text = said("show", "Pasni")
    assert f"population {people:,.0f}" in text
    assert str(spot.district) in text
    assert "outside all outlines" in said("crossed", "ml1", "--zones", "provinces")


def test_a_map_reads_files_as_they_are_stated(tmp_path):
    table, out = tmp_path / "s.csv", tmp_path / "m.html"
    table.write_bytes("name,lat,lon\nMünchen,31,74\n".encode("cp1252"))
    with pytest.raises(FileError):
        said("map", str(table), "-o", str(out))
    said("map", str(table), "--encoding", "cp1252", "-o", str(out))
    assert out.stat().st_size > 0


@pytest.mark.parametrize(
    ("typed", "of"),
    [
        (("near", "Gwadar", "--to", "mines"), lambda: cg.nearest("Gwadar", "mines")),
        (("within", "mining", "--of", "mines", "--km", "10"), lambda: cg.within("mining", "mines", 10)),
        (("within", "mining", "--of", "Reko Diq", "--km", "10"), lambda: cg.within("mining", "Reko Diq", 10)),
        (("exposure", "mines", "--km", "60"), lambda: cg.exposure("mines", 60)),
        (("exposure", "zones", "--km", "10"), lambda: cg.exposure("zones", 10)),
    ],
)  # fmt: skip
def test_layers_with_a_feature_of_unknown_position_are_measured_as_in_python(typed, of):
    expected = of()
    (row,) = as_json(*typed)
    assert expected.isna().to_numpy().sum() < expected.size
    for column in {"target", "distance_km", "certainty", "features", "population"} & set(row):
        value = expected[column].iloc[0]
        assert row[column] == (value if isinstance(value, str) else pytest.approx(value))


def test_a_file_with_a_row_without_position_can_be_a_target(sites):
    (row,) = as_json("near", "Gwadar", "--to", str(sites))
    assert row["target"] == "Quetta"


@pytest.mark.parametrize(
    "command",
    [
        ("near", "{}", "--to", "ml1"),
        ("near", "ports", "--to", "ml1,{}"),
        ("near", "{other}", "--to", "{}", "--stream"),
        ("within", "{other}", "--of", "{}", "--km", "5", "--stream"),
        ("distance-table", "ports", "--group", "mine=ml1,{}"),
        ("locate", "ml1", "{}"),
        ("convert", "{}"),
    ],
)
def test_what_a_command_reads_is_not_written_over(sites, command):
    before = sites.read_bytes()
    points = sites.with_name("points.csv")
    points.write_text("name,lon,lat\nQuetta,67.0,30.2\n", encoding="utf-8")
    typed = [text.format(sites, other=points) for text in command]
    with pytest.raises(InputError, match="is read by this command"):
        said(*typed, "-o", str(sites))
    assert sites.read_bytes() == before
    answer = sites.with_name("answer.csv")
    for _ in range(2):  # an answer that was written before may be written again
        said(*typed, "-o", str(answer))
    assert answer.read_text(encoding="utf-8")


def test_a_file_is_told_from_a_name_by_what_was_read(tmp_path, monkeypatch):
    # The name of a layer reads the layer, not a file of the same name.
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ports").write_text("an earlier answer", encoding="utf-8")
    (tmp_path / "ml1").write_text("another", encoding="utf-8")
    said("rings", "ml1", "--km", "5", "-o", "rings.geojson")
    line = tmp_path / "own.geojson"
    said("export", "m8", "--part", "line", "-o", str(line))
    with pytest.raises(InputError, match="is read by this command"):
        said("export", str(line), "--part", "line", "-o", str(line))
    with pytest.raises(InputError, match="is read by this command"):
        said("reach", "Gwadar", "--hours", "2", "--extra", str(line), "-o", str(line))
    with pytest.raises(InputError, match="is read by this command"):
        said("crossed", f"corridor:{line}", "-o", str(line))


def test_rows_without_a_name_are_told_by_their_first_text(tmp_path):
    path = tmp_path / "villages.csv"
    path.write_text("number,village,lon,lat\n7,Kot,67.0,24.9\n", encoding="utf-8")
    head, row = said("near", str(path), "--to", "ml1").splitlines()
    assert head.split()[:2] == ["village", "target"]
    assert row.split()[:2] == ["Kot", "ml1"]


@pytest.mark.parametrize(
    "typed",
    [
        ("near", "Lahore", "--to", "{}"),
        ("within", "Lahore", "--of", "ml1,{}", "--km", "1"),
        ("distance-table", "crossings", "--group", "port=layer:{}"),
    ],
)
def test_kinds_and_statuses_of_a_layer_that_is_measured_to_are_told(typed):
    def remark(layer):
        run = RUN.invoke(app, [text.format(layer) for text in typed], catch_exceptions=False)
        assert run.exit_code == 0
        return [line for line in run.stderr.splitlines() if " and any counts" in line]

    ports = cg.layer("ports")
    (told,) = remark("ports")
    assert told.startswith("cpecgeo: ports has ")
    for column in ("kind", "status"):
        for word, count in ports[column].value_counts().items():
            assert f"{count} {word}" in told
    assert "`cpecgeo show ports`" in told
    (told,) = remark("mines")
    # The mine without a position is no target.
    assert "5 mine (4 operating, 1 under construction)" in told
    for plain in ("interchanges", "places"):  # all operate; towns have no status
        assert not remark(plain)


def test_none_within_a_distance_is_told():
    ask = ["within", "Gwadar Port", "--of", "n10", "--km"]
    far = cg.distance_km("Gwadar Port", "n10")
    run = RUN.invoke(app, [*ask, str(far - 1), "--json"], catch_exceptions=False)
    assert json.loads(run.stdout) == []
    assert f"cpecgeo: none within {far - 1} km." in run.stderr
    run = RUN.invoke(app, [*ask, str(far + 1)], catch_exceptions=False)
    assert "none within" not in run.stderr


def test_an_old_workbook_is_to_be_saved_as_a_new_one(tmp_path):
    path = tmp_path / "old.XLS"
    path.write_bytes(b"\xd0\xcf\x11\xe0")
    with pytest.raises(InputError, match=r"'old.XLS' ends in '.XLS'; save it as .xlsx"):
        said("near", str(path), "--to", "ml1")


def test_an_empty_text_names_nothing():
    with pytest.raises(InputError, match="the source is empty"):
        said("near", "", "--to", "ml1")
    with pytest.raises(InputError, match="--to is empty"):
        said("near", "ports", "--to", " ")
    with pytest.raises(FileError, match="path is an empty text"):
        cg.read("")


@pytest.mark.parametrize(
    ("typed", "advice"),
    [
        (("near", "ml1", "--to", "kkh"), "cpecgeo within"),
        (("exposure", "ml1", "--km", "10", "--of", "{}"), "with --value"),
        (("treatment", "ml1", "--years", "2020-2010"), "earlier first"),
        (("route", "Karachi", "Lahore", "--tonnes", "-4"), "--tonnes is -4"),
        (("route", "Gwadar", "Gilgit", "--mode", "rail"), "--max-access-km"),
        (("convert", "{dir}", "-o", "a.csv"), "is a folder"),
    ],
)
def test_messages_advise_what_the_shell_has(typed, advice, sites):
    with pytest.raises((GeometryError, InputError, UnknownNameError)) as error:
        said(*(text.format(sites, dir=sites.parent) for text in typed))
    assert advice in str(error.value)
    assert "max_access_km" not in str(error.value)
    assert "value=" not in str(error.value)


def test_a_route_says_that_much_of_it_is_off_the_network():
    for ends, far in ((("Sialkot", "Lahore"), 0), (("Lahore", "Sialkot"), 1)):
        way = cg.route(*ends)
        access = (way.origin.access_km, way.destination.access_km)
        assert access[far] > 0.25 * (way.chainage_km + sum(access)) > access[1 - far]
        for more in ([], ["--json"]):
            run = RUN.invoke(app, ["route", *ends, *more], catch_exceptions=False)
            assert f"way 1: Sialkot lies {access[far]:.1f} km off the network" in run.stderr
            assert f"{way.chainage_km + sum(access):.1f} km in all" in run.stderr
    run = RUN.invoke(app, ["route", *ends, "--tonnes", "20"], catch_exceptions=False)
    assert "Sialkot lies" in run.stderr
    # On a longer route the same access is less than a tenth.
    assert RUN.invoke(app, ["route", "Sialkot", "Multan"]).stderr == ""


def test_a_route_takes_coordinates_and_says_what_it_does_not_know():
    (leg, *_) = as_json("route", "67.0,24.9", "Lahore", "--mode", "rail")
    assert leg["name"] == cg.route((67.0, 24.9), "Lahore", mode="rail").legs["name"].iloc[0]
    assert as_json("reach", "67.0,24.9", "--km", "20")
    assert "it isn't known when they opened" in said("route", "Karachi", "Quetta", "--year", "1900")
    assert "opened" not in said("route", "Karachi", "Lahore", "--mode", "rail").splitlines()[1]
    run = RUN.invoke(app, ["matrix", "Gwadar", "Kashgar", "--mode", "rail"], catch_exceptions=False)
    assert "4 of 4 have no way with --mode rail" in run.stderr


def test_a_point_has_no_km_to_be_near_at():
    (row,) = as_json("near", "Gwadar", "--to", "mines")
    assert row["km"] is None
    (row,) = as_json("near", "Multan", "--to", "ml1")
    assert row["km"] > 100


def test_rows_without_a_position_stay_in_what_locate_writes(sites, tmp_path):
    said("locate", "ml1", str(sites), "-o", str(tmp_path / "o.csv"))
    found = pd.read_csv(tmp_path / "o.csv").set_index("name")
    assert list(found.index) == ["Lahore", "Quetta", "Nowhere"]
    assert found.loc["Nowhere", ["km", "offset_km"]].isna().all()
    assert found.drop("Nowhere")["offset_km"].notna().all()


def test_of_ten_lines_it_is_told_why_lengths_differ_and_of_more_it_is_not():
    known = json.loads(said("length", *cg.corridors().index, "--json"))
    names = sorted((row["name"] for row in known), key=lambda n: n != "kkh")
    reason = next(row["reason"] for row in known if row["name"] == "kkh")
    assert reason
    assert f"kkh: {reason}" in said("length", *names[:10])
    assert reason not in said("length", *names[:11])

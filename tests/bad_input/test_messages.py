"""A message is one line, whatever the names in it hold."""

import ast
import json
import re
from pathlib import Path

import geopandas as gpd
import pytest
from click.testing import CliRunner

import cpecgeo as cg
from cpecgeo.cli import app, in_shell, list_options
from cpecgeo.errors import (
    CoordinateError,
    CpecgeoError,
    FileError,
    GeometryError,
    InputError,
    UnknownNameError,
)
from cpecgeo.features.lookup import find
from cpecgeo.files.reading import read
from cpecgeo.files.writing import write_layers
from cpecgeo.scale import nearest_file


@pytest.mark.parametrize("kind", [InputError, FileError])
def test_control_characters_are_spelt_out(kind):
    assert str(kind("a\nb\x1c\x00 گوادر")) == "a\\nb\\x1c\\x00 گوادر"


def test_a_name_of_two_lines():
    with pytest.raises(CpecgeoError) as caught:
        cg.corridor("no\nsuch\u2028road")
    assert len(str(caught.value).splitlines()) == 1


def test_a_column_of_two_lines(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"id,na,lon,la,Gw\x00\x1cme,lo\n1,2,3,4,5,6\n")
    with pytest.raises(CpecgeoError) as caught:
        read(path)
    assert len(str(caught.value).splitlines()) == 1


def test_kml_of_no_placemark(tmp_path):
    path = tmp_path / "a.kml"
    path.write_text('<?x?>\n<kml xmlns="inl/2.2">\n<Document id="r">\nelder>\n</Document></kml>\n')
    with pytest.raises(FileError, match="holds no placemark"):
        read(path)


def test_a_streamed_header_with_line_breaks_inside(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"id,name,lon\r\r\r,lat\na,b,67,25\n")
    with pytest.raises(FileError, match="can't be read as CSV"):
        nearest_file(path, tmp_path / "o.csv", targets="ml1")


@pytest.mark.parametrize(("count", "listed"), [(0, False), (1, True), (20, True), (21, False)])
def test_few_known_names_are_listed_and_many_are_not(count, listed):
    known = [f"name{i:02}" for i in range(count)]
    error = UnknownNameError("zzz", "layer", known)
    assert str(error) == "No layer named 'zzz'." + (
        f" Known: {', '.join(known)}." if listed else ""
    )
    assert error.near == []


def test_the_nearest_names_come_with_the_error():
    error = UnknownNameError("Karachy", "place", ["Karachi", "Quetta"])
    assert error.near == ["Karachi"]
    assert "Did you mean 'Karachi'? Known: Karachi, Quetta." in str(error)


@pytest.mark.parametrize(
    ("asked", "known", "near"),
    [
        ("nosuch", "Uch", []),
        ("mll1", "m1", []),
        ("mll1", "ml1", ["ml1"]),
        ("language", "lang", ["lang"]),
        ("Gwadar Prt", "Gwadar Port", ["Gwadar Port"]),
    ],
)
def test_a_far_name_is_no_suggestion(asked, known, near):
    assert UnknownNameError(asked, "place", [known]).near == near


def test_an_unknown_name_is_told_which_kinds_were_looked_in():
    with pytest.raises(
        UnknownNameError, match=r"No corridor, section, place, layer, district or p"
    ):
        find("zzqq")
    with pytest.raises(UnknownNameError, match=r"No place or layer named 'zzqq' for sites"):
        find("zzqq", what="sites", among=("place", "layer", "file"))


def texts_of_messages():
    """Yield file, line and text of each error and remark of the library."""
    for path in sorted(Path(cg.__file__).parent.rglob("*.py")):
        if "cli" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_warning = isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "warn"
            if isinstance(node, ast.Raise) or is_warning:
                parts = (n.value for n in ast.walk(node) if isinstance(n, ast.Constant))
                yield path, node.lineno, "".join(p for p in parts if isinstance(p, str))


def test_the_library_names_no_option_of_the_shell():
    found = list(texts_of_messages())
    assert len(found) > 300
    assert [f for f in found if re.search(r"(?<![\w-])--[a-z]", f[2])] == []


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("near none.csv --to ml1", "Name the columns with --lon and --lat."),
        ("convert none.csv -o o.gpkg", "Name the columns with --lon and --lat."),
        ("near none.csv --to ml1 --stream -o o.csv", "Name the columns with --lon and --lat."),
        ("length none.csv", "Name the columns with --lon and --lat."),
        ("near mines --to none.csv", "Name the columns with --lon and --lat."),
        # The options are for the first file; others must state these themselves.
        ("near good.csv --to none.csv", "`cpecgeo convert` has options for that"),
        ("locate two.gpkg good.csv", "`cpecgeo convert` has options for that"),
        ("at two.gpkg 5", "choose one with --layer."),
        ("report two.gpkg", "choose one with --layer."),
        ("profile nocrs.parquet", "state it with --crs"),
        ("crossed ml1 --zones two.gpkg", "choose one with --layer."),
        ("route Lahore Multan --extra two.gpkg", "choose one with --layer."),
        ("length mines --lon x", "--lon says how a file is read, and no file is named"),
        ("exposure ml1 --layer mine.csv", "What is counted is named by --of."),
        ("convert good.csv -o old.xls", "'old.xls' ends in '.xls'; save it as .xlsx; the formats"),
        ("near metres.csv --to ml1", "state their CRS with --crs."),
        ("near two.gpkg --to ml1", "choose one with --layer."),
        ("near two.gpkg --to ml1 --stream -o o.csv", "choose one with --layer."),
        ("buffer two.gpkg --km 5 -o o.gpkg", "choose one with --layer."),
        ("near nocrs.parquet --to ml1", "state it with --crs"),
        ("near nocrs.parquet --to ml1 --stream -o o.csv", "state it with --crs"),
        ("near one.gpkg --to ml1 --crs EPSG:32642", "leave --crs out"),
        ("near far.csv --to ml1 --stream -o o.csv", "repair the row."),
        ("near good.csv --to ml1 --thousands _", "--thousands _ isn't known"),
        ("rings ml1 --km 5,3", "--km 5,10,25"),
        ("near utm.csv --to ml1", "utm.csv has (300000, 2750000) in the columns 'x', 'y'"),
        ("near utm.csv --to ml1", "state their CRS, such as --crs EPSG:32642"),
        ("near utm.csv --to ml1 --stream -o o.csv", "metres, state their CRS, such as --crs EPSG"),
        ("near utm.geojson --to ml1", "utm.geojson has latitude 2750000.0 in row 1"),
        ("near utm.geojson --to ml1", "metres, state their CRS, such as --crs EPSG:32642."),
        ("near mines --to utm.csv", "metres, state their CRS, such as --crs EPSG:32642"),
        ("near turned.csv --to ml1", "turned.csv starts at (24.9, 67)"),
        ("near turned.csv --to ml1", "Exchange the two with --lon 'GPS lat' and --lat lon."),
        ("locate ml1 turned.csv", "Exchange the two with --lon 'GPS lat' and --lat lon."),
        ("near turned.csv --to ml1 --stream -o o.csv", "with --lon 'GPS lat' and --lat lon."),
        ("near none.csv --to ml1 --encoding none", "--encoding none isn't known"),
        ("near good.csv --to ml1 --layer a", "CSV has no layers; leave --layer out."),
        ("near good.csv --to ml1 --layer a --stream -o o.csv", "has no layers; leave --layer out."),
        ("map ml1 --color name --legend Z -o m.html", "--color, --legend: for files and layers"),
        ("map --profile kkh --profile Gwadar -o m.html", "x is a place (Gwadar); leave it out."),
        ("map good.csv --color lon --cmap Yellow -o m.html", "Known: Accent, Blues,"),
    ],
)
def test_the_shell_names_the_options_of_the_command(command, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("none.csv").write_text("a,b\n67,25\n")
    Path("metres.csv").write_text("X (m),Y (m)\n300000,2750000\n")
    Path("far.csv").write_text("lon,lat\n200,25\n")
    Path("good.csv").write_text("lon,lat\n67,25\n")
    Path("utm.csv").write_text("x,y\n300000,2750000\n300001,2750000\n")
    Path("turned.csv").write_text("lon,GPS lat\n24.9,67\n25,67.1\n")
    metres = {"type": "Point", "coordinates": [300000, 2750000]}
    Path("utm.geojson").write_text(
        json.dumps({"type": "Feature", "properties": {}, "geometry": metres})
    )
    points = gpd.GeoDataFrame({"n": [1]}, geometry=gpd.points_from_xy([67], [25]), crs=4326)
    cg.write(points, "one.gpkg")
    write_layers({"a": points, "b": points}, "two.gpkg")
    points.set_crs(None, allow_override=True).to_parquet("nocrs.parquet")
    with pytest.raises(CpecgeoError) as caught:
        CliRunner().invoke(app, command.split(), catch_exceptions=False)
    text = str(caught.value)
    assert words in text
    named = {n.replace("-", "_") for n in re.findall(r"(?<![\w-])--([a-z][a-z-]*)", text)}
    assert named <= set(list_options(app.get_command(None, command.split()[0])))
    assert not re.search(r"\b[a-z_]+=", text.replace("convert`", "")), text


def test_options_in_shell_and_advice_that_is_for_python():
    bad = 'km must be above 0; give km=[5, 10], or leave that to invalid="mend"; see make_valid().'
    told = in_shell(bad, {"km": "--km"})
    assert told == "--km must be above 0; give --km 5,10."
    assert in_shell(bad, {}) == "km must be above 0."
    assert in_shell("--group is 'x': give rail=ml1.", {}) == "--group is 'x': give rail=ml1."
    assert in_shell("'crs=5' is no column.", {"crs": "--crs"}) == "'crs=5' is no column."


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["profile", "Gwadar"], "Gwadar has Point; LineString is needed."),
        (["neighbours", "mines"], "mines has Point (index"),
        (["buffer", "ml1", "--km", "-3", "-o", "o.gpkg"], "polygons can shrink, and ml1 has"),
        (["show", ""], "'' is empty; give one name"),
        (["osm", "deviation", "ml1"], "get it with `cpecgeo osm refresh ml1`."),
        (
            ["distance-table", "mines", "--group", "rail=ml1", "--by", "distrct"],
            "No column named 'distrct' for points. Did you mean 'district'?",
        ),
        (["exposure", "ml1", "--by", "distrct"], "Did you mean 'district'?"),
    ],
)
def test_the_shell_says_what_was_typed_and_what_can_be_typed(command, told):
    with pytest.raises(CpecgeoError) as caught:
        CliRunner().invoke(app, command, catch_exceptions=False)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("command", "begins"),
    [
        # By the first name in the help, whichever was typed.
        ("near mines --to ml1 --within -5", "--within is -5.0"),
        ("near mines --to ml1 --max-km -5", "--within is -5.0"),
        ("near mines --to ml1 -k 0", "-k is 0"),
        ("route Lahore Multan -k 0", "-k is 0"),
        ("reach Lahore --km -5", "--km is -5.0"),
        ("density ml1 mines --bin-km 0", "--bin-km is 0.0"),
    ],
)
def test_the_shell_says_an_argument_as_its_option(command, begins):
    with pytest.raises(InputError, match=f"^{begins}"):
        CliRunner().invoke(app, command.split(), catch_exceptions=False)


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ("karakoram", "Karakoram Highway"),
        ("gwadar po", "Gwadar Port"),
        # Too many names begin with two letters.
        ("ka", "Kas"),
    ],
)
def test_names_that_begin_as_asked_come_before_names_spelt_like_it(asked, first):
    known = ["Karor", "Kas", "Karakoram Highway", "Karakax", "Gwadar Port", "Gwadar Road"]
    assert UnknownNameError(asked, "place", known).near[0] == first


def test_the_row_of_a_file_counts_from_1_as_in_the_file(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("name,lat,lon\nA,24.86,67\nB,,\nD,95,67\n")
    told = r"a\.csv has latitude 95\.0 in row 3; it must be within ±90°; repair the row\.$"
    with pytest.raises(CoordinateError, match=told):
        cg.nearest(path, "ml1")
    frame = cg.read(path)
    # Rows left out earlier don't change the number.
    with pytest.raises(CoordinateError, match=told):
        cg.nearest(frame[frame.geometry.notna()], "ml1")
    # Ids that are numbers aren't row numbers.
    path.write_text("id,lat,lon\n7,24.86,67\n9,95,67\n")
    with pytest.raises(CoordinateError, match="in row 2;"):
        cg.nearest(path, "ml1")
    # The message says so where swapped coordinates would lie in the expected area.
    path.write_text("id,lat,lon\n7,24.86,67\n9,104,30.7\n")
    with pytest.raises(CoordinateError, match="in row 2; .* lon and lat seem to be swapped"):
        cg.nearest(path, "ml1")


def test_a_missing_file_is_answered_with_files_of_such_a_name(tmp_path):
    (tmp_path / "villages.csv").write_text("lon,lat\n67,25\n")
    (tmp_path / "villages.docx").touch()
    told = r"vilages\.csv doesn't exist\. Did you mean 'villages\.csv'\?$"
    with pytest.raises(FileError, match=told):
        cg.read(tmp_path / "vilages.csv")
    with pytest.raises(FileError, match=r"mines\.gpkg doesn't exist\.$"):
        cg.read(tmp_path / "mines.gpkg")
    with pytest.raises(FileError, match="There is no folder"):
        cg.read(tmp_path / "none" / "villages.csv")


@pytest.mark.parametrize(
    ("tags", "layer"),
    [
        ('<wpt lat="24.9" lon="67"/><trk>{0}</trk>', "waypoints"),
        ("<trk>{0}</trk>", "track_points"),
        ('<rte><rtept lat="24.9" lon="67"/><rtept lat="25" lon="67.1"/></rte>', "route_points"),
    ],
)
def test_a_gpx_file_of_lines_is_told_how_its_points_are_read(tags, layer, tmp_path):
    path = tmp_path / "w.gpx"
    track = '<trkseg><trkpt lat="24.9" lon="67"/><trkpt lat="25" lon="67.1"/></trkseg>'
    space = "http://www.topografix.com/GPX/1/1"
    path.write_text(f'<gpx version="1.1" creator="x" xmlns="{space}">{tags.format(track)}</gpx>')
    with pytest.raises(GeometryError, match=f'Point is needed: read it with layer="{layer}"'):
        cg.nearest(path, "ml1")
    assert len(cg.nearest(cg.read(path, layer=layer), "ml1")) > 0


def test_of_names_that_begin_alike_the_three_shortest_are_told():
    known = [f"Karachi {'x' * length}" for length in (60, 30, 50, 40)]
    told = UnknownNameError("Karachi", "place", known).near
    assert [len(name) for name in told] == [38, 48, 58]

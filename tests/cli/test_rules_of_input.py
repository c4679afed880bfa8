"""What is typed is taken as it is meant, or refused; what a screen shows a file has as well."""

import json

import pandas as pd
import pytest
from click.testing import CliRunner

import cpecgeo as cg
from cpecgeo.cli import analyses, app, inputs, screen, tables
from cpecgeo.errors import GeometryError, InputError, UnknownNameError


def run(*typed):
    return CliRunner().invoke(app, list(map(str, typed)), catch_exceptions=False)


@pytest.fixture
def sites(tmp_path):
    path = tmp_path / "sites.csv"
    path.write_text("name,lat,lon\nLahore,31.55,74.34\nQuetta,30.2,67.0\nNowhere,,\n")
    return path


@pytest.mark.parametrize("group", ["ml1", "=ml1", "rail=", " =ml1", "rail= ", "=", ""])
def test_a_group_has_a_name_and_members(sites, group):
    with pytest.raises(InputError, match="--group is .*; give a name and what is in it"):
        run("distance-table", sites, "--group", group)


def test_groups_are_named_without_the_spaces_around_them(sites):
    typed = ("--group", " rail =ml1,kkh", "--group", "port=Gwadar Port")
    rows = json.loads(run("distance-table", sites, *typed, "--json").stdout)
    want = cg.distance_table(str(sites), {"rail": ["ml1", "kkh"], "port": "Gwadar Port"})
    assert [row["rail_name"] for row in rows] == [*want["rail_name"].iloc[:2], None]
    shown = run("distance-table", sites, *typed)
    assert shown.stdout.splitlines()[0].split() == [
        "name",
        "rail_km",
        "rail_name",
        "port_km",
        "port_name",
    ]
    assert "1 of 3 rows have no position" in shown.stderr


@pytest.mark.parametrize(
    ("typed", "years"),
    [
        ("2010-2010", [2010]), ("2010-2012", [2010, 2011, 2012]), ("2010", [2010]),
        ("2012,2010", [2012, 2010]), ("2012-2010", None), ("2010-", None), ("-2010", None),
        ("x", None), ("2010-x", None), ("", None), ("2010,", None),
    ],
)  # fmt: skip
def test_years(typed, years):
    if years is None:
        with pytest.raises(InputError, match="the earlier first"):
            tables._years(typed)
    else:
        assert tables._years(typed) == years


def test_of_lines_and_areas_nothing_is_near():
    for source, kinds in (("ml1", "LineString"), ("provinces", "MultiPolygon, Polygon")):
        with pytest.raises(GeometryError, match=f"{source} has {kinds}; near measures from points"):
            run("near", source, "--to", "kkh")


@pytest.mark.parametrize("sections", [False, True])
def test_near_shows_sections_where_they_are_asked_for(sites, sections):
    typed = ["near", sites, "--to", "ml1", *(["--sections"] if sections else [])]
    head, *rows = run(*typed).stdout.splitlines()
    columns = ["name", "target", "distance_km", "km", "side", "accuracy_km"]
    assert head.split() == columns + ["section", "status", "opened"] * sections
    assert len(rows) == 3
    # Within a limit only what has an answer is listed.
    head, *rows = run(*typed, "--within", 30).stdout.splitlines()
    assert [row.split()[0] for row in rows] == ["Lahore"]
    if sections:
        with pytest.raises(InputError, match="no --sections"):
            run(*typed, "--stream", "-o", sites.with_name("o.csv"))


def test_within_shows_less_than_it_writes(sites, tmp_path):
    typed = ["within", sites, "--of", "ml1", "--km", "900"]
    head = run(*typed).stdout.splitlines()[0].split()
    assert head == ["name", "target", "distance_km", "certainty"]
    written = tmp_path / "o.csv"
    run(*typed, "-o", written)
    rows = json.loads(run(*typed, "--json").stdout)
    assert {"lat", "lon"} <= set(pd.read_csv(written))
    assert set(pd.read_csv(written)) == set(rows[0])
    sure = run(*typed, "--certainty", "sure", "--json").stdout
    assert {row["certainty"] for row in json.loads(sure)} == {"sure"}


@pytest.mark.parametrize("out", ["-", "-.csv", "-.geojson"])
def test_an_answer_on_standard_output_is_all_that_is_there(sites, out):
    shown = run("near", sites, "--to", "ml1", "-o", out).stdout
    assert "Lahore" in shown
    assert out not in shown.splitlines()
    with pytest.raises(InputError, match="needs --out FILE"):
        run("near", sites, "--to", "ml1", "--stream", "-o", out)


def test_the_name_of_what_is_written_is_told(sites):
    out = sites.with_name("--o.csv")
    assert run("near", sites, "--to", "ml1", "-o", out).stdout == f"{out}\n"


@pytest.mark.parametrize(
    ("how", "attrs", "is_told"),
    [
        (None, {"read_as": "x as lon"}, True),
        ({"lon": None}, {"read_as": "x as lon"}, True),
        ({"lon": "x"}, {"read_as": "x as lon"}, False),
        (None, {}, False),
        ({"lon": None}, {}, False),
    ],
)
def test_columns_that_were_guessed_are_told(capsys, how, attrs, is_told):
    frame = pd.DataFrame()
    frame.attrs = attrs
    inputs._tell_read(frame, how)
    assert capsys.readouterr().err == ("cpecgeo: x as lon\n" if is_told else "")


@pytest.mark.parametrize(
    ("name", "is_file"),
    [
        ("-", True), ("a.csv", True), ("http://x/y", True), ("s3://x", True), ("ml1", False),
        ("--", False), ("corridor:a.gpkg", True), ("D.I. Khan", False), ("", False),
    ],
)  # fmt: skip
def test_what_names_a_file(name, is_file):
    assert inputs.is_file(name) is is_file


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("corridor:a.gpkg", ("corridor", "a.gpkg")), (" File : a.csv", ("file", "a.csv")),
        ("corridor:", ("", "corridor:")), ("C:a.csv", ("", "C:a.csv")), ("a.csv", ("", "a.csv")),
    ],
)  # fmt: skip
def test_the_kind_of_a_file(name, kind):
    assert inputs._kind(name) == kind


def test_two_numbers_are_a_position_and_three_or_names_are_none():
    assert inputs.subject("67.0,25.0", "x").geometry.coords[0] == (67, 25)
    for typed in ("67.0", "67.0,25.0,3.0", "67.0,Quetta"):
        with pytest.raises((InputError, UnknownNameError)):
            inputs.subject(typed, "x")


def test_options_for_files_go_to_the_first_group_with_a_file(sites):
    how = dict.fromkeys(inputs.Reading.__annotations__) | {"lon": "lon"}
    assert [bool(found) for found in inputs.share(how, "ml1", str(sites), "b.csv")] == [
        False,
        True,
        False,
    ]
    assert [bool(found) for found in inputs.share(how, None, ["ml1", "b.csv"])] == [False, True]
    with pytest.raises(
        InputError, match=r"--lon says how a file is read, and no file is named; leave it out\.$"
    ):
        inputs.share(how, "ml1", None)
    with pytest.raises(InputError, match="What is counted is named by --of"):
        run("exposure", "ml1", "--km", "5", "--lon", "x")
    none = dict.fromkeys(inputs.Reading.__annotations__)
    assert inputs.share(none, "ml1") == [None]


def test_a_way_in_one_line_and_its_access_from_50_metres_on(capsys):
    way = cg.route("Lahore", "Multan", mode="road")
    text = run("route", "Lahore", "Multan", "--mode", "road").stdout.splitlines()[0]
    away = way.origin.access_km + way.destination.access_km
    access = f", and access {away:,.1f} km" if away > 0.05 else ""
    assert text == (
        f"1: {way.chainage_km:,.1f} km (calibrated){access}, {way.hours:,.1f} hours (assumed "
        "speeds), least hours"
    )
    on = run("route", "Lahore Junction", "Multan Cantt", "--mode", "rail").stdout
    assert "access" not in on.splitlines()[0]
    two = run("route", "Lahore", "Multan", "-k", "2", "--json")
    assert {row["way"] for row in json.loads(two.stdout)} == {1, 2}


def test_ways_in_json_have_no_lines_for_people():
    typed = ["route", "Karachi", "Lahore", "--mode", "road"]
    for more in ([], ["--tonnes", "1000"]):
        rows = json.loads(run(*typed, *more, "--json").stdout)
        assert {row["way"] for row in rows} == {1}
    text = run(*typed, "--tonnes", "1000").stdout
    assert "vehicles: those that carry 1000 t in 365 days" in text


@pytest.mark.parametrize("tonnes", ["0", "-1", "nan"])
def test_tonnes_are_more_than_0(tonnes):
    with pytest.raises(InputError, match="give more than 0"):
        run("route", "Karachi", "Lahore", "--tonnes", tonnes)


def test_a_file_of_two_kinds_of_ends_is_paired_only_where_rows_are_as_many():
    for typed in (("ports", "mines"), ("mines", "zones")):
        a, b = (len(cg.layer(name)) for name in typed)
        assert a != b
        with pytest.raises(InputError, match=f"{typed[0]} has {a} features and {typed[1]} {b}"):
            run("distance", *typed)
    assert run("distance", "ports", "Lahore").exit_code == 0
    assert run("distance", "Lahore", "ports").exit_code == 0


def test_a_file_is_small_however_it_is_named(tmp_path):
    how = {"out": tmp_path / "o.csv", "stream": None, "resume": False}
    assert not analyses._is_streamed("ml1", how)
    assert not analyses._is_streamed(str(tmp_path / "none.csv"), how)


def test_columns_of_places_have_their_decimals():
    assert screen._PLACES == {
        "gaps": 0, "units": 0, "ratio": 3, "share": 3, "per_km": 4, "per_km_year": 5, "lon": 5,
        "lat": 5,
    }  # fmt: skip
    assert screen.is_known(0)
    assert not screen.is_known(float("nan"))

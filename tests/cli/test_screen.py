"""Rules of the commands themselves, each tested on both sides of its limit."""

from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from cpecgeo.cli import analyses, inputs, screen, tables, things, ways
from cpecgeo.errors import InputError
from cpecgeo.features.resolve import resolve
from cpecgeo.files.disk import make_folder
from cpecgeo.routing.legs import Route


def printed(capsys, frame, columns):
    screen.show(frame, columns)
    return capsys.readouterr().out.splitlines()


def test_columns_stand_below_one_another_in_any_script(capsys):
    names = ["Gwadar", "瓜达尔", "گوادر"]
    frame = pd.DataFrame({"name": names, "km": [1.0, 22.04, 1234.5]})
    head, *rows = printed(capsys, frame, "name km")
    # A Chinese letter takes two columns of the screen, an Urdu one takes one.
    assert head == "name         km"
    assert rows == ["Gwadar      1.0", "瓜达尔     22.0", "گوادر   1,234.5"]
    assert screen._width("é") == 1  # an accent of its own takes none
    assert screen._width("\u200fa") == 1


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("km", 1234.56, "1,234.6"),
        ("ratio", 0.98765, "0.988"),
        ("share", 0.98765, "0.988"),
        ("share", 0.0004, "0.000"),
        ("per_km", 0.12345, "0.1235"),
        ("per_km_year", 0.123456, "0.12346"),
        ("lat", 25.123456, "25.12346"),
        ("gaps", 3.4, "3"),
        ("units", 1234.0, "1,234"),
        ("hours", 3.45, "3.5"),
        ("km", -0.04, "0.0"),
        ("lon", 66.123456, "66.12346"),
        ("population", 1234567.0, "1,234,567"),
        ("population_2023", 99.6, "100"),
        ("km", np.nan, ""),
        ("km", None, ""),
        ("name", pd.NA, ""),
        ("sections", ["a", "b"], "a, b"),
        ("name", "\x1b[31mred", "\\x1b[31mred"),
        ("count", 3, "3"),
    ],
)
def test_a_cell(column, value, text):
    assert screen._cell(value, column) == text


@pytest.mark.parametrize(("letters", "lines"), [(178 - 4, 2), (178 - 3, 3)])
def test_a_table_is_folded_only_where_it_is_wider_than_the_screen(capsys, letters, lines):
    """180 columns where no screen limits it: two cells and the two spaces between them."""
    frame = pd.DataFrame({"name": ["x" * letters], "kind": ["road"]})
    assert len(printed(capsys, frame, "name kind")) == lines


def test_texts_of_an_answer_are_told_once_and_no_more_than_twelve():
    twelve = [str(n) for n in range(12)]
    assert screen.once([*twelve, "0", None, "", np.nan]) == twelve
    assert screen.once([*twelve, "12", "13"]) == [*twelve, "and 2 more"]


def test_rows_of_an_answer_are_plain_and_few():
    many = pd.DataFrame({"km": np.arange(201) / 3, "geometry": None})
    rows = screen.plain_rows(many)
    assert len(rows) == 200
    assert rows[1] == {"km": 0.333333}
    named = pd.DataFrame({"n": [np.int64(1)]}, index=pd.Index(["a"], name="id"))
    (row,) = screen.plain_rows(named)
    assert row == {"id": "a", "n": 1}
    assert type(row["n"]) is int


def test_what_an_answer_rests_on_says_the_range_of_a_layer():
    sites = gpd.GeoDataFrame(
        {"accuracy_km": [0.5, 3.0], "status": ["operating", "operating"]},
        geometry=gpd.points_from_xy([67, 68], [25, 26]),
        crs=4326,
    )
    told = screen.about(resolve(sites, "x"))
    assert "0.5 to 3 km" in told["accuracy"]
    assert "2 operating" in told["status"]
    assert "user's own" in told["cite"]


@pytest.mark.parametrize(
    ("size", "out", "stream", "resume", "expected"),
    [
        (200_000_000, "o.csv", None, False, False),
        (200_000_001, "o.csv", None, False, True),
        (200_000_001, None, None, False, False),
        (200_000_001, "o.csv", False, False, False),
        (10, "o.csv", True, False, True),
        (10, "o.csv", None, True, True),
    ],
)
def test_large_files_are_streamed(tmp_path, size, out, stream, resume, expected):
    path = tmp_path / "a.csv"
    with path.open("wb") as file:
        file.truncate(size)
    target = None if out is None else tmp_path / out
    how = {"out": target, "stream": stream, "resume": resume}
    assert analyses._is_streamed(str(path), how) is expected
    # A file that can't be read in batches isn't streamed, however large; a folder always is.
    path.rename(other := tmp_path / "a.kml")
    how = {"out": target, "stream": None, "resume": False}
    assert not analyses._is_streamed(str(other), how)
    assert analyses._is_streamed(str(tmp_path), how) is (out is not None)


def test_names_are_split_at_commas_but_not_the_name_of_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a,b.csv").touch()
    assert inputs.split(["ml1, kkh", "a,b.csv", "c,"]) == ["ml1", "kkh", "a,b.csv", "c"]


def test_years_and_radii():
    assert tables._years("2000-2003") == [2000, 2001, 2002, 2003]
    assert tables._years("2001,1999") == [2001, 1999]
    assert analyses._radii("5,2.5") == [5, 2.5]
    assert analyses._one_km("5") == 5
    with pytest.raises(InputError, match="one number"):
        analyses._one_km("5,10")


@pytest.mark.parametrize(("end_km", "every"), [(99.9, 1), (100.0, 10)])
def test_posts_are_ten_km_apart_on_lines_of_a_hundred(end_km, every):
    def posts(each):
        return pd.DataFrame({"km": [0.0, float(each)]})

    made = things._posts(SimpleNamespace(end_km=end_km, km_posts=posts, name="own"))
    assert made["name"].tolist() == ["km 0", f"km {every}"]
    assert made["corridor"].tolist() == ["own", "own"]


def test_filters_as_typed_become_those_of_the_verbs():
    typed = {"mode": "rail", "status": "planned,operating", "avoid": ("a,b", "c")}
    typed |= {"extra": (), "kind": "road", "join_km": 2.0}
    typed |= dict.fromkeys(inputs.Reading.__annotations__)
    places, chosen = ways._parse(typed, "Rohri")
    assert places == ["Rohri"]
    assert chosen == {"mode": "rail", "status": ["planned", "operating"], "avoid": ["a", "b", "c"]}
    assert ways._parse({**typed, "status": "any"})[1]["status"] == "any"
    assert ways._parse({**typed, "status": None})[1]["status"] is None
    assert ways._speeds("motorway=100, highway=70") == {"motorway": 100, "highway": 70}
    assert tables._stop("12.5") == 12.5
    assert tables._stop("Rohri") == "Rohri"


def test_names_are_completed_whatever_their_case():
    completer = inputs.complete("corridor", "layer")
    assert completer(None, None, "ML1") == ["ml1", "ml1-chord"]
    assert completer(None, None, "kkh,Zon") == ["kkh,zones"]
    assert completer(None, None, "gwadar") == []
    # Places are too many to list all; those with the first letter are listed.
    place = inputs.complete("place")
    assert place(None, None, "") == []
    assert "gwadar-port" in place(None, None, "G")


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="can't be made"):
        make_folder(tmp_path / "file" / "inner")
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_a_cell_of_two_lines_is_folded_in_its_column(capsys):
    head, first, second = printed(capsys, pd.DataFrame({"x": ["a\nb"], "km": [1.0]}), "x km")
    assert head.split() == ["x", "km"]
    assert first.split() == ["a", "1.0"]
    assert second.split() == ["b"]


@pytest.mark.parametrize(
    ("ends", "told"),
    [
        # A quarter of 100 km is off the network, and no more.
        ((25.0, 0.0, 75.0), ""),
        ((25.1, 0.0, 75.0), "A lies 25.1 km off the network"),
        # An end with a tenth of that, or less, isn't named.
        ((90.0, 10.0, 10.0), "A lies 90.0 km off the network"),
        ((80.0, 20.0, 10.0), "A lies 80.0 km off and B lies 20.0 km off the network"),
        ((9.0, 91.0, 10.0), "B lies 91.0 km off the network"),
    ],
)
def test_ends_far_off_the_network_are_told(capsys, ends, told):
    one, two, km = ends
    way = SimpleNamespace(
        origin=SimpleNamespace(name="A", access_km=one),
        destination=SimpleNamespace(name="B", access_km=two),
        chainage_km=km,
    )
    way.access_note = Route.access_note.fget(way)
    screen.tell_access([way])
    said = capsys.readouterr().err
    if not told:
        assert said == ""
        return
    assert said.startswith(f"cpecgeo: way 1: {told}, in a straight line: {sum(ends):,.1f} km in")
    assert f"for the {km:,.1f} km on the network only." in said


def test_what_is_refreshed_is_told_with_what_stays(capsys):
    columns = {"ratio": 1.01234, "p95_deviation_km": 0.25, "gaps": 2.0, "gap_km": 1.26}
    rows = pd.DataFrame({"name": ["ml1", "kkh", "n10"], **columns, "units": 3, "overlap": 0.5})
    rows["outcome"] = ["refreshed", "no track", "no track"]
    rows["snapshot"] = ["2026-01-02", None, None]
    screen.give_gained(rows.set_index("name"), out=None, json=False)
    said = capsys.readouterr()
    assert said.out.splitlines()[1].split() == ["ml1", "1.012", "0.2", "2", "1.3", "3", "0.5"]
    assert said.err.splitlines() == [
        "cpecgeo: kkh, n10 as bundled: no track",
        "cpecgeo: 1 of 3 refreshed; data of 2026-01-02.",
    ]


def test_rows_without_a_position_are_counted(capsys):
    shapes = gpd.GeoDataFrame(geometry=[None] * 1200 + [shapely.Point(67, 25)], crs=4326)
    screen.tell_unplaced(shapes)
    assert capsys.readouterr().err == (
        "cpecgeo: 1,200 of 1,201 rows have no position, and no answer.\n"
    )
    screen.tell_unplaced(shapes.tail(1))
    assert capsys.readouterr().err == ""


def test_an_answer_stands_beside_its_row_under_a_name_of_its_own():
    frame = gpd.GeoDataFrame(
        {"n": [1], "title": ["A"], "km": [7.0]}, geometry=[shapely.Point(67, 25)], crs=4326
    )
    found = pd.DataFrame({"km": [1.0], "lon": [67.5], "rank": [1.0]})
    joined, told = screen.beside(frame, found, "km rank")
    assert told == ["title", "km_near", "rank"]
    assert joined["km_near"].tolist() == [1.0]
    assert joined["near_lon"].tolist() == [67.5]
    assert str(joined["rank"].dtype) == "Int64"
    _, told = screen.beside(frame.assign(name="x"), found, "km")
    assert told == ["name", "km_near"]


def test_a_source_is_not_overwritten(tmp_path):
    import click

    one, two = tmp_path / "a.csv", tmp_path / "b.csv"
    one.touch()
    with click.Context(click.Command("x")):
        screen.note_source(one)
        screen.refuse_source(two)  # not there yet
        two.touch()
        screen.refuse_source(two)
        with pytest.raises(InputError, match="is read by this command"):
            screen.refuse_source(tmp_path / ".." / tmp_path.name / "a.csv")
    screen.refuse_source(one)  # outside of a command

"""Rules of the commands themselves, each tested on both sides of its limit."""

from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from cpecgeo.cli import analyses, inputs, screen, tables, things, ways
from cpecgeo.errors import InputError
from cpecgeo.features.resolve import resolve
from cpecgeo.files.disk import make_folder


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
        ("per_km", 0.12345, "0.1235"),
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
    assert analyses._is_streamed(str(path), target, stream, resume=resume) is expected
    # A file that can't be read in batches isn't streamed, however large; a folder always is.
    path.rename(other := tmp_path / "a.kml")
    assert not analyses._is_streamed(str(other), target, None, resume=False)
    assert analyses._is_streamed(str(tmp_path), target, None, resume=False) is (out is not None)


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
    # There are too many places to list them all; those of one letter are listed.
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

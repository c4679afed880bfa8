"""A run replaces and removes only what a run wrote."""

import errno
import os
import shutil
from pathlib import Path

import pandas as pd
import pytest

from cpecgeo import scale
from cpecgeo.errors import FileError, InputError
from cpecgeo.scale.parts import translate

from .samples import frame, write
from .test_files import SMALL, cut_off


def snapshot(folder):
    """Return every file and link under a folder, with its bytes or its target."""
    return {
        str(path.relative_to(folder)): path.readlink()
        if path.is_symlink()
        else path.read_bytes()
        if path.is_file()
        else None
        for path in folder.rglob("*")
    }


@pytest.fixture
def home(tmp_path):
    """Return a folder with somebody's work, the source among it."""
    data = tmp_path / "data"
    (data / "notes").mkdir(parents=True)
    (data / "notes" / "thesis.txt").write_text("years of work")
    write(frame(2_500), data / "a.csv", "csv")
    return tmp_path


def linked(home):
    (home / "link").symlink_to(home / "data", target_is_directory=True)
    return home / "link"


HOLDERS = {
    "itself": lambda h: (h / "data" / "a.csv", h / "data"),
    "dots": lambda h: (h / "data" / "a.csv", h / "data" / "notes" / ".." / ".." / "data"),
    "source by a link": lambda h: (linked(h) / "a.csv", h / "data"),
    "result by a link": lambda h: (h / "data" / "a.csv", linked(h)),
    "above": lambda h: (h / "data" / "a.csv", h),
}


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("case", HOLDERS)
def test_folder_that_holds_the_source_is_refused(home, case, replace):
    source, out = HOLDERS[case](home)
    before = snapshot(home)
    with pytest.raises(InputError, match="holds .* which is read"):
        scale.nearest_file(source, out, targets="ml1", replace=replace, **SMALL)
    assert snapshot(home) == before


def test_result_folder_that_holds_the_source_is_refused(home):
    scale.nearest_file(home / "data" / "a.csv", home / "near", targets="ml1", **SMALL)
    before = snapshot(home)
    with pytest.raises(InputError, match="which is read"):
        scale.within_file(
            home / "near" / "part-000000.parquet", home / "near", targets="kkh", km=5, replace=True
        )
    with pytest.raises(InputError, match="among the files"):
        scale.nearest_file(home / "near", home / "near" / "more.parquet", targets="ml1")
    assert snapshot(home) == before


@pytest.mark.parametrize("make", ["hardlink_to", "symlink_to"])
def test_the_source_under_another_name_is_refused(home, make):
    source = home / "data" / "a.csv"
    getattr(home / "b.csv", make)(source)
    before = snapshot(home)
    with pytest.raises(InputError, match="write to another"):
        scale.nearest_file(source, home / "b.csv", targets="ml1")
    with pytest.raises(InputError, match="write to another"):
        scale.nearest_file(home / "b.csv", source, targets="ml1")
    assert snapshot(home) == before


def test_the_source_in_other_letters_is_refused(home, monkeypatch):
    """On a disk that ignores case the file decides, not the spelling of its name."""
    source = home / "data" / "a.csv"
    monkeypatch.setattr(Path, "samefile", lambda a, b: str(a).casefold() == str(Path(b)).casefold())
    before = snapshot(home)
    with pytest.raises(InputError, match="write to another"):
        scale.nearest_file(source, home / "DATA" / "A.CSV", targets="ml1")
    with pytest.raises(InputError, match="which is read"):
        scale.nearest_file(source, home / "Data", targets="ml1")
    assert snapshot(home) == before


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("name", ["old.parquet", "part-000000.parquet", "_cpecgeo.json"])
def test_folder_with_files_of_others_is_refused(home, name, replace):
    (home / "results").mkdir()
    (home / "results" / name).write_text('{"writer": "someone", "files": []}')
    before = snapshot(home)
    with pytest.raises(FileError, match="no run wrote"):
        scale.nearest_file(
            home / "data" / "a.csv", home / "results", targets="ml1", replace=replace
        )
    assert snapshot(home) == before


def test_results_are_replaced_only_on_request(home):
    source, out = home / "data" / "a.csv", home / "near"
    out.mkdir()  # an empty one counts as none
    scale.nearest_file(source, out, targets="kkh", **SMALL)
    before = snapshot(home)
    with pytest.raises(InputError, match="result of an earlier run"):
        scale.nearest_file(source, out, targets="ml1", **SMALL)
    assert snapshot(home) == before
    scale.nearest_file(source, out, targets="ml1", replace=True, **SMALL)
    assert set(pd.read_parquet(out)["target"].dropna()) == {"ml1"}
    assert sorted(p.name for p in out.iterdir()) == [
        "_cpecgeo.json", *(f"part-00000{n}.parquet" for n in range(3)),
    ]  # fmt: skip
    (out / "notes.txt").write_text("mine")
    with pytest.raises(FileError, match=r"'notes\.txt'"):
        scale.nearest_file(source, out, targets="kkh", replace=True, **SMALL)
    assert (out / "notes.txt").read_text() == "mine"
    assert set(pd.read_parquet(out / "part-000000.parquet")["target"].dropna()) == {"ml1"}


def test_files_that_come_while_it_runs_stay(home):
    source, out = home / "data" / "a.csv", home / "near"
    scale.nearest_file(source, out, targets="kkh", **SMALL)

    def put(_):
        (out / "late.txt").write_text("mine")

    with pytest.raises(FileError, match=r"'late\.txt'"):
        scale.nearest_file(source, out, targets="ml1", replace=True, progress=put, **SMALL)
    assert (out / "late.txt").read_text() == "mine"
    assert set(pd.read_parquet(out / "part-000000.parquet")["target"].dropna()) == {"kkh"}


def test_result_that_was_moved_aside_comes_back(home):
    """A run killed between the two moves leaves the earlier result among its parts."""
    source, out = home / "data" / "a.csv", home / "near"
    scale.nearest_file(source, out, targets="kkh", **SMALL)
    before = snapshot(out)
    with pytest.raises(KeyboardInterrupt):
        scale.nearest_file(source, out, targets="ml1", replace=True, progress=interrupt, **SMALL)
    out.rename(home / ".near.parts" / "old")
    with pytest.raises(InputError, match="result of an earlier run"):
        scale.nearest_file(source, out, targets="ml1", **SMALL)
    assert snapshot(out) == before


def interrupt(now):
    if now.rows >= 2_000:
        raise KeyboardInterrupt


PARTS = {
    "no record": lambda folder: (folder / "thesis.txt").write_text("years of work"),
    "another's record": lambda folder: (folder / "run.json").write_text('{"writer": "me"}'),
    "our names": lambda folder: (folder / "part-000000.parquet").write_text("data"),
    "a link": lambda folder: (folder / "lock").symlink_to(folder.parent / "data" / "a.csv"),
}


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("case", PARTS)
def test_parts_of_nobody_we_know_are_left_alone(home, case, resume):
    (home / ".o.csv.parts").mkdir()
    PARTS[case](home / ".o.csv.parts")
    before = snapshot(home)
    with pytest.raises(FileError, match="no run wrote"):
        scale.nearest_file(home / "data" / "a.csv", home / "o.csv", targets="ml1", resume=resume)
    assert snapshot(home) == before


@pytest.mark.parametrize("resume", [False, True])
def test_strange_file_among_our_parts_is_left_alone(home, resume):
    cut_off(home / "data" / "a.csv", home / "o.csv", after=2_000)
    (home / ".o.csv.parts" / "notes.txt").write_text("mine")
    before = snapshot(home)
    with pytest.raises(FileError, match=r"'notes\.txt'"):
        scale.nearest_file(home / "data" / "a.csv", home / "o.csv", targets="ml1", resume=resume)
    assert snapshot(home) == before


@pytest.mark.parametrize("resume", [False, True])
def test_parts_through_a_link_are_refused(home, resume):
    cut_off(home / "data" / "a.csv", home / "o.csv", after=2_000)
    shutil.move(home / ".o.csv.parts", home / "elsewhere")
    (home / ".o.csv.parts").symlink_to(home / "elsewhere", target_is_directory=True)
    before = snapshot(home)
    with pytest.raises(FileError, match="symbolic link"):
        scale.nearest_file(home / "data" / "a.csv", home / "o.csv", targets="ml1", resume=resume)
    assert snapshot(home) == before


def test_source_among_the_parts_is_refused(home):
    cut_off(home / "data" / "a.csv", home / "o.csv", after=2_000)
    before = snapshot(home)
    with pytest.raises(InputError, match="which is read"):
        scale.nearest_file(home / ".o.csv.parts" / "rows.csv", home / "o.csv", targets="ml1")
    assert snapshot(home) == before


def touch_time(path, text):
    """Write other bytes of the same length, and set the time of the last change back."""
    stat = path.stat()
    path.write_bytes(text)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


CHANGES = {
    "appended": lambda path: path.write_bytes(path.read_bytes() + b"1,x,1,67,25\n"),
    "time only": lambda path: os.utime(path, ns=(1, 1)),
    "same time and size": lambda path: touch_time(path, path.read_bytes()[:-4] + b"9.9\n"),
    "gone": lambda path: path.unlink(),
    "truncated": lambda path: os.truncate(path, 60_000),
}


@pytest.mark.parametrize("when", ["first batch", "last batch"])
@pytest.mark.parametrize("case", CHANGES)
def test_source_that_changes_while_it_is_read(home, case, when):
    source, out = home / "data" / "a.csv", home / "o.csv"
    done = []

    def change(now):
        if not done and now.rows >= (1 if when == "first batch" else 2_400):
            done.append(CHANGES[case](source))

    with pytest.raises(FileError, match="changed while it was read"):
        scale.nearest_file(source, out, targets="ml1", progress=change, **SMALL)
    assert sorted(p.name for p in home.iterdir()) == ["data"]


def test_folder_that_gets_a_file_while_it_is_read(tmp_path):
    source = write(frame(2_000), tmp_path / "many", "folder")

    def add(_):
        if not (source / "c.parquet").exists():
            shutil.copyfile(source / "a.parquet", source / "c.parquet")

    with pytest.raises(FileError, match="changed while it was read"):
        scale.nearest_file(source, tmp_path / "o.csv", targets="ml1", progress=add, **SMALL)


def test_result_may_stand_beside_its_source(home):
    """A subfolder, a sibling or another name in the source's folder overwrites nothing."""
    source = home / "data" / "a.csv"
    for out in ("data/near", "data/near.csv", "data/b.csv", "near"):
        scale.nearest_file(source, home / out, targets="ml1", **SMALL)
    assert (home / "data" / "notes" / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.ENOENT, "No such file or directory", "o.csv"), "No such file or directory"),
        (OSError("a driver's own words\nand more"), "a driver's own words"),
        (OSError(), "unknown"),
    ],
)
def test_the_system_s_reason_is_told_in_a_line(error, reason):
    told = str(translate(error, Path("o.csv")))
    assert told.startswith(f"can't write o.csv ({reason}); name a file")


def test_a_full_disk_is_told_whoever_says_so():
    for error in (OSError(errno.ENOSPC, "x"), OSError("No space left on device")):
        assert "The disk is full while writing o.csv" in str(translate(error, Path("o.csv")))

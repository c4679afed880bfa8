"""Which tests are said to run a line: of a function, a constant, a default, a field, a cache."""

import pytest

coverage = pytest.importorskip("coverage")

from tools.runs import Runs  # noqa: E402 - coverage comes first

MODULE = """\
LIMIT = 5
DOUBLE = LIMIT * 2


class Thing:
    size: int = 3


def first(km=7):
    if km > LIMIT:
        return (
            km
            + 1
        )
    return DOUBLE


@lru_cache
def kept():
    return Thing(4)


def last():
    return kept()


@kernel("f8")
def compiled(x):
    return x
"""
OTHER = "from cpecgeo.room.module import LIMIT\n\n\ndef far():\n    return LIMIT\n"
# By test: file and lines.
RAN = {
    "tests/a.py::first|run": ("module.py", [10, 11, 12]),
    "tests/a.py::first|teardown": ("module.py", [10]),
    "tests/a.py::rest[x@y]|run": ("module.py", [10, 15]),
    "tests/b.py::kept@group|run": ("module.py", [20, 24]),
    "tests/b.py::last|run": ("module.py", [24]),
    "tests/e.py::first|setup": ("module.py", [15]),
    "tests/c.py::far|run": ("other.py", [5]),
    "": ("module.py", [1, 2, 5, 6, 9, 18, 23]),
}
NEW, SHARED = "tests/d.py::new", "tests/e.py"
FIRST, REST, KEPT, LAST, FAR = (
    "tests/a.py::first", "tests/a.py::rest[x@y]", "tests/b.py::kept", "tests/b.py::last",
    "tests/c.py::far",
)  # fmt: skip


@pytest.fixture
def runs(tmp_path):
    """Runs in two other checkouts than the one that is asked about."""
    room = tmp_path / "here" / "cpecgeo" / "room"
    room.mkdir(parents=True)
    (room / "module.py").write_text(MODULE)
    (room / "other.py").write_text(OTHER)
    data = coverage.CoverageData(basename=str(tmp_path / "data"))
    for context, (file, lines) in RAN.items():
        data.set_context(context)
        data.add_lines({f"/elsewhere/cpecgeo/room/{file}": lines})
    data.set_context("tests/d.py::new|run")
    data.add_lines({"/a/third/cpecgeo/room/module.py": [15]})
    data.write()
    return Runs(tmp_path / "data", tmp_path / "here"), room


@pytest.mark.parametrize(
    ("line", "tests"),
    [
        (13, {FIRST}),  # the middle of a statement
        (10, {FIRST, REST}),
        (15, {REST, NEW, SHARED}),
        (1, {FIRST, REST, FAR, NEW, SHARED}),  # read in line 10, by DOUBLE, and in the other file
        (2, {REST, NEW, SHARED}),
        (6, {KEPT, LAST}),  # the class is named in a function with a cache, that line 24 calls
        (9, {FIRST, REST, NEW, SHARED}),
        (20, {KEPT, LAST}),
        (29, set()),
    ],
)
def test_the_tests_of_a_line(runs, line, tests):
    found, room = runs
    assert found.tests_of(room / "module.py", line) - {""} == tests


@pytest.mark.parametrize(
    ("line", "names"),
    [
        (1, {"LIMIT"}),
        (2, {"DOUBLE"}),
        (6, {"Thing"}),
        (9, {"first"}),  # a default
        (18, {"kept"}),  # a decorator
        (10, set()),
        (12, set()),
        (24, set()),
        (3, set()),
    ],
)
def test_the_names_that_a_line_sets_as_the_module_is_read(runs, line, names):
    found, room = runs
    assert found.names_set(room / "module.py", line) == names


def test_kernels_and_sizes(runs):
    found, room = runs
    assert found.is_kernel(room / "module.py", 29)
    assert not found.is_kernel(room / "module.py", 24)
    assert found.sizes[FIRST] == 3
    assert found.sizes[KEPT] == 2


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SystemExit, match="none isn't a file"):
        Runs(tmp_path / "none", tmp_path)

r"""Break lines and see whether the tests notice: `python -m tools.mutate --count 40`.

A mutant is the source with one comparison, operator, number or word of logic changed. Places
are drawn evenly over the rooms, the same ones for the same seed. Each is made in a copy of the
tree, as it is at the start, in a temporary folder; the tests of its room are run there until the
first failure, those first that name the function or the module. What stays unnoticed is printed
last: each is a test to write.

With `--coverage FILE` a mutant is tested by all tests of the suite that run its line: those of
the nearest files first, of each function one case first, and those that run few lines before
those that run many. A line that no test runs is said to be one at once (processes that tests
start aren't seen). What is set as a module is read is tested by the files that name it as well,
and by the tests of defaults. Kernels are tested by their room as well, because coverage can't see
them once they are compiled. The file is made on the same sources, in half an hour, by

    python -m pytest -n 2 --dist loadgroup -m "not browser and not wheel" \
      --cov=cpecgeo --cov-context=test --cov-report=
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tools.runs import Runs

ROOT = Path(__file__).parents[1]
# Left out of the copy: of the root, and of all folders.
LEFT = {
    ".git",
    ".venv",
    ".venv-minimum",
    ".mypy_cache",
    ".ruff_cache",
    ".hypothesis",
    "dist",
    "out",
}
MADE = {"__pycache__", "_build"}
_FIRST = 40
_NONE = "pytest, which couldn't begin"
# What stands there, and what it becomes.
FLIPPED: dict[type, tuple[str, str]] = {
    ast.Lt: ("<", ">="), ast.LtE: ("<=", ">"), ast.Gt: (">", "<="), ast.GtE: (">=", "<"),
    ast.Eq: ("==", "!="), ast.NotEq: ("!=", "=="),
}  # fmt: skip
SIGNS: dict[type, tuple[str, str]] = {
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "/"), ast.Div: ("/", "*"),
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One change: the text of a file from `start` to `end` becomes `text`."""

    path: Path
    line: int
    start: int
    end: int
    text: str
    within: str
    """The function or class around it."""

    @property
    def room(self) -> str:
        """The room whose tests should notice."""
        return self.path.relative_to(ROOT / "cpecgeo").parts[0].removesuffix(".py")

    def apply(self, source: str) -> str:
        """Return the source with the change."""
        return source[: self.start] + self.text + source[self.end :]


def offsets(source: str) -> list[int]:
    """Return where each line of a source begins."""
    found = [0]
    for line in source.splitlines(keepends=True):
        found.append(found[-1] + len(line))
    return found


def mutants_of(path: Path) -> Iterator[Mutant]:
    """Yield every change that can be made in a file."""
    source = path.read_text(encoding="utf-8")
    begin = offsets(source)
    lines = source.splitlines()

    def at(row: int, column: int) -> int:
        # Columns of the syntax tree count bytes.
        return begin[row - 1] + len(lines[row - 1].encode()[:column].decode())

    def between(left: ast.expr, right: ast.expr, old: str, new: str) -> Mutant | None:
        start = at(left.end_lineno or 0, left.end_col_offset or 0)
        end = at(right.lineno, right.col_offset)
        place = source.find(old, start, end)
        if place < 0:
            return None
        return Mutant(path, left.end_lineno or 0, place, place + len(old), new, "")

    tree = ast.parse(source)
    annotations = {
        id(inner)
        for node in ast.walk(tree)
        for part in (getattr(node, "annotation", None), getattr(node, "returns", None))
        if part is not None
        for inner in ast.walk(part)
    }
    # Walked from outside in, so that what is innermost stays.
    around = {
        id(inner): outer.name
        for outer in ast.walk(tree)
        if isinstance(outer, (ast.FunctionDef, ast.ClassDef))
        for inner in ast.walk(outer)
    }
    for node in ast.walk(tree):
        if id(node) in annotations:
            continue
        found = None
        if (operator := operator_of(node)) is not None:
            found = between(*operator)
        elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
            start = at(node.lineno, node.col_offset)
            end = at(node.end_lineno or 0, node.end_col_offset or 0)
            found = Mutant(path, node.lineno, start, end, f"({node.value!r} * 2 + 1)", "")
        if found is not None:
            yield replace(found, within=around.get(id(node), ""))


def operator_of(node: ast.AST) -> tuple[ast.expr, ast.expr, str, str] | None:
    """Return the operands of a comparison, sum or condition, its sign, and another."""
    match node:
        case ast.Compare(left=left, ops=[op, *_], comparators=[right, *_]) if type(op) in FLIPPED:
            return left, right, *FLIPPED[type(op)]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in SIGNS:
            return left, right, *SIGNS[type(op)]
        case ast.BoolOp(op=op, values=[left, right, *_]):
            words = ("and", "or") if isinstance(op, ast.And) else ("or", "and")
            return left, right, *words
    return None


def draw(count: int, seed: int) -> list[Mutant]:
    """Draw mutants evenly over the rooms."""
    rooms: dict[str, list[Mutant]] = {}
    for path in sorted((ROOT / "cpecgeo").rglob("*.py")):
        if path.name in {"__init__.py", "__main__.py"}:
            continue
        for mutant in mutants_of(path):
            rooms.setdefault(mutant.room, []).append(mutant)
    random.seed(seed)  # the same places for the same seed
    for room in rooms.values():
        random.shuffle(room)
    chosen: list[Mutant] = []
    while len(chosen) < count and any(rooms.values()):
        chosen += [room.pop() for room in rooms.values() if room]
    return chosen[:count]


def left_out(folder: str, names: Iterable[str]) -> set[str]:
    """Return the names in a folder that aren't copied; of the vendored libraries all are."""
    return {*names} & (MADE | LEFT if Path(folder) == ROOT else MADE)


def tests_of(mutant: Mutant) -> list[str]:
    """Return the tests that should notice a mutant, the nearest first."""
    room = mutant.room
    more = {
        "features": ["tests/analysis", "tests/data", "tests/test_grid.py"],
        "analysis": ["tests/routing", "tests/reports", "tests/test_grid.py"],
        "catalogue": ["tests/data", "tests/features", "tests/osm"],
        "files": ["tests/bad_input/test_files.py", "tests/cli"],
        "cli": ["tests/bad_input/test_commands.py"],
        "errors": ["tests/bad_input"],
        "testing": ["tests/geodesy"],
    }
    listed = [path for path in (f"tests/{room}", *more.get(room, ())) if (ROOT / path).exists()]
    found = {
        file: _distance(mutant, file)
        for path in listed or ["tests"]
        for file in ([ROOT / path] if path.endswith(".py") else (ROOT / path).rglob("test_*.py"))
    }
    nearest = sorted(found, key=lambda file: (found[file], file))
    return [file.relative_to(ROOT).as_posix() for file in nearest]


def tests_that_run(mutant: Mutant, runs: Runs) -> list[str]:
    """Return the tests that run a mutant's line, the nearest and fastest first."""
    found = runs.tests_of(mutant.path, mutant.line)
    tests = found - {""}
    files = {test.partition("::")[0] for test in tests}
    near = {file: (_distance(mutant, ROOT / file), file) for file in files}
    first: dict[str, str] = {}  # the fastest case of each function
    for test in sorted(tests, key=lambda test: (runs.sizes[test], test)):
        first.setdefault(test.partition("[")[0], test)
    some = set(first.values())
    chosen = sorted(
        tests, key=lambda t: (t not in some, near[t.partition("::")[0]], runs.sizes[t], t)
    )
    if names := runs.names_set(mutant.path, mutant.line):
        # Tests may read them without running a line.
        chosen += [*_tests_naming(mutant, names), "tests/test_defaults.py"]
    # Coverage doesn't see compiled code, nor for which test something was kept as tests were read.
    is_hidden = runs.is_kernel(mutant.path, mutant.line) or found == {""}
    return [*chosen, *tests_of(mutant)] if is_hidden else chosen


def _tests_naming(mutant: Mutant, names: set[str]) -> list[str]:
    """Return the files of tests that name a module and something that it sets."""
    said = re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(names)))})\b")
    found = []
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        text = file.read_text(encoding="utf-8")
        if said.search(text) and re.search(rf"\b{mutant.path.stem}\b", text):
            found.append(file)
    return [
        f.relative_to(ROOT).as_posix() for f in sorted(found, key=lambda f: _distance(mutant, f))
    ]


def _distance(mutant: Mutant, test: Path) -> int:
    """Return the less, the more a test says of what is broken."""
    text = test.read_text(encoding="utf-8")
    module = ".".join(mutant.path.relative_to(ROOT).with_suffix("").parts)
    signs = (
        bool(mutant.within) and re.search(rf"\b{mutant.within}\b", text) is not None,
        mutant.path.stem.strip("_") in test.stem,
        module in text,
    )
    return -sum(weight * sign for weight, sign in zip((4, 2, 1), signs, strict=True))


def run_tests(mutant: Mutant, tests: list[str], folder: Path, seconds: float) -> tuple[str, str]:
    """Run tests of a mutant in its own copy and say what became of it, and which test noticed.

    A run that takes too long is said to be one: on a busy machine it needn't be the mutant's
    fault.
    """
    if not tests:
        return "RUN BY NO TEST", ""
    target = folder / mutant.path.relative_to(ROOT)
    source = target.read_text(encoding="utf-8")
    target.write_text(mutant.apply(source), encoding="utf-8")
    end = time.monotonic() + seconds
    try:
        # Most mutants are noticed by the nearest tests, which are quickly collected.
        for some in filter(None, (tests[:_FIRST], tests[_FIRST:])):
            run = _pytest(folder, some, "-x", timeout=end - time.monotonic())
            if run.returncode:
                return "noticed", next(iter(_failed(run.stdout)), _NONE)
    except subprocess.TimeoutExpired:
        return "timed out", ""
    finally:
        target.write_text(source, encoding="utf-8")
    return "UNNOTICED", ""


def _pytest(
    folder: Path, tests: Iterable[str], *options: str, timeout: float | None = None
) -> subprocess.CompletedProcess[str]:
    """Run some tests in a copy of the tree."""
    listed = folder / "tests.txt"  # too many for a command line
    listed.write_text("\n".join(tests), encoding="utf-8")
    env = {**os.environ, "PYTHONPATH": str(folder), "PYTHONPYCACHEPREFIX": str(folder / "pyc")}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    command += ["-m", "not browser and not wheel", f"@{listed}"]
    return subprocess.run(
        command,
        cwd=folder,
        env=env,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=timeout,
        check=False,
    )


def _failed(told: str) -> list[str]:
    """Return the tests that have failed, by pytest's summary."""
    return re.findall(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", told, re.MULTILINE)


def main() -> int:
    """Draw, break, run, and list what stayed unnoticed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=600.0, help="limit for one mutant")
    parser.add_argument("--rooms", nargs="*", help="only these rooms")
    parser.add_argument("--coverage", type=Path, help="a run of the suite, one context a test")
    asked = parser.parse_args()
    runs = None
    if asked.coverage:
        from tools.runs import Runs

        runs = Runs(asked.coverage, ROOT)
    chosen = draw(asked.count * (10 if asked.rooms else 1), asked.seed)
    if asked.rooms:
        chosen = [m for m in chosen if m.room in asked.rooms][: asked.count]
    missed, noticed = [], {}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "copy"
        shutil.copytree(ROOT, folder, ignore=left_out)
        for number, mutant in enumerate(chosen, 1):
            began = time.perf_counter()
            tests = (
                tests_that_run(mutant, runs)
                if runs
                else [mutant.path.relative_to(ROOT).as_posix(), *tests_of(mutant)]
            )
            word, by = run_tests(mutant, tests, folder, asked.seconds)
            place = f"{mutant.path.relative_to(ROOT)}:{mutant.line}"
            path = folder / mutant.path.relative_to(ROOT)
            old = path.read_text(encoding="utf-8")[mutant.start : mutant.end]
            took = f"{time.perf_counter() - began:.0f} s"
            print(f"{number:3} {word:14} {place}: {old} → {mutant.text} ({took}) {by}", flush=True)
            if word == "noticed":
                noticed[number] = by
            else:
                missed.append(number)
        # A test that fails whatever is broken, for want of a font for instance, notices nothing.
        always = {*_failed(_pytest(folder, sorted({*noticed.values()} - {_NONE})).stdout)}
    for number in [n for n, by in noticed.items() if by in always]:
        print(f"{number:3} {noticed[number]} fails without the change as well")
        missed.append(number)
    print(f"{len(chosen) - len(missed)} of {len(chosen)} noticed")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())

"""Which tests run a line, by a run of the suite under coverage with one context for each test.

What runs at import belongs to no test, and what is kept in a cache to the first test that asked. So
a constant is traced to the lines that read it, a function with a cache to those that name it, a
default to its function, and a field to the lines that name its class. What a fixture runs belongs
to all tests of its file.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cached_property, lru_cache
from pathlib import Path

import coverage

_Place = tuple[Path, int]


class Runs:
    """The lines that each test runs, of the sources under a folder."""

    def __init__(self, file: Path, root: Path) -> None:
        if not file.is_file():
            raise SystemExit(f"{file} isn't a file.")
        self.root = root
        self.data = coverage.CoverageData(basename=str(file))
        self.data.read()
        # The run may have been in another checkout, or runs of several may be combined.
        self.names: dict[Path, list[str]] = {}
        for name in sorted(self.data.measured_files()):
            if "cpecgeo" in (parts := Path(name).parts):
                here = root.joinpath(*parts[parts.index("cpecgeo") :])
                self.names.setdefault(here, []).append(name)

    def tests_of(self, path: Path, line: int) -> set[str]:
        """Return the tests that run a line, or that read what it sets at import.

        One of them is "" where a line runs outside of all tests, as they are collected.
        """
        places = self._places(path, line, frozenset())
        return {test for file, row in places for test in self._tests_by_line(file).get(row, ())}

    @staticmethod
    def names_set(path: Path, line: int) -> set[str]:
        """Return the names that a line sets as its module is read; none where a function runs it.

        A decorator or a default sets its function, a field its class. Tests that read such a name
        run no line of the module.
        """
        tree = _tree(path)
        for node in ast.walk(tree):
            marks = getattr(node, "decorator_list", ())
            if any(mark.lineno <= line <= (mark.end_lineno or 0) for mark in marks):
                return {node.name} if isinstance(node, (ast.FunctionDef, ast.ClassDef)) else set()
        above = list(_statements_around(tree, line))
        functions = [node for node in above if isinstance(node, ast.FunctionDef)]
        if not above or any(node.body[0].lineno <= line for node in functions):
            return set()
        return {functions[0].name} if functions else _names(above[0])

    @staticmethod
    def is_kernel(path: Path, line: int) -> bool:
        """Say whether a line is a kernel's, which LLVM compiles."""
        above = _statements_around(_tree(path), line)
        return any("kernel" in _marks(node) for node in above)

    @cached_property
    def sizes(self) -> Counter[str]:
        """How many lines each test runs: roughly, how long it takes."""
        tests = (tests for path in self.names for tests in self._tests_by_line(path).values())
        return Counter(test for some in tests for test in some)

    def _tests_by_line(self, path: Path) -> dict[int, set[str]]:
        tests: dict[int, set[str]] = {}
        for name in self.names.get(path, ()):
            for line, contexts in self.data.contexts_by_lineno(name).items():
                tests.setdefault(line, set()).update(map(_test, contexts))
        return tests

    def _places(self, path: Path, line: int, seen: frozenset[str]) -> set[_Place]:
        """Return the lines of functions that are a line, or read what it sets."""
        above = list(_statements_around(_tree(path), line))
        if not above:
            return set()
        functions = [node for node in above if isinstance(node, ast.FunctionDef)]
        if any(node.body[0].lineno <= line for node in functions):
            kept = {node.name for node in functions if "cache" in _marks(node)}
            return {(path, row) for row in _head(above[-1])} | self._reading(path, kept, seen)
        if functions:  # a default
            body = functions[0].body
            return {(path, row) for row in range(body[0].lineno, (body[-1].end_lineno or 0) + 1)}
        return self._reading(path, _names(above[0]), seen)

    def _reading(self, path: Path, names: set[str], seen: frozenset[str]) -> set[_Place]:
        """Return the lines of functions that read one of some names of a module."""
        return {
            place
            for name in names - seen
            for file, row in self._readers(path, name)
            for place in self._places(file, row, seen | names)
        }

    def _readers(self, path: Path, name: str) -> Iterator[_Place]:
        """Yield the lines that read a name of a module: its own, and those that import it."""
        far = re.compile(rf"\bimport\b[^=]*\b{name}\b|\b{path.stem}\.{name}\b")
        for file in sorted((self.root / "cpecgeo").rglob("*.py")):
            if file != path and not far.search(file.read_text(encoding="utf-8")):
                continue
            for node in ast.walk(_tree(file)):
                match node:
                    case ast.Name(id=said) | ast.Attribute(attr=said) if said == name:
                        if isinstance(node.ctx, ast.Load):
                            yield file, node.lineno
                    case _:
                        pass


def _statements_around(tree: ast.AST, line: int) -> Iterator[ast.stmt]:
    """Yield the statements around a line, from outside in."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.stmt):
            if not node.lineno <= line <= (node.end_lineno or 0):
                continue
            yield node
        yield from _statements_around(node, line)


def _names(outer: ast.stmt) -> set[str]:
    """Return the names that a statement of a module sets."""
    if isinstance(outer, ast.ClassDef):
        return {outer.name}
    stored = (n for n in ast.walk(outer) if isinstance(n, ast.Name))
    return {n.id for n in stored if isinstance(n.ctx, ast.Store)}


def _test(context: str) -> str:
    """Return the test of a context; of a fixture, which several may share, the file."""
    test, _, phase = context.rpartition("|")
    if phase == "setup":
        return test.partition("::")[0]
    return re.sub(r"@[\w-]+$", "", test)  # without the group that pytest-xdist adds


def _marks(node: ast.stmt) -> str:
    """Return the decorators of a function or class."""
    return " ".join(map(ast.unparse, getattr(node, "decorator_list", ())))


@lru_cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _head(statement: ast.stmt) -> range:
    """Return the lines of a statement, without those of the statements in it."""
    body = getattr(statement, "body", None)
    end = body[0].lineno - 1 if body else statement.end_lineno or 0
    return range(statement.lineno, max(end, statement.lineno) + 1)

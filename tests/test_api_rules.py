"""The rules of the API page, held by looking at every public function."""

import ast
import inspect
import re
from pathlib import Path
from types import ModuleType

import pytest

import cpecgeo as cg

# Three things that belong together, none of them an option.
THREE = {"within", "scale.exposure", "scale.within"}
# Words that would be a second name for one idea; see the API page.
BANNED = re.compile(r"^(every|distance|radius|radii|dist|tolerance|lorry|target|to|zone|max_dist)$")
# What a docstring of a function may begin with.
VERBS = {
    "Add", "Answer", "Apply", "Ask", "Build", "Calibrate", "Check", "Cite", "Clip", "Compare",
    "Complete", "Compute", "Convert", "Count", "Cut", "Densify", "Draw", "Encode", "Find", "Index",
    "Iterate", "Join", "List", "Load", "Locate", "Look", "Make", "Match", "Measure", "Merge",
    "Open", "Order", "Parse", "Place", "Prepare", "Print", "Read", "Refresh", "Refuse", "Replace",
    "Report", "Request", "Resolve", "Return", "Run", "Sample", "Save", "Say", "Search", "Select",
    "Show", "Simplify", "Snap", "Split", "Stream", "Strip", "Sum", "Take", "Tell", "Test", "Turn",
    "Use", "Validate", "Write", "Yield",
}  # fmt: skip


def public():
    """Every public function and method, by the name that a user types."""
    modules = [getattr(cg, n) for n in cg.__all__ if isinstance(getattr(cg, n), ModuleType)]
    for module in [cg, *modules]:
        for name in module.__all__:
            thing = getattr(module, name)
            place = name if module is cg else f"{module.__name__.rpartition('.')[2]}.{name}"
            if inspect.isclass(thing) and thing.__module__.startswith("cpecgeo"):
                for key, inner in vars(thing).items():
                    if inspect.isfunction(inner) and inner.__name__ == key and key[0] != "_":
                        yield f"{place}.{key}", inner
            elif inspect.isfunction(thing):
                yield place, thing


FUNCTIONS = dict(public())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_data_comes_first_and_options_by_keyword(name):
    kinds = inspect.signature(FUNCTIONS[name]).parameters.values()
    first = [p.name for p in kinds if p.kind is p.POSITIONAL_OR_KEYWORD and p.name != "self"]
    assert len(first) <= (3 if name in THREE else 2), first


@pytest.mark.parametrize("name", FUNCTIONS)
def test_one_word_for_one_idea(name):
    given = set(inspect.signature(FUNCTIONS[name]).parameters)
    if name == "Corridor.km_posts":
        given -= {"every"}  # its earlier name
    assert not {p for p in given if BANNED.match(p)}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_docstrings_begin_with_a_verb(name):
    text = inspect.getdoc(FUNCTIONS[name]) or ""
    assert text.split()[:1], "no docstring"
    assert text.split()[0].strip(",;.:") in VERBS, text.splitlines()[0]


@pytest.mark.parametrize("name", [n for n in cg.__all__ if inspect.isfunction(getattr(cg, n))])
def test_verbs_have_types_errors_and_an_example(name):
    verb = getattr(cg, name)
    text = inspect.getdoc(verb)
    assert "Returns\n-------" in text
    assert "Examples\n--------" in text
    given = inspect.signature(verb).parameters
    if given:
        assert "Parameters\n----------" in text
    untyped = [
        p.name
        for p in given.values()
        if p.annotation in {"Any", p.empty} and p.kind is not p.VAR_KEYWORD
    ]
    assert not untyped
    assert all(p in text for p in given)


def test_tables_of_features_are_on_the_id():
    for frame in (cg.layer("mines"), cg.corridors(), cg.markets()):
        assert list(frame.index) == list(frame["id"])
        assert frame.index.name is None


def test_a_class_has_its_name_alone():
    """One name, one meaning: nobody can tell two classes of one name apart."""
    found = {}
    for path in Path(cg.__file__).parent.rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found.setdefault(node.name, []).append(path.stem)
    assert {name: where for name, where in found.items() if len(where) > 1} == {}

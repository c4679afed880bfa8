"""The documentation's pages against the package: every public name has one, no link leads nowhere."""

import importlib
import re
import tomllib
from pathlib import Path

import nbformat
import pytest

import cpecgeo as cg

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
MODULES = ("errors", "geodesy", "mining", "osm", "rail", "routing", "scale", "testing", "maps")
# Constants of a module, told on the page of the class that takes them.
UNLISTED = {"osm.ENDPOINTS"}


def listed():
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    return re.findall(r"^ {3}cpecgeo\.([\w.]+)$", text, re.MULTILINE)


def public():
    names = {n for n in cg.__all__ if n != "__version__"} - set(MODULES)
    for module in MODULES:
        found = getattr(cg, module, None) or importlib.import_module(f"cpecgeo.{module}")
        names |= {f"{module}.{name}" for name in found.__all__}
    # What has moved to the top level, or comes from there, is listed there.
    return {n for n in names if "." not in n or n.split(".")[1] not in cg.__all__ or n in listed()}


def test_every_public_name_has_a_page():
    names = listed()
    assert len(names) == len(set(names)), "each once"
    assert set(names) == public() - UNLISTED


def test_the_first_page_prints_what_it_says(capsys):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    pairs = re.findall(r"```python\n(.*?)```\s+```text\n(.*?)```", text, re.DOTALL)
    assert len(pairs) == text.count("```python") == text.count("```text") >= 1
    for code, printed in pairs:
        exec(compile(code, "README.md", "exec"), {})  # noqa: S102
        assert capsys.readouterr().out == printed


def test_extras_that_are_named_exist():
    known = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for page in (ROOT / "README.md", *DOCS.rglob("*.md")):
        for asked in re.findall(r"(?:cpecgeo|'\.)\[([a-z,]+)\]'", page.read_text(encoding="utf-8")):
            unknown = set(asked.split(",")) - set(known["optional-dependencies"])
            assert not unknown, page.name


def test_pages_are_in_the_contents_and_links_lead_somewhere():
    pages = [*DOCS.glob("*.md"), *(DOCS / "howto").glob("*.md")]
    inside = "\n".join(
        block
        for page in (DOCS / "index.md", DOCS / "howto/index.md")
        for block in re.findall(
            r"```\{toctree\}.*?```", page.read_text(encoding="utf-8"), re.DOTALL
        )
    )
    globs = [line for line in inside.splitlines() if re.fullmatch(r"[\w/*-]+", line)]
    for page in pages:
        name = page.relative_to(DOCS).with_suffix("").as_posix()
        inner = name.removeprefix("howto/")
        assert name == "index" or any(Path(n).match(g) for n in (name, inner) for g in globs), name
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#\s]+)", text):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{name}: {target}"


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda p: p.stem)
def test_a_notebook_shows_a_live_map(path):
    outputs = [
        output.get("data", {}).get("text/html", "")
        for cell in nbformat.read(path, as_version=4).cells
        for output in cell.get("outputs", [])
    ]
    maps = [text for text in outputs if "<iframe" in text and "leaflet" in text]
    assert maps
    assert max(map(len, maps)) < 900_000, "small ones"
    assert all("Content-Security-Policy" in text for text in maps), "which ask no server"


def test_the_documentation_is_built_elsewhere_as_here():
    told = (ROOT / ".readthedocs.yaml").read_text(encoding="utf-8")
    assert "make docs" in told
    make = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "docs/_build/html" in make
    assert "docs/_build/html" in told

"""Tools ask one another only for names that there are; most of their steps need the internet."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "tools").rglob("*.py"))


def list_uses(tree):
    """List the modules of tools that a file imports, and the names that it takes from each."""
    modules = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "tools":
            for name in node.names:
                yield node.module, name.name
                modules[name.asname or name.name] = f"{node.module}.{name.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = modules.get(node.value.id)
            if module and (ROOT / module.replace(".", "/")).with_suffix(".py").exists():
                yield module, node.attr


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.relative_to(ROOT).as_posix())
def test_names_of_other_tools_exist(file):
    for module, name in set(list_uses(ast.parse(file.read_text("utf-8")))):
        path = ROOT / module.replace(".", "/")
        if (path / name).with_suffix(".py").exists() or (path / name).is_dir():
            continue
        source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        defined = {
            n
            for node in ast.parse(source.read_text("utf-8")).body
            for n in (
                [node.name]
                if hasattr(node, "name")
                else [t.id for t in ast.walk(node) if isinstance(t, ast.Name)]
                + [
                    a.asname or a.name
                    for t in ast.walk(node)
                    if isinstance(t, ast.alias)
                    for a in [t]
                ]
            )
        }
        assert name in defined, f"{module} has no {name}"

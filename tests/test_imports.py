"""The house keeps its floors: who may import whom, and what an import may cost."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "cpecgeo"
MODULES = sorted(PACKAGE.rglob("*.py"))

# From the ground up. A room imports from floors below it and from its own.
FLOORS = [
    "errors",
    "geodesy",
    "files",
    "catalogue",
    "features",
    "analysis",
    "routing",
    "maps",
    "reports",
    "cli",
]

# Rooms beside the floors: what each may import, besides itself.
BESIDE = {
    "testing": {"errors", "geodesy"},
    "osm": set(FLOORS) - {"cli", "reports"},
    "scale": set(FLOORS) - {"cli", "reports", "maps"},
    "__init__": {*FLOORS, "osm", "scale"} - {"cli"},
    "__main__": {"cli"},
}

# These rooms beside the floors may be imported from the top floor.
ABOVE = {"osm": {"cli"}, "scale": {"cli"}}

HEAVY = ["geopandas", "folium", "llvmlite", "osmnx", "pandas", "dask", "matplotlib", "pyarrow"]


def room(path):
    """The room a file is in: its first folder, or its own name on the ground."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path):
    """Yield each module inside the package that a module imports, also late, and the line."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    parents = path.relative_to(PACKAGE.parent).with_suffix("").parts[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = parents[: len(parents) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            # In `from cpecgeo import x`, x is the room.
            names = (
                [f"{module}.{alias.name}" for alias in node.names]
                if module == "cpecgeo"
                else [module]
            )
        else:
            continue
        for name in names:
            if name.startswith("cpecgeo.") and not name.startswith("cpecgeo.__"):
                yield name, node.lineno


def allowed(here, there):
    if here == there:
        return True
    if here in BESIDE:
        return there in BESIDE[here]
    if there in ABOVE:
        return here in ABOVE[there]
    return here in FLOORS and there in FLOORS and FLOORS.index(there) < FLOORS.index(here)


def test_every_room_has_a_floor():
    assert {room(p) for p in MODULES} <= {*FLOORS, *BESIDE}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_down(path):
    here = room(path)
    place = path.relative_to(PACKAGE).as_posix()
    wrong = [
        f"{place}:{line} imports {name}"
        for name, line in imports(path)
        if not allowed(here, name.split(".")[1])
    ]
    assert not wrong


def test_no_circle_of_modules():
    """No module needs itself by way of others, imports inside functions counted."""
    names = {".".join(p.relative_to(PACKAGE.parent).with_suffix("").parts): p for p in MODULES}
    names = {n.removesuffix(".__init__"): p for n, p in names.items()}
    needs = {n: set() for n in names}
    for name, path in names.items():
        if path.name == "__init__.py":
            continue  # a room's `__init__` names its modules, and they never import it
        for imported, _ in imports(path):
            target = imported
            while target and target not in names:
                target = target.rpartition(".")[0]
            if target and target not in {name, "cpecgeo"} and names[target].name != "__init__.py":
                needs[name].add(target)
    done = set()
    while ready := [n for n in needs if n not in done and needs[n] <= done]:
        done.update(ready)
    assert set(needs) == done


def facade_users():
    """Yield the place and the syntax tree of each function that imports the facade."""
    for path in MODULES:
        place = path.relative_to(PACKAGE).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and any(
                isinstance(s, ast.Import) and any(a.name == "cpecgeo" for a in s.names)
                for s in ast.walk(node)
            ):
                yield place, node


def test_conveniences_are_one_line_through_the_facade():
    """`Corridor.buffer`, `Route.explore` …: import cpecgeo, return its answer, nothing else."""
    seen = 0
    for place, node in facade_users():
        body = [
            s
            for s in node.body
            if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))
        ]
        assert len(body) == 2, f"{place}: {node.name} does more than call up"
        assert isinstance(body[0], ast.Import), f"{place}: {node.name} does more than call up"
        assert isinstance(body[1], ast.Return), f"{place}: {node.name} does more than call up"
        assert node.args.args[:1], f"{place}: {node.name} is no method"
        assert node.args.args[0].arg == "self", f"{place}: {node.name} is no method"
        seen += 1
    assert seen >= 6


def test_geod_is_geodesys_own():
    """Only geodesy, and the slow reference beside it, use pyproj's `Geod`."""
    users = set()
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = (isinstance(node, ast.Attribute) and node.attr == "Geod") or (
                isinstance(node, ast.ImportFrom)
                and (node.module or "").split(".")[0] == "pyproj"
                and any(alias.name == "Geod" for alias in node.names)
            )
            if named:
                users.add(room(path))
    assert users <= {"geodesy", "testing"}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_stay_readable(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_the_picture_of_the_house_has_every_module():
    text = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    picture = text.partition("```")[2].partition("```")[0]
    named = set(re.findall(r"\w+\.py", picture))
    there = {p.name for p in MODULES if p.name != "__init__.py"}
    assert named == there, "docs/architecture.md has other modules than the package"


def test_no_drawer_for_odds_and_ends():
    assert not {p.stem for p in MODULES} & {"utils", "util", "helpers", "core", "common", "misc"}


@pytest.fixture(scope="module")
def fresh_import():
    """What `import cpecgeo` does in a fresh interpreter: modules, sockets, files written."""
    code = f"""
import sys
acts = []
def audit(event, args):
    if event.startswith("socket."):
        acts.append([event, ""])
    elif event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        acts.append([event, str(args[0])])
    elif event in ("os.mkdir", "os.remove", "os.rename", "subprocess.Popen"):
        acts.append([event, str(args[0])])
sys.dont_write_bytecode = True
sys.addaudithook(audit)
import cpecgeo
import json
print(json.dumps(dict(acts=acts,
    heavy=[m for m in {HEAVY!r} if m in sys.modules])))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(run.stdout)


def test_import_loads_nothing_heavy(fresh_import):
    assert fresh_import["heavy"] == []


def test_import_touches_neither_network_nor_disk(fresh_import):
    assert fresh_import["acts"] == []

"""The wheel, as a stranger gets it: built, installed into an empty environment, used."""

import importlib.util
import os
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from packaging.metadata import Metadata

ROOT = Path(__file__).parents[1]
LIMIT_BYTES = 8 * 1024 * 1024

# Same worker, so that the wheel is built and installed once.
pytestmark = [pytest.mark.wheel, pytest.mark.slow, pytest.mark.xdist_group("wheel")]


def run(*args, cwd, env=None):
    done = subprocess.run(
        [str(a) for a in args],
        cwd=cwd,
        env=env,
        check=False,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, f"{args[0]} failed:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("dist")
    run(
        *(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT),
        cwd=out,
    )
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def members(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


@pytest.fixture(scope="module")
def stranger(wheel, tmp_path_factory):
    """The scripts folder of an environment that holds the wheel and what it asks for."""
    home = tmp_path_factory.mktemp("stranger")
    venv.create(home, with_pip=False)
    scripts = home / ("Scripts" if os.name == "nt" else "bin")
    run(
        *(sys.executable, "-m", "pip", "--python", scripts / "python", "install", "-qq"),
        *("--disable-pip-version-check", "--constraint", ROOT / "constraints.txt", wheel),
        cwd=home,
    )
    return scripts


def bare_environment():
    """Return the environment without variables that lead to the source tree or its packages."""
    hidden = ("PYTHON", "VIRTUAL_ENV", "CPECGEO", "COV_", "PYTEST")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(hidden)}
    return {**kept, "PYTHONUTF8": "1", "COLUMNS": "100"}


def readme_example():
    """The first Python block of the README, and the text block after it."""
    readme = ROOT / "README.md"
    if not readme.is_file():
        pytest.fail("There is no README.md to take the example from.")
    text = readme.read_text(encoding="utf-8")
    found = re.search(r"```python\n(.*?)```.*?```text\n(.*?)```", text, re.DOTALL)
    if not found:
        pytest.fail("README.md has no ```python block with a ```text block after it.")
    return found[1], found[2]


def words(text):
    """The lines of `text` without space at their ends, or blank lines around them."""
    return [line.rstrip() for line in text.strip("\n").splitlines()]


def test_wheel_holds_the_whole_of_data(members):
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", "data"],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    wanted = {
        "cpecgeo/_data/" + name.removeprefix("data/") for name in listed.stdout.split("\0")[:-1]
    }
    assert "cpecgeo/_data/datapackage.json" in wanted
    assert wanted <= set(members)


def test_wheel_holds_code_types_and_browser_libraries(members):
    assert {"cpecgeo/__init__.py", "cpecgeo/py.typed", "cpecgeo/cli/__init__.py"} <= set(members)
    assert any(m.startswith("cpecgeo/maps/assets/vendor/leaflet/") for m in members)


def test_wheel_holds_the_licences(members):
    assert any(re.fullmatch(r"[^/]+\.dist-info/licenses/LICENSE", m) for m in members)
    assert "cpecgeo/_data/LICENSES.md" in members


def test_wheel_holds_nothing_else(members):
    tops = {m.split("/")[0] for m in members}
    assert {t for t in tops if not t.endswith(".dist-info")} == {"cpecgeo"}
    assert not [m for m in members if "__pycache__" in m or m.endswith((".pyc", ".nbi", ".nbc"))]


def test_wheel_is_small(wheel):
    assert wheel.stat().st_size <= LIMIT_BYTES


def test_an_index_would_take_it(wheel, members):
    """The metadata is valid, and `twine check` passes where it is installed."""
    (name,) = [m for m in members if m.endswith(".dist-info/METADATA")]
    with zipfile.ZipFile(wheel) as archive:
        raw = archive.read(name)
    metadata = Metadata.from_email(raw, validate=True)
    assert metadata.description_content_type == "text/markdown"
    if importlib.util.find_spec("twine"):
        said = run(sys.executable, "-m", "twine", "check", "--strict", wheel, cwd=wheel.parent)
        assert "PASSED" in said


def test_constraints_are_exact():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", pin) for pin in pins)
    names = [re.sub(r"[-_.]+", "-", pin.split("==")[0]).lower() for pin in pins]
    assert len(names) == len(set(names))


def test_stranger_has_what_the_wheel_asks_for_and_no_more(stranger, tmp_path):
    """No source tree, and no package of the developers' environment."""
    code = "import cpecgeo, importlib.util as u; print(cpecgeo.__file__, u.find_spec('pytest'))"
    path, pytest_found = run(
        stranger / "python", "-c", code, cwd=tmp_path, env=bare_environment()
    ).split()
    assert Path(path).is_relative_to(stranger.parent)
    assert pytest_found == "None"


def test_readme_prints_what_it_says(stranger, tmp_path):
    code, printed = readme_example()
    (tmp_path / "example.py").write_text(code, encoding="utf-8")
    got = run(stranger / "python", "-X", "utf8", "example.py", cwd=tmp_path, env=bare_environment())
    assert words(got) == words(printed)


def test_command_helps(stranger, tmp_path):
    got = run(stranger / "cpecgeo", "--help", cwd=tmp_path, env=bare_environment())
    assert "demo" in got


def test_installed_constraints_hold(stranger, tmp_path):
    """Everything in the environment is pinned: a new dependency needs a new pin."""
    frozen = run(
        *(sys.executable, "-m", "pip", "--python", stranger / "python", "list"),
        *("--format=json", "--disable-pip-version-check"),
        cwd=tmp_path,
    )
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {re.sub(r"[-_.]+", "-", p.split("==")[0]).lower() for p in pins if "==" in p}
    names = {re.sub(r"[-_.]+", "-", n).lower() for n in re.findall(r'"name": ?"([^"]+)"', frozen)}
    assert names - {"cpecgeo"} <= pinned


def test_a_stranger_sees_the_types(stranger, tmp_path):
    """`py.typed` is honoured: mypy passes what is right and names what is wrong."""
    code = 'import cpecgeo as cg\n\nc: cg.Corridor = cg.corridor("ml1")\nkm: float = c.length_km\n'
    (tmp_path / "use.py").write_text(f"{code}bad: int = c.title\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(stranger / "python"), "use.py"],
        check=False, cwd=tmp_path, env=bare_environment(), capture_output=True, text=True,
    )  # fmt: skip
    assert "use.py:5: error: Incompatible types" in done.stdout
    assert "Found 1 error" in done.stdout

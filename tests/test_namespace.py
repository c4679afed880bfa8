"""The public names: all there, in order, and nothing else in sight."""

import subprocess
import sys
from types import ModuleType

import cpecgeo


def test_names_are_sorted_and_unique():
    assert list(cpecgeo.__all__) == sorted(set(cpecgeo.__all__))


def test_every_name_resolves():
    missing = [name for name in cpecgeo.__all__ if getattr(cpecgeo, name, None) is None]
    assert not missing


def test_every_name_is_documented():
    bare = [
        name
        for name in cpecgeo.__all__
        if callable(thing := getattr(cpecgeo, name)) and not (thing.__doc__ or "").strip()
    ]
    assert not bare


def test_dir_shows_nothing_else():
    """In a fresh interpreter, because other tests import submodules."""
    code = (
        "import cpecgeo\n"
        "[getattr(cpecgeo, name) for name in cpecgeo.__all__]\n"
        "print(*(n for n in dir(cpecgeo) if not n.startswith('_')))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    public = [name for name in cpecgeo.__all__ if not name.startswith("_")]
    assert run.stdout.split() == public


def test_no_borrowed_modules():
    """A public module is one of ours (`cg.osm`), not numpy seen through the door."""
    modules = [v for n in cpecgeo.__all__ if isinstance(v := getattr(cpecgeo, n), ModuleType)]
    assert all(m.__name__.startswith("cpecgeo.") for m in modules)


def test_unknown_attribute_is_an_attribute_error():
    assert not hasattr(cpecgeo, "no_such_name")

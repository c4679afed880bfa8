"""Numbers that stand where a caller says nothing: a contract, as the names are.

A change of one changes answers of calls that are written already, so it belongs here and into the
CHANGELOG.
"""

import importlib
import inspect

import pytest

import cpecgeo as cg
from cpecgeo.routing.paths import Search
from tests.shell import commands

MODULES = ("geodesy", "maps", "osm", "routing", "scale", "testing")
DEFAULTS = {
    "Corridor.km_of": {"max_km": 30},
    "Corridor.km_posts": {"every_km": 10},
    "Corridor.profile": {"every_km": 1},
    "Index.find": {"k": 1, "limit_m": float("inf")},
    "Index.nearest": {"k": 1},
    "Map.to_pdf": {"timeout": 60},
    "Map.to_png": {"width": 1600, "height": 1200, "timeout": 60},
    "Overpass": {
        "timeout_s": 180, "tries": 3, "backoff_s": 5, "patience_s": 120, "max_age_days": 30,
    },
    "Refreshed.deviation": {"every_km": 1},
    "Report.to_pdf": {"timeout": 60},
    "assert_geodesic_equal": {"tol_km": 1e-6},
    "buffer": {"rtol": 1e-4},
    "density_along": {"bin_km": 10},
    "deviation": {"every_km": 1},
    "draw_overview": {"size": (8, 7.6)},
    "draw_profile": {"every_km": 1, "size": (9, 3)},
    "draw_strip": {"every_km": 1, "size": (11, 5.2)},
    "exposure": {"km": (5, 10, 25, 50), "band": 1},
    "exposure_file": {"km": (5, 10, 25, 50), "batch_rows": 2**18, "part_rows": 2**22},
    "freight": {"tonnes": 1, "days": 365},
    "gain": {"join_km": 2},
    "graph": {"buffer_km": 5},
    "market": {"km": (5, 10, 25, 50, 100), "hours": 3, "k": 5},
    "nearest": {"k": 1},
    "nearest_file": {"k": 1, "batch_rows": 2**18, "part_rows": 2**22},
    "profile": {"every_km": 1},
    "reach": {"within_km": 5},
    "rings": {"km": (5, 10, 25, 50)},
    "route": {"join_km": 2, "max_access_km": 50},
    "routes": {"k": 3, "max_overlap": 0.6, "max_stretch": 1.5},
    "save_figure": {"dpi": 200},
    "treatment": {"within_km": 0},
    "within_file": {"batch_rows": 2**18, "part_rows": 2**22},
}  # fmt: skip


def public():
    """Yield the public functions, classes and their methods, with names."""
    for module in (cg, *(importlib.import_module(f"cpecgeo.{name}") for name in MODULES)):
        for name in module.__all__:
            if inspect.isclass(thing := getattr(module, name)):
                yield from (
                    (f"{name}.{key}", method)
                    for key, method in vars(thing).items()
                    if not key.startswith("_") and inspect.isfunction(method)
                )
            if inspect.isclass(thing) or inspect.isfunction(thing):
                yield name, thing


def test_a_default_that_is_a_number_is_the_one_that_was_promised():
    found = {}
    for name, thing in public():
        try:
            taken = inspect.signature(thing).parameters.values()
        except ValueError:  # of a builtin
            continue
        for one in taken:
            some = one.default if isinstance(one.default, tuple) and one.default else (one.default,)
            if all(type(number) in (int, float) for number in some):
                assert found.setdefault(name, {}).setdefault(one.name, one.default) == one.default
    assert found == DEFAULTS


def test_what_takes_the_options_of_route_has_its_defaults():
    given = inspect.signature(Search.of).parameters
    assert {"vehicle", "speeds", "rates", "max_access_km"} <= set(given)
    options = [name for name, one in given.items() if one.default is not one.empty]
    route = inspect.signature(cg.route).parameters
    assert [given[name].default for name in options] == [route[name].default for name in options]


# Commands whose verb has another name, and options that differ from the verb's on purpose: a
# table on a screen has fewer rows, and a command finds one way.
VERBS = {"near": "nearest", "density": "density_along", "matrix": "route_matrix"}
VERBS |= {"closures": "critical_sections", "osm deviation": "deviation"}
ON_SCREEN = {("profile", "every_km"): 10, ("osm deviation", "every_km"): 10}


def test_the_shell_takes_for_unsaid_what_the_verb_takes():
    verbs = {name.rpartition(".")[2]: thing for name, thing in public() if "." not in name}
    compared = 0
    for name, command in commands():
        verb = verbs.get(VERBS.get(name, name))
        taken = inspect.signature(verb).parameters if inspect.isfunction(verb) else {}
        for option in command.params:
            default = taken[option.name].default if option.name in taken else None
            if type(option.default) in (int, float) and type(default) in (int, float):
                assert option.default == ON_SCREEN.get((name, option.name), default), name
                compared += 1
    assert compared >= 8


@pytest.mark.parametrize(
    ("command", "option", "default"),
    [("route", "alternatives", 1), ("route", "max_access_km", 50), ("near", "k", 1)],
)
def test_a_number_of_the_shell_alone(command, option, default):
    found = dict(commands())[command].params
    assert {o.name: o.default for o in found}[option] == default

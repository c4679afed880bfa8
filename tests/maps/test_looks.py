"""Looks that let a reader see what matters: which names give way, and what is wide or large."""

from types import SimpleNamespace

import pandas as pd
import pytest
from shapely.geometry import LineString

import cpecgeo as cg
from cpecgeo.maps import Map, cpec
from cpecgeo.maps.cpec import cpec_map

# Priority of names where two overlap: from the ends of a route to rivers.
FIRST = [
    {"end"}, {"route", "city"}, {"line", "town on the way"}, {"province"},
    {"station", "ports", "zones", "energy", "mines", "crossings", "interchanges"},
    {"town"}, {"river", "lake", "district"},
]  # fmt: skip


@pytest.fixture(scope="module")
def layers():
    """The layers of the map of everything, and of one of a route, a catchment and a corridor."""
    own = Map().add(cg.route("Gwadar", "Quetta")).add(cg.reach("Quetta", hours=3)).add("kkh")
    return [
        (key, layer)
        for page in (cpec_map(), own)
        for key, layer in page.data()["layers"].items()
        if "image" not in layer["style"]
    ]


def role(key, style, look):
    if look.get("shape") == "star" and "role" not in style:
        return "end"
    if style["label"] == "cpec:label":
        return "route"
    return "town on the way" if key.startswith("towns-on-the-way") else style.get("role")


def looks(layer):
    return layer.get("looks") or [{}]


def test_names_give_way_in_one_order(layers):
    orders = {}
    for key, layer in layers:
        style = layer["style"]
        if style["label"] and "order" in style:
            orders.setdefault(role(key, style, looks(layer)[0]), set()).add(style["order"])
    assert {None: 0, **orders}.keys() >= {"end", "route", "city", "line", "town", "river"}
    levels = []
    for roles in FIRST:
        found = set().union(*(orders.pop(one, set()) for one in roles))
        assert len(found) <= 1, roles
        levels += found
    assert levels == sorted(levels, reverse=True)
    assert not {one for one in orders if one is not None}


def test_borders_are_thin_lines_are_wide_and_marks_are_small(layers):
    """Widths are in pixels; borders in the background are thinner than what is drawn on them."""
    for key, layer in layers:
        style = layer["style"]
        for look in looks(layer):
            weight = look.get("weight", 3)
            if style["pane"] == "background" and not style.get("hidden"):
                assert weight <= 1.5 or style.get("path", {}).get("stroke") is False, key
            elif weight > 5.5:  # the band of a corridor, under its sections
                assert key.startswith("corridor-"), key
                assert 9 <= weight <= 13, key
            else:
                assert weight >= 0.8, key
        if style["pane"] == "point":
            assert 2 <= style["radius"] <= 6.5, key
        if style["label"]:
            assert 0 <= style["labelZoom"] <= 10, key
            assert 0 <= style.get("fromZoom", 0) <= style["labelZoom"] + 4, key


def test_larger_places_are_larger_and_named_earlier(layers):
    styles = {key: layer["style"] for key, layer in layers}
    city, town, station = (styles[key] for key in ("cities", "towns", "stations"))
    assert city["radius"] > station["radius"] >= town["radius"]
    assert city["labelZoom"] < town["labelZoom"] < station["labelZoom"]
    assert town["fromZoom"] == town["labelZoom"]


@pytest.mark.parametrize(
    ("west", "chosen"), [(67.6, ["a", "b"]), (67.4, ["a"]), (70.0, ["a", "b"])]
)
def test_posts_stand_on_corridors_that_mostly_run_by_themselves(west, chosen):
    """40 % and 60 % of the second lie on the first."""

    def thing(name, west, basis="surveyed"):
        line = LineString([(west, 25), (west + 1, 25)])
        return SimpleNamespace(name=name, line=line, sections=pd.DataFrame({"basis": [basis]}))

    things = [thing("a", 67.0), thing("b", west), thing("sketch", 80.0, "schematic")]
    assert [one.name for one in cpec._choose_posted(things)] == chosen

"""Names, numbers and options that are wrong: the one error that each gets."""

import re

import numpy as np
import pytest
from shapely.geometry import LineString, Point

import cpecgeo as cg
from cpecgeo import geodesy, scale

from .shapes import LINE, SPOT, series
from .test_shapes import fails

ROAD = geodesy.Chainage(LINE)
NAN, INF = float("nan"), float("inf")

# The rule differs: a buffer's radius has limits, and may shrink a polygon.
RULES = ("must be finite", "a buffer's radius is", "only polygons can shrink")
BAD_KM = {
    "negative": (-1, "InputError", "must be finite"),
    "zero": (0, "InputError", "must be finite"),
    "NaN": (NAN, "InputError", "must be finite"),
    "infinite": (INF, "InputError", "must be finite"),
    "text": ("ten", "InputTypeError", "a number of kilometres"),
    "a number as text": ("10", "InputTypeError", "a number of kilometres"),
    "None": (None, "InputTypeError", "a number of kilometres"),
    "a list": ([1, 2], "InputTypeError", "a number of kilometres"),
    "a complex number": (1 + 2j, "InputTypeError", "a number of kilometres"),
}
TAKES_KM = {
    "buffer": lambda km: cg.buffer(SPOT, km),
    "geodesy.buffer": lambda km: geodesy.buffer(SPOT, km),
    "geodesy.densify": lambda km: geodesy.densify(LINE, km),
}


@pytest.mark.parametrize("value", BAD_KM)
@pytest.mark.parametrize("verb", TAKES_KM)
def test_kilometres_are_checked(verb, value):
    km, error, part = BAD_KM[value]
    with pytest.raises(getattr(cg.errors, error)) as caught:
        TAKES_KM[verb](km)
    assert part in str(caught.value) or any(rule in str(caught.value) for rule in RULES)


NAMES = {
    "nonsense": "zzzz",
    "nearly": "ML-11",
    "empty": "",
    "spaces": "   ",
    "punctuation": "--//--",
    "climbs out": "../../etc/passwd",
    "an absolute path": "/etc/passwd",
    "a URL": "http://localhost/x",
    "a null byte": "ml1x\x00y",
    "markup": "<script>alert(1)</script>",
    "a format string": "{0.__class__}%s",
    "very long": "x" * 10_000,
    "another script": "没有",
    "SQL": "ml1x'; DROP TABLE x; --",
}
TAKES_NAMES = {
    "corridor": cg.corridor,
    "layer": cg.layer,
    "table": cg.table,
    "place": cg.place,
    "cite": cg.cite,
    "length_km": cg.length_km,
    "nearest, targets": lambda name: cg.nearest(SPOT, name),
    "buffer": lambda name: cg.buffer(name, 1),
    "scale.prepare": scale.prepare,
    "Corridor.at": lambda name: cg.corridor("kkh").at(name),
}


@pytest.mark.parametrize("what", NAMES)
@pytest.mark.parametrize("verb", TAKES_NAMES)
def test_unknown_names_are_told_with_near_ones(verb, what):
    with pytest.raises(cg.errors.UnknownNameError) as caught:
        TAKES_NAMES[verb](NAMES[what])
    assert type(caught.value) is cg.errors.UnknownNameError
    assert isinstance(caught.value, KeyError)


NOT_NAMES = {"a number": 3, "None": None, "bytes": b"ml1", "a list of numbers": [1], "a tuple": ()}


@pytest.mark.parametrize("what", NOT_NAMES)
@pytest.mark.parametrize("verb", ["corridor", "layer", "table", "place"])
def test_names_are_text(verb, what):
    with pytest.raises((cg.errors.InputTypeError, cg.errors.UnknownNameError)) as caught:
        TAKES_NAMES[verb](NOT_NAMES[what])
    assert type(caught.value) is cg.errors.InputTypeError


CASES = {
    "k of 0": (lambda: cg.nearest(SPOT, "ml1", k=0), "InputError", "k is 0"),
    "k of -1": (lambda: cg.nearest(SPOT, "ml1", k=-1), "InputError", "k is -1"),
    "k of 1.5": (lambda: cg.nearest(SPOT, "ml1", k=1.5), "InputError", "k is 1.5"),
    "k above the targets is all": (lambda: len(cg.nearest(SPOT, ["ml1", "kkh"], k=9)), None, 2),
    "max_km negative": (lambda: cg.nearest(SPOT, "ml1", max_km=-5), "InputError", "max_km"),
    "max_km NaN": (lambda: cg.nearest(SPOT, "ml1", max_km=NAN), "InputError", "max_km"),
    "max_km text": (lambda: cg.nearest(SPOT, "ml1", max_km="5 km"), "InputTypeError", "max_km"),
    "max_km of 0": (lambda: cg.nearest(SPOT, "ml1", max_km=0)["target"].isna().all(), None, True),
    "ids too few": (lambda: geodesy.Index([SPOT, LINE], ids=["a"]), "InputError", "ids has 1"),
    "no targets": (lambda: geodesy.Index([]), "InputError", "is empty"),
    "buffer of 600 km": (lambda: cg.buffer(SPOT, 100_000), "InputError", "km"),
    "km off the line": (lambda: ROAD.at(1e6), "InputError", "is not on the line"),
    "km before the line": (lambda: ROAD.at(-1), "InputError", "is not on the line"),
    "km NaN": (lambda: ROAD.at(NAN), "InputError", "is not on the line"),
    "km NaN among others": (lambda: ROAD.at([1, NAN]), "InputError", "is not on the line"),
    "no stretch": (lambda: ROAD.between(3, 3), "InputError", "no length"),
    "stretch off the line": (lambda: ROAD.between(3, 1e5), "InputError", "is not on the line"),
    "cut off the line": (lambda: ROAD.split([1e5]), "InputError", "is not on the line"),
    "bearing off the line": (lambda: ROAD.bearing_deg(1e5), "InputError", "is not on the line"),
    "two lines": (lambda: geodesy.Chainage([LINE, LINE]), "InputError", "2 geometries"),
    "measures too few": (lambda: geodesy.Chainage(LINE, [1]), "InputError", "one measure per"),
    "measures fall": (lambda: geodesy.Chainage(LINE, [9, 1]), "InputError", "falls from"),
    "measures unknown": (lambda: geodesy.Chainage(LINE, [NAN, NAN]), "InputError", "known at"),
    "measures infinite": (lambda: geodesy.Chainage(LINE, [0, INF]), "InputError", "finite"),
    "corridor km off": (lambda: cg.corridor("kkh").at(99_999), "InputError", "is not on the line"),
    "attribute unknown": (lambda: cg.no_such_name, AttributeError, "no_such_name"),
    "targets none": (lambda: scale.prepare([]), "InputError", "targets is empty"),
    "scale k of 0": (
        lambda: scale.nearest_file("a.csv", "b.csv", targets="ml1", k=0), "InputError", "k is 0",
    ),
    "scale k text": (
        lambda: scale.nearest_file("a.csv", "b.csv", targets="ml1", k="2"), "InputTypeError", "k is '2'",
    ),
    "scale k yes": (
        lambda: scale.nearest_file("a.csv", "b.csv", targets="ml1", k=True), "InputTypeError", "k is True",
    ),
    "scale km negative": (
        lambda: scale.within_file("a.csv", "b.csv", targets="ml1", km=-2), "InputError", "km is -2",
    ),
    "scale rings fall": (
        lambda: scale.exposure_file("a.csv", "b.csv", targets="ml1", km=[5, 2]), "InputError", "ascending",
    ),
    "scale rings none": (
        lambda: scale.exposure_file("a.csv", "b.csv", targets="ml1", km=[]), "InputError", "ascending",
    ),
    "scale rings twice": (
        lambda: scale.exposure_file("a.csv", "b.csv", targets="ml1", km=[5, 5]), "InputError", "ascending",
    ),
    "swapped pair": (lambda: cg.distance_km(Point(25, 167), SPOT), "CoordinateError", "swapped"),
    "series of two lengths": (
        lambda: cg.distance_km(series(SPOT, SPOT), series(SPOT, SPOT, SPOT)), "InputError", "",
    ),
    "a ring as a line": (
        lambda: round(cg.length_km(LineString([(0, 0), (1, 0), (0, 0)])), 3), None, 222.639,
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", CASES)
def test_wrong_values_get_one_error(what):
    call, error, want = CASES[what]
    if error is None:
        assert call() == want
    elif isinstance(error, type):
        with pytest.raises(error, match=re.escape(want)):
            call()
    else:
        fails(call, error, want)


def test_numbers_of_numpy_are_numbers():
    assert cg.buffer(SPOT, np.float32(1)).geom_type == "Polygon"
    assert len(cg.nearest(SPOT, ["ml1", "kkh"], k=np.int64(2))) == 2


@pytest.mark.parametrize("verb", ["within", "rings", "exposure"])
def test_kilometres_are_numbers_and_no_text(verb):
    given = ("mines", "ml1", "10") if verb == "within" else ("ml1", "10")
    with pytest.raises(cg.errors.InputTypeError, match="km is '10'; a number of kilometres"):
        getattr(cg, verb)(*given)


def test_numbers_too_large_for_a_float_are_refused():
    for call in (
        lambda: cg.within("places", "ml1", 10**400),
        lambda: cg.rings("ml1", [10**400]),
        lambda: cg.reach("Quetta", km=10**400),
        lambda: cg.within("places", "ml1", 10**5000),
        lambda: cg.reach("Quetta", hours=10**5000),
    ):
        with pytest.raises(cg.errors.InputError, match="must be finite"):
            call()

"""What an assistant is told is what the verbs say, to the digits that it is told."""

import numpy as np
import pytest

import cpecgeo as cg
from cpecgeo.cli import assistant
from cpecgeo.errors import NameWarning

TOOLS = assistant.Tools()


def test_a_length_is_the_drawn_one_and_the_published_stands_beside_it():
    road = cg.corridor("ml1")
    told = TOOLS.length("ml1")
    assert (told.value, told.unit) == (round(cg.length_km("ml1"), 3), "km")
    rows = {row["what"]: row for row in told.rows}
    assert rows["drawn"]["km"] == told.value
    assert rows["published"] == {"what": "published", "name": "ml1", "km": road.official_km}
    assert [n for n in told.notes if n.startswith("Published: ")]
    others = [row for row in told.rows if row["what"] == "another figure"]
    assert len(others) == len(road.competing)


def test_a_distance_is_where_the_two_are_closest():
    told = TOOLS.distance("mines", "ml1")
    assert told.value == round(float(cg.distance_km("mines", "ml1").min()), 3)


def test_one_nearest_has_a_value_and_several_have_rows():
    one, many = TOOLS.nearest("Reko Diq", "ports", 2), TOOLS.nearest("mines", ["ml1", "kkh"])
    found = cg.nearest("Reko Diq", "ports", k=2)
    assert one.value is None
    assert [row["distance_km"] for row in one.rows] == pytest.approx(found["distance_km"], abs=1e-6)
    assert TOOLS.nearest("Reko Diq", "ports").value == pytest.approx(found["distance_km"].iloc[0])
    assert many.value is None
    assert {row["name"] for row in many.rows} == set(cg.layer("mines")["name"])


@pytest.mark.parametrize("km", [50, 500])
def test_what_is_within_is_counted_and_sorted(km):
    told = TOOLS.within("mines", "ml1", km)
    assert told.value == len(cg.within("mines", "ml1", km))
    away = [row["distance_km"] for row in told.rows]
    assert away == sorted(away)
    assert all(d <= km for d in away)


def test_a_route_tells_km_hours_access_and_what_is_off_most():
    way = cg.route("Gwadar", "Khuzdar", avoid=["n25"])
    told = TOOLS.route("Gwadar", "Khuzdar", avoid=["n25"])
    assert told.value == round(way.chainage_km, 1)
    assert f"in {way.hours:.1f} hours; {way.access_km:.1f} km to reach the network" in told.meaning
    assert f"line: {way.legs['accuracy_km'].max():g} km (95 %)" in told.accuracy
    for status, km in way.legs.groupby("status")["km"].sum().items():
        assert f"{round(km, 1):g} km {status}" in told.status


def test_districts_that_are_run_through_are_counted_once():
    found = cg.crossed("ml1", "districts")
    assert TOOLS.crossed("ml1").value == found["zone"].nunique()


def test_people_are_added_up_over_all_rings():
    told = TOOLS.exposure("Gwadar Port", [50, 10])
    found = cg.exposure("Gwadar Port", [10, 50])
    assert told.value == pytest.approx(found["population"].sum())
    assert told.meaning.startswith("Total within 50 km (geodesic) of ")
    assert [row["km_to"] for row in told.rows] == [10, 50]
    # A sum of which nothing is known isn't 0.
    lonely = TOOLS.exposure("Khunjerab Pass", [1])
    one = cg.exposure("Khunjerab Pass", [1])
    unknown = 0 < one["features"].sum() == one["missing"].sum()
    assert (lonely.value is None) == bool(unknown)


def test_a_name_of_several_things_is_told():
    with pytest.warns(NameWarning, match="'Quetta' is taken as place; it is also district"):
        assert assistant._resolve("Quetta", "x").kind == "place"


def test_a_long_answer_is_cut_and_says_so():
    from threading import Lock

    from mcp.server.mcpserver.exceptions import ToolError

    asked = assistant._tool(Lock(), TOOLS.nearest)
    many = asked("places", "ml1")
    assert len(many.rows) == 200
    assert many.notes[-1] == "Only the first 200 rows are shown."
    few = asked("mines", "ml1")
    assert not any("Only the first" in note for note in few.notes)
    assert np.isfinite([row["distance_km"] for row in many.rows]).all()
    with pytest.raises(ToolError, match="No corridor, section"):
        asked("nowhere at all", "ml1")

"""The network against published figures, and the story that the notebook tells."""

import json
import re
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import cpecgeo as cg
from cpecgeo.catalogue import corridor_rows, layer
from cpecgeo.errors import InputError, InputTypeError, MissingExtraError
from cpecgeo.maps import Map


@pytest.fixture(scope="module")
def checks():
    return cg.routing.route_checks()


@pytest.mark.parametrize(
    ("name", "published", "network"),
    [("western", 2463, 2546.3), ("central", 2417, 2656.3), ("eastern", 2686, 2990.2)],
)
def test_the_three_alignments(checks, name, published, network):
    """Against the published 2,463, 2,417 and 2,686 km; the parts say where the rest lies."""
    row = checks.loc[name]
    assert row["official_km"] == published
    assert row["km"] == pytest.approx(network, abs=0.1)
    parts = cg.routing.alignment_parts(name)
    assert parts["section"].tolist() == corridor_rows()[name]["sections"]
    assert parts["km"].sum() == pytest.approx(row["km"], abs=1e-6)
    told = parts["more_km"].abs() > 0.05
    assert (parts.loc[told | parts["official_km"].isna(), "reason"] != "").all()
    assert (parts.loc[parts["more_km"].abs() < 0.05, "reason"] == "").all()


def test_2463_is_the_sum_of_the_parts_that_have_a_figure():
    parts = cg.routing.alignment_parts("western")
    assert parts["official_km"].sum() == pytest.approx(2463, abs=1)
    silent = parts[parts["official_km"].isna()].set_index("section")["km"].round(1)
    assert silent.to_dict() == {"m1-burhan-hakla": 34.4, "m8-junction-gwadar": 49.8}


def test_the_road_into_gwadar_has_one_length():
    """32.81 drawn km of the N-10, times 610/568.45 (published/drawn), and 14.57 km beyond it."""
    row = cg.mining.sections("road").set_index("section").loc["m8-junction-gwadar"]
    assert row["km"] == pytest.approx(32.8087 * 610 / 568.4496 + 14.5660, abs=0.001)
    parts = cg.routing.alignment_parts("western").set_index("section")["km"]
    assert parts["m8-junction-gwadar"] == pytest.approx(row["km"], abs=1e-3)
    assert cg.corridor("western").end_km == pytest.approx(parts.sum(), abs=0.01)


def test_2686_fits_the_way_by_faisalabad():
    """By Lahore the Eastern alignment is 175 km longer than by the M-4."""
    burhan = cg.corridor("m1").at("Burhan")
    round_ = cg.route(burhan, "Rohri", mode="road", along="eastern", weight="km")
    straight = cg.route(
        burhan, "Rohri", mode="road", avoid=["n5", "n55", "n50-yarik-zhob"], weight="km"
    )
    assert {"m2", "m4", "m5"} <= set(straight.sections)
    assert round_.chainage_km - straight.chainage_km == pytest.approx(175.1, abs=0.5)


def test_rail_by_tickets_and_by_posts(checks):
    assert checks.loc["karachi-peshawar-ticket", "km"] == pytest.approx(1725, abs=3)
    assert checks.loc["kiamari-peshawar-chord", "km"] == pytest.approx(1687, abs=1e-6)
    assert checks.loc["lahore-rawalpindi", "km"] == pytest.approx(289, abs=1e-6)


@pytest.mark.parametrize(
    ("motorway", "more"), [("m1", 0), ("m2", -12), ("m3", 0), ("m5", 0), ("m6", 0), ("m9", 0)]
)
def test_motorways_have_their_published_length(checks, motorway, more):
    assert checks.loc[motorway, "more_km"] == pytest.approx(more, abs=1e-6)


def test_figures_that_nothing_was_calibrated_by(checks):
    """Road signs and round figures: most within a tenth, and each difference has a reason."""
    free = checks[checks["independent"]]
    assert len(free) >= 9
    assert (free["share"].abs() < 0.2).sum() >= len(free) - 1
    assert free["share"].abs().median() < 0.07
    assert (checks["reason"].str.len() > 10).all()
    assert checks["source"].notna().all()


def test_the_closure_between_raikot_and_thakot_cuts_the_corridor():
    worst = cg.critical_sections("Khunjerab Pass", "Gwadar", mode="road", weight="km")
    cut = worst[worst["cut"]]["section"].tolist()
    assert {"khunjerab-raikot", "raikot-thakot"} <= set(cut)
    assert np.isinf(worst.loc[worst["cut"], "more_km"]).all()
    rest = worst[~worst["cut"]]
    assert (rest["more_km"] >= 0).all()
    assert worst["more_km"].is_monotonic_decreasing
    base = cg.route("Khunjerab Pass", "Gwadar", mode="road", weight="km")
    assert set(worst["section"]) == set(base.sections)
    for _, row in rest.head(2).iterrows():
        other = cg.route("Khunjerab Pass", "Gwadar", mode="road", avoid=row["section"], weight="km")
        assert other.chainage_km == pytest.approx(row["closed_km"], abs=1e-9)


def test_the_km_of_a_critical_section_are_all_that_its_closure_takes_from_the_route():
    """The N-25 closes with Kuchlak–Surab, which is a section of its own as well."""
    asked = {"mode": "road", "weight": "km"}
    base = cg.route("Quetta", "Karachi", **asked)
    worst = cg.critical_sections("Quetta", "Karachi", **asked).set_index("section")
    assert set(worst.index) == set(base.sections) == {"kuchlak-surab", "n25"}
    assert worst.loc["n25", "km"] == pytest.approx(base.chainage_km)
    part = base.legs.groupby("section")["km"].sum()
    assert worst.loc["kuchlak-surab", "km"] == pytest.approx(part["kuchlak-surab"])


def test_the_first_call_takes_the_road(checks):
    """With handling at changes counted, a day's drive beats two changes of twelve hours."""
    quick, short = cg.route("Lahore", "Karachi"), cg.route("Lahore", "Karachi", weight="km")
    assert (quick.weight, quick.changes, quick.notes) == ("hours", 0, ())
    assert quick.hours < 20
    assert short.chainage_km <= quick.chainage_km + 1e-9
    assert short.changes == (short.legs["mode"] == "transfer").sum() == 2
    assert short.notes == ("2 changes between road and rail take 24 of the 46.3 h: km count none",)
    ways = cg.routes("Lahore", "Karachi", k=2)
    assert ways[0].hours == pytest.approx(quick.hours)
    worst = cg.critical_sections("Lahore", "Karachi")
    assert (worst["more_hours"] >= -1e-9).all()
    assert worst["more_hours"].is_monotonic_decreasing


def test_critical_sections_add_to_what_is_avoided_already():
    asked = {"mode": "road", "avoid": "n85", "weight": "km"}
    worst = cg.critical_sections("Khunjerab Pass", "Gwadar", **asked)
    base = cg.route("Khunjerab Pass", "Gwadar", **asked)
    assert "n85" not in set(worst["section"])
    assert worst.attrs["open_km"] == pytest.approx(base.chainage_km)


def test_compare_counts_from_the_first():
    ways = {
        "Western": cg.route("Khunjerab Pass", "Gwadar", along="western", weight="km"),
        "Eastern": cg.route("Khunjerab Pass", "Gwadar", along="eastern", weight="km"),
    }
    table = cg.compare(ways)
    assert table.index.tolist() == ["Western", "Eastern"]
    assert table["more_km"].iloc[0] == 0
    more = ways["Eastern"].chainage_km - ways["Western"].chainage_km
    assert table["more_km"].iloc[1] == pytest.approx(more)
    assert table["road_km"].tolist() == pytest.approx([w.chainage_km for w in ways.values()])
    assert table.geometry.iloc[1].equals(ways["Eastern"].line)
    drawn = Map(background=False).add(table, name="Ways").data()["layers"]
    assert [v["n"] for v in drawn.values()] == [2]
    listed = cg.compare(list(ways.values()))
    assert listed.index.is_unique


def test_routes_are_map_layers_and_pages():
    way = cg.route("Torkham", "Rohri", weight="hours")
    page = way._repr_html_()
    assert "<table>" in page
    assert "not counted" in page
    made = Map(background=False).add(way, name="Down").add(way.legs).add(way.line)
    made.add(cg.reach("Quetta", hours=3).edges, name="Reach")
    names = [v["name"] for v in made.data()["layers"].values()]
    several = Map(background=False).add(
        cg.routes("Peshawar", "Karachi", k=2, mode="road", weight="km")
    )
    *ways, towns, ends = several.data()["layers"].values()
    assert {towns["name"], ends["name"]} == {"Towns on the way", "Start and end"}
    looks = [{one["color"] for one in layer["looks"]} for layer in ways]
    assert len(looks) == 2
    assert looks[0].isdisjoint(looks[1])
    assert "Down" in names
    assert "Reach" in names
    assert way.explore() is not None
    assert cg.reach("Quetta", km=50).explore() is not None
    assert "Quetta" in cg.reach("Quetta", km=50)._repr_html_()


def test_names_are_escaped():
    way = cg.routing.stated_leg(
        (67.0, 30.0), (67.1, 30.0), km=20, mode="road", source="x", names=("<b>a</b>", "b")
    )
    assert "<b>a</b>" not in way._repr_html_()
    assert "&lt;b&gt;" in way._repr_html_()


def test_a_stated_leg_says_what_was_stated():
    way = cg.routing.stated_leg(
        (67.0, 30.0), (67.1, 30.0), km=20, mode="road", source="a survey", names=("A", "B")
    )
    (leg,) = way.legs.to_dict("records")
    assert (leg["from"], leg["to"], leg["turn"]) == ("A", "B", "start")
    assert (leg["km"], leg["km_from"], leg["km_to"]) == (20, 0, 20)
    assert leg["source"] == "a survey"
    assert way.legs.attrs["title"] == "A – B"
    assert way.chainage_km == 20
    assert way.hours == leg["hours"] > 0
    assert (way.origin.name, way.destination.name) == ("A", "B")
    assert (way.origin.point.x, way.destination.point.x) == (67.0, 67.1)
    assert way.access_km == 0
    assert list(way.line.coords) == [(67.0, 30.0), (67.1, 30.0)]
    double = cg.routing.stated_leg((67.0, 30.0), (67.1, 30.0), km=40, mode="road", source="x")
    assert double.hours == pytest.approx(2 * way.hours)
    with pytest.raises(InputTypeError, match="give two"):
        cg.routing.stated_leg(
            (67.0, 30.0), (67.1, 30.0), km=20, mode="road", source="x", names=("A", "B", "C")
        )


def test_legs_are_written_and_read_again(tmp_path):
    way = cg.route("Quetta", "Kuchlak", weight="km")
    way.legs.to_file(tmp_path / "legs.geojson", driver="GeoJSON")
    back = gpd.read_file(tmp_path / "legs.geojson")
    assert back["km"].sum() == pytest.approx(way.chainage_km)
    assert json.loads((tmp_path / "legs.geojson").read_text())["features"]
    assert re.fullmatch(r"<Route Quetta → Kuchlak: .* legs.*>", repr(way))


def test_turns_of_the_table():
    way = cg.route("Kashgar", "Torkham", weight="hours", mode="road")
    assert way.legs["turn"].iloc[0] == "start"
    assert way.legs.loc[way.legs["mode"] == "border", "turn"].tolist() == ["border"]
    assert set(way.legs["turn"]) <= {"start", "on", "left", "right", "back", "border", "change"}
    # Coming down from Havelian, Peshawar lies to the right of Burhan.
    havelian = cg.corridor("western").at("Havelian")
    west = cg.route(havelian, "Peshawar", mode="road", avoid=["n35", "n5", "n55"], weight="km")
    at = west.legs[west.legs["section"] == "m1"].iloc[0]
    assert at["turn"] == "right"


def test_by_sea():
    pytest.importorskip("searoute")
    way = cg.routing.sea_route("Gwadar Port", (55.05, 25.0167), names=("Gwadar Port", "Jebel Ali"))
    straight = cg.distance_km(way.origin.point, way.destination.point)
    assert straight < way.chainage_km < 1.25 * straight
    assert way.chainage_km == pytest.approx(cg.length_km(way.line), abs=1e-9)
    land = shapely.union_all(layer("countries").geometry.to_numpy())
    assert way.line.intersection(land).length < 0.1
    assert way.hours == pytest.approx(way.chainage_km / 28)
    whole = cg.route("Kashgar", "Gwadar Port", weight="km") + way
    assert whole.legs["mode"].iloc[-1] == "sea"
    assert whole.chainage_km == pytest.approx(2961 + way.chainage_km, abs=10)
    assert whole.legs["km_to"].iloc[-1] == pytest.approx(whole.chainage_km)
    with pytest.raises(InputError, match="one place"):
        cg.routing.sea_route("Gwadar Port", "Gwadar Port")


@pytest.mark.parametrize(
    ("port", "is_one"),
    [
        ("Lahore", False),
        ("Turbat", False),
        ((77.2, 28.6), False),  # Delhi
        ((44.4, 33.3), False),  # Baghdad, beyond the land that is bundled
        ("Port Qasim", True),
        ((60.62, 25.3), True),  # Chabahar
        ((121.5, 31.2167), True),  # Shanghai
        ((9.97, 53.54), True),  # Hamburg, up a river
    ],
)
def test_a_ship_takes_no_end_inland(port, is_one):
    pytest.importorskip("searoute")
    jebel_ali = (55.05, 25.0167)
    if is_one:
        assert cg.routing.sea_route(port, jebel_ali).chainage_km > 500
        return
    with pytest.raises(InputError, match=r"the first port .* km from .* add the way to it"):
        cg.routing.sea_route(port, jebel_ali)
    with pytest.raises(InputError, match="the second port"):
        cg.routing.sea_route(jebel_ali, port)


def test_sea_needs_its_extra(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "searoute", None)
    with pytest.raises(MissingExtraError, match=r"cpecgeo\[sea\]"):
        cg.routing.sea_route("Gwadar Port", "Karachi Port")


def test_stated_legs_need_a_source_and_a_length_that_can_be():
    leg = cg.routing.stated_leg("Gwadar", "Turbat", km=165, mode="road", source="sign")
    assert leg.legs["source"].tolist() == ["sign"]
    assert leg.legs["basis"].tolist() == ["schematic"]
    with pytest.raises(InputError, match="straight line"):
        cg.routing.stated_leg("Gwadar", "Turbat", km=16, mode="road", source="sign")
    with pytest.raises(InputError, match="source"):
        cg.routing.stated_leg("Gwadar", "Turbat", km=165, mode="road", source=" ")
    with pytest.raises(InputError, match="kmh"):
        cg.routing.stated_leg("Gwadar", "Turbat", km=165, mode="camel", source="sign")


def test_frames_carry_their_method():
    way = cg.route("Quetta", "Chaman", weight="km")
    for frame in (
        way.legs,
        cg.reach("Quetta", km=50).edges,
        cg.route_matrix(["Quetta", "Chaman"]),
        cg.critical_sections("Quetta", "Chaman", weight="km"),
    ):
        assert {"method", "ellipsoid", "edges", "data_version"} <= set(frame.attrs)
    assert isinstance(cg.compare([way]), pd.DataFrame)


def test_the_page_on_routes_states_what_is_computed(checks):
    """The prose of the how-to has these figures by hand."""
    page = (Path(__file__).parents[2] / "docs" / "howto" / "routes.md").read_text(encoding="utf-8")
    round_by_lahore = checks.loc["eastern", "km"] - 175.1
    straight = cg.distance_km(cg.place("Kashgar"), shapely.Point(121.5, 31.2167))
    stated = [
        f"With them it is {checks.loc['western', 'km']:,.0f}.",
        f"By Faisalabad (M-4) it is {round_by_lahore:,.0f}",
        f"{checks.loc['karachi-peshawar-ticket', 'km']:,.0f} by the km posts",
        f"{round(straight, -2):,.0f} km in a straight line",
        *(f"{checks.loc[name, 'official_km']:,.0f} km" for name in ("western", "central")),
    ]
    assert [text for text in stated if text not in page] == []


@pytest.mark.parametrize("name", list(corridor_rows()))
def test_a_route_along_a_corridor_has_its_chainage(name):
    """Unless part of it has a more precise figure as another section, or the line doubles back."""
    corridor = cg.corridor(name)
    ends = [shapely.Point(corridor.line.coords[i]) for i in (0, -1)]
    way = cg.route(*ends, along=name, weight="km")
    assert way.access_km == pytest.approx(0, abs=1e-6)
    own = set(corridor.sections["id"])
    if name in {"ml3", "mining-rail"}:  # into Quetta and out again: 25 km each way
        assert corridor.end_km - way.chainage_km == pytest.approx(50, abs=1e-6)
    elif set(way.sections) <= own:
        assert way.chainage_km == pytest.approx(corridor.end_km, abs=1e-3)
    else:
        assert abs(way.chainage_km - corridor.end_km) < 13


@pytest.mark.parametrize("weight", ["km", "hours"])
def test_the_section_that_lengthens_a_route_most_comes_first(weight):
    table = cg.critical_sections("Lahore", "Karachi", mode="road", weight=weight)
    more = table.loc[~table["cut"], f"more_{weight}"].to_numpy()
    assert len(more) > 3
    assert (more[:-1] >= more[1:] - 1e-9).all()
    assert (more >= -1e-9).all()
    assert table["cut"].is_monotonic_decreasing


def test_ends_far_from_the_network_are_named_with_their_distance():
    way = cg.route("Sialkot", "Lahore")
    off = f"{way.origin.access_km:.1f} km"
    assert (way.legs["from"].iloc[0], way.legs["to"].iloc[-1]) == (f"{off} from Sialkot", "Lahore")
    assert way.access_note in way.notes
    assert way.access_note.startswith(f"Sialkot lies {off} off the network")
    assert cg.route("Sialkot", "Multan").access_note == ""
    with pytest.raises(InputError, match="nearest is KKH phase I Khunjerab–Raikot near Raikot B"):
        cg.route("Skardu", "Lahore")


def test_jhalar_is_one_station():
    assert cg.place("Jhalar").point.coords[0] == pytest.approx((72.333, 33.634), abs=1e-3)

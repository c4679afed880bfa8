"""Tables for a study, compared with brute force and with cases counted by hand."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from shapely.geometry import LineString, Point, box

import cpecgeo as cg
from cpecgeo.analysis.panel import zone_at

GROUPS = {
    "motorway": ["m1", "m2", "m5"],
    "rail": "ml1",
    "zone": "zones",
    "energy": cg.layer("energy"),
    "mixed": ["kkh", "Gwadar Port", Point(67, 30)],
}


def test_a_distance_table_is_nearest_group_by_group():
    places = cg.layer("places").iloc[::7]
    table = cg.distance_table(places, GROUPS)
    assert table.index.equals(places.index)
    assert list(table) == [f"{g}_{c}" for g in GROUPS for c in ("km", "name", "low_km", "high_km")]
    known = GROUPS["energy"].geometry.notna()
    for group, targets in (GROUPS | {"energy": GROUPS["energy"][known]}).items():
        near = cg.nearest(places, targets)
        np.testing.assert_allclose(table[f"{group}_km"], near["distance_km"])
        # The interval is at least 1 km to both sides of the drawn distance.
        assert (table[f"{group}_low_km"] <= table[f"{group}_km"]).all()
        assert (table[f"{group}_high_km"] >= table[f"{group}_km"]).all()
        reach = np.hypot(near["accuracy_km"].fillna(0), near["point_accuracy_km"])
        assert (table[f"{group}_high_km"] <= near["distance_km"] + reach + 1e-6).all()
        if group in {"motorway", "rail"}:
            assert table[f"{group}_name"].tolist() == near["target"].tolist()
    names = cg.layer("zones")["name"]
    assert table["zone_name"].tolist() == names[cg.nearest(places, "zones")["target"]].tolist()
    assert table.attrs["left_out"] == {
        "energy": int((~known).sum()),
        "zone": int(cg.layer("zones").geometry.isna().sum()),
    }


def test_rows_without_a_point_stay_and_are_counted():
    frame = gpd.GeoDataFrame(
        {"n": [1, 2, 3]},
        index=["a", "b", "b"],
        geometry=[Point(67, 30), None, Point(68, 31)],
        crs=4326,
    )
    table = cg.distance_table(frame, {"rail": "ml1"})
    assert list(table.index) == ["a", "b", "b"]
    assert table["rail_km"].isna().tolist() == [False, True, False]
    assert table.attrs["without_position"] == 1
    one = cg.distance_table("Gwadar Port", {"rail": "ml1"})
    assert one["rail_km"].iloc[0] == pytest.approx(cg.distance_km("Gwadar Port", "ml1"))


@pytest.mark.parametrize("groups", [{}, ["ml1"], {1: "ml1"}, {"": "ml1"}])
def test_groups_have_names(groups):
    with pytest.raises(cg.errors.InputError, match="groups"):
        cg.distance_table("mines", groups)


def test_means_by_district_and_province():
    places = cg.layer("places")
    table = cg.distance_table(places, {"rail": "ml1"}, by="province")
    each = cg.distance_table(places, {"rail": "ml1"})["rail_km"]
    want = each.groupby(places["province"], dropna=False).mean()
    for province in ("Punjab", "Sindh"):
        assert table.loc[province, "rail_km"] == pytest.approx(want[province])
    assert table["points"].sum() == len(places)
    # A caller's points: zones by position, with a count of those near an outline.
    own = gpd.GeoSeries([Point(73.05, 33.6), Point(67.0, 30.2), Point(60.0, 20.5)], crs=4326)
    mine = cg.distance_table(own, {"rail": "ml1"}, by="province")
    assert set(mine.index.dropna()) == {"Punjab", "Balochistan"}
    assert mine["points"].sum() == 3
    assert mine.attrs["without_province"] == 1
    assert "outlines" in mine.attrs["by_position"]
    with pytest.raises(cg.errors.UnknownNameError, match="tehsil"):
        cg.distance_table(own, {"rail": "ml1"}, by="tehsil")


def test_the_zone_of_a_point_is_the_one_that_holds_it():
    districts = cg.layer("districts")
    inside = districts.representative_point()
    names, _ = zone_at(inside, "district")
    held = [set(districts["name"][districts.contains(point)]) for point in inside]
    assert all(name in among for name, among in zip(names, held, strict=True))
    deep = gpd.GeoSeries([Point(64.0, 28.9), Point(0, 0)], crs=4326)
    names, is_uncertain = zone_at(deep, "province")
    assert names.tolist() == ["Balochistan", None]
    assert is_uncertain.tolist() == [False, False]


@pytest.mark.parametrize("layer", ["districts", "provinces"])
def test_neighbours_by_brute_force(layer):
    found = cg.neighbours(layer)
    shapes = cg.layer(layer).geometry
    for label, shape in list(shapes.items())[::5]:
        want = [other for other, s in shapes.items() if other != label and not shape.disjoint(s)]
        assert found[label] == want


SQUARES = gpd.GeoDataFrame(
    {"name": ["sw", "se", "nw", "ne", "far"]},
    geometry=[
        box(67, 30, 68, 31), box(68, 30, 69, 31), box(67, 31, 68, 32), box(68, 31, 69, 32),
        box(71, 30, 72, 31),
    ],
    index=["sw", "se", "nw", "ne", "far"],
    crs=4326,
)  # fmt: skip


def test_corners_count_as_neighbours_and_gaps_do_not():
    found = cg.neighbours(SQUARES)
    assert found["sw"] == ["se", "nw", "ne"]
    assert found["far"] == []


def test_neighbours_as_a_graph():
    graph_of = pytest.importorskip("libpysal.graph").Graph
    graph = cg.neighbours(SQUARES, as_graph=True)
    assert isinstance(graph, graph_of)
    assert list(graph.isolates) == ["far"]
    want = graph_of.build_contiguity(SQUARES, rook=False)
    assert graph.equals(want) if hasattr(graph, "equals") else True
    assert (graph.adjacency.sort_index() == want.adjacency.sort_index()).all()


def own(sections):
    rows = gpd.GeoDataFrame(sections, geometry="geometry", crs=4326)
    return cg.Corridor.from_line(rows, name="own", accuracy_km=2.0)


def wide(column):
    """Zones by year."""
    return column.reset_index().pivot_table(index="zone", columns="year", sort=False)[column.name]


LINE = own(
    {
        "name": ["west", "east"],
        "status": ["operating", "operating"],
        "opened": ["2010", "2015-06"],
        "geometry": [
            LineString([(67.2, 30.5), (68.0, 30.5)]),
            LineString([(68.0, 30.5), (68.7, 30.5)]),
        ],
    }
)


def panel(thing=LINE, **options):
    return cg.treatment(thing, SQUARES, years=[2009, 2010, 2015], **options).set_index(
        ["zone", "year"]
    )


def test_treatment_counted_by_hand():
    found = panel()
    treated = found["treated"].pipe(wide)
    assert treated.loc["sw"].tolist() == [False, True, True]
    assert treated.loc["se"].tolist() == [False, False, True]
    assert not treated.loc[["nw", "ne", "far"]].to_numpy().any()
    km = found["km"].pipe(wide)
    assert km.loc["sw", 2010] == pytest.approx(
        cg.length_km(LineString([(67.2, 30.5), (68.0, 30.5)]))
    )
    assert km.loc["sw", 2009] == 0
    assert found.loc[("sw", 2015), "first_year"] == 2010
    assert found.loc[("sw", 2015), "since"] == 5
    assert pd.isna(found.loc[("nw", 2015), "first_year"])
    control = found["is_control"].pipe(wide)
    assert control.loc["se"].tolist() == [False, True, False]
    assert control.loc["nw"].tolist() == [False, True, True]
    assert control.loc["far"].tolist() == [False, False, False]
    assert found.loc[("nw", 2015), "treated_neighbours"] == 2
    assert found.attrs["neighbours"]["sw"] == ["se", "nw", "ne"]
    assert found.attrs["within_km"] == 0


def test_a_zone_that_comes_near_is_treated_on_request():
    # The corridor runs about 55 km south of the northern squares.
    assert not panel(within_km=50)["treated"].pipe(wide).loc["nw"].any()
    near = panel(within_km=60)
    assert near["treated"].pipe(wide).loc["nw"].tolist() == [False, True, True]
    assert near.loc[("nw", 2015), "km"] == 0
    # At 55 km, with a limit of 55 km and an accuracy of 2 km, the zone is uncertain.
    assert panel(within_km=55)["is_uncertain"].pipe(wide).loc["nw"].all()
    assert not near["is_uncertain"].pipe(wide).loc["nw"].any()


def test_a_line_near_an_outline_is_an_uncertain_assignment():
    along = {
        "name": ["only"], "status": ["operating"], "opened": ["2010"],
        "geometry": [LineString([(67.2, 30.99), (67.8, 30.99)])],
    }  # fmt: skip
    found = panel(own(along))
    assert found["is_uncertain"].pipe(wide)[2015].to_dict() == {
        "sw": True, "se": False, "nw": True, "ne": False, "far": False,
    }  # fmt: skip
    assert found["treated"].pipe(wide)[2015].tolist() == [True, False, False, False, False]


def test_what_is_planned_or_undated_treats_nothing_unless_asked():
    mixed = {
        "name": ["a", "b"], "status": ["planned", "operating"], "opened": [None, None],
        "geometry": LINE.sections.geometry.tolist(),
    }  # fmt: skip
    found = panel(own(mixed))
    assert not found["treated"].any()
    assert found.loc[("sw", 2015), "status"] == "planned"
    assert found.loc[("sw", 2015), "planned_km"] > 70
    assert found.loc[("se", 2015), "undated_km"] > 60
    with_all = panel(own(mixed), undated="in")
    assert with_all["treated"].pipe(wide).loc["se"].tolist() == [True, True, True]
    assert pd.isna(with_all.loc[("se", 2015), "first_year"])
    assert with_all.attrs["undated"] == "in"


def test_a_zone_whose_road_has_no_known_opening_is_no_control():
    dated = {
        "name": ["west", "east"], "status": ["operating", "operating"], "opened": ["2010", None],
        "geometry": LINE.sections.geometry.tolist(),
    }  # fmt: skip
    found = panel(own(dated))
    has_undated, control = (found[c].pipe(wide) for c in ("has_undated", "is_control"))
    assert has_undated[2015].tolist() == [False, True, False, False, False]
    # The south-east touches the treated south-west in 2010 as the north-west does.
    assert (found["treated_neighbours"].pipe(wide).loc[["se", "nw"], 2010] == 1).all()
    assert not control.loc["se"].any()
    assert control.loc["nw"].tolist() == [False, True, True]
    # An undated section that only comes near has no km inside, but it counts.
    near = panel(own({**dated, "opened": [None, "2010"]}), within_km=60)
    assert near.loc[("nw", 2015), "undated_km"] == 0
    assert near.loc[("nw", 2015), "treated"] == bool(near.loc[("nw", 2015), "sections"])
    assert near["has_undated"].pipe(wide).loc["nw"].all()
    assert not near["is_control"].pipe(wide).loc["nw"].any()
    # A planned section is no road yet, so the zone stays a control.
    planned = panel(own({**dated, "status": ["operating", "planned"]}))
    assert planned["is_control"].pipe(wide).loc["se"].tolist() == [False, True, True]
    # With undated="in" an undated section treats every year.
    assert panel(own(dated), undated="in")["treated"].pipe(wide).loc["se"].all()


def test_no_bundled_control_has_an_undated_road():
    found = cg.treatment(["western", "eastern"], years=[2025]).set_index("name")
    assert found.loc["Khuzdar", "has_undated"]
    assert found.loc["Khuzdar", "treated_neighbours"] > 0
    assert not found.loc["Khuzdar", "is_control"]
    assert (found.loc[found["undated_km"] > 0, "has_undated"]).all()
    assert found["is_control"].any()
    assert not found.loc[found["is_control"], "undated_km"].any()


def test_disputed_units_are_a_choice_that_is_written_down():
    whole = cg.treatment("kkh", years=[2020])
    without = cg.treatment("kkh", years=[2020], disputed=False)
    gone = set(whole["zone"]) - set(without["zone"])
    frame = cg.layer("districts")
    assert gone == set(frame.index[frame["province"].isin(["Gilgit-Baltistan", "Azad Kashmir"])])
    assert without.attrs["disputed"] == f"out: {len(gone)} zones"
    assert whole.loc[whole["treated"], "name"].isin(["Kohistan", "Gilgit", "Diamer"]).any()
    with pytest.raises(cg.errors.InputError, match="disputed"):
        panel(disputed=False)


def test_what_a_corridor_crosses_is_what_it_treats():
    for name in ("m5", "kkh-pakistan"):
        thing = cg.corridor(name)
        found = cg.treatment(name, years=[2026], undated="in").set_index("zone")
        crossed = cg.crossed(thing)
        crossed = crossed[crossed["zone"].notna()].groupby("zone")["length_km"].sum()
        got = found.loc[found["km"] > 0.01, "km"] + found.loc[found["km"] > 0.01, "planned_km"]
        assert set(got.index) == set(crossed.index[crossed > 0.01])
        np.testing.assert_allclose(got, crossed[got.index], rtol=1e-3)


@pytest.mark.parametrize(
    ("options", "match"),
    [({"years": []}, "years"), ({"years": [2000.5]}, "years"), ({"years": 2000}, "years"),
     ({"years": [2000], "undated": "no"}, "undated"), ({"years": [2000], "within_km": -1}, "within_km")],
)  # fmt: skip
def test_choices_are_checked(options, match):
    with pytest.raises(cg.errors.InputError, match=match):
        cg.treatment("m5", **options)


@pytest.mark.parametrize(
    ("corridor", "place"),
    [
        ("kkh", "Gilgit"),
        ("kkh", "Dasu"),
        ("kkh", "Karimabad"),
        ("m2", "Lahore"),
        ("m2", "Islamabad"),
    ],
)
def test_a_town_beside_a_line_is_a_place_on_it(corridor, place):
    thing = cg.corridor(corridor)
    off = cg.distance_km(place, thing)
    if off > 2:
        with pytest.warns(cg.errors.NameWarning, match=f"{off:.1f} km off"):
            km = thing.km_of(place)
    else:
        km = thing.km_of(place)
    at = shapely.points(*thing.at(km).coords[0])
    assert cg.distance_km(at, cg.place(place).point) == pytest.approx(off, abs=1e-3)


def test_a_town_far_from_a_line_is_told_how_far():
    kkh = cg.corridor("kkh")
    far = cg.distance_km("Multan", "kkh")
    with pytest.raises(cg.errors.UnknownNameError, match=f"{far:,.1f} km off"):
        kkh.km_of("Multan")
    with pytest.raises(cg.errors.UnknownNameError, match="more than 1 km"):
        kkh.km_of("Karimabad", max_km=1)
    line = kkh.between("Thakot", "Karimabad")
    assert cg.length_km(line) > 100
    with pytest.warns(cg.errors.NameWarning):
        times = cg.rail.running_times(
            "kkh", ["Thakot", "Gilgit"], now_kmh=(30, 60), upgraded_kmh=80, freight_kmh=40
        )
    assert times["to_stop"].tolist() == ["Gilgit"]

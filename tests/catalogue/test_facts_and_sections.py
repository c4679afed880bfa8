"""Ranks, openings, sources and joined sections: each rule on either side of its bound."""

import numpy as np
import pandas as pd
import pytest
from pyproj import Geod
from shapely.geometry import LineString

import cpecgeo as cg
from cpecgeo.catalogue import facts, files, layers, lines
from cpecgeo.errors import DataError, UnknownNameError

GEOD = Geod(ellps="WGS84")


@pytest.mark.parametrize(
    ("people", "rank"),
    [(400_000, 6), (399_999, 7), (100_000, 7), (99_999, 8), (20_000, 8), (19_999, 9), (None, 9)],
)
def test_places_rank_by_population(people, rank):
    frame = pd.DataFrame({"id": ["nowhere"], "kind": ["town"], "population": [people]})
    assert facts.add_facts("places", frame)["rank"].tolist() == [rank]
    # Part of a city, and villages called by a number, come last whatever is said of them.
    for kind in ("suburb", "village"):
        assert facts.add_facts("places", frame.assign(kind=kind))["rank"].tolist() == [10]


def test_a_role_comes_before_population_and_the_best_of_several_counts():
    table = files.read_table("roles.csv")
    known = table[table["role"].isin(facts.ROLES)]
    for layer, feature in known[["layer", "feature"]].drop_duplicates().itertuples(index=False):
        own = known[(known["layer"] == layer) & (known["feature"] == feature)]["role"]
        assert facts.ROLES[facts.roles(layer)[feature]] == min(facts.ROLES[r] for r in own)
    frame = pd.DataFrame({"id": ["gwadar"], "kind": ["suburb"], "population": [5]})
    row = facts.add_facts("places", frame).iloc[0]
    assert (row["role"], row["rank"]) == ("terminus", 1)
    assert "population" in frame  # what is given isn't changed
    assert "rank" not in frame


def test_each_role_has_its_rank():
    """Whatever the population; a role of another kind, such as main station, ranks nothing."""
    ranks = {"terminus": 1, "capital": 1, "port": 2, "border": 3, "provincial capital": 4}
    ranks |= {"junction": 5}
    seen = set()
    for layer in facts.POINT_LAYERS:
        frame = cg.layer(layer)
        for role, rank in frame[["role", "rank"]].dropna().itertuples(index=False):
            assert rank == ranks[role]
            seen.add(role)
        assert (frame.loc[frame["role"].isna(), "rank"] >= 6).all()
    assert seen == set(ranks)


def test_only_points_and_districts_lie_in_a_district_and_only_these_and_provinces_in_a_province():
    for name in layers.LAYERS:
        frame = cg.layer(name)
        assert ("district" in frame) == (name in {*facts.POINT_LAYERS, "districts"}), name
        assert ("province" in frame) == (name in {*facts.POINT_LAYERS, "districts", "provinces"}), (
            name
        )
    districts, provinces = cg.layer("districts"), cg.layer("provinces")
    assert districts["district"].tolist() == districts["name"].tolist()
    assert provinces["province"].tolist() == provinces["name"].tolist()
    assert set(districts["province"].dropna()) <= set(provinces["name"])


def test_ranks_follow_one_another_without_a_gap():
    """What a place is for the corridor comes first, then its people, then all others."""
    roles, towns = list(facts.ROLES.values()), [rank for _, rank in facts._BY_POPULATION]
    each = [*dict.fromkeys(roles), *towns, facts._SMALL, facts._LAST]
    assert each == list(range(1, 11))
    assert list(facts.ROLES) == [
        "terminus", "capital", "port", "border", "provincial capital", "junction",
    ]  # fmt: skip
    least = [people for people, _ in facts._BY_POPULATION]
    assert least == sorted(least, reverse=True)


@pytest.mark.parametrize(("count", "listed"), [(60, True), (61, False)])
def test_up_to_sixty_names_are_listed(count, listed):
    known = {f"name{i:02}": ["other"] for i in range(count)}
    with pytest.raises(UnknownNameError) as caught:
        facts.match("zzzz", known, "layer")
    names = f" Known: {', '.join(known)}." if listed else ""
    assert str(caught.value) == f"No layer named 'zzzz'.{names}"
    assert facts.match("OTHER ", known, "layer") == "name00"


def test_district_and_province_are_those_of_the_tables():
    codes = files.read_table("district_codes.csv").set_index("id")
    table = files.read_table("feature_districts.csv")
    for name in facts.POINT_LAYERS:
        frame = cg.layer(name)
        known = table[table["layer"] == name].set_index("feature")["district"]
        for feature, row in frame.iterrows():
            if feature in known.index:
                code = codes.loc[known[feature]]
                assert row["district"] == code["name"]
                assert (row["province"], row["province_iso"]) == (
                    code["province"],
                    code["province_iso"],
                )
            else:
                assert row["district"] is None or pd.isna(row["district"])


@pytest.mark.parametrize(
    ("opened", "statuses", "expected"),
    [
        (["2001", "1999-05"], ["operating", "operating"], "2001"),
        (["2001", None], ["operating", "operating"], None),
        (["2001", "1999"], ["operating", "planned"], None),
        (["2001", "1999"], ["operating", "under_construction"], None),
        (["2001", "1999"], ["operating", "suspended"], "2001"),
    ],
)
def test_a_corridor_is_open_when_its_last_part_is(opened, statuses, expected):
    parts = pd.DataFrame({"opened": opened, "status": statuses})
    assert lines._find_opening("no such corridor", parts) == expected


def test_sources_are_counted_without_the_numbers_of_records():
    texts = ["GeoNames 1, 2 and 3", "GeoNames 4", "Atlas 1999", "GeoNames 5"]
    assert layers._sources(texts) == ["GeoNames (3 records)", "Atlas 1999"]
    # Of equally many, in the order of their names.
    assert layers._sources(["b", "c", "a", "c"]) == ["c (2 records)", "a", "b"]
    # A number with a fraction isn't that of a record.
    assert layers._sources(["OpenStreetMap node 12.5"]) == ["OpenStreetMap node 12.5"]
    assert layers._short([]) == ""
    assert layers._short(["a"]) == "a"
    assert layers._short(["a", "b", "c"]) == "a and 2 more"


def section(xy, km):
    """A drawn section as the data has it."""
    legs = [{"km_from": 0.0, "km_to": km[-1], "basis": "gazetteer", "accuracy_km": 1.0}]
    stops = {f"stop {xy[0]}": 0, f"stop {xy[-1]}": len(xy) - 1}
    return {"geometry": LineString(xy), "measures_km": km, "legs": legs, "stops": stops}


@pytest.fixture
def drawn(monkeypatch):
    """Three sections; the second is drawn against the order."""
    kept = {
        "a": section([(67, 25), (67.1, 25)], [0.0, 10.0]),
        "b": section([(67.3, 25), (67.2, 25), (67.1, 25)], [0.0, 12.0, 20.0]),
        "c": section([(67.3, 25), (67.4, 25)], [0.0, 9.0]),
    }
    monkeypatch.setattr(lines, "drawn_sections", lambda: kept)
    return kept


def test_sections_are_joined_end_to_end(drawn):
    whole = lines.join_sections(["a", "b", "c"], "The test")
    assert whole.sections == (
        ("a", 0.0, 10.0, False), ("b", 10.0, 30.0, True), ("c", 30.0, 39.0, False),
    )  # fmt: skip
    assert whole.measures_km.tolist() == [0, 10, 18, 30, 39]
    assert [x for x, _ in whole.line.coords] == pytest.approx([67, 67.1, 67.2, 67.3, 67.4])
    assert [leg[:3] for leg in whole.legs] == [("a", 0, 10), ("b", 10, 30), ("c", 30, 39)]
    assert whole.stops["stop (67.3, 25)"] == 30
    back = lines.join_sections(["c", "b", "a"], "The test")
    assert back.measures_km.tolist() == [0, 9, 21, 29, 39]
    assert not back.measures_km.flags.writeable


@pytest.mark.parametrize(("km", "meets"), [(0.49, True), (0.51, False)])
def test_sections_meet_within_half_a_kilometre(drawn, km, meets):
    lon, lat, _ = GEOD.fwd(67.1, 25, 180, 1000 * km)
    drawn["near"] = section([(lon, lat), (67.1, 24.5)], [0.0, 60.0])
    if meets:
        assert lines.join_sections(["a", "near"], "x").measures_km[-1] == 70
    else:
        with pytest.raises(DataError, match=f"a and near of x are {km:.2f} km apart"):
            lines.join_sections(["a", "near"], "x")


@pytest.mark.parametrize(
    ("names", "between"),
    [("far a b", "far and a"), ("a far b", "a and far"), ("c b far", "b and far")],
)
def test_a_gap_is_between_the_two_that_follow_one_another(drawn, names, between):
    drawn["far"] = section([(60, 20), (60.5, 20)], [0.0, 50.0])
    with pytest.raises(DataError, match=f"^{between} of x are "):
        lines.join_sections(names.split(), "x")


def test_a_section_that_is_not_drawn_is_named(drawn):
    with pytest.raises(DataError, match="The test needs zzz"):
        lines.join_sections(["a", "zzz"], "The test")


def test_a_traced_share_counts_km_and_labels():
    legs = [
        {"km_from": a, "km_to": b, "basis": basis}
        for a, b, basis in ((0, 6, "traced"), (6, 8, "label"), (8, 16, "gazetteer"))
    ]
    assert lines._traced_share({"legs": legs}) == 0.5
    assert lines._traced_share(None) == 0.0
    sections = cg.layer("sections")
    share = np.array([lines._traced_share(lines.drawn_sections().get(i)) for i in sections["id"]])
    assert ((sections["basis"] == "traced") == (share > 0.5)).all()
    assert (sections["source"].str.contains("traced from raster tiles") == (share > 0)).all()


def test_a_station_on_several_lines_has_each_of_them_and_the_other_names():
    same = lines.shared_stations()
    rows = lines.line_stations().set_index("id")
    once = lines.stations().set_index("id")
    assert not set(same) & set(once.index)
    for other, station in same.items():
        traces = {rows.loc[i, "trace"] for i in (station, *(o for o in same if same[o] == station))}
        assert set(once.loc[station, "lines"].split("; ")) == traces
        if rows.loc[other, "name"] != rows.loc[station, "name"]:
            assert rows.loc[other, "name"] in once.loc[station, "aliases"].split("; ")
        if rows.loc[other, "geometry"] is not None:
            assert once.loc[station, "geometry"] is not None

"""The figures that people will quote, compared with independent ones."""

import geopandas as gpd
import numpy as np
import pytest
from pyproj import Geod
from shapely.geometry import Point

import cpecgeo as cg
from cpecgeo.catalogue.files import read_table
from cpecgeo.errors import CoordinateError, CRSError, InputError, UnknownNameError
from cpecgeo.features.corridors import lengths

GEOD = Geod(ellps="WGS84")
CONTRACT = [
    "ml1",
    "ml1-chord",
    "taxila-havelian",
    "ml2",
    "ml3",
    "rohri-chaman",
    "ml4",
    "kkh",
    "eastern",
    "central",
    "western",
    "mining",
    "n10",
    "n25",
    "n40",
    "peshawar-torkham",
]
REVERSING = {"ml3", "mining-rail"}


@pytest.mark.parametrize(
    ("name", "km", "within"),
    [("ml1", 1692, 3), ("ml1-chord", 1648, 3), ("taxila-havelian", 53, 1), ("n40", 591, 2)],
)
def test_drawn_length(name, km, within):
    line = np.array(cg.corridor(name).line.coords)
    summed = GEOD.line_length(line[:, 0], line[:, 1]) / 1e3
    assert summed == pytest.approx(km, abs=within)
    assert cg.length_km(name) == pytest.approx(summed, rel=1e-9)


def test_contract_names():
    assert set(CONTRACT) <= set(cg.corridors().index)


def test_km_481_is_rohri():
    point = cg.corridor("ml1-chord").at(481)
    assert GEOD.inv(point.x, point.y, 68.896448, 27.685755)[2] < 1


@pytest.mark.parametrize("name", list(cg.corridors().index))
def test_sections_run_the_way_of_the_corridor(name):
    corridor = cg.corridor(name)
    for row in corridor.sections.itertuples():
        for vertex, km in ((0, row.km_from), (-1, row.km_to)):
            (x, y), point = row.geometry.coords[vertex], corridor.at(km)
            # Where trains reverse, a station may have a published point on each line.
            near_m = 500 if name in REVERSING else 50
            assert GEOD.inv(x, y, point.x, point.y)[2] < near_m, row.id


def test_a_section_names_its_ends_in_the_order_of_its_km():
    first = cg.corridor("m8").sections.iloc[0]
    assert (first["from"], first["to"]) == ("Gwadar (N-10 junction)", "Hoshab")


def test_a_corridor_in_one_line():
    assert repr(cg.corridor("ml1")) == (
        "<Corridor ml1: Main Line 1, Karachi–Peshawar via Multan, rail, operating, "
        "1,692.3 km drawn (published 1,733 km), 3 sections>"
    )
    assert repr(cg.corridor("mining")).endswith("706.1 km drawn, 6 sections>")
    assert all("\n" not in repr(cg.corridor(name)) for name in CONTRACT)


@pytest.mark.parametrize("name", list(cg.corridors().index))
def test_stops_stand_at_their_chainage(name):
    corridor = cg.corridor(name)
    stops = corridor.stops
    assert stops["km"].is_monotonic_increasing
    placed = stops[stops.geometry.notna()]
    at = corridor.at(placed["km"].to_numpy())
    km = GEOD.inv(placed.geometry.x, placed.geometry.y, at.x.to_numpy(), at.y.to_numpy())[2] / 1e3
    beside = corridor.locate(placed.geometry)["offset_km"].to_numpy()
    stations = placed["kind"].eq("station").to_numpy()
    assert np.max(km[stations], initial=0) < 1e-3
    # A road passes its towns by: each stop is where the road is closest to it. Junctions named
    # after a town stand where the roads meet.
    assert np.mean(km - beside < 0.2) > 0.85
    # Interchanges of motorways are named after towns far off.
    assert np.max(km) < (22 if {"m3", "m4", "m5"} & set(corridor.sections["id"]) else 15)


@pytest.mark.parametrize("name", [n for n in cg.corridors().index if n not in REVERSING])
def test_locate_undoes_at(name):
    corridor = cg.corridor(name)
    km = np.linspace(0.01, corridor.end_km - 0.01, 23)
    found = corridor.locate(corridor.at(km))
    assert np.allclose(found["km"], km, atol=2e-4)
    assert found["offset_km"].max() < 1e-5


@pytest.mark.parametrize("name", sorted(REVERSING))
def test_a_place_on_the_doubled_stretch_has_its_first_chainage_and_side(name):
    corridor = cg.corridor(name)
    quetta = corridor.km_of("Quetta")
    km = np.linspace(quetta - 24.99, quetta - 0.01, 200)
    on = corridor.at(km)
    assert np.allclose(corridor.locate(on)["km"], km, atol=2e-4)
    stops = corridor.stops[corridor.stops.geometry.notna()]
    assert np.allclose(corridor.locate(stops.geometry)["km"], stops["km"], atol=2e-4)
    # 50 m left of the line towards Quetta, which is right of it on the way back.
    ahead = corridor.at(km + 0.005)
    azimuth = GEOD.inv(on.x, on.y, ahead.x, ahead.y)[0]
    lon, lat, _ = GEOD.fwd(on.x, on.y, np.asarray(azimuth) - 90, np.full(len(km), 50.0))
    beside = cg.nearest(gpd.GeoSeries.from_xy(lon, lat, crs=4326), [name])
    straight = np.abs(beside["distance_km"] - 0.05) < 1e-6
    assert straight.mean() > 0.9
    assert set(beside.loc[straight, "side"]) == {"left"}
    assert np.allclose(beside.loc[straight, "km"], km[straight], atol=2e-4)


def test_between_runs_in_the_direction_asked_for():
    ml1 = cg.corridor("ml1")
    there = ml1.between("Lahore Junction", "Rawalpindi")
    back = ml1.between("Rawalpindi", "Lahore Junction")
    assert there.coords[0] == pytest.approx(back.coords[-1])
    assert cg.length_km(there) == pytest.approx(278.75, abs=0.05)


def test_names_are_forgiven_and_unknown_ones_helped():
    assert cg.corridor("Main Line 1").name == cg.corridor("ML-1").name == "ml1"
    with pytest.raises(UnknownNameError, match="Karakoram Highway"):
        cg.corridor("karakoram higway")
    with pytest.raises(UnknownNameError, match="Rohri Junction"):
        cg.corridor("ml1").km_of("Rohry Junction")


def test_places_in_three_scripts():
    assert cg.place("Gwadar Port").point == Point(62.341, 25.109)
    assert GEOD.inv(*cg.place("روہڑی جنکشن").point.coords[0], 68.896448, 27.685755)[2] < 1
    told = "isn't known: in Chagai District; position not known"
    with pytest.raises(InputError, match=told):
        cg.place("Siah Dik")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Kemari", "ml1-kiamari"),  # the railway's own spelling
        ("Friendship Gate", "chaman"),
        ("خنجراب پاس", "khunjerab-pass"),
        ("瓜达尔港", "gwadar-port"),
        ("DI Khan", "dera-ismail-khan"),
        ("D.G. Khan", "dera-ghazi-khan"),
        ("TT Singh", "toba-tek-singh"),
        ("Siah Diq", None),  # known by that name too, but not where
    ],
)
def test_places_by_their_other_names(name, found):
    if found is None:
        with pytest.raises(InputError, match="isn't known"):
            cg.place(name)
    else:
        assert cg.place(name).id == found


def test_the_karakoram_highway_in_three_scripts():
    assert {cg.corridor(n).name for n in ("KKH", "شاہراہ قراقرم", "喀喇昆仑公路")} == {"kkh"}


@pytest.mark.parametrize(
    ("a", "b", "km"),
    # geodesics computed without this code, from the same gazetteers
    [
        ("Khunjerab Pass", "Sost", 57.0),
        ("Khunjerab Pass", "Gilgit", 143.9),
        ("Khunjerab Pass", "Islamabad", 409.3),
        ("Khunjerab Pass", "Tashqorghan", 104.5),
        ("Khunjerab Pass", "Kashgar", 294.6),
        ("Sost", "Gilgit", 97.0),
        ("Kashgar", "Gwadar", 2040.9),
        ("Mand–Pishin", "Turbat", 102.5),
        ("Quetta", "Turbat", 604.7),
        ("Quetta", "Saindak", 531.6),
    ],
)
def test_straight_distances_between_places(a, b, km):
    assert cg.distance_km(a, b) == pytest.approx(km, abs=0.051)


def test_published_straight_distances():
    assert cg.distance_km("Reko Diq", "Saindak") == pytest.approx(50.2, abs=0.1)
    assert cg.distance_km("gwadar-airport-old", "new-gwadar-international-airport") == (
        pytest.approx(18.7, abs=0.1)
    )


def test_swapped_axes_and_missing_crs_are_refused():
    ml1 = cg.corridor("ml1")
    with pytest.raises(CoordinateError, match="swapped"):
        ml1.locate(Point(24.9, 67.0))
    with pytest.raises(CRSError):
        ml1.locate(gpd.GeoSeries([Point(67.0, 24.9)]))


def test_projected_input_gives_the_same_answer():
    spots = gpd.GeoSeries([Point(67.0, 24.9), Point(72.0, 33.0)], index=["a", "b"], crs=4326)
    ml1 = cg.corridor("ml1")
    plain, projected = ml1.locate(spots), ml1.locate(spots.to_crs(32642))
    assert list(projected.index) == ["a", "b"]
    assert np.allclose(plain[["km", "offset_km"]], projected[["km", "offset_km"]], atol=1e-6)


def test_nearest_gives_the_corridors_own_chainage():
    spot = Point(68.9, 27.9)
    near = cg.nearest(spot, ["ml1-chord"]).iloc[0]
    assert near["km"] == pytest.approx(cg.corridor("ml1-chord").locate(spot)["km"].iloc[0])


def test_markets_of_phase_two():
    markets = cg.markets()
    assert set(markets.index[markets["planned_phase2"]]) == {"khunjerab-pass", "torkham"}
    assert cg.distance_km("Torkham", "peshawar-torkham") < 0.1


def test_the_karakoram_highway_climbs_to_khunjerab():
    profile = cg.corridor("kkh-pakistan").profile(1)
    assert profile["elevation_m"].iloc[-1] == pytest.approx(4693, abs=250)
    assert profile["elevation_m"].iloc[0] == pytest.approx(400, abs=50)


def test_layers_are_copies_with_provenance():
    first = cg.layer("mines")
    first.loc[:, "name"] = "changed"
    again = cg.layer("mines")
    assert "changed" not in set(again["name"])
    assert again.crs.to_epsg() == 4326
    assert {"licence", "sources", "data_version", "title"} <= set(again.attrs)


def test_a_corridors_tables_are_the_callers_own():
    mine = cg.corridor("m9")
    mine.stops["name"] = "changed"
    mine.sections.loc[:, "status"] = "changed"
    assert "changed" not in set(cg.corridor("m9").stops["name"])
    assert "changed" not in set(cg.corridor("m9").sections["status"])


def test_no_target_is_made_up():
    targets = cg.table("targets")
    assert targets.empty
    assert {"corridor", "quantity", "value", "unit", "source"} <= set(targets.columns)


def test_reprs_escape_names():
    from dataclasses import replace

    hostile = replace(cg.corridor("m9"), title="<script>alert(1)</script>")
    assert "<script>" not in hostile._repr_html_()


def test_each_length_says_why_it_is_not_the_published_one():
    table = lengths()
    both = table[table["drawn_km"].notna() & table["official_km"].notna()]
    assert set(both["level"]) == {"corridor", "section"}
    assert (both["reason"].str.len() > 0).all()
    assert (
        "curves between stations" in both.set_index("id").loc["taxila-havelian", "reason"].iloc[0]
    )


def test_sections_sum_to_the_length_of_their_corridor():
    """Except where a section ends at a town and the next begins at its station."""
    more = {}
    for name in cg.corridors().index:
        thing = cg.corridor(name)
        more[name] = float(thing.sections["drawn_km"].sum()) - thing.length_km
    assert {name for name, km in more.items() if abs(km) >= 0.01} == {"mining-rail"}
    link, rail = cg.corridor("mining-rail").sections.geometry.iloc[:2]
    end, start, following = link.coords[-1], rail.coords[0], rail.coords[1]
    gap, drawn, cut = (
        GEOD.inv(*a, *b)[2] / 1e3 for a, b in ((end, start), (start, following), (end, following))
    )
    assert gap == pytest.approx(0.475, abs=0.001)
    assert more["mining-rail"] == pytest.approx(drawn - cut, abs=0.01)


@pytest.mark.parametrize("name", ["ml1", "ml1-chord", "kkh", "n25", "western", "mining"])
def test_competing_figures_are_those_of_the_corridor_its_sections_and_its_wholes(name):
    """Wholes are rows of sections that stand for the corridor, such as a line as it was planned."""
    sections, figures = cg.layer("sections"), read_table("figures.csv")
    own = {name, *cg.corridor(name).sections["id"]}
    own |= set(sections.loc[sections["corridor"] == name, "id"])
    found = cg.corridor(name).competing
    assert set(found["id"]) == set(figures.loc[figures["feature"].isin(own), "id"])

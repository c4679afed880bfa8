"""The meaning of names of stops, stations and roads; messages where a name means several."""

import geopandas as gpd
import pandas as pd
import pytest

import cpecgeo as cg
from cpecgeo.catalogue.facts import of_town, station_name
from cpecgeo.errors import InputError, NameWarning, UnknownNameError
from cpecgeo.features.lookup import _list_others, find
from cpecgeo.features.places import find_stop
from cpecgeo.features.resolve import resolve


@pytest.mark.parametrize(
    ("name", "corridor"),
    [
        ("E-35", "hazara"),
        ("M-15", "hazara"),
        ("Hazara Motorway", "hazara"),
        ("N-5", "n5"),
        ("GT Road", "n5"),
        ("N-55", "n55"),
        ("Indus Highway", "n55"),
    ],
)
def test_roads_go_by_the_names_that_people_use(name, corridor):
    assert cg.corridor(name).name == corridor


@pytest.mark.parametrize(
    ("name", "station"),
    [
        ("Lahore Jn", "ml1-lahore-junction"),
        ("Lahore Jn.", "ml1-lahore-junction"),
        ("Karachi Cantt", "ml1-karachi-cantonment"),
        ("Karachi Cantonment", "ml1-karachi-cantonment"),
        ("Rohri Junction", "ml1-rohri-junction"),
        ("Multan Cantonment", "multan-loop-multan-cantt"),
        ("Taxila Cantt", "ml1-taxila"),
    ],
)
def test_stations_are_found_however_their_last_word_is_written(name, station):
    found = cg.place(name)
    assert (found.layer, found.id) == ("stations", station)
    stops = cg.corridor("ml1").stops.set_index("id")
    assert cg.corridor("ml1").km_of(name) == stops.loc[station, "km"]


@pytest.mark.parametrize(
    ("town", "main", "other"),
    [
        ("Lahore", "Lahore Junction", "Lahore Cantt"),
        ("Karachi", "Karachi City", "Karachi Cantonment"),
        ("Peshawar", "Peshawar Cantonment", "Peshawar City"),
    ],
)
def test_a_town_is_its_main_station_and_the_others_are_told(town, main, other):
    ml1 = cg.corridor("ml1")
    with pytest.warns(NameWarning, match=f"{main}.*{other}|{other}.*{main}") as told:
        km = ml1.km_of(town)
    assert km == ml1.km_of(main) != ml1.km_of(other)
    assert told[0].filename == __file__
    assert cg.place(town, within="stations").name == main


def test_a_town_with_one_station_or_a_station_of_that_very_name_says_nothing():
    ml1 = cg.corridor("ml1")
    assert ml1.km_of("Rohri") == ml1.km_of("Rohri Junction")
    assert ml1.km_of("Gujranwala") != ml1.km_of("Gujranwala Cantt")  # a name of its own
    assert ml1.km_of("Rawalpindi") == ml1.km_of("ml1-rawalpindi")


def test_several_stations_without_a_main_one_are_listed():
    stops = cg.corridor("ml1").stops.query("name in ['Lahore Cantt', 'Lahore Junction']")
    with pytest.raises(InputError, match=r"Lahore Cantt \(km .*Lahore Junction \(km "):
        find_stop("ml1", stops.assign(main=False), "Lahore")


def test_names_that_no_stop_has():
    ml1 = cg.corridor("ml1")
    for name in ("", "Junction", "Cantt", "Gwadar"):
        with pytest.raises(UnknownNameError):
            ml1.km_of(name)


def test_words_of_stations():
    assert station_name("Jn") == "jn"
    assert of_town("Junction") == "junction"
    assert of_town("City") == "city"
    assert of_town("Karachi City") == of_town("Karachi Cantt.") == "karachi"


def test_a_route_by_rail_starts_at_the_main_station():
    assert cg.route("Lahore", "Rohri", mode="rail").origin.name == "Lahore Junction"


def test_closing_a_district_by_its_old_or_new_name_is_the_same():
    ways = [cg.route("Quetta", "Karachi", mode="road", avoid=f"district:{n}") for n in
            ("Kalat", "Surab")]  # fmt: skip
    assert (
        ways[0].length_km
        == ways[1].length_km
        > cg.route("Quetta", "Karachi", mode="road").length_km
    )


@pytest.mark.parametrize("name", ["FATA", "Federally Administered Tribal Areas", "province:Fata"])
def test_the_tribal_areas_are_told_to_be_part_of_the_province_they_joined(name):
    with pytest.raises(UnknownNameError, match=r"Khyber Pakhtunkhwa since 2018.*Bajaur") as told:
        cg.length_km(name)
    assert told.value.near == []
    assert {"Bajaur", "Khyber", "Kurram", "Mohmand", "North Waziristan", "Orakzai"} <= set(
        cg.layer("districts").query("province == 'Khyber Pakhtunkhwa'")["name"]
    )


@pytest.mark.parametrize("name", ["Chaghi", "Chagai", "Chaghai", "Shaheed Benazirabad"])
def test_a_district_asked_for_as_a_place_is_told_to_be_one(name):
    with pytest.raises(UnknownNameError, match="It is a district, which has no point"):
        cg.place(name)
    assert find(name).kind == "district"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("E-35", "It is a corridor, of which `corridor('hazara')`"),
        ("Hazara Motorway", "It is a corridor, of which `corridor('hazara')`"),
        ("Raikot-Thakot", "It is a section"),
        ("Balochistan", "It is a province, which has no point"),
        ("Lasbella", "Did you mean 'Lasbela'"),
    ],
)
def test_what_is_no_place_is_said_to_be_what_it_is(name, told):
    with pytest.raises(UnknownNameError) as caught:
        cg.place(name)
    assert told in str(caught.value)
    assert name not in caught.value.near


def test_a_name_means_what_is_needed():
    """Awaran is a town and a district: the town first, and the district where areas are needed."""
    assert find("Awaran").kind == "place"
    assert "district:awaran" in find("Awaran").also
    assert resolve("Awaran", kinds={"Polygon", "MultiPolygon"}).kind == "district"
    assert resolve(["Awaran", "Kech"], kinds={"Polygon", "MultiPolygon"}).shapes.index.tolist() == [
        "awaran", "kech",
    ]  # fmt: skip
    crossed = cg.crossed("m8", "Awaran").dropna(subset="zone")
    pd.testing.assert_frame_equal(
        pd.DataFrame(crossed),
        pd.DataFrame(cg.crossed("m8", "district:Awaran").dropna(subset="zone")),
    )
    # A name with no such geometry keeps its first meaning, which the message states.
    with pytest.raises(cg.errors.GeometryError, match="Point"):
        cg.crossed("m8", "Ormara")


@pytest.mark.parametrize(
    ("name", "id_", "layer", "district"),
    [
        ("Sahiwal", "sahiwal", "places", "Sahiwal"),  # not the plant, 14 km away
        ("Hub", "hub", "places", "Lasbela"),  # not the plant, 23 km away
        ("Hub (CPHGC) coal", "hub", "energy", "Lasbela"),
        ("Arifwala", "arifwala", "places", "Pakpattan"),
        ("Arif Wala", "arifwala", "places", "Pakpattan"),
    ],
)
def test_a_town_comes_before_its_plant(name, id_, layer, district):
    found = cg.place(name)
    assert (found.id, found.layer, found.district) == (id_, layer, district)


def test_every_town_with_a_population_is_found_by_its_name():
    """The largest of its name, where no port, crossing, mine or zone has it too."""
    sites = {"ports", "crossings", "mines", "zones"}
    towns = cg.layer("places").sort_values("population", ascending=False)
    towns = towns[towns["population"].notna()].drop_duplicates("name")
    found = {name: cg.place(name) for name in towns["name"]}
    off = [
        name
        for name, at in zip(towns["name"], towns.geometry, strict=True)
        if found[name].layer not in sites and cg.distance_km(at, found[name].point) > 1
    ]
    assert not off


def test_an_ambiguous_name_is_told_in_the_answer():
    assert cg.rings("Quetta", 5).attrs["also"] == ["district:quetta"]
    assert cg.within("mines", ["Quetta", "Khuzdar"], 50).attrs["also"] == [
        "district:quetta",
        "district:khuzdar",
    ]
    assert repr(resolve("Quetta")) == "<Subject Quetta: place; also district:quetta>"
    assert repr(resolve("mines")) == "<Subject Mines: layer, 5 geometries>"
    # Nothing is listed for a stated kind, a thing, or a name with one meaning.
    for plain in ("district:Quetta", cg.place("Quetta"), "Gwadar Port"):
        assert "also" not in cg.rings(plain, 5).attrs


def test_only_towns_share_a_name_with_another_kind():
    """So `also` is no warning: nearly always the town is meant. Think again if another pair appears."""
    lines = cg.layer("sections").dropna(subset="geometry")["name"].tolist()
    for row in cg.corridors().itertuples():
        lines += [row.id, row.title]
    assert not [name for name in lines if find(name).also]


@pytest.mark.parametrize(
    ("name", "kinds", "others"),
    [
        ("Gwadar", ("place", "district"), ("place:Gwadar", "district:gwadar")),
        ("ml1", ("corridor", "place", "province"), ("corridor:ml1",)),
        ("Punjab", ("province", "layer"), ("province:punjab",)),
        ("Atlantis", ("corridor", "section", "place", "district"), ()),
    ],
)
def test_other_meanings_are_named_by_kind_and_by_what_they_are_called_there(name, kinds, others):
    assert _list_others(name, kinds, "raise") == others


@pytest.mark.parametrize(
    ("title", "expected"),
    [("Sites", "Sites"), ("", "2 features"), (5, "2 features"), (None, "2 features")],
)
def test_a_table_is_called_by_its_title_and_a_series_by_its_name(title, expected):
    series = gpd.GeoSeries.from_xy([67.0, 68.0], [25.0, 26.0], crs=4326)
    frame = series.to_frame("geometry")
    frame.attrs["title"] = title
    assert resolve(frame, "x").title == expected
    assert resolve(series.rename(title), "x").title == expected
    # The name of a table's column of geometries is none of its own.
    assert resolve(series.to_frame("shape").set_geometry("shape"), "x").title == "2 features"

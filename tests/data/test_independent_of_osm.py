"""Without OpenStreetMap's stations the main line and the roads are still drawn correctly."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from pyproj import Geod

from tools import lines

DATA = Path(__file__).parents[2] / "data"
GEOD = Geod(ellps="WGS84")
MAIN_LINE = {"ml1-kiamari-lodhran", "lodhran-multan-khanewal", "ml1-khanewal-peshawar"}


def features(path):
    collection = json.loads((DATA / path).read_text(encoding="utf-8"))
    return {f["id"]: f for f in collection["features"]}


SECTIONS = pd.read_csv(DATA / "sections.csv").set_index("id")
ROADS = set(SECTIONS.index[SECTIONS["kind"] == "road"])
OWN, WITH_OSM = features("lines.geojson"), features("odbl/lines.geojson")


WAYS = pd.read_csv(DATA / "waypoints.csv").round(5)
# A road ends where it meets another, and not in the town that the junction is named after.
JUNCTION_KM = 15


def lines_of(feature):
    geometry = feature["geometry"]
    lone = geometry["type"] == "LineString"
    return [geometry["coordinates"]] if lone else geometry["coordinates"]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    copy = tmp_path_factory.mktemp("without") / "data"
    shutil.copytree(DATA, copy, ignore=shutil.ignore_patterns("odbl", "derived"))
    return lines.build(copy, osm=False)


def test_the_committed_lines_need_nothing_from_odbl(built):
    assert lines.text(built) == (DATA / "lines.geojson").read_text(encoding="utf-8")


def test_main_line_and_roads_are_drawn(built):
    sections = pd.read_csv(DATA / "sections.csv").set_index("id")
    drawn = {f["id"] for f in built}
    parts = pd.read_csv(DATA / "section_parts.csv")
    roads = {name for name in parts["section"] if sections.loc[name, "kind"] == "road"}
    assert len(roads) > 50
    assert drawn >= MAIN_LINE | roads


def test_no_openstreetmap_position_outside_odbl():
    """Not even one rounded to a metre."""
    osm = pd.read_csv(DATA / "odbl/station_positions.csv")
    theirs = set(zip(osm["lon"].round(5), osm["lat"].round(5), strict=True))
    for road in features("odbl/roads.geojson").values():
        vertices = {(round(v[0], 5), round(v[1], 5)) for p in lines_of(road) for v in p}
        theirs |= vertices - set(zip(WAYS["lon"], WAYS["lat"], strict=True))
    ours = {(round(v[0], 5), round(v[1], 5)) for f in OWN.values() for p in lines_of(f) for v in p}
    assert len(theirs) > 2000
    assert ours & theirs == set()
    for table in ("stations.csv", "waypoints.csv"):
        points = pd.read_csv(DATA / table).dropna(subset=["lon"])
        stored = set(zip(points["lon"].round(5), points["lat"].round(5), strict=True))
        assert stored & theirs == set()


def test_licences_follow_the_positions():
    assert {f["properties"]["licence"] for f in OWN.values()} == {"CC-BY-4.0"}
    for name, f in WITH_OSM.items():
        free = name in OWN and f["geometry"] == OWN[name]["geometry"]
        assert f["properties"]["licence"] == ("CC-BY-4.0" if free else "ODbL-1.0")


@pytest.mark.parametrize("name", sorted(set(OWN) & set(WITH_OSM)))
def test_a_line_drawn_without_openstreetmap_reaches_both_its_ends(name):
    """A section is drawn from end to end or not at all, never in part."""
    for own, full in zip(lines_of(OWN[name]), lines_of(WITH_OSM[name]), strict=True):
        for a, b in ((own[0], full[0]), (own[-1], full[-1])):
            assert GEOD.inv(*a, *b)[2] / 1e3 < (JUNCTION_KM if name in ROADS else 1e-9)


def test_a_line_whose_end_has_no_position_is_left_out():
    assert {"rohri-chaman", "lahore-wagah"} <= set(WITH_OSM) - set(OWN)

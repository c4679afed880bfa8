"""The tables keep their schema, and the lines agree with the points and figures."""

import hashlib
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyproj import Geod
from shapely import get_coordinates
from shapely.geometry import LineString

from cpecgeo import corridor, layer
from tools import lines, package
from tools.derive.scripts import URDU

ROOT = Path(__file__).parents[2]
DATA = ROOT / "data"
PACKAGE = json.loads((DATA / "datapackage.json").read_text(encoding="utf-8"))
RESOURCES = {r["path"]: r for r in PACKAGE["resources"]}
TABLES = [path for path in RESOURCES if path.endswith(".csv")]
SITES = ["crossings.csv", "mines.csv", "ports.csv", "zones.csv", "energy.csv"]
GEOD = Geod(ellps="WGS84")

# Geodesic sums through the same points, computed independently of this project's code, km:
# roads through their way points, railways through all stations.
SUMS = {
    "khunjerab-raikot": 283.0, "raikot-thakot": 235.7, "thakot-havelian": 102.3,
    "havelian-burhan": 60.0, "n35": 674.9, "g314": 343.7, "m14": 267.4,
    "n50-yarik-zhob": 191.6, "n50-zhob-kuchlak": 282.6, "kuchlak-surab": 225.3, "n85": 395.5,
    "m8-gwadar-hoshab": 191.8, "m8-junction-gwadar": 47.3, "n30": 88.6, "besima-hoshab": 315.7,
    "m1": 153.1, "m2": 312.8, "m3": 216.3, "m4": 282.3, "m5": 380.1, "m6": 289.0, "m9": 132.7,
    "m8-ratodero-khuzdar": 170.7, "n10": 536.5, "n25": 752.1, "n40": 557.5,
    "reko-diq-nok-kundi": 71.1, "nok-kundi-mashkhel": 101.6, "mashkhel-panjgur": 159.4,
    "panjgur-hoshab": 110.7, "turbat-mand": 102.6, "n5-peshawar-torkham": 48.6,
    "hakla-pindi-gheb": 70.7, "pindi-gheb-kot-addu": 340.6, "kot-addu-dgk": 56.5,
    "dgk-rajanpur": 108.6, "rajanpur-wangu": 307.2, "wangu-khuzdar": 112.9,
    "ml1-posts": 1648.1, "ml1-pc1": 1692.3, "ml1-framework": 1836.0, "rohri-chaman": 484.5,
    "quetta-taftan": 595.5, "lodhran-khanewal-chord": 90.5,
}  # fmt: skip


def read(path):
    return pd.read_csv(DATA / path, dtype=str, keep_default_na=False)


def drawn(path):
    features = json.loads((DATA / path).read_text(encoding="utf-8"))["features"]
    return {f["id"]: f for f in features}


OWN = drawn("lines.geojson")
DRAWN = OWN | drawn("odbl/lines.geojson")
SECTIONS = read("sections.csv").set_index("id")


def legs(coordinates):
    xy = np.array(coordinates)
    return GEOD.inv(xy[:-1, 0], xy[:-1, 1], xy[1:, 0], xy[1:, 1])


def parts_of(feature):
    geometry = feature["geometry"]
    lone = geometry["type"] == "LineString"
    return [geometry["coordinates"]] if lone else geometry["coordinates"]


def test_the_package_is_up_to_date():
    assert package.text() == (DATA / "datapackage.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", list(RESOURCES))
def test_hash(path):
    digest = hashlib.sha256((DATA / path).read_bytes()).hexdigest()
    assert RESOURCES[path]["hash"] == f"sha256:{digest}"


@pytest.mark.parametrize("path", TABLES)
def test_table_keeps_its_schema(path):
    frame, schema = read(path), RESOURCES[path]["schema"]
    assert list(frame.columns) == [f["name"] for f in schema["fields"]]
    for field in schema["fields"]:
        column = frame[field["name"]]
        filled = column[column != ""]
        if field["type"] in {"number", "integer"}:
            values = pd.to_numeric(filled)
            assert field["type"] == "number" or (values % 1 == 0).all()
        limits = field.get("constraints", {})
        if limits.get("unique"):
            assert column.is_unique
        if limits.get("required"):
            assert (column != "").all()
        if "enum" in limits:
            assert set(filled) <= set(limits["enum"]), field["name"]
    paths = {r["name"]: r["path"] for r in PACKAGE["resources"]}
    for key in schema.get("foreignKeys", []):
        known = set(read(paths[key["reference"]["resource"]])["id"]) | {""}
        assert set(frame[key["fields"]]) <= known


@pytest.mark.parametrize("path", [*SITES, "waypoints.csv", "stations.csv", "sections.csv"])
def test_every_feature_is_cited(path):
    frame = read(path)
    assert (frame["source"] != "").all()
    assert (frame["licence"] != "").all()
    assert (frame["source_date"] != "").mean() > 0.9


@pytest.mark.parametrize("path", [*SITES, "waypoints.csv", "stations.csv"])
def test_positions_are_lon_lat_and_say_how_good_they_are(path):
    frame = read(path)
    known = frame[frame["lon"] != ""]
    assert pd.to_numeric(known["lon"]).between(60, 78).all()
    assert pd.to_numeric(known["lat"]).between(23, 40).all()
    assert (known["accuracy_km"] != "").all()
    assert (known["basis"] != "").all()
    assert (frame.loc[frame["lon"] == "", "lat"] == "").all()


@pytest.mark.parametrize("path", SITES)
def test_status_is_known_or_said_to_be_unknown(path):
    frame = read(path)
    unknown = frame[frame["status"] == ""]
    assert unknown["status_note"].str.contains("not found").all()


def test_a_corridor_is_as_far_along_as_its_least_finished_section():
    """Planned if any section is, else under construction if any is, else the status of all."""
    for row in read("corridors.csv").itertuples():
        found = set(SECTIONS.loc[row.sections.split(), "status"])
        least = [s for s in ("planned", "under_construction") if s in found] or sorted(found)
        assert [row.status] == (least[:1] if len(found) > 1 else sorted(found)), row.id


def test_announced_speeds_follow_from_the_hours_and_the_km():
    times = read("rail_times.csv")
    told = times[times["note"].str.contains(r"km/h")]
    assert len(told) == 2
    for row in told.itertuples():
        km = corridor(row.corridor).stops.set_index("name")["km"]
        way = km[row.to_stop] - km[row.from_stop]
        kmh, over = re.search(r"([\d.]+) km/h .* the ([\d,]+) km of", row.note).groups()
        assert float(kmh) == round(way / float(row.hours), 1)
        assert float(over.replace(",", "")) == way


@pytest.mark.parametrize("path", [p for p in TABLES if "name_ur" in read(p).columns])
def test_urdu_names_are_in_letters_of_urdu(path):
    """Arabic's kaf, yeh and heh look like Urdu's, and an Urdu search doesn't find them."""
    names = read(path)["name_ur"]
    marks = set("\u064e\u064f\u0650\u0651\u0670")
    assert {n for n in names if set(n) - URDU - marks - {"ۓ"}} == set()


def test_no_target_is_invented():
    assert read("targets.csv").empty


def test_lines_are_rebuilt_byte_for_byte():
    for path, osm in (("lines.geojson", False), ("odbl/lines.geojson", True)):
        built = lines.text(lines.build(DATA, osm=osm))
        assert built == (DATA / path).read_text(encoding="utf-8")


def test_the_main_line_and_the_roads_need_no_openstreetmap(tmp_path):
    copy = tmp_path / "data"
    shutil.copytree(DATA, copy, ignore=shutil.ignore_patterns("odbl", "derived"))
    built = {f["id"] for f in lines.build(copy, osm=False)}
    roads = {i for i in DRAWN if SECTIONS.loc[i, "kind"] == "road"}
    assert built >= {
        "ml1-kiamari-lodhran", "lodhran-multan-khanewal", "ml1-khanewal-peshawar", *roads
    }  # fmt: skip


def test_every_part_is_drawn():
    assert set(read("section_parts.csv")["section"]) == set(DRAWN)


@pytest.mark.parametrize("name", list(SUMS))
def test_drawn_length_against_an_independent_sum(name):
    feature = OWN[name] if SECTIONS.loc[name, "kind"] == "road" else DRAWN[name]
    assert feature["properties"]["drawn_km"] == pytest.approx(SUMS[name], abs=0.1)


@pytest.mark.parametrize("name", list(DRAWN))
def test_line(name):
    feature = DRAWN[name]
    parts = parts_of(feature)
    metres = sum(float(np.sum(legs(p)[2])) for p in parts)
    assert feature["properties"]["drawn_km"] == pytest.approx(metres / 1e3, abs=1e-3)
    measures = np.array(feature["properties"]["measures_km"])
    assert measures[0] == 0
    if len(parts) == 1:
        assert (np.diff(measures) > 0).all()
    stated = read("section_parts.csv").query("section == @name")["reverses_at"]
    reverses = (stated != "").sum()
    assert all(LineString(p).is_simple for p in parts) or reverses
    turns = np.concatenate([_turns(p) for p in parts])
    assert (turns > 150).sum() == reverses


def _turns(coordinates):
    ahead, back, _ = map(np.array, legs(coordinates))
    return np.abs((ahead[1:] - (back[:-1] + 180) + 180) % 360 - 180)


@pytest.mark.parametrize("name", list(DRAWN))
def test_drawn_and_published_length_differ_for_a_reason(name):
    section, km = SECTIONS.loc[name], DRAWN[name]["properties"]["drawn_km"]
    assert section["ratio_reason"]
    stated = section["chainage_km"] or section["official_km"]
    if stated:
        assert 0.5 < km / float(stated) < 1.03
    if section["chainage_km"]:
        assert section["chainage_reason"]


def test_every_section_is_drawn_from_its_first_end_to_its_last():
    spots = {}
    for name in ("stations", "waypoints", "crossings", "places", "ports", "mines"):
        frame = layer(name).dropna(subset="geometry")
        for text, spot in zip(frame["name"], frame.geometry, strict=True):
            spots.setdefault(text.casefold().replace(" junction", ""), []).append(spot)

    def km(text, end):
        """To the nearest of the places that an end is named after; NaN where none is known."""
        names = [text, re.sub(r" \(.*", "", text), *re.findall(r"\((.*)\)", text)]
        known = [p for n in names for p in spots.get(n.casefold().replace(" junction", ""), [])]
        return min((GEOD.inv(p.x, p.y, *end)[2] / 1e3 for p in known), default=np.nan)

    seen = 0
    for row in layer("sections").dropna(subset="geometry").to_dict("records"):
        xy = get_coordinates(row["geometry"])
        start, end = row["from"].removesuffix(" Pass"), row["to"].removesuffix(" Pass")
        d = [[km(text, xy[0]), km(text, xy[-1])] for text in (start, end)]
        seen += not np.isnan(d).any()
        assert not d[0][0] > d[0][1], (row["id"], d)
        assert not d[1][1] > d[1][0], (row["id"], d)
    assert seen > 55


def test_no_leg_between_stations_is_longer_than_its_posts_allow():
    """Up to 3 % and the rounding of two whole-km posts; larger differences need a reason."""
    stations = read("stations.csv")
    unexplained = []
    for trace in ("ml1", "multan-loop", "taxila-havelian"):
        rows = stations[stations["trace"] == trace].query("lon != '' and km != ''")
        placed = rows.astype({"lon": float, "lat": float, "km": float})
        _, _, metres = legs(placed[["lon", "lat"]])
        allowed = np.diff(placed["km"]) * 1.03 + 1
        over = np.flatnonzero(np.asarray(metres) / 1e3 > allowed)
        unexplained += [placed["id"].iloc[i + 1] for i in over if not placed["note"].iloc[i + 1]]
    assert unexplained == []


def test_a_published_length_of_other_ends_is_said_in_the_reason():
    """A ratio of unlike lengths misleads, so the reason beside it says so (N-5: to Torkham)."""
    base = layer("sections").dropna(subset=["official_km", "chainage_km", "ratio"])
    apart = base[(base["official_km"] / base["chainage_km"] - 1).abs() > 0.03]
    assert {"n5", "m2", "n10"} <= set(apart.index)
    assert apart["ratio_reason"].str.contains("publish|interchange|other ends").all(), apart[
        "ratio_reason"
    ].to_dict()

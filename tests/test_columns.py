"""The rule of the page on columns: a number has one name, whatever gives it, in its unit."""

import json
import re
import tempfile
import warnings
from functools import cache
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import LineString

import cpecgeo as cg
from cpecgeo import geodesy, scale

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "columns.md").read_text(encoding="utf-8")
DATA = json.loads((ROOT / "tools" / "columns.json").read_text(encoding="utf-8"))["fields"]
ROWS = re.findall(r"^\| `([^`]+)` \| ([^|]+) \| ([^|]+) \|$", PAGE, re.MULTILINE)
COLUMNS = {name: (unit.strip(), told.strip()) for name, unit, told in ROWS}
POINTS = gpd.GeoDataFrame(
    {"who": ["a", "b", "c"], "when": pd.to_datetime(["2020-01-01", "2021-02-02", "2021-03-03"])},
    geometry=gpd.points_from_xy([67.0, 71.5, 74.3], [24.9, 30.2, 31.5]),
    crs=4326,
)
# Columns that callers name: those of their own rows, of groups and of places.
OWN = {"who", "when", "Lahore", "Multan"}
STRIP = cg.rail.strip
OWN_LINE = LineString([(62.3, 25.1), (64.0, 28.0), (67.0, 30.2)])


def streamed(verb, **options):
    """Read back what a streamed run of the points wrote."""
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "points.csv", Path(folder) / "answer.csv"
        lon, lat = POINTS.geometry.x, POINTS.geometry.y
        pd.DataFrame({"who": POINTS["who"], "lon": lon, "lat": lat}).to_csv(source, index=False)
        getattr(scale, verb)(source, out, **options)
        return pd.read_csv(out)


@cache
def truck():
    return cg.route("Saindak", "Gwadar", vehicle="truck")


def gained(by):
    line = cg.Corridor.from_line(OWN_LINE, name="own", stops={"start": OWN_LINE.coords[0]})
    return cg.routing.gain(["Gwadar", "Quetta"], extra=line, join_km=50, by=by)


# Each verb that gives a table, as small as it can be asked.
RESULTS = {
    "nearest": lambda: cg.nearest(POINTS, ["ml1", "mines"], k=2, sections=True),
    "locate": lambda: cg.locate(POINTS, "ml1", sections=True),
    "within": lambda: cg.within(POINTS, "ml1", 50),
    "rings": lambda: cg.rings("ml1", [5, 10]),
    "density_along": lambda: cg.density_along("ml1", POINTS, bin_km=100, when="when"),
    "exposure": lambda: cg.exposure("ml1", [5, 10]),
    "distance_table": lambda: cg.distance_table(POINTS, {"rail": "ml1", "port": "ports"}),
    "treatment": lambda: cg.treatment(["m4", "m5"], "districts", years=[2015, 2020]),
    "crossed": lambda: cg.crossed("ml1", "provinces", sections=True),
    "profile": lambda: cg.profile("kkh", 50),
    "route_matrix": lambda: cg.route_matrix(["Gwadar", "Quetta"], ["Lahore", "Multan"]),
    "Route.legs": lambda: cg.route("Gwadar", "Quetta").legs,
    "compare": lambda: cg.compare(cg.routes("Gwadar", "Quetta")),
    "Reach.areas": lambda: cg.reach("Quetta", hours=2).areas,
    "Reach.edges": lambda: cg.reach("Quetta", hours=2).edges,
    "Reach.towns": lambda: cg.reach("Quetta", hours=2).towns,
    "critical_sections": lambda: cg.critical_sections("Gwadar", "Quetta"),
    "routing.alignment_parts": lambda: cg.routing.alignment_parts("western"),
    "routing.route_checks": cg.routing.route_checks,
    "routing.gain, pairs": lambda: gained("pair"),
    "routing.gain, places": lambda: gained("place"),
    "routing.freight": lambda: cg.routing.freight(truck(), tonnes=1000),
    "Corridor.sections": lambda: cg.corridor("ml1").sections,
    "Corridor.stops": lambda: cg.corridor("ml1").stops,
    "Corridor.legs": lambda: cg.corridor("ml1").legs,
    "Corridor.competing": lambda: cg.corridor("ml1").competing,
    "Corridor.km_posts": lambda: cg.corridor("ml1").km_posts(100),
    "Market.corridors": lambda: cg.market("Torkham").corridors,
    "Market.towns": lambda: cg.market("Torkham").towns,
    "corridors": cg.corridors,
    "markets": cg.markets,
    "sections": lambda: cg.layer("sections"),
    "catalog": cg.catalog,
    "rail.phases": cg.rail.phases,
    "rail.running_times": cg.rail.running_times,
    "rail.strip, districts": lambda: STRIP("taxila-havelian").districts,
    "rail.strip, sections": lambda: STRIP("taxila-havelian").sections,
    "mining.options": cg.mining.options,
    "mining.sections": cg.mining.sections,
    "geodesy.nearest": lambda: geodesy.nearest(POINTS, cg.corridor("ml1").line),
    "scale.nearest_file": lambda: streamed("nearest_file", targets="ml1"),
    "scale.within_file": lambda: streamed("within_file", targets="ml1", km=500),
    "scale.exposure_file": lambda: streamed("exposure_file", targets="ml1", km=[5, 300]),
}
WORDS = {
    "km": r"(.*_)?km(_(from|to|in|out|before|after)(_off)?)?", "km²": r".*_km2", "m": r".*_m",
    "h": r"hours(_before|_after)?|.*_hours", "°": r"(near_)?(lon|lat)", "%": r".*_percent",
    "kg": r"(.*_)?carbon_kg(_per_t)?", "1/km": r"per_km",
}  # fmt: skip


@cache
def result(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cg.errors.CpecgeoWarning)
        frame = RESULTS[name]()
    named = [n for n in frame.index.names if n is not None]
    return frame.reset_index(named) if named else frame


def meant(column):
    """The row of the page that a column stands in; a group has any name."""
    if column in COLUMNS:
        return column
    parts = [k for k in COLUMNS if k.startswith("{group}")]
    found = [k for k in parts if re.fullmatch(k.replace("{group}", "(rail|port)"), column)]
    return found[0] if found else None


@pytest.mark.parametrize("name", RESULTS)
def test_every_column_of_a_result_stands_on_the_page_in_its_unit(name):
    frame = result(name)
    assert len(frame)
    for column in map(str, frame.columns):
        known = meant(column)
        assert known or column in DATA or column in OWN, column
        if known is None:
            continue
        unit, values = COLUMNS[known][0], frame[column]
        if unit in {"km", "km²", "m", "h", "°", "%", "kg", "PKR", "1/km", "1", "people"}:
            assert values.dtype.kind in "fi", column
        elif unit == "count":
            given = values.dropna().astype(float)
            assert column == "trips_per_day" or (given % 1 == 0).all()
        elif unit == "yes/no":
            assert values.dtype.kind == "b", column
        elif unit == "text":
            assert values.dropna().map(lambda v: isinstance(v, (str, list, tuple, dict))).all()
        if column in {"share", "uncertain_share"} and name == "crossed":
            assert values.dropna().between(0, 1).all()


def test_a_name_stands_once_on_the_page_and_a_meaning_too():
    names, told = [row[0] for row in ROWS], [COLUMNS[row[0]][1] for row in ROWS]
    assert len(names) == len(set(names)) == PAGE.count("\n| `")
    assert len(told) == len(set(told))


def test_the_page_has_no_column_that_nothing_gives():
    given = {meant(str(c)) for name in RESULTS for c in result(name).columns}
    assert sorted(set(COLUMNS) - given) == []


def test_a_name_says_its_unit():
    for name, (unit, _) in COLUMNS.items():
        pattern = WORDS.get(unit)
        if pattern is not None:
            assert re.fullmatch(pattern, name), f"{name} is in {unit}"
        for other, words in WORDS.items():
            if re.fullmatch(words, name):
                assert unit == other or name == "per_km", f"{name} is in {unit}, not {other}"


def same(a, b, tol=1e-6):
    np.testing.assert_allclose(np.asarray(a, float), np.asarray(b, float), atol=tol, rtol=0)


def test_what_verbs_give_under_one_name_is_one_number():
    near, located = cg.nearest(POINTS, "ml1"), result("locate")
    file, lines = result("scale.nearest_file"), result("geodesy.nearest")
    every = cg.within(POINTS, "ml1", 5000)
    for other in (file, lines, every):
        same(near["distance_km"], other["distance_km"])
    same(near["distance_km"], located["offset_km"])
    same(near["distance_km"], cg.distance_table(POINTS, {"rail": "ml1"})["rail_km"])
    same(near["distance_km"], cg.distance_km(POINTS, "ml1"))
    same(near["km"], located["km"])
    same(near["km"], file["km"])
    for axis in ("lon", "lat"):
        same(near[axis], located[axis])
        same(near[axis], file[f"near_{axis}"])
    for frame in (located, every, file):
        same(near["accuracy_km"], frame["accuracy_km"])
    rings = [5.0, 300.0]
    same(cg.exposure("ml1", rings, layer=POINTS, value=None)["features"],
         result("scale.exposure_file")["features"])  # fmt: skip


def test_geodesic_lengths_are_those_of_the_rows_own_line():
    for name, column in (
        ("crossed", "length_km"), ("corridors", "length_km"), ("sections", "drawn_km"),
        ("Corridor.sections", "drawn_km"), ("mining.sections", "drawn_km"),
        ("mining.options", "drawn_km"), ("rail.phases", "drawn_km"),
    ):  # fmt: skip
        frame = result(name)
        frame = frame[frame.geometry.notna() & ~frame.geometry.is_empty]
        assert len(frame), name
        same(frame[column], geodesy.length_km(frame.geometry), 6e-4)  # the data has metres


def test_published_and_calibrated_lengths_are_the_same_in_every_table():
    known = cg.layer("sections").set_index("id")
    parts = result("routing.alignment_parts").set_index("section")
    same(parts["official_km"], known["official_km"].reindex(parts.index))
    same(parts["drawn_km"], known["drawn_km"].reindex(parts.index))
    own = result("Corridor.sections").set_index("id")
    same(own["official_km"], known["official_km"].reindex(own.index))
    lines = result("corridors").set_index("id")
    for name in ("ml1", "kkh", "m8"):
        thing = cg.corridor(name)
        same(lines.loc[name, ["length_km", "chainage_km"]], [thing.length_km, thing.end_km])
        told = json.loads(cg.report(name, draw=False).to_json())
        assert told["glance"]["official_km"] == pytest.approx(lines.loc[name, "official_km"])
        assert told["glance"]["chainage_km"] == pytest.approx(thing.end_km, abs=1e-3)
        sums = [row["chainage_km"] for row in told["by_status"]]
        assert sum(sums) == pytest.approx(thing.end_km, abs=1e-6)
    reach = cg.reach("Quetta", hours=2)
    same(reach.areas["chainage_km"], [reach.edges["km"].sum()])
    way = cg.route("Gwadar", "Quetta")
    assert way.legs["km"].sum() == pytest.approx(way.chainage_km)
    assert way.legs["hours"].sum() == pytest.approx(way.hours)


def test_a_chainage_is_where_its_corridor_has_it():
    line = cg.corridor("ml1")
    stops, posts = result("Corridor.stops"), result("Corridor.km_posts")
    for frame in (posts, stops[stops["km"].notna()]):
        spots = gpd.GeoSeries([line.at(km) for km in frame["km"]], crs=4326)
        same(line.locate(spots)["km"], frame["km"], 1e-5)
    near = cg.nearest(POINTS, "ml1")
    spots = gpd.GeoSeries([line.at(km) for km in near["km"]], crs=4326)
    same(spots.x, near["lon"])
    same(spots.y, near["lat"])


def test_comparisons_are_the_difference_that_their_names_say():
    for name in ("routing.alignment_parts", "routing.route_checks"):
        frame = result(name)
        same(frame["more_km"], frame["km"] - frame["official_km"])
    frame = result("critical_sections")
    whole = cg.route("Gwadar", "Quetta")
    same(frame["more_km"], frame["closed_km"] - whole.chainage_km)
    same(frame["more_hours"], frame["closed_hours"] - whole.hours)
    frame = result("routing.gain, pairs")
    same(frame["gained_km"], frame["km_before"] - frame["km_after"])
    same(frame["gained_hours"], frame["hours_before"] - frame["hours_after"])
    for name, length in (("corridors", "length_km"), ("sections", "drawn_km")):
        frame = result(name)
        same(frame["ratio"], frame[length] / frame["official_km"])


def test_low_and_high_hold_what_they_belong_to():
    for frame, name, unit in (
        (result("crossed"), "length", "_km"), (result("rings"), "area", "_km2"),
        (result("exposure"), "population", ""), (result("exposure"), "features", ""),
        (result("distance_table"), "rail", "_km"), (result("distance_table"), "port", "_km"),
    ):  # fmt: skip
        low, here, high = (
            frame[f"{name}{end}{unit}"].astype(float).dropna() for end in ("_low", "", "_high")
        )
        rows = low.index.intersection(high.index)
        assert len(rows), name
        assert (low[rows] <= here[rows] + 1e-9).all(), name
        assert (here[rows] <= high[rows] + 1e-9).all(), name

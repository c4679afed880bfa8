"""What is counted around and along a line: low and high, what is missing, periods and openings."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from shapely.geometry import LineString, Point, Polygon, box

import cpecgeo as cg
from cpecgeo.cli import app
from cpecgeo.errors import InputError, UnknownNameError

ROAD = gpd.GeoDataFrame(
    {"name": ["road"], "accuracy_km": [3.0]}, geometry=[LineString([(67, 30), (67, 31)])], crs=4326
)
EAST_KM = 96.0  # a degree of longitude at 30.5° N, to 1 %


def events(off_km, **columns):
    shapes = [Point(67 + k / EAST_KM, 30.5) for k in off_km]
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=4326)


def test_low_and_high_are_counted_with_the_line_moved():
    off = [1.0, 8.0, 12.0, 25.0]
    towns = events(off, name=list("abcd"), population=[1.0, 10.0, 100.0, 1000.0])
    found = cg.exposure(ROAD, [10, 20], layer=towns)
    inner, outer = found.iloc[0], found.iloc[1]
    # The line may be 3 km off to both sides: a is surely within 10 km, b and c may be, d is not.
    assert (inner["population_low"], inner["population"], inner["population_high"]) == (1, 11, 111)
    assert (outer["population_low"], outer["population"], outer["population_high"]) == (0, 100, 110)
    assert (inner["features_low"], inner["features"], inner["features_high"]) == (1, 2, 3)
    # Points with an accuracy of 4 km in addition: √(3² + 4²) is 5 km.
    again = cg.exposure(ROAD, [10, 20], layer=towns.assign(accuracy_km=[4.0, 0.0, 0.0, 5.0]))
    assert again["population_high"].tolist() == [111, 1110]


@pytest.mark.parametrize("name", ["mining", "kkh"])
def test_low_and_high_enclose_what_is_drawn(name):
    for options in ({}, {"by": "province"}):
        found = cg.exposure(name, [5, 25], **options)
        known = found[found["population"].notna()]
        assert len(known) >= 2
        assert (known["population_low"] <= known["population"]).all()
        assert (known["population"] <= known["population_high"]).all()
        assert (found["features_low"] <= found["features"]).all()


def test_a_sum_of_missing_values_alone_is_missing():
    off = [1.0, 8.5, 15.0, 35.0, 36.0]
    towns = events(off, population=[np.nan, 7.0, np.nan, np.nan, np.nan])
    # The second is drawn in the second ring, and may be in the first; none is in the third.
    found = cg.exposure(ROAD, [7, 20, 30, 40], layer=towns)
    assert found["features"].tolist() == [1, 2, 0, 2]
    assert found["missing"].tolist() == [1, 1, 0, 2]
    expected = {
        "population": [np.nan, 7, 0, np.nan],
        "population_low": [0, 0, 0, 0],
        "population_high": [7, 7, 0, np.nan],
        "population_within": [np.nan, 7, 7, 7],
    }
    for column, values in expected.items():
        np.testing.assert_array_equal(found[column], values, column)
    by = cg.exposure(ROAD, [40], layer=towns.assign(kind=list("aabbb")), by="kind")
    np.testing.assert_array_equal(by["population"], [7, np.nan])
    apart = cg.exposure(ROAD.geometry.iloc[0], [7], layer=towns).iloc[0]
    assert apart[["population", "population_within"]].isna().all()
    m4 = cg.exposure("m4", [5]).iloc[0]
    assert m4["features"] == m4["missing"] > 0
    assert np.isnan(m4["population"])
    assert m4["population_high"] > 1e6


def test_areas_have_low_and_high_shares():
    areas = gpd.GeoDataFrame({"people": [1000.0]}, geometry=[box(66.8, 30.2, 67.2, 30.8)], crs=4326)
    found = cg.exposure(ROAD, [8], layer=areas, value="people").iloc[0]
    for column, km in (("people_low", 5), ("people", 8), ("people_high", 11)):
        inside = cg.buffer(ROAD.geometry.iloc[0], km).intersection(areas.geometry.iloc[0])
        share = cg.geodesy.area_km2(inside) / cg.geodesy.area_km2(areas.geometry.iloc[0])
        assert found[column] == pytest.approx(1000 * share, rel=2e-3)


def test_where_nothing_is_known_low_and_high_are_missing():
    found = cg.exposure(ROAD.geometry.iloc[0], [10], layer=events([1.0], population=[5.0]))
    assert found[["features_low", "population_low", "population_high"]].isna().all().all()
    assert found["population"].tolist() == [5]


def test_marks_of_missing_values_are_refused_or_declared():
    towns = events([1, 2, 3], name=list("abc"), population=[10, -9999, 20])
    with pytest.raises(InputError, match=r"nodata=-9999"):
        cg.exposure(ROAD, [10], layer=towns)
    found = cg.exposure(ROAD, [10], layer=towns, nodata=-9999).iloc[0]
    assert (found["population"], found["missing"]) == (30, 1)
    assert found["missing_names"] == ["b"]
    assert cg.exposure(ROAD, [10], layer=towns, nodata=[])["population"].iloc[0] == -9969
    two = cg.exposure(ROAD, [10], layer=towns, nodata=[-9999, 20]).iloc[0]
    assert (two["population"], two["missing"]) == (10, 2)


def test_numbers_with_commas_are_read_and_told():
    towns = events([1, 2], population=["1,234", "6"])
    with pytest.warns(cg.errors.DataWarning, match="commas"):
        found = cg.exposure(ROAD, [10], layer=towns)
    assert found["population"].tolist() == [1240]


def test_rows_without_a_group_are_counted_under_none():
    towns = events([1, 2, 3], kind=["x", None, "x"], population=[1, 10, 100])
    found = cg.exposure(ROAD, [10], layer=towns, by="kind")
    assert found["population"].sum() == 111
    assert found.loc[found.index.get_level_values("kind").isna(), "population"].tolist() == [10]
    assert found.attrs["without_kind"] == 1


def test_points_of_ones_own_are_broken_down_by_position():
    own = gpd.GeoDataFrame(
        {"population": [1, 2, 4]},
        geometry=[Point(73.0, 33.6), Point(71.5, 30.2), Point(71.6, 34.0)],
        crs=4326,
    )
    found = cg.exposure("ml1", [50], layer=own, by="province")["population"].droplevel([0, 1])
    assert found.to_dict() == {"Khyber Pakhtunkhwa": 4, "Punjab": 3}
    facts = cg.exposure("ml1", [50], layer="places", by="district")
    assert "by_position" not in facts.attrs


def test_areas_without_area_are_counted():
    flat = Polygon([(67.01, 30.2), (67.01, 30.5), (67.01, 30.2)])
    areas = gpd.GeoDataFrame(
        {"people": [10.0, 5.0]}, geometry=[box(66.99, 30.2, 67.01, 30.8), flat], crs=4326
    )
    with pytest.warns(cg.errors.GeometryWarning):
        found = cg.exposure(ROAD, [20], layer=areas, value="people")
    assert found["people"].iloc[0] == pytest.approx(10)
    assert found.attrs["without_position"] == 1


def corridor():
    rows = gpd.GeoDataFrame(
        {"name": ["west", "east"], "status": "operating", "opened": ["2015", None]},
        geometry=[LineString([(67, 30), (68, 30)]), LineString([(68, 30), (69, 30)])],
        crs=4326,
    )
    return cg.Corridor.from_line(rows, name="own")


def accidents():
    lon = [67.2, 67.4, 67.6, 67.8, 68.5, 68.6, 67.5]
    day = ["2010-01-01", "2014-12-31", "2015-06-01", "2016-01-01", "2012-03-05", "2020-01-01", None]
    return gpd.GeoDataFrame(
        {"day": day, "hurt": 1.0}, geometry=gpd.points_from_xy(lon, [30.01] * 7), crs=4326
    )


def test_events_by_year_are_a_count_in_each_cell():
    found = cg.density_along(corridor(), accidents(), by="section", when="day", value="hurt")
    assert found["period"].unique().tolist() == [str(y) for y in range(2010, 2021)]
    table = found.pivot_table(index="name", columns="period", values="events", sort=False)
    west = table.loc["west"]
    assert west[west > 0].to_dict() == {"2010": 1, "2014": 1, "2015": 1, "2016": 1}
    assert table.loc["east"].sum() == 2
    assert found["hurt"].tolist() == found["events"].tolist()
    assert found.attrs["without_date"] == 1
    assert found.attrs["counted"] == 6
    months = cg.density_along(corridor(), accidents(), when="day", freq="ME", bin_km=50)
    whole = cg.density_along(corridor(), accidents().dropna(subset="day"), bin_km=50)
    assert months.groupby("km_from")["events"].sum().tolist() == whole["events"].tolist()
    assert months["period"].nunique() == 121


def test_before_and_after_a_section_opened():
    found = cg.density_along(corridor(), accidents(), by="section", when="day", freq="opened")
    west = found[found["name"] == "west"].set_index("period")
    assert west["events"].to_dict() == {"before": 2, "opening": 1, "after": 1}
    assert west["opened"].unique().tolist() == ["2015"]
    assert west["years"].round(1).to_dict() == {"before": 5.0, "opening": 1.0, "after": 4.0}
    assert west.loc["before", "per_km_year"] == pytest.approx(
        2 / west.loc["before", "km_to"] / 5, rel=1e-3
    )
    east = found[found["name"] == "east"]
    assert east[["period", "events"]].to_numpy().tolist() == [["not known", 2]]


def test_years_as_numbers_are_dates():
    events = accidents().assign(year=[2010, 2014, 2015, 2016, 2012, 2020, np.nan])
    one = cg.density_along(corridor(), events, by="section", when="year")
    two = cg.density_along(corridor(), events, by="section", when="day")
    pd.testing.assert_frame_equal(one, two, check_like=True)


def test_dates_that_are_none_are_refused_and_not_left_out():
    day = ["2015-11-01", "20/11/2015", "21/11/2015", "", None, " ", "2016"]
    with pytest.raises(InputError, match=r"day has '20/11/2015'.*2 of 7.*2015-11-01"):
        cg.density_along(corridor(), accidents().assign(day=day), when="day")
    fixed = [d if d is None or "/" not in d else "2015-11-20" for d in day]
    found = cg.density_along(corridor(), accidents().assign(day=fixed), when="day")
    assert (found.attrs["counted"], found.attrs["without_date"]) == (4, 3)


def test_the_shell_says_what_lies_far_from_the_line(tmp_path):
    events = accidents()
    # A degree of latitude is some 111 km.
    north = [30.01] * 5 + [31.01, 34.01]
    events.geometry = gpd.points_from_xy(events.geometry.x, north, crs=4326)
    assert cg.density_along(corridor(), events).attrs["beyond_50_km"] == 2
    at_most = cg.density_along(corridor(), events, max_km=20).attrs
    assert (at_most["beyond_50_km"], at_most["too_far"], at_most["counted"]) == (0, 2, 5)
    table, line = tmp_path / "events.csv", tmp_path / "own.geojson"
    events.assign(lon=events.geometry.x, lat=events.geometry.y).drop(columns="geometry").to_csv(
        table, index=False
    )
    corridor().sections[["name", "status", "opened", "geometry"]].to_file(line)
    asked = ["density", str(line), str(table), "--by", "section"]
    told = CliRunner().invoke(app, asked)
    assert "2 of 7 events lie more than 50 km from" in told.stderr
    told = CliRunner().invoke(app, [*asked, "--max-km", "20"])
    assert "2 events lie more than 20 km away" in told.stderr
    opened = CliRunner().invoke(app, [*asked, "--when", "day", "--freq", "opened"]).stdout
    rates = [line.split()[-1] for line in opened.splitlines() if " before " in line]
    assert float(rates[0]) == pytest.approx(2 / 96.5 / 5, rel=0.01), "and not 0.0"


@pytest.mark.parametrize(
    ("options", "match"),
    [({"when": "day", "freq": "fortnight"}, "freq"), ({"when": "day", "freq": "opened"}, "section")],
)  # fmt: skip
def test_choices_of_periods_are_checked(options, match):
    with pytest.raises(InputError, match=match):
        cg.density_along(corridor(), accidents(), **options)


@pytest.mark.parametrize(
    ("verb", "name"),
    [
        (lambda c: cg.density_along(corridor(), accidents(), when=c), "days"),
        (lambda c: cg.density_along(corridor(), accidents(), value=c), "hirt"),
        (lambda c: cg.exposure(corridor(), [10], layer=accidents(), value=c), "hirt"),
        (lambda c: cg.exposure(corridor(), [10], layer=accidents(), value=None, by=c), "days"),
        (lambda c: cg.distance_table(accidents(), {"port": "ports"}, by=c), "days"),
        (lambda c: cg.route("Burhan", "Hakla").km_by(c), "statos"),
    ],
    ids=["when", "density", "exposure", "exposure-by", "distance_table", "km_by"],
)
def test_a_column_that_is_named_and_missing_is_an_unknown_name_with_near_ones(verb, name):
    with pytest.raises(UnknownNameError, match=f"No column named {name!r}") as caught:
        verb(name)
    near = {"days": "day", "hirt": "hurt", "statos": "status"}[name]
    assert caught.value.near[0] == near
    assert "Columns: " in str(caught.value)

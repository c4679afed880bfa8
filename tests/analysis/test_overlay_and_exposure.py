"""Zones crossed, people exposed and climbs, compared with independent computations."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod
from shapely.geometry import LineString, MultiLineString, Point, Polygon, box

import cpecgeo as cg
from cpecgeo.errors import FileError, GeometryError, InputError, UnknownNameError
from tests.effort import tries

GEOD = Geod(ellps="WGS84")


def walk(line, every_m=500):
    """Points along the geodesics of a line, `every_m` apart over all its edges, and their km."""
    lon, lat = np.array(line.coords).T
    spots, km, before = [], [], 0.0
    for a in range(len(lon) - 1):
        azimuth, _, metres = GEOD.inv(lon[a], lat[a], lon[a + 1], lat[a + 1])
        at = np.arange(-1e3 * before % every_m, metres, every_m)
        x, y, _ = GEOD.fwd(
            np.full(len(at), lon[a]), np.full(len(at), lat[a]), np.full(len(at), azimuth), at
        )
        spots += list(zip(x, y, strict=True))
        km += list(before + at / 1e3)
        before += metres / 1e3
    return gpd.GeoSeries([Point(s) for s in spots], crs=4326), np.array(km)


@pytest.mark.parametrize("name", ["mining", "n25", "taxila-havelian"])
def test_districts_crossed_against_a_walk(name):
    corridor = cg.corridor(name)
    found = corridor.crossed("districts")
    points, _km = walk(corridor.line)
    districts = cg.layer("districts").set_index("id")
    joined = gpd.sjoin(points.to_frame("geometry"), districts[["geometry"]], predicate="within")
    counted = joined.groupby(joined.columns[-1]).size() * 0.5
    lengths = found.dropna(subset=["zone"]).groupby("zone")["length_km"].sum()
    # A walk in steps of half a kilometre is exact to one step at each end of a stretch.
    visits = found.groupby("zone").size()
    for zone, length in lengths.items():
        assert abs(counted.get(zone, 0) - length) < 1.0 * visits[zone] + 0.05 * length
    assert found["length_km"].sum() == pytest.approx(corridor.length_km, abs=1e-5)
    assert found["share"].sum() == pytest.approx(1, abs=1e-9)
    assert found["km_in"].iloc[0] == 0
    assert found["km_out"].iloc[-1] == pytest.approx(corridor.end_km)
    assert np.allclose(found["km_in"].iloc[1:], found["km_out"].iloc[:-1], atol=1e-5)


def test_km_in_is_the_chainage_of_the_outline():
    corridor = cg.corridor("ml1")
    found = corridor.crossed("provinces")
    provinces = cg.layer("provinces").set_index("id").geometry
    for row in found.iloc[1:].itertuples():
        if row.zone is None:
            continue
        at = corridor.at(row.km_in)
        # Straight and geodesic edges of the outline differ by metres.
        assert provinces[row.zone].boundary.distance(at) < 2e-3
        assert corridor.locate(at)["km"].iloc[0] == pytest.approx(row.km_in, abs=1e-3)


def test_a_zone_entered_twice_has_two_rows_and_the_outside_is_kept():
    line = LineString([(70, 30), (74, 30)])
    zones = gpd.GeoDataFrame(
        {"name": ["a", "b"]},
        geometry=[
            Polygon(
                [
                    (70.5, 29),
                    (73.5, 29),
                    (73.5, 31),
                    (73, 31),
                    (73, 29.5),
                    (71, 29.5),
                    (71, 31),
                    (70.5, 31),
                ]
            ),
            box(71, 29.6, 72, 31),
        ],
        crs=4326,
        index=["A", "B"],
    )
    found = cg.crossed(line, zones)
    names = ["-" if pd.isna(z) else z for z in found["zone"]]
    assert names == ["-", "A", "B", "-", "A", "-"]
    assert found.attrs["outside_km"] == pytest.approx(
        found.loc[found["zone"].isna(), "length_km"].sum()
    )
    # The parallel isn't a geodesic: the line bulges north, where meridians are crossed all the same.
    lons = [70, 70.5, 71, 72, 73, 73.5, 74]
    at = [GEOD.inv(70, 30, 74, 30)[2] / 1e3]
    assert found["km_out"].iloc[-1] == pytest.approx(at[0])
    for row, lon in zip(found.itertuples(), lons[1:], strict=True):
        assert row.geometry.coords[-1][0] == pytest.approx(lon, abs=1e-6)


@tries(25)
@given(
    st.lists(st.tuples(st.floats(66, 76), st.floats(25, 36)), min_size=2, max_size=6, unique=True)
)
def test_shares_add_up(coords):
    line = LineString(coords)
    if line.length < 0.01:
        return
    found = cg.crossed(line, "provinces")
    assert found["share"].sum() == pytest.approx(1, abs=1e-6)
    assert found["length_km"].sum() == pytest.approx(cg.length_km(line), abs=1e-5)


def test_what_runs_along_a_common_outline_counts_once():
    west, east = box(66, 30, 67, 32), box(67, 30, 68, 32)
    zones = gpd.GeoSeries([west, east], index=["west", "east"], crs=4326)
    found = cg.crossed(LineString([(67.5, 30.2), (67, 30.5), (67, 31.8), (66.5, 31.9)]), zones)
    assert found["zone"].tolist() == ["east", "west"]
    assert found["share"].sum() == pytest.approx(1)
    assert cg.crossed(LineString([(67, 30.5), (67, 31)]), zones[["east"]])["zone"].tolist() == [
        "east"
    ]


def test_a_line_that_leaves_a_common_outline_within_a_kilometre_counts_once():
    zones = gpd.GeoSeries(
        [box(66, 30, 67, 32), box(67, 30, 68, 32)], index=["west", "east"], crs=4326
    )
    beyond = cg.crossed(LineString([(67, 31), (67, 33)]), zones)
    assert beyond["zone"].fillna("-").tolist() == ["west", "-"]
    assert beyond["share"].sum() == pytest.approx(1, abs=1e-12)
    km = GEOD.inv(67, 31, 67, 32)[2] / 1e3
    assert beyond["length_km"].iloc[0] == pytest.approx(km, abs=1e-6)
    again = cg.crossed(LineString([(67, 31), (67, 31), (67, 31.5), (67, 33)]), zones)
    assert again["length_km"].tolist() == pytest.approx(beyond["length_km"].tolist())
    # A line inside two overlapping zones isn't on an outline, so each zone counts it.
    both = cg.crossed(
        LineString([(67, 31), (67, 31.5)]),
        pd.concat([zones, gpd.GeoSeries([box(66, 30.5, 68, 32)], crs=4326)]),
    )
    assert both["zone"].tolist() == [0]
    twice = gpd.GeoSeries([box(66, 30, 67.5, 32), box(66.5, 30, 68, 32)], crs=4326)
    shares = cg.crossed(LineString([(67, 31), (67, 31.5)]), twice)["share"]
    assert shares.tolist() == pytest.approx([1, 1])


def partition(seed):
    """Sixteen areas with common corners, some of them merged, and all corners."""
    rng = np.random.default_rng(seed)
    lon, lat = np.meshgrid(np.arange(66, 71), np.arange(28, 33))
    xy = np.stack((lon, lat), axis=-1) + rng.uniform(-0.3, 0.3, (5, 5, 2))
    cells = [
        Polygon([xy[i, j], xy[i, j + 1], xy[i + 1, j + 1], xy[i + 1, j]][:: rng.choice([1, -1])])
        for i in range(4)
        for j in range(4)
    ]
    zone = rng.integers(0, 7, 16)
    frame = gpd.GeoDataFrame({"zone": zone}, geometry=cells, crs=4326)
    return frame.dissolve("zone").geometry, xy


@tries(30)
@given(
    st.integers(0, 30),
    st.lists(
        st.tuples(
            st.integers(0, 4), st.integers(0, 4), st.sampled_from([0, 0, 0, 0.37, 0.9985]),
            st.booleans(),
        ),
        min_size=2,
        max_size=8,
    ),
)  # fmt: skip
def test_parts_of_a_partition_add_up_to_the_line(seed, steps):
    """Lines from corner to corner, over whole outlines and parts of them, forward and back."""
    zones, xy = partition(seed)
    coords = []
    for i, j, share, across in steps:
        a, b = xy[i, j], xy[(i + 1) % 5, j] if across else xy[i, (j + 1) % 5]
        azimuth, _, metres = GEOD.inv(*a, *b)
        coords.append(GEOD.fwd(*a, azimuth, metres * share)[:2] if share else tuple(a))
        coords.append(tuple(b))
    line = LineString(coords)
    found = cg.crossed(line, zones)
    assert found["length_km"].sum() == pytest.approx(cg.length_km(line), abs=1e-5)
    # Each stretch lies in its zone, to 10 cm, and stretches outside lie in none.
    whole = zones.union_all()
    for row in found[found["length_km"] > 2].itertuples():
        middle = row.geometry.interpolate(0.5, normalized=True)
        area = whole if pd.isna(row.zone) else zones[row.zone]
        off = whole.boundary.distance(middle) if area is whole else area.distance(middle)
        assert (off < 5e-3) if area is not whole else (not whole.contains(middle) or off < 5e-3)


@pytest.mark.parametrize("zones", ["districts", "provinces"])
def test_lines_along_the_bundled_outlines_count_once(zones):
    shapes = cg.layer(zones).set_index("id").geometry.dropna()
    rng = np.random.default_rng(5)
    for _ in range(15):
        area = shapes.iloc[rng.integers(len(shapes))]
        ring = max(getattr(area, "geoms", [area]), key=lambda part: part.area).exterior.coords
        start = rng.integers(max(len(ring) - 8, 1))
        run = list(ring)[start : start + rng.integers(2, min(len(ring), 8))][:: rng.choice([1, -1])]
        line = LineString([*run, area.representative_point()])
        found = cg.crossed(line, zones)
        assert found["length_km"].sum() == pytest.approx(cg.length_km(line), abs=1e-5)


def test_parts_of_a_line_follow_one_another():
    line = MultiLineString([[(70, 30), (70.5, 30)], [(71, 30), (71.5, 30)]])
    found = cg.crossed(line, gpd.GeoSeries([box(70.2, 29, 71.2, 31)], crs=4326))
    assert found["length_km"].sum() == pytest.approx(cg.length_km(line), abs=1e-6)
    assert found["zone"].isna().sum() == 2


def test_crossed_takes_any_crs():
    line = gpd.GeoSeries([LineString([(68, 26), (72, 31)])], crs=4326)
    districts = cg.layer("districts")
    plain = cg.crossed(line, "districts")
    other = cg.crossed(line, districts.set_index("id").to_crs(32642))
    assert plain["zone"].tolist() == other["zone"].tolist()
    assert np.allclose(plain["length_km"], other["length_km"], atol=0.02)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: cg.crossed("mines"), GeometryError, "Point"),
        (lambda: cg.crossed("ml1", "district5"), UnknownNameError, "districts"),
        (lambda: cg.crossed("ml1", gpd.GeoSeries([], crs=4326)), InputError, "empty"),
        (lambda: cg.exposure("ml1", value="people"), UnknownNameError, "population"),
        (lambda: cg.exposure("ml1", layer="mines"), UnknownNameError, "count .* with value=None"),
        (lambda: cg.exposure("ml1", layer="sections", value=None), GeometryError, "one kind"),
        (lambda: cg.profile("ml1", 0), InputError, "every_km"),
        (lambda: cg.profile("ml1", 1e-6), InputError, "samples"),
        (lambda: cg.profile("Gwadar Port"), GeometryError, "Point"),
        (lambda: cg.profile("ml1", 50, dem="/nowhere.tif"), FileError, "nowhere"),
    ],
)
def test_what_can_not_be_asked(call, error, says):
    with pytest.raises(error, match=says):
        call()


def test_people_near_a_port_against_a_sum_by_hand():
    places = cg.layer("places")
    port = cg.place("Gwadar Port").point
    n = len(places)
    km = (
        GEOD.inv(np.full(n, port.x), np.full(n, port.y), places.geometry.x, places.geometry.y)[2]
        / 1e3
    )
    found = cg.exposure("Gwadar Port", km=[10, 100, 300])
    for (start, end), row in found.iterrows():
        here = places[(km > start) & (km <= end) if start else km <= end]
        assert row["features"] == len(here)
        assert row["population"] == here["population"].sum()
        assert row["missing"] == here["population"].isna().sum()
        assert row["missing_names"] == here.loc[here["population"].isna(), "name"].tolist()
    assert found["population_within"].iloc[-1] == places.loc[km <= 300, "population"].sum()


def test_totals_by_province_add_up_to_the_total():
    whole = cg.exposure("ml1", km=[5, 25])
    parts = cg.exposure("ml1", km=[5, 25], by="province")
    summed = parts.groupby(level=["km_from", "km_to"])[["features", "population", "missing"]].sum()
    home = cg.layer("places")
    inside = cg.within("places", "ml1", 25)
    assert inside["province"].notna().all()
    assert summed["features"].tolist() == whole["features"].tolist()
    assert np.allclose(summed["population"], whole["population"])
    assert len(home) > len(inside)


def test_areas_count_by_the_share_in_the_ring():
    areas = gpd.GeoDataFrame(
        {"name": ["half", "all", "out"], "people": [1000.0, 10.0, 7.0]},
        geometry=[
            box(67.0, 24.95, 67.02, 25.05),
            box(66.99, 24.999, 67.0, 25.001),
            box(80, 30, 81, 31),
        ],
        crs=4326,
    )
    meridian = LineString([(67.0, 24), (67.0, 26)])
    lon, _, _ = GEOD.fwd(67.0, 25.0, 90, 1000)
    found = cg.exposure(meridian, km=[1], layer=areas, value="people")
    expected = 1000 * (lon - 67.0) / 0.02 + 10 * min(
        1, (lon - 67.0) / 0.01 if lon - 67.0 < 0.01 else 1
    )
    assert found["people"].iloc[0] == pytest.approx(expected, rel=1e-3)
    assert found["features"].iloc[0] == 2


def test_a_value_that_is_missing_is_not_nought():
    areas = gpd.GeoDataFrame(
        {"name": ["known", "unknown"], "people": [5.0, np.nan]},
        geometry=[Point(67, 25), Point(67.001, 25)],
        crs=4326,
    )
    found = cg.exposure(Point(67, 25), km=[1], layer=areas, value="people").iloc[0]
    assert (found["people"], found["missing"], found["missing_names"]) == (5, 1, ["unknown"])


@pytest.mark.parametrize(("off_deg", "inside"), [(3e-7, True), (2e-6, False)])
def test_a_line_within_5_cm_of_an_outline_runs_on_it(off_deg, inside):
    zone = gpd.GeoDataFrame({"name": ["z"]}, geometry=[box(67, 25, 68, 26)], crs=4326)
    beside = LineString([(67 - off_deg, 25.2), (67 - off_deg, 25.8)])
    found = cg.crossed(beside, zone)
    assert (found["zone"].notna().all()) == inside
    assert (found.attrs["outside_km"] == 0) == inside

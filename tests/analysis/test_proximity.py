"""Within, rings and density, compared with distances computed independently."""

import itertools

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod
from shapely.geometry import LineString, Point, Polygon, box

import cpecgeo as cg
from cpecgeo.analysis.accuracy import Bounds
from cpecgeo.analysis.proximity import WITHIN, find_near, ring_numbers
from cpecgeo.errors import CoordinateError, CRSError, InputError, InputTypeError, UnknownNameError
from cpecgeo.features.resolve import resolve
from tests.effort import tries

GEOD = Geod(ellps="WGS84")
LON = st.floats(66, 76)
LAT = st.floats(25, 36)


def to_line_km(points, line, every_m=200):
    """Distance to a line by walking along its geodesics; no kernel of ours. Good to 1 m or so."""
    lon, lat = np.array(line.coords).T
    spots = [(lon[0], lat[0])]
    for a in range(len(lon) - 1):
        metres = GEOD.inv(lon[a], lat[a], lon[a + 1], lat[a + 1])[2]
        n = int(metres // every_m)
        spots += GEOD.npts(lon[a], lat[a], lon[a + 1], lat[a + 1], n) if n else []
        spots.append((lon[a + 1], lat[a + 1]))
    x, y = np.array(spots).T
    best = [
        GEOD.inv(np.full(len(x), p.x), np.full(len(x), p.y), x, y)[2].min() / 1e3 for p in points
    ]
    return np.array(best)


@pytest.fixture(scope="module")
def spread():
    rng = np.random.default_rng(11)
    points = gpd.points_from_xy(rng.uniform(66, 74, 60), rng.uniform(25, 35, 60))
    return gpd.GeoDataFrame({"n": range(60)}, geometry=points, crs=4326, index=range(100, 160))


def test_within_a_railway_against_a_walk_along_it(spread):
    true = to_line_km(spread.geometry, cg.corridor("taxila-havelian").line)
    for km in (100, 400):
        found = cg.within(spread, "taxila-havelian", km)
        assert found.index.tolist() == spread.index[true <= km].tolist()
        assert np.allclose(found["distance_km"], true[true <= km], atol=1e-3)
        assert set(found["target"]) <= {"taxila-havelian"}


def test_within_keeps_rows_columns_and_crs(spread):
    projected = spread.to_crs(32642)
    found = cg.within(projected, "ml1", 50)
    assert found.crs == projected.crs
    assert list(found.columns) == ["n", "geometry", *WITHIN]
    plain = cg.within(spread, "ml1", 50)
    assert plain.index.tolist() == found.index.tolist()
    assert "target" not in spread
    assert found.attrs["ellipsoid"] == "WGS 84"


def test_within_counts_rows_without_a_position():
    mines = cg.layer("mines")
    found = cg.within("mines", "mining", 5000)
    assert found.attrs["without_position"] == mines.geometry.isna().sum() > 0
    assert len(found) == mines.geometry.notna().sum()


def test_a_point_at_the_limit_is_within():
    gwadar = cg.place("Gwadar Port").point
    lon, lat, _ = GEOD.fwd(gwadar.x, gwadar.y, 30, 10_000)
    there = gpd.GeoSeries([Point(lon, lat)], crs=4326)
    assert len(cg.within(there, "Gwadar Port", 10 + 1e-6)) == 1
    assert len(cg.within(there, "Gwadar Port", 10 - 1e-6)) == 0


def test_lines_and_areas_count_by_their_nearest_part():
    square = Polygon([(67.1, 24.8), (67.3, 24.8), (67.3, 25.0), (67.1, 25.0)])
    frame = gpd.GeoDataFrame(
        geometry=[square, LineString([(60, 30), (61, 31)])], crs=4326, index=["in", "out"]
    )
    found = cg.within(frame, gpd.GeoSeries([Point(67.2, 24.9)], crs=4326), 1)
    assert found.index.tolist() == ["in"]
    assert found["distance_km"].tolist() == [0]


@tries(40)
@given(st.lists(st.tuples(LON, LAT), min_size=1, max_size=8), st.floats(0, 300), st.floats(0, 300))
def test_a_larger_limit_loses_nothing(spots, a, b):
    points = gpd.GeoSeries([Point(p) for p in spots], crs=4326)
    small, large = sorted((a, b))
    inner, outer = cg.within(points, "ml1", small), cg.within(points, "ml1", large)
    assert set(inner.index) <= set(outer.index)


@tries(40)
@given(LON, LAT)
def test_the_nearest_is_never_farther_than_any_other(lon, lat):
    names = ["ml1", "kkh", "mining", "n25"]
    point = Point(lon, lat)
    near = cg.nearest(point, names)["distance_km"].iloc[0]
    every = [cg.distance_km(point, name) for name in names]
    assert near == pytest.approx(min(every), abs=1e-6)


def test_targets_of_every_sort():
    spot = cg.place("Multan").point
    near = cg.nearest(spot, ["ml1", "zones", "Gwadar Port", "m4"], k=3)
    assert list(near) == [
        "target",
        "distance_km",
        "lon",
        "lat",
        "km",
        "side",
        "accuracy_km",
        "rank",
    ]
    assert near["distance_km"].is_monotonic_increasing
    assert any(str(t).startswith("zones:") for t in cg.nearest(spot, ["zones", "ports"])["target"])
    assert cg.nearest("Torkham", "zones")["target"].iloc[0] in set(cg.layer("zones")["id"])
    section = cg.nearest(spot, "lodhran-multan-khanewal")
    assert section["distance_km"].iloc[0] == pytest.approx(1.26, abs=0.01)
    table = cg.distance_matrix_km(["Khunjerab Pass", "Torkham"], ["ml1", "kkh"])
    assert table.index.tolist() == ["Khunjerab Pass", "Torkham"]
    assert table.loc["Torkham", "ml1"] == pytest.approx(cg.distance_km("Torkham", "ml1"))


def test_rings_of_a_point_have_the_area_of_discs():
    frame = cg.rings("Gwadar Port", km=[5, 10, 50])
    # A geodesic disc of radius r: 2πR²(1 − cos(r/R)), R within 0.4 % of 6,371 km.
    discs = np.diff([0, *(2 * np.pi * 6371**2 * (1 - np.cos(np.array([5, 10, 50]) / 6371)))])
    assert np.allclose(frame["area_km2"], discs, rtol=1e-3)
    assert frame["km_from"].tolist() == [0, 5, 10]


def test_places_in_a_ring_are_that_far():
    frame = cg.rings("taxila-havelian", km=[5, 20])
    line = cg.corridor("taxila-havelian").line
    rng = np.random.default_rng(3)
    west, south, east, north = frame.total_bounds
    points = gpd.GeoSeries(
        gpd.points_from_xy(rng.uniform(west, east, 40), rng.uniform(south, north, 40)), crs=4326
    )
    true = to_line_km(points, line)
    for ring in frame.itertuples():
        inside = points.within(ring.geometry).to_numpy()
        sure = np.abs(true - ring.km_to) > 0.01
        sure &= np.abs(true - ring.km_from) > 0.01
        expected = (true > ring.km_from) & (true <= ring.km_to)
        assert (inside == expected)[sure].all()


@tries(15)
@given(LON, LAT, st.lists(st.floats(0.5, 80), min_size=1, max_size=3, unique=True))
def test_rings_part_the_buffer(lon, lat, km):
    km = sorted(km)
    if any(b - a < 0.01 for a, b in itertools.pairwise(km)):
        return
    line = LineString([(lon, lat), (lon + 0.3, lat + 0.2), (lon + 0.1, lat + 0.4)])
    frame = cg.rings(line, km)
    whole = cg.geodesy.area_km2(cg.buffer(line, km[-1]))
    assert frame["area_km2"].sum() == pytest.approx(whole, rel=1e-6)
    for i in range(len(frame)):
        for j in range(i):
            shared = frame.geometry[i].intersection(frame.geometry[j])
            assert shared.area == pytest.approx(0, abs=1e-9)


def test_rings_of_each_or_of_all():
    ports = cg.layer("ports").dropna(subset=["geometry"]).set_index("id").iloc[:2]
    each = cg.rings(ports, km=[10, 20], dissolve=False)
    assert each["name"].tolist() == [n for n in ports["name"] for _ in range(2)]
    assert "name" not in cg.rings(ports.geometry, km=5, dissolve=False)
    by_name = cg.rings("ports", km=5, dissolve=False)
    assert by_name["name"].tolist() == cg.layer("ports")["name"].tolist()
    assert each["feature"].tolist() == list(np.repeat(ports.index, 2))
    both = cg.rings(ports, km=[10, 20])
    assert len(both) == 2
    assert both["area_km2"].sum() <= each["area_km2"].sum() + 1e-6


def test_density_counts_every_event_once():
    ml1 = cg.corridor("ml1")
    km = np.array([0.0, 5, 10, 10.5, 731, 1731.9])
    events = gpd.GeoDataFrame(
        {"dead": [1, 2, 3, np.nan, 5, 6]}, geometry=ml1.at(km).to_numpy(), crs=4326
    )
    bins = cg.density_along(ml1, events, bin_km=10, value="dead")
    assert bins["events"].sum() == 6
    assert bins["events"].iloc[[0, 73, 173]].tolist() == [2, 1, 1]
    assert bins["events"].iloc[1] == 2
    assert bins["km_to"].iloc[-1] == pytest.approx(ml1.end_km)
    assert bins["dead"].sum() == 17
    assert bins.attrs["without_value"] == 1
    sections = cg.density_along(ml1, events, by="section")
    assert list(sections)[:5] == ["section", "name", "km_from", "km_to", "events"]
    assert sections["events"].sum() == 6
    assert sections["section"].tolist() == ml1.sections["id"].tolist()


def test_density_leaves_out_what_is_too_far():
    events = gpd.GeoSeries([Point(60, 30), cg.corridor("ml1").at(100)], crs=4326)
    bins = cg.density_along("ml1", events, max_km=10)
    assert (bins.attrs["counted"], bins.attrs["too_far"]) == (1, 1)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: cg.within(pd.DataFrame({"a": [1]}), "ml1", 1), InputTypeError, "points_from_xy"),
        (lambda: cg.within(gpd.GeoSeries([Point(67, 25)]), "ml1", 1), CRSError, "CRS"),
        (lambda: cg.within("mines", "ml1", -1), InputError, "km"),
        (lambda: cg.within("mines", "ml11111", 1), UnknownNameError, "ml11111"),
        (lambda: cg.within("mine", "ml1", 1), UnknownNameError, "mines"),
        (lambda: cg.within(5, "ml1", 1), InputTypeError, "int"),
        (lambda: cg.rings("ml1", km=[10, 5]), InputError, "ascending"),
        (lambda: cg.rings("ml1", km=[]), InputError, "ascending"),
        (lambda: cg.rings("ml1", km=[0]), InputError, "km"),
        (lambda: cg.nearest("Torkham", []), InputError, "empty"),
        (lambda: cg.density_along("ml1", "mines", by="day"), InputError, "section"),
        (lambda: cg.density_along("ml1", "mines", value="nope"), UnknownNameError, "nope"),
        (lambda: cg.density_along("ml1", "mines", bin_km=0), InputError, "bin_km"),
    ],
)
def test_what_can_not_be_asked(call, error, says):
    with pytest.raises(error, match=says):
        call()


@pytest.mark.parametrize("parts", [15, 30, 59])
def test_stretches_that_fill_a_corridor_have_no_empty_one_after_them(parts):
    end = cg.corridor("ml2").end_km
    along = cg.density_along("ml2", "places", bin_km=end / parts, max_km=25)
    assert len(along) == parts
    assert along["per_km"].notna().all()
    assert along["km_to"].iloc[-1] == end


def test_within_keeps_columns_that_are_called_as_its_own():
    mine = gpd.GeoDataFrame({"target": ["mine"]}, geometry=[Point(67.0, 25.0)], crs=4326)
    found = cg.within(mine, Point(67.0, 25.01), 5)
    assert found["target"].tolist() == ["mine"]
    assert found["target_near"].tolist() == [0]
    assert found["distance_km"].iloc[0] == pytest.approx(1.108, abs=1e-3)


# So many points that far ones are left out by cells; boxes of points and their targets.
MANY = 12_000
REACHES = {
    "a line": ((60, 23, 78, 37), LineString([(66, 25), (70, 30), (72, 35)]), 40),
    "an area": ((60, 23, 78, 37), box(68, 27, 71, 30), 25),
    "points": ((60, 23, 78, 37), [Point(67, 25), Point(75, 36)], 90),
    "the date line": ((-180, -10, 180, 10), LineString([(179.5, 1), (-179.5, -1)]), 700),
    "a pole": ((-180, 80, 180, 90), LineString([(0, 89), (180, 89)]), 120),
    "one place": ((67, 25, 67, 25), Point(67, 25.1), 12),
    "a column": ((67, 20, 67, 40), Point(67.1, 25.1), 30),
    "none": ((60, 23, 78, 37), Point(-100, 40), 100),
}


@pytest.mark.parametrize("case", REACHES)
def test_many_points_are_near_as_the_distance_of_each_says(case):
    bounds, shape, km = REACHES[case]
    xy = np.random.default_rng(5).uniform(bounds[:2], bounds[2:], (MANY, 2))
    xy[:3] = [(-170, -80), (179.9, 89), xy[4]]  # some far off make the cells wide
    to = resolve(shape)
    true = cg.nearest(gpd.GeoSeries.from_xy(*xy.T, crs=4326), to)
    row, _, distance, _ = find_near(xy, to, km)
    here = distance <= km
    assert row[here].tolist() == np.flatnonzero(true["distance_km"] <= km).tolist()
    assert np.allclose(distance, true["distance_km"].to_numpy()[row], rtol=0, atol=1e-9)
    assert len(row) < MANY or case == "one place"


def test_many_points_in_rings_as_each_of_them_by_itself():
    rng = np.random.default_rng(8)
    xy = rng.uniform((63, 24), (75, 35), (MANY, 2))
    own = np.where(rng.random(MANY) < 0.2, np.nan, rng.uniform(0, 6, MANY))
    frame = gpd.GeoDataFrame(
        {"people": rng.integers(1, 99, MANY), "accuracy_km": own, "kind": rng.choice([2, 1], MANY)},
        geometry=gpd.points_from_xy(*xy.T, crs=4326),
    )
    km, to = (5.0, 30.0, 60.0), resolve("mining")
    near = cg.nearest(frame.geometry, to)
    distance = near["distance_km"].to_numpy()
    low, high = Bounds.of(to).around(xy, distance, near["accuracy_km"].to_numpy(), own)
    drawn, first, last = ring_numbers(km, distance, low, high)
    found = cg.exposure("mining", km, layer=frame, value="people")
    by_kind = cg.exposure("mining", km, layer=frame, value="people", by="kind")
    people = frame["people"].to_numpy()
    for ring, row in enumerate(found.itertuples()):
        sure, may = (first == ring) & (last == ring), (first <= ring) & (ring <= last)
        assert (row.features_low, row.features, row.features_high) == (
            sure.sum(), (drawn == ring).sum(), may.sum(),
        )  # fmt: skip
        assert (row.people_low, row.people, row.people_high) == (
            people[sure].sum(), people[drawn == ring].sum(), people[may].sum(),
        )  # fmt: skip
        for kind in (1, 2):
            part = by_kind.loc[(*row.Index, kind)]
            assert part["people"] == people[(drawn == ring) & (frame["kind"] == kind)].sum()
    limit = cg.within(frame, "mining", 30, certainty=["sure", "likely", "open"])
    assert limit.index.tolist() == np.flatnonzero(low <= 30).tolist()
    assert limit.attrs["beyond"] == ((distance > 30) & (low <= 30)).sum()


def test_a_certainty_may_be_asked_where_something_else_is_known():
    lines = gpd.GeoDataFrame(
        {"accuracy_km": [np.nan, 2.0]},
        geometry=[LineString([(66, 30), (67, 30)]), LineString([(66, 35), (67, 35)])],
        crs=4326,
    )
    spot = gpd.GeoSeries([Point(66.5, 30.01)], crs=4326)
    assert len(cg.within(spot, lines, 5)) == 1
    assert len(cg.within(spot, lines, 5, certainty="sure")) == 0


TURNED = LineString([(24.9, 67.0), (25.5, 67.5)])


@pytest.mark.parametrize(
    "ask",
    [
        lambda x: cg.distance_km(x, "ml1"),
        lambda x: cg.distance_km("ml1", x),
        lambda x: cg.distance_matrix_km(["ml1"], [x]),
        lambda x: cg.buffer(x, 5),
        cg.length_km,
        lambda x: cg.crossed(x, "districts"),
        lambda x: cg.crossed("ml1", x.buffer(0.1)),
        cg.profile,
        lambda x: cg.neighbours(gpd.GeoSeries([x.buffer(0.1)], crs=4326)),
        lambda x: cg.distance_table("ports", {"own": x}),
        lambda x: cg.Map().add(x),
        lambda x: cg.Map().add(gpd.GeoDataFrame(geometry=[x], crs=4326)),
    ],
)
def test_lines_with_lon_and_lat_swapped_are_refused(ask):
    with pytest.raises(CoordinateError, match="lon and lat swapped"):
        ask(TURNED)


def test_what_lies_far_away_and_isnt_swapped_is_measured():
    alps = LineString([(10, 46), (11, 47)])
    assert cg.length_km(alps) == pytest.approx(GEOD.geometry_length(alps) / 1e3)
    assert cg.distance_km(alps, "ml1") > 4000


def test_a_series_of_names_keeps_its_index_also_where_a_name_recurs():
    towns = pd.Series(["Lahore", "Multan", "Lahore", "ml2"], index=[5, 6, 8, 9], name="town")
    listed = cg.nearest(list(towns[:2]), "ml1")
    found = cg.nearest(towns[:3], "ml1")
    assert found.index.tolist() == [5, 6, 8]
    for row, name in towns[:3].items():
        pd.testing.assert_series_equal(found.loc[row], listed.loc[name], check_names=False)
    away = cg.distance_km(towns, "Quetta")
    assert away.index.tolist() == towns.index.tolist()
    assert away[9] == cg.distance_km("ml2", "Quetta")
    # Corridors of a series have their chainage.
    (near,) = cg.nearest("Quetta", pd.Series(["ml1"], index=["a"])).to_dict("records")
    assert near["target"] == "a"
    assert near["km"] == cg.nearest("Quetta", "ml1")["km"].iloc[0]
    with pytest.raises(InputTypeError, match="each value is a name"):
        cg.nearest(pd.Series(["Lahore", None]), "ml1")
    with pytest.raises(InputError, match="'mines', which is 6 features"):
        cg.nearest(pd.Series(["Lahore", "mines"]), "ml1")
    with pytest.raises(UnknownNameError):
        cg.nearest(pd.Series(["Lahore", "zzzz"]), "ml1")

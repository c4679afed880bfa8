"""Elevation along lines, and where it isn't that of the road."""

import geopandas as gpd
import numpy as np
import pytest
from pyproj import Geod
from scipy.ndimage import gaussian_filter1d
from shapely.geometry import LineString

import cpecgeo as cg
from cpecgeo.analysis.climb import humps, rises_within
from cpecgeo.analysis.profile import ground_m
from cpecgeo.errors import InputError

GEOD = Geod(ellps="WGS84")
# Rows this far apart are the samples that climb is summed over.
STEP_KM = 0.2


def test_a_profile_climbs_and_falls_by_what_lies_between_its_ends():
    profile = cg.profile(LineString(cg.corridor("kkh-pakistan").line), 2)
    attrs = profile.attrs
    ends = profile["elevation_m"].iloc[-1] - profile["elevation_m"].iloc[0]
    assert attrs["climb_m"] - attrs["descent_m"] == pytest.approx(ends)
    assert attrs["ground_km"] == 0, "how good a line of one's own is isn't known"
    assert profile["climb_m"].is_monotonic_increasing
    steps = GEOD.inv(
        profile["lon"][:-1], profile["lat"][:-1], profile["lon"][1:], profile["lat"][1:]
    )[2]
    rise = np.diff(profile["elevation_m"])
    assert np.allclose(profile["gradient_percent"].iloc[1:], 100 * rise / steps, rtol=1e-6)


def test_a_raster_of_ones_own(tmp_path):
    rasterio = pytest.importorskip("rasterio")

    # A slope: 100 m per degree of longitude, 10 m per degree of latitude, at pixel centres.
    transform = rasterio.Affine(0.01, 0, 66.0, 0, -0.01, 27.0)
    lon = 66.0 + 0.01 * (np.arange(300) + 0.5)
    lat = 27.0 - 0.01 * (np.arange(300) + 0.5)
    grid = (100 * (lon[None, :] - 66) + 10 * (lat[:, None] - 24)).astype("float32")
    grid[150, 150] = -9999
    path = tmp_path / "dem.tif"
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=300,
        height=300,
        count=1,
        dtype="float32",
        crs="EPSG:4326",
        transform=transform,
        nodata=-9999,
    ) as out:
        out.write(grid, 1)
    profile = cg.profile(LineString([(66.2, 26.5), (68.5, 26.2), (69.5, 26.2)]), 5, dem=path)
    expected = 100 * (profile["lon"] - 66) + 10 * (profile["lat"] - 24)
    inside = profile["lon"] < 68.9
    assert np.allclose(profile["elevation_m"][inside], expected[inside], atol=0.01)
    assert profile["elevation_m"][profile["lon"] > 69.0].isna().all()
    assert profile.attrs["sources"] == ["dem.tif, bilinear"]


def test_each_row_has_the_accuracy_of_its_leg():
    corridor = cg.corridor("kkh")
    profile = cg.profile("kkh", 7)
    for row in corridor.legs.itertuples():
        inside = profile["km"].between(row.km_from + 1e-6, row.km_to - 1e-6)
        assert (profile.loc[inside, "accuracy_km"] == row.accuracy_km).all()
    assert profile["km"].iloc[-1] == pytest.approx(corridor.end_km)
    assert cg.profile(LineString([(70, 30), (71, 30)]), 50)["accuracy_km"].isna().all()


@pytest.mark.parametrize("name", ["kkh", "western", "ml3", "havelian-khunjerab"])
def test_what_is_only_ground_is_not_stated_of_the_road(name):
    corridor = cg.corridor(name)
    whole = corridor.chainage.end_km - corridor.chainage.start_km
    profile = cg.profile(name, whole / np.ceil(whole / STEP_KM))  # the samples of climb
    ground = profile["is_ground"].to_numpy()
    assert ground.any()
    assert profile.loc[ground, "gradient_percent"].isna().all()
    limit = 4 if cg.corridor(name).kind == "rail" else 12
    assert not (profile["gradient_percent"].abs() > limit).any()
    stated = ~(ground[1:] | ground[:-1])
    rise = np.where(stated, np.diff(profile["elevation_m"]), 0)
    every = np.nansum(np.maximum(rise, 0)) if stated.any() else np.nan
    assert profile.attrs["climb_high_m"] == pytest.approx(every, nan_ok=True)
    if stated.any():
        assert profile.attrs["climb_low_m"] <= profile.attrs["climb_m"] <= every
        level = profile.attrs["climb_m"] - profile.attrs["descent_m"]
        assert level == pytest.approx(np.nansum(rise)), "each stretch keeps its ends"
    assert (np.diff(profile["climb_m"])[~stated] == 0).all()
    road, rest = (profile.loc[rows, "elevation_m"].max() for rows in (~ground, ground))
    # If ground that is left out is higher, the road there may be higher too.
    span = profile.attrs["highest_high_m"] - profile.attrs["highest_low_m"]
    expected = np.nan if rest > road or span > 200 + 2 * 30 else road
    assert profile.attrs["highest_m"] == pytest.approx(expected, nan_ok=True)
    assert profile.attrs["ground_km"] == pytest.approx(np.diff(profile["km"])[~stated].sum())
    told = profile.attrs["climb_km"] + profile.attrs["ground_km"]
    assert told == pytest.approx(np.ptp(profile["km"])), "summed and left out make the whole"


@pytest.mark.parametrize("name", ["ml1", "kkh", "western"])
def test_climb_and_descent_change_places_in_the_other_direction(name):
    corridor = cg.corridor(name)
    ends = corridor.chainage.start_km, corridor.chainage.end_km
    line = corridor.line
    for there, back in (
        (cg.profile(name, 10), cg.profile(name, 10, between=ends[::-1])),
        (cg.profile(line, 10), cg.profile(line.reverse(), 10)),
    ):
        forth, home = there.attrs, back.attrs
        for up, down in (("climb_m", "descent_m"), ("descent_m", "climb_m")):
            assert forth[up] == pytest.approx(home[down], abs=0.01)
        for same in ("climb_km", "ground_km"):
            assert forth[same] == pytest.approx(home[same], abs=1e-6)


def test_a_steep_step_or_a_poor_leg_in_relief_is_ground_and_a_plain_is_not():
    profile = cg.profile("kkh", STEP_KM)
    lon, lat = profile["lon"].to_numpy(), profile["lat"].to_numpy()
    metres = np.append(0, np.cumsum(GEOD.inv(lon[:-1], lat[:-1], lon[1:], lat[1:])[2]))
    heights = profile["elevation_m"].to_numpy()
    # Gradients are over 1 km, five steps; every sample of a steep one is left out.
    steep = np.abs(100 * (heights[5:] - heights[:-5]) / (metres[5:] - metres[:-5])) > 12
    expected = np.zeros(len(profile), bool)
    for i in np.flatnonzero(steep):
        expected[i : i + 6] = True
    good = (profile["accuracy_km"] <= 1.5).to_numpy()
    # A hump is higher than a climb of 7 % plus 50 m reaches from any ground of the road.
    km, metres = profile["km"].to_numpy(), profile["elevation_m"].to_numpy()
    sure = good & ~expected
    reached = (metres[sure] + 70 * np.abs(km[:, None] - km[sure])).min(axis=1)
    hump = metres > reached + 50
    assert hump[sure].sum() > 3
    ground = profile["is_ground"].to_numpy()
    assert ground[good & (expected | hump)].all()
    assert not ground[sure & ~hump].any()
    # Under the label of Tashkurgan the line is good to 5 km, between mountains.
    assert profile.loc[~good, "is_ground"].mean() > 0.8
    punjab = cg.profile("ml1", between=("Khanewal Junction", "Raiwind Junction"))
    assert (punjab["accuracy_km"] > 1.5).mean() > 0.5
    assert not punjab["is_ground"].any()


@pytest.mark.parametrize(("name", "pass_m"), [("kkh-pakistan", 4693), ("western", 4693)])
def test_the_ground_beside_a_pass_is_not_called_the_highest_of_the_road(name, pass_m):
    """An earlier version stated 4,797 m for parts that end on Khunjerab."""
    told = cg.profile(name, 5).attrs
    assert np.isnan(told["highest_m"])
    assert told["highest_low_m"] < pass_m < told["highest_high_m"]
    down = cg.profile("m2", 5).attrs
    assert down["highest_low_m"] < down["highest_m"] < down["highest_high_m"]
    assert down["highest_high_m"] - down["highest_low_m"] < 200 + 2 * 30


@pytest.mark.parametrize("name", ["kkh", "peshawar-torkham", "khyber-railway"])
def test_no_highest_point_is_stated_where_higher_ground_is_left_out(name):
    """The line crosses ground above the passes: once 6,970 m were stated for Khunjerab's 4,693 m."""
    profile = cg.profile(name)
    assert np.isnan(profile.attrs["highest_m"])
    assert np.isnan(profile.attrs["highest_at_km"])


def test_the_highest_point_of_a_plain_is_stated():
    punjab = cg.profile("ml1", STEP_KM, between=("Khanewal Junction", "Raiwind Junction"))
    assert punjab.attrs["highest_m"] == pytest.approx(punjab["elevation_m"].max(), abs=1e-6)
    assert punjab.attrs["highest_m"] < 250


@pytest.mark.parametrize(("a", "b"), [("Sost", "Gulmit"), ("Gulmit", "Sost"), (700.5, 640.25)])
def test_a_part_keeps_chainage_and_accuracy(a, b):
    corridor = cg.corridor("kkh")
    part = cg.profile(corridor, 1, between=(a, b))
    ends = [corridor.km_of(x) if isinstance(x, str) else x for x in (a, b)]
    assert part["km"].iloc[[0, -1]].tolist() == pytest.approx(ends)
    assert (np.sign(np.diff(part["km"])) == np.sign(ends[1] - ends[0])).all()
    points = gpd.GeoSeries.from_xy(part["lon"], part["lat"], crs=4326)
    assert np.allclose(corridor.locate(points)["km"], part["km"], atol=2e-4)
    assert part["accuracy_km"].notna().all()


@pytest.mark.parametrize("between", [(0, 5000), (-1, 5), (7, 7)])
def test_a_part_must_lie_on_the_corridor(between):
    with pytest.raises(InputError, match="between"):
        cg.profile("kkh", between=between)


def test_a_part_needs_a_corridor():
    with pytest.raises(InputError, match="corridor"):
        cg.profile(LineString([(70, 30), (71, 30)]), between=(0, 10))


def test_the_flat_top_of_a_hump_is_ground():
    """A line that cuts straight over a ridge of 3 km between two valleys."""
    km = np.arange(0.0, 12.0)
    metres = np.array([900, 905, 910, 912, 1300, 1310, 1305, 918, 920, 925, 930, 935.0])
    steep = np.abs(np.diff(metres)) > 120
    ground = np.append(False, steep) | np.append(steep, False)
    assert not ground[5]
    found = humps(km, metres, ground, np.full(12, 7.0))
    assert found[[4, 5, 6]].all()
    assert not found[[0, 1, 2, 9, 10, 11]].any()
    # The same in the other direction, and none where a slope is one that a road can have.
    assert (humps(km, metres[::-1], ground[::-1], np.full(12, 7.0)) == found[::-1]).all()
    assert not humps(km, 900 + 60 * km, np.zeros(12, bool), np.full(12, 7.0)).any()


def test_least_climb_within_a_band_against_every_profile_on_a_lattice():
    """Dynamic programming over all heights in steps of a metre, for 40 bands."""
    rng = np.random.default_rng(5)
    for _ in range(40):
        metres = np.round(rng.normal(0, 12, 9))
        half = rng.integers(0, 10, (2, 9))
        band = np.stack((metres - half[0], metres + half[1]))
        rises = rises_within(metres, band, np.ones(8, bool))
        heights = metres[0] + np.append(0, np.cumsum(rises))
        assert heights[-1] == pytest.approx(metres[-1])
        assert (heights[1:-1] >= band[0, 1:-1]).all()
        assert (heights[1:-1] <= band[1, 1:-1]).all()
        best = {metres[0]: 0.0}
        for i in range(1, 9):
            allowed = np.arange(band[0, i], band[1, i] + 1) if i < 8 else [metres[-1]]
            best = {h: min(c + max(h - g, 0) for g, c in best.items()) for h in allowed}
        assert np.maximum(rises, 0).sum() == pytest.approx(min(best.values()))


def test_each_stretch_between_ground_is_summed_for_itself():
    metres = np.array([0.0, 50, 10, 60, 500, 60, 100, 55])
    stated = np.array([True, True, True, False, False, True, True])
    wide = np.stack((metres - 60, metres + 60))
    assert rises_within(metres, wide, stated).tolist() == [0, 0, 60, 0, 0, 0, -5]
    assert rises_within(metres, None, stated).tolist() == [50, -40, 50, 0, 0, 40, -45]


@pytest.mark.parametrize(("slope", "hills"), [(0.1, 60), (0.1, 150), (0.3, 60), (0.3, 150)])
def test_a_road_of_known_climb_beside_a_river(monkeypatch, slope, hills):
    """The line wanders 0.6 km (standard deviation) off a road in a valley; the grid has noise."""
    rng = np.random.default_rng(3)
    size = 300
    waves = gaussian_filter1d(rng.normal(size=size), 4)
    road = np.linspace(600, 2600, size) + hills * waves / waves.std()
    noise = gaussian_filter1d(rng.normal(size=size), 0.7)
    noise *= 15 / noise.std()
    off = gaussian_filter1d(rng.normal(size=size), 1.5)
    off *= 0.6 / off.std()
    step = 1 / 110.57
    lat = 25 + step * np.arange(size)
    east = off / (111.32 * np.cos(np.radians(lat)))

    def ground(xy):
        i = (xy[:, 1] - 25) / step
        km = (xy[:, 0] - 70) * 111.32 * np.cos(np.radians(xy[:, 1]))
        along = np.interp(i, np.arange(size), road + noise)
        return along + 1000 * slope * np.maximum(np.abs(km) - 0.4, 0)

    monkeypatch.setattr("cpecgeo.analysis.profile.ground_m", ground)
    line = LineString(np.column_stack((70 + east, lat)))
    own = cg.Corridor.from_line(line, name="made-up", accuracy_km=1.5)
    profile = cg.profile(own, STEP_KM)
    found = profile.attrs
    # Where the ground is too steep for a road, neither is counted.
    heights = np.interp(profile["lat"], lat, road)
    ground = profile["is_ground"].to_numpy()
    stated = ~(ground[1:] | ground[:-1])
    true = np.maximum(np.diff(heights), 0)[stated].sum()
    assert found["climb_m"] == pytest.approx(true, rel=0.25)
    assert found["climb_low_m"] <= true < found["climb_high_m"]


@pytest.mark.parametrize("name", ["kkh", "quetta-taftan", "m8-ratodero-khuzdar", "taxila-havelian"])
def test_climb_does_not_depend_on_the_samples_of_the_table(name):
    """From a sample per 100 m to one per 2 km; the sum of all rises of the rows does depend on it."""
    told = ("climb_m", "descent_m", "climb_low_m", "climb_high_m", "highest_m", "climb_km")
    tables = {step: cg.profile(name, step) for step in (0.1, 0.3, 1.0, 2.0)}
    for table in tables.values():
        for key in told:
            assert table.attrs[key] == pytest.approx(tables[1.0].attrs[key], rel=1e-9, nan_ok=True)
        assert table["climb_m"].iloc[-1] == pytest.approx(table.attrs["climb_m"])
        assert (table["gradient_percent"].isna() | ~table["is_ground"]).all()
    fine, coarse = (np.diff(tables[s]["elevation_m"]) for s in (0.1, 2.0))
    assert np.nansum(np.maximum(fine, 0)) > 1.1 * np.nansum(np.maximum(coarse, 0))
    # Rows of one table are where those of another are: the same climb so far, the same ground.
    both = tables[0.1].merge(tables[2.0], on="km", suffixes=("", "_2"))
    assert len(both) > 10
    assert np.allclose(both["climb_m"], both["climb_m_2"], atol=1e-6)
    assert (both["is_ground"] == both["is_ground_2"]).all()


@pytest.mark.parametrize("name", ["kkh", "western", "n25", "n85"])
def test_climb_hardly_depends_on_where_its_own_samples_fall(name):
    """With the start moved by some metres, climb per summed km changes by less than 5 %."""
    thing = cg.corridor(name)
    found = [
        cg.profile(name, between=(start, thing.end_km)).attrs for start in (0.01, 0.06, 0.12, 0.18)
    ]
    rates = np.array([a["climb_m"] / a["climb_km"] for a in found])
    assert np.ptp(rates) / rates.mean() < 0.05
    assert found[0]["climb_step_km"] == STEP_KM
    assert found[0]["climb_band_m"] == 30
    assert "a third of its accuracy" in found[0]["climb_method"]


def test_the_karakoram_highway_climbs_more_than_its_ends_and_less_than_every_spur():
    """From the plain at Hasan Abdal to Khunjerab, 4,693 m, with what is left out as ground."""
    found = cg.profile("kkh-pakistan").attrs
    assert found["climb_km"] < 0.7 * cg.length_km("kkh-pakistan"), "not the climb of the whole"
    assert found["climb_low_m"] < found["climb_m"] < 0.75 * found["climb_high_m"]
    plain = cg.profile("m5").attrs
    assert plain["climb_m"] + plain["descent_m"] < 100, "from Multan, 120 m, to Sukkur, 60 m"


@pytest.mark.parametrize("between", [("Lahore",), "Lahore", ("a", "b", "c"), 3])
def test_a_part_needs_two_ends(between):
    with pytest.raises(InputError, match="give two stops"):
        cg.profile("ml1", between=between)


def test_the_end_of_a_part_is_as_good_as_the_leg_that_leads_there():
    """Beyond the pass a leg of 5 km begins, which says nothing of the way up to it."""
    whole = cg.profile("kkh-pakistan", 5).iloc[-1]
    up = cg.profile("kkh", 5, between=("Gulmit", "Khunjerab Pass")).iloc[-1]
    down = cg.profile("kkh", 5, between=("Khunjerab Pass", "Gulmit")).iloc[0]
    for row in (whole, up, down):
        assert (row["accuracy_km"], row["is_ground"]) == (1.5, False)
    beyond = cg.profile("kkh", 1, between=("Khunjerab Pass", 812)).iloc[0]
    assert beyond["accuracy_km"] == 5


# Summits, lon and lat as encyclopaedias have them.
SUMMITS = {
    "K2": (76.5133, 35.8825), "Nanga Parbat": (74.5892, 35.2375), "Rakaposhi": (74.4892, 36.1425),
    "Masherbrum": (76.3058, 35.6414), "Haramosh": (74.8975, 35.8400), "Ultar": (74.7172, 36.3911),
    "Tirich Mir": (71.8417, 36.2553), "Muztagh Ata": (75.1161, 38.2783),
    "Kongur": (75.3131, 38.5933), "Distaghil": (75.1881, 36.3258), "Noshaq": (71.8286, 36.4333),
    "Gasherbrum I": (76.6964, 35.7244), "Kunyang Chhish": (75.2083, 36.2053),
    "Saser": (77.7517, 34.8667), "Nun": (76.0169, 33.9794), "Kun": (76.0539, 34.0103),
}  # fmt: skip


def test_summits_stand_within_a_cell_of_where_they_are():
    """The grid lies half a cell east and south, as documented; no row or column is lost."""
    step = np.arange(-3, 4) / 120
    off = []
    for lon, lat in SUMMITS.values():
        # The middles of the cells around the one that holds the summit.
        x, y = ((np.floor(v * 120) + 0.5) / 120 + step for v in (lon, lat))
        at = np.column_stack((np.tile(x, 7), np.repeat(y, 7)))
        top = int(np.argmax(ground_m(at)))
        off.append((at[top] - (lon, lat)) * 120)
    east, north = np.median(off, axis=0)
    assert 0.2 < east < 1.0
    assert -1.0 < north < 0.0

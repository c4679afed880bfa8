"""The committed derived layers: unchanged, valid and plausible. Offline."""

import hashlib
import json
import re
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely

ROOT = Path(__file__).parents[2]
DERIVED = ROOT / "data" / "derived"
RECORD = json.loads((DERIVED / "record.json").read_text(encoding="utf-8"))
COMMON = [
    *("id", "name", "name_ur", "name_zh", "kind", "status", "opened"),
    *("accuracy_km", "basis", "source", "source_date", "licence", "note"),
]
LAYERS = ["districts", "provinces", "countries", "disputed"]
PAKISTAN = (60.8, 23.6, 77.9, 37.2)


@pytest.fixture(scope="module")
def layers():
    return {name: gpd.read_file(DERIVED / f"{name}.geojson") for name in LAYERS}


@pytest.fixture(scope="module")
def places():
    return pd.read_csv(DERIVED / "places.csv", keep_default_na=False, na_values=[""])


@pytest.fixture(scope="module")
def elevation():
    sys.path.insert(0, str(ROOT))
    try:
        from tools.derive.elevation import load
    finally:
        sys.path.remove(str(ROOT))
    return load(DERIVED / "elevation.npz")


def area_km2(geometry):
    return abs(pyproj.Geod(ellps="WGS84").geometry_area_perimeter(geometry)[0]) / 1e6


@pytest.mark.parametrize("file", sorted(RECORD))
def test_file_is_the_recorded_one(file):
    data = (DERIVED / file).read_bytes()
    assert hashlib.sha256(data).hexdigest() == RECORD[file]["sha256"]
    assert len(data) == RECORD[file]["bytes"]


def test_record_covers_the_folder_and_the_pins():
    files = {p.name for p in DERIVED.iterdir()} - {"README.md", "record.json"}
    assert files == set(RECORD)
    pins = json.loads((ROOT / "tools/derive/packages.json").read_text(encoding="utf-8"))
    known = {f"{p['registry']}:{p['name']}": p for p in pins}
    for entry in RECORD.values():
        pin = known[entry["package"]]
        assert (pin["version"], pin["sha256"], pin["licence"]) == (
            entry["version"],
            entry["package_sha256"],
            entry["licence"],
        )
        assert entry["source"]
        assert entry["accuracy"]


def test_sizes_stay_small():
    total = sum(p.stat().st_size for p in DERIVED.iterdir())
    assert total <= 8e6
    assert RECORD["districts.geojson"]["bytes"] <= 700e3
    assert RECORD["countries.geojson"]["bytes"] <= 600e3
    assert RECORD["elevation.npz"]["bytes"] <= 4e6


@pytest.mark.parametrize("name", LAYERS)
def test_layer_has_the_common_columns_unique_ids_and_valid_geometry(layers, name):
    layer = layers[name]
    assert list(layer.columns[: len(COMMON)]) == COMMON
    assert [c for c in layer.columns if c != "geometry"] == RECORD[f"{name}.geojson"]["columns"]
    assert len(layer) == RECORD[f"{name}.geojson"]["rows"]
    assert layer.id.is_unique
    assert layer.id.str.fullmatch("[a-z0-9]+(-[a-z0-9]+)*").all()
    assert layer.geometry.is_valid.all()
    assert not layer.geometry.is_empty.any()
    assert (layer.accuracy_km > 0).all()
    assert layer[["name", "kind", "basis", "source", "licence"]].notna().all(axis=None)
    coordinates = layer.get_coordinates().to_numpy()
    assert np.abs(coordinates * 1e4 - np.round(coordinates * 1e4)).max() < 1e-6


@pytest.mark.parametrize("name", ["districts", "provinces", "countries"])
def test_areas_do_not_overlap_and_leave_no_slivers(layers, name):
    geometry = layers[name].geometry.to_numpy()
    assert shapely.coverage_is_valid(geometry)
    parts = shapely.get_parts(geometry)
    rings = shapely.get_exterior_ring(parts)
    assert shapely.is_ccw(rings).all()


def test_boundary_layers_carry_the_disclaimer():
    for name in ("provinces", "countries", "disputed"):
        collection = json.loads((DERIVED / f"{name}.geojson").read_text(encoding="utf-8"))
        assert "not a position" in collection["disclaimer"]
        assert RECORD[f"{name}.geojson"]["disclaimer"] == collection["disclaimer"]


def test_one_feature_per_line():
    for name in LAYERS:
        lines = (DERIVED / f"{name}.geojson").read_text(encoding="utf-8").splitlines()
        assert len(lines) == RECORD[f"{name}.geojson"]["rows"] + 2
        assert all(line.startswith('{"type":"Feature"') for line in lines[1:-1])


def test_provinces_make_up_the_pakistan_of_countries(layers):
    provinces = layers["provinces"]
    countries = layers["countries"].set_index("id")
    whole = provinces.union_all()
    assert whole.symmetric_difference(countries.geometry["pakistan"]).area < 1e-3
    west, south, east, north = provinces.total_bounds
    assert west >= PAKISTAN[0]
    assert south >= PAKISTAN[1]
    assert east <= PAKISTAN[2]
    assert north <= PAKISTAN[3]
    # 796,096 km² of the four provinces, tribal areas and capital (census of 1998)
    # and about 86,000 km² of Gilgit-Baltistan and Azad Kashmir
    assert area_km2(whole) == pytest.approx(796_096 + 86_000, rel=0.02)


@pytest.mark.parametrize(
    ("iso", "km2"),
    # areas published with the census of 1998
    [
        ("PK-BA", 347_190),
        ("PK-PB", 205_345),
        ("PK-SD", 140_914),
        ("PK-KP", 74_521 + 27_220),  # with the tribal areas, merged in 2018
    ],
)
def test_area_of_a_province_is_near_the_published_one(layers, iso, km2):
    provinces = layers["provinces"].set_index("iso_3166_2")
    assert area_km2(provinces.geometry[iso]) == pytest.approx(km2, rel=0.04)


def test_districts_cover_the_provinces(layers):
    districts, provinces = layers["districts"], layers["provinces"]
    assert len(districts) == 135
    covered = districts.union_all().intersection(provinces.union_all()).area
    assert covered / provinces.union_all().area >= 0.97
    assert set(districts.province_iso) == set(provinces.iso_3166_2)
    for iso, group in districts.groupby("province_iso"):
        if iso in {"PK-IS", "PK-JK"}:  # small: the drawing's error weighs more
            continue
        home = provinces.set_index("iso_3166_2").geometry[iso]
        assert group.union_all().intersection(home).area / home.area >= 0.95


@pytest.mark.parametrize(
    ("district", "lon", "lat", "iso"),
    [
        ("gwadar", 62.3254, 25.1216, "PK-BA"),
        ("chagai-nushki", 61.5866, 28.9469, "PK-BA"),  # Taftan
        ("quetta", 67.0014, 30.1841, "PK-BA"),
        ("lahore", 74.3507, 31.5580, "PK-PB"),
        ("attock", 72.3598, 33.7669, "PK-PB"),
        ("sukkur", 68.8589, 27.7032, "PK-SD"),
        ("gilgit", 74.3125, 35.9187, "PK-GB"),
        ("hunza-nagar", 74.6614, 36.3269, "PK-GB"),  # Karimabad
        ("khyber", 71.1411, 34.0988, "PK-KP"),  # Landi Kotal
        ("islamabad", 73.0479, 33.6844, "PK-IS"),
    ],
)
def test_known_towns_lie_in_their_district(layers, district, lon, lat, iso):
    found = layers["districts"][layers["districts"].covers(shapely.Point(lon, lat))]
    assert found.id.tolist() == [district]
    assert found.province_iso.tolist() == [iso]


def test_district_fit_is_the_reported_one():
    collection = json.loads((DERIVED / "districts.geojson").read_text(encoding="utf-8"))
    fit = collection["fit"]
    assert fit == RECORD["districts.geojson"]["fit"]
    assert fit["law"] == "latitude, scale"
    assert fit["residual_median_km"] < 1.0
    assert fit["residual_95_km"] < 3.5
    mercator = [f for f in collection["fits_tried"] if f["law"].startswith("Mercator")]
    assert min(f["residual_median_km"] for f in mercator) > 2


def test_countries_around_the_corridor_are_there(layers):
    countries = layers["countries"]
    wanted = {"PAK", "CHN", "AFG", "IRN", "IND", "TJK", "TKM", "UZB", "KGZ", "KAZ", "OMN", "ARE"}
    assert wanted <= set(countries.iso_a3.dropna())
    assert tuple(countries.total_bounds) == (50, 14, 92, 46)
    assert not countries.set_index("iso_a3").clipped["PAK"]
    assert countries.set_index("iso_a3").clipped["CHN"]


def test_disputed_lines_hold_the_line_of_control(layers):
    lines = layers["disputed"]
    control = lines[(lines.name == "Line of Control") & (lines.kind == "line_of_control")]
    geod = pyproj.Geod(ellps="WGS84")
    length_km = sum(geod.geometry_length(line) for line in control.geometry) / 1000
    # published as 740 km along every bend (Nair, Economic and Political Weekly 48(4), 2013); a line at 1:10 million is shorter, never longer
    assert 0.85 * 740 < length_km < 740
    west, _, east, _ = shapely.union_all(control.geometry).bounds
    assert west < 74
    assert east > 76.9
    views = set(lines[["seen_by_pk", "seen_by_in", "seen_by_cn"]].to_numpy().ravel())
    stated = {view for view in views if isinstance(view, str)}
    assert stated == {"international boundary", "internal boundary", "not recognised"}


def test_places_have_the_common_columns_and_unique_ids(places):
    assert list(places.columns[: len(COMMON)]) == COMMON
    assert list(places.columns) == RECORD["places.csv"]["columns"]
    assert len(places) == RECORD["places.csv"]["rows"]
    assert places.id.is_unique
    assert places.id.str.fullmatch("[a-z0-9]+(-[a-z0-9]+)*").all()
    assert set(places.kind) == {"city", "town", "village", "suburb"}
    assert set(places.country) == {"PK", "AF", "IR", "CN"}
    assert (places.country == "PK").sum() == 570
    assert places.lon.between(59, 78.5).all()
    assert places.lat.between(23.5, 41).all()
    assert (places.accuracy_km >= 1).all()
    assert set(places.licence) == {"CC-BY-4.0"}


def test_places_of_pakistan_lie_in_pakistan(layers, places):
    home = places[places.country == "PK"]
    points = gpd.GeoSeries(gpd.points_from_xy(home.lon, home.lat), crs=4326).to_crs(32642)
    pakistan = layers["provinces"].to_crs(32642).union_all()
    assert points.distance(pakistan).max() < 2000


def test_population_is_never_zero_and_gaps_are_explained(places):
    assert (places.population.dropna() > 0).all()
    empty = places[places.population.isna()]
    assert empty.note.str.contains("population:").all()
    assert empty.population_source.isna().all()
    assert places[places.population.notna()].population_source.notna().all()


def test_population_totals_are_plausible(places):
    people = places.set_index("id").population
    # 2023 census, city and cantonments
    for place, figure in {
        "karachi": 18_868_021,
        "lahore": 13_004_135,
        "faisalabad": 3_691_999,
        "rawalpindi": 3_357_612,
        "peshawar": 1_905_975,
        "quetta": 1_565_546,
    }.items():
        assert people[place] == figure
    assert people["karachi"] > people["lahore"] > people["faisalabad"]
    for place in ("bannu", "chilas", "dasu", "panjgur", "landi-kotal", "wana"):
        assert np.isnan(people[place])
    # the 2023 census counts 38.82 % of 241.49 million in towns (Pakistan Bureau of Statistics)
    total = places.population[places.country == "PK"].sum()
    assert 75e6 < total < 0.3882 * 241.49e6


def test_border_and_karakoram_towns_are_there(places):
    wanted = {
        "taftan",
        "chaman",
        "gwadar",
        "gilgit",
        "kashgar",
        "tashqorghan",  # its id; people write Tashkurgan
        "zahedan",
        "mirjaveh",
        "spin-boldak",
    }
    assert wanted <= set(places.id)


def test_urdu_names_are_in_urdu_letters(places):
    allowed = re.compile("[ءآأؤئابپتٹثجچحخدڈذرڑزژسشصضطظعغفقکگلمنںوہھیے ]+")
    named = places[places.name_ur.notna()]
    assert named.name_ur.map(lambda n: bool(allowed.fullmatch(n))).all()
    assert len(named[named.country == "PK"]) > 120
    assert set(named.id[named.country != "PK"]) == {
        "kandahar",
        "zahedan",
        "chabahar",
        "kabul",
        "kashgar",
    }
    known = places.set_index("id").name_ur
    for place, urdu in {
        "karachi": "کراچی",
        "lahore": "لاہور",
        "quetta": "کوئٹہ",
        "peshawar": "پشاور",
        "rohri": "روہڑی",
        "sukkur": "سکھر",
        "gwadar": "گوادر",
        "gilgit": "گلگت",
        "multan": "ملتان",
    }.items():
        assert known[place] == urdu


def test_chinese_names_are_simplified_and_keep_how_they_came(places):
    named = places[places.name_zh.notna()]
    assert named.name_zh.str.fullmatch("[\u4e00-\u9fff]{2,}").all()
    # GB 2312 is the set of simplified characters.
    assert all(name.encode("gb2312") for name in named.name_zh)
    changed = named[named.remark.str.contains("traditional", na=False)]
    assert len(changed) > 10
    for row in changed.itertuples():
        (given,) = re.findall(r"name_zh: (\S+) in the source", row.remark)
        assert given in row.aliases.split("; ")
        assert len(given) == len(row.name_zh)
        assert given != row.name_zh
    assert not named.name_zh.str.endswith(("县", "地区")).any()
    known = places.set_index("id").name_zh
    assert known["kashgar"] == "喀什"
    assert known["karachi"] == "卡拉奇"
    assert known["lahore"] == "拉合尔"
    assert (known["quetta"], known["sukkur"], known["multan"]) == ("奎达", "苏库尔", "木尔坦")


def test_elevation_grid_unpacks_to_the_recorded_content(elevation):
    grid, west, north, step = elevation
    assert grid.shape == (2100, 2220)
    assert (west, north, step) == (60.0, 40.5, 1 / 120)
    digest = hashlib.sha256(grid.astype("<i2").tobytes()).hexdigest()
    assert digest == RECORD["elevation.npz"]["content_sha256"]
    assert grid.max() == pytest.approx(8611, abs=350)  # K2 is in the crop
    assert grid[grid != -500].min() > 0


@pytest.mark.parametrize(
    ("lon", "lat", "metres", "within"),
    # published heights of airfields, and of the pass where a cell spans a slope
    [
        (74.4036, 31.5216, 217, 15),  # Lahore
        (71.4191, 30.2032, 123, 15),  # Multan
        (66.9378, 30.2514, 1605, 40),  # Quetta
        (72.8256, 33.5491, 537, 20),  # Islamabad
        (71.5146, 33.9939, 353, 30),  # Peshawar
        (74.3336, 35.9188, 1462, 30),  # Gilgit
        (75.5360, 35.3355, 2230, 30),  # Skardu
        (64.3998, 28.8783, 853, 20),  # Dalbandin
        (61.5954, 28.9642, 836, 20),  # Taftan
        (62.3295, 25.2333, 11, 20),  # Gwadar
        (76.0200, 39.5429, 1380, 20),  # Kashgar
        (67.1608, 24.9065, 30, 30),  # Karachi
        (75.4278, 36.8500, 4693, 200),  # Khunjerab Pass
    ],
)
def test_elevation_agrees_with_published_heights(elevation, lon, lat, metres, within):
    grid, west, north, step = elevation
    value = grid[int((north - lat) / step), int((lon - west) / step)]
    assert value == pytest.approx(metres, abs=within)


def test_elevation_marks_the_sea_and_only_the_sea(elevation, layers):
    grid, west, north, step = elevation
    assert grid[int((north - 24) / step), int((62 - west) / step)] == -500
    rows, columns = np.nonzero(grid == -500)
    assert north - rows.min() * step < 25.7  # no lake or depression further north
    sample = np.random.default_rng(7).choice(len(rows), 3000, replace=False)
    lon = west + (columns[sample] + 0.5) * step
    lat = north - (rows[sample] + 0.5) * step
    land = layers["countries"].union_all()
    shapely.prepare(land)
    on_land = shapely.contains_xy(land, lon, lat).mean()
    assert on_land < 0.01

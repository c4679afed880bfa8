"""A caller's corridors: checked and used like the bundled ones."""

import dataclasses

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import LineString, MultiLineString, Point

import cpecgeo as cg
from cpecgeo import errors
from cpecgeo.catalogue.lines import corridor_rows
from tests.effort import tries

own = cg.Corridor.from_line
LINE = LineString([(72.8, 33.7), (73.0, 33.9), (73.2, 34.1)])
# Their chainage is even between stops, so that sections and stops define all of it.
EVEN = ["ml1", "ml1-chord", "taxila-havelian", "ml4", "kkh", "kkh-china", "m2", "m5", "n10", "n25",
        "hazara", "n5", "mining-saindak"]  # fmt: skip
ROUGH = {"mining-saindak"}  # a share of another road's length isn't even along its own


def remade(corridor, **options):
    about = {key: getattr(corridor, key) for key in ("name", "title", "kind", "status")}
    return own(corridor.sections, stops=corridor.stops, **about, **options)


# Made from parts.


@pytest.mark.parametrize("name", EVEN)
def test_from_its_sections_and_stops_a_corridor_is_itself_again(name):
    one = cg.corridor(name)
    two = remade(one)
    assert two.length_km == pytest.approx(one.length_km, abs=1e-9)
    assert two.end_km == pytest.approx(one.end_km, abs=1e-9)
    assert two.accuracy_km == one.accuracy_km
    km = np.linspace(0, one.end_km, 300)
    off = cg.distance_km(two.at(km), one.at(km)).max()
    assert off < (1 if name in ROUGH else 1e-3)
    np.testing.assert_allclose(
        two.sections[["km_from", "km_to"]], one.sections[["km_from", "km_to"]]
    )
    assert two.stops["km"].tolist() == pytest.approx(one.stops["km"].tolist(), abs=1e-6)
    assert two.geometry == "own"


@pytest.mark.parametrize("name", sorted(corridor_rows()))
@pytest.mark.filterwarnings("ignore:The line meets itself:cpecgeo.errors.GeometryWarning")
def test_joined_from_its_sections_by_name_a_corridor_is_itself_to_the_last_digit(name):
    one = cg.corridor(name)
    two = cg.Corridor.join(list(one.sections["id"]), name=name, title=one.title, kind=one.kind)
    assert two.line.equals_exact(one.line, 0)
    np.testing.assert_array_equal(two.chainage.measures_km, one.chainage.measures_km)
    assert two.status == one.status
    pd.testing.assert_frame_equal(pd.DataFrame(two.sections), pd.DataFrame(one.sections))
    assert dict(zip(two.stops["name"], two.stops["km"], strict=True)) == pytest.approx(
        dict(zip(one.stops["name"], one.stops["km"], strict=True))
    )


@pytest.mark.parametrize("name", ["taxila-havelian", "m8"])
def test_the_report_of_a_joined_corridor_is_that_of_the_bundled_one(name):
    one = cg.corridor(name)
    two = cg.Corridor.join(list(one.sections["id"]), name=name, title=one.title)
    kept = {k: getattr(one, k) for k in ("official_km", "official_note", "competing", "sources")}
    reports = [
        cg.report(x, draw=False).to_markdown() for x in (one, dataclasses.replace(two, **kept))
    ]
    assert reports[0] == reports[1]


def test_corridors_join_in_either_direction_and_keep_their_own_tables():
    down = cg.corridor("ml1-chord")
    spur = cg.corridor("taxila-havelian")
    # Taxila lies on the main line: between Peshawar and it, then up the spur.
    main = own(down.between(spur_start(down), down.end_km), name="main", kind="rail")
    way = cg.Corridor.join([main, spur], name="peshawar-havelian")
    assert way.end_km == pytest.approx(main.end_km + spur.end_km)
    # The first part is turned: the line begins in Peshawar.
    assert way.line.coords[0] == main.line.coords[-1]
    assert way.km_of("Havelian") == pytest.approx(main.end_km + spur.km_of("Havelian"))
    assert way.sections["km_to"].is_monotonic_increasing
    assert way.sections["drawn_km"].sum() == pytest.approx(way.length_km, abs=0.5)
    assert (way.legs["km_from"].to_numpy()[1:] == way.legs["km_to"].to_numpy()[:-1]).all()
    back = cg.Corridor.join([spur, main], name="havelian-peshawar")
    assert back.km_of("Havelian") == pytest.approx(way.end_km - way.km_of("Havelian"))
    # The line doesn't meet itself, so each stop lies at its km.
    at = back.locate(back.stops[back.stops.geometry.notna()])
    on = at["offset_km"] < 1e-6
    assert at.loc[on, "km"].to_numpy() == pytest.approx(
        back.stops.loc[at.index[on], "km"].to_numpy(), abs=1e-6
    )


def spur_start(main):
    return float(main.locate(Point(cg.corridor("taxila-havelian").line.coords[0]))["km"].iloc[0])


def test_parts_that_do_not_meet_are_named():
    with pytest.raises(
        errors.GeometryError, match=r"Raikot.*follow one another and are [\d,.]+ km"
    ):
        cg.Corridor.join(["khunjerab-raikot", "thakot-havelian"], name="gap")
    with pytest.raises(errors.UnknownNameError, match="raikot-thakot"):
        cg.Corridor.join(["raikot-thakott"], name="x")
    with pytest.raises(errors.InputError, match="in a list"):
        cg.Corridor.join("kkh", name="x")
    with pytest.raises(errors.InputError, match="twice"):
        cg.Corridor.join(["taxila-havelian", "taxila-havelian"], name="x")


# A line.


def test_a_bare_line_is_drawn_length_from_0_and_says_what_nobody_knows():
    road = own(LINE, name="road")
    assert road.end_km == pytest.approx(cg.length_km(LINE), abs=1e-9)
    assert road.length_km == pytest.approx(cg.length_km(LINE), abs=1e-9)
    assert (road.title, road.kind, road.status) == ("road", "road", "planned")
    assert np.isnan(road.official_km)
    assert np.isnan(road.accuracy_km)
    assert "not stated" in road._repr_html_()
    assert "isn't stated anywhere" in cg.report(road, draw=False).to_markdown()
    assert len(road.stops) == 0
    assert cg.nearest(Point(72.9, 33.9), road).attrs["own"] == ["road"]


def test_a_length_is_shared_out_along_the_line_and_is_the_published_one():
    road = own(LINE, name="road", km=80)
    assert (road.official_km, road.official_note, road.end_km) == (80.0, "as given", 80.0)
    half = own(LINE, name="road").end_km / 2
    assert road.at(40).equals_exact(own(LINE, name="road").at(half), 1e-9)


@tries(15)
@given(
    shares=st.lists(st.floats(0.05, 1), min_size=3, max_size=6),
    km=st.lists(st.floats(0.1, 50), min_size=3, max_size=6),
)
def test_km_at_stops_are_kept_and_even_between(shares, km):
    n = min(len(shares), len(km))
    bare = own(LINE, name="bare")
    at = np.cumsum(shares[:n]) / (sum(shares[:n]) + 0.1) * bare.end_km
    posts = np.cumsum(km[:n])
    stops = {f"s{i}": bare.at(x) for i, x in enumerate(at)}
    road = own(LINE, name="road", stops=stops, km=posts.tolist())
    assert [road.km_of(name) for name in stops] == pytest.approx(posts)
    assert road.locate(gpd.GeoSeries(list(stops.values()), crs=4326))[
        "km"
    ].tolist() == pytest.approx(posts.tolist(), abs=1e-6)
    # A vertex at each stop changes the line by a millimetre at most.
    assert road.length_km == pytest.approx(bare.length_km, abs=1e-6)
    middle = road.at((posts[0] + posts[1]) / 2)
    assert bare.locate(middle)["km"].iloc[0] == pytest.approx((at[0] + at[1]) / 2, abs=1e-5)
    # Beyond the last stop a kilometre is a kilometre.
    assert road.end_km - posts[-1] == pytest.approx(bare.end_km - at[-1], abs=1e-6)


MINE = LineString([(62.11, 29.14), (62.75, 28.82), (62.93, 27.92), (64.09, 26.97), (63.05, 26.0)])
TOWNS = ["Reko Diq", "Nok Kundi", "Panjgur", "Turbat"]


@pytest.mark.parametrize("known", [{"Panjgur"}, {"Nok Kundi", "Turbat"}, {"Turbat"}, set(TOWNS)])
def test_any_of_the_stops_may_have_km(known):
    km = {t: k for t, k in zip(TOWNS, [0, 75, 330, 480], strict=True) if t in known}
    bare = own(MINE, name="bare", stops=TOWNS, accuracy_km=20)
    road = own(MINE, name="road", stops=TOWNS, km=km, accuracy_km=20)
    assert road.stops["name"].tolist() == TOWNS
    assert {t: road.km_of(t) for t in known} == pytest.approx(km)
    drawn, at = bare.stops["km"].to_numpy(), road.stops["km"].to_numpy()
    fixed = sorted({0.0: 0.0, **{bare.km_of(t): k for t, k in km.items()}}.items())
    (s0, m0), (s1, m1) = fixed[-2:]
    between = (drawn >= s0) & (drawn <= s1)
    assert at[between] == pytest.approx(m0 + (drawn[between] - s0) / (s1 - s0) * (m1 - m0))
    # A name that only `km` has becomes a stop, in any order.
    alone = own(MINE, name="alone", km=dict(reversed(km.items())), accuracy_km=20)
    assert {t: alone.km_of(t) for t in known} == pytest.approx(km)
    assert alone.stops["name"].tolist() == [t for t in TOWNS if t in known]


def test_swapped_lines_of_a_file_are_refused_wherever_lines_are_taken(tmp_path):
    path = tmp_path / "sw.geojson"
    gpd.GeoSeries([shapely.transform(MINE, lambda xy: xy[:, ::-1])], crs=4326).to_file(path)
    for verb in (
        lambda: cg.nearest("Quetta", path),
        lambda: cg.within("mines", path, 25),
        lambda: cg.rings(path, 25),
        lambda: cg.exposure(path, 25),
        lambda: cg.report(f"corridor:{path}"),
        lambda: own(path, name="sw"),
    ):
        with pytest.raises(errors.CoordinateError, match="with lon and lat swapped"):
            verb()


def test_an_own_line_under_a_bundled_name_stays_beside_it():
    mine, turned = own(MINE, name="ml1"), own(MINE.reverse(), name="ml1")
    near = cg.nearest("Quetta", [mine, "ml1", turned, "Main Line 1", mine], k=3, sections=True)
    each = {c: cg.nearest("Quetta", c).iloc[0] for c in ("ml1", mine, turned)}
    near = near.set_index("target")
    assert set(near.index) == {"ml1", "ml1 (2)", "ml1 (3)"}
    for label, one in zip(("ml1", "ml1 (2)", "ml1 (3)"), each.values(), strict=True):
        assert near.loc[label, "distance_km"] == pytest.approx(one["distance_km"])
        assert near.loc[label, "km"] == pytest.approx(one["km"])
    assert near.loc["ml1", "section"] == "ml1-kiamari-lodhran"
    assert near.loc["ml1 (2)", "section"] == "ml1"
    assert near.attrs["own"] == ["ml1 (2)", "ml1 (3)"]


def test_stops_are_places_by_name_with_what_is_known_of_them():
    line = LineString([(66.96, 30.19), (66.62, 29.5), (66.63, 28.7), (66.62, 27.81)])
    road = own(line, name="own", stops=["Quetta", "Khuzdar"], km={"Quetta": 0, "Khuzdar": 300})
    quetta, khuzdar = road.stops.to_dict("records")
    assert quetta["id"] == cg.place("Quetta").id
    assert khuzdar["source"] == cg.place("Khuzdar").source
    assert road.km_of("khuzdar") == 300
    assert cg.length_km(road.between("Quetta", "Khuzdar")) == pytest.approx(road.length_km, abs=3)


def test_sections_keep_what_their_table_says():
    parts = gpd.GeoDataFrame(
        {
            "name": ["upper", "lower"],
            "status": ["operating", None],
            "opened": ["2019", None],
            "official_km": [40.0, 50.0],
            "lanes": [4, 2],
        },
        geometry=[
            LineString([(73.0, 33.9), (72.8, 33.7)]),  # against the way
            LineString([(73.0, 33.9), (73.2, 34.1)]),
        ],
        crs=4326,
    ).to_crs(32643)
    road = own(parts, name="two", title="Two roads", sources="a survey")
    assert road.sections["status"].tolist() == ["operating", "planned"]
    assert road.sections["km_from"].tolist() == pytest.approx([0, 40])
    assert road.official_km == road.end_km == pytest.approx(90)
    assert road.sections["lanes"].tolist() == [4, 2]
    assert road.sections["id"].tolist() == ["two-1", "two-2"]
    assert road.sources == ("a survey",)
    assert road.at(0).distance(Point(72.8, 33.7)) < 1e-6
    assert [g.coords[0] for g in road.sections.geometry][1] == pytest.approx((73.0, 33.9), abs=1e-6)


@pytest.mark.parametrize(("off_km", "km"), [(0.005, 60.0), (0.015, 50.0)])
def test_a_stop_changes_measures_that_are_given_only_where_it_is_on_the_line(off_km, km):
    """10 m is the limit: a stop farther off lies beside the line and doesn't change its measures."""
    line = LineString([(67.0, 25.0), (67.0, 26.0)])
    parts = gpd.GeoDataFrame(
        {"name": ["a"], "km_from": [0.0], "km_to": [100.0]}, geometry=[line], crs=4326
    )
    aside = 67.0 + off_km / 100.9  # km of a degree of longitude there
    road = own(parts, name="r", stops={"post": (aside, 25.5)}, km={"post": 60.0})
    found = road.locate(gpd.GeoSeries([Point(67.0, 25.5)], crs=4326))
    assert found["km"].iloc[0] == pytest.approx(km, abs=0.01)
    assert road.stops["km"].tolist() == [60.0]


def measured(*spans):
    """Two sections of about 101 km each, with the given km."""
    shapes = [LineString([(67, 25), (68, 25)]), LineString([(68, 25), (69, 25)])]
    km = pd.DataFrame(spans, columns=["km_from", "km_to"])
    return gpd.GeoDataFrame(km.assign(name=["A", "B"]), geometry=shapes, crs=4326)


def test_the_chainage_of_sections_is_kept():
    road = own(measured((0, 90.5), (90.5, 210.0)), name="r")
    assert road.sections[["km_from", "km_to"]].to_numpy().tolist() == [[0, 90.5], [90.5, 210]]
    assert road.end_km == 210
    text = own(measured(("0", "90.5"), ("90.5", "210")), name="r")
    assert text.end_km == 210
    rounded = own(measured((0, 90.5), (90.5004, 210.0)), name="r")
    assert rounded.end_km == pytest.approx(210, abs=1e-3)


@pytest.mark.parametrize(
    ("spans", "words"),
    [
        (
            ((0, 100), (150, 250)),
            "'B' has km_from 150 .*'A' ends at km 100, and the next must begin",
        ),
        (((50, 150), (150, 250)), "'A' has km_from 50 and km_to 150, but the line begins at km 0"),
        (((0, 100), (90, 190)), "'B' has km_from 90 and km_to 190, but 'A' ends at km 100"),
        (((200, 100), (100, 0)), "'A' has km_from 200 and km_to 100, but km must rise .* turn"),
        (((0, 100), (100, "far")), "km_to has what is no number"),
    ],
)
def test_a_chainage_of_sections_that_contradicts_itself_is_refused(spans, words):
    with pytest.raises(errors.InputError, match=words):
        own(measured(*spans), name="r")


@pytest.mark.parametrize("line", [cg.corridor("m4"), ["m4", "m5"], [LINE, cg.corridor("m4")]])
def test_corridors_are_joined_not_drawn_again(line):
    """Their status, figures and stops would be lost."""
    with pytest.raises(errors.InputTypeError, match=r"'m4'; .* Corridor\.join\(\['m4', corridor"):
        own(line, name="n")
    rows = gpd.GeoDataFrame({"chainage": [0.0]}, geometry=[LINE], crs=4326)
    assert own(rows, name="n").sections["chainage"].tolist() == [0.0]  # a column of that name
    kept = cg.Corridor.join([cg.corridor("m4")], name="n")
    assert (kept.status, len(kept.stops)) == ("operating", len(cg.corridor("m4").stops))


@pytest.mark.parametrize(
    "opened", [2019, "2019", "2019-11", "2019-11-05", pd.Timestamp(2019, 11, 5)]
)
def test_a_year_or_date_of_opening_is_kept(opened):
    text = "2019-11-05" if isinstance(opened, pd.Timestamp) else str(opened)
    assert own(LINE, name="n", opened=opened).sections["opened"].tolist() == [text]
    rows = gpd.GeoDataFrame({"opened": [opened]}, geometry=[LINE], crs=4326)
    assert own(rows, name="n").sections["opened"].tolist() == [text]


@pytest.mark.parametrize(
    "opened", ["abc", "", 19, True, 2019.5, "2019-13", "2019-02-30", "5.11.2019"]
)
def test_other_words_for_opened_are_refused(opened):
    with pytest.raises(
        errors.InputError, match="opened is .*; give a year or an ISO date, such as"
    ):
        own(LINE, name="n", opened=opened)
    rows = gpd.GeoDataFrame({"opened": [opened]}, geometry=[LINE], crs=4326)
    with pytest.raises(errors.InputError, match="opened is"):
        own(rows, name="n")


def test_a_multi_part_line_is_a_section_per_part_in_order():
    road = own(MultiLineString([LINE.coords[:2], LINE.coords[1:]]), name="r", title="Road")
    assert road.sections["name"].tolist() == ["Road, part 1", "Road, part 2"]
    assert road.end_km == pytest.approx(cg.length_km(LINE))


def test_a_route_becomes_a_corridor():
    way = cg.route("Raikot Bridge", "Thakot", mode="road")
    road = own(way, name="way", km=way.chainage_km)
    assert road.length_km == pytest.approx(way.length_km)
    assert road.end_km == pytest.approx(way.chainage_km)


# Refused input, with advice.

BAD = {
    "crosses itself": (
        {"line": LineString([(70, 30), (70.2, 30), (70.2, 30.2), (70, 30.2), (70.1, 29.9)])},
        errors.GeometryError,
        r"crosses or touches itself at \(70\.0\d+, 30\.0",
    ),
    "turns back": (
        {"line": LineString([(70, 30), (70.2, 30), (70.1, 30), (70.1, 30.2)])},
        errors.GeometryError,
        r"turns back on itself at \(70\.20000, 30\.00000\)",
    ),
    "gap": (
        {"line": MultiLineString([[(70, 30), (70.2, 30)], [(70.3, 30), (70.4, 30)]])},
        errors.GeometryError,
        r"part 1' and .*part 2' follow one another and are 9\.65 km apart",
    ),
    "gap between the last of three": (
        {
            "line": gpd.GeoSeries(
                [
                    LineString([(70, 30), (70.2, 30)]),
                    MultiLineString([[(70.2, 30), (70.3, 30)], [(70.3, 30), (70.4, 30)]]),
                    MultiLineString(
                        [
                            [(70.4, 30), (70.5, 30)],
                            [(70.5, 30), (70.6, 30)],
                            [(70.7, 30), (70.8, 30)],
                        ]
                    ),
                ],
                index=["A", "B", "C"],
                crs=4326,
            )
        },
        errors.GeometryError,
        r"'C, stretch 2' and 'C, stretch 3' follow one another and are 9\.65 km apart",
    ),
    "an id twice": (
        {
            "line": gpd.GeoDataFrame(
                {"id": ["a", "b", "b"]},
                geometry=[LineString([(70 + i / 10, 30), (70.1 + i / 10, 30)]) for i in range(3)],
                crs=4326,
            )
        },
        errors.InputError,
        "line has id 'b' twice",
    ),
    "a stop without a position": (
        {
            "stops": gpd.GeoDataFrame(
                {"name": ["a", "b", "c"], "km": [0.0, None, None]},
                geometry=[Point(72.8, 33.7), None, None],
                crs=4326,
            )
        },
        errors.InputError,
        "Stop 'b' has neither a position nor km",
    ),
    "km fall from a stop to a section": (
        {
            "line": gpd.GeoDataFrame(
                {"km_from": [0.0, 30.0], "km_to": [30.0, 60.0]},
                geometry=[LineString(LINE.coords[:2]), LineString(LINE.coords[1:])],
                crs=4326,
            ),
            "stops": {"a": cg.geodesy.Chainage(LINE).at(5.0).coords[0]},
            "km": [40],
        },
        errors.InputError,
        "km fall from 40 to 30 along the line; they must rise from stop to stop",
    ),
    "no length": (
        {"line": LineString([(70, 30), (70, 30)])},
        errors.GeometryError,
        "no length|invalid",
    ),
    "points": ({"line": Point(70, 30)}, errors.GeometryError, "LineString"),
    "far stop": (
        {"stops": {"Gwadar": (62.3, 25.1)}},
        errors.InputError,
        r"Gwadar.*km off the line",
    ),
    "order of stops": (
        {"stops": {"b": (73.2, 34.1), "a": (72.8, 33.7)}},
        errors.InputError,
        "'a' follows 'b' and lies before it",
    ),
    "km fall": (
        {"stops": {"a": (72.9, 33.8), "b": (73.1, 34.0)}, "km": [40, 30]},
        errors.InputError,
        r"km fall from 40 at 'a' to 30 at 'b', 2\d\.\d km further along",
    ),
    "km not from 0": (
        {"stops": {"a": (72.8, 33.7)}, "km": [12]},
        errors.InputError,
        "km count from the start",
    ),
    "order of stops, some with km": (
        {"stops": {"b": (73.2, 34.1), "a": (72.8, 33.7)}, "km": {"b": 60}},
        errors.InputError,
        "'a' follows 'b' and lies before it",
    ),
    "swapped": (
        {"line": LineString([(29.14, 62.11), (28.8, 62.7)])},
        errors.CoordinateError,
        r"line starts at \(29\.14, 62\.11\), and all of it would lie .* lon and lat swapped",
    ),
    "km of no stop": ({"stops": {"a": (72.8, 33.7)}, "km": {"z": 1}}, errors.InputError, "'z'"),
    "too few km": (
        {"stops": {"a": (72.8, 33.7)}, "km": [1, 2]},
        errors.InputError,
        "each of the 1 st",
    ),
    "stop of a number": ({"stops": [5]}, errors.InputTypeError, "names of places"),
    "status": ({"status": "open"}, errors.InputError, "operating, under_construction"),
    "kind": ({"kind": "raod"}, errors.InputError, "kind is 'raod'; it is road, rail or mining"),
    "accuracy": ({"accuracy_km": -1}, errors.InputError, "accuracy_km"),
    "length": ({"km": -5}, errors.InputError, "km"),
    "name": ({"name": " "}, errors.InputError, "id of its own"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_said(case):
    options, kind, words = BAD[case]
    with pytest.raises(kind, match=words):
        own(**{"line": LINE, "name": "own", **options})


def test_a_line_that_meets_itself_between_sections_is_told():
    there, back = (
        LineString([(70, 30), (70.2, 30)]),
        LineString([(70.2, 30), (70, 30.0), (70, 30.2)]),
    )
    with pytest.warns(errors.GeometryWarning, match="first of their km"):
        road = own(gpd.GeoSeries([there, back], crs=4326), name="spur")
    assert road.locate(Point(70.1, 30))["km"].iloc[0] < 10


# Files, and all verbs that take a corridor.


def test_what_is_exported_comes_back(tmp_path):
    one = cg.corridor("taxila-havelian")
    cg.write(one.sections, tmp_path / "mine.geojson")
    two = own(
        tmp_path / "mine.geojson", name="mine", stops=one.stops, kind="rail", status="operating"
    )
    assert two.end_km == pytest.approx(one.end_km, abs=1e-6)
    km = np.linspace(0, one.end_km, 50)
    assert cg.distance_km(two.at(km), one.at(km)).max() < 1e-3


def test_a_geopackage_of_everything_comes_back_with_its_stops(tmp_path):
    from cpecgeo.files.writing import write_layers

    one = own(LINE, name="own", stops={"a": (72.8, 33.7), "b": (73.1, 34.0)}, km=[0, 55])
    posts = one.km_posts(10)
    write_layers(
        {"sections": one.sections, "stops": one.stops, "posts": posts}, tmp_path / "own.gpkg"
    )
    two = own(tmp_path / "own.gpkg", name="own")
    assert two.km_of("b") == 55
    assert two.end_km == pytest.approx(one.end_km, abs=1e-9)
    assert two.sections["basis"].tolist() == ["given"]


def test_a_geopackage_of_sections_is_read_as_its_caller_states(tmp_path):
    from cpecgeo.features.lookup import lines_of_file
    from cpecgeo.files.displacement import undo_shift
    from cpecgeo.files.formats import Choice
    from cpecgeo.files.writing import write_layers

    ends = {"Tashkurgan": (75.22, 37.77), "Yarkand": (77.24, 38.41)}
    path = tmp_path / "own.gpkg"
    one = own(LineString(ends.values()), name="own", stops=ends, km=[0, 300])
    write_layers({"sections": one.sections, "stops": one.stops, "posts": one.km_posts(50)}, path)
    (plain,) = lines_of_file(str(path))
    (shifted,) = lines_of_file(str(path), Choice(crs="GCJ-02"))
    assert list(plain.line.coords) == [*ends.values()]
    true = undo_shift(np.array([*ends.values()]), "GCJ-02")
    assert shapely.get_coordinates(shifted.line) == pytest.approx(true, abs=1e-12)
    assert shifted.end_km == 300
    assert shifted.km_of("Yarkand") == 300
    (bare,) = lines_of_file(str(path), Choice(layer="sections"))
    assert bare.stops["name"].tolist() == []
    with pytest.raises(errors.CRSError, match="another"):
        lines_of_file(str(path), Choice(crs="EPSG:32642"))
    with pytest.raises(errors.InputError, match="no layer 'lines'"):
        lines_of_file(str(path), Choice(layer="lines"))


def test_points_with_a_name_in_a_file_are_its_stops(tmp_path):
    rows = gpd.GeoDataFrame({"name": ["line", "Mid"]}, geometry=[LINE, Point(73.0, 33.9)], crs=4326)
    cg.write(rows, tmp_path / "mine.geojson")
    road = own(tmp_path / "mine.geojson", name="mine")
    assert road.stops["name"].tolist() == ["Mid"]
    assert road.km_of("Mid") == pytest.approx(cg.length_km(LineString(LINE.coords[:2])))


def test_the_lines_of_a_file_are_one_corridor_where_one_is_needed(tmp_path):
    path = tmp_path / "mine.geojson"
    cg.write(gpd.GeoSeries([LINE], crs=4326).to_frame("geometry"), path)
    points = gpd.GeoSeries([Point(72.9, 33.9)], crs=4326)
    road = own(path, name="mine")
    for given_as in (path, str(path), f"corridor:{path}"):
        pd.testing.assert_frame_equal(cg.locate(points, given_as), cg.locate(points, road))
    near = cg.nearest(points, f"corridor:{path}")
    assert near["target"].tolist() == ["mine"]
    assert near["km"].iloc[0] == cg.locate(points, road)["km"].iloc[0]
    assert cg.density_along(str(path), "places", bin_km=50)["events"].sum() > 0


def test_every_verb_and_page_takes_it():
    road = own(
        LINE,
        name="own",
        title="<b>Own</b>",
        stops={"a": (72.8, 33.7), "b": (73.2, 34.1)},
        kind="rail",
    )
    assert cg.density_along(road, "places", by="section")["section"].tolist() == ["own"]
    assert road.profile(5)["elevation_m"].notna().all()
    assert not road.profile(5)["is_ground"].all()
    assert cg.rail.strip(road).stops["name"].tolist() == ["a", "b"]
    times = cg.rail.running_times(
        road, stops=["a", "b"], now_kmh=(60, 60), upgraded_kmh=120, freight_kmh=60
    )
    assert times["freight_hours"].sum() == pytest.approx(road.end_km / 60)
    page = cg.report(road).to_html()
    assert "<b>Own</b>" not in page
    assert road.crossed()["km_out"].iloc[-1] == pytest.approx(road.end_km, abs=0.01)
    assert "own" in road.explore().html()


def test_km_that_are_no_length_are_shown_in_part():
    """A message stays readable, however long the input is."""
    with pytest.raises(errors.InputError, match="the km at each of the 1 stops") as caught:
        own(LINE, name="x", stops={"a": LINE.coords[0]}, km="7" * 500)
    assert str(caught.value).count("7") == 60


@pytest.mark.parametrize(("km", "is_start"), [(0.0009, True), (-0.0009, True), (0.0011, False)])
def test_km_at_the_start_are_0_up_to_a_metre(km, is_start):
    ends = gpd.GeoDataFrame(
        {"name": ["A", "B"], "km": [km, 80.0]},
        geometry=[Point(LINE.coords[0]), Point(LINE.coords[-1])],
        crs=4326,
    )
    if is_start:
        road = own(LINE, name="road", stops=ends)
        assert road.chainage.measures_km[[0, -1]].tolist() == pytest.approx([0, 80], abs=1e-3)
    else:
        with pytest.raises(errors.InputError, match="stands at the start of the line, km 0;"):
            own(LINE, name="road", stops=ends)


def test_stops_without_a_name_are_refused():
    line = LineString([(67, 25), (68, 25)])
    for stops in ([(67.5, 25.0)], [Point(67.5, 25)], {"Mine": "nowhere"}, {"Mine": 5}):
        with pytest.raises(cg.errors.CpecgeoError, match="names of places|No place named"):
            cg.Corridor.from_line(line, name="x", stops=stops)

"""Rules of reports, each on either side of its bound."""

from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import cpecgeo as cg
from cpecgeo.analysis.measure import span_text
from cpecgeo.maps.words import find_words
from cpecgeo.reports import corridors, nearby, render, sites
from cpecgeo.reports.document import Part
from cpecgeo.reports.nearby import list_corridors

EN = find_words("en")


@pytest.mark.parametrize(
    ("lang", "low", "high", "told"),
    [
        ("en", 900_000, 999_999, "900,000 to 1,000,000"),
        ("en", 900_000, 1_000_000, "0.9 to 1.0 million"),
        ("en", 999_999, 9_940_000, "1 to 9.9 million"),
        ("en", 1_040_000, 10_400_000, "1.0 to 10 million"),
        ("zh", 1_200, 9_999, "1,200 至 9,999"),
        ("zh", 1_200, 10_000, "0.12 至 1万"),
    ],
)
def test_a_range_changes_its_unit_at_a_million_or_at_ten_thousand(lang, low, high, told):
    assert nearby.tell_range(low, high, find_words(lang)) == told


@pytest.mark.parametrize(
    ("low", "high", "is_wide"),
    [(80, 120, False), (79.9, 100, True), (100, 120.1, True), (100, 100, False), (120, 130, True)],
)
def test_a_range_is_wide_from_a_fifth_on(low, high, is_wide):
    assert nearby._is_wide(nearby.People(1, 100.0, low, high)) is is_wide


@pytest.mark.parametrize(
    ("towns", "drawn", "told"),
    [(0, 0.0, "0"), (1, 0.0, "an unknown number of"), (2, 1_234.0, "1,234")],
)
def test_people_of_whom_nothing_is_known_are_not_0(towns, drawn, told):
    assert nearby.People(towns, drawn, drawn, drawn).tell(EN) == told


@pytest.mark.parametrize(
    ("published", "grid", "apart"),
    [(1000, 1100, ""), (1000, 1101, "101"), (1101, 1000, "101"), (np.nan, 1000, "")],
)
def test_heights_a_hundred_metres_apart_are_explained(published, grid, apart):
    sheet = SimpleNamespace(elevation_m=published, ground_m=grid, accuracy_km=2.0)
    told = " ".join(sites._heights(sheet, EN))
    assert (f"are {apart} m apart" in told) if apart else not told


@pytest.mark.parametrize(
    ("km", "reach", "told"),
    [
        # The larger end is at least twice the smaller one.
        (9.0, 3.0, "span"),
        (9.0, 3.1, "some 9.0 km (span)"),
        (10.0, 4.0, "some 10 km (span)"),
        (9.96, 4.0, "some 10.0 km (span)"),
        (5.0, 9.0, "some 5.0 km (span)"),
        (5.0, 0.0, "span"),
    ],
)
def test_a_middle_is_told_where_the_ends_are_far_from_each_other(km, reach, told):
    assert sites._tell_about(km, "span", reach, EN) == told


@pytest.mark.parametrize(
    ("end_km", "every"),
    [
        (25, 1), (25.1, 5), (125, 5), (125.1, 10), (250, 10), (250.1, 25), (625, 25), (626, 50),
        (1250, 50), (1251, 100), (2500, 100), (2501, 250), (6250, 250), (6251, 1000),
    ],
)  # fmt: skip
def test_a_table_has_no_more_than_26_posts(end_km, every):
    def posts(each):
        km = np.arange(0, end_km, each, dtype=float)
        return gpd.GeoDataFrame({"km": km}, geometry=gpd.points_from_xy(0 * km, 0 * km), crs=4326)

    zones = pd.DataFrame({"km_in": [0.0, 7.0], "km_out": [7.0, end_km], "name": ["A", "B"]})
    found = corridors._posts(SimpleNamespace(end_km=end_km, km_posts=posts), zones)
    assert found["post_km"].iloc[1] == every
    assert len(found) <= 26
    # On the boundary of two districts, the first is named.
    assert found["district"].tolist() == ["A" if km <= 7 else "B" for km in found["post_km"]]


@pytest.mark.parametrize(
    ("part", "told"),
    [
        (100.0, None),
        (99.6, None),
        (99.5, "those of 100 of 100 km"),
        (0.5, "those of 0 of 100 km"),
        (0.4, "aren't stated"),
    ],
)
def test_climb_is_told_to_be_of_a_part(part, told):
    thing = SimpleNamespace(chainage=SimpleNamespace(start_km=10.0, end_km=110.0))
    said = corridors._tell_climb(thing, pd.DataFrame({"climb_km": [part]}), EN)
    assert (said == ()) if told is None else (told in said[0])


@pytest.mark.parametrize(("outside", "is_told"), [(0.99, False), (1.0, True)])
def test_km_outside_all_districts_are_told_from_one_on(outside, is_told):
    found = cg.crossed("m9", "districts")
    found.attrs["outside_km"] = outside
    text = " ".join(corridors._districts(found, EN).text)
    assert ("1 km lie outside every district" in text) is is_told


@pytest.mark.parametrize(
    ("value", "em"),
    [(0.0, "0.00"), (0.5, "4.00"), (1.0, "8.00"), (1.5, "8.00"), (-0.5, "0.00"), (0.125, "1.00")],
)
def test_a_bar_is_8_letters_long_for_all(value, em):
    assert f"width:{em}em" in render._bar(value)
    assert render._bar(float("nan")) == render._bar("a") == ""


@pytest.mark.parametrize(("letters", "shown"), [(48, "z" * 48), (49, "z" * 47 + "…")])
def test_an_address_is_shown_by_up_to_48_letters(letters, shown):
    address = f"https://www.{'z' * letters}/"
    text = str(render.link(f"<a> {address} & b"))
    assert text.startswith("&lt;a&gt; <a href=")
    assert f'href="{address}"' in text
    assert f">{shown}</a>" in text
    assert text.endswith(" &amp; b")
    two = str(render.link("see http://a.pk/b and https://c.cn"))
    assert two.count("<a ") == 2
    assert ">a.pk/b</a> and <a" in two


@pytest.mark.parametrize(
    ("km", "told"), [(0.44, "0.4 km"), (0.5, "0 km"), (0.6, "1 km"), (1234.4, "1,234 km")]
)
def test_km_in_an_area_have_a_decimal_below_a_half(km, told):
    found = pd.DataFrame({"title": ["The road"], "length_km": [km]})
    said = nearby.lead_area(found, "here", pd.DataFrame({"population": []}), EN)
    assert said.startswith(f"Through here run: The road ({told}).")
    assert "No town of the gazetteer lies in here." in said


def test_one_corridor_in_an_area_adds_up():
    one, two = (
        nearby.list_inside(pd.DataFrame({"geometry": [0] * n, "target": "x", "km": 1.0}), EN)
        for n in (1, 2)
    )
    assert one.text == ()
    assert "don't add up" in two.text[0]


def sections(**columns):
    rows = pd.DataFrame({"km_from": 0.0, "km_to": 1.0, "drawn_km": 1.0, "geometry": 0} | columns)
    rows["km_to"] = rows["km"].cumsum()
    rows["km_from"] = rows["km_to"] - rows["km"]
    return rows.assign(drawn_km=rows["km"] * 0.9)


def test_shares_by_status_are_of_the_chainage_and_open_km_of_building_sites():
    rows = sections(
        km=[60.0, 30.0, 10.0],
        status=["operating", "under_construction", "operating"],
        is_open=[True, True, True],
    )
    thing = SimpleNamespace(sections=rows, official_km=100.0)
    sums = corridors.sum_by_status(thing)
    assert sums["status"].tolist() == ["operating", "under_construction"]
    assert sums["chainage_km"].tolist() == pytest.approx([70, 30])
    assert sums["drawn_km"].tolist() == pytest.approx([63, 27])
    assert sums["share"].tolist() == pytest.approx([0.7, 0.3])
    assert corridors._sum_open(thing) == pytest.approx(30)
    shown = corridors.show_status(thing, sums)
    assert list(shown.columns) == ["status", "leg_km", "drawn_km", "share"]
    assert len(corridors.show_status(thing, sums.head(1))) == 0
    own = corridors.show_status(SimpleNamespace(official_km=np.nan), sums.assign(drawn_km=[9, 1]))
    assert own["share"].tolist() == pytest.approx([0.9, 0.1])


def test_things_that_meet_are_0_km_apart_and_others_as_far_as_they_are():
    two = cg.report("m9", "kkh", draw=False)
    three = cg.report("m9", "kkh", "Gwadar Port", draw=False)
    parts = [next(p for p in made.parts if p.key == "apart") for made in (two, three)]
    km = cg.distance_matrix_km(["m9", "kkh", "Gwadar Port"], ["m9", "kkh", "Gwadar Port"])
    np.testing.assert_allclose(
        parts[1].table.drop(columns="id").to_numpy(float), km.to_numpy(), atol=1e-6
    )
    assert parts[0].text == ()
    assert parts[1].text == ("0 km where they meet.",)
    # For two things, one sentence is enough.
    assert (parts[0].shown is None, len(parts[1].shown)) == (True, 3)


def test_a_corridor_that_is_drawn_nearer_and_known_roughly_is_told_after_the_best():
    """The rough one may be up to 30 km off, the other is surely within 6."""
    near = pd.DataFrame(
        {
            "title": ["The rough road", "The good road", "The far road"],
            "distance_km": [2.0, 5.0, 9.0],
            "low_km": [0.0, 4.0, 8.0],
            "high_km": [30.0, 6.0, 10.0],
        }
    )
    view = near[["title"]].assign(away=["2 km", "5 km", "9 km"])
    spot = shapely.Point(67, 25)
    said = nearby.lead_corridor(Part("corridors", "", (), near, view=view), spot, EN)
    span = span_text(2.0, 0.0, 30.0, say=EN)
    assert said == [
        "The good road is the nearest corridor, 5 km away.",
        f"The rough road is drawn nearer, but where it runs is known only roughly ({span}).",
    ]
    alone = near.tail(2).reset_index(drop=True)
    part = Part("corridors", "", (), alone, view=view.tail(2).reset_index(drop=True))
    assert nearby.lead_corridor(part, spot, EN) == said[:1]
    several = nearby.lead_corridor(part, shapely.MultiPoint([(67, 25), (68, 25)]), EN)
    assert several == ["The good road is the nearest corridor: 5 km from the nearest of them."]
    zero = Part("corridors", "", (), alone, view=part.shown.assign(away="0 km"))
    assert nearby.lead_corridor(zero, spot, EN) == ["The good road touches it."]


@pytest.mark.parametrize(
    ("shape", "text"),
    [
        (shapely.Point(67, 25), ()),
        (
            shapely.MultiPoint([(67, 25), (68, 26)]),
            ("Each distance is that of the nearest of the points.",),
        ),
        (shapely.LineString([(67, 25), (68, 26)]), ("0 km where a corridor touches it.",)),
    ],
)
def test_it_is_said_from_what_the_distance_to_a_corridor_is(shape, text):
    part = list_corridors(shape, 0.0, EN)
    assert part.text == text
    km = cg.distance_km(cg.layer("corridors").geometry, shape)
    assert part.table["distance_km"].tolist() == pytest.approx(sorted(km)[: len(part.table)])


@pytest.mark.parametrize(
    ("works", "builds", "rest", "told"),
    [
        (100.0, 0.0, 0.0, "All of it operates."),
        (99.96, 0.0, 0.04, "All of it operates."),
        (99.9, 0.0, 0.1, "100% of it operates."),
        (0.04, 0.0, 99.96, "None of it operates."),
        (60.0, 0.99, 39.01, "60% of it operates."),
        (60.0, 1.0, 39.0, "60% of it operates; 1 km more are open while they are rebuilt."),
        (60.0, 2.4, 37.6, "60% of it operates; 2 km more are open while they are rebuilt."),
    ],
)
def test_how_much_of_a_corridor_works_is_in_its_first_sentences(works, builds, rest, told):
    rows = sections(
        km=[works, builds, rest],
        status=["operating", "under_construction", "planned"],
        is_open=[True, True, False],
    )
    thing = SimpleNamespace(sections=rows, title="The road", length_km=95.4, official_km=100.0)
    lead = corridors._lead(thing, "People.", EN)
    assert lead == (
        f"The road is 100 km long by the published figure (95 km as drawn). {told} People."
    )
    # Without a published length shares are of the drawn one.
    thing.official_km = np.nan
    thing.sections = rows.assign(drawn_km=[10.0, 0.0, 30.0])
    lead = corridors._lead(thing, "People.", EN)
    assert lead.startswith("The road is 95 km long as drawn; no length of the whole is published.")
    assert "25% of it operates" in lead


@pytest.mark.parametrize("count", [1, 3, 4, 9])
def test_of_many_corridors_in_an_area_three_are_named_and_all_are_counted(count):
    names = [f"Road {n}" for n in range(count)]
    found = pd.DataFrame({"title": names, "length_km": [float(90 - n) for n in range(count)]})
    said = nearby.lead_area(found, "here", pd.DataFrame({"population": [5_000.0, np.nan]}), EN)
    first, rest = said.split(". ", 1)
    named = [f"Road {n} ({90 - n} km)" for n in range(min(count, 3))]
    if count > 3:
        assert (
            first
            == f"Through here run {count} corridors, with the most km in it {'; '.join(named)}"
        )
    else:
        assert first == f"Through here run: {'; '.join(named)}"
    assert rest == "Towns of 5,000 people in all lie in here."
    unknown = nearby.lead_area(found, "here", pd.DataFrame({"population": [np.nan]}), EN)
    assert unknown.endswith("No town with a population figure lies in here.")

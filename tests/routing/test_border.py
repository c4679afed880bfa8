"""Border markets, compared with the layers and with Karney's distances."""

import math

import numpy as np
import pytest
from pyproj import Geod

import cpecgeo as cg
from cpecgeo.errors import InputError, UnknownNameError

GEOD = Geod(ellps="WGS84")


def km_between(a, b):
    return GEOD.inv(a.x, a.y, b.x, b.y)[2] / 1e3


@pytest.fixture(scope="module")
def torkham():
    return cg.market("Torkham")


def test_every_crossing_has_a_sheet():
    table = cg.markets()
    for row_id, row in table.iterrows():
        sheet = cg.market(row_id, hours=1, k=2)
        assert sheet.id == row_id
        assert sheet.point == row.geometry
        assert sheet.planned_phase2 == row["planned_phase2"]
        assert (sheet.status is None) == (row["status"] is None or row["status"] != row["status"])
        assert len(sheet.corridors) == len(sheet.towns) == 2
        assert (sheet.reached is None) == sheet.reached_note.startswith("No road")
        told = f"{sheet.name}: {sheet.status or 'state not known'}, to {row['country']}"
        assert repr(sheet) == f"<Market {told}>"


def test_the_nearest_sites_are_the_nearest(torkham):
    for name, found in (("places", torkham.towns), ("zones", torkham.zones)):
        frame = cg.layer(name).dropna(subset="geometry")
        away = frame.geometry.map(lambda p: km_between(torkham.point, p)).sort_values()
        assert found.index.tolist() == away.index[: len(found)].tolist()
        assert found["distance_km"].tolist() == pytest.approx(away.iloc[: len(found)], abs=1e-6)


def test_corridors_by_distance_and_the_shorter_first(torkham):
    assert torkham.corridors["target"].iloc[0] == "peshawar-torkham"
    assert torkham.corridors["km"].iloc[0] == pytest.approx(55)
    assert (np.diff(torkham.corridors["distance_km"]) > -1e-3).all()
    # Five alignments pass Khunjerab; the highway that operates is named first.
    assert cg.market("Khunjerab").corridors["target"].iloc[0] in {
        "kkh",
        "kkh-pakistan",
        "kkh-china",
    }


def test_of_corridors_at_one_distance_what_operates_and_is_shorter_comes_first():
    known = cg.corridors()
    found = cg.market("Khunjerab", k=len(known)).corridors
    metres = (found["distance_km"] * 1e3).round()
    idle = found["status"] != "operating"
    # An alternative stands behind its main line, also where it is shorter.
    main = {"ml1-chord": "ml1", "eastern-2024": "eastern"}
    length = (
        found["target"].replace(main).map(known["length_km"]) + found["target"].isin(main) / 1e6
    )
    order = list(zip(metres, idle, length, strict=True))
    assert order == sorted(order)
    # Five alignments pass here: without the rule the order would be that of the table.
    assert (metres == metres.iloc[0]).sum() >= 4
    assert found["target"].iloc[:4].tolist() != sorted(
        found["target"].iloc[:4], key=list(known.index).index
    )


def test_people_are_the_exposure(torkham):
    expected = cg.exposure(torkham.point, [5, 10, 25, 50, 100])
    np.testing.assert_array_equal(torkham.people["population"], expected["population"])


def test_hours_reach_what_a_route_reaches(torkham):
    town = torkham.reached.towns.loc["peshawar"]
    way = cg.route("torkham", "peshawar", mode="road", weight="hours")
    assert town["cost_at"] == pytest.approx(way.hours, abs=0.3)
    assert torkham.reached.towns["cost_at"].max() <= 3 + 1e-9


def test_closures_and_seasons_have_dates_and_sources():
    khunjerab = cg.market("Khunjerab")
    (season,) = khunjerab.closures.to_dict("records")
    assert (season["season_from"], season["season_to"]) == ("12-01", "03-31")
    assert season["to"] == "2024-11-30"
    assert season["source"]
    assert khunjerab.border_hours["hours"].tolist() == [2.3]
    assert cg.market("Torkham").closures["from"].tolist() == ["2025-10"]
    assert cg.market("Gabd").closures.empty


def test_published_height_and_the_grid_stay_apart():
    khunjerab = cg.market("Khunjerab")
    assert khunjerab.elevation_m == 4693
    assert 4600 < khunjerab.ground_m < 4900
    assert math.isnan(cg.market("Taftan–Mirjaveh").elevation_m)


def test_html_is_escaped(torkham):
    import dataclasses

    hostile = dataclasses.replace(torkham, name="<img src=x onerror=alert(1)>")
    assert "<img" not in hostile._repr_html_()


def test_bad_questions():
    with pytest.raises(UnknownNameError, match="markets"):
        cg.market("Gwadar Port")
    with pytest.raises(UnknownNameError, match="Torkham"):
        cg.market("Torkhum")
    with pytest.raises(InputError, match="above 0"):
        cg.market("Torkham", hours=0)
    with pytest.raises(InputError, match="1 or more"):
        cg.market("Torkham", k=0)

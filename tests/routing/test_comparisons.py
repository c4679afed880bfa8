"""Routes beside each other: every column is what the routes themselves say."""

import numpy as np
import pandas as pd
import pytest

import cpecgeo as cg
from cpecgeo.errors import InputError, InputTypeError
from cpecgeo.routing import comparisons


@pytest.fixture(scope="module")
def routes():
    """By road, again by another weight, by rail, and with a change."""
    return [
        cg.route("Quetta", "Karachi", mode="road", weight="km"),
        cg.route("Quetta", "Karachi", mode="road", weight="hours"),
        cg.route("Quetta", "Karachi", mode="rail"),
        cg.route("Karachi", "Chaman", status="any"),
    ]


def test_a_comparison_has_what_each_route_says(routes):
    table = cg.compare(routes)
    names = [f"{way.origin.name} – {way.destination.name}" for way in routes]
    assert names[0] == names[1]
    assert table.index.tolist() == [names[0], f"{names[0]} (2)", *names[2:]]
    first = routes[0]
    modes, statuses = (sorted({v for r in routes for v in r.legs[c]}) for c in ("mode", "status"))
    for way, row in zip(routes, table.to_dict("records"), strict=True):
        assert row["km"] == way.chainage_km
        assert row["more_km"] == pytest.approx(way.chainage_km - first.chainage_km)
        assert row["hours"] == way.hours
        assert row["more_hours"] == pytest.approx(way.hours - first.hours)
        assert row["access_km"] == way.access_km
        assert row["legs"] == len(way.legs)
        assert row["asked"] == way.asked
        assert row["geometry"].equals(way.line)
        for column, words in (("mode", modes), ("status", statuses)):
            for word in set(words) - {"border"}:
                km = way.legs.loc[way.legs[column] == word, "km"].sum()
                assert row[f"{word}_km"] == pytest.approx(km), word
    assert table["more_km"].iloc[0] == table["more_hours"].iloc[0] == 0
    assert len(set(table["more_hours"].round(6))) >= 3
    assert list(table.columns[-2:]) == ["asked", "geometry"]
    assert not table.drop(columns="geometry").isna().to_numpy().any()


def test_goods_are_compared_by_the_tonne():
    ways = [cg.route("Quetta", "Karachi", mode=m, vehicle="truck") for m in ("road", "any")]
    ways.append(cg.route("Quetta", "Sukkur", mode="road", vehicle="truck"))
    table = cg.compare(dict(zip("abc", ways, strict=True)), tonnes=25)
    costs = [cg.routing.freight(way, 25) for way in ways]
    assert table["cost"].tolist() == pytest.approx([c["cost"].sum() for c in costs])
    assert table["carbon_kg"].tolist() == pytest.approx([c["carbon_kg"].sum() for c in costs])
    more = table["cost"] - table["cost"].iloc[0]
    assert table["more_cost"].tolist() == pytest.approx(more.tolist())
    assert more.iloc[2] < 0
    for wrong in (0, -1):
        with pytest.raises(InputError, match="tonnes"):
            cg.compare(ways, tonnes=wrong)


@pytest.mark.parametrize("wrong", [5, "abc", [1, 2], None])
def test_only_routes_are_compared(wrong):
    with pytest.raises(InputTypeError, match="list of routes"):
        cg.compare(wrong)
    with pytest.raises(InputError, match="one route at least"):
        cg.compare([])


@pytest.mark.parametrize("weight", ["km", "hours"])
def test_without_a_section_the_way_is_the_one_that_avoids_it(weight):
    chosen = {"mode": "road", "weight": weight}
    way = cg.route("Quetta", "Gwadar", **chosen)
    table = cg.critical_sections("Quetta", "Gwadar", **chosen)
    assert set(table["section"]) <= set(way.legs["section"])
    assert len(table) > 2
    for row in table.to_dict("records"):
        if row["cut"]:
            assert np.isinf(row["more_km"])
            with pytest.raises(InputError, match="cut by"):
                cg.route("Quetta", "Gwadar", **chosen, avoid=row["section"])
            continue
        around = cg.route("Quetta", "Gwadar", **chosen, avoid=row["section"])
        assert row["closed_km"] == pytest.approx(around.chainage_km)
        assert row["closed_hours"] == pytest.approx(around.hours)
        assert row["more_km"] == pytest.approx(around.chainage_km - way.chainage_km)
        assert row["more_hours"] == pytest.approx(around.hours - way.hours)
    more = table[f"more_{weight}"].tolist()
    assert more == sorted(more, reverse=True)


@pytest.mark.parametrize(
    ("used", "told"),
    [
        (["b"], "no figure found: drawn length"),
        ([], "no figure found: drawn length"),
        (["a"], "measured on a"),
        (["a", "c"], "measured on a, c"),
        (["a", "b"], "measured on a; rest: no figure found: drawn length"),
        (["b", "d"], "no figure found: drawn length"),
    ],
)
@pytest.mark.parametrize("own", [np.nan, 50.0])
def test_a_section_says_whose_figure_its_km_are_of(monkeypatch, used, told, own):
    published = pd.Series({"a": 100.0, "b": own, "c": 1.0, "d": np.nan})
    monkeypatch.setattr(comparisons, "layer", lambda _name: {"official_km": published})
    if own > 0:
        told = told.replace("no figure found: drawn length", "its own figure")
    assert comparisons._lender("b", used) == told

"""What routes, catchments, markets and the network say of themselves in a notebook."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import cpecgeo as cg


def cells(text):
    """The rows of the tables of a card, as texts."""
    rows = re.findall(r"<tr>(.*?)</tr>", text, re.DOTALL)
    return [
        [re.sub(r"<[^>]*>", "", c) for c in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)]
        for row in rows
    ]


@pytest.mark.parametrize(
    ("count", "more"), [(1, ""), (3, ""), (4, " and 1 more"), (6, " and 3 more")]
)
def test_a_catchment_names_three_origins_and_counts_the_others(count, more):
    names = ["Quetta", "Multan", "Sukkur", "Karachi", "Gwadar", "Gilgit"][:count]
    found = cg.reach(names, km=(20, 50))
    said = [origin.name for origin in found.origins]
    assert found.title == f"Within 50 km of {', '.join(said[:3])}{more}"
    assert found.limit == 50
    assert repr(found) == (
        f"<Reach {found.title.removeprefix('Within ')}: {found.chainage_km:,.0f} km (calibrated), "
        f"{len(found.towns)} towns>"
    )
    counts = [(found.towns["limit"] <= limit).sum() for limit in (20, 50)]
    assert found.areas["towns"].tolist() == counts
    assert counts[0] < counts[1] == len(found.towns)


def test_a_catchment_lists_its_twenty_nearest_towns():
    found = cg.reach("Multan", hours=3)
    assert len(found.towns) > 20
    text = found._repr_html_()
    people = found.towns["population"].fillna(0).sum()
    assert f"{len(found.towns)} towns with {people:,.0f} people" in text
    head, *rows = [row for row in cells(text) if row]
    assert head == ["town", "hours"]
    nearest = found.towns.sort_values("cost_at").head(20)
    assert [row[0] for row in rows] == nearest["name"].tolist()
    assert [row[1] for row in rows] == [f"{cost:,.1f}" for cost in nearest["cost_at"]]


def test_the_network_counts_its_edges_by_mode_and_status():
    net = cg.network()
    head, *rows = cells(net._repr_html_())
    assert head == ["mode", "status", "edges", "km"]
    assert len(rows) == len(net.edges[["mode", "status"]].drop_duplicates())
    for mode, status, count, km in rows:
        own = net.edges[(net.edges["mode"] == mode) & (net.edges["status"] == status)]
        assert float(count) == len(own)
        assert float(km) == round(own["km"].sum())


@pytest.mark.parametrize(
    ("away", "told"), [(0.4, ""), (0.5, ", access 1.0 km"), (7.0, ", access 14.0 km")]
)
def test_a_route_tells_its_access_from_one_km_on(away, told):
    way = cg.route("Rohri Junction", "Multan Cantt", mode="rail")
    ends = {
        "origin": replace(way.origin, access_km=away),
        "destination": replace(way.destination, access_km=away),
    }
    way = replace(way, **ends)
    assert way.access_km == 2 * away
    km, hours = f"{way.chainage_km:,.1f}", f"{way.hours:.1f}"
    assert repr(way) == (
        f"<Route {way.origin.name} → {way.destination.name}: {km} km (calibrated), {hours} h, "
        f"{len(way.legs)} legs{told}>"
    )
    text = way._repr_html_()
    assert f"{away:.1f} km before, {away:.1f} km after, not counted" in text


def test_two_routes_in_one_tell_the_way_between_them():
    one, two = cg.route("Quetta", "Sukkur", mode="rail"), cg.route("Sukkur", "Multan", mode="road")
    both = one + two
    gap = sum(km for _, km in both.ways_between)
    text = both._repr_html_()
    assert (f", {gap:.1f} km between, not counted" in text) == (gap > 0)
    assert both.access_km == pytest.approx(one.access_km + two.access_km, abs=30)
    assert len(both.legs) == len(one.legs) + len(two.legs)


def test_a_market_of_unknown_state_says_so():
    market = cg.market("Torkham")
    assert repr(market) == f"<Market {market.name}: {market.status}, to {market.country}>"
    unknown = replace(market, status=None, status_note=None)
    assert repr(unknown) == f"<Market {market.name}: state not known, to {market.country}>"
    assert "present state not known; position good to" in unknown._repr_html_()
    rows = cells(market._repr_html_())
    for row in market.corridors.itertuples():
        assert [row.title, f"{row.distance_km:,.1f}", f"{row.km:,.1f}"] in rows


def test_phases_have_their_km_beside_their_stops():
    plan = cg.rail.phases()
    at = list(plan.columns).index("to_stop")
    assert list(plan.columns[at - 1 : at + 5]) == [
        "from_stop", "to_stop", "km_from", "km_to", "posts_km", "drawn_km",
    ]  # fmt: skip
    ml1 = cg.corridor("ml1")
    for row in plan.itertuples():
        assert (row.km_from, row.km_to) == (ml1.km_of(row.from_stop), ml1.km_of(row.to_stop))
        assert row.posts_km == row.km_to - row.km_from
        assert row.drawn_km == pytest.approx(cg.length_km(ml1.between(row.km_from, row.km_to)))
    assert set(plan["plan"]) == {"2026"}
    every = cg.rail.phases(None)
    assert len(every) > len(plan)
    lost = every["from_stop"].isna() | every["to_stop"].isna()
    assert every.loc[lost, ["km_from", "km_to", "posts_km", "drawn_km"]].isna().all(axis=None)
    assert every.loc[~lost, "drawn_km"].notna().all()


def test_checks_of_routes_are_the_routes_that_they_name():
    table = cg.routing.route_checks()
    from cpecgeo.catalogue.files import read_table

    asked = read_table("network_checks.csv").set_index("id")
    assert list(table.index) == list(asked.index)
    known = table.dropna(subset="km")
    np.testing.assert_allclose(known["more_km"], known["km"] - known["official_km"])
    np.testing.assert_allclose(known["share"], known["more_km"] / known["official_km"])
    assert table["official_km"].tolist() == asked["published_km"].astype(float).tolist()
    assert table["along"].tolist() == asked["along"].fillna("").tolist()
    nodes = cg.network().nodes
    for name, row in list(asked.iterrows())[::5]:
        ends = [row["from"], row["to"]]
        spots = [nodes.geometry[nodes["id"] == end] for end in ends]
        ends = [spot.iloc[0] if len(spot) else end for spot, end in zip(spots, ends, strict=True)]
        chosen = {"mode": row["mode"], "status": row["statuses"], "weight": "km"}
        chosen |= {"along": row["along"]} if isinstance(row["along"], str) else {}
        chosen |= {"avoid": row["avoid"].split()} if isinstance(row["avoid"], str) else {}
        way = cg.route(*ends, **chosen)
        assert table.loc[name, "km"] == pytest.approx(way.chainage_km)
        assert table.loc[name, "access_km"] == pytest.approx(way.access_km)
    assert pd.api.types.is_bool_dtype(table["independent"])

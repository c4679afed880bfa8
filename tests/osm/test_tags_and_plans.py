"""Speeds and filters from tags, and areas of requests: each rule on either side of its bound."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import cpecgeo as cg
from cpecgeo.osm import lines, tags


@pytest.mark.parametrize(
    ("stated", "kmh", "basis"),
    [
        ("60", 60, "maxspeed"),
        ("3", 3, "maxspeed"),
        ("2.9", 100, "implicit"),
        ("160", 160, "maxspeed"),
        ("161", 100, "implicit"),
        ("80;50|70", 50, "maxspeed"),
        ("30 mph", 48.28032, "maxspeed"),
        ("CN:urban", 30, "maxspeed"),
        ("PK:motorway", 120, "maxspeed"),
        ("XX:urban", 100, "implicit"),
        ("walk", 100, "implicit"),
    ],
)
def test_mapped_limits_that_can_be_go_before_the_law(stated, kmh, basis):
    assert tags.kmh({"highway": "trunk", "maxspeed": stated}, "PK") == (pytest.approx(kmh), basis)


def test_rails_have_limits_of_their_own_and_links_are_slower():
    assert tags.kmh({"railway": "rail", "maxspeed": "350"}, "CN") == (350, "maxspeed")
    assert tags.kmh({"railway": "rail", "maxspeed": "351"}, "CN") == (100, "implicit")
    trunk = tags.kmh({"highway": "trunk"}, "PK")[0]
    assert tags.kmh({"highway": "trunk_link"}, "PK") == (pytest.approx(0.6 * trunk), "implicit")
    # A road under construction has the limit of its future class.
    being_built = {"highway": "construction", "construction": "motorway"}
    assert tags.kmh(being_built, "PK")[0] == tags.kmh({"highway": "motorway"}, "PK")[0]
    assert tags.kmh({"highway": "elevator"}, "PK") == (30, "fallback")
    assert tags.kmh({"highway": "trunk"}, "IR") == tags.kmh({"highway": "trunk"}, "PK")
    assert tags.kmh({"highway": "trunk"}, "PK", on_foot=True) == (5, "implicit")


def test_a_road_is_found_by_its_number_and_no_longer_one():
    test = tags.is_own({"id": "x", "name": "N-5 Lahore–Multan", "kind": "road"})
    for ref in ("N-5", "N5", "N 5", "N-05", "AH2;N-5", "N-5, AH2"):
        assert test({"highway": "trunk", "ref": ref}), ref
    for ref in ("N-55", "N-15", "AN-5", "M-5", "N-5A"):
        assert not test({"highway": "trunk", "ref": ref}), ref
    assert not test({"ref": "N-5"})
    # An interchange is named after the roads that it joins, and is neither of them.
    assert tags.section_ref({"id": "x", "name": "Hyderabad: M-6 to M-9"}) is None


@pytest.mark.parametrize("service", ["yard", "siding", "spur", "crossover"])
def test_sidings_are_no_line(service):
    test = tags.is_own({"id": "x", "name": "ML-1", "kind": "rail"})
    assert test({"railway": "rail"})
    assert not test({"railway": "rail", "service": service})


def test_a_line_is_looked_for_by_how_good_its_sections_are():
    """The radius is twice the 95 % value plus 1 km, at least 2 and at most 25 km."""
    base = SimpleNamespace(
        sections=pd.DataFrame({"accuracy_km": [0.1, 0.5, 3.0, 11.9, 12.1, np.nan]})
    )
    assert lines._radius(base, None) == pytest.approx([2, 2, 7, 24.8, 25, 5])
    assert lines._radius(base, 4) == [4.0] * 6


def test_requests_cover_the_line_in_stretches_of_at_most_sixty_km():
    base = cg.corridor("taxila-havelian")
    (found, *others) = lines._requests(base, [2.0] * len(base.sections))
    km = base.sections["km_to"].iloc[0] - base.sections["km_from"].iloc[0]
    assert len([found, *others]) >= np.ceil(km / 60)
    area = found[0]
    for _, km in enumerate(np.linspace(0, min(60, base.end_km) / 2, 5)):
        point = base.at(km)
        assert area.contains(point)
        # Nothing far beyond the radius is requested.
        assert cg.distance_km(point, area.boundary) == pytest.approx(2, abs=0.4) or km == 0
    assert found[1] == tags.section_filters(base.sections.iloc[0].to_dict())


def test_anchors_are_held_where_chainage_is_known():
    base = cg.corridor("ml1")
    radius = lines._radius(base, None)
    anchors = lines._anchors(base, radius)
    assert [a.km for a in anchors] == sorted(a.km for a in anchors)
    assert anchors[0].km == 0
    assert anchors[-1].km == pytest.approx(base.end_km)
    by_name = {a.name: a for a in anchors}
    stops = base.stops[base.stops.geometry.notna()]
    ends = {round(float(km), 6) for c in ("km_from", "km_to") for km in base.sections[c]}
    for stop in stops.itertuples():
        anchor = by_name.get(stop.name)
        if anchor is None or round(stop.km, 6) != round(anchor.km, 6):
            continue
        posted = not pd.isna(stop.post_km) or round(stop.km, 6) in ends
        assert anchor.held is posted
        assert 1.0 <= anchor.tolerance_km <= max(radius)
        assert anchor.tolerance_km <= max(1.0, 2 * stop.accuracy_km)


@pytest.mark.parametrize("name", ["m3", "m4"])
def test_an_interchange_is_looked_for_on_the_line_and_not_in_the_town_of_its_name(name):
    """Sharaqpur lies 14 km off the M-3; without this not a kilometre of it would be matched."""
    base = cg.corridor(name)
    anchors = lines._anchors(base, lines._radius(base, None))
    off = cg.nearest([a.point for a in anchors], base)["distance_km"].to_numpy()
    assert (off <= [a.tolerance_km for a in anchors]).all()
    assert cg.nearest(base.stops, base)["distance_km"].max() > 10

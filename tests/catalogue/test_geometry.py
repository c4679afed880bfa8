"""What a refreshed line says of its own gaps."""

import pytest

from cpecgeo.catalogue import assemble, geometry
from cpecgeo.catalogue.geometry import Stored
from cpecgeo.geodesy import Chainage


@pytest.fixture
def stored():
    """A line with two gaps and a stop that it misses."""
    body = {"gaps": [[10.0, 20.0, "no way"], [50.0, 60.0, "no way"]], "missed": [[3, 35.0]]}
    return Stored(record={}, body=body, chainage=None)


@pytest.mark.parametrize(
    ("start", "end", "whole", "gap_km"),
    [
        (0, 10, True, 0),  # up to the gap
        (0, 11, False, 1),
        (20, 35, True, 0),  # between a gap and a missed stop
        (19, 30, False, 1),
        (12, 15, False, 3),
        (34, 36, False, 0),  # a missed stop alone
        (36, 50, True, 0),
        (60, 90, True, 0),
        (0, 100, False, 20),
        (15, 55, False, 10),
    ],
)
def test_gaps_and_missed_stops_are_those_between(stored, start, end, whole, gap_km):
    assert stored.is_whole(start, end) is whole
    assert stored.gap_km(start, end) == pytest.approx(gap_km)


def test_a_source_without_a_date_says_so():
    def source(snapshot):
        record = {"snapshot": snapshot, "origin": "pakistan.osm.pbf"}
        return Stored(record=record, body={}, chainage=None).source

    assert source("2026-01-02") == "OpenStreetMap 2026-01-02 (pakistan.osm.pbf)"
    assert source(None) == "OpenStreetMap of unknown date (pakistan.osm.pbf)"


def test_of_two_corridors_over_a_section_the_one_with_fewer_gaps_counts(monkeypatch):
    def kept(name, gaps):
        line = assemble(name)
        body = {"gaps": gaps, "missed": []}
        record = {"snapshot": "2026-01-02", "origin": name}
        return Stored(record, body, Chainage(line.line, line.measures_km))

    # South of Lodhran the first lacks 5 km, north of Khanewal the second does.
    both = {
        "ml1": kept("ml1", [[100.0, 105.0, "no way"]]),
        "ml1-chord": kept("ml1-chord", [[1_000.0, 1_005.0, "no way"]]),
    }
    monkeypatch.setattr(geometry, "redrawn_corridors", lambda _key: both)
    lines = geometry.redrawn_sections.__wrapped__("any")
    assert {name: line.corridor for name, line in lines.items()} == {
        "ml1-kiamari-lodhran": "ml1-chord",
        "lodhran-multan-khanewal": "ml1",
        "lodhran-khanewal-chord": "ml1-chord",
        "ml1-khanewal-peshawar": "ml1",
    }
    assert all(line.whole for line in lines.values())
    equal = {name: kept(name, []) for name in both}
    monkeypatch.setattr(geometry, "redrawn_corridors", lambda _key: equal)
    first = geometry.redrawn_sections.__wrapped__("any")
    assert first["ml1-khanewal-peshawar"].corridor == "ml1"
    measures = first["ml1-khanewal-peshawar"].measures_km
    assert measures[0] == 0
    assert measures[-1] == pytest.approx(1732 - 983)


def test_only_what_is_not_on_mapped_track_keeps_its_accuracy():
    """One stop without track in a long section leaves the rest of it surveyed."""
    met = [["a", 0.0, 0.0, 0.1], ["b", 40.0, 40.0, 0.1], ["d", 60.0, 60.0, 0.1]]
    body = {"met": met, "missed": [["c", 50.0, "no track"]], "gaps": [[90.0, 95.0, "x", "y", "z"]]}
    kept = Stored({}, body, None)
    assert kept.stretches(0.0, 100.0) == [
        (0.0, 40.0, True), (40.0, 60.0, False), (60.0, 90.0, True), (90.0, 95.0, False),
        (95.0, 100.0, True),
    ]  # fmt: skip
    assert kept.stretches(41.0, 45.0) == [(41.0, 45.0, False)]
    assert kept.stretches(60.0, 90.0) == [(60.0, 90.0, True)]
    # At a stop at the end without track, all is open from the stop before.
    last = Stored({}, body | {"missed": [["e", 100.0, "no track"]], "gaps": []}, None)
    assert last.stretches(0.0, 100.0) == [(0.0, 60.0, True), (60.0, 100.0, False)]

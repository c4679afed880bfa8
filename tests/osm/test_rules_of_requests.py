"""Requests, cells and batches: each rule on either side of its bound."""

import datetime as dt
import json
from types import SimpleNamespace

import numpy as np
import pytest
import requests
import shapely

import cpecgeo as cg
from cpecgeo.errors import InputError
from cpecgeo.osm import Overpass, overpass, refreshes, sources
from cpecgeo.osm.elements import from_answers
from cpecgeo.osm.graph import Graph, _cells
from cpecgeo.osm.sources import read_extract
from cpecgeo.osm.tags import network_filters
from tests.osm.conftest import MONACO

WHOLE = json.dumps({"elements": [], "osm3s": {"timestamp_osm_base": "2026-01-02T03:04:05Z"}})


def response(status=200, content=WHOLE, body="data=%5Bout%3Ajson%5D%3Bway", **headers):
    return SimpleNamespace(
        status_code=status, reason="reason", headers=headers, content=content.encode(),
        request=SimpleNamespace(body=body),
    )  # fmt: skip


@pytest.mark.parametrize("status", range(400, 512))
def test_only_a_wrong_query_is_final(status):
    """A busy server may be asked again, and so may one with an error of its own."""
    with pytest.raises(overpass._Refused) as caught:
        Overpass()._check(response(status, **{"Retry-After": " 7 "}), "x")
    assert str(caught.value) == f"{status} reason"
    assert caught.value.final is (status in {400, 403, 414})
    # Only what a busy server says is waited for.
    busy = {429, 502, 503, 504}
    assert caught.value.wait_s == (7 if status in busy else None)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (" \n<html>", "a web page, not JSON"),
        ("{", "JSON that breaks off"),
        ("", "JSON that breaks off"),
        ("[]", "JSON without elements"),
        ('{"elements": {}}', "JSON without elements"),
        ('{"elements": [], "remark": "runtime error: out of memory"}', "runtime error"),
        ('{"elements": [], "remark": "Query timed out"}', "Query timed out"),
    ],
)
def test_half_an_answer_is_none(content, told):
    with pytest.raises(overpass._Refused, match=told) as caught:
        Overpass()._check(response(content=content), "x")
    assert not caught.value.final


@pytest.mark.parametrize(
    "body", ["data=%5Bout%3Ajson%5D%3Bway", b"data=%5Bout%3Ajson%5D%3Bway", "x=1"]
)
def test_a_whole_answer_says_what_was_asked_and_when(body):
    now = dt.datetime(2026, 5, 6, 7, 8, 9, 999, tzinfo=dt.UTC)
    asked = Overpass(now=lambda: now)._check(response(body=body), "an endpoint")
    assert asked.query == ("" if body == "x=1" else "[out:json];way")
    assert (asked.endpoint, asked.snapshot) == ("an endpoint", "2026-01-02T03:04:05Z")
    assert asked.retrieved == "2026-05-06T07:08:09+00:00"
    remarked = response(content='{"elements": [], "remark": "nothing found"}')
    assert Overpass()._check(remarked, "x").snapshot is None


@pytest.mark.parametrize(
    ("page", "wait_s"),
    [
        ("Slot available after: 2026-11-24T10:00:31Z, in 31 seconds.", 31),
        ("Slot available after: 2026-11-24T10:00:31Z, in -3 seconds.", 0),
        ("2 slots available now.", None),
    ],
)
def test_a_server_with_too_many_requests_is_asked_when_it_is_free(monkeypatch, page, wait_s):
    def status(address, timeout):
        assert address == "an endpoint/status"
        assert timeout == 30
        return SimpleNamespace(text=page)

    monkeypatch.setattr(requests, "get", status)
    assert Overpass()._wait(response(429), "an endpoint") == wait_s
    assert Overpass()._wait(response(503), "an endpoint") is None
    monkeypatch.setattr(requests, "get", lambda *_, timeout: SimpleNamespace(text=f"in {timeout}"))
    assert Overpass(timeout_s=9)._wait(response(429), "an endpoint") is None


@pytest.mark.parametrize(
    ("wait_s", "turn", "last", "pause"),
    [
        (120.0, 0, False, [120.0]),  # as long as we are patient
        (120.1, 0, False, []),
        (120.1, 0, True, [5.0]),
        (None, 0, False, []),  # another endpoint is next
        (None, 0, True, [5.0]),
        (None, 1, True, [10.0]),
        (7.0, 2, True, []),  # nothing is asked any more
        (7.0, 2, False, [7.0]),
    ],
)
def test_pauses(wait_s, turn, last, pause):
    slept = []
    Overpass(sleep=slept.append)._pause(wait_s, turn, last=last)
    assert slept == pause


@pytest.mark.parametrize(
    ("setting", "is_right"),
    [
        ({"timeout_s": 0}, False), ({"timeout_s": 0.1}, True), ({"tries": 1}, True),
        ({"tries": 0}, False), ({"backoff_s": 0}, True), ({"backoff_s": -0.1}, False),
        ({"endpoints": "http://x"}, False), ({"endpoints": ("http://x",)}, True),
    ],
)  # fmt: skip
def test_settings_of_requests(setting, is_right):
    if is_right:
        Overpass(**setting)
    else:
        with pytest.raises(InputError):
            Overpass(**setting)


@pytest.mark.parametrize(
    ("error", "has_answered"),
    [
        (requests.ReadTimeout(), True),
        (requests.exceptions.ChunkedEncodingError(), True),
        (requests.ConnectionError("RemoteDisconnected('closed')"), True),
        (requests.ConnectTimeout(), False),
        (requests.ConnectionError("refused"), False),
    ],
)
def test_a_server_that_breaks_off_is_there(error, has_answered):
    assert overpass._has_answered(error) is has_answered


@pytest.mark.parametrize(("days", "is_kept"), [(0, True), (29.9, True), (30.1, False)])
def test_an_answer_is_kept_for_thirty_days_by_its_query_and_area(monkeypatch, days, is_kept):
    start = dt.datetime(2026, 5, 6, tzinfo=dt.UTC)
    asked = []

    def fetch(_self, area, text):
        asked.append((area, text))
        return overpass.Reply("query", "endpoint", start.isoformat(), None, {"elements": []})

    monkeypatch.setattr(Overpass, "_fetch", fetch)
    area = shapely.box(67.0, 25.0, 67.5, 25.5)
    how = Overpass(now=lambda: start + dt.timedelta(days=days))
    how.ask(area, ("a",))
    how.ask(area, ("a",))
    assert len(asked) == (1 if is_kept else 2)
    # The same to a tenth of a metre is the same area; 10 m beside it is another.
    count = len(asked)
    how.ask(shapely.box(67.0, 25.0, 67.5, 25.5 + 4e-7), ("a",))
    assert len(asked) == count + (not is_kept)
    how.ask(shapely.box(67.0, 25.0, 67.5, 25.5001), ("a",))
    how.ask(area, ("b",))
    assert len(asked) == count + 2 + (not is_kept)
    Overpass(now=lambda: start, max_age_days=0).ask(area, ("a",))
    assert len(asked) == count + 3 + (not is_kept)


@pytest.mark.parametrize(
    "shape",
    [
        shapely.box(67.1, 25.1, 67.4, 25.4),
        shapely.box(66.9, -0.3, 68.2, 0.2),
        shapely.Point(70.0, 30.0).buffer(1.3),
        shapely.MultiPolygon(
            [shapely.box(67, 25, 67.2, 25.2), shapely.box(70.3, 25.4, 70.7, 25.6)]
        ),
    ],
)
def test_an_area_is_asked_for_in_cells_of_half_a_degree(shape):
    cells = _cells(shape)
    assert shapely.union_all(cells).symmetric_difference(shape).area < 1e-9
    assert sum(cell.area for cell in cells) == pytest.approx(shape.area)
    bounds = shapely.bounds(cells)
    # Each lies in one square between multiples of half a degree, and no square has two.
    low = np.floor(bounds[:, :2] * 2 + 1e-9)
    assert (bounds[:, 2:] * 2 <= low + 1 + 1e-9).all()
    assert len(np.unique(low, axis=0)) == len(cells)


@pytest.mark.parametrize("at_once", [1, 7, 100])
@pytest.mark.parametrize("area", [None, shapely.box(7.415, 43.73, 7.425, 43.74)])
def test_ways_read_in_batches_are_those_read_at_once(monkeypatch, at_once, area):
    filters = network_filters("drive")
    whole = read_extract(MONACO, filters, area=area).ways
    monkeypatch.setattr(sources, "_AT_ONCE", at_once)
    parts = read_extract(MONACO, filters, area=area).ways
    assert len(whole) > 100
    assert parts.way_id.tolist() == whole.way_id.tolist()
    assert parts.tags == whole.tags
    assert parts.first.tolist() == whole.first.tolist()
    np.testing.assert_array_equal(parts.xy[parts.ref], whole.xy[whole.ref])
    np.testing.assert_array_equal(parts.node_id[parts.ref], whole.node_id[whole.ref])


def test_a_network_says_what_it_is_and_what_it_holds():
    net = cg.osm.graph(file=MONACO, network="drive")
    before = net.nbytes
    arrays = [getattr(net.segments, name) for name in ("xy", "km", "hours", "tail", "head")]
    assert before >= sum(array.nbytes for array in arrays)
    arcs = net.by_km
    assert net.nbytes == before + arcs.nbytes
    text = net._repr_html_()
    assert "<strong>drive network</strong>, OpenStreetMap 2023-12-26T21:21:22Z: " in text
    assert f"{len(net.ways):,} ways, {len(net.segments):,} edges, " in text
    assert f"{net.segments.km.sum():,.1f} km" in text
    none = Graph.of(from_answers([]), "rail", {})
    assert "OpenStreetMap of unknown date: 0 ways, 0 edges, 0.0 km" in none._repr_html_()
    assert none.segments.lines().tolist() == []


def test_outlines_are_asked_for_in_cells_that_cover_pakistan_and_no_others():
    cells = refreshes._cells()
    land = shapely.union_all(cg.layer("provinces").geometry.to_numpy())
    assert shapely.difference(land, shapely.union_all(cells)).area < 1e-9
    assert shapely.intersects(cells, land).all()
    west, south, east, north = shapely.bounds(cells).T
    np.testing.assert_allclose([east - west, north - south], 5)
    # They touch and don't overlap.
    assert shapely.union_all(cells).area == pytest.approx(25 * len(cells))
    columns, rows = np.ceil((np.array(land.bounds)[2:] - np.array(land.bounds)[:2]) / 5)
    assert 6 < len(cells) <= columns * rows

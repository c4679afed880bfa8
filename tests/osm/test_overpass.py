"""Waiting, retries and the cache, by osmnx's real requests to a stand-in for Overpass."""

import datetime as dt
import json
import socket
from dataclasses import replace

import osmnx
import pytest
import shapely

import cpecgeo as cg
from cpecgeo.errors import InputError, MissingExtraError, NetworkError
from tests.osm.conftest import quiet

AREA = shapely.box(7.415, 43.73, 7.425, 43.74)
ROADS = ('["highway"~"^(primary|secondary|tertiary|residential)$"]',)


def ids(answers):
    return {e["id"] for a in answers for e in a.content["elements"] if e["type"] == "way"}


def test_an_answer_comes_from_the_file(overpass, monaco_server):
    answers = overpass.ask(AREA, ROADS)
    assert len(ids(answers)) > 50
    assert answers[0].snapshot == "2023-12-26T21:21:22Z"
    assert '"highway"~"^(primary' in answers[0].query
    assert "[timeout:180]" in answers[0].query
    assert monaco_server.agents[0].startswith("cpecgeo/")
    assert overpass.slept == []


@pytest.mark.parametrize(
    "how", ["busy", "html", "half", "cut", "remark", "partial", "not elements", "hang up"]
)
def test_what_is_no_answer_is_asked_for_again(overpass, monaco_server, how):
    monaco_server.behaviour[:] = [how]
    assert ids(overpass.ask(AREA, ROADS))
    assert len(monaco_server.queries) == 2
    assert overpass.slept == [0.5]


def test_a_slow_server_is_given_up_and_asked_again(monaco_server):
    overpass = quiet(monaco_server, timeout_s=0.2)
    monaco_server.behaviour[:] = ["slow"]
    # On a busy machine an immediate answer must not count as slow.
    assert ids(replace(overpass, tries=20).ask(AREA, ROADS))
    assert len(monaco_server.queries) >= 2


def test_retry_after_is_obeyed(overpass, monaco_server):
    monaco_server.behaviour[:] = ["limited", "limited"]
    assert ids(overpass.ask(AREA, ROADS))
    assert overpass.slept == [7.0, 7.0]


def test_the_status_page_says_when_a_slot_is_free(overpass, monaco_server, monkeypatch):
    monkeypatch.setattr(
        monaco_server,
        "status",
        "Connected as: 1\nSlot available after: 2026-11-24T10:00:31Z, in 31 seconds.\n"
        "Slot available after: 2026-11-24T10:00:12Z, in 12 seconds.\n",
    )
    monaco_server.behaviour[:] = ["limited, see status"]
    assert ids(overpass.ask(AREA, ROADS))
    assert overpass.slept == [12.0]
    assert monaco_server.seen_status == 1


def test_a_wait_beyond_patience_is_not_sat_out(monaco_server):
    overpass = quiet(monaco_server, patience_s=5)
    monaco_server.behaviour[:] = ["limited"] * 3
    with pytest.raises(NetworkError, match="429"):
        overpass.ask(AREA, ROADS)
    assert overpass.slept == [0.5, 1.0]


def test_pauses_double_and_the_error_says_what_was_tried(overpass, monaco_server):
    monaco_server.behaviour[:] = ["html"] * 3
    with pytest.raises(NetworkError, match="a web page, not JSON") as caught:
        overpass.ask(AREA, ROADS)
    assert overpass.slept == [0.5, 1.0]
    assert monaco_server.address in str(caught.value)
    assert isinstance(caught.value, ConnectionError)


def test_a_query_that_is_wrong_is_not_repeated(overpass, monaco_server):
    monaco_server.behaviour[:] = ["bad query"]
    with pytest.raises(NetworkError, match="400"):
        overpass.ask(AREA, ROADS)
    assert len(monaco_server.queries) == 1


def closed_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{s.getsockname()[1]}/api"


def test_offline_is_said_clearly(overpass):
    with pytest.raises(NetworkError, match="offline"):
        replace(overpass, endpoints=(closed_port(),)).ask(AREA, ROADS)


def test_the_next_endpoint_is_asked(overpass, monaco_server):
    answers = replace(overpass, endpoints=(closed_port(), monaco_server.address)).ask(AREA, ROADS)
    assert answers[0].endpoint == monaco_server.address
    assert overpass.slept == []


def test_answers_are_kept_by_query_and_age(overpass, monaco_server, cache):
    first = overpass.ask(AREA, ROADS)
    again = overpass.ask(AREA, ROADS)
    assert len(monaco_server.queries) == 1
    assert again == first
    overpass.ask(AREA, ('["highway"="primary"]',))
    assert len(monaco_server.queries) == 2
    later = replace(overpass, now=lambda: dt.datetime.now(dt.UTC) + dt.timedelta(days=31))
    later.ask(AREA, ROADS)
    assert len(monaco_server.queries) == 3
    assert len(list((cache / "overpass").iterdir())) == 2


def test_a_damaged_answer_is_asked_for_again(overpass, monaco_server, cache):
    overpass.ask(AREA, ROADS)
    (path,) = (cache / "overpass").iterdir()
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)
    assert ids(overpass.ask(AREA, ROADS))
    assert len(monaco_server.queries) == 2


def test_osmnx_is_left_as_it_was(overpass, monaco_server):
    def settings():
        return {k: v for k, v in vars(osmnx.settings).items() if not k.startswith("_")}

    before, lookup = dict(settings()), socket.getaddrinfo
    overpass.ask(AREA, ROADS)
    monaco_server.behaviour[:] = ["bad query"]
    with pytest.raises(NetworkError):
        overpass.ask(AREA, ('["highway"="track"]',))
    assert settings() == before
    assert socket.getaddrinfo is lookup


def test_without_osmnx_the_extra_is_named(overpass, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "osmnx", None)
    with pytest.raises(MissingExtraError, match=r"cpecgeo\[osm\]"):
        overpass.ask(AREA, ROADS)


@pytest.mark.parametrize("wrong", [{"endpoints": "x"}, {"endpoints": ()}, {"tries": 0}])
def test_settings_are_checked(wrong):
    with pytest.raises(InputError):
        cg.osm.Overpass(**wrong)


def test_graph_from_overpass_is_that_of_the_file(overpass):
    from tests.osm.conftest import MONACO

    online = cg.osm.graph(AREA, network="drive", overpass=overpass)
    # osmnx requests 500 m more on all sides; the ways of the area itself must be the same.
    local = cg.osm.graph(AREA, network="drive", file=MONACO)
    assert set(local.ways.way_id) <= set(online.ways.way_id)
    a, b = shapely.Point(7.417, 43.732), shapely.Point(7.423, 43.738)
    here, there = (n.snap([a, b]) for n in (online, local))
    assert [s.access_km for s in here] == pytest.approx([s.access_km for s in there])
    tags = dict(zip(online.ways.way_id.tolist(), online.ways.tags, strict=True))
    assert all(
        tags[w] == t for w, t in zip(local.ways.way_id.tolist(), local.ways.tags, strict=True)
    )
    assert online.record["queries"]
    assert online.record["licence"] == "ODbL-1.0"
    json.dumps(dict(online.record))

"""The extracts, an own cache for each test, and the stand-in for Overpass."""

from pathlib import Path

import pytest

from cpecgeo.osm import Overpass
from tests.osm.standin import served

EXTRACTS = Path(__file__).parent / "extracts"
MONACO = EXTRACTS / "monaco.osm.pbf"
RAILS = EXTRACTS / "pakistan-rail.osm.pbf"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CPECGEO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def monaco_server():
    with served(MONACO) as standin:
        yield standin


@pytest.fixture(scope="session")
def rail_server():
    with served(RAILS) as standin:
        yield standin


@pytest.fixture
def overpass(monaco_server):
    """Return settings of requests that don't wait; pauses are recorded."""
    return quiet(monaco_server)


def quiet(standin, **options):
    standin.queries.clear()
    standin.agents.clear()
    standin.behaviour.clear()
    standin.seen_status = 0
    slept = []
    how = Overpass(
        endpoints=(standin.address,), **{"backoff_s": 0.5, "sleep": slept.append} | options
    )
    object.__setattr__(how, "slept", slept)
    return how

"""A whole country in one file: every corridor, outlines of many rings, one pass, bounded memory."""

import json
import subprocess
import sys

import numpy as np
import osmium
import pytest
import shapely
from click.testing import CliRunner

import cpecgeo as cg
from cpecgeo.catalogue.lines import corridor_rows
from cpecgeo.cli import app
from cpecgeo.osm.sources import read_extract
from tests.osm.conftest import quiet
from tests.osm.country import ASIDE_DEG, Writer, districts, noise, roads
from tests.osm.standin import served

ASIDE_KM = ASIDE_DEG * 110.9


@pytest.fixture(scope="module")
def country(tmp_path_factory):
    out = Writer(tmp_path_factory.mktemp("country") / "country.osm.pbf")
    refs = roads(out)
    areas, clipped = districts(out)
    return out.close(), refs, areas, clipped


@pytest.fixture(scope="module")
def gained(country, tmp_path_factory):
    """All corridors and outlines, refreshed once, and how often the file was read."""
    folder = tmp_path_factory.mktemp("gained")
    passes = []
    real = osmium.FileProcessor
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CPECGEO_CACHE", str(folder))
        patch.setattr(osmium, "FileProcessor", lambda *a, **k: passes.append(a) or real(*a, **k))
        done = []
        table = cg.osm.refresh_all(file=country[0], progress=lambda *at: done.append(at))
    return folder, table, passes, done


def test_the_file_is_read_once_and_every_name_has_a_row(gained):
    _, table, passes, done = gained
    assert len(passes) == 1
    names = [*corridor_rows(), "provinces", "districts"]
    assert set(table.index) == set(names)
    assert len(table) == len(names)
    assert done == [(i + 1, len(names)) for i in range(len(names))]


def test_every_road_number_is_found_and_what_was_gained_is_told(gained, country):
    _, table, _, _ = gained
    refs = {ref for ref in country[1].values() if ref}
    assert {"N-35", "N-25", "N-85", "N-50", "N-10", "N-40", "M-2", "M-5", "M-8", "M-14"} <= refs
    lines = table.loc[list(corridor_rows())]
    refreshed = lines[lines["outcome"] == "refreshed"]
    assert len(refreshed) == len(lines), lines.loc[lines["outcome"] != "refreshed", "outcome"]
    assert refreshed["ratio"].between(0.97, 1.03).mean() > 0.9
    # All lines lie 0.22 km to the north, so less than that to the side where they run north.
    assert refreshed["mean_deviation_km"].median() == pytest.approx(ASIDE_KM * 2 / np.pi, rel=0.35)
    assert refreshed["p95_deviation_km"].median() < 1.2 * ASIDE_KM
    assert (refreshed["snapshot"].str[:10] == "2026-01-02").all()


@pytest.mark.parametrize("name", ["m2", "kkh", "ml1", "n25"])
def test_a_refreshed_corridor_lies_where_the_file_has_it(gained, name, monkeypatch):
    monkeypatch.setenv("CPECGEO_CACHE", str(gained[0]))
    drawn = cg.corridor(name)
    with cg.using(geometry="osm"):
        new = cg.corridor(name)
    aside = shapely.transform(drawn.line, lambda xy: xy + [0.0, ASIDE_DEG])
    km = np.linspace(5.0, new.end_km - 5.0, 200)
    off = cg.nearest(new.at(km), aside)["distance_km"]
    assert off.quantile(0.95) < 0.05
    assert new.end_km == pytest.approx(drawn.end_km)


def test_outlines_of_several_rings_holes_and_members_that_are_missing(country):
    path, _, areas, clipped = country
    found = {b.relation: b for b in read_extract(path, levels=["6"]).boundaries}
    assert set(found) == {*areas, clipped}, "routes and subareas of another level are none"
    for number, area in areas.items():
        assert found[number].geometry.equals(area)
    assert found[clipped].geometry is None


def test_memory_doesnt_grow_with_what_isnt_wanted(tmp_path):
    """Ten times the houses: only pyosmium's index of nodes grows, 16 bytes each and its reserve."""
    code = (
        "import sys; from tests.memory import peak; from cpecgeo.osm.sources import read_extract\n"
        "read_extract(sys.argv[1], ['[\"highway\"]']); before = peak()\n"
        "found = read_extract(sys.argv[2], ['[\"highway\"]'], levels=['6'])\n"
        "print(peak() - before, len(found.ways))"
    )
    small, large = noise(tmp_path / "a.osm.pbf", 200), noise(tmp_path / "b.osm.pbf", 40_000)
    run = subprocess.run(
        [sys.executable, "-c", code, str(small), str(large)],
        capture_output=True, text=True, check=True, timeout=240,
    )  # fmt: skip
    grown, ways = map(int, run.stdout.split())
    assert ways == 0
    assert grown < 100, "320,000 nodes; their names and houses alone would be 150 MB as Python's"


def test_through_overpass_politely_and_on_where_it_stopped(country, cache):
    """After 429 and 504 it waits; after a break in the middle nothing is requested twice."""
    names = ["m2", "m3", "m4"]
    with served(country[0]) as server:
        how = quiet(server)
        server.behaviour += ["limited", "busy", "well"]
        first = cg.osm.refresh_all(names[:1], overpass=how)
        assert first.loc["m2", "outcome"] == "refreshed"
        assert how.slept[0] >= 7, "as Retry-After says"
        assert sum(how.slept) >= 7.5
        assert all("cpecgeo" in agent for agent in server.agents)
        asked = len(server.queries)
        server.behaviour += ["well", *["busy"] * 50]
        with pytest.raises(cg.errors.NetworkError, match=r"of 3 are refreshed; call again"):
            cg.osm.refresh_all(names, overpass=how)
        server.behaviour.clear()
        before = list(server.queries)
        table = cg.osm.refresh_all(names, overpass=how)
        assert (table["outcome"] == "refreshed").all()
        answered = set(before[:asked][2:]) | {before[asked]}
        assert not answered & set(server.queries[len(before) :]), "answers are kept"


def test_the_shell_shows_what_was_gained_on_a_narrow_screen(gained, monkeypatch):
    folder, table, _, _ = gained
    monkeypatch.setenv("CPECGEO_CACHE", str(folder))
    monkeypatch.setattr(cg.osm, "refresh_all", lambda **_: table)
    done = CliRunner().invoke(app, ["osm", "refresh", "--all"])
    assert done.exit_code == 0, done.output
    head, *rows = done.stdout.splitlines()
    assert head.split()[:4] == ["name", "ratio", "p95_deviation_km", "gaps"]
    refreshed = table.index[table["outcome"] == "refreshed"]
    assert [row.split()[0] for row in rows] == list(refreshed)
    assert max(map(len, [head, *rows])) <= 80
    for name in table.index.difference(refreshed):
        assert f"{name} as bundled: " in done.stderr
    assert f"{len(refreshed)} of {len(table)} refreshed; data of 2026-01-02" in done.stderr
    told = CliRunner().invoke(app, ["osm", "refresh", "--all", "--json"]).stdout
    assert {row["outcome"] for row in json.loads(told)} == set(table["outcome"])

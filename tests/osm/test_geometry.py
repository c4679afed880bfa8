"""`using(geometry="osm")`: one word, and every verb, map, report and route follows it."""

import os
import shutil
import subprocess
import sys
import threading

import numpy as np
import pandas as pd
import pytest
import shapely

import cpecgeo as cg
from cpecgeo.catalogue import assemble, corridor_rows, geometry
from cpecgeo.catalogue.files import fingerprint, in_force, stored_path
from cpecgeo.catalogue.geometry import Line, Stored, cut_section, redrawn_sections
from cpecgeo.errors import DataWarning, InputError
from cpecgeo.features import corridors
from cpecgeo.geodesy import distance_km, length_km
from cpecgeo.routing.graph import _describe_redrawn
from tests.osm.conftest import RAILS

NAMES = ["taxila-havelian", "rohri-chaman", "kkh"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two corridors refreshed from the file in one pass; the third isn't in it."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CPECGEO_CACHE", str(folder))
        steps = []
        table = cg.osm.refresh_all(NAMES, file=RAILS, progress=lambda *n: steps.append(n))
    assert steps == [(1, 3), (2, 3), (3, 3)]
    return folder, table


@pytest.fixture
def refreshed(made, cache):
    shutil.copytree(made[0], cache)
    return cache


def test_all_in_one_pass_is_each_alone(made, cache, monkeypatch):
    """The line of each corridor is what its own refresh gives."""
    folder, table = made
    for name in NAMES[:2]:
        alone = cg.osm.refresh(name, file=RAILS)
        monkeypatch.setenv("CPECGEO_CACHE", str(folder))
        together = cg.osm.refreshed(name)
        monkeypatch.setenv("CPECGEO_CACHE", str(cache))
        assert together.corridor.line.equals(alone.corridor.line)
        assert together.record == alone.record
        row = table.loc[name]
        assert row["outcome"] == "refreshed"
        assert row["new_km"] == pytest.approx(length_km(alone.corridor.line))
        assert row["ratio"] == pytest.approx(row["new_km"] / cg.length_km(name))
        assert row["gaps"] == len(alone.gaps)
        assert row["max_deviation_km"] >= row["p95_deviation_km"] >= row["mean_deviation_km"] > 0
    assert "no ways for kkh" in table.loc["kkh", "outcome"]
    assert np.isnan(table.loc["kkh", "ratio"])


def test_blocks_nest_and_end(refreshed):
    old, new = (cg.length_km(cg.corridor("rohri-chaman", geometry=g)) for g in ("bundled", "osm"))
    assert old != pytest.approx(new, rel=1e-3)
    assert cg.length_km("rohri-chaman") == old
    with cg.using(geometry="osm"):
        assert cg.length_km("rohri-chaman") == new
        with cg.using(geometry="bundled"):
            assert cg.length_km("rohri-chaman") == old
        assert cg.length_km("rohri-chaman") == new
        assert cg.corridor("rohri-chaman").geometry == "osm"
    with pytest.raises(ZeroDivisionError), cg.using(geometry="osm"):
        _ = 1 / 0
    assert in_force() == "bundled"
    assert cg.length_km("rohri-chaman") == old


def test_threads_have_their_own(refreshed):
    """Two threads with different geometries at once, many times over."""
    old, new = (cg.length_km(cg.corridor("rohri-chaman", geometry=g)) for g in ("bundled", "osm"))
    barrier, wrong = threading.Barrier(2), []

    def work(geometry, expected):
        for _ in range(20):
            with cg.using(geometry=geometry):
                barrier.wait(timeout=60)
                if cg.length_km("rohri-chaman") != expected:
                    wrong.append(geometry)

    threads = [threading.Thread(target=work, args=a) for a in (("osm", new), ("bundled", old))]
    with cg.using(geometry="osm"):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_the_environment_says_it_too(refreshed, monkeypatch):
    new = cg.length_km(cg.corridor("rohri-chaman", geometry="osm"))
    monkeypatch.setenv("CPECGEO_GEOMETRY", "osm")
    assert cg.length_km("rohri-chaman") == new
    with cg.using(geometry="bundled"):
        assert cg.length_km("rohri-chaman") != new
    monkeypatch.setenv("CPECGEO_GEOMETRY", "OSM")
    with pytest.raises(InputError, match="CPECGEO_GEOMETRY is 'OSM'"):
        cg.length_km("rohri-chaman")
    monkeypatch.setenv("CPECGEO_GEOMETRY", "")
    assert in_force() == "bundled"


def test_another_word_is_refused():
    for wrong in ("OSM", "", None, 1):
        with pytest.raises(InputError, match="'bundled' or 'osm'"), cg.using(geometry=wrong):
            pass


def test_the_shell_says_it_too(refreshed):
    def run(*words, **variables):
        command = [sys.executable, "-m", "cpecgeo", *words]
        done = subprocess.run(
            command, capture_output=True, text=True, env=os.environ | variables, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    plain = run("length", "rohri-chaman", "--json")
    assert run("--geometry", "osm", "length", "rohri-chaman", "--json") != plain
    assert run("length", "rohri-chaman", "--json", CPECGEO_GEOMETRY="osm") == run(
        "--geometry", "osm", "length", "rohri-chaman", "--json"
    )
    assert run("--geometry", "bundled", "length", "rohri-chaman", "--json") == plain
    assert "corridors/rohri-chaman" in run("osm", "cache")
    told = subprocess.run(
        [sys.executable, "-m", "cpecgeo", "--geometry", "osm", "length", "kkh"],
        capture_output=True, text=True, check=True,
    ).stderr  # fmt: skip
    assert told.splitlines() == [
        "cpecgeo: Corridor 'kkh' isn't refreshed from OpenStreetMap; its bundled line stands in."
    ]


def test_what_was_not_refreshed_falls_back_and_is_named(refreshed):
    mines = cg.layer("mines")
    with cg.using(geometry="osm"):
        with pytest.warns(DataWarning, match="'kkh' isn't refreshed"):
            assert cg.corridor("kkh").geometry == "bundled"
        with pytest.warns(DataWarning):
            near = cg.nearest(mines, ["kkh", "rohri-chaman"])
    assert near.attrs["geometry"] == "osm"
    assert near.attrs["bundled"] == ["kkh"]
    alone = cg.nearest(mines, ["kkh", "rohri-chaman"])
    assert alone.attrs["geometry"] == "bundled"
    assert "bundled" not in alone.attrs


VERBS = {
    "nearest": lambda: cg.nearest(cg.layer("mines"), "rohri-chaman"),
    "within": lambda: cg.within(cg.layer("places"), "rohri-chaman", 30),
    "rings": lambda: cg.rings("rohri-chaman", [5]),
    "buffer": lambda: cg.buffer(["rohri-chaman"], 5),
    "exposure": lambda: cg.exposure("rohri-chaman", list(range(1, 15))),
    "profile": lambda: cg.profile("rohri-chaman", 20),
    "locate": lambda: cg.locate(cg.layer("mines"), "rohri-chaman"),
    "crossed": lambda: cg.crossed("rohri-chaman", "provinces"),
    "length_km": lambda: cg.length_km(["rohri-chaman"]),
    "section": lambda: cg.length_km(["rohri-chaman", "taxila-havelian"]),
    "distance": lambda: cg.distance_matrix_km(["Quetta", "Sibi"], ["rohri-chaman"]),
    "density": lambda: cg.density_along("rohri-chaman", cg.layer("places")),
    "sections": lambda: cg.layer("sections").drop(columns="ratio"),
    "corridors": cg.corridors,
    "network": lambda: cg.network().edges,
    "legs": lambda: cg.route("Rohri", "Sibi", mode="rail").legs,
    "reach": lambda: cg.reach("Rohri", km=100, mode="rail").edges,
}


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_follows_and_says_so(refreshed, verb):
    plain = VERBS[verb]()
    with cg.using(geometry="osm"):
        better = VERBS[verb]()
    assert plain.attrs["geometry"] == "bundled"
    assert better.attrs["geometry"] == "osm"
    again = VERBS[verb]()
    assert plain.equals(again), "what was refreshed leaked out of the block"
    assert not plain.equals(better)


def test_layers_hold_the_new_lines(refreshed):
    with cg.using(geometry="osm"):
        sections, corridors = cg.layer("sections"), cg.layer("corridors")
        new = cg.corridor("rohri-chaman")
        cited = cg.cite("rohri-chaman")
    for part in new.sections.to_dict("records"):
        assert sections.loc[part["id"], "drawn_km"] == pytest.approx(part["drawn_km"], abs=1e-9)
        assert sections.loc[part["id"], "licence"] == "ODbL-1.0"
        line = sections.geometry[part["id"]]
        assert line.equals(part["geometry"]) or line.reverse().equals(part["geometry"])
    assert corridors.geometry["rohri-chaman"].equals(new.line)
    assert corridors.loc["rohri-chaman", "length_km"] == pytest.approx(new.length_km)
    assert "kkh" in corridors.attrs["bundled"]
    assert "rohri-chaman" not in corridors.attrs["bundled"]
    assert cited.startswith(cg.layer("corridors").loc["rohri-chaman", "title"])
    assert "OpenStreetMap 2024-04-19" in cited
    assert "ODbL-1.0" in cited
    assert "OpenStreetMap 2024" not in cg.cite("rohri-chaman")


@pytest.mark.parametrize("whole", [True, False])
def test_a_section_on_mapped_track_alone_is_known_to_50_m(monkeypatch, whole):
    """Some tens of metres; a section with a gap stays as good as it was."""
    bundled = cg.layer("sections")
    name = "rohri-chaman"
    made = Line(bundled.geometry[name], np.zeros(0), 1.0, whole, "any", "A source")
    monkeypatch.setattr(geometry, "redrawn_sections", lambda _key: {name: made})
    frame, about = geometry.redraw("sections", bundled, "a key")
    old, new = bundled.loc[name], frame.loc[name]
    assert new["accuracy_km"] == (0.05 if whole else old["accuracy_km"])
    assert new["basis"] == ("surveyed" if whole else old["basis"])
    assert new["ratio"] == pytest.approx(1 / old["official_km"])
    assert about["geometry"] == "osm"
    assert name not in about["bundled"]
    # The edges of the network as well.
    edges = cg.network().edges.copy()
    row = int(np.flatnonzero(edges["section"] == name)[0])
    redrawn = _describe_redrawn(edges.copy(), {row: made})
    assert redrawn["accuracy_km"].iloc[row] == (0.05 if whole else edges["accuracy_km"].iloc[row])
    others = np.arange(len(edges)) != row
    assert redrawn["accuracy_km"][others].equals(edges["accuracy_km"][others])


def test_legs_end_where_mapped_track_or_their_section_does():
    legs = pd.DataFrame(
        {
            "section": ["a", "a", "b"], "km_from": [0.0, 10.0, 20.0], "km_to": [10.0, 20.0, 30.0],
            "basis": ["gazetteer", "schematic", "gazetteer"], "accuracy_km": [1.0, 9.0, 2.0],
        }
    )  # fmt: skip
    kept = Stored({}, {"met": [], "missed": [], "gaps": [[22.0, 25.0, "x", "y", "z"]]}, None)
    assert corridors._redraw_legs(legs, kept).to_numpy().tolist() == [
        ["a", 0.0, 20.0, "surveyed", 0.05],
        ["b", 20.0, 22.0, "surveyed", 0.05],
        ["b", 22.0, 25.0, "gazetteer", 2.0],
        ["b", 25.0, 30.0, "surveyed", 0.05],
    ]


def test_sections_keep_their_direction_and_kilometres(refreshed):
    """A section that its corridor runs against, too: start, end and km are where they were."""
    old = cg.layer("sections")
    with cg.using(geometry="osm"):
        new = cg.layer("sections")
        lines = redrawn_sections(fingerprint())
    assert len(lines) >= 2
    for name, line in lines.items():
        before, after = old.geometry[name], new.geometry[name]
        assert after.equals(line.line)
        for i in (0, -1):
            ends = [shapely.Point(g.coords[i]) for g in (before, after)]
            assert distance_km(*ends) < 3
        assert line.measures_km[0] == 0
        assert (np.diff(line.measures_km) >= 0).all()
        assert len(line.measures_km) == len(after.coords)
        total = {
            s["id"]: s["km_to"] - s["km_from"]
            for s in cg.corridor(line.corridor).sections.to_dict("records")
        }
        assert line.measures_km[-1] == pytest.approx(total[name])


def test_a_section_run_against_its_direction():
    """The line of a corridor that runs over a section backwards, cut out of it, is turned."""
    against = [
        (corridor, name, a, b)
        for corridor in corridor_rows()
        for name, a, b, turned in assemble(corridor).sections
        if turned and b > a
    ]
    assert against
    assert any(a > 0 for _, _, a, _ in against)
    for corridor, name, a, b in against:
        chain = cg.corridor(corridor).chainage
        spans = [[i, x, y] for i, x, y, _ in assemble(corridor).sections]
        kept = Stored(
            {"snapshot": None, "origin": "x", "sections": spans}, {"gaps": [], "missed": []}, chain
        )
        line = cut_section(corridor, kept, a, b, against=True)
        there = [
            shapely.Point(one.coords[0]) for one in (line.line, cg.layer("sections").geometry[name])
        ]
        assert distance_km(*there) < 0.6  # ends of two sections may be two points of one station
        assert line.measures_km[0] == 0
        assert line.measures_km[-1] == pytest.approx(b - a)
        assert line.whole
        # Each vertex has the km that it has along the corridor, counted from the other end.
        along = cut_section(corridor, kept, a, b, against=False)
        assert along.line.reverse().equals_exact(line.line, 0)
        np.testing.assert_allclose(line.measures_km, (b - a) - along.measures_km[::-1])
        inner = [a + km for km in along.measures_km[1:-1]]
        assert inner == pytest.approx([km for km in chain.measures_km if a + 1e-9 < km < b - 1e-9])


def test_a_layer_that_stays_is_named_as_one(refreshed):
    with cg.using(geometry="osm"):
        assert cg.crossed("rohri-chaman").attrs["bundled"] == ["districts"]


def test_the_network_keeps_kilometres_and_joins(refreshed):
    """Same edges, same calibrated km; lines on the new track; ends where the nodes are."""
    plain = cg.network()
    with cg.using(geometry="osm"):
        better = cg.network()
        line = cg.corridor("rohri-chaman").line
    keys = ["u", "v", "mode", "km", "hours", "section", "status"]
    assert better.edges[keys].equals(plain.edges[keys])
    moved = (better.edges["licence"] != plain.edges["licence"]) | (
        better.edges["source"] != plain.edges["source"]
    )
    own = better.edges[moved & better.edges["section"].str.startswith("rohri")]
    assert len(own) > 3
    # But for the few metres that join an edge to its node, each lies on the refreshed line.
    middle = shapely.line_interpolate_point(own.geometry.to_numpy(), 0.5, normalized=True)
    assert max(distance_km(at, line) for at in middle) < 0.02
    for made, km, (u, v) in zip(
        better.edges.geometry, better.measures, better.edges[["u", "v"]].to_numpy(), strict=True
    ):
        assert len(made.coords) == len(km)
        assert (np.diff(km) >= 0).all()
        gaps = [
            distance_km(shapely.Point(at), better.nodes.geometry.iloc[node])
            for at, node in ((made.coords[0], u), (made.coords[-1], v))
        ]
        assert max(gaps) < 2.0  # as in the bundled network, where two points are one junction
    ends = {
        (n, made.coords[i])
        for made, uv in zip(own.geometry, own[["u", "v"]].to_numpy().tolist(), strict=True)
        for n, i in zip(uv, (0, -1), strict=True)
    }
    assert all(shapely.Point(at).equals(better.nodes.geometry.iloc[n]) for n, at in ends)


def test_a_route_stays_what_it_was_found_as(refreshed):
    with cg.using(geometry="osm"):
        found = cg.route("Rohri", "Sibi", mode="rail")
        inside = cg.route("Rohri", "Sibi", mode="rail").line
    assert found.line.equals(inside)  # drawn only now
    plain = cg.route("Rohri", "Sibi", mode="rail")
    assert not plain.line.equals(inside)
    assert found.chainage_km == pytest.approx(plain.chainage_km, rel=0.02)


def test_maps_and_reports_follow(refreshed, tmp_path):
    name = "taxila-havelian"
    before = cg.Map().add(name).save(tmp_path / "plain.html").read_bytes()
    with cg.using(geometry="osm"):
        after = cg.Map().add(name).save(tmp_path / "osm.html").read_bytes()
        told = cg.report(name).to_markdown()
    assert before != after
    assert b"OpenStreetMap 2024-04-19" in after
    assert "OpenStreetMap 2024-04-19" in told
    assert told != cg.report(name).to_markdown()


def test_memory_follows_the_files(refreshed):
    """A file that comes, changes or goes is seen by the next call."""
    with cg.using(geometry="osm"):
        first, key = cg.length_km("taxila-havelian"), fingerprint()
        stored_path("corridors", "taxila-havelian").unlink()
        assert fingerprint() != key
        with pytest.warns(DataWarning, match="taxila-havelian"):
            assert cg.length_km("taxila-havelian") != first
        cg.osm.refresh("taxila-havelian", file=RAILS)
        assert cg.length_km("taxila-havelian") == first


def test_a_damaged_file_is_named_and_left_out(refreshed):
    path = stored_path("corridors", "taxila-havelian")
    path.write_bytes(path.read_bytes()[:-9])
    with cg.using(geometry="osm"):
        with pytest.warns(DataWarning, match="damaged"):
            sections = cg.layer("sections")
        with pytest.warns(DataWarning, match="'taxila-havelian' isn't refreshed"):
            cg.corridor("taxila-havelian")
        new = cg.length_km("rohri-chaman")
    assert "taxila-havelian" in sections.attrs["bundled"]
    assert new == cg.length_km(cg.corridor("rohri-chaman", geometry="osm"))


def test_the_cache_is_passed_on_as_a_folder(refreshed, tmp_path, monkeypatch):
    """A colleague without internet copies the folder and names it."""
    new = cg.corridor("rohri-chaman", geometry="osm").line
    shutil.move(refreshed, tmp_path / "stick")
    monkeypatch.setenv("CPECGEO_CACHE", str(tmp_path / "stick"))
    with cg.using(geometry="osm"):
        assert cg.corridor("rohri-chaman").line.equals(new)

"""`refresh` whole: on a Pakistani rail extract, over HTTP and from the file."""

import json
import subprocess
import sys

import numpy as np
import pytest
import shapely

import cpecgeo as cg
from cpecgeo.catalogue.files import read_checked, stored_path, write_checked
from cpecgeo.catalogue.geometry import load_stored
from cpecgeo.errors import DataError, FileError, InputError, NetworkError, UnknownNameError
from cpecgeo.geodesy import distance_km, length_km
from cpecgeo.osm.sources import read_extract
from tests.osm.conftest import RAILS, quiet


@pytest.fixture(scope="module")
def ml1(tmp_path_factory):
    """ML-1 refreshed from the file, in a cache of this module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CPECGEO_CACHE", str(tmp_path_factory.mktemp("ml1")))
        yield cg.osm.refresh("ML-1", file=RAILS)


def test_the_line_lies_on_the_track(ml1):
    """But for the gaps, every vertex of the new line lies on a way of the extract."""
    ways = read_extract(RAILS, ['["railway"]']).ways
    tracks = [
        shapely.LineString(ways.xy[ways.ref[a:b]])
        for a, b in zip(ways.first[:-1], ways.first[1:], strict=True)
    ]
    line = ml1.corridor
    posts = line.km_posts(5)
    km = posts["km"].to_numpy()
    bounds = np.interp(
        ml1.gaps[["km_from", "km_to"]].to_numpy(float),
        [0, *ml1.stops_met["km"], 1e9],
        [0, *ml1.stops_met["osm_km"], 1e9],
    )
    free = ~np.any([(km >= a - 1e-6) & (km <= b + 1e-6) for a, b in bounds], axis=0)
    off = distance_km(posts.geometry[free], shapely.MultiLineString(tracks))
    assert free.sum() > 250
    assert off.max() < 1e-3


def test_it_runs_from_end_to_end_and_onwards(ml1):
    old, new = cg.corridor("ml1"), ml1.corridor
    assert distance_km(shapely.Point(new.line.coords[0]), old.at(0)) < 2
    assert distance_km(shapely.Point(new.line.coords[-1]), old.at(old.end_km)) < 2
    assert new.end_km == old.end_km == 1732
    assert (np.diff(new.chainage.measures_km) >= 0).all()
    assert abs(new.length_km / old.length_km - 1) < 0.03
    assert new.length_km == pytest.approx(length_km(new.line))


def test_km_posts_stay_and_stops_are_at_their_km(ml1):
    """Where a station has a post, the place of the line beside it carries that post."""
    kept = ml1.stops_met.merge(
        ml1.corridor.stops[["name", "post_km"]].dropna(), on="name", how="inner"
    )
    assert len(kept) > 100
    assert kept["osm_km"].tolist() == pytest.approx(kept["km"].tolist())
    for name in ("Rohri Junction", "Lahore Junction"):
        stop = ml1.corridor.stops.set_index("name").loc[name]
        assert distance_km(ml1.corridor.at(name), stop.geometry) < 1


def test_what_was_done_is_recorded(ml1):
    record = ml1.record
    assert record["snapshot"] == "2024-04-19T00:00:00Z"
    assert record["origin"] == "pakistan-rail.osm.pbf"
    assert record["queries"] == ['["railway"~"^(rail|narrow_gauge)$"]']
    assert record["licence"] == "ODbL-1.0"
    assert record["gap_km"] == pytest.approx((ml1.gaps["km_to"] - ml1.gaps["km_from"]).sum())
    assert (ml1.gaps["reason"] != "").all()
    assert len(ml1.ways) == record["ways"] > 20
    assert ml1.ways["tags"].iloc[0]["gauge"] == "1676"
    assert ml1.corridor.sources[0].startswith("OpenStreetMap 2024-04-19")
    assert set(ml1.corridor.sections["licence"]) == {"ODbL-1.0"}
    assert "OpenStreetMap contributors" in ml1._repr_html_()


def test_gaps_keep_the_drawn_line(ml1):
    old = cg.corridor("ml1")
    for a, b in ml1.gaps[["km_from", "km_to"]].to_numpy(float):
        for km in np.linspace(a, b, 7)[1:-1]:
            # The drawn line between its own vertices; the ends are moved to the track.
            assert distance_km(old.at(float(km)), ml1.corridor.line) < 8


def test_over_http_as_from_the_file(rail_server):
    local = cg.osm.refresh("taxila-havelian", file=RAILS)
    done = []
    online = cg.osm.refresh(
        "taxila-havelian", overpass=quiet(rail_server), progress=lambda *n: done.append(n)
    )
    assert online.corridor.line.equals(local.corridor.line)
    assert online.record["origin"] == rail_server.address
    assert online.record["snapshot"] == "2023-12-26T21:21:22Z"
    assert all("poly:" in q for q in online.record["queries"])
    assert done[-1] == (len(online.record["queries"]),) * 2
    assert cg.corridor("Taxila–Havelian", geometry="osm").line.equals(local.corridor.line)


@pytest.mark.parametrize(
    "how", ["html", "limited", "half", "cut", "remark", "partial", "busy", "hang up"]
)
def test_a_failed_refresh_leaves_the_old(rail_server, how):
    cg.osm.refresh("taxila-havelian", file=RAILS)
    path = stored_path("corridors", "taxila-havelian")
    before = path.read_bytes()
    overpass = quiet(rail_server, tries=2)
    rail_server.behaviour[:] = [how] * 2
    with pytest.raises(NetworkError):
        cg.osm.refresh("taxila-havelian", overpass=overpass)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_two_processes_refresh_at_once(cache):
    """Each writes a whole file, so the stored file is whole whichever comes last."""
    code = f"import cpecgeo as cg; cg.osm.refresh('taxila-havelian', file={str(RAILS)!r})"
    both = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [p.wait(timeout=300) for p in both] == [0, 0]
    path = stored_path("corridors", "taxila-havelian")
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    assert cg.corridor("taxila-havelian", geometry="osm").length_km > 50


def test_refresh_all_goes_on_where_it_stopped(rail_server, cache):
    """What a server answered before it failed is kept: lines, and answers to further queries."""
    names = ["taxila-havelian", "rohri-chaman"]
    how = quiet(rail_server, tries=1)
    rail_server.behaviour[:] = ["well", "well", "busy"]
    with pytest.raises(NetworkError, match="1 of 2 are refreshed; call again"):
        cg.osm.refresh_all(names, overpass=how)
    assert stored_path("corridors", "taxila-havelian").is_file()
    first = len(rail_server.queries) - 1
    table = cg.osm.refresh_all(names, overpass=how)
    assert table["outcome"].tolist() == ["refreshed"] * 2
    asked = [len(cg.osm.refreshed(name).record["queries"]) for name in names]
    assert len(rail_server.queries) == sum(asked) + 1
    assert first >= asked[0]


def test_refresh_all_knows_its_names():
    with pytest.raises(UnknownNameError, match="districts"):
        cg.osm.refresh_all(["distrcts"], file=RAILS)
    with pytest.raises(FileError, match="no file"):
        cg.osm.refresh_all(file="none.osm.pbf")


def test_nothing_found_leaves_the_old():
    with pytest.raises(DataError, match="no ways"):
        cg.osm.refresh("n10", file=RAILS)
    assert not stored_path("corridors", "n10").exists()


def test_not_refreshed_is_said():
    with pytest.raises(DataError, match=r"osm\.refresh\('kkh'\)"):
        cg.corridor("Karakoram Highway", geometry="osm")
    with pytest.raises(InputError, match="'bundled' or 'osm'"):
        cg.corridor("kkh", geometry="OSM")


def test_a_changed_file_is_refused():
    cg.osm.refresh("taxila-havelian", file=RAILS)
    path = stored_path("corridors", "taxila-havelian")
    data = path.read_bytes()
    for at in (40, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(DataError):
            cg.corridor("taxila-havelian", geometry="osm")
    path.write_bytes(data[:-10])
    with pytest.raises(DataError, match="sha256"):
        cg.corridor("taxila-havelian", geometry="osm")


def test_another_version_of_the_sections_is_refused():
    cg.osm.refresh("taxila-havelian", file=RAILS)
    path = stored_path("corridors", "taxila-havelian")
    record, body = read_checked(path)
    write_checked(path, record | {"sections": ["other"]}, body)
    with pytest.raises(DataError, match="other sections"):
        cg.corridor("taxila-havelian", geometry="osm")


@pytest.mark.parametrize(("km", "is_refused"), [(0.5e-6, False), (1.5e-6, True), (0.1, True)])
def test_sections_of_other_lengths_are_others(km, is_refused):
    cg.osm.refresh("taxila-havelian", file=RAILS)
    path = stored_path("corridors", "taxila-havelian")
    record, body = read_checked(path)
    *first, (name, start, end) = record["sections"]
    for spans in ([*first, [name, start, end + km]], [*first, [name, start - km, end]]):
        write_checked(path, record | {"sections": spans}, body)
        if is_refused:
            with pytest.raises(DataError, match="other sections"):
                load_stored("taxila-havelian")
        else:
            assert load_stored("taxila-havelian").chainage.end_km == pytest.approx(end)


def test_deviation_measures_the_old_line_against_the_new(tmp_path):
    cg.osm.refresh("rohri-chaman", file=RAILS)
    seen = cg.osm.deviation("rohri-chaman", every_km=10)
    old, new = cg.corridor("rohri-chaman"), cg.corridor("rohri-chaman", geometry="osm")
    frame = seen.per_km
    assert frame["km"].tolist() == list(range(0, int(old.end_km) + 1, 10))
    independent = [distance_km(old.at(float(km)), new.line) for km in frame["km"]]
    assert frame["deviation_km"].tolist() == pytest.approx(independent, abs=1e-6)
    assert seen.summary["max_deviation_km"] <= frame["deviation_km"].max()
    assert not frame["schematic"].any()
    page = tmp_path / "compare.html"
    seen.explore().save(page)
    text = page.read_text(encoding="utf-8")
    assert "Deviation per km" in text
    assert "Drawn line" in text
    json.dumps(seen.summary)
    by_km = cg.osm.refreshed("rohri-chaman").deviation().per_km["km"]
    assert by_km.tolist() == list(range(int(old.end_km) + 1))

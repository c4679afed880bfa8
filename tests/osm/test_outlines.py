"""Districts and provinces from administrative relations, from a file and over HTTP."""

import numpy as np
import osmium
import pytest
import shapely

import cpecgeo as cg
from cpecgeo.catalogue.files import stored_path
from cpecgeo.errors import DataError, NetworkError
from cpecgeo.geodesy import area_km2
from cpecgeo.osm.sources import read_extract
from tests.osm.conftest import EXTRACTS, MONACO, quiet
from tests.osm.standin import served

# Corners of a made-up country of rectangles over Balochistan and Punjab. A district is made of the
# ways around it, some against its direction; one has an exclave, one a hole.
POINTS = {
    1: (66.5, 29.8), 2: (67.2, 29.8), 3: (67.9, 29.8),
    4: (66.5, 30.6), 5: (67.2, 30.6), 6: (67.9, 30.6),
    11: (66.8, 30.1), 12: (66.9, 30.1), 13: (66.9, 30.2), 14: (66.8, 30.2),
    21: (68.0, 29.9), 22: (68.1, 29.9), 23: (68.1, 30.0),
    31: (74.2, 31.4), 32: (74.6, 31.4), 33: (74.6, 31.7), 34: (74.2, 31.7),
    41: (10.0, 50.0), 42: (11.0, 50.0), 43: (11.0, 51.0),
}  # fmt: skip
WAYS = {
    101: [1, 2], 102: [2, 5], 103: [5, 4, 1], 104: [3, 2], 105: [3, 6, 5],
    106: [11, 12, 13, 14, 11], 107: [21, 22, 23, 21],
    108: [31, 32, 33, 34, 31], 109: [41, 42, 43, 41],
}  # fmt: skip
OUTER, INNER = "outer", "inner"
UNITS = [
    (1, "6", {"name": "ضلع کوئٹہ", "name:en": "Quetta District"},
     [(101, OUTER), (102, OUTER), (103, OUTER), (106, INNER)]),
    (2, "6", {"name:en": "Sibi", "name:ur": "سبی"},
     [(102, OUTER), (104, OUTER), (105, OUTER), (107, OUTER)]),
    (3, "6", {"name": "Newtown District"}, [(106, OUTER)]),
    (4, "6", {"name": "Lahore District"}, [(108, OUTER)]),
    (5, "6", {"name": "Kreis Anderswo"}, [(109, OUTER)]),
    (6, "5", {"name": "Quetta Division"}, [(101, OUTER), (104, OUTER), (105, OUTER), (103, OUTER)]),
    (7, "4", {"name": "Balochistan"}, [(101, OUTER), (104, OUTER), (105, OUTER), (103, OUTER)]),
]  # fmt: skip
MUTABLE = osmium.osm.mutable


def write(path, *, without=()):
    header = osmium.io.Header()
    header.set("osmosis_replication_timestamp", "2026-01-02T00:00:00Z")
    with osmium.SimpleWriter(str(path), header=header) as out:
        for number, at in POINTS.items():
            out.add_node(MUTABLE.Node(id=number, location=at))
        for number, nodes in WAYS.items():
            if number not in without:
                out.add_way(MUTABLE.Way(id=number, nodes=nodes, tags={"admin_level": "6"}))
        for number, level, names, members in UNITS:
            tags = {"type": "boundary", "boundary": "administrative", "admin_level": level}
            refs = [("w", ref, role) for ref, role in members]
            out.add_relation(MUTABLE.Relation(id=number, members=refs, tags=tags | names))
    return path


def ring(*numbers):
    return [POINTS[n] for n in numbers]


HOLE = shapely.Polygon(ring(11, 12, 13, 14))
QUETTA = shapely.Polygon(ring(1, 2, 5, 4)).difference(HOLE)
SIBI = shapely.MultiPolygon([shapely.Polygon(ring(2, 3, 6, 5)), shapely.Polygon(ring(21, 22, 23))])


@pytest.fixture
def extract(tmp_path):
    return write(tmp_path / "small.osm.pbf")


def test_areas_are_those_of_the_relations(extract):
    got = cg.osm.refresh("districts", file=extract)
    shapes = got.frame.geometry
    assert shapes["quetta"].equals(QUETTA)
    assert shapes["sibi"].equals(SIBI)
    assert shapes["osm-3"].equals(HOLE)
    assert got.incomplete == ()
    assert got.record["snapshot"] == "2026-01-02T00:00:00Z"
    assert got.record["unmatched"] == ["Newtown District"]
    assert got.record["units"] == 4  # neither the one abroad nor those of other levels
    shown = got._repr_html_()
    assert "OpenStreetMap contributors" in shown
    stay = len(got.bundled)
    assert f": 4 outlines, {stay} stay as bundled, 0 incomplete" in shown
    assert len(got.frame) == 4 + stay


def test_the_layer_is_used_only_where_it_is_said(extract):
    before = cg.layer("districts")
    cg.osm.refresh("districts", file=extract)
    assert cg.layer("districts").equals(before)
    with cg.using(geometry="osm"):
        after = cg.layer("districts")
        line = shapely.LineString([(66.6, 30.3), (67.8, 30.3)])
        zones = cg.crossed(line)
    assert after.attrs["geometry"] == "osm"
    assert zones["zone"].tolist() == ["quetta", "sibi"]
    assert zones["km_out"].iloc[0] == pytest.approx(
        cg.length_km(shapely.LineString([(66.6, 30.3), (67.2, 30.3)])), abs=1e-3
    )
    assert zones.attrs["geometry"] == "osm"
    assert cg.crossed(line).attrs["geometry"] == "bundled"


def test_facts_stay_with_the_unit(extract):
    """Ids, provinces and kinds are the layer's; outline, source and licence are the relation's."""
    old, new = cg.layer("districts"), cg.osm.refresh("districts", file=extract).frame
    assert list(new.columns) == list(old.columns)
    assert new.index.is_unique
    assert new.index.tolist() == new["id"].tolist()
    for name in ("quetta", "lahore", "sibi"):
        for column in ("name", "kind", "province"):
            assert new.loc[name, column] == old.loc[name, column]
        assert new.loc[name, "licence"] == "ODbL-1.0"
        assert new.loc[name, "source"].startswith("OpenStreetMap relation")
        assert new.loc[name, "source_date"] == "2026-01-02"
        assert np.isnan(new.loc[name, "accuracy_km"])
    assert new.loc["osm-3", "name"] == "Newtown"
    assert new.loc["osm-3", "province"] == "Balochistan"
    assert new.attrs["licence"].count("ODbL-1.0") == 1


def test_what_is_not_mapped_stays_unless_it_is_covered(extract):
    old, got = cg.layer("districts"), cg.osm.refresh("districts", file=extract)
    new = set(got.frame["id"])
    assert "gwadar" in new
    assert "gwadar" in got.bundled
    assert got.frame.geometry["gwadar"].equals(old.geometry["gwadar"])
    middles = old.geometry.representative_point()
    covered = middles.intersects(shapely.union_all([QUETTA, SIBI, HOLE]))
    gone = set(old["id"]) - new
    assert gone == set(old["id"][covered]) - {"quetta", "sibi"}
    assert gone
    # A bundled outline is cut by its refreshed neighbours, so that no point lies in two.
    beside = got.frame.geometry["qila-abdullah"]
    assert beside.within(old.geometry["qila-abdullah"].buffer(1e-9))
    assert not old.geometry["qila-abdullah"].within(beside)
    assert beside.intersection(QUETTA).area < 1e-12


def test_overlap_is_shared_area(extract):
    got = cg.osm.refresh("districts", file=extract)
    old = cg.layer("districts").geometry["quetta"]
    both = area_km2(old.intersection(QUETTA))
    either = area_km2(old.union(QUETTA))
    assert got.overlap["quetta"] == pytest.approx(both / either, rel=1e-3)
    assert set(got.overlap.index) == {"quetta", "sibi", "lahore"}


def test_over_http_as_from_the_file(extract, cache):
    local = cg.osm.refresh("districts", file=extract)
    with served(extract) as standin:
        done = []
        how = quiet(standin)
        online = cg.osm.refresh("districts", overpass=how, progress=lambda *n: done.append(n))
        asked = len(standin.queries)
        again = cg.osm.refresh("districts", overpass=how)
        assert len(standin.queries) == asked  # answers are kept
    assert online.frame.geometry.geom_equals(local.frame.geometry).all()
    assert again.frame.equals(online.frame)
    assert online.record["origin"] == standin.address
    assert done[-1] == (asked, asked)
    assert all("'admin_level'='6'" in q for q in online.record["queries"])
    assert online.record["snapshot"] == "2023-12-26T21:21:22Z"


def test_a_failed_refresh_leaves_the_old(extract):
    cg.osm.refresh("districts", file=extract)
    before = stored_path("outlines", "districts").read_bytes()
    with served(extract) as standin:
        how = quiet(standin, tries=2)
        standin.behaviour[:] = ["busy"] * 2
        with pytest.raises(NetworkError):
            cg.osm.refresh("districts", overpass=how)
        # What was answered before the failure isn't requested again.
        standin.behaviour[:] = ["well", "busy", "busy"]
        with pytest.raises(NetworkError):
            cg.osm.refresh("districts", overpass=how)
        standin.queries.clear()
        standin.behaviour[:] = []
        got = cg.osm.refresh("districts", overpass=how)
        assert len(standin.queries) == len(got.record["queries"]) - 1
    assert stored_path("outlines", "districts").read_bytes() != before


def test_clipped_relations_are_named(tmp_path):
    file = write(tmp_path / "clipped.osm.pbf", without=(104,))
    got = cg.osm.refresh("districts", file=file)
    assert got.incomplete == ("Sibi",)
    assert "sibi" not in got.overlap.index
    with pytest.raises(DataError, match="no whole provinces"):
        cg.osm.refresh("provinces", file=file)
    assert not stored_path("outlines", "provinces").exists()


def test_provinces_and_all_in_one_pass(extract):
    alone = [cg.osm.refresh(name, file=extract).frame for name in ("districts", "provinces")]
    table = cg.osm.refresh_all(["Districts", "provinces"], file=extract)
    assert table["outcome"].tolist() == ["refreshed"] * 2
    assert table["units"].tolist() == [4.0, 1.0]
    assert 0 < table.loc["provinces", "overlap"] < 0.2
    with cg.using(geometry="osm"):
        for name, frame in zip(("districts", "provinces"), alone, strict=True):
            assert cg.layer(name).equals(frame)


def test_maps_draw_the_new_outlines(extract, tmp_path):
    cg.osm.refresh("districts", file=extract)
    pages = []
    for geometry in ("bundled", "osm", "bundled"):
        with cg.using(geometry=geometry):
            view = cg.Map(background=["districts"])
            pages.append(view.save(tmp_path / "page.html").read_bytes())
    assert pages[0] == pages[2] != pages[1]
    assert b"Newtown" in pages[1]


def test_real_boundaries_are_the_faces_of_their_ways():
    """The reference is the union of the faces that shapely builds from the same ways."""
    path = EXTRACTS / "monaco-wards.osm.pbf"
    found = read_extract(path, levels=["10"]).boundaries
    nodes, ways, members = {}, {}, {}
    for thing in osmium.FileProcessor(str(path)):
        if thing.is_node():
            nodes[thing.id] = (thing.lon, thing.lat)
        elif thing.is_way():
            ways[thing.id] = shapely.LineString([nodes[n.ref] for n in thing.nodes])
        else:
            members[thing.id] = [m.ref for m in thing.members if m.type == "w"]
    whole = [b for b in found if b.geometry is not None]
    assert len(found) == 9
    assert len(whole) >= 5
    for ward in found:
        lines = [ways[ref] for ref in members[ward.relation] if ref in ways]
        faces = shapely.get_parts(shapely.polygonize(lines))
        if ward.geometry is None:
            assert len(lines) < len(members[ward.relation])
        else:
            assert ward.geometry.equals(shapely.union_all(faces))
            assert ward.geometry.is_valid
    pairs = [(a, b) for a in whole for b in whole if a.relation < b.relation]
    assert all(a.geometry.intersection(b.geometry).area == 0 for a, b in pairs)


def test_extracts_without_boundaries_have_none():
    """Ways of Monaco, whose relations were left out."""
    assert read_extract(MONACO, levels=["6"]).boundaries == ()
    with pytest.raises(DataError, match="admin_level 6"):
        cg.osm.refresh("districts", file=MONACO)

"""The table of formats in the documentation, tried cell by cell."""

import re
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from shapely.geometry import Point

import cpecgeo as cg
from cpecgeo import scale
from cpecgeo.errors import InputError
from cpecgeo.files.formats import FORMATS, SUFFIXES

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "files.md"
FRAME = gpd.GeoDataFrame({"n": ["a", "b"]}, geometry=[Point(67, 25), Point(68, 26)], crs=4326)
TOPOLOGY = (
    '{"type": "Topology", "objects": {"o": {"type": "GeometryCollection", "geometries": ['
    '{"type": "Point", "coordinates": [67, 25], "properties": {"n": "a"}}, '
    '{"type": "Point", "coordinates": [68, 26], "properties": {"n": "b"}}]}}, "arcs": []}'
)


def cells():
    for row in re.findall(r"^\| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE):
        _, suffixes, *answers = row.split(" | ")
        for suffix in re.findall(r"`(.+?)`", suffixes):
            yield suffix, *(answer == "yes" for answer in answers)


CELLS = list(cells())


def test_every_suffix_has_a_row():
    assert sorted(c[0] for c in CELLS) == sorted(SUFFIXES)
    assert len(FORMATS) == 11


def tried(call):
    try:
        call()
    except InputError:
        return False
    return True


@pytest.mark.parametrize(("suffix", "reads", "writes", "streams_in", "streams_out"), CELLS)
def test_each_cell(suffix, reads, writes, streams_in, streams_out, tmp_path):
    path = tmp_path / f"in{suffix}"
    assert tried(lambda: cg.write(FRAME, path)) is writes
    if not writes:
        path.write_text(TOPOLOGY, encoding="utf-8")
    assert reads
    assert cg.read(path)["n"].tolist() == ["a", "b"]
    out = tmp_path / "out.csv"
    assert tried(lambda: scale.nearest_file(path, out, targets="ml1")) is streams_in
    if streams_in:
        want = cg.nearest(FRAME, "ml1")["distance_km"].tolist()
        assert pd.read_csv(out)["distance_km"].tolist() == pytest.approx(want, abs=1e-9)
    source, result = tmp_path / "s.csv", tmp_path / f"out2{suffix}"
    cg.write(FRAME, source)
    assert tried(lambda: scale.nearest_file(source, result, targets="ml1")) is streams_out
    if streams_out:
        want = cg.nearest(FRAME, "ml1")["distance_km"].tolist()
        there = cg.read(result)
        assert there["distance_km"].tolist() == pytest.approx(want, abs=1e-9)
        assert there["n"].tolist() == ["a", "b"]
        assert list(there.geometry) == list(FRAME.geometry)


def test_an_unknown_suffix_names_what_the_verb_can_do(tmp_path):
    with pytest.raises(InputError) as refused:
        cg.write(Point(67, 25), tmp_path / "a.docx")
    assert ".topojson" not in str(refused.value)
    assert ".gpkg" in str(refused.value)
    with pytest.raises(InputError, match=r"\.topojson"):
        cg.read(tmp_path / "a.docx")

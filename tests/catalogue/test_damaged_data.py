"""Bundled data that is missing, damaged or edited is refused, and the message names the file."""

import shutil
from pathlib import Path

import pytest

from cpecgeo.catalogue import files
from cpecgeo.errors import DataError

DATA = Path(files.data_path("sections.csv")).parent


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of the data that may be damaged, and a catalogue that reads it afresh."""
    folder = tmp_path / "data"
    shutil.copytree(DATA, folder)
    monkeypatch.setattr(files, "_root", lambda: folder)
    cached = (files._hashes, files._check, files.read_table, files.read_features)
    for function in cached:
        function.cache_clear()
    yield folder
    for function in cached:
        function.cache_clear()


def test_whole_data_is_read(copy):
    assert len(files.read_table("mines.csv")) > 5
    assert len(files.read_features("lines.geojson")) > 50


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("mines.csv", files.read_table),
        ("lines.geojson", files.read_features),
        ("derived/elevation.npz", files.data_path),
    ],
)
def test_one_changed_byte_is_found(copy, name, read):
    path = copy / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="sha256") as caught:
        read(name)
    assert str(path) in str(caught.value)


def test_a_cut_file_is_found(copy):
    path = copy / "odbl/lines.geojson"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(DataError, match="Install again"):
        files.read_features("odbl/lines.geojson")


def test_a_missing_file_is_named(copy):
    (copy / "ports.csv").unlink()
    with pytest.raises(DataError, match=r"ports\.csv"):
        files.read_table("ports.csv")


@pytest.mark.parametrize("content", ["{", "[]", '{"resources": [{}]}'])
def test_a_broken_descriptor_is_named(copy, content):
    (copy / "datapackage.json").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=r"datapackage\.json"):
        files.read_table("ports.csv")

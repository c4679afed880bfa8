"""Compressed files that unpack to more than they should are refused before they do."""

import gzip
import io
import zipfile

import pytest

import cpecgeo as cg
from cpecgeo.errors import CpecgeoError, FileError
from cpecgeo.files import disk as archives
from cpecgeo.files.text import open_bytes

KML = (
    '<kml xmlns="http://www.opengis.net/kml/2.2"><Placemark><Point><coordinates>67,25'
    "</coordinates></Point></Placemark></kml>"
)


def pack(path, **files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name.replace("_", "."), data)
    return path


@pytest.mark.parametrize("suffix", [".kmz", ".zip", ".xlsx"])
def test_zip_bombs(suffix, tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_BYTES", 1_000_000)
    path = pack(tmp_path / f"a{suffix}", doc_kml=KML + " " * 2_000_000)
    assert path.stat().st_size < 5_000
    with pytest.raises(FileError, match="unpacks to 1 files of 2,000"):
        cg.read(path)
    many = {f"f{i}_kml": "" for i in range(10_001)}
    with pytest.raises(FileError, match="10,001 files"):
        cg.read(pack(tmp_path / f"b{suffix}", **many))


def test_a_list_of_contents_that_lies(tmp_path):
    """Reading ends at the stated size; a file that goes on is an error."""
    path = pack(tmp_path / "a.kmz", doc_kml=KML + " " * 100_000)
    raw = bytearray(path.read_bytes())
    size = (len(KML) + 100_000).to_bytes(4, "little")
    assert raw.count(size) == 2
    path.write_bytes(bytes(raw).replace(size, (len(KML)).to_bytes(4, "little")))
    with pytest.raises(FileError, match="damaged"):
        cg.read(path)


def test_gzip_bombs(tmp_path, monkeypatch):
    monkeypatch.setattr(open_bytes.__wrapped__, "__defaults__", (6_000_000,))
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"lon,lat\n" + b"67,25\n" * 2_000_000))
    with pytest.raises(FileError, match="unpacks to more than 6,000,000"):
        cg.read(path)
    for raw in (b"lon,lat\n1,2\n", gzip.compress(b"lon,lat\n1,2\n")[:-9], b""):
        path.write_bytes(raw)
        with pytest.raises(FileError):
            cg.read(path)


def test_gzip_bombs_however_they_are_read(tmp_path, monkeypatch):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"0" * 5_000_000))
    for read in (
        lambda file: file.read(),
        lambda file: file.readinto(bytearray(5_000_000)),
        lambda file: io.TextIOWrapper(file).read(),
        lambda file: [*file],
        lambda file: file.seek(4_000_000) and file.read(1),
    ):
        with (
            pytest.raises(FileError, match="to more than 1,000"),
            open_bytes(path, "it", 1_000) as it,
        ):
            read(it)
    with open_bytes(path, "it", 5_000_000) as it:
        assert len(it.read()) == 5_000_000
    monkeypatch.setattr(open_bytes.__wrapped__, "__defaults__", (1_000_000,))
    path.write_bytes(gzip.compress(("lon,lat\n" + "67,25\n" * 500_000).encode("utf-16")))
    with pytest.raises(FileError, match="to more than 1,000,000"):
        cg.read(path)


def test_names_that_lead_out_of_the_folder(tmp_path):
    path = tmp_path / "in" / "a.kmz"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../out.kml", KML)
        archive.writestr("/etc/other.txt", "x")
    assert len(cg.read(path)) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["in"]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/doc.kml", KML)
        archive.writestr("b/doc.kml", KML)
    with pytest.raises(FileError, match="two files named"):
        cg.read(path)
    with pytest.raises(FileError, match="no .kml"):
        cg.read(pack(path, a_txt="x"))


@pytest.mark.filterwarnings("ignore::cpecgeo.errors.CpecgeoWarning")
@pytest.mark.parametrize("suffix", [".kmz", ".shp.zip"])
def test_a_changed_byte_anywhere_in_an_archive_is_one_short_line(suffix, tmp_path):
    """Names may become empty or not UTF-8, and headers differ from the list of contents."""
    path = tmp_path / f"a{suffix}"
    cg.write(cg.layer("ports").head(1)[["id", "geometry"]], path)
    raw = path.read_bytes()
    said = []
    for at in [*range(0, len(raw), 9), *range(len(raw) - 200, len(raw), 2)]:
        path.write_bytes(raw[:at] + bytes([raw[at] ^ 0xE0]) + raw[at + 1 :])
        try:
            cg.read(path)
        except CpecgeoError as error:
            said.append(str(error))
    assert len(said) > 20
    assert all(len(text) < 1_000 and "\n" not in text for text in said)
    # The list of contents gives an entry no name.
    held = bytearray(raw)
    start = held.rindex(b"PK\x01\x02")
    held[start + 28 : start + 30] = b"\0\0"
    path.write_bytes(held)
    with pytest.raises(FileError):
        cg.read(path)

"""XML that grows without end or reads other files, however it is written."""

import gzip
import io
import zipfile

import pytest

from cpecgeo.errors import CpecgeoError, FileError
from cpecgeo.files.reading import read

WORDS = "a secret of this machine"


def laughs(levels=9):
    """Ten to the power of `levels` copies."""
    entities = ['<!ENTITY a0 "ha">']
    entities += [f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, levels + 1)]
    return f"<!DOCTYPE kml [{''.join(entities)}]>", f"&a{levels};"


def outside(folder, how):
    (folder / "secret.txt").write_text(WORDS)
    where = (folder / "secret.txt").as_uri()
    if how == "general":
        return f'<!DOCTYPE kml [<!ENTITY e SYSTEM "{where}">]>', "&e;"
    if how == "parameter":
        return f'<!DOCTYPE kml [<!ENTITY % p SYSTEM "{where}"> %p;]>', "x"
    if how == "subset":
        return f'<!DOCTYPE kml SYSTEM "{where}">', "x"
    return f'<!DOCTYPE kml PUBLIC "-//x" "{where}">', "x"


def kml(prolog, name):
    return (
        f'{prolog}<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark>'
        f"<name>{name}</name><Point><coordinates>70,30</coordinates></Point></Placemark>"
        "</Document></kml>"
    )


def gpx(prolog, name):
    return (
        f'{prolog}<gpx version="1.1" creator="x" xmlns="http://www.topografix.com/GPX/1/1">'
        f'<wpt lat="30" lon="70"><name>{name}</name></wpt></gpx>'
    )


WRITERS = {".kml": kml, ".gpx": gpx}
ENCODINGS = [
    "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7", "cp037", "latin-1",
]  # fmt: skip


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("suffix", WRITERS)
def test_bombs_are_refused_in_every_encoding(suffix, encoding, tmp_path):
    prolog, name = laughs()
    declared = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>'
    path = tmp_path / f"a{suffix}"
    for text in (WRITERS[suffix](declared + prolog, name), WRITERS[suffix](prolog, name)):
        path.write_bytes(text.encode(encoding))
        with pytest.raises(FileError):
            read(path)


@pytest.mark.parametrize("how", ["general", "parameter", "subset", "public"])
@pytest.mark.parametrize("suffix", WRITERS)
def test_other_files_are_not_read(suffix, how, tmp_path):
    path = tmp_path / f"a{suffix}"
    path.write_text(WRITERS[suffix](*outside(tmp_path, how)), encoding="utf-8")
    with pytest.raises(FileError, match="declares") as caught:
        read(path)
    assert WORDS not in str(caught.value)


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_late_or_hidden_declaration_is_found(suffix, tmp_path):
    prolog, name = laughs(2)
    path = tmp_path / f"a{suffix}"
    for before in ("<!-- <kml> -->" * 5_000, " " * 100_000, "<?pi <gpx> ?>", "\ufeff"):
        path.write_text(WRITERS[suffix](before + prolog, name), encoding="utf-8")
        with pytest.raises(FileError):
            read(path)


@pytest.mark.parametrize("suffix", WRITERS)
def test_text_about_a_declaration_is_text(suffix, tmp_path):
    """What looks like a declaration inside character data is none."""
    path = tmp_path / f"a{suffix}"
    path.write_text(WRITERS[suffix]("", "<![CDATA[<!DOCTYPE x>]]>"), encoding="utf-8")
    assert "<!DOCTYPE x>" in read(path).astype(str).to_numpy().tolist()[0]


@pytest.mark.parametrize("suffix", [".kml", ".gpx", ".geojson", ".gpkg"])
def test_archives_are_not_unpacked(suffix, tmp_path):
    prolog, name = laughs()
    bomb = kml(prolog, name).encode()
    box = io.BytesIO()
    with zipfile.ZipFile(box, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("doc.kml", bomb)
    path = tmp_path / f"a{suffix}"
    for packed in (box.getvalue(), gzip.compress(bomb)):
        path.write_bytes(packed)
        with pytest.raises(FileError):
            read(path)
    said = {
        "a.kmz": "declares",
        "a.zip": "no shapefile",
        "a.kml.gz": "formats are",
        "a.svgz": "formats are",
    }
    for other, words in said.items():
        (tmp_path / other).write_bytes(box.getvalue())
        with pytest.raises(CpecgeoError, match=words):
            read(tmp_path / other)


def test_deep_and_endless_documents(tmp_path):
    for name, text in (
        ("deep.kml", "<kml>" * 200_000),
        ("deep.geojson", '{"type":"FeatureCollection","features":' + "[" * 200_000),
        ("deep2.geojson", '{"a":' * 100_000),
        ("many.geojson", '{"type":"FeatureCollection"} ' * 3),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(FileError):
            read(tmp_path / name)


def test_openstreetmap_files_declare_nothing(tmp_path):
    from cpecgeo import osm

    prolog, name = laughs()
    path = tmp_path / "a.osm"
    path.write_text(
        f'<?xml version="1.0"?>{prolog}<osm version="0.6"><node id="1" lat="30" lon="70">'
        f'<tag k="railway" v="{name}"/></node></osm>'
    )
    with pytest.raises(FileError):
        osm.refresh("taxila-havelian", file=path)

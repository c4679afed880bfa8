"""A message is one line, whatever the names in it hold."""

import pytest

import cpecgeo as cg
from cpecgeo.errors import CpecgeoError, FileError, InputError, UnknownNameError
from cpecgeo.features.lookup import find
from cpecgeo.files.reading import read
from cpecgeo.scale import nearest_file


@pytest.mark.parametrize("kind", [InputError, FileError])
def test_control_characters_are_spelt_out(kind):
    assert str(kind("a\nb\x1c\x00 گوادر")) == "a\\nb\\x1c\\x00 گوادر"


def test_a_name_of_two_lines():
    with pytest.raises(CpecgeoError) as caught:
        cg.corridor("no\nsuch\u2028road")
    assert len(str(caught.value).splitlines()) == 1


def test_a_column_of_two_lines(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"id,na,lon,la,Gw\x00\x1cme,lo\n1,2,3,4,5,6\n")
    with pytest.raises(CpecgeoError) as caught:
        read(path)
    assert len(str(caught.value).splitlines()) == 1


def test_kml_of_no_placemark(tmp_path):
    path = tmp_path / "a.kml"
    path.write_text('<?x?>\n<kml xmlns="inl/2.2">\n<Document id="r">\nelder>\n</Document></kml>\n')
    with pytest.raises(FileError, match="holds no placemark"):
        read(path)


def test_a_streamed_header_with_line_breaks_inside(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"id,name,lon\r\r\r,lat\na,b,67,25\n")
    with pytest.raises(FileError, match="can't be read as CSV"):
        nearest_file(path, tmp_path / "o.csv", targets="ml1")


@pytest.mark.parametrize(("count", "listed"), [(0, False), (1, True), (20, True), (21, False)])
def test_few_known_names_are_listed_and_many_are_not(count, listed):
    known = [f"name{i:02}" for i in range(count)]
    error = UnknownNameError("zzz", "layer", known)
    assert str(error) == "No layer named 'zzz'." + (
        f" Known: {', '.join(known)}." if listed else ""
    )
    assert error.near == []


def test_the_nearest_names_come_with_the_error():
    error = UnknownNameError("Karachy", "place", ["Karachi", "Quetta"])
    assert error.near == ["Karachi"]
    assert "Did you mean 'Karachi'? Known: Karachi, Quetta." in str(error)


def test_an_unknown_name_is_told_which_kinds_were_looked_in():
    with pytest.raises(
        UnknownNameError, match=r"No corridor, section, place, layer, district or p"
    ):
        find("zzqq")
    with pytest.raises(UnknownNameError, match=r"No place or layer for sites named 'zzqq'"):
        find("zzqq", what="sites", among=("place", "layer", "file"))

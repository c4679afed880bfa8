"""A message is one line, whatever the names in it hold."""

import pytest

import cpecgeo as cg
from cpecgeo.errors import CpecgeoError, FileError, InputError
from cpecgeo.formats import read


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

"""What is written to the user's cache is read again as it was, or refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cpecgeo.catalogue.files import read_checked, write_checked
from cpecgeo.errors import DataError, FileError
from tests.effort import tries

RECORDS = st.dictionaries(st.text(max_size=8), st.integers() | st.text(max_size=8), max_size=4)


@tries(40)
@given(record=RECORDS, body=st.binary(max_size=400))
def test_what_is_written_is_read(tmp_path_factory, record, body):
    path = tmp_path_factory.mktemp("cache") / "made on the way" / "line.bin"
    write_checked(path, record, body)
    assert read_checked(path) == (record, body)


def test_the_head_states_the_bytes_that_follow(tmp_path):
    path = tmp_path / "line.bin"
    write_checked(path, {"name": "قراقرم"}, b"x" * 5_000)
    head, _, packed = path.read_bytes().partition(b"\n")
    assert json.loads(head)["bytes"] == len(packed) < 5_000
    assert "قراقرم" in head.decode()


@pytest.mark.parametrize("place", ["record", "body", "format", "cut"])
def test_what_was_changed_is_refused(tmp_path, place):
    path = tmp_path / "line.bin"
    write_checked(path, {"name": "ml1"}, b"a line")
    held = path.read_bytes()
    changed = {
        "record": held.replace(b"ml1", b"ml2"),
        "body": held[:-1] + bytes([held[-1] ^ 1]),
        "format": held.replace(b'"cpecgeo": 1', b'"cpecgeo": 2'),
        "cut": held[:20],
    }[place]
    path.write_bytes(changed)
    with pytest.raises(DataError, match="again"):
        read_checked(path)


def test_a_file_that_is_not_there_is_one_clear_error(tmp_path):
    with pytest.raises(FileError, match="can't be read"):
        read_checked(tmp_path / "none.bin")

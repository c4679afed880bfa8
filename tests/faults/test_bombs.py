"""Archives of some megabytes that unpack to gigabytes, in a process with little memory."""

import gzip
import os
import subprocess
import sys
import zipfile

import pytest

from .test_kills import ROOT

pytestmark = pytest.mark.skipif(os.name == "nt", reason="limits of POSIX")
BLOCK = b"0" * (1 << 24)
# Reads in 3 GB of addresses and says what came, and how much memory that took at most.
CODE = """
import resource, sys
import cpecgeo as cg
from cpecgeo.errors import CpecgeoError
from tests.memory import peak
cg.read(sys.argv[2])
resource.setrlimit(resource.RLIMIT_AS, (3_000_000_000, 3_000_000_000))
try:
    print(len(cg.read(sys.argv[1])))
except CpecgeoError as error:
    print(type(error).__name__, error)
print(peak())
"""
HEADS = {
    ".kmz": ("doc.kml", b'<kml xmlns="http://www.opengis.net/kml/2.2">'),
    ".xlsx": ("xl/worksheets/sheet1.xml", b"<worksheet>"),
    ".zip": ("a.shp", b"\0\0\x27\x0a"),
    ".csv.gz": ("", b"name,lon,lat\n"),
}


def pack(path, size):
    """Write a file of zeros, as large as it is said, into an archive."""
    name, head = HEADS["".join(path.suffixes)]
    if not name:
        with gzip.open(path, "wb", compresslevel=1) as file:
            file.write(head)
            for _ in range(size >> 24):
                file.write(BLOCK)
        return
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open(name, "w", force_zip64=True) as file,
    ):
        file.write(head)
        for _ in range(size >> 24):
            file.write(BLOCK)


@pytest.mark.parametrize("suffix", HEADS)
@pytest.mark.parametrize("size", [500_000_000, 2_400_000_000])
def test_a_bomb_is_one_line_in_bounds(suffix, size, tmp_path):
    path, small = tmp_path / f"bomb{suffix}", tmp_path / "small.csv"
    pack(path, size)
    assert path.stat().st_size < size / 100
    small.write_text("lon,lat\n67,25\n")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", CODE, path, small],
        cwd=ROOT, env=os.environ | {"TMPDIR": str(temporary)}, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    said, megabytes = done.stdout.strip().splitlines()
    if suffix == ".csv.gz" and size < 2_000_000_000:
        assert said == "1"  # a row with a long name, and no position
    else:
        assert said.startswith("FileError"), said
    if size > 2_000_000_000 and suffix != ".csv.gz":
        # Told by the list of contents, before anything is unpacked.
        assert "unpacks to" in said
        assert int(megabytes) < 700
    assert list(temporary.iterdir()) == []

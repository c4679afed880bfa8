"""Streams of compressed CSV, and of tabs: read from the beginning on, written in members."""

import gzip
import io
import tracemalloc
import zlib

import numpy as np
import pandas as pd
import pytest

import cpecgeo as cg
from cpecgeo import scale
from cpecgeo.errors import FileError, InputError
from cpecgeo.files.text import Bounded
from cpecgeo.scale import tables
from tests.scale.samples import frame, table

ROWS = 3_000


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    path = tmp_path_factory.mktemp("packed") / "in.csv"
    table(frame(ROWS)).to_csv(path, index=False)
    return path


def pack(plain, path, members=1):
    raw = plain.read_bytes()
    size = -(-len(raw) // members)
    path.write_bytes(b"".join(gzip.compress(raw[i : i + size]) for i in range(0, len(raw), size)))
    return path


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt"])
@pytest.mark.parametrize("members", [1, 3])
def test_packed_or_not_the_rows_are_the_same(plain, tmp_path, suffix, members):
    want = tmp_path / "want.csv"
    small = {"targets": ["ml1", "kkh"], "batch_rows": 250, "part_rows": 700}
    scale.nearest_file(plain, want, **small)
    packed = pack(plain, tmp_path / "in.csv.gz", members)
    out = tmp_path / f"out{suffix}"
    run = scale.nearest_file(packed, out, **small)
    assert (run.rows_in, run.parts > 3) == (ROWS, True)
    raw = out.read_bytes()
    held = gzip.decompress(raw) if suffix.endswith(".gz") else raw
    if "tsv" not in suffix:
        assert held == want.read_bytes()
    separator = "\t" if "tsv" in suffix else ","
    back = pd.read_csv(io.BytesIO(held), sep=separator, dtype=str, keep_default_na=False)
    pd.testing.assert_frame_equal(back, pd.read_csv(want, dtype=str, keep_default_na=False))
    assert cg.read(out)["target"].fillna("").tolist() == back["target"].tolist()
    if suffix.endswith(".gz"):
        assert raw.count(b"\x1f\x8b\x08\x00\x00\x00\x00\x00") >= run.parts  # no time stamp


def test_text_with_tabs_in_it_is_quoted(tmp_path):
    source, out = tmp_path / "in.csv", tmp_path / "out.tsv"
    source.write_text('note,lon,lat\n"a\tb",67,25\n"c, d",67,25\n')
    scale.nearest_file(source, out, targets="ml1")
    assert out.read_text().splitlines()[1].startswith('"a\tb"\t67')
    assert cg.read(out)["note"].tolist() == ["a\tb", "c, d"]


@pytest.mark.parametrize("dies_after", [1, 2, 4])
def test_a_run_on_a_packed_file_goes_on_where_it_ended(plain, tmp_path, dies_after):
    source, out = pack(plain, tmp_path / "in.csv.gz", 2), tmp_path / "out.csv.gz"
    small = {"targets": "ml1", "batch_rows": 200, "part_rows": 600}
    scale.nearest_file(source, tmp_path / "whole.csv.gz", **small)

    class StopError(Exception):
        """What ends a run."""

    def stop(progress):
        if progress.rows >= dies_after * 600 + 200:
            raise StopError

    with pytest.raises(StopError):
        scale.nearest_file(source, out, progress=stop, **small)
    assert not out.exists()
    run = scale.nearest_file(source, out, resume=True, **small)
    assert run.parts_kept >= dies_after - 1
    assert run.parts_kept > 0 or dies_after == 1
    assert out.read_bytes() == (tmp_path / "whole.csv.gz").read_bytes()
    assert gzip.decompress(out.read_bytes()).count(b"\nml1") == 0
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_each_byte_is_unpacked_about_once(plain, tmp_path, monkeypatch):
    unpacked = []

    class Counted(Bounded):
        def read(self, size=-1):
            block = super().read(size)
            unpacked.append(len(block))
            return block

    monkeypatch.setattr("cpecgeo.files.text.Bounded", Counted)
    source = pack(plain, tmp_path / "in.csv.gz")
    scale.within_file(source, tmp_path / "o.csv", targets="ml1", km=5, batch_rows=50)
    # Once for the header, and once for the rows of the one pass.
    assert sum(unpacked) <= 2.2 * plain.stat().st_size + (1 << 21)


def test_utf16_and_other_encodings_packed(tmp_path):
    rows = "نام,lon,lat\nلاہور,74.34,31.55\n" * 1 + "کراچی,67.0,24.9\n" * 300
    path, out = tmp_path / "in.csv.gz", tmp_path / "out.csv"
    for encoding, stated in (("utf-16", None), ("utf-8-sig", None), ("cp1256", "cp1256")):
        given = (
            rows
            if encoding != "cp1256"
            else rows.replace("ہ", "ه").replace("ی", "ي").replace("ک", "ك")
        )
        path.write_bytes(gzip.compress(given.encode(encoding)))
        scale.nearest_file(path, out, targets="ml1", encoding=stated, batch_rows=40)
        found = pd.read_csv(out)
        assert len(found) == 301
        assert found.iloc[:, 0].tolist() == [row.split(",")[0] for row in given.splitlines()[1:]]


@pytest.mark.parametrize("cut", [0.2, 0.9, 0.999])
def test_damage_is_one_error_and_leaves_nothing(plain, tmp_path, cut):
    source = pack(plain, tmp_path / "in.csv.gz")
    whole = source.read_bytes()
    broken = bytearray(whole)
    broken[int(len(whole) * cut)] ^= 0xFF
    for raw in (whole[: int(len(whole) * cut)], bytes(broken)):
        source.write_bytes(raw)
        with pytest.raises((FileError, InputError)) as refused:
            scale.nearest_file(source, tmp_path / "o.csv", targets="ml1", batch_rows=100)
        assert len(str(refused.value)) < 400
        assert sorted(p.name for p in tmp_path.iterdir()) == ["in.csv.gz"]
    source.write_bytes(b"id,lon,lat\n1,67,25\n")
    with pytest.raises(FileError, match="can't be read as gzip"):
        scale.nearest_file(source, tmp_path / "o.csv", targets="ml1")


def test_a_bomb_is_refused_in_little_memory(tmp_path, monkeypatch):
    """A file may unpack to a hundred times its size; this one unpacks to a thousand times."""
    monkeypatch.setattr(tables, "MAX_BYTES", 20_000_000)
    path = tmp_path / "in.csv.gz"
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    rows = b"67.0,24.9\n" * 100_000
    whole = [packer.compress(b"lon,lat\n"), *(packer.compress(rows) for _ in range(30))]
    path.write_bytes(b"".join([*whole, packer.flush()]))
    assert path.stat().st_size * 100 < 30_000_000
    tracemalloc.start()
    with pytest.raises(FileError, match="unpacks to more than 20,000,000 bytes"):
        scale.nearest_file(path, tmp_path / "o.csv", targets="ml1", batch_rows=20_000)
    assert tracemalloc.get_traced_memory()[1] < 100_000_000
    tracemalloc.stop()
    assert [p.name for p in tmp_path.iterdir()] == ["in.csv.gz"]
    monkeypatch.setattr(tables, "_MOST_PACKED", 10_000)
    run = scale.nearest_file(path, tmp_path / "o.csv", targets="ml1", batch_rows=500_000)
    assert run.rows_in == 3_000_000


def test_progress_of_a_packed_file_rises_to_one(plain, tmp_path):
    shares = []
    scale.nearest_file(
        pack(plain, tmp_path / "in.csv.gz"), tmp_path / "o.csv", targets="ml1", batch_rows=200,
        progress=lambda p: shares.append(p.share),
    )  # fmt: skip
    assert (np.diff(shares) >= 0).all()
    assert 0.5 < shares[-1] <= 1.0

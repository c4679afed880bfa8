"""A disk that fills up: a clear error, finished parts kept, the same bytes after."""

import contextlib
import gc
import os
import subprocess

import geopandas as gpd
import numpy as np
import pytest

import cpecgeo as cg
from cpecgeo import scale
from cpecgeo.errors import FileError
from tests.scale.samples import frame, write


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MB that can be enlarged; only root may mount one."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("this machine doesn't allow mounts")
    yield folder
    with contextlib.suppress(subprocess.CalledProcessError):
        subprocess.run(["umount", "-l", str(folder)], check=True, capture_output=True)


@pytest.mark.parametrize("name", ["o.parquet", "o.csv", "o.csv.gz"])
def test_full_disk_is_told_and_survived(small_disk, tmp_path, name):
    rows = 60_000 if name.endswith(".gz") else 20_000
    source = write(frame(rows), tmp_path / "s.csv", "csv")
    rows = {"batch_rows": 1_000, "part_rows": 2_000}
    scale.nearest_file(source, tmp_path / name, targets="ml1", **rows)
    with pytest.raises(FileError, match="disk is full"):
        scale.nearest_file(source, small_disk / name, targets="ml1", **rows)
    assert not (small_disk / name).exists()
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    done = scale.nearest_file(source, small_disk / name, targets="ml1", resume=True, **rows)
    assert done.parts_kept > 0
    assert (small_disk / name).read_bytes() == (tmp_path / name).read_bytes()


@pytest.mark.parametrize(
    "suffix",
    [".csv", ".tsv.gz", ".parquet", ".geojson", ".geojsonl", ".gpkg", ".kml", ".kmz", ".gpx",
     ".shp", ".shp.zip", ".fgb", ".xlsx"],
)  # fmt: skip
# The writer of Excel closes its archive when it is collected, and finds no room again.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_file_that_finds_no_room_leaves_the_earlier_one(small_disk, suffix):
    random = np.random.default_rng(7)
    # Numbers that don't compress: more than the disk holds in any format.
    points = gpd.points_from_xy(random.uniform(60, 80, 80_000), random.uniform(20, 40, 80_000))
    many = gpd.GeoDataFrame({"a": random.random(80_000)}, geometry=points, crs=4326)
    path = small_disk / f"o{suffix}"
    cg.write(many.head(20), path)
    before = {p.name: p.read_bytes() for p in small_disk.iterdir()}
    with pytest.raises(FileError) as refused:
        cg.write(many, path)
    assert len(str(refused.value).splitlines()) == 1
    assert {p.name: p.read_bytes() for p in small_disk.iterdir()} == before
    del refused
    gc.collect()

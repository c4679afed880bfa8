"""Every wrong or odd file, in every function that reads files."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from click.testing import CliRunner

import cpecgeo as cg
from cpecgeo import errors, scale
from cpecgeo.cli import app
from cpecgeo.files.reading import read
from cpecgeo.files.writing import write

from .files import FILES, GOOD, TABLE

RUN = CliRunner()


def made(what, tmp_path):
    suffix, make, memory, stream = FILES[what]
    path = tmp_path / f"in{suffix}"
    make(path)
    return path, memory, stream


def refused(call, name):
    with pytest.raises((errors.CpecgeoError, errors.CpecgeoWarning)) as caught:
        call()
    assert type(caught.value) is getattr(errors, name), caught.value
    text = str(caught.value)
    assert "\n" not in text
    assert 10 < len(text) < 500


@pytest.mark.parametrize("what", FILES)
def test_in_memory(what, tmp_path):
    path, error, _ = made(what, tmp_path)

    def answer():
        frame = read(path)
        return cg.nearest(frame.geometry, "taxila-havelian")

    if error is None:
        assert len(answer()) == len(read(path))
    else:
        refused(answer, error)


@pytest.mark.parametrize("what", [w for w, f in FILES.items() if f[3] != "-"])
def test_streamed(what, tmp_path):
    path, _, error = made(what, tmp_path)
    out = tmp_path / "out.csv"
    if error is None:
        done = scale.nearest_file(path, out, targets="taxila-havelian")
        assert done.rows_out == done.rows_in
        return
    refused(lambda: scale.nearest_file(path, out, targets="taxila-havelian"), error)
    if error == "DataWarning":
        return  # warned of with the answer
    # Nothing is left behind.
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("what", [w for w, f in FILES.items() if f[2] not in {None, "DataWarning"}])
def test_on_the_command_line(what, tmp_path):
    path, error, _ = made(what, tmp_path)
    out = tmp_path / "out.csv"
    run = RUN.invoke(app, ["near", str(path), "--to", "taxila-havelian", "-o", str(out)])
    assert run.exit_code == 1
    # A name without a suffix means a layer.
    assert type(run.exception) is getattr(errors, error), run.exception
    assert not out.exists()


@pytest.fixture
def good(tmp_path):
    path = tmp_path / "good.csv"
    TABLE.to_csv(path, index=False)
    return path


def full(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


WRITERS = {
    "read-only folder": (errno.EROFS, "Read-only"),
    "folder of another": (errno.EACCES, "Permission"),
    "full disk": (errno.ENOSPC, "No space"),
    "quota": (errno.EDQUOT, "quota"),
}


@pytest.mark.parametrize("what", WRITERS)
def test_a_place_that_cant_be_written(what, tmp_path, monkeypatch):
    """Root may write everywhere, so the system's answer is simulated."""
    code, words = WRITERS[what]

    def no(*_, **__):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("tempfile.mkdtemp", no)
    with pytest.raises(errors.FileError, match=words):
        write(GOOD, tmp_path / "a.gpkg")
    monkeypatch.setattr("tempfile.NamedTemporaryFile", no)
    for verb in (
        lambda: cg.Map(background=False).save(tmp_path / "m.html"),
        lambda: cg.report("taxila-havelian", draw=False).save(tmp_path / "r.md"),
    ):
        with pytest.raises(errors.FileError):
            verb()
    assert list(tmp_path.iterdir()) == []


def test_a_read_only_folder_for_a_stream(good, tmp_path, monkeypatch):
    def no(*_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("pathlib.Path.mkdir", no)
    with pytest.raises(errors.FileError, match="Read-only"):
        scale.nearest_file(good, tmp_path / "o.csv", targets="taxila-havelian")


@pytest.mark.parametrize("name", ["no/where.csv", "good.csv/x.csv", "x" * 300 + ".csv"])
def test_results_that_cant_lie_there(name, good, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for verb in (
        lambda: write(GOOD, name),
        lambda: scale.nearest_file(good, name, targets="taxila-havelian"),
    ):
        with pytest.raises(errors.FileError):
            verb()


def test_a_result_over_its_source_or_a_folder(good, tmp_path):
    with pytest.raises(errors.InputError, match="write to another"):
        scale.nearest_file(good, good, targets="taxila-havelian")
    (tmp_path / "o.csv").mkdir()
    with pytest.raises(errors.FileError, match="is a folder"):
        scale.nearest_file(good, tmp_path / "o.csv", targets="taxila-havelian")
    with pytest.raises(errors.FileError):
        write(GOOD, tmp_path / "o.csv")


def cells(folder):
    """Return a raster of its own."""
    about = {"driver": "GTiff", "width": 9, "height": 9, "count": 1, "dtype": "uint8", "crs": 4326}
    place = rasterio.Affine(0.1, 0, 66.6, 0, -0.1, 25.4)
    with rasterio.open(folder / "c.tif", "w", transform=place, **about) as out:
        out.write(np.ones((1, 9, 9), "uint8"))
    return folder / "c.tif"


EXTRAS = {
    "rasterio": ("raster", lambda p: cg.profile("taxila-havelian", 20, dem=p / "good.csv")),
    "exactextract": ("raster", lambda p: cg.exposure(shapely.Point(67, 25), 5, raster=cells(p))),
    "osmium": ("osm", lambda p: cg.osm.refresh("taxila-havelian", file=p / "good.csv")),
    "searoute": ("sea", lambda _: cg.routing.sea_route("Gwadar Port", "Karachi Port")),
    "matplotlib": (
        "plot",
        lambda _: __import__("cpecgeo.maps.figures", fromlist=["x"]).draw_profile("ml1"),
    ),
    "dask.dataframe": ("scale", lambda _: scale.nearest(TABLE, "taxila-havelian")),
}


@pytest.mark.parametrize("package", EXTRAS)
def test_a_missing_extra_is_named(package, good, tmp_path, monkeypatch):
    extra, verb = EXTRAS[package]
    for name in list(sys.modules):
        if name == package or name.startswith(f"{package}."):
            monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(errors.MissingExtraError, match=rf"cpecgeo\[{extra}\]"):
        verb(tmp_path)


# In another process, because imports can't be undone.
WITHOUT_PYARROW = """
import subprocess
import sys
from pathlib import Path
sys.modules["pyarrow"] = None
import cpecgeo as cg
from cpecgeo.cli import app
from cpecgeo.errors import MissingExtraError
from cpecgeo.files.reading import read
from cpecgeo.files.writing import write
from click.testing import CliRunner

table = read("good.csv")
assert len(cg.nearest(table, "taxila-havelian")) == len(table)
near = ["near", "good.csv", "--to", "taxila-havelian", "--stream", "-o", "o.csv"]
for door in (
    lambda: cg.scale.nearest_file,
    lambda: read("good.parquet"),
    lambda: write(table, "o.parquet"),
    lambda: (_ for _ in ()).throw(CliRunner().invoke(app, near).exception),
):
    try:
        door()
    except MissingExtraError as error:
        print(error)
"""


def test_without_pyarrow_files_name_the_extra_and_the_rest_works(good, tmp_path):
    (tmp_path / "good.parquet").write_bytes(b"PAR1")
    there = sorted(tmp_path.iterdir())
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_PYARROW],
        cwd=tmp_path, check=False, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(cg.__file__).parents[1])},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    said = run.stdout.splitlines()
    assert len(said) == 4
    assert all("pyarrow" in line and "'cpecgeo[scale]'" in line for line in said)
    assert sorted(tmp_path.iterdir()) == there

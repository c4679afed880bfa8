"""A run that ends at any one of its steps on the disk: nothing is lost, and it can go on."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import cpecgeo as cg
from cpecgeo import scale
from cpecgeo.errors import FileError
from tests.scale.samples import frame, write

from .test_kills import KILLS, ROOT

# Each step when there is time, else one in seven.
STRIDE = 1 if KILLS >= 50 else 7
ROWS = {"batch_rows": 300, "part_rows": 600}
STEPS = ["replace", "unlink", "rmdir", "mkdir", "hardlink_to", "open"]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="forks and signals of POSIX")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write(frame(1_500), tmp_path_factory.mktemp("source") / "s.csv", "csv")


def contents(path):
    """The bytes of a file, or of those in a folder."""
    if path.is_dir():
        return {p.name: p.read_bytes() for p in sorted(path.iterdir())}
    return path.read_bytes() if path.exists() else None


def crash(step, work):
    """Do the work in a process that ends, as by a kill, just before its step on the disk."""
    child = os.fork()
    if child == 0:
        left = [step]

        def counted(operation):
            def call(self, *args, **options):
                # Files that are only read, and those of others, change nothing.
                if operation is not STEP_OPEN or (args or ("r",))[0][0] in "wa":
                    if left[0] == 0:
                        os._exit(9)
                    left[0] -= 1
                return operation(self, *args, **options)

            return call

        for name in STEPS:
            setattr(Path, name, counted(getattr(Path, name)))
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


STEP_OPEN = Path.open


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", ["o.csv", "o.csv.gz", "o.parquet", "near"])
def test_ended_at_each_step(source, name, tmp_path):
    """The earlier result or the new one is there whole, or comes back with the next run."""
    expected = {}
    for to in ("kkh", "ml1"):
        plain = tmp_path / to / name
        plain.parent.mkdir()
        scale.nearest_file(source, plain, targets=to, **ROWS)
        expected[to] = contents(plain)
    home = tmp_path / "home"
    step, codes = 0, []
    while not codes or codes[-1] != 0:
        home.mkdir()
        (home / "thesis.txt").write_text("years of work")
        shutil.copytree(tmp_path / "kkh", home, dirs_exist_ok=True)
        out = home / name

        def run(out=out, **options):
            return scale.nearest_file(source, out, targets="ml1", replace=True, **ROWS, **options)

        codes.append(crash(step, run))
        assert codes[-1] in {0, 9}
        found = contents(out)
        if found is None:  # only between the two moves of a folder
            found = contents(home / f".{name}.parts" / "old")
        assert found in expected.values(), f"step {step}"
        assert (home / "thesis.txt").read_text() == "years of work"
        run(resume=True)
        assert contents(out) == expected["ml1"], f"step {step}"
        assert sorted(p.name for p in home.iterdir()) == sorted([name, "thesis.txt"])
        shutil.rmtree(home)
        step += STRIDE
    # Each of the three parts takes three steps at least, and the run was ended before each of them.
    assert step > 3 * 3


def test_interrupted_command_keeps_its_parts(tmp_path):
    """Ctrl-C ends with 130 and without a traceback; the run goes on where it was."""
    source = write(frame(400_000), tmp_path / "s.csv", "csv")
    out = tmp_path / "o.csv"
    code = (
        # A run in the background ignores Ctrl-C, and so do its children.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "import sys; import cpecgeo.scale.files as f; f.nearest_file.__kwdefaults__.update("
        "batch_rows=5_000, part_rows=10_000); from cpecgeo.cli import main; main()"
    )
    command = [sys.executable, "-c", code, "near", source, "--to", "ml1", "-o", out, "--stream"]
    child = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    parts = tmp_path / ".o.csv.parts"
    while child.poll() is None and len(list(parts.glob("part-*.json"))) < 3:
        time.sleep(0.01)
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 130, said
    assert b"Traceback" not in said
    assert not out.exists()
    kept = len(list(parts.glob("part-*.json")))
    assert kept >= 3
    rows = {"batch_rows": 5_000, "part_rows": 10_000}
    assert scale.nearest_file(source, out, targets="ml1", resume=True, **rows).parts_kept == kept
    scale.nearest_file(source, tmp_path / "whole.csv", targets="ml1", **rows)
    assert out.read_bytes() == (tmp_path / "whole.csv").read_bytes()


@pytest.fixture
def read_only(tmp_path):
    """A folder that nobody may write to; root may write to any that isn't mounted so."""
    folder = tmp_path / "fixed"
    folder.mkdir()
    if os.geteuid() != 0:
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)
        return
    mount = ["mount", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("this machine doesn't allow mounts")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True, capture_output=True)


@pytest.mark.parametrize("name", ["o.csv", "o.csv.gz", "o.parquet", "near"])
def test_read_only_folder_is_one_error(source, read_only, name):
    with pytest.raises(FileError, match=r"can't write .*folder that exists and that you may"):
        scale.nearest_file(source, read_only / name, targets="ml1", **ROWS)
    assert list(read_only.iterdir()) == []


@pytest.mark.parametrize("suffix", [".csv", ".gpkg", ".kmz", ".shp", ".parquet"])
def test_read_only_folder_takes_no_file(read_only, suffix):
    with pytest.raises(FileError, match=r"can't write .*folder that exists and that you may"):
        cg.write(frame(3), read_only / f"o{suffix}")
    assert list(read_only.iterdir()) == []


def test_read_only_source_is_read(source, tmp_path):
    """A source needs no rights but to read, and stands in a folder that nothing is put into."""
    folder = tmp_path / "fixed"
    folder.mkdir()
    shutil.copy(source, folder / "s.csv")
    (folder / "s.csv").chmod(0o444)
    before = sorted(folder.iterdir())
    scale.nearest_file(folder / "s.csv", tmp_path / "o.csv", targets="ml1", **ROWS)
    assert sorted(folder.iterdir()) == before

"""Runs killed at random moments go on to the same bytes; nothing that was finished is lost."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cpecgeo import scale
from tests.scale.samples import frame, write

from .child import ROWS

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("CPECGEO_KILLS", "3"))
CASES = [
    ("parquet", "o.parquet"),
    ("csv", "o.csv"),
    ("geoparquet", "o.csv"),
    ("csv.gz", "o.csv.gz"),
]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX's")


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """For each case the source, and the bytes of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("plain")
    points = frame(60_000)
    made = {}
    for kind, out in CASES:
        suffix = kind if "csv" in kind else "parquet"
        source = write(
            points, folder / f"{kind}-{out}-in.{suffix}", kind.removesuffix(".gz")
        )  # packed by its name
        whole = folder / f"{kind}-{out}"
        scale.nearest_file(source, whole, targets=["ml1", "n40"], **ROWS)
        made[kind, out] = source, whole.read_bytes()
    return made


def start(source, out, resume):
    """A child that has loaded everything and waits for a line."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.child", source, out, resume],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout.readline() == "ready\n"
    return child


def parts(out):
    """Numbers of the parts that are recorded as finished."""
    return {p.stem for p in (out.parent / f".{out.name}.parts").glob("part-*.json")}


def test_killed_runs_go_on_to_the_same_bytes(plain, tmp_path):
    chance = random.Random(7)  # noqa: S311
    killed = rounds = 0
    # How long a whole run takes here, to spread the moments over it.
    span = 1.0
    while killed < KILLS:
        kind, name = CASES[killed % len(CASES)]
        source, whole = plain[kind, name]
        out = tmp_path / f"{rounds}-{name}"
        rounds += 1
        resume, finished = "anew", set()
        while True:
            child = start(source, out, resume)
            begun = time.monotonic()
            print(file=child.stdin, flush=True)
            try:
                child.wait(chance.uniform(0, span) if killed < KILLS else 600)
            except subprocess.TimeoutExpired:
                os.kill(child.pid, signal.SIGKILL)
            tail = child.communicate()[0]
            if child.returncode == 0:
                span = 0.9 * span + 0.1 * (time.monotonic() - begun)
                if finished and "kept" in tail:
                    assert int(tail.split()[1]) == len(finished), "a finished part was thrown away"
                break
            assert child.returncode == -signal.SIGKILL
            killed += 1
            resume = "resume"
            if out.exists():
                # Killed between moving the result into place and tidying up.
                assert out.read_bytes() == whole
                break
            kept = parts(out)
            assert finished <= kept, "a finished part was lost"
            finished = kept
        if (out.parent / f".{out.name}.parts").exists():
            child = start(source, out, resume)
            tail = child.communicate("\n")[0].split()
            assert tail[1] == tail[3], "a finished run was done again"
        assert out.read_bytes() == whole
        assert not (out.parent / f".{out.name}.parts").exists()


def test_two_runs_of_one_result_dont_mix(plain, tmp_path):
    """One of two processes writes; the other is told so, or comes after."""
    source, whole = plain["csv", "o.csv"]
    out = tmp_path / "o.csv"
    children = [start(source, out, "anew") for _ in range(2)]
    for child in children:
        print(file=child.stdin, flush=True)
    for child in children:
        child.communicate()
    assert 0 in {c.returncode for c in children}
    assert out.read_bytes() == whole

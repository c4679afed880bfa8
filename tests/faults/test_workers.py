"""Several worker processes: the same answers, one copy of the targets each, and one killed."""

import os
import re
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest

import cpecgeo as cg
from cpecgeo import scale
from tests.scale.samples import frame, table

distributed = pytest.importorskip("distributed")

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


@pytest.fixture(scope="module")
def cluster():
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0", processes=True
        ) as made,
        distributed.Client(made) as client,
    ):
        yield made, client


def slow(part, seconds):
    """A partition that takes a while, so that a kill meets it."""
    import time

    time.sleep(seconds)
    return part


@pytest.mark.filterwarnings("ignore")
def test_workers_give_what_memory_gives_and_fetch_targets_once(cluster):
    _, client = cluster
    points = frame(5_000)
    ddf = dd.from_pandas(table(points), npartitions=8)
    lazy = scale.nearest(ddf, ["ml1", "n40"])
    got = lazy.compute()
    want = cg.nearest(points, ["ml1", "n40"])
    assert got["target"].fillna("").tolist() == want["target"].fillna("").tolist()
    np.testing.assert_allclose(got["distance_km"], want["distance_km"], atol=1e-9)

    def fetched(dask_worker):
        log = dask_worker.transfer_incoming_log
        return sum("targets-" in str(key) for entry in log for key in entry["keys"])

    assert all(count <= 1 for count in client.run(fetched).values())


def test_remarks_of_workers_reach_who_asks(cluster):
    frame = pd.DataFrame({"lon": [67.0, 67.1, 0.0, 67.2], "lat": [25.0, 25.1, 0.0, 25.2]})
    lazy = scale.nearest(dd.from_pandas(frame, npartitions=2), "ml1")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        lazy.compute()
        until = time.monotonic() + 30
        while not any("1 row at 0, 0" in str(w.message) for w in said):
            assert time.monotonic() < until
            time.sleep(0.05)


@pytest.mark.filterwarnings("ignore")
def test_killed_worker_costs_nothing_but_time(cluster):
    _, client = cluster
    points = frame(2_000)
    ddf = dd.from_pandas(table(points), npartitions=8).map_partitions(slow, 0.3)
    future = client.compute(scale.nearest(ddf, "ml1"))
    client.submit(int, 0).result()
    victim = next(iter(client.run(os.getpid).values()))
    os.kill(victim, signal.SIGKILL)
    got = future.result(timeout=120)
    want = cg.nearest(points, "ml1")
    np.testing.assert_allclose(got["distance_km"], want["distance_km"], atol=1e-9)


def test_the_example_of_the_page_runs(tmp_path):
    root = Path(__file__).parents[2]
    page = (root / "docs" / "howto" / "scale.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n([^`]*LocalCluster[^`]*)```", page)
    (tmp_path / "example.py").write_text(block, encoding="utf-8")
    points = frame(1_000)
    table(points).to_parquet(tmp_path / "points.parquet")
    done = subprocess.run(
        [sys.executable, "example.py"],
        cwd=tmp_path, check=False, capture_output=True, text=True, timeout=120,
        env={**os.environ, "PYTHONPATH": str(root)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    got = pd.Series({row[0]: float(row[1]) for row in rows if row[0] in {"ml1", "kkh"}})
    near = cg.nearest(points, ["ml1", "kkh"])
    np.testing.assert_allclose(
        got, near.groupby("target")["distance_km"].mean()[got.index], atol=1e-5
    )
    assert len(got) == 2

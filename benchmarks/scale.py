"""Files of 10⁴ to 10⁸ points against one line, all corridors and all layers.

``python -m benchmarks.scale --most 1e7`` prints the tables of docs/howto/scale.md. Every run is
a process of its own, so that its peak memory is its own (``VmHWM``, which a new program starts
afresh, unlike what ``getrusage`` tells).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.clock import number, table
from benchmarks.samples import BOX

CHILD = """
import json, sys, time
from cpecgeo import scale
source, out, to, least = sys.argv[1:]
if to == "every layer":
    import geopandas as gpd, pandas as pd, cpecgeo as cg
    names = [n for n in cg.catalog().index if n in (
        "corridors sections stations waypoints crossings mines ports zones energy places "
        "districts provinces countries").split()]
    shapes = [cg.layer(n).geometry.dropna().to_crs(4326) for n in names]
    to = gpd.GeoSeries(pd.concat(shapes, ignore_index=True), crs=4326)
    to = to[~to.is_empty].explode().reset_index(drop=True)
to = scale.targets(to)
scale.nearest_file(least, out + ".warm.parquet", to=to)
begun = time.perf_counter()
done = scale.nearest_file(source, out, to=to)
print(json.dumps({"s": time.perf_counter() - begun, "rows": done.rows_in,
    "mb": next(int(line.split()[1]) for line in open("/proc/self/status")
               if line.startswith("VmHWM")) / 1e3}))
"""


def points(path: Path, rows: int) -> Path:
    """A Parquet file of lon and lat, written in pieces."""
    schema = pa.schema([("id", pa.int64()), ("lon", pa.float64()), ("lat", pa.float64())])
    rng = np.random.default_rng(5)
    with pq.ParquetWriter(path, schema) as writer:
        for first in range(0, rows, 1_000_000):
            count = min(1_000_000, rows - first)
            lon, lat = rng.uniform(BOX[:2], BOX[2:], (count, 2)).T
            writer.write_table(
                pa.table({"id": np.arange(first, first + count), "lon": lon, "lat": lat})
            )
    return path


def run(source: Path, out: Path, to: str, least: Path, cores: int | None = None) -> dict:
    env = {**os.environ}
    if cores is not None:
        env["NUMBA_NUM_THREADS"] = str(cores)
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(source), str(out), to, str(least)],
        check=True, capture_output=True, text=True, env=env,
    )  # fmt: skip
    return json.loads(done.stdout)


def by_points(folder: Path, most: int) -> str:
    least = points(folder / "least.parquet", 1_000)
    rows = []
    for power in range(4, 9):
        count = 10**power
        if count > most:
            break
        source = points(folder / f"{power}.parquet", count)
        for to in ("ml1", "corridors", "every layer"):
            got = run(source, folder / "out.parquet", to, least)
            rows.append(
                [f"10^{power}", to, number(got["s"]), number(count / got["s"]), f"{got['mb']:.0f}"]
            )
            print(*rows[-1], flush=True)
    return table(["points", "targets", "s", "rows/s", "peak MB"], rows)


def by_cores(folder: Path, count: int) -> str:
    least = points(folder / "least.parquet", 1_000)
    source = points(folder / "cores.parquet", count)
    rows = []
    for cores in range(1, len(os.sched_getaffinity(0)) + 1):
        got = run(source, folder / "out.parquet", "ml1", least, cores)
        rows.append([str(cores), number(got["s"]), number(count / got["s"])])
        print(*rows[-1], flush=True)
    return table(["search threads", "s", "rows/s"], rows)


def by_vertices() -> str:
    """The search alone, and shapely's planar nearest on the same points in the same run."""
    import geopandas as gpd
    import shapely

    from benchmarks.samples import ml1
    from cpecgeo.geodesy import Index

    rng = np.random.default_rng(6)
    xy = rng.uniform(BOX[:2], BOX[2:], (200_000, 2))
    spots = shapely.points(xy)
    rows = []
    for vertices in (22, 1_000, 10_000, 100_000, 1_000_000):
        line = ml1(vertices)
        index = Index(gpd.GeoSeries([line], crs=4326))
        index.find(xy[:1000])
        times = []
        for call in (
            lambda index=index: index.find(xy),
            lambda line=line: shapely.distance(spots[:200], line),
        ):
            seconds = []
            for _ in range(3):
                begun = time.perf_counter()
                call()
                seconds.append(time.perf_counter() - begun)
            times.append(min(seconds))
        parts = shapely.linestrings(
            np.stack((shapely.get_coordinates(line)[:-1], shapely.get_coordinates(line)[1:]), 1)
        )
        tree = shapely.STRtree(parts)
        begun = time.perf_counter()
        tree.query_nearest(spots[:20_000], return_distance=True, all_matches=False)
        planar = time.perf_counter() - begun
        rows.append([
            f"{vertices:,}", number(len(xy) / times[0]), number(20_000 / planar),
            number(200 / times[1]),
        ])  # fmt: skip
        print(*rows[-1], flush=True)
    head = [
        "vertices",
        "cpecgeo, exact",
        "shapely STRtree of edges, degrees",
        "shapely.distance, degrees",
    ]
    return table(head, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=float, default=1e6, help="points of the largest file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(by_vertices())
        print(by_cores(folder, 2_000_000))
        print(by_points(folder, int(options.most)))


if __name__ == "__main__":
    main()

"""Files of 10⁴ to 10⁸ points against one line, all corridors and all layers; peers beside.

``python -m benchmarks.scale [points verbs cores vertices shapes peers page] [--most 1e7]`` measures the
parts that are named, or all, keeps the figures in ``benchmarks/scale.json`` and
writes docs/benchmarks-files.md with its plots from them. Every run is a process of its own, so
that its peak memory is its own (``VmHWM``, which a new program starts afresh).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.clock import number
from benchmarks.samples import BOX

RECORD = Path(__file__).with_name("scale.json")
PARTS = ("points", "verbs", "cores", "vertices", "shapes", "peers")
TARGETS = ("ml1", "corridors", "every layer")
CHILD = """
import json, sys, time
from cpecgeo import scale
verb, source, out, to, least = sys.argv[1:]
if to == "every layer":
    import geopandas as gpd, pandas as pd, cpecgeo as cg
    names = ("corridors sections stations waypoints crossings mines ports zones energy places "
             "districts provinces countries").split()
    shapes = [cg.layer(n).geometry.dropna().to_crs(4326) for n in names]
    to = gpd.GeoSeries(pd.concat(shapes, ignore_index=True), crs=4326)
    to = to[~to.is_empty].explode().reset_index(drop=True)
options = {"nearest": {}, "within": {"km": 25}, "exposure": {"value": "id"}}[verb]
to = scale.prepare(to)
ask = getattr(scale, verb + "_file")
suffix = out[out.rindex("."):]
ask(least, out + ".warm" + suffix, targets=to, **options)
begun = time.perf_counter()
done = ask(source, out, targets=to, **options)
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
                pa.table({"id": np.arange(first, first + count), "lon": lon, "lat": lat}),
                row_group_size=262_144,
            )
    os.sync()  # so that the first reader doesn't wait for the disk
    return path


def child(*arguments: str, cores: int | None = None) -> dict[str, Any]:
    """What a process of its own prints as JSON."""

    def few() -> None:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])

    done = subprocess.run(
        [sys.executable, *arguments],
        check=False,
        capture_output=True,
        text=True,
        preexec_fn=few if cores else None,
    )
    if done.returncode:
        raise SystemExit(f"{arguments[:3]} failed:\n{done.stderr[-2000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def run(
    verb: str, source: Path, out: Path, to: str, *, times: int = 1, cores: int | None = None
) -> dict[str, Any]:
    """Return the fastest of some runs; before it, untimed, one on a small file of the same kind."""
    least = source.with_name(f"least{source.suffix}")
    got = [
        child("-c", CHILD, verb, str(source), str(out), to, str(least), cores=cores)
        for _ in range(times)
    ]
    best = min(got, key=lambda g: g["s"])
    return {**best, "mb": max(g["mb"] for g in got)}


def told(*cells: Any) -> None:
    print(*cells, flush=True)


def by_points(folder: Path, options: argparse.Namespace) -> list[dict[str, Any]]:
    points(folder / "least.parquet", 1_000)
    rows: list[dict[str, Any]] = []
    rate: dict[str, float] = {}
    for power in range(4, 9):
        count = 10**power
        if count > options.most:
            break
        if count < options.least:
            continue
        source = points(folder / "points.parquet", count)
        for to in options.to:
            if count / rate.get(to, 1e9) > options.limit:
                told(f"10^{power}", to, "would take longer than --limit")
                continue
            got = run(
                "nearest", source, folder / "out.parquet", to, times=3 if power < 7 else 1
            )  # fmt: skip
            rate[to] = count / got["s"]
            rows.append({"points": count, "to": to, **got})
            told(f"10^{power}", to, number(got["s"]), number(rate[to]), f"{got['mb']:.0f} MB")
    return rows


def by_verbs(folder: Path, _: argparse.Namespace) -> list[dict[str, Any]]:
    """A million rows from every format and by every verb."""
    import geopandas as gpd
    import pyarrow.csv as pa_csv
    import shapely

    count = 1_000_000
    sources: dict[str, Path] = {}
    for rows, name in ((1_000, "least"), (count, "points")):
        made = points(folder / f"{name}.parquet", rows)
        table = pq.read_table(made)
        pa_csv.write_csv(table, folder / f"{name}.csv")
        spots = shapely.points(table["lon"].to_numpy(), table["lat"].to_numpy())
        frame = gpd.GeoDataFrame({"id": table["id"].to_numpy()}, geometry=spots, crs=4326)
        frame.to_parquet(folder / f"{name}.geoparquet", row_group_size=262_144)
        frame.to_file(folder / f"{name}.gpkg")
        sources = {s: folder / f"{name}{s}" for s in (".parquet", ".geoparquet", ".csv", ".gpkg")}
    names = {
        ".parquet": "Parquet, lon and lat",
        ".geoparquet": "GeoParquet",
        ".csv": "CSV",
        ".gpkg": "GeoPackage",
    }
    rows_: list[dict[str, Any]] = []
    for verb, suffix, out in (
        *(("nearest", s, ".parquet") for s in sources),
        ("nearest", ".parquet", ".csv"),
        ("nearest", ".csv", ".csv"),
        ("within", ".parquet", ".parquet"),
        ("exposure", ".parquet", ".csv"),
    ):
        got = run(verb, sources[suffix], folder / f"out{out}", "ml1", times=3)
        rows_.append({"verb": verb, "from": names[suffix], "to": out, **got})
        told(verb, suffix, out, number(got["s"]), number(count / got["s"]), f"{got['mb']:.0f} MB")
    return rows_


def by_cores(folder: Path, _: argparse.Namespace) -> list[dict[str, Any]]:
    count = 2_000_000
    points(folder / "least.parquet", 1_000)
    source = points(folder / "points.parquet", count)
    rows = []
    for to in ("ml1", "every layer"):
        for cores in range(1, len(os.sched_getaffinity(0)) + 1):
            got = run("nearest", source, folder / "out.parquet", to, times=2, cores=cores)
            rows.append({"cores": cores, "to": to, "points": count, **got})
            told(to, cores, number(got["s"]), number(count / got["s"]))
    for workers in (1, 2):
        out = folder / f"dask-{workers}"
        got = child(
            "-m", "benchmarks.peers", "cpecgeo on Dask", str(source), str(out), "5000", str(workers)
        )
        rows.append({"cores": workers, "to": "dask", "points": count, **got})
        told("dask", workers, number(got["s"]), number(count / got["s"]))
    return rows


def by_vertices(_: Path, __: argparse.Namespace) -> list[dict[str, Any]]:
    """The search alone, and shapely's planar nearest on the same points in the same run."""
    import geopandas as gpd
    import shapely

    from benchmarks.samples import ml1
    from cpecgeo.geodesy import Index

    xy = np.random.default_rng(6).uniform(BOX[:2], BOX[2:], (200_000, 2))
    spots = shapely.points(xy)
    rows = []
    for vertices in (22, 100, 1_000, 10_000, 100_000, 1_000_000):
        line = ml1(vertices)
        index = Index(gpd.GeoSeries([line], crs=4326))
        ends = shapely.get_coordinates(line)
        tree = shapely.STRtree(shapely.linestrings(np.stack((ends[:-1], ends[1:]), 1)))
        index.find(xy[:1000])
        row: dict[str, Any] = {"vertices": vertices}
        few = max(20, min(len(xy), 20_000_000 // vertices))
        for name, count, call in (
            ("cpecgeo", len(xy), lambda index=index: index.find(xy)),
            ("tree", 20_000, lambda tree=tree: tree.query_nearest(
                spots[:20_000], return_distance=True, all_matches=False)),
            ("plain", few, lambda line=line, few=few: shapely.distance(spots[:few], line)),
        ):  # fmt: skip
            seconds = []
            for _ in range(3):
                begun = time.perf_counter()
                call()
                seconds.append(time.perf_counter() - begun)
            row[name] = count / min(seconds)
        rows.append(row)
        told(*(number(v) for v in row.values()))
    return rows


def by_shapes(_: Path, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Inputs that could slow a search down, in sizes ten times apart; processor time."""
    from benchmarks.samples import HARD
    from cpecgeo.geodesy import Index

    rows = []
    for name, (make, sizes) in HARD.items():
        for size in sizes:
            if size > options.most:
                break
            targets, xy = make(size)
            begun = time.process_time()
            index = Index(targets)
            built = time.process_time() - begun
            index.find(xy[:1_000])
            begun = time.process_time()
            index.find(xy)
            each = (time.process_time() - begun) / len(xy)
            rows.append({"shape": name, "size": size, "build": built, "us": 1e6 * each})
            told(name, size, number(built), number(1e6 * each))
    return rows


def by_peers(folder: Path, options: argparse.Namespace) -> list[dict[str, Any]]:
    import shutil

    count = int(min(options.most, 2e6))
    source = points(folder / "points.parquet", count)
    rows = []
    for vertices in (22, 5_000):
        for method in ("cpecgeo", "cpecgeo on Dask", "dask-geopandas", "geopandas"):
            name = f"{method}-{vertices}".replace(" ", "-")
            # Dask writes a folder.
            out = folder / (name if "ask" in method else f"{name}.parquet")
            got = child("-m", "benchmarks.peers", method, str(source), str(out), str(vertices))
            shutil.rmtree(out) if out.is_dir() else out.unlink()
            rows.append({"method": method, "vertices": vertices, "points": count, **got})
            told(method, vertices, number(got["s"]), number(count / got["s"]), f"{got['mb']:.0f}")
    return rows


def machine() -> str:
    import datetime as dt

    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return (
        f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC, commit "
        f"{commit.stdout.strip() or 'unknown'}, Python {platform.python_version()}, "
        f"{len(os.sched_getaffinity(0))} processors, load {os.getloadavg()[0]:.1f} at the start"
    )


def main() -> None:
    from benchmarks.scale_page import write

    parser = argparse.ArgumentParser(description="Measure streamed files.")
    parser.add_argument("parts", nargs="*", help=f"{', '.join(PARTS)}; or page, to write it again")
    parser.add_argument("--most", type=float, default=1e7, help="points of the largest file")
    parser.add_argument("--least", type=float, default=1e4, help="points of the smallest file")
    parser.add_argument(
        "--to", nargs="*", default=TARGETS, choices=TARGETS, help="targets to measure"
    )
    parser.add_argument("--limit", type=float, default=600, help="seconds that one run may take")
    parser.add_argument("--tmp", help="a folder for files of gigabytes")
    options = parser.parse_args()
    wanted = options.parts or list(PARTS)
    unknown = set(wanted) - {*PARTS, "page"}
    if unknown:
        parser.error(f"no part {', '.join(sorted(unknown))}; they are {', '.join(PARTS)}, page")
    calls = (by_points, by_verbs, by_cores, by_vertices, by_shapes, by_peers)
    measure = dict(zip(PARTS, calls, strict=True))
    for part in PARTS:
        if part not in wanted:
            continue
        start = machine()
        with tempfile.TemporaryDirectory(dir=options.tmp) as name:
            rows = measure[part](Path(name), options)
        record = json.loads(RECORD.read_text()) if RECORD.exists() else {}
        if part == "points":
            # Sizes can be measured one at a time; what is measured again is replaced.
            rows = [{**row, "made": start} for row in rows]
            new = {(row["points"], row["to"]) for row in rows}
            old = record.get(part, {}).get("rows", [])
            rows += [row for row in old if (row["points"], row["to"]) not in new]
            rows.sort(key=lambda row: (row["points"], TARGETS.index(row["to"])))
        RECORD.write_text(json.dumps({**record, part: {"made": start, "rows": rows}}, indent=1))
    write(json.loads(RECORD.read_text()))


if __name__ == "__main__":
    main()

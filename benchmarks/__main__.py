"""``python -m benchmarks [PART …]``: measure, and put the tables into docs/benchmarks.md.

Each part is a section of that page and is replaced alone; the others stay as they are.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import importlib.metadata
import os
import platform
import re
import subprocess
import time
import warnings
from pathlib import Path

import shapely

from benchmarks import calls, distances, nearest, postgis, shapes, where

PACKAGES = [
    "numpy", "llvmlite", "shapely", "geopandas", "pyproj", "duckdb", "sedonadb", "polars-st",
    "spherely",
]  # fmt: skip

HEAD = """# Benchmarks

Made by `make bench` (`python -m benchmarks`, or one part: `python -m benchmarks matrix`) and by `python -m benchmarks.graphs`. The peers need `pip install -r benchmarks/requirements.txt`, and Debian's `postgresql` and `postgis`.

The rows of a table were measured in the same run; each is the best of several. cpecgeo, shapely and geopandas are timed from a GeoSeries in lon, lat to distances. cpecgeo is called by its public verb, `cg.nearest(points, lines)`, which builds the index of the lines and returns a whole DataFrame; where the index was built before, the row says so. PostGIS is timed by its own server, without sending rows. Errors are differences from a bisection with Karney's geodesics on the same line.
"""
BUFFER = """The error is the greatest relative difference from the radius, at the vertices of the boundary and at the geodesic midpoints of its edges. GEOS leaves out vertices that change a buffer by less than 1 % of its radius. So for a smooth line, or one of few vertices, buffers of up to some 10 km are quicker in a plane, with an error of half a per cent. For a traced line, with its corners, and for wider buffers they are not.

"""
APART = """Processor time, everything on one thread. "As fine" is UTM's with 43 segments to a quarter circle, which is 10⁻⁴ of the radius in its plane, and there alone. A line that keeps clear of itself is buffered straight from its edges: its vertices are placed, and every edge of the boundary is compared with the line; then GEOS makes a polygon and says whether it is valid; the rest checks the input and builds the series.

The tolerance says how many vertices a boundary has. An edge of a line of 22 vertices is some 80 km long. A geodesic that long bends away from a straight line in lon, lat by tens of metres, and a boundary beside it that is true to 10 cm as either has a vertex every few kilometres; UTM's has none there, and is off by 0.4 % for it. Of a line of few vertices, checks of the input and the series take about as long as the boundary.

"""
VERBS = """A million points in Pakistan's bounding box, in a GeoDataFrame, and the main line by its name. cpecgeo's answers hold the distance and certainty of each row, or sums with low and high values. geopandas projects points and line to UTM 42N, and then does what was quickest there: it queries the spatial index with the buffered line, and measures the distances of the points inside. The last column is the quickest method without distances: only the buffer is computed in UTM, and `shapely.contains_xy` finds the points inside it in lon, lat.

"""
WHERE = """One call with a million points, from GeoSeries to DataFrame, taken apart by `python -m benchmarks where`: each stage is timed in place, by processor time on one thread. Coordinates and range checks of points, the search, names of targets, chainage and accuracies run on all threads, the rest on one. The first table is of `cg.nearest`, the second of verbs for which only few of the points matter. The last two rows of the last table are arithmetic alone, and copying of memory alone, spread over threads in the same way: the most that threads can gain on this machine.

"""
FIRST = [
    "Calls", "Verbs", "Point to nearest line", "Where the time goes", "What limits threads",
    "Buffer", "Where a buffer's time goes", "Buffers of many", "What limits buffers", "Length",
    "Areas", "Distance matrix", "Distance matrix of shapes", "What limits the matrix of shapes", "Preparing",
]  # fmt: skip


def machine(server: postgis.Server | None) -> str:
    """What it ran on, and when."""
    cpu = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next((v.split(":")[1].strip() for v in lines if v.startswith("model name")), cpu)
    versions = []
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions.append(f"{name} {importlib.metadata.version(name)}")
    versions.append("GEOS " + ".".join(map(str, shapely.geos_version)))
    if server is not None:
        row = server.run("SELECT split_part(version(), ' ', 2), postgis_lib_version()").strip()
        versions.append("PostgreSQL {} with PostGIS {}".format(*row.split("|")))
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    busy = os.getloadavg()[0]
    return (
        f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, commit {commit.stdout.strip() or 'unknown'}, "
        f"Python {platform.python_version()}, {platform.system()}, {cpu}, "
        f"{len(os.sched_getaffinity(0))} processors, load {busy:.1f} at the start; "
        f"{', '.join(versions)}."
    )


def publish(out: Path, title: str, text: str) -> None:
    """Put one section into the page, in its place."""
    page = out.read_text() if out.exists() else ""
    sections = dict(re.findall(r"^## (.+)\n((?:(?!^## ).*\n?)*)", page, re.MULTILINE))
    sections[title] = f"\n{text.strip()}\n\n"
    order = [*FIRST, *(k for k in sections if k not in FIRST)]
    body = "".join(f"## {k}\n{sections[k]}" for k in order if k in sections)
    out.write_text(f"{HEAD}\n{body}".rstrip() + "\n")


def main() -> None:
    """Run what was asked for."""
    parts = {
        "nearest": ("Point to nearest line", lambda s, o: nearest.run(s, o.points)),
        "where": ("Where the time goes", lambda _s, o: WHERE + where.run(o.points)),
        "buffers": ("Buffer", lambda s, _: BUFFER + shapes.buffers(s)),
        "apart": ("Where a buffer's time goes", lambda _s, _o: APART + shapes.apart()),
        "batches": ("Buffers of many", lambda _s, _o: shapes.many()),
        "lengths": ("Length", lambda _s, _o: distances.lengths()),
        "matrix": ("Distance matrix", lambda _s, o: distances.matrix(o.matrix)),
        "shapes": ("Distance matrix of shapes", lambda _s, _o: distances.shapes()),
        "areas": ("Areas", lambda _s, _o: distances.areas()),
        "calls": ("Calls", lambda _s, _o: calls.run()),
        "verbs": ("Verbs", lambda _s, _o: VERBS + calls.verbs(calls.many())),
        "preparing": ("Preparing", lambda _s, _o: distances.preparing()),
    }
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(parts)}; else all")
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks.md"))
    parser.add_argument("--points", type=int, default=1_000_000, help="for the fast methods")
    parser.add_argument("--matrix", type=int, default=10_000, help="points on each side")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(parts):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(parts)}")
    warnings.simplefilter("ignore")
    with contextlib.ExitStack() as stack:
        server = None
        chosen = options.parts or list(parts)
        if {"nearest", "buffers"} & set(chosen):
            try:
                server = stack.enter_context(postgis.server())
            except postgis.MissingError as reason:
                print(f"PostGIS is skipped: {reason}")
        for name in chosen:
            title, measure = parts[name]
            here, start = machine(server), time.perf_counter()
            text = measure(server, options)
            took = time.perf_counter() - start
            publish(options.out, title, f"{here} Measured in {took:.0f} s.\n\n{text}")
            print(f"{name}: {took:.0f} s, written to {options.out}", flush=True)


if __name__ == "__main__":
    main()

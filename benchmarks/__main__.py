"""``python -m benchmarks``: run all, and write the table of results."""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import importlib.metadata
import os
import platform
import subprocess
import warnings
from pathlib import Path

import shapely

from benchmarks import nearest, postgis, shapes

PACKAGES = ["numpy", "numba", "shapely", "geopandas", "pyproj", "duckdb", "sedonadb", "spherely"]


def machine(server: postgis.Server | None) -> str:
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
    return (
        f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, commit {commit.stdout.strip() or 'unknown'}, "
        f"Python {platform.python_version()}, {platform.system()}, {cpu}, "
        f"{len(os.sched_getaffinity(0))} processors; {', '.join(versions)}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure cpecgeo beside its peers.")
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks.md"))
    parser.add_argument("--points", type=int, default=1_000_000, help="for the fast methods")
    parser.add_argument("--matrix", type=int, default=10_000, help="points on each side")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(postgis.server())
        except postgis.MissingError as reason:
            print(f"PostGIS is skipped: {reason}")
            server = None
        text = f"""# Benchmarks

Made by `python -m benchmarks` (`make bench`; peers: `pip install -r benchmarks/requirements.txt`,
Debian's `postgresql` and `postgis`). {machine(server)}

Every row of a table was measured in the same run, each as the best of several; the machine is
shared and noisy, so the ratios say more than the seconds. Times include what a caller sees:
cpecgeo, shapely and geopandas start from a GeoSeries in lon, lat and end with distances (cpecgeo
with its whole DataFrame); PostGIS is timed by its own server, without sending rows. Errors are
against bisection with Karney's geodesics, on the same line, at {nearest.SAMPLE} points.

## Point to nearest line

{nearest.run(server, options.points)}
## Buffer

Error: greatest share by which a vertex of the boundary, or the geodesic middle of one of its
edges, misses the radius.

{shapes.buffers(server)}
## Length of 100,000 edges

{shapes.lengths()}
## Distance matrix

{shapes.matrix(options.matrix)}
## Preparing

{shapes.preparing()}"""
    # Graphs and files are measured by commands of their own.
    old = options.out.read_text() if options.out.exists() else ""
    rest = old[old.index("## Graphs") :] if "## Graphs" in old else ""
    options.out.write_text(f"{text.rstrip()}\n\n{rest}".rstrip() + "\n")
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()

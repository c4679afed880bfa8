"""Whole calls as a reader would type them, cold and warm, beside ``import geopandas``.

A cold call is a new process that imports cpecgeo and calls once; its time is given as a ratio
to that of ``import geopandas`` in a new process of the same run, since machines differ. A warm
call is the best of several in one process that has made it before.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np

import cpecgeo as cg
from benchmarks.clock import best, number, table
from cpecgeo import geodesy, maps

PROCESSES = 5
POINTS = 1_000_000
ROUTE = 'cg.route("Khunjerab", "Gwadar", mode="road")'
COLD = {
    '`cg.corridor("ml1")`': 'import cpecgeo as cg; cg.corridor("ml1")',
    f"`{ROUTE}`": f"import cpecgeo as cg; {ROUTE}",
    '`cg.length_km("ml1")`': 'import cpecgeo as cg; cg.length_km("ml1")',
}


def process(*arguments: str) -> float:
    """Seconds of a new process: the median of several."""
    taken = []
    for _ in range(PROCESSES):
        start = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def cold() -> str:
    """New processes, as ratios to importing geopandas."""
    base = process("-c", "import geopandas")
    rows = [["`import geopandas`", number(base), "1"]]
    with tempfile.TemporaryDirectory() as made:
        sites = Path(made) / "sites.csv"
        sites.write_text("name,lon,lat\na,67.1,25.2\nb,71.4,33.9\n", encoding="utf-8")
        shell = {
            "`cpecgeo length ml1`": ["length", "ml1"],
            "`cpecgeo near sites.csv --to ml1`": ["near", str(sites), "--to", "ml1"],
        }
        for name, words in shell.items():
            took = process("-m", "cpecgeo", *words)
            rows.append([name, number(took), f"{took / base:.2f}"])
    for name, code in COLD.items():
        took = process("-c", code)
        rows.append([name, number(took), f"{took / base:.2f}"])
    return table(["new process", "seconds", "× `import geopandas`"], rows)


def warm() -> str:
    """Calls that have been made before, in seconds."""
    everything = Path(tempfile.gettempdir()) / "cpecgeo-calls.html"
    calls: dict[str, Callable[[], Any]] = {
        f"`{ROUTE}`": lambda: cg.route("Khunjerab", "Gwadar", mode="road"),
        '`cg.routes("Khunjerab", "Gwadar")`': lambda: cg.routes("Khunjerab", "Gwadar"),
        '`cg.reach("Torkham", hours=4)`': lambda: cg.reach("Torkham", hours=4),
        '`cg.critical_sections("Khunjerab", "Gwadar")`': lambda: cg.critical_sections(
            "Khunjerab", "Gwadar"
        ),
        '`cg.report("ml1").to_html()`': lambda: cg.report("ml1").to_html(),
        "the map of everything, saved": lambda: maps.cpec_map().save(str(everything)),
    }
    rows = []
    for name, call in calls.items():
        call()
        rows.append([name, number(best(call)[0])])
    everything.unlink(missing_ok=True)
    return table(["warm call", "seconds"], rows)


def points() -> str:
    """A million points against the main line: the verb, the verb by name, the search alone."""
    rng = np.random.default_rng(5)
    xy = rng.uniform((61, 24), (77, 37), (POINTS, 2))
    series = gpd.GeoSeries.from_xy(*xy.T, crs=4326)
    line = cg.corridor("ml1").line
    index = geodesy.Index(line)
    kinds = {
        '`cg.nearest(points, "ml1")`': lambda: cg.nearest(series, "ml1"),
        "`cg.nearest(points, line)`": lambda: cg.nearest(series, line),
        "`geodesy.nearest(points, line)`": lambda: geodesy.nearest(series, line),
        "`geodesy.Index(line).nearest(points)`": lambda: index.nearest(series),
        "`geodesy.lonlat(points)`: the checks alone": lambda: geodesy.lonlat(series),
    }
    index.nearest(series.iloc[:1000])
    took = {name: best(call)[0] for name, call in kinds.items()}
    base = took["`geodesy.nearest(points, line)`"]
    rows = [[name, number(s), number(POINTS / s), f"{s / base:.2f}"] for name, s in took.items()]
    head = [f"{POINTS:,} points", "seconds", "points / s", "× `geodesy.nearest`"]
    return table(head, rows)


def run() -> str:
    """All three tables."""
    return f"{cold()}\n{warm()}\n{points()}"

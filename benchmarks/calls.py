"""Whole calls as a reader would type them, cold and warm, beside ``import geopandas``.

A cold call is a new process that imports cpecgeo and calls once; its processor time is given as a
ratio to that of ``import geopandas`` in new processes of the same run, in turns, since machines
differ and change. Byte code is there before, as after any first run. A warm call is the best of
several in one process that has made it before.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

import cpecgeo as cg
from benchmarks.clock import best, number, table
from cpecgeo import geodesy, maps
from cpecgeo.geodesy.inputs import check_points

PROCESSES = 5
POINTS = 1_000_000
ROUNDS = 5
UTM = 32642
WITHIN_KM = 10.0
RINGS_KM = (5.0, 10.0, 25.0, 50.0)
ROUTE = 'cg.route("Khunjerab", "Gwadar", mode="road")'
COLD = {
    '`cg.corridor("ml1")`': 'import cpecgeo as cg; cg.corridor("ml1")',
    f"`{ROUTE}`": f"import cpecgeo as cg; {ROUTE}",
    '`cg.length_km("ml1")`': 'import cpecgeo as cg; cg.length_km("ml1")',
    '`cg.nearest("Multan", "ml1")`': 'import cpecgeo as cg; cg.nearest("Multan", "ml1")',
    '`cg.locate("Multan", "ml1")`': 'import cpecgeo as cg; cg.locate("Multan", "ml1")',
    '`cg.buffer("ml1", 10)`': 'import cpecgeo as cg; cg.buffer("ml1", 10)',
}


def process(folder: str, *arguments: str) -> float:
    """Return the processor seconds of a new process, whose byte code is kept in a folder."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    before = os.times()
    subprocess.run(
        [sys.executable, *arguments],
        check=True,
        capture_output=True,
        env={**kept, "PYTHONPYCACHEPREFIX": folder},
    )
    after = os.times()
    return sum(
        getattr(after, f"children_{which}") - getattr(before, f"children_{which}")
        for which in ("user", "system")
    )


def cold() -> str:
    """New processes, as ratios to importing geopandas."""
    with tempfile.TemporaryDirectory() as made:
        sites = Path(made) / "sites.csv"
        sites.write_text("name,lon,lat\na,67.1,25.2\nb,71.4,33.9\n", encoding="utf-8")
        near = ["near", str(sites), "--to", "ml1"]
        calls = {
            "`import geopandas`": ["-c", "import geopandas"],
            "`import cpecgeo`": ["-c", "import cpecgeo"],
            "`cpecgeo length ml1`": ["-m", "cpecgeo", "length", "ml1"],
            "`cpecgeo near sites.csv --to ml1`": ["-m", "cpecgeo", *near],
            **{name: ["-c", code] for name, code in COLD.items()},
        }
        for words in calls.values():
            process(made, *words)
        taken = dict.fromkeys(calls, float("inf"))
        for _ in range(PROCESSES):
            for name, words in calls.items():
                taken[name] = min(taken[name], process(made, *words))
    base = taken["`import geopandas`"]
    rows = [[name, number(took), f"{took / base:.2f}"] for name, took in taken.items()]
    return table(["new process", "processor seconds", "× `import geopandas`"], rows)


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


def many() -> gpd.GeoDataFrame:
    """Return a million points with people, all over Pakistan's box."""
    rng = np.random.default_rng(5)
    xy = rng.uniform((61, 24), (77, 37), (POINTS, 2))
    places = gpd.GeoSeries.from_xy(*xy.T, crs=4326)
    return gpd.GeoDataFrame({"people": rng.integers(1, 1_000, POINTS)}, geometry=places)


def points(frame: gpd.GeoDataFrame) -> str:
    """A million points against the main line: the verb, the verb by name, the search alone."""
    series, line = frame.geometry, cg.corridor("ml1").line
    index = geodesy.Index(line)
    kinds = {
        '`cg.nearest(points, "ml1")`': lambda: cg.nearest(series, "ml1"),
        "`cg.nearest(points, line)`": lambda: cg.nearest(series, line),
        "`geodesy.nearest(points, line)`": lambda: geodesy.nearest(series, line),
        "`geodesy.Index(line).nearest(points)`": lambda: index.nearest(series),
        "checking the points alone": lambda: check_points(series),
    }
    index.nearest(series.iloc[:100_000])
    # In turns: the first calls of a process, whichever they are, are slower while memory grows.
    rounds = [{name: best(call, 1)[0] for name, call in kinds.items()} for _ in range(ROUNDS)]
    took = {name: min(one[name] for one in rounds) for name in kinds}
    base = took["`geodesy.nearest(points, line)`"]
    rows = [[name, number(s), number(POINTS / s), f"{s / base:.2f}"] for name, s in took.items()]
    head = [f"{POINTS:,} points", "seconds", "points / s", "× `geodesy.nearest`"]
    return table(head, rows)


def in_utm(frame: gpd.GeoDataFrame, line: shapely.LineString) -> dict[str, Callable[[], Any]]:
    """Return the quickest way of geopandas to ask what each verb asks, in UTM 42N.

    Of those tried: prepared intersects, `dwithin`, `sjoin` with the zone or the rings, distances
    of all points.
    """

    def flat() -> tuple[gpd.GeoSeries, Any]:
        to = gpd.GeoSeries([line], crs=4326).to_crs(UTM).iloc[0]
        return frame.geometry.to_crs(UTM), to

    def near(places: gpd.GeoSeries, to: Any, km: float) -> Any:
        return np.sort(places.sindex.query(to.buffer(1e3 * km), predicate="intersects"))

    def within() -> Any:
        return frame.iloc[near(*flat(), WITHIN_KM)]

    def exposure() -> Any:
        places, to = flat()
        rows = near(places, to, RINGS_KM[-1])
        ring = pd.cut(places.iloc[rows].distance(to) / 1e3, [0.0, *RINGS_KM], include_lowest=True)
        return frame["people"].iloc[rows].groupby(ring, observed=False).agg(["count", "sum"])

    def locate() -> Any:
        places, to = flat()
        return pd.DataFrame({"km": shapely.line_locate_point(to, places.array) / 1e3})

    return {"within": within, "exposure": exposure, "locate": locate}


def zone_alone(frame: gpd.GeoDataFrame, line: shapely.LineString) -> dict[str, Callable[[], Any]]:
    """Return the same where zones are put back into lon, lat, and points stay as they are.

    It tells what lies in them, and nothing else: no distance, and how sure that is.
    """

    def hold(*km: float) -> list[Any]:
        xy = frame.geometry.get_coordinates().to_numpy()
        to = gpd.GeoSeries([line], crs=4326).to_crs(UTM)
        zones = gpd.GeoSeries([to.iloc[0].buffer(1e3 * r) for r in km], crs=UTM).to_crs(4326)
        shapely.prepare(zones.array)
        return [shapely.contains_xy(zone, *xy.T) for zone in zones]

    def exposure() -> Any:
        ring = len(RINGS_KM) - np.sum(hold(*RINGS_KM), axis=0)
        return frame["people"].groupby(ring).agg(["count", "sum"])

    return {"within": lambda: frame[hold(WITHIN_KM)[0]], "exposure": exposure}


def verbs(frame: gpd.GeoDataFrame) -> str:
    """Questions about a million points and the main line, beside geopandas."""
    line = cg.corridor("ml1").line
    ours = {
        "within": lambda: cg.within(frame, "ml1", WITHIN_KM),
        "exposure": lambda: cg.exposure("ml1", RINGS_KM, layer=frame, value="people"),
        "locate": lambda: cg.locate(frame, "ml1"),
    }
    utm, alone = in_utm(frame, line), zone_alone(frame, line)
    names = {
        "within": '`cg.within(points, "ml1", 10)`',
        "exposure": '`cg.exposure("ml1", (5, 10, 25, 50), layer=points, value="people")`',
        "locate": '`cg.locate(points, "ml1")`',
    }
    rows = []
    for verb, call in ours.items():
        call()
        own, peer = best(call)[0], best(utm[verb])[0]
        short = number(best(alone[verb])[0]) if verb in alone else "–"
        rows.append([names[verb], number(own), number(peer), f"{peer / own:.1f}", short])
    cg.rings("ml1", RINGS_KM)
    rings = best(lambda: cg.rings("ml1", RINGS_KM))[0]
    rows.append(['`cg.rings("ml1", (5, 10, 25, 50))`', number(rings), "–", "–", "–"])
    head = [f"{POINTS:,} points", "seconds", "geopandas in UTM 42N", "cpecgeo is × faster",
            "zones alone, in lon, lat"]  # fmt: skip
    return table(head, rows)


def run() -> str:
    """Three tables of calls; `verbs` is a part of its own."""
    return f"{cold()}\n{warm()}\n{points(many())}"

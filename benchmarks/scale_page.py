"""The page and plots of streamed files, made of the figures that `benchmarks.scale` kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.clock import number, table

DOCS = Path(__file__).parents[1] / "docs"
NAMES = {
    "ml1": "ML-1", "corridors": "all corridors", "every layer": "all layers",
    "dask": "5,000 vertices, workers of Dask",
}  # fmt: skip
PROCESSORS = 2
PRICE = 0.05  # US dollars per processor hour, assumed
COLORS = {"ml1": "#1f6f8b", "corridors": "#c8553d", "every layer": "#588157"}
HEAD = """# Benchmarks of files

Points are read from Parquet, measured to the nearest target, and written to GeoParquet, as a stream. Made by `python -m benchmarks.scale`; the figures are kept in `benchmarks/scale.json`, and each part can be measured again by its name ({parts}). Every run is a separate process on two processors, so that its peak memory can be measured.

The machine is shared, and other work ran at the same time. A rate is therefore a lower bound; the load at the start of each part is stated. Rows of a table can be compared where the load was the same.
"""


def _axes(title: str, x: str, y: str) -> tuple[Any, Any]:
    import matplotlib as mpl

    mpl.use("svg")
    import matplotlib.pyplot as plt

    plt.rcParams.update({"svg.hashsalt": "cpecgeo", "font.size": 10, "svg.fonttype": "none"})
    figure, axes = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
    axes.set_title(title, loc="left", fontweight="bold")
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_xscale("log")
    axes.grid(visible=True, which="major", color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _save(figure: Any, name: str) -> str:
    import matplotlib.pyplot as plt

    path = DOCS / "images" / f"bench-{name}.svg"
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    return f"images/{path.name}"


def _slope(x: list[float], y: list[float]) -> float:
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def _load(row: dict[str, Any]) -> str:
    return str(row.get("made", "")).partition("load ")[2].partition(" ")[0]


def points(rows: list[dict[str, Any]]) -> str:
    time, times = _axes("Time grows with the points", "points", "seconds")
    memory, memories = _axes("Memory doesn't", "points", "peak memory, MB")
    times.set_yscale("log")
    lines = []
    for to, name in NAMES.items():
        mine = [r for r in rows if r["to"] == to]
        if not mine:
            continue
        x, y = [r["points"] for r in mine], [r["s"] for r in mine]
        style = {"marker": "o", "markersize": 4, "color": COLORS[to], "label": name}
        times.plot(x, y, **style)
        memories.plot(x, [r["mb"] for r in mine], **style)
        large = [(a, b) for a, b in zip(x, y, strict=True) if a >= 1e5]
        if len(large) > 1:
            lines.append(f"{name} {_slope(*map(list, zip(*large, strict=True))):.2f}")
    memories.axhline(1000, color="#999999", linestyle="--", linewidth=1)
    memories.text(1e4, 1010, "promised", color="#666666", va="bottom", fontsize=9)
    memories.set_ylim(0, 1150)
    for axes in (times, memories):
        axes.legend(frameon=False)
    cells = [
        [
            f"10{str(len(str(r['points'])) - 1).translate(str.maketrans('45678', '⁴⁵⁶⁷⁸'))}",
            NAMES[r["to"]], number(r["s"]), number(r["points"] / r["s"]), f"{r['mb']:.0f}",
            _load(r),
        ]
        for r in rows
    ]  # fmt: skip
    return f"""
## Points

{table(["points", "targets", "s", "rows/s", "peak MB", "load of the machine"], cells)}
From 10⁵ points on, time grows with the number of points to the power of: {", ".join(lines)}.

![Time by points]({_save(time, "points")})

![Peak memory by points]({_save(memory, "memory")})
{cost(rows)}"""


def cost(rows: list[dict[str, Any]]) -> str:
    """What 10⁹ points take, worked out from the largest run against ML-1 up to 10⁷ points."""
    mine = [r for r in rows if r["to"] == "ml1" and r["points"] <= 1e7]
    last = max(mine, key=lambda r: r["points"])
    rate = float(f"{last['points'] / last['s']:.2g}")
    seconds = 1e9 / (rate / PROCESSORS)
    hours = seconds / 3600
    load = _load(last)
    return f"""
## A thousand million points

{last["points"]:,} points against ML-1 take {number(last["s"])} s on {PROCESSORS} processors: {rate:,.0f} rows a second{f", under a load of {load}" if load else ""}. So a thousand million take 1,000,000,000 ÷ ({rate:,.0f} ÷ {PROCESSORS}) = {seconds:,.0f} processor seconds, {hours:.1f} processor hours, on however many processors. If a rented processor costs {PRICE} US dollars an hour, an assumption to replace by your own price, that is {hours * PRICE:.2f} dollars; 64 processors take {seconds / 64:,.0f} seconds, if storage keeps up. Against other targets, multiply by the ratio of their rates above.
"""


def verbs(rows: list[dict[str, Any]]) -> str:
    cells = [
        [f"`{r['verb']}_file`", r["from"], r["to"], number(r["s"]), number(1e6 / r["s"]), f"{r['mb']:.0f}"]
        for r in rows
    ]  # fmt: skip
    return f"""
## Formats and verbs

A million points against ML-1.

{table(["verb", "from", "to", "s", "rows/s", "peak MB"], cells)}"""


def cores(rows: list[dict[str, Any]]) -> str:
    one = {r["to"]: r["s"] for r in rows if r["cores"] == 1}
    cells = [
        [NAMES[r["to"]], str(r["cores"]), number(r["s"]), number(r["points"] / r["s"]),
         f"{one[r['to']] / r['s']:.2f}"]
        for r in rows
    ]  # fmt: skip
    return f"""
## Processors

Two million points; the process may use the stated number of processors. For Dask it is the number of workers, each a process with one thread; the time includes starting them.

{table(["targets", "processors", "s", "rows/s", "× one"], cells)}"""


def vertices(rows: list[dict[str, Any]]) -> str:
    x = [r["vertices"] for r in rows]
    figure, axes = _axes(
        "Time per point grows about with the logarithm of the vertices",
        "vertices of the line", "microseconds per point",
    )  # fmt: skip
    axes.set_yscale("log")
    for key, name, color in (
        ("cpecgeo", "cpecgeo, exact", "#1f6f8b"),
        ("tree", "shapely STRtree of edges, in degrees", "#c8553d"),
        ("plain", "shapely.distance, in degrees", "#888888"),
    ):
        axes.plot(
            x, [1e6 / r[key] for r in rows], marker="o", markersize=4, color=color, label=name
        )
    axes.legend(frameon=False)
    cells = [
        [f"{r['vertices']:,}", *(number(r[k]) for k in ("cpecgeo", "tree", "plain"))] for r in rows
    ]
    more, longer = x[-1] / x[0], rows[0]["cpecgeo"] / rows[-1]["cpecgeo"]
    power = _slope(x, [1 / r["cpecgeo"] for r in rows])
    return f"""
## Vertices

The search alone on 200,000 points, in points a second. The peers measure in a plane, in degrees, on the same points.

{table(["vertices", "cpecgeo, exact", "shapely STRtree of edges", "shapely.distance"], cells)}
With {more:,.0f} times as many vertices the search takes {longer:.1f} times as long, which is a power of {power:.2f} (1 for a search without a tree); a binary tree is {np.log2(more):.0f} levels deeper.

![Time per point by vertices]({_save(figure, "vertices")})
"""


def shapes(rows: list[dict[str, Any]]) -> str:
    cells = [[r["shape"], f"{r['size']:,}", number(r["build"]), number(r["us"])] for r in rows]
    return f"""
## Hard shapes

Inputs that could slow a search down, in sizes ten times apart; processor time of all threads.

{table(["what", "how many", "index, s", "µs per point"], cells)}"""


def peers(rows: list[dict[str, Any]]) -> str:
    best = {r["vertices"]: r["s"] for r in rows if r["method"] == "cpecgeo"}
    cells = [
        [f"{r['vertices']:,}", f"**{r['method']}**" if r["method"] == "cpecgeo" else r["method"],
         number(r["s"]), number(r["points"] / r["s"]), f"{r['s'] / best[r['vertices']]:.1f}",
         f"{r['mb']:.0f}"]
        for r in rows
    ]  # fmt: skip
    count = rows[0]["points"]
    return f"""
## Peers

{count:,} points, Parquet to Parquet, ML-1 with the stated number of vertices, in one run. geopandas goes through a GeoDataFrame of 262,144 rows at a time, dask-geopandas through two worker processes; both project to UTM 42N and join to the nearest line in the plane, with errors of kilometres ([benchmarks](benchmarks.md)). Times include starting the cluster; memory is that of the client and the workers together.

{table(["vertices", "method", "s", "rows/s", "× cpecgeo's time", "peak MB"], cells)}"""


def write(record: dict[str, Any]) -> None:
    """The page, of the parts that are measured."""
    parts = {
        "points": points,
        "verbs": verbs,
        "cores": cores,
        "vertices": vertices,
        "shapes": shapes,
        "peers": peers,
    }
    text = HEAD.format(parts=", ".join(f"`{p}`" for p in parts))
    text += "".join(
        f"{make(record[part]['rows'])}\n{record[part]['made']}.\n"
        for part, make in parts.items()
        if part in record
    )
    (DOCS / "benchmarks-files.md").write_text(text.replace("\n\n\n", "\n\n"))

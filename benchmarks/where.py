"""Where the time of one call goes: of a million points, from GeoSeries to DataFrame.

The functions that do the work are timed in place, by processor time on one thread, each without
those that it calls; what none of them takes is the rest. Then whole calls on one thread and on all.
"""

from __future__ import annotations

import functools
import importlib
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import geopandas as gpd
import numpy as np

import cpecgeo as cg
from benchmarks import samples
from benchmarks.clock import best, number, one_thread, table
from cpecgeo.geodesy._arcs import pairs
from cpecgeo.geodesy._compile import compile_kernel, spread
from cpecgeo.geodesy._ellipsoid import ecef

# In the order of the call: label, module, name; a method after a dot.
STAGES = [
    ("look at the points: coordinates, type, range", "geodesy.inputs", "plain_points"),
    ("are lon and lat swapped", "features.resolve", "refuse_turned"),
    ("index of the line: segments, tree", "geodesy.nearest", "take_apart"),
    ("index of the line: segments, tree", "geodesy.nearest", "build"),
    ("order along a curve", "geodesy.nearest", "order_along_curve"),
    (
        "to earth-centred coordinates; search, exact last step, side, km along; columns (compiled)",
        "geodesy.nearest",
        "choose",
    ),
    ("closest places to lon, lat", "geodesy.nearest", "geodetic"),
    ("names of targets, kilometres along them", "analysis.measure", "_names_and_km"),
    ("accuracy of the leg at each place", "analysis.accuracy", "Accuracies.at"),
    ("columns to a DataFrame", "geodesy.nearest", "Index._frame"),
    ("points out of reach left out, by cells", "geodesy.nearest", "Index._near"),
    ("can a less accurate leg be closer", "analysis.accuracy", "Bounds.widen"),
    ("how near and far they can be", "analysis.accuracy", "Bounds.around"),
    ("column to numbers", "analysis.exposure", "_amounts"),
    ("sums", "analysis.exposure", "_totals"),
]
REST = "the rest: rows and columns moved, provenance"


class Clock:
    """Processor seconds by label, each without what is timed inside of it."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self._open: list[float] = []

    def timed(self, label: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return the same function, timed."""

        @functools.wraps(call)
        def run(*args: Any, **options: Any) -> Any:
            self._open.append(0.0)
            begun = time.process_time()
            try:
                return call(*args, **options)
            finally:
                took = time.process_time() - begun
                inner = self._open.pop()
                self.spent[label] = self.spent.get(label, 0.0) + took - inner
                if self._open:
                    self._open[-1] += took

        return run


@contextmanager
def watched(clock: Clock) -> Iterator[None]:
    """Time every stage while this lasts."""
    with ExitStack() as stack:
        for label, home, name in STAGES:
            owner: Any = importlib.import_module(f"cpecgeo.{home}")
            kind, _, method = name.rpartition(".")
            owner = getattr(owner, kind) if kind else owner
            call = getattr(owner, method)
            if method == "choose":  # gives the kernel, which is what takes the time
                timed: Any = lambda *a, label=label, call=call: clock.timed(label, call(*a))  # noqa: E731
            else:
                timed = clock.timed(label, call)
            stack.enter_context(mock.patch.object(owner, method, timed))
        yield


def breakdown(ask: Callable[[], Any]) -> dict[str, float]:
    """Return the processor seconds of each stage of the quickest of three calls on one thread."""
    runs = []
    with one_thread():
        for _ in range(3):
            clock = Clock()
            with watched(clock):
                clock.timed(REST, ask)()
            runs.append(clock.spent)
    return min(runs, key=lambda spent: sum(spent.values()))


def _stages(spent: dict[str, dict[str, float]], per: float) -> str:
    """A table of stages, of those that any of some calls has."""
    labels = [*dict.fromkeys(label for label, *_ in STAGES), REST]
    rows = [
        [label, *(f"{s.get(label, 0.0) * per:,.0f}" for s in spent.values())]
        for label in labels
        if any(label in s for s in spent.values())
    ]
    rows.append(["**all**", *(f"**{sum(s.values()) * per:,.0f}**" for s in spent.values())])
    return table(["ns per point, one thread", *spent], rows)


def ceilings() -> dict[str, Callable[[], None]]:
    """Return work that is nothing but arithmetic, and nothing but memory, spread over threads.

    No call can gain more from threads than the better of them on the same machine.
    """
    rng = np.random.default_rng(7)
    a = ecef(*rng.uniform((61, 24), (77, 37), (512, 2)).T)
    b, measure = np.ascontiguousarray(a[:64].T), compile_kernel(pairs)
    source = np.ones(20_000_000)
    copy = np.empty_like(source)

    def compute(first: int, last: int) -> None:
        km, failed = np.empty((512, 64)), np.zeros(512, bool)
        for _ in range(first, last):
            measure(a, b, 0, 512, km, failed)

    def move(first: int, last: int) -> None:
        np.copyto(copy[first:last], source[first:last])

    return {
        "arithmetic alone, in the processor's cache": lambda: spread(compute, 2_000, least=20),
        "memory alone, 160 MB copied": lambda: spread(move, len(source), least=1_000_000),
    }


def run(most: int) -> str:
    """Both tables, in Markdown."""
    points = samples.points(most, seed=4)
    sets = {
        '"ml1"': "ml1",
        "22 vertices": gpd.GeoSeries([samples.ml1(22)], crs=4326),
        "5,000 vertices": gpd.GeoSeries([samples.ml1(5_000)], crs=4326),
        "100,000 vertices in 30 lines": samples.thirty_lines(),
    }
    cg.nearest(points, "ml1")  # compiles
    asked = {name: breakdown(lambda to=to: cg.nearest(points, to)) for name, to in sets.items()}
    frame = gpd.GeoDataFrame({"people": 1.0}, index=points.index, geometry=points)
    few = {
        '`within(points, "ml1", 10)`': breakdown(lambda: cg.within(frame, "ml1", 10)),
        '`exposure("ml1", (5, 10, 25, 50))`': breakdown(
            lambda: cg.exposure("ml1", (5, 10, 25, 50), layer=frame, value="people")
        ),
    }
    stages = f"{_stages(asked, 1e9 / most)}\n{_stages(few, 1e9 / most)}"
    calls: dict[str, Callable[[], Any]] = {
        name: lambda to=to: cg.nearest(points, to) for name, to in sets.items()
    }
    whole = []
    for name, call in (calls | ceilings()).items():
        single = several = float("inf")
        for _ in range(4):  # in turns, since the machine isn't the same all the time
            several = min(several, best(call, 1)[0])
            with one_thread():
                single = min(single, best(call, 1)[0])
        rates = [number(most / s) for s in (single, several)] if name in calls else ["–", "–"]
        whole.append([name, *rates, f"{single / several:.2f}"])
    head = ["targets", "points / s, one thread", "points / s, all threads", "× one thread"]
    return f"{stages}\n{table(head, whole)}"

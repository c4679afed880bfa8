"""Lengths, matrices, and what preparing costs."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time

import numpy as np
from pyproj import Geod

from benchmarks import samples
from benchmarks.clock import best, length, number, one_thread, table
from cpecgeo.geodesy import Index, distance_matrix_km, length_km

GEOD = Geod(ellps="WGS84")
PAIRS = 1_000_000  # that pyproj measures


def lengths() -> str:
    """Length of 30 lines with 100,000 vertices."""
    lines = samples.thirty_lines()
    mine = theirs = np.inf
    for _ in range(5):  # in turn, so that a busy moment meets both
        seconds, got = best(lambda: length_km(lines), 1)
        their, expected = best(lambda: np.array([GEOD.geometry_length(g) for g in lines]) / 1e3, 1)
        mine, theirs = min(mine, seconds), min(theirs, their)
    worst = float(np.abs(got.to_numpy() / expected - 1).max())
    rows = [
        ["**cpecgeo** `length_km`", number(mine), "1", f"{worst:.1e}"],
        ["pyproj `Geod.geometry_length`", number(theirs), f"{theirs / mine:.1f}", "0"],
    ]
    head = ["method", "seconds", "cpecgeo is × faster", "relative error"]
    return "30 lines with 100,000 vertices.\n\n" + table(head, rows)


def matrix(count: int) -> str:
    """All distances between two sets of points."""
    a, b = samples.points(count, 6), samples.points(count, 7)
    distance_matrix_km(a[:10], b[:10])  # the first call compiles
    few = max(1, PAIRS // count)
    x = [np.repeat(v.to_numpy()[:few], count) for v in (a.x, a.y)]
    y = [np.tile(v.to_numpy(), few) for v in (b.x, b.y)]
    ours, all_, theirs = [], [], []
    for _ in range(5):  # in turn, so that a busy moment meets all of them
        theirs.append(best(lambda: np.asarray(GEOD.inv(*x, *y)[2]), 1))
        with one_thread():
            seconds, frame = best(lambda: distance_matrix_km(a, b), 1)
        part = frame.to_numpy()[:few].ravel() * 1e3
        ours.append(seconds)
        del frame
        all_.append(best(lambda: distance_matrix_km(a, b), 1)[0])
    one, many, expected = min(ours) / count**2, min(all_) / count**2, theirs[0][1]
    their_pair = min(t for t, _ in theirs) / (few * count)
    near = expected <= 1e6
    off = np.abs(part - expected)
    ratio = their_pair / one
    rows = [
        [
            "**cpecgeo**, one thread",
            f"{one * 1e9:.2f}",
            "1",
            length(off[near].max()),
            length(off[~near].max()),
        ],
        ["**cpecgeo**, all threads", f"{many * 1e9:.2f}", f"{many / one:.2f}", "same", "same"],
        ["pyproj `Geod.inv`, one thread", f"{their_pair * 1e9:.0f}", f"{ratio:.0f}", "0", "0"],
    ]
    head = [
        "method",
        "ns per pair",
        "cpecgeo on one thread is × faster",
        "error to 1,000 km",
        f"error to {expected.max() / 1e3:,.0f} km",
    ]
    return (
        f"{count:,} × {count:,} points all over Pakistan's box, {np.mean(~near):.0%} of the pairs "
        "beyond 1,000 km; GeoSeries in, DataFrame out. "
        f"pyproj measures {few * count:,} of the pairs, from arrays.\n\n" + table(head, rows)
    )


def preparing() -> str:
    """Index, compilation and import."""
    lines = samples.thirty_lines()
    seconds, index = best(lambda: Index(lines))
    rows = [["index of 100,000 vertices", number(seconds), f"{index.nbytes / 1e6:.1f} MB"]]
    near = "nearest(Point(67, 25), Point(67, 26))"
    wide = "buffer(Point(67, 25), 10)"
    calls = [
        ("first `nearest` after install, which compiles", near),
        ("first `buffer` after that, which compiles its own", wide),
        ("first `nearest` of a later process", near),
        ("first `buffer` of a later process", wide),
    ]
    with tempfile.TemporaryDirectory() as cache:
        env = {**os.environ, "NUMBA_CACHE_DIR": cache}
        for what, call in calls:
            code = (
                "import time; t = time.perf_counter()\n"
                "from cpecgeo.geodesy import buffer, nearest; from shapely import Point\n"
                f"a = time.perf_counter(); {call}\n"
                "print(a - t, time.perf_counter() - a)"
            )
            start = time.perf_counter()
            out = subprocess.run(
                [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
            )
            importing, calling = map(float, out.stdout.split())
            whole = time.perf_counter() - start
            rows.append(
                [what, number(calling), f"import {importing:.2f} s, whole process {whole:.2f} s"]
            )
    return table(["work", "seconds", "note"], rows)

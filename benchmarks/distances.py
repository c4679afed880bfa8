"""Lengths, matrices, and what preparing costs."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time

import numpy as np
import shapely
from pyproj import Geod

from benchmarks import samples
from benchmarks.clock import best, length, number, one_thread, processor, table
from cpecgeo.geodesy import Index, area_km2, distance_matrix_km, length_km, perimeter_km
from cpecgeo.geodesy.inputs import check

GEOD = Geod(ellps="WGS84")
PAIRS = 1_000_000  # that pyproj measures
FEW = 40  # polygons that shapely measures


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
        f"{count:,} × {count:,} points in Pakistan's bounding box, {np.mean(~near):.0%} of the pairs "
        "beyond 1,000 km; GeoSeries in, DataFrame out. "
        f"pyproj measures {few * count:,} of the pairs, from arrays.\n\n" + table(head, rows)
    )


def shapes(count: int = 1_000) -> str:
    """All distances between lines and polygons, beside shapely in UTM."""
    text = (
        f"{count:,} lines × {count:,} polygons in Pakistan's bounding box, GeoSeries in, DataFrame "
    )
    text += (
        f"out. shapely measures {FEW} of the polygons, projected to UTM 42N and prepared before.\n"
    )
    for vertices in (100, 400):
        lines, areas = samples.lines(count, vertices), samples.areas(count, vertices)
        distance_matrix_km(lines[:20], areas[:20])  # the first call compiles
        flat, flat_areas = (np.asarray(g.to_crs(32642).array) for g in (lines, areas[:FEW]))
        shapely.prepare(flat)

        def theirs(flat=flat, flat_areas=flat_areas):
            return np.column_stack([shapely.distance(flat, g) for g in flat_areas])

        with one_thread():
            single, _ = processor(lambda a=lines, b=areas: distance_matrix_km(a, b))
        seconds, ours = best(lambda a=lines, b=areas: distance_matrix_km(a, b), 1)
        (their, planar), (their_seconds, _) = processor(theirs), best(theirs, 1)
        off = np.abs(planar / 1e3 - ours.to_numpy()[:, :FEW])
        pairs, few = count * count, count * FEW
        rows = [
            ["**cpecgeo**", *(number(v / pairs * 1e6) for v in (seconds, single)), "1", "1", "0"],
            [
                "shapely in UTM 42N",
                *(number(v / few * 1e6) for v in (their_seconds, their)),
                f"{their_seconds / few / seconds * pairs:.1f}",
                f"{their / few / single * pairs:.1f}",
                length(float(off.max() * 1e3)),
            ],
        ]
        head = [
            "method",
            "µs per pair",
            "processor µs per pair",
            "cpecgeo is × faster",
            "with one thread",
            "greatest difference",
        ]
        text += f"\n### {vertices} vertices each\n\n{table(head, rows)}"
    return text


def areas() -> str:
    """Areas and perimeters of polygons of long edges, beside PROJ's one by one."""
    rows = []
    kinds = {
        "of 1,000 km, 12 edges": samples.wide_areas(10_000, 12, 8.0),
        "of 1,000 km, 60 edges": samples.wide_areas(10_000, 60, 8.0),
        "around a pole, 12 edges": samples.around_poles(10_000, 12),
    }
    for name, series in kinds.items():
        checked = check(series)
        calls = {
            "area": (area_km2, lambda g: abs(GEOD.geometry_area_perimeter(g)[0]) / 1e6),
            "perimeter": (perimeter_km, lambda g: GEOD.geometry_length(g) / 1e3),
        }
        for what, (mine, their) in calls.items():
            mine(series)
            own, known = (processor(lambda x=x, f=mine: f(x))[0] for x in (series, checked))
            peer, truth = processor(lambda s=series, f=their: np.array([f(g) for g in s]))
            wall, got = best(lambda s=series, f=mine: f(s))
            off = float(np.abs(got.to_numpy() / truth - 1).max())
            rows.append(
                [
                    f"{what} {name}",
                    *(number(v / len(series) * 1e6) for v in (wall, own, known, peer)),
                    f"{peer / own:.1f}",
                    f"{peer / known:.1f}",
                    f"{off:.1e}",
                ]
            )
    head = [
        "10,000 polygons",
        "µs each",
        "processor µs",
        "once they are checked",
        "PROJ, processor µs",
        "× faster",
        "once they are checked",
        "relative difference",
    ]
    return (
        "GeoSeries in, Series out; `Geod.geometry_area_perimeter` and `geometry_length` one by one. "
        "cpecgeo first checks that the polygons are valid; PROJ doesn't.\n\n" + table(head, rows)
    )


def preparing() -> str:
    """Index, compilation and import."""
    lines = samples.thirty_lines()
    seconds, index = best(lambda: Index(lines))
    rows = [["index of 100,000 vertices", number(seconds), f"{index.nbytes / 1e6:.1f} MB"]]
    few = "cg.nearest(points[:20], 'ml1')"
    near = "cg.nearest(points, 'ml1')"
    wide = "cg.buffer('ml1', 10)"
    calls = [
        ("first `nearest` of 20 points after install: no compiler is loaded", few),
        ("first `nearest` of 100,000 points after install, which compiles", near),
        ("first `buffer` of ML-1 after that, which compiles its own", wide),
        ("first `nearest` of 100,000 points of a later process", near),
        ("first `buffer` of a later process", wide),
    ]
    with tempfile.TemporaryDirectory() as cache:
        env = {**os.environ, "CPECGEO_KERNELS": cache}
        for what, call in calls:
            code = (
                "import time; t = time.perf_counter()\n"
                "import cpecgeo as cg; from benchmarks import samples\n"
                "points = samples.points(100_000); cg.corridor('ml1')\n"
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

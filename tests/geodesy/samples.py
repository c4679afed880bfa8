"""Lines and points that are hard to measure."""

from __future__ import annotations

import numpy as np
from pyproj import Geod
from shapely.geometry import LineString, MultiLineString

GEOD = Geod(ellps="WGS84")


def wiggle(vertices: int, seed: int = 1) -> LineString:
    """Return a line like a railway through Pakistan."""
    rng = np.random.default_rng(seed)
    t = np.linspace(0, 1, vertices)
    step = np.cumsum(rng.normal(0, 0.1 / np.sqrt(vertices), (vertices, 2)), axis=0)
    return LineString(np.c_[67 + 4.5 * t + 0.3 * np.sin(9 * t), 24.9 + 9 * t] + step)


LINES = {
    "two vertices": LineString([(67, 25), (67.2, 25.1)]),
    "one edge of 2,000 km": LineString([(60, 30), (80, 36)]),
    "zigzag": LineString(
        np.add(np.random.default_rng(5).normal(0, 0.5, (22, 2)).cumsum(axis=0), [67, 25])
    ),
    "repeated and millimetre edges": LineString(
        [
            (67, 25), (67, 25), (67.00000001, 25), (67.1, 25.1),
            (67.1, 25.1), (67.1, 25.10000001), (68, 25),
        ]
    ),
    "around the pole": LineString([(0, 85), (120, 87), (-120, 88), (30, 89.9), (10, 70)]),
    "over the pole": LineString([(20, 88), (-160, 88)]),
    "antimeridian": LineString([(170, 10), (-170, 12), (-179.9, -10), (179.9, -30), (178, -31)]),
    "south": LineString([(-70, -80), (0, -85), (100, -89), (150, -75)]),
    "equator": LineString([(-3, 0), (0, 0), (10, 0), (10, 0.5)]),
    "two parts": MultiLineString([[(67, 25), (68, 26)], [(70, 27), (70, 28), (71, 28)]]),
    "closed": LineString([(67, 25), (68, 25), (68, 26), (67, 26), (67, 25)]),
    "22 vertices": wiggle(22),
}  # fmt: skip

# Metres from a vertex, a joint or the middle of an edge.
RANGES = {
    "at hand": (0.0, 1.0),
    "near": (1.0, 5e4),
    "middle": (3e5, 7e5),
    "far": (7e5, 1.5e6),
    "very far": (1.5e6, 1.95e7),
}


def coordinates(line):
    parts = line.geoms if hasattr(line, "geoms") else [line]
    return [np.asarray(p.coords) for p in parts]


def points_around(line, count: int, low: float, high: float, seed: int) -> np.ndarray:
    """Return lon, lat of points between `low` and `high` metres from points of the line.

    A third each lie around vertices, around points anywhere on edges, and straight out from
    joints, half way between the two edges, where neither edge is plainly the nearer.
    """
    rng = np.random.default_rng(seed)
    edges = np.concatenate([np.stack((c[:-1], c[1:]), 1) for c in coordinates(line)])
    a, b = edges[rng.integers(0, len(edges), count)].transpose(1, 0, 2)
    out, _, size = GEOD.inv(*a.T, *b.T)
    along = np.where(rng.random(count) < 0.5, 0.0, rng.random(count)) * size
    lon, lat, back = GEOD.fwd(*a.T, out, along)
    away = low + (high - low) * rng.random(count) ** 2
    turn = np.where(
        rng.random(count) < 0.5, 90.0 * rng.choice([-1, 1], count), 360 * rng.random(count)
    )
    lon, lat, _ = GEOD.fwd(lon, lat, np.asarray(back) + 180 + turn, away)
    return np.c_[lon, lat]

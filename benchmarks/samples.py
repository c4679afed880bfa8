"""Lines and points to measure on; always the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

import cpecgeo as cg
from cpecgeo.geodesy import Chainage
from cpecgeo.testing import reference_nearest

BOX = (60.5, 23.5, 77.5, 37.5)


def ml1(vertices: int):
    """Main Line 1: few long geodesic edges, or as many short ones that bend like a railway."""
    drawn = Chainage(cg.corridor("ml1").line)
    line = Chainage(
        shapely.LineString(
            shapely.get_coordinates(drawn.at(np.linspace(0, drawn.end_km, 22)).array)
        )
    )
    if vertices == 22:
        return line.line
    km = np.linspace(0, line.end_km, vertices)
    xy = shapely.get_coordinates(line.at(km).array)
    rng = np.random.default_rng(1)
    bend = np.sum(
        [
            size * np.sin(km[:, None] / wave + rng.uniform(0, 6.3, 2))
            for wave, size in ((0.8, 0.0004), (3, 0.002), (11, 0.01), (40, 0.03))
        ],
        axis=0,
    )
    return shapely.LineString(xy + bend)


def traced(vertices: int):
    """Main Line 1 as many short edges whose vertices stray by some 30 m, as when it was traced."""
    smooth = shapely.get_coordinates(ml1(vertices))
    return shapely.LineString(smooth + np.random.default_rng(4).normal(0, 2.7e-4, smooth.shape))


def thirty_lines() -> gpd.GeoSeries:
    """30 lines with 100,000 vertices in all, within Pakistan's box."""
    rng = np.random.default_rng(2)
    counts = np.diff(np.linspace(0, 100_000, 31).astype(int))
    lines = []
    for count in counts:
        t = np.linspace(0, 1, count)[:, None]
        a, b = rng.uniform(BOX[:2], BOX[2:], (2, 2))
        wander = rng.normal(0, 0.3 / np.sqrt(count), (count, 2)).cumsum(axis=0)
        lines.append(shapely.LineString(a + t * (b - a) + wander))
    return gpd.GeoSeries(lines, crs=4326)


def points(count: int, seed: int = 3) -> gpd.GeoSeries:
    """Points all over Pakistan's box, up to some 700 km from ML-1."""
    rng = np.random.default_rng(seed)
    xy = rng.uniform(BOX[:2], BOX[2:], (count, 2))
    return gpd.GeoSeries(shapely.points(xy), crs=4326)


def lines(count: int, vertices: int) -> gpd.GeoSeries:
    """Lines that wander some 50 km, all over Pakistan's box."""
    rng = np.random.default_rng(11)
    start = rng.uniform(BOX[:2], BOX[2:], (count, 1, 2))
    steps = rng.normal(0, 0.5 / np.sqrt(vertices), (count, vertices, 2))
    return gpd.GeoSeries(list(shapely.linestrings(start + steps.cumsum(axis=1))), crs=4326)


def areas(count: int, vertices: int) -> gpd.GeoSeries:
    """Polygons of some 60 km across, with ragged outlines, all over Pakistan's box."""
    rng = np.random.default_rng(12)
    middle = rng.uniform(BOX[:2], BOX[2:], (count, 1, 2))
    angle = np.arange(vertices) * 2 * np.pi / vertices
    away = 0.3 * (1 + 0.3 * np.sin(3 * angle + rng.uniform(0, 6.3, (count, 1))))
    away = (away * (1 + rng.normal(0, 0.02, (count, vertices))))[..., None]
    ring = middle + away * np.column_stack((np.cos(angle), np.sin(angle)))
    return gpd.GeoSeries(list(shapely.polygons(ring)), crs=4326)


def wide_areas(count: int, vertices: int, degrees: float) -> gpd.GeoSeries:
    """Polygons of long edges between 60° south and north."""
    rng = np.random.default_rng(13)
    middle = rng.uniform((-155, -60), (155, 60), (count, 1, 2))
    angle = (np.arange(vertices) + rng.uniform(0, 0.8, (count, vertices))) * 2 * np.pi / vertices
    away = rng.uniform(0.5, 1, (count, vertices)) * degrees
    narrow = np.cos(np.radians(middle[..., 1]))
    ring = middle + np.stack((away * np.cos(angle) / narrow, away * np.sin(angle)), axis=-1)
    return gpd.GeoSeries(list(shapely.polygons(ring)), crs=4326)


def around_poles(count: int, vertices: int) -> gpd.GeoSeries:
    """Polygons of long edges around the poles."""
    rng = np.random.default_rng(14)
    lon = (np.arange(vertices) + rng.uniform(0, 0.8, (count, vertices))) * 360 / vertices - 180
    lat = rng.uniform(55, 85, (count, vertices)) * np.where(np.arange(count) % 2, 1, -1)[:, None]
    return gpd.GeoSeries(list(shapely.polygons(np.stack((lon, lat), axis=-1))), crs=4326)


def _around(west: float, south: float, size: float) -> Callable[[int], Any]:
    """Points in a square far off, and a line of 5,000 vertices."""

    def make(count: int) -> tuple[gpd.GeoSeries, np.ndarray]:
        xy = np.random.default_rng(15).uniform(
            (west, south), (west + size, south + size), (count, 2)
        )
        return gpd.GeoSeries([ml1(5_000)], crs=4326), xy

    return make


def _spread(count: int) -> np.ndarray:
    return np.random.default_rng(16).uniform(BOX[:2], BOX[2:], (count, 2))


def _one_place(count: int) -> tuple[gpd.GeoSeries, np.ndarray]:
    return gpd.GeoSeries([ml1(5_000)], crs=4326), np.tile([[68.0, 27.0]], (count, 1))


def _equal_vertices(count: int) -> tuple[gpd.GeoSeries, np.ndarray]:
    middle = np.tile([[70.0, 30.0]], (count, 1))
    line = shapely.LineString(np.concatenate(([[67.0, 25.0]], middle, [[72.0, 34.0]])))
    return gpd.GeoSeries([line], crs=4326), _spread(100_000)


def _at_one_place(off: float) -> Callable[[int], Any]:
    """Point targets, parted by so many degrees."""

    def make(count: int) -> tuple[gpd.GeoSeries, np.ndarray]:
        xy = np.random.default_rng(17).normal((70.0, 30.0), off, (count, 2))
        return gpd.GeoSeries(shapely.points(xy), crs=4326), _spread(100_000)

    return make


def _long_beside_short(count: int) -> tuple[gpd.GeoSeries, np.ndarray]:
    short = lines(max(count // 10, 1), 2)
    return gpd.GeoSeries([ml1(count), *short], crs=4326), _spread(100_000)


_SIZES = (10_000, 100_000, 1_000_000)
# Inputs that could slow a search down: targets and points, by the number of what is hard.
HARD = {
    "points all over Pakistan": (_around(*BOX[:2], 14.0), _SIZES),
    "points at one place": (_one_place, _SIZES),
    "points 3,000 km away": (_around(60.0, -6.0, 10.0), _SIZES),
    "points 15,000 km away": (_around(-75.0, -40.0, 10.0), _SIZES[:2]),
    "points near the antipodes": (_around(-112.0, -30.0, 2.0), (1_000, 10_000)),
    "a line of equal vertices": (_equal_vertices, _SIZES),
    "targets at one point": (_at_one_place(0.0), (1_000, 10_000, 100_000)),
    "targets within a metre": (_at_one_place(1e-5), (1_000, 10_000, 100_000)),
    "one line of so many vertices beside a tenth as many of two": (_long_beside_short, _SIZES),
}


def truth_km(series: gpd.GeoSeries, lines: gpd.GeoSeries) -> np.ndarray:
    """Distances by bisection with Karney's geodesics."""
    xy = shapely.get_coordinates(series.array)
    return np.min([reference_nearest(xy, g)["distance_km"].to_numpy() for g in lines], axis=0)

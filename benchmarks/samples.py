"""Lines and points to measure on; always the same."""

from __future__ import annotations

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


def truth_km(series: gpd.GeoSeries, lines: gpd.GeoSeries) -> np.ndarray:
    """Distances by bisection with Karney's geodesics."""
    xy = shapely.get_coordinates(series.array)
    return np.min([reference_nearest(xy, g)["distance_km"].to_numpy() for g in lines], axis=0)

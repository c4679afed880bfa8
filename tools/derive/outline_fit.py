"""Fit a drawing of a country to its outline in degrees by least squares.

The drawing is in pixels with y downwards. Two laws are tried: y linear in latitude, and y linear in
Mercator's latitude. Each is fitted with a scale and an offset per axis, and with a full affine. The
better of the two with scales is used, and all four are recorded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

KM_PER_DEGREE = 111.2
ROUNDS = 60
TRIM = 0.95


@dataclass(frozen=True)
class Fit:
    """An affine from pixels to degrees, and the distance of the drawn outline from the true one."""

    law: str
    lon: tuple[float, float, float]
    lat: tuple[float, float, float]
    median_km: float
    p95_km: float

    def __call__(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return lon, lat of pixels."""
        terms = np.column_stack([np.ones(len(xy)), xy])
        lat = terms @ np.array(self.lat)
        if self.law.startswith("Mercator"):
            lat = np.degrees(np.arctan(np.sinh(np.radians(lat))))
        return np.column_stack([terms @ np.array(self.lon), lat])

    def record(self) -> dict[str, Any]:
        """Return the fit for the record of the layer: offsets and scales in degrees."""
        return {
            "law": self.law,
            "lon": [round(v, 8) for v in self.lon],
            "lat": [round(v, 8) for v in self.lat],
            "residual_median_km": round(self.median_km, 2),
            "residual_95_km": round(self.p95_km, 2),
        }


def _plane(lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Project to a sinusoidal plane in km, exact enough for residuals of a few km."""
    lon, lat = lonlat.T
    x = (lon - 69.0) * np.cos(np.radians(lat)) * KM_PER_DEGREE
    return np.column_stack([x, lat * KM_PER_DEGREE])


def _offsets(points: NDArray[np.float64], outline: Any) -> NDArray[np.float64]:
    """Return vectors in km from points to the nearest points of an outline in the plane."""
    dots = shapely.points(_plane(points))
    feet = shapely.get_coordinates(shapely.shortest_line(dots, outline)).reshape(-1, 2, 2)
    return feet[:, 1] - feet[:, 0]


def _fit(xy: NDArray[np.float64], outline: Any, law: str) -> Fit:
    full = law.endswith("affine")
    bounds = shapely.bounds(outline)
    south, north = bounds[1] / KM_PER_DEGREE, bounds[3] / KM_PER_DEGREE
    low, high = xy.min(axis=0), xy.max(axis=0)
    if law.startswith("Mercator"):
        south, north = (np.degrees(np.arcsinh(np.tan(np.radians(v)))) for v in (south, north))
    sx, sy = 16.5 / (high[0] - low[0]), (north - south) / (high[1] - low[1])
    p = np.array([60.9 - sx * low[0], sx, 0.0, north + sy * low[1], 0.0, -sy])
    free = np.array([True, True, full, True, full, True])
    terms = np.column_stack([np.ones(len(xy)), xy])
    fit = Fit(law, tuple(p[:3]), tuple(p[3:]), 0.0, 0.0)
    for _ in range(ROUNDS):
        lonlat = fit(xy)
        gap = _offsets(lonlat, outline)
        miss = np.hypot(*gap.T)
        keep = miss <= np.quantile(miss, TRIM)
        unit = gap / np.maximum(miss, 1e-9)[:, None]
        cos = np.cos(np.radians(lonlat[:, 1]))
        stretch = cos if law.startswith("Mercator") else np.ones_like(cos)
        # Only the movement towards the outline changes the residual.
        columns = np.hstack(
            [
                terms * (unit[:, 0] * cos * KM_PER_DEGREE)[:, None],
                terms * (unit[:, 1] * stretch * KM_PER_DEGREE)[:, None],
            ]
        )
        scale = np.abs(columns).max(axis=0)
        step = np.zeros(6)
        use = columns[keep][:, free] / scale[free]
        step[free] = np.linalg.lstsq(use, miss[keep], rcond=None)[0] / scale[free]
        p = p + step
        fit = Fit(law, tuple(p[:3]), tuple(p[3:]), 0.0, 0.0)
    miss = np.hypot(*_offsets(fit(xy), outline).T)
    median, p95 = np.quantile(miss, [0.5, 0.95])
    return Fit(law, fit.lon, fit.lat, float(median), float(p95))


def best(xy: NDArray[np.float64], outline: Any) -> tuple[Fit, list[dict[str, Any]]]:
    """Fit pixels to an outline in degrees; return the better plain fit, and records of all."""
    flat = shapely.transform(shapely.segmentize(outline, 0.05), _plane)
    shapely.prepare(flat)
    laws = ["latitude, scale", "Mercator, scale", "latitude, affine", "Mercator, affine"]
    fits = [_fit(xy, flat, law) for law in laws]
    return min(fits[:2], key=lambda f: f.median_km), [f.record() for f in fits]

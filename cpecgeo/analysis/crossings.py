"""Uncertainty of the points where a line crosses outlines, from the accuracy of both."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

__all__ = ["Crossings", "Row"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Row = tuple[int, float, float]
"""A stretch: zone, km from and to."""

_ALL = slice(None)
# Distance of samples along the line, in km.
_STEP_KM = 0.5
# A degree of latitude in the region, to 0.3 %; longitude is scaled to it.
_DEGREE_KM = 110.9
# Ends of adjacent stretches differ by less, in km.
_SAME_KM = 1e-6


@dataclass(frozen=True)
class Crossings:
    """A line and zones with outlines of known accuracy.

    Parameters
    ----------
    segments : tuple of ndarray
        The line as straight segments up to 1 km long, lon, lat, and the km at both ends of each.
    zones : GeoSeries
        lon, lat.
    accuracy_km : ndarray, shape (zones,)
        95 % accuracy of each outline; NaN where unknown.
    breaks : ndarray
        Km at which one part of the line ends and the next begins.
    line_km : ndarray, shape (segments,)
        95 % accuracy of the line at each segment; NaN where unknown.

    Notes
    -----
    A point within the accuracy of a zone may belong to it. The border between two zones may cross
    the line wherever both zones are within reach, so the stretch of such points around the crossing
    is its uncertainty. The reach is the root of the sum of the squares of the line's accuracy and
    the larger accuracy of the two zones. Distances are measured in a plane of scaled degrees, to 2
    %.
    """

    segments: tuple[Any, Floats, Floats]
    zones: gpd.GeoSeries
    accuracy_km: Floats
    breaks: Floats
    line_km: Floats

    @cached_property
    def _samples(self) -> tuple[Floats, Any, Floats, Floats]:
        """Samples: km, points in the plane, km represented by each, and the line's accuracy."""
        shapes, starts, ends = self.segments
        count = np.maximum(np.ceil((ends - starts) / _STEP_KM).astype(int), 1)
        segment = np.repeat(np.arange(len(starts)), count)
        share = (
            np.arange(len(segment)) - np.repeat(np.cumsum(count) - count, count) + 0.5
        ) / count[segment]
        xy = shapely.get_coordinates(shapes).reshape(-1, 2, 2)
        spots = xy[segment, 0] + share[:, None] * (xy[segment, 1] - xy[segment, 0])
        length = (ends - starts)[segment]
        at = starts[segment] + share * length
        return at, self._planar(spots), length / count[segment], self.line_km[segment]

    @cached_property
    def _scale(self) -> float:
        """Return the length of a degree of longitude, in degrees of latitude."""
        return float(np.cos(np.radians(shapely.get_coordinates(self.segments[0])[:, 1].mean())))

    def _planar(self, xy: Floats) -> Any:
        return shapely.points(xy * [self._scale, 1.0])

    @cached_property
    def _areas(self) -> Any:
        areas = shapely.transform(
            np.asarray(self.zones.array, dtype=object), lambda xy: xy * [self._scale, 1.0]
        )
        shapely.prepare(areas)
        return areas

    def _reach(self, first: int, second: int) -> Floats:
        """Return the combined accuracy of outlines and line at each sample."""
        known = [self.accuracy_km[i] for i in (first, second) if i >= 0]
        zones = float(np.nanmax(known)) if not np.isnan(known).all() else float("nan")
        line = self._samples[3]
        both = np.hypot(np.nan_to_num(zones), np.nan_to_num(line))
        return np.asarray(np.where(np.isnan(line) & np.isnan(zones), np.nan, both), float)

    def _near(self, zone: int, km: Floats, rows: Ints | slice = _ALL) -> Bools:
        """Return which samples, of all or of `rows`, lie within `km` of a zone; NaN counts as 0."""
        limit = np.nan_to_num(km[rows]) / _DEGREE_KM
        found: Bools = shapely.dwithin(self._areas[zone], self._samples[1][rows], limit)
        return found

    def _near_outline(self, zone: int, km: Floats, rows: Ints | slice = _ALL) -> Bools:
        """Return which samples lie within `km` of the outline of a zone; as `_near`."""
        outline = shapely.boundary(self._areas[zone])
        shapely.prepare(outline)
        limit = np.nan_to_num(km[rows]) / _DEGREE_KM
        found: Bools = shapely.dwithin(outline, self._samples[1][rows], limit)
        return found

    def off_km(self, row: Row, other: int, at: float) -> tuple[float, float]:
        """Return the first and last km where the border drawn at `at` may cross the line.

        `row` is the stretch that begins or ends there, `other` the zone beyond, below 0 for none.
        Both are NaN where no accuracy is known.
        """
        reach = self._reach(row[0], other)
        here = min(int(np.searchsorted(self._samples[0], at)), len(reach) - 1)
        if np.isnan(reach[here]):
            return float("nan"), float("nan")
        if row[0] >= 0 and other >= 0:
            return self._run(self._near(row[0], reach) & self._near(other, reach), at)
        return self._run(self._near_outline(max(row[0], other), reach), at)

    def _run(self, possible: Bools, at: float) -> tuple[float, float]:
        """Return the stretch around `at`, within one part, in which all samples are possible."""
        km, _, step, _ = self._samples
        here = int(np.searchsorted(km, at))
        others = np.flatnonzero(~possible)
        low = int(others[others < here].max(initial=-1)) + 1
        high = int(others[others >= here].min(initial=len(km)))
        edges = np.concatenate(([0.0], self.breaks, [km[-1] + step[-1] / 2]))
        start = km[low] - step[low] / 2 if low < here else at
        end = km[high - 1] + step[high - 1] / 2 if high > here else at
        before = edges[edges <= at + _SAME_KM].max()
        after = edges[edges >= at - _SAME_KM].min()
        return float(min(at, max(start, before))), float(max(at, min(end, after)))

    def uncertain_share(self, row: Row, *, is_beside_none: bool = False) -> float:
        """Return the share of a stretch that lies within the accuracy of another zone.

        If it `is_beside_none`, with no zone beyond one of its ends, points near the zone's own
        outline may be outside all zones.
        """
        zone, start, end = row
        km, spots, step, _ = self._samples
        here = np.flatnonzero((km > start) & (km < end))
        if not len(here):  # between two samples
            here = np.array([min(int(np.searchsorted(km, (start + end) / 2)), len(km) - 1)])
        line = self._samples[3][here]
        if np.isnan(self.accuracy_km).all() and np.isnan(line).all():
            return float("nan")
        furthest = (np.nan_to_num(v).max(initial=0.0) for v in (self.accuracy_km, line))
        widest = float(np.hypot(*furthest)) / _DEGREE_KM
        around = shapely.box(*(shapely.total_bounds(spots[here]) + np.repeat([-1, 1], 2) * widest))
        doubtful = np.zeros(len(here), bool)
        for other in np.flatnonzero(shapely.intersects(self._areas, around)):
            if other != zone:
                doubtful |= self._near(int(other), self._reach(zone, int(other)), here)
        if zone >= 0 and is_beside_none:
            doubtful |= self._near_outline(zone, self._reach(zone, -1), here)
        return float(step[here][doubtful].sum() / step[here].sum())

    def beyond(self, rows: list[Row], row: Row, at: float) -> int | None:
        """Return the zone beyond an end of a stretch; None at an end of line, part or section."""
        ends = np.concatenate(([0.0, self.segments[2][-1]], self.breaks))
        if (np.abs(ends - at) < _SAME_KM).any():
            return None
        side = 2 if at == row[1] else 1
        met = [z for z, *span in rows if abs(span[side - 1] - at) < _SAME_KM]
        if row[0] in met:
            return None
        return met[0] if met else -1

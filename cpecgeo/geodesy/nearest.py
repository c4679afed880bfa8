"""The nearest feature to each point, and the closest place on it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cpecgeo.geodesy._ellipsoid import ATTRS, GEOD, ecef
from cpecgeo.geodesy._paths import paths
from cpecgeo.geodesy._split import between_vertices
from cpecgeo.geodesy.inputs import POINTS, lonlat

__all__ = ["Index", "nearest"]


class Index:
    """First simple version: every point against every piece of every line."""

    def __init__(self, geoms: Any, ids: Any = None) -> None:
        series = lonlat(geoms, what="geoms")
        flat = paths(np.asarray(series.array, dtype=object))
        before, new = between_vertices(flat.xy, flat.edges, 10_000.0)
        xy = np.insert(flat.xy, before + 1, new, axis=0)
        path = np.insert(flat.path, before + 1, flat.path[before])
        start = np.flatnonzero(path[1:] == path[:-1])
        self._a, self._b = xy[start], xy[start + 1]
        self._path = path[start]
        self._owner = flat.owner[self._path]
        self._ids = series.index.to_numpy() if ids is None else np.asarray(ids)
        metres = GEOD.inv(self._a[:, 0], self._a[:, 1], self._b[:, 0], self._b[:, 1])[2]
        total = np.concatenate(([0.0], np.cumsum(metres)))
        first = np.searchsorted(self._owner, self._owner)
        self._km = (total[:-1] - total[first]) / 1e3

    def nearest(self, points: Any) -> pd.DataFrame:
        """Closest place on the lines to each point."""
        series = lonlat(points, what="points", kinds=POINTS, missing="keep")
        here = series.notna().to_numpy()
        lonlat_ = np.column_stack((series[here].x, series[here].y))
        p = ecef(lonlat_[:, 0], lonlat_[:, 1])
        a, b = ecef(*self._a.T), ecef(*self._b.T)
        d = b - a
        best = np.empty(len(p), int)
        for i in range(0, len(p), 200):
            v = p[i : i + 200, None] - a
            t = np.clip((v * d).sum(-1) / np.maximum((d * d).sum(-1), 1e-12), 0, 1)
            best[i : i + 200] = ((v - t[..., None] * d) ** 2).sum(-1).argmin(1)
        start, stop = self._a[best], self._b[best]
        azimuth, _, length = (np.asarray(v) for v in GEOD.inv(*start.T, *stop.T))
        low, high = np.zeros(len(p)), length.copy()
        for _ in range(60):  # golden enough: ternary search on a convex function
            u, v = low + (high - low) / 3, high - (high - low) / 3
            fu = np.asarray(GEOD.inv(*GEOD.fwd(*start.T, azimuth, u)[:2], *lonlat_.T)[2])
            fv = np.asarray(GEOD.inv(*GEOD.fwd(*start.T, azimuth, v)[:2], *lonlat_.T)[2])
            low, high = np.where(fu < fv, low, u), np.where(fu < fv, v, high)
        lon, lat, _ = GEOD.fwd(*start.T, azimuth, (low + high) / 2)
        to_point, _, metres = (np.asarray(v) for v in GEOD.inv(lon, lat, *lonlat_.T))
        turn = (to_point - azimuth + 180) % 360 - 180
        side = np.where(metres < 1e-3, "on", np.where(turn > 0, "right", "left"))
        frame = pd.DataFrame(
            {
                "target": self._ids[self._owner[best]],
                "distance_km": metres / 1e3,
                "lon": lon,
                "lat": lat,
                "km": self._km[best] + (low + high) / 2e3,
                "side": side,
                "path": self._path[best],
            },
            index=series.index[here],
        ).reindex(series.index)
        frame["path"] = frame["path"].fillna(-1).astype(int)
        frame.attrs = {"method": "closest geodesic point", **ATTRS}
        return frame


def nearest(points: Any, targets: Any) -> pd.DataFrame:
    """Closest target of each point."""
    return Index(targets).nearest(points)

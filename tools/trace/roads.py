"""Trace roads: from anchors to a thinned line with its stops and the legs under labels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry import LineString

from cpecgeo.geodesy import Chainage, distance_km
from tools.trace.centre import bridged, centred
from tools.trace.path import least_cost, snap
from tools.trace.tiles import Floats, Raster, strength, without

THIN_KM = 0.1
"""Tolerance of thinning: a twentieth of a pixel."""

STOP_KM = {"trunk": 10.0, "motorway": 25.0, "any": 25.0}
"""A named point further than this from the traced road isn't on it. Interchanges of motorways
take the names of towns that are far off."""

APART_KM = 0.05
"""Least distance between two stops along a road."""

STRAIGHT = "straight"

CLASSES = ("trunk", "motorway", "any")

SAME = 0.003
"""Degrees within which the foot of a covered way point is that point."""

DIGITS = 6

Point = tuple[float, float]


@dataclass
class Tracer:
    """Traces roads one after another; where two share a point, the later one keeps it.

    Parameters
    ----------
    picture : Raster
        Red, green and blue.
    points : DataFrame
        Way points on `id`: `trace order kind lon lat`.
    placed : dict
        Where the way points of junctions really are; they stand at a village near by.
    covered : set of str
        Way points that a town's symbol covers: not snapped to what is visible beside it.
    alone : set of str
        Way points where a road begins outside the town that others go through.
    """

    picture: Raster
    points: pd.DataFrame
    placed: dict[str, Point]
    covered: set[str]
    alone: set[str] = field(default_factory=set)
    fixed: dict[Point, Point] = field(default_factory=dict)

    def trace(self, road: dict[str, Any]) -> dict[str, Any]:
        """Trace a road.

        Parameters
        ----------
        road : dict
            `id`, `trace` (its way points), `class` (trunk, motorway, any), `via`: ids of way
            points or lon, lat, in order (`{"exact": [lon, lat]}` stays where it is, and between
            two of them nothing is taken from other roads), with "straight" between two that
            nothing visible joins, and a class where the road goes on as another one; `passes`:
            way points beside it where another road joins; `beyond`: a place further along the
            road that goes on from its last way point, so that the line turns there as the road
            does, and not where the nearest pixels have their centre (roads of one class);
            `others`: lon, lat of pixels of another road that joins, and would pull the line;
            `sections`: the only ones that go this way, where others go another; `use`: "check"
            for one that lines through places are only measured against.

        Returns
        -------
        dict
            GeoJSON feature. `stops` has the vertex of each way point on the road, `labels` the
            first and last vertex of each leg where nothing of the road is visible.
        """
        line, seen = self._course(road)
        lonlat = self.picture.lonlat(line)
        stops, lonlat, seen = self._stops(road, lonlat, seen)
        edges = np.flatnonzero(np.diff(seen.astype(int))) + 1
        keep = thinned(lonlat, THIN_KM, [*stops.values(), *edges])
        at = {old: new for new, old in enumerate(keep)}
        hidden = ~seen[keep]
        starts = np.flatnonzero(hidden & ~np.append(False, hidden[:-1]))
        ends = np.flatnonzero(hidden & ~np.append(hidden[1:], False))
        last = len(keep) - 1
        return {
            "type": "Feature",
            "id": road["id"],
            "properties": {
                "id": road["id"],
                "trace": road["trace"],
                "class": road["class"],
                "use": road.get("use", "line"),
                "sections": road.get("sections"),
                "nodes": list(_nodes(road)),
                "alone": sorted(self.alone.intersection(_nodes(road))),
                "stops": {name: at[i] for name, i in sorted(stops.items(), key=lambda s: s[1])},
                "labels": [
                    [max(int(a) - 1, 0), min(int(b) + 1, last)]
                    for a, b in zip(starts, ends, strict=True)
                ],
            },
            "geometry": {
                "type": "LineString",
                "coordinates": np.round(lonlat[keep], DIGITS).tolist(),
            },
        }

    def _course(self, road: dict[str, Any]) -> tuple[Floats, np.ndarray]:
        """Pixel coordinates of the road and which of them are visible, class after class."""
        lines, shown = [], []
        for kind, via in _classes(road):
            raster = strength(self.picture, kind)
            if "others" in road:
                raster = without(raster, road["others"])
            marks = [i for i, item in enumerate(via) if item == STRAIGHT]
            straight = [i - 1 - k for k, i in enumerate(marks)]
            items = [item for item in via if item != STRAIGHT]
            exact = [i for i, item in enumerate(items) if isinstance(item, dict)]
            anchors = np.array([self._anchor(raster, item) for item in items])
            if lines:
                anchors[0] = lines[-1][-1]
            if "beyond" in road:
                anchors = np.vstack((anchors, self._anchor(raster, road["beyond"])))
            line = centred(raster, least_cost(raster, anchors, straight))
            line, seen = bridged(raster, line, anchors, exact)
            if "beyond" in road:
                end = 1 + int(np.argmin(np.hypot(*(line - anchors[-2]).T)))
                line, seen = line[:end], seen[:end]
            lines.append(line)
            shown.append(seen)
        ahead = [slice(0 if i == 0 else 1, None) for i in range(len(lines))]
        return (
            np.vstack([line[part] for line, part in zip(lines, ahead, strict=True)]),
            np.concatenate([seen[part] for seen, part in zip(shown, ahead, strict=True)]),
        )

    def _given(self, name: str) -> Point:
        row = self.points.loc[name]
        return float(row["lon"]), float(row["lat"])

    def _anchor(self, raster: Raster, item: Any) -> Floats:
        """Pixel coordinates of an anchor."""
        if isinstance(item, dict):
            return raster.pixels([item["exact"]])[0]
        if not isinstance(item, str):
            return snap(raster, raster.pixels([item])[0])
        known = self.fixed.get(self._given(item))
        if known and item not in self.alone:
            return raster.pixels([known])[0]
        spot = raster.pixels([self.placed.get(item, self._given(item))])[0]
        return spot if item in self.covered else snap(raster, spot)

    def _stops(
        self, road: dict[str, Any], lonlat: Floats, seen: np.ndarray
    ) -> tuple[dict[str, int], Floats, np.ndarray]:
        """Make each way point of the road a vertex of it, where the road passes it."""
        named = list(_nodes(road))
        rows = self.points[self.points["trace"] == road["trace"]]
        first, last = sorted((rows.loc[named[0], "order"], rows.loc[named[-1], "order"]))
        rows = rows[rows["order"].between(first, last) & (rows["kind"] == "place")]
        given = [self._given(name) for name in rows.index]
        wanted = [
            (name not in self.alone and self.fixed.get(spot)) or self.placed.get(name, spot)
            for name, spot in zip(rows.index, given, strict=True)
        ]
        chain = Chainage(LineString(lonlat))
        feet = chain.locate(gpd.GeoSeries(shapely.points(wanted), index=rows.index, crs=4326))
        km = feet["km"].to_numpy(float, copy=True)
        for end, at in ((named[0], 0.0), (named[-1], chain.end_km)):
            km[rows.index.get_loc(end)] = at
        near = (feet["offset_km"].to_numpy() <= STOP_KM[road["class"]]) | np.isin(rows.index, named)
        km[near] = _apart(km[near], chain.end_km)
        vertices = np.asarray(chain.measures_km)
        alone = np.abs(vertices[:, None] - km[near]).min(axis=1) > APART_KM / 10
        every = np.unique(np.concatenate((vertices[alone], km[near])))
        points = chain.at(every)
        line = shapely.get_coordinates(np.asarray(points))
        stops = {
            str(name): int(np.searchsorted(every, k))
            for name, k, on in zip(rows.index, km, near, strict=True)
            if on
        }
        for name, spot in zip(rows.index, given, strict=True):
            if name in stops:
                lon, lat = np.round(line[stops[name]], DIGITS).tolist()
                if name in self.covered and np.hypot(lon - spot[0], lat - spot[1]) < SAME:
                    lon, lat = spot
                if name in named and name not in self.alone:
                    lon, lat = self.fixed.setdefault(spot, (lon, lat))
                line[stops[name]] = lon, lat
        shown = seen[np.clip(np.searchsorted(vertices, every, "right") - 1, 0, len(seen) - 1)]
        return stops, line, shown


def _classes(road: dict[str, Any]) -> list[tuple[str, list[Any]]]:
    """The road's anchors by class, each beginning where the last one ends."""
    parts: list[tuple[str, list[Any]]] = [(road["class"], [])]
    for item in road["via"]:
        if isinstance(item, str) and item in CLASSES:
            parts.append((item, parts[-1][1][-1:]))
        else:
            parts[-1][1].append(item)
    return parts


def _nodes(road: dict[str, Any]) -> dict[str, None]:
    """Ids of the way points that other roads share, from the first end to the last."""
    words = {STRAIGHT, *CLASSES}
    named = [item for item in road["via"] if isinstance(item, str) and item not in words]
    return dict.fromkeys([*named[:-1], *road.get("passes", []), named[-1]])


def _apart(km: Floats, end_km: float) -> Floats:
    """Move stops that have one foot, at the outside of a bend, a little apart."""
    order = np.argsort(km, kind="stable")
    moved = km[order]
    for i in range(1, len(moved)):
        moved[i] = max(moved[i], moved[i - 1] + APART_KM)
    moved[-1] = min(moved[-1], end_km)
    for i in range(len(moved) - 2, -1, -1):
        moved[i] = min(moved[i], moved[i + 1] - APART_KM)
    answer = np.empty_like(km)
    answer[order] = moved
    return answer


def thinned(lonlat: Floats, km: float, fixed: Iterable[int] = ()) -> list[int]:
    """Indices of the vertices to keep.

    Parameters
    ----------
    lonlat : ndarray, shape (n, 2)
        Lon, lat in degrees.
    km : float
        No vertex that is left out is further than this from the line that stays.
    fixed : iterable of int
        Vertices that stay; both ends do in any case.

    Returns
    -------
    list of int

    References
    ----------
    D. H. Douglas and T. K. Peucker, Cartographica 10 (1973) 112–122.

    Examples
    --------
    >>> thinned(np.array([[70, 30], [70.1, 30.001], [70.2, 30.0], [70.2, 30.1]]), 0.3)
    [0, 2, 3]
    """
    keep = sorted({0, len(lonlat) - 1, *fixed})
    spans = list(pairwise(keep))
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        inner = gpd.GeoSeries(shapely.points(lonlat[first + 1 : last]), crs=4326)
        chord = gpd.GeoSeries([LineString(lonlat[[first, last]])], crs=4326)
        apart = np.asarray(distance_km(inner, chord.iloc[[0] * len(inner)].set_axis(inner.index)))
        if apart.max() > km:
            middle = first + 1 + int(np.argmax(apart))
            keep.append(middle)
            spans += [(first, middle), (middle, last)]
    return sorted(keep)

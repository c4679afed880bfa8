"""A corridor's line laid onto real track: stop to stop, by the cheapest sequence of places.

Each anchor, a stop or the end of a section, has a few places on the network near it. Of all
sequences of one place each, the one is taken for which track between them, plus a multiple of
the distances from the anchors, is least (Viterbi, as in map matching by Newson and Krumm,
2009, with kilometres in place of probabilities). A leg without a sensible way stays schematic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from cpecgeo.geodesy import Chainage, length_km
from cpecgeo.osm.network import Network, Spot, part
from cpecgeo.osm.paths import pieces

__all__ = ["Anchor", "Laid", "lay"]

_PLACES = 6  # candidates for an anchor
_OFFSET_WEIGHT = 3.0  # a kilometre beside the track counts as so many of track
_DETOUR, _DETOUR_KM = 1.4, 3.0  # longest leg: so many times the chainage, and so much more


@dataclass(frozen=True)
class Anchor:
    """A place that the line must pass.

    Attributes
    ----------
    name : str
    km : float
        Chainage on the old line.
    point : Point
    tolerance_km : float
        How far off the track may be.
    held : bool
        Whether the chainage is known, and not interpolated.
    """

    name: str
    km: float
    point: Any
    tolerance_km: float
    held: bool


@dataclass(frozen=True, eq=False)
class Laid:
    """The new line.

    Attributes
    ----------
    xy : ndarray, shape (vertices, 2)
    measures_km : ndarray
        NaN where to be interpolated.
    met : list of (Anchor, int, float)
        Anchors on the track, the vertex of each and its offset in km.
    missed : list of (Anchor, str)
        Anchors without track near them, and why.
    gaps : list of (float, float, str, str, str)
        Old chainage from and to, names, and why the stretch stayed schematic.
    ways : tuple of int
        Positions of the ways used, in order of first use.
    """

    xy: NDArray[np.float64]
    measures_km: NDArray[np.float64]
    met: list[tuple[Anchor, int, float]]
    missed: list[tuple[Anchor, str]]
    gaps: list[tuple[float, float, str, str, str]]
    ways: tuple[int, ...]


def lay(net: Network, cost: NDArray[np.float64], anchors: Sequence[Anchor], old: Chainage) -> Laid:
    """Lay a line onto a network.

    Parameters
    ----------
    net : Network
    cost : ndarray, shape (edges,)
        Kilometres of each edge, raised where the edge isn't the corridor's own.
    anchors : sequence of Anchor
        In order of chainage; the first and the last are the ends of the line.
    old : Chainage
        The line as it is; its stretches fill the gaps.
    """
    places = _places(net, anchors)
    met = [i for i, p in enumerate(places) if p]
    missed = [
        (a, f"no track within {a.tolerance_km:.1f} km")
        for a, p in zip(anchors, places, strict=True)
        if not p
    ]
    graph = net.weighted(cost)
    chosen = _sequence(net, graph, cost, anchors, places, met)
    drawing = _Drawing(old)
    ways: dict[int, None] = {}
    gaps: list[tuple[float, float, str, str, str]] = []
    vertex: list[tuple[Anchor, int, float]] = []
    if not met or met[0] != 0:
        to = anchors[met[0]] if met else anchors[-1]
        drawing.gap(anchors[0].km, to.km, first=True, last=not met)
        gaps.append((anchors[0].km, to.km, anchors[0].name, to.name, "no track near the start"))
    for n, i in enumerate(met):
        a, spot = anchors[i], chosen[n]
        at = drawing.place(_point(net, spot), a.km if a.held else np.nan)
        vertex.append((a, at, spot.access_km))
        if i == met[-1]:
            break
        b, onward = anchors[met[n + 1]], chosen[n + 1]
        leg, why = _leg(net, graph, cost, (spot, onward), b.km - a.km)
        if why:
            drawing.gap(a.km, b.km)
            gaps.append((a.km, b.km, a.name, b.name, why))
            continue
        for edge, x, y in leg:
            drawing.follow(part(net.segments.coords(edge), x, y))
            if x != y:
                ways[int(net.segments.way[edge])] = None
    if met and met[-1] != len(anchors) - 1:
        a = anchors[met[-1]]
        drawing.gap(a.km, anchors[-1].km, last=True)
        gaps.append((a.km, anchors[-1].km, a.name, anchors[-1].name, "no track near the end"))
    xy, measures = drawing.done(anchors[0].km, anchors[-1].km)
    return Laid(xy, measures, vertex, missed, gaps, tuple(ways))


class _Drawing:
    """Vertices and measures as they are put down."""

    def __init__(self, old: Chainage) -> None:
        self._old = old
        self._xy: list[tuple[float, float]] = []
        self._km: list[float] = []

    def place(self, point: Any, km: float) -> int:
        """Put down an anchor's place; its vertex."""
        if not self._xy or self._xy[-1] != (point.x, point.y):
            self._xy.append((point.x, point.y))
            self._km.append(np.nan)
        if not np.isnan(km):
            self._km[-1] = km
        return len(self._xy) - 1

    def follow(self, line: Any) -> None:
        """Go along a stretch of track."""
        for xy in () if line is None else line.coords:
            if self._xy[-1] != xy:
                self._xy.append(xy)
                self._km.append(np.nan)

    def gap(self, a: float, b: float, *, first: bool = False, last: bool = False) -> None:
        """Go along the old line; its ends belong to it at the ends of the corridor only."""
        if b - a <= 0:
            return
        coords = list(self._old.between(a, b).coords)
        inner = coords[0 if first else 1 : None if last else -1]
        self._xy += inner
        self._km += [np.nan] * len(inner)

    def done(self, start: float, end: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        xy, km = np.array(self._xy), np.array(self._km)
        km[0], km[-1] = start, end
        return xy, km


def _places(net: Network, anchors: Sequence[Anchor]) -> list[list[Spot]]:
    """Places on the network near each anchor, nearest first."""
    places: list[list[Spot]] = [[] for _ in anchors]
    if not len(net.segments):
        return places
    k = min(_PLACES, len(net.segments))
    far = max(a.tolerance_km for a in anchors)
    near = net.index.nearest([a.point for a in anchors], k=k, max_km=far)
    for i, edge, km, off in zip(
        near.index, near["target"], near["km"], near["distance_km"], strict=True
    ):
        if pd.isna(edge) or off > anchors[i].tolerance_km:
            continue
        long = float(net.segments.km[int(edge)])
        share = min(max(km / long, 0.0), 1.0) if long > 0 else 0.0
        places[i].append(Spot(int(edge), share, -1, float(off)))
    return places


def _sequence(
    net: Network,
    graph: Any,
    cost: NDArray[np.float64],
    anchors: Sequence[Anchor],
    places: list[list[Spot]],
    met: list[int],
) -> list[Spot]:
    """One place for each anchor that has any."""
    if not met:
        return []
    total = np.array([_OFFSET_WEIGHT * s.access_km for s in places[met[0]]])
    back: list[NDArray[np.int64]] = []
    for i, j in pairwise(met):
        step = _steps(net, graph, cost, places[i], places[j])
        # Where there is no way, a gap costs more than any sensible one.
        wide = 5.0 * (anchors[j].km - anchors[i].km) + 20.0
        through = total[:, None] + np.minimum(step, wide)
        back.append(through.argmin(axis=0))
        total = through.min(axis=0) + np.array([_OFFSET_WEIGHT * s.access_km for s in places[j]])
    at = int(total.argmin())
    chosen = [places[met[-1]][at]]
    for n in range(len(back) - 1, -1, -1):
        at = int(back[n][at])
        chosen.append(places[met[n]][at])
    return chosen[::-1]


def _steps(
    net: Network, graph: Any, cost: NDArray[np.float64], a: list[Spot], b: list[Spot]
) -> NDArray[np.float64]:
    """Cost from each place to each."""
    step = graph.matrix(
        [net.seeds(s, cost, end=False) for s in a], [net.seeds(s, cost, end=True) for s in b]
    )
    for i, start in enumerate(a):
        for j, end in enumerate(b):
            step[i, j] = min(step[i, j], net.along(start, end, cost))
    return np.asarray(step, float)


def _leg(
    net: Network, graph: Any, cost: NDArray[np.float64], ends: tuple[Spot, Spot], km: float
) -> tuple[list[tuple[int, float, float]], str]:
    """The stretches of one leg, or why there is none."""
    start, end = ends
    least, arcs = graph.path(net.seeds(start, cost, end=False), net.seeds(end, cost, end=True))
    if net.along(start, end, cost) <= least:
        least, arcs = net.along(start, end, cost), np.empty(0, np.int32)
    if not np.isfinite(least):
        return [], "no way on mapped track"
    leg = pieces(net, start, end, arcs)
    found = sum(abs(y - x) * float(net.segments.km[e]) for e, x, y in leg)
    straight = length_km(shapely.LineString([_point(net, start), _point(net, end)]))
    if found > _DETOUR * max(km, straight) + _DETOUR_KM:
        return [], f"mapped track is {found:.1f} km for a chainage of {km:.1f} km"
    return leg, ""


def _point(net: Network, spot: Spot) -> Any:
    coords = net.segments.coords(spot.edge)
    if spot.share in {0.0, 1.0}:
        return shapely.Point(coords[0 if spot.share == 0 else -1])
    lead = part(coords, 0.0, spot.share)
    return shapely.Point(coords[0] if lead is None else lead.coords[-1])

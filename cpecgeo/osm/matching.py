"""Map matching of a corridor's line to mapped track, stop by stop.

Each anchor, a stop or the end of a section, has a few candidates: points of the network near it.
One candidate is chosen for each anchor, so that the length of track between them plus a multiple of
their distances from the anchors is least. This is Viterbi's algorithm, as in map matching by Newson
and Krumm (2009), with kilometres in place of probabilities. A leg without a sensible path keeps the
drawn line.
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
from cpecgeo.osm.elements import Foot, clip, point
from cpecgeo.osm.graph import Graph
from cpecgeo.osm.paths import Span, Weights, spans

__all__ = ["Anchor", "Match", "match"]

_CANDIDATES = 6  # per anchor
_OFFSET_WEIGHT = 3.0  # factor on the distance of a candidate from its anchor
_DETOUR, _DETOUR_KM = 1.4, 3.0  # longest leg: a multiple of the chainage, plus a constant


@dataclass(frozen=True)
class Anchor:
    """A point that the line must pass.

    Attributes
    ----------
    name : str
    km : float
        Chainage on the old line.
    point : Point
    tolerance_km : float
        The greatest distance of the track.
    held : bool
        Whether the chainage is known, not interpolated.
    """

    name: str
    km: float
    point: Any
    tolerance_km: float
    held: bool


@dataclass(frozen=True, eq=False)
class Match:
    """The new line.

    Attributes
    ----------
    xy : ndarray, shape (vertices, 2)
    measures_km : ndarray
        NaN where to be interpolated.
    met : list of (Anchor, int, float)
        Anchors on the track, the vertex of each and its offset in km.
    missed : list of (Anchor, str)
        Anchors without track nearby, and the reason.
    gaps : list of (float, float, str, str, str)
        Old chainage from and to, names, and the reason why the leg stays schematic.
    ways : tuple of int
        Positions of the ways used, in order of first use.
    """

    xy: NDArray[np.float64]
    measures_km: NDArray[np.float64]
    met: list[tuple[Anchor, int, float]]
    missed: list[tuple[Anchor, str]]
    gaps: list[tuple[float, float, str, str, str]]
    ways: tuple[int, ...]


def match(net: Graph, cost: NDArray[np.float64], anchors: Sequence[Anchor], old: Chainage) -> Match:
    """Match a line to a network; in the gaps the old line is kept.

    `cost` is the kilometres of each edge, raised where the edge isn't the corridor's own. Anchors
    are in order of chainage; the first and the last are the ends of the line.
    """
    s, weights = net.segments, Weights(net.segments, cost, net.weigh(cost))
    candidates = _candidates(net, anchors)
    met = [i for i, near in enumerate(candidates) if near]
    missed = [
        (a, f"no track within {a.tolerance_km:.1f} km")
        for a, near in zip(anchors, candidates, strict=True)
        if not near
    ]
    chosen = _choose(weights, anchors, candidates, met)
    line = _Line(old)
    ways: dict[int, None] = {}
    gaps: list[tuple[float, float, str, str, str]] = []
    vertex: list[tuple[Anchor, int, float]] = []
    if not met or met[0] != 0:
        to = anchors[met[0]] if met else anchors[-1]
        line.keep(anchors[0].km, to.km, first=True, last=not met)
        gaps.append((anchors[0].km, to.km, anchors[0].name, to.name, "no track near the start"))
    for n, i in enumerate(met):
        a, foot = anchors[i], chosen[n]
        at = line.pass_by(point(s, foot), a.km if a.held else np.nan)
        vertex.append((a, at, foot.access_km))
        if i == met[-1]:
            break
        b, onward = anchors[met[n + 1]], chosen[n + 1]
        leg, why = _leg(weights, foot, onward, b.km - a.km)
        if why:
            line.keep(a.km, b.km)
            gaps.append((a.km, b.km, a.name, b.name, why))
            continue
        for edge, x, y in leg:
            line.follow(clip(s.coords(edge), x, y))
            if x != y:
                ways[int(s.way[edge])] = None
    if met and met[-1] != len(anchors) - 1:
        a = anchors[met[-1]]
        line.keep(a.km, anchors[-1].km, last=True)
        gaps.append((a.km, anchors[-1].km, a.name, anchors[-1].name, "no track near the end"))
    xy, measures = line.finish(anchors[0].km, anchors[-1].km)
    return Match(xy, measures, vertex, missed, gaps, tuple(ways))


class _Line:
    """Collects vertices and measures of the new line."""

    def __init__(self, old: Chainage) -> None:
        self._old = old
        self._xy: list[tuple[float, float]] = []
        self._km: list[float] = []

    def pass_by(self, at: shapely.Point, km: float) -> int:
        """Add the foot of an anchor; return the number of its vertex."""
        if not self._xy or self._xy[-1] != (at.x, at.y):
            self._xy.append((at.x, at.y))
            self._km.append(np.nan)
        if not np.isnan(km):
            self._km[-1] = km
        return len(self._xy) - 1

    def follow(self, track: shapely.LineString | None) -> None:
        """Append a stretch of track."""
        for xy in () if track is None else track.coords:
            if self._xy[-1] != xy:
                self._xy.append(xy)
                self._km.append(np.nan)

    def keep(self, a: float, b: float, *, first: bool = False, last: bool = False) -> None:
        """Append the old line from a to b; its end vertices only at the corridor's ends."""
        if b - a <= 0:
            return
        coords = list(self._old.between(a, b).coords)
        inner = coords[0 if first else 1 : None if last else -1]
        self._xy += inner
        self._km += [np.nan] * len(inner)

    def finish(self, start: float, end: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return vertices and measures; the ends get the corridor's measures."""
        xy, km = np.array(self._xy), np.array(self._km)
        km[0], km[-1] = start, end
        return xy, km


def _candidates(net: Graph, anchors: Sequence[Anchor]) -> list[list[Foot]]:
    """Return the points of the network near each anchor, nearest first."""
    found: list[list[Foot]] = [[] for _ in anchors]
    if not len(net.segments):
        return found
    k = min(_CANDIDATES, len(net.segments))
    far = max(a.tolerance_km for a in anchors)
    near = net.index.nearest([a.point for a in anchors], k=k, max_km=far)
    for i, edge, km, off in zip(
        near.index, near["target"], near["km"], near["distance_km"], strict=True
    ):
        if pd.isna(edge) or off > anchors[i].tolerance_km:
            continue
        long = float(net.segments.km[int(edge)])
        share = min(max(km / long, 0.0), 1.0) if long > 0 else 0.0
        found[i].append(Foot(int(edge), share, -1, float(off)))
    return found


def _choose(
    weights: Weights, anchors: Sequence[Anchor], candidates: list[list[Foot]], met: list[int]
) -> list[Foot]:
    """Return one candidate for each anchor that has any."""
    if not met:
        return []

    def beside(i: int) -> NDArray[np.float64]:
        return np.array([_OFFSET_WEIGHT * foot.access_km for foot in candidates[i]])

    total = beside(met[0])
    back: list[NDArray[np.int64]] = []
    for i, j in pairwise(met):
        # A gap costs more than any sensible path.
        wide = 5.0 * (anchors[j].km - anchors[i].km) + 20.0
        step = weights.matrix(candidates[i], candidates[j], limit=wide)
        through = total[:, None] + np.minimum(step, wide)
        back.append(through.argmin(axis=0))
        total = through.min(axis=0) + beside(j)
    at = int(total.argmin())
    chosen = [candidates[met[-1]][at]]
    for n in range(len(back) - 1, -1, -1):
        at = int(back[n][at])
        chosen.append(candidates[met[n]][at])
    return chosen[::-1]


def _leg(weights: Weights, start: Foot, end: Foot, km: float) -> tuple[list[Span], str]:
    """Return the spans of one leg, or the reason why there is no path."""
    s = weights.edges
    least, along = weights.path(start, end, guess=2 * km + 1)
    if not np.isfinite(least):
        return [], "no path on mapped track"
    leg = spans(s, start, end, along)
    found = sum(abs(y - x) * float(s.km[e]) for e, x, y in leg)
    straight = float(length_km(shapely.LineString([point(s, start), point(s, end)])))
    if found > _DETOUR * max(km, straight) + _DETOUR_KM:
        return [], f"mapped track is {found:.1f} km for a chainage of {km:.1f} km"
    return leg, ""

"""Accuracy of answers, from the accuracy of lines, points and outlines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import groupby
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from cpecgeo.analysis.legs import SPAN, Accuracies, legs_of, spans_of
from cpecgeo.features.subject import Subject, rows_by
from cpecgeo.geodesy import Chainage, Index, buffer, distance_matrix_km

__all__ = ["CERTAINTY", "HOW", "Bounds", "grade", "interval_text",
           "span_text", "widen", "words"]  # fmt: skip

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

CERTAINTY = ("sure", "likely", "open")
"""Words for how sure it is that something lies within a distance, best first."""

HOW = (
    "95 % values: the accuracy of the leg or place and of the point, where known, as the root of "
    "the sum of their squares; low and high with the line moved by it"
)
"""What `.attrs["accuracy"]` says of low and high values."""

POORER_KM = 4.0
"""A leg is poorer than another from this difference on. Smaller ones leave at least 0.97 of the
statements by the leg at the closest place alone true, at any distance, where 0.95 are stated; and a
search for each takes several times as long as the distance itself."""

# Smaller differences of distance are ignored.
_ROUNDING_KM = 1e-9


@dataclass(frozen=True, eq=False)
class Bounds:
    """Targets cut where their accuracy changes, for least and greatest possible distances.

    Attributes
    ----------
    shapes : GeoSeries
        Stretches of corridors, and all other targets.
    accuracy_km : ndarray
        95 % accuracy of each; NaN where unknown.
    owner : ndarray of int
        The geometry of the subject that each belongs to.

    Notes
    -----
    The real line lies within its accuracy of the drawn one. Its distance is at least the minimum,
    over all stretches, of distance less accuracy, and at most the minimum of distance plus
    accuracy; an inaccurate leg farther off can be the nearest. The accuracies of line and point
    combine as the root of the sum of their squares. An unknown accuracy counts as exact; where none
    is known, the result is NaN.
    """

    shapes: gpd.GeoSeries
    accuracy_km: Floats
    owner: Ints = field(repr=False)

    @classmethod
    def of(cls, subject: Subject) -> Bounds:
        """Cut the corridors of a subject into stretches of equal accuracy."""
        stated, labels = Accuracies.of(subject).stated, subject.shapes.index
        cut = {
            i: _bounds(subject.chainages[labels[i]], spans_of(table))
            for i, table in legs_of(subject).items()
        }
        if len(labels) == 1 and cut:
            return cut[0]
        shapes: list[Any] = []
        accuracy: list[float] = []
        owner: list[int] = []
        for position, shape in enumerate(subject.shapes):
            part = cut.get(position)
            shapes += [shape] if part is None else part.shapes.tolist()
            accuracy += [float(stated[position])] if part is None else part.accuracy_km.tolist()
            owner += [position] * (len(shapes) - len(owner))
        series = gpd.GeoSeries(shapes, crs=4326)
        return cls(series, np.array(accuracy, float), np.array(owner, int))

    def of_one(self, position: int) -> Bounds:
        """Return the bounds of one geometry of the subject."""
        here = self.owner == position
        return Bounds(self.shapes[here], self.accuracy_km[here], self.owner[here])

    @property
    def is_known(self) -> bool:
        """Whether any accuracy here is known."""
        return bool((~np.isnan(self.accuracy_km)).any())

    @cached_property
    def _classes(self) -> list[tuple[float, Index]]:
        """An index for each accuracy."""
        exact = np.nan_to_num(self.accuracy_km)
        return [(float(a), Index(self.shapes[exact == a])) for a in np.unique(exact)]

    @cached_property
    def _edges(self) -> Index | None:
        """The outlines of areas; None where there are none."""
        areas = self.shapes[self.shapes.geom_type.isin(["Polygon", "MultiPolygon"])]
        return Index(areas.boundary) if len(areas) else None

    def reach_km(self, own: Floats | float) -> Any:
        """Return the largest accuracy value here, combined with that of points."""
        return np.hypot(np.nan_to_num(self.accuracy_km).max(initial=0.0), np.nan_to_num(own))

    def around(
        self, xy: Floats, distance: Floats, accuracy: Floats, own: Floats | None = None,
        *, low_km: float = np.inf, high_km: float = np.inf,
    ) -> tuple[Floats, Floats]:  # fmt: skip
        """Return the least and greatest distance of points.

        Parameters
        ----------
        xy, distance, accuracy, own : ndarray
            lon, lat; km to the nearest target, its accuracy there, and that of the points.
        low_km, high_km : float
            Larger values needn't be exact, which saves searches.

        Returns
        -------
        low, high : ndarray
            Km; NaN where no accuracy is known.
        """
        mine = np.full(len(xy), np.nan) if own is None else np.asarray(own, float)
        point = np.nan_to_num(mine)
        reach = np.hypot(np.nan_to_num(accuracy), point)
        low, high = distance - reach, distance + reach
        classes = self._classes if len(self._classes) > 1 else []
        # The best accuracy bounds the greatest distance, the worst one the least.
        for sign, (stated, index) in (
            *((-1.0, c) for c in classes), *((1.0, c) for c in reversed(classes)),
        ):  # fmt: skip
            off = np.hypot(stated, point)
            to = np.minimum(high, high_km) if sign < 0 else np.minimum(low, low_km)
            to = to + sign * off
            near = np.flatnonzero(to > distance + _ROUNDING_KM)
            if len(near):
                limit_m = 1e3 * float(to[near].max())
                away = index.find(xy[near], limit_m=limit_m).metres[:, 0] / 1e3
                low[near] = np.fmin(low[near], away - off[near])
                high[near] = np.fmin(high[near], away + off[near])
        inside = np.flatnonzero(distance == 0) if self._edges is not None else np.empty(0, int)
        if len(inside) and self._edges is not None:
            depth = self._edges.find(xy[inside]).metres[:, 0] / 1e3
            high[inside] = np.maximum(reach[inside] - depth, 0.0)
        unknown = np.isnan(accuracy) & np.isnan(mine)
        low[unknown], high[unknown] = np.nan, np.nan
        return np.maximum(low, 0.0), high

    def widen(self, told: Floats, xy: Floats, distance: Floats) -> Floats:
        """Widen the accuracy at the closest places; as `widen`.

        A less accurate stretch can be the closest one if it is farther by less than the difference
        of accuracies. The distance can then be smaller by its accuracy less the extra distance,
        down to 0. Differences up to `POORER_KM` don't count.
        """
        told = told.copy()
        for stated, index in reversed(self._classes):
            rows = np.flatnonzero(told < np.minimum(stated - POORER_KM, distance))
            limit = float((distance[rows] + stated - told[rows]).max(initial=0.0))
            away = index.find(xy[rows], limit_m=1e3 * limit).metres[:, 0] / 1e3
            less = np.minimum(stated - np.maximum(away - distance[rows], 0.0), distance[rows])
            told[rows] = np.fmax(told[rows], less)
        return told

    def certainty(
        self,
        xy: Floats,
        distance: Floats,
        accuracy: Floats,
        km: float,
        own: Floats | None = None,
    ) -> Ints:
        """Grade how certain it is that points lie within `km`; arguments as for `around`.

        Returns
        -------
        ndarray of int
            As `grade`.
        """
        mine = np.full(len(xy), np.nan) if own is None else np.asarray(own, float)
        point = np.nan_to_num(mine)
        code = np.where(distance + np.hypot(np.nan_to_num(accuracy), point) <= km, 0, 3)
        code[np.isnan(accuracy) & np.isnan(mine)] = -1
        near = np.flatnonzero((code == 3) & (distance - self.reach_km(point) <= km))
        low, high = self.around(xy[near], distance[near], accuracy[near], mine[near], low_km=km)
        code[near] = grade(low, high, km)
        return code

    def beside(self, shapes: gpd.GeoSeries, own: Floats | None = None) -> tuple[Floats, Floats]:
        """Return what `around` does, for lines and areas, measured from their nearest part."""
        table = distance_matrix_km(shapes, self.shapes).to_numpy()
        mine = np.zeros(len(shapes)) if own is None else np.nan_to_num(own)
        off = np.hypot(np.nan_to_num(self.accuracy_km)[None, :], mine[:, None])
        low, high = (table - off).min(axis=1), (table + off).min(axis=1)
        if not self.is_known and (own is None or np.isnan(own).all()):
            low, high = np.full(len(shapes), np.nan), np.full(len(shapes), np.nan)
        return np.maximum(low, 0.0), high

    def areas(self, km: float) -> tuple[Any, Any]:
        """Return the area surely within a distance, and the area possibly within it."""
        sure, may = [], []
        exact = np.nan_to_num(self.accuracy_km)
        for accuracy in np.unique(exact):
            here = self.shapes[exact == accuracy]
            # Lines of equal accuracy become one geometry: far fewer areas are united afterwards.
            if (here.geom_type == "LineString").all():
                here = gpd.GeoSeries([shapely.MultiLineString(list(here))], crs=4326)
            may.append(buffer(here, km + accuracy).union_all())
            if km > accuracy:
                sure.append(buffer(here, km - accuracy).union_all())
        return shapely.union_all(sure), shapely.union_all(may)


@lru_cache(maxsize=128)
def _bounds(chain: Chainage, legs: bytes) -> Bounds:
    """Cut a corridor into stretches of equal accuracy; the table of legs may be the caller's."""
    shapes, accuracy = [], []
    spans = np.frombuffer(legs).reshape(-1, len(SPAN)).tolist()
    for good, group in groupby(spans, key=lambda row: row[2]):
        run = list(group)
        start, end = max(run[0][0], chain.start_km), min(run[-1][1], chain.end_km)
        if end - start > 1e-6:
            shapes.append(chain.between(start, end))
            accuracy.append(good)
    series = gpd.GeoSeries(shapes, crs=4326)
    return Bounds(series, np.array(accuracy, float), np.zeros(len(series), int))


def widen(
    accuracies: Accuracies, told: Floats, xy: Floats, target: Ints, distance: Floats
) -> Floats:
    """Widen the accuracy at the closest points to how far off the distances can be.

    Parameters
    ----------
    accuracies : Accuracies
    told : ndarray
        As from `Accuracies.at`; changed in place.
    xy : ndarray
        lon, lat of the points.
    target : ndarray of int
        Position of the target of each, -1 for none.
    distance : ndarray
        Km to it.

    Returns
    -------
    ndarray
        `told`.
    """
    legs = accuracies.legs
    poorest = {i: float(np.nanmax(known, initial=0.0)) for i, (_, known) in legs.items()}
    best = {i: np.nanmin(known, initial=np.inf) for i, (_, known) in legs.items()}
    some = {i for i in poorest if best[i] < poorest[i] - POORER_KM}
    for position, rows in rows_by(target) if some else ():
        if position not in some:
            continue
        # A distance isn't below 0, so that those within their accuracy stay as they are.
        low = rows[told[rows] < np.minimum(poorest[position] - POORER_KM, distance[rows])]
        if len(low):
            bounds = _bounds(*accuracies.lines[position])
            told[low] = bounds.widen(told[low], xy[low], distance[low])
    return told


def grade(low: Floats, high: Floats, km: float) -> Ints:
    """Grade how certain it is that a distance between `low` and `high` is within `km`.

    Returns
    -------
    ndarray of int
        Position in `CERTAINTY`: 0 where the whole interval is within `km`, 1 where half of it or
        more is, 2 where less is; 3 where none is, -1 where unknown.
    """
    share = (km - low) / np.maximum(high - low, 1e-12)
    code = np.select([high <= km, share >= 0.5, low <= km], [0, 1, 2], 3)
    return np.where(np.isnan(low), -1, code)


def words(code: Ints) -> pd.Categorical:
    """Return the words for the numbers of `grade`; missing where unknown."""
    return pd.Categorical.from_codes(np.where(code < 3, code, -1), list(CERTAINTY))


def interval_text(
    distance_km: float,
    accuracy_km: float,
    point_accuracy_km: float = float("nan"),
    *,
    say: Callable[..., str] = str.format,
) -> str:
    """Write a distance for people, no finer than it is known.

    Parameters
    ----------
    distance_km : float
    accuracy_km, point_accuracy_km : float
        95 % accuracy of the line (or place) and of the point; NaN where unknown.
    say : callable
        Formats a text with values, such as `Words` of another language.

    Returns
    -------
    str
        Such as ``4 to 9 km``, ``up to 9 km``, or ``6.5 km`` where the accuracy is unknown or finer
        than the digits shown.

    Examples
    --------
    >>> interval_text(6.5, 2.5), interval_text(6.5, 8), interval_text(6.5, float("nan"))
    ('4 to 9 km', 'up to 15 km', '6.5 km')
    >>> interval_text(12.34, 0.4), interval_text(12.34, 0.01)
    ('11.9 to 12.8 km', '12.3 km')
    """
    known = [a for a in (accuracy_km, point_accuracy_km) if not np.isnan(a)]
    reach = float(np.sqrt(sum(a * a for a in known)))
    return span_text(distance_km, distance_km - reach, distance_km + reach, say=say)


def span_text(
    distance_km: float, low_km: float, high_km: float, *, say: Callable[..., str] = str.format
) -> str:
    """Write a distance as an interval, for people; as `interval_text`.

    Parameters
    ----------
    distance_km, low_km, high_km : float
        The drawn distance, and the least and greatest possible ones; NaN where unknown.
    say : callable

    Returns
    -------
    str

    Examples
    --------
    >>> span_text(6.5, 4, 15), span_text(6.5, float("nan"), float("nan"))
    ('4 to 15 km', '6.5 km')
    """
    if np.isnan(distance_km):
        return ""
    reach = float(np.nan_to_num(max(distance_km - low_km, high_km - distance_km)))
    if reach < 0.05:
        return say("{km} km", km=f"{distance_km:,.1f}")
    places = 1 if reach < 1 else 0
    # Rounded outwards, so that the text is never narrower than the interval.
    scale = 10.0**places
    down, up = np.floor(low_km * scale + 1e-9) / scale, np.ceil(high_km * scale - 1e-9) / scale
    high = f"{up:,.{places}f}"
    if down <= 0:
        return say("up to {high} km", high=high)
    return say("{low} to {high} km", low=f"{down:,.{places}f}", high=high)

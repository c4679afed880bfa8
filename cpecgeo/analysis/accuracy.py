"""Accuracy of lines, leg by leg, and of the answers that follow from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import groupby
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from cpecgeo.features.subject import Subject
from cpecgeo.geodesy import Chainage, Index, buffer, distance_matrix_km
from cpecgeo.geodesy._compile import spread

__all__ = ["CERTAINTY", "GEODESIC", "HOW", "Accuracies", "Bounds", "Steps", "grade", "words"]

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

GEODESIC = {"ellipsoid": "WGS 84", "edges": "geodesic"}
"""What `.attrs` says of each measurement."""

POORER_KM = 4.0
"""Less accurate legs are searched for only where they are worse by at least this much. With smaller
differences the accuracy of the leg at the closest point holds in at least 97 % of cases, at any
distance; 95 % are stated. Each further search takes several times as long as the distance."""

# Smaller differences of distance are ignored.
_ROUNDING_KM = 1e-9

_SPAN = ["km_from", "km_to", "accuracy_km"]  # columns of legs
_CELLS = 4096  # of a look-up table along a line
_MANY = 65_536  # rows worth a thread


@dataclass(frozen=True, eq=False)
class Steps:
    """Stretches of a line, found by chainage.

    Parameters
    ----------
    starts : ndarray
        Chainage at the start of each stretch, ascending; a limit belongs to the stretch it starts.
    end : float
        Chainage of the end.
    """

    starts: Floats
    end: float

    @cached_property
    def _cells(self) -> tuple[float, Ints, Floats, Bools]:
        """Cells per km; of each cell the first stretch, the next start, and if more start in it."""
        per_km = _CELLS / max(self.end - float(self.starts[0]), 1e-9)
        limits = self.starts[0] + np.arange(_CELLS + 1) / per_km
        # Cells overlap a little, because of rounding.
        first = np.maximum(np.searchsorted(self.starts, limits - 1e-9, side="right") - 1, 0)
        last = np.searchsorted(self.starts, limits + 1.0 / per_km + 1e-9, side="right") - 1
        return per_km, first, np.append(self.starts, np.inf)[first + 1], last > first + 1

    def rows(self, km: Floats) -> Ints:
        """Return the number of the stretch at each chainage, or -1 where it is NaN."""
        if len(self.starts) == 1:
            return np.asarray(np.where(np.isnan(km), -1, 0), np.int64)
        per_km, first, onward, is_split = self._cells
        with np.errstate(invalid="ignore"):
            cell = ((km - self.starts[0]) * per_km).astype(np.int32)
        rows = first.take(cell, mode="clip")
        rows += km >= onward.take(cell, mode="clip")
        if is_split.any():
            near = np.flatnonzero(is_split.take(cell, mode="clip"))
            found = np.searchsorted(self.starts, km[near], side="right") - 1
            rows[near] = np.clip(found, 0, len(self.starts) - 1)
        if (is_off := np.isnan(km)).any():
            rows[is_off] = -1
        return np.asarray(rows, np.int64)


@dataclass(frozen=True, eq=False)
class Accuracies:
    """Accuracies of targets: one value each, corridors leg by leg.

    Attributes
    ----------
    stated : ndarray
        By the target's position; NaN where unknown.
    legs : mapping of position to (Steps, ndarray)
        The starts of legs, and the accuracy of each, followed by a NaN.
    lines : mapping of position to (Chainage, bytes)
        The lines of these, and their legs, as `Bounds` takes them.
    """

    stated: Floats
    legs: Mapping[int, tuple[Steps, Floats]] = field(repr=False)
    lines: Mapping[int, tuple[Chainage, bytes]] = field(repr=False)

    @classmethod
    def of(cls, subject: Subject) -> Accuracies:
        """Collect the accuracies of a subject."""
        stated, labels = subject.accuracy_km, subject.shapes.index
        legs, lines = {}, {}
        for position, table in _legs(subject).items():
            lines[position] = subject.chainages[labels[position]], _spans(table)
            known = table["accuracy_km"].to_numpy(float)
            starts = table["km_from"].to_numpy(float)
            end = float(table["km_to"].iloc[-1])
            legs[position] = (Steps(starts, end), np.append(known, np.nan))
        return cls(np.full(len(subject), np.nan) if stated is None else stated, legs, lines)

    def at(self, target: Ints, km: Floats) -> Floats:
        """Return the accuracy at a chainage of targets, by position; NaN for -1."""
        found = np.full(len(km), np.nan)
        if not self.legs and np.isnan(self.stated).all():
            return found

        def work(first: int, last: int) -> None:
            found[first:last] = self._look_up(target[first:last], km[first:last])

        spread(work, len(km), least=_MANY)
        return found

    def near(self, xy: Floats, target: Ints, distance: Floats, km: Floats) -> Floats:
        """Return how far off distances to targets can be, given chainages there; as `widen`."""
        return self.widen(self.at(target, km), xy, target, distance)

    def widen(self, widened: Floats, xy: Floats, target: Ints, distance: Floats) -> Floats:
        """Widen the accuracy at the closest points to how far off the distances can be.

        `widened` has the accuracies that `at` returns, and is changed in place. `xy` has lon, lat
        of the points, `target` the position of the target of each, -1 for none, and `distance` the
        km to it.
        """
        poorest = {i: float(np.nanmax(known, initial=0.0)) for i, (_, known) in self.legs.items()}
        best = {i: np.nanmin(known, initial=np.inf) for i, (_, known) in self.legs.items()}
        some = {i for i in poorest if best[i] < poorest[i] - POORER_KM}
        for position, rows in _rows_by(target) if some else ():
            if position not in some:
                continue
            # No distance is below 0, so points nearer than their accuracy can't gain any.
            low = rows[widened[rows] < np.minimum(poorest[position] - POORER_KM, distance[rows])]
            if len(low):
                bounds = _bounds(*self.lines[position])
                widened[low] = bounds.widen(widened[low], xy[low], distance[low])
        return widened

    def _look_up(self, target: Ints, km: Floats) -> Floats:
        if len(self.stated) == 1 and self.legs:
            steps, known = self.legs[0]
            return known[steps.rows(km)]
        found = np.append(self.stated, np.nan)[target]
        for position, rows in _rows_by(target) if self.legs else ():
            if position in self.legs:
                steps, known = self.legs[position]
                found[rows] = known[steps.rows(km[rows])]
        return found


def _spans(table: pd.DataFrame) -> bytes:
    """Return chainages and accuracies of a table of legs, as `Bounds` takes them."""
    spans: bytes = table[_SPAN].to_numpy(float).tobytes()
    return spans


def _legs(subject: Subject) -> dict[int, pd.DataFrame]:
    """Return the table of legs of each corridor, by its position."""
    tables = {t.name: t.legs for t in subject.things if hasattr(t, "chainage") and len(t.legs)}
    labels = enumerate(subject.shapes.index)
    return {i: tables[of] for i, of in labels if of in subject.chainages and of in tables}


def _rows_by(target: Ints) -> Iterator[tuple[int, Ints]]:
    """Yield the position of each target in an answer, and the rows with it; not those with -1.

    Examples
    --------
    >>> [(i, rows.tolist()) for i, rows in _rows_by(np.array([2, 0, -1, 2]))]
    [(0, [1]), (2, [0, 3])]
    """
    if len(target) == 0:
        return
    most = int(target.max()) + 1
    # numpy sorts 16-bit integers by radix, which is faster.
    order = np.argsort(target.astype(np.int16) if most < 1 << 15 else target, kind="stable")
    ends = np.cumsum(np.bincount(target + 1, minlength=most + 1))
    for position in np.flatnonzero(np.diff(ends)):
        yield int(position), order[ends[position] : ends[position + 1]]


@dataclass(frozen=True, eq=False)
class Bounds:
    """Targets cut where their accuracy changes, for least and greatest possible distances.

    `shapes` are stretches of corridors, and all other targets, with the 95 % accuracy of each, NaN
    where unknown, and the position of its `owner`, the geometry of the subject.

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
            i: _bounds(subject.chainages[labels[i]], _spans(table))
            for i, table in _legs(subject).items()
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
        """Return the least and greatest distance of points in km; NaN where no accuracy is known.

        Parameters
        ----------
        xy, distance, accuracy, own : ndarray
            lon, lat; km to the nearest target, its accuracy there, and that of the points.
        low_km, high_km : float
            Larger values needn't be exact, which saves searches.
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

    def widen(self, widened: Floats, xy: Floats, distance: Floats) -> Floats:
        """Widen the accuracy at the closest places, as `Accuracies.widen`.

        A less accurate stretch can be the closest one if it is farther by less than the difference
        of accuracies. The distance can then be smaller by its accuracy less the extra distance,
        down to 0. Differences up to `POORER_KM` don't count.
        """
        widened = widened.copy()
        for stated, index in reversed(self._classes):
            rows = np.flatnonzero(widened < np.minimum(stated - POORER_KM, distance))
            limit = float((distance[rows] + stated - widened[rows]).max(initial=0.0))
            away = index.find(xy[rows], limit_m=1e3 * limit).metres[:, 0] / 1e3
            less = np.minimum(stated - np.maximum(away - distance[rows], 0.0), distance[rows])
            widened[rows] = np.fmax(widened[rows], less)
        return widened

    def certainty(
        self, xy: Floats, distance: Floats, accuracy: Floats, km: float, own: Floats | None = None
    ) -> Ints:
        """Grade how certain it is that points lie within `km`; as `around` and `grade`."""
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
    spans = np.frombuffer(legs).reshape(-1, len(_SPAN)).tolist()
    for good, group in groupby(spans, key=lambda row: row[2]):
        run = list(group)
        start, end = max(run[0][0], chain.start_km), min(run[-1][1], chain.end_km)
        if end - start > 1e-6:
            shapes.append(chain.between(start, end))
            accuracy.append(good)
    series = gpd.GeoSeries(shapes, crs=4326)
    return Bounds(series, np.array(accuracy, float), np.zeros(len(series), int))


def grade(low: Floats, high: Floats, km: float) -> Ints:
    """Grade how certain it is that a distance between `low` and `high` is within `km`.

    Returns positions in `CERTAINTY`: 0 where the whole interval is within `km`, 1 where half of it
    or more is, 2 where less is; 3 where none is, -1 where unknown.
    """
    share = (km - low) / np.maximum(high - low, 1e-12)
    code = np.select([high <= km, share >= 0.5, low <= km], [0, 1, 2], 3)
    return np.where(np.isnan(low), -1, code)


def words(code: Ints) -> pd.Categorical:
    """Return the words for the numbers of `grade`; missing where unknown."""
    return pd.Categorical.from_codes(np.where(code < 3, code, -1), list(CERTAINTY))

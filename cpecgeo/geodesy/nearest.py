"""The nearest feature to each point, and the closest point on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cpecgeo.errors import InputError, InputTypeError
from cpecgeo.geodesy._antipodes import ANTIPODAL_M, BEYOND_M, Ball, Ends, search_beyond
from cpecgeo.geodesy._arcs import arcs_m, earth_centred, places_by_numpy
from cpecgeo.geodesy._compile import choose, spread
from cpecgeo.geodesy._ellipsoid import ATTRS, DEGREE_M, Floats, Ints, geodetic
from cpecgeo.geodesy._paths import find_copies
from cpecgeo.geodesy._sweep import (
    Measure,
    order_along_curve,
    remeasure,
    search,
    sweep,
    unpack,
    with_copies,
)
from cpecgeo.geodesy._tree import NO_RECORD, NO_SIDE, Found, Tree, build, take_apart
from cpecgeo.geodesy.inputs import GeometryLike, PointsLike, check, check_points, positive_km

if TYPE_CHECKING:
    from cpecgeo.geodesy._areas import Areas

__all__ = ["Index", "nearest"]
_SIDES = ["left", "on", "right"]
# Points ordered and searched together.
_SLICE, _LARGE_SLICE, _SHARES = 8_192, 262_144, 8
# Where few of many points are within reach, cells of a grid exclude the others.
_MANY, _PER_CELL, _MOST_CELLS = 8_192, 16, 256


@dataclass(frozen=True, eq=False, init=False)
class Index:
    """Geometries prepared for many searches of the nearest.

    Parameters
    ----------
    geoms : geometry, GeoSeries or GeoDataFrame
        Points, lines and polygons, in any mixture and any CRS. Edges are geodesics.
    ids : sequence, optional
        Their names in answers; the index of `geoms` when omitted.
    measures : mapping of int to callable, optional
        By the position of a geometry, the function that gives `km` along it. It takes geodesic
        kilometres and the number of the line that they are on, as `Chainage.calibrate` does, and is
        linear along each edge.

    Attributes
    ----------
    ids : ndarray
    nbytes : int
        Memory held, in bytes.

    Raises
    ------
    InputError
        No geometries, or not as many ids as geometries.

    Notes
    -----
    The index can be pickled, so that it can be sent to workers, and is safe to use from threads.

    Examples
    --------
    >>> from shapely.geometry import LineString, Point
    >>> index = Index([LineString([(67, 25), (67, 26)]), Point(68, 25.5)], ids=["line", "spot"])
    >>> index.nearest(Point(67.9, 25.5))["target"].tolist()
    ['spot']
    """

    ids: NDArray[Any]
    tree: Tree = field(repr=False)
    _areas: Areas | None = field(repr=False)
    _copied: Ints | None = field(repr=False)

    def __init__(
        self,
        geoms: GeometryLike,
        ids: ArrayLike | None = None,
        *,
        measures: Mapping[int, Measure] | None = None,
    ) -> None:
        given = check(geoms, what="geoms")
        names = given.index.to_numpy() if ids is None else pd.Series(ids).to_numpy()
        if len(given) == 0:
            raise InputError("geoms is empty; nothing can be nearest. Give one geometry at least.")
        if len(names) != len(given):
            raise InputError(
                f"ids has {len(names)} entries and geoms {len(given)}; give one id per geometry."
            )
        self._fill(given.geoms, names, measures or {})

    @classmethod
    def of_checked(cls, geoms: NDArray[Any]) -> Index:
        """Prepare geometries that have been checked; for other modules."""
        index = cls.__new__(cls)
        index._fill(geoms, np.arange(len(geoms)), {})  # noqa: SLF001 - of its own class
        return index

    def _fill(self, array: NDArray[Any], ids: Any, measures: Mapping[int, Measure]) -> None:
        # A copy is as near as its original, so only the original is searched, unless a geometry has
        # measures.
        plain = array.copy()
        plain[list(measures)] = None
        copied = find_copies(plain)
        alone = np.flatnonzero(copied == np.arange(len(array)))
        pieces, flat = take_apart(array[alone])
        pieces = replace(pieces, target=alone[pieces.target])
        flat = replace(flat, owner=alone[flat.owner])
        metres = arcs_m(pieces.a, pieces.d)
        total = np.cumsum(metres) - metres
        first = np.full(len(array), len(metres))
        first[pieces.target[::-1]] = np.arange(len(metres))[::-1]
        areas = None
        if flat.ring.any():
            from cpecgeo.geodesy._areas import Areas  # loaded only where there are polygons

            areas = Areas.of(len(array), flat)
        object.__setattr__(self, "ids", ids)
        tree = build(pieces, total - total[first[pieces.target]])
        object.__setattr__(self, "tree", remeasure(tree, measures) if measures else tree)
        object.__setattr__(self, "_areas", areas)
        object.__setattr__(self, "_copied", copied if len(alone) < len(array) else None)

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def _names(self) -> Any:
        """The ids as a pandas array, so that its type is inferred only once; None for 0, 1, …"""
        numbers = np.arange(len(self))
        plain = self.ids.dtype == numbers.dtype and (self.ids == numbers).all()
        return None if plain else pd.Series(self.ids).array

    @cached_property
    def _ball(self) -> Ball:
        return Ball.of(self.tree)

    @cached_property
    def _ends(self) -> Ends:
        return Ends.of(self.tree)

    @property
    def nbytes(self) -> int:
        """Memory held by the index, in bytes."""
        return self.tree.nbytes + (self._areas.nbytes if self._areas else 0)

    def nearest(self, points: Any, *, k: int = 1, max_km: float | None = None) -> pd.DataFrame:
        """Return the nearest geometries of each point.

        Parameters
        ----------
        points : Point, or a GeoSeries / GeoDataFrame of points
        k : int
            Number of different geometries to find for each point.
        max_km : float, optional
            Look no farther.

        Returns
        -------
        DataFrame
            On the index of `points`; with `k` above 1 each row is repeated, nearest first,
            and a column `rank` counts from 1. Columns:

            - `target`: id of the geometry
            - `distance_km`: geodesic kilometres; 0 inside a polygon
            - `lon`, `lat`: the closest point on it
            - `km`: geodesic kilometres along it to that point, from its first vertex, all parts one
              after the other, or the measure there; 0 on points, missing inside a polygon
            - `side`: categorical, "left" or "right" of the direction of travel, "on" within 1 mm;
              missing on points, lines without length, and polygons
            - `path`: which line or ring of the geometry, from 0

            NaN (`path` -1) where nothing is within `max_km`, or the point is missing.

        Raises
        ------
        InputError
            `k` below 1, or `max_km` not positive.

        Notes
        -----
        Error ≤ 0.1 mm up to 19,000 km, poles and antimeridian included; beyond, near antipodes, ≤ 1
        m. Where a geometry runs over its own track twice, or through a vertex twice, the first
        passage is returned; of targets at exactly the same distance, the first.

        Examples
        --------
        >>> from shapely.geometry import LineString, Point
        >>> row = Index(LineString([(67, 25), (67, 26)])).nearest(Point(67.1, 25.5)).iloc[0]
        >>> round(float(row["distance_km"]), 6), row["side"]
        (10.05377..., 'right')
        """
        if isinstance(k, bool) or not isinstance(k, (int, float, np.number)):
            raise InputTypeError(f"k is {k!r}; a whole number of geometries is needed.")
        if not np.isfinite(k) or k != int(k) or k < 1:
            raise InputError(f"k is {k}; ask for 1 or more nearest geometries.")
        limit = np.inf if max_km is None else 1e3 * positive_km(max_km, "max_km", allow_zero=True)
        given = check_points(points)
        found = self.find(given.xy, k=min(int(k), len(self)), limit_m=limit)
        return self._frame(found, given.index, given.here)

    def find_within(self, xy: Floats, limit_m: float) -> tuple[Ints, Found]:
        """Find which points are within reach, and their nearest; rows ascend."""
        rows = self._near(xy, limit_m)
        found = self._find(xy if rows is None else xy[rows], 1, limit_m)
        hit = np.flatnonzero(found.target[:, 0] >= 0)
        return hit if rows is None else rows[hit], found.rows(hit)

    def find(self, xy: Floats, *, k: int = 1, limit_m: float = np.inf) -> Found:
        """Find the nearest as arrays, from checked lon, lat; for other modules."""
        rows = self._near(xy, limit_m)
        if rows is None:
            return self._find(xy, k, limit_m)
        found, part = Found.none(len(xy), k), self._find(xy[rows], k, limit_m)
        found.fill(rows, part)
        return found

    def _near(self, xy: Floats, limit_m: float) -> Ints | None:
        """Return rows that include all points within reach; None where no rows can be excluded.

        A cell contains no such point if its middle is farther off than the limit plus half a
        diagonal.
        """
        if len(xy) < _MANY or not limit_m < ANTIPODAL_M:
            return None
        (west, east), (south, north) = ((xy[:, i].min(), xy[:, i].max()) for i in (0, 1))
        side = min(int(np.sqrt(len(xy) / _PER_CELL)), _MOST_CELLS)
        per = side / max(east - west, north - south, 1e-9)
        columns, rows = int((east - west) * per) + 1, int((north - south) * per) + 1
        cell = np.arange(columns * rows)
        middle = np.column_stack((cell % columns, cell // columns)) + 0.5
        middle = np.minimum(middle / per + (west, south), (np.inf, 90.0))
        reach = limit_m + 1.001 * DEGREE_M * np.sqrt(0.5) / per + 1.0
        is_near = self._find(middle, 1, reach).target[:, 0] >= 0
        chosen = np.empty(len(xy), bool)

        def work(first: int, last: int) -> None:
            column = ((xy[first:last, 0] - west) * per).astype(np.int32)
            row = ((xy[first:last, 1] - south) * per).astype(np.int32)
            is_near.take(row * columns + column, out=chosen[first:last], mode="clip")

        spread(work, len(xy), least=_MANY)
        return np.flatnonzero(chosen)

    def _find(self, xy: Floats, k: int, limit_m: float) -> Found:
        """Find the nearest; copies of targets are searched once."""
        if self._copied is None or k == 1:
            return self._find_alone(xy, k, limit_m)
        alone = len(np.unique(self._copied))
        return with_copies(self._find_alone(xy, min(k, alone), limit_m), self._copied, k)

    def _find_alone(self, xy: Floats, k: int, limit_m: float) -> Found:
        """Find the nearest among geometries that are not copies."""
        if self._areas is None or len(xy) == 0:
            return self._search(xy, k, limit_m)
        inside = self._areas.holding(xy, k)
        if k > 1:
            found = self._areas.include(xy, self._search(xy, k, limit_m), inside)
        else:
            # A point inside a polygon is at distance 0 and needs no search.
            found, rest = Found.within(xy, inside[:, 0]), np.flatnonzero(inside[:, 0] < 0)
            outside = self._search(xy[rest], 1, limit_m)
            found.fill(rest, self._areas.include(xy[rest], outside, inside[rest]))
        found.side[self._areas.hold(found.target)] = NO_SIDE
        return found

    def _search(self, xy: Floats, k: int, limit_m: float) -> Found:
        """Find the nearest of points outside all polygons."""
        tree, count, p = self.tree, len(xy), self.tree.pieces
        found = Found.empty(count, k)
        limit = float(np.nextafter(limit_m, np.inf))
        run = choose(search, count * tree.steps * k, sweep if k == 1 else None)
        place, tell = choose(places_by_numpy, 0, earth_centred), choose(unpack, 0)
        measures = tree.measures or (tree.start_m, np.ones(len(p.a)), np.empty(0), np.empty(0))
        # Larger slices hold points closer to each other, but every thread needs slices.
        size = max(min(max(_SLICE, count // _SHARES), _LARGE_SLICE), count // 1_000)
        free: list[Floats] = []

        def work(first: int, last: int) -> None:
            lon, lat = np.ascontiguousarray(xy[first:last].T)
            box = float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max())
            order = order_along_curve(lon, lat, box)
            spots = xy[first:last].take(order, axis=0)
            xyz = np.empty((len(spots), 3))
            place(spots, xyz)
            # Memory that has been used is quicker than new.
            kept = free.pop() if free else np.empty((min(size, count), k, len(NO_RECORD)))
            records = kept[: last - first]
            beyond = self._ball.is_beyond(xyz, box)
            near = np.flatnonzero(~beyond) if beyond.any() else slice(None)
            records[order[beyond]] = NO_RECORD
            run(
                xyz[near], limit, k, order[near],
                p.a, p.d, p.n, p.per_d2, p.target, tree.start_m, p.before, p.after,
                tree.tubes, tree.child, tree.leaves, records.reshape(-1, len(NO_RECORD)),
            )  # fmt: skip
            is_far = ~(records[:, -1, 1] < ANTIPODAL_M)
            beyond |= limit_m > ANTIPODAL_M and is_far.any() and is_far[order]
            if limit_m >= BEYOND_M and beyond.any():
                far, rows = (spots[beyond], xyz[beyond]), order[beyond]
                records[rows] = search_beyond(*far, tree, self._ends, limit, records[rows])
            part = found.rows(slice(first, last))
            part.lon[...], part.lat[...] = geodetic(records[:, :, 4:7])
            tell(
                records.reshape(-1, len(NO_RECORD)),
                p.target, p.path, *measures, p.per_d2,
                *(v.ravel() for v in (part.piece, part.metres, part.side, part.along,
                                      part.target, part.path)),
            )  # fmt: skip
            free.append(kept)

        spread(work, count, least=size)
        return found

    def _frame(self, found: Found, index: pd.Index, here: Ints | None) -> pd.DataFrame:
        count, k = found.metres.shape
        which = found.target.ravel()
        is_hit = which >= 0
        some = pd.Series(which if self._names is None else self._names.take(which), copy=False)
        distance, km = found.metres.ravel(), found.along.ravel()

        def scale(first: int, last: int) -> None:
            distance[first:last] *= 1e-3
            km[first:last] *= 1e-3

        spread(scale, len(km), least=_LARGE_SLICE)
        columns = {
            "target": some.array if is_hit.all() else some.where(is_hit).to_numpy(),
            "distance_km": distance,
            "lon": found.lon.ravel(),
            "lat": found.lat.ravel(),
            "km": km,
            # `NO_SIDE` becomes -1, which is missing.
            "side": pd.Categorical.from_codes(1 - found.side.ravel(), _SIDES, validate=False),
            "path": found.path.ravel(),
        }
        if k > 1:
            columns["rank"] = np.tile(np.arange(1, k + 1), count)
        if here is None:
            frame = pd.DataFrame(columns, index=index if k == 1 else index.repeat(k), copy=False)
        else:
            place = np.full(len(index), -1)
            place[here] = np.arange(count)
            rows = (np.where(place < 0, count, place)[:, None] * k + np.arange(k)).ravel()
            frame = pd.DataFrame(columns).reindex(rows)
            frame.index = index.repeat(k)
            frame["path"] = frame["path"].fillna(-1).astype(np.int64)
        frame.attrs = {"method": "nearest by geodesic distance", **ATTRS}
        return frame


def nearest(
    points: PointsLike,
    targets: GeometryLike | Index,
    *,
    k: int = 1,
    max_km: float | None = None,
    ids: ArrayLike | None = None,
) -> pd.DataFrame:
    """Return the nearest target of each point; for many calls prepare an `Index`.

    Parameters
    ----------
    points : Point, or a GeoSeries / GeoDataFrame of points
    targets : Index, geometry, GeoSeries or GeoDataFrame
    k, max_km
        As in `Index.nearest`.
    ids : sequence, optional
        Names of the targets in answers; their index when omitted.

    Returns
    -------
    DataFrame
        As from `Index.nearest`.

    Raises
    ------
    InputError
        As `Index` and `Index.nearest`.

    Examples
    --------
    >>> from shapely.geometry import Point
    >>> nearest(Point(67, 25), [Point(67, 26), Point(67, 25.5)])["target"].tolist()
    [1]
    """
    index = targets if isinstance(targets, Index) else Index(targets, ids)
    return index.nearest(points, k=k, max_km=max_km)

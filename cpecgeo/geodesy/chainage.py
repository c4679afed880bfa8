"""Chainage: positions along a line in kilometres, calibrated where measures are known."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import ArrayLike

from cpecgeo.errors import InputError, UnknownNameError
from cpecgeo.geodesy._ellipsoid import ATTRS, GEOD, Floats, Ints
from cpecgeo.geodesy._paths import paths
from cpecgeo.geodesy.inputs import LINES, PointsLike, check, numbers
from cpecgeo.geodesy.nearest import Index

__all__ = ["Chainage"]

# So many kilometres beyond an end still mean the end: a caller's sums are rounded.
_END_KM = 1e-6
# So close to a vertex, a kilometre value means the vertex; cuts this close are one cut.
_SNAP_KM = 1e-9


@dataclass(frozen=True, eq=False)
class Chainage:
    """A line with kilometres along it.

    Parameters
    ----------
    line : LineString or MultiLineString
        lon, lat on WGS 84, or a GeoSeries of one such line in any CRS. Edges are geodesics.
    measures_km : array of float, optional
        Kilometres at the vertices, all parts one after the other, never falling. NaN means unknown:
        it is interpolated between known ones in proportion to geodesic length, and extrapolated by
        geodesic length before the first and after the last. Geodesic kilometres from the first
        vertex when omitted.

    Attributes
    ----------
    line : LineString or MultiLineString
    measures_km : ndarray of float, shape (vertices,)

    Raises
    ------
    InputError
        `measures_km` of the wrong length, falling, infinite or all unknown.

    Notes
    -----
    The parts of a MultiLineString follow one another in the order given. A gap between two parts
    has no length, so with default measures both of its banks have the same km; `at` returns the end
    of the earlier part unless `bank` says otherwise.

    Between two vertices, km is proportional to geodesic length.

    Examples
    --------
    >>> from shapely.geometry import LineString
    >>> road = Chainage(LineString([(67.0, 24.9), (68.0, 25.4)]), measures_km=[100, 220])
    >>> road.at(160).wkt
    'POINT (67.49898... 25.15084...)'
    """

    line: Any
    measures_km: Any = None
    _xy: Floats = field(init=False, repr=False)
    _starts: Ints = field(init=False, repr=False)
    _azimuth: Floats = field(init=False, repr=False)
    _metres: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        given_line = check(self.line, what="line", kinds=LINES)
        if len(given_line) != 1:
            raise InputError(
                f"line holds {len(given_line)} geometries; a Chainage takes one. Join them first."
            )
        flat = paths(given_line.geoms)
        starts = flat.edges
        azimuth, _, metres = map(np.asarray, GEOD.inv(*flat.xy[starts].T, *flat.xy[starts + 1].T))
        vertex_km = np.zeros(len(flat.xy))
        vertex_km[starts + 1] = metres / 1e3
        length = np.cumsum(vertex_km)
        given = self.measures_km
        measures = length if given is None else _fill_measures(given, length)
        measures.flags.writeable = False
        names = ("line", "measures_km", "_xy", "_starts", "_azimuth", "_metres")
        values = (given_line.geoms[0], measures, flat.xy, starts, azimuth, metres)
        for name, value in zip(names, values, strict=True):
            object.__setattr__(self, name, value)

    @cached_property
    def _index(self) -> Index:
        """The search index, built when first needed: many lines are only measured."""
        return Index(self.line, measures={0: self.calibrate})

    @property
    def start_km(self) -> float:
        """Kilometres at the first vertex."""
        return float(self.measures_km[0])

    @property
    def end_km(self) -> float:
        """Kilometres at the last vertex."""
        return float(self.measures_km[-1])

    @property
    def length_km(self) -> float:
        """Geodesic length of the line, whatever its measures say."""
        return float(self._metres.sum() / 1e3)

    def at(self, km: ArrayLike, *, bank: Literal["before", "after"] = "before") -> Any:
        """Return the point at `km`.

        Parameters
        ----------
        km : float, array of float, or Series
        bank : {"before", "after"}
            Which side of a gap, where `km` is that of a gap.

        Returns
        -------
        Point or GeoSeries
            A GeoSeries, EPSG:4326, on the index of `km`, for many.

        Raises
        ------
        InputError, UnknownNameError
            `km` beyond the line, or NaN; no such bank.

        Examples
        --------
        >>> from shapely.geometry import LineString
        >>> Chainage(LineString([(67, 25), (67, 26)])).at(0).wkt
        'POINT (67 25)'
        """
        if bank not in ("before", "after"):
            raise UnknownNameError(bank, "bank", ("before", "after"))
        values = self._check_km(km)
        xy = self._position(self._edge(values.ravel(), bank), values.ravel())
        if values.ndim == 0:
            return shapely.Point(xy[0])
        index = km.index if isinstance(km, pd.Series) else None
        return gpd.GeoSeries(shapely.points(xy), index=index, crs="EPSG:4326")

    def locate(self, points: PointsLike) -> pd.DataFrame:
        """Return the closest point of the line to each point.

        Parameters
        ----------
        points : Point, or a GeoSeries / GeoDataFrame of points

        Returns
        -------
        DataFrame
            On the index of `points`: `km` along, `offset_km` (0 or more), `side` ("left",
            "right", or "on" within 1 mm) as seen going up the line, `lon` and `lat` of the
            closest point. NaN where a point is missing.

        Examples
        --------
        >>> from shapely.geometry import LineString, Point
        >>> row = Chainage(LineString([(67, 25), (67, 26)])).locate(Point(67.1, 25.5)).iloc[0]
        >>> row["side"], round(float(row["offset_km"]), 3)
        ('right', 10.054)
        """
        frame = self._index.nearest(points)[["km", "distance_km", "side", "lon", "lat"]]
        frame = frame.rename(columns={"distance_km": "offset_km"}).astype({"side": object})
        frame.attrs = {"method": "closest geodesic point", **ATTRS}
        return frame

    def between(self, a_km: float, b_km: float) -> Any:
        """Return the part of the line from `a_km` to `b_km`.

        Parameters
        ----------
        a_km, b_km : float
            When `a_km` is greater, the stretch runs against the line.

        Returns
        -------
        LineString
            A MultiLineString where the stretch has a gap in it.

        Raises
        ------
        InputError
            Beyond the line, or of no length.

        Examples
        --------
        >>> from shapely.geometry import LineString
        >>> Chainage(LineString([(67, 25), (67, 26)])).between(110.773, 0).coords[-1]
        (67.0, 25.0)
        """
        low, high = sorted(float(v) for v in self._check_km([a_km, b_km]))
        stretch = self._stretch(low, high, is_back=a_km > b_km)
        if stretch is None:
            raise InputError(
                f"between({a_km}, {b_km}) has no length; give two kilometres with line between."
            )
        return stretch

    def _stretch(self, low: float, high: float, *, is_back: bool = False) -> Any:
        """Return the line from `low` to `high`, or back; None where there is only a gap."""
        if high - low <= _SNAP_KM:
            return None
        ends = np.array([low, high])
        # An end within a gap is on the bank that isn't part of the stretch, and is left out there.
        first = np.searchsorted(self.measures_km[self._starts], low, side="right") - 1
        edges = np.append(first, np.searchsorted(self.measures_km[self._starts + 1], high))
        xy = self._position(edges, ends)
        inner = np.flatnonzero((self.measures_km > low) & (self.measures_km < high))
        # Vertices strictly inside, grouped by part.
        first, last = self._starts[edges]
        crossed = self._breaks[(self._breaks > first) & (self._breaks <= last)]
        runs = np.split(self._xy[inner], np.searchsorted(inner, crossed))
        runs[0] = np.vstack((xy[:1], runs[0]))
        runs[-1] = np.vstack((runs[-1], xy[1:]))
        lines = [shapely.LineString(r) for r in runs if len(r) > 1]
        if is_back:
            # GEOS would reverse each part, and leave their order as it is.
            lines = [line.reverse() for line in reversed(lines)]
        return shapely.MultiLineString(lines) if len(lines) > 1 else next(iter(lines), None)

    def split(self, kms: ArrayLike) -> list[Any]:
        """Split the line at `kms` and return its parts, from start to end.

        Parameters
        ----------
        kms : float or array of float
            Cuts, in any order; those at the ends and repeated ones do nothing. All cuts in one
            gap are one.

        Returns
        -------
        list of LineString
            MultiLineString where a stretch has a gap in it.

        Raises
        ------
        InputError
            A cut beyond the line.

        Examples
        --------
        >>> from shapely.geometry import LineString
        >>> len(Chainage(LineString([(67, 25), (67, 26)])).split([20, 40]))
        3
        """
        cuts = np.unique(np.append(self._check_km(kms).ravel(), [self.start_km, self.end_km]))
        cuts = cuts[np.diff(cuts, prepend=-np.inf) > _SNAP_KM]
        return [part for a, b in pairwise(cuts) if (part := self._stretch(a, b)) is not None]

    def bearing_deg(self, km: ArrayLike) -> Any:
        """Return the direction of travel at `km`.

        Parameters
        ----------
        km : float or array of float

        Returns
        -------
        float or ndarray
            Degrees clockwise from true north, 0 to 360; at a vertex, of the edge ahead.

        Raises
        ------
        InputError
            `km` beyond the line, or NaN.

        Examples
        --------
        >>> from shapely.geometry import LineString
        >>> Chainage(LineString([(67, 25), (67, 26)])).bearing_deg(5)
        0.0
        """
        values = self._check_km(km)
        flat = values.ravel()
        edge = self._edge(flat, "after")
        metres = self._metres_on(edge, flat)
        start = self._xy[self._starts[edge]]
        back = GEOD.fwd(start[:, 0], start[:, 1], self._azimuth[edge], metres)[2]
        bearing = np.where(metres > 0, np.asarray(back) + 180.0, self._azimuth[edge]) % 360.0
        return float(bearing[0]) if values.ndim == 0 else bearing.reshape(values.shape)

    def calibrate(self, length_km: ArrayLike, path: ArrayLike) -> Any:
        """Convert geodesic kilometres along the line to its measures.

        Parameters
        ----------
        length_km : float or array of float
            Geodesic kilometres from the first vertex, as `Index.nearest` gives them.
        path : int or array of int
            The part of the line each is on, from 0; -1 gives NaN.

        Returns
        -------
        float or ndarray

        Examples
        --------
        >>> from shapely.geometry import LineString
        >>> road = Chainage(LineString([(67, 25), (67, 26)]), measures_km=[0, 100])
        >>> road.calibrate(np.array([road.length_km / 4]), np.array([0]))
        array([25.])
        """
        given, on_path = np.broadcast_arrays(numbers(length_km, "length_km"), path)
        lengths, km = np.append(0.0, np.cumsum(self._metres / 1e3)), np.full(given.shape, np.nan)
        first = np.concatenate(([0], self._breaks))
        last = np.append(first[1:], len(self._xy)) - 1
        for part, (a, b) in enumerate(zip(first, last, strict=True)):
            on = on_path == part
            if on.any():
                # Vertex v of part p is preceded by v - p edges.
                known = lengths[a - part : b - part + 1], self.measures_km[a : b + 1]
                if on.all():
                    km = np.asarray(np.interp(given, *known))
                    break
                km[on] = np.interp(given[on], *known)
        return km if km.ndim else float(km)

    def _check_km(self, km: ArrayLike) -> Floats:
        """Return `km` as floats within the line, snapped to vertices within `_SNAP_KM`."""
        values = numbers(km, "km")
        low, high = self.start_km, self.end_km
        bad = ~((values >= low - _END_KM) & (values <= high + _END_KM))
        if bad.any():
            raise InputError(
                f"km {values[bad].ravel()[0]} is not on the line, which runs from km {low:.3f} "
                f"to km {high:.3f}."
            )
        km = np.clip(values, low, high)
        after = np.clip(np.searchsorted(self.measures_km, km), 1, None)
        before, after = self.measures_km[after - 1], self.measures_km[after]
        vertex = np.where(km - before <= after - km, before, after)
        return np.asarray(np.where(np.abs(vertex - km) <= _SNAP_KM, vertex, km), float)

    @cached_property
    def _breaks(self) -> Ints:
        """The positions of the vertices that begin a part, without the first part."""
        return np.setdiff1d(np.arange(1, len(self._xy)), self._starts + 1)

    def _edge(self, km: Floats, bank: str) -> Ints:
        """Return the edge of each km; where two meet, or in a gap, the one on `bank`."""
        a, b = self.measures_km[self._starts], self.measures_km[self._starts + 1]
        if bank == "after":
            edge = np.searchsorted(a, km, side="right") - 1
            return np.asarray(edge + (b[edge] < km))
        edge = np.searchsorted(b, km)
        return np.asarray(edge - (a[edge] > km))

    def _metres_on(self, edge: Ints, km: Floats) -> Floats:
        """Return geodesic metres from the start of its edge to each km."""
        a = self.measures_km[self._starts[edge]]
        b = self.measures_km[self._starts[edge] + 1]
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.clip(np.where(b > a, (km - a) / (b - a), km > b), 0.0, 1.0)
        return np.asarray(share * self._metres[edge])

    def _position(self, edge: Ints, km: Floats) -> Floats:
        """Return lon, lat of each km; exactly those of the vertex where km is a vertex's."""
        metres = self._metres_on(edge, km)
        start = self._xy[self._starts[edge]]
        end = self._xy[self._starts[edge] + 1]
        lon, lat, _ = GEOD.fwd(start[:, 0], start[:, 1], self._azimuth[edge], metres)
        xy = np.column_stack((lon, lat))
        xy = np.where((metres == 0)[:, None], start, xy)
        return np.where((metres == self._metres[edge])[:, None], end, xy)


def _fill_measures(given: ArrayLike, length: Floats) -> Floats:
    """Fill in unknown measures at vertices from the known ones."""
    measures = numbers(given, "measures_km")
    if measures.shape != length.shape:
        raise InputError(
            f"measures_km has shape {measures.shape} and the line {len(length)} vertices; "
            "give one measure per vertex, NaN where unknown."
        )
    known = ~np.isnan(measures)
    if not known.any() or np.isinf(measures).any():
        raise InputError("measures_km must be finite, and known at one vertex at least.")
    if (np.diff(measures[known]) < 0).any():
        at = int(np.flatnonzero(np.diff(measures[known]) < 0)[0])
        fall = measures[known][at : at + 2]
        raise InputError(
            f"measures_km falls from {fall[0]} to {fall[1]}; kilometres must never fall along "
            "the line. Reverse the line, or drop the wrong measure."
        )
    filled = np.interp(length, length[known], measures[known])
    first, last = np.flatnonzero(known)[[0, -1]]
    filled[:first] = measures[first] - (length[first] - length[:first])
    filled[last + 1 :] = measures[last] + (length[last + 1 :] - length[last])
    return np.asarray(np.where(known, measures, filled), float)

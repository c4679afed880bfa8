"""Lines and rings of many geometries as flat arrays: vertices, densifying, areas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from cpecgeo.geodesy._compile import choose, spread
from cpecgeo.geodesy._ellipsoid import DEGREE_M, GEOD, Floats, Ints, authalic, ecef, geodetic, lift
from cpecgeo.geodesy._rings import path_lengths, ring_areas, stars

__all__ = ["Paths", "any_heights", "are_stars", "as_lines", "between_vertices", "densify_array",
           "find_copies", "lone_points", "path_lengths_m", "paths", "plain_points", "repeat_rows",
           "ring_areas_m2", "without_empty"]  # fmt: skip

_POINT_TYPES, _LINE_TYPES, _AREA_TYPES = (0, 4), (1, 5), (3, 6)
_EDGE_M = 4_000.0  # to here a parabola is true to 1e-10 of an area
_CUTS = 2.0  # times the edges; rings that need more cuts are left to Karney's series
_NEAR_POLE_DEG = 80.0
_FEW = 2_000  # vertices that PROJ measures before a compiled kernel is loaded
_EARTH_M2 = 4.0 * np.pi * float(authalic(np.array(90.0)))
_MANY_POINTS = 8_192  # worth a thread
_RINGS = 500  # in a slice
_MANY_VERTICES = 8_192  # from here a kernel checks validity faster than GEOS


@dataclass(frozen=True)
class Paths:
    """All lines and rings of an array of geometries.

    Parameters
    ----------
    xy : ndarray, shape (vertices, 2)
        lon, lat in degrees.
    path : ndarray, shape (vertices,)
        Which path each vertex is on; ascending.
    owner : ndarray, shape (paths,)
        Which geometry each path belongs to; ascending.
    ring : ndarray of bool, shape (paths,)
        Whether the path is the ring of a polygon.
    hole : ndarray of bool, shape (paths,)
        Whether it is an inner ring.
    """

    xy: Floats
    path: Ints
    owner: Ints
    ring: NDArray[np.bool_]
    hole: NDArray[np.bool_]

    @property
    def begin(self) -> Ints:
        """Positions of the first vertices of all paths, and how many vertices there are."""
        return np.append(np.flatnonzero(np.diff(self.path, prepend=-1)), len(self.path))

    @property
    def edges(self) -> Ints:
        """Positions of the vertices at which an edge starts."""
        return np.flatnonzero(self.path[1:] == self.path[:-1])

    @property
    def edge_owner(self) -> Ints:
        """Which geometry each edge belongs to."""
        return self.owner[self.path[self.edges]]


def paths(geoms: NDArray[Any]) -> Paths:
    """Split lines and polygons into their lines and rings; points are left out.

    Parameters
    ----------
    geoms : ndarray of geometries
        Checked; None is skipped.

    Returns
    -------
    Paths
    """
    kind = shapely.get_type_id(geoms)
    if len(kind) and (np.isin(kind, _LINE_TYPES).all() or np.isin(kind, _AREA_TYPES).all()):
        return _alike(geoms)
    parts, owner = shapely.get_parts(geoms, return_index=True)
    kind = shapely.get_type_id(parts)
    is_line, is_area = (kind == 1) | (kind == 2), kind == 3
    rings, ring_of = shapely.get_rings(parts[is_area], return_index=True)
    pieces = np.concatenate((parts[is_line], rings))
    whose = np.concatenate((owner[is_line], owner[is_area][ring_of]))
    ring = np.arange(len(pieces)) >= int(is_line.sum())
    # The first ring of each polygon is its shell.
    inner = np.zeros(len(rings), bool)
    inner[1:] = ring_of[1:] == ring_of[:-1]
    hole = np.concatenate((np.zeros(int(is_line.sum()), bool), inner))
    order = np.argsort(whose, kind="stable")
    xy, path = shapely.get_coordinates(pieces[order], return_index=True)
    return Paths(xy, path, whose[order], ring[order], hole[order])


def _alike(geoms: NDArray[Any]) -> Paths:
    """Split lines, or polygons, without making geometries of their parts."""
    _, xy, offsets = shapely.to_ragged_array(geoms, include_z=False)
    size = np.diff(offsets[0])
    owner = np.arange(len(size))
    areas = shapely.get_type_id(geoms[0]) in _AREA_TYPES
    hole = np.zeros(len(size), bool)
    if areas:
        hole[:] = True
        hole[offsets[1][:-1]] = False
    for level in offsets[1:]:
        owner = np.repeat(np.arange(len(level) - 1), np.diff(level))[owner]
    return Paths(xy, np.repeat(np.arange(len(size)), size), owner, np.full(len(size), areas), hole)


def lone_points(geoms: NDArray[Any]) -> tuple[Floats, Ints]:
    """Return the coordinates of all points, and the geometry of each."""
    parts, owner = shapely.get_parts(geoms, return_index=True)
    chosen = shapely.get_type_id(parts) == 0
    return shapely.get_coordinates(parts[chosen]), owner[chosen]


def as_lines(array: NDArray[Any], kind: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return geometries and kinds with linear rings as lines; these arrays where there are none."""
    if len(rings := np.flatnonzero(kind == 2)):
        array, kind = array.copy(), np.where(kind == 2, 1, kind)
        array[rings] = shapely.from_wkb(shapely.to_wkb(array[rings]))  # WKB has no rings
    return array, kind


def without_empty(
    array: NDArray[Any], kind: NDArray[np.int32]
) -> tuple[NDArray[Any], NDArray[np.int32], Floats, Paths | None]:
    """Replace empty geometries by None, and extract all coordinates.

    Parameters
    ----------
    array : ndarray of geometries
    kind : ndarray of int
        Their type ids.

    Returns
    -------
    array, kind
        `array` itself where none is empty.
    xy : ndarray, shape (vertices, 2)
    flat : Paths or None
        Their rings where all are polygons, else None.
    """
    if len(kind) and not kind.any():
        xy = shapely.get_coordinates(array)
        if len(xy) == len(array):  # each point has a coordinate: none is empty
            return array, kind, xy, None
    empty = shapely.is_empty(array)
    if empty.any():
        array = array.copy()
        array[empty] = None
        kind = np.where(empty, -1, kind)
    if len(kind) and np.isin(kind, _AREA_TYPES).all():
        flat = paths(array)
        return array, kind, flat.xy, flat
    return array, kind, shapely.get_coordinates(array), None


def plain_points(array: NDArray[Any]) -> Floats | None:
    """Return lon, lat of points, by all threads; None unless all are present and in range.

    The bounds of a point are its coordinates, both from one call. They are NaN, which is in no
    range, where a geometry is missing or empty.
    """
    if len(array) < _MANY_POINTS or shapely.get_type_id(array[0]) != 0:
        return None
    xy, bad = np.empty((len(array), 2)), list[int]()

    def work(first: int, last: int) -> None:
        part, bounds = xy[first:last], shapely.bounds(array[first:last])
        part[:, 0], part[:, 1] = bounds[:, 0], bounds[:, 1]  # quicker one by one
        # Types after bounds, which have fetched the points from memory.
        if shapely.get_type_id(array[first:last]).any() or not _is_in_range(part):
            bad.append(first)

    spread(work, len(array), least=_MANY_POINTS)
    return None if bad else xy


def _is_in_range(xy: Floats) -> bool:
    """Return whether all coordinates are within ±180° and ±90°."""
    low, high = xy.min(), xy.max()
    if low >= -90.0 and high <= 90.0:  # mostly so, and one pass decides
        return True
    return bool(low >= -180.0 and high <= 180.0 and np.abs(xy[:, 1]).max() <= 90.0)


def any_heights(array: NDArray[Any]) -> bool:
    """Return whether any geometry has heights or measures (M), by all threads."""
    found: list[int] = []

    def work(first: int, last: int) -> None:
        if not found and (shapely.get_coordinate_dimension(array[first:last]) > 2).any():
            found.append(first)

    spread(work, len(array), least=_MANY_POINTS)
    return bool(found)


def repeat_rows(times: Ints) -> tuple[Ints, Ints]:
    """Repeat each row so many times; return the rows, and a number from 0 on within each."""
    row = np.repeat(np.arange(len(times)), times)
    return row, np.arange(len(row)) - np.repeat(np.cumsum(times) - times, times)


def between_vertices(xy: Floats, starts: Ints, max_m: float) -> tuple[Ints, Floats]:
    """Return points that cut edges into equal parts no longer than `max_m` metres.

    Parameters
    ----------
    xy : ndarray, shape (vertices, 2)
        lon, lat.
    starts : ndarray
        Positions of the vertices at which an edge starts.
    max_m : float

    Returns
    -------
    before : ndarray, shape (new,)
        Position of the vertex at which the edge of each new point starts; ascending.
    new : ndarray, shape (new, 2)
        lon, lat, in order along each edge.
    """
    a, b = xy[starts], xy[starts + 1]
    # An upper bound of the length, from degrees, is enough to skip short edges.
    dlon = np.abs(a[:, 0] - b[:, 0])
    bound = DEGREE_M * (np.minimum(dlon, 360.0 - dlon) + np.abs(a[:, 1] - b[:, 1]))
    long = np.flatnonzero(bound > max_m)
    if len(long) == 0:
        return np.empty(0, np.int64), np.empty((0, 2))
    a, b = a[long], b[long]
    azimuth, _, metres = (np.asarray(v) for v in GEOD.inv(a[:, 0], a[:, 1], b[:, 0], b[:, 1]))
    # A length of exactly n steps must not become n + 1 by rounding.
    cuts = np.maximum(np.ceil(metres / max_m * (1 - 1e-12)).astype(np.int64) - 1, 0)
    edge, number = repeat_rows(cuts)
    along = metres[edge] * (number + 1) / (cuts[edge] + 1)
    lon, lat, _ = GEOD.fwd(a[edge, 0], a[edge, 1], azimuth[edge], along)
    return starts[long][edge], np.column_stack((lon, lat))


def are_stars(flat: Paths, count: int) -> NDArray[np.bool_]:
    """Return which polygons are clearly valid: seen from inside, the one ring goes around once.

    Many are, such as cells and circles, and GEOS takes many times longer to find out.

    Parameters
    ----------
    flat : Paths
        The rings of polygons, which may cross the antimeridian or go around a pole.
    count : int
        How many polygons there are.

    Returns
    -------
    ndarray of bool, shape (count,)
        False for polygons with holes or several parts, in doubt, and for all where there are few.
    """
    single: NDArray[np.bool_] = np.bincount(flat.owner, minlength=count) == 1
    if len(flat.xy) < _MANY_VERTICES:
        return np.zeros(count, bool)
    begin, alike = flat.begin, np.zeros(len(flat.owner), bool)
    plane, run = np.empty_like(flat.xy), choose(stars, len(flat.xy))
    spread(lambda a, b: run(flat.xy, begin, a, b, plane, alike), len(alike), least=_RINGS)
    single[flat.owner] &= alike
    return single


def path_lengths_m(flat: Paths) -> Floats:
    """Return the lengths of many paths in metres; NaN where an edge is longer than 11,900 km."""
    begin, metres = flat.begin, np.empty(len(flat.owner))
    run = choose(path_lengths, len(flat.xy))
    spread(lambda a, b: run(flat.xy, begin, a, b, metres), len(metres), least=_RINGS)
    return metres


def densify_array(geoms: NDArray[Any], max_km: float) -> NDArray[Any]:
    """Return `geoms` with vertices added until no edge is longer than `max_km`; None stays."""
    result = geoms.copy()
    kind = shapely.get_type_id(geoms)
    for code in np.unique(kind[kind >= 0]):
        if code in _POINT_TYPES:
            continue
        chosen = kind == code
        name, xy, offsets = shapely.to_ragged_array(geoms[chosen], include_z=False)
        runs = offsets[0]  # all types but points group their vertices by line or ring
        is_start = np.ones(len(xy) - 1, bool)
        is_start[runs[1:-1] - 1] = False
        before, new = between_vertices(xy, np.flatnonzero(is_start), max_km * 1e3)
        if len(new) == 0:
            continue
        added = np.searchsorted(before, runs, side="left")
        longer = np.insert(xy, before + 1, new, axis=0)
        result[chosen] = shapely.from_ragged_array(name, longer, (runs + added, *offsets[1:]))
    return result


def ring_areas_m2(xy: Floats, ring: Ints) -> Floats:
    """Return the area of rings in m², positive when they wind counter-clockwise.

    Rings of mostly long edges, and rings near or around a pole, are measured by Karney's series, or
    by PROJ where they are few. In all other rings edges are parabolas, which keep more digits of
    small areas.

    Parameters
    ----------
    xy : ndarray, shape (n, 2)
        lon, lat of closed rings, the last vertex of each repeating the first.
    ring : ndarray of int, shape (n,)
        Which ring each vertex is on; ascending from 0, none left out.

    Returns
    -------
    ndarray, shape (rings,)
    """
    count = int(ring[-1]) + 1 if len(ring) else 0
    start = np.flatnonzero(ring[1:] == ring[:-1])
    step = _step(xy[start, 0], xy[start + 1, 0])
    reach = DEGREE_M * (np.abs(step) + np.abs(xy[start + 1, 1] - xy[start, 1]))
    edges, pieces = (np.bincount(ring[start], w, count) for w in (None, np.ceil(reach / _EDGE_M)))
    slow = np.abs(np.bincount(ring[start], step, count)) > 180.0  # goes around a pole
    slow |= pieces > _CUTS * edges
    slow[ring[np.abs(xy[:, 1]) > _NEAR_POLE_DEG]] = True
    fast = ~slow[ring]
    areas = _short(xy[fast], ring[fast], count)
    if slow.any():
        areas[slow] = _long(xy[~fast], ring[~fast])
    return areas


def _long(xy: Floats, ring: Ints) -> Floats:
    """Return areas of rings with edges of any length, also around poles."""
    begin = np.append(np.flatnonzero(np.diff(ring, prepend=-1)), len(ring))
    areas = np.full(len(begin) - 1, np.nan)
    if len(xy) > _FEW:
        run = choose(ring_areas, len(xy))
        spread(lambda first, last: run(xy, begin, first, last, areas), len(areas), least=_RINGS)
        areas -= _EARTH_M2 * np.round(areas / _EARTH_M2)
    for row in np.flatnonzero(np.isnan(areas)):
        a, b = begin[row], begin[row + 1]
        areas[row] = GEOD.polygon_area_perimeter(xy[a:b, 0], xy[a:b, 1])[0]
    return areas


def _step(a: Floats, b: Floats) -> Floats:
    """Return the difference of longitude from a to b, within ±180°; small ones keep all digits."""
    step = b - a
    return np.where(np.abs(step) > 180.0, step - np.copysign(360.0, step), step)


def _short(xy: Floats, ring: Ints, count: int) -> Floats:
    """Return areas of rings with short edges, away from the poles."""
    if len(xy) == 0:
        return np.zeros(count)
    start = np.flatnonzero(ring[1:] == ring[:-1])
    before, new = between_vertices(xy, start, _EDGE_M)
    if len(new):
        xy, ring = np.insert(xy, before + 1, new, axis=0), np.insert(ring, before + 1, ring[before])
        start = np.flatnonzero(ring[1:] == ring[:-1])
    stop = start + 1
    place = ecef(xy[:, 0], xy[:, 1])
    chord = place[stop] - place[start]
    middle = geodetic(place[start] + 0.5 * chord + 0.25 * lift(place[start], chord))
    # Relative to the first vertex of its ring, so that small rings keep their digits.
    first = np.searchsorted(ring, ring)
    height = authalic(xy[:, 1])
    low = height[first]
    height = height - low
    step = np.radians(_step(xy[start, 0], xy[stop, 0]))
    along = np.zeros(len(xy))
    along[stop] = step
    along = np.cumsum(along)
    along -= along[first]
    half = np.radians(_step(xy[start, 0], middle[0]))
    rise = height[stop] - height[start]
    bow = half * rise - step * (authalic(middle[1]) - low[start] - height[start])
    twice = along[start] * height[stop] - along[stop] * height[start]
    return np.asarray(np.bincount(ring[start], 0.5 * twice + (2.0 / 3.0) * bow, count), float)


def find_copies(geoms: NDArray[Any]) -> Ints:
    """Return for each geometry the position of the first that equals it; mostly its own."""
    first = np.arange(len(geoms))
    if len(geoms) < 2:
        return first
    twice = pd.DataFrame(shapely.bounds(geoms)).duplicated(keep=False).to_numpy()
    alike = np.flatnonzero(twice & ~shapely.is_missing(geoms))
    if len(alike):
        codes, _ = pd.factorize(shapely.to_wkb(geoms[alike]))
        first[alike] = alike[np.unique(codes, return_index=True)[1]][codes]
    return first

"""Buffers one by one: a first guess in a conformal plane, then settled on the ellipsoid.

In a stereographic map of a sphere circles stay circles. The farther they are from the map's centre,
the more their centres move outwards and their radii grow. A line is therefore moved to the centres
of its circles and cut into stretches of nearly one radius, and each stretch is buffered by that
radius. The remaining error, as the earth isn't a sphere, is corrected on the ellipsoid.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from math import ceil, sqrt
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from cpecgeo.errors import GeometryError, GeometryWarning, warn
from cpecgeo.geodesy._compile import threads
from cpecgeo.geodesy._ellipsoid import EQUATOR_M, GEOD, LEAST_DEGREE_M, POLE_M, Floats, Ints, ecef
from cpecgeo.geodesy._outline import Outline, beside, close, drop_slivers, holds, settle
from cpecgeo.geodesy._paths import densify_array, repeat_rows
from cpecgeo.geodesy.nearest import Index

__all__ = ["buffer_one"]

_RADIUS_STEP = 1e-3  # greatest change of radius within a stretch, as a share
_LONGEST_M = 100_000.0  # longest edge of a line: the radius changes little over it
_SIMPLER = 1e-3  # share of the radius: tolerance of simplifying a line for the guess
_OUTSIDE = 1e-3  # share of the radius: how much wider the guess is; one move inwards is enough
_BATCH = 64  # stretches per union
_FARTHEST = np.radians(110.0)
_STRETCH = 16  # most edges of a stretch
_ACROSS = 1.1  # times the radius: how far a cut reaches to each side
_CUT_SAG = 3e-5  # share of the radius: how far a cut may stray from its geodesic
# Points beside a line show whether faces are on one side: how near the edge of a face they may be
# wrong, as a share of the radius, and the share of them that may be wrong.
_CLOSE, _MOST_WRONG = 5e-3, 2e-3
_WITHIN = 0.95  # share of the radius: a nearer vertex is on a cut or on the line
_CURVE = 8  # segments of a quarter circle, refined later
_DEGREE_M = 111_000.0
_REPAIRS = 4  # how often a boundary that crosses itself is settled anew


@dataclass(frozen=True)
class Plane:
    """An oblique stereographic plane.

    Parameters
    ----------
    lon, lat : float
        Its centre.
    """

    lon: float
    lat: float

    @classmethod
    def around(cls, xy: Floats) -> Plane:
        """Return the plane whose centre is in the middle of lon, lat coordinates.

        Raises
        ------
        GeometryError
            They reach so far around the earth that no plane holds them.
        """
        unit = ecef(*xy.T) / EQUATOR_M
        middle = unit.min(axis=0) + unit.max(axis=0)
        size = np.linalg.norm(middle)
        angle = np.arccos(np.clip(unit @ middle / max(size, 1e-12), -1, 1).min())
        if size < 1e-6 or angle > _FARTHEST:
            raise GeometryError(
                "x reaches farther around the earth than one buffer can; explode() it or "
                "split it, buffer the parts, and unite them with union_all()."
            )
        x, y, z = middle
        lon, lat = np.degrees([np.arctan2(y, x), np.arctan2(z, np.hypot(x, y))])
        return cls(float(lon), float(lat))

    @cached_property
    def _proj(self) -> pyproj.Proj:
        return pyproj.Proj(proj="stere", lat_0=self.lat, lon_0=self.lon, ellps="WGS84")

    def reach(self, xy: Floats) -> float:
        """Return about how far lon, lat coordinates lie from the plane's centre, in metres."""
        centre = ecef(np.array([self.lon]), np.array([self.lat]))
        chord = np.linalg.norm(ecef(*xy.T) - centre, axis=1).max()
        half = np.arcsin(min(1.0, 0.5 * float(chord) / POLE_M))
        return float(2.0 * EQUATOR_M * np.tan(half))

    def project(self, xy: Floats) -> Floats:
        """Turn lon, lat into metres in the plane."""
        return np.column_stack(self._proj(xy[:, 0], xy[:, 1]))

    def unproject(self, xy: Floats) -> Floats:
        """Turn metres in the plane into lon, lat."""
        return np.column_stack(self._proj(xy[:, 0], xy[:, 1], inverse=True))

    @staticmethod
    def circles(xy: Floats, metres: float) -> tuple[Floats, Floats]:
        """Return the circles of all points `metres` from points of the plane.

        On a sphere the point at angle c from the map's centre is at 2R tan(c / 2), so the circle
        reaches from 2R tan((c - r) / 2) to 2R tan((c + r) / 2) along the line through both.

        Returns
        -------
        ndarray, shape (n, 2)
            Their centres.
        ndarray, shape (n,)
            Their radii.
        """
        t = np.tan(metres / (2.0 * EQUATOR_M))
        u2 = np.einsum("ij,ij->i", xy, xy) / (2.0 * EQUATOR_M) ** 2
        rest = 1.0 - u2 * t * t  # positive while c + r is below half a turn
        grown = (1.0 + t * t) / rest
        return xy * grown[:, None], 2.0 * EQUATOR_M * t * (1.0 + u2) / rest


def guess(lines: list[Floats], spots: Floats, metres: float, most: int) -> Any:
    """Return the area within `metres` of lines and points, measured on the ground.

    Parameters
    ----------
    lines : list of ndarray, shape (n, 2)
        In the plane.
    spots : ndarray, shape (n, 2)
        Points, in the plane.
    metres : float
    most : int
        Most edges of a stretch.

    Returns
    -------
    Polygon or MultiPolygon
        In the plane.
    """
    metres *= 1.0 + _OUTSIDE
    shapes, radii = [], []
    if len(spots):
        centres, wide = Plane.circles(spots, metres)
        shapes, radii = [shapely.points(centres)], [wide]
    for half in (h for line in lines for h in halves(line)):
        parts, wide = _stretches(half, metres, most)
        shapes.append(parts)
        radii.append(wide)
    drawn, radius = np.concatenate(shapes), np.concatenate(radii)

    def unite(first: int) -> Any:
        rows = slice(first, first + _BATCH)
        wide = shapely.buffer(drawn[rows], radius[rows], quad_segs=_CURVE)
        return wide[0] if len(wide) == 1 else shapely.union_all(wide)

    if len(drawn) <= _BATCH:
        return unite(0)
    # GEOS releases the interpreter's lock.
    with ThreadPoolExecutor(threads()) as pool:
        return shapely.union_all(list(pool.map(unite, range(0, len(drawn), _BATCH))))


def halves(line: Floats) -> list[Floats]:
    """Return a line; a closed one cut in two open ones at the vertex farthest from its end.

    GEOS treats a closed line as a ring and follows both of its sides. A line that runs there and
    back, or crosses itself, has no inside, and GEOS may lose most of its buffer.
    """
    if (line[0] != line[-1]).any():
        return [line]
    away = np.hypot(*(line - line[0]).T)
    cut = int(away.argmax())
    return [line[: cut + 1], line[cut:]] if away[cut] > 0.0 else [line]


def _stretches(line: Floats, metres: float, most: int) -> tuple[NDArray[Any], Floats]:
    """Move an open line to the centres of its circles, cut it, and return each stretch's radius.

    GEOS takes more than proportionally longer for longer lines, so short stretches and
    their union are several times faster than one buffer of the whole.
    """
    simple = shapely.simplify(shapely.linestrings(line), _SIMPLER * metres, preserve_topology=False)
    line = shapely.get_coordinates(shapely.segmentize(simple, _LONGEST_M))
    line, radius = Plane.circles(line, metres)
    level = np.floor(np.log(radius) / _RADIUS_STEP).astype(np.int64)
    cut = np.append(np.diff(level) != 0, False) | (np.arange(len(line)) % most == 0)
    cuts: Ints = np.flatnonzero(cut[1:-1]) + 1
    first, last = np.concatenate(([0], cuts)), np.append(cuts, len(line) - 1)
    closed = np.flatnonzero((line[first] == line[last]).all(axis=1))
    if len(closed):  # some stretches return to their start
        half = [len(halves(line[first[i] : last[i] + 1])[0]) - 1 for i in closed]
        ends = np.union1d(last, first[closed] + np.array(half))
        first, last = np.concatenate(([0], ends[:-1])), ends
    size = last - first + 1
    which, inside = repeat_rows(size)
    rows = first[which] + inside
    mean = np.bincount(which, weights=radius[rows]) / size
    return shapely.linestrings(line[rows], indices=which), mean


def caps(line: Floats, metres: float, plane: Plane) -> tuple[NDArray[Any], Floats]:
    """Return geodesic cuts across both ends of an open line, and the ends, in the plane."""
    cuts = []
    count = ceil(_ACROSS * sqrt(metres / (8.0 * EQUATOR_M * _CUT_SAG)))  # edges to each side
    away = np.linspace(-_ACROSS * metres, _ACROSS * metres, 2 * count + 1)
    for end, inner in ((line[0], line[1]), (line[-1], line[-2])):
        (lon, lat), to = plane.unproject(end[None])[0], plane.unproject(inner[None])[0]
        azimuth = GEOD.inv(lon, lat, *to)[0] + 90.0
        each = np.ones_like(away)
        spots = np.column_stack(GEOD.fwd(lon * each, lat * each, azimuth * each, away)[:2])
        across = plane.project(spots)
        across[count] = end
        cuts.append(shapely.linestrings(across))
    return np.array(cuts), line[[0, -1]]


def buffer_one(geometry: Any, km: float, rtol: float, *, flat: bool, side: str | None) -> Any:
    """Return the buffer of one geometry.

    Parameters
    ----------
    geometry : geometry
        Checked.
    km, rtol, side
        As for `buffer`.
    flat : bool
        Whether lines end flat.

    Returns
    -------
    Polygon or MultiPolygon

    Raises
    ------
    GeometryError
        The geometry reaches too far around the earth, or its buffer leaves out some of it.
    """
    metres = abs(km) * 1e3
    xy = shapely.get_coordinates(geometry)
    plane = Plane.around(xy)
    dense = densify_array(np.array([geometry], dtype=object), _step_km(xy, plane, metres))[0]
    for most in (_STRETCH, 1):  # edge by edge is slow but safest
        shape = _draw(geometry, dense, plane, km, rtol, most, flat=flat, side=side)
        if shape is not None:
            return shape
    raise GeometryError(
        f"the buffer of x at {abs(km):g} km can't be computed: it would leave out a part of x. "
        "Take out vertices that repeat, explode() x, buffer the parts, and unite them with "
        "union_all()."
    )


def _draw(
    geometry: Any,
    dense: Any,
    plane: Plane,
    km: float,
    rtol: float,
    most: int,
    *,
    flat: bool,
    side: str | None,
) -> Any:
    """Return the buffer, or None where it doesn't contain the whole geometry.

    The settled boundary lies at the radius everywhere, and a line never crosses it. A buffer that
    contains a line's vertices therefore contains all that is within the radius of the line.
    """
    metres = abs(km) * 1e3
    drawn = shapely.transform(dense, plane.project)
    area = drawn if dense.geom_type.endswith("Polygon") else None
    bound = shapely.boundary(drawn) if area is not None else drawn
    parts = shapely.get_parts(bound)
    is_spot = shapely.get_type_id(parts) == 0
    is_spot |= shapely.length(parts) == 0.0  # also lines whose vertices are all the same
    lines = [shapely.get_coordinates(p) for p in parts[~is_spot]]
    shape = guess(lines, shapely.get_coordinates(parts[is_spot]), metres, most)
    if not holds(np.array([shape]), np.array([bound]))[0]:
        return None
    if area is not None:
        area = area if area.is_valid else shapely.make_valid(area)
        shape = area.union(shape) if km > 0 else area.difference(shape)
    if flat:
        shape = _cut(shape, lines, metres, side, plane, geometry)
    if shape.is_empty:
        return shapely.Polygon()
    edge = geometry.boundary if area is not None else geometry
    index = Index.of_checked(np.array([edge], dtype=object))
    whole = index if area is None else Index.of_checked(np.array([geometry], dtype=object))
    guessed = shape

    def inside(spots: Floats) -> Any:
        if area is None:
            near = index.find(spots).metres[:, 0] <= metres
            if flat:  # not the parts near the other side, or beyond an end
                near[near] = shapely.intersects_xy(guessed, plane.project(spots[near]))
            return near
        within = whole.find(spots).metres[:, 0]
        if km > 0:
            return within <= metres
        return (within == 0) & (index.find(spots).metres[:, 0] >= metres)

    # Edges of `dense` bulge by less than a degree beyond their ends.
    reach = np.abs(shapely.get_coordinates(dense)[:, 1]).max() + metres / LEAST_DEGREE_M + 1.0
    poles = np.array([[0.0, 90.0], [0.0, -90.0]])
    near_pole = (area is not None or reach > 90.0) and bool(np.any(inside(poles)))
    thin = 2.0 * rtol * metres / _DEGREE_M
    shape = shapely.transform(shape, plane.unproject)
    for _ in range(_REPAIRS):
        outline = Outline.of(shape, index, _WITHIN * metres if flat else 0.0)
        rings = settle(outline, index.tree, metres, rtol)
        shape, crossed = close(rings, inside, poles=near_pole, thin=thin)
        if not crossed or shape.is_empty:
            break
    if km > 0 and not flat:
        shape = drop_slivers(shape, thin)
        if not holds(np.array([shape]), np.array([dense]))[0]:
            return None
    return shape


def _step_km(xy: Floats, plane: Plane, metres: float) -> float:
    """Return the length of edges that are straight in the plane to a thousandth of the radius."""
    away = plane.reach(xy) + 1e5
    bend = away / (2.0 * EQUATOR_M**2)
    return min(100.0, max(0.2, float(np.sqrt(8e-3 * metres / bend)) / 1e3))


def _cut(
    shape: Any, lines: list[Floats], metres: float, side: str | None, plane: Plane, geometry: Any
) -> Any:
    """Return a buffer without round ends, on one side of its lines or on both.

    One point in each face of the net of boundary, lines and ends decides for the face. Where a line
    turns back within the radius, that may be wrong for a part of a face. Points beside the line
    show how much is; from `_MOST_WRONG` of them on there is a warning.
    """
    net, ends = [shape.boundary], [np.empty((0, 2))]
    for line in lines:
        if (line[0] != line[-1]).any():
            across, tips = caps(line, metres, plane)
            net += list(across)
            ends.append(tips)
        if side is not None:
            net.append(shapely.LineString(line))
    tips, index = np.concatenate(ends), Index.of_checked(np.array([geometry], dtype=object))

    def belongs(spots: Floats) -> NDArray[np.bool_]:
        found = index.find(plane.unproject(spots))
        feet = plane.project(np.column_stack((found.lon[:, 0], found.lat[:, 0])))
        keep = ~(np.linalg.norm(feet[:, None] - tips, axis=2) < 1e-3).any(axis=1)
        if side is not None:
            left = found.side[:, 0] >= 0  # assign every face to a side, also within 1 mm
            if len(lines) == 1 and shapely.is_ring(shapely.linestrings(lines[0])):
                ring = shapely.linearrings(lines[0])
                left = shapely.intersects_xy(shapely.polygons(ring), spots) == shapely.is_ccw(ring)
            keep &= left == (side == "left")
        return np.asarray(keep)

    probes = beside(lines, tips, metres)
    expected = belongs(probes)

    faces = shapely.get_parts(shapely.polygonize([shapely.union_all(net)]))
    spots = shapely.get_coordinates(shapely.point_on_surface(faces))
    part = shapely.union_all(faces[shapely.intersects_xy(shape, spots) & belongs(spots)])
    off = shapely.points(probes[shapely.intersects_xy(part, probes) != expected])
    close = shapely.distance(shapely.boundary(part), off) < _CLOSE * metres
    share = float((~close).sum() / len(probes))
    if share > _MOST_WRONG:
        warn(
            f"x turns back on itself within the {metres / 1e3:g} km of its buffer: {share:.1%} of "
            "what is beside it may be on the wrong side, or beyond an end. Give less km, or split "
            "x where it turns and buffer the parts.",
            GeometryWarning,
        )
    return part

"""Buffers of many lines or polygons, each outlined in a plane of its own.

Each plane is stereographic, with its centre in the middle of the geometry. On a sphere circles stay
circles there and great circles are nearly straight, so a geometry's edges become capsules, whose
outline `_contour` finds. The earth is no sphere, so this is true to `_FLAW` times the square of the
distance from the centre, in earth radii; geometries for which that isn't enough are left out.
"""

# Kernels have signatures of their own, which say more than annotations would.
# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

from dataclasses import dataclass
from math import degrees, sqrt
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from cpecgeo.geodesy._arcs import arctangent
from cpecgeo.geodesy._compile import choose, kernel, spread
from cpecgeo.geodesy._contour import contours
from cpecgeo.geodesy._ellipsoid import (
    E2,
    EQUATOR_M,
    GEOD,
    LEAST_DEGREE_M,
    LEAST_RADIUS_M,
    PER_A2,
    PER_B2,
    Floats,
    Ints,
    ecef,
)
from cpecgeo.geodesy._outline import nest_rings
from cpecgeo.geodesy._paths import repeat_rows
from cpecgeo.geodesy._sweep import order_along_curve

__all__ = ["outline_all"]

_AREA = 3  # shapely's number of a polygon
# Of the tolerance: the share of the outline's own vertices and edges, at most and at least, and the
# part of the rest that isn't for the plane, but for stray edges and vertices that are left out.
_SHARE, _LEAST_SHARE, _REST = 0.9, 0.45, 0.06
_SAG = 0.02  # of the tolerance: how far an edge may stray from its geodesic
_SWELL = 0.03  # of the tolerance: how much too wide a capsule may be in its middle
_JITTER = 0.02  # of the tolerance
_TURNS = 4  # how often the outline of a geometry is tried
_FLAW = 1.2e-3
_CROOKED = 0.015  # share of the distance from the centre
_LEVEL = 0.9  # of the outline's share: how far straight lines in lon, lat may stray from geodesics
_LONGEST_M = 50_000.0
_LEAST = 20  # geometries per thread
_PARTS = 8  # parts per geometry, beyond which they are put in order
_VERTICES = 512  # unprojected together, by vector instructions
_ROOM = 64  # vertices per capsule that the first try has room for


@dataclass(frozen=True)
class _Frames:
    """The planes of geometries.

    Parameters
    ----------
    table : ndarray, shape (n, 8)
        See `_unproject`.
    place : ndarray, shape (n, 3)
        Earth-centred centres.
    turn : ndarray, shape (n, 3, 3)
        The directions east, north and up at each.
    """

    table: Floats
    place: Floats
    turn: Floats

    @classmethod
    def around(cls, middle: Floats) -> _Frames:
        """Return the planes with these centres, lon, lat."""
        lam, phi = np.radians(middle.T)
        sl, cl, sp, cp = np.sin(lam), np.cos(lam), np.sin(phi), np.cos(phi)
        zero = np.zeros_like(sl)
        turn = np.array([[-sl, cl, zero], [-sp * cl, -sp * sl, cp], [cp * cl, cp * sl, sp]])
        normal = EQUATOR_M / np.sqrt(1.0 - E2 * sp * sp)
        # The mean of the ellipsoid's curvatures at the centre.
        sphere = normal * np.sqrt((1.0 - E2) / (1.0 - E2 * sp * sp))
        table = (*middle.T, sp, cp, normal * cp, normal * (1.0 - E2) * sp, sp / cp, sphere)
        turn = np.ascontiguousarray(turn.transpose(2, 0, 1))
        return cls(np.column_stack(table), ecef(*middle.T), turn)

    def project(self, xy: Floats, owner: Ints) -> Floats:
        """Turn lon, lat into metres in the planes."""
        local = ecef(*xy.T) - self.place[owner]
        east, north, up = np.einsum("ijk,ik->ji", self.turn[owner], local)
        sphere = 2.0 * self.table[owner, 7]
        scale = sphere / (sphere + up)
        return np.column_stack((east * scale, north * scale))


@kernel("rows, ints, int, int, rows, rows")
def _unproject(plane, owner, first, last, frames, out):
    """Enter lon, lat of places in planes, rows first to last.

    `frames` has for each geometry: lon, lat; sine and cosine of the latitude; distance of the
    plane's centre from the axis and from the equator's plane; tangent of its latitude; radius of
    the sphere.
    """
    for base in range(first, last, _VERTICES):
        for i in range(base, min(base + _VERTICES, last)):
            g = owner[i]
            px, py = plane[i, 0], plane[i, 1]
            s, c, across, high = frames[g, 2], frames[g, 3], frames[g, 4], frames[g, 5]
            sphere, t0 = frames[g, 7], frames[g, 6]
            t2 = (px * px + py * py) / (4.0 * sphere * sphere)
            up = -2.0 * sphere * t2 / (1.0 + t2)
            east, x, z = 0.0, 0.0, 0.0
            # The height at which this is on the ellipsoid, by Newton's method.
            for _ in range(5):
                scale = 1.0 + up / (2.0 * sphere)
                east, north = px * scale, py * scale
                x, z = across - s * north + c * up, high + c * north + s * up
                f = PER_A2 * (x * x + east * east) + PER_B2 * z * z - 1.0
                up -= 0.5 * f / (PER_A2 * c * x + PER_B2 * s * z)
            flat = (1.0 - E2) * sqrt(x * x + east * east)
            out[i, 0] = frames[g, 0] + degrees(arctangent(east / x))
            out[i, 1] = frames[g, 1] + degrees(arctangent((z - t0 * flat) / (flat + t0 * z)))


@dataclass(frozen=True)
class _Edges:
    """The edges of geometries; a point is an edge from itself to itself.

    Parameters
    ----------
    xy : ndarray, shape (n, 2)
        Vertices in lon, lat, those of a geometry one after the other, all different.
    owner : ndarray of int, shape (n,)
        The geometry of each.
    ends : ndarray of int, shape (m, 2)
        The vertices of each edge.
    keep : ndarray of int, shape (m,)
        Which side is outside: both 0, right 1, left 2.
    """

    xy: Floats
    owner: Ints
    ends: Ints
    keep: Ints

    @classmethod
    def of(cls, geoms: NDArray[Any]) -> _Edges:
        """Take points, lines or polygons apart."""
        parts, of_part = shapely.get_parts(geoms, return_index=True)
        outer = np.zeros(len(parts), np.int64)
        kind = int(shapely.get_type_id(parts[0]))
        if kind == _AREA:
            parts, of_ring = shapely.get_rings(parts, return_index=True)
            is_hole = np.append(False, of_ring[1:] == of_ring[:-1])
            outer = np.where(shapely.is_ccw(parts) != is_hole, 1, 2)
            of_part = of_part[of_ring]
        if len(parts) > _PARTS * len(geoms):  # near ones follow one another, for small tubes
            xy, part = shapely.get_coordinates(parts, return_index=True)
            lon, lat = xy[np.searchsorted(part, np.arange(len(parts)))].T
            west, south, east, north = map(float, shapely.total_bounds(parts))
            along = order_along_curve(lon, lat, (west, south, east, north))
            order = np.lexsort((np.argsort(along), of_part))
            parts, of_part, outer = parts[order], of_part[order], outer[order]
        lonlat, part = shapely.get_coordinates(parts, return_index=True)
        owner = of_part[part]
        order = np.lexsort((lonlat[:, 1], lonlat[:, 0], owner))
        ordered, of_ordered = lonlat[order], owner[order]
        new = np.append(True, (ordered[1:] != ordered[:-1]).any(axis=1))
        new[1:] |= of_ordered[1:] != of_ordered[:-1]
        number = np.empty(len(order), np.int64)
        number[order] = np.cumsum(new) - 1
        first = order[new]
        if kind == 0:
            once = number[np.sort(first)]  # in the order of the curve
            ends = np.column_stack((once, once))
            return cls(lonlat[first], owner[first], ends, np.zeros(len(first), np.int64))
        a, b = number[:-1], number[1:]
        still = (part[1:] == part[:-1]) & (a == b)
        real = (part[1:] == part[:-1]) & (a != b)
        if still.any():  # a line whose vertices are all at one point
            real |= still & (np.bincount(part[1:][real], minlength=len(parts)) == 0)[part[1:]]
        a, b, keep = a[real], b[real], outer[part[1:][real]]
        if kind != _AREA:  # edges there and back count once
            pair = np.minimum(a, b) * len(first) + np.maximum(a, b)
            once = np.sort(np.unique(pair, return_index=True)[1])
            a, b, keep = a[once], b[once], keep[once]
        return cls(lonlat[first], owner[first], np.column_stack((a, b)), keep)

    def split(self, frames: _Frames, metres: float, rtol: float) -> tuple[_Edges, Floats]:
        """Split edges whose capsules of a radius in metres would be untrue between their ends.

        A great circle is a circle in the plane; its curvature is the distance of its chord from the
        centre over twice the square of the earth's radius. And the radius in the plane grows with
        the square of that distance, so a capsule, which is as wide as at its ends, is too wide in
        its middle, by the square of its length over that of four earth radii.

        Returns
        -------
        _Edges
        ndarray
            Its vertices in the planes.
        """
        plane = frames.project(self.xy, self.owner)
        a, b = plane[self.ends[:, 0]], plane[self.ends[:, 1]]
        length = np.hypot(*(b - a).T)
        of_edge = self.owner[self.ends[:, 0]]
        # The last term is for the ellipsoid, where no edge is quite straight.
        off = np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
        off += _CROOKED * length * np.maximum(np.hypot(*a.T), np.hypot(*b.T))
        bend = off * length / (4.0 * frames.table[of_edge, 7]) ** 2
        most = min(_LONGEST_M, 4.0 * LEAST_RADIUS_M * np.sqrt(_SWELL * rtol))
        parts = np.maximum(np.sqrt(bend / (_SAG * rtol * metres)), length / most)
        parts = np.maximum(np.ceil(parts), 1.0).astype(np.int64)
        if parts.max(initial=1) == 1:
            return self, plane
        row, step = repeat_rows(parts)
        inner = step > 0
        edge = row[inner]
        start, stop = self.ends[row, 0], np.empty(len(row), np.int64)
        start[inner] = len(self.xy) + np.arange(len(edge))
        stop[:-1] = start[1:]
        stop[step == parts[row] - 1] = self.ends[:, 1]
        one, two = self.xy[self.ends[:, 0]], self.xy[self.ends[:, 1]]
        on = _along(one, two, edge, (step / parts[row])[inner])
        xy, owner = np.concatenate((self.xy, on)), np.concatenate((self.owner, of_edge[edge]))
        plane = np.concatenate((plane, frames.project(on, of_edge[edge])))
        order = np.argsort(owner, kind="stable")
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        ends = place[np.column_stack((start, stop))]
        return _Edges(xy[order], owner[order], ends, self.keep[row]), plane[order]


def _along(a: Floats, b: Floats, edge: Ints, share: Floats) -> Floats:
    """Return points of geodesics from a to b, lon and lat, at a share of their lengths."""
    some, row = np.unique(edge, return_inverse=True)
    azimuth, _, metres = GEOD.inv(*a[some].T, *b[some].T)
    turned, size = np.asarray(azimuth)[row], np.asarray(metres)[row] * share
    lon, lat, _ = GEOD.fwd(a[edge, 0], a[edge, 1], turned, size)
    return np.column_stack((lon, lat))


def outline_all(geoms: NDArray[Any], metres: float, rtol: float) -> NDArray[Any]:
    """Return the buffers of geometries; None where one must be buffered another way.

    Parameters
    ----------
    geoms : ndarray of geometries
        Checked, all of points, all of lines or all polygons, none missing; away from the poles and
        from the antimeridian, and within some 30° of longitude from their middles.
    metres, rtol : float

    Returns
    -------
    ndarray of geometries, shape (n,)
    """
    made = np.full(len(geoms), None, dtype=object)
    left = np.arange(len(geoms))
    for turn in range(_TURNS):
        if len(left):
            made[left] = _outline(geoms[left], metres, rtol, turn)
            left = left[shapely.is_missing(made[left])]
    return made


def _outline(geoms: NDArray[Any], metres: float, rtol: float, turn: int) -> NDArray[Any]:
    """Return buffers; see `outline_all`. All turns but the first (0) have radii that vary a little.

    That resolves what is ambiguous: edges on each other, or three circles through one point.
    """
    bounds = shapely.bounds(geoms)
    frames = _Frames.around(0.5 * (bounds[:, :2] + bounds[:, 2:]))
    edges, plane = _Edges.of(geoms).split(frames, metres, rtol)
    owner, ends, count = edges.owner, edges.ends, len(geoms)
    sphere = 2.0 * frames.table[owner, 7]
    u2, t = np.einsum("ij,ij->i", plane, plane) / sphere**2, np.tan(metres / sphere)
    # The circle around each vertex; see `_plane.Plane.circles`.
    rest = 1.0 - u2 * t * t
    xy, radius = plane * ((1.0 + t * t) / rest)[:, None], sphere * t * (1.0 + u2) / rest
    if turn > 0:
        random = np.random.default_rng(turn)
        radius *= 1.0 + _JITTER * rtol * random.uniform(-1.0, 1.0, len(radius))
    # How far from its centre each plane is used, and the tolerance that this leaves.
    far = np.sqrt(np.maximum.reduceat(u2, _starts(owner, count)[:-1])) * 2.0 + metres / EQUATOR_M
    within = np.minimum(_SHARE, 1.0 - _REST - _FLAW * far * far / rtol) * rtol
    north = np.radians(np.abs(bounds[:, 1::2]).max(axis=1) + metres / LEAST_DEGREE_M)
    bend = (2.0 * np.tan(north) + 0.05) / LEAST_RADIUS_M
    straight = np.sqrt(8.0 * _LEVEL * np.maximum(within, 1e-12) * metres / bend)
    shape = np.column_stack((within, bend, straight))
    begin = np.column_stack((_starts(owner, count), _starts(owner[ends[:, 0]], count)))
    edge = np.flatnonzero(ends[:, 0] != ends[:, 1])
    flat = ends[edge].ravel()
    joins = edge[np.argsort(flat, kind="stable") // 2]
    head = _starts(np.sort(flat), len(xy))
    prims = np.column_stack((ends, len(xy) + np.arange(2 * len(ends)).reshape(-1, 2)))
    failed = within < _LEAST_SHARE * rtol
    made: dict[int, tuple[Any, ...]] = {}

    def some(first: int, last: int) -> None:
        capsules = int(begin[last, 1] - begin[first, 1])
        most = int(np.diff(begin[first : last + 1, 1]).max())
        run = choose(contours, 100 * capsules)
        room, done = _ROOM * capsules + 1_000, -1
        while done < 0:
            out, counts = np.empty((room, 2)), np.empty(2, np.int64)
            ring, area = np.empty((room // 8, 2), np.int64), np.empty(room // 8)
            done = run(
                xy, radius, prims, edges.keep, joins, head, begin, shape, first, last, most, out,
                ring, area, failed, counts,
            )  # fmt: skip
            room *= 2
        vertices, rings = int(counts[0]), int(counts[1])
        ring, lonlat = ring[:rings], np.empty((vertices, 2))
        size = np.diff(ring[:, 0], prepend=0)
        run = choose(_unproject, 2 * vertices)
        run(out, np.repeat(ring[:, 1], size), 0, vertices, frames.table, lonlat)
        made[first] = lonlat, size, ring[:, 1], area[:rings]

    spread(some, count, least=_LEAST)
    parts = zip(*(made[i] for i in sorted(made)), strict=True)
    lonlat, size, geom, area = (np.concatenate(v) for v in parts)
    return nest_rings(lonlat, size, geom, area, count)


def _starts(owner: Ints, count: int) -> Ints:
    """Return where the rows of each geometry begin, and where the last end."""
    return np.searchsorted(owner, np.arange(count + 1))

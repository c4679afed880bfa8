"""Buffers of many geometries at once: circles around points, and lines and polygons in batches.

What `_plane` and `_outline` do for one geometry is done here for all of a batch by the same
kernels, so that its cost is that of the boundary's vertices. Geometries near a pole, over the
antimeridian or wider than a plane without stretches holds are left to `_plane`.
"""

# Kernels have numba signatures, which say more than annotations would.
# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

from dataclasses import dataclass
from math import atan2, cos, degrees, pi, radians, sin, sqrt
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from cpecgeo.geodesy._arcs import arc
from cpecgeo.geodesy._boundary import meet, move, refine, sides
from cpecgeo.geodesy._compile import choose, compiled, kernel, spread
from cpecgeo.geodesy._ellipsoid import E2, EQUATOR_M, PER_A2, PER_B2, Floats, Ints
from cpecgeo.geodesy._outline import Outline, joined, settle
from cpecgeo.geodesy._paths import densify_array
from cpecgeo.geodesy._plane import frames, from_planes, to_planes
from cpecgeo.geodesy._tree import FAN, _balls, _tubes, take_apart
from cpecgeo.geodesy.nearest import Index

__all__ = ["Batch", "around_points", "around_shapes"]

_SHARE = 0.9  # of the tolerance, used up here
_OUT, _SAG = 0.9, 1.85  # of that: vertices are farther out, middles of edges nearer than they
_CIRCLES = 10_000  # points of a batch
_SHAPES = 2_000  # lines or polygons of a batch
_WIDEST_M, _MOST_M = 500_000.0, 100_000.0  # radii around points, and around shapes
_EXTENT_M = 300_000.0  # to here a stereographic plane is true to half a thousandth
_NORTH_DEG = 80.0
_DEGREE_M = 110_000.0
_RADIUS_M = 6_371_000.0
_OUTSIDE = 1e-3  # share of the radius that the guess is wider: inwards one move is enough
_CURVE = 8  # segments of a quarter circle, refined later
_FEW = 30  # shapes that are buffered one by one
_ROOM = 32  # new vertices per edge; a second try would cost as much as the first
_NOWHERE = 1e150


@kernel("void(rows, ints, i8, i8, f8, rows)")
def circles(lonlat, begin, first, last, aim, out):
    """Enter circles of `aim` metres around points first to last, counter-clockwise and closed."""
    across, down = (
        _RADIUS_M * sin(aim / _RADIUS_M),
        2.0 * _RADIUS_M * sin(0.5 * aim / _RADIUS_M) ** 2,
    )
    fall, level = sin(aim / _RADIUS_M), cos(aim / _RADIUS_M)
    for p in range(first, last):
        lam, phi = radians(lonlat[p, 0]), radians(lonlat[p, 1])
        sl, cl, sp, cp = sin(lam), cos(lam), sin(phi), cos(phi)
        normal = EQUATOR_M / sqrt(1.0 - E2 * sp * sp)
        px, py, pz = normal * cp * cl, normal * cp * sl, normal * (1.0 - E2) * sp
        count = begin[p + 1] - begin[p] - 1
        for k in range(count):
            angle = 2.0 * pi * k / count
            east, north = cos(angle), sin(angle)
            ux, uy, uz = -east * sl - north * sp * cl, east * cl - north * sp * sl, north * cp
            x = px + across * ux - down * cp * cl
            y = py + across * uy - down * cp * sl
            z = pz + across * uz - down * sp
            h = 1.0 / sqrt(PER_A2 * (x * x + y * y) + PER_B2 * z * z)
            x, y, z = x * h, y * h, z * h
            # On a sphere it would be there; one step more leaves less than rounding.
            e = aim - arc(px, py, pz, x, y, z)
            x += e * (level * ux - fall * cp * cl)
            y += e * (level * uy - fall * cp * sl)
            z += e * (level * uz - fall * sp)
            h = 1.0 / sqrt(PER_A2 * (x * x + y * y) + PER_B2 * z * z)
            x, y, z = x * h, y * h, z * h
            row = begin[p] + k
            out[row, 0] = degrees(atan2(y, x))
            out[row, 1] = degrees(atan2(z, sqrt(x * x + y * y) * (1.0 - E2)))
        out[begin[p] + count, 0], out[begin[p] + count, 1] = out[begin[p], 0], out[begin[p], 1]


def around_points(xy: Floats, metres: float, rtol: float) -> NDArray[Any]:
    """Return the circles around points; None where one is too wide, near a pole or cut in two.

    Parameters
    ----------
    xy : ndarray, shape (n, 2)
        lon, lat.
    metres, rtol : float

    Returns
    -------
    ndarray of Polygon, shape (n,)
    """
    made = np.full(len(xy), None, dtype=object)
    here = np.flatnonzero(_is_plain(np.column_stack((xy, xy)), metres, _WIDEST_M))
    within = _SHARE * rtol
    # The sag of an arc, and how far a straight line in lon, lat is from a geodesic.
    steepest = np.tan(np.radians(np.abs(xy[here, 1]) + metres / _DEGREE_M))
    bend = 1.0 / metres + (2.0 * steepest + 0.05) / 6.33e6
    count = np.ceil(np.pi * metres * np.sqrt(bend / (2.0 * _SAG * within * metres)))
    count = count.astype(np.int64)
    for first in range(0, len(here), _CIRCLES):
        rows = here[first : first + _CIRCLES]
        begin = np.concatenate(([0], np.cumsum(count[first : first + _CIRCLES] + 1)))
        spots, out = np.ascontiguousarray(xy[rows]), np.empty((begin[-1], 2))
        run = choose(circles, len(out))
        aim = metres * (1.0 + _OUT * within)
        spread(lambda i, j: run(spots, begin, i, j, aim, out), len(rows), least=500)  # noqa: B023
        parts = (begin, np.arange(len(begin)))
        made[rows] = shapely.from_ragged_array(shapely.GeometryType.POLYGON, out, parts)
    return made


def _is_plain(bounds: Floats, metres: float, most: float) -> NDArray[np.bool_]:
    """Whether buffers are of moderate size, and away from the poles and the antimeridian."""
    north = np.maximum(np.abs(bounds[:, 1]), np.abs(bounds[:, 3])) + metres / _DEGREE_M
    north += 0.5 * (bounds[:, 2] > bounds[:, 0])  # edges reach beyond their ends
    plain = (north < _NORTH_DEG) & (metres <= most)
    east = metres / (_DEGREE_M * np.cos(np.radians(np.minimum(north, _NORTH_DEG))))
    plain &= (bounds[:, 0] - east > -180.0) & (bounds[:, 2] + east < 180.0)
    size = np.hypot(bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1]) * 1.12e5
    return np.asarray(plain & (0.5 * size <= _EXTENT_M))


_SPLIT = "ints, ints, ints, ints, i8, i8"
_TREES = "rows, rows, rows, flat, ints, flat, fans, ints"


@kernel(f"void(rows, bools, f8, f8, {_SPLIT}, {_TREES}, ints, rows, bools)")
def move_many(
    place, fixed, aim, slack, vertex, piece, node, leaves, first, last,
    a, d, n, per_d2, target, start, tubes, child, out_piece, out_foot, out_lost,
):  # fmt: skip
    """As `move`, each geometry's vertices around its own tree."""
    for f in range(first, last):
        p, q, s, t = piece[f], piece[f + 1], node[f], node[f + 1]
        move(
            place, fixed, vertex[f], vertex[f + 1], aim, slack,
            a[p:q], d[p:q], n[p:q], per_d2[p:q], target[p:q], start[p:q],
            tubes[s:t], child[s:t], leaves[f], out_piece, out_foot, out_lost,
        )  # fmt: skip


@kernel(f"void(rows, ints, ints, f8, f8, {_SPLIT}, {_TREES}, ints, rows, bools)")
def meet_many(
    place, one, two, aim, slack, row, piece, node, leaves, first, last,
    a, d, n, per_d2, target, start, tubes, child, out_piece, out_foot, out_lost,
):  # fmt: skip
    """As `meet`, each geometry's vertices around its own tree."""
    for f in range(first, last):
        p, q, s, t = piece[f], piece[f + 1], node[f], node[f + 1]
        if row[f] < row[f + 1]:
            meet(
                place, one, two, row[f], row[f + 1], aim, slack,
                a[p:q], d[p:q], n[p:q], per_d2[p:q], target[p:q], start[p:q],
                tubes[s:t], child[s:t], leaves[f], out_piece, out_foot, out_lost,
            )  # fmt: skip


@kernel(f"void(rows, ints, rows, f8, {_SPLIT}, {_TREES}, flat)")
def sides_many(
    place, after, foots, aim, vertex, piece, node, leaves, first, last,
    a, d, n, per_d2, target, start, tubes, child, out,
):  # fmt: skip
    """As `sides`, each geometry's vertices around its own tree."""
    for f in range(first, last):
        p, q, s, t = piece[f], piece[f + 1], node[f], node[f + 1]
        sides(
            place, after, foots, vertex[f], vertex[f + 1], aim,
            a[p:q], d[p:q], n[p:q], per_d2[p:q], target[p:q], start[p:q],
            tubes[s:t], child[s:t], leaves[f], out,
        )  # fmt: skip


@kernel(f"i8(rows, rows, ints, ints, bools, f8, f8, f8, f8, {_SPLIT}, {_TREES}, rows, ints)")
def refine_many(
    place, lonlat, pieces, after, fixed, radius, aim, within, slack,
    vertex, piece, node, leaves, first, last,
    a, d, n, per_d2, target, start, tubes, child, out, out_edge,
):  # fmt: skip
    """As `refine`, each geometry's edges around its own tree."""
    count = 0
    for f in range(first, last):
        p, q, s, t = piece[f], piece[f + 1], node[f], node[f + 1]
        more = refine(
            place, lonlat, pieces, after, fixed, vertex[f], vertex[f + 1],
            radius, aim, within, slack,
            a[p:q], d[p:q], n[p:q], per_d2[p:q], target[p:q], start[p:q],
            tubes[s:t], child[s:t], leaves[f], out[count:], out_edge[count:],
        )  # fmt: skip
        if more < 0:
            return -1
        count += more
    return count


@dataclass(frozen=True)
class Batch:
    """Lines and rings of many geometries, each as a tree of its own; see `Tree`.

    Parameters
    ----------
    edges : ndarray of geometries
    of_ring : ndarray of int
        The geometry of each ring of the boundary.
    split : tuple of ndarray
        First piece and first node of each geometry, with their numbers at the end, and how many
        of its nodes are leaves.
    trees : tuple of ndarray
        Pieces and nodes, numbered within each geometry.
    """

    edges: NDArray[Any]
    of_ring: Ints
    split: tuple[Ints, Ints, Ints]
    trees: tuple[Any, ...]

    @classmethod
    def of(cls, edges: NDArray[Any], of_ring: Ints) -> Batch:
        """Prepare lines, none of them missing."""
        taken, _ = take_apart(edges)
        count, target = len(edges), taken.target
        begin = np.searchsorted(target, np.arange(count + 1))
        slack = 0.25 * np.linalg.norm(taken.n, axis=1)
        tubes = np.column_stack((taken.a, taken.d, taken.per_d2, slack + 1e-6))
        start, end = taken.a, taken.a + taken.d
        number = np.arange(len(target)) - begin[target]
        base, leaves = np.zeros(count, np.int64), np.zeros(count, np.int64)
        fans, child, owner = [], [], []
        while len(target):
            place = np.arange(len(target)) - np.searchsorted(target, target)
            heads = np.flatnonzero(place % FAN == 0)
            ends = np.append(heads[1:], len(target))
            full = np.zeros((len(heads), FAN, 9))
            full[:, :, :3] = _NOWHERE
            group = np.repeat(np.arange(len(heads)), ends - heads)
            full[group, place % FAN, :8] = tubes
            full[:, 0, 8] = _balls(tubes, heads, group)
            fans.append(full.transpose(0, 2, 1))
            child.append(number[heads])
            # Rows of FAN, the last repeated where there are fewer.
            rows = np.minimum(heads[:, None] + np.arange(FAN), ends[:, None] - 1).ravel()
            tubes = _tubes(start[rows], end[rows], slack[rows])
            target, number = target[heads], place[heads] // FAN
            owner.append(target)
            nodes = np.bincount(target, minlength=count)
            leaves = leaves if leaves.any() else nodes
            number += base[target]
            base += nodes
            on = nodes[target] > 1
            tubes, target, number = tubes[on], target[on], number[on]
            start, end, slack = tubes[:, :3], tubes[:, :3] + tubes[:, 3:6], tubes[:, 7]
        whose = np.concatenate(owner)
        order = np.argsort(whose, kind="stable")
        node = np.searchsorted(whose[order], np.arange(count + 1))
        trees = (
            taken.a, taken.d, taken.n, taken.per_d2, np.zeros_like(taken.target),
            np.arange(len(taken.a), dtype=float),
            np.ascontiguousarray(np.concatenate(fans)[order]), np.concatenate(child)[order],
        )  # fmt: skip
        return cls(edges, of_ring, (begin, node, leaves), trees)

    def _vertices(self, ring: Ints) -> Ints:
        """First vertex of each geometry, and their number."""
        return np.searchsorted(self.of_ring[ring], np.arange(len(self.edges) + 1))

    def _spread(self, work: Any) -> None:
        spread(work, len(self.edges), least=16)

    def move(self, outline: Outline, place: Floats, aim: float, slack: float, *out: Any) -> None:
        """Move vertices; see `_boundary.move`."""
        run, vertex = compiled(move_many), self._vertices(outline.ring)
        self._spread(
            lambda i, j: run(
                place, outline.fixed, aim, slack, vertex, *self.split, i, j, *self.trees, *out
            )
        )

    def sides(self, ring: Ints, place: Floats, after: Ints, foot: Floats, aim: float) -> Floats:
        """Tell on which side the lines are; see `_boundary.sides`."""
        run, vertex, turn = compiled(sides_many), self._vertices(ring), np.empty(len(ring))
        self._spread(
            lambda i, j: run(place, after, foot, aim, vertex, *self.split, i, j, *self.trees, turn)
        )
        return turn

    def meet(
        self, ring: Ints, place: Floats, one: Ints, two: Ints, aim: float, slack: float, *out: Any
    ) -> None:
        """Move vertices to corners; see `_boundary.meet`."""
        row = self._vertices(ring[one])
        compiled(meet_many)(
            place, one, two, aim, slack, row, *self.split, 0, len(self.edges), *self.trees, *out
        )

    def refine(
        self, outline: Outline, place: Floats, pieces: Ints, after: Ints, *sizes: float
    ) -> tuple[Floats, Ints]:
        """Split edges; see `_boundary.refine`."""
        run, vertex = compiled(refine_many), self._vertices(outline.ring)
        cuts: dict[int, tuple[Floats, Ints]] = {}

        def work(i: int, j: int) -> None:
            room, count = _ROOM * int(vertex[j] - vertex[i]) + 16, -1
            while count < 0:
                new, edge = np.empty((room, 2)), np.empty(room, np.int64)
                count = run(
                    place, outline.xy, pieces, after, outline.fixed, *sizes,
                    vertex, *self.split, i, j, *self.trees, new, edge,
                )  # fmt: skip
                room *= 4
            cuts[i] = new[:count], edge[:count]

        self._spread(work)
        return joined(cuts)

    def metres(self, xy: Floats, ring: Ints) -> Floats:
        """Return the distances of a few vertices."""
        metres, owner = np.empty(len(xy)), self.of_ring[ring]
        for f in np.unique(owner):
            here = owner == f
            metres[here] = Index.of_checked(self.edges[f : f + 1]).find(xy[here]).metres[:, 0]
        return metres


def around_shapes(geoms: NDArray[Any], metres: float, rtol: float) -> NDArray[Any]:
    """Return the buffers of lines or polygons; None where one has to be made alone.

    Parameters
    ----------
    geoms : ndarray of geometries
        Checked, all of lines or all polygons, none missing.
    metres, rtol : float

    Returns
    -------
    ndarray of geometries, shape (n,)
    """
    made = np.full(len(geoms), None, dtype=object)
    here = np.flatnonzero(_is_plain(shapely.bounds(geoms), metres, _MOST_M))
    if len(here) >= _FEW:
        for first in range(0, len(here), _SHAPES):
            rows = here[first : first + _SHAPES]
            made[rows] = _together(geoms[rows], metres, rtol)
    return made


def _together(geoms: NDArray[Any], metres: float, rtol: float) -> NDArray[Any]:
    """Buffers of a batch; see `around_shapes`."""
    step = float(np.sqrt(8e-3 * metres * 2.0 * EQUATOR_M**2 / (_EXTENT_M + 1e5))) / 1e3
    dense = densify_array(geoms, min(100.0, max(0.2, step)))
    xy, owner = shapely.get_coordinates(dense, return_index=True)
    bounds = shapely.bounds(geoms)
    middles = frames(0.5 * (bounds[:, :2] + bounds[:, 2:]))
    flat = shapely.set_coordinates(dense.copy(), to_planes(xy, owner, middles))
    guess = shapely.buffer(flat, metres * (1.0 + _OUTSIDE), quad_segs=_CURVE)
    parts, of_part = shapely.get_parts(guess, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    plane, ring = shapely.get_coordinates(rings, return_index=True)
    keep = np.append(ring[1:] == ring[:-1], False)  # the last vertex repeats the first
    plane, ring = plane[keep], ring[keep]
    of_ring = of_part[part]
    spots = from_planes(plane, of_ring[ring], middles)
    areas = shapely.get_type_id(geoms[0]) in (3, 6)
    batch = Batch.of(shapely.boundary(geoms) if areas else geoms, of_ring)
    settled = settle(Outline(spots, ring, np.zeros(len(ring), bool)), batch, metres, rtol)
    made = _closed(settled, part, of_part, len(geoms))
    made[~shapely.is_valid(flat)] = None
    return made


def _closed(outline: Outline, part: Ints, of_part: Ints, count: int) -> NDArray[Any]:
    """Put rings together again; None where one has vanished, or they cross."""
    made = np.full(count, None, dtype=object)
    size = np.bincount(outline.ring, minlength=len(part))
    whole = np.ones(count, bool)
    whole[of_part[part[size < 3]]] = False
    whole[np.bincount(of_part, minlength=count) == 0] = False
    rings, parts = whole[of_part[part]], whole[of_part]
    xy = outline.xy[rings[outline.ring]]
    size = size[rings]
    end = np.cumsum(size)
    xy = np.insert(xy, end, xy[end - size], axis=0)  # the first vertex closes the ring
    holds = np.bincount(part, minlength=len(of_part))[parts]
    offsets = [np.cumsum(np.append(0, v)) for v in (size + 1, holds)]
    offsets.append(np.cumsum(np.append(0, np.bincount(of_part, minlength=count)[whole])))
    drawn = shapely.from_ragged_array(shapely.GeometryType.MULTIPOLYGON, xy, tuple(offsets))
    single = np.diff(offsets[2]) == 1
    drawn[single] = shapely.get_geometry(drawn[single], 0)
    made[whole] = np.where(shapely.is_valid(drawn), drawn, None)
    return made

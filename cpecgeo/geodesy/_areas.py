"""Point in polygon for polygons whose edges are geodesics."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from cpecgeo.geodesy._compile import choose, spread
from cpecgeo.geodesy._ellipsoid import E2, Floats, Ints, ecef, lift
from cpecgeo.geodesy._paths import Paths, between_vertices, repeat_rows
from cpecgeo.geodesy._tree import PIECE_M, Found

__all__ = ["Areas"]

# Closer to a boundary than this, rounding would decide; such a point is at distance 0.
_ROUNDING_M = 1e-6
# The winding can be counted from a pole when no vertex is closer to it than this.
_CLEAR_DEG = 0.3
# In a rotated frame the lift of a segment isn't in the plane of a meridian. Edges are cut to this
# length there, so short that it doesn't matter.
_TURNED_M = 500.0
# Segments closer to the axis than this are tested for every longitude.
_AXIS_M = 1_000.0
_MARGIN = 1e-9  # radians
_BULGE_DEG = 0.1  # a segment's latitudes exceed those of its ends by less
_MOST_LINES = 1_024
_MOST_PER_PART = 64  # cells, on average
_DIRECTIONS = 500
_TURN = 2.0 * np.pi
_AUTHALIC_2 = E2 / 3.0 + 31.0 * E2**2 / 180.0 + 59.0 * E2**3 / 560.0
_AUTHALIC_4 = 17.0 * E2**2 / 360.0 + 61.0 * E2**3 / 1260.0
_WHOLE = np.array([-180.0, 360.0, -90.0, 90.0])


@dataclass(frozen=True)
class Areas:
    """Polygons prepared for finding the points inside them.

    A part is a single polygon; a MultiPolygon has several. The winding of each part is counted from
    one of the two poles of its frame. The frame is the earth's own, or rotated where the boundary
    passes close to both of the earth's poles.

    Parameters
    ----------
    is_area : ndarray of bool, shape (geometries + 1,)
        Which geometries are polygons; the last entry, False, stands for "no geometry".
    a, b, n : ndarray, shape (segments, 3)
        Ends and lift of segments of rings, in the frame of their part.
    weight : ndarray of int
        Added to the winding where a meridian crosses a segment that runs east.
    target : ndarray of int, shape (parts,)
        The geometry of each part; ascending.
    base : ndarray of int
        The winding at the pole.
    pole : ndarray
        1 for the northern one, -1 for the southern.
    frame : ndarray, shape (parts, 9)
        Rotation into the frame.
    box : ndarray, shape (parts, 4)
        West, width, south and north in degrees; may be larger than the part, never smaller.
    west, scale : ndarray
        The least longitude in the frame in radians, and bins per radian.
    bin_first : ndarray of int, shape (parts + 1,)
        First bin of longitude of each part.
    segment_first : ndarray of int, shape (bins + 1,)
        First entry of each bin in `segments`, which are rows of `a`.
    segments : ndarray of int
    grid : ndarray, shape (4,)
        West and south of a grid of cells over all boxes, and cells per degree.
    columns : int
        Cells in each direction.
    cell_first, cells : ndarray of int
        First entry of each cell in `cells`, which are parts.
    """

    is_area: NDArray[np.bool_]
    a: Floats
    b: Floats
    n: Floats
    weight: Ints
    target: Ints
    base: Ints
    pole: Floats
    frame: Floats
    box: Floats
    west: Floats
    scale: Floats
    bin_first: Ints
    segment_first: Ints
    segments: Ints
    grid: Floats
    columns: int
    cell_first: Ints
    cells: Ints

    @classmethod
    def of(cls, geometries: int, flat: Paths) -> Areas:
        """Prepare the rings among the paths of geometries; at least one path is a ring."""
        hole, on_ring = flat.hole[flat.ring], flat.ring[flat.path]
        number = np.cumsum(flat.ring) - 1  # of each path's ring
        part = np.cumsum(~hole) - 1  # of each ring
        count = int(part[-1]) + 1
        xy, ring = _cut(flat.xy[on_ring], number[flat.path[on_ring]], PIECE_M)
        frame, pole = _frames(xy, part[ring], count)
        turned = frame[:, 8] != 1.0
        if turned.any():
            xy, ring = _cut(xy, ring, _TURNED_M, turned[part])
        start = np.flatnonzero(ring[1:] == ring[:-1])
        left, inside, around = _orient(xy, ring, start, frame[part], pole[part])
        sign = np.where(hole, -1, 1)
        weight = sign * np.where(left, -1, 1) * pole[part].astype(np.int64)
        on = part[ring]
        xyz = ecef(xy[:, 0], xy[:, 1])
        n = _turn(lift(xyz[start], xyz[start + 1] - xyz[start]), frame[on[start]])
        xyz = _turn(xyz, frame[on])
        west, width = _longitudes(xyz, on, start, hole[ring], count)
        base = np.bincount(part, sign * inside).astype(np.int64)
        target = flat.owner[flat.ring][~hole]
        whole = turned | (base != 0) | around[~hole]
        box = _boxes(xy, on, west, width, whole)
        is_area = np.zeros(geometries + 1, bool)
        is_area[target] = True
        a, b = xyz[start], xyz[start + 1]
        return cls(
            is_area, a, b, n, weight[ring[start]], target, base, pole, frame, box, west,
            *_bins(a, b, on[start], west, width), *_grid(box),
        )  # fmt: skip

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        values = (getattr(self, f.name) for f in fields(self))
        return sum(v.nbytes for v in values if isinstance(v, np.ndarray))

    def include(self, xy: Floats, found: Found, inside: Ints) -> Found:
        """Enter the polygons that `holding` gives as `inside` into `found`, at distance 0."""
        metres = found.metres.copy()
        metres[(metres < _ROUNDING_M) & self.is_area[found.target]] = 0.0
        result = replace(found, metres=metres)
        rows, rank = np.nonzero(inside >= 0)
        if len(rows):
            result.enter(xy, rows, inside[rows, rank])
        return result

    def pairs(self, xy: Floats) -> tuple[Ints, Ints]:
        """Return rows of points, and for each a polygon that contains the point."""
        k = 4
        while (inside := self.holding(xy, k))[:, -1].max(initial=-1) >= 0:
            k *= 4
        rows, rank = np.nonzero(inside >= 0)
        return rows, inside[rows, rank]

    def holding(self, xy: Floats, k: int) -> Ints:
        """Return the first k polygons that contain each point, filled up with -1."""
        from cpecgeo.geodesy._rings import contain

        inside = np.full((len(xy), k), -1)
        run = choose(contain, len(xy) * (1 + len(self.segments) // len(self.segment_first)))

        def work(first: int, last: int) -> None:
            run(
                xy, first, last, self.a, self.b, self.n, self.weight,
                self.target, self.base, self.pole, self.frame, self.box, self.west, self.scale,
                self.bin_first, self.segment_first, self.segments,
                self.grid, self.columns, self.cell_first, self.cells, inside,
            )  # fmt: skip

        spread(work, len(xy))
        return inside

    def hold(self, target: Ints) -> NDArray[np.bool_]:
        """Return which of these targets are polygons; -1 stands for no target."""
        return self.is_area[target]


def _cut(
    xy: Floats, ring: Ints, max_m: float, chosen: NDArray[np.bool_] | None = None
) -> tuple[Floats, Ints]:
    """Cut the edges of all rings, or of chosen ones, into segments."""
    start = np.flatnonzero(ring[1:] == ring[:-1])
    if chosen is not None:
        start = start[chosen[ring[start]]]
    before, new = between_vertices(xy, start, max_m)
    return np.insert(xy, before + 1, new, axis=0), np.insert(ring, before + 1, ring[before])


def _turn(xyz: Floats, frame: Floats) -> Floats:
    """Rotate vectors, each into its own frame."""
    return np.asarray(np.einsum("ijk,ik->ij", frame.reshape(-1, 3, 3), xyz))


def _frames(xy: Floats, part: Ints, count: int) -> tuple[Floats, Floats]:
    """Return a frame for each part, and its pole that is on no boundary: 1 north, -1 south."""
    least, most = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(least, part, xy[:, 1])
    np.maximum.at(most, part, xy[:, 1])
    frame = np.tile(np.eye(3).ravel(), (count, 1))
    pole = np.where(most < 90.0 - _CLEAR_DEG, 1.0, -1.0)
    for row in np.flatnonzero((pole < 0) & (least < _CLEAR_DEG - 90.0)):
        frame[row], pole[row] = _free_frame(xy[part == row]), 1.0
    return frame, pole


def _free_frame(xy: Floats) -> Floats:
    """Return the frame, of some hundreds tried, whose north pole is farthest from all vertices."""
    unit = _sphere(xy)
    number = np.arange(_DIRECTIONS) + 0.5
    z = 1.0 - 2.0 * number / _DIRECTIONS
    angle = np.pi * (1.0 + np.sqrt(5.0)) * number
    flat = np.sqrt(1.0 - z * z)
    ways = np.column_stack((flat * np.cos(angle), flat * np.sin(angle), z))
    up = ways[(ways @ unit.T).max(axis=1).argmin()]
    east = np.cross(up, np.eye(3)[np.abs(up).argmin()])
    east /= np.linalg.norm(east)
    return np.concatenate((east, np.cross(up, east), up))


def _colatitude(lat: Floats) -> Floats:
    """Return the angle from the north pole on the authalic sphere, in radians.

    Snyder, Map Projections: A Working Manual (1987), equation 3-18, as an angle from the pole,
    so that small angles keep their digits.
    """
    c = np.radians(90.0 - lat)
    return np.asarray(c + _AUTHALIC_2 * np.sin(2.0 * c) + _AUTHALIC_4 * np.sin(4.0 * c))


def _sphere(xy: Floats) -> Floats:
    """Return unit vectors on the authalic sphere."""
    lam, c = np.radians(xy[:, 0]), _colatitude(xy[:, 1])
    return np.column_stack((np.sin(c) * np.cos(lam), np.sin(c) * np.sin(lam), np.cos(c)))


def _orient(
    xy: Floats, ring: Ints, start: Ints, frame: Floats, pole: Floats
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return whether each ring's smaller region is on its left, and whether that contains the pole.

    The third answer is whether the ring goes around the axis.
    """
    count = len(frame)
    # Areas of the triangles between the nearer pole and the two ends of an edge.
    south = xy[np.searchsorted(ring, np.arange(count)), 1] < 0
    lon, c = np.radians(xy[:, 0]), _colatitude(np.where(south[ring], -xy[:, 1], xy[:, 1]))
    other = (frame[:, 8] != 1.0)[ring]
    if other.any():
        x, y, z = _turn(_sphere(xy[other]), frame[ring[other]]).T
        south &= frame[:, 8] == 1.0
        lon[other], c[other] = np.arctan2(y, x), np.arctan2(np.hypot(x, y), z)
    step = _step(lon[start], lon[start + 1])
    t = np.tan(0.5 * c[start]) * np.tan(0.5 * c[start + 1])
    triangle = 2.0 * np.arctan2(t * np.sin(step), 1.0 + t * np.cos(step))
    left_area = np.bincount(ring[start], triangle, count) * np.where(south, -1.0, 1.0)
    turns = np.round(np.bincount(ring[start], step, count) / _TURN)
    left = left_area % (2.0 * _TURN) < _TURN
    # A ring that doesn't go around the axis has both poles on the side of its larger region.
    north_is_left = np.where(turns == 0, left_area < 0, turns > 0)
    inside = (north_is_left == left) ^ ((turns != 0) & (pole < 0))
    return left, inside, turns != 0


def _step(a: Floats, b: Floats) -> Floats:
    """Return the difference of longitude from a to b, within ±π."""
    step = b - a
    return np.asarray(step - _TURN * np.round(step / _TURN))


def _longitudes(
    xyz: Floats, on: Ints, start: Ints, hole: NDArray[np.bool_], count: int
) -> tuple[Floats, Floats]:
    """Return the westernmost longitude of each part in its frame, and its width, in radians."""
    lon = np.arctan2(xyz[:, 1], xyz[:, 0])
    step = np.zeros(len(lon))
    step[start + 1] = _step(lon[start], lon[start + 1])
    shell = ~hole
    along = np.cumsum(np.where(shell, step, 0.0))
    first = np.searchsorted(on, np.arange(count))  # the shell is the first ring of a part
    along = along - along[first][on] + lon[first][on]
    least, most = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(least, on[shell], along[shell])
    np.maximum.at(most, on[shell], along[shell])
    width = most - least + 2.0 * _MARGIN
    # A vertex on the axis has any longitude.
    near = np.hypot(xyz[:, 0], xyz[:, 1]) < _AXIS_M
    width[np.unique(on[near])] = _TURN
    return least - _MARGIN, np.where(width > _TURN - 1e-3, _TURN, width)


def _boxes(xy: Floats, on: Ints, west: Floats, width: Floats, whole: NDArray[np.bool_]) -> Floats:
    """Return west, width, south and north of each part in degrees; the whole globe where marked."""
    box = np.column_stack((np.degrees(west), np.degrees(width), west, west))
    box[:, 2], box[:, 3] = np.inf, -np.inf
    np.minimum.at(box[:, 2], on, xy[:, 1])
    np.maximum.at(box[:, 3], on, xy[:, 1])
    box[:, 2] -= _BULGE_DEG
    box[:, 3] += _BULGE_DEG
    box[whole] = _WHOLE
    return box


def _bins(
    a: Floats, b: Floats, on: Ints, west: Floats, width: Floats
) -> tuple[Floats, Ints, Ints, Ints]:
    """Return each part's bins of longitude, and the segments that overlap them; see `Areas`."""
    lon = np.arctan2(a[:, 1], a[:, 0])
    step = _step(lon, np.arctan2(b[:, 1], b[:, 0]))
    from_west = (lon - west[on]) % (_TURN)
    # Holes may reach a little beyond their shell.
    from_west -= _TURN * (from_west > 0.5 * width[on] + np.pi)
    number = np.maximum(np.bincount(on, minlength=len(west)), 1)
    scale = number / width
    low = np.floor((np.minimum(from_west, from_west + step) - _MARGIN) * scale[on])
    high = np.floor((np.maximum(from_west, from_west + step) + _MARGIN) * scale[on])
    last = number[on] - 1
    closed = (width >= _TURN)[on]
    low, high = (np.where(closed, v, np.clip(v, 0, last)) for v in (low, high))
    near = np.minimum(np.hypot(a[:, 0], a[:, 1]), np.hypot(b[:, 0], b[:, 1])) < _AXIS_M
    low, high = np.where(near, 0, low), np.where(near, last, high)
    span = np.minimum(high - low, last).astype(np.int64) + 1
    bin_first = np.concatenate(([0], np.cumsum(number)))
    segment, step_in = repeat_rows(span)
    place = (low[segment].astype(np.int64) + step_in) % number[on[segment]]
    place += bin_first[on[segment]]
    order = np.argsort(place, kind="stable")
    counts = np.bincount(place, minlength=int(bin_first[-1]))
    return scale, bin_first, np.concatenate(([0], np.cumsum(counts))), segment[order]


def _grid(box: Floats) -> tuple[Floats, int, Ints, Ints]:
    """Return a grid over all boxes, and the parts that overlap each cell; see `Areas`."""
    west = (box[:, 0] + 180.0) % 360.0 - 180.0
    east = west + box[:, 1]
    if east.max() <= 180.0:
        left, right = float(west.min()), float(east.max())
    else:
        left, right = -180.0, 180.0
    bottom, top = float(box[:, 2].min()), float(box[:, 3].max())
    lines = int(np.clip(2.0 * np.sqrt(len(box)), 1, _MOST_LINES))
    while True:
        scale = np.array([lines / (right - left), lines / (top - bottom)])
        column = np.floor((np.stack((west, east)) - left) * scale[0]).astype(np.int64)
        line = np.floor((box[:, 2:].T - bottom) * scale[1]).astype(np.int64)
        line = np.minimum(line, lines - 1)
        across = np.minimum(column[1] - column[0] + 1, lines)
        count = across * (line[1] - line[0] + 1)
        if lines == 1 or count.sum() <= _MOST_PER_PART * len(box) + 1_000_000:
            break
        lines //= 2
    part, number = repeat_rows(count)
    cell = (line[0][part] + number // across[part]) * lines
    cell += (column[0][part] + number % across[part]) % lines
    order = np.argsort(cell, kind="stable")
    first = np.concatenate(([0], np.cumsum(np.bincount(cell, minlength=lines * lines))))
    return np.array([left, bottom, *scale]), lines, first, part[order]

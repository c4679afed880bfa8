"""Segments of lines in earth-centred coordinates, packed into a bounding volume tree of tubes.

A segment, or piece, is at most `PIECE_M` long. To a hundredth of a millimetre its geodesic is the
parabola ``a + t d + t (1 - t) n`` for t from 0 to 1. `d` is the chord and `n` four times the height
of the arc above it.

Lines are long and thin, and boxes fit them loosely. A tube, which is an axis with a radius, fits so
closely that few segments are measured in vain. `Found` holds the answers of a search.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cpecgeo.geodesy._ellipsoid import Floats, Ints, ecef, lift
from cpecgeo.geodesy._paths import Paths, between_vertices, lone_points, paths, repeat_rows

__all__ = [
    "NO_RECORD",
    "NO_SIDE",
    "PIECE_M",
    "Found",
    "Pieces",
    "Tree",
    "build",
    "take_apart",
]

PIECE_M = 10_000.0
_NO_LENGTH_M2 = 1e-200  # the inverse of a smaller square overflows
FAN = 16  # tubes of a node, measured by vector instructions
NOWHERE = 1e150  # start of an absent tube: farther than any chord searched for

NO_SIDE = 2  # on points, lines without length, and areas, or where there is no target
# Answers for a target that contains the point; other columns are 0.
_INSIDE = {"piece": -1, "path": -1, "along": np.nan}
# Answers where no target is near enough.
_NOTHING = {
    "piece": -1, "metres": np.nan, "side": NO_SIDE, "lon": np.nan, "lat": np.nan, "along": np.nan,
    "target": -1, "path": -1,
}  # fmt: skip
NO_RECORD = np.array((-1.0, np.nan, np.nan, 0.0, np.nan, np.nan, np.nan, 0.0))  # of a search


@dataclass(frozen=True)
class Pieces:
    """Segments of edges, and points, as rows of arrays, in order along each path.

    Parameters
    ----------
    a, d, n : ndarray, shape (pieces, 3)
        Start, chord and lift in metres.
    per_d2 : ndarray
        1 / `|d|²`, 0 for a point.
    target : ndarray of int
        Geometry that the piece is of.
    path : ndarray of int
        Line or ring, counted within its geometry.
    ring : ndarray of int
        1 on shells, -1 on holes, 0 on lines and points; positive when wound counter-clockwise.
    before, after : ndarray of int
        The pieces that adjoin on the same path, -1 where it ends; a closed line doesn't.
    """

    a: Floats
    d: Floats
    n: Floats
    per_d2: Floats
    target: Ints
    path: Ints
    ring: Ints
    before: Ints
    after: Ints


@dataclass(frozen=True)
class Tree:
    """Pieces in the order of their leaves, with the tubes above them.

    Parameters
    ----------
    pieces : Pieces
    start_m : ndarray
        Metres from the start of the geometry to the start of each piece.
    tubes : ndarray, shape (nodes, 9, FAN)
        The tubes around the children of each node, or around pieces in a leaf. Rows 0 to 7 are the
        start and chord of the axis, 1 / `|chord|²`, and the radius that contains all below. In row
        8 the first item is the radius of a ball around the first start that contains the whole
        node, and the second the number, from 1, of the only target below, 0 for several. Leaves
        come first, then each level above; the root is last.
    child : ndarray, shape (nodes,)
        First child of each node; first piece of a leaf.
    leaves : int
        How many nodes are leaves.
    measures : tuple of ndarray, optional
        Measures answered in place of metres: at the start of each piece, the rate per metre, and
        the least and most of its part.
    """

    pieces: Pieces
    start_m: Floats
    tubes: Floats
    child: Ints
    leaves: int
    measures: tuple[Floats, Floats, Floats, Floats] | None = None

    @property
    def steps(self) -> int:
        """About how many nodes and pieces a search looks at."""
        return 2 * FAN * (1 + int(np.log(len(self.child)) / np.log(FAN)))

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        mine = (getattr(self.pieces, f.name) for f in fields(self.pieces))
        own = (self.start_m, self.tubes, self.child, *(self.measures or ()), *mine)
        return int(sum(v.nbytes for v in own))


@dataclass(frozen=True)
class Found:
    """The k nearest targets of points; all arrays have the shape (points, k).

    Parameters
    ----------
    piece : ndarray of int
        Row in the tree, -1 for none.
    metres, lon, lat : ndarray
        Distance and closest point; NaN for none.
    side : ndarray of int
        1 left, 0 on the line, -1 right, or `NO_SIDE`.
    along : ndarray
        Metres from the start of the geometry, or its measure.
    target, path : ndarray of int
        -1 for none.
    """

    piece: Ints
    metres: Floats
    side: NDArray[np.int8]
    lon: Floats
    lat: Floats
    along: Floats
    target: Ints
    path: Ints

    @classmethod
    def empty(cls, rows: int, k: int) -> Found:
        """Return arrays for answers, not yet filled."""
        kinds = (np.int64, float, np.int8, float, float, float, np.int64, np.int64)
        return cls(*(np.empty((rows, k), kind) for kind in kinds))

    @classmethod
    def none(cls, rows: int, k: int) -> Found:
        """Return answers without a target."""
        found = cls.empty(rows, k)
        for name, value in _NOTHING.items():
            getattr(found, name)[...] = value
        return found

    @classmethod
    def within(cls, xy: Floats, targets: Ints) -> Found:
        """Return answers at distance 0 for points inside `targets`; no target where that is -1."""
        found = cls.none(len(xy), 1)
        found.metres[...], found.lon[...], found.lat[...] = 0.0, xy[:, :1], xy[:, 1:]
        found.target[:, 0] = targets
        return found

    def rows(self, which: Ints | slice) -> Found:
        """Return the answers of some points; of a slice, the same memory."""
        return Found(*(getattr(self, f.name)[which] for f in fields(self)))

    def fill(self, rows: Ints, part: Found) -> None:
        """Copy answers into some rows."""
        for f in fields(self):
            getattr(self, f.name)[rows] = getattr(part, f.name)

    def enter(self, xy: Floats, rows: Ints, targets: Ints) -> None:
        """Enter the targets that contain points, at distance 0, before all others.

        `rows` ascend, and `targets` within each row.
        """
        k = self.metres.shape[1]
        first = np.flatnonzero(np.diff(rows, prepend=-1))
        here, count = rows[first], np.diff(first, append=len(rows))
        which, rank = repeat_rows(count)
        # Targets found before move back; an entered target is removed from its former rank.
        size = max(int(targets.max()), int(self.target.max())) + 1
        before = self.target[here]
        stays = ~np.isin(np.arange(len(here))[:, None] * size + before, which * size + targets)
        stays |= before < 0
        new_rank = count[:, None] + np.cumsum(stays, axis=1) - 1
        i, j = np.nonzero(stays & (new_rank < k))
        fits = rank < k
        put, spot = which[fits], rank[fits]
        for name in ("piece", "metres", "side", "lon", "lat", "along", "target", "path"):
            values = getattr(self, name)
            old = values[here]
            new = old.copy()
            new[i, new_rank[i, j]] = old[i, j]
            new[put, spot] = _INSIDE.get(name, 0)
            values[here] = new
        self.target[here[put], spot] = targets[fits]
        self.lon[here[put], spot], self.lat[here[put], spot] = xy[here[put]].T


def take_apart(geoms: NDArray[Any]) -> tuple[Pieces, Paths]:
    """Cut all geometries into pieces, in their own order; return the pieces and the paths."""
    flat = paths(geoms)
    before, new = between_vertices(flat.xy, flat.edges, PIECE_M)
    xy = np.insert(flat.xy, before + 1, new, axis=0)
    part = np.insert(flat.path, before + 1, flat.path[before])
    place = ecef(xy[:, 0], xy[:, 1])
    start = np.flatnonzero(part[1:] == part[:-1])
    a, b = place[start], place[start + 1]
    on = part[start]
    start, a, b, on = _without_repeats(start, a, b, on)
    spots, spot_of = lone_points(geoms)
    spot = ecef(spots[:, 0], spots[:, 1])
    a = np.concatenate((a, spot))
    d = np.concatenate((b - a[: len(b)], np.zeros_like(spot)))
    d2 = np.einsum("ij,ij->i", d, d)
    per_d2 = np.divide(1.0, d2, out=np.zeros_like(d2), where=d2 > _NO_LENGTH_M2)
    target = np.concatenate((flat.owner[on], spot_of))
    first = np.searchsorted(flat.owner, flat.owner)
    path = np.concatenate((on - first[on], np.zeros(len(spots), np.int64)))
    wound = np.where(flat.hole, -1, 1) * flat.ring
    ring = np.concatenate((wound[on], np.zeros(len(spots), np.int64)))
    closes = flat.ring | (flat.xy[flat.begin[:-1]] == flat.xy[flat.begin[1:] - 1]).all(axis=1)
    before_, after_ = _neighbours(on, closes[on], len(spots))
    return Pieces(a, d, lift(a, d), per_d2, target, path, ring, before_, after_), flat


def _without_repeats(
    start: Ints, a: Floats, b: Floats, on: Ints
) -> tuple[Ints, Floats, Floats, Ints]:
    """Drop edges without length, but keep one on a path that has no others."""
    keep = ((a - b) ** 2).sum(axis=1) > _NO_LENGTH_M2
    if keep.all():
        return start, a, b, on
    alone = np.bincount(on, weights=keep, minlength=on.max() + 1) == 0
    keep |= alone[on] & (np.diff(on, prepend=-1) != 0)
    return start[keep], a[keep], b[keep], on[keep]


def _neighbours(on: Ints, closes: NDArray[np.bool_], spots: int) -> tuple[Ints, Ints]:
    """Return the pieces before and after each; where a path closes, its last precedes its first."""
    count = len(on)
    number, begins = np.arange(count), np.diff(on, prepend=-1) != 0
    ends = np.append(begins[1:], True)[:count]
    before, after = number - 1, number + 1
    before[begins] = np.where(closes[begins], number[ends], -1)
    after[ends] = np.where(closes[ends], number[begins], -1)
    none = np.full(spots, -1)
    return np.concatenate((before, none)), np.concatenate((after, none))


def _leaf_order(pieces: Pieces) -> Ints:
    """Order pieces so that runs along a path stay together and near runs follow one another.

    The pieces of a path too short to fill a leaf are ordered one by one. As whole runs, many such
    paths that cross one another would make leaves that reach far.
    """
    count = len(pieces.a)
    begins = np.ones(count, bool)
    begins[1:] = (pieces.path[1:] != pieces.path[:-1]) | (pieces.target[1:] != pieces.target[:-1])
    first = np.flatnonzero(begins)
    length = np.diff(first, append=count)
    in_path = repeat_rows(length)[1]
    heads = np.flatnonzero((in_path % FAN == 0) | np.repeat(length < FAN, length))
    size = np.diff(heads, append=count)
    middle = heads + size // 2
    order = _halves(pieces.a[middle] + 0.5 * (size == 1)[:, None] * pieces.d[middle], size)
    run, inside = repeat_rows(size[order])
    return np.asarray(heads[order][run] + inside)


def _halves(middle: Floats, size: Ints) -> Ints:
    """Order runs by halving them repeatedly across their longest axis.

    A half consists of whole nodes, of the highest level possible.
    """
    order, bounds = np.arange(len(middle)), np.array([0, len(middle)])
    while True:
        first, counts, here = bounds[:-1], np.diff(bounds), middle[order]
        low = np.minimum.reduceat(here, first)
        extent = np.maximum.reduceat(here, first) - low
        group = np.repeat(np.arange(len(first)), counts)
        axis = extent.argmax(axis=1)
        share = (here - low[group])[np.arange(len(here)), axis[group]]
        share *= (0.999 / np.maximum(extent.max(axis=1), 1e-9))[group]
        order = order[np.argsort(group + share)]
        held = np.cumsum(size[order])
        before = held[first] - size[order[first]]
        total = held[bounds[1:] - 1] - before
        is_more = (counts > 1) & (total > FAN)
        if not is_more.any():
            return order
        level = np.maximum(np.floor(np.log(np.maximum(total - 1, 1)) / np.log(FAN) + 1e-9), 0)
        node = FAN ** level.astype(np.int64)
        half = np.maximum(np.round(total / (2 * node)).astype(np.int64), 1) * node
        cut = np.searchsorted(held, before + half, side="left") + 1
        cut = np.clip(cut, first + 1, np.maximum(bounds[1:] - 1, first + 1))
        bounds = np.unique(np.concatenate((bounds, cut[is_more])))


def _tubes(start: Floats, end: Floats, slack: Floats) -> Floats:
    """Build one tube, an axis and a radius, around every `FAN` tubes in a row."""
    count = len(start)
    groups = -(-count // FAN)
    rows = np.minimum(np.arange(groups * FAN), count - 1).reshape(groups, FAN)
    ends = np.concatenate((start[rows], end[rows]), axis=1)
    slack = np.concatenate((slack[rows], slack[rows]), axis=1)
    # The axis runs from the first start to the end farthest from it.
    v = ends - ends[:, :1]
    d = v[np.arange(groups), np.einsum("ijk,ijk->ij", v, v).argmax(axis=1)]
    d2 = np.einsum("ij,ij->i", d, d)
    per = np.divide(1.0, d2, out=np.zeros_like(d2), where=d2 > _NO_LENGTH_M2)
    t = np.clip(np.einsum("ijk,ik->ij", v, d) * per[:, None], 0.0, 1.0)
    off = np.linalg.norm(v - t[..., None] * d[:, None], axis=2)
    radius = (off + slack).max(axis=1) + 1e-6
    return np.column_stack((ends[:, 0], d, per, radius))


def _balls(tubes: Floats, heads: Ints, group: Ints) -> Floats:
    """Return the radius of a ball around each group's first start that contains the group."""
    start, chord = tubes[:, :3], np.linalg.norm(tubes[:, 3:6], axis=1)
    far = np.linalg.norm(start - start[heads[group]], axis=1) + chord + tubes[:, 7]
    return np.asarray(np.maximum.reduceat(far, heads))


def _fans(tubes: Floats) -> Floats:
    """Arrange the tubes of each node side by side, for vector instructions."""
    full = np.zeros((-(-len(tubes) // FAN) * FAN, 9))
    full[:, :3] = NOWHERE
    full[: len(tubes), :8] = tubes
    fans = full.reshape(-1, FAN, 9)
    heads = np.arange(0, len(tubes), FAN)
    fans[:, 0, 8] = _balls(tubes, heads, np.arange(len(tubes)) // FAN)
    return fans.transpose(0, 2, 1)


def build(pieces: Pieces, start_m: Floats) -> Tree:
    """Pack pieces into a tree.

    Parameters
    ----------
    pieces : Pieces
        In order along their paths.
    start_m : ndarray
        Metres from the start of the geometry to each piece.

    Returns
    -------
    Tree
    """
    order = _leaf_order(pieces)
    place = np.empty(len(order) + 1, np.int64)
    place[order] = np.arange(len(order))
    place[-1] = -1  # "no neighbour" stays -1
    moved = {f.name: np.ascontiguousarray(getattr(pieces, f.name)[order]) for f in fields(pieces)}
    moved["before"], moved["after"] = place[moved["before"]], place[moved["after"]]
    start, end = moved["a"], moved["a"] + moved["d"]
    slack = 0.25 * np.linalg.norm(moved["n"], axis=1)
    tubes = np.column_stack((start, moved["d"], moved["per_d2"], slack + 1e-6))
    levels = [_fans(tubes)]
    child = [np.arange(len(levels[0])) * FAN]
    base = 0  # leaves count pieces, the others count nodes
    while len(levels[-1]) > 1:
        tubes = _tubes(start, end, slack)
        start, end, slack = tubes[:, :3], tubes[:, :3] + tubes[:, 3:6], tubes[:, 7]
        levels.append(_fans(tubes))
        child.append(np.arange(len(levels[-1])) * FAN + base)
        base += len(tubes)
    low = high = moved["target"]
    for fans in levels:
        heads = np.arange(0, len(low), FAN)
        low, high = np.minimum.reduceat(low, heads), np.maximum.reduceat(high, heads)
        fans[:, 8, 1] = np.where(low == high, low + 1, 0)
    return Tree(
        Pieces(**moved),
        start_m[order],
        np.ascontiguousarray(np.concatenate(levels)),
        np.concatenate(child).astype(np.int64),
        len(levels[0]),
    )

"""Compiled: nearest targets of many points, one by one or in groups, and the answers' columns.

Neighbouring points have nearly the same pieces near them. One point of a group is searched first.
Its distance, and the extent of the group, bound the nodes of the tree that any of the points may
need. These nodes are laid out side by side, and measured for each point by vector instructions on
32-bit numbers. The nodes that remain are searched by `drain` as in a single search, so that the
answers are the same.
"""

# Kernels have signatures of their own, which say more than annotations would.
# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from functools import lru_cache
from math import nan as NAN  # noqa: N812 - a constant
from math import sqrt
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from cpecgeo.geodesy._arcs import arc, arcs_m
from cpecgeo.geodesy._compile import kernel
from cpecgeo.geodesy._ellipsoid import PER_A2, PER_B2, Box, Floats, Ints
from cpecgeo.geodesy._paths import repeat_rows
from cpecgeo.geodesy._search import (
    REFINE_M,
    REFINE_MOST_M,
    STACK,
    TIE_M,
    better,
    descend,
    drain,
    foot,
    longest_chord,
    point_at,
    refine,
    to_axes2,
)
from cpecgeo.geodesy._tree import NO_SIDE, Found, Tree

__all__ = [
    "Measure",
    "order_along_curve",
    "remeasure",
    "search",
    "sweep",
    "unpack",
    "with_copies",
]

Measure: TypeAlias = Callable[[Floats, Ints], Floats]

_TOGETHER = 32  # points
_MOST = 64  # nodes, or pieces, side by side
# No normal curvature of WGS 84 is more than 1 / 6,335.4 km.
_SHARPEST_M = 6_335_000.0
# Error of numbers of 32 bits, as a share of the lengths that they are computed from.
_HALF_WIDTH = 1e-6
_OUT_OF_REACH = np.float32(1e18)
_NONE, _ONE = np.float32(0.0), np.float32(1.0)
_BACK = 1e-12  # square of the least share of an edge's length that two directions add up to


def order_along_curve(x: Floats, y: Floats, box: Box) -> Ints:
    """Order rows so that near points follow one another; a search starts from the last answer."""
    if len(x) < 64:
        return np.arange(len(x))
    west, south, east, north = box
    # 256 × 256 cells: numpy sorts keys of 16 bits by radix.
    scale = 255.0 / max(east - west, north - south, 1e-9)
    column, row = ((x - west) * scale).astype(np.uint16), ((y - south) * scale).astype(np.uint16)
    return np.argsort(_curve().take((column << 8) | row), kind="stable")


@lru_cache(maxsize=1)
def _curve() -> NDArray[np.uint16]:
    """Return the rank of each of 256 × 256 cells on Hilbert's curve, which never jumps."""
    x, y = (v.ravel() for v in np.divmod(np.arange(1 << 16), 256))
    place = np.zeros(1 << 16, np.int64)
    for bit in range(7, -1, -1):
        right, upper = (x >> bit) & 1, (y >> bit) & 1
        place = (place << 2) | ((3 * right) ^ upper)
        # Each quarter is the whole curve, rotated.
        flip = (upper == 0) & (right == 1)
        x, y = np.where(flip, 255 - x, x), np.where(flip, 255 - y, y)
        x, y = np.where(upper == 0, y, x), np.where(upper == 0, x, y)
    return place.astype(np.uint16)


@kernel(inline=True)
def _record(o, i, t, s, x, y, z, segments, before, after, out):
    """Write the foot of (x, y, z) on piece i, -1 for none, into row o of the records.

    A record is a line of the processor's cache, because neighbours on the curve have rows far
    apart: piece, metres, metres along the piece, side, the foot's place, and one unused.
    """
    a, d, _n, per_d2 = segments
    if i < 0:
        out[o, 0] = -1.0
        out[o, 1], out[o, 2], out[o, 3] = NAN, NAN, 0.0
        out[o, 4], out[o, 5], out[o, 6] = NAN, NAN, NAN
        return
    if REFINE_M < s < REFINE_MOST_M:
        i, t, s = refine(segments, before, after, i, t, s, x, y, z)
    fx, fy, fz = point_at(segments, i, t)
    out[o, 0], out[o, 1], out[o, 4], out[o, 5], out[o, 6] = i, s, fx, fy, fz
    out[o, 2] = arc(a[i, 0], a[i, 1], a[i, 2], fx, fy, fz)
    # Left is up × forward. At a vertex, forward is the mean of both directions: the point is then
    # in the wedge outside the bend, where the mean decides its side.
    ux, uy, uz = d[i, 0], d[i, 1], d[i, 2]
    joint = before[i] if t == 0.0 else (after[i] if t == 1.0 else -1)
    if joint >= 0 and per_d2[i] > 0.0:
        scale = sqrt(per_d2[joint] / per_d2[i])
        ux += scale * d[joint, 0]
        uy += scale * d[joint, 1]
        uz += scale * d[joint, 2]
        if (ux * ux + uy * uy + uz * uz) * per_d2[i] < _BACK:  # where a line turns back on itself
            ux, uy, uz = d[i, 0], d[i, 1], d[i, 2]
    gx, gy, gz = fx * PER_A2, fy * PER_A2, fz * PER_B2
    rx, ry, rz = x - fx, y - fy, z - fz
    turn = gx * (uy * rz - uz * ry) + gy * (uz * rx - ux * rz) + gz * (ux * ry - uy * rx)
    out[o, 3] = 0 if s < 1e-3 else (1 if turn > 0.0 else -1)


@kernel(inline=True)
def _widest(far, limit):
    """Return an upper bound of the chords of pieces no farther than one at a chord of `far`."""
    # The longest geodesic of a chord: an arcsine, by a series that is never too small.
    v = (0.5 * far / _SHARPEST_M) * (0.5 * far / _SHARPEST_M)
    return min(longest_chord(far * (1.0 + v * (1.0 / 6.0 + 0.09 * v))), longest_chord(limit))


@kernel(inline=True)
def _gather(x, y, z, reach, spread, tubes, child, leaves, items, places, away2, fan):
    """Lay out the nodes within `reach` of a point side by side.

    They are taken from the deepest level with no more nodes than fit. Return how many there are,
    and whether they are pieces.
    """
    count, is_last = 1, False
    items[0], places[0] = len(child) - 1, -1
    while not is_last:
        total = 0
        for e in range(count):
            node = items[e]
            to_axes2(tubes, node, x, y, z, away2)
            for c in range(len(away2)):
                most = reach + tubes[node, 7, c]
                if away2[c] <= most * most:
                    if total < _MOST:
                        items[_MOST + total] = child[node] + c
                        places[_MOST + total] = node * len(away2) + c
                    total += 1
        if total > _MOST:
            break
        is_last = items[0] < leaves
        count = total
        for e in range(count):
            items[e], places[e] = items[_MOST + e], places[_MOST + e]
        if count == 0:
            break
    if places[0] < 0:
        return -1, False
    for e in range(count):
        node, c = places[e] // len(away2), places[e] % len(away2)
        vx, vy, vz = tubes[node, 0, c] - x, tubes[node, 1, c] - y, tubes[node, 2, c] - z
        dx, dy, dz = tubes[node, 3, c], tubes[node, 4, c], tubes[node, 5, c]
        size = sqrt(vx * vx + vy * vy + vz * vz) + sqrt(dx * dx + dy * dy + dz * dz) + spread
        fan[0, e], fan[1, e], fan[2, e] = np.float32(vx), np.float32(vy), np.float32(vz)
        fan[3, e], fan[4, e], fan[5, e] = np.float32(dx), np.float32(dy), np.float32(dz)
        fan[6, e] = np.float32(tubes[node, 6, c])
        fan[7, e] = np.float32(tubes[node, 7, c] + _HALF_WIDTH * size + 1e-3)
    for e in range(count, (count + 15) // 16 * 16):
        fan[0, e], fan[1, e], fan[2, e] = _OUT_OF_REACH, _NONE, _NONE
        fan[3, e], fan[4, e], fan[5, e], fan[6, e], fan[7, e] = _NONE, _NONE, _NONE, _NONE, _NONE
    return count, is_last


@kernel(
    "rows, float, int, ints, rows, rows, rows, flat, ints, flat, ints, ints, fans, ints, int, rows"
)
def search(
    places, limit, k, order,
    a, d, n, per_d2, target, start, before, after,
    tubes, child, leaves,
    out,
):  # fmt: skip
    """Find the k nearest targets of points, and the feet on them.

    The search of each point starts from the answer of the one before. The k rows of answers of a
    point are where `order` says.
    """
    best_piece, best_target = np.full(k, -1), np.full(k, -1)
    best_t, best_s = np.zeros(k), np.full(k, limit)
    stack, bound, away2 = np.empty(STACK, np.int64), np.empty(STACK), np.empty(tubes.shape[2])
    segments, best = (a, d, n, per_d2), (best_piece, best_t, best_s, best_target)
    tree, space = (segments, target, start, tubes, child, leaves), (stack, bound, away2)
    for q in range(len(places)):
        x, y, z = places[q, 0], places[q, 1], places[q, 2]
        descend(x, y, z, limit, k, tree, best, space)
        for j in range(k):
            o = order[q] * k + j
            _record(o, best_piece[j], best_t[j], best_s[j], x, y, z, segments, before, after, out)


@kernel(
    "rows, float, int, ints, rows, rows, rows, flat, ints, flat, ints, ints, fans, ints, int, rows"
)
def sweep(
    places, limit, k, order,  # noqa: ARG001 - as `search`
    a, d, n, per_d2, target, start, before, after,
    tubes, child, leaves,
    out,
):  # fmt: skip
    """Find the nearest target of points, and the foot on it; `k` is 1."""
    best_piece, best_target = np.full(1, -1), np.full(1, -1)
    best_t, best_s = np.zeros(1), np.full(1, limit)
    stack, bound = np.empty(STACK + _MOST, np.int64), np.empty(STACK + _MOST)
    away2 = np.empty(tubes.shape[2])
    segments, best = (a, d, n, per_d2), (best_piece, best_t, best_s, best_target)
    tree, space = (segments, target, start, tubes, child, leaves), (stack, bound, away2)
    items, slots = np.empty(2 * _MOST, np.int64), np.empty(2 * _MOST, np.int64)
    fan, gap = np.empty((8, _MOST), np.float32), np.empty(_MOST, np.float32)
    for first in range(0, len(places), _TOGETHER):
        last = min(first + _TOGETHER, len(places))
        middle = (first + last) // 2
        cx, cy, cz = places[middle, 0], places[middle, 1], places[middle, 2]
        count, is_last = -1, False
        for turn in range(first - 1, last):
            q = middle if turn < first else turn
            if turn == middle:
                continue
            x, y, z = places[q, 0], places[q, 1], places[q, 2]
            known = best_piece[0]
            best_piece[0], best_s[0] = -1, limit
            if known >= 0:
                t, s = foot(segments, known, x, y, z, 1e300)
                if s < limit:
                    best_piece[0], best_t[0], best_s[0] = known, t, s
            top = 0
            if count < 0:
                stack[0], bound[0], top = len(child) - 1, 0.0, 1
            else:
                cut = longest_chord(best_s[0])
                px, py, pz = np.float32(x - cx), np.float32(y - cy), np.float32(z - cz)
                for c in range((count + 15) // 16 * 16):
                    vx, vy, vz = px - fan[0, c], py - fan[1, c], pz - fan[2, c]
                    dx, dy, dz = fan[3, c], fan[4, c], fan[5, c]
                    t32 = (vx * dx + vy * dy + vz * dz) * fan[6, c]
                    t32 = max(_NONE, t32)
                    t32 = min(_ONE, t32)
                    vx, vy, vz = vx - t32 * dx, vy - t32 * dy, vz - t32 * dz
                    gap[c] = np.float32(sqrt(vx * vx + vy * vy + vz * vz)) - fan[7, c]
                if is_last:
                    near = 0
                    for c in range(1, count):
                        if gap[c] < gap[near]:
                            near = c
                    for j in range(-1, count):
                        c = near if j < 0 else j
                        i = items[c]
                        if j == near or gap[c] > cut or i == known:
                            continue
                        t, s = foot(segments, i, x, y, z, cut * cut)
                        if not (s <= best_s[0] + TIE_M and s < limit):
                            continue
                        j0 = best_piece[0]
                        if j0 < 0 or better(i, s, j0, best_s[0], target, start):
                            best_piece[0], best_t[0], best_s[0] = i, t, s
                            cut = longest_chord(s)
                else:
                    for c in range(count):
                        if gap[c] <= cut:
                            away = float(gap[c])
                            at = top
                            while at > 0 and bound[at - 1] < away:
                                stack[at], bound[at] = stack[at - 1], bound[at - 1]
                                at -= 1
                            stack[at], bound[at] = items[c], away
                            top += 1
            drain(x, y, z, limit, 1, known, top, tree, best, space)
            if turn < first:
                # The greatest distance of a point of the group from this one.
                spread = 0.0
                for r in range(first, last):
                    vx, vy, vz = places[r, 0] - x, places[r, 1] - y, places[r, 2] - z
                    spread = max(spread, vx * vx + vy * vy + vz * vz)
                spread = sqrt(spread)
                far = longest_chord(best_s[0]) + spread
                if far < _SHARPEST_M:
                    reach = _widest(far, limit) + spread
                    count, is_last = _gather(
                        x, y, z, reach, spread, tubes, child, leaves, items, slots, away2, fan
                    )
            o = order[q]
            _record(o, best_piece[0], best_t[0], best_s[0], x, y, z, segments, before, after, out)


@kernel("rows, ints, ints, flat, flat, flat, flat, flat, ints, flat, sides, flat, ints, ints")
def unpack(
    records, target, path, start, rate, low, high, per_d2,
    out_piece, out_metres, out_side, out_along, out_target, out_path,
):  # fmt: skip
    """Write records as columns, with target, path, and the measure along the target.

    Measures are kept within `low` and `high`, where these aren't empty.
    """
    for q in range(len(records)):
        i = int(records[q, 0])
        out_piece[q], out_metres[q] = i, records[q, 1]
        if i < 0:
            out_side[q], out_along[q], out_target[q], out_path[q] = NO_SIDE, NAN, -1, -1
        else:
            out_target[q], out_path[q] = target[i], path[i]
            along = records[q, 2] * rate[i] + start[i]
            if i < len(low):
                along = max(along, low[i])
                along = min(along, high[i])
            out_along[q] = along
            out_side[q] = NO_SIDE if per_d2[i] == 0.0 else int(records[q, 3])


def with_copies(few: Found, copied: Ints, k: int) -> Found:
    """Return the k nearest, where copies of a found target come before all farther targets."""
    found, ranks = Found.none(len(few.metres), k), few.metres.shape[1]
    for f in fields(found):
        getattr(found, f.name)[:, :ranks] = getattr(few, f.name)
    order = np.argsort(copied, kind="stable")
    start = np.searchsorted(copied[order], np.arange(len(copied) + 1))
    count = np.minimum(np.where(found.target < 0, 1, np.diff(start)[found.target]), k)
    rows = np.flatnonzero((count > 1).any(axis=1))
    count = count[rows].ravel()
    entry, number = repeat_rows(count)
    target = found.target[rows].ravel()[entry]
    none = target < 0
    target = np.where(none, -1, order[np.where(none, 0, start[target] + number)])
    metres = found.metres[rows].ravel()[entry]
    best = np.lexsort((target, metres, entry // k))  # missing ones come last
    best = best[repeat_rows(np.bincount(entry // k, minlength=len(rows)))[1] < k]
    for f in fields(found):
        values = getattr(found, f.name)
        values[rows] = values[rows].ravel()[entry[best]].reshape(-1, k)
    found.target[rows] = target[best].reshape(-1, k)
    return found


def remeasure(tree: Tree, measures: Mapping[int, Measure]) -> Tree:
    """Return a tree that answers other measures than metres along some geometries."""
    p = tree.pieces
    start, metres, rate = tree.start_m.copy(), arcs_m(p.a, p.d), np.ones(len(p.a))
    least, most = np.full((2, len(p.a)), [[-np.inf], [np.inf]])
    for position, measure in measures.items():
        rows = np.flatnonzero(p.target == position)
        begin, size, path = tree.start_m[rows], metres[rows], p.path[rows]
        # From two points inside the piece: measures may jump at its ends.
        low, high = (1e3 * measure(1e-3 * (begin + x * size), path) for x in (0.25, 0.75))
        with np.errstate(divide="ignore", invalid="ignore"):
            rate[rows] = np.where(size > 0.0, (high - low) / (0.5 * size), 0.0)
        start[rows] = low - 0.25 * size * rate[rows]
        # Rounding would put some ends of parts beyond their measures.
        parts = np.arange(path.max(initial=-1) + 1)
        ends = np.sort([measure(np.full(len(parts), x), parts) for x in (-np.inf, np.inf)], axis=0)
        least[rows], most[rows] = -_metres_up_to(-ends[0])[path], _metres_up_to(ends[1])[path]
    return replace(tree, measures=(start, rate, least, most))


def _metres_up_to(km: Floats) -> Floats:
    """Return the most metres that, times 1e-3, are rounded to no more than `km`."""
    metres = 1e3 * km + 1e-12 * np.abs(km)
    for _ in range(20):
        metres = np.where(metres * 1e-3 > km, np.nextafter(metres, -np.inf), metres)
    return metres

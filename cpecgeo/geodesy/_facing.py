"""Compiled: the segments of two distant geometries that may be nearest to the other geometry.

Seen from far away, most segments of a geometry are behind others. The directions from its centre
are divided into sectors, and each segment stores the sectors, as bits, towards which it may be the
nearest. Chords decide this, with two allowances. Of two pairs of points, the pair with the longer
chord can have the shorter geodesic, because the curvature of the ellipsoid varies. And a distant
geometry lies below the horizon of the centre.
"""

# Kernels have signatures of their own, which say more than annotations would.
# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

from math import asin, inf, sqrt
from typing import Any

import numpy as np

from cpecgeo.geodesy._compile import choose, kernel, spread
from cpecgeo.geodesy._ellipsoid import PER_A2, PER_B2, Floats, Ints
from cpecgeo.geodesy._search import longest_chord

__all__ = ["find_facing", "list_facing", "rival_chord", "stand_out"]

# No normal curvature of WGS 84 is more than 1 / 6,335.4 km.
_STRONGEST_M = 6_335_000.0
# How much longer a rival's chord may be, as a share per square of the chord: half more than the
# extremes of curvature require.
_SERIES_M, _BENDS = 8_000_000.0, 3.5e-17
# Least distance of two centres, in radii of the larger geometry, and the greatest one, for a list.
_NEAREST, _FARTHEST_M = 2.0, 2_500_000.0
_SAME2 = 1e-4  # m²; a segment's end and the next one's start are closer
# Sectors around a geometry, and the pairs per geometry from which it pays off to find facing
# segments. Levels: the least distance of the other geometry, in radii, and the greatest depth of a
# segment.
_SECTORS, _REPAID = 32, 25
_LEVELS = ((1.2, 100.0), (3.0, 300.0), (8.0, 1_500.0))
_LEAST = 64  # geometries per slice


def find_facing(
    pieces: tuple[Floats, ...], around: Floats, first: Ints, leaf: Ints, pairs: int
) -> tuple[Any, ...]:
    """Find the segments of geometries that face each sector, where there are enough pairs.

    Parameters
    ----------
    pieces, around, first, leaf
        Trees of balls, see `cpecgeo.geodesy.distance`.
    pairs : int
        How many pairs of geometries will be measured.

    Returns
    -------
    tuple of ndarray
        The first leaf of each geometry; its centre, radius, directions up, east and north, and the
        range and greatest height of its vertices; the levels, none where pairs are too few; the
        sectors from one to another, as bits; the sectors that each segment and each leaf faces,
        by level.
    """
    count, begin = len(leaf) - 1, np.append(first[leaf[:-1]], len(around))
    worth = pairs >= _REPAID * count
    levels = np.array(_LEVELS if worth else []).reshape(-1, 2)
    bits = np.int64(1) << np.arange(_SECTORS)
    spans = np.zeros((_SECTORS, _SECTORS), np.int64)
    frame, seen = np.zeros((count, 15)), np.zeros((len(levels), len(around)), np.int64)
    if worth:
        place, size = around[:, :3], around[:, 3:4]
        low = np.minimum.reduceat(place - size, begin[:-1])
        middle = 0.5 * (low + np.maximum.reduceat(place + size, begin[:-1]))
        off = np.linalg.norm(place - np.repeat(middle, np.diff(begin), axis=0), axis=1)
        radius = np.maximum.reduceat(off + around[:, 3], begin[:-1])
        up = middle * (PER_A2, PER_A2, PER_B2)
        up /= np.linalg.norm(up, axis=1)[:, None]
        east = np.column_stack((-up[:, 1], up[:, 0], np.zeros(count)))
        east[np.hypot(*up[:, :2].T) < 1e-9] = (0.0, 1.0, 0.0)
        east /= np.linalg.norm(east, axis=1)[:, None]
        frame[:, :13] = np.column_stack((middle, radius, up, east, np.cross(up, east)))
        one, two, k = np.ogrid[:_SECTORS, :_SECTORS, :_SECTORS]
        between = (k - one) % _SECTORS <= (two - one) % _SECTORS
        spans = np.where(between, bits, 0).sum(axis=2)
        corner = np.arange(_SECTORS + 1) * 4.0 / _SECTORS
        north = 1.0 - np.abs(corner - 2.0)
        angle = np.unwrap(np.arctan2(north, (1.0 - np.abs(north)) * np.sign(2.0 - corner)))
        edges = (angle[:-1] - 1e-6, angle[1:] + 1e-6)
        rays = np.column_stack([f(v) for v in edges for f in (np.cos, np.sin)])
        run, most = choose(stand_out, 100 * len(around)), int(np.diff(begin).max())

        def work(start: int, stop: int) -> None:
            run(
                start, stop, most, pieces[0], pieces[1], around, begin, rays, levels, bits,
                frame, seen,
            )  # fmt: skip

        spread(work, count, least=_LEAST)
    leaf_seen = np.bitwise_or.reduceat(seen, first[: leaf[-1]], axis=1)
    return leaf, frame, levels, spans, seen, leaf_seen


@kernel()
def rival_chord(c):
    """Return the longest chord of a geodesic that may be shorter than one with chord `c`."""
    if c < _SERIES_M:
        return c * (1.0 + _BENDS * c * c) + 1e-6
    return longest_chord(2.0 * _STRONGEST_M * asin(min(1.0, c / (2.0 * _STRONGEST_M))))


@kernel("int, int, int, rows, rows, rows, ints, rows, rows, ints, rows, table")
def stand_out(start, stop, most, a, d, around, begin, rays, levels, bits, frame, seen):
    """Enter the sectors that segments of geometries start to stop may be nearest to, as bits.

    A sector lies between two rays. A vertex that is farther than another one from all points of
    both rays is farther from all points of the sector. Its depth is the difference of the squared
    distances, divided by the distance of the point; the depth of a segment is that of its nearer
    end. Each of `levels` is the least distance of the points, in radii, and the depth from which a
    segment no longer counts.
    """
    local, after = np.empty((6, most)), np.empty(most, np.int64)
    for f in range(start, stop):
        first, count, head = begin[f], begin[f + 1] - begin[f], 0
        low, high = inf, -inf
        for e in range(count):
            i, away2, v2, gap2 = first + e, 0.0, 0.0, 0.0
            following = min(i + 1, first + count - 1)
            for axis in range(3):
                v, gap = a[i, axis] - frame[f, axis], a[i, axis] + d[i, axis] - a[following, axis]
                away2, v2, gap2 = away2 + v * v, v2 + d[i, axis] * d[i, axis], gap2 + gap * gap
            x, y, z = a[i, 0] - frame[f, 0], a[i, 1] - frame[f, 1], a[i, 2] - frame[f, 2]
            local[0, e] = x * frame[f, 7] + y * frame[f, 8] + z * frame[f, 9]
            local[1, e] = x * frame[f, 10] + y * frame[f, 11] + z * frame[f, 12]
            up = x * frame[f, 4] + y * frame[f, 5] + z * frame[f, 6]
            low, high = min(low, up), max(high, up)
            # By so much the middle of a chord, and of its arc, may be nearer than the ends.
            local[2, e], local[3, e], local[5, e] = away2, 0.25 * v2, 4.0 * around[i, 4]
            # A piece without length ends an open path; the last piece of a ring leads to its first.
            after[e] = e if v2 == 0.0 else (e + 1 if gap2 < _SAME2 and e + 1 < count else head)
            if after[e] != e + 1:
                head = e + 1
        frame[f, 13], frame[f, 14] = high - low, max(abs(low), abs(high)) + 5.0
        for level in range(len(levels)):
            least, deep = levels[level, 0] * frame[f, 3] + 1.0, levels[level, 1]
            per = 1.0 / least
            for k in range(len(bits)):
                x1, y1, x2, y2 = rays[k, 0], rays[k, 1], rays[k, 2], rays[k, 3]
                # Others are compared with the nearest vertices to two points amid the sector.
                x, y, s0, s1, e0, e1 = x1 + x2, y1 + y2, inf, inf, 0, 0
                for e in range(count):
                    u, w = local[0, e] * x + local[1, e] * y, local[2, e] * per
                    if w - 1.2 * u < s0:
                        s0, e0 = w - 1.2 * u, e
                    if w - 8.0 * u < s1:
                        s1, e1 = w - 8.0 * u, e
                for e in range(count):
                    behind = -inf
                    for turn in range(2):
                        o = e0 if turn == 0 else e1
                        x, y = local[0, o] - local[0, e], local[1, o] - local[1, e]
                        w = min((local[2, e] - local[2, o]) * per, 0.0)
                        behind = max(behind, 2.0 * min(x * x1 + y * y1, x * x2 + y * y2) + w)
                    local[4, e] = behind
                for e in range(count):
                    behind = min(local[4, e], local[4, after[e]])
                    if behind - local[3, e] * per - local[5, e] < deep:
                        seen[level, first + e] = seen[level, first + e] | bits[k]


@kernel(inline=True)
def _sector(sectors, x, y):
    """Return the sector of a direction; sectors divide a square that stands on a corner equally."""
    y /= abs(x) + abs(y)
    return min(int(0.25 * sectors * (1.0 + y if x >= 0.0 else 3.0 - y)), sectors - 1)


@kernel(inline=True)
def _towards(frame, levels, spans, f, g, x, y, z, turned, size):
    """Return the level of f that holds for g, -1 for none, and the sectors that g lies in.

    (x, y, z) is the vector from f to g, `turned` the sine of the angle between the two directions
    up, and `size` an upper bound of the chords between the two.
    """
    east = x * frame[f, 7] + y * frame[f, 8] + z * frame[f, 9]
    north = x * frame[f, 10] + y * frame[f, 11] + z * frame[f, 12]
    up = x * frame[f, 4] + y * frame[f, 5] + z * frame[f, 6]
    away, wide = sqrt(east * east + north * north), frame[g, 3]
    least = away - wide
    # The depth that differences of height, and of geodesics with equal chords, can compensate.
    height = abs(up) + wide * turned + frame[g, 14]
    deep = 2.0 * height * frame[f, 13] + 2.01 * _BENDS * size * size * size * size + 3e-6 * size
    level = len(levels) - 1
    while level >= 0 and not (
        least >= levels[level, 0] * frame[f, 3] + 1.0 and deep < levels[level, 1] * least
    ):
        level -= 1
    if level < 0 or size > _FARTHEST_M:
        return -1, 0
    sine, sectors = wide / away, len(spans)
    cosine = sqrt(1.0 - sine * sine)
    one = _sector(sectors, east * cosine + north * sine, north * cosine - east * sine)
    two = _sector(sectors, east * cosine - north * sine, north * cosine + east * sine)
    return level, spans[one, two]


@kernel(inline=True)
def _seeing(first, last, seen, leaf_seen, level, begin, end, span, out):
    """List the segments of some leaves that face some sectors; return the count, -1 if too many."""
    count = 0
    for c in range(begin, end):
        if leaf_seen[level, c] & span == 0:
            continue
        for i in range(first[c], last[c]):
            if seen[level, i] & span != 0:
                if count == len(out):
                    return -1
                out[count] = i
                count += 1
    return count


@kernel()
def list_facing(
    a, around, first, last, leaf, frame, levels, spans, seen, leaf_seen, f, g,
    mine, yours, starts, near,
):  # fmt: skip
    """List the segments of two distant geometries that may be nearest to the other geometry.

    Return how many segments of each are listed, -1 where that isn't known, and an upper bound of
    the chord between the nearest two.
    """
    x, y, z = frame[g, 0] - frame[f, 0], frame[g, 1] - frame[f, 1], frame[g, 2] - frame[f, 2]
    size = sqrt(x * x + y * y + z * z)
    if size < _NEAREST * max(frame[f, 3], frame[g, 3]):
        return -1, -1, 1e150
    size += frame[f, 3] + frame[g, 3]
    turned = frame[f, 4] * frame[g, 4] + frame[f, 5] * frame[g, 5] + frame[f, 6] * frame[g, 6]
    turned = sqrt(max(0.0, 1.0 - turned * turned))
    level, span = _towards(frame, levels, spans, f, g, x, y, z, turned, size)
    level2, span2 = _towards(frame, levels, spans, g, f, -x, -y, -z, turned, size)
    if level < 0 or level2 < 0:
        return -1, -1, 1e150
    ours = _seeing(first, last, seen, leaf_seen, level, leaf[f], leaf[f + 1], span, mine)
    theirs = _seeing(first, last, seen, leaf_seen, level2, leaf[g], leaf[g + 1], span2, yours)
    if ours <= 0 or theirs <= 0:
        return -1, -1, 1e150
    # Only segments that start little farther off than the nearest stay listed.
    long = 0.0
    for c in range(theirs):
        j = yours[c]
        long = max(long, around[j, 3])
        starts[0, c], starts[1, c], starts[2, c], near[c] = a[j, 0], a[j, 1], a[j, 2], inf
    for e in range(ours):
        i = mine[e]
        long = max(long, around[i, 3])
        x, y, z = a[i, 0], a[i, 1], a[i, 2]
        for c in range(theirs):
            gx, gy, gz = starts[0, c] - x, starts[1, c] - y, starts[2, c] - z
            near[c] = min(near[c], gx * gx + gy * gy + gz * gz)
    least = inf
    for c in range(theirs):
        least = min(least, near[c])
    limit = rival_chord(sqrt(least)) + 1e-3
    # Twice the squared length of a segment (`around` has half of it), and more for its arc.
    most, count, theirs = limit * limit + 10.0 * long * long, theirs, 0
    for c in range(count):
        if near[c] < most:
            yours[theirs] = yours[c]
            theirs += 1
    count, ours = ours, 0
    for e in range(count):
        i, least = mine[e], inf
        for c in range(theirs):
            j = yours[c]
            gx, gy, gz = a[i, 0] - a[j, 0], a[i, 1] - a[j, 1], a[i, 2] - a[j, 2]
            least = min(least, gx * gx + gy * gy + gz * gz)
        if least < most:
            mine[ours] = i
            ours += 1
    return ours, theirs, limit

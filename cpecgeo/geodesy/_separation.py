"""Compiled: the distance of two geometries, and the segments of distant ones that decide it.

Two segments cross if the ends of the first are on different sides of the vertical plane through the
second, and the first meets that plane between the ends of the second. Where no segments cross, the
distance of two geometries is that of a vertex of one from a segment of the other.

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

import numpy as np

from cpecgeo.geodesy._arcs import geodesic
from cpecgeo.geodesy._compile import kernel
from cpecgeo.geodesy._rings import parabola_root
from cpecgeo.geodesy._search import STACK, foot, longest_chord

__all__ = ["apart", "stand_out"]

# No normal curvature of WGS 84 is more than 1 / 6,335.4 km.
_STRONGEST_M = 6_335_000.0
# How much longer a rival's chord may be, as a share per square of the chord: half more than the
# extremes of curvature require.
_SERIES_M, _BENDS = 8_000_000.0, 3.5e-17
# Least distance of two centres, in radii of the larger geometry, and the greatest one, for a list.
_NEAREST, _FARTHEST_M = 2.0, 2_500_000.0
_SAME2 = 1e-4  # m²; a segment's end and the next one's start are closer
_RIVALS = 64
_BEYOND = 0.5  # of a segment's length: the feet on an arc and on its chord are closer than this


@kernel()
def _rival_chord(c):
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
def _list_facing(a, around, first, last, facing, f, g, lists):
    """List the segments of two distant geometries that may be nearest to the other geometry.

    `facing` is what `_find_facing` of `distance` returns. `lists` has room for the segments of
    both, and for starts and distances. Return how many segments of each are listed, -1 where that
    isn't known, and an upper bound of the chord between the nearest two.
    """
    leaf, frame, levels, spans, seen, leaf_seen = facing
    mine, yours, starts, near = lists
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
    limit = _rival_chord(sqrt(least)) + 1e-3
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


@kernel()
def _segments_cross(segments, i, j, slack):
    """Return whether two segments cross."""
    a, d, n, per_d2 = segments
    if per_d2[i] == 0.0 or per_d2[j] == 0.0:
        return False
    dx, dy, dz, nx, ny, nz = d[i, 0], d[i, 1], d[i, 2], n[i, 0], n[i, 1], n[i, 2]
    ux, uy, uz = dy * nz - dz * ny, dz * nx - dx * nz, dx * ny - dy * nx
    rx, ry, rz = a[j, 0] - a[i, 0], a[j, 1] - a[i, 1], a[j, 2] - a[i, 2]
    begin = rx * ux + ry * uy + rz * uz
    rise = d[j, 0] * ux + d[j, 1] * uy + d[j, 2] * uz
    if (begin >= 0.0) == (begin + rise >= 0.0):
        return False
    bend = n[j, 0] * ux + n[j, 1] * uy + n[j, 2] * uz
    v = parabola_root(begin, rise, bend)
    w = v * (1.0 - v)
    t = (rx + v * d[j, 0] + w * n[j, 0]) * dx + (ry + v * d[j, 1] + w * n[j, 1]) * dy
    t = (t + (rz + v * d[j, 2] + w * n[j, 2]) * dz) * per_d2[i]
    more = slack * sqrt(per_d2[i])
    return -more <= t <= 1.0 + more


@kernel(inline=True)
def _to_chord2(a, d, per_d2, i, x, y, z):
    """Return the square of the metres from a point to the chord of segment i.

    Infinite where the foot is clearly beyond an end: the vertex there is the start of some segment,
    and is measured as such.
    """
    px, py, pz = x - a[i, 0], y - a[i, 1], z - a[i, 2]
    t = (px * d[i, 0] + py * d[i, 1] + pz * d[i, 2]) * per_d2[i]
    if per_d2[i] == 0.0 or not (-_BEYOND < t < 1.0 + _BEYOND):
        return inf
    t = min(max(t, 0.0), 1.0)
    px, py, pz = px - t * d[i, 0], py - t * d[i, 1], pz - t * d[i, 2]
    return px * px + py * py + pz * pz


@kernel()
def _measure(segments, around, rival, chord, count, limit, best):
    """Measure a list of vertices and segments; return the least metres and the chord's limit.

    A segment numbered below 0 is its first vertex alone.
    """
    a, _d, _n, _per_d2 = segments
    for e in range(count):
        i, j = rival[e, 0], rival[e, 1]
        if j < 0:
            j = -1 - j
            s = inf
            if chord[e] < limit:
                s = geodesic(a[i, 0], a[i, 1], a[i, 2], a[j, 0], a[j, 1], a[j, 2])
            if s < best:
                best, limit = s, min(limit, longest_chord(s))
        elif chord[e] - around[j, 4] < limit:
            s = foot(segments, j, a[i, 0], a[i, 1], a[i, 2], limit * limit)[1]
            if s < best:
                best, limit = s, min(limit, longest_chord(s))
    return best, limit


@kernel(
    "ints, ints, int, int, rows, rows, rows, flat, rows, rows, ints, ints, int, ints, "
    "ints, rows, rows, table, table, table, float, flat"
)
def apart(
    one, two, start, stop,
    a, d, n, per_d2, around,
    ball, first, last, leaves, root,
    leaf, frame, levels, spans, seen, leaf_seen,
    slack, out,
):  # fmt: skip
    """Enter the metres between geometries `one` and `two` of rows start to stop; 0 if they cross.

    Each geometry is a tree of balls. Leaves come first and hold pieces first to last; other nodes
    hold nodes. Two trees are searched together by chords, the nearest pair of nodes first; what
    chords can't decide is then measured. Rows with 0 in `out` stay 0. The answer is infinite where
    only Karney's method holds.
    """
    segments, facing = (a, d, n, per_d2), (leaf, frame, levels, spans, seen, leaf_seen)
    pair, bound = np.empty((4 * STACK, 2), np.int64), np.empty(4 * STACK)
    rival, chord = np.empty((_RIVALS, 2), np.int64), np.empty(_RIVALS)
    mine, yours = np.empty(STACK, np.int64), np.empty(STACK, np.int64)
    starts, near = np.empty((3, STACK)), np.empty(STACK)
    lists = mine, yours, starts, near
    for row in range(start, stop):
        if out[row] == 0.0:
            continue
        best, count, f, g = inf, 0, one[row], two[row]
        u, v, limit, ours, theirs = root[f], root[g], 1e150, -1, -1
        if len(levels) > 0:
            ours, theirs, limit = _list_facing(a, around, first, last, facing, f, g, lists)
        if ours > 0:
            u, v = -1, -1  # only the listed ones
        pair[0, 0], pair[0, 1], bound[0], top = u, v, 0.0, 1
        while top > 0:
            top -= 1
            u, v = pair[top, 0], pair[top, 1]
            if bound[top] >= limit:
                continue
            if u >= leaves or v >= leaves:
                # The larger of the two nodes is opened; the nearest pair comes on top of the stack.
                left = v < leaves or (u >= leaves and ball[u, 3] >= ball[v, 3])
                split, other = (u, v) if left else (v, u)
                x, y, z, r = ball[other, 0], ball[other, 1], ball[other, 2], ball[other, 3]
                before = top
                for c in range(first[split], last[split]):
                    off2 = (ball[c, 0] - x) ** 2 + (ball[c, 1] - y) ** 2 + (ball[c, 2] - z) ** 2
                    reach = ball[c, 3] + r
                    if off2 >= (limit + reach) * (limit + reach):
                        continue
                    away = sqrt(off2) - reach
                    at = top
                    while at > before and bound[at - 1] < away:
                        pair[at, 0], pair[at, 1] = pair[at - 1, 0], pair[at - 1, 1]
                        bound[at] = bound[at - 1]
                        at -= 1
                    pair[at, 0], pair[at, 1] = (c, v) if left else (u, c)
                    bound[at] = away
                    top += 1
                continue
            if u >= 0:
                ours, theirs = last[u] - first[u], last[v] - first[v]
                for c in range(ours):
                    mine[c] = first[u] + c
                for c in range(theirs):
                    yours[c] = first[v] + c
            for e in range(ours):
                i = mine[e]
                x, y, z = around[i, 0], around[i, 1], around[i, 2]
                for c in range(theirs):
                    j = yours[c]
                    off2 = (around[j, 0] - x) ** 2 + (around[j, 1] - y) ** 2
                    reach = around[i, 3] + around[j, 3]
                    off2 += (around[j, 2] - z) ** 2
                    if off2 >= (limit + reach) * (limit + reach):
                        continue
                    if off2 <= (reach + slack) * (reach + slack) and _segments_cross(
                        segments, i, j, slack
                    ):
                        best, top, count = 0.0, 0, 0
                        break
                    # Geodesics that don't cross are closest at an end of one.
                    for turn in range(3):
                        f, g = (i, j) if turn < 2 else (j, i)
                        if turn == 0:
                            gx, gy, gz = a[i, 0] - a[j, 0], a[i, 1] - a[j, 1], a[i, 2] - a[j, 2]
                            c2, bow, g = gx * gx + gy * gy + gz * gz, 0.0, -1 - j
                        else:
                            c2 = _to_chord2(a, d, per_d2, g, a[f, 0], a[f, 1], a[f, 2])
                            bow = around[g, 4]
                        if c2 >= (limit + bow) * (limit + bow):
                            continue
                        size = sqrt(c2)
                        if count == _RIVALS:
                            best, limit = _measure(
                                segments, around, rival, chord, count, limit, best
                            )
                            count = 0
                        rival[count, 0], rival[count, 1], chord[count] = f, g, size
                        count += 1
                        limit = min(limit, _rival_chord(size + bow))
                if best == 0.0:
                    break
        out[row] = _measure(segments, around, rival, chord, count, limit, best)[0]

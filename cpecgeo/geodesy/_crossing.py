"""Compiled: winding numbers of rings around points, and distances between lines.

A meridian is followed to the point from a pole that is on no boundary, and the edges that it
crosses are counted. A segment of an edge is the parabola of `_tree`. It meets the meridian's plane
at the root of a quadratic equation, to a hundredth of a millimetre. Nothing else is approximate:
segments share the vertex where they meet, so that no crossing is counted twice or left out.

Two segments cross if the ends of the first are on different sides of the vertical plane through the
second, and the first meets that plane between the ends of the second. Where no segments cross, the
distance of two geometries is that of a vertex of one from a segment of the other.
"""

# Kernels have signatures of their own, which say more than annotations would.
# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

from math import atan2, cos, inf, pi, radians, sin, sqrt

import numpy as np

from cpecgeo.geodesy._arcs import geodesic
from cpecgeo.geodesy._compile import kernel
from cpecgeo.geodesy._ellipsoid import E2, EQUATOR_M
from cpecgeo.geodesy._facing import list_facing, rival_chord
from cpecgeo.geodesy._search import STACK, foot, longest_chord

__all__ = ["apart", "contain"]

_TURN = 2.0 * pi
_TINY_M = 1e-12
_RIVALS = 64
_BEYOND = 0.5  # of a segment's length: the feet on an arc and on its chord are closer than this


@kernel(inline=True)
def _root(begin, rise, bend):
    """Return the root, 0 to 1, of begin + t rise + t (1 - t) bend, whose ends differ in sign."""
    p = rise + bend
    root = sqrt(max(p * p + 4.0 * bend * begin, 0.0))
    q = p + root if p >= 0.0 else p - root
    t = -2.0 * begin / q if q != 0.0 else 0.0
    if not (0.0 <= t <= 1.0) and bend != 0.0:
        t = 0.5 * q / bend
    return min(max(t, 0.0), 1.0)


@kernel(inline=True)
def _crossing(sl, cl, h, z, pole, a, b, n, i):
    """Return 1 or -1 where segment i crosses the meridian from the point to the pole, else 0.

    Positive when the segment runs east. The point is `h` from the axis, at height `z`.
    """
    begin, end = cl * a[i, 1] - sl * a[i, 0], cl * b[i, 1] - sl * b[i, 0]
    if (begin >= 0.0) == (end >= 0.0):
        return 0
    t = _root(begin, end - begin, cl * n[i, 1] - sl * n[i, 0])
    w = t * (1.0 - t)
    x = a[i, 0] + t * (b[i, 0] - a[i, 0]) + w * n[i, 0]
    y = a[i, 1] + t * (b[i, 1] - a[i, 1]) + w * n[i, 1]
    v = a[i, 2] + t * (b[i, 2] - a[i, 2]) + w * n[i, 2]
    away = cl * x + sl * y
    if away <= 0.0 or (h * v - z * away) * pole <= 0.0:
        return 0
    return 1 if end >= 0.0 else -1


@kernel(
    "rows, int, int, rows, rows, rows, ints, ints, ints, flat, rows, rows, flat, flat, "
    "ints, ints, ints, flat, int, ints, ints, table"
)
def contain(
    lonlat, first, last,
    a, b, n, weight,
    target, base, pole, frame, box, west, scale, bin_first,
    segment_first, segments,
    grid, columns, cell_first, cells,
    out,
):  # fmt: skip
    """Enter the first targets that rows first to last of `lonlat` are inside of."""
    for row in range(first, last):
        lon, lat = lonlat[row, 0], lonlat[row, 1]
        column, line = (lon - grid[0]) * grid[2], (lat - grid[1]) * grid[3]
        if not (0.0 <= column <= columns and 0.0 <= line <= columns):
            continue
        cell = min(int(line), columns - 1) * columns + min(int(column), columns - 1)
        if cell_first[cell] == cell_first[cell + 1]:
            continue
        lam, phi = radians(lon), radians(lat)
        sp, cp = sin(phi), cos(phi)
        normal = EQUATOR_M / sqrt(1.0 - E2 * sp * sp)
        xe, ye, ze = normal * cp * cos(lam), normal * cp * sin(lam), normal * (1.0 - E2) * sp
        found = 0
        for j in range(cell_first[cell], cell_first[cell + 1]):
            p = cells[j]
            if lat < box[p, 2] or lat > box[p, 3] or (lon - box[p, 0]) % 360.0 > box[p, 1]:
                continue
            if found > 0 and out[row, found - 1] == target[p]:
                continue
            x = frame[p, 0] * xe + frame[p, 1] * ye + frame[p, 2] * ze
            y = frame[p, 3] * xe + frame[p, 4] * ye + frame[p, 5] * ze
            z = frame[p, 6] * xe + frame[p, 7] * ye + frame[p, 8] * ze
            h = max(sqrt(x * x + y * y), _TINY_M)
            winding = base[p]
            place = ((atan2(y, x) - west[p]) % _TURN) * scale[p]
            bins = bin_first[p + 1] - bin_first[p]
            if place < bins + 1e-6:  # by rounding it may be a full turn
                k = bin_first[p] + min(int(place), bins - 1)
                for i in range(segment_first[k], segment_first[k + 1]):
                    e = segments[i]
                    winding += weight[e] * _crossing(y / h, x / h, h, z, pole[p], a, b, n, e)
            if winding > 0:
                out[row, found] = target[p]
                found += 1
                if found == out.shape[1]:
                    break


@kernel()
def _segments_cross(a, d, n, per_d2, i, e, g, m, per_g2, j, slack):
    """Return whether segment i of (a, d, n) and segment j of (e, g, m) cross."""
    if per_d2[i] == 0.0 or per_g2[j] == 0.0:
        return False
    dx, dy, dz, nx, ny, nz = d[i, 0], d[i, 1], d[i, 2], n[i, 0], n[i, 1], n[i, 2]
    ux, uy, uz = dy * nz - dz * ny, dz * nx - dx * nz, dx * ny - dy * nx
    rx, ry, rz = e[j, 0] - a[i, 0], e[j, 1] - a[i, 1], e[j, 2] - a[i, 2]
    begin = rx * ux + ry * uy + rz * uz
    rise = g[j, 0] * ux + g[j, 1] * uy + g[j, 2] * uz
    if (begin >= 0.0) == (begin + rise >= 0.0):
        return False
    bend = m[j, 0] * ux + m[j, 1] * uy + m[j, 2] * uz
    v = _root(begin, rise, bend)
    w = v * (1.0 - v)
    t = (rx + v * g[j, 0] + w * m[j, 0]) * dx + (ry + v * g[j, 1] + w * m[j, 1]) * dy
    t = (t + (rz + v * g[j, 2] + w * m[j, 2]) * dz) * per_d2[i]
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
def _measure(a, d, n, per_d2, around, rival, chord, count, limit, best):
    """Measure a list of vertices and segments; return the least metres and the chord's limit.

    A segment numbered below 0 is its first vertex alone.
    """
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
            s = foot(a, d, n, per_d2, j, a[i, 0], a[i, 1], a[i, 2], limit * limit)[1]
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
    pair, bound = np.empty((4 * STACK, 2), np.int64), np.empty(4 * STACK)
    rival, chord = np.empty((_RIVALS, 2), np.int64), np.empty(_RIVALS)
    mine, yours = np.empty(STACK, np.int64), np.empty(STACK, np.int64)
    starts, near = np.empty((3, STACK)), np.empty(STACK)
    for row in range(start, stop):
        if out[row] == 0.0:
            continue
        best, count, f, g = inf, 0, one[row], two[row]
        u, v, limit, ours, theirs = root[f], root[g], 1e150, -1, -1
        if len(levels) > 0:
            ours, theirs, limit = list_facing(
                a, around, first, last, leaf, frame, levels, spans, seen, leaf_seen, f, g,
                mine, yours, starts, near,
            )  # fmt: skip
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
                        a, d, n, per_d2, i, a, d, n, per_d2, j, slack
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
                                a, d, n, per_d2, around, rival, chord, count, limit, best
                            )
                            count = 0
                        rival[count, 0], rival[count, 1], chord[count] = f, g, size
                        count += 1
                        limit = min(limit, rival_chord(size + bow))
                if best == 0.0:
                    break
        out[row] = _measure(a, d, n, per_d2, around, rival, chord, count, limit, best)[0]

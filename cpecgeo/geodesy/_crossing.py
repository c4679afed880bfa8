"""Compiled: how often the rings of polygons wind around points, and whether lines cross.

From a pole that is on no boundary a meridian is followed to the point, and the edges that it
crosses are counted. A segment of an edge is the parabola of `_tree`; it meets the meridian's plane
where a quadratic equation says, to a hundredth of a millimetre. Nothing else is approximate:
vertices are shared by the segments that meet there, so that none is counted twice or left out.

Two segments cross if the ends of one are on different sides of the upright plane that the other
lies in, and the one passes that plane between the ends of the other.
"""

# Kernels have numba signatures, which say more than annotations would.
# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

from math import atan2, cos, pi, radians, sin, sqrt

import numpy as np

from cpecgeo.geodesy._compile import kernel
from cpecgeo.geodesy._ellipsoid import E2, EQUATOR_M
from cpecgeo.geodesy._search import STACK, to_axes2

__all__ = ["contain", "cross"]

_TURN = 2.0 * pi
_TINY_M = 1e-12


@kernel(inline=True)
def _root(begin, rise, bend):
    """Where begin + t rise + t (1 - t) bend is 0, between 0 and 1; its ends have other signs."""
    p = rise + bend
    root = sqrt(max(p * p + 4.0 * bend * begin, 0.0))
    q = p + root if p >= 0.0 else p - root
    t = -2.0 * begin / q if q != 0.0 else 0.0
    if not (0.0 <= t <= 1.0) and bend != 0.0:
        t = 0.5 * q / bend
    return min(max(t, 0.0), 1.0)


@kernel(inline=True)
def _crossing(sl, cl, h, z, pole, a, b, n, i):
    """1 or -1 where segment i crosses the meridian between the point and the pole, else 0.

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
    "void(rows, i8, i8, rows, rows, rows, ints, ints, ints, flat, rows, rows, flat, flat, "
    "ints, ints, ints, flat, i8, ints, ints, i8[:,::1])"
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
            if place < bins + 1e-6:  # rounding may lead once around
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
    """Whether segment i of (a, d, n) and segment j of (e, g, m) cross."""
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


@kernel("boolean(rows, rows, rows, flat, rows, rows, rows, flat, fans, ints, i8, f8)")
def cross(a, d, n, per_d2, e, g, m, per_g2, tubes, child, leaves, slack):
    """Whether any segment of (a, d, n) crosses any of the tree, to `slack` metres at the ends."""
    stack, away2 = np.empty(STACK, np.int64), np.empty(tubes.shape[2])
    for i in range(len(a)):
        x = a[i, 0] + 0.5 * d[i, 0] + 0.25 * n[i, 0]
        y = a[i, 1] + 0.5 * d[i, 1] + 0.25 * n[i, 1]
        z = a[i, 2] + 0.5 * d[i, 2] + 0.25 * n[i, 2]
        # All of the segment is in this ball.
        ball = 0.5 * sqrt(d[i, 0] ** 2 + d[i, 1] ** 2 + d[i, 2] ** 2)
        ball += 0.25 * sqrt(n[i, 0] ** 2 + n[i, 1] ** 2 + n[i, 2] ** 2) + slack
        stack[0], top = len(child) - 1, 1
        while top > 0:
            top -= 1
            node = stack[top]
            to_axes2(tubes, node, x, y, z, away2)
            for c in range(len(away2)):
                reach = ball + tubes[node, 7, c]
                if away2[c] > reach * reach:
                    continue
                j = child[node] + c
                if node >= leaves:
                    stack[top] = j
                    top += 1
                elif _segments_cross(a, d, n, per_d2, i, e, g, m, per_g2, j, slack):
                    return True
    return False

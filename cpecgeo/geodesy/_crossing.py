"""Compiled: whether lines cross away from their vertices.

A segment lies in a plane that stands upright in its middle, so what is on either side of it is
told by a sign. Another segment crosses it when its ends are on different sides and the place
where it passes the plane is between the ends of the first.
"""

# Kernels have numba signatures, which say more than annotations would.
# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

from math import sqrt

import numba
import numpy as np

from cpecgeo.geodesy._compile import jit
from cpecgeo.geodesy._search import STACK, to_axis2

__all__ = ["cross"]

_f8, _i8 = numba.float64, numba.int64
_rows, _flat, _ints = _f8[:, ::1], _f8[::1], _i8[::1]


@jit(numba.boolean(_rows, _rows, _rows, _flat, _i8, _rows, _rows, _rows, _flat, _i8, _f8))
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
    # begin + v rise + v (1 - v) bend = 0; there is one root between the ends.
    p = rise + bend
    root = sqrt(max(p * p + 4.0 * bend * begin, 0.0))
    v = -2.0 * begin / (p + root if p >= 0.0 else p - root)
    if not (0.0 <= v <= 1.0):
        v = (p + root if p >= 0.0 else p - root) / (2.0 * bend)
    w = v * (1.0 - v)
    t = (rx + v * g[j, 0] + w * m[j, 0]) * dx + (ry + v * g[j, 1] + w * m[j, 1]) * dy
    t = (t + (rz + v * g[j, 2] + w * m[j, 2]) * dz) * per_d2[i]
    more = slack * sqrt(per_d2[i])
    return -more <= t <= 1.0 + more


@jit(
    numba.boolean(
        _rows, _rows, _rows, _flat,
        _rows, _rows, _rows, _flat, _rows, _ints, _i8, _i8,
        _f8,
    )
)  # fmt: skip
def cross(a, d, n, per_d2, e, g, m, per_g2, tubes, child, leaves, fan, slack):
    """Whether any segment of (a, d, n) crosses any of the tree, to `slack` metres at the ends."""
    stack = np.empty(STACK, np.int64)
    root = len(tubes) - 1
    for i in range(len(a)):
        x = a[i, 0] + 0.5 * d[i, 0] + 0.25 * n[i, 0]
        y = a[i, 1] + 0.5 * d[i, 1] + 0.25 * n[i, 1]
        z = a[i, 2] + 0.5 * d[i, 2] + 0.25 * n[i, 2]
        # All of the segment is in this ball.
        ball = 0.5 * sqrt(d[i, 0] ** 2 + d[i, 1] ** 2 + d[i, 2] ** 2)
        ball += 0.25 * sqrt(n[i, 0] ** 2 + n[i, 1] ** 2 + n[i, 2] ** 2) + slack
        stack[0], top = root, 1
        while top > 0:
            top -= 1
            node = stack[top]
            reach = ball + tubes[node, 7]
            if to_axis2(tubes, node, x, y, z) > reach * reach:
                continue
            if node < leaves:
                for j in range(child[node], min(child[node] + fan, len(e))):
                    if _segments_cross(a, d, n, per_d2, i, e, g, m, per_g2, j, slack):
                        return True
                continue
            stop = child[node + 1] if node < root else root
            for c in range(child[node], min(child[node] + fan, stop)):
                stack[top] = c
                top += 1
    return False

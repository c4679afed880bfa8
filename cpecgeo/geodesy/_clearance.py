"""Compiled: whether the boundary that was drawn beside a line is that of its buffer.

No edge of the boundary may be too near to any edge of the line. Then the boundary is at the radius
throughout, and surrounds all that is nearer, because the line is inside and never crosses it. What
it surrounds has no hole if all of the offset lines that didn't become boundary is within the radius
of other edges, because the boundary of a hole would be a part of them.
"""

# Kernels have signatures of their own, which say more than annotations would.
# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

from math import cos, inf, sin, sqrt

import numpy as np

from cpecgeo.geodesy._compile import kernel
from cpecgeo.geodesy._stretches import (
    away,
    beside,
    clockwise,
    leave,
    left_of,
    nearest_on,
    towards,
    up,
)

__all__ = ["is_covered", "is_free"]

_BLOCK, _GROUP = 8, 16  # pieces that are compared together, and such blocks
_TRIES = 40  # halvings of a stretch that is within the radius


@kernel(inline=True)
def _gap2(px, py, pz, dx, dy, dz, ax, ay, az, ex, ey, ez):
    """Return the squared distance of two segments: p to p + d, and a to a + e."""
    wx, wy, wz = px - ax, py - ay, pz - az
    d2, e2 = dx * dx + dy * dy + dz * dz, ex * ex + ey * ey + ez * ez
    b, c = dx * ex + dy * ey + dz * ez, dx * wx + dy * wy + dz * wz
    f = ex * wx + ey * wy + ez * wz
    s = min(max((b * f - c * e2) / (d2 * e2 - b * b + 1e-9), 0.0), 1.0)
    t = min(max((b * s + f) / (e2 + 1e-30), 0.0), 1.0)
    s = min(max((b * t - c) / (d2 + 1e-30), 0.0), 1.0)
    wx, wy, wz = wx + s * dx - t * ex, wy + s * dy - t * ey, wz + s * dz - t * ez
    return wx * wx + wy * wy + wz * wz


@kernel()
def is_free(out, made, place, d, least):
    """Return whether every edge of the boundary is at least `least` metres from all pieces.

    After a block of pieces was compared, it isn't again until the boundary is long enough to have
    come to it. So far blocks, and groups of these, are compared seldom.
    """
    count = len(d)
    blocks = (count - 1) // _BLOCK + 1
    groups = (blocks - 1) // _GROUP + 1
    wall, free, calm = np.zeros((6, _BLOCK * blocks)), np.zeros(blocks), np.zeros(groups)
    for i in range(_BLOCK * blocks):
        j = min(i, count - 1)
        wall[0, i], wall[1, i], wall[2, i] = place[j, 0], place[j, 1], place[j, 2]
        wall[3, i], wall[4, i], wall[5, i] = d[j, 0], d[j, 1], d[j, 2]
    found = np.empty(_BLOCK)
    gone = 0.0
    for v in range(made):
        w = v + 1 if v + 1 < made else 0
        px, py, pz = out[v, 0], out[v, 1], out[v, 2]
        dx, dy, dz = out[w, 0] - px, out[w, 1] - py, out[w, 2] - pz
        gone += sqrt(dx * dx + dy * dy + dz * dz)
        for g in range(groups):
            if calm[g] > gone:
                continue
            soon = inf
            for b in range(g * _GROUP, min((g + 1) * _GROUP, blocks)):
                if free[b] <= gone:
                    for lane in range(_BLOCK):
                        i = b * _BLOCK + lane
                        found[lane] = _gap2(
                            px, py, pz, dx, dy, dz,
                            wall[0, i], wall[1, i], wall[2, i], wall[3, i], wall[4, i], wall[5, i],
                        )  # fmt: skip
                    nearest = inf
                    for lane in range(_BLOCK):
                        nearest = min(nearest, found[lane])
                    metres = sqrt(nearest)
                    if metres < least:
                        return False
                    free[b] = gone + metres - least
                soon = min(soon, free[b])
            calm[g] = soon
    return True


@kernel()
def _within(place, d, n, per_d2, first, last, but, also, hint, reach, ends):
    """Return an edge of the tour, from first to last, that is within `reach` of three points.

    Not one on the pieces of edges `but` and `also`; -1 if there is none. `hint` is tried first.
    """
    whole = 2 * len(d)
    one, two = min(but, whole - 1 - but), min(also, whole - 1 - also)
    for k in range(first - 1, last + 1):
        e = (hint if k < first else k) % whole
        j = min(e, whole - 1 - e)
        taken = j in (one, two)
        near = not taken
        for p in range(3):
            if near:
                _t, s = nearest_on(place, d, n, per_d2, j, ends[p, 0], ends[p, 1], ends[p, 2])
                near = s <= reach
        if near:
            return e
    return -1


@kernel()
def _is_line_covered(
    place, d, n, per_d2, size, aim, reach, first, last, f, begin, end, hint, ends
):  # fmt: skip
    """Return an edge near the last part of a stretch along edge f, -1 if a part is near none.

    The points near an edge are a convex set, so those between two of them are near it too.
    """
    a, b, tries = begin, end, 0
    while a < end:
        for p in range(3):
            ends[p, 0], ends[p, 1], ends[p, 2] = beside(
                place, d, n, size, aim, f, a if p == 0 else b
            )
        found = _within(place, d, n, per_d2, first, last, f, f, hint, reach, ends)
        if found >= 0:
            hint, a, b = found, b, end
            continue
        b, tries = 0.5 * (a + b), tries + 1
        if tries > _TRIES:
            return -1
    return hint


@kernel()
def _is_arc_covered(
    place, d, n, per_d2, aim, reach, first, last, f, v, wx, wy, wz, gx, gy, gz, hint, ends
):  # fmt: skip
    """Return an edge near the last part of the arc around a vertex from w to g, as above."""
    ux, uy, uz = up(place[v, 0], place[v, 1], place[v, 2])
    lx, ly, lz = uy * wz - uz * wy, uz * wx - ux * wz, ux * wy - uy * wx
    end = clockwise(wx, wy, wz, gx, gy, gz, ux, uy, uz)
    a, b, tries = 0.0, min(end, 1.0), 0
    before = f - 1 if f > 0 else 2 * len(d) - 1
    while a < end:
        # Both ends of the arc, and the point where its tangents meet.
        for p in range(3):
            s = a + 0.5 * p * (b - a)
            far = aim / cos(0.5 * (b - a)) if p == 1 else aim
            x, y, z = (
                cos(s) * wx - sin(s) * lx,
                cos(s) * wy - sin(s) * ly,
                cos(s) * wz - sin(s) * lz,
            )
            ends[p, 0], ends[p, 1], ends[p, 2] = away(
                place[v, 0], place[v, 1], place[v, 2], ux, uy, uz, x, y, z, far
            )
        found = _within(place, d, n, per_d2, first, last, before, f, hint, reach, ends)
        if found >= 0:
            hint, a, b = found, b, min(end, b + 1.0)
            continue
        b, tries = 0.5 * (a + b), tries + 1
        if tries > _TRIES:
            return -1
    return hint


@kernel()
def is_covered(
    place, d, n, per_d2, size, left, aim, reach, stack, start, into, meets, used
):  # fmt: skip
    """Return whether all offset lines that aren't boundary are within `reach` of other edges.

    The parameters are those of `find_stretches`. Where two edges with a common vertex meet nothing
    need be compared: each contains what the other loses.
    """
    count, whole = len(size), 2 * len(size)
    ends = np.empty((3, 3))
    for e in range(used):
        after = e + 1 if e + 1 < used else 0
        i, k = stack[e], stack[after] if after > 0 else whole
        if k == i + 1 and meets[after] < 2:
            continue
        x, y, z, enter = start[after, 0], start[after, 1], start[after, 2], into[after]
        gone, long = leave(place, d, n, per_d2, size, aim, i, x, y, z), size[min(i, whole - 1 - i)]
        hint = i
        for m in range(i, k + 2):
            f = m % whole
            j, v = min(f, whole - 1 - f), f if f <= count else whole - f
            # The arc around the start of the edge, or what of it is past the meeting point.
            wx, wy, wz = left_of(left, (m - 1) % whole, 1)
            gx, gy, gz = left_of(left, f, 0)
            ux, uy, uz = up(place[v, 0], place[v, 1], place[v, 2])
            sine = (wy * gz - wz * gy) * ux + (wz * gx - wx * gz) * uy + (wx * gy - wy * gx) * uz
            is_round = sine <= 1e-12 or v in (0, count)
            if m == i:
                is_round = gone < 0.0
            if m == k + 1:
                is_round = enter > size[min(k % whole, whole - 1 - k % whole)]
            if is_round:
                if m == i or (m == i + 1 and gone > long):
                    wx, wy, wz, ux, uy, uz = towards(place, v, x, y, z)
                if m == k + 1 or (m == k and enter < 0.0):
                    gx, gy, gz, ux, uy, uz = towards(place, v, x, y, z)
                hint = _is_arc_covered(
                    place, d, n, per_d2, aim, reach, i, k, f, v, wx, wy, wz, gx, gy, gz, hint, ends
                )
                if hint < 0:
                    return False
            if m > k:
                break
            a, b = 0.0, size[j]
            if m == i:
                a = min(max(gone, 0.0), b)
            if m == k:
                b = min(max(enter, 0.0), b)
            hint = _is_line_covered(
                place, d, n, per_d2, size, aim, reach, i, k, f, a, b, hint, ends
            )
            if hint < 0:
                return False
    return True

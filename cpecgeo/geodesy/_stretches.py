"""Compiled: the stretches of a buffer's boundary beside the edges of a line.

The tour goes along the line and back: edges 0 to n - 1, then the same ones from n - 1 to 0 as edges
n to 2n - 1. The boundary is on the left of the tour. Each edge has a stretch of it, straight along
the edge and round where the tour turns right. Where the tour turns left, the stretches of two edges
meet, and those of edges between them, which are within the radius of these two, vanish.

`edges` are starts, chords, lifts and inverse squares of lengths, as in `Pieces`; `size` is lengths.
What the boundary surrounds has no hole if all that vanished is within the radius of other edges,
because the boundary of a hole would be a part of it.
"""

# Kernels have signatures of their own, which say more than annotations would.
# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

from math import atan2, cos, inf, pi, sin, sqrt

import numpy as np

from cpecgeo.geodesy._compile import kernel
from cpecgeo.geodesy._ellipsoid import LEAST_RADIUS_M, PER_A2, PER_B2, bulge, ground, up
from cpecgeo.geodesy._search import foot, point_at

__all__ = ["PER_M2", "away", "beside", "clockwise", "cross", "find_stretches", "is_covered",
           "leave", "left_of", "meeting", "prepare", "towards"]  # fmt: skip

_RADIUS_M = 6_371_000.0
PER_M2 = 3e-17  # times the cube of the radius: the greatest error of `away`
_CLOSE = 0.02  # share of the radius
_TURNS, _ROUNDING_M = 12, 1e-8  # steps of Newton's method, and where it ends
_MET_M, _MET = 1e-6, 1e-10  # error of a meeting point: so much, and a share of the radius
_PARALLEL = 1e4  # how much less accurate the meeting of nearly parallel stretches may be
_TRIES = 40  # halvings of a stretch that is within the radius
_MOST_TURN = 1.0  # radians of an arc at once


@kernel(inline=True)
def cross(ux, uy, uz, tx, ty, tz):
    """Return the unit vector along the cross product."""
    x, y, z = uy * tz - uz * ty, uz * tx - ux * tz, ux * ty - uy * tx
    h = 1.0 / sqrt(x * x + y * y + z * z + 1e-300)
    return x * h, y * h, z * h


@kernel(inline=True)
def _level(px, py, pz, ux, uy, uz):
    """Return the horizontal direction of a vector where u is up."""
    h = px * ux + py * uy + pz * uz
    px, py, pz = px - h * ux, py - h * uy, pz - h * uz
    h = 1.0 / sqrt(px * px + py * py + pz * pz + 1e-18)
    return px * h, py * h, pz * h


@kernel(inline=True)
def towards(place, v, x, y, z):
    """Return the horizontal direction from a vertex to a point, and up there."""
    ux, uy, uz = up(place[v, 0], place[v, 1], place[v, 2])
    px, py, pz = x - place[v, 0], y - place[v, 1], z - place[v, 2]
    wx, wy, wz = _level(px, py, pz, ux, uy, uz)
    return wx, wy, wz, ux, uy, uz


@kernel(inline=True)
def away(x, y, z, ux, uy, uz, wx, wy, wz, metres):
    """Return the point at `metres` in the horizontal direction w; the up at the start is u."""
    v = (metres / _RADIUS_M) * (metres / _RADIUS_M)
    across = metres * (1.0 - v * (1.0 - 0.05 * v) / 6.0)
    down = 0.5 * metres * metres / _RADIUS_M * (1.0 - v / 12.0)
    x, y, z = x + across * wx - down * ux, y + across * wy - down * uy, z + across * wz - down * uz
    # Back to the ground along the vertical.
    gx, gy, gz = x * PER_A2, y * PER_A2, z * PER_B2
    h = 0.5 * (1.0 - x * gx - y * gy - z * gz) / (gx * gx + gy * gy + gz * gz)
    return x + h * gx, y + h * gy, z + h * gz


@kernel(inline=True)
def left_of(left, k, end):
    """Return the direction to the left at an end of edge k of the tour: there, and back."""
    count = len(left) // 2
    if k < count:
        return left[2 * k + end, 0], left[2 * k + end, 1], left[2 * k + end, 2]
    i = 2 * (2 * count - 1 - k) + 1 - end
    return -left[i, 0], -left[i, 1], -left[i, 2]


@kernel(inline=True)
def clockwise(wx, wy, wz, gx, gy, gz, ux, uy, uz):
    """Return the angle from w clockwise to g, seen from above; small negative ones are 0."""
    sine = (wz * gy - wy * gz) * ux + (wx * gz - wz * gx) * uy + (wy * gx - wx * gy) * uz
    phi = atan2(sine, wx * gx + wy * gy + wz * gz)
    return max(phi if phi > -0.5 else phi + 2.0 * pi, 0.0)


@kernel()
def leave(edges, size, aim, k, x, y, z):
    """Return metres along edge k of the tour to a point of its stretch; see `find_stretches`."""
    count = len(size)
    j = min(k, 2 * count - 1 - k)
    t, _s = foot(edges, j, x, y, z, 1e300)
    t = t if k < count else 1.0 - t
    return -aim if t <= 0.0 else (size[j] + aim if t >= 1.0 else t * size[j])


@kernel()
def beside(edges, size, aim, k, metres):
    """Return the point `aim` to the left of edge k of the tour, `metres` along it."""
    _place, d, n, _per_d2 = edges
    count = len(size)
    j = min(k, 2 * count - 1 - k)
    t = metres / size[j]
    t = t if k < count else 1.0 - t
    u = 1.0 - 2.0 * t
    fx, fy, fz = point_at(edges, j, t)
    ux, uy, uz = up(fx, fy, fz)
    lx, ly, lz = cross(
        ux, uy, uz, d[j, 0] + u * n[j, 0], d[j, 1] + u * n[j, 1], d[j, 2] + u * n[j, 2]
    )
    h = 1.0 if k < count else -1.0
    return away(fx, fy, fz, ux, uy, uz, h * lx, h * ly, h * lz, aim)


@kernel()
def meeting(segments, i, j, aim, x, y, z):
    """Return the point at `aim` from two pieces, by Newton's method, and whether it was found.

    The search starts from (x, y, z).
    """
    off, near = inf, _MET_M + _MET * aim
    for _ in range(_TURNS):
        t, s = foot(segments, i, x, y, z, 1e300)
        u, r = foot(segments, j, x, y, z, 1e300)
        e, f = aim - s, aim - r
        off = abs(e) + abs(f)
        if off < _ROUNDING_M:
            return x, y, z, True
        fx, fy, fz = point_at(segments, i, t)
        hx, hy, hz = point_at(segments, j, u)
        gx, gy, gz = up(x, y, z)
        px, py, pz = _level(x - fx, y - fy, z - fz, gx, gy, gz)
        qx, qy, qz = _level(x - hx, y - hy, z - hz, gx, gy, gz)
        dot = px * qx + py * qy + pz * qz
        det = 1.0 - dot * dot
        if not (det > 1e-7):
            return x, y, z, off < _PARALLEL * near
        u, v = (e - dot * f) / det, (f - dot * e) / det
        mx, my, mz = u * px + v * qx, u * py + v * qy, u * pz + v * qz
        h = sqrt(mx * mx + my * my + mz * mz)
        h = min(1.0, 0.5 * aim / (h + 1e-9))  # not far at once
        x, y, z = ground(x + h * mx, y + h * my, z + h * mz)
    return x, y, z, off < near


@kernel()
def prepare(place, count, radius, room, d, n, per_d2, size, left, gap):
    """Enter chord, arc, length and the directions to the left of each piece.

    `gap` is the greatest distance of two vertices of the boundary along it, for it to bend by at
    most `room` metres from a straight line in lon, lat.
    """
    for i in range(count - 1):
        x, y, z = place[i, 0], place[i, 1], place[i, 2]
        dx, dy, dz = place[i + 1, 0] - x, place[i + 1, 1] - y, place[i + 1, 2] - z
        d2 = dx * dx + dy * dy + dz * dz
        d[i, 0], d[i, 1], d[i, 2], per_d2[i], size[i] = dx, dy, dz, 1.0 / d2, sqrt(d2)
        n[i, 0], n[i, 1], n[i, 2] = bulge(x, y, z, dx, dy, dz)
        for end in range(2):
            s = 1.0 - 2.0 * end
            ux, uy, uz = up(place[i + end, 0], place[i + end, 1], place[i + end, 2])
            tx, ty, tz = dx + s * n[i, 0], dy + s * n[i, 1], dz + s * n[i, 2]
            j = 2 * i + end
            left[j, 0], left[j, 1], left[j, 2] = cross(ux, uy, uz, tx, ty, tz)
        # A straight line in lon, lat has this curvature on a sphere, by its latitude and azimuth.
        steep = max(abs(z), abs(z + dz)) / sqrt(x * x + y * y)
        far = 2e-3 + radius / LEAST_RADIUS_M
        steep = (1.01 * steep + far) / (1.0 - min(far * steep, 0.9))
        east = abs(left[2 * i, 2]) / sqrt(max(1.0 - uz * uz, 1e-9))  # sine of the azimuth
        most = min(1.0, east + 0.02)
        curve = steep * min(most * (2.0 - most * most), 1.09) if most < 0.81 else 1.09 * steep
        gap[i] = sqrt(8.0 * room * LEAST_RADIUS_M / (curve + 0.02))


@kernel()
def find_stretches(edges, size, left, aim, tour):
    """Find the edges that have a stretch of the boundary, and where each begins.

    They are entered into `tour`: edges of the tour; the first point of each one's stretch; the
    metres from the edge's start to that point, negative around the start, and beyond the edge's
    length around its end; and 0 where the tour turns right there, 1 where two edges with a common
    vertex meet, 2 where others do. Return how many there are, 0 where that can't be decided.
    """
    place, _d, _n, _per_d2 = edges
    stack, start, into, meets = tour
    count = len(size)
    whole, top = 2 * count, 0
    least = aim - 2.0 * (_MET_M + _MET * aim) - PER_M2 * aim * aim * aim
    # Behind the first vertex; where the tour arrives there is known at last.
    ux, uy, uz = up(place[0, 0], place[0, 1], place[0, 2])
    lx, ly, lz = cross(left[0, 0], left[0, 1], left[0, 2], ux, uy, uz)
    stack[0], into[0], meets[0] = 0, -aim, 0
    start[0, 0], start[0, 1], start[0, 2] = away(
        place[0, 0], place[0, 1], place[0, 2], ux, uy, uz, -lx, -ly, -lz, aim
    )
    for step in range(1, whole + 1):
        k = step if step < whole else 0
        j = min(k, whole - 1 - k)
        v = step if step <= count else whole - step
        vx, vy, vz = place[v, 0], place[v, 1], place[v, 2]
        ex, ey, ez = left_of(left, step - 1, 1)
        sx, sy, sz = left_of(left, k, 0)
        ux, uy, uz = up(vx, vy, vz)
        sine = (ey * sz - ez * sy) * ux + (ez * sx - ex * sz) * uy + (ex * sy - ey * sx) * uz
        cosine = ex * sx + ey * sy + ez * sz
        # An edge whose stretch would begin within the radius of the new edge has none.
        x, y, z = start[top, 0], start[top, 1], start[top, 2]
        while top >= 0:
            gx, gy, gz = start[top, 0], start[top, 1], start[top, 2]
            _t, s = foot(edges, j, gx, gy, gz, 1e300)
            if s >= least:
                break
            x, y, z = gx, gy, gz
            top -= 1
        if top < 0:
            return 0
        b = stack[top]
        i = min(b, whole - 1 - b)
        enter, meet, ready = -aim, 0, False
        if b == step - 1:
            if sine <= 1e-12 or v in (0, count):
                ready = True
                if into[top] > size[i]:  # around the same vertex
                    x, y, z, meet = start[top, 0], start[top, 1], start[top, 2], meets[top]
                    top -= 1
                else:
                    x, y, z = away(vx, vy, vz, ux, uy, uz, ex, ey, ez, aim)
            else:
                half = sqrt(max(0.5 + 0.5 * cosine, 1e-4))  # cosine of half the angle
                enter, far = aim * sine / max(1.0 + cosine, 1e-4), aim / half
                far += (far * far * far - aim * aim * aim / half) / (6.0 * _RADIUS_M * _RADIUS_M)
                g = 1.0 / sqrt((ex + sx) ** 2 + (ey + sy) ** 2 + (ez + sz) ** 2 + 1e-12)
                gx, gy, gz = (ex + sx) * g, (ey + sy) * g, (ez + sz) * g
                x, y, z = away(vx, vy, vz, ux, uy, uz, gx, gy, gz, min(far, 3.0 * aim))
                room = min(size[j], size[i] - max(into[top], 0.0))
                # A meeting point at the very end of a stretch is found exactly.
                ready, meet = enter < room - _CLOSE * aim and far < 3.0 * aim, 1
        if not ready:
            x, y, z, found = meeting(edges, i, j, aim, x, y, z)
            if not found:
                return 0
            enter, meet = leave(edges, size, aim, k, x, y, z), 2
        if k > 0:
            top += 1
        at = top if k > 0 else 0
        stack[at], into[at], meets[at] = k, enter, meet
        start[at, 0], start[at, 1], start[at, 2] = x, y, z
    return top + 1


@kernel()
def _within(edges, first, last, but, also, hint, reach, ends):
    """Return an edge of the tour, from first to last, that is within `reach` of three points.

    Not one on the pieces of edges `but` and `also`; -1 if there is none. `hint` is tried first.
    """
    whole = 2 * len(edges[1])
    one, two = min(but, whole - 1 - but), min(also, whole - 1 - also)
    for k in range(first - 1, last + 1):
        e = (hint if k < first else k) % whole
        j = min(e, whole - 1 - e)
        taken = j in (one, two)
        near = not taken
        for p in range(3):
            if near:
                _t, s = foot(edges, j, ends[p, 0], ends[p, 1], ends[p, 2], 1e300)
                near = s <= reach
        if near:
            return e
    return -1


@kernel()
def _find_cover(edges, size, aim, reach, first, last, f, v, wx, wy, wz, begin, end, hint, ends):
    """Return an edge near the last part of a stretch, -1 if a part is near none.

    The stretch is along edge f of the tour, from `begin` to `end` metres; or, where v isn't -1, an
    arc around that vertex, clockwise from direction w, by angles. The points near an edge are a
    convex set, so those between points of it are near it too.
    """
    place, _d, _n, _per_d2 = edges
    is_arc = v >= 0
    but, most = (f - 1) % (2 * len(size)) if is_arc else f, _MOST_TURN if is_arc else inf
    c = max(v, 0)
    ux, uy, uz = up(place[c, 0], place[c, 1], place[c, 2])
    lx, ly, lz = uy * wz - uz * wy, uz * wx - ux * wz, ux * wy - uy * wx
    a, b, tries = begin, min(end, begin + most), 0
    while a < end:
        # Both ends, and of an arc the point where its tangents meet.
        for p in range(3):
            s = a + 0.5 * p * (b - a)
            if is_arc:
                x, y, z = (
                    cos(s) * wx - sin(s) * lx,
                    cos(s) * wy - sin(s) * ly,
                    cos(s) * wz - sin(s) * lz,
                )
                far = aim / cos(0.5 * (b - a)) if p == 1 else aim
                x, y, z = away(place[c, 0], place[c, 1], place[c, 2], ux, uy, uz, x, y, z, far)
            else:
                x, y, z = beside(edges, size, aim, f, b if p == 1 else s)
            ends[p, 0], ends[p, 1], ends[p, 2] = x, y, z
        found = _within(edges, first, last, but, f, hint, reach, ends)
        if found >= 0:
            hint, a, b = found, b, min(end, b + most)
            continue
        b, tries = 0.5 * (a + b), tries + 1
        if tries > _TRIES:
            return -1
    return hint


@kernel()
def is_covered(edges, size, left, aim, reach, tour, used):
    """Return whether all offset lines that aren't boundary are within `reach` of other edges.

    The parameters are those of `find_stretches`. Where two edges with a common vertex meet nothing
    need be compared: each contains what the other loses.
    """
    place, _d, _n, _per_d2 = edges
    stack, start, into, meets = tour
    count, whole = len(size), 2 * len(size)
    ends = np.empty((3, 3))
    for e in range(used):
        after = e + 1 if e + 1 < used else 0
        i, k = stack[e], stack[after] if after > 0 else whole
        if k == i + 1 and meets[after] < 2:
            continue
        x, y, z, enter = start[after, 0], start[after, 1], start[after, 2], into[after]
        gone, long = leave(edges, size, aim, i, x, y, z), size[min(i, whole - 1 - i)]
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
                end = clockwise(wx, wy, wz, gx, gy, gz, ux, uy, uz)
                hint = _find_cover(
                    edges, size, aim, reach, i, k, f, v, wx, wy, wz, 0.0, end, hint, ends
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
            hint = _find_cover(
                edges, size, aim, reach, i, k, f, -1, 0.0, 0.0, 0.0, a, b, hint, ends
            )
            if hint < 0:
                return False
    return True

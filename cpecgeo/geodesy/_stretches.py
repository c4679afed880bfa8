"""Compiled: the stretches of a buffer's boundary beside the edges of a line.

The tour goes along the line and back: edges 0 to n - 1, then the same ones from n - 1 to 0 as edges
n to 2n - 1. The boundary is on the left of the tour. Each edge has a stretch of it, straight along
the edge and round where the tour turns right. Where the tour turns left, the stretches of two edges
meet, and those of edges between them, which are within the radius of these two, vanish.
"""

# Kernels have signatures of their own, which say more than annotations would.
# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

from math import atan2, ceil, cos, inf, pi, sin, sqrt

from cpecgeo.geodesy import _search
from cpecgeo.geodesy._compile import kernel
from cpecgeo.geodesy._ellipsoid import PER_A2, PER_B2
from cpecgeo.geodesy._search import point_at

__all__ = [
    "BEND",
    "OUT",
    "PER_M2",
    "away",
    "beside",
    "clockwise",
    "cross",
    "draw_stretches",
    "find_stretches",
    "leave",
    "left_of",
    "nearest_on",
    "towards",
    "up",
]

_RADIUS_M = 6_371_000.0
PER_M2 = 3e-17  # times the cube of the radius: the greatest error of `away`
_CLOSE = 0.02  # share of the radius
_TURNS, _ROUNDING_M = 12, 1e-8  # steps of Newton's method, and where it ends
_PARALLEL = 1e4  # how much less accurate the meeting of nearly parallel stretches may be
# Shares of the tolerance: how far outside the radius vertices lie; sag of arcs between them, and
# bend of edges in lon, lat; how much farther out one vertex in place of a short arc is; vertices
# that are nearer to each other become one.
OUT, _SAG, BEND, _TIP, _SAME = 0.25, 1.15, 0.65, 0.15, 0.05


@kernel(inline=True)
def up(x, y, z):
    """Return the direction up at a point of the ellipsoid."""
    ux, uy, uz = x * PER_A2, y * PER_A2, z * PER_B2
    h = 1.0 / sqrt(ux * ux + uy * uy + uz * uz)
    return ux * h, uy * h, uz * h


@kernel(inline=True)
def cross(ux, uy, uz, tx, ty, tz):
    """Return the unit vector along the cross product."""
    x, y, z = uy * tz - uz * ty, uz * tx - ux * tz, ux * ty - uy * tx
    h = 1.0 / sqrt(x * x + y * y + z * z + 1e-300)
    return x * h, y * h, z * h


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
def towards(place, v, x, y, z):
    """Return the horizontal direction from a vertex to a point, and up there."""
    ux, uy, uz = up(place[v, 0], place[v, 1], place[v, 2])
    px, py, pz = x - place[v, 0], y - place[v, 1], z - place[v, 2]
    h = px * ux + py * uy + pz * uz
    px, py, pz = px - h * ux, py - h * uy, pz - h * uz
    h = 1.0 / sqrt(px * px + py * py + pz * pz + 1e-300)
    return px * h, py * h, pz * h, ux, uy, uz


@kernel(inline=True)
def left_of(left, k, end):
    """Return the direction to the left at an end of edge k of the tour: there, and back."""
    count = len(left) // 2
    if k < count:
        return left[2 * k + end, 0], left[2 * k + end, 1], left[2 * k + end, 2]
    i = 2 * (2 * count - 1 - k) + 1 - end
    return -left[i, 0], -left[i, 1], -left[i, 2]


@kernel()
def nearest_on(a, d, n, per_d2, i, x, y, z):
    """Return the share along piece i of the closest point, and geodesic metres."""
    return _search.foot(a, d, n, per_d2, i, x, y, z, 1e300)


@kernel(inline=True)
def clockwise(wx, wy, wz, gx, gy, gz, ux, uy, uz):
    """Return the angle from w clockwise to g, seen from above; small negative ones are 0."""
    sine = (wz * gy - wy * gz) * ux + (wx * gz - wz * gx) * uy + (wy * gx - wx * gy) * uz
    phi = atan2(sine, wx * gx + wy * gy + wz * gz)
    return max(phi if phi > -0.5 else phi + 2.0 * pi, 0.0)


@kernel()
def leave(place, d, n, per_d2, size, aim, k, x, y, z):
    """Return metres along edge k of the tour to a point of its stretch; see `find_stretches`."""
    count = len(size)
    j = min(k, 2 * count - 1 - k)
    t, _s = nearest_on(place, d, n, per_d2, j, x, y, z)
    t = t if k < count else 1.0 - t
    return -aim if t <= 0.0 else (size[j] + aim if t >= 1.0 else t * size[j])


@kernel()
def beside(place, d, n, size, aim, k, metres):
    """Return the point `aim` to the left of edge k of the tour, `metres` along it."""
    count = len(size)
    j = min(k, 2 * count - 1 - k)
    t = metres / size[j]
    t = t if k < count else 1.0 - t
    u = 1.0 - 2.0 * t
    fx, fy, fz = point_at(place, d, n, j, t)
    ux, uy, uz = up(fx, fy, fz)
    lx, ly, lz = cross(
        ux, uy, uz, d[j, 0] + u * n[j, 0], d[j, 1] + u * n[j, 1], d[j, 2] + u * n[j, 2]
    )
    h = 1.0 if k < count else -1.0
    return away(fx, fy, fz, ux, uy, uz, h * lx, h * ly, h * lz, aim)


@kernel()
def _meet(place, d, n, per_d2, i, j, aim, x, y, z, near):
    """Return the point at `aim` from two pieces, by Newton's method, and whether it was found."""
    off = inf
    for _ in range(_TURNS):
        t, s = nearest_on(place, d, n, per_d2, i, x, y, z)
        u, r = nearest_on(place, d, n, per_d2, j, x, y, z)
        e, f = aim - s, aim - r
        off = abs(e) + abs(f)
        if off < _ROUNDING_M:
            return x, y, z, True
        fx, fy, fz = point_at(place, d, n, i, t)
        hx, hy, hz = point_at(place, d, n, j, u)
        gx, gy, gz = up(x, y, z)
        px, py, pz, qx, qy, qz = x - fx, y - fy, z - fz, x - hx, y - hy, z - hz
        h, g = px * gx + py * gy + pz * gz, qx * gx + qy * gy + qz * gz
        px, py, pz, qx, qy, qz = (
            px - h * gx, py - h * gy, pz - h * gz, qx - g * gx, qy - g * gy, qz - g * gz,
        )  # fmt: skip
        h = 1.0 / sqrt(px * px + py * py + pz * pz + 1e-18)
        g = 1.0 / sqrt(qx * qx + qy * qy + qz * qz + 1e-18)
        px, py, pz, qx, qy, qz = px * h, py * h, pz * h, qx * g, qy * g, qz * g
        dot = px * qx + py * qy + pz * qz
        det = 1.0 - dot * dot
        if not (det > 1e-7):
            return x, y, z, off < _PARALLEL * near
        u, v = (e - dot * f) / det, (f - dot * e) / det
        mx, my, mz = u * px + v * qx, u * py + v * qy, u * pz + v * qz
        h = sqrt(mx * mx + my * my + mz * mz)
        h = min(1.0, 0.5 * aim / (h + 1e-9))  # not far at once
        x, y, z = x + h * mx, y + h * my, z + h * mz
        h = 1.0 / sqrt(PER_A2 * (x * x + y * y) + PER_B2 * z * z)
        x, y, z = x * h, y * h, z * h
    return x, y, z, off < near


@kernel()
def find_stretches(place, d, n, per_d2, size, left, aim, near, stack, start, into, meets):
    """Find the edges that have a stretch of the boundary, and where each begins.

    `stack` has the edges of the tour, `start` the first point of each one's stretch, and `into` the
    metres from the edge's start to that point: negative around the start, and beyond the edge's
    length around its end. `meets` is 0 where the tour turns right there, 1 where two edges with a
    common vertex meet, 2 where others do. Return how many there are, 0 where that can't be decided.
    """
    count = len(size)
    whole, top, least = 2 * count, 0, aim - 2.0 * near - PER_M2 * aim * aim * aim
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
            _t, s = nearest_on(place, d, n, per_d2, j, gx, gy, gz)
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
            x, y, z, found = _meet(place, d, n, per_d2, i, j, aim, x, y, z, near)
            if not found:
                return 0
            enter, meet = leave(place, d, n, per_d2, size, aim, k, x, y, z), 2
        if k > 0:
            top += 1
        at = top if k > 0 else 0
        stack[at], into[at], meets[at] = k, enter, meet
        start[at, 0], start[at, 1], start[at, 2] = x, y, z
    return top + 1


@kernel()
def _put(out, made, x, y, z, close):
    """Add a vertex if there is room, unless it is `close` to the one before; return the count."""
    if 0 < made <= len(out):
        dx, dy, dz = x - out[made - 1, 0], y - out[made - 1, 1], z - out[made - 1, 2]
        if dx * dx + dy * dy + dz * dz < close * close:
            return made
    if made < len(out):
        out[made, 0], out[made, 1], out[made, 2] = x, y, z
    return made + 1


@kernel()
def _bow(place, v, wx, wy, wz, phi, parts, first, last, metres, made, out, close):
    """Place vertices first to last of an arc around a vertex, clockwise; return the new count."""
    ux, uy, uz = up(place[v, 0], place[v, 1], place[v, 2])
    fx, fy, fz = uy * wz - uz * wy, uz * wx - ux * wz, ux * wy - uy * wx
    for p in range(first, last):
        angle = phi * p / parts
        c, s = cos(angle), sin(angle)
        gx, gy, gz = c * wx - s * fx, c * wy - s * fy, c * wz - s * fz
        x, y, z = away(place[v, 0], place[v, 1], place[v, 2], ux, uy, uz, gx, gy, gz, metres)
        made = _put(out, made, x, y, z, close)
    return made


@kernel()
def draw_stretches(
    place, d, n, per_d2, size, left, gap, aim, room, stack, start, into, meets, used, out
):  # fmt: skip
    """Place the vertices of all stretches; return how many there are, more than fit perhaps."""
    count, made = len(size), 0
    close = _SAME * room
    turn, tip = sqrt(8.0 * _SAG * room / aim), sqrt(16.0 * _TIP * room / aim)
    for e in range(used):
        k, x, y, z = stack[e], start[e, 0], start[e, 1], start[e, 2]
        j = min(k, 2 * count - 1 - k)
        v, w = (k, k + 1) if k < count else (2 * count - k, 2 * count - 1 - k)
        gone, nx, ny, nz = size[j], 0.0, 0.0, 0.0
        after = e + 1 if e + 1 < used else 0
        if meets[after] > 0:
            nx, ny, nz = start[after, 0], start[after, 1], start[after, 2]
            gone = leave(place, d, n, per_d2, size, aim, k, nx, ny, nz)
        at = max(into[e], 0.0)
        single = False
        if into[e] < 0.0:
            wx, wy, wz, ux, uy, uz = towards(place, v, x, y, z)
            gx, gy, gz = left_of(left, k, 0)
            if gone < 0.0:
                gx, gy, gz, _x, _y, _z = towards(place, v, nx, ny, nz)
            phi = clockwise(wx, wy, wz, gx, gy, gz, ux, uy, uz)
            single = phi <= tip and meets[e] == 0 and gone >= 0.0
            if single:
                far = aim * (1.0 + phi * phi / 16.0)
                made = _bow(place, v, wx, wy, wz, phi, 2, 1, 2, far, made, out, close)
            else:
                parts = max(ceil(phi / turn), 1)
                end = parts + 1 if gone >= 0.0 and phi > tip else parts
                made = _bow(place, v, wx, wy, wz, phi, parts, 0, end, aim, made, out, close)
        else:
            made = _put(out, made, x, y, z, close)
        stop = min(gone, size[j])
        if at < stop:
            parts = ceil((stop - at) / gap[j])
            for p in range(1, parts):
                x, y, z = beside(place, d, n, size, aim, k, at + (stop - at) * p / parts)
                made = _put(out, made, x, y, z, close)
        if gone > size[j]:
            gx, gy, gz, ux, uy, uz = towards(place, w, nx, ny, nz)
            first = 0
            wx, wy, wz = left_of(left, k, 1)
            if into[e] > size[j]:
                first = 1
                wx, wy, wz, ux, uy, uz = towards(place, w, x, y, z)
            phi = clockwise(wx, wy, wz, gx, gy, gz, ux, uy, uz)
            parts = max(ceil(phi / turn), 1) if phi > tip else first
            made = _bow(place, w, wx, wy, wz, phi, parts, first, parts, aim, made, out, close)
    return made

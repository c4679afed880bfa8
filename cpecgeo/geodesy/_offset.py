"""Compiled: the buffer of a line that keeps clear of itself, straight from its edges.

The boundary goes along the left of the line, around its end, and back along the other side. An edge
of the line is split into pieces short enough for their chords to lie hardly below the ground; the
functions below call the pieces edges.

Each vertex is placed from its own edge, without a search (`_stretches`). Afterwards every edge of
the boundary is compared with all edges of the line. If none is too near, the boundary is at the
radius throughout, and surrounds all that is nearer, because the line is inside and never crosses
it. If one is too near, the line comes near itself, and there is no answer.
"""

# Kernels have signatures of their own, which say more than annotations would.
# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

from math import ceil, cos, degrees, inf, pi, radians, sin, sqrt
from typing import Any

import numpy as np
import shapely

from cpecgeo.geodesy._arcs import arctangent, earth_centred
from cpecgeo.geodesy._compile import choose, kernel
from cpecgeo.geodesy._ellipsoid import E2, LEAST_DEGREE_M, LEAST_RADIUS_M, Floats, bulge, ground, up
from cpecgeo.geodesy._stretches import (
    PER_M2,
    away,
    beside,
    clockwise,
    cross,
    find_stretches,
    is_covered,
    leave,
    left_of,
    prepare,
    towards,
)

__all__ = ["offset", "trace"]

_MOST_M, _LEAST_M = 50_000.0, 1e-3  # the widest buffer; the least tolerance, and edge
_NORTH_DEG, _WIDE_DEG = 75.0, 40.0  # greatest latitude, and extent in longitude
_SHARE = 0.96  # of the tolerance; the rest is for rounding
# Shares of that: for leaving out vertices of the line, where few remain, and where not; for edges
# that run below the ground.
_THIN, _WORTH, _SLIGHT, _BELOW = 0.35, 0.8, 0.01, 0.02
_LONGEST_M, _PIECE_M = 300_000.0, 20_000.0  # edges of the line, before and after they are split
# A geodesic of 100 km is so far from the curve of its piece, and the cube of the length counts.
_STRAY_M, _STRAY = 6.7e-4, 0.03
_PLACED = 20.0  # times the error of a placed vertex: the least tolerance
_STEPS = 10  # of work for each vertex
_FAILED, _FULL = 0, -1
# Shares of that tolerance: how far outside the radius vertices lie; sag of arcs between them, and
# bend of edges in lon, lat; how much farther out one vertex in place of a short arc is; vertices
# that are nearer to each other become one.
_OUT, _SAG, _BEND, _TIP, _SAME = 0.25, 1.15, 0.65, 0.15, 0.05
_BLOCK, _GROUP = 8, 16  # pieces that are compared together, and such blocks


@kernel()
def _thin(place, count, tolerance, kept):
    """List the vertices of a line that is within `tolerance` metres of a given one.

    From each vertex the directions are kept in which a straight edge passes all vertices after it
    closely enough. Return how many vertices are listed.
    """
    kept[0], used, head, i = 0, 1, 0, 1
    while i < count:
        ux, uy, uz = up(place[head, 0], place[head, 1], place[head, 2])
        ex, ey, _ez = cross(0.0, 0.0, 1.0, ux, uy, uz)  # east, and north
        nx, ny, nz = -uz * ey, uz * ex, ux * ey - uy * ex
        last, far2, narrow = head, 0.0, False
        rx, ry, lx, ly = 0.0, 0.0, 0.0, 0.0  # directions of the right and left limits
        while i < count:
            vx, vy = place[i, 0] - place[head, 0], place[i, 1] - place[head, 1]
            vz = place[i, 2] - place[head, 2]
            p, q = vx * ex + vy * ey, vx * nx + vy * ny + vz * nz
            size2 = p * p + q * q
            if last > head and (size2 < far2 or size2 > _PIECE_M * _PIECE_M):
                break
            if narrow and (rx * q - ry * p < 0.0 or p * ly - q * lx < 0.0):
                break
            last, far2 = i, size2
            if size2 > tolerance * tolerance:
                s = tolerance / sqrt(size2)
                c = sqrt(1.0 - s * s)
                gx, gy, hx, hy = p * c + q * s, q * c - p * s, p * c - q * s, q * c + p * s
                if not narrow or rx * gy - ry * gx > 0.0:
                    rx, ry = gx, gy
                if not narrow or hx * ly - hy * lx > 0.0:
                    lx, ly = hx, hy
                narrow = True
            i += 1
        kept[used] = last
        used, head, i = used + 1, last, last + 1
    return used


@kernel()
def _split(raw, kept, used, step, place):
    """Split edges into pieces of at most `step` metres; return how many vertices there are."""
    count = 1
    place[0, 0], place[0, 1], place[0, 2] = raw[0, 0], raw[0, 1], raw[0, 2]
    for e in range(1, used):
        i, j = kept[e - 1], kept[e]
        ax, ay, az = raw[i, 0], raw[i, 1], raw[i, 2]
        dx, dy, dz = raw[j, 0] - ax, raw[j, 1] - ay, raw[j, 2] - az
        parts = ceil(sqrt(dx * dx + dy * dy + dz * dz) / step)
        ux, uy, uz = bulge(ax, ay, az, dx, dy, dz)
        for p in range(1, parts + 1):
            if p == parts:
                x, y, z = raw[j, 0], raw[j, 1], raw[j, 2]
            else:
                t = p / parts
                w = t * (1.0 - t)
                x, y, z = ground(ax + t * dx + w * ux, ay + t * dy + w * uy, az + t * dz + w * uz)
            place[count, 0], place[count, 1], place[count, 2] = x, y, z
            count += 1
    return count


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
def _draw(edges, size, left, gap, aim, room, tour, used, out):
    """Place the vertices of all stretches; return how many there are, more than fit perhaps."""
    place, _d, _n, _per_d2 = edges
    stack, start, into, meets = tour
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
            gone = leave(edges, size, aim, k, nx, ny, nz)
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
                x, y, z = beside(edges, size, aim, k, at + (stop - at) * p / parts)
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
def _is_free(out, made, place, d, least):
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


@kernel("rows, float, float, rows")
def trace(lonlat, radius, within, lines):
    """Enter the boundary of a line's buffer, lon, lat, closed, clockwise; return its length.

    The length is 0 where the line isn't simple enough, -1 where `lines` is too short.
    """
    count = len(lonlat)
    raw = np.empty((count, 3))
    earth_centred(lonlat, raw)
    kept = np.empty(count, np.int64)
    used, room = _thin(raw, count, _THIN * within, kept), (1.0 - _THIN) * within
    if used > _WORTH * count:
        used, room = _thin(raw, count, _SLIGHT * within, kept), (1.0 - _SLIGHT) * within
    longest, whole = 0.0, 0.0
    step = min(_PIECE_M, sqrt(8.0 * LEAST_RADIUS_M * sqrt(_BELOW * within * radius)))
    for e in range(1, used):
        i, j = kept[e - 1], kept[e]
        dx, dy, dz = raw[j, 0] - raw[i, 0], raw[j, 1] - raw[i, 1], raw[j, 2] - raw[i, 2]
        metres = sqrt(dx * dx + dy * dy + dz * dz)
        longest, whole = max(longest, metres), whole + ceil(metres / step)
        if metres < _LEAST_M:
            return _FAILED
    c = longest / 100_000.0
    if longest > _LONGEST_M or _STRAY_M * c * c * c > _STRAY * within:
        return _FAILED
    place = np.empty((int(whole) + 1, 3))
    count = _split(raw, kept, used, step, place)
    d, n = np.empty((count - 1, 3)), np.empty((count - 1, 3))
    per_d2, size = np.empty(count - 1), np.empty(count - 1)
    left, gap = np.empty((2 * count - 2, 3)), np.empty(count - 1)
    prepare(place, count, radius, _BEND * room, d, n, per_d2, size, left, gap)
    aim = radius + _OUT * room
    stack, start = np.empty(2 * count - 2, np.int64), np.empty((2 * count - 2, 3))
    into, meets = np.empty(2 * count - 2), np.zeros(2 * count - 2, np.int64)
    edges, tour = (place, d, n, per_d2), (stack, start, into, meets)
    used = find_stretches(edges, size, left, aim, tour)
    if used < 2:
        return _FAILED
    if not is_covered(edges, size, left, aim, aim + 0.5 * room, tour, used):
        return _FAILED
    out = np.empty((len(lines) - 1, 3))
    made = _draw(edges, size, left, gap, aim, room, tour, used, out)
    if made > len(out):
        return _FULL
    # Chords are that much shorter than geodesics.
    least = radius - room
    least -= least * least * least / (24.0 * LEAST_RADIUS_M * LEAST_RADIUS_M)
    if not _is_free(out, made, place, d, least):
        return _FAILED
    middle = 0.0
    for i in range(len(lonlat)):
        middle += lonlat[i, 0] / len(lonlat)
    s, c = sin(radians(middle)), cos(radians(middle))
    for v in range(made):
        x, y, z = out[v, 0], out[v, 1], out[v, 2]
        e, f = x * c + y * s, y * c - x * s
        lines[v, 0] = middle + degrees(arctangent(f / e))
        h = sqrt(x * x + y * y) * (1.0 - E2)
        is_steep = abs(z) > h
        turned = arctangent(h / z if is_steep else z / h)
        right = 0.5 * pi if z > 0.0 else -0.5 * pi
        lines[v, 1] = degrees(right - turned if is_steep else turned)
    lines[made, 0], lines[made, 1] = lines[0, 0], lines[0, 1]
    return made + 1


def offset(line: Any, metres: float, rtol: float) -> Any:
    """Return the buffer of a line with round ends, None where the line isn't simple enough.

    Parameters
    ----------
    line : LineString
        Checked.
    metres : float
    rtol : float
        Greatest relative error of the boundary, also where its edges are straight in lon, lat.

    Returns
    -------
    Polygon or None
    """
    xy = shapely.get_coordinates(line)
    within = _SHARE * rtol * metres
    west, south, east, north = shapely.bounds(line)
    reach = metres / LEAST_DEGREE_M + 0.5 * (len(xy) > 1)
    far = max(abs(south), abs(north)) + reach
    if within < max(_LEAST_M, _PLACED * PER_M2 * metres**3) or metres > _MOST_M or far > _NORTH_DEG:
        return None
    wide = reach / cos(radians(_NORTH_DEG))
    if west - wide < -180.0 or east + wide > 180.0 or east - west > _WIDE_DEG:
        return None
    # About as many vertices are on arcs, at corners, and along edges.
    along = shapely.length(line) * LEAST_DEGREE_M / np.sqrt(LEAST_RADIUS_M * within)
    count = int(2.0 / np.sqrt(rtol) + along) + 3 * len(xy)
    rows = 2_000 + 10 * len(xy)
    run, made = choose(trace, _STEPS * count), _FULL
    while made == _FULL:
        lines: Floats = np.empty((rows, 2))
        made, rows = run(np.ascontiguousarray(xy), float(metres), within, lines), 4 * rows
    if made < 4:
        return None
    shape = shapely.Polygon(lines[:made])
    inside = shapely.intersects_xy(shape, *xy[0])
    return shape if inside and shape.is_valid else None

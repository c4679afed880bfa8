"""Compiled: the buffer of a line that keeps clear of itself, straight from its edges.

The boundary goes along the left of the line, around its end, and back along the other side. An edge
of the line is split into pieces short enough for their chords to lie hardly below the ground; the
modules that this one uses call the pieces edges.

Each vertex is placed from its own edge, without a search (`_stretches`). Afterwards every edge of
the boundary is compared with all edges of the line, and what vanished with other edges
(`_clearance`). If one is too near or too far, the line comes near itself, and there is no answer.
"""

# Kernels have signatures of their own, which say more than annotations would.
# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

from math import ceil, cos, degrees, pi, radians, sin, sqrt
from typing import Any

import numpy as np
import shapely

from cpecgeo.geodesy._clearance import is_covered, is_free
from cpecgeo.geodesy._compile import choose, kernel
from cpecgeo.geodesy._ellipsoid import E2, LEAST_DEGREE_M, LEAST_RADIUS_M, PER_A2, PER_B2, Floats
from cpecgeo.geodesy._rings import arctangent, earth_centred
from cpecgeo.geodesy._stretches import BEND, OUT, PER_M2, cross, draw_stretches, find_stretches, up

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
        ux, uy = (ax + 0.5 * dx) * PER_A2, (ay + 0.5 * dy) * PER_A2
        uz = (az + 0.5 * dz) * PER_B2
        lift = 0.5 * (PER_A2 * (dx * dx + dy * dy) + PER_B2 * dz * dz)
        lift /= ux * ux + uy * uy + uz * uz
        for p in range(1, parts + 1):
            if p == parts:
                x, y, z = raw[j, 0], raw[j, 1], raw[j, 2]
            else:
                t = p / parts
                w = t * (1.0 - t) * lift
                x, y, z = ax + t * dx + w * ux, ay + t * dy + w * uy, az + t * dz + w * uz
                h = 1.0 / sqrt(PER_A2 * (x * x + y * y) + PER_B2 * z * z)
                x, y, z = x * h, y * h, z * h
            place[count, 0], place[count, 1], place[count, 2] = x, y, z
            count += 1
    return count


@kernel()
def _prepare(place, count, radius, room, d, n, per_d2, size, left, gap):
    """Enter chord, arc, length and the directions to the left of each piece.

    `gap` is the greatest distance of two vertices of the boundary along it, for it to bend by at
    most `room` metres from a straight line in lon, lat.
    """
    for i in range(count - 1):
        x, y, z = place[i, 0], place[i, 1], place[i, 2]
        dx, dy, dz = place[i + 1, 0] - x, place[i + 1, 1] - y, place[i + 1, 2] - z
        d2 = dx * dx + dy * dy + dz * dz
        mx, my, mz = (x + 0.5 * dx) * PER_A2, (y + 0.5 * dy) * PER_A2, (z + 0.5 * dz) * PER_B2
        m2 = mx * mx + my * my + mz * mz
        lift = 0.5 * (PER_A2 * (dx * dx + dy * dy) + PER_B2 * dz * dz) / m2
        d[i, 0], d[i, 1], d[i, 2], per_d2[i], size[i] = dx, dy, dz, 1.0 / d2, sqrt(d2)
        n[i, 0], n[i, 1], n[i, 2] = mx * lift, my * lift, mz * lift
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
    _prepare(place, count, radius, BEND * room, d, n, per_d2, size, left, gap)
    aim, near = radius + OUT * room, 1e-6 + 1e-10 * radius
    stack, start = np.empty(2 * count - 2, np.int64), np.empty((2 * count - 2, 3))
    into, meets = np.empty(2 * count - 2), np.zeros(2 * count - 2, np.int64)
    used = find_stretches(place, d, n, per_d2, size, left, aim, near, stack, start, into, meets)
    if used < 2:
        return _FAILED
    if not is_covered(
        place, d, n, per_d2, size, left, aim, aim + 0.5 * room, stack, start, into, meets, used
    ):
        return _FAILED
    out = np.empty((len(lines) - 1, 3))
    made = draw_stretches(
        place, d, n, per_d2, size, left, gap, aim, room, stack, start, into, meets, used, out
    )
    if made > len(out):
        return _FULL
    # Chords are that much shorter than geodesics.
    least = radius - room
    least -= least * least * least / (24.0 * LEAST_RADIUS_M * LEAST_RADIUS_M)
    if not is_free(out, made, place, d, least):
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

"""Compiled: the outlines of many geometries' capsules as rings in lon, lat.

Stretches of arcs and tangents (`_capsules`) are joined end to end to rings. An arc gets as many
vertices as the tolerance asks for: they lie outside the radius, the middles between them inside.
"""

# Kernels have signatures of their own, which say more than annotations would.
# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

from math import ceil, cos, sin, sqrt

import numpy as np

from cpecgeo.geodesy._capsules import COLUMNS, RADII, TANGENT, A, describe, disc, normal, tangent
from cpecgeo.geodesy._compile import kernel
from cpecgeo.geodesy._ellipsoid import E2, PER_A2, PER_B2
from cpecgeo.geodesy._rings import arctangent
from cpecgeo.geodesy._tubes import DEEPEST, FAN, SOME, grow

__all__ = ["contours", "unproject"]

_STRETCHES = 16  # most per capsule
_NEAR = 1e-5  # share of the radius: how far ends that meet may be apart
_SAME = 0.02  # of the tolerance: nearer vertices become one
_OUT = 0.9  # of the tolerance: how far outside the radius vertices of arcs lie
# Of the tolerance: sag of an arc between such vertices, between one and an end, and between ends.
_SAG, _END_SAG, _WHOLE_SAG = 1.85, 1.4, 0.95
_BLOCK = 512  # vertices
_DEGREE = 57.29577951308232


@kernel()
def _spot(told, place, s, end, discs, xy, radius, caps):
    """Return the start (0) or end (1) of a stretch."""
    p, at = told[s, 0], place[s, end]
    if p < discs:
        c, n = cos(at), sin(at)
        dx, dy = place[s, 2], place[s, 3]
        return xy[p, 0] + radius[p] * (c * dx - n * dy), xy[p, 1] + radius[p] * (c * dy + n * dx)
    k, side = (p - discs) // 2, (p - discs) % 2
    nx, ny = normal(caps, k, side)
    r = caps[k, RADII + side]
    x, y = caps[k, A + 2 * side], caps[k, A + 1 + 2 * side]
    return x + r * nx - at * ny, y + r * ny + at * nx


@kernel()
def _arc(told, place, s, xy, radius, within, bend, out, base):
    """Enter the vertices of an arc between its ends; return their number, -1 without room."""
    p = told[s, 0]
    r, width = radius[p], place[s, 1] - place[s, 0]
    unit = sqrt(8.0 * within / (1.0 + r * bend))
    if width <= unit * sqrt(_WHOLE_SAG):
        return 0
    step, brink = unit * sqrt(_SAG), unit * sqrt(_END_SAG)
    parts = max(ceil((width - 2.0 * brink) / step), 0) + 2
    if base + parts > len(out):
        return -1
    shrink = width / (2.0 * brink + (parts - 2) * step)
    wide = r * (1.0 + _OUT * within)
    angle = place[s, 0] + brink * shrink
    c, n = cos(angle), sin(angle)
    dx, dy = place[s, 2], place[s, 3]
    ex, ey = wide * (c * dx - n * dy), wide * (c * dy + n * dx)
    c, n = cos(step * shrink), sin(step * shrink)
    x, y = xy[p, 0], xy[p, 1]
    for j in range(parts - 1):
        out[base + j, 0], out[base + j, 1] = x + ex, y + ey
        ex, ey = c * ex - n * ey, c * ey + n * ex
    return parts - 1


@kernel()
def _trace(
    length, ring, told, place, discs, xy, radius, caps, within, bend, straight, out, base
):  # fmt: skip
    """Enter the vertices of a ring of `length` stretches; return their number, -1 without room.

    The first vertex isn't repeated.
    """
    at = base
    for i in range(length):
        one = ring[i]
        p = told[one, 0]
        x, y = _spot(told, place, one, 0, discs, xy, radius, caps)
        if at + 2 > len(out):
            return -1
        same = _SAME * within * (radius[p] if p < discs else caps[(p - discs) // 2, RADII])
        if at == base or (x - out[at - 1, 0]) ** 2 + (y - out[at - 1, 1]) ** 2 > same * same:
            out[at, 0], out[at, 1] = x, y
            at += 1
        if p < discs:
            more = _arc(told, place, one, xy, radius, within, bend, out, at)
            if more < 0:
                return -1
            at += more
            continue
        parts = ceil((place[one, 1] - place[one, 0]) / straight)
        if at + parts > len(out):
            return -1
        x1, y1 = _spot(told, place, one, 1, discs, xy, radius, caps)
        for j in range(1, parts):
            f = j / parts
            out[at, 0], out[at, 1] = x + f * (x1 - x), y + f * (y1 - y)
            at += 1
    return at - base


@kernel()
def _double_area(out, base, count):
    """Return twice the area left of a ring, and its length."""
    x0, y0, total, length = out[base, 0], out[base, 1], 0.0, 0.0
    ux, uy = 0.0, 0.0
    for i in range(base + 1, base + count):
        vx, vy = out[i, 0] - x0, out[i, 1] - y0
        total += ux * vy - uy * vx
        length += sqrt((vx - ux) ** 2 + (vy - uy) ** 2)
        ux, uy = vx, vy
    return total, length + sqrt(ux * ux + uy * uy)


@kernel()
def _next(told, first_of, one, total):
    """Return the stretch that begins where another one ends; -1 where none or several do."""
    p, q, onward = told[one, 0], told[one, 2], -1
    j = first_of[q]
    while j >= 0 and j < total:
        if told[j, 0] != q:
            break
        if told[j, 1] == p:
            if onward >= 0:
                return -1
            onward = j
        j += 1
    return onward


@kernel()
def _rings(
    g, total, first_of, told, place, discs, xy, radius, caps, shape, reach, ring, seen, out, base,
    ring_end, ring_area, rings,
):  # fmt: skip
    """Join stretches to rings and enter their vertices from `base` on.

    Return the new numbers of vertices and rings; -1 where there is no room, -2 where stretches
    don't meet. Holes narrower than the tolerance are left out.
    """
    within = shape[g, 0]
    for s in range(total):
        seen[s] = False
    for s in range(total):
        if seen[s]:
            continue
        one, length = s, 0
        while True:
            seen[one], ring[length] = True, one
            length += 1
            onward = _next(told, first_of, one, total)
            if onward < 0:
                return -2, rings
            x0, y0 = _spot(told, place, one, 1, discs, xy, radius, caps)
            x1, y1 = _spot(told, place, onward, 0, discs, xy, radius, caps)
            if not (x1 - x0) ** 2 + (y1 - y0) ** 2 <= (_NEAR * reach) ** 2:
                return -2, rings
            if onward == s:
                break
            if seen[onward]:
                return -2, rings
            one = onward
        if rings >= len(ring_end):
            return -1, rings
        count = _trace(
            length, ring, told, place, discs, xy, radius, caps, within, shape[g, 1], shape[g, 2],
            out, base,
        )  # fmt: skip
        if count < 0:
            return -1, rings
        double, around = _double_area(out, base, count)
        if count < 3 or (double < 0.0 and -double < within * reach * around):
            continue
        base += count
        ring_end[rings, 0], ring_end[rings, 1], ring_area[rings] = base, g, double
        rings += 1
    return base, rings


@kernel(
    "rows, flat, table, ints, ints, ints, table, rows, int, int, int, rows, table, flat, bools, "
    "ints"
)
def contours(
    xy, radius, prims, keep, joins, head, begin, shape, first, last, most, out, ring_end,
    ring_area, failed, counts,
):  # fmt: skip
    """Enter the rings around geometries first to last, in their planes; return 0, or -1 for room.

    Vertices are in `xy`, each with its radius. A capsule's row of `prims` has the numbers of two
    vertices, and those of its tangents on the right and left. `joins` has the capsules of each
    vertex, from head[v] to head[v + 1]. `keep` says which side of a capsule may be on the outline:
    both 0, right 1, left 2. Geometry g begins at vertex begin[g, 0] and at capsule begin[g, 1]; it
    has at most `most` capsules. `shape` has the relative tolerance, the greatest curvature of a
    straight line in lon, lat, and the longest such line that keeps to the tolerance.

    Entered are the vertices of rings in `out`; in ring_end their ends there, and the geometry; in
    ring_area twice the area, negative for holes; in `counts` the numbers of vertices and rings.
    """
    discs = len(xy)
    caps = np.empty((len(prims), COLUMNS))
    tubes, level = np.empty((2 * most + 16, 5)), np.empty(DEEPEST, np.int64)
    stack, near = np.empty((DEEPEST * FAN, 2), np.int64), np.empty(SOME, np.int64)
    span, ends = np.empty((4 * most + 64, 2)), np.empty((4 * most + 64, 2), np.int64)
    room = _STRETCHES * most + 64
    told, place = np.empty((room, 3), np.int64), np.empty((room, 4))
    hits, hit_counts = np.empty((16, 3)), np.empty(2, np.int64)
    ring, seen = np.empty(room, np.int64), np.empty(room, np.bool_)
    first_of, done = np.empty(discs + 2 * len(prims), np.int64), np.empty(discs, np.bool_)
    at, rings = 0, 0
    for k in range(begin[first, 1], begin[last, 1]):
        describe(xy, radius, prims[k, 0], prims[k, 1], caps, k)
    for g in range(first, last):
        if failed[g]:
            continue
        for k in range(begin[g, 1], begin[g + 1, 1]):
            first_of[prims[k, 2]], first_of[prims[k, 3]] = -1, -1
            failed[g] = failed[g] or caps[k, TANGENT] < 0.0
        if failed[g]:
            continue
        levels = grow(caps, begin[g, 1], begin[g + 1, 1], tubes, level)
        total, reach = 0, 0.0
        for v in range(begin[g, 0], begin[g + 1, 0]):
            first_of[v], done[v], reach = -1, False, max(reach, radius[v])
        for k in range(begin[g, 1], begin[g + 1, 1]):
            for part in range(4):
                before = total
                v = prims[k, part]
                if part < 2:
                    if done[v]:
                        continue
                    done[v] = True
                    total = disc(
                        v, xy, radius, keep, begin[g, 1], reach, caps, prims, joins, head, tubes,
                        level, levels, stack, near, span, ends, hits, hit_counts, total, told,
                        place,
                    )  # fmt: skip
                elif prims[k, 0] == prims[k, 1] or (keep[k] != 0 and keep[k] != part - 1):
                    continue
                else:
                    total = tangent(
                        k, part - 2, begin[g, 1], reach, caps, prims, joins, head, tubes, level,
                        levels, stack, near, span, ends, total, told, place,
                    )  # fmt: skip
                if total < 0 or total > room:
                    break
                if total > before:
                    first_of[v] = before
            if total < 0 or total > room:
                break
        failed[g] = total <= 0 or total > room
        if failed[g]:
            continue
        end, more = _rings(
            g, total, first_of, told, place, discs, xy, radius, caps, shape, reach, ring, seen,
            out, at, ring_end, ring_area, rings,
        )  # fmt: skip
        if end == -1:
            return -1
        failed[g] = end < 0
        if end >= 0:
            at, rings = end, more
    counts[0], counts[1] = at, rings
    return 0


@kernel("rows, ints, int, int, rows, rows")
def unproject(plane, owner, first, last, frames, out):
    """Enter lon, lat of places in planes, rows first to last.

    `frames` has for each geometry: lon, lat; sine and cosine of the latitude; distance of the
    plane's centre from the axis and from the equator's plane; tangent of its latitude; radius of
    the sphere.
    """
    for base in range(first, last, _BLOCK):
        for i in range(base, min(base + _BLOCK, last)):
            g = owner[i]
            px, py = plane[i, 0], plane[i, 1]
            s, c, across, high = frames[g, 2], frames[g, 3], frames[g, 4], frames[g, 5]
            sphere, t0 = frames[g, 7], frames[g, 6]
            t2 = (px * px + py * py) / (4.0 * sphere * sphere)
            up = -2.0 * sphere * t2 / (1.0 + t2)
            east, x, z = 0.0, 0.0, 0.0
            # The height at which this is on the ellipsoid, by Newton's method.
            for _ in range(5):
                scale = 1.0 + up / (2.0 * sphere)
                east, north = px * scale, py * scale
                x, z = across - s * north + c * up, high + c * north + s * up
                f = PER_A2 * (x * x + east * east) + PER_B2 * z * z - 1.0
                up -= 0.5 * f / (PER_A2 * c * x + PER_B2 * s * z)
            flat = (1.0 - E2) * sqrt(x * x + east * east)
            out[i, 0] = frames[g, 0] + _DEGREE * arctangent(east / x)
            out[i, 1] = frames[g, 1] + _DEGREE * arctangent((z - t0 * flat) / (flat + t0 * z))

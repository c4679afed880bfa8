"""Compiled: the outlines of all that is within a radius of edges, in a plane.

From each arc and tangent of a geometry's capsules (`_capsules`) the stretches that other capsules
cover are taken away. At its end, each stretch that remains meets the one that goes on; so they are
joined to rings.

What is ambiguous fails: stretches then don't fit together, as where three circles meet in a point,
or where edges lie on each other.
"""

# Kernels have signatures of their own, which say more than annotations would.
# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

from math import cos, inf, pi, sin

import numpy as np

from cpecgeo.geodesy._capsules import (
    COLUMNS,
    DEEPEST,
    FAN,
    LENGTH,
    RADII,
    SOME,
    TANGENT,
    A,
    U,
    add,
    angle,
    beside,
    circle_hits,
    covers,
    describe,
    double_area,
    grow,
    line_hits,
    narrow,
    normal,
    place_end,
    trace,
    uncovered,
)  # fmt: skip
from cpecgeo.geodesy._compile import kernel

__all__ = ["contours"]

_STRETCHES = 16  # most per capsule
_NEAR = 1e-5  # share of the radius: how far ends that meet may be apart


@kernel()
def _joined(k, side, turn, nx, ny, tx, ty, x0, y0, net, covered, found):
    """Note what capsules that share a disc with k cover of its tangent; return the new number.

    The disc is that at the start of the tangent (0) or at its end (1). `net` is all capsules, with
    their discs and tangents, and the capsules that meet in each disc; see `contours`.
    """
    caps, prims, joins, head = net
    v, width = prims[k, side if turn == 0 else 1 - side], caps[k, TANGENT]
    for i in range(head[v], head[v + 1]):
        other = joins[i]
        a = prims[other, 0]
        if other == k or not covers(caps, other, 0 if a == v else 1, nx, ny):
            continue
        # The other's tangent that comes to this disc, or goes on from it.
        side2 = 1 - turn if a == v else turn
        mx, my = normal(caps, other, side2)
        cross, dot = abs(nx * my - ny * mx), nx * mx + ny * my
        cut = caps[k, RADII + abs(side - turn)] * cross / (1.0 + dot) if dot > 0.0 else inf
        if cut < width and cut < caps[other, TANGENT]:
            enter, leave, into = width - cut, cut, prims[other, 2 + side2]
            out = into
        else:
            enter, leave, into, out = line_hits(x0, y0, tx, ty, caps, other, prims, a == v, a != v)
        if turn == 1 and into >= 0:
            found = add(covered, found, enter, inf, into, -1, width)
        if turn == 0 and out >= 0:
            found = add(covered, found, -inf, leave, -1, out, width)
    return found


@kernel()
def _tangent(k, side, reach, net, tree, space, covered, total, stretches):
    """Enter the uncovered stretches of a capsule's tangent; return the new total, or -1."""
    (caps, prims, _joins, _head), (_stack, near) = net, space
    nx, ny = normal(caps, k, side)
    tx, ty, width = -ny, nx, caps[k, TANGENT]
    start, stop = prims[k, side], prims[k, 1 - side]  # the discs at its ends
    x0 = caps[k, A + 2 * side] + caps[k, RADII + side] * nx
    y0 = caps[k, A + 1 + 2 * side] + caps[k, RADII + side] * ny
    found = 0
    for turn in range(2):
        found = _joined(k, side, turn, nx, ny, tx, ty, x0, y0, net, covered, found)
    low, high = narrow(covered, 0, found, 0.0, width)
    if low >= high:
        return total
    top, is_first = -1, True
    while top >= 0 or is_first:
        x, y = x0 + 0.5 * width * tx, y0 + 0.5 * width * ty
        count, top = beside(tree, x, y, reach + 0.5 * width, top, space)
        is_first = False
        for i in range(count):
            other, before = near[i], found
            if other == k or prims[other, 0] in (start, stop) or prims[other, 1] in (start, stop):
                continue
            # Seen along the other one's axis.
            ux, uy = caps[other, U], caps[other, U + 1]
            px, py = x0 - caps[other, A], y0 - caps[other, A + 1]
            qx, qy = px + width * tx, py + width * ty
            r, far = max(caps[other, RADII], caps[other, RADII + 1]), caps[other, LENGTH]
            if far > 0.0:
                off, off2 = ux * py - uy * px, ux * qy - uy * qx
                on, on2 = ux * px + uy * py, ux * qx + uy * qy
                if min(off, off2) > r or max(off, off2) < -r:
                    continue
                if min(on, on2) > far + r or max(on, on2) < -r:
                    continue
            enter, leave, into, out = line_hits(x0, y0, tx, ty, caps, other, prims, False, False)
            if into < 0 and out < 0:
                continue
            if into < 0 or out < 0:
                return -1
            found = add(covered, found, enter, leave, into, out, width)
            low, high = narrow(covered, before, found, low, high)
            if low >= high:
                return total
    return uncovered(
        covered, found, width, prims[k, 2 + side], start, stop, 0.0, 0.0, total, stretches
    )


@kernel()
def _free(v, i, keep, net):
    """Return the arc of a disc from the tangent of capsule i of those that it joins.

    That is the direction where it begins, its angle (negative where there is none), and the
    tangents before and after it.
    """
    caps, prims, joins, head = net
    k = joins[i]
    side = 1 if prims[k, 0] == v else 0
    dx, dy = normal(caps, k, side)
    before, width, after = prims[k, 2 + side], inf, -1
    if keep[k] != 0 and keep[k] != side + 1:
        return dx, dy, -1.0, before, after
    for j in range(head[v], head[v + 1]):
        other = joins[j]
        side2 = 0 if prims[other, 0] == v else 1
        if j != i and covers(caps, other, side2, dx, dy):
            return dx, dy, -1.0, before, after
        mx, my = normal(caps, other, side2)
        turned = angle(dx, dy, mx, my)
        if turned < width:
            width, after = turned, prims[other, 2 + side2]
    return dx, dy, width, before, after


@kernel()
def _disc(
    v, xy, radius, keep, reach, net, tree, space, covered, hits, counts, total, stretches
):  # fmt: skip
    """Enter the uncovered arcs of a disc; return the new total, or -1."""
    (caps, prims, _joins, head), (_stack, near) = net, space
    _tubes, level, _levels, first = tree
    cx, cy, r = xy[v, 0], xy[v, 1], radius[v]
    for i in range(head[v], max(head[v + 1], head[v] + 1)):
        dx, dy, width, before, after = 1.0, 0.0, 2.0 * pi, v, v
        if i < head[v + 1]:
            dx, dy, width, before, after = _free(v, i, keep, net)
        if width < 0.0:
            continue
        # The ball that holds the arc.
        x, y, ball = cx, cy, r
        if width <= pi:
            half = 0.5 * width
            c, s, ball = cos(half), sin(half), r * sin(half)
            x += r * c * (c * dx - s * dy)
            y += r * c * (c * dy + s * dx)
        found, low, high, is_covered = 0, 0.0, width, False
        # Among many points a few from all sides may cover the disc at once.
        top, is_probe, is_first = -1, head[v] == head[v + 1] and level[1] > 8 * SOME, True
        while (top >= 0 or is_first) and not is_covered:
            if is_probe:
                count, is_probe = SOME, False
                for n in range(SOME):
                    near[n] = first + n * (level[1] // SOME)
            else:
                count, top = beside(tree, x, y, reach + ball, top, space)
                is_first = False
            for n in range(count):
                other, noted = near[n], found
                if prims[other, 0] == v or prims[other, 1] == v:
                    continue
                px, py = cx - caps[other, A], cy - caps[other, A + 1]
                on = px * caps[other, U] + py * caps[other, U + 1]
                past = min(max(on, 0.0), caps[other, LENGTH])
                gap2 = (px - past * caps[other, U]) ** 2 + (py - past * caps[other, U + 1]) ** 2
                far = r + max(caps[other, RADII], caps[other, RADII + 1])
                if gap2 >= far * far:
                    continue
                is_inside = circle_hits(cx, cy, r, caps, other, prims, hits, counts)
                if counts[0] != counts[1]:
                    return -1
                is_covered = counts[0] == 0 and is_inside and past == on
                for a in range(counts[0]):
                    begin = angle(dx, dy, hits[2 * a, 0], hits[2 * a, 1])
                    end, into, out = inf, int(hits[2 * a, 2]), -1
                    for b in range(counts[1]):
                        stop = angle(dx, dy, hits[2 * b + 1, 0], hits[2 * b + 1, 1])
                        stop = stop + 2.0 * pi if stop < begin else stop
                        if stop < end:
                            end, out = stop, int(hits[2 * b + 1, 2])
                    found = add(covered, found, begin, end, into, out, width)
                    if end > 2.0 * pi:
                        found = add(covered, found, -inf, end - 2.0 * pi, -1, out, width)
                low, high = narrow(covered, noted, found, low, high)
                if is_covered or (found > 0 and low >= high):
                    is_covered = True
                    break
        if not is_covered:
            total = uncovered(covered, found, width, v, before, after, dx, dy, total, stretches)
            if total > len(stretches[0]):
                return -1
    return total


@kernel()
def _next(ties, first_of, one, total):
    """Return the stretch that begins where another one ends; -1 where none or several do."""
    p, q, onward = ties[one, 0], ties[one, 2], -1
    j = first_of[q]
    while j >= 0 and j < total:
        if ties[j, 0] != q:
            break
        if ties[j, 1] == p:
            if onward >= 0:
                return -1
            onward = j
        j += 1
    return onward


@kernel()
def _rings(
    g, total, first_of, stretches, xy, radius, caps, shape, reach, ring, seen, out, base, ring_end,
    ring_area, rings,
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
            onward = _next(stretches[0], first_of, one, total)
            if onward < 0:
                return -2, rings
            x0, y0 = place_end(stretches, one, 1, xy, radius, caps)
            x1, y1 = place_end(stretches, onward, 0, xy, radius, caps)
            if not (x1 - x0) ** 2 + (y1 - y0) ** 2 <= (_NEAR * reach) ** 2:
                return -2, rings
            if onward == s:
                break
            if seen[onward]:
                return -2, rings
            one = onward
        if rings >= len(ring_end):
            return -1, rings
        count = trace(
            length, ring, stretches, xy, radius, caps, within, shape[g, 1], shape[g, 2], out, base
        )
        if count < 0:
            return -1, rings
        double, around = double_area(out, base, count)
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

    Vertices, the centres of discs, are in `xy`, each with its radius. A capsule's row of `prims`
    has the numbers of two vertices, and those of its tangents on the right and left. `joins` has
    the capsules of each vertex, from head[v] to head[v + 1]. `keep` says which side of a capsule
    may be on the outline: both 0, right 1, left 2. Geometry g begins at vertex begin[g, 0] and at
    capsule begin[g, 1]; it has at most `most` capsules. `shape` has the relative tolerance, the
    greatest curvature of a straight line in lon, lat, and the longest such line that keeps to the
    tolerance.

    Entered are the vertices of rings in `out`; in ring_end their ends there, and the geometry; in
    ring_area twice the area, negative for holes; in `counts` the numbers of vertices and rings.
    """
    discs = len(xy)
    caps = np.empty((len(prims), COLUMNS))
    tubes, level = np.empty((2 * most + 16, 5)), np.empty(DEEPEST, np.int64)
    stack, near = np.empty((DEEPEST * FAN, 2), np.int64), np.empty(SOME, np.int64)
    span, ends = np.empty((4 * most + 64, 2)), np.empty((4 * most + 64, 2), np.int64)
    room = _STRETCHES * most + 64
    ties, extent = np.empty((room, 3), np.int64), np.empty((room, 4))
    net, space = (caps, prims, joins, head), (stack, near)
    covered, stretches = (span, ends), (ties, extent)
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
        tree = tubes, level, levels, begin[g, 1]
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
                    total = _disc(
                        v, xy, radius, keep, reach, net, tree, space, covered, hits, hit_counts,
                        total, stretches,
                    )  # fmt: skip
                elif prims[k, 0] == prims[k, 1] or (keep[k] != 0 and keep[k] != part - 1):
                    continue
                else:
                    total = _tangent(
                        k, part - 2, reach, net, tree, space, covered, total, stretches
                    )
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
            g, total, first_of, stretches, xy, radius, caps, shape, reach, ring, seen, out, at,
            ring_end, ring_area, rings,
        )  # fmt: skip
        if end == -1:
            return -1
        failed[g] = end < 0
        if end >= 0:
            at, rings = end, more
    counts[0], counts[1] = at, rings
    return 0

"""Compiled: the outline of all that is within a radius of edges, in a plane.

What is within the radius of an edge is a capsule: two discs and the two tangents that touch both.
The radii of discs may differ a little, as scales do in a plane. The outline of all capsules of a
geometry consists of arcs of discs and of stretches of tangents. From each arc and tangent the
stretches that other capsules cover are taken away; at its end, each stretch that remains meets the
one that goes on.

What is ambiguous fails: stretches then don't fit together, as where three circles meet in a point,
or where edges lie on each other.
"""

# Kernels have signatures of their own, which say more than annotations would.
# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

from math import atan2, cos, inf, pi, sin, sqrt

from cpecgeo.geodesy._compile import kernel
from cpecgeo.geodesy._tubes import SOME, beside

__all__ = ["COLUMNS", "RADII", "TANGENT", "A", "describe", "disc", "normal", "tangent"]

# Columns of a table of capsules.
A, B, U, LENGTH, SINE, COSINE, RADII, TANGENT = 0, 2, 4, 6, 7, 8, 9, 11
COLUMNS = 12


@kernel(inline=True)
def normal(caps, k, side):
    """Return the outward normal of a capsule's tangent: on the right 0, on the left 1."""
    s, c = caps[k, SINE], caps[k, COSINE] * (2 * side - 1)
    return s * caps[k, U] - c * caps[k, U + 1], s * caps[k, U + 1] + c * caps[k, U]


@kernel()
def describe(xy, radius, i, j, caps, k):
    """Enter a capsule into the table; its tangents have length -1 where a disc holds the other."""
    ax, ay, bx, by = xy[i, 0], xy[i, 1], xy[j, 0], xy[j, 1]
    caps[k, A], caps[k, A + 1], caps[k, B], caps[k, B + 1] = ax, ay, bx, by
    length = sqrt((bx - ax) ** 2 + (by - ay) ** 2)
    per = 1.0 / length if length > 0.0 else 0.0
    caps[k, U], caps[k, U + 1], caps[k, LENGTH] = (bx - ax) * per, (by - ay) * per, length
    sine = (radius[i] - radius[j]) * per
    cosine = sqrt(max(1.0 - sine * sine, 0.0))
    caps[k, SINE], caps[k, COSINE] = sine, cosine
    caps[k, TANGENT] = length * cosine if cosine > 0.0 else -1.0
    caps[k, RADII], caps[k, RADII + 1] = radius[i], radius[j]


@kernel()
def _line_hits(x0, y0, tx, ty, caps, k, prims, skip_a, skip_b):
    """Return where a line enters and leaves a capsule, and through which discs or tangents.

    A disc may be left out, where the line is known to touch it only.
    """
    enter, leave, into, out = inf, -inf, -1, -1
    for end in range(2):
        if (end == 0 and skip_a) or (end == 1 and skip_b):
            continue
        dx, dy = caps[k, A + 2 * end] - x0, caps[k, A + 2 * end + 1] - y0
        along, off, r = dx * tx + dy * ty, dx * ty - dy * tx, caps[k, RADII + end]
        room = r * r - off * off
        if room > 0.0:
            root = sqrt(room)
            if along - root < enter:
                enter, into = along - root, prims[k, end]
            if along + root > leave:
                leave, out = along + root, prims[k, end]
    for side in range(2):
        nx, ny = normal(caps, k, side)
        rate = tx * nx + ty * ny
        if abs(rate) < 1e-15:
            continue
        px = caps[k, A] + caps[k, RADII] * nx - x0
        py = caps[k, A + 1] + caps[k, RADII] * ny - y0
        s = (px * nx + py * ny) / rate
        along = ((tx * s - px) * -ny + (ty * s - py) * nx) * (1 - 2 * side)
        if along >= 0.0 and along <= caps[k, TANGENT]:
            if rate < 0.0 and s < enter:
                enter, into = s, prims[k, 2 + side]
            if rate > 0.0 and s > leave:
                leave, out = s, prims[k, 2 + side]
    return enter, leave, into, out


@kernel()
def _note(hits, counts, turn, x, y, prim):
    """Note where a circle enters (0) or leaves (1) a capsule."""
    row = 2 * counts[turn] + turn
    if row < len(hits):
        hits[row, 0], hits[row, 1], hits[row, 2] = x, y, prim
        counts[turn] += 1


@kernel()
def _circle_hits(cx, cy, r, caps, k, prims, hits, counts):
    """Note where a circle enters and leaves a capsule; return whether it may lie inside.

    Places are relative to the centre, along the circle counter-clockwise; those where it enters are
    in even rows of `hits`, those where it leaves in odd ones, with the disc or tangent there.
    """
    counts[0], counts[1] = 0, 0
    ux, uy, is_edge, is_inside = caps[k, U], caps[k, U + 1], caps[k, LENGTH] > 0.0, True
    for end in range(2):
        ro = caps[k, RADII + end]
        dx, dy = caps[k, A + 2 * end] - cx, caps[k, A + 2 * end + 1] - cy
        d2 = dx * dx + dy * dy
        if d2 == 0.0 or (end == 1 and not is_edge):
            continue
        along = 0.5 * (r * r + d2 - ro * ro) / d2  # times the way between the centres
        room = r * r / d2 - along * along
        if room <= 0.0:
            continue
        root = sqrt(room)
        for turn in range(2):
            off = root * (2 * turn - 1)
            px, py = along * dx - off * dy, along * dy + off * dx
            # On the half of the disc that is away from the other end.
            away = ((px - dx) * ux + (py - dy) * uy - ro * caps[k, SINE]) * (1 - 2 * end)
            if away <= 0.0 or not is_edge:
                _note(hits, counts, turn, px, py, prims[k, end])
    for side in range(2 if is_edge else 0):
        nx, ny = normal(caps, k, side)
        px = caps[k, A] + caps[k, RADII] * nx - cx
        py = caps[k, A + 1] + caps[k, RADII] * ny - cy
        off, start = px * nx + py * ny, py * nx - px * ny
        is_inside = is_inside and off >= r
        room = r * r - off * off
        if room <= 0.0:
            continue
        for turn in range(2):
            along = sqrt(room) * (1 - 2 * turn)
            at = (along - start) * (1 - 2 * side)
            if at >= 0.0 and at <= caps[k, TANGENT]:
                px, py = off * nx - along * ny, off * ny + along * nx
                _note(hits, counts, turn, px, py, prims[k, 2 + side])
    return is_inside and is_edge


@kernel(inline=True)
def _add(span, ends, count, start, end, into, out, width):
    """Note a covered interval of 0 to `width`, if any; return the number of them."""
    if end <= 0.0 or start >= width or count >= len(span):
        return count
    span[count, 0], span[count, 1] = start, end
    ends[count, 0], ends[count, 1] = into, out
    return count + 1


@kernel()
def _uncovered(span, ends, count, width, prim, before, after, dx, dy, total, told, place):
    """Enter the stretches of 0 to `width` that no interval covers; return the new total."""
    at, origin = 0.0, before
    while True:
        # As far as intervals reach that overlap.
        grown = True
        while grown:
            grown = False
            for i in range(count):
                if span[i, 0] <= at and span[i, 1] > at:
                    at, origin, grown = span[i, 1], ends[i, 1], True
        if at >= width and (width > 0.0 or count > 0):
            return total
        stop, goal = width, after
        for i in range(count):
            if span[i, 0] > at and span[i, 0] < stop:
                stop, goal = span[i, 0], ends[i, 0]
        if total < len(told):
            told[total, 0], told[total, 1], told[total, 2] = prim, origin, goal
            place[total, 0], place[total, 1], place[total, 2], place[total, 3] = at, stop, dx, dy
        total += 1
        if not stop < width or total > len(told):
            return total
        at = stop


@kernel(inline=True)
def _angle(dx, dy, x, y):
    """Return the angle from one direction to another, counter-clockwise."""
    turned = atan2(dx * y - dy * x, dx * x + dy * y)
    return turned + 2.0 * pi if turned < 0.0 else turned


@kernel(inline=True)
def _covers(caps, k, at_b, nx, ny):
    """Return whether a direction from a disc of a capsule, at its end b or a, leads inside."""
    ex, ey = normal(caps, k, at_b)
    lx, ly = normal(caps, k, 1 - at_b)
    return ex * ny - ey * nx > 0.0 if ex * nx + ey * ny > 0.0 else nx * ly - ny * lx > 0.0


@kernel()
def _joined(
    k, side, turn, nx, ny, tx, ty, x0, y0, caps, prims, joins, head, span, ends, found
):  # fmt: skip
    """Note what capsules that share a disc with k cover of its tangent; return the new number.

    The disc is that at the start of the tangent (0) or at its end (1).
    """
    v, width = prims[k, side if turn == 0 else 1 - side], caps[k, TANGENT]
    for i in range(head[v], head[v + 1]):
        other = joins[i]
        a = prims[other, 0]
        if other == k or not _covers(caps, other, 0 if a == v else 1, nx, ny):
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
            enter, leave, into, out = _line_hits(x0, y0, tx, ty, caps, other, prims, a == v, a != v)
        if turn == 1 and into >= 0:
            found = _add(span, ends, found, enter, inf, into, -1, width)
        if turn == 0 and out >= 0:
            found = _add(span, ends, found, -inf, leave, -1, out, width)
    return found


@kernel()
def _spread(span, first, count, low, high):
    """Return how far intervals from either end reach at least, with those from `first` on."""
    for i in range(first, count):
        if span[i, 0] <= low:
            low = max(low, span[i, 1])
        if span[i, 1] >= high:
            high = min(high, span[i, 0])
    return low, high


@kernel()
def tangent(
    k, side, first, reach, caps, prims, joins, head, tubes, level, levels, stack, near, span,
    ends, total, told, place,
):  # fmt: skip
    """Enter the uncovered stretches of a capsule's tangent; return the new total, or -1."""
    nx, ny = normal(caps, k, side)
    tx, ty, width = -ny, nx, caps[k, TANGENT]
    start, stop = prims[k, side], prims[k, 1 - side]  # the discs at its ends
    x0 = caps[k, A + 2 * side] + caps[k, RADII + side] * nx
    y0 = caps[k, A + 1 + 2 * side] + caps[k, RADII + side] * ny
    found = 0
    for turn in range(2):
        found = _joined(
            k, side, turn, nx, ny, tx, ty, x0, y0, caps, prims, joins, head, span, ends, found
        )
    low, high = _spread(span, 0, found, 0.0, width)
    if low >= high:
        return total
    top, is_first = -1, True
    while top >= 0 or is_first:
        count, top = beside(
            tubes, level, levels, first, x0 + 0.5 * width * tx, y0 + 0.5 * width * ty,
            reach + 0.5 * width, stack, top, near,
        )  # fmt: skip
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
            enter, leave, into, out = _line_hits(x0, y0, tx, ty, caps, other, prims, False, False)
            if into < 0 and out < 0:
                continue
            if into < 0 or out < 0:
                return -1
            found = _add(span, ends, found, enter, leave, into, out, width)
            low, high = _spread(span, before, found, low, high)
            if low >= high:
                return total
    return _uncovered(
        span, ends, found, width, prims[k, 2 + side], start, stop, 0.0, 0.0, total, told, place
    )


@kernel()
def _free(v, i, keep, caps, prims, joins, head):
    """Return the arc of a disc from the tangent of capsule i of those that it joins.

    That is the direction where it begins, its angle (negative where there is none), and the
    tangents before and after it.
    """
    k = joins[i]
    side = 1 if prims[k, 0] == v else 0
    dx, dy = normal(caps, k, side)
    before, width, after = prims[k, 2 + side], inf, -1
    if keep[k] != 0 and keep[k] != side + 1:
        return dx, dy, -1.0, before, after
    for j in range(head[v], head[v + 1]):
        other = joins[j]
        side2 = 0 if prims[other, 0] == v else 1
        if j != i and _covers(caps, other, side2, dx, dy):
            return dx, dy, -1.0, before, after
        mx, my = normal(caps, other, side2)
        turned = _angle(dx, dy, mx, my)
        if turned < width:
            width, after = turned, prims[other, 2 + side2]
    return dx, dy, width, before, after


@kernel()
def disc(
    v, xy, radius, keep, first, reach, caps, prims, joins, head, tubes, level, levels, stack, near,
    span, ends, hits, counts, total, told, place,
):  # fmt: skip
    """Enter the uncovered arcs of a disc; return the new total, or -1."""
    cx, cy, r = xy[v, 0], xy[v, 1], radius[v]
    for i in range(head[v], max(head[v + 1], head[v] + 1)):
        dx, dy, width, before, after = 1.0, 0.0, 2.0 * pi, v, v
        if i < head[v + 1]:
            dx, dy, width, before, after = _free(v, i, keep, caps, prims, joins, head)
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
                count, top = beside(
                    tubes, level, levels, first, x, y, reach + ball, stack, top, near
                )
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
                is_inside = _circle_hits(cx, cy, r, caps, other, prims, hits, counts)
                if counts[0] != counts[1]:
                    return -1
                is_covered = counts[0] == 0 and is_inside and past == on
                for a in range(counts[0]):
                    begin = _angle(dx, dy, hits[2 * a, 0], hits[2 * a, 1])
                    end, into, out = inf, int(hits[2 * a, 2]), -1
                    for b in range(counts[1]):
                        stop = _angle(dx, dy, hits[2 * b + 1, 0], hits[2 * b + 1, 1])
                        stop = stop + 2.0 * pi if stop < begin else stop
                        if stop < end:
                            end, out = stop, int(hits[2 * b + 1, 2])
                    found = _add(span, ends, found, begin, end, into, out, width)
                    if end > 2.0 * pi:
                        found = _add(span, ends, found, -inf, end - 2.0 * pi, -1, out, width)
                low, high = _spread(span, noted, found, low, high)
                if is_covered or (found > 0 and low >= high):
                    is_covered = True
                    break
        if not is_covered:
            total = _uncovered(
                span, ends, found, width, v, before, after, dx, dy, total, told, place
            )
            if total > len(told):
                return -1
    return total

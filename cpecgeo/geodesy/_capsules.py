"""Compiled: capsules in a plane: where lines and circles meet them, and their stretches drawn.

What is within the radius of an edge is a capsule: two discs and the two tangents that touch both.
The radii of discs may differ a little, as scales do in a plane. The outline of all capsules of a
geometry consists of stretches: arcs of discs and parts of tangents (`_contour`). An arc gets as
many vertices as the tolerance asks for: they lie outside the radius, the middles between them
inside.

Capsules are found by a tree of tubes around their edges. A tube is a straight line and how far what
it holds may be from it. A group's line leads from where its first edge begins to where its last one
ends; so a line's own bends make thin tubes.

`covered` is intervals, and the disc or tangent at each of their ends. `stretches` is the disc or
tangent that each is on, with those before and after it; and where it begins and ends, with the
direction from which an arc is measured.
"""

# Kernels have signatures of their own, which say more than annotations would.
# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

from math import atan2, ceil, cos, inf, pi, sin, sqrt

from cpecgeo.geodesy._compile import kernel

__all__ = ["COLUMNS", "DEEPEST", "FAN", "LENGTH", "RADII", "SOME", "TANGENT", "A", "U", "add",
           "angle", "beside", "circle_hits", "covers", "describe", "double_area", "grow",
           "line_hits", "narrow", "normal", "place_end", "trace", "uncovered"]  # fmt: skip

FAN = 8  # children of a node
SOME = 32  # edges at once
DEEPEST = 24  # more levels than any tree has
# Columns of a table of capsules.
A, B, U, LENGTH, SINE, COSINE, RADII, TANGENT = 0, 2, 4, 6, 7, 8, 9, 11
COLUMNS = 12
_SAME = 0.02  # of the tolerance: nearer vertices become one
_OUT = 0.9  # of the tolerance: how far outside the radius vertices of arcs lie
# Of the tolerance: sag of an arc between such vertices, between one and an end, and between ends.
_SAG, _END_SAG, _WHOLE_SAG = 1.85, 1.4, 0.95


@kernel(inline=True)
def _gap2(x, y, tubes, j):
    """Return the square of the distance of a point from a tube's line."""
    ux, uy = tubes[j, 2] - tubes[j, 0], tubes[j, 3] - tubes[j, 1]
    px, py = x - tubes[j, 0], y - tubes[j, 1]
    t = (px * ux + py * uy) / (ux * ux + uy * uy + 1e-30)
    t = min(max(t, 0.0), 1.0)
    return (px - t * ux) ** 2 + (py - t * uy) ** 2


@kernel()
def grow(caps, first, last, tubes, level):
    """Enter the tree of edges first to last, whose ends begin each row of `caps`.

    `level` says where each level of nodes begins, edges first. Return the number of levels.
    """
    count = last - first
    for k in range(count):
        for c in range(4):
            tubes[k, c] = caps[first + k, c]
        tubes[k, 4] = 0.0
    levels, base, level[0] = 1, 0, 0
    while count > 1:
        above, groups = base + count, (count + FAN - 1) // FAN
        for g in range(groups):
            one, end, j = base + g * FAN, base + min((g + 1) * FAN, count), above + g
            tubes[j, 0], tubes[j, 1] = tubes[one, 0], tubes[one, 1]
            tubes[j, 2], tubes[j, 3] = tubes[end - 1, 2], tubes[end - 1, 3]
            wide = 0.0
            for k in range(one, end):
                off2 = max(
                    _gap2(tubes[k, 0], tubes[k, 1], tubes, j),
                    _gap2(tubes[k, 2], tubes[k, 3], tubes, j),
                )
                wide = max(wide, sqrt(off2) + tubes[k, 4])
            tubes[j, 4] = wide
        level[levels] = above
        levels, base, count = levels + 1, above, groups
    level[levels] = base + count
    return levels


@kernel()
def beside(tree, x, y, reach, top, space):
    """Enter some edges within `reach` of a point, and others near them.

    The first call has `top` -1, the next ones what the call before returned. Return the number of
    edges, and a number that is -1 when there are no more.
    """
    tubes, level, levels, first = tree
    stack, near = space
    count = 0
    if top < 0:
        stack[0, 0], stack[0, 1], top = levels - 1, 0, 0
    while top >= 0 and count < len(near):
        at, node = stack[top, 0], stack[top, 1]
        top -= 1
        if at == 0:
            near[count] = first + node
            count += 1
            continue
        j = level[at - 1]
        for c in range(min((node + 1) * FAN, level[at] - j) - 1, node * FAN - 1, -1):
            far = reach + tubes[j + c, 4]
            if _gap2(x, y, tubes, j + c) <= far * far:
                top += 1
                stack[top, 0], stack[top, 1] = at - 1, c
    return count, top


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
def line_hits(x0, y0, tx, ty, caps, k, prims, skip_a, skip_b):
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
def circle_hits(cx, cy, r, caps, k, prims, hits, counts):
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
def covers(caps, k, at_b, nx, ny):
    """Return whether a direction from a disc of a capsule, at its end b or a, leads inside."""
    ex, ey = normal(caps, k, at_b)
    lx, ly = normal(caps, k, 1 - at_b)
    return ex * ny - ey * nx > 0.0 if ex * nx + ey * ny > 0.0 else nx * ly - ny * lx > 0.0


@kernel(inline=True)
def angle(dx, dy, x, y):
    """Return the angle from one direction to another, counter-clockwise."""
    turned = atan2(dx * y - dy * x, dx * x + dy * y)
    return turned + 2.0 * pi if turned < 0.0 else turned


@kernel(inline=True)
def add(covered, count, start, end, into, out, width):
    """Note a covered interval of 0 to `width`, if any; return the number of them."""
    span, ends = covered
    if end <= 0.0 or start >= width or count >= len(span):
        return count
    span[count, 0], span[count, 1] = start, end
    ends[count, 0], ends[count, 1] = into, out
    return count + 1


@kernel()
def narrow(covered, first, count, low, high):
    """Return how far intervals from either end reach at least, with those from `first` on."""
    span, _ends = covered
    for i in range(first, count):
        if span[i, 0] <= low:
            low = max(low, span[i, 1])
        if span[i, 1] >= high:
            high = min(high, span[i, 0])
    return low, high


@kernel()
def uncovered(covered, count, width, prim, before, after, dx, dy, total, stretches):
    """Enter the stretches of 0 to `width` that no interval covers; return the new total."""
    (span, ends), (ties, extent) = covered, stretches
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
        if total < len(ties):
            ties[total, 0], ties[total, 1], ties[total, 2] = prim, origin, goal
            extent[total, 0], extent[total, 1], extent[total, 2], extent[total, 3] = (
                at,
                stop,
                dx,
                dy,
            )
        total += 1
        if not stop < width or total > len(ties):
            return total
        at = stop


@kernel()
def place_end(stretches, s, end, xy, radius, caps):
    """Return the start (0) or end (1) of a stretch."""
    ties, extent = stretches
    discs = len(xy)
    p, at = ties[s, 0], extent[s, end]
    if p < discs:
        c, n = cos(at), sin(at)
        dx, dy = extent[s, 2], extent[s, 3]
        return xy[p, 0] + radius[p] * (c * dx - n * dy), xy[p, 1] + radius[p] * (c * dy + n * dx)
    k, side = (p - discs) // 2, (p - discs) % 2
    nx, ny = normal(caps, k, side)
    r = caps[k, RADII + side]
    x, y = caps[k, A + 2 * side], caps[k, A + 1 + 2 * side]
    return x + r * nx - at * ny, y + r * ny + at * nx


@kernel()
def _arc(stretches, s, xy, radius, within, bend, out, base):
    """Enter the vertices of an arc between its ends; return their number, -1 without room."""
    ties, extent = stretches
    p = ties[s, 0]
    r, width = radius[p], extent[s, 1] - extent[s, 0]
    unit = sqrt(8.0 * within / (1.0 + r * bend))
    if width <= unit * sqrt(_WHOLE_SAG):
        return 0
    step, brink = unit * sqrt(_SAG), unit * sqrt(_END_SAG)
    parts = max(ceil((width - 2.0 * brink) / step), 0) + 2
    if base + parts > len(out):
        return -1
    shrink = width / (2.0 * brink + (parts - 2) * step)
    wide = r * (1.0 + _OUT * within)
    angle = extent[s, 0] + brink * shrink
    c, n = cos(angle), sin(angle)
    dx, dy = extent[s, 2], extent[s, 3]
    ex, ey = wide * (c * dx - n * dy), wide * (c * dy + n * dx)
    c, n = cos(step * shrink), sin(step * shrink)
    x, y = xy[p, 0], xy[p, 1]
    for j in range(parts - 1):
        out[base + j, 0], out[base + j, 1] = x + ex, y + ey
        ex, ey = c * ex - n * ey, c * ey + n * ex
    return parts - 1


@kernel()
def trace(length, ring, stretches, xy, radius, caps, within, bend, straight, out, base):
    """Enter the vertices of a ring of `length` stretches; return their number, -1 without room.

    The first vertex isn't repeated.
    """
    ties, extent = stretches
    at, discs = base, len(xy)
    for i in range(length):
        one = ring[i]
        p = ties[one, 0]
        x, y = place_end(stretches, one, 0, xy, radius, caps)
        if at + 2 > len(out):
            return -1
        same = _SAME * within * (radius[p] if p < discs else caps[(p - discs) // 2, RADII])
        if at == base or (x - out[at - 1, 0]) ** 2 + (y - out[at - 1, 1]) ** 2 > same * same:
            out[at, 0], out[at, 1] = x, y
            at += 1
        if p < discs:
            more = _arc(stretches, one, xy, radius, within, bend, out, at)
            if more < 0:
                return -1
            at += more
            continue
        parts = ceil((extent[one, 1] - extent[one, 0]) / straight)
        if at + parts > len(out):
            return -1
        x1, y1 = place_end(stretches, one, 1, xy, radius, caps)
        for j in range(1, parts):
            f = j / parts
            out[at, 0], out[at, 1] = x + f * (x1 - x), y + f * (y1 - y)
            at += 1
    return at - base


@kernel()
def double_area(out, base, count):
    """Return twice the area left of a ring, and its length."""
    x0, y0, total, length = out[base, 0], out[base, 1], 0.0, 0.0
    ux, uy = 0.0, 0.0
    for i in range(base + 1, base + count):
        vx, vy = out[i, 0] - x0, out[i, 1] - y0
        total += ux * vy - uy * vx
        length += sqrt((vx - ux) ** 2 + (vy - uy) ** 2)
        ux, uy = vx, vy
    return total, length + sqrt(ux * ux + uy * uy)

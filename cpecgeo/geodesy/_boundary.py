"""Compiled: move the vertices of a buffer's boundary to their distance, and split its edges.

Coordinates are earth-centred. Each vertex keeps the segment of the line that is closest to it.
Two facts make most searches needless:

- A vertex that was too far away and was moved towards its closest point, down to the distance
  `aim`, has nothing closer than `aim` (triangle inequality).
- If both ends of an edge of length c are at least r away from the line, every point of the edge
  is at least r - c² / 8r away (Apollonius).
"""

# Kernels have signatures of their own, which say more than annotations would.
# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

from math import atan2, ceil, cos, degrees, inf, pi, radians, sin, sqrt

import numpy as np

from cpecgeo.geodesy._arcs import arc
from cpecgeo.geodesy._compile import kernel
from cpecgeo.geodesy._ellipsoid import E2, EQUATOR_M, LEAST_RADIUS_M, PER_A2, bulge, ground
from cpecgeo.geodesy._search import STACK, drain, foot, point_at
from cpecgeo.geodesy._stretches import meeting

__all__ = ["MEET", "MOVE", "REFINE", "SIDES", "circles", "work"]

MOVE, SIDES, MEET, REFINE = range(4)  # steps of `work`
_RADIUS_M = 6_371_000.0
_ROUNDS = 40
_DEPTH = 40
_MOST_PARTS = 16  # per edge and round
_LONGEST_M = 300_000.0  # to here the middle of an arc is above its chord's to 1 mm
_LEAST_DEG = 1e-7
_FLATTEST = 1.0 / (8.0 * LEAST_RADIUS_M)  # times c² and a path's curvature: the sag of an edge
_LOST = 10.0  # times the slack: a vertex farther off than this is lost
_NEAR = 0.01  # square of a corner's greatest error, as a share of the radius
_SHORT = 0.3  # share of the radius: the side of a shorter edge is that of its ends
_SQUARE = 0.9  # sine of an angle that counts as a right angle
_BULGE = 1.05  # new vertices start a little outside, where one move is enough


@kernel()
def _move(x, y, z, aim, slack, tree, best, space):
    """Move a point to the distance `aim`, along the line from its closest point.

    After a move outwards another segment may be closer, where two arcs of the boundary meet in
    a corner. Moving away from each in turn leads to the corner, but slowly where the arcs meet
    at a small angle; every third step therefore goes to the corner itself.

    The closest segment, the share along it and the distance are written to `best`; see `drain`.
    With an infinite slack the point isn't moved.
    """
    segments, _target, _start, _tubes, child, _leaves = tree
    piece, at, metres, _owner = best
    stack, bound, _away2 = space
    before = piece[0]
    for turn in range(_ROUNDS):
        i = piece[0]
        piece[0], metres[0] = -1, inf
        if i >= 0:
            at[0], metres[0] = foot(segments, i, x, y, z, 1e300)
            piece[0] = i
        stack[0], bound[0] = len(child) - 1, 0.0
        drain(x, y, z, inf, 1, i, 1, tree, best, space)
        i, s = piece[0], metres[0]
        off = s - aim
        if abs(off) <= slack or s == 0.0:
            break
        if turn % 3 == 2 and before != i:
            cx, cy, cz, found = meeting(segments, i, before, aim, x, y, z)
            gap2 = (cx - x) ** 2 + (cy - y) ** 2 + (cz - z) ** 2
            if found and 0.0 < gap2 < _NEAR * aim * aim:
                x, y, z = cx, cy, cz
                before = i
                continue
        before = i
        fx, fy, fz = point_at(segments, i, at[0])
        h = aim / s
        x, y, z = ground(fx + (x - fx) * h, fy + (y - fy) * h, fz + (z - fz) * h)
        # Arcs grow in proportion to chords, but for a term in the square of their length.
        if off > 0.0 and off * s * s * (PER_A2 / 4.0) <= slack:
            metres[0] = aim
            break
    return x, y, z


@kernel(inline=True)
def _turn(ux, uy, uz, x, y, z, fx, fy, fz):
    """Return on which side f is, seen from (x, y, z) in the direction u: positive on the left."""
    rx, ry, rz = fx - x, fy - y, fz - z
    return x * (uy * rz - uz * ry) + y * (uz * rx - ux * rz) + z * (ux * ry - uy * rx)


@kernel()
def _bow(lon, lat, lon_b, lat_b, x, y, z, c2):
    """Return metres between the middles of an edge drawn as a geodesic and straight in lon, lat."""
    # A straight line in lon, lat has a curvature below 2 tan(latitude) / radius.
    flat = sqrt(x * x + y * y)
    most = c2 * _FLATTEST * (2.0 * abs(z) / (flat * (1.0 - E2) + 1e-9) + 0.05)
    if most < 1e-2:
        return most
    step = (lon_b - lon + 540.0) % 360.0 - 180.0
    if abs(step) + abs(lat_b - lat) < _LEAST_DEG:
        return 0.0  # an edge through a pole is never straight in lon, lat
    lam, phi = radians(lon + 0.5 * step), radians(0.5 * (lat + lat_b))
    sp, cp = sin(phi), cos(phi)
    normal = EQUATOR_M / sqrt(1.0 - E2 * sp * sp)
    gx, gy = normal * cp * cos(lam) - x, normal * cp * sin(lam) - y
    gz = normal * (1.0 - E2) * sp - z
    return sqrt(gx * gx + gy * gy + gz * gz)


@kernel()
def _refine(
    place, lonlat, pieces, after, fixed, first, last, radius, aim, within, slack, tree, best, space,
    out, out_edge,
):  # fmt: skip
    """Split edges first to last until their middles are within `within` metres of `radius`.

    An edge is numbered by its first vertex. Edges with a fixed end, of caps or of the line
    itself, stay as they are. New vertices go to `out` (lon, lat) and their edges to `out_edge`,
    in order along the boundary. Return how many there are, or -1 if `out` is too short.
    """
    segments, (piece, at, metres, _owner) = tree[0], best
    # A stack of ends of edges not yet done: x, y, z, lon, lat; segment and depth.
    ends = np.empty((_MOST_PARTS * _DEPTH + 1, 5))
    which = np.empty((_MOST_PARTS * _DEPTH + 1, 2), np.int64)
    count = 0
    for v in range(first, last):
        w = after[v]
        if fixed[v] or fixed[w]:
            continue
        ax, ay, az, one = place[v, 0], place[v, 1], place[v, 2], pieces[v]
        lon, lat = lonlat[v, 0], lonlat[v, 1]
        ends[0, 0], ends[0, 1], ends[0, 2] = place[w, 0], place[w, 1], place[w, 2]
        ends[0, 3], ends[0, 4] = lonlat[w, 0], lonlat[w, 1]
        which[0, 0], which[0, 1], top, piece[0] = pieces[w], 0, 0, one
        while top >= 0:
            bx, by, bz = ends[top, 0], ends[top, 1], ends[top, 2]
            two, depth = which[top, 0], which[top, 1]
            vx, vy, vz = bx - ax, by - ay, bz - az
            c2 = vx * vx + vy * vy + vz * vz
            lx, ly, lz = bulge(ax, ay, az, vx, vy, vz)
            mx, my, mz = ground(
                ax + 0.5 * vx + 0.25 * lx, ay + 0.5 * vy + 0.25 * ly, az + 0.5 * vz + 0.25 * lz
            )
            bow = _bow(lon, lat, ends[top, 3], ends[top, 4], mx, my, mz, c2)
            parts, sag, cornered = 1, 0.0, False
            if depth < _DEPTH and c2 > _LONGEST_M * _LONGEST_M:
                parts = min(ceil(sqrt(c2) / _LONGEST_M), _MOST_PARTS)
            elif depth < _DEPTH:
                s = foot(segments, one, mx, my, mz, 1e300)[1]
                if two != one:
                    s = min(s, foot(segments, two, mx, my, mz, 1e300)[1])
                # s is the distance to these two segments; to all others it is at least this.
                least = aim - slack - 1.01 * c2 / (8.0 * aim)
                if abs(s - radius) + bow > within or min(least, s) - bow < radius - within:
                    piece[0] = one
                    _move(mx, my, mz, aim, inf, tree, best, space)
                    s = metres[0]
                    if abs(s - radius) + bow > within:
                        sag = max(aim - s, 0.0)
                        # Enough parts to make a further split unlikely.
                        room = within + aim - radius - slack
                        parts = min(max(ceil(sqrt(1.02 * (sag + bow) / room)), 2), _MOST_PARTS)
                        cornered = s > aim and parts == 2 and one != two
            if parts == 1:
                if top > 0:
                    if count == len(out):
                        return -1
                    out[count, 0], out[count, 1] = ends[top, 3], ends[top, 4]
                    out_edge[count] = v
                    count += 1
                ax, ay, az, lon, lat, one = bx, by, bz, ends[top, 3], ends[top, 4], two
                top -= 1
                continue
            before = top
            ox, oy, oz = lx, ly, lz
            if sag > 0.0:
                fx, fy, fz = point_at(segments, piece[0], at[0])
                h = sqrt((mx - fx) ** 2 + (my - fy) ** 2 + (mz - fz) ** 2) + 1e-9
                h = 4.0 * _BULGE * sag / h
                ox, oy, oz = lx + (mx - fx) * h, ly + (my - fy) * h, lz + (mz - fz) * h
            for j in range(parts - 1, 0, -1):
                f = j / parts
                g = f * (1.0 - f)
                x, y, z = ground(ax + f * vx + g * ox, ay + f * vy + g * oy, az + f * vz + g * oz)
                if cornered:
                    cx, cy, cz, found = meeting(segments, one, two, aim, x, y, z)
                    e = ((cx - ax) * vx + (cy - ay) * vy + (cz - az) * vz) / c2
                    g = e * (1.0 - e)
                    px = cx - ax - e * vx - g * lx
                    py = cy - ay - e * vy - g * ly
                    pz = cz - az - e * vz - g * lz
                    # Where the middle of an edge spans a notch, its distance bounds the depth of
                    # the notch, more closely where the sides are steep. A corner at an end belongs
                    # to another edge.
                    h = (s - aim) ** 2
                    deep2 = 16.0 * h / max(1.0 - 3.999 * h / c2, 1e-4)
                    if found and 1e-3 < e < 0.999 and px * px + py * py + pz * pz < deep2:
                        x, y, z = cx, cy, cz
                x, y, z = _move(x, y, z, aim, slack, tree, best, space)
                if abs(metres[0] - aim) > _LOST * slack:
                    continue
                which[top, 1] = depth + 1
                top += 1
                ends[top, 0], ends[top, 1], ends[top, 2] = x, y, z
                ends[top, 3] = degrees(atan2(y, x))
                ends[top, 4] = degrees(atan2(z, sqrt(x * x + y * y) * (1.0 - E2)))
                which[top, 0], which[top, 1] = piece[0], depth + 1
            if top == before:  # no better vertex was found
                which[top, 1] = _DEPTH
    return count


@kernel(
    "int, rows, rows, rows, ints, bools, bools, ints, ints, ints, flat, int, int, "
    "float, float, float, float, rows, rows, rows, flat, ints, flat, fans, ints, int, rows, ints"
)
def work(
    step, place, lonlat, feet, pieces, fixed, lost, after, one, two, side, first, last,
    radius, aim, within, slack,
    a, d, n, per_d2, target, start, tubes, child, leaves, out, out_edge,
):  # fmt: skip
    """Do one step on rows first to last; one kernel, as it compiles several times faster than four.

    MOVE: put vertices at the distance `aim`; fixed ones only get their segment. SIDES: find on
    which side of each edge the buffered line is, positive on the left. The value grows with the
    length of the edge, so that long edges decide a sum. MEET: put each vertex of `one` in the
    corner between its own closest segment and that of `two`. REFINE: see `_refine`.

    Vertices for which no point at the distance was found are marked in `lost`.
    """
    piece, at, metres, owner = np.full(1, -1), np.zeros(1), np.zeros(1), np.full(1, -1)
    stack, bound, away2 = np.empty(STACK, np.int64), np.empty(STACK), np.empty(tubes.shape[2])
    segments, best, space = (a, d, n, per_d2), (piece, at, metres, owner), (stack, bound, away2)
    tree = segments, target, start, tubes, child, leaves
    if step == REFINE:
        return _refine(
            place, lonlat, pieces, after, fixed, first, last, radius, aim, within, slack, tree,
            best, space, out, out_edge,
        )  # fmt: skip
    for row in range(first, last):
        v, w, allowed = row, after[row] if step == SIDES else row, slack
        if step == MEET:
            v, w = one[row], two[row]
        x, y, z = place[v, 0], place[v, 1], place[v, 2]
        ux, uy, uz = place[w, 0] - x, place[w, 1] - y, place[w, 2] - z
        if step == MOVE:
            allowed = inf if fixed[v] else slack
        else:
            piece[0] = pieces[v]
        if step == SIDES:
            turn = _turn(ux, uy, uz, x, y, z, feet[v, 0], feet[v, 1], feet[v, 2])
            turn_w = _turn(ux, uy, uz, x + ux, y + uy, z + uz, feet[w, 0], feet[w, 1], feet[w, 2])
            # The line from an end of an edge to its closest point is normal to the edge, except in
            # a corner, where it may lead to the other side. In doubt the middle decides.
            size = sqrt(ux * ux + uy * uy + uz * uz)
            sure = _SQUARE * size * aim * sqrt(x * x + y * y + z * z)
            if size < _SHORT * aim and turn * turn_w > 0.0 and min(abs(turn), abs(turn_w)) > sure:
                side[v] = 0.5 * (turn + turn_w)
                continue
            allowed = inf
        if step != MOVE:
            x, y, z = ground(x + 0.5 * ux, y + 0.5 * uy, z + 0.5 * uz)
        if step == MEET and pieces[v] != pieces[w]:
            cx, cy, cz, found = meeting(segments, pieces[v], pieces[w], aim, x, y, z)
            if found and (cx - x) ** 2 + (cy - y) ** 2 + (cz - z) ** 2 < _NEAR * aim * aim:
                x, y, z = cx, cy, cz
        x, y, z = _move(x, y, z, aim, allowed, tree, best, space)
        fx, fy, fz = point_at(segments, piece[0], at[0])
        if step == SIDES:
            side[v] = _turn(ux, uy, uz, x, y, z, fx, fy, fz)
            continue
        place[v, 0], place[v, 1], place[v, 2] = x, y, z
        feet[v, 0], feet[v, 1], feet[v, 2] = fx, fy, fz
        pieces[v] = piece[0]
        lost[v] = allowed < inf and abs(metres[0] - aim) > _LOST * slack
    return 0


@kernel("rows, ints, int, int, float, rows")
def circles(lonlat, begin, first, last, aim, out):
    """Enter circles of `aim` metres around points first to last, counter-clockwise and closed."""
    across, down = (
        _RADIUS_M * sin(aim / _RADIUS_M),
        2.0 * _RADIUS_M * sin(0.5 * aim / _RADIUS_M) ** 2,
    )
    fall, level = sin(aim / _RADIUS_M), cos(aim / _RADIUS_M)
    for p in range(first, last):
        lam, phi = radians(lonlat[p, 0]), radians(lonlat[p, 1])
        sl, cl, sp, cp = sin(lam), cos(lam), sin(phi), cos(phi)
        normal = EQUATOR_M / sqrt(1.0 - E2 * sp * sp)
        px, py, pz = normal * cp * cl, normal * cp * sl, normal * (1.0 - E2) * sp
        count = begin[p + 1] - begin[p] - 1
        for k in range(count):
            angle = 2.0 * pi * k / count
            east, north = cos(angle), sin(angle)
            ux, uy, uz = -east * sl - north * sp * cl, east * cl - north * sp * sl, north * cp
            x, y, z = ground(
                px + across * ux - down * cp * cl,
                py + across * uy - down * cp * sl,
                pz + across * uz - down * sp,
            )
            # Exact on a sphere; on the ellipsoid one more step leaves less than rounding.
            e = aim - arc(px, py, pz, x, y, z)
            x, y, z = ground(
                x + e * (level * ux - fall * cp * cl),
                y + e * (level * uy - fall * cp * sl),
                z + e * (level * uz - fall * sp),
            )
            row = begin[p] + k
            out[row, 0] = degrees(atan2(y, x))
            out[row, 1] = degrees(atan2(z, sqrt(x * x + y * y) * (1.0 - E2)))
        out[begin[p] + count, 0], out[begin[p] + count, 1] = out[begin[p], 0], out[begin[p], 1]

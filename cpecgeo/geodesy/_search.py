"""Compiled: the search for the nearest segments.

The chord to a node's tube gives a lower bound of the geodesic distance: that of a geodesic on the
most gently curved part of the ellipsoid. A node is skipped when this bound exceeds the best
distance so far. Every remaining piece is measured by its true geodesic distance, so near ties can't
be lost. `segments` are starts, chords, lifts and inverse squares of lengths, as in `Pieces`.
"""

# Kernels have signatures of their own, which say more than annotations would.
# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

from math import inf, sqrt

import numpy as np

from cpecgeo.geodesy._arcs import arc, geodesic
from cpecgeo.geodesy._compile import kernel
from cpecgeo.geodesy._ellipsoid import PER_A2, PER_B2

__all__ = [
    "REFINE_M",
    "REFINE_MOST_M",
    "STACK",
    "TIE_M",
    "better",
    "descend",
    "drain",
    "foot",
    "longest_chord",
    "point_at",
    "refine",
    "to_axes2",
]

# No normal curvature of WGS 84 is less than 1 / 6,399.6 km.
_GENTLEST_M = 6_400_000.0
_HALF_TURN_M = 3.1415926 * _GENTLEST_M
# Beyond this chord the foot on the chord is more than the allowed millimetre from the foot on the
# ellipsoid, so the foot is computed from geodesics.
_CHORD_FOOT2 = 800_000.0**2
# Up to this chord the foot on the arc is good enough to skip a piece.
_SKIP2 = 3_000_000.0**2
# Two passages over the same track differ by less, by rounding; `longest_chord` allows more.
TIE_M = 1e-7
STACK = 128
# Between these, the foot on the chord is more than half a millimetre off and can be refined.
REFINE_M, REFINE_MOST_M = 35_000.0, 9_000_000.0
_REFINE_NEAR_M = 2_400_000.0  # to here the first series holds
_PROBE_M = 4_000.0  # far enough for rounding not to matter, near enough for a parabola
# Distances at which `_chord_there` gives a shorter bound than `longest_chord`.
_LOCAL_M, _LOCAL_LEAST2 = 2_400_000.0, 30_000.0**2
_PLAIN2 = 1e-6  # square of a cosine; the chord's direction is never that wrong
_MOST_HOPS = 4


@kernel(inline=True)
def longest_chord(s):
    """Return an upper bound of the chords of geodesics of `s` metres."""
    if s >= _HALF_TURN_M:
        return 1e150
    # The series of the sine, its last term enlarged; so no sine is needed.
    u = (s / _GENTLEST_M) * (s / _GENTLEST_M)
    return s * (1.0 - u * (1.0 / 24.0 - u / 1_920.0)) + 1e-6


@kernel(inline=True)
def _chord_there(tubes, node, x, y, z, s, cut):
    """Return an upper bound of the chords from (x, y, z) to points of a node at `s` metres.

    `cut` is the bound that holds everywhere. Here the direction to the node is known, and with it
    how much longer the geodesic is than its chord c: by a share of at least `per` c². The terms of
    the series of `arc` that are left out change this by less than a 20,000th; the change of
    direction within the node is allowed for by its size.
    """
    size = tubes[node, 8, 0]
    vx, vy, vz = x - tubes[node, 0, 0], y - tubes[node, 1, 0], z - tubes[node, 2, 0]
    flat, h = vx * vx + vy * vy, vz * vz
    c2 = flat + h
    if s > _LOCAL_M or c2 < 16.0 * size * size or c2 < _LOCAL_LEAST2:
        return cut
    m = z - 0.5 * vz
    per = (flat * PER_A2 + h * PER_B2) * (0.0416666 - 0.0002808 * m * m * PER_B2)
    per = (per + 0.0002789 * h * PER_B2) / c2
    per *= 1.0 - 6e-5 - 0.03 * size / sqrt(c2)
    u = per * s * s
    # The series of the sine, with 0.4 in place of 0.3 to stay above it.
    return min(cut, s * (1.0 - u * (1.0 - 0.4 * u)) + 1e-6)


@kernel(inline=True)
def point_at(segments, i, t):
    """Return the point at share t of segment i."""
    a, d, n, _per = segments
    w = t * (1.0 - t)
    return (
        a[i, 0] + t * d[i, 0] + w * n[i, 0],
        a[i, 1] + t * d[i, 1] + w * n[i, 1],
        a[i, 2] + t * d[i, 2] + w * n[i, 2],
    )


@kernel(inline=True)
def _at(segments, i, t, x, y, z):
    """Return geodesic metres from (x, y, z) to the point at share t of piece i."""
    fx, fy, fz = point_at(segments, i, t)
    return geodesic(fx, fy, fz, x, y, z)


@kernel()
def _far_foot(segments, i, x, y, z):
    """Return the share along piece i of the foot, and geodesic metres, for distant points."""
    f0, f1, f2 = (
        _at(segments, i, 0.0, x, y, z),
        _at(segments, i, 0.5, x, y, z),
        _at(segments, i, 1.0, x, y, z),
    )
    t, s = 0.0, f0
    if not (s <= f2):
        t, s = 1.0, f2
    if not (s <= f1):
        t, s = 0.5, f1
    bow = f0 - 2.0 * f1 + f2
    if bow > 0.0:
        fit = 0.5 + 0.25 * (f0 - f2) / bow
        if 0.0 < fit < 1.0:
            f = _at(segments, i, fit, x, y, z)
            if not (s <= f):
                t, s = fit, f
    return t, s


@kernel(inline=True)
def foot(segments, i, x, y, z, cut2):
    """Return the share along piece i of the foot, and geodesic metres; infinite beyond the cut."""
    a, d, n, per_d2 = segments
    px, py, pz = x - a[i, 0], y - a[i, 1], z - a[i, 2]
    dx, dy, dz = d[i, 0], d[i, 1], d[i, 2]
    nx, ny, nz = n[i, 0], n[i, 1], n[i, 2]
    per = per_d2[i]
    t = (px * dx + py * dy + pz * dz) * per
    if per > 0.0 and -0.5 < t < 1.5:
        # One Newton step from the chord to the arc, before clamping: a foot beyond the chord's end
        # may be on the arc, and the reverse.
        w, u = t * (1.0 - t), 1.0 - 2.0 * t
        rx, ry, rz = px - t * dx - w * nx, py - t * dy - w * ny, pz - t * dz - w * nz
        lx, ly, lz = dx + u * nx, dy + u * ny, dz + u * nz
        slope = rx * lx + ry * ly + rz * lz
        bow = lx * lx + ly * ly + lz * lz + 2.0 * (rx * nx + ry * ny + rz * nz)
        if bow > 0.0:
            t += slope / bow
    t = min(max(t, 0.0), 1.0)
    w = t * (1.0 - t)
    rx, ry, rz = px - t * dx - w * nx, py - t * dy - w * ny, pz - t * dz - w * nz
    c2 = rx * rx + ry * ry + rz * rz
    if c2 > _CHORD_FOOT2:
        if c2 > cut2 * (1.0 + 1e-7) and c2 < _SKIP2:
            return t, inf
        return _far_foot(segments, i, x, y, z)
    if c2 > cut2:
        return t, inf
    return t, arc(x - rx, y - ry, z - rz, x, y, z)


@kernel()
def refine(segments, before, after, i, t, s, x, y, z):
    """Return piece, share and distance of the foot: the geodesic to (x, y, z) is normal there.

    The foot on the chord isn't that of the geodesic. The distances to the foot and to two points
    beside it fix a parabola; if its minimum is beyond the piece, the next piece is tried.
    """
    _a, d, n, per_d2 = segments
    best_i, best_t, best_s = i, t, s
    entry = -1.0
    for hop in range(_MOST_HOPS):
        if per_d2[i] == 0.0:
            break
        fx, fy, fz = point_at(segments, i, t)
        v = 1.0 - 2.0 * t
        lx, ly, lz = d[i, 0] + v * n[i, 0], d[i, 1] + v * n[i, 1], d[i, 2] + v * n[i, 2]
        if not 0.0 < t < 1.0:
            rx, ry, rz = x - fx, y - fy, z - fz
            slope = rx * lx + ry * ly + rz * lz
            plain = slope * slope * per_d2[i] > _PLAIN2 * (rx * rx + ry * ry + rz * rz)
            if plain and (slope < 0.0) == (t == 0.0):
                # This piece leads away from the point, and usually the next one too.
                j = before[i] if t == 0.0 else after[i]
                if hop > 0 or j < 0:
                    break
                i, t = j, 1.0 - t
                entry = t
                continue
        h = _PROBE_M * sqrt(per_d2[i])
        lx, ly, lz = h * lx, h * ly, h * lz
        # The surface curves as much beside the foot as along the piece.
        ux, uy, uz = fx * PER_A2, fy * PER_A2, fz * PER_B2
        fall = n[i, 0] * n[i, 0] + n[i, 1] * n[i, 1] + n[i, 2] * n[i, 2]
        fall = h * h * sqrt(fall / (ux * ux + uy * uy + uz * uz))
        gx, gy, gz = fx - fall * ux, fy - fall * uy, fz - fall * uz
        s0 = s if hop == 0 else geodesic(fx, fy, fz, x, y, z)
        if s0 < _REFINE_NEAR_M:
            s1 = arc(gx - lx, gy - ly, gz - lz, x, y, z)
            s2 = arc(gx + lx, gy + ly, gz + lz, x, y, z)
        else:
            s1 = geodesic(gx - lx, gy - ly, gz - lz, x, y, z)
            s2 = geodesic(gx + lx, gy + ly, gz + lz, x, y, z)
        bow = s1 - 2.0 * s0 + s2
        if not (bow > 0.0):
            break
        to = t + 0.5 * h * (s1 - s2) / bow
        if 0.0 < to < 1.0:
            best_i, best_t = i, to
            best_s = min(best_s, s0 - (s1 - s2) * (s1 - s2) / (8.0 * bow))
            break
        end = 0.0 if to <= 0.0 else 1.0
        if end == entry:  # on neither piece: the foot is the vertex between them
            break
        best_i, best_t = i, end
        j = before[i] if end == 0.0 else after[i]
        if j < 0:
            break
        i, t = j, 1.0 - end
        entry = t
    return best_i, best_t, best_s


@kernel(inline=True)
def better(i, s, j, t, target, start):
    """Return whether piece i at s metres is a better answer than piece j at t metres.

    Where a geometry runs over its own track twice, or through a vertex twice, its first passage is
    better; otherwise rounding would decide. Of targets at exactly the same distance the first is
    better.
    """
    if target[i] == target[j]:
        return s < t - TIE_M or (s <= t + TIE_M and start[i] < start[j])
    return s < t or (s == t and target[i] < target[j])


@kernel()
def _enter(piece, t, s, k, target, start, best):
    """Enter a piece into the list of the k best, one per target; return 1 if the list changed."""
    best_piece, best_t, best_s, best_target = best
    at = k - 1
    for j in range(k):
        if best_target[j] == target[piece]:
            at = j
            break
    if best_piece[at] >= 0:
        if not better(piece, s, best_piece[at], best_s[at], target, start):
            return 0
        if best_target[at] == target[piece]:
            s = min(s, best_s[at])
    elif best_s[at] <= s:
        return 0
    while at > 0 and (
        best_s[at - 1] > s or (best_s[at - 1] == s and best_target[at - 1] > target[piece])
    ):
        best_piece[at], best_t[at] = best_piece[at - 1], best_t[at - 1]
        best_s[at], best_target[at] = best_s[at - 1], best_target[at - 1]
        at -= 1
    best_piece[at], best_t[at], best_s[at], best_target[at] = piece, t, s, target[piece]
    return 1


@kernel(inline=True)
def to_axes2(tubes, node, x, y, z, away2):
    """Enter the squared chords from a point to the axes of a node's tubes; vectorized."""
    for c in range(len(away2)):
        vx, vy, vz = x - tubes[node, 0, c], y - tubes[node, 1, c], z - tubes[node, 2, c]
        dx, dy, dz = tubes[node, 3, c], tubes[node, 4, c], tubes[node, 5, c]
        t = (vx * dx + vy * dy + vz * dz) * tubes[node, 6, c]
        t = max(0.0, t)
        t = min(1.0, t)
        vx, vy, vz = vx - t * dx, vy - t * dy, vz - t * dz
        away2[c] = vx * vx + vy * vy + vz * vz


@kernel(inline=True)
def drain(x, y, z, limit, k, known, top, tree, best, space):
    """Search the `top` nodes on the stack for pieces nearer than the k best so far.

    The piece `known` has been measured already. `tree` is segments with their targets and starts,
    and tubes with their first children and the number of leaves. `best` is pieces, shares along
    them, distances and targets; `space` the stack, its bounds and room for one node's distances.
    """
    segments, target, start, tubes, child, leaves = tree
    best_piece, best_t, best_s, best_target = best
    stack, bound, away2 = space
    cut = longest_chord(best_s[k - 1])
    while top > 0:
        top -= 1
        if bound[top] > cut:
            continue
        node = stack[top]
        most, reaches = best_s[k - 1], cut
        only = int(tubes[node, 8, 1]) - 1 if k > 1 else -1
        if only >= 0:
            # A node whose only target is in the list already matters only where it is nearer.
            for j in range(k):
                if best_target[j] == only:
                    most = best_s[j]
            reaches = longest_chord(most)
            if bound[top] > reaches:
                continue
        to_axes2(tubes, node, x, y, z, away2)
        here = _chord_there(tubes, node, x, y, z, most, reaches)
        if node < leaves:
            # With the nearest piece first, hardly another is measured.
            first = 0
            for c in range(1, len(away2)):
                if away2[c] < away2[first]:
                    first = c
            for j in range(-1, len(away2)):
                c = first if j < 0 else j
                reach = here + tubes[node, 7, c]
                if j == first or away2[c] > reach * reach:
                    continue
                i = child[node] + c
                if i == known:
                    continue
                t, s = foot(segments, i, x, y, z, here * here)
                if not (s <= best_s[k - 1] + TIE_M and s < limit):
                    continue
                if k == 1:
                    p = best_piece[0]
                    if p < 0 or better(i, s, p, best_s[0], target, start):
                        best_piece[0], best_t[0], best_s[0] = i, t, s
                        cut = longest_chord(s)
                        here = _chord_there(tubes, node, x, y, z, s, cut)
                elif _enter(i, t, s, k, target, start, best):
                    cut = longest_chord(best_s[k - 1])
                    most = min(most, s) if only >= 0 else best_s[k - 1]
                    here = _chord_there(tubes, node, x, y, z, most, longest_chord(most))
            continue
        base = top
        for c in range(len(away2)):
            reach = here + tubes[node, 7, c]
            if away2[c] <= reach * reach:
                away = sqrt(away2[c]) - tubes[node, 7, c]
                at = top
                while at > base and bound[at - 1] < away:  # so that the nearest comes last
                    stack[at], bound[at] = stack[at - 1], bound[at - 1]
                    at -= 1
                stack[at], bound[at] = child[node] + c, away
                top += 1


@kernel(inline=True)
def descend(x, y, z, limit, k, tree, best, space):
    """Find the k nearest targets of one point, starting from the pieces in `best`."""
    segments, target, start, _tubes, child, _leaves = tree
    best_piece, best_t, best_s, best_target = best
    stack, bound, _away2 = space
    if k == 1:
        i = best_piece[0]
        best_piece[0], best_target[0], best_s[0] = -1, -1, limit
        if i >= 0:
            t, s = foot(segments, i, x, y, z, 1e300)
            if s < limit:
                best_piece[0], best_t[0], best_s[0], best_target[0] = i, t, s, target[i]
    else:
        seed = np.empty(k, np.int64)
        for j in range(k):
            seed[j] = best_piece[j]
            best_piece[j], best_target[j], best_s[j] = -1, -1, limit
        for j in range(k):
            i = seed[j]
            if i >= 0:
                t, s = foot(segments, i, x, y, z, 1e300)
                if s < limit:
                    _enter(i, t, s, k, target, start, best)
    stack[0], bound[0] = len(child) - 1, 0.0
    drain(x, y, z, limit, k, -1, 1, tree, best, space)

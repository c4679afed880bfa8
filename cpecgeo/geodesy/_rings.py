"""Compiled: rings: their areas, lengths, which are clearly valid, and winding around points.

A meridian is followed to a point from a pole that is on no boundary, and the edges that it crosses
are counted. A segment of an edge is the parabola of `_tree`. It meets the meridian's plane at the
root of a quadratic equation, to a hundredth of a millimetre. Nothing else is approximate: segments
share the vertex where they meet, so that no crossing is counted twice or left out.
"""

# Kernels have signatures of their own, which say more than annotations would.
# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

from math import atan2, atanh, comb, cos, pi, radians, sin, sqrt

import numpy as np

from cpecgeo.geodesy._arcs import (
    A31,
    A32,
    A33,
    C31,
    C32,
    C312,
    EP2,
    NEAR_M,
    WIDE_M,
    arc,
    arctangent,
    great_circle,
    point_on,
    reduce_latitude,
    sine_cosine,
    small_sine_cosine,
    wide_arc,
)
from cpecgeo.geodesy._compile import kernel
from cpecgeo.geodesy._ellipsoid import E2, EQUATOR_M, FLATTENING, POLE_M, Floats

__all__ = ["contain", "parabola_root", "path_lengths", "ring_areas", "stars"]

# Square of the radius of the sphere of equal area.
_AUTHALIC2 = 0.5 * (EQUATOR_M**2 + POLE_M**2 * atanh(sqrt(E2)) / sqrt(E2))
_HALF_EARTH = 2.0 * pi * _AUTHALIC2
_A2E2 = EQUATOR_M**2 * E2
_MAX_STEPS = 60
_WIDEST = 2.8  # radians: the ends of a longer edge may be antipodes
_HALF_TURN = 3.1415926535897936  # rounded up, as a longitude over a pole may be
_TINY = 1e-100
_BLOCK = 512  # vertices
_LONGEST_M = 1e8
_STAR, _STAR_ROUNDING = 1e-6, 1e-12  # least turn of an edge seen from inside: as share, per degree
_POLAR_DEG = 75.0
_TURN = 2.0 * pi
_AXIS_M = 1e-12  # a point is farther from the axis


def _below_series() -> Floats:
    """List coefficients of Karney's I₄ over the cosine of the arc, by powers of k² and of k² cos².

    I₄ is his integral for the area under a geodesic (2013). It contains t(x) = x + √(1 + 1/x) asinh
    √x. The second term has an algebraic derivative, so each coefficient of its series follows from
    the one before. The remaining integrals, of powers of the sine of the arc, have closed forms.
    """
    rows = _BELOW + 8
    term = [1.0]
    for m in range(1, rows + 1):
        term.append(1.0 / 3.0 if m == 1 else -2.0 * (m - 1) / (2 * m + 1) * term[-1])
    term[1] += 1.0
    below = np.zeros((_BELOW, _BELOW))
    for m in range(_BELOW):
        f = sum(term[q] * EP2 ** (q - 1 - m) for q in range(m + 1, rows + 1))
        for j in range(m + 1):
            below[m - j, j] = 0.5 * f * comb(m, j) * (-1) ** j / (2 * j + 1)
    return below


_BELOW = 7
_BELOW_SERIES = _below_series()


@kernel(inline=True)
def _stretch(sh, ch, sin1, cos1, sin2, cos2):
    """Return the great circle over a longitude on the auxiliary sphere, given half of that angle.

    The values are: how much the longitude exceeds that on the ellipsoid, the rate at which the
    excess grows, and the cosine of the arc.
    """
    sl, sl2 = 2.0 * sh * ch, 2.0 * sh * sh
    u, v = cos2 * sl, cos1 * sin2 - sin1 * cos2 + sin1 * cos2 * sl2
    ss = sqrt(u * u + v * v)
    cs, per = sin1 * sin2 + cos1 * cos2 * (1.0 - sl2), 1.0 / (ss + _TINY)
    sigma = 2.0 * arctangent(ss / (1.0 + cs))
    sa = cos1 * cos2 * sl * per
    ca2 = 1.0 - sa * sa
    c2m = cs - 2.0 * sin1 * sin2 / max(ca2, 1e-15)
    x = EP2 * ca2
    e = x * (0.25 - x * (0.125 - x * (5 / 64 - x * (7 / 128 - x * 21 / 512))))
    a3 = 1.0 - e * (A31 + e * (A32 + e * A33))
    turn = e * (C31 + e * (C312 + e * 3 / 64)) * ss * c2m
    turn += e * e * (C32 + e * 3 / 64) * 2.0 * ss * cs * (2.0 * c2m * c2m - 1.0)
    turn += e * e * e * 5 / 192 * ss * (3.0 - 4.0 * ss * ss) * c2m * (4.0 * c2m * c2m - 3.0)
    bend = (1.0 - sl2) * sigma * per + sl * sa * (ss - sigma * cs) * per * per
    bend = FLATTENING * cos1 * cos2 * bend
    return FLATTENING * sa * a3 * (sigma + 2.0 * turn), bend, cs


@kernel(inline=True)
def _area(turned, sl, sl2, sin1, cos1, sin2, cos2):
    """Return the area in m² between an edge and the equator, as Karney (2013) sums it up.

    It is the turn of the azimuth times the square of the authalic radius, and I₄. `sl` is the sine
    of the longitude on the auxiliary sphere, `sl2` is 1 less its cosine.
    """
    # The cosines of the azimuths at both ends times those of the latitudes.
    rise = cos1 * sin2 - sin1 * cos2
    u, v = sl * cos2, rise + sin1 * cos2 * sl2
    per = 1.0 / (sqrt(u * u + v * v) + _TINY)
    sa, v1, v2 = cos1 * u * per, cos1 * v * per, cos2 * (rise - cos1 * sin2 * sl2) * per
    k2, w1, w2 = EP2 * (1.0 - sa * sa), EP2 * v1 * v1, EP2 * v2 * v2
    g1, g2 = 0.0, 0.0
    for j in range(_BELOW - 1, -1, -1):
        c = 0.0
        for i in range(_BELOW - 1 - j, -1, -1):
            c = c * k2 + _BELOW_SERIES[i, j]
        g1, g2 = g1 * w1 + c, g2 * w2 + c
    return _AUTHALIC2 * turned + _A2E2 * sa * (v2 * g2 - v1 * g1)


@kernel(inline=True)
def _below(lam, sin1, cos1, sin2, cos2):
    """Return the area in m² between an edge and the equator, positive eastwards.

    NaN for an edge of a quarter of the circumference or longer. The derivative is right to a few
    millionths, so two steps of Newton's method are enough.
    """
    sh, ch = small_sine_cosine(0.5 * lam)
    farther, bend, cs = _stretch(sh, ch, sin1, cos1, sin2, cos2)
    step = farther / (1.0 - bend)
    s, c = small_sine_cosine(0.5 * step)
    sh, ch = sh * c + ch * s, ch * c - sh * s
    farther, bend, _cs = _stretch(sh, ch, sin1, cos1, sin2, cos2)
    step = 0.5 * (farther - step) / (1.0 - bend)
    sh, ch = sh + ch * step, ch - sh * step
    # The turn is found from half angles, so that short edges keep their digits.
    d1, d2 = 1.0 + cos1, 1.0 + cos2
    turned = sh * (sin1 * d2 + sin2 * d1) / (ch * (sin1 * sin2 + d1 * d2))
    area = _area(2.0 * arctangent(turned), 2.0 * sh * ch, 2.0 * sh * sh, sin1, cos1, sin2, cos2)
    return area if abs(lam) <= 0.5 * pi and cs > 0.0 else float("nan")


@kernel()
def _far_below(lam, sin1, cos1, sin2, cos2):
    """Return what `_below` does, for edges of any length; NaN near antipodes."""
    longitude, settled = lam, False
    for _ in range(_MAX_STEPS):
        ss, cs, sigma, sa, _ca2, _c2m, farther = great_circle(lam, sin1, cos1, sin2, cos2)
        if ss == 0.0:
            break
        step, enough = longitude + farther - lam, 1e-13
        if abs(longitude) < _WIDEST:
            bend = cos(lam) * sigma / ss + sin(lam) * sa * (ss - sigma * cs) / (ss * ss)
            step, enough = step / (1.0 - FLATTENING * cos1 * cos2 * bend), 3e-8
        lam += step
        if not abs(lam) <= _HALF_TURN:
            break
        if abs(step) <= enough * abs(lam):
            settled = True
            break
    if ss == 0.0 and cs > 0.0:  # at a pole: from one meridian to another
        return _AUTHALIC2 * sin1 * longitude
    if not settled:
        return float("nan")
    sh, ch = sin(0.5 * lam), cos(0.5 * lam)
    d1, d2 = 1.0 + cos1, 1.0 + cos2
    turned = 2.0 * atan2(sh * (sin1 * d2 + sin2 * d1), ch * (sin1 * sin2 + d1 * d2))
    return _area(turned, 2.0 * sh * ch, 2.0 * sh * sh, sin1, cos1, sin2, cos2)


@kernel("rows, ints, int, int, flat")
def ring_areas(lonlat, begin, first, last, out):
    """Enter areas in m² left of rings first to last, modulo the earth's; NaN near antipodes.

    Ring r has rows begin[r] to begin[r + 1] of `lonlat`, the last one like the first.
    """
    lon, lat, steps, below = np.empty(_BLOCK), np.empty(_BLOCK), np.empty(_BLOCK), np.empty(_BLOCK)
    sines, cosines = np.empty(_BLOCK), np.empty(_BLOCK)
    r, total, lost, turns = first, 0.0, 0.0, 0.0
    # All edges in a row; those between two rings are computed too and don't count.
    for base in range(begin[first], begin[last] - 1, _BLOCK - 1):
        count = min(_BLOCK, begin[last] - base)
        for k in range(count):
            lon[k], lat[k] = lonlat[base + k, 0], lonlat[base + k, 1]
        for k in range(count):
            sines[k], cosines[k] = reduce_latitude(lat[k])
        for k in range(1, count):
            step = lon[k] - lon[k - 1]
            step = step - 360.0 if step > 180.0 else (step + 360.0 if step < -180.0 else step)
            steps[k] = step
            below[k] = _below(radians(step), sines[k - 1], cosines[k - 1], sines[k], cosines[k])
        for k in range(1, count):
            if base + k == begin[r + 1]:
                # The earth north of the equator.
                out[r] = round(turns / 360.0) * _HALF_EARTH - (total + lost)
                r, total, lost, turns = r + 1, 0.0, 0.0, 0.0
                continue
            if steps[k] == 0.0:
                continue
            turns += steps[k]
            more = below[k]
            if not abs(more) <= _HALF_EARTH:
                more = _far_below(
                    radians(steps[k]), sines[k - 1], cosines[k - 1], sines[k], cosines[k]
                )
            # Two large numbers nearly cancel, so rounding errors are summed too and added at the
            # end.
            new = total + more
            lost += (total - new) + more if abs(total) >= abs(more) else (more - new) + total
            total = new
    out[r] = round(turns / 360.0) * _HALF_EARTH - (total + lost)


@kernel()
def _wider(ax, ay, az, bx, by, bz):
    """Return geodesic metres of chords beyond `NEAR_M`; NaN of those beyond `WIDE_M`."""
    vx, vy, vz = bx - ax, by - ay, bz - az
    is_far = vx * vx + vy * vy + vz * vz > WIDE_M * WIDE_M
    return float("nan") if is_far else wide_arc(ax, ay, az, bx, by, bz)


@kernel("rows, ints, int, int, flat")
def path_lengths(lonlat, begin, first, last, out):
    """Enter lengths in metres of paths first to last; NaN if an edge's chord is beyond `WIDE_M`.

    Path r has rows begin[r] to begin[r + 1] of `lonlat`.
    """
    lon, lat, metres = np.empty(_BLOCK), np.empty(_BLOCK), np.empty(_BLOCK)
    x, y, z = np.empty(_BLOCK), np.empty(_BLOCK), np.empty(_BLOCK)
    r, total = first, 0.0
    for base in range(begin[first], begin[last] - 1, _BLOCK - 1):
        count = min(_BLOCK, begin[last] - base)
        for k in range(count):
            lon[k], lat[k] = lonlat[base + k, 0], lonlat[base + k, 1]
        for k in range(count):
            x[k], y[k], z[k] = point_on(lon[k], lat[k])
        for k in range(1, count):
            size = arc(x[k - 1], y[k - 1], z[k - 1], x[k], y[k], z[k])
            vx, vy, vz = x[k] - x[k - 1], y[k] - y[k - 1], z[k] - z[k - 1]
            is_long = vx * vx + vy * vy + vz * vz > NEAR_M * NEAR_M
            metres[k] = float("nan") if is_long else size
        for k in range(1, count):
            if base + k == begin[r + 1]:
                out[r] = total
                r, total = r + 1, 0.0
                continue
            more = metres[k]
            if not more <= _LONGEST_M:
                more = _wider(x[k - 1], y[k - 1], z[k - 1], x[k], y[k], z[k])
            total += more
    out[r] = total


@kernel("rows, ints, int, int, rows, bools")
def stars(lonlat, begin, first, last, plane, out):
    """Enter whether rings first to last are clearly valid: seen from inside, each turns once.

    Ring r has rows begin[r] to begin[r + 1] of `lonlat`, the last one like the first. A ring over
    the antimeridian is unrolled, and one near a pole is projected to a plane around it. `plane` is
    working space for as many coordinates.
    """
    for r in range(first, last):
        a, b = begin[r], begin[r + 1]
        leaps, turn, lat = 0, 0, 0.0
        for i in range(a, b):
            step = lonlat[i, 0] - lonlat[i - 1, 0] if i > a else 0.0
            if abs(step) > 180.0:
                turn -= round(step / 360.0)
                # A step of 360° leads from one side of the antimeridian to the other.
                if abs(step) < 360.0:
                    leaps += 1
            plane[i, 0], plane[i, 1] = lonlat[i, 0] + 360.0 * turn, lonlat[i, 1]
            lat += lonlat[i, 1]
        if leaps == 0:
            for i in range(a, b):
                plane[i, 0] = lonlat[i, 0]
        elif abs(plane[b - 1, 0] - plane[a, 0]) > 180.0 or abs(lat) > _POLAR_DEG * (b - a):
            pole = 1.0 if lat >= 0.0 else -1.0
            for i in range(a, b):
                s, c = sine_cosine(lonlat[i, 0])
                away = 90.0 - pole * lonlat[i, 1]
                plane[i, 0], plane[i, 1] = away * c, away * s
        plane[b - 1, 0], plane[b - 1, 1] = plane[a, 0], plane[a, 1]
        x, y = 0.0, 0.0
        for i in range(a, b):
            x, y = x + plane[i, 0], y + plane[i, 1]
        x, y = x / (b - a), y / (b - a)
        size2, least, most, over = 0.0, 1e300, -1e300, 0
        ux, uy = plane[a, 0] - x, plane[a, 1] - y
        for i in range(a + 1, b):
            vx, vy = plane[i, 0] - x, plane[i, 1] - y
            swept = ux * vy - uy * vx
            least, most = min(least, swept), max(most, swept)
            size2 = max(size2, vx * vx + vy * vy)
            if (uy < 0.0) != (vy < 0.0):
                over += 1
            ux, uy = vx, vy
        # More than rounding of degrees can cause.
        clear = _STAR * size2 + _STAR_ROUNDING * sqrt(size2)
        out[r] = (least > clear or most < -clear) and over == 2


@kernel(inline=True)
def parabola_root(begin, rise, bend):
    """Return the root, 0 to 1, of begin + t rise + t (1 - t) bend, whose ends differ in sign."""
    p = rise + bend
    root = sqrt(max(p * p + 4.0 * bend * begin, 0.0))
    q = p + root if p >= 0.0 else p - root
    t = -2.0 * begin / q if q != 0.0 else 0.0
    if not (0.0 <= t <= 1.0) and bend != 0.0:
        t = 0.5 * q / bend
    return min(max(t, 0.0), 1.0)


@kernel(inline=True)
def _crossing(sl, cl, h, z, pole, a, b, n, i):
    """Return 1 or -1 where segment i crosses the meridian from the point to the pole, else 0.

    Positive when the segment runs east. The point is `h` from the axis, at height `z`.
    """
    begin, end = cl * a[i, 1] - sl * a[i, 0], cl * b[i, 1] - sl * b[i, 0]
    if (begin >= 0.0) == (end >= 0.0):
        return 0
    t = parabola_root(begin, end - begin, cl * n[i, 1] - sl * n[i, 0])
    w = t * (1.0 - t)
    x = a[i, 0] + t * (b[i, 0] - a[i, 0]) + w * n[i, 0]
    y = a[i, 1] + t * (b[i, 1] - a[i, 1]) + w * n[i, 1]
    v = a[i, 2] + t * (b[i, 2] - a[i, 2]) + w * n[i, 2]
    away = cl * x + sl * y
    if away <= 0.0 or (h * v - z * away) * pole <= 0.0:
        return 0
    return 1 if end >= 0.0 else -1


@kernel(
    "rows, int, int, rows, rows, rows, ints, ints, ints, flat, rows, rows, flat, flat, "
    "ints, ints, ints, flat, int, ints, ints, table"
)
def contain(
    lonlat, first, last,
    a, b, n, weight,
    target, base, pole, frame, box, west, scale, bin_first,
    segment_first, segments,
    grid, columns, cell_first, cells,
    out,
):  # fmt: skip
    """Enter the first targets that rows first to last of `lonlat` are inside of."""
    for row in range(first, last):
        lon, lat = lonlat[row, 0], lonlat[row, 1]
        column, line = (lon - grid[0]) * grid[2], (lat - grid[1]) * grid[3]
        if not (0.0 <= column <= columns and 0.0 <= line <= columns):
            continue
        cell = min(int(line), columns - 1) * columns + min(int(column), columns - 1)
        if cell_first[cell] == cell_first[cell + 1]:
            continue
        lam, phi = radians(lon), radians(lat)
        sp, cp = sin(phi), cos(phi)
        normal = EQUATOR_M / sqrt(1.0 - E2 * sp * sp)
        xe, ye, ze = normal * cp * cos(lam), normal * cp * sin(lam), normal * (1.0 - E2) * sp
        found = 0
        for j in range(cell_first[cell], cell_first[cell + 1]):
            p = cells[j]
            if lat < box[p, 2] or lat > box[p, 3] or (lon - box[p, 0]) % 360.0 > box[p, 1]:
                continue
            if found > 0 and out[row, found - 1] == target[p]:
                continue
            x = frame[p, 0] * xe + frame[p, 1] * ye + frame[p, 2] * ze
            y = frame[p, 3] * xe + frame[p, 4] * ye + frame[p, 5] * ze
            z = frame[p, 6] * xe + frame[p, 7] * ye + frame[p, 8] * ze
            h = max(sqrt(x * x + y * y), _AXIS_M)
            winding = base[p]
            place = ((atan2(y, x) - west[p]) % _TURN) * scale[p]
            bins = bin_first[p + 1] - bin_first[p]
            if place < bins + 1e-6:  # by rounding it may be a full turn
                k = bin_first[p] + min(int(place), bins - 1)
                for i in range(segment_first[k], segment_first[k + 1]):
                    e = segments[i]
                    winding += weight[e] * _crossing(y / h, x / h, h, z, pole[p], a, b, n, e)
            if winding > 0:
                out[row, found] = target[p]
                found += 1
                if found == out.shape[1]:
                    break

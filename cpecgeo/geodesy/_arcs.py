"""Compiled: geodesic distance from earth-centred coordinates.

Geodesic over chord is a polynomial in three numbers, fitted to Karney's distances: one for
chords up to `NEAR_M`, another up to `WIDE_M`, see `_series`. No trigonometry is needed, so loops
of them become vector instructions. Farther apart, Vincenty's iteration with Karney's series takes
over, and gives NaN near antipodes, where all of Karney's method is needed.
"""

# Kernels have numba signatures, which say more than annotations would.
# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

from math import atan2, cos, sin, sqrt

import numba

from cpecgeo.geodesy._compile import jit
from cpecgeo.geodesy._ellipsoid import E2, EQUATOR_M, FLATTENING, POLE_M
from cpecgeo.geodesy._series import near, wide

__all__ = ["NEAR_M", "WIDE_M", "arc", "arcs", "geodesic", "pairs"]

# Chords up to which the two series hold; of geodesics of 2,500 and 11,900 km.
NEAR_M, WIDE_M = 2_490_000.0, 10_290_000.0
_TINY = 1e-40
_QA = 1.0 / EQUATOR_M**2
_QB = 1.0 / POLE_M**2
_EP2 = E2 / (1.0 - E2)
_MAX_STEPS = 60
# Karney (2013), equations 24 and 25, with the third flattening put in.
_N = FLATTENING / (2.0 - FLATTENING)
_A31, _A32, _A33 = 0.5 - _N / 2, 0.25 + _N / 8 - 3 * _N * _N / 8, 1 / 16 + 3 * _N / 16
_C31, _C312, _C32 = 0.25 - _N / 4, 0.125 - _N * _N / 8, 1 / 16 - 3 * _N / 32

_f8, _i8 = numba.float64, numba.int64
_rows = _f8[:, ::1]
_SIX = _f8(*[_f8] * 6)


@jit(_SIX, inline=True)
def arc(ax, ay, az, bx, by, bz):
    """Geodesic metres from a to b, both on the ellipsoid, their chord up to NEAR_M."""
    vx, vy, vz, mz = bx - ax, by - ay, bz - az, 0.5 * (az + bz)
    flat, h = vx * vx + vy * vy, vz * vz
    q = flat * _QA + h * _QB
    c = sqrt(flat + h)
    return c + 0.25 * q * c * near(0.25 * q, mz * mz * _QB, h * _QB / (q + _TINY))


@jit(_SIX, inline=True)
def wide_arc(ax, ay, az, bx, by, bz):
    """Geodesic metres from a to b, both on the ellipsoid, their chord up to WIDE_M."""
    vx, vy, vz, mz = bx - ax, by - ay, bz - az, 0.5 * (az + bz)
    flat, h = vx * vx + vy * vy, vz * vz
    q = flat * _QA + h * _QB
    rest = 1.0 - 0.25 * q
    half = 1.0 / (1.0 + sqrt(rest))
    y = 0.25 * q * half * half
    return sqrt(flat + h) * (1.0 + y) * wide(y, mz * mz * _QB / rest, h * _QB / (q + _TINY))


@jit(_SIX)
def far_arc(ax, ay, az, bx, by, bz):
    """Geodesic metres at any distance, by Vincenty's iteration; NaN near antipodes."""
    sin1, sin2 = az / POLE_M, bz / POLE_M
    ra, rb = sqrt(ax * ax + ay * ay), sqrt(bx * bx + by * by)
    cos1, cos2 = ra / EQUATOR_M, rb / EQUATOR_M
    longitude = atan2(ax * by - ay * bx, ax * bx + ay * by)
    lam = longitude
    for _ in range(_MAX_STEPS):
        sl, cl = sin(lam), cos(lam)
        u, v = cos2 * sl, cos1 * sin2 - sin1 * cos2 * cl
        ss = sqrt(u * u + v * v)
        cs = sin1 * sin2 + cos1 * cos2 * cl
        if ss == 0.0:
            return 0.0 if cs > 0.0 else float("nan")
        sigma = atan2(ss, cs)
        sa = cos1 * cos2 * sl / ss
        ca2 = 1.0 - sa * sa
        c2m = cs - 2.0 * sin1 * sin2 / ca2 if ca2 > 1e-15 else 0.0
        root = sqrt(1.0 + _EP2 * ca2)
        e = (root - 1.0) / (root + 1.0)
        t1, t2, t3 = ss * c2m, 2.0 * ss * cs * (2.0 * c2m * c2m - 1.0), ss * (3.0 - 4.0 * ss * ss)
        t3 *= c2m * (4.0 * c2m * c2m - 3.0)
        a3 = 1.0 - e * (_A31 + e * (_A32 + e * _A33))
        turn = e * (_C31 + e * (_C312 + e * 3 / 64)) * t1
        turn += e * e * ((_C32 + e * 3 / 64) * t2 + e * 5 / 192 * t3)
        before = lam
        lam = longitude + FLATTENING * sa * a3 * (sigma + 2.0 * turn)
        if abs(lam) > 3.2:
            return float("nan")
        if abs(lam - before) < 1e-13:
            e2 = e * e
            bow = e * (3 / 16 * e2 - 0.5) * t1 + e2 * ((e2 - 2.0) / 32 * t2 - e / 48 * t3)
            size = (1.0 + e2 * (0.25 + e2 / 64)) / (1.0 - e)
            return POLE_M * size * (sigma + 2.0 * bow)
    return float("nan")


@jit(_SIX)
def geodesic(ax, ay, az, bx, by, bz):
    """Geodesic metres by whichever method holds; NaN near antipodes."""
    vx, vy, vz = bx - ax, by - ay, bz - az
    c2 = vx * vx + vy * vy + vz * vz
    if c2 <= NEAR_M * NEAR_M:
        return arc(ax, ay, az, bx, by, bz)
    if c2 <= WIDE_M * WIDE_M:
        return wide_arc(ax, ay, az, bx, by, bz)
    return far_arc(ax, ay, az, bx, by, bz)


@jit(numba.void(_rows, _rows, numba.float64[::1]))
def arcs(a, d, out):
    """Geodesic metres of pieces that start at a and have the chord d."""
    for i in range(len(out)):
        out[i] = arc(
            a[i, 0], a[i, 1], a[i, 2], a[i, 0] + d[i, 0], a[i, 1] + d[i, 1], a[i, 2] + d[i, 2]
        )


@jit(numba.void(_rows, _rows, _i8, _i8, _rows, numba.bool_[::1]))
def pairs(a, b, first, last, km, failed):
    """Geodesic kilometres from rows first to last of `a`, (n, 3), to all of `b`, (3, m).

    A row with NaN in it, for points near each other's antipodes, is marked in `failed`.
    """
    count = b.shape[1]
    # All of b is in a ball, which tells whether any chord of a row can be too long.
    cx, cy, cz, ball2 = b[0].mean(), b[1].mean(), b[2].mean(), 0.0
    for j in range(count):
        ball2 = max(ball2, (b[0, j] - cx) ** 2 + (b[1, j] - cy) ** 2 + (b[2, j] - cz) ** 2)
    for i in range(first, last):
        x, y, z = a[i, 0], a[i, 1], a[i, 2]
        # The first two loops have no branches, and become vector instructions.
        for j in range(count):
            km[i, j] = 1e-3 * arc(x, y, z, b[0, j], b[1, j], b[2, j])
        longest = sqrt((x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2) + sqrt(ball2)
        if longest <= NEAR_M:
            continue
        for j in range(count):
            c2 = (b[0, j] - x) ** 2 + (b[1, j] - y) ** 2 + (b[2, j] - z) ** 2
            s = 1e-3 * wide_arc(x, y, z, b[0, j], b[1, j], b[2, j])
            km[i, j] = s if c2 > NEAR_M * NEAR_M else km[i, j]
        if longest <= WIDE_M:
            continue
        for j in range(count):
            if (b[0, j] - x) ** 2 + (b[1, j] - y) ** 2 + (b[2, j] - z) ** 2 > WIDE_M * WIDE_M:
                km[i, j] = 1e-3 * far_arc(x, y, z, b[0, j], b[1, j], b[2, j])
                failed[i] |= km[i, j] != km[i, j]

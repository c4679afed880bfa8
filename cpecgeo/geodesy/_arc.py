"""Compiled geodesic distance between points given in earth-centred coordinates.

Up to `SHORT_M` the plane through both points and the earth's centre cuts the ellipsoid in an
ellipse whose arc is a short series in the chord; the geodesic is shorter by a term in the
geodesic curvature of that arc. No trigonometry is needed, so loops of it become vector
instructions. Farther apart, Vincenty's iteration takes over, and gives NaN near antipodes,
where Karney's method is needed. The derivation is in the documentation, "How exact".
"""

# Kernels have numba signatures, which say more than annotations would.
# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

from math import atan2, cos, sin, sqrt

import numba

from cpecgeo.geodesy._compile import jit
from cpecgeo.geodesy._ellipsoid import E2, EQUATOR_M, FLATTENING, POLE_M

__all__ = ["SHORT_M", "arc", "arcs", "far_arc", "geodesic", "pairs"]

SHORT_M = 1_000_000.0
_QA = 1.0 / EQUATOR_M**2
_QB = 1.0 / POLE_M**2
_TWIST = (_QB - _QA) ** 2 / 24.0
_EP2 = E2 / (1.0 - E2)
_MAX_STEPS = 60

_SIX = numba.float64(*[numba.float64] * 6)
_rows = numba.float64[:, ::1]


@jit(_SIX, inline=True)
def arc(ax, ay, az, bx, by, bz):
    """Geodesic metres from a to b, both on the ellipsoid, up to SHORT_M apart."""
    vx, vy, vz = bx - ax, by - ay, bz - az
    mx, my, mz = 0.5 * (ax + bx), 0.5 * (ay + by), 0.5 * (az + bz)
    flat = vx * vx + vy * vy
    c2 = flat + vz * vz + 1e-30
    q = flat * _QA + vz * vz * _QB
    z = 0.25 * q
    per_c2 = 1.0 / c2
    g2 = 1.0 - z
    ratio = q * per_c2 / g2
    mid_flat = mx * mx + my * my
    alpha = (mid_flat + mz * mz) * ratio - 1.0
    mv = mx * vx + my * vy + mz * vz
    beta2 = mv * mv * ratio * per_c2
    arcsine = 1.0 + z * (
        1 / 6 + z * (3 / 40 + z * (15 / 336 + z * (105 / 3456 + z * (945 / 42240))))
    )
    j2 = z * (2 / 3 + z * (1 / 5 + z * (3 / 28 + z * (5 / 72))))
    j4 = z * z * (2 / 5 + z * (1 / 7 + z / 12))
    j22 = z * (2 / 3 - z * (1 / 5 + z / 28))
    c = sqrt(c2)
    s = c * (arcsine + 0.25 * alpha * j2 - 0.0625 * (alpha * alpha * j4 + 4.0 * beta2 * j22))
    turn = my * vx - mx * vy
    normal2 = mid_flat * (_QA * _QA) + mz * mz * (_QB * _QB)
    bend = q * per_c2 * mz * turn
    return s - _TWIST * bend * bend * c / (g2 * normal2)


@jit(_SIX)
def far_arc(ax, ay, az, bx, by, bz):
    """Geodesic metres at any distance; NaN near antipodes."""
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
        c = FLATTENING / 16.0 * ca2 * (4.0 + FLATTENING * (4.0 - 3.0 * ca2))
        before = lam
        lam = longitude + (1.0 - c) * FLATTENING * sa * (
            sigma + c * ss * (c2m + c * cs * (2.0 * c2m * c2m - 1.0))
        )
        if abs(lam) > 3.2:
            return float("nan")
        if abs(lam - before) < 1e-13:
            u2 = ca2 * _EP2
            big_a = 1.0 + u2 / 16384.0 * (4096.0 + u2 * (-768.0 + u2 * (320.0 - 175.0 * u2)))
            big_b = u2 / 1024.0 * (256.0 + u2 * (-128.0 + u2 * (74.0 - 47.0 * u2)))
            inner = cs * (2.0 * c2m * c2m - 1.0) - big_b / 6.0 * c2m * (4.0 * ss * ss - 3.0) * (
                4.0 * c2m * c2m - 3.0
            )
            return POLE_M * big_a * (sigma - big_b * ss * (c2m + big_b / 4.0 * inner))
    return float("nan")


@jit(_SIX)
def geodesic(ax, ay, az, bx, by, bz):
    """Geodesic metres by whichever method holds; NaN near antipodes."""
    vx, vy, vz = bx - ax, by - ay, bz - az
    if vx * vx + vy * vy + vz * vz <= SHORT_M * SHORT_M:
        return arc(ax, ay, az, bx, by, bz)
    return far_arc(ax, ay, az, bx, by, bz)


@jit(numba.void(_rows, _rows, numba.float64[::1]))
def arcs(a, d, out):
    """Geodesic metres of pieces that start at a and have the chord d."""
    for i in range(len(out)):
        out[i] = arc(
            a[i, 0], a[i, 1], a[i, 2], a[i, 0] + d[i, 0], a[i, 1] + d[i, 1], a[i, 2] + d[i, 2]
        )


@jit(numba.void(_rows, _rows, numba.int64, numba.int64, _rows, numba.bool_[::1]))
def pairs(a, b, first, last, km, failed):
    """Geodesic kilometres from rows first to last of `a`, (n, 3), to all of `b`, (3, m).

    A row with NaN in it, for points near each other's antipodes, is marked in `failed`.
    """
    for i in range(first, last):
        x, y, z = a[i, 0], a[i, 1], a[i, 2]
        # Without a branch, so that this loop becomes vector instructions.
        for j in range(b.shape[1]):
            km[i, j] = 1e-3 * arc(x, y, z, b[0, j], b[1, j], b[2, j])
        for j in range(b.shape[1]):
            if km[i, j] > 1e-3 * SHORT_M:
                km[i, j] = 1e-3 * far_arc(x, y, z, b[0, j], b[1, j], b[2, j])
                failed[i] |= km[i, j] != km[i, j]

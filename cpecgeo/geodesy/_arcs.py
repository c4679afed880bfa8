"""Compiled: earth-centred coordinates, and geodesic distance from them.

Loops over vertices have no branches and no functions of C, so they become vector instructions.
Sines are power series up to 45°, arctangents a polynomial up to 22.5°.

The ratio of geodesic to chord is a polynomial in three numbers, fitted to Karney's distances: one
polynomial for chords up to `NEAR_M`, another up to `WIDE_M`. Neither needs trigonometry, so loops
become vector instructions. For longer chords Vincenty's iteration with Karney's series is used. It
gives NaN near antipodes, where Karney's full method is needed.
"""

# Kernels have signatures of their own, which say more than annotations would.
# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

from math import atan2, cos, radians, sin, sqrt
from typing import Any

import numpy as np

from cpecgeo.geodesy._compile import compile_kernel, kernel
from cpecgeo.geodesy._ellipsoid import (
    E2,
    EQUATOR_M,
    FLATTENING,
    PER_A2,
    PER_B2,
    POLE_M,
    Floats,
    ecef,
)

__all__ = ["A31", "A32", "A33", "C31", "C32", "C312", "EP2", "NEAR_M", "WIDE_M", "arc", "arcs_m",
           "arctangent", "earth_centred", "geodesic", "great_circle", "near", "pairs",
           "places_by_numpy", "point_on", "reduce_latitude", "sine_cosine", "small_sine_cosine",
           "wide", "wide_arc"]  # fmt: skip

# The longest chords for which the two series hold; their geodesics are 2,500 and 11,900 km.
NEAR_M, WIDE_M = 2_490_000.0, 10_290_000.0
_TINY = 1e-40
EP2 = E2 / (1.0 - E2)
_MAX_STEPS = 60
_MANY, _BLOCK = 50_000, 4_096  # chords
_LANES = 512  # points
# A₃ and C₃ of Karney (2013), equations 24 and 25, for the third flattening of WGS 84.
_N = FLATTENING / (2.0 - FLATTENING)
A31, A32, A33 = 0.5 - _N / 2, 0.25 + _N / 8 - 3 * _N * _N / 8, 1 / 16 + 3 * _N / 16
C31, C312, C32 = 0.25 - _N / 4, 0.125 - _N * _N / 8, 1 / 16 - 3 * _N / 32


def _arctangent_series() -> Floats:
    """Return coefficients of atan(x) / x in powers of x², up to tan 22.5°, from Chebyshev nodes."""
    top = (sqrt(2.0) - 1.0) ** 2
    share = 0.5 + 0.5 * np.cos(np.pi * (np.arange(_ARC) + 0.5) / _ARC)
    root = np.sqrt(top * share)
    power = np.arange(_ARC)
    scaled = np.linalg.solve(share[:, None] ** power, np.arctan(root) / root)
    return np.asarray(scaled / top**power)


_ARC = 12
_ARC_SERIES = _arctangent_series()


@kernel(inline=True)
def small_sine_cosine(x):
    """Return sine and cosine of an angle of up to 45°."""
    u = x * x
    s = 1.0 / 6227020800.0 - u / 1307674368000.0
    s = 1.0 / 120.0 - u * (1.0 / 5040.0 - u * (1.0 / 362880.0 - u * (1.0 / 39916800.0 - u * s)))
    c = 1.0 / 479001600.0 - u * (1.0 / 87178291200.0 - u / 20922789888000.0)
    c = 1.0 / 24.0 - u * (1.0 / 720.0 - u * (1.0 / 40320.0 - u * (1.0 / 3628800.0 - u * c)))
    return x - x * u * (1.0 / 6.0 - u * s), 1.0 - u * (0.5 - u * c)


@kernel(inline=True)
def sine_cosine(degrees):
    """Return sine and cosine of an angle of up to 180°, with all digits near multiples of 90°."""
    size = abs(degrees)
    acute = 180.0 - size if size > 90.0 else size
    is_steep = acute > 45.0
    s, c = small_sine_cosine(radians(90.0 - acute if is_steep else acute))
    sine, cosine = c if is_steep else s, s if is_steep else c
    return -sine if degrees < 0.0 else sine, -cosine if size > 90.0 else cosine


@kernel(inline=True)
def arctangent(x):
    """Return the arctangent of a number from -1 to 1."""
    half = x / (1.0 + sqrt(1.0 + x * x))
    square, total = half * half, 0.0
    for j in range(_ARC - 1, -1, -1):
        total = total * square + _ARC_SERIES[j]
    return 2.0 * half * total


@kernel(inline=True)
def reduce_latitude(lat):
    """Return sine and cosine of the latitude on the auxiliary sphere."""
    s, c = sine_cosine(lat)
    s *= 1.0 - FLATTENING
    size = 1.0 / sqrt(s * s + c * c)
    return s * size, c * size


@kernel(inline=True)
def point_on(lon, lat):
    """Return the earth-centred point of lon, lat."""
    s, c = reduce_latitude(lat)
    sl, cl = sine_cosine(lon)
    return EQUATOR_M * c * cl, EQUATOR_M * c * sl, POLE_M * s


@kernel("rows, rows")
def earth_centred(lonlat, out):
    """Enter earth-centred coordinates in metres, (n, 3), of lon, lat, (n, 2)."""
    lon, lat = np.empty(_LANES), np.empty(_LANES)
    x, y, z = np.empty(_LANES), np.empty(_LANES), np.empty(_LANES)
    for base in range(0, len(lonlat), _LANES):
        count = min(_LANES, len(lonlat) - base)
        for k in range(count):  # indexing rows would prevent vector instructions
            lon[k], lat[k] = lonlat[base + k, 0], lonlat[base + k, 1]
        for k in range(count):
            x[k], y[k], z[k] = point_on(lon[k], lat[k])
        for k in range(count):
            out[base + k, 0], out[base + k, 1], out[base + k, 2] = x[k], y[k], z[k]


def places_by_numpy(lonlat: Any, out: Any) -> None:
    """Do what `earth_centred` does, by numpy, where compiling isn't worth it."""
    np.asarray(out)[...] = ecef(*np.asarray(lonlat).T)


# fmt: off
# Distance over chord, written by `python -m tools.arc_series`; not by hand.


@kernel(inline=True)
def near(z, p, q):
    """Return the arc of a chord by a series: 42 terms, 2.8e-08 m up to 2,510 km."""
    c00 = (0.16666666666782 + z * (0.0749999998469 + z * (0.044642858481 + z * (0.0303828341 + z *
        (0.022310581 + z * 0.018939)))))
    c01 = (0.00111572998723 + z * (0.0003342192507 + z * (0.000178858939 + z * (0.0001164736 + z *
        8.9879e-05))))
    c02 = (7.46913864e-06 + z * (1.6128641e-06 + z * 1.269541e-06))
    c03 = (4.999138e-08 + z * 7.0609e-09)
    c04 = 3.4038e-10
    c10 = (-0.00112324946545 + z * (-0.0014632522936 + z * (-0.0016469954 + z * (-0.0017618999 + z
        * (-0.002032384)))))
    c11 = (-7.5194831e-06 + z * (5.432497e-07 + z * (5.339668e-06 + z * 9.7927e-06)))
    c12 = (-5.029986e-08 + z * 9.6318e-09)
    c13 = -3.3574e-10
    c20 = (7.57021379e-06 + z * (1.93641575e-05 + z * (3.505493e-05 + z * 6.14305e-05)))
    c21 = (5.067671e-08 + z * (-5.72361e-08 + z * (-2.57618e-07)))
    c22 = 3.2531e-10
    c30 = (-5.11793e-08 + z * (-2.086041e-07 + z * (-6.66777e-07)))
    c31 = -2.9955e-10
    c40 = 4.1934e-10
    c0 = c00 + q * (c01 + q * (c02 + q * (c03 + q * c04)))
    c1 = c10 + q * (c11 + q * (c12 + q * c13))
    c2 = c20 + q * (c21 + q * c22)
    c3 = c30 + q * c31
    c4 = c40
    return c0 + p * (c1 + p * (c2 + p * (c3 + p * c4)))


@kernel(inline=True)
def wide(y, p, q):
    """Return the arc of a chord by a series: 92 terms, 1.4e-06 m up to 12,010 km."""
    c00 = (0.9999999999996962 + y * (-0.3333333332486303 + y * (0.199999991904037 + y *
        (-0.1428567996187 + y * (0.11110334057652 + y * (-0.0908047924178 + y * (0.0760454073967 +
        y * (-0.061925644278 + y * (0.042407272333 + y * (-0.01697918799))))))))))
    c01 = (0.0044629204734403 + y * (-0.008041304232219 + y * (0.01149150699365 + y *
        (-0.01490195438156 + y * (0.01828092356342 + y * (-0.0213512770696 + y * (0.022581245462 +
        y * (-0.018513476023 + y * 0.0082356808))))))))
    c02 = (2.98750289141e-05 + y * (-6.3707998652e-05 + y * (0.000124595670801 + y *
        (-0.00020861635799 + y * (0.00025909801588 + y * (-0.0001681245711))))))
    c03 = (2.0110339e-07 + y * (-5.46580952e-07 + y * (2.172601005e-06 + y * (-1.330785968e-05 + y
        * (6.216284357e-05 + y * (-0.0001588588444 + y * 0.0001645754))))))
    c04 = (1.2030036e-09 + y * (-1.696385e-09))
    c10 = (-0.0044929978171586 + y * (0.00803894663329 + y * (-0.011514684164168 + y *
        (0.01488943066295 + y * (-0.01827296103262 + y * (0.021298498306 + y * (-0.022770776005 + y
        * (0.019252724936 + y * (-0.00908808529)))))))))
    c11 = (-3.00778592488e-05 + y * (0.000219212935206 + y * (-0.000517109986523 + y *
        (0.00110655128387 + y * (-0.00189986817748 + y * (0.00284220766 + y * (-0.003063307209 + y
        * 0.00178517139)))))))
    c12 = (-2.009688156e-07 + y * (1.58278524e-06 + y * (-8.702483223e-06 + y * (2.192974898e-05 +
        y * (-3.749771634e-05 + y * 2.61111268e-05)))))
    c13 = (-1.3232561e-09 + y * 6.275959e-09)
    c20 = (3.02802884612e-05 + y * (-2.3229039801e-05 + y * (0.000103525849481 + y *
        (-0.00015260088438 + y * (0.00018075435277 + y * (0.0008170204751 + y * (-0.006180691898 +
        y * (0.02132122552 + y * (-0.03860319467 + y * 0.02943227063)))))))))
    c21 = (2.025226166e-07 + y * (-3.11933277e-06 + y * (7.530567354e-06 + y * (-2.559511641e-05 +
        y * (3.88621439e-05 + y * (-3.80528359e-05))))))
    c22 = (1.1279878e-09 + y * (-1.4451327e-08 + y * 1.17137832e-07))
    c30 = (-2.037340847e-07 + y * (-3.91905988e-07 + y * (-1.446922688e-06 + y * (-1.124243e-07 + y
        * (-2.24445232e-06 + y * (-3.8510207e-06))))))
    c31 = (-1.3803931e-09 + y * (3.5997248e-08 + y * (-5.0621233e-08 + y * 3.9087188e-07)))
    c40 = (1.2072308e-09 + y * (1.2559435e-08 + y * (-7.820349e-09 + y * 1.8142014e-07)))
    c0 = q * (c01 + q * (c02 + q * (c03 + q * c04)))
    c1 = c10 + q * (c11 + q * (c12 + q * c13))
    c2 = c20 + q * (c21 + q * c22)
    c3 = c30 + q * c31
    c4 = c40
    return c00 + y * (c0 + p * (c1 + p * (c2 + p * (c3 + p * c4))))


# fmt: on


@kernel(inline=True)
def arc(ax, ay, az, bx, by, bz):
    """Return geodesic metres from a to b on the ellipsoid, their chord up to NEAR_M."""
    vx, vy, vz, mz = bx - ax, by - ay, bz - az, 0.5 * (az + bz)
    flat, h = vx * vx + vy * vy, vz * vz
    q = flat * PER_A2 + h * PER_B2
    c = sqrt(flat + h)
    return c + 0.25 * q * c * near(0.25 * q, mz * mz * PER_B2, h * PER_B2 / (q + _TINY))


@kernel(inline=True)
def wide_arc(ax, ay, az, bx, by, bz):
    """Return geodesic metres from a to b on the ellipsoid, their chord up to WIDE_M."""
    vx, vy, vz, mz = bx - ax, by - ay, bz - az, 0.5 * (az + bz)
    flat, h = vx * vx + vy * vy, vz * vz
    q = flat * PER_A2 + h * PER_B2
    rest = max(1.0 - 0.25 * q, _TINY)  # 0 from pole to pole, which is farther
    half = 1.0 / (1.0 + sqrt(rest))
    y = 0.25 * q * half * half
    return sqrt(flat + h) * (1.0 + y) * wide(y, mz * mz * PER_B2 / rest, h * PER_B2 / (q + _TINY))


@kernel(inline=True)
def great_circle(lam, sin1, cos1, sin2, cos2):
    """Return the great circle over longitude `lam` on the auxiliary sphere, and a correction.

    The values are: sine, cosine and length of the arc; sine and squared cosine of its azimuth at
    the equator; cosine of twice the arc from the equator to its middle; and the longitude by which
    it exceeds that on the ellipsoid.
    """
    sl, cl = sin(lam), cos(lam)
    u, v = cos2 * sl, cos1 * sin2 - sin1 * cos2 * cl
    ss = sqrt(u * u + v * v)
    cs = sin1 * sin2 + cos1 * cos2 * cl
    if ss == 0.0:
        return ss, cs, 0.0, 0.0, 1.0, 1.0, 0.0
    sigma = atan2(ss, cs)
    sa = cos1 * cos2 * sl / ss
    ca2 = 1.0 - sa * sa
    c2m = cs - 2.0 * sin1 * sin2 / ca2 if ca2 > 1e-15 else 0.0
    root = sqrt(1.0 + EP2 * ca2)
    e = (root - 1.0) / (root + 1.0)
    a3 = 1.0 - e * (A31 + e * (A32 + e * A33))
    turn = e * (C31 + e * (C312 + e * 3 / 64)) * ss * c2m
    turn += e * e * (C32 + e * 3 / 64) * 2.0 * ss * cs * (2.0 * c2m * c2m - 1.0)
    turn += e * e * e * 5 / 192 * ss * (3.0 - 4.0 * ss * ss) * c2m * (4.0 * c2m * c2m - 3.0)
    return ss, cs, sigma, sa, ca2, c2m, FLATTENING * sa * a3 * (sigma + 2.0 * turn)


@kernel()
def far_arc(ax, ay, az, bx, by, bz):
    """Return geodesic metres at any distance, by Vincenty's iteration; NaN near antipodes."""
    sin1, sin2 = az / POLE_M, bz / POLE_M
    ra, rb = sqrt(ax * ax + ay * ay), sqrt(bx * bx + by * by)
    cos1, cos2 = ra / EQUATOR_M, rb / EQUATOR_M
    longitude = atan2(ax * by - ay * bx, ax * bx + ay * by)
    lam = longitude
    for _ in range(_MAX_STEPS):
        ss, cs, sigma, _sa, ca2, c2m, farther = great_circle(lam, sin1, cos1, sin2, cos2)
        if ss == 0.0:
            return 0.0 if cs > 0.0 else float("nan")
        before = lam
        lam = longitude + farther
        if abs(lam) > 3.2:
            return float("nan")
        if abs(lam - before) < 1e-13:
            root = sqrt(1.0 + EP2 * ca2)
            e = (root - 1.0) / (root + 1.0)
            e2, t1 = e * e, ss * c2m
            t2 = 2.0 * ss * cs * (2.0 * c2m * c2m - 1.0)
            t3 = ss * (3.0 - 4.0 * ss * ss) * c2m * (4.0 * c2m * c2m - 3.0)
            bow = e * (3 / 16 * e2 - 0.5) * t1 + e2 * ((e2 - 2.0) / 32 * t2 - e / 48 * t3)
            size = (1.0 + e2 * (0.25 + e2 / 64)) / (1.0 - e)
            return POLE_M * size * (sigma + 2.0 * bow)
    return float("nan")


@kernel()
def geodesic(ax, ay, az, bx, by, bz):
    """Return geodesic metres by the quickest method that holds; NaN near antipodes."""
    vx, vy, vz = bx - ax, by - ay, bz - az
    c2 = vx * vx + vy * vy + vz * vz
    if c2 <= NEAR_M * NEAR_M:
        return arc(ax, ay, az, bx, by, bz)
    if c2 <= WIDE_M * WIDE_M:
        return wide_arc(ax, ay, az, bx, by, bz)
    return far_arc(ax, ay, az, bx, by, bz)


@kernel("rows, rows, flat")
def _arcs(a, d, out):
    for i in range(len(out)):
        out[i] = arc(
            a[i, 0], a[i, 1], a[i, 2], a[i, 0] + d[i, 0], a[i, 1] + d[i, 1], a[i, 2] + d[i, 2]
        )


def arcs_m(a: Floats, d: Floats) -> Floats:
    """Return geodesic metres for chords up to `NEAR_M`, given their starts on the ellipsoid.

    Parameters
    ----------
    a, d : ndarray, shape (n, 3)
        Earth-centred points and chords.

    Returns
    -------
    ndarray, shape (n,)
    """
    metres = np.empty(len(a))
    if len(a) > _MANY:
        compile_kernel(_arcs)(a, d, metres)
        return metres
    # The same by numpy, block by block; for few rows this is quicker than loading compiled code.
    for first in range(0, len(a), _BLOCK):
        some = slice(first, first + _BLOCK)
        vx, vy, vz = d[some].T
        mz = a[some, 2] + 0.5 * vz
        flat, h = vx * vx + vy * vy, vz * vz
        q = flat * PER_A2 + h * PER_B2
        c = np.sqrt(flat + h)
        series = near(0.25 * q, mz * mz * PER_B2, h * PER_B2 / (q + _TINY))
        metres[some] = c + 0.25 * q * c * series
    return metres


@kernel("rows, rows, int, int, rows, bools")
def pairs(a, b, first, last, km, failed):
    """Enter geodesic kilometres from rows first to last of `a`, (n, 3), to all of `b`, (3, m).

    A row that contains NaN, because two points are near each other's antipodes, is marked in
    `failed`.
    """
    count = b.shape[1]
    # A ball around all of b bounds the longest chord of each row.
    cx, cy, cz, ball2 = 0.0, 0.0, 0.0, 0.0
    for j in range(count):
        cx, cy, cz = cx + b[0, j] / count, cy + b[1, j] / count, cz + b[2, j] / count
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

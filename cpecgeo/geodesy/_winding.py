"""Compiled: how often the rings of polygons wind around points.

From a pole that isn't on a boundary a meridian is followed to the point, and the edges on the way
are counted. A piece of an edge is the parabola of `_tree`; it meets the meridian's plane where a
quadratic equation says, to a hundredth of a millimetre. Nothing else is approximate: vertices are
shared by the pieces that meet there, so that none is counted twice or left out.
"""

# Kernels have numba signatures, which say more than annotations would.
# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

from math import sqrt

import numba
import numpy as np

from cpecgeo.geodesy._compile import jit

__all__ = ["contain"]

_TURN = 2.0 * np.pi

_f8, _i8 = numba.float64, numba.int64
_rows, _flat, _ints = _f8[:, ::1], _f8[::1], _i8[::1]


@jit(_i8(_f8, _f8, _f8, _f8, _f8, _rows, _rows, _rows, _i8), inline=True)
def _crossing(sl, cl, h, z, pole, a, b, n, i):
    """1 or -1 where piece i crosses the meridian between the point and the pole, else 0.

    Positive when the piece runs east. The point is at `h` from the axis and at height `z`.
    """
    from_m, to_m = cl * a[i, 1] - sl * a[i, 0], cl * b[i, 1] - sl * b[i, 0]
    if (from_m >= 0.0) == (to_m >= 0.0):
        return 0
    bend = cl * n[i, 1] - sl * n[i, 0]
    # from_m + t (to_m - from_m) + t (1 - t) bend = 0
    p = to_m - from_m + bend
    root = sqrt(max(p * p + 4.0 * bend * from_m, 0.0))
    t = -2.0 * from_m / (p + root) if p >= 0.0 else -2.0 * from_m / (p - root)
    t = min(max(t, 0.0), 1.0)
    w = t * (1.0 - t)
    x = a[i, 0] + t * (b[i, 0] - a[i, 0]) + w * n[i, 0]
    y = a[i, 1] + t * (b[i, 1] - a[i, 1]) + w * n[i, 1]
    v = a[i, 2] + t * (b[i, 2] - a[i, 2]) + w * n[i, 2]
    away = cl * x + sl * y
    if away <= 0.0 or (h * v - z * away) * pole <= 0.0:
        return 0
    return 1 if to_m >= 0.0 else -1


@jit(
    numba.void(
        _rows, _i8, _i8, _rows, _rows, _rows, _ints, _ints, _ints, _ints, _rows, _ints, _ints,
        _ints, _ints, _rows, _f8, _f8, _i8, _i8, _i8[:, ::1],
    )
)  # fmt: skip
def contain(
    lonlat, first, last, a, b, n, weight, base, pole, turned, box, bin_first, bins, piece_first,
    piece, frame, cell_first, cells, columns, lines, out,
):  # fmt: skip
    """Enter the first polygons that rows first to last of `lonlat` are in."""

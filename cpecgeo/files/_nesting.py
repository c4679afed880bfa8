"""Compiled: how deep geometries in well-known binary are nested."""

# Kernels have numba signatures, which say more than annotations would.
# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

import numpy as np

from cpecgeo.geodesy._compile import kernel

__all__ = ["first_deep"]


@kernel(inline=True)
def _count(data, at, little):
    """Return four bytes as a number."""
    total = 0
    for k in range(4):
        total = total * 256 + data[at + (3 - k if little else k)]
    return total


@kernel("i8(Array(u1, 1, 'C', readonly=True), ints, ints, i8)")
def first_deep(data, starts, ends, limit):
    """Return the first geometry that is nested more than `limit` deep; -1 where none is.

    It walks as GEOS does, and stops where GEOS would stop with an error.
    """
    left = np.zeros(limit + 1, np.int64)
    for k in range(len(starts)):
        at, end = starts[k], ends[k]
        level, little = 0, True
        left[0] = 1
        while level >= 0:
            if left[level] == 0:
                level -= 1
                continue
            left[level] -= 1
            if at + 5 > end:
                break
            # Any other byte leaves the order as it was.
            if data[at] == 0:
                little = False
            elif data[at] == 1:
                little = True
            code = _count(data, at + 1, little)
            at += 5
            base, dimensions = (code & 0xFFFF) % 1000, (code & 0xFFFF) // 1000
            width = 16
            if code & 0x80000000 or dimensions in (1, 3):
                width += 8
            if code & 0x40000000 or dimensions in (2, 3):
                width += 8
            if code & 0x20000000:
                at += 4
            if base == 1:
                at += width
                continue
            if at + 4 > end:
                break
            number = _count(data, at, little)
            at += 4
            if base in (2, 8):
                at += number * width
            elif base in (3, 17):
                for _ in range(number):
                    if at + 4 > end:
                        break
                    at += 4 + width * _count(data, at, little)
            elif 4 <= base <= 16:
                level += 1
                if level > limit:
                    return k
                left[level] = number
            else:
                break
    return -1

"""Compiled: edges of a plane as a tree of tubes, and those of them near a point.

A tube is a straight line and how far what it holds may be from it. A group's line leads from where
its first edge begins to where its last one ends; so a line's own bends make thin tubes.
"""

# Kernels have signatures of their own, which say more than annotations would.
# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

from math import sqrt

from cpecgeo.geodesy._compile import kernel

__all__ = ["DEEPEST", "FAN", "SOME", "beside", "grow"]

FAN = 8  # children of a node
SOME = 32  # edges at once
DEEPEST = 24  # more levels than any tree has


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
def beside(tubes, level, levels, first, x, y, reach, stack, top, near):
    """Enter some edges within `reach` of a point, and others near them.

    The first call has `top` -1, the next ones what the call before returned. Return the number of
    edges, and a number that is -1 when there are no more.
    """
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

"""Compiled shortest paths: Dijkstra from many starts, from both ends, and rows of a matrix.

Graphs are compressed rows: the arcs that leave node ``v`` are ``first[v]`` to ``first[v + 1]``,
``head`` is where each leads and ``cost`` what it costs. The queue is a heap with four children
a node; an entry that a shorter one has overtaken is skipped when it comes up, which is cheaper
than moving it.

All kernels are in one file, because numba's cache of a function only sees changes of its file.
"""

# Kernels have numba signatures, which say more than annotations would.
# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

import numba
import numpy as np

from cpecgeo.geodesy._compile import jit

__all__ = ["both_ends", "grow", "rows"]

_f8, _i4, _i8, _u1 = numba.float64, numba.int32, numba.int64, numba.uint8
_F, _I, _B = _f8[::1], _i4[::1], _u1[::1]
_HEAP = numba.types.Tuple((_F, _I))


@jit(_HEAP(_F, _I, _i8), inline=True)
def _roomier(key, item, size):
    """The heap with place for one entry more."""
    if size < len(key):
        return key, item
    wider, more = np.empty(2 * len(key)), np.empty(2 * len(item), np.int32)
    wider[:size] = key[:size]
    more[:size] = item[:size]
    return wider, more


@jit(_i8(_F, _I, _i8, _f8, _i4), inline=True)
def _push(key, item, size, k, v):
    """Put an entry in; the heap's new size."""
    i = size
    while i > 0:
        up = (i - 1) >> 2
        if key[up] <= k:
            break
        key[i] = key[up]
        item[i] = item[up]
        i = up
    key[i] = k
    item[i] = v
    return size + 1


@jit(_i8(_F, _I, _i8), inline=True)
def _pop(key, item, size):
    """Take out the first entry; the heap's new size."""
    size -= 1
    k, v = key[size], item[size]
    i = 0
    while True:
        child = 4 * i + 1
        if child >= size:
            break
        least = child
        for c in range(child + 1, min(child + 4, size)):
            if key[c] < key[least]:
                least = c
        if key[least] >= k:
            break
        key[i] = key[least]
        item[i] = item[least]
        i = least
    key[i] = k
    item[i] = v
    return size


@jit(_i8(_I, _I, _F, _I, _F, _B, _i8, _f8, _F, _I))
def grow(first, head, cost, seeds, start, goal, goals, limit, dist, via):
    """Settle nodes from seeds in order of cost, until all goals are, or the limit is passed.

    `dist` comes filled with infinity and leaves with costs; those above the last settled cost
    are upper bounds. `via` gets the arc that each node was reached by, -1 at seeds. Returns how
    many goals weren't reached.
    """
    key, item = np.empty(1024), np.empty(1024, np.int32)
    size = 0
    for s in range(len(seeds)):
        v = seeds[s]
        if start[s] < dist[v]:
            dist[v] = start[s]
            via[v] = -1
            key, item = _roomier(key, item, size)
            size = _push(key, item, size, start[s], v)
    while size > 0 and goals != 0:
        d, v = key[0], item[0]
        size = _pop(key, item, size)
        if d > dist[v]:
            continue
        if d > limit:
            break
        if goal[v]:
            goals -= 1
        for arc in range(first[v], first[v + 1]):
            w = head[arc]
            to = d + cost[arc]
            if to < dist[w]:
                dist[w] = to
                via[w] = arc
                key, item = _roomier(key, item, size)
                size = _push(key, item, size, to, w)
    return goals


@jit(_i8(_I, _I, _F, _I, _I, _F, _I, _F, _I, _F, _F, _F, _I, _I))
def both_ends(
    first,
    head,
    cost,
    back_first,
    back_head,
    back_cost,
    seeds,
    start,
    ends,
    finish,
    there,
    here,
    via,
    back_via,
):
    """Search from both ends until they meet; the node where the best ways join, or -1.

    `there` and `here` come filled with infinity: cost from the seeds, and to the ends.
    """
    key, item = np.empty(1024), np.empty(1024, np.int32)
    back_key, back_item = np.empty(1024), np.empty(1024, np.int32)
    size, back_size = 0, 0
    best, meet = np.inf, -1
    for s in range(len(seeds)):
        v = seeds[s]
        if start[s] < there[v]:
            there[v] = start[s]
            via[v] = -1
            key, item = _roomier(key, item, size)
            size = _push(key, item, size, start[s], v)
    for s in range(len(ends)):
        v = ends[s]
        if finish[s] < here[v]:
            here[v] = finish[s]
            back_via[v] = -1
            back_key, back_item = _roomier(back_key, back_item, back_size)
            back_size = _push(back_key, back_item, back_size, finish[s], v)
            if there[v] + finish[s] < best:
                best, meet = there[v] + finish[s], v
    while size > 0 and back_size > 0 and key[0] + back_key[0] < best:
        if key[0] <= back_key[0]:
            d, v = key[0], item[0]
            size = _pop(key, item, size)
            if d > there[v]:
                continue
            for arc in range(first[v], first[v + 1]):
                w = head[arc]
                to = d + cost[arc]
                if to < there[w]:
                    there[w] = to
                    via[w] = arc
                    key, item = _roomier(key, item, size)
                    size = _push(key, item, size, to, w)
                    if to + here[w] < best:
                        best, meet = to + here[w], w
        else:
            d, v = back_key[0], back_item[0]
            back_size = _pop(back_key, back_item, back_size)
            if d > here[v]:
                continue
            for arc in range(back_first[v], back_first[v + 1]):
                w = back_head[arc]
                to = d + back_cost[arc]
                if to < here[w]:
                    here[w] = to
                    back_via[w] = arc
                    back_key, back_item = _roomier(back_key, back_item, back_size)
                    back_size = _push(back_key, back_item, back_size, to, w)
                    if to + there[w] < best:
                        best, meet = to + there[w], w
    return meet


@jit(_i8(_I, _I, _F, _I, _I, _F, _i8, _i8, _I, _I, _F, _B, _i8, _f8[:, ::1]))
def rows(
    first,
    head,
    cost,
    seed_first,
    seeds,
    start,
    begin,
    end,
    end_first,
    ends,
    finish,
    goal,
    goals,
    out,
):
    """Rows `begin` to `end` of a matrix: least cost from each group of seeds to each group.

    Group g of the ends is `ends[end_first[g]:end_first[g + 1]]`, each with what is left to pay
    from there. `goal` marks the `goals` different nodes among the ends.
    """
    count = len(first) - 1
    dist, via = np.empty(count), np.empty(count, np.int32)
    for row in range(begin, end):
        dist[:] = np.inf
        a, b = seed_first[row], seed_first[row + 1]
        grow(first, head, cost, seeds[a:b], start[a:b], goal, goals, np.inf, dist, via)
        for g in range(len(end_first) - 1):
            least = np.inf
            for e in range(end_first[g], end_first[g + 1]):
                least = min(least, dist[ends[e]] + finish[e])
            out[row, g] = least
    return 0

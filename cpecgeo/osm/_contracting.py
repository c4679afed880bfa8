"""Compiled contraction hierarchies (Geisberger et al., 2008), with costs as they are: floats.

Nodes are taken out one by one, the least important first. Where the cheapest way between two
neighbours led over the node, an arc with the same cost stands in for it. A question then only
ever climbs, from both ends. Ready-made engines count in whole ticks of 32 bits, so that their
lengths are rounded; these are sums of the graph's own costs.

The heap is that of `_kernels`. numba's cache of a function only sees changes of its own file:
whoever changes the heap has to touch this file too.
"""

# Kernels have numba signatures, which say more than annotations would.
# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

import numba
import numpy as np

from cpecgeo.geodesy._compile import jit
from cpecgeo.osm._kernels import _pop, _push, _roomier

__all__ = ["climb", "contract", "meet"]

_f8, _i4, _i8 = numba.float64, numba.int32, numba.int64
_F, _I = _f8[::1], _i4[::1]
_ARCS = numba.types.Tuple((_I, _I, _F))
_ALL = numba.types.Tuple((_i8, _I, _I, _F, _I, _I))

# A search for a way round a node gives up after so many others: a shortcut too many is no harm.
_SETTLED = 60


@jit(_ALL(_i8, _I, _I, _F, _I, _I, _I, _I, _i4, _i4, _f8))
def _add(size, tail, head, cost, out_next, in_next, out_first, in_first, u, w, c):
    """Put an arc in, or make the one that is there cheaper; all with room for more."""
    arc = out_first[u]
    while arc >= 0:
        if head[arc] == w:
            cost[arc] = min(cost[arc], c)
            return size, tail, head, cost, out_next, in_next
        arc = out_next[arc]
    if size == len(tail):
        more = np.empty(size, np.int32)
        tail, head = np.concatenate((tail, more)), np.concatenate((head, more))
        out_next, in_next = np.concatenate((out_next, more)), np.concatenate((in_next, more))
        cost = np.concatenate((cost, np.empty(size)))
    tail[size], head[size], cost[size] = u, w, c
    out_next[size], in_next[size] = out_first[u], in_first[w]
    out_first[u], in_first[w] = size, size
    return size + 1, tail, head, cost, out_next, in_next


@jit(
    numba.types.Tuple((_i8, _i8, _I, _I, _F))(
        _i8, _I, _I, _F, _I, _I, _I, _I, _F, _I, _i4, _I, _I, _F
    )
)
def _needed(
    v, tail, head, cost, out_next, in_next, out_first, in_first, dist, seen, mark, u_, w_, c_
):
    """Shortcuts that taking out v needs: how many, arcs at v, and from, to and cost of each."""
    key, item = np.empty(256), np.empty(256, np.int32)
    count, arcs = 0, 0
    far = 0.0
    arc = out_first[v]
    while arc >= 0:
        arcs += 1
        far = max(far, cost[arc])
        arc = out_next[arc]
    into = in_first[v]
    while into >= 0:
        arcs += 1
        u, before = tail[into], cost[into]
        into = in_next[into]
        if out_first[v] < 0 or (head[out_first[v]] == u and out_next[out_first[v]] < 0):
            continue
        mark += np.int32(1)
        dist[u] = 0.0
        seen[u] = mark
        size = _push(key, item, 0, 0.0, u)
        settled = 0
        while size > 0 and settled < _SETTLED and key[0] <= before + far:
            d, x = key[0], item[0]
            size = _pop(key, item, size)
            if d > dist[x]:
                continue
            settled += 1
            arc = out_first[x]
            while arc >= 0:
                y, to = head[arc], d + cost[arc]
                if y != v and (seen[y] != mark or to < dist[y]):
                    dist[y] = to
                    seen[y] = mark
                    key, item = _roomier(key, item, size)
                    size = _push(key, item, size, to, y)
                arc = out_next[arc]
        arc = out_first[v]
        while arc >= 0:
            w, over = head[arc], before + cost[arc]
            if w != u and (seen[w] != mark or dist[w] > over):
                if count == len(u_):
                    u_, w_ = np.concatenate((u_, u_)), np.concatenate((w_, w_))
                    c_ = np.concatenate((c_, c_))
                u_[count], w_[count], c_[count] = u, w, over
                count += 1
            arc = out_next[arc]
    return count, arcs, u_, w_, c_


@jit(_i8(_I, _I, _I, _i8, _i8))
def _cut(node, chain, ends, v, at):
    """Take the arcs that lead to v out of a node's chain."""
    before, arc = -1, node[at]
    while arc >= 0:
        after = chain[arc]
        if ends[arc] == v:
            if before < 0:
                node[at] = after
            else:
                chain[before] = after
        else:
            before = arc
        arc = after
    return 0


@jit(numba.types.Tuple((_ARCS, _ARCS))(_I, _I, _F))
def contract(first, head, cost):
    """Arcs that climb, to leave by and to come by: lower node, higher node, cost of each."""
    n = len(first) - 1
    out_first, in_first = np.full(n, -1, np.int32), np.full(n, -1, np.int32)
    room = 2 * len(head) + 16
    tails, heads, costs = np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room)
    out_next, in_next = np.empty(room, np.int32), np.empty(room, np.int32)
    size = 0
    for v in range(n):
        for arc in range(first[v], first[v + 1]):
            if head[arc] != v:
                size, tails, heads, costs, out_next, in_next = _add(
                    size, tails, heads, costs, out_next, in_next, out_first, in_first,
                    np.int32(v), head[arc], cost[arc],
                )  # fmt: skip
    dist, seen, mark = np.empty(n), np.zeros(n, np.int32), np.int32(0)
    u_, w_, c_ = np.empty(64, np.int32), np.empty(64, np.int32), np.empty(64)
    level = np.zeros(n)
    key, item, waiting = np.empty(1024), np.empty(1024, np.int32), 0
    for v in range(n):
        key, item = _roomier(key, item, waiting)
        waiting = _push(key, item, waiting, 0.0, np.int32(v))
    first_round = n
    while waiting > 0:
        v = item[0]
        waiting = _pop(key, item, waiting)
        if mark > 2_000_000_000:
            seen[:] = 0
            mark = np.int32(0)
        count, arcs, u_, w_, c_ = _needed(
            v, tails, heads, costs, out_next, in_next, out_first, in_first, dist, seen, mark,
            u_, w_, c_,
        )  # fmt: skip
        mark += np.int32(arcs)
        rank = 1.0 + level[v] + 2.0 * count / max(arcs, 1)
        if first_round > 0 or (waiting > 0 and rank > key[0]):
            first_round -= 1
            key, item = _roomier(key, item, waiting)
            waiting = _push(key, item, waiting, rank, v)
            continue
        arc = out_first[v]
        while arc >= 0:
            w = heads[arc]
            _cut(in_first, in_next, tails, v, w)
            level[w] = max(level[w], level[v] + 1.0)
            arc = out_next[arc]
        arc = in_first[v]
        while arc >= 0:
            u = tails[arc]
            _cut(out_first, out_next, heads, v, u)
            level[u] = max(level[u], level[v] + 1.0)
            arc = in_next[arc]
        for s in range(count):
            size, tails, heads, costs, out_next, in_next = _add(
                size, tails, heads, costs, out_next, in_next, out_first, in_first,
                u_[s], w_[s], c_[s],
            )  # fmt: skip
    ups, downs = 0, 0
    for v in range(n):
        arc = out_first[v]
        while arc >= 0:
            ups += 1
            arc = out_next[arc]
        arc = in_first[v]
        while arc >= 0:
            downs += 1
            arc = in_next[arc]
    up = (np.empty(ups, np.int32), np.empty(ups, np.int32), np.empty(ups))
    down = (np.empty(downs, np.int32), np.empty(downs, np.int32), np.empty(downs))
    ups, downs = 0, 0
    for v in range(n):
        arc = out_first[v]
        while arc >= 0:
            up[0][ups], up[1][ups], up[2][ups] = v, heads[arc], costs[arc]
            ups += 1
            arc = out_next[arc]
        arc = in_first[v]
        while arc >= 0:
            down[0][downs], down[1][downs], down[2][downs] = v, tails[arc], costs[arc]
            downs += 1
            arc = in_next[arc]
    return up, down


@jit(numba.types.Tuple((_I, _I, _F))(_I, _I, _F, _I, _I, _F, _i8, _I, _I, _F, _i8, _i8))
def climb(
    first, head, cost, back_first, back_head, back_cost, nodes, seed_first, seeds, start, begin, end
):
    """What groups of seeds reach by climbing: group, node and cost.

    Nodes that are come to more cheaply from above are left out, and not gone on from.
    """
    dist = np.full(nodes, np.inf)
    key, item = np.empty(1024), np.empty(1024, np.int32)
    group, node, least = np.empty(1024, np.int32), np.empty(1024, np.int32), np.empty(1024)
    found = 0
    touched = np.empty(1024, np.int32)
    for g in range(begin, end):
        size, many = 0, 0
        for s in range(seed_first[g], seed_first[g + 1]):
            v = seeds[s]
            if start[s] < dist[v]:
                if many == len(touched):
                    touched = np.concatenate((touched, touched))
                touched[many] = v
                many += 1
                dist[v] = start[s]
                key, item = _roomier(key, item, size)
                size = _push(key, item, size, start[s], v)
        while size > 0:
            d, v = key[0], item[0]
            size = _pop(key, item, size)
            if d > dist[v]:
                continue
            above = False
            for arc in range(back_first[v], back_first[v + 1]):
                if dist[back_head[arc]] + back_cost[arc] < d:
                    above = True
                    break
            if above:
                continue
            if found == len(group):
                group, node = np.concatenate((group, group)), np.concatenate((node, node))
                least = np.concatenate((least, least))
            group[found], node[found], least[found] = g, v, d
            found += 1
            for arc in range(first[v], first[v + 1]):
                w, to = head[arc], d + cost[arc]
                if to < dist[w]:
                    if many == len(touched):
                        touched = np.concatenate((touched, touched))
                    touched[many] = w
                    many += 1
                    dist[w] = to
                    key, item = _roomier(key, item, size)
                    size = _push(key, item, size, to, w)
        for i in range(many):
            dist[touched[i]] = np.inf
    return group[:found].copy(), node[:found].copy(), least[:found].copy()


@jit(_i8(_I, _I, _F, _I, _I, _F, _f8[:, ::1]))
def meet(row, node, cost, bucket, column, rest, out):
    """Least sums over the nodes that a row and a column both climb to.

    Bucket v is what columns have at node v: ``column[bucket[v]:bucket[v + 1]]``.
    """
    for i in range(len(row)):
        r, d = row[i], cost[i]
        for j in range(bucket[node[i]], bucket[node[i] + 1]):
            over = d + rest[j]
            out[r, column[j]] = min(out[r, column[j]], over)
    return 0

"""`route`: the best way between two places, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from cpecgeo.errors import InputError
from cpecgeo.routing.filters import Filters, Usable, filters, usable
from cpecgeo.routing.search import Snap, Tree, clear, costs, legs_off, shortest, snap
from cpecgeo.routing.ways import Route, Step, made

__all__ = ["lengths", "route", "steps_to", "without_stubs"]


def route(
    a: Any,
    b: Any,
    *,
    mode: str = "any",
    avoid: Any = (),
    weight: str = "km",
    status: Any = None,
    year: int | None = None,
    season: str | int | None = None,
    along: str | None = None,
    speeds: Mapping[str, float] | None = None,
    max_access_km: float = 50.0,
) -> Route:
    """The shortest or quickest way through the bundled road and rail network.

    Parameters
    ----------
    a, b : str, Place, Point, (lon, lat) or one-row GeoSeries
        Origin and destination. Each joins the network at the nearest point on an edge. By
        rail a name is rather that of a station, otherwise rather that of a town or road.
    mode : {"any", "road", "rail"}
    avoid : str, Place, geometry, GeoDataFrame, or a list of them
        Sections, corridors, crossings, districts, provinces, places by name (in this order;
        ``"district:Quetta"`` says which), or points, lines and polygons.
    weight : {"km", "hours"}
        What to keep least.
    status : str or list of str, optional
        ``operating under_construction suspended closed planned``, or ``"any"``. Operating
        only when omitted; any along a corridor.
    year : int, optional
        Leaves out what opened later. What has no known year counts as open.
    season : str or int, optional
        ``"winter"`` (January), ``"spring"``, ``"summer"``, ``"autumn"`` or a month. Khunjerab
        was closed from December to March until 2024.
    along : str, optional
        Keep to the sections of this corridor.
    speeds : mapping of str to float, optional
        km/h by speed class, in place of those in `data/speeds.csv`.
    max_access_km : float
        Refuse ends that lie further from the network.

    Returns
    -------
    Route

    Raises
    ------
    UnknownNameError
        A name that nothing has; the message has near ones.
    InputError
        An end too far away, or no way left; the message says which filter cut it.

    Notes
    -----
    Lengths are calibrated: published kilometres where there are any. Hours rest on assumed
    speeds and handling times, see `data/speeds.csv` and `data/transfers.csv`. Access from
    the ends to the network is reported and not counted.

    Examples
    --------
    >>> r = route("Raikot Bridge", "Thakot", mode="road")
    >>> round(r.length_km)
    280
    """
    chosen = filters(mode=mode, avoid=avoid, status=status, year=year, season=season, along=along)
    ground = usable(chosen)
    cost, hours = costs(ground.network, weight, speeds)
    start = snap(a, ground, "the origin", max_access_km)
    end = snap(b, ground, "the destination", max_access_km)
    steps = steps_to(ground, shortest(ground, start, cost), end, cost)
    if steps is None:
        raise InputError(_why(a, b, start, end, chosen, weight, max_access_km))
    return made(ground, start, end, steps, hours, weight=weight, chosen=chosen)


def lengths(
    ground: Usable, ends: tuple[Any, Any], weight: str, speeds: Any, far: float
) -> tuple[float, float] | None:
    """Km and hours of the best way, without drawing it; None where there is none."""
    cost, hours = costs(ground.network, weight, speeds)
    try:
        start, end = (snap(x, ground, "an end", far) for x in ends)
    except InputError:
        return None
    steps = steps_to(ground, shortest(ground, start, cost), end, cost)
    if steps is None:
        return None
    whole = [float(ground.network.measures[s.edge][-1]) for s in steps]
    km = [abs(s.b - s.a) for s in steps]
    share = [a / b if b else 1.0 for a, b in zip(km, whole, strict=True)]
    spent = [float(hours[s.edge]) * x for s, x in zip(steps, share, strict=True)]
    return sum(km), sum(spent)


def _why(a: Any, b: Any, start: Snap, end: Snap, chosen: Filters, weight: str, far: float) -> str:
    """Which filter cut the way."""
    told = chosen.named()
    guilty = []
    for name, words in told.items():
        if lengths(usable(chosen.without(name)), (a, b), weight, None, far) is not None:
            guilty.append(words)
    head = f"No way from {start.name} to {end.name}"
    summer = replace(chosen, month=chosen.month or 7)
    if lengths(usable(summer), (a, b), weight, None, far) is not None:
        head += " all year (with season='summer' there is one)"
    if guilty:
        which = "it" if len(guilty) == 1 else "one of them"
        return f"{head}: cut by {' and by '.join(guilty)}; loosen {which} and there is a way."
    if told:
        return f"{head} with {', '.join(told.values())}; loosen them together."
    return f"{head}: the two lie on parts of the network that aren't joined."


def steps_to(ground: Usable, tree: Tree, end: Snap, cost: Any) -> list[Step] | None:
    """The steps of the shortest way of a tree to a snapped point; None where there is none."""
    start, net = tree.start, ground.network
    length = [float(m[-1]) for m in (net.measures[start.edge], net.measures[end.edge])]
    best, last = np.inf, -2
    if start.edge == end.edge and clear(ground, end.edge, start.km, end.km):
        best, last = abs(start.km - end.km) * float(cost[end.edge]) / length[1], -1
    for node, off in legs_off(ground, end, cost):
        if tree.cost[node] + off < best:
            best, last = float(tree.cost[node] + off), node
    if last == -2:
        return None
    if last == -1:
        return [Step(end.edge, start.km, end.km)]
    uv = net.edges[["u", "v"]].to_numpy()
    # A crossing's other side is no end of the edge, and no step away.
    back: list[Step] = []
    if last in uv[end.edge]:
        back.append(Step(end.edge, 0.0 if uv[end.edge][0] == last else length[1], end.km))
    node = last
    while tree.by[node] >= 0:
        edge, before = int(tree.by[node]), int(tree.came[node])
        whole = float(net.measures[edge][-1])
        back.append(Step(edge, *((0.0, whole) if uv[edge][0] == before else (whole, 0.0))))
        node = before
    if node in uv[start.edge]:
        back.append(Step(start.edge, start.km, 0.0 if uv[start.edge][0] == node else length[0]))
    return without_stubs(back[::-1], start, end)


def without_stubs(steps: list[Step], start: Snap, end: Snap) -> list[Step]:
    """Steps but for the first and last where they have no length: an end that is a node."""
    if steps and steps[0].edge == start.edge and steps[0].a == steps[0].b:
        steps = steps[1:]
    if steps and steps[-1].edge == end.edge and steps[-1].a == steps[-1].b:
        steps = steps[:-1]
    return steps

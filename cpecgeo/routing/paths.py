"""`route` and `route_matrix`: least-cost routes between ends."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Unpack

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from cpecgeo.errors import InputError
from cpecgeo.features.corridor import Corridor
from cpecgeo.features.resolve import resolve
from cpecgeo.features.subject import PointLike, SubjectLike
from cpecgeo.geodesy.inputs import POINTS
from cpecgeo.routing.additions import JOIN_KM
from cpecgeo.routing.costs import Costs, edge_costs
from cpecgeo.routing.filters import FilterOptions, Filters, Usable, filters, number, usable
from cpecgeo.routing.legs import Route, route_of
from cpecgeo.routing.search import (
    Ends,
    Floats,
    LeastCosts,
    Snap,
    Way,
    cost_of,
    ends_of,
    path_to,
    search,
    snap_ends,
    snap_rows,
)

__all__ = ["find_detour", "find_path", "place_ends", "route", "route_matrix", "tabulate_costs"]


# Rounding: sums of the same costs in another order differ by less.
_SAME = 1e-9


def route(
    a: PointLike,
    b: PointLike,
    *,
    mode: str = "any",
    avoid: SubjectLike = (),
    weight: str = "hours",
    status: str | Sequence[str] | None = None,
    year: int | None = None,
    season: str | int | None = None,
    along: str | Corridor | None = None,
    extra: Corridor | Sequence[Corridor] = (),
    join_km: float = JOIN_KM,
    vehicle: str | None = None,
    speeds: Mapping[str, float] | None = None,
    rates: Mapping[str, float] | None = None,
    max_access_km: float = 50.0,
) -> Route:
    """Return the shortest or quickest route through the bundled road and rail network.

    Parameters
    ----------
    a, b : str, Place, Point, (lon, lat) or one-row GeoSeries
        Origin and destination. Each joins the network at the nearest point of an edge that passes
        `mode status year season along`, also if `avoid` closes it. With any mode it joins a road or
        a railway, the farther one at most 15 km farther off, whichever costs least including access
        (by km a town joins its road). With mode rail a name preferably means a station, otherwise a
        town or road; a station joins its railway.
    mode : {"any", "road", "rail"}
    avoid : str, Corridor, Place, Route, Reach, geometry, GeoDataFrame, or a list of them
        Sections, corridors, crossings, districts, provinces, places by name (in this order;
        ``"district:Quetta"`` states the kind), or points, lines and polygons. A route means its
        stretches, a reach its polygon.
    weight : {"hours", "km", "cost", "carbon"}
        The cost to minimize: hours, with handling at each change between road and rail; calibrated
        km only (`Route.notes` names the changes left out); PKR, or kg of CO2, per tonne.
    status : str or list of str, optional
        ``operating under_construction suspended closed planned``, or ``"any"``. Operating
        only when omitted; any along a corridor.
    year : int, optional
        Leave out sections that opened later. A section of unknown year counts as open.
    season : str or int, optional
        ``"winter"`` (January), ``"spring"``, ``"summer"``, ``"autumn"`` or a month. Khunjerab
        was closed from December to March until 2024.
    along : str or Corridor, optional
        Keep to the sections of this corridor.
    extra : Corridor or list of Corridor, optional
        Corridors of your own, with the status, year and speed of their sections (columns
        `speed_class` or `kmh`; a highway or main line when omitted). If `status` is omitted, they
        may be used whatever their status.
    join_km : float
        Greatest distance at which an end or stop of `extra` joins a line of its mode. It is also
        that for a change between a road and a stop of a railway. `Route.notes` lists the joins.
    vehicle : {"car", "truck"}, optional
        ``truck`` means goods: trucks, slower on climbs, and goods trains. When omitted, cars and
        passenger trains, except for money and carbon.
    speeds : mapping of str to float, optional
        km/h by speed class, in place of those in `data/speeds.csv` and `data/freight.csv`.
    rates : mapping of str to float, optional
        Rates by the ids of `data/freight.csv`, in place of the table's.
    max_access_km : float
        Refuse ends farther from the network.

    Returns
    -------
    Route

    Raises
    ------
    UnknownNameError
        An unknown name; the message lists similar ones.
    InputError
        An end too far away, or no route; the message names the filter that excludes it.

    Notes
    -----
    Lengths are calibrated: published kilometres where available. Hours are based on assumed speeds
    and handling times, see `data/speeds.csv` and `data/transfers.csv`. Access from the ends to the
    network is reported but not included.

    Examples
    --------
    >>> r = route("Raikot Bridge", "Thakot", mode="road")
    >>> round(r.chainage_km), round(r.length_km)
    (281, 238)
    """
    chosen = filters(
        mode=mode, avoid=avoid, status=status, year=year, season=season, along=along,
        extra=extra, join_km=join_km,
    )  # fmt: skip
    ground = usable(chosen)
    costs = edge_costs(ground.network, weight, speeds, vehicle=vehicle, rates=rates)
    ends = [("the origin", a), ("the destination", b)]
    starts, goals = snap_ends(ends, ground, max_access_km=max_access_km, weight=weight)
    free = usable(replace(chosen, avoid=())) if chosen.avoid else ground
    path = find_path(free, starts, goals, costs)
    if chosen.avoid:
        path = find_detour(ground, path, (starts, goals), costs)
    if path is None:
        raise InputError(_why(ends, (starts[0], goals[0]), chosen, weight, max_access_km))
    found = path.start, path.end
    kind: dict[str, Any] = {"weight": weight, "chosen": chosen, "vehicle": costs.vehicle}
    return route_of(ground.network, found, path.steps, costs.hours, **kind)


def find_path(ground: Usable, starts: Ends, goals: Ends, costs: Costs) -> Way | None:
    """Return the least-cost path between two ends, over all their joins; None if there is none."""
    start, *also = starts
    tree = search(ground, start, costs.cost, also=also, access=costs.access)
    return path_to(ground, tree, goals, costs.cost)


def find_detour(
    ground: Usable, free: Way | None, ends: tuple[Ends, Ends], costs: Costs
) -> Way | None:
    """Return the least-cost path with closures, never shorter than with everything open.

    With closures an end might join the other mode, with a shorter path but longer access. In this
    case the ends keep their joins, unless there is no path from these.
    """
    held = find_path(ground, *ends, costs)
    if free is None or held is None:
        return held
    net, cost = ground.network, costs.cost
    if cost_of(net, held.steps, cost) >= cost_of(net, free.steps, cost) - _SAME:
        return held
    return find_path(ground, (free.start,), (free.end,), costs) or held


def _why(
    ends: Sequence[tuple[str, PointLike]],
    at: tuple[Snap, Snap],
    chosen: Filters,
    weight: str,
    far: float,
) -> str:
    """Return the filter that excludes every route, in words."""

    def is_way(other: Filters) -> bool:
        ground = usable(other)
        try:
            starts, goals = snap_ends(ends, ground, max_access_km=far, weight=weight)
        except InputError:
            return False
        return find_path(ground, starts, goals, edge_costs(ground.network, weight)) is not None

    words = chosen.describe()
    guilty = [text for name, text in words.items() if is_way(chosen.without(name))]
    head = f"No way from {at[0].name} to {at[1].name}"
    if is_way(replace(chosen, month=chosen.month or 7)):
        head += " all year (with season='summer' there is one)"
    if guilty:
        which = "it" if len(guilty) == 1 else "one of them"
        return f"{head}: cut by {' and by '.join(guilty)}; loosen {which} and there is a way."
    if words:
        return f"{head} with {', '.join(words.values())}; loosen them together."
    return f"{head}: the two lie on parts of the network that aren't joined."


def route_matrix(
    a: Sequence[PointLike] | SubjectLike,
    b: Sequence[PointLike] | SubjectLike | None = None,
    *,
    weight: str = "km",
    vehicle: str | None = None,
    speeds: Mapping[str, float] | None = None,
    rates: Mapping[str, float] | None = None,
    max_access_km: float = 50.0,
    **chosen: Unpack[FilterOptions],
) -> pd.DataFrame:
    """Return the least km, hours, money or carbon from each of `a` to each of `b`.

    Parameters
    ----------
    a, b : list of names, Places or points; GeoSeries, table, or name of a layer or file
        `b` is `a` when omitted.
    weight : {"km", "hours", "cost", "carbon"}
    vehicle, speeds, rates, max_access_km
        As in `route`; an end farther from the network than `max_access_km` has no values.
    **chosen
        `mode avoid status year season along extra join_km`, as in `route`.

    Returns
    -------
    DataFrame
        Rows on `a`, columns on `b`, with the values of `route` for each pair: calibrated km or
        hours, without access to the network; PKR or kg of CO2 per tonne with access, as from
        `cpecgeo.routing.freight`, 0 from a place to itself. NaN where there is no route. `.attrs`
        has the access of each end, to the nearest line.

    Examples
    --------
    >>> m = route_matrix(["Lahore Junction", "Rohri Junction"], mode="rail")
    >>> round(float(m.iloc[0, 1]), 6)
    742.0
    """
    asked = filters(**chosen)
    ground = usable(asked)
    costs = edge_costs(ground.network, weight, speeds, vehicle=vehicle, rates=rates)
    far = number(max_access_km, "max_access_km", infinite=True)
    rows = place_ends(a, ground, far, weight)
    columns = rows if b is None else place_ends(b, ground, far, weight)
    net, whole = tabulate_costs(ground, rows, columns, costs)
    # Costs of goods are from door to door.
    frame, access = (whole, costs.access) if weight in {"cost", "carbon"} else (net, 0.0)
    if asked.avoid:
        free = usable(replace(asked, avoid=()))
        most = tabulate_costs(free, rows, columns, costs)[0].to_numpy()
        # As in `route`: no detour is shorter than the route with everything open.
        for i, j in np.argwhere(net.to_numpy() < most - _SAME).tolist():
            ends = list(rows.values())[i], list(columns.values())[j]
            path = find_detour(ground, find_path(free, *ends, costs), ends, costs)
            frame.iloc[i, j] = np.nan
            if path is not None:
                away = (path.start.access_km + path.end.access_km) * access
                frame.iloc[i, j] = cost_of(ground.network, path.steps, costs.cost) + away
    if access:
        one, two = (_points(ends) for ends in (rows, columns))
        frame = frame.mask((one[:, None] == two[None, :]).all(axis=2), 0.0)  # no journey
    near = {**rows, **columns}.items()
    frame.attrs = {
        "method": f"Dijkstra, least {weight}, calibrated km",
        "unit": {"cost": "PKR per tonne", "carbon": "kg of CO2 per tonne"}.get(weight, weight),
        "ellipsoid": "WGS 84",
        "edges": "geodesic",
        "access_km": {str(k): places[0].access_km for k, places in near if places},
        **ground.network.provenance(),
    }
    return frame


def _points(ends: Mapping[Any, Ends]) -> Floats:
    """Return lon, lat of ends; NaN for those that don't join the network."""
    return np.array([at[0].point.coords[0] if at else (np.nan, np.nan) for at in ends.values()])


def tabulate_costs(
    ground: Usable, rows: dict[Any, Ends], columns: dict[Any, Ends], costs: Costs
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return least costs from each row to each column, without and with access.

    Both are for the route that costs least including access.
    """
    # The graph is symmetric, so searches start from the side with fewer ends.
    is_turned = len(columns) < len(rows)
    starts, ends = (columns, rows) if is_turned else (rows, columns)
    values = np.full((2, len(starts), len(ends)), np.nan)
    arrival = _Arrival.of(ground, list(ends.values()), costs)
    for i, places in enumerate(starts.values()):
        if places:
            start, *also = places
            tree = search(ground, start, costs.cost, also=also, access=costs.access)
            values[:, i] = arrival.costs_from(tree)
    tables = [x.T if is_turned else x for x in values]
    net, whole = (pd.DataFrame(x, index=list(rows), columns=list(columns)) for x in tables)
    return net, whole


@dataclass(frozen=True)
class _Arrival:
    """Destinations: the nodes next to each, the cost from these, and the cost of access."""

    ground: Usable
    ends: list[Ends]
    costs: Costs
    nodes: NDArray[np.int64]
    rest: Floats
    away: Floats

    @classmethod
    def of(cls, ground: Usable, ends: list[Ends], costs: Costs) -> _Arrival:
        near = [
            [
                (node, off, at.access_km * costs.access)
                for at in places
                for node, off in ends_of(ground, at, costs.cost)
            ]
            for places in ends
        ]
        wide = max(1, *map(len, near)) if near else 1
        nodes, rest = np.zeros((len(ends), wide), int), np.full((len(ends), wide), np.inf)
        away = np.zeros((len(ends), wide))
        for i, found in enumerate(near):
            for j, (node, off, way) in enumerate(found):
                nodes[i, j], rest[i, j], away[i, j] = node, off, way
        return cls(ground, ends, costs, nodes, rest, away)

    def costs_from(self, tree: LeastCosts) -> Floats:
        """Return the cost to each end on the network, and that with access; NaN if unreachable."""
        total = np.array(tree.cost)[self.nodes] + self.rest + self.away
        best = total.argmin(axis=1) if total.shape[1] else np.zeros(len(total), int)
        pick = np.arange(len(total)), best
        ways = np.array([at.access_km * tree.access for at in tree.starts])
        root = np.array(tree.root)[self.nodes[pick]]
        whole = total[pick]
        own = self.away[pick] + np.where(root >= 0, ways[np.maximum(root, 0)], 0.0)
        found = np.array([whole - own, whole])
        lengths, cost = self.ground.network.lengths, self.costs.cost
        for i, places in enumerate(self.ends):
            for start, way in zip(tree.starts, ways.tolist(), strict=True):
                for end in places:
                    if end.edge != start.edge or not self.ground.is_clear(
                        end.edge, start.km, end.km
                    ):
                        continue
                    along = abs(start.km - end.km) * cost[end.edge] / lengths[end.edge]
                    other = along + way + end.access_km * tree.access
                    if other < found[1, i]:
                        found[:, i] = along, other
        return np.where(np.isfinite(found[1]), found, np.nan)


def place_ends(
    x: Sequence[PointLike] | SubjectLike, ground: Usable, far: float, weight: str
) -> dict[Any, Ends]:
    """Return where ends may join the network, by label; ends farther than `far` km don't join."""
    if isinstance(x, str) or not isinstance(x, Sequence):
        among = ("place", "layer", "file")
        subject = resolve(x, "ends", kinds=POINTS, among=among)
        if isinstance(x, str) and subject.kind == "place":
            x = [x]  # with mode rail a name preferably means a station
        else:
            points = subject.shapes
            if points.index.has_duplicates:
                raise InputError("ends has an index with duplicates; reset it.")
            near = snap_rows(points, ground, max_access_km=far)
            return dict(zip(points.index, near, strict=True))
    labels = [_label(end) for end in x]
    ends = dict(zip(labels, x, strict=True))
    if len(ends) < len(labels):
        twice = sorted({str(e) for e in labels if labels.count(e) > 1})
        raise InputError(f"ends has {', '.join(twice)} twice; give each end once.")
    if not ends:
        raise InputError("ends is empty; give one name, geometry or row at least.")
    named = [(str(label), x) for label, x in ends.items()]
    near = snap_ends(named, ground, max_access_km=np.inf, weight=weight)
    kept = (tuple(at for at in places if at.access_km <= far) for places in near)
    return dict(zip(ends, kept, strict=True))


def _label(end: object) -> Hashable:
    """Return an end's label in a table: its name, or its coordinates."""
    label = (end.x, end.y) if isinstance(end, shapely.Point) else getattr(end, "name", end)
    return label if isinstance(label, Hashable) else str(label)

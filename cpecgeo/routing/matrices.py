"""`route_matrix` and `gain`: least costs between many ends, and the gains from a new line."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from itertools import product
from typing import Any, Unpack

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from cpecgeo.catalogue import layer
from cpecgeo.errors import InputError
from cpecgeo.features.corridor import Corridor
from cpecgeo.features.resolve import resolve
from cpecgeo.features.subject import PointLike, SubjectLike
from cpecgeo.geodesy.inputs import POINTS
from cpecgeo.routing.additions import JOIN_KM
from cpecgeo.routing.costs import Costs
from cpecgeo.routing.filters import RouteOptions, Usable, UseOptions
from cpecgeo.routing.paths import SAME, Search
from cpecgeo.routing.search import (
    Ends,
    Floats,
    LeastCosts,
    ends_of,
    search,
    snap_ends,
    snap_rows,
)

__all__ = ["gain", "route_matrix"]

_Joins = tuple[NDArray[np.int64], NDArray[np.int64], Floats, Floats]

# A smaller gain, in km or hours, doesn't count.
_LEAST = 0.05


def route_matrix(
    a: Sequence[PointLike] | SubjectLike,
    b: Sequence[PointLike] | SubjectLike | None = None,
    *,
    weight: str = "km",
    **options: Unpack[RouteOptions],
) -> pd.DataFrame:
    """Return the least km, hours, money or carbon from each of `a` to each of `b`.

    Parameters
    ----------
    a, b : list of names, Places or points; GeoSeries, table, or name of a layer or file
        `b` is `a` when omitted.
    weight : {"km", "hours", "cost", "carbon"}
    **options
        `mode avoid status year season along extra join_km vehicle speeds rates max_access_km`, as
        in `route`; an end farther from the network than `max_access_km` has no values.

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
    query = Search.of(weight, **options)
    rows = _place_ends(a, query)
    columns = rows if b is None else _place_ends(b, query)
    net, whole = _tabulate(query, rows, columns)
    # Costs of goods are from door to door.
    is_goods = weight in {"cost", "carbon"}
    frame = whole if is_goods else net
    if query.ground.chosen.avoid:
        free = query.free
        most = _tabulate(query, rows, columns, free)[0].to_numpy()
        # As in `route`: no detour is shorter than the route with everything open.
        for i, j in np.argwhere(net.to_numpy() < most - SAME).tolist():
            ends = list(rows.values())[i], list(columns.values())[j]
            path = query.find_detour(query.find_path(*ends, free), *ends)
            frame.iloc[i, j] = np.nan
            if path is not None:
                away = path.start.access_km + path.end.access_km
                frame.iloc[i, j] = query.cost_of(path) + away * query.costs.access * is_goods
    if is_goods:
        one, two = (_points(ends) for ends in (rows, columns))
        frame = frame.mask((one[:, None] == two[None, :]).all(axis=2), 0.0)  # no journey
    near = {**rows, **columns}.items()
    frame.attrs = {
        "method": f"Dijkstra, least {weight}, calibrated km",
        "unit": {"cost": "PKR per tonne", "carbon": "kg of CO2 per tonne"}.get(weight, weight),
        "ellipsoid": "WGS 84",
        "edges": "geodesic",
        "access_km": {str(k): places[0].access_km for k, places in near if places},
        **query.ground.network.provenance(),
    }
    return frame


def _points(ends: Mapping[Any, Ends]) -> Floats:
    """Return lon, lat of ends; NaN for those that don't join the network."""
    return np.array([at[0].point.coords[0] if at else (np.nan, np.nan) for at in ends.values()])


def _tabulate(
    query: Search, rows: dict[Any, Ends], columns: dict[Any, Ends], ground: Usable | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return least costs from each row to each column, without and with access.

    Both are for the route that costs least including access.
    """
    ground, costs = ground or query.ground, query.costs
    # The graph is symmetric, so searches start from the side with fewer ends.
    is_turned = len(columns) < len(rows)
    starts, ends = (columns, rows) if is_turned else (rows, columns)
    values = np.full((2, len(starts), len(ends)), np.nan)
    joins = _list_joins(ground, list(ends.values()), costs)
    for i, places in enumerate(starts.values()):
        if places:
            tree = search(ground, places, costs.cost, access=costs.access)
            values[:, i] = _costs_from(tree, list(ends.values()), joins)
    tables = [x.T if is_turned else x for x in values]
    net, whole = (pd.DataFrame(x, index=list(rows), columns=list(columns)) for x in tables)
    return net, whole


def _list_joins(ground: Usable, ends: list[Ends], costs: Costs) -> _Joins:
    """Return ends, the nodes next to each, the cost from these, and the cost of access."""
    rows = [
        (i, node, off, at.access_km * costs.access)
        for i, places in enumerate(ends)
        for at in places
        for node, off in ends_of(ground, at, costs.cost)
    ]
    end, node, rest, away = np.array(rows, float).reshape(-1, 4).T
    return end.astype(int), node.astype(int), rest, away


def _costs_from(tree: LeastCosts, ends: list[Ends], joins: _Joins) -> Floats:
    """Return the cost to each end on the network, and that with access; NaN if unreachable."""
    end, node, rest, away = joins
    total = np.array(tree.cost)[node] + rest + away
    # Of each end the least, of equals the first.
    best = np.lexsort((total, end))
    best = best[np.isfinite(total[best])]
    best = best[np.unique(end[best], return_index=True)[1]]
    ways = np.array([at.access_km * tree.access for at in tree.starts])
    own = away[best] + ways[np.array(tree.root)[node[best]]]
    found = np.full((2, len(ends)), np.nan)
    found[:, end[best]] = total[best] - own, total[best]
    ground, lengths = tree.ground, tree.ground.network.lengths
    for i, places in enumerate(ends):
        for start, at in product(tree.starts, places):
            if at.edge == start.edge and ground.is_clear(at.edge, start.km, at.km):
                along = abs(start.km - at.km) * tree.edge_cost[at.edge] / lengths[at.edge]
                other = along + (start.access_km + at.access_km) * tree.access
                if not other >= found[1, i]:
                    found[:, i] = along, other
    return found


def _place_ends(x: Sequence[PointLike] | SubjectLike, query: Search) -> dict[Any, Ends]:
    """Return where ends may join the network, by label; ends too far from it don't join."""
    if isinstance(x, str) or not isinstance(x, Sequence):
        among = ("place", "layer", "file")
        subject = resolve(x, "ends", kinds=POINTS, among=among)
        if isinstance(x, str) and subject.kind == "place":
            x = [x]  # with mode rail a name preferably means a station
        else:
            points = subject.shapes
            if points.index.has_duplicates:
                raise InputError("ends has an index with duplicates; reset it.")
            near = snap_rows(points, query.ground, max_access_km=query.far)
            return dict(zip(points.index, near, strict=True))
    labels = [_label(end) for end in x]
    ends = dict(zip(labels, x, strict=True))
    if len(ends) < len(labels):
        twice = sorted({str(e) for e in labels if labels.count(e) > 1})
        raise InputError(f"ends has {', '.join(twice)} twice; give each end once.")
    if not ends:
        raise InputError("ends is empty; give one name, geometry or row at least.")
    named = [(str(label), x) for label, x in ends.items()]
    near = snap_ends(named, query.ground, max_access_km=np.inf, weight=query.weight)
    kept = (tuple(at for at in places if at.access_km <= query.far) for places in near)
    return dict(zip(ends, kept, strict=True))


def _label(end: object) -> Hashable:
    """Return an end's label in a table: its name, or its coordinates."""
    label = (end.x, end.y) if isinstance(end, shapely.Point) else getattr(end, "name", end)
    return label if isinstance(label, Hashable) else str(label)


def gain(
    places: Sequence[PointLike] | SubjectLike,
    *,
    extra: Corridor | Sequence[Corridor],
    by: str = "pair",
    join_km: float = JOIN_KM,
    **options: Unpack[UseOptions],
) -> pd.DataFrame:
    """Return the changes in km and hours between places that new lines bring.

    Parameters
    ----------
    places : list of names, Places or points; GeoSeries, table, or name of a layer or file
    extra : Corridor or list of Corridor
        The new lines, see `route`.
    by : {"pair", "place"}
        A row per pair of places, or per place with the sums of its pairs.
    join_km
        As in `route`.
    **options
        `mode avoid status year season along vehicle speeds rates max_access_km`, as in `route`.

    Returns
    -------
    DataFrame
        By pair: `from to km_before km_after gained_km hours_before hours_after gained_hours
        is_new`, the most hours gained first. Km and hours are minimized separately, and include
        access from the places to the network, which `route` and `route_matrix` leave out: its km,
        and its hours as on a track. A change below 0.05, or below the access of both places (each
        up to `join_km`), isn't a gain. `is_new` marks pairs without a route before; their gains are
        missing, and all values are missing without a route after. By place: `pairs gaining
        new_pairs gained_km gained_hours population` (sums over the pairs; people where the
        gazetteer has the name). `.attrs` has the joins.

    Raises
    ------
    InputError
        Fewer than two places, no line, a line that joins nowhere, or as in `route`.

    Examples
    --------
    >>> from shapely.geometry import LineString
    >>> from cpecgeo import Corridor, place
    >>> line = LineString([place("Panjgur").point, place("Dalbandin").point])
    >>> new = Corridor.from_line(line, name="new", title="Panjgur-Dalbandin")
    >>> float(gain(["Turbat", "Nok Kundi"], extra=new, join_km=5)["gained_km"].iloc[0]) > 100
    True
    """
    if by not in {"pair", "place"}:
        raise InputError(f'by is {by!r}; it is "pair" or "place".')
    if isinstance(extra, Sequence) and not extra:
        raise InputError("extra is empty; give the new line, or several.")
    amounts: dict[str, Any] = {}
    slack: dict[str, Any] = {}
    for weight in ("km", "hours"):
        before = Search.of(weight, **options)
        after = Search.of(weight, extra=extra, join_km=join_km, **options)
        for when, query in (("before", before), ("after", after)):
            ends = _place_ends(places, query)
            if len(ends) < 2:
                raise InputError("places has fewer than two; give two or more to go between.")
            amounts[f"{weight}_{when}"] = _tabulate(query, ends, ends)[1].to_numpy()
            if when == "before":
                away = np.array([at[0].access_km if at else 0.0 for at in ends.values()])
                slack[weight] = np.where(away <= join_km, away, 0.0) * query.costs.access
    labels, net = list(ends), after.ground.network
    one, two = np.triu_indices(len(labels), 1)
    frame = pd.DataFrame({"from": [labels[i] for i in one], "to": [labels[j] for j in two]})
    for weight in ("km", "hours"):
        was, now = (amounts[f"{weight}_{when}"][one, two] for when in ("before", "after"))
        saved = pd.Series(was - now)
        least = np.maximum(slack[weight][one] + slack[weight][two], _LEAST)
        frame[f"{weight}_before"], frame[f"{weight}_after"] = was, now
        frame[f"gained_{weight}"] = saved.mask(saved.abs() < least, 0.0)
    frame["is_new"] = frame["hours_before"].isna() & frame["hours_after"].notna()
    attrs = {
        "method": "least km and least hours before and after, ways to the network counted",
        "joins": list(net.edges.attrs["joins"]),
        **net.provenance(),
    }
    if by == "place":
        frame = _sum_by_place(frame, labels)
        order = ["gained_hours", "new_pairs"]
    else:
        order = ["gained_hours", "gained_km"]
    frame = frame.sort_values(order, ascending=False, kind="stable")
    frame = frame if by == "place" else frame.reset_index(drop=True)
    frame.attrs = attrs
    return frame


def _sum_by_place(pairs: pd.DataFrame, labels: list[Any]) -> pd.DataFrame:
    """Sum the gains of each place over its pairs."""
    towns = layer("places").drop_duplicates("name").set_index("name")["population"]
    rows = {}
    for label in labels:
        own = pairs[[label in ends for ends in zip(pairs["from"], pairs["to"], strict=True)]]
        rows[label] = {
            "pairs": len(own),
            "gaining": int((own["gained_hours"] > 0).sum()),
            "new_pairs": int(own["is_new"].sum()),
            "gained_km": float(own["gained_km"].sum()),
            "gained_hours": float(own["gained_hours"].sum()),
            "population": float(towns.get(label, np.nan)) if isinstance(label, str) else np.nan,
        }
    return pd.DataFrame.from_dict(rows, orient="index")

"""`route` and `route_matrix`: least km or hours between ends, or why there is no way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Unpack

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from cpecgeo.errors import InputError
from cpecgeo.features.corridor import Corridor
from cpecgeo.features.resolve import in_region, resolve
from cpecgeo.features.subject import PointLike, SubjectLike
from cpecgeo.geodesy.inputs import POINTS
from cpecgeo.routing.filters import FilterOptions, Filters, Usable, filters, number, usable
from cpecgeo.routing.legs import Route, route_of
from cpecgeo.routing.search import (
    Floats,
    Snap,
    Tree,
    edge_costs,
    ends_of,
    is_clear,
    search,
    snap,
    snap_all,
    steps_to,
)

__all__ = ["route", "route_matrix"]


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
    speeds: Mapping[str, float] | None = None,
    max_access_km: float = 50.0,
) -> Route:
    """Return the shortest or quickest route through the bundled road and rail network.

    Parameters
    ----------
    a, b : str, Place, Point, (lon, lat) or one-row GeoSeries
        Origin and destination. Each joins the network at the nearest point on an edge that
        `mode status year season along` leave, whether `avoid` closes it or not. By rail a
        name is rather that of a station, otherwise rather that of a town or road.
    mode : {"any", "road", "rail"}
    avoid : str, Corridor, Place, Route, Reach, geometry, GeoDataFrame, or a list of them
        Sections, corridors, crossings, districts, provinces, places by name (in this order;
        ``"district:Quetta"`` says which), or points, lines and polygons. A route stands for
        what it runs over, a reach for its polygon.
    weight : {"hours", "km"}
        What to keep least: hours, with those of handling at each change between road and
        rail, or calibrated km alone. `Route.notes` says what changes the km leave out.
    status : str or list of str, optional
        ``operating under_construction suspended closed planned``, or ``"any"``. Operating
        only when omitted; any along a corridor.
    year : int, optional
        Leaves out what opened later. What has no known year counts as open.
    season : str or int, optional
        ``"winter"`` (January), ``"spring"``, ``"summer"``, ``"autumn"`` or a month. Khunjerab
        was closed from December to March until 2024.
    along : str or Corridor, optional
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
    >>> round(r.chainage_km), round(r.length_km)
    (281, 238)
    """
    chosen = filters(mode=mode, avoid=avoid, status=status, year=year, season=season, along=along)
    ground = usable(chosen)
    cost, hours = edge_costs(ground.network, weight, speeds)
    ends = [("the origin", a), ("the destination", b)]
    start, end = snap(ends, ground, max_access_km=max_access_km)
    steps = steps_to(ground, search(ground, start, cost), end, cost)
    if steps is None:
        raise InputError(_why(ends, (start, end), chosen, weight, max_access_km))
    return route_of(ground.network, (start, end), steps, hours, weight=weight, chosen=chosen)


def _why(
    ends: Sequence[tuple[str, PointLike]],
    at: tuple[Snap, Snap],
    chosen: Filters,
    weight: str,
    far: float,
) -> str:
    """Return which filter leaves no way."""

    def is_way(other: Filters) -> bool:
        ground = usable(other)
        cost, _ = edge_costs(ground.network, weight, None)
        try:
            start, end = snap(ends, ground, max_access_km=far)
        except InputError:
            return False
        return steps_to(ground, search(ground, start, cost), end, cost) is not None

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
    speeds: Mapping[str, float] | None = None,
    max_access_km: float = 50.0,
    **chosen: Unpack[FilterOptions],
) -> pd.DataFrame:
    """Return least km or hours from each of `a` to each of `b`.

    Parameters
    ----------
    a, b : list of names, Places or points; GeoSeries, table, or name of a layer or file
        `a` again where `b` is omitted.
    weight : {"km", "hours"}
    speeds, max_access_km
        As in `route`; an end further from the network than `max_access_km` has no value.
    **chosen
        `mode avoid status year season along`, as in `route`.

    Returns
    -------
    DataFrame
        Rows on `a`, columns on `b`: calibrated km or hours; NaN where there is no way. Access
        isn't counted; `.attrs` has it per end.

    Examples
    --------
    >>> m = route_matrix(["Lahore Junction", "Rohri Junction"], mode="rail")
    >>> round(float(m.iloc[0, 1]), 6)
    742.0
    """
    ground = usable(filters(**chosen))
    cost, _ = edge_costs(ground.network, weight, speeds)
    far = number(max_access_km, "max_access_km", infinite=True)
    rows = _snap_ends(a, ground, far)
    columns = rows if b is None else _snap_ends(b, ground, far)
    # The graph is symmetric: start from the side with fewer ends.
    turned = len(columns) < len(rows)
    starts, ends = (columns, rows) if turned else (rows, columns)
    values = np.full((len(starts), len(ends)), np.nan)
    arrival = _Arrival.of(ground, list(ends.values()), cost)
    for i, start in enumerate(starts.values()):
        if start is not None:
            values[i] = arrival.cost_of(search(ground, start, cost))
    values = values.T if turned else values
    frame = pd.DataFrame(values, index=list(rows), columns=list(columns))
    frame.attrs = {
        "method": f"Dijkstra, least {weight}, calibrated km",
        "unit": weight,
        "ellipsoid": "WGS 84",
        "edges": "geodesic",
        "access_km": {str(k): s.access_km for k, s in {**rows, **columns}.items() if s is not None},
        **ground.network.provenance(),
    }
    return frame


@dataclass(frozen=True)
class _Arrival:
    """Ends as nodes to come from and what is left from there, side by side."""

    ground: Usable
    ends: list[Snap | None]
    cost: list[float]
    nodes: NDArray[np.int64]
    rest: Floats

    @classmethod
    def of(cls, ground: Usable, ends: list[Snap | None], cost: list[float]) -> _Arrival:
        near = [[] if end is None else ends_of(ground, end, cost) for end in ends]
        wide = max(1, *map(len, near)) if near else 1
        nodes, rest = np.zeros((len(ends), wide), int), np.full((len(ends), wide), np.inf)
        for i, found in enumerate(near):
            for j, (node, off) in enumerate(found):
                nodes[i, j], rest[i, j] = node, off
        return cls(ground, ends, cost, nodes, rest)

    def cost_of(self, tree: Tree) -> Floats:
        """Return the cost from the start of a tree to each end; NaN where there is no way."""
        found = (np.array(tree.cost)[self.nodes] + self.rest).min(axis=1)
        start = tree.start
        per = self.cost[start.edge] / self.ground.network.lengths[start.edge]
        for i, end in enumerate(self.ends):
            if end is None or end.edge != start.edge:
                continue
            if is_clear(self.ground, end.edge, start.km, end.km):
                found[i] = min(found[i], abs(start.km - end.km) * per)
        return np.where(np.isfinite(found), found, np.nan)


def _snap_ends(
    x: Sequence[PointLike] | SubjectLike, ground: Usable, far: float
) -> dict[Any, Snap | None]:
    """Return where ends join the network, by label; None further than `far` km from it."""
    if isinstance(x, str) or not isinstance(x, Sequence):
        among = ("place", "layer", "file")
        subject = in_region(resolve(x, "ends", kinds=POINTS, among=among), "ends")
        if isinstance(x, str) and subject.kind == "place":
            x = [x]  # by rail it is rather a station of that name
        else:
            return _snap_points(subject.shapes, ground, far)
    labels = [_label(end) for end in x]
    ends = dict(zip(labels, x, strict=True))
    if len(ends) < len(labels):
        twice = sorted({str(e) for e in labels if labels.count(e) > 1})
        raise InputError(f"Given twice: {', '.join(twice)}. Give each end once.")
    if not ends:
        return {}
    near = snap([(str(label), x) for label, x in ends.items()], ground, max_access_km=np.inf)
    return {k: s if s.access_km <= far else None for k, s in zip(ends, near, strict=True)}


def _snap_points(points: gpd.GeoSeries, ground: Usable, far: float) -> dict[Any, Snap | None]:
    if points.index.has_duplicates:
        raise InputError("The index has duplicates, so rows can't be told apart; reset it.")
    near = snap_all(points.tolist(), [str(i) for i in points.index], ground)
    return {i: s if s.access_km <= far else None for i, s in zip(points.index, near, strict=True)}


def _label(end: Any) -> Any:
    """Return what an end is called in a table: its name, or its coordinates."""
    return (end.x, end.y) if isinstance(end, shapely.Point) else getattr(end, "name", end)

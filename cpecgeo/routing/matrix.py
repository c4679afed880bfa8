"""Many journeys at once: the shortest km or hours of each to each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from cpecgeo.catalogue import data_version, layer
from cpecgeo.errors import InputError, InputTypeError
from cpecgeo.features.resolve import in_region, resolve
from cpecgeo.geodesy.inputs import POINTS
from cpecgeo.routing.filters import Usable, filters, usable
from cpecgeo.routing.search import (
    Snap,
    Tree,
    clear,
    costs,
    legs_off,
    shortest,
    snap,
    snap_all,
)

__all__ = ["route_matrix"]


def route_matrix(
    a: Any,
    b: Any = None,
    *,
    weight: str = "km",
    speeds: Mapping[str, float] | None = None,
    max_access_km: float = 50.0,
    **chosen: Any,
) -> pd.DataFrame:
    """Shortest km or hours from each of `a` to each of `b`.

    Parameters
    ----------
    a, b : list of names, Places or points; GeoSeries, GeoDataFrame or layer name
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
    cost, _ = costs(ground.network, weight, speeds)
    rows = _snapped(a, ground, max_access_km)
    columns = rows if b is None else _snapped(b, ground, max_access_km)
    # The graph is symmetric: start from the side with fewer ends.
    turned = len(columns) < len(rows)
    starts, ends = (columns, rows) if turned else (rows, columns)
    values = np.full((len(starts), len(ends)), np.nan)
    arrival = _Arrival.of(ground, list(ends.values()), cost)
    for i, start in enumerate(starts.values()):
        if start is not None:
            values[i] = arrival.cost_of(shortest(ground, start, cost))
    values = values.T if turned else values
    frame = pd.DataFrame(values, index=list(rows), columns=list(columns))
    frame.attrs = {
        "method": f"Dijkstra, least {weight}, calibrated km",
        "unit": weight,
        "ellipsoid": "WGS 84",
        "edges": "geodesic",
        "access_km": {str(k): s.access_km for k, s in {**rows, **columns}.items() if s is not None},
        "data_version": data_version(),
    }
    return frame


@dataclass(frozen=True)
class _Arrival:
    """Ends as nodes to come from and what is left from there, side by side."""

    ground: Usable
    ends: list[Snap | None]
    cost: Any
    nodes: Any
    rest: Any

    @classmethod
    def of(cls, ground: Usable, ends: list[Snap | None], cost: Any) -> _Arrival:
        ways = [[] if end is None else legs_off(ground, end, cost) for end in ends]
        wide = max(1, *(len(w) for w in ways)) if ways else 1
        nodes, rest = np.zeros((len(ends), wide), int), np.full((len(ends), wide), np.inf)
        for i, way in enumerate(ways):
            for j, (node, off) in enumerate(way):
                nodes[i, j], rest[i, j] = node, off
        return cls(ground, ends, cost, nodes, rest)

    def cost_of(self, tree: Tree) -> Any:
        """From the start of a tree to each end; NaN where there is no way."""
        found = (tree.cost[self.nodes] + self.rest).min(axis=1)
        start = tree.start
        per = float(self.cost[start.edge]) / float(self.ground.network.measures[start.edge][-1])
        for i, end in enumerate(self.ends):
            here = end is not None and end.edge == start.edge
            if here and end is not None and clear(self.ground, end.edge, start.km, end.km):
                found[i] = min(found[i], abs(start.km - end.km) * per)
        return np.where(np.isfinite(found), found, np.nan)


def _snapped(x: Any, ground: Any, far: float) -> dict[Any, Snap | None]:
    """Ends by their label."""
    if isinstance(x, str):
        from cpecgeo.errors import UnknownNameError

        try:
            frame = layer(x).set_index("id")
            x = frame.geometry[frame.geometry.notna()]
        except UnknownNameError:
            x = [x]
    if isinstance(x, gpd.GeoDataFrame):
        x = x.geometry
    if isinstance(x, gpd.GeoSeries):
        if x.index.has_duplicates:
            raise InputError("The index has duplicates, so rows can't be told apart; reset it.")
        points = in_region(resolve(x, "ends", kinds=POINTS), "ends").shapes
        near = snap_all(points.tolist(), [str(i) for i in x.index], ground)
        return {i: s if s.access_km <= far else None for i, s in zip(x.index, near, strict=True)}
    if isinstance(x, Sequence):
        labels = [(e.x, e.y) if hasattr(e, "x") else getattr(e, "name", e) for e in x]
        ends = dict(zip(labels, x, strict=True))
        if len(ends) < len(labels):
            twice = sorted({str(e) for e in labels if labels.count(e) > 1})
            raise InputError(f"Given twice: {', '.join(twice)}. Give each end once.")
    else:
        raise InputTypeError(f"{type(x).__name__} given; give a list of names or points.")
    found: dict[Any, Snap | None] = {}
    for label, end in ends.items():
        at = snap(end, ground, str(label), np.inf)
        found[label] = at if at.access_km <= far else None
    return found

"""`reach`: how far one gets along the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any, Unpack

import geopandas as gpd
import numpy as np
from shapely import MultiPolygon, Polygon

from cpecgeo.catalogue import layer
from cpecgeo.errors import InputError
from cpecgeo.features.subject import PointLike, Subject
from cpecgeo.geodesy import Index, buffer, length_km
from cpecgeo.routing.filters import FilterOptions, Usable, filters, number, usable
from cpecgeo.routing.graph import Network
from cpecgeo.routing.search import Floats, Snap, edge_costs, search, snap

__all__ = ["Reach", "reach"]

# Shorter stretches than a millimetre are rounding.
_LEAST_KM = 1e-6


@dataclass(frozen=True, eq=False)
class Reach:
    """What lies within so many km or hours of a place.

    `reach` finds one.

    Attributes
    ----------
    origin : Snap
    weight : str
        ``"km"`` or ``"hours"``.
    limit : float
    edges : GeoDataFrame
        The stretches reached: `name mode section status km cost_from cost_to geometry`.
    towns : GeoDataFrame
        Towns within `within_km` of a reached stretch: the columns of the places layer and
        `cost` (at the nearest point of the network), `access_km`.
    within_km : float

    Examples
    --------
    >>> r = reach("Gwadar", km=100, mode="road")
    >>> float(r.edges["cost_to"].max().round(6))
    100.0
    """

    origin: Snap
    weight: str
    limit: float
    edges: gpd.GeoDataFrame
    towns: gpd.GeoDataFrame
    within_km: float

    @cached_property
    def polygon(self) -> Polygon | MultiPolygon:
        """The area within `within_km` of what is reached."""
        return buffer(self.edges.geometry.union_all(), self.within_km)

    def as_subject(self) -> Subject:
        """Return the polygon under the reach's title; see `resolve`."""
        title = f"Within {self.limit:g} {self.weight} of {self.origin.name}"
        shapes = gpd.GeoSeries([self.polygon], index=[title], crs=4326)
        return Subject(shapes, title, "reach", is_single=True, things=(self,))

    @property
    def chainage_km(self) -> float:
        """Calibrated km of road and railway reached: published ones where there are any."""
        return float(self.edges["km"].sum())

    @property
    def length_km(self) -> float:
        """Geodesic length of the lines reached, in kilometres."""
        return float(np.sum(length_km(self.edges.geometry)))

    def explore(self, **style: Any) -> Any:
        """Return a map of the lines and towns reached; see `cpecgeo.Map`."""
        import cpecgeo as cg

        return cg.Map().add(self, **style)

    def __repr__(self) -> str:
        return (
            f"<Reach {self.limit:g} {self.weight} of {self.origin.name}: "
            f"{self.chainage_km:,.0f} km (calibrated), {len(self.towns)} towns>"
        )

    def _repr_html_(self) -> str:
        people = self.towns["population"].fillna(0).sum()
        top = self.towns.sort_values("cost").head(20)
        rows = "".join(
            f"<tr><td>{escape(str(t['name']))}</td><td>{t['cost']:,.1f}</td></tr>"
            for _, t in top.iterrows()
        )
        return (
            f"<div><strong>Within {self.limit:g} {self.weight} of {escape(self.origin.name)}"
            f"</strong><p>{self.chainage_km:,.0f} km of roads and railways (calibrated), "
            f"{len(self.towns)} towns with {people:,.0f} people</p><table><tr>"
            f"<th>town</th><th>{self.weight}</th></tr>{rows}</table></div>"
        )


def reach(
    a: PointLike,
    *,
    km: float | None = None,
    hours: float | None = None,
    within_km: float = 5.0,
    speeds: Mapping[str, float] | None = None,
    max_access_km: float = 50.0,
    **chosen: Unpack[FilterOptions],
) -> Reach:
    """Return what can be reached from a place in so many kilometres or hours.

    Parameters
    ----------
    a
        As in `route`.
    km, hours : float
        The limit: one of them.
    within_km : float
        How far from the network a town may lie, and the width of the polygon on each side.
    speeds, max_access_km
        As in `route`.
    **chosen
        `mode avoid status year season along`, as in `route`.

    Returns
    -------
    Reach

    Raises
    ------
    InputError
        Not one limit, or a bad one; otherwise as in `route`.

    Examples
    --------
    >>> "Pasni" in set(reach("Gwadar", km=200, within_km=15).towns["name"])
    True
    """
    if (km is None) == (hours is None):
        raise InputError("Give one limit: km= or hours=.")
    weight, limit = ("km", km) if km is not None else ("hours", hours)
    limit = number(limit, weight, above=0.0)
    within_km = number(within_km, "within_km", above=0.0)
    ground = usable(filters(**chosen))
    cost, _ = edge_costs(ground.network, weight, speeds)
    (start,) = snap([("the origin", a)], ground, max_access_km=max_access_km)
    edges = _edges(ground, start, cost, limit)
    return Reach(start, weight, limit, edges, _towns(edges, within_km), within_km)


def _edges(ground: Usable, start: Snap, cost: Sequence[float], limit: float) -> gpd.GeoDataFrame:
    """Return the stretches within the limit, with the cost where each is entered and left."""
    net = ground.network
    tree = search(ground, start, cost)
    rows: list[dict[str, Any]] = []
    spans: list[tuple[int, float, float]] = []
    for i in np.flatnonzero(ground.there).tolist():
        length = net.lengths[i]
        u, v = net.ends[i]
        sources = [(0.0, tree.cost[u]), (length, tree.cost[v])]
        if i == start.edge:
            sources.append((start.km, 0.0))
        if length == 0 or min(at for _, at in sources) >= limit:
            continue
        per = cost[i] / length
        for low, high in _free(ground.blocked.get(i), length):
            inside = sorted(s for s in sources if low <= s[0] <= high and s[1] < limit)
            for a, b, at in _stretches(inside, low, high, per, limit):
                rows.append(_stretch(net, i, abs(b - a), at, per))
                spans.append((i, a, b))
    frame = gpd.GeoDataFrame(rows, columns=_COLUMNS, geometry=net.cut(spans), crs=4326)
    frame.attrs = {
        "title": f"Reach of {start.name}",
        "method": "Dijkstra, calibrated km",
        "ellipsoid": "WGS 84",
        "edges": "geodesic",
        "sources": sorted(set(frame["source"].dropna())),
        **net.provenance(frame["section"]),
    }
    return frame


def _free(spans: Floats | None, length: float) -> list[tuple[float, float]]:
    """Return the stretches of an edge that `avoid` leaves."""
    if spans is None:
        return [(0.0, length)]
    free, at = [], 0.0
    for low, high in sorted(map(tuple, spans.tolist())):
        if low > at:
            free.append((at, low))
        at = max(at, high)
    return [*free, (at, length)] if at < length else free


def _stretches(
    sources: list[tuple[float, float]], low: float, high: float, per: float, limit: float
) -> list[tuple[float, float, float]]:
    """Return km from, km to and the cost at the first, each km by its cheapest source only."""
    found = []
    for j, (km, at) in enumerate(sources):
        # Costs rise evenly, so two sources share what lies between them where they are equal.
        back, ahead = low, high
        if j > 0:
            other, cost = sources[j - 1]
            back = min(km, (other + km) / 2 + (at - cost) / (2 * per))
        if j + 1 < len(sources):
            other, cost = sources[j + 1]
            ahead = max(km, (other + km) / 2 + (cost - at) / (2 * per))
        far = (limit - at) / per
        found += [(km, max(back, km - far), at), (km, min(ahead, km + far), at)]
    return [(a, b, at) for a, b, at in found if abs(a - b) > _LEAST_KM]


_COLUMNS = [
    "name", "mode", "section", "status", "km", "cost_from", "cost_to", "speed_class", "country",
    "accuracy_km", "basis", "source", "licence",
]  # fmt: skip


def _stretch(net: Network, i: int, km: float, cost: float, per: float) -> dict[str, Any]:
    """Return the row of `km` of an edge that are entered at a cost and left at another."""
    edge = net.rows[i]
    return {
        **{c: edge[c] for c in _COLUMNS if c in edge},
        "km": km,
        "cost_from": cost,
        "cost_to": cost + km * per,
    }


def _towns(edges: gpd.GeoDataFrame, within_km: float) -> gpd.GeoDataFrame:
    """Return the towns near what is reached, with the cost at the nearest point of it."""
    towns = layer("places")
    attrs = towns.attrs
    if edges.empty:
        return towns[:0].assign(cost=[], access_km=[])
    near = Index(edges.geometry).nearest(towns.geometry, max_km=within_km)
    here = near["target"].notna().to_numpy()
    rows = near["target"][here].astype(int).to_numpy()
    on = edges.iloc[rows]
    share = near["km"][here].to_numpy() / np.asarray(length_km(on.geometry))
    low, high = on["cost_from"].to_numpy(), on["cost_to"].to_numpy()
    towns = towns[here].assign(
        cost=low + share * (high - low), access_km=near["distance_km"][here].to_numpy()
    )
    towns = towns.sort_values("cost", kind="stable")
    towns.attrs = attrs
    return towns

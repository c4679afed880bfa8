"""`reach`: catchments along the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from numbers import Real
from typing import Any, Unpack

import geopandas as gpd
import numpy as np
import pandas as pd
from shapely import LineString, MultiPolygon, Polygon

from cpecgeo.catalogue import layer
from cpecgeo.errors import InputError, InputTypeError
from cpecgeo.features.resolve import check_number
from cpecgeo.features.subject import PointLike, Subject, html_card, html_table
from cpecgeo.geodesy import Index, buffer, length_km
from cpecgeo.geodesy._rules import quote
from cpecgeo.routing.filters import RouteOptions
from cpecgeo.routing.paths import Search
from cpecgeo.routing.search import OTHER_KM, Ends, Floats, LeastCosts, Snap, search, snap_ends

__all__ = ["Reach", "reach"]

# Stretches below a millimetre are rounding.
_LEAST_KM = 1e-6


@dataclass(frozen=True, eq=False)
class Reach:
    """The catchment of a place, or of several, in km or hours along the network.

    Returned by `reach`.

    Attributes
    ----------
    origins : tuple of Snap
    weight : str
        ``"km"`` or ``"hours"``.
    limits : tuple of float
        Ascending. `areas` has a polygon for each; all other fields are for the last.
    edges : GeoDataFrame
        The stretches reached: `name mode section status km cost_from cost_to geometry`.
    towns : GeoDataFrame
        Towns within `within_km` of a reached stretch: the columns of the places layer and `cost_at`
        (where it joins a reached road or railway, whichever is best including access), `access_km`,
        `limit` (the least that reaches it). `.attrs["left_out"]` counts further towns up to
        ``.attrs["left_out_km"]`` from the stretches reached.
    within_km : float
    inner : tuple of GeoDataFrame
        The stretches of the limits before the last.

    Examples
    --------
    >>> r = reach("Gwadar", km=100, mode="road")
    >>> float(r.edges["cost_to"].max().round(6))
    100.0
    """

    origins: tuple[Snap, ...]
    weight: str
    limits: tuple[float, ...]
    edges: gpd.GeoDataFrame
    towns: gpd.GeoDataFrame
    within_km: float
    inner: tuple[gpd.GeoDataFrame, ...] = field(default=(), repr=False)

    @property
    def origin(self) -> Snap:
        """The first of the origins."""
        return self.origins[0]

    @property
    def limit(self) -> float:
        """The greatest of the limits."""
        return self.limits[-1]

    @property
    def title(self) -> str:
        """The title for people."""
        names = ", ".join(origin.name for origin in self.origins[:3])
        more = f" and {len(self.origins) - 3} more" if len(self.origins) > 3 else ""
        return f"Within {self.limit:g} {self.weight} of {names}{more}"

    @cached_property
    def areas(self) -> gpd.GeoDataFrame:
        """A polygon per limit; each contains those of smaller limits.

        Indexed by limit: `chainage_km` (calibrated km of road and railway), `towns`, geometry.
        """
        edges = [*self.inner, self.edges]
        rows = {
            "chainage_km": [float(frame["km"].sum()) for frame in edges],
            "towns": [int((self.towns["limit"] <= limit).sum()) for limit in self.limits],
        }
        shapes = [*(_area(frame, self.within_km) for frame in self.inner), self.polygon]
        index = pd.Index(self.limits, name=self.weight)
        frame = gpd.GeoDataFrame(rows, index=index, geometry=shapes, crs=4326)
        frame.attrs = {**self.edges.attrs, "title": self.title, "within_km": self.within_km}
        return frame

    @cached_property
    def polygon(self) -> Polygon | MultiPolygon:
        """The area within `within_km` of the stretches reached."""
        return _area(self.edges, self.within_km)

    def as_subject(self) -> Subject:
        """Return the polygon under the reach's title; see `resolve`."""
        shapes = gpd.GeoSeries([self.polygon], index=[self.title], crs=4326)
        return Subject(shapes, self.title, "reach", is_single=True, things=(self,))

    @property
    def chainage_km(self) -> float:
        """Calibrated km of road and railway reached; published ones where available."""
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
            f"<Reach {self.title.removeprefix('Within ')}: "
            f"{self.chainage_km:,.0f} km (calibrated), {len(self.towns)} towns>"
        )

    def _repr_html_(self) -> str:
        people = self.towns["population"].fillna(0).sum()
        top = self.towns.sort_values("cost_at").head(20)
        rows = [(t["name"], f"{t['cost_at']:,.1f}") for _, t in top.iterrows()]
        about = (
            f": {self.chainage_km:,.0f} km of roads and railways (calibrated), "
            f"{len(self.towns)} towns with {people:,.0f} people"
        )
        return html_card(self.title, about, html_table(rows, ("town", self.weight)))


def reach(
    a: PointLike | Sequence[PointLike],
    *,
    km: float | Sequence[float] | None = None,
    hours: float | Sequence[float] | None = None,
    within_km: float = 5.0,
    **options: Unpack[RouteOptions],
) -> Reach:
    """Return the roads, railways and towns within km or hours of a place, along the network.

    Parameters
    ----------
    a
        As in `route`; with a list, from the nearest of several.
    km, hours : float or sequence of float
        The limit, one of the two; several limits give a polygon each, see `Reach.areas`. In km a
        change between road and rail costs nothing.
    within_km : float
        Greatest distance of a town from the network, and half the width of the polygon around
        lines.
    **options
        `mode avoid status year season along extra join_km vehicle speeds rates max_access_km`, as
        in `route`.

    Returns
    -------
    Reach

    Raises
    ------
    InputError
        Both or none of the limits, or an invalid one; otherwise as in `route`.

    Examples
    --------
    >>> "Pasni" in set(reach("Gwadar", km=200, within_km=15).towns["name"])
    True
    >>> graded = reach(["Gwadar", "Quetta"], hours=[1, 2], mode="road")
    >>> graded.areas.geometry.loc[2].covers(graded.areas.geometry.loc[1].representative_point())
    True
    """
    if (km is None) == (hours is None):
        raise InputError("Give one limit: km= or hours=.")
    weight, given = ("km", km) if km is not None else ("hours", hours)
    limits = _limits(given, weight)
    within_km = check_number(within_km, "within_km", above=0.0)
    query = Search.of(weight, **options)
    ground, cost, access = query.ground, query.costs.cost, query.costs.access
    ends = [(f"the origin{'' if n == 0 else f' {n}'}", x) for n, x in _origins(a)]
    places = snap_ends(ends, ground, max_access_km=query.far, weight=weight)
    starts = [at for near in places for at in _from_nearest(near)]
    tree = search(ground, starts, cost, access=access)
    *inner, edges = (_edges(tree, limit) for limit in limits)
    towns = _towns(edges, within_km, access)
    towns["limit"] = limits[-1]
    for limit, frame in reversed([*zip(limits, inner, strict=False)]):
        towns.loc[_towns(frame, within_km, access).index, "limit"] = limit
    origins = tuple(near[0] for near in places)
    return Reach(origins, weight, limits, edges, towns, within_km, tuple(inner))


def _origins(a: PointLike | Sequence[PointLike]) -> list[tuple[int, Any]]:
    """Return the origins, numbered from 1 where there are several."""
    is_list = isinstance(a, Sequence) and not isinstance(a, str)
    if isinstance(a, Sequence) and is_list and not all(isinstance(x, Real) for x in a):
        return [(n, x) for n, x in enumerate(a, 1)] if len(a) > 1 else [(0, x) for x in a]
    return [(0, a)]


def _from_nearest(near: Ends) -> Ends:
    """Return where an origin joins the network, with access counted from that of the nearest."""
    return tuple(replace(at, access_km=at.access_km - near[0].access_km) for at in near)


def _limits(given: float | Sequence[float] | None, weight: str) -> tuple[float, ...]:
    """Return distinct limits in ascending order."""
    listed = given if isinstance(given, Sequence | np.ndarray) else [given]
    if isinstance(given, str) or len(listed) == 0:
        raise InputTypeError(f"{weight} is {quote(given)}; give a number, or a list of them.")
    return tuple(sorted({check_number(limit, weight, above=0.0) for limit in listed}))


def _area(edges: gpd.GeoDataFrame, within_km: float) -> Polygon | MultiPolygon:
    """Return the area within a distance of some lines."""
    return buffer(edges.geometry.union_all(), within_km)


def _edges(tree: LeastCosts, limit: float) -> gpd.GeoDataFrame:
    """Return the stretches within the limit, with the cost at both ends of each."""
    ground, net = tree.ground, tree.ground.network
    rows: list[dict[str, Any]] = []
    lines: list[LineString] = []
    own: dict[int, list[tuple[float, float]]] = {}
    for start in tree.starts:
        own.setdefault(start.edge, []).append((start.km, start.access_km * tree.access))
    for i in np.flatnonzero(ground.there).tolist():
        length = net.lengths[i]
        u, v = net.ends[i]
        sources = [(0.0, tree.cost[u]), (length, tree.cost[v]), *own.get(i, ())]
        if length == 0 or min(at for _, at in sources) >= limit:
            continue
        per = tree.edge_cost[i] / length
        for low, high in _free(ground.blocked.get(i), length):
            inside = sorted(s for s in sources if low <= s[0] <= high and s[1] < limit)
            for a, b, at in _stretches(inside, low, high, per, limit):
                km, edge = abs(b - a), net.rows[i]
                row = {"km": km, "cost_from": at, "cost_to": at + km * per}
                rows.append({c: edge[c] for c in _COLUMNS if c in edge} | row)
                lines += net.cut([(i, a, b)])
    frame = gpd.GeoDataFrame(rows, columns=_COLUMNS, geometry=lines, crs=4326)
    frame.attrs = {
        "title": f"Reach of {tree.starts[0].name}",
        "method": "Dijkstra, calibrated km",
        "ellipsoid": "WGS 84",
        "edges": "geodesic",
        "sources": sorted(set(frame["source"].dropna())),
        **net.provenance(frame["section"]),
    }
    return frame


def _free(spans: Floats | None, length: float) -> list[tuple[float, float]]:
    """Return the open stretches of an edge, outside `avoid`."""
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
    """Return km from, km to and the cost at the start; each km belongs to its cheapest origin."""
    found = []
    for j, (km, at) in enumerate(sources):
        # Costs grow linearly, so two sources divide the stretch between them where costs are equal.
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


def _towns(edges: gpd.GeoDataFrame, within_km: float, access: float) -> gpd.GeoDataFrame:
    """Return the towns near the stretches reached, with the cost where they join.

    Like an end of a route, a town may join a road or a railway, the farther one within a limit. It
    joins where the cost including access, at `access` per km, is least.
    """
    towns = layer("places")
    attrs = {**towns.attrs, "left_out": 0, "left_out_km": within_km + OTHER_KM}
    if edges.empty:
        none = towns[:0].assign(cost_at=[], access_km=[])
        none.attrs = attrs
        return none
    found = []
    for _, some in edges[edges["mode"] != "transfer"].groupby("mode", sort=False):
        index = Index(some.geometry.reset_index(drop=True))
        near = index.nearest(towns.geometry, max_km=within_km + OTHER_KM)
        here = np.flatnonzero(near["target"].notna())
        on = some.iloc[near["target"].iloc[here].astype(int).to_numpy()]
        share = near["km"].to_numpy()[here] / np.asarray(length_km(on.geometry))
        low, high = on["cost_from"].to_numpy(), on["cost_to"].to_numpy()
        away = near["distance_km"].to_numpy()[here]
        found.append(pd.DataFrame({"town": here, "cost": low + share * (high - low), "away": away}))
    joins = pd.concat(found, ignore_index=True)
    least = joins.groupby("town")["away"].transform("min")
    attrs["left_out"] = int(joins.loc[least > within_km, "town"].nunique())
    joins = joins[(least <= within_km) & (joins["away"] <= least + OTHER_KM)]
    first = (joins["cost"] + joins["away"] * access).sort_values(kind="stable").index
    joins = joins.loc[first].drop_duplicates("town").sort_values("town")
    towns = towns.iloc[joins["town"].to_numpy()].assign(
        cost_at=joins["cost"].to_numpy(), access_km=joins["away"].to_numpy()
    )
    towns = towns.sort_values("cost_at", kind="stable")
    towns.attrs = attrs
    return towns

"""Ends of routes: where a place or point joins the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from cpecgeo.catalogue import layer, table
from cpecgeo.errors import InputError, UnknownNameError
from cpecgeo.features.places import Place, place
from cpecgeo.features.resolve import resolve_point
from cpecgeo.geodesy import Index, distance_km
from cpecgeo.routing.filters import Usable, number
from cpecgeo.routing.graph import Network

__all__ = ["OTHER_KM", "Ends", "Snap", "check_port", "snap_ends", "snap_rows"]

# A millimetre from an end is the end: the rest is rounding.
_END_KM = 1e-6
# How much further off than the nearest road or railway an end may join the other of the two.
OTHER_KM = 15.0
# A port further from the sea than this is none: estuaries and the land's outline are within it.
_SEA_KM = 50.0
# Gaps between the outlines of two countries are no sea, in square degrees.
_GAP_DEG2 = 0.5

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Snap:
    """Where a route joins the network.

    Attributes
    ----------
    name : str
        As given, or the place's.
    point : Point
        The origin or destination itself, lon, lat.
    edge : int
        Row of the network's edges.
    km : float
        Calibrated km along that edge.
    access_km : float
        Geodesic distance from the point to the network; not counted in a route's length.
    on : Point
        The nearest point on the edge.
    note : str
        What is known to be closed there; for border crossings.
    """

    name: str
    point: shapely.Point
    edge: int
    km: float
    access_km: float
    on: shapely.Point
    note: str = ""


Ends = tuple[Snap, ...]
"""Where one end may join the network: the nearest first, then by the other mode, then beside."""


def _find_place(name: str, mode: str) -> Place:
    """Return the place of a name: by rail its station, by road rather a point of a road."""
    if mode == "rail":
        try:
            return place(name, within="stations")
        except (UnknownNameError, InputError):
            return place(name)
    found = place(name)
    if found.layer == "stations":
        try:
            return place(name, within="waypoints")
        except (UnknownNameError, InputError):
            return found
    return found


@cache
def _closed_all_year() -> dict[str, list[tuple[str, str]]]:
    """Return what is closed at each crossing in every season, and since when."""
    found: dict[str, list[tuple[str, str]]] = {}
    for row in table("closures").fillna("").to_dict("records"):
        if not row["season_from"]:
            found.setdefault(row["crossing"], []).append((row["what"], str(row["from"])))
    return found


def _describe_closure(x: Any, year: int | None) -> str:
    """Return what the table of closures says of a crossing, in words."""
    if not isinstance(x, Place) or x.layer != "crossings":
        return ""
    return "; ".join(
        f"{x.name}: {what}" + (f" (since {since})" if since else "")
        for what, since in _closed_all_year().get(x.id, ())
        if year is None or since[:4] <= str(year)
    )


@lru_cache(maxsize=32)
def _index(net: Network, allowed: bytes) -> tuple[Index, list[int]]:
    rows = np.flatnonzero(np.frombuffer(allowed, bool))
    return Index(net.edges.geometry.iloc[rows].reset_index(drop=True)), rows.tolist()


@lru_cache(maxsize=4096)
def _drawn_km(net: Network, edge: int) -> Floats:
    """Return geodesic km at the vertices of an edge."""
    at = gpd.GeoSeries(shapely.points(shapely.get_coordinates(net.lines[edge])), crs=4326)
    steps = distance_km(at[:-1].reset_index(drop=True), at[1:].reset_index(drop=True))
    return np.concatenate(([0.0], np.cumsum(steps)))


def _mask_snappable(ground: Usable) -> NDArray[np.bool_]:
    """Return which edges may be snapped to: what is avoided stays one of them."""
    columns = ground.network.columns
    may = ground.there & (columns["mode"] != "transfer") & (columns["km"] > 0)
    if not may.any():
        raise InputError("The filters leave no road and no railway at all; loosen them.")
    return np.asarray(may, bool)


def _snap(
    points: Sequence[Any], names: Sequence[str], net: Network, may: NDArray[np.bool_]
) -> list[Snap]:
    """Return the nearest point on one of some edges, for each of many points.

    Edges that are avoided count too, so that a closure never moves an end to another road.
    """
    index, rows = _index(net, may.tobytes())
    hits = index.nearest(gpd.GeoSeries(list(points), crs=4326)).to_dict("list")
    hits = zip(*(hits[c] for c in ("target", "km", "distance_km", "lon", "lat")), strict=True)
    found = []
    for name, point, (target, drawn_km, away, lon, lat) in zip(names, points, hits, strict=True):
        edge = rows[int(target)]
        measures = net.measures[edge]
        km = float(np.interp(drawn_km, _drawn_km(net, edge), measures))
        km = next((end for end in (0.0, net.lengths[edge]) if abs(km - end) < _END_KM), km)
        found.append(Snap(name, point, edge, km, float(away), shapely.Point(lon, lat)))
    return found


def _snap_each_mode(points: Sequence[Any], names: Sequence[str], ground: Usable) -> list[Ends]:
    """Return where each of many points may join: road and rail, and a nearer line of one's own.

    What the package has is looked at by itself, so that a line that is added only ever adds.
    """
    net, may = ground.network, _mask_snappable(ground)
    own = np.zeros(len(may), bool)
    own[list(net.own)] = True
    modes = net.columns["mode"]
    masks = [may & ~own & (modes == mode) for mode in ("road", "rail")]
    masks += [may & own & (modes == mode) for mode in ("road", "rail")]
    hits = [_snap(points, names, net, mask) if mask.any() else None for mask in masks]
    found: list[Ends] = []
    for i in range(len(points)):
        road, rail, own_road, own_rail = (None if hit is None else hit[i] for hit in hits)
        near = [at for at in (road, rail) if at is not None]
        least = min((at.access_km for at in near), default=np.inf)
        near = [at for at in near if at.access_km <= least + OTHER_KM]
        for at, beside in ((own_road, road), (own_rail, rail)):
            if at is not None and (beside is None or at.access_km < beside.access_km):
                near.append(at)
        found.append(tuple(sorted(near, key=lambda at: at.access_km)))
    return found


def snap_ends(
    ends: Sequence[tuple[str, Any]], ground: Usable, *, max_access_km: float, weight: str = "hours"
) -> list[Ends]:
    """Return where each of some ends may join the network.

    By any mode an end joins road and railway, the further one where it is at most 15 km further
    off; which of them a route takes is what costs it least, the way there counted. A named
    station is at its railway, and where km alone count, which leave changes out, another named
    place is at its road.

    Parameters
    ----------
    ends : sequence of (str, PointLike)
        What an end is called in messages, and the end.
    ground : Usable
    max_access_km : float
    weight : str
        What the route keeps least.

    Raises
    ------
    InputError
        Nothing within `max_access_km`.
    """
    far = number(max_access_km, "max_access_km", infinite=True)
    things = [_find_place(x, ground.mode) if isinstance(x, str) else x for _, x in ends]
    read = [
        resolve_point(x, what, among=("place",)) for (what, _), x in zip(ends, things, strict=True)
    ]
    found = _snap_each_mode([point for _, point in read], [name for name, _ in read], ground)
    kept: list[Ends] = []
    for (what, _), thing, near in zip(ends, things, found, strict=True):
        at = near[0]
        if at.access_km > far:
            filters = f" with {ground.asked}" if ground.asked else ""
            raise InputError(
                f"{what} {at.name} lies {at.access_km:.1f} km from the network{filters}, more "
                f"than max_access_km={far:g}. Give a nearer place, raise max_access_km, or "
                "loosen a filter."
            )
        if isinstance(thing, Place) and thing.layer == "stations":
            mode = ground.network.columns["mode"]
            near = tuple(x for x in near if mode[x.edge] == mode[at.edge])  # noqa: PLW2901
        elif isinstance(thing, Place) and weight == "km":
            near = _road_first(near, ground.network)  # noqa: PLW2901
        note = _describe_closure(thing, ground.year)
        kept.append(tuple(replace(x, note=note) for x in near if x.access_km <= far))
    return kept


def _road_first(near: Ends, net: Network) -> Ends:
    """Keep the road where an end joins a road and a railway; the caller's own lines stay."""
    base = [at for at in near if at.edge not in net.own]
    roads = [at for at in base if net.columns["mode"][at.edge] == "road"]
    return tuple(at for at in near if at in (roads or base) or at.edge in net.own)


def snap_rows(points: gpd.GeoSeries, ground: Usable, *, max_access_km: float) -> list[Ends]:
    """Return where each of many points may join the network; none further than `max_access_km`."""
    found = _snap_each_mode(points.tolist(), [str(i) for i in points.index], ground)
    return [tuple(at for at in near if at.access_km <= max_access_km) for near in found]


@cache
def _find_sea() -> tuple[shapely.Polygon, shapely.MultiPolygon]:
    """Return the box that the land is known in, and the sea there."""
    countries = layer("countries")
    known = shapely.box(*countries.total_bounds)
    rest = known.difference(shapely.union_all(countries.geometry.to_numpy()))
    parts = [part for part in shapely.get_parts(rest) if part.area > _GAP_DEG2]
    return known, shapely.MultiPolygon(parts)


def check_port(name: str, point: shapely.Point, what: str, ports: NDArray[np.float64]) -> None:
    """Refuse an end of a sea route that lies more than 50 km inland.

    Parameters
    ----------
    name : str
    point : Point
        Lon, lat.
    what : str
        What the end is called in the message.
    ports : ndarray, shape (n, 2)
        Lon, lat of known ports and points of lanes, for where the bundled land doesn't reach.

    Raises
    ------
    InputError
    """
    known, sea = _find_sea()
    if known.contains(point):
        away, of = float(distance_km(point, sea)), "the sea"
    else:
        near = gpd.GeoSeries(shapely.points(ports), crs=4326)
        hit = Index(near).nearest(gpd.GeoSeries([point], crs=4326))
        away, of = float(hit["distance_km"].iloc[0]), "the nearest port or lane that is known"
    if away > _SEA_KM:
        raise InputError(
            f"{what} {name} lies {away:,.0f} km from {of}; a ship takes an end at most "
            f"{_SEA_KM:g} km from it. Give a port, and add the way to it over land: "
            'route("Lahore", "Karachi Port") + sea_route("Karachi Port", …).'
        )

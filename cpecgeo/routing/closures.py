"""Closures: a caller's avoided features, borders by date, and passes by season."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from cpecgeo.catalogue import fold, table
from cpecgeo.errors import InputError
from cpecgeo.features.places import Place
from cpecgeo.features.resolve import resolve
from cpecgeo.features.subject import SubjectLike
from cpecgeo.geodesy import Chainage, buffer, densify, nearest
from cpecgeo.routing.graph import FINE_KM, Network, calibrate

__all__ = ["Cut", "close_edges", "cut", "describe_closure", "is_open_in", "is_shut"]

Cut = dict[int, NDArray[np.float64]]
"""Edges, each with its closed stretches: km from and to, shape (n, 2)."""

Mask = NDArray[np.bool_]

# A place closes all stretches within the first distance, or else the nearest edge; the network may
# be no farther than the second.
_PLACE_KM = 2.0
_FAR_KM = 15.0


def cut(net: Network, what: SubjectLike, there: Mask) -> Cut:
    """Return the stretches that one avoided thing closes, of the edges in `there`.

    A section or corridor closes its edges, a crossing the border, and another place all within
    2 km. A route closes its stretches, a reach its polygon, and a district, province or area all
    inside it. Names are looked up in the usual order, but the network's sections come first;
    ``"district:Quetta"`` states the kind.
    """
    if isinstance(what, str) and (own := _match_sections(net, what)):
        return _close_sections(net, own)
    subject = resolve(what, "avoid")
    found: Cut = {}
    match subject.kind:
        case "route":
            return _close_steps(subject.things[0])
        case "corridor":
            found = _close_sections(net, set(subject.things[0].sections["id"]))
        case "section":
            found = _close_sections(net, set(map(str, subject.shapes.index)))
        case "place" | "market":
            found = _close_border(net, subject.things[0])
    if found:
        return found
    whole = subject.shapes.union_all()
    if shapely.get_dimensions(whole) < 2:
        name = "" if subject.kind in {"geometry", "frame"} else subject.title
        whole = _widen(net, whole, name, there)
    return _close_inside(net, whole, there)


def _match_sections(net: Network, name: str) -> set[str]:
    """Return the ids of sections with an id or name, also where their road isn't drawn."""
    kind, _, rest = name.rpartition(":")
    if kind.strip().casefold() not in {"", "section"}:
        return set()
    folded = fold(rest)
    rows = ((row["section"], row["name"]) for row in net.rows)
    hits = {s for s, text in rows if folded in (fold(s), fold(text))}
    return hits or {s for s in net.of_section if fold(s) == folded}


def _close_sections(net: Network, names: set[str]) -> Cut:
    """Return all edges of some sections, closed from end to end."""
    return close_edges(net, sorted({int(i) for s in names for i in net.of_section.get(s, ())}))


def close_edges(net: Network, edges: Iterable[int]) -> Cut:
    """Return edges, closed from end to end."""
    return {i: np.array([[0.0, net.lengths[i]]]) for i in edges}


def _close_steps(route: Any) -> Cut:
    """Return the stretches that a route runs over."""
    found: Cut = {}
    for step in route.steps:
        span = np.sort(np.array([[step.a, step.b]]), axis=1)
        found[step.edge] = np.vstack((found.get(step.edge, span[:0]), span))
    if not found:
        raise InputError(
            f"avoid has the route {route.origin.name} – {route.destination.name}, and none of it "
            "runs over the network; give one that `route` found."
        )
    return found


def _close_border(net: Network, thing: Any) -> Cut:
    """Return the edge of a border crossing, closed; empty where the network has none."""
    if isinstance(thing, Place) and thing.layer != "crossings":
        return {}
    here = np.flatnonzero(net.columns["crossing"] == thing.id)
    return {int(i): np.zeros((1, 2)) for i in here}


def _widen(net: Network, at: shapely.Geometry, name: str, there: Mask) -> shapely.Geometry:
    """Return the area around a point or line; that of a point reaches the nearest edge.

    Without a name, it is named by its coordinates.
    """
    radius = _PLACE_KM
    if at.geom_type == "Point":
        lines = gpd.GeoSeries(net.lines[there & (net.columns["km"] > 0)], crs=4326)
        away = float(nearest(at, lines)["distance_km"].iloc[0])
        if away > _FAR_KM:
            shown = repr(name) if name else f"({at.x:g}, {at.y:g})"
            raise InputError(
                f"avoid={shown} lies {away:.1f} km from the network, so nothing there can be "
                f"avoided; give a place within {_FAR_KM:g} km, or a polygon."
            )
        radius = max(radius, away * 1.01)
    return buffer(at, radius)


def _close_inside(net: Network, area: shapely.Geometry, there: Mask) -> Cut:
    """Return the stretches of edges that lie in an area; lines and outline are geodesics."""
    found: Cut = {}
    area = densify(area, FINE_KM)
    shapely.prepare(area)
    for i in np.flatnonzero(there & shapely.intersects(net.fine, area)):
        spans = _spans(net, int(i), area)
        if len(spans):
            found[int(i)] = spans
    return found


def _spans(net: Network, edge: int, area: shapely.Geometry) -> NDArray[np.float64]:
    """Return km from and to of the stretches of an edge that lie in an area."""
    line = net.fine[edge]
    if net.lengths[edge] == 0:
        return np.zeros((1, 2))
    parts = shapely.get_parts(shapely.intersection(line, area))
    ends = [(p.coords[0], p.coords[-1]) for p in parts if p.geom_type == "LineString"]
    if not ends:
        return np.empty((0, 2))
    xy = shapely.get_coordinates(line)
    along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))))
    at = shapely.line_locate_point(line, shapely.points(np.array(ends).reshape(-1, 2)))
    return np.sort(np.interp(at, along, _fine_km(net, edge)).reshape(-1, 2), axis=1)


@lru_cache(maxsize=4096)
def _fine_km(net: Network, edge: int) -> NDArray[np.float64]:
    """Return calibrated km at the vertices of a densified edge."""
    return calibrate(net, edge, Chainage(net.fine[edge]).measures_km)


def is_shut(net: Network, year: int | None, month: int | None) -> Mask:
    """Return which edges are borders that are closed in a year and month."""
    crossings = net.columns["crossing"]
    shut = np.zeros(len(crossings), bool)
    for row in table("closures").to_dict("records"):
        here = crossings == row["crossing"]
        if here.any() and _applies(row, 9999 if year is None else year, month):
            shut |= here
    return shut


def is_open_in(net: Network, month: int | None) -> Mask:
    """Return which edges are free of snow in a month; all where no month is given."""
    seasons = net.columns["season"]
    whole = np.asarray(seasons == "", bool)
    if month is None:
        return whole
    return np.array([s == "" or _within(month, *s.split("/")) for s in seasons], bool)


def _within(month: int, first: str, last: str) -> bool:
    """Return whether the middle of a month lies between two days of the year, MM-DD."""
    day = f"{month:02d}-15"
    return first <= day <= last if first <= last else day >= first or day <= last


def _applies(row: dict[str, Any], year: int, month: int | None) -> bool:
    """Return whether a closure holds: a seasonal one only where a month is given."""
    if not pd.isna(row["season_from"]):
        season = str(row["season_from"]), str(row["season_to"])
        if month is None or not _within(month, *season):
            return False
    # Without a month, a year is closed if its middle is.
    at = f"{year:04d}-{month or 6:02d}"
    begun = pd.isna(row["from"]) or at >= str(row["from"])[:7]
    return bool(begun and (pd.isna(row["to"]) or at <= str(row["to"])[:7]))


@cache
def _list_closures() -> dict[str, list[tuple[str, str]]]:
    """Return the closures of each crossing in all seasons, with their dates."""
    found: dict[str, list[tuple[str, str]]] = {}
    rows = table("closures")
    for row in rows[rows["season_from"].isna()].fillna("").to_dict("records"):
        found.setdefault(row["crossing"], []).append((row["what"], str(row["from"])))
    return found


def describe_closure(x: object, year: int | None) -> str:
    """Describe the closures of a crossing in all seasons, in words."""
    if not isinstance(x, Place) or x.layer != "crossings":
        return ""
    return "; ".join(
        f"{x.name}: {what}" + (f" (since {since})" if since else "")
        for what, since in _list_closures().get(x.id, ())
        if year is None or since[:4] <= str(year)
    )

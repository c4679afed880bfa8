"""What is closed: what a caller avoids, borders by date, and passes by season."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from cpecgeo.catalogue import corridor_rows, folded, layer, table
from cpecgeo.catalogue.lines import corridor_id
from cpecgeo.errors import GeometryError, InputError, InputTypeError, UnknownNameError
from cpecgeo.features.places import Place, place
from cpecgeo.features.resolve import in_region, resolve
from cpecgeo.geodesy import buffer, densify, nearest
from cpecgeo.routing.graph import FINE_KM, Network
from cpecgeo.routing.segments import section_rows

__all__ = ["Cut", "cut", "is_open_in", "is_shut"]

Cut = dict[int, NDArray[np.float64]]
"""Edges, each with its closed stretches: km from and to, shape (n, 2)."""

# A named place takes out what lies this close to it; one further off, what is nearest.
_PLACE_KM = 2.0
_FAR_KM = 15.0


def cut(net: Network, what: Any, there: Any) -> Cut:
    """Return the stretches of edges that avoiding one thing closes.

    Parameters
    ----------
    net : Network
    what : str, Place, Corridor, Route, Reach, geometry, GeoSeries or GeoDataFrame
        A section, corridor, crossing, district, province or place by name, in this order;
        ``"district:Quetta"`` or ``"place:Quetta"`` says which; or any point, line or polygon.
        A route takes out what it runs over, a reach its polygon.
    there : ndarray of bool
        Edges to look at.

    Returns
    -------
    dict of int to ndarray, shape (n, 2)
        Edge, and km from and to of its stretches.

    Raises
    ------
    UnknownNameError
        Nothing of that name.
    InputError
        A place or point that isn't near the network.
    """
    if isinstance(what, str):
        return _named(net, what, there)
    if isinstance(what, Place):
        crossing = what.layer == "crossings"
        found = _crossing(net, what.id, there) if crossing else None
        return found or _near(net, what.point, what.name, there)
    if isinstance(getattr(what, "steps", None), tuple):
        return _steps(what)
    what = getattr(what, "polygon", what)
    if hasattr(what, "line") and hasattr(what, "sections"):
        return _sections(net, set(what.sections["id"]))
    if isinstance(what, (shapely.Geometry, gpd.GeoSeries, gpd.GeoDataFrame)):
        shapes = in_region(resolve(what, "avoid"), "avoid").shapes
        wrong = shapes[~shapes.is_valid]
        if len(wrong):
            why = shapely.is_valid_reason(wrong.iloc[0])
            raise GeometryError(f"avoid has an invalid area ({why}); mend it with make_valid().")
        whole = shapes.union_all()
        if whole.geom_type in {"Point", "MultiPoint", "LineString", "MultiLineString"}:
            return _near(net, whole, "avoid", there)
        return _inside(net, whole, there)
    raise InputTypeError(
        f"avoid has a {type(what).__name__}; give names, places, or geometries in lon, lat."
    )


def _named(net: Network, name: str, there: Any) -> Cut:
    kind, _, rest = name.partition(":")
    finders = {
        "section": _section,
        "corridor": _corridor,
        "crossing": _crossing,
        "district": _district,
        "province": _province,
        "place": _place,
    }
    if rest and kind.strip().casefold() in finders:
        finders, name = {kind: finders[kind.strip().casefold()]}, rest.strip()
    for find in finders.values():
        found = find(net, name, there)
        if found is not None:
            return found
    known = [*layer("sections")["name"], *layer("crossings")["name"], *corridor_rows()]
    known += [*layer("districts")["name"], *(n for n in net.nodes["name"] if n)]
    raise UnknownNameError(
        name,
        "section, corridor, crossing, district or place to avoid",
        known,
        'Write "district:…" or "place:…" to say which, or give a polygon.',
    )


def _row(of: str, name: str) -> Any:
    """The row of a layer with that name or id, its short form included."""
    frame, wanted = layer(of), folded(name)
    for column in ("id", "name", "name_ur", "name_zh"):
        hits = frame[frame[column].map(lambda x: isinstance(x, str) and folded(x) == wanted)]
        if len(hits):
            return hits.iloc[0]
    return None


def _section(net: Network, name: str, _there: Any) -> Cut | None:
    wanted = folded(name)
    hits = [r for r in section_rows().values() if wanted in (folded(r["id"]), folded(r["name"]))]
    if not hits:
        return None
    found = _sections(net, {hits[0]["id"]})
    if not found:
        why = hits[0]["note"] if isinstance(hits[0]["note"], str) else "no points found"
        raise InputError(
            f"Section {hits[0]['name']!r} can't be avoided: it isn't in the network ({why})."
        )
    return found


def _corridor(net: Network, name: str, _there: Any) -> Cut | None:
    try:
        return _sections(net, set(corridor_rows()[corridor_id(name)]["sections"]))
    except UnknownNameError:
        return None


def _sections(net: Network, names: set[str]) -> Cut:
    edges = sorted({int(i) for name in names for i in net.of_section.get(name, ())})
    return {i: np.array([[0.0, net.lengths[i]]]) for i in edges}


def _steps(route: Any) -> Cut:
    """The stretches that a route runs over."""
    found: Cut = {}
    for step in route.steps:
        span = np.sort(np.array([[step.a, step.b]]), axis=1)
        found[step.edge] = np.vstack((found.get(step.edge, span[:0]), span))
    if not found:
        raise InputError(
            f"avoid has the route {route.origin.name} – {route.destination.name}, and none of it "
            "runs over the network; give one that cpecgeo.route found."
        )
    return found


def _crossing(net: Network, name: str, there: Any) -> Cut | None:
    row = _row("crossings", name)
    if row is None:
        short = layer("crossings")
        starts = short["id"].str.split("-").str[0] == folded(name)
        if not starts.any():
            return None
        row = short[starts].iloc[0]
    here = np.flatnonzero(net.columns["crossing"] == row["id"])
    if len(here):
        return {int(i): np.zeros((1, 2)) for i in here}
    return _near(net, row.geometry, row["name"], there)


def _district(net: Network, name: str, there: Any) -> Cut | None:
    row = _row("districts", name)
    return None if row is None else _inside(net, row.geometry, there)


def _province(net: Network, name: str, there: Any) -> Cut | None:
    row = _row("provinces", name)
    return None if row is None else _inside(net, row.geometry, there)


def _place(net: Network, name: str, there: Any) -> Cut | None:
    try:
        found = place(name)
    except UnknownNameError:
        return None
    return _near(net, found.point, found.name, there)


def _near(net: Network, spot: Any, name: str, there: Any) -> Cut:
    """What lies within a short way of a point or line, or what is nearest to it."""
    radius = _PLACE_KM
    if spot.geom_type == "Point":
        lines = gpd.GeoSeries(net.lines[there & (net.columns["km"] > 0)], crs=4326)
        away = float(nearest(spot, lines)["distance_km"].iloc[0])
        if away > _FAR_KM:
            raise InputError(
                f"avoid={name!r} lies {away:.1f} km from the network, so nothing there can be "
                f"avoided; give a place within {_FAR_KM:g} km, or a polygon."
            )
        radius = max(radius, away * 1.01)
    return _inside(net, buffer(spot, radius), there)


def _inside(net: Network, area: Any, there: Any) -> Cut:
    """The stretches of edges that lie in an area; the edges of both are geodesics."""
    found: Cut = {}
    area = densify(area, FINE_KM)
    shapely.prepare(area)
    for i in np.flatnonzero(there & shapely.intersects(net.fine, area)):
        spans = _spans(net, int(i), area)
        if len(spans):
            found[int(i)] = spans
    return found


def _spans(net: Network, edge: int, area: Any) -> Any:
    """From km and to km of the stretches of an edge that lie in an area."""
    line, measures = net.fine[edge], net.measures[edge]
    if measures[-1] == 0:
        return np.zeros((1, 2))
    parts = shapely.get_parts(shapely.intersection(line, area))
    ends = [(p.coords[0], p.coords[-1]) for p in parts if p.geom_type == "LineString"]
    if not ends:
        return np.empty((0, 2))
    xy = shapely.get_coordinates(line)
    along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))))
    at = shapely.line_locate_point(line, shapely.points(np.array(ends).reshape(-1, 2)))
    km = _measured(shapely.get_coordinates(net.lines[edge]), xy, measures)
    return np.sort(np.interp(at, along, km).reshape(-1, 2), axis=1)


def _measured(xy: Any, fine: Any, measures: Any) -> Any:
    """Calibrated km at the vertices of a line that was densified: even between its own."""
    own, at = [0], 0
    for vertex in xy[1:].tolist():
        at = next(i for i in range(at + 1, len(fine)) if fine[i].tolist() == vertex)
        own.append(at)
    return np.interp(np.arange(len(fine)), own, measures)


def is_shut(net: Network, year: int | None, month: int | None) -> NDArray[np.bool_]:
    """Return which edges are borders that are shut in a year and month."""
    crossings = net.columns["crossing"]
    shut = np.zeros(len(crossings), bool)
    for row in table("closures").to_dict("records"):
        here = crossings == row["crossing"]
        if here.any() and _applies(row, 9999 if year is None else year, month):
            shut |= here
    return shut


def is_open_in(net: Network, month: int | None) -> NDArray[np.bool_]:
    """Return which edges no snow closes in a month; in any month where none is given."""
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
    seasonal = not pd.isna(row["season_from"])
    if seasonal:
        if month is None:
            return False
        if not _within(month, str(row["season_from"]), str(row["season_to"])):
            return False
    # Without a month, a year is closed if its middle is.
    at = f"{year:04d}-{month or 6:02d}"
    begun = pd.isna(row["from"]) or at >= str(row["from"])[:7]
    return bool(begun and (pd.isna(row["to"]) or at <= str(row["to"])[:7]))

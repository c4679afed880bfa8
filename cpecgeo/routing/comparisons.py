"""Comparisons: of routes, without a section, and with published figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Unpack

import geopandas as gpd
import numpy as np
import pandas as pd

from cpecgeo.catalogue import corridor_rows, data_version, layer
from cpecgeo.catalogue.files import read_table
from cpecgeo.catalogue.lines import corridor_id
from cpecgeo.errors import DataError, InputError, InputTypeError
from cpecgeo.features.resolve import check_number
from cpecgeo.features.subject import PointLike
from cpecgeo.routing.closures import close_edges
from cpecgeo.routing.costs import price_route, rates_of
from cpecgeo.routing.filters import RouteOptions
from cpecgeo.routing.graph import load_shared
from cpecgeo.routing.legs import Route
from cpecgeo.routing.paths import Search, route

__all__ = ["alignment_parts", "compare", "critical_sections", "route_checks"]


def compare(
    them: Sequence[Route] | Mapping[str, Route],
    *,
    tonnes: float | None = None,
    rates: Mapping[str, float] | None = None,
) -> gpd.GeoDataFrame:
    """Compare routes in a table.

    Parameters
    ----------
    them : list of Route, or dict of name to Route
    tonnes : float, optional
        Tonnes carried. Adds `cost` (PKR), `more_cost` and `carbon_kg`, as from
        `cpecgeo.routing.freight`, with access to the network, which km and hours leave out. Routes
        with hours of a car are refused.
    rates : mapping of str to float, optional
        Rates by the ids of `data/freight.csv`, in place of the table's.

    Returns
    -------
    GeoDataFrame
        One row per route: `km` (calibrated), `more_km hours more_hours access_km legs`, money and
        carbon where `tonnes` is given, km by mode and by status, the filters in words, and the
        route as one line, so that a map can draw them together. `more_…` are relative to the first
        route.

    Examples
    --------
    >>> compare([route("Burhan", "Hakla"), route("Hakla", "Burhan")])["more_km"].round(6).tolist()
    [0.0, 0.0]
    """
    listed = them.values() if isinstance(them, Mapping) else them
    if not isinstance(listed, Iterable) or not all(isinstance(one, Route) for one in listed):
        raise InputTypeError("compare takes a list of routes, or a dict of name to route.")
    if not isinstance(them, Mapping):
        named: dict[str, Route] = {}
        for one in them:
            name = f"{one.origin.name} – {one.destination.name}"
            named[name if name not in named else f"{name} ({len(named) + 1})"] = one
        them = named
    if not them:
        raise InputError("Nothing to compare; give one route at least.")
    load = None if tonnes is None else check_number(tonnes, "tonnes", above=0.0)
    used = rates_of(rates)
    first = next(iter(them.values()))
    rows: list[dict[str, Any]] = []
    for one in them.values():
        row = {
            "km": one.chainage_km,
            "more_km": one.chainage_km - first.chainage_km,
            "hours": one.hours,
            "more_hours": one.hours - first.hours,
            "access_km": one.access_km,
            "legs": len(one.legs),
        }
        if load is not None:
            amounts = price_route(one, used).sum(skipna=False) * load
            cost = float(amounts["cost_per_t"])
            row |= {"cost": cost, "more_cost": cost - (rows[0]["cost"] if rows else cost)}
            row["carbon_kg"] = float(amounts["carbon_kg_per_t"])
        row |= one.km_by("mode").drop("border", errors="ignore").add_suffix("_km")
        row |= one.km_by("status").add_suffix("_km")
        rows.append(row)
    frame = gpd.GeoDataFrame(
        rows,
        index=pd.Index(them, name="route"),
        crs=4326,
        geometry=[one.line for one in them.values()],
    )
    lengths = [c for c in frame.columns if c.endswith("_km") and c not in {"access_km", "more_km"}]
    frame[lengths] = frame[lengths].fillna(0.0)
    frame.insert(len(frame.columns) - 1, "asked", [one.asked for one in them.values()])
    about = {"data_version", "geometry", "bundled", "credits"}
    kept = {key: value for key, value in first.legs.attrs.items() if key in about}
    frame.attrs = {"method": "calibrated km, assumed speeds", **kept}
    return frame


def critical_sections(
    a: PointLike = "Khunjerab Pass",
    b: PointLike = "Gwadar",
    *,
    weight: str = "hours",
    **options: Unpack[RouteOptions],
) -> pd.DataFrame:
    """Return how much the closure of each single section lengthens a route.

    Parameters
    ----------
    a, b
        As in `route`.
    weight : {"km", "hours", "cost", "carbon"}
    **options
        `mode avoid status year season along extra join_km vehicle speeds rates max_access_km`, as
        in `route`.

    Returns
    -------
    DataFrame
        A row per section of the best route, worst first: `section name km` (km of it on the route),
        `closed_km` and `closed_hours` (of the best route without it), `more_km`, `more_hours`,
        `cut` (no route is left; `more_…` are infinite). A section closes from end to end, as with
        `avoid`: the N-25 with its part Kuchlak–Surab, which is a section of its own. Their `km`
        both count that part.

    Examples
    --------
    >>> worst = critical_sections("Rohri Junction", "Lahore Junction", mode="rail")
    >>> worst["section"].tolist()
    ['ml1-khanewal-peshawar', 'ml1-kiamari-lodhran', 'lodhran-khanewal-chord']
    >>> worst["cut"].tolist()
    [True, False, False]
    """
    query = Search.of(weight, **options)
    (starts, goals), path = query.snap(a, b), query.find(a, b)
    base, net = query.route(path), query.ground.network
    rows = []
    taken = [net.rows[step.edge] for step in base.steps]
    taken = [row for row in taken if row["mode"] != "transfer" and not row["crossing"]]
    # A dict keeps the order of travel.
    for section, name in dict.fromkeys((row["section"], row["name"]) for row in taken):
        edges = net.of_section[section].tolist()
        shut = query.ground.closing(close_edges(net, edges))
        detour = query.find_detour(path, starts, goals, shut)
        way = None if detour is None else query.route(detour)
        km, hours = (np.inf, np.inf) if way is None else (way.chainage_km, way.hours)
        rows.append(
            {
                "section": section,
                "name": name,
                "km": sum(step.km for step in base.steps if step.edge in edges),
                "closed_km": km,
                "more_km": km - base.chainage_km,
                "closed_hours": hours,
                "more_hours": hours - base.hours,
                "cut": way is None,
            }
        )
    columns = ["section", "name", "km", "closed_km", "more_km", "closed_hours", "more_hours", "cut"]
    frame = pd.DataFrame(rows, columns=columns)
    frame = frame.sort_values(
        "more_km" if weight == "km" else "more_hours", ascending=False, kind="stable"
    )
    frame.attrs = {**base.legs.attrs, "open_km": base.chainage_km, "open_hours": base.hours}
    return frame.reset_index(drop=True)


def route_checks() -> pd.DataFrame:
    """Compare published distances between places with the network's.

    Returns
    -------
    DataFrame
        Indexed by id: `name mode along official_km km more_km share` (more_km as a share
        of the published), `access_km` (from the places to the network, not counted), `independent`
        (the network isn't calibrated by this figure or its parts), `reason source`.
        `data/network_checks.csv` has the questions.

    Examples
    --------
    >>> checks = route_checks()
    >>> float(checks.loc["karachi-peshawar-ticket", "km"].round())
    1723.0
    """
    rows = []
    for row in read_table("network_checks.csv").to_dict("records"):
        along = row["along"] if isinstance(row["along"], str) else None
        ends = [_end(row[end]) for end in ("from", "to")]
        avoid = row["avoid"].split() if isinstance(row["avoid"], str) else ()
        how = {"mode": row["mode"], "along": along, "avoid": avoid, "status": row["statuses"]}
        try:
            way = route(*ends, weight="km", **how)
            km, access = way.chainage_km, way.access_km
        except (DataError, InputError):
            # Without the OpenStreetMap folder some railways aren't drawn.
            km = access = float("nan")
        more = km - row["published_km"]
        rows.append(
            {
                "id": row["id"],
                "name": row["name"],
                "mode": row["mode"],
                "along": along or "",
                "official_km": float(row["published_km"]),
                "km": km,
                "more_km": more,
                "share": more / row["published_km"],
                "access_km": access,
                "independent": bool(row["independent"]),
                "reason": row["reason"],
                "source": row["source"],
            }
        )
    frame = pd.DataFrame(rows).set_index("id")
    frame.attrs = {
        "method": "Dijkstra, least km, calibrated km",
        "ellipsoid": "WGS 84",
        "edges": "geodesic",
        "sources": sorted(set(frame["source"])),
        "data_version": data_version(),
    }
    return frame


def _end(name: str) -> object:
    """Return a place, or a point of a line by its id where the name is ambiguous."""
    nodes = load_shared().nodes
    here = nodes[nodes["id"] == name]
    return here.geometry.iloc[0] if len(here) else name


def alignment_parts(name: str) -> pd.DataFrame:
    """Return a corridor's sections with their published, network and drawn km.

    Parameters
    ----------
    name : str
        A corridor, such as ``"western"``.

    Returns
    -------
    DataFrame
        A row per section in order: `section name status official_km` (missing where none is
        published), `km`, `drawn_km`, `more_km` (network less published), `reason`.

    Examples
    --------
    >>> parts = alignment_parts("western").set_index("section")
    >>> float(parts.loc["raikot-thakot", "km"].round(6))
    280.0
    """
    row = corridor_rows()[corridor_id(name)]
    sections = layer("sections").loc[row["sections"]]
    edges = load_shared().edges
    of = edges["sections"].tolist()
    # A stretch shared by two parts is counted for the first.
    part = [next((s for s in row["sections"] if s in names), "") for names in of]
    km = edges["km"].groupby(np.array(part, dtype=object)).sum()
    frame = pd.DataFrame(
        {
            "section": sections.index,
            "name": sections["name"].to_numpy(),
            "status": sections["status"].to_numpy(),
            "official_km": sections["official_km"].to_numpy(float),
            "km": km.reindex(sections.index).fillna(0.0).to_numpy(),
            "drawn_km": sections["drawn_km"].to_numpy(float),
            "reason": sections["chainage_reason"].to_numpy(),
        }
    )
    frame.insert(6, "more_km", frame["km"] - frame["official_km"])
    used = edges.groupby(np.array(part, dtype=object))["section"].agg(lambda s: sorted(set(s)))
    words = [_lender(s, used.get(s, [])) for s in sections.index]
    missing, same = frame["official_km"].isna(), frame["more_km"].abs() < 0.05
    why = frame["reason"].where(~missing & frame["reason"].notna(), pd.Series(words))
    frame["reason"] = why.where(~same, "")
    frame.attrs = {"corridor": row["id"], "data_version": data_version()}
    return frame


def _lender(section: str, used: list[str]) -> str:
    """Name the sections whose kilometres are used for a section without its own figure."""
    published = layer("sections")["official_km"]
    lent = [s for s in used if s != section and published[s] > 0]
    own = "its own figure" if published[section] > 0 else "no figure found: drawn length"
    if not lent:
        return own
    return f"measured on {', '.join(lent)}" + (f"; rest: {own}" if section in used else "")

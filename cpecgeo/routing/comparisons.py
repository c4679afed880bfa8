"""Comparisons of the network: without a section, with a new line, with published figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

import numpy as np
import pandas as pd

from cpecgeo.catalogue import corridor_rows, data_version, layer
from cpecgeo.catalogue.files import read_table
from cpecgeo.catalogue.lines import corridor_id
from cpecgeo.errors import DataError, InputError
from cpecgeo.features.corridor import Corridor
from cpecgeo.features.subject import PointLike, SubjectLike
from cpecgeo.routing.additions import JOIN_KM
from cpecgeo.routing.alternatives import share_of
from cpecgeo.routing.costs import edge_costs
from cpecgeo.routing.filters import FilterOptions, UseOptions, filters, number, usable
from cpecgeo.routing.graph import load_shared
from cpecgeo.routing.paths import find_detour, place_ends, route, tabulate_costs
from cpecgeo.routing.search import Way, snap_ends

__all__ = ["alignment_parts", "critical_sections", "gain", "route_checks"]

# A smaller gain, in km or hours, doesn't count.
_LEAST = 0.05


def critical_sections(
    a: PointLike = "Khunjerab Pass",
    b: PointLike = "Gwadar",
    *,
    weight: str = "hours",
    vehicle: str | None = None,
    speeds: Mapping[str, float] | None = None,
    rates: Mapping[str, float] | None = None,
    max_access_km: float = 50.0,
    **chosen: Unpack[FilterOptions],
) -> pd.DataFrame:
    """Return how much the closure of each single section lengthens a route.

    Parameters
    ----------
    a, b
        As in `route`.
    weight : {"km", "hours", "cost", "carbon"}
    vehicle, speeds, rates, max_access_km
        As in `route`.
    **chosen
        `mode avoid status year season along extra join_km`, as in `route`.

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
    >>> worst["cut"].any() in (True, False)
    True
    """
    told: dict[str, Any] = {"weight": weight, "vehicle": vehicle, "rates": rates}
    base = route(a, b, speeds=speeds, max_access_km=max_access_km, **told, **chosen)
    ground = usable(filters(**chosen))
    net = ground.network
    costs = edge_costs(net, weight, speeds, vehicle=vehicle, rates=rates)
    ends = [("the origin", a), ("the destination", b)]
    starts, goals = snap_ends(ends, ground, max_access_km=max_access_km, weight=weight)
    free = Way(base.origin, base.destination, list(base.steps))
    rows = []
    taken = [net.rows[step.edge] for step in base.steps]
    taken = [row for row in taken if row["mode"] != "transfer" and not row["crossing"]]
    # A dict keeps the order of travel.
    for section, name in dict.fromkeys((row["section"], row["name"]) for row in taken):
        edges = net.of_section[section].tolist()
        km = sum(step.km for step in base.steps if step.edge in edges)
        shut = ground.closing({i: np.array([[0.0, net.lengths[i]]]) for i in edges})
        path = find_detour(shut, free, (starts, goals), costs)
        closed = (np.inf, np.inf)
        if path is not None:
            each = [(costs.hours[s.edge], share_of(s, net.lengths[s.edge])) for s in path.steps]
            closed = sum(s.km for s in path.steps), sum(h * share for h, share in each)
        rows.append(
            {
                "section": section,
                "name": name,
                "km": km,
                "closed_km": closed[0],
                "closed_hours": closed[1],
                "cut": path is None,
            }
        )
    columns = ["section", "name", "km", "closed_km", "closed_hours", "cut"]
    frame = pd.DataFrame(rows, columns=columns)
    frame["more_km"] = frame["closed_km"] - base.chainage_km
    frame["more_hours"] = frame["closed_hours"] - base.hours
    amounts = ["closed_km", "more_km", "closed_hours", "more_hours"]
    frame = frame[["section", "name", "km", *amounts, "cut"]]
    frame = frame.sort_values(
        "more_km" if weight == "km" else "more_hours", ascending=False, kind="stable"
    )
    frame.attrs = {**base.legs.attrs, "open_km": base.chainage_km, "open_hours": base.hours}
    return frame.reset_index(drop=True)


def gain(
    places: Sequence[PointLike] | SubjectLike,
    *,
    extra: Corridor | Sequence[Corridor],
    by: str = "pair",
    join_km: float = JOIN_KM,
    vehicle: str | None = None,
    speeds: Mapping[str, float] | None = None,
    rates: Mapping[str, float] | None = None,
    max_access_km: float = 50.0,
    **chosen: Unpack[UseOptions],
) -> pd.DataFrame:
    """Return the changes in km and hours between places that new lines bring.

    Parameters
    ----------
    places : list of names, Places or points; GeoSeries, table, or name of a layer or file
    extra : Corridor or list of Corridor
        The new lines, see `route`.
    by : {"pair", "place"}
        A row per pair of places, or per place with the sums of its pairs.
    join_km, vehicle, speeds, rates, max_access_km
        As in `route`.
    **chosen
        `mode avoid status year season along`, as in `route`.

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
    far = number(max_access_km, "max_access_km", infinite=True)
    told: dict[str, Any] = {"vehicle": vehicle, "rates": rates}
    grounds = {
        "before": usable(filters(**chosen)),
        "after": usable(filters(extra=extra, join_km=join_km, **chosen)),
    }
    amounts: dict[str, Any] = {}
    slack: dict[str, Any] = {}
    for when, ground in grounds.items():
        for weight in ("km", "hours"):
            ends = place_ends(places, ground, far, weight)
            if len(ends) < 2:
                raise InputError("places has fewer than two; give two or more to go between.")
            costs = edge_costs(ground.network, weight, speeds, **told)
            _, whole = tabulate_costs(ground, ends, ends, costs)
            labels, amounts[f"{weight}_{when}"] = list(ends), whole.to_numpy()
            if when == "before":
                away = np.array([at[0].access_km if at else 0.0 for at in ends.values()])
                slack[weight] = np.where(away <= join_km, away, 0.0) * costs.access
    one, two = np.triu_indices(len(labels), 1)
    frame = pd.DataFrame({"from": [labels[i] for i in one], "to": [labels[j] for j in two]})
    for weight in ("km", "hours"):
        for when in ("before", "after"):
            frame[f"{weight}_{when}"] = amounts[f"{weight}_{when}"][one, two]
        saved = frame[f"{weight}_before"] - frame[f"{weight}_after"]
        least = np.maximum(slack[weight][one] + slack[weight][two], _LEAST)
        frame[f"gained_{weight}"] = saved.mask(saved.abs() < least, 0.0)
    frame["is_new"] = frame["hours_before"].isna() & frame["hours_after"].notna()
    frame = frame[
        [
            "from", "to", "km_before", "km_after", "gained_km", "hours_before", "hours_after",
            "gained_hours", "is_new",
        ]
    ]  # fmt: skip
    attrs = {
        "method": "least km and least hours before and after, ways to the network counted",
        "joins": list(grounds["after"].network.edges.attrs["joins"]),
        **grounds["after"].network.provenance(),
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
        asked = {"mode": row["mode"], "along": along, "avoid": avoid, "status": row["statuses"]}
        try:
            way = route(*ends, weight="km", **asked)
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

"""Routes side by side, and what a closure costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from cpecgeo.catalogue import data_version
from cpecgeo.errors import InputError, InputTypeError
from cpecgeo.routing.filters import filters, usable
from cpecgeo.routing.finding import lengths, route
from cpecgeo.routing.ways import Route

__all__ = ["compare", "critical_sections"]


def compare(them: Sequence[Route] | Mapping[str, Route]) -> gpd.GeoDataFrame:
    """Routes side by side.

    Parameters
    ----------
    them : list of Route, or dict of name to Route

    Returns
    -------
    GeoDataFrame
        One row per route: `km hours access_km legs more_km more_hours`, km by mode and by
        status, what was asked, and the way as one line, so that a map can draw them together.
        `more_…` count from the first.

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
    rows = []
    for one in them.values():
        row: dict[str, Any] = {
            "km": one.length_km,
            "hours": one.hours,
            "access_km": one.access_km,
            "legs": len(one.legs),
        }
        row |= {f"{mode}_km": km for mode, km in one.km_by("mode").items() if mode != "border"}
        row |= {f"{status}_km": km for status, km in one.km_by("status").items()}
        rows.append(row | {"asked": one.asked})
    lines = [one.line for one in them.values()]
    frame = gpd.GeoDataFrame(rows, index=pd.Index(them, name="route"), geometry=lines, crs=4326)
    amounts = [c for c in frame.columns if c.endswith("_km") and c != "access_km"]
    frame[amounts] = frame[amounts].fillna(0.0)
    frame.insert(1, "more_km", frame["km"] - frame["km"].iloc[0])
    frame.insert(3, "more_hours", frame["hours"] - frame["hours"].iloc[0])
    last = ["asked", "geometry"]
    frame = frame[[*(c for c in frame.columns if c not in last), *last]]
    frame.attrs = {"method": "calibrated km, assumed speeds", "data_version": data_version()}
    return frame


def critical_sections(
    a: Any = "Khunjerab Pass",
    b: Any = "Gwadar",
    *,
    weight: str = "km",
    speeds: Mapping[str, float] | None = None,
    max_access_km: float = 50.0,
    **chosen: Any,
) -> pd.DataFrame:
    """Which single section, if closed, lengthens a journey most.

    Parameters
    ----------
    a, b
        As in `route`.
    weight : {"km", "hours"}
    speeds, max_access_km
        As in `route`.
    **chosen
        `mode avoid status year season along`, as in `route`.

    Returns
    -------
    DataFrame
        A row per section of the best route, worst first: `section name km` (of it, on the
        route), `closed_km` and `closed_hours` (the best way without it), `more_km`,
        `more_hours`, `cut` (no way is left; `more_…` are infinite).

    Examples
    --------
    >>> worst = critical_sections("Rohri Junction", "Lahore Junction", mode="rail")
    >>> worst["cut"].any() in (True, False)
    True
    """
    base = route(a, b, weight=weight, speeds=speeds, max_access_km=max_access_km, **chosen)
    asked = filters(**chosen)
    rows = []
    ways = base.legs[~base.legs["mode"].isin(["transfer", "border"])]
    for (section, name), km in ways.groupby(["section", "name"], sort=False)["km"].sum().items():
        row = {"section": section, "name": name, "km": km}
        shut = usable(replace(asked, avoid=(*asked.avoid, f"section:{section}")))
        other = lengths(shut, (a, b), weight, speeds, max_access_km)
        row["closed_km"], row["closed_hours"] = other or (np.inf, np.inf)
        row["cut"] = other is None
        rows.append(row)
    frame = pd.DataFrame(rows)
    frame["more_km"] = frame["closed_km"] - base.length_km
    frame["more_hours"] = frame["closed_hours"] - base.hours
    amounts = ["closed_km", "more_km", "closed_hours", "more_hours"]
    frame = frame[["section", "name", "km", *amounts, "cut"]]
    frame = frame.sort_values(f"more_{weight}", ascending=False, kind="stable")
    frame.attrs = {**base.legs.attrs, "open_km": base.length_km, "open_hours": base.hours}
    return frame.reset_index(drop=True)

"""The railway: phases of the main line's upgrade, running times, and strips of any line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from cpecgeo import geodesy
from cpecgeo.analysis.overlay import crossed
from cpecgeo.analysis.profile import profile
from cpecgeo.catalogue import data_version
from cpecgeo.catalogue.files import read_table
from cpecgeo.errors import InputError, InputTypeError
from cpecgeo.features.corridor import Corridor
from cpecgeo.features.corridors import corridor as corridor_of
from cpecgeo.features.resolve import check_number, resolve_corridor
from cpecgeo.geodesy._rules import quote

__all__ = ["Strip", "phases", "running_times", "strip"]


def phases(plan: str | int | None = 2026) -> gpd.GeoDataFrame:
    """Return the phases of the main line's upgrade.

    Parameters
    ----------
    plan : {2026, 2024, 2020} or None
        The year of the plan; None for all, to see how it changed.

    Returns
    -------
    GeoDataFrame
        EPSG:4326, a row per phase or package: `plan number name from_stop to_stop km_from km_to
        posts_km drawn_km official_km cost_busd years status in_force source source_date note
        geometry`. `km_from` and `km_to` are chainage of ``ml1``, `posts_km` their difference,
        `drawn_km` the geodesic length of that stretch, `official_km` the plan's figure. The plan of
        2020, whose limits differ between sources, has no limits and no line; an unknown cost is
        missing.

    Raises
    ------
    InputError
        No such plan.

    Examples
    --------
    >>> plan = phases()
    >>> int(plan["official_km"].sum()), plan["name"].iloc[0]
    (1726, 'Karachi–Rohri')
    """
    table = read_table("rail_phases.csv").drop(columns=["id", "section", "licence"])
    table["plan"] = table["plan"].astype(str)
    if plan is not None:
        known = sorted(set(table["plan"]), reverse=True)
        if str(plan) not in known:
            raise InputError(f"plan is {plan!r}; it is one of {', '.join(known)}, or None.")
        table = table[table["plan"] == str(plan)].reset_index(drop=True)
    ml1 = corridor_of("ml1")
    lines, limits = [], []
    for row in table.itertuples():
        if isinstance(row.from_stop, str) and isinstance(row.to_stop, str):
            a, b = ml1.km_of(row.from_stop), ml1.km_of(row.to_stop)
            lines.append(ml1.between(a, b))
            limits.append((a, b))
        else:
            lines.append(None)
            limits.append((np.nan, np.nan))
    frame = gpd.GeoDataFrame(table, geometry=lines, crs=4326)
    known_lines = frame.geometry.notna().to_numpy()
    drawn = np.full(len(frame), np.nan)
    if known_lines.any():
        drawn[known_lines] = geodesy.length_km(frame.geometry[known_lines])
    start, end = np.array(limits, float).T
    about = {"km_from": start, "km_to": end, "posts_km": end - start, "drawn_km": drawn}
    at = list(frame.columns).index("to_stop") + 1
    for n, (name, values) in enumerate(about.items()):
        frame.insert(at + n, name, values)
    frame.attrs = {
        "method": "stretches of ml1 between stops; geodesic drawn_km",
        "ellipsoid": "WGS 84",
        "sources": list(dict.fromkeys(frame["source"])),
        "data_version": data_version(),
    }
    return frame


def running_times(
    corridor: Corridor | str = "ml1",
    stops: Sequence[str | float] | None = None,
    *,
    now_kmh: tuple[float, float] | None = None,
    upgraded_kmh: float | None = None,
    freight_kmh: float | None = None,
    dwell_min: float = 5.0,
) -> pd.DataFrame:
    """Return running times between stops, at today's line speeds and after the upgrade.

    Parameters
    ----------
    corridor : Corridor or str
    stops : sequence of str or float, optional
        Stops (names or km) where a passenger train calls, in order of chainage. Those of
        `data/rail_stops.csv` when omitted (the limits of the main line's phases, and Hyderabad);
        else the ends of the line.
    now_kmh : (float, float), optional
        Lowest and highest line speed today. Published for ``ml1``: 65–110.
    upgraded_kmh, freight_kmh : float, optional
        Line speeds after the upgrade. Published for ``ml1``: 160, and 120 for freight.
    dwell_min : float
        Minutes at each intermediate call of a passenger train; an assumption.

    Returns
    -------
    DataFrame
        A row per section: `from_stop to_stop km_from km_to km now_slow_hours now_fast_hours
        upgraded_hours freight_hours saved_hours` (against the faster of today's). Dwell is included
        at the end of each section except the last. `.attrs` has the sums, the speeds, and
        `published`, the published journey times.

    Raises
    ------
    InputError
        A speed that isn't positive, stops out of order, or a line whose speeds aren't
        published and aren't given.

    Notes
    -----
    This is the least time, at line speed from stop to stop, without allowance for starting,
    braking, gradients, other trains or slow orders. Today's expresses take 33 h 30 where the
    fastest row here sums to 16 hours.

    Examples
    --------
    >>> times = running_times()
    >>> round(times.attrs["upgraded_hours"], 1)
    11.2
    """
    thing = resolve_corridor(corridor)
    published = _published_speeds(thing.name)
    given = {"now_kmh": now_kmh, "upgraded_kmh": upgraded_kmh, "freight_kmh": freight_kmh}
    chosen: dict[str, Any] = {k: published.get(k) if v is None else v for k, v in given.items()}
    if unknown := [k for k, v in chosen.items() if v is None]:
        raise InputError(
            f"The line speeds of {thing.name} aren't in the data; give {'=, '.join(unknown)}=."
        )
    try:
        slow, fast = chosen["now_kmh"]
    except (TypeError, ValueError):
        raise InputTypeError(
            f"now_kmh is {now_kmh!r}; give the lowest and the highest speed, such as (65, 105)."
        ) from None
    speeds = {
        "now_slow": check_number(slow, "now_kmh[0]", above=0),
        "now_fast": check_number(fast, "now_kmh[1]", above=0),
        "upgraded": check_number(chosen["upgraded_kmh"], "upgraded_kmh", above=0),
        "freight": check_number(chosen["freight_kmh"], "freight_kmh", above=0),
    }
    if speeds["now_slow"] > speeds["now_fast"]:
        raise InputError(f"now_kmh is {(slow, fast)!r}; give the lower speed first.")
    dwell = check_number(dwell_min, "dwell_min") / 60
    names, at = _calls(thing, stops)
    km = np.diff(at)
    waits = np.append(np.full(len(km) - 1, dwell), 0.0)
    frame = pd.DataFrame(
        {
            "from_stop": names[:-1],
            "to_stop": names[1:],
            "km_from": at[:-1],
            "km_to": at[1:],
            "km": km,
            "now_slow_hours": km / speeds["now_slow"] + waits,
            "now_fast_hours": km / speeds["now_fast"] + waits,
            "upgraded_hours": km / speeds["upgraded"] + waits,
            "freight_hours": km / speeds["freight"],
        }
    )
    frame["saved_hours"] = frame["now_fast_hours"] - frame["upgraded_hours"]
    times = read_table("rail_times.csv")
    frame.attrs = {
        "corridor": thing.name,
        "method": "chainage at line speed, and dwell",
        "assumptions": {**{f"{k}_kmh": v for k, v in speeds.items()}, "dwell_min": dwell * 60},
        **{c: float(frame[c].sum()) for c in frame.columns if c.endswith("_hours")},
        "published": times[times["corridor"] == thing.name].to_dict("records"),
        "sources": published["sources"] if None in given.values() else [],
        "data_version": data_version(),
    }
    return frame


def _published_speeds(name: str) -> dict[str, Any]:
    """Return the published line speeds of a corridor and their sources; empty where unknown."""
    table = read_table("rail_speeds.csv")
    rows = table[table["corridor"] == name].set_index(["train", "state"])
    if rows.empty:
        return {"sources": []}
    now = rows.loc[("passenger", "now")]
    return {
        "now_kmh": (float(now["kmh_low"]), float(now["kmh_high"])),
        "upgraded_kmh": float(rows.loc[("passenger", "upgraded"), "kmh_high"]),
        "freight_kmh": float(rows.loc[("freight", "upgraded"), "kmh_high"]),
        "sources": list(dict.fromkeys(rows["source"])),
    }


def _calls(thing: Corridor, stops: Sequence[str | float] | None) -> tuple[list[str], Any]:
    """Return names and chainage of the stops, in order."""
    if stops is None:
        table = read_table("rail_stops.csv").sort_values("order")
        stops = table.loc[table["corridor"] == thing.name, "stop"].tolist() or [0.0, thing.end_km]
    if isinstance(stops, str) or not isinstance(stops, Sequence) or len(stops) < 2:
        raise InputError(f"stops is {quote(stops)}; give two or more, in a list.")
    at = [thing.km_of(s) if isinstance(s, str) else check_number(s, "stops") for s in stops]
    for (a, x), (b, y) in pairwise(zip(at, stops, strict=True)):
        if b <= a:
            raise InputError(
                f"stops go from {x!r} (km {a:g}) to {y!r} (km {b:g}); give them in order of km."
            )
    if at[-1] > thing.end_km:
        raise InputError(f"stops end at km {at[-1]:g}; {thing.name} ends at {thing.end_km:g}.")
    return [s if isinstance(s, str) else f"km {s:g}" for s in stops], np.array(at)


@dataclass(frozen=True, eq=False)
class Strip:
    """Features along a corridor by chainage: the data of a strip map.

    Returned by `strip`.

    Attributes
    ----------
    name, title : str
    end_km : float
    stops : DataFrame
        `km name name_ur kind`.
    sections : DataFrame
        `km_from km_to name status official_km drawn_km accuracy_km`.
    provinces, districts : DataFrame
        `km_from km_to name length_km`, in order of travel; outside all zones the name is
        missing.
    ground : DataFrame
        As `profile`.
    """

    name: str
    title: str
    end_km: float
    stops: pd.DataFrame
    sections: pd.DataFrame
    provinces: pd.DataFrame
    districts: pd.DataFrame
    ground: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """Return all data in one tidy table: `band km_from km_to label value`.

        `value` is metres for the band ``elevation``, and missing elsewhere.
        """
        points = [
            ("stop", self.stops["km"], self.stops["km"], self.stops["name"], np.nan),
            ("elevation", self.ground["km"], self.ground["km"], None, self.ground["elevation_m"]),
        ]
        spans = [
            (band, frame["km_from"], frame["km_to"], frame["name"], np.nan)
            for band, frame in (
                ("section", self.sections),
                ("province", self.provinces),
                ("district", self.districts),
            )
        ]
        return pd.concat(
            [
                pd.DataFrame(
                    {"band": band, "km_from": a, "km_to": b, "label": label, "value": value}
                )
                for band, a, b, label, value in [*spans, *points]
            ],
            ignore_index=True,
        )


def strip(corridor: Corridor | str, *, every_km: float = 5.0) -> Strip:
    """Return stops, sections, zones and ground along a corridor, by its chainage.

    Parameters
    ----------
    corridor : Corridor or str
    every_km : float
        Kilometres between samples of the ground.

    Returns
    -------
    Strip

    Raises
    ------
    UnknownNameError, InputError

    Examples
    --------
    >>> s = strip("taxila-havelian")
    >>> s.districts["name"].tolist()
    ['Haripur', 'Rawalpindi', 'Attock', 'Haripur', 'Abbottabad']
    """
    thing = resolve_corridor(corridor)
    zones = {}
    for layer in ("provinces", "districts"):
        found = pd.DataFrame(crossed(thing, layer).drop(columns="geometry"))
        found = found.rename(columns={"km_in": "km_from", "km_out": "km_to"})
        zones[layer] = found[["km_from", "km_to", "name", "length_km"]]
    stops = thing.stops[[c for c in ("km", "name", "name_ur", "kind") if c in thing.stops]]
    sections = thing.sections[
        ["km_from", "km_to", "name", "status", "official_km", "drawn_km", "accuracy_km"]
    ]
    return Strip(
        name=thing.name,
        title=thing.title,
        end_km=thing.end_km,
        stops=pd.DataFrame(stops).reset_index(drop=True),
        sections=pd.DataFrame(sections).reset_index(drop=True),
        ground=profile(thing, every_km),
        **zones,
    )

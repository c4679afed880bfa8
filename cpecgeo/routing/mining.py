"""The mining corridor: options for transport of ore from Chaghi to the sea."""

from __future__ import annotations

import math
from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry import LineString, MultiLineString

from cpecgeo import geodesy
from cpecgeo.analysis.profile import profile, tell_climb
from cpecgeo.catalogue import data_version
from cpecgeo.catalogue.files import read_table
from cpecgeo.errors import InputError
from cpecgeo.features.corridors import corridor
from cpecgeo.features.resolve import check_number
from cpecgeo.routing.costs import count_vehicles, price, rates_of, state_sources
from cpecgeo.routing.paths import route

__all__ = ["options", "sections"]

_COLUMNS = [
    "option", "section", "name", "mode", "status", "km", "drawn_km", "hours", "cost_per_t",
    "carbon_kg_per_t", "climb_m", "descent_m", "accuracy_km", "basis", "source", "geometry",
]  # fmt: skip
_BUILT = "operating"
_VEHICLES = {"road": "truck", "rail": "train"}
# With a worse accuracy, the ground under the line isn't that of the road or railway.
_CLIMB_ACCURACY_KM = 50.0


def sections(
    option: str | None = None,
    *,
    truck_kmh: float | None = None,
    unsealed_kmh: float | None = None,
    train_kmh: float | None = None,
    rates: Mapping[str, float] | None = None,
) -> gpd.GeoDataFrame:
    """Return the sections of the options from the mines to the ports.

    Parameters
    ----------
    option : str, optional
        One of the options of `options`; all when omitted.
    truck_kmh, unsealed_kmh, train_kmh : float, optional
        Average speeds: a loaded truck on sealed and on unsealed (or unbuilt) road, a goods
        train. 45, 25 and 30 when omitted, see `data/mining_assumptions.csv`.
    rates : mapping of str to float, optional
        In place of those of `data/freight.csv`, by its ids.

    Returns
    -------
    GeoDataFrame
        EPSG:4326, in order of travel: `option section name mode status km drawn_km hours cost_per_t
        carbon_kg_per_t climb_m descent_m accuracy_km basis source geometry`. Money is in PKR at the
        rates of `data/freight.csv`, without handling. `km` is calibrated (published where there is
        a figure), `drawn_km` geodesic. Climb is that of the ground under the drawn line, see
        `profile`, with only the error of the grid, not that of the line: an upper estimate. It is
        missing where the line's accuracy is worse than 50 km.

    Raises
    ------
    InputError
        No such option, or a speed that isn't positive.

    Examples
    --------
    >>> s = sections("road")
    >>> s["status"].tolist()[:3]
    ['operating', 'under_construction', 'planned']
    """
    known = read_table("mining_options.csv").set_index("id")
    if option is not None and option not in list(known.index):
        raise InputError(f"option is {option!r}; it is one of {', '.join(known.index)}.")
    speeds = _assume(truck_kmh=truck_kmh, unsealed_kmh=unsealed_kmh, train_kmh=train_kmh)
    frames = [
        _measure(name, parts, speeds, rates_of(rates))
        for name, parts in known["parts"].items()
        if option in (None, name)
    ]
    frame = gpd.GeoDataFrame(pd.concat(frames, ignore_index=True), geometry="geometry", crs=4326)
    frame.attrs = {
        "method": "calibrated km; geodesic drawn_km; ground under the drawn line",
        "climb_method": tell_climb(is_known=False),
        "ellipsoid": "WGS 84",
        "edges": "geodesic",
        "assumptions": speeds,
        "sources": sorted({str(s) for s in frame["source"].dropna()}),
        "data_version": data_version(),
    }
    return frame


def options(
    *,
    tonnes_per_year: float | None = None,
    truck_payload_t: float | None = None,
    train_payload_t: float | None = None,
    truck_kmh: float | None = None,
    unsealed_kmh: float | None = None,
    train_kmh: float | None = None,
    handling_hours: float | None = None,
    rates: Mapping[str, float] | None = None,
) -> gpd.GeoDataFrame:
    """Compare the options of the mining corridor.

    Omitted numbers are taken from `data/mining_assumptions.csv`.

    Parameters
    ----------
    tonnes_per_year : float, optional
        Tonnes to the port per year: 600,000, the concentrate in the study of 2010.
    truck_payload_t, train_payload_t : float, optional
        Payload of a truck and of a train: 30 and 1,500 tonnes.
    truck_kmh, unsealed_kmh, train_kmh : float, optional
        As in `sections`.
    handling_hours : float, optional
        Hours of each change from truck to train: 12.
    rates : mapping of str to float, optional
        Money, tolls, carbon and working days in place of those in `data/freight.csv`, by its ids.
        Payloads are the arguments above.

    Returns
    -------
    GeoDataFrame
        EPSG:4326, a row per `option`: `title mine port vehicle km drawn_km operating_km
        under_construction_km planned_km missing_km hours cost_per_t carbon_kg_per_t climb_m
        descent_m unclimbed_km loads_per_year trips_per_day vehicles accuracy_km geometry`.
        `missing_km` doesn't exist yet (under construction and planned). `hours` are one way, with
        driving and handling. `loads_per_year` are full loads (with empty returns) by truck, or by
        the first vehicle; where a train follows, its loads are `train_loads_per_year`. `vehicles`
        is the fleet of the first vehicle. `cost_per_t` is in PKR with tolls and handling.
        `unclimbed_km` is left out of climb and descent, because its line is too inaccurate.
        `.attrs` has the assumptions and their basis.

    Raises
    ------
    InputError
        A parameter that isn't positive.

    Notes
    -----
    A planned road or line has no built alignment: its length is the published one, and its climb
    that of a sketch. Wear and the capacity of the ports aren't considered. Rates of money are
    assumptions where `data/freight.csv` says so.

    Examples
    --------
    >>> ways = options()
    >>> float(ways.loc["road", "missing_km"])
    303.0
    >>> bool(ways.loc["road", "km"] < ways.loc["rail-port-qasim", "km"])
    True
    """
    speeds = {"truck_kmh": truck_kmh, "unsealed_kmh": unsealed_kmh, "train_kmh": train_kmh}
    assumed = _assume(
        tonnes_per_year=tonnes_per_year,
        truck_payload_t=truck_payload_t,
        train_payload_t=train_payload_t,
        **speeds,
    )
    assumed |= _assume(-math.inf, handling_hours=handling_hours)
    handling = assumed["handling_hours"]
    payloads = {mode: assumed[f"{vehicle}_payload_t"] for mode, vehicle in _VEHICLES.items()}
    given = {f"{_VEHICLES[mode]}-payload-t": tonnes for mode, tonnes in payloads.items()}
    used = rates_of(rates_of(rates) | given)
    legs = sections(None, **speeds, rates=used)
    known = read_table("mining_options.csv").set_index("id")
    rows = []
    for name, part in legs.groupby("option", sort=False):
        about = known.loc[name]
        modes = list(dict.fromkeys(part["mode"]))
        loads = {mode: math.ceil(assumed["tonnes_per_year"] / payloads[mode]) for mode in modes}
        by_status = part.groupby("status")["km"].sum()
        changes, first = len(modes) - 1, modes[0]
        driving = float(part.loc[part["mode"] == first, "hours"].sum())
        rows.append(
            {
                "option": name,
                **about[["title", "mine", "port"]],
                "vehicle": ", then ".join(_VEHICLES[mode] for mode in modes),
                "km": part["km"].sum(),
                "drawn_km": part["drawn_km"].sum(),
                "operating_km": by_status.get(_BUILT, 0.0),
                "under_construction_km": by_status.get("under_construction", 0.0),
                "planned_km": by_status.get("planned", 0.0),
                "missing_km": by_status.drop(_BUILT, errors="ignore").sum(),
                "hours": part["hours"].sum() + handling * changes,
                "cost_per_t": part["cost_per_t"].sum() + used["handling-pkr-per-t"] * changes,
                "carbon_kg_per_t": part["carbon_kg_per_t"].sum(),
                "climb_m": part["climb_m"].sum(min_count=1),
                "descent_m": part["descent_m"].sum(min_count=1),
                "unclimbed_km": float(part.loc[part["climb_m"].isna(), "km"].sum()),
                "loads_per_year": loads[first],
                "train_loads_per_year": loads.get("rail"),
                "trips_per_day": loads[first] / 365.0,
                "vehicles": count_vehicles(_VEHICLES[first], loads[first], driving, 365.0, used),
                "accuracy_km": part["accuracy_km"].max(),
                # Not a union, which would contain only once the stretch that a train runs twice.
                "geometry": MultiLineString(list(shapely.get_parts(part.geometry.to_numpy()))),
            }
        )
    frame = gpd.GeoDataFrame(rows, geometry="geometry", crs=4326).set_index("option")
    frame["train_loads_per_year"] = frame["train_loads_per_year"].astype("Int64")
    frame.attrs = {
        **legs.attrs,
        "assumptions": assumed,
        "rests_on": [*_sources(assumed), *state_sources(used)],
    }
    return frame


def _read_assumptions() -> pd.DataFrame:
    """Return the table of assumptions, indexed by the names of the arguments."""
    table = read_table("mining_assumptions.csv")
    return table.set_index(table["id"].str.replace("-", "_"))


def _assume(above: float = 0.0, /, **given: float | None) -> dict[str, float]:
    """Return the caller's numbers, with the table's in place of omitted ones."""
    table = _read_assumptions()["amount"]
    return {
        name: check_number(float(table[name]) if value is None else value, name, above=above)
        for name, value in given.items()
    }


def _sources(assumed: dict[str, float]) -> list[str]:
    """Return the basis of each number: its source, or "given"."""
    table = _read_assumptions()
    return [
        f"{name}: {table['source'][name] if value == table['amount'][name] else 'given'}"
        for name, value in assumed.items()
    ]


def _measure(
    name: str, parts: str, speeds: dict[str, float], rates: Mapping[str, float]
) -> gpd.GeoDataFrame:
    """Return the sections of an option with hours and climb."""
    found = [_legs(*part.split(":")) for part in parts.split(";")]
    legs = gpd.GeoDataFrame(pd.concat(found, ignore_index=True), crs=4326)
    legs["option"] = name
    legs["drawn_km"] = geodesy.length_km(legs.geometry).to_numpy()
    kind = legs["speed_class"].eq("unsealed").map({True: "unsealed_kmh", False: "truck_kmh"})
    legs["hours"] = legs["km"] / kind.mask(legs["mode"] == "rail", "train_kmh").map(speeds)
    legs = legs.join(price(legs, rates))
    lines = zip(legs.geometry, legs["accuracy_km"], strict=True)
    ground = [_climbs(line, accuracy) for line, accuracy in lines]
    legs[["climb_m", "descent_m"]] = np.array(ground, float)
    return legs[_COLUMNS]


def _climbs(line: LineString, accuracy_km: float) -> tuple[float, float]:
    """Return climb and descent in metres; NaN where the line is too inaccurate."""
    if accuracy_km > _CLIMB_ACCURACY_KM:
        return math.nan, math.nan
    attrs = profile(line).attrs
    return attrs["climb_m"], attrs["descent_m"]


def _legs(how: str, what: str) -> gpd.GeoDataFrame:
    """Return `section name mode status km speed_class accuracy_km basis source geometry`."""
    if how in {"road", "rail"}:
        # Roads as they are, railways as planned.
        status = "any" if how == "rail" else None
        found = route(what, "Gwadar Port", mode=how, status=status, weight="km").legs
    else:
        name = "mining" if how == "section" else what
        found = corridor(name).sections.rename(columns={"id": "section", "kind": "mode"})
        found["km"] = found["km_to"] - found["km_from"]
        classes = read_table("network_sections.csv").set_index("section")["speed_class"]
        found["speed_class"] = found["section"].map(classes)
        if how == "section":
            found = found[found["section"] == what]
        elif how == "operating":
            found = found[found["status"] == _BUILT]
    columns = ["section", "name", "mode", "status", "km", "speed_class"]
    return found[[*columns, "accuracy_km", "basis", "source", "geometry"]]

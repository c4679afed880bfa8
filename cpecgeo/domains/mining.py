"""The ways that ore can take from Chaghi to the sea: by the new road, by rail, as things stand."""

from __future__ import annotations

import math
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from cpecgeo import geodesy
from cpecgeo.analysis.profile import profile
from cpecgeo.catalogue import data_version
from cpecgeo.catalogue.files import read_table
from cpecgeo.errors import InputError
from cpecgeo.features.corridors import corridor
from cpecgeo.routing import route
from cpecgeo.routing.filters import number

__all__ = ["mining_options", "mining_sections"]

# option: (title, mine, port, what it is put together from)
_OPTIONS: dict[str, tuple[str, str, str, tuple[tuple[str, str], ...]]] = {
    "road": (
        "Mining corridor by road, with the parts still to be built",
        "Reko Diq",
        "Gwadar",
        (("corridor", "mining"),),
    ),
    "road-today": (
        "Roads that operate today, by Quetta's side and Surab",
        "Reko Diq",
        "Gwadar",
        (("roads", "Reko Diq"),),
    ),
    "rail-port-qasim": (
        "Rail by Quetta and Rohri, with the link to the mine still to be built",
        "Reko Diq",
        "Port Qasim",
        (("corridor", "mining-rail"),),
    ),
    "truck-rail-port-qasim": (
        "Lorries to Nok Kundi, from there the railway that stands",
        "Reko Diq",
        "Port Qasim",
        (("sections", "reko-diq-nok-kundi"), ("after", "mining-rail")),
    ),
    "rail-gwadar": (
        "Rail to Gwadar by the planned Main Line 4",
        "Reko Diq",
        "Gwadar",
        (("rails", "Reko Diq"),),
    ),
    "saindak-road": (
        "Mining corridor by road from Saindak",
        "Saindak",
        "Gwadar",
        (("corridor", "mining-saindak"),),
    ),
    "saindak-road-today": (
        "Roads that operate today, from Saindak",
        "Saindak",
        "Gwadar",
        (("roads", "Saindak"),),
    ),
}
_BUILT = "operating"
# Where the line is known less closely than this, the ground under it says nothing of the way.
_CLIMB_ACCURACY_KM = 50.0
_TONNES_SOURCE = (
    "600,000 t of concentrate a year: Tethyan Copper Company, feasibility study of 2010, "
    "tethyan.com/TheRekoDiqProject/MiningProject.aspx"
)


def mining_sections(
    option: str | None = None,
    *,
    truck_kmh: float = 45.0,
    unsealed_kmh: float = 25.0,
    train_kmh: float = 30.0,
    every_km: float = 2.0,
) -> gpd.GeoDataFrame:
    """The ways from the mines to the ports, section by section.

    Parameters
    ----------
    option : str, optional
        One of the options of `mining_options`; all when omitted.
    truck_kmh, unsealed_kmh, train_kmh : float
        Average speeds: a loaded lorry on sealed and on unsealed (or unbuilt) road, a goods
        train. Assumptions; give your own.
    every_km : float
        Samples of the ground for climb and descent.

    Returns
    -------
    GeoDataFrame
        EPSG:4326, in order of travel: `option section name mode status km drawn_km hours
        climb_m descent_m accuracy_km basis source geometry`. `km` is calibrated (published
        where there is a figure), `drawn_km` geodesic. Climb is that of the ground under the
        drawn line, see `profile`; missing where the line is known less closely than 50 km.

    Raises
    ------
    InputError
        No such option, or a speed that isn't positive.

    Examples
    --------
    >>> s = mining_sections("road")
    >>> s["status"].tolist()[:3]
    ['operating', 'under_construction', 'planned']
    """
    if option is not None and option not in list(_OPTIONS):
        raise InputError(f"option is {option!r}; it is one of {', '.join(_OPTIONS)}.")
    speeds = {
        "sealed": number(truck_kmh, "truck_kmh", above=0),
        "unsealed": number(unsealed_kmh, "unsealed_kmh", above=0),
        "rail": number(train_kmh, "train_kmh", above=0),
    }
    step = number(every_km, "every_km", above=0)
    frames = [
        _measured(name, parts, speeds, step)
        for name, (_, _, _, parts) in _OPTIONS.items()
        if option in (None, name)
    ]
    frame = gpd.GeoDataFrame(pd.concat(frames, ignore_index=True), geometry="geometry", crs=4326)
    frame.attrs = {
        "method": "calibrated km; geodesic drawn_km; ground under the drawn line",
        "ellipsoid": "WGS 84",
        "edges": "geodesic",
        "assumptions": {
            "truck_kmh": speeds["sealed"],
            "unsealed_kmh": speeds["unsealed"],
            "train_kmh": speeds["rail"],
        },
        "sources": sorted({str(s) for s in frame["source"].dropna()}),
        "data_version": data_version(),
    }
    return frame


def mining_options(
    *,
    tonnes_per_year: float = 600_000,
    truck_payload_t: float = 30.0,
    train_payload_t: float = 1_500.0,
    truck_kmh: float = 45.0,
    unsealed_kmh: float = 25.0,
    train_kmh: float = 30.0,
    handling_hours: float = 12.0,
    every_km: float = 2.0,
) -> gpd.GeoDataFrame:
    """The mining corridor against its alternatives.

    Parameters
    ----------
    tonnes_per_year : float
        What is carried to the port in a year. The default is the concentrate of the study
        of 2010; the study of 2025 gives 240,000 t of copper a year in its first phase.
    truck_payload_t, train_payload_t : float
        Payload of a lorry and of a train, tonnes. Assumptions.
    truck_kmh, unsealed_kmh, train_kmh : float
        As in `mining_sections`.
    handling_hours : float
        For each change from lorry to train. An assumption.
    every_km : float
        Samples of the ground for climb and descent.

    Returns
    -------
    GeoDataFrame
        EPSG:4326, a row per `option`: `title mine port vehicle km drawn_km operating_km
        under_construction_km planned_km missing_km hours climb_m descent_m unclimbed_km
        loads_per_year trips_per_day accuracy_km geometry`. `missing_km` is what doesn't
        exist yet (under construction and planned). `hours` are one way, driving and
        handling. `loads_per_year` are full loads (each comes back empty), by lorry and, on
        what follows, by train where both carry (`train_loads_per_year`). `unclimbed_km` is
        left out of climb and descent, because its line is known too roughly. `.attrs` has
        the assumptions and what they rest on.

    Raises
    ------
    InputError
        A parameter that isn't positive.

    Notes
    -----
    A planned road or line has no built alignment: its length is the published one and its
    climb that of a sketch. Costs, wear and the capacity of the ports aren't considered.

    Examples
    --------
    >>> ways = mining_options()
    >>> float(ways.loc["road", "missing_km"])
    303.0
    >>> bool(ways.loc["road", "km"] < ways.loc["rail-port-qasim", "km"])
    True
    """
    tonnes = number(tonnes_per_year, "tonnes_per_year", above=0)
    payloads = {
        "road": number(truck_payload_t, "truck_payload_t", above=0),
        "rail": number(train_payload_t, "train_payload_t", above=0),
    }
    handling = number(handling_hours, "handling_hours")
    legs = mining_sections(
        truck_kmh=truck_kmh, unsealed_kmh=unsealed_kmh, train_kmh=train_kmh, every_km=every_km
    )
    rows = []
    for name, part in legs.groupby("option", sort=False):
        title, mine, port, _ = _OPTIONS[str(name)]
        modes = list(dict.fromkeys(part["mode"]))
        loads = {mode: math.ceil(tonnes / payloads[mode]) for mode in modes}
        by_status = part.groupby("status")["km"].sum()
        unclimbed = part.loc[part["climb_m"].isna(), "km"].sum()
        rows.append(
            {
                "option": name,
                "title": title,
                "mine": mine,
                "port": port,
                "vehicle": {"road": "lorry", "rail": "train"}[modes[0]]
                if len(modes) == 1
                else "lorry, then train",
                "km": part["km"].sum(),
                "drawn_km": part["drawn_km"].sum(),
                "operating_km": by_status.get(_BUILT, 0.0),
                "under_construction_km": by_status.get("under_construction", 0.0),
                "planned_km": by_status.get("planned", 0.0),
                "missing_km": by_status.drop(_BUILT, errors="ignore").sum(),
                "hours": part["hours"].sum() + handling * (len(modes) - 1),
                "climb_m": part["climb_m"].sum(min_count=1),
                "descent_m": part["descent_m"].sum(min_count=1),
                "unclimbed_km": float(unclimbed),
                "loads_per_year": loads[modes[0]],
                "train_loads_per_year": loads.get("rail"),
                "trips_per_day": loads[modes[0]] / 365.0,
                "accuracy_km": part["accuracy_km"].max(),
                "geometry": part.geometry.union_all(),
            }
        )
    frame = gpd.GeoDataFrame(rows, geometry="geometry", crs=4326).set_index("option")
    frame["train_loads_per_year"] = frame["train_loads_per_year"].astype("Int64")
    frame.attrs = {
        **legs.attrs,
        "assumptions": {
            **legs.attrs["assumptions"],
            "tonnes_per_year": tonnes,
            "truck_payload_t": payloads["road"],
            "train_payload_t": payloads["rail"],
            "handling_hours": handling,
        },
        "rests_on": [
            _TONNES_SOURCE,
            "speeds, payloads and handling are assumptions of this function: give your own",
        ],
    }
    return frame


def _measured(
    name: str, parts: tuple[tuple[str, str], ...], speeds: dict[str, float], step: float
) -> gpd.GeoDataFrame:
    """The sections of an option with hours and climb."""
    legs = gpd.GeoDataFrame(pd.concat([_legs(how, what) for how, what in parts]), crs=4326)
    legs = legs.reset_index(drop=True)
    legs.insert(0, "option", name)
    legs["drawn_km"] = geodesy.length_km(legs.geometry).to_numpy()
    unsealed = legs.pop("speed_class").eq("unsealed")
    kmh = np.where(
        legs["mode"] == "rail",
        speeds["rail"],
        np.where(unsealed, speeds["unsealed"], speeds["sealed"]),
    )
    legs["hours"] = legs["km"] / kmh
    lines = zip(legs.geometry, legs["accuracy_km"], strict=True)
    ground = [_climbs(line, accuracy, step) for line, accuracy in lines]
    legs[["climb_m", "descent_m"]] = np.array(ground, float)
    return legs[
        [
            "option",
            "section",
            "name",
            "mode",
            "status",
            "km",
            "drawn_km",
            "hours",
            "climb_m",
            "descent_m",
            "accuracy_km",
            "basis",
            "source",
            "geometry",
        ]
    ]


def _climbs(line: Any, accuracy_km: float, step: float) -> tuple[float, float]:
    if accuracy_km > _CLIMB_ACCURACY_KM:
        return math.nan, math.nan
    attrs = profile(line, step).attrs
    return attrs["climb_m"], attrs["descent_m"]


def _legs(how: str, what: str) -> gpd.GeoDataFrame:
    """`section name mode status km speed_class accuracy_km basis source geometry`."""
    if how == "roads":
        found = route(what, "Gwadar Port", mode="road").legs
    elif how == "rails":
        found = route(what, "Gwadar Port", mode="rail", status="any").legs
    else:
        name = "mining" if how == "sections" else what
        found = corridor(name).sections.rename(columns={"id": "section", "kind": "mode"})
        found["km"] = found["km_to"] - found["km_from"]
        classes = read_table("network_sections.csv").set_index("section")["speed_class"]
        found["speed_class"] = found["section"].map(classes)
        if how == "sections":
            found = found[found["section"] == what]
        elif how == "after":
            found = found[found["status"] == _BUILT]
    columns = ["section", "name", "mode", "status", "km", "speed_class"]
    return found[[*columns, "accuracy_km", "basis", "source", "geometry"]]

"""Costs of edges and routes: km, hours of a car or truck, money and carbon per tonne; fleets."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from cpecgeo.analysis.climb import bands_of, ground_across, rises_within
from cpecgeo.analysis.profile import NOISE_M, ground_m
from cpecgeo.catalogue import data_version
from cpecgeo.catalogue.files import read_table
from cpecgeo.errors import InputError, InputTypeError, UnknownNameError
from cpecgeo.features.resolve import check_number
from cpecgeo.routing.graph import Network
from cpecgeo.routing.legs import Route

__all__ = [
    "VEHICLES",
    "WEIGHTS",
    "Costs",
    "count_vehicles",
    "edge_costs",
    "freight",
    "price",
    "price_route",
    "rates_of",
    "state_sources",
]

WEIGHTS = ("km", "hours", "cost", "carbon")
VEHICLES = ("car", "truck")

Floats = NDArray[np.float64]

# Access to the network counts as a track: this speed class of `data/speeds.csv`.
_ACCESS_CLASS = "unsealed"
# From this accuracy on, the ground under a line isn't the road's; see `profile`.
_ROAD_KM = 1.5
# Steeper ground isn't the road's.
_STEEPEST = 0.12
_SAMPLE_KM = 1.0
_GRAVITY = 9.81
_CARRIERS = {"road": "truck", "border": "truck", "rail": "train"}


@dataclass(frozen=True, eq=False)
class Costs:
    """Costs of each edge of the network.

    Attributes
    ----------
    cost : list of float
        In the chosen weight.
    hours : list of float
    access : float
        Cost of a km between an end and the network, in the weight of `cost`.
    vehicle : {"car", "truck"}
        The vehicle of the hours.
    """

    cost: list[float]
    hours: list[float]
    access: float
    vehicle: str


def rates_of(given: Mapping[str, float] | None = None) -> dict[str, float]:
    """Return the rates of `data/freight.csv`, with a caller's in place of the table's."""
    table = read_table("freight.csv")
    known = {str(key): float(x) for key, x in zip(table["id"], table["amount"], strict=True)}
    if not isinstance(given, Mapping | None):
        raise InputTypeError(f'rates is {given!r}; give them by name: {{"truck-payload-t": 25}}.')
    for name, value in (given or {}).items():
        if name not in known:
            raise UnknownNameError(name, "rate", known, "data/freight.csv lists them.")
        known[name] = check_number(value, f"rates[{name!r}]", least=0.0)
    for name in [key for key in known if not key.endswith(("-toll-pkr-per-km", "-per-t"))]:
        if known[name] == 0 and name.endswith(("-kmh", "-payload-t", "-kw", "-line", "-per-day")):
            raise InputError(f"rates[{name!r}] is 0; it must be above 0.")
    return known


def edge_costs(
    net: Network,
    weight: str,
    speeds: Mapping[str, float] | None = None,
    *,
    vehicle: str | None = None,
    rates: Mapping[str, float] | None = None,
) -> Costs:
    """Return the costs and hours of each edge; options as in `route`."""
    if weight not in WEIGHTS:
        raise InputError(f"weight is {weight!r}; give one of {', '.join(WEIGHTS)}.")
    if not isinstance(speeds, Mapping | None):
        raise InputTypeError(f"speeds is {speeds!r}; give km/h by class: {{'motorway': 80}}.")
    if vehicle is not None and vehicle not in VEHICLES:
        raise UnknownNameError(vehicle, "vehicle", VEHICLES)
    is_goods = vehicle == "truck" or (vehicle is None and weight in {"cost", "carbon"})
    used = rates_of(rates)
    km, classes = net.columns["km"], net.columns["speed_class"]
    hours = _goods_hours(net, used) if is_goods else net.columns["hours"].copy()
    for name, kmh in (speeds or {}).items():
        here = classes == name
        if not here.any():
            known = sorted(set(classes) - {"border", "transfer"})
            raise InputError(f"speeds has {name!r}; the speed classes are {', '.join(known)}.")
        hours[here] = km[here] / check_number(kmh, f"speeds[{name!r}]", above=0.0)
    slow = float(read_table("speeds.csv").set_index("id")["kmh"][_ACCESS_CLASS])
    slow = used["truck-unsealed-kmh"] if is_goods else slow
    whose = "truck" if is_goods else "car"
    if weight == "km":
        return Costs(km.tolist(), hours.tolist(), 1.0, whose)
    if weight == "hours":
        return Costs(hours.tolist(), hours.tolist(), 1.0 / slow, whose)
    mode = np.where(net.columns["crossing"] != "", "border", net.columns["mode"])
    ways = pd.DataFrame({"mode": mode, "km": km, "hours": hours, "speed_class": classes})
    column = {"cost": "cost_per_t", "carbon": "carbon_kg_per_t"}[weight]
    each, access = price(ways, used)[column], _price_access(1.0, used)[column]
    return Costs(each.tolist(), hours.tolist(), access, whose)


def _goods_hours(net: Network, rates: Mapping[str, float]) -> Floats:
    """Return the hours of each edge by loaded truck and goods train."""
    columns, hours = net.columns, net.columns["hours"].copy()
    km, classes = columns["km"], columns["speed_class"]
    kmh = np.full(len(km), np.nan)
    for name in set(classes):
        for carrier in ("truck", "train"):
            if f"{carrier}-{name}-kmh" in rates:
                kmh[classes == name] = rates[f"{carrier}-{name}-kmh"]
    known = ~np.isnan(kmh)
    hours[known] = km[known] / kmh[known]
    # On a climb, power against weight and rolling resistance limits the speed. Downhill the brakes
    # limit it alike.
    edge, part_km, grade = _grades(net)
    power = 1000.0 * rates["truck-driveline"] / rates["truck-kg-per-kw"]
    most = 3.6 * power / (_GRAVITY * (grade + rates["truck-rolling"]))
    is_truck = known[edge] & (columns["mode"][edge] == "road")
    edge, part_km, most = edge[is_truck], part_km[is_truck], most[is_truck]
    extra = np.maximum(part_km / most - part_km / kmh[edge], 0.0)
    return hours + np.bincount(edge, extra, minlength=len(hours))


@lru_cache(maxsize=8)
def _grades(net: Network) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Return stretches of about 1 km of roads on known ground: edge, km, gradient."""
    columns = net.columns
    accuracy = net.edges["accuracy_km"].to_numpy(float)
    known = (columns["mode"] == "road") & (columns["km"] > 0) & ~(accuracy > _ROAD_KM)
    rows = np.flatnonzero(known)
    parts = np.maximum(1, np.round(columns["km"][rows] / _SAMPLE_KM)).astype(int)
    if not len(rows):
        return rows, np.empty(0), np.empty(0)
    edge = np.repeat(rows, parts)
    share = np.concatenate([np.arange(n + 1) / n for n in parts])
    lines = np.repeat(net.lines[rows], parts + 1)
    points = shapely.line_interpolate_point(lines, share, normalized=True)
    xy = shapely.get_coordinates(points)
    heights = ground_m(xy)
    first = np.delete(np.arange(len(heights)), np.cumsum(parts + 1) - 1)
    part_km = columns["km"][edge] / np.repeat(parts, parts)
    # A gradient too steep for a road, or unknown, isn't used.
    ok = np.abs(heights[first + 1] - heights[first]) <= _STEEPEST * part_km * 1000.0
    stated = np.zeros(len(heights) - 1, bool)
    stated[first[ok]] = True
    near = np.nan_to_num(np.repeat(accuracy[rows], parts + 1))
    band, _ = bands_of(heights, NOISE_M, *ground_across(xy, near, ground_m))
    rises = rises_within(heights, band, stated)
    return edge[ok], part_km[ok], np.abs(rises[first[ok]]) / (part_km[ok] * 1000.0)


def price(legs: pd.DataFrame, rates: Mapping[str, float]) -> pd.DataFrame:
    """Return money and carbon per tonne of legs: `cost_per_t` (PKR), `carbon_kg_per_t`.

    Of legs their `mode` (road, rail, border, transfer …), `km`, `hours` and `speed_class` are used.
    NaN without a rate, as for legs by sea.
    """
    answer = pd.DataFrame({"cost_per_t": np.nan, "carbon_kg_per_t": np.nan}, index=legs.index)
    for name, carrier in _CARRIERS.items():
        part = legs[legs["mode"] == name]
        load = rates[f"{carrier}-payload-t"]
        tolls = {c: rates.get(f"{carrier}-{c}-toll-pkr-per-km", 0.0) for c in part["speed_class"]}
        toll = part["speed_class"].map(tolls).astype(float)
        cost = part["km"] * (rates[f"{carrier}-pkr-per-tkm"] + toll / load)
        cost += part["hours"] * rates[f"{carrier}-pkr-per-hour"] / load
        answer.loc[part.index, "cost_per_t"] = cost
        answer.loc[part.index, "carbon_kg_per_t"] = part["km"] * rates[f"{carrier}-kg-per-tkm"]
    answer.loc[legs["mode"] == "transfer"] = rates["handling-pkr-per-t"], 0.0
    return answer


def _price_access(km: float, rates: Mapping[str, float]) -> dict[str, float]:
    """Return money and carbon per tonne of access to the network, by truck on a track."""
    hours = km / rates["truck-unsealed-kmh"]
    track = {"mode": ["road"], "km": [km], "hours": [hours], "speed_class": [_ACCESS_CLASS]}
    found = price(pd.DataFrame(track), rates).iloc[0]
    return {str(name): float(value) for name, value in found.items()}


def price_route(route: Route, rates: Mapping[str, float]) -> pd.DataFrame:
    """Return money and carbon per tonne of a route's legs, as `price`.

    Access to the network is added to the first and last leg, distances between joined routes to the
    leg before.
    """
    if route.vehicle == "car":
        raise InputError(
            f"The route {route.origin.name} – {route.destination.name} has the hours of a car or "
            f"passenger train, {route.hours:.1f} h, and goods take longer. Find it again with "
            'vehicle="truck".'
        )
    each = price(pd.DataFrame(route.legs).reset_index(drop=True), rates)
    ends = (0, route.origin.access_km), (len(each) - 1, route.destination.access_km)
    for row, km in (*ends, *route.ways_between):
        for name, value in _price_access(km, rates).items():
            each.loc[row, name] += value
    return each


def freight(
    route: Route,
    tonnes: float = 1.0,
    *,
    days: float = 365.0,
    rates: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Return the money, carbon, trips and fleet for carrying tonnes over a route.

    Parameters
    ----------
    route : Route
        A route with ``vehicle="truck"``; the hours of a car are refused.
    tonnes : float
        Tonnes to carry in `days`.
    days : float
    rates : mapping of str to float, optional
        Rates by the ids of `data/freight.csv`, in place of the table's; there each has a source or
        is marked as an assumption.

    Returns
    -------
    DataFrame
        A row per stage, from one change of vehicle to the next: `mode vehicle km hours cost
        carbon_kg loads trips_per_day vehicles`. `cost` is in PKR and includes tolls, hours, and
        handling in the row of the change. `cost` and `carbon_kg` of the first and last row include
        access to the network, and distances between joined routes, as by truck on a track; km and
        hours leave these out. `loads` are full loads, with empty returns, and `vehicles` is the
        fleet for them. `.attrs` has the sums, also per tonne, and the basis of each rate.

    Raises
    ------
    InputTypeError, UnknownNameError, InputError
        Not a route, no such rate, or a route with the hours of a car.

    Examples
    --------
    >>> from cpecgeo import route
    >>> load = freight(route("Karachi", "Lahore", mode="road", vehicle="truck"), 600)
    >>> int(load["loads"].iloc[0])
    20
    """
    if not isinstance(route, Route):
        raise InputTypeError(f"route is {type(route).__name__}; give a Route that `route` found.")
    tonnes, days = check_number(tonnes, "tonnes", above=0.0), check_number(days, "days", above=0.0)
    used = rates_of(rates)
    legs = pd.DataFrame(route.legs[["mode", "km", "hours"]]).reset_index(drop=True)
    legs = legs.join(price_route(route, used))
    legs["stage"] = legs["mode"].replace("border", "road")
    stages = legs.groupby((legs["stage"] != legs["stage"].shift()).cumsum())
    rows = []
    for _, part in stages:
        mode = part["stage"].iloc[0]
        carrier = _CARRIERS.get(mode)
        km, hours = float(part["km"].sum()), float(part["hours"].sum())
        row = {"mode": mode, "vehicle": carrier, "km": km, "hours": hours}
        row["cost"] = tonnes * float(part["cost_per_t"].sum(skipna=False))
        row["carbon_kg"] = tonnes * float(part["carbon_kg_per_t"].sum(skipna=False))
        if carrier is not None:
            loads = math.ceil(round(tonnes / used[f"{carrier}-payload-t"], 9))
            row |= {"loads": loads, "trips_per_day": loads / days}
            row["vehicles"] = count_vehicles(carrier, loads, hours, days, used)
        rows.append(row)
    columns = ["mode", "vehicle", "km", "hours", "cost", "carbon_kg", "loads", "trips_per_day"]
    frame = pd.DataFrame(rows, columns=[*columns, "vehicles"])
    frame[["loads", "vehicles"]] = frame[["loads", "vehicles"]].astype("Int64")
    sums = {"cost": float(frame["cost"].sum(skipna=False))}
    sums["carbon_kg"] = float(frame["carbon_kg"].sum(skipna=False))
    frame.attrs = {
        "title": f"{route.origin.name} – {route.destination.name}",
        "tonnes": tonnes,
        "days": days,
        "currency": "PKR",
        **sums,
        **{f"{name}_per_t": value / tonnes for name, value in sums.items()},
        "rests_on": state_sources(used),
        "data_version": data_version(),
    }
    return frame


def count_vehicles(
    carrier: str, loads: int, hours: float, days: float, rates: Mapping[str, float]
) -> int:
    """Return the fleet for a number of loads in some days, with empty returns.

    `hours` is the driving time, one way.
    """
    round_trip = 2 * hours + rates[f"{carrier}-loading-hours"]
    per_vehicle = days * rates[f"{carrier}-hours-per-day"] / round_trip
    return math.ceil(round(loads / per_vehicle, 9))


def state_sources(used: Mapping[str, float]) -> list[str]:
    """Return the basis of each rate: its source, or "given"."""
    table = read_table("freight.csv").set_index("id")
    return [
        f"{name}={value:g} {table['unit'][name]}: "
        f"{table['source'][name] if value == table['amount'][name] else 'given'}"
        for name, value in used.items()
    ]

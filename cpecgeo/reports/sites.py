"""The parts of a report on a border market or another site."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import pandas as pd

from cpecgeo.analysis.measure import nearest
from cpecgeo.analysis.profile import elevation_m
from cpecgeo.catalogue import data_version, layer, table
from cpecgeo.domains.border import Market, market, nearest_corridors, nearest_sites
from cpecgeo.features.places import Place
from cpecgeo.maps import Map
from cpecgeo.reports.corridors import sum_people
from cpecgeo.reports.document import Report
from cpecgeo.reports.render import Part

__all__ = ["report_market", "report_place"]

_HEIGHTS_APART_M = 100.0


def report_market(thing: Market | Place, *, draw: bool) -> Report:
    """Report on a border market or crossing."""
    sheet = thing if isinstance(thing, Market) else market(thing.id)
    glance = {
        "id": sheet.id,
        "to": sheet.country,
        "status": sheet.status,
        "state": sheet.status_note,
        "planned_in_phase_2": sheet.planned_phase2,
        "lon": sheet.point.x,
        "lat": sheet.point.y,
        "accuracy_km": sheet.accuracy_km,
        "basis": sheet.basis,
        "published_elevation_m": sheet.elevation_m,
        "grid_elevation_m": sheet.ground_m,
    }
    shut, took = sheet.closures, sheet.border_hours
    parts = [
        Part("glance", "At a glance", table=pd.DataFrame([glance])),
        *(_map(sheet.name, sheet.point, sheet.reached) if draw else ()),
        Part("corridors", "Nearest corridors", table=sheet.corridors),
        Part(
            "closures",
            "Closures and seasons",
            () if len(shut) else ("None is in the data.",),
            shut if len(shut) else None,
        ),
        Part(
            "border_hours",
            "Hours to cross, as measured",
            () if len(took) else ("No figure was found.",),
            took if len(took) else None,
        ),
        Part("reached", "Within reach by road", *_reached(sheet)),
        sum_people(sheet.point),
        Part("towns", "Nearest towns", table=sheet.towns),
        Part("zones", "Nearest zones", table=sheet.zones),
        Part("ports", "Nearest ports", table=sheet.ports),
    ]
    caveats = [f"The position is good to {sheet.accuracy_km:g} km; basis: {sheet.basis}."]
    caveats += _heights(sheet)
    if sheet.note:
        caveats.append(sheet.note)
    if sheet.status is None:
        caveats.append("Whether it is open at present isn't known.")
    caveats.append("Hours of driving rest on assumed speeds; waiting at the border isn't in them.")
    sources = [sheet.source, *shut["source"], *took["source"]]
    return _build(
        sheet.name, f"border market or crossing to {sheet.country}", parts, sources, caveats
    )


def _heights(sheet: Market) -> list[str]:
    """Say why the published height and that of the grid differ, where they do."""
    apart = abs(sheet.elevation_m - sheet.ground_m)
    if not apart > _HEIGHTS_APART_M:
        return []
    text = (
        f"The published elevation ({sheet.elevation_m:,.0f} m) and that of the grid "
        f"({sheet.ground_m:,.0f} m) are {apart:,.0f} m apart: a cell of the grid averages "
        "the slopes of 0.9 km, and the position may be off by "
        f"{sheet.accuracy_km:g} km; in a gorge both tell."
    )
    return [text]


def report_place(thing: Place, *, draw: bool) -> Report:
    """Report on a zone, port, mine, power plant, station or town."""
    glance = {
        "id": thing.id,
        "layer": thing.layer,
        "kind": thing.kind,
        "status": thing.status,
        "lon": thing.point.x,
        "lat": thing.point.y,
        "accuracy_km": thing.accuracy_km,
        "basis": thing.basis,
        "grid_elevation_m": float(elevation_m(_series(thing)).iloc[0]),
        "district": _district(thing),
    }
    figures = table("figures")
    figures = figures[figures["feature"] == thing.id]
    caveats = [f"The position is good to {thing.accuracy_km:g} km; basis: {thing.basis}."]
    if thing.basis == "proxy":
        caveats.append("A proxy: another place's point stands in for it.")
    if isinstance(thing.note, str) and thing.note:
        caveats.append(thing.note)
    parts = [
        Part("glance", "At a glance", table=pd.DataFrame([glance])),
        *(_map(thing.name, thing.point, None) if draw else ()),
        Part("corridors", "Nearest corridors", table=nearest_corridors(thing.point, 5)),
        Part(
            "figures",
            "Published figures, side by side",
            () if len(figures) else ("No other figure was found.",),
            pd.DataFrame(figures[["quantity", "value", "unit", "meaning", "source", "source_date"]])
            if len(figures)
            else None,
        ),
        sum_people(thing.point),
        Part("towns", "Nearest towns", table=nearest_sites("places", thing.point, 5, "population")),
        Part(
            "crossings",
            "Nearest crossings",
            table=nearest_sites("crossings", thing.point, 5, "status"),
        ),
        Part("zones", "Nearest zones", table=nearest_sites("zones", thing.point, 5, "status")),
        Part("ports", "Nearest ports", table=nearest_sites("ports", thing.point, 5, "status")),
    ]
    sources = [thing.source, *figures["source"]]
    return _build(thing.name, f"{thing.layer}: {thing.kind}", parts, sources, caveats)


def _build(
    title: str, subtitle: str, parts: list[Part], sources: list[Any], caveats: list[str]
) -> Report:
    named = layer("places").attrs["sources"]
    return Report(
        title=title,
        subtitle=subtitle,
        parts=tuple(parts),
        sources=tuple(dict.fromkeys(str(s) for s in [*sources, *named] if not pd.isna(s))),
        caveats=tuple(caveats),
        data_version=data_version(),
    )


def _series(thing: Place) -> Any:
    return gpd.GeoSeries([thing.point], crs=4326)


def _district(thing: Place) -> str | None:
    if thing.district:
        return thing.district
    districts = layer("districts").set_index("name")
    near = nearest(thing.point, districts)
    return str(near["target"].iloc[0]) if near["distance_km"].iloc[0] == 0 else None


def _reached(sheet: Market) -> tuple[tuple[str, ...], pd.DataFrame | None]:
    if sheet.reached is None:
        return (sheet.reached_note,), None
    towns = sheet.reached.towns.sort_values("cost").head(15)
    count, away = len(sheet.reached.towns), sheet.reached.within_km
    length = f"{sheet.reached.chainage_km:,.0f} km of roads (calibrated)"
    ways = f"{length}, {count} towns within {away:g} km of them"
    text = (f"{sheet.reached_note}: {ways}.",)
    if towns.empty:
        return text, None
    shown = pd.DataFrame(towns[["name", "population", "cost"]])
    return text, shown.rename(columns={"cost": "driving_hours"})


def _map(name: str, point: Any, reached: Any) -> list[Part]:
    drawn = Map(title=name)
    if reached is not None:
        drawn.add(reached, name="Within reach by road")
    spot = gpd.GeoDataFrame({"name": [name]}, geometry=[point], crs=4326)
    drawn.add(spot, name=name, popup=["name"])
    return [Part("map", "Where it lies", page=drawn.html(), alt=f"Map of {name}")]

"""Reports on border markets and other sites, and the parts that all reports share."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from cpecgeo.analysis.measure import interval_text, nearest
from cpecgeo.analysis.profile import elevation_m
from cpecgeo.analysis.proximity import best_known
from cpecgeo.catalogue import layer, table
from cpecgeo.features.places import Place
from cpecgeo.maps.words import VALUES, Words
from cpecgeo.reports.document import Report, draw_map
from cpecgeo.reports.nearby import (
    MEETS_KM,
    find_corridor,
    measure_people,
    sum_people,
    tell_people,
    tell_reached,
    tell_rough,
)
from cpecgeo.reports.render import Part
from cpecgeo.routing.border import Market, market, nearest_corridors, nearest_sites

__all__ = [
    "describe_site",
    "list_figures",
    "report_market",
    "report_place",
    "show_figures",
    "split_note",
    "split_sources",
    "tell_away",
    "tell_note",
]

_HEIGHTS_APART_M = 100.0
_NUMBER = re.compile(r"\d+(\.\d+)?")
# Pattern of a note's clauses on the reliability of a position or figure.
_CAUTION = re.compile(
    r"position|not (?:located|decided)|unverified|leave it out|for comparison|of the source|"
    r"other side|(?:lies|are|is at|near) .*\b(?:it|away|interchange)\b"
)


def show_figures(rows: pd.DataFrame, say: Words) -> pd.DataFrame:
    """Tabulate each published figure with its unit, meaning and source."""
    units = [say(str(u)) for u in rows["unit"].fillna("")]
    told = [f"{float(v):,.10g}" if _NUMBER.fullmatch(str(v)) else str(v) for v in rows["value"]]
    figure = [f"{v} {u}".strip() for v, u in zip(told, units, strict=True)]
    view = rows[["meaning", "quantity", "source", "source_date"]].copy()
    view.insert(1, "figure", figure)
    return view


def list_figures(feature: str, say: Words) -> list[Part]:
    """List the published figures of a site, a section or an area, if there are any."""
    rows = table("figures")
    columns = ["quantity", "value", "unit", "meaning", "source", "source_date"]
    rows = pd.DataFrame(rows.loc[rows["feature"] == feature, columns])
    if rows.empty:
        return []
    heading = say("Published figures, side by side")
    return [Part("figures", heading, (), rows, view=show_figures(rows, say))]


def split_sources(given: Iterable[Any], *layers: str) -> tuple[str, ...]:
    """List each source once, and those of layers; a cell may have several, separated by a bar."""
    found = [*given, *(s for name in layers for s in layer(name).attrs["sources"])]
    each = [part.strip() for s in found if not pd.isna(s) for part in str(s).split(" | ")]
    return tuple(dict.fromkeys(part for part in each if part))


def split_note(note: str | None) -> tuple[str | None, str | None]:
    """Split a note into its text and its warnings, such as the origin of the position.

    Examples
    --------
    >>> split_note("CPEC; position of the dam; 886 km of line")
    ('CPEC; 886 km of line', 'position of the dam')
    """
    clauses = (note or "").split("; ")
    told = [
        "; ".join(c for c in clauses if bool(_CAUTION.search(c)) is warns) or None
        for warns in (False, True)
    ]
    return told[0], told[1]


def tell_note(note: str | None, say: Words) -> list[str]:
    """Translate a note; one that stays English is introduced as a note."""
    if not note:
        return []
    told = say.tell(note)
    if say.lang != "en" and told == note:
        return [say("{name}: {told}", name=say("Note"), told=note)]
    return [told[0].upper() + told[1:]]


def report_market(thing: Market | Place, say: Words, *, draw: bool) -> Report:
    """Report on a border market or crossing."""
    sheet = thing if isinstance(thing, Market) else market(thing.id)
    notes, cautions = split_note(sheet.note)
    glance = pd.DataFrame(
        [
            {
                "id": sheet.id,
                "to": sheet.country,
                "status": sheet.status,
                "state": sheet.status_note,
                "note": notes,
                "planned_in_phase_2": sheet.planned_phase2,
                **_locate(sheet),
                "published_elevation_m": sheet.elevation_m,
                "grid_elevation_m": sheet.ground_m,
            }
        ]
    )
    shut, took = sheet.closures, sheet.border_hours
    drawn: dict[str, Any] = {sheet.name: _spot(sheet.name, sheet.point)}
    if sheet.reached is not None:
        drawn = {say("Within reach by road"): sheet.reached, **drawn}
    parts = [
        *(draw_map(say.name(sheet.name), drawn, say) if draw else ()),
        Part("glance", say("At a glance"), (), glance, view=glance.drop(columns="id"),
             form="facts"),
        _corridors(sheet.corridors, sheet, say),
        Part("closures", say("Closures and seasons"),
             () if len(shut) else (say("None is in the data."),), shut if len(shut) else None,
             view=shut.dropna(axis="columns", how="all")),
        Part("border_hours", say("Hours to cross, as measured"),
             () if len(took) else (say("No figure was found."),), took if len(took) else None),
        Part("reached", say("Within reach by road"), *_list_reached(sheet, say)),
        sum_people(sheet.point, measure_people(sheet.point), say),
        *(_sites(key, rows, sheet, say) for key, rows in
          (("towns", sheet.towns), ("zones", sheet.zones), ("ports", sheet.ports))),
    ]  # fmt: skip
    caveats = [_position(sheet, say), *_heights(sheet, say)]
    caveats += tell_note(cautions, say)
    if sheet.status is None:
        caveats.append(say("Whether it is open at present isn't known."))
    caveats.append(
        say("Hours of driving rest on assumed speeds; waiting at the border isn't in them.")
    )
    return Report(
        title=say.name(sheet.name),
        subtitle=say("border market or crossing to {country}", country=say.name(sheet.country)),
        parts=tuple(parts),
        sources=split_sources([sheet.source, *shut["source"], *took["source"]], "places"),
        caveats=tuple(caveats),
        lead=_lead_market(sheet, say),
        lang=say.lang,
    )


def _locate(thing: Market | Place) -> dict[str, Any]:
    """Return the position, and how good it is."""
    return {"lon": thing.point.x, "lat": thing.point.y, "accuracy_km": thing.accuracy_km,
            "basis": thing.basis}  # fmt: skip


def _lead_market(sheet: Market, say: Words) -> str:
    """Write status, distance to the nearest corridor and people within reach, in sentences."""
    state = say.tell(sheet.status_note or "") or say("present state not known")
    said = [
        say("{name} is a crossing to {country}: {state}.", name=say.name(sheet.name),
            country=say.name(sheet.country), state=state),
        *_off(sheet.corridors, sheet, say),
    ]  # fmt: skip
    return say.join([*said, *tell_reached(sheet.reached, say)])


def tell_away(rows: pd.DataFrame, own_km: float | pd.Series, say: Words) -> pd.DataFrame:
    """Write distances in words, no finer than both positions are known."""
    known = rows[["distance_km", "accuracy_km"]].assign(own=own_km).to_numpy(float)
    away = [interval_text(*row, say=say) for row in known]
    told = rows.assign(distance_km=away).drop(columns="accuracy_km")
    return told.rename(columns={"distance_km": "away"})


def _off(corridors: pd.DataFrame, thing: Market | Place, say: Words) -> list[str]:
    """Write the distance to the nearest corridor."""
    reach = np.hypot(corridors["accuracy_km"].fillna(0), np.nan_to_num(thing.accuracy_km))
    best = best_known(corridors["distance_km"] + reach)
    near = corridors.iloc[best]
    away = tell_away(corridors, thing.accuracy_km, say)["away"]
    rough = [tell_rough(corridors["title"].iloc[0], away.iloc[0], say)] if best else []
    if near["distance_km"] < 0.1 and not best:
        return [say("{title} runs through it, at km {km}.", title=say.name(near["title"]),
                    km=f"{near['km']:,.0f}")]  # fmt: skip
    own, km = float(np.nan_to_num(thing.accuracy_km)), f"{near['km']:,.0f}"
    if own > near["distance_km"] and own > np.nan_to_num(near["accuracy_km"]):
        # The line may run through the place, whose position is known too roughly to say more.
        return [
            say("{title} is the nearest corridor, {away} away at its km {km}; the place's "
                "position is good to {good} km.", title=say.name(near["title"]),
                away=_write_km(near["distance_km"], say), km=km, good=f"{own:g}"),
            *rough,
        ]  # fmt: skip
    about = _tell_about(near["distance_km"], away.iloc[best], reach.iloc[best], say)
    return [
        say("{title} is the nearest corridor, {away} away at its km {km}.",
            title=say.name(near["title"]), away=about, km=km),
        *rough,
    ]  # fmt: skip


def _write_km(km: float, say: Words) -> str:
    return say("{km} km", km=f"{km:,.0f}" if km >= 10 else f"{km:.1f}")


def _tell_about(km: float, span: str, reach: float, say: Words) -> str:
    """Write a distance as a span, with the middle where the ends are far from each other."""
    if not km + reach > 2 * (km - reach):
        return span
    return say("some {middle} ({span})", middle=_write_km(km, say), span=span)


def _position(thing: Market | Place, say: Words) -> str:
    return say("The position is good to {km} km; it is {basis}.", km=f"{thing.accuracy_km:g}",
               basis=say.phrase(thing.basis))  # fmt: skip


def _heights(sheet: Market, say: Words) -> list[str]:
    """Write why the published height and that of the grid differ, if they do."""
    apart = abs(sheet.elevation_m - sheet.ground_m)
    if not apart > _HEIGHTS_APART_M:
        return []
    return [
        say("The published elevation ({published} m) and that of the grid ({grid} m) are {apart} "
            "m apart: a cell of the grid averages the slopes of 0.9 km, and the position may be "
            "off by {km} km; in a gorge both tell.",
            published=f"{sheet.elevation_m:,.0f}", grid=f"{sheet.ground_m:,.0f}",
            apart=f"{apart:,.0f}", km=f"{sheet.accuracy_km:g}")
    ]  # fmt: skip


def report_place(thing: Place, say: Words, *, draw: bool) -> Report:
    """Report on a zone, port, mine, power plant, station or town."""
    notes, cautions = split_note(thing.note)
    glance = pd.DataFrame(
        [
            {
                "id": thing.id,
                "layer": thing.layer,
                "kind": thing.kind,
                "status": thing.status,
                **_locate(thing),
                "grid_elevation_m": float(elevation_m(_spot("", thing.point)).iloc[0]),
                "district": _district(thing),
                "note": notes,
            }
        ]
    )
    figures = list_figures(thing.id, say)
    cited = [s for part in figures if part.table is not None for s in part.table["source"]]
    caveats = [_position(thing, say), *tell_note(cautions, say)]
    roads, sites = nearest_corridors(thing.point, 5), ("crossings", "zones", "ports")
    near = {name: _others(thing, name, "status") for name in sites}
    crossing = tell_away(near["crossings"], thing.accuracy_km, say).iloc[0]
    first = near["crossings"].iloc[0]
    reach = math.hypot(*np.nan_to_num([first["accuracy_km"], thing.accuracy_km]))
    about = _tell_about(first["distance_km"], crossing["away"], reach, say)
    people = measure_people(thing.point, thing.id if thing.layer == "places" else "")
    lead = [
        *_off(roads, thing, say),
        tell_people(people, say.name(thing.name), say),
        say("The nearest border crossing is {name}, {away} away.",
            name=say.name(crossing["name"]), away=about),
    ]  # fmt: skip
    spot = {thing.name: _spot(thing.name, thing.point)}
    parts = [
        *(draw_map(say.name(thing.name), spot, say) if draw else ()),
        Part("glance", say("At a glance"), (), glance,
             view=glance.drop(columns=["id", "layer"]), form="facts"),
        _corridors(roads, thing, say),
        *figures,
        sum_people(thing.point, people, say),
        _sites("towns", _others(thing, "places", "population"), thing, say),
        *(_sites(name, rows, thing, say) for name, rows in near.items()),
    ]  # fmt: skip
    what = VALUES.get(thing.layer, thing.layer)
    kind = say(thing.kind) if thing.kind else ""
    return Report(
        title=say.name(thing.name),
        subtitle=say(what) if thing.kind in {None, what} else f"{say(what)}: {kind}",
        parts=tuple(parts),
        sources=split_sources([thing.source, *cited], "places"),
        caveats=tuple(caveats),
        lead=say("{name}: {told}", name=say.name(thing.name), told=say.join(lead)),
        lang=say.lang,
    )


def _others(thing: Place, name: str, column: str) -> pd.DataFrame:
    """Return the five nearest sites of a layer, without the place itself.

    Closed ports are left out; for a seaport only seaports are listed, as the layer also has
    airports.
    """
    frame = layer(name)
    rows = nearest_sites(name, thing.point, len(frame) if name == "ports" else 6, column)
    same = (rows["name"] == thing.name) & (rows["distance_km"] < MEETS_KM)
    if name == "ports":
        same |= rows["status"].eq("closed").fillna(value=False).astype(bool)
        if thing.kind == "seaport":
            same |= frame.loc[rows.index, "kind"].ne("seaport")
    return rows[~same].head(5)


def _corridors(rows: pd.DataFrame, thing: Market | Place, say: Words) -> Part:
    view = tell_away(rows, thing.accuracy_km, say).drop(columns="target")
    return Part("corridors", say("Nearest corridors"), (), rows, view=view)


def _sites(key: str, rows: pd.DataFrame, thing: Market | Place, say: Words) -> Part:
    heading = {
        "towns": say("Nearest towns"),
        "crossings": say("Nearest border crossings"),
        "zones": say("Nearest economic zones"),
        "ports": say("Nearest ports"),
    }[key]
    view = tell_away(rows, thing.accuracy_km, say).dropna(axis="columns", how="all")
    return Part(key, heading, (), rows, view=view)


def _spot(name: str, point: shapely.Point) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"name": [name]}, geometry=[point], crs=4326)


def _district(thing: Place) -> str | None:
    if thing.district:
        return thing.district
    districts = layer("districts").set_index("name")
    near = nearest(thing.point, districts)
    return str(near["target"].iloc[0]) if near["distance_km"].iloc[0] == 0 else None


def _list_reached(sheet: Market, say: Words) -> tuple[tuple[str, ...], pd.DataFrame | None]:
    if sheet.reached is None:
        return (sheet.reached_note,), None
    towns = sheet.reached.towns.sort_values("cost_at").head(15)
    text = say(
        "{hours} hours over roads that operate reach {length} km of roads and {count} towns "
        "within {away} km of them; the closest follow.",
        hours=f"{sheet.reached.limit:g}", length=f"{sheet.reached.chainage_km:,.0f}",
        count=len(sheet.reached.towns), away=f"{sheet.reached.within_km:g}",
    )  # fmt: skip
    if towns.empty:
        return (text,), None
    shown = pd.DataFrame(towns[["name", "population", "cost_at"]])
    return (text,), shown.rename(columns={"cost_at": "driving_hours"})


def describe_site(thing: Place | Market) -> dict[str, Any]:
    """Return the main figures of a place in one row."""
    close = find_corridor(nearest_corridors(thing.point, 5), thing.accuracy_km)
    return {
        "id": thing.id,
        "name": thing.name,
        "status": thing.status,
        **_locate(thing),
        "nearest_corridor": close["target"],
        "distance_km": close["distance_km"],
        "corridor_accuracy_km": close["accuracy_km"],
        "at_km": close["km"],
    }

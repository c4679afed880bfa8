"""The parts of a report on a corridor."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from cpecgeo.analysis.exposure import exposure
from cpecgeo.analysis.measure import nearest
from cpecgeo.analysis.overlay import crossed
from cpecgeo.catalogue import data_version, layer
from cpecgeo.errors import MissingExtraError
from cpecgeo.features.corridor import Corridor
from cpecgeo.maps import draw_strip, explore
from cpecgeo.maps.figures import render_figure
from cpecgeo.reports.document import Report
from cpecgeo.reports.render import Part

__all__ = [
    "glance",
    "list_caveats",
    "measure_climb",
    "report_corridor",
    "sum_by_status",
    "sum_people",
]

_RADII_KM = (5, 10, 25, 50)
_LEAD_KM = 10
_SITES = {"crossings": "border crossing", "ports": "port", "zones": "zone"}
_SHORTER = "bends finer than the points that it goes through make it shorter than the way itself"
# An open road that is to be rebuilt has these too.
_UNBUILT = {
    "under_construction": "a new way, not there yet, or an open one being rebuilt",
    "planned": "a new way, not there yet, or one to be built over an existing road",
}
_PROXY_NOTE = (
    "Points whose basis is proxy stand at another place's position; accuracy_km says how far off."
)


def report_corridor(thing: Corridor, *, draw: bool) -> Report:
    """Report on one corridor."""
    towns, near, zones = sum_people(thing), _near(thing), crossed(thing, "districts")
    parts = [
        Part("glance", "At a glance", (_lead(thing, towns),), pd.DataFrame([glance(thing)])),
        *(_map(thing) if draw else ()),
        Part("sections", "Sections", table=_sections(thing)),
        Part("by_status", "Kilometres by status", table=sum_by_status(thing)),
        Part("figures", "Published figures, side by side", *_figures(thing)),
        Part("km_posts", "Km posts", table=_posts(thing, zones)),
        Part("districts", "Districts crossed", *_districts(zones)),
        *(_strip(thing, zones) if draw else ()),
        Part("climb", "The ground under the line", table=pd.DataFrame([measure_climb(thing)])),
        towns,
        Part(
            "near",
            "Border crossings, ports and zones nearby",
            ("The five nearest of each kind, with the chainage they lie off.",),
            near.drop(columns="source"),
        ),
    ]
    return Report(
        title=thing.title,
        subtitle=f"{thing.kind}, {str(thing.status).replace('_', ' ')}; id {thing.name}",
        parts=tuple(parts),
        sources=_sources(thing, near["source"]),
        caveats=list_caveats(thing),
        data_version=data_version(),
    )


def _lead(thing: Corridor, towns: Part) -> str:
    """Say length, how much of it operates, and how many live near, in a sentence each."""
    if math.isnan(thing.official_km):
        long = f"{thing.length_km:,.0f} km long as drawn; no length of the whole is published"
    else:
        long = (
            f"{thing.official_km:,.0f} km long by the published figure "
            f"({thing.length_km:,.0f} km as drawn)"
        )
    status = sum_by_status(thing)
    open_km = float(status.loc[status["status"] == "operating", "share"].sum())
    near = towns.table
    people = 0 if near is None else near.loc[near["km_to"] <= _LEAD_KM, "population"].sum()
    works = {0.0: "None of it operates", 1.0: "All of it operates"}.get(
        round(open_km, 3), f"{open_km:.0%} of it operates"
    )
    return (
        f"{thing.title} is {long}. {works}. Towns of {people:,.0f} people in all lie within "
        f"{_LEAD_KM:g} km of it."
    )


def glance(thing: Corridor) -> dict[str, Any]:
    """Return one row that says the most."""
    return {
        "id": thing.name,
        "kind": thing.kind,
        "status": thing.status,
        "drawn_km": round(thing.length_km, 3),
        "published_km": thing.official_km,
        "published_as": thing.official_note or None,
        "chainage_km": round(thing.end_km, 3),
        "accuracy_km": thing.accuracy_km,
        "sections": len(thing.sections),
        "stops": len(thing.stops),
    }


def sum_by_status(thing: Corridor) -> pd.DataFrame:
    """Sum chainage and drawn km by status."""
    table = pd.DataFrame(thing.sections.drop(columns="geometry"))
    table["length_km"] = table["km_to"] - table["km_from"]
    sums = table.groupby("status", sort=False)[["length_km", "drawn_km"]].sum().reset_index()
    sums["share"] = sums["length_km"] / sums["length_km"].sum()
    return sums


def sum_people(thing: Any) -> Part:
    """Sum towns and townspeople in rings."""
    table = exposure(thing, _RADII_KM).reset_index()
    missing = sorted({name for names in table.pop("missing_names") for name in names})
    text = ["Towns of a gazetteer, at a point each: townspeople, not everyone."]
    if missing:
        text.append(f"Without a population figure, and not counted: {', '.join(missing)}.")
    return Part("people", "People nearby", tuple(text), table)


def list_caveats(thing: Corridor) -> tuple[str, ...]:
    """List what must be known before a figure is quoted."""
    sections = thing.sections
    caveats = [
        "How good the drawn line is, nobody has said."
        if math.isnan(thing.accuracy_km)
        else f"On its poorest leg the drawn line is good to {thing.accuracy_km:g} km (95 %); "
        f"{_SHORTER}."
    ]
    unbuilt = sum_by_status(thing)
    unbuilt = unbuilt[unbuilt["status"].isin(_UNBUILT)]
    caveats += [
        f"{row.length_km:,.0f} km are {row.status.replace('_', ' ')}: {_UNBUILT[row.status]}."
        for row in unbuilt.itertuples()
    ]
    sketch = sections.loc[sections["basis"] == "schematic", "name"]
    if len(sketch):
        caveats.append(f"Schematic, straight between named places: {', '.join(sketch)}.")
    if math.isnan(thing.official_km):
        caveats.append("No length of the whole is published.")
    caveats += [
        f"{row.name}: {row.chainage_reason}"
        for row in sections.itertuples(index=False)
        if isinstance(getattr(row, "chainage_reason", None), str)
    ]
    caveats.append(
        "Elevations are of the ground under the drawn line; where the line is known too roughly "
        "for it to be the road's (ground_km), climb and the highest place leave it out."
    )
    caveats.append(_PROXY_NOTE)
    return tuple(caveats)


def _sections(thing: Corridor) -> pd.DataFrame:
    columns = ["name", "status", "km_from", "km_to", "drawn_km", "official_km", "ratio"]
    return pd.DataFrame(thing.sections[[*columns, "accuracy_km", "reason"]])


def _figures(thing: Corridor) -> tuple[tuple[str, ...], pd.DataFrame | None]:
    table = thing.competing
    if table.empty:
        return ("No other figure was found.",), None
    columns = [c for c in ("feature", "quantity", "value", "unit", "meaning") if c in table]
    return (), pd.DataFrame(table[[*columns, "source", "source_date"]])


def _posts(thing: Corridor, zones: pd.DataFrame) -> pd.DataFrame:
    every = next(e for e in (1, 5, 10, 25, 50, 100, 250, 1000) if thing.end_km / e <= 25)
    posts = thing.km_posts(every)
    inside = [
        zones.loc[(zones["km_in"] <= km) & (km <= zones["km_out"]), "name"].tolist()
        for km in posts["km"]
    ]
    return pd.DataFrame(
        {
            "post_km": posts["km"].to_numpy(),
            "lon": posts.geometry.x.to_numpy(),
            "lat": posts.geometry.y.to_numpy(),
            "district": [names[0] if names else None for names in inside],
        }
    )


def _districts(found: pd.DataFrame) -> tuple[tuple[str, ...], pd.DataFrame]:
    outside = found.attrs["outside_km"]
    text = (f"{outside:,.1f} km lie outside every district of the layer.",) if outside > 0 else ()
    doubt = found["uncertain_share"] @ found["length_km"] / found["length_km"].sum()
    how = (
        f"The outlines of districts are off by {found.attrs['accuracy']}: each km can be off by "
        f"what stands beside it, and {doubt:.0%} of the length may belong to a neighbour."
    )
    shown = ["name", "km_in", "km_in_off", "km_out", "km_out_off", "length_km", "share"]
    return (*text, how), pd.DataFrame(found[[*shown, "uncertain_share"]])


def measure_climb(thing: Corridor) -> dict[str, float]:
    """Measure lowest and highest place, climb and descent, where the ground is the line's."""
    ground = thing.profile(1.0)
    stated = ("highest_m", "highest_at_km", "climb_m", "descent_m", "ground_km")
    lowest = ground["elevation_m"].where(~ground["is_ground"]).min()
    return {"lowest_m": float(lowest), **{name: ground.attrs[name] for name in stated}}


def _near(thing: Corridor) -> pd.DataFrame:
    rows = []
    for name, kind in _SITES.items():
        sites = layer(name)
        sites = sites[sites.geometry.notna()]
        near = nearest(sites, thing).sort_values("distance_km").head(5)
        site = sites.loc[near.index]
        rows.append(
            pd.DataFrame(
                {
                    "kind": kind,
                    "name": site["name"],
                    "status": site["status"],
                    "distance_km": near["distance_km"],
                    "at_km": near["km"].round(3),
                    "side": near["side"],
                    "basis": site["basis"],
                    "accuracy_km": site["accuracy_km"],
                    "source": site["source"],
                }
            )
        )
    return pd.concat(rows, ignore_index=True)


def _map(thing: Corridor) -> list[Part]:
    return [Part("map", "Where it runs", page=explore(thing).html(), alt=f"Map of {thing.title}")]


def _strip(thing: Corridor, zones: pd.DataFrame) -> list[Part]:
    try:
        figure = draw_strip(thing, every_km=max(1.0, thing.end_km / 400), districts=zones)
    except MissingExtraError as error:
        return [Part("strip", "Along the line", (f"No chart: {error}",))]
    alt = f"Stops, districts and ground along {thing.title}, by chainage"
    return [Part("strip", "Along the line", svg=render_figure(figure, "svg"), alt=alt)]


def _sources(thing: Corridor, sites: pd.Series) -> tuple[str, ...]:
    figures = thing.competing.get("source", [])
    caveats = [*thing.sources, *figures, *sites]
    caveats += [s for name in ("districts", "places") for s in layer(name).attrs["sources"]]
    caveats.append("NOAA GLOBE 30 arc-second grid (public domain)")
    return tuple(dict.fromkeys(str(s) for s in caveats if not pd.isna(s)))

"""The parts of a report on a corridor."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from cpecgeo.analysis.measure import nearest
from cpecgeo.analysis.overlay import crossed
from cpecgeo.catalogue import layer
from cpecgeo.errors import MissingExtraError
from cpecgeo.features.corridor import Corridor
from cpecgeo.maps.figures import render_strip
from cpecgeo.maps.words import Words
from cpecgeo.reports.document import Report, draw_map
from cpecgeo.reports.nearby import measure_people, sum_people, tell_people
from cpecgeo.reports.render import Part
from cpecgeo.reports.sites import show_figures, split_sources, tell_away

__all__ = [
    "compare_corridors",
    "glance",
    "list_caveats",
    "measure_climb",
    "report_corridor",
    "sum_by_status",
]

_SITES = {"crossings": "border crossing", "ports": "port", "zones": "zone"}


def report_corridor(thing: Corridor, say: Words, *, draw: bool) -> Report:
    """Report on one corridor."""
    near, zones, people = _near(thing, say), crossed(thing, "districts"), measure_people(thing)
    by_status = sum_by_status(thing)
    ground = pd.DataFrame([measure_climb(thing)])
    view = pd.DataFrame([glance(thing)]).drop(columns="id")
    parts = [
        *(draw_map(say.name(thing.title), {thing.title: thing}, say) if draw else ()),
        Part("glance", say("At a glance"), (), pd.DataFrame([glance(thing)]), view=view,
             form="facts"),
        *(_strip(thing, zones, say) if draw else ()),
        # With only one status the first sentence is enough.
        Part("by_status", say("Kilometres by status"), (), by_status,
             view=show_status(thing, by_status)),
        Part("sections", say("Sections"), (), *_sections(thing)),
        _districts(zones, say),
        Part("climb", say("The ground under the line"), _tell_climb(thing, ground, say), ground,
             view=ground.dropna(axis="columns"), form="facts"),
        sum_people(thing, people, say),
        Part("near", say("Border crossings, ports and zones nearby"),
             (say("The five nearest of each kind, with the kilometre of the line that is "
                  "closest to them."),),
             near.drop(columns=["source", "away"]),
             view=near[["kind", "name", "status", "away", "at_km", "side"]]),
        _figures(thing, say),
        Part("km_posts", say("Km posts"), (), _posts(thing, zones), form="fold"),
    ]  # fmt: skip
    kind, status = say.phrase(thing.kind), say(thing.status.replace("_", " "))
    return Report(
        title=say.name(thing.title),
        subtitle=say("{kind}, {status}; in the data: {id}", kind=kind, status=status,
                     id=thing.name),
        parts=tuple(parts),
        sources=_sources(thing, near["source"]),
        caveats=list_caveats(thing, say),
        lead=_lead(thing, tell_people(people, say.name(thing.title), say), say),
        lang=say.lang,
    )  # fmt: skip


def _lead(thing: Corridor, people: str, say: Words) -> str:
    """Write the length, the share in operation and the people nearby, in a sentence each."""
    drawn, published = f"{thing.length_km:,.0f}", f"{thing.official_km:,.0f}"
    if math.isnan(thing.official_km):
        long = say(
            "{title} is {drawn} km long as drawn; no length of the whole is published.",
            title=say.name(thing.title), drawn=drawn,
        )  # fmt: skip
    else:
        long = say(
            "{title} is {published} km long by the published figure ({drawn} km as drawn).",
            title=say.name(thing.title), published=published, drawn=drawn,
        )  # fmt: skip
    status = sum_by_status(thing)
    # Shares of the length in the first sentence: the drawn one where none is published.
    basis = "drawn_km" if math.isnan(thing.official_km) else "chainage_km"
    share = float(status.loc[status["status"] == "operating", basis].sum() / status[basis].sum())
    if round(share, 3) in {0.0, 1.0}:
        works = say("All of it operates.") if share > 0.5 else say("None of it operates.")
    else:
        works = say("{share} of it operates.", share=f"{share:.0%}")
        if (open_km := _sum_open(thing)) >= 1:
            works = say("{share} of it operates; {km} km more are open while they are rebuilt.",
                        share=f"{share:.0%}", km=f"{open_km:,.0f}")  # fmt: skip
    return say.join([long, works, people])


def _sum_open(thing: Corridor) -> float:
    """Sum the km under construction that are open to traffic."""
    rows = thing.sections
    rows = rows[rows["is_open"].eq(True) & (rows["status"] == "under_construction")]
    return float((rows["km_to"] - rows["km_from"]).sum())


def glance(thing: Corridor) -> dict[str, Any]:
    """Return the main figures in one row."""
    return {
        "id": thing.name,
        "kind": thing.kind,
        "status": thing.status,
        "drawn_km": round(thing.length_km, 3),
        "official_km": thing.official_km,
        "published_as": thing.official_note or None,
        "chainage_km": round(thing.end_km, 3),
        "accuracy_km": thing.accuracy_km,
        "sections": len(thing.sections),
        "stops": len(thing.stops),
    }


def sum_by_status(thing: Corridor) -> pd.DataFrame:
    """Sum chainage and drawn km by status."""
    table = pd.DataFrame(thing.sections.drop(columns="geometry"))
    table["chainage_km"] = table["km_to"] - table["km_from"]
    sums = table.groupby("status", sort=False)[["chainage_km", "drawn_km"]].sum().reset_index()
    sums["share"] = sums["chainage_km"] / sums["chainage_km"].sum()
    return sums


def show_status(thing: Corridor, sums: pd.DataFrame) -> pd.DataFrame:
    """Tabulate shares by status, of the length in the first sentence."""
    if len(sums) > 1 and math.isnan(thing.official_km):
        share = sums["drawn_km"] / sums["drawn_km"].sum()
        return sums[["status", "drawn_km"]].assign(share=share)
    return (sums if len(sums) > 1 else sums.iloc[:0]).rename(columns={"chainage_km": "leg_km"})


def list_caveats(thing: Corridor, say: Words) -> tuple[str, ...]:
    """List what a reader must know before quoting a figure, the corridor's own remarks first."""
    sections = thing.sections
    good = say(
        "On its poorest leg the drawn line is good to {km} km (95 %); bends finer than the points "
        "that it goes through make it shorter than the way itself.",
        km=f"{thing.accuracy_km:g}",
    )
    unknown = math.isnan(thing.accuracy_km)
    caveats = [say("How accurate the drawn line is isn't stated anywhere.") if unknown else good]
    by_status = sum_by_status(thing).set_index("status")["chainage_km"]
    if by_status.get("under_construction", 0) > 0:
        caveats.append(
            say("{km} km are under construction: a new way, not there yet, or an open one being "
                "rebuilt.", km=f"{by_status['under_construction']:,.0f}")
        )  # fmt: skip
        rebuilt = sections[(sections["status"] == "under_construction") & sections["note"].notna()]
        caveats += [
            say("{name}: {told}", name=say.name(row["name"]), told=say.tell(row["note"]))
            for _, row in rebuilt.iterrows()
        ]
    if by_status.get("planned", 0) > 0:
        caveats.append(
            say("{km} km are planned: a new way, not there yet, or one to be built over an "
                "existing road.", km=f"{by_status['planned']:,.0f}")
        )  # fmt: skip
    sketch = sections.loc[sections["basis"] == "schematic", "name"]
    if len(sketch):
        caveats.append(
            say("Schematic, straight between named places: {names}.", names=say.list(sketch))
        )
    if math.isnan(thing.official_km):
        caveats.append(say("No length of the whole is published."))
    caveats += [
        say("{name}: {told}", name=say.name(row.name), told=say.tell(row.chainage_reason))
        for row in sections.itertuples(index=False)
        if isinstance(getattr(row, "chainage_reason", None), str)
    ]
    caveats.append(
        say("Elevations are of the ground under the drawn line; where the line is known too "
            "roughly for it to be the road's, climb and the highest place leave it out.")
    )  # fmt: skip
    caveats.append(
        say("Where another place's point stands for a site, its accuracy says how far off it is.")
    )
    return tuple(caveats)


def _sections(thing: Corridor) -> tuple[pd.DataFrame, bytes, str, str, pd.DataFrame]:
    """Return the table of sections, and its view for people."""
    columns = ["name", "status", "km_from", "km_to", "drawn_km", "official_km", "ratio"]
    table = pd.DataFrame(thing.sections[[*columns, "accuracy_km", "reason"]])
    return table, b"", "", "", table.dropna(axis="columns", how="all")


def _figures(thing: Corridor, say: Words) -> Part:
    """Tabulate the published figures, each with its meaning."""
    table, heading = thing.competing, say("Published figures, side by side")
    if table.empty:
        return Part("figures", heading, (say("No other figure was found."),))
    columns = [c for c in ("feature", "quantity", "value", "unit", "meaning") if c in table]
    rows = pd.DataFrame(table[[*columns, "source", "source_date"]])
    return Part("figures", heading, (), rows, view=show_figures(rows, say), form="fold")


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


def _districts(found: pd.DataFrame, say: Words) -> Part:
    """List the districts: every stretch for programs, each district once for people."""
    outside = found.attrs["outside_km"]
    text = []
    if outside >= 1:
        text.append(say("{km} km lie outside every district of the layer.", km=f"{outside:,.0f}"))
    doubt = found["uncertain_share"] @ found["length_km"] / found["length_km"].sum()
    text.append(
        say("The outlines of districts are off by {accuracy}: {share} of the length may belong "
            "to a neighbour. A district that the line leaves and enters again is one row.",
            accuracy=say.phrase(found.attrs["accuracy"]), share=f"{doubt:.0%}")
    )  # fmt: skip
    if doubtful := found.attrs["open"]:
        text.append(say("The line may pass by: {names}.", names=say.list(doubtful)))
    shown = ["name", "km_in", "km_in_off", "km_out", "km_out_off", "length_km", "share"]
    table = pd.DataFrame(found[[*shown, "uncertain_share", "certainty"]])
    unsure = table.assign(unsure=table["uncertain_share"] * table["length_km"])
    view = unsure.groupby("name", sort=False, dropna=False).agg(
        km_in=("km_in", "min"), km_out=("km_out", "max"), length_km=("length_km", "sum"),
        share=("share", "sum"), unsure=("unsure", "sum"),
    )  # fmt: skip
    view = view.assign(uncertain_share=view["unsure"] / view["length_km"]).drop(columns="unsure")
    return Part("districts", say("Districts crossed"), tuple(text), table, view=view.reset_index())


def measure_climb(thing: Corridor) -> dict[str, float]:
    """Measure lowest and highest point, climb and descent, where the ground is the line's."""
    ground = thing.profile(1.0)
    stated = ("highest_m", "highest_at_km", "climb_m", "descent_m", "climb_km", "ground_km")
    lowest = ground["elevation_m"].where(~ground["is_ground"]).min()
    return {"lowest_m": float(lowest), **{name: ground.attrs[name] for name in stated}}


def _tell_climb(thing: Corridor, ground: pd.DataFrame, say: Words) -> tuple[str, ...]:
    """Write for which part of a corridor climb is stated, if not for all of it."""
    part, whole = float(ground["climb_km"].iloc[0]), thing.chainage.end_km - thing.chainage.start_km
    if whole - part < 0.5:
        return ()
    values = {"part": f"{part:,.0f}", "whole": f"{whole:,.0f}"}
    if part < 0.5:
        return (say("Climb and descent aren't stated: nowhere is the ground under the line "
                    "known to be that of the way itself."),)  # fmt: skip
    return (say("Climb and descent are those of {part} of {whole} km; on the rest the ground "
                "under the line isn't that of the way itself, or isn't known.", **values),
    )  # fmt: skip


def _near(thing: Corridor, say: Words) -> pd.DataFrame:
    rows = []
    for name, kind in _SITES.items():
        sites = layer(name)
        sites = sites[sites.geometry.notna()]
        near = nearest(sites, thing).sort_values("distance_km").head(5)
        site = sites.loc[near.index]
        rows.append(
            pd.DataFrame(
                {
                    # The layer of ports has airports and dry ports as well.
                    "kind": site["kind"] if name == "ports" else kind,
                    "name": site["name"],
                    "status": site["status"],
                    "distance_km": near["distance_km"],
                    "at_km": near["km"].round(3) + 0.0,
                    "side": near["side"],
                    "basis": site["basis"],
                    "accuracy_km": site["accuracy_km"],
                    "source": site["source"],
                    "away": tell_away(near, site["accuracy_km"], say)["away"],
                }
            )
        )
    return pd.concat(rows, ignore_index=True)


def _strip(thing: Corridor, zones: pd.DataFrame, say: Words) -> list[Part]:
    heading = say("Along the line")
    every_km = max(1.0, thing.end_km / 400)
    try:
        try:
            svg = render_strip(thing, every_km, zones, say.lang)
        except MissingExtraError:
            # Without a font for the language, the figure is drawn in English.
            svg = render_strip(thing, every_km, zones, "en")
    except MissingExtraError as error:
        return [Part("strip", heading, (say("No chart: {error}", error=error),))]
    alt = say("Stops, districts and ground along {title}, by chainage", title=say.name(thing.title))
    return [Part("strip", heading, svg=svg, alt=alt)]


def _sources(thing: Corridor, sites: pd.Series) -> tuple[str, ...]:
    figures = thing.competing.get("source", [])
    found = [*thing.sources, *figures, *sites]
    grid = "NOAA GLOBE 30 arc-second grid (public domain)"
    return (*split_sources(found, "districts", "places"), grid)


def compare_corridors(corridors: list[Corridor], titles: list[str], say: Words) -> list[Part]:
    """Compare corridors: main figures, by status, by province, and their ground."""
    ids = [t.name for t in corridors]
    rows = pd.DataFrame([{"title": t.title, **glance(t)} for t in corridors])
    view = rows.drop(columns=["id", "published_as", "sections", "stops"])
    status = pd.concat(
        [sum_by_status(t).assign(id=t.name)[["id", "status", "chainage_km", "drawn_km", "share"]]
         for t in corridors], ignore_index=True,
    )  # fmt: skip
    provinces = pd.concat([_provinces(t) for t in corridors], ignore_index=True)
    climb = pd.DataFrame(
        [{"id": t.name, **measure_climb(t), "accuracy_km": t.accuracy_km} for t in corridors]
    )

    def across(table: pd.DataFrame, column: str, km: str) -> pd.DataFrame:
        """Pivot rows to one column of km per corridor; zeros stay empty."""
        wide = table.pivot_table(km, column, "id", aggfunc="sum", sort=False)
        wide = wide.reindex(columns=ids).where(lambda cell: cell >= 0.5).round()
        wide.columns = pd.Index([say("{title}, {unit}", title=t, unit=say("km")) for t in titles])
        wide = wide.dropna(how="all").reset_index()
        return wide.rename(columns={"name": "province"})

    ground = climb.drop(columns="id").dropna(axis="columns", how="all")
    ground.insert(0, "title", titles)
    return [
        Part("corridors", say("Corridors at a glance"), (), rows, view=view),
        Part("by_status", say("Kilometres by status"), (), status,
             view=across(status, "status", "chainage_km") if len(set(status["status"])) > 1
             else status.iloc[:0]),
        Part("provinces", say("Kilometres by province"), (), provinces,
             view=across(provinces, "name", "length_km")),
        Part("climb", say("The ground under the line"), (), climb, view=ground),
    ]  # fmt: skip


def _provinces(thing: Corridor) -> pd.DataFrame:
    found = crossed(thing, "provinces")
    found["name"] = found["name"].fillna("outside Pakistan")
    sums = found.groupby("name", sort=False)[["length_km", "share"]].sum().reset_index()
    sums.insert(0, "id", thing.name)
    return pd.DataFrame(sums)

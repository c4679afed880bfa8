"""`report`: on one thing, or on several side by side."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import shapely

from cpecgeo.analysis.overlay import crossed
from cpecgeo.analysis.proximity import best_known
from cpecgeo.catalogue import data_version, layer
from cpecgeo.errors import InputError
from cpecgeo.features.corridor import Corridor
from cpecgeo.features.places import Place
from cpecgeo.features.resolve import resolve
from cpecgeo.features.subject import Subject, SubjectLike
from cpecgeo.geodesy import area_km2, length_km
from cpecgeo.maps.colors import VALUES
from cpecgeo.maps.words import Words, find_words
from cpecgeo.reports.comparison import describe_shape, merge_shapes, report_several
from cpecgeo.reports.corridors import list_corridors, report_corridor
from cpecgeo.reports.document import Report, draw_map
from cpecgeo.reports.render import Part
from cpecgeo.reports.sites import (
    list_figures,
    report_market,
    report_place,
    split_sources,
    sum_people,
    tell_note,
    tell_people,
    tell_rough,
)
from cpecgeo.routing import Reach, Route
from cpecgeo.routing.border import Market

__all__ = ["report"]

_DIMENSIONS = {0: "points", 1: "line", 2: "area"}


def report(x: SubjectLike, *others: SubjectLike, draw: bool = True, lang: str = "en") -> Report:
    """Report on a corridor, a border market, a site or anything with a shape, or on several.

    Parameters
    ----------
    x : name, path, thing, geometry, GeoSeries, GeoDataFrame, or a list of them
        A name is that of a corridor, section, place, layer, district or province. A table is
        one thing: all its rows together.
    *others
        Further ones, to compare with.
    draw : bool
        Whether to put in the map and charts; charts need matplotlib (extra ``plot``) and
        are left out without it.
    lang : str
        ``"en"``, ``"ur"`` or ``"zh"``: of headings, sentences, names of places and the data's own
        notes. What sources say stays in their own words, as do clauses that nobody has said.

    Returns
    -------
    Report
        `.to_html(path)`, `.to_pdf(path)`, `.to_markdown(path)`, `.to_dict()`, `.save(path)`;
        shows itself in a notebook.

    Raises
    ------
    UnknownNameError
        A name that nothing has, or another language; the message has near ones.
    InputTypeError, InputError
        Something that can't be reported on.

    Examples
    --------
    >>> r = report("taxila-havelian", draw=False)
    >>> [part.key for part in r.parts][:3]
    ['glance', 'by_status', 'sections']
    >>> r.lead
    'Taxila–Havelian branch is 55 km long by the published figure (53 km as drawn). ...'
    """
    say = find_words(lang)
    asked = [*x, *others] if isinstance(x, (list, tuple)) else [x, *others]
    if not asked:
        raise InputError("The list is empty; name a corridor or a place to report on.")
    subjects = [_resolve(one) for one in asked]
    if len(subjects) > 1:
        return report_several(subjects, say, draw=draw)
    thing = subjects[0].things[0]
    if isinstance(thing, Corridor):
        return report_corridor(thing, say, draw=draw)
    if isinstance(thing, Market) or (isinstance(thing, Place) and thing.layer == "crossings"):
        return report_market(thing, say, draw=draw)
    if isinstance(thing, Place):
        return report_place(thing, say, draw=draw)
    return _report_shape(subjects[0], thing, say, draw=draw)


def _resolve(x: SubjectLike) -> Subject:
    """Resolve what is reported on; `things` holds the one thing that it is."""
    found = resolve(x)
    return found if found.is_single and found.things else replace(found, things=(found,))


def _report_shape(subject: Subject, thing: object, say: Words, *, draw: bool) -> Report:
    """Report on anything that has a shape and is no corridor, place or market."""
    shape = merge_shapes(subject)
    dimension = shapely.get_dimensions(shape)
    rows = pd.DataFrame([describe_shape(subject, thing)])
    title = say.name(subject.title)
    parts = [
        *(draw_map(title, {title: thing}, say) if draw else ()),
        Part("glance", say("At a glance"), (), rows, view=rows.drop(columns="id", errors="ignore"),
             form="facts"),
    ]  # fmt: skip
    if isinstance(thing, Route):
        legs = pd.DataFrame(thing.legs.drop(columns="geometry"))
        shown = ["turn", "name", "mode", "from", "to", "km", "hours", "status", "country"]
        view = legs[shown].rename(columns={"km": "leg_km"})
        parts.append(Part("legs", say("Legs"), (), legs[shown], view=view))
    if dimension == 1 and isinstance(shape, (shapely.LineString, shapely.MultiLineString)):
        found = crossed(shape, "districts")
        table = pd.DataFrame(found[["name", "km_in", "km_out", "length_km", "share", "certainty"]])
        passed = ", ".join(map(say.name, found.attrs["open"]))
        text = (say("The line may pass by: {names}.", names=passed),) if passed else ()
        view = table.drop(columns="certainty")
        parts.append(Part("districts", say("Districts crossed"), text, table, view=view))
    stated = subject.accuracy_km
    own_km = float("nan") if stated is None else float(np.fmax.reduce(stated))
    beside = list_corridors(shape, own_km, say)
    parts.append(beside)
    if dimension == 2:
        parts.append(_towns(shape, say))
    frame = subject.frame
    if frame is not None and len(frame) == 1 and "id" in frame.columns:
        parts += list_figures(frame["id"].iloc[0], say)
    parts.append(sum_people(shape, say))
    what = VALUES.get(subject.kind, subject.kind)
    return Report(
        title=title,
        subtitle=f"{say(what)}, {say(_DIMENSIONS[dimension])}",
        parts=tuple(parts),
        sources=_sources(subject, thing),
        caveats=_list_caveats(subject, thing, say),
        data_version=data_version(),
        lead=_lead_shape(shape, title, thing, beside, say),
        lang=say.lang,
    )


def _lead_shape(
    shape: shapely.Geometry, title: str, thing: object, beside: Part, say: Words
) -> str:
    """Say how long or large it is, which corridor is close, and who lives near."""
    said = []
    if isinstance(thing, Route):
        said.append(
            say("{title} is {km} km and {hours} hours of driving, at the assumed speeds.",
                title=title, km=f"{thing.chainage_km:,.0f}", hours=f"{thing.hours:,.1f}")
        )  # fmt: skip
    elif shapely.get_dimensions(shape) == 1:
        said.append(
            say("{title} is {km} km long as drawn.", title=title, km=f"{length_km(shape):,.0f}")
        )
    elif shapely.get_dimensions(shape) == 2:
        said.append(
            say("{title} has {area} km².", title=title, area=f"{float(area_km2(shape)):,.0f}")
        )
    if (near := beside.shown) is not None and beside.table is not None:
        best = best_known(beside.table["high_km"])
        first = near.iloc[best]
        said.append(
            say("{title} touches it.", title=say.name(first["title"]))
            if first["away"] == say("{km} km", km=0)
            else say("{title} is the nearest corridor, {away} away.",
                     title=say.name(first["title"]), away=first["away"])
        )  # fmt: skip
        said += [tell_rough(near["title"].iloc[0], near["away"].iloc[0], say)] if best else []
    said.append(tell_people(shape, say))
    return say.join(said)


def _towns(shape: shapely.Geometry, say: Words) -> Part:
    places = layer("places")
    inside = places[places.geometry.notna()]
    inside = inside[inside.geometry.intersects(shape)].sort_values("population", ascending=False)
    text = say("{count} towns of the gazetteer lie in it; the largest, up to fifteen, follow.",
               count=len(inside))  # fmt: skip
    rows = pd.DataFrame(inside[["name", "population"]].head(15))
    return Part("towns", say("Towns in it"), (text,), rows if len(rows) else None)


def _sources(subject: Subject, thing: object) -> tuple[str, ...]:
    frames = [subject.frame, thing.legs if isinstance(thing, Route) else None]
    given = [s for f in frames if f is not None and "source" in f.columns for s in f["source"]]
    given += [s for name in ("districts", "places") for s in layer(name).attrs["sources"]]
    return split_sources(given)


def _list_caveats(subject: Subject, thing: object, say: Words) -> tuple[str, ...]:
    frame = subject.frame
    caveats: list[str] = []
    if frame is not None and "accuracy_km" in frame.columns and frame["accuracy_km"].notna().any():
        worst = float(frame["accuracy_km"].max())
        caveats.append(
            say("The outline or position is good to {km} km where it is worst.", km=f"{worst:g}")
        )
    if frame is not None and len(frame) == 1 and "note" in frame.columns:
        note = frame["note"].iloc[0]
        own = subject.kind not in {"section", "district", "province"}
        caveats += [] if not isinstance(note, str) else [note] if own else tell_note(note, say)
    if isinstance(thing, (Route, Reach)):
        caveats.append(
            say("Kilometres are calibrated: official ones where they are known. The length of the "
                "drawn line is geodesic, and shorter where bends are finer than its points.")
        )  # fmt: skip
        caveats.append(
            say("Hours of driving rest on assumed speeds; waiting at borders isn't in them.")
        )
    return tuple(caveats)

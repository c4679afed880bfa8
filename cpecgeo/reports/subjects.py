"""`report` on one thing, or on several side by side; reports on areas and other shapes."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from cpecgeo.analysis.accuracy import Bounds
from cpecgeo.analysis.measure import distance_matrix_km, span_text
from cpecgeo.analysis.overlay import crossed
from cpecgeo.errors import InputError
from cpecgeo.features.corridor import Corridor
from cpecgeo.features.places import Place
from cpecgeo.features.resolve import resolve
from cpecgeo.features.subject import Subject, SubjectLike
from cpecgeo.geodesy import area_km2, length_km
from cpecgeo.maps.words import Words, find_words
from cpecgeo.reports import nearby
from cpecgeo.reports.corridors import compare_corridors, list_caveats, report_corridor
from cpecgeo.reports.document import Report, describe_shape, draw_map, merge_shapes
from cpecgeo.reports.nearby import LEAD_KM, MEETS_KM, People, measure_people
from cpecgeo.reports.render import Part
from cpecgeo.reports.sites import (
    describe_site,
    list_figures,
    report_market,
    report_place,
    split_sources,
    tell_away,
    tell_note,
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
        Further things to compare.
    draw : bool
        Whether to include the map and charts; charts need matplotlib (extra ``plot``) and are left
        out without it.
    lang : str
        Language of headings, sentences, place names and the data's notes: ``"en"``, ``"ur"`` or
        ``"zh"``. Quotations of sources, and clauses without a translation, stay as they are.

    Returns
    -------
    Report
        It has `.to_html(path)`, `.to_pdf(path)`, `.to_markdown(path)`, `.to_dict()` and
        `.save(path)`, and is displayed in a notebook.

    Raises
    ------
    UnknownNameError
        An unknown name or language; the message lists similar ones.
    InputTypeError, InputError
        `x` is of a type without a report.

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
    """Resolve the subject of a report; a single thing is in its `things`."""
    found = resolve(x, anywhere=True)
    return found if found.is_single and found.things else replace(found, things=(found,))


def _report_shape(subject: Subject, thing: object, say: Words, *, draw: bool) -> Report:
    """Report on a shape that isn't a corridor, place or market."""
    shape = merge_shapes(subject)
    dimension = shapely.get_dimensions(shape)
    rows = pd.DataFrame([describe_shape(subject, thing)])
    title = say.name(subject.title)
    through = nearby.clip_corridors(shape) if dimension == 2 else gpd.GeoDataFrame()
    drawn = {title: thing}
    if len(through):
        drawn |= {say("Corridors"): through.rename(columns={"title": "name"})}
    parts = [
        *(draw_map(title, drawn, say) if draw else ()),
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
    beside = (
        nearby.list_inside(through, say)
        if len(through)
        else nearby.list_corridors(shape, own_km, say)
    )
    parts += [beside, *(nearby.list_points(subject, say) if dimension == 0 else ())]
    people = measure_people(shape)
    if dimension == 2:
        towns = nearby.find_towns(shape)
        parts.append(nearby.list_towns(towns, say))
        near = nearby.lead_area(through, title, towns, say)
    else:
        several = dimension == 0 and shapely.get_num_geometries(shape) > 1
        near = nearby.tell_people(people, say("these points") if several else title, say)
    frame = subject.frame
    if frame is not None and len(frame) == 1 and "id" in frame.columns:
        parts += list_figures(frame["id"].iloc[0], say)
    parts.append(nearby.sum_people(shape, people, say))
    lead = [*_lead_size(shape, title, thing, say)]
    lead += nearby.lead_corridor(beside, shape, say) if through.empty else []
    return Report(
        title=title,
        subtitle=f"{say.phrase(subject.kind)}, {say(_DIMENSIONS[dimension])}",
        parts=tuple(parts),
        sources=_sources(subject, thing),
        caveats=_list_caveats(subject, thing, say),
        lead=say.join([*lead, near]),
        lang=say.lang,
    )


def _lead_size(shape: shapely.Geometry, title: str, thing: object, say: Words) -> list[str]:
    """Write the length of a line, or the area of a polygon, in a sentence."""
    if isinstance(thing, Route):
        return [
            say("{title} is {km} km and {hours} hours of driving, at the assumed speeds.",
                title=title, km=f"{thing.chainage_km:,.0f}", hours=f"{thing.hours:,.1f}")
        ]  # fmt: skip
    if shapely.get_dimensions(shape) == 1:
        km = f"{length_km(shape):,.0f}"
        return [say("{title} is {km} km long as drawn.", title=title, km=km)]
    if shapely.get_dimensions(shape) == 2:
        return [say("{title} has {area} km².", title=title, area=f"{area_km2(shape):,.0f}")]
    return []


def _sources(subject: Subject, thing: object) -> tuple[str, ...]:
    frames = [subject.frame, thing.legs if isinstance(thing, Route) else None]
    given = [s for f in frames if f is not None and "source" in f.columns for s in f["source"]]
    return split_sources(given, "districts", "places")


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


def report_several(subjects: list[Subject], say: Words, *, draw: bool) -> Report:
    """Report on several corridors, places, shapes, or all of these."""
    things = [s.things[0] for s in subjects]
    corridors = [t for t in things if isinstance(t, Corridor)]
    sites = [t for t in things if isinstance(t, (Place, Market))]
    shapes = [s for s in subjects if not isinstance(s.things[0], (Corridor, Place, Market))]
    titles = _titles(subjects, say)
    apart, away = _apart(subjects, say)
    title, drawn = " \u00b7 ".join(titles), dict(zip(titles, things, strict=True))
    parts = draw_map(title, drawn, say) if draw else []
    if corridors:
        short = [t for t, s in zip(titles, things, strict=True) if isinstance(s, Corridor)]
        parts += compare_corridors(corridors, short, say)
    if sites:
        rows = pd.DataFrame(map(describe_site, sites))
        line = rows.assign(accuracy_km=rows["corridor_accuracy_km"])
        view = tell_away(line, rows["accuracy_km"], say)
        view = view.drop(columns=["id", "lon", "lat", "basis", "corridor_accuracy_km"])
        parts.append(Part("sites", say("Places at a glance"), (), rows, view=view))
    if shapes:
        rows = pd.DataFrame([{"title": s.title, **describe_shape(s, s.things[0])} for s in shapes])
        where = ["lon", "lat", "west", "south", "east", "north"]
        view = rows.drop(columns=["id", *where], errors="ignore")
        parts.append(Part("shapes", say("At a glance"), (), rows, view=view))
    people = nearby.compare_people([_key(s) for s in subjects], list(map(merge_shapes, subjects)))
    near = [measure_people(*_around(s))[LEAD_KM] for s in subjects]
    view = people.drop(columns=["id", "towns_without_figure"])
    view.insert(0, "title", titles)
    if any(n.names for n in near):
        view["within_10_km_range"] = [n.tell(say) if n.names else "" for n in near]
    note = say("Towns of a gazetteer, at a point each: townspeople, not everyone.")
    parts.append(Part("people", say("People nearby"), (note,), people, view=view))
    shown = pd.DataFrame(away, columns=titles)
    shown.insert(0, "title", titles)
    # No table where one sentence, here or among the first, has it all.
    meet = not (np.nan_to_num(apart.drop(columns="id").to_numpy(float)) >= MEETS_KM).any()
    told = (say("All of them meet."),) if meet else ()
    if not meet and len(subjects) > 2:
        told = (say("0 km where they meet."),)
    parts.append(Part("apart", say("Closest distance between them"), told, apart,
                      view=shown.iloc[:0] if meet or len(subjects) == 2 else shown))  # fmt: skip
    caveats = [
        say("{name}: {told}", name=say.name(t.title), told=text)
        for t in corridors
        for text in [*filter(None, [say.tell(t.official_note or "")]), *list_caveats(t, say)[:-2]]
    ]
    caveats += [
        say("{name}: position good to {km} km; {basis}.", name=say.name(t.name),
            km=f"{t.accuracy_km:g}", basis=say.phrase(t.basis))
        for t in sites
    ]  # fmt: skip
    sources = [s for t in corridors for s in t.sources] + [t.source for t in sites]
    return Report(
        title=title,
        subtitle=say("{count} side by side", count=len(subjects)),
        parts=tuple(parts),
        sources=split_sources(sources, "provinces", "places"),
        caveats=tuple(caveats),
        lead=_lead_several(subjects, titles, near, apart, away, say),
        lang=say.lang,
    )


def _titles(subjects: list[Subject], say: Words) -> list[str]:
    """Return short distinct titles for people; equal ones get a number."""
    titles = [str(s.title) for s in subjects]
    short = [title.split(", ")[0] for title in titles]
    chosen = [s if short.count(s) == 1 else t for s, t in zip(short, titles, strict=True)]
    told: list[str] = []
    for turn, title in enumerate(map(say.name, chosen), 1):
        told.append(f"{title} ({turn})" if title in told else title)
    return told


def _lead_several(
    subjects: list[Subject],
    titles: list[str],
    near: list[People],
    apart: pd.DataFrame,
    away: list[list[str]],
    say: Words,
) -> str:
    """Write the length of each corridor, or the people near each thing, and which are far apart."""
    said = []
    for subject, title, n in zip(subjects, titles, near, strict=True):
        thing = subject.things[0]
        people = n.tell(say)
        if isinstance(thing, Corridor):
            values = {"title": title, "people": people, "near": LEAD_KM}
            values |= {"drawn": f"{thing.length_km:,.0f}"}
            if np.isnan(thing.official_km):
                said.append(
                    say("{title}: {drawn} km as drawn (no length of the whole is published), "
                        "towns of {people} people within {near} km.", **values)
                )  # fmt: skip
                continue
            said.append(
                say("{title}: {published} km by the published figure ({drawn} km as drawn), "
                    "towns of {people} people within {near} km.",
                    published=f"{thing.official_km:,.0f}", **values)
            )  # fmt: skip
        else:
            said.append(
                say("{title}: towns of {people} people within {near} km.", title=title,
                    people=people, near=LEAD_KM)
            )  # fmt: skip
    table = np.nan_to_num(apart.drop(columns="id").to_numpy(float))
    one, other = np.unravel_index(int(table.argmax()), table.shape)
    far = away[one][other]
    if table.max() < MEETS_KM:
        return say.join(said)  # the part on distances says that they meet
    if len(subjects) == 2:
        said.append(say("At their closest points they are {away} apart.", away=far))
    else:
        said.append(
            say("At their closest points the two furthest apart are {away} from each other.",
                away=far)
        )  # fmt: skip
    return say.join(said)


def _around(subject: Subject) -> tuple[SubjectLike, str]:
    """Return around what the first sentences count people, and its id where it is a town."""
    thing = subject.things[0]
    own = thing.id if isinstance(thing, Place) and thing.layer == "places" else ""
    return thing if isinstance(thing, Corridor) else merge_shapes(subject), own


def _key(subject: Subject) -> str:
    thing = subject.things[0]
    if isinstance(thing, Corridor):
        return thing.name
    return str(thing.id) if isinstance(thing, (Place, Market)) else subject.title


def _apart(subjects: list[Subject], say: Words) -> tuple[pd.DataFrame, list[list[str]]]:
    """Measure the distances between the subjects, stated no finer than both are known."""
    keys = [_key(s) for s in subjects]
    series = gpd.GeoSeries([merge_shapes(s) for s in subjects], index=keys, crs=4326)
    km = distance_matrix_km(series, series).to_numpy()
    table = pd.DataFrame(km, columns=keys)
    table.insert(0, "id", keys, allow_duplicates=True)
    bounds, away = [Bounds.of(s) for s in subjects], [[""] * len(keys) for _ in keys]
    for i, j in combinations(range(len(keys)), 2):
        meet = km[i, j] < MEETS_KM
        said = say("{km} km", km=0) if meet else _say_apart(km[i, j], bounds[i], bounds[j], say)
        away[i][j] = away[j][i] = said
    return table, away


def _say_apart(km: float, one: Bounds, other: Bounds, say: Words) -> str:
    """Write how far two things are apart, for each stretch of equal accuracy."""
    if not (one.is_known or other.is_known):
        return span_text(km, np.nan, np.nan, say=say)
    between = distance_matrix_km(one.shapes, other.shapes).to_numpy()
    reach = np.hypot(*np.meshgrid(*(np.nan_to_num(b.accuracy_km) for b in (one, other))))
    low, high = np.nanmin(between - reach.T), np.nanmin(between + reach.T)
    return span_text(km, max(float(low), 0.0), float(high), say=say)

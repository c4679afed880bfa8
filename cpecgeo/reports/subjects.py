"""`report`: on one thing, or on several side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import geopandas as gpd
import pandas as pd

from cpecgeo.analysis.exposure import exposure
from cpecgeo.analysis.measure import distance_matrix_km
from cpecgeo.analysis.overlay import crossed
from cpecgeo.catalogue import data_version, layer
from cpecgeo.domains.border import Market, nearest_corridors
from cpecgeo.errors import InputError
from cpecgeo.features.corridor import Corridor
from cpecgeo.features.places import Place
from cpecgeo.features.resolve import resolve
from cpecgeo.features.subject import Subject, SubjectLike
from cpecgeo.maps import Map
from cpecgeo.reports.corridors import (
    glance,
    list_caveats,
    measure_climb,
    report_corridor,
    sum_by_status,
)
from cpecgeo.reports.document import Report
from cpecgeo.reports.render import Part
from cpecgeo.reports.shapes import describe_shape, merge_shapes, report_shape
from cpecgeo.reports.sites import report_market, report_place

__all__ = ["report"]

_RADII_KM = (5, 10, 25, 50)


def report(x: SubjectLike, *others: SubjectLike, draw: bool = True) -> Report:
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

    Returns
    -------
    Report
        `.to_html(path)`, `.to_markdown(path)`, `.to_dict()`, `.save(path)`; shows itself in
        a notebook.

    Raises
    ------
    UnknownNameError
        A name that nothing has; the message has near ones.
    InputTypeError, InputError
        Something that can't be reported on.

    Examples
    --------
    >>> r = report("taxila-havelian", draw=False)
    >>> [part.key for part in r.parts][:3]
    ['glance', 'sections', 'by_status']
    """
    asked = [*x, *others] if isinstance(x, (list, tuple)) else [x, *others]
    if not asked:
        raise InputError("The list is empty; name a corridor or a place to report on.")
    subjects = [_resolve(one) for one in asked]
    if len(subjects) > 1:
        return _report_several(subjects, draw=draw)
    thing = subjects[0].things[0]
    if isinstance(thing, Corridor):
        return report_corridor(thing, draw=draw)
    if isinstance(thing, Market) or (isinstance(thing, Place) and thing.layer == "crossings"):
        return report_market(thing, draw=draw)
    if isinstance(thing, Place):
        return report_place(thing, draw=draw)
    return report_shape(subjects[0], thing, draw=draw)


def _resolve(x: SubjectLike) -> Subject:
    """Resolve what is reported on; `things` holds the one thing that it is."""
    found = resolve(x)
    return found if found.is_single and found.things else replace(found, things=(found,))


def _report_several(subjects: list[Subject], *, draw: bool) -> Report:
    """Report on several corridors, places, shapes, or all of these."""
    things = [s.things[0] for s in subjects]
    corridors = [t for t in things if isinstance(t, Corridor)]
    sites = [t for t in things if isinstance(t, (Place, Market))]
    shapes = [s for s in subjects if not isinstance(s.things[0], (Corridor, Place, Market))]
    parts: list[Part] = []
    if corridors:
        rows = [{"title": t.title, **glance(t)} for t in corridors]
        parts.append(Part("corridors", "Corridors at a glance", table=pd.DataFrame(rows)))
        status = [sum_by_status(t).assign(id=t.name).set_index("id") for t in corridors]
        together = pd.concat([s.reset_index() for s in status], ignore_index=True)
        parts.append(Part("by_status", "Kilometres by status", table=together))
        parts.append(Part("provinces", "Share of provinces", table=_provinces(corridors)))
        parts.append(Part("climb", "The ground under the line", table=_climb(corridors)))
    if sites:
        parts.append(Part("sites", "Places at a glance", table=pd.DataFrame(map(_site, sites))))
    if shapes:
        rows = [{"title": s.title, **describe_shape(s, s.things[0])} for s in shapes]
        parts.append(Part("shapes", "At a glance", table=pd.DataFrame(rows)))
    if draw:
        parts.insert(0, _map(subjects))
    parts.append(Part("people", "People nearby", _PEOPLE, _people(subjects)))
    parts.append(Part("apart", "Shortest distance between them, km", table=_apart(subjects)))
    caveats = [f"{t.title}: {text}" for t in corridors for text in list_caveats(t)[:-2]]
    caveats += [
        f"{t.name}: position good to {t.accuracy_km:g} km; basis: {t.basis}." for t in sites
    ]
    sources = [s for t in corridors for s in t.sources] + [t.source for t in sites]
    sources += [s for name in ("provinces", "places") for s in layer(name).attrs["sources"]]
    return Report(
        title=" \u00b7 ".join(s.title for s in subjects),
        subtitle=f"{len(subjects)} side by side",
        parts=tuple(parts),
        sources=tuple(dict.fromkeys(map(str, sources))),
        caveats=tuple(caveats),
        data_version=data_version(),
    )


_PEOPLE = ("Towns of a gazetteer, at a point each: townspeople, not everyone. Summed outward.",)


def _key(subject: Subject) -> str:
    thing = subject.things[0]
    if isinstance(thing, Corridor):
        return thing.name
    return str(thing.id) if isinstance(thing, (Place, Market)) else subject.title


def _provinces(corridors: list[Corridor]) -> pd.DataFrame:
    rows = []
    for thing in corridors:
        found = crossed(thing, "provinces")
        found["name"] = found["name"].fillna("outside all")
        sums = found.groupby("name", sort=False)[["length_km", "share"]].sum().reset_index()
        sums.insert(0, "id", thing.name)
        rows.append(pd.DataFrame(sums))
    return pd.concat(rows, ignore_index=True)


def _climb(corridors: list[Corridor]) -> pd.DataFrame:
    rows = [{"id": t.name, **measure_climb(t), "accuracy_km": t.accuracy_km} for t in corridors]
    return pd.DataFrame(rows)


def _site(thing: Any) -> dict[str, Any]:
    close = nearest_corridors(thing.point, 1).iloc[0]
    return {
        "id": thing.id,
        "name": thing.name,
        "status": thing.status,
        "lon": thing.point.x,
        "lat": thing.point.y,
        "accuracy_km": thing.accuracy_km,
        "basis": thing.basis,
        "nearest_corridor": close["target"],
        "distance_km": close["distance_km"],
        "at_km": close["km"],
    }


def _people(subjects: list[Subject]) -> pd.DataFrame:
    rows = []
    for subject in subjects:
        found = exposure(merge_shapes(subject), _RADII_KM)
        within = found["population_within"].tolist()
        rows.append(
            {
                "id": _key(subject),
                **{f"within_{r}_km": n for r, n in zip(_RADII_KM, within, strict=True)},
                "towns": int(found["features"].sum()),
                "towns_without_figure": int(found["missing"].sum()),
            }
        )
    return pd.DataFrame(rows)


def _apart(subjects: list[Subject]) -> pd.DataFrame:
    keys = [_key(s) for s in subjects]
    series = gpd.GeoSeries([merge_shapes(s) for s in subjects], index=keys, crs=4326)
    table = pd.DataFrame(distance_matrix_km(series, series).to_numpy(), columns=keys)
    table.insert(0, "id", keys, allow_duplicates=True)
    return table


def _map(subjects: list[Subject]) -> Part:
    drawn = Map(title="Compared")
    for subject in subjects:
        drawn.add(subject.things[0], name=subject.title)
    return Part("map", "Where they run", page=drawn.html(), alt="Map of what is compared")

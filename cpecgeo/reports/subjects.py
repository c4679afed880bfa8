"""`report`: on one thing, or on several side by side."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import pandas as pd

from cpecgeo.analysis.exposure import exposure
from cpecgeo.analysis.measure import distance_matrix_km
from cpecgeo.analysis.overlay import crossed
from cpecgeo.catalogue import data_version, layer
from cpecgeo.domains.border import Market, nearest_corridors
from cpecgeo.errors import InputError, InputTypeError, UnknownNameError
from cpecgeo.features.corridor import Corridor
from cpecgeo.features.corridors import corridor
from cpecgeo.features.places import Place, place
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
from cpecgeo.reports.sites import report_market, report_place

__all__ = ["report"]

_RADII_KM = (5, 10, 25, 50)


def report(x: Any, *others: Any, draw: bool = True) -> Report:
    """A report on a corridor, a border market, a site, or several side by side.

    Parameters
    ----------
    x : Corridor, Place, Market, str, or a list of them
        Names are those of corridors, then of crossings and other places.
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
    things = [_thing(item) for item in asked]
    if len(things) > 1:
        return report_several(things, draw=draw)
    thing = things[0]
    if isinstance(thing, Corridor):
        return report_corridor(thing, draw=draw)
    if isinstance(thing, Market) or thing.layer == "crossings":
        return report_market(thing, draw=draw)
    return report_place(thing, draw=draw)


def _thing(x: Any) -> Any:
    if isinstance(x, (Corridor, Place, Market)):
        return x
    if not isinstance(x, str):
        raise InputTypeError(
            f"A report was asked for on {type(x).__name__}; give a name, a Corridor, a Place "
            "or a Market."
        )
    try:
        return corridor(x)
    except UnknownNameError as error:
        try:
            return place(x)
        except UnknownNameError as other:
            near = [*error.near, *other.near]
            where = "See cpecgeo.corridors() and cpecgeo.catalog()."
            raise UnknownNameError(x, "corridor or place", near, where) from other


def report_several(things: list[Any], *, draw: bool) -> Report:
    """The report on several corridors, places, or both."""
    corridors = [t for t in things if isinstance(t, Corridor)]
    sites = [t for t in things if not isinstance(t, Corridor)]
    parts: list[Part] = []
    if corridors:
        rows = [{"title": t.title, **glance(t)} for t in corridors]
        parts.append(Part("corridors", "Corridors at a glance", table=pd.DataFrame(rows)))
        status = [
            sum_by_status(t).assign(id=t.name).set_index("id").reset_index() for t in corridors
        ]
        parts.append(
            Part(
                "by_status",
                "Kilometres by status",
                table=pd.concat(status, ignore_index=True),
            )
        )
        parts.append(Part("provinces", "Share of provinces", table=_provinces(corridors)))
        parts.append(Part("climb", "The ground under the line", table=_climb(corridors)))
    if sites:
        parts.append(Part("sites", "Places at a glance", table=pd.DataFrame(map(_site, sites))))
    if draw:
        parts.insert(0, _map(things))
    parts.append(Part("people", "People nearby", _PEOPLE, _people(things)))
    parts.append(Part("apart", "Shortest distance between them, km", table=_apart(things)))
    caveats = [f"{t.title}: {text}" for t in corridors for text in list_caveats(t)[:-2]]
    caveats += [
        f"{t.name}: position good to {t.accuracy_km:g} km; basis: {t.basis}." for t in sites
    ]
    sources = [s for t in corridors for s in t.sources] + [t.source for t in sites]
    sources += [s for name in ("provinces", "places") for s in layer(name).attrs["sources"]]
    return Report(
        title=" · ".join(_name(t) for t in things),
        subtitle=f"{len(things)} side by side",
        parts=tuple(parts),
        sources=tuple(dict.fromkeys(map(str, sources))),
        caveats=tuple(caveats),
        data_version=data_version(),
    )


_PEOPLE = ("Towns of a gazetteer, at a point each: townspeople, not everyone. Summed outward.",)


def _name(thing: Any) -> str:
    return str(thing.title if isinstance(thing, Corridor) else thing.name)


def _key(thing: Any) -> str:
    return str(thing.name if isinstance(thing, Corridor) else thing.id)


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


def _people(things: list[Any]) -> pd.DataFrame:
    rows = []
    for thing in things:
        found = exposure(thing if isinstance(thing, Corridor) else thing.point, _RADII_KM)
        within = found["population_within"].tolist()
        rows.append(
            {
                "id": _key(thing),
                **{f"within_{r}_km": n for r, n in zip(_RADII_KM, within, strict=True)},
                "towns": int(found["features"].sum()),
                "towns_without_figure": int(found["missing"].sum()),
            }
        )
    return pd.DataFrame(rows)


def _apart(things: list[Any]) -> pd.DataFrame:
    shapes = [t.line if isinstance(t, Corridor) else t.point for t in things]
    keys = [_key(t) for t in things]
    series = gpd.GeoSeries(shapes, index=keys, crs=4326)
    table = distance_matrix_km(series, series)
    return (
        pd.DataFrame(table.to_numpy(), columns=keys).assign(id=keys).set_index("id").reset_index()
    )


def _map(things: list[Any]) -> Part:
    drawn = Map(title="Compared")
    for thing in things:
        drawn.add(thing if isinstance(thing, Corridor) else thing.point, name=_name(thing))
    return Part("map", "Where they run", page=drawn.html(), alt="Map of what is compared")

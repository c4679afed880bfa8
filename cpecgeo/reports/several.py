"""The parts of a report on several things side by side."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import pandas as pd

from cpecgeo.analysis.exposure import exposure
from cpecgeo.analysis.measure import distance_matrix_km
from cpecgeo.analysis.overlay import crossed
from cpecgeo.catalogue import data_version, layer
from cpecgeo.domains.border import nearest_corridors
from cpecgeo.features.corridor import Corridor
from cpecgeo.maps import Map
from cpecgeo.reports.corridors import by_status, caveats_of, climb_of, glance
from cpecgeo.reports.record import Part, Report

__all__ = ["of_several"]

_RADII_KM = (5, 10, 25, 50)


def of_several(things: list[Any], *, draw: bool) -> Report:
    """The report on several corridors, places, or both."""
    corridors = [t for t in things if isinstance(t, Corridor)]
    sites = [t for t in things if not isinstance(t, Corridor)]
    parts: list[Part] = []
    if corridors:
        rows = [{"title": t.title, **glance(t)} for t in corridors]
        parts.append(Part("corridors", "Corridors at a glance", table=pd.DataFrame(rows)))
        status = [by_status(t).assign(id=t.name).set_index("id").reset_index() for t in corridors]
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
    told = [f"{t.title}: {text}" for t in corridors for text in caveats_of(t)[:-2]]
    told += [f"{t.name}: position good to {t.accuracy_km:g} km; basis: {t.basis}." for t in sites]
    sources = [s for t in corridors for s in t.sources] + [t.source for t in sites]
    sources += [s for name in ("provinces", "places") for s in layer(name).attrs["sources"]]
    return Report(
        title=" · ".join(_name(t) for t in things),
        subtitle=f"{len(things)} side by side",
        parts=tuple(parts),
        sources=tuple(dict.fromkeys(map(str, sources))),
        caveats=tuple(told),
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
    rows = [{"id": t.name, **climb_of(t), "accuracy_km": t.accuracy_km} for t in corridors]
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

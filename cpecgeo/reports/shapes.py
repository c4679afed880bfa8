"""The report on a section, district, province, route, catchment or geometry."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import shapely

from cpecgeo.analysis.measure import distance_km
from cpecgeo.analysis.overlay import crossed
from cpecgeo.catalogue import data_version, layer, table
from cpecgeo.features.subject import Subject
from cpecgeo.geodesy import area_km2, length_km
from cpecgeo.maps import Map
from cpecgeo.reports.corridors import sum_people
from cpecgeo.reports.document import Report
from cpecgeo.reports.render import Part
from cpecgeo.routing import Reach, Route

__all__ = ["describe_shape", "merge_shapes", "report_shape"]

_DIMENSIONS = {0: "points", 1: "line", 2: "area"}
# Columns of one feature's row that its report shows.
_CELLS = ("id", "status", "opened", "official_km", "province", "accuracy_km", "basis")
_CALIBRATED = (
    "Chainage is calibrated: official kilometres where they are known. The length of the drawn "
    "line is geodesic, and shorter where bends are finer than its points."
)


def report_shape(subject: Subject, thing: Any, *, draw: bool) -> Report:
    """Report on anything that has a shape and is no corridor, place or market.

    Parameters
    ----------
    subject : Subject
        What it is.
    thing : Route, Reach or other
        What was given.
    draw : bool
        Whether to put in a map.

    Returns
    -------
    Report
    """
    shape = merge_shapes(subject)
    dimension = shapely.get_dimensions(shape)
    parts = [Part("glance", "At a glance", table=pd.DataFrame([describe_shape(subject, thing)]))]
    if draw:
        page = Map(title=subject.title).add(thing, name=subject.title).html()
        parts.append(Part("map", "Where it lies", page=page, alt=f"Map of {subject.title}"))
    if isinstance(thing, Route):
        legs = pd.DataFrame(thing.legs.drop(columns="geometry"))
        shown = ["turn", "name", "mode", "from", "to", "km", "hours", "status", "country"]
        parts.append(Part("legs", "Legs", table=legs[shown]))
    if dimension == 1 and isinstance(shape, (shapely.LineString, shapely.MultiLineString)):
        found = crossed(shape, "districts")
        columns = ["name", "km_in", "km_out", "length_km", "share"]
        parts.append(Part("districts", "Districts crossed", table=pd.DataFrame(found[columns])))
    parts.append(_corridors(shape))
    if dimension == 2:
        parts.append(_towns(shape))
    parts += [sum_people(shape), *_figures(subject)]
    return Report(
        title=subject.title,
        subtitle=f"{subject.kind}, {_DIMENSIONS[dimension]}",
        parts=tuple(parts),
        sources=_sources(subject, thing),
        caveats=_list_caveats(subject, thing),
        data_version=data_version(),
    )


def merge_shapes(subject: Subject) -> Any:
    """Return the one geometry of a subject, all its shapes merged."""
    shapes = subject.shapes.dropna()
    return shapes.iloc[0] if len(shapes) == 1 else shapely.union_all(shapes.array)


def describe_shape(subject: Subject, thing: Any) -> dict[str, Any]:
    """Return one row that says the most.

    Parameters
    ----------
    subject : Subject
    thing : Route, Reach or other

    Returns
    -------
    dict
    """
    shape = merge_shapes(subject)
    dimension = shapely.get_dimensions(shape)
    row: dict[str, Any] = {"kind": subject.kind}
    if len(subject) > 1:
        row["features"] = len(subject)
    if subject.frame is not None and len(subject.frame) == 1:
        cells = subject.frame.iloc[0]
        row |= {c: cells[c] for c in _CELLS if c in cells.index and not pd.isna(cells[c])}
    if isinstance(thing, Route):
        row |= {"chainage_km": thing.chainage_km, "hours": thing.hours}
        row |= {"access_km": thing.access_km}
    if isinstance(thing, Reach):
        row |= {"origin": thing.origin.name, "limit": f"{thing.limit:g} {thing.weight}"}
        row |= {"chainage_km": thing.chainage_km, "towns": len(thing.towns)}
    if dimension == 1:
        row["drawn_km"] = round(float(length_km(shape)), 3)
    if dimension == 2:
        row["area_km2"] = round(float(area_km2(shape)), 1)
    middle = shape.centroid if dimension == 2 else shape.representative_point()
    return row | {"lon": middle.x, "lat": middle.y}


def _corridors(shape: Any) -> Part:
    """List the nearest corridors; of an area, those that run through it come first."""
    known = layer("corridors").set_index("id")
    away = distance_km(known.geometry, shape)
    near = pd.DataFrame({"target": known.index, "distance_km": np.asarray(away, dtype=float)})
    near = near.sort_values("distance_km", kind="stable").head(8)
    rows = near.assign(
        title=near["target"].map(known["name"]), status=near["target"].map(known["status"])
    )
    return Part(
        "corridors",
        "Nearest corridors",
        ("0 km where a corridor touches it.",),
        pd.DataFrame(rows[["title", "status", "distance_km"]]),
    )


def _towns(shape: Any) -> Part:
    places = layer("places")
    inside = places[places.geometry.notna()]
    inside = inside[inside.geometry.intersects(shape)].sort_values("population", ascending=False)
    text = (f"{len(inside)} towns of the gazetteer lie in it; the fifteen largest follow.",)
    columns = ["name", "population"]
    rows = pd.DataFrame(inside[columns].head(15))
    return Part("towns", "Towns in it", text, rows if len(rows) else None)


def _figures(subject: Subject) -> list[Part]:
    if subject.frame is None or len(subject.frame) != 1 or "id" not in subject.frame.columns:
        return []
    figures = table("figures")
    figures = figures[figures["feature"] == subject.frame["id"].iloc[0]]
    if figures.empty:
        return []
    columns = ["quantity", "value", "unit", "meaning", "source", "source_date"]
    rows = pd.DataFrame(figures[columns])
    return [Part("figures", "Published figures, side by side", table=rows)]


def _sources(subject: Subject, thing: Any) -> tuple[str, ...]:
    frames = [subject.frame, thing.legs if isinstance(thing, Route) else None]
    given = [s for f in frames if f is not None and "source" in f.columns for s in f["source"]]
    given += [s for name in ("districts", "places") for s in layer(name).attrs["sources"]]
    return tuple(dict.fromkeys(str(s) for s in given if not pd.isna(s)))


def _list_caveats(subject: Subject, thing: Any) -> tuple[str, ...]:
    frame = subject.frame
    caveats: list[str] = []
    if frame is not None and "accuracy_km" in frame.columns and frame["accuracy_km"].notna().any():
        worst = float(frame["accuracy_km"].max())
        caveats.append(f"The outline or position is good to {worst:g} km where it is worst.")
    if frame is not None and len(frame) == 1 and "note" in frame.columns:
        note = frame["note"].iloc[0]
        caveats += [note] if isinstance(note, str) and note else []
    if isinstance(thing, (Route, Reach)):
        caveats.append(_CALIBRATED)
        caveats.append("Hours rest on assumed speeds; waiting at borders isn't in them.")
    return tuple(caveats)

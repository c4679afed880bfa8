"""Several things side by side on one page; what is said of any shape."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from cpecgeo.analysis.accuracy import Bounds, span_text
from cpecgeo.analysis.exposure import exposure
from cpecgeo.analysis.measure import distance_matrix_km
from cpecgeo.analysis.overlay import crossed
from cpecgeo.analysis.proximity import best_known
from cpecgeo.catalogue import data_version, layer
from cpecgeo.features.corridor import Corridor
from cpecgeo.features.places import Place
from cpecgeo.features.subject import Subject
from cpecgeo.geodesy import area_km2, length_km
from cpecgeo.maps.colors import VALUES
from cpecgeo.maps.words import Words
from cpecgeo.reports.corridors import glance, list_caveats, measure_climb, sum_by_status
from cpecgeo.reports.document import Report, draw_map
from cpecgeo.reports.render import Part
from cpecgeo.reports.sites import (
    LEAD_KM,
    MEETS_KM,
    RADII_KM,
    count_near,
    split_sources,
    tell_away,
)
from cpecgeo.routing import Reach, Route
from cpecgeo.routing.border import Market, nearest_corridors

__all__ = ["describe_shape", "merge_shapes", "report_several"]

# Columns of one feature's row that its report shows.
_CELLS = ("id", "status", "opened", "official_km", "province", "accuracy_km", "basis")


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
        rows = pd.DataFrame(map(_site, sites))
        line = rows.assign(accuracy_km=rows["corridor_accuracy_km"])
        view = tell_away(line, rows["accuracy_km"], say)
        view = view.drop(columns=["id", "lon", "lat", "basis", "corridor_accuracy_km"])
        parts.append(Part("sites", say("Places at a glance"), (), rows, view=view))
    if shapes:
        rows = pd.DataFrame([{"title": s.title, **describe_shape(s, s.things[0])} for s in shapes])
        view = rows.drop(columns=["id", "lon", "lat"], errors="ignore")
        parts.append(Part("shapes", say("At a glance"), (), rows, view=view))
    people = _people(subjects)
    view = people.drop(columns=["id", "towns_without_figure"])
    view.insert(0, "title", titles)
    note = say("Towns of a gazetteer, at a point each: townspeople, not everyone.")
    parts.append(Part("people", say("People nearby"), (note,), people, view=view))
    shown = pd.DataFrame(away, columns=titles)
    shown.insert(0, "title", titles)
    # The first sentences say it of two, and of those that all meet.
    told = len(subjects) == 2 or away[0][1:] == [say("{km} km", km=0)] * (len(subjects) - 1)
    heading, note = say("Closest distance between them"), say("0 km where they meet.")
    parts.append(Part("apart", heading, () if told else (note,), apart,
                      view=shown.iloc[:0] if told else shown))  # fmt: skip
    caveats = [
        say("{name}: {told}", name=say.name(t.title), told=text)
        for t in corridors
        for text in [*filter(None, [say.tell(t.official_note or "")]), *list_caveats(t, say)[:-2]]
    ]
    caveats += [
        say("{name}: position good to {km} km; {basis}.", name=say.name(t.name),
            km=f"{t.accuracy_km:g}", basis=say(VALUES.get(t.basis, t.basis)))
        for t in sites
    ]  # fmt: skip
    sources = [s for t in corridors for s in t.sources] + [t.source for t in sites]
    sources += [s for name in ("provinces", "places") for s in layer(name).attrs["sources"]]
    return Report(
        title=title,
        subtitle=say("{count} side by side", count=len(subjects)),
        parts=tuple(parts),
        sources=split_sources(sources),
        caveats=tuple(caveats),
        data_version=data_version(),
        lead=_lead_several(subjects, titles, apart, away, say),
        lang=say.lang,
    )


def _titles(subjects: list[Subject], say: Words) -> list[str]:
    """Title each for people, as short as tells them apart; equal ones by their number."""
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
    apart: pd.DataFrame,
    away: list[list[str]],
    say: Words,
) -> str:
    """Say the length of each corridor, or the people near each, and which are far apart."""
    said = []
    for subject, title in zip(subjects, titles, strict=True):
        thing = subject.things[0]
        people = say.people(count_near(merge_shapes(subject)))
        if isinstance(thing, Corridor):
            known = pd.notna(thing.official_km)
            long = thing.official_km if known else thing.length_km
            said.append(
                say("{title}: {km} km, towns of {people} people within {near} km.",
                    title=title, km=f"{long:,.0f}", people=people, near=LEAD_KM)
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
        said.append(say("All of them meet."))
    elif len(subjects) == 2:
        said.append(say("At their closest points they are {away} apart.", away=far))
    else:
        said.append(
            say("At their closest points the two furthest apart are {away} from each other.",
                away=far)
        )  # fmt: skip
    return say.join(said)


def _site(thing: Place | Market) -> dict[str, Any]:
    roads = nearest_corridors(thing.point, 5)
    reach = np.hypot(roads["accuracy_km"].fillna(0), np.nan_to_num(thing.accuracy_km))
    close = roads.iloc[best_known(roads["distance_km"] + reach)]
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
        "corridor_accuracy_km": close["accuracy_km"],
        "at_km": close["km"],
    }


def _people(subjects: list[Subject]) -> pd.DataFrame:
    rows = []
    for subject in subjects:
        found = exposure(merge_shapes(subject), RADII_KM)
        within = found["population_within"].tolist()
        rows.append(
            {
                "id": _key(subject),
                **{f"within_{r}_km": n for r, n in zip(RADII_KM, within, strict=True)},
                "towns": int(found["features"].sum()),
                "towns_without_figure": int(found["missing"].sum()),
            }
        )
    return pd.DataFrame(rows)


def _key(subject: Subject) -> str:
    thing = subject.things[0]
    if isinstance(thing, Corridor):
        return thing.name
    return str(thing.id) if isinstance(thing, (Place, Market)) else subject.title


def _apart(subjects: list[Subject], say: Words) -> tuple[pd.DataFrame, list[list[str]]]:
    """Measure how far they are apart, and say it as well as both are known."""
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
    """Say how far two things are apart, stretch by stretch of one accuracy."""
    if not (one.is_known or other.is_known):
        return span_text(km, np.nan, np.nan, say=say)
    between = distance_matrix_km(one.shapes, other.shapes).to_numpy()
    reach = np.hypot(*np.meshgrid(*(np.nan_to_num(b.accuracy_km) for b in (one, other))))
    low, high = np.nanmin(between - reach.T), np.nanmin(between + reach.T)
    return span_text(km, max(float(low), 0.0), float(high), say=say)


def compare_corridors(corridors: list[Corridor], titles: list[str], say: Words) -> list[Part]:
    """Put corridors side by side: at a glance, by status, by province, the ground under them."""
    ids = [t.name for t in corridors]
    rows = pd.DataFrame([{"title": t.title, **glance(t)} for t in corridors])
    view = rows.drop(columns=["id", "published_as", "sections", "stops"])
    status = pd.concat(
        [sum_by_status(t).assign(id=t.name)[["id", "status", "length_km", "drawn_km", "share"]]
         for t in corridors], ignore_index=True,
    )  # fmt: skip
    provinces = pd.concat([_provinces(t) for t in corridors], ignore_index=True)
    climb = pd.DataFrame(
        [{"id": t.name, **measure_climb(t), "accuracy_km": t.accuracy_km} for t in corridors]
    )

    def across(table: pd.DataFrame, column: str) -> pd.DataFrame:
        """Turn rows into one column of km a corridor; what is nothing stays empty."""
        wide = table.pivot_table("length_km", column, "id", aggfunc="sum", sort=False)
        wide = wide.reindex(columns=ids).where(lambda km: km >= 0.5).round()
        wide.columns = pd.Index([say("{title}, {unit}", title=t, unit=say("km")) for t in titles])
        wide = wide.dropna(how="all").reset_index()
        return wide.rename(columns={"name": "province"})

    ground = climb.drop(columns="id").dropna(axis="columns", how="all")
    ground.insert(0, "title", titles)
    return [
        Part("corridors", say("Corridors at a glance"), (), rows, view=view),
        Part("by_status", say("Kilometres by status"), (), status,
             view=across(status, "status") if len(set(status["status"])) > 1 else status.iloc[:0]),
        Part("provinces", say("Kilometres by province"), (), provinces,
             view=across(provinces, "name")),
        Part("climb", say("The ground under the line"), (), climb, view=ground),
    ]  # fmt: skip


def _provinces(thing: Corridor) -> pd.DataFrame:
    found = crossed(thing, "provinces")
    found["name"] = found["name"].fillna("outside Pakistan")
    sums = found.groupby("name", sort=False)[["length_km", "share"]].sum().reset_index()
    sums.insert(0, "id", thing.name)
    return pd.DataFrame(sums)


def merge_shapes(subject: Subject) -> Any:
    """Return the one geometry of a subject, all its shapes merged."""
    shapes = subject.shapes.dropna()
    return shapes.iloc[0] if len(shapes) == 1 else shapely.union_all(shapes.array)


def describe_shape(subject: Subject, thing: object) -> dict[str, Any]:
    """Return one row that says the most."""
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

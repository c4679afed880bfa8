"""What lies near something, or in an area: its corridors, its towns and their people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from cpecgeo.analysis.accuracy import Bounds
from cpecgeo.analysis.exposure import exposure
from cpecgeo.analysis.measure import distance_km, interval_text, nearest, span_text
from cpecgeo.analysis.proximity import best_known, find_rings
from cpecgeo.catalogue import layer
from cpecgeo.features.corridors import corridors
from cpecgeo.features.resolve import resolve
from cpecgeo.features.subject import Subject, SubjectLike
from cpecgeo.geodesy import densify, length_km
from cpecgeo.maps.words import Words
from cpecgeo.reports.render import Part
from cpecgeo.routing import Reach
from cpecgeo.routing.border import order_corridors, rank_corridors, rank_lengths

__all__ = [
    "LEAD_KM", "MEETS_KM", "RADII_KM", "People", "clip_corridors", "compare_people",
    "find_corridor", "find_towns", "lead_area", "lead_corridor", "list_corridors", "list_inside",
    "list_points", "list_towns", "measure_people", "sum_people", "tell_people", "tell_range",
    "tell_reached", "tell_rough",
]  # fmt: skip

MEETS_KM = 0.05  # at a smaller distance two geometries touch
_FIRST = 3  # so many corridors are named in the first sentences
_LISTED = 50  # so many points of a table are listed by name
# The ring in the first sentence, and the rings of the table.
LEAD_KM = 10
RADII_KM = (5, 10, 25, 50)
# A range is stated where an end is off by more than this share of the figure. So many towns are
# named at most, each with at least this share of the range.
_WIDE, _NAMED, _DECIDES = 0.2, 2, 0.1


@dataclass(frozen=True)
class People:
    """The people of towns within a radius.

    Attributes
    ----------
    towns : int
        Towns drawn within it.
    people, low, high : float
        As drawn, and the least and most if line and towns are moved by their accuracy.
    names : tuple of str
        The towns, two at most, on which a wide range depends; empty where it isn't wide.
    """

    towns: int
    people: float
    low: float
    high: float
    names: tuple[str, ...] = ()

    def tell(self, say: Words) -> str:
        """Write the number of people, or its range where that is wide."""
        if self.names:
            return tell_range(self.low, self.high, say)
        if self.towns and not self.people:
            return say("an unknown number of")
        return say.people(self.people)


def measure_people(x: SubjectLike, own: str = "") -> dict[int, People]:
    """Sum the people of towns within each of `RADII_KM`, in a single search.

    `own` is the id of a town that is itself there.
    """
    places = resolve("places", missing="keep")
    accuracy, at = places.accuracy_km, np.flatnonzero(~places.checked.missing)
    stated = None if accuracy is None else accuracy[at]
    row, *numbers, is_known = find_rings(places.checked.xy, resolve(x, "x"), RADII_KM, stated)
    towns = places.rows.iloc[at[row]]
    people, here = towns["population"].fillna(0), (towns["id"] == own).to_numpy()
    found = {}
    for ring, km in enumerate(RADII_KM):
        drawn, may, sure = (number <= ring for number in numbers)
        low, high = (float(people[some].sum()) if is_known else math.nan for some in (sure, may))
        near = People(int(drawn.sum()), float(people[drawn].sum()), low, high)
        if _is_wide(near):
            near = replace(near, low=float(people[sure | (may & here)].sum()))
        if _is_wide(near):
            large = towns[may & ~sure & ~here].nlargest(_NAMED, "population")
            deciding = large["population"] >= _DECIDES * (near.high - near.low)
            deciding.iloc[0] = True
            near = replace(near, names=tuple(large.loc[deciding, "name"]))
        found[km] = near
    return found


def _is_wide(near: People) -> bool:
    """Return whether the range is more than a fifth away from the figure as drawn."""
    return near.low < (1 - _WIDE) * near.people or near.high > (1 + _WIDE) * near.people


def tell_range(low: float, high: float, say: Words) -> str:
    """Write a range of people in one unit, to two digits.

    Examples
    --------
    >>> from cpecgeo.maps.words import find_words
    >>> tell_range(865_468, 17_335_881, find_words("en"))
    '0.9 to 17 million'
    """
    if say.lang == "zh" and high >= 1e4:
        ends = [f"{float(f'{v / 1e4:.2g}'):,.10g}" for v in (low, high)]
        return say("{count} ten thousand", count=say("{low} to {high}", low=ends[0], high=ends[1]))
    if high >= 1e6:
        ends = [
            f"{v:,.0f}" if v >= 10 or v == 0 else f"{v:.1f}" if v >= 1 else f"{v:.1g}"
            for v in (low / 1e6, high / 1e6)
        ]
        return say("{count} million", count=say("{low} to {high}", low=ends[0], high=ends[1]))
    return say("{low} to {high}", low=say.people(low), high=say.people(high))


def tell_people(rings: Mapping[int, People], title: str, say: Words) -> str:
    """Write how many people live in towns near something, in a sentence."""
    near, km = rings[LEAD_KM], LEAD_KM
    names = say(" and ").join(map(say.name, near.names))
    if near.people == 0 and names:
        return say("As drawn, no town with a population figure lies within {km} km of {title}; "
                   "towns of up to {people} people may, depending on {names}.", km=km, title=title,
                   people=say.people(near.high), names=names)  # fmt: skip
    if near.towns == 0:
        return say("No town of the gazetteer lies within {km} km of {title}.", km=km, title=title)
    if near.people == 0:
        return say("No town with a population figure lies within {km} km of {title}.", km=km,
                   title=title)  # fmt: skip
    if names:
        return say("Towns of {people} people in all lie within {km} km of {title} ({drawn} as "
                   "drawn), depending on {names}.", people=near.tell(say), km=km, title=title,
                   drawn=say.people(near.people), names=names)  # fmt: skip
    return say("Towns of {people} people in all lie within {km} km of {title}.",
               people=near.tell(say), km=km, title=title)  # fmt: skip


def sum_people(x: SubjectLike, rings: Mapping[int, People], say: Words) -> Part:
    """Sum towns and their people in rings; the view for people is cumulative."""
    rows = exposure(x, RADII_KM).reset_index()
    missing = sorted({name for names in rows.pop("missing_names") for name in names})
    text = [say("Towns of a gazetteer, at a point each: townspeople, not everyone.")]
    if missing:
        text.append(
            say("Without a population figure, and not counted: {names}.",
                names=say.list(missing))
        )  # fmt: skip
    view = pd.DataFrame(
        {
            "within_km": rows["km_to"],
            "towns": rows["features"].cumsum(),
            "population_within": rows["population_within"],
        }
    )
    view = view[view["towns"] > 0].copy()
    told = [rings[km] for km in view["within_km"]]
    if any(near.names for near in told):
        view["population_range"] = [near.tell(say) if near.names else "" for near in told]
        view["depends_on"] = [say(" and ").join(map(say.name, near.names)) for near in told]
        text.append(
            say("A range is what may be within, if line and towns are moved by their accuracy.")
        )
    if view.empty:
        text = [say("No town of the gazetteer lies within {km} km.", km=RADII_KM[-1])]
    return Part("people", say("People nearby"), tuple(text), rows, view=view)


def compare_people(keys: Sequence[str], things: Sequence[SubjectLike]) -> pd.DataFrame:
    """Sum the people near each of several things, one row each."""
    rows = []
    for key, thing in zip(keys, things, strict=True):
        found = exposure(thing, RADII_KM)
        within = found["population_within"].tolist()
        rows.append(
            {
                "id": key,
                **{f"within_{r}_km": n for r, n in zip(RADII_KM, within, strict=True)},
                "towns": int(found["features"].sum()),
                "towns_without_figure": int(found["missing"].sum()),
            }
        )
    return pd.DataFrame(rows)


def tell_reached(found: Reach | None, say: Words) -> list[str]:
    """Write how many people are reached by road, or that no town is."""
    if found is None:
        return []
    limit, people = f"{found.limit:g}", float(found.towns["population"].fillna(0).sum())
    if found.towns.empty:
        return [say("No town of the gazetteer is reached within {limit} hours of driving.",
                    limit=limit)]  # fmt: skip
    if people == 0:
        return [say("No town with a population figure is reached within {limit} hours of driving.",
                    limit=limit)]  # fmt: skip
    return [say("Towns of {people} people in all are reached within {limit} hours of driving.",
                people=say.people(people), limit=limit)]  # fmt: skip


def list_corridors(shape: shapely.Geometry, own_km: float, say: Words) -> Part:
    """List the corridors nearest to a shape; those that run through it come first."""
    known = layer("corridors")
    away = np.asarray(distance_km(known.geometry, shape), float)
    near = pd.DataFrame({"target": known["id"].to_numpy(), "distance_km": away})
    near = order_corridors(near).head(8)[["title", "status", "distance_km", "target"]]
    bounds, here = Bounds.of(resolve(list(near.pop("target")))), gpd.GeoSeries([shape], crs=4326)
    spans = [bounds.of_one(i).beside(here, np.array([own_km])) for i in range(len(near))]
    rows = near.assign(low_km=[s[0][0] for s in spans], high_km=[s[1][0] for s in spans])
    are_points = shapely.get_dimensions(shape) == 0
    # Where a line or area meets the corridor, the distance is 0. A point is met only within the
    # accuracy of both positions.
    limit = rows["high_km"].fillna(rows["distance_km"]) if are_points else rows["distance_km"]
    told = [
        say("{km} km", km=0) if far < MEETS_KM else span_text(*row, say=say)
        for far, row in zip(limit, rows[["distance_km", "low_km", "high_km"]].to_numpy(),
                            strict=True)
    ]  # fmt: skip
    view = rows[["title", "status"]].assign(away=told)
    text = [] if are_points else [say("0 km where a corridor touches it.")]
    if are_points and shapely.get_num_geometries(shape) > 1:
        text = [say("Each distance is that of the nearest of the points.")]
    return Part(
        "corridors", say("Nearest corridors"), tuple(text), rows.reset_index(drop=True), view=view
    )


def lead_corridor(beside: Part, shape: shapely.Geometry, say: Words) -> list[str]:
    """Write which corridor of the list is the nearest, and whether another is drawn nearer."""
    if (near := beside.shown) is None or beside.table is None:
        return []
    best, drawn = best_known(beside.table["high_km"]), beside.table["distance_km"]
    away, title = near["away"].iloc[best], say.name(near["title"].iloc[best])
    if away == say("{km} km", km=0):
        said = [say("{title} touches it.", title=title)]
    elif shapely.get_dimensions(shape) == 0 and shapely.get_num_geometries(shape) > 1:
        said = [say("{title} is the nearest corridor: {away} from the nearest of them.",
                    title=title, away=away)]  # fmt: skip
    else:
        said = [say("{title} is the nearest corridor, {away} away.", title=title, away=away)]
    if best and drawn[0] < drawn[best]:
        span = beside.table[["distance_km", "low_km", "high_km"]].to_numpy(float)[0]
        said.append(tell_rough(near["title"].iloc[0], span_text(*span, say=say), say))
    return said


def tell_rough(title: str, away: str, say: Words) -> str:
    """Write that another corridor is drawn nearer, but its line is too inaccurate to say so."""
    return say("{title} is drawn nearer, but where it runs is known only roughly ({away}).",
               title=say.name(title), away=away)  # fmt: skip


def find_corridor(roads: pd.DataFrame, own_km: float) -> pd.Series:
    """Find the first corridor, by distance, that may be called the nearest to a point."""
    reach = np.hypot(roads["accuracy_km"].fillna(0), np.nan_to_num(own_km))
    return roads.iloc[best_known(roads["distance_km"] + reach)]


def list_points(subject: Subject, say: Words) -> list[Part]:
    """List the named points of a table, each with its nearest corridor."""
    shapes = subject.shapes.reset_index(drop=True)
    frame = subject.frame
    named = [] if frame is None else [c for c in frame.columns if str(c).casefold() == "name"]
    if frame is None or not named or len(shapes) < 2 or not (shapes.dropna().type == "Point").all():
        return []
    stated = subject.accuracy_km
    own = np.full(len(shapes), np.nan) if stated is None else np.asarray(stated, float)
    km = nearest(shapes.dropna(), list(layer("corridors")["id"]))["distance_km"]
    first = km.sort_values(kind="stable").index[:_LISTED]
    roads = rank_corridors(shapes[first])
    found = [find_corridor(roads.loc[[i]].head(5), own[i]) for i in first]
    rows = pd.DataFrame(
        {
            "name": frame[named[0]].iloc[first].to_list(),
            "corridor": [f["title"] for f in found],
            "distance_km": [f["distance_km"] for f in found],
            "accuracy_km": [f["accuracy_km"] for f in found],
            "point_accuracy_km": own[first],
            "at_km": [f["km"] for f in found],
        }
    )
    known = rows[["distance_km", "accuracy_km", "point_accuracy_km"]].to_numpy(float)
    view = rows[["name", "corridor", "at_km"]].copy()
    view.insert(2, "away", [interval_text(*row, say=say) for row in known])
    text = () if len(km) <= _LISTED else (
        say("Of {count} points the {listed} nearest to a corridor.", count=f"{len(km):,}",
            listed=_LISTED),
    )  # fmt: skip
    return [Part("points", say("Point by point"), text, rows, view=view)]


def clip_corridors(shape: shapely.Geometry) -> gpd.GeoDataFrame:
    """Clip the corridors to an area: `title status length_km target`, the longest in it first."""
    known = layer("corridors")
    # Edges are geodesics: they are divided, so that they are clipped where they run.
    near = known[known.geometry.intersects(shape)]
    parts = (
        densify(near.geometry, 1.0)
        .intersection(densify(gpd.GeoSeries([shape], crs=known.crs), 1.0).iloc[0])
        .explode()
    )
    inside = parts[shapely.get_dimensions(parts.to_numpy()) == 1].groupby(level=0).agg(
        lambda lines: shapely.multilinestrings(lines.to_list())
    )  # fmt: skip
    lines = gpd.GeoSeries(inside, crs=known.crs)
    target = known.loc[lines.index, "id"]
    found = gpd.GeoDataFrame(
        corridors().loc[target, ["title", "status"]].assign(
            length_km=np.asarray(length_km(lines), float) if len(lines) else [],
            target=target.to_numpy(),
        ).reset_index(drop=True),
        geometry=lines.to_list(), crs=known.crs,
    )  # fmt: skip
    found = found[found["length_km"] >= MEETS_KM]
    # Alignments run over other roads: of equal ones, to the metre, shorter ones come first.
    metres = (found["length_km"] * 1e3).round().to_numpy()
    return found.iloc[np.lexsort((rank_lengths(found["target"]), -metres))].reset_index(drop=True)


def list_inside(found: gpd.GeoDataFrame, say: Words) -> Part:
    """List the corridors that run through an area, with their km in it."""
    rows = pd.DataFrame(found.drop(columns="geometry"))
    text = (say("Corridors share roads and rails, so their km in it don't add up."),)
    return Part("corridors", say("Corridors through it"), text if len(rows) > 1 else (), rows,
                view=rows.drop(columns="target"))  # fmt: skip


def lead_area(found: gpd.GeoDataFrame, title: str, towns: gpd.GeoDataFrame, say: Words) -> str:
    """Write which corridors run through an area, and how many people live in its towns."""
    first = found.head(_FIRST)
    names = say("; ").join(
        say("{title} ({km} km)", title=say.name(row.title), km=f"{row.length_km:,.0f}"
            if row.length_km >= 0.5 else f"{row.length_km:.1f}")
        for row in first.itertuples()
    )  # fmt: skip
    said = []
    if len(found) > _FIRST:
        said.append(say("Through {title} run {count} corridors, with the most km in it {names}.",
                        title=title, count=len(found), names=names))  # fmt: skip
    elif len(found):
        said.append(say("Through {title} run: {names}.", title=title, names=names))
    people = float(towns["population"].fillna(0).sum())
    if towns.empty:
        said.append(say("No town of the gazetteer lies in {title}.", title=title))
    elif people == 0:
        said.append(say("No town with a population figure lies in {title}.", title=title))
    else:
        said.append(say("Towns of {people} people in all lie in {title}.", title=title,
                        people=say.people(people)))  # fmt: skip
    return say.join(said)


def find_towns(shape: shapely.Geometry) -> gpd.GeoDataFrame:
    """Find the towns drawn in an area, the largest first."""
    places = layer("places")
    inside = places[places.geometry.notna()]
    inside = inside[inside.geometry.intersects(shape)]
    return inside.sort_values("population", ascending=False)


def list_towns(towns: gpd.GeoDataFrame, say: Words) -> Part:
    """List the largest towns in an area."""
    text = say("{count} towns of the gazetteer lie in it; the largest, up to fifteen, follow.",
               count=len(towns))  # fmt: skip
    rows = pd.DataFrame(towns[["name", "population"]].head(15))
    return Part("towns", say("Towns in it"), (text,), rows if len(rows) else None)

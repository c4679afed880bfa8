"""Named points: places of any layer, and the stops of a corridor."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from shapely.geometry import Point

from cpecgeo.catalogue import fold, layer
from cpecgeo.catalogue.facts import (
    POINT_LAYERS,
    districts_of,
    main_stations,
    of_town,
    read_districts,
    station_name,
)
from cpecgeo.catalogue.files import read_points, read_table
from cpecgeo.catalogue.layers import layer_id, load_shared, named_points, other_meaning
from cpecgeo.catalogue.lines import Assembled, line_stations, shared_stations
from cpecgeo.errors import InputError, InputTypeError, NameWarning, UnknownNameError, warn
from cpecgeo.features.subject import Subject, html_card, html_table
from cpecgeo.geodesy import Chainage
from cpecgeo.geodesy.inputs import positive_km

__all__ = ["COLUMNS", "PLACE_KM", "Place", "find_stop", "km_of", "place", "rank_stops", "stops"]

_NAMES = ("id", "name", "name_ur", "name_zh", "aliases")
_SUFFIX = re.compile("(junction|cantonment|city|port|pass|sez|interchange)$")
PLACE_KM = 30.0
"""How far off a line a place may lie whose name stands for the closest point of it."""
_BESIDE_KM = 2.0  # closer to the line, no warning
_NEAR_TOWN = 0.3  # degrees

COLUMNS = [
    "id", "name", "name_ur", "kind", "km", "post_km", "status", "accuracy_km", "basis", "source",
    "licence", "note", "aliases", "main", "district", "geometry",
]  # fmt: skip


@dataclass(frozen=True)
class Place:
    """One named point.

    Attributes
    ----------
    name, id, layer, kind : str
    point : Point
        lon, lat on WGS 84.
    status : str or None
    basis : str
        ``surveyed``, ``gazetteer``, ``proxy`` (another place's point stands in) or
        ``schematic``.
    accuracy_km : float
    source, licence, note : str
    district, province : str or None
        The district of 2022 and its province: facts with a source, not derived from outlines; None
        abroad and where unknown.
    """

    name: str
    id: str
    layer: str
    kind: str
    point: Point
    status: str | None
    basis: str
    accuracy_km: float
    source: str
    licence: str
    note: str
    district: str | None = None
    province: str | None = None

    def as_subject(self) -> Subject:
        """Return the point under the place's name; see `resolve`."""
        shapes = gpd.GeoSeries([self.point], index=[self.name], crs=4326)
        return Subject(shapes, self.name, "place", is_single=True, things=(self,))

    def _repr_html_(self) -> str:
        rows = {
            "layer": self.layer,
            "lon, lat": f"{self.point.x:.5f}, {self.point.y:.5f}",
            **({"district": f"{self.district}, {self.province}"} if self.district else {}),
            "basis": self.basis + (" (another place's point stands in)" * (self.basis == "proxy")),
            "accuracy": f"{self.accuracy_km:g} km",
            "source": self.source,
        }
        return html_card(self.name, html_table(rows.items()))


@cache
def _texts(of: str) -> dict[str, list[tuple[str, str]]]:
    """Return names of a layer's points with their ids, by the first letter."""
    frame = named_points(of)
    if of == "waypoints":
        frame = frame[frame["kind"] == "place"]
    found: dict[str, list[tuple[str, str]]] = {}
    for cells in frame[[c for c in _NAMES if c in frame]].to_numpy().tolist():
        for cell in cells:
            for text in cell.split(";") if isinstance(cell, str) else ():
                first = fold(next(filter(str.isalnum, text), ""))[:1]
                found.setdefault(first, []).append((text, cells[0]))
    return found


@cache
def _index(of: str, first: str) -> tuple[dict[str, list[str]], ...]:
    """Index ids by the keys of their names, also without the last word and as initials.

    Only for one layer and first letter, so that a first call needn't fold all names.
    """
    forms: tuple[dict[str, list[str]], ...] = ({}, {}, {})
    for text, label in _texts(of).get(first, ()):
        key = station_name(text)
        for form, known in zip((key, _SUFFIX.sub("", key), _short(text)), forms, strict=True):
            known.setdefault(form, []).append(label)
    return forms


def _rank_rows(of: str, ids: list[str]) -> pd.DataFrame:
    """Return rows of a layer: a town's main station first, then by rank and population."""
    frame = pd.DataFrame(load_shared(of).loc[list(dict.fromkeys(ids))])
    if len(frame) == 1:
        return frame
    frame = frame.assign(main=frame["id"].isin(main_stations()))
    order = [("main", False), ("rank", True), ("population", False)]
    by, up = zip(*(pair for pair in order if pair[0] in frame), strict=True)
    return frame.sort_values([*by], ascending=[*up], kind="stable")


def _short(text: str) -> str:
    """Abbreviate a name of three words or more, as in D. I. Khan; return "" for others."""
    *first, last = text.split() or [""]
    return fold("".join(w[0] for w in first) + last) if len(first) > 1 else ""


def place(name: str, *, within: str | None = None) -> Place:
    """Load one named point of any layer.

    Parameters
    ----------
    name : str
        A name in English, Urdu or Chinese, another name, or an id; case and punctuation don't
        matter. In names of three words or more, all but the last may be initials: ``"DI Khan"``.
    within : str, optional
        The layer to search, where several have the name.

    Returns
    -------
    Place
        Ports, crossings, mines and zones come first, then towns, plants, stations, way points.

    Raises
    ------
    UnknownNameError
        No point of that name; the message lists similar names.
    InputError
        The feature is known, but not its position.

    Examples
    --------
    >>> place("Gwadar Port").point.wkt
    'POINT (62.341 25.109)'
    >>> place("Reko Diq").basis
    'gazetteer'
    """
    if not isinstance(name, str):
        raise InputTypeError(
            f"A place is asked for by {type(name).__name__}; give its name as text."
        )
    listed = [of for of in POINT_LAYERS if within is None or layer_id(within) == of]
    key = station_name(name)
    unknown: tuple[str, pd.Series] | None = None
    for form in range(3 if key else 0):
        for of in listed:
            ids = _index(of, key[0])[form].get(key, [])
            for _, row in _rank_rows(of, ids).iterrows() if ids else ():
                if row["geometry"] is not None:
                    return _place(of, row)
                unknown = unknown or (of, row)
        if unknown is not None:
            raise InputError(
                f"The position of {unknown[1]['name']!r} ({unknown[0]}) isn't known: "
                f"{unknown[1]['note'] or unknown[1]['source']}. Give a point of your own."
            )
    names = {str(n) for of in POINT_LAYERS for n in named_points(of)["name"].dropna()}
    if not (where := other_meaning(name)):
        names |= {*load_shared("districts")["name"]}
    raise UnknownNameError(name, "place", names, where or "`catalog` lists the layers.")


def _place(layer_name: str, row: pd.Series) -> Place:
    def text(column: str) -> str:
        return "" if pd.isna(row[column]) else str(row[column])

    return Place(
        name=text("name"),
        id=text("id"),
        layer=layer_name,
        kind=text("kind"),
        point=row["geometry"],
        status=text("status") or None,
        basis=text("basis"),
        accuracy_km=float("nan") if pd.isna(row["accuracy_km"]) else float(row["accuracy_km"]),
        source=text("source"),
        licence=text("licence"),
        note=text("note"),
        district=text("district") or None,
        province=text("province") or None,
    )


@cache
def _points() -> pd.DataFrame:
    """Load way points and stations in one table; `km` of a station is its km post on its line.

    A station on several lines has a row for each, with the same id and name.
    """
    # A plain DataFrame gets new columns, and is joined, in a fifth of the time.
    stations = pd.DataFrame(line_stations()).rename(columns={"km": "post_km"})
    named = stations.set_index("id")[["name", "name_ur", "aliases"]]
    stations["row"] = stations["id"]
    stations["id"] = stations["id"].replace(shared_stations())
    for column in named:
        stations[column] = stations["id"].map(named[column])
    stations["main"] = stations["id"].isin(main_stations())
    ways = pd.DataFrame(read_points("waypoints.csv"))
    ways = ways[ways["kind"] == "place"]
    ways = ways.assign(post_km=np.nan, row=ways["id"], main=False)
    names = {key: row["name"] for key, row in read_districts().items()}
    for rows, name in ((stations, "stations"), (ways, "waypoints")):
        rows["district"] = rows["id"].map(districts_of(name)).map(names)
    return pd.concat([stations, ways], ignore_index=True)


def rank_stops(frame: pd.DataFrame) -> Any:
    """Rank stops by importance: the towns that they serve, main stations first.

    Lower is more important: 0 for the main station of a town; the town's rank, larger towns first,
    for one station of each town; 20 for other junctions, 30 for other stops, 40 for further
    stations of a town.

    Examples
    --------
    >>> from cpecgeo import corridor
    >>> frame = corridor("ml1").stops.set_index("name", drop=False)
    >>> float(rank_stops(frame)[frame.index == "Lahore Cantt"][0])
    40.0
    """
    places = layer("places")
    people = pd.to_numeric(places["population"], errors="coerce").fillna(0)
    scores = places["rank"] - people / 1e9
    towns = dict(zip(map(fold, places["name"]), scores, strict=True))
    where = dict(zip(map(fold, places["name"]), places.geometry, strict=True))
    # A stop with the town's name elsewhere doesn't serve it.
    keys = [
        key if key in where and where[key].distance(point) < _NEAR_TOWN else ""
        for key, point in zip(
            (of_town(str(name)) for name in frame["name"]), frame.geometry, strict=True
        )
    ]
    main = frame["main"].to_numpy(bool)
    junction = frame["name"].astype(str).str.contains(r"\b(?:Junction|Jn)\b").to_numpy(bool)
    rank = np.where(junction, 20.0, 30.0)
    for town in set(keys) & set(towns):
        here = np.array([i for i, key in enumerate(keys) if key == town])
        named = np.array([fold(str(frame["name"].iloc[i])) != town for i in here])
        # Of a town's stations: the main one, else a junction, else the one with the town's name.
        best = here[np.lexsort((here, named, ~junction[here], ~main[here]))]
        rank[best[1:]] = 40.0
        rank[best[0]] = 0.0 if main[best[0]] else towns[town]
    return rank


def stops(sections: list[str], whole: Assembled) -> gpd.GeoDataFrame:
    """Return the stops of sections and of the whole, in order of chainage.

    A stop on or beside the line has the chainage of its vertex. A station without a position has
    the chainage of its km post, interpolated between its neighbours' posts.
    """
    points, parts = _points(), read_table("section_parts.csv")
    rows = []
    for name in sections:
        for trace in parts.loc[parts["section"] == name, "trace"]:
            on = points[points["trace"] == trace].sort_values("order")
            rows.append(_on_trace(on, whole.stops))
    frame = pd.concat(rows, ignore_index=True)
    frame = frame.dropna(subset=["km"]).sort_values("km", kind="stable")
    frame = frame[~frame.duplicated(["name", "km"])].drop_duplicates("id")
    frame = gpd.GeoDataFrame(frame[COLUMNS].reset_index(drop=True), geometry="geometry", crs=4326)
    frame.attrs = {"method": "calibrated chainage", "sections": list(sections)}
    return frame


def find_stop(corridor: str, stops: gpd.GeoDataFrame, name: str) -> Any:
    """Find a stop by its name, id or another name; return its label.

    A town's name means its only station, or its main one. `corridor` is for messages.

    Raises
    ------
    UnknownNameError, InputError
    """
    key = station_name(name)
    names = stops["name"].map(station_name)
    called = stops["aliases"].map(
        lambda cell: isinstance(cell, str) and key in map(station_name, cell.split(";"))
    )
    for hits in (names == key, stops["id"].map(fold) == fold(name), called):
        if key and hits.any():
            return hits.idxmax()
    hits = stops[(stops["name"].map(of_town) == key) & (key != "")]
    if hits.empty:
        raise UnknownNameError(name, f"stop of {corridor}", stops["name"])
    if len(set(hits["name"])) == 1:
        return hits.index[0]
    each = zip(hits["name"], hits["km"], strict=True)
    listed = ", ".join(f"{called} (km {km:g})" for called, km in each)
    main = hits[hits["main"]]
    if main.empty:
        raise InputError(f"{name!r} has several stations on {corridor}: {listed}. Name one.")
    taken = main.iloc[0]["name"]
    warn(
        f"{name!r} is taken as its main station, {taken}; on {corridor} it has {listed}.",
        NameWarning,
    )
    return main.index[0]


def km_of(
    corridor: str, stops: gpd.GeoDataFrame, chainage: Chainage, name: str, max_km: float
) -> float:
    """Return the chainage of a stop, or of the line's closest point to a place.

    A place may be up to `max_km` from the line; see `find_stop`.

    Raises
    ------
    UnknownNameError, InputError
    """
    try:
        return float(stops["km"].loc[find_stop(corridor, stops, name)])
    except UnknownNameError as error:
        unknown = error
    try:
        found = place(name)
    except (InputError, UnknownNameError):
        raise unknown from None
    near = chainage.locate(found.point).iloc[0]
    off, km = float(near["offset_km"]), float(near["km"])
    if off > positive_km(max_km, "max_km", allow_zero=True):
        hint = f"The place {found.name} lies {off:,.1f} km off it, more than {max_km:g} km."
        raise UnknownNameError(name, f"stop of {corridor}", stops["name"], hint)
    if off > _BESIDE_KM:
        warn(
            f"{found.name} is no stop of {corridor} and lies {off:.1f} km off it; km {km:.1f}, the "
            "closest point of the line, is taken.",
            NameWarning,
        )
    return km


def _on_trace(on: pd.DataFrame, km_at: dict[str, float]) -> pd.DataFrame:
    """Return the points of one trace that are on the corridor, with chainage."""
    km = on["row"].map(km_at).to_numpy(float, copy=True)
    post = on["post_km"].to_numpy(float)
    known = ~np.isnan(km) & ~np.isnan(post)
    if known.sum() > 1:
        lacking = np.array([p is None for p in on["geometry"]]) & ~np.isnan(post)
        order = np.argsort(post[known])
        at, value = post[known][order], km[known][order]
        within = lacking & (post >= at[0]) & (post <= at[-1])
        km[within] = np.interp(post[within], at, value)
    return on.assign(km=km)

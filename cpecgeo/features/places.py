"""Named points: places of any layer, border markets, and the stops of a corridor."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from shapely.geometry import Point

from cpecgeo.catalogue import folded, layer
from cpecgeo.catalogue.facts import districts_of, main_stations, read_districts
from cpecgeo.catalogue.files import read_points, read_table
from cpecgeo.catalogue.lines import Assembled, line_stations, shared_stations
from cpecgeo.catalogue.names import of_town, station_name
from cpecgeo.errors import InputError, InputTypeError, NameWarning, UnknownNameError
from cpecgeo.features.subject import Subject, html_card, html_table
from cpecgeo.geodesy import Chainage
from cpecgeo.geodesy.inputs import positive_km

__all__ = [
    "COLUMNS",
    "PLACE_KM",
    "Place",
    "find_stop",
    "km_of",
    "markets",
    "place",
    "rank_stops",
    "stops",
]

# Sites before towns, towns before stations: "Gwadar" is the town, "Gwadar Port" the port.
_LAYERS = ("ports", "crossings", "mines", "zones", "energy", "places", "interchanges", "stations",
           "waypoints")  # fmt: skip
_NAMES = ("id", "name", "name_ur", "name_zh", "aliases")
_SUFFIXES = ("junction", "cantonment", "city", "port", "pass", "sez", "interchange")
PLACE_KM = 30.0
"""How far off a line a place may lie whose name stands for the closest point of it."""
# A place this near is beside the line, and nothing is said.
_BESIDE_KM = 2.0
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
        The district of 2022 it lies in and its province: facts with a source, not looked up
        in the outlines; None abroad and where it isn't known.
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
def _index() -> pd.DataFrame:
    """Index every name of every point by its folded form; of several the row to take is first."""
    rows: list[tuple[str, str, str, int]] = []
    for name in _LAYERS:
        frame = layer(name)
        # A town's main station comes before its others, a place of rank before its namesakes.
        frame = frame.assign(main=frame["id"].isin(main_stations()))
        order = ["main", "rank", *(["population"] if "population" in frame else [])]
        frame = frame.sort_values(
            order, ascending=[False, True, False][: len(order)], kind="stable"
        )
        if name == "waypoints":
            frame = frame[frame["kind"] == "place"]
        named = frame[[c for c in _NAMES if c in frame]]
        for i, row in zip(frame.index, named.to_numpy(), strict=True):
            texts = {t.strip() for cell in row if isinstance(cell, str) for t in cell.split(";")}
            rows.extend((station_name(text), _short(text), name, i) for text in sorted(texts))
    return pd.DataFrame(rows, columns=["key", "short", "layer", "row"])


def _short(text: str) -> str:
    """Shorten a name of three words or more as people do: D. I. Khan; empty for others."""
    words = text.split()
    if len(words) < 3:
        return ""
    return folded("".join(w[0] for w in words[:-1]) + words[-1])


def place(name: str, *, within: str | None = None) -> Place:
    """Load one named point of any layer.

    Parameters
    ----------
    name : str
        In English, Urdu or Chinese, another name it goes by, or an id; case and punctuation
        don't matter. Of three words and more all but the last may be initials: ``"DI Khan"``.
    within : str, optional
        The layer to look in, where a name stands in several.

    Returns
    -------
    Place
        Ports, crossings, mines, zones and plants are looked through first, then towns,
        stations and way points.

    Raises
    ------
    UnknownNameError
        No point of that name; the message has near names.
    InputError
        The feature is known but its position isn't.

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
    index = _index()
    if within is not None:
        index = index[index["layer"] == str(layer(within).attrs["layer"])]
    wanted = station_name(name)
    bare = index["key"].str.replace(rf"({'|'.join(_SUFFIXES)})$", "", regex=True)
    hits = index[index["key"] == wanted] if wanted else index.iloc[:0]
    if hits.empty and wanted:
        hits = index[bare == wanted]
    if hits.empty and wanted:
        hits = index[index["short"] == wanted]
    if hits.empty:
        names = {str(n) for layer_name in _LAYERS for n in layer(layer_name)["name"].dropna()}
        raise UnknownNameError(name, "place", names, "`catalog` lists the layers.")
    rows = [(h.layer, layer(h.layer).loc[h.row]) for h in hits.itertuples()]
    for layer_name, row in rows:
        if row.geometry is not None:
            return _place(layer_name, row)
    raise InputError(
        f"The position of {rows[0][1]['name']!r} ({rows[0][0]}) isn't known: "
        f"{rows[0][1]['note'] or rows[0][1]['source']}. Give a point of your own."
    )


def _place(layer_name: str, row: gpd.GeoSeries) -> Place:
    def text(column: str) -> str:
        return "" if pd.isna(row[column]) else str(row[column])

    return Place(
        name=text("name"),
        id=text("id"),
        layer=layer_name,
        kind=text("kind"),
        point=row.geometry,
        status=text("status") or None,
        basis=text("basis"),
        accuracy_km=float("nan") if pd.isna(row["accuracy_km"]) else float(row["accuracy_km"]),
        source=text("source"),
        licence=text("licence"),
        note=text("note"),
        district=text("district") or None,
        province=text("province") or None,
    )


def markets() -> gpd.GeoDataFrame:
    """List border markets and crossings.

    Returns
    -------
    GeoDataFrame
        On the id: `name country status status_note planned_phase2 elevation_m accuracy_km
        basis source …` and the point. `planned_phase2` marks the new border markets of
        Phase II, Khunjerab and Torkham. A crossing whose present state isn't known has no
        `status`.

    Examples
    --------
    >>> m = markets()
    >>> sorted(m.index[m["planned_phase2"]])
    ['khunjerab-pass', 'torkham']
    """
    frame = layer("crossings")
    frame["planned_phase2"] = frame["planned_phase2"].astype(bool)
    return frame


@cache
def _points() -> gpd.GeoDataFrame:
    """Load way points and stations in one frame; `km` of a station is its own line's post.

    A station on several lines has a row for each, under its one id and name.
    """
    stations = line_stations().rename(columns={"km": "post_km"})
    named = stations.set_index("id")[["name", "name_ur", "aliases"]]
    stations["row"] = stations["id"]
    stations["id"] = stations["id"].replace(shared_stations())
    for column in named:
        stations[column] = stations["id"].map(named[column])
    stations["main"] = stations["id"].isin(main_stations())
    ways = read_points("waypoints.csv").query("kind == 'place'")
    ways = ways.assign(post_km=np.nan, row=ways["id"], main=False)
    names = {key: row["name"] for key, row in read_districts().items()}
    for rows, name in ((stations, "stations"), (ways, "waypoints")):
        rows["district"] = rows["id"].map(districts_of(name)).map(names)
    frame = pd.concat([stations, ways], ignore_index=True)
    return gpd.GeoDataFrame(frame, geometry="geometry", crs=4326)


def rank_stops(frame: pd.DataFrame) -> Any:
    """Rank stops by what a reader looks for: the towns that they serve, main stations first.

    Least first: 0 for the main station of a town; the town's rank, larger towns first, for one
    station of each town; 20 for other junctions, 30 for the rest, 40 for further stations of a
    town.

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
    towns = dict(zip(map(folded, places["name"]), scores, strict=True))
    where = dict(zip(map(folded, places["name"]), places.geometry, strict=True))
    # A stop of the same name elsewhere doesn't serve the town.
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
        named = np.array([folded(str(frame["name"].iloc[i])) != town for i in here])
        # Of a town's stations: the main one, a junction, the one that has the town's own name.
        best = here[np.lexsort((here, named, ~junction[here], ~main[here]))]
        rank[best[1:]] = 40.0
        rank[best[0]] = 0.0 if main[best[0]] else towns[town]
    return rank


def stops(sections: list[str], whole: Assembled) -> gpd.GeoDataFrame:
    """Return the stops of some sections and of what these make up, in order of chainage.

    A stop that the line goes through, or passes by, has the chainage of its vertex. A station
    without a position has the chainage of its km post, interpolated between its neighbours'
    posts.
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
    """Return the label of the stop that a name means: its name, id or another name of it.

    A town stands for its only station, or for its main one. `corridor` is for messages.

    Raises
    ------
    UnknownNameError, InputError
    """
    wanted = station_name(name)
    names = stops["name"].map(station_name)
    aliases = stops.get("aliases", pd.Series(None, stops.index, dtype=object))
    called = aliases.map(
        lambda cell: isinstance(cell, str) and wanted in map(station_name, cell.split(";"))
    )
    for hits in (names == wanted, stops["id"].map(folded) == folded(name), called):
        if wanted and hits.any():
            return hits.idxmax()
    hits = stops[(stops["name"].map(of_town) == wanted) & (wanted != "")]
    if hits.empty:
        raise UnknownNameError(name, f"stop of {corridor}", stops["name"])
    if len(set(hits["name"])) == 1:
        return hits.index[0]
    each = zip(hits["name"], hits["km"], strict=True)
    listed = ", ".join(f"{called} (km {km:g})" for called, km in each)
    main = hits[hits["main"]] if "main" in hits else hits.iloc[:0]
    if main.empty:
        raise InputError(f"{name!r} has several stations on {corridor}: {listed}. Name one.")
    taken = main.iloc[0]["name"]
    warnings.warn(
        f"{name!r} is taken as its main station, {taken}; on {corridor} it has {listed}.",
        NameWarning,
        stacklevel=4,
    )
    return main.index[0]


def km_of(
    corridor: str, stops: gpd.GeoDataFrame, chainage: Chainage, name: str, max_km: float
) -> float:
    """Return the chainage of a stop, or of the point of the line closest to a place.

    A place may lie `max_km` off the line; see `find_stop`.

    Raises
    ------
    UnknownNameError, InputError
    """
    try:
        return float(stops["km"].loc[find_stop(corridor, stops, name)])
    except UnknownNameError as error:
        unknown = error
    try:
        spot = place(name)
    except (InputError, UnknownNameError):
        raise unknown from None
    near = chainage.locate(spot.point).iloc[0]
    off, km = float(near["offset_km"]), float(near["km"])
    if off > positive_km(max_km, "max_km", allow_zero=True):
        hint = f"The place {spot.name} lies {off:,.1f} km off it, more than {max_km:g} km."
        raise UnknownNameError(name, f"stop of {corridor}", stops["name"], hint)
    if off > _BESIDE_KM:
        warnings.warn(
            f"{spot.name} is no stop of {corridor} and lies {off:.1f} km off it; km {km:.1f}, the "
            "closest point of the line, is taken.",
            NameWarning,
            stacklevel=3,
        )
    return km


def _on_trace(on: gpd.GeoDataFrame, km_at: dict[str, float]) -> pd.DataFrame:
    """Return the points of one trace that lie on the corridor, with chainage."""
    km = on["row"].map(km_at).to_numpy(float, copy=True)
    post = on["post_km"].to_numpy(float)
    known = ~np.isnan(km) & ~np.isnan(post)
    if known.sum() > 1:
        lacking = np.array([p is None for p in on.geometry]) & ~np.isnan(post)
        order = np.argsort(post[known])
        at, value = post[known][order], km[known][order]
        within = lacking & (post >= at[0]) & (post <= at[-1])
        km[within] = np.interp(post[within], at, value)
    return on.assign(km=km)

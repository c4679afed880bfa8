"""Stops of a corridor: the named points it runs through, with their chainage."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from cpecgeo.catalogue import folded, layer
from cpecgeo.catalogue.facts import districts_of, main_stations, read_districts
from cpecgeo.catalogue.files import read_points, read_table
from cpecgeo.catalogue.lines import Assembled, line_stations, shared_stations
from cpecgeo.catalogue.names import of_town, station_name
from cpecgeo.errors import InputError, NameWarning, UnknownNameError
from cpecgeo.features.places import place
from cpecgeo.geodesy import Chainage
from cpecgeo.geodesy.inputs import positive_km

__all__ = ["COLUMNS", "PLACE_KM", "find_stop", "km_of", "rank_stops", "stops"]

PLACE_KM = 30.0
"""How far off a line a place may lie whose name stands for the closest point of it."""
# A place this near is beside the line, and nothing is said.
_BESIDE_KM = 2.0
# Degrees.
_NEAR_TOWN = 0.3

COLUMNS = [
    "id",
    "name",
    "name_ur",
    "kind",
    "km",
    "post_km",
    "status",
    "accuracy_km",
    "basis",
    "source",
    "licence",
    "note",
    "aliases",
    "main",
    "district",
    "geometry",
]


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

    Parameters
    ----------
    frame : GeoDataFrame
        As `Corridor.stops`: `name`, `main` and points.

    Returns
    -------
    numpy array of float
        Least first: 0 for the main station of a town; the town's rank, larger towns first, for
        one station of each town; 20 for other junctions, 30 for the rest, 40 for further
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
    """Return the stops of a corridor in order of chainage.

    Parameters
    ----------
    sections : list of str
        Its section ids.
    whole : Assembled
        What the sections make up.

    Returns
    -------
    GeoDataFrame
        A stop that the line goes through, or passes by, has the chainage of its vertex. A
        station without a position has the chainage of its km post, interpolated between its
        neighbours' posts.
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
    """Return the label of the stop that a name means.

    Parameters
    ----------
    corridor : str
        Its id, for messages.
    stops : GeoDataFrame
        With `id`, `name` and, where known, `aliases` and `main`.
    name : str
        A stop's name, id or another name of it, or a town with one station or a main one.

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

    Parameters
    ----------
    corridor, stops, name
        As `find_stop`.
    chainage : Chainage
    max_km : float
        How far off a place may lie.

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

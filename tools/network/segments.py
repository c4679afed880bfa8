"""Segments of all sections between neighbouring points, and what joins them to a network."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, Point

from cpecgeo.catalogue import corridor_rows, fold
from cpecgeo.catalogue.facts import openings
from cpecgeo.catalogue.files import read_table
from cpecgeo.catalogue.layers import named_points
from cpecgeo.catalogue.lines import drawn_sections, line_stations
from cpecgeo.catalogue.lines import sections as drawn_rows
from cpecgeo.errors import DataError
from cpecgeo.features.alignment import STATUSES
from cpecgeo.geodesy import distance_km, nearest
from cpecgeo.routing.graph import XY

__all__ = [
    "Node",
    "Segment",
    "Vertex",
    "add_transfers",
    "join_junctions",
    "read_segments",
    "read_vertices",
    "section_rows",
    "split_borders",
    "state_season",
]

Key = tuple[str, str, XY, XY]
Node = tuple[str, XY, str]
"""Mode, position, and the side of a border where a position lies on one."""

# Two points of one name closer than this are one junction: their sources differ.
SAME_PLACE_KM = 2.0
# A crossing belongs to a node at most this far from it.
_CROSSING_KM = 2.0


@dataclass
class Segment:
    """The line between two neighbouring points, with every section that runs over it."""

    mode: str
    a: XY
    b: XY
    km_of: dict[str, float] = field(default_factory=dict)
    accuracy_of: dict[str, float] = field(default_factory=dict)
    section: str = ""
    km: float = 0.0
    accuracy_km: float = float("nan")
    status: str = ""
    opened: str = ""
    family: str = ""

    @property
    def kind(self) -> tuple[str, str, str, frozenset[str]]:
        """What two segments of one edge have in common."""
        return self.section, self.status, self.opened, frozenset(self.km_of)


@dataclass(frozen=True)
class Vertex:
    """A named point of a line."""

    id: str
    name: str
    name_ur: str


def _named_points() -> pd.DataFrame:
    frames = []
    for name in ("waypoints", "stations", "places", "ports"):
        frame = line_stations() if name == "stations" else named_points(name)
        if name == "waypoints":
            traced = frame["name"].str.startswith("valley vertex").fillna(False).to_numpy(bool)
            frame = frame[(frame["kind"] == "place").to_numpy() & ~traced]
        frames.append(frame.loc[frame.geometry.notna(), ["id", "name", "name_ur", "geometry"]])
    return pd.concat(frames, ignore_index=True)


def read_vertices() -> tuple[dict[XY, Vertex], dict[str, XY]]:
    """Return named points by position, and positions by id; a position keeps its first name.

    A point that a line passes by stands where the line is closest to it.
    """
    at: dict[XY, Vertex] = {}
    where: dict[str, XY] = {}
    for feature in drawn_sections().values():
        xy = shapely.get_coordinates(feature["geometry"])
        for name, i in feature["stops"].items():
            where.setdefault(name, (float(xy[i, 0]), float(xy[i, 1])))
    frame = _named_points()
    xy = shapely.get_coordinates(frame["geometry"].to_numpy())
    rows = frame[["id", "name", "name_ur"]].itertuples(index=False)
    for row, (lon, lat) in zip(rows, xy, strict=True):
        spot = where.setdefault(str(row.id), (float(lon), float(lat)))
        urdu = row.name_ur if isinstance(row.name_ur, str) else ""
        at.setdefault(spot, Vertex(str(row.id), str(row.name), urdu))
    return at, where


def _lines(where: dict[str, XY]) -> list[tuple[str, str, Any, Any]]:
    """Return section, family, coordinates and km of every drawn line.

    Two roads through the same towns that aren't the same road are in different families.
    """
    runs: list[tuple[str, str, Any, Any]] = []
    table = read_table("network_sections.csv")
    apart = set(table.loc[table["apart"].notna(), "section"])
    for name, feature in drawn_sections().items():
        km, at = np.asarray(feature["measures_km"], float), 0
        parts = getattr(feature["geometry"], "geoms", [feature["geometry"]])
        for part in parts:
            xy = shapely.get_coordinates(part)
            runs.append((name, name if name in apart else "", xy, km[at : at + len(xy)]))
            at += len(xy)
    for row in read_table("network_roads.csv").itertuples(index=False):
        points = row.points.split()
        lost = [point for point in points if point not in where]
        if lost == points[-1:]:
            continue  # a station whose position is OpenStreetMap's, and that folder is left out
        if lost:
            raise DataError(f"network_roads.csv: {row.id} names unknown points {lost}.")
        xy = np.array([where[point] for point in points])
        if (xy == xy[0]).all():
            continue  # a link between a town and its motorway, where the line goes through the town
        stated = row.official_km if pd.isna(row.length_km) else row.length_km
        ends = gpd.GeoSeries(shapely.points(xy), crs=4326)
        steps = distance_km(ends[:-1].reset_index(drop=True), ends[1:].reset_index(drop=True))
        geodesic = np.concatenate(([0.0], np.cumsum(steps)))
        share = 1.0 if pd.isna(stated) else stated / geodesic[-1]
        runs.append((row.id, row.id, xy, geodesic * share))
    return runs


def section_rows() -> dict[str, dict[str, Any]]:
    """Return the row of each section, and of each road that only the network has."""
    frame = pd.DataFrame(drawn_rows().drop(columns="geometry"))
    # No other fact of the layer concerns edges.
    frame["opened"] = frame["opened"].where(frame["opened"].notna(), frame["id"].map(openings()))
    rows: dict[str, dict[str, Any]] = {row["id"]: row for row in frame.to_dict("records")}
    classes = read_table("network_sections.csv").set_index("section")["speed_class"]
    for name, speed_class in classes.items():
        rows[name] |= {"speed_class": speed_class, "season_from": None, "season_to": None}
    for row in read_table("network_roads.csv").to_dict("records"):
        missing = {"prorate_of": None, "accuracy_km": None}
        rows[row["id"]] = {"role": "base", "basis": "schematic", **missing, **row}
    return rows


def read_segments(where: dict[str, XY], sections: dict[str, dict[str, Any]]) -> list[Segment]:
    """Return all segments, each with the section whose km it takes.

    That is the base section with the shortest published length of its own: the closest
    description. A section that only has a share of another's length comes after it.
    """
    found: dict[Key, Segment] = {}
    for name, family, xy, km in _lines(where):
        mode = str(sections[name]["kind"])
        ends = pairwise(map(tuple, xy.tolist()))
        lengths, accuracy = np.diff(km).tolist(), _accuracy(name, km).tolist()
        for (a, b), length, good in zip(ends, lengths, accuracy, strict=True):
            key = (mode, family, a, b) if a <= b else (mode, family, b, a)
            segment = found.get(key)
            if segment is None:
                segment = found[key] = Segment(mode, a, b, family=family)
            segment.km_of.setdefault(name, length)
            segment.accuracy_of.setdefault(name, good)
    # A line that only wholes and phases run over is left out: base sections have the road.
    base = {name for name, row in sections.items() if row["role"] == "base"}
    kept = [segment for segment in found.values() if base & set(segment.km_of)]
    lent: dict[tuple[str, ...], tuple[str, str, str]] = {}
    for segment in kept:
        names = tuple(segment.km_of)
        if names not in lent:
            lent[names] = _lend([sections[name] for name in names])
        segment.section, segment.status, segment.opened = lent[names]
        segment.km = segment.km_of[segment.section]
        segment.accuracy_km = segment.accuracy_of[segment.section]
    return kept


def _lend(rows: list[dict[str, Any]]) -> tuple[str, str, str]:
    """Return the section whose km a stretch of several sections takes, its status and opening."""
    first, *_ = rows = sorted(rows, key=_rank)
    # The status of a whole is that of its parts only where it is open. A segment of several
    # sections has the status of the most usable one.
    known = [row["status"] for row in rows if _says_status(row)]
    status = min(known or [first["status"]], key=STATUSES.index)
    # The year of a whole or a phase isn't that of each of its parts.
    base = [row for row in rows if row["status"] == "operating" and row["role"] == "base"]
    opened = min((str(row["opened"]) for row in base if not pd.isna(row["opened"])), default="")
    return first["id"], status, opened


def _accuracy(name: str, km: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the 95 % value of the leg of each edge of a section; NaN where it has no legs."""
    legs = drawn_sections().get(name, {}).get("legs", [])
    if not legs:
        return np.full(len(km) - 1, np.nan)
    starts = np.array([leg["km_from"] for leg in legs])
    leg = np.searchsorted(starts, (km[:-1] + km[1:]) / 2, side="right") - 1
    return np.array([leg["accuracy_km"] for leg in legs])[np.clip(leg, 0, None)]


def _says_status(row: dict[str, Any]) -> bool:
    """Return whether a section's status is that of each of its segments."""
    return bool(row["role"] == "base" or row["status"] == "operating")


def _rank(row: dict[str, Any]) -> tuple[int, float, str]:
    """Return the order in which sections lend their km: base first, then by length."""
    role = {"base": 0, "whole": 3, "phase": 4}[row["role"]]
    shared = 2 if role == 0 and not pd.isna(row["prorate_of"]) else 0
    shared += role == 0 and row["id"] in _only_mining()
    official = float("inf") if pd.isna(row["official_km"]) else float(row["official_km"])
    return role + shared, official, str(row["id"])


@cache
def _only_mining() -> frozenset[str]:
    """Return sections that only mining corridors have: parts of lines with other names."""
    kinds: dict[str, set[str]] = {}
    for row in corridor_rows().values():
        for name in row["sections"]:
            kinds.setdefault(name, set()).add(row["kind"])
    return frozenset(name for name, of in kinds.items() if of == {"mining"})


def join_junctions(segments: list[Segment], at: dict[XY, Vertex]) -> dict[tuple[str, XY], XY]:
    """Return the junction of each position that is moved to one.

    Points of one name and mode at most 2 km apart are one junction, at the first of them, unless
    a road of its own joins the two.
    """
    groups: dict[tuple[str, str], list[XY]] = {}
    linked = {(s.mode, *ends) for s in segments for ends in ((s.a, s.b), (s.b, s.a))}
    for mode, spot in sorted({(s.mode, xy) for s in segments for xy in (s.a, s.b)}):
        if spot in at:
            bare = re.sub(r"\s+(Junction|Jn\.?)$", "", at[spot].name)
            groups.setdefault((mode, fold(bare)), []).append(spot)
    pairs = [(mode, group[0], other) for (mode, _), group in groups.items() for other in group[1:]]
    apart = _apart_km([(first, other) for _, first, other in pairs])
    return {
        (mode, other): first
        for (mode, first, other), km in zip(pairs, apart, strict=True)
        if km <= SAME_PLACE_KM and (mode, first, other) not in linked
    }


def _apart_km(pairs: list[tuple[XY, XY]]) -> list[float]:
    """Return the geodesic km between the two positions of each pair."""
    if not pairs:
        return []
    a, b = (gpd.GeoSeries(shapely.points(ends), crs=4326) for ends in zip(*pairs, strict=True))
    return [float(km) for km in distance_km(a, b)]


def split_borders(
    rows: list[dict[str, Any]], keys: dict[Node, int], measures: list[NDArray[np.float64]]
) -> None:
    """Cut nodes on a border in two, and join the two by an edge that a crossing can close."""
    crossings = named_points("crossings")
    crossings = crossings[crossings.geometry.notna()].reset_index(drop=True)
    hours = read_table("border_hours.csv").set_index("crossing")["hours"]
    meeting: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        for node in {row["u"], row["v"]}:
            meeting.setdefault(node, []).append(row)
    for (mode, xy, side), node in list(keys.items()):
        here = [r for r in meeting.get(node, []) if r["mode"] == mode]
        lands = sorted({r["country"] for r in here})
        if len(lands) < 2 or side:
            continue
        near = nearest(Point(xy), crossings.geometry).iloc[0]
        if near["distance_km"] > _CROSSING_KM:
            continue
        other = keys.setdefault((mode, xy, lands[0]), len(keys))
        for row in here:
            if row["country"] == lands[0]:
                row |= {end: other for end in ("u", "v") if row[end] == node}
        spot = crossings.loc[near["target"]]
        rows.append(
            {
                **here[0],
                "u": node,
                "v": other,
                "km": 0.0,
                "hours": float(hours.get(spot["id"], 0.0)),
                "section": spot["id"],
                "sections": (spot["id"],),
                "name": spot["name"],
                "crossing": spot["id"],
                "status": "operating",
                "opened": None,
                "speed_class": "border",
                "season": "",
                "country": "–".join(lands),
                "source": spot["source"],
                "licence": spot["licence"],
                "geometry": LineString([xy, xy]),
            }
        )
        measures.append(np.zeros(2))


def add_transfers(
    rows: list[dict[str, Any]],
    keys: dict[Node, int],
    measures: list[NDArray[np.float64]],
    where: dict[str, XY],
    same: dict[tuple[str, XY], XY],
) -> None:
    """Add edges between road and rail at named places, with the hours of a change."""
    found: list[tuple[Any, tuple[XY, XY], list[int]]] = []
    for spot in read_table("transfers.csv").itertuples(index=False):
        if spot.rail not in where:
            continue  # the station's position is OpenStreetMap's, and that folder is left out
        ends = where[spot.road], where[spot.rail]
        each = zip(("road", "rail"), ends, strict=True)
        nodes = [keys.get((mode, same.get((mode, xy), xy), ""), -1) for mode, xy in each]
        if -1 not in nodes:
            found.append((spot, ends, nodes))
    apart = _apart_km([ends for _, ends, _ in found])
    for (spot, ends, nodes), km in zip(found, apart, strict=True):
        rows.append(
            {
                "u": nodes[0],
                "v": nodes[1],
                "mode": "transfer",
                "km": km,
                "hours": float(spot.hours),
                "section": f"transfer-{spot.id}",
                "sections": (f"transfer-{spot.id}",),
                "name": f"Change at {spot.name}",
                "status": "operating",
                "opened": None,
                "speed_class": "transfer",
                "season": "",
                "kmh": np.nan,
                "country": "Pakistan",
                "crossing": "",
                "basis": "schematic",
                "accuracy_km": None,
                "source": spot.source,
                "licence": spot.licence,
                "geometry": LineString(ends),
            }
        )
        measures.append(np.array([0.0, km]))


def state_season(about: dict[str, Any]) -> str:
    """Return when snow leaves a road open, as MM-DD/MM-DD; empty for all year."""
    ends = [about["season_from"], about["season_to"]]
    return "" if pd.isna(ends[0]) else "/".join(map(str, ends))

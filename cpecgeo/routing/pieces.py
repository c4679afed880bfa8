"""Stretches between neighbouring points of all sections: what the network is put together from."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import shapely
from shapely.geometry import LineString

from cpecgeo.catalogue import corridor_rows, folded, layer
from cpecgeo.catalogue.files import read_table
from cpecgeo.catalogue.lines import _drawn as drawn_sections
from cpecgeo.errors import DataError
from cpecgeo.geodesy import Chainage, length_km

__all__ = ["Piece", "Vertex", "joined", "pieces", "section_rows", "vertices"]

XY = tuple[float, float]
Key = tuple[str, str, XY, XY]

# Most usable first: a stretch that several sections share is what the best of them is.
STATUSES = ("operating", "under_construction", "suspended", "closed", "planned")
# Two points of one name closer than this are one junction: their sources differ.
SAME_PLACE_KM = 2.0


@dataclass
class Piece:
    """The stretch between two neighbouring points, with every section that runs over it."""

    mode: str
    a: XY
    b: XY
    km_of: dict[str, float] = field(default_factory=dict)
    section: str = ""
    km: float = 0.0
    status: str = ""
    opened: str = ""
    family: str = ""

    @property
    def kind(self) -> tuple[str, str, str, frozenset[str]]:
        """What has to be the same for two pieces to be one edge."""
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
        frame = layer(name)
        if name == "waypoints":
            traced = frame["name"].str.startswith("valley vertex").fillna(False).to_numpy(bool)
            frame = frame[(frame["kind"] == "place").to_numpy() & ~traced]
        frames.append(frame.loc[frame.geometry.notna(), ["id", "name", "name_ur", "geometry"]])
    return pd.concat(frames, ignore_index=True)


def vertices() -> tuple[dict[XY, Vertex], dict[str, XY]]:
    """Named points by position, and positions by id; the first name of a position stays."""
    at: dict[XY, Vertex] = {}
    where: dict[str, XY] = {}
    frame = _named_points()
    xy = shapely.get_coordinates(frame["geometry"].to_numpy())
    rows = frame[["id", "name", "name_ur"]].itertuples(index=False)
    for row, (lon, lat) in zip(rows, xy, strict=True):
        spot = (float(lon), float(lat))
        urdu = row.name_ur if isinstance(row.name_ur, str) else ""
        at.setdefault(spot, Vertex(str(row.id), str(row.name), urdu))
        where.setdefault(str(row.id), spot)
    return at, where


def _lines(where: dict[str, XY]) -> list[tuple[str, str, Any, Any]]:
    """Section, family, coordinates and km of every drawn run.

    A family keeps roads apart that are drawn through the same towns and aren't the same road.
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
        stated = row.official_km if pd.isna(row.length_km) else row.length_km
        geodesic = Chainage(LineString(xy)).measures_km
        share = 1.0 if pd.isna(stated) else stated / geodesic[-1]
        runs.append((row.id, row.id, xy, geodesic * share))
    return runs


def section_rows() -> dict[str, dict[str, Any]]:
    """What is known of each section, and of each road that only the network has."""
    frame = pd.DataFrame(layer("sections").drop(columns="geometry"))
    rows: dict[str, dict[str, Any]] = {row["id"]: row for row in frame.to_dict("records")}
    classes = read_table("network_sections.csv").set_index("section")["speed_class"]
    for name, speed_class in classes.items():
        rows[name] |= {"speed_class": speed_class, "season_from": None, "season_to": None}
    for row in read_table("network_roads.csv").to_dict("records"):
        missing = {"prorate_of": None, "accuracy_km": None}
        rows[row["id"]] = {"role": "base", "basis": "schematic", **missing, **row}
    return rows


def pieces() -> list[Piece]:
    """All stretches, each with the section that it is counted by.

    That is the base section with the shortest published length of its own: the closest
    description. A section that only has a share of another's length comes after it.
    """
    _, where = vertices()
    sections = section_rows()
    found: dict[Key, Piece] = {}
    for name, family, xy, km in _lines(where):
        mode = str(sections[name]["kind"])
        for (a, b), length in zip(pairwise(map(tuple, xy.tolist())), np.diff(km), strict=True):
            low, high = sorted((a, b))
            key = (mode, family, low, high)
            piece = found.setdefault(key, Piece(mode, a, b, family=family))
            piece.km_of.setdefault(name, float(length))
    # What only wholes and phases describe is a road that stands apart from theirs.
    base = {name for name, row in sections.items() if row["role"] == "base"}
    kept = [piece for piece in found.values() if base & set(piece.km_of)]
    rank = {name: _rank(row) for name, row in sections.items()}
    for piece in kept:
        names = sorted(piece.km_of, key=lambda name: rank[name])
        piece.section = names[0]
        piece.km = piece.km_of[names[0]]
        # A whole says of each of its parts only that all of them are open.
        known = [r["status"] for r in map(sections.get, names) if r and _tells(r)]
        piece.status = min(known or [sections[names[0]]["status"]], key=STATUSES.index)
        # The year of a whole or a phase isn't that of each of its parts.
        open_now = [r for r in map(sections.get, names) if r and r["status"] == "operating"]
        dates = [row["opened"] for row in open_now if row["role"] == "base"]
        piece.opened = min((str(d) for d in dates if not pd.isna(d)), default="")
    return kept


def _tells(row: dict[str, Any]) -> bool:
    return bool(row["role"] == "base" or row["status"] == "operating")


def _rank(row: dict[str, Any]) -> tuple[int, float, str]:
    role = {"base": 0, "whole": 3, "phase": 4}[row["role"]]
    shared = 2 if role == 0 and not pd.isna(row["prorate_of"]) else 0
    shared += role == 0 and row["id"] in _only_mining()
    official = float("inf") if pd.isna(row["official_km"]) else float(row["official_km"])
    return role + shared, official, str(row["id"])


@cache
def _only_mining() -> frozenset[str]:
    """Sections that only the mining corridors are made of: shares of lines named otherwise."""
    kinds: dict[str, set[str]] = {}
    for row in corridor_rows().values():
        for name in row["sections"]:
            kinds.setdefault(name, set()).add(row["kind"])
    return frozenset(name for name, of in kinds.items() if of == {"mining"})


def joined(spots: set[tuple[str, XY]], at: dict[XY, Vertex]) -> dict[tuple[str, XY], XY]:
    """Positions that stand for one junction: each with the one that they all become."""
    groups: dict[tuple[str, str], list[XY]] = {}
    for mode, spot in sorted(spots):
        if spot in at:
            bare = re.sub(r"\s+(Junction|Jn\.?)$", "", at[spot].name)
            groups.setdefault((mode, folded(bare)), []).append(spot)
    answer: dict[tuple[str, XY], XY] = {}
    for (mode, _), group in groups.items():
        first = group[0]
        for other in group[1:]:
            if float(length_km(LineString([first, other]))) <= SAME_PLACE_KM:
                answer[mode, other] = first
    return answer

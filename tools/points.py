"""The ordered points that sections are drawn through.

Way points (``data/waypoints.csv``) and stations (``data/stations.csv``); with OpenStreetMap
also the stations that only it has (``data/odbl/station_positions.csv``) and, in place of way
points, the vertices of the roads that were traced (``data/odbl/roads.geojson``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

XY = tuple[float, float]

VERTEX_KM = 1.5
"""Accuracy of a vertex of a traced road: `tools.legs` has how it was measured."""

COLUMNS = ["id", "trace", "order", "lon", "lat", "km", "accuracy_km"]


@dataclass(frozen=True)
class Points:
    """All ordered points.

    Parameters
    ----------
    given : dict of DataFrame
        By trace, in order; railways are drawn through these. A point without a position stays in
        the order. `osm` marks a position of OpenStreetMap.
    traces : dict of DataFrame
        The same for roads. `road` and `vertex` mark a vertex of a traced road. A way point where
        roads meet lies on the road.
    hidden : dict of set
        By traced road, the vertices that are followed by a leg under a label.
    own : dict of DataFrame
        By section, a road of its own: another one runs through the same way points.
    """

    given: dict[str, pd.DataFrame]
    traces: dict[str, pd.DataFrame]
    hidden: dict[str, set[int]] = field(default_factory=dict)
    own: dict[str, pd.DataFrame] = field(default_factory=dict)


def read_points(data: Path, *, osm: bool) -> Points:
    """Read way points and stations; with `osm`, what OpenStreetMap adds to them."""
    ways = pd.read_csv(data / "waypoints.csv").assign(km=np.nan)
    stations = pd.read_csv(data / "stations.csv")
    known: set[str] = set()
    if osm:
        extra = pd.read_csv(data / "odbl" / "station_positions.csv").query("use == 'position'")
        extra = extra.set_index("station")[["lon", "lat", "accuracy_km"]]
        stations = stations.set_index("id")
        stations.update(extra, overwrite=False)
        stations = stations.reset_index()
        known = set(extra.index)
    points = pd.concat([ways[COLUMNS], stations[COLUMNS]])
    points["osm"] = points["id"].isin(known)
    points["road"], points["vertex"] = "", -1
    points = points.sort_values(["trace", "order"])
    traces = {str(trace): rows.reset_index(drop=True) for trace, rows in points.groupby("trace")}
    path = data / "odbl" / "roads.geojson"
    if not (osm and path.exists()):
        return Points(traces, traces)
    roads = json.loads(path.read_text(encoding="utf-8"))["features"]
    roads = [road for road in roads if road["properties"]["use"] == "line"]
    return _with_roads(traces, roads)


def _with_roads(given: dict[str, pd.DataFrame], roads: list[dict[str, Any]]) -> Points:
    """Replace way points by the traced roads that pass them."""
    traces = dict(given)
    moved: dict[XY, list[float]] = {}
    hidden: dict[str, set[int]] = {}
    own: dict[str, pd.DataFrame] = {}
    for road in roads:
        about, xy = road["properties"], road["geometry"]["coordinates"]
        rows = traces[about["trace"]].set_index("id")
        for name in set(about["nodes"]) - set(about["alone"]):
            town = (float(rows.loc[name, "lon"]), float(rows.loc[name, "lat"]))
            moved[town] = xy[about["stops"][name]]
        hidden[road["id"]] = {i for a, b in about["labels"] for i in range(a, b)}
    for trace, rows in given.items():
        traces[trace] = rows.copy()
        for i, spot in enumerate(zip(rows["lon"], rows["lat"], strict=True)):
            if spot in moved:
                traces[trace].loc[i, ["lon", "lat"]] = moved[spot]
                traces[trace].loc[i, "osm"] = True
    for road in roads:
        about = road["properties"]
        vertices = _vertices(road, traces[about["trace"]])
        if about["sections"]:
            own |= dict.fromkeys(about["sections"], vertices)
            continue
        rows = traces[about["trace"]]
        first, last = sorted(rows.index[rows["id"].isin([about["nodes"][0], about["nodes"][-1]])])
        along = [rows[:first], vertices, rows[last + 1 :]]
        if rows["id"][first] != vertices["id"].iloc[0]:
            along[1] = vertices.iloc[::-1]
        traces[about["trace"]] = pd.concat(along, ignore_index=True)
    return Points(given, traces, hidden, own)


def _vertices(road: dict[str, Any], rows: pd.DataFrame) -> pd.DataFrame:
    about = road["properties"]
    xy = np.array(road["geometry"]["coordinates"])
    names = np.full(len(xy), "", object)
    for name, i in about["stops"].items():
        names[i] = name
    return pd.DataFrame(
        {
            "id": names,
            "trace": about["trace"],
            "order": rows["order"].min(),
            "lon": xy[:, 0],
            "lat": xy[:, 1],
            "km": np.nan,
            "accuracy_km": VERTEX_KM,
            "osm": True,
            "road": road["id"],
            "vertex": np.arange(len(xy)),
        }
    )


def stretch(points: Points, part: pd.Series, kind: str) -> pd.DataFrame:
    """Return the points of one part, in its direction; none where an end has no position."""
    traces = points.given if kind == "rail" else points.traces
    trace = points.own.get(part["section"], traces.get(part["trace"]))
    if trace is None:
        return pd.DataFrame()
    ends = []
    for end, default in ((part["from"], 0), (part["to"], len(trace) - 1)):
        at = [default] if pd.isna(end) else list(np.flatnonzero(trace["id"] == end))
        if len(at) != 1:
            return pd.DataFrame()
        ends.append(int(at[0]))
    if trace["lon"].iloc[ends].isna().any():
        return pd.DataFrame()
    first, last = ends
    rows = trace.iloc[min(ends) : max(ends) + 1].dropna(subset=["lon"])
    return rows if first <= last else rows.iloc[::-1]

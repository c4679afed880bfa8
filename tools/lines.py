"""Draw the sections: `python -m tools.lines` joins ordered points to lines.

Reads ``data/sections.csv`` (what there is), ``data/section_parts.csv`` (which stretch of
which trace of points) and the points themselves: ``data/waypoints.csv``,
``data/stations.csv`` and, where present, ``data/odbl/station_positions.csv``. Writes
``data/lines.geojson`` without any OpenStreetMap position, and ``data/odbl/lines.geojson``
with those sections that have one. Each vertex has a measure: km along the section.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from shapely.geometry import LineString, MultiLineString, mapping

from cpecgeo.geodesy import Chainage, length_km

Row = dict[str, Any]

DATA = Path(__file__).parents[1] / "data"

JOIN_KM = 0.5
"""Ends of two traces closer than this are one place."""

USUAL_RATIO = 0.9
"""Drawn to real length assumed where no length is published: the median of the roads."""


@dataclass(frozen=True)
class Points:
    """All ordered points, by trace; one without a position keeps its place in the order."""

    traces: dict[str, pd.DataFrame]
    osm: frozenset[str]


def read_points(data: Path, *, osm: bool) -> Points:
    """Read way points and stations; with `osm`, stations that only OpenStreetMap has."""
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
    columns = ["id", "trace", "order", "lon", "lat", "km", "accuracy_km"]
    points = pd.concat([ways[columns], stations[columns]])
    points = points.sort_values(["trace", "order"])
    traces = {str(trace): rows.reset_index(drop=True) for trace, rows in points.groupby("trace")}
    return Points(traces, frozenset(known))


def stretch(points: Points, part: pd.Series) -> pd.DataFrame:
    """The points of one part, in its direction; empty when an end has no position."""
    trace = points.traces.get(part["trace"])
    if trace is None:
        return pd.DataFrame()
    ends = []
    for end, default in ((part["from"], 0), (part["to"], len(trace) - 1)):
        at = (
            [default]
            if pd.isna(end)
            else [
                i for i, name in enumerate(trace["id"]) if name == end or name.startswith(f"{end}-")
            ]
        )
        exact = [i for i in at if pd.isna(end) or trace["id"][i] == end]
        at = exact or at
        if len(at) != 1:
            return pd.DataFrame()
        ends.append(at[0])
    if trace["lon"].iloc[ends].isna().any():
        return pd.DataFrame()
    first, last = ends
    rows = trace.iloc[min(ends) : max(ends) + 1].dropna(subset=["lon"])
    return rows if first <= last else rows.iloc[::-1]


def gap_km(a: pd.Series, b: pd.Series) -> float:
    """Geodesic distance of two points."""
    if (a["lon"], a["lat"]) == (b["lon"], b["lat"]):
        return 0.0
    return float(length_km(LineString([(a["lon"], a["lat"]), (b["lon"], b["lat"])])))


def joined(points: Points, parts: pd.DataFrame) -> list[pd.DataFrame]:
    """The lines of a section: one, or several where a part starts anew."""
    lines: list[pd.DataFrame] = []
    for _, part in parts.sort_values("order").iterrows():
        piece = stretch(points, part).copy()
        if len(piece) < 2:
            return []
        posts = piece["km"]
        piece["km"] = (posts - posts.iloc[0]).abs()
        if not lines or part["new_part"] is True:
            lines.append(piece)
            continue
        before = lines[-1]
        gap = gap_km(before.iloc[-1], piece.iloc[0])
        if gap > JOIN_KM:
            msg = f"{part['section']}: part {part['order']} starts {gap:.2f} km from the last end"
            raise ValueError(msg)
        piece["km"] += before["km"].iloc[-1]
        lines[-1] = pd.concat([before, piece.iloc[1:]])
    return lines


def draw(section: pd.Series, parts: pd.DataFrame, points: Points) -> Row | None:
    """One section as a GeoJSON feature, its chainage not yet shared out."""
    lines = joined(points, parts)
    if not lines:
        return None
    rows = pd.concat(lines)
    shapes = [LineString(line[["lon", "lat"]].to_numpy()) for line in lines]
    line = shapes[0] if len(shapes) == 1 else MultiLineString(shapes)
    posts = rows["km"].to_numpy(float, copy=True) if len(lines) == 1 else np.full(len(rows), np.nan)
    if np.isnan(posts[[0, -1]]).any():
        posts[:] = np.nan
    return {
        "section": section,
        "line": line,
        "posts": posts,
        "traces": rows["trace"].to_numpy(),
        "drawn_km": float(length_km(line)),
        "points_km": float(rows["accuracy_km"].max()),
        "legs": max(
            float(
                length_km(
                    gpd.GeoSeries(
                        [
                            LineString(pair)
                            for pair in zip(shape.coords[:-1], shape.coords[1:], strict=True)
                        ],
                        crs=4326,
                    )
                ).max()
            )
            for shape in shapes
        ),
        "osm": bool(points.osm.intersection(rows["id"])),
    }


def chainage_km(drawing: Row, drawings: dict[str, Row]) -> float | None:
    """The length that chainage follows: posts, else a published figure, else a share of one."""
    section, posts = drawing["section"], drawing["posts"]
    if not np.isnan(posts).all():
        return float(posts[-1])
    for column in ("chainage_km", "official_km"):
        if not pd.isna(section[column]):
            return float(section[column])
    if not pd.isna(section["prorate_of"]):
        whole = drawings[section["prorate_of"]]
        km = chainage_km(whole, drawings)
        if km is None:
            return None
        if (beside := beside_whole(drawing, whole)).any():
            return float(shared_km(drawing, beside, km / whole["drawn_km"])[-1])
        return km * float(drawing["drawn_km"]) / float(whole["drawn_km"])
    return None


def beside_whole(drawing: Row, whole: Row) -> np.ndarray:
    """Which vertices end a stretch that isn't a part of the longer road."""
    return ~np.isin(drawing["traces"], np.unique(whole["traces"]))


def shared_km(drawing: Row, beside: np.ndarray, ratio: float) -> np.ndarray:
    """Km along a section: by the longer road's ratio on it, as drawn beside it."""
    legs = np.diff(Chainage(drawing["line"]).measures_km)
    return np.append(0.0, np.cumsum(legs * np.where(beside[1:], 1.0, ratio)))


def accuracy_km(drawing: Row, chain_km: float | None) -> float:
    """How far the real line can be off.

    A line of length s between points c apart stays inside the ellipse that has them as foci:
    no further than half of sqrt(s² - c²) from the chord. s is taken at the section's mean
    ratio of published to drawn length; the points' own accuracy is added.
    """
    drawn = drawing["drawn_km"]
    stretchiness = max(1.0, chain_km / drawn) if chain_km else 1 / USUAL_RATIO
    sag = 0.5 * drawing["legs"] * math.sqrt(stretchiness**2 - 1)
    return math.ceil((drawing["points_km"] + sag) * 10) / 10


def feature(drawing: Row, drawings: dict[str, Row]) -> Row:
    """The GeoJSON feature of a drawing."""
    section, line, posts = drawing["section"], drawing["line"], drawing["posts"]
    km = chainage_km(drawing, drawings)
    if np.isnan(posts).all() and km is not None:
        posts = posts.copy()
        posts[[0, -1]] = 0.0, km
        whole = drawings.get(section["prorate_of"])
        if whole and (beside := beside_whole(drawing, whole)).any():
            ratio = chainage_km(whole, drawings) / whole["drawn_km"]
            posts = shared_km(drawing, beside, ratio)
    chain = Chainage(line) if np.isnan(posts).all() else Chainage(line, posts)
    return {
        "type": "Feature",
        "id": section["id"],
        "properties": {
            "id": section["id"],
            "name": section["name"],
            "kind": section["kind"],
            "status": section["status"],
            "drawn_km": round(drawing["drawn_km"], 3),
            "accuracy_km": accuracy_km(drawing, km),
            "licence": "ODbL-1.0" if drawing["osm"] else "CC-BY-4.0",
            "measures_km": [round(float(m), 4) for m in chain.measures_km],
        },
        "geometry": mapping(line),
    }


def build(data: Path, *, osm: bool) -> list[Row]:
    """All sections that can be drawn from the points at hand."""
    points = read_points(data, osm=osm)
    sections = pd.read_csv(data / "sections.csv").set_index("id", drop=False)
    parts = pd.read_csv(data / "section_parts.csv", dtype={"from": object, "to": object})
    drawings = {}
    for name, rows in parts.groupby("section", sort=False):
        drawing = draw(sections.loc[name], rows, points)
        if drawing is not None:
            drawings[str(name)] = drawing
    return [
        feature(drawing, drawings) for drawing in drawings.values() if drawing["osm"] or not osm
    ]


def text(features: list[Row]) -> str:
    """GeoJSON with a feature a line."""
    body = ",\n".join(json.dumps(f, ensure_ascii=False) for f in features)
    return '{"type": "FeatureCollection", "features": [\n' + body + "\n]}\n"


def main() -> None:
    """Write both files."""
    for path, osm in ((DATA / "lines.geojson", False), (DATA / "odbl" / "lines.geojson", True)):
        features = build(DATA, osm=osm)
        path.write_text(text(features), encoding="utf-8")
        print(f"{path.relative_to(DATA.parent)}: {len(features)} sections")


if __name__ == "__main__":
    main()

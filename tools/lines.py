"""Draw the sections: `python -m tools.lines` joins ordered points to lines.

Reads ``data/sections.csv`` (what there is), ``data/section_parts.csv`` (which stretch of
which trace of points) and the points themselves, see `tools.points`. Writes
``data/lines.geojson`` without any OpenStreetMap position, and ``data/odbl/lines.geojson``
with those sections that have one. Each vertex has a measure: km along the section. Each leg
of a section has its basis and its accuracy.
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from shapely.geometry import LineString, MultiLineString, mapping

from cpecgeo.catalogue.lines import MEET_KM
from cpecgeo.geodesy import Chainage, length_km
from tools.legs import describe_legs, edge_basis
from tools.points import Points, read_points, stretch

Row = dict[str, Any]

DATA = Path(__file__).parents[1] / "data"


def gap_km(a: pd.Series, b: pd.Series) -> float:
    """Return the geodesic distance of two points in km."""
    if (a["lon"], a["lat"]) == (b["lon"], b["lat"]):
        return 0.0
    return float(length_km(LineString([(a["lon"], a["lat"]), (b["lon"], b["lat"])])))


def join_parts(points: Points, parts: pd.DataFrame, kind: str) -> list[pd.DataFrame]:
    """Join the parts of a section to lines: one, or several where a part starts a new line."""
    lines: list[pd.DataFrame] = []
    for _, part in parts.sort_values("order").iterrows():
        rows = stretch(points, part, kind).copy()
        if len(rows) < 2:
            return []
        posts = rows["km"]
        rows["km"] = (posts - posts.iloc[0]).abs()
        # Where one road continues another, the edge from their shared point belongs to the second.
        rows[["road_before", "vertex_before"]] = rows[["road", "vertex"]].shift()
        if not lines or part["new_part"] is True:
            lines.append(rows)
            continue
        before = lines[-1]
        gap = gap_km(before.iloc[-1], rows.iloc[0])
        if gap > MEET_KM:
            msg = f"{part['section']}: part {part['order']} starts {gap:.2f} km from the last end"
            raise ValueError(msg)
        rows["km"] += before["km"].iloc[-1]
        lines[-1] = pd.concat([before, rows.iloc[1:]])
    return lines


def draw(section: pd.Series, parts: pd.DataFrame, points: Points) -> Row | None:
    """Draw a section, without its chainage; return None where its points are too few."""
    lines = join_parts(points, parts, section["kind"])
    if not lines:
        return None
    rows = pd.concat(lines)
    shapes = [LineString(line[["lon", "lat"]].to_numpy()) for line in lines]
    line = shapes[0] if len(shapes) == 1 else MultiLineString(shapes)
    posts = rows["km"].to_numpy(float, copy=True) if len(lines) == 1 else np.full(len(rows), np.nan)
    if np.isnan(posts[[0, -1]]).any():
        posts[:] = np.nan
    edges = [LineString(pair) for shape in shapes for pair in pairwise(shape.coords)]
    return {
        "section": section,
        "line": line,
        "posts": posts,
        "traces": rows["trace"].to_numpy(),
        "ids": rows["id"].tolist(),
        "sizes": [len(line) for line in lines],
        "drawn_km": float(length_km(line)),
        "points_km": rows["accuracy_km"].to_numpy(float),
        "edges_km": np.asarray(length_km(gpd.GeoSeries(edges, crs=4326)), float),
        "edges": [basis for line in lines for basis in edge_basis(line, section, points)],
        "osm": bool(rows["osm"].any()),
    }


def chainage_km(drawing: Row, drawings: dict[str, Row]) -> float | None:
    """Return the length by chainage: from km posts, else published, else a share of another's."""
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
    """Return which vertices end a stretch that isn't a part of the longer road."""
    return ~np.isin(drawing["traces"], np.unique(whole["traces"]))


def shared_km(drawing: Row, beside: np.ndarray, ratio: float) -> np.ndarray:
    """Return km along a section: by the ratio of the longer road on it, and as drawn beside it."""
    legs = np.diff(Chainage(drawing["line"]).measures_km)
    return np.append(0.0, np.cumsum(legs * np.where(beside[1:], 1.0, ratio)))


def feature(drawing: Row, drawings: dict[str, Row]) -> Row:
    """Return the GeoJSON feature of a drawing."""
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
    measures = [round(float(m), 4) for m in chain.measures_km]
    legs = describe_legs(drawing, km, measures)
    return {
        "type": "Feature",
        "id": section["id"],
        "properties": {
            "id": section["id"],
            "name": section["name"],
            "kind": section["kind"],
            "status": section["status"],
            "drawn_km": round(drawing["drawn_km"], 3),
            "accuracy_km": max(leg["accuracy_km"] for leg in legs),
            "licence": "CC-BY-4.0",
            "measures_km": measures,
            "stops": {name: i for i, name in enumerate(drawing["ids"]) if name},
            "legs": legs,
        },
        "geometry": mapping(line),
    }


def build(data: Path, *, osm: bool) -> list[Row]:
    """Build all sections that can be drawn from the points at hand."""
    points = read_points(data, osm=osm)
    sections = pd.read_csv(data / "sections.csv").set_index("id", drop=False)
    parts = pd.read_csv(data / "section_parts.csv", dtype={"from": object, "to": object})
    drawings = {}
    for name, rows in parts.groupby("section", sort=False):
        drawing = draw(sections.loc[name], rows, points)
        if drawing is not None:
            drawings[str(name)] = drawing
    features = [
        feature(drawing, drawings) for drawing in drawings.values() if drawing["osm"] or not osm
    ]
    return _set_licences(features, build(data, osm=False)) if osm else features


def _set_licences(features: list[Row], free: list[Row]) -> list[Row]:
    """Set the licence: ODbL for lines that OpenStreetMap's positions change, CC BY for others."""
    shapes = {f["id"]: f["geometry"] for f in free}
    for f in features:
        changed = f["geometry"] != shapes.get(f["id"])
        f["properties"]["licence"] = "ODbL-1.0" if changed else "CC-BY-4.0"
    return features


def text(features: list[Row]) -> str:
    """Return features as GeoJSON, one in each line."""
    body = ",\n".join(json.dumps(f, ensure_ascii=False) for f in features)
    return '{"type": "FeatureCollection", "features": [\n' + body + "\n]}\n"


def main() -> None:
    """Write the lines with and without OpenStreetMap's positions."""
    for path, osm in ((DATA / "lines.geojson", False), (DATA / "odbl" / "lines.geojson", True)):
        features = build(DATA, osm=osm)
        path.write_text(text(features), encoding="utf-8")
        print(f"{path.relative_to(DATA.parent)}: {len(features)} sections")


if __name__ == "__main__":
    main()

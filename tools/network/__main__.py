"""Join all sections to a network: `python -m tools.network`.

Reads the lines and tables of ``data/`` as the package does, and writes ``data/network.json``
without any OpenStreetMap position, and ``data/odbl/network.json`` with them. The package loads
one of the two, as it stands.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString

from cpecgeo import geodesy
from cpecgeo.catalogue.files import read_table
from cpecgeo.routing.additions import find_countries
from cpecgeo.routing.graph import XY
from tools.network.segments import (
    Node,
    Segment,
    Vertex,
    add_transfers,
    join_junctions,
    read_segments,
    read_vertices,
    section_rows,
    split_borders,
    state_season,
)

ROOT = Path(__file__).parents[2]

# How well a town is placed where only the network draws a road through it.
_TOWN_KM = 2.0

Row = dict[str, Any]


def build() -> dict[str, Any]:
    """Join the sections as the data has them now; return nodes, edges and measures as lists."""
    at, where = read_vertices()
    sections = section_rows()
    segments = read_segments(where, sections)
    same = join_junctions(segments, at)
    keys: dict[Node, int] = {}
    rows: list[Row] = []
    measures: list[NDArray[np.float64]] = []
    for chain, line in _chains(segments, at, same):
        ends = [same.get((chain[0].mode, xy), xy) for xy in (line[0], line[-1])]
        u, v = (keys.setdefault((chain[0].mode, xy, ""), len(keys)) for xy in ends)
        km = np.concatenate(([0.0], np.cumsum([s.km for s in chain])))
        rows.append(
            {
                "u": u,
                "v": v,
                "mode": chain[0].mode,
                "km": float(km[-1]),
                "section": chain[0].section,
                "sections": tuple(sorted(chain[0].km_of)),
                "status": chain[0].status,
                "opened": chain[0].opened or None,
                "accuracy_km": max(s.accuracy_km for s in chain),
                "geometry": LineString(line),
            }
        )
        measures.append(km)
    _describe(rows, sections)
    split_borders(rows, keys, measures)
    add_transfers(rows, keys, measures, where, same)
    unnamed = Vertex("", "", "")
    names = [at.get(xy, unnamed) for _, xy, _ in keys]
    lines = [shapely.get_coordinates(row["geometry"]).tolist() for row in rows]
    columns = {name: [row[name] for row in rows] for name in rows[0] if name != "geometry"}
    columns["sections"] = [" ".join(names) for names in columns["sections"]]
    return {
        "nodes": {
            "id": [v.id for v in names],
            "name": [v.name for v in names],
            "name_ur": [v.name_ur for v in names],
            "mode": [mode for mode, _, _ in keys],
            "lon": [xy[0] for _, xy, _ in keys],
            "lat": [xy[1] for _, xy, _ in keys],
        },
        "edges": {
            **{name: [_plain(value) for value in column] for name, column in columns.items()},
            "vertices": [len(line) for line in lines],
        },
        "vertices": {
            "lon": [x for line in lines for x, _ in line],
            "lat": [y for line in lines for _, y in line],
            "km": [x for km in measures for x in km.tolist()],
        },
    }


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: None where it is missing."""
    return None if pd.isna(value) else value


def _chains(
    parts: list[Segment], at: dict[XY, Vertex], same: dict[tuple[str, XY], XY]
) -> list[tuple[list[Segment], list[XY]]]:
    """Return chains of segments from node to node, each with the positions along it."""
    meet: dict[tuple[str, XY], list[int]] = {}
    for i, segment in enumerate(parts):
        for xy in (segment.a, segment.b):
            meet.setdefault((segment.mode, same.get((segment.mode, xy), xy)), []).append(i)

    def ends(mode: str, xy: XY) -> bool:
        here = meet[mode, same.get((mode, xy), xy)]
        return xy in at or len(here) != 2 or parts[here[0]].kind != parts[here[1]].kind

    seen: set[int] = set()
    chains = []
    for i, segment in enumerate(parts):
        for start, ahead in ((segment.a, segment.b), (segment.b, segment.a)):
            if i in seen or not ends(segment.mode, start):
                continue
            chain, line, now = [segment], [start, ahead], i
            seen.add(i)
            while not ends(segment.mode, line[-1]):
                now = next(j for j in meet[segment.mode, line[-1]] if j != now)
                step = parts[now]
                seen.add(now)
                chain.append(step)
                line.append(step.b if step.a == line[-1] else step.a)
            chains.append((chain, line))
    return chains


def _describe(rows: list[Row], sections: dict[str, Row]) -> None:
    """Add what the section says, the speed and the country."""
    speeds = read_table("speeds.csv").set_index("id")["kmh"].astype(float)
    lines = gpd.GeoSeries([row["geometry"] for row in rows], crs=4326)
    drawn = geodesy.length_km(lines)
    for row, country, chord in zip(rows, find_countries(lines), drawn, strict=True):
        about = sections[row["section"]]
        kmh = float(speeds[about["speed_class"]])
        accuracy = row["accuracy_km"]
        if pd.isna(accuracy):
            # How far a road of this length can be from the straight line between its ends.
            accuracy = 0.5 * np.sqrt(max(0.0, row["km"] ** 2 - chord**2)) + _TOWN_KM
        row |= {
            "name": about["name"],
            "speed_class": about["speed_class"],
            "season": state_season(about),
            "kmh": kmh,
            "hours": row["km"] / kmh,
            "country": country,
            "crossing": "",
            "basis": about["basis"],
            "accuracy_km": float(accuracy),
            "source": about["source"],
            "licence": about["licence"],
        }


def text() -> str:
    """Return the network of the data as it is now, as the file holds it: a column per line."""
    made = build()
    tables = [
        f'"{table}": {{\n'
        + ",\n".join(
            f'"{name}": {json.dumps(column, ensure_ascii=False, allow_nan=False)}'
            for name, column in columns.items()
        )
        + "\n}"
        for table, columns in made.items()
    ]
    return "{\n" + ",\n".join(tables) + "\n}\n"


def text_without_osm() -> str:
    """Return the network of the data without OpenStreetMap's folder, built in another process."""
    with tempfile.TemporaryDirectory() as name:
        beside = Path(name)
        for folder in ("cpecgeo", "tools"):
            shutil.copytree(
                ROOT / folder, beside / folder, ignore=shutil.ignore_patterns("__pycache__")
            )
        shutil.copytree(ROOT / "data", beside / "data", ignore=shutil.ignore_patterns("odbl"))
        code = "import sys; from tools.network.__main__ import text; sys.stdout.write(text())"
        run = subprocess.run(
            [sys.executable, "-X", "utf8", "-c", code],
            cwd=beside,
            env={**os.environ, "PYTHONPATH": name},
            capture_output=True,
            check=True,
        )
    return run.stdout.decode("utf-8").replace("\r\n", "\n")


def main() -> None:
    """Write both files."""
    (ROOT / "data" / "odbl" / "network.json").write_text(text(), encoding="utf-8", newline="\n")
    (ROOT / "data" / "network.json").write_text(text_without_osm(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()

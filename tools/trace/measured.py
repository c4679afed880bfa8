"""Measure lines through way points against the traced roads: ``python -m tools.trace.measured``.

Writes ``tools/trace/measured.json``: by trace, the distance within which 95 of 100 places on
the visible road lie, for the line through way points alone and for the way points that stay
where traced roads are put in. `tools.legs` gives it to what is drawn through places.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from shapely.geometry import LineString

from cpecgeo.geodesy import Chainage, distance_km
from tools.points import Points, read_points

ROOT = Path(__file__).parents[2]
PATH = Path(__file__).with_name("measured.json")

SHARE = 0.95
EVERY_KM = 1.0


def visible_places(road: dict[str, Any], every_km: float = EVERY_KM) -> gpd.GeoSeries:
    """Places along a traced road, `every_km` apart, that no label hides."""
    chain = Chainage(LineString(road["geometry"]["coordinates"]))
    km = np.arange(0.0, chain.end_km, every_km)
    at = np.asarray(chain.measures_km)
    shown = np.ones(len(km), bool)
    for first, last in road["properties"]["labels"]:
        shown &= (km < at[first]) | (km > at[last])
    return gpd.GeoSeries(np.asarray(chain.at(km[shown])), crs=4326)


def deviations(road: dict[str, Any], rows: pd.DataFrame) -> np.ndarray:
    """Km from the places on a traced road to the line through the points of its trace."""
    nodes = road["properties"]["nodes"]
    first, last = sorted(np.flatnonzero(rows["id"].isin([nodes[0], nodes[-1]])))
    line = LineString(rows.iloc[first : last + 1][["lon", "lat"]].to_numpy(float))
    places = visible_places(road)
    lines = gpd.GeoSeries([line] * len(places), crs=4326)
    return np.asarray(distance_km(places, lines), float)


def measured(roads: list[dict[str, Any]], points: Points) -> dict[str, float]:
    """95 % value of the line through the points, by trace, in km."""
    found: dict[str, list[np.ndarray]] = {}
    for road in roads:
        trace = road["properties"]["trace"]
        if road["properties"]["sections"] is None:
            found.setdefault(trace, []).append(deviations(road, points.traces[trace]))
    return {
        trace: round(float(np.quantile(np.concatenate(km), SHARE)), 2)
        for trace, km in sorted(found.items())
    }


def both(data: Path) -> dict[str, dict[str, float]]:
    """What `main` writes: of the lines through places alone, and where roads are put in."""
    roads = json.loads((data / "odbl" / "roads.geojson").read_text(encoding="utf-8"))["features"]
    checks = [road for road in roads if road["properties"]["use"] == "check"]
    return {
        "alone": measured(roads, read_points(data, osm=False)),
        "with_roads": measured(checks, read_points(data, osm=True)),
    }


def main() -> None:
    """Measure and write."""
    content = json.dumps(both(ROOT / "data"), indent=1)
    PATH.write_text(content + "\n", encoding="utf-8", newline="\n")
    print(f"{PATH.name}: {content.count(':') - 2} values")


if __name__ == "__main__":
    main()

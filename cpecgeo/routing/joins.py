"""Edges that join what stands apart: borders, and changes between road and rail."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from shapely.geometry import LineString, Point

from cpecgeo import geodesy
from cpecgeo.catalogue import layer
from cpecgeo.catalogue.files import read_table
from cpecgeo.routing.pieces import XY

__all__ = ["Node", "add_transfers", "split_borders"]

# A crossing belongs to a node at most this far from it.
_CROSSING_KM = 2.0

Node = tuple[str, XY, str]
"""Mode, position, and the side of a border where a position lies on one."""


def split_borders(
    rows: list[dict[str, Any]], keys: dict[Node, int], measures: list[NDArray[np.float64]]
) -> None:
    """Cut nodes that lie on a border in two, joined by an edge that a crossing can close."""
    crossings = layer("crossings")
    crossings = crossings[crossings.geometry.notna()].reset_index(drop=True)
    hours = read_table("border_hours.csv").set_index("crossing")["hours"]
    for (mode, xy, side), node in list(keys.items()):
        here = [r for r in rows if node in {r["u"], r["v"]} and r["mode"] == mode]
        lands = sorted({r["country"] for r in here})
        if len(lands) < 2 or side:
            continue
        near = geodesy.nearest(Point(xy), crossings.geometry).iloc[0]
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
    """Edges between road and rail at named places, with the time to change."""
    for spot in read_table("transfers.csv").itertuples(index=False):
        ends = {"road": where[spot.road], "rail": where[spot.rail]} if spot.rail in where else {}
        nodes = [keys.get((m, same.get((m, xy), xy), "")) for m, xy in ends.items()]
        if not nodes or None in nodes:
            continue  # the station's position is OpenStreetMap's, and that folder is left out
        line = LineString(list(ends.values()))
        km = float(geodesy.length_km(line)) if ends["road"] != ends["rail"] else 0.0
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
                "geometry": line,
            }
        )
        measures.append(np.array([0.0, km]))

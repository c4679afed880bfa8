"""Basis and accuracy of each leg of a section."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tools.points import VERTEX_KM, Points

Row = dict[str, Any]

TRACED_KM = VERTEX_KM
"""95 % value of a road traced from tiles of 2.1 km a pixel: junctions of OpenStreetMap that
are on the road lie within it (see `tools.trace.junctions` and the page on the lines)."""

LABEL_KM = 5.0
"""95 % value where a label covers the road, whose two ends are joined across it."""

USUAL_RATIO = 0.9
"""Drawn length divided by real length where none is published: the median of the roads."""

STEP_KM = 0.5
"""Accuracies of legs are rounded up to a multiple of this."""

UNCONFIRMED, UNCONFIRMED_KM = 2.5, 50.0
"""Factor for legs through places that weren't measured, and the length up to which it applies.
Along 16 measured roads the real line is then within the accuracy at 96 % of the points, and at 79 %
without the factor, because villages were chosen along the straight line between towns. Longer legs
need no factor."""

LEAST_RATIO = 1.02
"""Real length divided by drawn length where the published one isn't longer: no road is straight."""

BY_JUNCTIONS = {"m14": 2.5}
"""Opened after the tiles: 17 junctions of OpenStreetMap on it are 0.6 km (median) and 1.5 km
(95 %) from the line through places."""

MEASURED = json.loads(
    (Path(__file__).parent / "trace" / "measured.json").read_text(encoding="utf-8")
)


def edge_basis(rows: pd.DataFrame, section: pd.Series, points: Points) -> list[str]:
    """Return the basis of each edge between consecutive points.

    Parameters
    ----------
    rows : DataFrame
        The points of a line in order.
    section : Series
    points : Points

    Returns
    -------
    list of str
        ``traced``, ``label`` (traced, but under a label), ``stations``, ``places`` or
        ``schematic``.
    """
    other = "stations" if section["kind"] == "rail" else "places"
    if section["basis"] == "schematic":
        other = "schematic"
    road, vertex = rows["road"].to_numpy(), rows["vertex"].to_numpy()
    before = rows["vertex_before"].to_numpy(float)
    traced = (road == rows["road_before"].to_numpy()) & (road != "")
    traced &= np.abs(vertex - before) == 1
    found = []
    for i, on in enumerate(traced[1:], 1):
        hidden = on and min(vertex[i], before[i]) in points.hidden[road[i]]
        found.append(("label" if hidden else "traced") if on else other)
    return found


def accuracy_km(drawing: Row, chain_km: float | None) -> np.ndarray:
    """Return the accuracy of each edge: at 95 % of its points the real line is no farther off.

    Traced edges, and those through places beside a traced road, have the measured value. A line of
    length s between points c apart stays inside the ellipse that has them as foci, so it is no
    farther than half of sqrt(s² - c²) from the chord. s follows from the section's mean ratio of
    published to drawn length; the points' own accuracy is added.
    """
    basis = np.array(drawing["edges"])
    ratio = chain_km / drawing["drawn_km"] if chain_km else 1 / USUAL_RATIO
    least = 1.0 if drawing["section"]["kind"] == "rail" else LEAST_RATIO
    found = 0.5 * drawing["edges_km"] * math.sqrt(max(least, ratio) ** 2 - 1)
    starts = np.cumsum([0, *drawing["sizes"]])
    firsts = np.concatenate([np.arange(a, b - 1) for a, b in pairwise(starts)])
    found += np.maximum(drawing["points_km"][firsts], drawing["points_km"][firsts + 1])
    found[(basis == "places") & (drawing["edges_km"] < UNCONFIRMED_KM)] *= UNCONFIRMED
    known = MEASURED["with_roads" if drawing["osm"] else "alone"] | BY_JUNCTIONS
    for trace, km in known.items():
        found[(basis == "places") & (drawing["traces"][firsts] == trace)] = km
    found[basis == "traced"], found[basis == "label"] = TRACED_KM, LABEL_KM
    return np.asarray(np.ceil(np.round(found / STEP_KM, 6)) * STEP_KM)


def describe_legs(drawing: Row, chain_km: float | None, measures: list[float]) -> list[Row]:
    """Return the legs of a section: stretches of one basis and accuracy, by km along it."""
    accuracy = accuracy_km(drawing, chain_km)
    legs: list[Row] = []
    starts = np.cumsum([0, *drawing["sizes"]])
    ends = [(i, i + 1) for a, b in pairwise(starts) for i in range(a, b - 1)]
    for (a, b), basis, km in zip(ends, drawing["edges"], accuracy.tolist(), strict=True):
        same = legs and (legs[-1]["basis"], legs[-1]["accuracy_km"]) == (basis, km)
        if same and legs[-1]["km_to"] == measures[a]:
            legs[-1]["km_to"] = measures[b]
        else:
            legs.append(
                {"km_from": measures[a], "km_to": measures[b], "basis": basis, "accuracy_km": km}
            )
    return legs

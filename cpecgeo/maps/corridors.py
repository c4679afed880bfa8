"""Corridors as layers: their sections, stops and km posts."""

from __future__ import annotations

import re
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from cpecgeo.maps import encode
from cpecgeo.maps.style import Style

__all__ = [
    "LINE_FIELDS",
    "NETWORK",
    "encode_posts",
    "list_figures",
    "shorten_name",
    "style_line",
    "style_stops",
    "tabulate_sections",
    "tabulate_stops",
]

# Kinds of line, in the order in which they are drawn.
NETWORK = (
    ("road", "Roads"),
    ("rail", "Railways"),
    ("mining", "Mining corridor"),
)
# A section's own source is that of its length.
WAY_POINTS = "way points of roads: GeoNames"
LINE_FIELDS = (
    "kind", "part_of", "opened", "official_km", "drawn_km", "ratio", "reason", "km_from", "km_to",
    "competing", "accuracy_km", "basis", "note", "source", "source_date",
)  # fmt: skip


def style_line(frame: gpd.GeoDataFrame, **more: Any) -> Style:
    """How sections are drawn, and what their popups say."""
    extra: dict[str, Any] = {"order": 3, "once": True, "grow": True}
    if "licence" in frame.columns and (frame["licence"] == "CC-BY-4.0").any():
        extra["sources"] = [WAY_POINTS]
    options: dict[str, Any] = {
        "popup": [c for c in LINE_FIELDS if c in frame.columns],
        "label": "short",
        "label_zoom": 5.0,
        "label_class": "line",
        "extra": extra,
    }
    return Style(**(options | more))


def tabulate_sections(thing: Any) -> gpd.GeoDataFrame:
    """A corridor's sections as its popups tell them.

    Parameters
    ----------
    thing : Corridor
        With `sections`.

    Returns
    -------
    GeoDataFrame
        Sections with geometry; `kind` is that of the network, `corridor` the corridor's title,
        `short` its name for labels, `competing` the competing figures of section and whole.
    """
    frame = thing.sections
    frame = frame[frame.geometry.notna()].copy()
    kinds = frame["kind"] if "kind" in frame.columns else [thing.kind] * len(frame)
    own = {"rail": "rail", "road": thing.kind}
    frame["kind"] = [own.get(k, thing.kind) for k in kinds]
    frame["corridor"] = str(thing.title)
    frame["short"] = pd.Series([shorten_name(thing)] * len(frame), index=frame.index, dtype=object)
    figures = list_figures(thing.competing)
    if figures:
        frame["competing"] = [figures] * len(frame)
    return frame


def shorten_name(thing: Any) -> str | None:
    """What a label on the line says: ML-1 for ml1, N-35 for "… (N-35)"; None for long names."""
    code = re.search(r"\b(ML|[GMN])-?(\d+)\b", str(thing.title))
    code = code or re.fullmatch(r"(ml|[mn])(\d+)", str(thing.name))
    if code:
        return f"{code[1].upper()}-{code[2]}"
    return str(thing.name).upper() if len(str(thing.name)) <= 4 else None


def list_figures(competing: Any) -> list[str]:
    """Competing figures as lines of text."""
    if not isinstance(competing, pd.DataFrame) or not len(competing):
        return []
    rows = []
    for row in competing.to_dict("records"):
        number = row.get("value")
        if number is None or pd.isna(number):
            continue
        value = f"{number:,.10g}" if isinstance(number, (int, float)) else str(number)
        parts = [f"{value} {row.get('unit') or ''}".strip()]
        parts += [str(row[c]) for c in ("quantity", "source") if not pd.isna(row.get(c))]
        rows.append("; ".join(parts)[:240])
    return rows[:12]


def tabulate_stops(thing: Any) -> gpd.GeoDataFrame | None:
    """A corridor's stops that have a place, or None.

    Parameters
    ----------
    thing : Corridor
        With `stops`.

    Returns
    -------
    GeoDataFrame or None
        `weight_` is 2 for the ends, 1 for junctions and the like, 0 for the rest.
    """
    stops = thing.stops
    if not isinstance(stops, gpd.GeoDataFrame) or not stops.geometry.notna().any():
        return None
    stops = stops[stops.geometry.notna()]
    large = stops["name"].astype(str).str.contains(r"\b(?:Junction|Cantt|Cantonment|City)\b")
    if not large.any():
        large[:] = True
    weight = large.astype(int).to_numpy(copy=True)
    weight[[0, -1]] = 2
    return stops.assign(weight_=weight)


def style_stops(stops: gpd.GeoDataFrame) -> Style:
    """How the stops of `tabulate_stops` are drawn.

    Parameters
    ----------
    stops : GeoDataFrame
        With `weight_`.

    Returns
    -------
    Style
    """
    shown = [c for c in ("km", "kind", "accuracy_km", "basis", "source") if c in stops.columns]
    zooms = [(8.0, 5.0, 3.0)[w] for w in stops["weight_"]]
    return Style(
        color="#3a3a3a", radius=2.8, label="name", label_zoom=3.0, label_class="stop",
        rank="weight_", legend="Stop", popup=shown, extra={"order": 1, "zooms": zooms},
    )  # fmt: skip


def encode_posts(thing: Any) -> dict[str, Any] | None:
    """Km posts of a corridor, one per km, encoded.

    Parameters
    ----------
    thing : Corridor
        With a method ``km_posts(every=…)``.

    Returns
    -------
    dict or None
        ``first_km`` and ``points``; None without posts.
    """
    if not hasattr(thing, "km_posts"):
        return None
    posts = thing.km_posts(every=1)
    if not len(posts):
        return None
    return {
        "first_km": round(float(posts["km"].iloc[0])),
        "points": encode.points(np.asarray(posts.geometry.array, dtype=object)),
    }

"""Stops of a corridor: the named points it runs through, with their chainage."""

from __future__ import annotations

from functools import cache
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from cpecgeo.catalogue import layer
from cpecgeo.catalogue.files import read_table

__all__ = ["stops"]

_COLUMNS = [
    "id",
    "name",
    "name_ur",
    "kind",
    "km",
    "post_km",
    "status",
    "accuracy_km",
    "basis",
    "source",
    "licence",
    "note",
    "geometry",
]


@cache
def _points() -> gpd.GeoDataFrame:
    """Load way points and stations in one frame; `km` of a station is its own line's post."""
    stations = layer("stations").rename(columns={"km": "post_km"})
    ways = layer("waypoints").query("kind == 'place'").assign(post_km=np.nan)
    frame = pd.concat([stations, ways], ignore_index=True)
    return gpd.GeoDataFrame(frame, geometry="geometry", crs=4326)


def stops(sections: list[str], whole: Any, chain: Any) -> gpd.GeoDataFrame:
    """Return the stops of a corridor in order of chainage.

    Parameters
    ----------
    sections : list of str
        Its section ids.
    whole : Assembled
        Line, measures and spans of the sections.
    chain : Chainage

    Returns
    -------
    GeoDataFrame
        A stop that is a vertex has that vertex's chainage. A station without a position has
        the chainage of its km post, interpolated between its neighbours' posts.
    """
    points, parts = _points(), read_table("section_parts.csv")
    xy = shapely.get_coordinates(chain.line)
    km_at: dict[tuple[float, float], float] = {}
    for (lon, lat), km in zip(xy, chain.measures_km, strict=True):
        km_at.setdefault((lon, lat), float(km))
    rows = []
    for name, _, _, _ in whole.sections:
        for trace in parts.loc[parts["section"] == name, "trace"]:
            on = points[points["trace"] == trace].sort_values("order")
            rows.append(_on_trace(on, km_at))
    frame = pd.concat(rows, ignore_index=True)
    frame = frame.dropna(subset=["km"]).sort_values("km", kind="stable")
    frame = frame[~frame.duplicated(["name", "km"])].drop_duplicates("id")
    frame = gpd.GeoDataFrame(frame[_COLUMNS].reset_index(drop=True), geometry="geometry", crs=4326)
    frame.attrs = {"method": "calibrated chainage", "sections": list(sections)}
    return frame


def _on_trace(on: gpd.GeoDataFrame, km_at: dict[tuple[float, float], float]) -> pd.DataFrame:
    """Return the points of one trace that lie on the corridor, with chainage."""
    km = np.array(
        [np.nan if p is None else km_at.get((p.x, p.y), np.nan) for p in on.geometry], float
    )
    post = on["post_km"].to_numpy(float)
    known = ~np.isnan(km) & ~np.isnan(post)
    if known.sum() > 1:
        lacking = np.array([p is None for p in on.geometry]) & ~np.isnan(post)
        order = np.argsort(post[known])
        at, value = post[known][order], km[known][order]
        within = lacking & (post >= at[0]) & (post <= at[-1])
        km[within] = np.interp(post[within], at, value)
    return on.assign(km=km)

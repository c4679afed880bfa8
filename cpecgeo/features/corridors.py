"""The corridors by name, and the table of them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd

from cpecgeo.catalogue import assemble, corridor_rows, layer, table
from cpecgeo.catalogue.lines import corridor_id
from cpecgeo.errors import InputError
from cpecgeo.features.corridor import Corridor
from cpecgeo.features.stops import stops
from cpecgeo.geodesy import Chainage

__all__ = ["corridor", "corridors"]

_SHOWN = [
    "id",
    "title",
    "kind",
    "status",
    "length_km",
    "official_km",
    "ratio",
    "chainage_km",
    "accuracy_km",
    "basis",
    "opened",
    "source",
]


@cache
def _corridor(name: str) -> Corridor:
    row, whole = corridor_rows()[name], assemble(name)
    chain = Chainage(whole.line, whole.measures_km)
    parts = layer("sections").loc[row["sections"]]
    parts = parts.reset_index(drop=True).rename(columns={"ratio_reason": "reason"})
    parts.insert(2, "km_from", [s[1] for s in whole.sections])
    parts.insert(3, "km_to", [s[2] for s in whole.sections])
    # Some are drawn against their km.
    against = np.array([s[3] for s in whole.sections])
    parts["geometry"] = parts.geometry.where(~against, parts.geometry.reverse())
    figures = table("figures")
    about = {name, *row["sections"], *_wholes(name)}
    official = row["official_km"]
    stated = [row["source"]] if isinstance(row["source"], str) else []
    return Corridor(
        name=name,
        title=row["title"],
        kind=row["kind"],
        status=row["status"],
        line=chain.line,
        stops=stops(row["sections"], whole, chain),
        sections=parts,
        official_km=float("nan") if pd.isna(official) else float(official),
        official_note="" if pd.isna(row["official_note"]) else row["official_note"],
        competing=figures[figures["feature"].isin(about)].reset_index(drop=True),
        accuracy_km=float(parts["accuracy_km"].max()),
        sources=tuple(dict.fromkeys([*stated, *parts["source"]])),
        chainage=chain,
    )


def _wholes(name: str) -> list[str]:
    frame = layer("sections")
    return list(frame.loc[frame["corridor"] == name, "id"])


def corridor(name: str, *, geometry: Literal["bundled", "osm"] = "bundled") -> Corridor:
    """Load one corridor by name.

    Parameters
    ----------
    name : str
        Forgiving: ``"ML-1"``, ``"ml1"``, ``"Main Line 1"``.
    geometry : {"bundled", "osm"}
        The line that ships with the package, or the one that `cpecgeo.osm.refresh` made.

    Returns
    -------
    Corridor

    Raises
    ------
    UnknownNameError
        No such corridor; the message has near names.
    DataError
        The corridor hasn't been refreshed from OpenStreetMap, or the stored file is damaged.
    InputError
        Another word for `geometry`.

    Examples
    --------
    >>> corridor("Karakoram Highway").name
    'kkh'
    >>> corridor("karakorum")
    Traceback (most recent call last):
    cpecgeo.errors.UnknownNameError: No corridor named 'karakorum'. Did you mean ...
    """
    if geometry == "osm":
        return _from_osm(name)
    if geometry != "bundled":
        raise InputError(f"geometry is {geometry!r}; give 'bundled' or 'osm'.")
    kept = _corridor(corridor_id(name))
    # The kept one is shared: whoever edits a table edits a copy.
    tables = {field: getattr(kept, field).copy() for field in ("stops", "sections", "competing")}
    return replace(kept, **tables)


def _from_osm(name: str) -> Corridor:
    from cpecgeo.osm.stored import corridor as stored

    return stored(name)


def corridors() -> gpd.GeoDataFrame:
    """List all corridors with drawn and published lengths.

    Returns
    -------
    GeoDataFrame
        On the id: `title kind status length_km official_km ratio chainage_km accuracy_km …`.
        `ratio` is drawn to published length; it is below 1 where bends are finer than the
        points that the line is drawn through.

    Examples
    --------
    >>> round(corridors().loc["ml1", "ratio"], 3)
    np.float64(0.975)
    """
    frame = layer("corridors")
    frame["ratio"] = frame["length_km"] / frame["official_km"]
    attrs = frame.attrs
    frame = frame[[*_SHOWN, "geometry"]]
    frame.attrs = attrs
    return frame

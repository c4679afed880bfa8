"""The corridors by name, and the table of them."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from functools import cache, lru_cache
from warnings import warn

import geopandas as gpd
import numpy as np
import pandas as pd

from cpecgeo.catalogue import assemble, corridor_rows, layer, table
from cpecgeo.catalogue.geometry import Geometry, fingerprint, in_force, using
from cpecgeo.catalogue.lines import corridor_id
from cpecgeo.catalogue.redrawn import redrawn_corridor, stored
from cpecgeo.errors import DataError, DataWarning
from cpecgeo.features.corridor import Corridor
from cpecgeo.features.refreshed import Refreshed, rebuild, redraw
from cpecgeo.features.stops import stops
from cpecgeo.geodesy import Chainage

__all__ = ["corridor", "corridors", "refreshed"]

_MISSING = (
    "corridor {0!r} has no OpenStreetMap geometry yet; get it with cpecgeo.osm.refresh({0!r})"
)

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

_TABLES = ("stops", "sections", "competing", "legs")


@cache
def _bundled(name: str) -> Corridor:
    with using(geometry="bundled"):
        return _assemble(name)


def _assemble(name: str) -> Corridor:
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
        stops=stops(row["sections"], whole),
        sections=parts,
        official_km=float("nan") if pd.isna(official) else float(official),
        official_note="" if pd.isna(row["official_note"]) else row["official_note"],
        competing=figures[figures["feature"].isin(about)].reset_index(drop=True),
        accuracy_km=float(parts["accuracy_km"].max()),
        sources=tuple(dict.fromkeys([*stated, *parts["source"]])),
        chainage=chain,
        legs=pd.DataFrame(
            whole.legs, columns=["section", "km_from", "km_to", "basis", "accuracy_km"]
        ),
    )


def _wholes(name: str) -> list[str]:
    frame = layer("sections")
    return list(frame.loc[frame["corridor"] == name, "id"])


@lru_cache(maxsize=256)
def _redrawn(name: str, key: Hashable) -> Corridor | None:
    kept = redrawn_corridor(name, key)
    return None if kept is None else redraw(_bundled(name), kept)


def corridor(name: str, *, geometry: Geometry | None = None) -> Corridor:
    """Return one corridor by name.

    Parameters
    ----------
    name : str
        Forgiving: ``"ML-1"``, ``"ml1"``, ``"Main Line 1"``.
    geometry : {"bundled", "osm"}, optional
        The line that ships with the package, or the one that `cpecgeo.osm.refresh` stored. The
        geometry in force (`cpecgeo.using`) when omitted; a corridor that wasn't refreshed is
        then the bundled one.

    Returns
    -------
    Corridor

    Raises
    ------
    UnknownNameError
        No such corridor; the message has near names.
    DataError
        ``geometry="osm"`` is given and the corridor hasn't been refreshed, or the stored file is
        damaged.
    InputError
        Another word for `geometry`.

    Warns
    -----
    DataWarning
        OpenStreetMap's geometry is in force and the corridor hasn't been refreshed.

    Examples
    --------
    >>> corridor("Karakoram Highway").name
    'kkh'
    >>> corridor("karakorum")
    Traceback (most recent call last):
    cpecgeo.errors.UnknownNameError: No corridor named 'karakorum'. Did you mean ...
    """
    found = _named(corridor_id(name), geometry)
    # The kept one is shared: whoever edits a table edits a copy.
    tables = {field: getattr(found, field).copy() for field in _TABLES}
    return replace(found, **tables)


def _named(key: str, geometry: Geometry | None) -> Corridor:
    if geometry == "osm":
        kept = stored(key)
        if kept is None:
            raise DataError(_MISSING.format(key) + ", or leave geometry='bundled'.")
        return redraw(_bundled(key), kept)
    if geometry is not None:
        with using(geometry=geometry):
            return _named(key, None)
    if in_force() == "bundled":
        return _bundled(key)
    found = _redrawn(key, fingerprint())
    if found is None:
        warn(
            f"Corridor {key!r} isn't refreshed from OpenStreetMap; its bundled line stands in.",
            DataWarning,
            stacklevel=3,
        )
    return found or _bundled(key)


def refreshed(name: str) -> Refreshed:
    """Return what `cpecgeo.osm.refresh` stored of a corridor, checked against its sha256.

    Parameters
    ----------
    name : str

    Returns
    -------
    Refreshed

    Raises
    ------
    DataError
        It was never refreshed, the file is damaged, or it was made for other sections.
    UnknownNameError
    """
    key = corridor_id(name)
    kept = stored(key)
    if kept is None:
        raise DataError(_MISSING.format(key) + ".")
    return rebuild(corridor(key, geometry="bundled"), kept)


def corridors() -> gpd.GeoDataFrame:
    """Return all corridors with drawn and published lengths.

    Returns
    -------
    GeoDataFrame
        On the id: `title kind status length_km official_km ratio chainage_km accuracy_km …`.
        `ratio` is drawn to published length; it is below 1 where bends are finer than the
        points that the line is drawn through.

    Examples
    --------
    >>> round(corridors().loc["ml1", "ratio"], 3)
    np.float64(0.977)
    """
    frame = layer("corridors")
    frame["ratio"] = frame["length_km"] / frame["official_km"]
    attrs = frame.attrs
    frame = frame[[*_SHOWN, "geometry"]]
    frame.attrs = attrs
    return frame

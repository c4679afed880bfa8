"""Corridors by name, bundled or with OpenStreetMap's geometry; their table and sections."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import replace
from functools import cache, lru_cache, partial
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from cpecgeo.catalogue import assemble, corridor_rows, layer
from cpecgeo.catalogue.files import Geometry, fingerprint, in_force, using
from cpecgeo.catalogue.geometry import MAPPED_KM, Stored, load_stored, redrawn_corridor
from cpecgeo.catalogue.lines import corridor_id
from cpecgeo.errors import DataError, warn
from cpecgeo.features.alignment import align_named, describe
from cpecgeo.features.corridor import Corridor
from cpecgeo.features.subject import provenance
from cpecgeo.geodesy import Chainage, length_km

__all__ = ["corridor", "corridors", "join_reasons", "lengths", "split_sections"]

_SHOWN = [
    "id", "title", "kind", "status", "length_km", "official_km", "ratio", "chainage_km",
    "accuracy_km", "basis", "opened", "source",
]  # fmt: skip

_TABLES = ("sections", "competing", "legs")


@cache
def _load_bundled(name: str) -> Corridor:
    row = corridor_rows()[name]
    with using(geometry="bundled"):
        sections = layer("sections")
        others = sections.loc[sections["corridor"] == name, "id"]
        whole = align_named(row["sections"], assemble(name), [name, *others])
    official = row["official_km"]
    stated = [row["source"]] if isinstance(row["source"], str) else []
    fields = describe(whole, name, row["title"], row["kind"], row["status"])
    return Corridor(
        **fields | {"sources": tuple(dict.fromkeys([*stated, *whole.sources]))},
        official_km=float("nan") if pd.isna(official) else float(official),
        official_note="" if pd.isna(row["official_note"]) else row["official_note"],
    )


@lru_cache(maxsize=256)
def _redrawn(name: str, key: Hashable) -> Corridor | None:
    kept = redrawn_corridor(name, key)
    return None if kept is None else _redraw(_load_bundled(name), kept)


def corridor(name: str, *, geometry: Geometry | None = None) -> Corridor:
    """Return one corridor by name.

    Parameters
    ----------
    name : str
        In any usual spelling: ``"ML-1"``, ``"ml1"``, ``"Main Line 1"``.
    geometry : {"bundled", "osm"}, optional
        The bundled line, or the one that `cpecgeo.osm.refresh` stored. When omitted, the geometry
        in force (`cpecgeo.using`), or the bundled line where the corridor hasn't been refreshed.

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
        Another value of `geometry`.

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
    found = _load(corridor_id(name), geometry)
    # The cached corridor is shared, so callers get copies of its tables.
    tables = {field: getattr(found, field).copy() for field in _TABLES}
    return replace(found, own_stops=partial(_copy_stops, found), **tables)


def _copy_stops(shared: Corridor) -> gpd.GeoDataFrame:
    return shared.stops.copy()


def _move_stops(bundled: Corridor, at: Mapping[str, float]) -> gpd.GeoDataFrame:
    """Return a corridor's stops with their km on another line, by id."""
    km = bundled.stops["id"].map(at).astype(float)
    return bundled.stops.assign(km=km)


def _load(key: str, geometry: Geometry | None) -> Corridor:
    if geometry == "osm":
        kept = load_stored(key)
        if kept is None:
            raise DataError(
                f"corridor {key!r} has no OpenStreetMap geometry yet; get it with "
                f"cpecgeo.osm.refresh({key!r}), or leave geometry='bundled'."
            )
        return _redraw(_load_bundled(key), kept)
    if geometry is not None:
        with using(geometry=geometry):
            return _load(key, None)
    if in_force() == "bundled":
        return _load_bundled(key)
    found = _redrawn(key, fingerprint())
    if found is None:
        warn(f"Corridor {key!r} isn't refreshed from OpenStreetMap; its bundled line stands in.")
    return found or _load_bundled(key)


def corridors() -> gpd.GeoDataFrame:
    """Return all corridors with drawn and published lengths.

    Returns
    -------
    GeoDataFrame
        Indexed by id: `title kind status length_km official_km ratio chainage_km accuracy_km …`.
        `ratio` is the drawn length divided by the published one; it is below 1 where the line's
        points are too sparse for the road's bends.

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


def lengths() -> pd.DataFrame:
    """List the drawn and published length of every corridor and section.

    Returns
    -------
    DataFrame
        `level` (corridor or section), `id`, `name`, `kind`, `status`, `drawn_km` (geodesic),
        `official_km`, `ratio`, `chainage_km`, `accuracy_km`, `reason` (why drawn and published
        differ), `source`. A section without a line has no `drawn_km`.

    Examples
    --------
    >>> table = lengths().set_index("id")
    >>> round(float(table.loc["taxila-havelian", "drawn_km"].iloc[0]), 1)
    53.2
    """
    whole = pd.DataFrame(corridors().drop(columns="geometry"))
    whole = whole.rename(columns={"title": "name", "length_km": "drawn_km"})
    parts = pd.DataFrame(layer("sections").drop(columns="geometry"))
    parts = parts.rename(columns={"ratio_reason": "reason"})
    why = parts["reason"]
    notes = layer("corridors")[["official_note", "sections"]]
    whole["reason"] = [
        join_reasons([note, *why[ids.split(", ")]]) for note, ids in notes.itertuples(index=False)
    ]
    columns = [
        "level", "id", "name", "kind", "status", "drawn_km", "official_km", "ratio", "chainage_km",
        "accuracy_km", "reason", "source",
    ]  # fmt: skip
    frame = pd.concat(
        [whole.assign(level="corridor")[columns], parts.assign(level="section")[columns]],
        ignore_index=True,
    )
    frame.attrs = {"method": "geodesic length", "ellipsoid": "WGS 84", **provenance()}
    return frame


def join_reasons(texts: Iterable[Any]) -> str:
    """Join notes on why drawn and published lengths differ, each clause once; not missing ones.

    Examples
    --------
    >>> join_reasons(["sparse points", None, "km posts; sparse points"])
    'sparse points; km posts'
    """
    known = [text for text in texts if isinstance(text, str) and text]
    return "; ".join(dict.fromkeys("; ".join(known).split("; ")))


def _redraw(bundled: Corridor, kept: Stored) -> Corridor:
    """Return a corridor with the stored line, and its stops and sections moved to it."""
    chain = kept.chainage
    parts = bundled.sections.copy()
    spans = list(zip(parts["km_from"], parts["km_to"], strict=True))
    lines = [chain.between(max(a, 0.0), min(b, chain.end_km)) for a, b in spans]
    whole = np.array([kept.is_whole(a, b) for a, b in spans])
    parts["geometry"] = gpd.GeoSeries(lines, index=parts.index, crs=4326)
    parts["drawn_km"] = [length_km(line) for line in lines]
    parts["ratio"] = parts["drawn_km"] / parts["official_km"]
    legs = _redraw_legs(bundled.legs, kept)
    parts["accuracy_km"] = parts["id"].map(legs.groupby("section")["accuracy_km"].max())
    parts["basis"] = np.where(whole, "surveyed", parts["basis"])
    parts["source"] = [f"{kept.source}; {source}" for source in parts["source"]]
    parts["licence"] = "ODbL-1.0"
    return replace(
        bundled,
        line=chain.line,
        chainage=chain,
        own_stops=partial(_move_stops, bundled, kept.body["stops_km"]),
        sections=parts,
        legs=legs,
        accuracy_km=float(parts["accuracy_km"].max()),
        sources=(kept.source, *bundled.sources),
        geometry="osm",
    )


def _redraw_legs(legs: pd.DataFrame, kept: Stored) -> pd.DataFrame:
    """Cut legs where mapped track begins and ends; what isn't mapped keeps its accuracy."""
    rows: list[list[Any]] = []
    for section, start, end, *known in legs.itertuples(index=False):
        for a, b, is_mapped in kept.stretches(start, end):
            stated = ["surveyed", MAPPED_KM] if is_mapped else known
            if rows and is_mapped and rows[-1][0] == section and rows[-1][3:] == stated:
                rows[-1][2] = b
            else:
                rows.append([section, a, b, *stated])
    return pd.DataFrame(rows, columns=legs.columns)


def split_sections(whole: Corridor) -> list[Corridor]:
    """Return the sections of a caller's corridor, each with the chainage of the whole.

    They are named by their sections; where these names aren't unique, it is the corridor itself.

    Examples
    --------
    >>> from shapely import LineString
    >>> rows = gpd.GeoDataFrame(
    ...     {"name": ["A", "B"]},
    ...     geometry=[LineString([(67, 25), (68, 25)]), LineString([(68, 25), (69, 25)])],
    ...     crs=4326,
    ... )
    >>> a, b = split_sections(Corridor.from_line(rows, name="own"))
    >>> b.name, b.chainage.start_km == a.end_km
    ('B', True)
    """
    parts = whole.sections
    unnamed = f"{whole.title}, part 1"  # the default names of `Corridor.from_line`
    if len(parts) < 2 or not parts["name"].is_unique or parts["name"].iloc[0] == unnamed:
        return [whole]
    xy, km = shapely.get_coordinates(whole.line), whole.chainage.measures_km
    found, first = [], 0
    for i, (name, to) in enumerate(zip(parts["name"], parts["km_to"], strict=True)):
        # By vertex, because several vertices may have one km, and a line may pass a point twice.
        end = shapely.get_coordinates(parts.geometry.iloc[i])[-1]
        ends = first + np.flatnonzero((xy[first:] == end).all(axis=1) & (km[first:] == to))
        last = int(ends[ends > first][0])
        line = shapely.LineString(xy[first : last + 1])
        own = parts.iloc[[i]]
        found.append(
            replace(
                whole,
                name=str(name),
                title=str(name),
                status=str(own["status"].iloc[0]),
                line=line,
                sections=own,
                legs=whole.legs.iloc[[i]],
                accuracy_km=float(own["accuracy_km"].iloc[0]),
                chainage=Chainage(line, km[first : last + 1]),
            )
        )
        first = last
    return found

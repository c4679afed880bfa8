"""Corridors with OpenStreetMap's geometry, out of the user's cache."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from cpecgeo.catalogue.redrawn import MAPPED_KM, Stored
from cpecgeo.features.corridor import Corridor
from cpecgeo.geodesy import length_km

__all__ = ["Refreshed", "rebuild", "redraw"]


@dataclass(frozen=True, eq=False)
class Refreshed:
    """A corridor with OpenStreetMap's geometry, and how it came about.

    Attributes
    ----------
    corridor, bundled : Corridor
        With the new line, and with the one that ships with the package.
    record : mapping
        `snapshot` (date of the data), `retrieved`, `origin`, `queries`, `buffer_km`,
        `gap_km`, `licence`, `credit` ….
    ways : DataFrame
        Ways used, in order: `way`, `name`, `ref`, `tags` (all of them).
    gaps : DataFrame
        Stretches that stayed schematic: `km_from`, `km_to` (old chainage), `from`, `to`,
        `reason`.
    stops_met : DataFrame
        Stops on the track: `name`, `km` (old), `osm_km`, `offset_km`.
    stops_missed : DataFrame
        Stops that no track is near: `name`, `km`, `reason`.
    """

    corridor: Corridor
    bundled: Corridor
    record: Mapping[str, Any]
    ways: pd.DataFrame
    gaps: pd.DataFrame
    stops_met: pd.DataFrame
    stops_missed: pd.DataFrame

    def deviation(self, *, every_km: float = 1.0) -> Any:
        """Measure the old line against the new; see `cpecgeo.osm.deviation`."""
        import cpecgeo as cg

        return cg.osm.deviation(self.corridor.name, every_km=every_km)

    def _repr_html_(self) -> str:
        c, share = self.corridor, self.record["gap_km"] / self.corridor.end_km
        rows = {
            "snapshot": str(self.record["snapshot"] or "unknown"),
            "from": str(self.record["origin"]),
            "ways used": f"{len(self.ways):,}",
            "length": f"{c.length_km:,.1f} km (drawn line: {self.bundled.length_km:,.1f} km)",
            "still schematic": f"{share:.1%}, {len(self.gaps)} gaps",
            "stops without track": str(len(self.stops_missed)),
            "licence": str(self.record["credit"]),
        }
        cells = "".join(
            f"<tr><th style='text-align:left'>{escape(k)}</th><td>{escape(v)}</td></tr>"
            for k, v in rows.items()
        )
        return f"<div><strong>{escape(c.title)}</strong><table>{cells}</table></div>"


def rebuild(bundled: Corridor, kept: Stored) -> Refreshed:
    """Rebuild what was refreshed of a corridor from what is stored.

    Parameters
    ----------
    bundled : Corridor
    kept : Stored
    """
    body = kept.body
    return Refreshed(
        corridor=redraw(bundled, kept),
        bundled=bundled,
        record=kept.record,
        ways=pd.DataFrame(
            [(way, tags.get("name"), tags.get("ref"), tags) for way, tags in body["ways"]],
            columns=["way", "name", "ref", "tags"],
        ),
        gaps=pd.DataFrame(body["gaps"], columns=["km_from", "km_to", "from", "to", "reason"]),
        stops_met=pd.DataFrame(body["met"], columns=["name", "km", "osm_km", "offset_km"]),
        stops_missed=pd.DataFrame(body["missed"], columns=["name", "km", "reason"]),
    )


def redraw(bundled: Corridor, kept: Stored) -> Corridor:
    """Return a corridor with the line that is stored; stops and sections follow it.

    A section with a gap, or with a stop that no track is near, keeps its old accuracy.
    """
    chain = kept.chainage
    stops = bundled.stops.copy()
    stops["km"] = stops["id"].map(kept.body["stops_km"]).astype(float)
    parts = bundled.sections.copy()
    spans = list(zip(parts["km_from"], parts["km_to"], strict=True))
    lines = [chain.between(max(a, 0.0), min(b, chain.end_km)) for a, b in spans]
    whole = np.array([kept.is_whole(a, b) for a, b in spans])
    parts["geometry"] = gpd.GeoSeries(lines, index=parts.index, crs=4326)
    parts["drawn_km"] = [length_km(line) for line in lines]
    parts["ratio"] = parts["drawn_km"] / parts["official_km"]
    parts["accuracy_km"] = np.where(whole, MAPPED_KM, parts["accuracy_km"])
    parts["basis"] = np.where(whole, "surveyed", parts["basis"])
    parts["source"] = [f"{kept.source}; {source}" for source in parts["source"]]
    parts["licence"] = "ODbL-1.0"
    legs = bundled.legs.copy()
    mapped = legs["section"].isin(parts["id"][whole])
    legs.loc[mapped, "basis"], legs.loc[mapped, "accuracy_km"] = "surveyed", MAPPED_KM
    return replace(
        bundled,
        line=chain.line,
        chainage=chain,
        stops=stops,
        sections=parts,
        legs=legs,
        accuracy_km=float(parts["accuracy_km"].max()),
        sources=(kept.source, *bundled.sources),
        geometry="osm",
    )

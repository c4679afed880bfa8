"""Refreshed lines as they lie in the user's cache, and corridors made of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from cpecgeo.catalogue.lines import corridor_id
from cpecgeo.errors import DataError
from cpecgeo.features.corridor import Corridor
from cpecgeo.features.corridors import corridor as bundled
from cpecgeo.geodesy import Chainage, length_km
from cpecgeo.osm.cache import cache_dir, read_checked

__all__ = ["Refreshed", "corridor", "refreshed", "stored_at"]

# Mapped track lies within some tens of metres of the real one; a parallel track or the other
# carriageway may stand for it.
_MAPPED_KM = 0.05


@dataclass(frozen=True, eq=False)
class Refreshed:
    """A corridor with OpenStreetMap's geometry, and how it came about.

    Attributes
    ----------
    corridor : Corridor
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
    record: Mapping[str, Any]
    ways: pd.DataFrame
    gaps: pd.DataFrame
    stops_met: pd.DataFrame
    stops_missed: pd.DataFrame

    def compare(self, *, every_km: float = 1.0) -> Any:
        """The old line beside the new; see `cpecgeo.osm.compare`."""
        from cpecgeo.osm.comparing import compare

        return compare(self.corridor.name, every_km=every_km)

    def _repr_html_(self) -> str:
        c, share = self.corridor, self.record["gap_km"] / self.corridor.end_km
        rows = {
            "snapshot": str(self.record["snapshot"] or "unknown"),
            "from": str(self.record["origin"]),
            "ways used": f"{len(self.ways):,}",
            "length": f"{c.length_km:,.1f} km (drawn line: {bundled(c.name).length_km:,.1f} km)",
            "still schematic": f"{share:.1%}, {len(self.gaps)} gaps",
            "stops without track": str(len(self.stops_missed)),
            "licence": str(self.record["credit"]),
        }
        cells = "".join(
            f"<tr><th style='text-align:left'>{escape(k)}</th><td>{escape(v)}</td></tr>"
            for k, v in rows.items()
        )
        return f"<div><strong>{escape(c.title)}</strong><table>{cells}</table></div>"


def stored_at(name: str) -> Path:
    """The file of a refreshed corridor."""
    return cache_dir() / "corridors" / f"{name}.bin"


def corridor(name: str) -> Corridor:
    """A corridor with the geometry that `refresh` stored; see `cpecgeo.corridor`."""
    return refreshed(name).corridor


def refreshed(name: str) -> Refreshed:
    """What `refresh` stored of a corridor, checked against its sha256.

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
    path = stored_at(key)
    if not path.is_file():
        raise DataError(
            f"Corridor {key!r} has no OpenStreetMap geometry yet ({path} isn't there). Get it "
            f"with cpecgeo.osm.refresh({key!r}), or leave geometry='bundled'."
        )
    record, body = read_checked(path)
    base = bundled(key)
    if record["sections"] != list(base.sections["id"]):
        raise DataError(
            f"{path} was made for other sections of {key!r} than this version has; refresh again."
        )
    kept = json.loads(body)
    ways = pd.DataFrame(
        [(w, t.get("name"), t.get("ref"), t) for w, t in kept["ways"]],
        columns=["way", "name", "ref", "tags"],
    )
    return Refreshed(
        corridor=_corridor(base, record, kept),
        record=record,
        ways=ways,
        gaps=pd.DataFrame(kept["gaps"], columns=["km_from", "km_to", "from", "to", "reason"]),
        stops_met=pd.DataFrame(kept["met"], columns=["name", "km", "osm_km", "offset_km"]),
        stops_missed=pd.DataFrame(kept["missed"], columns=["name", "km", "reason"]),
    )


def _corridor(base: Corridor, record: Mapping[str, Any], kept: Mapping[str, Any]) -> Corridor:
    chain = Chainage(shapely.LineString(kept["xy"]), kept["measures_km"])
    told = f"OpenStreetMap {record['snapshot'] or 'of unknown date'} ({record['origin']})"
    stops = base.stops.copy()
    stops["km"] = stops["id"].map(kept["stops_km"]).astype(float)
    parts = base.sections.copy()
    spans = list(zip(parts["km_from"], parts["km_to"], strict=True))
    lines = [chain.between(max(a, 0.0), min(b, chain.end_km)) for a, b in spans]
    # A gap, or a stop that no track is near, leaves the section's old bound in force.
    lacks = [(g[0], g[1]) for g in kept["gaps"]] + [(m[1], m[1]) for m in kept["missed"]]
    whole = np.array([not any(x < b and y > a for x, y in lacks) for a, b in spans])
    parts["geometry"] = gpd.GeoSeries(lines, index=parts.index, crs=4326)
    parts["drawn_km"] = [length_km(line) for line in lines]
    parts["ratio"] = parts["drawn_km"] / parts["official_km"]
    parts["accuracy_km"] = np.where(whole, _MAPPED_KM, parts["accuracy_km"])
    parts["basis"] = np.where(whole, "surveyed", parts["basis"])
    parts["source"] = [f"{told}; {source}" for source in parts["source"]]
    parts["licence"] = "ODbL-1.0"
    return replace(
        base,
        line=chain.line,
        chainage=chain,
        stops=stops,
        sections=parts,
        accuracy_km=float(parts["accuracy_km"].max()),
        sources=(told, *base.sources),
    )

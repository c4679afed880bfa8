"""How far a bundled line lies from its refreshed one, kilometre by kilometre."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from cpecgeo.features.corridor import Corridor
from cpecgeo.features.corridors import refreshed

__all__ = ["Deviation", "deviation"]

_APART_KM = 1e-6


@dataclass(frozen=True, eq=False)
class Deviation:
    """A bundled line measured against OpenStreetMap's.

    Attributes
    ----------
    old, new : Corridor
    per_km : GeoDataFrame
        Points on the old line: `km` (old chainage), `deviation_km` (geodesic, to the closest
        point of the new line), `side` (of the new line), `osm_km` (chainage there), `shift_km`
        (`osm_km` less `km`), `schematic` (whether the new line is the old one there).
    """

    old: Corridor
    new: Corridor
    per_km: gpd.GeoDataFrame

    @property
    def summary(self) -> dict[str, float]:
        """Lengths in km, and mean, 95th percentile and greatest deviation where track was found."""
        found = self.per_km.loc[~self.per_km["schematic"], "deviation_km"].to_numpy(float)
        some = found if len(found) else np.array([np.nan])
        return {
            "old_km": self.old.length_km,
            "new_km": self.new.length_km,
            "mean_deviation_km": float(some.mean()),
            "p95_deviation_km": float(np.percentile(some, 95)),
            "max_deviation_km": float(some.max()),
            "schematic_share": float(self.per_km["schematic"].mean()),
        }

    @property
    def lines(self) -> gpd.GeoDataFrame:
        """Both lines, and one from each sample to the closest point of the new line."""
        apart = self.per_km[self.per_km["deviation_km"] > _APART_KM]
        ends = self.new.chainage.at(apart["osm_km"].to_numpy())
        ties = [shapely.LineString(pair) for pair in zip(apart.geometry, ends, strict=True)]
        names = ["Drawn line", "OpenStreetMap", *(f"Deviation at km {km:g}" for km in apart["km"])]
        return gpd.GeoDataFrame(
            {"name": names, "deviation_km": [np.nan, np.nan, *apart["deviation_km"].round(3)]},
            geometry=[self.old.line, self.new.line, *ties],
            crs=4326,
        )

    def explore(self) -> Any:
        """Return a map of both lines and of the deviations between them."""
        import cpecgeo as cg

        return cg.Map().add(self.lines, name="Deviation per km")

    def _repr_html_(self) -> str:
        s = self.summary
        return (
            f"<div><strong>{self.old.title}</strong>: drawn {s['old_km']:,.1f} km, OpenStreetMap "
            f"{s['new_km']:,.1f} km; deviation {s['mean_deviation_km']:.2f} km on average, "
            f"{s['max_deviation_km']:.2f} km at most; {s['schematic_share']:.0%} stayed "
            "schematic</div>"
        )


def deviation(name: str, *, every_km: float = 1.0) -> Deviation:
    """Measure how far a corridor's bundled line lies from its refreshed one.

    Parameters
    ----------
    name : str
    every_km : float
        Kilometres between samples.

    Returns
    -------
    Deviation

    Raises
    ------
    DataError
        The corridor hasn't been refreshed.
    UnknownNameError, InputError
    """
    kept = refreshed(name)
    old = kept.bundled
    posts = old.km_posts(every_km)
    hit = kept.corridor.locate(posts.geometry)
    km = posts["km"].to_numpy()
    schematic = np.zeros(len(km), bool)
    for a, b in kept.gaps[["km_from", "km_to"]].to_numpy(float):
        schematic |= (km >= a) & (km <= b)
    frame = gpd.GeoDataFrame(
        {
            "km": km,
            "deviation_km": hit["offset_km"].to_numpy(),
            "side": hit["side"].to_numpy(),
            "osm_km": hit["km"].to_numpy(),
            "shift_km": hit["km"].to_numpy() - km,
            "schematic": schematic,
        },
        geometry=posts.geometry.to_numpy(),
        crs=4326,
    )
    frame.attrs = {
        "method": "closest geodesic point on the new line",
        "ellipsoid": "WGS 84",
        "edges": "geodesic",
        "sources": list(kept.corridor.sources),
        "licence": "ODbL-1.0",
    }
    return Deviation(old, kept.corridor, frame)

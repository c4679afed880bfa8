"""Border markets and crossings."""

from __future__ import annotations

import geopandas as gpd

from cpecgeo.catalogue import layer

__all__ = ["markets"]


def markets() -> gpd.GeoDataFrame:
    """List border markets and crossings.

    Returns
    -------
    GeoDataFrame
        On the id: `name country status status_note planned_phase2 elevation_m accuracy_km
        basis source …` and the point. `planned_phase2` marks the new border markets of
        Phase II, Khunjerab and Torkham. A crossing whose present state isn't known has no
        `status`.

    Examples
    --------
    >>> m = markets()
    >>> sorted(m.index[m["planned_phase2"]])
    ['khunjerab-pass', 'torkham']
    """
    frame = layer("crossings")
    frame["planned_phase2"] = frame["planned_phase2"].astype(bool)
    return frame

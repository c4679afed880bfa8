"""`refresh`: better lines and outlines from OpenStreetMap, one or all, into the user's cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cpecgeo.features.refreshed import Refreshed
from cpecgeo.osm.lines import refresh_line
from cpecgeo.osm.overpass import Overpass

__all__ = ["refresh"]


def refresh(
    name: str,
    *,
    buffer_km: float | None = None,
    file: str | Path | None = None,
    overpass: Overpass | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> Refreshed:
    """Replace a corridor's drawn line by OpenStreetMap's track or road, in the user's cache.

    Parameters
    ----------
    name : str
        As for `cpecgeo.corridor`.
    buffer_km : float, optional
        How far from the drawn line to look, geodesic. By section when omitted: its
        `accuracy_km` and 1 km more, within 2 and 25 km.
    file : path, optional
        An ``.osm.pbf`` or ``.osm`` extract to take the ways from; nothing is downloaded.
    overpass : Overpass, optional
        How to ask; the defaults when omitted.
    progress : callable, optional
        Called with requests done and requests in all.

    Returns
    -------
    Refreshed
        The new corridor, with what was used and what stayed schematic. From then on
        ``corridor(name, geometry="osm")`` gives it, and so does all inside of
        ``using(geometry="osm")``.

    Raises
    ------
    NetworkError
        Overpass gave no whole answer; what was stored before stays.
    DataError
        No part of the corridor could be matched to track; likewise.
    UnknownNameError, InputError, FileError, MissingExtraError

    Notes
    -----
    Rails are found by `railway`, numbered roads by `ref` with the main roads between their
    parts, other roads by class. The line runs from stop to stop on mapped track; where there
    is none, or only a long detour, the drawn line stays and is recorded as a gap. Km posts and
    the ends of sections keep their chainage; between them it follows the new line.
    """
    return refresh_line(name, buffer_km=buffer_km, file=file, overpass=overpass, progress=progress)

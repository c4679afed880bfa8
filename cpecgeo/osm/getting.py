"""Ways of an area, from Overpass or from a file, with where they come from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal
from warnings import warn

import numpy as np
import shapely

from cpecgeo.errors import DataWarning, InputError, NetworkError
from cpecgeo.features.resolve import resolve
from cpecgeo.files.sniff import local
from cpecgeo.geodesy import buffer, lonlat
from cpecgeo.osm.elements import Elements, from_answers, from_file
from cpecgeo.osm.network import Network
from cpecgeo.osm.overpass import Overpass
from cpecgeo.osm.wanted import network_filters

__all__ = ["gathered", "graph"]

Kind = Literal["main", "drive", "drive_service", "walk", "rail"]
Asked = Iterable[tuple[Any, tuple[str, ...]]]

_CELL_DEG = 0.5
_CREDIT = "© OpenStreetMap contributors, ODbL 1.0, https://www.openstreetmap.org/copyright"


def gathered(
    asked: Asked,
    *,
    file: str | Path | None,
    overpass: Overpass | None,
    progress: Callable[[int, int], object] | None = None,
) -> tuple[Elements, dict[str, Any]]:
    """The ways that lie in any of some areas and that the area's filters accept.

    Parameters
    ----------
    asked : iterable of (Polygon or None, filters)
        None, from a file only, means all of it.
    file, overpass
        As in `graph`.
    progress : callable, optional
        Called with how many areas are done and how many there are.

    Returns
    -------
    ways : Elements
    record : dict
        `origin`, `snapshot`, `retrieved`, `queries`, `ways_clipped`, `licence`, `credit`.
    """
    areas = list(asked)
    shared: dict[str, Any] = {"licence": "ODbL-1.0", "credit": _CREDIT}
    if file is not None:
        return _from_file(areas, local(file, "file"), shared)
    manner = overpass or Overpass()
    answers = []
    for n, (area, filters) in enumerate(areas):
        answers += manner.ask(area, filters)
        if progress:
            progress(n + 1, len(areas))
    stamps = sorted({a.snapshot for a in answers if a.snapshot})
    record = {
        "origin": ", ".join(sorted({a.endpoint for a in answers})),
        "snapshot": stamps[0] if stamps else None,
        "snapshot_latest": stamps[-1] if stamps else None,
        "retrieved": max(a.retrieved for a in answers),
        "queries": [a.query for a in answers],
    }
    return _checked(from_answers(a.content for a in answers), record | shared)


def _from_file(
    areas: list[tuple[Any, tuple[str, ...]]], path: Path, shared: dict[str, Any]
) -> tuple[Elements, dict[str, Any]]:
    filters = tuple(dict.fromkeys(f for _, some in areas for f in some))
    ways, snapshot = from_file(path, filters)
    shapes = [a for a, _ in areas]
    if all(a is not None for a in shapes):
        ways = ways.within(shapely.union_all(shapes))
    with path.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    record = {
        "origin": path.name,
        "origin_sha256": digest,
        "snapshot": snapshot,
        "snapshot_latest": snapshot,
        "retrieved": None,
        "queries": list(filters),
    }
    return _checked(ways, record | shared)


def _checked(ways: Elements, record: dict[str, Any]) -> tuple[Elements, dict[str, Any]]:
    """Record and report the ways that were broken because nodes of theirs are missing."""
    if ways.clipped:
        warn(
            f"{len(ways.clipped)} ways lack nodes, as at the border of an extract, and end where "
            f"these are missing (way {ways.clipped[0]} is one). Take an extract of complete ways, "
            "or a larger one.",
            DataWarning,
            stacklevel=4,
        )
    return ways, record | {"ways_clipped": len(ways.clipped)}


def graph(
    area: Any = None,
    *,
    network: Kind = "drive",
    file: str | Path | None = None,
    buffer_km: float = 5.0,
    overpass: Overpass | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> Network:
    """A network of roads or tracks from OpenStreetMap.

    Parameters
    ----------
    area : Corridor, str, Polygon, GeoSeries, GeoDataFrame or None
        lon, lat or any CRS. Of a corridor, line or point, what lies within `buffer_km` (str: a
        name). None: all of `file`.
    network : {"main", "drive", "drive_service", "walk", "rail"}
        ``main`` is motorways to secondary roads.
    file : path, optional
        An ``.osm.pbf`` or ``.osm`` file, such as a regional extract; nothing is downloaded.
    buffer_km : float
        Geodesic kilometres around a line or point.
    overpass : Overpass, optional
        How to ask; the defaults when omitted.
    progress : callable, optional
        Called with areas done and areas in all.

    Returns
    -------
    Network
        All components and tags are kept. Ways that cross the border are kept whole.

    Raises
    ------
    InputError
        No area and no file.
    NetworkError
        Overpass gave no answer.
    FileError, UnknownNameError, MissingExtraError

    Notes
    -----
    A whole country is too much to ask of Overpass: an area is asked for in cells of half a
    degree, one after the other, and each answer is cached, so that an interrupted download
    goes on where it stopped. Take an extract for large areas.
    """
    filters = network_filters(network)
    if area is None and file is None:
        raise InputError("Give an area, or file='….osm.pbf' to take all of a file.")
    shape = None if area is None else _shape(area, buffer_km)
    pieces = [shape] if file is not None else _cells(shape)
    ways, record = gathered(
        [(p, filters) for p in pieces], file=file, overpass=overpass, progress=progress
    )
    if not len(ways):
        raise (
            NetworkError(
                f"OpenStreetMap has no {network} ways there; check the area (lon, lat) or the file."
            )
            if file is None
            else InputError(f"{file} has no {network} ways in that area.")
        )
    return Network.of(ways, network, {**record, "network": network})


def _shape(area: Any, buffer_km: float) -> Any:
    """One polygon."""
    x = resolve(area, "area").shapes
    shapes = [
        g if g.geom_type.endswith("Polygon") else buffer(g, buffer_km)
        for g in lonlat(x, what="area")
    ]
    return shapely.union_all(shapes)


def _cells(shape: Any) -> list[Any]:
    """A polygon cut into cells small enough for one request each."""
    west, south, east, north = shape.bounds
    xs = np.arange(np.floor(west / _CELL_DEG), np.ceil(east / _CELL_DEG)) * _CELL_DEG
    ys = np.arange(np.floor(south / _CELL_DEG), np.ceil(north / _CELL_DEG)) * _CELL_DEG
    cut = [
        shapely.intersection(shape, shapely.box(x, y, x + _CELL_DEG, y + _CELL_DEG))
        for y in ys
        for x in xs
    ]
    return [p for c in cut for p in shapely.get_parts(c) if p.geom_type == "Polygon"]

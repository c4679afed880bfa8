"""The geometry in force, bundled or OpenStreetMap's, and the layers redrawn by it."""

from __future__ import annotations

import json
import os
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal, TypeAlias
from warnings import warn

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from cpecgeo.catalogue.files import read_checked, stored_path, stored_paths
from cpecgeo.catalogue.lines import assemble, corridor_rows
from cpecgeo.catalogue.outlines import redraw_outlines
from cpecgeo.errors import DataError, DataWarning, InputError
from cpecgeo.geodesy import Chainage, length_km

__all__ = [
    "MAPPED_KM",
    "REDRAWN",
    "SNAP_KM",
    "VARIABLE",
    "Geometry",
    "Line",
    "Stored",
    "cut_section",
    "fingerprint",
    "in_force",
    "load_stored",
    "redraw",
    "redrawn_corridor",
    "redrawn_corridors",
    "redrawn_sections",
    "using",
]

Geometry: TypeAlias = Literal["bundled", "osm"]

VARIABLE = "CPECGEO_GEOMETRY"
_GEOMETRIES = ("bundled", "osm")
_chosen: ContextVar[str | None] = ContextVar("cpecgeo_geometry", default=None)


@contextmanager
def using(*, geometry: Geometry) -> Iterator[None]:
    """Use one geometry in all calls inside a ``with`` block.

    Parameters
    ----------
    geometry : {"bundled", "osm"}
        The bundled lines and outlines, or those that `cpecgeo.osm.refresh` stored. Features that
        weren't refreshed keep their bundled geometry, with a `DataWarning` that names them.

    Returns
    -------
    context manager

    Raises
    ------
    InputError
        Another value.

    Notes
    -----
    Blocks may be nested; the innermost one applies. Each thread and each asynchronous task has its
    own geometry, so threads don't affect each other. Outside any block the environment variable
    ``CPECGEO_GEOMETRY`` applies, else the bundled geometry. Results state theirs in
    ``.attrs["geometry"]``. As with any context variable, a thread started inside a block begins
    without it.

    Examples
    --------
    >>> from cpecgeo import corridor
    >>> with using(geometry="bundled"):
    ...     corridor("ml1").geometry
    'bundled'
    """
    token = _chosen.set(_check(geometry, "geometry"))
    try:
        yield
    finally:
        _chosen.reset(token)


def in_force() -> Geometry:
    """Return the geometry in force: that of the innermost `using`, else that of the environment.

    Examples
    --------
    >>> with using(geometry="osm"):
    ...     in_force()
    'osm'
    """
    return _check(_chosen.get() or os.environ.get(VARIABLE, "") or "bundled", VARIABLE)


def _check(geometry: str, what: str) -> Geometry:
    if geometry not in _GEOMETRIES:
        raise InputError(f"{what} is {geometry!r}; give 'bundled' or 'osm'.")
    return "osm" if geometry == "osm" else "bundled"


def fingerprint() -> Hashable:
    """Return a cache key for results that depend on the geometry in force.

    It changes with the geometry and with every file of refreshed geometry.
    """
    if in_force() == "bundled":
        return None
    found: list[Hashable] = []
    for path in stored_paths():
        with suppress(FileNotFoundError):  # another process may have deleted it just now
            about = path.stat()
            found.append((str(path), about.st_mtime_ns, about.st_size, about.st_ino))
    return "osm", *found


REDRAWN = ("corridors", "sections", "districts", "provinces")
"""Layers that the geometry in force changes."""

# Mapped track is within some tens of metres of the real one; it may be a parallel track or the
# other carriageway.
MAPPED_KM = 0.05
SNAP_KM = 1e-9
_SAME_KM = 1e-6


@dataclass(frozen=True, eq=False)
class Stored:
    """A corridor stored by `cpecgeo.osm.refresh`.

    Attributes
    ----------
    record : mapping
        Source, snapshot date, licence and how the line was matched.
    body : mapping
        `xy`, `measures_km`, `stops_km`, `met`, `missed`, `gaps`, `ways`.
    chainage : Chainage
        The new line with its km.
    """

    record: Mapping[str, Any]
    body: Mapping[str, Any]
    chainage: Chainage

    @property
    def source(self) -> str:
        """The source of the line, in words."""
        return (
            f"OpenStreetMap {self.record['snapshot'] or 'of unknown date'} "
            f"({self.record['origin']})"
        )

    def is_whole(self, start: float, end: float) -> bool:
        """Return whether no gap and no missed stop lies between two old chainages."""
        body = self.body
        lacks = [(g[0], g[1]) for g in body["gaps"]] + [(m[1], m[1]) for m in body["missed"]]
        return not any(a < end and b > start for a, b in lacks)

    def stretches(self, start: float, end: float) -> list[tuple[float, float, bool]]:
        """Return stretches between two old chainages, and whether each is on mapped track.

        Not on it are gaps, and what is between the neighbours of a stop without track nearby.
        """
        met = [m[1] for m in self.body["met"]]
        kept = [(g[0], g[1]) for g in self.body["gaps"]]
        for _, at, *_ in self.body["missed"]:
            before, after = [m for m in met if m < at], [m for m in met if m > at]
            kept.append((max(before, default=start), min(after, default=end)))
        cuts = sorted({start, end, *(km for pair in kept for km in pair if start < km < end)})
        return [(a, b, not any(f <= a and b <= t for f, t in kept)) for a, b in pairwise(cuts)]

    def gap_km(self, start: float, end: float) -> float:
        """Return the km between two old chainages that stay as drawn."""
        return float(sum(max(0.0, min(b, end) - max(a, start)) for a, b, *_ in self.body["gaps"]))


@dataclass(frozen=True, eq=False)
class Line:
    """A section's refreshed line.

    Attributes
    ----------
    line : LineString
        In the section's own direction.
    measures_km : ndarray
        Calibrated km from the section's start, at each vertex.
    drawn_km : float
        Geodesic length.
    whole : bool
        Whether all of it is on mapped track.
    corridor : str
        The corridor that was refreshed.
    source : str
    """

    line: shapely.LineString
    measures_km: NDArray[np.float64]
    drawn_km: float
    whole: bool
    corridor: str
    source: str


def load_stored(corridor: str) -> Stored | None:
    """Load a stored corridor, checked against its sha256; return None where nothing is stored.

    Parameters
    ----------
    corridor : str
        Its id.

    Raises
    ------
    DataError
        The file is damaged, or belongs to other sections or chainages than the bundled ones.
    """
    path = stored_path("corridors", corridor)
    if not path.is_file():
        return None
    record, body = read_checked(path)
    spans = [[name, a, b] for name, a, b, _ in assemble(corridor).sections]
    made_for = record.get("sections", [])
    same = [s[0] for s in spans] == [s[0] for s in made_for if len(s) == 3]
    if not same or np.abs(_ends(spans) - _ends(made_for)).max() > _SAME_KM:
        raise DataError(
            f"{path} was made for other sections of {corridor!r} than this version has; refresh "
            "it again."
        )
    content = json.loads(body)
    line = Chainage(shapely.LineString(content["xy"]), content["measures_km"])
    return Stored(record, content, line)


def _ends(spans: list[list[Any]]) -> NDArray[np.float64]:
    return np.array([s[1:] for s in spans], float)


@lru_cache(maxsize=8)
def redrawn_corridors(key: Hashable) -> Mapping[str, Stored]:
    """Return all refreshed corridors by id.

    Parameters
    ----------
    key : hashable
        `cpecgeo.catalogue.geometry.fingerprint`; nothing is redrawn where it is None.
    """
    found = ((name, redrawn_corridor(name, key)) for name in corridor_rows())
    return {name: kept for name, kept in found if kept is not None}


@lru_cache(maxsize=256)
def redrawn_corridor(name: str, key: Hashable) -> Stored | None:
    """Return one refreshed corridor; None where it isn't refreshed or its file can't be used.

    Parameters
    ----------
    name : str
        Its id.
    key : hashable
        As for `redrawn_corridors`.
    """
    if key is None:
        return None
    try:
        return load_stored(name)
    except DataError as error:
        warn(f"The bundled line of {name} stands in: {error}", DataWarning, stacklevel=2)
        return None


@lru_cache(maxsize=8)
def redrawn_sections(key: Hashable) -> Mapping[str, Line]:
    """Return the refreshed line of each section that has one.

    Where several corridors contain a section, the one with the fewest km of gaps is used; of equal
    ones, the first in the table.
    """
    best: dict[str, tuple[float, Line]] = {}
    for corridor, kept in redrawn_corridors(key).items():
        for name, start, end, against in assemble(corridor).sections:
            missing = kept.gap_km(start, end)
            if end <= start or (name in best and best[name][0] <= missing):
                continue
            best[name] = (missing, cut_section(corridor, kept, start, end, against=against))
    return {name: line for name, (_, line) in best.items()}


def cut_section(corridor: str, kept: Stored, start: float, end: float, *, against: bool) -> Line:
    """Cut a section out of a refreshed corridor, in the section's own direction.

    Parameters
    ----------
    corridor : str
        Its id.
    kept : Stored
    start, end : float
        Chainage of the section's ends.
    against : bool
        Whether the corridor runs in the opposite direction of the section.
    """
    chain = kept.chainage
    low, high = max(start, chain.start_km), min(end, chain.end_km)
    line, km = chain.between(low, high), chain.measures_km
    # The distance at which `between` snaps a cut to a vertex.
    inside = km[(km > low + SNAP_KM) & (km < high - SNAP_KM)]
    measures = np.concatenate(([low], inside, [high])) - low
    if against:
        line, measures = line.reverse(), (high - low) - measures[::-1]
    measures.flags.writeable = False
    whole = kept.is_whole(start, end)
    return Line(line, measures, float(length_km(line)), whole, corridor, kept.source)


def redraw(
    name: str, frame: gpd.GeoDataFrame, key: Hashable
) -> tuple[gpd.GeoDataFrame, dict[str, Any]]:
    """Return a layer with its refreshed geometry, and entries for its `.attrs`.

    Parameters
    ----------
    name : str
        Of the layer.
    frame : GeoDataFrame
        As bundled, indexed by id.
    key : hashable
        `cpecgeo.catalogue.geometry.fingerprint`; nothing is redrawn where it is None.

    Returns
    -------
    frame : GeoDataFrame
    attrs : dict
        `geometry`, and `bundled`: the ids that stay as they ship with the package.
    """
    if name not in REDRAWN:
        return frame, {}
    if key is None:
        return frame, {"geometry": "bundled"}
    if name in {"districts", "provinces"}:
        frame, stay = redraw_outlines(name, frame)
    elif name == "sections":
        frame, stay = _redraw_sections(frame, redrawn_sections(key))
    else:
        frame, stay = _redraw_corridors(frame, redrawn_corridors(key))
    return frame, {"geometry": "osm", "bundled": stay}


def _redraw_sections(
    frame: gpd.GeoDataFrame, lines: Mapping[str, Line]
) -> tuple[gpd.GeoDataFrame, list[str]]:
    frame = frame.copy()
    for name, new in lines.items():
        frame.loc[name, ["drawn_km", "licence"]] = [new.drawn_km, "ODbL-1.0"]
        frame.loc[name, "ratio"] = new.drawn_km / frame.loc[name, "official_km"]
        frame.loc[name, "source"] = f"{new.source}; {frame.loc[name, 'source']}"
        frame.loc[[name], "geometry"] = new.line
        if new.whole:
            frame.loc[name, ["accuracy_km", "basis"]] = [MAPPED_KM, "surveyed"]
    stay = [i for i in frame["id"] if i not in lines and frame.geometry[i] is not None]
    return frame, stay


def _redraw_corridors(
    frame: gpd.GeoDataFrame, kept: Mapping[str, Stored]
) -> tuple[gpd.GeoDataFrame, list[str]]:
    frame = frame.copy()
    for name, new in kept.items():
        line = new.chainage.line
        frame.loc[name, ["length_km", "licence"]] = [float(length_km(line)), "ODbL-1.0"]
        frame.loc[name, "source"] = f"{new.source}; {frame.loc[name, 'source']}"
        frame.loc[[name], "geometry"] = line
        if all(new.is_whole(a, b) for _, a, b in new.record["sections"]):
            frame.loc[name, ["accuracy_km", "basis"]] = [MAPPED_KM, "surveyed"]
    return frame, [i for i in frame["id"] if i not in kept]

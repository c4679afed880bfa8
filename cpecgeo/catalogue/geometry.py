"""Lines and outlines refreshed from OpenStreetMap, the layers redrawn by them, its credit."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from cpecgeo.catalogue.facts import NAME_TAGS, bare_name, districts_by_name, fold, match_units
from cpecgeo.catalogue.files import fingerprint, read_checked, read_features, stored_path
from cpecgeo.catalogue.lines import assemble, corridor_rows, drawn_sections
from cpecgeo.errors import DataError, warn
from cpecgeo.geodesy import Chainage, length_km

__all__ = [
    "MAPPED_KM",
    "OSM_CREDIT",
    "REDRAWN",
    "SNAP_KM",
    "Line",
    "Stored",
    "cut_section",
    "list_credits",
    "load_stored",
    "redraw",
    "redrawn_corridor",
    "redrawn_corridors",
    "redrawn_sections",
]

REDRAWN = ("corridors", "sections", "districts", "provinces")
"""Layers that the geometry in force changes."""

OSM_CREDIT = "© OpenStreetMap contributors, ODbL 1.0"
"""The credit that must stand beside anything derived from OpenStreetMap's data."""

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

    def as_line(self, corridor: str) -> Line:
        """Return the whole line."""
        line, km = self.chainage.line, self.chainage.measures_km
        whole = all(self.is_whole(a, b) for _, a, b in self.record["sections"])
        return Line(line, km, float(length_km(line)), whole, corridor, self.source)

    def is_whole(self, start: float, end: float) -> bool:
        """Return whether no gap and no missed stop lies between two old chainages."""
        body = self.body
        lacks = [(g[0], g[1]) for g in body["gaps"]] + [(m[1], m[1]) for m in body["missed"]]
        return not any(a < end and b > start for a, b in lacks)

    def stretches(self, start: float, end: float) -> list[tuple[float, float, bool]]:
        """Return stretches between two old chainages, and whether each is on mapped track.

        Gaps aren't on it. Around a stop without track nearby nothing is, from the stop before to
        the stop behind.
        """
        met = [m[1] for m in self.body["met"]]
        kept = [(g[0], g[1]) for g in self.body["gaps"]]
        for _, at, *_ in self.body["missed"]:
            before, after = [m for m in met if m < at], [m for m in met if m > at]
            kept.append((max(before, default=start), min(after, default=end)))
        cuts = sorted({start, end, *(km for pair in kept for km in pair if start < km < end)})
        return [(a, b, not any(f <= a and b <= t for f, t in kept)) for a, b in pairwise(cuts)]

    def gap_km(self, start: float, end: float) -> float:
        """Return how many km between two old chainages stay as drawn."""
        return float(sum(max(0.0, min(b, end) - max(a, start)) for a, b, *_ in self.body["gaps"]))


@dataclass(frozen=True, eq=False)
class Line:
    """The refreshed line of a section, in its own direction, or of a corridor.

    Attributes
    ----------
    measures_km : ndarray
        Calibrated km from the start, at each vertex.
    drawn_km : float
        Geodesic length.
    whole : bool
        Whether all of it is on mapped track.
    corridor : str
        The corridor that was refreshed.
    """

    line: shapely.LineString
    measures_km: NDArray[np.float64]
    drawn_km: float
    whole: bool
    corridor: str
    source: str


def load_stored(corridor: str) -> Stored | None:
    """Load a stored corridor, checked against its sha256; return None where nothing is stored.

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
    """Return all refreshed corridors by id, for a key of `fingerprint`; none where it is None."""
    found = ((name, redrawn_corridor(name, key)) for name in corridor_rows())
    return {name: kept for name, kept in found if kept is not None}


@lru_cache(maxsize=256)
def redrawn_corridor(name: str, key: Hashable) -> Stored | None:
    """Return one refreshed corridor; None where it isn't refreshed or its file can't be used."""
    if key is None:
        return None
    try:
        return load_stored(name)
    except DataError as error:
        warn(f"The bundled line of {name} stands in: {error}")
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
    """Cut a section, from one chainage to another, out of a refreshed corridor.

    The result runs in the section's own direction; the corridor may run `against` it.
    """
    chain = kept.chainage
    low, high = max(start, chain.start_km), min(end, chain.end_km)
    line, km = chain.between(low, high), chain.measures_km
    # `between` snaps a cut to a vertex within this distance.
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

    These are `geometry`, and `bundled`: the ids that stay as they ship with the package. The frame
    is indexed by id; nothing is redrawn where the key (of `fingerprint`) is None.
    """
    if name not in REDRAWN:
        return frame, {}
    if key is None:
        return frame, {"geometry": "bundled"}
    if name in {"districts", "provinces"}:
        frame, stay = redraw_outlines(name, frame)
    elif name == "sections":
        frame, stay = _redraw_lines(frame, redrawn_sections(key), "drawn_km")
    else:
        lines = {i: kept.as_line(i) for i, kept in redrawn_corridors(key).items()}
        frame, stay = _redraw_lines(frame, lines, "length_km")
    return frame, {"geometry": "osm", "bundled": stay}


def _redraw_lines(
    frame: gpd.GeoDataFrame, lines: Mapping[str, Line], length: str
) -> tuple[gpd.GeoDataFrame, list[str]]:
    """Return sections or corridors with their new lines, and the ids of drawn ones that stay."""
    frame = frame.copy()
    for name, new in lines.items():
        frame.loc[name, [length, "licence"]] = [new.drawn_km, "ODbL-1.0"]
        if "ratio" in frame:
            frame.loc[name, "ratio"] = new.drawn_km / frame.loc[name, "official_km"]
        frame.loc[name, "source"] = f"{new.source}; {frame.loc[name, 'source']}"
        frame.loc[[name], "geometry"] = new.line
        if new.whole:
            frame.loc[name, ["accuracy_km", "basis"]] = [MAPPED_KM, "surveyed"]
    stay = [i for i in frame["id"] if i not in lines and frame.geometry[i] is not None]
    return frame, stay


def redraw_outlines(layer: str, frame: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, list[str]]:
    """Return a layer with OpenStreetMap's outlines, and the ids of rows that stay bundled.

    A unit in the layer keeps its id and facts; a new unit gets a new row. A row without a unit
    stays if no new outline covers its middle; new outlines are cut out of it.
    """
    path = stored_path("outlines", layer)
    if not path.is_file():
        return frame, list(frame["id"])
    record, body = read_checked(path)
    units = json.loads(body)["units"]
    date = str(record["snapshot"] or "")[:10] or None
    matched = match_units(frame, [u["tags"] for u in units])
    shapes = shapely.from_wkb([u["geometry"] for u in units])
    each = zip(matched, units, shapes, strict=True)
    rows = [_row(frame, row, unit | {"geometry": s, "date": date}, layer) for row, unit, s in each]
    middles = frame.geometry.representative_point().to_numpy()
    whole = shapely.union_all(shapes)
    covered = shapely.intersects(whole, middles)
    rest = ~covered & ~np.isin(np.arange(len(frame)), [m for m in matched if m is not None])
    new = pd.DataFrame(rows, columns=frame.columns.drop("geometry"))
    old = pd.DataFrame(frame[rest].drop(columns="geometry"))
    both = pd.concat([new, old], ignore_index=True).astype(
        {c: t for c, t in frame.drop(columns="geometry").dtypes.items() if t.kind == "f"}
    )
    beside = [_give_way(shape, whole) for shape in frame.geometry[rest]]
    units_and_rest = gpd.GeoDataFrame(both, geometry=[*shapes, *beside], crs=4326)
    ordered = units_and_rest.sort_values("id", kind="stable")
    return ordered.set_axis(ordered["id"].to_numpy(), axis=0), sorted(old["id"])


def _give_way(shape: shapely.Geometry, whole: shapely.Geometry) -> Any:
    """Return a bundled outline without the parts that new ones cover."""
    if not shapely.intersects(shape, whole):
        return shape
    parts = shapely.get_parts(shapely.difference(shape, whole))
    return shapely.MultiPolygon([p for p in parts if p.geom_type == "Polygon"])


def _row(
    frame: gpd.GeoDataFrame, row: int | None, unit: Mapping[str, Any], layer: str
) -> dict[str, Any]:
    """Return the row of a unit: facts of the matching row, else the unit's own names."""
    tags = unit["tags"]
    about: dict[str, Any] = {
        "accuracy_km": None,
        "basis": "gazetteer",
        "source": f"OpenStreetMap relation {unit['relation']}",
        "source_date": unit["date"],
        "licence": "ODbL-1.0",
        "note": "outline of OpenStreetMap; how good it is isn't stated",
    }
    if row is not None:
        return dict(frame.iloc[row].drop("geometry")) | about
    name = next((tags[key] for key in NAME_TAGS if tags.get(key)), str(unit["relation"]))
    about |= {
        "id": f"osm-{unit['relation']}",
        "name": bare_name(name),
        "name_ur": tags.get("name:ur"),
        "name_zh": tags.get("name:zh"),
        "kind": layer.removesuffix("s"),
    }
    known = districts_by_name().get(fold(about["name"])) if layer == "districts" else None
    if known is not None:
        same = ("name", "aliases", "province", "province_iso")
        about |= {c: known[c] for c in same if c in frame}
        about |= {"districts": known["name"], "pcodes": known["pcode"], "district": known["name"]}
    elif "province" in frame:
        # The province of the bundled district that contains its middle.
        middle = shapely.point_on_surface(unit["geometry"])
        holds = frame[frame.geometry.intersects(middle)]
        shared = [c for c in frame if c.startswith("province") and len(holds)]
        about |= {c: holds[c].iloc[0] for c in shared}
    return about


def list_credits(shapes: Iterable[Any], licences: Iterable[Any] = ()) -> list[str]:
    """Return the credits that geometries and licences require.

    They are `OSM_CREDIT`, or none. A bare line has no source of its own. It is recognized by its
    vertices (lon, lat): if they are exactly those of a bundled line, it comes from that line's
    source. Points and areas are ignored.

    Examples
    --------
    >>> from cpecgeo import corridor
    >>> list_credits([corridor("kkh").line])
    ['© OpenStreetMap contributors, ODbL 1.0']
    """
    if any("ODbL" in text for text in licences if isinstance(text, str)):
        return [OSM_CREDIT]
    array = np.asarray(shapes if isinstance(shapes, np.ndarray) else list(shapes), dtype=object)
    lines = array[shapely.get_dimensions(array) == 1]
    if not len(lines):
        return []
    lon, vertices = _osm_vertices(fingerprint())
    xy = shapely.get_coordinates(lines)
    near = np.minimum(np.searchsorted(lon, xy[:, 0]), max(len(lon) - 1, 0))
    xy = xy[lon[near] == xy[:, 0]] if len(lon) else xy[:0]
    if not len(xy):
        return []
    places = xy.view(complex)[:, 0]
    at = np.minimum(np.searchsorted(vertices, places), len(vertices) - 1)
    return [OSM_CREDIT] if (vertices[at] == places).any() else []


@lru_cache(maxsize=4)
def _osm_vertices(key: Hashable) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
    """Return the sorted lon of OpenStreetMap's vertices, and these as complex numbers lon + i lat.

    Both are in one order: complex numbers are sorted by lon, then by lat.
    """
    odbl = [f["geometry"] for f in drawn_sections().values() if f["licence"] == "ODbL-1.0"]
    odbl += [kept.chainage.line for kept in redrawn_corridors(key).values()]
    free = [f["geometry"] for f in read_features("lines.geojson")]
    found, others = (shapely.get_coordinates(lines).view(complex)[:, 0] for lines in (odbl, free))
    own = np.setdiff1d(found, others)
    return np.ascontiguousarray(own.real), own

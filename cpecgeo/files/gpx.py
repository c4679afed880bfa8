"""Reading and writing GPX: way points, routes and tracks with all their fields.

GDAL isn't used: it guesses types of values (``007`` becomes 7, a height «high» becomes 0), clamps
whole numbers to 32 bits and writes only one kind of features per file.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET
from xml.sax.saxutils import quoteattr

import geopandas as gpd
import pandas as pd
import shapely

from cpecgeo.errors import FileError, InputError, warn
from cpecgeo.files.fields import GPX_FIELDS, GPX_NUMBERS, NUMBER
from cpecgeo.files.formats import Choice
from cpecgeo.files.numbers import Row, add, records, to_frame
from cpecgeo.files.text import escape_text, leaf_texts, load_xml, local_name

__all__ = ["describe", "read_gpx", "write_gpx"]

LAYERS = ("waypoints", "routes", "tracks", "route_points", "track_points")
_KINDS = {"wpt": "waypoints", "rte": "routes", "trk": "tracks"}
_NOUNS = {"waypoints": "way point", "routes": "route", "tracks": "track"}
_KNOWN = {*_KINDS, "metadata", "extensions", "name", "desc", "author", "email", "url", "urlname",
          "time", "keywords", "bounds"}  # fmt: skip
_LINE_FIELDS = ("name", "cmt", "desc", "src", "link", "number", "type")
# What a file may lose, in the words of a warning.
_SHORT = "routes or tracks with fewer than two points, which have no geometry"
_UNEVEN = (
    "lists of heights with gaps, in routes or segments of tracks; they are left out, and the "
    "layers route_points and track_points have them"
)
_LONE = (
    "segments of a single point in its tracks, which are left out; the layer track_points has them"
)
_LOSSES = (_SHORT, _UNEVEN, _LONE)
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<gpx version="1.1" creator="cpecgeo" xmlns="http://www.topografix.com/GPX/1/1" '
    'xmlns:c="urn:cpecgeo:columns">\n'
)


def read_gpx(path: Path, what: str, choice: Choice) -> gpd.GeoDataFrame:
    """Read the way points, routes and tracks of a GPX file, as a `Reader`.

    Points, LineStrings (routes) and MultiLineStrings (tracks), with heights where all of their
    points have one. The layer is one of ``waypoints``, ``routes``, ``tracks``, ``route_points`` and
    ``track_points``; without a name the first three together. Routes and tracks of a single point
    have no geometry; a warning says so.
    """
    if choice.layer is not None and choice.layer not in LAYERS:
        raise InputError(f"{what} has no layer {choice.layer!r}; GPX has {', '.join(LAYERS)}.")
    by_kind = _load(path, what)
    features: list[tuple[Row, Any]] = []
    lost: Counter[str] = Counter(dict.fromkeys(_LOSSES, 0))
    for kind, elements in by_kind.items():
        if choice.layer == f"{kind[:-1]}_points":
            features += _points_of(elements, kind[:-1], what)
        elif choice.layer in {None, kind}:
            features += [(_fields(e), _shape(e, kind, what, lost)) for e in elements]
    for text, count in lost.items():
        if count:
            warn(f"{what} has {count} {text}.")
    frame = to_frame([row for row, _ in features], [shape for _, shape in features])
    held = [
        f"{len(e)} {_NOUNS[kind]}{'s' if len(e) > 1 else ''}" for kind, e in by_kind.items() if e
    ]
    if choice.layer is None and len(held) > 1:
        frame.attrs["read_as"] = (
            f"{', '.join(held[:-1])} and {held[-1]}; a layer chooses among {', '.join(LAYERS)}"
        )
    return frame


def _load(path: Path, what: str) -> dict[str, list[ET.Element]]:
    """Return the way points, routes and tracks of a file."""
    by_kind: dict[str, list[ET.Element]] = {kind: [] for kind in _KINDS.values()}
    for element in load_xml(path, "GPX", what):
        name = local_name(element)
        if name not in _KNOWN:
            raise FileError(f"{what} can't be read as GPX: it holds {name!r}, which GPX hasn't.")
        if name in _KINDS:
            by_kind[_KINDS[name]].append(element)
    return by_kind


def _points_of(elements: list[ET.Element], kind: str, what: str) -> list[tuple[Row, Any]]:
    """Return the points of routes or tracks, each with the number of its line."""
    return [
        ({kind: str(number), **_fields(point)}, shapely.Point(_position(point, what)[:2]))
        for number, element in enumerate(elements)
        for point in element.iter()
        if local_name(point) in {"rtept", "trkpt"}
    ]


def _shape(element: ET.Element, kind: str, what: str, lost: Counter[str]) -> Any:
    """Return the geometry of a feature, if it has one; add to the counts of what is lost."""
    if kind == "waypoints":
        return shapely.Point(_position(element, what)[:2])
    parts = _lines(element, kind, what)
    lines = [one for one in map(_line, parts) if one is not None]
    lost[_SHORT] += not lines
    lost[_UNEVEN] += sum(len({len(position) for position in part}) > 1 for part in parts)
    if not lines:
        return None
    lost[_LONE] += sum(len(part) == 1 for part in parts)
    return lines[0] if kind == "routes" else shapely.MultiLineString(lines)


def _lines(element: ET.Element, kind: str, what: str) -> list[list[tuple[float, ...]]]:
    parts = [element] if kind == "routes" else [e for e in element if local_name(e) == "trkseg"]
    point = "rtept" if kind == "routes" else "trkpt"
    return [[_position(p, what) for p in part if local_name(p) == point] for part in parts]


def _position(element: ET.Element, what: str) -> tuple[float, ...]:
    try:
        position = [float(element.attrib["lon"]), float(element.attrib["lat"])]
    except (KeyError, ValueError):
        raise FileError(
            f"{what} can't be read as GPX: a point has lon {element.get('lon')!r} and lat "
            f"{element.get('lat')!r}, which are no numbers."
        ) from None
    ele = next((c.text or "" for c in element if local_name(c) == "ele"), "").strip()
    return (*position, float(ele)) if NUMBER.fullmatch(ele) else tuple(position)


def _fields(element: ET.Element) -> Row:
    row: Row = {}
    for child in element:
        name = local_name(child)
        if name == "link":
            add(row, "link", child.get("href"))
            for inner, text in leaf_texts(child):
                add(row, f"link_{inner}", text)
        elif name == "extensions":
            for inner, text in leaf_texts(child):
                add(row, inner, text)
        elif name not in {"rtept", "trkseg"}:
            add(
                row,
                name,
                child.text if name not in GPX_NUMBERS | {"time"} else (child.text or "").strip(),
            )
    return row


def write_gpx(frame: gpd.GeoDataFrame, shapes: gpd.GeoSeries, path: Path) -> None:
    """Write points as way points, LineStrings as routes and MultiLineStrings as tracks.

    All columns are text, with names valid in XML, and missing values are None. Geometries are in
    lon, lat, none missing.
    """
    columns = list(frame.columns)
    rows = list(zip(records(frame), shapes, strict=True))
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(_HEAD)
        for kind, tag in (("Point", "wpt"), ("LineString", "rte"), ("MultiLineString", "trk")):
            fields = GPX_FIELDS if tag == "wpt" else _LINE_FIELDS
            for row, shape in rows:
                if shape.geom_type == kind:
                    file.write(_feature(row, shape, tag, fields, columns))
        file.write("</gpx>\n")


def _feature(
    row: dict[str, Any],
    shape: shapely.Geometry,
    tag: str,
    fields: tuple[str, ...],
    columns: list[str],
) -> str:
    position = ""
    if tag == "wpt":
        position = f' lat="{shape.y!r}" lon="{shape.x!r}"'
        if shape.has_z and row.get("ele") is None:
            row = {**row, "ele": repr(shape.z)}
    own = [f for f in fields if row.get(f) is not None and (f in columns or f == "ele")]
    parts = [
        f"<link href={quoteattr(row[f])}/>" if f == "link" else f"<{f}>{escape_text(row[f])}</{f}>"
        for f in own
    ]
    others = [c for c in columns if c not in own and row[c] is not None]
    if others:
        inner = "".join(f"<c:{c}>{escape_text(row[c])}</c:{c}>" for c in others)
        parts.append(f"<extensions>{inner}</extensions>")
    if tag == "rte":
        parts.append(_points(shape, "rtept"))
    elif tag == "trk":
        parts += [f"<trkseg>{_points(part, 'trkpt')}</trkseg>" for part in shape.geoms]
    return f"<{tag}{position}>{''.join(parts)}</{tag}>\n"


def _points(shape: shapely.Geometry, tag: str) -> str:
    made = []
    for x, y, *z in shapely.get_coordinates(shape, include_z=shape.has_z).tolist():
        ele = f"<ele>{z[0]!r}</ele>" if z and z[0] == z[0] else ""
        made.append(f'<{tag} lat="{y!r}" lon="{x!r}">{ele}</{tag}>')
    return "".join(made)


def _line(coordinates: list[tuple[float, ...]]) -> shapely.LineString | None:
    """Return a line of two or more points, in 3-D where all have a height; else None."""
    if len(coordinates) < 2:
        return None
    count = min(len(c) for c in coordinates)
    return shapely.LineString([c[:count] for c in coordinates])


def describe(frame: pd.DataFrame) -> pd.DataFrame:
    """Add the description that a GPS shows: a feature's status and source."""
    shown = [c for c in ("status", "accuracy_km", "source", "licence") if c in frame]
    if "desc" in frame or not shown:
        return frame
    texts = [
        "; ".join(f"{c}: {v}" for c, v in zip(shown, row, strict=True) if not pd.isna(v))
        for row in frame[shown].itertuples(index=False)
    ]
    return frame.assign(desc=texts)

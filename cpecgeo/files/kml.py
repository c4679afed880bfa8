"""Reading and writing KML and KMZ: placemarks with all their fields.

GDAL isn't used: its drivers drop ``<Data>`` beside a ``<Schema>``, and write names of columns that
no parser can read again. Python's own XML parser is used.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET
from xml.sax.saxutils import quoteattr

import geopandas as gpd
import shapely
import shapely.errors

from cpecgeo.errors import FileError, warn
from cpecgeo.files.disk import first_line, unpack
from cpecgeo.files.formats import Choice, choose_layer
from cpecgeo.files.numbers import Row, add, records, to_frame
from cpecgeo.files.text import escape_text, leaf_texts, load_xml, local_name

__all__ = ["read_kml", "write_kml"]

_CONTAINERS = {"kml", "Document", "Folder"}
# Elements that link to other documents or to pictures.
_ELSEWHERE = {
    "NetworkLink": "links to other documents",
    "GroundOverlay": "pictures",
    "PhotoOverlay": "pictures",
    "ScreenOverlay": "pictures",
}
_TEXTS = {"name", "description", "address", "phoneNumber", "Snippet", "snippet"}
_TIMES = {"when": "timestamp", "begin": "begin", "end": "end"}
_GEOMETRIES = {
    "Point",
    "LineString",
    "LinearRing",
    "Polygon",
    "MultiGeometry",
    "Track",
    "MultiTrack",
}
_DEPTH = 50
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Folder><name>{}</name>\n'
)


def read_kml(path: Path, what: str, choice: Choice) -> gpd.GeoDataFrame:
    """Read the placemarks of a KML or KMZ file, as a `Reader`.

    The layer is a folder. Without a name all folders are read, and a column ``folder`` names them.
    Links to other documents and pictures aren't read; a warning says so.
    """
    if path.suffix.casefold() == ".kmz":
        with unpack(path, what, frozenset({".kml"})) as files:
            if not files:
                raise FileError(f"{what} can't be read as KMZ: it holds no .kml document.")
            # By the standard the first document is read; it is usually called doc.kml.
            if len(files) > 1:
                warn(f"{what} holds {len(files)} documents, of which {files[0].name} is read.")
            return _read(files[0], what, choice)
    return _read(path, what, choice)


def _read(path: Path, what: str, choice: Choice) -> gpd.GeoDataFrame:
    rows: list[Row] = []
    shapes: list[Any] = []
    folders: list[str] = []
    left: Counter[str] = Counter()
    with_folder = False
    for element, folder in _features(load_xml(path, "KML", what)):
        name = local_name(element)
        if name in _ELSEWHERE:
            left[_ELSEWHERE[name]] += 1
        elif name == "Folder":
            with_folder = True
        else:
            row, shape = _placemark(element, what, len(rows) + 1)
            left.update(_count_losses(element))
            rows.append(row)
            shapes.append(shape)
            folders.append(folder)
    missed = " and ".join(f"{count} {kind}" for kind, count in left.items() if count)
    if not rows and not (with_folder and not left):
        held = f"; it holds {missed}" if missed else ""
        raise FileError(f"{what} holds no placemark{held}. Name a KML file with features.")
    known = list(dict.fromkeys(folders))
    if choice.layer is not None:
        layer = choose_layer(known, choice.layer, what)
        at = [i for i, folder in enumerate(folders) if folder == layer]
        rows, shapes = [rows[i] for i in at], [shapes[i] for i in at]
    elif len(known) > 1:
        for row, folder in zip(rows, folders, strict=True):
            add(row, "folder", folder)
    if missed:
        warn(f"{what} has {missed}, which aren't read.")
    return to_frame(rows, shapes)


def _features(root: ET.Element) -> Iterator[tuple[ET.Element, str]]:
    """Yield placemarks, folders and links in order, each with its folder."""
    stack = [(iter([root]), "")]
    while stack:
        children, folder = stack[-1]
        child = next(children, None)
        if child is None:
            stack.pop()
            continue
        name = local_name(child)
        if name in _CONTAINERS:
            title = next((c.text or "" for c in child if local_name(c) == "name"), "")
            stack.append((iter(child), title.strip() or folder))
        if name in _ELSEWHERE or name in {"Placemark", "Folder"}:
            yield child, folder


def _placemark(element: ET.Element, what: str, number: int) -> tuple[Row, Any]:
    row: Row = {}
    shape = None
    for child in element:
        name = local_name(child)
        if name in _TEXTS:
            add(row, name, child.text)
        elif name in {"TimeStamp", "TimeSpan"}:
            for inner, text in leaf_texts(child):
                add(row, _TIMES.get(inner, inner), text.strip())
        elif name == "ExtendedData":
            for key, value in _read_data(child):
                add(row, key, value)
        elif name in _GEOMETRIES:
            try:
                shape = _geometry(child, 0)
            except (ValueError, shapely.errors.ShapelyError) as error:
                raise FileError(
                    f"{what} has a {name} in placemark {number} that is none: {first_line(error)}."
                ) from error
    return row, shape


def _count_losses(placemark: ET.Element) -> dict[str, int]:
    """Count what a placemark holds that isn't read, by its kind."""
    models = timed = lone = uneven = outlines = 0
    for element in placemark.iter():
        name, inside = local_name(element), [local_name(child) for child in element]
        models += name == "Model"
        if name == "Track":
            timed += "when" in inside
            texts = [c.text or "" for c in element if local_name(c) == "coord"]
            lone += sum(bool(text.strip()) for text in texts) == 1
        elif name == "LineString":
            with suppress(ValueError):  # an error when it is read
                lone += len(_coordinates(element)) == 1
        elif name == "coordinates":
            uneven += len({p.rstrip(",").count(",") > 1 for p in _split(element.text or "")}) > 1
        elif name == "Polygon":
            outlines += max(0, inside.count("outerBoundaryIs") - 1)
    # The standard forbids several geometries side by side; the last one is read.
    beside = sum(local_name(child) in _GEOMETRIES for child in placemark) - 1
    return {
        "3-D models": models,
        "lists of a track's times": timed,
        "lines of a single point": lone,
        "lists of heights with gaps": uneven,
        "outlines beside another": outlines,
        "geometries beside another": max(0, beside),
    }


def _read_data(element: ET.Element) -> Iterator[tuple[str, str | None]]:
    for child in element:
        name = local_name(child)
        if name == "Data":
            value = next((c.text for c in child if local_name(c) == "value"), None)
            yield child.get("name", "data"), value
        elif name == "SchemaData":
            for inner in child:
                yield inner.get("name", local_name(inner)), "".join(inner.itertext()) or None
        elif len(child):
            yield from leaf_texts(child)
        else:
            yield name, child.text


def _geometry(element: ET.Element, depth: int) -> Any:
    if depth > _DEPTH:
        raise ValueError(f"more than {_DEPTH} geometries inside one another")
    name = local_name(element)
    if name in {"MultiGeometry", "MultiTrack"}:
        inside = [_geometry(c, depth + 1) for c in element if local_name(c) in _GEOMETRIES]
        return _collect([p for p in inside if p is not None])
    if name == "Polygon":
        rings = {"outerBoundaryIs": [], "innerBoundaryIs": []}  # type: dict[str, list[Any]]
        for child in element:
            for ring in child if local_name(child) in rings else ():
                coordinates = _coordinates(ring)
                if coordinates:
                    rings[local_name(child)].append(coordinates)
        outer = rings["outerBoundaryIs"]
        return shapely.Polygon(outer[0], rings["innerBoundaryIs"]) if outer else None
    if name == "Track":
        texts = [c.text or "" for c in element if local_name(c) == "coord"]
        coordinates = [tuple(map(float, t.split())) for t in texts if t.strip()]
    else:
        coordinates = _coordinates(element)
    if not coordinates:
        return None
    if name == "Point":
        return shapely.Point(coordinates[0])
    return None if len(coordinates) == 1 else shapely.LineString(coordinates)


def _coordinates(element: ET.Element) -> list[tuple[float, ...]]:
    text = next((c.text or "" for c in element if local_name(c) == "coordinates"), "")
    found = [tuple(float(n) for n in position.split(",") if n) for position in _split(text)]
    if any(len(c) < 2 for c in found):
        raise ValueError("a position without lon or lat")
    count = min((len(c) for c in found), default=2)
    return [c[: min(count, 3)] for c in found]


def _split(text: str) -> list[str]:
    """Split a list of coordinates into positions; blanks beside a comma don't separate them."""
    return re.sub(r"\s*,\s*", ",", text).split()


def _collect(parts: list[Any]) -> Any:
    """Combine geometries to one, of the narrowest type that holds them."""
    if len(parts) < 2:
        return parts[0] if parts else None
    kinds = {part.geom_type for part in parts}
    multi = {"Point": shapely.MultiPoint, "LineString": shapely.MultiLineString,
             "Polygon": shapely.MultiPolygon}  # fmt: skip
    if len(kinds) == 1 and (kind := kinds.pop()) in multi:
        return multi[kind](parts)
    return shapely.GeometryCollection(parts)


def write_kml(frame: gpd.GeoDataFrame, shapes: gpd.GeoSeries, path: Path, layer: str) -> None:
    """Write features as KML: names and descriptions in their elements, other columns as data.

    All columns are text, and missing values are None. Geometries are in lon, lat.
    """
    others = [c for c in frame.columns if c not in {"name", "description"}]
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(_HEAD.format(escape_text(layer)))
        for row, shape in zip(records(frame), shapes, strict=True):
            parts = [
                f"<{n}>{escape_text(row[n])}</{n}>"
                for n in ("name", "description")
                if row.get(n) is not None
            ]
            data = [
                f"<Data name={quoteattr(str(n))}><value>{escape_text(row[n])}</value></Data>"
                for n in others
                if row[n] is not None
            ]
            if data:
                parts.append(f"<ExtendedData>{''.join(data)}</ExtendedData>")
            if shape is not None and not shape.is_empty:
                parts.append(_markup(shape))
            file.write(f"<Placemark>{''.join(parts)}</Placemark>\n")
        file.write("</Folder></Document></kml>\n")


def _markup(shape: shapely.Geometry) -> str:
    kind = shape.geom_type
    if kind == "Polygon":
        outer = _ring("outerBoundaryIs", shape.exterior)
        inner = "".join(_ring("innerBoundaryIs", ring) for ring in shape.interiors)
        return f"<Polygon>{outer}{inner}</Polygon>"
    if kind in {"Point", "LineString", "LinearRing"}:
        name = "LineString" if kind == "LinearRing" else kind
        return f"<{name}>{_positions(shape)}</{name}>"
    return f"<MultiGeometry>{''.join(map(_markup, shape.geoms))}</MultiGeometry>"


def _ring(name: str, ring: shapely.LinearRing) -> str:
    return f"<{name}><LinearRing>{_positions(ring)}</LinearRing></{name}>"


def _positions(shape: shapely.Geometry) -> str:
    coordinates = shapely.get_coordinates(shape, include_z=shape.has_z).tolist()
    texts = " ".join(",".join(map(repr, c)) for c in coordinates)
    return f"<coordinates>{texts}</coordinates>"

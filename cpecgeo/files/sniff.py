"""The format of a file by its content, checked before GDAL opens it.

GDAL recognizes formats by content, whatever the suffix. Some of them (VRT, GDALG, service
descriptions, linked reference systems) make it open other files or a server. Each check here parses
with Python alone and accepts only the format that the suffix names.
"""

from __future__ import annotations

import contextlib
import json
import re
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET
from xml.parsers import expat

import pyproj

from cpecgeo.errors import CRSError, DataWarning, FileError

__all__ = [
    "examine",
    "in_utf8",
    "leaf_texts",
    "load_xml",
    "local_name",
    "sniff_suffix",
]

_SQLITE = b"SQLite format 3\0"
_SHAPEFILE = b"\x00\x00\x27\x0a"
_FLATGEOBUF = b"fgb\x03fgb"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_GEOJSON = {
    "FeatureCollection", "Feature", "GeometryCollection", "Point", "MultiPoint", "LineString",
    "MultiLineString", "Polygon", "MultiPolygon",
}  # fmt: skip
_ROOTS = {"KML": "kml", "GPX": "gpx"}
# Members of GeoJSON objects that GDAL reads; other members are the writer's own.
_MEMBERS = {
    "FeatureCollection": {"type", "features", "bbox", "crs", "name", "xy_coordinate_resolution"},
    "Feature": {"type", "geometry", "properties", "id", "bbox", "crs"},
}
_INT64 = 2**63
# CRS names that GDAL resolves offline; for others it would ask a server.
_CRS_NAME = re.compile(r"(urn:(x-)?ogc:def:crs:|epsg:|ogc:)", re.IGNORECASE)


def sniff_suffix(head: bytes) -> str:
    """Return the suffix of the format of bytes without a file name, from their beginning.

    It is ``.csv`` where no other format is recognized.

    Examples
    --------
    >>> sniff_suffix(b'{"type": "FeatureCollection"}'), sniff_suffix(b"id,lon,lat")
    ('.geojson', '.csv')
    """
    binary = {
        _SQLITE: ".gpkg", b"PAR1": ".parquet", _FLATGEOBUF: ".fgb", b"\x1f\x8b": ".csv.gz",
    }  # fmt: skip
    for magic, suffix in binary.items():
        if head.startswith(magic):
            return suffix
    if head.startswith(b"PK\x03\x04"):
        inside = {b"xl/": ".xlsx", b".kml": ".kmz"}
        return next((s for mark, s in inside.items() if mark in head), ".zip")
    if head.startswith(_UTF16):
        head = head[: len(head) // 2 * 2].decode("utf-16", "replace").encode()
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"<"):
        return ".gpx" if b"<gpx" in text[:4096] else ".kml"
    if text.startswith((b"{", b"\x1e")):
        if re.search(rb'"type"\s*:\s*"Topology"', text[:4096]):
            return ".topojson"
        lines = text.split(b"\n", 1)[0].rstrip()
        whole = lines.endswith(b"}") and len(lines) < len(text.rstrip())
        return ".geojsonl" if whole or text.startswith(b"\x1e") else ".geojson"
    return ".csv"


@contextlib.contextmanager
def in_utf8(path: Path, what: str) -> Iterator[Path]:
    """Yield a JSON file, or a copy in UTF-8 of one in UTF-16, which GDAL can't read."""
    try:
        with path.open("rb") as file:
            is_wide = file.read(2) in _UTF16
    except OSError as error:
        raise FileError(f"{what} can't be read: {error.strerror}.") from error
    if not is_wide:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="cpecgeo-") as folder:
        copy = Path(folder) / path.name
        try:
            copy.write_bytes(path.read_bytes().decode("utf-16").encode())
        except UnicodeError as error:
            reason = getattr(error, "reason", error)
            raise FileError(
                f"{what} begins as UTF-16 and isn't ({reason}); save it as UTF-8."
            ) from None
        yield copy


def examine(
    path: Path, kind: str, what: str | None = None
) -> tuple[str, dict[str, list[Any]] | None]:
    """Check that a file is of a format; return its path for GDAL, and the ids of GeoJSON features.

    The format has GDAL's name: "GPKG", "GeoJSON", "KML" … The path is absolute, so that GDAL can't
    read it as an address or an archive. The ids are a column ``id``, with one value per feature,
    None where it has none. Where the properties have different ids, these are ``id``, and those of
    the features ``feature_id``. There is None in place of the columns where no feature has an id.

    Raises
    ------
    FileError
        It is of another format, is cut off, or refers to other files: XML that declares a document
        type, GeoJSON with a linked reference system.
    CRSError
        GeoJSON that names an unknown CRS.
    """
    what = str(path) if what is None else what
    try:
        ids: dict[str, list[Any]] | None = _CHECKS[kind](path, kind, what)
    except OSError as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"{what} can't be read: {error.strerror}.") from error
    whole = str(path.resolve())
    if "!" in whole or whole.startswith("/vsi"):
        raise FileError(f"{whole} would be taken for an archive or an address; move or rename it.")
    return whole, ids


def _sqlite(path: Path, kind: str, what: str) -> None:
    with path.open("rb") as file:
        head = file.read(72)
    if head[: len(_SQLITE)] != _SQLITE or head[68:70] != b"GP":
        raise FileError(f"{what} can't be read as {kind}: it isn't one, by its first bytes.")


def _magic(path: Path, kind: str, what: str) -> None:
    magic = _SHAPEFILE if kind == "ESRI Shapefile" else _FLATGEOBUF
    with path.open("rb") as file:
        if file.read(len(magic)) != magic:
            raise FileError(f"{what} can't be read as {kind}: it isn't one, by its first bytes.")


def _xml(path: Path, kind: str, what: str) -> None:
    raw = path.read_bytes()
    if b"\0" in raw[:4096] and not raw.startswith(_UTF16):
        raise FileError(f"{what} is not XML in UTF-8; save it as UTF-8.")
    found: list[str] = []

    def doctype(*_: object) -> None:
        raise FileError(
            f"{what} declares a document type or entities, which KML and GPX don't need; remove "
            "the declaration."
        )

    def root(name: str, _: object) -> None:
        found.append(name.rpartition(":")[2])
        parser.StartElementHandler = None

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = doctype
    parser.StartElementHandler = root
    try:
        parser.Parse(raw, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise FileError(f"{what} can't be read as {kind}: {error}.") from None
    if found != [_ROOTS[kind]]:
        raise FileError(f"{what} can't be read as {kind}: its first element is {found[0]!r}.")


def load_xml(path: Path, kind: str, what: str) -> ET.Element:
    """Parse an XML file of one kind; refuse one that declares a document type."""
    examine(path, kind, what)
    try:
        return ET.parse(path).getroot()  # noqa: S314
    except (ET.ParseError, OSError, ValueError, RecursionError) as error:
        raise FileError(f"{what} can't be read as {kind}: {error}.") from error


def local_name(element: ET.Element) -> str:
    """Return the name of an element without its namespace."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def leaf_texts(element: ET.Element) -> Iterator[tuple[str, str]]:
    """Yield name and text of the inner elements that contain only text."""
    for inner in element.iter():
        if inner is not element and len(inner) == 0 and inner.text:
            yield local_name(inner), inner.text


def _geojson(path: Path, kind: str, what: str) -> dict[str, list[Any]] | None:
    top = _check_json(path.read_bytes(), kind, what, _GEOJSON)
    if "FeatureCollection" in top.kinds:
        return _tell_lost(top.foreign, top.features, what)
    return _tell_lost((), (top,), what)


def _tell_lost(
    of_file: Iterable[str], features: Sequence[_Object], what: str
) -> dict[str, list[Any]] | None:
    """Return ids of features; warn of members that a table can't hold, and of long numbers."""
    held = Counter(name for one in features for name in dict.fromkeys(one.foreign))
    told = [f"{name[:40]!r} of the file" for name in of_file]
    told += [f"{name[:40]!r} of {n:,} feature{'s'[: n - 1]}" for name, n in held.items()]
    if told:
        more = f" and {len(told) - 8} more" if len(told) > 8 else ""
        warnings.warn(
            f"{what} has members that stand beside its properties and are left out: "
            f'{", ".join(told[:8])}{more}. Inside of "properties" they become columns.',
            DataWarning,
            stacklevel=6,
        )
    if long := sum(one.long for one in features):
        warnings.warn(
            f"{what} has {long:,} whole numbers of more than 64 bits, which lose digits; write "
            "them in quotes to keep them.",
            DataWarning,
            stacklevel=6,
        )
    ids = [one.id for one in features]
    inner = [one.inner for one in features]
    if all(one is None for one in ids):
        return None
    if all(one is None for one in inner):
        return {"id": ids}
    return {"id": inner} if ids == inner else {"id": inner, "feature_id": ids}


def _topojson(path: Path, kind: str, what: str) -> None:
    _check_json(path.read_bytes(), kind, what, {"Topology"})


def _geojson_lines(path: Path, kind: str, what: str) -> dict[str, list[Any]] | None:
    found = []
    with path.open("rb") as file:
        for raw in file:
            text = raw.strip(b" \t\r\n\x1e")
            if text:
                found.append(_check_json(text, kind, what, _GEOJSON - {"FeatureCollection"}))
    if not found:
        raise FileError(f"{what} is empty; a feature on each line is needed.")
    return _tell_lost((), found, what)


def _check_json(raw: bytes, kind: str, what: str, types: set[str]) -> _Object:
    try:
        # Objects are checked and dropped as soon as they end, to save memory.
        top = json.loads(raw.decode("utf-8-sig"), object_pairs_hook=_Object)
    except UnicodeDecodeError as error:
        raise FileError(f"{what} is not UTF-8 ({error.reason}); save it as UTF-8.") from None
    except (ValueError, RecursionError) as error:
        raise FileError(f"{what} can't be read as {kind}: {error}.") from None
    if not isinstance(top, _Object) or not top.kinds or not top.kinds <= types:
        named = {"TopoJSON": ("TopoJSON", "a Topology"),
                 "GeoJSONSeq": ("GeoJSON lines", "a Feature on each line")}  # fmt: skip
        name, needed = named.get(kind, (kind, "a FeatureCollection"))
        raise FileError(f"{what} is JSON, but not {name}; {needed} is needed.")
    if top.linked:
        raise FileError(
            f"{what} links to a reference system elsewhere; GeoJSON is lon, lat. Remove its "
            '"crs" member.'
        )
    if top.crs is not None:
        _check_crs(top.crs, what)
    return top


def _check_crs(name: object, what: str) -> None:
    """Refuse a CRS that GDAL would ignore without a warning."""
    is_known = isinstance(name, str) and bool(_CRS_NAME.match(name))
    try:
        is_known = is_known and pyproj.CRS.from_user_input(name) is not None
    except pyproj.exceptions.CRSError:
        is_known = False
    if not is_known:
        raise CRSError(
            f"{what} names the CRS {str(name)[:60]!r}, which isn't known; GeoJSON is lon, lat: "
            'remove its "crs" member if that is so, or name the CRS by its EPSG code.'
        )


class _Object:
    """The relevant facts of a JSON object."""

    __slots__ = ("crs", "features", "foreign", "id", "inner", "kinds", "link", "linked", "long",
                 "name")  # fmt: skip

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        self.kinds = {str(value) for key, value in pairs if key == "type"}
        kind = next((k for k in _MEMBERS if k in self.kinds), None)
        names = [] if kind is None else [key for key, _ in pairs]
        # Without properties, GDAL reads the other members as such.
        has_columns = kind == "FeatureCollection" or "properties" in names
        self.foreign = tuple(n for n in names if has_columns and n not in _MEMBERS[kind or ""])
        self.features: tuple[_Object, ...] = ()
        # The id of an object, and that in the properties of a feature.
        self.id: Any = None
        self.inner: Any = None
        self.long: int = 0  # whole numbers of more than 64 bits
        # The CRS that a "crs" member names.
        self.name: Any = None
        self.crs: Any = None
        # How GeoJSON of 2008 and JSON-FG refer to a reference system.
        self.link: bool = "link" in self.kinds
        self.linked: bool = False
        for key, value in pairs:
            looked = isinstance(value, _Object)
            if looked:
                self.long += value.long
                self.inner = value.id if key == "properties" else self.inner
            elif type(value) is int and not -_INT64 <= value < _INT64:
                self.long += 1
            if key == "id" and isinstance(value, (str, int, float)):
                self.id = value
            self.link |= key == "href" or (looked and value.link)
            self.linked |= (key == "crs" and looked and value.link) or key in {
                "coordRefSys",
                "conformsTo",
            }
            if key == "features" and isinstance(value, list):
                self.features = tuple(f for f in value if isinstance(f, _Object))
            elif key == "name":
                self.name = value
            elif key == "code" and isinstance(value, (int, str)):
                self.name = f"EPSG:{value}"
            elif key == "properties" and looked:
                self.name = value.name
            elif key == "crs" and looked and self.crs is None:
                self.crs = value.name if value.name is not None else ""


_CHECKS: dict[str, Callable[[Path, str, str], Any]] = {
    "GPKG": _sqlite,
    "GeoJSON": _geojson,
    "GeoJSONSeq": _geojson_lines,
    "TopoJSON": _topojson,
    "ESRI Shapefile": _magic,
    "FlatGeobuf": _magic,
    "KML": _xml,
    "GPX": _xml,
}

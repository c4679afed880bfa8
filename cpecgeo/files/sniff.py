"""What a file is by its own bytes, found out before GDAL opens it.

GDAL tells formats apart by content, whatever the suffix says, and some of what it would take
for a table of features (VRT, GDALG, service descriptions, linked reference systems) sends it to
other files or to a server. Each check here parses with Python alone and lets nothing pass but
the format that was named.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from xml.parsers import expat

from cpecgeo.errors import FileError, InputTypeError

__all__ = ["insist", "local"]

_SQLITE = b"SQLite format 3\0"
_GEOJSON = {
    "FeatureCollection", "Feature", "GeometryCollection", "Point", "MultiPoint", "LineString",
    "MultiLineString", "Polygon", "MultiPolygon",
}  # fmt: skip
_ROOTS = {"KML": "kml", "GPX": "gpx"}
# GDAL would open such a document as GML, whatever its root, and may fetch its schema.
_GML = b"opengis.net/gml"


def local(path: Any, what: str) -> Path:
    """A path on this machine's disk, whether or not something is there.

    Parameters
    ----------
    path : str or path
    what : str
        The argument's name, for messages.

    Returns
    -------
    Path

    Raises
    ------
    InputTypeError
        Not a path.
    FileError
        No disk can have a file of that name.
    """
    if not isinstance(path, (str, os.PathLike)) or isinstance(os.fspath(path), bytes):
        raise InputTypeError(f"{what} is {type(path).__name__}; the path of a file is needed.")
    found = Path(path)
    try:
        found.stat()
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FileError(f"{what} {str(path)[:60]!r} is no file ({reason}).") from error
    return found


def insist(path: Path, kind: str) -> str:
    """The path for GDAL, of a file that is what it is said to be.

    Parameters
    ----------
    path : Path
    kind : {"GPKG", "GeoJSON", "KML", "GPX"}

    Returns
    -------
    str
        Absolute, so that no part of it reads as an address or an archive.

    Raises
    ------
    FileError
        It is something else, is cut off, or points outside itself: XML that declares a
        document type, GeoJSON with a linked reference system.
    """
    check = {"GPKG": _sqlite, "GeoJSON": _geojson}.get(kind, _xml)
    try:
        check(path, kind)
    except OSError as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"{path} can't be read: {error.strerror}.") from error
    whole = str(path.resolve())
    if "!" in whole or whole.startswith("/vsi"):
        raise FileError(f"{whole} would be taken for an archive or an address; move or rename it.")
    return whole


def _sqlite(path: Path, kind: str) -> None:
    with path.open("rb") as file:
        head = file.read(72)
    if head[: len(_SQLITE)] != _SQLITE or head[68:70] != b"GP":
        raise FileError(f"{path} can't be read as {kind}: it isn't one, by its first bytes.")


def _xml(path: Path, kind: str) -> None:
    raw = path.read_bytes()
    if b"\0" in raw[:4096]:
        raise FileError(f"{path} is not XML in UTF-8; save it as UTF-8.")
    found: list[str] = []

    def doctype(*_: Any) -> None:
        raise FileError(
            f"{path} declares a document type or entities, which KML and GPX don't need; remove "
            "the declaration."
        )

    def root(name: str, _: Any) -> None:
        found.append(name.rpartition(":")[2])
        parser.StartElementHandler = None

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = doctype
    parser.StartElementHandler = root
    try:
        parser.Parse(raw, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise FileError(f"{path} can't be read as {kind}: {error}.") from None
    if found != [_ROOTS[kind]]:
        raise FileError(f"{path} can't be read as {kind}: its first element is {found[0]!r}.")
    if kind == "KML" and _GML in raw[:8192]:
        raise FileError(f"{path} names GML among its schemas; save it as plain KML.")


def _geojson(path: Path, kind: str) -> None:
    try:
        # Objects are looked at and dropped as they end, so that memory stays small.
        top = json.loads(path.read_bytes().decode("utf-8-sig"), object_pairs_hook=_Looked)
    except UnicodeDecodeError as error:
        raise FileError(f"{path} is not UTF-8 ({error.reason}); save it as UTF-8.") from None
    except (ValueError, RecursionError) as error:
        raise FileError(f"{path} can't be read as {kind}: {error}.") from None
    if not isinstance(top, _Looked) or not top.kinds or not top.kinds <= _GEOJSON:
        raise FileError(f"{path} is JSON, but not GeoJSON; a FeatureCollection is needed.")
    if top.linked:
        raise FileError(
            f"{path} links to a reference system elsewhere; GeoJSON is lon, lat. Remove its "
            '"crs" member.'
        )


class _Looked:
    """What matters of a JSON object."""

    __slots__ = ("kinds", "link", "linked")

    link: bool
    linked: bool

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        self.kinds = {str(value) for key, value in pairs if key == "type"}
        # How GeoJSON of 2008 and JSON-FG point to a reference system.
        self.link = "link" in self.kinds or any(
            key == "href" or (isinstance(value, _Looked) and value.link) for key, value in pairs
        )
        self.linked = any(
            (key == "crs" and isinstance(value, _Looked) and value.link)
            or key in {"coordRefSys", "conformsTo"}
            for key, value in pairs
        )

"""Formats of files, by their suffix and by their content, which is checked before GDAL opens it.

GDAL recognizes formats by content, whatever the suffix. Some of them (VRT, GDALG, service
descriptions, linked reference systems) make it open other files or a server. Each check here parses
with Python alone and accepts only the format that the suffix names.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pyproj

from cpecgeo.errors import CRSError, FileError, InputError, UnknownNameError, warn
from cpecgeo.files.disk import translating

if TYPE_CHECKING:
    import geopandas as gpd

__all__ = [
    "FORMATS",
    "SUFFIXES",
    "Choice",
    "Format",
    "Reader",
    "choose_layer",
    "examine",
    "find_format",
    "has_format",
    "sniff_suffix",
]

_MAGIC = {
    "GPKG": b"SQLite format 3\0",
    "ESRI Shapefile": b"\x00\x00\x27\x0a",
    "FlatGeobuf": b"fgb\x03fgb",
}
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_GEOJSON = {
    "FeatureCollection", "Feature", "GeometryCollection", "Point", "MultiPoint", "LineString",
    "MultiLineString", "Polygon", "MultiPolygon",
}  # fmt: skip
# Members of GeoJSON objects that GDAL reads; other members are the writer's own.
_MEMBERS = {
    "FeatureCollection": {"type", "features", "bbox", "crs", "name", "xy_coordinate_resolution"},
    "Feature": {"type", "geometry", "properties", "id", "bbox", "crs"},
}
_INT64 = 2**63
# CRS names that GDAL resolves offline; for others it would ask a server.
_CRS_NAME = re.compile(r"(urn:(x-)?ogc:def:crs:|epsg:|ogc:)", re.IGNORECASE)


@dataclass(frozen=True)
class Format:
    """A format of files.

    Attributes
    ----------
    name : str
        For people, and the key of readers and writers.
    suffixes : tuple of str
        Lower case, the usual one first.
    driver : str or None
        GDAL's name of it, where GDAL reads or writes it.
    is_lonlat : bool
        Whether it is in lon, lat on WGS 84 by definition.
    can_write : bool
        Whether it can be written too.
    """

    name: str
    suffixes: tuple[str, ...]
    driver: str | None = None
    is_lonlat: bool = False
    can_write: bool = True


FORMATS = (
    Format("GeoJSON", (".geojson", ".json"), "GeoJSON", is_lonlat=True),
    Format("GeoJSON lines", (".geojsonl", ".geojsons", ".ndjson"), "GeoJSONSeq", is_lonlat=True),
    Format("TopoJSON", (".topojson",), "TopoJSON", is_lonlat=True, can_write=False),
    Format("GeoPackage", (".gpkg",), "GPKG"),
    Format("GeoParquet", (".parquet", ".geoparquet", ".pq")),
    Format("CSV", (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz"), is_lonlat=True),
    Format("Excel", (".xlsx",), is_lonlat=True),
    Format("KML", (".kml", ".kmz"), is_lonlat=True),
    Format("GPX", (".gpx",), is_lonlat=True),
    Format("Shapefile", (".shp", ".shp.zip", ".zip"), "ESRI Shapefile"),
    Format("FlatGeobuf", (".fgb",), "FlatGeobuf"),
)
SUFFIXES = tuple(suffix for form in FORMATS for suffix in form.suffixes)


def find_format(path: Path, *, to_write: bool = False) -> Format:
    """Return the format for a file's suffix, in upper or lower case.

    With `to_write` the error lists only formats that can be written.

    Raises
    ------
    InputError
        No format of that suffix.

    Examples
    --------
    >>> find_format(Path("survey.v2.CSV.GZ")).name
    'CSV'
    """
    for count in (2, 1):
        suffix = "".join(path.suffixes[-count:]).casefold()
        for form in FORMATS:
            if suffix in form.suffixes:
                return form
    is_folder = False
    with suppress(OSError):  # a text too long for a file name
        is_folder = path.is_dir()
    if is_folder:
        raise InputError(f"{str(path)!r} is a folder; name a file in it.")
    known = [x for form in FORMATS if form.can_write or not to_write for x in form.suffixes]
    old = "; save it as .xlsx" if path.suffix.casefold() in {".xls", ".xlsb", ".ods"} else ""
    raise InputError(
        f"{path.name!r} ends in {path.suffix!r}{old}; the formats are {', '.join(known)}."
    )


def has_format(name: str) -> bool:
    """Return whether a text has the suffix of a file of features.

    Examples
    --------
    >>> has_format("sites.kml"), has_format("D.I. Khan")
    (True, False)
    """
    try:
        find_format(Path(name))
    except InputError:
        return False
    return True


@dataclass(frozen=True)
class Choice:
    """Options for reading a file.

    Attributes
    ----------
    layer : str or None
        The layer, folder, sheet or kind of features.
    lon, lat : str or None
        Columns of positions, in tables.
    crs : object
        The CRS of positions that have none of their own.
    thousands : str or None
        The separator of thousands in numbers as text.
    encoding : str or None
        Encoding of text in CSV and shapefiles; other formats state their own.
    """

    layer: str | None = None
    lon: str | None = None
    lat: str | None = None
    crs: object = None
    thousands: str | None = None
    encoding: str | None = None


# Reads the features of a file in its CRS, if it has one; the text names the file in messages. It
# raises FileError, InputError, CRSError and MissingExtraError.
Reader: TypeAlias = "Callable[[Path, str, Choice], gpd.GeoDataFrame]"


def choose_layer(names: list[str], stated: str | None, what: str) -> str:
    """Return the layer that is named, or the only one; anything else is an `InputError`.

    Its message names up to 8 layers. Those with names similar to a misspelt one come first.
    """
    if stated is not None and stated not in names:
        near = UnknownNameError(stated, "layer", names).near
        shown = _list_some([*near, *(name for name in names if name not in near)])
        hint = f" Did you mean {', '.join(map(repr, near))}?" if near else ""
        raise InputError(f"{what} has no layer {stated!r}.{hint} It has {shown}.")
    if stated is None and len(names) > 1:
        shown = _list_some(names)
        raise InputError(f"{what} has {len(names)} layers, {shown}; choose one with layer=.")
    return names[0] if stated is None else stated


def _list_some(names: Sequence[str], most: int = 8) -> str:
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def sniff_suffix(head: bytes) -> str:
    """Return the suffix of the format of bytes without a file name, from their beginning.

    It is ``.csv`` where no other format is recognized.

    Examples
    --------
    >>> sniff_suffix(b'{"type": "FeatureCollection"}'), sniff_suffix(b"id,lon,lat")
    ('.geojson', '.csv')
    """
    binary = {
        _MAGIC["GPKG"]: ".gpkg",
        _MAGIC["FlatGeobuf"]: ".fgb",
        b"PAR1": ".parquet",
        b"\x1f\x8b": ".csv.gz",
    }
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


def examine(path: Path, kind: str, what: str) -> tuple[str, dict[str, list[Any]] | None]:
    """Check that a file is of a format; return its path for GDAL, and the ids of GeoJSON features.

    The format has GDAL's name, such as "GPKG" or "GeoJSON". A file of another one, one that is cut
    off, and GeoJSON with a linked reference system or an unknown CRS are refused. The path is
    absolute, so that GDAL can't read it as an address or an archive. The ids are a column ``id``,
    with one value per feature, None where it has none. Where the properties have different ids,
    these are ``id``, and those of the features ``feature_id``. There is None in place of the
    columns where no feature has an id.
    """
    ids = None
    with translating(what):
        if "JSON" in kind:
            ids = _json(path, kind, what)
        else:
            _magic(path, kind, what)
    whole = str(path.resolve())
    if "!" in whole or whole.startswith("/vsi"):
        raise FileError(f"{whole} would be taken for an archive or an address; move or rename it.")
    return whole, ids


def _magic(path: Path, kind: str, what: str) -> None:
    with path.open("rb") as file:
        head = file.read(72)
    if not head.startswith(_MAGIC[kind]) or (kind == "GPKG" and head[68:70] != b"GP"):
        raise FileError(f"{what} can't be read as {kind}: it isn't one, by its first bytes.")


def _json(path: Path, kind: str, what: str) -> dict[str, list[Any]] | None:
    if kind == "GeoJSONSeq":
        kinds = _GEOJSON - {"FeatureCollection"}
        with path.open("rb") as file:
            lines = (raw.strip(b" \t\r\n\x1e") for raw in file)
            found = [_check_json(line, kind, what, kinds) for line in lines if line]
        if not found:
            raise FileError(f"{what} is empty; a feature on each line is needed.")
        return _ids_of((), found, what)
    if kind == "TopoJSON":
        _check_json(path.read_bytes(), kind, what, {"Topology"})
        return None
    top = _check_json(path.read_bytes(), kind, what, _GEOJSON)
    if "FeatureCollection" in top.kinds:
        return _ids_of(top.foreign, top.features, what)
    return _ids_of((), (top,), what)


def _ids_of(
    of_file: Iterable[str], features: Sequence[_Object], what: str
) -> dict[str, list[Any]] | None:
    """Return ids of features; warn of members that a table can't hold, and of long numbers."""
    held = Counter(name for one in features for name in dict.fromkeys(one.foreign))
    told = [f"{name[:40]!r} of the file" for name in of_file]
    told += [f"{name[:40]!r} of {n:,} feature{'s'[: n - 1]}" for name, n in held.items()]
    if told:
        more = f" and {len(told) - 8} more" if len(told) > 8 else ""
        warn(
            f"{what} has members that stand beside its properties and are left out: "
            f'{", ".join(told[:8])}{more}. Inside of "properties" they become columns.'
        )
    if long := sum(one.long for one in features):
        warn(
            f"{what} has {long:,} whole numbers of more than 64 bits, which lose digits; write "
            "them in quotes to keep them."
        )
    ids = [one.id for one in features]
    inner = [one.inner for one in features]
    if all(one is None for one in ids):
        return None
    if all(one is None for one in inner):
        return {"id": ids}
    return {"id": inner} if ids == inner else {"id": inner, "feature_id": ids}


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
    """What the checks need to know of a JSON object."""

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
            is_object = isinstance(value, _Object)
            if is_object:
                self.long += value.long
                self.inner = value.id if key == "properties" else self.inner
            elif type(value) is int and not -_INT64 <= value < _INT64:
                self.long += 1
            if key == "id" and isinstance(value, (str, int, float)):
                self.id = value
            self.link |= key == "href" or (is_object and value.link)
            self.linked |= (key == "crs" and is_object and value.link) or key in {
                "coordRefSys",
                "conformsTo",
            }
            if key == "features" and isinstance(value, list):
                self.features = tuple(f for f in value if isinstance(f, _Object))
            elif key == "name":
                self.name = value
            elif key == "code" and isinstance(value, (int, str)):
                self.name = f"EPSG:{value}"
            elif key == "properties" and is_object:
                self.name = value.name
            elif key == "crs" and is_object and self.crs is None:
                self.crs = value.name if value.name is not None else ""

"""Formats of files: their suffixes, and what each can store."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from cpecgeo.errors import InputError

if TYPE_CHECKING:
    import geopandas as gpd

__all__ = [
    "FORMATS",
    "SUFFIXES",
    "Choice",
    "Format",
    "Reader",
    "choose_layer",
    "fid_name",
    "find_format",
    "has_format",
]


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
    is_text : bool
        Whether values are text, in which numbers must be recognized.
    can_write : bool
        Whether it can be written too.
    """

    name: str
    suffixes: tuple[str, ...]
    driver: str | None = None
    is_lonlat: bool = False
    is_text: bool = False
    can_write: bool = True


FORMATS = (
    Format("GeoJSON", (".geojson", ".json"), "GeoJSON", is_lonlat=True),
    Format("GeoJSON lines", (".geojsonl", ".geojsons", ".ndjson"), "GeoJSONSeq", is_lonlat=True),
    Format("TopoJSON", (".topojson",), "TopoJSON", is_lonlat=True, can_write=False),
    Format("GeoPackage", (".gpkg",), "GPKG"),
    Format("GeoParquet", (".parquet", ".geoparquet", ".pq")),
    Format("CSV", (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz"), is_lonlat=True, is_text=True),
    Format("Excel", (".xlsx",), is_lonlat=True),
    Format("KML", (".kml", ".kmz"), is_lonlat=True, is_text=True),
    Format("GPX", (".gpx",), is_lonlat=True, is_text=True),
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
    """Return the layer that is named, or the only one; anything else is an `InputError`."""
    if stated is None and len(names) > 1:
        raise InputError(
            f"{what} has {len(names)} layers, {', '.join(names)}; choose one with layer=."
        )
    if stated is not None and stated not in names:
        raise InputError(f"{what} has no layer {stated!r}; it has {', '.join(names)}.")
    return names[0] if stated is None else stated


def fid_name(names: Collection[str]) -> str:
    """Return a free name for the column of a GeoPackage's feature numbers.

    Examples
    --------
    >>> fid_name(["a"]), fid_name(["fid"])
    ('fid', 'row_fid')
    """
    return next(n for n in ("fid", "row_fid", "gpkg_row_fid") if n not in names)

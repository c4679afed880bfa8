"""Files of data: bundled, and refreshed ones in the cache; which geometry is in force."""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Hashable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from cpecgeo.errors import DataError, FileError, InputError
from cpecgeo.files.disk import cache_dir, write_whole

__all__ = [
    "Geometry",
    "data_path",
    "data_version",
    "exists",
    "fingerprint",
    "in_force",
    "read_checked",
    "read_geojson",
    "read_points",
    "read_properties",
    "read_table",
    "stored_path",
    "stored_paths",
    "using",
    "write_checked",
]

_PROPERTIES = '"properties":'  # separates a feature's properties

TEXT = [
    "id", "name", "name_ur", "name_zh", "kind", "opened", "status", "status_note", "basis",
    "licence", "note", "source", "source_date", "confidence", "chainage_reason", "ratio_reason",
    "prorate_of", "value",
]  # fmt: skip
"""Columns of tables that are read as text."""


@cache
def _root() -> Path:
    package = Path(__file__).parents[1]
    for folder in (package / "_data", package.parent / "data"):
        if (folder / "sections.csv").is_file():
            return folder
    raise DataError(
        f"The bundled data is missing: neither {package / '_data'} nor "
        f"{package.parent / 'data'} has it. Install cpecgeo again."
    )


def data_path(relative: str) -> Path:
    """Return the path of a bundled file, given inside ``data/``; a changed one is refused.

    Examples
    --------
    >>> data_path("corridors.csv").name
    'corridors.csv'
    """
    path = _root() / relative
    if not path.is_file():
        raise DataError(f"The data file {relative!r} is missing from {_root()}. Install again.")
    _check(relative)
    return path


@cache
def _hashes() -> dict[str, str]:
    """Load the sha256 of each file in the descriptor."""
    path = _root() / "datapackage.json"
    try:
        resources = json.loads(path.read_text(encoding="utf-8"))["resources"]
        return {r["path"]: r["hash"].removeprefix("sha256:") for r in resources}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} can't be read: {error!r}. Install again.") from error


@cache
def _check(relative: str) -> None:
    """Refuse a file that was damaged or edited; check each file once."""
    recorded = _hashes().get(relative)
    if recorded is None:
        return
    found = hashlib.sha256((_root() / relative).read_bytes()).hexdigest()
    if found != recorded:
        raise DataError(
            f"The data file {_root() / relative} isn't the one this package was made with "
            f"(sha256 {found[:12]}…, recorded {recorded[:12]}…). Install again; after an edit "
            "of your own, run `make data`."
        )


def exists(relative: str) -> bool:
    """Return whether a bundled file exists; the OpenStreetMap folder may be left out."""
    return (_root() / relative).is_file()


@cache
def data_version() -> str:
    """Return the version of the bundled data: that of the package.

    Examples
    --------
    >>> data_version()[0].isdigit()
    True
    """
    return version("cpecgeo")


@cache
def read_table(relative: str) -> pd.DataFrame:
    """Read a CSV file; text columns keep their text, empty cells are missing.

    The frame is shared: callers copy before they change anything.
    """
    path = data_path(relative)
    try:
        return pd.read_csv(path, dtype=dict.fromkeys(TEXT, object))
    except (ValueError, UnicodeDecodeError) as error:
        raise DataError(f"{path} can't be read as CSV: {error}. Install again.") from error


def read_points(relative: str) -> gpd.GeoDataFrame:
    """Read a CSV file with lon and lat as points; rows without a position have no geometry."""
    frame = read_table(relative)
    xy = frame[["lon", "lat"]].to_numpy(float)
    points = shapely.points(xy)
    points[np.isnan(xy[:, 0])] = None
    return gpd.GeoDataFrame(frame.drop(columns=["lon", "lat"]), geometry=points, crs=4326)


def read_properties(relative: str) -> pd.DataFrame:
    """Read the properties of GeoJSON features without parsing geometries, which are most of it."""
    path, rows = data_path(relative), []
    try:
        text, read = path.read_text(encoding="utf-8"), json.JSONDecoder().raw_decode
        # In a text the quotes of this mark would be escaped.
        at = text.find(_PROPERTIES)
        while at >= 0:
            row, at = read(text, text.index("{", at))
            rows.append(row)
            at = text.find(_PROPERTIES, at)
    except ValueError as error:
        raise DataError(f"{path} can't be read as GeoJSON: {error}. Install again.") from error
    return pd.DataFrame(rows)


def _shape(geometry: dict[str, Any]) -> Any:
    """Return a geometry of GeoJSON; shapely's own `shape` reads a line vertex by vertex."""
    if geometry["type"] == "LineString":
        return shapely.linestrings(np.array(geometry["coordinates"], float))
    return shapely.geometry.shape(geometry)


@cache
def read_features(relative: str) -> tuple[dict[str, Any], ...]:
    """Read the features of a GeoJSON file, with shapely geometries."""
    path = data_path(relative)
    try:
        return tuple(
            {**f["properties"], "geometry": _shape(f["geometry"])}
            for f in json.loads(path.read_text(encoding="utf-8"))["features"]
        )
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} can't be read as GeoJSON: {error}. Install again.") from error


def read_geojson(relative: str) -> gpd.GeoDataFrame:
    """Read a GeoJSON file as a frame."""
    return gpd.GeoDataFrame(list(read_features(relative)), geometry="geometry", crs=4326)


_FORMAT = 1


def write_checked(path: Path, record: dict[str, Any], body: bytes) -> None:
    """Write a record and a body as one file: whole, or not at all.

    The first line is JSON: the record, and length and sha256 of the compressed body after it.
    """
    packed = zlib.compress(body, 6)
    head = {
        "cpecgeo": _FORMAT,
        "record": record,
        "bytes": len(packed),
        "sha256": _digest(record, packed),
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(
            f"The cache folder {path.parent} can't be made: {error}. Set CPECGEO_CACHE to a "
            "folder that you may write to."
        ) from error
    write_whole(path, json.dumps(head, ensure_ascii=False).encode() + b"\n" + packed)


def read_checked(path: Path) -> tuple[dict[str, Any], bytes]:
    """Read a file of `write_checked`; one with another sha256 or form is refused."""
    try:
        head, _, packed = path.read_bytes().partition(b"\n")
    except OSError as error:
        raise FileError(f"{path} can't be read: {error}.") from error
    try:
        parsed = json.loads(head)
        if parsed["cpecgeo"] != _FORMAT:
            raise DataError(
                f"{path} has format {parsed['cpecgeo']}, and this version reads {_FORMAT}; "
                "refresh again."
            )
        record = parsed["record"]
        if _digest(record, packed) == parsed["sha256"]:
            return record, zlib.decompress(packed)
    except (ValueError, KeyError, TypeError, zlib.error) as error:
        raise DataError(f"{path} is damaged ({error}); delete it and refresh again.") from error
    raise DataError(
        f"{path} is damaged: its sha256 isn't the one recorded. Delete it and refresh again."
    )


def _digest(record: dict[str, Any], packed: bytes) -> str:
    text = json.dumps(record, sort_keys=True, ensure_ascii=False).encode()
    return hashlib.sha256(text + b"\n" + packed).hexdigest()


def stored_path(kind: Literal["corridors", "outlines"], name: str) -> Path:
    """Return the path of a corridor's, or a layer's, refreshed geometry."""
    return cache_dir() / kind / f"{name}.bin"


def stored_paths() -> tuple[Path, ...]:
    """Return all files of refreshed geometry, in order of name."""
    found = (p for kind in ("corridors", "outlines") for p in (cache_dir() / kind).glob("*.bin"))
    return tuple(sorted(path for path in found if not path.name.startswith(".")))


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
    token = _chosen.set(_check_geometry(geometry, "geometry"))
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
    return _check_geometry(_chosen.get() or os.environ.get(VARIABLE, "") or "bundled", VARIABLE)


def _check_geometry(geometry: str, what: str) -> Geometry:
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

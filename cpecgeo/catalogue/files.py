"""Files of data: bundled ones, and refreshed ones in the cache; all checked by hash."""

from __future__ import annotations

import hashlib
import json
import zlib
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from cpecgeo.errors import DataError, FileError
from cpecgeo.files.disk import cache_dir, write_whole

__all__ = [
    "data_path",
    "data_version",
    "exists",
    "read_checked",
    "read_geojson",
    "read_points",
    "read_properties",
    "read_table",
    "stored_path",
    "stored_paths",
    "write_checked",
]

_PROPERTIES = '"properties":'  # separates a feature's properties

TEXT = [
    "id",
    "name",
    "name_ur",
    "name_zh",
    "kind",
    "opened",
    "status",
    "status_note",
    "basis",
    "licence",
    "note",
    "source",
    "source_date",
    "confidence",
    "chainage_reason",
    "ratio_reason",
    "prorate_of",
    "value",
]


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
    """Return the path of a bundled file.

    Parameters
    ----------
    relative : str
        Path inside ``data/``, such as ``"corridors.csv"``.

    Returns
    -------
    Path

    Raises
    ------
    DataError
        There is no such file, or its content has changed.

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
        # Inside a text these quotes would be escaped.
        at = text.find(_PROPERTIES)
        while at >= 0:
            row, at = read(text, text.index("{", at))
            rows.append(row)
            at = text.find(_PROPERTIES, at)
    except ValueError as error:
        raise DataError(f"{path} can't be read as GeoJSON: {error}. Install again.") from error
    return pd.DataFrame(rows)


def _parse_features(relative: str) -> list[dict[str, Any]]:
    path = data_path(relative)
    try:
        features: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["features"]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} can't be read as GeoJSON: {error}. Install again.") from error
    return features


@cache
def read_features(relative: str) -> tuple[dict[str, Any], ...]:
    """Read the features of a GeoJSON file, with shapely geometries."""
    try:
        return tuple(
            {**f["properties"], "geometry": shapely.geometry.shape(f["geometry"])}
            for f in _parse_features(relative)
        )
    except (ValueError, KeyError, TypeError) as error:
        path = data_path(relative)
        raise DataError(f"{path} can't be read as GeoJSON: {error}. Install again.") from error


def read_geojson(relative: str) -> gpd.GeoDataFrame:
    """Read a GeoJSON file as a frame."""
    return gpd.GeoDataFrame(list(read_features(relative)), geometry="geometry", crs=4326)


_FORMAT = 1


def write_checked(path: Path, record: dict[str, Any], body: bytes) -> None:
    """Write a record and a body as one file: whole, or not at all.

    The first line is JSON: the record, and length and sha256 of the compressed body after it.

    Parameters
    ----------
    path : Path
    record : dict
        Values that JSON can store.
    body : bytes

    Raises
    ------
    FileError
        The folder can't be created or written.
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
    """Read a file of `write_checked`.

    Returns
    -------
    record : dict
    body : bytes

    Raises
    ------
    DataError
        The file has changed: its sha256 or its form is different.
    FileError
        It can't be read.
    """
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
    told = json.dumps(record, sort_keys=True, ensure_ascii=False).encode()
    return hashlib.sha256(told + b"\n" + packed).hexdigest()


def stored_path(kind: Literal["corridors", "outlines"], name: str) -> Path:
    """Return the path of a corridor's, or a layer's, refreshed geometry."""
    return cache_dir() / kind / f"{name}.bin"


def stored_paths() -> tuple[Path, ...]:
    """Return all files of refreshed geometry, in order of name."""
    return tuple(sorted(p for kind in ("corridors", "outlines") for p in _files(kind)))


def _files(kind: str) -> list[Path]:
    return [p for p in (cache_dir() / kind).glob("*.bin") if not p.name.startswith(".")]

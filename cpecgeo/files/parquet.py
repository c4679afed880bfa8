"""Parquet: GeoParquet in any encoding, and plain tables with positions or WKB."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyproj

from cpecgeo.errors import CpecgeoError, CRSError, FileError, MissingExtraError
from cpecgeo.files.formats import Choice
from cpecgeo.files.tables import locate_rows
from cpecgeo.files.wkb import refuse_deep

__all__ = ["read_parquet", "write_parquet"]


def read_parquet(path: Path, what: str, choice: Choice) -> gpd.GeoDataFrame:
    """Read GeoParquet (WKB or native encodings), or Parquet with lon and lat, WKB or WKT.

    Parameters
    ----------
    path : Path
    what : str
        The file's name, for messages.
    choice : Choice

    Returns
    -------
    GeoDataFrame

    Raises
    ------
    MissingExtraError
        pyarrow isn't installed.
    FileError
        It isn't Parquet, or what it says of itself can't be read.
    CRSError
        A CRS that can't be used.
    InputError
        No columns of positions.
    """
    try:
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtraError(
            "Parquet is read by pyarrow: pip install 'cpecgeo[scale]'."
        ) from error
    try:
        schema = pq.read_schema(path)
        raw = (schema.metadata or {}).get(b"geo")
        if raw is None:
            return locate_rows(_whole_numbers(pd.read_parquet(path), path), what, choice)
        for name, entry in json.loads(raw)["columns"].items():
            if entry.get("encoding") == "WKB":
                refuse_deep(pq.read_table(path, columns=[name])[name], what)
        return _whole_numbers(gpd.read_parquet(path), path)
    except CpecgeoError:
        raise
    except pyproj.exceptions.CRSError as error:
        raise CRSError(f"{what} has a CRS that can't be used ({_first_line(error)}).") from error
    except MemoryError:
        raise
    except Exception as error:
        # What the file says of its own types is believed by the libraries, which then fail
        # in any way.
        raise FileError(f"{what} can't be read as Parquet: {_first_line(error)}.") from error


def _whole_numbers(frame: Any, path: Path) -> Any:
    """Return whole numbers as such where some are missing; pandas makes floats of these."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pq.read_schema(path)
    whole = [
        field.name
        for field in schema
        if pa.types.is_integer(field.type)
        and field.type != pa.uint64()
        and field.name in frame
        and frame[field.name].dtype.kind == "f"
    ]
    for name in whole:
        column = pq.read_table(path, columns=[name]).column(name).cast(pa.int64())
        exact = column.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
        frame[name] = exact.to_numpy() if len(exact) != len(frame) else exact.array
    return frame


def write_parquet(frame: Any, path: Path) -> None:
    """Write a table as Parquet, and as GeoParquet where it has a geometry.

    Raises
    ------
    MissingExtraError
        pyarrow isn't installed.
    """
    try:
        frame.to_parquet(path, index=False)
    except ImportError as error:
        raise MissingExtraError(
            "Parquet is written by pyarrow: pip install 'cpecgeo[scale]'."
        ) from error


def _first_line(error: Exception) -> str:
    text = str(error)
    return text.splitlines()[0][:300].rstrip(".") if text else type(error).__name__

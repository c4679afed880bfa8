"""Files of features, in and out, by suffix: GeoJSON, GeoPackage, GeoParquet, CSV, KML, GPX."""

from __future__ import annotations

import csv
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyogrio
import pyproj.exceptions

from cpecgeo.errors import CRSError, FileError, InputError, MissingExtraError
from cpecgeo.files.sniff import insist, local
from cpecgeo.geodesy import lonlat

__all__ = ["LAT_NAMES", "LON_NAMES", "SUFFIXES", "placed", "read", "write", "write_layers"]

# suffix: GDAL's driver, or ours
SUFFIXES = {
    ".geojson": "GeoJSON",
    ".json": "GeoJSON",
    ".gpkg": "GPKG",
    ".parquet": "parquet",
    ".geoparquet": "parquet",
    ".csv": "csv",
    ".kml": "KML",
    ".gpx": "GPX",
}
LON_NAMES = ("lon", "lng", "long", "longitude", "x")
LAT_NAMES = ("lat", "latitude", "y")
# A cell that begins so is a formula to a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def read(
    path: Any, *, lon: str | None = None, lat: str | None = None, layer: str | None = None
) -> gpd.GeoDataFrame:
    """Features from a file.

    Parameters
    ----------
    path : path
        Its suffix names the format. CSV is UTF-8 with columns of lon and lat in degrees.
    lon, lat : str, optional
        Names of those columns, where they can't be told.
    layer : str, optional
        Of a GeoPackage, KML or GPX file with more than one.

    Returns
    -------
    GeoDataFrame
        In the CRS of the file; GeoJSON, KML, GPX and CSV are lon, lat on WGS 84.

    Raises
    ------
    FileError
        The file is missing, isn't what its suffix says, is cut off, or is XML that declares
        entities.
    InputError
        Another suffix, no columns of lon and lat, or several layers and none named.
    CRSError
        A GeoPackage or GeoParquet without a CRS.
    """
    path = local(path, "path")
    kind = _kind(path)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "doesn't exist"
        raise FileError(f"{path} {what}; name a file: {', '.join(SUFFIXES)}.")
    if kind == "csv":
        return placed(_csv(path), path, lon, lat)
    if kind == "parquet":
        return _parquet(path, lon, lat)
    there = insist(path, kind)
    try:
        frame = _from_gdal(there, path, kind, layer)
    except InputError:
        raise
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError) as error:
        raise FileError(f"{path} can't be read as {kind}: {_first_line(error)}.") from error
    if not isinstance(frame, gpd.GeoDataFrame):
        raise InputError(f"{path} has no geometry; features with positions are needed.")
    if frame.crs is None:
        raise CRSError(f"{path} has no CRS; write it again with one, such as EPSG:4326.")
    return frame


def write(
    frame: pd.DataFrame, path: Any, *, safe_cells: bool = False, layer: str = "cpecgeo"
) -> Path:
    """Write features, or a table, as the suffix says; whole or not at all.

    Parameters
    ----------
    frame : GeoDataFrame or DataFrame
        A table without geometry can be CSV or Parquet.
    path : path
        GeoJSON follows RFC 7946; KML and GPX are lon, lat by definition. CSV has columns
        lon and lat for points, and wkt for others.
    safe_cells : bool
        Put an apostrophe before CSV cells that a spreadsheet would take for a formula.
    layer : str
        Name of the layer in a GeoPackage.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    InputError
        Another suffix, or a table without geometry in a format that needs one.
    FileError
        The folder is missing or can't be written, or the disk is full.
    """
    path = Path(path)
    kind = _kind(path)
    flat = _flat(frame)
    if not isinstance(flat, gpd.GeoDataFrame) and kind not in {"csv", "parquet"}:
        raise InputError(f"This table has no geometry; write it as .csv or .parquet, not {path}.")
    return _whole(path, lambda made: _written(flat, made, kind, safe_cells=safe_cells, layer=layer))


def write_layers(frames: Mapping[str, gpd.GeoDataFrame], path: Any) -> Path:
    """Write several tables as the layers of one GeoPackage; whole or not at all.

    Parameters
    ----------
    frames : mapping of str to GeoDataFrame
        By the names of their layers.
    path : path
        Ends in ``.gpkg``.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    InputError
        Another suffix.
    FileError
        As `write`.
    """
    path = Path(path)
    if _kind(path) != "GPKG":
        raise InputError(f"Only a .gpkg file holds several layers; {path.name!r} holds one.")

    def fill(made: Path) -> None:
        for layer, frame in frames.items():
            _written(_flat(frame), made, "GPKG", safe_cells=False, layer=layer)

    return _whole(path, fill)


def _whole(path: Path, fill: Callable[[Path], None]) -> Path:
    """A file that `fill` writes elsewhere, put in place when it is complete."""
    try:
        folder = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name[:40]}."))
    except OSError as error:
        raise FileError(
            f"can't write {path} ({error.strerror}); name a file in a folder that exists and "
            "that you may write to."
        ) from error
    try:
        made = folder / path.name
        fill(made)
        made.replace(path)
    except (
        OSError,
        pyogrio.errors.DataSourceError,
        pyogrio.errors.DataLayerError,
        pyogrio.errors.FieldError,
    ) as error:
        raise FileError(f"can't write {path}: {_first_line(error)}.") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return path


def _kind(path: Path) -> str:
    kind = SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise InputError(
            f"{path.name!r} ends in {path.suffix!r}; the formats are {', '.join(SUFFIXES)}."
        )
    return kind


def _first_line(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error)
    # A damaged file's own text may be all of what a library has to say.
    return str(text).splitlines()[0][:300].rstrip(".") if str(text) else type(error).__name__


def _from_gdal(there: str, path: Path, kind: str, layer: str | None) -> Any:
    names = [str(row[0]) for row in pyogrio.list_layers(there)]
    if not names:
        raise FileError(f"{path} holds no layer; {kind} with features is needed.")
    if layer is not None and layer not in names:
        raise InputError(f"{path} has no layer {layer!r}; it has {', '.join(names)}.")
    if layer is None and kind == "GPX":
        counts = {n: pyogrio.read_info(there, layer=n, force_feature_count=True)["features"]
                  for n in ("waypoints", "tracks", "routes") if n in names}  # fmt: skip
        layer = next((n for n, count in counts.items() if count), "waypoints")
    elif layer is None and len(names) > 1:
        if kind == "KML":
            parts = [gpd.read_file(there, layer=n, engine="pyogrio") for n in names]
            return pd.concat([p for p in parts if len(p)] or parts[:1], ignore_index=True)
        raise InputError(f"{path} has {len(names)} layers; name one: {', '.join(names)}.")
    return gpd.read_file(there, engine="pyogrio", **({} if layer is None else {"layer": layer}))


def _csv(path: Path) -> pd.DataFrame:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            head = file.readline()
            separator = max((",", ";", "\t", "|"), key=head.count)
            names = next(csv.reader([head], delimiter=separator), [])
            # pandas takes a longer first row for one with an index, and shifts the columns.
            first = next((row for row in csv.reader(file, delimiter=separator) if row), names)
        if len(first) != len(names):
            raise InputError(
                f"{path} has {len(names)} columns and {len(first)} values in its first row; the "
                f"separator taken is {separator!r}."
            )
        doubled = sorted({n for n in names if names.count(n) > 1})
        if doubled:
            raise InputError(f"{path} has two columns named {doubled[0]!r}; rename one.")
        return pd.read_csv(path, sep=separator, encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileError(f"{path} is not UTF-8 ({error.reason}); save it as UTF-8.") from None
    except pd.errors.EmptyDataError:
        raise FileError(f"{path} is empty; a header with column names is needed.") from None
    except (pd.errors.ParserError, csv.Error, OSError) as error:
        raise FileError(f"{path} can't be read as CSV: {_first_line(error)}.") from error


def _parquet(path: Path, lon: str | None, lat: str | None) -> gpd.GeoDataFrame:
    try:
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtraError(
            "Parquet is read by pyarrow: pip install 'cpecgeo[scale]'."
        ) from error
    try:
        shaped = b"geo" in (pq.read_schema(path).metadata or {})
        frame = gpd.read_parquet(path) if shaped else pd.read_parquet(path)
    except pyproj.exceptions.CRSError as error:
        raise CRSError(f"{path} has a CRS that can't be used ({_first_line(error)}).") from error
    except Exception as error:
        # What the file says of its own types is believed by the libraries, which then fail
        # in any way.
        raise FileError(f"{path} can't be read as Parquet: {_first_line(error)}.") from error
    if not shaped:
        return placed(frame, path, lon, lat)
    if frame.crs is None:
        raise CRSError(f"{path} has no CRS; write it again with one, such as EPSG:4326.")
    return frame


def placed(
    table: pd.DataFrame, path: Path | str, lon: str | None = None, lat: str | None = None
) -> gpd.GeoDataFrame:
    """Return a table with columns of lon and lat as points on WGS 84.

    Parameters
    ----------
    table : DataFrame
    path : Path or str
        What it is called in messages.
    lon, lat : str, optional
        Names of the columns, where they can't be told.

    Returns
    -------
    GeoDataFrame
        A row without a position has no geometry.

    Raises
    ------
    InputError
        No such columns, or values that aren't degrees.

    Examples
    --------
    >>> placed(pd.DataFrame({"lon": [67.0], "lat": [24.9]}), "x").geometry.iloc[0].wkt
    'POINT (67 24.9)'
    """
    x, y = _column(table, path, lon, LON_NAMES, "lon"), _column(table, path, lat, LAT_NAMES, "lat")
    for column in (x, y):
        if table[column].dtype.kind in "bmM":
            raise InputError(f"{path} has {table[column].dtype} in {column!r}; degrees are needed.")
    try:
        xy = [pd.to_numeric(table[c]).astype(float) for c in (x, y)]
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{path}: a position isn't a number ({_first_line(error)}); use decimal points."
        ) from error
    known = xy[0].notna() & xy[1].notna()
    points = gpd.points_from_xy(*xy, crs=4326)
    frame = gpd.GeoDataFrame(table, geometry=points, crs=4326)
    frame.loc[~known, "geometry"] = None
    frame.attrs["position_columns"] = f"{x}, {y}"
    return frame


def _column(
    table: pd.DataFrame, path: Path | str, asked: str | None, usual: tuple[str, ...], what: str
) -> str:
    if asked is not None:
        if asked not in table.columns:
            raise InputError(
                f"{path} has no column {asked!r}; it has {', '.join(map(str, table.columns))}."
            )
        return str(asked)
    for name in usual:
        found = [str(c) for c in table if str(c).strip().casefold() == name]
        if len(found) == 1:
            return found[0]
    raise InputError(
        f"{path} has no column that is surely {what}; it has "
        f"{', '.join(map(str, table.columns))}. Name it with --{what}."
    )


def _flat(frame: pd.DataFrame) -> pd.DataFrame:
    """Lists as text, and an index that has a name as columns."""
    flat = frame.reset_index() if any(n is not None for n in frame.index.names) else frame.copy()
    for column in flat.columns:
        if column == getattr(flat, "_geometry_column_name", None):
            continue
        if flat[column].map(lambda v: isinstance(v, (list, tuple))).any():
            flat[column] = flat[column].map(
                lambda v: "; ".join(map(str, v)) if isinstance(v, (list, tuple)) else v
            )
    return flat


def _written(frame: Any, path: Path, kind: str, *, safe_cells: bool, layer: str) -> None:
    if kind == "csv":
        _as_table(frame, safe_cells=safe_cells).to_csv(path, index=False)
        return
    if kind == "parquet":
        _to_parquet(frame, path)
        return
    there = frame.assign(geometry=frame.geometry).set_geometry("geometry")
    if kind != "GPKG":
        there = there.set_geometry(lonlat(frame.geometry, what="the table", missing="keep"))
    # Columns without any value have no type that these formats know.
    empty = [c for c in there.columns if c != "geometry" and there[c].isna().all()]
    there = there.astype(dict.fromkeys(empty, "string")) if empty else there
    options: dict[str, Any] = {"driver": kind, "engine": "pyogrio"}
    if kind == "GeoJSON":
        options["RFC7946"] = "YES"
    elif kind in {"KML", "GPX"}:
        there = _described(there, "description" if kind == "KML" else "desc")
    if kind == "GPKG":
        told = {str(k): str(v) for k, v in frame.attrs.items()}
        options |= {"layer": layer, "layer_metadata": told}
        options["mode"] = "a" if path.exists() else "w"
    if kind == "GPX":
        options["GPX_USE_EXTENSIONS"] = "YES"
        solid = sorted(set(there.geom_type.dropna()) - {"Point", "LineString", "MultiLineString"})
        if solid:
            raise InputError(f"GPX has no place for {', '.join(solid)}; it holds points and lines.")
    there.to_file(path, **options)


def _described(frame: Any, column: str) -> Any:
    """What KML and GPX show of a feature: its status and where it comes from."""
    told = [c for c in ("status", "accuracy_km", "source", "licence") if c in frame]
    if column in frame or not told:
        return frame
    texts = [
        "; ".join(f"{c}: {v}" for c, v in zip(told, row, strict=True) if not pd.isna(v))
        for row in frame[told].itertuples(index=False)
    ]
    return frame.assign(**{column: texts})


def _to_parquet(frame: Any, path: Path) -> None:
    try:
        frame.to_parquet(path, index=False)
    except ImportError as error:
        raise MissingExtraError(
            "Parquet is written by pyarrow: pip install 'cpecgeo[scale]'."
        ) from error


def _still_there(table: pd.DataFrame, columns: str, shapes: gpd.GeoSeries) -> bool:
    """Whether the columns that positions were read from are there, and still hold them."""
    x, _, y = columns.partition(", ")
    if not {x, y} <= set(table.columns):
        return False
    known = shapes.notna().to_numpy()
    held = table.loc[known, [x, y]].apply(pd.to_numeric, errors="coerce").to_numpy()
    here = shapes[known]
    return bool((held[:, 0] == here.x).all() and (held[:, 1] == here.y).all())


def _as_table(frame: Any, *, safe_cells: bool) -> pd.DataFrame:
    """For CSV: positions as lon and lat, or wkt."""
    table = pd.DataFrame(frame)
    if isinstance(frame, gpd.GeoDataFrame):
        shapes = lonlat(frame.geometry, what="the table", missing="keep")
        table = table.drop(columns=frame.geometry.name)
        if set(shapes.geom_type.dropna()) <= {"Point"}:
            if not _still_there(table, frame.attrs.get("position_columns", "lon, lat"), shapes):
                suffix = "_of_row" if {"lon", "lat"} & set(table.columns) else ""
                table[f"lon{suffix}"], table[f"lat{suffix}"] = shapes.x, shapes.y
        else:
            table["wkt"] = shapes.to_wkt()
    if safe_cells:
        for column in table.columns:
            table[column] = table[column].map(
                lambda v: f"'{v}" if isinstance(v, str) and v.startswith(_FORMULA) else v
            )
    return table

"""Writing features to files, by suffix: fitted to the format, atomic, and verified by reading."""

from __future__ import annotations

import gzip
import shutil
import sys
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely

from cpecgeo.errors import (
    CpecgeoError,
    CpecgeoWarning,
    FileError,
    InputError,
    InputTypeError,
    warn,
)
from cpecgeo.files.disk import first_line, local, replacing, zip_files
from cpecgeo.files.fields import fit_columns, quote_name, refuse_illegal, refuse_shapes
from cpecgeo.files.formats import Format, find_format
from cpecgeo.files.gpx import describe, write_gpx
from cpecgeo.files.kml import write_kml
from cpecgeo.files.numbers import with_index
from cpecgeo.files.positions import add_positions
from cpecgeo.files.reading import read, without_measures
from cpecgeo.files.tables import load_csv, load_sheet, write_excel
from cpecgeo.files.text import usual_separator
from cpecgeo.files.vectors import to_lonlat, write_parquet, write_vector
from cpecgeo.geodesy._paths import as_lines

__all__ = ["write", "write_layers"]

_TABLES = {"CSV", "Excel", "GeoParquet"}
# Attributes that describe the file, not its features.
_OF_READING = {"position_columns", "read_as", "read_from"}
# A spreadsheet runs a cell that begins so as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
# RFC 7946 writes seven decimals.
_TOLERANCE_DEG = 2e-7


class _Thing(Protocol):
    """A corridor, place, market, route or catchment, which converts itself to a subject."""

    def as_subject(self) -> Any: ...


Writable: TypeAlias = "pd.DataFrame | pd.Series | shapely.Geometry | _Thing | Sequence[Writable]"
"""What can be written: a table, geometries, things, or a list of the last two."""


def write(
    frame: Writable, path: str | Path, *, safe_cells: bool = False, layer: str | None = None
) -> Path:
    """Write features, a corridor, route or place, or a table, to a file; whole or not at all.

    Parameters
    ----------
    frame : GeoDataFrame, DataFrame, Series, geometry, Corridor, Route …, or a list of the last ones
        A table without geometry can be CSV, Excel or Parquet. An index of names or ids becomes the
        first column, under its own name, else ``name`` or ``id``; an index that only counts rows is
        left out. A bare geometry is in lon, lat. Linear rings are written as lines.
    path : path
        The suffix is the format. GeoJSON (RFC 7946), KML, GPX, CSV and Excel are in lon, lat on WGS
        84; others keep the CRS. CSV and Excel have columns lon and lat for points (and z where they
        have heights), and wkt for others. ``"-"`` is CSV on standard output, ``"-.geojson"`` and
        the like another format.
    safe_cells : bool
        Put an apostrophe before text in CSV and Excel that a spreadsheet would run as a formula.
    layer : str, optional
        Name of the layer in a GeoPackage, the folder in KML, the sheet in a workbook.

    Returns
    -------
    Path
        `path`. The file has been read back: its rows, columns and bounds are those of `frame`.

    Warns
    -----
    DataWarning
        Columns are renamed because the format can't store their names, or values become text. Lists
        and dictionaries are written as JSON without a warning.

    Raises
    ------
    InputTypeError
        `frame` is neither a table nor has a geometry.
    InputError
        Another suffix, a table without geometry in a format that needs one, or values that the
        format can't store.
    FileError
        The folder is missing or can't be written, the disk is full, or the file doesn't read back
        as it was written.

    Examples
    --------
    >>> from shapely.geometry import Point
    >>> sites = gpd.GeoDataFrame({"code": ["007"]}, geometry=[Point(67, 24.9)], crs=4326)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     print(write(sites, Path(folder) / "sites.csv").read_text(encoding="utf-8"))
    code,lon,lat
    007,67.0,24.9
    """
    if str(path) == "-" or str(path).startswith("-."):
        return _write_stdout(frame, str(path), safe_cells=safe_cells, layer=layer)
    is_row = isinstance(frame, pd.Series) and any(isinstance(v, shapely.Geometry) for v in frame)
    frame = _table_of(frame)
    target = local(path, "path")
    form = _writable(target)
    if _active(frame) is None and form.name not in _TABLES:
        if is_row:
            raise InputError(
                "frame is a Series, which has no geometry as a whole. Give a row as a table, "
                "frame.iloc[[0]], or a column of geometries as a GeoSeries."
            )
        raise InputError(f"This table has no geometry; write it as .csv or .parquet, not {path}.")
    with replacing(target) as fresh:
        remarks = _write(frame, fresh, form, safe_cells=safe_cells, layer=layer)
    _remark(target, remarks)
    return target


def write_layers(frames: Mapping[str, gpd.GeoDataFrame], path: str | Path) -> Path:
    """Write several tables as the layers of one GeoPackage; whole or not at all.

    `frames` has the tables by the names of their layers, and the path must end in ``.gpkg``; the
    errors are those of `write`.
    """
    target = local(path, "path")
    form = _writable(target)
    if form.name != "GeoPackage":
        raise InputError(f"Only a .gpkg file holds several layers; {target.name!r} holds one.")
    remarks: list[str] = []
    with replacing(target) as fresh:
        for layer, frame in frames.items():
            remarks += _write(frame, fresh, form, safe_cells=False, layer=layer)
    _remark(target, remarks)
    return target


def _table_of(x: object, what: str = "frame") -> pd.DataFrame:
    """Return the input as a table, with a row for each thing or geometry."""
    table: pd.DataFrame
    if isinstance(x, pd.DataFrame):
        table = x
    elif isinstance(x, gpd.GeoSeries):
        table = gpd.GeoDataFrame(geometry=x)
        table.attrs = x.attrs
    elif isinstance(x, pd.Series):
        table = x.to_frame("value" if x.name is None else x.name)
    elif isinstance(x, shapely.Geometry):
        table = gpd.GeoDataFrame(geometry=[x], crs=4326)
    elif hasattr(x, "as_subject") and not isinstance(x, type):
        table = x.as_subject().as_table()
    elif isinstance(x, (list, tuple)) and x and not any(isinstance(v, pd.DataFrame) for v in x):
        parts = [_table_of(one, f"{what}[{i}]") for i, one in enumerate(x)]
        table = pd.concat(parts, ignore_index=True)
    else:
        shown = "None" if x is None else f"{type(x).__name__} {' '.join(repr(x)[:60].split())}"
        raise InputTypeError(
            f"{what} is {shown}; give a table, a geometry in lon, lat, a Corridor, Place, Market, "
            "Route or Reach, or a list of these."
        )
    return table


def _active(frame: pd.DataFrame) -> str | None:
    """Return the name of the geometry column; None for a GeoDataFrame without one."""
    return frame.active_geometry_name if isinstance(frame, gpd.GeoDataFrame) else None


def _writable(path: Path) -> Format:
    form = find_format(path, to_write=True)
    if not form.can_write:
        raise InputError(f"{form.name} is read and not written; write {path.stem}.geojson.")
    return form


def _remark(path: Path, remarks: list[str]) -> None:
    if remarks:
        warn(f"{path}: {'; '.join(remarks)}.")


def _write_stdout(frame: Writable, name: str, *, safe_cells: bool, layer: str | None) -> Path:
    suffix = name[1:] or ".csv"
    with tempfile.TemporaryDirectory(prefix="cpecgeo-") as folder:
        made = write(frame, Path(folder) / f"output{suffix}", safe_cells=safe_cells, layer=layer)
        try:
            with made.open("rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except (OSError, AttributeError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is closed"
            raise FileError(f"can't write to standard output ({reason}).") from error
    return Path(name)


def _write(
    frame: pd.DataFrame, path: Path, form: Format, *, safe_cells: bool, layer: str | None
) -> list[str]:
    """Write one table to a temporary path, check it, and return the warnings."""
    flat = with_index(frame)
    attrs = {k: v for k, v in frame.attrs.items() if k not in _OF_READING}
    remarks: list[str] = []
    positions: tuple[str, ...] = ()
    shapes, others = None, flat
    if _active(flat) is not None:
        shapes = flat.geometry
        given = shapes.to_numpy()
        lines, _ = as_lines(given, shapely.get_type_id(given))
        if lines is not given:
            shapes = gpd.GeoSeries(lines, shapes.index, crs=shapes.crs, name=shapes.name)
        if form.name != "GeoParquet" and (count := int(shapely.has_m(shapes.to_numpy()).sum())):
            shapes = gpd.GeoSeries(
                without_measures(shapes.to_numpy()), shapes.index, crs=shapes.crs, name=shapes.name
            )
            remarks.append(f"the measures (M) of {count} geometries are left out")
        if form.is_lonlat or shapes.crs is None:
            shapes = to_lonlat(shapes)
        others = pd.DataFrame(flat.drop(columns=shapes.name))
        if form.name in {"CSV", "Excel"}:
            used = frame.attrs.get("position_columns", ("lon", "lat"))
            others, positions, renamed = add_positions(others, shapes, used)
            others = _with_heights(others, shapes) if len(positions) == 2 else others
            remarks += renamed
        elif form.name == "GPX":
            others = describe(others)
        refuse_shapes(shapes, form)
    fitted, told = fit_columns(others, form)
    if safe_cells and form.name in {"CSV", "Excel"}:
        fitted = _disarm(fitted)
    try:
        _save(fitted, shapes, path, form, layer, attrs)
    except (
        pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, pyogrio.errors.FieldError,
        pyogrio.errors.GeometryError, pyogrio.errors.FeatureError, UnicodeEncodeError,
    ) as error:  # fmt: skip
        raise FileError(f"can't write {path.name}: {first_line(error)}.") from error
    _check(fitted, shapes, path, form, layer, positions)
    return [*remarks, *told]


def _with_heights(table: pd.DataFrame, shapes: gpd.GeoSeries) -> pd.DataFrame:
    """Add a column with the heights of points, unless all are 0."""
    heights = shapely.get_z(shapes.to_numpy())
    if not np.nan_to_num(heights).any():
        return table
    name = next(n for n in ("z", "z_of_point", "point_z") if n not in table)
    return table.assign(**{name: heights})


def _save(
    fitted: pd.DataFrame,
    shapes: gpd.GeoSeries | None,
    path: Path,
    form: Format,
    layer: str | None,
    attrs: Mapping[str, Any],
) -> None:
    """Write a table that fits the format; without geometry, `shapes` is None."""
    suffix = path.suffix.casefold()
    if form.name == "CSV":
        separator = usual_separator(path.name)
        text = fitted.to_csv(index=False, header=False, sep=separator, lineterminator="\n")
        raw = (separator.join(map(quote_name, fitted)) + "\n" + text).encode("utf-8")
        # No time stamp, so that the same table gives the same file.
        path.write_bytes(gzip.compress(raw, 6, mtime=0) if suffix == ".gz" else raw)
    elif form.name == "Excel":
        write_excel(fitted, path, layer or "cpecgeo")
    elif form.name == "GeoParquet":
        table = fitted if shapes is None else _with_shapes(fitted, shapes, str(shapes.name))
        table.attrs = dict(attrs)
        write_parquet(table, path)
    elif form.name == "GPX":
        refuse_illegal(fitted, form.name)
        write_gpx(fitted, shapes, path)
    elif form.name == "KML":
        refuse_illegal(fitted, form.name)
        target = path if suffix == ".kml" else path.with_name("doc.kml")
        write_kml(fitted, shapes, target, layer or path.stem)
        if target != path:
            zip_files([target], path)
            target.unlink()
    else:
        metadata = {str(k): str(v) for k, v in attrs.items()}
        table = _with_shapes(fitted, shapes, "geometry")
        write_vector(table, path, form, layer or "cpecgeo", metadata)


def _with_shapes(fitted: pd.DataFrame, shapes: gpd.GeoSeries, own: str) -> gpd.GeoDataFrame:
    """Return a table with its geometry, under a free name."""
    name = next(n for n in (own, "geometry_of_row", "_geometry") if n not in fitted)
    whole = fitted.assign(**{name: shapes.to_numpy()})
    return gpd.GeoDataFrame(whole, geometry=name, crs=shapes.crs)


def _disarm(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.map(lambda v: f"'{v}" if isinstance(v, str) and v.startswith(_FORMULA) else v)


def _check(
    fitted: pd.DataFrame,
    shapes: gpd.GeoSeries | None,
    path: Path,
    form: Format,
    layer: str | None,
    positions: tuple[str, ...],
) -> None:
    """Read the new file back before it replaces an earlier one."""
    layer = layer if form.name == "GeoPackage" else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CpecgeoWarning)
        try:
            if shapes is None:
                back = _load_table(path, form)
            else:
                lon, lat = positions if len(positions) == 2 else (None, None)
                back = read(path, layer=layer, lon=lon, lat=lat)
        except CpecgeoError as error:
            raise FileError(
                f"{path.name} was written and can't be read back ({error}); nothing was kept."
            ) from error
    wrong = []
    if len(back) != len(fitted):
        wrong.append(f"{len(fitted):,} rows became {len(back):,}")
    elif len(fitted):
        # An empty column doesn't appear in XML and JSON.
        given = [c for c in fitted if c not in positions and not _is_blank(fitted[c])]
        named = {*map(str, back.columns), *(["geometry"] if "geometry_2" in back else [])}
        lost = [c for c in given if c not in named]
        wrong += [f"the column {c!r} is missing" for c in lost[:3]]
    if shapes is not None and not wrong and not shapely.is_missing(shapes.to_numpy()).all():
        wrong += _compare_bounds(shapes, back.geometry, form)
    if wrong:
        raise FileError(
            f"{path.name} was written and reads back otherwise ({'; '.join(wrong)}); nothing was "
            "kept. Write another format."
        )


def _is_blank(values: pd.Series) -> bool:
    return bool((values.isna() | values.map(lambda v: isinstance(v, str) and not v)).all())


def _load_table(path: Path, form: Format) -> pd.DataFrame:
    if form.name == "CSV":
        return load_csv(path, path.name)[0]
    return load_sheet(path, path.name, None) if form.name == "Excel" else pd.read_parquet(path)


def _compare_bounds(shapes: gpd.GeoSeries, back: gpd.GeoSeries, form: Format) -> list[str]:
    # A shapefile describes a CRS in its own dialect.
    if not form.is_lonlat and form.name != "Shapefile" and not back.crs.equals(shapes.crs):
        return [f"the CRS {shapes.crs.name} became {back.crs.name}"]
    here, there = shapes.total_bounds, back.total_bounds
    if form.name == "GeoJSON" and here[2] - here[0] > 180:
        # RFC 7946 cuts geometries at the antimeridian.
        here, there = here[[1, 3]], there[[1, 3]]
    slack = _TOLERANCE_DEG if form.is_lonlat else 1e-9 * max(1.0, float(np.abs(here).max()))
    if np.isnan(here).any() or (np.abs(here - there) <= slack).all():
        return []
    return [f"bounds {here.round(6).tolist()} became {there.round(6).tolist()}"]

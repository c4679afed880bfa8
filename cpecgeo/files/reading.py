"""Reading features from files, by suffix."""

from __future__ import annotations

import json
import sys
import tempfile
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from numpy.typing import NDArray

from cpecgeo.errors import (
    CpecgeoError,
    CpecgeoWarning,
    CRSError,
    FileError,
    InputError,
    MissingExtraError,
    warn,
)
from cpecgeo.files.disk import MAX_BYTES, first_line, local
from cpecgeo.files.displacement import find_outliers, undo_shift
from cpecgeo.files.formats import (
    SUFFIXES,
    Choice,
    Format,
    Reader,
    find_format,
    has_format,
    sniff_suffix,
)
from cpecgeo.files.notations import is_shifted, resolve_crs
from cpecgeo.files.positions import locate_rows
from cpecgeo.files.tables import read_csv
from cpecgeo.files.wellknown import refuse_deep
from cpecgeo.geodesy._ellipsoid import to_wgs84

__all__ = ["label_rows", "read", "without_measures"]


def read(
    path: str | Path,
    *,
    layer: str | None = None,
    lon: str | None = None,
    lat: str | None = None,
    crs: str | int | pyproj.CRS | None = None,
    thousands: str | None = None,
    encoding: str | None = None,
) -> gpd.GeoDataFrame:
    r"""Read features from a file.

    Parameters
    ----------
    path : path
        Its suffix names the format; ``"-"`` is standard input, whose format its content shows.
    layer : str, optional
        For a file with several: the layer of a GeoPackage, the folder of a KML file, the sheet of a
        workbook, the shapefile of an archive, or ``waypoints``, ``routes``, ``tracks``,
        ``route_points`` or ``track_points`` of a GPX file.
    lon, lat : str, optional
        Names of the columns of positions in CSV, Excel and Parquet, where they can't be
        recognized. Positions are decimal degrees or degrees, minutes and seconds.
    crs : str or CRS, optional
        The CRS of positions that have none of their own: of columns ``x`` and ``y`` in a table,
        of a shapefile without .prj. ``"GCJ-02"`` and ``"BD-09"`` mean positions from Chinese
        maps; the shift of these is undone inside China.
    thousands : {",", ".", " ", "'"}, optional
        The separator of thousands in a CSV file, ``1,234``. Columns in which all cells are such
        numbers are read as numbers, positions too. With a point, the decimal sign is a comma.
    encoding : str, optional
        Encoding of a CSV file that isn't UTF-8, or of a shapefile whose .cpg file is missing or
        wrong: ``"cp1252"`` (Windows), ``"cp1256"`` (Arabic, Urdu), ``"gb18030"`` (Chinese). CSV
        with the byte order mark of UTF-16 needs none.

    Returns
    -------
    GeoDataFrame
        In the CRS of the file; GeoJSON, KML, GPX and tables are lon, lat on WGS 84 unless they
        state another. In text formats (CSV, KML, GPX) a column becomes numbers only where each
        number is written as the same text again. So ``007`` stays text, and a file that is read and
        written keeps its text. ``.attrs["read_as"]`` says how positions were read,
        ``.attrs["read_from"]`` names the file, for messages.

    Warns
    -----
    DataWarning
        Features that were left out; rows whose position looks wrong beside all others; a file whose
        rows all lie more than some 1,000 km from the region of CPEC.

    Raises
    ------
    FileError
        The file is missing, isn't what its suffix says, is cut off, is larger than memory, or is
        XML that declares entities.
    InputError
        Another suffix, no positions, several layers and none named, or an encoding given for a
        format that states its own.
    CoordinateError
        Columns of lon and lat in which no row is in degrees.
    CRSError
        No CRS where the format has one, an unknown one, or one that contradicts the file's.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "sites.csv"
    ...     _ = path.write_text("code,Latitude (N),Longitude (E)\n007,24°54′N,67°E\n")
    ...     sites = read(path)
    >>> sites["code"][0], sites.geometry[0].wkt
    ('007', 'POINT (67 24.9)')
    """
    choice = Choice(layer, lon, lat, crs, thousands, encoding)
    if str(path) == "-":
        with tempfile.TemporaryDirectory(prefix="cpecgeo-") as folder:
            return _read(_from_stdin(Path(folder)), "standard input", choice)
    found = local(path, "path")
    form = find_format(found)
    if not found.is_file():
        if found.is_dir():
            raise FileError(f"{found} is a folder; name a file: {', '.join(SUFFIXES)}.")
        raise FileError(f"{found} doesn't exist.{_similar(found)}")
    return _read(found, str(found), choice, form)


def _similar(path: Path) -> str:
    """Return advice that names files beside a missing one with a similar name."""
    if not path.parent.is_dir():
        return f" There is no folder {path.parent}."
    try:
        names = [p.name for p in path.parent.iterdir() if has_format(p.name)]
    except OSError:  # no permission to list the folder
        return ""
    near = get_close_matches(path.name, names, n=3, cutoff=0.7)
    return f" Did you mean {', '.join(map(repr, near))}?" if near else ""


def _read(path: Path, what: str, choice: Choice, form: Format | None = None) -> gpd.GeoDataFrame:
    form = find_format(path) if form is None else form
    resolve_crs(choice.crs)
    if choice.encoding is not None and form.name not in {"CSV", "Shapefile"}:
        raise InputError(f"{what}: {form.name} says its encoding itself; leave encoding= out.")
    if choice.layer is not None and form.name in {"CSV", "GeoParquet"}:
        raise InputError(f"{what}: {form.name} has no layers; leave layer= out.")
    try:
        frame = _reader(form)(path, what, choice)
    except MemoryError:
        raise FileError(
            f"{what} is larger than memory; read it as a stream (cpecgeo.scale)."
        ) from None
    frame = _with_crs(frame, what, choice, form)
    shapes = _single_points(frame.geometry.to_numpy())
    system = is_shifted(choice.crs)
    if system is not None:
        if count := int(shapely.has_m(shapes).sum()):
            shapes = without_measures(shapes)
            warn(
                f"{what}: the measures (M) of {count:,} geometries are left out, because their "
                "shift is undone."
            )
        shapes = shapely.transform(
            shapes,
            lambda xyz: np.column_stack([undo_shift(xyz[:, :2], system), xyz[:, 2:]]),
            include_z=None,
        )
        note = f"shift of {system} undone inside China"
        frame.attrs["read_as"] = "; ".join(filter(None, (frame.attrs.get("read_as"), note)))
    attrs = frame.attrs | {"read_from": what}
    frame = frame.set_geometry(gpd.GeoSeries(shapes, frame.index, crs=frame.crs))
    frame.attrs = attrs
    for remark in find_outliers(_positions(frame.geometry)):
        warn(f"{what}: {remark}.")
    return frame


def _reader(form: Format) -> Reader:
    """Return the reader of a format; others aren't imported, as GDAL alone takes long to load."""
    if form.name == "CSV":
        return read_csv
    if form.name == "Excel":
        from cpecgeo.files.tables import read_excel

        return read_excel
    if form.name == "KML":
        from cpecgeo.files.kml import read_kml

        return read_kml
    if form.name == "GPX":
        from cpecgeo.files.gpx import read_gpx

        return read_gpx
    if form.name == "GeoParquet":
        return _read_parquet
    from cpecgeo.files.vectors import read_vector

    return read_vector


def _read_parquet(path: Path, what: str, choice: Choice) -> gpd.GeoDataFrame:
    """Read GeoParquet in all encodings, or Parquet with positions in columns, as a `Reader`."""
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
            return locate_rows(_keep_whole(pd.read_parquet(path), path), what, choice)
        for name, entry in json.loads(raw)["columns"].items():
            if entry.get("encoding") == "WKB":
                refuse_deep(pq.read_table(path, columns=[name])[name], what)
        return _keep_whole(gpd.read_parquet(path), path)
    except (CpecgeoError, CpecgeoWarning):
        raise
    except pyproj.exceptions.CRSError as error:
        raise CRSError(f"{what} has a CRS that can't be used ({first_line(error)}).") from error
    except MemoryError:
        raise
    except Exception as error:
        # The libraries trust the types stated in the file, and may fail with any error.
        raise FileError(f"{what} can't be read as Parquet: {first_line(error)}.") from error


def _keep_whole(frame: pd.DataFrame, path: Path) -> Any:
    """Keep whole numbers with missing values as such; pandas would make them floats."""
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


def _with_crs(frame: gpd.GeoDataFrame, what: str, choice: Choice, form: Format) -> gpd.GeoDataFrame:
    """Set the CRS that the caller gave where the file has none."""
    own = frame.crs
    if form.name in {"CSV", "Excel"}:
        return frame
    if choice.crs is None:
        if own is None and form.is_lonlat:
            return frame.set_crs(4326)
        if own is None:
            raise CRSError(
                f"{what} has no CRS; state it with crs=, such as EPSG:4326 for lon, lat."
            )
        return frame
    stated = resolve_crs(choice.crs)
    if own is None or (form.is_lonlat and own.to_epsg() == 4326):
        return frame.set_crs(stated, allow_override=True)
    if not stated.equals(own, ignore_axis_order=True):
        raise CRSError(
            f"{what} states its own CRS, {own.name}, and crs={choice.crs!r} is another; leave "
            "crs= out, or reproject after reading."
        )
    return frame


def _single_points(shapes: NDArray[np.object_]) -> Any:
    """Turn MultiPoints of one point into points; some tools write points so."""
    multi = shapely.get_type_id(shapes) == shapely.GeometryType.MULTIPOINT
    if multi.any():
        single = multi & (shapely.get_num_geometries(shapes) == 1)
        shapes = shapes.copy()
        shapes[single] = shapely.get_geometry(shapes[single], 0)
    return shapes


def without_measures(shapes: NDArray[np.object_]) -> Any:
    """Return geometries with their heights, without measures (M).

    Examples
    --------
    >>> without_measures(shapely.from_wkt(["POINT M (67 25 7)", "POINT ZM (67 25 5 7)"])).tolist()
    [<POINT (67 25)>, <POINT Z (67 25 5)>]
    """
    high = shapely.has_z(shapes)
    plain = shapely.force_2d(shapes)
    # force_3d would add heights of 0.
    plain[high] = shapely.from_wkb(shapely.to_wkb(shapes[high], output_dimension=3))
    return plain


def _positions(shapes: gpd.GeoSeries) -> Any:
    """Return the middle of each geometry's bounds, in lon, lat."""
    bounds = shapely.bounds(shapes.to_numpy())
    middle = (bounds[:, :2] + bounds[:, 2:]) / 2
    known = np.isfinite(middle).all(axis=1)
    try:
        middle[known] = to_wgs84(middle[known], shapes.crs, "the file")
    except InputError:  # a CRS that verbs refuse, or degrees under a projected CRS
        if not shapes.crs.is_geographic:
            middle[:] = np.nan
    return middle


def _from_stdin(folder: Path) -> Path:
    raw = sys.stdin.buffer.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise FileError(f"standard input holds more than {MAX_BYTES:,} bytes; name a file.")
    path = folder / f"input{sniff_suffix(raw)}"
    path.write_bytes(raw)
    return path


def label_rows(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Make names the index, so that answers name their rows; the column stays.

    The index is the column ``name``, in any case, else ``id``, where the values are unique.

    Examples
    --------
    >>> rows = gpd.GeoDataFrame({"Name": ["A"]}, geometry=[shapely.Point(67, 25)], crs=4326)
    >>> label_rows(rows).index.tolist()
    ['A']
    """
    for sought in ("name", "id"):
        for column in frame.columns:
            values = frame[column]
            if (
                str(column).strip().casefold() == sought
                and values.notna().all()
                and values.is_unique
            ):
                return frame.set_axis(pd.Index(values.to_numpy(), dtype=values.dtype))
    return frame

"""Tables with positions: CSV, and tables with columns of lon and lat or of well-known text."""

from __future__ import annotations

import contextlib
import csv
import io
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from numpy.typing import NDArray

from cpecgeo.errors import CoordinateError, CRSError, DataWarning, FileError, InputError
from cpecgeo.files import china, wellknown
from cpecgeo.files.disk import first_line
from cpecgeo.files.formats import Choice
from cpecgeo.files.numbers import infer_types, join_thousands, refuse_lengths
from cpecgeo.files.outliers import exchange
from cpecgeo.files.pairs import base_column, find_joined, say_columns, take_column
from cpecgeo.files.positions import (
    GEOMETRY,
    find_lonlat,
    find_pair,
    is_position,
    parse_degrees,
    parse_metres,
)
from cpecgeo.files.text import HEAD_BYTES, encoding_error, open_table, parse_header, refuse_unclosed

__all__ = [
    "add_positions",
    "find_positions",
    "load_csv",
    "locate_rows",
    "read_csv",
    "resolve_crs",
]


def read_csv(path: Path, what: str, choice: Choice) -> gpd.GeoDataFrame:
    """Read a CSV file, as a `Reader`; every cell keeps its text.

    It is read as UTF-8 unless another encoding is given. The header shows whether commas,
    semicolons, tabs or bars separate the cells.
    """
    raw, separator, codec = load_csv(path, what, choice.encoding)
    frame = locate_rows(raw, what, choice)
    names = [name for name in frame.columns if name != frame.geometry.name]
    attrs, frame.attrs = frame.attrs, {}  # pandas would copy them with every column
    if separator != ("\t" if ".tsv" in what.casefold() else ","):
        attrs["read_as"] += f"; separator {separator!r}"
    if codec != "utf-8":
        attrs["read_as"] += f"; encoding {codec}"
    kept = set(attrs["position_columns"])
    typed = {
        name: _infer_type(frame[name], None if name in kept else choice.thousands) for name in names
    }
    located = gpd.GeoDataFrame(typed, geometry=frame.geometry, crs=frame.crs, index=frame.index)
    located.attrs = attrs
    return located


def _infer_type(texts: pd.Series, thousands: str | None) -> pd.Series:
    """Infer the type of a column; remove separators of thousands where all cells are numbers."""
    plain = join_thousands(texts, thousands)
    if thousands is not None and not plain.equals(texts):
        given = plain != ""
        numbers = pd.to_numeric(plain.where(given), errors="coerce")
        if numbers.notna().equals(given):
            return numbers
    return infer_types(texts)


def load_csv(path: Path, what: str, encoding: str | None = None) -> tuple[pd.DataFrame, str, str]:
    """Load a CSV file with all cells as text; return also its separator and encoding.

    Raises
    ------
    FileError
        It isn't CSV in that encoding, or in UTF-8 where none is given.
    InputError
        A row doesn't fit the header.
    """
    with open_table(path, what, encoding) as (file, codec):
        head = file.read(HEAD_BYTES)
        header = parse_header(head, what)
        names, separator = list(header.names), header.separator
        first = _first_row(head[header.end : header.end + (1 << 20)], separator, what) or names
        # If the first row is longer, pandas reads an index and shifts the columns.
        refuse_lengths([first], len(names), separator, what)
        file.seek(header.end)
        try:
            raw = pd.read_csv(
                file, sep=separator, encoding="utf-8", header=None, names=names, dtype=str,
                keep_default_na=False, na_filter=False,
            )  # fmt: skip
        except UnicodeDecodeError as error:
            raise encoding_error("utf-8", error, what) from None
        except pd.errors.EmptyDataError:
            raw = pd.DataFrame({name: pd.Series([], dtype=str) for name in names})
        except (pd.errors.ParserError, csv.Error) as error:
            file.seek(header.end)
            refuse_unclosed(file.read(), separator, what)
            file.seek(header.end)
            with contextlib.suppress(csv.Error, UnicodeDecodeError), _rows(file, separator) as rows:
                refuse_lengths(rows, len(names), separator, what)
            raise FileError(f"{what} can't be read as CSV: {first_line(error)}.") from error
        # pandas fills rows that end early, so an empty last cell is the only sign of them.
        if len(names) > 1 and (raw.iloc[:, -1] == "").any():
            file.seek(header.end)
            _tell_short(file, len(names), separator, what)
    return raw, separator, codec


def _tell_short(file: IO[bytes], columns: int, separator: str, what: str) -> None:
    """Warn of rows with fewer values than columns."""
    # A cell may exceed csv's limit.
    with contextlib.suppress(csv.Error), _rows(file, separator) as rows:
        short = [number for number, row in enumerate(rows, 1) if len(row) < columns]
        if short:
            warnings.warn(
                f"{what} has {len(short):,} rows with fewer than {columns} values, such as row "
                f"{short[0]}; what they lack is read as missing.",
                DataWarning,
                stacklevel=5,
            )


@contextlib.contextmanager
def _rows(file: IO[bytes], separator: str) -> Iterator[Iterator[list[str]]]:
    """Yield the remaining rows of CSV in UTF-8, without empty ones."""
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    try:
        yield (row for row in csv.reader(text, delimiter=separator) if row)
    finally:
        text.detach()


def locate_rows(table: pd.DataFrame, what: str, choice: Choice) -> gpd.GeoDataFrame:
    """Create the geometry of a table from its columns of positions, or of WKT, WKB or GeoJSON.

    ``.attrs["position_columns"]`` names the columns, and ``.attrs["read_as"]`` says how they were
    read. A column named ``geometry`` that holds something else becomes ``geometry_2``.

    Raises
    ------
    InputError
        No such columns, or values that aren't positions.
    CRSError
        A CRS that can't be used.
    """
    crs = resolve_crs(choice.crs)
    names = [str(n) for n in table.columns]
    table = table.set_axis(names, axis=1)
    used = find_positions(names, choice, what, lambda name: table[name])
    if len(used) == 1:
        (column,) = used
        shapes, srid = wellknown.parse(table[column], what)
        if srid is not None:
            if choice.crs is not None and resolve_crs(srid) != crs:
                raise CRSError(f"{what} states SRID {srid}, and crs= another; leave crs= out.")
            crs = resolve_crs(srid)
        note = f"geometry from the column {column}"
        table = table.drop(columns=column)
    else:
        x, y = used
        notations: set[str] = set()
        texts = [join_thousands(take_column(table, c), choice.thousands) for c in (x, y)]
        if crs.is_projected:
            xy = [parse_metres(text, what) for text in texts]
        else:
            pairs = [parse_degrees(t, a, what) for t, a in zip(texts, ("lon", "lat"), strict=True)]
            xy = [pair[0] for pair in pairs]
            notations = pairs[0][1] | pairs[1][1]
        shapes = np.full(len(table), None, object)
        known = ~(np.isnan(xy[0]) | np.isnan(xy[1]))
        if not crs.is_projected:
            _refuse_no_degrees(xy[0][known], xy[1][known], used, what)
        shapes[known] = shapely.points(xy[0][known], xy[1][known])
        half = np.flatnonzero(np.isnan(xy[0]) != np.isnan(xy[1])) + 1
        if len(half):
            warnings.warn(
                f"{what} has one of lon and lat alone in {len(half)} row{'s'[: len(half) - 1]}, "
                f"such as row {half[0]}; there is no position.",
                DataWarning,
                stacklevel=5,
            )
        note = "; ".join([say_columns(used), *sorted(notations)])
    if "geometry" in table:
        table = table.rename(columns={"geometry": "geometry_2"})
    frame = gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(shapes, table.index, crs=crs), crs=crs)
    frame.attrs = table.attrs | {"position_columns": used, "read_as": note}
    return frame


def _refuse_no_degrees(
    lon: NDArray[np.float64], lat: NDArray[np.float64], used: tuple[str, ...], what: str
) -> None:
    """Refuse columns in which no row is in degrees; single wrong rows are refused by verbs."""
    if len(lon) == 0 or ((np.abs(lon) <= 180) & (np.abs(lat) <= 90)).any():
        return
    text = (
        f"{what} has ({lon[0]:.10g}, {lat[0]:.10g}) in the columns {used[0][:40]!r}, "
        f"{used[1][:40]!r}, and no row with lon within ±180° and lat within ±90°;"
    )
    if (np.abs(lon) <= 90).all() and (np.abs(lat) <= 180).all():
        raise CoordinateError(f"{text} lon and lat seem to be swapped.{exchange(used)}")
    raise CoordinateError(
        f'{text} if these are metres, state their CRS, such as crs="EPSG:32642" for zone 42 of UTM.'
    )


def find_positions(
    names: list[str], choice: Choice, what: str, values: Callable[[str], pd.Series | None]
) -> tuple[str, ...]:
    """Find the columns that hold the positions of a table.

    `values` returns the values of a column, or the first ones; None for text that isn't known yet.

    Returns
    -------
    tuple of str
        Two columns, of lon and lat; else one of well-known text or binary. For a column of both
        they are ``coords:2`` and ``coords:1``, see `take_column`, or ``coords:`` twice where the
        order isn't known yet.

    Raises
    ------
    InputError
        No such columns, or more than one; a column of both in an unknown order.
    CRSError
        An unknown CRS.

    Examples
    --------
    >>> find_positions(["wkt"], Choice(), "a.csv", lambda _: pd.Series(["POINT (67 25)"]))
    ('wkt',)
    """
    in_metres = bool(resolve_crs(choice.crs).is_projected)
    try:
        return find_lonlat(names, choice.lon, choice.lat, what, in_metres=in_metres)
    except InputError:
        if choice.lon is not None or choice.lat is not None:
            raise
        shaped = (n for n in names if n.strip().casefold() in GEOMETRY)
        text = next((n for n in shaped if _is_wellknown(values(n))), None)
        found = find_pair(names) if text is None else (text,)
        joined = find_joined(names, values, what) if found is None else None
        if joined is not None:
            name, first = joined
            return {"lat": (f"{name}:2", f"{name}:1"), "lon": (f"{name}:1", f"{name}:2")}.get(
                first or "", (f"{name}:", f"{name}:")
            )
        if found is None:
            raise
        return found


def _is_wellknown(values: pd.Series | None) -> bool:
    return values is None or wellknown.is_wellknown(values)


def resolve_crs(crs: object) -> pyproj.CRS:
    """Return the CRS of positions in a table: lon, lat on WGS 84 unless another is given.

    Raises
    ------
    CRSError
        An unknown one.

    Examples
    --------
    >>> resolve_crs("GCJ-02").to_epsg(), resolve_crs(32642).is_projected
    (4326, True)
    """
    if crs is None or china.is_shifted(crs):
        return pyproj.CRS(4326)
    try:
        return pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError as error:
        raise CRSError(
            f"crs is {str(crs)[:60]!r}, which isn't known ({first_line(error)}); write it as "
            '"EPSG:32642", "GCJ-02" or "BD-09".'
        ) from error


def _first_row(raw: bytes, separator: str, what: str) -> list[str] | None:
    text = io.StringIO(raw.decode("utf-8", "replace"), newline="")
    try:
        return next((row for row in csv.reader(text, delimiter=separator) if row), None)
    except csv.Error as error:
        if "field larger" in str(error):
            return None
        raise FileError(f"{what} can't be read as CSV: {error}.") from error


def add_positions(
    table: pd.DataFrame, shapes: gpd.GeoSeries, used: tuple[str, ...]
) -> tuple[pd.DataFrame, tuple[str, ...], list[str]]:
    """Add positions in lon, lat to a table: columns lon and lat for points, wkt for others.

    Nothing is added where the columns that positions were read from, `used`, still match. Return
    the table, the columns that hold positions, and remarks on columns renamed because they would be
    read as positions.
    """
    are_points = set(shapes.geom_type.dropna()) <= {"Point"}
    if are_points and _holds(table, used, shapes):
        return table, used, []
    remarks = []
    if not _is_unmistakable(list(map(str, table.columns)), are_points=are_points):
        renamed = {c: f"{c}_of_row" for c in table.columns if is_position(str(c))}
        table = table.rename(columns=renamed)
        changes = ", ".join(f"{old!r} to {new!r}" for old, new in renamed.items())
        remarks = [f"columns renamed: {changes}"]
    if are_points:
        return table.assign(lon=shapes.x, lat=shapes.y), ("lon", "lat"), remarks
    return table.assign(wkt=shapes.to_wkt(rounding_precision=25)), ("wkt",), remarks


def _holds(table: pd.DataFrame, used: tuple[str, ...], shapes: gpd.GeoSeries) -> bool:
    """Return whether the columns that positions were read from exist and still match."""
    if len(used) != 2 or not {base_column(name) for name in used} <= set(table.columns):
        return False
    known = shapes.notna().to_numpy() & ~shapes.is_empty.to_numpy()
    try:
        held = [
            parse_degrees(take_column(table, c), a, "")[0]
            for c, a in zip(used, ("lon", "lat"), strict=True)
        ]
    except InputError:
        return False
    here = shapes[known]
    return bool(
        (held[0][known] == here.x.to_numpy()).all()
        and (held[1][known] == here.y.to_numpy()).all()
        and (np.isnan(held[0]) | np.isnan(held[1]))[~known].all()
    )


def _is_unmistakable(names: list[str], *, are_points: bool) -> bool:
    """Return whether a reader would find the added columns of positions, and no others."""
    if are_points:
        if {"lon", "lat"} & set(names):
            return False
        try:
            return find_lonlat([*names, "lon", "lat"], None, None, "") == ("lon", "lat")
        except InputError:
            return False
    if any(name.strip().casefold() in GEOMETRY for name in names):
        return False
    try:
        find_lonlat(names, None, None, "")
    except InputError:
        return True
    return False

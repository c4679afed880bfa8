"""Sources of points: files in batches, and their points in lon, lat from any column and CRS."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyproj
import shapely
from numpy.typing import NDArray

from cpecgeo.errors import CRSError, GeometryError, InputError
from cpecgeo.files import wellknown
from cpecgeo.files.disk import first_line
from cpecgeo.files.displacement import undo_shift
from cpecgeo.files.formats import Choice
from cpecgeo.files.notations import (
    is_shifted,
    parse_degrees,
    parse_metres,
    resolve_crs,
    split_pairs,
)
from cpecgeo.files.numbers import join_thousands
from cpecgeo.files.positions import (
    base_column,
    order_by_name,
    order_by_values,
    order_error,
    say_columns,
    take_column,
)
from cpecgeo.geodesy._ellipsoid import WGS84, to_wgs84

__all__ = [
    "BATCH_BYTES",
    "Batch",
    "Places",
    "Position",
    "Source",
    "converter",
    "drop_thousands",
    "from_wkb",
    "is_bytes",
    "is_text",
    "rechunk",
]

# A batch of wide rows has fewer rows, to stay about this size in memory.
BATCH_BYTES = 48_000_000
_KINDS = {2: "LineString", 3: "Polygon", 5: "MultiLineString", 6: "MultiPolygon", 7: "collection"}

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Position:
    """A position in a file: the rows before it and, in text, the bytes before it."""

    row: int = 0
    byte: int = 0


@dataclass(frozen=True)
class Batch:
    """Some rows of a file; `xy` is lon, lat on WGS 84, NaN where there is no point."""

    columns: pa.Table
    xy: NDArray[np.float64]
    start: Position
    end: Position


@dataclass(frozen=True)
class Places:
    """The columns with a table's positions, as `find_positions` finds them.

    Where a column of both coordinates is there twice without a number, the values of each batch
    decide their order.
    """

    columns: tuple[str, ...]
    choice: Choice

    @property
    def are_shapes(self) -> bool:
        """Whether the positions are well-known text or binary."""
        return len(self.columns) == 1

    def names(self, among: Collection[str]) -> list[str]:
        """Return those columns of a table that hold the positions."""
        return list(dict.fromkeys(n if n in among else base_column(n) for n in self.columns))

    def _pair(self, table: pa.Table, what: str) -> tuple[list[Any], tuple[str, ...]]:
        """Return the columns of lon and lat, and their names."""
        used, is_stated = self.columns, (self.choice.lon, self.choice.lat) != (None, None)
        if used[0] in table.column_names and used[1] in table.column_names:
            return [table[name] for name in used], used
        name = base_column(used[0])
        if is_stated or order_by_name(name) is not None or name != base_column(used[1]):
            return [self._part(table, one) for one in used], used
        held = table[name].to_pandas()
        first = order_by_values(held)
        one, two = f"{name}:1", f"{name}:2"
        turned: tuple[str, ...] = (two, one) if first == "lat" else (one, two)
        if first is None and all(two is None for _, two in split_pairs(held)):
            turned = turned if used[0] == used[1] else used  # no value decides the order
        elif first is None or used not in {turned, (f"{name}:",) * 2}:
            raise order_error(name, held, what)
        return [self._part(table, one) for one in turned], turned

    @staticmethod
    def _part(table: pa.Table, name: str) -> Any:
        if name in table.column_names:
            return table[name]
        held = table.select([base_column(name)]).to_pandas()
        return pa.array(take_column(held, name), pa.string(), from_pandas=True)

    def fit(self, schema: pa.Schema) -> pa.Schema:
        """Return the schema of the batches that `read` returns."""
        return self.read(schema.empty_table(), 0, "")[0].schema

    def read(self, table: pa.Table, row: int, what: str) -> tuple[pa.Table, NDArray[np.float64]]:
        """Return the columns of a batch, and its points as lon, lat; NaN where there is none.

        Well-known text and binary become a column `geometry` of points in lon, lat, with the
        heights and measures (M) that they have.
        """
        crs = self.choice.crs
        if not self.are_shapes:
            in_metres = bool(resolve_crs(crs).is_projected)
            pair, used = self._pair(table, what)
            lon, lat = (drop_thousands(column, self.choice.thousands) for column in pair)
            xy = _from_columns(lon, lat, row, what, used, in_metres=in_metres)
            turn = converter(None, 4326 if crs is None else crs, what)
            return table, xy if turn is None else turn(xy)
        shapes, srid = wellknown.parse(table[self.columns[0]].to_pandas(), what, before=row)
        xy = _from_shapes(shapes, row, what)
        own = None if srid is None else resolve_crs(srid)
        turn = converter(4326 if own is crs is None else own, crs, what)
        xy = xy if turn is None else turn(xy)
        kept = table.drop_columns([self.columns[0]])
        names = ["geometry_2" if n == "geometry" else n for n in kept.column_names]
        shaped = wellknown.to_wkb(xy, shapes)
        return kept.rename_columns(names).append_column("geometry", shaped), xy


@dataclass(frozen=True, kw_only=True)
class Source:
    """A file of points that is read in batches."""

    path: Path
    schema: pa.Schema  # of the batches
    size: int  # bytes of its content
    rows: int | None = None  # None where not known before the file is read
    places: Places | None = None  # None where the positions are in the column `geometry`
    geometry: str | None = None  # of points, as well-known binary
    geo: dict[str, Any] | None = None  # its record, as in GeoParquet
    stated: object = None  # the CRS that the caller stated

    @property
    def read_as(self) -> str:
        """How positions are understood, for people; nothing where the file says so itself."""
        return "" if self.places is None else say_columns(self.places.columns)

    def batch_of(self, rows: int) -> int:
        """Return how many rows a batch has: fewer where they are wide, or may become so."""
        return rows

    def batches(self, start: Position, rows: int) -> Iterator[Batch]:
        """Yield batches of `rows` rows from `start` on, the last one shorter."""
        what, limit, at = self.path.name, self.batch_of(rows), start.row
        turn = None
        if self.places is None and self.geo is not None:
            # A record without a CRS means lon, lat.
            own = self.geo["columns"][self.geometry].get("crs", "OGC:CRS84")
            turn = converter(own, self.stated, what)
        for table in rechunk(self._tables(at, limit), limit):
            columns = table
            if self.places is not None:
                columns, xy = self.places.read(table, at, what)
            else:
                xy = from_wkb(table[self.geometry], at, what)
                xy = xy if turn is None else turn(xy)
            yield Batch(columns, xy, Position(at), Position(at + len(table)))
            at += len(table)

    def _tables(self, first: int, rows: int) -> Iterator[pa.Table]:
        """Yield tables of about `rows` rows from row `first` on."""
        raise NotImplementedError


def rechunk(tables: Iterator[pa.Table], rows: int) -> Iterator[pa.Table]:
    """Yield the same rows in tables of exactly `rows` rows, the last one shorter."""
    held: list[Any] = []
    count = 0
    for table in tables:
        held.append(table)
        count += len(table)
        while count >= rows:
            whole = pa.concat_tables(held)
            yield whole.slice(0, rows)
            held = [whole.slice(rows)] if count > rows else []
            count -= rows
    if count:
        yield pa.concat_tables(held)


def converter(own: Any, stated: object, what: str) -> Callable[[Floats], Floats] | None:
    """Return a function to lon, lat of WGS 84 from the CRS of a file, or from the stated one.

    For a stated ``"GCJ-02"`` or ``"BD-09"`` the function undoes the shift. It is None where no
    conversion is needed.

    Raises
    ------
    CRSError
        No CRS, an unknown one, one without a stated shift to WGS 84, or a file's own CRS that
        differs from the stated one. The function raises one for coordinates in a projected CRS
        that look like degrees.
    """
    crs = own if stated is None else resolve_crs(stated)
    if (
        stated is not None
        and own is not None
        and not crs.equals(resolve_crs(own), ignore_axis_order=True)
    ):
        raise CRSError(
            f"{what} states its own CRS, and crs={stated!r} is another; leave crs= out, or "
            "reproject it first."
        )
    if crs is None:
        raise CRSError(
            f"{what} has no CRS, so its coordinates mean nothing; state it with crs=, such as "
            "EPSG:4326 for lon, lat."
        )
    try:
        known = pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.ProjError as error:
        raise CRSError(f"{what} has a CRS that can't be used ({first_line(error)}).") from error
    # Called without points, so that a CRS without a stated shift is refused before any reading.
    to_wgs84(np.empty((0, 2)), known, what)
    system, is_lonlat = is_shifted(stated), known.equals(WGS84, ignore_axis_order=True)
    if is_lonlat and system is None:
        return None

    def turn(xy: Floats) -> Floats:
        if not is_lonlat:
            given = ~np.isnan(xy).any(axis=1)
            moved = to_wgs84(xy[given], known, what)
            xy = np.full(xy.shape, np.nan)
            xy[given] = moved
        return xy if system is None else undo_shift(xy, system)

    return turn


def from_wkb(column: pa.Array | pa.ChunkedArray, row: int, what: str) -> Floats:
    """Return x, y of a column of points as well-known binary; NaN where missing or empty.

    Anything but points is a `GeometryError`; `row` is the number of the first row, for messages.
    """
    column = wellknown.binary(column, what)
    fast = wellknown.plain_points(column)
    if fast is not None:
        return fast
    # The first bytes show the kind, so that only points are parsed.
    kinds = wellknown.type_codes(column)
    other = np.flatnonzero((kinds > 1) & (kinds != 4))
    if len(other):
        kind = _KINDS.get(int(kinds[other[0]]), "geometry of another kind")
        raise _no_point(kind, row + int(other[0]), what)
    wellknown.refuse_deep(column, what, row=row)
    values = column.to_numpy(zero_copy_only=False)
    shapes = shapely.from_wkb(np.where(kinds > 0, values, None), on_invalid="ignore")
    broken = column.is_valid().to_numpy(zero_copy_only=False) & shapely.is_missing(shapes)
    if broken.any():
        at = row + int(np.flatnonzero(broken)[0]) + 1
        raise GeometryError(f"{what} has a geometry in row {at} that is not well-known binary.")
    return _from_shapes(shapes, row, what)


def _from_shapes(shapes: NDArray[np.object_], row: int, what: str) -> Floats:
    """Return x, y of points, MultiPoints of one point among them; NaN where missing or empty.

    Other shapes are a `GeometryError`.
    """
    kinds = shapely.get_type_id(shapes)
    one = (kinds == shapely.GeometryType.MULTIPOINT) & (shapely.get_num_geometries(shapes) == 1)
    other = np.flatnonzero((kinds > 0) & ~one)
    if len(other):
        raise _no_point(shapes[other[0]].geom_type, row + int(other[0]), what)
    shapes = shapes.copy()
    shapes[one] = shapely.get_geometry(shapes[one], 0)
    shapes[shapely.is_empty(shapes)] = None
    return np.column_stack((shapely.get_x(shapes), shapely.get_y(shapes)))


def _no_point(kind: str, row: int, what: str) -> GeometryError:
    return GeometryError(
        f"{what} has a {kind} in row {row + 1}; points are needed. Take centroids, or vertices, "
        "first."
    )


def _from_columns(
    lon: Any, lat: Any, row: int, what: str, names: tuple[str, ...], *, in_metres: bool = False
) -> Floats:
    """Return x, y of two columns of numbers, or of text that is degrees; NaN where missing.

    In metres, text is plain numbers. Other text is an `InputError`, which says in which row.
    """
    found = []
    for column, axis, name in zip((lon, lat), ("lon", "lat"), names, strict=True):
        values = _numbers(column, what, name)
        if values is None:
            texts = column.to_pandas()
            if in_metres:
                values = parse_metres(texts, what, before=row)
            else:
                values = parse_degrees(texts, axis, what, before=row)[0]
        found.append(values)
    return np.column_stack(found)


def _numbers(column: pa.Array | pa.ChunkedArray, what: str, name: str) -> Floats | None:
    """Return a column as numbers, NaN where missing; None for text that isn't numbers."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kinds = (pa.types.is_floating, pa.types.is_integer, pa.types.is_decimal, pa.types.is_null)
    if is_text(column.type):
        try:
            column = pc.cast(column, pa.float64())
        except pa.ArrowInvalid:  # e.g. where cells are empty or padded
            text = pc.utf8_trim_whitespace(column)
            text = pc.if_else(pc.equal(text, ""), None, text)
            try:
                column = pc.cast(text, pa.float64())
            except pa.ArrowInvalid:
                return None
    elif not any(is_kind(column.type) for is_kind in kinds):
        raise InputError(
            f"{what} has {column.type} in column {name!r}; degrees as numbers are needed."
        )
    numbers = pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return np.asarray(numbers, np.float64)


def drop_thousands(column: pa.ChunkedArray, thousands: str | None) -> pa.ChunkedArray:
    """Return a column without separators of thousands in its text, see `join_thousands`."""
    if thousands is None or not is_text(column.type):
        return column
    return pa.array(join_thousands(column.to_pandas(), thousands), column.type, from_pandas=True)


def is_text(kind: pa.DataType) -> bool:
    """Return whether an Arrow type is of text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def is_bytes(kind: pa.DataType) -> bool:
    """Return whether an Arrow type is of bytes, which CSV can't hold."""
    bytes_of = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
    return any(is_kind(kind) for is_kind in bytes_of)

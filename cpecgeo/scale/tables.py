"""Tables that are read in batches: CSV, each cell with its text, and layers of GeoPackages."""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import sqlite3
import warnings
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyogrio

from cpecgeo.errors import FileError, InputError, UnknownNameError, warn
from cpecgeo.files.disk import MAX_BYTES, ask_sqlite, first_line
from cpecgeo.files.fields import fid_name
from cpecgeo.files.formats import Choice, choose_layer, examine
from cpecgeo.files.numbers import refuse_lengths
from cpecgeo.files.positions import find_positions
from cpecgeo.files.text import (
    HEAD_BYTES,
    encoding_error,
    end_records,
    find_encoding,
    load_header,
    open_bytes,
    refuse_unclosed,
    to_utf8,
    usual_separator,
)
from cpecgeo.scale.sources import BATCH_BYTES, Batch, Places, Position, Source

__all__ = ["Csv", "GeoPackage"]

# Bytes of text read at once.
_CHUNK = 8_000_000
# CSV rarely packs to less than a thirtieth; a file made to fill a disk packs to a thousandth.
_MOST_PACKED = 100


@dataclass(frozen=True, kw_only=True)
class Csv(Source):
    """A CSV file with a header, from which the separator is inferred."""

    places: Places
    names: tuple[str, ...]
    separator: str
    first: int  # the byte after the header
    codec: str = "utf-8"

    @classmethod
    def open(cls, path: Path, choice: Choice) -> Csv:
        """Read the header."""
        with _open(path) as file:
            head = file.read(HEAD_BYTES)
        size = _size(path, head)
        codec, mark = find_encoding(head[: 1 << 16], choice.encoding, path)
        header, start = load_header(head, codec, mark, path)
        rows = head[start:]

        def first(name: str) -> pd.Series | None:
            ends = end_records(rows, header.separator, codec)
            text = rows[: ends[-1] if len(ends) else None].decode(codec, "replace")
            try:
                table = pd.read_csv(
                    io.StringIO(text, newline=""), sep=header.separator, header=None,
                    names=[*header.names], index_col=False, dtype=str, na_filter=False, nrows=100,
                    on_bad_lines="skip",
                )  # fmt: skip
            except (pd.errors.ParserError, pd.errors.EmptyDataError):
                return None if text.strip() else pd.Series([], dtype=str)
            return table[name]

        block = io.StringIO(rows[: 1 << 20].decode(codec, "replace"), newline="")
        with contextlib.suppress(csv.Error):  # a cell longer than csv's limit
            read = (row for row in csv.reader(block, delimiter=header.separator) if row)
            refuse_lengths([*itertools.islice(read, 1)], len(header.names), header.separator, path)
        places = Places(find_positions(list(header.names), choice, path.name, first), choice)
        schema = places.fit(pa.schema([(n, pa.string()) for n in header.names]))
        # Well-known text becomes a column of points.
        geometry = "geometry" if places.are_shapes else None
        return cls(
            path=path, schema=schema, size=size, places=places, geometry=geometry,
            names=header.names, separator=header.separator, first=start, codec=codec,
        )  # fmt: skip

    @property
    def read_as(self) -> str:  # noqa: D102
        told = super().read_as
        if self.separator != usual_separator(self.path.name):
            told += f"; separator {self.separator!r}"
        return told if self.codec == "utf-8" else f"{told}; encoding {self.codec}"

    def batches(self, start: Position, rows: int) -> Iterator[Batch]:
        """Yield batches of about `rows` rows: blocks of whole records with about as many bytes."""
        at = Position(start.row, start.byte or self.first)
        with _open(self.path) as file:
            size = want = self._chunk(file, rows)
            while True:
                # Every block begins with a record, so blocks are the same wherever the reading
                # began.
                file.seek(at.byte)
                block = file.read(want)
                cut = len(block)
                if cut == want:
                    ends = end_records(block, self.separator, self.codec)
                    cut = int(ends[-1]) if len(ends) else 0
                if cut == 0 and block:
                    if want > 2 * BATCH_BYTES:
                        raise FileError(
                            f"{self.path} has a record of more than {2 * BATCH_BYTES:,} bytes "
                            f"after row {at.row}; a quote may not be closed."
                        )
                    want *= 2
                    continue
                after = at.byte + cut
                text = to_utf8(block[:cut], self.codec, f"{self.path} after row {at.row}")
                if len(block) < want:
                    refuse_unclosed(text, self.separator, self.path, before=at.row)
                if text.strip():
                    batch = self._batch(text, at, after)
                    yield batch
                    at = batch.end
                else:
                    at = Position(at.row, after)
                if len(block) < want:
                    return
                want = size

    def _chunk(self, file: IO[bytes] | _Onward, rows: int) -> int:
        """Return how many bytes about `rows` rows take, from the length of the first rows."""
        file.seek(self.first)
        head = file.read(1 << 16)
        each = len(head) / max(1, head.count(b"\n"))
        return int(min(max(each * rows, 1), _CHUNK * 4, BATCH_BYTES))

    def _batch(self, block: bytes, at: Position, after: int) -> Batch:
        try:
            table = pa_csv.read_csv(
                pa.BufferReader(block),
                read_options=pa_csv.ReadOptions(
                    column_names=list(self.names), block_size=max(1 << 20, len(block) + 1)
                ),
                parse_options=pa_csv.ParseOptions(
                    delimiter=self.separator, newlines_in_values=True
                ),
                convert_options=pa_csv.ConvertOptions(
                    column_types={n: pa.string() for n in self.names},
                    strings_can_be_null=False,
                ),
            )
        except pa.ArrowInvalid as error:
            text = str(error).splitlines()[0][:200]
            if "UTF8" in text or "utf8" in text.lower():
                raise encoding_error("utf-8", error, f"{self.path} after row {at.row}") from None
            filled = self._fill(block, at)
            if filled is None:
                raise FileError(
                    f"{self.path} has a row after row {at.row} that can't be read as CSV ({text}); "
                    f"the separator taken is {self.separator!r}."
                ) from None
            table = filled
        end = Position(at.row + len(table), after)
        table, xy = self.places.read(table, at.row, self.path.name)
        return Batch(table, xy, at, end)

    def _fill(self, block: bytes, at: Position) -> pa.Table | None:
        """Fill up rows that end early; None where the block isn't CSV."""
        try:
            text = io.StringIO(block.decode(), newline="")
            rows = list(csv.reader(text, delimiter=self.separator, strict=True))
        except (csv.Error, UnicodeDecodeError):
            return None
        rows = [row for row in rows if row]
        count = len(self.names)
        refuse_lengths(rows, count, self.separator, self.path, before=at.row)
        warn(
            f"{self.path.name} has rows with fewer than {count} values; what they lack is read as "
            "missing."
        )
        columns = zip(*([*row, *[""] * (count - len(row))] for row in rows), strict=True)
        return pa.table([pa.array(c, pa.string()) for c in columns], list(self.names))


class _Onward:
    """A packed file of bytes, read from beginning to end; it can go back by one block only."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._end = file, 0
        self._held = b""

    def seek(self, byte: int) -> None:
        """Go to a byte in the last block, or further on."""
        begin = self._end - len(self._held)
        assert byte >= begin  # noqa: S101 - batches follow one another
        while byte > self._end:
            self._held = self._file.read(min(byte - self._end, 1 << 20))
            if not self._held:
                return
            begin, self._end = self._end, self._end + len(self._held)
        self._held = self._held[byte - begin :]

    def read(self, count: int) -> bytes:
        """Return so many bytes, or all that are left."""
        more = self._file.read(max(0, count - len(self._held)))
        self._held, self._end = self._held + more, self._end + len(more)
        return self._held[:count]


@contextlib.contextmanager
def _open(path: Path) -> Iterator[IO[bytes] | _Onward]:
    """Open a file of text, unpacking it where its name ends in ``.gz``.

    A file that unpacks to more than `MAX_BYTES`, and to more than a hundred times its size, is
    refused.
    """
    most = max(MAX_BYTES, _MOST_PACKED * path.stat().st_size)
    with open_bytes(path, str(path), most) as file:
        yield _Onward(file) if path.suffix.casefold() == ".gz" else file


def _size(path: Path, head: bytes) -> int:
    """Return how many bytes of text a file has; for a packed one an estimate from its beginning."""
    size = path.stat().st_size
    if path.suffix.casefold() != ".gz" or not head:
        return size
    part = head[: 1 << 18]
    return size * len(part) // len(zlib.compress(part))


@dataclass(frozen=True, kw_only=True)
class GeoPackage(Source):
    """A layer of points in a GeoPackage, read by GDAL."""

    layer: str

    @classmethod
    def open(cls, path: Path, choice: Choice) -> GeoPackage:
        """Read the metadata of the layers."""
        there, _ = examine(path, "GPKG", str(path))
        with _translate_gdal(path, "can't be read as GeoPackage", "may be truncated"):
            layers = [str(name) for name, _ in _quietly(pyogrio.list_layers, there)]
        if not layers:
            raise FileError(f"{path} has no layers.")
        if choice.layer is not None and choice.layer not in layers:
            raise UnknownNameError(choice.layer, f"layer in {path.name}", layers)
        layer = choose_layer(layers, choice.layer, path.name)
        with _translate_gdal(path, "can't be read as GeoPackage", "is damaged"):
            info = _quietly(pyogrio.read_info, there, layer=layer)
            rows = _count_rows(path, layer, int(info["features"]))
        if info["geometry_type"] is None:
            raise InputError(f"Layer {layer!r} of {path.name} has no geometry; points are needed.")
        name = info.get("geometry_name") or "geometry"
        damaged = _translate_gdal(path, "can't be read as GeoPackage", "is damaged")
        own = _numbers_own(path, layer, rows)
        with damaged, _open_layer(path, layer, 0, 1) as (meta, reader):
            schema = _rename(reader.schema, meta, name, own=own)
        kinds = ["Point"] if info["geometry_type"] == "Point" else []
        entry = {"encoding": "WKB", "geometry_types": kinds, "crs": info["crs"]}
        geo = {"version": "1.1.0", "primary_column": name, "columns": {name: entry}}
        return cls(
            path=path, schema=schema, size=path.stat().st_size, rows=rows, geometry=name, geo=geo,
            stated=choice.crs, layer=layer,
        )  # fmt: skip

    def batch_of(self, rows: int) -> int:  # noqa: D102
        return max(1, min(rows, BATCH_BYTES // max(1, self.size // max(1, self.rows or 0))))

    def _tables(self, first: int, rows: int) -> Iterator[pa.Table]:
        if first >= (self.rows or 0):
            return
        damaged = _translate_gdal(self.path, "can't be read on", "is damaged")
        with damaged, _open_layer(self.path, self.layer, first, rows) as (_, reader):
            for batch in reader:
                table = pa.Table.from_batches([batch])
                if len(table.column_names) > len(self.schema):
                    table = table.remove_column(0)  # GDAL's feature numbers
                yield table.rename_columns(self.schema.names).cast(self.schema)


@contextlib.contextmanager
def _translate_gdal(path: Path, what: str, why: str) -> Iterator[None]:
    """Turn errors of GDAL and Arrow about damaged files into a `FileError`."""
    try:
        yield
    except (
        pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, pa.ArrowException, OSError,
        UnicodeDecodeError,
    ) as error:  # fmt: skip
        raise FileError(f"{path} {what} ({first_line(error)}); it {why}.") from error


@contextlib.contextmanager
def _open_layer(path: Path, layer: str, skip: int, rows: int) -> Iterator[Any]:
    opened = pyogrio.open_arrow(
        str(path.resolve()),
        layer=layer,
        skip_features=skip,
        batch_size=min(rows, 65_536),
        return_fids=True,
        use_pyarrow=True,
    )
    with contextlib.ExitStack() as stack:
        yield _quietly(stack.enter_context, opened)


def _quietly(work: Callable[..., Any], *given: Any, **how: Any) -> Any:
    """Call GDAL without its warnings about measures, time zones and types of geometry."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return work(*given, **how)


def _count_rows(path: Path, layer: str, stated: int) -> int:
    """Count the rows of a layer; the count stated in the file, which GDAL returns, may be wrong."""
    try:
        return int(_ask(path, "count(*)", layer)[0])
    except sqlite3.Error as error:
        if stated < 0:
            raise FileError(f"{path} can't be read as GeoPackage ({error}).") from error
        return stated


def _numbers_own(path: Path, layer: str, rows: int) -> bool:
    """Return whether the features' numbers differ from 1, 2, 3, …"""
    try:
        return rows > 0 and _ask(path, "min(rowid), max(rowid)", layer) != (1, rows)
    except sqlite3.Error:  # a view has none
        return False


def _ask(path: Path, what: str, layer: str) -> tuple[Any, ...]:
    table = layer.replace('"', '""')
    return ask_sqlite(path, f'SELECT {what} FROM "{table}"')  # noqa: S608


def _rename(schema: pa.Schema, meta: dict[str, Any], name: str, *, own: bool) -> Any:
    """Return the schema with the geometry's own name, without GDAL's metadata."""
    wkb = meta["geometry_name"] or "wkb_geometry"
    fields = [pa.field(name if f.name == wkb else f.name, f.type, nullable=True) for f in schema]
    if own:
        fields[0] = fields[0].with_name(fid_name([f.name for f in fields[1:]]))
    return pa.schema(fields if own else fields[1:])

"""GeoPackage and the other formats that GDAL streams, in batches of Arrow."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyogrio

from cpecgeo.errors import FileError, InputError, UnknownNameError
from cpecgeo.files.sniff import insist
from cpecgeo.scale import points
from cpecgeo.scale.sources import BATCH_BYTES, Batch, Position, rechunk, to_lonlat

__all__ = ["GeoPackage"]


@dataclass(frozen=True)
class GeoPackage:
    """A layer of points in a GeoPackage."""

    path: Path
    layer: str
    schema: pa.Schema
    geometry: str
    geo: dict[str, Any]
    crs: Any
    rows: int
    size: int
    columns: None = None

    @classmethod
    def open(cls, path: Path, *, layer: str | None) -> GeoPackage:
        """Read what the file says about its layers."""
        there = insist(path, "GPKG")
        with _translated(path, "can't be read as GeoPackage", "may be truncated"):
            layers = [str(name) for name, _ in pyogrio.list_layers(there)]
        if not layers:
            raise FileError(f"{path} has no layers.")
        if layer is None and len(layers) > 1:
            raise InputError(
                f"{path.name} has {len(layers)} layers ({', '.join(layers[:8])}); choose one "
                "with layer=."
            )
        chosen = layer or layers[0]
        if chosen not in layers:
            raise UnknownNameError(chosen, f"layer in {path.name}", layers)
        with _translated(path, "can't be read as GeoPackage", "is damaged"):
            info = pyogrio.read_info(there, layer=chosen, force_feature_count=True)
        if info["geometry_type"] is None:
            raise InputError(f"Layer {chosen!r} of {path.name} has no geometry; points are needed.")
        name = info.get("geometry_name") or "geometry"
        damaged = _translated(path, "can't be read as GeoPackage", "is damaged")
        with damaged, _opened(path, chosen, 0, 1) as (meta, reader):
            schema = _renamed(reader.schema, meta, name)
        crs = info["crs"]
        geo = {
            "version": "1.1.0",
            "primary_column": name,
            "columns": {name: {"encoding": "WKB", "geometry_types": ["Point"], "crs": crs}},
        }
        size = path.stat().st_size
        return cls(path, chosen, schema, name, geo, crs, int(info["features"]), size)

    def batch_of(self, rows: int) -> int:
        """Return how many rows a batch has: fewer where they are wide."""
        return max(1, min(rows, BATCH_BYTES // max(1, self.size // max(1, self.rows))))

    def batches(self, start: Position, rows: int) -> Iterator[Batch]:
        """Yield batches of `rows` rows from `start` on, the last one shorter."""
        turn = to_lonlat(self.crs, self.path.name)
        limit = self.batch_of(rows)
        at = start.row
        for table in rechunk(self._tables(start.row, limit), limit):
            column = table[self.geometry].combine_chunks()
            xy = points.from_wkb(column, at, self.path.name)
            xy = turn(xy) if turn is not None else xy
            yield Batch(table, xy, Position(at), Position(at + len(table)))
            at += len(table)

    def _tables(self, first: int, rows: int) -> Iterator[pa.Table]:
        if first >= self.rows:
            return
        damaged = _translated(self.path, "can't be read on", "is damaged")
        with damaged, _opened(self.path, self.layer, first, rows) as (_, reader):
            for batch in reader:
                table = pa.Table.from_batches([batch])
                yield table.rename_columns(self.schema.names).cast(self.schema)


@contextmanager
def _translated(path: Path, what: str, why: str) -> Iterator[None]:
    """Turn what GDAL and Arrow say of damage into one error."""
    try:
        yield
    except (
        pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, pa.ArrowException, OSError,
        UnicodeDecodeError,
    ) as error:  # fmt: skip
        text = (str(error).splitlines() or ["unknown error"])[0][:200]
        raise FileError(f"{path} {what} ({text}); it {why}.") from error


def _opened(path: Path, layer: str, skip: int, rows: int) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # GDAL's remarks about measures and time zones
        return pyogrio.open_arrow(
            str(path.resolve()),
            layer=layer,
            skip_features=skip,
            batch_size=min(rows, 65_536),
            use_pyarrow=True,
        )


def _renamed(schema: Any, meta: dict[str, Any], name: str) -> Any:
    """Return the columns with the geometry under its own name, without GDAL's notes."""
    wkb = meta["geometry_name"] or "wkb_geometry"
    return pa.schema(
        [pa.field(name if f.name == wkb else f.name, f.type, nullable=True) for f in schema]
    )

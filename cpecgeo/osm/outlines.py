"""Outlines of districts and provinces from administrative boundaries, into the user's cache."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from cpecgeo.catalogue import data_version, layer
from cpecgeo.catalogue.files import stored_path, write_checked
from cpecgeo.catalogue.geometry import using
from cpecgeo.catalogue.outlines import NAME_TAGS, match_units
from cpecgeo.errors import DataError
from cpecgeo.geodesy import area_km2
from cpecgeo.osm.overpass import Answer, Overpass
from cpecgeo.osm.sources import (
    Boundary,
    osmium_module,
    read_extract,
    record_answers,
    record_extract,
)

__all__ = ["LEVELS", "Outlines", "refresh_outlines", "store_outlines"]

LEVELS: Mapping[str, str] = {"provinces": "4", "districts": "6"}
"""The `admin_level` that each layer has in Pakistan: an assumption, for no source is at hand.
Where nothing of that level is whole, nothing is stored."""

_CELL_DEG = 5.0
_BESIDE_DEG = 0.1  # a unit whose middle is so near to Pakistan's bundled units is one of them


@dataclass(frozen=True, eq=False)
class Outlines:
    """Outlines that were refreshed, and how they differ from the bundled ones.

    Attributes
    ----------
    layer : str
    frame : GeoDataFrame
        The layer as it is in OpenStreetMap's geometry.
    record : mapping
        `snapshot`, `retrieved`, `origin`, `queries`, `licence`, `credit` ….
    incomplete : tuple of str
        Units whose ways are missing, as in a clipped extract, or don't close.
    bundled : tuple of str
        Ids of rows that stay as they ship with the package.
    overlap : Series
        By id: the area that old and new outline share, as part of what either covers.
    """

    layer: str
    frame: gpd.GeoDataFrame
    record: Mapping[str, Any]
    incomplete: tuple[str, ...]
    bundled: tuple[str, ...]

    @property
    def overlap(self) -> Any:
        """By id: the area that old and new outline share, as a part of what either covers."""
        with using(geometry="bundled"):
            old = layer(self.layer).geometry
        new = self.frame.geometry
        new = new[new.index.isin(old.index) & ~new.index.isin(self.bundled)]
        old = old.loc[new.index]
        shared = area_km2(old.make_valid().intersection(new.make_valid(), align=True))
        return shared / (area_km2(old) + area_km2(new) - shared)

    def _repr_html_(self) -> str:
        return (
            f"<div><strong>{escape(self.layer)}</strong>, OpenStreetMap "
            f"{self.record['snapshot'] or 'of unknown date'}: "
            f"{len(self.frame) - len(self.bundled)} outlines, {len(self.bundled)} stay as bundled, "
            f"{len(self.incomplete)} incomplete; {escape(str(self.record['credit']))}</div>"
        )


def refresh_outlines(
    name: str,
    *,
    file: str | Path | None = None,
    overpass: Overpass | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> Outlines:
    """Refresh a layer of outlines; see `cpecgeo.osm.refresh`.

    Parameters
    ----------
    name : {"districts", "provinces"}
    file, overpass, progress
        As in `cpecgeo.osm.refresh`.
    """
    level = LEVELS[name]
    if file is not None:
        extract = read_extract(file, levels=[level])
        record = record_extract(extract, [f"admin_level={level}"])
        return store_outlines(name, extract.boundaries, record)
    manner, cells, answers = overpass or Overpass(), _cells(), []
    for n, cell in enumerate(cells):
        answers.append(manner.ask_boundaries(cell, level))
        if progress:
            progress(n + 1, len(cells))
    return store_outlines(name, _assemble(answers, level), record_answers(answers))


def _cells() -> list[shapely.Polygon]:
    """Return Pakistan in cells small enough for one request each."""
    with using(geometry="bundled"):
        whole = shapely.union_all(layer("provinces").geometry.to_numpy())
    west, south, east, north = whole.bounds
    return [
        shapely.box(x, y, x + _CELL_DEG, y + _CELL_DEG)
        for y in np.arange(south, north, _CELL_DEG)
        for x in np.arange(west, east, _CELL_DEG)
        if whole.intersects(shapely.box(x, y, x + _CELL_DEG, y + _CELL_DEG))
    ]


def _assemble(answers: Iterable[Answer], level: str) -> tuple[Boundary, ...]:
    """Return the boundaries of Overpass answers; pyosmium assembles their areas."""
    osmium = osmium_module()
    elements: dict[tuple[str, int], Mapping[str, Any]] = {}
    for answer in answers:
        elements |= {(e["type"], e["id"]): e for e in answer.content["elements"]}
    short = {"node": "n", "way": "w", "relation": "r"}
    with tempfile.TemporaryDirectory(prefix="cpecgeo-") as folder:
        path = Path(folder) / "boundaries.osm"
        # pyosmium wants nodes before ways before relations, each by ascending id.
        order = sorted(elements, key=lambda key: (list(short).index(key[0]), key[1]))
        try:
            with osmium.SimpleWriter(str(path)) as writer:
                for kind, number in order:
                    e = elements[kind, number]
                    thing = {"id": number, "tags": e.get("tags", {})}
                    if kind == "node":
                        thing["location"] = (e["lon"], e["lat"])
                        writer.add_node(osmium.osm.mutable.Node(**thing))
                    elif kind == "way":
                        writer.add_way(osmium.osm.mutable.Way(nodes=e["nodes"], **thing))
                    else:
                        members = [(short[m["type"]], m["ref"], m["role"]) for m in e["members"]]
                        writer.add_relation(osmium.osm.mutable.Relation(members=members, **thing))
        except KeyError as error:
            raise DataError(f"An Overpass answer lacks {error}; refresh again.") from error
        return read_extract(path, levels=[level]).boundaries


def store_outlines(
    name: str, boundaries: Sequence[Boundary], record: Mapping[str, Any]
) -> Outlines:
    """Store the boundaries of a layer that lie in Pakistan.

    Parameters
    ----------
    name : {"districts", "provinces"}
    boundaries : sequence of Boundary
        Of any level.
    record : mapping
        Where they come from.

    Raises
    ------
    DataError
        None is whole; what was stored stays.
    """
    level = [b for b in boundaries if b.tags.get("admin_level") == LEVELS[name]]
    whole = [b for b in level if b.geometry is not None]
    with using(geometry="bundled"):
        frame = layer(name)
    around = shapely.union_all(frame.geometry.to_numpy()).buffer(_BESIDE_DEG)
    shapely.prepare(around)
    # Of neighbouring countries there are units of the same level in an extract.
    inside = [b for b in whole if around.contains(shapely.point_on_surface(b.geometry))]
    if not inside:
        raise DataError(
            f"OpenStreetMap has no whole {name} there (admin_level {LEVELS[name]}): {len(level)} "
            "relations of that level, all clipped or abroad. The outlines stay as they are; take "
            "an extract of the whole country."
        )
    names = [_name(b) for b in level if b.geometry is None]
    units = [
        {
            "relation": b.relation,
            "tags": dict(b.tags),
            "geometry": shapely.to_wkb(b.geometry, hex=True),
        }
        for b in inside
    ]
    full = {
        **record,
        "layer": name,
        "data_version": data_version(),
        "units": len(units),
        "incomplete": names,
        "unmatched": [
            _name(b)
            for b, row in zip(inside, match_units(frame, [b.tags for b in inside]), strict=True)
            if row is None
        ],
    }
    path = stored_path("outlines", name)
    write_checked(path, full, json.dumps({"units": units}, ensure_ascii=False).encode())
    with using(geometry="osm"):
        new = layer(name)
    return Outlines(name, new, full, tuple(names), tuple(new.attrs["bundled"]))


def _name(boundary: Boundary) -> str:
    tags = boundary.tags
    return next((tags[k] for k in NAME_TAGS if tags.get(k)), str(boundary.relation))

"""Write layers so that the same input always gives the same bytes."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from typing import TYPE_CHECKING, Any

import shapely
from shapely.geometry import mapping

from cpecgeo.catalogue.layers import COMMON

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

GRID = 1e-4
"""Coordinate grid in degrees: about 11 m, far finer than any of these sources."""

COLUMNS = (*COMMON,)
"""Columns that every feature layer has, in this order, before its own."""


def slug(text: str) -> str:
    """Return an identifier of a name, in lower-case ASCII.

    >>> slug("Tando Muḩammad Khān")
    'tando-muhammad-khan'
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    plain = re.sub(r"['`]", "", plain)
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def on_grid(geometry: Any) -> Any:
    """Move all vertices to the grid without changing their order or number."""
    return shapely.transform(geometry, lambda xy: (xy / GRID).round() * GRID)


def _round(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4) + 0.0
    if isinstance(value, (list, tuple)):
        return [_round(item) for item in value]
    return value


def normalize(geometry: Any) -> Any:
    """Return the geometry with right-hand rings, canonical start points and sorted parts."""
    turned = shapely.orient_polygons(shapely.normalize(geometry))
    parts = shapely.get_parts(turned)
    return parts[0] if len(parts) == 1 else turned


def geojson(
    path: Path,
    rows: Iterable[tuple[Mapping[str, Any], Any]],
    **foreign: Any,
) -> list[str]:
    """Write features one per line and return the property columns in order.

    `rows` are pairs of properties and geometry; `foreign` are further members of the
    collection (title, disclaimer, fit), which GeoJSON allows.
    """
    lines = []
    columns: list[str] = []
    for properties, geometry in rows:
        full = {name: properties.get(name) for name in COLUMNS} | dict(properties)
        columns = list(full)
        shape = mapping(normalize(geometry))
        feature = {
            "type": "Feature",
            "id": full["id"],
            "properties": full,
            "geometry": {
                "type": shape["type"],
                "coordinates": _round(shape["coordinates"]),
            },
        }
        lines.append(json.dumps(feature, ensure_ascii=False, separators=(",", ":")))
    head = {"type": "FeatureCollection", **foreign}
    text = json.dumps(head, ensure_ascii=False, separators=(",", ":"))[:-1]
    body = ",\n".join(lines)
    path.write_text(f'{text},"features":[\n{body}\n]}}\n', encoding="utf-8", newline="\n")
    return columns


def table(path: Path, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Write rows as CSV with line feeds only and return the columns; None is empty."""
    columns = list(rows[0])
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: "" if v is None else v for k, v in row.items()} for row in rows)
    path.write_text(buffer.getvalue(), encoding="utf-8", newline="\n")
    return columns

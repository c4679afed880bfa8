"""Outlines of districts and provinces that were refreshed from OpenStreetMap."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from cpecgeo.catalogue.facts import fold, read_districts
from cpecgeo.catalogue.files import read_checked, stored_path

__all__ = ["NAME_TAGS", "match_units", "redraw_outlines", "stored_outlines"]

NAME_TAGS = ("name:en", "name", "official_name:en", "alt_name:en", "alt_name", "old_name")
# Words beside the name of a unit.
_CALLED = re.compile(r"\b(district|zila|province|division of)\b", re.IGNORECASE)


def stored_outlines(layer: str) -> tuple[Mapping[str, Any], list[dict[str, Any]]] | None:
    """Load the stored record and units of a layer; return None where nothing is stored.

    Parameters
    ----------
    layer : {"districts", "provinces"}

    Returns
    -------
    record : mapping
    units : list of dict
        `relation`, `tags`, `geometry`.

    Raises
    ------
    DataError
        The file is damaged.
    """
    path = stored_path("outlines", layer)
    if not path.is_file():
        return None
    record, body = read_checked(path)
    units = json.loads(body)["units"]
    return record, [u | {"geometry": shapely.from_wkb(u["geometry"])} for u in units]


def match_units(frame: gpd.GeoDataFrame, tags: Iterable[Mapping[str, str]]) -> list[int | None]:
    """Match OpenStreetMap's units to the rows of a layer by name.

    Parameters
    ----------
    frame : GeoDataFrame
        With `id`, `name` and perhaps `name_ur` and `aliases`.
    tags : iterable of mapping
        Tags of each unit. Names in `NAME_TAGS` and ``name:ur`` are compared, without the word
        district or province. A row for several districts matches none of them.

    Returns
    -------
    list of int or None
        The row of each unit; each row is matched once, to the first unit with its name.
    """
    rows: dict[str, int] = {}
    several = [isinstance(cell, str) and ";" in cell for cell in frame.get("districts", ())]
    for column in ("name", "name_ur", "aliases", "id"):
        for number, cell in enumerate(frame.get(column, ())):
            for text in cell.split(";") if isinstance(cell, str) else ():
                if not (several and several[number]):
                    rows.setdefault(_bare(text), number)
    taken: set[int] = set()
    found: list[int | None] = []
    for each in tags:
        names = [n for key in (*NAME_TAGS, "name:ur") for n in each.get(key, "").split(";")]
        hits = (rows[b] for n in names if (b := _bare(n)) in rows and rows[b] not in taken)
        row = next(hits, None)
        found.append(row)
        taken |= set() if row is None else {row}
    return found


def _bare(name: str) -> str:
    return fold(_CALLED.sub("", name))


def redraw_outlines(layer: str, frame: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, list[str]]:
    """Return a layer with OpenStreetMap's outlines, and the ids of rows that stay bundled.

    A unit in the layer keeps its id and facts; a new unit gets a new row. A row without a unit
    stays if no new outline covers its middle; new outlines are cut out of it.
    """
    kept = stored_outlines(layer)
    if kept is None:
        return frame, list(frame["id"])
    record, units = kept
    date = str(record["snapshot"] or "")[:10] or None
    matched = match_units(frame, [u["tags"] for u in units])
    shapes = np.array([u["geometry"] for u in units], object)
    rows = [_row(frame, row, unit, date, layer) for row, unit in zip(matched, units, strict=True)]
    middles = frame.geometry.representative_point().to_numpy()
    whole = shapely.union_all(shapes)
    covered = shapely.intersects(whole, middles)
    rest = ~covered & ~np.isin(np.arange(len(frame)), [m for m in matched if m is not None])
    new = pd.DataFrame(rows, columns=frame.columns.drop("geometry"))
    old = pd.DataFrame(frame[rest].drop(columns="geometry"))
    both = pd.concat([new, old], ignore_index=True).astype(
        {c: t for c, t in frame.drop(columns="geometry").dtypes.items() if t.kind == "f"}
    )
    beside = [_give_way(shape, whole) for shape in frame.geometry[rest]]
    units_and_rest = gpd.GeoDataFrame(both, geometry=[*shapes, *beside], crs=4326)
    ordered = units_and_rest.sort_values("id", kind="stable")
    return ordered.set_axis(ordered["id"].to_numpy(), axis=0), sorted(old["id"])


def _give_way(shape: shapely.Geometry, whole: shapely.Geometry) -> Any:
    """Return a bundled outline without the parts that new ones cover."""
    if not shapely.intersects(shape, whole):
        return shape
    parts = shapely.get_parts(shapely.difference(shape, whole))
    return shapely.MultiPolygon([p for p in parts if p.geom_type == "Polygon"])


@cache
def _codes() -> dict[str, dict[str, Any]]:
    """Return the districts of 2022, by each of their names."""
    found: dict[str, dict[str, Any]] = {}
    for row in read_districts().values():
        others = row["aliases"].split(";") if isinstance(row["aliases"], str) else []
        for text in (row["name"], *others):
            found.setdefault(_bare(text), row)
    return found


def _row(
    frame: gpd.GeoDataFrame, row: int | None, unit: Mapping[str, Any], date: str | None, layer: str
) -> dict[str, Any]:
    """Return the row of a unit: facts of the matching row, else the unit's own names."""
    tags = unit["tags"]
    about: dict[str, Any] = {
        "accuracy_km": None,
        "basis": "gazetteer",
        "source": f"OpenStreetMap relation {unit['relation']}",
        "source_date": date,
        "licence": "ODbL-1.0",
        "note": "outline of OpenStreetMap; how good it is isn't stated",
    }
    if row is not None:
        return dict(frame.iloc[row].drop("geometry")) | about
    name = next((tags[key] for key in NAME_TAGS if tags.get(key)), str(unit["relation"]))
    about |= {
        "id": f"osm-{unit['relation']}",
        "name": _CALLED.sub("", name).strip(),
        "name_ur": tags.get("name:ur"),
        "name_zh": tags.get("name:zh"),
        "kind": layer.removesuffix("s"),
    }
    known = _codes().get(_bare(about["name"])) if layer == "districts" else None
    if known is not None:
        same = ("name", "aliases", "province", "province_iso")
        about |= {c: known[c] for c in same if c in frame}
        about |= {"districts": known["name"], "pcodes": known["pcode"], "district": known["name"]}
    elif "province" in frame:
        # The province of the bundled district that contains its middle.
        middle = shapely.point_on_surface(unit["geometry"])
        holds = frame[frame.geometry.intersects(middle)]
        shared = [c for c in frame if c.startswith("province") and len(holds)]
        about |= {c: holds[c].iloc[0] for c in shared}
    return about

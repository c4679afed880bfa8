"""A layer of the map: a table of features, its style, and its popups and labels.

`VectorLayer` is a folium layer, so folium's controls and groups accept it. The features are written
to the page's data block and drawn by the page's own script, which never interprets a text as HTML.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from folium.map import Layer
from folium.template import Template

from cpecgeo.catalogue.geometry import list_credits
from cpecgeo.errors import InputError, UnknownNameError
from cpecgeo.files.displacement import refuse_turned
from cpecgeo.geodesy import densify, lonlat
from cpecgeo.maps import encode
from cpecgeo.maps.libraries import list_texts, read_asset
from cpecgeo.maps.style import Style, check_style, encode_looks, is_by_value
from cpecgeo.maps.words import FIELDS, VALUES, Words, find_title, list_cells

__all__ = [
    "CANVAS_ABOVE",
    "VectorLayer",
    "encode_layer",
    "find_credits",
    "find_largest",
    "list_words",
    "translate_layer",
]

CANVAS_ABOVE = 2_000
LONGEST_EDGE_KM = 40.0
# Opacity of areas, and of areas coloured by value.
FILL, FILL_BY_VALUE = 0.25, 0.75
# Pixels of a point whose size is given by a column.
RADIUS = 5.0

# Columns whose values the page's scripts translate.
_TOLD = {"kind", "basis", "district", "province", "country"}


class VectorLayer(Layer):
    """A layer of features for `cpecgeo.maps.Map`: data from `encode_layer`, with a name for people.

    The page's script knows the layer by its `key`.
    """

    _template = Template(
        "{% macro script(this, kwargs) %}"
        "var {{ this.get_name() }} = cpecgeo.layer("
        "{{ this._parent.get_name() }}, {{ this.key|tojson }});"
        "{% endmacro %}"
    )

    def __init__(
        self,
        payload: Mapping[str, Any],
        *,
        key: str,
        name: str,
        group: str = "Added",
        show: bool = True,
        control: bool = True,
    ) -> None:
        super().__init__(name=key, overlay=True, control=control, show=show)
        self._name = "VectorLayer"
        self.key = key
        self.payload = dict(payload) | {"name": str(name), "group": str(group), "control": control}
        self.bounds = payload.get("bounds")

    def _get_self_bounds(self) -> list[list[float | None]]:
        if not self.bounds:
            return [[None, None], [None, None]]
        west, south, east, north = self.bounds
        return [[south, west], [north, east]]


def encode_layer(frame: gpd.GeoDataFrame | gpd.GeoSeries, style: Style) -> dict[str, Any]:
    """Encode a table with a CRS for the page's script: geometry, columns, looks and legend.

    Rows without a geometry can be found by the search but aren't drawn. Coordinates are refused as
    by `cpecgeo.geodesy.lonlat`, and so are unknown columns and colours.

    Examples
    --------
    >>> from shapely.geometry import Point
    >>> frame = gpd.GeoDataFrame({"name": ["Rohri"]}, geometry=[Point(68.9, 27.7)], crs=4326)
    >>> encode_layer(frame, Style())["geometry"]
    [[1, '_`pcL_dahD']]
    """
    check_style(style)
    frame = _explode(frame)
    series = lonlat(frame, what="the layer", missing="keep")
    array = np.asarray(series.array, dtype=object)
    drawn = array[~shapely.is_missing(array)]
    what, columns = frame.attrs.get("read_from", "the layer"), frame.attrs.get("position_columns")
    refuse_turned(shapely.get_coordinates(drawn), str(what), columns)
    dims = set(shapely.get_dimensions(drawn).tolist())
    table = _name_columns(pd.DataFrame(frame.drop(columns=frame.geometry.name)))
    payload: dict[str, Any] = {
        "n": len(table),
        "view": style.pane != "background",
        "style": _common(table, style, dims),
    }
    if len(drawn):
        payload["bounds"] = [round(float(v), 5) for v in shapely.total_bounds(drawn)]
    if dims - {0}:
        array = np.asarray(densify(series, LONGEST_EDGE_KM).array, dtype=object)
    alone = dims == {0} and bool((shapely.get_type_id(array) == 0).all())
    if style.cluster and not alone:
        raise InputError(
            "cluster is for points, one a row, none missing; this layer has others: leave cluster "
            "out, or drop rows without a point (.dropna(subset='geometry'))."
        )
    if alone and (style.cluster or len(array) > CANVAS_ABOVE):
        payload["cloud"] = encode.points(array)
        if style.cluster:
            payload["cluster"] = "count" if style.cluster is True else style.cluster
    else:
        payload["geometry"] = encode.geometries(array, style.decimals)
    payload |= _columns(table, style)
    payload |= _looks(table, style, dims, ~shapely.is_missing(array))
    if style.when is not None:
        if style.when not in table.columns:
            raise UnknownNameError(style.when, "column of dates", list(table.columns))
        payload["times"] = encode.times(table[style.when], style.when)
    payload["style"] |= style.extra
    told = [*frame.attrs.get("credits", ()), frame.attrs.get("licence")]
    owed = list_credits(drawn, told)
    payload["credits"] = find_credits(table, [*style.extra.get("sources", ()), *owed])
    if style.label and 2 in dims:
        payload["labelAt"] = [_middle(g) for g in array]
    return payload


def _looks(
    table: pd.DataFrame, style: Style, dims: set[int], there: np.ndarray[Any, Any]
) -> dict[str, Any]:
    """Encode looks and legend from the rows that are drawn, and count the others."""
    lost = len(table) - int(there.sum())
    if not lost or lost == len(table):
        return encode_looks(table, style, dims)
    made = encode_looks(table[there], style, dims)
    if "look" in made:
        index = np.zeros(len(table), dtype=int)
        index[there] = made["look"]
        made["look"] = index.tolist()
    by_size = {style.radius, style.width} & set(table.columns)
    if made["legend"] and (by_size or is_by_value(table, style)):
        last = made["legend"][-1]
        made["legend"].append(last | {"label": f"no position ({lost:,})", "type": "none"})
    return made


def _middle(geometry: shapely.Geometry) -> str | None:
    """Find the point for an area's name: the centre of the largest circle in its largest part."""
    if (largest := find_largest(geometry)) is None:
        return None
    circle = shapely.maximum_inscribed_circle(largest, 0.02)
    return encode.points(np.array([shapely.Point(shapely.get_coordinates(circle)[0])]))


def find_largest(geometry: shapely.Geometry) -> shapely.Polygon | None:
    """Return the largest part of an area; None where there is no area."""
    parts = shapely.get_parts(geometry)
    parts = parts[shapely.get_dimensions(parts) == 2]
    return parts[int(np.argmax(shapely.area(parts)))] if len(parts) else None


def _explode(frame: gpd.GeoDataFrame | gpd.GeoSeries) -> gpd.GeoDataFrame:
    """Split collections into geometries of one kind."""
    if isinstance(frame, gpd.GeoSeries):
        frame = frame.to_frame(name="geometry") if frame.name is None else frame.to_frame()
    mixed = shapely.get_type_id(np.asarray(frame.geometry.array, dtype=object)) == 7
    if not mixed.any():
        return frame
    return frame.explode(index_parts=False)


def _name_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Make the names of columns unique texts."""
    names: list[str] = []
    for column in map(str, table.columns):
        name, turn = column, 1
        while name in names:
            turn += 1
            name = f"{column} ({turn})"
        names.append(name)
    return table.set_axis(names, axis=1)


def _common(table: pd.DataFrame, style: Style, dims: set[int]) -> dict[str, Any]:
    usual = FILL_BY_VALUE if is_by_value(table, style) else FILL
    pane = style.pane or ("area" if 2 in dims else "line" if 1 in dims else "point")
    return {
        "pane": pane,
        "radius": RADIUS if isinstance(style.radius, str) else style.radius,
        "fill": usual if style.fill is None else style.fill,
        "outlined": is_by_value(table, style) and dims == {0},
        "interactive": style.interactive,
        "search": style.search,
        "label": style.label,
        "labelZoom": style.label_zoom,
        "labelClass": style.label_class,
        "rank": style.rank,
        "unit": 10.0**-style.decimals,
    }


def _columns(table: pd.DataFrame, style: Style) -> dict[str, Any]:
    """Encode the columns for popup, search, labels and timeline."""
    names = list(table.columns)
    if style.popup is not None:
        missing = [c for c in style.popup if c not in names]
        if missing:
            raise UnknownNameError(missing[0], "column", names)
        shown = [(c, *find_title(c)) for c in style.popup]
    else:
        shown = [f for f in FIELDS if f[0] in names]
        if not {"source", "accuracy_km", "status"} & set(names):
            told = {f[0] for f in shown}
            rest = [c for c in names if c not in told and not _is_heading(c)]
            shown += [(c, *find_title(c)) for c in rest]
        # Values shown by colour and size come first.
        sized = dict.fromkeys(map(str, (style.color, style.radius, style.width)))
        for first in reversed([c for c in sized if c in names]):
            if not _is_heading(first):
                shown = [(first, *find_title(first)), *(f for f in shown if f[0] != first)]
    if style.unit:
        shown = [(c, t, style.unit if c == style.color else u) for c, t, u in shown]
    wanted = [f[0] for f in shown]
    wanted += ["name", "title", "name_ur", "name_zh", "aliases", "status", "opened", "id"]
    wanted += [c for c in (style.label, style.rank) if c]
    if "distance_km" in wanted:  # for which the popup gives an interval
        wanted += ["accuracy_km", "accuracy_km_near", "point_accuracy_km"]
    keep = [c for c in dict.fromkeys(wanted) if c in names]
    filled = [c for c in keep if table[c].notna().any()]
    return {
        "fields": [list(f) for f in shown if f[0] in filled],
        "columns": {c: encode.column(table[c]) for c in filled},
    }


def _is_heading(column: str) -> bool:
    """Return whether a column is left out of popups: shown elsewhere, or only for drawing."""
    heads = {"name", "title", "name_ur", "name_zh", "status", "id"}
    return column in heads or column.startswith("cpec:")


def translate_layer(payload: dict[str, Any], say: Words) -> dict[str, Any]:
    """Translate a layer's texts: its name, legend, fields, and known names."""
    if say.lang == "en":
        return payload
    columns = dict(payload["columns"])
    own, named = f"name_{say.lang}", columns.get("title", columns.get("name"))
    if named is not None:
        # Names of seas are in the table of words; names in a user's own data aren't.
        words = say.table.keys() - say.names.keys() if payload["view"] else set()
        given = list_cells(columns[own]) if own in columns else [None] * payload["n"]
        pairs = zip(given, map(str, list_cells(named)), strict=True)
        names = [there or (None if n in words else say.find_name(n)) for there, n in pairs]
        if any(names):
            columns[own] = encode.column(names)
    if "cpec:label" in columns:
        texts = list_cells(columns["cpec:label"])
        columns["cpec:label"] = encode.column([v and say.phrase(v) for v in texts])
    told: dict[str, Any] = {
        "columns": columns,
        # a year has no unit
        "fields": [[c, say(t), u if u == "year" else say(u)] for c, t, u in payload["fields"]],
        "legend": [
            entry | {k: say.phrase(entry[k]) for k in ("label", "heading") if k in entry}
            for entry in payload["legend"]
        ],
    }
    told |= {k: say.phrase(payload[k]) for k in ("name", "group", "legendTitle") if k in payload}
    return payload | told


def list_words(payloads: Iterable[dict[str, Any]], say: Words) -> dict[str, str]:
    """List the translations for the page's scripts: their own texts, and values of the data."""
    if say.lang == "en":
        return {}
    words = {text: say(text) for text in list_texts()}
    for payload in payloads:
        for column in _TOLD & set(payload["columns"]):
            cells = list_cells(payload["columns"][column])
            for value in {v for v in cells if isinstance(v, str)}:
                text = value.replace("_", " ") if column in {"kind", "basis"} else value
                words[text] = say.phrase(VALUES.get(value, text))
    return {text: said for text, said in sorted(words.items()) if said != text}


def find_credits(table: pd.DataFrame, more: Iterable[Any] = ()) -> list[tuple[str, str]]:
    """Return the data providers named by a table's sources and licences, or by `more` sources.

    The names come from a fixed list, never from the text itself, because leaflet writes them as
    markup in the line of credits.

    Examples
    --------
    >>> find_credits(pd.DataFrame({"source": ["GeoNames 1172"], "licence": ["fact"]}))
    [('GeoNames', 'CC BY 4.0')]
    """
    texts = set(map(str, more))
    for column in ("source", "licence"):
        if column in table.columns:
            texts |= {v for v in table[column].dropna().unique() if isinstance(v, str)}
    # Pattern of a source or licence, name at the map's edge, and terms of the licence.
    known = json.loads(read_asset("credits.json"))
    return list(dict.fromkeys((who, terms) for sign, who, terms in known
                              if any(sign in text for text in texts)))  # fmt: skip

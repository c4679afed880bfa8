"""One layer of the map: a table of features, how it looks and what it tells.

`VectorLayer` is a folium layer, so folium's controls and groups take it; the features
themselves travel in the page's data block and are drawn by the page's own script, which sets
every text as text.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from folium.map import Layer
from folium.template import Template

from cpecgeo.errors import InputError, UnknownNameError
from cpecgeo.geodesy import densify, lonlat
from cpecgeo.maps import encode
from cpecgeo.maps.colors import CSS_NAMES, check_color, classify_colors
from cpecgeo.maps.style import Style, check_style, find_dash, find_look

__all__ = ["CANVAS_ABOVE", "FIELDS", "VectorLayer", "encode_layer", "find_credits"]

CANVAS_ABOVE = 2_000
LONGEST_EDGE_KM = 40.0
# Opacity of areas, and of those whose colour is a value to be read.
FILL, FILL_BY_VALUE = 0.25, 0.75

# Columns of the data model that a popup shows, in this order, with their titles and units.
FIELDS: tuple[tuple[str, str, str], ...] = (
    ("kind", "Kind", ""),
    ("opened", "Opened", "year"),
    ("official_km", "Official length", "km"),
    ("drawn_km", "Drawn length", "km"),
    ("length_km", "Drawn length", "km"),
    ("km", "Chainage", "km"),
    ("km_from", "From", "km"),
    ("km_to", "To", "km"),
    ("distance_km", "Distance", "km"),
    ("ratio", "Drawn ÷ official", ""),
    ("km_in", "Enters at", "km"),
    ("km_in_off", "Off by up to", "km"),
    ("km_out", "Leaves at", "km"),
    ("km_out_off", "Off by up to", "km"),
    ("elevation_m", "Elevation", "m"),
    ("population", "Population", ""),
    ("capacity_mw", "Capacity", "MW"),
    ("district", "District", ""),
    ("province", "Province", ""),
    ("lines", "Lines", ""),
    ("road", "Motorways", ""),
    ("part_of", "Part of", ""),
    ("reason", "Why they differ", ""),
    ("competing", "Other figures", ""),
    ("accuracy_km", "Accuracy", "km"),
    ("basis", "Basis of position", ""),
    ("note", "Note", ""),
    ("source", "Source", ""),
    ("source_date", "Date of source", ""),
    ("licence", "Licence", ""),
)

# What a source or licence says, how its giver is named at the map's edge, and what is owed.
_OSM = ("\u00a9 OpenStreetMap contributors", "Open Database Licence 1.0")
_WRI = ("WRI", "Global Power Plant Database, CC BY 4.0")
_GIVERS = (
    ("ODbL", _OSM),
    ("OpenStreetMap", _OSM),
    ("GeoNames", ("GeoNames", "CC BY 4.0")),
    ("Who's On First", ("Who's On First", "CC BY 4.0")),
    ("GPPD", _WRI),
    ("global-power-plant-database", _WRI),
    ("AidData", ("AidData", "Geospatial Global Chinese Development Finance")),
    ("svg-maps", ("svg-maps", "Unlicense")),
    ("Natural Earth", ("Natural Earth", "public domain")),
)


class VectorLayer(Layer):
    """A layer of features for `cpecgeo.maps.Map`.

    Parameters
    ----------
    payload : dict
        What the page's script draws, by `encode_layer`.
    key : str
        The layer's name in the page's data block.
    name : str
        What people read.
    group : str
        Heading in the layer control.
    show : bool
        Whether it is drawn at the start.
    control : bool
        Whether the layer control offers it.
    """

    _template = Template(
        "{% macro script(this, kwargs) %}"
        "var {{ this.get_name() }} = cpecgeo.layer("
        "{{ this._parent.get_name() }}, {{ this.key|tojson }});"
        "{% endmacro %}"
    )

    def __init__(
        self,
        payload: dict[str, Any],
        *,
        key: str,
        name: str,
        group: str = "",
        show: bool = True,
        control: bool = True,
    ) -> None:
        super().__init__(name=key, overlay=True, control=control, show=show)
        self._name = "VectorLayer"
        self.key = key
        self.payload = payload | {"name": name, "group": group, "control": control}
        self.bounds = payload.get("bounds")

    def _get_self_bounds(self) -> list[list[float | None]]:
        if not self.bounds:
            return [[None, None], [None, None]]
        west, south, east, north = self.bounds
        return [[south, west], [north, east]]


def encode_layer(frame: gpd.GeoDataFrame | gpd.GeoSeries, style: Style) -> dict[str, Any]:
    """Encode what the page needs to draw a table.

    Parameters
    ----------
    frame : GeoDataFrame or GeoSeries
        With a CRS; rows without a geometry are found by the search but not drawn.
    style : Style
        How it looks.

    Returns
    -------
    dict
        Geometry, columns, styles and legend, ready for `encode.dumps`.

    Raises
    ------
    CRSError, CoordinateError, InputError
        As `cpecgeo.geodesy.lonlat` does for coordinates, and for unknown columns and colours.

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
    cloud = dims == {0} and len(drawn) == len(array) > CANVAS_ABOVE and _all_single(array)
    if cloud:
        payload["cloud"] = encode.points(array)
    else:
        payload["geometry"] = encode.geometries(array, style.decimals)
    payload |= _columns(table, style)
    payload |= _looks(table, style, dims)
    payload["style"] |= style.extra
    payload["credits"] = find_credits(table, style.extra.get("sources", ()))
    if style.label and 2 in dims:
        payload["labelAt"] = [_middle(g) for g in array]
    return payload


def _middle(geometry: Any) -> str | None:
    """Find where an area's name goes: the centre of the largest circle in its largest part."""
    parts = shapely.get_parts(geometry)
    parts = parts[shapely.get_dimensions(parts) == 2]
    if not len(parts):
        return None
    largest = parts[int(np.argmax(shapely.area(parts)))]
    circle = shapely.maximum_inscribed_circle(largest, 0.02)
    return encode.points(np.array([shapely.Point(shapely.get_coordinates(circle)[0])]))


def _all_single(array: np.ndarray[Any, Any]) -> bool:
    return bool((shapely.get_type_id(array) == 0).all())


def _explode(frame: gpd.GeoDataFrame | gpd.GeoSeries) -> gpd.GeoDataFrame:
    """Take collections of several kinds apart."""
    if isinstance(frame, gpd.GeoSeries):
        frame = frame.to_frame(name="geometry") if frame.name is None else frame.to_frame()
    mixed = shapely.get_type_id(np.asarray(frame.geometry.array, dtype=object)) == 7
    if not mixed.any():
        return frame
    return frame.explode(index_parts=False)


def _name_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Name columns by text, each differently."""
    names: list[str] = []
    for column in map(str, table.columns):
        name, turn = column, 1
        while name in names:
            turn += 1
            name = f"{column} ({turn})"
        names.append(name)
    return table.set_axis(names, axis=1)


def _is_by_value(table: pd.DataFrame, style: Style) -> bool:
    """Say whether the colour is that of a column's values."""
    return style.color is not None and style.color in table.columns


def _common(table: pd.DataFrame, style: Style, dims: set[int]) -> dict[str, Any]:
    usual = FILL_BY_VALUE if _is_by_value(table, style) else FILL
    pane = style.pane or ("area" if 2 in dims else "line" if 1 in dims else "point")
    return {
        "pane": pane,
        "radius": style.radius,
        "fill": usual if style.fill is None else style.fill,
        "interactive": style.interactive,
        "search": style.search,
        "label": style.label,
        "labelZoom": style.label_zoom,
        "labelClass": style.label_class,
        "rank": style.rank,
        "unit": 10.0**-style.decimals,
    }


def _columns(table: pd.DataFrame, style: Style) -> dict[str, Any]:
    """Encode the columns that popup, search, labels and timeline read."""
    names = list(table.columns)
    if style.popup is not None:
        missing = [c for c in style.popup if c not in names]
        if missing:
            raise UnknownNameError(missing[0], "column", names)
        shown = [(c, *_title(c)) for c in style.popup]
    else:
        shown = [f for f in FIELDS if f[0] in names]
        if not {"source", "accuracy_km", "status"} & set(names):
            rest = [c for c in names if c not in {f[0] for f in shown} and not _is_heading(c)]
            shown += [(c, *_title(c)) for c in rest]
        # The value that is read off the colour comes first.
        if _is_by_value(table, style) and not _is_heading(style.color or ""):
            first = str(style.color)
            shown = [(first, *_title(first)), *(f for f in shown if f[0] != first)]
    if style.unit:
        shown = [(c, t, style.unit if c == style.color else u) for c, t, u in shown]
    wanted = [f[0] for f in shown]
    wanted += ["name", "title", "name_ur", "name_zh", "aliases", "status", "opened", "id"]
    wanted += [c for c in (style.label, style.rank) if c]
    keep = [c for c in dict.fromkeys(wanted) if c in names]
    filled = [c for c in keep if table[c].notna().any()]
    return {
        "fields": [list(f) for f in shown if f[0] in filled],
        "columns": {c: encode.column(table[c]) for c in filled},
    }


def _title(column: str) -> tuple[str, str]:
    for name, title, unit in FIELDS:
        if name == column:
            return title, unit
    for ending, unit in (("_km2", "km²"), ("_km", "km"), ("_m", "m"), ("_deg", "°")):
        if column.endswith(ending) and len(column) > len(ending):
            return _words(column[: -len(ending)]), unit
    return _words(column), ""


def _words(column: str) -> str:
    words = column.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def _is_heading(column: str) -> bool:
    return column in {"name", "title", "name_ur", "name_zh", "status", "id"}


def _looks(table: pd.DataFrame, style: Style, dims: set[int]) -> dict[str, Any]:
    """Encode each feature's look as an index into the distinct ones, and the legend."""
    n = len(table)
    kinds = list(table["kind"]) if "kind" in table.columns else [None] * n
    status = list(table["status"]) if "status" in table.columns else [None] * n
    looks = [find_look(k) for k in kinds]
    default = looks[0] if looks and all(one is looks[0] for one in looks) else find_look("")
    title = style.legend or ""
    if style.color is None:
        colors = [one.color for one in looks]
        weights = [style.weight or one.weight for one in looks]
        entries = list(dict.fromkeys((one.title or title, one.color) for one in looks))
        title = ""
    else:
        weights = [style.weight or default.weight] * n
        colors, entries = _colors(table, style)
        if not _is_by_value(table, style):
            entries, title = [(title, entries[0][1])], ""
        elif style.legend is None:
            title = _title(style.color)[0]
    shape = style.shape or default.shape
    dashes = [find_dash(s) if 1 in dims else "" for s in status]
    ties = [1 in dims and k == "rail" for k in kinds]
    distinct: dict[tuple[str, float, str, str, bool], int] = {}
    index = [
        distinct.setdefault((c, float(w), d, shape, t), len(distinct))
        for c, w, d, t in zip(colors, weights, dashes, ties, strict=True)
    ]
    common: dict[str, Any] = {
        "shape": shape,
        "type": "area" if 2 in dims else "line" if 1 in dims else "point",
    }
    if "dash" in style.extra:
        common["dash"] = style.extra["dash"]
    if any(ties):
        common["ties"] = True
    shown = entries if style.legend != "" else []
    answer: dict[str, Any] = {
        "looks": [
            {"color": c, "weight": w, "dash": d, "shape": s} | ({"ties": True} if t else {})
            for c, w, d, s, t in distinct
        ],
        "legend": [{"label": label, "color": c, **common} for label, c in shown],
    }
    if shown and title:
        answer["legendTitle"] = title
    if len(distinct) > 1:
        answer["look"] = index
    if 1 in dims:
        answer["statuses"] = [s for s in dict.fromkeys(status) if isinstance(s, str) and s]
    return answer


def _colors(table: pd.DataFrame, style: Style) -> tuple[list[str], list[tuple[str, str]]]:
    """Return a colour per row by the style's column or colour, and the classes."""
    color = str(style.color)
    if color in table.columns:
        return classify_colors(
            table, color, scheme=style.scheme, k=style.k, cmap=style.cmap, unit=style.unit
        )
    try:
        checked = check_color(color)
    except InputError:
        if color.isidentifier():  # a column or a colour, misspelt
            raise UnknownNameError(
                color, "column or colour", [*map(str, table.columns), *CSS_NAMES]
            ) from None
        raise
    return [checked] * len(table), [("", checked)]


def find_credits(table: pd.DataFrame, more: Iterable[Any] = ()) -> list[tuple[str, str]]:
    """Return the givers that a table's sources and licences name.

    The names come from a fixed list, never from the text itself, because leaflet writes them
    as markup in the line of credits.

    Parameters
    ----------
    table : DataFrame
        With columns ``source`` and ``licence``, or without.
    more : iterable of str
        Further sources.

    Returns
    -------
    list of (name, terms)
        Each once, in a fixed order.

    Examples
    --------
    >>> find_credits(pd.DataFrame({"source": ["GeoNames 1172"], "licence": ["fact"]}))
    [('GeoNames', 'CC BY 4.0')]
    """
    texts = set(map(str, more))
    for column in ("source", "licence"):
        if column in table.columns:
            texts |= {v for v in table[column].dropna().unique() if isinstance(v, str)}
    return list(dict.fromkeys(giver for sign, giver in _GIVERS if any(sign in t for t in texts)))

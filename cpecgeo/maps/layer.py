"""One layer of the map: a table of features, how it looks and what it tells.

`VectorLayer` is a folium layer, so folium's controls and groups take it; the features
themselves travel in the page's data block and are drawn by the page's own script, which sets
every text as text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
from cpecgeo.maps.credits import credits_of
from cpecgeo.maps.css import CSS_NAMES
from cpecgeo.maps.style import SHAPES, checked_color, colors_of, dash_of, look

__all__ = ["CANVAS_ABOVE", "FIELDS", "Style", "VectorLayer", "features"]

CANVAS_ABOVE = 2_000
LONGEST_EDGE_KM = 40.0
PANES = ("", "area", "line", "point", "background")

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
    ("km_out", "Leaves at", "km"),
    ("elevation_m", "Elevation", "m"),
    ("population", "Population", ""),
    ("capacity_mw", "Capacity", "MW"),
    ("province", "Province", ""),
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


@dataclass(frozen=True)
class Style:
    """How a layer looks and behaves.

    Parameters
    ----------
    color : str, optional
        CSS colour, or a column to colour by; by kind when omitted.
    radius : float
        Of points, in pixels.
    weight : float, optional
        Of lines, in pixels.
    fill : float
        Opacity of areas, 0 to 1.
    shape : str, optional
        Of points; see `cpecgeo.maps.style.Look`.
    pane : str
        "area", "line", "point" or "background".
    popup : sequence of str, optional
        Columns that the popup shows; those of the data model when omitted, and all columns
        when there are none of these.
    label : str, optional
        Column whose text is written beside the features.
    label_zoom : float
        Zoom level from which labels appear.
    label_class : str
        CSS class of labels.
    rank : str, optional
        Column that says which label wins where two collide; higher wins.
    search : bool
        Whether the search finds these features.
    interactive : bool
        Whether features answer to pointer and keyboard.
    legend : str, optional
        Title of the legend entry; "" for none.
    decimals : int
        Of the degrees that the page keeps.
    extra : dict
        More for the page's script: "path" (options of leaflet's paths), "dash", "hidden"
        (labels only), "order" (of labels, before their rank).
    """

    color: str | None = None
    radius: float = 5.0
    weight: float | None = None
    fill: float = 0.25
    shape: str | None = None
    pane: str = ""
    popup: Sequence[str] | None = None
    label: str | None = None
    label_zoom: float = 0.0
    label_class: str = "place"
    rank: str | None = None
    search: bool = True
    interactive: bool = True
    legend: str | None = None
    decimals: int = encode.DECIMALS
    extra: Mapping[str, Any] = field(default_factory=dict)


class VectorLayer(Layer):
    """A layer of features for `cpecgeo.maps.Map`.

    Parameters
    ----------
    payload : dict
        What the page's script draws, by `features`.
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


def features(frame: gpd.GeoDataFrame | gpd.GeoSeries, style: Style) -> dict[str, Any]:
    """What the page needs to draw a table.

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
    >>> features(frame, Style())["geometry"]
    [[1, '_`pcL_dahD']]
    """
    _check(style)
    frame = _exploded(frame)
    series = lonlat(frame, what="the layer", missing="keep")
    array = np.asarray(series.array, dtype=object)
    drawn = array[~shapely.is_missing(array)]
    dims = set(shapely.get_dimensions(drawn).tolist())
    table = pd.DataFrame(frame.drop(columns=frame.geometry.name))
    payload: dict[str, Any] = {
        "n": len(table),
        "view": style.pane != "background",
        "style": _common(style, dims),
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
    payload["credits"] = credits_of(table, style.extra.get("sources", ()))
    if style.label and 2 in dims:
        payload["labelAt"] = [_middle(g) for g in array]
    return payload


def _middle(geometry: Any) -> str | None:
    """Where an area's name goes: the centre of the largest circle inside its largest part."""
    parts = shapely.get_parts(geometry)
    parts = parts[shapely.get_dimensions(parts) == 2]
    if not len(parts):
        return None
    largest = parts[int(np.argmax(shapely.area(parts)))]
    circle = shapely.maximum_inscribed_circle(largest, 0.02)
    return encode.points(np.array([shapely.Point(shapely.get_coordinates(circle)[0])]))


def _all_single(array: np.ndarray[Any, Any]) -> bool:
    return bool((shapely.get_type_id(array) == 0).all())


def _exploded(frame: gpd.GeoDataFrame | gpd.GeoSeries) -> gpd.GeoDataFrame:
    """A frame in which no geometry is a collection of several kinds."""
    if isinstance(frame, gpd.GeoSeries):
        frame = frame.to_frame(name="geometry") if frame.name is None else frame.to_frame()
    mixed = shapely.get_type_id(np.asarray(frame.geometry.array, dtype=object)) == 7
    if not mixed.any():
        return frame
    return frame.explode(index_parts=False)


def _check(style: Style) -> None:
    if style.pane not in PANES:
        raise UnknownNameError(style.pane, "pane", PANES[1:])
    if style.shape is not None and style.shape not in SHAPES:
        raise UnknownNameError(style.shape, "shape", SHAPES)
    if not 0 <= style.fill <= 1:
        raise InputError(f"fill is {style.fill!r}; an opacity from 0 to 1 is needed.")
    for what in ("radius", "weight"):
        size = getattr(style, what)
        if size is not None and not size > 0:
            raise InputError(f"{what} is {size!r}; pixels above 0 are needed.")


def _common(style: Style, dims: set[int]) -> dict[str, Any]:
    pane = style.pane or ("area" if 2 in dims else "line" if 1 in dims else "point")
    return {
        "pane": pane,
        "radius": style.radius,
        "fill": style.fill,
        "interactive": style.interactive,
        "search": style.search,
        "label": style.label,
        "labelZoom": style.label_zoom,
        "labelClass": style.label_class,
        "rank": style.rank,
        "unit": 10.0**-style.decimals,
    }


def _columns(table: pd.DataFrame, style: Style) -> dict[str, Any]:
    """The columns that popup, search, labels and timeline read."""
    names = [str(c) for c in table.columns]
    table = table.set_axis(names, axis=1)
    table = table.loc[:, ~table.columns.duplicated()]
    if style.popup is not None:
        missing = [c for c in style.popup if c not in table.columns]
        if missing:
            raise UnknownNameError(missing[0], "column", names)
        shown = [(c, *_title(c)) for c in style.popup]
    else:
        shown = [f for f in FIELDS if f[0] in table.columns]
        if not {"source", "accuracy_km", "status"} & set(table.columns):
            rest = [c for c in names if c not in {f[0] for f in shown} and not _hidden(c)]
            shown += [(c, *_title(c)) for c in rest]
    wanted = [f[0] for f in shown]
    wanted += ["name", "title", "name_ur", "name_zh", "status", "opened", "id"]
    wanted += [c for c in (style.label, style.rank) if c]
    keep = [c for c in dict.fromkeys(wanted) if c in table.columns]
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


def _hidden(column: str) -> bool:
    return column in {"name", "title", "name_ur", "name_zh", "status", "id"}


def _looks(table: pd.DataFrame, style: Style, dims: set[int]) -> dict[str, Any]:
    """Style of each feature as an index into the distinct ones, and the legend's entries."""
    n = len(table)
    kinds = table["kind"] if "kind" in table.columns else pd.Series([None] * n)
    status = table["status"] if "status" in table.columns else pd.Series([None] * n)
    default = look(kinds.iloc[0]) if n and bool((kinds == kinds.iloc[0]).all()) else look("")
    entries: list[tuple[str, str]] = []
    if style.color is None:
        color = [look(k).color for k in kinds]
        weights = [style.weight or look(k).weight for k in kinds]
        entries = list(
            dict.fromkeys((look(k).title or style.legend or "", look(k).color) for k in kinds)
        )
    else:
        weights = [style.weight or default.weight] * n
        if style.color in table.columns:
            color, entries = colors_of(table, style.color)
        else:
            try:
                checked = checked_color(style.color)
            except InputError:
                if style.color.isidentifier():  # a column or a colour, misspelt
                    raise UnknownNameError(
                        style.color, "column or colour", [*map(str, table.columns), *CSS_NAMES]
                    ) from None
                raise
            color = [checked] * n
            entries = [("", checked)]
    shape = style.shape or default.shape
    dashes = [dash_of(s) if 1 in dims else "" for s in status]
    distinct: dict[tuple[str, float, str, str], int] = {}
    index = [
        distinct.setdefault((c, float(w), d, shape), len(distinct))
        for c, w, d in zip(color, weights, dashes, strict=True)
    ]
    kind_of_key = "area" if 2 in dims else "line" if 1 in dims else "point"
    if style.legend == "":
        entries = []
    answer: dict[str, Any] = {
        "looks": [{"color": c, "weight": w, "dash": d, "shape": s} for c, w, d, s in distinct],
        "legend": [
            {
                "label": label or style.legend or "",
                "color": c,
                "shape": shape,
                "type": kind_of_key,
                **({"dash": style.extra["dash"]} if "dash" in style.extra else {}),
            }
            for label, c in entries
        ],
    }
    if len(distinct) > 1:
        answer["look"] = index
    if 1 in dims:
        answer["statuses"] = [s for s in dict.fromkeys(status) if isinstance(s, str) and s]
    return answer

"""The style of a layer: its options, and each feature's look by its values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from cpecgeo.errors import InputError, InputTypeError, UnknownNameError
from cpecgeo.maps import encode
from cpecgeo.maps.classes import classify_colors, scale_sizes
from cpecgeo.maps.colors import (
    CATEGORIES,
    CSS_NAMES,
    SHAPES,
    Look,
    check_color,
    find_dash,
    find_look,
)
from cpecgeo.maps.words import find_title, find_words, write_values

__all__ = [
    "PANES",
    "Style",
    "check_style",
    "encode_looks",
    "is_by_value",
    "refuse_idle",
    "style_result",
]

PANES = ("", "area", "line", "point", "background")
CLUSTERS = (None, True, False, "density")
# Pixels of the largest value and of the smallest, for radius and for width.
RADII, WIDTHS = (16.0, 2.0), (12.0, 1.0)
# Colour of samples of size, where colours have another meaning.
NEUTRAL = "#57524a"
# Columns of the data model with coded values.
_WORDS = {"status", "kind", "basis"}


@dataclass(frozen=True)
class Style:
    """The style and behaviour of a layer.

    Parameters
    ----------
    color : str, optional
        CSS colour, or a column to colour by; by kind when omitted.
    scheme : str or sequence of float
        Classification of numbers: "quantiles", "equal_interval", "natural_breaks", "std_mean", or
        the breaks; see `cpecgeo.maps.classes.classify_colors`.
    k : int
        Number of classes, 2 to 9.
    cmap : str or sequence of str, optional
        Colours of the classes: a scheme of ColorBrewer such as "YlGnBu", or a list.
    center : float, optional
        Value at which two ramps of colours meet; 0 where values have both signs.
    unit : str
        Unit of the column in `color`, for legend and popup.
    radius : float or str
        Radius of points in pixels; or a column, for symbols whose area is in proportion to its
        values.
    width : float or str, optional
        A column that gives the width of lines; for pixels use `weight`.
    weight : float, optional
        Width of lines, in pixels.
    fill : float, optional
        Opacity of areas, 0 to 1; 0.25 when omitted, 0.75 where the colour is a value.
    shape : str, optional
        Shape of points; see `cpecgeo.maps.colors.Look`.
    pane : str
        "area", "line", "point" or "background".
    popup : sequence of str, optional
        Columns in the popup; when omitted, those of the data model, or all columns if there are
        none of these.
    label : str, optional
        Column whose text is written beside the features.
    label_zoom : float
        Zoom level from which labels appear.
    label_class : str
        CSS class of labels.
    rank : str, optional
        Column of priorities of labels: where two collide, the higher is shown.
    cluster : bool or "density", optional
        True groups points that are close on the screen under their count; "density" draws their
        density.
    when : str, optional
        Column of dates or years for the time slider.
    search : bool
        Whether the search finds these features.
    interactive : bool
        Whether features answer to pointer and keyboard.
    legend : str, optional
        Title in the legend, of a single entry or above the classes of a column; "" for none.
    decimals : int
        Of the degrees that the page keeps.
    extra : dict
        Further options for the page's script: "path" (options of leaflet's paths), "dash", "hidden"
        (labels only), "order" (of labels, before their rank).
    """

    color: str | None = None
    scheme: str | Sequence[float] = "quantiles"
    k: int = 5
    cmap: str | Sequence[str] | None = None
    center: float | None = None
    unit: str = ""
    radius: float | str = 5.0
    width: float | str | None = None
    weight: float | None = None
    fill: float | None = None
    shape: str | None = None
    pane: str = ""
    popup: Sequence[str] | None = None
    label: str | None = None
    label_zoom: float = 0.0
    label_class: str = "place"
    rank: str | None = None
    cluster: bool | str | None = None
    when: str | None = None
    search: bool = True
    interactive: bool = True
    legend: str | None = None
    decimals: int = encode.DECIMALS
    extra: Mapping[str, Any] = field(default_factory=dict)


# Fields of a style that must be text, and those that must be numbers, with limits.
_TEXTS = ("color", "shape", "pane", "label", "label_class", "rank", "legend", "unit", "when")
_SIZES = ("radius", "weight", "width", "fill", "center")
_LARGEST = 200
# Fields that say how the values of a column of `color` are shown.
_OF_VALUES = ("scheme", "k", "cmap", "center", "unit")
_RULES = {
    "popup": "a list of columns, such as ['name']",
    "scheme": "a name or a list of breaks, such as [10, 50, 100]",
    "cmap": "a name such as 'YlGnBu' or a list",
    "color": "a CSS colour such as '#b8470c' or 'teal', or the name of a column",
    "shape": f"one of {', '.join(SHAPES)}",
}


def check_style(style: Style) -> None:
    """Refuse an invalid style: wrong types, sizes out of range, unknown panes and shapes."""
    is_list = isinstance(style.popup, Sequence) and not isinstance(style.popup, str)
    are_right = {name: isinstance(getattr(style, name), (str, type(None))) for name in _TEXTS}
    are_right |= {
        "popup": style.popup is None or is_list,
        "scheme": isinstance(style.scheme, str) or _are_numbers(style.scheme),
        "cmap": isinstance(style.cmap, (str, Sequence, type(None))),
    }
    for name in (name for name, is_right in are_right.items() if not is_right):
        rule = _RULES.get(name, "text")
        raise InputTypeError(f"{name} is {_show(getattr(style, name))}; it must be {rule}.")
    for name in _SIZES:
        _check_size(name, getattr(style, name))
    if not any(style.cluster is known for known in CLUSTERS[:3]) and style.cluster != "density":
        raise UnknownNameError(str(style.cluster), "cluster", [str(c) for c in CLUSTERS])
    if style.pane not in PANES:
        raise UnknownNameError(style.pane, "pane", PANES[1:])
    if style.shape is not None and style.shape not in SHAPES:
        raise UnknownNameError(style.shape, "shape", SHAPES)


def _check_size(name: str, value: object) -> None:
    if value is None and name != "radius":
        return
    if isinstance(value, str) and name in {"radius", "width"}:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
        also = " or a column" if name in {"radius", "width"} else ""
        raise InputTypeError(f"{name} is {_show(value)}; it must be a number{also}.")
    if name == "center":
        if not np.isfinite(value):
            raise InputError(f"center is {value!r}; a finite value is needed.")
    elif name == "fill":
        if not 0 <= value <= 1:
            raise InputError(f"fill is {value!r}; an opacity from 0 to 1 is needed.")
    elif not 0 < value <= _LARGEST:
        raise InputError(f"{name} is {value!r}; pixels above 0 and up to {_LARGEST} are needed.")


def _are_numbers(value: object) -> bool:
    return isinstance(value, (Sequence, np.ndarray)) and all(
        isinstance(v, (int, float, np.number)) and not isinstance(v, bool) for v in value
    )


def _show(value: object) -> str:
    text = " ".join(repr(value)[:60].split())
    return f"{text} ({type(value).__name__})"


def refuse_idle(given: Mapping[str, Any], drawn: Sequence[tuple[Any, Style]]) -> None:
    """Refuse options on how values are coloured where nothing is coloured by values.

    `given` are the fields of a style as they were given, `drawn` the drawn layers with their
    styles.
    """
    idle = [n for n in _OF_VALUES if given.get(n) is not None and str(given[n])]
    by_value = [look for frame, look in drawn if look.color in getattr(frame, "columns", ())]
    if idle and not by_value:
        for frame, look in drawn:
            if look.color is not None and isinstance(frame, pd.DataFrame):
                _colors(frame, look)  # a misspelt column says so itself
        raise InputError(
            f"{idle[0]} is {_show(given[idle[0]])}, but nothing is coloured by values; name a "
            "column with color=, or leave it out."
        )
    if "k" in idle and not any(isinstance(look.scheme, str) for look in by_value):
        raise InputError("k and breaks both say how many classes there are; give one of them.")


def is_by_value(table: pd.DataFrame, style: Style) -> bool:
    """Return whether the colour is given by a column's values."""
    return style.color is not None and style.color in table.columns


def style_result(x: Any, style: Style) -> tuple[Any, Style]:
    """Tell rings and crossed zones apart by colour unless a colour was given."""
    columns = set(x.columns) if isinstance(x, gpd.GeoDataFrame) else set()
    if style.color is not None:
        return x, style
    if {"km_from", "km_to", "area_km2"} <= columns:
        return x, replace(style, color="km_to", legend=style.legend or "Distance")
    if not {"km_in", "km_out", "share", "name"} <= columns:
        return x, style
    look = replace(style, color="name", weight=style.weight or 6.0, legend=style.legend or "Zone")
    if x["name"].nunique() <= len(CATEGORIES):
        return x, look
    # Of many, neighbours have different colours, and their names stand on the map.
    told = [str(c) for c in x.columns if c != x.geometry.name]
    look = replace(look, color="cpec:turn", legend="", popup=style.popup or told,
                   label=style.label or "name", label_class="line", label_zoom=3.0)  # fmt: skip
    return x.assign(**{"cpec:turn": ["abcd"[k % 4] for k in range(len(x))]}), look


def encode_looks(table: pd.DataFrame, style: Style, dims: set[int]) -> dict[str, Any]:
    """Encode the distinct looks, each feature's index into them, and the legend.

    `dims` are the dimensions of the features' geometries.
    """
    n = len(table)
    kinds = list(table["kind"]) if "kind" in table.columns else [None] * n
    status = list(table["status"]) if "status" in table.columns else [None] * n
    looks = [find_look(k) for k in kinds]
    default = looks[0] if looks and all(one is looks[0] for one in looks) else find_look("")
    title = style.legend or ""
    if style.color is None:
        colors = [one.color for one in looks]
        entries = list(dict.fromkeys((one.title or title, one.color) for one in looks))
        title = ""
    else:
        colors, entries = _colors(table, style)
        if not is_by_value(table, style):
            entries, title = [(title, entries[0][1])], ""
        elif style.legend is None:
            title = find_title(style.color)[0]
    weights, radii, sizes = _scale(
        table, style, looks if style.color is None else [default] * n, dims
    )
    shape = style.shape or default.shape
    dashes = [find_dash(s) if 1 in dims else "" for s in status]
    ties = [1 in dims and k == "rail" for k in kinds]
    keys = zip(colors, map(float, weights), dashes, [shape] * n, ties, radii, strict=True)
    distinct: dict[tuple[Any, ...], int] = {}
    index = [distinct.setdefault(key, len(distinct)) for key in keys]
    common: dict[str, Any] = {
        "shape": shape,
        "type": "area" if 2 in dims else "line" if 1 in dims else "point",
    }
    if "dash" in style.extra:
        common["dash"] = style.extra["dash"]
    if any(ties):
        common["ties"] = True
    shown = entries if style.legend != "" else []
    neutral = colors[0] if len(set(colors)) == 1 else NEUTRAL
    legend = [{"label": label, "color": c, **common} for label, c in shown]
    legend += [common | {"color": neutral} | one for one in sizes if style.legend != ""]
    answer: dict[str, Any] = {
        "looks": [
            {"color": c, "weight": w, "dash": d, "shape": s}
            | ({"ties": True} if t else {})
            | ({} if r is None else {"radius": r})
            for c, w, d, s, t, r in distinct
        ],
        "legend": legend,
    }
    if shown and title:
        answer["legendTitle"] = title
    if len(distinct) > 1:
        answer["look"] = index
    if 1 in dims:
        answer["statuses"] = [s for s in dict.fromkeys(status) if isinstance(s, str) and s]
    return answer


def _scale(
    table: pd.DataFrame, style: Style, looks: list[Look], dims: set[int]
) -> tuple[list[float], list[float | None], list[dict[str, Any]]]:
    """Return widths and radii per row, and their entries in the legend."""
    given = style.width if isinstance(style.width, (int, float)) else style.weight
    weights = [float(given or one.weight) for one in looks]
    radii: list[float | None] = [None] * len(table)
    sizes: list[dict[str, Any]] = []
    if isinstance(style.width, str) and 1 in dims:
        weights, sizes = _sizes(table, style.width, WIDTHS, by_area=False)
    if isinstance(style.radius, str) and 0 in dims:
        made, sizes = _sizes(table, style.radius, RADII, by_area=True)
        radii = list(made)
    return weights, radii, sizes


def _sizes(
    table: pd.DataFrame, column: str, pixels: tuple[float, float], *, by_area: bool
) -> tuple[list[float], list[dict[str, Any]]]:
    """Return a size per row from a column, and the entries in the legend."""
    made, entries = scale_sizes(table, column, largest=pixels[0], least=pixels[1], by_area=by_area)
    title, unit = find_title(column)
    heading = f"{title}, {unit}" if unit else title
    return made.tolist(), [{"label": a, "size": s, "heading": heading} for a, s in entries]


def _colors(table: pd.DataFrame, style: Style) -> tuple[list[str], list[tuple[str, str]]]:
    """Return a colour per row from the style's column or colour, and the classes."""
    color = str(style.color)
    if color in table.columns:
        colors, legend = classify_colors(
            table,
            color,
            scheme=style.scheme,
            k=style.k,
            cmap=style.cmap,
            center=style.center,
            unit=style.unit,
            most=style.extra.get("most"),
        )
        if color in _WORDS:
            said = write_values([label for label, _ in legend], "words", find_words("en"))
            legend = [(text, one) for text, (_, one) in zip(said, legend, strict=True)]
        return colors, legend
    try:
        checked = check_color(color)
    except InputError:
        if color.isidentifier():  # a misspelt column or colour
            columns = [str(column) for column in table.columns if column != "geometry"]
            listing = f"Columns: {', '.join(columns[:20])}." if columns else ""
            raise UnknownNameError(
                color, "column or colour", [*columns, *CSS_NAMES], listing
            ) from None
        raise
    return [checked] * len(table), [("", checked)]

"""Colours, dashes and shapes of the map, in one place.

The colours come from Okabe and Ito's set, which people with the common colour-vision
deficiencies can tell apart [1]_; each is darkened until it has a contrast of at least 4.5 with
the land. Nothing is told by colour alone: lines say their status by dash, sites their kind by
shape.

References
----------
.. [1] M. Okabe and K. Ito (2008), "Color Universal Design", University of Tokyo.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cpecgeo.errors import InputError, UnknownNameError
from cpecgeo.maps.css import CSS_NAMES

__all__ = [
    "CATEGORIES",
    "DASHES",
    "KINDS",
    "SHAPES",
    "STATUS_TITLES",
    "Look",
    "checked_color",
    "colors_of",
    "dash_of",
    "look",
    "spare_color",
]


@dataclass(frozen=True)
class Look:
    """How a kind of feature is drawn.

    Parameters
    ----------
    color : str
        ``#rrggbb``.
    shape : str
        Of points: circle, square, diamond, triangle, down, pentagon, hexagon or star.
    title : str
        In the legend.
    weight : float
        Width of lines, in pixels.
    """

    color: str
    shape: str = "circle"
    title: str = ""
    weight: float = 3.0


KINDS = {
    "road": Look("#b8470c", title="Road"),
    "rail": Look("#0b5c97", title="Railway"),
    "mining": Look("#8a3a77", title="Mining corridor"),
    "crossings": Look("#3d3d3d", "square", "Border market or crossing"),
    "ports": Look("#00585f", "down", "Port"),
    "zones": Look("#1c6e46", "hexagon", "Economic zone"),
    "energy": Look("#8f5a00", "star", "Energy"),
    "mines": Look("#6e3b24", "diamond", "Mine"),
    "stations": Look("#0b5c97", "circle", "Station"),
    "places": Look("#4d4a45", "circle", "Town"),
    "": Look("#0b5c97"),
}

SHAPES = ("circle", "square", "diamond", "triangle", "down", "pentagon", "hexagon", "star")

# Dash patterns as strokes and gaps in widths of the line.
DASHES = {
    "operating": "",
    "under_construction": "3 1.6",
    "planned": "0.6 1.8",
    "suspended": "5 1.2 0.6 1.2",
    "closed": "1.2 2.6",
}
STATUS_TITLES = {
    "operating": "operating",
    "under_construction": "under construction",
    "planned": "planned",
    "suspended": "suspended",
    "closed": "closed",
}

CATEGORIES = (
    "#0b5c97", "#b8470c", "#1c6e46", "#8a3a77", "#8f5a00", "#00585f", "#6e3b24", "#3d3d3d",
)  # fmt: skip
_RAMP = ("#c9dcec", "#8fb9d8", "#4f93c0", "#1f6ba3", "#0a3f6b")
_HEX = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_CALL = re.compile(r"(?:rgb|hsl)a?\([0-9.,%/ deg]{5,40}\)")


def look(kind: Any) -> Look:
    """The look of a kind of feature.

    Parameters
    ----------
    kind : object
        A key of `KINDS`; anything else has the common look.

    Returns
    -------
    Look

    Examples
    --------
    >>> look("rail").title
    'Railway'
    """
    return KINDS.get(kind if isinstance(kind, str) else "", KINDS[""])


def dash_of(status: Any) -> str:
    """The dash pattern of a status, in widths of the line; "" is solid.

    Parameters
    ----------
    status : object
        A key of `DASHES`; anything else is solid.

    Returns
    -------
    str

    Examples
    --------
    >>> dash_of("planned")
    '0.6 1.8'
    """
    return DASHES.get(status if isinstance(status, str) else "", "")


def checked_color(color: Any) -> str:
    """A CSS colour, or an error.

    Parameters
    ----------
    color : str
        ``#rgb``, ``#rrggbb``, ``rgb(…)``, ``hsl(…)`` or a colour's English name.

    Returns
    -------
    str

    Raises
    ------
    InputError
        It isn't one of these.

    Examples
    --------
    >>> checked_color("#b8470c")
    '#b8470c'
    """
    text = color if isinstance(color, str) else ""
    if _HEX.fullmatch(text) or text.lower() in CSS_NAMES or _CALL.fullmatch(text):
        return text
    raise InputError(
        f"color is {color!r}; give a CSS colour such as '#b8470c' or 'teal', "
        "or the name of a column to colour by."
    )


def spare_color(used: Iterable[str]) -> str:
    """A colour of the map's set that isn't used yet; all used, the one used least.

    Parameters
    ----------
    used : iterable of str
        Colours that are on the map.

    Returns
    -------
    str

    Examples
    --------
    >>> spare_color([]), spare_color(["#0b5c97"])
    ('#0b5c97', '#b8470c')
    """
    taken = list(used)
    return min(CATEGORIES, key=taken.count)


def colors_of(frame: pd.DataFrame, color: str) -> tuple[list[str], list[tuple[str, str]]]:
    """Colours by a column: classes of equal count for numbers, one each for categories.

    Parameters
    ----------
    frame : DataFrame
        The features.
    color : str
        A column's name.

    Returns
    -------
    colors : list of str
        One per row; missing values are grey.
    legend : list of (label, color)
        The classes.

    Raises
    ------
    UnknownNameError
        No such column.

    Examples
    --------
    >>> colors_of(pd.DataFrame({"k": ["a", "b", "a"]}), "k")[1]
    [('a', '#0b5c97'), ('b', '#b8470c')]
    """
    if color not in frame.columns:
        raise UnknownNameError(color, "column or colour", [str(c) for c in frame.columns])
    if color == "km_to" and {"km_from", "area_km2"} <= set(frame.columns):
        limits = frame[["km_from", "km_to"]]
        if limits.notna().all(axis=None) and len(limits.drop_duplicates()) <= len(CATEGORIES):
            return _by_ring(frame)
    values = frame[color]
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        return _by_number(values)
    text = [None if pd.isna(v) else str(v) for v in values]
    names = list(dict.fromkeys(t for t in text if t is not None))
    chosen = {name: CATEGORIES[i % len(CATEGORIES)] for i, name in enumerate(names)}
    legend = [(name, chosen[name]) for name in names[: len(CATEGORIES)]]
    return ["#8a8a8a" if t is None else chosen[t] for t in text], legend


def _by_ring(frame: pd.DataFrame) -> tuple[list[str], list[tuple[str, str]]]:
    """Each ring under its own limits, the outermost the darkest."""
    pairs = list(zip(frame["km_from"], frame["km_to"], strict=True))
    rings = sorted(set(pairs))
    place = np.linspace(0, len(_RAMP) - 1, len(rings) + 1).round().astype(int)[1:]
    chosen = {ring: _RAMP[p] for ring, p in zip(rings, place, strict=True)}
    legend = [(f"{low:,.5g} to {high:,.5g} km", chosen[low, high]) for low, high in rings]
    return [chosen[pair] for pair in pairs], legend


def _by_number(values: pd.Series) -> tuple[list[str], list[tuple[str, str]]]:
    numbers = values.to_numpy(dtype=float, na_value=np.nan)
    known = numbers[np.isfinite(numbers)]
    if not known.size:
        return ["#8a8a8a"] * len(numbers), []
    edges = np.unique(np.quantile(known, np.linspace(0, 1, len(_RAMP) + 1)))
    if len(edges) < 2:
        edges = np.array([edges[0], edges[0]])
    steps: Sequence[str] = _RAMP[-(len(edges) - 1) :]
    place = np.clip(np.searchsorted(edges[1:-1], numbers, side="right"), 0, len(steps) - 1)
    colors = [
        steps[p] if np.isfinite(v) else "#8a8a8a" for p, v in zip(place, numbers, strict=True)
    ]
    legend = [
        (f"{low:,.5g} to {high:,.5g}", step)
        for low, high, step in zip(edges[:-1], edges[1:], steps, strict=True)
    ]
    return colors, legend

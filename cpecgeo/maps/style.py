"""How kinds of features look: colours, dashes and shapes of the map, in one place.

Nothing is told by colour alone: railways have cross-ties, lines say their status by dash, sites
their kind by shape.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cpecgeo.errors import InputError, InputTypeError, UnknownNameError
from cpecgeo.maps import encode

__all__ = [
    "DASHES",
    "KINDS",
    "NAMED",
    "PANES",
    "SHAPES",
    "STATUS_TITLES",
    "Look",
    "Style",
    "check_style",
    "find_dash",
    "find_look",
]

# Places up to this rank are named on the whole map: by their role, or from 400,000 people.
NAMED = 6

PANES = ("", "area", "line", "point", "background")


@dataclass(frozen=True)
class Look:
    """Say how a kind of feature is drawn.

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
    "mining": Look("#57134b", title="Mining corridor"),
    "crossings": Look("#3d3d3d", "square", "Border market or crossing"),
    "ports": Look("#00585f", "down", "Port"),
    "zones": Look("#1c6e46", "hexagon", "Economic zone"),
    "energy": Look("#8f5a00", "star", "Energy"),
    "mines": Look("#6e3b24", "diamond", "Mine"),
    "stations": Look("#0b5c97", "circle", "Station"),
    "interchanges": Look("#b8470c", "triangle", "Interchange"),
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


def find_look(kind: object) -> Look:
    """Return the look of a kind of feature.

    Parameters
    ----------
    kind : object
        A key of `KINDS`; anything else has the common look.

    Returns
    -------
    Look

    Examples
    --------
    >>> find_look("rail").title
    'Railway'
    """
    return KINDS.get(kind if isinstance(kind, str) else "", KINDS[""])


def find_dash(status: object) -> str:
    """Return the dash pattern of a status, in widths of the line; "" is solid.

    Parameters
    ----------
    status : object
        A key of `DASHES`; anything else is solid.

    Returns
    -------
    str

    Examples
    --------
    >>> find_dash("planned")
    '0.6 1.8'
    """
    return DASHES.get(status if isinstance(status, str) else "", "")


@dataclass(frozen=True)
class Style:
    """Say how a layer looks and behaves.

    Parameters
    ----------
    color : str, optional
        CSS colour, or a column to colour by; by kind when omitted.
    scheme : str or sequence of float
        How numbers become classes: "quantiles", "equal_interval", "std_mean", or the breaks.
    k : int
        Number of classes, 2 to 9.
    cmap : str or sequence of str, optional
        Colours of the classes: a scheme of ColorBrewer such as "YlGnBu", or a list.
    unit : str
        Of the column that is coloured by, for legend and popup.
    radius : float
        Of points, in pixels.
    weight : float, optional
        Of lines, in pixels.
    fill : float, optional
        Opacity of areas, 0 to 1; 0.25 when omitted, 0.75 where the colour is a value.
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
        Title in the legend, of one entry or above the classes of a column; "" for none.
    decimals : int
        Of the degrees that the page keeps.
    extra : dict
        More for the page's script: "path" (options of leaflet's paths), "dash", "hidden"
        (labels only), "order" (of labels, before their rank).
    """

    color: str | None = None
    scheme: str | Sequence[float] = "quantiles"
    k: int = 5
    cmap: str | Sequence[str] | None = None
    unit: str = ""
    radius: float = 5.0
    weight: float | None = None
    fill: float | None = None
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


# Fields of a style that must be text, and those that must be numbers with their limits.
_TEXTS = ("color", "shape", "pane", "label", "label_class", "rank", "legend", "unit")
_SIZES = ("radius", "weight", "fill")
_LARGEST = 200
_TEXT_RULES = {
    "color": "a CSS colour such as '#b8470c' or 'teal', or the name of a column",
    "shape": f"one of {', '.join(SHAPES)}",
}


def check_style(style: Style) -> None:
    """Refuse a style that nothing can be drawn by.

    Parameters
    ----------
    style : Style
        What was given.

    Raises
    ------
    InputTypeError
        A field has a type that it can't have.
    InputError
        A size or an opacity is out of range.
    UnknownNameError
        No such pane or shape.
    """
    for name in _TEXTS:
        value = getattr(style, name)
        if value is not None and not isinstance(value, str):
            rule = _TEXT_RULES.get(name, "text")
            raise InputTypeError(f"{name} is {_shown(value)}; it must be {rule}.")
    for name in _SIZES:
        _check_size(name, getattr(style, name))
    if style.popup is not None and (
        isinstance(style.popup, str) or not isinstance(style.popup, Sequence)
    ):
        raise InputTypeError(
            f"popup is {_shown(style.popup)}; it must be a list of columns, such as ['name']."
        )
    if not isinstance(style.scheme, str) and not _are_numbers(style.scheme):
        raise InputTypeError(
            f"scheme is {_shown(style.scheme)}; it must be a name or a list of breaks, such as "
            "[10, 50, 100]."
        )
    if style.cmap is not None and not isinstance(style.cmap, (str, Sequence)):
        raise InputTypeError(
            f"cmap is {_shown(style.cmap)}; it must be a name such as 'YlGnBu' or a list."
        )
    if style.pane not in PANES:
        raise UnknownNameError(style.pane, "pane", PANES[1:])
    if style.shape is not None and style.shape not in SHAPES:
        raise UnknownNameError(style.shape, "shape", SHAPES)


def _check_size(name: str, value: object) -> None:
    if value is None and name != "radius":
        return
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
        raise InputTypeError(f"{name} is {_shown(value)}; it must be a number.")
    if name == "fill":
        if not 0 <= value <= 1:
            raise InputError(f"fill is {value!r}; an opacity from 0 to 1 is needed.")
    elif not 0 < value <= _LARGEST:
        raise InputError(f"{name} is {value!r}; pixels above 0 and up to {_LARGEST} are needed.")


def _are_numbers(value: object) -> bool:
    return isinstance(value, (Sequence, np.ndarray)) and all(
        isinstance(v, (int, float, np.number)) and not isinstance(v, bool) for v in value
    )


def _shown(value: object) -> str:
    text = " ".join(repr(value)[:60].split())
    return f"{text} ({type(value).__name__})"

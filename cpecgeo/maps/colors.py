"""Colours, ramps between them, fonts of figures, and how kinds of features look.

Colour is never the only sign: railways have cross-ties, a line's dash shows its status, and a
site's shape its kind.

The categories come from Okabe and Ito's set, which people with the common colour-vision
deficiencies can tell apart [1]_; each is darkened until it has a contrast of at least 4.5 with
the land.

References
----------
.. [1] M. Okabe and K. Ito (2008), "Color Universal Design", University of Tokyo.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from branca.colormap import linear

from cpecgeo.errors import InputError, UnknownNameError

__all__ = [
    "CATEGORIES",
    "CSS_NAMES",
    "DASHES",
    "KINDS",
    "MISSING",
    "NAMED",
    "OTHER",
    "SHAPES",
    "STATUS_TITLES",
    "TITLES",
    "VALUES",
    "Look",
    "check_color",
    "find_dash",
    "find_look",
    "make_ramp",
    "pick_spare_color",
    "ramp_about",
    "read_cmap",
    "set_font",
]

CATEGORIES = (
    "#0b5c97", "#b8470c", "#1c6e46", "#57134b", "#8f5a00", "#00585f", "#6e3b24", "#3d3d3d",
)  # fmt: skip
# For rows without a value, and for categories without their own colour.
MISSING, OTHER = "#b3ada1", "#7c766b"
# matplotlib's settings of titles.
TITLES = ("axes.titleweight", "figure.titleweight")
# By name, because matplotlib before 3.11 can't write numeric weights to SVG.
_WEIGHTS = {200: "light", 400: "normal", 500: "medium", 600: "semibold", 700: "bold", 800: "heavy",
            900: "black"}  # fmt: skip
_RAMP = ("#c9dcec", "#8fb9d8", "#4f93c0", "#1f6ba3", "#0a3f6b")
# Diverging, from below a centre to above it.
_TURNING = ("#8a3a06", "#d9854a", "#ece8df", "#4f93c0", "#0a3f6b")
_HEX = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_CALL = re.compile(r"(?:rgb|hsl)a?\([0-9.,%/ deg]{5,40}\)")
# CSS Color Module Level 4.
CSS_NAMES = frozenset(
    """
    aliceblue antiquewhite aqua aquamarine azure beige bisque black blanchedalmond blue
    blueviolet brown burlywood cadetblue chartreuse chocolate coral cornflowerblue
    cornsilk crimson cyan darkblue darkcyan darkgoldenrod darkgray darkgreen darkgrey
    darkkhaki darkmagenta darkolivegreen darkorange darkorchid darkred darksalmon
    darkseagreen darkslateblue darkslategray darkslategrey darkturquoise darkviolet
    deeppink deepskyblue dimgray dimgrey dodgerblue firebrick floralwhite forestgreen
    fuchsia gainsboro ghostwhite gold goldenrod gray green greenyellow grey honeydew
    hotpink indianred indigo ivory khaki lavender lavenderblush lawngreen lemonchiffon
    lightblue lightcoral lightcyan lightgoldenrodyellow lightgray lightgreen lightgrey
    lightpink lightsalmon lightseagreen lightskyblue lightslategray lightslategrey
    lightsteelblue lightyellow lime limegreen linen magenta maroon mediumaquamarine
    mediumblue mediumorchid mediumpurple mediumseagreen mediumslateblue mediumspringgreen
    mediumturquoise mediumvioletred midnightblue mintcream mistyrose moccasin navajowhite
    navy oldlace olive olivedrab orange orangered orchid palegoldenrod palegreen
    paleturquoise palevioletred papayawhip peachpuff peru pink plum powderblue purple
    rebeccapurple red rosybrown royalblue saddlebrown salmon sandybrown seagreen seashell
    sienna silver skyblue slateblue slategray slategrey snow springgreen steelblue tan
    teal thistle tomato turquoise violet wheat white whitesmoke yellow yellowgreen
    transparent
    """.split()  # noqa: SIM905 – as a list it would fill three pages
)


def check_color(color: object) -> str:
    """Check a CSS colour, and return it as it is.

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
    >>> check_color("#b8470c")
    '#b8470c'
    """
    text = color if isinstance(color, str) else ""
    if _HEX.fullmatch(text) or text.lower() in CSS_NAMES or _CALL.fullmatch(text):
        return text
    raise InputError(
        f"color is {color!r}; give a CSS colour such as '#b8470c' or 'teal', "
        "or the name of a column to colour by."
    )


def pick_spare_color(used: Iterable[str]) -> str:
    """Return a colour of the set that isn't used yet, else the least used one.

    Parameters
    ----------
    used : iterable of str
        Colours that are on the map.

    Returns
    -------
    str

    Examples
    --------
    >>> pick_spare_color([]), pick_spare_color(["#0b5c97"])
    ('#0b5c97', '#b8470c')
    """
    taken = list(used)
    return min(CATEGORIES, key=taken.count)


def make_ramp(n: int, colors: Sequence[str] = _RAMP) -> list[str]:
    """Interpolate n colours between the given ones.

    Parameters
    ----------
    n : int
        How many.
    colors : sequence of str
        ``#rrggbb``, from low to high; blues when omitted.

    Returns
    -------
    list of str

    Examples
    --------
    >>> make_ramp(3, ["#000000", "#ffffff"])
    ['#000000', '#808080', '#ffffff']
    """
    if n == 1:
        return [colors[-1]]
    ends = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in colors], dtype=float)
    at = np.linspace(0, len(colors) - 1, n)
    channels = [np.interp(at, range(len(colors)), ends[:, i]).round() for i in range(3)]
    return ["#" + "".join(f"{int(v):02x}" for v in color) for color in zip(*channels, strict=True)]


def ramp_about(
    below: int, across: int, above: int, colors: Sequence[str] | None = None
) -> list[str]:
    """Interpolate colours of a diverging ramp.

    Parameters
    ----------
    below, across, above : int
        Number of classes below the centre, around it, and above it.
    colors : sequence of str, optional
        ``#rrggbb`` from low to high; orange to blue when omitted.

    Returns
    -------
    list of str
        Classes at equal steps from the centre are equally dark on both sides.

    Examples
    --------
    >>> ramp_about(1, 1, 2, ["#000000", "#808080", "#ffffff"])
    ['#404040', '#808080', '#c0c0c0', '#ffffff']
    """
    reach = max(below, above)
    full = make_ramp(2 * reach + 1, colors or _TURNING)
    middle = [full[reach]] * across
    return [*full[reach - below : reach], *middle, *full[reach + 1 : reach + 1 + above]]


def read_cmap(cmap: str | Sequence[str]) -> list[str]:
    """Return the colours of a scheme by its name, or those of a list.

    Parameters
    ----------
    cmap : str or sequence of str
        A scheme of ColorBrewer or matplotlib, such as ``"YlGnBu"``, or ``#rrggbb`` from low to
        high.

    Returns
    -------
    list of str

    Raises
    ------
    UnknownNameError
        No scheme of that name.
    InputError
        Fewer than two colours, or others than ``#rrggbb``.

    Examples
    --------
    >>> read_cmap("YlGnBu")[0]
    '#ffffd9'
    """
    if not isinstance(cmap, str):
        colors = list(cmap)
        if len(colors) < 2 or not all(
            isinstance(c, str) and len(c) == 7 and _HEX.fullmatch(c) for c in colors
        ):
            raise InputError(f"cmap is {cmap!r}; two colours or more as #rrggbb are needed.")
        return colors
    for name in (f"{cmap}_09", f"{cmap}_11", cmap):
        found = getattr(linear, name, None) if not name.startswith("_") else None
        if found is not None:
            return ["#" + "".join(f"{round(255 * v):02x}" for v in c[:3]) for c in found.colors]
    known = {n.rpartition("_")[0] or n for n in dir(linear) if not n.startswith("_")}
    raise UnknownNameError(cmap, "cmap", known, f"Known: {', '.join(sorted(known))}.")


# Places up to this rank are named at all scales: by their role, or from 400,000 people.
NAMED = 6


@dataclass(frozen=True)
class Look:
    """The look of a kind of feature.

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
# Titles of coded values.
VALUES = {
    "rail": "railway",
    "gazetteer": "from a gazetteer",
    "proxy": "another place's point",
    "schematic": "drawn roughly",
    "on": "on the line",
    "rail_length": "length of railway",
    "road_length": "length of road",
    "crossings": "border crossing",
    "ports": "port",
    "zone": "economic zone",
    "zones": "economic zone",
    "mines": "mine",
    "energy": "power plant",
    "places": "town",
    "stations": "station",
    "interchanges": "interchange",
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
        A key of `KINDS`; anything else has the default look.

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


def set_font(font: str, weights: set[int]) -> dict[str, str | int | list[str]]:
    """Return matplotlib's settings for a font, with weights that the font has.

    Parameters
    ----------
    font : str
    weights : set of int
        Weights of its faces: 400 is normal, 700 bold.

    Returns
    -------
    dict
        matplotlib warns of each text in a weight that the font lacks, so such weights are avoided.

    Examples
    --------
    >>> set_font("WenQuanYi Zen Hei", {500})["axes.titleweight"]
    'medium'
    >>> set_font("SimHei", {400})["font.family"]
    ['SimHei', 'DejaVu Sans']
    """
    normal = min(weights, key=lambda weight: abs(weight - 400))
    bold = min(weights, key=lambda weight: abs(weight - 700))
    # DejaVu, the fallback for missing letters, is used in the same weight.
    spare = ["DejaVu Sans"] if font != "DejaVu Sans" and {normal, bold} <= {400, 700} else []
    all_of = ("font.weight", "axes.labelweight", "figure.labelweight")
    texts = dict.fromkeys(all_of, _WEIGHTS.get(normal, normal))
    titles = dict.fromkeys(TITLES, _WEIGHTS.get(bold, bold))
    return {"font.family": [font, *spare], **texts, **titles}

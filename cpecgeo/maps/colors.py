"""Colours, ramps between them, how kinds of features look, and what tells lines apart.

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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from branca.colormap import linear
from numpy.typing import NDArray

from cpecgeo.errors import InputError, UnknownNameError
from cpecgeo.maps.libraries import read_asset

__all__ = [
    "BESIDE",
    "CATEGORIES",
    "CSS_NAMES",
    "DASHES",
    "LOOKS",
    "MISSING",
    "NAMED",
    "OTHER",
    "SHAPES",
    "Look",
    "check_color",
    "find_dash",
    "find_look",
    "list_colors",
    "make_ramp",
    "pick_spare_color",
    "ramp_about",
    "read_cmap",
    "tell_apart",
]

CATEGORIES = (
    "#0b5c97", "#b8470c", "#1c6e46", "#57134b", "#8f5a00", "#00585f", "#6e3b24", "#3d3d3d",
)  # fmt: skip
BESIDE = 5.0
"""Pixels between the middles of lines that share a road."""
# Degrees within which lines lie on each other, and the share of a line that must do so.
_NEAR, _SHARED, _MOSTLY = 0.02, 0.02, 0.5
# A zoom level beyond every map.
_NEVER = 99.0
# For rows without a value, and for categories without their own colour.
MISSING, OTHER = "#b3ada1", "#7c766b"
_RAMP = ("#c9dcec", "#8fb9d8", "#4f93c0", "#1f6ba3", "#0a3f6b")
# Diverging, from below a centre to above it.
_TURNING = ("#8a3a06", "#d9854a", "#ece8df", "#4f93c0", "#0a3f6b")
_HEX = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_CALL = re.compile(r"(?:rgb|hsl)a?\([0-9.,%/ deg]{5,40}\)")
# CSS Color Module Level 4.
CSS_NAMES = frozenset(read_asset("colors.txt").split())


def check_color(color: object) -> str:
    """Check a CSS colour, and return it as it is.

    It is ``#rgb``, ``#rrggbb``, ``rgb(…)``, ``hsl(…)`` or a colour's English name; others raise
    `InputError`.

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

    Examples
    --------
    >>> pick_spare_color([]), pick_spare_color(["#0b5c97"])
    ('#0b5c97', '#b8470c')
    """
    taken = list(used)
    return min(CATEGORIES, key=taken.count)


def make_ramp(n: int, colors: Sequence[str] = _RAMP) -> list[str]:
    """Interpolate n colours between the given ones (``#rrggbb``), from low to high.

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
    """Interpolate colours of a diverging ramp: n classes below its centre, around and above it.

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
    """Return the colours of a scheme of ColorBrewer or matplotlib by its name, or those of a list.

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


LOOKS = {
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


def find_look(kind: object) -> Look:
    """Return the look of a kind of feature; of an unknown kind the default.

    Examples
    --------
    >>> find_look("rail").title
    'Railway'
    """
    return LOOKS.get(kind if isinstance(kind, str) else "", LOOKS[""])


def find_dash(status: object) -> str:
    """Return the dash pattern of a status, in widths of the line; "" is solid.

    Examples
    --------
    >>> find_dash("planned")
    '0.6 1.8'
    """
    return DASHES.get(status if isinstance(status, str) else "", "")


def list_colors(payloads: Iterable[Mapping[str, Any]]) -> list[str]:
    """List the colours of layers, those of the background left out.

    Examples
    --------
    >>> list_colors([{"view": True, "looks": [{"color": "teal"}]}, {"view": False}])
    ['teal']
    """
    return [look["color"] for one in payloads if one["view"] for look in one["looks"]]


def tell_apart(
    payloads: Mapping[str, dict[str, Any]], lines: Mapping[str, gpd.GeoSeries]
) -> dict[str, dict[str, Any]]:
    """Give corridors of one kind their own colours, names and, where they overlap, offsets.

    `payloads` are all layers of the map by their keys, `lines` the sections of each corridor that
    is coloured by kind. Returns new payloads of those layers that share their colour with another;
    the first keeps it.

    Examples
    --------
    >>> tell_apart({}, {})
    {}
    """
    kinds: dict[str, list[str]] = {}
    for key in lines:
        kinds.setdefault(payloads[key]["looks"][0]["color"], []).append(key)
    used = list_colors(payloads.values())
    told = {}
    for keys in (some for some in kinds.values() if len(some) > 1):
        offsets, shared = _find_overlaps([lines[key] for key in keys])
        for turn, key in enumerate(keys):
            color = payloads[key]["looks"][0]["color"] if turn == 0 else pick_spare_color(used)
            used.append(color)
            told[key] = _recolor(payloads[key], color, offsets[turn], shared[turn])
    return told


def _recolor(
    payload: dict[str, Any], color: str, offset: float, shared: NDArray[np.bool_]
) -> dict[str, Any]:
    """Return a layer in one colour, named by its own name, on a section that only it has."""
    style = payload["style"] | {"apart": True}
    if offset:
        style["aside"] = offset
    if shared.any() and not shared.all():
        style["labelZooms"] = {int(i): _NEVER for i in np.flatnonzero(shared)}
    entry = payload["legend"][:1] or [{"type": "line", "shape": "circle"}]
    return payload | {
        "style": style,
        "looks": [look | {"color": color} for look in payload["looks"]],
        # Without a label, the page writes the layer's name.
        "legend": [entry[0] | {"label": "", "color": color}],
    }


def _find_overlaps(
    things: Sequence[gpd.GeoSeries],
) -> tuple[list[float], list[NDArray[np.bool_]]]:
    """Return each line's offset to the right in pixels, and which of its sections it shares."""
    parts = [np.asarray(shapely.simplify(one.array, _NEAR / 4), dtype=object) for one in things]
    around = [shapely.union_all(shapely.buffer(some, _NEAR, quad_segs=2)) for some in parts]
    overlaps, shared = False, []
    for turn, some in enumerate(parts):
        others = shapely.union_all([one for k, one in enumerate(around) if k != turn])
        inside = shapely.length(shapely.intersection(some, others))
        overlaps |= bool(inside.sum() > _SHARED * shapely.length(some).sum())
        shared.append(inside > _MOSTLY * shapely.length(some))
    if not overlaps:
        return [0.0] * len(things), shared
    middle = (len(things) - 1) / 2
    return [BESIDE * (k - middle) * _find_sense(one) for k, one in enumerate(parts)], shared


def _find_sense(parts: NDArray[np.object_]) -> int:
    """Return 1 for a line that runs to the north-east, else -1: its right is then the left."""
    points = shapely.get_coordinates(parts)
    east, north = points[-1] - points[0]
    return 1 if north + east / 2 >= 0 else -1

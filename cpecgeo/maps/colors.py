"""Colours: which there are, and how a column's values become classes of colour.

The categories come from Okabe and Ito's set, which people with the common colour-vision
deficiencies can tell apart [1]_; each is darkened until it has a contrast of at least 4.5 with
the land.

References
----------
.. [1] M. Okabe and K. Ito (2008), "Color Universal Design", University of Tokyo.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from branca.colormap import linear
from numpy.typing import NDArray

from cpecgeo.errors import InputError, UnknownNameError

__all__ = [
    "CATEGORIES",
    "CSS_NAMES",
    "MISSING",
    "OTHER",
    "check_color",
    "classify_colors",
    "pick_spare_color",
]

CATEGORIES = (
    "#0b5c97", "#b8470c", "#1c6e46", "#57134b", "#8f5a00", "#00585f", "#6e3b24", "#3d3d3d",
)  # fmt: skip
# What has no value, and what is in none of the classes that have a colour of their own.
MISSING, OTHER = "#b3ada1", "#7c766b"
_RAMP = ("#c9dcec", "#8fb9d8", "#4f93c0", "#1f6ba3", "#0a3f6b")
# Of values below 0 and above it, and the class that holds both.
_BELOW = ("#8a3a06", "#d9854a", "#f0e6da")
_ABOVE = ("#e4eaee", "#4f93c0", "#0a3f6b")
_MIDDLE = "#ece8df"
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
    """Return a CSS colour as it is, or raise.

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
    """Return a colour of the set that isn't used yet; all used, the one used least.

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


SCHEMES = ("quantiles", "equal_interval", "std_mean")


def classify_colors(
    frame: pd.DataFrame,
    column: str,
    *,
    scheme: str | Sequence[float] = "quantiles",
    k: int = 5,
    cmap: str | Sequence[str] | None = None,
    unit: str = "",
) -> tuple[list[str], list[tuple[str, str]]]:
    """Give each row a colour by its value: classes for numbers, one each for categories.

    Parameters
    ----------
    frame : DataFrame
        The features.
    column : str
        A column's name.
    scheme : str or sequence of float
        How numbers become classes: ``"quantiles"`` (equal counts), ``"equal_interval"``,
        ``"std_mean"`` (one class per standard deviation about the mean), or the breaks between
        classes themselves.
    k : int
        Number of classes, 2 to 9, for quantiles and equal intervals.
    cmap : str or sequence of str, optional
        Colours from low to high: a scheme of ColorBrewer or matplotlib, such as ``"YlGnBu"``,
        or a list of ``#rrggbb``. Blues when omitted, and orange to blue about 0 where values
        have both signs.
    unit : str
        Written behind the limits of classes.

    Returns
    -------
    colors : list of str
        One per row.
    legend : list of (label, color)
        The classes. Of more than eight categories the eight largest have colours of their own
        and the rest share one; what has no value comes last, with its count.

    Raises
    ------
    UnknownNameError
        No such column or scheme.
    InputError
        `k` is out of range, or the breaks don't rise.

    Examples
    --------
    >>> classify_colors(pd.DataFrame({"k": ["a", "b", "a"]}), "k")[1]
    [('a', '#0b5c97'), ('b', '#b8470c')]
    >>> classify_colors(pd.DataFrame({"v": [1, 2, 30]}), "v", scheme=[10, 20])[1][0]
    ('below 10', '#c9dcec')
    """
    if column not in frame.columns:
        raise UnknownNameError(column, "column or colour", [str(c) for c in frame.columns])
    if column == "km_to" and {"km_from", "area_km2"} <= set(frame.columns):
        limits = frame[["km_from", "km_to"]]
        if limits.notna().all(axis=None) and len(limits.drop_duplicates()) <= len(CATEGORIES):
            return _by_ring(frame)
    values = frame[column]
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        numbers = values.to_numpy(dtype=float, na_value=np.nan)
        return _by_number(numbers, scheme, k, cmap, f" {unit}" if unit else "")
    return _by_category([None if _is_missing(v) else str(v) for v in values])


def _is_missing(value: object) -> bool:
    missing = pd.isna(value)
    return bool(missing) if isinstance(missing, (bool, np.bool_)) else False


def _with_missing(
    colors: list[str], legend: list[tuple[str, str]]
) -> tuple[list[str], list[tuple[str, str]]]:
    count = colors.count(MISSING)
    return colors, [*legend, (f"no value ({count:,})", MISSING)] if count else legend


def _by_category(texts: list[str | None]) -> tuple[list[str], list[tuple[str, str]]]:
    counts = Counter(t for t in texts if t is not None)
    largest = {name for name, _ in counts.most_common(len(CATEGORIES))}
    named = [name for name in counts if name in largest]
    chosen = dict(zip(named, CATEGORIES, strict=False))
    legend = list(chosen.items())
    if len(counts) > len(chosen):
        legend.append((f"{len(counts) - len(chosen):,} others", OTHER))
    return _with_missing([MISSING if t is None else chosen.get(t, OTHER) for t in texts], legend)


def _by_ring(frame: pd.DataFrame) -> tuple[list[str], list[tuple[str, str]]]:
    """Give each ring a colour under its own limits, the outermost the darkest."""
    pairs = list(zip(frame["km_from"], frame["km_to"], strict=True))
    rings = sorted(set(pairs))
    chosen = dict(zip(rings, _ramp(len(rings) + 1)[1:], strict=True))
    legend = [(f"{low:,.5g} to {high:,.5g} km", chosen[low, high]) for low, high in rings]
    return [chosen[pair] for pair in pairs], legend


def _ramp(n: int, colors: Sequence[str] = _RAMP) -> list[str]:
    """Return n colours between the given ones."""
    ends = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in colors], dtype=float)
    at = np.linspace(0, len(colors) - 1, n)
    channels = [np.interp(at, range(len(colors)), ends[:, i]).round() for i in range(3)]
    return ["#" + "".join(f"{int(v):02x}" for v in color) for color in zip(*channels, strict=True)]


def _read_cmap(cmap: str | Sequence[str]) -> list[str]:
    """Return the colours of a scheme by its name, or those of a list."""
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
    raise UnknownNameError(cmap, "cmap", known)


def _choose_steps(edges: Sequence[float], cmap: str | Sequence[str] | None) -> list[str]:
    """Return a colour per class; about 0 the colours turn, where values have both signs."""
    n = len(edges) - 1
    if cmap is not None:
        return _ramp(n, _read_cmap(cmap))
    below = sum(high <= 0 for high in edges[1:])
    above = sum(low >= 0 for low in edges[:-1])
    if edges[0] < 0 < edges[-1]:
        across = [_MIDDLE] * (n - below - above)
        return [*_ramp(below + 1, _BELOW)[:below], *across, *_ramp(above + 1, _ABOVE)[1:]]
    return _ramp(n) if n > 1 else [_RAMP[-1]]


def _breaks(
    known: NDArray[np.float64], scheme: str | Sequence[float], k: int
) -> NDArray[np.float64]:
    """Return the limits between classes, without the outermost."""
    if not isinstance(scheme, str):
        limits = np.asarray(scheme, dtype=float)
        if limits.ndim != 1 or not len(limits) or not (np.diff(limits) > 0).all():
            raise InputError(f"scheme is {list(scheme)!r}; breaks must rise, as [10, 50, 100] do.")
        return limits
    if scheme not in SCHEMES:
        raise UnknownNameError(scheme, "scheme", SCHEMES)
    if isinstance(k, bool) or not isinstance(k, int) or not 2 <= k <= 9:
        raise InputError(f"k is {k!r}; 2 to 9 classes can be told apart.")
    if scheme == "quantiles":
        edges = np.unique(np.quantile(known, np.linspace(0, 1, k + 1)))[1:-1]
    elif scheme == "equal_interval":
        edges = np.linspace(known.min(), known.max(), k + 1)[1:-1]
    else:
        edges = known.mean() + known.std() * np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
        edges = edges[(edges > known.min()) & (edges < known.max())]
    return np.unique(edges)


def _by_number(
    numbers: NDArray[np.float64],
    scheme: str | Sequence[float],
    k: int,
    cmap: str | Sequence[str] | None,
    unit: str,
) -> tuple[list[str], list[tuple[str, str]]]:
    known = numbers[np.isfinite(numbers)]
    if not known.size:
        return _with_missing([MISSING] * len(numbers), [])
    inner = _breaks(known, scheme, k)
    low = min(known.min(), *inner) if len(inner) else known.min()
    edges = [float(low), *map(float, inner), float(max(known.max(), *inner, low))]
    steps = _choose_steps(edges, cmap)
    place = np.searchsorted(inner, numbers, side="right")
    finite = np.isfinite(numbers)
    colors = [steps[p] if f else MISSING for p, f in zip(place, finite, strict=True)]
    labels = [f"{low:,.5g} to {high:,.5g}{unit}" for low, high in pairwise(edges)]
    if not isinstance(scheme, str):
        labels[0] = f"below {inner[0]:,.5g}{unit}"
        labels[-1] = f"{inner[-1]:,.5g}{unit} and more"
    return _with_missing(colors, list(zip(labels, steps, strict=True)))

"""The things on one map together: what tells lines of one kind apart, and the map's title."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from cpecgeo.maps.colors import KINDS, pick_spare_color
from cpecgeo.maps.style import Style
from cpecgeo.maps.words import Words

__all__ = [
    "BESIDE",
    "Drawing",
    "color_drawing",
    "join_titles",
    "list_colors",
    "tell_apart",
    "translate_title",
]

BESIDE = 5.0
"""Pixels between the middles of lines that share a road."""
# Degrees within which lines lie on each other, and the share of a line that must do so.
_NEAR, _SHARED, _MOSTLY = 0.02, 0.02, 0.5
# A zoom level beyond every map.
_NEVER = 99.0


@dataclass(frozen=True)
class Drawing:
    """One layer to draw, or the km posts of one line.

    Parameters
    ----------
    frame : GeoDataFrame or GeoSeries
        The features; None for km posts.
    style : Style
        How they look.
    name : str
        For people.
    group : str
        Heading in the layer control; "" for the caller's.
    show : bool
        Whether drawn at the start.
    posts : dict, optional
        Arguments of `Map.add_posts`.
    key : str, optional
        Name of the layer for the page's script.
    profile : dict, optional
        The profile of the layer drawn before, instead of a layer.
    title : str
        Of the thing for the map's title; the name of the first layer when all are empty.
    by_kind : bool
        Whether this is a corridor that is coloured by its kind.
    """

    frame: Any
    style: Style
    name: str
    group: str = ""
    show: bool = True
    posts: dict[str, Any] | None = None
    key: str | None = None
    profile: dict[str, Any] | None = None
    title: str = ""
    by_kind: bool = False


def color_drawing(drawing: Drawing, color: str) -> Style:
    """Set `color` in a style that has neither its own colour nor colours by kind."""
    frame = drawing.frame
    kinds = frame["kind"] if isinstance(frame, gpd.GeoDataFrame) and "kind" in frame else []
    if drawing.style.color is not None or any(k in KINDS for k in set(map(str, kinds))):
        return drawing.style
    return replace(drawing.style, color=color)


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

    Parameters
    ----------
    payloads : mapping of str to dict
        All layers of the map by their keys, from `cpecgeo.maps.layer.encode_layer`.
    lines : mapping of str to GeoSeries
        The sections of each corridor that is coloured by kind, by the layer's key.

    Returns
    -------
    dict of str to dict
        New payloads of those layers that share their colour with another; the first keeps it.

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


def join_titles(
    titles: Sequence[str], more: str = "{first} and {count} more", between: str = "; "
) -> str:
    """Join the names of the things on a map: all of three, else the first and how many more.

    Examples
    --------
    >>> join_titles(["ML-1", "schools"]), join_titles(["ML-1", "a", "b", "c"])
    ('ML-1; schools', 'ML-1 and 3 more')
    """
    if len(titles) <= 3:
        return between.join(titles)
    return more.format(first=titles[0], count=len(titles) - 1)


def translate_title(title: str | None, names: Sequence[str], say: Words) -> str | None:
    """Translate a map's title, name by name where it was joined from `names`."""
    if not names or title != join_titles(names):
        return title and say.phrase(title)
    return join_titles([*map(say.phrase, names)], say("{first} and {count} more"), say("; "))

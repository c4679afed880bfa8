"""The overview figure: corridors on a background, with names placed without overlap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from cpecgeo.catalogue import layer
from cpecgeo.features.corridor import Corridor
from cpecgeo.features.corridors import corridor, corridors
from cpecgeo.maps.background import (
    DISPUTED,
    HOME,
    LAND,
    PROVINCE,
    RIVER,
    read_ground,
    read_ground_names,
)
from cpecgeo.maps.colors import DASHES, LOOKS, NAMED, find_look
from cpecgeo.maps.sheet import (
    BORDER,
    INK,
    FigureStyle,
    check_size,
    convert_dash,
    dress,
    find_inks,
    find_size,
    new_figure,
    save_figure,
    write_note,
    write_title,
)
from cpecgeo.maps.words import Words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.transforms import Bbox

__all__ = ["draw_overview"]

# Cross-ties of a railway: short strokes, wider than the line.
_TIES: dict[str, Any] = {"linewidths": 4.0, "linestyles": (0, (0.22, 2.2))}
# Width of lines, in points, and the dashes of disputed boundaries.
_WEIGHT = 1.6
_DISPUTED = (0, (3, 2))
_TITLE = "China–Pakistan Economic Corridor"
_NOTE = (
    "Boundaries as in Natural Earth, dashed where disputed; not a position on any of them. "
    "Lines: cpecgeo; \u00a9 OpenStreetMap contributors, GeoNames."
)
SEA = "#dbe6ea"
_MARKS = {"crossings": "s", "ports": "v", "mines": "D"}
_FONTS: dict[str, dict[str, Any]] = {
    "city": {"fontsize": 7, "color": "#26231f"},
    "country": {"fontsize": 7.5, "color": "#696358"},
    "province": {"fontsize": 7, "color": "#6a6357", "fontstyle": "italic"},
}


# A text, its look, and its candidate points with the side of the text, best first.
_Name: TypeAlias = tuple[str, str, list[tuple[float, float, str]]]


def draw_overview(
    names: Sequence[str | Corridor] | None = None,
    *,
    title: str | None = None,
    lang: str = "en",
    size: tuple[float, float] = (8.0, 7.6),
    style: FigureStyle = None,
    path: str | Path | None = None,
) -> Figure:
    """Draw an overview map of corridors: colour by kind, dash by status.

    Parameters
    ----------
    names : sequence of str or Corridor, optional
        Corridors to draw; all when omitted.
    title : str, optional
        Above the map.
    lang : str
        ``"en"``, ``"ur"`` (from matplotlib 3.11 on) or ``"zh"`` (with a font that has the
        letters).
    size : (float, float)
        Width and height in inches, at least 4 each.
    style : str or mapping, optional
        A matplotlib style by name, or settings: fonts, background, axes. Colours of the map don't
        change, because they have a meaning.
    path : path, optional
        Where to write it: ``.png``, ``.svg`` or ``.pdf``.

    Returns
    -------
    matplotlib.figure.Figure
        In lon, lat, stretched so that the scale is equal in both directions at the middle.

    Raises
    ------
    MissingExtraError
        matplotlib isn't installed, or can't set the language.
    UnknownNameError
        A corridor, language or style that doesn't exist.
    InputError, FileError
        A size out of range; see `cpecgeo.maps.save_figure`.

    Examples
    --------
    >>> draw_overview(["ml1", "kkh"]).axes[0].get_title(loc="left")
    'China–Pakistan Economic Corridor'
    """
    chosen = list(names) if names is not None else list(corridors().index)
    things = [corridor(n) if isinstance(n, str) else n for n in chosen]
    with dress(lang, style) as say:
        figure = new_figure(*check_size(size))
        axes = figure.add_subplot()
        west, south, east, north = 60.5, 23.3, 78.3, 37.3
        for thing in things:
            box = shapely.bounds(thing.line)
            west, south = min(west, box[0] - 0.4), min(south, box[1] - 0.4)
            east, north = max(east, box[2] + 0.4), max(north, box[3] + 0.4)
        axes.set_facecolor(SEA)
        shapes = read_ground()
        _polygons(axes, shapes["land"], facecolor=LAND, edgecolor="none", zorder=0)
        _polygons(axes, shapes["home"], facecolor=HOME, edgecolor="none", zorder=1)
        _lines(axes, shapes["rivers"], colors=RIVER, linewidths=0.7, zorder=2)
        _lines(axes, shapes["provinces"], colors=PROVINCE, linewidths=0.7, zorder=2)
        _lines(axes, shapes["borders"], colors=BORDER, linewidths=0.8, zorder=2)
        _lines(axes, shapes["disputed"], colors=DISPUTED, linewidths=0.8, linestyles=_DISPUTED,
               zorder=2)  # fmt: skip
        kinds, drawn, used = set(), set(), set()
        for thing in things:
            for row in thing.sections.itertuples():
                kind = "rail" if row.kind == "rail" else thing.kind
                kinds.add(kind)
                if row.geometry is None or row.id in drawn:
                    continue
                drawn.add(row.id)
                used.add(row.status)
                color, dashes = find_look(kind).color, convert_dash(row.status, _WEIGHT)
                _lines(axes, row.geometry, colors=color, linewidths=_WEIGHT, linestyles=dashes,
                       zorder=4)  # fmt: skip
                if kind == "rail":
                    _lines(axes, row.geometry, colors=color, **_TIES, zorder=3)
        _dots(axes, _load_named(), "o", 2.6, "places")
        for name, mark in _MARKS.items():
            _dots(axes, layer(name), mark, 4, name)
        _frame(axes, (west, south, east, north), title or say(_TITLE), say)
        _key(axes, kinds, used, say)
        write_note(figure, _NOTE, say)
        _write_names(figure, axes, say, shapely.union_all([thing.line for thing in things]))
    if path is not None:
        save_figure(figure, path)
    return figure


def _polygons(axes: Axes, geometry: shapely.Geometry, **options: object) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as Outline

    for part in shapely.get_parts(geometry):
        if shapely.get_dimensions(part) != 2:
            continue
        rings = [shapely.get_coordinates(ring) for ring in shapely.get_rings(part)]
        outline = Outline.make_compound_path(*(Outline(ring, closed=True) for ring in rings))
        axes.add_patch(PathPatch(outline, **options))


def _lines(axes: Axes, geometry: shapely.Geometry, **options: Any) -> None:
    from matplotlib.collections import LineCollection

    parts = [p for p in shapely.get_parts(geometry) if shapely.get_dimensions(p) == 1]
    axes.add_collection(LineCollection([shapely.get_coordinates(p) for p in parts], **options))


def _dots(axes: Axes, frame: gpd.GeoDataFrame, mark: str, size: float, kind: str) -> None:
    """Draw the points of a layer, in the colour of their kind."""
    frame = frame[frame.geometry.notna()]
    axes.plot(frame.geometry.x, frame.geometry.y, mark, ms=size, color=LOOKS[kind].color,
              mec="white", mew=0.5, zorder=5)  # fmt: skip


def _frame(axes: Axes, box: tuple[float, float, float, float], title: str, say: Words) -> None:
    west, south, east, north = box
    axes.set_xlim(west, east)
    axes.set_ylim(south, north)
    axes.set_aspect(1 / np.cos(np.radians((south + north) / 2)))
    axes.xaxis.set_major_formatter(lambda v, _: f"{v:g}°\u00a0{say('E')}")
    axes.yaxis.set_major_formatter(lambda v, _: f"{v:g}°\u00a0{say('N')}")
    axes.tick_params(labelsize=7, colors=find_inks()[1], length=2)
    width, height = find_size(axes)
    if min(width, height) < 6:
        axes.locator_params(nbins=5)
    if width < 5:
        axes.locator_params(axis="x", nbins=3)
    for spine in axes.spines.values():
        spine.set_color(BORDER)
    write_title(axes, title, say)


def _key(axes: Axes, kinds: set[str], statuses: set[str], say: Words) -> None:
    from matplotlib.lines import Line2D

    def entry(text: str, color: str, **look: Any) -> Line2D:
        return Line2D([], [], color=color, label=text, **look)

    entries = [
        entry(say(find_look(kind).title), find_look(kind).color, lw=1.8, ms=5,
              marker="|" if kind == "rail" else "None")
        for kind in ("road", "rail", "mining")
        if kind in kinds
    ]  # fmt: skip
    entries += [
        entry(say.phrase(s).capitalize(), INK, lw=1.4, ls=convert_dash(s, 1.4))
        for s in DASHES
        if s in statuses
    ]
    entries.append(entry(say("Disputed boundary"), DISPUTED, lw=0.8, ls=_DISPUTED))
    entries += [
        entry(say(LOOKS[name].title), LOOKS[name].color, ls="", marker=mark, ms=4)
        for name, mark in _MARKS.items()
    ]
    # Beside the map on a wide sheet, below it on a small or tall one, where it would hide half of
    # the map; its ground is that of the map, whatever the style.
    width, height = find_size(axes)
    is_wide = width > 1.15 * height
    is_below = not is_wide and (min(width, height) < 7 or height > 1.3 * width)
    place: dict[str, Any] = {"loc": "upper left"}
    if is_wide:
        place["bbox_to_anchor"] = (1.01, 1.0)
    elif is_below:
        place = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.6 / height)}
        place["ncols"] = 2 if width < 6 else 3
    axes.legend(handles=entries, fontsize=5.5 if height < 5 else 7, framealpha=0.95,
                facecolor=HOME, edgecolor=BORDER, labelcolor=INK, borderaxespad=0.5,
                **place)  # fmt: skip


def _write_names(figure: Figure, axes: Axes, say: Words, lines: Any) -> None:
    """Write the names of cities, countries and provinces on an otherwise complete map.

    Names of areas avoid the drawn lines where possible.
    """
    from matplotlib.patheffects import Normal, Stroke

    figure.draw_without_rendering()
    frame = axes.get_window_extent()
    legend = axes.get_legend()
    taken = [] if legend is None else [legend.get_window_extent()]
    (west, east), (south, north) = axes.get_xlim(), axes.get_ylim()
    shapely.prepare(lines)
    for name, look, places in _names(shapely.box(west, south, east, north), say):
        # An area's name is tried at free points first, then anywhere.
        tries = [(place, look != "city") for place in places]
        tries += [(place, False) for place, free in tries if free]
        for (x, y, side), free in tries:
            text = axes.text(x, y, name.replace("$", r"\$"), ha=side, va="center", zorder=6,
                             **_FONTS[look])  # fmt: skip
            text.set_in_layout(False)
            box = text.get_window_extent().padded(1.5)
            inside = frame.containsx(box.x0) and frame.containsx(box.x1)
            inside = inside and frame.containsy(box.y0) and frame.containsy(box.y1)
            struck = free and lines.intersects(shapely.box(*_to_degrees(axes, box)))
            if inside and not struck and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                text.set_path_effects([Stroke(linewidth=2.2, foreground="#fffdf9"), Normal()])
                break
            text.remove()


def _to_degrees(axes: Axes, box: Bbox) -> list[float]:
    corners = axes.transData.inverted().transform(box.get_points())
    return [float(value) for value in corners.ravel()]


def _names(view: shapely.Geometry, say: Words) -> Iterator[_Name]:
    places = _load_named()
    places = places[places.geometry.intersects(view)]
    aside = 0.14
    for row in places.itertuples():
        x, y = row.geometry.x, row.geometry.y
        yield say.name(row.name), "city", [(x + aside, y, "left"), (x - aside, y, "right")]
    for look, frame in read_ground_names().items():
        for row in frame.itertuples():
            at = shapely.get_coordinates(row.geometry)
            at = at[shapely.contains_xy(view, *at.T)]
            # The candidate nearest to the widest part of the area comes first.
            at = at[np.argsort(np.hypot(*(at - at[:1]).T), kind="stable")]
            name = say.name(row.name)
            name = name.upper() if look == "country" and row.name != "Arabian Sea" else name
            yield name, look, [(x, y, "center") for x, y in at]


def _load_named() -> gpd.GeoDataFrame:
    """Load the places named on the whole map, by rank, then by population."""
    places = layer("places")
    passes = layer("crossings").query("rank == 1")
    frame = pd.concat([places[places["rank"] <= NAMED], passes], ignore_index=True)
    people = pd.to_numeric(frame["population"], errors="coerce").fillna(0)
    order = ["rank", "people"]
    return frame.assign(people=people).sort_values(order, ascending=[True, False], kind="stable")

"""Figures by matplotlib: strip map and elevation profile along a corridor.

They need no browser. A figure is written as PNG, SVG or PDF by the file's suffix, or shown in a
notebook. The same figure gives the same bytes.

Install the extra: ``pip install 'cpecgeo[plot]'``.
"""

from __future__ import annotations

from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cpecgeo.analysis.overlay import crossed
from cpecgeo.analysis.profile import profile
from cpecgeo.features.corridor import Corridor
from cpecgeo.features.corridors import corridor
from cpecgeo.features.places import rank_stops
from cpecgeo.maps.colors import NAMED, find_look
from cpecgeo.maps.corridors import list_grounds, split_remark
from cpecgeo.maps.sheet import (
    BORDER,
    INK,
    FigureStyle,
    check_size,
    convert_dash,
    count_letters,
    dress,
    escape_text,
    find_inks,
    find_size,
    fold_text,
    new_figure,
    render_figure,
    save_figure,
    write_note,
    write_title,
)
from cpecgeo.maps.words import Words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_profile", "draw_strip", "render_strip"]

GROUND_NOTE = (
    "Ground under the drawn line, NOAA GLOBE 30″ grid; hatched where the line is known too "
    "roughly for it to be the ground of the road or railway."
)
_SHADES = ("#ece6da", "#dfe7ea")


def draw_profile(
    thing: Corridor | str,
    *,
    every_km: float = 1.0,
    lang: str = "en",
    size: tuple[float, float] = (9.0, 3.0),
    style: FigureStyle = None,
    path: str | Path | None = None,
) -> Figure:
    """Draw the elevation of the ground along a corridor.

    Parameters
    ----------
    thing : Corridor or str
        The corridor.
    every_km : float
        Kilometres between samples.
    lang : str
        ``"en"``, ``"ur"`` (from matplotlib 3.11 on) or ``"zh"`` (with a font that has the
        letters).
    size : (float, float)
        Width and height in inches, at least 4 and 2.
    style : str or mapping, optional
        A style of matplotlib by name, or settings: fonts, background, axes. Colours of lines
        stay, because they have a meaning.
    path : path, optional
        Where to write it: ``.png``, ``.svg`` or ``.pdf``.

    Returns
    -------
    matplotlib.figure.Figure
        Chainage in km across, metres above sea level up.

    Raises
    ------
    MissingExtraError
        matplotlib isn't installed, or can't set the language.
    UnknownNameError
        No such corridor, language or style.
    InputError, FileError
        A size out of range; see `save_figure`.

    Examples
    --------
    >>> draw_profile("kkh-pakistan", every_km=10).axes[0].get_xlabel()
    'Chainage, km'
    """
    thing = corridor(thing) if isinstance(thing, str) else thing
    with dress(lang, style) as say:
        figure = new_figure(*check_size(size, (4.0, 2.0)))
        axes = figure.add_subplot()
        plot_profile(axes, thing, every_km, say)
        write_title(axes, say.name(thing.title), say)
        write_note(figure, GROUND_NOTE, say)
        figure.draw_without_rendering()
    if path is not None:
        save_figure(figure, path)
    return figure


def plot_profile(axes: Axes, thing: Corridor, every_km: float, say: Words) -> None:
    """Plot the profile on axes whose x is chainage in km."""
    table = profile(thing, every_km)
    km, high = table["km"].to_numpy(float), table["elevation_m"].to_numpy(float)
    axes.fill_between(km, high, 0, color="#d9cfbd", lw=0)
    axes.plot(km, high, color="#6e3b24", lw=1.0)
    # Stretches where the line is too inaccurate for the ground to be the road's, widened to the
    # next samples.
    for a, b in list_grounds(table["is_ground"]):
        near = slice(max(0, a - 1), b + 2)
        axes.fill_between(km[near], high[near], 0, fc="#f3efe7", ec="#a89c86", hatch="////", lw=0)
    axes.set_xlim(km[0], km[-1])
    axes.set_ylim(0, np.nanmax(high) * 1.12 if np.isfinite(high).any() else 100)
    ink, soft = find_inks()
    axes.set_ylabel(say("m above sea"), color=ink, fontsize=8)
    axes.set_xlabel(say("Chainage, km"), color=ink, fontsize=8)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda v, _: f"{v:,.10g}")  # like all numbers of the figure
    axes.grid(axis="y", color="#e3ddd1", lw=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=7, colors=soft, length=2)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def draw_strip(
    thing: Corridor | str,
    *,
    every_km: float = 1.0,
    districts: pd.DataFrame | None = None,
    lang: str = "en",
    size: tuple[float, float] = (11.0, 5.2),
    style: FigureStyle = None,
    path: str | Path | None = None,
) -> Figure:
    """Draw a strip map: stops, sections, districts and elevation along the chainage.

    Parameters
    ----------
    thing : Corridor or str
        The corridor.
    every_km : float
        Kilometres between samples of elevation.
    districts : DataFrame, optional
        The result of `crossed` for the corridor and districts; computed when omitted.
    lang : str
        ``"en"``, ``"ur"`` (from matplotlib 3.11 on) or ``"zh"`` (with a font that has the
        letters).
    size : (float, float)
        Width and height in inches, at least 4 each.
    style : str or mapping, optional
        A style of matplotlib by name, or settings: fonts, background, axes. Colours of lines
        stay, because they have a meaning.
    path : path, optional
        Where to write it: ``.png``, ``.svg`` or ``.pdf``.

    Returns
    -------
    matplotlib.figure.Figure
        Three rows over one axis of chainage in km.

    Raises
    ------
    MissingExtraError
        matplotlib isn't installed, or can't set the language.
    UnknownNameError
        No such corridor, language or style.
    InputError, FileError
        A size out of range; see `cpecgeo.maps.save_figure`.

    Notes
    -----
    Where names would overlap, those of ends and of larger towns are kept.

    Examples
    --------
    >>> len(draw_strip("taxila-havelian", every_km=5).axes)
    3
    """
    thing = corridor(thing) if isinstance(thing, str) else thing
    zones = crossed(thing, "districts") if districts is None else districts
    with dress(lang, style) as say:
        figure = _compose_strip(thing, every_km, zones, size, say)
        figure.draw_without_rendering()
    if path is not None:
        save_figure(figure, path)
    return figure


def render_strip(thing: Corridor, every_km: float, districts: pd.DataFrame, lang: str) -> bytes:
    """Render a strip map as SVG, as `draw_strip` does, but with a single layout.

    Examples
    --------
    >>> from cpecgeo import corridor
    >>> line = corridor("taxila-havelian")
    >>> b"<svg" in render_strip(line, 5, line.crossed("districts"), "en")
    True
    """
    with dress(lang, None) as say:
        return render_figure(_compose_strip(thing, every_km, districts, (11.0, 5.2), say), "svg")


def _compose_strip(
    thing: Corridor, every_km: float, districts: pd.DataFrame, size: Any, say: Words
) -> Figure:
    drawn, published = f"{thing.length_km:,.0f}", f"{thing.official_km:,.0f}"
    width, height = check_size(size)
    figure = new_figure(width, height)
    grid = figure.add_gridspec(3, 1, height_ratios=[2.6, 0.8, 1.8])
    line, area, ground = (figure.add_subplot(grid[i]) for i in range(3))
    plot_profile(ground, thing, every_km, say)
    span = ground.get_xlim()
    _stops(line, thing, span, say)
    _districts(area, districts, span, say)
    title = escape_text(say.name(thing.title), 100)
    title = say("{title}: drawn {drawn} km", title=title, drawn=drawn)
    if pd.notna(thing.official_km):
        title += say(", published {published} km", published=published)
    start, x = ("right", 0.99) if say.direction == "rtl" else ("left", 0.01)
    title = fold_text(title, width - 0.2, 11) if say.lang == "zh" else title
    figure.suptitle(title, x=x, ha=start, fontsize=11, color=find_inks()[0], wrap=True)
    write_note(figure, GROUND_NOTE, say)
    return figure


def _bare(axes: Axes, span: tuple[float, float]) -> None:
    axes.set(xlim=span, xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_visible(False)


def _stops(axes: Axes, thing: Corridor, span: tuple[float, float], say: Words) -> None:
    """Draw the corridor as a straight line, with vertical names of stops above it."""
    from matplotlib.lines import Line2D

    _bare(axes, span)
    axes.set_ylim(0, 1)
    ink = find_inks("axes.facecolor")[0]
    color = find_look(thing.kind).color
    used: dict[str, None] = {}
    for row in thing.sections.itertuples():
        if pd.notna(row.km_from) and pd.notna(row.km_to):
            used[row.status] = None
            ends = sorted((row.km_from, row.km_to))
            axes.plot(ends, [0.12, 0.12], color=color, lw=3, ls=convert_dash(row.status, 3),
                      solid_capstyle="butt", zorder=2)  # fmt: skip
    stops = thing.stops
    km = stops["km"].to_numpy(float)
    known = np.isfinite(km) & (km >= span[0]) & (km <= span[1])
    level = [0.12] * known.sum()
    axes.plot(km[known], level, "o", ms=3, color="white", mec=INK, mew=0.7, zorder=3)
    # A name takes 0.18 inches in a figure of any size; in Naskh, with its dots, 0.21.
    width, _ = find_size(axes)
    gap = (0.21 if say.direction == "rtl" else 0.18) * (span[1] - span[0]) / width
    own = stops.get(f"name_{say.lang}", stops["name"])
    names = [say.name(split_remark(name)[0]) for name in own.where(own.notna(), stops["name"])]
    for i, x in _place_names(stops, names, km, known, gap, span[1]).items():
        axes.plot([km[i], x], [0.15, 0.2], color=BORDER, lw=0.6, zorder=1)
        axes.text(x, 0.21, f"{escape_text(names[i], 30)}  {km[i]:,.0f}", rotation=90,
                  ha="right" if x + gap / 2 > span[1] else "center", va="bottom", fontsize=6.8,
                  color=ink)  # fmt: skip
    handles = [
        Line2D([], [], color=color, lw=2.4, ls=convert_dash(s, 2.4),
               label=say.phrase(s))
        for s in used
        if isinstance(s, str)
    ]  # fmt: skip
    if handles:
        axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(0, -0.0), ncols=len(handles),
                    fontsize=7, frameon=False, borderpad=0, labelcolor=ink)  # fmt: skip


def _place_names(
    stops: Any, names: list[str], km: Any, known: Any, gap: float, edge: float
) -> dict[int, float]:
    """Choose stops whose names fit, and the positions of the names; ends and main towns first.

    Of two stops that differ only in the remark after their name, one is named.
    """
    order = np.flatnonzero(known)
    if not len(order):
        return {}
    rank = rank_stops(stops)
    rank[[order[0], order[-1]]] = -1
    low, high, taken = km[order].min(), km[order].max(), dict[int, float]()

    def middle(x: float) -> float:
        """Return the middle of a name; one that would cross the sheet's edge ends at its leader."""
        return x - gap / 2 if x + gap / 2 > edge else x

    for i in sorted(order, key=lambda i: (rank[i], i)):
        if rank[i] >= 0 and names[i] in {names[j] for j in taken}:
            continue
        # Important names may be moved aside from their km, where there is room.
        shifts = (0.0, 1.0, -1.0) if rank[i] <= NAMED else (0.0,)
        for shift in shifts:
            x = float(km[i]) + shift * gap
            near = [j for j in taken if abs(middle(x) - middle(taken[j])) < gap * (1 - 1e-9)]
            # Names keep the order of their stops.
            mixed = any((taken[j] - x) * (km[j] - km[i]) < 0 for j in taken)
            if low <= x <= high and not near and not mixed:
                taken[int(i)] = x
                break
    return dict(sorted(taken.items()))


def _districts(axes: Axes, table: pd.DataFrame, span: tuple[float, float], say: Words) -> None:
    """Draw districts as bands with names where they fit, and "?" where the line may miss one."""
    _bare(axes, span)
    axes.set_ylim(0, 1)
    # Widths of letters are those in a figure of 11 inches.
    width, height = find_size(axes)
    whole = (span[1] - span[0]) * 11 / width
    # The band is 14 letters high in a figure of 5.2 inches, and 7 in one of 4 inches.
    letters = max(1, round(7 + 5.8 * (height - 4)))
    for i, row in enumerate(table.itertuples()):
        if pd.isna(row.name):
            continue
        axes.axvspan(row.km_in, row.km_out, color=_SHADES[i % 2], lw=0)
        share = (row.km_out - row.km_in) / whole
        name = say.name(row.name) + "?" * (getattr(row, "certainty", "") == "open")
        flat = 0.0058 * count_letters(name) < share
        # A vertical line of text must fit the height of the band.
        lines = [name] if flat else wrap(name, min(letters, 14), break_long_words=False)
        long = max(map(count_letters, lines)) > letters
        if flat or (share > 0.014 * len(lines) and not long):
            axes.text((row.km_in + row.km_out) / 2, 0.5, escape_text("\n".join(lines), 60),
                      rotation=0 if flat else 90, ha="center", va="center",
                      fontsize=7 if flat else 5.4, color=INK, clip_on=True)  # fmt: skip
    axes.set_ylabel(say("Districts"), rotation=0, ha="right", va="center", fontsize=7,
                    color=find_inks()[0])  # fmt: skip

"""The strip map: a corridor drawn straight, with all that stands along its chainage."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cpecgeo.analysis.overlay import crossed
from cpecgeo.maps.figures import (
    BORDER,
    GROUND_NOTE,
    INK,
    SOFT,
    dash_style,
    draw_profile,
    new_figure,
    plain_text,
    save_figure,
)  # fmt: skip
from cpecgeo.maps.style import STATUS_TITLES, look

__all__ = ["strip"]

_SHADES = ("#ece6da", "#dfe7ea")


def strip(thing: Any, *, every_km: float = 1.0, path: Any = None) -> Any:
    """A strip map: stops, sections, districts and elevation along the chainage.

    Parameters
    ----------
    thing : Corridor or str
        The corridor.
    every_km : float
        Kilometres between samples of elevation.
    path : path, optional
        Where to write it: ``.png``, ``.svg`` or ``.pdf``.

    Returns
    -------
    matplotlib.figure.Figure
        Three rows over one axis of chainage in km.

    Raises
    ------
    MissingExtraError
        matplotlib isn't installed.
    UnknownNameError
        No such corridor.
    InputError, FileError
        See `cpecgeo.maps.figures.save_figure`.

    Notes
    -----
    Names of stops that would run into each other are left out: ends and junctions stay first.

    Examples
    --------
    >>> len(strip("taxila-havelian", every_km=5).axes)
    3
    """
    import cpecgeo

    thing = cpecgeo.corridor(thing) if isinstance(thing, str) else thing
    figure = new_figure(11.0, 5.2)
    grid = figure.add_gridspec(3, 1, height_ratios=[2.6, 0.8, 1.8])
    line, area, ground = (figure.add_subplot(grid[i]) for i in range(3))
    draw_profile(ground, thing, every_km)
    left, right = ground.get_xlim()
    _stops(line, thing, (left, right))
    _districts(area, crossed(thing, "districts"), (left, right))
    ground.set_xlabel("Chainage, km", color=INK, fontsize=8)
    published = f", published {thing.official_km:,.0f} km" if pd.notna(thing.official_km) else ""
    figure.suptitle(
        f"{plain_text(thing.title, 100)}: drawn {thing.length_km:,.0f} km{published}",
        x=0.01, ha="left", fontsize=11, fontweight="bold", color=INK,
    )  # fmt: skip
    figure.supxlabel(GROUND_NOTE, fontsize=6.5, color=SOFT)
    if path is not None:
        save_figure(figure, path)
    return figure


def _bare(axes: Any, span: tuple[float, float]) -> None:
    axes.set_xlim(*span)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def _stops(axes: Any, thing: Any, span: tuple[float, float]) -> None:
    """The line, straight, with the names of its stops upright above it."""
    from matplotlib.lines import Line2D

    _bare(axes, span)
    axes.set_ylim(0, 1)
    color = look(thing.kind).color
    used: dict[str, None] = {}
    for row in thing.sections.itertuples():
        if pd.notna(row.km_from) and pd.notna(row.km_to):
            used[row.status] = None
            ends = sorted((row.km_from, row.km_to))
            axes.plot(ends, [0.12, 0.12], color=color, lw=3, ls=dash_style(row.status, 3),
                      solid_capstyle="butt", zorder=2)  # fmt: skip
    stops = thing.stops
    km = stops["km"].to_numpy(float)
    known = np.isfinite(km) & (km >= span[0]) & (km <= span[1])
    axes.plot(km[known], np.full(known.sum(), 0.12), "o", ms=3, color="white", mec=INK, mew=0.7,
              zorder=3)  # fmt: skip
    for i in _apart(stops, km, known, (span[1] - span[0]) / 62):
        name = plain_text(stops["name"].iloc[i], 30)
        axes.plot([km[i], km[i]], [0.15, 0.2], color=BORDER, lw=0.6, zorder=1)
        axes.text(km[i], 0.21, f"{name}  {km[i]:,.0f}", rotation=90, ha="center", va="bottom",
                  fontsize=6.8, color=INK)  # fmt: skip
    handles = [
        Line2D(
            [], [], color=color, lw=2.4, ls=dash_style(s, 2.4), label=STATUS_TITLES.get(s, str(s))
        )
        for s in used
        if isinstance(s, str)
    ]
    if handles:
        axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(0, -0.0), ncols=len(handles),
                    fontsize=7, frameon=False, borderpad=0)  # fmt: skip


def _apart(stops: Any, km: Any, known: Any, gap: float) -> list[int]:
    """Stops whose names fit beside each other: ends first, then junctions, then the rest."""
    weight = stops["name"].astype(str).str.contains(r"\b(?:Junction|Cantt|Cantonment|City)\b")
    order = np.flatnonzero(known)
    if not len(order):
        return []
    rank = weight.to_numpy(int)
    rank[[order[0], order[-1]]] = 2
    taken: list[int] = []
    for i in sorted(order, key=lambda i: (-rank[i], i)):
        if all(abs(km[i] - km[j]) >= gap for j in taken):
            taken.append(int(i))
    return sorted(taken)


def _districts(axes: Any, table: pd.DataFrame, span: tuple[float, float]) -> None:
    """Districts as bands; a name is written where it fits, upright where only that does."""
    _bare(axes, span)
    axes.set_ylim(0, 1)
    whole = span[1] - span[0]
    for i, row in enumerate(table.itertuples()):
        if pd.isna(row.name):
            continue
        axes.axvspan(row.km_in, row.km_out, color=_SHADES[i % 2], lw=0)
        share = (row.km_out - row.km_in) / whole
        name = plain_text(row.name, 30)
        flat = 0.0058 * len(name) < share
        if flat or share > 0.014:
            axes.text((row.km_in + row.km_out) / 2, 0.5, name,
                      rotation=0 if flat else 90, ha="center", va="center",
                      fontsize=7 if flat else 5.4, color=INK, clip_on=True)  # fmt: skip
    axes.set_ylabel("Districts", rotation=0, ha="right", va="center", fontsize=7, color=INK)

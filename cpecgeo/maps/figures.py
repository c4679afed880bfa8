"""Figures for paper, by matplotlib: strip map and elevation profile along a corridor.

They need no browser. Each is written as PNG, SVG or PDF by the file's suffix, or shown in a
notebook; the same figure gives the same bytes.

Install the extra: ``pip install 'cpecgeo[plot]'``.
"""

from __future__ import annotations

import io
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cpecgeo.analysis.overlay import crossed
from cpecgeo.analysis.profile import profile
from cpecgeo.errors import InputError, MissingExtraError
from cpecgeo.features.corridor import Corridor
from cpecgeo.features.corridors import corridor
from cpecgeo.features.places import rank_stops
from cpecgeo.files.disk import write_whole
from cpecgeo.maps.colors import DASHES, NAMED, STATUS_TITLES, find_look
from cpecgeo.maps.corridors import list_grounds, split_remark
from cpecgeo.maps.words import FigureStyle, Words, check_size, dress

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_profile", "draw_strip", "new_figure", "render_figure", "save_figure"]

INK, SOFT, BORDER = "#26231f", "#696358", "#a39b8c"
GROUND_NOTE = (
    "Ground under the drawn line, NOAA GLOBE 30″ grid; hatched where the line is known too "
    "roughly for it to be the ground of the road or railway."
)
_SHADES = ("#ece6da", "#dfe7ea")
_FORMATS = {".png": "png", ".svg": "svg", ".pdf": "pdf"}
# No dates in the files, and no random ids: the same figure gives the same bytes.
_UNDATED: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None, "ModDate": None},
}
_RC: Any = {"svg.hashsalt": "cpecgeo", "svg.fonttype": "none", "pdf.fonttype": 42, "font.size": 8.5}


def new_figure(width_in: float, height_in: float) -> Figure:
    """Return an empty figure that no window holds.

    Parameters
    ----------
    width_in, height_in : float
        In inches.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    MissingExtraError
        matplotlib isn't installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError(
            "figures need matplotlib; install it with: pip install 'cpecgeo[plot]'"
        ) from error
    return Figure(figsize=(width_in, height_in), layout="constrained")


def save_figure(figure: Figure, path: str | Path, *, dpi: int = 200) -> Path:
    """Write a figure as its file's suffix says.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What to write.
    path : path
        Ends in ``.png``, ``.svg`` or ``.pdf``.
    dpi : int
        Dots per inch of a PNG.

    Returns
    -------
    Path
        `path`; written whole or not at all.

    Raises
    ------
    InputError
        Another suffix.
    FileError
        The folder is missing or can't be written.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_figure(new_figure(2, 1), pathlib.Path(folder) / "empty.svg").suffix
    '.svg'
    """
    path = Path(path)
    kind = _FORMATS.get(path.suffix.lower())
    if kind is None:
        raise InputError(
            f"{path.name!r} ends in {path.suffix!r}; a figure is written as .png, .svg or .pdf."
        )
    return write_whole(path, render_figure(figure, kind, dpi=dpi))


def render_figure(figure: Figure, kind: str, *, dpi: int = 200) -> bytes:
    """Render a figure as ``png``, ``svg`` or ``pdf``; the same figure gives the same bytes."""
    import matplotlib as mpl

    buffer = io.BytesIO()
    with mpl.rc_context(_RC):
        if kind == "svg":
            # `savefig` draws twice, once to try the layout; the first drawing has it already.
            from matplotlib.backends.backend_svg import FigureCanvasSVG

            canvas: Any = FigureCanvasSVG(figure)
            canvas.print_svg(buffer, metadata=_UNDATED[kind])
            return buffer.getvalue()
        figure.savefig(buffer, format=kind, dpi=dpi, metadata=_UNDATED[kind])
    return buffer.getvalue()


def escape_text(text: Any, longest: int = 80) -> str:
    """Escape text, so that matplotlib finds no mathematics between dollar signs."""
    said = str(text)
    cut = said if len(said) <= longest else f"{said[: longest - 1].rstrip()}…"
    return cut.replace("$", r"\$")


def convert_dash(status: Any, weight: float) -> Any:
    """Convert a status to matplotlib's line style, which counts in line widths as ours."""
    pattern = DASHES.get(status if isinstance(status, str) else "", "")
    if not pattern:
        return "solid"
    scale = max(1.0, 1.6 / weight)
    return (0, tuple(float(n) * scale for n in pattern.split()))


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
        Width and height in inches.
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
        figure = new_figure(*check_size(size))
        axes = figure.add_subplot()
        plot_profile(axes, thing, every_km, say)
        title = escape_text(say.name(thing.title), 120)
        axes.set_title(title, loc="left", fontsize=11, color=INK)
        figure.supxlabel(say(GROUND_NOTE), fontsize=6.5, color=SOFT, wrap=True)
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
    # Where the line is too poor for the ground to be the road's, to the samples beside it.
    for a, b in list_grounds(table["is_ground"]):
        near = slice(max(0, a - 1), b + 2)
        axes.fill_between(km[near], high[near], 0, fc="#f3efe7", ec="#a89c86", hatch="////", lw=0)
    axes.set_xlim(km[0], km[-1])
    axes.set_ylim(0, np.nanmax(high) * 1.12 if np.isfinite(high).any() else 100)
    axes.set_ylabel(say("m above sea"), color=INK, fontsize=8)
    axes.set_xlabel(say("Chainage, km"), color=INK, fontsize=8)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda v, _: f"{v:,.10g}")  # as all numbers of the figure
    axes.grid(axis="y", color="#e3ddd1", lw=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=7, colors=SOFT, length=2)
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
        What `crossed` says of the corridor and its districts; asked when omitted.
    lang : str
        ``"en"``, ``"ur"`` (from matplotlib 3.11 on) or ``"zh"`` (with a font that has the
        letters).
    size : (float, float)
        Width and height in inches.
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
        A size out of range; see `cpecgeo.maps.figures.save_figure`.

    Notes
    -----
    Of names that would run into each other, those of ends and of the larger towns stay.

    Examples
    --------
    >>> len(draw_strip("taxila-havelian", every_km=5).axes)
    3
    """
    thing = corridor(thing) if isinstance(thing, str) else thing
    zones = crossed(thing, "districts") if districts is None else districts
    drawn, published = f"{thing.length_km:,.0f}", f"{thing.official_km:,.0f}"
    with dress(lang, style) as say:
        figure = new_figure(*check_size(size))
        grid = figure.add_gridspec(3, 1, height_ratios=[2.6, 0.8, 1.8])
        line, area, ground = (figure.add_subplot(grid[i]) for i in range(3))
        plot_profile(ground, thing, every_km, say)
        span = ground.get_xlim()
        _stops(line, thing, span, say)
        _districts(area, zones, span, say)
        title = escape_text(say.name(thing.title), 100)
        title = say("{title}: drawn {drawn} km", title=title, drawn=drawn)
        if pd.notna(thing.official_km):
            title += say(", published {published} km", published=published)
        figure.suptitle(title, x=0.01, ha="left", fontsize=11, color=INK,
                        wrap=True)  # fmt: skip
        figure.supxlabel(say(GROUND_NOTE), fontsize=6.5, color=SOFT, wrap=True)
        figure.draw_without_rendering()
    if path is not None:
        save_figure(figure, path)
    return figure


def _bare(axes: Axes, span: tuple[float, float]) -> None:
    axes.set(xlim=span, xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_visible(False)


def _stops(axes: Axes, thing: Corridor, span: tuple[float, float], say: Words) -> None:
    """Draw the line, straight, with the names of its stops upright above it."""
    from matplotlib.lines import Line2D

    _bare(axes, span)
    axes.set_ylim(0, 1)
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
    # A name is 0.18 inches wide, whatever the figure is.
    gap = 0.18 * (span[1] - span[0]) / (axes.figure.bbox.width / axes.figure.dpi)
    own = stops.get(f"name_{say.lang}", stops["name"])
    names = [say.name(split_remark(name)[0]) for name in own.where(own.notna(), stops["name"])]
    for i, x in _place_names(stops, km, known, gap).items():
        axes.plot([km[i], x], [0.15, 0.2], color=BORDER, lw=0.6, zorder=1)
        axes.text(x, 0.21, f"{escape_text(names[i], 30)}  {km[i]:,.0f}", rotation=90,
                  ha="right" if x + gap / 2 > span[1] else "center", va="bottom", fontsize=6.8,
                  color=INK)  # fmt: skip
    handles = [
        Line2D([], [], color=color, lw=2.4, ls=convert_dash(s, 2.4),
               label=say(STATUS_TITLES.get(s, str(s))))
        for s in used
        if isinstance(s, str)
    ]  # fmt: skip
    if handles:
        axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(0, -0.0), ncols=len(handles),
                    fontsize=7, frameon=False, borderpad=0)  # fmt: skip


def _place_names(stops: Any, km: Any, known: Any, gap: float) -> dict[int, float]:
    """Choose stops whose names fit beside each other, and where: ends and main towns first."""
    order = np.flatnonzero(known)
    if not len(order):
        return {}
    rank = rank_stops(stops)
    rank[[order[0], order[-1]]] = -1
    low, high, taken = km[order].min(), km[order].max(), dict[int, float]()
    for i in sorted(order, key=lambda i: (rank[i], i)):
        # What a reader looks for may stand aside of its own km, where there is room.
        shifts = (0.0, 1.0, -1.0) if rank[i] <= NAMED else (0.0,)
        for shift in shifts:
            x = float(km[i]) + shift * gap
            near = [j for j in taken if abs(x - taken[j]) < gap * (1 - 1e-9)]
            # Names stand in the order of their stops.
            mixed = any((taken[j] - x) * (km[j] - km[i]) < 0 for j in taken)
            if low <= x <= high and not near and not mixed:
                taken[int(i)] = x
                break
    return dict(sorted(taken.items()))


def _districts(axes: Axes, table: pd.DataFrame, span: tuple[float, float], say: Words) -> None:
    """Draw districts as bands, named where it fits, with "?" where the line may pass one by."""
    _bare(axes, span)
    axes.set_ylim(0, 1)
    # Letters are as wide as in a figure of 11 inches.
    whole = (span[1] - span[0]) * 11 / (axes.figure.bbox.width / axes.figure.dpi)
    for i, row in enumerate(table.itertuples()):
        if pd.isna(row.name):
            continue
        axes.axvspan(row.km_in, row.km_out, color=_SHADES[i % 2], lw=0)
        share = (row.km_out - row.km_in) / whole
        name = say.name(row.name) + "?" * (getattr(row, "certainty", "") == "open")
        flat = 0.0058 * len(name) < share
        # Upright, a line of 14 letters is as long as the band is high.
        lines = [name] if flat else wrap(name, 14)
        if flat or share > 0.014 * len(lines):
            axes.text((row.km_in + row.km_out) / 2, 0.5, escape_text("\n".join(lines), 60),
                      rotation=0 if flat else 90, ha="center", va="center",
                      fontsize=7 if flat else 5.4, color=INK, clip_on=True)  # fmt: skip
    axes.set_ylabel(say("Districts"), rotation=0, ha="right", va="center", fontsize=7, color=INK)

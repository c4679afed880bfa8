"""Figures for paper, by matplotlib: overview map, strip map, elevation profile.

They need no browser. Each is written as PNG, SVG or PDF by the file's suffix, or shown in a
notebook; the same figure gives the same bytes.

Install the extra: ``pip install 'cpecgeo[plot]'``.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from cpecgeo.errors import InputError, MissingExtraError
from cpecgeo.files.atomic import write_whole
from cpecgeo.maps.background import ground_shapes
from cpecgeo.maps.naming import dots, write_names
from cpecgeo.maps.style import DASHES, KINDS, STATUS_TITLES, look

__all__ = ["overview", "profile", "save_figure"]

INK, SOFT, LAND, HOME, SEA, BORDER = (
    "#26231f", "#696358", "#efebe3", "#fbf9f4", "#dbe6ea", "#a39b8c",
)  # fmt: skip
_FORMATS = {".png": "png", ".svg": "svg", ".pdf": "pdf"}
# No dates in the files, and no random ids: the same figure gives the same bytes.
_UNDATED: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None, "ModDate": None},
}
_RC: Any = {"svg.hashsalt": "cpecgeo", "svg.fonttype": "none", "pdf.fonttype": 42, "font.size": 8.5}


def new_figure(width_in: float, height_in: float) -> Any:
    """An empty figure that no window holds.

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
    return Figure(figsize=(width_in, height_in), layout="constrained", facecolor="white")


def save_figure(figure: Any, path: Any, *, dpi: int = 200) -> Path:
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
    return write_whole(path, drawn_figure(figure, kind, dpi=dpi))


def drawn_figure(figure: Any, kind: str, *, dpi: int = 200) -> bytes:
    """A figure as ``png``, ``svg`` or ``pdf``; the same figure gives the same bytes."""
    import matplotlib as mpl

    buffer = io.BytesIO()
    with mpl.rc_context(_RC):
        figure.savefig(buffer, format=kind, dpi=dpi, metadata=_UNDATED[kind])
    return buffer.getvalue()


def plain_text(text: Any, longest: int = 80) -> str:
    """Text that matplotlib writes as it comes: no mathematics between dollar signs."""
    return str(text)[:longest].replace("$", r"\$")


def _polygons(axes: Any, geometry: Any, **options: Any) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as Outline

    for part in shapely.get_parts(geometry):
        if shapely.get_dimensions(part) != 2:
            continue
        rings = [shapely.get_coordinates(ring) for ring in shapely.get_rings(part)]
        outline = Outline.make_compound_path(*(Outline(ring, closed=True) for ring in rings))
        axes.add_patch(PathPatch(outline, **options))


def _lines(axes: Any, geometry: Any, **options: Any) -> None:
    from matplotlib.collections import LineCollection

    parts = [p for p in shapely.get_parts(geometry) if shapely.get_dimensions(p) == 1]
    axes.add_collection(LineCollection([shapely.get_coordinates(p) for p in parts], **options))


def dash_style(status: Any, weight: float) -> Any:
    """A status as matplotlib's line style; matplotlib counts in line widths as we do."""
    pattern = DASHES.get(status if isinstance(status, str) else "", "")
    if not pattern:
        return "solid"
    scale = max(1.0, 1.6 / weight)
    return (0, tuple(float(n) * scale for n in pattern.split()))


def overview(
    names: Sequence[Any] | None = None,
    *,
    title: str = "China–Pakistan Economic Corridor",
    path: Any = None,
) -> Any:
    """An overview map of corridors: colour by kind, dash by status.

    Parameters
    ----------
    names : sequence of str or Corridor, optional
        Corridors to draw; all when omitted.
    title : str
        Above the map.
    path : path, optional
        Where to write it: ``.png``, ``.svg`` or ``.pdf``.

    Returns
    -------
    matplotlib.figure.Figure
        In lon, lat, stretched so that distances agree in both directions at the middle.

    Raises
    ------
    MissingExtraError
        matplotlib isn't installed.
    UnknownNameError
        A corridor that doesn't exist.
    InputError, FileError
        See `save_figure`.

    Examples
    --------
    >>> overview(["ml1", "kkh"]).axes[0].get_title(loc="left")
    'China–Pakistan Economic Corridor'
    """
    import cpecgeo

    chosen = list(names) if names is not None else list(cpecgeo.corridors().index)
    things = [cpecgeo.corridor(n) if isinstance(n, str) else n for n in chosen]
    figure = new_figure(8.0, 7.6)
    axes = figure.add_subplot()
    west, south, east, north = 60.5, 23.3, 78.3, 37.3
    for thing in things:
        box = shapely.bounds(thing.line)
        west, south = min(west, box[0] - 0.4), min(south, box[1] - 0.4)
        east, north = max(east, box[2] + 0.4), max(north, box[3] + 0.4)
    axes.set_facecolor(SEA)
    shapes = ground_shapes()
    _polygons(axes, shapes["land"], facecolor=LAND, edgecolor="none", zorder=0)
    _polygons(axes, shapes["home"], facecolor=HOME, edgecolor="none", zorder=1)
    _lines(axes, shapes["rivers"], colors="#a9c7d6", linewidths=0.7, zorder=2)
    _lines(axes, shapes["provinces"], colors="#cbc3b4", linewidths=0.7, zorder=2)
    _lines(axes, shapes["borders"], colors=BORDER, linewidths=0.8, zorder=2)
    _lines(
        axes, shapes["disputed"], colors="#7d7364", linewidths=0.8, linestyles=(0, (3, 2)), zorder=2
    )
    drawn: set[str] = set()
    used: set[str] = set()
    for thing in things:
        for row in thing.sections.itertuples():
            if row.geometry is None or row.id in drawn:
                continue
            drawn.add(row.id)
            used.add(row.status)
            weight = 1.6
            kind = "rail" if row.kind == "rail" else thing.kind
            _lines(
                axes, row.geometry, colors=look(kind).color, linewidths=weight,
                linestyles=dash_style(row.status, weight), zorder=4,
            )  # fmt: skip
    dots(axes)
    _sites(axes)
    _frame(axes, (west, south, east, north), title)
    _key(
        axes,
        {
            "rail" if kind == "rail" else thing.kind
            for thing in things
            for kind in thing.sections["kind"]
        },
        used,
    )
    figure.supxlabel(
        "Boundaries as in Natural Earth, dashed where disputed; not a position on any of them. "
        "Lines: cpecgeo; \u00a9 OpenStreetMap contributors, GeoNames.",
        fontsize=6.5, color=SOFT,
    )  # fmt: skip
    write_names(figure, axes)
    if path is not None:
        save_figure(figure, path)
    return figure


_MARKS = {"crossings": "s", "ports": "v", "mines": "D"}


def _sites(axes: Any) -> None:
    """Border crossings, ports and mines, by shape."""
    import cpecgeo

    for name, mark in _MARKS.items():
        frame = cpecgeo.layer(name)
        frame = frame[frame.geometry.notna()]
        axes.plot(frame.geometry.x, frame.geometry.y, mark, ms=4, color=KINDS[name].color,
                  mec="white", mew=0.5, zorder=5)  # fmt: skip


def _frame(axes: Any, box: tuple[float, float, float, float], title: str) -> None:
    west, south, east, north = box
    axes.set_xlim(west, east)
    axes.set_ylim(south, north)
    axes.set_aspect(1 / np.cos(np.radians((south + north) / 2)))
    axes.xaxis.set_major_formatter(lambda v, _: f"{v:g}° E")
    axes.yaxis.set_major_formatter(lambda v, _: f"{v:g}° N")
    axes.tick_params(labelsize=7, colors=SOFT, length=2)
    for spine in axes.spines.values():
        spine.set_color(BORDER)
    axes.set_title(plain_text(title, 120), loc="left", fontsize=11, fontweight="bold", color=INK)


def _key(axes: Any, kinds: set[str], statuses: set[str]) -> None:
    from matplotlib.lines import Line2D

    entries = [
        Line2D([], [], color=look(kind).color, lw=1.8, label=look(kind).title)
        for kind in ("road", "rail", "mining")
        if kind in kinds
    ]
    entries += [
        Line2D([], [], color=INK, lw=1.4, ls=dash_style(status, 1.4), label=text.capitalize())
        for status, text in STATUS_TITLES.items()
        if status in statuses
    ]
    entries.append(
        Line2D([], [], color="#7d7364", lw=0.8, ls=(0, (3, 2)), label="Disputed boundary")
    )
    entries += [
        Line2D([], [], ls="", marker=mark, ms=4, color=KINDS[name].color, label=KINDS[name].title)
        for name, mark in _MARKS.items()
    ]
    axes.legend(handles=entries, loc="upper left", fontsize=7, framealpha=0.95, edgecolor=BORDER)


def profile(thing: Any, *, every_km: float = 1.0, path: Any = None) -> Any:
    """Elevation of the ground along a corridor.

    Parameters
    ----------
    thing : Corridor or str
        The corridor.
    every_km : float
        Kilometres between samples.
    path : path, optional
        Where to write it: ``.png``, ``.svg`` or ``.pdf``.

    Returns
    -------
    matplotlib.figure.Figure
        Chainage in km across, metres above sea level up.

    Raises
    ------
    MissingExtraError
        matplotlib isn't installed.
    UnknownNameError
        No such corridor.
    InputError, FileError
        See `save_figure`.

    Examples
    --------
    >>> profile("kkh-pakistan", every_km=10).axes[0].get_xlabel()
    'Chainage, km'
    """
    import cpecgeo

    thing = cpecgeo.corridor(thing) if isinstance(thing, str) else thing
    figure = new_figure(9.0, 3.0)
    axes = figure.add_subplot()
    draw_profile(axes, thing, every_km)
    axes.set_xlabel("Chainage, km", color=INK, fontsize=8)
    axes.set_title(
        plain_text(thing.title, 120), loc="left", fontsize=11, fontweight="bold", color=INK
    )
    figure.supxlabel(GROUND_NOTE, fontsize=6.5, color=SOFT)
    if path is not None:
        save_figure(figure, path)
    return figure


GROUND_NOTE = (
    "Ground under the drawn line, NOAA GLOBE 30″ grid; the line cuts across bends of a valley "
    "where it is known less closely."
)


def draw_profile(axes: Any, thing: Any, every_km: float) -> None:
    """The profile itself, on axes whose x is chainage in km."""
    table = thing.profile(every_km)
    km, high = table["km"].to_numpy(float), table["elevation_m"].to_numpy(float)
    axes.fill_between(km, high, 0, color="#d9cfbd", lw=0)
    axes.plot(km, high, color="#6e3b24", lw=1.0)
    axes.set_xlim(km[0], km[-1])
    axes.set_ylim(0, np.nanmax(high) * 1.12 if np.isfinite(high).any() else 100)
    axes.set_ylabel("m above sea", color=INK, fontsize=8)
    axes.grid(axis="y", color="#e3ddd1", lw=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=7, colors=SOFT, length=2)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)

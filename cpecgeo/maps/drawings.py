"""The layers that `Map.add` draws for each kind of input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from cpecgeo.errors import InputTypeError, UnknownNameError
from cpecgeo.features.corridor import Corridor
from cpecgeo.features.places import Place
from cpecgeo.features.resolve import resolve
from cpecgeo.features.subject import Subject, SubjectLike
from cpecgeo.maps.colors import BESIDE, CATEGORIES, LOOKS
from cpecgeo.maps.corridors import (
    choose_decimals,
    encode_posts,
    encode_profile,
    name_briefly,
    split_edges,
    style_line,
    style_stops,
    style_towns,
    tabulate_sections,
    tabulate_stops,
    tabulate_towns,
    title_routes,
)
from cpecgeo.maps.style import Style, check_style, refuse_idle, style_result
from cpecgeo.routing import Reach, Route
from cpecgeo.routing.border import Market
from cpecgeo.routing.search import Snap

__all__ = ["TOWNS", "Drawing", "color_drawing", "list_drawings"]

TOWNS = "towns-on-the-way"
"""Key of the layer of towns that a route passes."""
# Colours of the nearest and the farthest reach.
_NEAR_TO_FAR = ["#0b5c97", "#4a93c4", "#d08a2e", "#b03a2e"]
_OF_ADD = ("name", "group", "show", "control", "geometry", "profile")  # options besides styles
# Columns of dates are left out of routes: no slider should hide parts of a route.
_TIMELESS = {"timeless": True}
_NO_PROFILE = "profile is for a corridor or a route; x is a {}; leave it out."
# Swapped lon and lat are refused later, by `encode_layer`, which names the rows.
_take = partial(resolve, missing="keep", anywhere=True)


@dataclass(frozen=True)
class Drawing:
    """One layer to draw, with the km posts and the profile of its line.

    Parameters
    ----------
    frame : GeoDataFrame or GeoSeries
        The features.
    style : Style
    name, group : str
        Of the layer; the group is "" for the caller's.
    key : str, optional
        Name of the layer for the page's script.
    posts, profile : dict, optional
        From `encode_posts` and `encode_profile`.
    title : str
        Of the thing for the map's title; the name of the first layer when all are empty.
    by_kind : bool
        Whether this is a corridor that is coloured by its kind.
    """

    frame: Any
    style: Style
    name: str
    group: str = ""
    key: str | None = None
    posts: dict[str, Any] | None = None
    profile: dict[str, Any] | None = None
    title: str = ""
    by_kind: bool = False


def color_drawing(drawing: Drawing, color: str) -> Style:
    """Set `color` in a style that has neither its own colour nor colours by kind."""
    frame = drawing.frame
    kinds = frame["kind"] if isinstance(frame, gpd.GeoDataFrame) and "kind" in frame else []
    if drawing.style.color is not None or any(k in LOOKS for k in set(map(str, kinds))):
        return drawing.style
    return replace(drawing.style, color=color)


def list_drawings(
    x: SubjectLike,
    *,
    name: str | None,
    geometry: SubjectLike | None,
    style: Mapping[str, Any],
    profile: bool = False,
) -> Iterator[Drawing]:
    """Yield the layers of a thing; arguments and errors as for `Map.add`.

    Examples
    --------
    >>> from shapely.geometry import Point
    >>> [d.name for d in list_drawings(Point(67, 25), name="here", geometry=None, style={})]
    ['here']
    """
    known = [f.name for f in fields(Style)]
    for key in (k for k in style if k not in known):
        raise UnknownNameError(key, "style option", [*known, *_OF_ADD])
    check_style(Style(**style))
    _refuse_idle(x, geometry, profile=profile)
    parts = list(_draw(x, name, geometry, style, profile=profile))
    refuse_idle(style, [(part.frame, part.style) for part in parts])
    yield from parts


def _draw(
    x: SubjectLike,
    name: str | None,
    geometry: SubjectLike | None,
    style: Mapping[str, Any],
    *,
    profile: bool,
) -> Iterator[Drawing]:
    look = Style(**style)
    if isinstance(x, gpd.GeoDataFrame) and geometry is not None:
        x = pd.DataFrame(x.drop(columns=x.geometry.name))
    if isinstance(x, pd.DataFrame) and not isinstance(x, gpd.GeoDataFrame):
        yield from _table(x, geometry, look, name or "Result")
    elif isinstance(x, (gpd.GeoDataFrame, gpd.GeoSeries)):
        yield Drawing(*style_result(x, look), name or _own_name(x) or "Features")
    elif isinstance(x, (list, tuple)) and any(not isinstance(v, shapely.Geometry) for v in x):
        yield from _list(x, name, style, profile=profile)
    else:
        subject = _take(x)
        thing = subject.things[0] if subject.is_single and subject.things else None
        parts = _subject(subject, x, look, style, name)
        if profile:
            if not isinstance(thing, (Corridor, Route)):
                raise InputTypeError(_NO_PROFILE.format(f"{subject.kind} ({subject.title})"))
            yield _with_profile(next(parts), thing)
        yield from parts


def _refuse_idle(x: SubjectLike, geometry: SubjectLike | None, *, profile: bool) -> None:
    """Refuse options without an effect on the thing."""
    if profile and isinstance(x, (pd.DataFrame, gpd.GeoSeries)):
        raise InputTypeError(_NO_PROFILE.format(type(x).__name__))
    if geometry is not None and not isinstance(x, pd.DataFrame):
        raise InputTypeError(f"geometry is for a table; x is {type(x).__name__}, so leave it out.")


def _list(
    x: Sequence[Any], name: str | None, style: Mapping[str, Any], *, profile: bool
) -> Iterator[Drawing]:
    """Yield the layers of several things; each route has its own colour, side by side."""
    routes = [v for v in x if isinstance(v, Route)]
    whole = name or title_routes(routes)
    place = -1
    for turn, one in enumerate(x, 1):
        title = f"{name} {turn}" if name else None
        if title and isinstance(one, Route):
            title = f"{title}, {_write_figures(one)}"
        if not isinstance(one, Route):
            _refuse_idle(one, None, profile=profile)
            first, *rest = _draw(one, title, None, style, profile=profile)
            yield from (replace(first, title=name or first.title or first.name), *rest)
            continue
        place += 1
        own: dict[str, Any] = {"color": CATEGORIES[(turn - 1) % len(CATEGORIES)], "weight": 4.0}
        aside = {"aside": BESIDE * (place - (len(routes) - 1) / 2)} if len(routes) > 1 else {}
        own |= dict(style) | {"extra": aside | dict(style.get("extra", {}))}
        line = _route(one, Style(**own), title, [r for r in routes if r is not one])
        line = replace(line, title=whole or line.name)
        yield _with_profile(line, one) if profile else line
    if routes:
        yield from _on_the_way(routes)


def _with_profile(line: Drawing, thing: Corridor | Route) -> Drawing:
    return replace(line, profile=encode_profile(thing, line.name))


def _subject(
    subject: Subject, x: object, look: Style, style: Mapping[str, Any], name: str | None
) -> Iterator[Drawing]:
    """Yield the layers of a resolved subject."""
    thing = subject.things[0] if subject.is_single and subject.things else None
    if isinstance(thing, Corridor):
        yield from _corridor(thing, look, style, name)
    elif isinstance(thing, Route):
        yield from (_route(thing, look, name), *_on_the_way([thing]))
    elif isinstance(thing, Reach):
        yield from _reach(thing, look, name)
    elif thing is not None:
        yield _place(thing, look, name)
    else:
        yield _draw_shapes(subject, x, look, name)


def _draw_shapes(subject: Subject, x: object, look: Style, name: str | None) -> Drawing:
    """Draw the shapes of a subject that is no thing of the package's own."""
    # A layer is named by the caller's name for it; geometries and lists by their kind.
    title = name or (x if subject.kind == "layer" and isinstance(x, str) else subject.title)
    frame = subject.frame
    if frame is None:
        frame = gpd.GeoDataFrame({"name": [title] * len(subject)}, geometry=subject.shapes)
    kind = LOOKS.get(str(frame.attrs.get("layer"))) if subject.kind == "layer" else None
    if kind is not None:
        look = replace(look, color=look.color or kind.color, shape=look.shape or kind.shape)
    return Drawing(frame, look, title)


def _reach(x: Reach, style: Style, name: str | None) -> Iterator[Drawing]:
    """Draw the lines reached, coloured by distance, and the origin."""
    title = name or x.title
    look = replace(style, weight=style.weight or 4.0)
    if style.color is None:
        # The given limits, or quarters of a single one.
        scheme = list(x.limits[:-1]) or [x.limit * part / 4 for part in (1, 2, 3)]
        unit = {"hours": "h"}.get(x.weight, x.weight)
        places = x.title.removeprefix(f"Within {x.limit:g} {x.weight} of ")
        look = replace(look, color="cost_to", scheme=scheme, unit=unit,
                       cmap=style.cmap or _NEAR_TO_FAR,
                       legend=style.legend or f"From {places}",
                       extra={"most": x.limit} | dict(style.extra))  # fmt: skip
    look = replace(look, extra=_TIMELESS | dict(look.extra))
    edges = x.edges
    if look.color == "cost_to" and not isinstance(look.scheme, str):
        edges = split_edges(edges, look.scheme)
    yield Drawing(edges, look, title, "Reach")
    area = gpd.GeoDataFrame({"name": [title]}, geometry=[x.polygon], crs="EPSG:4326")
    yield Drawing(area, replace(style, fill=0.12, search=False), f"{title}: area", "Reach")
    if len(x.towns):
        dots = replace(style, radius=3.5, label="name", extra={"once": True} | dict(style.extra))
        yield Drawing(x.towns, dots, "Towns reached", "Reach")
    yield _mark(x.origins, "Origin", "Reach")


def _mark(ends: Sequence[Snap], name: str, group: str) -> Drawing:
    """Mark the ends of something."""
    once = {one.name: one.point for one in ends}
    frame = gpd.GeoDataFrame({"name": list(once)}, geometry=list(once.values()), crs="EPSG:4326")
    style = Style(color="#23211e", radius=6.0, shape="star", label="name", label_class="city",
                  label_zoom=3.0, extra={"order": 5, "fixed": True})  # fmt: skip
    return Drawing(frame, style, name, group)


def _on_the_way(routes: Sequence[Route]) -> Iterator[Drawing]:
    """Draw the ends of routes, and the towns that they pass."""
    yield _mark([end for one in routes for end in (one.origin, one.destination)],
                "Start and end", "Routes")  # fmt: skip
    towns = tabulate_towns(routes)
    yield Drawing(towns, style_towns(towns), "Towns on the way", "Routes", key=TOWNS)


def _own_name(x: gpd.GeoDataFrame | gpd.GeoSeries) -> str:
    own = x.attrs.get("title") or x.attrs.get("name") or getattr(x, "name", None)
    return own if isinstance(own, str) else ""


def _table(
    table: pd.DataFrame, geometry: SubjectLike | None, style: Style, name: str
) -> Iterator[Drawing]:
    columns = set(table.columns)
    about = None if geometry is None else _take(geometry, "geometry")
    along = about.things[0] if about and about.is_single and about.things else None
    if {"km_in", "km_out"} <= columns and isinstance(along, Corridor):
        stretches = [
            along.between(a, b) if a < b else None
            for a, b in zip(table["km_in"], table["km_out"], strict=True)
        ]
        frame = gpd.GeoDataFrame(table, geometry=stretches, crs="EPSG:4326")
        yield Drawing(frame, replace(style, weight=style.weight or 6.0), name)
    elif about is not None:
        series = _match(table, about.shapes)
        table = _with_names(table, about.frame)
        if {"lon", "lat"} <= columns:
            yield Drawing(_connect(table, series), replace(style, weight=1.5), f"{name}: links")
        yield Drawing(gpd.GeoDataFrame(table, geometry=series), style, name)
    else:
        try:
            frame = _take(table, "the table").frame
        except InputTypeError as error:
            raise InputTypeError(
                "the table has no geometry and no columns lon and lat; give the geometries it is "
                "about with geometry=."
            ) from error
        yield Drawing(frame, style, name)


def _with_names(table: pd.DataFrame, about: gpd.GeoDataFrame | None) -> pd.DataFrame:
    """Add the names of the rows' features, where the table has none."""
    if about is None or not about.index.is_unique:
        return table
    names = [c for c in ("name", "name_ur", "name_zh") if c in about.columns]
    if {"name", "title"} & set(table.columns):
        return table
    return table.assign(**{c: about[c].reindex(table.index) for c in names})


def _match(table: pd.DataFrame, series: gpd.GeoSeries) -> gpd.GeoSeries:
    """Return the geometry for each row, matched by index."""
    missing = table.index.difference(series.index)
    if len(missing):
        raise InputTypeError(
            f"geometry has no rows for {missing[:5].tolist()}; it must be what the table was "
            "made from, with the same index."
        )
    if series.index.is_unique:
        return series.reindex(table.index)
    if len(series) == len(table) and series.index.equals(table.index):
        return series
    raise InputTypeError("geometry repeats its index, so rows can't be matched; reset both.")


def _connect(table: pd.DataFrame, origin: gpd.GeoSeries) -> gpd.GeoDataFrame:
    """Return a line from each geometry to the closest point in its row."""
    ends = np.column_stack([table["lon"].to_numpy(float), table["lat"].to_numpy(float)])
    starts = np.asarray(origin.representative_point().array, dtype=object)
    lines = [
        shapely.LineString([s, e]) if s is not None and np.isfinite(e).all() else None
        for s, e in zip(starts, ends, strict=True)
    ]
    return gpd.GeoDataFrame(table, geometry=lines, crs="EPSG:4326")


def _corridor(
    x: Corridor, style: Style, options: Mapping[str, Any], name: str | None
) -> Iterator[Drawing]:
    title = name or str(x.title)
    frame = tabulate_sections(x).drop(columns="corridor")
    look = style_line(frame, weight=4.0) if options else style_line(frame)
    # Its name stands on the map where others of its kind are drawn, too.
    brief = {"brief": name_briefly(x) if title == str(x.title) else title}
    own = {"extra": {**brief, **look.extra, **options.get("extra", {})}}
    look = replace(look, **{**options, **own})
    key, posts = f"corridor-{x.name}", encode_posts(x)
    posts = posts and posts | {"layer": key}
    yield Drawing(
        frame, look, title, "Corridors", key=key, posts=posts, by_kind=style.color is None
    )
    stops = tabulate_stops(x)
    if stops is not None:
        yield Drawing(stops, style_stops(stops), "Stops", "Corridors")


def _write_figures(x: Route) -> str:
    return f"{x.chainage_km:,.0f}\u00a0km, {x.hours:,.1f}\u00a0h"


def _route(x: Route, style: Style, name: str | None, others: Sequence[Route] = ()) -> Drawing:
    """Draw a route, labelled with ends, km and hours on the longest leg that only it has."""
    figures = _write_figures(x)
    legs = x.legs
    if style.label is None:
        shared = {section for other in others for section in other.legs["section"]}
        long = legs["km"].where(~legs["section"].isin(shared), legs["km"] / 1e6)
        best = int(np.argmax(long))
        written_at = [figures if k == best else None for k in range(len(legs))]
        legs = legs.assign(**{"cpec:label": written_at})
        style = replace(style, label="cpec:label", label_class="line", label_zoom=3.0)
        style = replace(style, extra={"order": 4} | dict(style.extra))
    written = min(style.decimals, choose_decimals(legs["accuracy_km"]))
    style = replace(style, decimals=written, extra=_TIMELESS | dict(style.extra))
    title = name or f"{x.origin.name} \u2013 {x.destination.name}, {figures}"
    return Drawing(legs, replace(style, weight=style.weight or 5.0), title, "Routes")


def _place(x: Place | Market, style: Style, name: str | None) -> Drawing:
    title = name or x.name
    cells = {c: [getattr(x, c, None)] for c in ("kind", "source", "accuracy_km")}
    frame = gpd.GeoDataFrame({"name": [title], **cells}, geometry=[x.point], crs="EPSG:4326")
    if style.label is None:
        style = replace(style, label="name", label_zoom=3.0)
    return Drawing(frame, style, title)

"""What `Map.add` can draw, and the layers that each thing becomes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from cpecgeo.errors import InputTypeError, UnknownNameError
from cpecgeo.geodesy import lonlat
from cpecgeo.maps.layer import Style
from cpecgeo.maps.lines import line_style, posts_of, section_table, stop_style, stop_table
from cpecgeo.maps.style import CATEGORIES, KINDS

__all__ = ["Part", "colored", "named", "parts"]


@dataclass(frozen=True)
class Part:
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
    """

    frame: Any
    style: Style
    name: str
    group: str = ""
    show: bool = True
    posts: dict[str, Any] | None = None
    key: str | None = None


def parts(x: Any, *, name: str | None, geometry: Any, style: Mapping[str, Any]) -> Iterator[Part]:
    """The layers that a thing becomes.

    Parameters
    ----------
    x : object
        See `Map.add`.
    name : str, optional
        The layer's name.
    geometry : object, optional
        Geometries for a table that has none.
    style : dict
        Fields of `Style`.

    Yields
    ------
    Part

    Raises
    ------
    InputTypeError
        `x` has no geometry that could be drawn.
    UnknownNameError
        An unknown field of style, or name.

    Examples
    --------
    >>> from shapely.geometry import Point
    >>> [p.name for p in parts(Point(67, 25), name="here", geometry=None, style={})]
    ['here']
    """
    known = [f.name for f in fields(Style)]
    for key in style:
        if key not in known:
            raise UnknownNameError(key, "style option", known)
    look = Style(**style)
    if isinstance(x, str):
        asked = x
        x = named(asked)
        # Corridors and places have titles of their own.
        if isinstance(x, gpd.GeoDataFrame):
            name = name or asked
            own = KINDS.get(asked)
            if own is not None:
                look = replace(look, color=look.color or own.color, shape=look.shape or own.shape)
    if isinstance(x, (gpd.GeoDataFrame, gpd.GeoSeries)):
        connected = isinstance(x, gpd.GeoDataFrame) and geometry is not None
        if not connected:
            yield Part(x, _result_style(x, look), name or _own_name(x) or "Features")
            return
        x = pd.DataFrame(x.drop(columns=x.geometry.name))
    if isinstance(x, pd.DataFrame):
        yield from _table(x, geometry, look, name or "Result")
    elif isinstance(x, shapely.Geometry):
        title = name or x.geom_type
        frame = gpd.GeoDataFrame({"name": [title]}, geometry=[x], crs="EPSG:4326")
        yield Part(frame, look, title)
    else:
        yield from _thing(x, look, style, name)


def colored(part: Part, color: str) -> Style:
    """The part's style, in `color` where neither the style nor kinds of features say another."""
    frame = part.frame
    kinds = frame["kind"] if isinstance(frame, gpd.GeoDataFrame) and "kind" in frame else []
    if part.style.color is not None or any(k in KINDS for k in set(map(str, kinds))):
        return part.style
    return replace(part.style, color=color)


def _thing(x: Any, look: Style, style: Mapping[str, Any], name: str | None) -> Iterator[Part]:
    """Layers of the package's own things, told by what they have."""
    if hasattr(x, "sections") and hasattr(x, "stops"):
        yield from _corridor(x, look, style, name)
    elif hasattr(x, "legs") and hasattr(x, "line"):
        yield from _route(x, look, name)
    elif hasattr(x, "edges") and hasattr(x, "towns"):
        yield from _reach(x, look, name)
    elif isinstance(x, (list, tuple)) and x and all(hasattr(r, "legs") for r in x):
        for turn, one in enumerate(x, 1):
            # Told apart by colour, and the first ones wider, so that they show under the others.
            color = look.color or CATEGORIES[(turn - 1) % len(CATEGORIES)]
            drawn = replace(look, color=color, weight=look.weight or max(3.0, 9.0 - 2.0 * turn))
            yield from _route(one, drawn, f"{name or 'Route'} {turn}")
    elif hasattr(x, "point"):
        yield _place(x, look, name)
    else:
        raise InputTypeError(
            f"{type(x).__name__} can't be drawn; give a GeoDataFrame or GeoSeries with a CRS, a "
            "geometry in lon, lat, a corridor, a route or several, a catchment, a place, a result "
            "table or a name."
        )


def named(name: str) -> Any:
    """A layer, corridor or place by name, in this order."""
    import cpecgeo

    near: list[str] = []
    for find in (cpecgeo.layer, cpecgeo.corridor, cpecgeo.place):
        try:
            return find(name)
        except UnknownNameError as error:
            near += error.near
    raise UnknownNameError(
        name, "layer, corridor or place", near, "See cpecgeo.catalog() and cpecgeo.corridors()."
    )


def _result_style(x: Any, style: Style) -> Style:
    """Rings and crossed zones tell their pieces apart by colour unless asked otherwise."""
    columns = set(x.columns) if isinstance(x, gpd.GeoDataFrame) else set()
    if style.color is not None:
        return style
    if {"km_from", "km_to", "area_km2"} <= columns:
        return replace(style, color="km_to")
    if {"km_in", "km_out", "share", "name"} <= columns:
        return replace(style, color="name", weight=style.weight or 6.0)
    return style


def _reach(x: Any, style: Style, name: str | None) -> Iterator[Part]:
    title = name or f"Within {x.limit:g} {x.weight} of {x.origin.name}"
    area = gpd.GeoDataFrame({"name": [title]}, geometry=[x.polygon], crs="EPSG:4326")
    yield Part(area, replace(style, fill=0.12, search=False), f"{title}: area", "Reach")
    yield Part(x.edges, replace(style, weight=style.weight or 4.0), title, "Reach")
    if len(x.towns):
        yield Part(x.towns, replace(style, radius=3.5, label="name"), "Towns reached", "Reach")


def _own_name(x: Any) -> str:
    own = x.attrs.get("title") or x.attrs.get("name") or getattr(x, "name", None)
    return own if isinstance(own, str) else ""


def _table(table: pd.DataFrame, geometry: Any, style: Style, name: str) -> Iterator[Part]:
    columns = set(table.columns)
    if {"km_in", "km_out"} <= columns and hasattr(geometry, "between"):
        pieces = [
            geometry.between(a, b) if a < b else None
            for a, b in zip(table["km_in"], table["km_out"], strict=True)
        ]
        frame = gpd.GeoDataFrame(table, geometry=pieces, crs="EPSG:4326")
        yield Part(frame, replace(style, weight=style.weight or 6.0), name)
    elif geometry is not None:
        series = _matched(table, geometry)
        table = _with_names(table, geometry)
        if {"lon", "lat"} <= columns:
            yield Part(_connected(table, series), replace(style, weight=1.5), f"{name}: links")
        yield Part(gpd.GeoDataFrame(table, geometry=series), style, name)
    elif {"lon", "lat"} <= columns:
        at = gpd.points_from_xy(table["lon"], table["lat"], crs="EPSG:4326")
        yield Part(gpd.GeoDataFrame(table, geometry=at), style, name)
    else:
        raise InputTypeError(
            "the table has no geometry and no columns lon and lat; give the geometries it is "
            "about with geometry=."
        )


def _with_names(table: pd.DataFrame, geometry: Any) -> pd.DataFrame:
    """The table with the names of what its rows are about, where it has none."""
    if not isinstance(geometry, gpd.GeoDataFrame) or not geometry.index.is_unique:
        return table
    names = [c for c in ("name", "name_ur", "name_zh") if c in geometry.columns]
    if {"name", "title"} & set(table.columns):
        return table
    return table.assign(**{c: geometry[c].reindex(table.index) for c in names})


def _matched(table: pd.DataFrame, geometry: Any) -> gpd.GeoSeries:
    """The geometry of each row, matched by index."""
    series = lonlat(geometry, what="geometry", missing="keep")
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


def _connected(table: pd.DataFrame, origin: gpd.GeoSeries) -> gpd.GeoDataFrame:
    """Lines from each geometry to the closest point that its row names."""
    ends = np.column_stack([table["lon"].to_numpy(float), table["lat"].to_numpy(float)])
    starts = np.asarray(origin.representative_point().array, dtype=object)
    lines = [
        shapely.LineString([s, e]) if s is not None and np.isfinite(e).all() else None
        for s, e in zip(starts, ends, strict=True)
    ]
    return gpd.GeoDataFrame(table, geometry=lines, crs="EPSG:4326")


def _corridor(x: Any, style: Style, options: Mapping[str, Any], name: str | None) -> Iterator[Part]:
    title = name or str(x.title)
    frame = section_table(x).drop(columns="corridor")
    look = replace(line_style(frame, weight=4.0), **options) if options else line_style(frame)
    key = f"corridor-{x.name}"
    yield Part(frame, look, title, "Corridors", key=key)
    stops = stop_table(x)
    if stops is not None:
        yield Part(stops, stop_style(stops), "Stops", "Corridors")
    posts = posts_of(x)
    if posts is not None:
        yield Part(None, style, title, posts={"line": title, "posts": posts | {"layer": key}})


def _route(x: Any, style: Style, name: str | None) -> Iterator[Part]:
    title = name or "Route"
    legs = x.legs
    if not isinstance(legs, gpd.GeoDataFrame) or not legs.geometry.notna().any():
        legs = gpd.GeoDataFrame({"name": [title]}, geometry=[x.line], crs="EPSG:4326")
    yield Part(legs, replace(style, weight=style.weight or 5.0), title, "Routes")


def _place(x: Any, style: Style, name: str | None) -> Part:
    title = name or str(getattr(x, "name", "Place"))
    cells = {c: [getattr(x, c, None)] for c in ("kind", "source", "accuracy_km")}
    frame = gpd.GeoDataFrame({"name": [title], **cells}, geometry=[x.point], crs="EPSG:4326")
    return Part(frame, style, title)

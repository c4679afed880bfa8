"""The map of the whole corridor, and the map of one thing."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from cpecgeo.catalogue import layer as read_layer
from cpecgeo.features.corridor import Corridor
from cpecgeo.features.corridors import corridor, corridors
from cpecgeo.features.subject import SubjectLike
from cpecgeo.maps.background import encode_background
from cpecgeo.maps.colors import LOOKS, NAMED
from cpecgeo.maps.corridors import (
    NETWORK,
    choose_decimals,
    encode_posts,
    encode_profile,
    find_aliases,
    find_doubles,
    list_figures,
    rank_towns,
    style_line,
    tabulate_sections,
)
from cpecgeo.maps.layer import encode_layer
from cpecgeo.maps.map import PAKISTAN, Map
from cpecgeo.maps.style import Style
from cpecgeo.maps.words import find_words

__all__ = ["cpec_map", "explore"]

BANDS = "Corridors, highlighted"
SUBTITLE = "Railways, roads, sites and borders: what operates, what is being built, what is planned"
# Zoom levels from which cities and towns are labelled, and one beyond every map.
FAR, NEAR, NEVER = 4.4, 7.5, 99.0
# Many and small: drawn from the zoom level at which they can be distinguished.
_LATE: dict[str, dict[str, Any]] = {"interchanges": {"fromZoom": 8, "fixed": True}}
# Layer, title, group, radius, zoom level of labels.
_SITES = (
    ("crossings", "Border markets and crossings", "Sites", 4.6, 7.0),
    ("ports", "Ports", "Sites", 5.2, 6.0),
    ("zones", "Economic zones", "Sites", 4.6, 8.0),
    ("energy", "Energy", "Sites", 5.0, 8.5),
    ("mines", "Mines", "Sites", 4.8, 7.0),
    ("interchanges", "Interchanges", "Places", 3.2, 9.5),
)


def cpec_map(
    names: Sequence[str] | None = None,
    *,
    title: str | None = None,
    tiles: str | Sequence[str] | None = None,
    background: bool | Sequence[str] = True,
    lang: str = "en",
    embed: bool = False,
    profile: Sequence[str] = (),
) -> Map:
    """Draw the corridor with all its layers.

    Parameters
    ----------
    names : sequence of str, optional
        Corridors to draw, highlighted, with the map fitted to them; all when omitted.
    title : str, optional
        Title of the page; the titles of the corridors in `names` when omitted.
    tiles, background, lang, embed
        As for `Map`.
    profile : sequence of str
        Corridors whose elevations are shown in a panel below, linked with their lines. They are
        highlighted, and drawn also where `names` leaves them out.

    Returns
    -------
    Map
        It has every section once, by kind and status; corridors as bands that can be switched on;
        sites, stations, places and districts; km posts, legend, search and timeline.

    Raises
    ------
    UnknownNameError
        A corridor or language that doesn't exist.
    """
    chosen = list(names) if names is not None else [str(n) for n in corridors().index]
    told = {one.name: one for one in map(corridor, profile)}
    things = [corridor(name) for name in chosen]
    # Translated one by one, because the joined text isn't a known name.
    titles = [find_words(lang).name(thing.title) for thing in things]
    own = "; ".join(titles) if names is not None else ""
    things += [one for one in told.values() if one.name not in {t.name for t in things}]
    answer = Map(
        title=title or own or "China–Pakistan Economic Corridor",
        subtitle="" if title or own else SUBTITLE,
        tiles=tiles,
        background=background,
        lang=lang,
        embed=embed,
    )
    _network(answer, things)
    if names is not None:
        answer.view = shapely.total_bounds([thing.line for thing in things]).tolist()
    for payload, options in _encode_layers():
        answer.add_encoded(payload, **options)
    if background is True:
        for payload, look in encode_background(["districts"]):
            answer.add_encoded(payload, **look)
    for thing, (payload, options) in zip(things, _encode_bands(things), strict=True):
        shown = {"show": True} if names is not None or thing.name in told else {}
        answer.add_encoded(payload, **options | shown)
    for thing in told.values():
        made = encode_profile(thing, str(thing.title))
        answer.profiles.append(made | {"layer": f"corridor-{thing.name}"})
    return answer


def _network(target: Map, things: Sequence[Corridor]) -> None:
    """Draw every section once, and km posts where no other corridor has them."""
    together = tabulate_sections(*things)
    part_of = together.groupby("id")["corridor"].agg(lambda c: list(dict.fromkeys(c)))
    # Sections whose line has a short name come before others.
    together = together.sort_values("short", key=lambda c: c.isna(), kind="stable")
    once = together.drop_duplicates(["id", "kind"]).drop(columns="corridor")
    once = once.assign(part_of=[part_of[i] for i in once["id"]])
    mine = set(once.loc[once["kind"] == "mining", "id"])
    only_mine = once["id"].isin(mine) & (once["kind"] == "road")
    for kind, name in NETWORK:
        some = once[(once["kind"] == kind) & ~only_mine]
        if len(some):
            own = {"extra": {"shift": True}} if kind == "rail" else {}
            style = style_line(some, decimals=_share_decimals(things), **own)
            target.add_layer(some, style, name=name, group="Network", key=kind)
    west, south, east, north = once.total_bounds
    target.view = [
        min(west, PAKISTAN[0]), min(south, PAKISTAN[1]),
        max(east, PAKISTAN[2]), max(north, PAKISTAN[3]),
    ]  # fmt: skip
    for thing in _choose_posted(things):
        posts = encode_posts(thing)
        if posts is not None:
            target.add_posts(str(thing.title), posts | {"layer": thing.kind})


def _choose_posted(things: Sequence[Corridor]) -> list[Corridor]:
    """Choose corridors that mostly don't overlap those chosen before; few sections first."""
    kept: list[Corridor] = []
    covered = shapely.Polygon()
    for thing in sorted(things, key=lambda t: len(t.sections)):
        bases = thing.sections.get("basis")
        if bases is not None and (bases == "schematic").all():
            continue
        line = thing.line
        if shapely.length(shapely.intersection(line, covered)) < 0.5 * shapely.length(line):
            kept.append(thing)
            covered = shapely.union(covered, shapely.buffer(line, 0.02, quad_segs=2))
    return kept


def _encode_bands(things: Sequence[Corridor]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Encode corridors as wide bands below the lines, hidden until switched on or found."""
    frame = gpd.GeoDataFrame(
        {
            "id": [t.name for t in things],
            "name": [str(t.title) for t in things],
            "aliases": [find_aliases(t) or None for t in things],
            "kind": [t.kind for t in things],
            "status": [t.status for t in things],
            "official_km": [t.official_km for t in things],
            "drawn_km": [round(float(t.length_km), 1) for t in things],
            "accuracy_km": [t.accuracy_km for t in things],
            "competing": [list_figures(t.competing) for t in things],
        },
        # From sections, which the page contains already.
        geometry=[shapely.MultiLineString(_list_parts(t)) for t in things],
        crs="EPSG:4326",
    )
    style = style_line(
        frame,
        decimals=_share_decimals(things),
        weight=11.0,
        label=None,
        legend="",
        extra={"opacity": 0.3, "solid": True, "role": "corridor"},
    )
    payload = encode_layer(frame, style)
    bounds = frame.bounds.round(5).to_numpy().tolist()
    for i, thing in enumerate(things):
        one = _take_row(payload, i) | {"bounds": bounds[i]}
        options = {"name": str(thing.title), "group": BANDS, "show": False}
        yield one, options | {"key": f"corridor-{thing.name}"}


def _share_decimals(things: Sequence[Corridor]) -> int:
    """Return the decimals for all lines, so that bands and sections have the same coordinates."""
    return choose_decimals(km for thing in things for km in thing.sections["accuracy_km"])


def _list_parts(thing: Corridor) -> list[shapely.LineString]:
    shapes = thing.sections.geometry
    return list(shapely.get_parts(np.asarray(shapes[shapes.notna()].array, dtype=object)))


def _take_row(payload: dict[str, Any], i: int) -> dict[str, Any]:
    """Return one row of an encoded layer as a separate layer."""
    columns = {}
    for name, column in payload["columns"].items():
        cell = column["v"][column["i"][i]] if isinstance(column, dict) else column[i]
        if cell is not None:
            columns[name] = [cell]
    alone = {
        "n": 1,
        "geometry": [payload["geometry"][i]],
        "columns": columns,
        "fields": [field for field in payload["fields"] if field[0] in columns],
        "looks": [payload["looks"][payload["look"][i] if "look" in payload else 0]],
        "statuses": columns.get("status", []),
    }
    return {k: v for k, v in payload.items() if k != "look"} | alone


@functools.cache
def _encode_layers() -> tuple[tuple[dict[str, Any], dict[str, Any]], ...]:
    """Encode stations, places and sites once; they are the same on every map."""
    layers = [*_stations(), *_places(), *(_site(*site) for site in _SITES)]
    return tuple((encode_layer(frame, style), options) for frame, style, options in layers)


_Layer = tuple[gpd.GeoDataFrame, Style, dict[str, Any]]


def _stations() -> Iterator[_Layer]:
    stations = read_layer("stations")
    stations = stations[stations.geometry.notna()].drop_duplicates("id").assign(kind="stations")
    style = Style(
        radius=3.0, popup=["km", "accuracy_km", "basis", "source", "source_date"],
        label="name", label_zoom=9.5, label_class="stop", legend="Station",
        color=LOOKS["rail"].color, extra={"fromZoom": 8, "role": "station", "fixed": True},
    )  # fmt: skip
    yield stations, style, {"name": "Stations", "group": "Places", "key": "stations"}


def _places() -> Iterator[_Layer]:
    places = read_layer("places")
    places = rank_towns(places[places.geometry.notna()])
    large = places["rank"] <= NAMED
    doubles = find_doubles(places)
    for which, name, zoom in ((large, "Cities", FAR), (~large, "Towns", NEAR)):
        extra: dict[str, Any] = {"order": 4, "role": "city"}
        if name == "Towns":
            # A place entered twice in the gazetteer is named once.
            zooms = {k: NEVER for k, i in enumerate(places.loc[which, "id"]) if i in doubles}
            extra = {"order": 0, "fromZoom": NEAR, "role": "town", "labelZooms": zooms}
        extra["fixed"] = True
        style = Style(
            radius=3.6 if name == "Cities" else 2.6, color=LOOKS["places"].color, label="name",
            label_zoom=zoom, label_class="city" if name == "Cities" else "place", rank="cpec:first",
            legend="Town", extra=extra,
        )  # fmt: skip
        yield places[which], style, {"name": name, "group": "Places", "key": name.lower()}


def _site(layer: str, name: str, group: str, radius: float, zoom: float) -> _Layer:
    frame = read_layer(layer)
    frame = frame[frame.geometry.notna()]
    look = LOOKS[layer]
    zooms = {k: FAR for k, rank in enumerate(frame["rank"]) if rank == 1}
    style = Style(
        radius=radius, color=look.color, shape=look.shape, label="name", label_zoom=zoom,
        label_class="site", legend=look.title,
        extra={"order": 1, "role": layer, "labelZooms": zooms} | _LATE.get(layer, {}),
    )  # fmt: skip
    return frame, style, {"name": name, "group": group, "key": layer}


def explore(
    x: SubjectLike,
    *,
    title: str | None = None,
    geometry: SubjectLike | None = None,
    lang: str = "en",
    **style: Any,
) -> Map:
    """Draw a map of one thing or result.

    Parameters
    ----------
    x : name, path, thing, geometry, GeoSeries, GeoDataFrame, table, or a list of them
        Whatever `Map.add` takes.
    title : str, optional
        Title of the page; the thing's own title when omitted.
    geometry : GeoDataFrame, GeoSeries, geometry or Corridor, optional
        For tables without geometry; see `Map.add`.
    lang : str
        Language of the page: ``"en"``, ``"ur"`` or ``"zh"``.
    **style
        See `Map.add`.

    Returns
    -------
    Map

    Examples
    --------
    >>> from shapely.geometry import Point
    >>> explore(Point(68.9, 27.7), title="Rohri").title
    'Rohri'
    """
    return Map(title=title, lang=lang).add(x, geometry=geometry, **style)

"""The map of the whole corridor, and the map of one thing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from cpecgeo.catalogue import layer as read_layer
from cpecgeo.features.corridors import corridor, corridors
from cpecgeo.features.subject import SubjectLike
from cpecgeo.maps.background import add_background
from cpecgeo.maps.corridors import (
    NETWORK,
    encode_posts,
    list_figures,
    style_line,
    tabulate_sections,
)
from cpecgeo.maps.map import PAKISTAN, Map
from cpecgeo.maps.style import KINDS, Style

__all__ = ["cpec_map", "explore"]

# Layer, title, group, radius, zoom level of labels.
BANDS = "Corridors, highlighted"
# ISO 3166-2:PK, as the table of places has it.
PROVINCES = {
    "PK-BA": "Balochistan", "PK-GB": "Gilgit-Baltistan", "PK-IS": "Islamabad",
    "PK-JK": "Azad Kashmir", "PK-KP": "Khyber Pakhtunkhwa", "PK-PB": "Punjab", "PK-SD": "Sindh",
}  # fmt: skip
_SITES = (
    ("crossings", "Border markets and crossings", "Sites", 4.6, 7.0),
    ("ports", "Ports", "Sites", 5.2, 6.0),
    ("zones", "Economic zones", "Sites", 4.6, 8.0),
    ("energy", "Energy", "Sites", 5.0, 8.5),
    ("mines", "Mines", "Sites", 4.8, 7.0),
)


def cpec_map(names: Sequence[str] | None = None, *, title: str | None = None) -> Map:
    """Draw the corridor with all its layers.

    Parameters
    ----------
    names : sequence of str, optional
        Corridors to draw; all when omitted.
    title : str, optional
        Of the page.

    Returns
    -------
    Map
        Every section once, by kind and status; the corridors as bands to switch on; sites,
        stations, places and districts; km posts, legend, search and timeline.

    Raises
    ------
    UnknownNameError
        A corridor that doesn't exist.
    """
    chosen = list(names) if names is not None else [str(n) for n in corridors().index]
    things = [corridor(name) for name in chosen]
    answer = Map(
        title=title or "China–Pakistan Economic Corridor",
        subtitle="Railways, roads, sites and borders: what operates, what is being built, "
        "what is planned",
    )
    _network(answer, things)
    _stations(answer)
    _places(answer)
    for layer, name, group, radius, zoom in _SITES:
        _sites(answer, layer, name, group, radius, zoom)
    add_background(answer, ["districts"])
    for thing in things:
        _band(answer, thing)
    return answer


def _network(target: Map, things: Sequence[Any]) -> None:
    """Every section once, and km posts where no other corridor has them already."""
    tables = [tabulate_sections(thing) for thing in things]
    together = gpd.GeoDataFrame(pd.concat(tables, ignore_index=True), crs="EPSG:4326")
    part_of = together.groupby("id")["corridor"].agg(lambda c: list(dict.fromkeys(c)))
    # The name of a line that has one goes before none.
    together = together.sort_values("short", key=lambda c: c.isna(), kind="stable")
    once = together.drop_duplicates(["id", "kind"]).drop(columns="corridor")
    once = once.assign(part_of=[part_of[i] for i in once["id"]])
    mine = set(once.loc[once["kind"] == "mining", "id"])
    only_mine = once["id"].isin(mine) & (once["kind"] == "road")
    for kind, name in NETWORK:
        some = once[(once["kind"] == kind) & ~only_mine]
        if len(some):
            target.add_layer(some, style_line(some), name=name, group="Network", key=kind)
    west, south, east, north = once.total_bounds
    target.view = [
        min(west, PAKISTAN[0]), min(south, PAKISTAN[1]),
        max(east, PAKISTAN[2]), max(north, PAKISTAN[3]),
    ]  # fmt: skip
    for thing in _posted(things):
        posts = encode_posts(thing)
        if posts is not None:
            target.add_posts(str(thing.title), posts | {"layer": thing.kind})


def _posted(things: Sequence[Any]) -> list[Any]:
    """Corridors of which most lies apart from the ones before; of few sections first."""
    kept: list[Any] = []
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


def _band(target: Map, thing: Any) -> None:
    """A corridor as a wide band below the lines, off until asked for or found."""
    frame = gpd.GeoDataFrame(
        {
            "name": [str(thing.title)],
            "kind": [thing.kind],
            "status": [thing.status],
            "official_km": [thing.official_km],
            "drawn_km": [round(float(thing.length_km), 1)],
            "accuracy_km": [thing.accuracy_km],
            "competing": [list_figures(thing.competing)],
        },
        geometry=[thing.line],
        crs="EPSG:4326",
    )
    style = style_line(
        frame, weight=11.0, label=None, legend="", extra={"opacity": 0.3, "solid": True}
    )
    name = str(thing.title)
    target.add_layer(frame, style, name=name, group=BANDS, show=False, key=f"corridor-{thing.name}")


def _stations(target: Map) -> None:
    stations = read_layer("stations")
    stations = stations[stations.geometry.notna()].drop_duplicates("id").assign(kind="stations")
    target.add_layer(
        stations,
        Style(radius=3.0, label="name", label_zoom=9.5, label_class="stop", color=KINDS["rail"].color,  # noqa: E501
              legend="Station", extra={"fromZoom": 8}),
        name="Stations",
        group="Places",
        key="stations",
    )  # fmt: skip


def _places(target: Map) -> None:
    places = read_layer("places")
    places = places[places.geometry.notna()]
    places = places.assign(province=places["province"].replace(PROVINCES))
    people = pd.to_numeric(places["population"], errors="coerce").fillna(0)
    for large, name, zoom in ((True, "Cities", 4.4), (False, "Towns", 8.0)):
        some = places[(people >= 400_000) == large]
        target.add_layer(
            some,
            Style(radius=3.6 if large else 2.6, color=KINDS["places"].color, label="name",
                  label_zoom=zoom, label_class="city" if large else "place", rank="population",
                  legend="Town", extra={"order": 4 if large else 0} | ({} if large else {"fromZoom": 7.5})),  # noqa: E501
            name=name,
            group="Places",
            key=name.lower(),
        )  # fmt: skip


def _sites(target: Map, layer: str, name: str, group: str, radius: float, zoom: float) -> None:
    frame = read_layer(layer)
    target.add_layer(
        frame[frame.geometry.notna()],
        Style(radius=radius, color=KINDS[layer].color, shape=KINDS[layer].shape, label="name",
              label_zoom=zoom, label_class="site", legend=KINDS[layer].title, extra={"order": 1}),
        name=name,
        group=group,
        key=layer,
    )  # fmt: skip


def explore(
    x: SubjectLike,
    *,
    title: str | None = None,
    geometry: SubjectLike | None = None,
    **style: Any,
) -> Map:
    """Draw a map of one thing or result.

    Parameters
    ----------
    x : name, path, thing, geometry, GeoSeries, GeoDataFrame, table, or a list of them
        Whatever `Map.add` takes.
    title : str, optional
        Of the page; the thing's own title when omitted.
    geometry : GeoDataFrame, GeoSeries, geometry or Corridor, optional
        For tables that have none; see `Map.add`.
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
    return Map(title=title).add(x, geometry=geometry, **style)

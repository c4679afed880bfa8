"""Corridors, routes and catchments as layers: sections, stops, km posts, profiles, edges."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from cpecgeo.analysis.measure import nearest
from cpecgeo.analysis.profile import profile
from cpecgeo.catalogue import layer
from cpecgeo.errors import GeometryWarning, InputError
from cpecgeo.features.corridor import Corridor
from cpecgeo.geodesy import Chainage
from cpecgeo.maps import encode
from cpecgeo.maps.colors import LOOKS, NAMED
from cpecgeo.maps.style import Style
from cpecgeo.routing import Route

__all__ = [
    "LINE_FIELDS",
    "NETWORK",
    "choose_decimals",
    "encode_posts",
    "encode_profile",
    "find_aliases",
    "find_doubles",
    "list_figures",
    "list_grounds",
    "name_briefly",
    "rank_towns",
    "shorten_name",
    "split_edges",
    "split_remark",
    "style_line",
    "style_stops",
    "style_towns",
    "tabulate_sections",
    "tabulate_stops",
    "tabulate_towns",
    "title_routes",
]

# Kinds of line, in the order in which they are drawn.
NETWORK = (
    ("road", "Roads"),
    ("rail", "Railways"),
    ("mining", "Mining corridor"),
)
# Kilometres between samples of a profile: the smallest that gives no more samples than this.
STEPS, SAMPLES = (1, 2, 5, 10, 20, 50, 100), 3_000
_REMARKED = re.compile(r"(\S.*?) *\((.+)\)")
# A town this close to a route counts as on it.
ON_THE_WAY_KM = 8.0
# Two entries of a gazetteer with one name, this close to each other, are one town. Lines known no
# better than this are written to 0.0001°.
DOUBLED_KM, ROUGH_KM = 80.0, 0.5
# A section's `source` is that of its length; this is the source of the points of its line.
WAY_POINTS = "way points of roads: GeoNames"
LINE_FIELDS = (
    "kind", "part_of", "opened", "official_km", "drawn_km", "ratio", "reason", "km_from", "km_to",
    "competing", "accuracy_km", "basis", "note", "source", "source_date",
)  # fmt: skip


def style_line(frame: gpd.GeoDataFrame, **more: Any) -> Style:
    """Return the style of sections, with the columns of their popups."""
    own: Mapping[str, Any] = more.pop("extra", {})
    extra: dict[str, Any] = {"order": 3, "once": True, "grow": True, "role": "line"} | dict(own)
    if "licence" in frame.columns and (frame["licence"] == "CC-BY-4.0").any():
        extra["sources"] = [WAY_POINTS]
    options: dict[str, Any] = {
        "decimals": choose_decimals(frame.get("accuracy_km", ())),
        "popup": [c for c in LINE_FIELDS if c in frame.columns],
        "label": "short",
        "label_zoom": 5.0,
        "label_class": "line",
        "extra": extra,
    }
    return Style(**(options | more))


def tabulate_sections(*things: Corridor) -> gpd.GeoDataFrame:
    """Tabulate the sections of corridors for their popups, corridor by corridor.

    `kind` is that of the network, `corridor` the corridor's title, `short` its name for labels,
    `competing` the competing figures of section and whole.
    """
    frame = pd.concat([pd.DataFrame(t.sections) for t in things], ignore_index=True)
    of = np.repeat(np.arange(len(things)), [len(t.sections) for t in things])
    own = [things[i].kind for i in of]
    frame["kind"] = [
        {"rail": "rail", "road": o}.get(k, o) for k, o in zip(frame["kind"], own, strict=True)
    ]
    for column, values in (
        ("corridor", [str(t.title) for t in things]),
        ("short", [shorten_name(t) for t in things]),
        ("competing", [list_figures(t.competing) or None for t in things]),
    ):
        frame[column] = pd.Series([values[i] for i in of], index=frame.index, dtype=object)
    known = frame["geometry"].notna()
    return gpd.GeoDataFrame(frame[known], geometry="geometry", crs="EPSG:4326")


def shorten_name(thing: Corridor) -> str | None:
    """Shorten a name for a label: ML-1 for ml1, N-35 for "… (N-35)"; None for long names."""
    code = re.search(r"\b(ML|[GMN])-?(\d+)\b", str(thing.title))
    code = code or re.fullmatch(r"(ml|[mn])(\d+)", str(thing.name))
    if code:
        return f"{code[1].upper()}-{code[2]}"
    return str(thing.name).upper() if len(str(thing.name)) <= 4 else None


def find_aliases(thing: Corridor) -> list[str]:
    """Find the other names of a corridor in the layer of corridors."""
    known = layer("corridors")
    rows = known.loc[known["id"] == thing.name, "aliases"].dropna()
    return [text.strip() for cell in rows for text in str(cell).split(";") if text.strip()]


def list_figures(competing: object) -> list[str]:
    """List competing figures as lines of text."""
    if not isinstance(competing, pd.DataFrame) or not len(competing):
        return []
    rows = []
    for row in competing.to_dict("records"):
        number = row.get("value")
        if number is None or pd.isna(number):
            continue
        value = f"{number:,.10g}" if isinstance(number, (int, float)) else str(number)
        parts = [f"{value} {row.get('unit') or ''}".strip()]
        parts += [str(row[c]) for c in ("quantity", "source") if not pd.isna(row.get(c))]
        rows.append("; ".join(parts)[:240])
    return rows[:12]


def tabulate_stops(thing: Corridor) -> gpd.GeoDataFrame | None:
    """Tabulate a corridor's stops of known position; None where there are none.

    `cpec:weight` is 2 for the ends, 1 for junctions or towns, 0 for others. `note` is the remark in
    brackets after a name.
    """
    stops = thing.stops
    if not isinstance(stops, gpd.GeoDataFrame) or not stops.geometry.notna().any():
        return None
    stops = stops[stops.geometry.notna()]
    names, remarks = zip(*map(split_remark, stops["name"]), strict=True)
    large = stops["name"].astype(str).str.contains(r"\b(?:Junction|Cantt|Cantonment|City)\b")
    if not large.any():
        known = {name for one in ("places", "crossings") for name in layer(one)["name"]}
        large[:] = pd.Index(names).isin(known)
    weight = (large | (not large.any())).astype(int).to_numpy(copy=True)
    weight[[0, -1]] = 2
    return stops.assign(name=names, note=remarks, **{"cpec:weight": weight})


def style_stops(stops: gpd.GeoDataFrame) -> Style:
    """Return the style of the stops of `tabulate_stops`."""
    told = ("km", "kind", "accuracy_km", "basis", "note", "source")
    shown = [c for c in told if c in stops.columns]
    zooms = [(8.0, 5.0, 3.0)[w] for w in stops["cpec:weight"]]
    return Style(
        color="#3a3a3a", radius=2.8, label="name", label_zoom=3.0, label_class="stop",
        rank="cpec:weight", legend="Stop", popup=shown,
        extra={"order": 1, "zooms": zooms, "role": "station", "fixed": True, "once": True},
    )  # fmt: skip


def choose_decimals(accuracies: Iterable[Any]) -> int:
    """Choose the decimals of degrees for lines, no finer than their accuracy.

    4 (a vertex moves by 8 m at most) where all are known to 0.5 km or worse; else 5.

    Examples
    --------
    >>> choose_decimals([2.0, 0.5]), choose_decimals([2.0, None]), choose_decimals([0.05])
    (4, 5, 5)
    """
    known = list(map(encode.plain, accuracies))
    return encode.DECIMALS - all(one is not None and one >= ROUGH_KM for one in known or [None])


def encode_posts(thing: Corridor) -> dict[str, Any] | None:
    """Encode the km posts of a corridor, one per km; None without posts."""
    posts = thing.km_posts(every_km=1)
    if not len(posts):
        return None
    decimals = choose_decimals([thing.accuracy_km])
    return {
        "id": thing.name,
        "name": name_briefly(thing),
        "aliases": find_aliases(thing),
        "accuracy_km": encode.plain(thing.accuracy_km),
        "first_km": round(float(posts["km"].iloc[0])),
        "decimals": decimals,
        "points": encode.points(np.asarray(posts.geometry.array, dtype=object), decimals),
    }


def name_briefly(thing: Corridor) -> str:
    """Return a short name: that for labels, the two ends, or the beginning of the title."""
    if short := shorten_name(thing):
        return short
    first = str(thing.title).partition(",")[0]
    ends = "\u2013".join(map(str.capitalize, thing.name.split("-")))
    return ends if "\u2013" in first or len(first) > 18 else first


def encode_profile(thing: Corridor | Route, title: str) -> dict[str, Any]:
    """Encode the ground along a corridor or route for the panel of its profile.

    ``km``, ``metres`` (None where unknown) and ``points`` are those of the samples, one per km up
    to 3,000 km; ``ground`` has the first and last sample of each stretch whose ground isn't the
    road's; ``highest`` is [metres, km], None where unknown. A route by sea, or of no length, is
    refused.

    Examples
    --------
    >>> from cpecgeo.features.corridors import corridor
    >>> made = encode_profile(corridor("taxila-havelian"), "Taxila\u2013Havelian")
    >>> made["km"][:3], made["highest"] is None, len(made["km"]) == len(made["metres"])
    ([0, 1, 2], True, True)
    """
    line = _join_legs(thing) if isinstance(thing, Route) else thing
    long = float(line.chainage.end_km - line.chainage.start_km)
    step = next((km for km in STEPS if long / km <= SAMPLES), STEPS[-1])
    table = profile(line, step)
    metres = [None if np.isnan(v) else round(v) for v in table["elevation_m"]]
    highest, at = table.attrs["highest_m"], table.attrs["highest_at_km"]
    where = np.asarray(gpd.GeoSeries.from_xy(table["lon"], table["lat"]).array, dtype=object)
    return {
        "name": title,
        "km": [encode.plain(round(v, 1)) for v in table["km"]],
        "metres": metres,
        "points": encode.points(where, encode.DECIMALS - 1),
        "ground": list_grounds(table["is_ground"]),
        "highest": None if np.isnan(highest) else [round(highest), round(at)],
    }


def list_grounds(is_ground: Sequence[bool] | NDArray[np.bool_]) -> list[list[int]]:
    """List first and last sample of each stretch whose ground isn't the road's.

    Examples
    --------
    >>> list_grounds([True, False, False, True, True])
    [[0, 0], [3, 4]]
    """
    ends = np.flatnonzero(np.diff(np.concatenate(([False], is_ground, [False]))))
    return [[int(a), int(b) - 1] for a, b in ends.reshape(-1, 2)]


def split_remark(name: object) -> tuple[str, str | None]:
    """Split a stop's name from the remark in brackets behind it.

    Examples
    --------
    >>> split_remark("Tashkurgan airport (S of town)"), split_remark("Sibi")
    (('Tashkurgan airport', 'S of town'), ('Sibi', None))
    """
    found = _REMARKED.fullmatch(str(name))
    return (found[1], found[2]) if found else (str(name), None)


def _join_legs(route: Route) -> Corridor:
    """Join a route's legs to one corridor, each with its own accuracy."""
    legs = route.legs[(route.legs["km"] > 0) & route.legs.geometry.notna()]
    sea = sorted(set(legs["mode"]) - {"rail", "road", "border"})
    if sea or legs.empty:
        ends = f"{route.origin.name} \u2013 {route.destination.name}"
        raise InputError(
            f"the route {ends} has {'legs by ' + sea[0] if sea else 'no length'}; a profile is of "
            "a way over land: leave profile out."
        )
    frame = legs[["accuracy_km", "km_from", "km_to", "geometry"]].assign(
        name=legs["name"].astype(str),
        kind=np.where(legs["mode"] == "rail", "rail", "road"),
    )
    with warnings.catch_warnings():
        # A route may pass a point twice; its profile follows the route.
        warnings.simplefilter("ignore", GeometryWarning)
        return Corridor.from_line(frame, name="route", title="Route")


def title_routes(routes: Sequence[Route]) -> str:
    """Return a title for several routes with the same ends, with the km of each."""
    pairs = {(one.origin.name, one.destination.name) for one in routes}
    if len(pairs) != 1 or len(routes) < 2:
        return ""
    (start, end) = pairs.pop()
    each = " / ".join(dict.fromkeys(f"{one.chainage_km:,.0f}" for one in routes))
    return f"{start} \u2013 {end}, {each}\u00a0km"


def tabulate_towns(routes: Sequence[Route]) -> gpd.GeoDataFrame:
    """Tabulate the towns within 8 km of routes, other than their ends; `cpec:first` ranks names."""
    legs = [part for one in routes for leg in one.legs.geometry for part in shapely.get_parts(leg)]
    places = layer("places")
    places = places[places.geometry.notna()]
    around = shapely.buffer(shapely.multilinestrings(legs), 0.2)
    places = places[shapely.intersects(around, np.asarray(places.geometry.array, dtype=object))]
    far = nearest(places, gpd.GeoSeries(legs, crs="EPSG:4326"))["distance_km"].to_numpy()
    ends = {end.name for one in routes for end in (one.origin, one.destination)}
    towns = places[(far <= ON_THE_WAY_KM) & ~places["name"].isin(ends)]
    towns = towns[~towns["id"].isin(find_doubles(layer("places")))]
    return rank_towns(towns)


def rank_towns(towns: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Add `cpec:first`, the priority of names: by rank, then by people."""
    people = pd.to_numeric(towns["population"], errors="coerce").fillna(0)
    return towns.assign(**{"cpec:first": (10 - towns["rank"]) * 1e8 + people})


def find_doubles(places: gpd.GeoDataFrame) -> set[str]:
    """Find the ids of double entries of a gazetteer.

    They are without population, and near an entry of that name that has it.

    Examples
    --------
    >>> sorted(find_doubles(layer("places")))
    ['athmuqam', 'hattian-bala-9030991']
    """
    there = places[places.geometry.notna()]
    of_some = there["population"].notna()
    found: set[str] = set()
    for name, some in there[~of_some].groupby("name"):
        counted = there[of_some & (there["name"] == name)]
        if len(counted):
            away = nearest(some, counted)["distance_km"].to_numpy()
            found |= set(some.loc[away <= DOUBLED_KM, "id"])
    return found


def style_towns(towns: gpd.GeoDataFrame) -> Style:
    """Return the style of the towns of `tabulate_towns`; larger ones appear at smaller scales."""
    zooms = [3.0 if rank <= NAMED else 7.5 for rank in towns["rank"]]
    return Style(
        radius=3.0, color=LOOKS["places"].color, label="name", label_zoom=3.0, rank="cpec:first",
        legend="Town", extra={"order": 3, "fixed": True, "zooms": zooms},
    )  # fmt: skip


def split_edges(edges: gpd.GeoDataFrame, limits: Sequence[float]) -> gpd.GeoDataFrame:
    """Split edges where their cost, in proportion to length, passes the limit of a class."""
    rows: list[dict[str, Any]] = []
    for row in edges.to_dict("records"):
        low, high = row["cost_from"], row["cost_to"]
        cuts = [low, *(cut for cut in limits if low < cut < high), high]
        part, km = row["geometry"], row["km"]
        line = Chainage(part) if len(cuts) > 2 else None
        for a, b in pairwise(cuts):
            if line is not None:
                at, to = ((c - low) / (high - low) * line.end_km for c in (a, b))
                part = line.between(at, min(to, line.end_km))
            # A class includes its lower limit, and a stretch that ends there isn't in it.
            end = np.nextafter(b, a) if b in limits and a < b else b
            share = (b - a) / (high - low) if high > low else 1.0
            own = {"km": km * share, "cost_from": a, "cost_to": end, "geometry": part}
            rows.append(row | own)
    split = gpd.GeoDataFrame(rows, columns=edges.columns, geometry="geometry", crs=edges.crs)
    split.attrs = edges.attrs
    return split

"""`Route`: one way through the network, leg by leg."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry import LineString

from cpecgeo.catalogue import data_version
from cpecgeo.errors import InputError
from cpecgeo.geodesy import Chainage, bearing_deg, distance_km, length_km
from cpecgeo.routing.filters import Filters, Usable
from cpecgeo.routing.search import Snap

__all__ = ["Route", "Step", "drawn", "made"]

# Changes of direction below this many degrees are straight on.
_STRAIGHT_DEG = 30.0
# Two routes are joined at one town: a port, its station and its road lie so close.
_JOIN_KM = 25.0


@dataclass(frozen=True)
class Step:
    """A stretch of one edge, from km to km; backwards where the first is greater."""

    edge: int
    a: float
    b: float


@dataclass(frozen=True, eq=False)
class Route:
    """One way from an origin to a destination.

    Made by `route`, not by hand.

    Attributes
    ----------
    origin, destination : Snap
        Where the journey joins and leaves the network, with `access_km`.
    legs : GeoDataFrame
        The turn table, one row per section in order: `name mode from to km hours status
        opened speed_class country turn section km_from km_to accuracy_km basis source
        licence geometry`. `km_from` and `km_to` count from the origin.
    weight : str
        What was kept least: ``"km"`` or ``"hours"``.
    asked : str
        The filters, in words.

    Examples
    --------
    >>> from cpecgeo import route
    >>> r = route("Rohri Junction", "Sibi", mode="rail")
    >>> r.legs["mode"].unique().tolist()
    ['rail']
    """

    origin: Any
    destination: Any
    legs: gpd.GeoDataFrame
    weight: str
    asked: str
    steps: tuple[Step, ...] = field(default=(), repr=False)

    @property
    def length_km(self) -> float:
        """Calibrated kilometres on the network, access at both ends not counted."""
        return float(self.legs["km"].sum())

    @property
    def hours(self) -> float:
        """Hours under way and changing; see `data/speeds.csv` for what is assumed."""
        return float(self.legs["hours"].sum())

    @property
    def access_km(self) -> float:
        """Geodesic km from the origin to the network and from it to the destination."""
        return float(self.origin.access_km + self.destination.access_km)

    @property
    def line(self) -> LineString:
        """The way as one line, lon, lat."""
        parts = [shapely.get_coordinates(g) for g in self.legs.geometry]
        xy = np.vstack(parts)
        keep = np.concatenate(([True], (np.diff(xy, axis=0) != 0).any(axis=1)))
        xy = xy[keep]
        return LineString(xy if len(xy) > 1 else np.vstack((xy, xy)))

    @property
    def geometry(self) -> LineString:
        """The same as `line`."""
        return self.line

    @property
    def sections(self) -> tuple[str, ...]:
        """Ids of the sections used, in order."""
        return tuple(dict.fromkeys(self.legs["section"]))

    @property
    def notes(self) -> tuple[str, ...]:
        """Closures at the ends, where they are border crossings.

        Examples
        --------
        >>> from cpecgeo import route
        >>> route("Torkham", "Peshawar").notes
        ('Torkham: closed to trade (since 2025-10)',)
        """
        return tuple(x.note for x in (self.origin, self.destination) if x.note)

    def km_by(self, column: str = "status") -> pd.Series:
        """Kilometres by status, mode, country or another column of the legs.

        Examples
        --------
        >>> from cpecgeo import route
        >>> route("Burhan", "Hakla").km_by("speed_class").round(1).to_dict()
        {'motorway': 33.6}
        """
        if column not in self.legs:
            raise InputError(f"legs have no column {column!r}; they have {list(self.legs)}.")
        return self.legs.groupby(column)["km"].sum()

    def __add__(self, other: Any) -> Route:
        """One route and then another, as over a port."""
        if not isinstance(other, Route):
            return NotImplemented
        gap = float(distance_km(self.destination.point, other.origin.point))
        if gap > _JOIN_KM:
            raise InputError(
                f"{self.destination.name} and {other.origin.name} are {gap:,.1f} km apart; the "
                f"second route must start within {_JOIN_KM:g} km of where the first ends."
            )
        rest = other.legs.assign(
            km_from=other.legs["km_from"] + self.length_km,
            km_to=other.legs["km_to"] + self.length_km,
        )
        legs = gpd.GeoDataFrame(
            pd.concat([self.legs, rest], ignore_index=True), geometry="geometry", crs=4326
        )
        legs.attrs = {**self.legs.attrs}
        asked = self.asked if self.asked == other.asked else f"{self.asked}; {other.asked}"
        steps = (*self.steps, *other.steps)
        return Route(self.origin, other.destination, legs, self.weight, asked, steps)

    def explore(self, **style: Any) -> Any:
        """A map of the route; see `cpecgeo.Map`."""
        from cpecgeo.maps import Map

        return Map().add(self, **style)

    def __repr__(self) -> str:
        # A kilometre to the network is a walk; more is part of the journey, and has to be seen.
        access = f", access {self.access_km:,.1f} km" if self.access_km >= 1 else ""
        return (
            f"<Route {self.origin.name} → {self.destination.name}: {self.length_km:,.1f} km, "
            f"{self.hours:.1f} h, {len(self.legs)} legs{access}>"
        )

    def _repr_html_(self) -> str:
        before, after = self.origin.access_km, self.destination.access_km
        head = [
            ("length", f"{self.length_km:,.1f} km (calibrated)"),
            ("time", f"{self.hours:,.1f} h at the assumed speeds"),
            ("access", f"{before:.1f} km before, {after:.1f} km after, not counted"),
            ("least", self.weight),
            ("asked for", self.asked),
            *(("note", text) for text in self.notes),
        ]
        top = "".join(
            f"<tr><th style='text-align:left'>{escape(k)}</th><td>{escape(v)}</td></tr>"
            for k, v in head
        )
        shown = ["turn", "name", "mode", "from", "to", "km", "hours", "status", "country"]
        title = "".join(f"<th>{c}</th>" for c in shown)
        rows = "".join(
            "<tr>" + "".join(f"<td>{escape(_cell(row[c]))}</td>" for c in shown) + "</tr>"
            for _, row in self.legs.iterrows()
        )
        return (
            f"<div><strong>{escape(self.origin.name)} → {escape(self.destination.name)}</strong>"
            f"<table>{top}</table><table><thead><tr>{title}</tr></thead><tbody>{rows}</tbody>"
            "</table></div>"
        )


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:,.1f}"
    return "" if value is None else str(value).replace("_", " ")


def made(
    ground: Usable,
    start: Snap,
    end: Snap,
    steps: list[Step],
    hours: Any,
    *,
    weight: str,
    chosen: Filters,
) -> Route:
    """A route from its steps: legs, names and geometry."""
    net = ground.network
    names = net.nodes["name"].tolist()
    rows: list[dict[str, Any]] = []
    run = 0.0
    for step in steps or [Step(start.edge, start.km, end.km)]:
        edge = net.rows[step.edge]
        km = abs(step.b - step.a)
        share = km / edge["km"] if edge["km"] else 1.0
        u, v = names[edge["u"]], names[edge["v"]]
        whole = float(net.measures[step.edge][-1])
        near = {0.0: u, whole: v}
        row = {
            "name": edge["name"],
            "mode": "border" if edge["crossing"] else edge["mode"],
            "from": near.get(step.a, start.name),
            "to": near.get(step.b, end.name),
            "km": km,
            "hours": float(hours[step.edge]) * share,
            **{c: edge[c] for c in ("status", "opened", "speed_class", "country", "section")},
            **{c: edge[c] for c in ("accuracy_km", "basis", "source", "licence")},
            "km_from": run,
            "km_to": run + km,
            "lines": [drawn(edge["geometry"], net.measures[step.edge], step.a, step.b)],
        }
        run += km
        before = rows[-1] if rows else None
        same = ("section", "status", "mode", "speed_class", "country", "opened")
        if before is not None and all(before[c] == row[c] for c in same):
            before |= {c: before[c] + row[c] for c in ("km", "hours")}
            worst = max(before["accuracy_km"], row["accuracy_km"])
            before |= {"to": row["to"], "km_to": row["km_to"], "accuracy_km": worst}
            before["lines"] += row["lines"]
        else:
            rows.append(row)
    for i, row in enumerate(rows):
        row["geometry"] = _linked(row.pop("lines"))
        row["turn"] = "start" if i == 0 else _turn(rows[i - 1], row)
    first = ["turn", "name", "mode", "from", "to", "km", "hours", "status", "opened"]
    frame = gpd.GeoDataFrame(rows, geometry="geometry", crs=4326)
    rest = [c for c in frame.columns if c not in {*first, "geometry"}]
    frame = frame[[*first, *rest, "geometry"]]
    frame.attrs = {
        "title": f"{start.name} – {end.name}",
        "method": f"Dijkstra, least {weight}, calibrated km",
        "ellipsoid": "WGS 84",
        "edges": "geodesic",
        "sources": sorted(set(frame["source"].dropna())),
        "data_version": data_version(),
    }
    asked = ", ".join(chosen.named().values()) or "any mode, any status"
    return Route(start, end, frame, weight, asked, tuple(steps))


def drawn(line: Any, measures: Any, a: float, b: float) -> LineString:
    """The stretch of an edge from km `a` to km `b`; two equal points where it has no length."""
    whole = float(measures[-1])
    if {a, b} == {0.0, whole} and whole > 0:
        return line if b > a else line.reverse()
    if a == b:
        spot = line.coords[0] if whole == 0 else Chainage(line, measures).at(a).coords[0]
        return LineString([spot, spot])
    return Chainage(line, measures).between(a, b)


def _linked(lines: list[LineString]) -> LineString:
    if len(lines) == 1:
        return lines[0]
    xy = [spot for line in lines for spot in line.coords]
    return LineString([xy[0], *(b for a, b in pairwise(xy) if a != b)])


def _turn(before: dict[str, Any], now: dict[str, Any]) -> str:
    """What to do at the start of a leg: change, cross, or the way to turn."""
    special = {"transfer": "change", "border": "border"}
    if now["mode"] in special or before["mode"] == "transfer":
        return special.get(now["mode"], "start")
    if before["geometry"].length == 0 or now["geometry"].length == 0:
        return "on"
    last = LineString(before["geometry"].coords[-2:])
    first = LineString(now["geometry"].coords[:2])
    away = bearing_deg(first, 0.0) - bearing_deg(last, length_km(last))
    away = (away + 180.0) % 360.0 - 180.0
    if abs(away) < _STRAIGHT_DEG:
        return "on"
    if abs(away) > 180.0 - _STRAIGHT_DEG:
        return "back"
    return "right" if away > 0 else "left"

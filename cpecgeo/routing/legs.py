"""`Route`: one path through the network, leg by leg."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry import LineString

from cpecgeo.catalogue import layer
from cpecgeo.errors import InputError, UnknownNameError
from cpecgeo.features.subject import Subject, html_card, html_table
from cpecgeo.geodesy import Chainage, distance_km, length_km
from cpecgeo.routing.graph import Network, load_shared
from cpecgeo.routing.search import Snap, Step

__all__ = ["Route"]

# A smaller change of direction, in degrees, is straight on.
_STRAIGHT_DEG = 30.0
# More access than this is part of the journey, so it is named.
_PART_KM = 1.0
# Where more than this share of the whole way is access, km and hours mislead.
_MUCH = 0.25
# Two routes can be joined within a town: a port, its station and its road are this close.
_TOWN_KM = 25.0


@dataclass(frozen=True, eq=False)
class Route:
    """One path from an origin to a destination.

    Returned by `route`.

    Attributes
    ----------
    origin, destination : Snap
        Where the route joins and leaves the network, with `access_km`.
    weight : str
        The minimized cost, such as ``"km"`` or ``"hours"``.
    asked : str
        The filters, in words.
    steps : tuple of Step
        The stretches of the network's edges, in order; empty outside the network.
    step_hours : tuple of float
        Hours of each step.
    own_legs : GeoDataFrame or None
        The legs of a route that also runs outside the network.
    vehicle : str
        The vehicle of the hours: ``"car"`` or ``"truck"``; empty for legs by sea and stated ones.
    ways_between : tuple of (int, float)
        For routes joined with ``+``: the number of the last leg before each joint, and the km off
        the network there.

    Examples
    --------
    >>> from cpecgeo import route
    >>> r = route("Rohri Junction", "Sibi", mode="rail")
    >>> r.legs["mode"].unique().tolist()
    ['rail']
    """

    origin: Snap
    destination: Snap
    weight: str
    asked: str
    steps: tuple[Step, ...] = field(default=(), repr=False)
    step_hours: tuple[float, ...] = field(default=(), repr=False)
    own_legs: gpd.GeoDataFrame | None = field(default=None, repr=False)
    network: Network | None = field(default=None, repr=False, compare=False)
    vehicle: str = ""
    ways_between: tuple[tuple[int, float], ...] = ()

    @cached_property
    def legs(self) -> gpd.GeoDataFrame:
        """The turn table, one row per section in order.

        `turn name mode from to km hours status opened speed_class country section accuracy_km
        basis source licence km_from km_to geometry`. `km` is calibrated; `km_from` and
        `km_to` count from where the origin joins the network. An end 1 km or more off it is named
        with its distance in `from` and `to`: ``39.0 km from Kotli Loharan``.
        """
        if self.own_legs is not None:
            return self.own_legs
        return _legs(self)

    def __getstate__(self) -> dict[str, Any]:
        # Another version of the data may have other edges, so legs are drawn before pickling.
        return {**self.__dict__, "own_legs": self.legs, "network": None}

    @property
    def chainage_km(self) -> float:
        """Calibrated kilometres on the network; published ones where available.

        Access at both ends isn't included, see `access_km`.
        """
        if self.own_legs is not None:
            return float(self.own_legs["km"].sum())
        return sum(step.km for step in self.steps)

    @property
    def length_km(self) -> float:
        """Geodesic length of the drawn line, in kilometres."""
        return float(length_km(self.line))

    @property
    def hours(self) -> float:
        """Hours of travel and of changes; see `data/speeds.csv` for the assumptions."""
        if self.own_legs is not None:
            return float(self.own_legs["hours"].sum())
        return sum(self.step_hours)

    @property
    def access_km(self) -> float:
        """Geodesic km off the network: at origin and destination, and between joined routes."""
        ends = self.origin.access_km + self.destination.access_km
        return float(ends + sum(km for _, km in self.ways_between))

    @property
    def access_note(self) -> str:
        """Which ends lie far off the network, where that is much of the whole way; else empty.

        Km and hours of a route are those on the network, so they mislead there.

        Examples
        --------
        >>> from cpecgeo import route
        >>> route("Washuk", "Panjgur").access_note.partition(",")[0]
        'Washuk lies 38.1 km off the network'
        """
        ends, km = (self.origin, self.destination), self.chainage_km
        away = sum(end.access_km for end in ends)
        if away <= _MUCH * (km + away):
            return ""
        far = (end for end in ends if end.access_km > 0.1 * away)
        which = " and ".join(f"{end.name} lies {end.access_km:,.1f} km off" for end in far)
        return (
            f"{which} the network, in a straight line: {km + away:,.1f} km in all; km and hours "
            f"are for the {km:,.1f} km on the network only."
        )

    @cached_property
    def line(self) -> LineString:
        """The route as one line, lon, lat."""
        return _link(self.legs.geometry)

    @property
    def geometry(self) -> LineString:
        """The same as `line`."""
        return self.line

    def as_subject(self) -> Subject:
        """Return the line under the route's name; see `resolve`."""
        title = f"{self.origin.name} – {self.destination.name}"
        shapes = gpd.GeoSeries([self.line], index=[title], crs=4326)
        return Subject(shapes, title, "route", is_single=True, things=(self,))

    @property
    def sections(self) -> tuple[str, ...]:
        """Ids of the sections used, in order."""
        return tuple(dict.fromkeys(self.legs["section"]))

    @property
    def changes(self) -> int:
        """Number of changes between road and rail."""
        return int((self.legs["mode"] == "transfer").sum())

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks for the reader: closed borders at the ends, what km and hours leave out.

        Examples
        --------
        >>> from cpecgeo import route
        >>> route("Torkham", "Peshawar").notes
        ('Torkham: closed to trade (since 2025-10)',)
        """
        notes = [x.note for x in (self.origin, self.destination) if x.note]
        if self.weight == "km" and self.changes:
            handling = self.legs.loc[self.legs["mode"] == "transfer", "hours"].sum()
            notes.append(
                f"{self.changes} changes between road and rail take {handling:.0f} of the "
                f"{self.hours:.1f} h: km count none"
            )
        if "year=" in self.asked and (km := self.legs["km"][self.legs["opened"].isna()].sum()):
            notes.append(f"of {km:,.0f} km it isn't known when they opened: counted as open")
        if self.access_note:
            notes.append(self.access_note)
        notes += [
            f"{join['corridor']} joins {join['to']} at {join['at']}, {join['km']:.2f} km off"
            + (" (a change)" if join["change"] else "")
            for join in self.legs.attrs.get("joins", ())
        ]
        return (*notes, *_tell_rebuilt(self.legs))

    def km_by(self, column: str = "status") -> pd.Series:
        """Return calibrated kilometres by status, mode, country or another column of the legs.

        Examples
        --------
        >>> from cpecgeo import route
        >>> route("Burhan", "Hakla").km_by("speed_class").round().to_dict()
        {'highway': 16.0, 'motorway': 34.0}
        """
        if column not in self.legs:
            raise UnknownNameError.of_column(column, self.legs.columns, of="legs")
        return self.legs.groupby(column)["km"].sum()

    def __add__(self, other: Route) -> Route:
        """Join two routes, for instance at a port, with the distance between them."""
        if not isinstance(other, Route):
            return NotImplemented
        gap = float(distance_km(self.destination.point, other.origin.point))
        if gap > _TOWN_KM:
            raise InputError(
                f"{self.destination.name} and {other.origin.name} are {gap:,.1f} km apart; the "
                f"second route must start within {_TOWN_KM:g} km of where the first ends."
            )
        rest = other.legs.copy()
        rest[["km_from", "km_to"]] += self.chainage_km
        both = pd.concat([self.legs, rest], ignore_index=True)
        legs = gpd.GeoDataFrame(both, geometry="geometry", crs=4326)
        legs.attrs = {**self.legs.attrs}
        asked = self.asked if self.asked == other.asked else f"{self.asked}; {other.asked}"
        way = self.destination.access_km + gap + other.origin.access_km
        count = len(self.legs)
        ways = [(count - 1, way), *((leg + count, km) for leg, km in other.ways_between)]
        return replace(
            self,
            destination=other.destination,
            asked=asked,
            steps=(*self.steps, *other.steps),
            step_hours=(*self.step_hours, *other.step_hours),
            own_legs=legs,
            network=None,
            vehicle=min(filter(None, (self.vehicle, other.vehicle)), default=""),
            ways_between=(*self.ways_between, *ways),
        )

    def explore(self, **style: Any) -> Any:
        """Return a map of the route; see `cpecgeo.Map`."""
        import cpecgeo as cg

        return cg.Map().add(self, **style)

    def __repr__(self) -> str:
        access = f", access {self.access_km:,.1f} km" if self.access_km >= _PART_KM else ""
        return (
            f"<Route {self.origin.name} → {self.destination.name}: {self.chainage_km:,.1f} km "
            f"(calibrated), {self.hours:.1f} h, {len(self.legs)} legs{access}>"
        )

    def _repr_html_(self) -> str:
        before, after = self.origin.access_km, self.destination.access_km
        km = sum(gap for _, gap in self.ways_between)
        between = f", {km:.1f} km between" if km > 0 else ""
        head = [
            ("chainage", f"{self.chainage_km:,.1f} km (calibrated)"),
            ("drawn", f"{self.length_km:,.1f} km (geodesic)"),
            ("time", f"{self.hours:,.1f} h at the assumed speeds"),
            ("access", f"{before:.1f} km before, {after:.1f} km after{between}, not counted"),
            ("least", self.weight),
            ("asked for", self.asked),
            *(("note", text) for text in self.notes),
        ]
        shown = ["turn", "name", "mode", "from", "to", "km", "hours", "status", "country"]
        rows = [[_cell(value) for value in row] for row in self.legs[shown].to_numpy(object)]
        title = f"{self.origin.name} → {self.destination.name}"
        return html_card(title, html_table(head), html_table(rows, shown))


def _tell_rebuilt(legs: pd.DataFrame) -> list[str]:
    """Name the legs counted as open although their section is being rebuilt or only planned."""
    sections = layer("sections")
    known = sections[sections["role"] == "base"].to_dict("index")
    notes = []
    for name, status in dict.fromkeys(zip(legs["section"], legs["status"], strict=True)):
        row = known.get(name)
        if row is not None and status != row["status"]:
            note, state = row["note"], row["status"].replace("_", " ")
            why = note if isinstance(note, str) else "a road that is open runs over it"
            notes.append(f"{row['name']} counts as {status}, though the section is {state}: {why}")
    return notes


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:,.1f}"
    return "" if value is None else str(value).replace("_", " ")


_SAME = ("section", "status", "mode", "speed_class", "country", "opened")


def _legs(route: Route) -> gpd.GeoDataFrame:
    """Return the legs of a route over the network: consecutive steps of one section and kind."""
    net = route.network or load_shared()
    rows: list[dict[str, Any]] = []
    run = 0.0
    ends = [
        f"{end.access_km:.1f} km from {end.name}" if end.access_km >= _PART_KM else end.name
        for end in (route.origin, route.destination)
    ]
    for step, spent in zip(route.steps, route.step_hours, strict=True):
        row = _leg(net, step, spent, run, ends)
        run += step.km
        before = rows[-1] if rows else None
        if before is not None and all(before[c] == row[c] for c in _SAME):
            before |= {c: before[c] + row[c] for c in ("km", "hours", "lines")}
            worst = max(before["accuracy_km"], row["accuracy_km"])
            before |= {"to": row["to"], "km_to": row["km_to"], "accuracy_km": worst}
        else:
            rows.append(row)
    lines = [_link(row.pop("lines")) for row in rows]
    turns = _turns([row["mode"] for row in rows], lines)
    # Two sources may have two points for a junction; the gap is drawn with the second leg.
    gaps = [LineString([a.coords[-1], b.coords[0]]) for a, b in pairwise(lines)]
    lines[1:] = [_link([g, b]) if g.length else b for g, b in zip(gaps, lines[1:], strict=True)]
    table = pd.DataFrame(rows)
    table.insert(0, "turn", turns)
    frame = gpd.GeoDataFrame(table, geometry=lines, crs=4326)
    frame.attrs = {
        "title": f"{route.origin.name} – {route.destination.name}",
        "method": f"Dijkstra, least {route.weight}, calibrated km",
        "ellipsoid": "WGS 84",
        "edges": "geodesic",
        "sources": sorted(set(frame["source"].dropna())),
        **net.provenance(frame["section"]),
    }
    if net.own:
        used, joins = set(frame["section"]), net.edges.attrs["joins"]
        frame.attrs["joins"] = [join for join in joins if used & set(join["sections"])]
    return frame


def _leg(net: Network, step: Step, hours: float, run: float, ends: list[str]) -> dict[str, Any]:
    """Return the row of a step that starts `run` km from the origin."""
    edge, (u, v) = net.rows[step.edge], net.ends[step.edge]
    near = {0.0: net.names[u], net.lengths[step.edge]: net.names[v]}
    return {
        "name": edge["name"],
        "mode": "border" if edge["crossing"] else edge["mode"],
        "from": near.get(step.a, ends[0]),
        "to": near.get(step.b, ends[1]),
        "km": step.km,
        "hours": hours,
        **{c: edge[c] for c in ("status", "opened", "speed_class", "country", "section")},
        **{c: edge[c] for c in ("accuracy_km", "basis", "source", "licence")},
        "km_from": run,
        "km_to": run + step.km,
        "lines": net.cut([(step.edge, step.a, step.b)]),
    }


def _link(lines: Iterable[LineString]) -> LineString:
    """Join consecutive lines to one line; two equal vertices where it has no length."""
    xy = shapely.get_coordinates(list(lines))
    xy = xy[np.append(True, (np.diff(xy, axis=0) != 0).any(axis=1))]
    return LineString(xy if len(xy) > 1 else np.vstack((xy, xy)))


def _turns(modes: list[str], lines: list[LineString]) -> list[str]:
    """Return the instruction at the start of each leg: change, cross, or turn."""
    turns, special = ["start"], {"transfer": "change", "border": "border"}
    after, before = _bearings_deg(lines)
    for i in range(1, len(lines)):
        away = (after[i] - before[i - 1] + 180.0) % 360.0 - 180.0
        if modes[i] in special or modes[i - 1] == "transfer":
            turns.append(special.get(modes[i], "start"))
        elif np.isnan(away) or abs(away) < _STRAIGHT_DEG:
            turns.append("on")
        elif abs(away) > 180.0 - _STRAIGHT_DEG:
            turns.append("back")
        else:
            turns.append("right" if away > 0 else "left")
    return turns


def _bearings_deg(lines: list[LineString]) -> tuple[Any, Any]:
    """Return the bearings at the start and end of each line; NaN without length."""
    found = np.full((2, len(lines)), np.nan)
    own = [i for i, line in enumerate(lines) if line.length > 0]
    if own:
        # The bearing at the end is that at the start of the reversed edge, plus 180°.
        first = [lines[i].coords[:2] for i in own]
        last = [lines[i].coords[:-3:-1] for i in own]
        chain = Chainage(shapely.MultiLineString([*first, *last]))
        bearings = chain.bearing_deg(chain.measures_km[::2])
        found[:, own] = bearings.reshape(2, len(own))
        found[1] += 180.0
    return found[0], found[1]

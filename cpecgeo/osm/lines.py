"""A corridor's line from mapped track or road: planned, stored, and compared with the bundled."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from cpecgeo.catalogue import data_version
from cpecgeo.catalogue.files import stored_path, write_checked
from cpecgeo.catalogue.geometry import load_stored
from cpecgeo.catalogue.lines import corridor_id
from cpecgeo.errors import DataError, InputError
from cpecgeo.features.corridor import Corridor
from cpecgeo.features.corridors import corridor
from cpecgeo.features.subject import html_card, html_table
from cpecgeo.geodesy import Chainage, buffer, distance_km
from cpecgeo.geodesy.inputs import positive_km
from cpecgeo.osm.elements import Elements
from cpecgeo.osm.graph import Graph
from cpecgeo.osm.matching import Anchor, Match, match
from cpecgeo.osm.tags import is_own, section_filters

__all__ = ["Deviation", "Plan", "Refreshed", "deviation", "plan", "refreshed", "store_line"]

_REQUEST_KM = 60.0  # length of line per request
_LEAST_BUFFER_KM, _MOST_BUFFER_KM = 2.0, 25.0
_BESIDE = 2.0  # factor on the cost of sidings and other roads


@dataclass(frozen=True, eq=False)
class Plan:
    """The areas and filters for matching a corridor.

    Attributes
    ----------
    corridor : Corridor
        As bundled.
    radius_km : list of float
        Radius of the search around the line of each section.
    requests : list of (Polygon, filters)
        Areas along the line, each with the way filters of its section.
    """

    corridor: Corridor
    radius_km: list[float]
    requests: list[tuple[Any, tuple[str, ...]]]


def plan(name: str, buffer_km: float | None = None) -> Plan:
    """Plan the requests for refreshing a corridor; see `cpecgeo.osm.refresh`."""
    base = corridor(name, geometry="bundled")
    radius = _radius(base, buffer_km)
    return Plan(base, radius, _requests(base, radius))


def store_line(planned: Plan, ways: Elements, record: Mapping[str, Any]) -> Refreshed:
    """Match a corridor to the ways in its areas and store its new line.

    Where no part of the line can be matched, an earlier stored line is kept.
    """
    base = planned.corridor
    if not len(ways):
        raise DataError(
            f"OpenStreetMap has no ways for {base.name} within the buffer; its line stays as it "
            "is. Check the file, or give a larger buffer_km."
        )
    own = [is_own(s) for s in base.sections.to_dict("records")]
    net = Graph.of(ways, "rail" if base.kind == "rail" else "drive", record)
    favoured = np.array([any(test(t) for test in own) for t in ways.tags])
    cost = net.segments.km * np.where(favoured[net.segments.way], 1.0, _BESIDE)
    found = match(net, cost, _anchors(base, planned.radius_km), base.chainage)
    if not found.ways:
        raise DataError(
            f"None of {base.name} can be matched to OpenStreetMap's ways; its line stays as it is."
        )
    body = _body(base, found, ways)
    spans = base.sections[["id", "km_from", "km_to"]]
    full = {
        **record,
        "corridor": base.name,
        "sections": [[i, float(a), float(b)] for i, a, b in spans.itertuples(index=False)],
        "data_version": data_version(),
        "buffer_km": planned.radius_km,
        "ways": len(found.ways),
        "gap_km": float(sum(g[1] - g[0] for g in found.gaps)),
        "made_with": {p: _version(p) for p in ("cpecgeo", "osmnx", "osmium")},
    }
    path = stored_path("corridors", base.name)
    write_checked(path, full, json.dumps(body, ensure_ascii=False).encode())
    return refreshed(base.name)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _radius(base: Corridor, buffer_km: float | None) -> list[float]:
    """Return the kilometres around each section."""
    if buffer_km is not None:
        return [positive_km(buffer_km, "buffer_km")] * len(base.sections)
    # The accuracy is a 95 % value; the remaining points are up to twice as far off.
    bound = 2 * base.sections["accuracy_km"].fillna(_LEAST_BUFFER_KM) + 1.0
    return [float(k) for k in bound.clip(_LEAST_BUFFER_KM, _MOST_BUFFER_KM)]


def _requests(base: Corridor, radius: list[float]) -> list[tuple[Any, tuple[str, ...]]]:
    """Return areas along the line, each with the filters of its section."""
    requests = []
    for section, km in zip(base.sections.to_dict("records"), radius, strict=True):
        a, b = section["km_from"], section["km_to"]
        if b - a <= 0:
            continue
        cuts = np.linspace(a, b, max(2, int(np.ceil((b - a) / _REQUEST_KM)) + 1))
        filters = section_filters(section)
        # Simplified, because the outline is sent with each request and needn't be exact to a metre.
        requests += [
            (shapely.simplify(buffer(base.between(x, y), km, rtol=1e-2), 0.001), filters)
            for x, y in pairwise(cuts.tolist())
        ]
    return requests


def _anchors(base: Corridor, radius: list[float]) -> list[Anchor]:
    """Return the stops with a position, and the ends of sections.

    A motorway's interchange has the position of the town that it is named after. A stop farther
    from the line than its tolerance is therefore moved to the closest point of the line.
    """
    anchors: dict[float, Anchor] = {}
    bounds = base.sections[["name", "km_from", "km_to", "accuracy_km"]].to_dict("records")
    for section, far in zip(bounds, radius, strict=True):
        loose = min(far, max(1.0, 2 * (section["accuracy_km"] or 0.5)))
        for end, km in (("start", section["km_from"]), ("end", section["km_to"])):
            key = round(float(km), 6)
            point = base.at(min(float(km), base.end_km))
            anchors.setdefault(
                key, Anchor(f"{end} of {section['name']}", float(km), point, loose, held=True)
            )
    edges = [s["km_to"] for s in bounds]
    begun, legs_km = (base.legs[c].to_numpy(float) for c in ("km_from", "accuracy_km"))
    rows = base.stops[base.stops.geometry.notna() & base.stops["km"].notna()]
    on_line = gpd.GeoSeries([base.at(min(float(km), base.end_km)) for km in rows["km"]], crs=4326)
    off = np.asarray(distance_km(rows.geometry, on_line.set_axis(rows.index)), float)
    for stop, aside, beside in zip(rows.to_dict("records"), off, on_line, strict=True):
        point, km = stop["geometry"], float(stop["km"])
        far = radius[min(int(np.searchsorted(edges, km)), len(radius) - 1)]
        loose = min(far, max(1.0, 2 * float(stop["accuracy_km"])))
        if aside > loose:
            leg = max(int(np.searchsorted(begun, km, side="right")) - 1, 0)
            point, loose = beside, min(far, max(1.0, 2 * float(legs_km[leg])))
        key = round(km, 6)
        held = key in anchors or not pd.isna(stop["post_km"])
        anchors[key] = Anchor(str(stop["name"]), km, point, loose, held=held)
    return [anchors[k] for k in sorted(anchors)]


def _body(base: Corridor, found: Match, ways: Elements) -> dict[str, Any]:
    """Return the content of the file of a new line."""
    chain = Chainage(shapely.LineString(found.xy), found.measures_km)
    new = {a.km: float(chain.measures_km[v]) for a, v, _ in found.met}
    ends = {0.0: chain.start_km, base.end_km: chain.end_km}
    known = dict(sorted((ends | new).items()))
    if (np.diff(list(known.values())) < 0).any():
        raise InputError(f"The stops of {base.name} don't follow one another along the track.")
    at = base.stops["km"].to_numpy(float)
    moved: NDArray[np.float64] = np.interp(at, list(known), list(known.values()))
    return {
        "xy": found.xy.tolist(),
        "measures_km": chain.measures_km.tolist(),
        "stops_km": dict(zip(base.stops["id"], moved.tolist(), strict=True)),
        "met": [[a.name, a.km, new[a.km], off] for a, _, off in found.met],
        "missed": [[a.name, a.km, why] for a, why in found.missed],
        "gaps": [list(g) for g in found.gaps],
        "ways": [[int(ways.way_id[w]), dict(ways.tags[w])] for w in found.ways],
    }


@dataclass(frozen=True, eq=False)
class Refreshed:
    """A corridor with OpenStreetMap's geometry, and a record of its construction.

    Attributes
    ----------
    corridor, bundled : Corridor
        With the new line, and with the bundled one.
    record : mapping
        `snapshot` (date of the data), `retrieved`, `origin`, `queries`, `buffer_km`,
        `gap_km`, `licence`, `credit` ….
    ways : DataFrame
        Ways used, in order: `way`, `name`, `ref`, `tags` (all of them).
    gaps : DataFrame
        Stretches that stay schematic: `km_from`, `km_to` (old chainage), `from`, `to`, `reason`.
    stops_met : DataFrame
        Stops on the track: `name`, `km` (old), `osm_km`, `offset_km`.
    stops_missed : DataFrame
        Stops without a track nearby: `name`, `km`, `reason`.
    """

    corridor: Corridor
    bundled: Corridor
    record: Mapping[str, Any]
    ways: pd.DataFrame
    gaps: pd.DataFrame
    stops_met: pd.DataFrame
    stops_missed: pd.DataFrame

    def deviation(self, *, every_km: float = 1.0) -> Deviation:
        """Measure how far the old line is from the new one; see `cpecgeo.osm.deviation`."""
        return deviation(self.corridor.name, every_km=every_km)

    def _repr_html_(self) -> str:
        c, share = self.corridor, self.record["gap_km"] / self.corridor.end_km
        rows = {
            "snapshot": str(self.record["snapshot"] or "unknown"),
            "from": str(self.record["origin"]),
            "ways used": f"{len(self.ways):,}",
            "length": f"{c.length_km:,.1f} km (drawn line: {self.bundled.length_km:,.1f} km)",
            "still schematic": f"{share:.1%}, {len(self.gaps)} gaps",
            "stops without track": str(len(self.stops_missed)),
            "licence": str(self.record["credit"]),
        }
        return html_card(c.title, html_table(rows.items()))


def refreshed(name: str) -> Refreshed:
    """Load the corridor that `cpecgeo.osm.refresh` stored, checked against its sha256.

    Parameters
    ----------
    name : str

    Returns
    -------
    Refreshed

    Raises
    ------
    DataError
        It was never refreshed, the file is damaged, or it belongs to other sections.
    UnknownNameError
    """
    key = corridor_id(name)
    kept = load_stored(key)
    if kept is None:
        raise DataError(
            f"corridor {key!r} has no OpenStreetMap geometry yet; get it with "
            f"cpecgeo.osm.refresh({key!r})."
        )
    body = kept.body
    return Refreshed(
        corridor=corridor(key, geometry="osm"),
        bundled=corridor(key, geometry="bundled"),
        record=kept.record,
        ways=pd.DataFrame(
            [(way, tags.get("name"), tags.get("ref"), tags) for way, tags in body["ways"]],
            columns=["way", "name", "ref", "tags"],
        ),
        gaps=pd.DataFrame(body["gaps"], columns=["km_from", "km_to", "from", "to", "reason"]),
        stops_met=pd.DataFrame(body["met"], columns=["name", "km", "osm_km", "offset_km"]),
        stops_missed=pd.DataFrame(body["missed"], columns=["name", "km", "reason"]),
    )


_APART_KM = 1e-6


@dataclass(frozen=True, eq=False)
class Deviation:
    """A bundled line measured against OpenStreetMap's.

    Attributes
    ----------
    old, new : Corridor
    per_km : GeoDataFrame
        Points on the old line: `km` (old chainage), `deviation_km` (geodesic, to the closest
        point of the new line), `side` (of the new line), `osm_km` (chainage there), `shift_km`
        (`osm_km` less `km`), `schematic` (whether the new line is the old one there).
    """

    old: Corridor
    new: Corridor
    per_km: gpd.GeoDataFrame

    @property
    def summary(self) -> dict[str, float]:
        """Lengths in km; mean, 95th percentile and greatest deviation where a track was found."""
        found = self.per_km.loc[~self.per_km["schematic"], "deviation_km"].to_numpy(float)
        some = found if len(found) else np.array([np.nan])
        return {
            "old_km": self.old.length_km,
            "new_km": self.new.length_km,
            "mean_deviation_km": float(some.mean()),
            "p95_deviation_km": float(np.percentile(some, 95)),
            "max_deviation_km": float(some.max()),
            "schematic_share": float(self.per_km["schematic"].mean()),
        }

    @property
    def lines(self) -> gpd.GeoDataFrame:
        """Both lines, and one from each sample to the closest point of the new line."""
        apart = self.per_km[self.per_km["deviation_km"] > _APART_KM]
        ends = self.new.chainage.at(apart["osm_km"].to_numpy())
        ties = [shapely.LineString(pair) for pair in zip(apart.geometry, ends, strict=True)]
        names = ["Drawn line", "OpenStreetMap", *(f"Deviation at km {km:g}" for km in apart["km"])]
        return gpd.GeoDataFrame(
            {"name": names, "deviation_km": [np.nan, np.nan, *apart["deviation_km"].round(3)]},
            geometry=[self.old.line, self.new.line, *ties],
            crs=4326,
        )

    def explore(self) -> Any:
        """Return a map of both lines and of the deviations between them."""
        import cpecgeo as cg

        return cg.Map().add(self.lines, name="Deviation per km")

    def _repr_html_(self) -> str:
        s = self.summary
        return (
            f"<div><strong>{self.old.title}</strong>: drawn {s['old_km']:,.1f} km, OpenStreetMap "
            f"{s['new_km']:,.1f} km; deviation {s['mean_deviation_km']:.2f} km on average, "
            f"{s['max_deviation_km']:.2f} km at most; {s['schematic_share']:.0%} stayed "
            "schematic</div>"
        )


def deviation(name: str, *, every_km: float = 1.0) -> Deviation:
    """Measure the deviation of a corridor's bundled line from its refreshed one.

    Parameters
    ----------
    name : str
    every_km : float
        Kilometres between samples.

    Returns
    -------
    Deviation

    Raises
    ------
    DataError
        The corridor hasn't been refreshed.
    UnknownNameError, InputError
    """
    kept = refreshed(name)
    old = kept.bundled
    posts = old.km_posts(every_km)
    hit = kept.corridor.locate(posts.geometry)
    km = posts["km"].to_numpy()
    schematic = np.zeros(len(km), bool)
    for a, b in kept.gaps[["km_from", "km_to"]].to_numpy(float):
        schematic |= (km >= a) & (km <= b)
    frame = gpd.GeoDataFrame(
        {
            "km": km,
            "deviation_km": hit["offset_km"].to_numpy(),
            "side": hit["side"].to_numpy(),
            "osm_km": hit["km"].to_numpy(),
            "shift_km": hit["km"].to_numpy() - km,
            "schematic": schematic,
        },
        geometry=posts.geometry.to_numpy(),
        crs=4326,
    )
    frame.attrs = {
        "method": "closest geodesic point on the new line",
        "ellipsoid": "WGS 84",
        "edges": "geodesic",
        "sources": list(kept.corridor.sources),
        "licence": "ODbL-1.0",
    }
    return Deviation(old, kept.corridor, frame)

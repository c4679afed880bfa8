"""Legs outside the network: by sea over shipping lanes, and with a stated length."""

from __future__ import annotations

from functools import cache
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString

from cpecgeo.catalogue import data_version, layer
from cpecgeo.catalogue.files import read_table
from cpecgeo.errors import InputError, InputTypeError, MissingExtraError
from cpecgeo.features.resolve import check_number, resolve_point
from cpecgeo.features.subject import PointLike
from cpecgeo.geodesy import Index, densify, distance_km, length_km
from cpecgeo.routing.legs import Route
from cpecgeo.routing.search import Snap

__all__ = ["sea_route", "stated_leg"]

# A line may cross this much land, because outlines are accurate to about a kilometre and ports are
# on land.
_GRAZE_DEG = 0.03
# Bends may be cut between points of the lane at this distance.
_STEP_KM = 20.0
# A port lies at most this far from the sea; estuaries and errors of the outline are shorter.
_SEA_KM = 50.0
# Gaps of up to this area between outlines of countries, in square degrees, aren't sea.
_GAP_DEG2 = 0.5


def sea_route(a: PointLike, b: PointLike, *, names: tuple[str, str] | None = None) -> Route:
    """Return the route by sea between two ports, along the shipping lanes of `searoute`.

    Parameters
    ----------
    a, b : str, Place, Point or (lon, lat)
        Ports anywhere in the world; by name where the bundled data has them.
    names : (str, str), optional
        Their names.

    Returns
    -------
    Route
        One leg, `mode` "sea"; join it with a route over land by ``+``. Its km are those of the
        drawn line; hours follow from `data/speeds.csv`, without time in port. The first and last
        stretch, between port and lane, are straight.

    Raises
    ------
    MissingExtraError
        `searoute` isn't installed.
    InputError
        The two ports are the same, or one is more than 50 km from the sea.

    Notes
    -----
    The lanes are made for ocean crossings and make detours near the coast. Bends are therefore cut
    wherever a geodesic between two points of the lane avoids the land of the bundled countries;
    farther away the lane is used as it is.

    Examples
    --------
    >>> ship = sea_route("Gwadar Port", (55.05, 25.0), names=("Gwadar Port", "Jebel Ali"))
    >>> ship.legs["mode"].tolist()
    ['sea']
    """
    try:
        import searoute
    except ImportError as error:
        raise MissingExtraError(
            'Legs by sea need searoute: pip install "cpecgeo[sea]" (searoute 1.6).'
        ) from error
    what = ("the first port", "the second port")
    ends = _resolve_ends(a, b, what, names)
    (origin, start), (destination, end) = ends
    if start.equals(end):
        raise InputError("Both ports are at one place; there is no way between them.")
    known = np.array([*searoute.setup_P().nodes, *searoute.setup_M().nodes], float)
    known = known[np.abs(known[:, 0]) <= 180.0]  # lanes continue beyond ±180°
    for (name, point), word in zip(ends, what, strict=True):
        _check_port(name, point, word, known)
    # Its graph is shared, and calls with restrictions change it; none are used.
    lane = searoute.searoute([start.x, start.y], [end.x, end.y], append_orig_dest=True)
    xy = np.array(lane["geometry"]["coordinates"], float)[:, :2]
    line = LineString(_shorten(xy))
    return _one_leg(
        ends,
        line,
        float(length_km(line)),
        float(read_table("speeds.csv").set_index("id")["kmh"]["sea"]),
        name=f"By sea, {origin}–{destination}",
        mode="sea",
        speed_class="sea",
        source="searoute 1.6 (Apache-2.0; lanes of Eurostat SeaRoute and Oak Ridge National "
        "Laboratory), coastal bends cut",
        licence="Apache-2.0",
    )


def stated_leg(
    a: PointLike,
    b: PointLike,
    *,
    km: float,
    mode: str,
    source: str,
    kmh: float | None = None,
    names: tuple[str, str] | None = None,
) -> Route:
    """Return a route of one leg with a published length, outside the bundled network.

    Parameters
    ----------
    a, b : str, Place, Point or (lon, lat)
    km : float
        The published length.
    mode : str
        Such as ``"rail"``.
    source : str
        The source of the length.
    kmh : float, optional
        Average speed; that of a main line, a highway or a ship when omitted.
    names : (str, str), optional

    Returns
    -------
    Route
        One leg drawn as the geodesic between its ends, `basis` "schematic".

    Raises
    ------
    InputError
        `km` is shorter than the geodesic, or there is no source.

    Examples
    --------
    >>> stated_leg("Gwadar", "Turbat", km=165, mode="road", source="a road sign").chainage_km
    165.0
    """
    ends = _resolve_ends(a, b, ("the first end", "the second end"), names)
    (origin, start), (destination, end) = ends
    line = LineString([start, end])
    straight = float(length_km(line))
    if check_number(km, "km") < straight:
        raise InputError(
            f"km is {km!r}, and the two ends are {straight:,.1f} km apart in a straight line; a "
            "length can't be less."
        )
    if not isinstance(source, str) or not source.strip():
        raise InputError("source is empty; say who published the length.")
    usual = {"rail": "rail-main", "road": "highway", "sea": "sea"}
    speeds = read_table("speeds.csv").set_index("id")["kmh"]
    if kmh is None:
        if mode not in list(usual):
            raise InputError(f"No speed is known for mode {mode!r}; give kmh=.")
        kmh = float(speeds[usual[mode]])
    return _one_leg(
        ends,
        line,
        float(km),
        check_number(kmh, "kmh", above=0.0),
        name=f"{origin}–{destination} (stated)",
        mode=mode,
        speed_class="stated",
        source=source,
        licence="fact",
    )


def _resolve_ends(
    a: PointLike, b: PointLike, what: tuple[str, str], names: tuple[str, str] | None
) -> list[tuple[str, Any]]:
    """Return name and point of both ends; `names` come before those of the places."""
    ends = [resolve_point(x, word, among=("place",)) for x, word in zip((a, b), what, strict=True)]
    if names is None:
        return ends
    pair = list(names) if isinstance(names, (list, tuple)) else []
    if len(pair) != 2 or not all(isinstance(name, str) for name in pair):
        raise InputTypeError(f'names is {names!r}; give two, such as ("Gwadar Port", "Jebel Ali").')
    return [(name, point) for name, (_, point) in zip(pair, ends, strict=True)]


def _one_leg(
    ends: list[tuple[str, Any]], line: LineString, km: float, kmh: float, **about: str
) -> Route:
    """Return a route of one leg, without steps on the network."""
    (origin, _), (destination, _) = ends
    row = {
        "turn": "start",
        "name": about["name"],
        "mode": about["mode"],
        "from": origin,
        "to": destination,
        "km": km,
        "hours": km / kmh,
        "status": "operating",
        "opened": None,
        "speed_class": about["speed_class"],
        "country": "",
        "section": about["name"],
        "accuracy_km": np.nan,
        "basis": "schematic",
        "source": about["source"],
        "licence": about["licence"],
        "km_from": 0.0,
        "km_to": km,
        "geometry": line,
    }
    legs = gpd.GeoDataFrame([row], geometry="geometry", crs=4326)
    legs.attrs = {
        "title": f"{origin} – {destination}",
        "method": about["source"],
        "ellipsoid": "WGS 84",
        "edges": "geodesic",
        "sources": [about["source"]],
        "data_version": data_version(),
    }
    start, end = (Snap(name, point, -1, 0.0, 0.0, point) for name, point in ends)
    return Route(start, end, "km", about["name"], own_legs=legs)


def _shorten(xy: NDArray[np.float64]) -> Any:
    """Return the shortest line over points of the lane that avoids known land."""
    known, land, _ = _find_land()
    fine = shapely.get_coordinates(densify(LineString(xy), _STEP_KM))
    inside = shapely.contains_xy(known, fine)
    total = np.full(len(fine), np.inf)
    total[0] = 0.0
    previous = np.arange(len(fine)) - 1
    for at in range(1, len(fine)):
        # The lane's own next point is always allowed; shortcuts only where all land is known.
        back = np.flatnonzero(inside[:at]) if inside[at] else np.empty(0, int)
        back = back[_over_land(land, _edges_to(fine, back, at)) <= _GRAZE_DEG]
        before = np.unique(np.append(back, at - 1))
        steps = gpd.GeoSeries(_edges_to(fine, before, at), crs=4326)
        reach = total[before] + length_km(steps).to_numpy()
        total[at], previous[at] = reach.min(), before[int(reach.argmin())]
    keep = [len(fine) - 1]
    while keep[-1]:
        keep.append(int(previous[keep[-1]]))
    return fine[keep[::-1]]


def _edges_to(xy: NDArray[np.float64], before: NDArray[np.int64], at: int) -> Any:
    """Return a straight line from each of some points to another."""
    ends = np.broadcast_to(xy[at], (len(before), 2))
    return shapely.linestrings(np.stack((xy[before], ends), axis=1))


def _over_land(land: shapely.Geometry, lines: NDArray[np.object_]) -> Any:
    """Return the length of each line over land, in degrees."""
    over = np.zeros(len(lines))
    hit = shapely.intersects(land, lines)
    over[hit] = shapely.length(shapely.intersection(lines[hit], land))
    return over


@cache
def _find_land() -> tuple[shapely.Polygon, shapely.Geometry, shapely.MultiPolygon]:
    """Return the box of known land, the land, and the sea in the box."""
    countries = layer("countries")
    known = shapely.box(*countries.total_bounds)
    land = shapely.union_all(countries.geometry.to_numpy())
    parts = shapely.get_parts(known.difference(land))
    shapely.prepare(land)
    return known, land, shapely.MultiPolygon([part for part in parts if part.area > _GAP_DEG2])


def _check_port(name: str, point: shapely.Point, what: str, ports: NDArray[np.float64]) -> None:
    """Refuse an end of a sea route that lies more than 50 km inland.

    `ports` are known ports and points of lanes, for ends outside the bundled land.
    """
    known, _, sea = _find_land()
    if known.contains(point):
        away, of = float(distance_km(point, sea)), "the sea"
    else:
        near = gpd.GeoSeries(shapely.points(ports), crs=4326)
        hit = Index(near).nearest(gpd.GeoSeries([point], crs=4326))
        away, of = float(hit["distance_km"].iloc[0]), "the nearest port or lane that is known"
    if away > _SEA_KM:
        raise InputError(
            f"{what} {name} lies {away:,.0f} km from {of}; a ship takes an end at most "
            f"{_SEA_KM:g} km from it. Give a port, and add the way to it over land: "
            'route("Lahore", "Karachi Port") + sea_route("Karachi Port", …).'
        )

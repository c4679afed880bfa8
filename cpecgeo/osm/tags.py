"""Tags of ways: filters for a section or a kind of network, and speeds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from cpecgeo.catalogue import layer
from cpecgeo.catalogue.files import read_table
from cpecgeo.errors import InputError, UnknownNameError

__all__ = [
    "ONEWAY_CLASSES",
    "Tags",
    "countries",
    "first_keys",
    "is_own",
    "kmh",
    "matcher",
    "network_filters",
    "section_filters",
    "section_ref",
    "speeds",
]

_TERM = re.compile(r'\["([^"]+)"(?:(=|!=|~|!~)"([^"]*)")?\]')
Tags = Mapping[str, str]

_MOTOR = "motorway|trunk|primary|secondary|tertiary|unclassified|residential|living_street|road"
_NO_CARS = '["area"!="yes"]["access"!~"^(private|no)$"]["motor_vehicle"!~"^(private|no)$"]'
_NO_FEET = '["area"!="yes"]["access"!~"^(private|no)$"]["foot"!~"^(private|no|use_sidepath)$"]'

_NOT_ON_FOOT = (
    "motorway|motorway_link|construction|proposed|planned|platform|abandoned|razed|raceway|"
    "rest_area|services|no"
)

# Kind of network → way filters; a way belongs to it if any filter accepts it.
_NETWORKS: Mapping[str, tuple[str, ...]] = {
    "main": (f'["highway"~"^(motorway|trunk|primary|secondary)(_link)?$"]{_NO_CARS}',),
    "drive": (f'["highway"~"^({_MOTOR})(_link)?$"]{_NO_CARS}',),
    "drive_service": (f'["highway"~"^({_MOTOR}|service|track)(_link)?$"]{_NO_CARS}',),
    "walk": (f'["highway"]["highway"!~"^({_NOT_ON_FOOT})$"]{_NO_FEET}',),
    "rail": ('["railway"~"^(rail|narrow_gauge|light_rail)$"]',),
}

_NUMBERED = re.compile(r"\b(?P<letter>[NMGES])-?(?P<number>\d{1,3})\b")
# Values of `railway` for track, by the status of a section.
_LAID = {
    "operating": "rail|narrow_gauge",
    "under_construction": "rail|narrow_gauge|construction|proposed",
    "planned": "rail|narrow_gauge|construction|proposed",
    "suspended": "rail|narrow_gauge|disused|abandoned",
    "closed": "rail|narrow_gauge|disused|abandoned",
}
# Roads that may join the parts of a numbered road, as through a town.
_THROUGH = '["highway"~"^(motorway|trunk|primary)(_link)?$"]'
_ANY_ROAD = f'["highway"~"^({_MOTOR}|construction|track)(_link)?$"]'


def matcher(filters: Iterable[str]) -> Callable[[Tags], bool]:
    """Return a function that tests whether one of some Overpass way filters accepts tags.

    Filters test for existence and by ``=``, ``!=``, ``~`` and ``!~``, as in Overpass QL.

    Examples
    --------
    >>> rails = matcher(['["railway"~"^(rail|narrow_gauge)$"]["service"!="yard"]'])
    >>> rails({"railway": "rail"}), rails({"railway": "rail", "service": "yard"})
    (True, False)
    """
    rules = []
    for text in filters:
        terms = _TERM.findall(text)
        if not terms or "".join(_write(*t) for t in terms) != text:
            raise InputError(
                f'{text!r} is no way filter; write terms such as ["highway"="trunk"] or '
                '["ref"~"N-35"], one after the other.'
            )
        rules.append([(key, operator, value, re.compile(value)) for key, operator, value in terms])
    return lambda tags: any(all(_holds(tags, *term) for term in rule) for rule in rules)


def _write(key: str, operator: str, value: str) -> str:
    return f'["{key}"{operator}"{value}"]' if operator else f'["{key}"]'


def _holds(tags: Tags, key: str, operator: str, value: str, pattern: re.Pattern[str]) -> bool:
    has = tags.get(key)
    if operator == "":
        return has is not None
    if operator in {"=", "!="}:
        return (has == value) is (operator == "=")
    return (has is not None and pattern.search(has) is not None) is (operator == "~")


def first_keys(filters: Iterable[str]) -> list[str]:
    """Return keys of which every way that passes a filter has at least one.

    Examples
    --------
    >>> first_keys(['["highway"="trunk"]["ref"]', '["railway"]'])
    ['highway', 'railway']
    """
    return sorted({_TERM.findall(text)[0][0] for text in filters})


def network_filters(network: str) -> tuple[str, ...]:
    """Return the Overpass way filters of a kind of network, see `cpecgeo.osm.graph`.

    Examples
    --------
    >>> network_filters("rail")
    ('["railway"~"^(rail|narrow_gauge|light_rail)$"]',)
    """
    if network not in list(_NETWORKS):
        raise UnknownNameError(network, "kind of network", _NETWORKS)
    return _NETWORKS[network]


def section_ref(section: Mapping[str, Any]) -> str | None:
    """Return the road number of a section, as ``N-35``; None where it has none.

    Examples
    --------
    >>> section_ref({"id": "n25-quetta-surab", "name": "N-25 Quetta–Surab"})
    'N-25'
    """
    stated = read_table("osm_refs.csv").set_index("section")["ref"]
    if section["id"] in stated.index:
        return str(stated[section["id"]])
    # Only the section's own number; "Hyderabad: M-6 to M-9" names its neighbours.
    found = _NUMBERED.search(section["name"]) if " to " not in section["name"] else None
    return f"{found['letter']}-{found['number']}" if found else None


def section_filters(section: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the Overpass way filters of a section of a corridor.

    For a railway they select rails, also rails not yet or no longer in use where its status says
    so; for a numbered road its `ref` and the main roads between its parts; else any road.

    Examples
    --------
    >>> section_filters({"id": "x", "name": "ML-1", "kind": "rail", "status": "operating"})
    ('["railway"~"^(rail|narrow_gauge)$"]',)
    """
    if section["kind"] == "rail":
        return (f'["railway"~"^({_LAID.get(section["status"], _LAID["operating"])})$"]',)
    ref = section_ref(section)
    if ref is None:
        return (_ANY_ROAD,)
    return _of_ref(ref), _THROUGH


def _of_ref(ref: str) -> str:
    letter, number = ref.split("-")
    return f'["highway"]["ref"~"(^|[;, ]){letter}[- ]?0*{number}($|[;, ])"]'


def is_own(section: Mapping[str, Any]) -> Callable[[Tags], bool]:
    """Return a function that tests whether a way is the section itself, not a neighbouring way."""
    if section["kind"] == "rail":
        return matcher(['["railway"]["service"!~"^(yard|siding|spur|crossover)$"]'])
    ref = section_ref(section)
    return matcher([_of_ref(ref)]) if ref else lambda _: True


# Limits mapped by kind, as in maxspeed=CN:urban.
_COUNTRIES = ("PK", "CN")
_NAMED = {
    "motorway": "motorway",
    "trunk": "trunk",
    "rural": "secondary",
    "urban": "residential",
    "living_street": "living_street",
}
_LINK_SHARE = 0.6  # ramps: bends limit the speed
_WALK_KMH = 5.0
_FALLBACK_KMH = 30.0
_MILE_KM = 1.609344
# A mapped limit outside these is an error: the highest legal limit of a road is 160 km/h (Abu
# Dhabi), of a railway in service 350 km/h (China), and nobody drives below 3 km/h.
_LEAST_KMH, _MOST_KMH, _MOST_RAIL_KMH = 3.0, 160.0, 350.0
_NUMBER = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(mph|km/h|kmh|kph)?\s*$")

ONEWAY_CLASSES = frozenset({"motorway"})


def speeds() -> pd.DataFrame:
    """List implicit speeds by country and class of way, with the source of each.

    Returns
    -------
    DataFrame
        `country` (PK, CN), `highway` (``rail`` for railways), `kmh`, `source`. A mapped `maxspeed`
        from 3 to 160 km/h (rails: 350) takes precedence; any other is ignored.

    Notes
    -----
    These are limits for cars on a free road. Journeys take longer; see `Graph` for how hours
    are counted.

    Examples
    --------
    >>> table = speeds().set_index(["country", "highway"])
    >>> float(table.loc[("PK", "motorway"), "kmh"]), float(table.loc[("CN", "trunk"), "kmh"])
    (120.0, 70.0)
    """
    table = read_table("osm_speeds.csv")[["country", "highway", "kmh", "source"]]
    return pd.DataFrame(table.to_dict("list")).astype({"kmh": float})


@cache
def _limits(country: str) -> dict[str, float]:
    """Return the limit of each class of way: Pakistan's, but in China; legal, not truck speeds."""
    table = speeds()
    own = table[table["country"] == country]
    return dict(zip(own["highway"], own["kmh"], strict=True)) if len(own) else _limits("PK")


def kmh(tags: Mapping[str, str], country: str, *, on_foot: bool = False) -> tuple[float, str]:
    """Return the speed of a way, and its basis: ``"maxspeed"``, ``"implicit"``, ``"fallback"``.

    Examples
    --------
    >>> kmh({"highway": "trunk", "maxspeed": "50 mph"}, "PK")
    (80.4672, 'maxspeed')
    >>> kmh({"highway": "trunk", "maxspeed": "9999"}, "CN")
    (70.0, 'implicit')
    """
    if on_foot:
        return _WALK_KMH, "implicit"
    limits = _limits(country)
    most = _MOST_RAIL_KMH if "railway" in tags else _MOST_KMH
    stated = _parse_limit(tags.get("maxspeed", ""), most)
    if stated is not None:
        return stated, "maxspeed"
    kind = "rail" if "railway" in tags else tags.get("highway", "")
    if kind == "construction":
        kind = tags.get("construction", "")
    base, link = kind.removesuffix("_link"), kind.endswith("_link")
    if base not in limits:
        return _FALLBACK_KMH, "fallback"
    return limits[base] * (_LINK_SHARE if link else 1.0), "implicit"


def _parse_limit(text: str, most: float) -> float | None:
    """Parse a mapped limit to km/h, the lowest of several; None where none is plausible."""
    found = []
    for part in re.split(r"[;|,]", text):
        number = _NUMBER.match(part)
        if number:
            found.append(float(number[1]) * (_MILE_KM if number[2] == "mph" else 1.0))
        elif ":" in part:
            country, _, zone = part.strip().partition(":")
            if country.upper() in _COUNTRIES and zone in _NAMED:
                found.append(_limits(country.upper())[_NAMED[zone]])
    usable = [f for f in found if _LEAST_KMH <= f <= most]
    return min(usable) if usable else None


def countries(xy: NDArray[np.float64]) -> NDArray[Any]:
    """Return ``"CN"`` for points in China, ``"PK"`` for all others, by the bundled outlines."""
    frame = layer("countries")
    china = shapely.union_all(frame.geometry[frame["id"] == "china"].to_numpy())
    shapely.prepare(china)
    return np.where(shapely.contains_xy(china, xy[:, 0], xy[:, 1]), "CN", "PK")

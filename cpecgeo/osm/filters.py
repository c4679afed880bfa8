"""Filters of ways: of a section, and of a kind of network, as Overpass writes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from cpecgeo.catalogue.files import read_table
from cpecgeo.errors import InputError, UnknownNameError

__all__ = ["first_keys", "is_own", "matcher", "network_filters", "section_filters", "section_ref"]

_TERM = re.compile(r'\["([^"]+)"(?:(=|!=|~|!~)"([^"]*)")?\]')
Tags = Mapping[str, str]

_MOTOR = "motorway|trunk|primary|secondary|tertiary|unclassified|residential|living_street|road"
_NO_CARS = '["area"!="yes"]["access"!~"^(private|no)$"]["motor_vehicle"!~"^(private|no)$"]'
_NO_FEET = '["area"!="yes"]["access"!~"^(private|no)$"]["foot"!~"^(private|no|use_sidepath)$"]'

_NOT_ON_FOOT = (
    "motorway|motorway_link|construction|proposed|planned|platform|abandoned|razed|raceway|"
    "rest_area|services|no"
)

# kind of network → way filters; a way is in if any accepts it.
_NETWORKS: Mapping[str, tuple[str, ...]] = {
    "main": (f'["highway"~"^(motorway|trunk|primary|secondary)(_link)?$"]{_NO_CARS}',),
    "drive": (f'["highway"~"^({_MOTOR})(_link)?$"]{_NO_CARS}',),
    "drive_service": (f'["highway"~"^({_MOTOR}|service|track)(_link)?$"]{_NO_CARS}',),
    "walk": (f'["highway"]["highway"!~"^({_NOT_ON_FOOT})$"]{_NO_FEET}',),
    "rail": ('["railway"~"^(rail|narrow_gauge|light_rail)$"]',),
}

_NUMBERED = re.compile(r"\b(?P<letter>[NMGES])-?(?P<number>\d{1,3})\b")
_LAID = {
    "operating": "rail|narrow_gauge",
    "under_construction": "rail|narrow_gauge|construction|proposed",
    "planned": "rail|narrow_gauge|construction|proposed",
    "suspended": "rail|narrow_gauge|disused|abandoned",
    "closed": "rail|narrow_gauge|disused|abandoned",
}
_THROUGH = '["highway"~"^(motorway|trunk|primary)(_link)?$"]'
_ANY_ROAD = f'["highway"~"^({_MOTOR}|construction|track)(_link)?$"]'


def matcher(filters: Iterable[str]) -> Callable[[Tags], bool]:
    """Return a test of tags that accepts what any of some Overpass way filters accepts.

    Parameters
    ----------
    filters : iterable of str
        Such as ``'["railway"="rail"]["service"!~"yard|siding"]'``: existence, ``=``, ``!=``,
        ``~``, ``!~``, as in Overpass QL.

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
    """Return keys of which every way that any of some filters accepts has at least one.

    Examples
    --------
    >>> first_keys(['["highway"="trunk"]["ref"]', '["railway"]'])
    ['highway', 'railway']
    """
    return sorted({_TERM.findall(text)[0][0] for text in filters})


def network_filters(network: str) -> tuple[str, ...]:
    """Return the Overpass way filters of a kind of network.

    Parameters
    ----------
    network : str
        ``main`` (motorway to secondary), ``drive``, ``drive_service``, ``walk`` or ``rail``.

    Raises
    ------
    UnknownNameError

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
    # Not the neighbours that a link is named after: "Hyderabad: M-6 to M-9".
    found = _NUMBERED.search(section["name"]) if " to " not in section["name"] else None
    return f"{found['letter']}-{found['number']}" if found else None


def section_filters(section: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the Overpass way filters of a section of a corridor.

    Rails of a railway, with those not yet or no longer in use where its status says so; of a
    numbered road its `ref` and the main roads that join its parts; else any road.

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
    """Return a test of tags: whether a way is the section itself, not what lies beside it."""
    if section["kind"] == "rail":
        return matcher(['["railway"]["service"!~"^(yard|siding|spur|crossover)$"]'])
    ref = section_ref(section)
    return matcher([_of_ref(ref)]) if ref else lambda _: True

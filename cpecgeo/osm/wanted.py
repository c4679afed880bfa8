"""Which ways to ask for: of a section, and of a kind of network."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cpecgeo.errors import UnknownNameError
from cpecgeo.osm.elements import matcher

__all__ = ["network_filters", "preferred", "section_filters", "section_ref"]

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

# Sections of a numbered road whose name doesn't say the number.
_REFS: Mapping[str, str] = {
    "khunjerab-raikot": "N-35",
    "raikot-thakot": "N-35",
    "thakot-havelian": "M-15",
    "havelian-burhan": "M-15",
    "kuchlak-surab": "N-25",
    "wangu-khuzdar": "M-8",
    "rohri-ratodero": "N-65",
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


def network_filters(network: str) -> tuple[str, ...]:
    """The Overpass way filters of a kind of network.

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
    """The road number of a section, as ``N-35``; None where it has none.

    Examples
    --------
    >>> section_ref({"id": "n25-quetta-surab", "name": "N-25 Quetta–Surab"})
    'N-25'
    """
    if section["id"] in _REFS:
        return _REFS[section["id"]]
    # Not the neighbours that a link is named after: "Hyderabad: M-6 to M-9".
    found = _NUMBERED.search(section["name"]) if " to " not in section["name"] else None
    return f"{found['letter']}-{found['number']}" if found else None


def section_filters(section: Mapping[str, Any]) -> tuple[str, ...]:
    """The Overpass way filters of a section of a corridor.

    Rails of a railway, with those not yet or no longer in use where its status says so; of a
    numbered road its `ref` and the main roads that join its pieces; else any road.

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


def preferred(section: Mapping[str, Any]) -> Any:
    """A test of tags: whether a way is the section itself rather than what lies beside it."""
    if section["kind"] == "rail":
        return matcher(['["railway"]["service"!~"^(yard|siding|spur|crossover)$"]'])
    ref = section_ref(section)
    return matcher([_of_ref(ref)]) if ref else lambda _: True

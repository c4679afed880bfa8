"""Filters of the network: mode, status, year, season, and features to avoid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, TypedDict

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from cpecgeo.catalogue import corridor_rows
from cpecgeo.catalogue.lines import corridor_id
from cpecgeo.errors import InputError, InputTypeError, UnknownNameError
from cpecgeo.features.alignment import STATUSES
from cpecgeo.features.corridor import Corridor
from cpecgeo.features.resolve import check_number, resolve_corridor
from cpecgeo.features.subject import SubjectLike
from cpecgeo.routing.additions import JOIN_KM, extend
from cpecgeo.routing.closures import Cut, cut, is_open_in, is_shut
from cpecgeo.routing.graph import Network, load_shared

__all__ = [
    "MODES",
    "FilterOptions",
    "Filters",
    "RouteOptions",
    "Usable",
    "UseOptions",
    "filters",
    "usable",
]

MODES = ("any", "road", "rail")
MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
SEASONS = {"winter": 1, "spring": 4, "summer": 7, "autumn": 10}


class _BundledFilters(TypedDict, total=False):
    mode: str
    avoid: SubjectLike
    status: str | Sequence[str] | None
    year: int | None
    season: str | int | None
    along: str | Corridor | None


class FilterOptions(_BundledFilters, total=False):
    """The filters of every search of the network, see `route`."""

    extra: Corridor | Sequence[Corridor]
    join_km: float


class UseOptions(_BundledFilters, total=False):
    """The options of `route` but for a caller's corridors and the cost to minimize."""

    vehicle: str | None
    speeds: Mapping[str, float] | None
    rates: Mapping[str, float] | None
    max_access_km: float


class RouteOptions(FilterOptions, UseOptions, total=False):
    """The options of `route` but for the cost to minimize."""


@dataclass(frozen=True)
class Filters:
    """Validated filters.

    Attributes
    ----------
    mode : str
    status : tuple of str
    year, month : int or None
    season : str
        The season as given.
    avoid : tuple
        Names and geometries, as the caller gave them.
    along : str or None
        A corridor to keep to.
    extra : tuple of Corridor
        The caller's corridors, which join the network within `join_km`.
    is_any_own : bool
        Whether these may be used whatever their status, because the caller gave no status.
    """

    mode: str = "any"
    status: tuple[str, ...] = ("operating",)
    year: int | None = None
    month: int | None = None
    season: str = ""
    avoid: tuple[SubjectLike, ...] = ()
    along: str | None = None
    extra: tuple[Corridor, ...] = ()
    join_km: float = JOIN_KM
    is_any_own: bool = True

    @property
    def text(self) -> str:
        """The filters that are set, in words."""
        return ", ".join(self.describe().values())

    def without(self, name: str) -> Filters:
        """Return the filters without one of them."""
        usual = Filters.__dataclass_fields__[name].default
        fields: dict[str, Any] = {name: STATUSES if name == "status" else usual}
        return replace(self, **fields)

    def describe(self) -> dict[str, str]:
        """Return the filters that are set, in words."""
        words: dict[str, str] = {}
        if self.mode != "any":
            words["mode"] = f"mode={self.mode!r}"
        if set(self.status) != set(STATUSES):
            words["status"] = f"status={'|'.join(self.status)!r}"
        if self.year is not None:
            words["year"] = f"year={self.year}"
        if self.month is not None:
            words["month"] = f"season={self.season!r}"
        if self.avoid:
            words["avoid"] = f"avoid={[_name_avoided(what) for what in self.avoid]}"
        if self.along is not None:
            words["along"] = f"along={self.along!r}"
        return words


def filters(
    *,
    mode: str = "any",
    avoid: SubjectLike = (),
    status: str | Sequence[str] | None = None,
    year: int | None = None,
    season: str | int | None = None,
    along: str | Corridor | None = None,
    extra: Corridor | Sequence[Corridor] = (),
    join_km: float = JOIN_KM,
    **others: object,
) -> Filters:
    """Validate filters, see `route`; others are options that no search has."""
    for name in others:
        raise UnknownNameError(name, "option", sorted(RouteOptions.__optional_keys__))
    if mode not in MODES:
        raise UnknownNameError(mode, "mode", MODES)
    corridor = None
    if along is not None:
        # By name only, because some lines can't be drawn without the OpenStreetMap folder.
        if isinstance(along, str):
            corridor = corridor_id(along)
        else:
            corridor = resolve_corridor(along, "along").name
    own = _list_extra(extra)
    if corridor is not None and corridor not in {*corridor_rows(), *(c.name for c in own)}:
        raise InputError(f"along is {corridor!r}, and no section of the network is part of it.")
    return Filters(
        mode=mode,
        status=_parse_status(status, corridor),
        year=_parse_year(year),
        month=None if season is None else _parse_month(season),
        season="" if season is None else str(season),
        avoid=_list_avoided(avoid),
        along=corridor,
        extra=own,
        join_km=check_number(join_km, "join_km"),
        is_any_own=status is None,
    )


def _list_extra(extra: Corridor | Sequence[Corridor]) -> tuple[Corridor, ...]:
    listed = (extra,) if isinstance(extra, Corridor) else extra
    if isinstance(listed, str) or not isinstance(listed, Iterable):
        listed = (listed,)
    found = tuple(listed)
    for one in found:
        if not isinstance(one, Corridor):
            raise InputTypeError(
                f"extra has {type(one).__name__}; give corridors of your own, made by "
                "Corridor.from_line or Corridor.join."
            )
    names = [one.name for one in found]
    if len(set(names)) < len(names):
        raise InputError(f"extra has several corridors named {max(names, key=names.count)!r}.")
    return found


def _name_avoided(what: SubjectLike) -> str:
    """Return the name of an avoided thing, or what type it has."""
    name = what if isinstance(what, str) else getattr(what, "name", None)
    return name if isinstance(name, str) else type(what).__name__


def _list_avoided(avoid: SubjectLike) -> tuple[SubjectLike, ...]:
    whole = (str, shapely.Geometry, pd.DataFrame, pd.Series)
    if isinstance(avoid, whole) or not isinstance(avoid, Iterable):
        return (avoid,)
    return tuple(avoid)


def _parse_status(status: str | Sequence[str] | None, along: str | None) -> tuple[str, ...]:
    if status is None:
        return ("operating",) if along is None else STATUSES
    if isinstance(status, str):
        status = STATUSES if status == "any" else (status,)
    if not isinstance(status, Iterable):
        raise InputTypeError(f"status is {status!r}; give a word or a list of them.")
    status = tuple(status)
    for one in status:
        if one not in STATUSES:
            raise UnknownNameError(one, "status", [*STATUSES, "any"])
    if not status:
        raise InputError("status is empty, so nothing may be used; give one status at least.")
    return tuple(s for s in STATUSES if s in status)


def _parse_year(year: int | None) -> int | None:
    if year is None:
        return None
    if isinstance(year, bool) or not isinstance(year, (int, np.integer)):
        raise InputTypeError(f"year is {year!r}; a whole number such as 2015 is needed.")
    if not 1800 <= year <= 2100:
        raise InputError(f"year is {year}; give one from 1800 to 2100.")
    return int(year)


def _parse_month(season: str | int) -> int:
    if isinstance(season, (int, np.integer)) and not isinstance(season, bool):
        if not 1 <= season <= 12:
            raise InputError(f"season is {season}; a month is a number from 1 to 12.")
        return int(season)
    if not isinstance(season, str):
        raise InputTypeError(f"season is {season!r}; give a season, or a month by name or number.")
    word = season.strip().casefold()
    months = [i + 1 for i, name in enumerate(MONTHS) if len(word) > 2 and name.startswith(word)]
    if word in SEASONS or months:
        return SEASONS.get(word) or months[0]
    raise UnknownNameError(season, "season", [*SEASONS, *MONTHS])


@dataclass(frozen=True, eq=False)
class Usable:
    """The network with filters applied.

    Attributes
    ----------
    network : Network
    chosen : Filters
    there : ndarray of bool, shape (edges,)
        Edges that pass all filters except `avoid`; ends may be snapped to these.
    blocked : dict of int to ndarray, shape (n, 2)
        Stretches of each edge, from km and to km, that `avoid` closes.
    passable : list of bool
        Whether each edge may be used from end to end.
    """

    network: Network
    chosen: Filters
    there: NDArray[np.bool_]
    blocked: Cut
    passable: list[bool]

    def is_clear(self, edge: int, a: float, b: float) -> bool:
        """Return whether the stretch of an edge from km `a` to km `b` is free of closures.

        A single end of the edge is free, because it also belongs to other edges of its node.
        """
        spans = self.blocked.get(edge)
        if spans is None:
            return True
        low, high = min(a, b), max(a, b)
        if low == high and low in (0.0, self.network.lengths[edge]):
            return True
        return not bool(((spans[:, 0] <= high) & (spans[:, 1] >= low)).any())

    def closing(self, cut: Cut) -> Usable:
        """Return the network with more stretches closed."""
        blocked, passable = dict(self.blocked), self.passable.copy()
        for edge, spans in cut.items():
            blocked[edge] = np.vstack((blocked.get(edge, spans[:0]), spans))
            passable[edge] = False
        return replace(self, blocked=blocked, passable=passable)


def usable(chosen: Filters) -> Usable:
    """Apply filters to the network."""
    net = extend(load_shared(), chosen.extra, chosen.join_km) if chosen.extra else load_shared()
    ground = replace(_open(replace(chosen, avoid=()), net), chosen=chosen)
    for what in chosen.avoid:
        ground = ground.closing(cut(ground.network, what, ground.there))
    return ground


@lru_cache(maxsize=64)
def _open(chosen: Filters, net: Network) -> Usable:
    """Apply all filters except `avoid` to the network."""
    columns = net.columns
    there = np.isin(columns["status"].astype(str), chosen.status)
    if chosen.is_any_own:
        there[list(net.own)] = True
    if chosen.mode != "any":
        there &= columns["mode"] == chosen.mode
    if chosen.year is not None:
        there &= ~(columns["year"] > chosen.year)
    if chosen.along is not None:
        own = np.zeros(len(there), bool)
        for name in _sections_of(chosen, chosen.along):
            own[net.of_section.get(name, [])] = True
        there &= own | (columns["crossing"] != "")
    there &= ~is_shut(net, chosen.year, chosen.month) & is_open_in(net, chosen.month)
    return Usable(net, chosen, there, {}, there.tolist())


def _sections_of(chosen: Filters, name: str) -> list[str]:
    """Return the sections of the corridor `along`; a caller's corridor takes precedence."""
    for one in chosen.extra:
        if one.name == name:
            ids = [str(i) for i in one.sections["id"]]
            return [*ids, *(f"{name}:{i}" for i in ids)]
    return list(corridor_rows()[name]["sections"])

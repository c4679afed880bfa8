"""What a route may use: mode, status, year, season, and what it has to avoid."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
import shapely

from cpecgeo.catalogue import table
from cpecgeo.errors import InputError, InputTypeError, UnknownNameError
from cpecgeo.routing.avoid import Cut, cut
from cpecgeo.routing.graph import Network, shared

__all__ = ["MODES", "STATUSES", "Filters", "Usable", "filters", "number", "usable"]

MODES = ("any", "road", "rail")
STATUSES = ("operating", "under_construction", "suspended", "closed", "planned")
MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
SEASONS = {"winter": 1, "spring": 4, "summer": 7, "autumn": 10}


@dataclass(frozen=True)
class Filters:
    """What was asked for, checked.

    Attributes
    ----------
    mode : str
    status : tuple of str
    year, month : int or None
    season : str
        The season as it was asked for.
    avoid : tuple
        Names and geometries, as given.
    along : str or None
        A corridor to keep to.
    """

    mode: str = "any"
    status: tuple[str, ...] = ("operating",)
    year: int | None = None
    month: int | None = None
    season: str = ""
    avoid: tuple[Any, ...] = ()
    along: str | None = None

    def without(self, name: str) -> Filters:
        """The same with one filter dropped."""
        fields = {**self.__dict__, name: Filters.__dataclass_fields__[name].default}
        if name == "status":
            fields["status"] = STATUSES
        return Filters(**fields)

    def named(self) -> dict[str, str]:
        """The filters that are set, as words."""
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
            shown = [a if isinstance(a, str) else type(a).__name__ for a in self.avoid]
            words["avoid"] = f"avoid={shown}"
        if self.along is not None:
            words["along"] = f"along={self.along!r}"
        return words


def filters(
    *,
    mode: str = "any",
    avoid: Any = (),
    status: Any = None,
    year: int | None = None,
    season: str | int | None = None,
    along: str | None = None,
) -> Filters:
    """Check the filters of a question.

    Raises
    ------
    UnknownNameError, InputError, InputTypeError
    """
    if mode not in MODES:
        raise UnknownNameError(mode, "mode", MODES)
    if along is not None:
        from cpecgeo.catalogue.lines import corridor_id

        along = corridor_id(along)
    return Filters(
        mode=mode,
        status=_statuses(status, along),
        year=_year(year),
        month=None if season is None else _month(season),
        season="" if season is None else str(season),
        avoid=_listed(avoid),
        along=along,
    )


def number(
    x: Any, what: str, *, above: float = -np.inf, least: float = 0.0, infinite: bool = False
) -> float:
    """`x` as a float within its bounds.

    Raises
    ------
    InputTypeError, InputError
    """
    if isinstance(x, bool) or not isinstance(x, Real):
        raise InputTypeError(f"{what} is {x!r}; a number is needed.")
    value = float(x)
    if np.isnan(value) or (np.isinf(value) and not infinite) or value < least or value <= above:
        rule = f"above {above:g}" if above > -np.inf else f"{least:g} or more"
        raise InputError(f"{what} is {x!r}; it must be finite and {rule}.")
    return value


def _listed(avoid: Any) -> tuple[Any, ...]:
    whole = (str, shapely.Geometry, pd.DataFrame, pd.Series)
    if isinstance(avoid, whole) or not isinstance(avoid, Iterable):
        return (avoid,)
    return tuple(avoid)


def _statuses(status: Any, along: str | None) -> tuple[str, ...]:
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


def _year(year: Any) -> int | None:
    if year is None:
        return None
    if isinstance(year, bool) or not isinstance(year, (int, np.integer)):
        raise InputTypeError(f"year is {year!r}; a whole number such as 2015 is needed.")
    if not 1800 <= year <= 2100:
        raise InputError(f"year is {year}; years from 1800 to 2100 can be asked for.")
    return int(year)


def _month(season: str | int) -> int:
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
    """The network under filters.

    Attributes
    ----------
    network : Network
    mode : str
    year : int or None
    open : ndarray of bool, shape (edges,)
        Passable from end to end.
    there : ndarray of bool, shape (edges,)
        Part of what the filters leave, `avoid` aside: what may be snapped to.
    blocked : dict of int to ndarray, shape (n, 2)
        Stretches of an edge, from km and to km, that `avoid` takes out.
    asked : str
        The filters, in words.
    """

    network: Network
    mode: str
    year: int | None
    open: Any
    there: Any
    blocked: dict[int, Any]
    asked: str


def usable(chosen: Filters) -> Usable:
    """Apply filters to the network."""
    net = shared()
    edges = net.edges
    mode = edges["mode"].to_numpy()
    there = np.ones(len(edges), bool) if chosen.mode == "any" else mode == chosen.mode
    crossing = edges["crossing"].to_numpy() != ""
    there &= edges["status"].isin(chosen.status).to_numpy()
    if chosen.year is not None:
        opened = edges["opened"].str[:4].astype(float).to_numpy()
        there &= ~(opened > chosen.year)
    if chosen.along is not None:
        there &= _of_corridor(net, chosen.along) | crossing
    there &= ~_shut(net, chosen) & _in_season(net, chosen.month)
    taken: list[Cut] = [cut(net, what, there) for what in chosen.avoid]
    blocked: dict[int, Any] = {}
    for one in taken:
        for edge, spans in one.items():
            blocked[edge] = np.vstack((blocked[edge], spans)) if edge in blocked else spans
    passable = there.copy()
    passable[list(blocked)] = False
    asked = ", ".join(chosen.named().values())
    return Usable(net, chosen.mode, chosen.year, passable, there, blocked, asked)


def _of_corridor(net: Network, name: str) -> Any:
    from cpecgeo.catalogue import corridor_rows

    parts = set(corridor_rows()[name]["sections"])
    return np.array([bool(parts & set(of)) for of in net.edges["sections"]])


def _shut(net: Network, chosen: Filters) -> Any:
    """Border edges that are shut in the year and season asked for."""
    edges = net.edges
    shut = np.zeros(len(edges), bool)
    year = 9999 if chosen.year is None else chosen.year
    for row in table("closures").to_dict("records"):
        here = (edges["crossing"] == row["crossing"]).to_numpy()
        if here.any() and _applies(row, year, chosen.month):
            shut |= here
    return shut


def _in_season(net: Network, month: int | None) -> Any:
    """Roads that snow closes each year count where a season is asked for, in that season."""
    seasons = net.edges["season"].to_numpy()
    whole = seasons == ""
    if month is None:
        return whole
    return whole | np.array([s != "" and _within(month, *s.split("/")) for s in seasons])


def _within(month: int, first: str, last: str) -> bool:
    """Whether the middle of a month lies between two days of the year, MM-DD."""
    day = f"{month:02d}-15"
    return first <= day <= last if first <= last else day >= first or day <= last


def _applies(row: dict[str, Any], year: int, month: int | None) -> bool:
    """Whether a closure holds: a seasonal one only where a season is asked for."""
    seasonal = not pd.isna(row["season_from"])
    if seasonal:
        if month is None:
            return False
        if not _within(month, str(row["season_from"]), str(row["season_to"])):
            return False
    # Without a month, a year is closed if its middle is.
    at = f"{year:04d}-{month or 6:02d}"
    begun = pd.isna(row["from"]) or at >= str(row["from"])[:7]
    return bool(begun and (pd.isna(row["to"]) or at <= str(row["to"])[:7]))

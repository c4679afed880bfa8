"""Alignments of corridors: sections joined end to end, with chainage, stops and legs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property, partial
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString

from cpecgeo.catalogue import corridor_rows, layer, table
from cpecgeo.catalogue.layers import ids_named, load_shared
from cpecgeo.catalogue.lines import MEET_KM, Assembled, corridor_id, join_sections, turn_ends
from cpecgeo.errors import (
    GeometryError,
    GeometryWarning,
    InputError,
    InputTypeError,
    UnknownNameError,
    warn,
)
from cpecgeo.features.places import stops
from cpecgeo.geodesy import Chainage
from cpecgeo.geodesy._rules import quote

__all__ = [
    "STATUSES",
    "Alignment",
    "align_named",
    "check_course",
    "check_words",
    "describe",
    "has_chainage",
    "join",
    "join_lines",
    "least_finished",
    "read_opened",
    "refuse_corridors",
    "state_published",
]

Floats = NDArray[np.float64]

# From usable to unusable.
STATUSES = ("operating", "under_construction", "suspended", "closed", "planned")
# No bend of a road or railway is sharper; a line that turns by more runs back over itself.
_BACK_DEG = 150.0
# Sections whose chainage differs by less follow on: km are printed to a metre.
_SAME_KM = 1e-3
_DATE = re.compile(r"\d{4}(-\d\d(-\d\d)?)?", re.ASCII)


@dataclass(frozen=True, eq=False)
class Alignment:
    """A line with sections, stops and legs in its chainage: a corridor without a name.

    Attributes
    ----------
    xy : ndarray, shape (vertices, 2)
        lon, lat.
    km : ndarray, shape (vertices,)
        Chainage at each vertex, from 0.
    sections : GeoDataFrame
    own_stops : GeoDataFrame or callable
    legs, competing : DataFrame
        As in `Corridor`.
    sources : tuple of str
    """

    xy: Floats
    km: Floats
    sections: gpd.GeoDataFrame
    own_stops: gpd.GeoDataFrame | Callable[[], gpd.GeoDataFrame]
    legs: pd.DataFrame
    competing: pd.DataFrame
    sources: tuple[str, ...]

    @cached_property
    def stops(self) -> gpd.GeoDataFrame:
        """The stops, which take longer to list than all else of a bundled line."""
        return self.own_stops() if callable(self.own_stops) else self.own_stops

    def reverse(self) -> Alignment:
        """Return the alignment with its chainage from the other end."""
        end = self.km[-1]
        tables = {}
        for name in ("sections", "legs"):
            frame = getattr(self, name).iloc[::-1].reset_index(drop=True)
            low, high = end - frame["km_to"], end - frame["km_from"]
            tables[name] = frame.assign(km_from=low, km_to=high)
        tables["sections"]["geometry"] = tables["sections"].geometry.reverse()
        rows = self.stops.assign(km=end - self.stops["km"]).iloc[::-1].reset_index(drop=True)
        return replace(self, xy=self.xy[::-1], km=end - self.km[::-1], own_stops=rows, **tables)

    def shift(self, km: float) -> Alignment:
        """Return the alignment with its chainage starting at `km`."""
        tables = {
            name: (frame := getattr(self, name)).assign(
                km_from=frame["km_from"] + km, km_to=frame["km_to"] + km
            )
            for name in ("sections", "legs")
        }
        rows = self.stops.assign(km=self.stops["km"] + km)
        return replace(self, km=self.km + km, own_stops=rows, **tables)


def align_named(names: Sequence[str], whole: Assembled, wholes: Iterable[str] = ()) -> Alignment:
    """Return the alignment of bundled sections, given by id in order, and assembled.

    `wholes` are the ids of corridors and sections whose published figures are included.
    """
    parts = layer("sections").loc[list(names)]
    parts = parts.reset_index(drop=True).rename(columns={"ratio_reason": "reason"})
    parts.insert(2, "km_from", [s[1] for s in whole.sections])
    parts.insert(3, "km_to", [s[2] for s in whole.sections])
    # Some sections are drawn against the direction of their km.
    against = np.array([s[3] for s in whole.sections])
    parts["geometry"] = parts.geometry.where(~against, parts.geometry.reverse())
    figures = table("figures")
    about = {*names, *wholes}
    return Alignment(
        xy=shapely.get_coordinates(whole.line),
        km=whole.measures_km,
        sections=parts,
        own_stops=partial(stops, list(names), whole),
        legs=pd.DataFrame(
            whole.legs, columns=["section", "km_from", "km_to", "basis", "accuracy_km"]
        ),
        competing=figures[figures["feature"].isin(about)].reset_index(drop=True),
        sources=tuple(dict.fromkeys(parts["source"])),
    )


def find_named(name: str) -> Alignment:
    """Return the alignment of a bundled section or corridor, by name or id."""
    if ids := ids_named("sections", name):
        names, wholes = ids[:1], [""]
    else:
        try:
            row = corridor_rows()[corridor_id(name)]
        except UnknownNameError as error:
            frame = load_shared("sections")
            known = [*frame["id"], *frame["name"], *error.near]
            raise UnknownNameError(name, "section or corridor", known) from None
        names, wholes = row["sections"], [row["id"]]
    return align_named(names, join_sections(names, repr(name)), wholes)


def join(parts: Sequence[Any]) -> Alignment:
    """Join corridors, or sections and corridors by name, end to end in the given order.

    Each is reversed where needed so that ends meet; parts that don't meet are refused.
    """
    if isinstance(parts, str) or not isinstance(parts, Sequence) or len(parts) == 0:
        raise InputError(
            f"parts is {str(parts)[:60]!r}; give corridors or names of sections, in a list."
        )
    found = [find_named(x) if isinstance(x, str) else _alignment_of(x) for x in parts]
    turned, gaps = turn_ends([part.xy for part in found])
    check_junctions([str(part.sections["name"].iloc[0]) for part in found], gaps)
    laid: list[Alignment] = []
    at = 0.0
    for part, back in zip(found, turned, strict=True):
        laid.append((part.reverse() if back else part).shift(at))
        at = float(laid[-1].km[-1])
    rows = pd.concat([part.stops for part in laid]).sort_values("km", kind="stable")
    rows = rows[~rows.duplicated(["name", "km"])].drop_duplicates("id").reset_index(drop=True)
    sections = pd.concat([part.sections for part in laid], ignore_index=True)
    if sections["id"].duplicated().any():
        twice = sections.loc[sections["id"].duplicated(), "id"].iloc[0]
        raise InputError(f"parts has section {twice!r} twice; a corridor runs over each once.")
    xy = np.vstack([laid[0].xy, *(part.xy[1:] for part in laid[1:])])
    check_course([str(name) for name in sections["name"]], sections.geometry, xy)
    return Alignment(
        xy=xy,
        km=np.concatenate([laid[0].km, *(part.km[1:] for part in laid[1:])]),
        sections=gpd.GeoDataFrame(sections, geometry="geometry", crs=4326),
        own_stops=gpd.GeoDataFrame(rows, geometry="geometry", crs=4326),
        legs=pd.concat([part.legs for part in laid], ignore_index=True),
        competing=pd.concat([part.competing for part in found])
        .drop_duplicates()
        .reset_index(drop=True),
        sources=tuple(dict.fromkeys(source for part in found for source in part.sources)),
    )


def _alignment_of(thing: Any) -> Alignment:
    if not hasattr(thing, "chainage"):
        raise InputError(
            f"parts holds {type(thing).__name__}; give corridors, or names of sections and "
            "corridors. A line becomes a corridor with Corridor.from_line."
        )
    return Alignment(
        xy=shapely.get_coordinates(thing.line),
        km=thing.chainage.measures_km,
        own_stops=thing.stops,
        **{name: getattr(thing, name) for name in ("sections", "legs", "competing", "sources")},
    )


def refuse_corridors(line: Any) -> None:
    """Refuse corridors and names of them, which `Corridor.from_line` would draw without figures."""
    for held in line if isinstance(line, list | tuple) else [line]:
        has_figures = isinstance(getattr(held, "chainage", None), Chainage)
        if has_figures or isinstance(held, str):
            shown = f"the corridor {held.name!r}" if has_figures else quote(held)
            raise InputTypeError(
                f"line {'is' if held is line else 'holds'} {shown}; from_line takes lines without "
                "figures. Corridor.join(['m4', corridor], name=...) takes corridors and their "
                "names, also a single one, and keeps status, figures and stops."
            )


def read_opened(value: Any) -> str | None:
    """Return a year or date of opening as ISO 8601, as far as it is given; None where missing."""
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return None
    text = f"{value:%Y-%m-%d}" if isinstance(value, date) else str(value).removesuffix(".0")
    if _DATE.fullmatch(text):
        with suppress(ValueError):  # a month or day that doesn't exist
            date.fromisoformat(text + "-01-01"[len(text) - 4 :])
            return text
    raise InputError(
        f"opened is {quote(value)}; give a year or an ISO date, such as 2019 or '2019-11-05'."
    )


def join_lines(names: Sequence[str], lines: Sequence[Floats]) -> tuple[list[Floats], Floats]:
    """Reverse lines where needed so that they follow one another; return them, and all as one.

    Lines are lon, lat of their vertices. Those that don't meet are refused, by their names.
    """
    turned, gaps = turn_ends(lines)
    check_junctions(names, gaps)
    ahead = [xy[::-1] if back else xy for xy, back in zip(lines, turned, strict=True)]
    return ahead, np.vstack([ahead[0], *(xy[1:] for xy in ahead[1:])])


def check_junctions(names: Sequence[str], gaps: Sequence[float]) -> None:
    """Refuse consecutive parts that don't meet."""
    for i, gap in enumerate(gaps):
        if gap > MEET_KM:
            raise GeometryError(
                f"{names[i]!r} and {names[i + 1]!r} follow one another and are {gap:,.2f} km "
                f"apart; parts must meet within {MEET_KM:g} km. Give them in order of travel, "
                "and what lies between as a part of its own."
            )


def check_course(names: Sequence[str], lines: Iterable[Any], xy: Floats) -> None:
    """Refuse sections that cross themselves or run back; warn where the whole line does.

    Points where the whole line, `xy`, crosses itself or runs over itself have the first of their
    chainages.
    """
    lines = list(lines)
    for name, line in zip(names, lines, strict=True):
        back = _turns_back(shapely.get_coordinates(line))
        if back is not None:
            raise GeometryError(
                f"Section {name!r} turns back on itself at ({back[0]:.5f}, {back[1]:.5f}), so km "
                "there would mean two places; take the vertices out, or end a section there. "
                "line.simplify(0.0002), some 20 m, takes the noise out of a GPS track."
            )
        if not line.is_simple:
            lon, lat = _first_crossing(line)
            raise GeometryError(
                f"Section {name!r} crosses or touches itself at ({lon:.5f}, {lat:.5f}), so km "
                "there would mean two places; mend the line, or end a section there. "
                "line.simplify(0.0002), some 20 m, takes the noise out of a GPS track."
            )
    whole = LineString(xy)
    if len(lines) > 1 and not whole.is_simple:
        lon, lat = _first_crossing(whole)
        warn(
            f"The line meets itself at ({lon:.5f}, {lat:.5f}); places there have the first of "
            "their km.",
            GeometryWarning,
        )


def has_chainage(sections: pd.DataFrame) -> bool:
    """Return whether each section has `km_from` and `km_to`; refuse those that don't follow on.

    The first begins at km 0, each of the others where the one before it ends.
    """
    spans = sections.reindex(columns=["km_from", "km_to"]).astype(float)
    if not spans.notna().all(axis=None):
        return False
    due, before = 0.0, "the line begins at km 0"
    for name, (start, end) in zip(sections["name"], spans.to_numpy(), strict=True):
        wrong = None
        if end < start:
            wrong = "km must rise in the order of the sections; turn the line round"
        elif abs(start - due) > _SAME_KM:
            wrong = f"{before}; set them right"
        if wrong:
            raise InputError(
                f"Section {name!r} has km_from {start:g} and km_to {end:g}, but {wrong}, or leave "
                "km_from and km_to out."
            )
        due, before = end, f"{name!r} ends at km {end:g}, and the next must begin there"
    return True


def _turns_back(xy: Floats) -> Floats | None:
    """Return the first vertex where a line runs back over itself."""
    chain = Chainage(LineString(xy))
    inner = chain.measures_km[1:-1]
    if not len(inner):
        return None
    after = chain.bearing_deg(inner)
    before = (Chainage(LineString(xy[::-1])).bearing_deg(chain.end_km - inner) + 180.0) % 360.0
    away = np.abs((after - before + 180.0) % 360.0 - 180.0)
    at = np.flatnonzero(away > _BACK_DEG)
    return xy[1 + at[0]] if len(at) else None


def _first_crossing(line: LineString) -> tuple[float, float]:
    """Return where a line first meets itself."""
    parts = shapely.get_parts(shapely.node(line))
    ends = [line.coords[i] for part in parts for line, i in ((part, 0), (part, -1))]
    met = [xy for xy in ends if ends.count(xy) > 2] or [xy for xy in ends if ends.count(xy) > 1]
    lon, lat = (met or ends)[0]
    return float(lon), float(lat)


def least_finished(statuses: Iterable[str]) -> str:
    """Return the status of the whole: planned if a part is, else under construction if a part is.

    Examples
    --------
    >>> least_finished(["operating", "under_construction"])
    'under_construction'
    """
    found = set(statuses)
    least = [s for s in ("planned", "under_construction") if s in found]
    return least[0] if least else min(found)


def check_words(kind: str, status: str) -> None:
    """Refuse a kind or status of a corridor that isn't known."""
    if kind not in ("road", "rail", "mining"):
        raise InputError(f"kind is {kind!r}; it is road, rail or mining.")
    if status not in STATUSES:
        raise InputError(f"status is {status!r}; it is one of {', '.join(STATUSES)}.")


def describe(
    whole: Alignment, name: str, title: str | None, kind: str | None, status: str | None
) -> dict[str, Any]:
    """Return the fields of a corridor that follow from its alignment.

    Where they aren't given, it has the kind of most of its km, and the status of its least finished
    section. An empty name, and an unknown kind or status, are refused.
    """
    if not isinstance(name, str) or not name.strip():
        raise InputError(f"name is {name!r}; give the corridor an id of its own, as text.")
    parts = whole.sections
    if kind is None:
        km = (parts["km_to"] - parts["km_from"]).groupby(parts["kind"]).sum()
        kind = str(km.idxmax())
    status = least_finished(parts["status"]) if status is None else status
    check_words(kind, status)
    chain = Chainage(LineString(whole.xy), whole.km)
    return {
        "name": name,
        "title": name if title is None else title,
        "kind": kind,
        "status": status,
        "line": chain.line,
        "chainage": chain,
        "own_stops": whole.own_stops,
        "sections": parts,
        "competing": whole.competing,
        "accuracy_km": float(parts["accuracy_km"].astype(float).max()),
        "sources": whole.sources,
        "legs": whole.legs,
    }


def state_published(km: float, note: str) -> str:
    """Return a published length in words."""
    if np.isnan(km):
        return "none found"
    return f"{km:,.6g} km" + (f" ({note})" if note else "")

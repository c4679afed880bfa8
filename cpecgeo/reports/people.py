"""People in towns near something: their sentence, and their table in rings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from cpecgeo.analysis.exposure import exposure
from cpecgeo.analysis.proximity import find_rings
from cpecgeo.features.resolve import resolve
from cpecgeo.features.subject import SubjectLike
from cpecgeo.maps.words import Words
from cpecgeo.reports.render import Part
from cpecgeo.routing import Reach

__all__ = [
    "LEAD_KM",
    "People",
    "compare_people",
    "measure_people",
    "sum_people",
    "tell_people",
    "tell_range",
    "tell_reached",
]

# The ring in the first sentence, and the rings of the table.
LEAD_KM = 10
RADII_KM = (5, 10, 25, 50)
# From which share of the figure on a range is stated; how many towns are named for it, and from
# which share of the range on.
_WIDE, _NAMED, _DECIDES = 0.2, 2, 0.1


@dataclass(frozen=True)
class People:
    """The people of towns within a radius.

    Attributes
    ----------
    towns : int
        Towns drawn within it.
    people, low, high : float
        As drawn, and the least and most if line and towns are moved by their accuracy.
    names : tuple of str
        The towns, two at most, on which a wide range depends; empty where it isn't wide.
    """

    towns: int
    people: float
    low: float
    high: float
    names: tuple[str, ...] = ()

    def tell(self, say: Words) -> str:
        """Write the number of people, or its range where that is wide."""
        if self.names:
            return tell_range(self.low, self.high, say)
        if self.towns and not self.people:
            return say("an unknown number of")
        return say.people(self.people)


def measure_people(x: SubjectLike, own: str = "") -> dict[int, People]:
    """Sum the people of towns within each of `RADII_KM`, in a single search.

    `own` is the id of a town that is itself there.
    """
    places = resolve("places", missing="keep")
    accuracy, at = places.accuracy_km, np.flatnonzero(~places.checked.missing)
    stated = None if accuracy is None else accuracy[at]
    row, *numbers, is_known = find_rings(places.checked.xy, resolve(x, "x"), RADII_KM, stated)
    towns = places.rows.iloc[at[row]]
    people, here = towns["population"].fillna(0), (towns["id"] == own).to_numpy()
    found = {}
    for ring, km in enumerate(RADII_KM):
        drawn, may, sure = (number <= ring for number in numbers)
        low, high = (float(people[some].sum()) if is_known else math.nan for some in (sure, may))
        near = People(int(drawn.sum()), float(people[drawn].sum()), low, high)
        if _is_wide(near):
            near = replace(near, low=float(people[sure | (may & here)].sum()))
        if _is_wide(near):
            large = towns[may & ~sure & ~here].nlargest(_NAMED, "population")
            deciding = large["population"] >= _DECIDES * (near.high - near.low)
            deciding.iloc[0] = True
            near = replace(near, names=tuple(large.loc[deciding, "name"]))
        found[km] = near
    return found


def _is_wide(near: People) -> bool:
    """Return whether the range is more than a fifth away from the figure as drawn."""
    return near.low < (1 - _WIDE) * near.people or near.high > (1 + _WIDE) * near.people


def tell_range(low: float, high: float, say: Words) -> str:
    """Write a range of people in one unit, to two digits.

    Examples
    --------
    >>> from cpecgeo.maps.words import find_words
    >>> tell_range(865_468, 17_335_881, find_words("en"))
    '0.9 to 17 million'
    """
    if say.lang == "zh" and high >= 1e4:
        ends = [f"{float(f'{v / 1e4:.2g}'):,.10g}" for v in (low, high)]
        return say("{count} ten thousand", count=say("{low} to {high}", low=ends[0], high=ends[1]))
    if high >= 1e6:
        ends = [
            f"{v:,.0f}" if v >= 10 or v == 0 else f"{v:.1f}" if v >= 1 else f"{v:.1g}"
            for v in (low / 1e6, high / 1e6)
        ]
        return say("{count} million", count=say("{low} to {high}", low=ends[0], high=ends[1]))
    return say("{low} to {high}", low=say.people(low), high=say.people(high))


def tell_people(rings: Mapping[int, People], title: str, say: Words) -> str:
    """Write how many people live in towns near something, in a sentence."""
    near, km = rings[LEAD_KM], LEAD_KM
    names = say(" and ").join(map(say.name, near.names))
    if near.people == 0 and names:
        return say("As drawn, no town with a population figure lies within {km} km of {title}; "
                   "towns of up to {people} people may, depending on {names}.", km=km, title=title,
                   people=say.people(near.high), names=names)  # fmt: skip
    if near.towns == 0:
        return say("No town of the gazetteer lies within {km} km of {title}.", km=km, title=title)
    if near.people == 0:
        return say("No town with a population figure lies within {km} km of {title}.", km=km,
                   title=title)  # fmt: skip
    if names:
        return say("Towns of {people} people in all lie within {km} km of {title} ({drawn} as "
                   "drawn), depending on {names}.", people=near.tell(say), km=km, title=title,
                   drawn=say.people(near.people), names=names)  # fmt: skip
    return say("Towns of {people} people in all lie within {km} km of {title}.",
               people=near.tell(say), km=km, title=title)  # fmt: skip


def sum_people(x: SubjectLike, rings: Mapping[int, People], say: Words) -> Part:
    """Sum towns and their people in rings; the view for people is cumulative."""
    rows = exposure(x, RADII_KM).reset_index()
    missing = sorted({name for names in rows.pop("missing_names") for name in names})
    text = [say("Towns of a gazetteer, at a point each: townspeople, not everyone.")]
    if missing:
        text.append(
            say("Without a population figure, and not counted: {names}.",
                names=say.list(missing))
        )  # fmt: skip
    view = pd.DataFrame(
        {
            "within_km": rows["km_to"],
            "towns": rows["features"].cumsum(),
            "population_within": rows["population_within"],
        }
    )
    view = view[view["towns"] > 0].copy()
    told = [rings[km] for km in view["within_km"]]
    if any(near.names for near in told):
        view["population_range"] = [near.tell(say) if near.names else "" for near in told]
        view["depends_on"] = [say(" and ").join(map(say.name, near.names)) for near in told]
        text.append(
            say("A range is what may be within, if line and towns are moved by their accuracy.")
        )
    if view.empty:
        text = [say("No town of the gazetteer lies within {km} km.", km=RADII_KM[-1])]
    return Part("people", say("People nearby"), tuple(text), rows, view=view)


def compare_people(keys: Sequence[str], things: Sequence[SubjectLike]) -> pd.DataFrame:
    """Sum the people near each of several things, one row each."""
    rows = []
    for key, thing in zip(keys, things, strict=True):
        found = exposure(thing, RADII_KM)
        within = found["population_within"].tolist()
        rows.append(
            {
                "id": key,
                **{f"within_{r}_km": n for r, n in zip(RADII_KM, within, strict=True)},
                "towns": int(found["features"].sum()),
                "towns_without_figure": int(found["missing"].sum()),
            }
        )
    return pd.DataFrame(rows)


def tell_reached(found: Reach | None, say: Words) -> list[str]:
    """Write how many people are reached by road, or that no town is."""
    if found is None:
        return []
    limit, people = f"{found.limit:g}", float(found.towns["population"].fillna(0).sum())
    if found.towns.empty:
        return [say("No town of the gazetteer is reached within {limit} hours of driving.",
                    limit=limit)]  # fmt: skip
    if people == 0:
        return [say("No town with a population figure is reached within {limit} hours of driving.",
                    limit=limit)]  # fmt: skip
    return [say("Towns of {people} people in all are reached within {limit} hours of driving.",
                people=say.people(people), limit=limit)]  # fmt: skip

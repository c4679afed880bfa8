"""People in towns near something: their sentence, and their table in rings."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from cpecgeo.analysis.exposure import exposure
from cpecgeo.features.subject import SubjectLike
from cpecgeo.maps.words import Words
from cpecgeo.reports.render import Part
from cpecgeo.routing import Reach

__all__ = [
    "LEAD_KM",
    "compare_people",
    "count_near",
    "sum_people",
    "tell_people",
    "tell_reached",
]

# The ring in the first sentence, and the rings of the table.
LEAD_KM = 10
RADII_KM = (5, 10, 25, 50)


def count_near(x: SubjectLike, km: float = LEAD_KM) -> float:
    """Count the people of towns near something."""
    return float(exposure(x, [km])["population"].sum())


def tell_people(x: SubjectLike, say: Words, km: float = LEAD_KM) -> str:
    """Write how many people live in towns near something, in a sentence."""
    near = exposure(x, [km]).iloc[0]
    if near["features"] == 0:
        return say("No town of the gazetteer lies within {km} km.", km=km)
    if near["population"] == 0:
        return say("No town with a population figure lies within {km} km.", km=km)
    people = say.people(float(near["population"]))
    return say("Towns of {people} people in all lie within {km} km of it.", people=people, km=km)


def known_people(rows: pd.DataFrame) -> pd.Series:
    """Return the people within each radius; missing where no town has a figure, which isn't 0."""
    is_known = (rows["features"] - rows["missing"]).cumsum() > 0
    return rows["population_within"].where(is_known | (rows["features"].cumsum() == 0))


def sum_people(x: SubjectLike, say: Words) -> Part:
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
            "population_within": known_people(rows),
        }
    )
    view = view[view["towns"] > 0]
    if view.empty:
        text = [say("No town of the gazetteer lies within {km} km.", km=RADII_KM[-1])]
    return Part("people", say("People nearby"), tuple(text), rows, view=view)


def compare_people(keys: Sequence[str], things: Sequence[SubjectLike]) -> pd.DataFrame:
    """Sum the people near each of several things, one row each."""
    rows = []
    for key, thing in zip(keys, things, strict=True):
        found = exposure(thing, RADII_KM)
        within = known_people(found).tolist()
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

"""What an assistant is told: value, unit, accuracy, status, sources, and how to cite them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cpecgeo.errors import CpecgeoError

if TYPE_CHECKING:
    import pandas as pd

    from cpecgeo.features.subject import Subject

__all__ = ["MOST_ROWS", "Answer", "about", "citations", "is_known", "once", "plain_rows"]

# What an assistant can read at once.
MOST_ROWS = 200


@dataclass(frozen=True)
class Answer:
    """What every tool returns."""

    meaning: str  # what the value is, in a sentence
    value: int | float | None  # the one number asked for, where there is one
    unit: str  # of the value
    accuracy: str  # how far it can be off
    status: str  # whether what it is about operates, is planned …
    sources: list[str]
    cite: str
    rows: list[dict[str, Any]] = field(default_factory=list)  # the table; km unless it says else
    notes: list[str] = field(default_factory=list)  # what has to be said with it


def plain_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows without geometry, in plain types; numbers to 6 digits behind the point."""
    from cpecgeo.reports.render import to_plain

    named = any(name is not None for name in table.index.names)
    flat = table.reset_index() if named else table
    kept = flat[[c for c in flat.columns if c != "geometry"]].head(MOST_ROWS)
    rows = [{str(k): to_plain(v) for k, v in row.items()} for row in kept.to_dict("records")]
    return [{k: round(v, 6) if isinstance(v, float) else v for k, v in r.items()} for r in rows]


def once(texts: Iterable[Any], most: int = 12) -> list[str]:
    """Texts without repetition, cut to what can be read."""
    found = list(dict.fromkeys(str(t) for t in texts if is_known(t) and str(t)))
    return found if len(found) <= most else [*found[:most], f"and {len(found) - most} more"]


def is_known(value: Any) -> bool:
    """Tell whether a value is there and no NaN."""
    return value is not None and value == value  # noqa: PLR0124


def citations(name: str, home: str) -> list[str]:
    """How to cite a feature of a layer, or a layer."""
    from cpecgeo.catalogue.cite import cite

    try:
        lines = cite(name).splitlines()
    except CpecgeoError:
        return [f"{name}: data of the user's own."]
    return [line for line in lines if f"({home}): " in line] or lines


def about(*subjects: Subject) -> dict[str, Any]:
    """Accuracy, status, sources and citation of what was asked about."""
    accuracy: list[str] = []
    status: list[str] = []
    sources: list[Any] = []
    cited: list[str] = []
    for subject in subjects:
        things = [t for t in subject.things if hasattr(t, "name")]
        for thing in things:
            if is_known(km := getattr(thing, "accuracy_km", None)):
                accuracy.append(f"{thing.name}: {km:g} km (95 %)")
            status.append(f"{thing.name}: {getattr(thing, 'status', None) or 'not stated'}")
            sources += getattr(thing, "sources", None) or [getattr(thing, "source", None)]
            home = getattr(thing, "layer", "corridors")
            cited += citations(str(getattr(thing, "id", thing.name)), home)
        rows = subject.frame
        if rows is not None and not things:
            name = str(rows.attrs.get("layer", subject.title))
            if "accuracy_km" in rows:
                low, high = rows["accuracy_km"].min(), rows["accuracy_km"].max()
                accuracy.append(f"{name}: {low:g} to {high:g} km (95 %)")
            if "status" in rows and rows["status"].notna().any():
                counts = rows["status"].value_counts()
                status.append(f"{name}: " + ", ".join(f"{n} {s}" for s, n in counts.items()))
            sources += rows.attrs.get("sources", [subject.title])
            cited += citations(name, name)
    return {
        "accuracy": "; ".join(once(accuracy)) or "positions as they were given",
        "status": "; ".join(once(status)) or "not stated",
        "sources": once(sources) or ["geometry as it was given"],
        "cite": "\n".join(once(cited)) or "Geometry of the user's own.",
    }

"""Output of commands: on the screen, in files, and for an assistant."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any
from unicodedata import category, combining, east_asian_width

import click

from cpecgeo.errors import CpecgeoError, InputError

if TYPE_CHECKING:
    import pandas as pd

    from cpecgeo.features.subject import Subject
    from cpecgeo.routing import Route

__all__ = [
    "MOST_ROWS",
    "Answer",
    "about",
    "beside",
    "citations",
    "give",
    "give_gained",
    "is_known",
    "note_source",
    "once",
    "plain_rows",
    "refuse_source",
    "remark",
    "save",
    "show",
    "tell_access",
    "tell_unplaced",
]

# Width of a table where no screen limits it.
_WIDTH = 180
_READ = "cpecgeo.read"
_WHOLE = {"gaps": 0, "units": 0}
_PLACES = _WHOLE | {"ratio": 3, "share": 3, "per_km": 4, "per_km_year": 5, "lon": 5, "lat": 5}


def remark(text: str) -> None:
    """Print a remark to stderr, beside the answer."""
    print(f"cpecgeo: {text}", file=sys.stderr)


def give(
    frame: pd.DataFrame,
    columns: str | list[str] | None = None,
    *,
    out: Path | None,
    json: bool = False,
    safe_cells: bool = False,
) -> None:
    """Write a result to a file, or print it."""
    if out is not None:
        return save(frame, out, safe_cells=safe_cells)
    flat = _flat(frame)
    chosen = [c for c in flat.columns if c != "geometry"] if columns is None else _split(columns)
    return show(flat, [c for c in chosen if c in flat], json=json)


def _flat(frame: pd.DataFrame) -> Any:
    from cpecgeo.files.numbers import with_index  # most commands use no file

    return with_index(frame)


def save(
    frame: pd.DataFrame, out: Path, *, safe_cells: bool = False, layer: str | None = None
) -> None:
    """Write a result, and print the file's name unless the result went to standard output."""
    from cpecgeo.files.writing import write

    refuse_source(out)
    written = str(write(frame, out, safe_cells=safe_cells, layer=layer))
    if written[:2] not in {"-", "-."}:
        print(written)


def note_source(path: str | Path) -> None:
    """Remember a file that the command reads, so that it isn't overwritten."""
    if (context := click.get_current_context(silent=True)) is not None:
        context.meta.setdefault(_READ, []).append(Path(path))


def refuse_source(out: Path) -> None:
    """Refuse to overwrite a file that the command reads."""
    if (context := click.get_current_context(silent=True)) is None or not out.is_file():
        return
    # Options for files, such as a raster, are paths already.
    given = [v for name, v in context.params.items() if name != "out" and isinstance(v, Path)]
    given += context.meta.get(_READ, [])
    if any(path.is_file() and out.samefile(path) for path in given):
        raise InputError(f"{out} is read by this command; write to another file.")


def _split(columns: str | list[str]) -> list[str]:
    return columns.split() if isinstance(columns, str) else columns


def show(frame: pd.DataFrame, columns: str | list[str], *, json: bool = False) -> None:
    """Print a table for people, or JSON for machines."""
    chosen = frame[_split(columns)]
    if json:
        text = chosen.to_json(orient="records", force_ascii=False, indent=1, date_format="iso")
        print(text)
        return
    heads = [str(column) for column in chosen.columns]
    is_number = [chosen[column].dtype.kind in "fi" for column in chosen.columns]
    rows = [
        [_cell(value, column) for value, column in zip(row, heads, strict=True)]
        for row in chosen.itertuples(index=False)
    ]
    room = get_terminal_size().columns if sys.stdout.isatty() else _WIDTH
    widths = [max(map(_width, cells)) for cells in zip(heads, *rows, strict=True)]
    is_plain = all(len(cell.splitlines()) < 2 for row in rows for cell in row)
    if is_plain and sum(widths) + 2 * len(widths) - 2 <= room:
        # Rich takes longer to load than many commands to run, so it only folds wide tables.
        for row in (heads, *rows):
            cells = [
                (cell.rjust if right else cell.ljust)(width - _width(cell) + len(cell))
                for cell, width, right in zip(row, widths, is_number, strict=True)
            ]
            print("  ".join(cells).rstrip())
    else:
        _fold(heads, rows, is_number, room)


# Columns of `refresh --all` on the screen; they fit a narrow one.
_GAINED = "name ratio p95_deviation_km gaps gap_km units overlap"


def give_gained(table: pd.DataFrame, *, out: Path | None, json: bool) -> None:
    """Write or print a refresh: the improvements, and which names stay bundled and why."""
    if out is not None or json:
        return give(table, out=out, json=json)
    is_new = table["outcome"] == "refreshed"
    show(_flat(table[is_new]), _GAINED)
    for reason, names in table[~is_new].groupby("outcome", sort=False).groups.items():
        remark(f"{', '.join(map(str, names))} as bundled: {reason}")
    dates = ", ".join(sorted(set(table.loc[is_new, "snapshot"].dropna().astype(str))))
    remark(f"{is_new.sum()} of {len(table)} refreshed; data of {dates or 'unknown date'}.")
    return None


def _width(text: str) -> int:
    """Return the width of a text in columns of the screen; Chinese letters take two."""
    return sum(
        0
        if combining(letter) or category(letter) == "Cf"
        else 1 + (east_asian_width(letter) in "WF")
        for letter in text
    )


def _fold(heads: list[str], rows: list[list[str]], is_number: list[bool], room: int) -> None:
    """Print a table that is wider than the screen, its cells folded."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for head, right in zip(heads, is_number, strict=True):
        table.add_column(Text(head), justify="right" if right else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console(width=room)
    with console.capture() as folded:  # Rich would exit by itself at a closed pipe
        console.print(table)
    print(folded.get(), end="")


def beside(frame: pd.DataFrame, found: pd.DataFrame, columns: str) -> tuple[Any, list[str]]:
    """Return answers joined to their rows, and the columns for the screen: a name, and `columns`.

    The closest point is `near_lon`, `near_lat`, as in streamed runs. ``_near`` is appended to a
    column's name, repeatedly, until the file has no such column.
    """
    import geopandas as gpd

    from cpecgeo.analysis.measure import free_names

    free = [f"near_{c}" if c in {"lon", "lat"} else c for c in found.columns]
    clash = dict(zip(found.columns, free_names(free, set(frame.columns)), strict=True))
    texts = [c for c in frame.columns if frame[c].dtype.kind not in "fiub" and c != "geometry"]
    label = ["name"] if "name" in frame.columns else texts[:1]
    joined = gpd.GeoDataFrame(frame.join(found.rename(columns=clash)))
    if "rank" in found:
        joined[clash["rank"]] = joined[clash["rank"]].astype("Int64")
    joined.attrs = {**frame.attrs, **found.attrs}
    return joined, [*label, *(clash[c] for c in columns.split())]


def tell_unplaced(frame: pd.DataFrame | Subject) -> None:
    """Print how many rows of a table or subject have no position, and so no answer."""
    from cpecgeo.features.subject import Subject

    shapes = frame.shapes if isinstance(frame, Subject) else frame.geometry
    if count := int(shapes.isna().sum()):
        remark(f"{count:,} of {len(frame):,} rows have no position, and no answer.")


def tell_access(ways: Sequence[Route]) -> None:
    """Print to stderr that ends lie far from the network, where that is much of the whole way."""
    for n, way in enumerate(ways, 1):
        if way.access_note:
            remark(f"way {n}: {way.access_note}")


def _cell(value: object, column: str) -> str:
    if value is None or type(value).__name__ == "NAType" or value != value:  # noqa: PLR0124
        return ""
    if isinstance(value, float):
        places = _PLACES.get(column, 0 if column.startswith("population") else 1)
        return f"{round(value, places) or 0.0:,.{places}f}"  # no -0.0
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    # A name in a file must not send control codes to the screen.
    return "".join(repr(c)[1:-1] if category(c) == "Cc" and c != "\n" else c for c in str(value))


# Most rows that an assistant gets at once.
MOST_ROWS = 200


@dataclass(frozen=True)
class Answer:
    """The result of every tool."""

    meaning: str  # the value's meaning, in a sentence
    value: int | float | None  # the one number asked for, where there is one
    unit: str  # of the value
    accuracy: str  # how far it can be off
    status: str  # the subject's status: operating, planned …
    sources: list[str]
    cite: str
    rows: list[dict[str, Any]] = field(default_factory=list)  # the table; km unless it says else
    notes: list[str] = field(default_factory=list)  # remarks for the user


def plain_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows without geometry, in plain types; numbers with 6 decimals."""
    from cpecgeo.reports.render import to_plain

    flat = _flat(table)
    kept = flat[[c for c in flat.columns if c != "geometry"]].head(MOST_ROWS)
    rows = [{str(k): to_plain(v) for k, v in row.items()} for row in kept.to_dict("records")]
    return [{k: round(v, 6) if isinstance(v, float) else v for k, v in r.items()} for r in rows]


def once(texts: Iterable[Any], most: int = 12) -> list[str]:
    """Return distinct texts, and no more than `most`."""
    found = list(dict.fromkeys(str(t) for t in texts if is_known(t) and str(t)))
    return found if len(found) <= most else [*found[:most], f"and {len(found) - most} more"]


def is_known(value: object) -> bool:
    """Return whether a value is neither None nor NaN."""
    return value is not None and value == value  # noqa: PLR0124


def citations(name: str, home: str) -> list[str]:
    """Return how to cite a feature of a layer, or a layer."""
    from cpecgeo.catalogue import cite

    try:
        lines = cite(name).splitlines()
    except CpecgeoError:
        return [f"{name}: data of the user's own."]
    return [line for line in lines if f"({home}): " in line] or lines


def about(*subjects: Subject) -> dict[str, Any]:
    """Return accuracy, status, sources and citations of some subjects."""
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

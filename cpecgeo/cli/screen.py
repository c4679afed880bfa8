"""What commands share: options, tables on the screen, files to write."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any, TypedDict, Unpack
from unicodedata import category, combining, east_asian_width

import click

from cpecgeo.errors import FileError

if TYPE_CHECKING:
    from cpecgeo.features.subject import Subject

__all__ = [
    "EACH",
    "FILE",
    "JSON",
    "OUT",
    "OUT_FILE",
    "READING",
    "SAFE_CELLS",
    "SECTIONS",
    "ZONES",
    "Reading",
    "features",
    "give",
    "make_folder",
    "named",
    "named_option",
    "options",
    "save",
    "show",
    "split",
    "subject",
    "targets",
]

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

FILE = click.Path(path_type=Path)


def options(*chosen: Decorator) -> Decorator:
    """Join options and arguments to one decorator; help lists them in this order."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for one in reversed(chosen):
            command = one(command)
        return command

    return decorate


def _complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Complete the name of a corridor, from one small table."""
    from cpecgeo.catalogue.lines import corridor_rows

    return [name for name in corridor_rows() if name.startswith(incomplete.casefold())]


def named(argument: str, help: str, *, nargs: int = 1, required: bool = True) -> Decorator:  # noqa: A002
    """Return an argument that is completed with names of corridors."""
    return click.argument(
        argument, help=help, nargs=nargs, required=required, shell_complete=_complete
    )


def named_option(option: str, *, metavar: str, help: str) -> Decorator:  # noqa: A002
    """Return an option that is completed with names of corridors."""
    return click.option(option, metavar=metavar, help=help, shell_complete=_complete)


JSON = click.option("--json", is_flag=True, help="Print JSON for machines.")
OUT = click.option(
    "--out",
    "-o",
    type=FILE,
    metavar="FILE",
    help="A file to write instead, by suffix: .csv .geojson .gpkg .kml .parquet .shp .xlsx … "
    "- is CSV on standard output, -.geojson and the like another format.",
)
OUT_FILE = click.option(
    "--out", "-o", type=FILE, metavar="FILE", required=True, help="The file; its suffix says how."
)
SAFE_CELLS = click.option("--safe-cells", is_flag=True, help="Disarm formulas in CSV cells.")
SECTIONS = click.option(
    "--sections", is_flag=True, help="Say in which section of a corridor, and its status."
)
EACH = click.option("--each", is_flag=True, help="Rings of their own for each.")
ZONES = click.option("--zones", default="districts", help="districts, provinces, or a file.")


class Reading(TypedDict):
    """How the table of a file is read."""

    lon: str | None
    lat: str | None
    layer: str | None
    crs: str | None
    thousands: str | None


READING = options(
    click.option("--lon", metavar="COLUMN", help="Column of longitude."),
    click.option("--lat", metavar="COLUMN", help="Column of latitude."),
    click.option("--layer", metavar="NAME", help="Layer of the file."),
    click.option("--crs", metavar="CRS", help="Of positions that state none: EPSG:32642, GCJ-02."),
    click.option("--thousands", metavar="MARK", help="Between thousands in CSV: comma, point …"),
)


# Columns of a table that nobody's screen limits.
_WIDTH = 180
_PLACES = {"ratio": 3, "share": 3, "per_km": 4, "per_km_year": 5, "lon": 5, "lat": 5}


def split(texts: Sequence[str]) -> list[str]:
    """Split names at commas; a file that exists keeps its own."""
    whole = [[t] if Path(t).exists() else t.split(",") for t in texts]
    return [name.strip() for names in whole for name in names if name.strip()]


def subject(names: str | Sequence[str], what: str) -> Subject:
    """Resolve what was typed, and say on stderr what else it means."""
    from cpecgeo.features.resolve import resolve

    listed = split([names] if isinstance(names, str) else names)
    found = resolve(listed[0] if len(listed) == 1 else listed, what, missing="keep")
    if found.also:
        kind = "" if found.kind == "list" else f" is a {found.kind} here;"
        print(
            f"cpecgeo: {', '.join(listed)}{kind} also known: {', '.join(found.also)}",
            file=sys.stderr,
        )
    return found


def targets(names: str | Sequence[str], what: str) -> Subject:
    """Resolve what was typed; the lines of a file that are one corridor keep its chainage."""
    from cpecgeo.errors import CpecgeoError
    from cpecgeo.files.formats import has_format

    found = []
    for name in split([names] if isinstance(names, str) else names):
        taken = name
        if has_format(name):
            with suppress(CpecgeoError):
                subject(f"corridor:{name}", what)
                taken = f"corridor:{name}"
        found.append(taken)
    return subject(found, what)


def features(what: str, **how: Unpack[Reading]) -> Any:
    """Load the features of a file, or of whatever has that name."""
    from cpecgeo.files.formats import has_format
    from cpecgeo.files.reading import read

    if not (what == "-" or "://" in what or has_format(what) or Path(what).exists()):
        return subject(what, "the source").rows
    frame = read(what, **how)
    if how["lon"] is None and "read_as" in frame.attrs:
        print(f"cpecgeo: {frame.attrs['read_as']}", file=sys.stderr)
    if len(frame) == 0:
        print(f"cpecgeo: {what} has no rows.", file=sys.stderr)
    return frame


def give(
    frame: Any,
    columns: str | list[str] | None = None,
    *,
    out: Path | None,
    json: bool = False,
    safe_cells: bool = False,
) -> None:
    """Write a result to a file, or print it."""
    if out is not None:
        save(frame, out, safe_cells=safe_cells)
        return
    flat = frame.reset_index() if any(n is not None for n in frame.index.names) else frame
    chosen = [c for c in flat.columns if c != "geometry"] if columns is None else _listed(columns)
    show(flat, [c for c in chosen if c in flat], json=json)


def save(frame: Any, out: Path, *, safe_cells: bool = False, layer: str | None = None) -> None:
    """Write a result, and print the file's name unless the result itself was printed."""
    from cpecgeo.files.writing import write

    written = str(write(frame, out, safe_cells=safe_cells, layer=layer))
    if written[:2] not in {"-", "-."}:
        print(written)


def _listed(columns: str | list[str]) -> list[str]:
    return columns.split() if isinstance(columns, str) else columns


def show(frame: Any, columns: str | list[str], *, json: bool = False) -> None:
    """Print a table for people, or JSON for machines."""
    chosen = frame[_listed(columns)]
    if json:
        told = chosen.to_json(orient="records", force_ascii=False, indent=1, date_format="iso")
        print(told)
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
        # Rich takes longer to load than many a command to answer, so it only folds.
        for row in (heads, *rows):
            cells = [
                (cell.rjust if right else cell.ljust)(width - _width(cell) + len(cell))
                for cell, width, right in zip(row, widths, is_number, strict=True)
            ]
            print("  ".join(cells).rstrip())
    else:
        _fold(heads, rows, is_number, room)


def _width(text: str) -> int:
    """Return how many columns of the screen a text takes: letters of Chinese take two."""
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
    Console(width=room).print(table)


def _cell(value: Any, column: str) -> str:
    if value is None or type(value).__name__ == "NAType" or value != value:  # noqa: PLR0124
        return ""
    if isinstance(value, float):
        places = _PLACES.get(column, 0 if column.startswith("population") else 1)
        return f"{value:,.{places}f}"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    # A name in somebody's file must not steer the reader's screen.
    return "".join(repr(c)[1:-1] if category(c) == "Cc" and c != "\n" else c for c in str(value))


def make_folder(folder: Path) -> None:
    """Make a folder, with those above it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(
            f"The folder {folder} can't be made: {error.strerror}. Give another with --out."
        ) from error

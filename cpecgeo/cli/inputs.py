"""Shared options of commands; resolution of typed names and files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict

import click

from cpecgeo.cli.screen import note_source, remark
from cpecgeo.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from cpecgeo.features.corridor import Corridor
    from cpecgeo.features.subject import Subject, Thing
    from cpecgeo.files.formats import Choice

__all__ = [
    "EACH",
    "EVERY_KM",
    "FILE",
    "GIVEN",
    "JSON",
    "OUT",
    "OUT_FILE",
    "READING",
    "SAFE_CELLS",
    "SECTIONS",
    "ZONES",
    "Given",
    "Reading",
    "complete",
    "corridor",
    "features",
    "is_file",
    "load",
    "name_argument",
    "name_option",
    "options",
    "reading_of",
    "share",
    "split",
    "subject",
    "targets",
    "thing",
    "things",
]

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

FILE = click.Path(path_type=Path)
_NUMBER = re.compile(r"-?[0-9]{1,3}(\.[0-9]*)?")


def options(*chosen: Decorator) -> Decorator:
    """Combine options and arguments to one decorator; help lists them in this order."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for one in reversed(chosen):
            command = one(command)
        return command

    return decorate


Completer = Callable[[click.Context, click.Parameter, str], list[str]]
_KINDS = ("corridor", "place", "layer")


def complete(*kinds: str) -> Completer:
    """Return a completer of names of some kinds, which works also after a comma."""

    def completer(_: click.Context, __: click.Parameter, typed: str) -> list[str]:
        before, comma, begun = typed.rpartition(",")
        return [before + comma + name for name in _list_names(begun, kinds)]

    return completer


def _list_names(begun: str, kinds: Sequence[str]) -> list[str]:
    """List names that begin as typed, with hyphens; places need at least one letter.

    They are read from small tables, without outlines and lines.
    """
    from cpecgeo.catalogue import corridor_rows
    from cpecgeo.catalogue.facts import POINT_LAYERS
    from cpecgeo.catalogue.files import read_table
    from cpecgeo.catalogue.layers import LAYERS

    prefix = _hyphenate(begun)
    names = list(corridor_rows()) if "corridor" in kinds else []
    names += LAYERS if "layer" in kinds else ()
    if "place" in kinds and prefix:
        tables = (read_table(LAYERS[of][1] or f"{of}.csv") for of in POINT_LAYERS)
        names += [name for table in tables for name in table["name"].dropna()]
    return sorted({name for name in map(_hyphenate, names) if name.startswith(prefix)})


def _hyphenate(name: str) -> str:
    return re.sub(r"\W+", "-", name.casefold()).strip("-")


def name_argument(
    argument: str,
    help: str,  # noqa: A002
    *,
    nargs: int = 1,
    required: bool = True,
    default: str | None = None,
    kinds: Sequence[str] = _KINDS,
) -> Decorator:
    """Return an argument with completion of names."""
    how: dict[str, Any] = {"required": required} if default is None else {"default": default}
    return click.argument(argument, help=help, nargs=nargs, shell_complete=complete(*kinds), **how)


def name_option(*flags: str, help: str, kinds: Sequence[str] = _KINDS, **how: Any) -> Decorator:  # noqa: A002
    """Return an option with completion of names."""
    return click.option(*flags, help=help, shell_complete=complete(*kinds), **how)


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
EVERY_KM = click.option("--every-km", default=10.0, help="Between samples.")
EACH = click.option("--each", is_flag=True, help="Rings of their own for each.")
ZONES = name_option(
    "--zones", default="districts", help="districts, provinces, or a file.", kinds=("layer",)
)


class Reading(TypedDict):
    """Options for reading the table of a file."""

    lon: str | None
    lat: str | None
    layer: str | None
    crs: str | None
    thousands: str | None
    encoding: str | None


READING = options(
    click.option("--lon", metavar="COLUMN", help="Of a file: the column of longitude."),
    click.option("--lat", metavar="COLUMN", help="The column of latitude."),
    click.option("--layer", metavar="NAME", help="Layer of the file."),
    click.option("--crs", metavar="CRS", help="Of positions that state none: EPSG:32642, GCJ-02."),
    click.option(
        "--thousands",
        metavar="MARK",
        help="Between thousands in CSV: comma, point, space or apostrophe.",
    ),
    click.option("--encoding", metavar="NAME", help="Of CSV that isn't UTF-8: cp1252, gb18030 …"),
)


class Given(Reading):
    """Options of most commands: for reading files, and for the answer."""

    out: Path | None
    json: bool


GIVEN = options(READING, OUT, JSON)


def reading_of(how: Reading) -> Reading:
    """Return the options for reading among those of a command."""
    given: Any = how
    chosen: Reading = {name: given[name] for name in Reading.__annotations__}  # type: ignore[assignment]
    return chosen


def split(texts: str | Iterable[str]) -> list[str]:
    """Split a text, or several, at commas, except in the name of an existing file."""
    listed = [texts] if isinstance(texts, str) else texts
    whole = [[t] if Path(t).exists() else t.split(",") for t in listed]
    return [name.strip() for names in whole for name in names if name.strip()]


def is_file(name: str) -> bool:
    """Return whether a name is that of a file, standard input or an address."""
    from cpecgeo.files.formats import has_format

    return name == "-" or "://" in name or has_format(name)


def share(how: Reading, *groups: str | Iterable[str] | None) -> list[Reading | None]:
    """Return the options for reading the files in each group of names.

    The typed options apply to the first group with a file; other files are read without options.
    """
    found: list[Reading | None] = [None] * len(groups)
    how = reading_of(how)
    for turn, names in enumerate(groups):
        if any(map(is_file, split(names or ()))):
            found[turn] = how
            return found
    if stated := [f"--{name}" for name, value in how.items() if value is not None]:
        context = click.get_current_context(silent=True)
        is_count = context is not None and context.command.name == "exposure"
        counted = " What is counted is named by --of." if is_count else ""
        raise InputError(
            f"{', '.join(stated)} says how a file is read, and no file is named; leave it out."
            f"{counted}"
        )
    return found


def _tell_read(frame: pd.DataFrame, how: Reading | None) -> None:
    """Print to stderr how the positions of a file were read."""
    if (how is None or how["lon"] is None) and "read_as" in frame.attrs:
        remark(frame.attrs["read_as"])


def _choice(how: Reading | None) -> Choice | None:
    from cpecgeo.files.formats import Choice

    return None if how is None else Choice(**how)


_Missing = Literal["raise", "keep"]


def things(
    names: str | Sequence[str], how: Reading | None = None, *, missing: _Missing = "raise"
) -> list[str | Thing | Subject]:
    """Return the typed names, with files replaced by their features."""
    return [thing(name, how, missing=missing) for name in split(names)]


def thing(
    name: str, how: Reading | None = None, *, missing: _Missing = "raise"
) -> str | Thing | Subject:
    """Return a typed name, or the features of a file."""
    from cpecgeo.features.lookup import load_line, read_subject

    if not is_file(name):
        return name
    kind, file = _kind(name)
    note_source(file)
    if kind == "corridor":
        return load_line(file, _choice(how))
    found = read_subject(file, missing, _choice(how))
    _tell_read(found.rows, how)
    return found


def _kind(name: str) -> tuple[str, str]:
    """Return the kind typed before a file's name, as in ``corridor:mine.gpkg``."""
    kind, _, file = name.partition(":")
    is_said = file and kind.strip().casefold() in {"corridor", "file"}
    return (kind.strip().casefold(), file.strip()) if is_said else ("", name)


def subject(
    names: str | Sequence[str],
    what: str,
    how: Reading | None = None,
    *,
    missing: _Missing = "raise",
) -> Subject:
    """Resolve typed names, and print other meanings to stderr.

    Features without a position are left out of layers and files, as in verbs, or kept for commands
    that count them.
    """
    from cpecgeo.features.resolve import resolve

    listed = split(names)
    if len(listed) == 2 and all(map(_NUMBER.fullmatch, listed)):
        # Two numbers are a position; a pair in the order lat, lon is refused by its region.
        from shapely import Point

        point = Point(*map(float, listed))
        return resolve(point, what)
    return _resolve(things(names, how, missing="keep"), listed, what, missing)


def targets(names: str | Sequence[str], what: str, how: Reading | None = None) -> Subject:
    """Resolve typed targets; lines of a file that join get the chainage of the whole."""
    from cpecgeo.features.lookup import lines_of_file

    listed = split(names)
    if not any(map(is_file, listed)):
        return subject(names, what)
    given: list[str | Thing | Subject] = []
    for name in listed:
        if not is_file(name) or _kind(name)[0]:
            given.append(thing(name, how, missing="keep"))
            continue
        note_source(name)
        found = lines_of_file(name, _choice(how))
        if isinstance(found, list):
            given += found
        else:
            _tell_read(found.rows, how)
            given.append(found)
    return _resolve(given, listed, what, "raise")


def _resolve(
    given: Sequence[str | Thing | Subject], typed: list[str], what: str, missing: _Missing
) -> Subject:
    from cpecgeo.features.resolve import resolve

    found = resolve(given[0] if len(given) == 1 else [*given], what, missing=missing, anywhere=True)
    if found.also:
        kind = "" if found.kind == "list" else f" is a {found.kind} here;"
        remark(f"{', '.join(typed)}{kind} also known: {', '.join(found.also)}")
    if what.startswith("--"):
        _tell_mixed(typed)
    return found


def _tell_mixed(typed: Sequence[str]) -> None:
    """Print kinds and statuses of the layers among the targets, which an answer doesn't say."""
    from cpecgeo.catalogue import layer
    from cpecgeo.catalogue.layers import LAYERS

    for name in dict.fromkeys(t.casefold().removeprefix("layer:").strip() for t in typed):
        if name not in LAYERS:
            continue
        rows = layer(name)
        rows = rows[rows.geometry.notna()]
        if "status" not in rows or rows["status"].isna().all():
            continue
        counts = [rows[c].fillna("unknown").value_counts() for c in ("kind", "status")]
        texts = [
            ", ".join(f"{n} {str(word).replace('_', ' ')}" for word, n in each.items())
            for each in counts
        ]
        if len(counts[0]) > 1 or set(counts[1].index) != {"operating"}:
            remark(
                f"{name} has {texts[0]} ({texts[1]}), and any counts; to choose, name "
                f"some, comma between: `cpecgeo show {name}` lists them."
            )


def corridor(name: str, how: Reading | None = None, *, kind: str = "road") -> str | Corridor:
    """Return the name of a corridor, or the lines of a file as one."""
    from cpecgeo.features.lookup import load_line

    if not is_file(name):
        return name
    _, file = _kind(name)
    note_source(file)
    return load_line(file, _choice(how), kind=kind)


def features(what: str, how: Reading | None) -> Any:
    """Load the features of a file or a name."""
    from cpecgeo.features.subject import Subject

    found = load(what, how)
    return found.rows if isinstance(found, Subject) else found


def load(what: str, how: Reading | None) -> Any:
    """Load the table of a file, or resolve a name, which keeps facts such as accuracy."""
    from cpecgeo.features.lookup import locate_names
    from cpecgeo.files.formats import Choice
    from cpecgeo.files.reading import read

    if not is_file(what) and not (what.strip() and Path(what).exists()):
        return subject(what, "the source", missing="keep")
    note_source(what)
    choice = Choice() if how is None else Choice(**how)
    try:
        frame = read(what, **vars(choice))
    except InputError as error:
        frame = locate_names(what, choice, error)
    _tell_read(frame, how)
    if len(frame) == 0:
        remark(f"{what} has no rows.")
    return frame

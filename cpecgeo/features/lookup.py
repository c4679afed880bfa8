"""Looking up names of features, layers and files.

The order is that of `KINDS`: corridor, section, place, layer, district, province, file. A prefix
states the kind: ``"district:Quetta"``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

import geopandas as gpd
import pandas as pd

from cpecgeo.catalogue import fold, layer
from cpecgeo.catalogue.layers import ids_named, load_shared
from cpecgeo.errors import CpecgeoError, CRSError, FileError, InputError, UnknownNameError
from cpecgeo.features.corridor import Corridor
from cpecgeo.features.corridors import corridor, split_sections
from cpecgeo.features.own_lines import read_line
from cpecgeo.features.places import place
from cpecgeo.features.subject import Subject, frame_subject
from cpecgeo.files.formats import Choice, find_format, has_format
from cpecgeo.files.numbers import infer_types
from cpecgeo.geodesy.inputs import LINES

__all__ = [
    "KINDS",
    "find",
    "line_of_file",
    "lines_of_file",
    "load_line",
    "locate_names",
    "read_labelled",
    "read_subject",
]

KINDS = ("corridor", "section", "place", "layer", "district", "province", "file")
"""What a name may be, in the order of lookup."""


# Columns of a table that say what a row is, and what such a name may be.
_NAMES = {"name", "place", "town", "city", "village", "station", "site", "location"}
_NAMED = ("corridor", "section", "place", "district", "province")
_STATED = re.compile(r"\b(lon|lat|layer|crs|thousands|encoding)=")

# A former unit has no outline, and the province that it joined is a different area.
_TRIBAL_AREAS = {"fata", "federallyadministeredtribalareas"}
_JOINED = (
    "The Federally Administered Tribal Areas have been part of Khyber Pakhtunkhwa since 2018: ask "
    "for that province, or for one of their districts (Bajaur, Khyber, Kurram, Mohmand, North "
    "Waziristan, Orakzai, South Waziristan)."
)


def find(
    name: str,
    *,
    what: str = "x",
    among: Sequence[str] = KINDS,
    missing: Literal["raise", "keep"] = "raise",
    kinds: Collection[str] | None = None,
) -> Subject:
    """Look up a name; the first kind of `among` that has it is taken.

    Parameters
    ----------
    name : str
        In any case and punctuation. ``"kind:name"`` searches one kind only, and
        ``"corridor:line.geojson"`` reads the lines of a file as one corridor.
    what : str
        The argument's name, for messages.
    among : sequence of str
        The kinds to search, in this order, of `KINDS`.
    missing : {"raise", "keep"}
        Whether a layer's features of unknown position are kept.
    kinds : collection of str, optional
        Preferred geometry types: ``"Awaran"`` is the town, but the district where areas are needed.
        Without a match of these types, the first match is taken.

    Returns
    -------
    Subject
        `also` has the other meanings of the name.

    Raises
    ------
    UnknownNameError
        No kind has it; the message lists similar names.
    InputError
        The feature is known, but not its position.

    Examples
    --------
    >>> find("Quetta").kind, find("Quetta").also
    ('place', ('district:quetta',))
    >>> find("district:Quetta").kind
    'district'
    """
    prefix, _, rest = name.partition(":")
    if rest.strip() and prefix.strip().casefold() in among:
        name, among = rest.strip(), (prefix.strip().casefold(),)
    if "file" in among and has_format(name):
        return read_subject(name, missing)  # no feature's name has such an ending
    near: list[str] = []
    listed = [kind for kind in among if kind in _FINDERS]
    first: Subject | None = None
    for turn, kind in enumerate(listed, 1):
        try:
            found = _FINDERS[kind](name, missing)
        except UnknownNameError as error:
            near += error.near
            continue
        except InputError:
            if first is None:
                raise
            continue
        rest_of = [k for k in listed[turn:] if kind not in _NAMESAKES.get(k, ())]
        meaning = replace(found, list_others=partial(_list_others, name, tuple(rest_of), missing))
        if kinds is None or set(found.shapes.geom_type.dropna()) <= set(kinds):
            return meaning
        first = first or meaning
    if first is not None:
        return first
    # A parameter of one letter means nothing in the shell, so it is left out.
    argument = what if len(what.partition("[")[0]) > 1 else ""
    where = "`catalog` and `corridors` list what there is."
    if fold(name) in _TRIBAL_AREAS:
        near, where = [], _JOINED
    raise UnknownNameError(name, _or([k for k in among if k != "file"]), near, where, of=argument)


def _list_others(
    name: str, kinds: Sequence[str], missing: Literal["raise", "keep"]
) -> tuple[str, ...]:
    """List the other meanings of a name, of kinds other than the chosen one."""
    others = []
    for kind in kinds:
        if kind in {"district", "province"}:
            others += [f"{kind}:{label}" for label in ids_named(f"{kind}s", name)[:1]]
            continue
        # A feature of unknown position isn't an alternative.
        with suppress(UnknownNameError, InputError):
            others.append(f"{kind}:{_FINDERS[kind](name, missing).shapes.index[0]}")
    return tuple(others)


def _or(words: Sequence[str]) -> str:
    return " or ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def _corridor(name: str, _missing: str) -> Subject:
    return (load_line(name) if has_format(name) else corridor(name)).as_subject()


def _row(kind: str, name: str, _missing: str) -> Subject:
    """Return the section, district or province with that id, name or other name."""
    frame = load_shared(f"{kind}s")
    if not (ids := ids_named(f"{kind}s", name)):
        raise UnknownNameError(name, kind, {*frame["name"].dropna().astype(str)})
    rows = frame.loc[ids[:1]]
    title = str(rows["name"].iloc[0])
    if rows.geometry.isna().all():
        note = rows["note"].iloc[0]
        why = note if isinstance(note, str) and note else "no points of it are known"
        raise InputError(f"{kind.capitalize()} {title!r} isn't drawn: {why}.")
    return Subject(rows.geometry, title, kind, is_single=True, frame=rows)


def _place(name: str, _missing: str) -> Subject:
    return place(name).as_subject()


def _layer(name: str, missing: str) -> Subject:
    frame = layer(name)
    title = str(frame.attrs["title"])
    if missing == "raise":
        attrs = frame.attrs
        known = frame.geometry.notna()
        frame = frame[known]
        frame.attrs = {**attrs, "without_position": int((~known).sum())}
    found = Subject(frame.geometry, title, "layer", frame=frame)
    if frame.attrs["layer"] != "corridors":
        return found
    things = [corridor(i) for i in frame.index]
    return replace(found, chainages={c.name: c.chainage for c in things}, things=tuple(things))


_FINDERS: dict[str, Callable[[str, str], Subject]] = {
    "corridor": _corridor,
    "section": partial(_row, "section"),
    "place": _place,
    "layer": _layer,
    "district": partial(_row, "district"),
    "province": partial(_row, "province"),
}


# A section that has its corridor's name means the same, and so does a way point with the name of a
# section.
_NAMESAKES = {
    "section": {"corridor"},
    "place": {"corridor", "section"},
    "layer": {"corridor", "section", "place"},
}


def read_subject(
    path: str, missing: Literal["raise", "keep"], choice: Choice | None = None
) -> Subject:
    """Return the features of a file as a subject: its rows with all columns, as `read_labelled`.

    Rows without a geometry are left out unless `missing` is "keep".
    """
    frame = read_labelled(path, choice)
    found = frame_subject(frame, str(frame.attrs["read_from"]), missing="keep", is_numbered=False)
    if missing == "raise":
        known = found.shapes.notna().to_numpy()
        kept = frame[known]
        kept.attrs["without_position"] = int((~known).sum())
        found = replace(found, given=found.shapes[known], frame=kept)
    title = Path(path).name if path != "-" else "standard input"
    return replace(found, kind="file", title=title)


def lines_of_file(path: str, choice: Choice | None = None) -> list[Corridor] | Subject:
    """Return the lines of a file as corridors, or else its features; as `read_subject`.

    Lines that join become sections with the chainage of the whole, each under its name, or one
    corridor under the file's name where they have no names. Points and areas, and lines that don't
    join, are returned as features.
    """
    try:
        found = read_subject(path, "keep", choice)
    except InputError as error:
        try:  # a GeoPackage with layers of sections and stops
            return split_sections(load_line(path, choice))
        except CRSError:
            raise
        except InputError:
            raise error from None
    if found.frame is not None and found.shapes.geom_type.isin(list(LINES)).any():
        with suppress(CpecgeoError):
            return split_sections(line_of_file(path, found.frame))
    return found


def read_labelled(path: str, choice: Choice | None) -> gpd.GeoDataFrame:
    """Read a file; label rows by a column ``name``, else ``id``, if unique, else by number from 0.

    Raises
    ------
    InputError, FileError
        As `cpecgeo.read`; without `choice` the message says where options can be given.
    """
    from cpecgeo.files.reading import label_rows, read  # most names aren't files

    with _advise(choice):
        try:
            frame = read(path, **vars(choice or Choice()))
        except InputError as error:
            frame = locate_names(path, choice or Choice(), error)
        return label_rows(frame)


def locate_names(path: str, choice: Choice, error: InputError) -> gpd.GeoDataFrame:
    """Read a table without positions, and locate its rows by names of places and other features.

    Raises
    ------
    InputError
        `error`, that of reading the file, where it isn't such a table; some names aren't known.
    """
    table, column = _load_named(path, choice) if type(error) is InputError else (None, "")
    if table is None:
        raise error
    names = table[column].astype(str).str.strip()
    found, lacking = dict[str, Subject](), list[str]()
    for name in names[table[column].notna() & (names != "")].unique():
        try:
            found[name] = find(name, among=_NAMED)
        except (UnknownNameError, InputError):
            lacking.append(name)
    if len(found) <= len(lacking):
        raise error
    if lacking:
        more = f" and {len(lacking) - 5} more" if len(lacking) > 5 else ""
        raise InputError(
            f"{path} has no columns of lon and lat, and of its names these aren't known: "
            f"{', '.join(map(repr, lacking[:5]))}{more}. Give lon and lat, or leave these rows out."
        )
    shapes = [found[name].shapes.iloc[0] if name in found else None for name in names]
    frame = gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(shapes, table.index, crs=4326))
    if "accuracy_km" not in frame:
        stated = {name: one.accuracy_km for name, one in found.items()}
        frame["accuracy_km"] = [math.nan if (km := stated.get(n)) is None else km[0] for n in names]
    note = f"no lon and lat; positions are those of the names in the column {column!r}"
    frame.attrs = {"read_from": path, "read_as": note}
    return frame


def _load_named(path: str, choice: Choice) -> tuple[pd.DataFrame | None, str]:
    """Load a CSV file or workbook, and find its column of names; None if it has positions."""
    from cpecgeo.files.notations import find_lonlat, is_position
    from cpecgeo.files.tables import load_csv, load_sheet

    form = None if path == "-" else find_format(Path(path)).name
    if form not in {"CSV", "Excel"} or choice.lon is not None or choice.lat is not None:
        return None, ""
    if form == "Excel":
        table = load_sheet(Path(path), path, choice.layer)
    else:
        table = load_csv(Path(path), path, choice.encoding)[0].apply(infer_types)
    table.columns = [str(name) for name in table.columns]
    column = next((name for name in table if name.strip().casefold() in _NAMES), None)
    if column is None or any(map(is_position, table)):
        return None, ""
    with suppress(InputError):  # x and y in metres
        find_lonlat([*table], None, None, path, in_metres=True)
        return None, ""
    return table, column


@contextmanager
def _advise(choice: Choice | None) -> Iterator[None]:
    """Add to an error that its options are those of `read`, where the verb has none."""
    try:
        yield
    except (InputError, FileError) as error:
        if choice is not None or not _STATED.search(str(error)):
            raise
        raise type(error)(
            f"{error} These are options of cg.read, whose table the verb takes."
        ) from error


def load_line(path: str, choice: Choice | None = None, *, kind: str = "road") -> Corridor:
    """Load the lines of a file as one corridor; options and errors as `Corridor.from_line`."""
    if path == "-":
        return line_of_file("standard-input", read_labelled(path, choice), kind=kind)
    with _advise(choice):
        return line_of_file(path, choice=choice, kind=kind)


def line_of_file(
    path: str | Path,
    frame: gpd.GeoDataFrame | None = None,
    *,
    choice: Choice | None = None,
    kind: str = "road",
) -> Corridor:
    """Join the lines of a file to one corridor; errors as `Corridor.from_line`.

    It is named by its only feature, if that has a name, else by the file. The file is read unless
    its features are given as a `frame`.
    """
    rows, stops = read_line(path, frame, choice)
    column = next((c for c in ("name", "id") if c in rows and rows[c].notna().any()), None)
    names = [] if column is None else rows[column].dropna().astype(str).unique()
    own = names[0].strip() if len(names) == 1 else ""
    return Corridor.from_line(rows, name=own or Path(path).stem, kind=kind, stops=stops)

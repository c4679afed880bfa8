"""Files of the caller's as corridors: their lines as one, or as the sections that they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely

from cpecgeo.errors import FileError, InputError
from cpecgeo.features.corridor import Corridor
from cpecgeo.features.own_lines import read_line
from cpecgeo.features.subject import label_rows
from cpecgeo.files.formats import Choice
from cpecgeo.geodesy import Chainage

__all__ = ["line_of_file", "load_line", "read_labelled", "split_sections"]

_STATED = re.compile(r"\b(lon|lat|layer|crs|thousands|encoding)=")


def read_labelled(path: str, choice: Choice | None) -> gpd.GeoDataFrame:
    """Read a file, its rows under their names.

    Raises
    ------
    InputError, FileError
        As `cpecgeo.read`; where nothing can be stated (no `choice`), the message says where it
        can be.
    """
    from cpecgeo.files.reading import read  # most names are no files

    with _advised(choice):
        return label_rows(read(path, **vars(choice or Choice())))


@contextmanager
def _advised(choice: Choice | None) -> Iterator[None]:
    """Say whose options an error names where what reads the file has none."""
    try:
        yield
    except (InputError, FileError) as error:
        if choice is not None or not _STATED.search(str(error)):
            raise
        raise type(error)(
            f"{error} These are options of cg.read, whose table the verb takes."
        ) from error


def load_line(path: str, choice: Choice | None = None, *, kind: str = "road") -> Corridor:
    """Load the lines of a file as one corridor.

    Parameters
    ----------
    path : str
    choice : Choice, optional
        As `read_subject`.
    kind : {"road", "rail", "mining"}

    Returns
    -------
    Corridor

    Raises
    ------
    GeometryError, InputError, FileError, CRSError
        As `cpecgeo.Corridor.from_line`.
    """
    if path == "-":
        return line_of_file("standard-input", read_labelled(path, choice), kind=kind)
    with _advised(choice):
        return line_of_file(path, choice=choice, kind=kind)


def line_of_file(
    path: str | Path,
    frame: gpd.GeoDataFrame | None = None,
    *,
    choice: Choice | None = None,
    kind: str = "road",
) -> Corridor:
    """Make the lines of a file one corridor.

    Parameters
    ----------
    path : str or Path
    frame : GeoDataFrame, optional
        What was read from it; it is read here otherwise.
    choice : Choice, optional
        How it is read.
    kind : {"road", "rail", "mining"}

    Returns
    -------
    Corridor
        Under the name of its feature where there is one that has a name, else of the file.

    Raises
    ------
    GeometryError, InputError, FileError, CRSError
        As `Corridor.from_line`.
    """
    rows, stops = read_line(path, frame, choice)
    column = next((c for c in ("name", "id") if c in rows and rows[c].notna().any()), None)
    names = [] if column is None else rows[column].dropna().astype(str).unique()
    own = names[0].strip() if len(names) == 1 else ""
    return Corridor.from_line(rows, name=own or Path(path).stem, kind=kind, stops=stops)


def split_sections(whole: Corridor) -> list[Corridor]:
    """Return the sections of a corridor of the caller's, each with the chainage of the whole.

    Parameters
    ----------
    whole : Corridor

    Returns
    -------
    list of Corridor
        Under the names of the sections; the corridor itself where not each has one of its own.

    Examples
    --------
    >>> from shapely import LineString
    >>> rows = gpd.GeoDataFrame(
    ...     {"name": ["A", "B"]},
    ...     geometry=[LineString([(67, 25), (68, 25)]), LineString([(68, 25), (69, 25)])],
    ...     crs=4326,
    ... )
    >>> a, b = split_sections(Corridor.from_line(rows, name="own"))
    >>> b.name, b.chainage.start_km == a.end_km
    ('B', True)
    """
    parts = whole.sections
    unnamed = f"{whole.title}, part 1"  # as `Corridor.from_line` calls them
    if len(parts) < 2 or not parts["name"].is_unique or parts["name"].iloc[0] == unnamed:
        return [whole]
    xy, km = shapely.get_coordinates(whole.line), whole.chainage.measures_km
    found, first = [], 0
    for i, (name, to) in enumerate(zip(parts["name"], parts["km_to"], strict=True)):
        # The vertex that ends it: km may stand still, and a line come by a place twice.
        end = shapely.get_coordinates(parts.geometry.iloc[i])[-1]
        ends = first + np.flatnonzero((xy[first:] == end).all(axis=1) & (km[first:] == to))
        last = int(ends[ends > first][0])
        line = shapely.LineString(xy[first : last + 1])
        own = parts.iloc[[i]]
        found.append(
            replace(
                whole,
                name=str(name),
                title=str(name),
                status=str(own["status"].iloc[0]),
                line=line,
                sections=own,
                legs=whole.legs.iloc[[i]],
                accuracy_km=float(own["accuracy_km"].iloc[0]),
                chainage=Chainage(line, km[first : last + 1]),
            )
        )
        first = last
    return found

"""The header of a table: its separator, its names, and the columns that hold positions."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cpecgeo.errors import FileError, InputError

__all__ = [
    "GEOMETRY",
    "HEAD_BYTES",
    "LAT_NAMES",
    "LON_NAMES",
    "Header",
    "find_column",
    "find_lonlat",
    "is_position",
    "parse_header",
    "refuse_doubled",
]

HEAD_BYTES = 1 << 22
GEOMETRY = ("wkt", "geometry", "geom", "the_geom", "wkb", "ewkt", "ewkb", "wkb_geometry",
            "wkt_geom", "shape")  # fmt: skip
LON_NAMES = ("lon", "lng", "long", "longitude", "x", "easting", "经度")
LAT_NAMES = ("lat", "latitude", "y", "northing", "纬度")
_SEPARATORS = (",", ";", "\t", "|")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_METRES = {"x", "y", "easting", "northing"}
# Not lon and lat: ``near_lon`` is a position of something else.
_WITHIN = {"longitude", "latitude", "经度", "纬度"}
# Degrees that count the other way.
_REVERSED = {"w", "s", "west", "south"}
# What stands beside a name and doesn't change what it means: (N), [deg], WGS84 …
_BESIDE = re.compile(r"\((?:n|e|dd|deg|degrees?|°|wgs ?84|decimal)\)|\[(?:deg|°|degrees?)\]|°")
_WORDS = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Header:
    """The header of a CSV file.

    Attributes
    ----------
    names : tuple of str
    separator : str
        One character.
    end : int
        The byte at which the first row begins.
    """

    names: tuple[str, ...]
    separator: str
    end: int


def parse_header(head: bytes, what: object) -> Header:
    r"""Parse the header of a CSV file, whatever its separator.

    Parameters
    ----------
    head : bytes
        The beginning of the file, at most `HEAD_BYTES`; the header must end in it.
    what : object
        The file's name, for messages.

    Returns
    -------
    Header

    Raises
    ------
    FileError
        The file is empty, isn't UTF-8, or is no CSV.
    InputError
        Two columns have one name.

    Examples
    --------
    >>> parse_header(b"sep=;\nname, local;lon;lat\nA;67;25\n", "a.csv").names
    ('name, local', 'lon', 'lat')
    """
    if head[:2] in _UTF16 or b"\0" in head[:65536]:
        raise FileError(f"{what} is not CSV in UTF-8; save it as UTF-8 text.")
    start = 3 if head.startswith(b"\xef\xbb\xbf") else 0
    stated = re.match(rb'"?sep=([^\r\n])"?\r?\n', head[start:])
    if stated:
        start += stated.end()
    blank = re.match(rb"[ \t]*(\r?\n[ \t]*)*", head[start:])
    if blank and b"\n" in blank[0]:
        start += blank[0].rindex(b"\n") + 1
    if not head[start:].strip():
        raise FileError(f"{what} is empty; a header with column names is needed.")
    end = start + _record_end(head[start:])
    try:
        text = head[start:end].decode("utf-8")
    except UnicodeDecodeError as error:
        raise FileError(f"{what} is not UTF-8 ({error.reason}); save it as UTF-8.") from None
    bare = re.sub(r'"[^"]*"?', "", text)
    separator = stated[1].decode("latin-1") if stated else max(_SEPARATORS, key=bare.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    except (csv.Error, TypeError, ValueError) as error:
        raise FileError(f"{what} can't be read as CSV: {error}.") from error
    if len(rows) != 1:
        raise FileError(f"{what} can't be read as CSV: its header has line ends in it.")
    refuse_doubled(rows[0], what)
    return Header(tuple(rows[0]), separator, end)


def refuse_doubled(names: Iterable[str], what: object) -> None:
    """Refuse two columns of one name.

    Raises
    ------
    InputError
    """
    doubled = sorted(name for name, count in Counter(names).items() if count > 1)
    if doubled:
        raise InputError(f"{what} has two columns named {doubled[0]!r}; rename one.")


def _record_end(head: bytes) -> int:
    """Return where the first record ends: after a line end that no quote holds."""
    quoted = False
    for match in re.finditer(rb'["\n]', head):
        if match[0] == b'"':
            quoted = not quoted
        elif not quoted:
            return match.end()
    return len(head)


def find_lonlat(
    names: Sequence[str],
    lon: str | None,
    lat: str | None,
    what: object,
    *,
    in_metres: bool = False,
) -> tuple[str, str]:
    """Find the columns of longitude and latitude, or of x and y.

    Parameters
    ----------
    names : sequence of str
        All columns.
    lon, lat : str, optional
        The names that were stated; else they are recognized: ``lon``, ``Longitude (E)``, ``x``.
    what : object
        The file's name, for messages.
    in_metres : bool
        Whether positions are in a projected CRS, so that ``x`` and ``y`` come before ``lon``.

    Returns
    -------
    tuple of str

    Raises
    ------
    InputError
        No such column, or more than one.

    Examples
    --------
    >>> find_lonlat(["id", "Longitude (E)", "GPS Latitude"], None, None, "f.csv")
    ('Longitude (E)', 'GPS Latitude')
    """
    known = [
        sorted(k, key=lambda n: n not in _METRES) if in_metres else k
        for k in (LON_NAMES, LAT_NAMES)
    ]
    return (
        find_column(names, lon, known[0], "lon", what),
        find_column(names, lat, known[1], "lat", what),
    )


def find_column(
    names: Sequence[str], stated: str | None, known: Sequence[str], word: str, what: object
) -> str:
    """Find one column by its stated name, or by those that are known.

    Raises
    ------
    InputError
        None, or more than one.
    """
    hits: list[str] = []
    if stated is not None:
        hits = [n for n in names if n == stated]
    else:
        plain = [str(n).strip().casefold() for n in names]
        bare = [_WORDS.sub(" ", _BESIDE.sub(" ", n)).strip() for n in plain]
        # A name as it is comes before one with a unit, and that before one among other words.
        words = [name.split() for name in bare]
        tries = [
            *([name == k for name in plain] for k in known),
            *([name == k for name in bare] for k in known),
            *(
                [k in name and not _REVERSED & {*name} for name in words]
                for k in known
                if k in _WITHIN
            ),
        ]
        chosen = next((t for t in tries if any(t)), [])
        hits = [name for name, is_hit in zip(names, chosen, strict=False) if is_hit]
    if len(hits) == 1:
        return hits[0]
    shown = ", ".join(repr(n[:40]) for n in names[:12]) + (" …" if len(names) > 12 else "")
    sought = f"column {stated!r}" if stated is not None else f"column of {word}"
    many = "more than one" if hits else "no"
    raise InputError(
        f"{what} has {many} {sought}; it has {shown}. Name the columns of lon and lat."
    )


def is_position(name: str) -> bool:
    """Return whether a reader would take a column of this name for a position.

    Examples
    --------
    >>> is_position("Latitude"), is_position("flat"), is_position("geom")
    (True, False, True)
    """
    for known in (LON_NAMES, LAT_NAMES, GEOMETRY):
        try:
            find_column([name], None, known, "", "")
        except InputError:
            continue
        return True
    return False

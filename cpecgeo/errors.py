"""The errors and warnings of cpecgeo.

Every error is a `CpecgeoError` and also the builtin that a caller would expect, so
``except ValueError`` and ``except CpecgeoError`` both work::

    CpecgeoError
    ├── InputError            (ValueError)       a value breaks a rule
    │   ├── CRSError                             no CRS, or one that can't be used
    │   ├── CoordinateError                      NaN, out of range, lon and lat swapped
    │   └── GeometryError                        empty, invalid or of the wrong type
    ├── InputTypeError        (TypeError)        a value of the wrong Python type
    ├── UnknownNameError      (KeyError)         no feature, layer or column of that name
    ├── DataError             (RuntimeError)     bundled or cached data is missing or damaged
    ├── FileError             (OSError)          a file can't be read or written
    ├── NetworkError          (ConnectionError)  a server can't be reached or refuses
    └── MissingExtraError     (ImportError)      an optional dependency isn't installed

A warning doesn't stop a call::

    CpecgeoWarning            (UserWarning)
    ├── GeometryWarning                          an invalid area was mended
    ├── NameWarning                              a name means several features
    └── DataWarning                              rows were left out, renamed, or look wrong

A message says what was received, which rule it breaks, and what to do.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterable
from difflib import get_close_matches
from math import isfinite
from types import FrameType

__all__ = [
    "CRSError",
    "CoordinateError",
    "CpecgeoError",
    "CpecgeoWarning",
    "DataError",
    "DataWarning",
    "FileError",
    "GeometryError",
    "GeometryWarning",
    "InputError",
    "InputTypeError",
    "MissingExtraError",
    "NameWarning",
    "NetworkError",
    "UnknownNameError",
]

# Larger than any mistake in degrees, and the advice for such a value.
_DEGREES = 1_000
_METRES = 'if these are metres, state their CRS, such as crs="EPSG:32642"'
_RANGE = 'give lon, lat degrees on WGS 84, or state their CRS, such as crs="EPSG:32642"'
_MANY = 40  # columns that a message lists
# Modules whose lines a warning never names.
_OURS = {"cpecgeo", "contextlib", "functools"}
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def _one_line(text: str) -> str:
    """Put a text on one line, because names of columns and files may contain anything."""
    return _CONTROL.sub(lambda c: ascii(c[0])[1:-1], text)


class CpecgeoError(Exception):
    """Base of every error that cpecgeo raises on purpose; its message is one line."""

    def __str__(self) -> str:
        return _one_line(super().__str__())


class InputError(CpecgeoError, ValueError):
    """A value breaks a rule that the message states."""


class CRSError(InputError):
    """A coordinate reference system is missing, unknown or unusable."""


class CoordinateError(InputError):
    """A coordinate is NaN, infinite, out of range, or has lon and lat swapped.

    Parameters
    ----------
    message : str
    row : int, optional
        The number of the geometry, from 0.
    lonlat : tuple of float, optional
        The coordinate.
    """

    def __init__(
        self, message: str, *, row: int | None = None, lonlat: tuple[float, float] | None = None
    ) -> None:
        super().__init__(message)
        self.row, self.lonlat = row, lonlat

    @classmethod
    def out_of_range(
        cls,
        what: str,
        lonlat: tuple[float, float],
        row: int,
        *,
        where: str,
        is_swapped: bool,
        repair: str = _RANGE,
    ) -> CoordinateError:
        """Return the error for a coordinate out of range, with advice.

        Parameters
        ----------
        what : str
            The argument or file that it comes from.
        lonlat : tuple of float
        row : int
            The number of the geometry, from 0.
        where : str
            Where that is, for people: ``in row 7``, ``at position 6``.
        is_swapped : bool
            Whether to suggest that lon and lat are swapped, where they would then be in range.
        repair : str
            Advice for other coordinates; None for no advice.

        Returns
        -------
        CoordinateError

        Examples
        --------
        >>> swapped = {"where": "in row 1", "is_swapped": True}
        >>> str(CoordinateError.out_of_range("a.csv", (30.0, 104.0), 0, **swapped))[:56]
        'a.csv has latitude 104.0 in row 1; it must be within ±90'
        """
        lon, lat = lonlat
        if not (isfinite(lon) and isfinite(lat)):
            text = f"{what} has a coordinate that is NaN or infinite {where}; drop it, or check "
            return cls(f"{text}the CRS that it came from.", row=row, lonlat=lonlat)
        name, value, most = ("latitude", lat, 90) if abs(lat) > 90 else ("longitude", lon, 180)
        if is_swapped and abs(lon) <= 90 < abs(lat) <= 180:
            repair = "lon and lat seem to be swapped: x is longitude, y is latitude"
        elif max(abs(lon), abs(lat)) > _DEGREES:
            repair = _METRES
        text = f"{what} has {name} {value} {where}; it must be within ±{most}°"
        return cls(f"{text}; {repair}." if repair else f"{text}.", row=row, lonlat=lonlat)


class GeometryError(InputError):
    """A geometry is missing, empty, invalid or of the wrong type."""


class InputTypeError(CpecgeoError, TypeError):
    """A value has a Python type that the function doesn't take."""


class UnknownNameError(CpecgeoError, KeyError):
    """No such name; `near` holds the closest known ones.

    Parameters
    ----------
    name : str
        The unknown name.
    what : str
        The kind of name ("corridor", "layer", …).
    known : iterable of str
        All valid names.
    where : str, optional
        How to list them, for the message.
    of : str, optional
        The argument or purpose, for the message.
    """

    def __init__(
        self, name: str, what: str, known: Iterable[str], where: str = "", *, of: str = ""
    ) -> None:
        known = sorted(set(known))
        self.name = name
        self.near = _near(str(name), known)
        shown = repr(name) if len(repr(name)) <= 80 else f"{repr(name)[:70]}…"
        hint = f" Did you mean {', '.join(map(repr, self.near))}?" if self.near else ""
        listing = where or (f"Known: {', '.join(known)}." if 0 < len(known) <= 20 else "")
        super().__init__(f"No {what} named {shown}{of and f' for {of}'}.{hint} {listing}".strip())

    @classmethod
    def of_column(
        cls, name: object, columns: Iterable[object], *, of: str, repair: str = ""
    ) -> UnknownNameError:
        """Return the error of a column that a caller names and a table doesn't have.

        Parameters
        ----------
        name : object
            The column that was asked for.
        columns : iterable
            Those of the table.
        of : str
            The table, for the message.
        repair : str
            What to do, where it isn't plain.

        Returns
        -------
        UnknownNameError

        Examples
        --------
        >>> print(UnknownNameError.of_column("costs", ["name", "cost"], of="events"))
        No column named 'costs' for events. Did you mean 'cost'? Columns: name, cost.
        """
        listed = [*map(str, columns)]
        told = f"Columns: {', '.join(listed[:_MANY])}{', …' if len(listed) > _MANY else ''}."
        return cls(str(name), "column", listed, f"{told} {repair}".strip(), of=of)

    def __str__(self) -> str:
        return _one_line(str(self.args[0]))


def _near(name: str, known: Iterable[str]) -> list[str]:
    """Return up to 5 known names: those that begin with the name, then similar ones.

    Names are similar if seven tenths of the letters of both are the same, in the same order.
    """
    folded, wanted = {k.casefold(): k for k in known}, name.casefold()
    begun = [k for k in folded if k.startswith(wanted)] if len(wanted) > 2 else []
    close = get_close_matches(wanted, folded, n=5, cutoff=0.7)
    # finds "lang" for "language", although half of the letters are missing
    longer = [k for k in folded if len(k) > 3 and wanted.startswith(k)]
    near = dict.fromkeys([*sorted(begun, key=len)[:3], *close, *longer])
    return [folded[k] for k in near][:5]


class DataError(CpecgeoError, RuntimeError):
    """Bundled or cached data is missing, damaged or not what its record says."""


class FileError(CpecgeoError, OSError):
    """A file can't be read or written."""


class NetworkError(CpecgeoError, ConnectionError):
    """A server can't be reached, or refuses."""


class MissingExtraError(CpecgeoError, ImportError):
    """An optional dependency isn't installed; the message names the extra."""


class CpecgeoWarning(UserWarning):
    """Base of every warning that cpecgeo gives on purpose; its message is one line."""

    def __str__(self) -> str:
        return _one_line(super().__str__())


class GeometryWarning(CpecgeoWarning):
    """Geometries were mended before they were measured; the message counts them."""


class NameWarning(CpecgeoWarning):
    """A name means several features; the message says which was taken and how to get others."""


class DataWarning(CpecgeoWarning):
    """Rows or columns were left out, renamed, or look wrong; the message counts them."""


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__")).partition(".")[0]


def warn(text: str, kind: type[CpecgeoWarning] = DataWarning) -> None:
    """Warn; the warning names the line outside this package that called it."""
    frame, depth = sys._getframe(1), 2  # noqa: SLF001 - the warnings module counts so itself
    while frame.f_back is not None and _package(frame) in _OURS:
        frame, depth = frame.f_back, depth + 1
    warnings.warn(text, kind, stacklevel=depth)

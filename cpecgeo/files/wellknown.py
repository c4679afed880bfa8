"""Columns of geometries as well-known text or binary, with or without an SRID."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import shapely

from cpecgeo.errors import GeometryError, InputError

__all__ = ["is_wellknown", "parse", "refuse_deep"]

_WKT = re.compile(
    r"\s*(SRID=\d+;)?\s*(MULTI)?(POINT|LINESTRING|LINEARRING|POLYGON|GEOMETRYCOLLECTION)\b",
    re.IGNORECASE,
)
_SRID = re.compile(r"\s*SRID=(\d+);", re.IGNORECASE)
_HEX = re.compile(r"0[01][0-9A-Fa-f]{8}[0-9A-Fa-f]*")
# Collections inside one another, in either byte order, with z, m or SRID: GEOS reads them by
# recursion, and a depth of some 10,000 ends the process.
_COLLECTION = re.compile(
    rb"\x01(?:\x07\x00\x00[\x00\x20\x40\x60\x80\xa0\xc0\xe0]|(?:\xef\x03|\xd7\x07|\xbf\x0b)\x00\x00)"
    rb"|\x00(?:[\x00\x20\x40\x60\x80\xa0\xc0\xe0]\x00\x00\x07|\x00\x00(?:\x03\xef|\x07\xd7|\x0b\xbf))"
)
_DEPTH = 100


def is_wellknown(values: pd.Series) -> bool:
    """Return whether a column holds well-known text or binary, by its first value.

    Examples
    --------
    >>> is_wellknown(pd.Series([None, "SRID=4326;POINT (67 25)"])), is_wellknown(pd.Series(["x"]))
    (True, False)
    """
    first = next((v for v in values if isinstance(v, (str, bytes)) and len(v)), None)
    if isinstance(first, bytes):
        return len(first) >= 5 and first[0] in {0, 1}
    return first is not None and bool(_WKT.match(first) or _HEX.fullmatch(first))


def parse(values: pd.Series, what: str) -> tuple[Any, int | None]:
    """Parse well-known text or binary, also with an SRID (EWKT, EWKB) or as hexadecimal text.

    Parameters
    ----------
    values : Series of str or bytes
        Missing and empty values have no geometry.
    what : str
        For messages.

    Returns
    -------
    geometries : ndarray of shapely geometries
    srid : int or None
        What they all state.

    Raises
    ------
    GeometryError
        A value is neither; the message names the row.
    InputError
        They state more than one SRID.

    Examples
    --------
    >>> shapes, srid = parse(pd.Series(["SRID=32642;POINT (300000 2750000)"]), "a.csv")
    >>> shapes[0].wkt, srid
    ('POINT (300000 2750000)', 32642)
    """
    srids: set[int] = set()
    given = [_bare(value, srids, what, row) for row, value in enumerate(values)]
    refuse_deep((v if isinstance(v, bytes) else None for v in given), what)
    shapes = np.full(len(given), None, object)
    for kind, load in ((str, shapely.from_wkt), (bytes, shapely.from_wkb)):
        rows = [row for row, value in enumerate(given) if isinstance(value, kind)]
        if rows:
            shapes[rows] = load(np.array([given[r] for r in rows], object), on_invalid="ignore")
    for row, value in enumerate(given):
        if value is not None and shapes[row] is None:
            shown = value[:40] if isinstance(value, str) else f"{len(value)} bytes"
            raise GeometryError(
                f"{what} has {shown!r} in row {row + 1}, which is no well-known text or binary; "
                "mend it first."
            )
    known = shapes[[s is not None for s in shapes]]
    srids |= {int(s) for s in np.unique(shapely.get_srid(known)) if s > 0} if len(known) else set()
    if len(srids) > 1:
        raise InputError(f"{what} has geometries of several SRIDs, {sorted(srids)}; keep one.")
    return shapes, srids.pop() if srids else None


def _bare(value: Any, srids: set[int], what: str, row: int) -> str | bytes | None:
    """Return text without its SRID, which is noted, and hexadecimal digits as bytes."""
    if not isinstance(value, (str, bytes)) or not len(value):
        return None
    if isinstance(value, bytes):
        return value
    if _HEX.fullmatch(value.strip()):
        return bytes.fromhex(value.strip())
    if value.upper().count("GEOMETRYCOLLECTION") > _DEPTH:
        raise _deep(what, row)
    stated = _SRID.match(value)
    if stated:
        srids.add(int(stated[1]))
        return value[stated.end() :]
    return value


def refuse_deep(values: Iterable[bytes | None], what: str) -> None:
    """Refuse well-known binary whose collections nest deeper than any data of the field.

    Raises
    ------
    GeometryError
        GEOS reads collections by recursion, so that such a value ends the process.
    """
    for row, value in enumerate(values):
        if value is None or len(value) < 9 * _DEPTH or not _COLLECTION.match(value):
            continue
        if sum(1 for _ in _COLLECTION.finditer(value)) > _DEPTH:
            raise _deep(what, row)


def _deep(what: str, row: int) -> GeometryError:
    return GeometryError(
        f"{what} has more than {_DEPTH} collections inside one another in row {row + 1}; write "
        "their parts as features of their own."
    )

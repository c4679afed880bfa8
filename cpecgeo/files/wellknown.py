"""Columns of geometries as well-known text or binary, with or without an SRID."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import shapely

from cpecgeo.errors import GeometryError, InputError
from cpecgeo.files.wkb import MAX_DEPTH, is_deep

__all__ = ["is_wellknown", "parse"]

_WKT = re.compile(
    r"\s*(SRID=\d+;)?\s*(MULTI)?(POINT|LINESTRING|LINEARRING|POLYGON|GEOMETRYCOLLECTION)\b",
    re.IGNORECASE,
)
_SRID = re.compile(r"\s*SRID=(\d+);", re.IGNORECASE)
_HEX = re.compile(r"0[01][0-9A-Fa-f]{8}[0-9A-Fa-f]*")


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
    for row, value in enumerate(given):
        if isinstance(value, bytes) and is_deep(value):
            raise _deep(what, row)
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
    if value.upper().count("GEOMETRYCOLLECTION") > MAX_DEPTH:
        raise _deep(what, row)
    stated = _SRID.match(value)
    if stated:
        srids.add(int(stated[1]))
        return value[stated.end() :]
    return value


def _deep(what: str, row: int) -> GeometryError:
    return GeometryError(
        f"{what} has more than {MAX_DEPTH} collections inside one another in row {row + 1}; write "
        "their parts as features of their own."
    )

"""Features as compact text for the page: whole numbers for coordinates, columns for values.

Coordinates are rounded to 5 decimals (0.6 m at most on the ground) and written as differences of
whole numbers in the way of Google's encoded polylines [1]_, but with longitude first. Values are
written by column; a column with repeated values is written as a list of distinct values and an
index.

References
----------
.. [1] "Encoded Polyline Algorithm Format", Google Maps Platform documentation.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import numbers
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from cpecgeo.errors import InputError

__all__ = [
    "DECIMALS", "LONGEST_TEXT", "column", "dumps", "geometries", "pack_layers", "plain", "points",
    "times",
]  # fmt: skip


DECIMALS = 5
LONGEST_TEXT = 4_000
# A part of a line with so many characters is written only once.
LONG_PART = 24
# Length of texts whose shared pieces are written only once, and of such a piece.
FEW = 8
_PIECE = re.compile(r".+?(?:[,;] |\Z)", re.DOTALL)
# JavaScript's numbers are doubles: larger whole numbers are written as text.
LARGEST_WHOLE = 2**53


def _ints(coords: NDArray[np.float64], decimals: int) -> NDArray[np.int64]:
    whole: NDArray[np.int64] = np.round(coords[:, :2] * 10**decimals).astype(np.int64)
    return whole


def _text(steps: NDArray[np.int64]) -> str:
    """Write whole numbers as printable characters: five bits each, smallest first, 63 added."""
    folded = (steps << 1) ^ (steps >> 63)
    chunks = []
    rest = folded.copy()
    live = np.ones(len(folded), dtype=bool)
    while live.any():
        more = rest >= 0x20
        byte = np.where(more, (rest & 0x1F) | 0x20, rest) + 63
        chunks.append(np.where(live, byte, 0))
        live = live & more
        rest = rest >> 5
    table = np.stack(chunks, axis=1).astype(np.uint8)
    return table[table > 0].tobytes().decode("ascii")


def _deltas(coords: NDArray[np.float64], decimals: int) -> str:
    """Return differences of x and y in turn, without steps that rounding makes zero."""
    whole = _ints(coords, decimals)
    steps = np.diff(whole, axis=0, prepend=np.zeros((1, 2), dtype=np.int64))
    keep = (steps != 0).any(axis=1)
    keep[0] = True
    if len(whole) > 1 and not keep[1:].any():
        keep[-1] = True
    return _text(steps[keep].ravel())


def points(array: NDArray[Any], decimals: int = DECIMALS) -> str:
    """Encode points as one string: lon and lat of the first point, then differences.

    Examples
    --------
    >>> points(shapely.points([[67.0, 24.9], [67.1, 24.8]]))
    '_}|wK_h~vC_pR~oR'
    """
    whole = _ints(shapely.get_coordinates(array), decimals)
    return _text(np.diff(whole, axis=0, prepend=np.zeros((1, 2), dtype=np.int64)).ravel())


def _one(geometry: shapely.Geometry | None, decimals: int) -> Any:
    if geometry is None or geometry.is_empty:
        return 0
    parts = shapely.get_parts(geometry)
    kind = shapely.get_type_id(parts[0])
    if kind == 0:
        return [1, points(parts, decimals)]
    if kind in (1, 2):
        return [2, [_deltas(shapely.get_coordinates(p), decimals) for p in parts]]
    return [
        3,
        [
            [_deltas(shapely.get_coordinates(r), decimals) for r in shapely.get_rings(p)]
            for p in parts
        ],
    ]


def geometries(array: Iterable[Any], decimals: int = DECIMALS) -> list[Any]:
    """Encode geometries of all types except collections.

    Each is 0 for none, or ``[type, parts]`` with type 1 for points, 2 for lines and 3 for polygons
    (rings from outside in).

    Examples
    --------
    >>> from shapely.geometry import LineString
    >>> geometries([LineString([(67, 25), (67.5, 25.1)]), None])
    [[2, ['_}|wK_yqwC_t`B_pR']], 0]
    """
    return [_one(g, decimals) for g in array]


def plain(value: object) -> Any:  # noqa: PLR0911
    """Return a value in JSON's types; None for every kind of missing value.

    Text over 4,000 characters is cut, with a remark.

    Examples
    --------
    >>> plain(np.float64("nan")) is None, plain(np.int32(3)), plain("a")
    (True, 3, 'a')
    """
    if isinstance(value, (list, tuple, set, frozenset, np.ndarray)):
        items = [plain(v) for v in value]
        return [v for v in items if v is not None] or None
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, numbers.Integral):
        return int(value) if abs(int(value)) <= LARGEST_WHOLE else str(int(value))
    if isinstance(value, numbers.Real):
        return _real(value)
    if isinstance(value, dt.datetime):
        return _time(value)
    text = str(value)
    if len(text) > LONGEST_TEXT:
        text = f"{text[:LONGEST_TEXT]}… (cut at {LONGEST_TEXT:,} of {len(text):,} characters)"
    return text


def _real(value: numbers.Real) -> float | int | None:
    """Round to 15 digits, the decimals that a double keeps, or 7 for a single; drop ``.0``."""
    number = float(value)
    if not math.isfinite(number):
        return None
    if number.is_integer() and abs(number) <= LARGEST_WHOLE:
        return int(number)
    digits = 7 if isinstance(value, np.floating) and value.dtype.itemsize < 8 else 15
    return float(f"{number:.{digits}g}")


def _time(value: dt.datetime) -> str:
    """Write a date, with the time of day where it has one."""
    if value.timetz() == dt.time():
        return value.date().isoformat()
    seconds = "auto" if value.microsecond else "seconds" if value.second else "minutes"
    return value.isoformat(sep=" ", timespec=seconds)


def column(values: Iterable[Any]) -> Any:
    """Encode a column as values, or as an index into its distinct values, whichever is shorter.

    Examples
    --------
    >>> column(["rail", "rail", "rail", "rail", "road"])
    {'v': ['rail', 'road'], 'i': [0, 0, 0, 0, 1]}
    >>> column([1, 2])
    [1, 2]
    """
    cells = [plain(v) for v in values]
    if not cells or any(isinstance(c, list) for c in cells):
        return cells
    distinct: dict[tuple[type, Any], int] = {}
    index = [distinct.setdefault((type(c), c), len(distinct)) for c in cells]
    # Length as JSON: quotes and a comma, or a comma; an index takes about a character per 16
    # values.
    long = np.array([len(str(v)) + (3 if isinstance(v, str) else 1) for _, v in distinct])
    each = 1 if len(distinct) <= 16 else 2 if len(distinct) <= 512 else 3
    if long.sum() + each * len(index) >= long[index].sum():
        return cells
    return {"v": [value for _, value in distinct], "i": index}


def times(values: pd.Series, what: str) -> dict[str, Any]:
    """Encode a column of dates or years, named `what` in messages, for the time slider.

    Dates and times (those without a zone count as UTC), ISO 8601 text or whole years become whole
    numbers of a ``unit``: "year", "day" or "second", since 1970 for the latter two.

    Examples
    --------
    >>> times(pd.Series(["2015-11-01", None]), "opened")
    {'unit': 'day', 'v': [16740, None]}
    >>> times(pd.Series([2015, 2018]), "year")
    {'unit': 'year', 'v': [2015, 2018]}
    """
    gone = (values.isna() | (values.astype(str).str.strip() == "")).to_numpy(bool)
    known = values[~gone]
    years = known.astype(str).str.strip().str.fullmatch(r"[12][0-9]{3}(?:\.0)?")
    if not len(known):
        raise InputError(f"{what} has no date at all; the time slider needs some.")
    if years.all():
        unit, whole = "year", known.astype(float).astype("int64")
    else:
        unit, whole = _count_time(known, what)
    numbers = dict(zip(np.flatnonzero(~gone).tolist(), whole.tolist(), strict=True))
    return {"unit": unit, "v": column([numbers.get(i) for i in range(len(values))])}


def _count_time(known: pd.Series, what: str) -> tuple[str, pd.Series]:
    """Count days since 1970, or seconds where there are times of day."""
    if pd.api.types.is_numeric_dtype(known):
        raise InputError(f"{what} has {known.iloc[0]!r}, which is neither a date nor a year.")
    found = pd.to_datetime(known.astype(str), format="ISO8601", utc=True, errors="coerce")
    if found.isna().any():
        bad = str(known[found.isna()].iloc[0])[:40]
        raise InputError(f"{what} has {bad!r}, which is no date; write dates as 2015-11-01.")
    seconds = found.dt.as_unit("s").astype("int64")
    if (seconds % 86_400 == 0).all():
        return "day", seconds // 86_400
    return "second", seconds


def pack_layers(layers: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Write repeated parts of layers once, and indices and single points as text.

    Layers are those of `cpecgeo.maps.layer.encode_layer`, in the order of the page. The page's
    script (`unpack` in base.js) restores them.

    Examples
    --------
    >>> layer = {"columns": {"kind": {"v": ["a", "b"], "i": [0, 1, 1]}}, "look": [1, 0, 0]}
    >>> layer["geometry"] = geometries(shapely.points([[1, 2], [3, 4], [5, 6]]))
    >>> pack_layers({"sites": layer})["sites"]["look"]
    'A??'
    """
    seen: dict[str, int] = {}
    return {key: _pack(layer, seen) for key, layer in layers.items()}


def _pack(layer: Mapping[str, Any], seen: dict[str, int]) -> dict[str, Any]:
    columns = {name: _shorten(column) for name, column in layer["columns"].items()}
    packed = dict(layer) | {"columns": columns}
    if "look" in layer:
        packed["look"] = _write_whole(layer["look"])
    if "times" in layer:
        packed["times"] = layer["times"] | {"v": _shorten(layer["times"]["v"])}
    shapes = layer.get("geometry")
    if shapes and all(one and one[0] == 1 and _is_single(one[1]) for one in shapes):
        packed["geometry"] = "".join(text for _, text in shapes)
    elif shapes:
        packed["geometry"] = [
            [2, [_name(part, seen) for part in one[1]]] if one and one[0] == 2 else one
            for one in shapes
        ]
    return packed


def _write_whole(values: Sequence[int]) -> str:
    return _text(np.array(values, dtype=np.int64))


def _shorten(column: Any) -> Any:
    """Write a column's indices as text, and shared parts of its lists or texts once."""
    if isinstance(column, dict):
        return {"v": column["v"], "i": _write_whole(column["i"])}
    known = [cell for cell in column if cell is not None]
    if known and all(isinstance(cell, list) for cell in known):
        nested = any(isinstance(item, list) for cell in known for item in cell)
        return column if nested else _list_once(column, "l")
    if len(known) >= FEW and all(isinstance(cell, str) for cell in known):
        pieces = [None if cell is None else _PIECE.findall(cell) or [""] for cell in column]
        short = _list_once(pieces, "t")
        if len(dumps(short)) < 0.8 * len(dumps(column)):
            return short
    return column


def _list_once(lists: Sequence[list[Any] | None], name: str) -> dict[str, Any]:
    """Write distinct items once, and each list under `name` as count and ranks; 0 for None."""
    distinct: dict[tuple[type, Any], int] = {}
    turns: list[int] = []
    for one in lists:
        turns.append(len(one or ()))
        turns += [distinct.setdefault((type(v), v), len(distinct)) for v in one or ()]
    return {"v": [value for _, value in distinct], name: _write_whole(turns)}


def _name(part: str, seen: dict[str, int]) -> str | int:
    """Return the rank of a line's part that was written before, else the part itself."""
    if len(part) < LONG_PART:
        return part
    if part in seen:
        return seen[part]
    seen[part] = len(seen)
    return part


def _is_single(text: str) -> bool:
    """Return whether an encoded text is a single point, that is, two numbers."""
    return sum(ord(c) - 63 < 0x20 for c in text) == 2


def dumps(value: object) -> str:
    r"""Return JSON that is safe inside a page, whatever its texts contain.

    No ``<``, ``>``, ``&``, line separators or unpaired surrogates appear as such.

    Examples
    --------
    >>> dumps({"a": "</script>"})
    '{"a":"\\u003c/script\\u003e"}'
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029\ufeff":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

"""Both coordinates in one cell, ``34.1, 71.5``: finding such columns, their order, splitting."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import pandas as pd

from cpecgeo.errors import CoordinateError
from cpecgeo.files.numbers import is_missing
from cpecgeo.files.outliers import REGION, is_within
from cpecgeo.files.positions import LAT_NAMES, LON_NAMES, PART, read_degrees, split_words

__all__ = [
    "base_column",
    "find_joined",
    "order_by_name",
    "order_by_values",
    "order_error",
    "say_columns",
    "split_pairs",
    "take_column",
]

# Names of a column of both coordinates, and names that state the order.
_OF_BOTH = re.compile(
    "coord|koord|lat|lon|lng|loc|pos|gps|point|geo|wkt|xy|坐标|座標|经纬|經緯|位置"
)
# Names of such a column that are recognized before any value is read.
_SURELY = {"coordinate", "coordinates", "coord", "coords", "koordinate", "koordinaten", "location",
           "position", "gps", "geopoint", "坐标", "座標", "经纬度", "經緯度"}  # fmt: skip
_LOOKED_AT = 100
_FUSED = {"latlon": "lat", "latlng": "lat", "latlong": "lat", "lonlat": "lon", "lnglat": "lon",
          "longlat": "lon", "xy": "lon", "yx": "lat"}  # fmt: skip
_LETTERED = re.compile(
    r"(?P<a>[^NSEW]*[NSEW])[\s,]*(?P<b>[^NSEW]*[NSEW])|(?P<c>[NSEW][^NSEW]*?)[\s,]+(?P<d>[NSEW].*)",
    re.IGNORECASE,
)
# Text that is one number with a decimal comma, or two numbers without decimals.
_NUMBER = re.compile(r"[+-]?[0-9]{1,3},[0-9]+")


def split_pairs(texts: pd.Series) -> list[tuple[object, object]]:
    """Split cells that hold both coordinates, ``34.1, 71.5``, in two.

    A cell that doesn't hold two stays whole, paired with None.

    Examples
    --------
    >>> split_pairs(pd.Series(["(34.1, 71.5)", "34,1; 71,5", "34°07′N 71°30′E", "34.1"]))
    [('34.1', '71.5'), ('34,1', '71,5'), ('34°07′N', '71°30′E'), ('34.1', None)]
    """
    return [_split_pair(text) if isinstance(text, str) else (text, None) for text in texts]


def _split_pair(text: str) -> tuple[str, str | None]:
    bare = text.strip().strip("()[]{}").strip()
    mark = next((m for m in ";/|" if bare.count(m) == 1), None)
    if mark is None and (found := _LETTERED.fullmatch(bare)):
        one, two = found["a"] or found["c"], found["b"] or found["d"]
    elif mark is None and len(parts := re.split(r",\s+", bare)) == 2:
        one, two = parts
    elif mark is not None or bare.count(",") == 1:
        one, _, two = bare.partition(mark or ",")
    elif len(parts := bare.split()) == 2:
        one, two = parts
    else:
        return text, None
    return (one.strip(), two.strip()) if one.strip() and two.strip() else (text, None)


def take_column(table: pd.DataFrame, name: str) -> pd.Series:
    """Return a column, or the first or second coordinate of one of both: ``coords:1``.

    Examples
    --------
    >>> take_column(pd.DataFrame({"coords": ["34.1, 71.5"]}), "coords:2").tolist()
    ['71.5']
    """
    part = PART.fullmatch(name)
    if name in table.columns or part is None:
        return table[name]
    texts = table[part["column"]]
    half = int(part["part"]) - 1
    return pd.Series([pair[half] for pair in split_pairs(texts)], texts.index, dtype=object)


def base_column(name: str) -> str:
    """Return the column's name without the number of a coordinate: ``coords`` for ``coords:1``."""
    part = PART.fullmatch(name)
    return name if part is None else part["column"]


def find_joined(
    names: Sequence[str], values: Callable[[str], pd.Series | None], what: object
) -> tuple[str, str | None] | None:
    """Find the column that holds both coordinates, and which of lat and lon comes first in it.

    `values` returns the values of a column, or the first ones; None where not known yet. The order
    comes from the column's name or its values, and is None where no values are known.

    Raises
    ------
    CoordinateError
        More than one such column, or one whose order can't be determined.

    Examples
    --------
    >>> find_joined(["id", "Lat/Lon"], lambda _: pd.Series(["34.1, 71.5"]), "a.csv")
    ('Lat/Lon', 'lat')
    """
    found: dict[str, tuple[str | None, pd.Series | None]] = {}
    for name in names:
        said = order_by_name(name)
        if said is None and not _OF_BOTH.search(name.casefold()):
            continue
        held = values(name)
        is_sure = said is not None or bool(_SURELY & {*split_words(name)})
        if is_sure if held is None else _are_pairs(held, is_said=said is not None):
            found[name] = (said, held)
    said_by = [name for name, (said, _) in found.items() if said is not None]
    if len(found) > 1 and len(said_by) != 1:
        shown = ", ".join(repr(name[:40]) for name in found)
        one = next(iter(found))
        raise CoordinateError(
            f"{what} has both coordinates in more than one column: {shown}. Name one and its "
            f'order with lat="{one}:1" and lon="{one}:2", or the other way round.'
        )
    if not found:
        return None
    name = said_by[0] if said_by else next(iter(found))
    said, held = found[name]
    if said is None and held is not None:
        said = order_by_values(held)
        if said is None:
            raise order_error(name, held, what)
    return name, said


def order_by_name(name: str) -> str | None:
    """Return which of lat and lon comes first in the name of a column of both.

    Examples
    --------
    >>> order_by_name("Lat/Lon"), order_by_name("lnglat"), order_by_name("coordinates")
    ('lat', 'lon', None)
    """
    words = split_words(name)
    fused = next((_FUSED[word] for word in words if word in _FUSED), None)
    lat, lon = (
        next((i for i, word in enumerate(words) if word in known), None)
        for known in (LAT_NAMES, LON_NAMES)
    )
    if fused is not None or lat is None or lon is None:
        return fused
    return "lat" if lat < lon else "lon"


def _are_pairs(texts: pd.Series, *, is_said: bool) -> bool:
    """Return whether the first cells hold two coordinates, not one number with a decimal comma."""
    pairs = [(str(t), *_split_pair(str(t))) for t in texts[~is_missing(texts)].head(_LOOKED_AT)]
    if is_said:  # other text is an error in its row, later
        pairs = [pair for pair in pairs if pair[2] is not None]
    return bool(pairs) and all(
        two is not None
        and _is_degrees(one)
        and _is_degrees(two)
        and (is_said or not _NUMBER.fullmatch(text.strip()))
        for text, one, two in pairs
    )


def _is_degrees(text: str) -> bool:
    return any(read_degrees(text, axis)[1] is not None for axis in ("lon", "lat"))


def order_by_values(texts: pd.Series) -> str | None:
    """Return which of lat and lon comes first in all rows, by letters or by the region.

    Examples
    --------
    >>> order_by_values(pd.Series(["71.5 34.1"])), order_by_values(pd.Series(["8.5 47.3"]))
    ('lon', None)
    """
    seen: set[str | None] = set()
    for one, two in split_pairs(texts[~is_missing(texts)]):
        if two is None:  # an error in its row, later
            continue
        a, b = str(one), str(two)
        turns = []
        for order in (("lat", "lon"), ("lon", "lat")):
            first, second = read_degrees(a, order[0]), read_degrees(b, order[1])
            if first[1] is None or second[1] is None:
                continue
            lat, lon = (first[0], second[0]) if order[0] == "lat" else (second[0], first[0])
            if re.search("[NSEW]", f"{a}{b}", re.IGNORECASE) or is_within(lon, lat, REGION):
                turns.append(order[0])
        seen.add(turns[0] if len(turns) == 1 else None)
    return seen.pop() if len(seen) == 1 else None


def order_error(name: str, texts: pd.Series, what: object) -> CoordinateError:
    """Return the error for a column of both coordinates in an unknown order."""
    given = texts[~is_missing(texts)]
    example = f", such as {str(given.iloc[0])[:40]!r}" if len(given) else ""
    return CoordinateError(
        f"{what} has both coordinates in the column {name[:40]!r}{example}, and neither its name "
        f'nor all of its rows say which comes first; say so with lat="{name}:1" and '
        f'lon="{name}:2", or the other way round.'
    )


def say_columns(used: tuple[str, ...]) -> str:
    """Return a text that names the columns of positions.

    Examples
    --------
    >>> say_columns(("x", "y")), say_columns(("coords:2", "coords:1"))
    ('lon and lat from the columns x, y', 'lat and lon, in this order, from the column coords')
    """
    names = [base_column(name) for name in used]
    if names == [*used] or len({*names}) > 1:
        return f"lon and lat from the columns {', '.join(used)}"
    axes = "lon and lat" if used[0].endswith(":1") else "lat and lon"
    return f"{axes}, in this order, from the column {names[0]}"

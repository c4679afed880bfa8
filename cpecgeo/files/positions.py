"""Positions of a table: found in its columns, read, and added to them.

They are in two columns, of lon and lat or of x and y, in one of both coordinates (``34.1, 71.5``),
or in one of well-known text or binary.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from cpecgeo.errors import CoordinateError, CRSError, InputError, warn
from cpecgeo.files import wellknown
from cpecgeo.files.displacement import REGION, exchange, is_within
from cpecgeo.files.formats import Choice
from cpecgeo.files.notations import (
    COMMA,
    GEOMETRY,
    LAT_NAMES,
    LON_NAMES,
    PART,
    find_lonlat,
    find_pair,
    is_position,
    parse_degrees,
    parse_metres,
    read_degrees,
    resolve_crs,
    split_pairs,
    split_words,
)
from cpecgeo.files.numbers import is_missing, join_thousands

__all__ = [
    "add_positions",
    "base_column",
    "find_positions",
    "locate_rows",
    "order_by_name",
    "order_by_values",
    "order_error",
    "say_columns",
    "take_column",
]

# Returns the values of a column, or the first ones; None for text that isn't known yet.
_Values: TypeAlias = Callable[[str], pd.Series | None]
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


def _find_joined(
    names: Sequence[str], values: _Values, what: object
) -> tuple[str, str | None] | None:
    """Find the column that holds both coordinates, and which of lat and lon comes first in it.

    The order comes from the column's name or its values, and is None where no values are known.
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
    texts = texts[~is_missing(texts)].head(_LOOKED_AT).astype(str)
    pairs = [(text, *pair) for text, pair in zip(texts, split_pairs(texts), strict=True)]
    if is_said:  # other text is an error in its row, later
        pairs = [pair for pair in pairs if pair[2] is not None]
    return bool(pairs) and all(
        two is not None
        and _is_degrees(one)
        and _is_degrees(two)
        and (is_said or not COMMA.fullmatch(text.strip()))
        for text, one, two in pairs
    )


def _is_degrees(text: object) -> bool:
    return any(read_degrees(str(text), axis)[1] is not None for axis in ("lon", "lat"))


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
    if len(used) == 1:
        return f"geometry from the column {used[0]}"
    names = [base_column(name) for name in used]
    if names == [*used] or len({*names}) > 1:
        return f"lon and lat from the columns {', '.join(used)}"
    axes = "lon and lat" if used[0].endswith(":1") else "lat and lon"
    return f"{axes}, in this order, from the column {names[0]}"


def locate_rows(table: pd.DataFrame, what: str, choice: Choice) -> gpd.GeoDataFrame:
    """Create the geometry of a table from its columns of positions, or of WKT, WKB or GeoJSON.

    ``.attrs["position_columns"]`` names the columns, and ``.attrs["read_as"]`` says how they were
    read. A column named ``geometry`` that holds something else becomes ``geometry_2``.

    Raises
    ------
    InputError
        No such columns, or values that aren't positions.
    CRSError
        A CRS that can't be used.
    """
    crs = resolve_crs(choice.crs)
    names = [str(n) for n in table.columns]
    table = table.set_axis(names, axis=1)
    used = find_positions(names, choice, what, lambda name: table[name])
    if len(used) == 1:
        (column,) = used
        shapes, srid = wellknown.parse(table[column], what)
        if srid is not None:
            if choice.crs is not None and resolve_crs(srid) != crs:
                raise CRSError(f"{what} states SRID {srid}, and crs= another; leave crs= out.")
            crs = resolve_crs(srid)
        note = say_columns(used)
        table = table.drop(columns=column)
    else:
        x, y = used
        notations: set[str] = set()
        texts = [join_thousands(take_column(table, c), choice.thousands) for c in (x, y)]
        if crs.is_projected:
            xy = [parse_metres(text, what) for text in texts]
        else:
            pairs = [parse_degrees(t, a, what) for t, a in zip(texts, ("lon", "lat"), strict=True)]
            xy = [pair[0] for pair in pairs]
            notations = pairs[0][1] | pairs[1][1]
        shapes = np.full(len(table), None, object)
        known = ~(np.isnan(xy[0]) | np.isnan(xy[1]))
        if not crs.is_projected:
            _refuse_no_degrees(xy[0][known], xy[1][known], used, what)
        shapes[known] = shapely.points(xy[0][known], xy[1][known])
        half = np.flatnonzero(np.isnan(xy[0]) != np.isnan(xy[1])) + 1
        if len(half):
            warn(
                f"{what} has one of lon and lat alone in {len(half)} row{'s'[: len(half) - 1]}, "
                f"such as row {half[0]}; there is no position."
            )
        note = "; ".join([say_columns(used), *sorted(notations)])
    if "geometry" in table:
        table = table.rename(columns={"geometry": "geometry_2"})
    frame = gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(shapes, table.index, crs=crs), crs=crs)
    frame.attrs = table.attrs | {"position_columns": used, "read_as": note}
    return frame


def _refuse_no_degrees(
    lon: NDArray[np.float64], lat: NDArray[np.float64], used: tuple[str, ...], what: str
) -> None:
    """Refuse columns in which no row is in degrees; single wrong rows are refused by verbs."""
    if len(lon) == 0 or ((np.abs(lon) <= 180) & (np.abs(lat) <= 90)).any():
        return
    text = (
        f"{what} has ({lon[0]:.10g}, {lat[0]:.10g}) in the columns {used[0][:40]!r}, "
        f"{used[1][:40]!r}, and no row with lon within ±180° and lat within ±90°;"
    )
    if (np.abs(lon) <= 90).all() and (np.abs(lat) <= 180).all():
        raise CoordinateError(f"{text} lon and lat seem to be swapped.{exchange(used)}")
    raise CoordinateError(
        f'{text} if these are metres, state their CRS, such as crs="EPSG:32642" for zone 42 of UTM.'
    )


def find_positions(names: list[str], choice: Choice, what: str, values: _Values) -> tuple[str, ...]:
    """Find the columns that hold the positions of a table.

    They are two columns, of lon and lat, or else one of well-known text or binary. For a column of
    both they are ``coords:2`` and ``coords:1``, see `take_column`, or ``coords:`` twice where the
    order isn't known yet. No such columns, more than one, or one of both in an unknown order are an
    `InputError`.

    Examples
    --------
    >>> find_positions(["wkt"], Choice(), "a.csv", lambda _: pd.Series(["POINT (67 25)"]))
    ('wkt',)
    >>> find_positions(["id", "Lat/Lon"], Choice(), "a.csv", lambda _: pd.Series(["34.1, 71.5"]))
    ('Lat/Lon:2', 'Lat/Lon:1')
    """
    in_metres = bool(resolve_crs(choice.crs).is_projected)
    try:
        return find_lonlat(names, choice.lon, choice.lat, what, in_metres=in_metres)
    except InputError:
        if choice.lon is not None or choice.lat is not None:
            raise
        shaped = (n for n in names if n.strip().casefold() in GEOMETRY)
        held = ((name, values(name)) for name in shaped)
        text = next((n for n, v in held if v is None or wellknown.is_wellknown(v)), None)
        found = find_pair(names) if text is None else (text,)
        joined = _find_joined(names, values, what) if found is None else None
        if joined is not None:
            name, first = joined
            return {"lat": (f"{name}:2", f"{name}:1"), "lon": (f"{name}:1", f"{name}:2")}.get(
                first or "", (f"{name}:", f"{name}:")
            )
        if found is None:
            raise
        return found


def add_positions(
    table: pd.DataFrame, shapes: gpd.GeoSeries, used: tuple[str, ...]
) -> tuple[pd.DataFrame, tuple[str, ...], list[str]]:
    """Add positions in lon, lat to a table: columns lon and lat for points, wkt for others.

    Nothing is added where the columns that positions were read from, `used`, still match. Return
    the table, the columns that hold positions, and remarks on columns renamed because they would be
    read as positions.
    """
    are_points = set(shapes.geom_type.dropna()) <= {"Point"}
    if are_points and _holds(table, used, shapes):
        return table, used, []
    remarks = []
    if not _is_unmistakable(list(map(str, table.columns)), are_points=are_points):
        renamed = {c: f"{c}_of_row" for c in table.columns if is_position(str(c))}
        table = table.rename(columns=renamed)
        changes = ", ".join(f"{old!r} to {new!r}" for old, new in renamed.items())
        remarks = [f"columns renamed: {changes}"]
    if are_points:
        return table.assign(lon=shapes.x, lat=shapes.y), ("lon", "lat"), remarks
    return table.assign(wkt=shapes.to_wkt(rounding_precision=25)), ("wkt",), remarks


def _holds(table: pd.DataFrame, used: tuple[str, ...], shapes: gpd.GeoSeries) -> bool:
    """Return whether the columns that positions were read from exist and still match."""
    if len(used) != 2 or not {base_column(name) for name in used} <= set(table.columns):
        return False
    known = shapes.notna().to_numpy() & ~shapes.is_empty.to_numpy()
    try:
        held = [
            parse_degrees(take_column(table, c), a, "")[0]
            for c, a in zip(used, ("lon", "lat"), strict=True)
        ]
    except InputError:
        return False
    here = shapes[known]
    return bool(
        (held[0][known] == here.x.to_numpy()).all()
        and (held[1][known] == here.y.to_numpy()).all()
        and (np.isnan(held[0]) | np.isnan(held[1]))[~known].all()
    )


def _is_unmistakable(names: list[str], *, are_points: bool) -> bool:
    """Return whether a reader would find the added columns of positions, and no others."""
    if are_points:
        if {"lon", "lat"} & set(names):
            return False
        try:
            return find_lonlat([*names, "lon", "lat"], None, None, "") == ("lon", "lat")
        except InputError:
            return False
    if any(name.strip().casefold() in GEOMETRY for name in names):
        return False
    try:
        find_lonlat(names, None, None, "")
    except InputError:
        return True
    return False

"""Positions that aren't where they should be: outliers, lon and lat swapped, and Chinese maps.

Outliers are warned of, never changed. Positions are counted in cells of one degree, with the first
row of each cell. The counts of batches can be added, so a file need not fit into memory.

Chinese maps are shifted by some 500 m, in the systems GCJ-02 and BD-09. Neither of the two systems
is officially published. The formulas were found by reverse engineering (W. Jiang and others,
"eviltransform", 2013), and they match the maps of both providers. The forward shift is a closed
formula. Its inverse is found by iteration, which converges within 1e-9 degrees. The formulas apply
to a box that reaches beyond China's borders. Points in it on Pakistan's side of the border are left
as they are, because maps of Pakistan aren't shifted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cpecgeo.errors import CoordinateError, InputError

__all__ = ["EXPECTED", "REGION", "Tally", "count", "exchange", "find_outliers", "is_within",
           "merge", "refuse_swapped", "refuse_turned", "remarks", "undo_shift"]  # fmt: skip

# Pakistan and China, with margins, in degrees: where swapped rows are expected to belong.
EXPECTED = (60.0, 5.0, 136.0, 55.0)
# The region of CPEC's features; no swapped position lies in it.
REGION = (55.0, 20.0, 90.0, 45.0)
# The same, wider by at least 1,000 km in each direction.
_AROUND = (42.0, 10.0, 103.0, 55.0)
# Far from all others: in degrees, and as a multiple of the usual distance; such rows are few.
_FAR_DEG, _FAR_TIMES, _FEW = 20.0, 20.0, 0.2
_CELLS = 360 * 180
# A file that begins with so many swapped rows, and no others, isn't read further.
_SURELY_SWAPPED = 1_000_000
_SHOWN = 3
# Krasovsky's ellipsoid, used to convert the shift from metres to degrees.
_AXIS = 6_378_245.0
_ECCENTRICITY2 = 0.00669342162296594323
_TURN = np.pi * 3000.0 / 180.0
# The box in which the formulas apply.
_BOX = (72.004, 0.8293, 137.8347, 55.8271)
# China's western border, from Tajikistan along Pakistan to Ladakh (drawn from Natural Earth, public
# domain), within 17 km along Pakistan, 27 towards Tajikistan and 40 in Ladakh. South of it isn't
# China.
_BORDER = np.array([
    (73.6, 39.3), (73.85, 38.6), (74.8, 38.2), (74.89, 37.25), (75.15, 37.0), (75.4, 36.85),
    (75.6, 36.75), (75.95, 36.2), (76.15, 35.85), (76.55, 35.8), (76.8, 35.65), (77.8, 35.5),
    (78.3, 34.65), (79.0, 32.4),
])  # fmt: skip
_ROUNDS = 30

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Tally:
    """Counts of the positions of some rows."""

    rows: int = 0  # with a position
    first: tuple[float, float] = (np.nan, np.nan)  # lon, lat of the first; NaN where there is none
    zeros: tuple[int, ...] = ()  # the numbers, from 1, of the first rows at 0, 0
    # Those of the first rows outside the expected area that would be inside with lon, lat swapped.
    swapped: tuple[int, ...] = ()
    zero_count: int = 0
    in_region: int = 0  # rows in the region of CPEC
    turned: int = 0  # rows that would be in it with lon and lat swapped
    # Number of rows, and the first row, by cell of one degree, without rows at 0, 0; `swapped` rows
    # have their own cells.
    cells: dict[int, tuple[int, int]] = field(default_factory=dict)
    odd: tuple[int, int, str] = (0, 0, "")  # impossible accuracy: count, first row, its value
    lost: tuple[int, int] = (0, 0)  # points with heights, and with measures (M), that are left out


def find_outliers(lonlat: Floats) -> list[str]:
    """Return remarks on the rows of a table whose position looks wrong, see `remarks`.

    `lonlat` has shape (n, 2), in degrees; NaN where there is no position.

    Examples
    --------
    >>> find_outliers(np.array([[67.0, 24.9], [np.nan, np.nan], [0.0, 0.0]]))
    ['1 row at 0, 0 (row 3)']
    """
    with np.errstate(invalid="ignore"):
        known = (np.abs(lonlat) <= (180.0, 90.0)).all(axis=1)
    return remarks(count(lonlat[known], np.flatnonzero(known) + 1))


def count(xy: Floats, numbers: NDArray[np.int64]) -> Tally:
    """Count positions: lon, lat, all of them within ±180 and ±90 degrees.

    `numbers` has the rows' numbers in the file, from 1.
    """
    if len(xy) == 0:
        return Tally()
    lon, lat = xy[:, 0], xy[:, 1]
    first = float(lon[0]), float(lat[0])
    # Both are positive, so cutting to whole numbers rounds down.
    cell = np.minimum((lat + 90.0).astype(np.int32), 179) * 360
    cell += np.minimum((lon + 180.0).astype(np.int32), 359)
    if lon.min() >= 60 and lon.max() <= 90 and lat.min() >= 20 and lat.max() <= 45:
        # The usual case: no row is at 0, 0 or looks swapped.
        return Tally(len(xy), first, in_region=len(xy), cells=_cells(cell, numbers))
    zero = (lon == 0) & (lat == 0)
    swapped = ~is_within(lon, lat, EXPECTED) & is_within(lat, lon, EXPECTED)
    cell[swapped] += _CELLS
    return Tally(
        len(xy),
        first,
        tuple(numbers[zero][:_SHOWN].tolist()),
        tuple(numbers[swapped][:_SHOWN].tolist()),
        int(zero.sum()),
        int(is_within(lon, lat, REGION).sum()),
        int(is_within(lat, lon, REGION).sum()),
        _cells(cell[~zero], numbers[~zero]),
    )


def _cells(cell: NDArray[np.int32], numbers: NDArray[np.int64]) -> dict[int, tuple[int, int]]:
    counts = np.bincount(cell, minlength=2 * _CELLS)
    firsts = np.empty(2 * _CELLS, np.int64)
    firsts[cell[::-1]] = numbers[::-1]  # the last value written to a cell is its first row
    held = np.flatnonzero(counts)
    pairs = zip(counts[held].tolist(), firsts[held].tolist(), strict=True)
    return dict(zip(held.tolist(), pairs, strict=True))


def is_within(lon: Any, lat: Any, box: tuple[float, float, float, float]) -> Any:
    """Return whether positions, one or many, lie in a box such as `REGION`.

    Examples
    --------
    >>> is_within(67.0, 24.9, REGION), is_within(24.9, 67.0, REGION)
    (True, False)
    """
    west, south, east, north = box
    return (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)


def merge(tallies: Iterable[Tally]) -> Tally:
    """Add up the tallies of consecutive rows.

    Examples
    --------
    >>> one = count(np.array([[67.5, 25.5]]), np.array([1]))
    >>> two = count(np.array([[0.0, 0.0], [67.5, 25.5]]), np.array([2, 3]))
    >>> both = merge([one, two])
    >>> both.rows, both.zeros, list(both.cells.values())
    (3, (2,), [(2, 1)])
    """
    parts = list(tallies)
    odd = [t.odd for t in parts if t.odd[0]]
    cells: dict[int, tuple[int, int]] = {}
    for part in parts:
        for cell, (number, first) in part.cells.items():
            before, earliest = cells.get(cell, (0, first))
            cells[cell] = before + number, min(earliest, first)
    return Tally(
        sum(t.rows for t in parts),
        next((t.first for t in parts if t.rows), Tally.first),
        tuple(n for t in parts for n in t.zeros)[:_SHOWN],
        tuple(n for t in parts for n in t.swapped)[:_SHOWN],
        sum(t.zero_count for t in parts),
        sum(t.in_region for t in parts),
        sum(t.turned for t in parts),
        cells,
        (sum(count for count, *_ in odd), *odd[0][1:]) if odd else Tally.odd,
        (sum(t.lost[0] for t in parts), sum(t.lost[1] for t in parts)),
    )


def refuse_swapped(
    tally: Tally, what: str, *, is_whole: bool, columns: tuple[str, ...] | None = None
) -> None:
    """Refuse a file whose rows would all lie in the region of CPEC with lon and lat swapped.

    Where these are only some of its rows, they are refused only when they are very many. `columns`
    names those that lon and lat were read from.
    """
    if tally.rows == 0 or tally.turned < tally.rows or tally.in_region:
        return
    if is_whole or tally.rows >= _SURELY_SWAPPED:
        raise _swap_error(what, *tally.first, columns)


def refuse_turned(xy: Floats, what: str, columns: tuple[str, ...] | None = None) -> None:
    """Refuse coordinates that would all lie in the region of CPEC with lon and lat swapped.

    `xy` has all vertices of the input, in degrees. `columns` names those that lon and lat were read
    from.

    Raises
    ------
    CoordinateError
        None of them lies in the region, and all would when swapped.

    Examples
    --------
    >>> refuse_turned(np.array([[24.9, 67.0]]), "points")
    Traceback (most recent call last):
    cpecgeo.errors.CoordinateError: points starts at (24.9, 67), and all of it would lie in ...
    """
    x, y = xy[:, 0], xy[:, 1]  # quicker one by one
    if len(xy) == 0 or is_within(x[0], y[0], REGION):
        return
    west, south, east, north = REGION
    x0, x1, y0, y1 = x.min(), x.max(), y.min(), y.max()
    # Mostly the bounds decide without a test of each vertex; latitude 90 is the pole.
    if not (west <= y0 and y1 <= east and y1 < 90 and south <= x0 and x1 <= north):
        return
    if not is_within(xy[:, 0], xy[:, 1], REGION).any():
        raise _swap_error(what, float(x[0]), float(y[0]), columns)


def _swap_error(
    what: str, lon: float, lat: float, columns: tuple[str, ...] | None
) -> CoordinateError:
    return CoordinateError(
        f"{what} starts at ({lon:.6g}, {lat:.6g}), and all of it would lie in the region of CPEC "
        f"with lon and lat swapped. Coordinates go lon, lat: (67.0, 24.9) is Karachi."
        f"{exchange(columns)}"
    )


def exchange(columns: tuple[str, ...] | None) -> str:
    """Return advice on how to read two columns of positions in reverse order.

    Examples
    --------
    >>> exchange(("lon", "lat"))
    " Exchange the two with lon='lat' and lat='lon'."
    """
    if columns is None or len(columns) != 2:
        return ""
    return f" Exchange the two with lon={columns[1][:40]!r} and lat={columns[0][:40]!r}."


def remarks(tally: Tally) -> list[str]:
    """Return remarks on rows at 0, 0, rows that look swapped, and rows far from all others.

    Each has the number of rows of its kind and the first of them; there is none where most rows are
    of that kind. A further remark says when all rows lie more than some 1,000 km from the region of
    CPEC, unless all would lie in it with lon and lat swapped, as `refuse_swapped` handles these.

    Examples
    --------
    >>> remarks(count(np.array([[67.0, 24.9], [67.2, 25.0], [24.9, 67.0]]), np.arange(1, 4)))
    ['1 row seems to have lon and lat swapped (row 3)']
    """
    found = []
    cells = np.array(list(tally.cells), np.int64)
    numbers = np.array([n for n, _ in tally.cells.values()], np.int64)
    others = tally.rows - tally.zero_count
    # Verbs refuse rows that would all lie in the region when swapped.
    if tally.turned < tally.rows and not _is_near(cells).any():
        rows = "the only row lies" if tally.rows == 1 else f"all {tally.rows:,} rows lie"
        at = ("" if tally.rows == 1 else "the first ") + "at {:.6g}, {:.6g}".format(*tally.first)
        found.append(f"{rows} more than 1,000 km from the region of CPEC, {at}")
    if tally.zero_count and others:
        found.append(f"{_rows(tally.zero_count)} at 0, 0 {_at(tally.zeros, tally.zero_count)}")
    if others < 2:
        return found
    turned = cells >= _CELLS
    lon: Floats = (cells % 360 - 179.5).astype(np.float64)
    lat: Floats = (cells % _CELLS // 360 - 89.5).astype(np.float64)
    few = int(numbers[turned].sum())
    expected = ~turned & is_within(lon, lat, EXPECTED)
    if few and few <= max(1, _FEW * others) and numbers[expected].sum():
        text = f"{_rows(few)} {'seems' if few == 1 else 'seem'}"
        found.append(f"{text} to have lon and lat swapped {_at(tally.swapped, few)}")
        cells, numbers, lon, lat = cells[~turned], numbers[~turned], lon[~turned], lat[~turned]
    if numbers.sum() < 5:
        return found
    apart = np.abs(np.stack((lon - _median(lon, numbers), lat - _median(lat, numbers))))
    apart[0] = np.minimum(apart[0], 360 - apart[0])  # the shorter way around
    distance: Floats = apart.max(axis=0).astype(np.float64)
    far = distance > max(_FAR_DEG, _FAR_TIMES * _median(distance, numbers))
    # Rows all over the region have a wide spread, which hides those far from it.
    outside = ~(_is_near(cells) | is_within(lon, lat, EXPECTED))
    far |= outside & (numbers[outside].sum() <= _FEW * numbers.sum())
    many = int(numbers[far].sum())
    if many and many <= _FEW * numbers.sum():
        firsts = sorted(tally.cells[int(c)][1] for c in cells[far])[:_SHOWN]
        text = f"{_rows(many)} {'lies' if many == 1 else 'lie'}"
        found.append(f"{text} far from all others {_at(firsts, many)}")
    return found


def _is_near(cells: NDArray[np.int64]) -> Bools:
    """Return which cells overlap the wider region around CPEC."""
    west, south, east, north = _AROUND
    lon, lat = cells % 360 - 180, cells % _CELLS // 360 - 90
    near: Bools = (lon >= west - 1) & (lon <= east) & (lat >= south - 1) & (lat <= north)
    return near & (cells < _CELLS)


def _median(values: Floats, weights: NDArray[np.int64]) -> float:
    order = np.argsort(values, kind="stable")
    total = np.cumsum(weights[order])
    return float(values[order[np.searchsorted(total, (total[-1] + 1) // 2)]])


def _rows(number: int) -> str:
    return "1 row" if number == 1 else f"{number:,} rows"


def _at(numbers: Iterable[int], total: int) -> str:
    shown = list(numbers)
    more = ", …" if total > len(shown) else ""
    return f"({'row' if total == 1 else 'rows'} {', '.join(f'{n:,}' for n in shown)}{more})"


def undo_shift(lonlat: Floats, system: str) -> Floats:
    """Undo the shift of Chinese maps.

    `lonlat` has shape (n, 2), in degrees as on the map; NaN stays NaN. The forward formula gives
    the input back within 0.01 m.

    Raises
    ------
    InputError
        Points of BD-09 outside China, where the system isn't defined.

    Examples
    --------
    >>> undo_shift(np.array([[116.404, 39.915]]), "GCJ-02").round(5)
    array([[116.39776,  39.9136 ]])
    """
    target = np.asarray(lonlat, float)
    inside = _inside(target)
    if system == "BD-09" and not (inside | np.isnan(target).any(axis=1)).all():
        raise InputError(
            f"{int((~inside).sum())} points lie outside China, where BD-09 isn't defined; check "
            "that they are BD-09, or leave them out."
        )
    found = target.copy()
    wanted = target[inside]
    guess = wanted.copy()
    for _ in range(_ROUNDS):
        missed = wanted - _shift(guess, system)
        guess += missed
        if not len(missed) or np.abs(missed).max() < 1e-11:
            break
    found[inside] = guess
    return found


def _shift(lonlat: Floats, system: str) -> Floats:
    lon, lat = lonlat.T
    x, y = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    ripple = 20 * np.sin(6 * np.pi * x) + 20 * np.sin(2 * np.pi * x)
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north += (ripple + 20 * np.sin(np.pi * y) + 40 * np.sin(np.pi * y / 3)) * 2 / 3
    north += (160 * np.sin(np.pi * y / 12) + 320 * np.sin(np.pi * y / 30)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    east += (ripple + 20 * np.sin(np.pi * x) + 40 * np.sin(np.pi * x / 3)) * 2 / 3
    east += (150 * np.sin(np.pi * x / 12) + 300 * np.sin(np.pi * x / 30)) * 2 / 3
    phi = np.radians(lat)
    bend = 1 - _ECCENTRICITY2 * np.sin(phi) ** 2
    meridian = _AXIS * (1 - _ECCENTRICITY2) / bend**1.5
    parallel = _AXIS / np.sqrt(bend) * np.cos(phi)
    shifted = np.column_stack(
        (lon + np.degrees(east / parallel), lat + np.degrees(north / meridian))
    )
    return shifted if system == "GCJ-02" else _to_baidu(shifted)


def _to_baidu(gcj: Floats) -> Floats:
    lon, lat = gcj.T
    radius = np.hypot(lon, lat) + 2e-5 * np.sin(lat * _TURN)
    angle = np.arctan2(lat, lon) + 3e-6 * np.cos(lon * _TURN)
    return np.column_stack((radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006))


def _inside(lonlat: Floats) -> NDArray[np.bool_]:
    west, south, east, north = _BOX
    lon, lat = lonlat.T
    border = np.interp(lon, _BORDER[:, 0], _BORDER[:, 1], left=90.0, right=-90.0)
    inside: NDArray[np.bool_] = (
        (lon > west) & (lon < east) & (lat > np.maximum(south, border)) & (lat < north)
    )
    return inside

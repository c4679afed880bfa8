"""A column's values as classes of colour and as sizes, with the entries of the legend."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cpecgeo.errors import InputError, MissingExtraError, UnknownNameError
from cpecgeo.files.numbers import is_missing, to_numbers
from cpecgeo.maps.colors import (
    CATEGORIES,
    MISSING,
    OTHER,
    make_ramp,
    ramp_about,
    read_cmap,
)

__all__ = ["SCHEMES", "classify_colors", "scale_sizes", "write_number"]

# A colour per row, and the entries of the legend.
_Classes: TypeAlias = tuple[list[str], list[tuple[str, str]]]
_write_year = "{:.0f}".format
SCHEMES = ("quantiles", "equal_interval", "natural_breaks", "std_mean")
# Share of all values, and of a neighbouring class, that may change class when a limit is rounded.
MOVED, MOVED_OF_CLASS = 0.02, 0.1
# With more values, natural breaks are found among so many quantiles: the search takes n² steps.
SEARCHED = 2_000
# Sizes are rounded to multiples of this, to have few different ones.
SIZE_STEP = 0.5
# Text that is a number; 007 is a code.
_NUMBER = re.compile(
    r"[+-]?(?:0|[1-9][0-9]*|[1-9][0-9]{0,2}(?:,[0-9]{3})+)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
)

# Names of columns of years; the values are checked too.
_YEARS = re.compile(r"(?:^|[\W_])(?:year|opened|built|since)(?:$|[\W_])", re.IGNORECASE)


def classify_colors(
    frame: pd.DataFrame,
    column: str,
    *,
    scheme: str | Sequence[float] = "quantiles",
    k: int = 5,
    cmap: str | Sequence[str] | None = None,
    center: float | None = None,
    unit: str = "",
    most: float | None = None,
) -> _Classes:
    """Give each row a colour by its value: classes for numbers, one each for categories.

    Parameters
    ----------
    frame : DataFrame
        The features.
    column : str
        A column's name. A text column in which every value is a number counts as numbers.
    scheme : str or sequence of float
        Classification of numbers: ``"quantiles"`` (equal counts), ``"equal_interval"``,
        ``"natural_breaks"`` (least variance within classes [1]_, by mapclassify), ``"std_mean"``
        (one class per standard deviation about the mean), or the breaks between classes. Computed
        breaks are rounded as far as at most 2 % of the values, and a tenth of a class, change
        class.
    k : int
        Number of classes, 2 to 9, for all but ``"std_mean"`` and breaks.
    cmap : str or sequence of str, optional
        Colours from low to high: a scheme of ColorBrewer or matplotlib, such as ``"YlGnBu"``,
        or a list of ``#rrggbb``. Blues when omitted, and orange to blue about `center`.
    center : float, optional
        Value at which the two halves of the colours meet; 0 when omitted and `cmap` is omitted too,
        where values have both signs.
    unit : str
        Written after the limits of classes.
    most : float, optional
        The largest possible value: the end of the last class when breaks are given.

    Returns
    -------
    colors : list of str
        One per row.
    legend : list of (label, color)
        The classes; a class includes its lower limit. Of more than eight categories the eight
        largest have their own colours and the others share one. Rows without a value come last,
        with their count.

    Raises
    ------
    UnknownNameError
        No such column or scheme.
    InputError
        `k` is out of range, or the breaks don't rise.
    MissingExtraError
        mapclassify is missing, for natural breaks.

    References
    ----------
    .. [1] W. D. Fisher (1958), "On Grouping for Maximum Homogeneity", J. Am. Stat. Assoc. 53.

    Examples
    --------
    >>> classify_colors(pd.DataFrame({"k": ["a", "b", "a"]}), "k")[1]
    [('a', '#0b5c97'), ('b', '#b8470c')]
    >>> classify_colors(pd.DataFrame({"v": [1, 2, 30]}), "v", scheme=[10, 20])[1][0]
    ('below 10', '#c9dcec')
    """
    if column not in frame.columns:
        raise UnknownNameError(column, "column or colour", [str(c) for c in frame.columns])
    is_plain = center is None and k == 5 and isinstance(scheme, str) and scheme == SCHEMES[0]
    if column == "km_to" and is_plain and {"km_from", "area_km2"} <= set(frame.columns):
        limits = frame[["km_from", "km_to"]]
        if limits.notna().all(axis=None) and len(limits.drop_duplicates()) <= len(CATEGORIES):
            return _by_ring(frame, cmap)
    values = frame[column]
    numbers = _read_numbers(values, column)
    if numbers is not None:
        write = _write_year if _are_years(column, numbers) else write_number
        said = f" {unit}" if unit else ""
        return _by_number(numbers, scheme, k, cmap, center, said, write, most)
    gone = values.isna()
    if not (is_plain or gone.all()):
        raise InputError(f"{column} has categories; scheme, k and center are for numbers.")
    return _by_category([None if g else str(v) for v, g in zip(values, gone, strict=True)], cmap)


def scale_sizes(
    frame: pd.DataFrame, column: str, *, largest: float, least: float, by_area: bool
) -> tuple[NDArray[np.float64], list[tuple[str, float]]]:
    """Give each row a size in pixels by its value, 0 or more.

    The largest value has the size `largest`, a row without a value the size `least`. `by_area`, as
    for symbols, the area is in proportion to the value, else the size. The legend has up to three
    round values, large to small, and last the count of rows without a value.

    Examples
    --------
    >>> sites = pd.DataFrame({"t": [100.0, 25.0, None]})
    >>> scale_sizes(sites, "t", largest=16, least=2, by_area=True)[0]
    array([16.,  8.,  2.])
    """
    if column not in frame.columns:
        raise UnknownNameError(column, "column of sizes", [str(c) for c in frame.columns])
    numbers = _read_numbers(frame[column], column)
    if numbers is None:
        raise InputError(f"{column} is no column of numbers; sizes need one.")
    known = numbers[np.isfinite(numbers)]
    if known.size and known.min() < 0:
        raise InputError(
            f"{column} has {known.min():g}; a size says 0 or more. Give the amount by size "
            "(.abs()) and the sign by color."
        )
    most = float(known.max()) if known.size else 0.0

    def size(value: NDArray[np.float64]) -> NDArray[np.float64]:
        share = value / most if most else value * 0.0
        pixels = largest * (np.sqrt(share) if by_area else share)
        steps: NDArray[np.float64] = np.round(pixels / SIZE_STEP) * SIZE_STEP
        return np.fmax(steps, least)

    shown = dict.fromkeys(_round_down(most / part) for part in (1, 3, 10)) if most else {}
    legend = [(write_number(v), float(size(np.array(v)))) for v in shown]
    gone = len(numbers) - known.size
    if gone:
        legend.append((f"no value ({gone:,})", least))
    return size(np.where(np.isfinite(numbers), numbers, np.nan)), legend


def write_number(value: float) -> str:
    """Write a number for a legend: five significant digits, no exponent.

    Examples
    --------
    >>> write_number(1234567.8), write_number(0.25), write_number(0.000001)
    ('1,234,568', '0.25', '1e-06')
    """
    if value == 0 or not 1e-4 <= abs(value) < 1e15:
        text = f"{value:g}"
    else:
        text = f"{value:,.{max(0, 4 - math.floor(math.log10(abs(value))))}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace("-", "\u2212", 1) if value < 0 else text


def _are_years(column: str, numbers: NDArray[np.float64]) -> bool:
    known = numbers[np.isfinite(numbers)]
    whole = (known >= 1000) & (known < 3000) & (known % 1 == 0)
    return bool(_YEARS.search(column) and known.size and whole.all())


def _round_down(value: float) -> float:
    """Return the largest of 1, 2 or 5 times a power of ten that isn't above the value."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(float(f"{m * power:.6g}") for m in (5, 2, 1) if m * power <= value * (1 + 1e-9))


def _read_numbers(values: pd.Series, column: str) -> NDArray[np.float64] | None:
    """Read a column of numbers, or of text that is all numbers; return None for others."""
    if pd.api.types.is_bool_dtype(values):
        return None
    if not pd.api.types.is_numeric_dtype(values):
        if not (pd.api.types.is_object_dtype(values) or pd.api.types.is_string_dtype(values)):
            return None
        texts = values[~is_missing(values)].astype(str).str.strip()
        if not len(texts) or not all(map(_NUMBER.fullmatch, texts)):
            return None
    return to_numbers(values, column)


def _with_missing(colors: list[str], legend: list[tuple[str, str]]) -> _Classes:
    count = colors.count(MISSING)
    return colors, [*legend, (f"no value ({count:,})", MISSING)] if count else legend


def _by_category(texts: list[str | None], cmap: str | Sequence[str] | None) -> _Classes:
    counts = Counter(t for t in texts if t is not None)
    own = CATEGORIES if cmap is None else read_cmap(cmap)
    largest = {name for name, _ in counts.most_common(len(own))}
    chosen = dict(zip([name for name in counts if name in largest], own, strict=False))
    legend = list(chosen.items())
    if len(counts) > len(chosen):
        legend.append((f"{len(counts) - len(chosen):,} others", OTHER))
    return _with_missing([MISSING if t is None else chosen.get(t, OTHER) for t in texts], legend)


def _by_ring(frame: pd.DataFrame, cmap: str | Sequence[str] | None) -> _Classes:
    """Give each ring a colour, the outermost the darkest; the legend has the rings' limits."""
    pairs = list(zip(frame["km_from"], frame["km_to"], strict=True))
    rings = sorted(set(pairs))
    n = len(rings)
    steps = make_ramp(n + 1)[1:] if cmap is None else make_ramp(n, read_cmap(cmap))
    chosen = dict(zip(rings, steps, strict=True))
    legend = [(f"{low:,.5g} to {high:,.5g} km", chosen[low, high]) for low, high in rings]
    return [chosen[pair] for pair in pairs], legend


def _choose_steps(
    edges: Sequence[float], cmap: str | Sequence[str] | None, center: float | None
) -> list[str]:
    """Return a colour per class; with a centre, two ramps meet there."""
    n = len(edges) - 1
    if center is None and cmap is None and edges[0] < 0 < edges[-1]:
        center = 0.0
    if center is None:
        return make_ramp(n) if cmap is None else make_ramp(n, read_cmap(cmap))
    below = sum(high <= center for high in edges[1:])
    above = sum(low >= center for low in edges[:-1])
    return ramp_about(below, n - below - above, above, None if cmap is None else read_cmap(cmap))


def _breaks(
    known: NDArray[np.float64], scheme: str | Sequence[float], k: int
) -> NDArray[np.float64]:
    """Return the limits between classes, without the outermost two."""
    if not isinstance(scheme, str):
        limits = np.asarray(scheme, dtype=float)
        if limits.ndim != 1 or not len(limits) or not (np.diff(limits) > 0).all():
            raise InputError(f"scheme is {list(scheme)!r}; breaks must rise, as [10, 50, 100] do.")
        return limits
    if scheme not in SCHEMES:
        raise UnknownNameError(scheme, "scheme", SCHEMES)
    if isinstance(k, bool) or not isinstance(k, int) or not 2 <= k <= 9:
        raise InputError(f"k is {k!r}; 2 to 9 classes can be told apart.")
    values = np.unique(known)
    k = min(k, len(values))  # no more classes than distinct values
    if scheme == "quantiles":
        edges = np.unique(np.quantile(known, np.linspace(0, 1, k + 1)))[1:-1]
    elif scheme == "equal_interval":
        edges = np.linspace(known.min(), known.max(), k + 1)[1:-1]
    elif scheme == "natural_breaks":
        edges = _find_natural_breaks(known, k)
    else:
        edges = known.mean() + known.std() * np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
        edges = edges[(edges > known.min()) & (edges < known.max())]
    edges = np.unique(edges)
    return _round_breaks(np.sort(known), values[1:] if len(edges) >= len(values) else edges)


def _find_natural_breaks(known: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    try:
        from mapclassify import FisherJenks
    except ImportError as error:
        raise MissingExtraError(
            "natural breaks need mapclassify: pip install 'cpecgeo[maps]'; or take "
            "scheme='quantiles'."
        ) from error
    distinct = np.unique(known)
    if len(distinct) <= k:
        return distinct[1:]
    few = known if len(known) <= SEARCHED else np.quantile(known, np.linspace(0, 1, SEARCHED))
    last = FisherJenks(few, k).bins[:-1]
    # mapclassify returns the last value of a class; here a class begins at its lower limit.
    after = np.searchsorted(distinct, np.asarray(last, dtype=float), side="right")
    return np.unique(distinct[np.minimum(after, len(distinct) - 1)])


def _round_breaks(ordered: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round limits to as few digits as possible with nearly all values staying in their class."""
    rounded: list[float] = []
    at = np.searchsorted(ordered, [-np.inf, *edges, np.inf])
    for i, edge in enumerate(map(float, edges)):
        beside = min(at[i + 1] - at[i], at[i + 2] - at[i + 1])
        spare = int(min(MOVED * len(ordered), MOVED_OF_CLASS * beside))
        least = rounded[-1] if rounded else -math.inf
        rounded.append(_round_one(ordered, edge, least, spare))
    return np.unique(rounded)


def _round_one(ordered: NDArray[np.float64], edge: float, least: float, spare: int) -> float:
    at = int(np.searchsorted(ordered, edge))
    if edge == 0:
        return edge
    for digits in range(13):
        step = 10.0 ** (math.floor(math.log10(abs(edge))) - digits)
        near = sorted(
            (math.floor(edge / step), math.ceil(edge / step)), key=lambda m: abs(m - edge / step)
        )
        for multiple in near:
            value = float(f"{multiple * step:.12g}")
            moved = abs(int(np.searchsorted(ordered, value)) - at)
            if moved <= spare and value > least and ordered[0] <= value <= ordered[-1]:
                return value
    return edge


def _round_out(value: float, turn: Callable[[float], int]) -> float:
    """Round an outermost limit outwards to three digits."""
    if not value:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(abs(value))) - 2)
    return float(f"{turn(float(f'{value / step:.9g}')) * step:.12g}")


def _by_number(
    numbers: NDArray[np.float64],
    scheme: str | Sequence[float],
    k: int,
    cmap: str | Sequence[str] | None,
    center: float | None,
    unit: str,
    write: Callable[[float], str],
    most: float | None,
) -> _Classes:
    known = numbers[np.isfinite(numbers)]
    if not known.size:
        return _with_missing([MISSING] * len(numbers), [])
    inner = _breaks(known, scheme, k)
    if write is _write_year:
        inner = np.unique(np.ceil(inner))
    low = min(known.min(), *inner) if len(inner) else known.min()
    high = max(known.max(), *inner, low)
    edges = [_round_out(low, math.floor), *map(float, inner), _round_out(high, math.ceil)]
    if write is _write_year:
        edges[0], edges[-1] = float(low), float(high)
    steps = _choose_steps(edges, cmap, center)
    place = np.searchsorted(inner, numbers, side="right")
    finite = np.isfinite(numbers)
    colors = [steps[p] if f else MISSING for p, f in zip(place, finite, strict=True)]
    labels = [" to ".join(dict.fromkeys(map(write, ends))) + unit for ends in pairwise(edges)]
    if not isinstance(scheme, str):
        labels[0] = f"below {write(inner[0])}{unit}"
        last, end = write(inner[-1]), None if most is None else write(most)
        labels[-1] = f"{last}{unit} and more" if end is None else f"{last} to {end}{unit}"
    return _with_missing(colors, list(zip(labels, steps, strict=True)))

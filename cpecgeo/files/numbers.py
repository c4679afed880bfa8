"""Values of cells: numbers in text, types of columns, missing values, rows of text."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cpecgeo.errors import InputError, warn

__all__ = [
    "MISSING",
    "Row",
    "add",
    "infer_types",
    "is_missing",
    "join_thousands",
    "records",
    "refuse_lengths",
    "say_odd",
    "to_accuracy",
    "to_frame",
    "to_numbers",
    "unify",
    "with_index",
]

Floats = NDArray[np.float64]
Row = dict[str, str]

# Text for a missing value where a number is needed.
MISSING = frozenset({"", "-", "na", "n/a", "nan", "none", "null", "nil", "#n/a"})
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}")
_FLOAT = re.compile(r"-?[0-9]+\.[0-9]+(e[+-][0-9]+)?|-?[0-9](\.[0-9]+)?e[+-][0-9]+")
# Separators of thousands by their names, for a shell in which the signs have a meaning; a no-break
# space counts as a space.
_SEPARATORS = {
    "comma": ",", "point": ".", "space": " \u00a0\u2009\u202f", "apostrophe": "'\u2019",
}  # fmt: skip
_THOUSANDS = r"[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?"
# Numbers that can be read with decimals or with thousands.
_POINTS = r"[+-]?[1-9][0-9]{0,2}(\.[0-9]{3})?|0"
_DECIMAL_COMMA = re.compile(r"\+?[0-9]+,[0-9]+")
_TIME = re.compile(
    r"(?:19|20)[0-9]{2}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)"
    r"|(?:0[13578]|1[02])-31)T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z"
)
# Values that tables use for "not known".
_SENTINELS = (-9999.0, -999.0, -99999.0, 9999999.0, -1e30)


def infer_types(texts: pd.Series) -> pd.Series:
    """Convert a column of text to numbers or times where nothing is lost; empty text is missing.

    They are whole numbers (int64, or Int64 where some are missing), floats or times, if each is
    written as the same text again. So ``007``, ``24.90`` and numbers of more than 18 digits stay
    text.

    Examples
    --------
    >>> infer_types(pd.Series(["12", "", "-3"])).dtype, infer_types(pd.Series(["007"]))[0]
    (Int64Dtype(), '007')
    """
    cells = texts.tolist()
    given = [cell for cell in cells if cell != ""]
    kind = next((k for k, p in _KINDS.items() if all(map(p.fullmatch, given[:200]))), None)
    with_gaps = len(given) < len(cells)
    if given and kind is not None and all(map(_KINDS[kind].fullmatch, given)):
        rows = texts.index if not with_gaps else texts.index[[cell != "" for cell in cells]]
        numbers = pd.Series(_TYPES[kind](given), rows, name=texts.name)
        if kind != "float" or list(map(repr, numbers.tolist())) == given:
            if with_gaps and kind == "whole":
                numbers = numbers.astype("Int64")
            return numbers.reindex(texts.index) if with_gaps else numbers
    return texts.mask(texts == "") if with_gaps else texts


def _times(texts: list[str]) -> Any:
    return pd.to_datetime(texts, format="%Y-%m-%dT%H:%M:%SZ", utc=True).as_unit("us")


_KINDS = {"whole": _WHOLE, "float": _FLOAT, "time": _TIME}
_TYPES: dict[str, Callable[[list[str]], Any]] = {
    "whole": lambda texts: np.array(texts, dtype=object).astype("int64"),
    "float": lambda texts: np.array(texts).astype(float),
    "time": _times,
}


def unify(cells: Sequence[Any]) -> pd.Series:
    """Return cells as one column: of numbers or times where all are such, else of text.

    Examples
    --------
    >>> unify([1, None]).dtype, unify([1, 2.5]).dtype, unify([1, "a"]).tolist()
    (Int64Dtype(), dtype('float64'), ['1', 'a'])
    """
    column = pd.Series(cells, dtype=object)
    given = column.dropna()
    kinds = set(given.map(type))
    if kinds == {int} and max(map(abs, given)) < 2**63:
        return column.astype("Int64" if len(given) < len(column) else "int64")
    if kinds in ({float}, {int, float}):
        return column.astype(float)
    if len(kinds) == 1 and int not in kinds:
        return column.infer_objects()
    return column.map(lambda v: v if isinstance(v, str) or v is None else str(v))


def is_missing(texts: pd.Series) -> Any:
    """Return where text means a missing number: empty, ``NA``, ``-`` and the like."""
    is_word = texts.astype(str).str.strip().str.casefold().isin(MISSING)
    return (texts.isna() | is_word).to_numpy(bool)


def join_thousands(texts: pd.Series, separator: str | None) -> pd.Series:
    """Remove separators of thousands from numbers in text: ``1,234.5`` becomes ``1234.5``.

    The separator is ``,``, ``.``, a space or ``'``, or the name of one (comma, point, space,
    apostrophe). With a point, the decimal sign is a comma. Cells that aren't such numbers stay as
    they are; None changes nothing.

    Raises
    ------
    InputError
        Another separator.

    Examples
    --------
    >>> join_thousands(pd.Series(["1.234,5", "n. 7"]), ".").tolist()
    ['1234.5', 'n. 7']
    """
    if separator is None:
        return texts
    signs = next((s for name, s in _SEPARATORS.items() if separator in {name, s[0]}), None)
    if signs is None:
        shown = ", ".join(_SEPARATORS)
        raise InputError(f"thousands={str(separator)[:20]!r} isn't known; it is one of: {shown}.")
    if texts.dtype.kind in "biufmM":
        return texts
    marks = f"[{signs}]"
    point = "," if signs == "." else "."
    number = re.compile(rf"[+-]?[0-9]{{1,3}}(?:{marks}[0-9]{{3}})+(?:[{point}][0-9]+)?")
    mark = re.compile(marks)

    def plain(cell: object) -> object:
        if not isinstance(cell, str) or not number.fullmatch(cell.strip()):
            return cell
        return mark.sub("", cell.strip()).replace(",", ".")

    return texts.map(plain)


def to_numbers(
    values: pd.Series, what: str, *, missing: Collection[float] = (), is_part: bool = False
) -> Floats:
    """Convert a column to numbers for an analysis; NaN where a value is missing.

    Parameters
    ----------
    values : Series
        Numbers, or numbers as text. «1,234» with separators of thousands is read as 1234, with a
        warning.
    what : str
        Name of the column, for messages.
    missing : collection of float
        Values that mean "not known", such as -9999.
    is_part : bool
        Whether these are only some rows of a table. Warnings then state no counts, so that all
        parts give the same warning.

    Warns
    -----
    DataWarning
        Commas were read as separators of thousands; points that may separate thousands were read as
        decimal points; or values such as -9999, often used for missing ones, were read as numbers.

    Raises
    ------
    InputError
        Text that isn't a number; the message shows the first.

    Examples
    --------
    >>> to_numbers(pd.Series(["12", "NA", "7.5"]), "population")
    array([12. ,  nan,  7.5])
    """
    if values.dtype.kind in "iufb":
        numbers: Floats = values.to_numpy(float, na_value=np.nan)
    elif values.dtype.kind in "mM":
        raise InputError(f"{what} holds times or durations; numbers are needed.")
    else:
        numbers = _text_to_numbers(values, what, is_part=is_part)
    if missing:
        numbers = np.where(np.isin(numbers, list(missing)), np.nan, numbers)
    known = numbers[~np.isnan(numbers)]
    marks = [s for s in _SENTINELS if s not in missing and (known == s).any()]
    if marks and (len(known) == 1 or (known != marks[0]).any()):
        count = int(np.isin(known, marks).sum())
        many = "values" if is_part else f"{count} value{'s' * (count != 1)}"
        told = ", ".join(f"{m:.15g}" for m in marks)
        warn(
            f"{what} has {many} of {told}, which tables use for missing ones; this counts as a "
            "number unless it is stated as missing."
        )
    return numbers


def to_accuracy(
    values: pd.Series, thousands: str | None = None
) -> tuple[Floats, NDArray[np.bool_]]:
    """Convert a column of accuracy in km to numbers, and mark impossible values.

    Values are 0 or more, also as text: ``0.5``, ``0,5``. A number that may have decimals or
    thousands, ``1,500``, is rejected unless `thousands` is given, as for `join_thousands`. Missing
    and impossible values are NaN; the second array says which are impossible.

    Examples
    --------
    >>> to_accuracy(pd.Series(["0,5", "", "1,500", "good"]))
    (array([0.5, nan, nan, nan]), array([False, False,  True,  True]))
    """
    if values.dtype.kind in "iuf":
        numbers: Floats = values.to_numpy(float, na_value=np.nan)
        is_odd = numbers < 0
        return np.where(is_odd, np.nan, numbers), is_odd
    plain = join_thousands(values, thousands)
    numbers = np.array(pd.to_numeric(plain, errors="coerce").to_numpy(float, na_value=np.nan))
    is_odd = numbers < 0
    rest = np.flatnonzero(np.isnan(numbers))
    rest = rest[~is_missing(plain.iloc[rest])]
    for row in rest:
        text = str(plain.iloc[row]).strip()
        if _DECIMAL_COMMA.fullmatch(text) and not re.fullmatch(_THOUSANDS, text):
            numbers[row] = float(text.replace(",", "."))
    is_odd[rest] = np.isnan(numbers[rest])
    return np.where(is_odd, np.nan, numbers), is_odd


def say_odd(what: str, count: int, example: object, row: int) -> str:
    """Return a sentence on how many values of accuracy are impossible.

    Examples
    --------
    >>> say_odd("a.csv", 1, "good", 3)
    "a.csv has 1 value of accuracy_km that is no number of km, 'good' in row 3; that row's ..."
    """
    is_one = count == 1
    values, such = ("value", "") if is_one else ("values", "such as ")
    verb = "is no number" if is_one else "are no numbers"
    whose = "that row's accuracy counts" if is_one else "the accuracy of these rows counts"
    return (
        f"{what} has {count:,} {values} of accuracy_km that {verb} of km, {such}"
        f"{str(example)[:40]!r} in row {row}; {whose} as not known."
    )


def _text_to_numbers(values: pd.Series, what: str, *, is_part: bool) -> Floats:
    gone = is_missing(values)
    texts = values[~gone].astype(str).str.strip()
    with_commas = texts.str.fullmatch(_THOUSANDS)
    if with_commas.any():
        texts = texts.mask(with_commas, texts.str.replace(",", ""))
        count = int(with_commas.sum())
        many = "numbers" if is_part else f"{count} number{'s' * (count != 1)}"
        told = f"{what} has {many} with commas, read as separators of thousands."
        warn(told)
    elif texts.str.fullmatch(_POINTS).all() and texts.str.contains(".", regex=False).any():
        warn(
            f"{what} has a point before three digits in all its numbers, read as decimals; where "
            'it separates thousands, read the file with thousands="point".'
        )
    found = pd.to_numeric(texts, errors="coerce")
    bad = found.isna()
    if bad.any():
        raise InputError(f"{what} has {texts[bad].iloc[0]!r}, which is no number; mend it first.")
    numbers = np.full(len(values), np.nan)
    numbers[~gone] = [float(t) for t in texts]
    return numbers


def add(row: Row, name: str, text: str | None) -> None:
    """Add a value to a row, under a new name where the name is taken."""
    if text is None or not name:
        return
    key, number = name, 2
    while key in row:
        key, number = f"{name}_{number}", number + 1
    row[key] = text


def to_frame(rows: list[Row], shapes: list[object]) -> gpd.GeoDataFrame:
    """Build a table of features; text becomes numbers where nothing is lost."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {
        ("geometry_2" if name == "geometry" else name): infer_types(
            pd.Series([row.get(name, "") for row in rows], dtype=str)
        )
        for name in names
    }
    held = np.full(len(shapes), None, object)
    held[:] = shapes
    return gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries(held, crs=4326), crs=4326)


def refuse_lengths(
    rows: Iterable[list[str]], columns: int, separator: str, what: object, *, before: int = 0
) -> None:
    """Refuse rows with more values than columns, and a first row with fewer.

    The first row shows whether the separator is right. No row is empty; `before` counts rows of the
    file before these.
    """
    for number, row in enumerate(rows, before + 1):
        if len(row) > columns or (number == 1 and len(row) < columns):
            raise InputError(
                f"{what} has {columns} columns and {len(row)} values in row {number}; the "
                f"separator taken is {separator!r}. Put values that have it in them in quotes."
            )


def records(frame: pd.DataFrame) -> list[dict[str, str | None]]:
    """Return rows of text, None where a value is missing."""
    if frame.shape[1] == 0:  # pandas before 3 yields no rows here
        return [{} for _ in range(len(frame))]
    texts = frame.astype(object).where(frame.notna(), None)
    rows: list[dict[str, str | None]] = texts.to_dict("records")
    return rows


def with_index(frame: pd.DataFrame) -> Any:
    """Move an index that has a name, or consists of names, into columns before the others.

    An index of names without its own name becomes ``name``, or ``id``. An index that only counts
    rows is left out. A level that equals a column isn't repeated; a level with the name of a
    different column gets a new name.

    Examples
    --------
    >>> list(with_index(pd.DataFrame({"a": [1]}, index=pd.Index([2], name="a"))))
    ['a_of_index', 'a']
    >>> list(with_index(pd.DataFrame({"a": [1]}, index=["ml1"])))
    ['name', 'a']
    """
    names = list(frame.index.names)
    if names == [None] and frame.index.inferred_type in {"string", "mixed", "mixed-integer"}:
        free = [name for name in ("name", "id") if name not in frame.columns]
        held = [
            n for n in ("name", "id") if n not in free and frame.index.equals(pd.Index(frame[n]))
        ]
        names = [None] if held else [*free, "name"][:1]
        frame = frame.rename_axis(index=names[0])
    if all(name is None for name in names):
        return frame.reset_index(drop=True)
    fresh, doubled = [], []
    for level, name in enumerate(names):
        held = frame.index.get_level_values(level)
        taken = name in frame.columns
        if taken and frame.columns.is_unique and held.equals(pd.Index(frame[name])):
            doubled.append(level)
        fresh.append(f"{name}_of_index" if taken else name)
    flat = frame.set_axis(frame.index.set_names(fresh))
    flat = flat.reset_index(level=doubled, drop=True) if doubled else flat
    return flat.reset_index(drop=len(doubled) == len(names))

"""Numbers and degrees in text: which text is a number, and how degrees are noted."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cpecgeo.errors import DataWarning, InputError

__all__ = ["MISSING", "infer_types", "is_missing", "parse_degrees", "parse_metres", "to_numbers"]

Floats = NDArray[np.float64]

# Words that stand for a missing value where a number is needed.
MISSING = frozenset({"", "-", "na", "n/a", "nan", "none", "null", "nil", "#n/a"})
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}")
_FLOAT = re.compile(r"-?[0-9]+\.[0-9]+(e[+-][0-9]+)?|-?[0-9](\.[0-9]+)?e[+-][0-9]+")
_THOUSANDS = r"[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?"
_COMMA = re.compile(r"[+-]?[0-9]{1,3},[0-9]+")
_TIME = re.compile(
    r"(?:19|20)[0-9]{2}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)"
    r"|(?:0[13578]|1[02])-31)T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z"
)
# Values that tables use for "not known".
_SENTINELS = (-9999.0, -999.0, -99999.0, 9999999.0, -1e30)
_DEGREES = re.compile(
    r"""(?P<before>[NSEW])?\s*(?P<sign>[+-])?\s*
    (?P<d>[0-9]{1,3}(?:[.,][0-9]+)?)
    (?:(?:\s*(?:°|º|deg|d|:)\s*|\s+)(?P<m>[0-9]{1,2}(?:[.,][0-9]+)?)
    (?:(?:\s*(?:'|′|’|min|m|:)\s*|\s+)(?P<s>[0-9]{1,2}(?:[.,][0-9]+)?)
    \s*(?:''|"|″|”|sec|s)?)?
    \s*(?:'|′|’|min|m)?)?
    \s*(?:°|º|deg|d)?\s*(?P<after>[NSEW])?""",
    re.VERBOSE | re.IGNORECASE,
)
_AXES = {"lon": "EW", "lat": "NS"}


def infer_types(texts: pd.Series) -> pd.Series:
    """Type a column of text as numbers where nothing is lost by it.

    Parameters
    ----------
    texts : Series of str
        Empty text is a missing value.

    Returns
    -------
    Series
        Whole numbers (int64, or Int64 where some are missing) or floats, if each text is what
        that number is written as again; else text with missing values. So ``007``, ``24.90``
        and numbers of more than 18 digits stay text.

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
    return pd.to_datetime(texts, format="%Y-%m-%dT%H:%M:%SZ", utc=True)


_KINDS = {"whole": _WHOLE, "float": _FLOAT, "time": _TIME}
_TYPES: dict[str, Callable[[list[str]], Any]] = {
    "whole": lambda texts: np.array(texts, dtype=object).astype("int64"),
    "float": lambda texts: np.array(texts).astype(float),
    "time": _times,
}


def is_missing(texts: pd.Series) -> Any:
    """Return where text stands for a missing number: nothing, ``NA``, ``-`` and the like."""
    return (texts.isna() | texts.astype(str).str.strip().str.casefold().isin(MISSING)).to_numpy(
        bool
    )


def to_numbers(values: pd.Series, what: str, *, missing: Collection[float] = ()) -> Floats:
    """Convert a column to numbers where an analysis needs them.

    Parameters
    ----------
    values : Series
        Numbers, or text that is numbers; «1,234» with separators of thousands counts as 1234,
        and a warning tells so.
    what : str
        Name of the column, for messages.
    missing : collection of float
        Values that mean "not known", such as -9999.

    Returns
    -------
    ndarray of float
        NaN where a value is missing.

    Warns
    -----
    DataWarning
        Commas were read as separators of thousands; or values such as -9999, which tables use
        for missing ones, were counted as numbers.

    Raises
    ------
    InputError
        Text that is no number; the message shows the first.

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
        numbers = _text_to_numbers(values, what)
    if missing:
        numbers = np.where(np.isin(numbers, list(missing)), np.nan, numbers)
    known = numbers[~np.isnan(numbers)]
    marks = [s for s in _SENTINELS if s not in missing and (known == s).any()]
    if marks and (len(known) == 1 or (known != marks[0]).any()):
        count = int(np.isin(known, marks).sum())
        warnings.warn(
            f"{what} has {count} values of {', '.join(f'{m:g}' for m in marks)}, which tables use "
            "for missing ones; they are counted as numbers unless they are stated as missing.",
            DataWarning,
            stacklevel=3,
        )
    return numbers


def _text_to_numbers(values: pd.Series, what: str) -> Floats:
    gone = is_missing(values)
    texts = values[~gone].astype(str).str.strip()
    with_commas = texts.str.fullmatch(_THOUSANDS)
    if with_commas.any():
        texts = texts.mask(with_commas, texts.str.replace(",", ""))
        warnings.warn(
            f"{what} has {int(with_commas.sum())} numbers with commas, read as separators of "
            "thousands.",
            DataWarning,
            stacklevel=4,
        )
    found = pd.to_numeric(texts, errors="coerce")
    bad = found.isna()
    if bad.any():
        raise InputError(f"{what} has {texts[bad].iloc[0]!r}, which is no number; mend it first.")
    numbers = np.full(len(values), np.nan)
    numbers[~gone] = [float(t) for t in texts]
    return numbers


def parse_degrees(
    texts: pd.Series, axis: str, what: str, *, before: int = 0
) -> tuple[Floats, set[str]]:
    """Parse degrees as people write them.

    Parameters
    ----------
    texts : Series of str or numbers
        Decimal degrees (``67.05``, ``67,05``), with a letter (``67.05 E``), or degrees, minutes
        and seconds (``34°07′12″N``, ``34 07 12``, ``N34:07:12``).
    axis : {"lon", "lat"}
        Which letters may stand beside them.
    what : str
        For messages.
    before : int
        Rows of the file before these, for messages.

    Returns
    -------
    degrees : ndarray of float
        NaN where missing.
    notations : set of str
        What was met besides decimal degrees.

    Raises
    ------
    InputError
        Something else; the message names the row.

    Examples
    --------
    >>> parse_degrees(pd.Series(["34°07′30″N", "24,5", ""]), "lat", "a.csv")[0]
    array([34.125, 24.5  ,    nan])
    """
    plain, left = _plain_numbers(texts, what)
    notations = set()
    for row in left:
        text = str(texts.iloc[row]).strip()
        plain[row], notation = _degrees(text, axis)
        if notation is None:
            raise InputError(
                f"{what}: {axis} {text[:40]!r} in row {before + row + 1} is no position; write "
                "decimal degrees (67.05) or degrees, minutes and seconds (67°03′00″E)."
            )
        notations.add(notation)
    return plain, notations


def parse_metres(texts: pd.Series, what: str) -> Floats:
    """Parse coordinates in the units of a projected CRS, which are plain numbers.

    Raises
    ------
    InputError
        Something else, commas among it: they may stand for thousands or for decimals.
    """
    plain, left = _plain_numbers(texts, what)
    if left:
        raise InputError(
            f"{what}: {str(texts.iloc[left[0]])[:40]!r} in row {left[0] + 1} is no coordinate; "
            "write plain numbers with decimal points."
        )
    return plain


def _plain_numbers(texts: pd.Series, what: str) -> tuple[Floats, list[int]]:
    """Return the plain numbers, and the rows that hold something else."""
    if texts.dtype.kind in "bmM":
        raise InputError(f"{what} has {texts.dtype} in {texts.name!r}; coordinates are needed.")
    if texts.dtype.kind in "iuf":
        return texts.to_numpy(float, na_value=np.nan), []
    found = pd.to_numeric(texts, errors="coerce").to_numpy(float, na_value=np.nan)
    numbers = np.full(len(texts), np.nan)
    known = ~np.isnan(found)
    given = texts.to_numpy(object)[known]
    numbers[known] = given.astype(float)  # correctly rounded, which to_numeric isn't
    return numbers, np.flatnonzero(~known & ~is_missing(texts)).tolist()


def _degrees(text: str, axis: str) -> tuple[float, str | None]:
    match = _DEGREES.fullmatch(text)
    letters = "".join(filter(None, (match["before"], match["after"]))).upper() if match else ""
    if not match or len(letters) > 1 or (letters and letters not in _AXES[axis]):
        return np.nan, None
    parts = [float(p.replace(",", ".")) for p in (match["d"], match["m"], match["s"]) if p]
    minutes = match["m"] is not None
    if any(p >= 60 for p in parts[1:]) or any(p % 1 for p in parts[:-1]):
        return np.nan, None
    value = sum(part / 60**i for i, part in enumerate(parts))
    if match["sign"] and letters:
        return np.nan, None
    if match["sign"] == "-" or letters in {"S", "W"}:
        value = -value
    if minutes:
        return value, "degrees, minutes and seconds"
    return value, "decimal commas" if _COMMA.fullmatch(text) else "degrees with letters or signs"

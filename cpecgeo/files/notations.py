"""Notations of positions: names of their columns, degrees as people write them, stated CRS."""

from __future__ import annotations

import contextlib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet

import numpy as np
import pandas as pd
import pyproj
from numpy.typing import NDArray

from cpecgeo.errors import CRSError, InputError
from cpecgeo.files.disk import first_line
from cpecgeo.files.numbers import is_missing

__all__ = [
    "COMMA",
    "GEOMETRY",
    "LAT_NAMES",
    "LON_NAMES",
    "PART",
    "find_column",
    "find_lonlat",
    "find_pair",
    "is_position",
    "is_shifted",
    "parse_degrees",
    "parse_metres",
    "read_degrees",
    "resolve_crs",
    "split_pairs",
    "split_words",
]

GEOMETRY = ("wkt", "geometry", "geom", "the_geom", "wkb", "ewkt", "ewkb", "wkb_geometry",
            "wkt_geom", "shape", "geojson", "st_asgeojson", "st_astext", "st_asewkt")  # fmt: skip
# Usual names of columns of positions; where a table has several, the first is taken.
LON_NAMES = (
    "lon", "lng", "long", "longitude", "decimallongitude", "x", "easting", "经度", "經度", "东经",
    "東經", "längengrad", "laengengrad", "geographische länge", "geographische laenge",
    "geogr länge", "longitudine", "долгота", "طول بلد", "طول البلد", "طول جغرافیایی", "خط طول",
    "خط الطول", "rechtswert", "ostwert",
)  # fmt: skip
LAT_NAMES = (
    "lat", "latitude", "decimallatitude", "y", "northing", "纬度", "緯度", "北纬", "北緯",
    "breitengrad", "geographische breite", "geogr breite",
    "latitudine", "широта", "عرض بلد", "عرض البلد", "عرض جغرافیایی", "خط عرض", "خط العرض",
    "hochwert", "nordwert",
)  # fmt: skip
# These also mean length and width, so they are positions only as a pair, without others.
_PAIRS = (("länge", "breite"), ("laenge", "breite"), ("longitud", "latitud"))
_METRES = {"x", "y", "easting", "northing", "rechtswert", "hochwert", "ostwert", "nordwert"}
# Other positions: ``near_lon`` is that of something else.
_WITHIN = {"longitude", "latitude", "经度", "纬度", "經度", "緯度", "längengrad", "breitengrad"}
# Degrees counted westwards or southwards.
_REVERSED = {"w", "s", "west", "south"}
# Additions that don't change a name's meaning: (N), [deg], WGS84, GPS …
_BESIDE = {"n", "e", "dd", "deg", "degree", "degrees", "grad", "decimal", "dezimal", "wgs", "84",
           "wgs84", "gps", "geo", "epsg", "4326"}  # fmt: skip
_NOTED = {"dms", "gms"}
_AXIS = {"coord", "coordinate", "coordinates", "koordinate", "koord", "coordenada", "coordonnée",
         "coordonnee", "point", "坐标", "座標"}  # fmt: skip
_UNITS = {"m", "meter", "metre", "meters", "metres", "utm"}
_JOINED = re.compile(r"^([xy])(?=coord|koord)|(?<=coord)(?=[xy]$)")
# Letters that look alike, and invisible marks.
_ALIKE = str.maketrans(
    {"ي": "ی", "ك": "ک", "\u200c": " ", "\u200e": "", "\u200f": "", "\ufeff": ""}
)
# Latin and Chinese letters may follow one another without a space.
_SCRIPTS = re.compile(r"(?<=[a-z0-9])(?=[\u4e00-\u9fff])|(?<=[\u4e00-\u9fff])(?=[a-z0-9])")
_WORDS = re.compile(r"[\W_°]+")
# A number with a decimal comma, or two numbers without decimals.
COMMA = re.compile(r"[+-]?[0-9]{1,3},[0-9]+")
# One coordinate of a column of both.
PART = re.compile(r"(?P<column>.+):(?P<part>[12]?)", re.DOTALL)
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
_LETTERED = re.compile(
    r"(?P<a>[^NSEW]*[NSEW])[\s,]*(?P<b>[^NSEW]*[NSEW])|(?P<c>[NSEW][^NSEW]*?)[\s,]+(?P<d>[NSEW].*)",
    re.IGNORECASE,
)
_AXES = {"lon": "EW", "lat": "NS"}
# Digits and decimal signs of Arabic and Urdu, and a minus that isn't a hyphen.
_WESTERN = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹٫−", "01234567890123456789.-")
# Letters and marks of Chinese texts, 北纬34度07分30秒.
_CHINESE = {"北纬": "N", "北緯": "N", "南纬": "S", "南緯": "S", "东经": "E", "東經": "E",
            "西经": "W", "西經": "W", "度": "°", "分": "′", "秒": "″"}  # fmt: skip
# Hyphens between degrees, minutes and seconds, as pilots write them.
_HYPHENS = re.compile(r"(?<=[0-9])-(?=[0-9])")
# Systems of Chinese maps.
_SHIFTED = {"gcj02": "GCJ-02", "bd09": "BD-09"}

Floats = NDArray[np.float64]


def find_lonlat(
    names: Sequence[str],
    lon: str | None,
    lat: str | None,
    what: object,
    *,
    in_metres: bool = False,
) -> tuple[str, str]:
    """Find the columns of longitude and latitude, or of x and y.

    Where the caller doesn't name them they are recognized: ``lon``, ``Longitude (E)``, ``x``. With
    `in_metres`, for positions in a projected CRS, ``x`` and ``y`` come before ``lon``. No such
    column, or more than one, is an `InputError`.

    Examples
    --------
    >>> find_lonlat(["id", "Longitude (E)", "GPS Latitude"], None, None, "f.csv")
    ('Longitude (E)', 'GPS Latitude')
    """
    return (
        find_column(names, lon, LON_NAMES, "lon", what, in_metres=in_metres),
        find_column(names, lat, LAT_NAMES, "lat", what, in_metres=in_metres),
    )


def find_pair(names: Sequence[str]) -> tuple[str, str] | None:
    """Return two columns whose names mean lon and lat only as a pair, such as Länge, Breite.

    Examples
    --------
    >>> find_pair(["Länge", "Breite (N)"]), find_pair(["Länge (m)", "Breite (m)"])
    (('Länge', 'Breite (N)'), None)
    """
    for pair in _PAIRS:
        found = [[n for n in names if _bare(split_words(n), _BESIDE) == known] for known in pair]
        if all(len(hits) == 1 for hits in found):
            return found[0][0], found[1][0]
    return None


def split_words(name: str) -> list[str]:
    """Return the words of a name."""
    text = str(name).casefold()
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).casefold().translate(_ALIKE)
        text = _SCRIPTS.sub(" ", text)
    return _WORDS.sub(" ", _JOINED.sub(r"\1 ", text)).split()


def _bare(words: list[str], beside: AbstractSet[str]) -> str:
    """Return a name without words that don't change its meaning."""
    return " ".join([word for word in words if word not in beside] or words)


def find_column(
    names: Sequence[str],
    stated: str | None,
    known: Sequence[str],
    word: str,
    what: object,
    *,
    in_metres: bool = False,
) -> str:
    """Find the column that the caller names, or the one with a known name; else an `InputError`."""
    if stated is not None:
        part = PART.fullmatch(stated)
        hits = [n for n in names if n == stated]
        if not hits and part and part["part"] and part["column"] in names:
            return stated
    else:
        first = [n for n in known if n in _METRES] if in_metres else []
        hits = next(
            (hit for k in (first, known) for hit in _hits(names, k, in_metres=in_metres)), []
        )
    if len(hits) == 1:
        return hits[0]
    sought = f"column {stated!r}" if stated is not None else f"column of {word}"
    hint = "Name the columns with lon= and lat=."
    if hits:
        raise InputError(f"{what} has more than one {sought}: {_show_columns(hits)}. {hint}")
    if stated is None and not in_metres and any(_UNITS & {*split_words(n)} for n in names):
        with contextlib.suppress(InputError):
            found = find_column(names, None, known, word, what, in_metres=True)
            hint = f"{found[:40]!r} looks like metres: state their CRS with crs=."
    raise InputError(f"{what} has no {sought}; it has {_show_columns(names)}. {hint}")


def _hits(names: Sequence[str], known: Sequence[str], *, in_metres: bool) -> Iterator[list[str]]:
    """Yield columns with a known name: alone, then with a unit, then among other words."""
    axes = _BESIDE | _AXIS | (_UNITS if in_metres else set())
    split = [split_words(name) for name in names]
    for beside in (None, set[str](), _BESIDE, _BESIDE | _NOTED, axes):
        by_form: dict[str, list[str]] = {}
        for name, words in zip(names, split, strict=True):
            form = str(name).strip().casefold() if beside is None else _bare(words, beside)
            by_form.setdefault(form, []).append(name)
        yield from (by_form[k] for k in known if k in by_form)
    for k in filter(_WITHIN.__contains__, known):
        found = [
            n
            for n, w in zip(names, split, strict=True)
            if k in w and not _REVERSED & {*w} and len(_WITHIN & {*w}) < 2
        ]
        if found:
            yield found


def _show_columns(names: Sequence[str]) -> str:
    return ", ".join(repr(n[:40]) for n in names[:12]) + (" …" if len(names) > 12 else "")


def is_position(name: str) -> bool:
    """Return whether a column of this name would be read as a position.

    Examples
    --------
    >>> is_position("Latitude"), is_position("flat"), is_position("geom")
    (True, False, True)
    """
    for known in (LON_NAMES, LAT_NAMES, GEOMETRY):
        try:
            find_column([name], None, known, "", "")
        except InputError:
            continue
        return True
    return False


def parse_degrees(
    texts: pd.Series, axis: str, what: str, *, before: int = 0
) -> tuple[Floats, set[str]]:
    """Parse degrees of an axis, "lon" or "lat", in any usual notation; NaN where missing.

    They are decimal (``67.05``, ``67,05``), with a letter (``67.05 E``), or degrees, minutes and
    seconds (``34°07′12″N``, ``34 07 12``, ``N34:07:12``, ``34-07-12N``, Chinese ones too). Return
    also the notations found other than decimal degrees. Anything else is an `InputError`, which
    names the row; `before` counts rows of the file before these.

    Examples
    --------
    >>> parse_degrees(pd.Series(["34°07′30″N", "24,5", ""]), "lat", "a.csv")[0]
    array([34.125, 24.5  ,    nan])
    """
    plain, left = _plain_numbers(texts, what)
    notations = set()
    for row in left:
        text = str(texts.iloc[row]).strip()
        plain[row], notation = read_degrees(text, axis)
        if notation is None:
            raise InputError(
                f"{what}: {axis} {text[:40]!r} in row {before + row + 1} is no position; write "
                "decimal degrees (67.05) or degrees, minutes and seconds (67°03′00″E)."
            )
        notations.add(notation)
    return plain, notations


def parse_metres(texts: pd.Series, what: str, *, before: int = 0) -> Floats:
    """Parse coordinates of a projected CRS, which must be plain numbers.

    Numbers with commas, which may mean thousands or decimals, are an `InputError` too.
    """
    plain, left = _plain_numbers(texts, what)
    if left:
        raise InputError(
            f"{what}: {str(texts.iloc[left[0]])[:40]!r} in row {before + left[0] + 1} is no "
            "coordinate; write plain numbers with decimal points."
        )
    return plain


def _plain_numbers(texts: pd.Series, what: str) -> tuple[Floats, list[int]]:
    """Return the plain numbers, and which rows hold something else."""
    if texts.dtype.kind in "bmM":
        raise InputError(f"{what} has {texts.dtype} in {texts.name!r}; coordinates are needed.")
    if texts.dtype.kind in "iuf":
        return texts.to_numpy(float, na_value=np.nan), []
    found = pd.to_numeric(texts, errors="coerce").to_numpy(float, na_value=np.nan)
    numbers = np.full(len(texts), np.nan)
    known = ~np.isnan(found)
    given = texts.to_numpy(object)[known]
    numbers[known] = given.astype(float)  # rounds correctly, unlike to_numeric
    return numbers, np.flatnonzero(~known & ~is_missing(texts)).tolist()


def read_degrees(text: str, axis: str) -> tuple[float, str | None]:
    """Parse one text to degrees and its notation; return None where it isn't degrees.

    Examples
    --------
    >>> read_degrees("34°07′30″N", "lat"), read_degrees("34N", "lon")[1]
    ((34.125, 'degrees, minutes and seconds'), None)
    """
    text = text.translate(_WESTERN)
    if not text.isascii():
        for word, sign in _CHINESE.items():
            text = text.replace(word, sign)
    if len(_HYPHENS.findall(text)) == 2:
        text = _HYPHENS.sub(" ", text)
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
    return value, "decimal commas" if COMMA.fullmatch(text) else "degrees with letters or signs"


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


def is_shifted(crs: object) -> str | None:
    """Return "GCJ-02" or "BD-09" where a CRS names one of them, else None.

    Examples
    --------
    >>> is_shifted("gcj02"), is_shifted("EPSG:4326")
    ('GCJ-02', None)
    """
    if not isinstance(crs, str):
        return None
    return _SHIFTED.get(re.sub(r"[\s_-]", "", crs).casefold())


def resolve_crs(crs: object) -> pyproj.CRS:
    """Return the CRS of positions in a table: lon, lat on WGS 84 unless a known one is given.

    Examples
    --------
    >>> resolve_crs("GCJ-02").to_epsg(), resolve_crs(32642).is_projected
    (4326, True)
    """
    if crs is None or is_shifted(crs):
        return pyproj.CRS(4326)
    try:
        return pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError as error:
        raise CRSError(
            f"crs is {str(crs)[:60]!r}, which isn't known ({first_line(error)}); write it as "
            '"EPSG:32642", "GCJ-02" or "BD-09".'
        ) from error

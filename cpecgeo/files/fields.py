"""Names, values and shapes that a format can store; fitted or refused before writing."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import re
from collections.abc import Callable, Collection
from typing import Any
from xml.parsers import expat

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from cpecgeo.errors import InputError
from cpecgeo.files.formats import Format

__all__ = [
    "GPX_FIELDS",
    "GPX_NUMBERS",
    "ILLEGAL",
    "NUMBER",
    "fid_name",
    "fit_columns",
    "kind_of",
    "quote_name",
    "refuse_illegal",
    "refuse_shapes",
    "to_text",
]

# Characters that XML 1.0 can't contain, even escaped.
ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# The schema's elements, in its order, of way points, and of routes and tracks.
GPX_FIELDS = (
    "ele", "time", "magvar", "geoidheight", "name", "cmt", "desc", "src", "link", "sym", "type",
    "fix", "sat", "hdop", "vdop", "pdop", "ageofdgpsdata", "dgpsid",
)  # fmt: skip
# Elements whose values are numbers.
GPX_NUMBERS = frozenset(
    {"ele", "magvar", "geoidheight", "sat", "hdop", "vdop", "pdop", "ageofdgpsdata", "dgpsid",
     "number"}
)  # fmt: skip
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9:]{5})?"
)
_GPX_SHAPES = {"Point", "LineString", "MultiLineString"}
# Kinds of values that a format stores unchanged; others become text.
_PLAIN = frozenset({"bool", "int", "float", "text"})
_HELD = {
    "GeoJSON": _PLAIN | {"time"},
    "GeoJSON lines": _PLAIN | {"time"},
    "GeoPackage": _PLAIN | {"time"},
    "FlatGeobuf": _PLAIN | {"time"},
    "Shapefile": _PLAIN,  # GDAL writes days as «2026/01/02 00:00:00»
    "Excel": _PLAIN | {"local time", "day"},
    "CSV": _PLAIN | {"large int"},
    "KML": frozenset({"text"}),
    "GPX": frozenset({"text"}),
}
# A warning says when these kinds become text; for other kinds that is expected.
_WORDS = {
    "large int": "whole numbers of more than 64 bits, or unsigned ones",
    "duration": "durations",
    "bytes": "bytes (as hexadecimal digits)",
    "decimal": "decimal numbers",
    "fine time": "times finer than a millisecond",
    "mixed": "values of several types",
    "shape": "geometries beside the first (as WKT)",
}
# Kinds of values, their types, and how each is written as text; the first that fits.
_TYPES: tuple[tuple[str, tuple[type, ...], Callable[[Any], str]], ...] = (
    ("text", (str,), str),
    ("bool", (bool, np.bool_), str),
    ("int", (int, np.integer), str),
    ("float", (int, float, np.integer, np.floating), lambda v: repr(float(v))),
    ("nested", (dict, list, np.ndarray), lambda v: json.dumps(_as_plain(v), ensure_ascii=False)),
    ("tuple", (tuple,), lambda v: "; ".join(map(to_text, v))),
    ("bytes", (bytes,), lambda v: v.hex()),
    ("time", (dt.datetime,), lambda v: v.isoformat().replace("+00:00", "Z")),
    ("day", (dt.date,), lambda v: v.isoformat()),
    ("clock", (dt.time,), lambda v: v.isoformat()),
    ("duration", (dt.timedelta, np.timedelta64), lambda v: pd.Timedelta(v).isoformat()),
    ("decimal", (decimal.Decimal,), str),
    ("shape", (shapely.Geometry,), lambda v: v.wkt),
)
_DBF_NAME, _DBF_TEXT = 10, 254
_EXCEL_DIGITS = 10**15
_INT64 = 2**63 - 1


def fit_columns(frame: pd.DataFrame, form: Format) -> tuple[pd.DataFrame, list[str]]:
    """Fit names and values of a table's columns, without its geometry, to a format.

    Return the new table, and remarks on columns that were renamed and values that became text.
    Values that the format can't store in any form are an `InputError`.
    """
    remarks: list[str] = []
    renamed: list[str] = []
    fresh: dict[str, Any] = {}
    taken: set[str] = set()
    for position, column in enumerate(frame.columns):
        values, told = _fit_values(frame.iloc[:, position], form, str(column))
        if told:
            remarks.append(f"column {str(column)!r} holds {_WORDS[told]}, written as text")
        stem = name = _fit_name(str(column), form, values)
        number = 2
        while _key(name, form) in taken:
            name = _add_number(stem, number, form)
            number += 1
        taken.add(_key(name, form))
        if name != str(column):
            renamed.append(f"{str(column)!r} to {name!r}")
        fresh[name] = values
    if renamed:
        remarks.append(f"columns renamed: {', '.join(renamed)}")
    return pd.DataFrame(fresh, index=frame.index), remarks


def _key(name: str, form: Format) -> str:
    """Return a name in the form that must be unique: SQLite and DBF ignore case."""
    return name.casefold() if form.name in {"GeoPackage", "Shapefile"} else name


def _fit_name(name: str, form: Format, values: pd.Series) -> str:
    if not name.strip():
        name = "column"
    if form.name == "Shapefile":
        return re.sub(r"\W", "_", name).encode()[:_DBF_NAME].decode("utf-8", "ignore")
    if form.name in {"GeoPackage", "FlatGeobuf"}:
        return name.replace("\0", "_")
    if form.name == "GPX":
        if not _is_xml_name(name):
            name = re.sub(r"[^A-Za-z0-9_.-]", "_", name)
            name = name if _is_xml_name(name) else f"_{name}"
        if name in {*GPX_FIELDS, "number"} and not _fits_field(name, values.dropna().tolist()):
            return f"{name}_2"
    return name


def _is_xml_name(name: str) -> bool:
    if ":" in name or re.search(r"[\s<>/&'\"=]", name):
        return False
    try:
        expat.ParserCreate().Parse(f"<{name}/>".encode(), True)
    except (expat.ExpatError, UnicodeEncodeError):
        return False
    return True


def _add_number(stem: str, number: int, form: Format) -> str:
    end = f"_{number}"
    if form.name == "Shapefile":
        stem = stem.encode()[: _DBF_NAME - len(end)].decode("utf-8", "ignore")
    return stem + end


def _fit_values(values: pd.Series, form: Format, name: str) -> tuple[pd.Series, str]:
    """Return the values as the format stores them, and the kind to warn about, if any."""
    values = _plain(values)
    kind = kind_of(values)
    if kind == "complex":
        raise InputError(f"Column {name!r} holds complex numbers, which no format here holds.")
    if kind == "int" and values.dtype == object:
        values = values.astype("Int64")
    if form.name == "GeoParquet":
        is_large = kind == "large int" and values.dtype == object
        kind = "geometry" if values.dtype.name == "geometry" else kind
        if (
            kind not in {"mixed", "clock", "shape"}
            and not is_large
            and not _is_ragged(values, kind)
        ):
            return values, ""
        text = values.astype(object).map(to_text, na_action="ignore").astype("object")
        return text, kind if kind in {"mixed", "large int"} else ""
    kind = _narrow_kind(values, kind, form)
    if kind in _HELD[form.name]:
        if kind == "text":
            _check_text(values, form, name)
        elif kind == "int" and values.dtype.kind == "u":
            values = values.astype("Int64" if values.isna().any() else "int64")
        return values, ""
    values = values.astype(object)  # pandas 2.2 would turn Int64 with missing values into floats
    # A time in GPX has an hour, even at midnight.
    write = _day if kind == "day" and form.name != "GPX" else to_text
    text = values.map(write, na_action="ignore").astype("object")
    text = text.where(values.notna(), None)
    _check_text(text, form, name)
    remarked = kind if kind in _WORDS and form.name not in {"KML", "GPX"} else ""
    return text, remarked


def _plain(values: pd.Series) -> pd.Series:
    """Convert types that only pandas and numpy have: sparse, categories, odd floats."""
    if isinstance(values.dtype, pd.SparseDtype):
        values = values.sparse.to_dense()
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    if str(values.dtype) in {"float16", "float128", "longdouble"}:
        plain = values.astype(float)
        exact = (plain.astype(values.dtype) == values)[values.notna()].all()
        # Numbers with more digits than a double become text.
        return plain if exact else values.astype(str).where(values.notna())
    return values


def _is_ragged(values: pd.Series, kind: str) -> bool:
    """Return whether nested values aren't all lists of one plain type."""
    if kind not in {"nested", "tuple"}:
        return False
    known = values.dropna()
    if any(isinstance(v, dict) for v in known):
        return True
    inner = {type(item) for v in known for item in v}
    return len(inner) > 1 or bool(inner & {dict, list, tuple, np.ndarray})


def _day(value: dt.date) -> str:
    return str(value.isoformat())[:10]


def _narrow_kind(values: pd.Series, kind: str, form: Format) -> str:
    """Return the kind of values, told apart as finely as the format stores them."""
    if kind == "time" and form.name in {"GeoPackage", "FlatGeobuf", "GeoJSON", "GeoJSON lines"}:
        times = pd.to_datetime(values, utc=True)
        is_fine = (times.dt.floor("ms") != times)[times.notna()].any()
        return "fine time" if is_fine else kind
    if kind == "time" and values.dtype != object and values.dt.tz is None:
        is_day = (values.dt.normalize() == values)[values.notna()].all()
        return "day" if is_day else "local time"
    if kind == "int" and form.name == "Excel" and (values.abs() > _EXCEL_DIGITS).any():
        return "large int"
    return kind


def kind_of(values: pd.Series) -> str:
    """Return the kind of a column's values.

    Examples
    --------
    >>> kind_of(pd.Series([{"a": 1}])), kind_of(pd.Series([1, None])), kind_of(pd.Series([1, "x"]))
    ('nested', 'float', 'mixed')
    """
    if values.dtype.name == "geometry":
        return "empty" if values.isna().all() else "shape"
    code = values.dtype.kind
    known = values.dropna()
    kind = {"b": "bool", "i": "int", "u": "int", "f": "float", "M": "time", "m": "duration",
            "c": "complex"}.get(code)  # fmt: skip
    if kind is None:
        kind = "text" if isinstance(values.dtype, pd.StringDtype) else _kind_of_objects(known)
        if values.isna().all():
            kind = "empty"
    is_large = kind == "int" and len(known) and max(map(abs, known.tolist())) > _INT64
    return "large int" if is_large else kind


def _kind_of_objects(known: pd.Series) -> str:
    types = set(known.map(type))
    if bool in types and len(types) > 1:
        return "mixed"
    fits = (k for k, held, _ in _TYPES if all(issubclass(t, held) for t in types))
    return next(fits, "mixed")


def _check_text(values: pd.Series, form: Format, name: str) -> None:
    if form.name in {"CSV", "GeoParquet"}:
        return
    for text in values.dropna():
        if "\0" in text:
            raise InputError(
                f"Column {name!r} has a text with a zero byte, which {form.name} can't hold; take "
                "it out first."
            )
        if form.name == "Shapefile" and len(text.encode()) > _DBF_TEXT:
            raise InputError(
                f"Column {name!r} has a text of {len(text.encode())} bytes, and a shapefile holds "
                f"{_DBF_TEXT}; write .gpkg, or shorten it."
            )


def to_text(value: object) -> str:
    """Return a value as text: JSON for nested values, ISO 8601 for times and durations.

    Examples
    --------
    >>> to_text([1, {"a": None}]), to_text(("x", "y")), to_text(pd.Timestamp("2026-01-02T03:04Z"))
    ('[1, {"a": null}]', 'x; y', '2026-01-02T03:04:00Z')
    """
    write = next((write for _, types, write in _TYPES if isinstance(value, types)), str)
    return write(value)


def _as_plain(value: object) -> Any:
    """Return nested values in JSON's types."""
    if isinstance(value, dict):
        return {str(k): _as_plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_as_plain(v) for v in value]
    if isinstance(value, np.generic):
        return _as_plain(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    return to_text(value)


def refuse_shapes(shapes: gpd.GeoSeries, form: Format) -> None:
    """Refuse geometries that a format can't store."""
    kinds = set(shapes.geom_type.dropna())
    if form.name == "GPX":
        solid = sorted(kinds - _GPX_SHAPES)
        if solid:
            raise InputError(f"GPX has no place for {', '.join(solid)}; it holds points and lines.")
        missing = int((shapes.isna() | shapes.is_empty).sum())
        if missing:
            raise InputError(
                f"GPX has no place for {missing} rows without a position; drop them, or write "
                "another format."
            )
    if form.name == "Shapefile" and len({k.removeprefix("Multi") for k in kinds}) > 1:
        raise InputError(
            "A shapefile holds one type of geometry, and this table has "
            f"{', '.join(sorted(kinds))}; write .gpkg."
        )
    if form.name == "Shapefile" and "GeometryCollection" in kinds:
        raise InputError("A shapefile has no place for GeometryCollection; write .gpkg.")


def _fits_field(name: str, values: list[str]) -> bool:
    """Return whether values suit one of GPX's own fields."""
    if name in GPX_NUMBERS:
        return all(NUMBER.fullmatch(v) for v in values)
    return name != "time" or all(_TIME.fullmatch(v) for v in values)


def refuse_illegal(frame: pd.DataFrame, form: str) -> None:
    """Refuse text that XML can't hold."""
    for name in frame.columns:
        for text in (name, *frame[name].dropna()):
            if isinstance(text, str) and ILLEGAL.search(text):
                raise InputError(
                    f"Column {name!r} has a control character ({text[:40]!r}), which {form} can't "
                    "hold; take it out first."
                )


def quote_name(name: object) -> str:
    """Quote a column's name where CSV needs it, or where it would mislead a guess of the separator.

    Examples
    --------
    >>> quote_name("name"), quote_name("a|b")
    ('name', '"a|b"')
    """
    text = str(name)
    return '"' + text.replace('"', '""') + '"' if {*text} & {*',;\t|"\r\n'} else text


def fid_name(names: Collection[str]) -> str:
    """Return a free name for the column of a GeoPackage's feature numbers.

    Examples
    --------
    >>> fid_name(["a"]), fid_name(["fid"])
    ('fid', 'row_fid')
    """
    return next(n for n in ("fid", "row_fid", "gpkg_row_fid") if n not in names)

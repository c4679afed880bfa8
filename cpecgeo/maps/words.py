"""Texts of maps, figures and reports in English, Urdu and Chinese.

A text is written once, in English, where it is used; `assets/words/<lang>.json` has its
translation. A text without translation stays English, as the data itself does.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Formatter
from typing import Any

import pandas as pd

from cpecgeo.catalogue import layer
from cpecgeo.catalogue.facts import name_districts
from cpecgeo.errors import InputTypeError, UnknownNameError

__all__ = [
    "FIELDS",
    "LANGUAGES",
    "NAMES",
    "NUMBERS",
    "PHRASES",
    "UNITS",
    "VALUES",
    "Words",
    "find_title",
    "find_words",
    "join_titles",
    "list_cells",
    "list_unnamed",
    "translate_title",
    "write_values",
]

# Language to direction of writing.
LANGUAGES = {"en": "ltr", "ur": "rtl", "zh": "ltr"}
_NAMED = (
    "places", "stations", "crossings", "ports", "mines", "zones", "energy", "sections", "waypoints",
    "provinces", "countries",
)  # fmt: skip
# Units of numeric forms; "" for none.
UNITS = {"km": "km", "exact km": "km", "km²": "km²", "m": "m", "h": "h", "°": "°"}
NUMBERS = {*UNITS, "share", "count", "people", "number", "year"}
# Patterns of a phrase's parts; other parts are any text.
_DIGITS = r"-?[\d.,]+(?:e[+-]?\d+)?"
_LIMIT = rf"{_DIGITS}(?:\s\S+)?"
_PARTS = {
    "limit": _LIMIT, "low": _LIMIT, "high": _LIMIT, "count": _DIGITS, "figure": _DIGITS,
    "each": rf"{_DIGITS}(?: / {_DIGITS})+",
    "km": _DIGITS, "hours": _DIGITS, "weight": "[a-z]+", "unit": "km|km²|m|h|MW", "number": r"\d",
    "motorway": r"M-\d+", "highway": r"N-\d+", "rail": r"ML-\d", "part": _DIGITS, "whole": _DIGITS,
}  # fmt: skip
_PARTED = re.compile(r"[ \u2013]|\d")
# Parts of a name that may stay in English: names, numbers, codes, not words.
_PROPER = re.compile(r"(?:[(]*[A-Z\d][^\s\u2013]*(?:[ \u2013]|$))+")
_LATIN = re.compile("[A-Za-z]")
_TABLES = Path(__file__).with_name("assets") / "words"


@functools.cache
def _read(name: str) -> Any:
    return json.loads((_TABLES / f"{name}.json").read_text(encoding="utf-8"))


# Patterns of composed names of lines and sites. A part that is neither known nor the number of a
# road or railway must be a name; it stays as it is.
NAMES: tuple[str, ...] = tuple(_read("names"))
# Names and legend entries composed when a layer is built.
PHRASES: tuple[str, ...] = tuple(_read("phrases"))
# Titles of coded values.
VALUES: dict[str, str] = _read("values")
# Columns of the data model that a popup shows, in this order, with their titles and units.
FIELDS: list[tuple[str, str, str]] = [(name, title, unit) for name, title, unit in _read("fields")]


@dataclass(frozen=True)
class Words:
    """Texts in one language.

    Returned by `find_words`.

    Parameters
    ----------
    lang : str
        A key of `LANGUAGES`.
    table : mapping
        English text to translation.
    names : mapping
        English name of a place to its name in this language.

    Examples
    --------
    >>> find_words("zh")("operating"), find_words("en")("{km} km long", km=7)
    ('运营中', '7 km long')
    """

    lang: str
    table: Mapping[str, str] = field(default_factory=dict, repr=False)
    names: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def direction(self) -> str:
        """Return "ltr" or "rtl"."""
        return LANGUAGES[self.lang]

    def __call__(self, text: str, **values: object) -> str:
        """Return a text's translation, with values in place of ``{names}``; unknown texts stay."""
        said = self.table.get(text, text)
        return said.format(**values) if values else said

    def phrase(self, text: str) -> str:
        """Translate a layer's text: a word, a name, or a phrase with figures and names.

        Examples
        --------
        >>> find_words("zh").phrase("below 10 km"), find_words("zh").phrase("my own words")
        ('低于 10 公里', 'my own words')
        """
        known = self.name(self(VALUES.get(text, text)))
        # Phrases are short; a longer text is the user's own.
        if known != text or self.lang == "en" or len(text) > 200:
            return known
        for template in PHRASES:
            if found := _match(template).fullmatch(text):
                return self(template, **{k: self.phrase(v) for k, v in found.groupdict().items()})
        return text

    def tell(self, note: str) -> str:
        """Translate a note of the data; unknown clauses stay English.

        Examples
        --------
        >>> find_words("zh").tell("km posts at the stations end at 526; seen by nobody else")
        '各站公里标止于 526；seen by nobody else'
        """
        clauses = [note] if note in self.table or note in _read("notes") else note.split("; ")
        return self("; ").join(self._clause(clause) or clause for clause in clauses)

    def _clause(self, text: str) -> str | None:
        """Translate a clause by the tables, with its figures and names inserted."""
        if (known := self.find_name(text)) or self.lang == "en":
            return known
        for template, told in _read("notes").items():
            if found := _match(template).fullmatch(text):
                parts = found.groupdict()
                said = {k: v if k in _PARTS else self.find_name(v) for k, v in parts.items()}
                if _are_names(parts, said):
                    return str(told[self.lang]).format(**{k: said[k] or parts[k] for k in parts})
        return None

    def people(self, count: float) -> str:
        """Write a number of people, rounded to about 1 %, the precision of a count of towns.

        Examples
        --------
        >>> find_words("en").people(54_012_345), find_words("zh").people(54_012_345)
        ('54.0 million', '5,400万')
        """
        if self.lang == "zh" and count >= 1e4:
            # Chinese counts in units of ten thousand.
            tens = float(f"{count / 1e4:.3g}")
            return self("{count} ten thousand", count=f"{tens:,.10g}")
        if count >= 1e6:
            return self("{count} million", count=f"{count / 1e6:,.1f}")
        return f"{round(count, -3 if count >= 1e5 else -2 if count >= 1e4 else 0):,.0f}"

    def join(self, sentences: Iterable[str]) -> str:
        """Join sentences, in Chinese without spaces."""
        return ("" if self.lang == "zh" else " ").join(sentences)

    def list(self, names: Iterable[str]) -> str:
        """Write a list of names in this language."""
        return self(", ").join(map(self.name, names))

    def name(self, text: object) -> str:
        """Translate a name: a known one, or one composed of known names.

        Examples
        --------
        >>> find_words("zh").name("M-2 Islamabad\u2013Lahore"), find_words("zh").name("Nowhere")
        ('M-2 高速公路，伊斯兰堡\u2013拉合尔', 'Nowhere')
        """
        return self.find_name(str(text)) or str(text)

    def find_name(self, text: str) -> str | None:
        """Translate a name; return None where no part of it is known."""
        return None if len(text) > 120 else self._find(text, {})

    def _find(self, text: str, tried: dict[str, str | None]) -> str | None:
        """Translate a name; `tried` prevents repeated look-ups of nested parts."""
        if text not in tried:
            known = self.names.get(text) or self.table.get(text)
            tried[text] = known
            if not known and self.lang != "en" and _PARTED.search(text):
                tried[text] = self._join(text, tried)
        return tried[text]

    def _join(self, text: str, tried: dict[str, str | None]) -> str | None:
        """Compose a name from the names of its parts."""
        for form in NAMES:
            if found := _match(form).fullmatch(text):
                parts = found.groupdict()
                said = {k: v if k in _PARTS else self._find(v, tried) for k, v in parts.items()}
                if any(said.values()) and _are_names(parts, said):
                    return self(form, **{k: said[k] or v for k, v in parts.items()})
        ends = dict(enumerate(text.split("\u2013")))
        names = {k: self._find(v, tried) for k, v in ends.items()} if len(ends) > 1 else {}
        if not any(names.values()) or not _are_names(ends, names):
            return None
        return "\u2013".join(names[k] or end for k, end in ends.items())


def _are_names(parts: Mapping[Any, str], said: Mapping[Any, str | None]) -> bool:
    """Return whether the untranslated parts may stay as they are."""
    return all(said[k] or _PROPER.fullmatch(part) for k, part in parts.items())


@functools.cache
def _match(template: str) -> re.Pattern[str]:
    """Compile a pattern for texts made from a template."""
    parts = [(re.escape(text), name) for text, name, _, _ in Formatter().parse(template)]
    return re.compile(
        "".join(t + (f"(?P<{n}>{_PARTS.get(n, '.+?')})" if n else "") for t, n in parts)
    )


@functools.cache
def find_words(lang: str) -> Words:
    """Find the words of a language.

    Examples
    --------
    >>> find_words("ur").direction
    'rtl'
    """
    if not isinstance(lang, str):
        raise InputTypeError(f"lang is {lang!r}; it must be one of {', '.join(LANGUAGES)}.")
    if lang not in LANGUAGES:
        raise UnknownNameError(lang, "language", LANGUAGES)
    return Words(lang) if lang == "en" else Words(lang, _read(lang), _read_names(lang))


def _read_names(lang: str) -> dict[str, str]:
    """Read names of places; of two places with one English name the first layer's counts."""
    known: dict[str, str] = {}
    for name in _NAMED:
        frame = layer(name)
        for english, other in zip(frame["name"], frame[f"name_{lang}"], strict=True):
            if not pd.isna(other):
                known.setdefault(str(english), str(other))
    return {**name_districts(lang), **known}


def list_cells(column: Any) -> list[Any]:
    """List the values of a column encoded by `cpecgeo.maps.encode.column`."""
    return [column["v"][i] for i in column["i"]] if isinstance(column, dict) else list(column)


def list_unnamed(payloads: Iterable[dict[str, Any]], say: Words) -> list[str]:
    """List a note about names on the map that stay in Latin letters; empty where there are none."""
    count = total = 0
    for payload in payloads if say.lang != "en" else ():
        columns = payload["columns"]
        named = columns.get("title", columns.get("name"))
        if named is None or not payload["style"]["label"]:
            continue
        given = list_cells(columns.get(f"name_{say.lang}", [None] * payload["n"]))
        pairs = {(str(n), there) for n, there in zip(list_cells(named), given, strict=True) if n}
        total += len(pairs)
        count += sum(not there and _LATIN.search(n) is not None for n, there in pairs)
    told = "{count} of {total} names stay in Latin letters: none is printed in this language."
    return [say(told, count=f"{count:,}", total=f"{total:,}")] if count else []


def write_values(values: Sequence[Any], form: str, say: Words, *, unit: bool = False) -> list[str]:
    """Write values for people, all with the decimals that the largest one needs."""
    numbers = [abs(v) for v in values if isinstance(v, (int, float)) and not isinstance(v, bool)]
    most = max(numbers, default=0.0)
    if form in {"km", "km²"}:
        whole = most >= 100 or all(float(v).is_integer() for v in numbers)
        pattern = "{:,.0f}" if whole else "{:,.1f}"
    elif form == "share":
        pattern = "{:.0%}"
    else:
        whole = form in {"count", "people", "m"} or all(float(v).is_integer() for v in numbers)
        patterns = {"h": "{:,.1f}", "°": "{:.4f}", "exact km": "{:,g}", "year": "{:.0f}"}
        pattern = patterns.get(form, "{:,.0f}" if whole else "{:,.2f}")
    of = f"\u00a0{say(UNITS[form])}" if unit and form in UNITS else ""
    return [_write_one(v, form, pattern, say, of) for v in values]


def _write_one(value: object, form: str, pattern: str, say: Words, of: str) -> str:
    if value is None or isinstance(value, list):
        return say.list(value or ())
    if isinstance(value, bool):
        return say("yes" if value else "no")
    if isinstance(value, (int, float)) and form in NUMBERS:
        if form == "people":  # sums of towns are known to less than three digits
            value = float(f"{value:.3g}")
        if 0 < value < 0.005 and form == "share":
            return say("under {figure}", figure="1\u00a0%")
        if 0 < value < 0.5 and pattern == "{:,.0f}" and form in {"km", "km²"}:
            return say("under {figure}", figure=1) + of
        # No "0.0", and no minus sign before it.
        said = re.sub(r"^-?0[.]?0*(?=%?$)", "0", pattern.format(value))
        return said.replace("%", "\u00a0%") + of
    text = str(value)
    if form == "words":
        text = say(VALUES.get(text, text.replace("_", " ")))
    return say.name(text) if form == "name" else say.tell(text) if form == "note" else text


def find_title(column: str) -> tuple[str, str]:
    """Return a column's title for people, and its unit."""
    for name, title, unit in FIELDS:
        if name == column:
            return title, unit
    if column.lower() == "year":
        return _write_column(column), "year"
    for ending, unit in (("_km2", "km²"), ("_km", "km"), ("_m", "m"), ("_deg", "°")):
        if column.endswith(ending) and len(column) > len(ending):
            return _write_column(column[: -len(ending)]), unit
    return _write_column(column), ""


def _write_column(column: str) -> str:
    words = column.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def join_titles(
    titles: Sequence[str], more: str = "{first} and {count} more", between: str = "; "
) -> str:
    """Join the names of the things on a map: all of three, else the first and how many more.

    Examples
    --------
    >>> join_titles(["ML-1", "schools"]), join_titles(["ML-1", "a", "b", "c"])
    ('ML-1; schools', 'ML-1 and 3 more')
    """
    if len(titles) <= 3:
        return between.join(titles)
    return more.format(first=titles[0], count=len(titles) - 1)


def translate_title(title: str | None, names: Sequence[str], say: Words) -> str | None:
    """Translate a map's title, name by name where it was joined from `names`."""
    if not names or title != join_titles(names):
        return title and say.phrase(title)
    return join_titles([*map(say.phrase, names)], say("{first} and {count} more"), say("; "))

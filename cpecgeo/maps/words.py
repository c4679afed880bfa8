"""The words of maps, figures and reports, in English, Urdu and Chinese.

A text is written once, in English, where it is used; `assets/words/<lang>.json` has each text
in another language. What isn't there stays English, as the data itself does.
"""

from __future__ import annotations

import functools
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from string import Formatter
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from cpecgeo.catalogue import layer
from cpecgeo.errors import InputError, InputTypeError, MissingExtraError, UnknownNameError
from cpecgeo.maps.colors import STATUS_TITLES

__all__ = [
    "LANGUAGES",
    "PHRASES",
    "VALUES",
    "Column",
    "FigureStyle",
    "Words",
    "check_size",
    "dress",
    "find_column",
    "find_words",
    "read_columns",
    "to_plain",
    "write_values",
]

# Language to direction of writing.
LANGUAGES = {"en": "ltr", "ur": "rtl", "zh": "ltr"}
_NAMED = ("places", "stations", "crossings", "ports", "mines", "provinces", "countries")
# Units of forms that are numbers; "" has none.
_UNITS = {"km": "km", "exact km": "km", "km²": "km²", "m": "m", "h": "h", "°": "°"}
_NUMBERS = {*_UNITS, "share", "count", "number", "year"}
# Words for people, of values that are words for programs.
VALUES = {
    "rail": "railway",
    "gazetteer": "from a gazetteer",
    "proxy": "another place's point",
    "schematic": "drawn roughly",
    "on": "on the line",
    "rail_length": "length of railway",
    "road_length": "length of road",
    "crossings": "border crossing",
    "ports": "port",
    "zone": "economic zone",
    "zones": "economic zone",
    "mines": "mine",
    "energy": "power plant",
    "places": "town",
    "stations": "station",
    "interchanges": "interchange",
}
# Fonts with the letters of a language, best first; DejaVu comes with matplotlib.
_FONTS = {
    "ur": ("Noto Naskh Arabic", "Noto Sans Arabic", "DejaVu Sans"),
    "zh": (
        "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "WenQuanYi Zen Hei",
        "Microsoft YaHei", "SimHei", "PingFang SC", "Hiragino Sans GB",
    ),
}  # fmt: skip
# From this version on matplotlib joins Arabic letters and sets them from right to left.
_SHAPES = (3, 11)
# Inches of a figure's sides.
_SMALLEST, _LARGEST = 2.0, 60.0
# What the parts of a phrase look like; any text otherwise.
_DIGITS = r"-?[\d.,]+(?:e[+-]?\d+)?"
_LIMIT = rf"{_DIGITS}(?:\s\S+)?"
_PARTS = {
    "limit": _LIMIT, "low": _LIMIT, "high": _LIMIT, "count": _DIGITS, "figure": _DIGITS,
    "km": _DIGITS, "weight": "[a-z]+", "unit": "km|km²|m|h|MW",
}  # fmt: skip
# Names and entries of the legend that are put together where a layer is made.
PHRASES = (
    "no value ({count})", "{count} others", "below {limit}", "{limit} and more", "{low} to {high}",
    "{title}: area", "Within {limit} {weight} of {place}", "{start} \u2013 {end}, {km} km",
    "{figure} {unit}", "{title}, {unit}",
)  # fmt: skip
FigureStyle: TypeAlias = str | Mapping[str, Any] | None
_TABLES = Path(__file__).with_name("assets") / "words"


@dataclass(frozen=True)
class Words:
    """Say texts in one language.

    `find_words` builds it.

    Parameters
    ----------
    lang : str
        A key of `LANGUAGES`.
    table : mapping
        English text to text.
    names : mapping
        English name of a place to its name.

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
        """Return the text, with values in place of ``{names}``; an unknown text stays as it is."""
        said = self.table.get(text, text)
        return said.format(**values) if values else said

    def phrase(self, text: str) -> str:
        """Return a text that a layer was given: a word, a name, or words about figures and names.

        Examples
        --------
        >>> find_words("zh").phrase("below 10 km"), find_words("zh").phrase("my own words")
        ('低于 10 公里', 'my own words')
        """
        known = self.name(self(VALUES.get(text, STATUS_TITLES.get(text, text))))
        # Phrases are short; what is longer is somebody's own text.
        if known != text or self.lang == "en" or len(text) > 200:
            return known
        for template in PHRASES:
            if found := _match(template).fullmatch(text):
                return self(template, **{k: self.phrase(v) for k, v in found.groupdict().items()})
        return text

    def people(self, count: float) -> str:
        """Say a number of people as exact as a count of towns can be: to a hundredth or so."""
        if count >= 1e6:
            return self("{count} million", count=f"{count / 1e6:,.1f}")
        return f"{round(count, -3 if count >= 1e5 else -2 if count >= 1e4 else 0):,.0f}"

    def name(self, text: Any) -> str:
        """Return the name of a place, where it is known in this language."""
        return self.names.get(str(text), self.table.get(str(text), str(text)))


@functools.cache
def _match(template: str) -> re.Pattern[str]:
    """Compile what a template with values in it looks like."""
    parts = [(re.escape(text), name) for text, name, _, _ in Formatter().parse(template)]
    return re.compile(
        "".join(t + (f"(?P<{n}>{_PARTS.get(n, '.+?')})" if n else "") for t, n in parts)
    )


@functools.cache
def find_words(lang: str) -> Words:
    """Find the words of a language.

    Parameters
    ----------
    lang : str
        ``"en"``, ``"ur"`` or ``"zh"``.

    Returns
    -------
    Words

    Raises
    ------
    InputTypeError
        `lang` is no text.
    UnknownNameError
        Another language.

    Examples
    --------
    >>> find_words("ur").direction
    'rtl'
    """
    if not isinstance(lang, str):
        raise InputTypeError(f"lang is {lang!r}; it must be one of {', '.join(LANGUAGES)}.")
    if lang not in LANGUAGES:
        raise UnknownNameError(lang, "language", LANGUAGES)
    path = _TABLES / f"{lang}.json"
    if not path.exists():
        return Words(lang)
    return Words(lang, json.loads(path.read_text(encoding="utf-8")), _read_names(f"name_{lang}"))


@contextmanager
def dress(lang: str, style: FigureStyle) -> Iterator[Words]:
    """Draw figures in a language and a style of matplotlib, and put everything back.

    Parameters
    ----------
    lang : str
        ``"en"``, ``"ur"`` or ``"zh"``.
    style : str, mapping or None
        The name of a style of matplotlib, or settings (`rcParams`).

    Yields
    ------
    Words

    Raises
    ------
    MissingExtraError
        No matplotlib, one that can't set the language's letters, or no font that has them.
    UnknownNameError, InputError, InputTypeError
        No such language, style or setting.
    """
    say = find_words(lang)
    try:
        import matplotlib as mpl
        from matplotlib import font_manager
        from matplotlib import style as styles
    except ImportError as error:
        raise MissingExtraError(
            "figures need matplotlib; install it with: pip install 'cpecgeo[plot]'"
        ) from error
    settings: Any = {}
    if lang in _FONTS:
        known = {font.name for font in font_manager.fontManager.ttflist}
        fonts = [name for name in _FONTS[lang] if name in known]
        if not fonts:
            raise MissingExtraError(
                f"no font on this machine has the letters of {lang!r}; install one of "
                f"{', '.join(_FONTS[lang])}."
            )
        if lang == "ur" and mpl.__version_info__[:2] < _SHAPES:
            raise MissingExtraError(
                f"matplotlib {mpl.__version__} doesn't join Urdu's letters; 3.11 or newer does."
            )
        settings["font.family"] = list(dict.fromkeys([*fonts, "DejaVu Sans"]))
    # A name only: matplotlib would take a path or an address, too, and fetch it.
    if isinstance(style, str) and style not in styles.library:
        raise UnknownNameError(style, "style of matplotlib", list(styles.library))
    if not isinstance(style, (str, Mapping, type(None))):
        raise InputTypeError(
            f"style is {type(style).__name__}; it must be the name of a style of matplotlib, or "
            "its settings, such as {'font.family': 'serif'}."
        )
    try:
        settings |= styles.library[style] if isinstance(style, str) else mpl.RcParams(style or {})
    except (KeyError, ValueError) as error:
        raise InputError(f"style has a setting that matplotlib refuses: {error}") from error
    with mpl.rc_context(settings):
        yield say


def check_size(size: object) -> tuple[float, float]:
    """Return width and height of a figure, in inches."""
    if (
        not isinstance(size, (tuple, list))
        or len(size) != 2
        or not all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in size)
    ):
        raise InputTypeError(f"size is {size!r}; width and height in inches are needed: (11, 5.2).")
    width, height = float(size[0]), float(size[1])
    if not (_SMALLEST <= width <= _LARGEST and _SMALLEST <= height <= _LARGEST):
        raise InputError(f"size is {size!r}; {_SMALLEST:g} to {_LARGEST:g} inches are possible.")
    return width, height


def _read_names(column: str) -> dict[str, str]:
    """Read names of places; of two places with one English name the first layer's counts."""
    known: dict[str, str] = {}
    for name in _NAMED:
        frame = layer(name)
        for english, other in zip(frame["name"], frame[column], strict=True):
            if not pd.isna(other):
                known.setdefault(str(english), str(other))
    return known


@dataclass(frozen=True)
class Column:
    """How a column is called and written.

    Attributes
    ----------
    title : str
    form : str
        "text", "words" of the data, "name" of a place, "share", "count", "number", "year", or a
        unit: "km" as exact as its size asks for, "exact km" as it is, "km²", "m", "h", "°".
    """

    title: str
    form: str

    @property
    def is_number(self) -> bool:
        """Whether it stands to the right."""
        return self.form in _NUMBERS

    def heading(self, say: Words, *, unit: bool = True) -> str:
        """Return the title, with its unit."""
        of = _UNITS.get(self.form)
        if not (unit and of) or self.title.endswith(" km"):
            return say(self.title)
        return say("{title}, {unit}", title=say(self.title), unit=say(of))


@functools.cache
def read_columns() -> dict[str, Column]:
    """Read how the columns of the package's own tables are called and written."""
    told = json.loads((_TABLES / "columns.json").read_text("utf-8"))
    return {name: Column(*one) for name, one in told.items()}


def find_column(name: str, values: Sequence[Any]) -> Column:
    """Find how a column is written: by its name, and by its values where nobody knows it."""
    known = read_columns().get(name)
    numbers = [v for v in values if v is not None]
    are_numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in numbers)
    if known is not None and (are_numbers or known.form not in _NUMBERS):
        return known
    title = known.title if known else name.replace("_", " ")
    return Column(title, "number" if numbers and are_numbers else "words")


def write_values(values: Sequence[Any], form: str, say: Words, *, unit: bool = False) -> list[str]:
    """Write values for people: all of a column as exact as its largest needs."""
    numbers = [abs(v) for v in values if isinstance(v, (int, float)) and not isinstance(v, bool)]
    most = max(numbers, default=0.0)
    if form in {"km", "km²"}:
        whole = most >= 100 or all(float(v).is_integer() for v in numbers)
        pattern = "{:,.0f}" if whole else "{:,.1f}"
    elif form == "share":
        pattern = "{:.0%}"
    else:
        whole = form in {"count", "m"} or all(float(v).is_integer() for v in numbers)
        patterns = {"h": "{:,.1f}", "°": "{:.4f}", "exact km": "{:,g}", "year": "{:.0f}"}
        pattern = patterns.get(form, "{:,.0f}" if whole else "{:,.2f}")
    of = f"\u00a0{say(_UNITS[form])}" if unit and form in _UNITS else ""
    return [_write_one(v, form, pattern, say, of) for v in values]


def _write_one(value: Any, form: str, pattern: str, say: Words, of: str) -> str:
    if value is None or isinstance(value, list):
        return ", ".join(map(say.name, value or ()))
    if isinstance(value, bool):
        return say("yes" if value else "no")
    if isinstance(value, (int, float)) and form in _NUMBERS:
        if 0 < value < 0.005 and form == "share":
            return say("under {figure}", figure="1\u00a0%")
        if 0 < value < 0.5 and pattern == "{:,.0f}" and form in {"km", "km²"}:
            return say("under {figure}", figure=1) + of
        # No "0.0", and no sign on it.
        said = re.sub(r"^-?0[.]?0*(?=%?$)", "0", pattern.format(value))
        return said.replace("%", "\u00a0%") + of
    text = str(value)
    if form == "words":
        text = say(VALUES.get(text, STATUS_TITLES.get(text, text.replace("_", " "))))
    return say.name(text) if form == "name" else text


def to_plain(value: Any) -> Any:
    """Return a value as JSON knows it; what is missing is None."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (list, tuple)):
        return [to_plain(v) for v in value]
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, (str, bool, int, float)):
        return value
    return str(value)

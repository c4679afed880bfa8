"""The parts of a report, and their rendering as HTML and Markdown."""

from __future__ import annotations

import base64
import functools
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import jinja2
import numpy as np
import pandas as pd
from markupsafe import Markup

from cpecgeo.catalogue import data_version
from cpecgeo.features.subject import html_table
from cpecgeo.maps.libraries import build_letters
from cpecgeo.maps.words import NUMBERS, UNITS, Words, find_words, write_values

__all__ = [
    "Column",
    "Content",
    "Part",
    "find_column",
    "read_columns",
    "render_fragment",
    "render_html",
    "render_markdown",
    "to_plain",
]

# A text with so many letters gets its own row among facts.
_LONG = 28
# Texts of a table with up to so many letters aren't broken.
_SHORT = 18
# Notebooks give frames 300 by 150 pixels; the page has its own style for them.
_FRAME = Markup(' style="width:100%;height:32rem;border:1px solid #ddd6c8"')
_POLICY = re.compile(r'http-equiv="Content-Security-Policy" content="([^"]*)"')
_NO_SCRIPTS = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:"
# A stretch of English in a text in another script, and words that make it more than a name.
_ENGLISH = re.compile(r"[A-Za-z0-9][^\u0600-\u06ff\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]*")
_WORDS = re.compile(r"\b[a-z]{2,}\b[^a-z]*\b[a-z]{2,}\b|https?://")
_ADDRESS = re.compile(r"https?://[^\s|<>\"'()\[\]]+[^\s|<>\"'()\[\].,;:]")
_END = "cpecgeo, data version {version}. Lengths and distances are geodesic on WGS 84."


def _read(name: str) -> str:
    return resources.files("cpecgeo.reports").joinpath("assets", name).read_text(encoding="utf-8")


_JINJA = jinja2.Environment(
    autoescape=True,
    trim_blocks=True,
    undefined=jinja2.StrictUndefined,
    loader=jinja2.FunctionLoader(_read),
)
# In Markdown, `flat` escapes.
_MARKDOWN = jinja2.Environment(  # noqa: S701
    trim_blocks=True, keep_trailing_newline=True, loader=_JINJA.loader
)


@dataclass(frozen=True)
class Column:
    """Title and format of a column.

    Attributes
    ----------
    title : str
    form : str
        "text", "words" or a "note" of the data, "name" of a place, "share", "count", "people" of
        many towns, "number", "year", or a unit: "km" with decimals by its size, "exact km" with all
        decimals, "km²", "m", "h", "°".
    """

    title: str
    form: str

    @property
    def is_number(self) -> bool:
        """Whether it is aligned to the right."""
        return self.form in NUMBERS

    def heading(self, say: Words, *, unit: bool = True) -> str:
        """Return the title, with its unit."""
        of = UNITS.get(self.form)
        if not (unit and of) or self.title.endswith(" km"):
            return say(self.title)
        return say("{title}, {unit}", title=say(self.title), unit=say(of))


@functools.cache
def read_columns() -> dict[str, Column]:
    """Read titles and formats of the columns of the package's own tables."""
    told = json.loads(_read("columns.json"))
    return {name: Column(*one) for name, one in told.items()}


def find_column(name: str, values: Sequence[Any]) -> Column:
    """Find the format of a column by its name, or by its values where the name is unknown."""
    known = read_columns().get(name)
    numbers = [v for v in values if v is not None]
    are_numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in numbers)
    if known is not None and (are_numbers or known.form not in NUMBERS):
        return known
    title = known.title if known else name.replace("_", " ")
    return Column(title, "number" if numbers and are_numbers else "words")


@dataclass(frozen=True, eq=False)
class Part:
    """One part of a report.

    Attributes
    ----------
    key : str
        Its name in the dict.
    heading : str
    text : tuple of str
        Paragraphs.
    table : DataFrame or None
        The table for programs, and for people where `view` is None; units are in the names of
        columns.
    svg, png : bytes
        A chart or picture, described by `alt`.
    page : str
        A map: a complete HTML page.
    alt : str
    view : DataFrame or None
        The table for people.
    form : str
        Layout: "" a table, "facts" a single row as tiles, "fold" a table that the reader opens. A
        part without rows isn't shown.
    """

    key: str
    heading: str
    text: tuple[str, ...] = ()
    table: pd.DataFrame | None = None
    svg: bytes = field(default=b"", repr=False)
    page: str = field(default="", repr=False)
    alt: str = ""
    view: pd.DataFrame | None = field(default=None, repr=False)
    form: str = ""
    png: bytes = field(default=b"", repr=False)

    @property
    def shown(self) -> pd.DataFrame | None:
        """The rows for people; None where there are none."""
        rows = self.table if self.view is None else self.view
        return None if rows is None or not len(rows) else rows


@dataclass(frozen=True, eq=False)
class Content:
    """The content of a report, before rendering.

    Attributes
    ----------
    title, subtitle : str
    parts : tuple of Part
    sources : tuple of str
        All sources of the report.
    caveats : tuple of str
        What a reader must know before quoting a figure.
    data_version : str
    lead : str
        A summary in a few sentences.
    lang : str
        ``"en"``, ``"ur"`` or ``"zh"``.
    """

    title: str
    subtitle: str
    parts: tuple[Part, ...]
    sources: tuple[str, ...]
    caveats: tuple[str, ...]
    lead: str = ""
    lang: str = "en"
    data_version: str = field(default_factory=data_version)


def render_html(report: Content, *, unfold: bool = False) -> str:
    """Render the page; the same report gives the same text. `unfold` opens folded tables."""
    # A page in a frame obeys its own policy and that of the page around it.
    policies = [m[1] for p in report.parts if (m := _POLICY.search(p.page))]
    return _JINJA.get_template("page.html").render(
        _fill(report),
        frame="",
        contents=True,
        opened=" open" if unfold else "",
        policy=Markup(policies[0]) if policies else _NO_SCRIPTS,  # noqa: S704
        style=Markup(_read("report.css") + build_letters(report.lang)),  # noqa: S704
    )


def render_fragment(report: Content) -> str:
    """Render the report for notebooks, without its style sheet."""
    body = _JINJA.get_template("report.html").render(
        _fill(report), frame=_FRAME, contents=False, opened=""
    )
    say = find_words(report.lang)
    return f'<div lang="{report.lang}" dir="{say.direction}">{body}</div>'


def _fill(report: Content) -> dict[str, Any]:
    say = find_words(report.lang)
    shown = [_show(part, say) for part in report.parts]
    return {
        "report": report,
        "say": say,
        "parts": [part for part in shown if part],
        "caveats": [mark(text, say) for text in report.caveats],
        "sources": [link(text) for text in report.sources],
        "end": say(_END, version=report.data_version),
    }


def _show(part: Part, say: Words) -> dict[str, Any] | None:
    """Return the template's fields of a part; None where it would be only a heading."""
    rows = part.shown
    table: Markup | str = ""
    facts: list[tuple[str, Any, str]] = []
    if rows is not None and part.form == "facts":
        cells = _facts(rows, say)
        facts = [(k, mark(v, say), "long" if len(v) > _LONG else "") for k, v in cells if v]
    elif rows is not None:
        table = _table(rows, say)
    if not (part.text or facts or table or part.svg or part.png or part.page):
        return None
    image = ""
    if part.svg:
        image = f"data:image/svg+xml;base64,{base64.b64encode(part.svg).decode()}"
    if part.png:
        image = f"data:image/png;base64,{base64.b64encode(part.png).decode()}"
    fold = ""
    if part.form == "fold" and rows is not None:
        fold = say("Show all {count} rows", count=len(rows))
    return {
        "key": part.key, "heading": part.heading, "text": part.text, "page": part.page,
        "alt": part.alt, "image": image, "facts": facts, "table": table, "fold": fold,
    }  # fmt: skip


def _table(rows: pd.DataFrame, say: Words) -> Markup:
    columns, texts = _columns(rows, say)
    classes = [
        "n" if c.is_number else _measure_width(column)
        for c, column in zip(columns, texts, strict=True)
    ]
    cells: list[Sequence[object]] = []
    for c, column, values in zip(columns, texts, _values(rows), strict=True):
        if c.title == "Share":
            cells.append([_bar(v) + t for v, t in zip(values, column, strict=True)])
        else:
            cells.append([mark(text, say) for text in column])
    head = [c.heading(say) for c in columns]
    return html_table(zip(*cells, strict=True), head, classes)


def _measure_width(texts: list[str]) -> str:
    """Return the CSS class of a column of texts: long ones, or short ones that aren't broken."""
    longest = max(map(len, texts), default=0)
    return "t" if longest > _LONG else "d" if longest <= _SHORT else ""


def _facts(rows: pd.DataFrame, say: Words) -> list[tuple[str, str]]:
    """Write a row as titles and values with units."""
    cells = []
    for name, cell in rows.iloc[0].items():
        value = to_plain(cell)
        column = find_column(str(name), [value])
        (text,) = write_values([value], column.form, say, unit=True)
        cells.append((column.heading(say, unit=False), text))
    return cells


def _columns(rows: pd.DataFrame, say: Words) -> tuple[list[Column], list[list[str]]]:
    """Write the columns that have values, as text."""
    columns, texts = [], []
    for name, values in zip(rows.columns, _values(rows), strict=True):
        column = find_column(str(name), values)
        columns.append(column)
        written = write_values(values, column.form, say)
        # A dash, because an empty cell could be an error.
        texts.append([t or ("" if column.is_number else "–") for t in written])
    return columns, texts


def _values(rows: pd.DataFrame) -> list[list[Any]]:
    """Return the columns by position, because names may repeat."""
    return [[to_plain(v) for v in rows.iloc[:, i]] for i in range(rows.shape[1])]


def _bar(value: float) -> Markup:
    """Draw a bar for a share, 8 letters long for 100 %."""
    if not isinstance(value, (int, float)) or math.isnan(value):
        return Markup("")
    width = 8 * min(max(value, 0.0), 1.0)
    return Markup('<span class="bar" style="width:{}em"></span>').format(f"{width:.2f}")


def to_plain(value: object) -> Any:
    """Return a value in JSON's types; missing values are None."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (list, tuple)):
        return [to_plain(v) for v in value]
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, (str, bool, int, float)):
        return value
    return str(value)


def link(text: str) -> Markup:
    """Escape text, and turn addresses in it into links, shown by host and page."""
    parts, end = [], 0
    for found in _ADDRESS.finditer(text):
        address = found[0]
        short = re.sub(r"^https?://(www\.)?", "", address).rstrip("/")
        short = short if len(short) <= 48 else f"{short[:47]}…"
        parts.append(Markup("{}").format(text[end : found.start()]))
        parts.append(Markup('<a href="{}" rel="noreferrer">{}</a>').format(address, short))
        end = found.end()
    return Markup("").join([*parts, Markup("{}").format(text[end:])])


def mark(text: str, say: Words) -> Markup:
    """Escape a text, link its addresses, and mark English text on a page in another language."""
    if say.lang == "en":
        return link(text)
    parts, end = [], 0
    for found in _ENGLISH.finditer(text):
        said = found[0].rstrip(" (")
        if _WORDS.search(said):
            parts.append(link(text[end : found.start()]))
            parts.append(Markup('<span lang="en" dir="ltr">{}</span>').format(link(said)))
            end = found.start() + len(said)
    return Markup("").join([*parts, link(text[end:])])


def render_markdown(report: Content) -> str:
    """Render text and tables as Markdown."""
    say = find_words(report.lang)
    shown = [(p, p.shown) for p in report.parts]
    parts = [(p, [] if rows is None else _rows(rows, p.form, say)) for p, rows in shown
             if p.text or rows is not None]  # fmt: skip
    end = say(_END, version=report.data_version)
    page = _MARKDOWN.get_template("report.md")
    return page.render(report=report, say=say, parts=parts, end=end)


def _rows(rows: pd.DataFrame, form: str, say: Words) -> list[str]:
    if form == "facts":
        return [
            "| | |",
            "| --- | --- |",
            *(f"| {_safe(k)} | {_safe(v)} |" for k, v in _facts(rows, say) if v),
        ]
    columns, texts = _columns(rows, say)
    return [
        f"| {' | '.join(_safe(c.heading(say)) for c in columns)} |",
        f"| {' | '.join('--:' if c.is_number else '---' for c in columns)} |",
        *(f"| {' | '.join(map(_safe, row))} |" for row in zip(*texts, strict=True)),
    ]


def _safe(text: str) -> str:
    """Escape text so that it stays on one line, without HTML, links or table cells."""
    flat = " ".join(str(text).split())
    for mark, shown in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        flat = flat.replace(mark, shown)
    return re.sub(r"([\\`*_\[\]|])", r"\\\1", flat)


_MARKDOWN.filters["flat"] = _safe

"""Markup: what KML and GPX share as XML, and the table of HTML by which answers show themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from markupsafe import Markup, escape

from cpecgeo.errors import FileError, InputError
from cpecgeo.files.numbers import infer_types
from cpecgeo.files.sniff import insist

__all__ = [
    "ILLEGAL",
    "Row",
    "add",
    "html_card",
    "html_table",
    "leaf_texts",
    "line",
    "load",
    "local_name",
    "records",
    "refuse_illegal",
    "to_frame",
]

Row = dict[str, str]
# What XML 1.0 has no place for, in whatever notation.
ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def load(path: Path, kind: str, what: str) -> ET.Element:
    """Parse a file that is XML of that kind and declares no document type.

    Raises
    ------
    FileError
    """
    insist(path, kind, what)
    try:
        return ET.parse(path).getroot()  # noqa: S314
    except (ET.ParseError, OSError, ValueError, RecursionError) as error:
        raise FileError(f"{what} can't be read as {kind}: {error}.") from error


def local_name(element: ET.Element) -> str:
    """Return the name of an element without its namespace."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def add(row: Row, name: str, text: str | None) -> None:
    """Put a value into a row, under a name of its own where the name is taken."""
    if text is None or not name:
        return
    key, number = name, 2
    while key in row:
        key, number = f"{name}_{number}", number + 1
    row[key] = text


def leaf_texts(element: ET.Element) -> Iterator[tuple[str, str]]:
    """Yield name and text of the elements inside that hold nothing but text."""
    for inner in element.iter():
        if inner is not element and len(inner) == 0 and inner.text:
            yield local_name(inner), inner.text


def to_frame(rows: list[Row], shapes: list[object]) -> gpd.GeoDataFrame:
    """Make a table of features: text typed as numbers where nothing is lost by it."""
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


def records(frame: pd.DataFrame) -> list[dict[str, str | None]]:
    """Return rows of text, None where a value is missing."""
    texts = frame.astype(object).where(frame.notna(), None)
    rows: list[dict[str, str | None]] = texts.to_dict("records")
    return rows


def refuse_illegal(frame: pd.DataFrame, form: str) -> None:
    """Refuse text that XML can't hold.

    Raises
    ------
    InputError
    """
    for name in frame.columns:
        for text in (name, *frame[name].dropna()):
            if isinstance(text, str) and ILLEGAL.search(text):
                raise InputError(
                    f"Column {name!r} has a control character ({text[:40]!r}), which {form} can't "
                    "hold; take it out first."
                )


def line(coordinates: list[tuple[float, ...]]) -> shapely.LineString | None:
    """Return a line of two or more points, in 3-D where all have a height; else None."""
    if len(coordinates) < 2:
        return None
    count = min(len(c) for c in coordinates)
    return shapely.LineString([c[:count] for c in coordinates])


def html_table(
    rows: Iterable[Iterable[object]], head: Sequence[str] = (), classes: Sequence[str] = ()
) -> Markup:
    """Write a table as HTML; all text is escaped but what is marked as HTML already.

    Parameters
    ----------
    rows : iterable of cells
    head : sequence of str
        Titles of columns; without them the first cell of a row is its title.
    classes : sequence of str
        Class of each column, "" for none.

    Returns
    -------
    Markup

    Examples
    --------
    >>> print(html_table([("km", "<1")]))
    <table><tbody><tr><th scope="row" style="text-align:start">km</th><td>&lt;1</td></tr></tbody></table>
    """  # noqa: E501
    kinds = [Markup(' class="{}"').format(c) if c else "" for c in classes]

    def cell(i: int, text: object) -> Markup:
        if not head and i == 0:
            return Markup('<th scope="row" style="text-align:start">{}</th>').format(text)
        return Markup("<td{}>{}</td>").format(kinds[i] if i < len(kinds) else "", text)

    titles = Markup("").join(
        Markup('<th scope="col"{}>{}</th>').format(kinds[i] if i < len(kinds) else "", text)
        for i, text in enumerate(head)
    )
    top = Markup("<thead><tr>{}</tr></thead>").format(titles) if head else Markup("")
    body = Markup("\n").join(
        Markup("<tr>{}</tr>").format(Markup("").join(cell(i, v) for i, v in enumerate(row)))
        for row in rows
    )
    return Markup("<table>{}<tbody>{}</tbody></table>").format(top, body)


def html_card(title: str, *parts: object) -> str:
    """Show a thing in a notebook: its title in bold, and what is said of it.

    Parameters
    ----------
    title : str
    *parts
        Tables of `html_table`, or text, which is escaped.

    Returns
    -------
    str

    Examples
    --------
    >>> html_card("A & B", html_table([("length", "7 km")]))[:38]
    '<div><strong>A &amp; B</strong><table>'
    """
    inside = Markup("").join(escape(part) for part in parts)
    return str(Markup("<div><strong>{}</strong>{}</div>").format(title, inside))

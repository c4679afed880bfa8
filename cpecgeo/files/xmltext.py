"""Markup of answers: the table of HTML by which things show themselves, all text escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

__all__ = ["html_card", "html_table"]


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

"""`Report`: parts with text, tables, a chart or a map; as HTML, Markdown or a dict."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cpecgeo.errors import InputError
from cpecgeo.files.atomic import write_whole

__all__ = ["Part", "Report", "plain"]


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
        Units are in the names of columns.
    svg : bytes
        A chart, with `alt` to say what it shows.
    page : str
        A map: a whole page of its own.
    alt : str
    """

    key: str
    heading: str
    text: tuple[str, ...] = ()
    table: pd.DataFrame | None = None
    svg: bytes = field(default=b"", repr=False)
    page: str = field(default="", repr=False)
    alt: str = ""


@dataclass(frozen=True, eq=False)
class Report:
    """What the data says of something, part by part.

    Made by `report`, not by hand.

    Attributes
    ----------
    title, subtitle : str
    parts : tuple of Part
    sources : tuple of str
        Everything the report rests on.
    caveats : tuple of str
        What a reader must know before quoting a figure.
    data_version : str

    Examples
    --------
    >>> from cpecgeo import report
    >>> r = report("taxila-havelian", draw=False)
    >>> r.to_dict()["glance"]["drawn_km"]
    53.23
    """

    title: str
    subtitle: str
    parts: tuple[Part, ...]
    sources: tuple[str, ...]
    caveats: tuple[str, ...]
    data_version: str

    def to_dict(self) -> dict[str, Any]:
        """For machines: plain types only, units in the names.

        Returns
        -------
        dict
            `title subtitle data_version caveats sources`, and each part under its key: a
            dict where it has one row, a list of dicts where it has more. Missing is None.
        """
        answer: dict[str, Any] = {
            "title": self.title,
            "subtitle": self.subtitle,
            "data_version": self.data_version,
        }
        for part in self.parts:
            if part.table is not None:
                rows = [
                    {str(k): plain(v) for k, v in row.items()}
                    for row in part.table.to_dict("records")
                ]
                answer[part.key] = rows[0] if part.key == "glance" and len(rows) == 1 else rows
        return {**answer, "caveats": list(self.caveats), "sources": list(self.sources)}

    def to_markdown(self, path: Any = None) -> str | Path:
        """As Markdown, with tables; charts and maps are left out.

        Parameters
        ----------
        path : path, optional
            A file to write instead.

        Returns
        -------
        str or Path
        """
        from cpecgeo.reports.pages import markdown

        text = markdown(self)
        return text if path is None else write_whole(Path(path), text.encode())

    def to_html(self, path: Any = None) -> str | Path:
        """As one HTML page with the map and charts inside; it asks no server for anything.

        Parameters
        ----------
        path : path, optional
            A file to write instead.

        Returns
        -------
        str or Path
        """
        from cpecgeo.reports.pages import html

        text = html(self)
        return text if path is None else write_whole(Path(path), text.encode())

    def to_json(self, path: Any = None) -> str | Path:
        """`to_dict` as JSON.

        Parameters
        ----------
        path : path, optional
            A file to write instead.

        Returns
        -------
        str or Path
        """
        text = json.dumps(self.to_dict(), ensure_ascii=False, indent=1, allow_nan=False) + "\n"
        return text if path is None else write_whole(Path(path), text.encode())

    def save(self, path: Any) -> Path:
        """Write it as the suffix says: ``.html``, ``.md`` or ``.json``.

        Raises
        ------
        InputError
            Another suffix.
        FileError
            The folder is missing or can't be written.
        """
        path = Path(path)
        writers: dict[str, Any] = {
            ".html": self.to_html,
            ".htm": self.to_html,
            ".md": self.to_markdown,
            ".json": self.to_json,
        }
        write = writers.get(path.suffix.lower())
        if write is None:
            raise InputError(
                f"{path.name!r} ends in {path.suffix!r}; a report is written as .html, .md or "
                ".json."
            )
        write(path)
        return Path(path)

    def _repr_html_(self) -> str:
        from cpecgeo.reports.pages import fragment

        return fragment(self)


def plain(value: Any) -> Any:
    """A value as JSON knows it; what is missing is None."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, (str, bool, int, float)):
        return value
    return str(value)

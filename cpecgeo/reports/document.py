"""`Report`: what is known of a thing, to be read, saved or taken by a program."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cpecgeo.errors import InputError
from cpecgeo.files.disk import write_whole
from cpecgeo.reports.render import (
    Content,
    render_fragment,
    render_html,
    render_markdown,
    to_plain,
)

__all__ = ["Report"]


@dataclass(frozen=True, eq=False)
class Report(Content):
    """What the data says of something, part by part.

    `report` builds it.

    Its fields are those of `cpecgeo.reports.render.Content`.

    Examples
    --------
    >>> from cpecgeo import report
    >>> r = report("taxila-havelian", draw=False)
    >>> r.to_dict()["glance"]["drawn_km"]
    53.23
    """

    def to_dict(self) -> dict[str, Any]:
        """Return plain types only, for programs; units are in the names.

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
                    {str(k): to_plain(v) for k, v in row.items()}
                    for row in part.table.to_dict("records")
                ]
                answer[part.key] = rows[0] if part.key == "glance" and len(rows) == 1 else rows
        return {**answer, "caveats": list(self.caveats), "sources": list(self.sources)}

    def to_markdown(self, path: str | Path | None = None) -> str | Path:
        """Return Markdown, with tables; charts and maps are left out.

        Parameters
        ----------
        path : path, optional
            A file to write instead.

        Returns
        -------
        str or Path
        """
        text = render_markdown(self)
        return text if path is None else write_whole(Path(path), text.encode())

    def to_html(self, path: str | Path | None = None) -> str | Path:
        """Return one HTML page with the map and charts inside; it asks no server for anything.

        Parameters
        ----------
        path : path, optional
            A file to write instead.

        Returns
        -------
        str or Path
        """
        text = render_html(self)
        return text if path is None else write_whole(Path(path), text.encode())

    def to_json(self, path: str | Path | None = None) -> str | Path:
        """Return `to_dict` as JSON.

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

    def save(self, path: str | Path) -> Path:
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
        return render_fragment(self)

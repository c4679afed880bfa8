"""`Report`: its forms for people, files and programs; its map and its lists of places."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from cpecgeo.catalogue import layer
from cpecgeo.errors import InputError
from cpecgeo.features.corridor import Corridor
from cpecgeo.features.subject import Subject
from cpecgeo.files.disk import local, write_whole
from cpecgeo.geodesy import area_km2, length_km
from cpecgeo.maps import Map
from cpecgeo.maps.colors import CATEGORIES, LOOKS, NAMED
from cpecgeo.maps.corridors import rank_towns
from cpecgeo.maps.libraries import run_browser
from cpecgeo.maps.words import Words
from cpecgeo.reports.render import (
    Content,
    Part,
    render_fragment,
    render_html,
    render_markdown,
    to_plain,
)
from cpecgeo.routing import Reach, Route

__all__ = [
    "Report",
    "describe_shape",
    "draw_map",
    "merge_shapes",
]

# Columns of a feature's row that its report shows.
_CELLS = ("id", "status", "opened", "official_km", "province", "accuracy_km", "basis")
# A report's map is small, with names on the map and without panels.
_CONTROLS = ("zoom", "legend", "scale")
# How many towns a report's map names, and how far around the subject, in degrees.
_TOWNS, _AROUND = 60, 0.4
# Scale of a map on paper: twice the dots of a screen.
_PICTURE = ["--hide-scrollbars", "--window-size=1000,680", "--force-device-scale-factor=2"]


@dataclass(frozen=True, eq=False)
class Report(Content):
    """A report on something, in parts.

    Returned by `report`; it has the fields of `cpecgeo.reports.render.Content`.

    Examples
    --------
    >>> from cpecgeo import report
    >>> r = report("taxila-havelian", draw=False)
    >>> r.to_dict()["glance"]["drawn_km"]
    53.23
    """

    def to_dict(self) -> dict[str, Any]:
        """Return the report in plain types, for programs; units are in the names.

        Returns
        -------
        dict
            `title subtitle lead data_version caveats sources`, and each part under its key: a dict
            where it has one row, a list of dicts where it has more. Missing values are None.
        """
        answer: dict[str, Any] = {
            "title": self.title,
            "subtitle": self.subtitle,
            "lead": self.lead,
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
        """Return Markdown with tables, without charts and maps; or write it to `path`."""
        return _hand_over(render_markdown(self), path)

    def to_html(self, path: str | Path | None = None) -> str | Path:
        """Return one HTML page with map and charts and no request; or write it to `path`."""
        return _hand_over(render_html(self), path)

    def to_json(self, path: str | Path | None = None) -> str | Path:
        """Return `to_dict` as JSON; or write it to `path`."""
        text = json.dumps(self.to_dict(), ensure_ascii=False, indent=1, allow_nan=False) + "\n"
        return _hand_over(text, path)

    def to_pdf(self, path: str | Path, *, timeout: float = 60.0) -> Path:
        """Print the page on A4, with its map and charts, through chromium.

        Parameters
        ----------
        path : path
            Where the PDF goes; written whole or not at all.
        timeout : float
            Seconds to wait for chromium.

        Returns
        -------
        Path
            `path`.

        Raises
        ------
        MissingExtraError
            No chromium or Chrome on this machine.
        FileError
            Chromium failed, or `path` can't be written.
        """
        path = local(path, "path")
        # The interactive map becomes a picture on paper.
        parts = [
            replace(p, page="", png=run_browser(p.page, "--screenshot", _PICTURE, timeout=timeout))
            if p.page
            else p
            for p in self.parts
        ]
        page = render_html(replace(self, parts=tuple(parts)), unfold=True)
        options = ["--no-pdf-header-footer"]
        return write_whole(path, run_browser(page, "--print-to-pdf", options, timeout=timeout))

    def save(self, path: str | Path) -> Path:
        """Write the report in the format of the suffix: ``.html``, ``.pdf``, ``.md`` or ``.json``.

        Parameters
        ----------
        path : path
            Written whole or not at all.

        Returns
        -------
        Path
            `path`.

        Raises
        ------
        InputError
            Another suffix.
        MissingExtraError
            A PDF without chromium on this machine.
        FileError
            The folder is missing or can't be written.
        """
        path = Path(path)
        writers: dict[str, Any] = {
            ".html": self.to_html,
            ".htm": self.to_html,
            ".pdf": self.to_pdf,
            ".md": self.to_markdown,
            ".json": self.to_json,
        }
        write = writers.get(path.suffix.lower())
        if write is None:
            raise InputError(
                f"{path.name!r} ends in {path.suffix!r}; a report is written as .html, .pdf, .md "
                "or .json."
            )
        write(path)
        return path

    def _repr_html_(self) -> str:
        return render_fragment(self)


def draw_map(title: str, things: Mapping[str, Any], say: Words) -> list[Part]:
    """Draw things on one map, with the names of the towns around them."""
    drawn = Map(title=title, controls=_CONTROLS, lang=say.lang)
    lines = [name for name, thing in things.items() if isinstance(thing, Corridor)]
    for name, thing in things.items():
        options: dict[str, Any] = {"popup": ["name"]} if isinstance(thing, gpd.GeoDataFrame) else {}
        if name in lines and len(lines) > 1:
            # A colour each, and 4 pixels apart where they share a road.
            turn = lines.index(name)
            options = {"color": CATEGORIES[turn % len(CATEGORIES)]}
            options["extra"] = {"aside": 4.0 * (turn - (len(lines) - 1) / 2)}
        drawn.add(thing, name=name, **options)
    west, south, east, north = drawn.data()["view"][:4]
    if max(east - west, north - south) < _AROUND:
        # For a single point: its surroundings.
        west, south, east, north = west - _AROUND, south - _AROUND, east + _AROUND, north + _AROUND
    towns = layer("places").cx[west - _AROUND : east + _AROUND, south - _AROUND : north + _AROUND]
    towns = rank_towns(towns).sort_values("cpec:first", ascending=False).head(_TOWNS)
    large = towns["rank"] <= NAMED
    for some, radius, kind in ((towns[large], 3.4, "city"), (towns[~large], 2.4, "place")):
        if len(some):
            drawn.add(
                some, name="Cities" if kind == "city" else "Towns", radius=radius,
                color=LOOKS["places"].color, label="name", label_class=kind, rank="cpec:first",
                legend="", popup=["population"],
                extra={"order": 4 if kind == "city" else 0, "once": True},
            )  # fmt: skip
    drawn.view = [west, south, east, north]
    alt = say("Map of {title}", title=title)
    return [Part("map", say("On the map"), page=drawn.html(), alt=alt)]


def _hand_over(text: str, path: str | Path | None) -> str | Path:
    """Return the text, or write it and return the path."""
    return text if path is None else write_whole(local(path, "path"), text.encode())


def merge_shapes(subject: Subject) -> Any:
    """Return the one geometry of a subject, all its shapes merged."""
    shapes = subject.shapes.dropna()
    return shapes.iloc[0] if len(shapes) == 1 else shapely.union_all(shapes.array)


def describe_shape(subject: Subject, thing: object) -> dict[str, Any]:
    """Return the main figures in one row."""
    shape = merge_shapes(subject)
    dimension = shapely.get_dimensions(shape)
    row: dict[str, Any] = {"kind": subject.kind}
    points = shapely.get_parts(shape) if dimension == 0 else []
    if len(points) > 1:
        row["points"] = int(shapely.get_num_coordinates(subject.shapes.array).sum())
    elif len(subject) > 1:
        row["features"] = len(subject)
    if subject.frame is not None and len(subject.frame) == 1:
        cells = subject.frame.iloc[0]
        # `basis` is of a position, not of an outline; and a province isn't said to lie in itself.
        left = {"basis", *(["province"] if subject.kind == "province" else [])}
        told = [c for c in _CELLS if dimension < 2 or c not in left]
        row |= {c: cells[c] for c in told if c in cells.index and not pd.isna(cells[c])}
    if isinstance(thing, Route):
        row |= {c: getattr(thing, c) for c in ("chainage_km", "hours", "access_km")}
    if isinstance(thing, Reach):
        row |= {"origin": thing.origin.name, "limit": f"{thing.limit:g} {thing.weight}"}
        row |= {"chainage_km": thing.chainage_km, "towns": len(thing.towns)}
    if dimension == 1:
        row["drawn_km"] = round(float(length_km(shape)), 3)
    if dimension == 2:
        row["area_km2"] = round(float(area_km2(shape)), 1)
    if len(points) > 1:
        # Several have no common position, so none is stated.
        return row | dict(zip(("west", "south", "east", "north"), shape.bounds, strict=True))
    middle = shape.centroid if dimension == 2 else shape.representative_point()
    return row | {"lon": middle.x, "lat": middle.y}

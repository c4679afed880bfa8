"""`Report`: its forms for people, files and programs; its map and its lists of places."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from cpecgeo.analysis.accuracy import Bounds
from cpecgeo.analysis.measure import distance_km, interval_text, nearest, span_text
from cpecgeo.analysis.proximity import best_known
from cpecgeo.catalogue import layer
from cpecgeo.errors import InputError
from cpecgeo.features.corridor import Corridor
from cpecgeo.features.resolve import resolve
from cpecgeo.features.subject import Subject
from cpecgeo.files.disk import local, write_whole
from cpecgeo.geodesy import area_km2, length_km
from cpecgeo.maps import Map
from cpecgeo.maps.colors import CATEGORIES, KINDS, NAMED
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
from cpecgeo.routing.border import order_corridors, rank_corridors

__all__ = [
    "MEETS_KM",
    "Report",
    "describe_shape",
    "draw_map",
    "find_corridor",
    "lead_corridor",
    "list_corridors",
    "list_points",
    "merge_shapes",
    "tell_rough",
]

MEETS_KM = 0.05  # at a smaller distance two geometries touch

# Columns of a feature's row that its report shows.
_CELLS = ("id", "status", "opened", "official_km", "province", "accuracy_km", "basis")
# A report's map is small, with names on the map and without panels.
_CONTROLS = ("zoom", "legend", "scale")
# How many towns a report's map names, and how far around the subject, in degrees.
_TOWNS, _AROUND = 60, 0.4
# How many points of a table are listed by name.
_LISTED = 50
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
        """Return Markdown with tables, without charts and maps.

        Parameters
        ----------
        path : path, optional
            A file to write instead.

        Returns
        -------
        str or Path
        """
        return _hand_over(render_markdown(self), path)

    def to_html(self, path: str | Path | None = None) -> str | Path:
        """Return one HTML page that contains map and charts and makes no request.

        Parameters
        ----------
        path : path, optional
            A file to write instead.

        Returns
        -------
        str or Path
        """
        return _hand_over(render_html(self), path)

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
    people = pd.to_numeric(towns["population"], errors="coerce").fillna(0)
    towns = towns.assign(**{"cpec:first": (10 - towns["rank"]) * 1e8 + people})
    towns = towns.sort_values("cpec:first", ascending=False).head(_TOWNS)
    large = towns["rank"] <= NAMED
    for some, radius, kind in ((towns[large], 3.4, "city"), (towns[~large], 2.4, "place")):
        if len(some):
            drawn.add(
                some, name="Cities" if kind == "city" else "Towns", radius=radius,
                color=KINDS["places"].color, label="name", label_class=kind, rank="cpec:first",
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
        # An outline isn't a place's position, and isn't told to be in itself.
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


def list_corridors(shape: shapely.Geometry, own_km: float, say: Words) -> Part:
    """List the corridors nearest to a shape; those that run through it come first."""
    known = layer("corridors")
    away = np.asarray(distance_km(known.geometry, shape), float)
    near = pd.DataFrame({"target": known["id"].to_numpy(), "distance_km": away})
    near = order_corridors(near).head(8)[["title", "status", "distance_km", "target"]]
    bounds, here = Bounds.of(resolve(list(near.pop("target")))), gpd.GeoSeries([shape], crs=4326)
    spans = [bounds.of_one(i).beside(here, np.array([own_km])) for i in range(len(near))]
    rows = near.assign(low_km=[s[0][0] for s in spans], high_km=[s[1][0] for s in spans])
    are_points = shapely.get_dimensions(shape) == 0
    # Where a line or area meets the corridor, the distance is 0. A point is met only within the
    # accuracy of both positions.
    limit = rows["high_km"].fillna(rows["distance_km"]) if are_points else rows["distance_km"]
    told = [
        say("{km} km", km=0) if far < MEETS_KM else span_text(*row, say=say)
        for far, row in zip(limit, rows[["distance_km", "low_km", "high_km"]].to_numpy(),
                            strict=True)
    ]  # fmt: skip
    view = rows[["title", "status"]].assign(away=told)
    text = [] if are_points else [say("0 km where a corridor touches it.")]
    if are_points and shapely.get_num_geometries(shape) > 1:
        text = [say("Each distance is that of the nearest of the points.")]
    return Part(
        "corridors", say("Nearest corridors"), tuple(text), rows.reset_index(drop=True), view=view
    )


def lead_corridor(beside: Part, shape: shapely.Geometry, say: Words) -> list[str]:
    """Write which corridor of the list is the nearest, and whether another is drawn nearer."""
    if (near := beside.shown) is None or beside.table is None:
        return []
    best, drawn = best_known(beside.table["high_km"]), beside.table["distance_km"]
    away, title = near["away"].iloc[best], say.name(near["title"].iloc[best])
    if away == say("{km} km", km=0):
        said = [say("{title} touches it.", title=title)]
    elif shapely.get_dimensions(shape) == 0 and shapely.get_num_geometries(shape) > 1:
        said = [say("{title} is the nearest corridor: {away} from the nearest of them.",
                    title=title, away=away)]  # fmt: skip
    else:
        said = [say("{title} is the nearest corridor, {away} away.", title=title, away=away)]
    if best and drawn[0] < drawn[best]:
        span = beside.table[["distance_km", "low_km", "high_km"]].to_numpy(float)[0]
        said.append(tell_rough(near["title"].iloc[0], span_text(*span, say=say), say))
    return said


def tell_rough(title: str, away: str, say: Words) -> str:
    """Write that another corridor is drawn nearer, but its line is too inaccurate to say so."""
    return say("{title} is drawn nearer, but where it runs is known only roughly ({away}).",
               title=say.name(title), away=away)  # fmt: skip


def find_corridor(roads: pd.DataFrame, own_km: float) -> pd.Series:
    """Find the first corridor, by distance, that may be called the nearest to a point."""
    reach = np.hypot(roads["accuracy_km"].fillna(0), np.nan_to_num(own_km))
    return roads.iloc[best_known(roads["distance_km"] + reach)]


def list_points(subject: Subject, say: Words) -> list[Part]:
    """List the named points of a table, each with its nearest corridor."""
    shapes = subject.shapes.reset_index(drop=True)
    frame = subject.frame
    named = [] if frame is None else [c for c in frame.columns if str(c).casefold() == "name"]
    if frame is None or not named or len(shapes) < 2 or not (shapes.dropna().type == "Point").all():
        return []
    stated = subject.accuracy_km
    own = np.full(len(shapes), np.nan) if stated is None else np.asarray(stated, float)
    km = nearest(shapes.dropna(), list(layer("corridors")["id"]))["distance_km"]
    first = km.sort_values(kind="stable").index[:_LISTED]
    roads = rank_corridors(shapes[first])
    found = [find_corridor(roads.loc[[i]].head(5), own[i]) for i in first]
    rows = pd.DataFrame(
        {
            "name": frame[named[0]].iloc[first].to_list(),
            "corridor": [f["title"] for f in found],
            "distance_km": [f["distance_km"] for f in found],
            "accuracy_km": [f["accuracy_km"] for f in found],
            "point_accuracy_km": own[first],
            "at_km": [f["km"] for f in found],
        }
    )
    known = rows[["distance_km", "accuracy_km", "point_accuracy_km"]].to_numpy(float)
    view = rows[["name", "corridor", "at_km"]].copy()
    view.insert(2, "away", [interval_text(*row, say=say) for row in known])
    text = () if len(km) <= _LISTED else (
        say("Of {count} points the {listed} nearest to a corridor.", count=f"{len(km):,}",
            listed=_LISTED),
    )  # fmt: skip
    return [Part("points", say("Point by point"), text, rows, view=view)]

"""The record that every verb takes: checked geometries and their origin; HTML of things."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from markupsafe import Markup, escape
from numpy.typing import NDArray

from cpecgeo.catalogue import data_version
from cpecgeo.catalogue.files import in_force
from cpecgeo.catalogue.geometry import list_credits
from cpecgeo.errors import CoordinateError, warn
from cpecgeo.files.displacement import EXPECTED, is_within
from cpecgeo.files.numbers import say_odd, to_accuracy
from cpecgeo.geodesy import Chainage
from cpecgeo.geodesy.inputs import Checked, check

__all__ = [
    "PointLike",
    "Subject",
    "SubjectLike",
    "Thing",
    "frame_subject",
    "html_card",
    "html_table",
    "provenance",
]


# Fields of a thing that become columns.
_TOLD = ("title", "kind", "status", "hours", "length_km", "chainage_km", "accuracy_km", "source",
         "licence")  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class Subject:
    """Checked geometries with labels, and their origin.

    Built by `resolve`, not by hand.

    Attributes
    ----------
    given : GeoSeries or Checked
        The geometries: EPSG:4326, in range. Labels are ids or names, or the caller's index.
    title : str
        For people.
    kind : str
        One of `KINDS`, or ``geometry``, ``frame``, ``list``, ``route``, ``reach``, ``market``.
    is_single : bool
        Whether one thing was given, so that the answer is one value.
    chainages : mapping of label to Chainage
        Chainages of the corridors among them.
    frame : GeoDataFrame or None
        The rows of a table, layer or file, with their columns and `.attrs`, in the order of
        `shapes` and with the geometry that the caller gave.
    things : tuple
        The corridors, places, routes … given or named.
    list_others : callable
        Returns `also` when needed; reading the layers for it takes longer than many answers.
    stated_km : tuple of float or None
        The `accuracy_km` of each geometry, where neither rows nor things have it.
    """

    given: gpd.GeoSeries | Checked
    title: str
    kind: str
    is_single: bool = False
    chainages: Mapping[Hashable, Chainage] = field(default_factory=dict)
    frame: gpd.GeoDataFrame | None = None
    things: tuple[Any, ...] = ()
    list_others: Callable[[], tuple[str, ...]] = tuple
    stated_km: tuple[float, ...] | None = None

    def __len__(self) -> int:
        return len(self.given)

    @cached_property
    def shapes(self) -> gpd.GeoSeries:
        """The geometries as a series, two-dimensional."""
        if not isinstance(self.given, Checked):
            return self.given
        series = self.checked.series()
        series.name = self.given.name
        return series

    @property
    def also(self) -> tuple[str, ...]:
        """Other meanings of the name, with the prefix of their kind: ``"district:quetta"``."""
        return self.list_others()

    def __repr__(self) -> str:
        count = f", {len(self):,} geometries" if len(self) != 1 else ""
        also = f"; also {', '.join(self.also)}" if self.also else ""
        return f"<Subject {self.title}: {self.kind}{count}{also}>"

    @property
    def geometry(self) -> Any:
        """The geometry of a single thing, or the series of several."""
        if not self.is_single:
            return self.shapes
        one = self.shapes.iloc[0]
        return shapely.Point() if one is None else one

    @cached_property
    def checked(self) -> Checked:
        """The labelled geometries for geodesy, which doesn't check them again."""
        if isinstance(self.given, Checked):
            unnamed = replace(self.given, name=None, single=self.is_single)
            object.__setattr__(unnamed, "xy", self.given.xy)  # extracted once
            return unnamed
        geoms = np.asarray(self.shapes.array, dtype=object)
        return Checked(geoms, self.shapes.index, shapely.get_type_id(geoms), self.is_single)

    @property
    def unlabelled(self) -> Checked:
        """As `checked`, but a single thing is row 0, because it has no index for an answer."""
        given = self.checked
        return replace(given, index=pd.RangeIndex(1)) if self.is_single else given

    @property
    def rows(self) -> gpd.GeoDataFrame:
        """The rows of a table, or a table of only the geometries."""
        return gpd.GeoDataFrame(geometry=self.shapes) if self.frame is None else self.frame

    def as_table(self) -> gpd.GeoDataFrame:
        """Return a table for a file: names, fields, geometry and provenance."""
        table = self.rows.copy()
        if self.frame is None and self.kind != "geometry":
            table.insert(0, "name", [str(label) for label in self.shapes.index])
            for of in _TOLD if len(self.things) == len(self) else ():
                values = [getattr(thing, of, None) for thing in self.things]
                if any(value is not None for value in values):
                    table.insert(len(table.columns) - 1, of, values)
            table = table.reset_index(drop=True)
        table.attrs = {**table.attrs, "title": self.title, **provenance(self)}
        return table

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> Subject:
        """Select rows by position, with their columns and accuracy."""
        stated = self.accuracy_km
        return replace(
            self,
            given=self.shapes.iloc[rows],
            frame=None if self.frame is None else self.frame.iloc[rows],
            stated_km=None if stated is None else tuple(stated[rows]),
        )

    def with_positions(self) -> Subject:
        """Leave out features without a position of a layer or file."""
        if self.kind not in {"layer", "file"}:
            return self
        known = self.shapes.notna().to_numpy()
        if known.all():
            return self
        frame = self.rows[known]
        frame.attrs = {**self.rows.attrs, "without_position": int((~known).sum())}
        return replace(self, given=self.shapes[known], frame=frame)

    @property
    def left_out(self) -> int:
        """Number of rows of a layer or file left out because they have no position."""
        is_read = self.kind in {"layer", "file"} and self.frame is not None
        return int(self.rows.attrs.get("without_position", 0)) if is_read else 0

    @property
    def credits(self) -> list[str]:
        """Credits to show beside an answer: OpenStreetMap's, where lines are from there."""
        licences = [] if self.frame is None else [self.frame.attrs.get("licence", "")]
        kind = self.checked.kind
        # The kind decides without a test of each point.
        return list_credits(self.checked.geoms if kind.any() else [], licences)

    @cached_property
    def accuracy_km(self) -> NDArray[np.float64] | None:
        """The 95 % accuracy of each geometry; of a corridor, that of its least accurate leg.

        NaN where unknown; None where it is unknown for all. Values that aren't numbers of km count
        as unknown, with a warning.
        """
        if self.stated_km is not None:
            return np.array(self.stated_km, float)
        if self.frame is not None and "accuracy_km" in self.frame.columns:
            stated = self.frame["accuracy_km"]
            accuracy, is_odd = to_accuracy(stated)
            if is_odd.any():
                first = int(np.flatnonzero(is_odd)[0])
                what = str(self.frame.attrs.get("read_from", self.title))
                text = say_odd(what, int(is_odd.sum()), stated.iloc[first], first + 1)
                warn(text)
            return accuracy
        one = getattr(self.things[0], "accuracy_km", None) if len(self.things) == 1 else None
        return None if one is None or len(self) != 1 else np.array([one], float)

    @property
    def names(self) -> list[Any] | None:
        """The names of the rows, where a table has names."""
        if self.frame is None or "name" not in self.frame.columns:
            return None
        return list(self.frame["name"])


@runtime_checkable
class Thing(Protocol):
    """A corridor, place, market, route or catchment, which converts itself to a `Subject`."""

    def as_subject(self) -> Subject:
        """Return the thing as a subject for verbs."""
        ...


SubjectLike: TypeAlias = (
    "str | Path | Subject | Thing | shapely.Geometry | gpd.GeoSeries | gpd.GeoDataFrame "
    "| pd.DataFrame | pd.Series | Sequence[SubjectLike] | AbstractSet[SubjectLike]"
)
"""What every verb takes: see `resolve`."""

PointLike: TypeAlias = "SubjectLike | tuple[float, float]"
"""What stands for one point: a subject of one point, or a pair of lon and lat."""


def provenance(*subjects: Subject) -> dict[str, Any]:
    """Return the entries of an answer's `.attrs` about its data and geometry.

    Parameters
    ----------
    *subjects : Subject
        The subjects that the answer is computed from.

    Returns
    -------
    dict
        `data_version`; `geometry`, which is ``"osm"`` where OpenStreetMap's geometry is in force or
        a refreshed corridor or layer was given, else ``"bundled"``; with ``"osm"`` also `bundled`,
        the corridors and features that keep their bundled geometry; and, where there are any,
        `own`, the caller's corridors, `credits`, to be shown beside the answer, and `also`, other
        meanings of the names that were given: ``"district:quetta"``.

    Examples
    --------
    >>> provenance()["geometry"]
    'bundled'
    """
    lines = {
        str(thing.name): str(thing.geometry)
        for subject in subjects
        for thing in subject.things
        if hasattr(thing, "chainage") and hasattr(thing, "geometry")
    }
    frames = [s.frame.attrs for s in subjects if s.frame is not None]
    used = {in_force(), *lines.values(), *(a.get("geometry", "bundled") for a in frames)}
    about: dict[str, Any] = {"data_version": data_version()}
    if owed := [text for subject in subjects for text in subject.credits]:
        about["credits"] = list(dict.fromkeys(owed))
    if also := [other for subject in subjects for other in subject.also]:
        about["also"] = list(dict.fromkeys(also))
    if own := sorted(name for name, geometry in lines.items() if geometry == "own"):
        about["own"] = own
    if "osm" not in used:
        return about | {"geometry": "bundled"}
    stay = {name for name, geometry in lines.items() if geometry == "bundled"}
    for subject in subjects:
        if subject.frame is not None and subject.kind not in {"frame", "file"}:
            kept = set(subject.frame.attrs.get("bundled", ())) & set(subject.shapes.index)
            stay |= {subject.frame.attrs["layer"]} if len(kept) == len(subject) > 1 else kept
    return about | {"geometry": "osm", "bundled": sorted(stay)}


def html_table(
    rows: Iterable[Iterable[object]], head: Sequence[str] = (), classes: Sequence[str] = ()
) -> Markup:
    """Write a table as HTML; text is escaped unless it is marked as HTML already.

    `head` has the titles of columns; without them the first cell of each row is its title.
    `classes` has the CSS class of each column, "" for none.

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
    """Write a thing as HTML for a notebook: its title in bold, and tables or text, escaped.

    Examples
    --------
    >>> html_card("A & B", html_table([("length", "7 km")]))[:38]
    '<div><strong>A &amp; B</strong><table>'
    """
    inside = Markup("").join(escape(part) for part in parts)
    return str(Markup("<div><strong>{}</strong>{}</div>").format(title, inside))


def frame_subject(
    x: gpd.GeoDataFrame | gpd.GeoSeries,
    what: str,
    missing: Literal["raise", "keep"],
    *,
    is_numbered: bool = True,
) -> Subject:
    """Return a series or table as a subject, on its own index.

    Rows without a geometry are an error or stay. `what` is its name in messages; `is_numbered`
    tells whether an index of whole numbers is the row numbers of a file.

    Examples
    --------
    >>> frame_subject(gpd.GeoSeries.from_xy([67], [25], crs=4326), "x", "raise").title
    '1 features'
    """
    try:
        checked = check(x, what=str(x.attrs.get("read_from", what)), missing=missing)
    except CoordinateError as error:
        if error.row is None or error.lonlat is None or "read_from" not in x.attrs:
            raise
        raise _in_file(error.row, error.lonlat, x, is_numbered=is_numbered) from None
    frame = x if isinstance(x, gpd.GeoDataFrame) else None
    own = x.attrs.get("title") or (x.name if isinstance(x, gpd.GeoSeries) else None)
    title = own if isinstance(own, str) and own else f"{len(checked):,} features"
    return Subject(checked, title, "frame", frame=frame)


def _in_file(
    row: int, lonlat: tuple[float, float], x: gpd.GeoDataFrame | gpd.GeoSeries, *, is_numbered: bool
) -> CoordinateError:
    """Return the error for a row of a file; it suggests a swap only if that leads near CPEC."""
    west, south, east, north = x.geometry.iloc[row : row + 1].total_bounds
    is_swapped = is_within(south, west, EXPECTED) and is_within(north, east, EXPECTED)
    number = int(x.index[row]) if is_numbered and x.index.dtype.kind in "iu" else row
    return CoordinateError.out_of_range(
        str(x.attrs["read_from"]), lonlat, row, where=f"in row {number + 1}",
        is_swapped=is_swapped, repair="repair the row",
    )  # fmt: skip

"""Resolution of whatever a caller gives: names, things, geometries, tables, files.

Verbs trust the `Subject` that `resolve` returns. `lookup` finds names.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Hashable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import partial
from numbers import Real
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import pandas as pd
import shapely

from cpecgeo.errors import CoordinateError, GeometryError, InputError, InputTypeError
from cpecgeo.features.corridor import Corridor
from cpecgeo.features.corridors import corridor as bundled
from cpecgeo.features.lookup import KINDS, find, line_of_file, read_subject
from cpecgeo.features.subject import PointLike, Subject, SubjectLike, Thing, frame_subject
from cpecgeo.files.displacement import refuse_turned
from cpecgeo.files.formats import Choice, has_format
from cpecgeo.geodesy import Chainage, lonlat
from cpecgeo.geodesy._rules import quote
from cpecgeo.geodesy.inputs import check

__all__ = ["check_number", "resolve", "resolve_corridor", "resolve_point", "resolve_points"]

_Missing = Literal["raise", "keep"]
# Types that a list may contain.
_PARTS = (str, Path, Subject, Thing, shapely.Geometry, gpd.GeoSeries, pd.DataFrame)

# Kinds of subjects with the caller's coordinates; a caller's corridor was checked when it was
# built.
_FOREIGN = {"geometry", "frame", "file", "list"}


def resolve(
    x: SubjectLike,
    what: str = "x",
    *,
    kinds: Collection[str] | None = None,
    missing: _Missing = "raise",
    among: Sequence[str] = KINDS,
    anywhere: bool = False,
) -> Subject:
    """Turn whatever a caller gives into a `Subject`.

    Parameters
    ----------
    x : str, Path, thing, geometry, GeoSeries, GeoDataFrame, DataFrame, or a list of them
        A name is looked up in the order of `among`, with geometries of `kinds` preferred;
        ``"district:Quetta"`` states the kind. Bare geometries are in lon, lat; a series or frame
        needs a CRS, or is of names and keeps its index; a DataFrame needs columns of lon and lat;
        a path is read by its suffix.
    what : str
        The argument's name, for messages.
    kinds : collection of str, optional
        Allowed geometry types, such as ``{"Point"}``.
    missing : {"raise", "keep"}
        Whether rows without a geometry are an error or stay, as None. With "raise", a layer's
        features of unknown position are left out.
    among : sequence of str
        The kinds that a name may be, of `KINDS`.
    anywhere : bool
        Whether to accept coordinates that would all lie in the region of CPEC with lon and lat
        swapped.

    Returns
    -------
    Subject

    Raises
    ------
    UnknownNameError, InputTypeError, CRSError, CoordinateError, GeometryError
    InputError
        Nothing was given.

    Examples
    --------
    >>> resolve("ML-1").kind, resolve("Gwadar Port").kind, resolve("raikot-thakot").kind
    ('corridor', 'place', 'section')
    >>> resolve(["ml1", shapely.Point(67, 25), "mines"]).shapes.index[:3].tolist()
    ['ml1', 1, 'mines:reko-diq']
    >>> resolve(shapely.Point(24.9, 67.0), "points")
    Traceback (most recent call last):
    cpecgeo.errors.CoordinateError: points starts at (24.9, 67), and all of it would lie in ...
    """
    subject = _subject(x, what, missing, among, kinds)
    if len(subject) == 0 and missing == "raise":
        raise InputError(f"{what} is empty; give one name, geometry or row at least.")
    if kinds is not None:
        check(subject.checked, what=what, kinds=kinds, missing=missing)
    return subject if anywhere else _in_region(subject, what)


def _subject(
    x: Any, what: str, missing: _Missing, among: Sequence[str], kinds: Collection[str] | None
) -> Subject:
    match x:
        case Subject():
            found = x if missing == "keep" else x.with_positions()
        case str():
            found = find(x, what=what, among=among, missing=missing, kinds=kinds)
        case Path():
            found = read_subject(str(x), missing)
        case gpd.GeoDataFrame() | gpd.GeoSeries():
            found = frame_subject(x, what, missing)
        case shapely.Geometry():
            shapes = lonlat(x, what=what, missing=missing)
            found = Subject(shapes, x.geom_type, "geometry", is_single=True)
        case pd.DataFrame() | pd.Series():
            one = partial(_subject, what=what, missing=missing, among=among, kinds=kinds)
            found = _names(x, what, one) if isinstance(x, pd.Series) else one(_points_of(x, what))
        case Thing() if not isinstance(x, type):
            found = x.as_subject()
        case Sequence() | AbstractSet() if not isinstance(x, (bytes, bytearray)):
            if x and not any(g is None or isinstance(g, _PARTS) for g in x):
                raise _refusal(x, what, among)
            found = _list(list(x), what, missing, among, kinds)
        case _:
            raise _refusal(x, what, among)
    return found


def _refusal(x: object, what: str, among: Sequence[str]) -> InputTypeError:
    return InputTypeError(
        f"{what} is {_show(x)}; give a name ({', '.join(among)}), a Corridor, Place, Market, "
        "Route or Reach, a geometry in lon, lat, a GeoSeries or GeoDataFrame with a CRS, a "
        "DataFrame with lon and lat, or a list of them. Numbers become points with "
        "shapely.points(lon, lat)."
    )


def _points_of(table: pd.DataFrame, what: str) -> gpd.GeoDataFrame:
    from cpecgeo.files.positions import find_positions, locate_rows  # most inputs aren't tables

    try:
        find_positions([str(c) for c in table.columns], Choice(), what, lambda name: table[name])
    except CoordinateError:
        raise  # both coordinates in one column, in an unknown order
    except InputError:
        raise InputTypeError(
            f"{what} is a DataFrame without columns lon and lat; make it a GeoDataFrame with a "
            "geometry, for instance with geopandas.points_from_xy(x, y, crs=4326)."
        ) from None
    return locate_rows(table, what, Choice())


def _show(x: object) -> str:
    value = "" if x is None else f" {' '.join(repr(x)[:60].split())}"
    return f"{type(x).__name__}{value}"


def _list(
    items: list[Any], what: str, missing: _Missing, among: Sequence[str],
    kinds: Collection[str] | None,
) -> Subject:  # fmt: skip
    """Join several subjects; each keeps its name, and features of a layer get its prefix."""
    if not items:
        raise InputError(f"{what} is empty; give one name, geometry or row at least.")
    if all(g is None or isinstance(g, shapely.Geometry) for g in items):
        bare = lonlat(items, what=what, missing=missing)
        return Subject(bare, f"{len(bare):,} geometries", "list")
    parts = [_subject(g, f"{what}[{i}]", missing, among, kinds) for i, g in enumerate(items)]
    parts = _tell_apart(parts)
    labels: list[Hashable] = []
    shapes: list[Any] = []
    chainages: dict[Hashable, Chainage] = {}
    stated: list[float] = []
    for i, (item, part) in enumerate(zip(items, parts, strict=True)):
        prefix = item if isinstance(item, str) else _short_title(part)
        known = part.accuracy_km
        accuracy = [float("nan")] * len(part) if known is None else known.tolist()
        for (label, shape), good in zip(part.shapes.items(), accuracy, strict=True):
            if part.kind == "geometry":
                mine: Hashable = i
            elif part.is_single or label in part.chainages or len(parts) == 1:
                mine = label
            else:
                mine = f"{prefix}:{label}"
            if mine in labels and (label in part.chainages or part.is_single):
                continue  # named twice
            labels.append(mine)
            shapes.append(shape)
            stated.append(good)
            if label in part.chainages:
                chainages[mine] = part.chainages[label]
    series = gpd.GeoSeries(shapes, index=pd.Index(labels, dtype=object), crs=4326)
    return Subject(
        series,
        ", ".join(part.title for part in parts),
        "list",
        chainages=chainages,
        things=tuple(thing for part in parts for thing in part.things),
        list_others=partial(_list_others, tuple(parts)),
        stated_km=None if all(part.accuracy_km is None for part in parts) else tuple(stated),
    )


def _names(given: pd.Series, what: str, find_one: Callable[[str], Subject]) -> Subject:
    """Look up a series of names, which keeps its index, so that answers join its table."""
    if not all(isinstance(name, str) for name in given):
        raise InputTypeError(
            f"{what} is {_show(given)}; in a series each value is a name; leave "
            "others out, or make geometries a GeoSeries."
        )
    parts = {name: find_one(name) for name in given.unique()}
    for name, part in parts.items():
        if len(part) != 1:
            raise InputError(f"{what} has {name!r}, which is {len(part):,} features; name one.")
    stated = {name: part.accuracy_km for name, part in parts.items()}
    good = {name: float("nan") if km is None else float(km[0]) for name, km in stated.items()}
    return Subject(
        gpd.GeoSeries([parts[n].shapes.iloc[0] for n in given], index=given.index, crs=4326),
        f"{len(given):,} names",
        "list",
        chainages={row: c for row, n in given.items() for c in parts[n].chainages.values()},
        list_others=partial(_list_others, tuple(parts.values())),
        stated_km=tuple(good[n] for n in given),
    )


def _tell_apart(parts: list[Subject]) -> list[Subject]:
    """Give two corridors with the same name different labels: a caller's "ml1", and ours."""
    lines: dict[str, shapely.Geometry] = {}
    named = parts.copy()
    whole = [i for i, part in enumerate(parts) if part.is_single and part.chainages]
    # The caller's own come last, so that a bundled corridor keeps its name.
    for i in sorted(whole, key=lambda i: getattr(parts[i].things[0], "geometry", "") == "own"):
        name, number = str(parts[i].shapes.index[0]), 2
        fresh = name
        while not lines.setdefault(fresh, parts[i].geometry).equals_exact(parts[i].geometry):
            fresh, number = f"{name} ({number})", number + 1
        if fresh != name:
            named[i] = _rename(parts[i], fresh)
    return named


def _rename(part: Subject, name: str) -> Subject:
    return replace(
        part,
        given=part.shapes.set_axis([name]),
        chainages=dict.fromkeys([name], *part.chainages.values()),
        things=tuple(replace(thing, name=name) for thing in part.things),
    )


def _list_others(parts: Sequence[Subject]) -> tuple[str, ...]:
    return tuple(other for part in parts for other in part.also)


def resolve_corridor(x: SubjectLike, what: str = "corridor") -> Corridor:
    """Resolve input that must be one corridor; `what` is the argument's name, for messages.

    The lines of a file are one corridor with the file's name, see `Corridor.from_line`.

    Examples
    --------
    >>> resolve_corridor("Main Line 1").name
    'ml1'
    """
    match x:
        case Corridor():
            return x
        case str() if x.casefold().startswith("corridor:") or has_format(x):
            (found,) = find(f"corridor:{x.rpartition('corridor:')[2]}", what=what).things
            return resolve_corridor(found, what)
        case Path():
            return line_of_file(x)
        case str():
            return bundled(x)
        case Subject(things=[Corridor() as one]):
            return one
        case _:
            raise InputTypeError(
                f"{what} is {_show(x)}; a Corridor or the name of one is needed, because other "
                "things have no chainage."
            )


def resolve_point(x: PointLike, what: str, *, among: Sequence[str] = KINDS) -> tuple[str, Any]:
    """Resolve input that must be one point; return a name for people, and the point.

    Arguments as for `resolve`; a pair of numbers is lon and lat.

    Examples
    --------
    >>> resolve_point((67.0, 24.9), "origin")
    ('(67.0000, 24.9000)', <POINT (67 24.9)>)
    """
    if isinstance(x, (tuple, list)) and len(x) == 2 and all(isinstance(v, Real) for v in x):
        x = shapely.Point(float(x[0]), float(x[1]))
    if not isinstance(x, (*_PARTS, Sequence, AbstractSet)) or isinstance(x, type):
        raise InputTypeError(
            f"{what} is {_show(x)}; give one point: a name, a Place, a Point or (lon, lat)."
        )
    subject = _in_region(_subject(x, what, "raise", among, None), what)
    if len(subject) != 1 or subject.shapes.iloc[0].geom_type != "Point":
        kinds = ", ".join(sorted(set(subject.shapes.geom_type)))
        raise GeometryError(
            f"{what} is {len(subject)} of {kinds}; one point is needed: give a name, a Place, a "
            "Point or (lon, lat)."
        )
    point = subject.shapes.iloc[0]
    named = subject.kind not in {"geometry", "frame", "list", "file"}
    return subject.title if named else f"({point.x:.4f}, {point.y:.4f})", point


def resolve_points(x: SubjectLike, what: str = "points") -> Subject:
    """Resolve input that must be points; rows without a position stay.

    For a GPX file with tracks or routes the error says how its points are read.

    Examples
    --------
    >>> len(resolve_points([shapely.Point(67, 25), None]))
    2
    """
    subject = resolve(x, what, missing="keep")
    frame = subject.frame
    if frame is not None and str(frame.attrs.get("read_from", "")).casefold().endswith(".gpx"):
        kinds = set(subject.shapes.dropna().geom_type)
        if not kinds <= {"Point"}:
            layer = "waypoints" if "Point" in kinds else "track_points"
            if kinds == {"LineString"}:
                layer = "route_points"
            raise GeometryError(
                f"{frame.attrs['read_from']} has {', '.join(sorted(kinds))}; Point is needed: "
                f'read it with layer="{layer}".'
            )
    return subject


def check_number(
    x: object, what: str, *, above: float = -math.inf, least: float = 0.0, infinite: bool = False
) -> float:
    """Check that a caller's number is within bounds; return it as a float.

    Examples
    --------
    >>> check_number(3, "hours", above=0)
    3.0
    """
    if isinstance(x, bool) or not isinstance(x, Real):
        raise InputTypeError(f"{what} is {quote(x)}; a number is needed.")
    try:
        value = float(x)
    except OverflowError:
        value = math.inf
    is_refused = math.isnan(value) or (math.isinf(value) and not infinite)
    if is_refused or value < least or value <= above:
        rule = f"above {above:g}" if above > -math.inf else f"{least:g} or more"
        raise InputError(f"{what} is {quote(x)}; it must be finite and {rule}.")
    return value


def _short_title(part: Subject) -> str:
    """Return the name of a layer that is given as a table, else the title."""
    about = {} if part.frame is None else part.frame.attrs
    return str(about.get("read_from" if part.kind == "file" else "layer", part.title))


def _in_region(subject: Subject, what: str) -> Subject:
    """Refuse a caller's coordinates that would all lie in the region of CPEC when swapped."""
    if subject.kind in _FOREIGN:
        read = {} if subject.frame is None else subject.frame.attrs
        refuse_turned(subject.checked.xy, read.get("read_from", what), read.get("position_columns"))
    return subject

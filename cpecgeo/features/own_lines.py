"""Alignments from a caller's own lines: sections, chainage from measures, stops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from numbers import Real
from pathlib import Path
from typing import Any, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, Point

from cpecgeo.catalogue import table as table_of
from cpecgeo.errors import GeometryError, InputError, InputTypeError
from cpecgeo.features.alignment import (
    STATUSES,
    Alignment,
    check_course,
    check_words,
    has_chainage,
    join_lines,
    read_opened,
    refuse_corridors,
)
from cpecgeo.features.places import COLUMNS, Place, place
from cpecgeo.features.subject import Thing
from cpecgeo.files.displacement import refuse_turned
from cpecgeo.files.formats import Choice
from cpecgeo.geodesy import Chainage, length_km, lonlat
from cpecgeo.geodesy.inputs import LINES, POINTS, positive_km

__all__ = ["KmLike", "LineLike", "StopsLike", "align_own", "read_line"]

LineLike: TypeAlias = (
    "str | Path | Thing | shapely.Geometry | gpd.GeoSeries | gpd.GeoDataFrame "
    "| Sequence[shapely.Geometry]"
)
"""What a corridor of one's own is drawn by: see `Corridor.from_line`."""

StopsLike: TypeAlias = (
    "gpd.GeoDataFrame | Mapping[str, str | Place | Point | tuple[float, float]] "
    "| Sequence[str | Place] | None"
)
"""Its stops: a table, positions by name, or names of places."""

KmLike: TypeAlias = "float | Sequence[float] | Mapping[str, float] | None"
"""Its length, or the km at its stops."""

Floats = NDArray[np.float64]

_FAR_KM = 25.0  # a stop farther from its line is refused
_ON_KM = 0.01  # a stop this close to its line is on it
_SAME_KM = 1e-6  # a point this close to a vertex is the vertex

_EMPTY = ("name_ur", "name_zh", "source_date", "note", "status_note", "is_open", "reason",
          "remark", "role", "corridor", "from", "to", "chainage_reason", "prorate_of",
          "confidence")  # fmt: skip
_COLUMNS = [
    "id", "name", "km_from", "km_to", "name_ur", "name_zh", "kind", "status", "opened",
    "accuracy_km", "basis", "source", "source_date", "licence", "note", "role", "corridor",
    "from", "to", "official_km", "chainage_km", "chainage_reason", "prorate_of", "status_note",
    "is_open", "reason", "confidence", "drawn_km", "ratio", "remark",
]  # fmt: skip


def align_own(
    line: LineLike,
    *,
    name: str,
    title: str,
    kind: str,
    status: str,
    stops: StopsLike,
    km: KmLike,
    opened: str | int | None,
    accuracy_km: float | None,
    sources: Sequence[str],
) -> Alignment:
    """Return the alignment of a caller's line; see `Corridor.from_line`.

    Raises
    ------
    InputError, InputTypeError, GeometryError, CRSError, CoordinateError, FileError
    """
    check_words(kind, status)
    rows, found = _read(line)
    stops = found if stops is None else stops
    stops = list(km) if stops is None and isinstance(km, Mapping) else stops
    parts = _sections(rows, name, title, kind, status, opened, accuracy_km, sources)
    names = parts["name"].tolist()
    lines, xy = join_lines(names, [shapely.get_coordinates(shape) for shape in parts.geometry])
    parts["geometry"] = gpd.GeoSeries([LineString(one) for one in lines], parts.index, crs=4326)
    check_course(names, parts.geometry, xy)
    ends = np.concatenate(([0], np.cumsum([len(one) - 1 for one in lines])))
    measured = has_chainage(parts)
    lengths = _lengths(parts, measured=measured, total=km if isinstance(km, Real) else None)
    table = _stops(stops, name)
    table["km"] = _read_km(table, None if isinstance(km, Real) else km)
    bare = Chainage(LineString(xy))
    in_order = not isinstance(stops, gpd.GeoDataFrame)
    at, off = _place_stops(table, bare, accuracy_km)
    # Sections with measures keep them; a stop beside the line doesn't change them.
    on = at if not measured else np.where(off <= _ON_KM, at, np.nan)
    _check_order(table, on, in_order=in_order)
    measures = np.full(len(xy), np.nan)
    if measured or table["km"].isna().all():
        measures[ends[1:]] = np.cumsum(lengths)
    measures[0] = 0.0
    xy, measures, ends = _calibrate(xy, bare.measures_km, measures, ends, table, on)
    chain = Chainage(LineString(xy), measures)
    parts["km_from"], parts["km_to"] = chain.measures_km[ends[:-1]], chain.measures_km[ends[1:]]
    unknown = table["km"].isna().to_numpy()
    table.loc[unknown, "km"] = chain.calibrate(at[unknown], np.zeros(int(unknown.sum()), int))
    table = table.sort_values("km", kind="stable").reset_index(drop=True)
    return Alignment(
        xy=xy,
        km=chain.measures_km,
        sections=_order_columns(parts, _COLUMNS),
        own_stops=_order_columns(table, COLUMNS),
        legs=pd.DataFrame(parts[["id", "km_from", "km_to", "basis", "accuracy_km"]]).rename(
            columns={"id": "section"}
        ),
        competing=table_of("figures").iloc[:0].reset_index(drop=True),
        sources=tuple(dict.fromkeys([*sources, *parts["source"].dropna()])),
    )


def _read(line: Any, what: str = "line") -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame | None]:
    """Return a caller's lines as rows in lon, lat, and the stops in the same file."""
    if isinstance(line, str | Path):
        return read_line(line)
    refuse_corridors(line)
    if isinstance(line, Thing) and not isinstance(line, type):
        line = line.as_subject().shapes
    if isinstance(line, shapely.Geometry):
        line = gpd.GeoSeries(shapely.get_parts(line), crs=4326)
    shapes = lonlat(line, what=what, kinds=LINES)
    refuse_turned(shapely.get_coordinates(shapes), what)
    rows = line.copy() if isinstance(line, gpd.GeoDataFrame) else gpd.GeoDataFrame(geometry=shapes)
    if not len(rows):
        raise InputError("line is empty; give one line at least.")
    rows = rows.drop(columns=rows.geometry.name)
    if "name" not in rows and shapes.index.inferred_type == "string":
        rows["name"] = shapes.index
    return gpd.GeoDataFrame(rows, geometry=shapes, crs=4326).reset_index(drop=True), None


def read_line(
    path: str | Path, frame: gpd.GeoDataFrame | None = None, choice: Choice | None = None
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame | None]:
    """Read lines in lon, lat from a file or its rows, with stops from a layer or from points."""
    from cpecgeo.files.reading import label_rows, read  # most corridors aren't files

    how = vars(choice or Choice())
    if frame is None and how["layer"] is None and str(path).lower().endswith(".gpkg"):
        try:
            rows, stops = (read(path, **how | {"layer": n}) for n in ("sections", "stops"))
            return _read(rows, str(path))[0], stops
        except InputError as error:
            if type(error) is not InputError:  # otherwise it has other layers, or only one
                raise
    frame = label_rows(read(path, **how)) if frame is None else frame
    if not (is_line := frame.geom_type.isin(list(LINES)).to_numpy()).any():
        raise GeometryError(f"{path} has no line in it; a corridor is drawn by lines.")
    points = frame[(frame.geom_type == "Point").to_numpy()]
    stops = points.reset_index(drop=True) if len(points) and "name" in frame else None
    return _read(frame[is_line], str(path))[0], stops


def _sections(
    rows: gpd.GeoDataFrame,
    name: str,
    title: str,
    kind: str,
    status: str,
    opened: str | int | None,
    accuracy_km: float | None,
    sources: Sequence[str],
) -> gpd.GeoDataFrame:
    """Return the rows as sections; missing values are the caller's values for the whole."""
    several = len(rows) > 1
    count = [str(i) for i in range(1, len(rows) + 1)]
    accuracy = np.nan if accuracy_km is None else positive_km(accuracy_km, "accuracy_km")
    usual = {
        "id": [f"{name}-{i}" for i in count] if several else [name],
        "name": [f"{title}, part {i}" for i in count] if several else [title],
        "kind": "road" if kind == "mining" else kind,
        "status": status,
        "opened": opened,
        "accuracy_km": accuracy,
        "basis": "given",
        "source": "; ".join(sources) or "line given by the caller",
        "licence": "as given",
        "official_km": np.nan,
        "role": "base",
    }
    parts = rows.copy()
    for column, value in usual.items():
        rest = pd.Series(value, index=parts.index, dtype=None if several else object)
        own = parts.get(column, rest)
        parts[column] = own.where(own.notna(), rest)
    for column in set(_EMPTY) - set(parts.columns):
        parts[column] = None
    parts["opened"] = pd.Series(map(read_opened, parts["opened"]), parts.index, object)
    for column in parts.columns.intersection(["accuracy_km", "official_km", "km_from", "km_to"]):
        parts[column] = _numbers(parts[column], column)
    for column, known in (("status", STATUSES), ("kind", ("road", "rail"))):
        for wrong in (value for value in parts[column] if value not in known):
            raise InputError(f"line has {column} {wrong!r}; it is one of {', '.join(known)}.")
    if parts["id"].duplicated().any():
        raise InputError(f"line has id {parts['id'][parts['id'].duplicated()].iloc[0]!r} twice.")
    parts["id"], parts["name"] = parts["id"].astype(str), parts["name"].astype(str)
    shapes = [_one_line(*row) for row in zip(parts.geometry, parts["name"], strict=True)]
    parts["geometry"] = gpd.GeoSeries(shapes, parts.index, crs=4326)
    parts["drawn_km"] = np.asarray(length_km(parts.geometry), float)
    parts["chainage_km"] = np.nan
    parts["ratio"] = parts["drawn_km"] / parts["official_km"]
    return parts


def _numbers(column: pd.Series, name: str) -> pd.Series:
    try:
        return pd.to_numeric(column).astype(float)
    except (TypeError, ValueError):
        raise InputError(f"{name} has what is no number; give km, or nothing.") from None


def _one_line(shape: shapely.Geometry, name: str) -> LineString:
    """Join the parts of one section in order."""
    lines = [shapely.get_coordinates(part) for part in shapely.get_parts(shape)]
    _, xy = join_lines([f"{name}, stretch {i}" for i in range(1, len(lines) + 1)], lines)
    keep = np.concatenate(([True], (np.diff(xy, axis=0) != 0).any(axis=1)))
    if keep.sum() < 2:
        raise GeometryError(f"Section {name!r} has no length; a line needs two vertices.")
    return LineString(xy[keep])


def _lengths(parts: gpd.GeoDataFrame, *, measured: bool, total: float | None) -> Floats:
    """Return the km of each section: measured, stated or drawn."""
    if measured:
        km = parts["km_to"].to_numpy(float) - parts["km_from"].to_numpy(float)
    else:
        stated, drawn = parts["official_km"].to_numpy(float), parts["drawn_km"].to_numpy(float)
        km = np.where(stated > 0, stated, drawn)
        km = km * (positive_km(total, "km") / km.sum()) if total is not None else km
    return np.asarray(km, float)


def _stops(stops: object, name: str) -> gpd.GeoDataFrame:
    """Return stops as a table with a name and a point each."""
    if isinstance(stops, gpd.GeoDataFrame):
        if "name" not in stops:
            raise InputError(f"stops has no column name; it has {list(stops.columns)}.")
        shapes = lonlat(stops, what="stops", kinds=POINTS, missing="keep")
        rows = stops.drop(columns=stops.geometry.name)
        table = gpd.GeoDataFrame(rows, geometry=shapes, crs=4326).reset_index(drop=True)
    elif stops is None or (isinstance(stops, Mapping | Sequence) and not isinstance(stops, str)):
        table = _read_named(stops or ())
    else:
        raise InputTypeError(
            f"stops is {type(stops).__name__}; give a GeoDataFrame with name, names of places, or "
            'positions by name: {"Mine": (64.2, 29.1)}.'
        )
    if table["name"].isna().any():
        raise InputError("stops has a row without a name; name each.")
    table["name"] = table["name"].astype(str)
    usual = {"id": [f"{name}-stop-{i}" for i in range(1, len(table) + 1)], "kind": "stop"}
    numeric = {"km", "post_km", "accuracy_km"}
    for column in (c for c in COLUMNS if c not in table):
        table[column] = usual.get(column, np.nan if column in numeric else None)
    table["main"] = table["main"].eq(True)
    return table


def _read_named(stops: Any) -> gpd.GeoDataFrame:
    """Return stops given by name: places, or names with a position."""
    given = stops.items() if isinstance(stops, Mapping) else ((None, x) for x in stops)
    kept = ("id", "kind", "status", "accuracy_km", "basis", "source", "licence")
    rows = []
    for label, x in given:
        found = place(x) if isinstance(x, str) else x
        if isinstance(found, Place):
            called = found.name if label is None else label
            row = {key: getattr(found, key) for key in kept}
            rows.append({**row, "name": called, "geometry": found.point})
            continue
        point = Point(*x) if isinstance(x, tuple | list) and len(x) == 2 else x
        if label is None or not isinstance(point, Point):
            raise InputTypeError(
                f"stops has {type(x).__name__} {label or ''}; give names of places, or positions "
                'by name: {"Mine": (64.2, 29.1)}.'
            )
        rows.append({"name": label, "geometry": lonlat(point, what="stops").iloc[0]})
    columns = None if rows else ["name", "geometry"]
    return gpd.GeoDataFrame(rows, columns=columns, geometry="geometry", crs=4326)


def _read_km(table: gpd.GeoDataFrame, km: object) -> Floats:
    """Return the caller's km at each stop, NaN where not given."""
    if km is None:
        return np.asarray(_numbers(table["km"], "km"), float)
    if isinstance(km, Mapping):
        if strange := set(km) - set(table["name"]):
            raise InputError(f"km has {min(strange)!r}, which is no stop; name stops.")
        return np.array([float(km.get(text, np.nan)) for text in table["name"]], float)
    if isinstance(km, str) or not isinstance(km, Sequence | np.ndarray) or len(km) != len(table):
        raise InputError(
            f"km is {str(km)[:60]!r}; give a length, or the km at each of the {len(table)} stops."
        )
    return np.asarray(km, float)


def _place_stops(
    table: gpd.GeoDataFrame, bare: Chainage, accuracy_km: float | None
) -> tuple[Floats, Floats]:
    """Return geodesic km along the line of each stop, and its offset; NaN without a position."""
    near = bare.locate(table.geometry) if len(table) else pd.DataFrame({"km": [], "offset_km": []})
    at, off = (near[column].to_numpy(float) for column in ("km", "offset_km"))
    far = max(_FAR_KM, accuracy_km or 0.0)
    for text, away in zip(table["name"], off, strict=True):
        if away > far:
            raise InputError(
                f"Stop {text!r} lies {away:,.1f} km off the line, more than {far:g}; leave it out, "
                "or say with accuracy_km= how rough the line is."
            )
    if (lost := np.isnan(at) & table["km"].isna().to_numpy()).any():
        raise InputError(f"Stop {table['name'][lost].iloc[0]!r} has neither a position nor km.")
    return at, off


def _check_order(table: gpd.GeoDataFrame, at: Floats, *, in_order: bool) -> None:
    """Refuse stops whose order along the line differs from that of their km or of the list."""
    km, names = table["km"].to_numpy(float), table["name"]
    known = np.flatnonzero(~np.isnan(at))
    counted = known[~np.isnan(km[known])]
    counted = counted[np.lexsort((km[counted], at[counted]))]
    for i, j in pairwise(counted):
        if km[j] < km[i] and at[j] > at[i] + _SAME_KM:
            raise InputError(
                f"km fall from {km[i]:g} at {names[i]!r} to {km[j]:g} at {names[j]!r}, "
                f"{at[j] - at[i]:,.1f} km further along the line; set them right, or turn it round."
            )
    for i, j in pairwise(known if in_order and len(counted) < len(known) else []):
        if at[j] < at[i] - _SAME_KM:
            raise InputError(
                f"Stop {names[j]!r} follows {names[i]!r} and lies before it, {at[i] - at[j]:,.1f} "
                "km back along the line; give stops in its order, or turn the line round."
            )


def _calibrate(
    xy: Floats,
    drawn: Floats,
    measures: Floats,
    ends: NDArray[np.int64],
    table: gpd.GeoDataFrame,
    at: Floats,
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Return vertices, measures and section ends, with a vertex added at each stop of known km."""
    km = table["km"].to_numpy(float)
    chain = Chainage(LineString(xy))
    extra: list[tuple[float, float, Point]] = []
    for i in (k for k in np.argsort(at, kind="stable") if not np.isnan(km[k] + at[k])):
        vertex = int(np.abs(drawn - at[i]).argmin())
        if abs(drawn[vertex] - at[i]) > _SAME_KM:
            extra.append((at[i], km[i], chain.at(at[i])))
        elif np.isnan(measures[vertex]):
            measures[vertex] = km[i]
        elif abs(measures[vertex] - km[i]) > 1e-3:
            where = "the start of the line" if vertex == 0 else "the end of a section"
            raise InputError(
                f"Stop {table['name'].iloc[i]!r} has km {km[i]:g} and stands at {where}, "
                f"km {measures[vertex]:g}; km count from the start of the line."
            )
    if extra:
        rows = np.searchsorted(drawn, [s for s, _, _ in extra])
        xy = np.insert(xy, rows, [p.coords[0] for _, _, p in extra], axis=0)
        measures = np.insert(measures, rows, [m for _, m, _ in extra])
        ends = ends + np.searchsorted(np.sort(rows), ends, side="right")
    known = measures[~np.isnan(measures)]
    falls = np.flatnonzero(np.diff(known) < 0)
    if len(falls):
        a, b = known[falls[0]], known[falls[0] + 1]
        raise InputError(
            f"km fall from {a:g} to {b:g} along the line; they must rise from stop to stop and "
            "from section to section."
        )
    return xy, measures, ends


def _order_columns(frame: gpd.GeoDataFrame, first: Sequence[str]) -> gpd.GeoDataFrame:
    """Order columns: those of every corridor, then the caller's own, then the geometry."""
    first = [column for column in first if column != "geometry"]
    own = [c for c in frame.columns if c not in {*first, "geometry"}]
    return gpd.GeoDataFrame(frame[[*first, *own, "geometry"]], geometry="geometry", crs=4326)

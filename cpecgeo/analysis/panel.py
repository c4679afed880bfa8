"""Zones as units of a study: neighbours, the zone of a point, a panel of treatment."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from cpecgeo import geodesy
from cpecgeo.errors import InputError, MissingExtraError, UnknownNameError
from cpecgeo.features.corridor import Corridor
from cpecgeo.features.resolve import resolve, resolve_corridor
from cpecgeo.features.subject import Subject, SubjectLike, provenance
from cpecgeo.geodesy.inputs import POLYGONS, positive_km

__all__ = ["neighbours", "treatment", "values_of", "zone_at"]

# Provinces whose status is disputed, by ISO 3166-2.
_DISPUTED = frozenset({"PK-JK", "PK-GB"})
_DEGREE_KM = 110.9  # of latitude in the region, to 0.3 %
_STRAIGHT_KM = 1.0
_LEAST_KM = 1e-6  # length of a line in a zone that it only touches


def neighbours(zones: SubjectLike = "districts", *, as_graph: bool = False) -> Any:
    """Return the neighbours of zones (queen contiguity).

    Parameters
    ----------
    zones : SubjectLike
        ``"districts"``, ``"provinces"``, or polygons of your own.
    as_graph : bool
        Whether to return a `libpysal.graph.Graph` (``pip install libpysal``), with weights of 1 and
        zones without neighbours as isolates.

    Returns
    -------
    Series or Graph
        For each zone the list of the zones that share at least a point with it, in their order.
        Zones with a gap between their outlines aren't neighbours.

    Raises
    ------
    UnknownNameError, InputTypeError, CRSError, GeometryError
    MissingExtraError
        `as_graph` is set and libpysal isn't installed.

    Examples
    --------
    >>> neighbours("provinces")["islamabad-capital-territory"]
    ['khyber-pakhtunkhwa', 'punjab']
    """
    subject = resolve(zones, "zones", kinds=POLYGONS)
    found = _touching(subject.shapes)
    if not as_graph:
        found.attrs = {"method": "queen contiguity", **provenance(subject)}
        return found
    try:
        from libpysal.graph import Graph
    except ImportError as error:
        raise MissingExtraError(
            "A graph of neighbours is libpysal's, which isn't installed: pip install libpysal, or "
            "leave as_graph out."
        ) from error
    pairs = [(zone, other, 1) for zone, near in found.items() for other in near]
    pairs += [(zone, zone, 0) for zone, near in found.items() if not near]
    order = {zone: i for i, zone in enumerate(found.index)}
    pairs.sort(key=lambda pair: (order[pair[0]], order[pair[1]]))
    return Graph.from_arrays(*(np.array(column) for column in zip(*pairs, strict=True)))


def _touching(shapes: gpd.GeoSeries) -> pd.Series:
    """Return the labels of the zones that share a point with each."""
    array = np.asarray(shapes.array, dtype=object)
    one, other = shapely.STRtree(array).query(array, predicate="intersects")
    labels = shapes.index.to_numpy()
    lists: list[list[Hashable]] = [[] for _ in array]
    for i, j in sorted(zip(one.tolist(), other.tolist(), strict=True)):
        if i != j:
            lists[i].append(labels[j])
    return pd.Series(lists, index=shapes.index, name="neighbours", dtype=object)


def zone_at(
    points: gpd.GeoSeries, kind: Literal["district", "province"]
) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    """Return the district or province that each point lies in by its position, and if uncertainly.

    The name is None outside all outlines. It is uncertain where another zone is nearer than the
    accuracy of the outlines, by scaled degrees (to 2 %).

    Examples
    --------
    >>> zone_at(gpd.GeoSeries.from_xy([73.05], [33.6], crs=4326), "province")[0].tolist()
    ['Punjab']
    """
    subject = resolve(f"{kind}s", "zones")
    names = np.array([*map(str, subject.names or []), None], object)
    areas, geoms = (np.asarray(s.array, dtype=object) for s in (subject.shapes, points))
    tree = shapely.STRtree(areas)
    row, zone = tree.query(geoms, predicate="intersects")
    mine = np.full(len(geoms), -1)
    mine[row[::-1]] = zone[::-1]
    stated = subject.accuracy_km
    accuracy = np.zeros(len(areas)) if stated is None else np.nan_to_num(stated)
    widest = 1.3 * accuracy.max(initial=0.0) / _DEGREE_KM
    zone, row = shapely.STRtree(geoms).query(areas, predicate="dwithin", distance=widest)
    others = zone != mine[row]
    row, zone = row[others], zone[others]
    scale = np.cos(np.radians(shapely.get_y(geoms[row])))
    reach = np.maximum(accuracy[zone], np.where(mine[row] < 0, 0.0, accuracy[mine[row]]))
    # A scaled distance is between `scale` and 1 times the unscaled one, so most need no computing.
    near = shapely.distance(areas[zone], geoms[row]) * _DEGREE_KM
    near[near * scale > reach * (1.0 + 1e-9)] = np.inf
    for i in np.flatnonzero(np.isfinite(near) & (near > reach * (1.0 - 1e-9))):
        geom, at, narrow = geoms[row[i]], zone[i], scale[i]
        edges = (geom.x - widest, geom.y - widest, geom.x + widest, geom.y + widest)
        pair = [geom, shapely.clip_by_rect(areas[at], *edges)]
        pair = shapely.transform(pair, lambda xy, narrow=narrow: xy * [narrow, 1.0])
        near[i] = shapely.distance(*pair) * _DEGREE_KM
    is_uncertain = np.zeros(len(geoms), bool)
    is_uncertain[row[near <= reach]] = True
    return names[mine], is_uncertain


def values_of(subject: Subject, by: str, what: str) -> tuple[pd.Series, dict[str, Any]]:
    """Return the values by which rows are grouped: those of a column, or the zones of points.

    Without such a column, ``"district"`` and ``"province"`` are derived from the position. Also
    returned are entries for `.attrs`: `without_<by>`; from positions also `by_position` and
    `uncertain_<by>`, the number of points that may lie in another zone.

    Examples
    --------
    >>> values_of(resolve("mines"), "district", "points")[1]
    {'without_district': 0}
    """
    rows, doubt = subject.rows, dict[str, Any]()
    if by in rows:
        values = pd.Series(rows[by].to_numpy(), dtype=rows[by].dtype)
    elif by in {"district", "province"} and (subject.shapes.geom_type.dropna() == "Point").all():
        is_known = subject.shapes.notna().to_numpy()
        kind: Any = by
        found, is_uncertain = zone_at(subject.shapes[is_known], kind)
        values = pd.Series(None, range(len(subject)), dtype=object)
        values[is_known] = found
        doubt = {
            "by_position": f"the outlines of the layer {by}s",
            f"uncertain_{by}": int(is_uncertain.sum()),
        }
    else:
        raise UnknownNameError.of_column(by, rows.columns, of=what)
    values.index = subject.unlabelled.index
    return values, {f"without_{by}": int(values.isna().sum()), **doubt}


def treatment(
    corridors: SubjectLike,
    zones: SubjectLike = "districts",
    *,
    years: Sequence[int],
    within_km: float = 0,
    disputed: bool = True,
    undated: Literal["out", "in"] = "out",
) -> pd.DataFrame:
    """Return a panel of zones by year: which zones a corridor crosses or comes near, since when.

    Parameters
    ----------
    corridors : SubjectLike
        A corridor, or a list of them; shared sections are counted once.
    zones : SubjectLike
        ``"districts"``, ``"provinces"``, or polygons of your own, perhaps with `accuracy_km`.
    years : sequence of int
    within_km : float
        A section treats the zones that it crosses, or whose geodesic distance is up to this.
    disputed : bool
        Whether to include zones of disputed status: of the bundled ones Gilgit-Baltistan and Azad
        Kashmir; of your own those with True in a column `disputed`.
    undated : {"out", "in"}
        Whether operating sections without a date of opening treat no year, or every year.

    Returns
    -------
    DataFrame
        A row per zone and year: `zone`, `name`, `year`; `treated` (a section is open by then);
        `first_year` (missing where there is none) and `since`, the years from it; `km` of open
        sections inside the zone; `sections`, their ids; `status`: ``open``, else
        ``under_construction`` or ``planned`` where such sections are there as of now, else
        ``none``; `planned_km` and `undated_km`, of sections not open, and open without a date;
        `has_undated`, whether one without a date crosses the zone or comes near;
        `treated_neighbours` and `is_control`: not treated, with a treated neighbour (queen
        contiguity) and no undated section. `is_uncertain` marks zones whose assignment may be
        another within the accuracy of outline and line (95 %, see `crossed`).

        `.attrs` states the choices, and has the neighbours of each zone.

    Raises
    ------
    UnknownNameError, InputTypeError, CRSError, GeometryError
    InputError
        No years, or `disputed` is False and the zones don't state which are disputed.

    Examples
    --------
    >>> panel = treatment("m5", years=[2018, 2020])
    >>> panel[panel["name"] == "Multan"][["year", "treated"]].to_numpy().tolist()
    [[2018, False], [2020, True]]
    """
    km = positive_km(within_km, "within_km", allow_zero=True)
    when = _years(years)
    if undated not in {"out", "in"}:
        raise InputError(f'undated is {undated!r}; it is "out" or "in".')
    things = _corridors(corridors)
    subject = resolve(zones, "zones", kinds=POLYGONS)
    keep = np.ones(len(subject), bool) if disputed else ~_is_disputed(subject)
    shapes = subject.shapes[keep]
    stated = subject.accuracy_km
    accuracy = np.zeros(len(shapes)) if stated is None else np.nan_to_num(stated[keep])
    pairs = _pairs(_sections(things), shapes, accuracy, km)
    touching = _touching(shapes)
    names = np.array(subject.names or list(subject.shapes.index), object)[keep]
    rows = [
        row
        for i, label in enumerate(shapes.index)
        for row in _of_zone(label, names[i], pairs[pairs["zone"] == i], when, undated)
    ]
    panel = pd.DataFrame(rows).astype({"first_year": "Int64", "since": "Int64"})
    by_year = panel.pivot_table(index="zone", columns="year", values="treated", sort=False)
    count = {zone: by_year.loc[near].sum() for zone, near in touching.items()}
    panel["treated_neighbours"] = [
        int(count[zone][year]) for zone, year in zip(panel["zone"], panel["year"], strict=True)
    ]
    # A zone with an open road of unknown date isn't untreated.
    is_free = ~panel["treated"] & ~panel["has_undated"]
    panel["is_control"] = is_free & (panel["treated_neighbours"] > 0)
    panel["is_uncertain"] = panel.pop("is_uncertain")
    panel.attrs = {
        "corridors": [thing.name for thing in things],
        "zones": subject.title,
        "within_km": km,
        "disputed": "in" if disputed else f"out: {int((~keep).sum())} zones",
        "undated": undated,
        "contiguity": "queen: zones that share at least a point",
        "neighbours": touching.to_dict(),
        "method": "sections by their year of opening; geodesic km inside the outlines",
        "accuracy": "is_uncertain: outline and line (poorest leg of the section), 95 %",
        **provenance(subject, *(thing.as_subject() for thing in things)),
    }
    return panel


def _years(years: Sequence[int]) -> list[int]:
    listed = list(years) if isinstance(years, (Sequence, range, np.ndarray)) else []
    if not listed or not all(isinstance(y, (int, np.integer)) for y in listed):
        raise InputError(f"years is {years!r}; give whole numbers, such as range(2000, 2026).")
    return sorted({int(y) for y in listed})


def _corridors(x: SubjectLike) -> list[Corridor]:
    subject = resolve(x, "corridors", anywhere=True)
    things = [thing for thing in subject.things if isinstance(thing, Corridor)]
    if len(things) != len(subject):
        return [resolve_corridor(subject, "corridors")]  # raises the error
    return things


def _is_disputed(subject: Subject) -> NDArray[np.bool_]:
    frame = subject.frame
    if frame is not None and "disputed" in frame:
        return np.asarray(frame["disputed"].fillna(False), bool)
    if frame is not None and "province_iso" in frame:
        return np.asarray(frame["province_iso"].isin(_DISPUTED), bool)
    raise InputError(
        "disputed is False, but zones don't say which they are; give them a column disputed (True "
        "or False)."
    )


def _sections(things: list[Corridor]) -> gpd.GeoDataFrame:
    """Return the drawn sections of corridors, each once, with the year of opening."""
    columns = ["id", "status", "opened", "accuracy_km", "geometry"]
    whole = pd.concat([thing.sections[columns] for thing in things], ignore_index=True)
    whole = whole[whole["geometry"].notna()].drop_duplicates("id").reset_index(drop=True)
    whole["year"] = pd.to_numeric(whole["opened"].astype(str).str[:4], errors="coerce")
    return gpd.GeoDataFrame(whole, geometry="geometry", crs=4326)


def _pairs(
    sections: gpd.GeoDataFrame, shapes: gpd.GeoSeries, accuracy: NDArray[np.float64], km: float
) -> pd.DataFrame:
    """Return pairs of a section and a zone that it treats or may treat, with the km inside."""
    lines = geodesy.densify(sections.geometry, _STRAIGHT_KM)
    areas = geodesy.densify(shapes.reset_index(drop=True), _STRAIGHT_KM)
    line_km = np.nan_to_num(sections["accuracy_km"].to_numpy(float))
    furthest = km + float(np.hypot(line_km.max(initial=0.0), accuracy.max(initial=0.0)))
    # Degrees of longitude are shorter than those of latitude, so this is large enough.
    widest = 1.4 * furthest / _DEGREE_KM + 1e-6
    tree = shapely.STRtree(np.asarray(areas.array, dtype=object))
    row, zone = tree.query(
        np.asarray(lines.array, dtype=object), predicate="dwithin", distance=widest
    )
    one, other = (s.reset_index(drop=True) for s in (lines.iloc[row], areas.iloc[zone]))
    inside = one.intersection(other)
    length = np.array([_length_km(part) for part in inside])
    # Distance less the limit; for a crossed zone, minus the greatest depth of the line inside it.
    away = np.array(geodesy.distance_km(one, other), float)
    outlines = [geodesy.Index(area.boundary) if i in set(zone) else None
                for i, area in enumerate(areas)]  # fmt: skip
    for i in np.flatnonzero(length > _LEAST_KM):
        index = outlines[zone[i]]
        if index is not None:
            xy = shapely.get_coordinates(inside.iloc[i])
            away[i] = -float(index.find(xy).metres.max()) / 1e3
    reach = np.hypot(line_km[row], accuracy[zone])
    is_treated = (away <= km) if km > 0 else (length > _LEAST_KM)
    is_uncertain = np.abs(away - km) < reach
    found = pd.DataFrame({"zone": zone, "km": length, "is_treated": is_treated,
                          "is_uncertain": is_uncertain})  # fmt: skip
    for column in ("id", "status", "year"):
        found[column] = sections[column].to_numpy()[row]
    return found[found["is_treated"] | found["is_uncertain"]]


def _length_km(shape: shapely.Geometry) -> float:
    """Return the length of the lines of an intersection, which may also contain points."""
    lines = [p for p in shapely.get_parts(shape) if p.geom_type == "LineString" and not p.is_empty]
    return float(sum(geodesy.length_km(line) for line in lines))


def _of_zone(
    label: Hashable, name: object, pairs: pd.DataFrame, years: list[int], undated: str
) -> list[dict[str, Any]]:
    """Return the rows of one zone."""
    is_uncertain = bool(pairs["is_uncertain"].any())
    here = pairs[pairs["is_treated"]]
    coming = here[here["status"].isin(["planned", "under_construction"])]
    opened = here[here["year"].notna()]
    unknown = here[here["year"].isna() & ~here.index.isin(coming.index)]
    if undated == "in":
        opened = pd.concat([opened, unknown.assign(year=-np.inf)])
    dated = opened["year"][np.isfinite(opened["year"])]
    first = int(dated.min()) if len(dated) else None
    rows = []
    for year in years:
        now = opened[opened["year"] <= year]
        status = "open" if len(now) else "none"
        for word in ("planned", "under_construction"):
            status = word if not len(now) and (coming["status"] == word).any() else status
        rows.append(
            {
                "zone": label,
                "name": name,
                "year": year,
                "treated": bool(len(now)),
                "first_year": first,
                "since": None if first is None else year - first,
                "km": float(now["km"].sum()),
                "sections": ", ".join(sorted(map(str, now["id"]))),
                "status": status,
                "planned_km": float(coming["km"].sum()),
                "undated_km": float(unknown["km"].sum()),
                "has_undated": bool(len(unknown)),
                "is_uncertain": is_uncertain,
            }
        )
    return rows

"""Zones that a line crosses, in the order of travel."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from cpecgeo import geodesy
from cpecgeo.analysis.accuracy import CERTAINTY, GEODESIC, Accuracies, words
from cpecgeo.analysis.crossings import Crossings, Row
from cpecgeo.errors import InputError
from cpecgeo.features.resolve import resolve
from cpecgeo.features.subject import Subject, SubjectLike, provenance
from cpecgeo.geodesy import Chainage
from cpecgeo.geodesy.inputs import LINES, POLYGONS

__all__ = ["crossed"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Geoms = NDArray[np.object_]
# A function from geodesic km along a corridor to chainage; None for other lines.
_Measures = Callable[[Floats], Floats] | None

# Geodesic edges are cut into straight ones of this length: less than 2 cm apart.
_STRAIGHT_KM = 1.0
# Stretches shorter than this, where a line touches a corner, are dropped.
_LEAST_KM = 1e-6
# A line this close to an outline throughout runs on it: about 5 cm, because the same geodesic edge,
# cut at other points, is up to 2 cm away.
_ALONG_DEG = 5e-7
# Share along a part between two cuts at which its zone is tested.
_SAMPLES = (0.05, 0.31, 0.57, 0.93)
_SURE, _OPEN = CERTAINTY.index("sure"), CERTAINTY.index("open")


def crossed(
    x: SubjectLike, zones: SubjectLike = "districts", *, sections: bool = False
) -> gpd.GeoDataFrame:
    """Return the zones that lines cross, in the order of travel.

    Parameters
    ----------
    x : SubjectLike
        A line, or several: a corridor, section, route, LineString, MultiLineString …
    zones : SubjectLike
        ``"districts"``, ``"provinces"``, ``"countries"``, or polygons of your own.
    sections : bool
        Whether stretches end also at the ends of the corridor's sections.

    Returns
    -------
    GeoDataFrame
        EPSG:4326, a row per stretch: `zone, name, km_in, km_out, length_km, length_low_km,
        length_high_km, share, km_in_off, km_out_off, uncertain_share, certainty, geometry`, one
        line after the other, labelled in `feature` where `x` is more than one thing. A zone that is
        entered again has another row. A stretch outside every zone has a row without `zone`.
        `km_in` and `km_out` are chainage where a line is a corridor, geodesic km from the start
        otherwise. `length_km` is the geodesic length of the drawn stretch, `share` its share of the
        line. Where zones don't overlap, the shares of a line add up to 1. A stretch along a common
        outline, within 5 cm of it throughout, is counted once, in the first of the zones there.
        `.attrs` has the total and the length outside.

        `km_in_off` and `km_out_off` are the uncertainties of `km_in` and `km_out` in km, 0 at the
        ends of the line. `length_high_km` is the greatest possible length of the stretch.
        `length_low_km` is the least: with both ends moved inwards, and without parts within reach
        of another zone. `uncertain_share` is the share of the stretch that may belong to another
        zone, or to none where it borders on none. They follow from the `accuracy_km` of the zones
        and of the line's legs (95 % values). An unknown accuracy counts as exact; where both are
        unknown they are NaN. `certainty` is ``sure`` where part of the stretch can't belong to
        another zone, and ``open`` where all of it can, so that the line may miss the zone. `.attrs`
        names the zones that are never sure (`open`).

        `sections` adds `section`, its `status` and when it `opened`.

    Raises
    ------
    UnknownNameError, InputTypeError, CRSError, CoordinateError, GeometryError
    InputError
        `sections` is set for a line without sections.

    Notes
    -----
    Edges of line and zones are geodesics, cut into segments of 1 km; crossings are exact to about 2
    cm. The outlines themselves are as accurate as the `accuracy_km` of the zones: 3 to 19 km for
    the bundled districts, measured against those of 2022.

    Examples
    --------
    >>> crossed("taxila-havelian", "provinces")["zone"].tolist()
    ['punjab', 'khyber-pakhtunkhwa', 'punjab', 'khyber-pakhtunkhwa']
    """
    subject = resolve(x, "x", kinds=LINES)
    among = resolve(zones, "zones", kinds=POLYGONS)
    outlines = _zones(among)
    found = [_cross(subject, i, outlines, sections=sections) for i in range(len(subject))]
    frame = gpd.GeoDataFrame(pd.concat(found, ignore_index=True), geometry="geometry", crs=4326)
    if not subject.is_single:
        labels = np.repeat(subject.shapes.index.to_numpy(), [len(part) for part in found])
        frame.insert(0, "feature", labels)
    line_km = np.concatenate([part.attrs["line_km"] for part in found])
    measured = {label in subject.chainages for label in subject.shapes.index}
    how = {True: "calibrated", False: "geodesic km from the start"}
    sure = set(frame.loc[frame["certainty"] != "open", "name"].dropna())
    frame.attrs = {
        "line": subject.shapes.index[0]
        if subject.chainages and len(subject) == 1
        else subject.title,
        "zones": among.title if among.kind == "layer" else "given",
        "method": "geodesic edges cut at the outlines",
        **GEODESIC,
        "chainage": " and ".join(how[is_measured] for is_measured in sorted(measured)[::-1]),
        "accuracy": _say_accuracy(outlines["accuracy_km"].to_numpy(float)),
        "line_accuracy": _say_accuracy(line_km),
        "open": [name for name in dict.fromkeys(frame["name"].dropna()) if name not in sure],
        "total_km": sum(part.attrs["total_km"] for part in found),
        "outside_km": float(frame.loc[frame["zone"].isna(), "length_km"].sum()),
        **provenance(subject, among),
    }
    return frame


def _cross(
    subject: Subject, position: int, zones: gpd.GeoDataFrame, *, sections: bool
) -> gpd.GeoDataFrame:
    """Return the stretches of one of several lines; `.attrs` has its length and accuracy."""
    line, measures = subject.shapes.iloc[position], _calibrate(subject, position)
    areas, accuracy = zones.geometry, zones["accuracy_km"].to_numpy(float)
    chain = Chainage(line)
    shapes, starts, ends = _segments(line)
    rows = _inside(shapes, starts, ends, areas)
    rows += _outside(rows, chain.end_km, _breaks(line))
    rows.sort(key=lambda row: (row[1], row[2]))
    total = chain.end_km
    if sections:
        limits, table = _sections(subject, position)
        rows = [
            (zone, a, b)
            for zone, start, end in rows
            for a, b in pairwise([start, *limits[(limits > start) & (limits < end)], end])
            if b - a > _LEAST_KM
        ]
    line_km = _line_accuracy(subject, position, (starts + ends) / 2, measures)
    met = Crossings((shapes, starts, ends), areas, accuracy, _breaks(line), line_km)
    within = np.append(limits, total) if sections else np.array([0.0, total])
    shown = np.array([(a, b) for _, a, b in rows]).reshape(-1, 2)
    km = shown if measures is None else measures(shown)
    labels, names = areas.index.to_numpy(), zones["name"].to_numpy()
    frame = gpd.GeoDataFrame(
        {
            "zone": [None if i < 0 else labels[i] for i, _, _ in rows],
            "name": [None if i < 0 else names[i] for i, _, _ in rows],
            "km_in": km[:, 0],
            "km_out": km[:, 1],
            "length_km": shown[:, 1] - shown[:, 0],
            **_doubt(met, rows, km, measures, within),
        },
        geometry=[chain.between(a, b) for _, a, b in rows],
        crs=4326,
    )
    frame.insert(7, "share", frame["length_km"] / total)
    if sections:
        at = np.searchsorted(limits, shown.mean(axis=1), side="right") - 1
        for column, of in (("section", "id"), ("status", "status"), ("opened", "opened")):
            values = table[of].astype(object).where(table[of].notna(), None).to_numpy()
            frame.insert(2, column, values[np.clip(at, 0, len(table) - 1)])
        frame = frame[["zone", "name", "section", "status", "opened", *frame.columns[5:]]]
    frame.attrs = {"total_km": total, "line_km": line_km}
    return frame


def _say_accuracy(accuracy: Floats) -> str:
    """Describe the accuracy of outlines or lines; empty where unknown."""
    known = accuracy[~np.isnan(accuracy)]
    return f"{known.min():g} to {known.max():g} km (95 %)" if len(known) else ""


def _doubt(
    met: Crossings, rows: list[Row], km: Floats, measures: _Measures, within: Floats
) -> dict[str, Any]:
    """Return the uncertainty of each end, and the share that may belong to another zone."""
    off: dict[str, list[float]] = {"km_in_off": [], "km_out_off": []}
    spans, shares = np.empty((len(rows), 2, 2)), np.empty(len(rows))
    first = np.searchsorted(within, [(a + b) / 2 for _, a, b in rows]) - 1
    for i, (row, (km_in, km_out)) in enumerate(zip(rows, km, strict=True)):
        others = [met.beyond(rows, row, at) for at in row[1:]]
        shares[i] = met.uncertain_share(row, is_beside_none=-1 in others)
        for side, (name, at, drawn) in enumerate(
            (("km_in_off", row[1], km_in), ("km_out_off", row[2], km_out))
        ):
            other = others[side]
            ends = np.array((at, at) if other is None else met.off_km(row, other, at))
            spans[i, side] = np.clip(ends, within[first[i]], within[first[i] + 1])
            ends = ends if measures is None else measures(ends)
            off[name].append(0.0 if other is None else float(np.abs(ends - drawn).max()))
    # A stretch close to another zone throughout may be in it, even where its ends are sure.
    sure = np.array([end - start for _, start, end in rows]) * (1.0 - shares)
    return {
        "length_low_km": np.clip(
            np.fmin(spans[:, 1, 0] - spans[:, 0, 1], sure), 0.0, None
        ).tolist(),
        "length_high_km": (spans[:, 1, 1] - spans[:, 0, 0]).tolist(),
        **off,
        "uncertain_share": shares,
        "certainty": words(np.select([np.isnan(shares), shares < 1], [-1, _SURE], _OPEN)),
    }


def _sections(subject: Subject, position: int) -> tuple[Floats, pd.DataFrame]:
    """Return the geodesic km at the start of each section of a corridor, and their table."""
    label = subject.shapes.index[position]
    things = {t.name: t for t in subject.things if hasattr(t, "sections")}
    if label not in subject.chainages or label not in things:
        which = subject.title if len(subject) == 1 else label
        raise InputError(
            f"sections are asked for, but x is {which}, no corridor; leave sections out."
        )
    thing = things[label]
    at, km = Chainage(thing.chainage.line).measures_km, thing.chainage.measures_km
    return np.interp(thing.sections["km_from"].to_numpy(float), km, at), thing.sections


def _line_accuracy(subject: Subject, position: int, at: Floats, measures: _Measures) -> Floats:
    """Return the accuracy of a line at geodesic km along it; NaN where unknown."""
    km = at if measures is None else measures(at)
    return Accuracies.of(subject).at(np.full(len(at), position, np.int64), km)


def _calibrate(subject: Subject, position: int) -> _Measures:
    """Return a function from geodesic km along a corridor to chainage; None for other lines."""
    chainage = subject.chainages.get(subject.shapes.index[position])
    if chainage is None:
        return None
    at, km = Chainage(chainage.line).measures_km, chainage.measures_km
    return lambda along: np.interp(along, at, km)


def _zones(subject: Subject) -> gpd.GeoDataFrame:
    """Return zones with edges of at most 1 km, their names, and their accuracy in km (95 %)."""
    areas, stated = geodesy.densify(subject.shapes, _STRAIGHT_KM), subject.accuracy_km
    about = {
        "name": subject.names or list(areas.index),
        "accuracy_km": np.nan if stated is None else stated,
    }
    return gpd.GeoDataFrame(about, geometry=areas.array, index=areas.index)


def _parts(line: shapely.Geometry) -> list[shapely.LineString]:
    return list(line.geoms) if line.geom_type == "MultiLineString" else [line]


def _breaks(line: shapely.Geometry) -> Floats:
    """Return the geodesic km of the gaps between parts of a line."""
    return np.cumsum([geodesy.length_km(part) for part in _parts(line)])[:-1]


def _segments(line: shapely.Geometry) -> tuple[Geoms, Floats, Floats]:
    """Split the line into straight segments, with geodesic km at both ends of each."""
    shapes, starts, ends, before = [], [], [], 0.0
    for part in _parts(line):
        fine = geodesy.densify(part, _STRAIGHT_KM)
        xy = np.asarray(fine.coords)[:, :2]
        at = before + Chainage(fine).measures_km
        long = at[1:] > at[:-1]
        shapes.append(shapely.linestrings(np.stack((xy[:-1], xy[1:]), axis=1)[long]))
        starts.append(at[:-1][long])
        ends.append(at[1:][long])
        before = at[-1]
    return np.concatenate(shapes), np.concatenate(starts), np.concatenate(ends)


def _inside(shapes: Geoms, starts: Floats, ends: Floats, areas: gpd.GeoSeries) -> list[Row]:
    """Return (zone, from, to) of every stretch inside a zone, segments joined."""
    array = np.asarray(areas.array, dtype=object)
    shapely.prepare(array)
    margin = np.array([-_ALONG_DEG, -_ALONG_DEG, _ALONG_DEG, _ALONG_DEG])
    around = shapely.box(*(shapely.bounds(shapes) + margin).T)
    segment, zone = shapely.STRtree(array).query(around, predicate="intersects")
    # Most segments are inside one zone, with no other nearby.
    alone = np.bincount(segment, minlength=len(shapes))[segment] == 1
    alone &= shapely.contains_properly(array[zone], around[segment])
    found = [
        (int(z), float(starts[p]), float(ends[p]))
        for p, z in zip(segment[alone], zone[alone], strict=True)
    ]
    segment, zone = segment[~alone], zone[~alone]
    if len(segment):
        p, z, a, b = _split_shared(shapes, segment, zone, array)
        step = ends - starts
        found += zip(
            z.tolist(),
            (starts[p] + a * step[p]).tolist(),
            (starts[p] + b * step[p]).tolist(),
            strict=True,
        )
    found.sort()
    joined: list[Row] = []
    for row in found:
        if joined and joined[-1][0] == row[0] and row[1] - joined[-1][2] < _LEAST_KM:
            joined[-1] = (row[0], joined[-1][1], max(row[2], joined[-1][2]))
        else:
            joined.append(row)
    return [row for row in joined if row[2] - row[1] > _LEAST_KM]


def _split_shared(
    shapes: Geoms, segment: Ints, zone: Ints, array: Geoms
) -> tuple[Ints, Ints, Floats, Floats]:
    """Return (segment, zone, from, to) of segments near outlines, as shares of each.

    Each segment is cut where an outline meets it. Each part is assigned to the zones that contain
    it, and a part on an outline to the first zone that it bounds.
    """
    outlines = shapely.boundary(array)
    met = shapely.intersection(shapes[segment], outlines[zone])
    vertex, owner = shapely.get_coordinates(met, return_index=True)
    origin, reach = _vector(shapes[segment[owner]])
    t = np.einsum("ij,ij->i", vertex - origin, reach) / np.einsum("ij,ij->i", reach, reach)
    ids = np.unique(segment)
    cut = np.concatenate((np.zeros(len(ids)), np.ones(len(ids)), np.clip(t, 0, 1)))
    of = np.concatenate((ids, ids, segment[owner]))
    order = np.lexsort((cut, of))
    cut, of = cut[order], of[order]
    same = (of[1:] == of[:-1]) & (cut[1:] > cut[:-1])
    of, a, b = of[:-1][same], cut[:-1][same], cut[1:][same]
    # Every part with every zone near its segment; `segment` repeats, ascending in `of`.
    by = np.argsort(segment, kind="stable")
    segment, zone = segment[by], zone[by]
    first = np.searchsorted(segment, of)
    count = np.searchsorted(segment, of, side="right") - first
    part = np.repeat(np.arange(len(of)), count)
    z = zone[np.repeat(first - np.cumsum(count) + count, count) + np.arange(len(part))]
    origin, reach = _vector(shapes[of])
    near = np.ones(len(part), bool)
    edge = near.copy()
    shapely.prepare(outlines)
    for share in _SAMPLES:
        xy = origin + (a + share * (b - a))[:, None] * reach
        spots = shapely.points(xy)[part]
        near &= shapely.dwithin(array[z], spots, _ALONG_DEG)
        edge &= shapely.dwithin(outlines[z], spots, _ALONG_DEG)
    part, z, edge = part[near], z[near], edge[near]
    order = np.lexsort((z, edge, part))
    part, z, edge = part[order], z[order], edge[order]
    edge[np.unique(part, return_index=True)[1]] = False
    part, z = part[~edge], z[~edge]
    return of[part], z, a[part], b[part]


def _vector(segments: Geoms) -> tuple[Floats, Floats]:
    """Return the first vertex of straight segments, and the vector to the last one."""
    ends = shapely.get_coordinates(segments).reshape(-1, 2, 2)
    return ends[:, 0], ends[:, 1] - ends[:, 0]


def _outside(rows: list[Row], total: float, breaks: Floats) -> list[Row]:
    """Return the stretches outside all zones."""
    gaps, reached = [], 0.0
    for _, a, b in [*sorted(rows, key=lambda row: row[1]), (-1, total, total)]:
        if a - reached > _LEAST_KM:
            limits = [reached, *(k for k in breaks if reached < k < a), a]
            gaps += [(-1, u, v) for u, v in pairwise(limits)]
        reached = max(reached, b)
    return gaps

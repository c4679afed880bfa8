"""Lengths, distances, nearest targets, chainage and buffers of any subject; distances in words."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from cpecgeo import geodesy
from cpecgeo.analysis.accuracy import Accuracies, Steps
from cpecgeo.features.corridor import Corridor
from cpecgeo.features.resolve import resolve, resolve_corridor, resolve_points
from cpecgeo.features.subject import Subject, SubjectLike, provenance
from cpecgeo.geodesy._compile import spread
from cpecgeo.geodesy._ellipsoid import Floats, Ints
from cpecgeo.geodesy.inputs import check_points

__all__ = [
    "buffer",
    "distance_km",
    "distance_matrix_km",
    "free_names",
    "index_of",
    "interval_text",
    "length_km",
    "locate",
    "nearest",
    "span_text",
]

_MANY, _NOTHING_KM = 65_536, 1e-9  # rows worth a thread; rounding errors of chainage
ACCURACY = (
    "95 % values: accuracy_km of the leg or target at the closest place, more where a poorer leg "
    "can be closer; point_accuracy_km of the point; distances are of what is drawn"
)


def length_km(x: SubjectLike) -> float | pd.Series:
    """Return the geodesic length of the drawn line.

    Parameters
    ----------
    x : SubjectLike
        Corridor, route, name, geometry, series, table, file, or a list of them; see `resolve`.

    Returns
    -------
    float or Series
        Kilometres along the geodesic edges, by Karney's method on WGS 84, exact to 1e-9. 0
        for points; NaN where a geometry is missing. Published lengths are
        `Corridor.official_km`, calibrated ones `Route.chainage_km`.

    Raises
    ------
    UnknownNameError, InputTypeError, CRSError, CoordinateError
    GeometryError
        Polygons, which have a perimeter: see `cpecgeo.geodesy.perimeter_km`.

    Examples
    --------
    >>> round(length_km("ml1"), 1)
    1692.3
    """
    subject = resolve(x, "x", missing="keep")
    return _tell(geodesy.length_km(subject.checked), subject)


def distance_km(a: SubjectLike, b: SubjectLike) -> float | pd.Series:
    """Return the geodesic distance of pairs.

    Parameters
    ----------
    a, b : SubjectLike
        Two series are paired by position; one thing is paired with each row of a series.

    Returns
    -------
    float or Series
        Kilometres; 0 where the two meet or one contains the other.

    Raises
    ------
    UnknownNameError, InputTypeError, CRSError, CoordinateError, GeometryError

    Examples
    --------
    >>> round(distance_km("Reko Diq", "Gwadar Port"), 1)
    447.2
    """
    one, two = (resolve(x, w, missing="keep") for x, w in ((a, "a"), (b, "b")))
    return _tell(geodesy.distance_km(one.checked, two.checked), one, two)


def distance_matrix_km(a: SubjectLike, b: SubjectLike) -> pd.DataFrame:
    """Return the geodesic distance of each of `a` to each of `b`.

    Parameters
    ----------
    a, b : SubjectLike
        A list of names and things gives a row or column for each, labelled by its name.

    Returns
    -------
    DataFrame
        Kilometres.

    Raises
    ------
    UnknownNameError, InputTypeError, CRSError, CoordinateError, GeometryError

    Examples
    --------
    >>> distance_matrix_km(["Multan", "Sukkur"], ["ml1", "kkh"]).loc["Multan", "ml1"].round()
    np.float64(1.0)
    """
    one, two = (resolve(x, w, missing="keep") for x, w in ((a, "a"), (b, "b")))
    return _tell(geodesy.distance_matrix_km(one.checked, two.checked), one, two)


def nearest(
    points: SubjectLike,
    targets: SubjectLike,
    *,
    k: int = 1,
    max_km: float | None = None,
    sections: bool = False,
) -> pd.DataFrame:
    """Return the nearest target of each point, and the closest point on it.

    Parameters
    ----------
    points : SubjectLike
        Points.
    targets : SubjectLike
        Corridors, places, layers, geometries of your own, in any mixture. ``"corridors"``
        stands for each corridor, with its chainage.
    k : int
        Number of targets for each point, nearest first.
    max_km : float, optional
        Look no farther.
    sections : bool
        Whether to add the section of a corridor at the closest point.

    Returns
    -------
    DataFrame
        On the points' index: `target` (the corridor's id, the name or the index of the
        target), `distance_km`, `lon`, `lat` of the closest point on it, `km` along it
        (chainage where the target is a corridor, geodesic kilometres otherwise) and `side`,
        seen in the direction of travel; both missing where a target is a point or an area, which
        has none; inside an area `distance_km` is 0. With `k` above 1 also `rank`, from 1.

        `accuracy_km` says how far off the distance can be because of the target, a 95 % value: of
        a corridor, the accuracy of its leg at the closest point, and more where a leg that is less
        accurate by over 4 km may be closer; NaN where unknown. An `accuracy_km` of the points
        becomes `point_accuracy_km`. `sections` adds `section`, its `status` and when it `opened`.

    Raises
    ------
    UnknownNameError, InputTypeError, CRSError, CoordinateError, GeometryError

    Examples
    --------
    >>> near = nearest("Torkham", ["ml1", "kkh"])
    >>> near["target"].tolist()
    ['ml1']
    """
    to = resolve(targets, "targets")
    subject = resolve_points(points)
    ids, index = to.shapes.index.to_numpy(), index_of(to, np.arange(len(to)))
    given = check_points(subject.unlabelled)
    frame = index.nearest(given, k=k, max_km=max_km)
    code = frame["target"].to_numpy()
    is_hit = code >= 0
    code = code if code.dtype.kind == "i" else np.where(is_hit, code, -1).astype(np.int64)
    distance, at = frame["distance_km"].to_numpy(), frame["km"].to_numpy()
    xy = given.each(len(frame) // max(len(given), 1))
    accuracy = Accuracies.of(to).near(xy, code, distance, at)
    names, km = _names_and_km(frame, pd.Series(ids), code)
    target = names.array if is_hit.all() else names.where(is_hit).to_numpy()
    answer = frame.drop(columns="path")
    rank = answer.pop("rank") if "rank" in answer else None
    for name, values in (("target", target), ("km", km), ("accuracy_km", accuracy)):
        answer[name] = pd.Series(values, answer.index, copy=False)  # as series, not copied
    if (own := subject.accuracy_km) is not None:
        answer["point_accuracy_km"] = np.repeat(own, len(answer) // max(len(own), 1))
    answer = answer if rank is None else answer.assign(rank=rank)
    if sections:
        _add_sections(answer, {t.name: t for t in to.things if hasattr(t, "chainage")})
    answer.attrs = {**frame.attrs, "accuracy": ACCURACY}
    return _tell(answer, subject, to)


def _names_and_km(frame: pd.DataFrame, ids: pd.Series, code: Ints) -> tuple[Any, Floats]:
    """Return names of targets, and km along them: NaN where there are none, and 0 for -0."""
    parts: dict[int, pd.Series] = {-1: ids[:0]}
    at, is_none, km = frame["km"].to_numpy(), frame["side"].isna().to_numpy(), np.empty(len(code))
    is_number = ids.equals(pd.Series(range(len(ids))))  # the targets have no other names

    def work(first: int, last: int) -> None:
        here = slice(first, last)
        if len(ids) > 1 and not is_number:
            parts[first] = pd.Series(ids.array.take(code[here]))
        km[here] = np.where(np.abs(at[here]) < _NOTHING_KM, 0.0, at[here])
        km[here][is_none[here]] = np.nan

    spread(work, len(code), least=_MANY)
    if len(ids) == 1 and not is_number:  # the same name in all rows
        block = pd.Series(ids.array.take(np.zeros(min(len(code), _MANY), np.int64)))
        parts |= {i: block[: len(code) - i] for i in range(0, len(code), _MANY)}
    # Where pandas stores text in pieces, this copies nothing.
    names = pd.concat([parts[i] for i in sorted(parts)], ignore_index=True)
    return pd.Series(code, copy=False) if is_number else names, km


def index_of(subject: Subject, ids: Ints | None = None) -> geodesy.Index:
    """Prepare a search index of targets, with chainage along corridors.

    `ids` are their names in answers; their labels when omitted.
    """
    labels, known = subject.shapes.index, subject.chainages
    measures = {i: known[of].calibrate for i, of in enumerate(labels) if of in known}
    return geodesy.Index(subject.checked, ids, measures=measures)


def _add_sections(frame: pd.DataFrame, corridors: dict[str, Corridor]) -> None:
    """Add the section at the closest point of a corridor, its status and its date of opening."""
    columns = {name: np.full(len(frame), None, object) for name in ("section", "status", "opened")}
    target, km = frame["target"].to_numpy(), frame["km"].to_numpy(float)
    for name, thing in corridors.items():
        table = thing.sections
        here = target == name
        rows = Steps(table["km_from"].to_numpy(float), thing.end_km).rows(km[here])
        for column, of in (("section", "id"), ("status", "status"), ("opened", "opened")):
            values = table[of].astype(object).where(table[of].notna(), None).to_numpy()
            columns[column][here] = np.array([*values, None], object)[rows]
    for column, values in columns.items():
        frame[column] = values


def free_names(names: Sequence[str], taken: Collection[str]) -> list[str]:
    """Append ``_near`` to names of columns until none is among those taken.

    >>> free_names(["side"], {"id", "side", "side_near"})
    ['side_near_near']
    """
    free = []
    for name in names:
        while name in taken:
            name = f"{name}_near"  # noqa: PLW2901
        free.append(name)
    return free


def locate(points: SubjectLike, corridor: SubjectLike, *, sections: bool = False) -> pd.DataFrame:
    """Return the chainage and offset of points along a corridor.

    Parameters
    ----------
    points : SubjectLike
        Points.
    corridor : Corridor or str
    sections : bool
        Whether to add the section at the closest point.

    Returns
    -------
    DataFrame
        On the points' index: `km` (chainage), `offset_km` (geodesic distance), `side` ("left",
        "right", or "on" within 1 mm, in the direction of rising chainage), `lon` and `lat` of the
        closest point on the line. NaN where a point is missing. The closest point is exact on the
        drawn line to 1 mm; `accuracy_km` says how far off the distance can be, a 95 % value: the
        accuracy of the leg there, and more where a leg that is less accurate by over 4 km may be
        closer. An `accuracy_km` of the points becomes `point_accuracy_km`. `sections` adds
        `section`, its `status` and when it `opened`.

    Raises
    ------
    UnknownNameError, InputTypeError, CRSError, CoordinateError, GeometryError

    Examples
    --------
    >>> row = locate(shapely.Point(68.896448, 27.685755), "ml1-chord").iloc[0]
    >>> round(float(row.km), 3), round(float(row.offset_km), 6)
    (481.0, 0.0)
    """
    thing = resolve_corridor(corridor)
    subject = resolve_points(points)
    to = thing.as_subject()
    given = check_points(subject.unlabelled)
    frame = thing.chainage.locate(given)
    km, away = frame["km"].to_numpy(float), frame["offset_km"].to_numpy(float)
    target = np.where(np.isnan(km), -1, 0)
    frame["accuracy_km"] = Accuracies.of(to).near(given.each(), target, away, km)
    if (own := subject.accuracy_km) is not None:
        frame["point_accuracy_km"] = own
    if sections:
        found = frame.assign(target=thing.name)
        _add_sections(found, {thing.name: thing})
        frame = found.drop(columns="target")
    told = {"corridor": thing.name, "accuracy": ACCURACY}
    frame.attrs = {**frame.attrs, **told, **provenance(to, subject)}
    return frame


def buffer(
    x: SubjectLike,
    km: float,
    *,
    cap: Literal["round", "flat"] = "round",
    side: Literal["left", "right"] | None = None,
    rtol: float = 1e-4,
) -> shapely.Polygon | shapely.MultiPolygon | gpd.GeoSeries:
    """Return the area within a geodesic distance.

    Parameters
    ----------
    x : SubjectLike
        One thing gives one area, several a series.
    km : float
        Geodesic radius in kilometres, 0.001 to 5,000; negative shrinks areas.
    cap, side, rtol
        As in `cpecgeo.geodesy.buffer`.

    Returns
    -------
    Polygon, MultiPolygon or GeoSeries
        EPSG:4326. Every point of the boundary is at `km`, within a relative error of `rtol`.

    Raises
    ------
    UnknownNameError, InputTypeError, CRSError, CoordinateError, GeometryError

    Examples
    --------
    >>> buffer("Gwadar Port", 10).geom_type
    'Polygon'
    """
    subject = resolve(x, "x", missing="keep")
    return _tell(geodesy.buffer(subject.checked, km, cap=cap, side=side, rtol=rtol), subject)


def _tell(answer: Any, *subjects: Subject) -> Any:
    """Set the provenance in the `.attrs` of a table or series; a number has none."""
    if isinstance(answer, (pd.Series, pd.DataFrame)):
        answer.attrs = {**answer.attrs, **provenance(*subjects)}
    return answer


def interval_text(
    distance_km: float,
    accuracy_km: float,
    point_accuracy_km: float = float("nan"),
    *,
    say: Callable[..., str] = str.format,
) -> str:
    """Write a distance for people, no finer than it is known.

    Such as ``4 to 9 km``, ``up to 9 km``, or ``6.5 km`` where the accuracy is unknown or finer than
    the digits shown. The accuracies are 95 % values of the line (or place) and of the point, NaN
    where unknown. `say` formats a text with values, such as `Words` of another language.

    Examples
    --------
    >>> interval_text(6.5, 2.5), interval_text(6.5, 8), interval_text(6.5, float("nan"))
    ('4 to 9 km', 'up to 15 km', '6.5 km')
    >>> interval_text(12.34, 0.4), interval_text(12.34, 0.01)
    ('11.9 to 12.8 km', '12.3 km')
    """
    reach = float(np.sqrt(np.nansum(np.square([accuracy_km, point_accuracy_km]))))
    return span_text(distance_km, distance_km - reach, distance_km + reach, say=say)


def span_text(
    distance_km: float, low_km: float, high_km: float, *, say: Callable[..., str] = str.format
) -> str:
    """Write the drawn distance as the interval of possible ones, for people; NaN where unknown.

    Examples
    --------
    >>> span_text(6.5, 4, 15), span_text(6.5, float("nan"), float("nan"))
    ('4 to 15 km', '6.5 km')
    """
    if np.isnan(distance_km):
        return ""
    reach = float(np.nan_to_num(max(distance_km - low_km, high_km - distance_km)))
    if reach < 0.05:
        return say("{km} km", km=f"{distance_km:,.1f}")
    places = 1 if reach < 1 else 0
    # Rounded outwards, so that the text is never narrower than the interval.
    scale = 10.0**places
    down, up = np.floor(low_km * scale + 1e-9) / scale, np.ceil(high_km * scale - 1e-9) / scale
    high = f"{up:,.{places}f}"
    if down <= 0:
        return say("up to {high} km", high=high)
    return say("{low} to {high} km", low=f"{down:,.{places}f}", high=high)

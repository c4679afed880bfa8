"""Lengths, distances, nearest, chainage and buffers of whatever `resolve` understands."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Literal

import geopandas as gpd
import pandas as pd
import shapely

from cpecgeo import geodesy
from cpecgeo.features.resolve import in_region, resolve, resolve_corridor
from cpecgeo.features.subject import Subject, SubjectLike, provenance

__all__ = [
    "buffer",
    "distance_km",
    "distance_matrix_km",
    "free_names",
    "length_km",
    "locate",
    "nearest",
]


def length_km(x: SubjectLike) -> float | pd.Series:
    """Return the geodesic length of the drawn line.

    Parameters
    ----------
    x : SubjectLike
        Corridor, route, name, geometry, series, table, file, or a list of them; see
        `cpecgeo.features.resolve.resolve`.

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
    """Return the geodesic distance, pair by pair.

    Parameters
    ----------
    a, b : SubjectLike
        Two series are paired by position; one thing is paired with each of a series.

    Returns
    -------
    float or Series
        Kilometres; 0 where the two meet or one holds the other.

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
        A list of names and things gives a row or column for each, under its name.

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
    points: SubjectLike, targets: SubjectLike, *, k: int = 1, max_km: float | None = None
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
        How many targets for each point, nearest first.
    max_km : float, optional
        Look no farther.

    Returns
    -------
    DataFrame
        On the points' index: `target` (the corridor's id, the name or the index of the
        target), `distance_km`, `lon`, `lat` of the closest point on it, `km` along it
        (chainage where the target is a corridor, geodesic kilometres otherwise) and `side`,
        seen in the direction of travel; missing where a target is a point or an area, which
        has none; inside an area `distance_km` is 0. With `k` above 1 also `rank`, from 1.

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
    subject = in_region(resolve(points, "points", missing="keep"), "points")
    frame = geodesy.Index(to.checked).nearest(subject.unlabelled, k=k, max_km=max_km)
    if to.chainages:
        km, path = frame["km"].to_numpy(copy=True), frame["path"].to_numpy()
        for label, chainage in to.chainages.items():
            here = slice(None) if len(to) == 1 else (frame["target"] == label).to_numpy(dtype=bool)
            km[here] = chainage.calibrate(km[here], path[here])
        frame["km"] = km
    return _tell(frame.drop(columns="path"), subject, to)


def free_names(names: Sequence[str], taken: Collection[str]) -> list[str]:
    """Return names of columns with as many ``_near`` behind them as make them free.

    Parameters
    ----------
    names : sequence of str
        Columns of an answer.
    taken : collection of str
        Columns of the rows that it is put beside.

    Returns
    -------
    list of str

    Examples
    --------
    >>> free_names(["target", "side"], {"id", "target", "target_near"})
    ['target_near_near', 'side']
    """
    free = []
    for name in names:
        while name in taken:
            name = f"{name}_near"  # noqa: PLW2901
        free.append(name)
    return free


def locate(points: SubjectLike, corridor: SubjectLike) -> pd.DataFrame:
    """Return the chainage and offset of points along a corridor.

    Parameters
    ----------
    points : SubjectLike
        Points.
    corridor : Corridor or str

    Returns
    -------
    DataFrame
        On the points' index: `km` (chainage), `offset_km` (geodesic distance), `side`
        ("left", "right", or "on" within 1 mm, in the direction of rising chainage), `lon` and
        `lat` of the closest point on the line. NaN where a point is missing. Exact on the
        drawn line to 1 mm; the line itself is good to `Corridor.accuracy_km`.

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
    subject = in_region(resolve(points, "points", missing="keep"), "points")
    frame = thing.chainage.locate(subject.unlabelled)
    frame.attrs = {**frame.attrs, "corridor": thing.name, **provenance(thing.as_subject(), subject)}
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
        EPSG:4326. Every point of the boundary is at `km` within a share of `rtol`.

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
    """Say in the `.attrs` of a table or series what it rests on; a number has none."""
    if isinstance(answer, (pd.Series, pd.DataFrame)):
        answer.attrs = {**answer.attrs, **provenance(*subjects)}
    return answer

"""Points within a distance, and rings around something."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from cpecgeo import geodesy
from cpecgeo.analysis.accuracy import CERTAINTY, GEODESIC, HOW, Accuracies, Bounds, grade, words
from cpecgeo.analysis.measure import free_names, index_of
from cpecgeo.analysis.raster import STEP_KM, solid
from cpecgeo.errors import InputError
from cpecgeo.features.resolve import resolve
from cpecgeo.features.subject import Subject, SubjectLike, provenance
from cpecgeo.geodesy._rules import quote
from cpecgeo.geodesy.inputs import positive_km

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_LEAST_KM = 1e-6  # larger than the error of distances
# A thing this many km farther, and at least twice as far, can't be called the nearest.
_FAR_KM = 10.0

WITHIN = ("target", "distance_km", "accuracy_km", "certainty")
"""Columns that `within` adds."""

__all__ = [
    "WITHIN",
    "areas_in_rings",
    "best_known",
    "bound_rings",
    "check_certainty",
    "check_radii",
    "find_near",
    "find_rings",
    "points_in_rings",
    "ring_numbers",
    "rings",
    "within",
]


def check_radii(km: float | Sequence[float]) -> tuple[float, ...]:
    """Check the outer radii of rings in km: at least one, positive and ascending.

    Examples
    --------
    >>> check_radii(5), check_radii([5, 10])
    ((5.0,), (5.0, 10.0))
    """
    listed: list[Any] = (
        list(km) if isinstance(km, (list, tuple, range, np.ndarray, pd.Series)) else [km]
    )
    edges = tuple(positive_km(v, "km") for v in listed)
    if not edges or any(b <= a for a, b in pairwise(edges)):
        raise InputError(f"km is {quote(listed)}; give ascending radii, such as km=[5, 10, 25].")
    return edges


def within(
    points: SubjectLike,
    x: SubjectLike,
    km: float,
    *,
    certainty: str | Sequence[str] | None = None,
) -> gpd.GeoDataFrame:
    """Select the rows within a distance of something, with the certainty of that.

    Parameters
    ----------
    points : SubjectLike
        Points, or lines and areas, measured from their nearest part.
    x : SubjectLike
        The targets.
    km : float
        Geodesic kilometres, 0 or more, inclusive.
    certainty : {"sure", "likely", "open"} or several of them, optional
        Select only rows of this certainty; ``"open"`` includes rows that are drawn beyond `km` but
        may be within.

    Returns
    -------
    GeoDataFrame
        The rows in their order, index and CRS, with `target`, `distance_km`, `accuracy_km` (of the
        target, as from `nearest`) and `certainty`; ``_near`` is appended to a name that the rows
        already have. `certainty` compares `km` with the interval of possible distances, from the
        accuracy of the targets and, where the rows have an `accuracy_km`, their own: ``sure`` where
        the whole interval is within, ``likely`` where half of it or more is, ``open`` where less
        is; missing where no accuracy is known.

        `.attrs` counts rows without a position (`without_position`), rows of each certainty, and
        rows drawn beyond `km` that may be within (`beyond`).

    Raises
    ------
    UnknownNameError, InputTypeError, CRSError, CoordinateError, GeometryError
    InputError
        An invalid distance or certainty, or a certainty where no accuracy is known.

    Examples
    --------
    >>> found = within("mines", "mining", 10)
    >>> found[["id", "certainty"]].to_numpy().tolist()
    [['reko-diq', 'likely']]
    """
    limit = positive_km(km, "km", allow_zero=True)
    grades = check_certainty(certainty)
    around = resolve(x, "x")
    subject = resolve(points, "points", missing="keep")
    frame, checked, own = subject.rows, subject.checked, subject.accuracy_km
    at = np.flatnonzero(~checked.missing)
    own = None if own is None else own[at]
    bounds = Bounds.of(around)
    is_known = bounds.is_known or (own is not None and not np.isnan(own).all())
    if grades is not None and len(at) and not is_known:
        raise InputError(
            f"certainty is {certainty!r}, but neither x nor points say how good they are; give "
            "them a column accuracy_km (km, 95 %), or leave certainty out."
        )
    if (checked.kind[at] == 0).all():
        # Points beyond this can't be within the limit.
        most = limit + float(np.max(bounds.reach_km(0.0 if own is None else own), initial=0.0))
        near, best, distance, accuracy = find_near(checked.xy, around, most)
        own = None if own is None else own[near]
        xy, at = checked.xy[near], at[near]
        code = bounds.certainty(xy, distance, accuracy, limit, own)
        accuracy = Accuracies.of(around).widen(accuracy, xy, best, distance)
    else:
        shapes = subject.shapes.iloc[at]
        table = geodesy.distance_matrix_km(shapes, around.shapes).to_numpy()
        best = table.argmin(axis=1)
        distance, accuracy = table[np.arange(len(table)), best], Accuracies.of(around).stated[best]
        code = grade(*bounds.beside(shapes, own), limit)
    keep = distance <= limit if grades is None else np.isin(code, grades)
    found = frame.iloc[at[keep]].copy()
    names = free_names(WITHIN, set(frame.columns))
    target = pd.Series(around.shapes.index.to_numpy()).array.take(best).to_numpy()
    for name, values in zip(names, (target, distance, accuracy, words(code)), strict=True):
        found[name] = values[keep]
    found.attrs = {
        **frame.attrs,
        "method": "nearest by geodesic distance",
        **GEODESIC,
        "within_km": limit,
        "accuracy": HOW,
        "certainty": {word: int((code[keep] == i).sum()) for i, word in enumerate(CERTAINTY)},
        "beyond": int(((distance > limit) & (code >= 0) & (code < 3)).sum()),
        "without_position": int(checked.missing.sum()),
        **provenance(around, subject),
    }
    return found


def find_near(xy: Floats, to: Subject, km: float) -> tuple[Ints, Ints, Floats, Floats]:
    """Find all points (lon, lat) within km of the nearest target, perhaps with a few others.

    Returns their rows, ascending, and of each the position of the nearest target, the distance to
    it in km, and its accuracy there.
    """
    # A metre more, so that rounding can't exclude points at the limit.
    row, found = index_of(to).find_within(xy, 1e3 * km + 1.0)
    target = found.target.ravel()
    accuracy = Accuracies.of(to).at(target, found.along.ravel() * 1e-3)
    return row, target, found.metres.ravel() * 1e-3, accuracy


def check_certainty(certainty: str | Sequence[str] | None) -> list[int] | None:
    """Return the positions in `CERTAINTY` of one word or several; refuse others.

    Examples
    --------
    >>> check_certainty(["sure", "likely"])
    [0, 1]
    """
    if certainty is None:
        return None
    words = [certainty] if isinstance(certainty, str) else list(certainty)
    if not words or not set(words) <= set(CERTAINTY):
        raise InputError(
            f'certainty is {certainty!r}; it is "sure", "likely", "open", or a list of them.'
        )
    return [CERTAINTY.index(word) for word in words]


def rings(
    x: SubjectLike, km: float | Sequence[float] = (5, 10, 25, 50), *, dissolve: bool = True
) -> gpd.GeoDataFrame:
    """Return rings around something: the areas between one distance and the next.

    Parameters
    ----------
    x : SubjectLike
    km : float or sequence of float
        Outer radii in kilometres, ascending.
    dissolve : bool
        Whether all features share one set of rings (each point belongs to the ring around its
        nearest feature), or each has its own.

    Returns
    -------
    GeoDataFrame
        EPSG:4326, a row per ring: `km_from, km_to, area_km2, area_low_km2, area_high_km2,
        geometry`; where rings aren't dissolved, `feature` first, and its `name` where a frame or
        layer has one. The rings of a feature don't overlap, and together they are its largest
        buffer; the innermost contains the feature itself.

        `area_low_km2` is the area that is surely in the ring, wherever the real line or place is
        within its accuracy; `area_high_km2` is the area that may be in it. NaN where no accuracy is
        known.

    Raises
    ------
    UnknownNameError, InputError, CRSError, CoordinateError, GeometryError

    Examples
    --------
    >>> r = rings("Gwadar Port", km=[5, 10])
    >>> r["km_to"].tolist(), r["area_km2"].round(1).tolist()
    ([5.0, 10.0], [78.5, 235.6])
    """
    edges = check_radii(km)
    subject = resolve(x, "x")
    return bound_rings(subject, edges, dissolve=dissolve)[0]


def bound_rings(
    subject: Subject, edges: tuple[float, ...], *, dissolve: bool
) -> tuple[gpd.GeoDataFrame, gpd.GeoSeries, gpd.GeoSeries]:
    """Return rings, with the area surely in each and the area possibly in it.

    The areas are missing where no accuracy is known.
    """
    shapes = subject.shapes
    bands = [geodesy.buffer(shapes, outer) for outer in edges]
    if dissolve:
        bands = [gpd.GeoSeries([band.union_all()], crs=4326) for band in bands]
    rows = []
    for i, label in enumerate(bands[0].index):
        inner = shapely.Polygon()
        for start, end, band in zip((0.0, *edges[:-1]), edges, bands, strict=True):
            outer = band.iloc[i]
            ring = outer.difference(inner)
            rows.append({"feature": label, "km_from": start, "km_to": end, "geometry": ring})
            inner = outer.union(inner)
    frame = gpd.GeoDataFrame(rows, geometry="geometry", crs=4326)
    frame.insert(3, "area_km2", geodesy.area_km2(frame.geometry).to_numpy())
    whole = Bounds.of(subject)
    each = [whole] if dissolve else [whole.of_one(i) for i in range(len(shapes))]
    parted = [parts for one in each for parts in _bound(one, edges)]
    sure, may = (gpd.GeoSeries(list(parts), crs=4326) for parts in zip(*parted, strict=True))
    for turn, (name, parts) in enumerate((("area_low_km2", sure), ("area_high_km2", may))):
        area = np.nan_to_num(geodesy.area_km2(parts).to_numpy())  # none is 0
        frame.insert(4 + turn, name, np.where(shapely.is_missing(parts.array), np.nan, area))
    if dissolve:
        frame = frame.drop(columns="feature")
    elif (names := subject.names) is not None:
        frame.insert(1, "name", np.repeat(names, len(edges)))
    frame.attrs = {
        "method": "geodesic buffers, each without the smaller one",
        "rtol": 1e-4,
        "accuracy": HOW,
        **GEODESIC,
        "around": [str(i) for i in shapes.index],
        **provenance(subject),
    }
    return frame, sure, may


def ring_numbers(
    km: Sequence[float], distance: Floats, low: Floats, high: Floats
) -> tuple[Ints, Ints, Ints]:
    """Find the ring of each point as drawn, and the first and last ring that it may be in.

    Rings count from 0; their number means beyond the last. A point on a radius is in the ring
    inside it. Unknown bounds `low` and `high` of `Bounds.around`, NaN, count as exact.

    Examples
    --------
    >>> one = np.array([4.0])
    >>> [int(n[0]) for n in ring_numbers([5, 10], one, one - 2, one + 2)]
    [0, 0, 1]
    """
    edges = np.asarray(km, float)
    drawn, first, last = (
        np.searchsorted(edges, np.where(np.isnan(v), distance, v), side="left")
        for v in (distance, low, high)
    )
    return drawn, first, last


def points_in_rings(
    xy: Floats, centre: Subject, edges: tuple[float, ...], own: Floats | None
) -> pd.DataFrame:
    """Return row numbers with the ring of each as drawn, surely, and possibly."""
    near, drawn, first, last, is_known = find_rings(xy, centre, edges, own)
    parts = [np.flatnonzero((first <= ring) & (ring <= last)) for ring in range(len(edges))]
    here, ring = np.concatenate(parts), np.repeat(np.arange(len(edges)), [*map(len, parts)])
    columns = {"row": near[here], "ring": ring, "weight": (drawn[here] == ring).astype(float)}
    columns["low"] = (first[here] == last[here]).astype(float) if is_known else np.nan
    columns["high"] = 1.0 if is_known else np.nan
    return pd.DataFrame(columns, index=range(len(here)))


def find_rings(
    xy: Floats, centre: Subject, edges: Sequence[float], own: Floats | None
) -> tuple[Ints, Ints, Ints, Ints, bool]:
    """Find the points near something, by row, the rings of each, and whether these are known.

    Rows ascend; a few points may be beyond all rings. The rings are those of `ring_numbers`.
    """
    bounds = Bounds.of(centre)
    reach = np.broadcast_to(bounds.reach_km(0.0 if own is None else own), len(xy))
    near, _, distance, accuracy = find_near(xy, centre, edges[-1] + reach.max(initial=0.0))
    # Uncertainty matters only near a radius.
    nearest, farthest = distance - reach[near] - _LEAST_KM, distance + reach[near] + _LEAST_KM
    open_ = np.flatnonzero(np.diff(np.searchsorted(edges, (nearest, farthest)), axis=0)[0])
    low, high = distance.copy(), distance.copy()
    mine = None if own is None else own[near[open_]]
    low[open_], high[open_] = bounds.around(xy[near[open_]], distance[open_], accuracy[open_], mine)
    is_known = bounds.is_known or (own is not None and not np.isnan(own).all())
    return near, *ring_numbers(edges, distance, low, high), is_known


def areas_in_rings(
    shapes: gpd.GeoSeries, centre: Subject, edges: tuple[float, ...]
) -> pd.DataFrame:
    """Return row numbers, rings, and the share of the area in each: as drawn, surely, possibly."""
    fine = geodesy.densify(shapes.reset_index(drop=True), STEP_KM)
    whole = geodesy.area_km2(fine)
    drawn, sure, may = bound_rings(centre, edges, dissolve=True)
    regions: dict[str, list[Any]] = {"weight": list(drawn.geometry)}
    if is_known := not shapely.is_missing(sure.to_numpy()).all():
        regions |= {"low": list(sure), "high": list(may)}
    found = []
    for column, bands in regions.items():
        for number, band in enumerate(bands):
            parts = fine.iloc[fine.sindex.query(band, predicate="intersects")].intersection(band)
            parts = gpd.GeoSeries([*map(solid, parts)], parts.index, parts.crs)
            parts = parts[~parts.is_empty]
            share = geodesy.area_km2(parts) / whole.loc[parts.index] if len(parts) else []
            rows = {"row": parts.index, "ring": number, column: np.asarray(share, float)}
            found.append(pd.DataFrame(rows, index=range(len(parts))))
    table = pd.concat(found).groupby(["row", "ring"], as_index=False).sum()
    return table if is_known else table.assign(low=np.nan, high=np.nan)


def best_known(high_km: Any) -> int:
    """Return which of several things, in order of drawn distance, may be called the nearest.

    It is the first, 0, unless another's greatest possible distance (`high_km`, NaN where unknown)
    is less than half of its and less by 10 km. A line with an accuracy of 200 km can't be called
    the nearest, however near it is drawn.

    Examples
    --------
    >>> best_known([224.0, 13.0, 13.0]), best_known([9.0, 8.0])
    (1, 0)
    """
    high = np.asarray(high_km, float)
    best = int(np.nanargmin(np.where(np.isnan(high), np.inf, high)))
    return best if high[0] > max(2 * high[best], high[best] + _FAR_KM) else 0


def _bound(bounds: Bounds, edges: tuple[float, ...]) -> list[tuple[Any, Any]]:
    """Return the areas surely and possibly in each ring; None where no accuracy is known."""
    if not bounds.is_known:
        return [(None, None)] * len(edges)
    sure_in = may_in = shapely.Polygon()
    found = []
    for km in edges:
        sure, may = bounds.areas(km)
        found.append((sure.difference(may_in), may.difference(sure_in)))
        sure_in, may_in = sure, may
    return found

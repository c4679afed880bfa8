"""Sums of people, features or raster cells in rings around something."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from cpecgeo import geodesy
from cpecgeo.analysis.accuracy import HOW, Bounds
from cpecgeo.analysis.panel import values_of
from cpecgeo.analysis.proximity import bound_rings, check_radii, find_near, ring_numbers
from cpecgeo.analysis.zonal import solid, sum_rings
from cpecgeo.errors import (
    DataWarning,
    GeometryError,
    InputError,
    InputTypeError,
    UnknownNameError,
)
from cpecgeo.features.resolve import resolve
from cpecgeo.features.subject import Subject, SubjectLike, provenance
from cpecgeo.files.numbers import to_numbers

__all__ = ["exposure"]

_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]
_POINT, _AREAS = 0, {3, 6}  # shapely's type ids of points
_LEAST_KM = 1e-6  # larger than the error of distances
# Values that tables use for "unknown".
_UNDECLARED = (-1e30, -99999.0, -9999.0, -999.0)


def exposure(
    x: SubjectLike,
    km: float | Sequence[float] = (5, 10, 25, 50),
    *,
    layer: SubjectLike = "places",
    raster: str | Path | None = None,
    value: str | None = "population",
    by: SubjectLike | None = None,
    band: int = 1,
    nodata: float | Sequence[float] | None = None,
    dissolve: bool = True,
) -> pd.DataFrame:
    """Add up features or values in rings around something, and count missing values.

    Parameters
    ----------
    x : SubjectLike
    km : float or sequence of float
        Outer radii in kilometres, ascending.
    layer : SubjectLike
        The features to count: points or areas.
    raster : path, optional
        A GeoTIFF whose cells are added up instead of a layer: people (WorldPop, GHSL, LandScan) or
        another amount per cell, in any CRS. It is read in windows, so that a national raster of 100
        m needs little memory (extra ``raster``: ``pip install 'cpecgeo[raster]'``).
    value : str or None
        The column to add up; None only counts features. With a raster, the name of the sum.
    by : str, optional
        A column of `layer` to break the totals down by. ``"district"`` and ``"province"`` are
        columns of every bundled layer of points: the districts of 2022, as facts with a source. For
        points of your own they are derived from the position. Rows without a value are counted
        under a missing value, and in `.attrs` (`without_<by>`). With a raster: areas, such as
        ``"districts"``, a file or a frame; their names are the level `zone`.
    band : int
        Which band of the raster, from 1.
    nodata : float or sequence of float, optional
        Values that mean no data, in `value` or in the raster, in addition to those that its file
        declares. -9999 and the like are refused unless declared.
    dissolve : bool
        Whether all features of `x` share one set of rings; else the first level is `feature`.

    Returns
    -------
    DataFrame
        On `km_from, km_to` (and `by`): `features`, the sum under the name of `value`,
        `<value>_within` (all rings up to this one), `missing` (features without a value) and
        `missing_names`. A point is in the ring of its geodesic distance; a point on a radius is in
        the ring inside it. An area's value is shared among rings by area, as if it were spread
        evenly; `features` counts the areas that a ring touches. A missing value is never taken as
        0: it is counted and named, and a sum (and high) of missing values
        alone is NaN. `.attrs` says what was counted; `x_without_position` counts rows
        of `x` (a layer or file).

        `features_low`, `features_high` and, of the sum, `<value>_low`, `<value>_high` count what is
        surely in the ring, and what may be in it, if the line is moved by its accuracy and points
        by theirs (95 %). Areas and cells are used as drawn, by their share. Missing where no
        accuracy is known.

        With a raster: `cells` (with a value), the sum, its low and high, `<value>_within`,
        `missing` (cells without a value) and `outside_share` (share of the ring off the raster). A
        cell on a ring's edge counts by its share inside. Where `outside_share` is 1 the sum is NaN.
        `.attrs` has `total_in_rings` (not of the whole file), `in_no_zone` where zones are given,
        `resolution`, `cell_km` (near the middle) and the file's own statements.

    Raises
    ------
    UnknownNameError, InputError, CRSError, CoordinateError, GeometryError
    FileError
        `raster` can't be read.
    MissingExtraError
        `raster` is given and rasterio or exactextract isn't installed.

    Warns
    -----
    DataWarning
        The raster doesn't cover the rings.

    Examples
    --------
    >>> e = exposure("Gwadar Port", km=[10, 50])
    >>> e.index.tolist()
    [(0.0, 10.0), (10.0, 50.0)]
    """
    edges = check_radii(km)
    centre = resolve(x, "x")
    if raster is not None:
        if not isinstance(layer, str) or layer != "places":
            raise InputError("layer and raster are both given; one of them is counted.")
        return sum_rings(
            raster, centre, edges, value, by, band=band, nodata=nodata, dissolve=dissolve
        )
    if not dissolve:
        return _each(centre, edges, layer, value, by, nodata)
    if by is not None and not isinstance(by, str):
        raise InputTypeError(
            f"by is {type(by).__name__}; a column of layer is needed. Areas break down a raster."
        )
    subject = resolve(layer, "layer", missing="keep")
    frame, checked, own = subject.rows, subject.checked, subject.accuracy_km
    at = np.flatnonzero(~checked.missing)
    if value is not None and value not in list(frame.columns):
        named = {"of": "what is counted", "repair": "Name the one to add up with value=."}
        raise UnknownNameError.of_column(value, frame.columns, **named)
    chosen, doubt = (None, {}) if by is None else values_of(subject, by, "what is counted")
    amount = None if value is None else _amounts(frame[value].iloc[at], value, nodata)
    flat, kinds = 0, set(np.flatnonzero(np.bincount(checked.kind[at])).tolist())
    if kinds <= {_POINT}:
        own = None if own is None else own[at]
        rows, how = _points(checked.xy, centre, edges, own), "points by their geodesic distance"
    elif kinds <= _AREAS:
        shapes = subject.shapes.iloc[at]
        flat = int((shapely.area(shapes.to_numpy()) == 0).sum())
        rows, how = _areas(shapes, centre, edges), "areas by the share of them in the ring"
    else:
        raise GeometryError(
            f"layer holds {', '.join(sorted(set(subject.shapes.geom_type.dropna())))}; exposure "
            "counts points or areas, one kind at a time."
        )
    if chosen is not None:
        chosen = chosen.iloc[at].reset_index(drop=True)
        # Only of counted rows, because a layer has rows elsewhere too.
        counted = np.unique(rows.loc[rows["weight"] > 0, "row"])
        doubt[f"without_{by}"] = int(chosen.isna().to_numpy()[counted].sum())
    answer = _totals(rows, partial(_names, frame, at), edges, amount, (value, by, chosen))
    title = str(frame.attrs.get("title", "features of your own"))
    answer.attrs = {
        "counted": f"{title}: {value or 'number of features'}, {how}",
        "ellipsoid": "WGS 84",
        "edges": "geodesic",
        "features": len(frame),
        "without_position": len(frame) - len(at),
        **({"without_area": flat} if flat else {}),
        "x_without_position": centre.left_out,
        **doubt,
        "accuracy": HOW,
        "sources": frame.attrs.get("sources", []),
        "licence": frame.attrs.get("licence", ""),
        **provenance(centre, subject),
    }
    return answer


def _each(
    centre: Subject,
    edges: tuple[float, ...],
    layer: SubjectLike,
    value: str | None,
    by: SubjectLike | None,
    nodata: float | Sequence[float] | None,
) -> pd.DataFrame:
    """Count around each feature separately."""
    counted = resolve(layer, "layer", missing="keep", anywhere=True)
    found = {
        label: exposure(_one(centre, i), edges, layer=counted, value=value, by=by, nodata=nodata)
        for i, label in enumerate(centre.shapes.index)
    }
    answer = pd.concat(found, names=["feature"])
    answer.attrs = next(iter(found.values())).attrs | provenance(centre, counted)
    answer.attrs["x_without_position"] = centre.left_out
    return answer


def _one(subject: Subject, position: int) -> Subject:
    """Return one of several things as a subject, with its legs and accuracy."""
    stated = subject.accuracy_km
    return replace(
        subject,
        shapes=subject.shapes.iloc[[position]],
        frame=None,
        stated_km=None if stated is None else (float(stated[position]),),
    )


def _points(
    xy: _Floats, centre: Subject, edges: tuple[float, ...], own: _Floats | None
) -> pd.DataFrame:
    """Return row numbers with the ring of each as drawn, surely, and possibly."""
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
    drawn, first, last = ring_numbers(edges, distance, low, high)
    parts = [np.flatnonzero((first <= ring) & (ring <= last)) for ring in range(len(edges))]
    here, ring = np.concatenate(parts), np.repeat(np.arange(len(edges)), [*map(len, parts)])
    columns = {"row": near[here], "ring": ring, "weight": (drawn[here] == ring).astype(float)}
    columns["low"] = (first[here] == last[here]).astype(float) if is_known else np.nan
    columns["high"] = 1.0 if is_known else np.nan
    return pd.DataFrame(columns, index=range(len(here)))


def _areas(shapes: gpd.GeoSeries, centre: Subject, edges: tuple[float, ...]) -> pd.DataFrame:
    """Return row numbers, rings, and the share of the area in each: as drawn, surely, possibly."""
    fine = geodesy.densify(shapes.reset_index(drop=True), 1.0)
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


def _totals(
    rows: pd.DataFrame,
    names: Callable[[_Ints], list[str]],
    edges: tuple[float, ...],
    amount: _Floats | None,
    columns: tuple[str | None, str | None, pd.Series | None],
) -> pd.DataFrame:
    """Sum by ring, and by the values of a column where one is given."""
    value, by, chosen = columns
    row, key = rows["row"].to_numpy(np.int64), rows["ring"].to_numpy(np.int64)
    groups: list[Any] = [None]
    number: dict[Any, int] = {}
    if chosen is not None:
        code, values = pd.factorize(chosen)  # -1 for missing ones
        number = {group: i for i, group in enumerate(pd.Series(values).tolist())}
        groups = sorted(number, key=str) + [None] * bool((code < 0).any())
        key = code[row] * len(edges) + key
    shares = {name: rows[name].to_numpy(float) for name in ("weight", "low", "high")}
    if (key[1:] < key[:-1]).any():
        order = np.argsort(key, kind="stable")
        key, row = key[order], row[order]
        shares = {name: share[order] for name, share in shares.items()}
    is_told = not np.isnan(shares["high"]).all()
    answer = []
    for group in groups:
        so_far, counted, known = 0.0, 0, 0
        first = number.get(group, 0 if chosen is None else -1) * len(edges)
        for turn, (start, end) in enumerate(zip((0.0, *edges[:-1]), edges, strict=True)):
            here = slice(*np.searchsorted(key, (first + turn, first + turn + 1)))
            may, share = row[here], {name: values[here] for name, values in shares.items()}
            is_drawn = share["weight"] > 0
            at = may[is_drawn]
            line: dict[str, Any] = {"km_from": start, "km_to": end, **({by: group} if by else {})}
            line["features"] = len(at)
            for end_of in ("low", "high"):
                line[f"features_{end_of}"] = int((share[end_of] > 0).sum()) if is_told else pd.NA
            if value is not None and amount is not None:
                total, has = _sum(amount[may], share["weight"])
                gone = at[np.isnan(amount[at])]
                so_far, counted, known = so_far + total, counted + len(at), known + has
                line[value] = np.nan if len(at) and not has else total
                for end_of in ("low", "high"):
                    part, has = _sum(amount[may], share[end_of])
                    # At least 0 people is true of towns without a figure; at most 0 isn't.
                    is_unknown = end_of == "high" and not has and (share["high"] > 0).any()
                    line[f"{value}_{end_of}"] = part if is_told and not is_unknown else np.nan
                line |= {
                    f"{value}_within": np.nan if counted and not known else so_far,
                    "missing": len(gone),
                    "missing_names": names(gone),
                }
            answer.append(line)
    keys = ["km_from", "km_to", *([by] if by is not None else [])]
    table = pd.DataFrame(answer)
    for end_of in ("features_low", "features_high"):
        table[end_of] = table[end_of].astype("Int64")
    return table.set_index(keys)


def _sum(amounts: _Floats, shares: _Floats) -> tuple[float, int]:
    """Return the sum of the shares of amounts, and the number of rows that have an amount."""
    has = (shares > 0) & ~np.isnan(amounts)
    return float((amounts[has] * shares[has]).sum()), int(has.sum())


def _names(frame: gpd.GeoDataFrame, at: _Ints, rows: _Ints) -> list[str]:
    """Return the names, or numbers, of some of the counted rows `at`."""
    if "name" not in frame or not len(rows):
        return [str(n) for n in rows]
    return [str(n) for n in frame["name"].iloc[at[rows]]]


def _amounts(values: pd.Series, what: str, nodata: float | Sequence[float] | None) -> Any:
    """Return a column as numbers; refuse undeclared −9999 and the like."""
    declared = () if nodata is None else np.atleast_1d(np.asarray(nodata, float)).tolist()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "(?s).*which tables use for missing", DataWarning)
        numbers = to_numbers(values, what, missing=declared)
    found = sorted({v for v in _UNDECLARED if (numbers == v).any()})
    if found and nodata is None:
        marks = ", ".join(f"{v:g}" for v in found)
        raise InputError(
            f"{what} has {marks}, which tables use for missing values: it would be added up. Give "
            f"nodata={found[0]:g} where it means that, or nodata=[] where it is a value."
        )
    return numbers

"""Sums of people, features or raster cells in rings around something, and in zones."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from cpecgeo import geodesy
from cpecgeo.analysis.accuracy import GEODESIC, HOW
from cpecgeo.analysis.panel import values_of
from cpecgeo.analysis.proximity import areas_in_rings, bound_rings, check_radii, points_in_rings
from cpecgeo.analysis.raster import STEP_KM, solid, zonal
from cpecgeo.errors import (
    DataWarning,
    GeometryError,
    InputError,
    InputTypeError,
    UnknownNameError,
    warn,
)
from cpecgeo.features.resolve import resolve
from cpecgeo.features.subject import Subject, SubjectLike, provenance
from cpecgeo.files.numbers import to_numbers
from cpecgeo.geodesy.inputs import POLYGONS

__all__ = ["exposure"]

_Floats = NDArray[np.float64]
_POINT, _AREAS = 0, {3, 6}  # shapely's type ids of points
_LAYERS = {"district": "districts", "province": "provinces"}
# From this share of a ring off a raster a warning is given.
_OFF = 1e-3
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
        return _sum_rings(
            raster, centre, edges, value, by, band=band, nodata=nodata, dissolve=dissolve
        )
    if not dissolve:
        counted = resolve(layer, "layer", missing="keep", anywhere=True)
        options: Any = {"layer": counted, "value": value, "by": by, "nodata": nodata}
        labels = enumerate(centre.shapes.index)
        found = {label: exposure(centre.take([i]), edges, **options) for i, label in labels}
        answer = pd.concat(found, names=["feature"])
        answer.attrs = next(iter(found.values())).attrs | provenance(centre, counted)
        answer.attrs["x_without_position"] = centre.left_out
        return answer
    if by is not None and not isinstance(by, str):
        raise InputTypeError(
            f"by is {type(by).__name__}; a column of layer is needed. Areas break down a raster."
        )
    subject = resolve(layer, "layer", missing="keep")
    frame, checked, own = subject.rows, subject.checked, subject.accuracy_km
    at = np.flatnonzero(~checked.missing)
    if value is not None and value not in list(frame.columns):
        repair = "Name the one to add up with value=, or count the features with value=None."
        named = {"of": "what is counted", "repair": repair}
        raise UnknownNameError.of_column(value, frame.columns, **named)
    chosen, doubt = (None, {}) if by is None else values_of(subject, by, "what is counted")
    amount = None if value is None else _amounts(frame[value].iloc[at], value, nodata)
    flat, kinds = 0, set(np.flatnonzero(np.bincount(checked.kind[at])).tolist())
    if kinds <= {_POINT}:
        own = None if own is None else own[at]
        rows = points_in_rings(checked.xy, centre, edges, own)
        how = "points by their geodesic distance"
    elif kinds <= _AREAS:
        shapes = subject.shapes.iloc[at]
        flat = int((shapely.area(shapes.to_numpy()) == 0).sum())
        rows, how = areas_in_rings(shapes, centre, edges), "areas by the share of them in the ring"
    else:
        raise GeometryError(
            f"layer holds {', '.join(sorted(set(subject.shapes.geom_type.dropna())))}; exposure "
            "counts points or areas, one kind at a time."
        )
    if chosen is not None:
        chosen = chosen.iloc[at].reset_index(drop=True)
        # Only of counted rows, because a layer has rows elsewhere too.
        inside = np.unique(rows.loc[rows["weight"] > 0, "row"])
        doubt[f"without_{by}"] = int(chosen.isna().to_numpy()[inside].sum())
    names = frame["name"].iloc[at] if "name" in frame else None
    answer = _totals(rows, names, edges, amount, (value, by, chosen))
    title = str(frame.attrs.get("title", "features of your own"))
    answer.attrs = {
        "counted": f"{title}: {value or 'number of features'}, {how}",
        **GEODESIC,
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


def _totals(
    rows: pd.DataFrame,
    names: pd.Series | None,
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
                    "missing_names": [*map(str, gone if names is None else names.iloc[gone])],
                }
            answer.append(line)
    keys = ["km_from", "km_to", *([by] if by is not None else [])]
    table = pd.DataFrame(answer).astype({"features_low": "Int64", "features_high": "Int64"})
    return table.set_index(keys)


def _sum(amounts: _Floats, shares: _Floats) -> tuple[float, int]:
    """Return the sum of the shares of amounts, and the number of rows that have an amount."""
    has = (shares > 0) & ~np.isnan(amounts)
    return float((amounts[has] * shares[has]).sum()), int(has.sum())


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


def _sum_rings(
    path: str | Path,
    centre: Subject,
    edges: tuple[float, ...],
    value: str | None,
    by: SubjectLike | None,
    *,
    band: int,
    nodata: float | Sequence[float] | None,
    dissolve: bool,
) -> pd.DataFrame:
    """Sum the cells of a raster in rings, and in zones within them; see `exposure`."""
    named = _LAYERS.get(by, by) if isinstance(by, str) else by
    zones = None if named is None else resolve(named, "by", kinds=POLYGONS)
    drawn, sure, may = bound_rings(centre, edges, dissolve=dissolve)
    keys = [k for k in ("feature", "km_from", "km_to") if k in drawn]
    rows, shapes = pd.DataFrame(drawn[keys]), [drawn.geometry]
    rows["is_known"] = ~shapely.is_missing(sure.to_numpy())
    if value is not None and rows["is_known"].any():
        shapes += [s.fillna(shapely.Polygon()) for s in (sure, may)]
    if zones is not None:
        rows, shapes = _in_zones(rows, shapes, zones)
    # One reading sums all three: rings as drawn, surely, and possibly.
    whole = pd.concat(shapes, keys=range(len(shapes)))
    found = zonal(path, whole, band=band, nodata=nodata)
    # Values off the raster are unknown.
    is_off = (found["cells"] + found["missing"] == 0) & ~whole.is_empty
    found["sum"] = found["sum"].mask(is_off)
    here = found.loc[0]
    table = rows.drop(columns="is_known").assign(cells=here["cells"])
    if value is not None:
        table[value] = here["sum"]
        for turn, end in enumerate(("low", "high"), 1):
            is_told = len(shapes) > 1
            table[f"{value}_{end}"] = found.loc[turn]["sum"] if is_told else np.nan
            table[f"{value}_{end}"] = table[f"{value}_{end}"].where(rows["is_known"])
        groups = [k for k in ("feature", "zone") if k in table]
        table[f"{value}_within"] = (
            table.groupby(groups, sort=False, dropna=False)[value] if groups else table[value]
        ).cumsum()
    table["missing"], table["outside_share"] = here["missing"], here["outside_share"]
    about = {"total_in_rings": float(here["sum"].sum())} if dissolve else {}
    if zones is not None:
        nowhere = table["zone"].isna()
        about["in_no_zone"] = float(here.loc[nowhere, "sum"].sum())
        table = table[~nowhere]
    _warn_of_edges(Path(path).name, here["outside_share"].max(), found["outside_share"].max())
    order = ["feature"] * (not dissolve) + ["km_from", "km_to"] + ["zone"] * (zones is not None)
    answer = table.set_index(order)
    answer.attrs = {
        "counted": f"{Path(path).name}: {value or 'cells'}, cells by the share in the ring",
        **about,
        **found.attrs,
        **GEODESIC,
        "accuracy": HOW,
        "sources": [Path(path).name],
        "x_without_position": centre.left_out,
        **provenance(centre, *([] if zones is None else [zones])),
    }
    return answer


def _warn_of_edges(name: str, off: float, most: float) -> None:
    """Warn of the share of the rings, as drawn or as possible, off a raster."""
    text = ""
    if off > _OFF:
        text = (
            f"{name} doesn't reach everywhere: up to {100 * off:.3g} % of a ring lies off it and "
            "isn't counted (outside_share)."
        )
    elif most > _OFF:
        text = (
            f"{name} doesn't reach as far as the rings may, given how good the line is: up to "
            f"{100 * most:.3g} % of that lies off it and isn't counted in the high values."
        )
    if text:
        warn(text)


def _in_zones(
    rows: pd.DataFrame, shapes: list[gpd.GeoSeries], zones: Subject
) -> tuple[pd.DataFrame, list[gpd.GeoSeries]]:
    """Cut rings by zones: a row for each ring and each zone that the feature's rings touch.

    Parts outside all zones follow, with the zone None.
    """
    fine = [geodesy.densify(some, STEP_KM) for some in shapes]
    outlines = geodesy.densify(zones.shapes, STEP_KM)
    names = zones.names if zones.names and len(set(zones.names)) == len(zones) else None
    labels = list(outlines.index) if names is None else names
    features = rows["feature"] if "feature" in rows else pd.Series(0, index=rows.index)
    found: list[pd.DataFrame] = []
    cut: list[list[gpd.GeoSeries]] = [[] for _ in shapes]
    for _, group in rows.groupby(features.to_numpy(), sort=False):
        here = [some.loc[group.index] for some in fine]
        whole = shapely.union_all([some.union_all() for some in here])
        touched = np.sort(outlines.sindex.query(whole, predicate="intersects"))
        near = outlines.iloc[touched].union_all()
        parts = {labels[i]: [s.intersection(outlines.iloc[i]) for s in here] for i in touched}
        for zone, some in {**parts, None: [s.difference(near) for s in here]}.items():
            # Smaller parts are left by rounding along a common border.
            if sum(shapely.area(s.to_numpy()).sum() for s in some) > 1e-9 * whole.area:
                found.append(group.assign(zone=zone))
                for column, part in zip(cut, some, strict=True):
                    column.append(gpd.GeoSeries([*map(solid, part)], part.index, part.crs))
    joined = [pd.concat(column, ignore_index=True) for column in cut]
    return pd.concat(found, ignore_index=True), joined

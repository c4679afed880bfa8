"""Who and what lies in the rings around something."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from cpecgeo import geodesy
from cpecgeo.analysis.proximity import check_radii, rings
from cpecgeo.analysis.rasters import solid, zonal
from cpecgeo.errors import DataWarning, GeometryError, InputError, InputTypeError
from cpecgeo.features.resolve import in_region, resolve
from cpecgeo.features.subject import Subject, SubjectLike, provenance
from cpecgeo.files.numbers import to_numbers

__all__ = ["exposure"]


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
    """Add up what lies in rings around something, and count what is missing.

    Parameters
    ----------
    x : SubjectLike
    km : float or sequence of float
        Outer radii in kilometres, ascending.
    layer : SubjectLike
        What is counted: points, or areas.
    raster : path, optional
        A GeoTIFF whose cells are added up instead of a layer: people (WorldPop, GHSL, LandScan)
        or anything else that is an amount in each cell, in any CRS. It is read in windows, so
        that a national raster of 100 m needs little memory (extra ``raster``:
        ``pip install 'cpecgeo[raster]'``).
    value : str or None
        The column to add up; None counts features alone. Of a raster, the name of the sum.
    by : str, optional
        A column of `layer` to break the totals down by. ``"district"`` and ``"province"``
        are there for every bundled layer of points: the districts of 2022, as facts with a
        source. What has no value there is left out, and counted in `.attrs`. Of a raster:
        areas, such as ``"districts"``, a file or a frame; their names are the level `zone`.
    band : int
        Which band of the raster, from 1.
    nodata : float or sequence of float, optional
        Values of the raster that mean no data, besides those that its file declares.
    dissolve : bool
        Whether all features of `x` share one set of rings, or each has its own; then the level
        `feature` comes first.

    Returns
    -------
    DataFrame
        On `km_from, km_to` (and `by`): `features`, the sum under the name of `value`,
        `<value>_within` (all rings up to this one), `missing` (features without a value)
        and `missing_names`. Points count in the ring of their geodesic distance, a point
        on a radius in the ring inside it. Of areas each ring gets the share of the area
        that lies in it, as if the value were spread evenly; `features` counts the areas
        that it touches. A missing value is never taken as 0: it is counted and named.
        `.attrs` says what was counted.

        Of a raster: `cells` (with a value, a cell cut by a ring counting by its share inside),
        the sum, `<value>_within`, `missing` (cells without a value) and `outside_share` (of the
        ring, off the raster). `.attrs` has `total`, `in_no_zone` where zones are given,
        `resolution`, `cell_km` (width and height near the middle) and what the file declares.

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
        if not (isinstance(layer, str) and layer == "places"):
            raise InputError("layer and raster are both given; one of them is counted.")
        zones = None if by is None else _zones(by)
        return _of_raster(raster, centre, edges, value, zones, (band, nodata, dissolve))
    if not dissolve:
        return _each(centre, edges, layer, value, by)
    if by is not None and not isinstance(by, str):
        raise InputTypeError(
            f"by is {type(by).__name__}; a column of layer is needed. Areas break down a raster."
        )
    subject = in_region(resolve(layer, "layer", missing="keep"), "layer")
    frame, has_shape = subject.rows, subject.shapes.notna().to_numpy()
    for column in (value, by):
        if column is not None and column not in list(frame.columns):
            raise InputError(
                f"layer has no column {column!r}; it has {', '.join(map(str, frame.columns))}."
            )
    known, shapes = frame[has_shape], subject.shapes[has_shape]
    kinds = set(shapes.geom_type)
    if kinds <= {"Point"}:
        rows, how = _points(shapes, centre, edges), "points by their geodesic distance"
    elif kinds <= {"Polygon", "MultiPolygon"}:
        rows, how = _areas(shapes, centre, edges), "areas by the share of them in the ring"
    else:
        raise GeometryError(
            f"layer holds {', '.join(sorted(kinds))}; exposure counts points or areas, one kind "
            "at a time."
        )
    answer = _totals(rows, known.reset_index(drop=True), edges, (value, by))
    title = str(frame.attrs.get("title", "features of your own"))
    answer.attrs = {
        "counted": f"{title}: {value or 'number of features'}, {how}",
        "ellipsoid": "WGS 84",
        "edges": "geodesic",
        "features": len(frame),
        "without_position": len(frame) - len(known),
        **({f"without_{by}": int(known[by].isna().sum())} if by is not None else {}),
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
) -> pd.DataFrame:
    """Count around each feature by itself."""
    counted = resolve(layer, "layer", missing="keep")
    found = {
        label: exposure(centre.shapes.iloc[[i]], edges, layer=counted, value=value, by=by)
        for i, label in enumerate(centre.shapes.index)
    }
    answer = pd.concat(found, names=["feature"])
    answer.attrs = {**next(iter(found.values())).attrs, **provenance(centre, counted)}
    return answer


def _zones(by: SubjectLike) -> Subject:
    """Areas to break the sums of a raster down by."""
    layers = {"district": "districts", "province": "provinces"}
    named = layers.get(by, by) if isinstance(by, str) else by
    return in_region(resolve(named, "by", kinds={"Polygon", "MultiPolygon"}), "by")


def _of_raster(
    path: str | Path,
    centre: Subject,
    edges: tuple[float, ...],
    value: str | None,
    zones: Subject | None,
    how: tuple[int, float | Sequence[float] | None, bool],
) -> pd.DataFrame:
    """Sum the cells of a raster in rings, and in the zones that these touch."""
    band, nodata, dissolve = how
    areas = rings(centre, edges, dissolve=dissolve)
    keys = [k for k in ("feature", "km_from", "km_to") if k in areas]
    if zones is not None:
        areas, keys = _in_zones(areas, zones, keys), [*keys[:-2], "zone", *keys[-2:]]
    found = zonal(path, areas.geometry, band=band, nodata=nodata)
    table = pd.DataFrame(areas[keys])
    table["cells"] = found["cells"]
    if value is not None:
        table[value] = found["sum"]
        groups = keys[:-2]
        table[f"{value}_within"] = (
            table.groupby(groups, sort=False, dropna=False)[value] if groups else table[value]
        ).cumsum()
    table["missing"] = found["missing"]
    table["outside_share"] = found["outside_share"]
    about = {"total": float(found["sum"].sum())} if dissolve else {}
    if zones is not None:
        nowhere = table["zone"].isna().to_numpy()
        about["in_no_zone"] = float(found.loc[nowhere, "sum"].sum())
        table = table[~nowhere]
    if (off := float(found["outside_share"].max())) > 1e-3:
        warnings.warn(
            f"{Path(path).name} doesn't reach everywhere: up to {100 * off:.3g} % of a ring lies "
            "off it and isn't counted (outside_share).",
            DataWarning,
            stacklevel=3,
        )
    order = ["feature"] * (not dissolve) + ["km_from", "km_to"] + ["zone"] * (zones is not None)
    answer = table.set_index(order)
    answer.attrs = {
        "counted": f"{Path(path).name}: {value or 'cells'}, cells by the share in the ring",
        **about,
        **found.attrs,
        "ellipsoid": "WGS 84",
        "edges": "geodesic",
        "sources": [Path(path).name],
        **provenance(centre, *([] if zones is None else [zones])),
    }
    return answer


def _in_zones(areas: gpd.GeoDataFrame, zones: Subject, keys: list[str]) -> gpd.GeoDataFrame:
    """Cut rings by zones: a row for each zone that the rings of a feature touch, each ring.

    What lies in no zone follows under a zone of None.
    """
    fine = geodesy.densify(areas.geometry, 1.0)
    outlines = geodesy.densify(zones.shapes, 1.0)
    names = zones.names if zones.names and len(set(zones.names)) == len(zones) else None
    labels = list(outlines.index) if names is None else names
    features = areas["feature"] if "feature" in areas else pd.Series(0, index=areas.index)
    rows = []
    for _, group in areas[keys].groupby(features.to_numpy(), sort=False):
        whole = fine.loc[group.index].union_all()
        touched = np.sort(outlines.sindex.query(whole, predicate="intersects"))
        near = outlines.iloc[touched]
        left = fine.loc[group.index].difference(near.union_all())
        cut = {labels[i]: fine.loc[group.index].intersection(outlines.iloc[i]) for i in touched}
        for zone, shapes in {**cut, None: left}.items():
            # Less than that is what rounding leaves along a common border.
            if shapely.area(shapes.to_numpy()).sum() > 1e-9 * whole.area:
                rows += [
                    {**group.loc[at].to_dict(), "zone": zone, "geometry": solid(shape)}
                    for at, shape in shapes.items()
                ]
    return gpd.GeoDataFrame(rows, geometry="geometry", crs=4326)


def _points(shapes: gpd.GeoSeries, centre: Subject, edges: tuple[float, ...]) -> pd.DataFrame:
    """Return row numbers, the ring of each, and a weight of 1."""
    distance = geodesy.Index(centre.shapes).nearest(shapes)["distance_km"].to_numpy()
    ring = np.searchsorted(np.array(edges), distance, side="left")
    here = np.flatnonzero(ring < len(edges))
    return pd.DataFrame({"row": here, "ring": ring[here], "weight": 1.0})


def _areas(shapes: gpd.GeoSeries, centre: Subject, edges: tuple[float, ...]) -> pd.DataFrame:
    """Return row numbers, rings, and the share of the area in each ring."""
    bands = rings(centre, edges).geometry
    fine = geodesy.densify(shapes.reset_index(drop=True), 1.0)
    found = []
    for number, band in enumerate(bands):
        rows = fine.sindex.query(band, predicate="intersects")
        parts = fine.iloc[rows].intersection(band)
        parts = parts.map(solid)
        parts = parts[~parts.is_empty]
        if len(parts):
            share = geodesy.area_km2(parts) / geodesy.area_km2(fine.loc[parts.index])
            found.append(
                pd.DataFrame({"row": parts.index, "ring": number, "weight": share.to_numpy()})
            )
    empty = pd.DataFrame({"row": [], "ring": [], "weight": []}).astype({"row": int, "ring": int})
    return pd.concat(found) if found else empty


def _totals(
    rows: pd.DataFrame,
    known: gpd.GeoDataFrame,
    edges: tuple[float, ...],
    columns: tuple[str | None, str | None],
) -> pd.DataFrame:
    """Sum by ring, and by the values of a column where one is given."""
    value, by = columns
    names = known["name"] if "name" in known else known.index.to_series().astype(str)
    rows = rows[rows["weight"] > 0]
    groups = [None] if by is None else sorted(set(known[by].dropna()), key=str)
    chosen = known[by].to_numpy() if by is not None else np.full(len(known), None)
    amount = np.full(len(known), np.nan) if value is None else to_numbers(known[value], value)
    answer = []
    for group in groups:
        so_far = 0.0
        for ring, (start, end) in enumerate(zip((0.0, *edges[:-1]), edges, strict=True)):
            here = rows[rows["ring"] == ring]
            if group is not None:
                here = here[chosen[here["row"]] == group]
            at = here["row"].to_numpy()
            row: dict[str, Any] = {"km_from": start, "km_to": end}
            if by is not None:
                row[by] = group
            row["features"] = len(at)
            if value is not None:
                here_amount = amount[at]
                total = float(np.nansum(here_amount * here["weight"].to_numpy()))
                so_far += total
                gone = np.isnan(here_amount)
                row |= {
                    value: total,
                    f"{value}_within": so_far,
                    "missing": int(gone.sum()),
                    "missing_names": [str(n) for n in names.iloc[at[gone]]],
                }
            answer.append(row)
    keys = ["km_from", "km_to", *([by] if by is not None else [])]
    return pd.DataFrame(answer).set_index(keys)

"""Zonal sums of a raster, with cells weighted by the share that an area covers."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from cpecgeo import geodesy
from cpecgeo.analysis.accuracy import HOW
from cpecgeo.analysis.proximity import bound_rings
from cpecgeo.analysis.terrain import check_band, open_raster, read_cells, to_cells
from cpecgeo.errors import DataWarning, InputError, MissingExtraError
from cpecgeo.features.resolve import resolve
from cpecgeo.features.subject import Subject, SubjectLike, provenance

if TYPE_CHECKING:
    from rasterio import DatasetReader

__all__ = ["solid", "sum_rings", "zonal"]

# Cells in memory at once.
_CELLS = 2**20

# Edges straight in the raster's plane are at most 1 cm off the geodesic.
_STEP_KM = 1.0

# Common values for "no data" that files may fail to declare.
_UNDECLARED = (-999.0, -9999.0, -99999.0, -32768.0, -(2.0**31))
_HUGE = 1e30
# From this share of a ring off the raster a warning is given.
_OFF = 1e-3


def zonal(
    path: str | Path,
    areas: gpd.GeoSeries,
    *,
    band: int = 1,
    nodata: float | Sequence[float] | None = None,
) -> pd.DataFrame:
    """Sum the cells of a raster in areas, weighted by the share of the cell that is covered.

    Parameters
    ----------
    path : str or path
        A GeoTIFF, in any CRS, rotated or not. It is read in windows, so memory doesn't grow with
        its size.
    areas : GeoSeries
        Polygons in lon, lat; edges are geodesics.
    band : int
        Which band, from 1.
    nodata : float or sequence of float, optional
        Values that mean no data, in addition to those declared in the file.

    Returns
    -------
    DataFrame
        On the areas' index: `sum`, `cells` (with a value; half a cell counts ½), `missing` (cells
        without one), `outside_share` (share of the area off the raster), and the `lowest` and
        `highest` value. `.attrs` describes the raster.

    Raises
    ------
    FileError
        The file doesn't exist, or isn't a GeoTIFF.
    CRSError
        It has no CRS, or one with no known way to WGS 84.
    InputError
        It has no such band, all areas are off the raster, or it has undeclared −9999 and the like.
    MissingExtraError
        rasterio or exactextract isn't installed.

    References
    ----------
    Shares of cells are computed by exactextract (Baston),
    https://isciences.github.io/exactextract/, in the raster's own plane: cells of a raster in
    degrees end at meridians and parallels.

    Examples
    --------
    >>> zonal("nowhere.tif", gpd.GeoSeries([shapely.box(67, 25, 68, 26)], crs=4326))
    Traceback (most recent call last):
    cpecgeo.errors.FileError: There is no file nowhere.tif; name a GeoTIFF.
    """
    own = [nodata] if isinstance(nodata, (int, float)) else list(nodata or ())
    with open_raster(path, "raster") as raster:
        number = check_band(raster, band)
        fine = geodesy.densify(areas, _STEP_KM).to_numpy()
        # exactextract's y points up, rows count down.
        flat = shapely.transform(fine, lambda xy: to_cells(raster, xy, "raster") * (1, -1))
        if not np.isfinite(shapely.get_coordinates(flat)).all():
            raise InputError(
                f"x reaches to where {raster.crs.to_string()[:60]}, the CRS of {Path(path).name}, "
                "isn't defined. Reproject the raster to EPSG:4326, or ask about less."
            )
        sums = np.zeros((len(areas), 3))
        reach = np.tile([np.inf, -np.inf], (len(areas), 1))
        tree = shapely.STRtree(flat)
        for top, bottom, left, right in _windows(raster, number, tree):
            tile = shapely.box(left, -bottom, right, -top)
            hit = np.sort(tree.query(tile, predicate="intersects"))
            if len(hit):
                grid = read_cells(raster, number, ((top, bottom), (left, right)), own)
                rows = _sum_window(grid, tile, flat[hit])
                sums[hit] += rows[:, :3]
                reach[hit, 0] = np.fmin(reach[hit, 0], rows[:, 3])
                reach[hit, 1] = np.fmax(reach[hit, 1], rows[:, 4])
        found = pd.DataFrame(sums, index=areas.index, columns=["sum", "cells", "missing"])
        found["lowest"], found["highest"] = np.where(np.isfinite(reach), reach, np.nan).T
        if not own:
            _refuse_undeclared(found, raster, number)
        found.attrs = _about(raster, number, own, flat)
    whole = shapely.area(flat)
    on_it = found["cells"] + found["missing"]
    share = np.divide(on_it, whole, out=np.ones(len(areas)), where=whole > 0)
    found["outside_share"] = np.where(share > 1 - 1e-6, 0.0, 1 - share)
    if len(found) and not on_it.any():
        raise InputError(f"{Path(path).name} lies elsewhere: none of its cells is in the area.")
    return found


def solid(shape: shapely.Geometry) -> shapely.Geometry:
    """Return the polygons of a geometry that may also contain lines and points.

    Parameters
    ----------
    shape : geometry

    Returns
    -------
    Polygon or MultiPolygon
        Empty where there is no area.

    Examples
    --------
    >>> solid(shapely.GeometryCollection([shapely.Point(0, 0), shapely.box(0, 0, 1, 1)])).area
    1.0
    """
    if shape.geom_type in {"Polygon", "MultiPolygon"}:
        return shape
    parts = shapely.get_parts(shapely.get_parts(shape))
    return shapely.union_all(parts[shapely.get_dimensions(parts) == 2])


def _windows(
    raster: DatasetReader, band: int, tree: shapely.STRtree
) -> Iterator[tuple[int, int, int, int]]:
    """Yield first and last rows and columns of windows over areas, in whole blocks of the file."""
    x0, y0, x1, y1 = shapely.total_bounds(tree.geometries)
    left, right = max(int(np.floor(x0)), 0), min(int(np.ceil(x1)), raster.width)
    top, bottom = max(int(np.floor(-y1)), 0), min(int(np.ceil(-y0)), raster.height)
    tall, wide = raster.block_shapes[band - 1]
    # A file in strips is decoded by whole rows, so windows are as wide as needed.
    across = max(right - left, 1) if 2 * wide > raster.width else max(1448 // wide, 1) * wide
    down = max(_CELLS // across // tall, 1) * tall
    down = min(down, max(8 * _CELLS // across, 1))
    for row in range(top // down * down, bottom, down):
        first = left if 2 * wide > raster.width else left // across * across
        for column in range(first, right, across):
            yield (
                max(row, top),
                min(row + down, bottom),
                max(column, left),
                min(column + across, right),
            )


def _sum_window(
    grid: NDArray[np.float64], tile: shapely.Polygon, areas: NDArray[np.object_]
) -> NDArray[np.float64]:
    """Return sum, cells, missing cells, lowest and highest value of one window in each area."""
    try:
        from exactextract import exact_extract
        from exactextract.raster import NumPyRasterSource
    except ImportError as error:
        raise MissingExtraError(
            "Sums of a raster's cells need exactextract: pip install 'cpecgeo[raster]'."
        ) from error
    gone = np.isnan(grid)
    sources = [NumPyRasterSource(grid, *tile.bounds, name="v")]
    if gone.any():
        sources.append(NumPyRasterSource(gone.astype(np.float64), *tile.bounds, name="g"))
    near = [solid(shape) for shape in shapely.intersection(areas, tile)]
    rows = np.tile([0.0, 0.0, 0.0, np.nan, np.nan], (len(areas), 1))
    here = [i for i, area in enumerate(near) if not area.is_empty]
    if not here:
        return rows
    features = [
        {"type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(near[i])}
        for i in here
    ]
    told = exact_extract(sources, features, ["sum", "count", "min", "max"], output="pandas")
    names = [f"v_{n}" if len(sources) > 1 else n for n in ("sum", "count", "min", "max")]
    for column, name in zip((0, 1, 3, 4), names, strict=True):
        rows[here, column] = told[name]
    if len(sources) > 1:
        rows[here, 2] = told["g_sum"]
    rows[:, :3] = np.nan_to_num(rows[:, :3])
    return rows


def _about(
    raster: DatasetReader, band: int, own: list[float], flat: NDArray[np.object_]
) -> dict[str, object]:
    """Describe a raster: its file, CRS, resolution in its own unit and in km, no-data."""
    x0, y0, x1, y1 = shapely.total_bounds(flat)
    column = float(np.clip((x0 + x1) / 2, 0, raster.width - 1))
    row = float(np.clip(-(y0 + y1) / 2, 0, raster.height - 1))
    a, b, c, d, e, f = raster.transform[:6]
    corners = [
        (a * i + b * j + c, d * i + e * j + f)
        for i, j in ((column, row), (column + 1, row), (column, row + 1))
    ]
    placed = geodesy.lonlat(
        gpd.GeoSeries(shapely.points(corners), crs=raster.crs.to_wkt()), what="raster"
    )
    here, beside, below = (shapely.get_coordinates(p)[0] for p in placed)
    sides = gpd.GeoSeries(
        [shapely.LineString([here, beside]), shapely.LineString([here, below])], crs=4326
    )
    unit = "degree" if raster.crs.is_geographic else raster.crs.linear_units
    return {
        "raster": Path(raster.name).name,
        "band": band,
        "crs": raster.crs.to_string()[:80],
        "resolution": f"{np.hypot(a, d):.10g} × {np.hypot(b, e):.10g} {unit}",
        "cell_km": tuple(round(float(km), 5) for km in geodesy.length_km(sides)),
        "nodata": [v for v in (raster.nodatavals[band - 1], *own) if v is not None],
        "scale": raster.scales[band - 1],
        "offset": raster.offsets[band - 1],
    }


def _refuse_undeclared(found: pd.DataFrame, raster: DatasetReader, band: int) -> None:
    """Refuse undeclared −9999 and the like, which would be summed as values."""
    scale, offset = raster.scales[band - 1], raster.offsets[band - 1]
    for met in (found["lowest"].min(), found["highest"].max()):
        raw = (met - offset) / scale
        if raw in _UNDECLARED or abs(raw) >= _HUGE:
            said = raster.nodatavals[band - 1]
            raise InputError(
                f"{Path(raster.name).name} has cells of {raw:g}, and declares "
                f"{'nothing' if said is None else f'{said:g}'} as no data. If they have no value, "
                f"say nodata={raw:g}; if they have one, nodata=float('nan')."
            )


def sum_rings(
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
    zones = None if by is None else _zones(by)
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
            amounts = found.loc[turn]["sum"] if len(shapes) > 1 else np.nan
            table[f"{value}_{end}"] = amounts
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
        "ellipsoid": "WGS 84",
        "edges": "geodesic",
        "accuracy": HOW,
        "sources": [Path(path).name],
        "x_without_position": centre.left_out,
        **provenance(centre, *([] if zones is None else [zones])),
    }
    return answer


def _warn_of_edges(name: str, off: float, most: float) -> None:
    """Warn of the share of the rings, as drawn or as possible, off a raster."""
    told = ""
    if off > _OFF:
        told = (
            f"{name} doesn't reach everywhere: up to {100 * off:.3g} % of a ring lies off it and "
            "isn't counted (outside_share)."
        )
    elif most > _OFF:
        told = (
            f"{name} doesn't reach as far as the rings may, given how good the line is: up to "
            f"{100 * most:.3g} % of that lies off it and isn't counted in the high values."
        )
    if told:
        warnings.warn(told, DataWarning, stacklevel=4)


def _zones(by: SubjectLike) -> Subject:
    """Resolve the areas by which sums of a raster are broken down."""
    layers = {"district": "districts", "province": "provinces"}
    named = layers.get(by, by) if isinstance(by, str) else by
    return resolve(named, "by", kinds={"Polygon", "MultiPolygon"})


def _in_zones(
    rows: pd.DataFrame, shapes: list[gpd.GeoSeries], zones: Subject
) -> tuple[pd.DataFrame, list[gpd.GeoSeries]]:
    """Cut rings by zones: a row for each ring and each zone that the feature's rings touch.

    Parts outside all zones follow, with the zone None.
    """
    fine = [geodesy.densify(some, _STEP_KM) for some in shapes]
    outlines = geodesy.densify(zones.shapes, _STEP_KM)
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

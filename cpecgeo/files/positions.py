"""Positions of features as columns of a table, and shapes that a format has no place for."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from cpecgeo.errors import InputError
from cpecgeo.files.formats import Format
from cpecgeo.files.header import GEOMETRY, find_lonlat, is_position
from cpecgeo.files.numbers import parse_degrees

__all__ = ["add_positions", "refuse_shapes"]

_GPX_SHAPES = {"Point", "LineString", "MultiLineString"}


def add_positions(
    table: pd.DataFrame, shapes: gpd.GeoSeries, used: tuple[str, ...]
) -> tuple[pd.DataFrame, tuple[str, ...], list[str]]:
    """Add positions to a table: lon and lat for points, wkt for others.

    Parameters
    ----------
    table : DataFrame
        Without geometry.
    shapes : GeoSeries
        In lon, lat.
    used : tuple of str
        Columns that positions were read from; where they still hold them, nothing is added.

    Returns
    -------
    table : DataFrame
    positions : tuple of str
        The columns that hold positions.
    remarks : list of str
        Columns that were renamed, because a reader would take them for positions.
    """
    are_points = set(shapes.geom_type.dropna()) <= {"Point"}
    if are_points and _holds(table, used, shapes):
        return table, used, []
    remarks = []
    if not _is_unmistakable(list(map(str, table.columns)), are_points=are_points):
        renamed = {c: f"{c}_of_row" for c in table.columns if is_position(str(c))}
        table = table.rename(columns=renamed)
        changes = ", ".join(f"{old!r} to {new!r}" for old, new in renamed.items())
        remarks = [f"columns renamed: {changes}"]
    if are_points:
        return table.assign(lon=shapes.x, lat=shapes.y), ("lon", "lat"), remarks
    return table.assign(wkt=shapes.to_wkt(rounding_precision=-1)), ("wkt",), remarks


def _holds(table: pd.DataFrame, used: tuple[str, ...], shapes: gpd.GeoSeries) -> bool:
    """Return whether the columns that positions were read from are there, and still hold them."""
    if len(used) != 2 or not set(used) <= set(table.columns):
        return False
    known = shapes.notna().to_numpy() & ~shapes.is_empty.to_numpy()
    try:
        held = [
            parse_degrees(table[c], a, "")[0] for c, a in zip(used, ("lon", "lat"), strict=True)
        ]
    except InputError:
        return False
    here = shapes[known]
    return bool(
        (held[0][known] == here.x.to_numpy()).all()
        and (held[1][known] == here.y.to_numpy()).all()
        and (np.isnan(held[0]) | np.isnan(held[1]))[~known].all()
    )


def _is_unmistakable(names: list[str], *, are_points: bool) -> bool:
    """Return whether a reader finds the positions that are added, and no others."""
    if are_points:
        if {"lon", "lat"} & set(names):
            return False
        try:
            return find_lonlat([*names, "lon", "lat"], None, None, "") == ("lon", "lat")
        except InputError:
            return False
    if any(name.strip().casefold() in GEOMETRY for name in names):
        return False
    try:
        find_lonlat(names, None, None, "")
    except InputError:
        return True
    return False


def refuse_shapes(shapes: gpd.GeoSeries, form: Format) -> None:
    """Refuse geometries that a format has no place for.

    Raises
    ------
    InputError
    """
    kinds = set(shapes.geom_type.dropna())
    if form.name == "GPX":
        solid = sorted(kinds - _GPX_SHAPES)
        if solid:
            raise InputError(f"GPX has no place for {', '.join(solid)}; it holds points and lines.")
        missing = int((shapes.isna() | shapes.is_empty).sum())
        if missing:
            raise InputError(
                f"GPX has no place for {missing} rows without a position; drop them, or write "
                "another format."
            )
    if form.name == "Shapefile" and len({k.removeprefix("Multi") for k in kinds}) > 1:
        raise InputError(
            "A shapefile holds one type of geometry, and this table has "
            f"{', '.join(sorted(kinds))}; write .gpkg."
        )
    if form.name == "Shapefile" and "GeometryCollection" in kinds:
        raise InputError("A shapefile has no place for GeometryCollection; write .gpkg.")

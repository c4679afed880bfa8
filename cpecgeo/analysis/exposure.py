"""Who and what lies in the rings around something."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from cpecgeo import geodesy
from cpecgeo.analysis.proximity import check_radii, rings
from cpecgeo.errors import GeometryError, InputError
from cpecgeo.features.resolve import in_region, resolve
from cpecgeo.features.subject import Subject, SubjectLike, provenance
from cpecgeo.files.numbers import to_numbers

__all__ = ["exposure"]


def exposure(
    x: SubjectLike,
    km: float | Sequence[float] = (5, 10, 25, 50),
    *,
    layer: SubjectLike = "places",
    value: str | None = "population",
    by: str | None = None,
) -> pd.DataFrame:
    """Add up what lies in rings around something, and count what is missing.

    Parameters
    ----------
    x : SubjectLike
    km : float or sequence of float
        Outer radii in kilometres, ascending.
    layer : SubjectLike
        What is counted: points, or areas.
    value : str or None
        The column to add up; None counts features alone.
    by : str, optional
        A column of `layer` to break the totals down by. ``"district"`` and ``"province"``
        are there for every bundled layer of points: the districts of 2022, as facts with a
        source. What has no value there is left out, and counted in `.attrs`.

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

    Raises
    ------
    UnknownNameError, InputError, CRSError, CoordinateError, GeometryError

    Examples
    --------
    >>> e = exposure("Gwadar Port", km=[10, 50])
    >>> e.index.tolist()
    [(0.0, 10.0), (10.0, 50.0)]
    """
    edges = check_radii(km)
    centre = resolve(x, "x")
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
        solid = parts.geom_type.isin(["Polygon", "MultiPolygon", "GeometryCollection"])
        parts = parts[solid & ~parts.is_empty].map(_solid)
        if len(parts):
            share = geodesy.area_km2(parts) / geodesy.area_km2(fine.loc[parts.index])
            found.append(
                pd.DataFrame({"row": parts.index, "ring": number, "weight": share.to_numpy()})
            )
    empty = pd.DataFrame({"row": [], "ring": [], "weight": []}).astype({"row": int, "ring": int})
    return pd.concat(found) if found else empty


def _solid(shape: Any) -> Any:
    """Return the areas of a collection that may hold lines and points too."""
    if shape.geom_type != "GeometryCollection":
        return shape
    return gpd.GeoSeries(
        [part for part in shape.geoms if part.geom_type in ("Polygon", "MultiPolygon")]
    ).union_all()


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

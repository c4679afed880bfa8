"""What lies within so many kilometres, in rings, and along a corridor."""

from __future__ import annotations

from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from cpecgeo import geodesy
from cpecgeo.analysis.measure import aims
from cpecgeo.analysis.subjects import named, radii, rows_of
from cpecgeo.catalogue import data_version, layer
from cpecgeo.errors import InputError
from cpecgeo.features.corridor import Corridor
from cpecgeo.features.corridors import corridor as corridor_of
from cpecgeo.features.resolve import geometry
from cpecgeo.geodesy.inputs import positive_km

__all__ = ["density_along", "rings", "within"]


def within(points: Any, x: Any, km: float) -> gpd.GeoDataFrame:
    """The rows that lie within `km` of something.

    Parameters
    ----------
    points : GeoDataFrame, GeoSeries, geometry, or the name of a layer
        Points, or lines and areas, of which the nearest part counts.
    x : Corridor, Place, str, list of names, geometry, GeoSeries or GeoDataFrame
        Names of corridors, sections, places and layers.
    km : float
        Geodesic kilometres, 0 or more; the limit itself is within.

    Returns
    -------
    GeoDataFrame
        The rows in their order and CRS, with `target` and `distance_km`. `.attrs` says how
        many rows had no position (`without_position`).

    Raises
    ------
    UnknownNameError, InputError, CRSError, CoordinateError, GeometryError

    Examples
    --------
    >>> within("mines", "mining", 10)["id"].tolist()
    ['reko-diq']
    """
    frame = rows_of(points, "points")
    limit = positive_km(km, "km", allow_zero=True)
    targets, _ = aims(x)
    known = frame[frame.geometry.notna() & ~frame.geometry.is_empty]
    shapes = geodesy.lonlat(known.geometry, what="points") if len(known) else known.geometry
    index = geodesy.Index(targets)
    if (shapes.geom_type == "Point").all():
        near = index.nearest(shapes)
        distance, target = near["distance_km"].to_numpy(), near["target"].to_numpy()
    else:
        table = geodesy.distance_matrix_km(shapes, targets)
        best = table.to_numpy().argmin(axis=1)
        distance = table.to_numpy()[np.arange(len(table)), best]
        target = table.columns.to_numpy()[best]
    keep = distance <= limit
    found = known[keep].copy()
    found["target"], found["distance_km"] = target[keep], distance[keep]
    found.attrs = {
        **frame.attrs,
        "method": "nearest by geodesic distance",
        "ellipsoid": "WGS 84",
        "edges": "geodesic",
        "within_km": limit,
        "without_position": len(frame) - len(known),
        "data_version": data_version(),
    }
    return found


def rings(x: Any, km: Any = (5, 10, 25, 50), *, dissolve: bool = True) -> gpd.GeoDataFrame:
    """Rings around something: the areas between one distance and the next.

    Parameters
    ----------
    x : Corridor, Place, str, list of names, geometry, GeoSeries or GeoDataFrame
    km : float or sequence of float
        Outer radii in kilometres, ascending.
    dissolve : bool
        Whether all features share one set of rings (each place belongs to the ring of the
        feature nearest to it), or each has its own.

    Returns
    -------
    GeoDataFrame
        EPSG:4326, a row per ring: `km_from, km_to, area_km2, geometry`; where rings aren't
        dissolved, `feature` first, and its `name` where a frame or layer has one. The rings
        of a feature don't overlap, and together they are its largest buffer; the innermost
        holds the feature itself.

    Raises
    ------
    UnknownNameError, InputError, CRSError, CoordinateError, GeometryError

    Examples
    --------
    >>> r = rings("Gwadar Port", km=[5, 10])
    >>> r["km_to"].tolist(), r["area_km2"].round(1).tolist()
    ([5.0, 10.0], [78.5, 235.6])
    """
    edges = radii(km)
    shapes = named(geometry(x, "x"), x)
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
    if dissolve:
        frame = frame.drop(columns="feature")
    elif (names := _names(x, shapes)) is not None:
        frame.insert(1, "name", np.repeat(names, len(edges)))
    frame.attrs = {
        "method": "geodesic buffers, each without the smaller one",
        "rtol": 1e-4,
        "ellipsoid": "WGS 84",
        "edges": "geodesic",
        "around": [str(i) for i in shapes.index],
        "data_version": data_version(),
    }
    return frame


def _names(x: Any, shapes: gpd.GeoSeries) -> Any:
    """Names of the features of a frame or layer, in their order; None where there are none."""
    if isinstance(x, gpd.GeoDataFrame):
        return x["name"].to_numpy() if "name" in x else None
    if isinstance(x, str) and list(shapes.index) != [x]:
        return layer(x).set_index("id")["name"].reindex(shapes.index).to_numpy()
    return None


def density_along(
    corridor: Corridor | str,
    events: Any,
    *,
    bin_km: float = 10,
    by: Literal["km", "section"] = "km",
    max_km: float | None = None,
    value: str | None = None,
) -> pd.DataFrame:
    """How many events lie at each stretch of a corridor.

    Parameters
    ----------
    corridor : Corridor or str
    events : GeoDataFrame or GeoSeries of points, or the name of a layer
    bin_km : float
        Length of a stretch in kilometres of chainage; the last one may be shorter.
    by : {"km", "section"}
        Stretches of equal length, or the corridor's sections.
    max_km : float, optional
        Events further from the line are left out.
    value : str, optional
        A column of `events` to sum.

    Returns
    -------
    DataFrame
        `km_from, km_to, events, per_km` and, where asked for, the sum of `value`; with
        ``by="section"`` also `section` and `name`. An event on a limit counts in the
        stretch that begins there. `.attrs` says how many events were counted, too far away
        and without a position.

    Raises
    ------
    UnknownNameError, InputError, CRSError, CoordinateError, GeometryError

    Examples
    --------
    >>> d = density_along("ml1", "places", bin_km=500, max_km=25)
    >>> int(d["events"].sum()) == d.attrs["counted"]
    True
    """
    thing = corridor if isinstance(corridor, Corridor) else corridor_of(corridor)
    frame = rows_of(events, "events")
    known = frame[frame.geometry.notna() & ~frame.geometry.is_empty]
    if by == "section":
        limits = np.append(thing.sections["km_from"].to_numpy(float), thing.end_km)
    elif by == "km":
        step = positive_km(bin_km, "bin_km")
        limits = np.append(np.arange(0.0, thing.end_km - 1e-9, step), thing.end_km)
    else:
        raise InputError(f'by is {by!r}; it is "km" or "section".')
    if value is not None and value not in list(frame.columns):
        raise InputError(f"events has no column {value!r} to sum; it has {list(frame.columns)}.")
    near = thing.locate(known.geometry)
    far = np.zeros(len(near), bool)
    if max_km is not None:
        far = near["offset_km"].to_numpy() > positive_km(max_km, "max_km", allow_zero=True)
    place = np.clip(
        np.searchsorted(limits, near["km"].to_numpy(), side="right") - 1, 0, len(limits) - 2
    )
    counts = np.bincount(place[~far], minlength=len(limits) - 1)
    answer = pd.DataFrame(
        {
            "km_from": limits[:-1],
            "km_to": limits[1:],
            "events": counts,
            "per_km": counts / np.diff(limits),
        }
    )
    if by == "section":
        answer.insert(0, "section", thing.sections["id"].to_numpy())
        answer.insert(1, "name", thing.sections["name"].to_numpy())
    if value is not None:
        weights = pd.to_numeric(known[value]).to_numpy(float)
        given = ~far & ~np.isnan(weights)
        answer[value] = np.bincount(place[given], weights[given], minlength=len(limits) - 1)
    answer.attrs = {
        "corridor": thing.name,
        "method": "calibrated chainage of the closest place on the line",
        "counted": int(counts.sum()),
        "too_far": int(far.sum()),
        "without_position": len(frame) - len(known),
        "without_value": 0 if value is None else int(np.isnan(weights[~far]).sum()),
        "data_version": data_version(),
    }
    return answer

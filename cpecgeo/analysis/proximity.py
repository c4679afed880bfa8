"""What lies within so many kilometres, in rings, and along a corridor."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from cpecgeo import geodesy
from cpecgeo.analysis.measure import free_names
from cpecgeo.errors import InputError
from cpecgeo.features.resolve import in_region, resolve, resolve_corridor
from cpecgeo.features.subject import SubjectLike, provenance
from cpecgeo.geodesy.inputs import positive_km

__all__ = ["check_radii", "density_along", "rings", "within"]


def check_radii(km: float | Sequence[float]) -> tuple[float, ...]:
    """Check the outer radii of rings.

    Parameters
    ----------
    km : float or sequence of float
        Kilometres.

    Returns
    -------
    tuple of float

    Raises
    ------
    InputError
        None, not positive, or not ascending.

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
        raise InputError(f"km is {listed!r}; give ascending radii, such as km=[5, 10, 25].")
    return edges


def within(points: SubjectLike, x: SubjectLike, km: float) -> gpd.GeoDataFrame:
    """Return the rows that lie within a distance of something.

    Parameters
    ----------
    points : SubjectLike
        Points, or lines and areas, of which the nearest part counts.
    x : SubjectLike
        What they are near to.
    km : float
        Geodesic kilometres, 0 or more; the limit itself is within.

    Returns
    -------
    GeoDataFrame
        The rows in their order, index and CRS, with `target` and `distance_km`, with ``_near``
        behind a name that the rows have already. `.attrs` says how many rows had no position
        (`without_position`).

    Raises
    ------
    UnknownNameError, InputTypeError, InputError, CRSError, CoordinateError, GeometryError

    Examples
    --------
    >>> within("mines", "mining", 10)["id"].tolist()
    ['reko-diq']
    """
    limit = positive_km(km, "km", allow_zero=True)
    around = resolve(x, "x")
    to = around.shapes
    subject = in_region(resolve(points, "points", missing="keep"), "points")
    frame, has_point = subject.rows, subject.shapes.notna().to_numpy()
    shapes = subject.shapes[has_point]
    if (shapes.geom_type == "Point").all():
        near = geodesy.Index(to).nearest(shapes)
        distance, target = near["distance_km"].to_numpy(), near["target"].to_numpy()
    else:
        table = geodesy.distance_matrix_km(shapes, to)
        best = table.to_numpy().argmin(axis=1)
        distance = table.to_numpy()[np.arange(len(table)), best]
        target = table.columns.to_numpy()[best]
    keep = distance <= limit
    found = frame[has_point][keep].copy()
    for name, values in zip(
        free_names(["target", "distance_km"], set(frame.columns)), (target, distance), strict=True
    ):
        found[name] = values[keep]
    found.attrs = {
        **frame.attrs,
        "method": "nearest by geodesic distance",
        "ellipsoid": "WGS 84",
        "edges": "geodesic",
        "within_km": limit,
        "without_position": int((~has_point).sum()),
        **provenance(around, subject),
    }
    return found


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
    edges = check_radii(km)
    subject = resolve(x, "x")
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
    if dissolve:
        frame = frame.drop(columns="feature")
    elif (names := subject.names) is not None:
        frame.insert(1, "name", np.repeat(names, len(edges)))
    frame.attrs = {
        "method": "geodesic buffers, each without the smaller one",
        "rtol": 1e-4,
        "ellipsoid": "WGS 84",
        "edges": "geodesic",
        "around": [str(i) for i in shapes.index],
        **provenance(subject),
    }
    return frame


def density_along(
    corridor: SubjectLike,
    events: SubjectLike,
    *,
    bin_km: float = 10,
    by: Literal["km", "section"] = "km",
    max_km: float | None = None,
    value: str | None = None,
) -> pd.DataFrame:
    """Count the events at each stretch of a corridor.

    Parameters
    ----------
    corridor : Corridor or str
    events : SubjectLike
        Points.
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
    thing = resolve_corridor(corridor)
    subject = in_region(resolve(events, "events", missing="keep"), "events")
    frame, has_point = subject.rows, subject.shapes.notna().to_numpy()
    known = frame[has_point]
    if by == "section":
        limits = np.append(thing.sections["km_from"].to_numpy(float), thing.end_km)
    elif by == "km":
        step = positive_km(bin_km, "bin_km")
        limits = np.append(np.arange(0.0, thing.end_km - 1e-9, step), thing.end_km)
    else:
        raise InputError(f'by is {by!r}; it is "km" or "section".')
    if value is not None and value not in list(frame.columns):
        raise InputError(f"events has no column {value!r} to sum; it has {list(frame.columns)}.")
    near = thing.chainage.locate(subject.shapes[has_point])
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
        **provenance(thing.as_subject(), subject),
    }
    return answer

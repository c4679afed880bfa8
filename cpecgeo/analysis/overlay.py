"""What a line crosses, in the order of travel."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from cpecgeo import geodesy
from cpecgeo.catalogue import data_version, layer
from cpecgeo.errors import GeometryError, InputError, UnknownNameError
from cpecgeo.features.corridor import Corridor
from cpecgeo.features.corridors import corridor
from cpecgeo.features.gate import geometry
from cpecgeo.geodesy import Chainage

__all__ = ["crossed"]

# Geodesic edges are drawn as straight ones this short: less than 2 cm apart.
_STRAIGHT_KM = 1.0
# Stretches shorter than this, where a line touches a corner, are dropped.
_LEAST_KM = 1e-6


def crossed(x: Any, zones: Any = "districts") -> gpd.GeoDataFrame:
    """The zones that a line crosses, in the order of travel.

    Parameters
    ----------
    x : Corridor, str, LineString, MultiLineString, or a series of one line
    zones : str, GeoSeries or GeoDataFrame
        ``"districts"``, ``"provinces"``, ``"countries"`` or polygons of your own.

    Returns
    -------
    GeoDataFrame
        EPSG:4326, a row per stretch: `zone, name, km_in, km_out, length_km, share,
        geometry`. A zone that is entered again has a row again. A stretch outside every
        zone has no `zone`, and isn't left out. `km_in` and `km_out` are chainage where `x`
        is a corridor, geodesic km from the start otherwise; `length_km` is the geodesic
        length of the drawn stretch and `share` its part of the whole. Where zones don't
        overlap the shares add up to 1; what runs along a common outline counts in the first
        of the two zones. `.attrs` has the total and the length outside.

    Raises
    ------
    UnknownNameError, InputTypeError, CRSError, CoordinateError, GeometryError

    Notes
    -----
    Edges of line and zones are geodesics, cut into pieces of 1 km; the places where they
    cross are right to about 2 cm. The outlines are no better than the `accuracy_km` of the
    zones: about 1 to 3.5 km for the bundled districts.

    Examples
    --------
    >>> crossed("taxila-havelian", "provinces")["zone"].tolist()
    ['punjab', 'khyber-pakhtunkhwa', 'punjab', 'khyber-pakhtunkhwa']
    """
    line, measures, title = _line(x)
    areas, names, source = _zones(zones)
    chain = Chainage(line)
    shapes, starts, ends = _pieces(line)
    rows = _inside(shapes, starts, ends, areas)
    rows += _outside(rows, chain.end_km, _breaks(line))
    rows.sort(key=lambda row: (row[1], row[2]))
    total = chain.end_km
    shown = np.array([(a, b) for _, a, b in rows]).reshape(-1, 2)
    km = shown if measures is None else measures(shown)
    labels = areas.index.to_numpy()
    frame = gpd.GeoDataFrame(
        {
            "zone": [None if i < 0 else labels[i] for i, _, _ in rows],
            "name": [None if i < 0 else names[i] for i, _, _ in rows],
            "km_in": km[:, 0],
            "km_out": km[:, 1],
            "length_km": shown[:, 1] - shown[:, 0],
            "share": (shown[:, 1] - shown[:, 0]) / total,
        },
        geometry=[chain.between(a, b) for _, a, b in rows],
        crs=4326,
    )
    outside = frame["zone"].isna()
    frame.attrs = {
        "line": title,
        "zones": source,
        "method": "geodesic edges cut at the outlines",
        "ellipsoid": "WGS 84",
        "edges": "geodesic",
        "chainage": "calibrated" if measures else "geodesic km from the start",
        "total_km": total,
        "outside_km": float(frame.loc[outside, "length_km"].sum()),
        "data_version": data_version(),
    }
    return frame


def _line(x: Any) -> tuple[Any, Any, str]:
    """The line, what turns geodesic km along it into chainage, and its name."""
    if isinstance(x, str):
        try:
            x = corridor(x)
        except UnknownNameError:
            return _single(geometry(x, "x")), None, x
    if isinstance(x, Corridor):
        along = Chainage(x.line)
        at, km = along.measures_km, x.chainage.measures_km
        return x.line, lambda d: np.interp(d, at, km), x.name
    return _single(geometry(x, "x")), None, getattr(x, "title", type(x).__name__)


def _single(x: Any) -> Any:
    series = geodesy.lonlat(x, what="x", kinds={"LineString", "MultiLineString"})
    if len(series) != 1:
        raise GeometryError(
            f"x has {len(series)} lines; crossed takes one. Ask for each, or join them with "
            "geometry.union_all()."
        )
    return series.iloc[0]


def _zones(zones: Any) -> tuple[gpd.GeoSeries, list[Any], str]:
    """Outlines drawn finely, their names, and where they are from."""
    frame, source = zones, "given"
    if isinstance(zones, str):
        frame = layer(zones).set_index("id")
        frame, source = frame[frame.geometry.notna()], str(frame.attrs["title"])
    series = geodesy.lonlat(
        getattr(frame, "geometry", frame), what="zones", kinds={"Polygon", "MultiPolygon"}
    )
    if len(series) == 0:
        raise InputError("zones is empty; give one polygon at least.")
    if isinstance(frame, gpd.GeoDataFrame) and "name" in frame:
        names = frame["name"].tolist()
    else:
        names = list(series.index)
    return geodesy.densify(series, _STRAIGHT_KM), names, source


def _parts(line: Any) -> list[Any]:
    return list(line.geoms) if line.geom_type == "MultiLineString" else [line]


def _breaks(line: Any) -> NDArray[np.float64]:
    """Geodesic km at which one part of a line ends and the next begins."""
    return np.cumsum([geodesy.length_km(part) for part in _parts(line)])[:-1]


def _pieces(line: Any) -> tuple[Any, NDArray[np.float64], NDArray[np.float64]]:
    """The line in straight pieces, with geodesic km at both ends of each."""
    shapes, starts, ends, before = [], [], [], 0.0
    for part in _parts(line):
        fine = geodesy.densify(part, _STRAIGHT_KM)
        xy = np.asarray(fine.coords)[:, :2]
        at = before + Chainage(fine).measures_km
        shapes.append(shapely.linestrings(np.stack((xy[:-1], xy[1:]), axis=1)))
        starts.append(at[:-1])
        ends.append(at[1:])
        before = at[-1]
    return np.concatenate(shapes), np.concatenate(starts), np.concatenate(ends)


_Row = tuple[int, float, float]


def _inside(shapes: Any, starts: Any, ends: Any, areas: gpd.GeoSeries) -> list[_Row]:
    """(zone, from, to) of every stretch inside a zone, pieces joined."""
    array = np.asarray(areas.array, dtype=object)
    shapely.prepare(array)
    piece, zone = shapely.STRtree(array).query(shapes, predicate="intersects")
    whole = shapely.covers(array[zone], shapes[piece])
    # What runs along an outline is in the zones on both sides of it; one of them has it.
    edge = whole & shapely.touches(array[zone], shapes[piece])
    order = np.flatnonzero(whole)
    order = order[np.lexsort((zone[order], edge[order], piece[order]))]
    edge[order[np.unique(piece[order], return_index=True)[1]]] = False
    piece, zone, whole = piece[~edge], zone[~edge], whole[~edge]
    found = [
        (int(z), float(starts[p]), float(ends[p]))
        for p, z in zip(piece[whole], zone[whole], strict=True)
    ]
    for p, z in zip(piece[~whole], zone[~whole], strict=True):
        inside = shapely.intersection(shapes[p], array[z])
        origin, end = shapely.get_coordinates(shapes[p])
        reach = end - origin
        size = float(reach @ reach)
        for part in shapely.get_parts(inside):
            if part.geom_type != "LineString":
                continue
            t = np.sort((shapely.get_coordinates(part) - origin) @ reach / size)
            a, b = starts[p] + np.clip(t[[0, -1]], 0, 1) * (ends[p] - starts[p])
            found.append((int(z), float(a), float(b)))
    found.sort()
    joined: list[_Row] = []
    for z, a, b in found:
        if joined and joined[-1][0] == z and a - joined[-1][2] < _LEAST_KM:
            joined[-1] = (z, joined[-1][1], max(b, joined[-1][2]))
        else:
            joined.append((z, a, b))
    return [row for row in joined if row[2] - row[1] > _LEAST_KM]


def _outside(rows: list[_Row], total: float, breaks: Any) -> list[_Row]:
    """What no zone covers."""
    gaps, reached = [], 0.0
    for _, a, b in [*sorted(rows, key=lambda row: row[1]), (-1, total, total)]:
        if a - reached > _LEAST_KM:
            limits = [reached, *(k for k in breaks if reached < k < a), a]
            gaps += [(-1, u, v) for u, v in pairwise(limits)]
        reached = max(reached, b)
    return gaps

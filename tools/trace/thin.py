"""Leave out vertices that a line doesn't need: Douglas–Peucker on the ellipsoid."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import geopandas as gpd
import numpy as np
import shapely
from shapely.geometry import LineString

from cpecgeo.geodesy import distance_km
from tools.trace.tiles import Floats


def thinned(lonlat: Floats, km: float, fixed: Iterable[int] = ()) -> list[int]:
    """Indices of the vertices to keep.

    Parameters
    ----------
    lonlat : ndarray, shape (n, 2)
        Lon, lat in degrees.
    km : float
        No vertex that is left out is further than this from the line that stays.
    fixed : iterable of int
        Vertices that stay; both ends do in any case.

    Returns
    -------
    list of int

    References
    ----------
    D. H. Douglas and T. K. Peucker, Cartographica 10 (1973) 112–122.

    Examples
    --------
    >>> thinned(np.array([[70, 30], [70.1, 30.001], [70.2, 30.0], [70.2, 30.1]]), 0.3)
    [0, 2, 3]
    """
    keep = sorted({0, len(lonlat) - 1, *fixed})
    spans = list(pairwise(keep))
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        inner = gpd.GeoSeries(shapely.points(lonlat[first + 1 : last]), crs=4326)
        chord = gpd.GeoSeries([LineString(lonlat[[first, last]])], crs=4326)
        apart = np.asarray(distance_km(inner, chord.iloc[[0] * len(inner)].set_axis(inner.index)))
        if apart.max() > km:
            middle = first + 1 + int(np.argmax(apart))
            keep.append(middle)
            spans += [(first, middle), (middle, last)]
    return sorted(keep)

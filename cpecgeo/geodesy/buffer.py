"""Buffers whose boundary is at a geodesic distance, to a stated tolerance.

A single geometry is buffered by `_plane` and `_outline`. Points become circles all together, and
many lines or polygons are settled together, so that the time depends on the vertices of the
boundaries only. Geometries near a pole, over the antimeridian or too wide for one plane are
buffered one by one.
"""

from __future__ import annotations

from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from cpecgeo.errors import GeometryError, InputError, InputTypeError
from cpecgeo.geodesy._boundary import circles
from cpecgeo.geodesy._compile import choose, spread
from cpecgeo.geodesy._ellipsoid import ATTRS, EQUATOR_M, Floats, Ints, ecef, geodetic
from cpecgeo.geodesy._outline import Around, Outline, holds, settle
from cpecgeo.geodesy._paths import densify_array
from cpecgeo.geodesy._plane import buffer_one, halves
from cpecgeo.geodesy._tree import FAN, NOWHERE, _balls, _tubes, take_apart
from cpecgeo.geodesy.inputs import GeometryLike, check

__all__ = ["buffer"]

_LEAST_KM, _MOST_KM = 1e-3, 5_000.0
_LEAST_RTOL, _MOST_RTOL = 1e-7, 1e-2
_SHARE = 0.9  # of the tolerance; the rest is for rounding
_OUT, _SAG = 0.9, 1.85  # of that: vertices outside the radius; sag of edges
_CIRCLES = 10_000  # points per batch
_SHAPES = 2_000  # lines or polygons per batch
_WIDEST_M, _MOST_M = 500_000.0, 100_000.0  # greatest radii around points, and around shapes
_EXTENT_M = 300_000.0  # to here a stereographic plane is true to half a thousandth
_NORTH_DEG = 80.0
_DEGREE_M = 110_000.0
_OUTSIDE = 1e-3  # share of the radius: how much wider the guess is; one move inwards is enough
_CURVE = 8  # segments of a quarter circle, refined later
_MEAN_M = 6_371_000.0  # mean radius of the earth, for planes that needn't be exact
_FEW = 30  # up to so many shapes are buffered one by one


def buffer(
    x: GeometryLike,
    km: float,
    *,
    rtol: float = 1e-4,
    cap: Literal["round", "flat"] = "round",
    side: Literal["left", "right"] | None = None,
) -> Any:
    """Return the area within `km` of geometries, on the ellipsoid.

    Parameters
    ----------
    x : geometry, GeoSeries or GeoDataFrame
        Points, lines, polygons, multi or not, in any CRS. Edges are geodesics.
    km : float
        Radius, 0.001 to 5,000. Negative shrinks polygons.
    rtol : float
        Every vertex of the boundary and every middle of its edges is within this share of
        `km` from the true distance; 1e-7 to 1e-2.
    cap : {"round", "flat"}
        Ends of lines: half a disc, or cut off at a right angle.
    side : {"left", "right"}, optional
        Buffer only this side of lines, as seen along them; ends are flat then. The left of a ring
        that runs counter-clockwise is its inside, however small it is.

    Returns
    -------
    Polygon, MultiPolygon or GeoSeries
        EPSG:4326, valid, cut in two at the antimeridian as GeoJSON asks. A GeoSeries keeps
        the index; None stays. A polygon that shrinks to nothing is an empty one.

    Raises
    ------
    InputError
        `km` or `rtol` out of range, or `side` or flat caps together with other than lines.
    GeometryError
        One geometry reaches more than 110° around the earth, `km` is negative and it isn't a
        polygon, or `side` is given for a line whose vertices are all at one point.

    Warns
    -----
    GeometryWarning
        With `side` or flat caps a line turns back on itself within `km`, and more than 0.2 % of
        what is beside it may be on the wrong side, or beyond an end.

    Notes
    -----
    A buffer in a conformal plane is the first guess; it shows which stretches belong to the
    boundary. Each vertex is then moved along the geodesic from its closest point to the exact
    distance, and edges are split until their middles are within the tolerance too.

    Examples
    --------
    >>> from shapely.geometry import LineString
    >>> from cpecgeo.geodesy import area_km2
    >>> strip = buffer(LineString([(67, 25), (71, 34)]), 10, cap="flat")
    >>> round(area_km2(strip) / 20)
    1070
    """
    _check(km, rtol, cap, side)
    source = check(x, missing="keep")
    array, kind = source.geoms, source.kind
    lines = (kind == 1) | (kind == 2) | (kind == 5)
    areas = (kind == 3) | (kind == 6)
    given = kind >= 0
    if (side is not None or cap == "flat") and (given & ~lines).any():
        raise InputError('flat caps and side="…" are for lines; x has other kinds as well.')
    if side is not None:
        _check_sides(array, source.index)
    if km < 0 and (given & ~areas).any():
        raise GeometryError(
            f"km is {km}; only polygons can shrink, and x has points or lines. Give km above 0."
        )
    result = np.full(len(array), None, dtype=object)
    flat = cap == "flat" or side is not None
    if km > 0 and not flat:
        spots = np.flatnonzero(kind == 0)
        result[spots] = around_points(shapely.get_coordinates(array[spots]), 1e3 * km, rtol)
        for alike in (lines, areas):
            rows = np.flatnonzero(alike)
            result[rows] = around_shapes(array[rows], 1e3 * km, rtol)
    for row in np.flatnonzero(given & shapely.is_missing(result)):
        result[row] = buffer_one(array[row], float(km), rtol, flat=flat, side=side)
    if source.single:
        return result[0]
    answer = gpd.GeoSeries(result, index=source.index, crs="EPSG:4326", name=source.name)
    answer.attrs = {"method": f"geodesic buffer, rtol {rtol}", **ATTRS}
    return answer


def _check(km: float, rtol: float, cap: str, side: str | None) -> None:
    if not isinstance(km, (int, float, np.integer, np.floating)):
        raise InputTypeError(f"km is {km!r}; a number of kilometres is needed, such as km=10.")
    if not _LEAST_KM <= abs(km) <= _MOST_KM:
        raise InputError(f"km is {km}; a buffer's radius is {_LEAST_KM} to {_MOST_KM:,} km.")
    if not isinstance(rtol, (int, float, np.integer, np.floating)):
        raise InputTypeError(f"rtol is {rtol!r}; a number is needed, such as rtol=1e-4.")
    if not _LEAST_RTOL <= rtol <= _MOST_RTOL:
        raise InputError(f"rtol is {rtol}; it must be within {_LEAST_RTOL} and {_MOST_RTOL}.")
    if cap not in ("round", "flat"):
        raise InputError(f'cap is {cap!r}; choose "round" or "flat".')
    if side not in (None, "left", "right"):
        raise InputError(f'side is {side!r}; choose "left", "right" or None.')
    if side is not None and km < 0:
        raise InputError(f"km is {km} with side={side!r}; take the other side instead.")


def _check_sides(geoms: NDArray[Any], index: pd.Index) -> None:
    """Refuse lines with a part whose vertices are all at one point."""
    parts, owner = shapely.get_parts(geoms, return_index=True)
    still = owner[shapely.length(parts) == 0.0]
    if len(still):
        raise GeometryError(
            f"x has a line whose vertices are all at one place (index {index[still[0]]}), which "
            "has no sides. Leave side= out for the disc around it, or take it out of x."
        )


def around_points(xy: Floats, metres: float, rtol: float) -> NDArray[Any]:
    """Return circles around points; None where one is too wide, near a pole or on the antimeridian.

    Parameters
    ----------
    xy : ndarray, shape (n, 2)
        lon, lat.
    metres, rtol : float

    Returns
    -------
    ndarray of Polygon, shape (n,)
    """
    made = np.full(len(xy), None, dtype=object)
    here = np.flatnonzero(_is_plain(np.column_stack((xy, xy)), metres, _WIDEST_M))
    within = _SHARE * rtol
    # The sag of an arc, and the distance of a straight line in lon, lat from a geodesic.
    steepest = np.tan(np.radians(np.abs(xy[here, 1]) + metres / _DEGREE_M))
    bend = 1.0 / metres + (2.0 * steepest + 0.05) / 6.33e6
    count = np.ceil(np.pi * metres * np.sqrt(bend / (2.0 * _SAG * within * metres)))
    count = count.astype(np.int64)
    for first in range(0, len(here), _CIRCLES):
        rows = here[first : first + _CIRCLES]
        begin = np.concatenate(([0], np.cumsum(count[first : first + _CIRCLES] + 1)))
        spots, out = np.ascontiguousarray(xy[rows]), np.empty((begin[-1], 2))
        run = choose(circles, len(out))
        aim = metres * (1.0 + _OUT * within)
        spread(lambda i, j: run(spots, begin, i, j, aim, out), len(rows), least=500)  # noqa: B023
        parts = (begin, np.arange(len(begin)))
        made[rows] = shapely.from_ragged_array(shapely.GeometryType.POLYGON, out, parts)
    return made


def _is_plain(bounds: Floats, metres: float, most: float) -> NDArray[np.bool_]:
    """Return whether buffers are of moderate size, and away from the poles and the antimeridian."""
    north = np.maximum(np.abs(bounds[:, 1]), np.abs(bounds[:, 3])) + metres / _DEGREE_M
    north += 0.5 * (bounds[:, 2] > bounds[:, 0])  # edges bulge beyond their ends
    plain = (north < _NORTH_DEG) & (metres <= most)
    east = metres / (_DEGREE_M * np.cos(np.radians(np.minimum(north, _NORTH_DEG))))
    plain &= (bounds[:, 0] - east > -180.0) & (bounds[:, 2] + east < 180.0)
    size = np.hypot(bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1]) * 1.12e5
    return np.asarray(plain & (0.5 * size <= _EXTENT_M))


def forest(edges: NDArray[Any], of_ring: Ints) -> Around:
    """Return a tree for each line or point; all nodes are in one array.

    Parameters
    ----------
    edges : ndarray of geometries
        None missing or empty.
    of_ring : ndarray of int
        The geometry that each ring of the boundary surrounds.
    """
    taken, _ = take_apart(edges)
    count, target = len(edges), taken.target
    order = np.argsort(target, kind="stable")
    a, d, n, per_d2 = (v[order] for v in (taken.a, taken.d, taken.n, taken.per_d2))
    target = target[order]
    slack = 0.25 * np.linalg.norm(n, axis=1)
    tubes = np.column_stack((a, d, per_d2, slack + 1e-6))
    start, end, owner = a, a + d, target
    number, base, leaves = np.arange(len(owner)), 0, 0
    fans, child, root = [], [], np.empty(count, np.int64)
    while len(owner):
        place = np.arange(len(owner)) - np.searchsorted(owner, owner)
        heads = np.flatnonzero(place % FAN == 0)
        ends = np.append(heads[1:], len(owner))
        full = np.zeros((len(heads), FAN, 9))
        full[:, :, :3] = NOWHERE
        group = np.repeat(np.arange(len(heads)), ends - heads)
        full[group, place % FAN, :8] = tubes
        full[:, 0, 8] = _balls(tubes, heads, group)
        fans.append(full.transpose(0, 2, 1))
        child.append(number[heads])
        # Rows of FAN, the last repeated where there are fewer.
        rows = np.minimum(heads[:, None] + np.arange(FAN), ends[:, None] - 1).ravel()
        tubes = _tubes(start[rows], end[rows], slack[rows])
        owner, number = owner[heads], base + np.arange(len(heads))
        leaves, base = leaves or len(heads), base + len(heads)
        root[owner] = number  # a geometry's only node is on the last level
        on = np.bincount(owner, minlength=count)[owner] > 1
        tubes, owner, number = tubes[on], owner[on], number[on]
        start, end, slack = tubes[:, :3], tubes[:, :3] + tubes[:, 3:6], tubes[:, 7]
    tree = (
        a, d, n, per_d2, target, np.arange(len(a), dtype=float),
        np.ascontiguousarray(np.concatenate(fans)), np.concatenate(child), leaves,
    )  # fmt: skip
    return Around(tree, root[of_ring], 4 * FAN)


def around_shapes(geoms: NDArray[Any], metres: float, rtol: float) -> NDArray[Any]:
    """Return the buffers of lines or polygons; None where one must be buffered alone.

    Parameters
    ----------
    geoms : ndarray of geometries
        Checked, all of lines or all polygons, none missing.
    metres, rtol : float

    Returns
    -------
    ndarray of geometries, shape (n,)
    """
    made = np.full(len(geoms), None, dtype=object)
    here = np.flatnonzero(_is_plain(shapely.bounds(geoms), metres, _MOST_M))
    if len(here) >= _FEW:
        for first in range(0, len(here), _SHAPES):
            rows = here[first : first + _SHAPES]
            made[rows] = _together(geoms[rows], metres, rtol)
    return made


def _together(geoms: NDArray[Any], metres: float, rtol: float) -> NDArray[Any]:
    """Return the buffers of a batch; see `around_shapes`."""
    step = float(np.sqrt(8e-3 * metres * 2.0 * EQUATOR_M**2 / (_EXTENT_M + 1e5))) / 1e3
    dense = densify_array(geoms, min(100.0, max(0.2, step)))
    xy, owner = shapely.get_coordinates(dense, return_index=True)
    bounds = shapely.bounds(geoms)
    middles = _frames(0.5 * (bounds[:, :2] + bounds[:, 2:]))
    flat = shapely.set_coordinates(dense.copy(), _to_planes(xy, owner, middles))
    guess = shapely.buffer(_open_rings(flat), metres * (1.0 + _OUTSIDE), quad_segs=_CURVE)
    parts, of_part = shapely.get_parts(guess, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    plane, ring = shapely.get_coordinates(rings, return_index=True)
    keep = np.append(ring[1:] == ring[:-1], False)  # the last vertex repeats the first
    plane, ring = plane[keep], ring[keep]
    of_ring = of_part[part]
    spots = _from_planes(plane, of_ring[ring], middles)
    areas = shapely.get_type_id(geoms[0]) in (3, 6)
    around = forest(shapely.boundary(geoms) if areas else geoms, of_ring)
    settled = settle(Outline(spots, ring, np.zeros(len(ring), bool)), around, metres, rtol)
    made = _close_rings(settled, part, of_part, len(geoms))
    made[~shapely.is_valid(flat)] = None
    here = np.flatnonzero(~shapely.is_missing(made))
    made[here[~holds(made[here], geoms[here])]] = None
    return made


def _frames(middle: Floats) -> tuple[Floats, Floats]:
    """Return earth-centred points, and the directions east, north and up at each."""
    lam, phi = np.radians(middle.T)
    sl, cl, sp, cp = np.sin(lam), np.cos(lam), np.sin(phi), np.cos(phi)
    zero = np.zeros_like(sl)
    turn = np.array([[-sl, cl, zero], [-sp * cl, -sp * sl, cp], [cp * cl, cp * sl, sp]])
    return ecef(*middle.T), np.ascontiguousarray(turn.transpose(2, 0, 1))


def _to_planes(xy: Floats, owner: Ints, around: tuple[Floats, Floats]) -> Floats:
    """Turn lon, lat into metres in stereographic planes, one for each geometry."""
    place, turn = around
    east, north, up = np.einsum("ijk,ik->ji", turn[owner], ecef(*xy.T) - place[owner])
    scale = 2.0 * _MEAN_M / (2.0 * _MEAN_M + up)
    return np.column_stack((east * scale, north * scale))


def _from_planes(plane: Floats, owner: Ints, around: tuple[Floats, Floats]) -> Floats:
    """Turn metres in planes into lon, lat, closely enough that one move settles a vertex."""
    place, turn = around
    t2 = np.einsum("ij,ij->i", plane, plane) / (2.0 * _MEAN_M) ** 2
    local = np.column_stack((plane, -2.0 * _MEAN_M * t2)) / (1.0 + t2)[:, None]
    lon, lat = geodetic(place[owner] + np.einsum("ijk,ij->ik", turn[owner], local))
    return np.column_stack((lon, lat))


def _open_rings(geoms: NDArray[Any]) -> NDArray[Any]:
    """Cut the closed parts of lines in two; see `halves`."""
    parts, owner = shapely.get_parts(geoms, return_index=True)
    closed = shapely.is_closed(parts)
    if not closed.any():
        return geoms
    made = geoms.copy()
    for row in np.unique(owner[closed]):
        lines = [h for p in parts[owner == row] for h in halves(shapely.get_coordinates(p))]
        made[row] = shapely.multilinestrings([shapely.linestrings(h) for h in lines])
    return made


def _close_rings(outline: Outline, part: Ints, of_part: Ints, count: int) -> NDArray[Any]:
    """Build polygons from settled rings; None where a ring has vanished, or rings cross."""
    made = np.full(count, None, dtype=object)
    size = np.bincount(outline.ring, minlength=len(part))
    whole = np.ones(count, bool)
    whole[of_part[part[size < 3]]] = False
    whole[np.bincount(of_part, minlength=count) == 0] = False
    rings, parts = whole[of_part[part]], whole[of_part]
    xy = outline.xy[rings[outline.ring]]
    size = size[rings]
    end = np.cumsum(size)
    xy = np.insert(xy, end, xy[end - size], axis=0)  # the first vertex closes the ring
    holds = np.bincount(part, minlength=len(of_part))[parts]
    offsets = [np.cumsum(np.append(0, v)) for v in (size + 1, holds)]
    offsets.append(np.cumsum(np.append(0, np.bincount(of_part, minlength=count)[whole])))
    drawn = shapely.from_ragged_array(shapely.GeometryType.MULTIPOLYGON, xy, tuple(offsets))
    single = np.diff(offsets[2]) == 1
    drawn[single] = shapely.get_geometry(drawn[single], 0)
    made[whole] = np.where(shapely.is_valid(drawn), drawn, None)
    return made

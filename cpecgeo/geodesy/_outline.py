"""Boundaries of buffers: moved to their exact distance, and closed to valid polygons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from cpecgeo.geodesy._boundary import MEET, MOVE, REFINE, SIDES, work
from cpecgeo.geodesy._compile import choose, spread
from cpecgeo.geodesy._ellipsoid import EQUATOR_M, Floats, Ints, ecef, geodetic
from cpecgeo.geodesy.nearest import Index

__all__ = ["Around", "Outline", "beside", "close", "drop_slivers", "holds", "settle"]

_SHARE = 0.9  # of the tolerance; the rest is for rounding and points beside middles
_OUT = 0.5  # of that: how far outside the radius vertices lie
_SLACK = 0.05  # of that: greatest error of a vertex
_FALSE = 0.03  # share of the radius: greatest error of the guess
_ROOM = 16  # new vertices per edge that the first try has room for
_NONE = np.empty(0, np.int64)
_PROBES, _AT_TIP = 1_500, 30  # points beside lines, and around each end


@dataclass(frozen=True)
class Outline:
    """Closed rings one after the other, the last vertex of each not repeated.

    Parameters
    ----------
    xy : ndarray, shape (n, 2)
        lon, lat.
    ring : ndarray of int, shape (n,)
        Which ring each vertex is on; ascending.
    fixed : ndarray of bool, shape (n,)
        Vertices of straight caps and of the line itself, which stay where they are.
    """

    xy: Floats
    ring: Ints
    fixed: NDArray[np.bool_]


@dataclass(frozen=True)
class Around:
    """The buffered lines, rings and points, as a tree of segments; see `Tree`.

    Parameters
    ----------
    tree : tuple
        The arrays of pieces and nodes, in the order of the kernels' arguments, and the number of
        leaves.
    root : int
        The root of the tree.
    steps : int
        About how many nodes and pieces a search looks at.
    """

    tree: tuple[Any, ...]
    root: int
    steps: int

    @classmethod
    def of(cls, index: Index) -> Around:
        """Return the record of one geometry, which all rings surround."""
        t = index.tree
        p = t.pieces
        arrays = (p.a, p.d, p.n, p.per_d2, p.target, t.start_m, t.tubes, t.child, t.leaves)
        return cls(arrays, len(t.child) - 1, t.steps)


@dataclass(frozen=True)
class _Vertices:
    """The vertices of an outline while it is settled; see `_boundary`.

    Parameters
    ----------
    outline : Outline
    place, foot : ndarray, shape (n, 3)
        Earth-centred: each vertex, and the point of the line closest to it.
    piece : ndarray of int, shape (n,)
        The segment that this point is on.
    lost : ndarray of bool, shape (n,)
        Vertices for which no point at the distance was found.
    """

    outline: Outline
    place: Floats
    foot: Floats
    piece: Ints
    lost: NDArray[np.bool_]

    @classmethod
    def of(cls, outline: Outline) -> _Vertices:
        """Return the vertices of an outline, without closest points yet."""
        count = len(outline.xy)
        piece, lost = np.full(count, -1), np.zeros(count, bool)
        return cls(outline, ecef(*outline.xy.T), np.empty((count, 3)), piece, lost)

    def rows(self, keep: NDArray[np.bool_]) -> _Vertices:
        """Return only the vertices in `keep`."""
        o = self.outline
        outline = Outline(o.xy[keep], o.ring[keep], o.fixed[keep])
        return _Vertices(
            outline, self.place[keep], self.foot[keep], self.piece[keep], self.lost[keep]
        )

    def run(
        self,
        step: int,
        around: Around,
        aim: float,
        slack: float,
        *,
        radius: float = 0.0,
        within: float = 0.0,
        corners: tuple[Ints, Ints] = (_NONE, _NONE),
    ) -> tuple[Floats, Floats, Ints]:
        """Run a step of `_boundary.work`; return the results of `SIDES` and `REFINE`."""
        o, after = self.outline, _next(self.outline.ring)
        root, turn = np.full(len(after), around.root), np.empty(len(after))
        count = len(corners[0]) if step == MEET else len(after)
        kernel = choose(work, 2 * count * around.steps)
        cuts: dict[int, tuple[Floats, Ints]] = {}

        def some(first: int, last: int) -> None:
            room, made = _ROOM * (last - first) if step == REFINE else 0, -1
            while made < 0:
                new, edge = np.empty((room, 2)), np.empty(room, np.int64)
                made = kernel(
                    step, self.place, o.xy, self.foot, self.piece, o.fixed, self.lost, root,
                    after, *corners, turn, first, last, radius, aim, within, slack,
                    *around.tree, new, edge,
                )  # fmt: skip
                room *= 4
            cuts[first] = new[:made], edge[:made]

        spread(some, count)
        new, edge = zip(*(cuts[i] for i in sorted(cuts)), strict=True)
        return turn, np.concatenate(new), np.concatenate(edge)


def settle(outline: Outline, around: Around, metres: float, rtol: float) -> Outline:
    """Move every vertex to `metres` from the buffered geometry, and split edges that stray.

    Edges keep the tolerance as geodesics, and as straight lines in lon, lat, as GeoJSON draws them.

    Parameters
    ----------
    outline : Outline
    around : Around
        The buffered lines, rings and points.
    metres : float
    rtol : float
        Greatest relative error at vertices and at the middles of edges.

    Returns
    -------
    Outline
    """
    within = _SHARE * rtol * metres
    # The middles of edges are nearer than their ends, so the ends lie a little farther out.
    aim, slack = metres + _OUT * within, _SLACK * within
    vertices = _move_all(outline, around, aim, slack)
    vertices = _unfold(vertices, around, aim, slack)
    if len(vertices.place) == 0:
        return vertices.outline
    return _split_edges(vertices, around, metres, aim, within, slack)


def _move_all(outline: Outline, around: Around, aim: float, slack: float) -> _Vertices:
    """Move every vertex but the fixed ones to the distance `aim`."""
    vertices = _Vertices.of(outline)
    place = vertices.place
    before = place.copy()
    vertices.run(MOVE, around, aim, slack)
    shift = np.linalg.norm(place - before, axis=1)
    fixed = outline.fixed
    xy = np.where(fixed[:, None], outline.xy, np.column_stack(geodetic(place)))
    lost = vertices.lost | _false_rings(outline, shift, around, aim)
    vertices = replace(vertices, outline=Outline(xy, outline.ring, fixed))
    return vertices.rows(~lost) if lost.any() else vertices


def _false_rings(outline: Outline, shift: Floats, around: Around, aim: float) -> NDArray[np.bool_]:
    """Find the vertices of rings that lie well within the radius throughout.

    GEOS sometimes gives the buffer of a closed line a hole where there is none.
    """
    free = np.flatnonzero(~outline.fixed)
    least = np.full(int(outline.ring[-1]) + 1, np.inf)
    np.minimum.at(least, outline.ring[free], shift[free])
    doubtful = np.flatnonzero(np.isfinite(least) & (least > _FALSE * aim))
    if len(doubtful) == 0:
        return np.zeros(len(shift), bool)
    here = np.isin(outline.ring, doubtful)
    still = _Vertices.of(Outline(outline.xy[here], outline.ring[here], np.ones(here.sum(), bool)))
    still.run(MOVE, around, aim, np.inf)  # fixed vertices only get their closest points
    chord = np.linalg.norm(still.place - still.foot, axis=1)
    metres = 2.0 * EQUATOR_M * np.arcsin(np.minimum(0.5 * chord / EQUATOR_M, 1.0))
    most = np.zeros(len(least))
    np.maximum.at(most, still.outline.ring, metres)
    false = doubtful[most[doubtful] < (1.0 - _FALSE) * aim]
    return np.isin(outline.ring, false)


def _unfold(vertices: _Vertices, around: Around, aim: float, slack: float) -> _Vertices:
    """Replace the vertices of edges that run backwards by one vertex in the corner.

    The buffered geometry is on the same side of all edges of a ring. Where two arcs meet in a
    corner, vertices may have been moved past the corner and past each other; the geometry is then
    on the other side of the edges between them.
    """
    if len(vertices.place) == 0:
        return vertices
    o, ring, fixed = vertices.outline, vertices.outline.ring, vertices.outline.fixed
    count, after = len(ring), _next(ring)
    turn = vertices.run(SIDES, around, aim, slack)[0]
    side = np.sign(np.bincount(ring, weights=turn))
    # The edges of caps run towards the line; they have no side.
    backward = (turn * side[ring] < 0.0) & ~fixed & ~fixed[after]
    if not backward.any() and np.bincount(ring)[ring].min() > 2:
        return vertices
    follows = np.zeros(count, bool)
    follows[after[backward]] = True
    one, end = np.flatnonzero(backward & ~follows), np.where(backward, after, np.arange(count))
    while (end[end] != end).any():
        end = end[end]
    vertices.run(MEET, around, aim, slack, corners=(one, end[one]))
    xy = o.xy.copy()
    xy[one] = np.column_stack(geodetic(vertices.place[one]))
    keep = ~follows & ~vertices.lost
    keep &= np.bincount(ring, keep)[ring] > 2
    return replace(vertices, outline=Outline(xy, ring, fixed)).rows(keep)


def _split_edges(
    vertices: _Vertices, around: Around, metres: float, aim: float, within: float, slack: float
) -> Outline:
    """Split every edge until its middle is within the tolerance."""
    o = vertices.outline
    _, new, edge = vertices.run(REFINE, around, aim, slack, radius=metres, within=within)
    at = edge + 1
    return Outline(
        np.insert(o.xy, at, new, axis=0),
        np.insert(o.ring, at, o.ring[edge]),
        np.insert(o.fixed, at, False),
    )


def _next(ring: Ints) -> Ints:
    """Return for each vertex the next one around its ring."""
    after = np.arange(1, len(ring) + 1)
    ends = np.append(ring[1:] != ring[:-1], True)
    starts = np.concatenate(([0], np.flatnonzero(ends)[:-1] + 1))
    after[ends] = starts
    return after


def close(
    rings: list[Floats], inside: Callable[[Floats], Any], *, poles: bool, thin: float
) -> tuple[Any, bool]:
    """Return the area that rings bound, and whether a ring crossed itself.

    Parameters
    ----------
    rings : list of ndarray, shape (n, 2)
        lon, lat, closed.
    inside : callable
        Takes points, shape (n, 2), and returns which are in the area.
    poles : bool
        Whether a pole may be in the area; the rings alone don't decide that.
    thin : float
        Degrees; where a ring crosses itself, parts narrower than this are dropped.

    Returns
    -------
    Polygon or MultiPolygon
        Valid, with longitudes within ±180°.
    bool
        Whether a ring crossed itself, so that its crossings became vertices.
    """
    crossing = any((np.abs(np.diff(r[:, 0])) > 180.0).any() for r in rings)
    if not rings and not poles:
        return shapely.Polygon(), False
    if not (crossing or poles):
        return _plain(rings, inside, thin)
    cuts = [part for ring in rings for part in _cut_at_antimeridian(ring)]
    world = shapely.box(-180.0, -90.0, 180.0, 90.0)
    return _faces([*cuts, world.exterior], inside), False


def holds(shapes: NDArray[Any], geoms: NDArray[Any]) -> NDArray[np.bool_]:
    """Return whether buffers contain all vertices of their geometries."""
    xy, owner = shapely.get_coordinates(geoms, return_index=True)
    shapely.prepare(shapes)
    out = ~shapely.intersects_xy(shapes[owner], xy)
    return np.asarray(np.bincount(owner[out], minlength=len(geoms)) == 0)


def beside(lines: list[Floats], tips: Floats, metres: float) -> Floats:
    """Return points beside lines and around their ends, the same ones each time."""
    random = np.random.default_rng(1)
    start = np.concatenate([line[:-1] for line in lines])
    edge = np.concatenate([np.diff(line, axis=0) for line in lines])
    length = np.hypot(*edge.T)
    along = np.cumsum(length)
    row = np.searchsorted(along, random.uniform(0.0, along[-1], _PROBES))
    off = metres * random.uniform(-0.9, 0.9, _PROBES) / length[row]
    spots = start[row] + random.uniform(0.0, 1.0, (_PROBES, 1)) * edge[row]
    spots += off[:, None] * np.column_stack((-edge[row, 1], edge[row, 0]))
    around = np.repeat(tips, _AT_TIP, axis=0)
    return np.concatenate((spots, around + metres * random.uniform(-0.6, 0.6, around.shape)))


def _plain(rings: list[Floats], inside: Callable[[Floats], Any], thin: float) -> tuple[Any, bool]:
    """Build polygons from rings by nesting: what is in an odd number of rings is area."""
    shapes = np.atleast_1d(shapely.polygons([shapely.linearrings(r) for r in rings]))
    if not shapely.is_valid(shapes).all():
        return _untangle(rings, inside, thin), True
    order = np.argsort(-shapely.area(shapes))
    whole = shapes[order[0]]
    if len(order) == 1:
        return whole, False
    tree = shapely.STRtree(shapes)
    firsts = shapely.points(np.array([r[0] for r in rings]))
    inner, outer = tree.query(firsts, predicate="within")
    depth = np.bincount(inner[inner != outer], minlength=len(shapes))
    area = shapely.union_all(shapes[depth % 2 == 0])
    return shapely.difference(area, shapely.union_all(shapes[depth % 2 == 1])), False


def _untangle(rings: list[Floats], inside: Callable[[Floats], Any], thin: float) -> Any:
    """Return the area bounded by rings that cross, without the tiny parts at the crossings.

    The winding number can't decide here. Where a boundary meets itself across a narrow strait, the
    bay behind is outside; where it has folded over, what it surrounds twice is inside.
    """
    area = _faces([shapely.LineString(r) for r in rings], inside)
    parts = _broad(shapely.get_parts(area), thin)
    holes = np.concatenate([np.empty(0, dtype=object), *(p.interiors for p in parts)])
    lakes = _broad(shapely.polygons(holes), thin) if len(holes) else holes
    land = shapely.union_all([shapely.Polygon(p.exterior) for p in parts])
    return shapely.difference(land, shapely.union_all(lakes))


def _broad(shapes: Any, thin: float) -> Any:
    """Return the polygons that are wider than `thin`."""
    width = 2.0 * shapely.area(shapes) / np.maximum(shapely.length(shapes), 1e-300)
    return shapes[width > thin]


def drop_slivers(shape: Any, thin: float) -> Any:
    """Leave out parts narrower than `thin` degrees, which boundaries leave where they fold."""
    if shape.geom_type != "MultiPolygon":
        return shape
    parts = _broad(shapely.get_parts(shape), thin)
    return parts[0] if len(parts) == 1 else shapely.multipolygons(parts)


def _faces(lines: list[Any], inside: Callable[[Floats], Any]) -> Any:
    """Return the union of the faces between lines that are inside."""
    faces = shapely.get_parts(shapely.polygonize([shapely.union_all(lines)]))
    vertices = shapely.get_coordinates(shapely.point_on_surface(faces))
    return shapely.union_all(faces[np.asarray(inside(vertices), dtype=bool)])


def _cut_at_antimeridian(ring: Floats) -> list[Any]:
    """Cut a ring into lines within ±180° where it crosses the antimeridian."""
    lon, lat = ring.T
    lines = []
    run = [ring[0]]
    for i in range(1, len(ring)):
        step = lon[i] - lon[i - 1]
        if abs(step) > 180.0:
            side = 180.0 if step < 0 else -180.0  # leaves on this side
            a, b = ecef(lon[i - 1 : i + 1], lat[i - 1 : i + 1])
            # Edges of lines and caps are long, and not straight in lon, lat.
            across = (a * b[1] - b * a[1]) if b[1] != a[1] else a + b
            across = across if across @ (a + b) > 0.0 else -across
            at = float(geodetic(across[None] * EQUATOR_M / np.linalg.norm(across))[1][0])
            run.append(np.array([side, at]))
            lines.append(run)
            run = [np.array([-side, at])]
        run.append(ring[i])
    lines.append(run)
    return [shapely.LineString(r) for r in lines if len(r) > 1]

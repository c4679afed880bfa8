"""Boundaries of buffers: moved to their exact distance, and closed to valid polygons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from cpecgeo.geodesy._boundary import MEET, MOVE, REFINE, SIDES, work
from cpecgeo.geodesy._compile import choose, spread
from cpecgeo.geodesy._ellipsoid import EQUATOR_M, Floats, Ints, ecef, geodetic
from cpecgeo.geodesy._tree import Tree
from cpecgeo.geodesy.nearest import Index

__all__ = ["Outline", "beside", "close", "drop_slivers", "holds", "nest_rings", "settle"]

_SHARE = 0.9  # of the tolerance; the rest is for rounding and points beside middles
_OUT = 0.5  # of that: how far outside the radius vertices lie
_SLACK = 0.05  # of that: greatest error of a vertex
_ROOM = 16  # new vertices per edge that the first try has room for
_NONE = np.empty(0, np.int64)
_PROBES, _AT_TIP = 1_500, 30  # points beside lines, and around each end
# Edges are halved until they span less, so often at most.
_WIDE_DEG, _HALVINGS = 5.0, 12


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
    place, foot : ndarray, shape (n, 3)
        Earth-centred: each vertex, and the point of the line closest to it.
    piece : ndarray of int, shape (n,)
        The segment that this point is on, -1 while it isn't known.
    lost : ndarray of bool, shape (n,)
        Vertices for which no point at the distance was found.
    """

    xy: Floats
    ring: Ints
    fixed: NDArray[np.bool_]
    place: Floats
    foot: Floats
    piece: Ints
    lost: NDArray[np.bool_]

    @classmethod
    def of(cls, shape: Any, index: Index, fixed_m: float) -> Outline:
        """Return the rings of a guess; vertices nearer than `fixed_m` to the line are fixed."""
        rings = shapely.get_rings(shapely.get_parts(shape))
        xy, ring = shapely.get_coordinates(rings, return_index=True)
        keep = np.append(ring[1:] == ring[:-1], False)  # the last vertex repeats the first
        xy, ring = xy[keep], ring[keep]
        fixed, lost = np.zeros(len(xy), bool), np.zeros(len(xy), bool)
        if fixed_m > 0.0:
            fixed = index.find(xy).metres[:, 0] < fixed_m
        return cls(xy, ring, fixed, ecef(*xy.T), np.empty((len(xy), 3)), np.full(len(xy), -1), lost)

    def rows(self, keep: NDArray[np.bool_]) -> Outline:
        """Return only the vertices in `keep`."""
        return Outline(*(getattr(self, f.name)[keep] for f in fields(self)))

    @property
    def after(self) -> Ints:
        """For each vertex the next one around its ring."""
        after = np.arange(1, len(self.ring) + 1)
        ends = np.append(self.ring[1:] != self.ring[:-1], True)
        after[ends] = np.concatenate(([0], np.flatnonzero(ends)[:-1] + 1))
        return after

    def run(
        self,
        step: int,
        tree: Tree,
        aim: float,
        slack: float,
        *,
        radius: float = 0.0,
        within: float = 0.0,
        corners: tuple[Ints, Ints] = (_NONE, _NONE),
    ) -> tuple[Floats, Floats, Ints]:
        """Run a step of `_boundary.work`; return the results of `SIDES` and `REFINE`."""
        after, turn, p = self.after, np.empty(len(self.xy)), tree.pieces
        count = len(corners[0]) if step == MEET else len(after)
        kernel = choose(work, 2 * count * tree.steps)
        cuts: dict[int, tuple[Floats, Ints]] = {-1: (np.empty((0, 2)), _NONE)}

        def some(first: int, last: int) -> None:
            room, made = _ROOM * (last - first) if step == REFINE else 0, -1
            while made < 0:
                new, edge = np.empty((room, 2)), np.empty(room, np.int64)
                made = kernel(
                    step, self.place, self.xy, self.foot, self.piece, self.fixed, self.lost,
                    after, *corners, turn, first, last, radius, aim, within, slack,
                    p.a, p.d, p.n, p.per_d2, p.target, tree.start_m, tree.tubes, tree.child,
                    tree.leaves, new, edge,
                )  # fmt: skip
                room *= 4
            cuts[first] = new[:made], edge[:made]

        spread(some, count)
        new, edge = zip(*(cuts[i] for i in sorted(cuts)), strict=True)
        return turn, np.concatenate(new), np.concatenate(edge)


def settle(outline: Outline, tree: Tree, metres: float, rtol: float) -> list[Floats]:
    """Move every vertex to `metres` from the buffered geometry, and split edges that stray.

    Edges keep the tolerance as geodesics, and as straight lines in lon, lat, as GeoJSON draws them.

    Parameters
    ----------
    outline : Outline
    tree : Tree
        The buffered lines, rings and points.
    metres : float
    rtol : float
        Greatest relative error at vertices and at the middles of edges.

    Returns
    -------
    list of ndarray, shape (n, 2)
        Closed rings of three vertices or more, lon, lat.
    """
    within = _SHARE * rtol * metres
    # The middles of edges are nearer than their ends, so the ends lie a little farther out.
    aim, slack = metres + _OUT * within, _SLACK * within
    outline.run(MOVE, tree, aim, slack)
    placed = np.column_stack(geodetic(outline.place))
    xy = np.where(outline.fixed[:, None], outline.xy, placed)
    outline = replace(outline, xy=xy).rows(~outline.lost)
    if len(outline.xy):
        outline = _unfold(outline, tree, aim, slack)
    if len(outline.xy) == 0:
        return []
    # Split every edge until its middle is within the tolerance.
    _, new, edge = outline.run(REFINE, tree, aim, slack, radius=metres, within=within)
    xy = np.insert(outline.xy, edge + 1, new, axis=0)
    ring = np.insert(outline.ring, edge + 1, outline.ring[edge])
    runs = np.split(xy, np.flatnonzero(np.diff(ring)) + 1)
    return [np.vstack((run, run[:1])) for run in runs if len(run) > 2]


def _unfold(outline: Outline, tree: Tree, aim: float, slack: float) -> Outline:
    """Replace the vertices of edges that run backwards by one vertex in the corner.

    The buffered geometry is on the same side of all edges of a ring. Where two arcs meet in a
    corner, vertices may have been moved past the corner and past each other; the geometry is then
    on the other side of the edges between them.
    """
    ring, fixed, after, count = outline.ring, outline.fixed, outline.after, len(outline.ring)
    turn = outline.run(SIDES, tree, aim, slack)[0]
    side = np.sign(np.bincount(ring, weights=turn))
    # The edges of caps run towards the line; they have no side.
    backward = (turn * side[ring] < 0.0) & ~fixed & ~fixed[after]
    follows = np.zeros(count, bool)
    follows[after[backward]] = True
    one, end = np.flatnonzero(backward & ~follows), np.where(backward, after, np.arange(count))
    while (end[end] != end).any():
        end = end[end]
    outline.run(MEET, tree, aim, slack, corners=(one, end[one]))
    outline.xy[one] = np.column_stack(geodetic(outline.place[one]))
    keep = ~follows & ~outline.lost
    keep &= np.bincount(ring, keep)[ring] > 2
    return outline.rows(keep)


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
    rings = [_densify(ring) for ring in rings]
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


def _densify(ring: Floats) -> Floats:
    """Halve a ring's edges until none spans more than `_WIDE_DEG` of longitude, except at a pole.

    Near a pole geodesics are far from straight in lon, lat, and there faces are told apart.
    """
    for _ in range(_HALVINGS):
        step = np.abs((np.diff(ring[:, 0]) + 180.0) % 360.0 - 180.0)
        wide = np.flatnonzero(step > _WIDE_DEG)
        if not len(wide):
            break
        ends = ecef(*ring.T)
        middle = np.column_stack(geodetic((ends[wide] + ends[wide + 1]) / 2.0))
        ring = np.insert(ring, wide + 1, middle, axis=0)
    return ring


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


def nest_rings(xy: Floats, size: Ints, owner: Ints, area: Floats, count: int) -> NDArray[Any]:
    """Build polygons from rings; None where there are none, or where rings cross.

    Parameters
    ----------
    xy : ndarray, shape (n, 2)
        lon, lat.
    size, owner : ndarray of int, shape (m,)
        Vertices and geometry of each ring.
    area : ndarray, shape (m,)
        Negative for holes.
    count : int
        Number of geometries.
    """
    made = np.full(count, None, dtype=object)
    hole = area < 0.0
    if hole.all():
        return made
    shell = np.where(hole, -1, np.arange(len(size)))
    shells = np.bincount(owner[~hole], minlength=count)
    only = np.full(count, -1)
    only[owner[~hole]] = np.flatnonzero(~hole)
    shell = np.where(hole, only[owner], shell)
    doubtful = np.flatnonzero(hole & (shells[owner] > 1))
    begin = np.cumsum(size) - size
    if len(doubtful):
        _nest(xy, begin, size, owner, doubtful, shell)
    order = np.lexsort((hole, shell, owner))
    order = order[shells[owner[order]] > 0]
    size, owner, shell, begin = size[order], owner[order], shell[order], begin[order]
    end = np.cumsum(size + 1)
    start = end - size - 1
    index = np.arange(end[-1] if len(end) else 0) + np.repeat(begin - start, size + 1)
    index[end - 1] = begin
    new = np.append(True, shell[1:] != shell[:-1])
    polygons = np.append(np.flatnonzero(new), len(size))
    of_polygon = owner[new]
    here = np.flatnonzero(shells)
    offsets = (np.append(0, end), polygons, np.searchsorted(of_polygon, np.append(here, count)))
    drawn = shapely.from_ragged_array(shapely.GeometryType.MULTIPOLYGON, xy[index], offsets)
    single = shells[here] == 1
    drawn[single] = shapely.get_geometry(drawn[single], 0)
    made[here] = np.where(shapely.is_valid(drawn), drawn, None)
    return made


def _nest(xy: Floats, begin: Ints, size: Ints, owner: Ints, holes: Ints, shell: Ints) -> None:
    """Enter the shell of each of these holes: of those around it, the smallest."""
    hole = shell != np.arange(len(size))
    outer = np.flatnonzero(~hole & np.isin(owner, owner[holes]))
    rings = [shapely.Polygon(xy[begin[r] : begin[r] + size[r]]) for r in outer]
    spots = shapely.points(xy[begin[holes]])
    around, one = shapely.STRtree(spots).query(rings, predicate="contains")
    same = owner[holes[one]] == owner[outer[around]]
    one, around = one[same], around[same]
    order = np.lexsort((-shapely.area(np.array(rings))[around], one))
    shell[holes] = -1
    shell[holes[one[order]]] = outer[around[order]]  # the last, smallest one stays

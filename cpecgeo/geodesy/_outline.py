"""The boundary of a buffer: put at its exact distance, and closed to valid polygons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import shapely
from numpy.typing import NDArray

from cpecgeo.geodesy._boundary import meet, move, refine, sides
from cpecgeo.geodesy._compile import choose, spread
from cpecgeo.geodesy._ellipsoid import Floats, Ints, ecef, geodetic
from cpecgeo.geodesy.nearest import Index

__all__ = ["Alone", "Around", "Outline", "close", "settle"]

_SHARE = 0.9  # of the tolerance, used up here; the rest is for rounding and other middles
_OUT = 0.5  # of that, by which vertices lie farther out than the radius
_SLACK = 0.05  # of that, by which vertices may miss it
_FALSE = 0.03  # share of the radius: the guess is nowhere farther off
_ROOM = 4  # new vertices per edge that the first try has room for


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


class Around(Protocol):
    """What a boundary is around: one geometry, or each of its rings one of many."""

    def move(self, outline: Outline, place: Floats, aim: float, slack: float, *out: Any) -> None:
        """Move vertices to the distance `aim`; see `_boundary.move`."""

    def sides(self, ring: Ints, place: Floats, after: Ints, foot: Floats, aim: float) -> Floats:
        """Tell on which side of edges the lines are; see `_boundary.sides`."""

    def meet(
        self, ring: Ints, place: Floats, one: Ints, two: Ints, aim: float, slack: float, *out: Any
    ) -> None:
        """Move vertices to corners; see `_boundary.meet`."""

    def refine(
        self, outline: Outline, place: Floats, pieces: Ints, after: Ints, *sizes: float
    ) -> tuple[Floats, Ints]:
        """Split edges until their middles hold; see `_boundary.refine`."""

    def metres(self, xy: Floats, ring: Ints) -> Floats:
        """Return the distances of vertices."""


@dataclass(frozen=True)
class Alone:
    """One geometry that boundaries are around.

    Parameters
    ----------
    index : Index
        Its lines, rings and points.
    """

    index: Index

    def _tree(self) -> tuple[Any, ...]:
        """Return the arrays of the index in the order of the kernels' arguments."""
        tree = self.index.tree
        p = tree.pieces
        return (
            p.a, p.d, p.n, p.per_d2, p.target, tree.start_m, tree.tubes, tree.child, tree.leaves,
        )  # fmt: skip

    def move(self, outline: Outline, place: Floats, aim: float, slack: float, *out: Any) -> None:
        """Move vertices to the distance `aim`; see `_boundary.move`."""
        run, tree = choose(move, len(place) * self.index.tree.steps), self._tree()
        fixed = outline.fixed
        spread(lambda i, j: run(place, fixed, i, j, aim, slack, *tree, *out), len(place))

    def sides(self, ring: Ints, place: Floats, after: Ints, foot: Floats, aim: float) -> Floats:
        """Tell on which side of edges the lines are; see `_boundary.sides`."""
        run, tree = choose(sides, len(place) * self.index.tree.steps), self._tree()
        turn = np.empty(len(ring))
        spread(lambda i, j: run(place, after, foot, i, j, aim, *tree, turn), len(place))
        return turn

    def meet(
        self,
        ring: Ints,  # noqa: ARG002 - of one geometry
        place: Floats,
        one: Ints,
        two: Ints,
        aim: float,
        slack: float,
        *out: Any,
    ) -> None:
        run = choose(meet, 4 * len(one) * self.index.tree.steps)
        run(place, one, two, 0, len(one), aim, slack, *self._tree(), *out)

    def refine(
        self, outline: Outline, place: Floats, pieces: Ints, after: Ints, *sizes: float
    ) -> tuple[Floats, Ints]:
        """Split edges until their middles hold; see `_boundary.refine`."""
        run, tree = choose(refine, 2 * len(place) * self.index.tree.steps), self._tree()
        cuts: dict[int, tuple[Floats, Ints]] = {}

        def work(first: int, last: int) -> None:
            room, count = _ROOM * (last - first), -1
            while count < 0:
                new, edge = np.empty((room, 2)), np.empty(room, np.int64)
                count = run(
                    place, outline.xy, pieces, after, outline.fixed, first, last, *sizes, *tree,
                    new, edge,
                )  # fmt: skip
                room *= 4
            cuts[first] = new[:count], edge[:count]

        spread(work, len(place))
        return joined(cuts)

    def metres(self, xy: Floats, ring: Ints) -> Floats:  # noqa: ARG002
        """Return the distances of vertices."""
        return self.index.find(xy).metres[:, 0]


def joined(cuts: dict[int, tuple[Floats, Ints]]) -> tuple[Floats, Ints]:
    """Put what slices have found in order."""
    new, edge = zip(*(cuts[i] for i in sorted(cuts)), strict=True)
    return np.concatenate(new), np.concatenate(edge)


def settle(outline: Outline, around: Around, metres: float, rtol: float) -> Outline:
    """Move every vertex to `metres` from what it is around, and split edges that stray.

    Edges hold as geodesics and as straight lines in lon, lat, as GeoJSON reads them.

    Parameters
    ----------
    outline : Outline
    around : Around
        The lines, rings and points that the buffer is around.
    metres : float
    rtol : float
        Greatest relative error at vertices and at the middles of edges.

    Returns
    -------
    Outline
    """
    within = _SHARE * rtol * metres
    # Edges sag towards what they surround, so their ends lie a little farther out.
    aim, slack = metres + _OUT * within, _SLACK * within
    vertices = _move_all(outline, around, aim, slack)
    vertices = _unfold(vertices, around, aim, slack)
    if len(vertices.place) == 0:
        return vertices.outline
    return _split_edges(vertices, around, metres, aim, within, slack)


@dataclass(frozen=True)
class _Vertices:
    """An outline whose vertices are at their distance, with earth-centred coordinates.

    Parameters
    ----------
    outline : Outline
    place, foot : ndarray, shape (n, 3)
        Each vertex, and the point of the line closest to it.
    piece : ndarray of int, shape (n,)
        The segment that this point is on.
    """

    outline: Outline
    place: Floats
    foot: Floats
    piece: Ints

    def rows(self, keep: NDArray[np.bool_]) -> _Vertices:
        """Return only the vertices in `keep`."""
        o = self.outline
        outline = Outline(o.xy[keep], o.ring[keep], o.fixed[keep])
        return _Vertices(outline, self.place[keep], self.foot[keep], self.piece[keep])


def _move_all(outline: Outline, around: Around, aim: float, slack: float) -> _Vertices:
    """Move every vertex but the fixed ones to the distance `aim`."""
    place = ecef(*outline.xy.T)
    before = place.copy()
    foot, piece = np.empty_like(place), np.empty(len(place), np.int64)
    fixed, lost = outline.fixed, np.empty(len(place), bool)
    around.move(outline, place, aim, slack, piece, foot, lost)
    shift = np.linalg.norm(place - before, axis=1)
    xy = np.where(fixed[:, None], outline.xy, np.column_stack(geodetic(place)))
    vertices = _Vertices(Outline(xy, outline.ring, fixed), place, foot, piece)
    lost |= _false_rings(outline, shift, around, aim)
    return vertices.rows(~lost) if lost.any() else vertices


def _false_rings(outline: Outline, shift: Floats, around: Around, aim: float) -> NDArray[np.bool_]:
    """Find the vertices of rings that are well within the radius everywhere.

    GEOS sometimes gives the buffer of a closed line a hole where there is none.
    """
    free = np.flatnonzero(~outline.fixed)
    least = np.full(int(outline.ring[-1]) + 1, np.inf)
    np.minimum.at(least, outline.ring[free], shift[free])
    doubtful = np.flatnonzero(np.isfinite(least) & (least > _FALSE * aim))
    if len(doubtful) == 0:
        return np.zeros(len(shift), bool)
    rows = np.flatnonzero(np.isin(outline.ring, doubtful))
    most = np.zeros(len(least))
    np.maximum.at(most, outline.ring[rows], around.metres(outline.xy[rows], outline.ring[rows]))
    false = doubtful[most[doubtful] < (1.0 - _FALSE) * aim]
    return np.isin(outline.ring, false)


def _unfold(vertices: _Vertices, around: Around, aim: float, slack: float) -> _Vertices:
    """Replace the vertices of edges that run backwards by one vertex in the corner.

    What a ring surrounds is on the same side of all its edges. Where two arcs meet in a corner,
    vertices may have been moved past the corner and past each other; the edges between them
    have it on the other side.
    """
    if len(vertices.place) == 0:
        return vertices
    o, ring, fixed = vertices.outline, vertices.outline.ring, vertices.outline.fixed
    count, after = len(ring), _next(ring)
    turn = around.sides(ring, vertices.place, after, vertices.foot, aim)
    side = np.sign(np.bincount(ring, weights=turn))
    # The edges of caps run towards the line; they have no side.
    backward = (turn * side[ring] < 0.0) & ~fixed & ~fixed[after]
    follows = np.zeros(count, bool)
    follows[after[backward]] = True
    one, end = np.flatnonzero(backward & ~follows), np.where(backward, after, np.arange(count))
    while (end[end] != end).any():
        end = end[end]
    two = end[one]
    lost = np.zeros(count, bool)
    around.meet(ring, vertices.place, one, two, aim, slack, vertices.piece, vertices.foot, lost)
    xy = o.xy.copy()
    xy[one] = np.column_stack(geodetic(vertices.place[one]))
    keep = ~follows & ~lost
    keep &= np.bincount(ring, keep)[ring] > 2
    return _Vertices(Outline(xy, ring, fixed), vertices.place, vertices.foot, vertices.piece).rows(
        keep
    )


def _split_edges(
    vertices: _Vertices, around: Around, metres: float, aim: float, within: float, slack: float
) -> Outline:
    """Split every edge until its middle is within the tolerance."""
    o = vertices.outline
    new, edge = around.refine(
        o, vertices.place, vertices.piece, _next(o.ring), metres, aim, within, slack
    )
    at = edge + 1
    return Outline(
        np.insert(o.xy, at, new, axis=0),
        np.insert(o.ring, at, o.ring[edge]),
        np.insert(o.fixed, at, False),
    )


def _next(ring: Ints) -> Ints:
    """Return the next vertex of each, around its ring."""
    after = np.arange(1, len(ring) + 1)
    ends = np.append(ring[1:] != ring[:-1], True)
    starts = np.concatenate(([0], np.flatnonzero(ends)[:-1] + 1))
    after[ends] = starts
    return after


def close(
    rings: list[Floats], inside: Callable[[Floats], Any], *, poles: bool, thin: float
) -> tuple[Any, bool]:
    """Return the area that rings bound, and whether they had to be untangled.

    Parameters
    ----------
    rings : list of ndarray, shape (n, 2)
        lon, lat, closed.
    inside : callable
        Takes points, shape (n, 2), and tells which are in the area.
    poles : bool
        Whether a pole may be in the area, which the rings alone don't tell.
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


def _plain(rings: list[Floats], inside: Callable[[Floats], Any], thin: float) -> tuple[Any, bool]:
    """Make polygons of rings by nesting: what is in an odd number of rings is area."""
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
    """Return the area that crossing rings bound, without the tiny parts at their crossings.

    Winding doesn't tell inside from outside here: where a boundary meets itself across a narrow
    strait, the bay behind is outside; where it has folded over, what it surrounds twice is inside.
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
            side = 180.0 if step < 0 else -180.0  # leaves by this side
            full = step + (360.0 if step < 0 else -360.0)
            share = (side - lon[i - 1]) / full if full else 0.5
            at = lat[i - 1] + share * (lat[i] - lat[i - 1])
            run.append(np.array([side, at]))
            lines.append(run)
            run = [np.array([-side, at])]
        run.append(ring[i])
    lines.append(run)
    return [shapely.LineString(r) for r in lines if len(r) > 1]

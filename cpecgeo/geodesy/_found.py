"""Answers of a search as arrays, and the slow search for points near the antipodes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cpecgeo.geodesy._ellipsoid import GEOD, Floats, Ints, geodetic
from cpecgeo.geodesy._tree import Pieces, Tree

__all__ = ["NO_SIDE", "Found", "antipodal"]

# What is known of a target that a point is inside of; 0 where nothing else is said.
_INSIDE = {"piece": -1, "path": -1, "along": np.nan}
NO_SIDE = 2  # of points, lines without length, and areas


@dataclass(frozen=True)
class Found:
    """The k nearest targets of points; all arrays have the shape (points, k).

    Parameters
    ----------
    piece : ndarray of int
        Row in the tree's segments, -1 for none.
    metres, lon, lat : ndarray
        Distance and closest point; NaN for none.
    side : ndarray of int
        1 left, 0 on the line, -1 right; `NO_SIDE` is set by `number`,
        and on areas by the index.
    along : ndarray
        Metres from the start of the geometry; of the piece until `number` is called.
    target, path : ndarray of int
        Set by `number`; -1 for none.
    """

    piece: Ints
    metres: Floats
    side: NDArray[np.int8]
    lon: Floats
    lat: Floats
    along: Floats
    target: Ints
    path: Ints

    @classmethod
    def empty(cls, rows: int, k: int) -> Found:
        """Return arrays for answers, filled with none."""
        shape = (rows, k)

        def nan() -> Floats:
            return np.full(shape, np.nan)

        return cls(
            np.full(shape, -1), nan(), np.zeros(shape, np.int8), nan(), nan(), nan(),
            np.full(shape, -1), np.full(shape, -1),
        )  # fmt: skip

    def number(self, tree: Tree) -> None:
        """Fill `target` and `path`, count `along` from the geometry's start, set `NO_SIDE`."""
        np.take(np.append(tree.pieces.target, -1), self.piece, out=self.target, mode="wrap")
        np.take(np.append(tree.pieces.path, -1), self.piece, out=self.path, mode="wrap")
        self.along[...] += np.take(np.append(tree.start_m, np.nan), self.piece, mode="wrap")
        spots = tree.pieces.per_d2 == 0.0
        if spots.any():
            self.side[np.take(np.append(spots, False), self.piece, mode="wrap")] = NO_SIDE

    def enter(self, xy: Floats, rows: Ints, targets: Ints) -> None:
        """Enter the targets that points are in at distance 0, ahead of all others.

        `rows` ascend, and `targets` within each row.
        """
        k = self.metres.shape[1]
        first = np.flatnonzero(np.diff(rows, prepend=-1))
        here, count = rows[first], np.diff(first, append=len(rows))
        rank = np.arange(len(rows)) - np.repeat(first, count)
        which = np.repeat(np.arange(len(here)), count)
        # What was found before moves back; a target that is entered leaves its rank.
        size = max(int(targets.max()), int(self.target.max())) + 1
        before = self.target[here]
        stays = ~np.isin(np.arange(len(here))[:, None] * size + before, which * size + targets)
        stays |= before < 0
        new_rank = count[:, None] + np.cumsum(stays, axis=1) - 1
        i, j = np.nonzero(stays & (new_rank < k))
        fits = rank < k
        put, spot = which[fits], rank[fits]
        for name in ("piece", "metres", "side", "lon", "lat", "along", "target", "path"):
            values = getattr(self, name)
            old = values[here]
            new = old.copy()
            new[i, new_rank[i, j]] = old[i, j]
            new[put, spot] = _INSIDE.get(name, 0)
            values[here] = new
        self.target[here[put], spot] = targets[fits]
        self.lon[here[put], spot], self.lat[here[put], spot] = xy[here[put]].T


def antipodal(point: Floats, pieces: Pieces, found: Found, row: int) -> None:
    """Find the nearest targets of a point near their antipodes, with Karney's method only.

    Parameters
    ----------
    point : ndarray, shape (2,)
    pieces : Pieces
    found : Found
        Row `row` is overwritten.
    row : int
    """

    def metres(rows: Ints, t: Floats) -> Floats:
        lon, lat = geodetic(_place(pieces, rows, t))
        ones = np.ones_like(lon)
        return np.asarray(GEOD.inv(lon, lat, point[0] * ones, point[1] * ones)[2])

    every = np.arange(len(pieces.a))
    # The middle of a segment bounds its distance to within its length.
    coarse = metres(every, np.full(len(every), 0.5))
    size = 1.01 * np.linalg.norm(pieces.d, axis=1)
    least = np.full(int(pieces.target.max()) + 1, np.inf)
    np.minimum.at(least, pieces.target, coarse + size)
    rows = every[coarse - size <= least[pieces.target]]
    low, high = np.zeros(len(rows)), np.ones(len(rows))
    for _ in range(40):
        u, v = low + (high - low) / 3, high - (high - low) / 3
        nearer = metres(rows, u) <= metres(rows, v)
        low, high = np.where(nearer, low, u), np.where(nearer, v, high)
    t = np.column_stack((np.zeros(len(rows)), (low + high) / 2, np.ones(len(rows))))
    s = np.column_stack([metres(rows, t[:, j]) for j in range(3)])
    best = s.argmin(axis=1)
    t, s = t[np.arange(len(rows)), best], s[np.arange(len(rows)), best]
    order = np.lexsort((s, pieces.target[rows]))
    order = order[np.diff(pieces.target[rows][order], prepend=-1) != 0]
    order = order[np.argsort(s[order], kind="stable")][: found.metres.shape[1]]
    for j, i in enumerate(order):
        place = _place(pieces, rows[i : i + 1], t[i : i + 1])
        lon, lat = geodetic(place)
        lon_a, lat_a = geodetic(pieces.a[rows[i] : rows[i] + 1])
        found.piece[row, j], found.metres[row, j] = rows[i], s[i]
        found.lon[row, j], found.lat[row, j] = lon[0], lat[0]
        found.along[row, j] = GEOD.inv(lon_a[0], lat_a[0], lon[0], lat[0])[2]
        out = GEOD.inv(lon[0], lat[0], *point)[0]
        lon_b, lat_b = geodetic((pieces.a + pieces.d)[rows[i] : rows[i] + 1])
        ahead = GEOD.inv(lon_a[0], lat_a[0], lon_b[0], lat_b[0])[0]
        found.side[row, j] = -1 if (out - ahead) % 360.0 < 180.0 else 1


def _place(pieces: Pieces, rows: Ints, t: Floats) -> Floats:
    t = t[:, None]
    return np.asarray(pieces.a[rows] + t * pieces.d[rows] + t * (1.0 - t) * pieces.n[rows])

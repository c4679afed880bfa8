"""The network with the lines that were refreshed: same nodes and kilometres, better geometry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from cpecgeo.catalogue.geometry import MAPPED_KM, SNAP_KM, Line
from cpecgeo.catalogue.lines import drawn_sections
from cpecgeo.geodesy import Chainage, length_km

__all__ = ["redraw"]

# How far an edge's ends on its section may lie apart otherwise than its length: rounding.
_SAME_KM = 1e-3

Floats = NDArray[np.float64]
Drawn = tuple[Floats, Floats]  # vertices and calibrated km from the edge's start


def redraw(
    nodes: gpd.GeoDataFrame,
    edges: gpd.GeoDataFrame,
    measures: Sequence[Floats],
    beside: Mapping[int, tuple[int, ...]],
    lines: Mapping[str, Line],
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame, tuple[Floats, ...]]:
    """Return nodes, edges and measures of the network on the refreshed lines of its sections.

    Which edges there are, how long, and where they meet stays as bundled: kilometres are
    calibrated, and km posts keep their chainage on a refreshed line. A node moves to the end of
    the first redrawn edge at it; the other edges there are drawn up to it.

    Parameters
    ----------
    nodes, edges, measures, beside
        Of the bundled `Network`.
    lines : mapping
        Refreshed lines by section, as `cpecgeo.catalogue.geometry.redrawn_sections` has them.

    Returns
    -------
    nodes, edges : GeoDataFrame
        ``edges.attrs["bundled"]`` names the sections whose edges stay, in part or as a whole.
    measures : tuple of ndarray
    """
    drawn: dict[int, Drawn] = {}
    using: dict[int, Line] = {}
    km, shapes = edges["km"].to_numpy(float), edges.geometry.to_numpy()
    # By the section that an edge is counted by, else by another that runs over it.
    over = [edges["section"].map(lambda s: (s,)), edges["sections"]]
    for names, (section, line) in product(over, lines.items()):
        rows = np.flatnonzero([section in of for of in names] & (km > 0))
        rows = rows[~np.isin(rows, list(drawn))]
        found = _draw(section, rows, shapes[rows], km[rows], line)
        drawn |= found
        using |= dict.fromkeys(found, line)
    ends = edges[["u", "v"]].to_numpy(int).tolist()
    spots = _move(ends, beside, drawn)
    new, kms = list(shapes), list(measures)
    for i, (u, v) in enumerate(ends):
        xy, at = drawn.get(i, (shapely.get_coordinates(shapes[i]), kms[i]))
        if i in drawn:
            xy, at = _extend(xy, at, spots[u], spots[v])
        elif u in spots or v in spots:
            xy = xy.copy()
            xy[0], xy[-1] = spots.get(u, xy[0]), spots.get(v, xy[-1])
        at.flags.writeable = False
        new[i], kms[i] = shapely.LineString(xy), at
    where = [spots.get(n, p) for n, p in enumerate(shapely.get_coordinates(nodes.geometry))]
    moved = nodes.set_geometry(shapely.points(np.array(where)), crs=4326)
    moved.attrs = nodes.attrs | {"geometry": "osm"}
    return moved, _describe(edges.set_geometry(new, crs=4326), using), tuple(kms)


def _describe(edges: gpd.GeoDataFrame, using: Mapping[int, Line]) -> gpd.GeoDataFrame:
    """Add source, licence and accuracy of redrawn edges."""
    about = {name: edges.columns.get_loc(name) for name in edges.columns}
    attrs, rows, new = edges.attrs, list(using), list(using.values())
    sources = [
        f"{line.source}; {old}" for line, old in zip(new, edges["source"].iloc[rows], strict=True)
    ]
    edges.iloc[rows, about["source"]] = sources
    edges.iloc[rows, about["licence"]] = "ODbL-1.0"
    whole = [i for i, line in zip(rows, new, strict=True) if line.whole]
    edges.iloc[whole, about["accuracy_km"]] = MAPPED_KM
    edges.iloc[whole, about["basis"]] = "surveyed"
    stays = (edges["mode"] != "transfer").to_numpy() & ~np.isin(np.arange(len(edges)), rows)
    edges.attrs = attrs | {
        "geometry": "osm",
        "bundled": sorted(set(edges["section"][stays])),
        "sources": sorted(set(edges["source"].dropna())),
    }
    return edges


def _draw(
    section: str, rows: NDArray[np.int64], edges: NDArray[np.object_], kms: Floats, line: Line
) -> dict[int, Drawn]:
    """Return the edges of a section that are found on its refreshed line, by row."""
    old = drawn_sections().get(section)
    if old is None or not len(rows):
        return {}
    bundled, chain = Chainage(old["geometry"]), Chainage(line.line, line.measures_km)
    ends = [bundled.locate(shapely.get_point(edges, i))["km"].to_numpy(float) for i in (0, -1)]
    # A line that runs over a stretch twice has two chainages there, and may give the wrong one.
    same = np.abs(np.abs(ends[1] - ends[0]) - length_km(edges)) < _SAME_KM
    spans = np.interp(ends, bundled.measures_km, np.asarray(old["measures_km"], float)).T
    drawn = {}
    for row, km, (start, stop) in zip(rows[same].tolist(), kms[same], spans[same], strict=True):
        low, high = max(min(start, stop), 0.0), min(max(start, stop), chain.end_km)
        xy = shapely.get_coordinates(chain.between(low, high))
        inside = chain.measures_km
        inside = inside[(inside > low + SNAP_KM) & (inside < high - SNAP_KM)]
        at = np.concatenate(([low], inside, [high])) - low
        at = np.minimum(at * (km / at[-1]), km)  # ends at the edge's km to the last digit
        at[-1] = km
        drawn[row] = (xy, at) if start <= stop else (xy[::-1], km - at[::-1])
    return drawn


def _move(
    ends: Sequence[Sequence[int]],
    beside: Mapping[int, tuple[int, ...]],
    drawn: Mapping[int, Drawn],
) -> dict[int, Floats]:
    """Return the new position of each node that redrawn edges meet at."""
    spots: dict[int, Floats] = {}
    for i, (xy, _) in drawn.items():
        for node, at in zip(ends[i], (xy[0], xy[-1]), strict=True):
            if node not in spots:
                # Nodes of one position, of road and rail for instance, stay together.
                spots |= dict.fromkeys((node, *beside.get(node, ())), at)
    return spots


def _extend(xy: Floats, km: Floats, start: Floats, end: Floats) -> Drawn:
    """Draw an edge up to its nodes; what that adds has no kilometres."""
    if (xy[0] != start).any():
        xy, km = np.vstack((start, xy)), np.concatenate((km[:1], km))
    if (xy[-1] != end).any():
        xy, km = np.vstack((xy, end)), np.concatenate((km, km[-1:]))
    return xy, km

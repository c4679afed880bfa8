"""Districts of Pakistan: a free SVG drawing laid on Natural Earth's outline."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from tools.derive import output
from tools.derive.outline_fit import best
from tools.derive.packages import Package, member

if TYPE_CHECKING:
    from tools.derive.outline_fit import Fit

SVG = "package/pakistan.districts.svg"
SNAP_PX = 0.3
GAP_KM2 = 30.0
"""Faces between districts up to this size are drawing gaps and are given to a neighbour."""

_PATH = re.compile(r'<path\s+id="([^"]+)"\s+aria-label="([^"]+)"\s+d="([^"]+)"')
_TOKEN = re.compile(r"[MmLlz]|-?\d+\.?\d*")


def ring(path: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Vertices in pixels of an SVG path of straight steps (M, m, L, l, z).

    >>> ring("m 1,2 3,0 0,4 z").tolist()
    [[1.0, 2.0], [4.0, 2.0], [4.0, 6.0]]
    """
    here, points, command = np.zeros(2), [], "m"
    parts = iter(_TOKEN.findall(path))
    for part in parts:
        if part.lower() == "z":
            break
        if part.isalpha():
            command, first = part, float(next(parts))
        else:
            first = float(part)
        step = np.array([first, float(next(parts))])
        here = step if command.isupper() else here + step
        points.append(here)
    return np.array(points)


def _snapped(rings: list[Any]) -> list[Any]:
    """Bring vertices of neighbours that are the same point but for rounding together."""
    seen = np.unique(np.vstack(rings), axis=0)
    tree = shapely.STRtree(shapely.points(seen))
    pairs = tree.query(shapely.points(seen), predicate="dwithin", distance=SNAP_PX)
    first = np.arange(len(seen))
    np.minimum.at(first, pairs[0], pairs[1])
    lookup = {tuple(xy): seen[first[i]] for i, xy in enumerate(seen)}
    return [np.array([lookup[tuple(xy)] for xy in points]) for points in rings]


def _cover(shapes: list[Any]) -> tuple[list[Any], dict[str, int]]:
    """Turn overlapping drawings into a cover without overlaps or slivers.

    All boundaries are cut against each other on the coordinate grid. A face inside several
    drawings goes to the smallest of them (Islamabad lies inside Rawalpindi); a small face
    inside none goes to the neighbour it shares the longest border with.
    """
    lines = shapely.union_all([s.boundary for s in shapes], grid_size=output.GRID)
    faces = list(shapely.get_parts(shapely.polygonize([lines])))
    tree = shapely.STRtree(shapes)
    areas = shapely.area(shapes)
    owned: list[list[Any]] = [[] for _ in shapes]
    gaps, shared = [], 0
    for face in faces:
        hits = tree.query(face.representative_point(), predicate="within")
        if len(hits) == 0:
            gaps.append(face)
            continue
        shared += len(hits) > 1
        owned[int(hits[np.argmin(areas[hits])])].append(face)
    filled = 0
    for gap in gaps:
        if gap.area * 9900 > GAP_KM2:
            continue
        borders = [sum(gap.intersection(f).length for f in owned[i]) for i in range(len(shapes))]
        owned[int(np.argmax(borders))].append(gap)
        filled += 1
    merged = [shapely.coverage_union_all(parts) for parts in owned]
    return merged, {"shared_faces": shared, "gaps_filled": filled, "gaps_left": len(gaps) - filled}


def _province(shape: Any, provinces: list[dict[str, Any]]) -> tuple[dict[str, Any], float]:
    shares = [shape.intersection(p["geometry"]).area / shape.area for p in provinces]
    which = int(np.argmax(shares))
    return provinces[which], shares[which]


def build(
    path: Path, package: Package, archive: Path, provinces: list[dict[str, Any]]
) -> tuple[list[str], int, Fit]:
    """Write the districts layer; give its columns, number of rows and the fit."""
    found = _PATH.findall(member(archive, SVG).decode("utf-8"))
    rings = _snapped([ring(d) for _, _, d in found])
    drawn = shapely.union_all([shapely.polygons(r) for r in rings])
    outer = shapely.segmentize(max(shapely.get_parts(drawn), key=shapely.area).exterior, 5.0)
    country = shapely.union_all([p["geometry"] for p in provinces])
    fit, fits = best(shapely.get_coordinates(outer), country.boundary)
    shapes = [output.on_grid(shapely.make_valid(shapely.polygons(fit(r)))) for r in rings]
    shapes, cover = _cover(shapes)
    names = json.loads((Path(__file__).parent / "districts.json").read_text(encoding="utf-8"))
    rows = []
    for (_, label, _), shape in zip(found, shapes, strict=True):
        province, share = _province(shape, provinces)
        fixed = names.get(label, {})
        name = fixed.get("name", label)
        notes = ["outline of about 2011–2016"]
        if "note" in fixed:
            notes.append(fixed["note"])
        if share < 0.9:
            notes.append(f"{share:.0%} of its drawn area lies in the province named")
        now = "PK-KP" if province["iso"] == "PK-TA" else province["iso"]
        row = {
            "id": output.slug(name),
            "name": name,
            "kind": "district",
            "accuracy_km": round(fit.p95_km, 1),
            "basis": "proxy",
            "source": package.label,
            "source_date": "2011/2016",
            "licence": package.licence,
            "note": "; ".join(notes),
            "name_source": label,
            "province": province["name"],
            "province_iso": province["iso"],
            "province_iso_now": now,
        }
        rows.append((row, shape))
    rows.sort(key=lambda pair: pair[0]["id"])
    columns = output.geojson(
        path,
        rows,
        title="Districts of Pakistan, about 2011–2016",
        accuracy=(
            f"outline {fit.median_km:.2f} km (median) and {fit.p95_km:.1f} km (95 %) from "
            "Natural Earth's; inner borders were not checked against a survey"
        ),
        fit=fit.record(),
        fits_tried=fits,
        cover=cover,
    )
    return columns, len(rows), fit

"""Districts of Pakistan: a free SVG drawing laid on Natural Earth's outline."""

from __future__ import annotations

import csv
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
CODES = Path(__file__).parents[2] / "data" / "district_codes.csv"
SHARE = 0.9
"""A unit with less of its area in its province has a note that says so."""
GAP_KM2 = 30.0
"""Faces between districts up to this size are gaps of the drawing and go to a neighbour."""

_PATH = re.compile(r'<path\s+id="([^"]+)"\s+aria-label="([^"]+)"\s+d="([^"]+)"')
_TOKEN = re.compile(r"[MmLlz]|-?\d+\.?\d*")


def ring(path: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Parse an SVG path of straight lines (M, m, L, l, z) to vertices in pixels.

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


def _snap(rings: list[Any]) -> list[Any]:
    """Snap vertices of neighbours that differ only by rounding to one point."""
    seen = np.unique(np.vstack(rings), axis=0)
    tree = shapely.STRtree(shapely.points(seen))
    pairs = tree.query(shapely.points(seen), predicate="dwithin", distance=SNAP_PX)
    first = np.arange(len(seen))
    np.minimum.at(first, pairs[0], pairs[1])
    lookup = {tuple(xy): seen[first[i]] for i, xy in enumerate(seen)}
    return [np.array([lookup[tuple(xy)] for xy in points]) for points in rings]


def _cover(shapes: list[Any]) -> tuple[list[Any], dict[str, int]]:
    """Turn overlapping outlines into a coverage without overlaps or slivers.

    All boundaries are split where they meet, on the coordinate grid. A face inside several outlines
    goes to the smallest of them (Islamabad lies inside Rawalpindi). A small face inside none goes
    to the neighbour with the longest common border.
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


def _unite(shapes: list[Any], labels: list[str], units: list[dict[str, Any]]) -> list[Any]:
    """Return the outline of each unit, which may unite several outlines of the drawing."""
    drawn = dict(zip(labels, shapes, strict=True))
    named = [label for unit in units for label in unit["drawn"]]
    if sorted(named) != sorted(labels):
        msg = f"districts.json and the drawing differ: {set(named) ^ set(labels)}"
        raise SystemExit(msg)
    return [shapely.coverage_union_all([drawn[n] for n in unit["drawn"]]) for unit in units]


def _note(unit: dict[str, Any], districts: list[dict[str, str]], share: float) -> str:
    """Return the note of a unit, for readers."""
    notes = ["outline of about 2011–2016"]
    names = [row["name"] for row in districts]
    if "border_km" in unit:
        notes.append(
            f"drawn as one: the drawing has their common border {unit['border_km']:.0f} km "
            "(95 %) off"
        )
    elif len(names) > 1:
        notes.append(f"{', '.join(names[:-1])} and {names[-1]} are drawn as one")
    if any(label.endswith(" Subdivision") for label in unit["drawn"]):
        notes.append("with its former Frontier Region, merged in 2018")
    if share < SHARE:
        notes.append(f"{share:.0%} of its drawn area lies in its province")
    return "; ".join(notes)


def _row(
    unit: dict[str, Any], shape: Any, codes: list[dict[str, str]], provinces: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return the row of a unit."""
    districts = [row for row in codes if row["unit"] == unit["id"]]
    (iso,) = {row["province_iso"] for row in districts}
    home = next(p["geometry"] for p in provinces if p["iso"] == iso)
    return {
        "id": unit["id"],
        "name": unit["name"],
        "kind": "district",
        "accuracy_km": unit["accuracy_km"],
        "basis": "proxy",
        "source_date": "2011/2016",
        "note": _note(unit, districts, shape.intersection(home).area / shape.area),
        "aliases": "; ".join(unit["aliases"]) or None,
        "districts": "; ".join(row["name"] for row in districts),
        "pcodes": "; ".join(row["pcode"] for row in districts),
        "province": districts[0]["province"],
        "province_iso": iso,
        "median_km": unit["median_km"],
        "worst_km": unit["worst_km"],
        "agreement": unit["agreement"],
        "drawn_as": "; ".join(unit["drawn"]),
    }


def accuracy(known: dict[str, Any]) -> str:
    """Return the measured accuracy in words."""
    all_of, each = known["measured"], [unit["accuracy_km"] for unit in known["units"]]
    return (
        f"outlines are {all_of['median_km']} km (median) and {all_of['p95_km']} km (95 %) from "
        f"those of 2022, at worst {all_of['worst_km']:.0f} km; {min(each)} to {max(each)} km "
        f"(95 %) by unit"
    )


def build(
    path: Path, package: Package, archive: Path, provinces: list[dict[str, Any]]
) -> tuple[list[str], int, Fit, str]:
    """Write the districts layer; return its columns, number of rows, fit and accuracy."""
    found = _PATH.findall(member(archive, SVG).decode("utf-8"))
    rings = _snap([ring(d) for _, _, d in found])
    drawn = shapely.union_all([shapely.polygons(r) for r in rings])
    outer = shapely.segmentize(max(shapely.get_parts(drawn), key=shapely.area).exterior, 5.0)
    country = shapely.union_all([p["geometry"] for p in provinces])
    fit, fits = best(shapely.get_coordinates(outer), country.boundary)
    shapes = [output.on_grid(shapely.make_valid(shapely.polygons(fit(r)))) for r in rings]
    shapes, cover = _cover(shapes)
    known = json.loads((Path(__file__).parent / "districts.json").read_text(encoding="utf-8"))
    with CODES.open(encoding="utf-8", newline="") as file:
        codes = list(csv.DictReader(file))
    units = known["units"]
    measured = known["measured"]
    source = {
        "source": f"outline: {package.label}; names, codes, accuracy: {measured['against']}",
        "licence": package.licence,
    }
    rows = [
        (_row(unit, shape, codes, provinces) | source, shape)
        for unit, shape in zip(units, _unite(shapes, [n for _, n, _ in found], units), strict=True)
    ]
    told = accuracy(known)
    columns = output.geojson(
        path,
        rows,
        title="Districts of Pakistan: names of 2022, outlines of about 2011–2016",
        accuracy=f"{told}; measured in {measured['date']} against {measured['against']}",
        fit=fit.record(),
        fits_tried=fits,
        cover=cover,
    )
    return columns, len(rows), fit, told

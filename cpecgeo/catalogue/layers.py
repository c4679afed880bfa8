"""Layers by name, with provenance."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Hashable, Iterable
from contextlib import suppress
from functools import cache
from typing import Any

import geopandas as gpd
import pandas as pd

from cpecgeo.catalogue import files, lines
from cpecgeo.catalogue.facts import add_facts, add_names, fold, match, openings
from cpecgeo.catalogue.files import fingerprint
from cpecgeo.catalogue.geometry import REDRAWN, redraw
from cpecgeo.errors import UnknownNameError
from cpecgeo.geodesy.measure import length_km

__all__ = [
    "COMMON",
    "LAYERS",
    "catalog",
    "ids_named",
    "layer",
    "layer_id",
    "load_shared",
    "named_points",
    "other_meaning",
    "table",
]

COMMON = [
    "id",
    "name",
    "name_ur",
    "name_zh",
    "kind",
    "status",
    "opened",
    "accuracy_km",
    "basis",
    "source",
    "source_date",
    "licence",
    "note",
]

# name: (title, file or None where composed, accuracy)
LAYERS = {
    "corridors": ("Corridors: roads, railways and the mining corridor", None, "per row"),
    "sections": ("Sections with published and drawn length", None, "per row"),
    "stations": ("Railway stations, each with the lines that it is on", None, "0.5–2 km, per row"),
    "waypoints": ("Ordered points that the roads are drawn through", "waypoints.csv", "1–5 km"),
    "interchanges": ("Interchanges of motorways", "interchanges.csv", "3–15 km: nearest places"),
    "crossings": ("Border crossings and markets", "crossings.csv", "per row"),
    "mines": ("Mines", "mines.csv", "per row"),
    "ports": ("Sea, air and dry ports", "ports.csv", "per row"),
    "zones": ("Special economic zones and free zones", "zones.csv", "per row"),
    "energy": ("Power plants and transmission", "energy.csv", "per row"),
    "places": ("Towns with population", "derived/places.csv", "1–3 km"),
    "districts": ("Districts of Pakistan", "derived/districts.geojson", "3–19 km (95 %), per row"),
    "provinces": ("Provinces and territories of Pakistan", "derived/provinces.geojson", "per row"),
    "countries": ("Countries around the corridor", "derived/countries.geojson", "1 km"),
    "disputed": ("Disputed boundary lines", "derived/disputed.geojson", "1 km"),
}
_TABLES = {
    "figures": ("Published and competing figures of lines", ("figures.csv", "figures_sites.csv")),
    "themes": ("Themes of Phase II, often called corridors", ("themes.csv",)),
    "targets": ("Export targets: none is published yet", ("targets.csv",)),
    "district_codes": ("Districts of 2022: codes, provinces, names", ("district_codes.csv",)),
    "openings": ("When roads and railways were opened", ("openings.csv",)),
    "projects": ("Projects", ("projects.csv",)),
    "closures": ("Closures and seasons of border crossings", ("closures.csv",)),
}
# The part of a source that names a single record.
_RECORD = re.compile(
    r"(?<!\w)(GeoNames|OpenStreetMap (?:node|way)|Pakistan Railways stations?)"
    r"(?:(?: |, | and )\d++(?!\.\d))+"
)
_MAKERS = {"sections": lines.sections, "stations": lines.stations}


def _corridors() -> gpd.GeoDataFrame:
    rows, known = [], add_facts("sections", lines.sections()).set_index("id")
    for name, row in lines.corridor_rows().items():
        whole = lines.assemble(name)
        parts = known.loc[row["sections"]]
        rows.append(
            {
                **row,
                "name": row["title"],
                "sections": ", ".join(row["sections"]),
                "aliases": "; ".join(row["aliases"]),
                "opened": _find_opening(name, parts),
                "length_km": float(length_km(whole.line)),
                "chainage_km": float(whole.measures_km[-1]),
                "accuracy_km": float(parts["accuracy_km"].max()),
                "basis": "schematic" if "schematic" in set(parts["basis"]) else "gazetteer",
                "source": row["source"]
                if isinstance(row["source"], str)
                else "; ".join(dict.fromkeys(parts["source"])),
                "licence": "ODbL-1.0" if "ODbL-1.0" in set(parts["licence"]) else "CC-BY-4.0",
                "geometry": whole.line,
            }
        )
    return gpd.GeoDataFrame(rows, geometry="geometry", crs=4326)


def _find_opening(name: str, parts: gpd.GeoDataFrame) -> str | None:
    """Return when the last part of a corridor opened; None where a part isn't open or dated."""
    known = openings().get(name)
    if known is not None:
        return known
    dates = [None if pd.isna(date) else str(date) for date in parts["opened"]]
    if None in dates or set(parts["status"].dropna()) & {"planned", "under_construction"}:
        return None
    return max(str(date) for date in dates)


def load_shared(name: str) -> gpd.GeoDataFrame:
    """Return a layer from the shared cache; callers must not change it."""
    return _shared(name, fingerprint() if name in REDRAWN else None)


@cache
def _shared(name: str, key: Hashable) -> gpd.GeoDataFrame:
    """Return a layer in the geometry of a fingerprint."""
    title, path, accuracy = LAYERS[name]
    if name == "corridors":
        frame = _corridors()
    elif path is None:
        frame = _MAKERS[name]()
    else:
        frame = files.read_points(path) if path.endswith(".csv") else files.read_geojson(path)
    # Plain tables are extended in a fifth of the time.
    rows = add_facts(name, pd.DataFrame(frame))
    rows = rows.assign(**dict.fromkeys(c for c in COMMON if c not in rows))
    own = [c for c in rows.columns if c not in COMMON and c != "geometry"]
    rows = rows[[*COMMON, *own, "geometry"]].set_axis(rows["id"].to_numpy(), axis=0)
    frame, about = redraw(name, gpd.GeoDataFrame(rows, geometry="geometry", crs=4326), key)
    frame.attrs = {
        "layer": name,
        "title": title,
        "licence": ", ".join(sorted(set(frame["licence"].dropna()))),
        "sources": _sources(frame["source"].dropna()),
        "retrieved": str(frame["source_date"].dropna().max()),
        "accuracy": accuracy,
        "data_version": files.data_version(),
        **_read_record(path),
        **about,
    }
    return frame


def _sources(texts: Iterable[str]) -> list[str]:
    """List the sources, those of most rows first, without the numbers of single records."""
    counts = Counter(_RECORD.sub(r"\1", text) for text in texts)
    return [
        f"{text} ({n} records)" if n > 1 else text
        for text, n in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]


def _read_record(path: str | None) -> dict[str, Any]:
    """Return a file's entry in the record of derived layers."""
    if path is None or not path.startswith("derived/"):
        return {}
    record = json.loads(files.data_path("derived/record.json").read_text(encoding="utf-8"))
    entry = record[path.removeprefix("derived/")]
    return {k: entry[k] for k in ("package", "version", "accuracy", "disclaimer") if k in entry}


@cache
def named_points(of: str) -> gpd.GeoDataFrame:
    """Return the points of a layer with only their names, quicker than the layer; shared.

    Parameters
    ----------
    of : str
        A layer of points; its tables of facts aren't read.
    """
    path = LAYERS[of][1]
    return add_names(of, _MAKERS[of]() if path is None else files.read_points(path))


def ids_named(of: str, name: str) -> list[str]:
    """Return ids of the rows of a layer with a name: by id, then name, then other names."""
    return _index_names(of, fingerprint() if of in REDRAWN else None).get(fold(name), [])


def other_meaning(name: str) -> str:
    """Return a sentence on a name's meaning that isn't a point; empty where it has none.

    Examples
    --------
    >>> other_meaning("E-35")
    "It is a corridor, of which `corridor('hazara')` has the line."
    """
    with suppress(UnknownNameError):
        of = lines.corridor_id(name)
        return f"It is a corridor, of which `corridor({of!r})` has the line."
    if ids_named("sections", name):
        return "It is a section of a corridor; `layer('sections')` has the line."
    for of in ("districts", "provinces"):
        if ids_named(of, name):
            return f"It is a {of[:-1]}, which has no point; `layer({of!r})` has the outline."
    return ""


@cache
def _index_names(of: str, key: Hashable) -> dict[str, list[str]]:
    """Index the rows of a layer by each of their names, folded."""
    path = LAYERS[of][1]
    if key is None and path is not None and path.endswith(".geojson"):
        # Names of districts are known without reading all outlines.
        frame = add_names(of, files.read_properties(path))
    else:
        frame = _shared(of, key)
    found: dict[str, dict[str, None]] = {}
    for column in ("id", "name", "name_ur", "name_zh", "aliases"):
        for label, cell in zip(frame["id"], frame.get(column, ()), strict=False):
            for text in cell.split(";") if isinstance(cell, str) else ():
                found.setdefault(fold(text), {})[label] = None
    return {text: list(labels) for text, labels in found.items() if text}


def layer_id(name: str) -> str:
    """Match a name to a layer."""
    return match(name, {n: [title] for n, (title, _, _) in LAYERS.items()}, "layer")


def layer(name: str) -> gpd.GeoDataFrame:
    """Load one layer of the bundled data.

    Parameters
    ----------
    name : str
        A layer that `catalog` lists: ``corridors sections stations waypoints interchanges
        crossings mines ports zones energy places districts provinces countries disputed``.
        Case and punctuation don't matter.

    Returns
    -------
    GeoDataFrame
        EPSG:4326, indexed by id; a copy. Every layer has ``id name name_ur name_zh kind status
        opened accuracy_km basis source source_date licence note``; unknown values are missing, and
        a feature of unknown position has no geometry. Lengths are in km, elevations in m. Points
        have `district`, `province` and `province_iso` (facts with a source, see
        ``feature_districts.csv``), their `role` for the corridor and a `rank` from 1 (name it
        first) to 10. `.attrs` has title, licence, sources, data version.

    Raises
    ------
    UnknownNameError
        No such layer.

    Examples
    --------
    >>> layer("crossings").loc["khunjerab-pass", "elevation_m"]
    np.float64(4693.0)
    """
    source = load_shared(layer_id(name))
    frame = source.copy()
    frame.attrs = {k: list(v) if isinstance(v, list) else v for k, v in source.attrs.items()}
    return frame


def table(name: str) -> pd.DataFrame:
    """Load a table without geometry, such as ``figures``; `catalog` lists them.

    Parameters
    ----------
    name : str

    Returns
    -------
    DataFrame
        `figures` keeps every competing published value with its meaning and source;
        `targets` has its columns and no rows until a target is published.

    Raises
    ------
    UnknownNameError
        No such table.

    Examples
    --------
    >>> figures = table("figures")
    >>> figures.loc[figures["feature"] == "m14", "value"].tolist()
    ['297', '280', '285']
    """
    key = match(name, {n: [title] for n, (title, _) in _TABLES.items()}, "table")
    title, paths = _TABLES[key]
    frame = pd.concat([files.read_table(path) for path in paths], ignore_index=True)
    frame.attrs = {"table": key, "title": title, "data_version": files.data_version()}
    return frame


def catalog() -> pd.DataFrame:
    """List the bundled data, one row per layer or table.

    Returns
    -------
    DataFrame
        Indexed by name: ``title rows geometry licence source retrieved accuracy``. `geometry` is
        "none" for tables.

    Examples
    --------
    >>> catalog().loc["crossings", "geometry"]
    'Point'
    """
    rows = []
    for name in LAYERS:
        frame = load_shared(name)
        types = frame.geometry.dropna().geom_type.str.removeprefix("Multi")
        rows.append(
            {
                "name": name,
                "title": frame.attrs["title"],
                "rows": len(frame),
                "geometry": " or ".join(sorted(set(types))),
                "licence": frame.attrs["licence"],
                "source": _short(frame.attrs["sources"]),
                "retrieved": frame.attrs["retrieved"],
                "accuracy": frame.attrs["accuracy"],
            }
        )
    for name in _TABLES:
        frame = table(name)
        rows.append(
            {
                "name": name,
                "title": frame.attrs["title"],
                "rows": len(frame),
                "geometry": "none",
                "licence": ", ".join(sorted(set(frame.get("licence", ["fact"])))),
                "source": _short(sorted(set(frame["source"].dropna()))),
                "retrieved": str(frame["source_date"].dropna().max()) if len(frame) else "",
                "accuracy": "",
            }
        )
    return pd.DataFrame(rows).set_index("name")


def _short(sources: list[str]) -> str:
    first = sources[0] if sources else ""
    return first if len(sources) < 2 else f"{first} and {len(sources) - 1} more"

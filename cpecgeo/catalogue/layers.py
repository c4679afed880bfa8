"""Layers and tables by name, with provenance; citations of them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Hashable, Iterable
from contextlib import suppress
from functools import cache
from typing import Any, Literal

import geopandas as gpd
import pandas as pd

from cpecgeo.catalogue import files, lines
from cpecgeo.catalogue.facts import add_facts, add_names, fold, match
from cpecgeo.catalogue.files import fingerprint
from cpecgeo.catalogue.geometry import REDRAWN, redraw
from cpecgeo.errors import InputError, InputTypeError, UnknownNameError

__all__ = [
    "COMMON",
    "LAYERS",
    "catalog",
    "cite",
    "ids_named",
    "layer",
    "layer_id",
    "load_shared",
    "named_points",
    "other_meaning",
    "table",
]

COMMON = [
    "id", "name", "name_ur", "name_zh", "kind", "status", "opened", "accuracy_km", "basis",
    "source", "source_date", "licence", "note",
]  # fmt: skip

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
_MAKERS = {
    "corridors": lines.corridors, "sections": lines.sections, "stations": lines.stations
}  # fmt: skip


def load_shared(name: str) -> gpd.GeoDataFrame:
    """Return a layer from the shared cache; callers must not change it."""
    return _shared(name, fingerprint() if name in REDRAWN else None)


@cache
def _shared(name: str, key: Hashable) -> gpd.GeoDataFrame:
    """Return a layer in the geometry of a fingerprint."""
    title, path, accuracy = LAYERS[name]
    if path is None:
        frame = _MAKERS[name]()
    else:
        frame = files.read_points(path) if path.endswith(".csv") else files.read_geojson(path)
    # A plain DataFrame gets new columns in a fifth of the time.
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
        # The names of districts are read without their outlines, which take longer.
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
        about = frame.attrs
        types = " or ".join(sorted({*frame.geom_type.dropna().str.removeprefix("Multi")}))
        source = _short(about["sources"])
        rest = (about["licence"], source, about["retrieved"], about["accuracy"])
        rows.append((name, about["title"], len(frame), types, *rest))
    for name in _TABLES:
        other = table(name)
        licence = ", ".join(sorted(set(other.get("licence", ["fact"]))))
        source = _short(sorted(set(other["source"].dropna())))
        latest = str(other["source_date"].dropna().max()) if len(other) else ""
        rows.append((name, other.attrs["title"], len(other), "none", licence, source, latest, ""))
    columns = ("name", "title", "rows", "geometry", "licence", "source", "retrieved", "accuracy")
    return pd.DataFrame(rows, columns=columns).set_index("name")


def _short(sources: list[str]) -> str:
    first = sources[0] if sources else ""
    return first if len(sources) < 2 else f"{first} and {len(sources) - 1} more"


# Of a citation: key, title, note, year.
_Source = tuple[str, str, str, str]

_SPECIAL = str.maketrans(
    {c: f"\\{c}" for c in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
)


def cite(name: str | None = None, *, style: Literal["text", "bibtex"] = "text") -> str:
    """Return the citation of all data, of a layer, or of a feature.

    Parameters
    ----------
    name : str, optional
        A layer, or the name (in any of its languages) or id of a feature in any layer. All
        layers when omitted.
    style : {"text", "bibtex"}
        Sentences, or entries for a BibTeX file, whose keys begin with ``cpecgeo-``.

    Returns
    -------
    str
        Source, date and licence, one line or entry each.

    Raises
    ------
    UnknownNameError
        Neither a layer nor a feature has that name.
    InputTypeError
        `name` isn't text.
    InputError
        Another style.

    Examples
    --------
    >>> print(cite("Reko Diq"))
    Reko Diq (mines): ...; CC-BY-4.0. In: cpecgeo ...
    >>> print(cite("Reko Diq", style="bibtex"))
    @misc{cpecgeo-mines-reko-diq,
      title = {Reko Diq (mines)},
      author = {{The cpecgeo developers}},
      year = {2026},
      howpublished = {cpecgeo ..., data of the China–Pakistan Economic Corridor},
      note = {GeoNames 10979098; ...; CC-BY-4.0},
    }
    """
    if style not in {"text", "bibtex"}:
        raise InputError(f'style is {style!r}; it is "text" or "bibtex".')
    own = f"cpecgeo {files.data_version()}, data of the China–Pakistan Economic Corridor"
    found = _find_sources(name)
    if style == "bibtex":
        return "\n\n".join(_entry(source, own) for source in found)
    texts = [f"{title}: {note}." for _, title, note, _ in found]
    if name is None:
        return "\n".join([*texts, f"In: {own}."])
    return "\n".join(f"{text} In: {own}." for text in dict.fromkeys(texts))


def _entry(source: _Source, own: str) -> str:
    """Return one entry of a BibTeX file."""
    name, title, note, year = source
    key = re.sub(r"[^a-z0-9-]+", "-", name.casefold()).strip("-")
    texts = {
        "title": title.translate(_SPECIAL),
        "author": "{The cpecgeo developers}",
        "year": year,
        "howpublished": own.translate(_SPECIAL),
        "note": note.translate(_SPECIAL),
    }
    fields = "".join(f"  {field} = {{{text}}},\n" for field, text in texts.items() if text)
    return f"@misc{{cpecgeo-{key},\n{fields}}}"


def _find_sources(name: str | None) -> list[_Source]:
    """Find the layers or features that a name means."""
    if name is None:
        return [_cite_layer(n) for n in LAYERS]
    if not isinstance(name, str):
        raise InputTypeError(
            f"A citation is asked for by {type(name).__name__}; give a name as text."
        )
    if (of := next((n for n in LAYERS if fold(n) == fold(name)), None)) is not None:
        return [_cite_layer(of)]
    found = [
        _cite_feature(of, load_shared(of).loc[label])
        for of in LAYERS
        for label in ids_named(of, name)
    ]
    if not found:
        known = {str(n) for of in LAYERS for n in load_shared(of)["name"].dropna()}
        raise UnknownNameError(name, "layer or feature", known)
    return found


def _cite_feature(of: str, row: pd.Series) -> _Source:
    date = "" if pd.isna(row["source_date"]) else str(row["source_date"])
    note = f"{row['source']}{f' ({date})' if date else ''}; {row['licence']}"
    # A span of years, such as 2011/2016, isn't a date.
    year = re.fullmatch(r"(\d{4})(-\d\d)*", date)
    return f"{of}-{row['id']}", f"{row['name']} ({of})", note, year[1] if year else ""


def _cite_layer(name: str) -> _Source:
    about = load_shared(name).attrs
    more = len(about["sources"]) - 3
    shown = "; ".join(about["sources"][:3]) + (f"; and {more} more" if more > 0 else "")
    return name, f"{about['title']} ({name})", f"{shown}; {about['licence']}", ""

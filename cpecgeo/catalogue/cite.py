"""Citation texts."""

from __future__ import annotations

import functools
import re
from collections.abc import Hashable, Iterable
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from cpecgeo.catalogue import layers
from cpecgeo.catalogue.facts import fold, match
from cpecgeo.catalogue.files import data_version, fingerprint, read_features
from cpecgeo.catalogue.geometry import redrawn_corridors
from cpecgeo.catalogue.lines import drawn_sections
from cpecgeo.errors import InputError, InputTypeError

__all__ = ["OSM_CREDIT", "cite", "list_credits"]

OSM_CREDIT = "© OpenStreetMap contributors, ODbL 1.0"
"""What has to stand beside what was made from OpenStreetMap's data."""


class _Source(NamedTuple):
    """The parts of one citation."""

    key: str
    title: str
    told: str
    year: str


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
    own = f"cpecgeo {data_version()}, data of the China–Pakistan Economic Corridor"
    found = _sources(name)
    if style == "bibtex":
        return "\n\n".join(_entry(source, own) for source in found)
    lines = [f"{source.title}: {source.told}." for source in found]
    if name is None:
        return "\n".join([*lines, f"In: {own}."])
    return "\n".join(f"{line} In: {own}." for line in dict.fromkeys(lines))


def _entry(source: _Source, own: str) -> str:
    """Return one entry of a BibTeX file."""
    key = re.sub(r"[^a-z0-9-]+", "-", source.key.casefold()).strip("-")
    told = {
        "title": source.title.translate(_SPECIAL),
        "author": "{The cpecgeo developers}",
        "year": source.year,
        "howpublished": own.translate(_SPECIAL),
        "note": source.told.translate(_SPECIAL),
    }
    fields = "".join(f"  {field} = {{{text}}},\n" for field, text in told.items() if text)
    return f"@misc{{cpecgeo-{key},\n{fields}}}"


def _sources(name: str | None) -> list[_Source]:
    """Find the layers or features that a name means."""
    if name is None:
        return [_layer(n) for n in layers.LAYERS]
    if not isinstance(name, str):
        raise InputTypeError(
            f"A citation is asked for by {type(name).__name__}; give a name as text."
        )
    if fold(name) in {fold(n) for n in layers.LAYERS}:
        key = match(name, {n: [] for n in layers.LAYERS}, "layer")
        return [_layer(key)]
    found = [
        _feature(of, layers.load_shared(of).loc[label])
        for of in layers.LAYERS
        for label in layers.ids_named(of, name)
    ]
    if found:
        return found
    known: dict[str, list[str]] = {
        str(n): [] for ln in layers.LAYERS for n in layers.load_shared(ln)["name"].dropna()
    }
    match(name, known, "layer or feature")
    return []  # never reached: `match` raises for an unknown name


def _feature(layer_name: str, row: pd.Series) -> _Source:
    date = "" if pd.isna(row["source_date"]) else str(row["source_date"])
    told = f"{row['source']}{f' ({date})' if date else ''}; {row['licence']}"
    # A span of years, such as 2011/2016, isn't a date.
    year = re.fullmatch(r"(\d{4})(-\d\d)*", date)
    title = f"{row['name']} ({layer_name})"
    return _Source(f"{layer_name}-{row['id']}", title, told, year[1] if year else "")


def _layer(name: str) -> _Source:
    frame = layers.load_shared(name)
    sources = frame.attrs["sources"]
    shown = "; ".join(sources[:3]) + (f"; and {len(sources) - 3} more" if len(sources) > 3 else "")
    told = f"{shown}; {frame.attrs['licence']}"
    return _Source(name, f"{frame.attrs['title']} ({name})", told, "")


def list_credits(shapes: Iterable[Any], licences: Iterable[Any] = ()) -> list[str]:
    """Return the credits that geometries and licences require.

    They are `OSM_CREDIT`, or none. A bare line has no source of its own. It is recognized by its
    vertices (lon, lat): if they are exactly those of a bundled line, it comes from that line's
    source. Points and areas are ignored.

    Examples
    --------
    >>> from cpecgeo import corridor
    >>> list_credits([corridor("kkh").line])
    ['© OpenStreetMap contributors, ODbL 1.0']
    """
    if any("ODbL" in text for text in licences if isinstance(text, str)):
        return [OSM_CREDIT]
    array = np.asarray(shapes if isinstance(shapes, np.ndarray) else list(shapes), dtype=object)
    lines = array[shapely.get_dimensions(array) == 1]
    if not len(lines):
        return []
    lon, vertices = _osm_vertices(fingerprint())
    xy = shapely.get_coordinates(lines)
    near = np.minimum(np.searchsorted(lon, xy[:, 0]), max(len(lon) - 1, 0))
    xy = xy[lon[near] == xy[:, 0]] if len(lon) else xy[:0]
    if not len(xy):
        return []
    places = xy.view(complex)[:, 0]
    at = np.minimum(np.searchsorted(vertices, places), len(vertices) - 1)
    return [OSM_CREDIT] if (vertices[at] == places).any() else []


@functools.lru_cache(maxsize=4)
def _osm_vertices(key: Hashable) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
    """Return the sorted lon of OpenStreetMap's vertices, and these as complex numbers lon + i lat.

    Both are in one order: complex numbers are sorted by lon, then by lat.
    """
    odbl = [f["geometry"] for f in drawn_sections().values() if f["licence"] == "ODbL-1.0"]
    odbl += [kept.chainage.line for kept in redrawn_corridors(key).values()]
    free = [f["geometry"] for f in read_features("lines.geojson")]
    found, others = (shapely.get_coordinates(lines).view(complex)[:, 0] for lines in (odbl, free))
    own = np.setdiff1d(found, others)
    return np.ascontiguousarray(own.real), own

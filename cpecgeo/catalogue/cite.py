"""Citation texts."""

from __future__ import annotations

import functools
import re
from collections.abc import Hashable
from typing import Any, Literal, NamedTuple

import pandas as pd

from cpecgeo.catalogue import layers
from cpecgeo.catalogue.files import data_version
from cpecgeo.catalogue.geometry import fingerprint
from cpecgeo.catalogue.names import folded, match
from cpecgeo.errors import InputError, InputTypeError

__all__ = ["cite"]


class _Source(NamedTuple):
    """What one citation is made of."""

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
        Source, date and licence, a line or an entry each.

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
    if folded(name) in {folded(n) for n in layers.LAYERS}:
        key = match(name, {n: [] for n in layers.LAYERS}, "layer")
        return [_layer(key)]
    wanted = folded(name)
    found: list[_Source] = []
    for layer_name in layers.LAYERS:
        frame = layers.shared(layer_name)
        hits = frame.iloc[_rows_of(layer_name, fingerprint()).get(wanted, [])]
        for _, row in hits.iterrows():
            found.append(_feature(layer_name, row))
    if found:
        return found
    known: dict[str, list[str]] = {
        str(n): [] for ln in layers.LAYERS for n in layers.shared(ln)["name"].dropna()
    }
    match(name, known, "layer or feature")
    return []  # never: no name is like it, which `match` says


@functools.cache
def _rows_of(layer_name: str, _key: Hashable) -> dict[str, list[int]]:
    """Return positions of the rows that go by a name, by its folded form, in one geometry."""
    frame = layers.shared(layer_name)
    names = frame[[c for c in ("id", "name", "name_ur", "name_zh", "aliases") if c in frame]]
    rows: dict[str, list[int]] = {}
    for position, row in enumerate(names.to_numpy()):
        cells = [n for cell in row if isinstance(cell, str) for n in _each(cell)]
        for name in {folded(n) for n in cells} - {""}:
            rows.setdefault(name, []).append(position)
    return rows


def _each(cell: str) -> list[str]:
    return [cell, *cell.split(";")]


def _feature(layer_name: str, row: Any) -> _Source:
    date = "" if pd.isna(row["source_date"]) else str(row["source_date"])
    told = f"{row['source']}{f' ({date})' if date else ''}; {row['licence']}"
    # A span of years, such as 2011/2016, isn't one.
    year = re.fullmatch(r"(\d{4})(-\d\d)*", date)
    title = f"{row['name']} ({layer_name})"
    return _Source(f"{layer_name}-{row['id']}", title, told, year[1] if year else "")


def _layer(name: str) -> _Source:
    frame = layers.shared(name)
    sources = frame.attrs["sources"]
    shown = "; ".join(sources[:3]) + (f"; and {len(sources) - 3} more" if len(sources) > 3 else "")
    told = f"{shown}; {frame.attrs['licence']}"
    return _Source(name, f"{frame.attrs['title']} ({name})", told, "")

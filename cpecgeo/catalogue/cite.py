"""Citation texts."""

from __future__ import annotations

import pandas as pd

from cpecgeo.catalogue import layers
from cpecgeo.catalogue.files import data_version
from cpecgeo.catalogue.names import folded, match
from cpecgeo.errors import InputTypeError

__all__ = ["cite"]


def cite(name: str | None = None) -> str:
    """Citation of all data, of a layer, or of a feature.

    Parameters
    ----------
    name : str, optional
        A layer, or the name (in any of its languages) or id of a feature in any layer. All
        layers when omitted.

    Returns
    -------
    str
        Source, date and licence, a line each.

    Raises
    ------
    UnknownNameError
        Neither a layer nor a feature has that name.
    InputTypeError
        `name` isn't text.

    Examples
    --------
    >>> print(cite("Reko Diq"))
    Reko Diq (mines): ...; CC-BY-4.0. In: cpecgeo ...
    """
    own = f"In: cpecgeo {data_version()}, data of the China–Pakistan Economic Corridor."
    if name is None:
        return "\n".join([*(_layer(n) for n in layers.LAYERS), own])
    if not isinstance(name, str):
        raise InputTypeError(
            f"A citation is asked for by {type(name).__name__}; give a name as text."
        )
    if folded(name) in {folded(n) for n in layers.LAYERS}:
        key = match(name, {n: [] for n in layers.LAYERS}, "layer")
        return f"{_layer(key)} {own}"
    wanted = folded(name)
    found: dict[str, None] = {}
    for layer_name in layers.LAYERS:
        frame = layers.shared(layer_name)
        names = frame[[c for c in ("id", "name", "name_ur", "name_zh", "aliases") if c in frame]]
        hits = frame[
            [
                wanted != ""
                and wanted
                in {folded(n) for cell in row if isinstance(cell, str) for n in _each(cell)}
                for row in names.to_numpy()
            ]
        ]
        for _, row in hits.iterrows():
            date = f" ({row['source_date']})" if not pd.isna(row["source_date"]) else ""
            text = f"{row['name']} ({layer_name}): {row['source']}{date}; {row['licence']}."
            found.setdefault(text, None)
    if found:
        return "\n".join(f"{text} {own}" for text in found)
    known: dict[str, list[str]] = {
        str(n): [] for ln in layers.LAYERS for n in layers.shared(ln)["name"].dropna()
    }
    return match(name, known, "layer or feature")


def _each(cell: str) -> list[str]:
    return [cell, *cell.split(";")]


def _layer(name: str) -> str:
    frame = layers.shared(name)
    sources = frame.attrs["sources"]
    shown = "; ".join(sources[:3]) + (f"; and {len(sources) - 3} more" if len(sources) > 3 else "")
    return f"{frame.attrs['title']} ({name}): {shown}; {frame.attrs['licence']}."

"""Whose data a layer holds, for the line of credits that licences ask for.

The line follows the layers that are drawn. It is made from a fixed list of givers that a row's
source or licence names, never from the text itself, because leaflet writes it as markup.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

__all__ = ["credits_of"]

# What a source or licence says, how its giver is named at the map's edge, and what is owed.
_OSM = ("\u00a9 OpenStreetMap contributors", "Open Database Licence 1.0")
_WRI = ("WRI", "Global Power Plant Database, CC BY 4.0")
_GIVERS = (
    ("ODbL", _OSM),
    ("OpenStreetMap", _OSM),
    ("GeoNames", ("GeoNames", "CC BY 4.0")),
    ("Who's On First", ("Who's On First", "CC BY 4.0")),
    ("GPPD", _WRI),
    ("global-power-plant-database", _WRI),
    ("AidData", ("AidData", "Geospatial Global Chinese Development Finance")),
    ("svg-maps", ("svg-maps", "Unlicense")),
    ("Natural Earth", ("Natural Earth", "public domain")),
)


def credits_of(table: pd.DataFrame, more: Iterable[Any] = ()) -> list[tuple[str, str]]:
    """Givers that a table's sources and licences name.

    Parameters
    ----------
    table : DataFrame
        With columns ``source`` and ``licence``, or without.
    more : iterable of str
        Further sources.

    Returns
    -------
    list of (name, terms)
        Each once, in a fixed order.

    Examples
    --------
    >>> credits_of(pd.DataFrame({"source": ["GeoNames 1172"], "licence": ["fact"]}))
    [('GeoNames', 'CC BY 4.0')]
    """
    texts = set(map(str, more))
    for column in ("source", "licence"):
        if column in table.columns:
            texts |= {v for v in table[column].dropna().unique() if isinstance(v, str)}
    return list(dict.fromkeys(giver for sign, giver in _GIVERS if any(sign in t for t in texts)))

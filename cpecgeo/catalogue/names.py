"""Names, forgiven: case, accents, spaces and punctuation don't count."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping

from cpecgeo.errors import InputTypeError, UnknownNameError

__all__ = ["folded", "match", "of_town", "station_name"]


def folded(name: str) -> str:
    """Strip a name, in any script, of case, accents, spaces and punctuation.

    Examples
    --------
    >>> folded("ML-1"), folded("Kēch"), folded("روہڑی جنکشن")
    ('ml1', 'kech', 'روہڑیجنکشن')
    """
    plain = unicodedata.normalize("NFKD", name)
    return "".join(c for c in plain.casefold() if c.isalnum())


# How the name of a station is written short.
_SHORT = (("jn", "junction"), ("cantt", "cantonment"))
_STATION = ("junction", "cantonment", "city")


def station_name(name: str) -> str:
    """Fold the name of a station, its last word written out.

    Examples
    --------
    >>> station_name("Lahore Jn."), station_name("Karachi Cantt")
    ('lahorejunction', 'karachicantonment')
    """
    key = folded(name)
    for short, long in _SHORT:
        if key.endswith(short) and key != short:
            return key.removesuffix(short) + long
    return key


def of_town(name: str) -> str:
    """Return the folded name of the town that a station's name begins with.

    Examples
    --------
    >>> of_town("Lahore Cantt"), of_town("Attock City Junction"), of_town("Rohri")
    ('lahore', 'attock', 'rohri')
    """
    key = station_name(name)
    while (word := next((w for w in _STATION if key.endswith(w) and key != w), "")) != "":
        key = key.removesuffix(word)
    return key


def match(name: str, known: Mapping[str, Iterable[str]], what: str) -> str:
    """Return the key that a name means.

    Parameters
    ----------
    name : str
        As a person wrote it.
    known : mapping of str to iterable of str
        Each key with its other names.
    what : str
        What is looked for, in messages.

    Returns
    -------
    str

    Raises
    ------
    UnknownNameError
        No key or other name is like it; the message has near ones.
    InputTypeError
        `name` isn't text.

    Examples
    --------
    >>> match("Main Line 1", {"ml1": ["ML-1", "Main Line 1"]}, "corridor")
    'ml1'
    """
    if not isinstance(name, str):
        shown = " ".join(repr(name)[:60].split())
        raise InputTypeError(
            f"A {what} is asked for by {type(name).__name__} {shown}; give its name as text."
        )
    wanted = folded(name)
    others: dict[str, str] = {}
    for key, names in known.items():
        if folded(key) == wanted:
            return key
        for other in names:
            others.setdefault(folded(other), key)
    if wanted and wanted in others:
        return others[wanted]
    listing = [*known, *(n for names in known.values() for n in names)]
    short = f"Known: {', '.join(known)}." if len(known) <= 60 else ""
    raise UnknownNameError(name, what, listing, short)

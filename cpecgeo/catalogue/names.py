"""Names, forgiven: case, accents, spaces and punctuation don't count."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping

from cpecgeo.errors import InputTypeError, UnknownNameError

__all__ = ["folded", "match"]


def folded(name: str) -> str:
    """Strip a name, in any script, of case, accents, spaces and punctuation.

    Examples
    --------
    >>> folded("ML-1"), folded("Kēch"), folded("روہڑی جنکشن")
    ('ml1', 'kech', 'روہڑیجنکشن')
    """
    plain = unicodedata.normalize("NFKD", name)
    return "".join(c for c in plain.casefold() if c.isalnum())


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

"""Matching of names, and tables of facts: names, district, role, opening, remark of features."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from cpecgeo.catalogue.files import read_table
from cpecgeo.errors import InputTypeError, UnknownNameError

__all__ = [
    "NAME_TAGS",
    "POINT_LAYERS",
    "ROLES",
    "add_facts",
    "add_names",
    "bare_name",
    "districts_by_name",
    "districts_of",
    "fold",
    "main_stations",
    "match",
    "match_units",
    "name_districts",
    "of_town",
    "openings",
    "read_districts",
    "roles",
    "station_name",
]

# Towns stand before plants, which are named after towns far off, and before stations: "Gwadar" is
# the town, "Hub" too.
POINT_LAYERS = (
    "ports", "crossings", "mines", "zones", "places", "energy", "interchanges", "stations",
    "waypoints",
)  # fmt: skip
"""Layers of points, each with district, role and rank; a place is looked up in this order."""

ROLES = {
    "terminus": 1,
    "capital": 1,
    "port": 2,
    "border": 3,
    "provincial capital": 4,
    "junction": 5,
}
"""Rank of what a place is for the corridor; what has no role ranks by its population."""

# Least population of each rank after the roles; smaller or unknown ones rank last.
_BY_POPULATION = ((400_000, 6), (100_000, 7), (20_000, 8))
_SMALL = 9
_LAST = 10
"""Rank of parts of a city, and of villages that are named by a number."""


def add_facts(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Add the facts in tables to the features of a layer, by their `id`; return a new frame.

    Points get `district`, `province`, `province_iso`, `role` and `rank`. Lines without a date of
    opening get the known one. Features get their `remark`, and `name_ur` and `name_zh` where their
    own row has none and a source has one.

    Examples
    --------
    >>> from cpecgeo import layer
    >>> layer("mines").set_index("id").loc["reko-diq", ["district", "province"]].tolist()
    ['Chagai', 'Balochistan']
    """
    frame = add_names(name, frame)
    if name in POINT_LAYERS:
        frame = _locate(name, frame)
        role = roles(name)
        frame["role"] = pd.Series([role.get(i) for i in frame["id"]], frame.index, object)
        frame["rank"] = _ranks(frame)
    elif name == "districts":
        frame["district"] = frame["name"]
    elif name == "provinces":
        frame["province"], frame["province_iso"] = frame["name"], frame["iso_3166_2"]
    elif name == "sections":
        known = frame["id"].map(openings())
        frame["opened"] = frame["opened"].where(frame["opened"].notna(), known)
    if noted := dict(_by_layer("remarks.csv", "remark").get(name, ())):
        known = frame["id"].map(noted)
        own = frame["remark"] if "remark" in frame else pd.Series(index=frame.index, dtype=object)
        frame["remark"] = own.where(own.notna(), known)
    return frame


def add_names(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Add `name_ur` and `name_zh` where a row has none and a source has one."""
    frame = frame.copy()
    for lang, known in _names(name).items():
        column, stated = f"name_{lang}", frame["id"].map(known)
        own = frame[column] if column in frame else pd.Series(index=frame.index, dtype=object)
        frame[column] = own.where(own.notna(), stated)
    return frame


def _locate(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Add the district and province of each point: facts with a source, not from outlines."""
    codes = read_districts()
    district = districts_of(name)
    rows: list[dict[str, Any]] = [codes.get(district.get(i, ""), {}) for i in frame["id"]]
    stated = frame["province_iso"] if "province_iso" in frame else pd.Series(None, frame.index)
    names = {row["province_iso"]: row["province"] for row in codes.values()}
    iso = [row.get("province_iso") or known for row, known in zip(rows, stated, strict=True)]
    frame["district"] = [row.get("name") for row in rows]
    frame["province"] = [names.get(i) for i in iso]
    frame["province_iso"] = [None if pd.isna(i) else i for i in iso]
    return frame


def _ranks(frame: pd.DataFrame) -> Any:
    """Rank each point, 1 to 10: by role, else by population."""
    rank = np.full(len(frame), _SMALL)
    if "population" in frame:
        people = pd.to_numeric(frame["population"], errors="coerce").to_numpy(float)
        for least, value in reversed(_BY_POPULATION):
            rank[people >= least] = value
    rank[[kind in {"village", "suburb"} for kind in frame["kind"]]] = _LAST
    by_role = [ROLES.get(role, _LAST) for role in frame["role"]]
    return np.minimum(rank, by_role)


@cache
def read_districts() -> dict[str, dict[str, Any]]:
    """Load the districts of 2022, by id.

    Examples
    --------
    >>> read_districts()["shaheed-benazirabad"]["pcode"]
    'PK719'
    """
    return {row["id"]: row for row in read_table("district_codes.csv").to_dict("records")}


@cache
def districts_by_name() -> dict[str, dict[str, Any]]:
    """Load the districts of 2022, by each of their names, folded."""
    found: dict[str, dict[str, Any]] = {}
    for row in read_districts().values():
        others = row["aliases"].split(";") if isinstance(row["aliases"], str) else []
        for text in (row["name"], *others):
            found.setdefault(fold(bare_name(text)), row)
    return found


def name_districts(lang: str) -> dict[str, str]:
    """Return the names of the districts of 2022 in another language, by English name.

    Examples
    --------
    >>> name_districts("ur")["Kech"]
    'کیچ'
    """
    known = _names("districts").get(lang, {})
    return {row["name"]: known[key] for key, row in read_districts().items() if key in known}


@cache
def _by_layer(path: str, column: str) -> dict[str, list[tuple[str, str]]]:
    """Load (feature, value) of a table of facts, by layer."""
    found: dict[str, list[tuple[str, str]]] = {}
    table = read_table(path)
    cells = (table[name].tolist() for name in ("layer", "feature", column))
    for layer, feature, value in zip(*cells, strict=True):
        found.setdefault(layer, []).append((feature, value))
    return found


@cache
def districts_of(name: str) -> dict[str, str]:
    """Load the district id of each feature of a layer, by feature id.

    Examples
    --------
    >>> districts_of("places")["nawabshah"]
    'shaheed-benazirabad'
    """
    return dict(_by_layer("feature_districts.csv", "district").get(name, ()))


@cache
def roles(name: str) -> dict[str, str]:
    """Load the first role of each feature of a layer that has one, by feature id.

    Examples
    --------
    >>> roles("places")["gwadar"]
    'terminus'
    """
    known = [fact for fact in _by_layer("roles.csv", "role").get(name, ()) if fact[1] in ROLES]
    return dict(sorted(known, key=lambda fact: -ROLES[fact[1]]))


@cache
def main_stations() -> frozenset[str]:
    """Load the ids of the main stations of towns that have several.

    Examples
    --------
    >>> "ml1-lahore-junction" in main_stations()
    True
    """
    known = _by_layer("roles.csv", "role")["stations"]
    return frozenset(feature for feature, role in known if role == "main station")


@cache
def openings() -> dict[str, str]:
    """Load the openings of sections and corridors whose own row has none, by id.

    Examples
    --------
    >>> openings()["kkh"]
    '1979'
    """
    table = read_table("openings.csv")
    return dict(zip(table["feature"], table["opened"].astype(str), strict=True))


@cache
def _names(name: str) -> dict[str, dict[str, str]]:
    """Load names of features in other languages, by language and feature id."""
    table, found = read_table("names.csv"), dict[str, dict[str, str]]()
    columns = (table[c] for c in ("layer", "lang", "feature", "known_as"))
    for layer, lang, feature, known in zip(*columns, strict=True):
        if layer == name:
            found.setdefault(lang, {})[feature] = known
    return found


def fold(name: str) -> str:
    """Strip a name, in any script, of case, accents, spaces and punctuation.

    Examples
    --------
    >>> fold("ML-1"), fold("Kēch"), fold("روہڑی جنکشن")
    ('ml1', 'kech', 'روہڑیجنکشن')
    """
    plain = name if name.isascii() else unicodedata.normalize("NFKD", name)
    return "".join(filter(str.isalnum, plain.casefold()))


NAME_TAGS = ("name:en", "name", "official_name:en", "alt_name:en", "alt_name", "old_name")
"""Tags of OpenStreetMap with the name of a district or province, best first."""
# Words for the kind of a unit, beside its name.
_CALLED = re.compile(r"\b(district|zila|province|division of)\b", re.IGNORECASE)

# Abbreviations in names of stations.
_SHORT = (("jn", "junction"), ("cantt", "cantonment"))
_STATION = ("junction", "cantonment", "city")


def station_name(name: str) -> str:
    """Fold the name of a station, with its last word written out.

    Examples
    --------
    >>> station_name("Lahore Jn."), station_name("Karachi Cantt")
    ('lahorejunction', 'karachicantonment')
    """
    key = fold(name)
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
    """Return the key that a name, as written by a person, means; `known` has their other names.

    An unknown name is refused, with similar ones; `what` is the kind of name, for messages.

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
    folded = fold(name)
    others: dict[str, str] = {}
    for key, names in known.items():
        if fold(key) == folded:
            return key
        for other in names:
            others.setdefault(fold(other), key)
    if folded and folded in others:
        return others[folded]
    listing = [*known, *(n for names in known.values() for n in names)]
    short = f"Known: {', '.join(known)}." if len(known) <= 60 else ""
    raise UnknownNameError(name, what, listing, short)


def match_units(frame: pd.DataFrame, tags: Iterable[Mapping[str, str]]) -> list[int | None]:
    """Match OpenStreetMap's units, by their tags, to the rows of a layer; return the row of each.

    Names in `NAME_TAGS` and ``name:ur`` are compared, without the word district or province. A row
    is matched once, to the first unit with its name; a row for several districts matches none.
    """
    rows: dict[str, int] = {}
    several = [isinstance(cell, str) and ";" in cell for cell in frame.get("districts", ())]
    for column in ("name", "name_ur", "aliases", "id"):
        for number, cell in enumerate(frame.get(column, ())):
            for text in cell.split(";") if isinstance(cell, str) else ():
                if not (several and several[number]):
                    rows.setdefault(fold(bare_name(text)), number)
    taken: set[int] = set()
    found: list[int | None] = []
    for each in tags:
        texts = [n for key in (*NAME_TAGS, "name:ur") for n in each.get(key, "").split(";")]
        hits = (rows.get(fold(bare_name(text))) for text in texts)
        row = next((hit for hit in hits if hit is not None and hit not in taken), None)
        found.append(row)
        taken |= set() if row is None else {row}
    return found


def bare_name(name: str) -> str:
    """Return the name of a district or province without the word for its kind.

    Examples
    --------
    >>> bare_name("Quetta District")
    'Quetta'
    """
    return _CALLED.sub("", name).strip()

"""What tables of facts say of a layer's features: district, role, rank, opening, remark."""

from __future__ import annotations

from functools import cache
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from cpecgeo.catalogue.files import read_table

__all__ = [
    "POINTS",
    "ROLES",
    "add_facts",
    "districts_of",
    "main_stations",
    "openings",
    "read_districts",
    "roles",
]

POINTS = (
    "stations",
    "waypoints",
    "interchanges",
    "crossings",
    "mines",
    "ports",
    "zones",
    "energy",
    "places",
)
"""Layers of points, each with district, role and rank."""

ROLES = {
    "terminus": 1,
    "capital": 1,
    "port": 2,
    "border": 3,
    "provincial capital": 4,
    "junction": 5,
}
"""Rank of what a place is for the corridor; what has no role ranks by its population."""

# Least population of a rank, after the roles; what is smaller or unknown comes after.
_BY_POPULATION = ((400_000, 6), (100_000, 7), (20_000, 8))
_SMALL = 9
_LAST = 10
"""Of villages called by a number, and of parts of a city."""


def add_facts(name: str, frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Add what the tables of facts say of the features of a layer.

    Parameters
    ----------
    name : str
        Of the layer.
    frame : GeoDataFrame
        With `id`; a new frame is returned.

    Returns
    -------
    GeoDataFrame
        Points get `district`, `province`, `province_iso`, `role` and `rank`; lines that have
        no date of opening get the one that is known; whatever has one gets its `remark`.

    Examples
    --------
    >>> from cpecgeo import layer
    >>> layer("mines").set_index("id").loc["reko-diq", ["district", "province"]].tolist()
    ['Chagai', 'Balochistan']
    """
    frame = frame.copy()
    if name in POINTS:
        frame = _located(name, frame)
        role = frame["id"].map(roles(name))
        frame["role"] = role.astype(object).where(role.notna(), None)
        frame["rank"] = _ranks(frame)
    elif name == "districts":
        frame["district"] = frame["name"]
    elif name == "provinces":
        frame["province"], frame["province_iso"] = frame["name"], frame["iso_3166_2"]
    elif name == "sections":
        known = frame["id"].map(openings())
        frame["opened"] = frame["opened"].where(frame["opened"].notna(), known)
    told = _remarks(name)
    if told:
        known = frame["id"].map(told)
        own = frame["remark"] if "remark" in frame else pd.Series(index=frame.index, dtype=object)
        frame["remark"] = own.where(own.notna(), known)
    return frame


def _located(name: str, frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Add the district and province of each point: a sourced fact, not a look at outlines."""
    codes = read_districts()
    rows = frame["id"].map(districts_of(name)).map(lambda i: codes.get(i) or {})
    stated = frame["province_iso"] if "province_iso" in frame else pd.Series(None, frame.index)
    names = {row["province_iso"]: row["province"] for row in codes.values()}
    iso = [row.get("province_iso") or known for row, known in zip(rows, stated, strict=True)]
    frame["district"] = [row.get("name") for row in rows]
    frame["province"] = [names.get(i) for i in iso]
    frame["province_iso"] = [None if pd.isna(i) else i for i in iso]
    return frame


def _ranks(frame: gpd.GeoDataFrame) -> Any:
    """Rank each point, 1 to 10: by role, else by population."""
    people = frame["population"] if "population" in frame else pd.Series(np.nan, frame.index)
    people = pd.to_numeric(people, errors="coerce").fillna(0).to_numpy(float)
    rank = np.full(len(frame), _SMALL)
    for least, value in reversed(_BY_POPULATION):
        rank[people >= least] = value
    rank[frame["kind"].isin(["village", "suburb"]).to_numpy()] = _LAST
    by_role = frame["role"].map(ROLES).to_numpy(float, na_value=np.inf)
    return np.minimum(rank, by_role).astype(int)


@cache
def read_districts() -> dict[str, dict[str, Any]]:
    """Load the districts of 2022, by id.

    Examples
    --------
    >>> read_districts()["shaheed-benazirabad"]["pcode"]
    'PK719'
    """
    return {row["id"]: row for row in read_table("district_codes.csv").to_dict("records")}


def _rows(path: str, name: str) -> pd.DataFrame:
    table = read_table(path)
    return table[table["layer"] == name]


@cache
def districts_of(name: str) -> dict[str, str]:
    """Load the district id of each feature of a layer, by feature id.

    Examples
    --------
    >>> districts_of("places")["nawabshah"]
    'shaheed-benazirabad'
    """
    rows = _rows("feature_districts.csv", name)
    return dict(zip(rows["feature"], rows["district"], strict=True))


@cache
def roles(name: str) -> dict[str, str]:
    """Load the first role of each feature of a layer that has one, by feature id.

    Examples
    --------
    >>> roles("places")["gwadar"]
    'terminus'
    """
    rows = _rows("roles.csv", name)
    rows = rows[rows["role"].isin(ROLES)]
    order = rows["role"].map(ROLES).sort_values(kind="stable", ascending=False).index
    return dict(zip(rows["feature"][order], rows["role"][order], strict=True))


@cache
def main_stations() -> frozenset[str]:
    """Load the ids of the main stations of towns that have several.

    Examples
    --------
    >>> "ml1-lahore-junction" in main_stations()
    True
    """
    rows = _rows("roles.csv", "stations")
    return frozenset(rows.loc[rows["role"] == "main station", "feature"])


@cache
def openings() -> dict[str, str]:
    """Load when sections and corridors were opened that don't say so themselves, by id.

    Examples
    --------
    >>> openings()["kkh"]
    '1979'
    """
    table = read_table("openings.csv")
    return dict(zip(table["feature"], table["opened"].astype(str), strict=True))


@cache
def _remarks(name: str) -> dict[str, str]:
    rows = _rows("remarks.csv", name)
    return dict(zip(rows["feature"], rows["remark"], strict=True))

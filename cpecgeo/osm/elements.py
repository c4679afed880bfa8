"""Ways of OpenStreetMap as arrays: from Overpass answers and from .osm.pbf and .osm files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from cpecgeo.errors import DataError, FileError, InputError, MissingExtraError
from cpecgeo.files.sniff import local

__all__ = ["Elements", "from_answers", "from_file", "matcher", "osmium_module"]

_TERM = re.compile(r'\["([^"]+)"(?:(=|!=|~|!~)"([^"]*)")?\]')


@dataclass(frozen=True, eq=False)
class Elements:
    """Ways with their tags, and the nodes they run through.

    Parameters
    ----------
    way_id : ndarray of int64, shape (ways,)
    tags : tuple of mappings, one per way
        Every tag, as mapped.
    first : ndarray of int64, shape (ways + 1,)
        Way w runs through ``ref[first[w]:first[w + 1]]``.
    ref : ndarray of int64
        Positions in `node_id`.
    node_id : ndarray of int64, shape (nodes,)
    xy : ndarray, shape (nodes, 2)
        lon, lat.
    clipped : tuple of int
        Ids of ways that lack nodes, as they do at the border of an extract. Such a way is broken
        where they are missing: each part with two nodes or more is a row, with the same id.
    """

    way_id: NDArray[np.int64]
    tags: tuple[Mapping[str, str], ...]
    first: NDArray[np.int64]
    ref: NDArray[np.int64]
    node_id: NDArray[np.int64]
    xy: NDArray[np.float64]
    clipped: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.way_id)

    def within(self, area: Any) -> Elements:
        """The whole ways that have a node, or cross, in an area."""
        shapely.prepare(area)
        inside = shapely.contains_xy(area, self.xy[:, 0], self.xy[:, 1])
        keep = np.zeros(len(self), bool)
        if len(self):
            keep = np.logical_or.reduceat(inside[self.ref], self.first[:-1])
        for way in np.flatnonzero(~keep):
            line = shapely.LineString(self.xy[self.ref[self.first[way] : self.first[way + 1]]])
            keep[way] = shapely.intersects(area, line)
        return self.chosen(np.flatnonzero(keep))

    def chosen(self, ways: NDArray[np.int64]) -> Elements:
        """Some ways, by position, with the nodes they need."""
        parts = [self.ref[self.first[w] : self.first[w + 1]] for w in ways]
        ref = np.concatenate(parts) if parts else np.empty(0, np.int64)
        nodes, position = np.unique(ref, return_inverse=True)
        return Elements(
            self.way_id[ways],
            tuple(self.tags[w] for w in ways),
            np.cumsum([0, *map(len, parts)]),
            position.astype(np.int64),
            self.node_id[nodes],
            self.xy[nodes],
            tuple(sorted(set(self.clipped) & set(self.way_id[ways].tolist()))),
        )


def matcher(filters: Iterable[str]) -> Callable[[Mapping[str, str]], bool]:
    """A test of tags that accepts what any of some Overpass way filters accepts.

    Parameters
    ----------
    filters : iterable of str
        Such as ``'["railway"="rail"]["service"!~"yard|siding"]'``: existence, ``=``, ``!=``,
        ``~``, ``!~``, as in Overpass QL.

    Examples
    --------
    >>> rails = matcher(['["railway"~"^(rail|narrow_gauge)$"]["service"!="yard"]'])
    >>> rails({"railway": "rail"}), rails({"railway": "rail", "service": "yard"})
    (True, False)
    """
    rules = []
    for text in filters:
        terms = _TERM.findall(text)
        if not terms or "".join(_written(*t) for t in terms) != text:
            raise InputError(
                f'{text!r} is no way filter; write terms such as ["highway"="trunk"] or '
                '["ref"~"N-35"], one after the other.'
            )
        rules.append([(key, operator, value, re.compile(value)) for key, operator, value in terms])
    return lambda tags: any(all(_holds(tags, *term) for term in rule) for rule in rules)


def _written(key: str, operator: str, value: str) -> str:
    return f'["{key}"{operator}"{value}"]' if operator else f'["{key}"]'


def _holds(
    tags: Mapping[str, str], key: str, operator: str, value: str, pattern: re.Pattern[str]
) -> bool:
    has = tags.get(key)
    if operator == "":
        return has is not None
    if operator in {"=", "!="}:
        return (has == value) is (operator == "=")
    return (has is not None and pattern.search(has) is not None) is (operator == "~")


def _packed(
    ways: Mapping[int, tuple[Mapping[str, str], list[int]]],
    node_id: NDArray[np.int64],
    xy: NDArray[np.float64],
) -> Elements:
    """Pack ways by id and nodes in ascending order of id; ways break where nodes are missing."""
    ids, tags, refs, clipped = [], [], [], []
    for way in sorted(ways):
        had, nodes = ways[way]
        ref = np.asarray(nodes, np.int64)
        at = np.minimum(np.searchsorted(node_id, ref), max(len(node_id) - 1, 0))
        known = node_id[at] == ref if len(node_id) else np.zeros(len(ref), bool)
        if not known.all():
            clipped.append(way)
        # A chord across missing nodes would be a road that isn't there, and shorter than the road.
        for run in np.split(np.arange(len(ref)), np.flatnonzero(np.diff(known)) + 1):
            if len(run) > 1 and known[run[0]]:
                ids.append(way)
                tags.append(had)
                refs.append(at[run])
    return Elements(
        np.asarray(ids, np.int64),
        tuple(tags),
        np.cumsum([0, *map(len, refs)]),
        np.concatenate(refs) if refs else np.empty(0, np.int64),
        node_id,
        xy,
        tuple(clipped),
    )


def from_answers(answers: Iterable[Mapping[str, Any]]) -> Elements:
    """The ways of Overpass answers, each once.

    Parameters
    ----------
    answers : iterable of dict
        Parsed JSON with `elements`.

    Raises
    ------
    DataError
        An answer lacks what a way or node must have.
    """
    ways: dict[int, tuple[Mapping[str, str], list[int]]] = {}
    nodes: dict[int, tuple[float, float]] = {}
    try:
        for answer in answers:
            for element in answer["elements"]:
                if element["type"] == "node":
                    nodes[element["id"]] = (element["lon"], element["lat"])
                elif element["type"] == "way":
                    ways[element["id"]] = (element.get("tags", {}), element["nodes"])
    except (KeyError, TypeError) as error:
        raise DataError(f"An Overpass answer lacks {error}; ask again with refresh.") from error
    ids = np.array(sorted(nodes), np.int64)
    return _packed(ways, ids, np.array([nodes[i] for i in ids.tolist()], float).reshape(-1, 2))


def osmium_module() -> Any:
    """pyosmium, or an error that names the extra."""
    try:
        import osmium
    except ImportError as error:
        raise MissingExtraError(
            "Reading .osm.pbf and .osm files needs pyosmium: pip install 'cpecgeo[osm]'."
        ) from error
    return osmium


def from_file(path: str | Path, filters: Iterable[str]) -> tuple[Elements, str | None]:
    """The ways of a file that some filters accept, and the date of the snapshot.

    Parameters
    ----------
    path : path
        ``.osm.pbf``, ``.osm``, ``.osm.bz2`` …: whatever pyosmium reads.
    filters : iterable of str
        Way filters, as for `matcher`.

    Returns
    -------
    elements : Elements
        All of the file; see `Elements.within`.
    snapshot : str or None
        The replication timestamp in the file's header, where it has one.

    Raises
    ------
    FileError
        No such file, or it can't be read as OpenStreetMap data.
    MissingExtraError
    """
    osmium = osmium_module()
    path, filters = local(path, "file"), list(filters)
    accepts = matcher(filters)
    # Most ways lack the first key of every filter; pyosmium drops them without calling Python.
    keys = sorted({_TERM.findall(f)[0][0] for f in filters if _TERM.findall(f)[0][1] != "!~"})
    if not path.is_file():
        raise FileError(f"There is no file {path}; name an .osm.pbf or .osm file.")
    ways: dict[int, tuple[Mapping[str, str], list[int]]] = {}
    there = str(path.resolve())  # never an address, which osmium would fetch
    try:
        reader = osmium.FileProcessor(there, osmium.osm.WAY)
        for way in reader.with_filter(osmium.filter.KeyFilter(*keys)):
            tags = {t.k: t.v for t in way.tags}
            if accepts(tags):
                ways[way.id] = (tags, [n.ref for n in way.nodes])
        wanted = {n for _, nodes in ways.values() for n in nodes}
        ids, xy = [], []
        reader = osmium.FileProcessor(there, osmium.osm.NODE)
        for node in reader.with_filter(osmium.filter.IdFilter(wanted)) if wanted else ():
            if node.location.valid():
                ids.append(node.id)
                xy.append((node.lon, node.lat))
        header = reader.header
        stamp = header.get("osmosis_replication_timestamp") or header.get("timestamp")
    except RuntimeError as error:
        raise FileError(f"{path} can't be read as OpenStreetMap data: {error}.") from error
    order = np.argsort(np.asarray(ids, np.int64), kind="stable")
    node_id = np.asarray(ids, np.int64)[order]
    return _packed(ways, node_id, np.asarray(xy, float).reshape(-1, 2)[order]), stamp or None

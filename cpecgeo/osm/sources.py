"""Sources of ways and boundaries: a file, read in one pass, or Overpass."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from warnings import warn

import numpy as np
import shapely

from cpecgeo.errors import DataWarning, FileError, MissingExtraError
from cpecgeo.files.disk import local
from cpecgeo.osm.elements import Elements, from_answers, pack
from cpecgeo.osm.overpass import Overpass, Reply
from cpecgeo.osm.tags import Tags, first_keys, matcher

__all__ = [
    "Boundary",
    "Extract",
    "acquire",
    "osmium_module",
    "read_extract",
    "record_answers",
    "record_extract",
    "warn_clipped",
]

_AT_ONCE = 100_000  # ways in memory before those outside the area are dropped
_CREDIT = "© OpenStreetMap contributors, ODbL 1.0, https://www.openstreetmap.org/copyright"
_SHARED = {"licence": "ODbL-1.0", "credit": _CREDIT}


def osmium_module() -> Any:
    """Return pyosmium, or raise an error that names the extra."""
    try:
        import osmium
    except ImportError as error:
        raise MissingExtraError(
            "Reading .osm.pbf and .osm files needs pyosmium: pip install 'cpecgeo[osm]'."
        ) from error
    return osmium


@dataclass(frozen=True, eq=False)
class Boundary:
    """An administrative boundary relation with its area.

    Attributes
    ----------
    relation : int
    tags : mapping
    geometry : MultiPolygon or None
        lon, lat; None where its ways are incomplete or don't close.
    """

    relation: int
    tags: Tags
    geometry: shapely.MultiPolygon | None


@dataclass(frozen=True, eq=False)
class Extract:
    """Ways and boundaries read from a file in one pass.

    Attributes
    ----------
    ways : Elements
    boundaries : tuple of Boundary
    snapshot : str or None
        The replication timestamp in the file's header, where it has one.
    name, sha256 : str
        Name and hash of the file.
    """

    ways: Elements
    boundaries: tuple[Boundary, ...]
    snapshot: str | None
    name: str
    sha256: str


def read_extract(
    path: str | Path,
    filters: Iterable[str] = (),
    *,
    area: shapely.Geometry | None = None,
    levels: Iterable[str] = (),
) -> Extract:
    """Read ways and administrative boundaries from a file, in one pass.

    Way filters are those of `matcher`; the ways in the area are kept. Of relations with one of the
    levels (`admin_level`) pyosmium assembles the areas.
    """
    osmium = osmium_module()
    path, filters, levels = local(path, "file"), list(filters), set(levels)
    if not path.is_file():
        raise FileError(f"There is no file {path}; name an .osm.pbf or .osm file.")
    accepts = matcher(filters)
    # A local file only, because osmium would download an address.
    reader = osmium.FileProcessor(str(path.resolve())).with_locations()
    if levels:
        reader = reader.with_areas(osmium.filter.TagFilter(("boundary", "administrative")))
    # pyosmium drops ways without these keys, which are most, without calling Python.
    keys = first_keys(filters) + (["boundary"] if levels else [])
    batch = _Batch(area)
    relations: dict[int, Tags] = {}
    areas: dict[int, Any] = {}
    try:
        writer = osmium.geom.WKBFactory()
        for thing in reader.with_filter(osmium.filter.KeyFilter(*keys)) if keys else ():
            if thing.is_way():
                tags = {t.k: t.v for t in thing.tags}
                if accepts(tags):
                    batch.add(thing, tags)
            elif thing.tags.get("admin_level") not in levels:
                continue
            elif thing.is_relation():
                relations[thing.id] = {t.k: t.v for t in thing.tags}
            elif thing.is_area() and not thing.from_way():
                areas[thing.orig_id()] = shapely.from_wkb(writer.create_multipolygon(thing))
        header = reader.header
        date = header.get("osmosis_replication_timestamp") or header.get("timestamp")
    except RuntimeError as error:
        raise FileError(f"{path} can't be read as OpenStreetMap data: {error}.") from error
    found = (Boundary(i, tags, areas.get(i)) for i, tags in sorted(relations.items()))
    named = (b for b in found if b.tags.get("boundary") == "administrative")
    with path.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    return Extract(batch.finish(), tuple(named), date or None, path.name, digest)


class _Batch:
    """Collects ways and nodes while reading; drops those outside the area from time to time."""

    def __init__(self, area: shapely.Geometry | None) -> None:
        self._area = area
        self._kept: list[Elements] = []
        self._ways: dict[int, tuple[Tags, list[int]]] = {}
        self._nodes: dict[int, tuple[float, float]] = {}

    def add(self, way: Any, tags: Tags) -> None:
        """Add pyosmium's current way."""
        self._ways[way.id] = (tags, [n.ref for n in way.nodes])
        self._nodes.update(
            {n.ref: (n.location.lon, n.location.lat) for n in way.nodes if n.location.valid()}
        )
        if len(self._ways) >= _AT_ONCE:
            self._pack()

    def _pack(self) -> None:
        ids = np.array(sorted(self._nodes), np.int64)
        xy = np.array([self._nodes[i] for i in ids.tolist()], float).reshape(-1, 2)
        ways = pack(self._ways, ids, xy)
        self._kept.append(ways if self._area is None else ways.within(self._area))
        self._ways, self._nodes = {}, {}

    def finish(self) -> Elements:
        """Return all collected ways."""
        self._pack()
        return _join(self._kept)


def _join(parts: Sequence[Elements]) -> Elements:
    """Join batches of ways; shared nodes are merged."""
    if len(parts) == 1:
        return parts[0]
    node_id, first = np.unique(np.concatenate([p.node_id for p in parts]), return_index=True)
    refs = [np.searchsorted(node_id, p.node_id)[p.ref] for p in parts]
    return Elements(
        np.concatenate([p.way_id for p in parts]),
        tuple(t for p in parts for t in p.tags),
        np.cumsum([0, *np.concatenate([np.diff(p.first) for p in parts])]),
        np.concatenate(refs).astype(np.int64),
        node_id,
        np.vstack([p.xy for p in parts])[first],
        tuple(i for p in parts for i in p.clipped),
    )


def record_extract(extract: Extract, filters: Iterable[str]) -> dict[str, Any]:
    """Return the provenance record of ways from a file."""
    return {
        "origin": extract.name,
        "origin_sha256": extract.sha256,
        "snapshot": extract.snapshot,
        "snapshot_latest": extract.snapshot,
        "retrieved": None,
        "queries": list(filters),
    } | _SHARED


def acquire(
    requests: Iterable[tuple[Any, tuple[str, ...]]],
    *,
    file: str | Path | None,
    overpass: Overpass | None,
    progress: Callable[[int, int], object] | None = None,
) -> tuple[Elements, dict[str, Any]]:
    """Load the ways in some areas that the filters of the area accept, and their record.

    The area None, from a file only, means all of it; options are those of `cpecgeo.osm.graph`. The
    record has `origin snapshot retrieved queries ways_clipped licence credit`.
    """
    areas = list(requests)
    if file is not None:
        filters = tuple(dict.fromkeys(f for _, some in areas for f in some))
        shapes = [a for a, _ in areas]
        area = None if any(a is None for a in shapes) else shapely.union_all(shapes)
        extract = read_extract(file, filters, area=area)
        clipped = {"ways_clipped": len(extract.ways.clipped)}
        return warn_clipped(extract.ways), record_extract(extract, filters) | clipped
    server = overpass or Overpass()
    answers = []
    for n, (area, filters) in enumerate(areas):
        answers += server.ask(area, filters)
        if progress:
            progress(n + 1, len(areas))
    ways = warn_clipped(from_answers(a.content for a in answers))
    return ways, record_answers(answers) | {"ways_clipped": len(ways.clipped)}


def record_answers(answers: Sequence[Reply]) -> dict[str, Any]:
    """Return the provenance record of ways from Overpass."""
    dates = sorted({a.snapshot for a in answers if a.snapshot})
    return {
        "origin": ", ".join(sorted({a.endpoint for a in answers})),
        "snapshot": dates[0] if dates else None,
        "snapshot_latest": dates[-1] if dates else None,
        "retrieved": max(a.retrieved for a in answers),
        "queries": [a.query for a in answers],
    } | _SHARED


def warn_clipped(ways: Elements) -> Elements:
    """Warn of ways that were split because nodes are missing; return all ways."""
    if ways.clipped:
        warn(
            f"{len(ways.clipped)} ways lack nodes, as at the border of an extract, and end where "
            f"these are missing (way {ways.clipped[0]} is one). Take an extract of complete ways, "
            "or a larger one.",
            DataWarning,
            stacklevel=4,
        )
    return ways

"""`refresh`, `refresh_all`: better lines and outlines from OpenStreetMap, in the user's cache."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack, overload

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from cpecgeo.catalogue import corridor_rows, data_version, fold, layer
from cpecgeo.catalogue.facts import NAME_TAGS, match_units
from cpecgeo.catalogue.files import stored_path, using, write_checked
from cpecgeo.catalogue.lines import corridor_id
from cpecgeo.errors import CpecgeoError, DataError, FileError, NetworkError, UnknownNameError
from cpecgeo.geodesy import area_km2
from cpecgeo.osm.lines import Plan, Refreshed, deviation, plan, store_line
from cpecgeo.osm.overpass import Overpass, Reply
from cpecgeo.osm.sources import (
    Boundary,
    Extract,
    acquire,
    osmium_module,
    read_extract,
    record_answers,
    record_extract,
    warn_clipped,
)
from cpecgeo.osm.tags import matcher

__all__ = ["LEVELS", "Outlines", "refresh", "refresh_all"]

Progress = Callable[[int, int], object]

LEVELS: Mapping[str, str] = {"provinces": "4", "districts": "6"}
"""The `admin_level` that each layer has in Pakistan: an assumption, for no source is at hand.
Where nothing of that level is whole, nothing is stored."""

_CELL_DEG = 5.0
_BESIDE_DEG = 0.1  # a unit whose middle is closer to Pakistan's bundled units belongs to Pakistan


@dataclass(frozen=True, eq=False)
class Outlines:
    """Refreshed outlines, and their difference from the bundled ones.

    Attributes
    ----------
    layer : str
    frame : GeoDataFrame
        The layer in OpenStreetMap's geometry.
    record : mapping
        `snapshot`, `retrieved`, `origin`, `queries`, `licence`, `credit` ….
    incomplete : tuple of str
        Units with ways that are missing, as in a clipped extract, or don't close.
    bundled : tuple of str
        Ids of rows that keep their bundled outline.
    """

    layer: str
    frame: gpd.GeoDataFrame
    record: Mapping[str, Any]
    incomplete: tuple[str, ...]
    bundled: tuple[str, ...]

    @property
    def overlap(self) -> Any:
        """Intersection over union of the old and new outline, by id."""
        with using(geometry="bundled"):
            old = layer(self.layer).geometry
        new = self.frame.geometry
        new = new[new.index.isin(old.index) & ~new.index.isin(self.bundled)]
        old = old.loc[new.index]
        shared = area_km2(old.make_valid().intersection(new.make_valid(), align=True))
        return shared / (area_km2(old) + area_km2(new) - shared)

    def _repr_html_(self) -> str:
        return (
            f"<div><strong>{escape(self.layer)}</strong>, OpenStreetMap "
            f"{self.record['snapshot'] or 'of unknown date'}: "
            f"{len(self.frame) - len(self.bundled)} outlines, {len(self.bundled)} stay as bundled, "
            f"{len(self.incomplete)} incomplete; {escape(str(self.record['credit']))}</div>"
        )


def _refresh_outlines(
    name: str,
    file: str | Path | None,
    overpass: Overpass | None,
    progress: Progress | None,
) -> Outlines:
    """Refresh a layer of outlines."""
    level = LEVELS[name]
    if file is not None:
        extract = read_extract(file, levels=[level])
        record = record_extract(extract, [f"admin_level={level}"])
        return _store_outlines(name, extract.boundaries, record)
    server, cells, answers = overpass or Overpass(), _cells(), []
    for n, cell in enumerate(cells):
        answers.append(server.ask_boundaries(cell, level))
        if progress:
            progress(n + 1, len(cells))
    return _store_outlines(name, _assemble(answers, level), record_answers(answers))


def _cells() -> list[shapely.Polygon]:
    """Return the area of Pakistan in cells small enough for one request each."""
    with using(geometry="bundled"):
        whole = shapely.union_all(layer("provinces").geometry.to_numpy())
    west, south, east, north = whole.bounds
    return [
        shapely.box(x, y, x + _CELL_DEG, y + _CELL_DEG)
        for y in np.arange(south, north, _CELL_DEG)
        for x in np.arange(west, east, _CELL_DEG)
        if whole.intersects(shapely.box(x, y, x + _CELL_DEG, y + _CELL_DEG))
    ]


def _assemble(answers: Iterable[Reply], level: str) -> tuple[Boundary, ...]:
    """Return the boundaries of Overpass answers; pyosmium assembles their areas."""
    osmium = osmium_module()
    elements: dict[tuple[str, int], Mapping[str, Any]] = {}
    for answer in answers:
        elements |= {(e["type"], e["id"]): e for e in answer.content["elements"]}
    short = {"node": "n", "way": "w", "relation": "r"}
    with tempfile.TemporaryDirectory(prefix="cpecgeo-") as folder:
        path = Path(folder) / "boundaries.osm"
        # pyosmium needs nodes, then ways, then relations, each by ascending id.
        order = sorted(elements, key=lambda key: (list(short).index(key[0]), key[1]))
        try:
            with osmium.SimpleWriter(str(path)) as writer:
                for kind, number in order:
                    e = elements[kind, number]
                    thing = {"id": number, "tags": e.get("tags", {})}
                    if kind == "node":
                        thing["location"] = (e["lon"], e["lat"])
                        writer.add_node(osmium.osm.mutable.Node(**thing))
                    elif kind == "way":
                        writer.add_way(osmium.osm.mutable.Way(nodes=e["nodes"], **thing))
                    else:
                        members = [(short[m["type"]], m["ref"], m["role"]) for m in e["members"]]
                        writer.add_relation(osmium.osm.mutable.Relation(members=members, **thing))
        except KeyError as error:
            raise DataError(f"An Overpass answer lacks {error}; refresh again.") from error
        return read_extract(path, levels=[level]).boundaries


def _store_outlines(
    name: str, boundaries: Sequence[Boundary], record: Mapping[str, Any]
) -> Outlines:
    """Store a layer's boundaries that lie in Pakistan; nothing is stored where none is complete."""
    level = [b for b in boundaries if b.tags.get("admin_level") == LEVELS[name]]
    whole = [b for b in level if b.geometry is not None]
    with using(geometry="bundled"):
        frame = layer(name)
    around = shapely.union_all(frame.geometry.to_numpy()).buffer(_BESIDE_DEG)
    shapely.prepare(around)
    # An extract may have units of the same level in neighbouring countries.
    inside = [b for b in whole if around.contains(shapely.point_on_surface(b.geometry))]
    if not inside:
        raise DataError(
            f"OpenStreetMap has no whole {name} there (admin_level {LEVELS[name]}): {len(level)} "
            "relations of that level, all clipped or abroad. The outlines stay as they are; take "
            "an extract of the whole country."
        )
    names = [_name(b) for b in level if b.geometry is None]
    matched = match_units(frame, [b.tags for b in inside])
    units = [
        {
            "relation": b.relation,
            "tags": dict(b.tags),
            "geometry": shapely.to_wkb(b.geometry, hex=True),
        }
        for b in inside
    ]
    full = {
        **record,
        "layer": name,
        "data_version": data_version(),
        "units": len(units),
        "incomplete": names,
        "unmatched": [_name(b) for b, row in zip(inside, matched, strict=True) if row is None],
    }
    path = stored_path("outlines", name)
    write_checked(path, full, json.dumps({"units": units}, ensure_ascii=False).encode())
    with using(geometry="osm"):
        new = layer(name)
    return Outlines(name, new, full, tuple(names), tuple(new.attrs["bundled"]))


def _name(boundary: Boundary) -> str:
    tags = boundary.tags
    return next((tags[k] for k in NAME_TAGS if tags.get(k)), str(boundary.relation))


class _How(TypedDict, total=False):
    """The options of `refresh`."""

    buffer_km: float | None
    file: str | Path | None
    overpass: Overpass | None
    progress: Progress | None


@overload
def refresh(  # type: ignore[overload-overlap]
    name: Literal["districts", "provinces"], **how: Unpack[_How]
) -> Outlines: ...


@overload
def refresh(name: str, **how: Unpack[_How]) -> Refreshed: ...


def refresh(
    name: str,
    *,
    buffer_km: float | None = None,
    file: str | Path | None = None,
    overpass: Overpass | None = None,
    progress: Progress | None = None,
) -> Refreshed | Outlines:
    """Replace a drawn line, or a layer of outlines, by OpenStreetMap's; store it in the cache.

    Parameters
    ----------
    name : str
        A corridor, as for `cpecgeo.corridor`; or ``"districts"`` or ``"provinces"``, which become
        the administrative boundaries of levels 6 and 4.
    buffer_km : float, optional
        Greatest geodesic distance of the track from the drawn line. When omitted, twice the
        `accuracy_km` of each section plus 1 km, at least 2 and at most 25 km.
    file : path, optional
        An ``.osm.pbf`` or ``.osm`` extract to take the ways from; nothing is downloaded.
    overpass : Overpass, optional
        How to ask; the defaults when omitted.
    progress : callable, optional
        Called with the number of requests done and of all requests.

    Returns
    -------
    Refreshed or Outlines
        The new corridor, with the ways used and the stretches that stay schematic, or the new
        outlines. From then on ``corridor(name, geometry="osm")`` returns it, and everything within
        ``using(geometry="osm")`` uses it.

    Raises
    ------
    NetworkError
        Overpass gave no complete answer; an earlier stored line is kept.
    DataError
        No part of the corridor could be matched to track; an earlier stored line is kept.
    UnknownNameError, InputError, FileError, MissingExtraError

    Notes
    -----
    Railways are found by `railway`, numbered roads by `ref` with the main roads between their
    parts, other roads by class. The line runs from stop to stop on mapped track. Where there is no
    track, or only a long detour, the drawn line is kept and recorded as a gap. Km posts and the
    ends of sections keep their chainage; between them chainage follows the new line.

    Outlines are relations with ``boundary=administrative``, whose areas pyosmium assembles. A unit
    with the name of one in the layer keeps its id and facts.
    """
    if fold(name) in LEVELS:
        return _refresh_outlines(fold(name), file, overpass, progress)
    planned = plan(name, buffer_km)
    ways, record = acquire(planned.requests, file=file, overpass=overpass, progress=progress)
    return store_line(planned, ways, record)


def refresh_all(
    names: Iterable[str] | None = None,
    *,
    file: str | Path | None = None,
    overpass: Overpass | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Refresh every corridor and the outlines, in one pass over a file or through Overpass.

    Parameters
    ----------
    names : iterable of str, optional
        Corridors, ``"districts"``, ``"provinces"``; all of them when omitted.
    file : path, optional
        An ``.osm.pbf`` or ``.osm`` extract of the country. It is read once.
    overpass : Overpass, optional
        Settings of requests, where no file is given.
    progress : callable, optional
        Called with the number of names done and of all names.

    Returns
    -------
    DataFrame
        Indexed by name: `outcome` (``refreshed``, or the reason why not), `old_km`, `new_km`,
        `ratio` of new to old length, `mean_deviation_km`, `p95_deviation_km`, `max_deviation_km`,
        `gaps`, `gap_km`, `units` (of outlines), `overlap` (mean share of old and new outlines),
        `snapshot`.

    Raises
    ------
    NetworkError
        Overpass gave no complete answer. Names refreshed so far and cached answers are kept, so a
        second call continues where this one stopped.
    UnknownNameError, FileError, MissingExtraError

    Notes
    -----
    A name that can't be refreshed, for instance because the file lacks the roads of China, is left
    as it is, and its row has the reason; the others are refreshed.
    """
    chosen = [*corridor_rows(), *LEVELS] if names is None else [_resolve(n) for n in names]
    chosen = list(dict.fromkeys(chosen))
    run = _from_file(chosen, file) if file else lambda name: refresh(name, overpass=overpass)
    rows = []
    for done, name in enumerate(chosen):
        try:
            rows.append({"name": name} | _compare(run(name)))
        except NetworkError as error:
            raise NetworkError(
                f"{error} {done} of {len(chosen)} are refreshed; call again to go on."
            ) from error
        except (FileError, UnknownNameError):
            raise
        except CpecgeoError as error:
            rows.append({"name": name, "outcome": str(error)})
        if progress:
            progress(done + 1, len(chosen))
    frame = pd.DataFrame(rows, columns=["name", *_GAINED]).set_index("name")
    numbers = [c for c in _GAINED if c not in {"outcome", "snapshot"}]
    return frame.astype(dict.fromkeys(numbers, float))


_GAINED = (
    "outcome", "old_km", "new_km", "ratio", "mean_deviation_km", "p95_deviation_km",
    "max_deviation_km", "gaps", "gap_km", "units", "overlap", "snapshot",
)  # fmt: skip


def _resolve(name: str) -> str:
    if fold(name) in LEVELS:
        return fold(name)
    try:
        return corridor_id(name)
    except UnknownNameError as error:
        known = [*corridor_rows(), *LEVELS]
        raise UnknownNameError(name, "corridor or layer of outlines", known) from error


def _compare(new: Refreshed | Outlines) -> dict[str, Any]:
    """Return the changes of a refreshed line or layer, as a row."""
    row: dict[str, Any] = {"outcome": "refreshed", "snapshot": new.record["snapshot"]}
    if isinstance(new, Outlines):
        units = len(new.frame) - len(new.bundled)
        return row | {"units": units, "overlap": float(new.overlap.mean())}
    about = deviation(new.corridor.name).summary
    return row | {
        **{key: about[key] for key in _GAINED if key in about},
        "ratio": about["new_km"] / about["old_km"],
        "gaps": len(new.gaps),
        "gap_km": new.record["gap_km"],
    }


def _from_file(chosen: list[str], file: str | Path) -> Callable[[str], Refreshed | Outlines]:
    """Read a file once, and return a function that refreshes one name from it."""
    plans = {name: plan(name) for name in chosen if name not in LEVELS}
    requests = [request for each in plans.values() for request in each.requests]
    filters = tuple(dict.fromkeys(f for _, some in requests for f in some))
    area = shapely.union_all([a for a, _ in requests]) if requests else None
    levels = [LEVELS[name] for name in chosen if name in LEVELS]
    extract = read_extract(file, filters, area=area, levels=levels)
    warn_clipped(extract.ways)

    def run(name: str) -> Refreshed | Outlines:
        if name in LEVELS:
            record = record_extract(extract, [f"admin_level={LEVELS[name]}"])
            return _store_outlines(name, extract.boundaries, record)
        return _line(plans[name], extract)

    return run


def _line(each: Plan, extract: Extract) -> Refreshed:
    """Refresh one corridor from the ways that were read for all."""
    filters = tuple(dict.fromkeys(f for _, some in each.requests for f in some))
    own = np.flatnonzero(list(map(matcher(filters), extract.ways.tags)))
    ways = extract.ways.select(own).within(shapely.union_all([a for a, _ in each.requests]))
    record = record_extract(extract, filters) | {"ways_clipped": len(ways.clipped)}
    return store_line(each, ways, record)

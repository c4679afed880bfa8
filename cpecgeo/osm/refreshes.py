"""`refresh`: better lines and outlines from OpenStreetMap, one or all, into the user's cache."""

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
from cpecgeo.catalogue.files import stored_path, write_checked
from cpecgeo.catalogue.geometry import using
from cpecgeo.catalogue.lines import corridor_id
from cpecgeo.catalogue.outlines import NAME_TAGS, match_units
from cpecgeo.errors import CpecgeoError, DataError, FileError, NetworkError, UnknownNameError
from cpecgeo.features.corridors import Refreshed
from cpecgeo.geodesy import area_km2
from cpecgeo.osm.lines import Plan, deviation, plan, refresh_line, store_line
from cpecgeo.osm.overpass import Answer, Overpass
from cpecgeo.osm.sources import (
    Boundary,
    Extract,
    osmium_module,
    read_extract,
    record_answers,
    record_extract,
    remark,
)
from cpecgeo.osm.tags import matcher

__all__ = ["LEVELS", "Outlines", "refresh", "refresh_all"]

Progress = Callable[[int, int], object]

LEVELS: Mapping[str, str] = {"provinces": "4", "districts": "6"}
"""The `admin_level` that each layer has in Pakistan: an assumption, for no source is at hand.
Where nothing of that level is whole, nothing is stored."""

_CELL_DEG = 5.0
_BESIDE_DEG = 0.1  # a unit whose middle is so near to Pakistan's bundled units is one of them


@dataclass(frozen=True, eq=False)
class Outlines:
    """Outlines that were refreshed, and how they differ from the bundled ones.

    Attributes
    ----------
    layer : str
    frame : GeoDataFrame
        The layer as it is in OpenStreetMap's geometry.
    record : mapping
        `snapshot`, `retrieved`, `origin`, `queries`, `licence`, `credit` ….
    incomplete : tuple of str
        Units whose ways are missing, as in a clipped extract, or don't close.
    bundled : tuple of str
        Ids of rows that stay as they ship with the package.
    """

    layer: str
    frame: gpd.GeoDataFrame
    record: Mapping[str, Any]
    incomplete: tuple[str, ...]
    bundled: tuple[str, ...]

    @property
    def overlap(self) -> Any:
        """By id: the area that old and new outline share, as a part of what either covers."""
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
    manner, cells, answers = overpass or Overpass(), _cells(), []
    for n, cell in enumerate(cells):
        answers.append(manner.ask_boundaries(cell, level))
        if progress:
            progress(n + 1, len(cells))
    return _store_outlines(name, _assemble(answers, level), record_answers(answers))


def _cells() -> list[shapely.Polygon]:
    """Return Pakistan in cells small enough for one request each."""
    with using(geometry="bundled"):
        whole = shapely.union_all(layer("provinces").geometry.to_numpy())
    west, south, east, north = whole.bounds
    return [
        shapely.box(x, y, x + _CELL_DEG, y + _CELL_DEG)
        for y in np.arange(south, north, _CELL_DEG)
        for x in np.arange(west, east, _CELL_DEG)
        if whole.intersects(shapely.box(x, y, x + _CELL_DEG, y + _CELL_DEG))
    ]


def _assemble(answers: Iterable[Answer], level: str) -> tuple[Boundary, ...]:
    """Return the boundaries of Overpass answers; pyosmium assembles their areas."""
    osmium = osmium_module()
    elements: dict[tuple[str, int], Mapping[str, Any]] = {}
    for answer in answers:
        elements |= {(e["type"], e["id"]): e for e in answer.content["elements"]}
    short = {"node": "n", "way": "w", "relation": "r"}
    with tempfile.TemporaryDirectory(prefix="cpecgeo-") as folder:
        path = Path(folder) / "boundaries.osm"
        # pyosmium wants nodes before ways before relations, each by ascending id.
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
    """Store the boundaries of a layer that lie in Pakistan; where none is whole, nothing."""
    level = [b for b in boundaries if b.tags.get("admin_level") == LEVELS[name]]
    whole = [b for b in level if b.geometry is not None]
    with using(geometry="bundled"):
        frame = layer(name)
    around = shapely.union_all(frame.geometry.to_numpy()).buffer(_BESIDE_DEG)
    shapely.prepare(around)
    # Of neighbouring countries there are units of the same level in an extract.
    inside = [b for b in whole if around.contains(shapely.point_on_surface(b.geometry))]
    if not inside:
        raise DataError(
            f"OpenStreetMap has no whole {name} there (admin_level {LEVELS[name]}): {len(level)} "
            "relations of that level, all clipped or abroad. The outlines stay as they are; take "
            "an extract of the whole country."
        )
    names = [_name(b) for b in level if b.geometry is None]
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
        "unmatched": [
            _name(b)
            for b, row in zip(inside, match_units(frame, [b.tags for b in inside]), strict=True)
            if row is None
        ],
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
    """What `refresh` is given besides a name."""

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
    """Replace a drawn line, or a layer of outlines, by OpenStreetMap's, in the user's cache.

    Parameters
    ----------
    name : str
        A corridor, as for `cpecgeo.corridor`; or ``"districts"`` or ``"provinces"``, which
        become the administrative boundaries of level 6 and 4.
    buffer_km : float, optional
        How far from the drawn line to look, geodesic. By section when omitted: twice its
        `accuracy_km` and 1 km more, within 2 and 25 km.
    file : path, optional
        An ``.osm.pbf`` or ``.osm`` extract to take the ways from; nothing is downloaded.
    overpass : Overpass, optional
        How to ask; the defaults when omitted.
    progress : callable, optional
        Called with requests done and requests in all.

    Returns
    -------
    Refreshed or Outlines
        The new corridor, with what was used and what stayed schematic, or the new outlines.
        From then on ``corridor(name, geometry="osm")`` gives it, and so does all inside of
        ``using(geometry="osm")``.

    Raises
    ------
    NetworkError
        Overpass gave no whole answer; what was stored before stays.
    DataError
        No part of the corridor could be matched to track; likewise.
    UnknownNameError, InputError, FileError, MissingExtraError

    Notes
    -----
    Rails are found by `railway`, numbered roads by `ref` with the main roads between their
    parts, other roads by class. The line runs from stop to stop on mapped track; where there
    is none, or only a long detour, the drawn line stays and is recorded as a gap. Km posts and
    the ends of sections keep their chainage; between them it follows the new line.

    Outlines are relations with ``boundary=administrative``, whose areas pyosmium assembles. A
    unit that the layer has by that name keeps its id and facts.
    """
    if fold(name) in LEVELS:
        return _refresh_outlines(fold(name), file, overpass, progress)
    return refresh_line(name, buffer_km=buffer_km, file=file, overpass=overpass, progress=progress)


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
        How to ask, where no file is given.
    progress : callable, optional
        Called with how many names are done and how many there are.

    Returns
    -------
    DataFrame
        On the name: `outcome` (``refreshed``, or why not), `old_km`, `new_km`, `ratio` of new
        to old length, `mean_deviation_km`, `p95_deviation_km`, `max_deviation_km`, `gaps`,
        `gap_km`, `units` (of outlines), `overlap` (mean share of old and new outlines),
        `snapshot`.

    Raises
    ------
    NetworkError
        Overpass gave no whole answer. What was refreshed before stays, and so do the answers:
        call again, and it goes on where it stopped.
    UnknownNameError, FileError, MissingExtraError

    Notes
    -----
    What can't be refreshed, because the file hasn't the roads of China for instance, stays as
    it is and is a row with the reason; the others go on.
    """
    wanted = [*corridor_rows(), *LEVELS] if names is None else [_resolve(n) for n in names]
    wanted = list(dict.fromkeys(wanted))
    run = _from_file(wanted, file) if file else lambda name: refresh(name, overpass=overpass)
    rows = []
    for done, name in enumerate(wanted):
        try:
            rows.append({"name": name} | _gained(run(name)))
        except NetworkError as error:
            raise NetworkError(
                f"{error} {done} of {len(wanted)} are refreshed; call again to go on."
            ) from error
        except (FileError, UnknownNameError):
            raise
        except CpecgeoError as error:
            rows.append({"name": name, "outcome": str(error)})
        if progress:
            progress(done + 1, len(wanted))
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


def _gained(new: Refreshed | Outlines) -> dict[str, Any]:
    """Return what changed, as a row."""
    row: dict[str, Any] = {"outcome": "refreshed", "snapshot": new.record["snapshot"]}
    if isinstance(new, Outlines):
        overlap = new.overlap
        mean = float(overlap.mean()) if len(overlap) else np.nan
        return row | {"units": len(new.frame) - len(new.bundled), "overlap": mean}
    about = deviation(new.corridor.name).summary
    return row | {
        **{key: about[key] for key in _GAINED if key in about},
        "ratio": about["new_km"] / about["old_km"],
        "gaps": len(new.gaps),
        "gap_km": new.record["gap_km"],
    }


def _from_file(wanted: list[str], file: str | Path) -> Callable[[str], Refreshed | Outlines]:
    """Read a file once and return what refreshes one name from it."""
    plans = {name: plan(name) for name in wanted if name not in LEVELS}
    requests = [request for each in plans.values() for request in each.requests]
    filters = tuple(dict.fromkeys(f for _, some in requests for f in some))
    area = shapely.union_all([a for a, _ in requests]) if requests else None
    levels = [LEVELS[name] for name in wanted if name in LEVELS]
    extract = read_extract(file, filters, area=area, levels=levels)
    remark(extract.ways)

    def run(name: str) -> Refreshed | Outlines:
        if name in LEVELS:
            record = record_extract(extract, [f"admin_level={LEVELS[name]}"])
            return _store_outlines(name, extract.boundaries, record)
        return _line(plans[name], extract)

    return run


def _line(each: Plan, extract: Extract) -> Refreshed:
    """Refresh one corridor by its own ways of what was read for all."""
    filters = tuple(dict.fromkeys(f for _, some in each.requests for f in some))
    own = np.flatnonzero(list(map(matcher(filters), extract.ways.tags)))
    ways = extract.ways.select(own).within(shapely.union_all([a for a, _ in each.requests]))
    record = record_extract(extract, filters) | {"ways_clipped": len(ways.clipped)}
    return store_line(each, ways, record)

"""`refresh`: better lines and outlines from OpenStreetMap, one or all, into the user's cache."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
import pandas as pd
import shapely

from cpecgeo.catalogue import corridor_rows, folded
from cpecgeo.catalogue.lines import corridor_id
from cpecgeo.errors import CpecgeoError, FileError, NetworkError, UnknownNameError
from cpecgeo.features.corridors import Refreshed
from cpecgeo.osm.elements import Elements
from cpecgeo.osm.lines import Plan, deviation, plan, refresh_line, store_line
from cpecgeo.osm.outlines import LEVELS, Outlines, refresh_outlines, store_outlines
from cpecgeo.osm.overpass import Overpass
from cpecgeo.osm.sources import Extract, read_extract, record_extract, remark
from cpecgeo.osm.tags import matcher

__all__ = ["refresh", "refresh_all"]

Progress = Callable[[int, int], object]


@overload
def refresh(  # type: ignore[overload-overlap]
    name: Literal["districts", "provinces"],
    *,
    buffer_km: float | None = ...,
    file: str | Path | None = ...,
    overpass: Overpass | None = ...,
    progress: Progress | None = ...,
) -> Outlines: ...


@overload
def refresh(
    name: str,
    *,
    buffer_km: float | None = ...,
    file: str | Path | None = ...,
    overpass: Overpass | None = ...,
    progress: Progress | None = ...,
) -> Refreshed: ...


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
    if folded(name) in LEVELS:
        return refresh_outlines(folded(name), file=file, overpass=overpass, progress=progress)
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
    run = _from_file(wanted, file) if file is not None else _from_overpass(overpass)
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
    "outcome",
    "old_km",
    "new_km",
    "ratio",
    "mean_deviation_km",
    "p95_deviation_km",
    "max_deviation_km",
    "gaps",
    "gap_km",
    "units",
    "overlap",
    "snapshot",
)


def _resolve(name: str) -> str:
    if folded(name) in LEVELS:
        return folded(name)
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


def _from_overpass(overpass: Overpass | None) -> Callable[[str], Refreshed | Outlines]:
    return lambda name: refresh(name, overpass=overpass)


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
            return store_outlines(name, extract.boundaries, record)
        return _line(plans[name], extract)

    return run


def _line(each: Plan, extract: Extract) -> Refreshed:
    """Refresh one corridor by its own ways of what was read for all."""
    filters = tuple(dict.fromkeys(f for _, some in each.requests for f in some))
    accepts = matcher(filters)
    own = np.flatnonzero([accepts(tags) for tags in extract.ways.tags])
    area = shapely.union_all([a for a, _ in each.requests])
    ways: Elements = extract.ways.select(own).within(area)
    record = record_extract(extract, filters) | {"ways_clipped": len(ways.clipped)}
    return store_line(each, ways, record)

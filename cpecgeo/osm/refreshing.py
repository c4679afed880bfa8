"""`refresh`: a corridor's line from real track or road, into the user's cache."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from cpecgeo.catalogue import data_version
from cpecgeo.errors import DataError, InputError
from cpecgeo.features.corridor import Corridor
from cpecgeo.features.corridors import corridor
from cpecgeo.geodesy import Chainage, buffer
from cpecgeo.geodesy.inputs import positive_km
from cpecgeo.osm.cache import write_checked
from cpecgeo.osm.elements import Elements
from cpecgeo.osm.getting import gathered
from cpecgeo.osm.network import Network
from cpecgeo.osm.overpass import Overpass
from cpecgeo.osm.stored import Refreshed, refreshed, stored_at
from cpecgeo.osm.track import Anchor, Laid, lay
from cpecgeo.osm.wanted import preferred, section_filters

__all__ = ["refresh"]

_PIECE_KM = 60.0  # of line in one request
_LEAST_BUFFER_KM, _MOST_BUFFER_KM = 2.0, 25.0
_BESIDE = 2.0  # a kilometre of siding or of another road counts so many


def refresh(
    name: str,
    *,
    buffer_km: float | None = None,
    file: str | Path | None = None,
    overpass: Overpass | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> Refreshed:
    """Replace a corridor's drawn line by OpenStreetMap's track or road, in the user's cache.

    Parameters
    ----------
    name : str
        As for `cpecgeo.corridor`.
    buffer_km : float, optional
        How far from the drawn line to look, geodesic. By section when omitted: its
        `accuracy_km` and 1 km more, within 2 and 25 km.
    file : path, optional
        An ``.osm.pbf`` or ``.osm`` extract to take the ways from; nothing is downloaded.
    overpass : Overpass, optional
        How to ask; the defaults when omitted.
    progress : callable, optional
        Called with requests done and requests in all.

    Returns
    -------
    Refreshed
        The new corridor, with what was used and what stayed schematic. From then on
        ``corridor(name, geometry="osm")`` gives it.

    Raises
    ------
    NetworkError
        Overpass gave no whole answer; what was stored before stays in place.
    DataError
        No stretch of the corridor could be laid on track; likewise.
    UnknownNameError, InputError, FileError, MissingExtraError

    Notes
    -----
    Rails are found by `railway`, numbered roads by `ref` with the main roads between their
    pieces, other roads by class. The line runs from stop to stop on mapped track; where there
    is none, or only a long way round, the drawn line stays and the stretch is recorded as a
    gap. Km posts and the ends of sections keep their chainage; between them it follows the
    new line.
    """
    base = corridor(name)
    radius = _radius(base, buffer_km)
    asked = _asked(base, radius)
    ways, record = gathered(asked, file=file, overpass=overpass, progress=progress)
    if not len(ways):
        raise DataError(
            f"OpenStreetMap has no ways for {base.name} within the buffer; its line stays as it "
            "is. Check the file, or give a larger buffer_km."
        )
    own = [preferred(s) for s in base.sections.to_dict("records")]
    net = Network.of(ways, "rail" if base.kind == "rail" else "drive", record)
    favoured = np.array([any(test(t) for test in own) for t in ways.tags])
    cost = net.segments.km * np.where(favoured[net.segments.way], 1.0, _BESIDE)
    anchors = _anchors(base, radius)
    laid = lay(net, cost, anchors, base.chainage)
    if not laid.ways:
        raise DataError(
            f"None of {base.name} can be laid on OpenStreetMap's ways; its line stays as it is."
        )
    body = _body(base, laid, ways)
    record |= {
        "corridor": base.name,
        "sections": list(base.sections["id"]),
        "data_version": data_version(),
        "buffer_km": radius,
        "ways": len(laid.ways),
        "gap_km": float(sum(g[1] - g[0] for g in laid.gaps)),
        "made_with": {p: _version(p) for p in ("cpecgeo", "osmnx", "osmium")},
    }
    write_checked(stored_at(base.name), record, json.dumps(body, ensure_ascii=False).encode())
    return refreshed(base.name)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _radius(base: Corridor, buffer_km: float | None) -> list[float]:
    """Kilometres around each section."""
    if buffer_km is not None:
        return [positive_km(buffer_km, "buffer_km")] * len(base.sections)
    bound = base.sections["accuracy_km"].fillna(_LEAST_BUFFER_KM) + 1.0
    return [float(k) for k in bound.clip(_LEAST_BUFFER_KM, _MOST_BUFFER_KM)]


def _asked(base: Corridor, radius: list[float]) -> list[tuple[Any, tuple[str, ...]]]:
    """Areas along the line, each with the filters of its section."""
    asked = []
    for section, km in zip(base.sections.to_dict("records"), radius, strict=True):
        a, b = section["km_from"], section["km_to"]
        if b - a <= 0:
            continue
        cuts = np.linspace(a, b, max(2, int(np.ceil((b - a) / _PIECE_KM)) + 1))
        filters = section_filters(section)
        # The area needn't be exact to a metre, and its outline is sent with each request.
        asked += [
            (shapely.simplify(buffer(base.between(x, y), km, rtol=1e-2), 0.001), filters)
            for x, y in pairwise(cuts.tolist())
        ]
    return asked


def _anchors(base: Corridor, radius: list[float]) -> list[Anchor]:
    """Stops with a position, and the ends of sections."""
    anchors: dict[float, Anchor] = {}
    bounds = base.sections[["name", "km_from", "km_to", "accuracy_km"]].to_dict("records")
    for section, far in zip(bounds, radius, strict=True):
        loose = min(far, max(1.0, 2 * (section["accuracy_km"] or 0.5)))
        for end, km in (("start", section["km_from"]), ("end", section["km_to"])):
            key = round(float(km), 6)
            point = base.at(min(float(km), base.end_km))
            anchors.setdefault(
                key, Anchor(f"{end} of {section['name']}", float(km), point, loose, held=True)
            )
    edges = [s["km_to"] for s in bounds]
    for stop in base.stops.to_dict("records"):
        point = stop["geometry"]
        if point is None or pd.isna(stop["km"]):
            continue
        km = float(stop["km"])
        far = radius[min(int(np.searchsorted(edges, km)), len(radius) - 1)]
        loose = min(far, max(1.0, 2 * float(stop["accuracy_km"])))
        key = round(km, 6)
        held = key in anchors or not pd.isna(stop["post_km"])
        anchors[key] = Anchor(str(stop["name"]), km, point, loose, held=held)
    return [anchors[k] for k in sorted(anchors)]


def _body(base: Corridor, laid: Laid, ways: Elements) -> dict[str, Any]:
    """What is stored of a new line."""
    chain = Chainage(shapely.LineString(laid.xy), laid.measures_km)
    new = {a.km: float(chain.measures_km[v]) for a, v, _ in laid.met}
    ends = {0.0: chain.start_km, base.end_km: chain.end_km}
    known = dict(sorted((ends | new).items()))
    if (np.diff(list(known.values())) < 0).any():
        raise InputError(f"The stops of {base.name} don't follow one another along the track.")
    at = base.stops["km"].to_numpy(float)
    moved: NDArray[np.float64] = np.interp(at, list(known), list(known.values()))
    return {
        "xy": laid.xy.tolist(),
        "measures_km": chain.measures_km.tolist(),
        "stops_km": dict(zip(base.stops["id"], moved.tolist(), strict=True)),
        "met": [[a.name, a.km, new[a.km], off] for a, _, off in laid.met],
        "missed": [[a.name, a.km, why] for a, why in laid.missed],
        "gaps": [list(g) for g in laid.gaps],
        "ways": [[int(ways.way_id[w]), dict(ways.tags[w])] for w in laid.ways],
    }

"""The two tables of the main job: how long everything is, and what lies near."""

from __future__ import annotations

import pandas as pd

from cpecgeo import geodesy
from cpecgeo.analysis.measure import nearest
from cpecgeo.catalogue import layer
from cpecgeo.features.corridors import corridors
from cpecgeo.features.places import place
from cpecgeo.features.subject import provenance

__all__ = ["lengths", "proximity"]


def lengths() -> pd.DataFrame:
    """List the drawn and published length of every corridor and section.

    Returns
    -------
    DataFrame
        `level` (corridor or section), `id`, `name`, `kind`, `status`, `drawn_km` (geodesic),
        `official_km`, `ratio`, `chainage_km`, `accuracy_km`, `reason` (why drawn and
        published differ), `source`. A section that isn't drawn has no `drawn_km`.

    Examples
    --------
    >>> table = lengths().set_index("id")
    >>> round(float(table.loc["taxila-havelian", "drawn_km"].iloc[0]), 1)
    53.2
    """
    whole = pd.DataFrame(corridors().drop(columns="geometry"))
    whole = whole.rename(columns={"title": "name", "length_km": "drawn_km"})
    parts = pd.DataFrame(layer("sections").drop(columns="geometry"))
    parts = parts.rename(columns={"ratio_reason": "reason"})
    why = parts["reason"]
    noted = layer("corridors")[["official_note", "sections"]]
    whole["reason"] = [
        "; ".join(dict.fromkeys(pd.Series([note, *why[made.split(", ")]]).dropna()))
        for note, made in noted.itertuples(index=False)
    ]
    columns = [
        "level",
        "id",
        "name",
        "kind",
        "status",
        "drawn_km",
        "official_km",
        "ratio",
        "chainage_km",
        "accuracy_km",
        "reason",
        "source",
    ]
    frame = pd.concat(
        [whole.assign(level="corridor")[columns], parts.assign(level="section")[columns]],
        ignore_index=True,
    )
    frame.attrs = {
        "method": "geodesic length",
        "ellipsoid": "WGS 84",
        **provenance(),
    }
    return frame


def proximity(*, to: str = "Gwadar Port") -> pd.DataFrame:
    """Measure border markets, mines and ports against the corridors.

    Parameters
    ----------
    to : str
        A place that the distance of every site is given to.

    Returns
    -------
    DataFrame
        Per site: `layer id name status basis accuracy_km`, the nearest corridor with
        `distance_km`, chainage `km` and `side`, the nearest operating one, and `to_km`, the
        geodesic distance to `to`. Sites whose position isn't known are listed without
        distances.

    Examples
    --------
    >>> near = proximity().set_index("id")
    >>> near.loc["torkham", "corridor"]
    'peshawar-torkham'
    """
    known_as = corridors()["status"]
    operating = list(known_as.index[known_as == "operating"])
    names = [*operating, *known_as.index[known_as != "operating"]]
    end, rows = place(to), []
    for name in ("crossings", "mines", "ports"):
        sites = layer(name)
        known = sites[sites.geometry.notna()]
        found = nearest(known, names, k=len(names))
        close = _first(found, names)
        running = _first(found[found["target"].isin(operating)], operating)
        frame = pd.DataFrame(
            {
                "layer": name,
                "id": sites["id"],
                "name": sites["name"],
                "status": sites["status"],
                "basis": sites["basis"],
                "accuracy_km": sites["accuracy_km"],
                "corridor": close["target"],
                "distance_km": close["distance_km"],
                "km": close["km"],
                "side": close["side"],
                "operating_corridor": running["target"],
                "operating_distance_km": running["distance_km"],
                "to_km": geodesy.distance_km(known, end.point),
            },
            index=sites.index,
        )
        rows.append(frame)
    table = pd.concat(rows, ignore_index=True)
    table.attrs = {
        "method": "closest geodesic point",
        "ellipsoid": "WGS 84",
        "to": end.name,
        **provenance(),
    }
    return table


def _first(near: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Select the nearest corridor of each site; of equals (to the metre) the first of `names`.

    Alignments such as the Western one run over other corridors, which are named first.
    """
    near = near.assign(
        metres=(near["distance_km"] * 1e3).round(), rank=near["target"].map(names.index)
    )
    near = near.sort_values(["metres", "rank"], kind="stable")
    return near[~near.index.duplicated()].sort_index()

"""Tables: how long everything is, what lies near, and how far points are from groups of things."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import shapely

from cpecgeo import geodesy
from cpecgeo.analysis.accuracy import HOW, Bounds
from cpecgeo.analysis.measure import nearest
from cpecgeo.analysis.panel import values_of
from cpecgeo.catalogue import layer
from cpecgeo.errors import InputError
from cpecgeo.features.corridors import corridors
from cpecgeo.features.places import place
from cpecgeo.features.resolve import in_region, resolve
from cpecgeo.features.subject import Subject, SubjectLike, provenance

__all__ = ["distance_table", "lengths", "proximity"]


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


def distance_table(
    points: SubjectLike, groups: Mapping[str, SubjectLike], *, by: str | None = None
) -> pd.DataFrame:
    """Return how far each point is from the nearest thing of each group, in one wide row.

    Parameters
    ----------
    points : SubjectLike
        Points.
    groups : mapping of str to SubjectLike
        For each group a name, which begins its columns, and what belongs to it: corridors,
        places, layers, geometries of your own.
    by : str, optional
        A column of the points: then a row for each of its values, with means.
        ``"district"`` and ``"province"`` are told by position where the points have no such
        column; `.attrs` counts the points near an outline, which may lie in another one.

    Returns
    -------
    DataFrame
        On the points' index. For each group `<group>_km` (geodesic), `<group>_name` of the
        nearest, and `<group>_low_km`, `<group>_high_km`: how near and far the nearest can be,
        given how good lines and points are (95 %; NaN where nothing is known). Missing where a
        point is. `.attrs` counts features of groups without a position (`left_out`). With `by`,
        `points` (how many), and the means of the km; points without a value have a row of their
        own, under a missing value.

    Raises
    ------
    UnknownNameError, InputTypeError, CRSError, CoordinateError, GeometryError
    InputError
        No groups, a name that isn't text, or a column that isn't there.

    Examples
    --------
    >>> table = distance_table("zones", {"rail": "ml1", "port": "ports"})
    >>> list(table.columns[:4])
    ['rail_km', 'rail_name', 'rail_low_km', 'rail_high_km']
    """
    if not isinstance(groups, Mapping) or not groups:
        raise InputError(
            f"groups is {str(groups)[:60]!r}; give names with what belongs to them, such as "
            '{"rail": "ml1", "port": "ports"}.'
        )
    if bad := [name for name in groups if not isinstance(name, str) or not name]:
        raise InputError(f"groups has {bad[0]!r} for a name; it begins columns, so give text.")
    subject = in_region(resolve(points, "points", missing="keep"), "points")
    is_known = subject.shapes.notna().to_numpy()
    own = subject.accuracy_km
    known = replace(
        subject,
        shapes=subject.shapes[is_known].reset_index(drop=True),
        frame=None,
        is_single=False,
        stated_km=None if own is None else tuple(own[is_known]),
    )
    xy = shapely.get_coordinates(known.shapes.to_numpy())
    index = subject.unlabelled.index
    columns: dict[str, Any] = {}
    about: list[Subject] = []
    lost: dict[str, int] = {}
    for name, given in groups.items():
        to = resolve(given, f"groups[{name!r}]", missing="keep")
        here = to.shapes.notna().to_numpy()
        if not here.any():
            raise InputError(f"groups[{name!r}] has nothing with a position; drop it.")
        lost[name] = int((~here).sum())
        stated = to.accuracy_km
        to = replace(
            to,
            shapes=to.shapes[here],
            frame=None if to.frame is None else to.frame[here],
            stated_km=None if stated is None else tuple(stated[here]),
        )
        about.append(to)
        near = nearest(known, to)
        low, high = Bounds.of(to).around(
            xy,
            near["distance_km"].to_numpy(),
            near["accuracy_km"].to_numpy(),
            None if own is None else own[is_known],
        )
        called = near["target"]
        if to.names is not None and to.shapes.index.is_unique:
            called = called.map(dict(zip(to.shapes.index, to.names, strict=True)))
        columns |= {
            f"{name}_km": near["distance_km"].to_numpy(),
            f"{name}_name": called.to_numpy(object),
            f"{name}_low_km": low,
            f"{name}_high_km": high,
        }
    table = pd.DataFrame(columns, index=index[is_known]).reindex(index) if index.is_unique else (
        pd.DataFrame(columns).reindex(np.where(is_known, np.cumsum(is_known) - 1, -1))
        .set_axis(index)
    )  # fmt: skip
    doubt: dict[str, Any] = {}
    if by is not None:
        values, doubt = values_of(subject, by, "points")
        km = table[[column for column in table if column.endswith("_km")]]
        means = km.groupby(values, dropna=False, sort=True)
        table = means.mean()
        table.insert(0, "points", means.size())
        table.index.name = by
    table.attrs = {
        "method": "nearest by geodesic distance, group by group",
        "ellipsoid": "WGS 84",
        "edges": "geodesic",
        "accuracy": HOW,
        "groups": {name: to.title for name, to in zip(groups, about, strict=True)},
        "without_position": int((~is_known).sum()),
        "left_out": {name: count for name, count in lost.items() if count},
        **doubt,
        **provenance(subject, *about),
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

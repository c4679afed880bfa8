"""Tables: sites near corridors, distances to groups of things, events along a corridor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from cpecgeo import geodesy
from cpecgeo.analysis.accuracy import GEODESIC, HOW, Bounds
from cpecgeo.analysis.measure import nearest
from cpecgeo.analysis.panel import values_of
from cpecgeo.catalogue import layer
from cpecgeo.errors import InputError, UnknownNameError
from cpecgeo.features.corridor import Corridor
from cpecgeo.features.corridors import corridors
from cpecgeo.features.places import place
from cpecgeo.features.resolve import resolve, resolve_corridor
from cpecgeo.features.subject import Subject, SubjectLike, provenance
from cpecgeo.files.numbers import to_numbers
from cpecgeo.geodesy.inputs import positive_km

__all__ = ["density_along", "distance_table", "proximity"]

_PERIODS = {"YE": "Y", "QE": "Q", "ME": "M", "W": "W", "D": "D"}
_OPENED = ("before", "opening", "after", "not known")
_YEAR_DAYS = 365.2425


def proximity(*, to: str = "Gwadar Port") -> pd.DataFrame:
    """Measure border markets, mines and ports against the corridors.

    Parameters
    ----------
    to : str
        A place; the table has every site's distance to it.

    Returns
    -------
    DataFrame
        Per site: `layer id name status basis accuracy_km`, the nearest corridor with `distance_km`,
        chainage `km` and `side`, the nearest operating one, and `to_km`, the geodesic distance to
        `to`. Sites of unknown position are listed without distances.

    Examples
    --------
    >>> near = proximity().set_index("id")
    >>> near.loc["torkham", "corridor"]
    'peshawar-torkham'
    """
    status, end = corridors()["status"], place(to)
    operating = list(status.index[status == "operating"])
    names = [*operating, *status.index[status != "operating"]]
    columns = ["layer", "id", "name", "status", "basis", "accuracy_km"]
    each = [layer(name).assign(layer=name) for name in ("crossings", "mines", "ports")]
    sites = pd.concat([frame[[*columns, "geometry"]] for frame in each], ignore_index=True)
    known = sites[sites.geometry.notna()]
    found = nearest(known, names, k=len(names))
    close, running = _first(found, names), _first(found[found["target"].isin(operating)], names)
    table = pd.DataFrame(sites[columns]).assign(
        corridor=close["target"],
        **close[["distance_km", "km", "side"]],
        operating_corridor=running["target"],
        operating_distance_km=running["distance_km"],
        to_km=geodesy.distance_km(known, end.point),
    )
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
    """Return the distance of each point to the nearest thing of each group, in one wide row.

    Parameters
    ----------
    points : SubjectLike
        Points.
    groups : mapping of str to SubjectLike
        For each group a name, the prefix of its columns, and its members: corridors, places,
        layers, geometries of your own.
    by : str, optional
        A column of the points; the result then has a row of means for each value. ``"district"``
        and ``"province"`` are derived from positions where the points have no such column; `.attrs`
        counts the points near an outline, which may lie in another zone.

    Returns
    -------
    DataFrame
        On the points' index. For each group `<group>_km` (geodesic), `<group>_name` of the nearest,
        and `<group>_low_km`, `<group>_high_km`, the least and greatest possible distance of the
        nearest, from the accuracy of lines and points (95 %; NaN where unknown). Missing where a
        point is missing. `.attrs` counts features of groups without a position (`left_out`). With
        `by`: `points`, their number, and the means of the km; points without a value have their own
        row, under a missing value.

    Raises
    ------
    UnknownNameError, InputTypeError, CRSError, CoordinateError, GeometryError
    InputError
        No groups, or a name that isn't text.

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
    subject = resolve(points, "points", missing="keep")
    known, is_known = _with_position(subject)
    known = replace(known, given=known.shapes.reset_index(drop=True), frame=None, is_single=False)
    xy = shapely.get_coordinates(known.shapes.to_numpy())
    columns: dict[str, Any] = {}
    about: list[Subject] = []
    lost: dict[str, int] = {}
    for name, given in groups.items():
        to, here = _with_position(resolve(given, f"groups[{name!r}]", missing="keep"))
        if not here.any():
            raise InputError(f"groups[{name!r}] has nothing with a position; drop it.")
        lost[name] = int((~here).sum())
        about.append(to)
        near = nearest(known, to)
        low, high = Bounds.of(to).around(
            xy, near["distance_km"].to_numpy(), near["accuracy_km"].to_numpy(), known.accuracy_km
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
    row = np.where(is_known, np.cumsum(is_known) - 1, -1)
    table = pd.DataFrame(columns).reindex(row).set_axis(subject.unlabelled.index)
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
        **GEODESIC,
        "accuracy": HOW,
        "groups": {name: to.title for name, to in zip(groups, about, strict=True)},
        "without_position": int((~is_known).sum()),
        "left_out": {name: count for name, count in lost.items() if count},
        **doubt,
        **provenance(subject, *about),
    }
    return table


def _with_position(subject: Subject) -> tuple[Subject, NDArray[np.bool_]]:
    """Select the rows with a position; return them, and which rows they are."""
    here = subject.shapes.notna().to_numpy()
    return subject.take(np.flatnonzero(here)), here


def _first(near: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Select the nearest corridor of each site; of equals (to the metre) the first in `names`.

    Alignments such as the Western one run over other corridors, which come first.
    """
    near = near.assign(
        metres=(near["distance_km"] * 1e3).round(), rank=near["target"].map(names.index)
    )
    near = near.sort_values(["metres", "rank"], kind="stable")
    return near[~near.index.duplicated()].sort_index()


def density_along(
    corridor: SubjectLike,
    events: SubjectLike,
    *,
    bin_km: float = 10,
    by: Literal["km", "section"] = "km",
    max_km: float | None = None,
    value: str | None = None,
    when: str | None = None,
    freq: str = "YE",
) -> pd.DataFrame:
    """Count the events at each stretch of a corridor.

    Parameters
    ----------
    corridor : Corridor or str
    events : SubjectLike
        Points.
    bin_km : float
        Length of a stretch in kilometres of chainage; the last one may be shorter.
    by : {"km", "section"}
        Stretches of equal length, or the corridor's sections.
    max_km : float, optional
        Events further from the line are left out.
    value : str, optional
        A column of `events` to sum.
    when : str, optional
        A column of dates (ISO 8601: 2015-11-01, 2015-11) or years, to count by period.
    freq : str
        Years ``"YE"``, quarters ``"QE"``, months ``"ME"``, weeks ``"W"``, days ``"D"``; or, with
        ``by="section"``, ``"opened"``: before and after each section opened.

    Returns
    -------
    DataFrame
        `km_from, km_to, events, per_km` and, if given, the sum of `value`; with ``by="section"``
        also `section` and `name`. An event on a limit is counted in the stretch that begins there.
        `.attrs` has the number of events counted, too far away, and without a position, and of
        counted events more than 50 km from the line (`beyond_50_km`); without `max_km` these are
        counted.

        With `when`, a row for each stretch and `period` from the first to the last event's, also
        without events; events without a date are counted in `.attrs` (`without_date`). With
        ``freq="opened"`` the periods are ``before``, ``opening`` (the year or month itself, where
        no exact date is known) and ``after``, or ``not known``; `opened` is the date, `years` the
        length of the period between the first and the last event, and `per_km_year` the events per
        km and year.

    Raises
    ------
    UnknownNameError, InputError, CRSError, CoordinateError, GeometryError
        A value of `when` that isn't a date is an InputError; the message shows the first.

    Examples
    --------
    >>> d = density_along("ml1", "places", bin_km=500, max_km=25)
    >>> int(d["events"].sum()) == d.attrs["counted"]
    True
    """
    thing = resolve_corridor(corridor)
    subject = resolve(events, "events", missing="keep")
    frame, has_point = subject.rows, subject.shapes.notna().to_numpy()
    known = frame[has_point]
    if by == "section":
        limits = np.append(thing.sections["km_from"].to_numpy(float), thing.end_km)
    elif by == "km":
        step = positive_km(bin_km, "bin_km")
        limits = np.append(np.arange(0.0, thing.end_km - 1e-9, step), thing.end_km)
    else:
        raise InputError(f'by is {by!r}; it is "km" or "section".')
    if value is not None and value not in list(frame.columns):
        raise UnknownNameError.of_column(value, frame.columns, of="what is summed")
    near = thing.chainage.locate(subject.shapes[has_point])
    far = np.zeros(len(near), bool)
    if max_km is not None:
        far = near["offset_km"].to_numpy() > positive_km(max_km, "max_km", allow_zero=True)
    place = np.clip(
        np.searchsorted(limits, near["km"].to_numpy(), side="right") - 1, 0, len(limits) - 2
    )
    size, taken = len(limits) - 1, ~far
    table = pd.DataFrame({"km_from": limits[:-1], "km_to": limits[1:]})
    if by == "section":
        table.insert(0, "section", thing.sections["id"].to_numpy())
        table.insert(1, "name", thing.sections["name"].to_numpy())
    slot, undated = place, 0
    if when is not None:
        dates = _dates(known, when)
        undated = int((dates.isna().to_numpy() & taken).sum())
        taken &= dates.notna().to_numpy()
        if freq == "opened":
            table, slot = _by_opening(thing, table, dates, place, taken)
        else:
            table, slot = _by_period(table, dates, place, freq, taken)
        size = len(table)
    counts = np.bincount(slot[taken], minlength=size)
    length = (table["km_to"] - table["km_from"]).to_numpy()
    answer = table.assign(events=counts, per_km=counts / length)
    if "years" in answer:
        years = answer["years"].where(answer["years"] > 0)
        answer["per_km_year"] = answer["per_km"] / years
    if value is not None:
        weights = to_numbers(known[value], value)
        given = taken & ~np.isnan(weights)
        answer[value] = np.bincount(slot[given], weights[given], minlength=size)
    answer.attrs = {
        "corridor": thing.name,
        "method": "calibrated chainage of the closest place on the line",
        "counted": int(counts.sum()),
        "too_far": int(far.sum()),
        "beyond_50_km": int((taken & (near["offset_km"].to_numpy() > 50)).sum()),
        "without_position": len(frame) - len(known),
        "without_value": 0 if value is None else int(np.isnan(weights[taken]).sum()),
        **({} if when is None else {"without_date": undated, "freq": freq}),
        **provenance(thing.as_subject(), subject),
    }
    return answer


def _dates(events: pd.DataFrame, when: str) -> pd.Series:
    """Return a column as times without a zone; empty cells are missing, other text is refused."""
    if when not in list(events.columns):
        raise UnknownNameError.of_column(when, events.columns, of="the dates of events")
    values = events[when]
    if values.dtype.kind in "iuf":  # years
        values = values.map(lambda v: None if pd.isna(v) else f"{int(v):04d}")
    found = pd.to_datetime(values, errors="coerce", utc=True, format="ISO8601")
    is_empty = values.isna() | (values.astype(str).str.strip() == "")
    if (wrong := (found.isna() & ~is_empty).to_numpy(bool)).any():
        bad = str(values[wrong].iloc[0])[:40]
        raise InputError(
            f"{when} has {bad!r}, which is no date ({wrong.sum()} of {len(wrong)} aren't); write "
            "dates as 2015-11-01, and leave the cell empty where there is none."
        )
    return found.dt.tz_localize(None).reset_index(drop=True)


def _by_period(
    table: pd.DataFrame,
    dates: pd.Series,
    place: NDArray[np.int64],
    freq: str,
    taken: NDArray[np.bool_],
) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Return a row for each stretch and period, and the row of each event."""
    if freq not in _PERIODS:
        raise InputError(f"freq is {freq!r}; it is {', '.join(_PERIODS)} or opened.")
    periods = dates.dt.to_period(_PERIODS[freq])
    known = periods[taken]
    every = pd.period_range(known.min(), known.max()) if len(known) else periods[taken]
    each = len(every)
    number = pd.Index(every).get_indexer(periods)
    rows = table.loc[table.index.repeat(each)].reset_index(drop=True)
    rows["period"] = [str(period) for _ in range(len(table)) for period in every]
    return rows, np.asarray(place * each + number, np.int64)


def _by_opening(
    thing: Corridor,
    table: pd.DataFrame,
    dates: pd.Series,
    place: NDArray[np.int64],
    taken: NDArray[np.bool_],
) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Return rows before, at and after the opening of each section, and the row of each event."""
    if "section" not in table:
        raise InputError('freq="opened" is for sections; add by="section".')
    opened = [None if pd.isna(v) else pd.Period(str(v)) for v in thing.sections["opened"]]
    each = len(_OPENED)
    code = np.full(len(dates), _OPENED.index("not known"))
    spans = np.full((len(table), each), np.nan)
    first, last = dates[taken].min(), dates[taken].max()
    for number, period in enumerate(opened):
        if period is None:
            continue
        start, end = period.start_time, period.end_time
        here = place == number
        code[here] = np.select([dates[here] < start, dates[here] > end], [0, 2], 1)
        if taken.any():
            inside = (min(max(day, first), last) for day in (start, end))
            marks = [first, *inside, last]
            days = [(b - a) / pd.Timedelta(days=1) for a, b in pairwise(marks)]
            spans[number, :3] = np.array(days) / _YEAR_DAYS
    rows = table.loc[table.index.repeat(each)].reset_index(drop=True)
    rows["opened"] = [None if p is None else str(p) for p in opened for _ in _OPENED]
    rows["period"] = list(_OPENED) * len(table)
    rows["years"] = spans.ravel()
    is_shown = rows["opened"].notna().to_numpy() == (rows["period"] != "not known").to_numpy()
    slot = np.cumsum(is_shown) - 1
    return rows[is_shown].reset_index(drop=True), slot[place * each + code]

"""`nearest`, `within` and `exposure` on Dask dataframes: lazy, partition by partition.

The targets are one task of the graph, so a worker fetches them once for all of its partitions.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyproj
import shapely

from cpecgeo.analysis.measure import free_names
from cpecgeo.analysis.proximity import WITHIN, check_radii
from cpecgeo.errors import DataWarning, InputError, InputTypeError, MissingExtraError, warn
from cpecgeo.features.subject import SubjectLike
from cpecgeo.files.displacement import count, remarks
from cpecgeo.files.formats import Choice
from cpecgeo.files.numbers import say_odd
from cpecgeo.files.positions import find_positions
from cpecgeo.scale.questions import (
    Exposure,
    Nearest,
    Question,
    Targets,
    Within,
    check_points,
    prepare,
    read_accuracy,
)
from cpecgeo.scale.sources import Places, converter, from_wkb

__all__ = ["exposure", "nearest", "within"]

_SIDES = ["left", "on", "right"]


def nearest(
    ddf: Any,
    targets: SubjectLike | Targets,
    *,
    k: int = 1,
    max_km: float | None = None,
    lon: str | None = None,
    lat: str | None = None,
    crs: str | int | pyproj.CRS | None = None,
    thousands: str | None = None,
    bad: Literal["raise", "keep"] = "raise",
) -> Any:
    """Find the nearest target of each row of a Dask dataframe.

    Parameters
    ----------
    ddf : dask.dataframe.DataFrame or dask_geopandas.GeoDataFrame
        With columns of lon and lat, or of well-known text, as `cpecgeo.read` takes them from a
        file; or with points in any CRS.
    targets : SubjectLike or Targets
        As in `cpecgeo.scale.nearest_file`.
    k : int
        How many targets per row; with more than 1, rows of the answer repeat the index.
    max_km : float, optional
        Look no farther.
    lon, lat : str, optional
        Names of the columns, where they aren't recognized.
    crs : str or CRS, optional
        The CRS of positions that have none of their own, as in `cpecgeo.read`.
    thousands : str, optional
        The separator of thousands in numbers as text, in columns used for computing.
    bad : {"raise", "keep"}
        Whether coordinates out of range end the work, or have no answer, as missing ones.

    Returns
    -------
    dask.dataframe.DataFrame
        Lazy, on the index and partitions of `ddf`, as from `cpecgeo.nearest`: `target,
        distance_km, lon, lat, km, side, accuracy_km` (`point_accuracy_km` where the rows have an
        `accuracy_km`, and `rank` for `k` above 1); missing where there is no point, or nothing
        within `max_km`.

    Warns
    -----
    DataWarning
        When the answer is computed, from each partition: rows at 0, 0, with lon and lat swapped,
        or far from all others of the partition; numbered from 1 in it.

    Raises
    ------
    InputError, InputTypeError, CRSError, UnknownNameError
        At once; coordinates out of range when the answer is computed.
    MissingExtraError
        Dask isn't installed.

    Examples
    --------
    >>> import dask.dataframe as dd
    >>> ddf = dd.from_pandas(pd.DataFrame({"lon": [67.0], "lat": [24.9]}), npartitions=1)
    >>> nearest(ddf, "ml1").compute()["target"].tolist()
    ['ml1']
    """
    return _lazily(
        ddf,
        targets,
        Nearest(k, max_km, thousands),
        (Choice(None, lon, lat, crs, thousands), bad),
        _near,
    )


def within(
    ddf: Any,
    targets: SubjectLike | Targets,
    km: float,
    *,
    certainty: str | Sequence[str] | None = None,
    lon: str | None = None,
    lat: str | None = None,
    crs: str | int | pyproj.CRS | None = None,
    thousands: str | None = None,
    bad: Literal["raise", "keep"] = "raise",
) -> Any:
    """Select the rows of a Dask dataframe within a distance of the targets.

    Parameters
    ----------
    ddf, targets, lon, lat, crs, thousands, bad
        As `nearest`.
    km : float
        Geodesic kilometres, 0 or more.
    certainty : {"sure", "likely", "open"} or several of them, optional
        As `cpecgeo.within`.

    Returns
    -------
    dask.dataframe.DataFrame
        Lazy: the rows with all their columns, and `target`, `distance_km`, `accuracy_km` and
        `certainty`.

    Raises
    ------
    InputError, InputTypeError, CRSError, UnknownNameError, MissingExtraError

    Examples
    --------
    >>> import dask.dataframe as dd
    >>> ddf = dd.from_pandas(pd.DataFrame({"lon": [67.0, 60], "lat": [24.9, 40]}), npartitions=1)
    >>> within(ddf, "ml1", 20).compute().index.tolist()
    [0]
    """
    choice = Choice(None, lon, lat, crs, thousands)
    return _lazily(ddf, targets, Within(km, certainty, thousands), (choice, bad), _within)


def exposure(
    ddf: Any,
    targets: SubjectLike | Targets,
    km: float | Sequence[float] = (5, 10, 25, 50),
    *,
    value: str | None = None,
    lon: str | None = None,
    lat: str | None = None,
    crs: str | int | pyproj.CRS | None = None,
    thousands: str | None = None,
    bad: Literal["raise", "keep"] = "raise",
) -> Any:
    """Sum the rows of a Dask dataframe, and one of its columns, in rings around the targets.

    Parameters
    ----------
    ddf, targets, lon, lat, crs, thousands, bad
        As `nearest`.
    km : float or sequence of float
        Outer radii, ascending.
    value : str, optional
        A column to sum.

    Returns
    -------
    dask.dataframe.DataFrame
        Lazy, one partition on the index (`km_from`, `km_to`): `features`, and with `value` its
        sum and `missing`, the rows without a value; low and high of both, as `exposure_file`.

    Raises
    ------
    InputError, InputTypeError, CRSError, UnknownNameError, MissingExtraError

    Examples
    --------
    >>> import dask.dataframe as dd
    >>> ddf = dd.from_pandas(pd.DataFrame({"lon": [67.0, 60], "lat": [24.9, 40]}), npartitions=1)
    >>> exposure(ddf, "ml1", [50]).compute()["features"].tolist()
    [1]
    """
    choice = Choice(None, lon, lat, crs, thousands)
    question = Exposure(check_radii(km), value, thousands)
    rings = _lazily(ddf, targets, question, (choice, bad), _rings)
    sums = rings.groupby(["km_from", "km_to"], sort=True).sum()
    return sums.map_partitions(question.finish)


@dataclass(frozen=True)
class _Where:
    """How the points of a partition are read.

    Without places they are the geometry of the frame. The CRS is the one that the caller stated;
    where `keep` is True, impossible coordinates count as missing.
    """

    places: Places | None
    crs: object
    keep: bool


def _lazily(
    ddf: Any,
    subject: SubjectLike | Targets,
    question: Question,
    given: tuple[Choice, str],
    work: Callable[..., Any],
) -> Any:
    try:
        import dask.dataframe as dd
        from dask.delayed import delayed
    except ImportError as error:
        raise MissingExtraError(
            "Dask isn't installed; it comes with the extra: pip install 'cpecgeo[scale]'."
        ) from error
    if not isinstance(ddf, dd.DataFrame):
        verb = type(question).__name__.lower()
        raise InputTypeError(
            f"ddf is {type(ddf).__name__}; a Dask dataframe is needed, such as from "
            f"dask.dataframe.read_parquet. cpecgeo.{verb} takes frames in memory."
        )
    meta = ddf._meta  # noqa: SLF001
    choice, bad = given
    if bad not in {"raise", "keep"}:
        raise InputError(f'bad is {bad!r}; it is "raise" or "keep".')
    where = _Where(_places(meta, choice), choice.crs, bad == "keep")
    if isinstance(question, Exposure):
        question.check([str(c) for c in meta.columns], "ddf")
    prepared = prepare(subject)
    # One task that all partitions depend on: under `distributed` a worker fetches it once.
    sent = delayed(prepared, name=f"targets-{prepared.digest[:16]}", pure=True)
    empty = work(meta.iloc[:0], prepared, question, where)
    frame: Any = ddf  # which has no types
    return frame.map_partitions(
        work, sent, question, where, meta=empty, clear_divisions=isinstance(question, Exposure)
    )


def _places(meta: pd.DataFrame, choice: Choice) -> Places | None:
    """Return the columns of positions, or None for the geometry of the frame."""
    geometry = getattr(meta, "_geometry_column_name", None)
    if geometry is not None and choice.lon is None and choice.lat is None:
        converter(meta.crs, choice.crs, "ddf")
        return None

    def likely(name: str) -> pd.Series | None:
        # Values aren't known yet, so a text column with such a name is taken for positions.
        is_text = not pd.api.types.is_numeric_dtype(meta[name])
        return None if is_text else pd.Series([], dtype=object)

    return Places(find_positions([str(c) for c in meta.columns], choice, "ddf", likely), choice)


def _xy(frame: pd.DataFrame, where: _Where) -> Any:
    """Return the points of a partition, and which rows have one; warn of those that look wrong."""
    what = "a partition"
    if where.places is None:
        xy = from_wkb(pa.array(shapely.to_wkb(frame.geometry.array)), 0, what)
        turn = converter(frame.crs, where.crs, what)
        xy = xy if turn is None else turn(xy)
    else:
        names = where.places.names(frame.columns)
        held = frame[names].set_axis(range(len(frame)))
        try:
            table = pa.Table.from_pandas(held, preserve_index=False)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise InputError(
                f"{what} has values of several types in {', '.join(map(repr, names))}; positions "
                "are needed."
            ) from error
        _, xy = where.places.read(table, 0, what)
    points, good = check_points(xy, 0, what, keep=where.keep)
    for remark in remarks(count(points, np.flatnonzero(good) + 1)):
        _warn(f"{_name_partition(frame)}: {remark}.")
    return points, good


def _warn(text: str) -> None:
    """Warn in the process that computes the answer for the caller, which may be another one."""
    if "distributed.worker" in sys.modules:
        import distributed

        with contextlib.suppress(ValueError):  # not in a worker
            distributed.get_worker()
            distributed.warn(text, DataWarning)
            return
    warn(text)


def _near(frame: pd.DataFrame, to: Targets, question: Nearest, where: _Where) -> Any:
    """Answer one partition."""
    xy, good = _xy(frame, where)
    own = _read_accuracy(frame, question)
    table, rows = question.answer(frame, xy, good, own, to)
    # The answer has no columns of the source, so names need no prefix.
    out = _to_frame(table, to).rename(columns=lambda name: name.removeprefix("near_"))
    out["side"] = out["side"].cat.reorder_categories(_SIDES)
    if rows is not None:
        out["rank"] = out["rank"].astype("int64")
    out.index = frame.index if rows is None else frame.index[rows]
    out.attrs = {
        "method": "nearest by geodesic distance",
        "ellipsoid": "WGS 84",
        "edges": "geodesic",
    }
    return out


def _name_partition(frame: pd.DataFrame) -> str:
    return f"the partition that begins at index {frame.index[:1].tolist()[0]!r}"


def _read_accuracy(frame: pd.DataFrame, question: Question) -> Any:
    """Return the accuracy that rows state; warn of impossible values in the caller's process."""
    own, (count, row, example) = read_accuracy(frame, question.thousands, 0)
    if count:
        _warn(say_odd(_name_partition(frame), count, example, row))
    return own


def _to_frame(table: pa.Table, to: Targets) -> Any:
    """Return an answer as a frame, with ids of targets; text stays text, numbers are nullable."""
    codes = table["target"].chunk(0).indices.fill_null(-1).to_numpy()
    ids = pd.Series(to.index.ids.tolist())
    kind = "Int64" if ids.dtype.kind in "iu" else ids.dtype
    frame = table.drop_columns(["target"]).to_pandas()
    frame.insert(0, "target", ids.astype(kind).reindex(pd.Index(codes)).array)
    return frame


def _within(frame: pd.DataFrame, to: Targets, question: Within, where: _Where) -> Any:
    xy, good = _xy(frame, where)
    own = _read_accuracy(frame, question)
    table, rows = question.answer(frame, xy, good, own, to)
    found = _to_frame(table, to)
    near = frame.iloc[rows].copy()
    for column, name in zip(free_names(WITHIN, set(map(str, frame.columns))), WITHIN, strict=True):
        near[column] = found[name].array
    return near


def _rings(frame: pd.DataFrame, to: Targets, question: Exposure, where: _Where) -> Any:
    xy, good = _xy(frame, where)
    own = _read_accuracy(frame, question)
    summed = [question.value] if question.value is not None else []
    values = {name: pa.array(frame[name], from_pandas=True) for name in summed}
    table, _ = question.answer(pa.table(values), xy, good, own, to)
    return table.to_pandas()

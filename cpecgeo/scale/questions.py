"""The questions of streamed and Dask runs: what a batch of points is compared with, and how."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

from cpecgeo.analysis.accuracy import CERTAINTY, Accuracies, Bounds
from cpecgeo.analysis.measure import index_of
from cpecgeo.analysis.proximity import check_certainty, check_radii, ring_numbers
from cpecgeo.errors import CoordinateError, InputError, InputTypeError, UnknownNameError
from cpecgeo.features.resolve import resolve
from cpecgeo.features.subject import Subject, SubjectLike
from cpecgeo.files.displacement import EXPECTED, is_within
from cpecgeo.files.numbers import to_accuracy, to_numbers
from cpecgeo.geodesy import Chainage, Index
from cpecgeo.geodesy._compile import always_compile
from cpecgeo.geodesy._tree import NO_SIDE
from cpecgeo.geodesy.inputs import positive_km
from cpecgeo.scale.sources import drop_thousands

__all__ = [
    "Exposure",
    "Nearest",
    "Question",
    "Targets",
    "Within",
    "check_points",
    "prepare",
    "read_accuracy",
]

_SIDES = ["right", "on", "left"]
# Column with the accuracy of each point.
_OWN = "accuracy_km"
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Targets:
    """Geometries with their search tree, and the chainage of corridors among them.

    Returned by `prepare`. It can be pickled, and so be sent to workers.

    Attributes
    ----------
    index : Index
    chainages : mapping of label to Chainage
        Empty where no target is a corridor.
    accuracies : Accuracies
        Of each target, corridors leg by leg.
    bounds : Bounds
        The targets, cut where their accuracy changes.
    digest : str
        sha256 of ids, geometries, measures and accuracy: two targets with the same digest give
        the same answers.
    """

    index: Index
    chainages: Mapping[Hashable, Chainage] = field(repr=False)
    accuracies: Accuracies = field(repr=False)
    bounds: Bounds = field(repr=False)
    digest: str

    def __post_init__(self) -> None:
        always_compile()  # every batch and process runs the same code

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        always_compile()

    def __len__(self) -> int:
        return len(self.index)

    def __dask_tokenize__(self) -> str:
        return self.digest


def prepare(x: SubjectLike | Targets) -> Targets:
    """Prepare the targets that points are compared with.

    Parameters
    ----------
    x : SubjectLike or Targets
        As in `cpecgeo.nearest`; ``"corridors"`` stands for every corridor, with its chainage.

    Returns
    -------
    Targets

    Raises
    ------
    UnknownNameError, InputTypeError, CRSError, CoordinateError, GeometryError
    InputError
        No target is left.

    Examples
    --------
    >>> len(prepare("ml1")), sorted(prepare(["kkh", "ml1"]).chainages)
    (1, ['kkh', 'ml1'])
    """
    if isinstance(x, Targets):
        return x
    subject = resolve(x, "targets")
    index, bounds = index_of(subject), Bounds.of(subject)
    digest = _digest(subject, bounds)
    return Targets(index, subject.chainages, Accuracies.of(subject), bounds, digest)


def _digest(subject: Subject, bounds: Bounds) -> str:
    digest, shapes = hashlib.sha256(), subject.shapes
    for label, wkb in zip(shapes.index, shapely.to_wkb(shapes.to_numpy()), strict=True):
        digest.update(f"{label!r}:{len(wkb)}:".encode())
        digest.update(wkb)
    for label, chainage in subject.chainages.items():
        digest.update(f"{label!r}".encode())
        digest.update(np.ascontiguousarray(chainage.measures_km).tobytes())
    digest.update(bounds.accuracy_km.tobytes())
    return digest.hexdigest()


def _near_columns(
    xy: Floats, good: Bools, to: Targets, k: int, limit_m: float
) -> dict[str, NDArray[Any]]:
    """Return the nearest targets as flat arrays, k for each row; `target` -1 where there is none.

    `xy` has lon, lat of the points that can be measured, and `good` says which rows these are.
    `target` is a position in the index, `km` chainage where the target is a corridor, `side` 0
    right, 1 on, 2 left, 3 none.
    """
    found = to.index.find(xy, k=k, limit_m=limit_m)
    km, target = found.along * 1e-3, found.target.ravel()
    each, away = xy if k == 1 else np.repeat(xy, k, axis=0), found.metres.ravel() * 1e-3
    accuracy = to.accuracies.near(each, target, away, km.ravel()).reshape(km.shape)
    whole = bool(good.all())
    columns: dict[str, NDArray[Any]] = {}
    for name, values, empty in (
        ("target", found.target, -1),
        ("distance_km", found.metres * 1e-3, np.nan),
        ("near_lon", found.lon, np.nan),
        ("near_lat", found.lat, np.nan),
        ("km", np.where(found.side == NO_SIDE, np.nan, np.where(np.abs(km) < 1e-9, 0, km)), np.nan),
        ("side", found.side.astype(np.int8) + 1, 1),
        ("accuracy_km", accuracy, np.nan),
    ):
        if whole:
            columns[name] = np.ascontiguousarray(values).ravel()
        else:
            room = np.full((len(good), k), empty, values.dtype)
            room[good] = values
            columns[name] = room.ravel()
    return columns


def _nearest(xy: Floats, to: Targets, limit_m: float) -> tuple[NDArray[Any], ...]:
    """Return which points are near enough, and their target, distance and accuracy in km."""
    found = to.index.find(xy, limit_m=limit_m)
    target, distance = found.target[:, 0], found.metres[:, 0] * 1e-3
    hit = np.flatnonzero((target >= 0) & (distance <= 1e-3 * limit_m))
    accuracy = to.accuracies.at(target[hit], found.along[hit, 0] * 1e-3)
    return hit, target[hit], distance[hit], accuracy


def _column(values: Floats) -> pa.Array:
    return pa.array(values, from_pandas=True)


def _ids(to: Targets) -> pa.Array:
    """Return the ids of targets as a column; as text where their types are mixed."""
    try:
        return pa.array(to.index.ids)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([str(i) for i in to.index.ids])


def _labels(codes: NDArray[Any], names: pa.Array, gone: Bools) -> Any:
    mask = gone if gone.any() else None
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32), mask=mask), names)


def read_accuracy(
    table: pd.DataFrame | pa.Table, thousands: str | None, before: int
) -> tuple[Floats | None, tuple[int, int, str]]:
    """Return the accuracy that rows state, in km, and what is impossible among it.

    The first is None where there is no such column, and NaN where a value is missing or impossible;
    the second is the count of impossible values, and the first one's row and text. `before` counts
    the rows before these.
    """
    held = _own(table)
    if held is None:
        return None, (0, 0, "")
    own, is_odd = to_accuracy(held, thousands)
    odd = np.flatnonzero(is_odd)
    if len(odd) == 0:
        return own, (0, 0, "")
    return own, (len(odd), before + int(odd[0]) + 1, str(held.iloc[odd[0]]))


def _own(table: pd.DataFrame | pa.Table) -> Any:
    if isinstance(table, pd.DataFrame):
        return table[_OWN] if _OWN in table.columns else None
    if _OWN not in table.column_names:
        return None
    held = table[_OWN]
    if pa.types.is_string(held.type):
        with contextlib.suppress(pa.ArrowInvalid):  # most columns hold numbers only
            held = pc.cast(held, pa.float64())
    return held.to_pandas()


def check_points(xy: Floats, row: int, what: str, *, keep: bool) -> tuple[Floats, Bools]:
    """Separate points in lon, lat that can be measured from missing and impossible ones.

    Lon and lat are both NaN where there is no point. Coordinates that are infinite, half missing or
    out of range are a `CoordinateError`, or with `keep` count as missing. Return the points that
    can be measured, and which rows these are. `row` is the number of the first one.
    """
    if len(xy) and all(
        -most <= v.min() and v.max() <= most for v, most in zip(xy.T, (180.0, 90.0), strict=True)
    ):
        return xy, np.ones(len(xy), bool)
    with np.errstate(invalid="ignore"):
        good: Bools = np.all(np.abs(xy) <= (180.0, 90.0), axis=1)
    bad = ~good & ~np.isnan(xy).all(axis=1)
    if bad.any() and not keep:
        first = int(np.flatnonzero(bad)[0])
        lon, lat = map(float, xy[first])
        where, repair = f"in row {row + first + 1}", "repair the row, or count such rows as missing"
        repair += ' with bad="keep"'
        if np.isnan(xy[first]).any():
            raise CoordinateError(
                f"{what} has one of lon and lat alone {where}, ({lon:g}, {lat:g}); {repair}.",
                row=row + first,
                lonlat=(lon, lat),
            )
        swapped = is_within(lat, lon, EXPECTED)
        raise CoordinateError.out_of_range(
            what, (lon, lat), row + first, where=where, is_swapped=swapped, repair=repair
        )
    return xy[good], good


@dataclass(frozen=True)
class Nearest:
    """The `k` nearest targets of each row, none farther than `max_km`."""

    joined: ClassVar[bool] = True
    k: int = 1
    max_km: float | None = None
    thousands: str | None = None  # the separator in numbers as text

    def __post_init__(self) -> None:
        if isinstance(self.k, bool) or not isinstance(self.k, (int, np.integer)):
            raise InputTypeError(f"k is {self.k!r}; a whole number of targets is needed.")
        if self.k < 1:
            raise InputError(f"k is {self.k}; ask for 1 or more nearest targets.")
        if self.max_km is not None:
            positive_km(self.max_km, "max_km", allow_zero=True)

    def answer(
        self, _columns: object, xy: Floats, good: Bools, own: Floats | None, to: Targets
    ) -> tuple[pa.Table, NDArray[np.int64] | None]:
        """Return each row k times, nearest first."""
        k = min(self.k, len(to))
        limit_m = np.inf if self.max_km is None else 1e3 * float(self.max_km)
        flat = _near_columns(xy, good, to, k, limit_m)
        gone = flat["target"] < 0
        table: dict[str, Any] = {"target": _labels(flat["target"], _ids(to), gone)}
        for name in ("distance_km", "near_lon", "near_lat", "km"):
            table[name] = pa.array(flat[name], mask=gone if gone.any() else None)
        lost = gone | (flat["side"] == NO_SIDE + 1)
        table["side"] = _labels(flat["side"], pa.array(_SIDES), lost)
        table["accuracy_km"] = _column(flat["accuracy_km"])
        if own is not None:
            table["point_accuracy_km"] = _column(np.repeat(own, k))
        if self.k == 1:
            return pa.table(table), None
        count = len(good)
        table["rank"] = pa.array(np.tile(np.arange(1, k + 1, dtype=np.int32), count))
        return pa.table(table), np.repeat(np.arange(count), k)


@dataclass(frozen=True)
class Within:
    """The rows within `km` of the nearest target, or those with a given certainty of being so."""

    joined: ClassVar[bool] = True
    km: float
    certainty: str | Sequence[str] | None = None
    thousands: str | None = None

    def __post_init__(self) -> None:
        positive_km(self.km, "km", allow_zero=True)
        check_certainty(self.certainty)

    def answer(
        self, _columns: object, xy: Floats, good: Bools, own: Floats | None, to: Targets
    ) -> tuple[pa.Table, NDArray[np.int64] | None]:
        """Return the rows that are near enough, in order."""
        own = None if own is None else own[good]
        wanted = check_certainty(self.certainty)
        reach = limit = float(self.km)
        if wanted is not None:
            reach += float(np.max(to.bounds.reach_km(0.0 if own is None else own), initial=0.0))
        hit, target, distance, accuracy = _nearest(xy, to, 1e3 * reach)
        mine = None if own is None else own[hit]
        code = to.bounds.certainty(xy[hit], distance, accuracy, limit, mine)
        accuracy = to.accuracies.widen(accuracy, xy[hit], target, distance)
        table = pa.table({
            "target": _labels(target, _ids(to), np.zeros(len(hit), bool)),
            "distance_km": pa.array(distance),
            "accuracy_km": _column(accuracy),
            "certainty": _labels(code, pa.array(CERTAINTY), (code < 0) | (code > 2)),
        })  # fmt: skip
        rows = np.flatnonzero(good)[hit]
        if wanted is None:
            return table, rows
        keep = np.flatnonzero(np.isin(code, wanted))
        return table.take(pa.array(keep)), rows[keep]


@dataclass(frozen=True)
class Exposure:
    """Rows, and the sum of a column, in rings around the targets."""

    joined: ClassVar[bool] = False
    km: tuple[float, ...]
    value: str | None = None
    thousands: str | None = None  # the separator in the column

    def __post_init__(self) -> None:
        check_radii(self.km)

    def check(self, names: Sequence[str], what: str) -> None:
        """Refuse a source without the column that is summed."""
        if self.value is not None and self.value not in names:
            raise UnknownNameError.of_column(self.value, names, of=what)

    def answer(
        self, columns: pa.Table, xy: Floats, good: Bools, own: Floats | None, to: Targets
    ) -> tuple[pa.Table, NDArray[np.int64] | None]:
        """Return one row per ring: as drawn, low and high; `told` is 1 where accuracy is known."""
        own = None if own is None else own[good]
        point = np.zeros(len(xy)) if own is None else own
        reach = float(np.max(to.bounds.reach_km(point), initial=0.0))  # it may be inside the last
        hit, _, distance, accuracy = _nearest(xy, to, 1e3 * (self.km[-1] + reach))
        mine, most = None if own is None else own[hit], self.km[-1]
        low, high = to.bounds.around(xy[hit], distance, accuracy, mine, low_km=most, high_km=most)
        drawn, first, last = ring_numbers(self.km, distance, low, high)
        each = range(len(self.km))
        of = {"": [drawn == i for i in each], "_low": [(first == i) & (last == i) for i in each]}
        of["_high"] = [(first <= i) & (i <= last) for i in each]
        table: dict[str, Any] = {"km_from": [0.0, *self.km[:-1]], "km_to": list(self.km)}
        for end, rings in of.items():
            table[f"features{end}"] = [int(ring.sum()) for ring in rings]
        if self.value is not None:
            cells = drop_thousands(columns[self.value], self.thousands).to_pandas()
            values = to_numbers(cells, self.value, is_part=True)[good][hit]
            for end, rings in of.items():
                table[f"{self.value}{end}"] = [float(np.nansum(values[ring])) for ring in rings]
            for end in ("", "_high"):
                table[f"missing{end}"] = [int(np.isnan(values[ring]).sum()) for ring in of[end]]
        is_told = to.bounds.is_known or (own is not None and not np.isnan(own).all())
        table["told"] = [int(is_told)] * len(self.km)
        return pa.table(table), np.empty(0, np.int64)

    def finish(self, sums: pd.DataFrame) -> pd.DataFrame:
        """Leave sums of missing values empty, and low and high where no summed answer is `told`."""
        out = sums.astype({"features_low": "Int64", "features_high": "Int64"})
        for end in ("", "_high") if self.value is not None else ():
            rows, gone = sums[f"features{end}"], sums[f"missing{end}"]
            out[f"{self.value}{end}"] = out[f"{self.value}{end}"].mask((rows > 0) & (rows == gone))
        out = out.drop(columns=["told", "missing_high"], errors="ignore")
        names = [f"{n}_{end}" for n in ("features", self.value) if n for end in ("low", "high")]
        out[names] = out[names].mask(sums["told"] == 0)
        return out


# A question about the points of a batch: lon, lat of those that can be measured, which rows these
# are, and the accuracy of all rows in km, if stated. `joined` says whether its answer is joined to
# the columns of the source. `answer` returns its columns, and the row of the batch that each
# belongs to; None in place of rows means all in order.
Question: TypeAlias = Nearest | Within | Exposure

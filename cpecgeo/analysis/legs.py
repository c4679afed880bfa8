"""Accuracy of lines, leg by leg, found by chainage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cpecgeo.features.subject import Subject, rows_by
from cpecgeo.geodesy import Chainage

__all__ = ["SPAN", "Accuracies", "Steps", "legs_of", "spans_of"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

SPAN = ["km_from", "km_to", "accuracy_km"]
"""Columns of legs that tell their accuracy by chainage."""

# Most cells of a look-up table along a line.
_CELLS = 4096


@dataclass(frozen=True, eq=False)
class Steps:
    """Stretches of a line, found by chainage.

    Parameters
    ----------
    starts : ndarray
        Chainage at the start of each stretch, ascending; a limit belongs to the stretch it starts.
    end : float
        Chainage of the end.
    """

    starts: Floats
    end: float

    @cached_property
    def _cells(self) -> tuple[float, Ints, Floats, Bools]:
        """Cells per km; the first stretch of each, the next start, and if several start in it."""
        per_km = _CELLS / max(self.end - float(self.starts[0]), 1e-9)
        limits = self.starts[0] + np.arange(_CELLS + 1) / per_km
        # Cells overlap a little, because of rounding.
        first = np.maximum(np.searchsorted(self.starts, limits - 1e-9, side="right") - 1, 0)
        last = np.searchsorted(self.starts, limits + 1.0 / per_km + 1e-9, side="right") - 1
        return per_km, first, np.append(self.starts, np.inf)[first + 1], last > first + 1

    def rows(self, km: Floats) -> Ints:
        """Return the number of the stretch at each chainage, -1 where that is NaN."""
        if len(self.starts) == 1:
            return np.asarray(np.where(np.isnan(km), -1, 0), np.int64)
        per_km, first, onward, is_split = self._cells
        with np.errstate(invalid="ignore"):
            cell = ((km - self.starts[0]) * per_km).astype(np.int32)
        rows = first.take(cell, mode="clip")
        rows += km >= onward.take(cell, mode="clip")
        if is_split.any():
            near = np.flatnonzero(is_split.take(cell, mode="clip"))
            found = np.searchsorted(self.starts, km[near], side="right") - 1
            rows[near] = np.clip(found, 0, len(self.starts) - 1)
        if (is_off := np.isnan(km)).any():
            rows[is_off] = -1
        return np.asarray(rows, np.int64)


@dataclass(frozen=True, eq=False)
class Accuracies:
    """Accuracies of targets: one value each, corridors leg by leg.

    Attributes
    ----------
    stated : ndarray
        By the target's position; NaN where unknown.
    legs : mapping of position to (Steps, ndarray)
        The starts of legs, and the accuracy of each, followed by a NaN.
    lines : mapping of position to (Chainage, bytes)
        The lines of these, and their legs, as `Bounds` takes them.
    """

    stated: Floats
    legs: Mapping[int, tuple[Steps, Floats]] = field(repr=False)
    lines: Mapping[int, tuple[Chainage, bytes]] = field(repr=False)

    @classmethod
    def of(cls, subject: Subject) -> Accuracies:
        """Collect the accuracies of a subject."""
        stated, labels = subject.accuracy_km, subject.shapes.index
        legs, lines = {}, {}
        for position, table in legs_of(subject).items():
            lines[position] = subject.chainages[labels[position]], spans_of(table)
            known = table["accuracy_km"].to_numpy(float)
            starts = table["km_from"].to_numpy(float)
            end = float(table["km_to"].iloc[-1])
            legs[position] = (Steps(starts, end), np.append(known, np.nan))
        return cls(np.full(len(subject), np.nan) if stated is None else stated, legs, lines)

    def at(self, target: Ints, km: Floats) -> Floats:
        """Return the accuracy at a chainage of targets, by position; NaN for -1."""
        if len(self.stated) == 1 and self.legs:
            steps, known = self.legs[0]
            return known[steps.rows(km)]
        found = np.append(self.stated, np.nan)[target]
        for position, rows in rows_by(target) if self.legs else ():
            if position in self.legs:
                steps, known = self.legs[position]
                found[rows] = known[steps.rows(km[rows])]
        return found


def spans_of(table: pd.DataFrame) -> bytes:
    """Return chainages and accuracies of a table of legs, as `Bounds` takes them."""
    spans: bytes = table[SPAN].to_numpy(float).tobytes()
    return spans


def legs_of(subject: Subject) -> dict[int, pd.DataFrame]:
    """Return the table of legs of each corridor, by its position."""
    tables = {t.name: t.legs for t in subject.things if hasattr(t, "chainage") and len(t.legs)}
    labels = enumerate(subject.shapes.index)
    return {i: tables[of] for i, of in labels if of in subject.chainages and of in tables}

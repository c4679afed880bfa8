"""How far a run is: a bar on the terminal, or a call with figures."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

__all__ = ["Progress", "reporting"]

Report = Callable[["Progress"], None]


@dataclass(frozen=True)
class Progress:
    """Figures of a run under way.

    Attributes
    ----------
    rows : int
        Rows of the source that are done.
    share : float
        Of the whole, 0 to 1.
    rows_per_s : float
        Since this run began; parts kept from an earlier one don't count.
    seconds_left : float
        At that rate; NaN before the first rows.
    """

    rows: int
    share: float
    rows_per_s: float
    seconds_left: float


@contextlib.contextmanager
def reporting(
    progress: bool | Report,  # noqa: FBT001
) -> Iterator[Callable[[int, float], None]]:
    """A function to call with rows done and the share of the whole.

    Parameters
    ----------
    progress : bool or callable
        True shows a bar on stderr; a callable gets a `Progress` instead.
    """
    began = time.perf_counter()
    first: list[tuple[int, float]] = []

    def figures(rows: int, share: float) -> Progress:
        if not first:
            first.append((rows, share))
        spent = max(time.perf_counter() - began, 1e-9)
        gained = share - first[0][1]
        left = spent * (1.0 - share) / gained if gained > 0 else float("nan")
        return Progress(rows, share, (rows - first[0][0]) / spent, left)

    if callable(progress):
        call = progress
        yield lambda rows, share: call(figures(rows, share))
        return
    if not progress:
        yield lambda _rows, _share: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    text = TextColumn("{task.fields[rows]:,} rows, {task.fields[rate]:,.0f} rows/s")
    columns = (BarColumn(), TaskProgressColumn(), text, TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=False) as bar:
        task = bar.add_task("", total=1.0, rows=0, rate=0.0)

        def show(rows: int, share: float) -> None:
            now = figures(rows, share)
            bar.update(task, completed=share, rows=rows, rate=now.rows_per_s)

        yield show

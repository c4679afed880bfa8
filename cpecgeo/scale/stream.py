"""Streamed runs: a file is read, measured and written part by part.

The three steps overlap: while the compiled search works on one batch with all cores, the next is
read and the one before is written. Parts overlap too: one is flushed to disk while the next begins.
Memory holds a few batches, whatever the size of the file.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cpecgeo.analysis.measure import free_names
from cpecgeo.errors import FileError, InputError, warn
from cpecgeo.files.disk import fingerprint
from cpecgeo.files.displacement import Tally, count, merge, refuse_swapped, remarks
from cpecgeo.files.numbers import say_odd
from cpecgeo.scale.parts import DonePart, Parts, sha256
from cpecgeo.scale.questions import Question, Targets, check_points, read_accuracy
from cpecgeo.scale.sinks import Sink, Writing
from cpecgeo.scale.sources import Batch, Position, Source

__all__ = ["Job", "OnProgress", "Progress", "Run", "run"]


OnProgress = Callable[["Progress"], None]


@dataclass(frozen=True)
class Progress:
    """Progress of a run.

    Attributes
    ----------
    rows : int
        Rows of the source answered so far.
    share : float
        Share of the source answered so far, 0 to 1.
    rows_per_s : float
        Rows per second in this run; parts kept from an earlier run don't count.
    seconds_left : float
        At that rate; NaN before the first rows.
    """

    rows: int
    share: float
    rows_per_s: float
    seconds_left: float


@dataclass(frozen=True)
class Run:
    """Figures of a finished run.

    Attributes
    ----------
    out : Path
        The file or folder that was written.
    rows_in, rows_out : int
        Rows of the source and of the result.
    rows_skipped : int
        Rows without a point, or with one that can't be measured.
    parts, parts_kept : int
        Number of parts, and how many an earlier run had finished.
    seconds : float
    rows_per_s : float
        Rows of the source that this run worked on, per second.
    read_as : str
        How positions were read, where the file doesn't state it.
    """

    out: Path
    rows_in: int
    rows_out: int
    rows_skipped: int
    parts: int
    parts_kept: int
    seconds: float
    rows_per_s: float
    read_as: str = ""


@dataclass(frozen=True)
class Job:
    """Input of a run.

    Where `keep` is True, impossible coordinates count as missing. The state is the `fingerprint` of
    the source before it was opened.
    """

    source: Source
    question: Question
    to: Targets = field(repr=False)
    sink: Sink
    parts: Parts
    part_rows: int
    batch_rows: int
    keep: bool
    state: list[list[str | int]] = field(repr=False)

    def answer(self, batch: Batch) -> _Answer:
        """Answer one batch."""
        name = self.source.path.name
        xy, good = check_points(batch.xy, batch.start.row, name, keep=self.keep)
        skipped = len(good) - len(xy)
        numbers = batch.start.row + 1 + (np.flatnonzero(good) if skipped else np.arange(len(xy)))
        own, odd = read_accuracy(batch.columns, self.question.thousands, batch.start.row)
        columns, rows = self.question.answer(batch.columns, xy, good, own, self.to)
        lost = self.sink.count_lost(batch.columns, rows, self.source)
        seen = replace(count(xy, numbers), odd=odd, lost=lost)
        return _Answer(batch, columns, rows, skipped, seen)

    def _append(self, part: Writing, answer: _Answer) -> None:
        """Join a batch and its answer to rows of the result, and write them."""
        if not self.question.joined:
            part.append(answer.columns)
            return
        left = self.sink.place(answer.batch, self.source)
        left = left if answer.rows is None else left.take(pa.array(answer.rows))
        names = free_names(answer.columns.column_names, {*self.source.schema.names})
        whole = pa.Table.from_arrays(
            [*left.columns, *answer.columns.columns], [*left.column_names, *names]
        )
        part.append(self.sink.describe(whole, self.source))

    def write(
        self, number: int, start: Position, batches: Iterator[Batch], writer: ThreadPoolExecutor
    ) -> tuple[Position, Tally, Future[DonePart]] | None:
        """Answer one part from batches that begin at `start`; None where no batch is left.

        Return the start of the next part, the counts, and a future that is done when the part is
        flushed and recorded.
        """
        first = next(batches, None)
        if first is None:
            if number:
                return None
            # An empty file gives an empty result.
            nothing = self.source.schema.empty_table()
            first = Batch(nothing, np.empty((0, 2)), Position(), Position())
        end, taken, rows, skipped, tallies = start, 0, 0, 0, [Tally()]
        part = Writing(self.sink, self.parts.path(number))
        waiting: Future[None] | None = None
        try:
            for batch in chain([first], batches):
                answer = self.answer(batch)
                tallies.append(answer.seen)
                if waiting is not None:
                    waiting.result()
                waiting = writer.submit(self._append, part, answer)
                end, taken = batch.end, taken + len(batch.xy)
                rows, skipped = rows + len(answer.columns), skipped + answer.skipped
                if taken >= self.part_rows:
                    break
        except BaseException:
            writer.submit(part.abandon)
            raise
        seen = merge(tallies)

        def finish(written: Future[None]) -> DonePart:
            if written.exception() is not None:
                part.abandon()
            written.result()
            stretch = part.finish()
            path = self.parts.path(number)
            done = DonePart(number, start, end, rows, skipped, sha256(path, stretch), seen, stretch)
            self.parts.finish(done)
            return done

        assert waiting is not None  # noqa: S101 - set by the first batch
        return end, seen, writer.submit(finish, waiting)


def _ahead(batches: Iterator[Batch], reader: ThreadPoolExecutor) -> Iterator[Batch]:
    """Yield batches while the next one is read."""
    coming = reader.submit(next, batches, None)
    while (batch := coming.result()) is not None:
        coming = reader.submit(next, batches, None)
        yield batch


@dataclass(frozen=True)
class _Answer:
    """A batch, its answer's columns, the row of each (None: all in order), and counts."""

    batch: Batch
    columns: pa.Table
    rows: NDArray[np.int64] | None
    skipped: int
    seen: Tally


def run(
    job: Job,
    *,
    resume: bool,
    progress: bool | OnProgress,
    finish: Callable[[Parts, list[DonePart]], Path] | None = None,
) -> Run:
    """Answer a whole file.

    With `resume`, finished parts of an earlier run are kept. `finish` assembles the result from the
    parts and returns its path; otherwise parts are joined. A source that changed while it was read,
    doesn't fit into memory or can't be read is a `FileError`, as is a result that can't be written.
    """
    began = time.perf_counter()
    with job.parts.claim(resume=resume) as done, _report(progress) as report:
        ended = job.parts.read_end()
        if ended is not None:
            job.parts.clear()
            return _summarize(job, ended, len(ended), ended[-1].end.row, began)
        kept = len(done)
        taken = sum(p.end.row - p.start.row for p in done.values())
        try:
            parts = _answer(job, done, report)
        except BaseException as error:
            # A fault of the source or the options would recur in every part.
            if isinstance(error, InputError) or not any(job.parts.folder.glob("part-*.json")):
                job.parts.clear()
            if isinstance(error, Exception):
                _refuse_change(job, error)
            if isinstance(error, MemoryError):
                raise FileError(
                    f"{job.source.path} needs more memory than there is, {job.batch_rows:,} rows "
                    "at once; give a smaller batch_rows=."
                ) from error
            raise
        _refuse_change(job, None)
        job.parts.place((finish or job.sink.join)(job.parts, parts), parts)
        seen, name = merge(p.tally for p in parts), job.source.path.name
        odd, row, example = seen.odd
        told = [f"{name}: {remark}." for remark in remarks(seen)] + _say_lost(name, *seen.lost)
        for text in [*told, *([say_odd(name, odd, example, row)] if odd else [])]:
            warn(text)
        return _summarize(job, parts, kept, taken, began)


def _refuse_change(job: Job, error: Exception | None) -> None:
    """Refuse a source that was written to meanwhile, because its parts would mix two states."""
    path = job.source.path
    same = False
    with contextlib.suppress(FileError):
        same = fingerprint(path) == job.state
    if not same:
        job.parts.clear()
        raise FileError(
            f"{path} changed while it was read, so nothing of the answer was kept; run again "
            "when nothing writes to it."
        ) from error


def _summarize(job: Job, parts: list[DonePart], kept: int, taken: int, began: float) -> Run:
    seconds = time.perf_counter() - began
    rows_in = parts[-1].end.row
    return Run(
        job.parts.out,
        rows_in,
        sum(p.rows for p in parts),
        sum(p.skipped for p in parts),
        len(parts),
        kept,
        seconds,
        (rows_in - taken) / max(seconds, 1e-9),
        job.source.read_as,
    )


def _say_lost(what: str, heights: int, measures: int) -> list[str]:
    """List a sentence on how many heights and measures CSV leaves out, if it leaves out any.

    Examples
    --------
    >>> _say_lost("a.gpkg", 1, 0)
    ['a.gpkg has 1 point with a height, which CSV of lon and lat leaves out; ...']
    """
    held = [
        f"{count:,} {'point' if count == 1 else 'points'} with {one if count == 1 else many}"
        for count, one, many in (
            (heights, "a height", "heights"), (measures, "a measure (M)", "measures (M)")
        )
        if count
    ]  # fmt: skip
    left = f"{what} has {' and '.join(held)}, which CSV of lon and lat leaves out; write Parquet"
    return [f"{left} to keep them."] if held else []


def _answer(
    job: Job, done: dict[int, DonePart], report: Callable[[int, float], None]
) -> list[DonePart]:
    """Return all parts in order; finished ones are kept."""
    parts: list[DonePart | Future[DonePart]] = []
    at, seen, name = Position(), Tally(), job.source.path.name
    columns = job.source.places.columns if job.source.places is not None else None
    reading: Iterator[Batch] | None = None  # goes on from part to part
    with ThreadPoolExecutor(1) as writer, ThreadPoolExecutor(1) as reader:

        def batches(source: Iterator[Batch]) -> Iterator[Batch]:
            for batch in source:
                yield batch
                report(batch.end.row, _share(job, batch.end))

        while True:
            number = len(parts)
            part = done.get(number)
            if part is not None and part.start == at:
                parts.append(part)
                at, tally, reading = part.end, part.tally, None
            else:
                reading = reading or _ahead(job.source.batches(at, job.batch_rows), reader)
                written = job.write(number, at, batches(reading), writer)
                if written is None:
                    refuse_swapped(seen, name, is_whole=True, columns=columns)
                    return [_part(p) for p in parts]
                at, tally, unfinished = written
                if parts:  # finished before this one was written
                    parts[-1] = _part(parts[-1])
                parts.append(unfinished)
            seen = merge([seen, tally])
            refuse_swapped(seen, name, is_whole=False, columns=columns)
            report(at.row, _share(job, at))


def _part(part: DonePart | Future[DonePart]) -> DonePart:
    return part if isinstance(part, DonePart) else part.result()


def _share(job: Job, at: Position) -> float:
    if job.source.rows is not None:
        return at.row / max(1, job.source.rows)
    return min(1.0, at.byte / max(1, job.source.size))


@contextlib.contextmanager
def _report(
    progress: bool | OnProgress,  # noqa: FBT001
) -> Iterator[Callable[[int, float], None]]:
    """Yield a function to call with the rows answered so far and their share of the source.

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

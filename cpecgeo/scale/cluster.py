"""Parts of a file made by the workers of a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cpecgeo.errors import FileError, MissingExtraError, NetworkError
from cpecgeo.scale.parts import Part
from cpecgeo.scale.sources import Position
from cpecgeo.scale.stream import Job, split
from cpecgeo.scale.targets import Targets

__all__ = ["there"]


def there(
    job: Job, done: dict[int, Part], report: Callable[[int, float], None], scheduler: str
) -> list[Part]:
    """All parts in order, made by workers that see the same files.

    Parameters
    ----------
    job : Job
    done : dict of int to Part
        Finished before.
    report : callable
        Told rows and share done.
    scheduler : str
        Its address.

    Returns
    -------
    list of Part

    Raises
    ------
    FileError
        The rows of the source aren't known before it is read, or a worker doesn't see it.
    NetworkError
        Nothing answers at the address.
    MissingExtraError
        `distributed` isn't installed.
    """
    try:
        import distributed
    except ImportError as error:
        raise MissingExtraError(
            "distributed isn't installed; it comes with the extra: pip install 'cpecgeo[scale]'."
        ) from error
    dask: Any = distributed  # which has no types
    starts = split(job)
    made = {n: p for n, p in done.items() if n < len(starts) and p.start == starts[n]}
    taken = sum(p.end.row - p.start.row for p in made.values())
    try:
        client = dask.Client(scheduler, timeout="10s", set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise NetworkError(
            f"No Dask scheduler answers at {scheduler!r} ({error}); start one with "
            "`dask scheduler`, and workers with `dask worker`."
        ) from error
    with client:
        to = client.scatter(job.to, broadcast=True, hash=False)
        light = replace(job, to=None)
        waiting = [
            client.submit(_make, light, to, number, start, pure=False, retries=2)
            for number, start in enumerate(starts)
            if number not in made
        ]
        for future in dask.as_completed(waiting):
            part = future.result()
            made[part.number] = part
            taken += part.end.row - part.start.row
            report(taken, taken / max(1, job.source.rows or 1))
            future.release()
    lost = [job.parts.path(n).name for n in made if not job.parts.path(n).is_file()]
    if lost:
        raise FileError(
            f"The workers wrote {lost[0]} where this machine can't see it; source and result "
            "must lie on storage that all machines share."
        )
    return [made[number] for number in range(len(starts))]


def _make(job: Job, to: Targets, number: int, start: Position) -> Part:
    """One part, on a worker."""
    batches = job.source.batches(start, job.batch_rows)
    part = replace(job, to=to).make(number, start, batches)
    if part is None:
        raise FileError(f"{job.source.path} has fewer rows than before; start anew.")
    return part

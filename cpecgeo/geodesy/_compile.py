"""How kernels are compiled and how their work is spread over threads.

Kernels release the interpreter's lock and are called from plain threads on slices of the
rows. numba's own parallel loops would need a threading layer, which aborts the process when
two Python threads enter it at once, or after a fork; plain threads do neither, and compile
faster. Signatures are explicit: each kernel is compiled once, for one set of types.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numba

__all__ = ["jit", "spread", "threads"]


def jit(signature: Any, *, inline: bool = False) -> Callable[[Callable[..., Any]], Any]:
    """Compile for one signature, cached on disk where any cache directory can be written."""

    def compiled(function: Callable[..., Any]) -> Any:
        options: dict[str, Any] = {
            "nogil": True,
            "fastmath": {"contract", "arcp", "nsz"},
            "error_model": "numpy",
        }
        if inline:
            options["forceinline"] = True
        try:
            return numba.njit(signature, cache=True, **options)(function)
        except RuntimeError as error:  # no directory to cache in: compile for this process
            if "locator" not in str(error):
                raise
            return numba.njit(signature, **options)(function)

    return compiled


def threads() -> int:
    """Processors that this process may use, or fewer if NUMBA_NUM_THREADS says so."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(allowed or 1, int(os.environ.get("NUMBA_NUM_THREADS", "1024"))))


def spread(work: Callable[[int, int], Any], rows: int, *, least: int = 2_000) -> None:
    """Call `work(first, last)` on slices of `rows`, on as many threads as are worth it."""
    count = min(threads(), max(1, rows // least))
    if count == 1:
        work(0, rows)
        return
    # More slices than threads, so that one slow slice doesn't leave the rest idle.
    slices = min(count * 8, max(count, rows // least))
    edges = [rows * i // slices for i in range(slices + 1)]
    with ThreadPoolExecutor(count) as pool:
        for job in [pool.submit(work, a, b) for a, b in pairwise(edges)]:
            job.result()

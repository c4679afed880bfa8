"""How kernels are compiled and how their work is spread over threads.

Kernels release the interpreter's lock and are called from plain threads on slices of the
rows. numba's own parallel loops would need a threading layer, which aborts the process when
two Python threads enter it at once, or after a fork; plain threads do neither, and compile
faster. Signatures are explicit: each kernel is compiled once, for one set of types.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

__all__ = ["jit", "spread", "threads"]

# Of many rows at most so many slices are made, enough for the slow ones not to hold up the rest.
_SLICES = 2_000
# numba's cache of a function only sees changes of its own file, not of what it calls.
_SOURCES = hashlib.sha256(
    b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("_*.py")))
).hexdigest()[:12]


def jit(signature: Any, *, inline: bool = False) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function for one signature; keep it on disk where a cache can be written."""
    # Loading numba takes longer than many a call that needs no kernel.
    import numba

    def compiled(function: Callable[..., Any]) -> Any:
        options: dict[str, Any] = {
            "nogil": True,
            "fastmath": {"contract", "arcp", "nsz"},
            "error_model": "numpy",
        }
        if inline:
            options["forceinline"] = True
        function.__qualname__ = f"{function.__name__}_{_SOURCES}"
        try:
            return numba.njit(signature, cache=True, **options)(function)
        except RuntimeError as error:  # no directory to cache in: compile for this process
            if "locator" not in str(error):
                raise
            return numba.njit(signature, **options)(function)

    return compiled


def threads() -> int:
    """Return how many processors this process may use; NUMBA_NUM_THREADS lowers it."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(allowed or 1, int(os.environ.get("NUMBA_NUM_THREADS", "1024"))))


def spread(work: Callable[[int, int], Any], rows: int, *, least: int = 2_000) -> None:
    """Call `work(first, last)` on slices of `rows`, on as many threads as are worth it.

    The slices don't depend on how many processors there are, so neither does the answer:
    between equally near targets a search may prefer what it found for the point before.
    """
    size = max(least, rows // _SLICES)
    slices = list(pairwise([*range(0, rows, size), rows]))
    count = min(threads(), len(slices))
    if count <= 1:
        for first, last in slices:
            work(first, last)
        return
    with ThreadPoolExecutor(count) as pool:
        for job in [pool.submit(work, a, b) for a, b in slices]:
            job.result()

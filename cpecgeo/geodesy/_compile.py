"""How kernels are compiled, when that is worth it, and how their work is spread over threads.

A kernel is a plain function with a mark. Python runs it as it stands where there is little to do:
loading numba takes longer than many a call. For more, `compiled` makes a twin of it, and of all
kernels that it calls, out of the same source.

Compiled kernels release the interpreter's lock and are called from plain threads on slices of the
rows. numba's own parallel loops would need a threading layer, which aborts the process when
two Python threads enter it at once, or after a fork; plain threads do neither, and compile
faster.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np

__all__ = ["Kernel", "always_compile", "choose", "compiled", "kernel", "plain", "spread", "threads"]

Kernel = Callable[..., Any]
_K = TypeVar("_K", bound=Kernel)

# Of many rows at most so many slices are made, enough for the slow ones not to hold up the rest.
_SLICES = 2_000
_MARK = "compiles_with"
# Words of signatures: rows of numbers, numbers, whole numbers, truths; contiguous.
_WORDS = {
    "rows": "f8[:,::1]", "fans": "f8[:,:,::1]", "flat": "f8[::1]", "ints": "i8[::1]",
    "bools": "b1[::1]",
}  # fmt: skip
# Steps that Python may take in place of compiled code before that is loaded: some 0.3 s.
_PLAIN_STEPS = 40_000
_ONE_AT_A_TIME = threading.RLock()


def kernel(signature: str = "", *, inline: bool = False) -> Callable[[_K], _K]:
    """Mark a function as a kernel.

    Parameters
    ----------
    signature : str
        numba's, with the words of `_WORDS`; of kernels that are called from Python. Those have
        one set of types, others that of their callers.
    inline : bool
        Whether its code is put in place of calls.
    """

    def mark(function: _K) -> _K:
        for word, text in _WORDS.items():
            nonlocal signature
            signature = signature.replace(word, text)
        setattr(function, _MARK, (signature, inline))
        return function

    return mark


@lru_cache(maxsize=256)
def compiled(function: Kernel) -> Kernel:
    """Return the compiled twin of a kernel; it is kept on disk where a cache can be written."""
    with _ONE_AT_A_TIME:  # of several threads that need it first
        twin: Kernel = _twins(function.__module__)[function.__name__]
        if not twin.signatures:  # type: ignore[attr-defined]
            twin.compile(getattr(function, _MARK)[0])  # type: ignore[attr-defined]
            twin.disable_compile()  # type: ignore[attr-defined]
        return twin


@lru_cache(maxsize=32)
def _twins(module: str) -> dict[str, Any]:
    """Return the names of a module, with twins in place of kernels; compiled when first called."""
    names = dict(vars(sys.modules[module]))
    for name, value in list(names.items()):
        if not hasattr(value, _MARK):
            continue
        if value.__module__ == module:
            names[name] = _twin(value, names)
        else:
            names[name] = _twins(value.__module__)[value.__name__]
    return names


def _twin(function: Any, names: dict[str, Any]) -> Any:
    import types

    import numba

    options: dict[str, Any] = {
        "nogil": True,
        "fastmath": {"contract", "arcp", "nsz"},
        "error_model": "numpy",
        "no_cfunc_wrapper": True,  # no code in C calls a kernel
    }
    if getattr(function, _MARK)[1]:
        options["forceinline"] = True
    twin = types.FunctionType(function.__code__, names, function.__name__, function.__defaults__)
    twin.__module__ = function.__module__
    twin.__qualname__ = f"{function.__name__}_{_sources()}"
    try:
        return numba.njit(cache=True, **options)(twin)
    except RuntimeError as error:  # no directory to cache in: compile for this process
        if "locator" not in str(error):
            raise
        return numba.njit(**options)(twin)


@lru_cache(maxsize=1)
def _sources() -> str:
    """Return a fingerprint of all kernels: numba's cache of a function only sees its own file."""
    import hashlib
    from pathlib import Path

    own = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in own)).hexdigest()[:12]


class _Patience:
    """How many steps Python may still take in place of compiled code, in this process."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def take(self, steps: int) -> bool:
        """Take some of them; False where they are used up."""
        self.left -= steps
        return self.left >= 0


_PATIENCE = _Patience(_PLAIN_STEPS)


def always_compile() -> None:
    """Run no kernel as it stands from now on, in this process.

    Python and compiled code differ by rounding, so bytes of a run over many batches would depend
    on what the process had measured before.
    """
    _PATIENCE.left = 0


def choose(function: Kernel, steps: int, many: Kernel | None = None) -> Kernel:
    """Return a kernel for some work: as it stands while that is quicker, else compiled.

    Parameters
    ----------
    function : kernel
    steps : int
        About how many points are to be measured to a segment.
    many : kernel, optional
        Takes the place of `function` where that would be compiled: the same with more to prepare.

    Returns
    -------
    callable
        Both give the same, to the rounding of earth-centred coordinates, which is a nanometre.
    """
    return plain(function) if _PATIENCE.take(steps) else compiled(many or function)


def plain(function: Kernel) -> Kernel:
    """Return a kernel as Python runs it; numbers out of memory views are quicker than numpy's."""

    def run(*values: Any) -> Any:
        views = (v.data if isinstance(v, np.ndarray) else v for v in values)
        with np.errstate(all="ignore"):  # as compiled code does
            return function(*views)

    return run


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

"""How and when kernels are compiled, and how their work is spread over threads.

A kernel is a plain function with a mark. Where there is little work, Python runs it as it is,
because loading a compiler takes longer than many calls. For more work, `compile_kernel` translates
the same source, with all kernels that it calls, to machine code by LLVM (`_program`), and keeps it
on disk.

Compiled kernels release the interpreter's lock, so plain threads run them on slices of the rows.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from cpecgeo.errors import CpecgeoWarning, InputError, warn

__all__ = [
    "Kernel",
    "always_compile",
    "choose",
    "compile_kernel",
    "kernel",
    "plain",
    "spread",
    "threads",
]

Kernel = Callable[..., Any]
_K = TypeVar("_K", bound=Kernel)

# Most slices of the rows: enough for slow slices not to hold up the others.
_SLICES = 2_000
_MARK = "compiles_with"
_DIGEST = 32  # bytes ahead of machine code on disk
# Steps that Python takes itself before compiled code is loaded: some 0.1 s of work.
_PLAIN_STEPS = 20_000
_ONE_AT_A_TIME = threading.RLock()


def kernel(signature: str = "", *, inline: bool = False) -> Callable[[_K], _K]:
    """Mark a function as a kernel.

    Parameters
    ----------
    signature : str
        A word for each parameter, see `_program`; needed for kernels that Python calls. Other
        kernels take their types from their callers.
    inline : bool
        Whether calls are replaced by the kernel's code.
    """

    def mark(function: _K) -> _K:
        setattr(function, _MARK, (signature, inline))
        return function

    return mark


@lru_cache(maxsize=256)
def compile_kernel(function: Kernel) -> Kernel:
    """Return a kernel as machine code, kept on disk where a folder can be written.

    Without a compiler, return the function for Python to run.
    """
    from cpecgeo.geodesy._program import parameters

    types = parameters(getattr(function, _MARK)[0])
    with _ONE_AT_A_TIME:  # only one of several threads compiles
        try:
            return _bind(function.__name__, types, _load_code(_machine_code(function, types)))
        except (ImportError, OSError, RuntimeError) as error:
            _say_slow(" ".join(str(error).split())[:120])
            return plain(function)


@lru_cache(maxsize=1)
def _say_slow(why: str) -> None:
    """Warn once that there is no compiler."""
    warn(
        f"llvmlite can't be used here ({why}): large questions are answered by Python alone, the "
        "same and some hundred times slower. Install llvmlite again, for this machine and Python.",
        CpecgeoWarning,
    )


def _machine_code(function: Kernel, types: list[tuple[str, int]]) -> bytes:
    """Return a kernel's machine code, from disk or compiled now."""
    import hashlib

    name = f"{function.__name__}-{_fingerprint(function.__module__)}.kernel"
    for folder in _folders():
        try:
            kept = (folder / name).read_bytes()
        except OSError:
            continue
        if kept[:_DIGEST] == hashlib.sha256(kept[_DIGEST:]).digest():
            return kept[_DIGEST:]
    code = _compile_now(function, types)
    _keep(name, hashlib.sha256(code).digest() + code)
    return code


def _keep(name: str, content: bytes) -> None:
    """Write a file into the first folder that can be written."""
    for folder in _folders():
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            _write(folder / name, content)
            return


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    import tempfile

    file = tempfile.NamedTemporaryFile(dir=path.parent, delete=False)  # noqa: SIM115 - moved
    part = Path(file.name)
    try:
        with file:
            file.write(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _folders() -> list[Path]:
    """Return where machine code may be kept: beside Python's own bytecode, else the user's cache.

    ``CPECGEO_KERNELS``, where set, names the only folder.
    """
    from importlib.util import cache_from_source

    from platformdirs import user_cache_path

    chosen = os.environ.get("CPECGEO_KERNELS")
    if chosen:
        return [Path(chosen)]
    folders = [Path(cache_from_source(__file__)).parent]
    try:
        folders.append(user_cache_path("cpecgeo") / "kernels")
    except RuntimeError:  # nobody's home
        return folders
    return folders


@lru_cache(maxsize=8)
def _fingerprint(module: str) -> str:
    """Return a fingerprint of all kernels, the compiler, and the processor."""
    import hashlib

    import llvmlite
    import llvmlite.binding as llvm

    own = sorted(Path(__file__).parent.glob("*.py"))
    if module.rpartition(".")[0] != __package__:
        own.append(Path(str(sys.modules[module].__file__)))
    facts = (llvmlite.__version__, llvm.llvm_version_info, *_processor())
    parts = [repr(facts).encode(), *(path.read_bytes() for path in own)]
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]


def _processor() -> tuple[str, str, str]:
    """Return the architecture, the processor's name, and its features."""
    import llvmlite.binding as llvm

    try:
        features = llvm.get_host_cpu_features().flatten()
    except RuntimeError:  # LLVM doesn't know how to ask
        features = ""
    return llvm.get_process_triple(), llvm.get_host_cpu_name(), features


def _machine() -> Any:
    """Return LLVM's description of this machine."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    triple, cpu, features = _processor()
    target = llvm.Target.from_triple(triple)
    return target.create_target_machine(cpu=cpu, features=features, opt=3, jit=True)


def _compile_now(function: Kernel, types: list[tuple[str, int]]) -> bytes:
    """Compile a kernel to machine code."""
    from cpecgeo.geodesy._program import Program

    return _emit_code(Program(function, types, _attributes).text, _machine())


def _emit_code(text: str, machine: Any) -> bytes:
    """Compile a program for a machine."""
    import llvmlite.binding as llvm

    module = llvm.parse_assembly(text)
    module.triple, module.data_layout = machine.triple, str(machine.target_data)
    tuning = llvm.create_pipeline_tuning_options(speed_level=3)
    tuning.loop_vectorization = True
    builder = llvm.create_pass_builder(machine, tuning)
    builder.getModulePassManager().run(module, builder)
    code: bytes = machine.emit_object(module)
    return code


def _attributes(function: Kernel) -> str:
    """Return LLVM's attributes of a kernel."""
    return "alwaysinline" if getattr(function, _MARK)[1] else ""


def _load_code(code: bytes) -> Any:
    """Load machine code; return its owner and its address."""
    import llvmlite.binding as llvm

    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return engine, engine.get_function_address("kernel")


def _bind(name: str, types: list[tuple[str, int]], loaded: Any) -> Kernel:
    """Return a function that calls machine code on Python's values, without holding the lock."""
    import ctypes
    import struct

    engine, address = loaded
    run = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_char_p)(address)
    words = [("q" * (1 + n) if n else "d" if item == "f8" else "q") for item, n in types]
    pack = struct.Struct("=" + "".join(words)).pack
    expected = [(np.dtype(item.replace("b1", "?")), n) for item, n in types]

    def call(*values: Any) -> int:
        flat: list[Any] = []
        for value, (dtype, dimensions) in zip(values, expected, strict=True):
            if not dimensions:
                flat.append(value)
                continue
            if value.dtype != dtype or value.ndim != dimensions or not value.flags.c_contiguous:
                raise TypeError(f"{name}: {value.dtype} of {value.ndim} dimensions")
            flat.append(value.__array_interface__["data"][0])
            flat += value.shape
        result: int = run(pack(*flat))
        return result

    call.engine = engine  # type: ignore[attr-defined] # which lives as long
    return call


class _Patience:
    """The number of steps left for Python in this process before kernels are compiled."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def take(self, steps: int) -> bool:
        """Use up some steps; return False when none are left."""
        self.left -= steps
        return self.left >= 0


_PATIENCE = _Patience(_PLAIN_STEPS)


def always_compile() -> None:
    """Run every kernel compiled from now on, in this process.

    Python and compiled code differ by rounding, so the output of a run over many batches would
    otherwise depend on what the process had measured before.
    """
    _PATIENCE.left = 0


def choose(function: Kernel, steps: int, many: Kernel | None = None) -> Kernel:
    """Return a kernel for some work: the plain function while that is quicker, else compiled.

    Parameters
    ----------
    function : kernel
    steps : int
        About how many distances from a point to a segment are measured.
    many : kernel, optional
        Compiled in place of `function`: it does the same with more preparation.

    Returns
    -------
    callable
        Plain and compiled agree to the rounding of earth-centred coordinates, a nanometre.
    """
    return plain(function) if _PATIENCE.take(steps) else compile_kernel(many or function)


def plain(function: Kernel) -> Kernel:
    """Return a kernel for Python to run on memory views, whose items are quicker than numpy's."""

    def run(*values: Any) -> Any:
        views = (v.data if isinstance(v, np.ndarray) else v for v in values)
        with np.errstate(all="ignore"):  # like compiled code
            return function(*views)

    return run


def threads() -> int:
    """Return how many processors this process may use; CPECGEO_THREADS lowers it.

    Raises
    ------
    InputError
        CPECGEO_THREADS is no whole number.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    stated = os.environ.get("CPECGEO_THREADS", "")
    try:
        most = int(stated or "1024")
    except ValueError:
        raise InputError(
            f"The environment variable CPECGEO_THREADS is {stated!r}; give a whole number of "
            "threads, such as 2."
        ) from None
    return max(1, min(allowed or 1, most))


def spread(work: Callable[[int, int], Any], rows: int, *, least: int = 2_000) -> None:
    """Call `work(first, last)` on slices of `rows`, on as many threads as are worth it.

    A search may prefer, of equally near targets, the one found for the point before. The slices
    therefore don't depend on the number of processors, and neither does the answer.
    """
    size = max(least, rows // _SLICES)
    slices = list(pairwise([*range(0, rows, size), rows]))
    others, waiting = min(threads(), len(slices)) - 1, iter(slices)

    def run() -> None:
        for first, last in waiting:  # each thread takes the next slice that is left
            work(first, last)

    if others <= 0:
        run()
        return
    with ThreadPoolExecutor(others) as pool:
        jobs = [pool.submit(run) for _ in range(others)]
        run()
        for job in jobs:
            job.result()
